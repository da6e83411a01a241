"""Run the kernel of integrated hazards, for the ledger, or for paths and jumps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic import compiling

if TYPE_CHECKING:
    from fluctua.stochastic.markov.tables import Tables

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Traced = tuple[Whole, Floats, Whole]  # stroke and interval of samples, places in it, where jumps go

NO_SAMPLES = (np.zeros((0, 2), np.int64), np.zeros(0))
KERNELS = Path(__file__).parents[1] / "kernels"
_I, _F, _U = "int64[::1]", "float64[::1]", "uint64"
_SIGNATURE = (
    f"(int64, int64, {_I}, {_F}, {_I}, {_I}, {_I}, {_F}, {_F}, {_I}, {_F}, {_F}, {_F}, {_F},"
    f" float64[:, :, ::1], float64[:, :, ::1], float64[:, ::1], {_I}, int64[:, ::1], {_I}, {_U}, {_U}, {_U},"
    f" {_I}, uint8[::1], float64[:, ::1], float64[:, :, ::1], int64[:, ::1], int64[:, ::1], {_F},"
    f" float64[:, :, ::1], {_F}, {_I}, {_F}, int64[:, ::1], {_F})"
)


def compiled() -> Any:
    """Compile the kernel, or load it from the cache."""
    simulate = compiling.kernel_module(KERNELS / "hazard.py", ["simulate"]).simulate
    compiling.compile_kernel(simulate, _SIGNATURE)
    return simulate


def simulate(
    kernel: Any,
    tables: Tables,
    first: int,
    state: Whole,
    stream: tuple[np.uint64, np.uint64, np.uint64],
    most: int,
    keep_strokes: bool,
    traced: Traced | None,
) -> Any:
    """Carry trajectories first, first + 1, ... from the levels `state` through all strokes.

    Returns
    -------
    rows, strokes, ends, status
        As those of `still.simulate`; or, of `traced` ones, paths and times, channels and levels of jumps.
    """
    layout, count, pieces = tables.layout, len(state), tables.pieces
    states, status = state.copy(), np.zeros(count, np.uint8)
    out = np.empty((layout.rows, count))
    strokes = np.empty((len(tables.kinds) if keep_strokes else 0, layout.rows, count))
    ends = np.empty((strokes.shape[0], count), np.int64)
    whose, places, offsets = traced or (*NO_SAMPLES, np.zeros(count + 1, np.int64))
    paths = np.full((3, len(places), count), np.nan)
    times, jumped = np.empty(int(offsets[-1])), np.empty((int(offsets[-1]), 2), np.int64)
    kernel(
        first,
        count,
        tables.kinds,
        tables.durations,
        tables.stirred,
        tables.still,
        *pieces,
        tables.opened,
        tables.closed,
        tables.shifts,
        tables.leaving,
        tables.exits,
        np.full(count, most) if traced is None else np.diff(offsets),
        *stream,
        states,
        status,
        out,
        strokes,
        ends,
        whose,
        places,
        paths,
        tables.borders,
        offsets,
        times,
        jumped,
        np.empty(layout.channels),
    )
    if traced is not None:
        return paths, times, jumped
    return out, strokes, ends if keep_strokes else states[None, :], status
