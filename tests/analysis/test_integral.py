"""Exponential averages: their tail, their errors, and what they cannot say."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fluctua.analysis.integral import exponential_average, judge_integral, tail_count
from fluctua.analysis.tail import falls, tail_index
from fluctua.stochastic.errors import InvalidInput

import truth


def test_average_is_the_plain_one_where_that_can_be_computed():
    s = truth.gaussian_entropy(np.random.default_rng(31), 1.0, 5_000)
    average, terms = exponential_average(s), np.exp(-s)
    error = terms.std(ddof=1) / math.sqrt(s.size)
    assert average.value == pytest.approx(-math.log(terms.mean()), abs=1e-13)
    assert average.standard_error == pytest.approx(error / terms.mean(), rel=1e-12)
    assert average.statistic == pytest.approx((terms.mean() - 1.0) / error, rel=1e-9)
    assert average.mean_p == pytest.approx(
        stats.ttest_1samp(np.append(terms, 0.0), 1.0, alternative="greater").pvalue
    )
    assert average.effective == pytest.approx(terms.sum() ** 2 / np.sum(terms**2))


@pytest.mark.parametrize("offset", [-2e6, 2e6])
def test_values_may_be_far_beyond_the_range_of_exp(offset):
    s = truth.gaussian_entropy(np.random.default_rng(32), 1.0, 1_000)
    near, far = exponential_average(s), exponential_average(s + offset)
    assert far.value - offset == pytest.approx(near.value, abs=1e-8)
    assert far.tail_index == pytest.approx(near.tail_index, abs=1e-6)
    assert judge_integral(s + offset).outcome == ("violated" if offset < 0 else "undecidable")


@pytest.mark.parametrize("index", [0.2, 0.5, 1.0, 2.0])
def test_tail_index_of_pareto_samples(index):
    found = [
        tail_index(-np.log(stats.pareto.rvs(1.0 / index, size=20_000, random_state=k))) for k in range(20)
    ]
    # 424 of the largest: the error is (1 + index) / sqrt(424) or so; the prior at 1/2 weighs 10 values.
    expected = (424 * index + 5.0) / 434
    assert np.mean(found) == pytest.approx(expected, abs=4.0 * (1.0 + index) / math.sqrt(424 * 20))


def test_tail_index_of_bounded_and_of_few_terms():
    assert tail_index(-np.log(np.random.default_rng(33).random(10_000))) < 0.0
    assert tail_index(np.zeros(10_000)) == -math.inf
    assert tail_index(-np.log(np.arange(1.0, 20.0))) == math.inf, "too few to say"


@pytest.mark.parametrize(("mean", "spacing"), [(0.25, 0.1), (3.0, 0.1), (3.0, 0.5)])
def test_tail_index_forgives_rounding(mean, spacing):
    # To a fifth of the spread at most. The error of either, of 948 values, is what the tolerance begins with.
    s = truth.gaussian_entropy(np.random.default_rng(35), mean, 100_000)
    exact, rounded = tail_index(s), tail_index(spacing * np.round(s / spacing))
    assert rounded == pytest.approx(exact, abs=(1.0 + exact) / math.sqrt(948) + 0.1 * spacing)


def test_tail_index_of_bounded_values_in_ties():
    steps = np.random.default_rng(36).poisson(1.0, 20_000)
    assert tail_index(0.1 * steps + 0.3 - 0.1) == -math.inf, "the least value is that of a third of them"
    few = np.concatenate([np.full(8, -0.3), np.full(100, -0.2), np.full(20_000, 0.1)])
    assert tail_index(few) < 0.7
    assert tail_index(few * (1.0 + 1e-15 * np.arange(few.size) % 3)) == pytest.approx(
        tail_index(few), abs=1e-6
    )


SIZES, MASSES = np.array([0.54, 0.93, 1.05, 4.53]), np.array([0.35, 0.5, 0.02, 0.13])


def few_valued(rng, n):
    """Draw from four sizes with signs of the theorem, so that exp(-s) averages to 1 exactly."""
    size = rng.choice(SIZES, n, p=MASSES)
    return np.where(rng.random(n) < 1.0 / (1.0 + np.exp(-size)), size, -size)


def test_a_few_values_are_judged_by_how_often_they_were_taken():
    rng = np.random.default_rng(37)
    covered = []
    for _ in range(200):
        s = few_valued(rng, 30_000)
        average = exponential_average(s)
        assert judge_integral(s).outcome in ("holds", "violated")
        assert average.sampled
        covered.append(abs(average.value) < 1.959964 * average.standard_error)
    assert tail_index(s) > 0.7, "a Pareto law fitted to ties that were spread"
    assert np.mean(covered) == pytest.approx(0.95, abs=3.0 * math.sqrt(0.0475 / 200))
    assert judge_integral(s).outcome == "holds"


@pytest.mark.parametrize("seen", [1, 5, 9])
def test_a_heavy_value_that_is_rare_leaves_the_tail_unsampled(seen):
    n, share = 30_000, 0.11
    s = np.concatenate([few_valued(np.random.default_rng(38), n - seen) - math.log(1.0 - share)])
    s = np.append(s, np.full(seen, math.log(seen / (share * n))))
    average, verdict = exponential_average(s), judge_integral(s)
    # The slow twin: the share of values seen fewer than ten times, by counting all.
    value, count = np.unique(np.round(s, 6), return_counts=True)
    rare = (count < 10) @ (count * np.exp(-value)) / (count @ np.exp(-value))
    assert average.rare_share == pytest.approx(rare, rel=1e-4)
    assert average.tail_index == pytest.approx(1.0 - math.log(rare) / math.log(seen / n), rel=1e-4)
    assert verdict.outcome == "undecidable"
    assert f"values seen fewer than 10 times carry {100 * rare:.2g} % of the average" in verdict.reason


def driven_qubit(rng, n):
    """Draw atoms, a continuum around them and a rare one beyond, with signs of the theorem.

    As the work of a qubit that is measured twice and seldom jumps (gap 2, T = 1/0.7).
    """
    size = rng.choice([1.4258, 0.0258], n, p=[0.97, 0.03])
    band, far = rng.random(n) < 0.17, rng.random(n) < 0.026
    size = np.where(band, rng.uniform(1.35, 1.49, n), size)
    size = np.where(far, rng.uniform(2.84, 2.89, n), size)
    return np.where(rng.random(n) < 1.0 / (1.0 + np.exp(-size)), size, -size)


def test_atoms_in_a_continuum_are_judged_by_what_the_largest_terms_carry():
    rng, covered, heavy, repeats = np.random.default_rng(41), 0, 0, 100
    for _ in range(repeats):
        s = driven_qubit(rng, 20_000)
        average, terms = exponential_average(s), np.sort(np.exp(-s))
        assert average.largest_share == pytest.approx(terms[-10:].sum() / terms.sum())
        assert average.sampled
        heavy += average.tail_index > 0.7
        covered += abs(average.value) < 1.959964 * average.standard_error
    assert covered / repeats == pytest.approx(0.95, abs=3.0 * math.sqrt(0.0475 / repeats))
    assert heavy > repeats / 2, "control: a Pareto law fitted to steps"
    assert judge_integral(s).outcome == "holds"


@pytest.mark.parametrize("n", [2_000, 100_000])
def test_largest_terms_that_carry_much_stay_unsampled(n):
    """Controls: exponential sizes of mean 3, whose index is 0.75, and a rare mode far beyond the atoms."""
    rng = np.random.default_rng(42)
    size = rng.exponential(3.0, n)
    s = np.where(rng.random(n) < 1.0 / (1.0 + np.exp(-size)), size, -size)
    average = exponential_average(s)
    assert average.largest_share > 0.02
    assert average.sampled == (average.tail_index < 0.7)
    s = driven_qubit(rng, n)
    s[:6] = -8.0
    average = exponential_average(s)
    assert average.heavy
    assert f"largest terms carry {100.0 * average.largest_share:.2g} % of the average" in average.starved


@pytest.mark.parametrize(
    ("largest", "following", "fall"),
    [
        (0.019, 0.04, True),
        (0.021, 0.9, False),
        (0.01, 0.0201, True),
        (0.01, 0.0198, False),
        (0.01, math.nan, False),
    ],
)
def test_terms_fall_where_ten_carry_two_per_cent_and_half_of_the_next_ninety(largest, following, fall):
    assert falls(largest, following) is fall


def test_the_next_ninety_terms_are_told_where_the_ten_largest_carry_little():
    s = -np.log(np.r_[np.full(40, 2.0), np.linspace(2.2, 2.6, 60), np.linspace(0.5, 1.5, 19_900)])
    average, terms = exponential_average(s), np.sort(np.exp(-s))[::-1]
    assert average.following_share == pytest.approx(terms[10:100].sum() / terms.sum())
    slow = replace(average, tail_index=0.9, largest_share=0.01, following_share=0.015)
    assert (slow.heavy, slow.unseen) == (True, 0.0)
    assert "Pareto index 0.90, the 10 largest terms carry 1 % of the average, and the next 90 only 1.5 %" in (
        slow.starved
    )
    fast = replace(slow, following_share=0.03)
    assert (fast.heavy, fast.unseen) == (False, 0.01)
    assert replace(fast, tail_index=0.6).unseen == 0.0, "an index below 0.7 speaks for itself"


@pytest.mark.parametrize(("index", "share"), [(0.85, 0.05), (1.0, 0.2)])
def test_rare_terms_that_do_not_fall_are_not_shown_to_hold(index, share):
    """Rare terms over twelve decades that carry little of an average which is 0.1 too high."""
    rng, repeats, least = np.random.default_rng(43), 40, 1e-12
    rest = 1.0 - index
    mean = (1.0 - least**rest) / rest if rest else -math.log(least)
    little = held = 0
    for _ in range(repeats):
        rare = (least + (1.0 - least) * rng.random(100_000)) ** -index / mean
        s = -np.log(1.0 - share + share * rare) - 0.1
        little += exponential_average(s).largest_share < 0.02
        held += judge_integral(s).outcome == "holds"
    assert little > repeats / 4, "control: the ten largest alone would decide nothing"
    assert held <= stats.binom.isf(1e-3, repeats, 0.05)


def test_what_may_lie_beyond_the_largest_terms_has_to_be_within_the_tolerance_too():
    s = driven_qubit(np.random.default_rng(44), 20_000)
    s -= exponential_average(s).value
    average = exponential_average(s)
    assert average.unseen == average.largest_share > 0.0
    spread = 2.0 * average.standard_error
    verdict = judge_integral(s, tolerance=spread + 0.2 * average.unseen)
    assert verdict.outcome == "undecidable"
    assert "beyond the largest terms may lie as much as they carry, 0." in verdict.reason
    assert judge_integral(s, tolerance=spread + 1.1 * average.unseen).outcome == "holds", "control"


def test_tail_count_is_an_exact_binomial_bound():
    s = np.concatenate([np.full(30, -3.5), np.full(970, 1.0)])
    # 30 of 1,000 below -3, where e^-3 = 0.0498 are allowed: not too many; of -5 there are none.
    assert tail_count(s) == 1.0
    many = np.concatenate([np.full(90, -3.5), np.full(910, 1.0)])
    assert tail_count(many) == pytest.approx(8 * stats.binom.sf(89, 1000, math.exp(-3.0)), rel=1e-9)


@pytest.mark.parametrize(
    ("mean_p", "tail_p", "joined"), [(0.019, 0.9, 0.02), (0.9, 0.001, 0.02), (0.97, 0.3, 1.0)]
)
def test_the_t_test_has_nineteen_twentieths_of_the_error_rate_and_the_count_one(mean_p, tail_p, joined):
    average = replace(exponential_average([0.1, 0.2, 0.3]), mean_p=mean_p, tail_p=tail_p)
    assert average.excess_p == pytest.approx(joined, rel=1e-12)


def test_the_missing_tail_is_told_in_words():
    s = np.random.default_rng(34).normal(4.0, 0.1, 1_000)
    average = exponential_average(s)
    upper = np.exp(-s).mean() + stats.t.ppf(0.95, 999) * np.exp(-s).std(ddof=1) / math.sqrt(1_000)
    assert average.missing == pytest.approx(-math.log((1.0 - upper) * 1_000 / 3.0))
    verdict = judge_integral(s)
    assert verdict.outcome == "undecidable"
    assert "must lie 5.8 k_B below the expected value" in verdict.reason
    assert verdict.n_needed is None


def test_no_trajectory_below_the_expected_value_is_asked_for_where_none_is_needed():
    s = np.random.default_rng(37).normal(0.01, 0.001, 200)
    average = exponential_average(s)
    assert average.missing > 0.0, "a hundredth is lacking, and unseen trajectories may be a hundredth"
    assert average.lacking.endswith("disproves nothing")
    assert "below the expected value" not in average.starved


def test_one_value_has_no_error():
    average = exponential_average([1.0])
    assert math.isnan(average.standard_error)
    assert judge_integral([1.0, 2.0]).outcome == "undecidable"


# ---- atoms, absolute irreversibility -------------------------------------------------------------


def pure_start(rng, n):
    """Draw entropy production of two levels that start in the upper one (gap 1, T = 0.5, rates, t = 2).

    With exact laws: s is ln p_0(x_0) - ln p_t(x_t) less the entropy 2 that each jump down sends out.
    """
    down = 1.0 / -math.expm1(-2.0)
    up = down - 1.0
    settled, decay = down / (down + up), math.exp(-2.0 * (down + up))
    below = settled * (1.0 - decay)
    ends_below = rng.random(n) < below
    return np.where(ends_below, -math.log(below) + 2.0, -math.log1p(-below))


def test_a_pure_start_has_the_average_that_absolute_irreversibility_leaves():
    s = pure_start(np.random.default_rng(38), 100_000)
    # <exp(-s)> = p_t(1) + p_t(0) exp(-2): the chance that the way back lands in the upper level again.
    weight = 1.0 - 0.123815
    verdict = judge_integral(s, irreversible_weight=weight)
    assert verdict.outcome == "holds"
    assert abs(verdict.estimate + math.log(0.123815)) < 4.0 * verdict.standard_error + 1e-5
    assert verdict.should_be == "-ln(1 - 0.8762)"
    assert "1 - 0.8762 of absolute irreversibility" in verdict.reason
    assert judge_integral(s).outcome == "undecidable", "a low average alone disproves nothing"
    assert judge_integral(s, irreversible_weight=0.9).outcome == "violated", "control: too much left out"


@pytest.mark.parametrize("weight", [-0.1, 1.0, math.nan])
def test_a_weight_of_absolute_irreversibility_is_a_probability(weight):
    with pytest.raises(InvalidInput, match="no probability below 1 \\(irreversible_weight\\)"):
        judge_integral([0.1, 0.2], irreversible_weight=weight)


def test_ways_without_return_count_as_zero():
    s = truth.gaussian_entropy(np.random.default_rng(39), 0.5, 5_000)
    some = np.append(s, np.full(1_000, math.inf))
    average, terms = exponential_average(some), np.exp(-some)
    assert average.value == pytest.approx(-math.log(terms.mean()))
    assert average.standard_error == pytest.approx(stats.sem(terms) / terms.mean())
    assert average.impossible == 1_000
    assert "in 1,000 trajectories" in judge_integral(some).reason
    assert exponential_average(s).impossible == 0
    with pytest.raises(InvalidInput, match="all infinite"):
        exponential_average([math.inf, math.inf])
    for bad in (-math.inf, math.nan, 1e60):
        with pytest.raises(InvalidInput, match="1 of 4 values are not finite, first in row 1"):
            exponential_average([0.0, bad, 1.0, math.inf])


@pytest.mark.parametrize("n", [30, 200, 1_000])
def test_a_rare_high_value_does_not_make_an_average_too_high(n):
    """Work 0, and 3 kT with the probability 0.001: the plain t-test rejects up to 97 % of such samples."""
    rng, rare, repeats = np.random.default_rng(40), 0.001, 1_000
    known = -math.log((1.0 - rare) + rare * math.exp(-3.0))
    rejected = plain = 0
    for _ in range(repeats):
        w = np.where(rng.random(n) < rare, 3.0, 0.0) - known
        average = exponential_average(w)
        rejected += average.mean_p < 0.05
        plain += average.statistic > stats.t.isf(0.05, n - 1)
    assert rejected <= 0.05 * repeats + 3.0 * math.sqrt(0.05 * 0.95 * repeats)
    assert plain > 0.25 * repeats, "control: the test that was mended"


@pytest.mark.parametrize("spacing", [0.5, 1.0])
def test_values_without_wide_gaps_between_them_stay_rounded_ones(spacing):
    s = spacing * np.round(truth.gaussian_entropy(np.random.default_rng(39), 2.5, 100_000) / spacing)
    average = exponential_average(s)
    assert math.isnan(average.rare_share)
    assert average.tail_index == tail_index(s)
