from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.stability import LIMIT, check_stability, fraction, judge, stiffest
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.errors import Unstable
from fluctua.stochastic.initial import Point
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold, Isothermal


def ratio(spec: EnsembleSpec) -> float:
    """The criterion at given positions, without running anything."""
    n = len(spec.system.coordinates)
    state = np.linspace(-1.0, 1.0, 12).reshape(n, -1) if n > 1 else np.linspace(-1.0, 1.0, 12)[None]
    samples = state.shape[1]
    paths: dict[str, Any] = {"trajectory": np.arange(samples), "time": np.zeros(samples)}
    paths |= dict(zip(spec.system.coordinates, state, strict=True))
    return stiffest(spec, paths, 1).ratio


def check(spec: EnsembleSpec) -> None:
    check_stability(spec, propagator_of(spec))


def trap(dynamics: Any, time_step: float = 0.1, energy: str = "k/2*x**2", **words: Any) -> EnsembleSpec:
    system = Potential(energy, coordinates="x", controls="k")
    hold = Protocol([Hold(8.0)], beta=1.0, k=3.0)
    return EnsembleSpec(system, dynamics, hold, trajectories=10, time_step=time_step, seed=1, **words)


def test_a_harmonic_trap_has_the_textbook_criterion() -> None:
    assert ratio(trap(Overdamped(friction=2.0))) == pytest.approx(0.1 * 3.0 / 2.0)
    assert ratio(trap(Underdamped(mass=2.0, friction=1.0))) == pytest.approx(0.1 * np.sqrt(3.0 / 2.0))
    assert ratio(trap(Underdamped(mass=2.0, friction=1.0, scheme="BABAOABAB"))) == pytest.approx(
        0.05 * np.sqrt(3.0 / 2.0)
    )


def test_a_quartic_is_judged_where_trajectories_go() -> None:
    assert ratio(trap(Overdamped(friction=1.0), energy="k*x**4")) == pytest.approx(0.1 * 3.0 * 12.0)


def test_coupled_coordinates_have_the_largest_eigenvalue() -> None:
    system = Potential("(x**2 + y**2)/2 + u*x*y", coordinates=("x", "y"), parameters={"u": 0.5})
    spec = EnsembleSpec(
        system,
        Overdamped(friction=1.0),
        Protocol([Hold(1.0)], beta=1.0),
        trajectories=10,
        time_step=0.1,
        seed=1,
    )
    assert ratio(spec) == pytest.approx(0.15)
    rotating = Potential("(x**2 + y**2)/2", coordinates=("x", "y"), forces={"x": "0.3*y", "y": "-0.3*x"})
    assert ratio(spec.replace({"system": rotating})) == pytest.approx(0.1)


def test_a_maximum_is_not_stiff() -> None:
    assert ratio(trap(Overdamped(friction=1.0), energy="-k/2*x**2")) == 0.0


@pytest.mark.parametrize(("share", "stable"), [(0.98, True), (1.02, False)])
def test_the_limit_is_where_the_map_starts_to_diverge(share: float, stable: bool) -> None:
    """The control: just above the limit a run does grow without bound, just below it does not."""
    time_step = LIMIT * share / 3.0
    spec = trap(Overdamped(friction=1.0), initial=Point(x=1.0))
    spec = spec.replace({"protocol.steps.0.duration": 400 * time_step, "time_step": time_step})
    final = propagator_of(spec).run(0, 64).columns["x_final"]
    grown = float(np.mean(final**2)) > 100.0
    assert grown is not stable
    if stable:
        with pytest.warns(UserWarning, match="coarse"):
            check(spec)
    else:
        with pytest.raises(Unstable, match=r"time_step \* curvature / friction = 2.04 at k = 3, x ="):
            check(spec)


def test_a_control_that_stiffens_on_the_way_is_found(spec: EnsembleSpec) -> None:
    check(spec)
    stiff = spec.replace({"protocol.steps.squeeze.k": [1.0, 120.0], "protocol.steps.let go.k": [120.0, 1.0]})
    with pytest.raises(Unstable, match=r"at k = 1\d\d") as caught:
        check(stiff)
    assert caught.value.exit_code == 3
    assert caught.value.where == "time_step"


def test_the_remedy_is_a_step_that_passes(spec: EnsembleSpec) -> None:
    stiff = spec.replace({"dynamics.friction": 0.02})
    with pytest.raises(Unstable, match="is safe") as caught:
        check(stiff)
    good = float(caught.value.remedy.split(" ")[0])
    assert good == pytest.approx(0.02 * 0.1 * 2.0 / (0.02 * 4.0 / 0.02), rel=0.1)


def test_judgement(spec: EnsembleSpec, recwarn: pytest.WarningsRecorder) -> None:
    from fluctua.ensembles.stability import Stiffest

    judge(spec, Stiffest(0.49, {}, {}))
    assert not recwarn.list
    with pytest.warns(UserWarning, match="coarse"):
        judge(spec, Stiffest(0.51, {}, {"x": 1.0}))
    with pytest.raises(Unstable):
        judge(spec, Stiffest(2.0, {}, {"x": 1.0}))


@pytest.mark.parametrize("time_step", [0.2, 0.25, 0.5])
def test_the_remedy_comes_from_sound_trajectories(time_step: float, recwarn: pytest.WarningsRecorder) -> None:
    """A diverged trajectory has any curvature: the step must pass as it is told, and ten times it be poor.

    At rest at f = 2 the energy's curvature is 1 + 3 x^2 with x = 1, and with thermal motion at most about 28:
    a tenth of the limit lies near 0.2 / 28 = 0.007, and the limit itself at 0.07.
    """
    system = Potential("x**4/4 + x**2/2 - f*x", coordinates="x", controls="f")
    pull = Protocol([Isothermal(2.0, f=(0.0, 2.0))], beta=1.0)
    spec = EnsembleSpec(
        system, Overdamped(friction=1.0), pull, trajectories=1000, time_step=time_step, seed=1
    )
    with pytest.raises(Unstable, match="is safe") as caught:
        check(spec)
    good = float(caught.value.remedy.split(" ")[0])
    assert 0.1 * 2.0 / 40.0 < good < 0.1 * 2.0 / 13.0
    check(spec.replace({"time_step": good}))
    assert not recwarn.list
    tenfold = spec.replace({"time_step": fraction(2.0, 10.0 * good)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((Unstable, UserWarning), match=r"coarse|too long"):
            check(tenfold)


def test_a_told_step_divides_what_the_refused_one_divides() -> None:
    assert fraction(0.25, 0.0084) == 0.25 / 30
    assert fraction(0.2, 0.00835) == 0.008
    assert fraction(0.02, 0.001) == 0.001
    for at_most in (0.3, 0.07, 0.0123, 3.33e-5):
        parts = 0.3 / fraction(0.3, at_most)
        assert parts == pytest.approx(round(parts), rel=1e-11)
        assert 0.75 * at_most < 0.3 / parts <= at_most * (1 + 1e-9)


def test_a_fall_without_a_floor_is_refused() -> None:
    spec = trap(Overdamped(friction=1.0), energy="x**2/2 - k*x**4", initial=Point(x=0.0), time_step=0.01)
    with pytest.raises(Unstable, match="pilot trajectories are not finite"):
        check(spec)


def test_a_moving_trap_is_not_taken_for_a_stiff_one() -> None:
    """Positions and controls of one instant belong together: far from its centre the trap looks stiff."""
    system = Potential("(x - c)**4/4", coordinates="x", controls="c")
    drag = Protocol([Isothermal(10.0, c=(0.0, 20.0))], beta=1.0)
    spec = EnsembleSpec(system, Overdamped(friction=1.0), drag, trajectories=10, time_step=0.01, seed=1)
    check(spec)
