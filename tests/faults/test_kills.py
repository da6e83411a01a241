"""Killed at any moment, a run loses nothing that was acknowledged, and goes on to the same bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import pytest

from fluctua.ensembles import store
from fluctua.ensembles.chunks import Shard
from fluctua.ensembles.disk import Disk
from fluctua.ensembles.parts import list_parts
from fluctua.ensembles.store import Writer, note_until

import soak
from faults.disks import Killed, MortalDisk
from faults.small_run import (
    ROWS,
    TABLES,
    Order,
    commit,
    contents,
    manifest,
    rows_of,
    strangers,
    write,
)
from faults.zygote import CHUNK, Zygote

TARGETS = (24, 40)
UNTIL = {"rule": {"claim": "crooks"}, "looked": 1}


def backwards(chunks: list[int]) -> list[int]:
    return chunks[::-1]


def inside_out(chunks: list[int]) -> list[int]:
    return chunks[1::2] + chunks[::2]


# ---- before every operation


def make(
    folder: Path, disk: Disk, targets: tuple[int, ...], shards: int, order: Order, said: dict[int, int]
) -> None:
    """Make a run and extend it; note in `said` how many rows of a chunk were acknowledged."""
    for trajectories in targets:
        with ExitStack() as stack:
            writers = [
                stack.enter_context(
                    Writer(folder, manifest(), trajectories, shard=shard, until=UNTIL, disk=disk)
                )
                for shard in shares(shards)
            ]
            for writer in writers:
                writer.verify()
                for chunk in order(writer.missing()):
                    commit(writer, chunk)
                    said[chunk] = rows_of(chunk, trajectories).num_rows
        note_until(folder, UNTIL, disk)


def shares(shards: int) -> list[Shard | None]:
    return [Shard(index, shards) for index in range(1, shards + 1)] if shards else [None]


def survives(folder: Path, disk: MortalDisk, targets: tuple[int, ...], shards: int, order: Order) -> bool:
    """Let the disk's process be killed, and tell whether what it acknowledged is there."""
    said: dict[int, int] = {}
    with pytest.raises(Killed):
        make(folder, disk, targets, shards, order, said)
    there = [list_parts(folder, table) for table in TABLES]
    return all(
        chunk in parts and parts[chunk].rows >= rows for parts in there for chunk, rows in said.items()
    )


@pytest.mark.usefixtures("quick_writes")
@pytest.mark.parametrize("shards", [0, 2], ids=["one piece", "two shards"])
def test_killed_before_every_operation(tmp_path: Path, shards: int, tally: Callable[..., None]) -> None:
    """A run and its extension; who goes on takes the chunks in another order, perhaps in one piece."""
    counted = MortalDisk()
    make(tmp_path / "counted", counted, TARGETS, shards, list, {})
    make(tmp_path / "undisturbed", Disk(), TARGETS[1:], 0, backwards, {})
    undisturbed = contents(tmp_path / "undisturbed")
    assert counted.done >= 130
    passed = 0
    for moment in range(counted.done):
        folder = tmp_path / str(moment)
        kept = survives(folder, MortalDisk(moment), TARGETS, shards, list)
        make(folder, Disk(), TARGETS[1:], shards * (moment % 2), backwards, {})
        sound = kept and contents(folder) == undisturbed and not strangers(folder)
        passed += sound
        if not sound:
            print(f"moment {moment}: {kept=}, left over: {strangers(folder)}")
    tally(f"killed before every operation, {shards or 'no'} shards", passed, counted.done)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_writes")
@pytest.mark.parametrize("order", [list, backwards, inside_out], ids=["forth", "back", "inside out"])
def test_killed_before_every_operation_of_a_long_run(
    tmp_path: Path, order: Order, tally: Callable[..., None]
) -> None:
    """In a soak 200 parts; by default 8, which the test above has not in these orders."""
    trajectories = ROWS * soak.times(8, 200) - 5
    counted = MortalDisk()
    make(tmp_path / "counted", counted, (trajectories,), 0, order, {})
    undisturbed = contents(tmp_path / "counted")
    passed = 0
    for moment in range(counted.done):
        folder = tmp_path / "killed"
        kept = survives(folder, MortalDisk(moment), (trajectories,), 0, order)
        make(folder, Disk(), (trajectories,), 0, list, {})
        passed += kept and contents(folder) == undisturbed and not strangers(folder)
        shutil.rmtree(folder)
    tally(f"killed before every operation, {len(undisturbed) - 2} files", passed, counted.done)


def test_a_tail_that_nobody_drops_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the tests above."""
    with monkeypatch.context() as patch:
        patch.setattr(store.Writer, "_drop_shorter", lambda *_: None)
        write(tmp_path / "a", 24)
        write(tmp_path / "a", 40)
    write(tmp_path / "b", 40)
    assert len(contents(tmp_path / "a")) == len(contents(tmp_path / "b")) + 2
    assert [part.rows for part in list_parts(tmp_path / "a").values()] == [16, 16, 8]
    write(tmp_path / "a", 40)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


# ---- real processes, at random times


def files_of(folder: Path) -> dict[str, bytes]:
    """Read all files that make up a run."""
    kept = [path for path in folder.rglob("*") if path.is_file() and path.name != "log.txt"]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in kept
        if path.name not in (".lock", ".lock-open", ".lock-work")
    }


def inodes(folder: Path) -> dict[str, int]:
    """List the files of `parts/` that are acknowledged: all that are there."""
    return {name: (folder / "parts" / name).stat().st_ino for name in names_of(folder / "parts")}


def names_of(folder: Path) -> Iterator[str]:
    return iter(os.listdir(folder) if folder.is_dir() else ())


def killed_until_done(zygote: Zygote, folder: Path, random: Random, seconds: float) -> dict[int, int]:
    """Start a run and kill it at random times until it ends by itself; count the signals that met it alive.

    Signal 0 counts how often a part that was there before a kill was another file, or none, at the end.
    """
    counts = {signal.SIGKILL: 0, signal.SIGTERM: 0, signal.SIGINT: 0, 0: 0}
    seen: dict[str, int] = {}
    while True:
        threads = random.choice("12")
        process = zygote.run(folder, "--threads", threads)
        if not process.ends_within(random.uniform(0, seconds)):
            sent = random.choice([signal.SIGKILL] * 4 + [signal.SIGTERM, signal.SIGINT])
            seen |= inodes(folder)
            process.kill(sent)
        code = process.code()
        if code == 0:
            there = inodes(folder)
            counts[0] = sum(there.get(name) != inode for name, inode in seen.items())
            return counts
        assert code == -sent or (code == 130 and sent == signal.SIGINT), process.said()
        counts[sent] += 1


@pytest.mark.parametrize(
    "least", [8, pytest.param(soak.times(30, 1000), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_killed_at_random_times(
    zygote: Zygote, tmp_path: Path, least: int, tally: Callable[..., None]
) -> None:
    assert zygote.run(tmp_path / "undisturbed").code() == 0
    undisturbed = files_of(tmp_path / "undisturbed")
    assert len(undisturbed) > 2 * 3000 // CHUNK
    random = Random(least)
    kills = passed = others = made = 0
    while kills < least:
        folder = tmp_path / str(made)
        counts = killed_until_done(zygote, folder, random, 0.4)
        sound = files_of(folder) == undisturbed and counts[0] == 0 and not list(folder.glob("_tmp*"))
        kills += counts[signal.SIGKILL]
        passed += counts[signal.SIGKILL] * sound
        others += counts[signal.SIGTERM] + counts[signal.SIGINT]
        assert sound, f"run {made}: {counts}, {set(files_of(folder)) ^ set(undisturbed)}"
        shutil.rmtree(folder)
        made += 1
    tally(f"kill -9 of a real process at a random time, in {made} runs", passed, kills)
    if others:  # a few runs may have none
        tally(f"SIGTERM and SIGINT at a random time, in {made} runs", others, others)


@pytest.mark.slow
def test_killed_while_it_starts(zygote: Zygote, tmp_path: Path, tally: Callable[..., None]) -> None:
    """The command as it is typed, with its imports, its kernel and chunks of the usual size."""
    folder, random = tmp_path / "run", Random(3)
    words = [sys.executable, "-m", "fluctua", "run", str(zygote.spec), "--quiet", "--trajectories", "200_000"]
    kills, least = 0, soak.times(4, 200)
    for _ in range(least):
        process = subprocess.Popen([*words, "--out", str(folder)], cwd=tmp_path)
        with suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0, 2.5))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
    subprocess.run([*words, "--out", str(folder)], cwd=tmp_path, check=True)
    subprocess.run([*words, "--out", str(tmp_path / "undisturbed")], cwd=tmp_path, check=True)
    same = files_of(folder) == files_of(tmp_path / "undisturbed") and not list(folder.glob("_tmp*"))
    tally("kill -9 of the command while it starts", kills * same, kills)
    assert kills
