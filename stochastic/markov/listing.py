r"""List the jumps of a few trajectories at constant rates, without a kernel to compile.

All trajectories take a candidate each turn, with the random numbers and the sums of `kernels/gillespie.py`.
Machine code fuses product and sum where its text says so, and so must this:

    fma(a, b, c) = RN(a b + c)

from the exact sum of three numbers, the small ones rounded to odd (Boldo, Melquiond, IEEE Trans. Comput. 57,
462, 2008, algorithm 5). So the jumps are those of the kernels, to the bit.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.kernels import noise
from fluctua.stochastic.twins import from_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.markov.tables import Tables

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

MOST_TURNS = (
    400  # candidates of one trajectory; with more, or with more jumps, a kernel is worth its compiling
)
MOST_LISTED = 200_000

_SPLITTER = 134217729.0  # 2**27 + 1
_LOW, _HALF, _TAG_LENGTH, _ONE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(4), np.uint64(1)


def listed(
    tables: Tables,
    first: int,
    state: Whole,
    stream: tuple[np.uint64, np.uint64, np.uint64],
    offsets: Whole,
) -> tuple[Floats, Whole]:
    """List when each jump happens, and its channel and level, of trajectories first, first + 1, ...

    Parameters
    ----------
    tables : Tables
        With rates that never move.
    state : (N,) array
        Levels at the start.
    stream : key and tag of the random numbers
    offsets : (N + 1,) array
        Where the jumps of each go, and the last end; no more are listed.
    """
    times, jumped = np.empty(offsets[-1]), np.empty((offsets[-1], 2), np.int64)
    level, place = state.copy(), offsets[:-1].copy()
    trajectories = (first + np.arange(len(state))).astype(np.uint64)
    calls = np.zeros(len(state), np.uint64)
    for kind, border in zip(tables.kinds, tables.borders, strict=False):
        if not tables.stirred[kind]:
            continue
        waits, chances, outcomes, _, stays, places = tables.chances[kind]
        levels = stays.shape[1]
        chances = chances[: (int(places) - 1) * levels].reshape(-1, levels)
        time, here = np.zeros(len(state)), np.arange(len(state))
        while here.size:
            e, v = _drawn(trajectories[here], calls[here], stream)
            calls[here] += _ONE
            reached = fused(e, waits[level[here]], time[here])
            passed = (v >= chances[:, level[here]]).sum(axis=0)
            happens = (reached < tables.durations[kind]) & (place[here] < offsets[here + 1])
            here, reached = here[happens], reached[happens]
            outcome = outcomes[level[here] + passed[happens] * levels]
            level[here], time[here] = (outcome & _LOW).astype(np.int64), reached
            times[place[here]] = border + reached
            jumped[place[here], 0] = (outcome >> _HALF).astype(np.int64)
            jumped[place[here], 1] = level[here]
            place[here] += 1
    return times, jumped


def _drawn(
    trajectories: NDArray[np.uint64],
    calls: NDArray[np.uint64],
    stream: tuple[np.uint64, np.uint64, np.uint64],
) -> tuple[Floats, Floats]:
    """Give the exponential number of each call and the uniform one from [0, 1)."""
    key0, key1, tag = stream
    x3 = ((calls >> _HALF) << _TAG_LENGTH) | tag
    words = noise.philox(trajectories & _LOW, trajectories >> _HALF, calls & _LOW, x3, key0, key1)
    a, b, c, d = words
    choice = from_bits((((c << _HALF) | d) >> noise.UNIFORM_SHIFT) | noise.ONE_BITS) - 1.0
    return -_log_of_uniform(noise.uniform((a << _HALF) | b)), choice


def fused(a: Any, b: Any, c: Any) -> Any:
    """Give a b + c, rounded once; of numbers neither huge nor tiny, but for infinite ones."""
    with np.errstate(invalid="ignore", over="ignore"):
        high, low = _product(a, b)
        above, below = _sum(c, low)
        top, rest = _sum(high, above)
        found = top + _sum_to_odd(below, rest)
        return np.where(np.isfinite(high), found, a * b + c)


_log_of_uniform = FunctionType(noise.log_of_uniform.__code__, vars(noise) | {"fma": fused})


def _sum(a: Any, b: Any) -> tuple[Any, Any]:
    """Give the rounded sum and what it lacks (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _product(a: Any, b: Any) -> tuple[Any, Any]:
    """Give the rounded product and what it lacks (Dekker)."""
    (a1, a2), (b1, b2) = _split(a), _split(b)
    found = a * b
    return found, a2 * b2 - (((found - a1 * b1) - a2 * b1) - a1 * b2)


def _split(a: Any) -> tuple[Any, Any]:
    """Cut a number into two of 26 digits."""
    scaled = _SPLITTER * a
    upper = scaled - (scaled - a)
    return upper, a - upper


def _sum_to_odd(a: Any, b: Any) -> Any:
    """Give the sum; of its two neighbours, where it is none of them, the one whose last digit is odd."""
    total, lacks = _sum(a, b)
    bits = np.asarray(total, np.float64).view(np.int64)
    step = np.where((lacks > 0.0) == (total > 0.0), 1, -1)
    return (bits + np.where((lacks != 0.0) & (bits % 2 == 0), step, 0)).view(np.float64)
