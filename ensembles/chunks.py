"""How a run is cut: chunks of consecutive trajectories, each computed and written as one part.

The size of a chunk fixes where files end, and so it belongs to the identity of a run: it is a function of the
spec, written to the manifest, and read from there ever after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluctua.ensembles.spec import EnsembleSpec

LARGEST = 65_536  # trajectories of a chunk
SMALLEST = 128  # a block of the kernel
STEPS = 2**33  # of all coordinates of a chunk: what a kill can lose, half a minute of one processor
STROKES = 2**22  # rows of `strokes/` of a chunk: what stands in memory at once


def chunk_of(spec: EnsembleSpec) -> int:
    """Choose the number of trajectories of a chunk: a power of two, smaller where each takes long.

    Parameters
    ----------
    spec : EnsembleSpec
        The run; of it count the time steps, the coordinates and the strokes, where they are recorded.
    """
    most = min(LARGEST, STEPS // (spec.time_steps * len(spec.system.coordinates)))
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
