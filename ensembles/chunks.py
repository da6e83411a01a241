"""How a run is cut: chunks of consecutive trajectories, each computed and written as one part.

The size of a chunk fixes where files end, and so it belongs to the identity of a run: it is a function of the
spec, written to the manifest, and read from there ever after.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluctua.stochastic.errors import InvalidInput, shown

if TYPE_CHECKING:
    from fluctua.ensembles.spec import EnsembleSpec

LARGEST = 65_536  # trajectories of a chunk
SMALLEST = 128  # a block of the kernel
STEPS = 2**33  # of a chunk, as long as a coordinate's: what a kill can lose, half a minute of one processor
STROKES = 2**20  # rows of `strokes/` of a chunk: what stands in memory at once


def chunk_of(spec: EnsembleSpec) -> int:
    """Choose the number of trajectories of a chunk: a power of two, smaller where each takes long.

    Parameters
    ----------
    spec : EnsembleSpec
        The run; of it count the time steps, the coordinates and the strokes, where they are recorded.
    """
    most = min(LARGEST, STEPS // (spec.time_steps * spec.dynamics.cost(spec.system)))
    if spec.strokes:
        most = min(most, STROKES // len(spec.schedule.names))
    power = 1 << (max(most, 1).bit_length() - 1)
    return min(LARGEST, max(SMALLEST, power))


def number_of(trajectories: int, size: int) -> int:
    """Count the chunks of so many trajectories."""
    return -(-trajectories // size)


def expected_rows(chunk: int, trajectories: int, size: int) -> int:
    """Count the trajectories that a chunk has when `trajectories` are asked for."""
    return max(0, min(size, trajectories - chunk * size))


@dataclass(frozen=True)
class Shard:
    """A share of a run's chunks: every `count`-th, from number `index` on, which counts from 1."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: object) -> Shard:
        """Read ``"3/64"``.

        Raises
        ------
        InvalidInput
            Not two whole numbers, 1 <= 3 <= 64.
        """
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text) if isinstance(text, str) else None
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise InvalidInput(f"{shown(text)} is no shard", "shard", 'write "3/64", from 1/64 to 64/64')
        return cls(int(found[1]), int(found[2]))

    def has(self, chunk: int) -> bool:
        """Tell whether a chunk belongs to it."""
        return chunk % self.count == self.index - 1

    @property
    def suffix(self) -> str:
        """What the names of its own files end in."""
        return f"-{self.index}-{self.count}"

    def __str__(self) -> str:
        """Write it as it was typed."""
        return f"{self.index}/{self.count}"
