"""The run directory: how parts are committed, found again, and kept from being mixed.

    runs/a/
      manifest.json   what is computed: spec, digest, columns, encoding, canary; written once
      target.json     how many trajectories are asked for; replaced atomically, no part of the identity
      parts/part-<chunk>-<rows>-<sha256>.parquet      one row a trajectory
      strokes/, paths/                                the same names; written before their file in parts/
      log.txt                                         who began, went on, finished, and when
      _tmp/, .lock                                    a writer's own; _tmp-3-64/, .lock-3-64 those of a shard

The listing of `parts/` is the whole state of the work done. A part is encoded in memory, written to a
temporary name, synced, renamed, and its folder synced; only then does it count. Its bytes are a function of
the spec and the chunk alone, so that a retry, a resume or a second writer produces the same name with the
same bytes, and a name says whether its bytes are right.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from fluctua.ensembles.chunks import Shard, expected_rows, number_of
from fluctua.ensembles.disk import DISK, Disk, Lock, refusals
from fluctua.ensembles.manifest import (
    MANIFEST,
    TARGET,
    is_run,
    read_manifest,
    read_target,
    signed,
    target_table,
    text_of,
)
from fluctua.ensembles.parts import TABLES, Part, all_parts, encode, list_parts, part_of
from fluctua.ensembles.places import LEFT, LOCK, LOG, OPENING, OWN, SCRATCH, check_ours
from fluctua.ensembles.reading import check_bytes
from fluctua.ensembles.text import Table, canonical
from fluctua.stochastic.errors import Busy, Damaged, InvalidInput, StorageError

if TYPE_CHECKING:
    from fluctua.ensembles.rows import Layout

QUIET = 60.0  # seconds after which the log says how far a run is


# ---- writing


def publish(
    folder: Path, scratch: str, chunk: int, tables: Mapping[str, pa.Table], disk: Disk = DISK
) -> Part:
    """Write the files of one chunk, `parts` last; when this returns, they are on the disk and count.

    Parameters
    ----------
    folder : Path
        The run directory; its tables' folders are there.
    scratch : str
        The name of the folder in it for temporary names.
    chunk : int
        Which chunk.
    tables : mapping of str to pyarrow.Table
        `parts`, and those others that the run keeps.

    Returns
    -------
    Part
        The file in `parts/`.
    """
    rows = tables["parts"].num_rows
    part = Part(chunk, rows, "")
    with refusals(folder):
        for name in sorted(tables, key=lambda name: name == "parts"):
            payload = memoryview(encode(tables[name]))
            part = part_of(chunk, rows, payload)
            _place(payload, folder / scratch, folder / name / part.name, disk)
    return part


def _place(payload: bytes | memoryview, scratch: Path, target: Path, disk: Disk) -> None:
    """Write, rename, sync the folder; leave no temporary file behind."""
    temporary = scratch / f"{target.name}.{os.getpid()}.{secrets.token_hex(8)}"
    try:
        disk.write(temporary, payload)
        disk.rename(temporary, target)
    except BaseException:
        disk.remove(temporary)
        raise
    disk.sync_folder(target.parent)


def _remove_scratch(path: Path, disk: Disk) -> None:
    """Remove a scratch folder, with what a killed writer left there."""
    for leftover in disk.names(path):
        disk.remove(path / leftover)
    if disk.is_folder(path):
        disk.remove_folder(path)


class Writer:
    """The one process that adds parts to a run directory, or to its shard of one.

    A context: entering makes or checks the folder, takes its lock, clears what a killed writer left; leaving
    after an error with nothing committed removes what was made.

    Parameters
    ----------
    folder : Path
        May be missing or empty; else it must hold the run that `manifest` describes.
    manifest : dict
        From :func:`~fluctua.ensembles.manifest.describe`.
    trajectories : int
        Becomes the target if it is larger than the present one.
    shard : Shard, optional
        Add only the parts of a share; other processes may add those of others meanwhile.
    until : mapping, optional
        What `target.json` notes of the rule that stops the run.
    disk : Disk, optional
        Where.

    Raises
    ------
    Busy
        Another process writes.
    InvalidInput, Damaged
        The folder holds something else, or the same run with other numbers.
    StorageError
        The operating system refuses.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Table,
        trajectories: int,
        *,
        shard: Shard | None = None,
        until: Mapping[str, Any] | None = None,
        disk: Disk = DISK,
    ) -> None:
        self.folder = folder
        self.manifest = manifest if until is None else manifest | {"until": until["rule"]}
        self.trajectories = trajectories
        self.shard = shard
        self.scratch = SCRATCH + (shard.suffix if shard else "")
        self.chunk: int = manifest["chunk"]
        self._until = until
        self._disk = disk
        self._locks: list[Lock] = []
        self._holds = False
        self._made: list[Path] = []
        self._fresh = False
        self._parts: dict[int, Part] = {}
        self._counting = threading.Lock()
        self._said = 0.0

    def __enter__(self) -> Self:
        """Make or check the folder and take its lock."""
        check_ours(self.folder, self._disk)
        try:
            with refusals(self.folder):
                self._make_folder()
                self._take_locks()
                with self._alone():
                    self._open_run()
                self._log_begin()
        except BaseException:
            self._leave(failed=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tidy up and give the lock back."""
        ended = "finished" if error is None else f"stopped: {type(error).__name__} {error}"
        try:
            self.say(f"{ended}, {self.rows:,} of {self.wanted:,} trajectories are there")
        finally:
            self._leave(failed=kind is not None)

    # -- what is to be done

    def ours(self) -> Iterator[int]:
        """Give the numbers of the chunks that this writer answers for."""
        chunks = range(number_of(self.trajectories, self.chunk))
        return (chunk for chunk in chunks if self.shard is None or self.shard.has(chunk))

    def missing(self) -> list[int]:
        """List the chunks that are still to be computed, the tail last."""
        return [
            chunk
            for chunk in self.ours()
            if chunk not in self._parts or self._parts[chunk].rows < self._expected(chunk)
        ]

    @property
    def wanted(self) -> int:
        """How many trajectories this writer answers for."""
        return sum(map(self._expected, self.ours()))

    @property
    def rows(self) -> int:
        """How many of them are there."""
        return sum(
            min(self._parts[chunk].rows, self._expected(chunk))
            for chunk in self.ours()
            if chunk in self._parts
        )

    def _expected(self, chunk: int) -> int:
        return expected_rows(chunk, self.trajectories, self.chunk)

    def verify(self, layout: Layout | None = None) -> None:
        """Check all parts that it answers for, so that no run goes on from damaged ones.

        Parameters
        ----------
        layout : Layout, optional
            What they must hold; their bytes alone are checked where it is left out.
        """
        for table, part in list(self._listing()):
            with refusals(self.folder):
                check_bytes(self.folder / table / part.name, part, self._disk)
                if layout is not None:
                    layout.open(self.folder, table, part).close()

    # -- adding

    def commit(self, chunk: int, tables: Mapping[str, pa.Table]) -> Part:
        """Publish the files of one chunk and count it.

        Safe to call from several threads for different chunks.
        """
        part = publish(self.folder, self.scratch, chunk, tables, self._disk)
        self.count(part)
        return part

    def count(self, part: Part) -> None:
        """Count a part that was published, by this process or another, and drop a shorter one.

        Raises
        ------
        Damaged
            Its file is not there: whoever published it writes elsewhere.
        """
        path = self.folder / "parts" / part.name
        with refusals(self.folder), self._counting:
            if not self._disk.is_file(path):
                remedy = "give a folder that all workers share"
                raise Damaged("a worker's part is not there", str(path), remedy)
            superseded = part.chunk in self._parts
            self._parts[part.chunk] = part
            if superseded:
                self._drop_shorter(part)
            if time.monotonic() > self._said + QUIET:
                self.say(f"{self.rows:,} of {self.wanted:,} trajectories are there")

    def say(self, line: str) -> None:
        """Add a line to `log.txt`, with the time in front; a log that cannot be written is no failure."""
        self._said = time.monotonic()
        who = f"shard {self.shard}: " if self.shard else ""
        said = " ".join(f"{who}{line}".split())
        with suppress(OSError):
            self._disk.append(self.folder / LOG, f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {said}\n")

    def _drop_shorter(self, part: Part) -> None:
        for table, old in list(self._listing()):
            if old.chunk == part.chunk and old.rows < part.rows:
                self._disk.remove(self.folder / table / old.name)

    # -- entering

    def _make_folder(self) -> None:
        for path in [*reversed(self.folder.absolute().parents), self.folder]:
            if not self._disk.exists(path):
                self._disk.make_folder(path)
                self._made.append(path)
                self._disk.sync_folder(path.parent)
            else:
                self._try_sync(path.parent)  # perhaps made by a writer that was killed before it did this

    def _try_sync(self, path: Path) -> None:
        with suppress(OSError):
            self._disk.sync_folder(path)

    def _take_locks(self) -> None:
        """Lock the whole run; or for a shard hold off those who would, and lock the shard."""
        self._locks.append(self._lock(LOCK, shared=self.shard is not None))
        if self.shard is not None:
            self._lock_shard(self.shard)
        self._holds = True

    def _lock_shard(self, shard: Shard) -> None:
        for name in self._disk.names(self.folder):
            other = re.fullmatch(r"\.lock-\d+-(\d+)", name)
            if other and int(other[1]) != shard.count:
                self._lock(name).close()  # busy where a shard of another division is at work
        self._locks.append(self._lock(LOCK + shard.suffix))

    def _lock(self, name: str, *, shared: bool = False) -> Lock:
        lock = self._disk.lock(self.folder / name, shared=shared)
        if lock is None:
            raise Busy(
                "another process writes this run", str(self.folder), "wait for it, or choose another folder"
            )
        return lock

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep shards that start at the same time from opening the run together."""
        lock = self._disk.lock(self.folder / OPENING, wait=True) if self.shard else None
        try:
            yield
        finally:
            if lock is not None:
                lock.close()

    def _open_run(self) -> None:
        self._fresh = not is_run(self.folder, self._disk)
        self._clear_scratch()
        self._disk.make_folder(self.folder / self.scratch)
        if not self._fresh:
            self._compare()
        for table in self.manifest["tables"]:  # synced below: a part's folder must not go with the power
            self._disk.make_folder(self.folder / table)
            if not self._fresh:  # nor the names that a writer left that was killed before it synced them
                self._disk.sync_folder(self.folder / table)
        if self._fresh or read_target(self.folder, self._disk) < self.trajectories:
            self._write_json(TARGET, target_table(self.trajectories, self._until))
        if self._fresh:  # last: a folder with a manifest is a run
            self._write_json(MANIFEST, signed(self.manifest))
        self._disk.sync_folder(self.folder)
        self._check_tables()
        self._clean()

    def _write_json(self, name: str, table: Table) -> None:
        _place(text_of(table), self.folder / self.scratch, self.folder / name, self._disk)

    def _compare(self) -> None:
        stored = read_manifest(self.folder, self._disk)
        for key in ("digest", "chunk", "encoding", "columns"):
            if canonical(stored.get(key)) != canonical(self.manifest[key]):
                other = "another run" if key == "digest" else "this run as another version writes it"
                what = f"the folder holds {other}: its {key} differs"
                raise InvalidInput(what, str(self.folder), "choose another folder")
        if stored.get("canary") != self.manifest["canary"]:
            raise Damaged(
                "its first trajectories come out differently now",
                str(self.folder),
                "another version of Fluctua wrote it, or another kind of machine: choose another folder",
            )

    def _listing(self) -> Iterator[tuple[str, Part]]:
        """Give all files of the chunks that this writer answers for."""
        for table in TABLES:
            for part in all_parts(self.folder / table, self._disk):
                if self._answers(part):
                    yield table, part

    def _check_tables(self) -> None:
        """Refuse to go on where a chunk counts of which another table has no rows."""
        counted = [part for part in list_parts(self.folder, disk=self._disk).values() if self._answers(part)]
        sampled = self.manifest["spec"].get("paths") or 0
        for table in self.manifest["tables"]:
            there = {(part.chunk, part.rows) for part in all_parts(self.folder / table, self._disk)}
            for part in counted:
                kept = table != "paths" or part.chunk * self.chunk < sampled
                if kept and (part.chunk, part.rows) not in there:
                    place, remedy = self.folder / table, f"delete {self.folder / 'parts' / part.name} and run"
                    raise Damaged(
                        f"no rows of chunk {part.chunk}", str(place), f"{remedy} the same call again"
                    )

    def _answers(self, part: Part) -> bool:
        return self.shard is None or self.shard.has(part.chunk)

    def _clean(self) -> None:
        """Drop superseded parts, and files of other tables whose chunk never counted."""
        self._parts = list_parts(self.folder, disk=self._disk)
        for table, part in list(self._listing()):
            counted = self._parts.get(part.chunk)
            if counted is None or part.rows != counted.rows:
                self._disk.remove(self.folder / table / part.name)

    def _log_begin(self) -> None:
        software = ", ".join(f"{name} {version}" for name, version in self.manifest["software"].items())
        begun = "begun" if self._fresh else f"goes on, {self.rows:,} are there"
        host = f"process {os.getpid()} on {platform.node()}"
        self.say(f"{self.wanted:,} trajectories of {self.manifest['digest'][:8]} {begun}: {host}, {software}")

    # -- leaving

    def _leave(self, failed: bool) -> None:
        try:
            if self._holds:
                self._tidy()
                if failed and self._fresh and not self._parts and self._last():
                    self._remove()
            if failed and not is_run(self.folder, self._disk):
                for path in reversed(self._made):
                    self._disk.remove_folder(path)
        except OSError:
            pass  # tidying must not hide the error that brought us here; what is left over does not count
        finally:
            for lock in reversed(self._locks):
                lock.close()
            self._locks, self._holds = [], False

    def _last(self) -> bool:
        """Tell whether no other shard is at work here or has been."""
        if self.shard is None:
            return True
        self._locks[0].close()
        lock = self._disk.lock(self.folder / LOCK)
        self._locks[0] = lock or self._locks[1]
        return lock is not None and not any(all_parts(self.folder / "parts", self._disk))

    def _clear_scratch(self) -> None:
        """Empty the scratch folders that a killed writer left; of shards, where nobody else is at work."""
        names = [self.scratch]
        if self.shard is None:
            names = [name for name in self._disk.names(self.folder) if OWN.fullmatch(name)]
        for name in names:
            path = self.folder / name
            if name.startswith(SCRATCH):
                _remove_scratch(path, self._disk)
            elif name != LOCK:
                self._disk.remove(path)

    def _tidy(self) -> None:
        self._clear_scratch()
        if self.shard is not None:
            self._disk.remove(self.folder / (LOCK + self.shard.suffix))

    def _remove(self) -> None:
        """Take back a run of which nothing was committed.

        Whatever is left when the power goes is a run or none, never parts or a log of which nothing says
        whose they are.
        """
        for table in TABLES:
            for part in list(all_parts(self.folder / table, self._disk)):
                self._disk.remove(self.folder / table / part.name)
            self._try_sync(self.folder / table)
        for name in (LOG, MANIFEST):
            self._disk.remove(self.folder / name)
            self._try_sync(self.folder)
        for name in (TARGET, OPENING, LOCK):
            self._disk.remove(self.folder / name)
        for table in TABLES:
            if self._disk.is_folder(self.folder / table):
                self._disk.remove_folder(self.folder / table)


def tidy(folder: Path, disk: Disk = DISK) -> None:
    """Drop what a killed writer left in a run whose rows are all there, unless another process writes it."""
    with refusals(folder):
        left = any(LEFT.fullmatch(name) for name in disk.names(folder))
    counted = {(part.chunk, part.rows) for part in list_parts(folder, disk=disk).values()}
    tables = (all_parts(folder / table, disk) for table in TABLES)
    if left or any((part.chunk, part.rows) not in counted for table in tables for part in table):
        manifest, trajectories = read_manifest(folder, disk), read_target(folder, disk)
        with suppress(Busy, StorageError), Writer(folder, manifest, trajectories, disk=disk):
            pass


def note_until(folder: Path, until: Mapping[str, Any] | None, disk: Disk = DISK) -> None:
    """Note in `target.json` how far the rule is that stops a run; its number of trajectories stays.

    Raises
    ------
    Busy
        A process writes the run.
    """
    with refusals(folder):
        lock = disk.lock(folder / LOCK)
        if lock is None:
            raise Busy("another process writes this run", str(folder), "wait for it")
        with closing(lock):
            _remove_scratch(folder / SCRATCH, disk)
            disk.make_folder(folder / SCRATCH)
            table = target_table(read_target(folder, disk), until)
            try:
                _place(text_of(table), folder / SCRATCH, folder / TARGET, disk)
            finally:
                with suppress(OSError):
                    _remove_scratch(folder / SCRATCH, disk)
