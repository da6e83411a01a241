"""Serial correlation against sequences whose inefficiency is known, and against slow twins."""

import itertools
import math

import numpy as np
import pytest
from scipy import signal, stats

from fluctua.analysis import correlation
from fluctua.analysis.correlation import (
    Course,
    batch_covariance,
    independent_blocks,
    inefficiency,
    serial_correlation,
)


def chain(rng, rho, n):
    """Draw a stationary Gaussian AR(1): autocorrelation rho**t, inefficiency (1 + rho) / (1 - rho)."""
    kicks = rng.normal(size=n) * math.sqrt(1.0 - rho**2)
    kicks[0] = rng.normal()
    return signal.lfilter([1.0], [1.0, -rho], kicks)


def one(values):
    return values[None, :]


def slow_inefficiency(x):
    x = x - x.mean()
    rho = [x[t:] @ x[: x.size - t] / (x @ x) for t in range(2 * (x.size // 2))]
    total, least = 0.0, math.inf
    for even, odd in zip(rho[0::2], rho[1::2], strict=True):
        if even + odd <= 0.0:
            break
        least = min(least, even + odd)
        total += least
    return max(1.0, 2.0 * total - 1.0)


@pytest.mark.parametrize(("rho", "n"), [(0.0, 200), (0.5, 501), (0.9, 1000), (-0.5, 300)])
def test_inefficiency_agrees_with_its_slow_twin(rho, n):
    x = chain(np.random.default_rng(1), rho, n)
    assert inefficiency(x) == pytest.approx(slow_inefficiency(x), rel=1e-9)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
def test_inefficiency_of_a_gaussian_chain_is_known(rho):
    # Sokal: the relative error is sqrt(2 (2 window + 1) / n), with a window of at most 5 g here; z = 4.
    n = 100_000
    g = (1.0 + rho) / (1.0 - rho)
    found = inefficiency(chain(np.random.default_rng(2), rho, n))
    assert found == pytest.approx(g, rel=4.0 * math.sqrt(2.0 * (10.0 * g + 1.0) / n))


def test_what_is_all_equal_or_swings_is_worth_all_its_values():
    assert inefficiency(np.full(50, 3.0)) == 1.0
    assert inefficiency(np.tile([1.0, -1.0], 50)) == 1.0


def test_averaging_neighbours_first_changes_no_inefficiency(monkeypatch):
    x = chain(np.random.default_rng(3), 0.9, 1 << 15)
    whole = Course.of(x, one)
    monkeypatch.setattr(correlation, "SEGMENT", 1 << 11)
    short = Course.of(x, one)
    assert (whole.span, short.span) == (1, 16)
    # Exact but for where the sum of autocorrelations is broken off: the two agree to its error.
    assert short.inefficiency == pytest.approx(whole.inefficiency, rel=0.15)
    assert short.variance == pytest.approx(whole.variance, rel=1e-12)


def test_walking_in_segments_is_walking_at_once(monkeypatch):
    x = chain(np.random.default_rng(4), 0.04, 1 << 14)
    whole = Course.of(x, one).p_value
    monkeypatch.setattr(correlation, "SEGMENT", 1 << 12)
    # Only the three pairs across borders are lost, each some 1e-4 of a standard deviation of the sum.
    assert math.log(Course.of(x, one).p_value) == pytest.approx(math.log(whole), rel=0.05)


DRAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy": lambda rng, n: np.exp(3.0 * rng.normal(size=n)),
    "lattice": lambda rng, n: rng.poisson(0.5, n).astype(float),
}


@pytest.mark.parametrize("law", DRAWS)
@pytest.mark.parametrize("n", [100, 1000])
def test_independent_values_are_called_correlated_at_the_level_stated(law, n):
    # 200 sequences at 0.05: at most 21 by the 99.9 % band of the binomial law (Bonferroni errs to the left).
    found = [Course.of(DRAWS[law](np.random.default_rng([5, k]), n), one).p_value for k in range(200)]
    assert np.count_nonzero(np.array(found) < 0.05) <= stats.binom.ppf(0.9995, 200, 0.05)


def test_a_weak_correlation_of_long_reach_is_found_where_neighbours_show_nothing():
    # One hundredth of the variance is common to 500 consecutive values each: g = 6, lag-1 correlation 0.01.
    rng = np.random.default_rng(6)
    x = rng.normal(size=20_000) + 0.1 * np.repeat(rng.normal(size=40), 500)
    x_alone = rng.normal(size=20_000)
    assert abs(serial_correlation(one(x - x.mean()))) < 4.0
    assert Course.of(x, one).p_value < 0.001
    assert Course.of(x_alone, one).p_value > 0.001


def test_batch_means_know_the_variance_of_the_sum():
    # 200 blocks: the variance is known to sqrt(2 / 199); z = 4. Blocks of 10 g and more miss at most 5 %.
    n, rho = 200_000, 0.8
    course = Course.of(chain(np.random.default_rng(7), rho, n), one)
    blocks = independent_blocks((course,))
    assert blocks == correlation.MOST_BLOCKS
    expected = n * (1.0 + rho) / (1.0 - rho)
    found = batch_covariance((course,), blocks)[0, 0]
    assert found == pytest.approx(expected, rel=4.0 * math.sqrt(2.0 / 199.0) + 0.05)


def test_block_sums_are_those_of_the_slow_twin():
    x = np.random.default_rng(8).normal(size=103)
    course = Course.of(x, one)
    edges = [103 * k // 20 for k in range(21)]
    slow = [np.sum(x[a:b] - x.mean()) for a, b in itertools.pairwise(edges)]
    assert course.block_sums(20)[0] == pytest.approx(slow)
    assert batch_covariance((course,), 20)[0, 0] == pytest.approx(20.0 * np.var(slow, ddof=1))


def test_too_short_a_sequence_has_no_blocks():
    # g = 19, so 20 blocks of 10 g need 3,800 values.
    assert independent_blocks((Course.of(chain(np.random.default_rng(9), 0.9, 1500), one),)) == 0
    assert independent_blocks((Course.of(chain(np.random.default_rng(9), 0.9, 15_000), one),)) >= 20
