"""What a run will need: rows, bytes on disk, memory, time."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fluctua.ensembles.chunks import Shard, chunk_of, expected_rows, number_of
from fluctua.ensembles.columns import tables_of
from fluctua.ensembles.physics import propagator_of
from fluctua.stochastic.errors import InvalidInput, StorageError
from fluctua.stochastic.propagator import PIECE

if TYPE_CHECKING:
    from fluctua.ensembles.spec import EnsembleSpec
    from fluctua.stochastic.propagator import Block, Propagator

PACKED = 0.9  # of the mantissas' bytes remain after compression; less where columns are constant
WRITING = 1e-8  # seconds a thread needs for one number of a row on its way to the disk
JUMPS = 100  # of a trajectory, for want of anything better before it is run
A_JUMP = 150  # bytes of a jump on its way to the disk, numbers and words
TIMED = 0.1  # seconds of a pilot: less says more of what is done once than of trajectories
INTERPRETER = 300_000_000  # bytes that Python, Arrow and the compiler take


@dataclass(frozen=True)
class Forecast:
    """What a run will need.

    Parameters
    ----------
    trajectories, time_steps, chunks : int
        Rows of `parts/`, moves of each trajectory, files of `parts/`.
    disk : int
        Bytes of the run directory.
    memory : int
        Bytes at the largest, with a folder.
    memory_without_folder : int
        Bytes when all rows stay in memory.
    seconds : float or None
        With all threads; None where it was not measured.
    """

    trajectories: int
    time_steps: int
    chunks: int
    disk: int
    memory: int
    memory_without_folder: int
    seconds: float | None = None


def forecast(
    spec: EnsembleSpec, *, threads: int | None = None, measure: bool = False, shard: str | None = None
) -> Forecast:
    """Say what a run will need.

    Parameters
    ----------
    spec : EnsembleSpec
        The run.
    threads : int, optional
        By default as many as there are processors for this process.
    measure : bool
        Run some trajectories to learn how long they take; this compiles the kernel.
    shard : str, optional
        ``"3/64"``: what this share of the run needs.
    """
    size = chunk_of(spec)
    chunks = range(number_of(spec.trajectories, size))
    if shard is not None:
        share = Shard.parse(shard)
        chunks = chunks[share.index - 1 :: share.count]
    last = expected_rows(chunks[-1], spec.trajectories, size) if chunks else 0
    trajectories = max(len(chunks) - 1, 0) * size + last
    count = len(os.sched_getaffinity(0)) if threads is None else threads
    whole = _bytes(spec, trajectories)
    chunk = _bytes(spec, min(trajectories, size))
    return Forecast(
        trajectories=trajectories,
        time_steps=spec.time_steps,
        chunks=len(chunks),
        disk=int(PACKED * whole) + 100_000,
        memory=INTERPRETER + min(3 * chunk * (count + 1), 3 * whole),
        memory_without_folder=INTERPRETER + whole + min(2 * chunk * (count + 1), 2 * whole),
        seconds=_seconds(spec, count, trajectories) if measure else None,
    )


def _bytes(spec: EnsembleSpec, trajectories: int) -> int:
    """Count the bytes of all numbers, eight each."""
    samples = spec.time_steps // spec.path_every + 1
    sampled = min(spec.paths, trajectories)
    rows = {
        "parts": trajectories,
        "strokes": trajectories * len(spec.schedule.names),
        "paths": sampled * samples,
        "jumps": sampled * JUMPS,
    }
    total = sum(rows[name] * len(columns) for name, columns in tables_of(spec).items())
    return 8 * total


def _seconds(spec: EnsembleSpec, threads: int, trajectories: int) -> float:
    propagator = propagator_of(spec)
    propagator.compile()
    sampled = min(spec.paths, trajectories)  # their jumps and paths cost what no other trajectory does
    computing = pilot_seconds(propagator, 0, sampled) * sampled
    computing += pilot_seconds(propagator, sampled, trajectories - sampled) * (trajectories - sampled)
    return (computing + WRITING * _bytes(spec, trajectories) / 8) / threads


def pilot_seconds(propagator: Propagator, first: int, most: int) -> float:
    """Measure the seconds that one thread needs for one trajectory, on some from `first` on."""
    count = min(256, most)
    if count == 0:
        return 0.0
    propagator.run(first, 1)  # what is done once is not paid again by each
    while True:
        began = time.perf_counter()
        propagator.run(first, count)
        seconds = time.perf_counter() - began
        if seconds >= TIMED or count >= min(most, PIECE):
            return seconds / count
        count = min(4 * count, most, PIECE)


def check_room(spec: EnsembleSpec, folder: Path | None) -> None:
    """Refuse a run that cannot fit, before anything is made.

    Raises
    ------
    StorageError
        The disk has less room than the run needs.
    InvalidInput
        The rows do not fit into memory.
    """
    needed = forecast(spec)
    if folder is None:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if needed.memory_without_folder > there:
            what = (
                f"{shown_bytes(needed.memory_without_folder)} do not fit into {shown_bytes(there)} of memory"
            )
            raise InvalidInput(what, "trajectories", "give a folder, or ask for fewer")
        return
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(nearest).free
    if needed.disk > free + _used(folder):
        raise StorageError(
            f"the run needs {shown_bytes(needed.disk)}, the disk has {shown_bytes(free)}",
            str(folder),
            "make room",
        )


def check_jumps(spec: EnsembleSpec, pilot: Block) -> None:
    """Refuse to list more jumps than memory holds, by how often the first trajectories jump.

    Raises
    ------
    InvalidInput
        Those of one chunk, which stands in memory at once, do not fit; it says for how many `paths` they do.
    """
    if "jumps" not in tables_of(spec):
        return
    mean = float(np.mean(pilot.columns["activity"]))
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    listed = min(spec.paths, spec.trajectories, chunk_of(spec))
    if listed * mean * A_JUMP > there / 2:
        fits = int(there / 2 / max(mean, 1.0) / A_JUMP)
        what = f"{listed * mean:.2g} jumps of {spec.paths:,} trajectories do not fit into memory"
        raise InvalidInput(what, "paths", f"{fits:,} do" if fits else "leave it out: one alone is too many")


def _used(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*/part-*")) if folder.is_dir() else 0


def shown_bytes(count: float) -> str:
    """Write a number of bytes in the unit that suits it."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:.3g} {unit}"
        count /= 1000
    raise AssertionError
