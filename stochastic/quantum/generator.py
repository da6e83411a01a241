"""Lindblad generators held fixed: superoperators, steady states, the split of entropy.

    d rho / dt = -i [H, rho] / hbar + sum_k (L_k rho L_k^+ - {L_k^+ L_k, rho} / 2)

Density matrices are flattened row by row, so ``A rho B`` is ``(A x B^T) rho``. These are
references for the engine, not tables: they use SciPy, and their last bits differ between machines.

G. Lindblad, Commun. Math. Phys. 48, 119 (1976).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fluctua.stochastic.quantum.tables import Held

    Complex = NDArray[np.complex128]
    Floats = NDArray[np.float64]

#: Part of a matrix's largest element that counts as rounding.
_ROUNDING = 1e-10
#: Part of the fastest rate below which all elements of an equation are rounding.
_NOTHING = 1e-12
#: A Taylor series of ``exp(a) v`` with ``|a| <= 1`` ends before this many terms in double precision.
TERMS = 30


@dataclass(frozen=True, eq=False)
class Generator:
    """A Hamiltonian and Lindblad operators, with what a jump of each counts.

    Parameters
    ----------
    hamiltonian : (d, d) array of complex, energy
    operators : (K, d, d) array of complex, time^(-1/2)
        Rates included: channel k jumps at the rate ``Tr L_k^+ L_k rho``.
    bath : (K,) array of int
        The bath of each channel.
    quantum : (K,) array, energy
        Energy that flows into the system with a jump, positive into the system.
    entropy : (K,) array
        ``ln`` of the rate of a channel over that of its way back; ``inf`` where there is none.
    hbar : float, energy time
    """

    hamiltonian: Complex
    operators: Complex
    bath: NDArray[np.int64]
    quantum: Floats
    entropy: Floats
    hbar: float = 1.0

    @property
    def dimension(self) -> int:
        """Number of levels."""
        return len(self.hamiltonian)

    @cached_property
    def activities(self) -> Complex:
        """``L_k^+ L_k`` of each channel, shape (K, d, d): its mean is the channel's rate."""
        activities: Complex = np.einsum("kba,kbc->kac", self.operators.conj(), self.operators)
        return activities

    def jumps(self, weights: ArrayLike) -> Complex:
        """Return ``sum_k w_k L_k . L_k^+`` as a (d^2, d^2) matrix."""
        count, d = len(self.operators), self.dimension
        flat = self.operators.reshape(count, d * d)
        grouped = (np.asarray(weights)[:, None] * flat).T @ flat.conj()
        jumps: Complex = grouped.reshape(d, d, d, d).transpose(0, 2, 1, 3).reshape(d * d, d * d)
        return jumps

    def silence(self) -> Complex:
        """Return the generator of the evolution between jumps, ``-i (H_eff . - . H_eff^+) / hbar``."""
        identity = np.eye(self.dimension)
        effective = -1j / self.hbar * self.hamiltonian - 0.5 * self.activities.sum(axis=0)
        return np.kron(effective, identity) + np.kron(identity, effective.conj())

    def superoperator(self, weights: ArrayLike | None = None) -> Complex:
        """Return the generator as a (d^2, d^2) matrix, with each jump weighted by `weights`, 1 left out.

        Weights ``exp(s c_k)``, real or complex, count c_k with each jump of channel k: the tilted generator.
        """
        return self.silence() + self.jumps(np.ones(len(self.operators)) if weights is None else weights)

    def rates(self, density: ArrayLike) -> Floats:
        """Return the mean rate of each channel, 1 / time."""
        rates: Floats = np.einsum("kab,ba->k", self.activities, np.asarray(density)).real
        return rates

    def heat_currents(self, density: ArrayLike, baths: int) -> Floats:
        """Return the quanta that flow in from each bath, energy / time: ``sum_k q_k Tr L_k^+ L_k rho``."""
        return self.per_bath(self.quantum * self.rates(density), baths)

    def energy_currents(self, density: ArrayLike, baths: int, observable: ArrayLike | None = None) -> Floats:
        """Return what each bath's dissipator adds to an observable, the Hamiltonian left out.

        ``Tr H D_nu(rho)``. It is `heat_currents` where ``[H, L_k] = q_k L_k``; elsewhere the difference is
        work that the switching of the couplings does.
        """
        density = np.asarray(density, dtype=np.complex128)
        seen = self.hamiltonian if observable is None else np.asarray(observable, dtype=np.complex128)
        lift = self.operators.conj().transpose(0, 2, 1) @ seen @ self.operators
        change = lift - 0.5 * (self.activities @ seen + seen @ self.activities)
        gain = np.einsum("kab,ba->k", change, density).real
        return self.per_bath(gain, baths)

    def per_bath(self, values: Floats, baths: int) -> Floats:
        """Return sums over the channels of each bath, shape (B,), of one value for each channel."""
        return np.bincount(self.bath, weights=values, minlength=baths).astype(np.float64)

    def steady_state(self) -> Complex:
        """Return the density matrix that stands still.

        Raises
        ------
        InvalidInput
            If there are several.
        """
        matrix, d = self._balanced[0], self.dimension
        sizes = np.linalg.svd(matrix, compute_uv=False)
        if d > 1 and sizes[-2] <= _ROUNDING * max(sizes[0], np.finfo(float).tiny):
            raise InvalidInput(
                "several steady states", "dynamics", "connect all levels by baths, or start at populations"
            )
        state = self.solved(np.zeros((d, d)), trace=1.0)
        return 0.5 * (state + state.conj().T)

    def solved(self, right: ArrayLike, trace: float) -> Complex:
        """Solve ``L x = right`` for the matrix x of a given trace, shape (d, d); `right` has none.

        In the eigenbasis of the energy, each equation on its own scale: phases may turn many orders of
        magnitude faster than jumps come.
        """
        vectors, (matrix, scale) = self.in_eigenbasis[0], self._balanced
        turned = vectors.conj().T @ np.asarray(right, dtype=np.complex128) @ vectors
        found = _solve_with_trace(matrix, turned.reshape(-1) / scale, trace)
        solution: Complex = vectors @ found.reshape(turned.shape) @ vectors.conj().T
        return solution

    @cached_property
    def in_eigenbasis(self) -> tuple[Complex, Generator]:
        """Eigenvectors of the energy as columns, and the same generator in their basis."""
        energies, vectors = np.linalg.eigh(self.hamiltonian)
        operators = vectors.conj().T @ self.operators @ vectors
        return vectors, replace(
            self, hamiltonian=np.diag(energies.astype(np.complex128)), operators=operators
        )

    @cached_property
    def _balanced(self) -> tuple[Complex, Floats]:
        """The superoperator in the eigenbasis, each row over its largest element, and these."""
        matrix = self.in_eigenbasis[1].superoperator()
        largest = np.abs(matrix).max(axis=1)
        fastest = np.abs(self.activities).max(initial=0.0)  # rows far below are rounded zeros
        scale = np.maximum(largest, max(_NOTHING * fastest, np.finfo(float).tiny))
        return matrix / scale[:, None], scale

    def thermal_deviation(self) -> float:
        """Return how far channels are from ``[H, L_k] = q_k L_k``, as a part of ``|H L_k|`` of the worst.

        Zero for channels between energy levels; not zero for local ones.
        """
        return _deviation(self.hamiltonian, self.operators, self.quantum)


def generator(
    hamiltonian: ArrayLike,
    operators: Sequence[ArrayLike] = (),
    *,
    bath: Sequence[int] | None = None,
    quantum: Sequence[float] | None = None,
    entropy: Sequence[float] | None = None,
) -> Generator:
    """Return a generator from plain lists: any user's operators.

    Parameters
    ----------
    hamiltonian : (d, d) array, energy
        Hermitian.
    operators : sequence of (d, d) arrays, time^(-1/2)
        Lindblad operators, rates included.
    bath : sequence of int, optional
        The bath of each; left out, all belong to bath 0.
    quantum : sequence of float, energy, optional
        Energy into the system with each jump; left out, zero.
    entropy : sequence of float, optional
        ``ln`` of rate over rate back; left out, zero.

    Raises
    ------
    InvalidInput
        If the Hamiltonian is not Hermitian, or shapes do not fit.
    """
    h = np.asarray(hamiltonian, dtype=np.complex128)
    if h.ndim != 2 or h.shape[0] != h.shape[1] or not np.isfinite(h).all():
        raise InvalidInput(f"a Hamiltonian of shape {h.shape}", "hamiltonian", "give a finite square matrix")
    if not np.allclose(h, h.conj().T, rtol=0.0, atol=_ROUNDING * max(1.0, float(np.abs(h).max()))):
        raise InvalidInput("not Hermitian", "hamiltonian", "add the Hermitian conjugate")
    if any(np.shape(operator) != h.shape for operator in operators):
        raise InvalidInput("operators of another dimension", "operators", f"give {h.shape} matrices")
    stack = np.array(operators, dtype=np.complex128).reshape(-1, *h.shape)
    return Generator(
        0.5 * (h + h.conj().T),
        stack,
        np.array(_filled(bath, stack, "bath"), dtype=np.int64),
        np.array(_filled(quantum, stack, "quantum"), dtype=np.float64),
        np.array(_filled(entropy, stack, "entropy"), dtype=np.float64),
    )


def generator_of(held: Held, row: int, hamiltonian: Complex, hbar: float) -> Generator:
    """Return the generator of a row of held values, operators turned from the eigenbasis to the fixed one.

    Parameters
    ----------
    held : Held
    row : int
    hamiltonian : (d, d) array, energy
        Of the row, in the fixed basis.
    hbar : float, energy time
    """
    slots = slice(held.first_slot[row], held.first_slot[row + 1])
    first = held.first_entry[held.first_slot[row] : held.first_slot[row + 1] + 1]
    operators = np.zeros((len(first) - 1, *hamiltonian.shape), dtype=np.complex128)
    part = slice(first[0], first[-1])
    owner = np.repeat(np.arange(len(operators)), np.diff(first))
    np.add.at(operators, (owner, held.target[part], held.source[part]), held.re[part] + 1j * held.im[part])
    vectors = held.vectors.complex[row]
    # A jump without a way back makes infinite entropy.
    entropy = np.nan_to_num(held.entropy[slots], nan=np.inf, posinf=np.inf, neginf=-np.inf)
    turned = vectors @ operators @ vectors.conj().T
    return Generator(hamiltonian, turned, held.bath[slots], held.quantum[slots], entropy, hbar)


def _filled(values: Sequence[float] | None, stack: Complex, where: str) -> Sequence[float]:
    if values is None:
        return [0] * len(stack)
    if len(values) != len(stack):
        raise InvalidInput(f"{len(values)} for {len(stack)} operators", where, "give one for each")
    return values


def gibbs_state(hamiltonian: ArrayLike, beta: float) -> Complex:
    """Return ``exp(-beta H) / Z``."""
    energies, vectors = np.linalg.eigh(np.asarray(hamiltonian, dtype=np.complex128))
    weights = np.exp(-beta * (energies - energies[0]))
    return _with_values(vectors, weights / weights.sum())


def minus_log_z(hamiltonian: ArrayLike, beta: float) -> float:
    """Return ``-ln Tr exp(-beta H)``: the free energy in kT."""
    energies = np.linalg.eigvalsh(np.asarray(hamiltonian, dtype=np.complex128))
    lowest = float(energies[0])
    return beta * lowest - float(np.log(np.exp(-beta * (energies - lowest)).sum()))


def potential_changes(held: Generator, steady: ArrayLike) -> tuple[Floats, float]:
    """Return by how much each channel changes ``phi = -ln pi``, and how far it is from a definite change.

    Channel k changes it by ``d phi_k`` if ``[L_k, ln pi] = d phi_k L_k``. Where all do, the entropy
    production splits into an adiabatic part ``d s_k + d phi_k`` and the rest, with an integral theorem each;
    where one does not, as for a coherently driven atom, only the total has one.

    Parameters
    ----------
    held : Generator
    steady : (d, d) array
        Its steady state, of full rank.

    Returns
    -------
    changes : (K,) array
        The best ``d phi_k``, in the sense of least squares.
    deviation : float
        ``|[L_k, ln pi] - d phi_k L_k| / |L_k ln pi|`` of the worst channel.

    Raises
    ------
    InvalidInput
        If the steady state has an empty level, so that phi is infinite.

    Notes
    -----
    J. M. Horowitz, J. M. R. Parrondo, New J. Phys. 15, 085028 (2013); G. Manzano, J. M. Horowitz,
    J. M. R. Parrondo, Phys. Rev. X 8, 031037 (2018).
    """
    populations, vectors = np.linalg.eigh(np.asarray(steady, dtype=np.complex128))
    if populations[0] <= 0.0:
        raise InvalidInput("an empty level in the steady state", "dynamics", "heat every level: n > 0")
    potential = _with_values(vectors, -np.log(populations))
    gained = potential @ held.operators - held.operators @ potential
    size = np.maximum(_squares(held.operators), np.finfo(float).tiny)
    changes = np.einsum("kab,kab->k", held.operators.conj(), gained).real / size
    return changes, _deviation(potential, held.operators, changes)


def dual(held: Generator, steady: ArrayLike) -> Generator:
    """Return the dual dynamics: ``L_k exp(-(d s_k + d phi_k) / 2)``, with the same Hamiltonian.

    Where each channel changes phi by a definite amount, it keeps the steady state and the evolution between
    jumps, and turns around the currents there: the adiabatic entropy is the ratio of the two probabilities.

    Raises
    ------
    InvalidInput
        If the steady state has an empty level, or a channel no way back.
    """
    adiabatic = held.entropy + potential_changes(held, steady)[0]
    if not np.isfinite(adiabatic).all():
        raise InvalidInput("a channel without a way back", "dynamics", "heat its bath")
    scaled = held.operators * np.exp(-0.5 * adiabatic)[:, None, None]
    return replace(held, operators=scaled)


def _deviation(observable: Complex, operators: Complex, changes: Floats) -> float:
    """Return the largest ``|[A, L_k] - a_k L_k| / |A L_k|``, A freed of its trace."""
    if not len(operators):
        return 0.0
    centred = observable - np.trace(observable) / len(observable) * np.eye(len(observable))
    rest = centred @ operators - operators @ centred - changes[:, None, None] * operators
    scale = np.linalg.norm(centred) * np.sqrt(_squares(operators))
    return float(np.max(np.sqrt(_squares(rest)) / np.maximum(scale, np.finfo(float).tiny)))


def _squares(operators: Complex) -> Floats:
    squares: Floats = np.einsum("kab,kab->k", operators.conj(), operators).real
    return squares


def _with_values(vectors: Complex, values: ArrayLike) -> Complex:
    result: Complex = (vectors * np.asarray(values)) @ vectors.conj().T
    return result


def _solve_with_trace(matrix: Complex, right: ArrayLike, trace: float) -> Complex:
    """Solve ``matrix x = right`` with ``Tr x = trace``, for a matrix that conserves the trace."""
    d = round(len(matrix) ** 0.5)
    scale = max(float(np.abs(matrix).max()), np.finfo(float).tiny)
    rows = np.vstack([matrix / scale, np.eye(d).reshape(1, -1)])
    solution: Complex = np.linalg.lstsq(rows, np.append(np.asarray(right) / scale, trace), rcond=None)[0]
    return solution


def exponential_action(apply: Callable[[Complex], Complex], norm: float, vector: Complex) -> Complex:
    """Return ``exp(a) vector``, to rounding times the larger of 1 and the norm.

    By a Taylor series in ``ceil(norm)`` parts; where these are more than the numbers of `vector`, by the
    whole matrix, whose cost grows with the logarithm of the norm.

    Parameters
    ----------
    apply : function
        ``a`` as a linear map of arrays of the shape of `vector`, or of several, along one more axis.
    norm : float
        Not less than the norm of ``a``.
    vector : array of complex
    """
    if norm > vector.size:
        return _by_whole_matrix(apply, vector)
    parts = max(1, int(np.ceil(norm)))
    for _ in range(parts):
        term = vector
        for order in range(1, TERMS):
            term = apply(term) / (parts * order)
            vector = vector + term
            if np.abs(term).max() <= 1e-18 * np.abs(vector).max():
                break
    return vector


def _by_whole_matrix(apply: Callable[[Complex], Complex], vector: Complex) -> Complex:
    from scipy.linalg import expm

    size = vector.size
    unit = np.eye(size, dtype=np.complex128).reshape(*vector.shape, size)
    moved: Complex = expm(apply(unit).reshape(size, size)) @ vector.reshape(-1)
    return moved.reshape(vector.shape)
