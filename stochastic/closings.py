"""Where a gap between two levels closes in the course of a stroke, and whether a rate is infinite there.

Bosons make a rate diverge with ``1/gap`` where the spectrum does not vanish with the gap. A gap that closes
is a smallest magnitude, looked at ever closer; a rate that grows on the way there has no bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Function = Callable[[Floats], Floats]  # of fractions (N,) of a stroke

_CLOSER, _POINTS = 14, 33  # how often smallest gaps are looked at 16 times closer, at how many fractions
#: Far from a closing and near it, in fractions of a stroke; by how much a rate that is finite may grow.
_FAR, _NEAR, _GROWTH = 1e-4, 1e-7, 4.0


def closings(gap: Function, places: Floats, sizes: Floats, closed: float) -> Floats:
    """Return the fractions at which a gap closes: where it does, and where it begins and ceases to be closed.

    Parameters
    ----------
    gap : function of fractions (N,)
        The magnitude of the gap, energy.
    places, sizes : (N,) arrays
        Fractions that have been looked at, ascending, and what it is there.
    closed : float, energy
        No more than this is nothing.
    """
    shut = np.concatenate([[False], sizes <= closed, [False]])
    borders: Floats = places[shut[1:-1] & ~(shut[:-2] & shut[2:])]
    begin, end = _dips(places, sizes, closed)
    for _ in range(_CLOSER):
        if not len(begin):
            return borders
        at = np.linspace(begin, end, _POINTS, axis=1)
        found = gap(at.ravel()).reshape(at.shape)
        rows, i = np.arange(len(at)), np.argmin(found, axis=1)
        smallest, where = found[rows, i], at[rows, i]
        # One that closes falls to 1/16 each time; where it does not, the crossing is avoided.
        falls = (smallest <= 0.5 * found.max(axis=1)) | (smallest <= closed)
        begin, end = at[rows, np.maximum(i - 1, 0)], at[rows, np.minimum(i + 1, _POINTS - 1)]
        begin, end, smallest, where = begin[falls], end[falls], smallest[falls], where[falls]
    return np.sort(np.concatenate([borders, where[smallest <= closed]]))


def _dips(places: Floats, sizes: Floats, closed: float) -> tuple[Floats, Floats]:
    """Return between which fractions smallest gaps lie that change fast enough to close there."""
    around = np.concatenate([[np.inf], sizes, [np.inf]])
    dips = np.flatnonzero((sizes <= around[:-2]) & (sizes <= around[2:]) & (sizes > closed))
    begin, end = places[np.maximum(dips - 1, 0)], places[np.minimum(dips + 1, len(places) - 1)]
    steepest = np.max(np.abs(np.diff(sizes) / np.diff(places)))
    fast = sizes[dips] <= steepest * (end - begin)
    return begin[fast], end[fast]


def probes(at: Floats) -> Floats:
    """Return four fractions about each closing, (N, 4): far and near before it, far and near after."""
    rooms = np.minimum(np.stack([at, 1.0 - at], axis=1), _FAR)
    sides = rooms[:, :, None] * np.array([1.0, _NEAR / _FAR]) * np.array([[-1.0], [1.0]])
    found: Floats = at[:, None] + sides.reshape(len(at), 4)
    return found


def diverges(rates: Floats, gaps: Floats, closed: float) -> Mask:
    """Tell for which closings a rate grows without bound, from rates and gaps (N, 4) at `probes`."""
    far, near = rates[:, ::2], rates[:, 1::2]
    stays = (gaps[:, ::2] <= closed) & (far > 0.0)  # no gap all about
    found: Mask = np.any(stays | (near > _GROWTH * far), axis=1)
    return found
