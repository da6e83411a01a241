"""One file of a run, looked at as far as that goes: bytes, shape, keys, and what its rows say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fluctua.ensembles.checked import Fault
from fluctua.ensembles.columns import first_law_of, tables_of
from fluctua.ensembles.content import Content
from fluctua.ensembles.disk import Disk
from fluctua.ensembles.parts import Part
from fluctua.ensembles.reading import UNREADABLE, check_bytes
from fluctua.ensembles.rows import BATCH, Layout
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.errors import Damaged, shown

ELSEWHERE = "move it elsewhere"


@dataclass
class Found:
    """What a file says.

    Attributes
    ----------
    faults : list of Fault
        What is wrong with it.
    status : dict of int to int
        How many trajectories have each status; of `parts/` alone.
    residual : float or None, energy
        Largest violation of the first law among those with status 0; None where that is no test.
    content : str or None
        The digest of its values; None where they could not be read.
    jumps : int or None
        How many a file of jumps lists, or how many rows of `parts/` count of the trajectories listed there;
        None where one of those failed.
    """

    faults: list[Fault] = field(default_factory=list)
    status: dict[int, int] = field(default_factory=dict)
    residual: float | None = None
    content: str | None = None
    jumps: int | None = None


class Law:
    """What the files of a run must look like, as its spec has it.

    Parameters
    ----------
    spec : EnsembleSpec
        Of the run; its number of trajectories does not count.
    chunk : int
        Trajectories of a chunk.
    """

    def __init__(self, spec: EnsembleSpec, chunk: int) -> None:
        self.chunk, self.layout = chunk, Layout(spec, chunk)
        self.tables, self.balance = list(tables_of(spec)), first_law_of(spec)
        schedule = spec.schedule
        times = np.arange(0, schedule.steps + 1, spec.path_every) * (schedule.time_step or 0.0)
        self.duration = schedule.duration * (1.0 + 1e-12)  # times add up with rounding
        self._inner: dict[str, dict[str, Any]] = {
            "parts": {},
            "strokes": {"cycle": np.asarray(schedule.cycle, np.int32), "stroke": list(schedule.names)},
            "paths": {"time": times},
            "jumps": {},
        }

    def keeps(self, table: str, part: Part) -> bool:
        """Tell whether a table has rows of a chunk."""
        return table in self.tables and len(self.layout.trajectories(table, part)) > 0

    def listed(self, part: Part) -> int:
        """Give the number of trajectories of a chunk whose jumps are listed."""
        return len(self.layout.trajectories("jumps", part)) if "jumps" in self.tables else 0

    def keys(self, table: str, part: Part) -> Keys:
        """Give the keys that a file must have."""
        trajectories = self.layout.trajectories(table, part)
        if table == "jumps":
            return Jumps(trajectories, self.duration)
        return Keys(trajectories, self._inner[table])


class Keys:
    """The keys of a file: row k is of trajectory ``first + k // each``, and in it number ``k % each``.

    Parameters
    ----------
    trajectories : range
        Which.
    inner : dict of str to values
        Further key columns, as they repeat with every trajectory.
    """

    def __init__(self, trajectories: range, inner: dict[str, Any]) -> None:
        self.first, self.trajectories = trajectories.start, len(trajectories)
        self.inner = {name: pa.array(values) for name, values in inner.items()}
        self.each = len(next(iter(self.inner.values()), [None]))

    @property
    def names(self) -> list[str]:
        """Name the columns."""
        return ["trajectory", *self.inner]

    def hold(self, batch: pa.RecordBatch, before: int) -> bool:
        """Tell whether rows from number `before` on have the right keys."""
        row = np.arange(before, before + batch.num_rows)
        if not np.array_equal(batch["trajectory"], self.first + row // self.each):
            return False
        return all(self._right(batch, name, row).all() for name in self.inner)

    def _right(self, rows: pa.RecordBatch | pa.Table, name: str, row: NDArray[np.int64]) -> NDArray[Any]:
        wanted = self.inner[name].take(pa.array(row % self.each))
        right: NDArray[Any] = pc.fill_null(pc.equal(rows[name], wanted), False).to_numpy(zero_copy_only=False)
        return right

    def faults(self, table: pa.Table) -> Iterator[str]:
        """Say what is wrong with the keys of a whole file; `table` has the key columns."""
        numbers, counts = np.unique(table["trajectory"].to_numpy(), return_counts=True)
        ours = (numbers >= self.first) & (numbers < self.first + self.trajectories)
        there = np.zeros(self.trajectories, np.int64)
        there[numbers[ours] - self.first] = counts[ours]
        every = np.arange(self.first, self.first + self.trajectories)
        more, fewer = ("there more than once", "missing")
        if self.each > 1:
            more, fewer = f"with more than {self.each} rows", f"with fewer than {self.each} rows"
        told = {
            "of another chunk": numbers[~ours],
            more: every[there > self.each],
            fewer: every[there < self.each],
        }
        said = [f"{what}: {_named(found)}" for what, found in told.items() if found.size]
        yield from said or self._misplaced(table)

    def _misplaced(self, table: pa.Table) -> Iterator[str]:
        """Find rows that are all there, with other keys or in another order."""
        row = np.arange(table.num_rows)
        if not np.array_equal(table["trajectory"], self.first + row // self.each):
            yield "the rows are not in the order of trajectories"
            return
        for name in self.inner:
            wrong = np.flatnonzero(~self._right(table, name, row))
            if wrong.size:
                yield f"another {name} in {wrong.size:,} rows, first row {wrong[0]:,}"


class Jumps(Keys):
    """The keys of a file of jumps: trajectories ascend, and in each of them times do, up to the end.

    Parameters
    ----------
    trajectories : range
        Which; some may have no jump.
    duration : float, time
        Of each.
    """

    def __init__(self, trajectories: range, duration: float) -> None:
        super().__init__(trajectories, {})
        self.duration = duration
        self._last = (trajectories.start, 0.0)

    @property
    def names(self) -> list[str]:
        """Name the columns."""
        return ["trajectory", "time"]

    def hold(self, batch: pa.RecordBatch, _before: int) -> bool:
        """Tell whether the next rows go on in order."""
        number = np.concatenate([[self._last[0]], batch["trajectory"].to_numpy()])
        time = np.concatenate([[self._last[1]], batch["time"].to_numpy()])
        self._last = int(number[-1]), float(time[-1])
        later = (np.diff(number) > 0) | ((np.diff(number) == 0) & (np.diff(time) >= 0.0))
        ours = (number >= self.first) & (number < self.first + self.trajectories)
        return bool(later.all() and ours.all() and (time >= 0.0).all() and (time <= self.duration).all())

    def faults(self, _table: pa.Table) -> Iterator[str]:
        """Say that something is out of order: where there may be any number of rows no more can be said."""
        yield "jumps are not in the order of trajectories and times, or beyond them"


def _named(trajectories: NDArray[Any]) -> str:
    if trajectories.size == 1:
        return f"trajectory {trajectories[0]:,}"
    return f"{trajectories.size:,} trajectories, first {trajectories[0]:,}"


# ---- looking


def look_at(folder: Path, table: str, part: Part, law: Law | None, disk: Disk) -> Found:
    """Look at a file; without a law at its bytes alone.

    Raises
    ------
    FileNotFoundError
        It is gone.
    """
    found = Found()
    path = folder / table / part.name
    try:
        if law is None:
            check_bytes(path, part, disk)
        elif not law.keeps(table, part):
            what = "a file of a table that its chunk does not have"
            found.faults.append(Fault(what, str(path), ELSEWHERE))
        else:
            file = law.layout.open(folder, table, part, disk)
            _look_inside(file, path, table, law, part, found)
    except Damaged as error:
        found.faults.append(Fault.of(error))
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        found.faults.append(Fault("the file cannot be read", str(path), " ".join(str(error).split())[:120]))
    return found


def _look_inside(file: pq.ParquetFile, path: Path, table: str, law: Law, part: Part, found: Found) -> None:
    """Decode all of it, a batch at a time: this compares the checksums of its pages."""
    keys, rows = law.keys(table, part), Rows(law.listed(part), law.balance)
    content, ordered = Content(file.schema_arrow), True
    for batch in file.iter_batches(BATCH):
        ordered = ordered and keys.hold(batch, content.rows)
        content.add(batch)
        if table == "parts":
            rows.add(batch)
    said = [] if ordered else list(keys.faults(file.read(keys.names)))
    if table == "parts":
        said += rows.faults((file.schema_arrow.metadata or {}).get(b"failed", b"0").decode(errors="replace"))
    found.faults += [Fault(what, str(path), ELSEWHERE) for what in said]
    found.status, found.residual, found.content = rows.status, rows.residual, content.hexdigest()
    found.jumps = rows.jumps if table == "parts" else content.rows


class Rows:
    """What the rows of `parts/` say of themselves: how many failed, and how well the first law holds.

    Parameters
    ----------
    listed : int
        Of so many, the first ones, `jumps/` lists the jumps that they count.
    balance : tuple of str
        Columns of the first law: an energy change, then what it is the sum of; none where it is no test.
    """

    def __init__(self, listed: int, balance: tuple[str, ...]) -> None:
        self.status: dict[int, int] = {}
        self.balance = balance
        self.residual = 0.0 if balance else None
        self.jumps: int | None = 0
        self._listed = listed
        self._false = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the next rows."""
        status = batch["status"].to_numpy()
        for code, count in zip(*np.unique(status, return_counts=True), strict=True):
            self.status[int(code)] = self.status.get(int(code), 0) + int(count)
        sound = status == 0
        self._count(batch, sound)
        finite = np.ones(batch.num_rows, bool)
        for column in batch.columns:
            if pa.types.is_floating(column.type):
                finite &= np.isfinite(column.fill_null(0.0).to_numpy(zero_copy_only=False))
        self._false += int(np.count_nonzero(sound & ~finite))
        if self.residual is not None:
            change, *sources = (batch[name].to_numpy()[sound & finite] for name in self.balance)
            self.residual = float(np.abs(change - sum(sources)).max(initial=self.residual))

    def _count(self, batch: pa.RecordBatch, sound: NDArray[np.bool_]) -> None:
        first = sound[: self._listed]
        self._listed -= first.size
        if first.size and self.jumps is not None:
            counted = batch["activity"].to_numpy()[: first.size]
            self.jumps = self.jumps + int(counted.sum()) if first.all() else None

    def faults(self, stated: str) -> Iterator[str]:
        """Say where they contradict themselves, or the number of failures that the footer states."""
        failed = sum(count for code, count in self.status.items() if code != 0)
        if self._false:
            yield f"status 0 in {self._false:,} rows with a number that is not finite"
        if str(failed) != stated:
            yield f"{failed:,} failed trajectories, where its footer says {shown(stated)}"
