"""A disk that refuses: one line and exit code 74, nothing half-written, and later the same bytes."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fluctua.ensembles.disk import Disk
from fluctua.ensembles.parts import all_parts
from fluctua.ensembles.reading import check_bytes
from fluctua.stochastic.errors import StorageError

from faults.disks import RefusingDisk
from faults.small_run import TABLES, contents, strangers, write
from faults.test_kills import files_of
from faults.zygote import Zygote

TARGETS = (24, 40)
TIDYING = ("remove", "remove_folder", "names", "kind", "is_folder", "is_file", "lock")


def make(folder: Path, disk: Disk) -> None:
    for trajectories in TARGETS:
        write(folder, trajectories, disk=disk)


def refused(folder: Path, disk: RefusingDisk) -> bool:
    """Make a run on a disk that refuses; tell whether it ended in one line, or did without."""
    try:
        make(folder, disk)
    except StorageError as error:
        return error.exit_code == 74 and "\n" not in str(error) and os.strerror(disk.error) in str(error)
    return True


def is_whole(folder: Path, *, tidy: bool) -> bool:
    """Tell whether all parts are, and whether no temporary file is left."""
    for table in TABLES:
        for part in all_parts(folder / table):
            check_bytes(folder / table / part.name, part)
    return not tidy or not list(folder.glob("_tmp*/*"))


@pytest.mark.usefixtures("quick_writes")
@pytest.mark.parametrize(
    ("error", "once"),
    [(errno.EIO, True), (errno.EIO, False), (errno.ENOSPC, False)],
    ids=["one error", "errors from then on", "full from then on"],
)
def test_refused_at_every_operation(
    tmp_path: Path, error: int, once: bool, tally: Callable[..., None]
) -> None:
    """Also looking is refused; what is left is tidied up unless that is refused itself."""
    counted = RefusingDisk()
    make(tmp_path / "undisturbed", counted)
    undisturbed = contents(tmp_path / "undisturbed")
    passed = tried = 0
    for moment in range(counted.done):
        folder, disk = tmp_path / str(moment), RefusingDisk(moment, error, once=once)
        told = refused(folder, disk)
        if not disk.refused:
            continue  # from here on a run needs no more room
        can_tidy = error == errno.ENOSPC or (once and disk.refused[0] not in TIDYING)
        sound = told and is_whole(folder, tidy=can_tidy)
        if can_tidy and not list(folder.glob("parts/*")):
            sound = sound and not folder.exists()
        make(folder, Disk())
        sound = sound and contents(folder) == undisturbed and not strangers(folder)
        tried += 1
        passed += sound
        if not sound:
            print(f"moment {moment}: {disk.refused}, {told=}, {strangers(folder)}")
    tally(f"the disk refuses: {os.strerror(error)}, {'once' if once else 'for good'}", passed, tried)


# ---- the operating system itself


@pytest.mark.usefixtures("quick_writes")
def test_a_disk_that_takes_a_few_bytes_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short write is no error: the rest is written after it."""
    make(tmp_path / "undisturbed", Disk())
    opened = os.fdopen

    class Slow:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Slow:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, rest: memoryview) -> int:
            written: int = self.file.write(rest[:7])
            return written

        def fileno(self) -> int:
            number: int = self.file.fileno()
            return number

    def slow(descriptor: int, mode: str, *more: Any, **words: Any) -> Any:
        file = opened(descriptor, mode, *more, **words)
        return Slow(file) if mode == "wb" else file

    monkeypatch.setattr(os, "fdopen", slow)
    make(tmp_path / "a", Disk())
    assert contents(tmp_path / "a") == contents(tmp_path / "undisturbed")


def test_a_disk_under_signals(tmp_path: Path) -> None:
    """A call that a signal interrupts is no error: it is made again."""
    heard = 0

    def hear(*_: object) -> None:
        nonlocal heard
        heard += 1

    make(tmp_path / "undisturbed", Disk())
    before = signal.signal(signal.SIGALRM, hear)
    signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
    try:
        make(tmp_path / "a", Disk())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard > 20
    assert contents(tmp_path / "a") == contents(tmp_path / "undisturbed")


def test_files_that_may_not_be_larger(zygote: Zygote, tmp_path: Path, tally: Callable[..., None]) -> None:
    """The command line, in a process whose files the operating system cuts off."""
    assert zygote.run(tmp_path / "undisturbed").code() == 0
    undisturbed = files_of(tmp_path / "undisturbed")
    sizes = sorted({len(payload) for payload in undisturbed.values()})
    limits = [512, *(sizes[place] - 1 for place in (-1, -5, len(sizes) // 2, 3))]
    passed = 0
    for limit in limits:
        folder = tmp_path / str(limit)
        process = zygote.run(folder, limit=limit)
        told = process.code() == 74 and is_a_line(process.said(), "File too large")
        begun = list(folder.glob("parts/*"))
        tidy = not list(folder.glob("_tmp*")) if begun else not folder.exists()
        sound = all(undisturbed[name] == payload for name, payload in files_of(folder).items())
        assert zygote.run(folder).code() == 0
        passed += told and tidy and sound and files_of(folder) == undisturbed
    tally("files that may not be larger, by the command line", passed, len(limits))


def is_a_line(said: str, what: str) -> bool:
    return said.startswith("error: ") and said.count("\n") == 1 and what in said
