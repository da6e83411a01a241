"""Many runs: a sweep is a list of specs, stored as a folder of ordinary runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

from fluctua.ensembles.dataset import FOLDER_NAME, Label, Runs, runs_in
from fluctua.ensembles.dotted import explicit, leaves, with_changes
from fluctua.ensembles.manifest import is_run, path_of
from fluctua.ensembles.runner import existing, simulate
from fluctua.ensembles.spec import MOST_SPECS, EnsembleSpec, read_file
from fluctua.stochastic.errors import InvalidInput, shown

_SHORT_TEXT = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]{0,39}")


# ---- what differs


def labels_of(specs: Sequence[EnsembleSpec]) -> list[Label]:
    """Say in short words what differs between specs: the last words of the paths, and their values.

    What has no short text, such as a formula, becomes ``{"point": number}``.
    """
    tables = [dict(leaves(explicit(spec))) for spec in specs]
    paths = list(dict.fromkeys(path for table in tables for path in table))
    differ = [path for path in paths if any(table.get(path) != tables[0].get(path) for table in tables)]
    if not differ or not all(_is_short(table.get(path)) for path in differ for table in tables):
        return [{"point": number} for number in range(len(specs))]
    names = _short_names(differ)
    return [{name: table[path] for name, path in zip(names, differ, strict=True)} for table in tables]


def _is_short(value: object) -> bool:
    return isinstance(value, bool | int | float) or (
        isinstance(value, str) and bool(_SHORT_TEXT.fullmatch(value))
    )


def _short_names(paths: Sequence[str]) -> list[str]:
    """Shorten dotted paths to as few of their last words as keep them apart."""
    for words in range(1, 33):
        names = ["_".join(path.split(".")[-words:]) for path in paths]
        if len(set(names)) == len(names):
            return [name if name[0].isalpha() else f"item_{name}" for name in names]
    return [f"path_{number}" for number in range(len(paths))]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def folder_of(label: Label) -> Path:
    """Give the folder of a run inside its sweep: ``friction=0.1/cycles=3``, which others read as columns."""
    return Path(*(f"{name}={_text(value)}" for name, value in label.items()))


# ---- making and opening


def sweep(
    specs: Sequence[EnsembleSpec],
    folder: str | Path | None = None,
    *,
    threads: int | None = None,
    executor: Executor | str | None = None,
    shard: str | None = None,
    until: Mapping[str, Any] | None = None,
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
    threads, executor, shard, until, progress
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
    specs = checked(specs)
    labels = labels_of(specs)
    make = partial(simulate, threads=threads, executor=executor, shard=shard, until=until, progress=progress)
    if folder is None:
        return Runs([make(spec) for spec in specs], labels)
    path = path_of(folder)
    _check_folder(path, labels)
    places = [path / folder_of(label) for label in labels]
    specs = _with_seeds_there(specs, places)
    runs = [make(spec, place) for spec, place in zip(specs, places, strict=True)]
    return Runs(runs, labels, path)


def checked(specs: Sequence[EnsembleSpec]) -> list[EnsembleSpec]:
    """Return some specs, all different, as a list.

    Raises
    ------
    InvalidInput
        No specs, too many, or two that are the same.
    """
    if isinstance(specs, EnsembleSpec) or not all(isinstance(spec, EnsembleSpec) for spec in specs):
        raise InvalidInput(
            f"{shown(specs)} is no list of specs", "", "give [spec, ...], for example spec.vary(...)"
        )
    specs = list(specs)
    if not 0 < len(specs) <= MOST_SPECS:
        raise InvalidInput(f"{len(specs):,} specs", "", f"give 1 to {MOST_SPECS:,}")
    seen: dict[EnsembleSpec, int] = {}
    for number, spec in enumerate(specs):
        if spec in seen:
            raise InvalidInput(f"specs {seen[spec]} and {number} are the same", "", "leave one out")
        seen[spec] = number
    return specs


def _with_seeds_there(specs: Sequence[EnsembleSpec], places: Sequence[Path]) -> list[EnsembleSpec]:
    """Look at all folders; where a drawn seed gives way to a folder's, all runs that share it follow."""
    taken: dict[int, int] = {}
    for spec, place in zip(specs, places, strict=True):
        there = existing(spec, place)[0]
        if there.seed != spec.seed:
            taken[spec.seed] = there.seed
    return [spec.replace({"seed": taken[spec.seed]}) if spec.seed in taken else spec for spec in specs]


def _check_folder(path: Path, labels: Sequence[Label]) -> None:
    """Refuse a place that holds anything but runs with the same words in their folders' names."""
    if not path.exists():
        return
    if not path.is_dir():
        raise InvalidInput("not a folder", str(path), "choose another place")
    if is_run(path):
        raise InvalidInput("the folder holds a single run", str(path), "choose another folder")
    for entry in sorted(path.iterdir()):
        if not entry.is_dir() or not FOLDER_NAME.fullmatch(entry.name):
            raise InvalidInput("the folder holds something else", str(entry), "choose another folder")
    words = list(labels[0])
    for label, _ in runs_in(path):
        if list(label) != words:
            raise InvalidInput(
                f"the folder holds a sweep over {', '.join(label)}",
                str(path),
                f"not over {', '.join(words)}: choose another folder",
            )


# ---- files with a [sweep]


def load_specs(file: str | Path, changes: Mapping[str, Any] | None = None) -> list[EnsembleSpec]:
    """Read the specs of a file: one, or those that its `[sweep]` makes.

    Parameters
    ----------
    file : str or Path
        TOML or JSON. ``[sweep]`` maps paths to lists, for their product; ``[[sweep]]``, once a point, maps
        paths to values.
    changes : mapping of str to value, optional
        Replacements over the file, before the sweep and before anything is checked: they may repair it.
    """
    table = read_file(file)
    varied = table.pop("sweep", None)
    spec = EnsembleSpec.from_table(with_changes(table, changes or {}))
    if varied is None:
        return [spec]
    try:
        return spec.vary(_points(varied))
    except InvalidInput as error:
        raise error.within("sweep") if not error.where.startswith("sweep") else error from None


def _points(varied: object) -> dict[str, list[Any]] | list[dict[str, Any]]:
    if isinstance(varied, Mapping):
        return dict(_paths(varied, lists=True))
    if isinstance(varied, list) and all(isinstance(point, Mapping) for point in varied):
        return [dict(_paths(point, lists=False)) for point in varied]
    raise InvalidInput(
        f"{shown(varied)} is no sweep",
        "sweep",
        "write [sweep] with path = [values], or [[sweep]] once a point",
    )


def _paths(table: Mapping[str, Any], lists: bool, above: str = "") -> Iterator[tuple[str, Any]]:
    """Join the keys of nested tables, which is how TOML reads dotted ones, down to the values."""
    for key, value in table.items():
        path = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping) and "kind" not in value:
            yield from _paths(value, lists, path)
        elif lists and not isinstance(value, list):
            raise InvalidInput(
                f"{shown(value)} is not a list of values", f"sweep.{path}", "write [...] around it"
            )
        else:
            yield path, value
