"""Making runs: `simulate` and `sweep` as everybody calls them, with or without a rule that stops them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluctua.stochastic.errors import InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from fluctua.analysis.stopped import Stopped
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.runs import Runs
    from fluctua.ensembles.spec import EnsembleSpec


def simulate(
    spec: EnsembleSpec,
    folder: str | Path | None = None,
    *,
    threads: int | None = None,
    executor: Executor | str | None = None,
    shard: str | None = None,
    until: str | None = None,
    progress: bool | None = None,
) -> Dataset:
    """Make a run so.

    Parameters
    ----------
    spec : EnsembleSpec
        What to compute.
    folder : str or Path, optional
        Where. Empty or missing: it runs. The same run, unfinished: it goes on. Finished: it opens. More
        trajectories asked for: it extends. Another run: an error. Left out, rows stay in memory.
    threads : int, optional
        By default as many as there are processors for this process. No number depends on it.
    executor : concurrent.futures.Executor or str, optional
        Who computes the chunks: an executor, such as ``Client(...).get_executor()`` of Dask; or
        ``"processes"``, ``"dask"`` for as many workers here as `threads`. By default threads of this process.
        Workers write their parts themselves, so all of them must see the folder.
    shard : str, optional
        ``"3/64"``: make only the third of 64 shares, which other calls may make at the same time.
    until : str, optional
        Stop when it is decided: ``"detailed holds within 0.02"``, in a steady state. The spec's trajectories
        are the limit. Decided is by bets that may be looked at any number of times, with an error rate of
        0.05, or of 0.01 where ``"at 0.01"`` is added. The same call again opens the run.
    progress : bool, optional
        Whether to show how far it is on stderr; by default where that is a terminal. Under a rule, the
        decision is told on stderr unless this is False.

    Returns
    -------
    Dataset
        All trajectories of the spec; under a rule those that were needed; of a shard those that are there.

    Raises
    ------
    InvalidInput
        The run makes no sense, the rule is not about it, or the folder holds something else.
    Unstable
        The time step is too long for the forces.
    Damaged, StorageError, Busy
        The folder: damaged files, no room, another process writing.
    """
    if until is None:
        from fluctua.ensembles.runner import simulate

        return simulate(spec, folder, threads=threads, executor=executor, shard=shard, progress=progress)
    from fluctua.ensembles.spec import EnsembleSpec

    if not isinstance(spec, EnsembleSpec):
        raise InvalidInput(f"{shown(spec)} is no spec", "", "give an EnsembleSpec")
    words: dict[str, Any] = {"shard": shard, "threads": threads, "executor": executor, "progress": progress}
    return run_until([spec], folder, until, alone=True, **words).runs[0]


def sweep(
    specs: Sequence[EnsembleSpec],
    folder: str | Path | None = None,
    *,
    threads: int | None = None,
    executor: Executor | str | None = None,
    shard: str | None = None,
    until: str | None = None,
    progress: bool | None = None,
) -> Runs:
    """Make many runs so, one after the other; as `simulate` for each.

    Parameters
    ----------
    specs : sequence of EnsembleSpec
        For example ``spec.vary({"dynamics.friction": [0.1, 1.0]})`` or ``[spec, spec.reversed()]``; all
        different.
    folder : str or Path, optional
        Where; a run each in folders named by what differs: ``direction=forward``, ``friction=0.1/cycles=3``.
    until : str, optional
        As in :func:`simulate`; for a run and its reverse: ``"crooks holds within 0.02"``.
    threads, executor, shard, progress
        As in :func:`simulate`.

    Returns
    -------
    Runs
        In the order of `specs`.

    Raises
    ------
    InvalidInput, Unstable, Damaged, StorageError, Busy
        As `simulate`; before the first run starts, all folders are looked at.
    """
    if until is None:
        from fluctua.ensembles.sweep import sweep

        return sweep(specs, folder, threads=threads, executor=executor, shard=shard, progress=progress)
    from fluctua.ensembles.sweep import checked

    words: dict[str, Any] = {"shard": shard, "threads": threads, "executor": executor, "progress": progress}
    return run_until(checked(specs), folder, until, alone=False, **words).runs


def run_until(
    specs: Sequence[EnsembleSpec],
    folder: str | Path | None,
    until: str,
    *,
    alone: bool,
    shard: str | None = None,
    **words: Any,
) -> Stopped:
    """Make one run, or one and its reverse, until a rule is decided; and say how it ended.

    Parameters
    ----------
    specs, folder, until, shard
        As in :func:`sweep`.
    alone : bool
        Whether the folder is that of the one run itself, as in :func:`simulate`.
    **words
        threads, executor and progress, as there.

    Raises
    ------
    InvalidInput, Unstable, Damaged, StorageError, Busy
        As `simulate`; a shard, which no rule can stop.
    """
    from fluctua.analysis.rules import Rule
    from fluctua.analysis.until import run_until

    if shard is not None:
        remedy = "a rule looks at the whole run: leave one of the two out"
        raise InvalidInput("a part of a run cannot be stopped by a rule", "until, shard", remedy)
    return run_until(specs, folder, Rule.parse(until), alone=alone, **words)
