"""Run the kernel of constant rates, stroke by stroke."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic import compiling
from fluctua.stochastic.status import Status

if TYPE_CHECKING:
    from fluctua.stochastic.markov.tables import Tables

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

KERNELS = Path(__file__).parents[1] / "kernels"
_PARTS = ["ask", "draw", "dwell", "choose", "move", "put_down", "unpack", "book"]
_F, _FF, _U = "float64[::1]", "float64[:, ::1]", "uint64[::1]"
_SIGNATURE = (
    f"(int64, int64, float64, {_F}, {_F}, {_U}, {_FF}, {_FF}, {', '.join(['uint64'] * 5)},"
    f" {_U}, {_U}, {_FF}, {_F}, {_U}, {_F}, {_U}, {_U}, {_U})"
)


def compiled() -> Any:
    """Compile the kernel, or load it from the cache."""
    module = compiling.kernel_module(KERNELS / "gillespie.py", ["stroke"], _PARTS)
    compiling.compile_kernel(module.stroke, _SIGNATURE)
    return module


def room(tables: Tables) -> tuple[NDArray[Any], ...]:
    """Make the rows that a thread works in, and room for the tables that it looks into.

    They follow each other in memory, aligned to 64 bytes: a load across a cache line costs two. Scattered
    over memory they were slower by up to a third, by chance of where they lay.
    """
    from fluctua.stochastic.kernels.gillespie import L, P

    layout, words = tables.layout, (tables.layout.channels + 7) // 8
    entries = next(([len(table) for table in kind[:3]] for kind in tables.chances if kind), [0, 0, 0])
    lanes = (3 * L, 7 * L, layout.integrals * L, words * L)
    sizes = (*entries, *lanes, layout.channels * P, words * P)
    whole = (2, 4, 6, 7, 8)
    borders = np.concatenate([[0], np.cumsum([-(-size // 8) * 8 for size in sizes])])
    raw = np.zeros(borders[-1] + 8)
    raw = raw[-raw.ctypes.data % 64 // 8 :]
    rows = [raw[border : border + size] for border, size in zip(borders, sizes, strict=False)]
    return tuple(row.view(np.uint64) if k in whole else row for k, row in enumerate(rows))


def simulate(
    kernel: Any,
    tables: Tables,
    first: int,
    state: Whole,
    stream: tuple[np.uint64, np.uint64, np.uint64],
    most: int,
    room: tuple[NDArray[Any], ...],
    keep_strokes: bool,
) -> tuple[Floats, Floats, Whole, NDArray[np.uint8]]:
    """Carry trajectories first, first + 1, ... from the levels `state` through all strokes.

    Returns
    -------
    rows : (rows, count) array
        Of the ledger at the end.
    strokes : (M, rows, count) array
        After each stroke, if kept.
    ends : (M or 1, count) array
        Levels after each stroke, or at the end.
    status : (count,) array
    """
    count, layout = len(state), tables.layout
    levels, calls = state.astype(np.uint64), np.zeros(count, np.uint64)
    status, rows = np.zeros(count, np.uint8), np.zeros((layout.rows, count))
    number = len(tables.kinds) if keep_strokes else 0
    strokes, ends = np.empty((number, layout.rows, count)), np.empty((number, count), np.int64)
    for m, kind in enumerate(tables.kinds):
        here = levels.astype(np.int64)
        if tables.shifts[m].any():
            rows[2] += tables.shifts[m][here]
        for c in range(tables.opened.shape[2]):
            change = tables.closed[kind, :, c] - tables.opened[kind, :, c]
            row = c if c < layout.heat else layout.activity + 1 + c - layout.heat
            if change.any() and not (tables.stirred[kind] and c >= layout.heat):
                rows[row] += change[here]
        if tables.stirred[kind]:
            for place, table in zip(room, tables.chances[kind][:3], strict=False):
                place[:] = table
            kernel.stroke(
                first,
                count,
                tables.durations[kind],
                *room[:3],
                *tables.chances[kind][3:],
                np.uint64(most + m + 1),  # each stroke before has drawn one that did not happen
                *stream,
                levels,
                calls,
                rows,
                *room[3:],
            )
        if keep_strokes:
            strokes[m], ends[m] = rows, levels
    status[rows[layout.activity] > most] = Status.TOO_MANY_JUMPS
    return rows, strokes, ends if keep_strokes else levels.astype(np.int64)[None, :], status
