r"""The adiabatic part of a jump's entropy, where the steady state is a mixture of energy levels.

With the non-equilibrium potential :math:`\phi=-\ln\pi_t` of the instantaneous steady state, a jump through
channel k keeps up the steady state with

.. math:: \Delta s_{a,k} = \Delta s_k + \Delta\phi_k, \qquad [\phi, L_k] = \Delta\phi_k L_k ,

and moves it towards the state with the rest. The split obeys theorems of its own only where each channel
changes the potential by a definite amount (eigen-operator condition). Channels between the levels of a
diagonal steady state do; a coherently driven atom with fixed operators does not.

J. M. Horowitz, J. M. R. Parrondo, New J. Phys. 15, 085028 (2013); G. Manzano, J. M. Horowitz,
J. M. R. Parrondo, Phys. Rev. X 8, 031037 (2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic import lanes
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.first_instant import coupled_at_start
from fluctua.stochastic.markov.stationary import closed_sets, eliminated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.tables import Held, Model
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]

INDEFINITE = 1e-9
"""By how much the change of ``phi`` may differ between the parts of one channel; coherence, of the rates."""

_NO_STATE = "no one steady state that holds all levels"


def flows(found: Held) -> Floats:
    """Return the rate from each level (row) to each other in rows of held values, shape (M, d, d)."""
    rows, d = found.energies.shape
    row = np.repeat(np.repeat(np.arange(rows), np.diff(found.first_slot)), np.diff(found.first_entry))
    table = np.zeros((rows, d, d))
    np.add.at(table, (row, found.source, found.target), found.re * found.re + found.im * found.im)
    every = np.arange(d)
    table[:, every, every] = 0.0
    return table


def steady_populations(found: Held) -> Floats:
    """Return the steady populations of levels in each row, shape (M, d), as if no coherence mattered.

    NaN where there are several steady states.
    """
    table = flows(found)
    result = np.full(found.energies.shape, np.nan)
    patterns, kind = np.unique(table > 0.0, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        sets = closed_sets(pattern)
        rows = np.flatnonzero(kind.reshape(-1) == number)
        if len(sets) == 1:
            result[rows] = eliminated(table[rows], sets[0][0])
    return result


def potential_changes(found: Held) -> tuple[Floats, float]:
    """Return by how much a jump through each slot changes ``phi``, and how indefinite that is.

    Returns
    -------
    changes : (S,) array
        Of the slot's first entry; NaN without a single steady state.
    deviation : float
        By how much it differs between entries of one slot; 0 where the eigen-operator condition holds.
    """
    with np.errstate(divide="ignore"):
        potential = -lanes.log(steady_populations(found))
    size = np.diff(found.first_entry)
    row = np.repeat(np.repeat(np.arange(len(potential)), np.diff(found.first_slot)), size)
    with np.errstate(invalid="ignore"):
        each = potential[row, found.target] - potential[row, found.source]
    changes = each[found.first_entry[:-1]] if len(each) else np.zeros(0)
    spread = np.abs(each - np.repeat(changes, size))
    return changes, float(spread.max(initial=0.0))


def gained_coherence(found: Held) -> float:
    r"""Return the largest coherence that the steady mixture of levels gains, as a part of the rates.

    .. math:: \frac{d}{dt}\langle a|\rho|b\rangle = \sum_k \Big[\sum_c L_{k,ac}\,\pi_c\,L_{k,bc}^*
        - \tfrac12 \sum_c L_{k,ca}^* L_{k,cb}\,(\pi_a + \pi_b)\Big]

    of rho diagonal in the levels, for a != b: where it is not 0 that mixture is no steady state, and its
    logarithm no potential.
    """
    steady, (rows, d) = steady_populations(found), found.energies.shape
    slot = np.repeat(np.arange(len(found.first_entry) - 1), np.diff(found.first_entry))
    row = np.repeat(np.arange(rows), np.diff(found.first_slot))[slot]
    gained = np.zeros((rows, d, d, 2))
    for apart in range(1, int(np.diff(found.first_entry).max(initial=0))):
        i = np.flatnonzero(slot[apart:] == slot[:-apart])
        j = i + apart
        product = np.stack(
            [found.re[i] * found.re[j] + found.im[i] * found.im[j],
             found.im[i] * found.re[j] - found.re[i] * found.im[j]], axis=-1
        )  # fmt: skip
        into = found.source[i] == found.source[j]
        place = row[i][into], found.target[i][into], found.target[j][into]
        np.add.at(gained, place, product[into] * steady[row[i], found.source[i]][into][:, None])
        out = found.target[i] == found.target[j]
        both = steady[row[i], found.source[i]] + steady[row[i], found.source[j]]
        place = row[j][out], found.source[j][out], found.source[i][out]
        np.add.at(gained, place, -0.5 * product[out] * both[out][:, None])
    whole = gained + gained.swapaxes(1, 2) * np.array([1.0, -1.0])  # each pair of entries was met once
    largest = np.sqrt(np.square(whole).sum(axis=-1)).reshape(rows, -1).max(axis=1, initial=0.0)
    rate = np.zeros(rows)
    np.add.at(rate, row, found.re * found.re + found.im * found.im)
    return float(np.max(largest / np.where(rate > 0.0, rate, 1.0), initial=0.0))


def definite_changes(found: Held) -> Floats:
    """Return by how much a jump through each slot changes ``phi``, shape (S,).

    Raises
    ------
    InvalidInput
        If some jump changes it by no definite amount, or a row with jumps has no one steady state that is a
        mixture of levels.
    """
    changes, deviation = potential_changes(found)
    if not np.isfinite(changes).all():
        raise InvalidInput(_NO_STATE, "dynamics.housekeeping", "connect all levels, or leave it out")
    if deviation > INDEFINITE:
        raise InvalidInput(
            "housekeeping entropy has a theorem of its own only where every jump changes ln pi by a definite"
            f" amount, here it differs by {deviation:.3g} within one",
            "dynamics.housekeeping",
            "leave it out, or use baths that act between energy levels",
        )
    coherence = gained_coherence(found)
    if coherence > INDEFINITE:
        raise InvalidInput(
            "no housekeeping entropy: the steady state is no mixture of energy levels, which would gain"
            f" coherence at {coherence:.3g} of the rates",
            "dynamics.housekeeping",
            "leave it out, or use baths that act between energy levels",
        )
    return changes


def end_potentials(model: Model, schedule: Schedule) -> Floats:
    """Return ``phi`` of the levels at the first and at the last instant, shape (2, d).

    The steady states are those that `Steady` starts a run and its reverse from: of the baths that are
    connected there, of all where none is. So ``<exp(-hatano_sasa)> = 1`` from `Steady`, and from no other
    start.

    Raises
    ------
    InvalidInput
        If there is no one steady state.
    """
    ends = (schedule, schedule.reversed())
    controls, beta, coupled = (
        np.stack(row)
        for row in zip(
            *((end.start_controls, end.start_beta, coupled_at_start(end)) for end in ends), strict=True
        )
    )
    with np.errstate(divide="ignore"):
        potentials: Floats = -lanes.log(steady_populations(model.held(controls, beta, coupled)))
    if not np.isfinite(potentials).all():
        raise InvalidInput(_NO_STATE, "dynamics.housekeeping", "connect all levels, or leave it out")
    return potentials
