"""Laws of what adds up in equal steps: the step of given increments, and probabilities from their transform.

With X in steps, ``<exp(i theta X)>`` known, and nothing of weight outside N neighbouring values,

    P(n) = sum_k exp(-i theta_k n) <exp(i theta_k X)> / N,    theta_k = 2 pi k / N                         (1)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: A probability below this is not told from the rounding of the transform.
FLOOR = 1e-13
#: Increments are multiples of a step to this, of the largest one.
_ROUNDING = 1e-12
#: Of one step; what needs more of them has none that a table could show.
_MOST_STEPS = 1000
#: How far the range of values reaches, in standard deviations and in largest increments.
_DEVIATIONS, _INCREMENTS = 12.0, 20.0


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
    wave: Callable[[float], complex], mean: float, spread: float, most: int, bounds: tuple[float, float]
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

    Returns
    -------
    values : (N,) array of int
    probabilities : (N,) array
        Right to `FLOOR`, or to what rounding leaves below 0 where that is more: what is not above it is 0,
        and left out at both ends. Nothing is scaled to a sum of 1.
    """
    middle, half = round(mean), int(np.ceil(_DEVIATIONS * spread + _INCREMENTS * most))
    first, last = int(max(middle - half, bounds[0])), int(min(middle + half, bounds[1]))
    values = np.arange(first, last + 1)
    size = len(values)
    angles = 2.0 * np.pi * np.arange(size // 2 + 1) / size
    turned = np.exp(-1j * np.outer(values, angles)) * np.array([wave(angle) for angle in angles])
    twice = np.where((np.arange(len(angles)) == 0) | (2 * np.arange(len(angles)) == size), 1.0, 2.0)
    found = (turned.real * twice).sum(axis=1) / size
    found = np.where(found > max(FLOOR, -2.0 * float(found.min())), found, 0.0)
    there = np.flatnonzero(found)
    kept = slice(there[0], there[-1] + 1)
    return values[kept].astype(np.int64), found[kept]
