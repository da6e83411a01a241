"""A theorem that fails told from a time step that is too long, on one Brownian path."""

import numpy as np
import pytest

import fluctua as fl
from fluctua.analysis.scores import sign_scores

TRAP = fl.Potential("k/2 * x**2", coordinates="x", controls="k")
STEPS = [0.1, 0.05, 0.025]
LONG = pytest.mark.filterwarnings("ignore:time_step")  # so long is what these runs are about


def squeeze(**changes):
    """A trap that stiffens within half a unit of time; at dt = 0.1 Euler-Maruyama is coarse."""
    ramp = fl.Protocol([fl.Isothermal(0.5, k=(1.0, 5.0))], beta=1.0)
    options = {"trajectories": 40_000, "time_step": 0.1, "seed": 1}
    return fl.EnsembleSpec(TRAP, fl.Overdamped(friction=1.0), ramp, **options | changes)


@pytest.fixture(scope="module")
def report():
    with pytest.warns(UserWarning, match="stable below 2, but coarse"):
        return fl.time_step(squeeze(), STEPS, progress=False)


def test_a_coarse_step_is_blamed_and_the_theorem_is_not(report):
    """The control: the slope at dt = 0.1 is far from 1. In the limit |z| < 4: once in 16,000 runs."""
    assert report.own.outcome == "violated"
    assert report.exact.outcome != "violated"
    limit = report.fit.limit
    assert abs(limit.value - 1.0) < 4 * limit.standard_error
    assert report.theorem.outcome != "violated"
    assert "time step is too long" in report.conclusion or report.theorem.outcome == "undecidable"
    assert report.order == 1
    assert report.step == 0.1


def test_shared_noise_makes_differences_sharp(report):
    """Runs of their own would have sqrt(2) times the error of one."""
    for less, error in zip(report.differences, report.standard_errors, strict=False):
        assert less.standard_error < 0.25 * error


@LONG
def test_the_shortest_of_the_steps_is_the_run_itself(report):
    """Nothing is summed up at the finest step, so its slope is that of an ordinary run."""
    spec = squeeze(time_step=0.025)
    pair = [fl.simulate(one)["work"] for one in (spec, spec.reversed())]
    from fluctua.analysis import fit_crooks

    assert report.estimates[-1] == fit_crooks(*pair).slope


@LONG
def test_a_steady_state_is_judged_by_its_own_theorem():
    pair = fl.Potential("(x**2 + y**2)/2 + x*y/2", coordinates=("x", "y"))
    baths = [fl.Bath("hot", on="x", friction=1.0), fl.Bath("cold", on="y", friction=1.0)]
    protocol = fl.Protocol([fl.Hold(1.6)], temperature={"hot": 3.0, "cold": 1.0})
    options = {"trajectories": 10_000, "time_step": 0.1, "seed": 1, "initial": fl.Steady()}
    spec = fl.EnsembleSpec(pair, fl.Overdamped(baths=baths), protocol, **options)
    report = fl.time_step(spec, [0.1, 0.05], progress=False)
    assert report.own.claim == "detailed"
    assert report.theorem.outcome == "not applicable"  # two time steps: no fit can fail


@pytest.mark.parametrize(
    ("steps", "what"),
    [
        ([0.1, 0.07, 0.05], "0.07 is not a whole multiple of 0.05"),
        ([0.1, -0.05], "is no time step"),
        ([0.1, float("nan")], "is no time step"),
        ([], "are no time steps"),
        ("0.1", "are no time steps"),
        ([1.0, 1e-4], "up to 1024"),
        ([0.05, 0.025], "own time step, 0.1, is not among them .steps.: add it"),
    ],
)
def test_time_steps_that_share_no_path_are_refused(steps, what):
    with pytest.raises(fl.InvalidInput, match=what):
        fl.time_step(squeeze(), steps)


@LONG
def test_a_start_without_a_theorem_is_refused():
    with pytest.raises(fl.InvalidInput, match="no detailed theorem: needs a start in equilibrium"):
        fl.time_step(squeeze(trajectories=300, initial=fl.Point(x=0.0)), STEPS, progress=False)


def test_scores_of_signs_have_mean_zero_under_the_theorem():
    """|z| < 4; and the control, signs turned around, is far off."""
    rng = np.random.Generator(np.random.Philox(11))
    s = rng.normal(1.0, np.sqrt(2.0), 20_000)
    for values, true in ((s, True), (-s, False)):
        terms = sign_scores(values)[0]
        z = terms.mean() / terms.std() * np.sqrt(terms.size)
        assert (abs(z) < 4) == true
