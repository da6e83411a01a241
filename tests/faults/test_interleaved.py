"""Shards that work at the same time, one operation of one of them after the other, in every kind of order."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random

import pytest

from fluctua.ensembles import parts, store
from fluctua.ensembles.chunks import Shard
from fluctua.ensembles.disk import Disk, Lock
from fluctua.ensembles.locks import Locks
from fluctua.ensembles.parts import Part, list_parts
from fluctua.ensembles.places import LOCK
from fluctua.ensembles.store import Writer
from fluctua.stochastic.errors import Damaged, FluctuaError

import soak
from faults.disks import NEVER, Killed, Machine, SimulatedDisk
from faults.small_run import commit, contents, encode_once, manifest, rows_of, strangers, write

FOLDER = Path("/runs/a")
TARGETS = (24, 70)


@pytest.fixture(autouse=True)
def _encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "encode", encode_once)


class Turns:
    """Lets threads take turns, so that a seed says who does what when."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._main = threading.Semaphore(0)
        self._mine = threading.local()

    def pause(self) -> None:
        """Let another have its turn."""
        if hasattr(self._mine, "turn"):
            self._main.release()
            self._mine.turn.acquire()

    def run(self, works: list[Callable[[], None]]) -> None:
        """Do all works at once."""
        turns = [threading.Semaphore(0) for _ in works]
        ended: set[int] = set()

        def thread(number: int) -> None:
            self._mine.turn = turns[number]
            turns[number].acquire()
            try:
                works[number]()
            finally:
                ended.add(number)
                self._main.release()

        threads = [threading.Thread(target=thread, args=(number,)) for number in range(len(works))]
        for one in threads:
            one.start()
        while len(ended) < len(works):
            turns[self.random.choice([k for k in range(len(works)) if k not in ended])].release()
            self._main.acquire()
        for one in threads:
            one.join()


class SharedDisk(SimulatedDisk):
    """What a process sees of a machine whose other processes may do something before each operation."""

    def __init__(self, machine: Machine, turns: Turns, moment: int = NEVER) -> None:
        super().__init__(machine, moment)
        self.turns = turns

    def before(self, operation: str, path: Path) -> None:
        self.turns.pause()
        super().before(operation, path)

    def is_file(self, path: Path) -> bool:
        self.turns.pause()
        return super().is_file(path)

    def exists(self, path: Path) -> bool:
        self.turns.pause()
        return super().exists(path)

    def kind(self, path: Path) -> str:
        self.turns.pause()
        return super().kind(path)

    def names(self, folder: Path) -> list[str]:
        self.turns.pause()
        return super().names(folder)

    def read(self, path: Path) -> bytes:
        self.turns.pause()
        return super().read(path)

    def lock(self, path: Path, *, shared: bool = False, wait: bool = False) -> Lock | None:
        while True:
            found = super().lock(path, shared=shared)
            if found is not None or not wait:
                return found


class Crowd:
    """Processes that make the shards of a run at once; some are killed, some come twice.

    Parameters
    ----------
    seed : int
        Of all.
    mixed : bool
        Whether there are shards of two divisions, of which those of one alone may be at work.
    """

    def __init__(self, seed: int, *, mixed: bool = False) -> None:
        self.turns = Turns(seed)
        self.random = Random(seed)
        self.machine = Machine(seed)
        self.count = self.random.choice((2, 3))
        self.mixed = mixed
        self.at_work: list[int] = []
        self.met = 0  # shards of another division
        self.said: dict[int, int] = {}
        self.ends: Counter[str] = Counter()
        self.lost = 0
        disk = SimulatedDisk(self.machine)
        disk.make_folder(FOLDER.parent)

    def make(self, trajectories: int) -> None:
        indices = [*range(1, self.count + 1), self.random.randint(1, self.count)]
        shards = [Shard(index, self.count) for index in indices]
        if self.mixed:
            shards = [Shard(1, 2), Shard(1, 3), Shard(2, 3)]
        self.turns.run([*(self._process(shard, trajectories) for shard in shards), self._read])

    def _process(self, shard: Shard, trajectories: int) -> Callable[[], None]:
        moment = self.random.randrange(150) if self.random.random() < 0.5 else NEVER
        disk = SharedDisk(self.machine, self.turns, moment)

        def work() -> None:
            try:
                self._make(disk, shard, trajectories)
                self.ends["finished"] += 1
            except Killed:
                self.ends["killed"] += 1
                disk.die()
            except FluctuaError as error:
                self.ends[f"{type(error).__name__}: {error.what}"] += 1

        return work

    def _make(self, disk: SharedDisk, shard: Shard, trajectories: int) -> None:
        with Writer(FOLDER, manifest(), trajectories, shard=shard, disk=disk) as writer:
            self.met += any(count != shard.count for count in self.at_work)
            self.at_work.append(shard.count)
            try:
                writer.verify()
                for chunk in writer.missing():
                    commit(writer, chunk)
                    self.said[chunk] = max(rows_of(chunk, trajectories).num_rows, self.said.get(chunk, 0))
            finally:
                self.at_work.remove(shard.count)

    def _read(self) -> None:
        """List the parts again and again, as somebody who looks at the run meanwhile."""
        disk = SharedDisk(self.machine, self.turns)
        for _ in range(20):
            said = dict(self.said)
            try:
                self.lost += sum(self._is_lost(chunk, rows, disk) for chunk, rows in said.items())
            except FluctuaError as error:
                self.ends[f"reading: {error}"] += 1

    def _is_lost(self, chunk: int, rows: int, disk: SimulatedDisk) -> bool:
        there = list_parts(FOLDER, disk=disk).get(chunk)
        return there is None or there.rows < rows

    def finish(self) -> bool:
        """Make what is missing, shard after shard; tell whether it is as if it had been made alone."""
        disk = SimulatedDisk(self.machine)
        self.lost += sum(self._is_lost(chunk, rows, disk) for chunk, rows in self.said.items())
        for index in range(1, self.count + 1):
            write(FOLDER, TARGETS[-1], disk=disk, shard=Shard(index, self.count))
        if self.mixed:  # what killed shards of the other division left goes with a run in one piece
            write(FOLDER, TARGETS[-1], disk=disk)
        return contents(FOLDER, disk) == undisturbed() and not strangers(FOLDER, disk)


@cache
def undisturbed() -> dict[str, bytes]:
    disk = SimulatedDisk(Machine(0))
    write(FOLDER, TARGETS[-1], disk=disk)
    return contents(FOLDER, disk)


def crowds(number: int, *, mixed: bool = False) -> Iterator[Crowd]:
    for seed in range(number):
        crowd = Crowd(seed, mixed=mixed)
        for trajectories in TARGETS:
            crowd.make(trajectories)
        yield crowd


EXPECTED = {"finished", "killed", "Busy: another process writes this run"}


def test_shards_at_once_do_not_disturb_each_other(tally: Callable[..., None]) -> None:
    """Nobody stops but who is killed, or finds its shard taken; nobody who reads sees a part less."""
    passed, ends, number = 0, Counter[str](), soak.times(60, 20_000)
    for seed, crowd in enumerate(crowds(number)):
        sound = crowd.finish() and not crowd.lost and not set(crowd.ends) - EXPECTED
        passed += sound
        ends += crowd.ends
        if not sound:
            print(f"seed {seed}: {crowd.ends}, lost {crowd.lost}")
    assert all(ends[end] > number / 2 for end in EXPECTED)
    tally("shards and a reader at the same time, operation by operation", passed, number)


def test_two_divisions_are_never_at_work_together(tally: Callable[..., None]) -> None:
    """Whoever comes second, or both, are told so; and nothing is lost."""
    passed, ends, number = 0, Counter[str](), soak.times(40, 10_000)
    for seed, crowd in enumerate(crowds(number, mixed=True)):
        sound = crowd.finish() and not (crowd.lost or crowd.met or set(crowd.ends) - EXPECTED)
        passed += sound
        ends += crowd.ends
        if not sound:
            print(f"seed {seed}: {crowd.ends}, lost {crowd.lost}, met {crowd.met}")
    assert all(ends[end] > number / 4 for end in EXPECTED)
    tally("shards of two divisions, operation by operation", passed, number)


def test_a_shard_that_looks_before_it_locks_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: so the store was."""

    def look_first(self: Locks, shard: Shard) -> None:
        for name in self._disk.names(FOLDER):
            if name.startswith(".lock-") and name.endswith(f"-{5 - shard.count}"):
                self._lock(name).close()
        self._locks.append(self._lock(LOCK + shard.suffix))

    monkeypatch.setattr(Locks, "_take_share", look_first)
    assert sum(crowd.met for crowd in crowds(40, mixed=True)) > 3


def test_who_takes_a_file_that_is_gone_for_damage_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: so the store was, and this was found here."""
    look = parts._part_at

    def short(path: Path, disk: Disk) -> Part | None:
        part = look(path, disk)
        if part is None:
            raise Damaged("a file that is no part of the run", str(path), "move it elsewhere")
        return part

    monkeypatch.setattr(parts, "_part_at", short)
    ends = sum((crowd.ends for crowd in crowds(60)), Counter[str]())
    assert sum(count for end, count in ends.items() if "no part of the run" in end) > 3
