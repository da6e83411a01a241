"""Runs that are made larger step by step: in folders, where they may have been stopped before, or in memory.

What both have in common is `Growing`; :mod:`~fluctua.analysis.until` decides how far they go.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fluctua.ensembles.chunks import chunk_of
from fluctua.ensembles.dataset import Dataset, open_run
from fluctua.ensembles.disk import DISK
from fluctua.ensembles.forecast import check_room
from fluctua.ensembles.manifest import is_run, read_manifest, read_target, read_until
from fluctua.ensembles.places import LOG
from fluctua.ensembles.rows import Files, Memory
from fluctua.ensembles.run import Run
from fluctua.ensembles.runner import existing, number_of_threads, simulate
from fluctua.ensembles.runs import Label, Runs
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import note_until
from fluctua.ensembles.sweep import folder_of, labels_of, sweep
from fluctua.stochastic.errors import FluctuaError, InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa


class Growing(Protocol):
    """A run, or a run and its reverse, that can be asked for more trajectories."""

    @property
    def chunk(self) -> int:
        """Trajectories of a chunk."""
        ...

    def outcome(self) -> str | None:
        """Return how it ended under this rule before; None where there is anything left to do."""
        ...

    def begin(self) -> None:
        """Check what is there, and note the rule."""
        ...

    def make(self, trajectories: int) -> None:
        """Let there be at least so many trajectories in each direction."""
        ...

    def runs(self) -> Runs:
        """Give what is there."""
        ...

    def say(self, line: str) -> None:
        """Add a line to what is told of the runs."""
        ...

    def end(self, outcome: str) -> None:
        """Note how it ended."""
        ...


class Folders:
    """Runs in folders.

    Parameters
    ----------
    specs : sequence of EnsembleSpec
        With as many trajectories as there may be at most.
    folder : Path
        Where, as in `sweep`; or that of the one run.
    rule : mapping
        What `target.json` notes of the rule, without an outcome.
    alone : bool
        Whether the folder is that of the one run.
    words : mapping
        How `simulate` works: threads, executor, progress.
    """

    def __init__(
        self,
        specs: Sequence[EnsembleSpec],
        folder: Path,
        rule: Mapping[str, Any],
        *,
        alone: bool,
        words: Mapping[str, Any],
    ) -> None:
        self._specs = specs
        self._folder = folder
        self._rule = dict(rule)
        self._alone = alone
        self._words = words
        self._labels: list[Label] = [{}] if alone else labels_of(specs)
        self._places = [folder / folder_of(label) for label in self._labels]
        self._runs: Runs | None = None

    @property
    def chunk(self) -> int:
        """Trajectories of a chunk: those of a run keep the size that it began with."""
        places = list(filter(is_run, self._places))
        return max(read_manifest(place)["chunk"] for place in places) if places else chunk_of(self._specs[0])

    def outcome(self) -> str | None:
        """Return how all of them ended under this rule, if they did and are whole."""
        if not all(map(is_run, self._places)):
            return None
        self._check()
        first = read_until(self._places[0]) or {}
        found: str | None = first.get("outcome")
        ended = self._rule | {"outcome": found}
        if found is None or any(read_until(place) != ended for place in self._places):
            return None
        runs = [open_run(place) for place in self._places]
        if len({len(run) for run in runs}) != 1 or not all(run.complete for run in runs):
            return None
        self._runs = Runs(runs, self._labels, None if self._alone else self._folder)
        return found

    def begin(self) -> None:
        """Check all places and the room for the limit, then note the rule where it is not the one there."""
        self._check()
        for spec, place in zip(self._specs, self._places, strict=True):
            _check_room(spec, place)
        for place in filter(is_run, self._places):
            if read_until(place) != self._rule:
                note_until(place, self._rule)  # also where the rule that ended it was another

    def _check(self) -> None:
        for spec, place in zip(self._specs, self._places, strict=True):
            there = read_target(place) if is_run(place) else 0
            existing(spec.replace({"trajectories": max(there, spec.trajectories)}), place)
            if there > spec.trajectories:
                what = f"the folder holds more, {there:,} trajectories, than the rule's limit of"
                remedy = f"fluctua verify judges all that is there; a limit of {there:,} or more goes on"
                raise InvalidInput(f"{what} {spec.trajectories:,}", str(place), remedy)

    def make(self, trajectories: int) -> None:
        """Make all as large as the largest, if that is more: one was extended when the other was stopped."""
        if self._runs is not None and len(self._runs[0]) >= trajectories:
            return
        size = max([trajectories, *map(read_target, filter(is_run, self._places))])
        specs = [spec.replace({"trajectories": size}) for spec in self._specs]
        if self._alone:
            run = simulate(specs[0], self._folder, until=self._rule, **self._words)
            self._runs = Runs([run], self._labels)
        else:
            self._runs = sweep(specs, self._folder, until=self._rule, **self._words)

    def runs(self) -> Runs:
        """Give what is there."""
        assert self._runs is not None, "after make, or where there is an outcome"
        return self._runs

    def say(self, line: str) -> None:
        """Add a line to every `log.txt`, with the time in front; one that cannot be written is no failure."""
        for place in self._places:
            with suppress(OSError):
                DISK.append(place / LOG, f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n")

    def end(self, outcome: str) -> None:
        """Note the outcome in every run."""
        for place in self._places:
            note_until(place, self._rule | {"outcome": outcome})


class InMemory:
    """Runs that are nowhere but in memory; chunks that are whole are kept from one size to the next."""

    def __init__(self, specs: Sequence[EnsembleSpec], *, threads: int | None, progress: bool | None) -> None:
        self._specs = specs
        self._threads = number_of_threads(threads)
        self._progress = progress
        self._chunks: list[dict[int, dict[str, pa.Table]]] = [{} for _ in specs]
        self._size = 0

    @property
    def chunk(self) -> int:
        """Trajectories of a chunk."""
        return chunk_of(self._specs[0])

    def outcome(self) -> str | None:
        """Return None: there is no before."""
        return None

    def begin(self) -> None:
        """Check that the largest there may be fits into memory."""
        for spec in self._specs:
            _check_room(spec, None)

    def make(self, trajectories: int) -> None:
        """Compute the chunks that are missing, and the last one again if it grows."""
        for k, spec in enumerate(self._specs):
            run = Run.prepare(spec.replace({"trajectories": trajectories}), None)
            there = self._chunks[k]
            missing = [
                chunk
                for chunk in range(run.chunks)
                if chunk not in there or there[chunk]["parts"].num_rows < run.expected(chunk)
            ]
            there.update(run.compute(None, missing, self._threads, self._progress))
        self._size = trajectories

    def runs(self) -> Runs:
        """Give what is there."""
        size = {"trajectories": self._size}
        found = [
            Dataset(spec.replace(size), Memory(chunks))
            for spec, chunks in zip(self._specs, self._chunks, strict=True)
        ]
        return Runs(found, labels_of(self._specs) if len(found) > 1 else [{}])

    def say(self, line: str) -> None:
        """Do nothing: there is no log."""

    def end(self, outcome: str) -> None:
        """Do nothing: there is nowhere to note it."""


def _check_room(spec: EnsembleSpec, folder: Path | None) -> None:
    """Refuse a limit for which there is no room before anything is made, and not days later."""
    try:
        check_room(spec, folder)
    except FluctuaError as error:
        remedy = f"{error.remedy}, or lower the limit of {spec.trajectories:,} trajectories"
        raise type(error)(error.what, error.where, remedy) from None


def stretch(run: Dataset, first: int, last: int) -> tuple[Dataset, slice]:
    """Give the chunks of a run that hold some consecutive trajectories, and which of their rows those are.

    Parameters
    ----------
    run : Dataset
        Without gaps up to `last`.
    first, last : int
        From `first` on, up to before `last`.
    """
    source: Files | Memory = copy.copy(run._source)
    if isinstance(source, Files):
        size = source.chunk
        source.parts = source.parts[first // size : -(-last // size)]
        source.rows = source.target = sum(part.rows for part in source.parts)
    else:
        chunks = source._chunks
        size = chunks[0]["parts"].num_rows
        source = Memory({k: chunks[k] for k in range(first // size, -(-last // size))})
    start = first % size
    return Dataset(run.spec, source), slice(start, start + last - first)
