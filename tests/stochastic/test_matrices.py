"""Small complex matrices: LAPACK and SciPy are the oracle, to rounding bounds; rows do not see each other."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fluctua.stochastic.quantum.matrices import (
    Matrices,
    commutator,
    exponential,
    hermitian_eigen,
    transformed,
)

EPS = np.finfo(float).eps


def random_matrices(seed, rows, d, scale=1.0):
    generator = np.random.default_rng(seed)
    return scale * (generator.normal(size=(rows, d, d)) + 1j * generator.normal(size=(rows, d, d)))


def hermitian(matrices):
    return matrices + matrices.conj().swapaxes(1, 2)


def with_values(seed, values):
    """Give a Hermitian matrix with these eigenvalues in a random basis."""
    d = len(values)
    basis = scipy.linalg.qr(random_matrices(seed, 1, d)[0])[0]
    return ((basis * np.asarray(values)) @ basis.conj().T)[None]


def check_eigen(matrices):
    """The definition of an eigenbasis, within rounding: d sums of d terms in some ten sweeps."""
    values, vectors = hermitian_eigen(Matrices.of(matrices))
    d = matrices.shape[1]
    v = vectors.complex
    size = np.abs(matrices).max(axis=(1, 2))[:, None, None]
    bound = 30 * d * EPS
    adjoint = v.conj().swapaxes(1, 2)
    assert (np.abs(adjoint @ v - np.eye(d)) <= bound).all()
    assert (np.abs(v @ (values[:, :, None] * adjoint) - matrices) <= bound * size * d).all()
    assert (np.diff(values, axis=1) >= 0).all()
    oracle = np.linalg.eigvalsh(matrices)
    assert (np.abs(values - oracle) <= bound * size[:, :, 0] * d).all()


@pytest.mark.parametrize("d", [1, 2, 3, 4, 8, 16])
def test_eigenbasis_of_random_matrices(d):
    check_eigen(hermitian(random_matrices(11, 40, d)))


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 1.0],
        [0.0, 0.0, 0.0],
        [1.0, 1.0, 1.0, 2.0, 2.0],
        [1.0, 1.0 + 1e-15, 1.0 + 2e-15],
        [-1e300, 3e299, 1e300],
        [-1e-300, 3e-301, 1e-300],
        [1e-200, 1.0, 1e10],
        [-1.0, -1.0, 1.0, 1.0, 0.0, 0.0, 1e-13, -1e-13],
    ],
)
def test_eigenbasis_of_degenerate_large_and_tiny_matrices(values):
    matrix = with_values(12, values)
    check_eigen(hermitian(matrix) / 2)


def test_eigenbasis_of_what_is_diagonal_is_sorted_and_exact():
    values, vectors = hermitian_eigen(Matrices.of(np.diag([3.0, 1.0, 2.0])))
    np.testing.assert_array_equal(values, [[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(vectors.complex[0], np.eye(3)[:, [1, 2, 0]])


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 6), st.floats(-9, 9), st.integers(0, 5))
@example(0, 2, 0.0, 0)
def test_eigenbasis_of_sparse_matrices(seed, d, decade, zeros):
    """Elements of very different sizes, and zeros, as Hamiltonians have."""
    generator = np.random.default_rng(seed)
    matrix = random_matrices(seed, 3, d, 10.0**decade) * 10.0 ** generator.integers(-12, 1, size=(3, d, d))
    matrix[generator.random((3, d, d)) < zeros / 6] = 0.0
    check_eigen(hermitian(matrix))


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 6), st.floats(-8, 2))
def test_exponential_of_any_matrix(seed, d, decade):
    """SciPy is good to a few roundings times norm too: the bound counts both."""
    matrix = random_matrices(seed, 2, d, 10.0**decade / d)
    norm = np.abs(matrix).sum(axis=1).max(axis=1)
    ours = exponential(Matrices.of(matrix)).complex
    for row in range(2):
        oracle = scipy.linalg.expm(matrix[row])
        condition = scipy.linalg.expm_cond(matrix[row]) if d > 1 else norm[row]
        bound = 100 * EPS * (max(1.0, condition) + norm[row]) * np.linalg.norm(oracle)
        assert np.linalg.norm(ours[row] - oracle) <= bound


@pytest.mark.parametrize("d", [2, 4, 16])
def test_exponential_of_a_step_is_good_to_1e_14(d):
    generators = -0.05j * hermitian(random_matrices(13, 5, d)) - 0.01 * np.eye(d)
    ours = exponential(Matrices.of(generators)).complex
    for matrix, result in zip(generators, ours, strict=True):
        assert np.abs(result - scipy.linalg.expm(matrix)).max() < 1e-14


def test_exponential_against_known_ones():
    """exp(-i a X) = cos a - i sin a X; a nilpotent matrix; zero."""
    a = np.array([0.1, 1.0, 30.0])
    pauli = np.array([[0, 1], [1, 0]])
    result = exponential(Matrices.of(-1j * a[:, None, None] * pauli)).complex
    known = np.cos(a)[:, None, None] * np.eye(2) - 1j * np.sin(a)[:, None, None] * pauli
    assert (np.abs(result - known) <= 10 * EPS * np.maximum(a, 1)[:, None, None]).all()
    shift = exponential(Matrices.of(np.array([[0, 3.0], [0, 0]]))).complex
    np.testing.assert_array_equal(shift[0], [[1, 3], [0, 1]])
    np.testing.assert_array_equal(exponential(Matrices.of(np.zeros((3, 3)))).complex[0], np.eye(3))


def test_algebra_against_numpy():
    a, b = random_matrices(14, 7, 5), random_matrices(15, 7, 5)
    p, q = Matrices.of(a), Matrices.of(b)
    pairs = [
        (p @ q, a @ b),
        (p + q, a + b),
        (p - q, a - b),
        (p.adjoint, a.conj().swapaxes(1, 2)),
        (commutator(p, q), a @ b - b @ a),
        (p.times(2.0, -3.0), (2 - 3j) * a),
        (p[1:2] @ q, a[1:2] @ b),
        (transformed(p, q), b.conj().swapaxes(1, 2) @ a @ b),
        (Matrices.diagonal(a[:, 0].real), np.stack([np.diag(row) for row in a[:, 0].real])),
    ]
    for ours, known in pairs:
        assert np.abs(ours.complex - known).max() <= 50 * EPS * np.abs(known).max()
    re, im = p.trace
    np.testing.assert_allclose(re + 1j * im, np.trace(a, axis1=1, axis2=2), rtol=10 * EPS, atol=10 * EPS)
    assert (p.one_norm >= np.abs(np.linalg.eigvals(a)).max(axis=1)).all()
    np.testing.assert_array_equal(p.largest, np.maximum(abs(a.real), abs(a.imag)).max(axis=(1, 2)))


def test_a_row_does_not_see_the_rows_beside_it():
    """A matrix that needs many sweeps and squarings stands beside one that needs none."""
    rows = hermitian(random_matrices(16, 30, 6)) * np.logspace(-8, 8, 30)[:, None, None]
    rows[7] = np.diag(np.arange(6.0))
    values, vectors = hermitian_eigen(Matrices.of(rows))
    grown = exponential(Matrices.of(-1e-6j * rows))
    for k in range(30):
        alone, basis = hermitian_eigen(Matrices.of(rows[k]))
        assert alone.tobytes() == values[k : k + 1].tobytes()
        assert basis.complex.tobytes() == vectors[k : k + 1].complex.tobytes()
        single = exponential(Matrices.of(-1e-6j * rows[k]))
        assert single.complex.tobytes() == grown[k : k + 1].complex.tobytes()


def test_what_is_not_finite_stays_in_its_row():
    rows = hermitian(random_matrices(17, 3, 2))
    rows[1, 0, 0] = np.nan
    values, _ = hermitian_eigen(Matrices.of(rows))
    assert np.isnan(values[1]).all()
    assert np.isfinite(values[[0, 2]]).all()
    grown = exponential(Matrices.of(rows)).complex
    assert np.isnan(grown[1]).any()
    assert np.isfinite(grown[[0, 2]]).all()


def test_no_rows_are_no_rows():
    values, vectors = hermitian_eigen(Matrices.identity(0, 3))
    assert values.shape == (0, 3)
    assert vectors.rows == 0
    assert exponential(Matrices.identity(0, 3)).rows == 0
