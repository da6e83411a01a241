"""Quantum jump dynamics: what it accepts, the columns it writes, its starts, remarks and laws."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluctua.stochastic.dynamics.quantum_jump import KINDS, QuantumJump
from fluctua.stochastic.errors import InvalidInput, Unstable
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Equilibrium, Point, Populations, Samples, Steady
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.laws import amplitudes, carried, populations, prepare
from fluctua.stochastic.quantum.remarks import local_deviation, remarks_of, smallest_distances
from fluctua.stochastic.quantum.sampling import sampled
from fluctua.stochastic.reservoirs import BoseBath, LocalBath
from fluctua.stochastic.steps import Hold, Isolated, Isothermal, Quench
from fluctua.stochastic.values import build

QUBIT = Hamiltonian("delta/2*X + epsilon/2*Z", controls="epsilon", parameters={"delta": 1.0})
ATOM = Hamiltonian("Z/2")
PHONONS = BoseBath("phonons", rate=0.2)
THERMAL = QuantumJump([PHONONS])
SWEEP = Protocol([Isothermal(5.0, epsilon=(-4.0, 4.0))], beta=1.0)
PUMP = LocalBath("pump", on="X", rate=0.1, quantum=1.0)


def schedule_of(system, dynamics, protocol, time_step=0.005):
    return protocol.schedule(time_step, system.controls, dynamics.bath_names, 1.0)


SCHEDULE = schedule_of(QUBIT, THERMAL, SWEEP)


def hold(dynamics, beta=1.0, duration=1.0, time_step=0.01, system=ATOM, **controls):
    protocol = Protocol([Hold(duration)], beta=beta, **controls)
    return schedule_of(system, dynamics, protocol, time_step)


# ---- the value


@pytest.mark.parametrize(
    "dynamics",
    [
        THERMAL,
        QuantumJump([BoseBath("a", on="X", rate="g"), PUMP], measured=False),
        QuantumJump([LocalBath("out", on="M", rate=1.0, reverse=False)], path_work=True),
    ],
)
def test_round_trip_as_text(dynamics):
    table = json.loads(json.dumps(dynamics.tagged()))
    assert build(table, {"QuantumJump": QuantumJump}, "dynamics") == dynamics


def test_it_says_what_it_is():
    assert repr(THERMAL) == "QuantumJump(BoseBath(phonons, rate 0.2))"
    assert THERMAL.bath_names == ("phonons",)
    assert THERMAL.jumps
    assert THERMAL.timed
    assert THERMAL.uncertainty == "quantum"
    assert THERMAL.namespace(QUBIT)["level"] == ("level_0", "level_1")
    assert set(KINDS) == {"BoseBath", "LocalBath"}


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"baths": []}, "no baths"),
        ({"baths": [PHONONS, PHONONS]}, "two baths"),
        ({"baths": [PHONONS], "measured": 1}, "neither true nor false"),
        ({"baths": [PHONONS], "path_work": "yes"}, "neither true nor false"),
        ({"baths": [PHONONS], "measured": False, "path_work": True}, "work is that of the path"),
        ({"baths": [{"kind": "Lead", "name": "a"}]}, "does not fit here"),
        ({"baths": 3}, "not a bath"),
    ],
)
def test_what_does_not_construct(keywords, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        QuantumJump(**keywords)
    assert caught.value.where.startswith("dynamics")


def names(columns):
    return [column.name for column in columns]


def test_columns_of_measured_runs():
    two = QuantumJump([PHONONS, BoseBath("light", rate=0.1)], path_work=True)
    schedule = schedule_of(QUBIT, two, SWEEP)
    assert names(THERMAL.ledger(QUBIT, SCHEDULE)) == [
        "work", "dimensionless_work", "heat", "entropy_flow", "log_ratio", "energy_change", "activity",
    ]  # fmt: skip
    assert names(two.ledger(QUBIT, schedule)) == [
        "work", "path_work", "dimensionless_work", "heat", "heat_phonons", "heat_light", "entropy_flow",
        "log_ratio", "energy_change", "activity",
    ]  # fmt: skip
    assert names(THERMAL.ends(QUBIT)) == ["state_initial", "state_final"]
    strokes = names(THERMAL.stroke_ledger(QUBIT, SCHEDULE))
    assert strokes == ["heat", "entropy_flow", "log_ratio", "activity"]
    assert THERMAL.stroke_ends(QUBIT) == []
    assert names(THERMAL.path_state(QUBIT)) == ["p_0", "p_1", "energy"]


def test_columns_without_measurements_or_without_ways_back():
    free = QuantumJump([PHONONS], measured=False)
    assert names(free.ledger(QUBIT, SCHEDULE)) == [
        "work", "heat", "entropy_flow", "log_ratio", "quantum_heat", "energy_change", "activity",
    ]  # fmt: skip
    assert free.ends(QUBIT) == []
    lossy = QuantumJump([LocalBath("out", on="M", rate=1.0, reverse=False)])
    assert names(lossy.ledger(QUBIT, SCHEDULE)) == ["work", "heat", "energy_change", "activity"]
    two = QuantumJump([PHONONS, PUMP])
    protocol = Protocol([Hold(1.0)], beta={"phonons": 1, "pump": 2}, epsilon=0.0)
    assert "dimensionless_work" not in names(two.ledger(QUBIT, schedule_of(QUBIT, two, protocol)))


# ---- does it fit?


def test_a_step_that_is_too_long():
    THERMAL.check_protocol(QUBIT, SCHEDULE)
    with pytest.raises(Unstable, match=r"probability 0.152 in one time step at epsilon = .*: 0.3 is short"):
        THERMAL.check_protocol(QUBIT, schedule_of(QUBIT, THERMAL, SWEEP, 0.5))


def test_records_are_refused():
    THERMAL.check_record({}, QUBIT)
    with pytest.raises(InvalidInput, match="record no formulas"):
        THERMAL.check_record({"x": "integral(1)"}, QUBIT)


def test_baths_are_checked_against_the_system():
    THERMAL.check(QUBIT)
    with pytest.raises(InvalidInput, match="XX has dimension 4"):
        QuantumJump([BoseBath("a", on="XX", rate=1.0)]).check(QUBIT)


def test_checks_look_at_both_ends_of_every_stroke():
    protocol = Protocol([Isothermal(5.0, epsilon=(-4.0, 4.0)), Quench(epsilon=1.0), Hold(2.0)], beta=1.0)
    schedule = schedule_of(QUBIT, THERMAL, protocol)
    rows = sampled(schedule)
    assert len(rows.moves) < 300
    assert {0, 999, 1000, 1399} <= set(rows.moves.tolist())
    change = (rows.around[1] - rows.around[0])[:, 0]
    inside = ~np.isin(rows.moves, [0, 999, 1000, 1399])
    np.testing.assert_array_equal(rows.apart, np.where(inside, 2, 1))
    np.testing.assert_allclose(change, np.where(rows.moves < 1000, 0.008 * rows.apart, 0.0), rtol=1e-10)
    np.testing.assert_array_equal(rows.different.moves, rows.moves[: np.sum(rows.moves <= 1000) + 1])


@settings(max_examples=20)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any), st.integers(2, 60))
def test_checks_look_at_the_reverse_where_they_look_at_the_run(moves, most):
    """The control is an exponential: no two of a stroke's values are equal."""
    steps = []
    for count in moves:
        steps += [Quench(epsilon=1.0), *([Isothermal(0.5 * count, epsilon="exp(s)")] if count else [])]
    schedule = schedule_of(QUBIT, THERMAL, Protocol(steps, beta=1.0, epsilon=1.0), 0.5)
    there, back = sampled(schedule, most), sampled(schedule.reversed(), most)
    np.testing.assert_array_equal(there.moves, schedule.steps - 1 - back.moves[::-1])
    np.testing.assert_array_equal(there.around, back.around[::-1, ::-1])
    np.testing.assert_array_equal(there.apart, back.apart[::-1])
    assert len(there.moves) <= 1.5 * most + 2
    if schedule.steps <= most:
        assert len(there.moves) == schedule.steps


# ---- starts


def test_equilibrium_and_steady_state_of_one_bath_agree():
    model = THERMAL.model(QUBIT)
    known = 1 / (1 + np.exp(np.sqrt(17)))
    for initial in (Equilibrium(), Steady()):
        weights = populations(initial, model, SCHEDULE)
        np.testing.assert_allclose(weights, [1 - known, known], rtol=1e-13)
    colder = populations(Equilibrium(beta=2.0), model, SCHEDULE)
    assert colder[1] == pytest.approx(1 / (1 + np.exp(2 * np.sqrt(17))), rel=1e-13)


def test_the_steady_state_between_two_baths():
    """E7: p_e = sum gamma n / sum gamma (2 n + 1)."""
    dynamics = QuantumJump([BoseBath("left", rate=1.0), BoseBath("right", on="X", rate=0.5)])
    schedule = hold(dynamics, {"left": 0.5, "right": 1.0})
    left, right = 1 / np.expm1(0.5), 1 / np.expm1(1.0)
    known = (left + 0.5 * right) / (2 * left + 1 + 0.5 * (2 * right + 1))
    assert populations(Steady(), dynamics.model(ATOM), schedule)[1] == pytest.approx(known, rel=1e-13)


def test_given_populations_and_points():
    model = THERMAL.model(QUBIT)
    np.testing.assert_array_equal(populations(Point(state="level_1"), model, SCHEDULE), [0, 1])
    given = populations(Populations(level_0=0.25, level_1=0.75), model, SCHEDULE)
    np.testing.assert_array_equal(given, [0.25, 0.75])


@pytest.mark.parametrize(
    ("initial", "said"),
    [
        (Point(state="up"), "'up' is not a level"),
        (Point(q=1.0), "'q' is not part of the state"),
        (Point(), "no state"),
        (Populations(full=1.0), "'full' is not a level"),
        (Equilibrium(burn_in=1.0), "no burn-in"),
        (Steady(duration=1.0), "exact"),
        (Samples("none.parquet", sha256="0" * 64), "no law of levels"),
        (Point(amplitudes=[0.6, 0.8]), "would not survive the measurement.*measured=False"),
        (Point(amplitudes=[1.0, 1.0]), "add up to 2, not to 1.*divide each by 1.41421"),
    ],
)
def test_starts_that_are_refused(initial, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        THERMAL.check_start(initial, QUBIT, SCHEDULE)
    assert caught.value.where.startswith("initial")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("initial", "said"),
    [
        (Point(amplitudes=[1.0, 1.0]), "not to 1"),
        (Point(amplitudes=[0.0, 0.0]), "give some"),
        (Point(amplitudes=[1.0]), "1 amplitudes.*give 2"),
        (Point(amplitudes=[0.6, 0.8], state="level_0"), "beside amplitudes"),
    ],
)
def test_amplitudes_that_are_refused(initial, said):
    with pytest.raises(InvalidInput, match=said):
        QuantumJump([PHONONS], measured=False).check_start(initial, QUBIT, SCHEDULE)


def test_a_superposition_starts_what_is_not_measured():
    free = QuantumJump([PHONONS], measured=False)
    initial = Point(amplitudes=[0.6, 0.8j])
    free.check_start(initial, QUBIT, SCHEDULE)
    np.testing.assert_array_equal(amplitudes(initial, free.model(QUBIT)), [0.6, 0.8j])
    start = prepare(initial, free.model(QUBIT), SCHEDULE, seed=1, direction="forward")
    np.testing.assert_array_equal(start.draw(5, 2), np.array([[0.6, 0, 0, 0.8, -1]] * 2).T)
    with pytest.raises(InvalidInput, match="needs entropy"):
        raise InvalidInput(free.boundary(QUBIT, SCHEDULE, initial, dict))


def test_drawn_levels_follow_their_populations():
    """100,000 draws: |z| < 4 has a false alarm in 16,000 runs; any cutting draws the same."""
    model = THERMAL.model(QUBIT)
    schedule = hold(THERMAL, system=QUBIT, epsilon=0.5)
    start = prepare(Equilibrium(), model, schedule, seed=7, direction="forward")
    drawn = start.draw(0, 100_000)
    p = populations(Equilibrium(), model, schedule)[1]
    z = (drawn[-1].mean() - p) / np.sqrt(p * (1 - p) / 100_000)
    assert abs(z) < 4
    np.testing.assert_array_equal(start.draw(70, 30), drawn[:, 70:100])
    vectors = QUBIT.eigen([[0.5]])[1].complex[0]
    state = drawn[:2] + 1j * drawn[2:4]
    np.testing.assert_array_equal(state, vectors[:, drawn[-1].astype(int)])
    assert start.facts["law"] == "equilibrium"


def test_no_reverse_of_a_point():
    with pytest.raises(InvalidInput, match="no reverse process starts from Point"):
        prepare(Point(state="level_0"), THERMAL.model(QUBIT), SCHEDULE, seed=1, direction="reverse")


def test_steady_states_that_are_no_mixture_or_not_one():
    """A driven atom in its rotating frame keeps coherence (E10); blocks that no bath connects stay apart."""
    driven = Hamiltonian("X/2 + Z/2")
    dynamics = QuantumJump([LocalBath("out", on="M", rate=0.5, quantum=1.0)])
    with pytest.raises(InvalidInput, match="no mixture of energy levels"):
        populations(Steady(), dynamics.model(driven), hold(dynamics, system=driven))
    pair = Hamiltonian("ZI + 0.3*IZ")
    dynamics = QuantumJump([BoseBath("b", on="XI", rate=0.5)])
    with pytest.raises(
        InvalidInput, match=r"no one steady state.*\{level_0, level_2\} and \{level_1, level_3\}"
    ):
        populations(Steady(), dynamics.model(pair), hold(dynamics, system=pair))


# ---- laws


def test_absolute_irreversibility_of_a_pure_start():
    """A6: gap 1, T = 0.5, rates n and n + 1, t = 2, from the excited level: <exp(-s)> = 0.123815."""
    dynamics = QuantumJump([BoseBath("phonons", rate=1.0)])
    schedule = hold(dynamics, 2.0, 2.0, 0.1)
    weight = dynamics.irreversible_weight(ATOM, schedule, Point(state="level_1"))
    assert 1 - weight == pytest.approx(0.123815, abs=5e-7)
    assert dynamics.irreversible_weight(ATOM, schedule, Populations(level_0=0.1, level_1=0.9)) == 0.0
    # E15: <s> = D(p_0 | pi) - D(p_t | pi) from the same populations
    pi = populations(Equilibrium(), dynamics.model(ATOM), schedule)
    first, last = dynamics.border_populations(ATOM, schedule, Populations(level_0=0.1, level_1=0.9))
    lost = (first * np.log(first / pi)).sum() - (last * np.log(last / pi)).sum()
    assert lost == pytest.approx(1.588326, abs=5e-7)


def test_the_boundary_term():
    columns = {"state_initial": np.array([0, 1]), "state_final": np.array([1, 1])}
    p = populations(Equilibrium(), THERMAL.model(QUBIT), SCHEDULE)
    term = THERMAL.boundary(QUBIT, SCHEDULE, Equilibrium(), columns.__getitem__)
    np.testing.assert_allclose(term, [np.log(p[0] / p[1]), 0.0], rtol=1e-12, atol=1e-12)


def test_populations_are_carried_to_equilibrium():
    dynamics = QuantumJump([BoseBath("b", rate=2.0)])
    schedule = hold(dynamics, 1.0, 20.0, 0.5)
    last = carried(dynamics.model(ATOM), schedule, np.array([0.0, 1.0]))
    np.testing.assert_allclose(last, populations(Equilibrium(), dynamics.model(ATOM), schedule), atol=1e-12)


def test_the_reverse_process_conjugates_what_is_complex():
    """Without baths P(n -> m) is the reverse's P(m -> n); with the same field, not turned, it is not."""
    generator = np.random.default_rng(11)
    m, n, k = (generator.normal(size=(3, 3)) + 1j * generator.normal(size=(3, 3)) for _ in range(3))
    field = Hamiltonian(
        "m + a*n + a**2*k",
        controls="a",
        operators={word: one + one.conj().T for word, one in (("m", m), ("n", n), ("k", k))},
    )
    schedule = schedule_of(field, THERMAL, Protocol([Isolated(1.0, a=(0.0, 1.5))], beta=1.0), 0.02)

    def odds(run, *, turned):
        model = THERMAL.model(field, turned=turned)
        return np.array([carried(model, run, row) for row in np.eye(3)])

    there = odds(schedule, turned=False)
    np.testing.assert_allclose(odds(schedule.reversed(), turned=True).T, there, atol=1e-10)
    assert np.abs(odds(schedule.reversed(), turned=False).T - there).max() > 0.01


def test_sums_over_states_and_energies():
    assert THERMAL.minus_log_z(QUBIT, [0.0], 2.0) == pytest.approx(-np.log(2 * np.cosh(1.0)), rel=1e-14)
    found = THERMAL.energy(QUBIT, [0.0], "final", {"state_final": np.array([1, 0])}.__getitem__)
    np.testing.assert_allclose(found, [0.5, -0.5], rtol=1e-15)
    with pytest.raises(InvalidInput, match="no energy is measured"):
        QuantumJump([PHONONS], measured=False).energy(QUBIT, [0.0], "final", dict)


def test_what_obeys_no_theorem_says_so():
    assert THERMAL.no_theorems() == ""
    assert THERMAL.no_equilibrium(QUBIT, SCHEDULE) == ""
    assert "not measured" in QuantumJump([PHONONS], measured=False).no_theorems()
    lossy = QuantumJump([LocalBath("out", on="M", rate=1.0, reverse=False)])
    assert "no way back" in lossy.no_theorems()
    assert "no way back" in lossy.no_equilibrium(QUBIT, SCHEDULE)
    local = QuantumJump([LocalBath("b", on="M", rate=0.1, quantum=1.0)])
    assert "local bath b" in local.no_equilibrium(QUBIT, SCHEDULE)
    assert local.no_equilibrium(ATOM, hold(local)) == ""


# ---- remarks


def test_remarks_on_the_sweep():
    """E9: adiabaticity 0.8 at the crossing; 0.2 (n(1) + 1) = 0.316 of the gap 1."""
    secular, adiabatic = remarks_of(THERMAL.model(QUBIT), SCHEDULE)
    assert "largest jump rate is 0.32 of the smallest distance" in secular
    assert "reaches 0.8 at epsilon = " in adiabatic


@pytest.mark.parametrize(
    "dynamics", [THERMAL, QuantumJump([BoseBath("a", rate=2.0), BoseBath("b", rate=0.1)])]
)
@pytest.mark.parametrize(
    "energy",
    [
        "0.5*X + epsilon/2*Z",
        "epsilon/2*Z + (0.3 + 0.1*epsilon)*Y + 0.2*X",
        "ZI + 0.7*IZ + 0.2*XX + epsilon*YX",
    ],
)
@pytest.mark.parametrize("ramp", [(-4.0, 4.0), (-1.0, 3.0), "3*sin(5*s)"])
def test_a_run_and_its_reverse_remark_alike(dynamics, energy, ramp):
    """So a pair says each remark once. Values met twice, more steps than are looked at, complex fields."""
    system = Hamiltonian(energy, controls="epsilon")
    steps = [
        Isothermal(5.0, epsilon=ramp),
        Hold(0.1),
        Quench(epsilon=0.3),
        Isothermal(0.7, epsilon=(0.3, 0.2)),
    ]
    schedule = schedule_of(system, dynamics, Protocol(steps, beta=1.0))
    said = remarks_of(dynamics.model(system), schedule)
    assert {line.split(":")[0] for line in said} >= {"secular approximation", "adiabatic approximation"}
    assert remarks_of(dynamics.model(system, turned=True), schedule.reversed()) == said


def test_a_slow_and_weak_run_needs_no_remark():
    weak = QuantumJump([BoseBath("phonons", rate=0.02)])
    slow = schedule_of(QUBIT, weak, Protocol([Isothermal(100.0, epsilon=(-4.0, 4.0))], beta=1.0), 0.1)
    assert remarks_of(weak.model(QUBIT), slow) == ()


def test_an_isolated_sweep_is_not_adiabatic_and_need_not_be():
    alone = schedule_of(QUBIT, THERMAL, Protocol([Isolated(5.0, epsilon=(-4.0, 4.0))], beta=1.0))
    assert remarks_of(THERMAL.model(QUBIT), alone) == ()


def test_strong_coupling():
    """E14's numbers: gamma = 1, beta = 5."""
    strong = QuantumJump([BoseBath("b", rate=1.0)])
    said = remarks_of(strong.model(ATOM), hold(strong, 5.0))
    assert any(line.startswith("weak coupling: hbar times the largest jump rate is 5 of") for line in said)
    in_units = remarks_of(strong.model(ATOM, hbar=0.01), hold(strong, 5.0))
    assert in_units == ()


def test_local_baths_are_flagged_with_their_deviation():
    """E12: two qubits of 2 and 1, exchange 0.05; without exchange the same operators act between levels."""
    baths = [
        LocalBath("hot", on="MI", rate=0.01, quantum=2.0),
        LocalBath("cold", on="IM", rate=0.01, quantum=1.0),
    ]
    dynamics = QuantumJump(baths)
    pair = Hamiltonian("ZI + 0.5*IZ + g*(PM + MP)", controls="g")
    coupled, apart = (
        hold(dynamics, {"hot": 1 / 1.2, "cold": 1.0}, system=pair, g=value) for value in (0.05, 0.0)
    )
    model = dynamics.model(pair)
    said = remarks_of(model, coupled)
    assert [line.split(":")[0] for line in said] == ["local master equation"] * 2
    assert remarks_of(model, apart) == ()
    assert not any("rotating frame" in line for line in said)
    driven = QuantumJump([LocalBath("light", on="M", rate=0.01, quantum=5.0)])
    rabi = Hamiltonian("0.1*X")
    (turning,) = remarks_of(driven.model(rabi), hold(driven, system=rabi))
    assert turning.endswith("hold to that order only, but for a Hamiltonian in a rotating frame")
    # the commutator itself, from NumPy
    h, a = pair.matrices([[0.05]]).complex[0], pair.operator("MI", "on")
    known = h @ a - a @ h + 2 * a
    vectors = pair.eigen([[0.05]])[1].complex[0]
    missed, size = (np.abs(vectors.conj().T @ one @ vectors).max() for one in (known, 2 * a))
    assert local_deviation(model.couplings[0], model, coupled) == pytest.approx(missed / size, rel=1e-10)
    lossy = QuantumJump([LocalBath("out", on="M", rate=0.01, reverse=False)])
    assert "out: its jumps have no way back" in remarks_of(lossy.model(ATOM), hold(lossy))[0]


def test_no_temperature_is_too_low_for_a_bath_that_has_none():
    lossy = LocalBath("out", on="M", rate=1.0, reverse=False)
    alone, beside = QuantumJump([lossy]), QuantumJump([lossy, BoseBath("b", rate=1.0)])
    (said,) = remarks_of(alone.model(ATOM), hold(alone, 5.0))
    assert said.startswith("out: its jumps have no way back")
    assert any("weak coupling" in line for line in remarks_of(beside.model(ATOM), hold(beside, 5.0)))


def test_remedies_of_a_start_between_local_baths_lead_somewhere():
    pair = Hamiltonian("ZI + 0.5*IZ + 0.05*(PM + MP)")
    hot = LocalBath("hot", on="MI", rate=0.01, quantum=2.0)
    dynamics = QuantumJump([hot, LocalBath("cold", on="IM", rate=0.01, quantum=1.0)])
    schedule = hold(dynamics, {"hot": 0.25, "cold": 1.0}, system=pair)
    named = {
        Equilibrium(): r"initial\): Equilibrium\(beta=...\) or Populations\(...\)",
        Steady(): r"start from Equilibrium\(beta=...\) or Populations",
        Steady(duration=5.0): r"start from Equilibrium\(beta=...\) or Populations",
    }
    for initial, remedy in named.items():
        with pytest.raises(InvalidInput, match=remedy):
            dynamics.check_start(initial, pair, schedule)
    for initial in (Equilibrium(beta=1.0), Populations(level_0=1.0)):
        dynamics.check_start(initial, pair, schedule)


def test_smallest_distances_of_frequencies():
    energies = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.1], [0.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    np.testing.assert_allclose(smallest_distances(energies), [1.0, 0.1, np.inf, 1.0], rtol=1e-12)


# ---- what computes it


def test_a_run_is_put_together():
    run = {"seed": 1, "record": {}, "boltzmann": 1.0, "hbar": 1.0, "strokes": False, "paths": 0}
    run |= {"path_every": 1, "finer": 1, "lanes": None, "time_step": 0.005, "initial": Equilibrium()}
    there = THERMAL.propagator(QUBIT, SWEEP, direction="forward", **run)
    back = THERMAL.propagator(QUBIT, SWEEP, direction="reverse", **run)
    np.testing.assert_array_equal(back.schedule.controls, there.schedule.controls[::-1])
    assert len(there.remarks) == 2
    assert there.channel_names[0] == "phonons: level_1 -> level_0"
    assert there.state_names == ("level_0", "level_1")
    assert there.start.facts["law"] == "equilibrium"


@pytest.mark.slow
def test_the_sweep_against_its_exact_numbers():
    """E9, 100,000 trajectories: <W> = 1.248339, <Q> = -0.241335, <exp(-W)> = 1; |z| < 4."""
    run = {"seed": 3, "record": {}, "boltzmann": 1.0, "hbar": 1.0, "strokes": False, "paths": 0}
    run |= {"path_every": 1, "finer": 1, "lanes": None, "time_step": 0.005, "initial": Equilibrium()}
    columns = THERMAL.propagator(QUBIT, SWEEP, direction="forward", **run).run(0, 100_000).columns
    for values, known in (
        (columns["work"], 1.248339),
        (columns["heat"], -0.241335),
        (np.exp(-columns["dimensionless_work"]), 1.0),
    ):
        z = (values.mean() - known) / (values.std() / np.sqrt(len(values)))
        assert abs(z) < 4
    np.testing.assert_allclose(columns["log_ratio"], columns["entropy_flow"], atol=1e-12)


# ---- gaps that close


def crossing(energy, bath, control=(-1.0, 1.1), duration=1.0):
    system = Hamiltonian(energy, controls="c", operators={"K": np.diag([1.0, -1.0, 3.0]), "L": LADDER})
    dynamics = QuantumJump([bath])
    protocol = Protocol([Isothermal(duration, c=control)], beta=1.0)
    dynamics.check_protocol(system, schedule_of(system, dynamics, protocol, 0.01))


LADDER = np.diag([1.0, 1.0], 1) + np.diag([1.0, 1.0], -1)
FLAT = {"name": "ph", "rate": 1e-4}


@pytest.mark.parametrize("control", [(-1.0, 1.1), (-0.003, 1.0), (-1.0, 0.003), (0.0, 1.0), (-0.5, 0.5)])
@pytest.mark.parametrize("on", [None, "L"])
def test_a_gap_that_closes_between_held_values_is_refused(control, on):
    """Sorted levels touch: the sign of their distance says nothing."""
    with pytest.raises(
        InvalidInput, match=r"the gap of level_\d and level_\d closes at c = \S+, time"
    ) as caught:
        crossing("c*K", BoseBath(on=on, **FLAT), control)
    assert caught.value.where == "dynamics.baths.ph.spectrum"
    assert 'spectrum="omega"' in caught.value.remedy


@pytest.mark.parametrize(
    ("energy", "bath"),
    [
        ("c*K", BoseBath(spectrum="omega", **FLAT)),  # finite there
        ("c*K", BoseBath("ph", rate="c*c*1e-4")),  # off there
        ("c*K", BoseBath(on="K", **FLAT)),  # not coupled
        ("c*K + 0.0001*L", BoseBath(**FLAT)),  # avoided
        ("K + c*L", BoseBath(**FLAT, spectrum="1/omega")),  # infinite only where the gap never is
    ],
)
def test_gaps_that_may_run(energy, bath):
    crossing(energy, bath)


def test_a_spectrum_that_vanishes_too_slowly_is_infinite():
    """sqrt(omega) / (beta omega) grows without bound."""
    with pytest.raises(InvalidInput, match=r"the gap of level_\d and level_\d closes at c"):
        crossing("c*K", BoseBath(spectrum="sqrt(omega)", **FLAT))


def test_no_time_step_is_recommended_where_the_rate_is_infinite():
    with pytest.raises(InvalidInput, match="its rate is infinite there"):
        crossing("c*K", BoseBath("ph", rate=1.0))
