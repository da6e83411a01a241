r"""The null law of label statistics by drawing the labels again.

A detailed fluctuation theorem says that a label (the direction of a trajectory, or the sign of its entropy
production) is a coin with a *known* bias, given a value that may be distributed in any way.  So the law of
any statistic of the labels is found by tossing the coins again, whatever the tails of the values:

.. math:: \delta_i^* \sim \mathrm{Bernoulli}(p_i), \qquad r_i^* = \delta_i^* - p_i .

Words of 32 random bits decide: no :math:`p_i` is off by more than 2^-33, so that the law of n coins together
is off by at most n 2^-33, which is 10^-5 for the largest n tossed one by one. A p-value out of 10^3 draws is
uncertain by more than that from 10^-6 on.

Where there is much to toss a kernel does it in threads (1.5 ns a toss); the coins of small samples are tossed
in NumPy (30 ns), as loading compiled code takes half a second. Both toss the same coins and add without
rounding, so that nobody can tell which of them ran.

Source: Besag and Clifford (1989) for Monte Carlo p-values; Stute (1997) for walks of residuals.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.kernels import labels as text

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

LARGEST_DRAW = 200_000_000  # labels tossed in one test: 0.3 s of a processor
MANY_TOSSES = 1 << 24  # of one process, from where a kernel is worth loading
_LEAST_DRAWS = 999
_TOGETHER = 1 << 20  # tosses of a thread before it reports
_BLOCK = 1 << 15  # labels tossed at once in NumPy: they stay in the cache
_WORDS = 2.0**32
_EXACT = 2.0**52  # integers below it add without rounding
_ROWS_OF_BINS = 250  # draws of all bins at once
_COST_OF_BIN = 60  # a binomial number takes as long as that many tosses
_NEGLIGIBLE = 1e-12  # variance of all coins that are not tossed, where the whole is 1
_TIE = 1e-5
SAME = 1e-9  # relative, and absolute near 0: values that differ by less are equal but for rounding


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

    def replicates(self, alpha: float, least: int = _LEAST_DRAWS) -> int:
        """Say how many draws resolve a p-value of `alpha` after multiplicity: 50 / alpha, within reason."""
        return int(np.clip(50.0 / alpha, least, max(least, LARGEST_DRAW // max(1, self._cost))))

    @property
    def affordable(self) -> bool:
        """Say whether the least number of draws takes no longer than `LARGEST_DRAW` labels."""
        return _LEAST_DRAWS * self._cost <= LARGEST_DRAW

    @property
    def _cost(self) -> int:
        return self._worth_tossing.size * (1 if self.count is None else _COST_OF_BIN)

    def redraw(self, replicates: int, threads: int | None = None) -> tuple[Floats, Floats]:
        """Toss all coins `replicates` times.

        Returns
        -------
        sums : ndarray, shape (replicates, k)
            Sums of residual times feature.
        excursions : ndarray, shape (replicates,)
            Largest absolute value of the cumulated residuals.
        """
        if self.count is None and _compiling_pays(self._worth_tossing.size * replicates):
            return self._by_kernel(replicates, threads)
        drawn = [self._statistics(labels) for labels in self._labels(replicates)]
        return np.concatenate([sums for sums, _ in drawn]), np.concatenate([walks for _, walks in drawn])

    def _by_kernel(self, replicates: int, threads: int | None = None) -> tuple[Floats, Floats]:
        kept, steps = self._kept, 1.0 - 2.0 * self._kept.likely
        sums, reaches = np.empty((replicates, kept.features.shape[1])), np.empty(replicates)
        grown = kept.grown if self.bridge else np.zeros_like(kept.grown)
        given = (self._key, self._thresholds, steps, steps[:, None] * kept.features, self._ends)
        walk = (kept.heights, grown, kept.total)
        block = text.DRAWS * max(1, _TOGETHER // (text.DRAWS * steps.size))

        def fill(first: int) -> None:
            last = min(first + block, replicates)
            _module().redraw(first, last, *given, *walk, sums, reaches)

        starts = range(0, replicates, block)
        workers = min(len(starts), threads or len(os.sched_getaffinity(0)))
        if workers > 1:
            with ThreadPoolExecutor(workers) as pool:
                deque(pool.map(fill, starts), maxlen=0)
        else:
            deque(map(fill, starts), maxlen=0)
        return sums - kept.sums, reaches

    @cached_property
    def _worth_tossing(self) -> NDArray[np.intp]:
        """Find the coins that contribute; one with a sure outcome adds nothing to any variance."""
        variance = self._tosses * self.probability * (1.0 - self.probability)
        size = np.maximum(1.0, np.square(self.features).max(axis=1, initial=0.0))
        return np.flatnonzero(variance * size > _NEGLIGIBLE / max(1, self.probability.size))

    @cached_property
    def _tosses(self) -> Floats:
        return np.ones(self.probability.size) if self.count is None else self.count.astype(np.float64)

    @cached_property
    def _key(self) -> np.uint64:
        """Return the first 20 bits of the whole variance, which the values decide and not their labels.

        The same values give the same p-value, everywhere and always. One key for all would toss the same
        coins for all samples of a size, whose p-values would then err together.
        """
        variance = float(np.sum(self._tosses * self.probability * (1.0 - self.probability)))
        return np.uint64(round(math.ldexp(math.frexp(variance)[0], 20)))

    @cached_property
    def _thresholds(self) -> Words:
        """Return the words below which each coin worth tossing turns to its less likely side."""
        probability = self.probability[self._worth_tossing]
        return np.rint(_WORDS * np.minimum(probability, 1.0 - probability)).astype(np.uint64)

    def _labels(self, replicates: int) -> Iterator[NDArray[np.bool_] | NDArray[np.int64]]:
        """Draw the labels 1 of each coin, a row a replicate."""
        if self.count is not None:
            yield from self._labels_of_bins(self.count[self._worth_tossing], replicates)
            return
        thresholds, likely = self._thresholds, self._kept.likely
        rows = max(1, _BLOCK // max(1, thresholds.size))
        calls = np.arange((thresholds.size + 3) // 4, dtype=np.uint64)
        for start in range(0, replicates, rows):
            draws = np.arange(start, min(start + rows, replicates), dtype=np.uint64)
            four: tuple[Words, ...] = text.four_words(draws[:, None], calls, self._key)  # type: ignore[no-untyped-call]
            words = np.stack(four, axis=-1).reshape(draws.size, -1)
            yield (words[:, : thresholds.size] < thresholds) != likely

    def _labels_of_bins(self, count: NDArray[np.int64], replicates: int) -> Iterator[NDArray[np.int64]]:
        rng = np.random.Generator(np.random.Philox(key=np.array([text.KEY, self._key])))
        probability = self.probability[self._worth_tossing]
        for start in range(0, replicates, _ROWS_OF_BINS):
            rows = min(_ROWS_OF_BINS, replicates - start)
            # A bin at a time: the preparation of a binomial law costs more than a draw.
            bins = [rng.binomial(n, p, rows) for n, p in zip(count, probability, strict=True)]
            yield np.array(bins, dtype=np.int64).reshape(-1, rows).T

    def _statistics(self, labels: NDArray[np.bool_] | NDArray[np.int64]) -> tuple[Floats, Floats]:
        kept = self._kept
        whole = np.int32 if self.count is None else np.int64
        moved: NDArray[np.integer[Any]] = np.subtract(labels, kept.likely, dtype=whole)
        steps: NDArray[np.integer[Any]] = np.cumsum(moved, axis=1, dtype=whole)
        heights: Floats = (steps if kept.all_ends else steps[:, self._ends]) - kept.heights
        if self.bridge and labels.shape[1]:
            heights -= (steps[:, -1] - kept.total)[:, None] * kept.grown
        excursions = np.maximum(heights.max(axis=1, initial=0.0), -heights.min(axis=1, initial=0.0))
        return moved.astype(np.float64) @ kept.features - kept.sums, excursions

    @cached_property
    def _kept(self) -> _Expected:
        """Work out once what all draws are compared to."""
        kept, ends = self._worth_tossing, self._ends
        probability, tosses = self.probability[kept], self._tosses[kept]
        likely = (probability > 0.5) if self.count is None else np.zeros(kept.size, dtype=np.bool_)
        expected = tosses * probability - likely
        turning = expected != 0.0 if self.count is not None else self._thresholds > 0
        features = _without_rounding(np.where(turning[:, None], self.features[kept], 0.0), tosses)
        grown = np.cumsum(tosses * probability * (1.0 - probability))
        return _Expected(
            features,
            likely.astype(np.int8),
            expected @ self.features[kept],
            float(expected.sum()),
            np.cumsum(expected)[ends],
            grown[ends] / grown[-1] if kept.size else grown,
            ends.size == kept.size,
        )

    @cached_property
    def _ends(self) -> NDArray[np.intp]:
        """Where the walk is looked at; a value's last coin may be dropped, the last one kept is as high."""
        ends = np.searchsorted(self._worth_tossing, np.flatnonzero(self.last), side="right") - 1
        return ends[np.diff(ends, prepend=-1) > 0]


@dataclass(frozen=True)
class _Expected:
    """Of the coins worth tossing: their features, the more likely label, and what is expected beyond it."""

    features: Floats
    likely: NDArray[np.int8]
    sums: Floats
    total: float
    heights: Floats
    grown: Floats  # share of the variance up to each place where the walk is looked at
    all_ends: bool


def _without_rounding(features: Floats, tosses: Floats) -> Floats:
    """Round each feature to a multiple of a power of two, so that no sum over tosses is rounded any more.

    Of a sum of standard deviation 1 that takes some 10^-11, and no order of additions changes a bit.
    """
    largest = (tosses[:, None] * np.abs(features)).sum(axis=0)
    grain = np.exp2(np.ceil(np.log2(np.where(largest > 0.0, largest, 1.0) / _EXACT)))
    return np.asarray(np.rint(features / grain) * grain)


_tossed = 0  # by this process


def _compiling_pays(tosses: int) -> bool:
    """Count the tosses to come, and say whether a kernel is loaded, or worth loading, for them."""
    global _tossed
    _tossed += tosses
    return tosses > 0 and (_tossed >= MANY_TOSSES or _module.cache_info().currsize > 0)


@cache
def _module() -> ModuleType:
    from numba import types

    from fluctua.stochastic.compiling import compile_kernel, kernel_module

    number, index, word = types.float64, types.int64, types.uint64
    coins = (word, word[::1], number[::1], number[:, ::1], index[::1])
    walk = (number[::1], number[::1], number)
    module = kernel_module(Path(text.__file__), ["redraw"], how="allocating")
    compile_kernel(module.redraw, (index, index, *coins, *walk, number[:, ::1], number[::1]))
    return module


def p_value(observed: float, replicated: Floats) -> float:
    """Return (1 + number of draws at least as large) / (1 + draws), exact at any number of draws."""
    # Neither rounding nor what the coins not tossed would add decides whether two statistics tie.
    as_large = replicated >= observed - _TIE * max(1.0, abs(observed))
    return float((1 + np.count_nonzero(as_large)) / (1 + replicated.size))


def walk_ends(ordered: Floats) -> NDArray[np.bool_]:
    """Mark the last of each run of equal values in an ordered array.

    Sums of the same terms in another order differ by rounding, and which comes first is not chance.
    """
    last = np.ones(ordered.size, dtype=np.bool_)
    last[:-1] = ordered[1:] > beyond_rounding(ordered[:-1])
    return last


def beyond_rounding(values: Floats) -> Floats:
    """Return what lies above the values by more than rounding can."""
    above: Floats = values + SAME * (1.0 + np.abs(values))
    return above
