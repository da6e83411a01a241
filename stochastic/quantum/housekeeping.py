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
from fluctua.stochastic.markov.stationary import _eliminated as eliminated
from fluctua.stochastic.markov.stationary import closed_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.channels import Channels

    Floats = NDArray[np.float64]


def flows(found: Channels) -> Floats:
    """Return the rate from each level (row) to each other in rows of held values, shape (M, d, d)."""
    rows, d = found.energies.shape
    row = np.repeat(np.repeat(np.arange(rows), np.diff(found.first_slot)), np.diff(found.first_entry))
    table = np.zeros((rows, d, d))
    np.add.at(table, (row, found.source, found.target), found.re * found.re + found.im * found.im)
    every = np.arange(d)
    table[:, every, every] = 0.0
    return table


def steady_populations(found: Channels) -> Floats:
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


def potential_changes(found: Channels) -> tuple[Floats, float]:
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
    row = np.repeat(found.rows, size)
    with np.errstate(invalid="ignore"):
        each = potential[row, found.target] - potential[row, found.source]
    changes = each[found.first_entry[:-1]] if len(each) else np.zeros(0)
    spread = np.abs(each - np.repeat(changes, size))
    return changes, float(spread.max(initial=0.0))
