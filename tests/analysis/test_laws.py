"""First and second law on plain numbers."""

import math

import numpy as np
import pytest
from scipy import stats

from fluctua.analysis.crooks import fit_crooks
from fluctua.analysis.first_law import Residual, judge_first_law
from fluctua.analysis.second_law import Bound, dissipation, dissipation_above_bar, judge_second_law, mean_of

import truth


def test_rounding_grows_with_steps_and_energies():
    assert Residual(0.0, 9.0, 1_000, 1).allowed == pytest.approx(1e-11)
    assert Residual(0.0, 9.0, 10, 1).allowed == pytest.approx(1e-11)
    assert Residual(0.0, 9.0, 50_000, 1).allowed == pytest.approx(5e-10)


@pytest.mark.parametrize(
    ("largest", "outcome", "printed"),
    [
        (3.2e-15, "holds", "residual <= 4e-15"),
        (9.9e-15, "holds", "residual <= 1e-14"),
        (0.0, "holds", "residual <= 0"),
        (1e-9, "violated", "residual <= 1e-9"),
        (0.5, "violated", "residual <= 0.5"),
    ],
)
def test_the_first_law_knows_only_rounding(largest, outcome, printed):
    verdict = judge_first_law(Residual(largest, 1.0, 1_000, 10))
    assert (verdict.outcome, verdict.measured) == (outcome, printed)
    assert verdict.p_value is None


def test_a_mean_has_its_error():
    x = np.random.default_rng(61).normal(size=50)
    mean = mean_of(x)
    assert mean.value == pytest.approx(x.mean())
    assert mean.standard_error == pytest.approx(stats.sem(x))
    assert math.isnan(mean_of([1.0]).standard_error)


def test_the_test_of_a_bound_is_students():
    x = np.random.default_rng(62).normal(-0.2, 1.0, 40)
    part = judge_second_law([Bound("<s>", mean_of(x))]).parts[0]
    assert part.p_value == pytest.approx(stats.ttest_1samp(x, 0.0, alternative="less").pvalue)


def test_dissipation_above_bar_counts_their_covariance():
    pairs = [truth.gaussian_pair(np.random.default_rng([63, k]), 1.0, 400) for k in range(300)]
    found = [dissipation_above_bar(p.forward, fit_crooks(p.forward, p.reverse)) for p in pairs]
    z = np.array([(mean.value - 1.0) / mean.standard_error for mean in found])
    assert abs(z.mean()) < 3.29 / math.sqrt(300)
    low, high = stats.chi2.ppf([0.0005, 0.9995], 299) / 299
    assert low < z.var(ddof=1) < high
    naive = np.array([dissipation(p.forward, p.delta_f).standard_error for p in pairs])
    assert np.mean([mean.standard_error for mean in found]) < np.mean(naive)


def test_the_margin_is_told():
    x = np.random.default_rng(64).normal(0.5, 1.0, 1_000)
    verdict = judge_second_law([Bound("<W> - ΔF", mean_of(x))])
    assert verdict.outcome == "holds"
    assert "standard errors above the bound" in verdict.reason
    assert verdict.should_be == ">= 0"


def test_a_mean_below_the_bound_and_within_tolerance_is_said_to_be_below():
    x = np.random.default_rng(65).normal(-0.03, 0.1, 100_000)
    verdict = judge_second_law([Bound("<W> - ΔF", mean_of(x))])
    assert verdict.outcome == "holds"
    assert verdict.reason.endswith("standard errors below the bound, within the tolerance of 0.05")


def test_what_is_only_told_of_a_cycle_decides_nothing():
    rng = np.random.default_rng(66)
    first, second = (mean_of(rng.normal(mean, 1.0, 10_000)) for mean in (0.6, -0.4))
    told = [Bound("<W> cycle 1", first), Bound("<W> cycle 2", second, decides=False)]
    assert judge_second_law(told).outcome == "holds"
    assert judge_second_law([told[0], Bound("<W> cycle 2", second)]).outcome == "violated"


def test_one_trajectory_proves_nothing():
    assert judge_second_law([Bound("<s>", mean_of([3.0]))]).outcome == "undecidable"
