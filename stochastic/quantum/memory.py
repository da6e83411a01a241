"""How much memory the tables of wave functions take, counted before they are made.

Tables are made one by one and then joined, so that all of them are there twice, besides what they are made
from; while those are made, there is the workspace of the eigenvectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.tables import Model

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

MOST_BYTES = 4e9
_NUMBER = 8  # bytes
_LOOKED_AT = 3  # rows of each set of connected baths


@dataclass(frozen=True)
class Size:
    """How many things there are to tabulate.

    Parameters
    ----------
    dimension, rows, strokes : int
        rows: different held values.
    segments, nodes, products, changes : int
        nodes: of all trees; products: different ones; changes: different ones of controls, looked at.
    slots, entries : int
        Of all rows.
    mixing : int
        Rows in which levels mix between jumps.
    """

    dimension: int
    rows: int
    strokes: int
    segments: int
    nodes: int
    products: int
    changes: int
    slots: int
    entries: int
    mixing: int

    @property
    def tables(self) -> int:
        """Bytes of the tables, without the few numbers that say where each begins."""
        square, gains = self.dimension**2, self.rows + self.slots
        matrices = 3 * self.rows + self.products + 1 + self.mixing
        floats = 2 * matrices * square + 2 * self.rows * self.dimension
        floats += gains * 4 + self.entries * 2 + self.changes * 12 * square
        integers = self.segments * 4 + self.strokes * 2 + self.nodes + self.rows * 3
        return _NUMBER * (floats + integers + gains * 4 + self.entries * 2)

    @property
    def held(self) -> int:
        """Bytes of what they are made from: channels, eigenvectors, generators, decay, and two more."""
        square = self.dimension**2
        return _NUMBER * (self.rows * (self.dimension + 10 * square) + 9 * self.slots + 4 * self.entries)

    @property
    def most(self) -> int:
        """Bytes at the worst moment: joining, or diagonalising and sorting channels."""
        workspace = _NUMBER * (12 * self.rows * self.dimension**2 + 12 * self.slots + 12 * self.entries)
        return self.held + max(2 * self.tables, workspace)


def channel_counts(model: Model, controls: Floats, beta: Floats, coupled: Flags) -> tuple[int, int, int]:
    """Return how many slots and entries all rows of held values have, and in how many levels mix.

    From a few of them.
    """
    slots = entries = mixing = 0
    patterns, kind = np.unique(coupled, axis=0, return_inverse=True)
    for number in range(len(patterns)):
        rows = np.flatnonzero(kind.reshape(-1) == number)
        some = rows[np.unique(np.linspace(0, len(rows) - 1, _LOOKED_AT).astype(np.int64))]
        found = model.held(controls[some], beta[some], coupled[some])
        slots += len(rows) * int(np.diff(found.first_slot).max())
        entries += len(rows) * int(np.diff(found.first_entry[found.first_slot]).max())
        mixing += len(rows) * bool(found.generator.mixing.any())
    return slots, entries, mixing


def refuse_too_large(size: Size) -> None:
    """Refuse tables that do not fit.

    Raises
    ------
    InvalidInput
        If they would take more than 4 GB while they are made.
    """
    if size.most > MOST_BYTES:
        what = f"{size.rows:,} different Hamiltonians of dimension {size.dimension}"
        raise InvalidInput(
            f"{what} take {size.most / 1e9:.3g} GB",
            "time_step",
            f"a longer time step takes fewer; {int(MOST_BYTES / size.most * size.rows):,} fit",
        )
