"""Small dense linear algebra with the same bits on every machine.

Everything here is made of ``+ - * / sqrt`` on single elements, in a fixed order. LAPACK and BLAS choose their
order of operations by processor, so a starting state drawn through them would differ between machines.
Dimensions are those of one small system (up to 16 for a covariance); speed does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

#: A pivot below this fraction of what elimination started from is rounding, not information.
_SMALLEST_PIVOT = 1e-13


class SingularError(ArithmeticError):
    """A matrix has no inverse to working precision."""


class NotPositiveError(ArithmeticError):
    """A symmetric matrix is not positive definite to working precision."""


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A multivariate normal law, ``x = mean + factor @ z`` with independent standard normals ``z``.

    Parameters
    ----------
    mean : (n,) array
    factor : (n, n) array
        Lower triangular; ``factor @ factor.T`` is the covariance.
    """

    mean: Array
    factor: Array

    def draw(self, normals: Array) -> Array:
        """Map standard normals, shape (n, N), to states, shape (n, N)."""
        states = np.repeat(self.mean[:, None], normals.shape[1], axis=1)
        for row in range(len(self.mean)):
            for column in range(row + 1):
                states[row] += self.factor[row, column] * normals[column]
        return states


def product(left: ArrayLike, right: ArrayLike) -> Array:
    """Matrix product, summed in index order.

    Parameters
    ----------
    left : (n, m) array
    right : (m, k) array

    Returns
    -------
    (n, k) array
    """
    left, right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    result = np.zeros((left.shape[0], right.shape[1]))
    for inner in range(left.shape[1]):
        result += left[:, inner, None] * right[None, inner]
    return result


def cholesky(matrix: ArrayLike) -> Array:
    """Lower triangular ``L`` with ``L @ L.T = matrix``.

    Parameters
    ----------
    matrix : (n, n) array, symmetric

    Returns
    -------
    (n, n) array

    Raises
    ------
    NotPositiveError
        If a pivot is not larger than 1e-13 of the diagonal element it came from.
    """
    rest = np.array(matrix, dtype=np.float64)
    threshold = _SMALLEST_PIVOT * np.abs(np.diagonal(rest)).copy()
    factor = np.zeros_like(rest)
    for column in range(len(rest)):
        pivot = rest[column, column]
        if not (np.isfinite(pivot) and pivot > threshold[column]):
            raise NotPositiveError(f"pivot {column} is {pivot}")
        factor[column:, column] = rest[column:, column] / np.sqrt(pivot)
        below = factor[column + 1 :, column]
        rest[column + 1 :, column + 1 :] -= below[:, None] * below[None, :]
    return factor


def solve(matrix: ArrayLike, right: ArrayLike) -> Array:
    """Solve ``matrix @ x = right`` by Gaussian elimination with partial pivoting.

    Rows and columns are first scaled by powers of two (exact), so that quantities of very different units,
    such as the position and velocity of a bead in SI, do not look singular.

    Parameters
    ----------
    matrix : (n, n) array
    right : (n,) or (n, m) array

    Returns
    -------
    array of the shape of `right`

    Raises
    ------
    SingularError
        If a pivot is below 1e-13 of the scaled matrix.
    """
    upper = np.array(matrix, dtype=np.float64)
    result = np.array(right, dtype=np.float64)
    values = result.reshape(len(upper), -1)
    rows = _power_of_two(upper, axis=1)
    columns = _power_of_two(upper * rows[:, None], axis=0)
    upper *= rows[:, None] * columns
    values *= rows[:, None]
    _eliminate(upper, values)
    _substitute_back(upper, values)
    values *= columns[:, None]
    return result


def lyapunov(drift: ArrayLike, diffusion: ArrayLike) -> Array:
    """Stationary covariance ``S`` of ``dx = -drift x dt + noise``: ``drift S + S drift^T = diffusion``.

    The equation is linear in the n (n + 1) / 2 elements of the symmetric ``S``, and is solved as such.

    Parameters
    ----------
    drift : (n, n) array
    diffusion : (n, n) array, symmetric
        The noise's covariance per unit time (twice the diffusion constant on its diagonal).

    Returns
    -------
    (n, n) array, symmetric

    Raises
    ------
    SingularError
        If two eigenvalues of `drift` add to zero: no unique stationary covariance.
    """
    drift, diffusion = np.asarray(drift, dtype=np.float64), np.asarray(diffusion, dtype=np.float64)
    pairs = [(i, j) for i in range(len(drift)) for j in range(i + 1)]
    number = {pair: index for index, pair in enumerate(pairs)}
    matrix = np.zeros((len(pairs), len(pairs)))
    for equation, (i, j) in enumerate(pairs):
        for k in range(len(drift)):
            matrix[equation, number[max(k, j), min(k, j)]] += drift[i, k]
            matrix[equation, number[max(k, i), min(k, i)]] += drift[j, k]
    elements = solve(matrix, [diffusion[pair] for pair in pairs])
    covariance = np.empty_like(drift)
    for (i, j), element in zip(pairs, elements, strict=True):
        covariance[i, j] = covariance[j, i] = element
    return covariance


def _power_of_two(matrix: Array, axis: int) -> Array:
    """Powers of two that bring the largest magnitude along `axis` into [1/2, 1)."""
    largest = np.abs(matrix).max(axis=axis)
    if not np.all(np.isfinite(largest)) or not np.all(largest > 0):
        raise SingularError("a row or column is zero or not finite")
    power: Array = np.ldexp(1.0, -np.frexp(largest)[1])
    return power


def _eliminate(upper: Array, values: Array) -> None:
    """Bring `upper` to triangular form in place, carrying `values` along."""
    for column in range(len(upper)):
        pivot = column + int(np.argmax(np.abs(upper[column:, column])))
        if abs(upper[pivot, column]) < _SMALLEST_PIVOT:
            raise SingularError(f"pivot {column} is {upper[pivot, column]}")
        upper[[column, pivot]] = upper[[pivot, column]]
        values[[column, pivot]] = values[[pivot, column]]
        factors = upper[column + 1 :, column] / upper[column, column]
        upper[column + 1 :, column:] -= factors[:, None] * upper[None, column, column:]
        values[column + 1 :] -= factors[:, None] * values[None, column]


def _substitute_back(upper: Array, values: Array) -> None:
    """Solve the triangular system in place."""
    for row in reversed(range(len(upper))):
        values[row] /= upper[row, row]
        values[:row] -= upper[:row, row, None] * values[None, row]
