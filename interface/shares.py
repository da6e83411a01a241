"""What a command finds in a folder before it computes, and what it added: of a whole run, or of a shard."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fluctua.cli import notice
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.spec import EnsembleSpec

Place = tuple["EnsembleSpec", Path]


def places_of(specs: Sequence[EnsembleSpec], folder: Path) -> list[Path]:
    """Give the folder of each run: the folder itself for one, folders in it for more."""
    from fluctua.ensembles.sweep import folder_of, labels_of

    return [folder] if len(specs) == 1 else [folder / folder_of(label) for label in labels_of(specs)]


def rows_there(path: Path, shard: str | None = None) -> int:
    """Count the trajectories of a run that may not have been begun; of one shard, those of its share."""
    from fluctua.ensembles.chunks import Shard
    from fluctua.ensembles.manifest import is_run
    from fluctua.ensembles.parts import list_parts

    if not is_run(path):
        return 0
    share = None if shard is None else Shard.parse(shard)
    return sum(part.rows for part in list_parts(path).values() if share is None or share.has(part.chunk))


def grown(specs: Sequence[EnsembleSpec], folder: Path, quiet: bool) -> list[Place] | None:
    """Give the runs of a folder that were asked for more since, as large as they are; None where none was.

    The same command again shall open what it has made, also after `fluctua extend`. What differs in anything
    else is for `simulate` to refuse.
    """
    from fluctua.ensembles.manifest import is_run
    from fluctua.ensembles.rows import stored_run

    places = places_of(specs, folder)
    there = {path: stored_run(path)[0] for path in places if is_run(path)}
    drawn = {
        spec.seed: there[path].seed
        for spec, path in zip(specs, places, strict=True)
        if spec.seed_was_drawn and path in there
    }
    specs = [spec.replace({"seed": drawn[spec.seed]}) if spec.seed in drawn else spec for spec in specs]
    asked = list(zip(specs, places, strict=True))
    larger = [path for spec, path in asked if path in there and there[path].trajectories > spec.trajectories]
    if not larger or any(path in there and there[path].digest != spec.digest for spec, path in asked):
        return None
    for path in () if quiet else larger:
        notice(_told(path, there[path].trajectories))
    return [(_as_large(spec, there.get(path)), path) for spec, path in asked]


def _as_large(spec: EnsembleSpec, stored: EnsembleSpec | None) -> EnsembleSpec:
    most = spec.trajectories if stored is None else max(spec.trajectories, stored.trajectories)
    return spec.replace({"trajectories": most})


def _told(path: Path, trajectories: int) -> str:
    if rows_there(path) >= trajectories:
        return f"{path} holds more, {trajectories:,} trajectories: it is opened as it is"
    return f"{path} was asked for more since, {trajectories:,} trajectories: it goes on with those"


def tell_shard(shard: str, folder: Path, runs: Sequence[Dataset], computed: int) -> None:
    """Say what a shard has, what its run still lacks, and what comes next."""
    own = sum(rows_there(run.path, shard) for run in runs if run.path is not None)
    rows, wanted = sum(map(len, runs)), sum(run.spec.trajectories for run in runs)
    done = f"shard {shard} is done: {own:,} trajectories" if own else f"shard {shard} has no part of the run"
    done = done if computed or not own else f"nothing to do: {done}"
    left = "all are" if rows >= wanted else f"{wanted - rows:,} are not"
    notice(f"{done}; of {wanted:,}, {left} there: fluctua check {shlex.quote(str(folder))}")


def check_no_pair(specs: Sequence[EnsembleSpec], folder: Path) -> None:
    """Refuse a single run where a run and its reverse lie.

    Raises
    ------
    InvalidInput
        They lie there.
    """
    from fluctua.ensembles.manifest import is_run

    if len(specs) == 1 and any(is_run(folder / f"direction={way}") for way in ("forward", "reverse")):
        raise InvalidInput("the folder holds a pair, a run and its reverse", str(folder), "add --both")
