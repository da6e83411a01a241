"""Operators: Pauli strings, matrices of the user's own, sums as text."""

import json
import tomllib

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.operators import (
    is_hermitian,
    is_pauli_string,
    matrix_of,
    pauli_string,
    read_operators,
    read_sum,
)

X, Y, Z = (pauli_string(letter) for letter in "XYZ")


def test_pauli_matrices_obey_their_algebra():
    np.testing.assert_array_equal(X @ Y, 1j * Z)
    np.testing.assert_array_equal(pauli_string("P"), (X + 1j * Y) / 2)
    np.testing.assert_array_equal(pauli_string("M"), pauli_string("P").conj().T)
    up = np.array([1, 0])
    np.testing.assert_array_equal(Z @ up, up)
    np.testing.assert_array_equal(pauli_string("P") @ np.array([0, 1]), up)


def test_a_string_is_a_product_of_spins():
    np.testing.assert_array_equal(pauli_string("XZ"), np.kron(X, Z))
    assert pauli_string("IXYZ").shape == (16, 16)
    assert not is_pauli_string("XXXXX")
    assert not is_pauli_string("")
    assert not is_pauli_string("Xa")


@given(st.text(alphabet="IXYZPM", min_size=1, max_size=4), st.text(alphabet="IXYZPM", min_size=1, max_size=4))
def test_products_of_strings_multiply_letter_by_letter(a, b):
    if len(a) == len(b):
        known = np.ones((1, 1))
        for left, right in zip(a, b, strict=True):
            known = np.kron(known, pauli_string(left) @ pauli_string(right))
        np.testing.assert_array_equal(pauli_string(a) @ pauli_string(b), known)


@settings(max_examples=30)
@given(st.integers(2, 5), st.integers(0, 10**6), st.booleans(), st.sampled_from(["array", "list", "table"]))
def test_matrices_survive_files(d, seed, real, given_as):
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(d, d)) + (0 if real else 1j * generator.normal(size=(d, d)))
    typed = {
        "array": matrix,
        "list": matrix.tolist(),
        "table": {"re": matrix.real.tolist(), "im": matrix.imag.tolist()},
    }[given_as]
    plain = read_operators({"n": typed}, "system.operators")
    assert isinstance(plain["n"], list) == real
    again = read_operators(tomllib.loads(tomli_w.dumps(json.loads(json.dumps(plain)))), "system.operators")
    assert again == plain
    np.testing.assert_array_equal(matrix_of(again["n"]), matrix)


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ([[1, 2]], "square"),
        ([[1, 2], [3]], "not a matrix"),
        ("X", "not a matrix"),
        ([[True, False], [False, True]], "not a matrix"),
        ([[np.nan, 0], [0, 1]], "finite"),
        ([["a", 0], [0, 1]], "finite"),
        (np.eye(1), "dimension 1"),
        (np.eye(17), "dimension 17"),
        (np.zeros((2, 2, 2)), "square"),
        ({"re": [[1, 0], [0, 1]]}, "not a matrix"),
        ({"re": [[1, 0], [0, 1]], "im": [[1]]}, "shape"),
        ({"re": [[1, 0], [0, 1j]], "im": [[0, 0], [0, 0]]}, "not real"),
        (object(), "not a matrix"),
        (None, "not a matrix"),
    ],
)
def test_what_is_no_operator(matrix, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        read_operators({"n": matrix}, "system.operators")
    assert "system.operators.n" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def test_a_ragged_matrix_has_a_remedy():
    with pytest.raises(InvalidInput, match="rows of equal length"):
        read_operators({"n": [[1, 2], [3]]}, "system.operators")


def test_an_operator_of_another_library_is_accepted():
    class Quantum:
        def full(self):
            return np.diag([1.0, 2.0])

    assert read_operators({"n": Quantum()}, "system.operators") == {"n": [[1.0, 0.0], [0.0, 2.0]]}


def test_a_pauli_string_keeps_its_meaning():
    with pytest.raises(InvalidInput, match="Pauli string"):
        read_operators({"XX": np.eye(4)}, "system.operators")


def read(text, operators=None):
    graph = Graph()
    plain = read_operators(operators, "system.operators")
    terms = read_sum(graph, text, {"a": "c_0", "b": "p_0"}, plain, "system.energy")
    return {term.name: float(graph.evaluate(term.coefficient, {"c_0": 3.0, "p_0": 0.5})) for term in terms}


def test_coefficients():
    assert read("a/2*X + b*Z") == {"X": 1.5, "Z": 0.5}
    assert read("-X") == {"X": -1.0}
    assert read("(a*XX + exp(b)*(ZZ - a*YY))/2") == pytest.approx(
        {"XX": 1.5, "ZZ": np.exp(0.5) / 2, "YY": -1.5 * np.exp(0.5)}, rel=1e-15
    )
    assert read("X - X + Z") == {"X": 0.0, "Z": 1.0}
    assert read("a*n + b*m", {"n": np.diag([0, 1, 2]), "m": np.ones((3, 3))}) == {"n": 3.0, "m": 0.5}
    assert read("n + X", {"n": np.eye(2)}) == {"n": 1.0, "X": 1.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("X*Z", "a product or a function of operators.*Pauli string"),
        ("X**2", "a product or a function"),
        ("a/X", "a product or a function"),
        ("sin(X)", "a product or a function"),
        ("X + a", "a term without operator.*multiply it with I"),
        ("ZZ + 1", "multiply it with II"),
        ("a", "no operator"),
        ("X + ZZ", "X has dimension 2 and ZZ has 4"),
        ("XXXXX", "not declared"),
        ("X < Z", "condition"),
        ("X + c*Z", "'c' is not declared.*operators are Pauli strings"),
        (3.0, "a formula is text"),
        ("", "empty"),
    ],
)
def test_what_is_no_sum_of_operators(text, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        read(text)
    assert "system.energy" in str(caught.value)


def test_hermitian_to_rounding():
    basis = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    assert is_hermitian(basis @ np.diag([1.0, 2, 3, 4]) @ basis.T)
    assert not is_hermitian(pauli_string("P"))
    assert not is_hermitian(np.array([[0, 1], [1 + 1e-9, 0]], dtype=complex))
