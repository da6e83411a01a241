r"""The methods that are in use elsewhere, for their false-alarm rates beside ours.

A line through the logarithm of the ratio of two histograms, a t-test of the exponential average, and a
Kolmogorov-Smirnov test of the reweighted forward work against the reverse. None of them keeps its level on
true data; they serve as a measure here and nothing else calls them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

BINS = 20


def line_fit(forward: Floats, reverse: Floats) -> float:
    r"""Fit a line to the log ratio of histograms, and return the p-value of a slope of 1.

    .. math:: \ln\frac{n_b^F/n_F}{n_b^R/n_R} = a + \gamma w_b, \qquad
       \operatorname{Var}_b = \frac1{n_b^F}+\frac1{n_b^R}

    over those of 20 bins that hold values of both directions.
    """
    turned = -reverse
    edges = np.histogram_bin_edges(np.concatenate([forward, turned]), BINS)
    forth, back = np.histogram(forward, edges)[0], np.histogram(turned, edges)[0]
    both = (forth > 0) & (back > 0)
    if np.count_nonzero(both) < 2:
        return 1.0
    work = (0.5 * (edges[1:] + edges[:-1]))[both]
    ratio = np.log(forth[both] / back[both])
    weight = 1.0 / (1.0 / forth[both] + 1.0 / back[both])
    centred = work - (weight @ work) / weight.sum()
    spread = float(weight @ centred**2)
    slope = float((weight * centred) @ ratio) / spread
    return float(2.0 * special.ndtr(-abs(slope - 1.0) * math.sqrt(spread)))


def exponential_average_test(s: Floats) -> float:
    r"""Test :math:`\langle e^{-s}\rangle=1` by a two-sided t-test, and return the p-value."""
    terms = np.exp(-s)
    t = (terms.mean() - 1.0) / (terms.std(ddof=1) / math.sqrt(s.size))
    return float(2.0 * special.stdtr(s.size - 1, -abs(t)))


def reweighted_test(forward: Floats, reverse: Floats) -> float:
    r"""Weigh forward work by :math:`e^{-w}` and compare it with the reverse, by Kolmogorov and Smirnov.

    The weighted sample counts as Kish's number of values, :math:`(\sum W)^2/\sum W^2`.
    """
    turned = np.sort(-reverse)
    order = np.sort(forward)
    weight = np.exp(order[0] - order)
    effective = weight.sum() ** 2 / (weight @ weight)
    reached = np.concatenate([[0.0], np.cumsum(weight) / weight.sum()])
    places = np.concatenate([order, turned])
    distance = np.max(
        np.abs(
            reached[np.searchsorted(order, places, side="right")]
            - np.searchsorted(turned, places, side="right") / turned.size
        )
    )
    size = effective * turned.size / (effective + turned.size)
    return float(special.kolmogorov(math.sqrt(size) * distance))


def looked_at_often(s: Floats, looks: int = 20) -> float:
    r"""Return the smallest p-value of the score test of one sample, looked at so often while data arrive.

    .. math:: z_m=\frac{\sum_{i\le m}(\delta_i-p_i)|s_i|}{\sqrt{\sum_{i\le m}p_i(1-p_i)s_i^2}},
       \qquad p_i=\frac1{1+e^{-|s_i|}}
    """
    size = np.abs(s)
    chance = special.expit(size)
    score = np.cumsum(((s > 0.0) - chance) * size)
    variance = np.cumsum(chance * (1.0 - chance) * size**2)
    ends = np.linspace(0, s.size, looks + 1).astype(int)[1:] - 1
    z = score[ends] / np.sqrt(np.maximum(variance[ends], 1e-300))
    return float(2.0 * special.ndtr(-np.max(np.abs(z))))
