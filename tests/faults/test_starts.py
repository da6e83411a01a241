"""Processes that start at once on one folder; and one digest, whoever makes the run."""

from __future__ import annotations

import fcntl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from fluctua.ensembles.chunks import Shard

import soak
from faults.small_run import contents, strangers, write
from faults.test_kills import files_of
from faults.zygote import Process, Zygote

ROUNDS = soak.times(5, 200)


@contextmanager
def locked(path: Path) -> Iterator[Path]:
    """Keep those waiting who wait for this file."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield path


def is_refused(process: Process, folder: Path) -> bool:
    """Tell whether it says in one line that another process writes."""
    code, said = process.code(), process.said()
    line = f"error: another process writes this run ({folder}): "
    return code == 75 and said.startswith(line) and said.count("\n") == 1


def at_once(zygote: Zygote, tmp_path: Path, folder: Path, options: list[tuple[str, ...]]) -> list[Process]:
    """Start processes at the same time; those that open the run keep it open until the others have ended."""
    with locked(tmp_path / "hold") as hold:
        with locked(tmp_path / "start") as start:
            made = [zygote.run(folder, *words, start=start, hold=hold) for words in options]
        waiting = list(made)
        while len(waiting) > len({words for words in options}):
            waiting = [process for process in waiting if not process.ends_within(0.02)]
    return made


def test_of_four_that_start_at_once_one_wins(
    zygote: Zygote, tmp_path: Path, tally: Callable[..., None]
) -> None:
    assert zygote.run(tmp_path / "undisturbed").code() == 0
    undisturbed, passed = files_of(tmp_path / "undisturbed"), 0
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        refused = [is_refused(one, folder) for one in at_once(zygote, tmp_path, folder, [()] * 4)]
        passed += sum(refused) == 3 and files_of(folder) == undisturbed
    tally("four starts at once: one wins, three say so in a line", passed, ROUNDS)


def test_of_shards_that_start_at_once_each_wins_once(
    zygote: Zygote, tmp_path: Path, tally: Callable[..., None]
) -> None:
    """Three shards, and the second of them twice."""
    assert zygote.run(tmp_path / "undisturbed").code() == 0
    undisturbed, passed = files_of(tmp_path / "undisturbed"), 0
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        options = [("--shard", f"{index}/3") for index in (1, 2, 3, 2)]
        refused = [is_refused(one, folder) for one in at_once(zygote, tmp_path, folder, options)]
        alone = not (refused[0] or refused[2]) and refused[1] != refused[3]
        passed += alone and files_of(folder) == undisturbed
    tally("three shards and one of them again at once", passed, ROUNDS)


# ---- one digest


def test_threads_shards_and_an_extension_leave_the_same_bytes(
    zygote: Zygote, tmp_path: Path, tally: Callable[..., None]
) -> None:
    assert zygote.run(tmp_path / "undisturbed").code() == 0
    made = {}
    for threads in ("1", "2"):
        assert zygote.run(tmp_path / threads, "--threads", threads).code() == 0
        made[f"{threads} threads"] = files_of(tmp_path / threads)
    for index in (3, 1, 2):
        assert zygote.run(tmp_path / "shards", "--shard", f"{index}/3").code() == 0
    made["shards"] = files_of(tmp_path / "shards")
    assert zygote.run(tmp_path / "more", "--trajectories", "1000").code() == 0
    assert zygote.run(tmp_path / "more").code() == 0
    made["extended"] = files_of(tmp_path / "more")
    same = [files == files_of(tmp_path / "undisturbed") for files in made.values()]
    tally(f"the same bytes: {', '.join(made)}", sum(same), len(same))


@pytest.mark.usefixtures("quick_writes")
def test_orders_of_chunks_leave_the_same_bytes(tmp_path: Path, tally: Callable[..., None]) -> None:
    trajectories = 150
    write(tmp_path / "undisturbed", trajectories)
    undisturbed, passed, orders = contents(tmp_path / "undisturbed"), 0, soak.times(5, 100)
    seen: Counter[tuple[int, ...]] = Counter()
    for seed in range(orders):

        def shuffled(chunks: list[int], seed: int = seed) -> list[int]:
            mixed = Random(seed).sample(chunks, len(chunks))
            seen[tuple(mixed)] += 1
            return mixed

        write(tmp_path / str(seed), trajectories, shuffled)
        passed += contents(tmp_path / str(seed)) == undisturbed and not strangers(tmp_path / str(seed))
    assert len(seen) == orders
    tally("the same bytes in other orders of chunks", passed, orders)


@pytest.mark.usefixtures("quick_writes")
def test_shards_of_several_sizes_leave_the_same_bytes(tmp_path: Path, tally: Callable[..., None]) -> None:
    write(tmp_path / "undisturbed", 150)
    passed = 0
    for count in range(1, 6):
        for index in Random(count).sample(range(1, count + 1), count):
            write(tmp_path / str(count), 150, shard=Shard(index, count))
        passed += contents(tmp_path / str(count)) == contents(tmp_path / "undisturbed")
    tally("the same bytes in 1 to 5 shards", passed, 5)
