"""Laws of what adds up in equal steps: the step of given increments, and probabilities from their transform.

With X in steps, ``<exp(i theta X)>`` known, and nothing of weight outside N neighbouring values,

    P(n) = sum_k exp(-i theta_k n) <exp(i theta_k X)> / N,    theta_k = 2 pi k / N                         (1)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: A probability below this is not told from the rounding of the transform, even of few values.
FLOOR = 1e-13
#: Increments are multiples of a step to this, of the largest one.
_ROUNDING = 1e-12
#: Of one step; what needs more of them has none that a table could show.
_MOST_STEPS = 1000
#: How far the range of values reaches, in standard deviations and in largest increments.
_DEVIATIONS, _INCREMENTS = 12.0, 20.0
#: What a law may cost, in steps of small vectors: some 0.1 ms each, a minute or two in all.
_MOST_COST = 1e6


def common_step(amounts: Floats) -> float | None:
    """Return the largest number of which all amounts are multiples; None where there is none.

    Euclid's algorithm with remainders of either sign, down to rounding. The step of nothing is 1.
    """
    sizes = np.unique(np.abs(amounts))
    largest = float(sizes[-1]) if sizes.size else 0.0
    sizes = sizes[sizes > _ROUNDING * largest]
    step = 0.0
    for size in sizes.tolist():
        while size > _ROUNDING * largest:
            step, size = size, abs(step - size * round(step / size))
        if step * _MOST_STEPS < largest:
            return None
    if not sizes.size:
        return 1.0
    multiples = np.rint(sizes / step)
    step = float(multiples @ sizes / (multiples @ multiples))
    return step if (np.abs(sizes - multiples * step) <= _ROUNDING * largest).all() else None


def range_of_sums(
    sources: NDArray[np.int64], targets: NDArray[np.int64], amounts: Floats, starts: NDArray[np.bool_]
) -> tuple[float, float]:
    """Return the least and the largest sum of amounts on a way from level to level; infinite where unbounded.

    Parameters
    ----------
    sources, targets : (K,) array
        Levels that each channel joins.
    amounts : (K,) array
        What a jump through it adds: whole numbers.
    starts : (n,) array of bool
        Where a way may begin.
    """
    return -_largest(sources, targets, -amounts, starts), _largest(sources, targets, amounts, starts)


def _largest(
    sources: NDArray[np.int64], targets: NDArray[np.int64], amounts: Floats, starts: NDArray[np.bool_]
) -> float:
    """Follow the longest ways, jump by jump (Bellman, Ford): what still grows after n jumps has no end."""
    reached = np.where(starts, 0.0, -np.inf)
    for _ in range(len(starts)):
        before = reached.copy()
        np.maximum.at(reached, targets, before[sources] + amounts)
        if (reached == before).all():
            return float(reached.max())
    return np.inf


def law(
    wave: Callable[[float], complex],
    mean: float,
    spread: float,
    most: int,
    bounds: tuple[float, float],
    *,
    name: str = "what is counted",
    cost: float = 1.0,
) -> tuple[NDArray[np.int64], Floats]:
    """Return values and probabilities by equation (1).

    Parameters
    ----------
    wave : function of an angle
        ``<exp(i theta X)>``.
    mean, spread : float
        Mean and standard deviation of X.
    most : int
        The largest increment.
    bounds : pair of float
        The least and the largest X that can occur, or infinity.
    name : str
        Of X, for the error.
    cost : float
        Of one angle, in steps of small vectors of some 0.1 ms.

    Returns
    -------
    values : (N,) array of int
    probabilities : (N,) array
        Right to `FLOOR` where the wave is right to rounding, up to some thousands of steps; more steps round
        the phases: Poisson's law is missed by 1.3e-13 at a mean of 10,000, by 6e-13 at 100,000. What is not
        above `FLOOR`, or above what rounding leaves below 0 where that is more, is 0, and left out at both
        ends. Nothing is scaled to a sum of 1.

    Raises
    ------
    InvalidInput
        If so many values take too long.
    """
    middle, half = round(mean), int(np.ceil(_DEVIATIONS * spread + _INCREMENTS * most))
    first, last = int(max(middle - half, bounds[0])), int(min(middle + half, bounds[1]))
    size = last - first + 1
    if size // 2 * cost > _MOST_COST:
        raise InvalidInput(
            f"the law of {name} has {size:,} values, more than the {int(2 * _MOST_COST / cost):,} that take a"
            " minute or two",
            "distribution",
            "shorten the protocol, count jumps, or take log_generating_function, or a run",
        )
    angles = 2.0 * np.pi * np.arange(size // 2 + 1) / size
    waves = np.array([wave(angle) for angle in angles.tolist()]) * np.exp(-1j * angles * first)
    found = np.fft.irfft(waves.conj(), size)
    found = np.where(found > max(FLOOR, -2.0 * float(found.min())), found, 0.0)
    there = np.flatnonzero(found)
    kept = slice(there[0], there[-1] + 1)
    return first + np.arange(size)[kept], found[kept]
