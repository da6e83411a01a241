"""Jump channels of a Hamiltonian with its baths, for rows of held values; `slots` has the physics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic import lanes
from fluctua.stochastic.errors import InvalidInput, Unstable
from fluctua.stochastic.quantum.couplings import couplings_of
from fluctua.stochastic.quantum.matrices import Matrices, hermitian_eigen
from fluctua.stochastic.quantum.rows import distinct
from fluctua.stochastic.quantum.slots import NO_WAY_BACK, Instants, Piece, pieces_of
from fluctua.stochastic.quantum.tables import Held

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
    from fluctua.stochastic.hamiltonian import Hamiltonian
    from fluctua.stochastic.quantum.couplings import Coupling

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

MOST_PROBABLE = 0.1
"""What the probability of a jump in a time step may be."""


@dataclass(frozen=True, eq=False)
class Channels(Held):
    """What baths and Hamiltonian do in M rows of held values.

    Parameters
    ----------
    reverse : (S,) array
        The slot of the way back, in the same row; -1 where there is none, itself where a channel dephases.
    decay : Matrices, 1 / time
        ``sum_k L_k^+ L_k`` in the row's eigenbasis.
    """

    reverse: Integers
    decay: Matrices

    @property
    def rows(self) -> Integers:
        """The row of each slot."""
        return np.repeat(np.arange(len(self.energies)), np.diff(self.first_slot))

    @cached_property
    def fastest(self) -> Floats:
        """The largest rate of jumps that a state can have, shape (M,), 1 / time."""
        values: Floats = hermitian_eigen(self.decay)[0][:, -1]
        return values

    def operator(self, slot: int) -> Matrices:
        """Return the Lindblad operator of a slot, one row, in the row's eigenbasis."""
        d = self.energies.shape[1]
        part = slice(self.first_entry[slot], self.first_entry[slot + 1])
        re, im = np.zeros((1, d, d)), np.zeros((1, d, d))
        re[0, self.target[part], self.source[part]] = self.re[part]
        im[0, self.target[part], self.source[part]] = self.im[part]
        return Matrices(re, im)

    def imbalance(self, beta: Floats) -> float:
        r"""Return the largest deviation from local detailed balance, in units of the smaller element.

        .. math:: L_k = e^{\beta q_k/2} L_{\tilde k}^+ , \qquad q_k \text{ what the system loses}

        Parameters
        ----------
        beta : (M, B) array, 1 / energy
        """
        worst = 0.0
        rows = self.rows
        for slot in np.flatnonzero((self.reverse >= 0) & (self.quantum < 0.0)):
            there, back = self.operator(int(slot)), self.operator(int(self.reverse[slot]))
            half = 0.5 * beta[rows[slot], self.bath[slot]] * self.quantum[slot]
            defect = there.adjoint.times(lanes.exp(np.float64(half))) - back
            size = max(float(back.largest[0]), np.finfo(float).tiny)
            worst = max(worst, float(defect.largest[0]) / size)
        return worst


class Model:
    """A Hamiltonian with its baths, in the units of a run.

    Parameters
    ----------
    system : Hamiltonian
    dynamics : QuantumJump
    hbar : float, energy time
    time_step : float, time
        A state may jump with a probability of 0.1 in it at most; 0 where none is checked.
    turned : bool
        Whether time reversal has been applied: Hamiltonian and operators are conjugated. Energies stay, and
        real operators see no difference.

    Attributes
    ----------
    channel_names : tuple of str
        ``"phonons: level_1 -> level_0"``; of several pairs with one gap the first, and ``...``.
    """

    def __init__(
        self,
        system: Hamiltonian,
        dynamics: QuantumJump,
        *,
        hbar: float = 1.0,
        time_step: float = 0.0,
        turned: bool = False,
    ) -> None:
        self.system, self.dynamics, self.hbar = system, dynamics, hbar
        self.time_step, self.turned = time_step, turned
        self._levels: dict[bytes, tuple[Floats, Matrices]] = {}

    @property
    def dimension(self) -> int:
        """Number of levels."""
        return self.system.dimension

    @property
    def bath_names(self) -> tuple[str, ...]:
        """Names of the baths."""
        return self.dynamics.bath_names

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the levels, ascending in energy."""
        return self.system.levels

    @property
    def measured(self) -> bool:
        """Whether the energy is measured at both ends."""
        return self.dynamics.measured

    @property
    def path_work(self) -> bool:
        """Whether the power is followed along the path; it always is where nothing is measured."""
        return self.dynamics.path_work or not self.dynamics.measured

    @property
    def thermal(self) -> bool:
        """Whether every channel has a way back, so that there is an entropy."""
        return self.dynamics.thermal

    @property
    def housekeeping(self) -> bool:
        """Whether jumps are compared with the steady state at each instant."""
        return self.dynamics.housekeeping

    @cached_property
    def couplings(self) -> tuple[Coupling, ...]:
        """How the baths act, bath by bath and operator by operator."""
        return couplings_of(self.system, self.dynamics, turned=self.turned)

    @cached_property
    def channel_names(self) -> tuple[str, ...]:
        """What the channel numbers mean."""
        return tuple(name for coupling in self.couplings for name in coupling.channel_names)

    def hamiltonian(self, controls: Floats) -> Matrices:
        """Return the Hamiltonian at rows of controls, shape (N, C)."""
        found = self.system.matrices(controls)
        return found.conjugate if self.turned else found

    def levels(self, controls: Floats) -> tuple[Floats, Matrices]:
        """Return energies, shape (N, d), and eigenvectors at rows of controls, different rows once.

        If there is but one, it is remembered: tables, checks and starts all ask for it.
        """
        rows, first = distinct(controls)
        energies, vectors = self._found(controls[first])
        return (energies, vectors) if len(first) == len(rows) else (energies[rows], vectors[rows])

    def _found(self, controls: Floats) -> tuple[Floats, Matrices]:
        if len(controls) != 1:
            return hermitian_eigen(self.hamiltonian(controls))
        row = controls.tobytes()
        if row not in self._levels:
            self._levels[row] = hermitian_eigen(self.hamiltonian(controls))
        return self._levels[row]

    def held(self, controls: Floats, beta: Floats, coupled: Flags) -> Channels:
        """Return what baths and Hamiltonian do in rows of held values.

        Parameters
        ----------
        controls : (M, C) array
        beta : (M, B) array, 1 / energy
        coupled : (M, B) array of bool

        Raises
        ------
        InvalidInput
            If the energy is not finite somewhere, or a rate is negative or infinite.
        Unstable
            If a state may jump with a probability above 0.1 in a time step.
        """
        hamiltonian = self.hamiltonian(controls)
        if not np.isfinite(hamiltonian.largest).all():
            worst = int(np.argmin(np.isfinite(hamiltonian.largest)))
            at = self.system.said(controls[worst])
            raise InvalidInput(f"the energy is not finite{at}", "system.energy", "change the protocol")
        energies, vectors = self.levels(controls)
        instants = Instants(controls, energies, vectors, self.hbar)
        pieces = []
        first = 0
        for coupling in self.couplings:
            rows = np.flatnonzero(coupled[:, coupling.bath])
            if len(rows):
                there = instants.at(rows)
                pieces += list(pieces_of(coupling, there, beta[rows, coupling.bath], rows, first))
            first += len(coupling.channel_names)
        found = _joined(pieces, energies, vectors, self.hbar)
        self._refuse_long_steps(found, controls)
        return found

    def _refuse_long_steps(self, found: Channels, controls: Floats) -> None:
        """Refuse a step in which several jumps would be likely."""
        suspects = np.flatnonzero(found.decay.one_norm * self.time_step > MOST_PROBABLE)
        if not len(suspects):
            return
        rates = hermitian_eigen(found.decay[suspects])[0][:, -1]
        worst = int(np.argmax(rates))
        probability = rates[worst] * self.time_step
        if probability > MOST_PROBABLE:
            at = self.system.said(controls[suspects[worst]])
            raise Unstable(
                f"a jump has the probability {probability:.3g} in one time step{at}",
                "time_step",
                f"{0.9 * MOST_PROBABLE / rates[worst]:.2g} is short enough, the probability is"
                f" {MOST_PROBABLE} at most",
            )


# ---- all slots, row by row


def _joined(pieces: list[Piece], energies: Floats, vectors: Matrices, hbar: float) -> Channels:
    row = _concatenated([piece.row for piece in pieces], np.int64)
    offsets = np.cumsum([0, *(len(piece.row) for piece in pieces)])
    reverse = _concatenated(
        [
            np.where(piece.reverse == NO_WAY_BACK, -1, piece.reverse + offset)
            for piece, offset in zip(pieces, offsets, strict=False)
        ],
        np.int64,
    )
    size = _concatenated([piece.size for piece in pieces], np.int64)
    order = np.argsort(row, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    reverse = np.where(reverse >= 0, rank[reverse], -1)[order] if len(order) else reverse
    begin = np.cumsum(size) - size
    first_entry = np.concatenate([[0], np.cumsum(size[order])]).astype(np.int64)
    entries = np.arange(first_entry[-1]) + np.repeat(begin[order] - first_entry[:-1], size[order])

    def slots(field: str, dtype: Any = np.float64) -> Any:
        return _concatenated([getattr(piece, field) for piece in pieces], dtype)[order]

    def parts(field: str, dtype: Any = np.float64) -> Any:
        return _concatenated([getattr(piece, field) for piece in pieces], dtype)[entries]

    bath = _concatenated([np.full(len(piece.row), piece.bath) for piece in pieces], np.int64)[order]
    first_slot = np.searchsorted(row[order], np.arange(len(energies) + 1)).astype(np.int64)
    found = {name: parts(name, np.int64) for name in ("target", "source")}
    found |= {name: parts(name) for name in ("re", "im")}
    slot = np.repeat(np.arange(len(order)), size[order])
    decay = _decay(row[order], slot, found, energies.shape)
    return Channels(
        energies=energies,
        vectors=vectors,
        generator=Matrices.diagonal(energies).times(0.0, -1.0 / hbar) - decay.times(0.5),
        first_slot=first_slot,
        channel=slots("channel", np.int64),
        bath=bath,
        quantum=slots("quantum"),
        entropy=slots("entropy"),
        first_entry=first_entry,
        reverse=reverse,
        decay=decay,
        **found,
    )


def _concatenated(parts: list[Any], dtype: Any) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype)


def _decay(row: Integers, slot: Integers, found: dict[str, Any], shape: tuple[int, ...]) -> Matrices:
    """Add up ``L_k^+ L_k`` of each row, in the order of slots."""
    rows, d = shape
    re, im = np.zeros((rows, d, d)), np.zeros((rows, d, d))
    # Two entries of one slot meet where they lead to the same level.
    size = np.bincount(slot, minlength=len(row))
    first = np.cumsum(size) - size
    for shift in range(int(size.max(initial=0))):
        one = np.flatnonzero(size[slot] > shift)
        other = first[slot[one]] + shift
        meet = found["target"][one] == found["target"][other]
        one, other = one[meet], other[meet]
        a, b, x, y = found["re"][one], found["im"][one], found["re"][other], found["im"][other]
        place = (row[slot[one]], found["source"][one], found["source"][other])
        np.add.at(re, place, a * x + b * y)
        np.add.at(im, place, a * y - b * x)
    return Matrices(re, im)
