"""The real disk: no file gets its name before its bytes are down, nor counts before its name is.

The simulated disks have syncs of their own; here the calls to the operating system are watched.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fluctua.ensembles.disk import DISK, Disk
from fluctua.ensembles.store import Writer
from fluctua.stochastic.errors import StorageError

from faults.small_run import TABLES, commit, manifest

Inode = tuple[int, int]
TARGETS = (40, 70)  # the second run goes on and replaces the target


def inode(place: Path | int) -> Inode:
    found = os.stat(place)
    return found.st_dev, found.st_ino


def digest(place: Path | int) -> str:
    """Hash a file by its path, or by a descriptor that is perhaps only for writing."""
    path = place if isinstance(place, Path) else Path(f"/proc/self/fd/{place}")
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Watched:
    """All syncs, renames and new folders of this process, and between them what the caller was told.

    Parameters
    ----------
    patch : pytest.MonkeyPatch
        Puts listeners in the place of functions of `os`.
    ignored : function, optional
        Of a mode of a file, whether its syncs do nothing.
    """

    def __init__(self, patch: pytest.MonkeyPatch, ignored: Callable[[int], bool] = lambda _: False) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.ignored = ignored
        for name in ("fsync", "fdatasync"):
            patch.setattr(os, name, self._syncing(getattr(os, name)))
        for name in ("rename", "replace"):
            patch.setattr(os, name, self._naming(getattr(os, name)))
        patch.setattr(os, "mkdir", self._making(os.mkdir))

    def _syncing(self, call: Callable[[int], None]) -> Callable[[int], None]:
        def sync(descriptor: int) -> None:
            mode = os.fstat(descriptor).st_mode
            if not self.ignored(mode):
                held = "" if stat.S_ISDIR(mode) else digest(descriptor)
                call(descriptor)
                self.events.append(("synced", inode(descriptor), held))

        return sync

    def _naming(self, call: Callable[..., None]) -> Callable[..., None]:
        def rename(old: Any, new: Any, **words: Any) -> None:
            moved = inode(Path(old))
            call(old, new, **words)
            self.events.append(("named", moved, Path(new)))

        return rename

    def _making(self, call: Callable[..., None]) -> Callable[..., None]:
        def mkdir(path: Any, *more: Any, **words: Any) -> None:
            call(path, *more, **words)
            self.events.append(("made", inode(Path(path)), Path(path)))

        return mkdir

    def where(self, *event: object) -> int:
        """Find the last place of an event that begins so; -1 where there is none."""
        found = [place for place, there in enumerate(self.events) if there[: len(event)] == event]
        return found[-1] if found else -1

    def complaints(self, path: Path, told: object) -> list[str]:
        """Check a file, or a folder that was made, against when its being there was told."""
        name, end = path.name, self.where("told", told)
        if path.is_dir():
            named = self.where("made", inode(path))
            said = []
        else:
            named = self.where("named", inode(path), path)
            down = self.where("synced", inode(path), digest(path))
            said = [] if 0 <= down < named else [f"{name} has its name before its bytes are down"]
        shown = [
            place
            for place, event in enumerate(self.events)
            if named < place < end and event[:2] == ("synced", inode(path.parent))
        ]
        return said + ([] if named >= 0 and shown else [f"{name} counts before its name is down"])


def write_watched(watched: Watched, folder: Path, disk: Disk = DISK) -> dict[Path, object]:
    """Make a run and extend it; say of each file and folder that counts when the caller was told so."""
    told: dict[Path, object] = {}
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    for trajectories in TARGETS:
        with Writer(folder, manifest(), trajectories, disk=disk) as writer:
            watched.events.append(("told", trajectories))
            told[folder / "target.json"] = trajectories
            told |= {path: trajectories for path in new}
            if trajectories == TARGETS[0]:
                told[folder / "manifest.json"] = trajectories
                told |= {folder / table: trajectories for table in TABLES}
            new = []
            for chunk in writer.missing():
                before = {path for table in TABLES for path in (folder / table).iterdir()}
                commit(writer, chunk)
                watched.events.append(("told", (trajectories, chunk)))
                after = {path for table in TABLES for path in (folder / table).iterdir()}
                told |= dict.fromkeys(after - before, (trajectories, chunk))
    return {path: when for path, when in told.items() if path.exists()}  # a longer part replaces a shorter


def all_complaints(watched: Watched, told: dict[Path, object]) -> list[str]:
    return [said for path, when in told.items() for said in watched.complaints(path, when)]


def test_bytes_then_name_then_folder_then_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch)
    folder = tmp_path / "new" / "deep" / "a"
    told = write_watched(watched, folder)
    files = {path for path in folder.rglob("*") if path.suffix in (".json", ".parquet")}
    folders = {folder.parent.parent, folder.parent, folder, *(folder / table for table in TABLES)}
    assert set(told) == files | folders
    assert len(files) == 2 + 2 * 5
    assert all_complaints(watched, told) == []


class HastyDisk(Disk):
    """Control: the end of each file is written after its sync."""

    def write(self, path: Path, payload: bytes | memoryview) -> None:
        whole = bytes(payload)
        super().write(path, whole[:-1])
        with open(path, "ab") as file:
            file.write(whole[-1:])


class LateDisk(Disk):
    """Control: each file is synced once it has its name."""

    def write(self, path: Path, payload: bytes | memoryview) -> None:
        path.write_bytes(payload)

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        with open(new, "rb") as file:
            os.fsync(file.fileno())


@pytest.mark.parametrize(
    ("ignored", "disk", "files", "names"),
    [
        (stat.S_ISREG, Disk(), True, False),
        (stat.S_ISDIR, Disk(), False, True),
        (lambda _: False, HastyDisk(), True, False),
        (lambda _: False, LateDisk(), True, False),
    ],
    ids=["files are not synced", "folders are not synced", "written after the sync", "synced after the name"],
)
def test_controls_each_missing_sync_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ignored: Callable[[int], bool],
    disk: Disk,
    files: bool,
    names: bool,
) -> None:
    watched = Watched(monkeypatch, ignored)
    told = write_watched(watched, tmp_path / "new" / "a", disk)
    expected = [f"{path.name} has its name before its bytes are down" for path in told if path.is_file()]
    named = [f"{path.name} counts before its name is down" for path in told]
    assert sorted(all_complaints(watched, told)) == sorted(expected * files + named * names)


@pytest.mark.parametrize("refused", ["file", "folder"])
def test_a_sync_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    """It is no warning: what the disk did not take is lost, though every write went well."""
    sync, kind = os.fsync, stat.S_ISREG if refused == "file" else stat.S_ISDIR
    with Writer(tmp_path / "a", manifest(), 40) as writer:
        commit(writer, 0)

        def fail(descriptor: int) -> None:
            if kind(os.fstat(descriptor).st_mode):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", fail)
        monkeypatch.setattr(os, "fdatasync", fail)
        with pytest.raises(StorageError, match="Input/output error") as caught:
            commit(writer, 1)
        assert caught.value.exit_code == 74
        assert writer.missing() == [1, 2]
