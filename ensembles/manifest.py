"""What a run directory says of itself: `manifest.json`, what it is; `target.json`, how much is asked for."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fluctua.ensembles.disk import DISK, Disk, refusals
from fluctua.ensembles.parts import ENCODING
from fluctua.ensembles.text import Table, canonical, read_table
from fluctua.stochastic.errors import Damaged, InvalidInput, StorageError, shown

FORMAT = 1
MANIFEST, TARGET = "manifest.json", "target.json"
_LARGEST = 16_000_000  # bytes
_LARGEST_CHUNK = 2**20
_RESTORE = {TARGET: 'restore it: {"trajectories": N}, N as many as were asked for'}


def describe(
    spec: Table,
    digest: str,
    *,
    chunk: int,
    tables: Sequence[str],
    columns: list[Table],
    canary: str,
    facts: Table,
    software: Table,
    remarks: Sequence[str] = (),
) -> Table:
    """Put together what `manifest.json` holds.

    Parameters
    ----------
    spec, digest : dict, str
        Of the run; the number of trajectories is no part of either.
    chunk : int
        Trajectories of a chunk.
    tables : sequence of str
        Which the run keeps: `parts`, and `strokes` or `paths`.
    columns : list of dict
        Of `parts/`.
    canary : str
        Hash of the first trajectories: a machine or a version that computes others must not go on.
    facts, software : dict
        How the start was drawn; versions at the first start.
    remarks : sequence of str
        What should be known before the run is believed, as it was said when it began.
    """
    return {
        "format": FORMAT,
        "digest": digest,
        "spec": {key: value for key, value in spec.items() if key != "trajectories"},
        "chunk": chunk,
        "tables": list(tables),
        "encoding": ENCODING,
        "canary": canary,
        "columns": columns,
        "start": facts,
        "software": software,
        **({"remarks": list(remarks)} if remarks else {}),
    }


def signed(manifest: Table) -> Table:
    """Add the manifest's own checksum."""
    return manifest | {"sha256": hashlib.sha256(canonical(manifest)).hexdigest()}


def text_of(table: Table) -> bytes:
    """Write a table as these files hold it."""
    return (json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_manifest(folder: Path, disk: Disk = DISK) -> Table:
    """Read `manifest.json` and check it against its own checksum.

    Raises
    ------
    Damaged
        It is missing, or not what was written.
    InvalidInput
        A later version wrote it.
    """
    path = folder / MANIFEST
    manifest = _read_json(path, disk)
    stated = manifest.pop("sha256", None)
    if hashlib.sha256(canonical(manifest)).hexdigest() != stated:
        raise Damaged("the manifest does not match its checksum", str(path), "restore the file")
    if manifest.get("format") != FORMAT:
        raise InvalidInput(
            f"written in format {shown(manifest.get('format'))}",
            str(path),
            f"this version reads format {FORMAT}",
        )
    if not (isinstance(manifest.get("spec"), Mapping) and isinstance(manifest.get("digest"), str)):
        raise Damaged("no spec, or no digest of it", str(path), "restore the file")
    if not _is_count(manifest.get("chunk"), _LARGEST_CHUNK):
        raise Damaged("no size of its chunks", str(path), "restore the file")
    return manifest


def read_target(folder: Path, disk: Disk = DISK) -> int:
    """Read how many trajectories the run is to have.

    Raises
    ------
    Damaged
        The file is missing, or says nothing of the kind.
    """
    count: int = _read_target(folder, disk)["trajectories"]
    return count


def read_remarks(folder: Path) -> tuple[str, ...]:
    """Read what was remarked on a run when it began."""
    found = read_manifest(folder).get("remarks", [])
    return tuple(str(remark) for remark in found)


def read_until(folder: Path, disk: Disk = DISK) -> Table | None:
    """Read the rule that stops the run, as `target.json` notes it; None where there is none.

    Raises
    ------
    Damaged
        The file is missing, or says something else.
    """
    until: Table | None = _read_target(folder, disk).get("until")
    if until is not None and not isinstance(until, Mapping):
        raise Damaged("no rule that stops a run", str(folder / TARGET), "restore the file")
    return until


def target_table(trajectories: int, until: Mapping[str, Any] | None) -> Table:
    """Put together what `target.json` holds."""
    return {"trajectories": trajectories} | ({} if until is None else {"until": dict(until)})


def _read_target(folder: Path, disk: Disk) -> Table:
    table = _read_json(folder / TARGET, disk)
    if not _is_count(table.get("trajectories"), 2**62):
        raise Damaged("no number of trajectories", str(folder / TARGET), "restore the file")
    return table


def _is_count(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _read_json(path: Path, disk: Disk) -> Table:
    try:
        with refusals(path):
            text = disk.read(path)
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise Damaged("the file is missing", str(path), _RESTORE.get(path.name, "restore it")) from None
        raise
    try:
        return read_table(text, "json", str(path), _LARGEST)
    except InvalidInput as error:
        raise Damaged(error.what, str(path), "restore the file") from None


def path_of(folder: object) -> Path:
    """Read where a run lies or shall lie.

    Raises
    ------
    InvalidInput
        No path, or one that the operating system cannot look up.
    """
    if not isinstance(folder, str | os.PathLike):
        raise InvalidInput(f"{shown(folder)} is not a folder's name", "", 'write text, "runs/a"')
    try:
        path = Path(folder)
        os.lstat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(what, shown(os.fspath(folder)), "choose another place") from None
    return path


def is_run(folder: Path, disk: Disk = DISK) -> bool:
    """Tell whether a folder holds a run.

    Raises
    ------
    StorageError
        The operating system refuses to tell.
    """
    with refusals(folder):
        return disk.is_file(folder / MANIFEST)
