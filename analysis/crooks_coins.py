r"""The coins of a Crooks fit in the order of their work: one a trajectory, or one a bin where they are many.

The walk of residuals and the labels drawn again need the trajectories ordered by work. Up to `MANY` of them
are sorted. Beyond, they are counted in some nine thousand bins of work: a bin is a coin tossed as often as it
holds trajectories, with the mean of their chances. Nothing is copied or sorted then, so that a file may be
larger than memory. A walk looked at between bins only is still one of the same null law; the most that this
hides of its height is some :math:`0.6/\sqrt{4096}` standard deviations on average (a Brownian motion between
looks that many to its length).

The outermost trajectories keep a bin each and the bins next to them hold 1/256 of what lies outside, as there
one label can carry a whole test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis import many
from fluctua.analysis.bennett import Pair
from fluctua.analysis.logistic import chances
from fluctua.analysis.relabelling import beyond_rounding, walk_ends
from fluctua.analysis.samples import Sample

Floats = NDArray[np.float64]

MANY = 1 << 16  # trajectories; from there on they are binned
_SINGLE = 512  # trajectories at either end with a bin of their own
_SHARE = 1 / 256  # of what lies outside, in a bin near the ends,
_LARGEST = 1 / 4096  # but never more than that of all trajectories
_SURVEYED = 1 << 17  # evenly spaced trajectories, whose quantiles are the edges


@dataclass(frozen=True)
class Coins:
    """Coins in the order of work.

    Parameters
    ----------
    work : ndarray, shape (n,)
        In kT from the pair's origin; of a bin, the mean.
    chance : ndarray, shape (n,)
        Of the label forward; of a bin, the mean.
    count : ndarray of int, shape (n,), or None
        Trajectories in each bin; None where each coin is one.
    residual : ndarray, shape (n,)
        Forward labels beyond what the chances say.
    last : ndarray of bool, shape (n,)
        Where the walk of residuals may be looked at.
    """

    work: Floats
    chance: Floats
    count: NDArray[np.int64] | None
    residual: Floats
    last: NDArray[np.bool_]

    @classmethod
    def of(cls, pair: Pair, f: float) -> Coins:
        """Order the trajectories of both directions by work, one by one or in bins."""
        if pair.n_forward + pair.n_reverse > MANY:
            return cls.binned(pair, f, edges_of(pair))
        work = np.concatenate([*pair.forward.blocks(), *pair.turned.blocks()])
        order = np.argsort(work)
        work, label = work[order], order < pair.n_forward
        forward, reverse = chances(work + (pair.log_sizes - f))
        return cls(work, forward, None, np.where(label, reverse, -forward), walk_ends(work))

    @classmethod
    def binned(cls, pair: Pair, f: float, edges: Floats) -> Coins:
        """Count the trajectories between edges of work."""
        shift = pair.log_sizes - f
        forward, reverse = _bin_sums(pair.forward, shift, edges), _bin_sums(pair.turned, shift, edges)
        filled = forward[0] + reverse[0] > 0.0
        labels, (count, chance, work) = forward[0, filled], (forward + reverse)[:, filled]
        return cls(
            work / count,
            np.clip(chance / count, 0.0, 1.0),
            count.astype(np.int64),
            labels - chance,
            np.ones(count.size, dtype=np.bool_),
        )

    @property
    def excursion(self) -> float:
        """Largest absolute height of the walk of residuals."""
        return float(np.max(np.abs(np.cumsum(self.residual)[self.last])))


def edges_of(pair: Pair) -> Floats:
    """Return edges of bins, rising: every one of the outermost values, and quantiles between them."""
    number = pair.n_forward + pair.n_reverse
    stride = max(1, number // _SURVEYED)
    samples = pair.forward, pair.turned
    surveyed = [s.side * s.raw[::stride] - s.origin for s in samples]
    low, high = outermost(chain.from_iterable(s.blocks() for s in samples))
    return edges_between(np.sort(np.concatenate(surveyed)), low, high, number)


def edges_between(surveyed: Floats, low: Floats, high: Floats, number: int) -> Floats:
    """Return edges of bins from the outermost values, and from evenly spaced ones of `number` in order."""
    ranks, rank = [], float(_SINGLE)
    while rank < 0.5 * number:
        ranks.append(rank)
        rank += max(1.0, min(_SHARE * rank, _LARGEST * number))
    places = np.unique((np.array(ranks) * (surveyed.size / number)).astype(np.intp))
    values = np.concatenate([low, surveyed[places], surveyed[-1 - places], high])
    return np.unique(beyond_rounding(values))  # values equal but for rounding share a bin


def outermost(blocks: Iterable[Floats]) -> tuple[Floats, Floats]:
    """Return the smallest and the largest values of a sample that is read in blocks, `_SINGLE` of each."""
    low, high = np.empty(0), np.empty(0)
    most, least = np.inf, -np.inf
    for part in blocks:
        low, high = np.append(low, part[part < most]), np.append(high, part[part > least])
        if low.size > 4 * _SINGLE:
            low = np.partition(low, _SINGLE - 1)[:_SINGLE]
            most = float(low.max())
        if high.size > 4 * _SINGLE:
            high = np.partition(high, high.size - _SINGLE)[-_SINGLE:]
            least = float(high.min())
    return np.sort(low)[:_SINGLE], np.sort(high)[-_SINGLE:]


def _bin_sums(sample: Sample, shift: float, edges: Floats) -> Floats:
    """Return for each bin the number of values, the sum of their L(x + shift), and that of x.

    Shape (3, bins): bin b holds edges[b - 1] < x <= edges[b], and the last one what lies above all edges.
    """
    if sample.size >= many.MANY:
        return many.bin_sums(sample, shift, edges)
    sums = np.zeros((3, edges.size + 1))
    for part in sample.blocks():
        x = np.sort(part)  # the search is then ten times faster
        bins = np.searchsorted(edges, x, side="left")
        for row, weights in zip(sums, (None, chances(x + shift)[0], x), strict=True):
            row += np.bincount(bins, weights, minlength=edges.size + 1)
    return sums
