"""Agreement of several estimates, against slow twins and its exact law."""

import itertools

import numpy as np
import pytest
from scipy import optimize, stats

from fluctua.analysis.several import cochran, cochran_rising, judge_several

import truth


def test_cochran_is_its_formula():
    found = cochran([1.0, 2.0, 4.0], [1.0, 0.5, 1.0])
    assert (found.mean, found.standard_error, found.freedom) == pytest.approx((13.0 / 6.0, 6.0**-0.5, 2))
    assert found.statistic == pytest.approx((7 / 6) ** 2 + 4 * (1 / 6) ** 2 + (11 / 6) ** 2)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 2))


@pytest.mark.parametrize("seed", range(3))
def test_the_one_sided_form_is_the_distance_to_isotonic_regression(seed):
    rng = np.random.default_rng(seed)
    x, errors = rng.normal(size=6), rng.uniform(0.5, 2.0, 6)
    fitted = optimize.isotonic_regression(x, weights=errors**-2).x
    assert cochran_rising(x, errors).statistic == pytest.approx(np.sum(((x - fitted) / errors) ** 2))


def test_two_estimates_have_half_a_chi_square():
    # z = 3.29 of 9,999 draws.
    for difference, p in ((-1.0, stats.norm.sf(1.0)), (-2.0, stats.norm.sf(2.0))):
        found = cochran_rising([0.0, difference], [0.6, 0.8]).p_value
        assert found == pytest.approx(p, abs=3.29 * np.sqrt(p * (1.0 - p) / 9_999))
    assert cochran_rising([0.0, 1.0], [0.6, 0.8]).p_value == 1.0


def test_a_rising_bias_is_never_rejected_and_a_falling_one_is():
    rising = np.arange(5.0)
    assert cochran_rising(rising, np.full(5, 0.01)).p_value == 1.0
    assert cochran_rising(-rising, np.full(5, 0.5)).p_value < 0.001


def works(rng, dissipations, n, shifts=None):
    shifts = shifts or itertools.repeat(0.0)
    return [truth.gaussian_pair(rng, d, n).forward + s for d, s in zip(dissipations, shifts, strict=False)]


def test_one_free_energy_of_several_speeds_is_falsely_violated_at_most_at_the_nominal_rate():
    words = [
        judge_several(works(np.random.default_rng([1, k]), (0.25, 0.5, 1.0), 2000)).outcome for k in range(15)
    ]
    assert words.count("violated") <= stats.binom.ppf(0.9995, 15, 0.05)


def test_speeds_that_agree_hold_and_a_fast_one_that_gives_less_is_violated():
    rng = np.random.default_rng(2)
    held = judge_several(works(rng, (0.1, 0.3), 40_000), ["slow", "fast"])
    assert held.outcome == "holds"
    assert held.parts[0].name == "ΔF of fast - slow"
    less = judge_several(works(rng, (0.1, 0.5), 20_000, (0.0, -0.2)), ["slow", "fast"])
    assert less.outcome == "violated"
    more = judge_several(works(rng, (0.1, 0.5), 20_000, (0.0, 0.2)), ["slow", "fast"])
    assert more.outcome == "undecidable"
    assert less.part("agreement").p_value < 1e-3 < more.part("agreement").p_value


def test_what_cannot_be_compared_is_said():
    rng = np.random.default_rng(3)
    assert judge_several(works(rng, (1.0,), 100)).outcome == "not applicable"
    far = judge_several(works(rng, (10.0, 20.0), 500))
    assert far.outcome == "undecidable"
    assert far.reason.startswith("tail not sampled")
