"""The limit of short time steps: exact fits, size, coverage, faults that no time step explains, the words."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from fluctua.analysis.bennett import bar
from fluctua.analysis.crooks import fit_crooks
from fluctua.analysis.extrapolation import extrapolate, shared_covariance, slope_contributions
from fluctua.analysis.parts import Part
from fluctua.analysis.rule import judge
from fluctua.analysis.time_step import judge_time_steps
from fluctua.analysis.time_step_figure import time_step_figure
from fluctua.stochastic.errors import InvalidInput

import truth

STEPS = np.array([0.4, 0.2, 0.1, 0.05])
ERRORS = np.array([0.010, 0.011, 0.012, 0.013])
SHARED = 0.9  # correlation on one Brownian path


def covariance(correlation):
    joint = np.full((STEPS.size, STEPS.size), correlation)
    np.fill_diagonal(joint, 1.0)
    return joint * np.outer(ERRORS, ERRORS)


def line(limit, coefficient, order):
    return limit + coefficient * STEPS**order


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("correlation", [0.0, SHARED])
def test_a_line_is_found_exactly(order, correlation):
    fit = extrapolate(STEPS, line(1.02, -0.31, order), covariance(correlation), order)
    assert fit.limit.value == pytest.approx(1.02, abs=1e-12)
    assert fit.coefficient.value == pytest.approx(-0.31, abs=1e-11)
    assert fit.lack_of_fit == pytest.approx(0.0, abs=1e-12)
    assert (fit.freedom, fit.limit.n) == (2, 4)


def test_independent_steps_are_fitted_as_the_formulas_of_a_weighted_line_say():
    y, weight, x = np.array([0.88, 0.94, 0.98, 0.985]), 1.0 / ERRORS**2, STEPS**2
    S, Sx, Sxx = weight.sum(), (weight * x).sum(), (weight * x * x).sum()
    Sy, Sxy = (weight * y).sum(), (weight * x * y).sum()
    determinant = S * Sxx - Sx**2
    fit = extrapolate(STEPS, y, np.diag(ERRORS**2), 2)
    assert fit.limit.value == pytest.approx((Sxx * Sy - Sx * Sxy) / determinant, rel=1e-12)
    assert fit.coefficient.value == pytest.approx((S * Sxy - Sx * Sy) / determinant, rel=1e-12)
    assert fit.limit.standard_error == pytest.approx(math.sqrt(Sxx / determinant), rel=1e-12)
    assert fit.coefficient.standard_error == pytest.approx(math.sqrt(S / determinant), rel=1e-12)
    value, error = fit.at([0.0, 0.4])
    assert (value[0], error[0]) == pytest.approx((fit.limit.value, fit.limit.standard_error), rel=1e-12)
    residual = y - fit.limit.value - fit.coefficient.value * x
    assert fit.lack_of_fit == pytest.approx((weight * residual**2).sum(), rel=1e-9)


@pytest.mark.parametrize("correlation", [0.0, SHARED])
def test_the_limit_is_rejected_and_covered_at_its_nominal_rates(correlation):
    """2,000 draws: counts inside the 99.9 % binomial bands, for each of three numbers (0.3 % in all)."""
    random, draws, C = np.random.default_rng(31), 2000, covariance(correlation)
    low, high = stats.binom.interval(0.999, draws, 0.05)
    away, misfit, slope = np.empty(draws), np.empty(draws), np.empty(draws)
    for k, y in enumerate(random.multivariate_normal(line(1.0, -0.31, 1), C, size=draws)):
        fit = extrapolate(STEPS, y, C, 1)
        away[k] = (fit.limit.value - 1.0) / fit.limit.standard_error
        slope[k] = (fit.coefficient.value + 0.31) / fit.coefficient.standard_error
        misfit[k] = fit.lack_p
    assert low <= np.count_nonzero(np.abs(away) > 1.959964) <= high
    assert low <= np.count_nonzero(np.abs(slope) > 1.959964) <= high
    assert low <= np.count_nonzero(misfit < 0.05) <= high


def test_shared_paths_judged_as_independent_are_misjudged():
    """The negative control of the covariance: without it the lack of fit is hardly ever seen."""
    random = np.random.default_rng(32)
    drawn = random.multivariate_normal(line(1.0, -0.31, 1), covariance(SHARED), size=500)
    seen = sum(extrapolate(STEPS, y, np.diag(ERRORS**2), 1).lack_p < 0.05 for y in drawn)
    assert seen < stats.binom.ppf(0.0005, 500, 0.05)


def test_verdicts_keep_their_error_rate():
    """`violated` in the limit: at most the 99.95 % binomial quantile of 400 draws at 5 %."""
    random = np.random.default_rng(33)
    words = [
        judge_time_steps(STEPS, random.normal(line(1.0, -0.31, 1), ERRORS), ERRORS, 1).theorem.outcome
        for _ in range(400)
    ]
    assert words.count("violated") <= stats.binom.ppf(0.9995, 400, 0.05)


@pytest.mark.parametrize("correlation", [0.0, SHARED])
def test_all_verdicts_together_keep_the_error_rate(correlation):
    """800 true processes: at most the 99.95 % binomial quantile at 5 %, which the same words alone exceed."""
    random, C = np.random.default_rng(37), covariance(correlation)
    together = alone = 0
    for y in random.multivariate_normal(np.ones(STEPS.size), C, size=800):
        z = float(random.normal())
        part = Part("slope", 1.0 + 0.01 * z, 0.01, 1.0, 0.005, z, float(2.0 * stats.norm.sf(abs(z))))
        exact = judge("crooks", [part], alpha=0.05, n=100)
        report = judge_time_steps(STEPS, y, ERRORS, 1, covariance=C, exact=exact, tolerance=0.005)
        verdicts = (report.own, report.theorem, report.exact)
        assert report.violated == any(verdict.outcome == "violated" for verdict in verdicts)
        together += report.violated
        alone += any((verdict.p_value or 1.0) < 0.05 for verdict in verdicts)
    most = stats.binom.ppf(0.9995, 800, 0.05)
    assert together <= most < alone


def test_what_is_violated_by_itself_but_not_among_all_says_so():
    """p = 0.03 at the own step and 0.4 in the limit: 0.06 together."""
    report = judge_time_steps([0.4, 0.2, 0.1], [1.0217, 1.0, 1.0], [0.01] * 3, 1, tolerance=0.01)
    assert report.own.p_value == pytest.approx(0.03, abs=1e-3)
    assert report.own.p_adjusted == pytest.approx(2.0 * report.own.p_value)
    assert (report.own.outcome, report.own.alone, report.violated) == ("undecidable", True, False)
    clear = judge_time_steps([0.4, 0.2, 0.1], [1.05, 1.0, 1.0], [0.01] * 3, 1, tolerance=0.01)
    assert (clear.own.outcome, clear.violated) == ("violated", True)


def test_a_time_step_that_is_too_long_is_blamed():
    report = judge_time_steps(STEPS, line(1.0, -0.31, 1), 0.5 * ERRORS, 1, n=40_000)
    assert (report.own.outcome, report.theorem.outcome) == ("violated", "holds")
    assert report.step == 0.4
    assert report.conclusion.startswith("The time step is too long: violated at 0.4")
    assert "holds" in str(report)


@pytest.mark.parametrize("correlation", [0.0, SHARED])
def test_a_fault_that_does_not_vanish_with_the_time_step_is_violated_in_the_limit(correlation):
    """A slope that tends to 0.9: 16 standard errors, so missed in none of 50 draws."""
    random, C = np.random.default_rng(34), covariance(correlation) / 4.0
    for y in random.multivariate_normal(line(0.9, -0.31, 1), C, size=50):
        report = judge_time_steps(STEPS, y, ERRORS / 2.0, 1, covariance=C)
        if report.fit.lack_p >= 0.05:
            assert report.theorem.outcome == "violated"
            assert report.conclusion.startswith("Violated in the limit")
        else:
            assert report.theorem.outcome == "undecidable"


def test_a_wrong_order_is_no_verdict_on_the_theorem():
    report = judge_time_steps(STEPS, line(1.0, -1.5, 1), 0.1 * ERRORS, 4)
    assert report.theorem.outcome == "undecidable"
    assert "does not describe" in report.theorem.reason


def test_two_time_steps_have_no_limit():
    report = judge_time_steps([0.2, 0.1], [0.9, 0.95], [0.01, 0.01], 1)
    assert report.theorem.outcome == "not applicable"
    assert report.fit is None
    assert report.own.outcome == "violated"
    assert "needs 3 time steps" in report.conclusion
    json.dumps(report.to_dict(), allow_nan=False)
    assert len(report.figure().axes) == 1


def test_work_with_shadow_work_tells_the_bookkeeping():
    right = judge_time_steps(STEPS, line(1.0, 0.0, 1), 0.2 * ERRORS, 1).own
    wrong = judge_time_steps(STEPS, line(0.8, 0.0, 1), 0.2 * ERRORS, 1).own
    for exact, said in ((right, "The time step is too long"), (wrong, "the bookkeeping is wrong")):
        report = judge_time_steps(STEPS, line(1.0, -0.31, 1), 0.5 * ERRORS, 1, exact=exact)
        assert said in report.conclusion
        assert report.to_dict()["exact"]["outcome"] == exact.outcome


def test_order_and_place_of_the_time_steps_do_not_matter():
    y, C, turned = line(0.97, -0.2, 2), covariance(0.5), np.array([2, 0, 3, 1])
    report = judge_time_steps(STEPS, y, ERRORS, 2, covariance=C, step=0.1)
    other = judge_time_steps(
        STEPS[turned], y[turned], ERRORS[turned], 2, covariance=C[np.ix_(turned, turned)], step=0.1
    )
    assert other == report
    assert report.steps == tuple(STEPS)
    assert report.own.estimate == pytest.approx(y[2])
    assert str(report).count("*") == 2


def test_differences_on_a_shared_path_are_sharp():
    report = judge_time_steps(STEPS, line(1.0, -0.31, 1), ERRORS, 1, covariance=covariance(SHARED))
    first = report.differences[0]
    assert first.value == pytest.approx(-0.31 * 0.2)
    variance = ERRORS[0] ** 2 + ERRORS[1] ** 2 - 2 * SHARED * ERRORS[0] * ERRORS[1]
    assert first.standard_error == pytest.approx(math.sqrt(variance))


def test_a_shared_covariance_is_that_of_the_columns():
    random = np.random.default_rng(35)
    columns = random.multivariate_normal(np.zeros(3), np.eye(3) + 0.5, size=200).T
    errors = columns.std(axis=1, ddof=1) / math.sqrt(200)
    assert shared_covariance(columns, errors) == pytest.approx(np.cov(columns) / 200, rel=1e-10)


def test_contributions_to_the_slope_foresee_its_scatter():
    """Correlation of the slopes of work and of work with noise, over 60 ensembles, against that of its terms.

    The error of a correlation r is (1 - r^2) / sqrt(60); 3.3 of them are exceeded with probability 1e-3.
    """
    slopes, foreseen = [], []
    for k in range(60):
        random = np.random.default_rng([36, k])
        pair = truth.gaussian_pair(random, 1.0, 400)
        noise = [random.normal(0.0, 0.15, 400) for _ in range(2)]
        blurred = replace(pair, forward=pair.forward + noise[0], reverse=pair.reverse + noise[1])
        terms, row = [], []
        for one in (pair, blurred):
            terms.append(slope_contributions(one.forward, one.reverse, bar(one.forward, one.reverse).value))
            row.append(fit_crooks(one.forward, one.reverse).slope)
        slopes.append(row)
        foreseen.append(shared_covariance(terms, [1.0, 1.0])[0, 1])
    measured = np.corrcoef(np.array(slopes).T)[0, 1]
    assert measured == pytest.approx(np.mean(foreseen), abs=3.3 * (1.0 - measured**2) / math.sqrt(60))


def test_contributions_sum_to_nothing_in_each_direction():
    """Numbers of trajectories are chosen, not drawn; the terms themselves do not sum to nothing."""
    pair = truth.gaussian_pair(np.random.default_rng(38), 1.0, 500, 300)
    terms = slope_contributions(pair.forward, pair.reverse, 0.7)
    x = np.concatenate([pair.forward - 0.7, -pair.reverse - 0.7])
    chance = special.expit(x + math.log(5.0 / 3.0))
    centre = np.average(x, weights=chance * (1.0 - chance))
    raw = (np.repeat([1.0, 0.0], [500, 300]) - chance) * (x - centre)
    for side in (slice(None, 500), slice(500, None)):
        assert abs(raw[side].mean()) > 1e-3
        assert terms[side].mean() == pytest.approx(0.0, abs=1e-15)
        assert np.corrcoef(terms[side], raw[side])[0, 1] == pytest.approx(1.0, rel=1e-12)


def test_the_picture_shows_the_limit_and_the_theorem():
    report = judge_time_steps(STEPS, line(1.0, -0.31, 2), 0.5 * ERRORS, 2)
    axes = time_step_figure(report, "a title").axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert any(label.startswith("limit 1.00") for label in labels)
    drawn = next(one for one in axes.lines if str(one.get_label()).startswith("limit"))
    assert drawn.get_xdata()[[0, -1]] == pytest.approx([0.0, 0.16])
    assert drawn.get_ydata()[0] == pytest.approx(1.0)


WRONG = {
    "sizes": ((STEPS[:3], STEPS, ERRORS), {}),
    "twice": (([0.1, 0.1, 0.2], [1, 1, 1], [0.1, 0.1, 0.1]), {}),
    "negative step": (([0.1, -0.2, 0.4], [1, 1, 1], [0.1, 0.1, 0.1]), {}),
    "no error": (([0.1, 0.2, 0.4], [1, 1, 1], [0.1, 0.0, 0.1]), {}),
    "not finite": (([0.1, 0.2, 0.4], [1, math.nan, 1], [0.1, 0.1, 0.1]), {}),
    "another step": ((STEPS, STEPS, ERRORS), {"step": 0.3}),
    "shape": ((STEPS, STEPS, ERRORS), {"covariance": np.eye(3)}),
    "another diagonal": ((STEPS, STEPS, ERRORS), {"covariance": np.eye(4)}),
    "not positive": ((STEPS, STEPS, ERRORS), {"covariance": covariance(1.5)}),
    "not symmetric": ((STEPS, STEPS, ERRORS), {"covariance": np.triu(covariance(0.5))}),
    "alpha": ((STEPS, STEPS, ERRORS), {"alpha": 2.0}),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_judged_is_refused(case):
    arrays, options = WRONG[case]
    with pytest.raises(InvalidInput):
        judge_time_steps(*arrays, 1, **options)


def test_an_order_is_positive():
    with pytest.raises(InvalidInput, match="order"):
        judge_time_steps(STEPS, STEPS, ERRORS, 0)
