"""The diagnostic pictures say what is so: curves, points, walks and areas are read back from the artists."""

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fluctua.analysis import crooks_coins, exponential_figure
from fluctua.analysis.coin_figures import direction_probability, direction_walk, sign_probability, sign_walk
from fluctua.analysis.crooks import fit_crooks
from fluctua.analysis.dependence import Dependence
from fluctua.analysis.detailed import fit_detailed
from fluctua.analysis.exponential_figure import exponential_terms
from fluctua.analysis.free_energies import Method, free_energies
from fluctua.analysis.free_energy_figure import free_energy_by_method
from fluctua.analysis.integral import exponential_average
from fluctua.analysis.overlap_figure import overlap_information
from fluctua.analysis.tosses import Tosses
from fluctua.stochastic.errors import InvalidInput

import truth

DRAWN = np.random.default_rng(11)
PAIR = truth.gaussian_pair(DRAWN, 1.0, 4000, 1500)
ENTROPY = truth.gaussian_entropy(DRAWN, 1.0, 4000)
WRONG = truth.scaled(PAIR, 1.3)


def logistic(u):
    return 1.0 / (1.0 + np.exp(-u))


def curve(axes, start):
    """The line whose label begins like this."""
    return next(line.get_xydata().T for line in axes.lines if line.get_label().startswith(start))


def shares(axes):
    """Points and error bars of the shares."""
    points, _, (bars,) = axes.containers[0].lines
    low, high = np.array([[bottom, top] for (_, bottom), (_, top) in bars.get_segments()]).T
    return *points.get_xydata().T, low, high


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


# ---- chances


def test_the_curves_are_those_of_the_theorem_and_of_the_fit():
    above = direction_probability(WRONG.forward, WRONG.reverse).axes[0]
    x, chance = curve(above, "theorem")
    assert chance == pytest.approx(logistic(np.log(4000 / 1500) + x), rel=1e-12)
    fit = fit_crooks(WRONG.forward, WRONG.reverse)
    x, fitted = curve(above, "fitted")
    log_odds = np.log(fitted / (1.0 - fitted))
    assert np.polyfit(x, log_odds, 1)[0] == pytest.approx(fit.slope, rel=1e-6)
    work = np.concatenate([WRONG.forward, -WRONG.reverse]) - fit.free_energy
    assert np.interp(work, x, fitted).sum() == pytest.approx(4000, rel=2e-3)  # as many as are forward


def test_the_curve_of_signs_has_nothing_fitted():
    x, chance = curve(sign_probability(ENTROPY).axes[0], "theorem")
    assert chance == pytest.approx(logistic(x), rel=1e-12)
    assert x[0] == 0.0


@pytest.mark.parametrize("binned", [False, True])
def test_shares_add_up_to_all_trajectories(monkeypatch, binned):
    """Read from residuals and points: with bins for coins as without; Wilson's interval holds its share."""
    if binned:
        monkeypatch.setattr(crooks_coins, "MANY", 1000)
    tosses = Tosses.of_directions(PAIR.forward, PAIR.reverse)
    assert (tosses.count > 1.0).any() is np.bool_(binned)
    assert tosses.heads.sum() == 4000
    assert tosses.count.sum() == 5500
    _, share, low, high = shares(direction_probability(PAIR.forward, PAIR.reverse).axes[0])
    assert ((low <= share) & (share <= high)).all()
    assert share[:3].max() < 0.2 < 0.9 < share[-3:].min()


def test_differences_of_a_true_pair_are_standard_normal_and_those_of_a_scaled_one_are_not():
    """Chi-square over bins below its 99.99 % quantile, by Wilson and Hilferty; the control exceeds it far."""
    for pair, true in ((PAIR, True), (WRONG, False)):
        height = direction_probability(pair.forward, pair.reverse).axes[1].lines[-1].get_ydata()
        k = height.size
        bound = k * (1.0 - 2.0 / (9 * k) + 3.72 * math.sqrt(2.0 / (9 * k))) ** 3
        assert bool(np.sum(height**2) < bound) is true


def test_each_value_of_a_lattice_is_a_point_on_its_own():
    """Skellam numbers obey the theorem exactly: n_+ at rate a, n_- at rate b, s = (n_+ - n_-) ln(a/b)."""
    random = np.random.default_rng(12)
    s = (random.poisson(1.5, 3000) - random.poisson(0.5, 3000)) * np.log(3.0)
    place, share, *_ = shares(sign_probability(s).axes[0])
    sizes = np.unique(np.abs(s[s != 0.0]))[: place.size]
    assert place == pytest.approx(sizes, rel=1e-9)
    assert share == pytest.approx([np.mean(s[np.isclose(np.abs(s), size)] > 0.0) for size in sizes])


# ---- walks


@pytest.mark.parametrize("binned", [False, True])
def test_the_walk_reaches_what_the_test_says(monkeypatch, binned):
    if binned:
        monkeypatch.setattr(crooks_coins, "MANY", 1000)
    fit = fit_crooks(WRONG.forward, WRONG.reverse)
    axes = direction_walk(WRONG.forward, WRONG.reverse).axes[0]
    height = curve(axes, "measured")[1]
    assert np.abs(height).max() == pytest.approx(fit.cusum_statistic, rel=1e-9)
    assert abs(height[-1]) < 1e-6  # residuals sum to zero at BAR
    assert "p = " in labels(axes)[1]


def test_the_walk_of_signs_reaches_what_its_test_says():
    axes = sign_walk(ENTROPY).axes[0]
    assert np.abs(curve(axes, "measured")[1]).max() == pytest.approx(fit_detailed(ENTROPY).cusum_statistic)


def test_values_that_are_zero_but_for_rounding_are_no_coins_in_pictures_either():
    """Sums of terms that cancel, of one sign: without them nothing of the picture changes, nor of blocks."""
    cancelled = np.concatenate([ENTROPY, np.full(1000, -1.1e-16), np.full(10, -8.9e-16)])
    plain, drawn = Tosses.of_signs(ENTROPY), Tosses.of_signs(cancelled)
    np.testing.assert_array_equal(drawn.place, plain.place)
    np.testing.assert_array_equal(drawn.walk[1], plain.walk[1])
    height = curve(sign_walk(cancelled).axes[0], "measured")[1]
    assert np.abs(height).max() == pytest.approx(fit_detailed(cancelled).cusum_statistic)
    told = sign_probability(cancelled).axes[1].lines[-1].get_ydata()
    assert np.abs(told).max() < 4.5, "40 points of a true sample, two-sided: 3 in 10,000"
    blocks = np.append(ENTROPY, np.zeros(1010))
    assert Dependence.of_signs(cancelled) == Dependence.of_signs(blocks)


def test_the_band_is_that_of_the_null_law():
    """Limit laws: 1.3581 for a Brownian bridge (Kolmogorov), 2.2414 for Brownian motion with a free end."""
    fit = fit_crooks(PAIR.forward, PAIR.reverse)
    drawn = Tosses.of_directions(PAIR.forward, PAIR.reverse, fit).band()
    # The error of a quantile of 999 draws, sqrt(0.05 0.95 / 999) over the density there of 0.27, is 0.026.
    assert drawn == pytest.approx(1.3581, abs=4.5 * 0.026)
    limit = Tosses.of_directions(PAIR.forward, PAIR.reverse, replace(fit, method="limit law")).band()
    assert limit == pytest.approx(1.3581, abs=2e-4)
    assert Tosses.of_signs(ENTROPY).band() == pytest.approx(2.2414, abs=2e-4)
    small = Tosses.of_directions(PAIR.forward[:40], PAIR.reverse[:40]).band()
    assert 0.8 < small < 1.3581  # a walk of few coins is looked at less often
    axes = direction_walk(PAIR.forward, PAIR.reverse, widened=1.5).axes[0]
    assert axes.patches[0].get_height() == pytest.approx(3.0 * drawn)
    assert "p = " not in labels(axes)[1]  # that of independent trajectories


def test_the_band_and_the_p_value_are_of_one_law_where_a_value_has_a_probability():
    """Six trajectories of ten at one value: their walk is seldom looked at, and rarely leaves a narrow band.

    Both come from labels drawn again, so that p lies below 0.05 just where the walk leaves the band; at the
    edge by the chance of 999 draws, of standard deviation 0.007.
    """
    rng = np.random.default_rng(24)
    for _ in range(5):
        forward, reverse = (
            np.where(rng.random(2_000) < 0.6, 0.0, sign + rng.normal(0.0, 2.0**0.5, 2_000)) for sign in (1, 1)
        )
        # one rare value far out: then the fit does not trust limit laws
        tosses = Tosses.of_directions(np.append(forward, 12.0), np.append(reverse, 0.0))
        assert "drawn again" in tosses.fit.method
        assert tosses.band() < 1.25 < 1.3581
        outside, p = tosses.fit.cusum_statistic > tosses.band(), tosses.fit.cusum_p
        assert p < 0.05 + 0.028 if outside else p > 0.05 - 0.028


def test_signs_in_bins_are_those_one_by_one(monkeypatch):
    apart = Tosses.of_signs(ENTROPY)
    monkeypatch.setattr("fluctua.analysis.detailed.MANY", 1000)
    joined = Tosses.of_signs(ENTROPY, apart.fit)
    assert joined.count.sum() == apart.count.sum() == np.count_nonzero(ENTROPY)
    assert joined.heads.sum() == apart.heads.sum()
    assert (joined.count @ joined.chance) == pytest.approx(apart.chance.sum())
    assert np.abs(joined.walk[1]).max() == pytest.approx(np.abs(apart.walk[1]).max(), abs=0.1)


# ---- overlap


def test_the_area_is_the_information():
    above, below, _ = overlap_information(PAIR.forward, PAIR.reverse).axes
    values, edges, _ = below.patches[0].get_data()
    information = fit_crooks(PAIR.forward, PAIR.reverse).information
    assert np.sum(values * np.diff(edges)) == pytest.approx(information, rel=0.01)  # what lies outside
    for outline in above.patches[1::2]:
        density, edges, _ = outline.get_data()
        assert 0.99 < np.sum(density * np.diff(edges)) <= 1.0
    x, weight = above.figure.axes[2].lines[0].get_xydata().T
    p = logistic(np.log(4000 / 1500) + x)
    assert weight == pytest.approx(p * (1.0 - p), abs=1e-12)


def stemmed(number, sign):
    """Give work of which three values have a probability of their own, those outside on an edge each."""
    rng = np.random.default_rng([85, number, sign + 1])
    share, smooth = rng.random(number), rng.normal(0.6 * sign, 1.2, number)
    edges = {1: (0.62, 0.65), -1: (0.58, 0.65)}[sign]
    atoms = [share < 0.55, share < edges[0], share < edges[1]]
    return np.select(atoms, [0.0, 4.0, -4.0], smooth)


def test_numbers_at_stems_touch_nothing():
    """The legend, the crest of the weight below it, the axis, each other."""
    figure = overlap_information(stemmed(6000, 1), stemmed(5000, -1), title="forward against reverse")
    FigureCanvasAgg(figure).draw()
    above, _, beside = figure.axes
    numbers = [text.get_window_extent() for text in above.texts]
    assert len(numbers) == 6
    crest = beside.transData.transform((0.0, 0.25))[1]
    assert above.get_legend().get_window_extent().y0 > crest
    assert all(above.bbox.y0 <= one.y0 and one.y1 < crest for one in numbers)
    assert not any(one.overlaps(other) for one, other in combinations(numbers, 2))


def test_little_overlap_is_said():
    pair = truth.gaussian_pair(np.random.default_rng(13), 30.0, 300)
    assert (
        "below 3 there is no interval" in labels(overlap_information(pair.forward, pair.reverse).axes[1])[0]
    )
    assert "below 3" not in labels(overlap_information(PAIR.forward, PAIR.reverse).axes[1])[0]
    fitted = [
        text for text in labels(direction_probability(pair.forward, pair.reverse).axes[0]) if "fit" in text
    ]
    assert all("no interval" in text for text in fitted)


# ---- exponential averages


def test_contributions_are_shares_of_the_average():
    figure = exponential_terms(PAIR.forward, expected=PAIR.delta_f)
    values, edges, _ = figure.axes[1].patches[0].get_data()
    s = PAIR.forward - PAIR.delta_f
    terms = np.histogram(s, edges, weights=np.exp(-s))[0]
    assert values * np.diff(edges) == pytest.approx(terms / np.exp(-s).sum(), rel=1e-9)
    counts, edges, _ = figure.axes[0].patches[0].get_data()
    assert counts * np.diff(edges) * s.size == pytest.approx(np.histogram(s, edges)[0])


def test_a_missing_tail_is_hatched_where_it_must_lie():
    s = truth.gaussian_entropy(np.random.default_rng(14), 6.0, 300)
    missing = exponential_average(s).missing
    assert math.isfinite(missing)
    below = exponential_terms(s).axes[1]
    (hatched,) = (patch for patch in below.patches if patch.get_hatch())
    assert hatched.get_x() + hatched.get_width() == pytest.approx(missing)
    assert "no interval" in labels(exponential_terms(s).axes[0])[1]
    whole = exponential_terms(s - 8.0).axes[1]  # a high average lacks nothing
    assert not any(patch.get_hatch() for patch in whole.patches)


def test_stretches_do_not_change_the_picture(monkeypatch):
    whole = exponential_terms(ENTROPY).axes[1].patches[0].get_data()
    monkeypatch.setattr(exponential_figure, "_STRETCH", 100)
    pieces = exponential_terms(ENTROPY).axes[1].patches[0].get_data()
    assert pieces.values == pytest.approx(whole.values, rel=1e-9)


def test_values_with_a_probability_are_stems_down_to_the_rarest():
    """The rare ones at the left carry the average: 3 of 20,000 trajectories stand there as high as others."""
    s = np.repeat([-7.0, -1.0, 0.0, 1.0, 2.0], [3, 1_200, 6_000, 8_000, 4_797])
    value, count = np.unique(s, return_counts=True)
    above, below = exponential_terms(s).axes
    assert not above.patches
    (seen,), (carried,) = (
        [line for line in axes.lines if line.get_marker() == "o"] for axes in (above, below)
    )
    assert np.array_equal(seen.get_data()[0], value)
    assert seen.get_data()[1] == pytest.approx(count / s.size)
    assert carried.get_data()[1] == pytest.approx(count * np.exp(-value) / np.exp(-s).sum())
    assert "of each value" in above.get_ylabel()


def test_values_beside_a_density_have_an_axis_of_their_own():
    rng = np.random.default_rng(23)
    s = np.where(rng.random(20_000) < 0.3, 2.0, rng.normal(1.0, 1.4, 20_000))
    above, below, beside, beneath = exponential_terms(s).axes
    density, edges, _ = above.patches[0].get_data()
    share = np.mean(s == 2.0)
    assert curve_of_marks(beside) == (pytest.approx([2.0]), pytest.approx([share]))
    assert density @ np.diff(edges) == pytest.approx(1.0 - share, abs=2e-3)  # a thousandth lies beyond
    carried, edges, _ = below.patches[0].get_data()
    stem = curve_of_marks(beneath)[1][0]
    assert stem == pytest.approx(np.sum(s == 2.0) * np.exp(-2.0) / np.exp(-s).sum())
    assert carried @ np.diff(edges) + stem == pytest.approx(1.0, abs=2e-3)


def curve_of_marks(axes):
    (line,) = (line for line in axes.lines if line.get_marker() == "o")
    return line.get_data()


# ---- free energies


def test_every_method_has_its_row_and_its_interval():
    methods = free_energies(PAIR.forward, PAIR.reverse)
    axes = free_energy_by_method(methods, delta_f=PAIR.delta_f).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == [method.method for method in methods]
    (bars,) = axes.containers[0].lines[2]
    drawn = {round(y): (left, right) for (left, y), (right, _) in bars.get_segments()}
    known = {row: (m.low, m.high) for row, m in enumerate(methods) if not m.refused}
    assert drawn.keys() == known.keys()
    for row, ends in known.items():
        assert drawn[row] == pytest.approx(ends)


def test_refused_methods_are_hollow_with_their_reason_and_an_arrow_where_they_lie_outside():
    methods = [
        Method("BAR", 0.0, 0.1, -0.2, 0.2, information=90.0),
        Method("Jarzynski", 0.1, refused="dissipation 3 kT"),
        Method("second cumulant", -40.0, refused="the work is skewed"),
        Method("histogram crossing", None, refused="the work does not vary"),
    ]
    axes = free_energy_by_method(methods).axes[0]
    marks = {round(line.get_ydata()[0]): line for line in axes.lines if line.get_linestyle() == "None"}
    hollow = {row: line.get_marker() for row, line in marks.items() if line.get_markerfacecolor() == "white"}
    assert hollow == {1: "o", 2: "<"}
    assert marks[2].get_xdata()[0] == axes.get_xlim()[0]
    told = " ".join(" ".join(text.get_text().split()) for text in axes.texts)
    for method in methods[1:]:
        assert method.refused in told


def test_far_work_is_counted_from_a_number_near_it():
    methods = free_energies(PAIR.forward - 2e6, PAIR.reverse + 2e6)
    axes = free_energy_by_method(methods).axes[0]
    assert "-1,999,999" in axes.get_xlabel()
    assert max(map(abs, axes.get_xlim())) < 2.0
    with pytest.raises(InvalidInput, match="no free-energy"):
        free_energy_by_method([])


# ---- all of them


WORST = {
    "one value": ([1.0], [-1.0]),
    "constant": ([1.0] * 30, [-1.0] * 30),
    "constant, apart": ([9.0] * 30, [9.0] * 30),
    "no overlap at all": (np.linspace(3000.0, 3001.0, 25), np.linspace(3000.0, 3001.0, 25)),
    "twenty": (PAIR.forward[:20], PAIR.reverse[:20]),
}


@pytest.mark.parametrize("kind", WORST)
def test_the_worst_numbers_are_drawn_without_a_warning(kind):
    """Warnings are errors here, also those of the layout, which runs only when a figure is written."""
    forward, reverse = WORST[kind]
    figures = [
        direction_probability(forward, reverse),
        direction_walk(forward, reverse),
        overlap_information(forward, reverse),
        exponential_terms(forward, expected=1.0),
        free_energy_by_method(free_energies(forward, reverse)),
        sign_probability(np.asarray(forward) - 1.0),
        sign_walk(np.asarray(forward) - 1.0),
    ]
    for figure in figures:
        for axes in figure.axes:
            assert all(np.isfinite([*axes.get_xlim(), *axes.get_ylim()]))
    figures[0].draw_without_rendering()


@pytest.mark.parametrize("draw", [direction_probability, direction_walk, overlap_information])
def test_what_is_no_work_is_refused(draw):
    with pytest.raises(InvalidInput, match="reverse"):
        draw([1.0, 2.0], [np.nan])
