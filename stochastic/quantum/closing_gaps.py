"""Gaps that close on the way, where the rate of a bath of bosons is infinite.

Sorted levels touch and never change their order; neighbours meet first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.closings import closings, diverges, probes
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.markov.detailed_balance import sample_at, samples
from fluctua.stochastic.quantum.couplings import PairCoupling
from fluctua.stochastic.quantum.matrices import hermitian_eigen, transformed
from fluctua.stochastic.quantum.slots import SAME_GAP, present

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.channels import Model
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]


def refuse_closing_gaps(model: Model, schedule: Schedule) -> None:
    """Refuse a gap that closes between levels that a bath couples, all along a schedule.

    Raises
    ------
    InvalidInput
        If the rate between the two levels is infinite where they meet.
    """
    baths = [coupling for coupling in model.couplings if isinstance(coupling, PairCoupling)]
    for stroke, fractions, sample in samples(schedule):
        there = [one for one in baths if sample.coupled[one.bath]]
        there = [one for one in there if one.infinite_without_gap(sample.controls).any()]
        if there and np.isfinite(model.hamiltonian(sample.controls).largest).all():  # refused elsewhere
            levels = _Levels(model, schedule, stroke, fractions)
            for coupling in there:
                _refuse(levels, coupling)


def _refuse(levels: _Levels, coupling: PairCoupling) -> None:
    """Refuse a gap that closes where the rate of one bath is infinite."""
    for a, b in zip(*coupling.pairs, strict=True):
        meeting = levels.meetings[int(a)]
        wrong = meeting.infinite(coupling, int(a), int(b), levels.closed)
        if coupling.operator is not None and wrong.any():
            wrong &= levels.coupled_beside(coupling, meeting.at, int(a), int(b))
        if wrong.any():
            raise _closing(levels, coupling, int(a), int(b), float(meeting.at[int(np.argmax(wrong))]))


@dataclass(frozen=True, eq=False)
class _Meeting:
    """Where two neighbours meet, (N,); controls and energies about there."""

    at: Floats
    controls: Floats
    energies: Floats
    hbar: float

    def infinite(self, coupling: PairCoupling, a: int, b: int, closed: float) -> Mask:
        """Tell at which of them the rate between two levels is infinite."""
        gaps, shape = self.energies[:, b] - self.energies[:, a], (len(self.at), 4)
        spectrum = coupling.spectrum.at(self.controls, omega=gaps / self.hbar)
        strength = coupling.rate.at(self.controls) * spectrum
        with np.errstate(all="ignore"):
            rates = np.where(strength > 0.0, strength / gaps, 0.0)
        return diverges(rates.reshape(shape), gaps.reshape(shape), closed)


class _Levels:
    """The levels of one stroke: instants that are looked at, (N,), and the energies there, (N, d)."""

    def __init__(self, model: Model, schedule: Schedule, stroke: int, fractions: Floats) -> None:
        self.model, self.schedule, self.stroke, self.fractions = model, schedule, stroke, fractions
        self.energies = self.at(fractions)[1]
        self.closed = SAME_GAP * float(np.max(self.energies[:, -1] - self.energies[:, 0]))

    def at(self, fractions: Floats) -> tuple[Floats, Floats]:
        """Give controls and energies at some instants.

        A refusal asks for no more digits than LAPACK has in common with itself on another machine.
        """
        controls = self.schedule.values(self.stroke, fractions)[0]
        found = self.model.hamiltonian(controls)
        return controls, np.linalg.eigvalsh(found.re + 1j * found.im)

    @cached_property
    def meetings(self) -> list[_Meeting]:
        """Where each level meets the next: a gap closes only where those within it do."""
        return [self._meeting(a) for a in range(self.energies.shape[1] - 1)]

    def _meeting(self, a: int) -> _Meeting:
        def gap(fractions: Floats) -> Floats:
            _, energies = self.at(fractions)
            found: Floats = energies[:, a + 1] - energies[:, a]
            return found

        sizes = self.energies[:, a + 1] - self.energies[:, a]
        at = closings(gap, self.fractions, sizes, self.closed)
        return _Meeting(at, *self.at(probes(at).ravel()), self.model.hbar)

    def coupled_beside(self, coupling: PairCoupling, at: Floats, a: int, b: int) -> Mask:
        """Tell whether a bath couples two levels beside fractions where they meet.

        Where they do, any two vectors of theirs will do: what couples them shows beside.
        """
        assert coupling.operator is not None
        before = np.searchsorted(self.fractions, at, side="left") - 1
        after = np.searchsorted(self.fractions, at, side="right")
        beside = np.clip(np.stack([before, after], axis=1), 0, len(self.fractions) - 1)
        controls = self.schedule.values(self.stroke, self.fractions[beside].ravel())[0]
        energies, vectors = hermitian_eigen(self.model.hamiltonian(controls))
        coupled = present(transformed(coupling.operator, vectors), coupling.size)[:, a, b]
        coupled &= energies[:, b] - energies[:, a] > self.closed
        found: Mask = np.any(coupled.reshape(beside.shape), axis=1)
        return found


def _closing(levels: _Levels, coupling: PairCoupling, a: int, b: int, at: float) -> InvalidInput:
    sample = sample_at(levels.schedule, levels.stroke, np.array([at]))
    said = levels.model.system.said(sample.controls[0])
    return InvalidInput(
        f"the gap of {coupling.levels[b]} and {coupling.levels[a]} closes{said}{',' if said else ' at'} time"
        f" {sample.times[0]:.6g}, and its rate is infinite there",
        coupling.spectrum.where,
        'let the spectrum vanish with the gap, spectrum="omega"',
    )
