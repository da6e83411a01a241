r"""The null law of label statistics by drawing the labels again.

A detailed fluctuation theorem says that a label (the direction of a trajectory, or the sign of its entropy
production) is a coin with a *known* bias, given a value that may be distributed in any way.  So the law of
any statistic of the labels is found by tossing the coins again, whatever the tails of the values:

.. math:: \delta_i^* \sim \mathrm{Bernoulli}(p_i), \qquad r_i^* = \delta_i^* - p_i .

Source: Besag and Clifford (1989) for Monte Carlo p-values; Stute (1997) for walks of residuals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KEY = 0x5EED  # fixed: the same data give the same p-value everywhere and always
LARGEST_DRAW = 200_000_000  # labels tossed in one test: about a second
_BLOCK = 1 << 15  # labels tossed at once: they stay in the cache
_ROWS_OF_BINS = 250  # draws of all bins at once
_COST_OF_BIN = 4  # a binomial number takes as long as that many labels
_NEGLIGIBLE = 1e-12  # variance of all coins that are not tossed, where the whole is 1
_TIE = 1e-5


@dataclass(frozen=True)
class Labels:
    r"""Coins to be tossed again, in the order in which their residuals are cumulated.

    Parameters
    ----------
    probability : ndarray, shape (n,)
        Chance :math:`p_i` of the label 1.
    features : ndarray, shape (n, k)
        Functions of the values whose sums :math:`\sum_i r_i \phi_k(x_i)` are wanted.
    last : ndarray of bool, shape (n,)
        Whether a coin is the last of those that share its value: the walk of residuals is looked at only
        there, as the order among equal values means nothing.
    bridge : bool
        Whether the walk is tied down to zero at its end, in proportion to :math:`\sum p(1-p)`.
    count : ndarray of int, shape (n,), optional
        How often each coin is tossed, where that is not once: then a coin stands for a bin of values.
    """

    probability: Floats
    features: Floats
    last: NDArray[np.bool_]
    bridge: bool
    count: NDArray[np.int64] | None = None

    def replicates(self, alpha: float, least: int = 999) -> int:
        """Say how many draws resolve a p-value of `alpha` after multiplicity: 50 / alpha, within reason."""
        cost = self._worth_tossing.size * (1 if self.count is None else _COST_OF_BIN)
        affordable = LARGEST_DRAW // max(1, cost)
        return int(np.clip(50.0 / alpha, least, max(least, affordable)))

    def redraw(self, replicates: int) -> tuple[Floats, Floats]:
        """Toss all coins `replicates` times.

        Returns
        -------
        sums : ndarray, shape (replicates, k)
            Sums of residual times feature.
        excursions : ndarray, shape (replicates,)
            Largest absolute value of the cumulated residuals.
        """
        drawn = [self._statistics(labels) for labels in self._labels(replicates)]
        return np.concatenate([sums for sums, _ in drawn]), np.concatenate([walks for _, walks in drawn])

    @cached_property
    def _worth_tossing(self) -> NDArray[np.intp]:
        """Find the coins that contribute; one with a sure outcome adds nothing to any variance."""
        variance = self._tosses * self.probability * (1.0 - self.probability)
        size = np.maximum(1.0, np.square(self.features).max(axis=1, initial=0.0))
        return np.flatnonzero(variance * size > _NEGLIGIBLE / max(1, self.probability.size))

    @cached_property
    def _tosses(self) -> Floats:
        return np.ones(self.probability.size) if self.count is None else self.count.astype(np.float64)

    def _labels(self, replicates: int) -> Iterator[NDArray[np.bool_] | NDArray[np.int64]]:
        """Draw the labels 1 of each coin, a row a replicate."""
        rng = np.random.Generator(np.random.Philox(KEY))
        probability = self.probability[self._worth_tossing]
        if self.count is not None:
            count = self.count[self._worth_tossing]
            for start in range(0, replicates, _ROWS_OF_BINS):
                rows = min(_ROWS_OF_BINS, replicates - start)
                # A bin at a time: the preparation of a binomial law costs more than a draw.
                bins = [rng.binomial(n, p, rows) for n, p in zip(count, probability, strict=True)]
                yield np.array(bins, dtype=np.int64).reshape(-1, rows).T
            return
        rows = max(1, _BLOCK // max(1, probability.size))
        for start in range(0, replicates, rows):
            yield rng.random((min(rows, replicates - start), probability.size)) < probability

    def _statistics(self, labels: NDArray[np.bool_] | NDArray[np.int64]) -> tuple[Floats, Floats]:
        kept = self._kept
        whole = np.int32 if self.count is None else np.int64
        heads: NDArray[np.integer[Any]] = np.cumsum(labels, axis=1, dtype=whole)
        heights: Floats = (heads if kept.all_ends else heads[:, self._ends]) - kept.heights
        if self.bridge and labels.shape[1]:
            heights -= (heads[:, -1] - kept.total)[:, None] * kept.grown
        excursions = np.maximum(heights.max(axis=1, initial=0.0), -heights.min(axis=1, initial=0.0))
        return labels.astype(np.float64) @ kept.features - kept.sums, excursions

    @cached_property
    def _kept(self) -> _Expected:
        """Work out once what all draws are compared to."""
        kept, ends = self._worth_tossing, self._ends
        probability, features = self.probability[kept], self.features[kept]
        expected = self._tosses[kept] * probability
        grown = np.cumsum(expected * (1.0 - probability))
        return _Expected(
            features,
            expected @ features,
            float(expected.sum()),
            np.cumsum(expected)[ends],
            grown[ends] / grown[-1] if kept.size else grown,
            ends.size == kept.size,
        )

    @cached_property
    def _ends(self) -> NDArray[np.intp]:
        """Where the walk is looked at; a value's last coin may be dropped, the last one kept is as high."""
        ends = np.unique(np.searchsorted(self._worth_tossing, np.flatnonzero(self.last), side="right")) - 1
        return ends[ends >= 0]


@dataclass(frozen=True)
class _Expected:
    """Of the coins worth tossing: their features, the expected sums, heads and heights of the walk."""

    features: Floats
    sums: Floats
    total: float
    heights: Floats
    grown: Floats  # share of the variance up to each place where the walk is looked at
    all_ends: bool


def p_value(observed: float, replicated: Floats) -> float:
    """Return (1 + number of draws at least as large) / (1 + draws), exact at any number of draws."""
    # Neither rounding nor what the coins not tossed would add decides whether two statistics tie.
    as_large = replicated >= observed - _TIE * max(1.0, abs(observed))
    return float((1 + np.count_nonzero(as_large)) / (1 + replicated.size))


def walk_ends(ordered: Floats) -> NDArray[np.bool_]:
    """Mark the last of each run of equal values in an ordered array."""
    last = np.ones(ordered.size, dtype=np.bool_)
    last[:-1] = ordered[1:] != ordered[:-1]
    return last
