"""The adiabatic entropy of channels against the Lindblad generator's own eigen-operator check (E10)."""

import numpy as np
import pytest

from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.quantum import generator
from fluctua.stochastic.quantum.housekeeping import potential_changes, steady_populations
from fluctua.stochastic.reservoirs import BoseBath, LocalBath


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
