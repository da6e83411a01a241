r"""Sums over logistic probabilities of a sample, block by block, so that ten million values need no copies.

.. math:: L(u) = \frac{1}{1+e^{-u}}

Below `many.MANY` values they are NumPy's as they stand here, and nothing is compiled; from there on the sums
are those of the kernels in `fluctua.analysis.many`, which differ by rounding.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis import many
from fluctua.analysis.samples import Sample

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


def log_sum(sample: Sample, shift: float, sign: float) -> tuple[float, float]:
    r"""Return the logarithm of a sum of L(u), and its derivative with respect to u.

    .. math:: \ln\sum_i L(u_i), \qquad \frac{\sum_i L(u_i)\,L(-u_i)}{\sum_i L(u_i)},
       \qquad u_i=\pm(x_i+\mathrm{shift})

    The mean is the derivative of the logarithm with respect to u.  Where even the largest term would
    underflow, its size is taken out first.
    """
    largest = max(sign * sample.low, sign * sample.high) + sign * shift
    scale = 0.0 if largest > _UNDERFLOW else largest
    if sample.size >= many.MANY and not scale:
        total, weighted, *_ = many.tail_sums(sample, shift, sign)
        return math.log(total), float(weighted / total)
    total = weighted = 0.0
    for part in sample.blocks():
        u = sign * (part + shift)
        chance, other = chances(u)
        if scale:
            chance = np.exp(u - scale)
        total += float(np.sum(chance))
        weighted += float(np.dot(chance, other))
    return float(np.log(total)) + scale, weighted / total


def information(sample: Sample, shift: float) -> float:
    """Return the sum of p (1 - p) with p = L(x + shift)."""
    if sample.size >= many.MANY:
        return float(many.tail_sums(sample, shift, 1.0)[1])
    return sum(float(np.dot(*chances(part + shift))) for part in sample.blocks())


def moments(sample: Sample, shift: float, centre: float, width: float, largest: int) -> Floats:
    """Return the sums of p (1 - p) h^k, with p = L(x + shift), h = (x - centre) / width, k = 0 to `largest`.

    Nothing beyond k = 6.
    """
    if sample.size >= many.MANY:
        return many.fit_sums(sample, 1.0, shift + centre, 1.0, centre, width)[5 : 6 + largest]
    sums = np.zeros(largest + 1)
    for part in sample.blocks():
        forward, reverse = chances(part + shift)
        weight, h = forward * reverse, (part - centre) / width
        for k in range(largest + 1):
            sums[k] += float(np.sum(weight))
            weight = weight * h
    return sums


def residuals(sample: Sample, label: float, shift: float, centre: float, width: float) -> Floats:
    """Return the sums of (label - p) h^k for k = 0 to 3; p and h as in `moments`."""
    if sample.size >= many.MANY:
        return many.fit_sums(sample, 2.0 * label - 1.0, shift + centre, 1.0, centre, width)[1:5]
    powers = np.zeros(4)
    for part in sample.blocks():
        forward, reverse = chances(part + shift)
        residual = reverse if label else -forward
        h = (part - centre) / width
        for k in range(4):
            powers[k] += float(np.sum(residual))
            residual = residual * h
    return powers


def likelihood(
    sample: Sample, label: float, shift: float, slope: float, centre: float
) -> tuple[float, Floats, Floats]:
    r"""Return the logarithm of the likelihood, its gradient and its negative curvature.

    .. math:: \mathrm{logit}\,P = \mathrm{shift} + \mathrm{slope}\,(x-\mathrm{centre})

    Both with respect to shift and slope: shapes (2,) and (2, 2).
    """
    if sample.size >= many.MANY:
        sums = many.fit_sums(sample, 2.0 * label - 1.0, shift, slope, centre, 1.0)
        return float(sums[0]), sums[1:3], np.array([sums[5:7], sums[6:8]])
    height, gradient, curvature = 0.0, np.zeros(2), np.zeros((2, 2))
    for part in sample.blocks():
        h = part - centre
        u = shift + slope * h
        forward, reverse = chances(u)
        residual, weight = (reverse if label else -forward), forward * reverse
        height += float(np.sum(log_chance(u if label else -u)))
        gradient += np.sum(residual), np.dot(residual, h)
        weighted = weight * h
        curvature += [[np.sum(weight), np.sum(weighted)], [np.sum(weighted), np.dot(weighted, h)]]
    return height, gradient, curvature
