"""Own linear algebra against SciPy, to rounding; and the matrices it must refuse."""

import numpy as np
import pytest
import scipy.linalg

from fluctua.stochastic.linear import (
    Gaussian,
    NotPositiveError,
    SingularError,
    cholesky,
    lyapunov,
    product,
    solve,
)

DIMENSIONS = [1, 2, 3, 8, 16]


def stable_drift(n: int, seed: int) -> np.ndarray:
    """Random matrix whose eigenvalues have positive real parts: symmetric positive plus antisymmetric."""
    random = np.random.default_rng(seed)
    root, turn = random.standard_normal((2, n, n))
    return root @ root.T / n + 0.5 * np.eye(n) + turn - turn.T


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("n", DIMENSIONS)
def test_cholesky_agrees_with_scipy(n: int) -> None:
    drift = stable_drift(n, seed=n)
    matrix = drift + drift.T
    rounding = n * np.finfo(float).eps * np.linalg.cond(matrix)
    assert relative_error(cholesky(matrix), scipy.linalg.cholesky(matrix, lower=True)) <= rounding


@pytest.mark.parametrize("n", DIMENSIONS)
@pytest.mark.parametrize("columns", [(), (3,)])
def test_solve_agrees_with_scipy(n: int, columns: tuple[int, ...]) -> None:
    matrix = stable_drift(n, seed=10 + n)
    right = np.random.default_rng(n).standard_normal((n, *columns))
    rounding = 10 * n * np.finfo(float).eps * np.linalg.cond(matrix)
    assert relative_error(solve(matrix, right), scipy.linalg.solve(matrix, right)) <= rounding


@pytest.mark.parametrize("n", DIMENSIONS)
def test_lyapunov_agrees_with_scipy(n: int) -> None:
    drift = stable_drift(n, seed=20 + n)
    diffusion = np.diag(1.0 + np.arange(n))
    expected = scipy.linalg.solve_continuous_lyapunov(drift, diffusion)
    found = lyapunov(drift, diffusion)
    sum_of_eigenvalues = np.abs(np.add.outer(*2 * [np.linalg.eigvals(drift)]))
    rounding = 100 * n * np.finfo(float).eps * sum_of_eigenvalues.max() / sum_of_eigenvalues.min()
    assert relative_error(found, expected) <= rounding
    assert np.array_equal(found, found.T)


def test_product_is_the_matrix_product() -> None:
    left, right = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    assert np.array_equal(product(left, right), left @ right)


def test_units_do_not_make_a_system_singular() -> None:
    """A bead in SI: positions in nanometres, velocities in millimetres a second, mass of picograms."""
    mass, friction, stiffness, kt = 1e-15, 8e-9, 1e-6, 4.1e-21
    drift = [[0.0, -1.0], [stiffness / mass, friction / mass]]
    covariance = lyapunov(drift, [[0.0, 0.0], [0.0, 2 * friction * kt / mass**2]])
    assert covariance[0, 0] == pytest.approx(kt / stiffness, rel=1e-12)
    assert covariance[1, 1] == pytest.approx(kt / mass, rel=1e-12)
    assert abs(covariance[0, 1]) <= 1e-12 * np.sqrt(covariance[0, 0] * covariance[1, 1])


@pytest.mark.parametrize("matrix", [[[0.0]], [[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, np.nan]]])
def test_singular_matrices_are_refused(matrix: list[list[float]]) -> None:
    with pytest.raises(SingularError):
        solve(matrix, np.ones(len(matrix)))


@pytest.mark.parametrize(
    "matrix", [[[0.0]], [[-1.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]], [[np.nan]]]
)
def test_matrices_that_are_not_positive_are_refused(matrix: list[list[float]]) -> None:
    with pytest.raises(NotPositiveError):
        cholesky(matrix)


def test_a_rotation_has_no_stationary_covariance() -> None:
    with pytest.raises(SingularError):
        lyapunov([[0.0, 1.0], [-1.0, 0.0]], np.eye(2))


def test_gaussian_maps_normals_by_its_factor() -> None:
    law = Gaussian(np.array([1.0, -1.0]), np.array([[2.0, 0.0], [3.0, 4.0]]))
    drawn = law.draw(np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert np.array_equal(drawn, [[3.0, 1.0], [2.0, 3.0]])
