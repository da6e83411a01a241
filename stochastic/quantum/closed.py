"""Closed quantum systems: the exact law of what two measurements of the energy give.

A system starts in a mixture of energy levels, ``p_n``, is driven by a unitary ``U``, and is measured again:

    P(W) = sum over n, m of p_n |<m| U |n>|^2 delta(W - (E_m' - E_n))

Started in equilibrium, ``<exp(-beta W)> = Z_1 / Z_0`` for any U. These are atoms, not a density: compare
probabilities, not histograms. A coherent start has no such law, as the first measurement destroys it.

H. Tasaki, arXiv:cond-mat/0009244 (2000); J. Kurchan, arXiv:cond-mat/0007360 (2000); P. Talkner, E. Lutz,
P. Hanggi, Phys. Rev. E 75, 050102 (2007).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.streams import draw_uniforms

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fluctua.stochastic.hamiltonian import Hamiltonian
    from fluctua.stochastic.schedule import Schedule

    Complex = NDArray[np.complex128]
    Floats = NDArray[np.float64]

#: Values nearer than this, in units of the largest, are one atom.
SAME_VALUE = 1e-9


@dataclass(frozen=True, eq=False)
class Atoms:
    """A law of finitely many values.

    Parameters
    ----------
    values : (n,) array
        Ascending and different.
    probabilities : (n,) array
        They sum to 1.
    """

    values: Floats
    probabilities: Floats

    def mean(self) -> float:
        """Return the mean."""
        return float(self.probabilities @ self.values)

    def variance(self) -> float:
        """Return the variance."""
        return float(self.probabilities @ (self.values - self.mean()) ** 2)

    def log_generating_function(self, s: float) -> float:
        """Return ``ln <exp(s W)>``."""
        exponents = s * self.values
        largest = float(exponents.max())
        return largest + float(np.log(self.probabilities @ np.exp(exponents - largest)))

    def probability(self, value: float) -> float:
        """Return the probability of one value, zero where there is no atom."""
        near = np.abs(self.values - value) <= SAME_VALUE * max(1.0, float(np.abs(self.values).max()))
        return float(self.probabilities[near].sum())

    def sample(self, count: int, seed: int, *, first: int = 0, direction: str = "forward") -> Floats:
        """Draw values, the same for the same seed.

        Parameters
        ----------
        count : int
            Number of draws.
        seed : int
            From 0 to 2**64 - 1.
        first : int
            Number of the first draw: draws 0 to 9 are draws 0 to 4 and then 5 to 9.
        direction : {"forward", "reverse"}
            Draws of the two are independent.

        Returns
        -------
        (count,) array
        """
        return self.values[draw_outcomes(self.probabilities, count, seed, first=first, direction=direction)]


def draw_outcomes(
    probabilities: Floats, count: int, seed: int, *, first: int = 0, direction: str = "forward"
) -> NDArray[np.int64]:
    """Draw numbers of outcomes with given probabilities, shape (count,)."""
    uniforms = draw_uniforms(seed, direction, "initial", first, count, 1)[0]
    # The last bound is left out: what rounding leaves above the sum is the last outcome.
    drawn: NDArray[np.int64] = np.searchsorted(np.cumsum(probabilities)[:-1], uniforms, side="right")
    return drawn


def work_law(
    first: ArrayLike,
    unitary: ArrayLike,
    last: ArrayLike,
    *,
    beta: float | None = None,
    populations: ArrayLike | None = None,
) -> Atoms:
    """Return the law of the work between two measurements of the energy.

    Parameters
    ----------
    first, last : (d, d) arrays, energy
        The Hamiltonians that are measured.
    unitary : (d, d) array
        What happens in between; the identity for a sudden change.
    beta : float, 1 / energy, optional
        The start is the Gibbs state at this inverse temperature;
    populations : (d,) array, optional
        or these probabilities of the levels, by ascending energy.

    Raises
    ------
    InvalidInput
        Unless exactly one start is given; if `unitary` is not unitary.
    """
    (before, kets), (after, bras) = np.linalg.eigh(np.asarray(first)), np.linalg.eigh(np.asarray(last))
    moves = transition_probabilities(kets, np.asarray(unitary, dtype=np.complex128), bras)
    start = start_populations(before, beta, populations)
    values, chances = merged((after[:, None] - before).reshape(-1, 1), (moves * start).reshape(-1))
    return Atoms(values[:, 0], chances)


def start_populations(energies: Floats, beta: float | None, populations: ArrayLike | None) -> Floats:
    """Return the probabilities of levels, ascending: in equilibrium, or those that are given."""
    if (beta is None) == (populations is None):
        raise InvalidInput("no single start", "beta, populations", "give one of them")
    if beta is not None:
        weights = np.exp(-beta * (energies - energies[0]))
        equilibrium: Floats = weights / weights.sum()
        return equilibrium
    given = np.asarray(populations, dtype=np.float64)
    if given.shape != energies.shape or given.min() < 0.0 or abs(given.sum() - 1.0) > SAME_VALUE:
        raise InvalidInput("not probabilities of the levels", "populations", "give one each, of sum 1")
    return given


def transition_probabilities(kets: Complex, unitary: Complex, bras: Complex) -> Floats:
    """Return ``|<m| U |n>|^2``, shape (m, n); eigenvectors stand in columns."""
    if np.abs(unitary.conj().T @ unitary - np.eye(len(unitary))).max() > SAME_VALUE:
        raise InvalidInput("not unitary", "unitary", "give U with U^+ U = 1")
    probabilities: Floats = np.abs(bras.conj().T @ unitary @ kets) ** 2
    return probabilities


def merged(values: Floats, chances: Floats) -> tuple[Floats, Floats]:
    """Join rows of `values`, shape (N, m), that are equal to rounding, and add their chances.

    Returns
    -------
    values : (n, m) array
        Ascending by columns, each the mean of those that it joins; outcomes without a chance are left out.
    chances : (n,) array
        Made to sum to 1.
    """
    kept = chances > 0.0
    values, chances = values[kept], chances[kept] / chances[kept].sum()
    tolerance = SAME_VALUE * max(1.0, float(np.abs(values).max()))
    rows, totals = [], []
    while len(values):
        same = (np.abs(values - values[0]) <= tolerance).all(axis=1)
        totals.append(float(chances[same].sum()))
        rows.append(chances[same] @ values[same] / totals[-1])
        values, chances = values[~same], chances[~same]
    found = np.array(rows)
    order = np.lexsort(found.T[::-1])
    return found[order], np.array(totals)[order]


def unitary_of(pieces: Iterable[tuple[ArrayLike, float]], dimension: int, *, hbar: float = 1.0) -> Complex:
    """Return ``... exp(-i H_2 t_2 / hbar) exp(-i H_1 t_1 / hbar)`` of Hamiltonians held for some time."""
    unitary = np.eye(dimension, dtype=np.complex128)
    for hamiltonian, duration in pieces:
        energies, vectors = np.linalg.eigh(np.asarray(hamiltonian, dtype=np.complex128))
        unitary = (vectors * np.exp(-1j * duration / hbar * energies)) @ vectors.conj().T @ unitary
    return unitary


def scheduled_work_law(
    hamiltonian: Hamiltonian, schedule: Schedule, *, beta: float | None = None, hbar: float = 1.0
) -> Atoms:
    """Return the law of the work that a schedule does on an isolated system from equilibrium.

    The exact companion of a run whose steps are all isolated, or whose dynamics has no bath.

    Parameters
    ----------
    hamiltonian : Hamiltonian
    schedule : Schedule
    beta : float, 1 / energy, optional
        Of the start; left out, that of the schedule's first bath.
    hbar : float, energy time

    Raises
    ------
    InvalidInput
        If a bath is connected at some time.
    """
    if schedule.coupled.any():
        raise InvalidInput("a bath is connected", "protocol", "use Isolated steps, or ask Lindblad")
    first = hamiltonian.matrices(schedule.start_controls[None]).complex[0]
    last = hamiltonian.matrices(schedule.end_controls[None]).complex[0]
    held = hamiltonian.matrices(schedule.controls).complex if schedule.steps else np.zeros((0, *first.shape))
    unitary = unitary_of([(h, schedule.move) for h in held], len(first), hbar=hbar)
    return work_law(first, unitary, last, beta=float(schedule.start_beta[0]) if beta is None else beta)
