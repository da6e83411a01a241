"""The pictures show what they say: densities, ratios and lines are read back from the artists."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

import atoms
from fluctua.analysis.crooks import fit_crooks
from fluctua.analysis.cycle_figures import LimitCycle, heat_per_stroke, limit_cycle, work_diagram
from fluctua.analysis.figures import work_distributions
from fluctua.analysis.overlap_figure import overlap_information
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import stirling_cycle

STROKES = ("hot isotherm", "cooling", "cold isotherm", "heating")


def gaussian_pair(dissipation, delta_f, size, beta=1.0):
    """Work samples that obey Crooks exactly: Gaussians of variance 2 beta dissipation / beta^2."""
    random = np.random.default_rng(7)
    width = np.sqrt(2.0 * dissipation / beta)
    return random.normal(delta_f + dissipation, width, size), random.normal(
        -delta_f + dissipation, width, size
    )


def circle(turns_left):
    """A cycle of radius one, drawn in four strokes; to the left is an engine's sense."""
    angle = np.linspace(0.0, 2.0 * np.pi, 401) * (1.0 if turns_left else -1.0)
    stroke = np.repeat(np.arange(4), 100)
    return LimitCycle(np.sin(angle), np.cos(angle), np.full(401, 0.01), stroke, STROKES)


def ratio_points(figure):
    """The points and error bars of the right panel."""
    container = figure.axes[1].containers[0]
    points, _, (bars,) = container.lines
    error = np.array([0.5 * (top - bottom) for (_, bottom), (_, top) in bars.get_segments()])
    return points.get_xdata(), points.get_ydata(), error


@pytest.mark.parametrize(("beta", "delta_f"), [(1.0, 0.0), (2.0, 0.7), (0.25, -3.0)])
def test_densities_are_normalised_and_the_line_is_the_crooks_line(beta, delta_f):
    figure = work_distributions(*gaussian_pair(1.0 / beta, delta_f, 20_000, beta), beta, delta_f)
    assert isinstance(figure, Figure)
    for outline in figure.axes[0].patches[1::2]:
        values, edges, _ = outline.get_data()
        assert (
            0.997 <= np.sum(values * np.diff(edges)) <= 1.0
        )  # at most 0.1 % of a sample lies outside on each side
    line = figure.axes[1].lines[0]
    ends = np.asarray(line.get_xdata())
    assert line.get_ydata() == pytest.approx(beta * (ends - delta_f))


def test_points_of_a_true_pair_lie_on_the_line_and_of_a_scaled_one_do_not():
    """Chi-square over bins: mean nu, deviation sqrt(2 nu); z < 4 fails by chance once in some thousand draws.

    The control scales all work by 1.1, so that the slope is off by a tenth.
    """
    forward, reverse = gaussian_pair(1.0, 0.5, 100_000)
    for scale, passes in ((1.0, True), (1.1, False)):
        w, log_ratio, error = ratio_points(work_distributions(scale * forward, scale * reverse, 1.0, 0.5))
        chi_square = np.sum(((log_ratio - (w - 0.5)) / error) ** 2)
        z = (chi_square - w.size) / np.sqrt(2 * w.size)
        assert bool(z < 4.0) is passes


def test_unequal_samples_are_normalised():
    forward, reverse = gaussian_pair(1.0, 0.0, 60_000)
    w, log_ratio, error = ratio_points(work_distributions(forward, reverse[:20_000], 1.0, 0.0))
    assert abs(np.mean((log_ratio - w) / error)) < 4.0 / np.sqrt(w.size)


def test_samples_without_overlap_or_width_still_draw():
    work_distributions([5.0, 5.1, 5.2], [5.0, 5.3], 1.0, 0.0)
    work_distributions([1.0, 1.0], [-1.0], 1.0, 1.0)


@pytest.mark.parametrize("bad", [[], [1.0, np.nan], [np.inf]])
def test_a_sample_that_is_empty_or_not_finite_is_refused(bad):
    with pytest.raises(InvalidInput, match="reverse"):
        work_distributions([1.0], bad, 1.0, 0.0)


def test_work_is_the_signed_area_of_the_loop():
    """The trapezium rule on a regular 400-gon: pi (1 - 2 pi^2 / 3 n^2) to fourth order."""
    assert circle(turns_left=True).work == pytest.approx(-np.pi, rel=1e-4)
    assert circle(turns_left=False).work == pytest.approx(np.pi, rel=1e-4)


def test_work_diagram_names_every_stroke_and_points_along_it():
    cycle = circle(turns_left=True)
    figure = work_diagram({"slow": cycle, "fast": circle(turns_left=False)}, notes={"slow": "an engine"})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["slow", "fast"]
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {
        f"{number} {name}" for number, name in enumerate(STROKES, 1)
    }
    arrows = [note for note in figure.axes[0].texts if getattr(note, "arrow_patch", None) is not None]
    assert len(arrows) == 4
    for arrow in arrows:  # to the left round the origin: the cross product of place and direction is positive
        (x, y), (x0, y0) = arrow.xy, arrow.xyann
        assert x0 * (y - y0) - y0 * (x - x0) > 0
    assert "an engine" in [text.get_text() for text in figure.axes[0].texts]


def test_strokes_join_without_a_gap():
    figure = work_diagram({"": circle(turns_left=True)})
    ends = [(line.get_xydata()[0], line.get_xydata()[-1]) for line in figure.axes[0].lines]
    for (_, last), (first, _) in pairwise(ends):
        assert np.array_equal(last, first)


@pytest.fixture(scope="module")
def cycling():
    """A short driven cycle whose paths are sampled at every move, by all trajectories."""
    well = Potential("q**2/2 - E*q", coordinates="q", controls="E")
    cycle = stirling_cycle(E=(1.0, 0.0), beta=(1.0, 3.0), duration=0.5, cycles=2)
    sizes = {"trajectories": 64, "paths": 64, "path_every": 1, "strokes": True}
    return simulate(EnsembleSpec(well, Overdamped(friction=1.0), cycle, time_step=0.05, seed=1, **sizes))


def test_a_cycle_read_from_paths_does_the_work_of_the_ledger(cycling):
    """Sampled at every move, the trapezium rule adds up what the ledger does: equal to rounding."""
    cycle = limit_cycle(cycling, "q", "E")
    ledger = cycling.strokes.mean("work", where="cycle >= 2", by="cycle")["mean"].iloc[0]
    assert cycle.work == pytest.approx(ledger, abs=1e-12)
    assert np.bincount(cycle.stroke).tolist() == [10, 10, 10, 10]
    assert cycle.names == STROKES
    ramp = np.linspace(0.0, 1.0, 11)
    expected = np.concatenate([ramp[::-1], np.zeros(9), ramp, np.ones(10)])
    assert cycle.control == pytest.approx(expected, abs=1e-12)


def test_a_cycle_of_an_unknown_control_or_without_paths_is_refused(cycling):
    with pytest.raises(InvalidInput, match="not a control"):
        limit_cycle(cycling, "q", "F")
    with pytest.raises(InvalidInput, match="no paths"):
        limit_cycle(simulate(cycling.spec.replace({"paths": 0})), "q", "E")


def test_no_cycle_is_refused():
    with pytest.raises(InvalidInput, match="cycle"):
        work_diagram({})


def test_heat_bars_have_the_heights_given_and_the_reference_beside():
    heat = np.array([[1.0, -2.0], [0.5, 0.25]])
    figure = heat_per_stroke(
        heat, 0.1 * np.ones((2, 2)), strokes=("a", "b"), series=("x", "y"), reference=heat + 1.0
    )
    bars = [container for container in figure.axes[0].containers if hasattr(container, "patches")]
    assert [[bar.get_height() for bar in group] for group in bars] == heat.tolist()
    marks = [segment[0][1] for segment in figure.axes[0].collections[-1].get_segments()]
    assert sorted(marks) == sorted((heat + 1.0).ravel())


def test_heat_of_another_shape_is_refused():
    with pytest.raises(InvalidInput, match="2 strokes"):
        heat_per_stroke([[1.0, 2.0, 3.0]], [[0.1, 0.1, 0.1]], strokes=("a", "b"), series=("x",))


def test_drawing_leaves_pyplot_and_its_settings_alone():
    code = (
        "import sys, matplotlib; before = dict(matplotlib.rcParams)\n"
        "from fluctua.analysis.figures import work_distributions\n"
        "work_distributions([1.0, 2.0], [-1.0, 0.0], 1.0, 0.5).savefig('/dev/null', format='svg')\n"
        "assert dict(matplotlib.rcParams) == before and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


# ---- values with a probability of their own ------------------------------------------------------


def stems_of(axes):
    """Give places and heights of the stems of each direction."""
    return [line.get_xydata() for line in axes.get_lines() if line.get_fillstyle() == "none"]


@pytest.mark.parametrize("draw", [work_distributions, overlap_information])
def test_values_with_a_probability_stand_as_stems_of_that_height(draw):
    truth = atoms.qubit()
    figure = draw(*truth.draw(np.random.default_rng(81), 40_000, 40_000))
    forward, reverse = stems_of(figure.axes[0])
    order = np.argsort(truth.value)
    for found, probability in ((forward, truth.forward[order]), (reverse, truth.reverse[order])):
        error = np.sqrt(probability * (1.0 - probability) / 40_000)
        assert np.all(np.abs(found[:, 1] - probability) < 4.0 * error)
    assert np.diff(forward[:, 0]) == pytest.approx(1.0)
    assert figure.axes[0].get_ylabel() == "probability"


def test_stems_stand_beside_a_density_and_are_no_part_of_it():
    forward, reverse, delta_f = atoms.rarely_jumping(np.random.default_rng(82), 20_000, 20_000)
    figure = work_distributions(forward, reverse, 1.0, delta_f)
    stems = next(stems_of(axes)[0] for axes in figure.axes if stems_of(axes))
    assert stems[:, 0] == pytest.approx([0.0, 1.0])
    smooth = next(patch for patch in figure.axes[0].patches if not patch.fill)
    area = np.sum(smooth.get_data().values * np.diff(smooth.get_data().edges))
    assert stems[:, 1].sum() + area == pytest.approx(1.0, abs=0.01), "all but the outermost thousandths"
    above, below, _ = overlap_information(forward, reverse).axes
    numbers = sorted(float(text.get_text()) for text in above.texts)
    said = [np.mean(work == value) for work in (forward, reverse) for value in (0.0, 1.0, -1.0)]
    assert numbers == pytest.approx(sorted(share for share in said if share), abs=0.005), "two digits"
    bins = below.patches[0].get_data().values
    information = fit_crooks(forward, reverse).information
    assert bins.sum() == pytest.approx(information, rel=0.01), "all but the outermost thousandths"


def test_a_density_has_no_stems():
    rng = np.random.default_rng(83)
    figure = work_distributions(rng.normal(1.0, 1.0, 4_000), rng.normal(0.0, 1.0, 4_000))
    assert not any(stems_of(figure.axes[0]))
