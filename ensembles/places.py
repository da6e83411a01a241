"""Whose folder it is: what a run directory may hold, so that nothing of others is mixed in or removed."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from fluctua.ensembles.disk import DISK, Disk, refusals
from fluctua.ensembles.manifest import MANIFEST, TARGET, is_run, read_target
from fluctua.ensembles.parts import TABLES, all_parts
from fluctua.stochastic.errors import Damaged, InvalidInput

LOCK, SCRATCH, LOG = ".lock", "_tmp", "log.txt"
OPENING = f"{LOCK}-open"  # held by shards while they open a run
LEFT = re.compile(r"\.lock-\d+-\d+|_tmp(-\d+-\d+)?")  # what a killed writer leaves
OWN = re.compile(r"\.lock(-open|-\d+-\d+)?|_tmp(-\d+-\d+)?")  # a writer's own files


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
        check_manifest(folder, "choose another folder", disk)
        strangers = [name for name in disk.names(folder) if not _is_ours(folder, name, disk)]
    if strangers:
        raise InvalidInput(
            "the folder holds something else", str(folder / strangers[0]), "choose another folder"
        )


def _is_ours(folder: Path, name: str, disk: Disk) -> bool:
    """Tell whether a name is one of a run's; without a manifest, others' logs and targets are not."""
    if name == LOG:
        return is_run(folder, disk)
    if name == TARGET and not is_run(folder, disk):
        with suppress(Damaged):
            return read_target(folder, disk) > 0
        return False
    return name in (TARGET, MANIFEST, *TABLES) or bool(OWN.fullmatch(name))


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
