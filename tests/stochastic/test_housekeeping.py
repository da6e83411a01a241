"""The adiabatic entropy of channels and of runs, against the Lindblad equation's own (E10).

z-scores: 4.5 in each test, 7e-6 a number. Seeds were chosen before looking.
"""

import numpy as np
import pytest

from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Equilibrium, Populations, Steady
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum import generator
from fluctua.stochastic.quantum.exact import exact
from fluctua.stochastic.quantum.housekeeping import (
    definite_changes,
    gained_coherence,
    potential_changes,
    steady_populations,
)
from fluctua.stochastic.quantum.laws import _coherence
from fluctua.stochastic.quantum.tilted import cumulants, log_generating_function
from fluctua.stochastic.reservoirs import BoseBath, LocalBath
from fluctua.stochastic.steps import Hold, Isolated, Isothermal


def held(system, baths, beta, controls=None):
    controls = np.zeros((1, 0)) if controls is None else np.array(controls, dtype=float)
    beta = np.repeat(np.array([beta], dtype=float), len(controls), axis=0)
    found = QuantumJump(baths).model(system).held(controls, beta, np.ones(beta.shape, dtype=bool))
    return found


def dense(found):
    """The same channels as a Lindblad generator in the eigenbasis of the first row."""
    slots = np.arange(found.first_slot[1])
    operators = np.array([found.operator(slot).complex[0] for slot in slots])
    energies = np.diag(found.energies[0]).astype(complex)
    return generator.Generator(
        energies, operators, found.bath[slots], found.quantum[slots], found.entropy[slots]
    )


QUBIT = Hamiltonian("X/2 + e/2*Z", controls="e")
TWO = [BoseBath("warm", rate=0.3), BoseBath("cold", rate=0.2)]


def test_two_baths_hold_up_a_current():
    """E10's qubit: T = 2 and 1; a jump up through one bath and down through the other makes q (b_c - b_w)."""
    found = held(QUBIT, TWO, [0.5, 1.0], [[-3.0], [0.0]])
    changes, deviation = potential_changes(found)
    assert deviation == 0.0
    adiabatic = found.entropy + changes
    for row, gap in enumerate(np.sqrt([10.0, 1.0])):
        down_warm, up_warm, down_cold, up_cold = adiabatic[4 * row : 4 * row + 4]
        assert up_warm + down_cold == pytest.approx(0.5 * gap, rel=1e-12)
        assert up_cold + down_warm == pytest.approx(-0.5 * gap, rel=1e-12)
    known = dense(found)
    steady = known.steady_state()
    np.testing.assert_allclose(steady_populations(found)[0], np.diag(steady).real, atol=1e-12)
    np.testing.assert_allclose(changes[:4], generator.potential_changes(known, steady)[0], rtol=1e-9)


def test_one_bath_holds_up_nothing():
    """Gibbs is steady: the potential changes by what the bath takes, and the adiabatic part is 0."""
    ladder = Hamiltonian("n", operators={"n": np.diag([0.0, 1.0, 2.0]), "x": np.ones((3, 3)) - np.eye(3)})
    found = held(ladder, [BoseBath("b", on="x", rate=0.3, dephasing=0.1)], [0.7])
    changes, deviation = potential_changes(found)
    np.testing.assert_allclose(found.entropy + changes, 0.0, atol=1e-12)
    assert deviation <= 1e-12


def test_a_driven_atom_violates_the_condition():
    """Fixed operators on mixed levels: the detector's control."""
    found = held(Hamiltonian("X/2 + Z/2"), [LocalBath("b", on="M", rate=0.3, quantum=1.0)], [1.0])
    assert potential_changes(found)[1] > 0.1
    known = dense(found)
    assert generator.potential_changes(known, known.steady_state())[1] > 0.01


def test_several_steady_states_have_no_potential():
    found = held(Hamiltonian("ZI + 0.3*IZ"), [BoseBath("b", on="XI", rate=0.3)], [1.0])
    assert np.isnan(steady_populations(found)).all()
    assert np.isnan(potential_changes(found)[0]).all()


# ---- runs


Z_MOST = 4.5
RUN = {"seed": 31, "record": {}, "boltzmann": 1.0, "hbar": 1.0, "strokes": True, "paths": 0}
RUN |= {"path_every": 1, "finer": 1, "lanes": None, "time_step": 0.02, "direction": "forward"}
TEMPERATURES = {"cold": 1.0, "hot": 2.0}
KEPT = QuantumJump([BoseBath("cold", rate=0.3), BoseBath("hot", rate=0.2)], housekeeping=True)
SWEEP = Protocol([Isothermal(4.0, e=(-3.0, 3.0))], temperature=TEMPERATURES)
GIVEN = Populations(level_0=0.7, level_1=0.3)


def z_score(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


@pytest.fixture(scope="module")
def sweep():
    """E10: the sweep between two baths, 40,000 trajectories, and its exact companion."""
    propagator = KEPT.propagator(QUBIT, SWEEP, initial=GIVEN, **RUN)
    block = propagator.run(0, 40_000)
    known = exact(QUBIT, KEPT, SWEEP, time_step=0.02, initial=GIVEN)
    ends = np.log(known.populations[0])[block.columns["state_initial"]]
    ends = ends - np.log(known.populations[-1])[block.columns["state_final"]]
    return block, known, block.columns["log_ratio"] + ends


def test_the_total_entropy_and_both_parts_obey_integral_theorems(sweep):
    """E10: 1.000000 for each, by sampling and by the tilted equation."""
    block, known, total = sweep
    kept = block.columns["housekeeping_entropy"]
    parts = {"total_entropy": total, "housekeeping_entropy": kept, "nonadiabatic_entropy": total - kept}
    for name, entropy in parts.items():
        assert log_generating_function(known, {name: -1.0}) == pytest.approx(0.0, abs=1e-10)
        assert abs(z_score(np.exp(-entropy), 1.0)) < Z_MOST, name
        assert abs(z_score(entropy, cumulants(known, name)[0])) < Z_MOST, name
        assert cumulants(known, name)[0] > 0.1


def test_another_state_in_place_of_the_steady_one_is_found(sweep):
    """Half of the potential, or none, is that of another state: no theorem."""
    columns = sweep[0].columns
    change = columns["housekeeping_entropy"] - columns["log_ratio"]
    for part in (0.0, 0.5):
        assert abs(z_score(np.exp(-columns["log_ratio"] - part * change), 1.0)) > 10.0


def test_strokes_and_columns(sweep):
    block = sweep[0]
    columns = [column.name for column in KEPT.ledger(QUBIT, SWEEP.schedule(0.02, ("e",), ("cold", "hot")))]
    place = columns.index("log_ratio")
    assert columns[place : place + 3] == ["log_ratio", "housekeeping_entropy", "hatano_sasa"]
    assert set(columns) <= set(block.columns)
    np.testing.assert_array_equal(
        block.strokes["housekeeping_entropy"], block.columns["housekeeping_entropy"]
    )
    assert "hatano_sasa" not in block.strokes


def test_hatano_sasa_from_the_steady_state():
    """<exp(-Y)> = 1 from the steady state, isolated on the way and at the end; not from another."""
    steps = [
        Isothermal(2.0, e=(-3.0, 0.0)),
        Isolated(0.5, e=(0.0, 1.0)),
        Hold(1.0),
        Isolated(0.5, e=(1.0, 0.0)),
    ]
    protocol = Protocol(steps, temperature=TEMPERATURES)
    found = {}
    for initial in (Steady(), GIVEN):
        run = KEPT.propagator(QUBIT, protocol, initial=initial, **RUN).run(0, 40_000).columns
        found[initial.kind] = z_score(np.exp(-run["hatano_sasa"]), 1.0)
        assert run["hatano_sasa"].std() > 0.1
    assert abs(found["Steady"]) < Z_MOST
    assert abs(found["Populations"]) > 10.0


def test_the_steady_state_of_a_start_without_baths():
    """Isolated at first, all baths count, as in Steady(); equilibrium with the next is another state."""
    steps = [Isolated(0.5, e=(0.0, 0.5)), Isothermal(4.0, baths="cold", e=(0.5, 0.0))]
    protocol = Protocol(steps, temperature={"cold": 0.5, "hot": 5.0})
    found = {}
    for initial in (Steady(), Equilibrium(beta=2.0)):
        run = KEPT.propagator(QUBIT, protocol, initial=initial, **RUN).run(0, 40_000).columns
        found[initial.kind] = z_score(np.exp(-run["hatano_sasa"]), 1.0)
    assert abs(found["Steady"]) < Z_MOST
    assert abs(found["Equilibrium"]) > 10.0


@pytest.mark.parametrize(
    ("system", "baths", "said"),
    [
        (Hamiltonian("X/2 + Z/2"), [LocalBath("b", on="M", rate=0.3, quantum=1.0)], "differs by"),
        (Hamiltonian("ZI + 0.3*IZ"), [BoseBath("b", on="XI", rate=0.3)], "no one steady state"),
    ],
)
def test_runs_without_such_entropies_are_refused(system, baths, said):
    dynamics = QuantumJump(baths, housekeeping=True)
    schedule = Protocol([Hold(1.0)], beta=1.0).schedule(0.05, (), ("b",))
    with pytest.raises(InvalidInput, match=said) as caught:
        dynamics.check_protocol(system, schedule)
    assert caught.value.where == "dynamics.housekeeping"
    QuantumJump(baths).check_protocol(system, schedule)


@pytest.mark.parametrize(
    ("baths", "choices", "said"),
    [
        (TWO, {"measured": False}, "not measured at both ends"),
        ([LocalBath("out", on="M", rate=1.0, reverse=False)], {}, "no way back"),
        (TWO, {"measured": 1}, "neither true nor false"),
    ],
)
def test_choices_that_are_refused(baths, choices, said):
    with pytest.raises(InvalidInput, match=said):
        QuantumJump(baths, housekeeping=True, **choices)


def test_a_mixture_that_gains_coherence_is_no_potential():
    light = LocalBath("light", on="M", rate=1.0, quantum=1.0)
    found = held(Hamiltonian("w/2*X", parameters={"w": 1.0}), [light], [1.0])
    rates = sum(float(np.square(np.abs(found.operator(slot).complex)).sum()) for slot in (0, 1))
    slow = _coherence(found, np.array([0.5, 0.5])) * float(found.fastest[0]) / rates
    assert gained_coherence(found) == pytest.approx(slow, rel=1e-12)
    assert slow > 0.1
    with pytest.raises(InvalidInput, match=r"would gain coherence at 0\.231 of the rates"):
        definite_changes(found)


def gained(found):
    """The same from dense operators, row by row."""
    parts = []
    for row, steady in enumerate(steady_populations(found)):
        slots = range(found.first_slot[row], found.first_slot[row + 1])
        ways = [found.operator(slot).complex[0] for slot in slots]
        state = np.diag(steady).astype(complex)
        decay = sum(way.conj().T @ way for way in ways)
        change = sum(way @ state @ way.conj().T for way in ways) - (decay @ state + state @ decay) / 2
        parts.append(np.abs(change - np.diag(np.diag(change))).max() / np.trace(decay).real)
    return max(parts)


MIXING = np.array([[0.3, 1.0 - 0.4j, 0.7j], [0.2 + 0.5j, -0.6, 0.9], [1.1, 0.4 - 0.8j, 0.1j]])
THREE = Hamiltonian(
    "n + c*hop",
    controls="c",
    operators={"n": np.diag([0.0, 1.0, 2.5]), "hop": np.ones((3, 3)) - np.eye(3), "A": MIXING},
)


@pytest.mark.parametrize("rows", [[0.0], [0.4], [0.0, 0.4], [0.4, 0.0, -1.3]])
def test_the_coherence_of_complex_operators(rows):
    """To rounding: some hundred terms of order 1."""
    found = held(THREE, [LocalBath("a", on="A", rate=0.3, quantum=0.7)], [1.2], [[c] for c in rows])
    known = gained(found)
    assert known > 0.01
    assert gained_coherence(found) == pytest.approx(known, rel=1e-13)


def test_a_small_coherence_is_one():
    """Populations are equal, so that every change is definite: 0; what is gained is a part in a thousand."""
    light = LocalBath("light", on="M", rate=1.0, quantum=1.0)
    noise = LocalBath("noise", on="X", rate=100.0, reverse=False)
    found = held(Hamiltonian("w/2*X", parameters={"w": 1.0}), [light, noise], [1.0, 1.0])
    assert potential_changes(found)[1] < 1e-12
    assert 1e-3 < gained(found) < 1e-2
    with pytest.raises(InvalidInput, match=rf"would gain coherence at {gained(found):.3g} of the rates"):
        definite_changes(found)


def test_channels_between_levels_gain_none():
    baths = [BoseBath("a", on="XI", rate=1.0), BoseBath("b", on="IX", rate=1.0)]
    assert gained_coherence(held(Hamiltonian("ZI/2 + IZ/2 + 0.3*XX"), baths, [1.0, 2.0])) == 0.0
