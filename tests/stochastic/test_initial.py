"""Starts: the law of what they draw, the same draw for the same trajectory, and what they must refuse.

A z-score beyond 5 happens by chance with probability 6e-7; some hundred are tested here, on fixed seeds.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.errors import Damaged, InvalidInput
from fluctua.stochastic.first_instant import Start
from fluctua.stochastic.initial import Equilibrium, Initial, Point, Samples, Steady, prepare
from fluctua.stochastic.langevin import LangevinPropagator as Propagator
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold, Isolated, Isothermal, Quench

COUNT = 20_000
LARGEST_Z = 5.0

TRAP = Potential("k/2 * (x - c)**2", coordinates="x", controls=("k", "c"))
WELL = Potential("4*(q**2 - 1)**2", coordinates="q")
GYRATOR = Potential("(x**2 + y**2)/2 + x*y/2", coordinates=("x", "y"))
TWO_BATHS = [Bath("hot", on="x", friction=1.0), Bath("cold", on="y", friction=1.0)]
SAME_PLACE = [Bath("left", friction=1.0), Bath("right", friction=3.0)]
HOT_COLD = {"hot": 2.0, "cold": 1.0}
LEFT_RIGHT = {"left": 2.0, "right": 1.0}


def start_of(
    initial: Initial,
    system: Potential,
    dynamics: Overdamped | Underdamped,
    protocol: Protocol,
    direction: str = "forward",
    relax: Any = None,
) -> Start:
    schedule = protocol.schedule(0.1, system.controls, dynamics.bath_names)
    schedule = schedule.reversed() if direction == "reverse" else schedule
    return prepare(initial, system, dynamics, schedule, seed=7, direction=direction, relax=relax)


def hold(temperature: float | Mapping[str, float] = 1.0, **controls: float) -> Protocol:
    return Protocol([Hold(1.0)], temperature=temperature, **controls)


def z_of_mean(values: np.ndarray, mean: float, variance: float) -> float:
    return float(abs(values.mean() - mean) / np.sqrt(variance / values.size))


def z_of_covariance(a: np.ndarray, b: np.ndarray, expected: float) -> float:
    products = a * b
    return float(abs(products.mean() - expected) / (products.std() / np.sqrt(products.size)))


# ---- equilibrium


def test_trap_starts_at_its_own_first_instant() -> None:
    """Mean c, variance T / k, at the values before the ramp; the reverse at those after it."""
    protocol = Protocol([Isothermal(1.0, k=(1.0, 4.0), c=(0.0, 3.0))], temperature=2.0)
    for direction, mean, variance in (("forward", 0.0, 2.0), ("reverse", 3.0, 0.5)):
        (x,) = start_of(Equilibrium(), TRAP, Overdamped(1.0), protocol, direction).draw(0, COUNT)
        assert z_of_mean(x, mean, variance) < LARGEST_Z
        assert z_of_mean((x - mean) ** 2, variance, 2 * variance**2) < LARGEST_Z


def test_moments_notice_a_wrong_temperature() -> None:
    """Negative control of the z-scores above: five percent in T are 7 standard errors of a variance."""
    (x,) = start_of(Equilibrium(beta=1.05), TRAP, Overdamped(1.0), hold(k=1.0, c=0.0)).draw(0, 2 * COUNT)
    assert z_of_mean(x**2, 1.0, 2.0) > LARGEST_Z


def test_a_quench_at_the_beginning_comes_after_the_start() -> None:
    protocol = Protocol([Quench(c=5.0), Hold(1.0)], temperature=1.0, k=1.0, c=0.0)
    (x,) = start_of(Equilibrium(), TRAP, Overdamped(1.0), protocol).draw(0, COUNT)
    assert z_of_mean(x, 0.0, 1.0) < LARGEST_Z


def test_double_well_is_symmetric_and_independent_of_velocity() -> None:
    start = start_of(Equilibrium(), WELL, Underdamped(mass=2.0, friction=1.0), hold())
    q, v = start.draw(0, COUNT)
    grid = np.linspace(-3, 3, 20_001)
    weight = np.exp(-4 * (grid**2 - 1) ** 2)
    second = float((grid**2 * weight).sum() / weight.sum())
    fourth = float((grid**4 * weight).sum() / weight.sum())
    assert z_of_mean(q, 0.0, second) < LARGEST_Z
    assert z_of_mean(q**2, second, fourth - second**2) < LARGEST_Z
    assert z_of_mean(v, 0.0, 0.5) < LARGEST_Z
    assert z_of_mean(v**2, 0.5, 0.5) < LARGEST_Z
    assert z_of_covariance(q, v, 0.0) < LARGEST_Z
    assert z_of_covariance(q**2 - second, v**2 - 0.5, 0.0) < LARGEST_Z
    assert start.facts["error"] <= 1e-10
    assert start.facts["method"] == "inverse cumulative distribution"


def test_ring_starts_within_one_period() -> None:
    ring = Potential("cos(q)", coordinates="q", controls="f", forces={"q": "f"}, periodic={"q": "2*pi"})
    (q,) = start_of(Equilibrium(), ring, Overdamped(1.0), hold(f=1.0)).draw(0, COUNT)
    assert 0 <= q.min() < q.max() < 2 * np.pi
    bessel = 0.44639  # I1(1) / I0(1)
    assert z_of_mean(np.cos(q), -bessel, 1 - bessel - bessel**2) < LARGEST_Z


def test_coupled_coordinates_have_the_covariance_of_equilibrium() -> None:
    start = start_of(Equilibrium(), GYRATOR, Underdamped(mass={"x": 1.0, "y": 4.0}, friction=1.0), hold(2.0))
    x, y, v_x, v_y = start.draw(0, COUNT)
    inverse = 2.0 * np.linalg.inv([[1.0, 0.5], [0.5, 1.0]])
    for a, b, expected in ((x, x, inverse[0, 0]), (y, y, inverse[1, 1]), (x, y, inverse[0, 1])):
        assert z_of_covariance(a, b, expected) < LARGEST_Z
    for a, b, expected in ((v_x, v_x, 2.0), (v_y, v_y, 0.5), (v_x, v_y, 0.0), (x, v_x, 0.0), (y, v_x, 0.0)):
        assert z_of_covariance(a, b, expected) < LARGEST_Z


def test_a_free_coordinate_starts_at_zero_and_the_facts_say_so() -> None:
    half = Potential("x**4", coordinates=("x", "y"))
    start = start_of(Equilibrium(), half, Underdamped(mass=1.0, friction=1.0), hold())
    x, y, _, v_y = start.draw(0, COUNT)
    assert x.std() > 0
    assert not y.any()
    assert z_of_mean(v_y**2, 1.0, 2.0) < LARGEST_Z
    assert start.facts["notes"] == ["y starts at 0: the energy does not contain it"]


def test_baths_that_differ_make_equilibrium_ambiguous() -> None:
    with pytest.raises(InvalidInput) as caught:
        start_of(Equilibrium(), GYRATOR, Overdamped(baths=TWO_BATHS), hold(HOT_COLD))
    remedy = "Equilibrium(beta=...) or Steady(duration=...)"
    assert str(caught.value) == f"equilibrium is ambiguous, hot and cold differ (initial): {remedy}"
    x, _ = start_of(Equilibrium(beta=2.0), GYRATOR, Overdamped(baths=TWO_BATHS), hold(HOT_COLD)).draw(
        0, COUNT
    )
    assert z_of_covariance(x, x, 0.5 / 0.75) < LARGEST_Z


def test_only_connected_baths_count() -> None:
    dynamics = Underdamped(mass=1.0, baths=SAME_PLACE)
    connected = Protocol([Hold(1.0, baths=["left"])], temperature=LEFT_RIGHT)
    _, v = start_of(Equilibrium(), WELL, dynamics, connected).draw(0, COUNT)
    assert z_of_mean(v**2, 2.0, 8.0) < LARGEST_Z
    isolated = Protocol([Isolated(1.0)], temperature=LEFT_RIGHT)
    with pytest.raises(InvalidInput, match="left and right differ"):
        start_of(Equilibrium(), WELL, dynamics, isolated)


def test_a_bath_that_is_connected_later_does_not_count() -> None:
    """Equilibrium is with what the system has met: the left bath forwards, the right one in reverse."""
    dynamics = Underdamped(mass=1.0, baths=SAME_PLACE)
    engine = Protocol([Hold(1.0, baths=["left"]), Hold(1.0, baths=["right"])], temperature=LEFT_RIGHT)
    for direction, temperature in (("forward", 2.0), ("reverse", 1.0)):
        start = start_of(Equilibrium(), WELL, dynamics, engine, direction)
        _, v = start.draw(0, COUNT)
        assert z_of_mean(v**2, temperature, 2.0 * temperature**2) < LARGEST_Z
        assert start.facts["beta"] == 1.0 / temperature


def test_the_bath_gives_beta_to_the_last_bit() -> None:
    """1/(1/49) is not 49; a burn-in at the bath's own beta must not look like another."""
    pair = Potential("x**4 + y**4 + x*y", coordinates=("x", "y"))
    protocol = Protocol([Hold(1.0)], beta=49.0)
    start = start_of(
        Equilibrium(beta=49.0, burn_in=1.0), pair, Overdamped(1.0), protocol, relax=lambda state, *_: state
    )
    assert start.facts["beta"] == 49.0


FREE_OR_NOT: list[tuple[dict[str, str], dict[str, str], str]] = [
    ({"q": "-q"}, {}, "q"),
    ({"q": "sin(q)"}, {"q": "2*pi"}, "q"),
    ({"x": "q"}, {}, "q"),
    ({"x": "x*cos(q)", "q": "1"}, {}, "q"),
]


@pytest.mark.parametrize(("forces", "periodic", "name"), FREE_OR_NOT)
def test_a_force_on_which_equilibrium_says_nothing_is_refused(
    forces: dict[str, str], periodic: dict[str, str], name: str
) -> None:
    system = Potential("x**2/2", coordinates=("x", "q"), forces=forces, periodic=periodic)
    with pytest.raises(InvalidInput) as caught:
        start_of(Equilibrium(), system, Overdamped(1.0), hold())
    assert str(caught.value) == (
        f"no equilibrium of {name}, a force depends on it and the energy does not contain it (initial): "
        f"start from Steady(), Steady(duration=...) or Point({name}=...)"
    )


@pytest.mark.parametrize("forces", [{"q": "0.3"}, {"q": "x", "x": "-0.5*x"}])
def test_a_coordinate_on_which_nothing_depends_may_start_anywhere(forces: dict[str, str]) -> None:
    """Such a shift changes no velocity, force, work or heat, so that a delta is as good as any law.

    Positions near 7.5 are rounded to 1e-15 in each of ten steps, in which forces below 10 act.
    """
    system = Potential("x**2/2", coordinates=("x", "q"), forces=forces)
    start = start_of(Equilibrium(), system, Underdamped(1.0, 1.0), hold())
    assert start.facts["notes"] == ["q starts at 0: the energy does not contain it"]

    def moved(by: float) -> Propagator:
        return Propagator(
            system, Underdamped(1.0, 1.0), hold(), time_step=0.1, seed=3, initial=Point(x=0.5, q=by)
        )

    here, there = (moved(by).run(0, 64).columns for by in (0.0, 7.5))
    for name in ("work", "heat", "v_q_final", "x_final"):
        assert np.abs(here[name] - there[name]).max() <= 10 * 10 * 1e-15


def test_the_remedy_is_the_steady_state_of_the_force() -> None:
    pulled = Potential("0", coordinates="q", forces={"q": "-q"})
    (q,) = start_of(Steady(), pulled, Overdamped(1.0), hold(2.0)).draw(0, COUNT)
    assert z_of_mean(q**2, 2.0, 8.0) < LARGEST_Z


@pytest.mark.parametrize("energy", ["x", "x**3", "-x**2", "x**2 - 0.1*x**4"])
def test_no_normalisable_equilibrium(energy: str) -> None:
    with pytest.raises(InvalidInput, match="no normalisable equilibrium"):
        start_of(Equilibrium(), Potential(energy, coordinates="x"), Overdamped(1.0), hold())


# ---- burn-in and relaxation


def test_burn_in_must_be_declared() -> None:
    pair = Potential("x**4 + y**4 + x*y", coordinates=("x", "y"))
    with pytest.raises(InvalidInput, match=r"no exact equilibrium sampler.*Equilibrium\(burn_in=...\)"):
        start_of(Equilibrium(), pair, Overdamped(1.0), hold())


def test_burn_in_relaxes_every_axis_from_its_own_equilibrium() -> None:
    pair = Potential("4*(x**2 - 1)**2 + 4*(y**2 - 1)**2", coordinates=("x", "y"))
    asked: list[tuple[int, int, str]] = []

    def relax(state: np.ndarray, steps: int, first: int, purpose: str) -> np.ndarray:
        asked.append((steps, first, purpose))
        return state

    start = start_of(Equilibrium(burn_in=3.0), pair, Underdamped(1.0, 1.0), hold(), relax=relax)
    x, y, _, v_y = start.draw(100, COUNT)
    assert asked == [(30, 100, "burn-in")]
    assert z_of_covariance(x, y, 0.0) < LARGEST_Z
    assert z_of_mean(y, 0.0, 1.0) < LARGEST_Z
    assert z_of_mean(v_y**2, 1.0, 2.0) < LARGEST_Z
    assert start.facts["method"] == "burn-in"


def test_burn_in_is_refused_where_it_would_not_lead_to_equilibrium() -> None:
    pair = Potential("x**4 + y**4 + x*y", coordinates=("x", "y"))
    swirl = Potential("x**4 + y**4", coordinates=("x", "y"), forces={"x": "y"})
    with pytest.raises(InvalidInput, match="leave beta out"):
        start_of(Equilibrium(beta=2.0, burn_in=1.0), pair, Overdamped(1.0), hold())
    with pytest.raises(InvalidInput, match="non-conservative"):
        start_of(Equilibrium(burn_in=1.0), swirl, Overdamped(1.0), hold())
    with pytest.raises(
        InvalidInput, match=r"does not divide the duration \(initial.burn_in\): 1 is 10 steps"
    ):
        start_of(Equilibrium(burn_in=1.03), pair, Overdamped(1.0), hold(), relax=lambda *_: None)


def test_steady_by_relaxation_starts_near_and_says_how() -> None:
    ring = Potential("cos(q)", coordinates="q", controls="f", forces={"q": "f"}, periodic={"q": "2*pi"})
    relaxed = start_of(
        Steady(duration=2.0), ring, Overdamped(1.0), hold(f=1.0), relax=lambda state, *_: state + 10.0
    )
    exact = start_of(Equilibrium(), ring, Overdamped(1.0), hold(f=1.0))
    assert np.array_equal(relaxed.draw(0, 300), exact.draw(0, 300) + 10.0)
    assert relaxed.facts["notes"] == ["relaxed from equilibrium at the mean temperature of the baths"]


def test_relaxation_starts_from_zero_where_nothing_better_is_known() -> None:
    tilted = Potential("-x", coordinates="x")
    start = start_of(Steady(duration=2.0), tilted, Overdamped(1.0), hold(), relax=lambda state, *_: state)
    assert not start.draw(0, 10).any()
    assert start.facts["notes"] == ["x relaxed from 0"]


def relaxed_by_the_kernel(
    initial: Initial, system: Potential, dynamics: Overdamped | Underdamped, protocol: Protocol
) -> np.ndarray:
    run = Propagator(system, dynamics, protocol, time_step=0.05, seed=3, initial=initial)
    return run.start.draw(0, COUNT)


def test_relaxation_knows_only_the_connected_baths() -> None:
    """Both baths would give 5/4; the kernel's own error, k dt^2 / 4 m < 0.1 %, is a tenth of a z."""
    protocol = Protocol([Hold(1.0, baths=["left"])], temperature=LEFT_RIGHT)
    dynamics = Underdamped(1.0, baths=[Bath("left", friction=2.0), Bath("right", friction=6.0)])
    trap = Potential("q**2/2", coordinates="q")
    q, v = relaxed_by_the_kernel(Steady(duration=8.0), trap, dynamics, protocol)
    assert z_of_mean(v**2, 2.0, 8.0) < LARGEST_Z
    assert z_of_mean(q**2, 2.0, 8.0) < LARGEST_Z
    assert z_of_mean(v**2, 1.25, 2 * 1.25**2) > LARGEST_Z


def test_burn_in_reaches_the_equilibrium_of_coupled_wells() -> None:
    """The reference is a sum on a grid; Heun's own error, (U'' dt / gamma)^2 < 1e-3, a tenth of a z."""
    pair = Potential("x**4/4 + y**4/4 + x*y/2", coordinates=("x", "y"))
    x, y = relaxed_by_the_kernel(Equilibrium(burn_in=6.0), pair, Overdamped(5.0, scheme="heun"), hold())
    grid = np.linspace(-6, 6, 601)
    a, b = np.meshgrid(grid, grid)
    weight = np.exp(-(a**4 / 4 + b**4 / 4 + a * b / 2))
    assert z_of_covariance(x, y, float((a * b * weight).sum() / weight.sum())) < LARGEST_Z
    assert z_of_covariance(x, x, float((a * a * weight).sum() / weight.sum())) < LARGEST_Z


# ---- steady states


def test_gyrator_starts_in_its_exact_steady_state() -> None:
    start = start_of(Steady(), GYRATOR, Overdamped(baths=TWO_BATHS), hold(HOT_COLD))
    x, y = start.draw(0, COUNT)
    for a, b, expected in ((x, x, 2.5), (x, y, -1.0), (y, y, 1.5)):
        assert z_of_covariance(a, b, expected) < LARGEST_Z


def test_particle_between_two_baths_is_maxwellian() -> None:
    """Catalogue B6, in a trap and free: mean temperature (1*2 + 3*1)/4."""
    dynamics = Underdamped(mass=0.5, baths=SAME_PLACE)
    for energy, spread in (("q**2/2", 1.25), ("0", 0.0)):
        start = start_of(Steady(), Potential(energy, coordinates="q"), dynamics, hold(LEFT_RIGHT))
        q, v = start.draw(0, COUNT)
        assert z_of_mean(v**2, 2.5, 2 * 2.5**2) < LARGEST_Z
        assert (
            np.array_equal(q, 0.0 * q) if not spread else z_of_mean(q**2, spread, 2 * spread**2) < LARGEST_Z
        )
    assert start.facts["notes"] == ["q starts at 0: no force depends on it"]


def test_steady_state_at_one_temperature_is_equilibrium() -> None:
    dynamics = Underdamped(mass=1.0, friction=1.0)
    steady, exact = (start_of(kind, WELL, dynamics, hold()) for kind in (Steady(), Equilibrium()))
    assert np.array_equal(steady.draw(0, 100), exact.draw(0, 100))


def test_nonlinear_steady_states_need_a_duration() -> None:
    with pytest.raises(InvalidInput, match=r"not linear.*Steady\(duration=...\)"):
        start_of(Steady(), WELL, Underdamped(mass=1.0, baths=SAME_PLACE), hold(LEFT_RIGHT))


# ---- the same draw for the same trajectory


@pytest.mark.parametrize("system", [TRAP, WELL], ids=["Gaussian", "table"])
def test_a_trajectory_starts_the_same_in_any_block(system: Potential) -> None:
    controls = {"k": 1.0, "c": 0.0} if system is TRAP else {}
    start = start_of(Equilibrium(), system, Underdamped(1.0, 1.0), hold(**controls))
    whole = start.draw(0, 1000)
    pieces = [start.draw(first, count) for first, count in ((0, 1), (1, 299), (300, 128), (428, 572))]
    assert np.array_equal(whole, np.concatenate(pieces, axis=1))
    assert len(np.unique(whole)) == whole.size


def test_forward_and_reverse_start_independently() -> None:
    forward, reverse = (
        start_of(Equilibrium(), TRAP, Overdamped(1.0), hold(k=1.0, c=0.0), direction).draw(0, COUNT)[0]
        for direction in ("forward", "reverse")
    )
    assert z_of_covariance(forward, reverse, 0.0) < LARGEST_Z


def test_bits_of_starts_are_the_same_everywhere() -> None:
    """Golden hash over a Gaussian, a table and a steady state, with velocities."""
    starts = [
        start_of(Equilibrium(), GYRATOR, Underdamped(1.0, 1.0), hold(1.3)),
        start_of(
            Equilibrium(),
            Potential("q**4 + exp(q/3) + cos(q)", coordinates="q"),
            Underdamped(0.7, 1.0),
            hold(1.3),
        ),
        start_of(Steady(), GYRATOR, Underdamped(1.0, baths=TWO_BATHS), hold(HOT_COLD)),
    ]
    digest = hashlib.sha256(b"".join(start.draw(2**32 - 100, 500).tobytes() for start in starts)).hexdigest()
    assert digest == GOLDEN


GOLDEN = "d982d524f54feeed3a66122364f84e8f01bfce3bb3dcb0ec084dfdf1db9fd561"


# ---- points and samples


def test_a_point_is_one_state_and_velocities_default_to_rest() -> None:
    start = start_of(Point(q=1.5), WELL, Underdamped(1.0, 1.0), hold())
    assert np.array_equal(start.draw(5, 3), [[1.5] * 3, [0.0] * 3])
    assert start.facts["notes"] == ["v_q starts at 0: not given"]
    moving = start_of(Point(q=1.5, v_q=-2.0), WELL, Underdamped(1.0, 1.0), hold())
    assert np.array_equal(moving.draw(0, 1), [[1.5], [-2.0]])


@pytest.mark.parametrize(
    ("point", "message"),
    [
        (Point(), "no q"),
        (Point(q=0.0, v_q=1.0), "'v_q' is not part of the state"),
        (Point(q=0.0, w=1.0), "'w' is not part of the state"),
    ],
)
def test_points_that_do_not_fit_are_refused(point: Point, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        start_of(point, WELL, Overdamped(1.0), hold())


def sample_file(folder: Path, **columns: list[Any]) -> Path:
    pq.write_table(pa.table(columns), folder / "start.parquet")
    return folder / "start.parquet"


def test_samples_are_taken_in_turn(tmp_path: Path) -> None:
    file = sample_file(tmp_path, v_q=[1.0, 2.0, 3.0], other=["a", "b", "c"], q=[10.0, 20.0, 30.0])
    start = start_of(Samples(str(file)), WELL, Underdamped(1.0, 1.0), hold())
    assert np.array_equal(start.draw(2, 3), [[30.0, 10.0, 20.0], [3.0, 1.0, 2.0]])


def test_samples_know_their_file(tmp_path: Path) -> None:
    file = sample_file(tmp_path, q=[1.0, 2.0])
    samples = Samples(str(file))
    assert samples.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert Samples(**samples.table()) == samples
    sample_file(tmp_path, q=[1.0, 3.0])
    assert samples != Samples(str(file))
    with pytest.raises(Damaged, match="not the one"):
        start_of(samples, WELL, Overdamped(1.0), hold())


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"p": [1.0]}, "no column q"),
        ({"q": ["text"]}, "not numeric"),
        ({"q": [1.0, None]}, "missing or not finite"),
        ({"q": [1.0, float("inf")]}, "missing or not finite"),
        ({"q": pa.array([], pa.float64())}, "no rows"),
    ],
)
def test_sample_files_that_do_not_fit_are_refused(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    samples = Samples(str(sample_file(tmp_path, **columns)))
    with pytest.raises(InvalidInput, match=message):
        start_of(samples, WELL, Overdamped(1.0), hold())


def test_foreign_and_missing_files_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "notes.txt"
    foreign.write_text("no Parquet")
    with pytest.raises(InvalidInput, match="not a Parquet file"):
        start_of(Samples(str(foreign)), WELL, Overdamped(1.0), hold())
    with pytest.raises(InvalidInput, match="no such file"):
        Samples(str(tmp_path / "nowhere.parquet"))
    with pytest.raises(InvalidInput, match="no such file"):
        Samples(str(tmp_path))
    with pytest.raises(InvalidInput, match="no SHA-256"):
        Samples(str(foreign), sha256="abc")


def test_no_reverse_process_starts_from_given_states() -> None:
    assert Equilibrium.reversible
    assert Steady.reversible
    assert not Point.reversible
    assert not Samples.reversible
    with pytest.raises(InvalidInput, match="no reverse process starts from Point"):
        start_of(Point(q=0.0), WELL, Overdamped(1.0), hold(), direction="reverse")


# ---- values


@pytest.mark.parametrize(
    "value",
    [Equilibrium(), Equilibrium(beta=2), Equilibrium(burn_in=3.0), Steady(), Steady(4), Point(x=1, v_x=-0.5)],
)
def test_starts_are_values(value: Initial) -> None:
    assert type(value)(**value.table()) == value
    assert hash(value) == hash(type(value)(**value.table()))


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda: Equilibrium(beta=0.0), "initial.beta"),
        (lambda: Equilibrium(beta="hot"), "initial.beta"),
        (lambda: Equilibrium(burn_in=-1), "initial.burn_in"),
        (lambda: Steady(float("nan")), "initial.duration"),
        (lambda: Point(x=float("inf")), "initial.x"),
        (lambda: Point(x="left"), "initial.x"),
    ],
)
def test_bad_numbers_are_refused(make: Any, where: str) -> None:
    with pytest.raises(InvalidInput, match=where):
        make()
