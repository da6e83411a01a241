r"""Whether the tail of exp(-s) was sampled: the Pareto index of its largest terms, and what these carry.

The moments of :math:`e^{-s}` below the inverse of its index exist. Values that are rounded, or lie on a
lattice, stand in ties, to which no continuous law can be fitted: the gaps between them look like a tail that
ends. They are spread evenly over their cell first, half-way to the neighbours and 0.5 kT at most, which gives
back the index that the values had before they were rounded.

Where the tail is a few values, each taken many times, with gaps wider than such cells between them, nothing
was rounded, and the law would be fitted to the spread itself. Such *atoms* have all moments; their average
errs where those seen a few times only carry much of it. That is said in the same measure: the j trajectories
at atoms seen fewer than ten times carry the share

.. math:: \varphi = (j/n)^{1-k}

of the average, as the j largest of n terms do under a Pareto law of the index k.

Where atoms lie in a continuum, as in the work of a weakly damped qubit that is measured twice, the terms
beyond a threshold follow no Pareto law, and the fit to their steps gives any index. What was not seen is
bounded there by how the terms fall from one decade of rank to the next. Let the ten largest carry the share
:math:`T_1` of the average, the next ninety :math:`T_2`, and let every decade of rank that n trajectories do
not reach carry at most :math:`q=T_1/T_2` of the one before it, as the last one seen does; all that was not
seen is then

.. math:: U \le T_1\,(q+q^2+\dots)=\frac{q}{1-q}\,T_1 .

The tail is taken for sampled, too, where :math:`q<10^{-0.3}`, so that :math:`U\le T_1` within half a per
cent, and :math:`T_1` is less than 2 %; and what holds has to hold with the average higher by :math:`T_1`,
too. A Pareto law of the index k has :math:`q=10^{k-1}`, and falls as slowly from the index 0.7 on. That the
fall goes on is assumed: no sample shows it, and a mode that was never drawn breaks it. Ten terms are few: of
samples of 100,000 under a Pareto law of the index 0.85 or 0.95 some 5 % show a fall that fast.

Sources: Zhang and Stephens (2009), equations 6 to 8; Vehtari, Simpson, Gelman, Yao and Gabry (2024),
appendix G.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from fluctua.analysis.parts import rounded
from fluctua.analysis.samples import stretches

Floats = NDArray[np.float64]

_ONE_VALUE = 1e-9  # kT; nearer ones differ by rounding
_LARGEST_REACH = 0.5  # kT to either side; values further apart are not rounded
_FEWEST = 5
_PRIOR = 10  # values that a weak prior at 1/2 is worth
_SEEN = 10  # times, from which on the probability of an atom is known well enough
_MOST_ATOMS = 20  # in the tail; more are a lattice, or rounded
_LARGEST = 10  # terms
_FOLLOWING = 90  # the next decade of rank
SMALL_SHARE = 0.02  # of an average: the largest terms may carry less, where they fall
SLOWEST_FALL = 10.0**-0.3  # from a decade of rank to the one beyond: that of a Pareto law of the index 0.7


def tail_index(s: Floats) -> float:
    r"""Estimate the Pareto index of the largest terms :math:`e^{-s}`: moments below its inverse exist.

    The generalised Pareto distribution is fitted to the :math:`\min(n/5, 3\sqrt n)` largest terms, with a
    weak prior at 1/2.

    Parameters
    ----------
    s : ndarray, shape (n,)
        Finite numbers; read in stretches, not copied.

    Returns
    -------
    float
        Infinite where there are too few to say; minus infinite where the largest terms are all equal.
    """
    count = _length(s.size)
    if count < _FEWEST:
        return math.inf
    rare, threshold = _spread(s, count)
    excess = np.exp(rare[:1] - rare[::-1]) - np.exp(rare[:1] - threshold)
    excess = excess[excess > 0.0]
    if excess.size < _FEWEST:
        return -math.inf
    return (rare.size * _pareto_index(excess) + _PRIOR * 0.5) / (rare.size + _PRIOR)


def _length(n: int) -> int:
    """Count the terms that are the tail."""
    return int(min(n / 5, 3.0 * math.sqrt(n)))


def index_of_atoms(s: Floats) -> tuple[float, float] | None:
    r"""Judge a tail of a few values by how often they were taken.

    Parameters
    ----------
    s : ndarray, shape (n,)
        Finite numbers; read in stretches, not copied.

    Returns
    -------
    index, share : float
        The Pareto index k of the same weight, and the share :math:`\varphi` of the average of
        :math:`e^{-s}` that atoms seen fewer than ten times carry; minus infinity and 0 where there are none.
        Nothing where the tail is not of atoms with a gap of more than 1 kT, or too short to say.
    """
    count = _length(s.size)
    if count < _FEWEST:
        return None
    rare = smallest(s, count + 1)
    gaps, same = np.diff(rare), _same(rare)
    starts = np.flatnonzero(np.concatenate([[True], gaps > same]))
    if starts.size > min(_MOST_ATOMS, rare.size / _SEEN) or not gaps.max() > 2.0 * _LARGEST_REACH + same:
        return None
    seen = np.diff(np.append(starts, rare.size))
    seldom = seen < _SEEN
    seldom[-1] = False  # goes on beyond, or is more than is rare
    number = int(seen[seldom].sum())
    if number == 0:
        return -math.inf, 0.0
    carried = float(np.sum(seen[seldom] * np.exp(rare[0] - rare[starts[seldom]])))
    share = carried / sum(float(np.sum(np.exp(rare[0] - part))) for part in stretches(s))
    return 1.0 - math.log(share) / math.log(number / s.size), share


def largest_terms(s: Floats) -> tuple[float, float]:
    """Sum the ten largest terms :math:`e^{-s}`, and the next ninety, in units of the largest.

    Where there are fewer, what there is; 0 where nothing follows.
    """
    rare = smallest(s, _LARGEST + _FOLLOWING)
    terms = np.exp(rare[0] - rare)
    return float(np.sum(terms[:_LARGEST])), float(np.sum(terms[_LARGEST:]))


def falls(largest: float, following: float) -> bool:
    """Say whether the ten largest terms carry little of the average, and much less than the next ninety."""
    return largest < SMALL_SHARE and largest < SLOWEST_FALL * following


def said_of_tail(
    index: float, share: float = math.nan, largest: float = math.nan, following: float = math.nan
) -> str:
    """Say what is known of a tail that is heavy, or of which nothing is.

    Parameters
    ----------
    index : float
        Of Pareto.
    share, largest, following : float
        Shares of the average, of values that are seldom seen, of the ten largest terms and of the next
        ninety; NaN where that is not known.
    """
    if share > 0.0:
        return f"values seen fewer than {_SEEN} times carry {rounded(100.0 * share)} % of the average"
    said = f"Pareto index {index:.2f}" if math.isfinite(index) else "too few for a Pareto index"
    if math.isnan(largest):
        return said
    said = f"{said}, the {_LARGEST} largest terms carry {rounded(100.0 * largest)} % of the average"
    slow = largest < SMALL_SHARE and not falls(largest, following)
    return f"{said}, and the next {_FOLLOWING} only {rounded(100.0 * following)} %" if slow else said


def smallest(values: Floats, count: int) -> Floats:
    """Return the smallest `count` values, or all where there are fewer, in rising order."""
    kept, number, most = [np.empty(0)], 0, math.inf
    for part in stretches(values):
        found = part[part < most]
        kept.append(found)
        number += found.size
        if number > 4 * count:
            kept = [np.partition(np.concatenate(kept), count - 1)[:count]]
            number, most = count, float(kept[0].max())
    return np.sort(np.concatenate(kept))[:count]


def _spread(s: Floats, count: int) -> tuple[Floats, float]:
    """Return the `count` smallest of s in rising order, ties spread over their cells, and the next one.

    A tie that `count` would cut is left out, where enough remain, and its cell is what follows.
    """
    rare = smallest(s, 2 * (count + 1))
    same = _same(rare)
    limit = float(rare[count]) + same
    ties = int(np.searchsorted(rare, limit, "right"))
    if ties < rare.size:
        following = float(rare[ties])
    else:  # the last tie goes on
        ties, following = _beyond(s, limit)
    rare = rare[: count + 1]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(rare) > same]))
    if starts.size == 1:
        return rare[:0], float(rare[0])
    sizes = np.diff(np.append(starts, ties))
    group = np.repeat(np.arange(starts.size), np.diff(np.append(starts, rare.size)))
    share = (np.arange(rare.size) - starts[group] + 0.5) / sizes[group]
    reach = np.minimum(0.5 * np.diff(np.append(rare[starts], following)), _LARGEST_REACH)
    below, above = np.append(reach[0], reach[:-1])[group], reach[group]
    spread = np.where(sizes[group] > 1, rare[starts][group] - below + share * (below + above), rare)
    if ties > count + 1 and starts[-1] >= _FEWEST:
        return spread[: starts[-1]], float(rare[starts[-1]] - below[-1])
    return spread[:-1], float(spread[-1])


def _same(values: Floats) -> float:
    """Return by how much values differ that are one but for rounding."""
    return max(_ONE_VALUE, 8.0 * float(np.spacing(np.abs(values).max())))


def _beyond(s: Floats, limit: float) -> tuple[int, float]:
    """Return how many values lie up to a limit, and the smallest above it; infinite where there is none."""
    number, following = 0, math.inf
    for part in stretches(s):
        number += int(np.count_nonzero(part <= limit))
        following = min(following, float(np.min(part, where=part > limit, initial=math.inf)))
    return number, following


def _pareto_index(excess: Floats) -> float:
    """Fit by the posterior mean over a grid of inverse scales; `excess` is sorted and positive."""
    n = excess.size
    points = 30 + int(math.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    grid = 1.0 / excess[-1] + (1.0 - np.sqrt(points / (np.arange(points) + 0.5))) / (3.0 * quartile)
    index = np.array([np.mean(np.log1p(-scale * excess)) for scale in grid])
    height = n * (np.log(-grid / index) - index - 1.0)
    weight = np.exp(height - special.logsumexp(height))
    return float(np.mean(np.log1p(-float(grid @ weight) * excess)))
