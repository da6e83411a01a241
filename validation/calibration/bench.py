"""Run the cells of a grid, on as many processes as there are, and set what they find against the bands.

A check that falls outside its band is drawn again, once, on other random numbers: by chance it falls outside
on the same side twice in 2,000 times 1,000 runs, a fault of the verifier puts it there each time. Only what
is outside both times makes a cell red; what was outside once is told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from fluctua.validation.calibration.cells import Cell
from fluctua.validation.calibration.checks import check, monotone
from fluctua.validation.calibration.grids import Grid
from fluctua.validation.calibration.tallies import Tally

AGAIN = 1_000_003
"""Added to the seed when a cell is drawn again."""

_WORK = 250_000  # values of one task: some tenths of a second


@dataclass(frozen=True)
class Row:
    """A cell, what was found in it, and the checks that are outside their bands.

    Attributes
    ----------
    cell : Cell
        What was run.
    tally : Tally
        What was found.
    checks : int
        How many numbers were held against a band.
    outside : tuple of str
        Those that were outside once.
    red : tuple of str
        Those that were outside twice.
    """

    cell: Cell
    tally: Tally
    checks: int
    outside: tuple[str, ...] = ()
    red: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the row as plain data: rates, coverages and words, without the distributions."""
        tally = self.tally
        return {
            "cell": self.cell.name,
            "kind": self.cell.kind,
            "n": self.cell.n,
            "n_reverse": self.cell.n_reverse or self.cell.n,
            "ensembles": tally.ensembles,
            "rejected": {name: [k / p.n for k in p.rejected] for name, p in tally.tests.items()},
            "words": {
                claim: {word: count / tally.ensembles for word, count in counts.items()}
                for claim, counts in tally.words.items()
            },
            "coverage": {name: sums.within / sums.n for name, sums in tally.residuals.items()},
            "means": {name: sums.mean for name, sums in tally.numbers.items()},
            "checks": self.checks,
            "outside_once": list(self.outside),
            "red": list(self.red),
        }


@dataclass(frozen=True)
class Task:
    """Some ensembles of one cell."""

    cell: Cell
    first: int
    ensembles: int
    seed: int

    @property
    def key(self) -> str:
        """A digest of everything that the tally depends on, but for the verifier itself."""
        return hashlib.blake2b(repr(self).encode(), digest_size=12).hexdigest()

    def run(self) -> Tally:
        """Draw and judge."""
        return self.cell.tally(self.first, self.ensembles, self.seed)


def run(task: Task) -> Tally:
    """Run a task where a process needs a function."""
    return task.run()


@dataclass
class Memory:
    """Tallies of tasks that are done, in a file that a later run goes on from.

    Parameters
    ----------
    path : Path, optional
        Lines of JSON; nothing is kept where there is none.
    """

    path: Path | None = None
    done: dict[str, Tally] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what is there; the last line of an interrupted run may be torn."""
        if self.path is None or not self.path.exists():
            return
        for line in self.path.read_text().splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue
            self.done[entry["task"]] = Tally.from_dict(entry["tally"])

    def keep(self, task: Task, tally: Tally) -> None:
        """Add one tally, and a line to the file."""
        self.done[task.key] = tally
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps({"task": task.key, "tally": tally.to_dict()}) + "\n")


def run_grid(
    grid: Grid,
    *,
    processes: int = 1,
    seed: int = 0,
    path: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Run all cells and check them.

    Parameters
    ----------
    grid : Grid
        Which cells, and how many ensembles of each.
    processes : int
        How many run at once; the outcome does not depend on it.
    seed : int
        Other random numbers for another seed.
    path : Path, optional
        Where tallies are kept, so that an interrupted run goes on; for one version of the verifier.
    progress : callable, optional
        Called with the number of tasks done and of all tasks.

    Returns
    -------
    list of Row
        One a cell.
    """
    memory = Memory(path)

    def tallied(cells: Sequence[Cell], seed: int) -> list[Tally]:
        return _tallies(cells, grid.ensembles, seed, memory, processes, progress)

    tallies = tallied(grid.cells, seed)
    checked = [check(cell, tally) for cell, tally in zip(grid.cells, tallies, strict=True)]
    for cell, more in monotone(grid.cells, tallies):
        checked[grid.cells.index(cell)].append(more)
    outside = [i for i, checks in enumerate(checked) if any(not one.inside for one in checks)]

    second = dict(zip(outside, tallied([grid.cells[i] for i in outside], seed + AGAIN), strict=True))
    rows = []
    for i, (cell, tally, checks) in enumerate(zip(grid.cells, tallies, checked, strict=True)):
        once = [one for one in checks if not one.inside]
        sides = {one.name: one.side for one in check(cell, second[i])} if i in second else {}
        # What compares cells is not drawn again: both of them would have to be.
        red = [str(one) for one in once if sides.get(one.name, one.side) == one.side]
        rows.append(Row(cell, tally, len(checks), tuple(str(one) for one in once), tuple(red)))
    return rows


def _tallies(
    cells: Sequence[Cell],
    ensembles: int,
    seed: int,
    memory: Memory,
    processes: int,
    progress: Callable[[int, int], None] | None,
) -> list[Tally]:
    """Run what is not done yet, and add up the tasks of each cell in their order."""
    plan = [list(_tasks(cell, max(1, round(cell.share * ensembles)), seed)) for cell in cells]
    todo = [task for tasks in plan for task in tasks if task.key not in memory.done]
    for count, (task, tally) in enumerate(_results(todo, processes), 1):
        memory.keep(task, tally)
        if progress is not None:
            progress(count, len(todo))
    return [_total(memory.done[task.key] for task in tasks) for tasks in plan]


def _tasks(cell: Cell, ensembles: int, seed: int) -> Iterator[Task]:
    size = cell.n + (cell.n_reverse or cell.n)
    step = max(1, min(100, _WORK // size))
    for first in range(0, ensembles, step):
        yield Task(cell, first, min(step, ensembles - first), seed)


def _results(tasks: Sequence[Task], processes: int) -> Iterator[tuple[Task, Tally]]:
    if processes <= 1 or len(tasks) <= 1:
        yield from ((task, task.run()) for task in tasks)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        # The longest first: at the end no process waits for another.
        order = sorted(tasks, key=lambda task: -task.cell.n)
        running = {pool.submit(run, task): task for task in order}
        for future in as_completed(running):
            yield running[future], future.result()


def _total(tallies: Iterable[Tally]) -> Tally:
    first, *rest = tallies
    for tally in rest:
        first = first + tally
    return first
