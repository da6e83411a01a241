"""A small disk, mounted, that has no more room or turns read-only: only in a soak, and as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fluctua.ensembles.parts import list_parts
from fluctua.ensembles.store import Writer
from fluctua.stochastic.errors import StorageError

import soak
from faults.small_run import ROWS, TABLES, commit, contents, manifest, strangers, write
from faults.test_refusals import is_whole

pytestmark = pytest.mark.slow

CHUNKS = 12
TRAJECTORIES = ROWS * CHUNKS - 5
WAITING = "commit=300"  # seconds before it writes by itself: what is there sooner was synced


def why_not() -> str | None:
    """Say why no disk is mounted."""
    if not soak.SOAK:
        return "mounts a disk, which only a soak does: make faults"
    if os.geteuid() != 0:
        return "NOT RUN: only root can mount a disk"
    lacking = [name for name in ("mkfs.ext4", "fsck.ext4", "mount", "umount") if shutil.which(name) is None]
    return f"NOT RUN: there is no {', '.join(lacking)}" if lacking else None


class SmallDisk:
    """An ext4 file system in a file of 8 MB, mounted.

    Parameters
    ----------
    folder : Path
        Where the file and the place to mount it are made.
    """

    def __init__(self, folder: Path) -> None:
        self.image, self.place = folder / "image", folder / "disk"
        self.image.touch()
        os.truncate(self.image, 8_000_000)
        command("mkfs.ext4", "-q", "-m", "0", "-b", "1024", str(self.image))
        self.place.mkdir()
        self.mount()

    def mount(self) -> None:
        command("mount", "-o", f"loop,{WAITING},errors=remount-ro", str(self.image), str(self.place))

    def unmount(self) -> None:
        command("umount", str(self.place))

    def turn(self, how: str) -> None:
        """Mount it otherwise: `ro`, `rw`; or `abort`, what the system does by itself when a disk fails."""
        command("mount", "-o", f"remount,{how}", str(self.place))

    def replace(self) -> None:
        """Mount it as after a restart: nothing is there but what had reached it."""
        self.unmount()
        subprocess.run(["fsck.ext4", "-p", str(self.image)], capture_output=True, check=False)
        self.mount()

    def fill(self, free: int) -> None:
        """Leave about so many bytes; the system keeps some more to itself."""
        with open(self.place / "ballast", "wb", buffering=0) as file:
            with suppress(OSError):
                while True:
                    file.write(bytes(1024))
            os.ftruncate(file.fileno(), max(0, file.tell() - free))
            os.fsync(file.fileno())

    def empty(self) -> None:
        (self.place / "ballast").unlink()


def command(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Mount a small disk; without the right to, skip the test, and say so."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    try:
        made = SmallDisk(tmp_path)
    except AssertionError as error:
        pytest.skip(f"NOT RUN: {error}")
    try:
        yield made
    finally:
        made.unmount()


# ---- runs


@pytest.fixture
def undisturbed(tmp_path: Path) -> dict[str, bytes]:
    """Make the run where nothing happens."""
    write(tmp_path / "undisturbed", TRAJECTORIES)
    return contents(tmp_path / "undisturbed")


def disturbed(folder: Path, begun: int, disturb: Callable[[], None]) -> tuple[list[str], StorageError | None]:
    """Make a run, disturbed after so many chunks; give the names of acknowledged parts and how it ended."""
    acknowledged: list[str] = []
    try:
        with Writer(folder, manifest(), TRAJECTORIES) as writer:
            for number, chunk in enumerate(writer.missing()):
                if number == begun:
                    disturb()
                commit(writer, chunk)
                acknowledged.append(list_parts(folder)[chunk].name)
    except StorageError as error:
        return acknowledged, error
    return acknowledged, None


def is_told(error: StorageError | None, *whats: str) -> bool:
    said = str(error)
    return error is not None and error.exit_code == 74 and "\n" not in said and any(w in said for w in whats)


def ends_well(folder: Path, acknowledged: list[str], undisturbed: dict[str, bytes]) -> bool:
    """Tell whether what was acknowledged is there, all is whole, and the run ends in the same bytes."""
    kept = all(
        (folder / table / name).is_file()
        and (folder / table / name).read_bytes() == undisturbed[f"{table}/{name}"]
        for table in TABLES
        for name in acknowledged
    )
    sound = kept and is_whole(folder, tidy=False)
    write(folder, TRAJECTORIES)
    return sound and contents(folder) == undisturbed and not strangers(folder)


def test_no_room_in_mid_run(
    disk: SmallDisk, undisturbed: dict[str, bytes], tally: Callable[..., None]
) -> None:
    """What is left is from nothing to half of what the run still needs."""
    passed, tried, folder = 0, soak.times(8, 200), disk.place / "a"
    for number in range(tried):
        begun = number % (CHUNKS // 2)
        free = number * sum(map(len, undisturbed.values())) // (4 * tried)
        acknowledged, error = disturbed(folder, begun, lambda free=free: disk.fill(free))
        told = is_told(error, "No space left on device") and len(acknowledged) >= begun
        tidy = not list(folder.glob("_tmp*/*"))
        disk.empty()
        sound = ends_well(folder, acknowledged, undisturbed)
        passed += told and tidy and sound
        if not (told and tidy and sound):
            print(f"{number}: {begun=}, {free=}, {told=}, {tidy=}, {sound=}, {error}")
        shutil.rmtree(folder)
    tally("a mounted disk without room in mid-run", passed, tried)


def test_read_only_in_mid_run(
    disk: SmallDisk, undisturbed: dict[str, bytes], tally: Callable[..., None]
) -> None:
    """As the system does it when a disk fails: at once, and what was not synced never reaches it."""
    passed, tried = 0, soak.times(CHUNKS, 5 * CHUNKS)
    for number in range(tried):
        folder, begun = disk.place / f"a{number}", number % CHUNKS
        acknowledged, error = disturbed(folder, begun, lambda: disk.turn("abort"))
        told = is_told(error, "Read-only file system", "Input/output error") and len(acknowledged) == begun
        disk.replace()
        sound = ends_well(folder, acknowledged, undisturbed)
        passed += told and sound
        if not (told and sound):
            print(f"{number}: {begun=}, {told=}, {sound=}, {error}")
        shutil.rmtree(folder)
    tally("a mounted disk that turns read-only in mid-run", passed, tried)


def test_control_without_syncs_that_loses_acknowledged_parts(
    disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = disk.place / "a"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        acknowledged, error = disturbed(folder, 6, lambda: disk.turn("abort"))
    assert error is not None
    assert len(acknowledged) == 6
    disk.replace()
    assert not any((folder / "parts" / name).exists() for name in acknowledged)


def test_read_only_from_the_start(disk: SmallDisk, undisturbed: dict[str, bytes]) -> None:
    """A run can be read there, and told that it cannot go on; once it can be written it does."""
    folder = disk.place / "a"
    write(folder, TRAJECTORIES // 2)
    before = contents(folder)
    disk.turn("ro")
    assert len(list_parts(folder)) == CHUNKS // 2
    for place in (folder, disk.place / "b"):
        with pytest.raises(StorageError, match="Read-only file system") as caught:
            write(place, TRAJECTORIES)
        assert caught.value.exit_code == 74
    assert contents(folder) == before
    disk.turn("rw")
    assert not (disk.place / "b").exists()
    write(folder, TRAJECTORIES)
    assert contents(folder) == undisturbed
