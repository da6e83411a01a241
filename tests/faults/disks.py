"""Disks that fail: one that dies with its process, one that refuses, and one that is only simulated.

`SimulatedDisk` is a file system in memory that keeps, beside what a program sees, what the platter holds. It
is harsher than any real one. At a power cut

* a file whose bytes were not synced holds nothing, a beginning of them, zeros, or a beginning of rubbish;
* of the names of a folder that were made, replaced or removed since it was last synced, each on its own is as
  it was at any time since then: of a rename both names may be left, or neither, or the new one alone;
* what was synced is as it was, and all locks are gone.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from fluctua.ensembles.disk import Disk, Lock

NEVER = 2**62


class Killed(BaseException):
    """The process ends here: nothing after it happens, tidying up least of all."""


class PowerCut(Killed):
    """The machine ends here."""


class WatchedDisk(Disk):
    """A real disk; `before` hears of every operation that changes it, of a `write` five times.

    Nobody waits for the platter: the tests that cut the power simulate it.
    """

    def before(self, operation: str, path: Path) -> None:
        """Do something first."""

    def write(self, path: Path, payload: bytes | memoryview) -> None:
        self.before("create", path)
        half = len(payload) // 2
        with open(path, "xb", buffering=0) as file:
            for piece in (payload[:half], payload[half:]):
                self.before("write", path)
                file.write(piece)
            self.before("sync", path)
        self.before("close", path)

    def append(self, path: Path, text: str) -> None:
        self.before("append", path)
        super().append(path, text)

    def rename(self, old: Path, new: Path) -> None:
        self.before("rename", new)
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self.before("remove", path)
        super().remove(path)

    def make_folder(self, path: Path) -> None:
        self.before("make_folder", path)
        super().make_folder(path)

    def remove_folder(self, path: Path) -> None:
        self.before("remove_folder", path)
        super().remove_folder(path)

    def sync_folder(self, path: Path) -> None:
        self.before("sync_folder", path)

    def lock(self, path: Path, *, shared: bool = False, wait: bool = False) -> Lock | None:
        self.before("lock", path)
        return super().lock(path, shared=shared, wait=wait)


class MortalDisk(WatchedDisk):
    """A disk whose process is killed before the operation number `moment`, counted from 0."""

    def __init__(self, moment: int = NEVER) -> None:
        super().__init__()
        self.moment = moment
        self.done = 0

    def before(self, operation: str, path: Path) -> None:  # noqa: ARG002 - the place does not matter
        if self.done >= self.moment:
            raise Killed
        self.done += 1


class RefusingDisk(WatchedDisk):
    """A disk that refuses the operation number `moment`, once or from then on.

    Looking is refused too: of the operations that look, those that tell an error from an answer.
    """

    def __init__(self, moment: int = NEVER, error: int = errno.EIO, *, once: bool = True) -> None:
        super().__init__()
        self.moment = moment
        self.error = error
        self.once = once
        self.done = 0
        self.refused: list[str] = []

    def before(self, operation: str, path: Path) -> None:
        self.done += 1
        due = self.done == self.moment + 1 if self.once else self.done > self.moment
        if due and self.hits(operation):
            self.refused.append(operation)
            raise OSError(self.error, os.strerror(self.error), str(path))

    def hits(self, operation: str) -> bool:
        """Tell whether a disk that is full refuses it: a name can still be removed."""
        return self.error == errno.EIO or operation in (
            "create",
            "write",
            "sync",
            "append",
            "make_folder",
            "lock",
        )

    def kind(self, path: Path) -> str:
        self.before("kind", path)
        return super().kind(path)

    def is_file(self, path: Path) -> bool:
        self.before("is_file", path)
        return super().is_file(path)

    def is_folder(self, path: Path) -> bool:
        self.before("is_folder", path)
        return super().is_folder(path)

    def names(self, folder: Path) -> list[str]:
        self.before("names", folder)
        return super().names(folder)

    def read(self, path: Path) -> bytes:
        self.before("read", path)
        return super().read(path)

    def sha256(self, path: Path) -> str:
        self.before("sha256", path)
        return super().sha256(path)


# ---- simulated


class _File:
    """Bytes as the program sees them, and as the platter holds them."""

    def __init__(self) -> None:
        self.seen = self.held = b""
        self.locks: list[_Lock] = []

    def fail(self, random: Random) -> None:
        """Become what a power cut leaves."""
        if self.seen != self.held:
            length = random.randrange(len(self.seen) + 1)
            torn = (
                self.held,
                self.seen[:length],
                bytes(len(self.seen)),
                random.randbytes(length),
                self.seen,
            )
            self.seen = self.held = random.choice(torn)
        self.locks.clear()


class _Folder:
    """Names as the program sees them; and of each that was changed since, what it has been from then on."""

    def __init__(self) -> None:
        self.seen: dict[str, _File | _Folder] = {}
        self.changed: dict[str, list[_File | _Folder | None]] = {}

    def put(self, name: str, node: _File | _Folder | None) -> None:
        self.changed.setdefault(name, [self.seen.get(name)]).append(node)
        if node is None:
            del self.seen[name]
        else:
            self.seen[name] = node

    def fail(self, random: Random) -> None:
        """Become what a power cut leaves."""
        for name, been in self.changed.items():
            node = random.choice(been)
            if node is None:
                self.seen.pop(name, None)
            else:
                self.seen[name] = node
        self.changed.clear()
        for node in self.seen.values():
            node.fail(random)


class _Lock:
    """A lock of a simulated process."""

    held = True

    def __init__(self, file: _File, owner: SimulatedDisk, shared: bool) -> None:
        self.file, self.owner, self.shared = file, owner, shared
        file.locks.append(self)

    def close(self) -> None:
        if self in self.file.locks:
            self.file.locks.remove(self)


class Machine:
    """A computer with a simulated file system, its power, and the processes that use it.

    Parameters
    ----------
    seed : int
        Of what is left after a power cut.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.root = _Folder()
        self.left = NEVER  # operations until the power is cut
        self.done = 0

    def cut(self) -> None:
        """Cut the power, and switch it on again."""
        self.root.fail(self.random)
        self.left = NEVER

    def folder(self, path: Path) -> _Folder:
        node = self.find(path)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        if not isinstance(node, _Folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return node

    def find(self, path: Path) -> _File | _Folder | None:
        node: _File | _Folder | None = self.root
        for name in path.parts[1:]:
            if not isinstance(node, _Folder):
                return None
            node = node.seen.get(name)
        return node

    def files(self) -> Iterator[_File]:
        folders = [self.root]
        while folders:
            for node in folders.pop().seen.values():
                if isinstance(node, _Folder):
                    folders.append(node)
                else:
                    yield node


class SimulatedDisk(Disk):
    """What one process sees of a `Machine`.

    Parameters
    ----------
    machine : Machine
        Whose file system it is.
    moment : int
        Operations until this process is killed.
    refuse : callable, optional
        Asked before every operation that changes something; may raise an OSError.
    """

    def __init__(
        self, machine: Machine, moment: int = NEVER, refuse: Callable[[str, Path], None] | None = None
    ) -> None:
        super().__init__()
        self.machine = machine
        self.moment = moment
        self.refuse = refuse

    def die(self) -> None:
        """End the process: its locks are gone, what it has written is there."""
        for file in self.machine.files():
            file.locks = [lock for lock in file.locks if lock.owner is not self]
        self.moment = 0

    def before(self, operation: str, path: Path) -> None:
        """Count an operation, unless it is the one before which something ends."""
        if self.machine.left <= 0:
            raise PowerCut
        if self.moment <= 0:
            raise Killed
        self.machine.left -= 1
        self.moment -= 1
        self.machine.done += 1
        if self.refuse is not None:
            self.refuse(operation, path)

    # ---- looking

    def resolve(self, path: Path) -> Path:
        return path

    def exists(self, path: Path) -> bool:
        return self.machine.find(path) is not None

    def kind(self, path: Path) -> str:
        node = self.machine.find(path)
        return "nothing" if node is None else "file" if isinstance(node, _File) else "folder"

    def is_file(self, path: Path) -> bool:
        return isinstance(self.machine.find(path), _File)

    def is_folder(self, path: Path) -> bool:
        return isinstance(self.machine.find(path), _Folder)

    def names(self, folder: Path) -> list[str]:
        node = self.machine.find(folder)
        return sorted(node.seen) if isinstance(node, _Folder) else []

    def read(self, path: Path) -> bytes:
        return self._file(path).seen

    def sha256(self, path: Path) -> str:
        return hashlib.sha256(self.read(path)).hexdigest()

    # ---- changing

    def write(self, path: Path, payload: bytes | memoryview) -> None:
        self.before("create", path)
        folder = self.machine.folder(path.parent)
        if path.name in folder.seen:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        file = _File()
        folder.put(path.name, file)
        whole = bytes(payload)
        for length in (len(whole) // 2, len(whole)):
            self.before("write", path)
            file.seen = whole[:length]
        self.before("sync", path)
        self.sync_file(path, file)

    def sync_file(self, path: Path, file: _File) -> None:  # noqa: ARG002 - others sync some files only
        """Bring the bytes of a file to the platter."""
        file.held = file.seen

    def append(self, path: Path, text: str) -> None:
        self.before("append", path)
        self._made(path).seen += text.encode()

    def rename(self, old: Path, new: Path) -> None:
        self.before("rename", new)
        file = self._file(old)
        self.machine.folder(new.parent).put(new.name, file)
        self.machine.folder(old.parent).put(old.name, None)

    def remove(self, path: Path) -> None:
        self.before("remove", path)
        if self.exists(path):
            self._file(path)
            self.machine.folder(path.parent).put(path.name, None)

    def make_folder(self, path: Path) -> None:
        self.before("make_folder", path)
        if not self.exists(path):
            self.machine.folder(path.parent).put(path.name, _Folder())

    def remove_folder(self, path: Path) -> None:
        self.before("remove_folder", path)
        if self.machine.folder(path).seen:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))
        self.machine.folder(path.parent).put(path.name, None)

    def sync_folder(self, path: Path) -> None:
        self.before("sync_folder", path)
        self.machine.folder(path).changed.clear()

    def lock(self, path: Path, *, shared: bool = False, wait: bool = False) -> Lock | None:
        self.before("lock", path)
        file = self._made(path)
        if any(not (shared and lock.shared) for lock in file.locks):
            assert not wait, "waiting for ever: nobody else moves here"
            return None
        return _Lock(file, self, shared)

    def _file(self, path: Path) -> _File:
        node = self.machine.find(path)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        if isinstance(node, _Folder):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        return node

    def _made(self, path: Path) -> _File:
        """Give a file, made where it is missing."""
        if not self.exists(path):
            self.machine.folder(path.parent).put(path.name, _File())
        return self._file(path)
