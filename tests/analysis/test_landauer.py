"""Landauer's bound: an exactly solvable erasure at any speed, and faults that must be found."""

import math

import numpy as np
import pytest
from scipy import stats

from fluctua.analysis.landauer import erasure, judge_landauer
from fluctua.stochastic.errors import InvalidInput

ALPHA, ENSEMBLES = 0.05, 100
MOST = int(stats.binom.ppf(0.9995, ENSEMBLES, ALPHA))  # upper end of the 99.9 % band: 13


def staged(rng, n, stages=50, height=4.0, weight=0.5):
    """Raise the state that is not wanted in stages, each followed by full relaxation, then drop it at once.

    Returns the work in kT, which trajectories end erased, and which began so. Reversible for many stages: the
    work is then the bound.
    """
    levels = np.linspace(0.0, height, stages + 1)
    odds = (1.0 - weight) / weight
    wrong = rng.random((stages + 1, n)) < (odds * np.exp(-levels) / (1.0 + odds * np.exp(-levels)))[:, None]
    work = np.diff(levels) @ wrong[:-1] - height * wrong[-1]
    return work, ~wrong[-1], ~wrong[0]


def mean_work(stages=50, height=4.0):
    levels = np.linspace(0.0, height, stages + 1)
    wrong = np.exp(-levels) / (1.0 + np.exp(-levels))
    return np.diff(levels) @ wrong[:-1] - height * wrong[-1], 1.0 - wrong[-1]


def ensembles(seed, n, **how):
    return [staged(np.random.default_rng([seed, k]), n, **how) for k in range(ENSEMBLES)]


def binary_entropy(p):
    return -p * math.log(p) - (1.0 - p) * math.log(1.0 - p)


def test_the_bound_of_a_symmetric_memory_is_ln_2_less_the_entropy_of_the_error():
    work, success, _ = staged(np.random.default_rng(81), 40_000)
    found = erasure(work, success)
    exact_work, exact_success = mean_work()
    excess = exact_work - (math.log(2.0) - binary_entropy(exact_success))
    # The error of the excess is the one stated; 4 standard errors are a false alarm of 6e-5.
    assert found.excess == pytest.approx(excess, abs=4.0 * found.standard_error)
    assert found.bound == pytest.approx(math.log(2.0) - binary_entropy(found.success), abs=1e-3)
    assert found.success == pytest.approx(exact_success, abs=4.0 * math.sqrt(0.02 / 40_000))


@pytest.mark.parametrize("measured", [False, True])
def test_the_error_of_the_excess_is_right(measured):
    """Mean and variance of 100 standardised deviations lie in their 99.9 % bands; the weight is 0.7."""
    levels = np.linspace(0.0, 4.0, 51)
    wrong = 0.3 * np.exp(-levels) / (0.7 + 0.3 * np.exp(-levels))
    p = 1.0 - wrong[-1]
    cost = p * math.log(p / 0.7) + (1.0 - p) * math.log((1.0 - p) / 0.3)
    exact = np.diff(levels) @ wrong[:-1] - 4.0 * wrong[-1] - cost
    z = []
    for work, success, began in ensembles(82, 2_000, weight=0.7):
        found = erasure(work, success, **({"started": began} if measured else {"weight": 0.7}))
        z.append((found.excess - exact) / found.standard_error)
    assert abs(np.mean(z)) < 3.29 / math.sqrt(ENSEMBLES)
    low, high = stats.chi2.ppf([0.0005, 0.9995], ENSEMBLES - 1) / (ENSEMBLES - 1)
    assert low < np.var(z, ddof=1) < high


def test_the_error_with_a_measured_weight_is_that_of_the_jackknife():
    """Where the end remembers the start, the sign of each term counts."""
    rng, n = np.random.default_rng(91), 600
    began = rng.random(n) < 0.4
    ended = np.where(rng.random(n) < 0.5, began, rng.random(n) < 0.9)
    work = 1.0 - 0.5 * ended + rng.normal(0.0, 0.2, n)
    left = np.array(
        [erasure(work[keep], ended[keep], started=began[keep]).excess for keep in ~np.eye(n, dtype=bool)]
    )
    jackknife = math.sqrt((n - 1.0) * left.var())
    assert erasure(work, ended, started=began).standard_error == pytest.approx(jackknife, rel=0.02)


@pytest.mark.parametrize("n", [60, 1_000])
def test_a_reversible_erasure_is_not_violated_more_often_than_allowed(n):
    """The work lies 0.02 kT above the bound, less than its error: nearly saturated."""
    words = [judge_landauer(work, success).outcome for work, success, _ in ensembles(83, n)]
    assert words.count("violated") <= MOST


def test_the_average_over_successes_is_exact_at_any_speed():
    """Two stages are a fast erasure; its average is 1/2, and too high in 5 % of 100: at most 13 at 99.9 %."""
    for measured in (False, True):
        p = [
            erasure(work, success, started=began if measured else None).average_p
            for work, success, began in ensembles(84, 500, stages=2)
        ]
        assert np.count_nonzero(np.array(p) < ALPHA) <= MOST


def test_slow_erasure_holds_and_says_how_much_it_proves():
    work, success, _ = staged(np.random.default_rng(85), 20_000)
    verdict = judge_landauer(work, success)
    assert verdict.outcome == "holds"
    assert "a fault of less than that would not be seen" in verdict.reason
    told = verdict.part("-ln<exp(-W) success>")
    assert told.expected == pytest.approx(math.log(2.0))
    assert told.estimate == pytest.approx(math.log(2.0), abs=4.0 * told.standard_error)
    assert "both states of the memory weigh the same" in verdict.assumptions


def test_a_fast_erasure_proves_less():
    slow, fast = (
        erasure(*staged(np.random.default_rng(86), 20_000, stages=stages)[:2]).excess for stages in (50, 2)
    )
    assert fast > 10.0 * slow


FAULTS = {
    "work halved": lambda work, success: (0.5 * work, success, {}),
    "sign of the work turned": lambda work, success: (-work, success, {}),
    "all counted as erased": lambda work, success: (work - 0.05, np.ones_like(success), {}),
    "a memory that was never full": lambda work, success: (work, success, {"weight": 0.3}),
    "free energy too low": lambda work, success: (work, success, {"delta_f": 0.2}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault):
    work, success, _ = staged(np.random.default_rng(87), 10_000)
    work, success, told = FAULTS[fault](work, success)
    assert judge_landauer(work, success, **told).outcome == "violated"


def test_a_fault_that_the_bound_cannot_see_is_seen_by_the_average():
    """Fast, so that the bound has room: 0.1 kT too little on successes."""
    work, success, _ = staged(np.random.default_rng(88), 40_000, stages=2)
    verdict = judge_landauer(work - 0.1, success)
    assert verdict.outcome == "violated"
    assert verdict.part("<W> - bound").p_value > 0.5
    assert verdict.part("average over successes").p_adjusted < ALPHA


def test_no_success_and_only_successes_have_numbers():
    work = np.random.default_rng(89).normal(3.0, 0.5, 100)
    for marks in (np.zeros(100, dtype=bool), np.ones(100, dtype=bool)):
        verdict = judge_landauer(work, marks)
        assert verdict.outcome == "holds"
        assert math.isfinite(verdict.standard_error)


def test_work_may_lie_at_two_million_kt():
    work, success, _ = staged(np.random.default_rng(90), 2_000)
    near = erasure(work, success)
    far = erasure(work + 2e6, success, delta_f=2e6)
    assert far.excess == pytest.approx(near.excess, abs=1e-8)
    assert far.average_p == pytest.approx(near.average_p, rel=1e-6)


def test_bad_columns_are_refused():
    work, success = np.arange(4.0), np.array([True, False, True, True])
    bad = [
        ((work, success[:3]), {}),
        ((work, np.array([0.0, 1.0, 2.0, 1.0])), {}),
        ((work[:1], success[:1]), {}),
        ((work * np.nan, success), {}),
        ((work, success), {"weight": 1.0}),
    ]
    for columns, told in bad:
        with pytest.raises(InvalidInput):
            erasure(*columns, **told)
