"""Random numbers as a function of seed, direction, purpose, trajectory and number: no state, no order.

The numbers themselves are made by `kernels.noise` (Philox4x32-10, Box-Muller), inside a simulation kernel or
here, for what is drawn once a trajectory. A trajectory's numbers are the same in any block, thread, process
and machine.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fluctua.stochastic.errors import InvalidInput

PURPOSES = {
    "noise": 0,
    "initial": 1,
    "burn-in": 2,
    "relaxation": 3,
    "samples": 4,
    "jumps": 5,
    "measurement": 6,
}
DIRECTIONS = {"forward": 0, "reverse": 1}

LANES = 128
MANY = 2048  # trajectories for which compiled uniforms pay for being compiled
FEW = 16  # borders that are sooner compared one by one than searched
_SIGNATURE = "(float64[::1], uint64[::1], int64, int64, int64, uint64, uint64, uint64)"
_UNIFORMS = "(float64[:, ::1], uint64, uint64, uint64, uint64)"

Floats = npt.NDArray[np.float64]


def key(seed: int) -> tuple[np.uint64, np.uint64]:
    """Split a seed into the two 32-bit words of a key.

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1.

    Raises
    ------
    InvalidInput
        If it is anything else: two seeds must never share a stream.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise InvalidInput(f"{seed} is not a seed", "seed", "give a whole number from 0 to 2**64 - 1")
    return np.uint64(seed % 2**32), np.uint64(seed >> 32)


def tag(purpose: str, direction: str) -> np.uint64:
    """Give the number, below 16, that keeps streams of different purpose and direction apart."""
    return np.uint64(PURPOSES[purpose] << 1 | DIRECTIONS[direction])


def draw_uniforms(seed: int, direction: str, purpose: str, first: int, count: int, draws: int) -> Floats:
    """Draw independent uniforms, odd multiples of 2**-53 in (0, 1), as `draw_normals` draws normals.

    Two uniforms and two normals of one call are made of the same bits: take numbers 2c and 2c + 1 of a
    purpose either as uniforms or as normals, never as both.
    """
    if count >= MANY:
        result = np.empty((draws, count))
        _compiled_uniforms()(result, np.uint64(first), *key(seed), tag(purpose, direction))
        return result
    from fluctua.stochastic.kernels.noise import HALF, LOW_HALF, philox, uniform

    trajectory = np.arange(first, first + count, dtype=np.uint64)
    result = np.empty((draws, count))
    for call in range((draws + 1) // 2):
        counter = _counter(call, tag(purpose, direction))
        w0, w1, w2, w3 = philox(trajectory & LOW_HALF, trajectory >> HALF, *counter, *key(seed))
        result[2 * call] = uniform((w0 << HALF) | w1)
        if 2 * call + 1 < draws:
            result[2 * call + 1] = uniform((w2 << HALF) | w3)
    return result


def draw_normals(seed: int, direction: str, purpose: str, first: int, count: int, draws: int) -> Floats:
    """Draw independent normals of mean 0 and variance 1.

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1.
    direction : {"forward", "reverse"}
        Of the run.
    purpose : str
        One of `PURPOSES`.
    first, count : int
        The trajectories first, first + 1, ..., first + count - 1.
    draws : int
        Numbers for each trajectory.

    Returns
    -------
    ndarray of float, (draws, count)
        Row k holds number k of each trajectory, whatever `draws` is.
    """
    fill, pitch = _compiled()
    calls = (draws + 1) // 2
    block = np.empty(2 * calls * pitch)
    scratch = np.empty(2 * pitch, dtype=np.uint64)
    result = np.empty((draws, count))
    for start in range(0, count, LANES):
        fill(block, scratch, calls, first + start, 0, *key(seed), tag(purpose, direction))
        width = min(LANES, count - start)
        result[:, start : start + width] = block.reshape(2 * calls, pitch)[:draws, :width]
    return result


def choose(borders: Floats, places: Floats) -> npt.NDArray[np.int64]:
    """Count for each place the ascending borders that it has reached, shape (count,).

    A few borders are compared one by one, which has no branches for a processor to mispredict.
    """
    if len(borders) > FEW:
        return np.searchsorted(borders, places, side="right").astype(np.int64)
    chosen = np.zeros(len(places), np.int64)
    for border in borders:
        chosen += border <= places
    return chosen


def _counter(call: int, tag_: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Give the counter words that hold a call number and a tag."""
    return np.uint64(call % 2**32), np.uint64(call >> 32 << 4 | int(tag_))


@cache
def _compiled() -> tuple[Any, int]:
    """Give the compiled kernel of normals and the pitch of its rows."""
    from fluctua.stochastic.compiling import compile_kernel, noise_module

    module = noise_module(LANES)
    compile_kernel(module.normals, _SIGNATURE)
    return module.normals, module.P


@cache
def _compiled_uniforms() -> Any:
    """Give the compiled kernel of uniforms."""
    from fluctua.stochastic.compiling import compile_kernel, kernel_module

    fill = kernel_module(Path(__file__).parent / "kernels" / "uniforms.py", ["fill"]).fill
    compile_kernel(fill, _UNIFORMS)
    return fill
