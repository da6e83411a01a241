"""What the kernel of wave functions reads about channels: their elements, and what a jump adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.tables import Held

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


def real_entries(held: Held) -> tuple[Integers, Integers, Floats]:
    """Write operators for real parts over imaginary parts: (S + 1,), (target, source), value."""
    d = held.vectors.dimension
    target, source = (np.stack([part] * 4, axis=1) for part in (held.target, held.source))
    target, source = target + np.array([0, 0, d, d]), source + np.array([0, d, 0, d])
    value = np.stack([held.re, -held.im, held.im, held.re], axis=1)
    kept = value != 0.0
    before = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return before[held.first_entry], np.stack([target[kept], source[kept]], axis=1), value[kept]


def slots(held: Held, first_entry: Integers) -> Integers:
    """Give of a row its first slot and the end, then of a slot those of its entries, channel and bath.

    Shape (M + S, 4).
    """
    begin = held.first_slot + len(held.first_slot) - 1
    nothing = np.zeros((len(begin) - 1, 2), np.int64)
    rows = np.column_stack([begin[:-1], begin[1:], nothing])
    return np.concatenate(
        [rows, np.column_stack([first_entry[:-1], first_entry[1:], held.channel, held.bath])]
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
