"""What the kernel of wave functions reads about channels: their elements, and what a jump adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.tables import Held

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


def entries(held: Held) -> tuple[Integers, Floats]:
    """Give target and source of each element, and its real and imaginary part; shapes (E, 2)."""
    return np.column_stack([held.target, held.source]), np.column_stack([held.re, held.im])


def slots(held: Held) -> Integers:
    """Give of a row its first slot and the end, then of a slot those of its entries, channel and bath.

    Shape (M + S, 4).
    """
    begin = held.first_slot + len(held.first_slot) - 1
    nothing = np.zeros((len(begin) - 1, 2), np.int64)
    rows = np.column_stack([begin[:-1], begin[1:], nothing])
    return np.concatenate(
        [rows, np.column_stack([held.first_entry[:-1], held.first_entry[1:], held.channel, held.bath])]
    )


def gains(held: Held, beta: Floats, changes: Floats | float) -> Floats:
    """Give what a jump adds: quantum, entropy flow, log-ratio, steady potential; shape (M + S, 4)."""
    rows = len(held.first_slot) - 1
    row = np.repeat(np.arange(rows), np.diff(held.first_slot))
    table = np.zeros((rows + len(row), 4))
    for column, gain in enumerate(
        (held.quantum, -beta[row, held.bath] * held.quantum, held.entropy, changes)
    ):
        table[rows:, column] = gain
    return table
