"""Power cuts on a simulated disk: what was acknowledged is there, and the run ends in the same bytes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fluctua.ensembles import store
from fluctua.ensembles.chunks import Shard
from fluctua.ensembles.manifest import is_run, read_target, read_until
from fluctua.ensembles.parts import list_parts
from fluctua.ensembles.store import Writer, note_until
from fluctua.stochastic.errors import Damaged, InvalidInput, StorageError

import soak
from faults.disks import NEVER, Killed, Machine, PowerCut, SimulatedDisk
from faults.small_run import TABLES, commit, contents, encode_once, manifest, rows_of, strangers, write

FOLDER = Path("/runs/a")
TARGETS = (24, 40)  # trajectories: a run, and its extension
RULE = {"claim": "crooks"}
FREES = ("remove", "remove_folder", "sync_folder", "rename")  # what a full disk still does


@pytest.fixture(autouse=True)
def _encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "encode", encode_once)


class UnsyncedDisk(SimulatedDisk):
    """A disk that does not wait for the bytes of parts: a control."""

    def sync_file(self, path: Path, file: Any) -> None:
        if not path.name.startswith("part-"):
            super().sync_file(path, file)


class NamelessDisk(SimulatedDisk):
    """A disk that does not wait for names: a control."""

    def sync_folder(self, path: Path) -> None:
        self.before("sync_folder", path)


class History:
    """A run and its extension, in one piece or in shards, through several faults.

    Power cuts; kills after which the machine goes on; and refusals, soon after which the power is cut.

    Parameters
    ----------
    seed : int
        Of all: shards, orders of chunks, what happens when, what a power cut leaves.
    disk : type
        The kind of disk that processes see.
    verify : bool
        Whether a writer checks what is there before it goes on.

    Attributes
    ----------
    cuts : int
        Power cuts so far.
    lost : int
        Files, targets and notes that were acknowledged before a cut, and not there after it.
    torn : int
        Files that had a part's name after a cut, and other bytes.
    stopped : bool
        Whether a writer refused to go on because of what it found.
    """

    def __init__(self, seed: int, disk: type[SimulatedDisk] = SimulatedDisk, *, verify: bool = True) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.machine = Machine(seed)
        self.kind = disk
        self.verify = verify
        self.shards = self.random.choice((0, 0, 2, 3))
        self.until = self.random.random() < 0.3
        self.cuts = self.lost = self.torn = 0
        self.stopped = False
        self.parts: dict[int, int] = {}  # acknowledged: rows of each chunk
        self.target = self.noted = 0  # acknowledged, too

    def live(self, faults: int) -> None:
        """Be made with some faults, and at last without."""
        for _ in range(faults):
            disk = self.kind(self.machine)
            self._arm(disk)
            self._session(disk)
        self._session(self.kind(self.machine))

    @property
    def sound(self) -> bool:
        """Tell whether nothing was lost, and the run is what it is without faults."""
        disk = SimulatedDisk(self.machine)
        lossless = not (self.lost or self.torn or self.stopped)
        return lossless and self.same and not strangers(FOLDER, disk) and (not self.until or self._is_noted())

    @property
    def same(self) -> bool:
        """Tell whether the bytes are those of a run without faults."""
        found = contents(FOLDER, SimulatedDisk(self.machine))
        found.pop("target.json")  # its note is another each time
        return found == undisturbed(self.until)

    def _is_noted(self) -> bool:
        until = read_until(FOLDER, SimulatedDisk(self.machine))
        return until == {"rule": RULE, "looked": self.noted}

    # -- what happens

    def _arm(self, disk: SimulatedDisk) -> None:
        """Choose what goes wrong, and when: often soon, while a run is opened."""
        moment = self.random.randrange(1, self.random.choice((30, 80, 160)))
        fault = self.random.randrange(10)
        if fault < 2:
            disk.moment = moment
        elif fault == 2:
            disk.refuse = self._refusal(moment)
            self.machine.left = moment + self.random.randrange(1, 30)
        else:
            self.machine.left = moment

    def _refusal(self, moment: int) -> Callable[[str, Path], None]:
        """Give one error of the disk, or a disk that is full from then on."""
        left = moment
        number = self.random.choice((errno.EIO, errno.ENOSPC))

        def refuse(operation: str, path: Path) -> None:
            nonlocal left
            left -= 1
            if left == 0 or (left < 0 and number == errno.ENOSPC and operation not in FREES):
                if not self.parts:
                    self.target = self.noted = 0  # a run that has no part is taken back
                raise OSError(number, os.strerror(number), str(path))

        return refuse

    def _session(self, disk: SimulatedDisk) -> None:
        """Let a process make the run and extend it, as far as it comes."""
        if self.stopped:
            return
        try:
            for trajectories in TARGETS:
                self._make(disk, trajectories)
        except PowerCut:
            self.cuts += 1
            self.machine.cut()
            self._check()
        except Killed:
            pass
        except StorageError:
            if disk.refuse is None:
                raise
        except (Damaged, InvalidInput):
            self.stopped = True
        disk.die()
        self.machine.left = NEVER

    def _make(self, disk: SimulatedDisk, trajectories: int) -> None:
        shards = [Shard(index, self.shards) for index in range(1, self.shards + 1)] or [None]
        until = {"rule": RULE, "looked": self.noted} if self.until else None
        with ExitStack() as stack:
            writers = []
            for shard in shards:
                writer = Writer(FOLDER, manifest(), trajectories, shard=shard, until=until, disk=disk)
                writers.append(stack.enter_context(writer))
                if self.verify:
                    writer.verify()
            self._acknowledge(disk, trajectories)
            for writer, chunk in self._shuffled(writers):
                commit(writer, chunk)
                self.parts[chunk] = rows_of(chunk, trajectories).num_rows
        if self.until:
            note_until(FOLDER, {"rule": RULE, "looked": self.noted + 1}, disk)
            self.noted += 1

    def _acknowledge(self, disk: SimulatedDisk, trajectories: int) -> None:
        """Take what a writer says once it has opened a run: how much is asked for, how much is there."""
        self.target = max(self.target, trajectories)
        self.parts |= {chunk: part.rows for chunk, part in list_parts(FOLDER, disk=disk).items()}

    def _shuffled(self, writers: list[Writer]) -> Iterator[tuple[Writer, int]]:
        work = [(writer, chunk) for writer in writers for chunk in writer.missing()]
        self.random.shuffle(work)
        yield from work

    # -- what is checked

    def _check(self) -> None:
        """Compare what is there after a power cut with what was acknowledged; then count anew."""
        disk = SimulatedDisk(self.machine)
        for table in TABLES:
            there = list_parts(FOLDER, table, disk)
            for chunk, part in there.items():
                self.torn += disk.read(FOLDER / table / part.name) != payload_of(chunk, part.rows)
            for chunk, rows in self.parts.items():
                self.lost += chunk not in there or there[chunk].rows < rows
        if self.target:
            self.lost += not is_run(FOLDER, disk) or self._target_is_lost(disk)
        self.parts, self.target = {}, 0

    def _target_is_lost(self, disk: SimulatedDisk) -> bool:
        try:
            until = read_until(FOLDER, disk) or {"looked": 0}
            return read_target(FOLDER, disk) < self.target or (self.until and until["looked"] < self.noted)
        except Damaged:
            return True


@cache
def payload_of(chunk: int, rows: int) -> bytes:
    """Give the bytes of a part."""
    return bytes(memoryview(encode_once(rows_of(chunk, chunk * 16 + rows))))


@cache
def undisturbed(until: bool) -> dict[str, bytes]:
    """Give the files of the same run without faults."""
    disk = SimulatedDisk(Machine(0))
    note: dict[str, Any] | None = {"rule": RULE, "looked": 0} if until else None
    write(FOLDER, TARGETS[-1], disk=disk, until=note)
    found = contents(FOLDER, disk)
    found.pop("target.json")
    return found


# ---- tests


@pytest.mark.parametrize(
    ("least", "seed"),
    [(1000, 0), pytest.param(soak.times(5000, 1_000_000), 10**6, marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_power_cuts_lose_nothing_that_was_acknowledged(
    least: int, seed: int, tally: Callable[..., None]
) -> None:
    """Each history has eight faults; about five of them cut the power."""
    cuts = passed = 0
    while cuts < least:
        history = History(seed)
        history.live(8)
        cuts += history.cuts
        passed += history.cuts * history.sound
        if not history.sound:
            print(f"seed {seed}: lost {history.lost}, torn {history.torn}, stopped {history.stopped}")
        seed += 1
    tally("simulated power cut: nothing acknowledged is lost, the same bytes at the end", passed, cuts)


def histories(disk: type[SimulatedDisk], *, verify: bool = True) -> list[History]:
    made = [History(seed, disk, verify=verify) for seed in range(100)]
    for history in made:
        history.live(8)
    return made


def test_a_disk_that_does_not_sync_bytes_is_caught() -> None:
    """A control: bytes are torn; a writer notices, and stops rather than count them."""
    made = histories(UnsyncedDisk)
    assert sum(not history.sound for history in made) > 90
    assert sum(history.torn > 0 for history in made) > 50
    assert all(history.stopped or history.same for history in made)


def test_a_writer_that_does_not_look_at_what_is_there_is_caught() -> None:
    """A control: it goes on from torn bytes, and the run ends in others."""
    made = histories(UnsyncedDisk, verify=False)
    assert not any(history.stopped for history in made)
    assert sum(not history.same for history in made) > 50


def test_a_disk_that_does_not_sync_names_is_caught() -> None:
    """A control: what was acknowledged is gone."""
    made = histories(NamelessDisk)
    assert sum(history.lost > 0 for history in made) > 90
    assert not any(history.torn for history in made)
