"""BAR, slope and shape against slow twins, other packages, and exact facts."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, special, stats

from fluctua.analysis.crooks import ENOUGH_INFORMATION, bar, fit_crooks, judge_crooks
from fluctua.analysis.relabelling import Labels
from fluctua.stochastic.errors import InvalidInput

import truth

SIZES = [(1.0, 400, 400), (2.0, 1000, 300), (5.0, 200, 2000)]


def slow_fit(work_forward, work_reverse):
    """BAR and its tests as the formulas stand in the notes, with nothing done for speed or range."""
    x = np.concatenate([work_forward, -work_reverse])
    label = np.concatenate([np.ones(work_forward.size), np.zeros(work_reverse.size)])
    sizes = math.log(work_forward.size / work_reverse.size)

    def chance(f):
        return 1.0 / (1.0 + np.exp(-(sizes + x - f)))

    f = optimize.brentq(lambda f: chance(f).sum() - work_forward.size, x.min() - 50, x.max() + 50, xtol=1e-13)
    p = chance(f)
    v, residual = p * (1.0 - p), label - p
    powers = np.vander((x - x.mean()) / x.std(), 4, increasing=True)
    q, _ = np.linalg.qr(np.sqrt(v)[:, None] * powers)
    components = (residual / np.sqrt(v)) @ q[:, 1:]
    walk = np.cumsum(residual[np.argsort(x)])
    error = math.sqrt(1.0 / v.sum() - 1.0 / work_forward.size - 1.0 / work_reverse.size)
    return {
        "free_energy": f,
        "free_energy_error": error,
        "information": v.sum(),
        "slope_statistic": components[0] * np.sign(q[np.argmax(x), 1]),
        "smooth_statistic": components @ components,
        "cusum_statistic": np.abs(walk).max() / math.sqrt(v.sum()),
    }


@pytest.mark.parametrize(("dissipation", "n_forward", "n_reverse"), SIZES)
def test_fit_agrees_with_its_slow_twin(dissipation, n_forward, n_reverse):
    pair = truth.gaussian_pair(np.random.default_rng(1), dissipation, n_forward, n_reverse)
    fit, slow = fit_crooks(pair.forward, pair.reverse), slow_fit(pair.forward, pair.reverse)
    for name, value in slow.items():
        assert getattr(fit, name) == pytest.approx(value, rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize(("dissipation", "n_forward", "n_reverse"), SIZES)
def test_bar_and_slope_agree_with_a_general_linear_model(dissipation, n_forward, n_reverse):
    pair = truth.gaussian_pair(np.random.default_rng(2), dissipation, n_forward, n_reverse)
    work = np.concatenate([pair.forward, -pair.reverse])
    label = np.repeat([1.0, 0.0], [n_forward, n_reverse])
    offset = work + math.log(n_forward / n_reverse)
    binomial = sm.families.Binomial()
    one = sm.GLM(label, np.ones(work.size), family=binomial, offset=offset).fit(tol=1e-14)
    both = sm.GLM(label, sm.add_constant(work), family=binomial).fit(tol=1e-14)
    fit = fit_crooks(pair.forward, pair.reverse)
    assert fit.free_energy == pytest.approx(-one.params[0], abs=1e-8)
    assert bar(pair.forward, pair.reverse).value == pytest.approx(-one.params[0], abs=1e-8)
    assert fit.slope == pytest.approx(both.params[1], abs=1e-8)
    assert fit.slope_error == pytest.approx(both.bse[1], rel=1e-6)


def test_work_may_sit_at_two_million_kt():
    pair = truth.gaussian_pair(np.random.default_rng(3), 3.0, 500)
    near = fit_crooks(pair.forward, pair.reverse)
    for offset in (2e6, -2e6):
        far = fit_crooks(pair.forward + offset, pair.reverse - offset)
        # The work itself is rounded to 2e6 times 1.1e-16 each.
        assert far.free_energy - offset == pytest.approx(near.free_energy, abs=1e-9)
        assert far.slope == pytest.approx(near.slope, abs=1e-8)


def test_a_constant_shift_and_an_exchange_of_directions_change_nothing_else():
    pair = truth.quench_pair(np.random.default_rng(4), 500)
    fit, exchanged = fit_crooks(pair.forward, pair.reverse), fit_crooks(pair.reverse, pair.forward)
    assert exchanged.free_energy == pytest.approx(-fit.free_energy, abs=1e-10)
    assert exchanged.slope == pytest.approx(fit.slope, abs=1e-8)
    assert exchanged.information == pytest.approx(fit.information, rel=1e-10)


def test_order_of_equal_values_does_not_matter():
    rng = np.random.default_rng(5)
    pair = truth.gaussian_pair(rng, 1.0, 300)
    forward, reverse = np.round(pair.forward), np.round(pair.reverse)
    fits = [fit_crooks(rng.permutation(forward), rng.permutation(reverse)) for _ in range(3)]
    assert len({round(fit.cusum_statistic, 12) for fit in fits}) == 1


def test_relabelled_and_limit_p_values_agree_where_information_is_large(monkeypatch):
    pair = truth.gaussian_pair(np.random.default_rng(6), 2.0, 1000)
    monkeypatch.setattr("fluctua.analysis.crooks_fit._SMALL_STEP", math.inf)
    limit = fit_crooks(pair.forward, pair.reverse)
    assert limit.information > ENOUGH_INFORMATION
    monkeypatch.setattr("fluctua.analysis.crooks_fit.ENOUGH_INFORMATION", math.inf)
    drawn = fit_crooks(pair.forward, pair.reverse)
    assert (limit.method, drawn.method) == ("limit law", "labels drawn again")
    for name in ("slope_p", "smooth_p"):  # 999 draws: four standard deviations of a proportion are 0.064
        assert getattr(drawn, name) == pytest.approx(getattr(limit, name), abs=0.07)
    assert drawn.cusum_p <= limit.cusum_p + 0.07  # the limit of the walk is conservative


def test_without_overlap_there_is_no_interval_and_no_verdict():
    pair = truth.gaussian_pair(np.random.default_rng(7), 300.0, 1000)
    estimate = bar(pair.forward, pair.reverse)
    assert math.isnan(estimate.standard_error)
    verdict = judge_crooks(fit_crooks(pair.forward, pair.reverse), delta_f=pair.delta_f)
    assert verdict.outcome == "undecidable"
    assert verdict.reason.startswith("no overlap")
    assert verdict.standard_error is None
    assert verdict.n_needed is None


def test_work_on_the_wrong_side_is_violated_although_nothing_overlaps():
    pair = truth.gaussian_pair(np.random.default_rng(8), 300.0, 1000)
    verdict = judge_crooks(fit_crooks(-pair.forward, -pair.reverse))
    assert verdict.outcome == "violated"


def test_needed_trajectories_are_those_of_the_exact_table():
    # Gaussian work, slope within 0.05 at 90 % chance: 9,200 a direction at 1 kT, 8,900 at 3 kT.
    for dissipation, exact in ((1.0, 9200), (3.0, 8900)):
        pair = truth.gaussian_pair(np.random.default_rng(9), dissipation, 2000)
        fit = fit_crooks(pair.forward, pair.reverse)
        verdict = judge_crooks(fit)
        assert verdict.outcome == "undecidable"
        # The error of the slope is known to a few percent, and the number is rounded up to two digits.
        assert verdict.n_needed == pytest.approx(exact, rel=0.15)
        assert verdict.min_detectable == pytest.approx((1.959964 + 0.841621) * fit.slope_error, rel=1e-6)


def test_samples_apart_have_no_slope(monkeypatch):
    """The maximum lies at infinity: nobody climbs there."""
    monkeypatch.setattr("fluctua.analysis.crooks_fit._likelihood", None)
    work = np.random.default_rng(13).uniform(1.0, 2.0, 50)
    for forward, reverse in ((work, work), (-work, -work)):
        assert math.isnan(fit_crooks(forward, reverse).slope)


def test_work_that_meets_at_one_value_has_no_slope_and_says_so():
    forward = np.repeat([0.0, 30.0], [5_000, 100])
    reverse = np.repeat([0.0, 30.0], [5_000, 50])  # stands at -30 on the axis of forward work
    fit = fit_crooks(forward, reverse)
    verdict = judge_crooks(fit)
    assert fit.information > 1_000
    assert math.isnan(fit.slope)
    assert verdict.outcome == "undecidable"
    assert "meet at one value at most" in verdict.reason
    assert "information" not in verdict.reason
    apart = judge_crooks(fit_crooks(forward + 30.0, reverse + 30.0)).part("slope")
    assert apart.starved.startswith("no overlap: forward and reverse work share the information of")


def test_shape_needs_twenty_values_in_each_direction():
    pair = truth.gaussian_pair(np.random.default_rng(10), 0.2, 5000, 15)
    verdict = judge_crooks(fit_crooks(pair.forward, pair.reverse))
    assert verdict.outcome == "undecidable"
    assert "shape needs 20" in verdict.part("shape").starved


def test_joint_statistic_is_the_sum_of_two_independent_ones():
    pair = truth.gaussian_pair(np.random.default_rng(11), 2.0, 2000)
    verdict = judge_crooks(fit_crooks(pair.forward, pair.reverse), delta_f=pair.delta_f)
    slope, energy, joint = (verdict.part(name) for name in ("slope", "ΔF", "joint"))
    assert joint.statistic == pytest.approx(slope.statistic**2 + energy.statistic**2)
    assert joint.p_value == pytest.approx(stats.chi2.sf(joint.statistic, 2))
    assert joint.p_adjusted is None, "told, not judged"


def test_outliers_of_any_size_do_not_break_the_arithmetic():
    pair = truth.gaussian_pair(np.random.default_rng(12), 1.0, 500)
    for outlier in (1e6, 1e45):
        far = np.append(pair.forward, outlier)
        assert judge_crooks(fit_crooks(far, pair.reverse)).outcome == "undecidable", "e^-1e6 is not tested"
        near = np.append(pair.forward, -outlier)
        assert judge_crooks(fit_crooks(near, pair.reverse)).outcome == "violated", "it cannot be"


@pytest.mark.parametrize("wrong", [[], [1.0, math.nan], [math.inf], [1e60]])
def test_what_is_no_sample_is_refused(wrong):
    with pytest.raises(InvalidInput):
        bar(wrong, [1.0, 2.0])
    with pytest.raises(InvalidInput):
        bar([1.0, 2.0], wrong)


def test_one_rare_trajectory_is_judged_by_drawing_again():
    """A label that falls so once in 120 runs moves the cubic by 8: the limit law would say 1e-20."""
    pair = truth.quench_pair(np.random.default_rng(3), 600)
    fit = fit_crooks(pair.forward, np.append(pair.reverse[:-1], -5.5))
    assert fit.information > ENOUGH_INFORMATION
    assert special.chdtrc(fit.smooth_degrees, fit.smooth_statistic) < 1e-10
    assert fit.smooth_p > 5e-4


def test_where_drawing_is_dear_a_smooth_test_that_rejects_is_still_drawn_again(monkeypatch):
    pair = truth.quench_pair(np.random.default_rng(3), 600)
    forward, reverse = pair.forward, np.append(pair.reverse[:-1], -5.5)
    cheap = fit_crooks(forward, reverse)
    monkeypatch.setattr(Labels, "affordable", property(lambda _: False))
    dear = fit_crooks(forward, reverse)
    assert cheap.method == "limit law, shape by labels drawn again"
    assert dear.method == "limit law, smooth test redrawn"
    assert dear.smooth_p == cheap.smooth_p > 5e-4
    assert dear.cusum_p == pytest.approx(special.kolmogorov(dear.cusum_statistic), rel=1e-9)


def test_shape_tests_are_uniform_and_keep_their_level_far_below_five_per_cent():
    """400 true ensembles of skewed work.

    More than 4 of 0.4 expected below 0.001 are seen with probability 6e-5, and a distance from the uniform
    law beyond 0.111 (Kolmogorov) with 1e-4, in each of two tests.
    """
    rng = np.random.default_rng(5)
    pairs = [truth.quench_pair(rng, 300) for _ in range(400)]
    fits = [fit_crooks(pair.forward, pair.reverse) for pair in pairs]
    assert sum(fit.smooth_p < 1e-3 for fit in fits) <= 4
    band = special.kolmogi(1e-4) / math.sqrt(400)
    for p in (np.array([fit.smooth_p for fit in fits]), np.array([fit.cusum_p for fit in fits])):
        assert stats.kstest(p, "uniform").statistic < band
        assert stats.kstest(p ** (2 / 3), "uniform").statistic > band, "p-values that are a bit too large"


def test_the_work_and_not_its_labels_decides_how_a_fit_is_judged():
    """Else p-values would not be uniform: labels in order of work violate the theorem, and change nothing."""
    rng = np.random.default_rng(14)
    for size in (60, 300):
        pair = truth.quench_pair(rng, size)
        work = np.sort(np.concatenate([pair.forward, -pair.reverse]))
        labels = [np.arange(2 * size) < size, np.arange(2 * size) >= size]
        labels += [rng.permutation(labels[0]) for _ in range(3)]
        fits = [fit_crooks(work[label], -work[~label]) for label in labels]
        assert len({fit.method for fit in fits}) == 1
        assert [fit.information for fit in fits] == pytest.approx([fits[0].information] * 5, rel=1e-9)
        assert fits[0].smooth_p < 0.01
