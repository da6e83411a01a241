"""The exact companion along a schedule, with the channels of the engine."""

import math

import numpy as np
import pytest

from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Point, Populations
from fluctua.stochastic.protocol import Hold, Isolated, Isothermal, Protocol, Quench, Thermostatic
from fluctua.stochastic.quantum.closed import scheduled_work_law
from fluctua.stochastic.quantum.evolution import Evolution, Piece
from fluctua.stochastic.quantum.exact import Lindblad, exact
from fluctua.stochastic.quantum.generator import generator, gibbs_state, minus_log_z
from fluctua.stochastic.quantum.tilted import cumulants
from fluctua.stochastic.reservoirs import BoseBath, LocalBath

X, Z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
ROUNDING = 1e-12

QUBIT = Hamiltonian("delta/2*X + epsilon/2*Z", controls="epsilon", parameters={"delta": 1.0})
PHONONS = QuantumJump([BoseBath("phonons", rate=0.2)])
TWO = QuantumJump([BoseBath("left", rate=0.3), BoseBath("right", rate=0.2, on="X", spectrum="omega")])


def scheduled(dynamics, protocol, time_step, system=QUBIT, **words):
    schedule = protocol.schedule(time_step, system.controls, dynamics.bath_names)
    return Lindblad(system, dynamics, schedule, **words)


def digits(value, quoted):
    """Compare with a number as it is quoted: half a unit of its last digit."""
    mantissa, _, exponent = quoted.partition("e")
    unit = 10.0 ** (-len(mantissa.partition(".")[2]) + int(exponent or 0))
    assert abs(value - float(quoted)) <= 0.5000001 * unit


@pytest.fixture(scope="module")
def driven():
    """The driven qubit of E9 as a user writes it, 80 and 160 steps."""
    sweep = Protocol([Isothermal(5.0, epsilon=(-4.0, 4.0))], beta=1.0)
    return tuple(scheduled(PHONONS, sweep, time_step) for time_step in (0.0625, 0.03125))


def by_hand(steps):
    """The same by plain lists: energies and eigenvectors of LAPACK, operators written out."""
    pieces = [Piece(generator(0.5 * (X - 4 * Z)), 0.0, np.ones(1))]
    for epsilon in (np.arange(steps) + 0.5) * 8.0 / steps - 4.0:
        h = 0.5 * (X + epsilon * Z)
        omega, vectors = math.hypot(1.0, epsilon), np.linalg.eigh(h)[1]
        down = vectors[:, [0]] @ vectors[:, [1]].T
        n = 1.0 / math.expm1(omega)
        jumps = [math.sqrt(0.2 * (n + 1)) * down, math.sqrt(0.2 * n) * down.T]
        pieces.append(Piece(generator(h, jumps, quantum=[-omega, omega]), 5.0 / steps, np.ones(1)))
    pieces.append(Piece(generator(0.5 * (X + 4 * Z)), 0.0, np.ones(1)))
    return Evolution(tuple(pieces), gibbs_state(pieces[0].held.hamiltonian, 1.0))


def test_schedule_and_channels_are_those_of_plain_lists(driven):
    slow = by_hand(80)
    np.testing.assert_allclose(driven[0].states, slow.states, atol=ROUNDING)
    np.testing.assert_allclose(driven[0].heat(), slow.heat(), atol=ROUNDING)
    np.testing.assert_allclose(cumulants(driven[0], "work"), cumulants(slow, "work"), atol=1e-11)


def test_driven_qubit_e9(driven):
    coarse, fine = driven
    digits((4.0 * fine.mean_heat()[0] - coarse.mean_heat()[0]) / 3.0, "-0.241335")
    digits((4.0 * fine.mean_work() - coarse.mean_work()) / 3.0, "1.248339")
    for evolution in driven:
        assert evolution.log_generating_function({"work": -1.0}) == pytest.approx(0.0, abs=ROUNDING)
        assert evolution.power_work().sum() == pytest.approx(evolution.mean_work(), abs=ROUNDING)
    counts = fine.channel_counts()
    assert set(counts) == {"phonons: level_1 -> level_0", "phonons: level_0 -> level_1"}
    assert sum(counts.values()) == pytest.approx(fine.mean_activity(), abs=ROUNDING)
    for name, count in counts.items():
        assert fine.mean(name) == pytest.approx(count, abs=ROUNDING)


def test_crooks_by_generating_functions(driven):
    """``<exp(s W)>`` of the run is ``<exp(-(1 + s) W)>`` of its reverse, at equal free energies."""
    sweep = Protocol([Isothermal(5.0, epsilon=(-4.0, 4.0))], beta=1.0)
    reverse = exact(QUBIT, PHONONS, sweep, time_step=0.0625, direction="reverse")
    for s in (-0.7, 0.4):
        there, back = (
            run.log_generating_function({"work": x}) for run, x in ((driven[0], s), (reverse, -1.0 - s))
        )
        assert there == pytest.approx(back, abs=ROUNDING)


@pytest.fixture(scope="module")
def cycle():
    """Two baths, a quench, isolation, a temperature that moves."""
    steps = [
        Isothermal(1.0, epsilon=(0.5, 2.0), baths=["left"]),
        Quench(epsilon=1.0),
        Isolated(0.5, epsilon=(1.0, 0.3)),
        Thermostatic(1.0, beta=(1.0, 2.0), baths=["left", "right"]),
    ]
    return scheduled(TWO, Protocol(steps, beta=1.0, epsilon=0.5), 0.1)


def test_first_law_in_each_stroke(cycle):
    assert cycle.stroke_work().shape == (4,)
    assert cycle.stroke_heat().shape == (4, 2)
    # Work from the power is not made from heat: where quanta are those of the levels, the two agree.
    ends = zip(cycle.opening, cycle.closing, strict=True)
    power = [cycle.power_work()[begin:end].sum() for begin, end in ends]
    np.testing.assert_allclose(power, cycle.stroke_work(), atol=ROUNDING)
    assert cycle.stroke_energy_change().sum() == pytest.approx(cycle.mean_energy_change(), abs=ROUNDING)
    np.testing.assert_array_equal(cycle.stroke_heat()[1:3], 0.0)
    np.testing.assert_array_equal(cycle.stroke_heat()[0, 1], 0.0)
    assert abs(cycle.stroke_heat()[3, 1]) > 1e-3
    assert cycle.stroke_activity().sum() == pytest.approx(cycle.mean_activity(), abs=ROUNDING)
    # Where nothing moves, a bath that is connected does no work.
    assert cycle.stroke_work()[3] == pytest.approx(0.0, abs=ROUNDING)


def test_dimensionless_work_has_its_theorem(cycle):
    first, last = (cycle.pieces[end].held.hamiltonian for end in (0, -1))
    expected = minus_log_z(first, 1.0) - minus_log_z(last, 2.0)
    assert cycle.log_generating_function({"dimensionless_work": -1.0}) == pytest.approx(
        expected, abs=ROUNDING
    )
    flows = [cumulants(cycle, quantity) for quantity in ("entropy_flow", "log_ratio")]
    np.testing.assert_allclose(flows[0], flows[1], atol=1e-11)
    heats = [cumulants(cycle, f"heat_{bath}")[0] for bath in ("left", "right")]
    np.testing.assert_allclose(heats, cycle.mean_heat(), atol=ROUNDING)


@pytest.mark.parametrize("s", [math.nan, math.inf, "s"])
def test_a_counting_field_is_a_finite_number(cycle, s):
    with pytest.raises(InvalidInput, match=r"\(fields\.heat\): give a finite number"):
        cycle.log_generating_function({"heat": s})


def test_the_law_of_jumps(cycle):
    for name in ("activity", "left: level_1 -> level_0"):
        values, chances = cycle.distribution(name)
        assert chances.sum() == pytest.approx(1.0, abs=ROUNDING)
        assert chances.min() > 1e-13
        assert values.min() == 0
        assert values.dtype == np.int64
        assert values @ chances == pytest.approx(cycle.mean(name), abs=1e-10)
        assert (values**2) @ chances - cycle.mean(name) ** 2 == pytest.approx(cycle.variance(name), abs=1e-9)
        assert cycle.fano(name) == pytest.approx(cycle.variance(name) / cycle.mean(name))
    for name in ("work", "heat", "total_entropy"):  # measurements add to it, or gaps move
        with pytest.raises(InvalidInput, match=f"^{name} does not come in equal steps"):
            cycle.distribution(name)


def test_a_steady_state_is_that_of_a_stroke_by_number_or_name(cycle):
    names = cycle._schedule.names
    assert len(names) > 1
    last = cycle.steady(names[-1], 0.5)
    assert (
        last.mean("heat")
        == cycle.steady(len(names) - 1, 0.5).mean("heat")
        == cycle.steady(-1, 0.5).mean("heat")
    )
    for stroke, fraction in (("no such", 0.0), (len(names), 0.0), (0, 2.0)):
        with pytest.raises(InvalidInput, match=r"\((stroke|fraction)\)"):
            cycle.steady(stroke, fraction)


def test_heat_of_a_gap_that_stands_still_has_a_law():
    """Of two levels 2.2 apart: one quantum up, one down, or as many of each."""
    still = scheduled(PHONONS, Protocol([Hold(5.0)], beta=1.0, epsilon=math.sqrt(2.2**2 - 1.0)), 0.5)
    for name, step in (("heat", 2.2), ("entropy_flow", 2.2)):
        values, chances = still.distribution(name)
        assert values == pytest.approx([-step, 0.0, step])
        assert chances.sum() == pytest.approx(1.0, abs=ROUNDING)
        assert values @ chances == pytest.approx(still.mean(name), abs=ROUNDING)
        assert values**2 @ chances == pytest.approx(still.variance(name), abs=ROUNDING)


def test_a_law_of_too_many_values_is_refused():
    """400 time steps for each angle, and quanta of hundreds of steps."""
    gaps = Hamiltonian("h", operators={"h": np.diag([0.0, 1.01, 2.5])})
    still = exact(gaps, PHONONS, Protocol([Hold(200.0)], beta=1.0), time_step=0.5)
    said = r"^the law of heat has 1\d,\d{3} values, more than the 3,\d{3} that take a minute or two"
    with pytest.raises(InvalidInput, match=said):
        still.distribution("heat")


def test_a_mean_of_zero_has_no_fano_factor(cycle):
    still = scheduled(PHONONS, Protocol([Hold(1.0)], beta=1.0, epsilon=0.0), 0.5)
    for name in ("heat", "energy_change", "work"):
        with pytest.raises(InvalidInput, match=f"^{name}: its mean is 0"):
            still.fano(name)
    assert cycle.fano("heat") == pytest.approx(cycle.variance("heat") / abs(cycle.mean("heat")), rel=ROUNDING)


def test_isolation_is_a_closed_system():
    """Two measurements: the law of the atoms and the tilted generator without a jump are one."""
    protocol = Protocol([Isolated(3.0, epsilon=(-2.0, 3.0))], beta=1.3)
    schedule = protocol.schedule(0.1, QUBIT.controls, PHONONS.bath_names)
    run, law = Lindblad(QUBIT, PHONONS, schedule), scheduled_work_law(QUBIT, schedule)
    for s in (-1.3, 0.7):
        assert law.log_generating_function(s) == pytest.approx(
            run.log_generating_function({"work": s}), abs=ROUNDING
        )
    np.testing.assert_allclose(cumulants(run, "work"), [law.mean(), law.variance()], atol=1e-11)
    assert run.mean_activity() == 0.0
    assert run.channel_counts() == {}


def test_units_with_another_hbar():
    """Energies a thousandth, hbar too, beta a thousand times: the same dimensionless numbers."""
    small = Hamiltonian("delta/2*X + epsilon/2*Z", controls="epsilon", parameters={"delta": 1e-3})
    one = scheduled(PHONONS, Protocol([Isothermal(2.0, epsilon=(-1.0, 2.0))], beta=1.0), 0.1)
    protocol = Protocol([Isothermal(2.0, epsilon=(-1e-3, 2e-3))], beta=1e3)
    other = scheduled(PHONONS, protocol, 0.1, small, hbar=1e-3)
    assert 1e3 * other.mean_work() == pytest.approx(one.mean_work(), abs=ROUNDING)
    np.testing.assert_allclose(other.states, one.states, atol=ROUNDING)


@pytest.mark.parametrize("on", [None, "X", "XX + 0.5*ZI"])
def test_equilibrium_stands_still(on):
    system = Hamiltonian("0.7*ZI + IZ + 0.2*XX", controls=()) if on == "XX + 0.5*ZI" else QUBIT
    bath = QuantumJump([BoseBath("bath", rate=0.4, on=on, dephasing=0.1)])
    controls = {} if system is not QUBIT else {"epsilon": 0.8}
    run = scheduled(bath, Protocol([Hold(2.0)], beta=0.6, **controls), 0.5, system)
    np.testing.assert_allclose(run.final, run.start, atol=ROUNDING)
    assert run.mean_activity() > 0.1
    # All moves of a hold share one generator.
    assert len({id(piece.held) for piece in run.pieces[1:-1]}) == 1
    held = run.pieces[1].held
    np.testing.assert_allclose(held.superoperator() @ run.start.reshape(-1), 0.0, atol=ROUNDING)
    assert held.thermal_deviation() < ROUNDING


def pair(cold, baths):
    energy = f"ZI + {cold / 2}*IZ + 0.05*PM + 0.05*MP"
    run = scheduled(
        QuantumJump(baths),
        Protocol([Hold(1.0)], temperature={"hot": 1.2, "cold": 1.0}),
        0.5,
        Hamiltonian(energy),
        start=[0.25] * 4,
    )
    held = run.pieces[1].held
    currents = held.energy_currents(held.steady_state(), 2)
    return currents[0], -currents[0] / 1.2 - currents[1]


def local(cold):
    return [
        LocalBath("hot", on="MI", rate=0.01, quantum=2.0),
        LocalBath("cold", on="IM", rate=0.01, quantum=cold),
    ]


def test_local_and_global_jumps_e12():
    current, production = pair(1.0, local(1.0))
    digits(current, "-1.577e-5")
    digits(production, "-2.63e-6")
    for cold, baths in (
        (2.0, local(2.0)),
        (1.0, [BoseBath("hot", rate=0.01, on="XI"), BoseBath("cold", rate=0.01, on="IX")]),
    ):
        current, production = pair(cold, baths)
        assert current > 0.0
        assert production > 0.0


@pytest.mark.parametrize(
    ("excited", "mean", "theorem"), [(1.0, "2.109943", "0.123815"), (0.9, "1.588326", "1.000000")]
)
def test_absolute_irreversibility_a6(excited, mean, theorem):
    atom = Hamiltonian("0.5*Z")
    bath = QuantumJump([BoseBath("phonons", rate=1.0)])
    run = scheduled(bath, Protocol([Hold(2.0)], beta=2.0), 0.1, atom, start=[1.0 - excited, excited])
    digits(run.mean("total_entropy"), mean)
    digits(math.exp(run.log_generating_function({"total_entropy": -1.0})), theorem)


@pytest.mark.parametrize(
    ("initial", "measured", "start"),
    [
        (None, True, gibbs_state(X / 2, 1.0)),
        (Populations(level_0=0.25, level_1=0.75), True, [[0.5, 0.25], [0.25, 0.5]]),
        (Point(state="level_1"), True, [[0.5, 0.5], [0.5, 0.5]]),
        (Point(amplitudes=[0.6, 0.8j]), False, [[0.36, -0.48j], [0.48j, 0.64]]),
    ],
)
def test_starts_of_a_spec(initial, measured, start):
    dynamics = QuantumJump([BoseBath("phonons", rate=0.2)], measured=measured)
    hold = Protocol([Hold(1.0)], beta=1.0, epsilon=0.0)
    run = exact(QUBIT, dynamics, hold, time_step=0.5, initial=initial)
    np.testing.assert_allclose(run.start, start, atol=ROUNDING)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ([0.5, 0.6], "not probabilities"),
        ([1.5, -0.5], "not probabilities"),
        ([1.0, 0.0, 0.0], "no state of 2 levels"),
        ([[0.5, 1.0], [0.0, 0.5]], "no state of 2 levels"),
    ],
)
def test_what_is_no_state_is_refused(start, message):
    with pytest.raises(InvalidInput, match=message):
        scheduled(PHONONS, Protocol([Hold(1.0)], beta=1.0, epsilon=0.0), 0.5, start=start)


def test_equilibrium_between_two_temperatures_is_refused():
    with pytest.raises(InvalidInput, match="equilibrium is ambiguous"):
        scheduled(TWO, Protocol([Hold(1.0)], beta={"left": 1.0, "right": 2.0}, epsilon=0.0), 0.5)
