"""Whose folder it is: what a run directory may hold, so that nothing of others is mixed in or removed."""

from __future__ import annotations

import errno
import re
from contextlib import suppress
from pathlib import Path

from fluctua.ensembles.disk import DISK, Disk, refusals
from fluctua.ensembles.manifest import MANIFEST, TARGET, is_run, read_target
from fluctua.ensembles.parts import TABLES, all_parts
from fluctua.stochastic.errors import Damaged, InvalidInput

LOCK, SCRATCH, LOG = ".lock", "_tmp", "log.txt"
OPENING = f"{LOCK}-open"  # held by shards while they open a run
WORKING = f"{LOCK}-work"  # shared by shards that work towards the same number
_SCRATCH = rf"{SCRATCH}(-\d+-\d+)?(-[0-9a-f]{{16}})?"
LEFT = re.compile(rf"\.lock-\d+-\d+|{_SCRATCH}")  # what a killed writer leaves
OWN = re.compile(rf"\.lock(-open|-work|-\d+-\d+)?|{_SCRATCH}")  # a writer's own files
_TEMPORARY = re.compile(  # what lies in a scratch folder
    r"(part-\d{8}-\d{9}-[0-9a-f]{32}\.parquet|manifest\.json|target\.json)\.\d+\.[0-9a-f]{16}"
)


def check_ours(folder: Path, disk: Disk = DISK) -> None:
    """Refuse a place that holds anything but a run, and one inside a run: nothing is ever mixed.

    Raises
    ------
    InvalidInput, Damaged
        Something else is there, or the place lies inside a run.
    """
    with refusals(folder):
        _check_above(folder, disk)
        if not disk.exists(folder):
            return
        if not disk.is_folder(folder):
            raise InvalidInput("not a folder", str(folder), "choose another place")
        for name in disk.names(folder):
            if not _is_ours(folder, name, disk):
                raise _stranger(folder / name)
        check_manifest(folder, "choose another folder", disk)


def check_own(folder: Path, disk: Disk = DISK) -> None:
    """Refuse a run in which a link, or something else of others, has the name of a writer's own.

    Raises
    ------
    InvalidInput
        It has.
    """
    with refusals(folder):
        for name in disk.names(folder):
            own = name in TABLES or OWN.fullmatch(name)
            if own and not _is_own(folder, name, disk):
                raise _stranger(folder / name)


def _stranger(path: Path) -> InvalidInput:
    return InvalidInput("the folder holds something else", str(path), "choose another folder")


def _is_ours(folder: Path, name: str, disk: Disk) -> bool:
    """Tell whether a name is one of a run's; without a manifest, others' logs and targets are not."""
    if name == LOG:
        return is_run(folder, disk)
    if name == TARGET and not is_run(folder, disk):
        with suppress(Damaged):
            return read_target(folder, disk) > 0
        return False
    if name == MANIFEST:
        return disk.kind(folder / name) in ("file", "nothing")
    return name == TARGET or _is_own(folder, name, disk)


def _is_own(folder: Path, name: str, disk: Disk) -> bool:
    """Tell whether a writer made a table's folder, a scratch folder or a lock; what is gone now, one did."""
    kind = disk.kind(folder / name)
    if name in TABLES:
        return kind in ("folder", "nothing")
    if not OWN.fullmatch(name):
        return False
    if name.startswith(LOCK):
        return kind in ("file", "nothing")
    return kind == "nothing" or (kind == "folder" and _is_scratch(folder / name, disk))


def _is_scratch(path: Path, disk: Disk) -> bool:
    """Tell whether a folder holds nothing but temporary files."""
    return all(
        _TEMPORARY.fullmatch(name) and disk.kind(path / name) in ("file", "nothing")
        for name in disk.names(path)
    )


def remove_scratch(path: Path, disk: Disk) -> None:
    """Remove a scratch folder with its temporary files; it stays if there is anything else."""
    if disk.kind(path) != "folder":
        return
    for name in filter(_TEMPORARY.fullmatch, disk.names(path)):
        disk.remove(path / name)
    try:
        disk.remove_folder(path)
    except OSError as error:  # a worker of a killed writer may still write there
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise


def check_manifest(
    folder: Path,
    remedy: str = "restore manifest.json, or move the folder elsewhere",
    disk: Disk = DISK,
) -> None:
    """Refuse a folder with parts of which nothing says what they are.

    Raises
    ------
    Damaged
        Its manifest is missing.
    """
    if not is_run(folder, disk) and any(any(all_parts(folder / table, disk)) for table in TABLES):
        raise Damaged("parts without a manifest", str(folder), remedy)


def _check_above(folder: Path, disk: Disk) -> None:
    """Refuse a place inside a run: nobody would find a run there, and the outer one could not go on.

    Others call files manifest.json too, so a folder above counts as a run if it has a target as well.
    """
    above = [path for path in disk.resolve(folder).parents if is_run(path, disk)]
    above = [path for path in above if disk.is_file(path / TARGET)]
    if above:
        raise InvalidInput("the place lies inside a run", str(folder), f"choose one outside {above[0]}")
