"""The run directory: how parts are committed, found again, and kept from being mixed.

    runs/a/
      manifest.json   what is computed: spec, digest, columns, encoding, canary; written once
      target.json     how many trajectories are asked for; replaced atomically, no part of the identity
      parts/part-<chunk>-<rows>-<sha256>.parquet      one row a trajectory
      strokes/, paths/, jumps/                        the same names; written before their file in parts/
      log.txt                                         who began, went on, finished, and when
      _tmp-<hex>/, .lock                              a writer's own; _tmp-3-64-<hex>/, .lock-3-64 a shard's

The listing of `parts/` is the whole state of the work done. A part is encoded in memory, written to a
temporary name, synced, renamed, and its folder synced; only then does it count. Its bytes are a function of
the spec and the chunk alone, so that a retry, a resume or a second writer produces the same name with the
same bytes, and a name says whether its bytes are right.
"""

from __future__ import annotations

import os
import platform
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from fluctua.ensembles.chunks import Shard, expected_rows, number_of
from fluctua.ensembles.disk import DISK, Disk, refusals
from fluctua.ensembles.locks import Locks
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
from fluctua.ensembles.parts import SAMPLED, TABLES, Part, all_parts, encode, list_parts, part_of
from fluctua.ensembles.places import (
    LEFT,
    LOCK,
    LOG,
    OPENING,
    OWN,
    SCRATCH,
    WORKING,
    check_ours,
    check_own,
    remove_scratch,
)
from fluctua.ensembles.reading import check_bytes
from fluctua.ensembles.text import Table, canonical
from fluctua.stochastic.errors import Busy, Damaged, FluctuaError, InvalidInput, StorageError

if TYPE_CHECKING:
    from fluctua.ensembles.rows import Layout

QUIET = 60.0  # seconds after which the log says how far a run is
PAUSES = (0.1, 0.3, 1.0)  # seconds between looks for a part that a worker has written


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
    layout : Layout, optional
        What the parts must hold that it answers for: they are all checked before the target is raised.
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
        layout: Layout | None = None,
        disk: Disk = DISK,
    ) -> None:
        self.folder = folder
        self.manifest = manifest if until is None else manifest | {"until": until["rule"]}
        self.trajectories = trajectories
        self.shard = shard
        self.scratch = f"{SCRATCH}{shard.suffix if shard else ''}-{secrets.token_hex(8)}"
        self.chunk: int = manifest["chunk"]
        self._until = until
        self._layout = layout
        self._disk = disk
        self._locks = Locks(folder, shard, disk)
        self._made: list[Path] = []
        self._fresh = False
        self._parts: dict[int, Part] = {}
        self._waiting: list[tuple[str, Part]] = []
        self._counting = threading.Lock()
        self._said = 0.0

    def __enter__(self) -> Self:
        """Make or check the folder and take its lock."""
        check_ours(self.folder, self._disk)
        try:
            with refusals(self.folder):
                self._make_folder()
                self._locks.take()
                with self._locks.alone():
                    self._open_run()
                    self._settle_target(checked=False)
                self._check_tables()
                if self._layout is not None:
                    self.verify(self._layout)
                with self._locks.alone():
                    self._settle_target(checked=True)
                self._clean()
                self._log_begin()
        except BaseException:
            self._leave(failed=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tidy up and give the lock back."""
        try:
            if error is None:
                with suppress(OSError, StorageError):
                    self._clean()  # a worker of an earlier session may have published its shorter tail
            self._log_end(error)
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
        with refusals(self.folder):
            if not self._is_there(path):
                remedy = "give a folder that all workers share"
                raise Damaged("a worker's part is not there", str(path), remedy)
        with refusals(self.folder), self._counting:
            superseded = part.chunk in self._parts
            self._parts[part.chunk] = part
            if superseded:
                self._drop_shorter(part.chunk)
            self._drop_rivals(part.chunk)
            if time.monotonic() > self._said + QUIET:
                self.say(f"{self.rows:,} of {self.wanted:,} trajectories are there")

    def _is_there(self, path: Path) -> bool:
        """Look for a part a few times: a network file system may show late what another machine wrote."""
        for seconds in PAUSES:
            if self._disk.is_file(path):
                return True
            self._disk.pause(seconds)
            self._disk.names(path.parent)  # to list a folder is to ask the server
        return self._disk.is_file(path)

    def say(self, line: str) -> None:
        """Add a line to `log.txt`, with the time in front; a log that cannot be written is no failure."""
        self._said = time.monotonic()
        who = f"shard {self.shard}: " if self.shard else ""
        said = " ".join(f"{who}{line}".split())
        with suppress(OSError):
            self._disk.append(self.folder / LOG, f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {said}\n")

    def _drop_shorter(self, chunk: int | None = None) -> None:
        """Drop superseded parts, of one chunk or of all, and files of other tables that nobody waits for.

        One whose chunk never counted stays if it has the rows that will be asked for: somebody may be about
        to publish its part, and whoever computes the chunk again writes the same file.
        """
        for table, part in list(self._listing()):
            if chunk in (None, part.chunk):
                counted = self._parts.get(part.chunk)
                rows = counted.rows if counted else self._expected(part.chunk)
                if part.rows < rows or (part.rows > rows and self._locks.sure):
                    self._disk.remove(self.folder / table / part.name)

    def _drop_rivals(self, chunk: int) -> None:
        """Drop what waited for the part of a chunk, and is not what came with it: another writer's bytes."""
        for table, old in [(table, part) for table, part in self._waiting if part.chunk == chunk]:
            others = (part for part in all_parts(self.folder / table, self._disk) if part != old)
            if any((part.chunk, part.rows) == (chunk, old.rows) for part in others):
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
        if self._fresh:
            self._write_json(TARGET, target_table(self.trajectories, self._until))
            self._write_json(MANIFEST, signed(self.manifest))  # last: a folder with a manifest is a run
        self._disk.sync_folder(self.folder)

    def _settle_target(self, *, checked: bool) -> None:
        """Join those who work towards the target; where it is smaller, raise it once all is checked."""
        if self._locks.at_work:
            return
        target = read_target(self.folder, self._disk)
        if target < self.trajectories:
            self._locks.refuse_others(target)
            if not checked:
                return
            self._write_json(TARGET, target_table(self.trajectories, self._until))
        self._locks.join()

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
                kept = table not in SAMPLED or part.chunk * self.chunk < sampled
                if kept and (part.chunk, part.rows) not in there:
                    place, remedy = self.folder / table, f"delete {self.folder / 'parts' / part.name} and run"
                    raise Damaged(
                        f"no rows of chunk {part.chunk}", str(place), f"{remedy} the same call again"
                    )

    def _answers(self, part: Part) -> bool:
        return self.shard is None or self.shard.has(part.chunk)

    def _clean(self) -> None:
        """List what counts, and drop what does not; what other tables have of chunks to come waits."""
        self._parts = list_parts(self.folder, disk=self._disk)
        self._drop_shorter()
        self._waiting = [(table, part) for table, part in self._listing() if part.chunk not in self._parts]

    def _log_begin(self) -> None:
        software = ", ".join(f"{name} {version}" for name, version in self.manifest["software"].items())
        digest, host = self.manifest["digest"][:8], f"process {os.getpid()} on {platform.node()}"
        begun = f"{self.wanted:,} trajectories of {digest} begun"
        if not self._fresh:
            begun = f"{digest} goes on towards {self.wanted:,}, {self.rows:,} are there"
        self.say(f"{begun}: {host}, {software}")

    def _log_end(self, error: BaseException | None) -> None:
        """Say how it ended; an error of ours is a sentence, of others there may be a name alone."""
        ended, why = "stopped", ""
        if error is None:
            ended = "finished"
        elif isinstance(error, KeyboardInterrupt) and str(error):
            ended = f"interrupted ({error})"  # by a signal that has a name
        elif isinstance(error, KeyboardInterrupt | SystemExit):
            ended = "interrupted"
        else:
            why = f": {error}" if isinstance(error, FluctuaError) else f": {type(error).__name__} {error}"
        self.say(f"{ended}, {self.rows:,} of {self.wanted:,} trajectories are there{why}")

    # -- leaving

    def _leave(self, failed: bool) -> None:
        try:
            if self._locks.taken:
                self._clear_scratch()
                self._locks.forget_share()
                if failed and self._fresh and not self._parts and self._is_empty():
                    self._remove()
            if failed and not is_run(self.folder, self._disk):
                for path in reversed(self._made):
                    self._disk.remove_folder(path)
        except (OSError, FluctuaError):
            pass  # tidying must not hide the error that brought us here; what is left over does not count
        finally:
            self._locks.close()

    def _is_empty(self) -> bool:
        """Tell whether no other writer is at work here, or has been, or a worker of one."""
        return self._locks.become_last() and not any(all_parts(self.folder / "parts", self._disk))

    def _clear_scratch(self) -> None:
        """Remove this writer's scratch folder, and what killed ones left where no other can be at work."""
        for name in self._disk.names(self.folder):
            if name == self.scratch or (self._locks.sure and self._is_left(name)):
                if name.startswith(SCRATCH):
                    remove_scratch(self.folder / name, self._disk)
                else:
                    self._disk.remove(self.folder / name)

    def _is_left(self, name: str) -> bool:
        if self.shard is None:
            return name != LOCK and bool(OWN.fullmatch(name))
        return bool(OWN.fullmatch(name)) and f"{name}-".startswith(f"{SCRATCH}{self.shard.suffix}-")

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
        for name in (TARGET, OPENING, WORKING):
            self._disk.remove(self.folder / name)
        for table in TABLES:
            if self._disk.kind(self.folder / table) == "folder":
                self._disk.remove_folder(self.folder / table)
        self._disk.remove(self.folder / LOCK)  # last: from now on another may make the run


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
    check_own(folder, disk)
    with refusals(folder):
        lock = disk.lock(folder / LOCK)
        if lock is None:
            raise Busy("another process writes this run", str(folder), "wait for it")
        scratch = folder / f"{SCRATCH}-{secrets.token_hex(8)}"
        with closing(lock):
            table = target_table(read_target(folder, disk), until)
            disk.make_folder(scratch)
            try:
                _place(text_of(table), scratch, folder / TARGET, disk)
            finally:
                with suppress(OSError):
                    for name in disk.names(folder) if lock.held else [scratch.name]:
                        if name.startswith(SCRATCH):
                            remove_scratch(folder / name, disk)
