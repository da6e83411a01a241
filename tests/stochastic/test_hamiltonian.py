"""Hamiltonians: what they accept and refuse, their matrices, their free energy."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.operators import pauli_string

EPS = np.finfo(float).eps

QUBIT = Hamiltonian("delta/2*X + epsilon/2*Z", controls="epsilon", parameters={"delta": 1.0})
LADDER = np.diag(np.sqrt(np.arange(1.0, 5.0)), 1)


def test_a_qubit():
    assert QUBIT.dimension == 2
    assert QUBIT.states == QUBIT.levels == ("level_0", "level_1")
    assert repr(QUBIT) == "Hamiltonian(2 levels; epsilon): delta/2*X + epsilon/2*Z"
    epsilon = np.array([-4.0, 0.0, 0.3])
    values, vectors = QUBIT.eigen(epsilon[:, None])
    known = 0.5 * np.sqrt(1 + epsilon**2)
    np.testing.assert_allclose(values, np.stack([-known, known], axis=1), rtol=4 * EPS)
    assert vectors.rows == 3
    # E9's Landau gap, and ln 2 cosh for the free energy
    assert QUBIT.free_energy(2.0, epsilon=0.3) == pytest.approx(
        -np.log(2 * np.cosh(2 * known[2])) / 2, rel=1e-15
    )


@pytest.mark.parametrize("exchange", ["g*(PM + MP)", "g/2*(XX + YY)", "PM*g + g*MP"])
def test_an_operator_may_stand_beside_its_adjoint(exchange):
    system = Hamiltonian(f"{exchange} + h*(ZI + IZ)", controls=("g", "h"))
    two = {word: pauli_string(word) for word in ("XX", "YY", "ZI", "IZ")}
    known = 0.7 / 2 * (two["XX"] + two["YY"]) - 1.3 * (two["ZI"] + two["IZ"])
    np.testing.assert_allclose(system.matrices([[0.7, -1.3]]).complex[0], known, atol=2 * EPS)


def test_own_operators_of_another_dimension():
    system = Hamiltonian(
        "w*n + g*x",
        controls="g",
        parameters={"w": 2.0},
        operators={"n": LADDER.T @ LADDER, "x": LADDER + LADDER.T},
    )
    assert system.dimension == 5
    np.testing.assert_allclose(
        system.matrices([[0.3]]).complex[0], 2 * LADDER.T @ LADDER + 0.3 * (LADDER + LADDER.T), rtol=4 * EPS
    )


def test_matrices_are_hermitian_to_the_bit():
    basis = np.linalg.qr(np.random.default_rng(5).normal(size=(4, 4)))[0]
    rough = basis @ np.diag([1.0, 2, 3, 4]) @ basis.T
    system = Hamiltonian("a*n + YZ", controls="a", operators={"n": rough})
    h = system.matrices(np.linspace(0, 1, 7)[:, None])
    np.testing.assert_array_equal(h.adjoint.complex, h.complex)


@pytest.mark.parametrize(
    "system",
    [
        QUBIT,
        Hamiltonian("Z"),
        Hamiltonian(
            "n + a*y", controls="a", operators={"n": [[1, 2], [2, 0]], "y": np.array([[0, -2j], [2j, 0]])}
        ),
    ],
)
def test_round_trip_as_text(system):
    again = Hamiltonian(**json.loads(json.dumps(system.table())))
    assert again == system
    assert hash(again) == hash(system)
    assert pickle.loads(pickle.dumps(system)) == system
    assert system.tagged()["kind"] == "Hamiltonian"


@settings(max_examples=25)
@given(st.floats(0.01, 50), st.floats(-20, 20), st.floats(-5, 5))
def test_free_energy_of_three_levels(beta, a, b):
    system = Hamiltonian(
        "a*n + b*x", controls=("a", "b"), operators={"n": np.diag([0, 1, 5]), "x": np.ones((3, 3))}
    )
    energies = np.linalg.eigvalsh(a * np.diag([0.0, 1, 5]) + b * np.ones((3, 3)))
    lowest = energies[0]
    known = lowest - np.log(np.exp(-beta * (energies - lowest)).sum()) / beta
    size = abs(a) * 5 + abs(b) * 3
    assert system.free_energy(beta, a=a, b=b) == pytest.approx(known, abs=50 * EPS * (size + 1 / beta))
    weights, minus = system.populations([a, b], beta)
    assert weights.sum() == pytest.approx(1, rel=4 * EPS)
    assert system.minus_log_z([a, b], beta) == -minus


def test_a_coupling_has_parameters_and_the_same_dimension():
    system = Hamiltonian("ZZ + a*XI", controls="a", parameters={"k": 3.0})
    np.testing.assert_array_equal(
        system.operator("XI + k*IM", "on"), pauli_string("XI") + 3 * pauli_string("IM")
    )
    for text, said in [("X", "dimension 2"), ("a*XI", "'a' is not declared"), ("XI*IX", "product")]:
        with pytest.raises(InvalidInput, match=said):
            system.operator(text, "dynamics.baths.b.on")


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"energy": "P"}, "P is not Hermitian"),
        ({"energy": "P + 2*M"}, "P is not Hermitian"),
        ({"energy": "a*P + b*M", "controls": ("a", "b")}, "P is not Hermitian"),
        ({"energy": "Z + n", "operators": {"n": [[0, 1], [2, 0]]}}, "n is not Hermitian"),
        ({"energy": "Z + n", "operators": {"n": np.array([[1j, 0], [0, 1]])}}, "n is not Hermitian"),
        ({"energy": "cos(t)*Z"}, "time in an energy"),
        ({"energy": "X*Z"}, "a product or a function of operators"),
        ({"energy": "X + ZZ"}, "X has dimension 2 and ZZ has 4"),
        ({"energy": "Z + n", "operators": {"n": np.eye(3)}}, "dimension"),
        ({"energy": "Z", "controls": "X"}, "'X' is a Pauli string"),
        ({"energy": "Z", "parameters": {"IM": 1.0}}, "'IM' is a Pauli string"),
        ({"energy": "Z + n", "controls": "n", "operators": {"n": np.eye(2)}}, "control and operator"),
        ({"energy": 1.0}, "a formula is text"),
        ({"energy": "Z", "operators": [1]}, "not a table"),
    ],
)
def test_what_does_not_construct(keywords, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        Hamiltonian(**keywords)
    assert "system" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_operator_whose_coefficient_vanishes_may_be_anything():
    assert Hamiltonian("Z + P - P").dimension == 2


@pytest.mark.parametrize(
    ("beta", "controls", "said"),
    [
        (1.0, {}, "epsilon has no value"),
        (1.0, {"epsilon": 1.0, "x": 1.0}, "'x' is not a control"),
        (0.0, {"epsilon": 1.0}, "not positive"),
        (1.0, {"epsilon": "a"}, "not a number"),
    ],
)
def test_free_energy_refuses(beta, controls, said):
    with pytest.raises(InvalidInput, match=said):
        QUBIT.free_energy(beta, **controls)


def test_an_energy_that_is_not_finite_has_no_free_energy():
    with pytest.raises(InvalidInput, match="not finite"):
        Hamiltonian("Z/a", controls="a").free_energy(1.0, a=0.0)
