"""Instants along a schedule at which checks and remarks look: a few hundred, whatever the number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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
    change : (M, C) array
        What each control changes by up to the next move of the same stroke, or from the one before.
    """

    moves: NDArray[np.int64]
    controls: Floats
    beta: Floats
    coupled: NDArray[np.bool_]
    change: Floats


def sampled(schedule: Schedule, most: int = MOST) -> Rows:
    """Choose evenly spaced moves, the first and the last of each stroke among them while there is room."""
    counts = np.asarray(schedule.moves)
    ends = np.cumsum(counts)
    begins = ends - counts
    moving = counts > 0
    borders = np.concatenate([begins[moving], ends[moving] - 1])[: most // 2]
    even = np.linspace(0, schedule.steps - 1, min(most, schedule.steps)).astype(np.int64)
    moves = np.union1d(even, borders).astype(np.int64)
    stroke = np.searchsorted(ends, moves, side="right")
    last = moves == ends[stroke] - 1
    one = np.maximum(np.where(last, moves - 1, moves), begins[stroke])
    other = np.minimum(one + 1, ends[stroke] - 1)
    return Rows(
        moves,
        schedule.controls[moves],
        schedule.beta[moves],
        schedule.coupled[moves],
        schedule.controls[other] - schedule.controls[one],
    )
