"""Run the kernel of constant rates, stroke by stroke."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic import compiling
from fluctua.stochastic.status import Status

if TYPE_CHECKING:
    from fluctua.stochastic.markov.layout import Layout
    from fluctua.stochastic.markov.tables import Tables

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

KERNELS = Path(__file__).parents[1] / "kernels"
_PARTS = ["draw", "choose", "dwell", "move", "unpack", "book"]
_F, _U = "float64[::1]", "uint64[::1]"
_SIGNATURE = (
    f"(int64, int64, float64, {_F}, {_F}, {_U}, float64[:, ::1], {_F}, {', '.join(['uint64'] * 5)},"
    f" {_U}, {_U}, uint8[::1], float64[:, ::1], {', '.join([_F] * 4 + [_U] * 9)})"
)


def compiled() -> Any:
    """Compile the kernel, or load it from the cache."""
    module = compiling.kernel_module(KERNELS / "gillespie.py", ["stroke"], _PARTS)
    compiling.compile_kernel(module.stroke, _SIGNATURE)
    return module


def room(layout: Layout) -> tuple[NDArray[Any], ...]:
    """Make the rows that a thread works in, 64-byte aligned: a load across a cache line costs two."""
    from fluctua.stochastic.kernels.gillespie import P

    numbers = (1, 1, 1, layout.integrals)
    whole = (2, 1, 1, 1, 1, 1, (layout.channels + 15) // 16, layout.channels, layout.channels)
    return (
        *(_aligned(rows * P) for rows in numbers),
        *(_aligned(rows * P).view(np.uint64) for rows in whole),
    )


def _aligned(count: int) -> Floats:
    raw = np.zeros(count + 8)
    shift = (-raw.ctypes.data % 64) // 8
    return raw[shift : shift + count]


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
            chances = tables.chances[kind]
            kernel.stroke(
                first,
                count,
                tables.durations[kind],
                *chances,
                np.uint64(most + m + 1),  # each stroke before has drawn one that did not happen
                *stream,
                levels,
                calls,
                status,
                rows,
                *room,
            )
        if keep_strokes:
            strokes[m], ends[m] = rows, levels
    status[rows[layout.activity] > most] = Status.TOO_MANY_JUMPS
    return rows, strokes, ends if keep_strokes else levels.astype(np.int64)[None, :], status
