r"""Sums over logistic probabilities, block by block, so that ten million values need no copies.

.. math:: L(u) = \frac{1}{1+e^{-u}}
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BLOCK = 1 << 13  # larger temporaries would be fetched from the system each time
_UNDERFLOW = -600.0  # below it, exp loses the last of its range


def blocks(*arrays: Floats) -> Iterator[tuple[Floats, ...]]:
    """Walk through arrays of one length in blocks."""
    for start in range(0, arrays[0].size, _BLOCK):
        yield tuple(array[start : start + _BLOCK] for array in arrays)


def chances(u: Floats) -> tuple[Floats, Floats]:
    """Return L(u) and L(-u), each to full relative precision."""
    small = np.exp(-np.abs(u))
    larger = 1.0 / (1.0 + small)
    smaller = small * larger
    positive = u >= 0.0
    return np.where(positive, larger, smaller), np.where(positive, smaller, larger)


def log_chance(u: Floats) -> Floats:
    """Return ln L(u)."""
    return np.minimum(u, 0.0) - np.log1p(np.exp(-np.abs(u)))


def log_sum(values: Floats, shift: float, sign: float) -> tuple[float, float]:
    r"""Return the logarithm of a sum of L(u), and its derivative with respect to u.

    .. math:: \ln\sum_i L(u_i), \qquad \frac{\sum_i L(u_i)\,L(-u_i)}{\sum_i L(u_i)},
       \qquad u_i=\pm(x_i+\mathrm{shift})

    The mean is the derivative of the logarithm with respect to u.  Where even the largest term would
    underflow, its size is taken out first.
    """
    largest = max(sign * float(values.min()), sign * float(values.max())) + sign * shift
    scale = 0.0 if largest > _UNDERFLOW else largest
    total = weighted = 0.0
    for (part,) in blocks(values):
        u = sign * (part + shift)
        chance, other = chances(u)
        if scale:
            chance = np.exp(u - scale)
        total += float(np.sum(chance))
        weighted += float(np.dot(chance, other))
    return float(np.log(total)) + scale, weighted / total
