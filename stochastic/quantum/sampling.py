"""Instants along a schedule at which checks and remarks look: a few hundred, whatever the number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.quantum.rows import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]

MOST = 256


@dataclass(frozen=True, eq=False)
class Rows:
    """Held values at some moves of a schedule.

    Parameters
    ----------
    moves : (M,) array of int
        Which moves they are.
    controls, beta, coupled : (M, C), (M, B), (M, B) arrays
    around : (2, M, C) array
        Controls of the moves before and after, as far as they belong to the same stroke: else its own.
    apart : (M,) array of int
        How many moves lie between these two: 2 inside a stroke, 1 at its ends.
    """

    moves: NDArray[np.int64]
    controls: Floats
    beta: Floats
    coupled: NDArray[np.bool_]
    around: Floats
    apart: NDArray[np.int64]

    @property
    def different(self) -> Rows:
        """The first of equal rows, whatever their moves are: a hold need be looked at once."""
        before, after = self.around
        first = distinct(self.controls, self.beta, self.coupled, before, after, self.apart[:, None])[1]
        return Rows(
            self.moves[first],
            self.controls[first],
            self.beta[first],
            self.coupled[first],
            self.around[:, first],
            self.apart[first],
        )


def sampled(schedule: Schedule, most: int = MOST) -> Rows:
    """Choose evenly spaced moves, the first and the last of each stroke among them while there is room.

    The reversed schedule is looked at where the schedule is.
    """
    counts = np.asarray(schedule.moves)
    ends = np.cumsum(counts)
    begins = ends - counts
    moving = counts > 0
    borders = np.sort(np.concatenate([begins[moving], ends[moving] - 1]))
    moves = np.union1d(_even(schedule.steps, most), borders[_even(len(borders), most // 2)]).astype(np.int64)
    stroke = np.searchsorted(ends, moves, side="right")
    before = np.maximum(moves - 1, begins[stroke])
    after = np.minimum(moves + 1, ends[stroke] - 1)
    return Rows(
        moves,
        schedule.controls[moves],
        schedule.beta[moves],
        schedule.coupled[moves],
        schedule.controls[np.stack([before, after])],
        after - before,
    )


def _even(count: int, most: int) -> NDArray[np.int64]:
    """Choose at most so many of 0 .. count - 1, the same from both ends."""
    chosen = min(count, most)
    half = np.linspace(0, (count - 1) / 2, (chosen + 1) // 2).astype(np.int64)
    return np.union1d(half, count - 1 - half)
