"""Gaps that close on the way, where the rate of a bath of bosons is infinite.

The rate between two levels diverges with ``1/gap`` where the spectrum does not vanish with the gap. Sorted
levels touch and never change their order, so a gap that closes is a smallest gap, looked at ever closer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.markov.detailed_balance import sample_at, samples
from fluctua.stochastic.quantum.couplings import PairCoupling
from fluctua.stochastic.quantum.matrices import hermitian_eigen, transformed
from fluctua.stochastic.quantum.slots import SAME_GAP, Instants, present

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.channels import Model
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]
    Gap = Callable[[Floats], Floats]

_DIPS, _CLOSER, _POINTS = 8, 14, 33  # smallest gaps looked into, how often 16 times closer, at how many


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
        if not there:
            continue
        levels = _Levels(model, schedule, stroke, fractions)
        if not levels.finite:
            continue  # refused elsewhere, as an energy
        for a, b in zip(*there[0].pairs, strict=True):
            for at in levels.closings(int(a), int(b)):
                for coupling in there:
                    _refuse(levels, coupling, int(a), int(b), at)


class _Levels:
    """The levels of one stroke: instants that are looked at, (N,), and the energies there, (N, d)."""

    def __init__(self, model: Model, schedule: Schedule, stroke: int, fractions: Floats) -> None:
        self.model, self.schedule, self.stroke, self.fractions = model, schedule, stroke, fractions
        self._known: dict[int, list[float]] = {}
        matrices = model.hamiltonian(schedule.values(stroke, fractions)[0])
        self.finite = bool(np.isfinite(matrices.largest).all())
        if self.finite:
            self.energies = hermitian_eigen(matrices)[0]
            self.closed = SAME_GAP * float(np.max(self.energies[:, -1] - self.energies[:, 0]))

    def at(self, fractions: Floats) -> Instants:
        """Give energies and eigenvectors at some instants."""
        controls = self.schedule.values(self.stroke, fractions)[0]
        return Instants(controls, *hermitian_eigen(self.model.hamiltonian(controls)), self.model.hbar)

    def closings(self, a: int, b: int) -> list[float]:
        """List the fractions at which the gap of two levels closes."""
        if b > a + 1:  # they meet only where the levels between do
            return [at for at in self.closings(a, a + 1) if self._gap(np.array([at]), a, b)[0] <= self.closed]
        if a in self._known:
            return self._known[a]
        size, places = self.energies[:, b] - self.energies[:, a], self.fractions
        steepest = float(np.max(np.abs(np.diff(size) / np.diff(places))))
        around = np.concatenate([[np.inf], size, [np.inf]])
        dips = np.flatnonzero((size <= around[:-2]) & (size <= around[2:]))
        dips = dips[np.argsort(size[dips], kind="stable")]
        closed = dips[size[dips] <= self.closed]
        found = [float(places[i]) for i in closed[[0, -1]]] if len(closed) else []
        for i in dips[len(closed) :][:_DIPS]:
            begin, end = float(places[max(i - 1, 0)]), float(places[min(i + 1, len(size) - 1)])
            if size[i] > steepest * (end - begin):
                continue  # it does not change so fast
            at, gap = _smallest(lambda at: self._gap(at, a, b), begin, end)
            if gap <= self.closed:
                found.append(at)
        self._known[a] = found
        return found

    def _gap(self, fractions: Floats, a: int, b: int) -> Floats:
        energies = self.at(fractions).energies
        gap: Floats = energies[:, b] - energies[:, a]
        return gap

    def beside(self, at: float) -> Floats:
        """Give the instants around one that the stroke is looked at."""
        before = self.fractions[self.fractions < at][-1:]
        return np.concatenate([before, self.fractions[self.fractions > at][:1]])


def _smallest(gap: Gap, begin: float, end: float) -> tuple[float, float]:
    """Return where a gap is smallest between two fractions, and what it is, by looking ever closer."""
    for _ in range(_CLOSER):
        at = np.linspace(begin, end, _POINTS)
        found = gap(at)
        i = int(np.argmin(found))
        begin, end = float(at[max(i - 1, 0)]), float(at[min(i + 1, _POINTS - 1)])
        # One that closes falls to 1/16 each time; where it does not, the crossing is avoided.
        if found[i] > 0.5 * np.max(found):
            break
    return float(at[i]), float(found[i])


def _refuse(levels: _Levels, coupling: PairCoupling, a: int, b: int, at: float) -> None:
    here, beside = np.array([at]), levels.at(levels.beside(at))
    if coupling.operator is not None:
        # Where two levels meet, any two vectors of theirs will do: what couples them shows beside.
        coupled = present(transformed(coupling.operator, beside.vectors), coupling.size)[:, a, b]
        if not (coupled & (beside.energies[:, b] - beside.energies[:, a] > levels.closed)).any():
            return
    sample = sample_at(levels.schedule, levels.stroke, here)
    if not coupling.infinite_without_gap(sample.controls)[0]:
        return
    said = levels.model.system.said(sample.controls[0])
    raise InvalidInput(
        f"the gap of {coupling.levels[b]} and {coupling.levels[a]} closes{said}{',' if said else ' at'} time"
        f" {sample.times[0]:.6g}, and its rate is infinite there",
        coupling.spectrum.where,
        'let the spectrum vanish with the gap, spectrum="omega"',
    )
