"""The Lindblad equation along a list of generators, each held for a while: states and means.

Between two of them the Hamiltonian changes at frozen state, which is work, ``Tr dH rho``; while one is held,
each jump carries a quantum of heat::

    <Q_nu> = sum_k q_k int Tr L_k^+ L_k rho dt          <E(tau) - E(0)> = <W> + sum_nu <Q_nu>
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.quantum.generator import Generator, exponential_action

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Complex = NDArray[np.complex128]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Piece:
    """A generator held for some time.

    Parameters
    ----------
    held : Generator
    duration : float, time
        Zero at an instant where only the Hamiltonian matters: the ends of strokes.
    beta : (B,) array, 1 / energy
        Inverse temperature of each bath.
    """

    held: Generator
    duration: float
    beta: Floats

    def propagated(self, apply: Callable[[Complex], Complex], norm: float, vector: Complex) -> Complex:
        """Return ``exp(duration apply) vector``; `norm`, 1 / time, is not less than that of `apply`."""
        time = self.duration
        return exponential_action(lambda x: time * apply(x), time * norm, vector) if time else vector


@dataclass(frozen=True, eq=False)
class Evolution:
    """The exact companion of quantum jumps along a list of pieces.

    Parameters
    ----------
    pieces : tuple of Piece
        The first and the last give the Hamiltonians at both ends.
    start : (d, d) array of complex
        Density matrix before the first piece.
    bath_names : tuple of str
    """

    pieces: tuple[Piece, ...]
    start: Complex
    bath_names: tuple[str, ...] = ("bath",)

    @cached_property
    def _solved(self) -> tuple[Complex, Complex]:
        """States before each piece and at the end, and their integrals over each piece, flattened."""
        states, integrals = [np.asarray(self.start, dtype=np.complex128).reshape(-1)], []
        for piece in self.pieces:
            after, integral = _with_integral(piece, states[-1])
            states.append(after)
            integrals.append(integral)
        shape = (-1, *self.start.shape)
        return np.array(states).reshape(shape), np.array(integrals).reshape(shape)

    @property
    def states(self) -> Complex:
        """Density matrix before each piece and at the end, shape (P + 1, d, d)."""
        return self._solved[0]

    @property
    def final(self) -> Complex:
        """Density matrix at the end, shape (d, d)."""
        last: Complex = self.states[-1]
        return last

    @cached_property
    def counts(self) -> tuple[Floats, ...]:
        """Mean number of jumps of each channel during each piece: an array of shape (K,) for each."""
        integrals = self._solved[1]
        return tuple(piece.held.rates(part) for piece, part in zip(self.pieces, integrals, strict=True))

    @property
    def populations(self) -> Floats:
        """Of the energy levels, ascending, before each piece and at the end, shape (P + 1, d)."""
        owners = [*self.pieces, self.pieces[-1]]
        rows = [outcomes(levels(piece)[1], state) for piece, state in zip(owners, self.states, strict=True)]
        return np.array(rows)

    def heat(self) -> Floats:
        """Return the mean heat from each bath in each piece, energy, shape (P, B)."""
        baths = len(self.bath_names)
        rows = [
            piece.held.per_bath(piece.held.quantum * count, baths)
            for piece, count in zip(self.pieces, self.counts, strict=True)
        ]
        return np.array(rows, dtype=np.float64).reshape(-1, baths)

    def power_work(self) -> Floats:
        """Return the mean work of each change of the Hamiltonian, ``Tr dH rho``, energy, shape (P - 1,)."""
        changes = np.diff(np.array([piece.held.hamiltonian for piece in self.pieces]), axis=0)
        work: Floats = np.einsum("pab,pba->p", changes, self.states[1:-1]).real
        return work

    def mean_heat(self) -> Floats:
        """Return the mean heat from each bath, energy, shape (B,)."""
        heat: Floats = self.heat().sum(axis=0)
        return heat

    def mean_energy_change(self) -> float:
        """Return ``Tr H_1 rho_1 - Tr H_0 rho_0``, energy."""
        return self._energy(-1) - self._energy(0)

    def mean_work(self) -> float:
        """Return the mean work of the measured trajectories, energy change less heat.

        It is the sum of `power_work` where every channel has a definite quantum, ``[H, L_k] = q_k L_k``;
        elsewhere the difference is done by the switching of the couplings.
        """
        return self.mean_energy_change() - float(self.mean_heat().sum())

    def mean_activity(self) -> float:
        """Return the mean number of jumps."""
        return float(sum(count.sum() for count in self.counts))

    def mean_entropy_flow(self) -> float:
        """Return the mean of ``-sum_nu beta_nu dQ_nu``, k_B."""
        betas = np.array([piece.beta for piece in self.pieces])
        return -float((betas * self.heat()).sum())

    def mean_dimensionless_work(self) -> float:
        """Return the mean of ``Delta(beta E) - sum beta dQ``, where all baths share one temperature."""
        change = self.pieces[-1].beta[0] * self._energy(-1) - self.pieces[0].beta[0] * self._energy(0)
        return float(change) + self.mean_entropy_flow()

    def _energy(self, end: int) -> float:
        return float(np.trace(self.pieces[end].held.hamiltonian @ self.states[end]).real)


def levels(piece: Piece) -> tuple[Floats, Complex]:
    """Return energies, ascending, and the energy eigenvectors as columns."""
    energies, vectors = np.linalg.eigh(piece.held.hamiltonian)
    return energies, vectors


def outcomes(vectors: Complex, state: Complex) -> Floats:
    """Return the probabilities ``<m| rho |m>`` of a measurement with eigenvectors in columns."""
    probabilities: Floats = np.einsum("am,ab,bm->m", vectors.conj(), state, vectors).real
    return np.maximum(probabilities, 0.0)


def _with_integral(piece: Piece, state: Complex) -> tuple[Complex, Complex]:
    """Return the state after a piece and its integral over it."""
    if not piece.duration:
        return state, np.zeros_like(state)
    matrix, time = piece.held.superoperator(), piece.duration

    def apply(pair: Complex) -> Complex:
        # The integral is taken in units of the duration, so that the norm is that of the generator.
        return np.stack([matrix @ pair[0], pair[0] / time])

    norm = float(np.abs(matrix).sum(axis=0).max()) + 1.0 / time
    after, mean = piece.propagated(apply, norm, np.stack([state, np.zeros_like(state)]))
    return after, mean * time
