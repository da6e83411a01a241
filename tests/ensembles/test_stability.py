from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fluctua.ensembles import stability
from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.stability import LIMIT, check_stability, fraction, judge, stiffest
from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.errors import Unstable
from fluctua.stochastic.initial import Point, Steady
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.status import Status
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


def test_no_splitting_grows_below_the_limit_and_leapfrogs_do_above() -> None:
    """Largest eigenvalue of a step's map in a harmonic trap, for random palindromes and any friction."""

    ratios, kept = np.meshgrid([0.5, 1.0, 1.5, 1.99, 2.02], [0.01, 0.5, 0.9, 1.0])

    def growth(letters: str) -> Any:
        step = np.broadcast_to(np.eye(2), (*ratios.shape, 2, 2))
        for letter in letters:
            one = np.broadcast_to(np.eye(2), step.shape).copy()
            row, column = {"A": (0, 1), "B": (1, 0), "O": (1, 1)}[letter]
            share = 1.0 / letters.count(letter)
            one[..., row, column] = {"A": ratios * share, "B": -ratios * share, "O": kept**share}[letter]
            step = one @ step
        return np.abs(np.linalg.eigvals(step)).max(axis=-1)

    draw = np.random.default_rng(1)
    halves = ("".join(draw.choice(list("ABO"), size=draw.integers(1, 8))) for _ in range(100))
    schemes = [half + middle + half[::-1] for half in halves for middle in "ABO"]
    schemes = [letters for letters in schemes if set(letters) == set("ABO")]
    assert len(schemes) > 100
    for letters in schemes:
        assert np.all(growth(letters)[ratios < 2.0] < 1.0 + 1e-6)
    for letters in ("BAOAB", "ABOBA", "OBABO", "AABOBAA"):
        assert growth(letters)[(ratios > 2.0) & (kept == 1.0)] > 1.1


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
    """The control: just above the limit every trajectory of a run overshoots, just below it none does."""
    time_step = LIMIT * share / 3.0
    spec = trap(Overdamped(friction=1.0), initial=Point(x=1.0))
    spec = spec.replace({"protocol.steps.0.duration": 400 * time_step, "time_step": time_step})
    status = propagator_of(spec).run(0, 64).columns["status"]
    assert np.all(status == (Status.OK if stable else Status.OVERSHOT))
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
    assert good == pytest.approx(0.5 * 0.1 * 0.02 / 4.0)


def test_judgement(spec: EnsembleSpec, recwarn: pytest.WarningsRecorder) -> None:
    from fluctua.ensembles.stability import Stiffest

    inert = spec.replace({"dynamics": Underdamped(mass=1.0, friction=1.0)})
    for made, coarse in ((spec, 0.1), (inert, 0.5)):
        judge(made, Stiffest(0.99 * coarse, {}, {}))
        assert not recwarn.list
        with pytest.warns(UserWarning, match="at x = 1 .*stable below 2, but coarse: 0.005 is good"):
            judge(made, Stiffest(2.0 * coarse, {}, {"x": 1.0}))  # a quarter: half of what is coarse
        with pytest.warns(UserWarning, match="coarse"):
            judge(made, Stiffest(1.01 * coarse, {}, {}))
        with pytest.raises(Unstable):
            judge(made, Stiffest(2.0, {}, {"x": 1.0}))


@pytest.mark.parametrize("time_step", [0.2, 0.25, 0.5])
def test_the_remedy_comes_from_sound_trajectories(time_step: float, recwarn: pytest.WarningsRecorder) -> None:
    """A diverged trajectory has any curvature: the step must pass as it is told, and ten times it be poor.

    At rest at f = 2 the energy's curvature is 1 + 3 x^2 with x = 1, and with thermal motion at most about 28:
    half of what is coarse lies near 0.05 / 28 = 0.0018.
    """
    system = Potential("x**4/4 + x**2/2 - f*x", coordinates="x", controls="f")
    pull = Protocol([Isothermal(2.0, f=(0.0, 2.0))], beta=1.0)
    spec = EnsembleSpec(
        system, Overdamped(friction=1.0), pull, trajectories=1000, time_step=time_step, seed=1
    )
    with pytest.raises(Unstable, match="is safe") as caught:
        check(spec)
    good = float(caught.value.remedy.split(" ")[0])
    assert 0.05 / 40.0 < good < 0.05 / 13.0
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
    spec = EnsembleSpec(system, Overdamped(friction=1.0), drag, trajectories=10, time_step=0.002, seed=1)
    check(spec)


# ---- what is unstable is refused, by its pilot, before anything is written


def well(dynamics: Any, time_step: float, k: Any = 0.0, g: float = 1.0, **words: Any) -> EnsembleSpec:
    """A spring k and a quartic part g; negative, the walls fall off."""
    system = Potential("k/2*x**2 + g*x**4/4", coordinates="x", controls="k", parameters={"g": g})
    move = Protocol([Isothermal(100 * time_step, k=k if isinstance(k, tuple | str) else (k, k))], beta=1.0)
    words = {"initial": Point(x=0.5)} | words
    return EnsembleSpec(system, dynamics, move, trajectories=300, time_step=time_step, seed=1, **words)


def plane(dynamics: Any, time_step: float, k: float = 1.0, **words: Any) -> EnsembleSpec:
    """Two coordinates that a force turns around each other, coupled and steep where it is far out."""
    system = Potential(
        "k/2*(x**2 + y**2) + x*y/2 + (x**4 + y**4)/4",
        coordinates=("x", "y"),
        parameters={"k": k},
        forces={"x": "y", "y": "-x"},
    )
    hot = Protocol([Hold(100 * time_step)], temperature={"hot": 2.0, "cold": 1.0})
    words = {"initial": Point(x=0.0, y=0.0)} | words
    return EnsembleSpec(system, dynamics, hot, trajectories=300, time_step=time_step, seed=1, **words)


EM, BAOAB = Overdamped(friction=1.0), Underdamped(mass=1.0, friction=1.0)
APART = Overdamped(baths=[Bath("hot", on="x", friction=1.0), Bath("cold", on="y", friction=2.0)])
TOGETHER = Underdamped(mass=1.0, baths=[Bath("hot", friction=1.0), Bath("cold", friction=0.5)])
NAN = {"record": {"root": "integral(log(x))"}}
PAIRS = {  # unstable, and the same with one number changed
    "spring just beyond the limit": (well(EM, 2.02, 1.0, 0.0), well(EM, 0.09, 1.0, 0.0)),
    "spring far beyond it": (well(EM, 50.0, 1.0, 0.0), well(EM, 0.01, 1.0, 0.0)),
    "quartic, 0.15": (well(EM, 0.15), well(EM, 0.002)),
    "quartic, 0.2": (well(EM, 0.2), well(EM, 0.001)),
    "quartic, 0.3": (well(EM, 0.3), well(EM, 0.0005)),
    "quartic, 2": (well(EM, 2.0), well(EM, 0.0001)),
    "no walls": (well(EM, 0.05, 0.0, -0.5), well(EM, 0.001, 4.0, 0.1)),
    "a spring that stiffens": (well(EM, 0.05, (1.0, 60.0), 0.0), well(EM, 0.05, (1.0, 1.9), 0.0)),
    "not a number": (well(EM, 0.01, 1.0, 0.0, **NAN), well(EM, 0.001, 1.0, 0.0)),
    "a relaxation": (well(EM, 0.2, initial=Steady(duration=20.0)), well(EM, 0.002, initial=Steady(2.0))),
    "inertia, just beyond": (well(BAOAB, 2.02, 1.0, 0.0), well(BAOAB, 0.4, 1.0, 0.0)),
    "inertia, far beyond": (well(BAOAB, 50.0, 1.0, 0.0), well(BAOAB, 0.05, 1.0, 0.0)),
    "inertia, quartic": (well(BAOAB, 0.8), well(BAOAB, 0.05)),
    "inertia, no walls": (well(BAOAB, 0.2, 0.0, -0.5), well(BAOAB, 0.05, 4.0, 0.1)),
    "two baths and a swirl": (plane(APART, 0.2), plane(APART, 0.001)),
    "two baths together": (plane(TOGETHER, 0.8), plane(TOGETHER, 0.05)),
}

KERNELS = ["not a number", "two baths and a swirl", "two baths together"]  # each has one of its own
CHEAP = [name for name in PAIRS if name not in KERNELS]


def refused(spec: EnsembleSpec, folder: Path) -> bool:
    """Whether a run is refused as unstable with nothing left behind."""
    try:
        simulate(spec, folder / "run")
    except Unstable as error:
        return error.exit_code == 3 and not list(folder.iterdir())
    return False


@pytest.mark.parametrize(
    "names", [CHEAP, pytest.param(KERNELS, marks=pytest.mark.slow)], ids=["one kernel a dynamics", "others"]
)
def test_unstable_runs_are_refused_and_their_stable_twins_are_not(
    names: list[str], tmp_path: Path, tally: Any
) -> None:
    wrong = [name for name in names if not refused(PAIRS[name][0], tmp_path)]
    fine = [name for name in names if not refused(PAIRS[name][1], tmp_path / name)]
    assert not wrong
    tally("unstable runs refused, nothing written", len(names) - len(wrong), len(names))
    tally("their stable twins run", len(fine), len(names))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["heun", "OBABO", "ABOBA", "BOAOB", "OABAO", "BABOBAB", "BAOABAOAB"])
def test_every_scheme_is_refused_on_a_grid_of_steps(scheme: str, tmp_path: Path, tally: Any) -> None:
    inert = scheme != "heun"
    dynamics = Underdamped(1.0, 1.0, scheme=scheme) if inert else Overdamped(1.0, scheme=scheme)
    steps = [0.9, 1.2, 2.1, 5.0, 20.0] if inert else [0.3, 0.4, 0.6, 1.5, 20.0]
    unstable = [well(dynamics, step) for step in steps]
    stable = [well(dynamics, 0.05 * share if inert else 0.002 * share) for share in (0.2, 1.0)]
    caught = sum(refused(spec, tmp_path) for spec in unstable)
    tally(f"unstable steps of {scheme} refused", caught, len(unstable))
    assert not any(refused(spec, tmp_path / str(spec.time_step)) for spec in stable)


def test_a_place_between_samples_is_found_by_the_kernel_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged by the first instant alone the curvature is small; the path's own criterion still refuses."""
    spec = well(EM, 0.1, "30*sin(0.314159265*t)**2", 0.0)
    monkeypatch.setattr(stability, "INSTANTS", 1)
    with pytest.raises(
        Unstable, match="256 of 256 pilot trajectories meet forces too stiff for it"
    ) as caught:
        check(spec)
    assert "is safe" in caught.value.remedy
