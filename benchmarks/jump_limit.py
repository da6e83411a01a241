"""Build `jumps.cpp` and call it: the hardware limit of jumps."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import jump_jobs
import limit
import numpy as np

from fluctua.stochastic import streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    import fluctua as fl

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

#: Vectors of trajectories at once; for levels also candidates between two looks at who is over.
QUBIT_BLOCKS = (2, 3, 4)
LEVEL_BLOCKS = ((2, 1), (4, 1), (4, 4), (8, 4))
LEVELS = 8
ROW = np.dtype([("wait", "f8"), ("chance", "f8"), ("target", "i8", 2), ("gain", "i8", 2)])
_ACTIVITY_BITS, _PARTICLE_BITS = 24, 20
_STREAM = (
    ctypes.c_uint32(jump_jobs.SEED % 2**32),
    ctypes.c_uint32(jump_jobs.SEED >> 32),
    ctypes.c_uint64(int(streams.tag("jumps", "forward"))),
)


@cache
def library() -> Any:
    """Compile for this processor; None where there is no g++."""
    # Trajectory by trajectory the same jumps as ours: no fast-math, which would move what a threshold meets.
    return limit.compiled("jumps.cpp", ["-mprefer-vector-width=512", "-ffp-contract=off"])


class Qubit:
    """The driven qubit by brute force: every step tested."""

    def __init__(self, time_step: float = jump_jobs.TIME_STEP) -> None:
        self.time_step = time_step
        self.moves, self.baths = jump_jobs.qubit_tables(time_step)

    def run(self, start: Floats, block: int, *, exact: bool = True, first: int = 0) -> dict[str, Floats]:
        """Carry wave functions (4, N), real parts over imaginary parts, to the end; give their columns."""
        count = start.shape[1]
        out = np.empty((8, count))
        done = library().run_qubit(
            block,
            int(exact),
            ctypes.c_uint64(first),
            ctypes.c_int64(count),
            ctypes.c_int64(len(self.moves)),
            ctypes.c_double(self.time_step),
            limit.pointer(self.moves),
            limit.pointer(self.baths),
            *_STREAM,
            limit.pointer(start),
            limit.pointer(out),
        )
        if not done:
            raise ValueError(f"no kernel for blocks of {block}")
        names = ("activity", "heat", "entropy_flow", "log_ratio")
        return {"amplitudes": out[:4], **dict(zip(names, out[4:], strict=True))}


class Levels:
    """Levels with two channels out of each, at constant rates."""

    def __init__(self, spec: fl.EnsembleSpec) -> None:
        self.duration = spec.schedule.duration
        self.rows = np.zeros(LEVELS, ROW)
        for row, channels in zip(self.rows, jump_jobs.channels(spec), strict=False):
            rate = np.array(channels["rate"])
            row["wait"], row["chance"] = 1.0 / rate.sum(), rate[0] / rate.sum()
            row["target"] = channels["target"]
            shift = _ACTIVITY_BITS + _PARTICLE_BITS * np.array(channels["bath"])
            row["gain"] = 1 + np.array(channels["particles"]) * 2**shift

    def run(self, start: Integers, block: tuple[int, int], first: int = 0) -> dict[str, Integers]:
        """Carry trajectories on from the levels `start`, shape (N,); give their columns."""
        count = len(start)
        out = np.empty((2, count), np.int64)
        done = library().run_levels(
            *block,
            ctypes.c_uint64(first),
            ctypes.c_int64(count),
            ctypes.c_double(self.duration),
            limit.pointer(self.rows),
            *_STREAM,
            limit.pointer(start),
            limit.pointer(out),
        )
        if not done:
            raise ValueError(f"no kernel for {block}")
        return _unpacked(out[0]) | {"state_final": out[1]}


def _unpacked(packed: Integers) -> dict[str, Integers]:
    """Take the three counts out of one number; a negative count borrows from the one above it."""
    activity = packed & (2**_ACTIVITY_BITS - 1)
    particles = packed >> _ACTIVITY_BITS
    half = 2 ** (_PARTICLE_BITS - 1)
    left = (particles + half) % (2 * half) - half
    return {
        "activity": activity,
        "particles_left": left,
        "particles_right": (particles - left) >> _PARTICLE_BITS,
    }
