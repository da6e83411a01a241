"""Bets against the theorems: fair while these hold, won where they do not, the same for any cutting."""

import math

import numpy as np
import pytest
from scipy import stats

from fluctua.analysis.sequential import SHARES, TILTS, Wealth, dissipation_of_pairs, wealth_against
from fluctua.stochastic.errors import InvalidInput

import truth

ALPHA = 0.05
THEOREMS = ("integral", "detailed")


def samples(seed, count, make):
    return [make(np.random.default_rng([seed, k])) for k in range(count)]


def crossings(theorem, drawn):
    return sum(wealth_against(theorem).update(s).crossed(ALPHA) for s in drawn)


def slow_parts(theorem, s):
    """Bet on one value after the other as the docstring says; the ln of the mixture after each."""
    bets = [[1.0] for _ in (SHARES if theorem == "integral" else TILTS)]
    for value in s:
        for k, wealth in enumerate(bets):
            if theorem == "integral":
                factor = 1.0 + SHARES[k] * (math.exp(-value) - 1.0)
            else:
                (slope, offset), size = TILTS[k], abs(value)
                plus, claimed = 1 / (1 + np.exp(-size)), 1 / (1 + np.exp(-(offset + slope * size)))
                factor = claimed / plus if value > 0 else (1 - claimed) / (1 - plus) if value < 0 else 1.0
            wealth.append(wealth[-1] * factor)
    return bets


def slow_log_wealth(theorem, s):
    """Mix them."""
    return np.log(np.mean(slow_parts(theorem, s), axis=0))


@pytest.mark.parametrize("theorem", THEOREMS)
def test_wealth_is_that_of_the_slow_twin(theorem):
    s = np.append(truth.gaussian_entropy(np.random.default_rng(1), 1.0, 60) - 0.3, [0.0, -1.0])
    expected, wealth = slow_log_wealth(theorem, s), wealth_against(theorem)
    for n, value in enumerate(s, start=1):
        wealth = wealth.update([value])
        assert wealth.log_e_value == pytest.approx(expected[n], abs=1e-12)
        assert wealth.log_peak == pytest.approx(expected[: n + 1].max(), abs=1e-12)
    assert wealth.n == s.size
    assert wealth.peak_at == int(np.argmax(expected))
    parts = slow_parts(theorem, s[: wealth.peak_at])
    assert wealth.peak_bet == int(np.argmax([each[-1] for each in parts]))
    assert wealth.p_value == pytest.approx(math.exp(-expected.max()))
    assert wealth.crossed(wealth.p_value * 1.001)
    assert not wealth.crossed(wealth.p_value * 0.999)


def factors(theorem, values):
    """Give what each bet makes of a wealth of 1 on one value."""
    return np.exp([wealth_against(theorem).update([value]).log_wealths for value in values])


def test_every_share_is_fair_when_the_theorem_holds():
    """The expected factor is 1 under a Gaussian law, by quadrature: no bet wins by itself."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    for mean in (0.25, 1.0, 3.0):
        won = factors("integral", mean + np.sqrt(2.0 * mean) * nodes)
        assert weights @ won / weights.sum() == pytest.approx(1.0, abs=1e-9)


def test_every_tilt_is_fair_at_any_size():
    size = np.array([1e-3, 0.3, 1.0, 4.0, 20.0])
    plus = (1.0 / (1.0 + np.exp(-size)))[:, None]
    won = plus * factors("detailed", size) + (1.0 - plus) * factors("detailed", -size)
    assert won == pytest.approx(1.0, abs=1e-7)  # 1 - plus keeps 8 digits of exp(-20)


@pytest.mark.parametrize("theorem", THEOREMS)
@pytest.mark.parametrize("mean", [0.25, 1.0, 3.0, 10.0])
def test_true_samples_are_rejected_no_more_often_than_allowed(theorem, mean):
    """Ville's bound: at most 5 % of 200; the upper end of the 99.9 % binomial band is 21."""
    drawn = samples(41, 200, lambda rng: truth.gaussian_entropy(rng, mean, 300))
    assert crossings(theorem, drawn) <= stats.binom.ppf(0.9995, 200, ALPHA)


def test_heavy_and_lattice_sizes_are_rejected_no_more_often_than_allowed():
    for make in (
        lambda rng: truth.signed(rng, np.abs(rng.standard_cauchy(300))),
        lambda rng: truth.signed(rng, 0.8 * rng.poisson(1.5, 300)),
    ):
        assert crossings("detailed", samples(42, 200, make)) <= stats.binom.ppf(0.9995, 200, ALPHA)


def test_a_fixed_test_looked_at_every_time_is_rejected_far_too_often():
    """The negative control: looking at the score test 20 times has a size of about a quarter."""
    drawn = np.array(samples(43, 200, lambda rng: truth.gaussian_entropy(rng, 1.0, 1_000)))
    size, plus = np.abs(drawn), 1.0 / (1.0 + np.exp(-np.abs(drawn)))
    score = np.cumsum(((drawn > 0.0) - plus) * size, axis=1)
    z = score / np.sqrt(np.cumsum(plus * (1.0 - plus) * size**2, axis=1))
    looks = np.abs(z[:, 49::50]) > stats.norm.isf(ALPHA / 2.0)
    assert looks.any(axis=1).sum() > stats.binom.ppf(0.9995, 200, ALPHA)


@pytest.mark.parametrize("theorem", THEOREMS)
def test_cuts_leave_no_trace(theorem):
    s = truth.gaussian_entropy(np.random.default_rng(44), 2.0, 6_000) - 0.05
    whole = wealth_against(theorem).update(s)
    for cuts in ([1, 2, 3], [2_047, 2_048, 2_049], [5_999], [17, 400, 4_100]):
        wealth = wealth_against(theorem)
        for batch in np.split(s, cuts):
            wealth = wealth.update(batch)
        assert wealth == whole  # to the last bit


@pytest.mark.parametrize(("mean", "most"), [(0.25, 60), (1.0, 20), (3.0, 8)])
def test_a_turned_sign_stops_within_tens(mean, most):
    """More than half of 31 are over by then; the notes measured medians of 3 to 11 at 1 kT and above."""
    drawn = samples(45, 31, lambda rng: -truth.gaussian_entropy(rng, mean, most))
    assert crossings("detailed", drawn) > 15


def test_power_of_the_integral_bets():
    """Free energy too high by 0.1 at 1 kT, 2,000 values: power 0.22; 100 draws lie above 0.09 at 99.9 %."""
    drawn = samples(46, 100, lambda rng: truth.gaussian_entropy(rng, 1.0, 2_000) - 0.1)
    assert crossings("integral", drawn) >= stats.binom.ppf(0.0005, 100, 0.22)


def test_power_of_the_detailed_bets():
    """Slope 1.1 at 4,000 values: the notes measured 0.53; 40 draws lie above 0.27 at 99.9 %."""
    drawn = samples(47, 40, lambda rng: truth.gaussian_entropy(rng, 1.0, 4_000) / 1.1)
    assert crossings("detailed", drawn) >= stats.binom.ppf(0.0005, 40, 0.53)


def test_too_low_an_average_is_never_rejected():
    drawn = samples(48, 20, lambda rng: truth.gaussian_entropy(rng, 1.0, 500) + 1.0)
    assert crossings("integral", drawn) == 0


def test_pairs_obey_the_theorem_whatever_the_free_energy():
    rng = np.random.default_rng(49)
    pair = truth.gaussian_pair(rng, 2.0, 2_000, 1_500, delta_f=3e5)
    s = dissipation_of_pairs(pair.forward, pair.reverse)
    assert s.size == 1_500
    assert not wealth_against("detailed").update(s).crossed(ALPHA)
    turned = truth.flipped(truth.gaussian_pair(rng, 2.0, 300, delta_f=-1.0))
    s = dissipation_of_pairs(turned.forward, turned.reverse)
    assert wealth_against("detailed").update(s).crossed(ALPHA)


@pytest.mark.parametrize("theorem", THEOREMS)
def test_enormous_values_neither_overflow_nor_count_for_nothing(theorem):
    wealth = wealth_against(theorem).update([2e6, -2e6, 1e-300])
    assert math.isfinite(wealth.log_peak)
    assert wealth.crossed(1e-12)
    assert wealth.p_value == 0.0
    assert not wealth_against(theorem).update([2e6, 1e50]).crossed(ALPHA)


def test_state_is_plain_data():
    wealth = wealth_against("integral").update([0.5, -0.2])
    assert Wealth(wealth.bets, wealth.n, wealth.log_wealths, wealth.log_peak, wealth.peak_at) == wealth
    assert all(type(value) is float for value in (*wealth.log_wealths, wealth.log_peak))


def test_bad_batches_are_refused():
    for bad in ([], [1.0, math.nan], ["a"]):
        with pytest.raises(InvalidInput):
            wealth_against("integral").update(bad)
    with pytest.raises(InvalidInput, match="theorem"):
        wealth_against("jarzynski")
