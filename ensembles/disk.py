"""All that the store asks of the operating system, so that a test can put a faulty disk in its place."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from fluctua.stochastic.errors import StorageError

LARGEST_READ = 2**25  # bytes; manifests, targets and logs are far smaller


class Lock(Protocol):
    """Something held until it is closed."""

    @property
    def held(self) -> bool:
        """Whether it keeps others out: on file systems without locks it does not."""

    def close(self) -> None:
        """Give it back."""


class _FileLock:
    """A file that is open for as long as its lock is held."""

    def __init__(self, descriptor: int, *, held: bool) -> None:
        self.held = held
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Disk:
    """The operations on a real disk. Each raises OSError where the operating system refuses."""

    def __init__(self) -> None:
        self._hashed: dict[Path, tuple[tuple[int, int, int], str]] = {}
        self._hashing = threading.Lock()

    # ---- looking

    def resolve(self, path: Path) -> Path:
        """Give the path without links."""
        return Path(os.path.realpath(path))

    def exists(self, path: Path) -> bool:
        """Tell whether anything is there, a dangling link included."""
        return os.path.lexists(path)

    def kind(self, path: Path) -> str:
        """Tell what is there itself: a `file`, a `folder`, something `else` such as a link, or `nothing`."""
        try:
            mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return "nothing"
        return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "else"

    def is_file(self, path: Path) -> bool:
        """Tell whether a file is there, and no link to one."""
        try:
            return stat.S_ISREG(os.lstat(path).st_mode)
        except (FileNotFoundError, NotADirectoryError):  # any other error is no answer
            return False

    def is_folder(self, path: Path) -> bool:
        """Tell whether a folder, or a link to one, is there."""
        return path.is_dir()

    def names(self, folder: Path) -> list[str]:
        """List a folder, sorted; a missing one is empty."""
        return sorted(os.listdir(folder)) if folder.is_dir() else []

    def read(self, path: Path) -> bytes:
        """Give the bytes of a file, of a large one only the first; links, pipes and devices are refused."""
        plain = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # no pipe may wait for its writer
        with os.fdopen(os.open(path, plain), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "not a file", str(path))
            return file.read(LARGEST_READ)

    def sha256(self, path: Path) -> str:
        """Hash a file, in hex; once per session as long as it stays as it is. A link is refused."""
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            now = os.fstat(file.fileno())
            stamp = (now.st_ino, now.st_size, now.st_mtime_ns)
            known = self._hashed.get(path)
            if known is not None and known[0] == stamp:
                return known[1]
            found = hashlib.file_digest(file, "sha256").hexdigest()
        with self._hashing:
            self._hashed[path] = (stamp, found)
        return found

    # ---- changing

    def write(self, path: Path, payload: bytes | memoryview) -> None:
        """Make a new file; its bytes are on the disk when this returns, its name may not be."""
        new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, new, 0o666), "wb", buffering=0) as file:
            rest = memoryview(payload)
            while rest.nbytes:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())

    def append(self, path: Path, text: str) -> None:
        """Add text to a file, in one piece; nobody waits for it to be on the disk."""
        more = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, more, 0o666), "wb", buffering=0) as file:
            file.write(text.encode())

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in the place of what had it."""
        os.rename(old, new)

    def remove(self, path: Path) -> None:
        """Remove a file; one that is gone is fine."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        """Make a folder; one that is there is fine."""
        path.mkdir(exist_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        path.rmdir()

    def sync_folder(self, path: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock(self, path: Path, *, shared: bool = False, wait: bool = False) -> Lock | None:
        """Lock a file, made where it is missing; None where another process holds it.

        On file systems without locks nothing is locked: names that carry their own hash keep two writers from
        harm.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        plain = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        while True:
            descriptor = os.open(path, plain, 0o666)
            try:
                fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except OSError:
                return _FileLock(descriptor, held=False)
            except BaseException:
                os.close(descriptor)
                raise
            if _is_at(descriptor, path):
                return _FileLock(descriptor, held=True)
            os.close(descriptor)  # its last holder has removed it meanwhile
            if not wait:
                return None

    # ---- waiting

    def pause(self, seconds: float) -> None:
        """Let time pass, so that a network file system shows what others have written."""
        time.sleep(seconds)


DISK = Disk()


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == os.lstat(path).st_ino
    except FileNotFoundError:
        return False


@contextmanager
def refusals(where: Path) -> Iterator[None]:
    """Turn the operating system's refusals into one line."""
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        raise StorageError(what, str(error.filename or where), _remedy(error)) from error


def _remedy(error: OSError) -> str:
    """Say what to do about what the operating system refuses."""
    if error.errno == errno.EFBIG:
        return "raise the limit on the size of files (ulimit -f) and run the same call again"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room and run the same call again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "check its permissions, or choose another folder"
    return "check the disk, or choose another folder"
