"""Bounds of a slope at every look: true ones stay, whatever the law; wrong ones go, soon enough."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from fluctua.analysis.pairs import slope_of_pairs
from fluctua.analysis.sequential import TILTS, dissipation_of_pairs
from fluctua.analysis.slope_bounds import (
    LARGEST_TOLERANCE,
    SlopeBounds,
    SlopeInterval,
    Slopes,
    residual,
    slope_interval,
)
from fluctua.stochastic.errors import InvalidInput

import truth

ALPHA = 0.05


def logistic(u):
    return 1.0 / (1.0 + np.exp(-u))


def tossed(rng, sizes, log_odds):
    """Give each size the sign that these log odds ask for."""
    return np.where(rng.random(sizes.size) < logistic(log_odds), sizes, -sizes)


def gaussian(rng, mean, n, slope=1.0):
    return truth.gaussian_entropy(rng, mean, n) / slope


def drawn(seed, count, make):
    return (make(np.random.default_rng([seed, k])) for k in range(count))


def most(count, rate=ALPHA):
    """Give the upper end of the 99.9 % band of a count."""
    return stats.binom.ppf(0.9995, count, rate)


def needed(mean, tolerance, n=200_000):
    """Give the trajectories that a test at fixed n wants for a chance of 90 % of ``holds``."""
    s = truth.gaussian_entropy(np.random.default_rng(1), mean, n)
    v = logistic(s) * logistic(-s)
    return (2 * 1.645 / tolerance) ** 2 / np.mean(s**2 * v)


# ---- what is computed


def slow_log_wealths(s, tolerance):
    """Bet on one value after the other as the docstring says; ln of the five mixtures after each."""
    most = {"sizes": 0.15, "signs": 0.9}
    bets = [
        (side, 1 - side * tolerance, of, [min(share * tolerance, most[of]) for share in (0.5, 1.0, 2.0)])
        for of in ("sizes", "signs")
        for side in (1, -1)
    ]
    far = [(g, a) for g, a in TILTS if max(abs(g - 1), abs(a)) >= 2 * tolerance]
    tilts = [(1 - 2 * tolerance, 0.0), (1 + 2 * tolerance, 0.0), *far]
    wealths = [*([1.0] * 3 for _ in bets), [1.0] * len(tilts)]
    after = [[1.0] for _ in wealths]
    for value in s:
        size, heads = abs(value), value > 0
        for k, (side, edge, of, shares) in enumerate(bets):
            gain = side * (min(size, 6.0) if of == "sizes" else size > 0) * (heads - logistic(edge * size))
            wealths[k] = [wealths[k][i] * (1 + share * gain) for i, share in enumerate(shares)]
        if value != 0:
            turn = 1 if heads else -1
            wealths[-1] = [
                wealth * logistic(turn * (a + g * size)) / logistic(turn * size)
                for wealth, (g, a) in zip(wealths[-1], tilts, strict=True)
            ]
        for walk, wealth in zip(after, wealths, strict=True):
            walk.append(np.mean(wealth))
    return np.log(after)


def test_wealths_are_those_of_the_slow_twin():
    s = np.append(gaussian(np.random.default_rng(1), 2.0, 60) - 0.2, [0.0, -0.5, 11.0, -7.0])
    expected, known = slow_log_wealths(s, 0.1), SlopeBounds.before(0.1)
    for n, value in enumerate(s, start=1):
        known = known.update([value])
        for k, wealth in enumerate((*known.bounds, known.theorem)):
            assert wealth.log_e_value == pytest.approx(expected[k, n], abs=1e-12)
            assert wealth.log_peak == pytest.approx(expected[k, : n + 1].max(), abs=1e-12)
    assert known.n == s.size


@pytest.mark.parametrize("place", range(4))
def test_a_bet_is_fair_at_its_edge_and_hopeless_behind_it(place):
    size = np.array([1e-3, 0.3, 1.0, 4.0, 6.0, 20.0])
    bets = SlopeBounds.before(0.1).bounds[place].bets
    won = np.exp(bets.gains(size)), np.exp(bets.gains(-size))
    for behind in (0.0, 0.02, 0.5):
        plus = logistic((bets.edge - bets.side * behind) * size)[:, None]
        expected = plus * won[0] + (1.0 - plus) * won[1]
        if behind:
            assert np.all(expected < 1.0)
        else:
            assert expected == pytest.approx(1.0, abs=1e-9)


def balanced(slope, of, above=1.3):
    """Give log odds that are no straight line but have this slope, at sizes 1 and 4, each as likely."""
    sizes = np.array([1.0, 4.0])
    weights = sizes if of == "sizes" else np.ones(2)
    excess = logistic(slope * sizes[0] * above) - logistic(slope * sizes[0])
    chance = logistic(slope * sizes[1]) - excess * weights[0] / weights[1]
    return sizes, np.array([slope * above, math.log(chance / (1.0 - chance))])


@pytest.mark.parametrize("place", range(4))
def test_a_bet_is_fair_at_its_edge_whatever_the_shape(place):
    bets = SlopeBounds.before(0.05).bounds[place].bets
    sizes, log_odds = balanced(bets.edge, bets.of)
    assert abs(log_odds[1] / 4.0 - bets.edge) > 0.1, "far from straight"
    plus = logistic(log_odds)[:, None]
    won = plus * np.exp(bets.gains(sizes)) + (1.0 - plus) * np.exp(bets.gains(-sizes))
    assert won.mean(axis=0) == pytest.approx(1.0, abs=1e-12)


def test_pairs_of_a_wrong_temperature_have_the_slope_of_crooks_theorem():
    """Densities on a lattice, of any shape: those of pairs at s and -s differ by exp(slope * s)."""
    work = np.arange(-40, 41) * 0.25
    reverse = np.exp(-0.1 * (work + 2.0) ** 2) + 0.4 * np.exp(-0.6 * (work - 3.0) ** 2)
    for slope, offset in ((0.7, 2.0), (1.0, -1.0), (1.3, 0.0)):
        forward = reverse * np.exp(slope * (work - offset))
        pairs = np.convolve(forward, reverse[::-1])  # s = w - y
        s = np.arange(-80, 81) * 0.25
        assert np.log(pairs / pairs[::-1]) == pytest.approx(slope * s, abs=1e-9)


@pytest.mark.parametrize("cuts", [[1, 2, 3], [2_047, 2_048, 2_049], [5_999], [17, 400, 4_100]])
def test_cuts_leave_no_trace(cuts):
    s = gaussian(np.random.default_rng(44), 2.0, 6_000) - 0.05
    known = SlopeBounds.before(0.05)
    for batch in np.split(s, cuts):
        known = known.update(batch)
    assert known == SlopeBounds.before(0.05).update(s)  # to the last bit


def test_the_estimate_is_a_step_from_one():
    pair = truth.gaussian_pair(np.random.default_rng(2), 0.2, 20_000)
    s = dissipation_of_pairs(pair.forward, pair.reverse)
    assert np.abs(s).max() < 6.0, "so that weights are sizes"
    part = slope_of_pairs(pair.forward, pair.reverse)
    found = SlopeBounds.before(0.1).update(s).estimate
    assert found == pytest.approx((part.estimate, part.standard_error), rel=1e-9)
    assert all(map(math.isnan, SlopeBounds.before(0.1).update([0.0]).estimate))


def test_rounding_is_no_coin():
    noise = np.full(500, 3e-16)
    known = SlopeBounds.before(0.1).update(noise)
    assert known.decision == "undecidable"
    assert known.theorem.log_peak == 0.0


def test_enormous_values_neither_overflow_nor_lose_everything():
    known = SlopeBounds.before(LARGEST_TOLERANCE).update([2e6, -2e6, 1e-300, 1e50])
    wealths = (*known.bounds, known.theorem)
    assert all(math.isfinite(log) for wealth in wealths for log in wealth.log_wealths)
    assert known.decision == "violated"


def peaks(won, place, below=0.0):
    """Give bounds of which some are shown, exactly; and the theorem at the same peak where it is one."""
    known = SlopeBounds.before(0.1)
    states = [
        replace(wealth, log_peak=math.log(20.0) - (below if k == place else 0.0) if k in won else 0.0)
        for k, wealth in enumerate((*known.bounds, known.theorem))
    ]
    return replace(known, bounds=tuple(states[:4]), theorem=states[4]).decision


@pytest.mark.parametrize("place", range(4))
def test_no_bound_can_be_missing(place):
    everything = {0, 1, 2, 3}
    assert peaks(everything, place) == "holds"
    assert peaks(everything - {place}, place) == "undecidable"
    assert peaks(everything, place, below=1e-9) == "undecidable"
    assert peaks(everything | {4}, place) == "violated"
    assert peaks(everything | {4}, 4, below=1e-9) == "holds"


@pytest.mark.parametrize(
    ("of", "shown"), [("sizes", [True, True, True, False]), ("signs", [False, True, True, True])]
)
def test_one_slope_that_holds_is_not_enough(of, shown):
    """Log odds that are bent: one slope is 1, the other lies beyond the tolerance."""
    known = SlopeBounds.before(0.08).update(bent(np.random.default_rng(45), 40_000, 1.0, of))
    assert [wealth.crossed(ALPHA) for wealth in known.bounds] == shown
    assert replace(known, theorem=SlopeBounds.before(0.08).theorem).decision == "undecidable"


@pytest.mark.parametrize(
    ("place", "sign", "count", "ends"),
    [
        (0, 1, 400, (0.01, 1.0)),
        (1, -1, 400, (0.01, 3.0)),
        (2, 1, 400, (0.01, 10.0)),
        (3, -1, 16, (0.01, 10.0)),
        (4, 1, 400, (0.01, 20.0)),
        (4, -1, 5, (0.01, 3.0)),
    ],
)
def test_wealth_decides_at_one_over_alpha_and_not_before(place, sign, count, ends):
    """So many equal values that the wealth is 20 but for a millionth."""

    def after(size):
        known = SlopeBounds.before(0.2).update(np.full(count, sign * size))
        return (*known.bounds, known.theorem)[place]

    size = optimize.brentq(lambda u: after(u).log_e_value - math.log(20.0), *ends, xtol=1e-14)
    for factor in (1.0 - 1e-6, 1.0 + 1e-6):
        wealth = after(size * factor)
        won = slow_log_wealths(np.full(count, sign * size * factor), 0.2)[place, -1]
        assert wealth.log_e_value == pytest.approx(won, abs=1e-9)
        assert wealth.crossed(ALPHA) == (won >= math.log(20.0))
    assert after(size * (1.0 - 1e-6)).crossed(ALPHA) != after(size * (1.0 + 1e-6)).crossed(ALPHA)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda rng, u: tossed(rng, u, 1.25 * u), "a slope of 1.25"),
        (lambda rng, u: tossed(rng, u, u + 0.8), "an offset of 0.8"),
        (lambda rng, u: tossed(rng, u, u - 0.8), "an offset of -0.8"),
        (lambda rng, u: -tossed(rng, u, u), "signs that are turned around"),
        (lambda rng, u: tossed(rng, u, 0.0 * u), "signs at random"),
        (lambda rng, u: tossed(rng, u, 0.7 * u + 0.3), "a slope of 0.7 with an offset of 0.3"),
    ],
)
def test_what_won_is_told(broken, told):
    rng = np.random.default_rng(46)
    known = SlopeBounds.before(0.1).update(broken(rng, np.abs(gaussian(rng, 1.5, 30_000))))
    times, most = known.won.split(", most on ")
    assert most == told
    assert times == f"over 1,000,000 times the stake after {known.theorem.peak_at:,}"


def test_what_won_once_stays_told():
    """A win that later values take back: the bet, its gain and its place are those of the peak."""
    late = np.where(np.arange(4_000) % 3 < 2, 0.6, -0.6)
    known = SlopeBounds.before(0.1).update(np.append(np.full(15, -0.6), late))
    assert known.theorem.log_e_value < math.log(20.0) < known.theorem.log_peak
    peak = math.exp(known.theorem.log_peak)
    assert known.won == f"{peak:,.0f} times the stake after 15, most on signs that are turned around"


def test_what_is_no_tolerance_is_refused():
    for bad in (0.0, -0.1, 0.26, math.nan, math.inf):
        with pytest.raises(InvalidInput, match="no tolerance of a slope"):
            SlopeBounds.before(bad)
    with pytest.raises(InvalidInput):
        SlopeBounds.before(0.1).update([])


# ---- how often it errs


LAWS = {
    "gaussian": lambda rng, n, slope: gaussian(rng, 1.5, n, slope),
    "cauchy": lambda rng, n, slope: (lambda u: tossed(rng, u, slope * u))(np.abs(rng.standard_cauchy(n))),
    "lattice": lambda rng, n, slope: (lambda u: tossed(rng, u, slope * u))(0.8 * rng.poisson(1.5, n)),
    "bent": lambda rng, n, slope: bent(rng, n, slope, "sizes"),
    "bent in signs": lambda rng, n, slope: bent(rng, n, slope, "signs"),
}


def bent(rng, n, slope, of):
    sizes, log_odds = balanced(slope, of)
    k = rng.integers(0, 2, n)
    return tossed(rng, sizes[k], log_odds[k])


def bounded(s, tolerance):
    """Say whether all bounds were shown at any time, the theorem aside."""
    return all(wealth.update(s).crossed(ALPHA) for wealth in SlopeBounds.before(tolerance).bounds)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("edge", [0.8, 1.2])
def test_a_slope_at_the_edge_is_held_no_more_often_than_allowed(law, edge):
    """Monitored after every trajectory up to four times what a fixed test needs."""
    samples = drawn(61, 150, lambda rng: LAWS[law](rng, 5_000, edge))
    assert sum(bounded(s, 0.2) for s in samples) <= most(150)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("edge", [0.95, 1.05])
def test_a_slope_at_a_narrow_edge_is_held_no_more_often_than_allowed(law, edge):
    samples = drawn(62, 150, lambda rng: LAWS[law](rng, 60_000, edge))
    assert sum(bounded(s, 0.05) for s in samples) <= most(150)


def test_a_fixed_equivalence_test_looked_at_as_often_errs_far_more():
    """The negative control: at the edge, an interval that is looked at 40 times is soon inside."""
    held = 0
    for s in drawn(61, 150, lambda rng: LAWS["gaussian"](rng, 5_000, 1.2)):
        fall = np.cumsum(s**2 * logistic(s) * logistic(-s))
        slope = 1.0 + np.cumsum(np.abs(s) * residual(s, 1.0)) / fall
        inside = np.abs(slope - 1.0) + 1.645 / np.sqrt(fall) < 0.2
        held += inside[124::125].any()
    assert held > most(150)


@pytest.mark.parametrize("tolerance", [0.05, 0.2])
def test_a_true_theorem_is_violated_no_more_often_than_allowed(tolerance):
    samples = drawn(63, 150, lambda rng: gaussian(rng, 1.0, 1_000))
    known = [SlopeBounds.before(tolerance).update(s).decision for s in samples]
    assert known.count("violated") <= most(150)


def stopping(s, tolerance, stride):
    """Feed a sample until it decides, or to its end."""
    known = SlopeBounds.before(tolerance)
    for batch in np.split(s, range(stride, s.size, stride)):
        known = known.update(batch)
        if known.decision != "undecidable":
            break
    return known


@pytest.mark.parametrize("mean", [2.0])
def test_a_true_theorem_is_held_after_about_as_many_as_a_fixed_test_needs(mean):
    """Measured: a median of 1.3 to 1.5 of them, as signs say less than sizes; aimed at: 2."""
    wanted = needed(mean, 0.2)
    stopped = [
        stopping(s, 0.2, 64) for s in drawn(64, 41, lambda rng: gaussian(rng, mean, round(5 * wanted)))
    ]
    assert np.median([known.n for known in stopped]) < 2.0 * wanted
    assert sum(known.decision == "holds" for known in stopped) > 31


@pytest.mark.slow
@pytest.mark.parametrize("mean", [0.5, 1.0, 3.0])
def test_the_same_at_a_narrow_tolerance(mean):
    wanted = needed(mean, 0.05)
    stopped = [
        stopping(s, 0.05, 512) for s in drawn(65, 41, lambda rng: gaussian(rng, mean, round(5 * wanted)))
    ]
    assert np.median([known.n for known in stopped]) < 2.0 * wanted
    assert sum(known.decision == "holds" for known in stopped) > 31


@pytest.mark.parametrize(
    "broken",
    [
        lambda rng, u: tossed(rng, u, 1.5 * u),
        lambda rng, u: tossed(rng, u, 0.5 * u),
        lambda rng, u: tossed(rng, u, u + 0.5),
        lambda rng, u: -tossed(rng, u, u),
        lambda rng, u: tossed(rng, u, np.where(u < 1.0, 2.5 * u, 1.0 + 0.55 * u)),  # bent
    ],
    ids=["steep", "flat", "offset", "turned", "bent"],
)
def test_what_is_not_the_theorem_is_violated_and_never_held(broken):
    samples = drawn(66, 11, lambda rng: broken(rng, np.abs(gaussian(rng, 1.0, 8_000))))
    assert [stopping(s, 0.1, 128).decision for s in samples] == ["violated"] * 11


# ---- the interval


def interval_of(s, tolerance):
    known = SlopeBounds.before(tolerance).update(s)
    return known, slope_interval(lambda: iter(np.array_split(s, 3)), known)


def test_the_slope_of_an_interval_balances_the_residuals():
    s = gaussian(np.random.default_rng(67), 2.0, 4_000, 0.8)
    _, found = interval_of(s, 0.1)
    expected = optimize.brentq(lambda g: np.sum(np.minimum(np.abs(s), 6.0) * residual(s, g)), 0.1, 3.0)
    assert found.slope == pytest.approx(expected, abs=1e-8)
    assert found.level == pytest.approx(0.9)


def test_an_interval_ends_where_slopes_begin_to_lose():
    s = gaussian(np.random.default_rng(68), 1.0, 6_000)
    known, found = interval_of(s, 0.1)
    assert 0.8 < found.low < found.slope < found.high < 1.2
    step = 0.2 * known.estimate[1]
    for side, end in ((1.0, found.low), (-1.0, found.high)):
        lost = [
            _lost(s, Slopes(edge, side, "sizes", (0.05, 0.1, 0.15)))
            for edge in (end - 0.1 * side * step, end + side * step)
        ]
        assert lost == [True, False]


def _lost(s, bets):
    walks = np.cumsum(bets.gains(s), axis=0)
    return np.logaddexp.reduce(walks[-1]) - math.log(3) >= -math.log(ALPHA)


@pytest.mark.parametrize("true", [0.9, 1.15])
def test_intervals_cover(true):
    """Each end errs with a chance of 5 % at most, all looks together."""
    missed = [0, 0]
    for s in drawn(69, 30, lambda rng: gaussian(rng, 1.0, 1_000, true)):
        _, found = interval_of(s, 0.2)
        missed[0] += found.low > true
        missed[1] += found.high < true
    assert max(missed) <= most(30)


def test_an_interval_lies_within_the_tolerance_when_the_bounds_of_sizes_are_shown():
    held = 0
    for s in drawn(70, 12, lambda rng: gaussian(rng, 1.0, 1_600)):
        known, found = interval_of(s, 0.2)
        shown_both = all(wealth.crossed(ALPHA) for wealth in known.bounds[:2])
        assert (found.low >= 0.8 and found.high <= 1.2) == shown_both
        held += shown_both
    assert 0 < held < 12, "both cases were seen"


def test_without_information_nothing_is_bounded():
    _, found = interval_of(np.array([0.0, 0.0, 0.0]), 0.1)
    assert math.isnan(found.slope)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert interval_of(np.array([1.0, 2.0, -0.5]), 0.1)[1] == SlopeInterval(
        pytest.approx(0.8, abs=2.0), -math.inf, math.inf, pytest.approx(0.9)
    )
