"""Crooks' theorem within groups: exact chances, what pooling does, rates where groups differ."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import signal, special, stats

from fluctua.analysis.crooks import bar, fit_crooks, judge_crooks
from fluctua.analysis.dependence import Dependence
from fluctua.analysis.dependent import crooks_anew
from fluctua.analysis.grouped_work import GroupedWork
from fluctua.analysis.scores import CrooksScores
from fluctua.analysis.strata import Strata
from fluctua.analysis.verify import verify

ALPHA, DELTA_F, DISSIPATION = 0.05, 0.7, 1.0
SPREAD = math.sqrt(2.0 * DISSIPATION)


def each_its_own(rng, groups, n, share, scale=1.0):
    """Draw groups that obey the theorem each, with ΔF of their own: `share` of the variance of the work."""
    codes = np.arange(n) % groups
    offset = rng.normal(0.0, math.sqrt(share / (1.0 - share)) * SPREAD, groups)[codes] + DELTA_F
    forward = offset + DISSIPATION + SPREAD * rng.normal(size=n)
    reverse = DISSIPATION - offset + SPREAD * rng.normal(size=n)
    return scale * forward, scale * reverse, codes


def all_together(rng, groups, n, share):
    """Draw groups that obey the theorem only together: each began in a part of the equilibrium."""
    codes = np.arange(n) % groups
    common = rng.normal(0.0, math.sqrt(share) * SPREAD, (2, groups))[:, codes]
    own = rng.normal(0.0, math.sqrt(1.0 - share) * SPREAD, (2, n))
    forward, reverse = DISSIPATION + common + own
    return forward + DELTA_F, reverse - DELTA_F, codes


def judged(forward, reverse, codes, delta_f=None):
    fit = fit_crooks(forward, reverse)
    both = codes if isinstance(codes, tuple) else (codes, codes)
    found = Dependence.of(forward, reverse, fit.free_energy, both)
    return crooks_anew(judge_crooks(fit, delta_f=delta_f), fit, found, ALPHA), found


def most(n):
    """Give the number of rejections that a right test exceeds once in a thousand."""
    return stats.binom.ppf(0.999, n, ALPHA)


# ---- what it is made of


def exact_chances(x, heads):
    """Sum over all labellings with so many heads: the law of labels, given their number."""
    n, total, sums = x.size, 0.0, np.zeros(x.size)
    for chosen in itertools.combinations(range(n), heads):
        weight = math.exp(sum(x[i] for i in chosen))
        total += weight
        sums[list(chosen)] += weight
    return sums / total


def test_chances_given_the_number_of_labels_are_those_of_the_enumeration():
    # The expansion leaves an error of order 1 / d^2, with d = 2.6 here; that of p itself is of order 1 / d.
    x = np.random.default_rng(1).normal(0.0, 1.0, 14)
    zeros = np.zeros(7, dtype=np.intp)
    work = GroupedWork.of(x[:7], -x[7:], (zeros, zeros), 0.0)
    chances = np.where(np.arange(14) < 7, 1.0, 0.0) - work.residuals()
    exact = exact_chances(x, 7)
    plain = special.expit(x + work.shift[0])
    assert np.abs(plain - exact).max() > 0.01
    assert np.abs(chances - exact).max() < 0.2 * np.abs(plain - exact).max()
    assert chances.sum() == pytest.approx(7.0, abs=1e-9)


def test_scores_of_groups_are_their_labels_less_the_chances_given_how_many_are_forward():
    rng = np.random.default_rng(17)
    codes = np.arange(60) % 6
    work = GroupedWork.of(rng.normal(0.5, 1.0, 60), rng.normal(0.5, 1.0, 60), (codes, codes), 0.0)
    scores, residuals = work.scores(), work.residuals()
    h = (work.work - work.centre[work.code]) / scores.width
    for k in range(3):
        slow = [np.sum((residuals * h ** (k + 1))[work.code == group]) for group in range(work.count)]
        assert scores.by_group[:, k] == pytest.approx(slow, abs=1e-8)
    # By enumeration: a group of 14 whose exact chances are known, for the sum of h.
    x, zeros = rng.normal(0.0, 1.0, 14), np.zeros(7, dtype=np.intp)
    one = GroupedWork.of(x[:7], -x[7:], (zeros, zeros), 0.0)
    label, h, width = np.arange(14) < 7, one.work - one.centre[0], one.scores().width
    exact, plain = exact_chances(x, 7), special.expit(x + one.shift[0])
    ours = np.sum(label * h) - width * one.scores().by_group[0, 0]
    assert abs(np.sum(plain * h) - np.sum(exact * h)) > 0.01
    assert ours == pytest.approx(np.sum(exact * h), abs=0.2 * abs(np.sum(plain * h) - np.sum(exact * h)))


@pytest.mark.parametrize(("largest", "other", "between"), [(900, 300, True), (3000, 100, False)])
def test_groups_count_by_how_much_they_know(largest, other, between):
    codes = np.repeat(np.arange(8), [largest, *[other] * 7])
    rng = np.random.default_rng(18)
    forward, reverse = 1.0 + SPREAD * rng.normal(size=(2, codes.size))
    found = Strata.of(forward, reverse, (codes, codes), 0.0)
    knows = []
    for group in range(8):
        x = np.concatenate([forward[codes == group], -reverse[codes == group]])
        p = special.expit(x - bar(forward[codes == group], reverse[codes == group]).value)
        v = p * (1.0 - p)
        knows.append(np.sum(v * (x - np.sum(v * x) / v.sum()) ** 2))
    effective = np.sum(knows) ** 2 / np.sum(np.square(knows))
    assert (effective > 5.0) == between
    assert found.groups == 8
    assert found.freedom == (pytest.approx(effective - 1.0, rel=1e-6) if between else math.inf)
    assert found.variance == ("8 groups" if between else "")


def test_one_large_group_is_the_fit_of_all():
    rng = np.random.default_rng(2)
    forward, reverse, codes = each_its_own(rng, 1, 4000, 0.0)
    fit = fit_crooks(forward, reverse)
    found = Strata.of(forward, reverse, (codes, codes), fit.free_energy)
    # The correction for an f of one's own is of order 1 / n.
    assert found.slope == pytest.approx(fit.slope, abs=2e-3)
    assert found.slope_error == pytest.approx(fit.slope_error, rel=1e-3)
    assert found.slope_statistic == pytest.approx(fit.slope_statistic, abs=0.05)
    assert found.smooth_statistic == pytest.approx(fit.smooth_statistic, abs=0.1)
    assert found.cusum_statistic == pytest.approx(fit.cusum_statistic, abs=0.05)


def test_a_constant_added_to_a_group_changes_nothing():
    rng = np.random.default_rng(3)
    forward, reverse, codes = each_its_own(rng, 7, 1400, 0.1)
    by = rng.normal(0.0, 3.0, 7)[codes]
    plain, moved = (
        Strata.of(forward + k * by, reverse - k * by, (codes, codes), DELTA_F) for k in (0.0, 1.0)
    )
    assert moved.slope == pytest.approx(plain.slope, rel=1e-6)
    assert moved.smooth_statistic == pytest.approx(plain.smooth_statistic, rel=1e-5)
    assert moved.cusum_statistic == pytest.approx(plain.cusum_statistic, rel=1e-5)


def test_a_wrong_temperature_is_the_slope_of_every_group():
    # Small groups: without the correction the slope would be 1.04 times as large (z = 6 of 30 ensembles).
    slopes, errors = [], []
    for k in range(30):
        forward, reverse, codes = each_its_own(np.random.default_rng([4, k]), 80, 1600, 0.3, scale=0.8)
        found = Strata.of(forward, reverse, (codes, codes), DELTA_F)
        slopes.append(found.slope)
        errors.append(found.slope_error)
    assert np.mean(slopes) == pytest.approx(1.25, abs=4.0 * np.mean(errors) / math.sqrt(30))
    assert np.std(slopes, ddof=1) == pytest.approx(np.mean(errors), rel=0.5)  # 4 / sqrt(2 * 29)


def test_groups_without_both_directions_or_overlap_are_left_out():
    rng = np.random.default_rng(5)
    forward, reverse, codes = each_its_own(rng, 10, 2000, 0.1)
    lonely = np.where(codes == 3, 10, codes)  # forward work of group 3 has no partner, nor its reverse work
    found = Strata.of(forward, reverse, (lonely, codes), DELTA_F)
    assert (found.groups, found.left_out) == (9, 2)
    apart = forward + 60.0 * (codes == 4)
    assert Strata.of(apart, reverse, (codes, codes), DELTA_F).groups == 9
    assert Strata.of(forward, reverse, (codes, codes + 10), DELTA_F) is None
    pairs = np.arange(2000)
    assert Strata.of(forward, reverse, (pairs, pairs), DELTA_F) is None


# ---- rates


def p_values(forward, reverse, codes):
    """Give the p-values of the slope within groups, of its shape, of the slope of all, and of ΔF."""
    estimate = bar(forward, reverse)
    found = Dependence.of(forward, reverse, estimate.value, (codes, codes))
    coin = CrooksScores.of(forward, reverse, estimate.value)
    sums = [coin.scores(forward=way, degree=1)(w)[1].sum() for way, w in ((True, forward), (False, reverse))]
    z = sum(sums) / math.sqrt(coin.naive[1, 1] * found.slope_score_variance_ratio)
    t = (estimate.value - DELTA_F) / (estimate.standard_error * math.sqrt(found.free_energy_variance_ratio))
    within = found.strata
    shape = 2.0 * min(within.smooth_p, within.cusum_p)
    return [within.slope_p, shape, *(2.0 * stats.t.sf(abs(x), found.groups - 1) for x in (z, t))]


def rates(draw, seed, ensembles, groups, n, share, **kw):
    """Count what is rejected: within groups, its shape, of all together, ΔF; and the slope by both."""
    p = np.array(
        [p_values(*draw(np.random.default_rng([seed, k]), groups, n, share, **kw)) for k in range(ensembles)]
    )
    return [*np.count_nonzero(p < ALPHA, axis=0), np.count_nonzero(np.maximum(p[:, 0], p[:, 2]) < ALPHA)]


def test_groups_that_differ_in_free_energy_are_judged_at_the_nominal_rate_where_pooling_is_not():
    within, shape, pooled, free_energy, both = rates(each_its_own, 6, 40, 12, 600, 0.5)
    assert max(within, shape, free_energy, both) <= most(40)
    assert pooled > 2 * most(40)


def test_groups_that_obey_the_theorem_only_together_are_not_said_to_break_it():
    # A negative control of the rule: within the groups the theorem is broken, and is seen to be.
    within, _, pooled, _, both = rates(all_together, 7, 40, 60, 1800, 0.4)
    assert max(pooled, both) <= most(40)
    assert within > most(40)


def test_a_fault_is_found_within_groups():
    within, *_, both = rates(each_its_own, 8, 20, 20, 3000, 0.2, scale=1.1)
    assert min(within, both) >= 14  # power 0.9


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.5])
@pytest.mark.parametrize("groups", [6, 8, 12, 20, 50])
def test_the_table_of_rates(groups, share):
    within, shape, _, free_energy, both = rates(each_its_own, 9, 400, groups, 600, share)
    assert max(within, shape, free_energy, both) <= most(400)


# ---- what is said


def test_groups_of_one_direction_that_differ_leave_the_slope():
    forward, reverse, codes = each_its_own(np.random.default_rng(10), 12, 2400, 0.2)
    verdict, found = judged(forward, reverse, (codes, codes + 12), DELTA_F)
    assert verdict.outcome == "undecidable"
    assert verdict.part("slope").starved.startswith("groups cannot be compared: 24 of them differ")
    assert found.free_energy_reason == ""
    # The control: groups that do not differ are clusters.
    forward, reverse, codes = each_its_own(np.random.default_rng(11), 12, 2400, 0.0)
    verdict, found = judged(forward, reverse, (codes, codes + 12))
    assert (found.reason, found.strata) == ("", None)
    assert verdict.part("slope").freedom == pytest.approx(22.0, rel=0.01)  # each direction has a mean


def test_groups_of_one_direction_that_do_not_differ_are_rarely_said_to():
    # Level 0.01: of 60, more than 5 once in a thousand.
    said = 0
    for k in range(60):
        forward, reverse, codes = each_its_own(np.random.default_rng([12, k]), 10, 300, 0.0)
        said += bool(Dependence.of(forward, reverse, DELTA_F, (codes, codes + 10)).reason)
    assert said <= stats.binom.ppf(0.999, 60, 0.01)


def test_few_groups_that_disagree_say_so():
    forward, reverse, codes = each_its_own(np.random.default_rng(13), 3, 900, 0.3)
    verdict, found = judged(forward, reverse, codes, DELTA_F)
    assert found.strata.variance == "3 groups"
    assert verdict.outcome == "undecidable"
    assert verdict.part("slope").starved.startswith(
        "too few groups: 3, and an error between groups needs 5; they"
    )
    assert verdict.part("ΔF").starved.startswith("too few groups: 3")


def test_memory_within_few_groups_widens_the_error():
    rng = np.random.default_rng(14)
    kicks = rng.normal(size=(2, 12_000)) * math.sqrt(1.0 - 0.8**2)
    forward, reverse = DISSIPATION + SPREAD * signal.lfilter([1.0], [1.0, -0.8], kicks)
    codes = np.repeat(np.arange(2), 6000)
    found = Dependence.of(forward, reverse, 0.0, (codes, codes))
    assert found.strata.variance.endswith("blocks")
    assert found.strata.slope_ratio > 1.5
    assert math.isfinite(found.strata.freedom)


def test_slopes_that_contradict_each_other_are_undecidable_with_both_numbers():
    forward, reverse, codes = all_together(np.random.default_rng(15), 200, 12_000, 0.4)
    verdict, _ = judged(forward, reverse, codes)
    assert verdict.outcome == "undecidable"
    assert verdict.part("slope").starved.startswith(
        "groups differ in more than ΔF, or each breaks the theorem: slope 1."
    )
    assert "within groups and slope" in verdict.reason


def test_a_report_holds_within_groups_where_the_pooled_slope_is_not_1():
    forward, reverse, codes = each_its_own(np.random.default_rng(16), 30, 20_000, 0.3)
    frames = [pd.DataFrame({"work": w, "molecule": codes.astype(str)}) for w in (forward, reverse)]
    report = verify(*frames, column="work", group="molecule")
    assert fit_crooks(forward, reverse).slope < 0.9
    assert report["crooks"].outcome == "holds"
    assert any(note.startswith("groups disagree: ΔF of 30 groups") for note in report.notes)
    assert verify(forward, reverse)["crooks"].outcome == "violated"  # the groups unknown
