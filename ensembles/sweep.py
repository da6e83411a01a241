"""Many runs: a sweep is a list of specs, stored as a folder of ordinary runs.

runs/scan/sweep.json            the specs of all, so that those not yet begun are known
runs/scan/friction=0.1/         a run
runs/scan/friction=1.0/
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from fluctua.ensembles.disk import DISK, LARGEST_READ, refusals
from fluctua.ensembles.dotted import explicit, leaves, with_changes
from fluctua.ensembles.manifest import is_run, path_of, signed, text_of
from fluctua.ensembles.runner import existing, simulate
from fluctua.ensembles.runs import FOLDER_NAME, Label, Runs, runs_in
from fluctua.ensembles.spec import MOST_SPECS, EnsembleSpec, read_file
from fluctua.ensembles.text import read_table
from fluctua.ensembles.warning import once
from fluctua.stochastic.errors import Damaged, InvalidInput, shown

SWEEP = "sweep.json"
_NOTE = re.compile(rf"{re.escape(SWEEP)}(\.\d+-[0-9a-f]+)?")  # and what a killed writer of it leaves
_PAIR = {"direction=forward", "direction=reverse"}
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
    """Make many runs so, one after the other, as `fluctua.sweep` does where no rule stops them.

    Parameters
    ----------
    specs, folder, threads, executor, shard, progress
        As for `fluctua.sweep`.
    until : mapping, optional
        As in :func:`~fluctua.ensembles.runner.simulate`.

    Returns
    -------
    Runs
        In the order of `specs`.

    Raises
    ------
    InvalidInput, Unstable, Damaged, StorageError, Busy
        As `fluctua.simulate`; before the first run starts, all folders are looked at.
    """
    specs = checked(specs)
    labels = labels_of(specs)
    make = partial(simulate, threads=threads, executor=executor, shard=shard, until=until, progress=progress)
    if folder is None:
        with once():
            return Runs([make(spec) for spec in specs], labels)
    path = path_of(folder)
    _check_folder(path, labels)
    places = [path / folder_of(label) for label in labels]
    specs = _with_seeds_there(specs, places)
    with once(), _noting(path, dict(zip(places, specs, strict=True))):
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
        if _NOTE.fullmatch(entry.name) and entry.is_file():
            continue
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


# ---- which runs there are to be


def planned(folder: str | Path) -> dict[Path, EnsembleSpec]:
    """Read which runs a sweep is to have, those that were never begun among them.

    Parameters
    ----------
    folder : str or Path
        Of the sweep.

    Returns
    -------
    dict of Path to EnsembleSpec
        By the folder of each run; empty where nothing is noted, as in the folder of a single run.

    Raises
    ------
    Damaged
        `sweep.json` is not what was written.
    """
    path = Path(folder)
    with refusals(path):
        if not DISK.is_file(path / SWEEP):
            return {}
        text = DISK.read(path / SWEEP)
    try:
        table = read_table(text, "json", str(path / SWEEP), LARGEST_READ)
        runs = table["runs"]
        if signed({"runs": runs}) != table:
            raise KeyError("sha256")
        return {path / name: _noted(name, note) for name, note in runs.items()}
    except (InvalidInput, KeyError, TypeError, AttributeError):
        remedy = "delete it, and repeat the command that began the sweep"
        raise Damaged("it does not say which runs there are to be", str(path / SWEEP), remedy) from None


def _noted(name: str, note: Mapping[str, Any]) -> EnsembleSpec:
    """Read one spec; KeyError where its digest is another, or its place none of a run."""
    spec = EnsembleSpec.from_table(note["spec"])
    if spec.digest != note["digest"] or not all(map(FOLDER_NAME.fullmatch, Path(name).parts)):
        raise KeyError(name)
    return spec


def never_begun(folder: str | Path) -> dict[Path, EnsembleSpec]:
    """Give those runs of a sweep of which nothing is there yet; errors as of `planned`."""
    return {place: spec for place, spec in planned(folder).items() if not is_run(place)}


@contextmanager
def _noting(path: Path, runs: Mapping[Path, EnsembleSpec]) -> Iterator[None]:
    """Note which runs there are to be while they are made; where none could be begun nothing is left.

    Of a pair either direction tells of the other.
    """
    noted = planned(path)
    wanted = noted | dict(runs)
    pair = all(str(place.relative_to(path)) in _PAIR for place in wanted)
    if pair or _as_text(path, wanted) == _as_text(path, noted):
        yield
        return
    there = path.exists()
    _note(path, _as_text(path, wanted))
    try:
        yield
    except BaseException:
        if not any(runs_in(path)):
            with suppress(OSError):
                (path / SWEEP).unlink()
                if not there:
                    path.rmdir()
        raise


def _as_text(path: Path, runs: Mapping[Path, EnsembleSpec]) -> bytes:
    table = {
        str(place.relative_to(path)): {"digest": spec.digest, "spec": spec.table()}
        for place, spec in runs.items()
    }
    return text_of(signed({"runs": table}))


def _note(path: Path, text: bytes) -> None:
    """Write `sweep.json` in one go: shards write it at the same time, all of them the same."""
    if len(text) > LARGEST_READ:
        return  # such a sweep goes on by the command that began it
    begun = path / f"{SWEEP}.{os.getpid()}-{secrets.token_hex(4)}"
    with refusals(path / SWEEP):
        path.mkdir(parents=True, exist_ok=True)
        try:
            DISK.write(begun, text)
            DISK.rename(begun, path / SWEEP)
        finally:
            DISK.remove(begun)


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
