"""Make a run so: look what is there, check, compute what is missing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from fluctua.ensembles.chunks import Shard, expected_rows
from fluctua.ensembles.dataset import Dataset, open_run
from fluctua.ensembles.dotted import differences, explicit
from fluctua.ensembles.manifest import is_run, path_of
from fluctua.ensembles.parts import list_parts
from fluctua.ensembles.places import check_ours
from fluctua.ensembles.rows import Layout, Memory, stored_run
from fluctua.ensembles.run import Run
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import Writer, tidy
from fluctua.stochastic.errors import InvalidInput, shown


def simulate(
    spec: EnsembleSpec,
    folder: str | Path | None = None,
    *,
    threads: int | None = None,
    executor: Executor | str | None = None,
    shard: str | None = None,
    until: Mapping[str, Any] | None = None,
    progress: bool | None = None,
) -> Dataset:
    """Make a run so, as `fluctua.simulate` does where no rule stops it.

    Parameters
    ----------
    spec, folder, threads, executor, shard, progress
        As for `fluctua.simulate`.
    until : mapping, optional
        What the folder notes of a rule that stops the run; see :mod:`fluctua.analysis.until`.

    Returns
    -------
    Dataset
        All trajectories of the spec; of a shard, those that are there.

    Raises
    ------
    InvalidInput, Unstable, Damaged, StorageError, Busy
        As `fluctua.simulate`.
    """
    if not isinstance(spec, EnsembleSpec):
        raise InvalidInput(f"{shown(spec)} is no spec", "", "give an EnsembleSpec")
    count = number_of_threads(threads)
    share = None if shard is None else Shard.parse(shard)
    _check_executor(executor)
    if folder is None:
        _check_in_memory(executor=executor, shard=shard)
        return _in_memory(spec, Run.prepare(spec, None), count, progress)
    path = path_of(folder)
    spec, there = existing(spec, path)
    if share is not None and spec.seed_was_drawn and not is_run(path):
        raise InvalidInput("shards must have one seed", "seed", "set it, so that all of them draw alike")
    if there < spec.trajectories:
        run = Run.prepare(spec, path)
        layout = Layout(spec, run.chunk) if there else None
        with Writer(
            path, run.manifest(), spec.trajectories, shard=share, until=until, layout=layout
        ) as writer:
            if executor is None:
                run.compute(writer, writer.missing(), count, progress)
            else:
                from fluctua.ensembles.executing import compute

                compute(run, writer, executor, workers=count, progress=progress)
    else:
        tidy(path)
    return open_run(path)


def _check_executor(executor: object) -> None:
    if not (executor is None or isinstance(executor, Executor) or executor in ("processes", "dask")):
        remedy = "give one, or 'processes' or 'dask'"
        if callable(getattr(executor, "get_executor", None)):  # of Dask; not imported to be sure
            remedy = "give client.get_executor()"
        raise InvalidInput(f"{shown(executor)} is no executor", "executor", remedy)


def _check_in_memory(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise InvalidInput(f"{name} without a folder", name, "give a folder: its workers write files")


def simulate_on_path_of(
    spec: EnsembleSpec, finer: int, *, threads: int | None = None, progress: bool | None = None
) -> Dataset:
    """Compute a spec in memory along the Brownian path that it has with a time step `finer` times shorter.

    It is no run of that spec, whose own noise is another, and so it has no folder.
    """
    return _in_memory(spec, Run.prepare(spec, None, finer=finer), number_of_threads(threads), progress)


def _in_memory(spec: EnsembleSpec, run: Run, threads: int, progress: bool | None) -> Dataset:
    return Dataset(spec, Memory(run.compute(None, range(run.chunks), threads, progress)))


def existing(spec: EnsembleSpec, path: Path) -> tuple[EnsembleSpec, int]:
    """Look at a folder: give the spec, with the folder's seed if its own was drawn, and the rows there.

    Raises
    ------
    InvalidInput
        The folder holds another run, more of this one, or something else.
    """
    check_ours(path)
    if not is_run(path):
        return spec, 0
    stored, size = stored_run(path)
    if spec.seed_was_drawn:
        spec = spec.replace({"seed": stored.seed})
    if stored.digest != spec.digest:
        raise _another_run(stored, spec, path)
    if stored.trajectories > spec.trajectories:
        raise InvalidInput(
            f"the folder holds more, {stored.trajectories:,} trajectories",
            str(path),
            "ask for as many, or choose another folder",
        )
    rows = sum(
        min(part.rows, expected_rows(part.chunk, spec.trajectories, size))
        for part in list_parts(path).values()
    )
    return spec, rows


def _another_run(stored: EnsembleSpec, asked: EnsembleSpec, path: Path) -> InvalidInput:
    """Say in which fields the run that is there differs from the one asked for."""
    found = [
        (key, a, b) for key, a, b in differences(explicit(stored), explicit(asked)) if key != "trajectories"
    ]
    fields = ", ".join(f"{key} ({_brief(a)}, {_brief(b)})" for key, a, b in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return InvalidInput(
        "the folder holds another run", str(path), f"it differs in {fields}{more}; choose another folder"
    )


def _brief(value: object) -> str:
    return (
        "nothing" if value is None else value if isinstance(value, str) and len(value) < 40 else shown(value)
    )


def number_of_threads(threads: int | None) -> int:
    """Read how many threads are wanted; by default as many as there are processors for this process."""
    if threads is None:
        return len(os.sched_getaffinity(0))
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 1024:
        raise InvalidInput(f"{shown(threads)} is not a number of threads", "threads", "give 1 to 1024")
    return threads
