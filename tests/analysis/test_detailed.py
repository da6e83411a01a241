"""The coin toss of one sample against slow twins and exact laws."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import integrate, stats

from fluctua.analysis.dependence import Dependence
from fluctua.analysis.detailed import (
    fit_detailed,
    judge_detailed,
    reach_of_brownian_motion,
    reach_of_estimated_scale,
)

import truth


@pytest.mark.parametrize("mean", [0.3, 1.0, 3.0])
def test_fit_agrees_with_its_slow_twin_and_with_a_general_linear_model(mean):
    s = truth.gaussian_entropy(np.random.default_rng(41), mean, 4_000)
    size, positive = np.abs(s), s > 0
    p = 1.0 / (1.0 + np.exp(-size))
    v, residual = p * (1.0 - p), positive - p
    walk = np.cumsum(residual[np.argsort(size)])
    model = sm.GLM(positive.astype(float), size[:, None], family=sm.families.Binomial()).fit(tol=1e-14)
    fit = fit_detailed(s)
    assert fit.information == pytest.approx(v.sum())
    assert fit.slope_statistic == pytest.approx((residual @ size) / math.sqrt(v @ size**2))
    assert fit.sign_statistic == pytest.approx(residual.sum() / math.sqrt(v.sum()))
    assert fit.cusum_statistic == pytest.approx(np.abs(walk).max() / math.sqrt(v.sum()))
    assert fit.slope == pytest.approx(model.params[0], abs=1e-8)
    assert fit.slope_error == pytest.approx(model.bse[0], rel=1e-6)


def test_the_slope_of_flipped_signs_is_minus_one():
    s = truth.gaussian_entropy(np.random.default_rng(42), 2.0, 20_000)
    fit = fit_detailed(-s)
    assert fit.slope == pytest.approx(-1.0, abs=4.0 * fit.slope_error)


def test_zeros_say_nothing_and_order_does_not_matter():
    rng = np.random.default_rng(43)
    s = truth.signed(rng, 0.5 * rng.poisson(2.0, 500))
    fit = fit_detailed(s)
    again = fit_detailed(rng.permutation(s[s != 0.0]))
    for name in ("slope", "slope_statistic", "sign_statistic", "cusum_statistic", "information"):
        assert getattr(again, name) == pytest.approx(getattr(fit, name), abs=1e-9)
    assert fit.n == 500


def test_signs_that_all_agree_are_undecidable():
    verdict = judge_detailed(fit_detailed(np.full(100, 30.0)))
    assert verdict.outcome == "undecidable"
    assert verdict.reason.startswith("tail not sampled")
    assert judge_detailed(fit_detailed(np.zeros(100))).outcome == "undecidable"


def test_signs_that_agree_against_their_odds_have_no_slope_whatever_they_tell():
    slope = judge_detailed(fit_detailed(np.full(16, 1.0))).part("slope")
    assert slope.starved.startswith("no slope: the signs of all values but zeros agree")


def test_negative_entropy_that_cannot_be_is_violated():
    assert judge_detailed(fit_detailed(np.full(100, -30.0))).outcome == "violated"


@pytest.mark.parametrize(("height", "chance"), [(2.241403, 0.05), (1.959964, 0.1), (2.807034, 0.01)])
def test_reach_of_brownian_motion_has_its_tabulated_quantiles(height, chance):
    # Twice the reflection principle: nearly 4 (1 - Phi(x)) where x is large.
    assert reach_of_brownian_motion(height) == pytest.approx(chance, rel=3e-3)


def test_reach_of_brownian_motion_joins_its_two_series_and_has_its_ends():
    below, above = (reach_of_brownian_motion(1.0 + shift) for shift in (-1e-9, 1e-9))
    assert below == pytest.approx(above, abs=1e-8)
    assert reach_of_brownian_motion(0.0) == 1.0
    assert reach_of_brownian_motion(0.05) == pytest.approx(1.0)
    assert reach_of_brownian_motion(40.0) == 0.0


@pytest.mark.parametrize("n", [2_000, 1_100_000])
def test_rounding_that_tells_signs_apart_is_no_deviation(n):
    """Entropy of jumps: log(a/b) and log(b/a) differ in the last bit, and what cancels leaves a sign.

    One by one and in bins; |z| < 4 for slope and count, p > 1e-4 for the walk.
    """
    rng = np.random.Generator(np.random.Philox(5))
    size = rng.choice([0.7, 1.3, 2.9], n)
    positive = rng.random(n) < 1.0 / (1.0 + np.exp(-size))
    s = np.where(positive, size, -np.nextafter(size, 9.0))
    s[: n // 10] = 1e-17  # zero, but for rounding
    fit = fit_detailed(s)
    assert abs(fit.slope_statistic) < 4
    assert abs(fit.sign_statistic) < 4
    assert fit.cusum_p > 1e-4
    assert fit.information == pytest.approx(fit_detailed(s[n // 10 :]).information)


# ---- trajectories that depend on each other


def reach_by_integral(height, freedom):
    """Average the chance over the law of the estimated variance, one quadrature at a time."""
    law = stats.chi2(freedom, scale=1.0 / freedom)
    return integrate.quad(
        lambda x: law.pdf(x) * reach_of_brownian_motion(height * math.sqrt(x)), 0.0, law.isf(1e-14), limit=400
    )[0]


@pytest.mark.parametrize("freedom", [3.0, 4.0, 19.0])
@pytest.mark.parametrize("height", [0.2, 0.9, 2.2, 4.0, 30.0])
def test_the_reach_of_a_walk_whose_scale_was_estimated_is_the_average_over_scales(height, freedom):
    expected = reach_by_integral(height, freedom)
    assert reach_of_estimated_scale(height, freedom) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_reach_of_an_estimated_scale_has_its_ends():
    assert reach_of_estimated_scale(0.0, 4.0) == 1.0
    assert reach_of_estimated_scale(1e-4, 4.0) == pytest.approx(1.0, abs=1e-3)
    assert reach_of_estimated_scale(2.0, 1e9) == pytest.approx(reach_of_brownian_motion(2.0), rel=1e-6)


def test_signs_of_groups_are_judged_by_the_laws_of_an_estimated_variance():
    fit = fit_detailed(0.7 * truth.gaussian_entropy(np.random.default_rng(44), 1.0, 5_000))
    found = Dependence(
        blocks=5, freedom=4.0, groups=5, slope_score_variance_ratio=2.0, shape_variance_ratio=9
    )
    verdict = judge_detailed(fit, dependence=found)
    count = 2.0 * stats.t.sf(abs(fit.sign_statistic) / 3.0, 4)
    cusum = reach_by_integral(fit.cusum_statistic / 3.0, 4.0)
    slope = 2.0 * stats.t.sf(abs(fit.slope_statistic) / math.sqrt(2.0), 4)
    signs = min(1.0, 2.0 * min(count, cusum))
    for name, p in (("slope", slope), ("sign count", count), ("cusum", cusum), ("signs", signs)):
        assert verdict.part(name).p_value == pytest.approx(p, rel=1e-6)
    assert min(count, cusum) > 10.0 * max(fit.sign_p, fit.cusum_p)  # so neither can pass for the other


@pytest.mark.parametrize("groups", [5, 20])
def test_signs_of_few_groups_reject_true_data_at_the_nominal_rate(groups):
    """The upper end of the 99.9 % band; the control is the limit law, blind to how little is known."""
    count, names = 300, ("slope", "signs", "sign count", "cusum")
    codes, rejected, blind = np.arange(400) % groups, np.zeros(4, dtype=int), 0
    for k in range(count):
        s = truth.gaussian_entropy(np.random.default_rng([45, groups, k]), 1.0, 400)
        fit, found = fit_detailed(s), Dependence.of_signs(s, codes)
        verdict = judge_detailed(fit, dependence=found)
        rejected += [verdict.part(name).p_value < 0.05 for name in names]
        blind += reach_of_brownian_motion(fit.cusum_statistic / math.sqrt(found.shape_variance_ratio)) < 0.05
    most = stats.binom.ppf(0.9995, count, 0.05)
    assert max(rejected) <= most
    if groups == 5:
        assert blind > most
