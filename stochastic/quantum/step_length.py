r"""Whether a time step is short enough, at every row of held values and not only where checks look.

A state may jump with a probability of `MOST_PROBABLE` in a step. Rows in which it might are found by a bound,

.. math:: \Big\| \sum_k L_k^+ L_k \Big\| \le \sum_\nu \max_q \gamma_\nu(q) (n + 1) \, \|A_\nu\|^2 ,

and only there the channels are made. The phases of a step may grow by `MOST_RADIANS` at most: the instant of
a jump is found by Taylor's series, one radian after the other, so that a jump costs as much time as there are
radians, 0.03 to 0.2 ms at 1,000. Of a ramp a step of even a few radians knows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.quantum.channels import MOST_PROBABLE, Model
from fluctua.stochastic.quantum.couplings import LocalCoupling, PairCoupling
from fluctua.stochastic.quantum.memory import MOST_BYTES
from fluctua.stochastic.quantum.slots import SAME_GAP, Instants

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.couplings import Coupling
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

MOST_RADIANS = 1000.0
"""What ``(E_max - E_min) time_step / hbar`` may be."""

_TOGETHER = 100_000  # gaps looked at together
_ROUNDING = 1.01  # of a bound
_BYTES = 300  # of tables, at least, for each number of a matrix


@dataclass(frozen=True, eq=False)
class _Rows:
    """Held values of some moves."""

    controls: Floats
    beta: Floats
    coupled: Flags

    def some(self, chosen: NDArray[np.int64]) -> _Rows:
        return _Rows(self.controls[chosen], self.beta[chosen], self.coupled[chosen])

    def parts(self, size: int) -> Iterator[_Rows]:
        for begin in range(0, len(self.controls), size):
            yield self.some(np.arange(begin, min(begin + size, len(self.controls))))


def refuse_long_steps(model: Model, schedule: Schedule) -> None:
    """Refuse a time step that is too long for jumps or phases somewhere along a schedule.

    Parameters
    ----------
    model : Model
        With its time step.
    schedule : Schedule

    Raises
    ------
    Unstable
        If a state may jump with a probability above `MOST_PROBABLE` in a step.
    InvalidInput
        If phases grow by more than `MOST_RADIANS` in a step; if a rate is negative or infinite.
    """
    rows = _different(schedule)
    if len(rows.controls) * model.dimension**2 * _BYTES > MOST_BYTES:
        return  # what does not fit into memory is refused when tables are made
    pairs = model.dimension * (model.dimension - 1) // 2
    found = [_spread_and_bound(model, part) for part in rows.parts(max(1, _TOGETHER // pairs))]
    spread, bound = (np.concatenate(each) for each in zip(*found, strict=True))
    _refuse_turning(model, rows, spread)
    suspects = np.flatnonzero(bound * _ROUNDING * model.time_step > MOST_PROBABLE)
    if len(suspects):
        worst = suspects[int(np.argmax(_fastest(model, rows.some(suspects))))]
        alone = rows.some(np.array([worst]))
        model.held(alone.controls, alone.beta, alone.coupled)


def _different(schedule: Schedule) -> _Rows:
    """Give the moves of one cycle, as all are equal, without those that are like the one before."""
    moves = int(np.sum(schedule.moves[: schedule.cycle.count(schedule.cycle[0])]))
    tables = [table[:moves] for table in (schedule.controls, schedule.beta, schedule.coupled)]
    new = np.ones(moves, np.bool_)
    new[1:] = np.any([(table[1:] != table[:-1]).any(axis=1) for table in tables], axis=0)
    return _Rows(schedule.controls, schedule.beta, schedule.coupled).some(np.flatnonzero(new))


def _spread_and_bound(model: Model, rows: _Rows) -> tuple[Floats, Floats]:
    """Return the distance of the outermost levels, and a bound of the rate of jumps, in each row."""
    matrices = model.hamiltonian(rows.controls)
    finite = np.isfinite(matrices.largest)
    if not finite.all():
        worst = rows.some(np.flatnonzero(~finite)[:1])
        model.held(worst.controls, worst.beta, worst.coupled)
    # LAPACK's last bits differ between machines: they choose where to look, not what is found there.
    energies = np.linalg.eigvalsh(matrices.complex).astype(np.float64)
    bound = np.zeros(len(energies))
    for coupling in model.couplings:
        there = np.flatnonzero(rows.coupled[:, coupling.bath])
        if len(there):
            # Rates ask for no eigenvectors: any matrices will do.
            at = Instants(rows.controls[there], energies[there], matrices[there], model.hbar)
            bound[there] += _bound(coupling, at, rows.beta[there, coupling.bath])
    return energies[:, -1] - energies[:, 0], bound


def _bound(coupling: Coupling, at: Instants, beta: Floats) -> Floats:
    operator = coupling.operator
    square = 1.0 if operator is None else float(np.linalg.norm(operator.complex[0], 2)) ** 2
    if isinstance(coupling, LocalCoupling):
        _, down, up = coupling.rates(at, beta)
        return square * (down + up)
    if operator is None:
        square = float(at.energies.shape[1] - 1)  # ways out of a level, each with element 1
    fastest = square * _fastest_way_down(coupling, at, beta)
    result: Floats = fastest + coupling.dephasing * (1.0 if operator is None else square)
    return result


def _fastest_way_down(coupling: PairCoupling, at: Instants, beta: Floats) -> Floats:
    low, high = coupling.pairs
    gaps = at.energies[:, high] - at.energies[:, low]
    apart = gaps > SAME_GAP * (at.energies[:, -1:] - at.energies[:, :1])
    row, pair = np.nonzero(apart if coupling.operator is not None else np.ones_like(apart))
    fastest = np.zeros(len(gaps))
    np.maximum.at(fastest, row, coupling.rates(at, row, gaps[row, pair], beta[row])[0])
    return fastest


def _refuse_turning(model: Model, rows: _Rows, spread: Floats) -> None:
    worst = int(np.argmax(spread))
    radians = spread[worst] * model.time_step / model.hbar
    if radians > MOST_RADIANS:
        short = 0.9 * MOST_RADIANS * model.hbar / spread[worst]
        raise InvalidInput(
            f"the phases of the levels turn by {radians:.3g} radians in one time step"
            f"{model.system.said(rows.controls[worst])}, {MOST_RADIANS:,.0f} are the most",
            "time_step",
            f"{short:.2g} is short enough; or use a rotating frame, or other units (hbar is {model.hbar:.3g}"
            " in units.energy times units.time)",
        )


def _fastest(model: Model, rows: _Rows) -> Floats:
    """Return the largest rate of jumps that a state can have, whatever the time step, 1 / time."""
    free = Model(model.system, model.dynamics, hbar=model.hbar, turned=model.turned)
    size = max(1, _TOGETHER // model.dimension**2)
    return np.concatenate(
        [free.held(part.controls, part.beta, part.coupled).fastest for part in rows.parts(size)]
    )
