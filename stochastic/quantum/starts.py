"""Where wave functions start: a level or an eigenvector, drawn by probabilities, or one superposition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic import lanes, streams
from fluctua.stochastic.first_instant import Start
from fluctua.stochastic.quantum.matrices import hermitian_eigen

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fluctua.stochastic.quantum.matrices import Matrices

    Floats = NDArray[np.float64]


def gibbs(energies: Floats, beta: float) -> Floats:
    """Give the populations of equilibrium, shape (d,)."""
    weights: Floats = lanes.exp(-beta * (energies - energies.min()))
    populations: Floats = weights / np.cumsum(weights)[-1]
    return populations


def from_populations(
    vectors: Matrices, weights: Floats, *, seed: int, direction: str, facts: dict[str, object]
) -> Start:
    """Start each trajectory in a level, drawn by its population.

    Parameters
    ----------
    vectors : Matrices
        One row: the eigenvectors at the first instant.
    weights : (d,) array
        Populations.
    """
    levels = np.arange(vectors.dimension, dtype=np.float64)
    states = np.concatenate([vectors.re[0], vectors.im[0], levels[None]])
    return _drawn(states, weights, seed, direction, {**facts, "populations": [float(w) for w in weights]})


def from_matrix(density: Matrices, *, seed: int, direction: str, facts: dict[str, object]) -> Start:
    """Start each trajectory from an eigenvector of a density matrix, drawn by its eigenvalue.

    Nothing is measured. Averages know the density matrix alone, whatever states it is made up of.
    """
    values, vectors = hermitian_eigen(density)
    weights = np.maximum(values[0], 0.0)  # what is below is rounding
    weights = weights / np.cumsum(weights)[-1]
    states = np.concatenate([vectors.re[0], vectors.im[0], np.full((1, len(weights)), -1.0)])
    return _drawn(states, weights, seed, direction, {**facts, "eigenvalues": [float(w) for w in weights]})


def _drawn(states: Floats, weights: Floats, seed: int, direction: str, facts: dict[str, object]) -> Start:
    """Draw one of some states, shape (2 d + 1, d), by their probabilities."""
    cumulative = np.cumsum(weights)

    def draw(first: int, count: int) -> Floats:
        number = streams.draw_uniforms(seed, direction, "initial", first, count, 1)[0]
        return states.take(streams.choose(cumulative[:-1], number * cumulative[-1]), axis=1)

    return Start(draw, facts)


def from_amplitudes(amplitudes: ArrayLike, facts: dict[str, object]) -> Start:
    """Start all trajectories from one wave function, given in the fixed basis; nothing is measured."""
    state = np.asarray(amplitudes, dtype=np.complex128)
    column = np.concatenate([state.real, state.imag, [-1.0]])

    def draw(_first: int, count: int) -> Floats:
        return np.repeat(column[:, None], count, axis=1)

    return Start(draw, facts)
