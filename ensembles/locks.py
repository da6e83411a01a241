"""Who may write a run: one process alone, or shards of one division side by side.

Every writer locks `.lock`, a shard shares it with the others. A shard locks `.lock-3-64` too; it holds
`.lock-open` while it opens the run, and shares `.lock-work` from then on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fluctua.ensembles.chunks import Shard
from fluctua.ensembles.disk import Disk, Lock
from fluctua.ensembles.places import LOCK, OPENING, WORKING
from fluctua.stochastic.errors import Busy


class Locks:
    """The locks of one writer.

    Parameters
    ----------
    folder : Path
        The run directory.
    shard : Shard or None
        What of it is written; None for all.
    disk : Disk
        Where.
    """

    def __init__(self, folder: Path, shard: Shard | None, disk: Disk) -> None:
        self.taken = False
        self.at_work = False
        self._folder = folder
        self._shard = shard
        self._disk = disk
        self._locks: list[Lock] = []

    @property
    def sure(self) -> bool:
        """Tell whether nobody else can write the same; where a file system has no locks, somebody can."""
        return self.taken and all(lock.held for lock in self._locks)

    def take(self) -> None:
        """Lock the whole run; or for a shard hold off those who would, and lock the shard.

        Raises
        ------
        Busy
            Another process writes.
        """
        self._locks.append(self._lock(LOCK, shared=self._shard is not None))
        if self._shard is not None:
            self._take_share(self._shard)
        self.taken = True

    def _take_share(self, shard: Shard) -> None:
        """Lock the shard, and only then look: of two divisions that start at once, one sees the other."""
        self._locks.append(self._lock(LOCK + shard.suffix))
        try:
            for name in self._disk.names(self._folder):
                other = re.fullmatch(r"\.lock-\d+-(\d+)", name)
                if other and int(other[1]) != shard.count:
                    self._refuse_at_work(name)
        except BaseException:
            with suppress(OSError):
                self.forget_share()
            raise

    def _refuse_at_work(self, name: str) -> None:
        lock = self._lock(name)  # busy where a shard of another division is at work
        try:
            self._disk.remove(self._folder / name)  # while it is held: whoever opened it meanwhile sees that
        finally:
            lock.close()

    def forget_share(self) -> None:
        """Remove the shard's own lock file, which is still locked."""
        if self._shard is not None:
            self._disk.remove(self._folder / (LOCK + self._shard.suffix))

    def _lock(self, name: str, *, shared: bool = False) -> Lock:
        lock = self._disk.lock(self._folder / name, shared=shared)
        if lock is None:
            raise Busy(
                "another process writes this run", str(self._folder), "wait for it, or choose another folder"
            )
        return lock

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep shards that start at the same time from opening the run together."""
        lock = self._disk.lock(self._folder / OPENING, wait=True) if self._shard else None
        try:
            yield
        finally:
            if lock is not None:
                lock.close()

    def refuse_others(self, target: int) -> None:
        """Refuse to go on towards another number while other shards work towards `target`.

        Nobody joins them meanwhile, as this is called while the run is opened.

        Raises
        ------
        Busy
            They do.
        """
        if self._shard is None:
            return
        lock = self._disk.lock(self._folder / WORKING)
        if lock is None:
            what = f"other shards work towards {target:,}"
            raise Busy(what, str(self._folder), "wait for them, or ask for as many")
        lock.close()

    def join(self) -> None:
        """Be one of the shards that work towards the target."""
        if self._shard is not None:
            self._locks.append(self._lock(WORKING, shared=True))
        self.at_work = True

    def become_last(self) -> bool:
        """Lock the whole run; tell whether nobody else is at work on it, for certain."""
        if self._shard is not None:
            self._locks[0].close()
            lock = self._disk.lock(self._folder / LOCK)
            if lock is None:
                return False
            self._locks[0] = lock
        return self.sure

    def close(self) -> None:
        """Give all of them back."""
        for lock in reversed(self._locks):
            lock.close()
        self._locks, self.taken, self.at_work = [], False, False
