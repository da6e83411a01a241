"""Carry trajectories through a protocol: the one door from physics to numbers.

A `Propagator` is made once per run; `run(first, count)` gives trajectories first .. first + count - 1, the
same bits for any cutting into blocks, any thread and any order.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from fluctua.stochastic.first_instant import Start
    from fluctua.stochastic.schedule import Schedule

ROOM = 2**30  # bytes of a single path, at most
PIECE = 16_384  # trajectories computed at a time: what is worked with stays in cache; changes no bit

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Block:
    """Some consecutive trajectories: columns of their ledger, and if asked for other tables.

    columns : one value a trajectory. strokes : trajectory-major, one value a trajectory and stroke; `stroke`
    counts the strokes of the schedule from 0. paths : one value a trajectory and sample. jumps : one value a
    jump, by trajectory and then by time; `channel` and `state` count the propagator's names of them.
    """

    columns: Columns
    strokes: Columns | None = None
    paths: Columns | None = None
    jumps: Columns | None = None


class Propagator(ABC):
    """Everything one run needs to make any of its trajectories.

    Attributes
    ----------
    schedule : Schedule
        As the run goes through it: reversed for a reverse run.
    start : Start
        Where trajectories start; its facts stand in the run's manifest.
    keep_strokes, paths, path_every
        Which tables it keeps: of strokes; of the first `paths` trajectories also paths, where there is a time
        step, and jumps, where there are any.
    remarks : tuple of str
        What a physicist should know before believing the numbers, each with a number.
    channel_names, state_names : tuple of str
        What `channel` and `state` count in the table of jumps.
    """

    schedule: Schedule
    start: Start
    keep_strokes: bool
    paths: int
    path_every: int
    remarks: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()
    state_names: tuple[str, ...] = ()

    @property
    def stroke_names(self) -> list[str]:
        """Names of the schedule's strokes, one a step of the protocol and cycle."""
        return list(self.schedule.names)

    @abstractmethod
    def compile(self) -> None:
        """Compile the kernel now, or load it from the cache; done by the first `run` otherwise."""

    def keeping(self, *, strokes: bool, paths: int, path_every: int) -> Self:
        """Give the same physics with other tables kept; start, tables of steps and kernel are shared."""
        self.compile()  # here, so that the two do not do it twice
        other = copy.copy(self)
        other.keep_strokes, other.paths, other.path_every = strokes, paths, path_every
        return other

    def retrace(self, trajectory: int, every: int) -> Block:
        """Give one trajectory with its path, sampled every so many time steps.

        Raises
        ------
        InvalidInput
            The path does not fit into memory; the error gives an `every` that does.
        """
        return self.keeping(strokes=False, paths=trajectory + 1, path_every=every).run(trajectory, 1)

    def run(self, first: int, count: int) -> Block:
        """Compute trajectories first .. first + count - 1. Safe to call from many threads at once."""
        sampled = min(max(self.paths - first, 0), count)
        pieces = [*_pieces(0, sampled), *_pieces(sampled, count)]
        if len(pieces) < 2:
            return self._run(first, count, sampled > 0)
        whole: dict[str, Columns] = {}
        jumps: list[Columns] = []
        for begin, size in pieces:
            block = self._run(first + begin, size, begin < sampled)
            for name, total in (("columns", count), ("strokes", count), ("paths", sampled)):
                table = getattr(block, name)
                if table is not None:
                    _place(whole.setdefault(name, {}), table, size, begin, total)
            if block.jumps is not None:
                jumps.append(block.jumps)
        return Block(
            whole["columns"],
            whole.get("strokes"),
            whole.get("paths"),
            {name: np.concatenate([one[name] for one in jumps]) for name in jumps[0]} if jumps else None,
        )

    def check_path(self, each: int, every: int) -> None:
        """Refuse a path that does not fit into memory, of so many bytes an instant."""
        steps = self.schedule.steps
        needed = each * (steps // every + 1)
        if needed > ROOM:
            fits = -(-needed * every // ROOM)
            raise InvalidInput(
                f"{steps // every + 1:,} instants of a path do not fit",
                "every",
                f"every={fits} does, and keeps {steps // fits + 1:,}",
            )

    @abstractmethod
    def _run(self, first: int, count: int, sampled: bool) -> Block:
        """Compute trajectories of which all or none are sampled."""

    def stroke_rows(self, first: int, columns: Columns) -> Columns:
        """Lay columns of shape (strokes, count) out as the table of strokes."""
        cycle = np.asarray(self.schedule.cycle, dtype=np.int32)
        return in_rows(first, {"cycle": cycle, "stroke": np.arange(len(cycle), dtype=np.int32)}, columns)


def in_rows(first: int, along: Columns, columns: Columns) -> Columns:
    """Lay columns of shape (rows, count) out as a table, trajectory after trajectory.

    Parameters
    ----------
    first : int
        The first trajectory.
    along : dict of str to (rows,) array
        What is the same for all trajectories.
    columns : dict of str to (rows, count) array
    """
    rows, count = next(iter(columns.values())).shape
    head: Columns = {"trajectory": np.repeat(np.arange(first, first + count, dtype=np.int64), rows)}
    head |= {name: np.tile(values, count) for name, values in along.items()}
    return head | {name: np.ascontiguousarray(values.T).ravel() for name, values in columns.items()}


def blank(columns: Columns, failed: NDArray[np.bool_]) -> None:
    """Blank failed trajectories: they keep their rows, and a careless mean of them is NaN; counts are -1."""
    if failed.any():
        for name, column in columns.items():
            nothing = np.nan if column.dtype.kind == "f" else column.dtype.type(-1)
            columns[name] = np.where(failed, nothing, column)


def aligned(count: int) -> NDArray[np.float64]:
    """Give so many zeros, 64-byte aligned: a load across a cache line costs two."""
    raw = np.zeros(count + 8)
    shift = (-raw.ctypes.data % 64) // 8
    return raw[shift : shift + count]


def _pieces(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut trajectories into pieces: first, and how many."""
    for first in range(begin, end, PIECE):
        yield first, min(PIECE, end - first)


def _place(whole: Columns, table: Columns, size: int, begin: int, count: int) -> None:
    """Put a table of `size` trajectories, as many rows each, behind `begin` others of `count`."""
    for name, column in table.items():
        each = len(column) // size
        if name not in whole:
            whole[name] = np.empty(count * each, column.dtype)
        whole[name][begin * each : (begin + size) * each] = column
