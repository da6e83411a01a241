"""The resampled mean: its slow twin, its coverage, and what correlation does to it."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import signal, stats

from fluctua.analysis.bootstrap import bootstrap_mean
from fluctua.stochastic.errors import InvalidInput


def slow_bootstrap(values, replicates, key, batches):
    """As the formula stands: batches, drawn with replacement, one replicate at a time."""
    number = min(batches, len(values))
    edges = [k * len(values) // number for k in range(number + 1)]
    batch = [values[a:b] for a, b in pairwise(edges)]
    rng = np.random.Generator(np.random.Philox(key))
    return [
        np.concatenate([batch[k] for k in rng.integers(number, size=number)]).mean()
        for _ in range(replicates)
    ]


@pytest.mark.parametrize(("n", "batches"), [(7, 2000), (1003, 10), (5000, 300)])
def test_replicates_agree_with_the_slow_twin(n, batches):
    values = np.random.default_rng(1).exponential(size=n)
    fast = bootstrap_mean(values, 50, key=3, batches=batches)
    np.testing.assert_allclose(fast, slow_bootstrap(values, 50, 3, batches), rtol=1e-13)


def test_replicates_do_not_depend_on_how_many_are_asked_for():
    values = np.random.default_rng(2).normal(size=4000)
    assert np.array_equal(
        bootstrap_mean(values, 30, batches=500), bootstrap_mean(values, 400, batches=500)[:30]
    )
    assert not np.array_equal(bootstrap_mean(values, 30), bootstrap_mean(values, 30, key=1))


def test_the_spread_is_the_standard_error():
    """Both are known to 1.6 and 2.2 per cent here; 12 per cent are missed with probability 1e-5."""
    values = np.random.default_rng(3).exponential(size=100_000)
    error = values.std() / math.sqrt(values.size)
    assert bootstrap_mean(values).std() == pytest.approx(error, rel=0.12)


def test_the_percentile_interval_covers():
    """300 samples of 200 values; outside the band with probability 2e-4 at coverage 0.95."""
    rng, covered = np.random.default_rng(4), 0
    for k in range(300):
        low, high = np.quantile(bootstrap_mean(rng.normal(size=200), 600, key=k), [0.025, 0.975])
        covered += low <= 0.0 <= high
    low, high = stats.binom.ppf([1e-4, 1.0 - 1e-4], 300, 0.95)
    assert low <= covered <= high


def test_long_batches_see_correlation_and_single_values_do_not():
    """The mean of an AR(1) with coefficient 0.9 has 19 times the variance of independent values.

    From 200 batches, each 25 correlation times long, the spread is known to 6 per cent and 3 per cent small.
    """
    noise = np.random.default_rng(5).normal(size=50_000)
    values = signal.lfilter([1.0], [1.0, -0.9], noise)
    exact = 10.0 / math.sqrt(values.size)
    assert bootstrap_mean(values, batches=200).std() == pytest.approx(exact, rel=0.3)
    assert bootstrap_mean(values, 100, batches=values.size).std() < 0.4 * exact


def test_what_cannot_be_resampled_is_refused():
    for wrong in ({"values": []}, {"values": [1.0, math.nan]}, {"values": [1.0], "replicates": 0}):
        with pytest.raises(InvalidInput):
            bootstrap_mean(**wrong)
    with pytest.raises(InvalidInput, match="batches"):
        bootstrap_mean([1.0, 2.0], batches=1)
