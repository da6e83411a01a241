"""Writers that overlap: without locks, with workers of an earlier session, and at the moments between."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from fluctua.ensembles.chunks import Shard
from fluctua.ensembles.disk import Disk, Lock
from fluctua.ensembles.manifest import read_target
from fluctua.ensembles.parts import list_parts, part_of
from fluctua.ensembles.reading import check_bytes
from fluctua.ensembles.store import PAUSES, Writer, publish
from fluctua.stochastic.errors import Busy, Damaged

from faults.small_run import ROWS, TABLES, commit, contents, manifest, rows_of, write


@pytest.fixture
def _no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)


def shard(folder: Path, index: int, trajectories: int) -> Writer:
    return Writer(folder, manifest(), trajectories, shard=Shard(index, 2))


def fails(writer: Writer, chunks: tuple[int, ...] = ()) -> None:
    """Let a writer end with an error."""
    for chunk in chunks:
        commit(writer, chunk)
    writer.__exit__(RuntimeError, RuntimeError("on purpose"), None)


# ---- without locks


@pytest.mark.usefixtures("_no_locks")
@pytest.mark.parametrize("done", [(), (0,), (0, 1, 2)])
@pytest.mark.parametrize("first", [False, True])
def test_without_locks_one_that_fails_disturbs_nobody(
    tmp_path: Path, done: tuple[int, ...], first: bool
) -> None:
    """The second enters in the middle of the first; one of them fails, having done some chunks."""
    folder = tmp_path / "a"
    writers = [Writer(folder, manifest(), 40).__enter__() for _ in range(2)]
    failing, other = writers if first else writers[::-1]
    commit(other, 0)
    fails(failing, done)
    for chunk in (1, 2):
        commit(other, chunk)
    other.__exit__(None, None, None)
    write(tmp_path / "direct", 40)
    assert contents(folder) == contents(tmp_path / "direct")
    assert not list(folder.glob("_tmp*"))


@pytest.mark.usefixtures("_no_locks")
def test_without_locks_what_others_are_about_to_publish_stays(tmp_path: Path) -> None:
    with Writer(tmp_path / "a", manifest(), 24) as one:
        half = tmp_path / "a" / one.scratch / f"target.json.1.{'0' * 16}"
        half.write_text("half")
        publish_strokes(tmp_path / "a", one.scratch, 24)
        write(tmp_path / "a", 24)
        assert half.exists()
        for chunk in (0, 1):
            commit(one, chunk)
    write(tmp_path / "direct", 24)
    assert contents(tmp_path / "a") == contents(tmp_path / "direct")


def publish_strokes(folder: Path, scratch: str, trajectories: int) -> None:
    """Do the first half of publishing chunk 1."""

    class Stopped(Disk):
        def rename(self, old: Path, new: Path) -> None:
            if new.parent.name == "parts":
                raise KeyboardInterrupt
            super().rename(old, new)

    with pytest.raises(KeyboardInterrupt):
        publish(folder, scratch, 1, dict.fromkeys(TABLES, rows_of(1, trajectories)), Stopped())


# ---- workers of an earlier session


def test_a_short_tail_that_comes_late_does_not_stay(tmp_path: Path) -> None:
    write(tmp_path / "a", 24)
    with Writer(tmp_path / "a", manifest(), 40) as writer:
        for chunk in writer.missing():
            commit(writer, chunk)
        publish(tmp_path / "a", writer.scratch, 1, dict.fromkeys(TABLES, rows_of(1, 24)))
    write(tmp_path / "direct", 40)
    assert contents(tmp_path / "a") == contents(tmp_path / "direct")


def test_a_file_whose_part_is_about_to_come_stays(tmp_path: Path) -> None:
    """A worker of an earlier session has done half of it; this one is stopped before it comes to it."""
    first = Writer(tmp_path / "a", manifest(), 24).__enter__()
    commit(first, 0)
    publish_strokes(tmp_path / "a", first.scratch, 24)
    fails(first)
    second = Writer(tmp_path / "a", manifest(), 24).__enter__()
    publish(tmp_path / "a", second.scratch, 1, {"parts": rows_of(1, 24)})
    fails(second)
    write(tmp_path / "a", 24)
    assert len(list_parts(tmp_path / "a", "strokes")) == 2


@pytest.mark.parametrize("same", [True, False])
def test_of_a_file_that_waited_and_one_that_came_with_its_part_one_stays(tmp_path: Path, same: bool) -> None:
    """A session that was killed may have had another version of Arrow, which writes other bytes."""
    folder = tmp_path / "a"
    first = Writer(folder, manifest(), 24).__enter__()
    publish_strokes(folder, first.scratch, 24)
    fails(first, (0,))
    if not same:
        mine = list_parts(folder, "strokes")[1]
        payload = (folder / "strokes" / mine.name).read_bytes() + b"\n"
        (folder / "strokes" / mine.name).unlink()
        (folder / "strokes" / part_of(1, mine.rows, memoryview(payload)).name).write_bytes(payload)
    write(folder, 24)
    write(tmp_path / "direct", 24)
    assert contents(folder) == contents(tmp_path / "direct")


# ---- removing what was made


def test_what_another_shard_has_made_is_not_removed(tmp_path: Path) -> None:
    """The second comes, commits and leaves, and then the first, which has begun the run, fails."""
    first = shard(tmp_path / "a", 1, 40).__enter__()
    with shard(tmp_path / "a", 2, 40) as second:
        commit(second, 1)
    fails(first)
    assert list(list_parts(tmp_path / "a")) == [1]


def test_the_lock_goes_last(tmp_path: Path) -> None:
    removed: list[str] = []

    class Watched(Disk):
        def remove(self, path: Path) -> None:
            removed.append(path.name)
            super().remove(path)

        def remove_folder(self, path: Path) -> None:
            removed.append(path.name)
            super().remove_folder(path)

    fails(Writer(tmp_path / "a", manifest(), 40, disk=Watched()).__enter__())
    assert removed[-2:] == [".lock", "a"]
    assert "parts" in removed
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("again", [False, True], ids=["gone", "made again"])
def test_a_lock_on_a_file_that_is_gone_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """Between opening and locking its last holder removes the file, and a third makes and locks it."""
    path, lock_it = tmp_path / ".lock", fcntl.flock
    path.touch()
    third: list[Lock | None] = []

    def late(descriptor: int, kind: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock_it)
        path.unlink()
        if again:
            third.append(Disk().lock(path))
        lock_it(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", late)
    assert Disk().lock(path) is None
    assert all(lock is not None and lock.held for lock in third)


# ---- the target


def test_a_refused_extension_leaves_the_target(tmp_path: Path) -> None:
    write(tmp_path / "a", 24)
    part = list_parts(tmp_path / "a")[0]
    path = tmp_path / "a" / "parts" / part.name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    before = contents(tmp_path / "a")
    for share in (None, Shard(1, 2)):
        layout: Any = object()  # is not asked: the bytes come first
        with (
            pytest.raises(Damaged, match="does not match its checksum"),
            Writer(tmp_path / "a", manifest(), 40, shard=share, layout=layout),
        ):
            pass
        assert contents(tmp_path / "a") == before


def test_shards_work_towards_one_number(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    with shard(folder, 1, 24):
        with (
            pytest.raises(Busy, match=r"^other shards work towards 24 .*: wait for them, or ask for as many"),
            shard(folder, 2, 40),
        ):
            pass
        assert read_target(folder) == 24
        with shard(folder, 2, 24):
            pass
    with shard(folder, 2, 40), shard(folder, 1, 40):  # nobody else was at work, and now both are
        assert read_target(folder) == 40


# ---- network file systems


class Late(Disk):
    """A disk that shows a part only after a while."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks
        self.waited: list[float] = []

    def pause(self, seconds: float) -> None:
        self.waited.append(seconds)

    def is_file(self, path: Path) -> bool:
        if path.name.startswith("part-") and len(self.waited) < self.looks:
            return False
        return super().is_file(path)


@pytest.mark.parametrize("looks", range(5))
def test_a_part_that_is_seen_late_counts(tmp_path: Path, looks: int) -> None:
    disk = Late(0)
    with Writer(tmp_path / "a", manifest(), ROWS, disk=disk) as writer:
        disk.looks = looks
        part = publish(tmp_path / "a", writer.scratch, 0, dict.fromkeys(TABLES, rows_of(0, ROWS)))
        if looks <= len(PAUSES):
            writer.count(part)
        else:
            with pytest.raises(Damaged, match="a worker's part is not there"):
                writer.count(part)
        assert disk.waited == list(PAUSES[:looks])
        disk.looks = 0
    check_bytes(tmp_path / "a" / "parts" / part.name, part)
    assert sorted(os.listdir(tmp_path / "a" / "parts")) == [part.name]
