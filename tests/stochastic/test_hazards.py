"""Polynomials of time: as good as they promise, refused where they are not."""

import numpy as np
import pytest
from scipy.integrate import quad

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.markov import hazards
from fluctua.stochastic.markov.hazards import Values, pieces_of, still_pieces

SOURCES = np.array([0, 1])
DURATION = 2.5
KNOTS = np.array([0.0, 1.0])


def values(energy, rate):
    """Two levels, one channel each way, one bath: what a stroke is made of, from functions of fractions."""

    def at(s):
        states = np.zeros((len(s), 2, 3))
        states[:, 1, 0] = energy(s)
        rates = np.stack([rate(s), 0.5 + rate(s)], axis=1)
        return Values(
            states,
            energy(s)[:, None, None] * np.ones((1, 2, 1)),
            rates,
            np.zeros((len(s), 2, 3)),
            1.0 + s[:, None],
        )

    return at


def evaluated(pieces, table, times, column):
    """Evaluate one column of the level 1 at times."""
    found = np.clip(np.searchsorted(pieces.lefts, times, side="right") - 1, 0, None)
    x = (times - pieces.lefts[found]) / pieces.halves[found] - 1.0
    return np.array([np.polyval(table[i, 1, ::-1, column], y) for i, y in zip(found, x, strict=True)])


SMOOTH = [
    (lambda s: 2.0 * s, lambda s: 1.0 / (1.0 + np.exp(2.0 * s - 1.0))),
    (lambda s: np.sin(20.0 * s), lambda s: 1.0 + np.cos(40.0 * s)),
    (lambda s: np.sqrt(0.01 + (s - 0.3) ** 2), lambda s: np.exp(8.0 * s)),
    (lambda s: 1.0 / (1.0 + 900.0 * (s - 0.37) ** 2), lambda s: np.exp(-(((s - 0.37) / 0.02) ** 2))),
    (lambda s: np.abs(s - 0.3), lambda s: 1.0 + s),
]


@pytest.mark.parametrize(("energy", "rate"), SMOOTH)
def test_polynomials_follow_functions(energy, rate):
    pieces = pieces_of(values(energy, rate), KNOTS, SOURCES, DURATION, "here")
    times = np.random.default_rng(5).uniform(0.0, DURATION, 400)
    fractions = times / DURATION
    got = evaluated(pieces, pieces.levels, times, 1)
    # 1e-13 of the largest energy, and the position itself, 2^-53, times the slope
    assert np.abs(got - energy(fractions)).max() < 3e-12
    at = np.clip(np.searchsorted(pieces.lefts, times, side="right") - 1, 0, None)
    x = (times - pieces.lefts[at]) / pieces.halves[at] - 1.0
    rates = np.array([np.polyval(pieces.channels[i, 0, ::-1, 0], y) for i, y in zip(at, x, strict=True)])
    assert np.abs(rates - rate(fractions)).max() < 3e-12 * (0.5 + rate(np.linspace(0, 1, 1001)).max())


@pytest.mark.parametrize(("energy", "rate"), SMOOTH)
def test_hazards_and_integrals_against_quadrature(energy, rate):
    pieces = pieces_of(values(energy, rate), KNOTS, SOURCES, DURATION, "here")
    whole = 0.0
    for k in range(len(pieces.lefts)):
        whole += np.polyval(pieces.levels[k, 0, ::-1, 0], 1.0)
        assert abs(np.polyval(pieces.levels[k, 0, ::-1, 0], -1.0)) < 1e-12
    points = [0.3, 0.35, 0.37, 0.39]
    expected = (
        DURATION * quad(lambda s: rate(np.array([s]))[0], 0, 1, points=points, epsabs=1e-13, limit=400)[0]
    )
    assert whole == pytest.approx(expected, rel=1e-11)
    expected = (
        DURATION * quad(lambda s: energy(np.array([s]))[0], 0, 1, points=points, epsabs=1e-13, limit=400)[0]
    )
    assert pieces.totals[1, 0] == pytest.approx(expected, rel=1e-11, abs=1e-12)
    assert evaluated(pieces, pieces.levels, np.array([DURATION]), 4)[0] == pytest.approx(pieces.totals[1, 0])


def test_a_narrow_peak_between_the_nodes_is_seen():
    """The nodes see a constant, where a peak stands between two of them."""

    def peak(s):
        return 1.0 + np.exp(-(((s - 0.0605) / 0.004) ** 2))

    nodes = 0.5 * (1.0 + hazards._NODES)
    assert np.abs(peak(nodes) - 1.0).max() < 1e-13
    pieces = pieces_of(values(lambda s: s, peak), KNOTS, SOURCES, DURATION, "here")
    total = sum(np.polyval(pieces.levels[k, 0, ::-1, 0], 1.0) for k in range(len(pieces.lefts)))
    assert total == pytest.approx(DURATION * (1.0 + 0.004 * np.sqrt(np.pi)), rel=1e-11)


def test_instants_leave_no_gap_of_a_thousandth():
    edges = np.concatenate([[0.0], hazards.INSTANTS, [1.0]])
    assert 0.0 < np.diff(edges).min() <= np.diff(edges).max() < 1.0 / 1364.0


def test_what_is_a_thousandth_wide_is_seen_wherever_it_stands():
    """A bump that nothing but itself betrays, where nodes, places between them and grids do not look."""
    grid = np.sort(0.5 * (1.0 + np.concatenate([hazards._NODES, hazards._BETWEEN])))
    wide = np.flatnonzero(np.diff(grid) > 0.004)
    for left in [*(grid[wide[::9]] + 0.001), 0.00101, 0.9985]:

        def bump(s, left=left):
            x = np.clip((s - left) / 0.001, 0.0, 1.0)
            return 1.0 + (x * (1.0 - x)) ** 4

        pieces = pieces_of(values(lambda s: s, bump), KNOTS, SOURCES, DURATION, "here")
        total = sum(np.polyval(pieces.levels[k, 0, ::-1, 0], 1.0) for k in range(len(pieces.lefts)))
        assert total / DURATION - 1.0 == pytest.approx(0.001 / 630.0, rel=1e-6)


def test_no_chunk_forgets_what_an_earlier_one_has_seen(monkeypatch):
    """A bump that the first of 50 chunks of instants sees, all in one interval."""

    def bump(s):
        x = np.clip((s - 0.00101) / 0.001, 0.0, 1.0)
        return 1.0 + (x * (1.0 - x)) ** 4

    whole = pieces_of(values(lambda s: s, bump), KNOTS, SOURCES, DURATION, "here")
    monkeypatch.setattr(hazards, "AT_ONCE", 1)
    cut = pieces_of(values(lambda s: s, bump), KNOTS, SOURCES, DURATION, "here")
    assert len(whole.lefts) > 1
    assert np.array_equal(cut.lefts, whole.lefts)
    assert np.array_equal(cut.channels, whole.channels)


def test_what_is_seen_is_followed_where_no_instant_looks():
    """In an interval beside a kink, a bump between two nodes is seen by the places there alone."""
    kink = 0.3
    alone = pieces_of(values(lambda s: s, lambda s: 1.0 + np.abs(s - kink)), KNOTS, SOURCES, DURATION, "here")
    lefts, widths = alone.lefts / DURATION, 2.0 * alone.halves / DURATION
    inside = np.searchsorted(hazards.INSTANTS, lefts + widths) - np.searchsorted(hazards.INSTANTS, lefts)
    i = int(np.flatnonzero((inside == 0) & (widths > 1e-5) & (np.abs(lefts - kink) > widths))[0])
    low, high = (lefts[i] + 0.5 * widths[i] * (1.0 + np.sort(hazards._NODES)[k]) for k in (6, 7))

    def rate(s):
        x = np.clip((s - low) / (high - low), 0.0, 1.0)
        return 1.0 + np.abs(s - kink) + 100.0 * (x * (1.0 - x)) ** 4

    pieces = pieces_of(values(lambda s: s, rate), KNOTS, SOURCES, DURATION, "here")
    total = sum(np.polyval(pieces.levels[k, 0, ::-1, 0], 1.0) for k in range(len(pieces.lefts))) / DURATION
    smooth = sum(np.polyval(alone.levels[k, 0, ::-1, 0], 1.0) for k in range(len(alone.lefts))) / DURATION
    assert total - smooth == pytest.approx(100.0 * (high - low) / 630.0, rel=1e-5)


ROUNDED = [
    (4.5, 1e-3, lambda e: 1.0 / (1.0 + np.exp(2763.0 * (e - 4.5)))),  # an electron volt at 4.2 K
    (100.0, 1.0, lambda e: 1.0 / (1.0 + np.exp(200.0 * (e - 100.0)))),
    (1000.0, 1.0, lambda e: np.exp(-50.0 * (1000.6 - e))),
    (10.0, 1.0, lambda e: 0.1 + np.exp(-(((e - 10.0321) / 0.002) ** 2))),
    (1000.0, 1.0, lambda e: np.exp(-(((e - 1000.0321) / 0.002) ** 2))),
]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("offset", "width", "rate"), ROUNDED)
def test_rounding_of_large_arguments_is_no_roughness(offset, width, rate, backwards):
    """Differences of large numbers carry noise that no halving takes away; nor does it count."""

    def of(s):
        return rate(offset + width * ((1.0 - s if backwards else s) - 0.5))

    pieces = pieces_of(values(lambda s: s, of), KNOTS, SOURCES, DURATION, "here")
    assert len(pieces.lefts) < 400
    times = np.random.default_rng(9).uniform(0.0, DURATION, 2_000)
    at = np.clip(np.searchsorted(pieces.lefts, times, side="right") - 1, 0, None)
    x = (times - pieces.lefts[at]) / pieces.halves[at] - 1.0
    got = np.array([np.polyval(pieces.channels[i, 0, ::-1, 0], y) for i, y in zip(at, x, strict=True)])
    # Noise of rate(e) is its slope times the spacing of numbers at e, twice where the ramp is rounded too.
    fine = np.linspace(-0.5, 0.5, 20_001) * width
    slope = np.abs(np.diff(rate(offset + fine)) / np.diff(fine)).max()
    assert np.abs(got - of(times / DURATION)).max() < 4.0 * slope * np.spacing(offset) + 1e-11


def test_roughness_is_not_taken_for_rounding():
    """A kink is halved until it is small; noise of a millionth is refused, although halving it is in vain."""
    pieces = pieces_of(values(lambda s: np.abs(s - 0.3), np.ones_like), KNOTS, SOURCES, DURATION, "here")
    assert pieces.halves.min() / DURATION < 1e-11
    jagged = np.random.default_rng(2)
    rough = values(lambda s: s, lambda s: 1.0 + 1e-6 * jagged.uniform(size=len(s)))
    with pytest.raises(InvalidInput, match="do not follow"):
        pieces_of(rough, KNOTS, SOURCES, DURATION, "here")


def test_what_jumps_or_is_infinite_is_refused():
    jagged = np.random.default_rng(1)
    with pytest.raises(InvalidInput, match="do not follow"):
        pieces_of(
            values(lambda s: jagged.normal(size=len(s)), np.ones_like), KNOTS, SOURCES, DURATION, "here"
        )
    with pytest.raises(InvalidInput, match="a rate is not finite"), np.errstate(divide="ignore"):
        pieces_of(values(lambda s: s, lambda s: 1.0 / (s - 0.5)), KNOTS, SOURCES, DURATION, "here")


def test_constants_are_kept_to_the_bit():
    at = values(lambda s: 0.1 + 0.0 * s, lambda s: 1.0 / 3.0 + 0.0 * s)(np.array([0.5]))
    pieces = still_pieces(at, SOURCES, DURATION)
    assert pieces.channels[0, 0, 0, 0] == 1.0 / 3.0
    assert not pieces.channels[0, 0, 1:, 0].any()
    assert pieces.levels[0, 1, 0, 1] == 0.1
    assert np.polyval(pieces.levels[0, 1, ::-1, 0], 1.0) == pytest.approx((0.5 + 1.0 / 3.0) * DURATION)
    assert pieces.totals[1, 0] == pytest.approx(0.1 * DURATION)
