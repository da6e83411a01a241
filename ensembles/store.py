"""The run directory: how parts are committed, found again, and checked.

    runs/a/
      manifest.json   what is computed: spec, digest, columns, encoding, canary; written once
      target.json     how many trajectories are asked for; replaced atomically, no part of the identity
      parts/part-<chunk>-<rows>-<sha256>.parquet      one row a trajectory
      strokes/, paths/                                the same names; written before their file in parts/
      _tmp/, .lock                                    a writer's own

The listing of `parts/` is the whole state of the work done. A part is encoded in memory, written to a
temporary name, synced, renamed, and its folder synced; only then does it count. Its bytes are a function of
the spec and the chunk alone, so that a retry, a resume or a second writer produces the same name with the
same bytes, and a name says whether its bytes are right.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from fluctua.ensembles.text import Table, canonical, read_table
from fluctua.stochastic.errors import Busy, Damaged, InvalidInput, StorageError, shown

CHUNK = 65_536  # trajectories of a part; belongs to the identity of a run, as it fixes where files end
ROW_GROUP = 2**18
FORMAT = 1
ENCODING = "zstd 1, byte stream split, row groups of 262144, page checksums"
TABLES = ("parts", "strokes", "paths")
MANIFEST, TARGET, LOCK, SCRATCH = "manifest.json", "target.json", ".lock", "_tmp"
_NAME = re.compile(r"part-(\d{8})-(\d{9})-([0-9a-f]{32})\.parquet")
_LARGEST_MANIFEST = 16_000_000
_RESTORE = {TARGET: 'restore it: {"trajectories": N}, N as many as were asked for'}
UNREADABLE = (OSError, ValueError, KeyError, pa.ArrowException)  # what Arrow raises on damaged files


# ---- parts and their names


@dataclass(frozen=True, order=True)
class Part:
    """A file of one chunk: which chunk, how many trajectories of it, the first half of its SHA-256 in hex."""

    chunk: int
    rows: int
    digest: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"part-{self.chunk:08d}-{self.rows:09d}-{self.digest}.parquet"

    @property
    def first(self) -> int:
        """The number of its first trajectory."""
        return self.chunk * CHUNK


def parse_name(name: str) -> Part | None:
    """Read a part's name; None where it is none."""
    found = _NAME.fullmatch(name)
    return Part(int(found[1]), int(found[2]), found[3]) if found else None


def expected_rows(chunk: int, trajectories: int) -> int:
    """Count the trajectories that a chunk has when `trajectories` are asked for."""
    return max(0, min(CHUNK, trajectories - chunk * CHUNK))


def list_parts(folder: Path, table: str = "parts") -> dict[int, Part]:
    """List the parts of one table by chunk; of one chunk's parts the one with most rows counts.

    Raises
    ------
    Damaged
        A file whose name is not a part's, or two different parts with the same rows.
    """
    parts: dict[int, Part] = {}
    for part in _all_parts(folder / table):
        rival = parts.get(part.chunk)
        if rival and rival.rows == part.rows:
            raise Damaged(
                "two different files for the same rows",
                str(folder / table / part.name),
                f"other: {rival.name}",
            )
        if not rival or rival.rows < part.rows:
            parts[part.chunk] = part
    return dict(sorted(parts.items()))


def _all_parts(folder: Path) -> Iterator[Part]:
    with _storage(folder):
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name) if folder.is_dir() else []
    for entry in entries:
        part = parse_name(entry.name)
        if part is None or not entry.is_file(follow_symlinks=False):
            raise Damaged("a file that is no part of the run", str(folder / entry.name), "move it elsewhere")
        if not 0 < part.rows <= CHUNK:
            raise Damaged(
                "a part with an impossible number of rows", str(folder / entry.name), "move it elsewhere"
            )
        yield part


# ---- bytes


def encode(table: pa.Table) -> pa.Buffer:
    """Write a table as Parquet into memory; the bytes depend on the table and the writer's version alone."""
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    whole = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    words = [field.name for field in table.schema if pa.types.is_string(field.type)]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=1,
        use_dictionary=words or False,
        use_byte_stream_split=floats,
        column_encoding={name: "DELTA_BINARY_PACKED" for name in whole},
        row_group_size=ROW_GROUP,
        write_page_checksum=True,
    )
    return sink.getvalue()


def content_hash(columns: Mapping[str, Any]) -> str:
    """Hash NumPy columns by names, types and values: equal across versions of Parquet writers."""
    digest = hashlib.sha256()
    for name, values in columns.items():
        digest.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(payload: bytes | memoryview, scratch: Path, target: Path) -> None:
    """Write, sync, rename, sync the folder; leave no temporary file behind."""
    temporary = scratch / f"{target.name}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        with open(temporary, "xb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(target.parent)


@contextmanager
def _storage(where: Path) -> Iterator[None]:
    """Turn the operating system's refusals into one line."""
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        raise StorageError(what, str(error.filename or where), _remedy(error)) from error


def _remedy(error: OSError) -> str:
    """Say what to do about what the operating system refuses."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "make room and run the same call again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "check its permissions, or choose another folder"
    return "check the disk, or choose another folder"


# ---- the manifest


def describe(
    spec: Table, digest: str, columns: list[Table], canary: str, facts: Table, software: Table
) -> Table:
    """Put together what `manifest.json` holds, with its own checksum."""
    manifest = {
        "format": FORMAT,
        "digest": digest,
        "spec": {key: value for key, value in spec.items() if key != "trajectories"},
        "chunk": CHUNK,
        "encoding": ENCODING,
        "canary": canary,
        "columns": columns,
        "start": facts,
        "software": software,
    }
    return manifest | {"sha256": hashlib.sha256(canonical(manifest)).hexdigest()}


def read_manifest(folder: Path) -> Table:
    """Read `manifest.json` and check it against its own checksum."""
    path = folder / MANIFEST
    manifest = _read_json(path)
    stated = manifest.pop("sha256", None)
    if hashlib.sha256(canonical(manifest)).hexdigest() != stated:
        raise Damaged("the manifest does not match its checksum", str(path), "restore the file")
    if manifest.get("format") != FORMAT:
        raise InvalidInput(
            f"written in format {manifest.get('format')}", str(path), f"this version reads format {FORMAT}"
        )
    return manifest


def read_target(folder: Path) -> int:
    """Read how many trajectories the run is to have."""
    count = _read_json(folder / TARGET).get("trajectories")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise Damaged("no number of trajectories", str(folder / TARGET), "restore the file")
    return count


def _read_json(path: Path) -> Table:
    try:
        with _storage(path):
            text = path.read_bytes()
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise Damaged("the file is missing", str(path), _RESTORE.get(path.name, "restore it")) from None
        raise
    try:
        return read_table(text, "json", str(path), _LARGEST_MANIFEST)
    except InvalidInput as error:
        raise Damaged(error.what, str(path), "restore the file") from None


def place(folder: object) -> Path:
    """Read where a run lies or shall lie.

    Raises
    ------
    InvalidInput
        No path, or one that the operating system cannot look up.
    """
    if not isinstance(folder, str | os.PathLike):
        raise InvalidInput(f"{shown(folder)} is not a folder's name", "", 'write text, "runs/a"')
    try:
        path = Path(folder)
        os.lstat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(what, shown(os.fspath(folder)), "choose another place") from None
    return path


def is_run(folder: Path) -> bool:
    """Tell whether a folder holds a run."""
    return (folder / MANIFEST).is_file()


def check_ours(folder: Path) -> None:
    """Refuse a place that holds anything but a run, and one inside a run: nothing is ever mixed.

    Raises
    ------
    InvalidInput, Damaged
        Something else is there, or the place lies inside a run.
    """
    _check_above(folder)
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise InvalidInput("not a folder", str(folder), "choose another place")
    known = {LOCK, SCRATCH, TARGET, MANIFEST, *TABLES}
    with _storage(folder):
        strangers = sorted(set(os.listdir(folder)) - known)
    if strangers:
        raise InvalidInput(
            "the folder holds something else", str(folder / strangers[0]), "choose another folder"
        )
    check_manifest(folder, "choose another folder")


def check_manifest(folder: Path, remedy: str = "restore manifest.json, or move the folder elsewhere") -> None:
    """Refuse a folder with parts of which nothing says what they are.

    Raises
    ------
    Damaged
        Its manifest is missing.
    """
    if not is_run(folder) and any(any(_all_parts(folder / table)) for table in TABLES):
        raise Damaged("parts without a manifest", str(folder), remedy)


def _check_above(folder: Path) -> None:
    """Refuse a place inside a run: nobody would find a run there, and the outer one could not go on.

    Others call files manifest.json too, so a folder above counts as a run if it has a target as well.
    """
    with _storage(folder):
        above = [path for path in Path(os.path.realpath(folder)).parents if is_run(path)]
        above = [path for path in above if (path / TARGET).is_file()]
    if above:
        raise InvalidInput("the place lies inside a run", str(folder), f"choose one outside {above[0]}")


# ---- writing


class Writer:
    """The one process that adds parts to a run directory.

    A context: entering makes or checks the folder, takes its lock, clears what a killed writer left; leaving
    after an error with nothing committed removes what was made.

    Parameters
    ----------
    folder : Path
        May be missing or empty; else it must hold the run that `manifest` describes.
    manifest : dict
        From :func:`describe`.
    trajectories : int
        Becomes the target if it is larger than the present one.

    Raises
    ------
    Busy
        Another process writes.
    InvalidInput, Damaged
        The folder holds something else, or the same run with other numbers.
    StorageError
        The operating system refuses.
    """

    def __init__(self, folder: Path, manifest: Table, trajectories: int) -> None:
        self.folder = folder
        self.manifest = manifest
        self.trajectories = trajectories
        self._lock: IO[bytes] | None = None
        self._made: list[Path] = []
        self._fresh = False
        self._parts: dict[int, Part] = {}

    def __enter__(self) -> Self:
        """Make or check the folder and take its lock."""
        check_ours(self.folder)
        try:
            with _storage(self.folder):
                self._make_folder()
                self._take_lock()
                self._open_run()
        except BaseException:
            self._leave(failed=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tidy up and give the lock back."""
        self._leave(failed=kind is not None)

    def missing(self) -> list[int]:
        """List the chunks that are still to be computed, the tail last."""
        chunks = range(-(-self.trajectories // CHUNK))
        return [
            c
            for c in chunks
            if c not in self._parts or self._parts[c].rows < expected_rows(c, self.trajectories)
        ]

    def verify(self) -> None:
        """Check the bytes of all parts that are there, so that no run goes on from damaged ones."""
        for table in TABLES:
            for part in list_parts(self.folder, table).values():
                check_bytes(self.folder / table / part.name, part)

    def commit(self, chunk: int, tables: Mapping[str, pa.Table]) -> Part:
        """Publish the files of one chunk, `parts` last, and drop a shorter part that it supersedes.

        Safe to call from several threads for different chunks.
        """
        rows = tables["parts"].num_rows
        part = Part(chunk, rows, "")
        with _storage(self.folder):
            for name in sorted(tables, key=lambda name: name == "parts"):
                payload = memoryview(encode(tables[name]))
                part = Part(chunk, rows, hashlib.sha256(payload).hexdigest()[:32])
                (self.folder / name).mkdir(exist_ok=True)
                _publish(payload, self.folder / SCRATCH, self.folder / name / part.name)
            superseded = chunk in self._parts
            self._parts[chunk] = part
            if superseded:
                self._drop_shorter(part)
        return part

    def _drop_shorter(self, part: Part) -> None:
        for table, old in list(self._listing()):
            if old.chunk == part.chunk and old.rows < part.rows:
                (self.folder / table / old.name).unlink()

    # -- entering

    def _make_folder(self) -> None:
        for path in [*reversed(self.folder.absolute().parents), self.folder]:
            if not path.exists():
                path.mkdir()
                self._made.append(path)
                _sync(path.parent)

    def _take_lock(self) -> None:
        path = self.folder / LOCK
        lock = open(path, "ab")  # noqa: SIM115 - held open for as long as we write
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = path.exists() and os.fstat(lock.fileno()).st_ino == path.stat().st_ino
        except BlockingIOError:
            ours = False
        except OSError:
            ours = True  # no locks here: names that carry their own hash keep two writers from harm
        if not ours:
            lock.close()
            raise Busy(
                "another process writes this run", str(self.folder), "wait for it, or choose another folder"
            )
        self._lock = lock

    def _open_run(self) -> None:
        scratch = self.folder / SCRATCH
        scratch.mkdir(exist_ok=True)
        for leftover in scratch.iterdir():
            leftover.unlink()
        self._fresh = not is_run(self.folder)
        if not self._fresh:
            self._compare()
        (self.folder / "parts").mkdir(exist_ok=True)
        if self._fresh or read_target(self.folder) < self.trajectories:
            self._write_json(TARGET, {"trajectories": self.trajectories})
        if self._fresh:  # last: a folder with a manifest is a run
            self._write_json(MANIFEST, self.manifest)
        _sync(self.folder)
        self._clean()

    def _write_json(self, name: str, table: Table) -> None:
        text = json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        _publish(text.encode(), self.folder / SCRATCH, self.folder / name)

    def _compare(self) -> None:
        stored = read_manifest(self.folder)
        for key in ("digest", "chunk", "encoding", "columns"):
            if canonical(stored.get(key)) != canonical(self.manifest[key]):
                raise InvalidInput(
                    f"the folder holds another run: its {key} differs",
                    str(self.folder),
                    "choose another folder",
                )
        if stored.get("canary") != self.manifest["canary"]:
            raise Damaged(
                "its first trajectories come out differently now",
                str(self.folder),
                "another version of Fluctua wrote it: choose another folder",
            )

    def _listing(self) -> Iterator[tuple[str, Part]]:
        for table in TABLES:
            for part in _all_parts(self.folder / table):
                yield table, part

    def _clean(self) -> None:
        """Drop superseded parts, and files of other tables whose chunk never counted."""
        self._parts = list_parts(self.folder)
        for table, part in list(self._listing()):
            counted = self._parts.get(part.chunk)
            if counted is None or part.rows != counted.rows:
                (self.folder / table / part.name).unlink()

    # -- leaving

    def _leave(self, failed: bool) -> None:
        try:
            if self._lock is not None:
                self._tidy()
            if failed and self._fresh and not self._parts:
                self._remove()
            if failed and not is_run(self.folder):
                for path in reversed(self._made):
                    path.rmdir()
        except OSError:
            pass  # tidying must not hide the error that brought us here; what is left over does not count
        finally:
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def _tidy(self) -> None:
        scratch = self.folder / SCRATCH
        if scratch.is_dir():
            for leftover in scratch.iterdir():
                leftover.unlink()
            scratch.rmdir()

    def _remove(self) -> None:
        """Take back a run of which nothing was committed."""
        for table, part in list(self._listing()):
            (self.folder / table / part.name).unlink()
        for name in (MANIFEST, TARGET, LOCK):
            (self.folder / name).unlink(missing_ok=True)
        for table in TABLES:
            if (self.folder / table).is_dir():
                (self.folder / table).rmdir()


# ---- reading


_checked: dict[Path, tuple[int, int, int]] = {}
_checking = threading.Lock()


def check_bytes(path: Path, part: Part) -> None:
    """Compare a file's SHA-256 with its name; once per session for a file that stays as it is.

    Raises
    ------
    Damaged
        The bytes are not those that were written.
    FileNotFoundError
        The file is gone.
    """
    with open(path, "rb") as file:
        now = os.fstat(file.fileno())
        stamp = (now.st_ino, now.st_size, now.st_mtime_ns)
        if _checked.get(path) == stamp:
            return
        if hashlib.file_digest(file, "sha256").hexdigest()[:32] != part.digest:
            raise Damaged(
                "the file does not match its checksum", str(path), "delete it and run the same call again"
            )
    with _checking:
        _checked[path] = stamp


def open_part(folder: Path, table: str, part: Part, schema: pa.Schema) -> pq.ParquetFile:
    """Open a part after checking its bytes and its shape.

    Raises
    ------
    Damaged
        Not the bytes that were written, or not a part of this run.
    FileNotFoundError
        The file is gone, superseded by a longer one.
    """
    path = folder / table / part.name
    try:
        check_bytes(path, part)
        file = pq.ParquetFile(
            path,
            page_checksum_verification=True,
            thrift_string_size_limit=2**24,
            thrift_container_size_limit=2**20,
        )
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        raise Damaged("the file cannot be read", str(path), " ".join(str(error).split())[:120]) from None
    _check_shape(file, path, table, part, schema)
    return file


def _check_shape(file: pq.ParquetFile, path: Path, table: str, part: Part, schema: pa.Schema) -> None:
    """Refuse a file that is sound but none of ours: other columns, other numbers of rows."""
    if (
        not file.schema_arrow.equals(schema)
        or file.schema_arrow.metadata.get(b"spec") != schema.metadata[b"spec"]
    ):
        raise Damaged(
            "the file belongs to another run", str(path), "its columns or its spec differ: move it elsewhere"
        )
    groups = [file.metadata.row_group(k).num_rows for k in range(file.metadata.num_row_groups)]
    if max(groups, default=0) > ROW_GROUP or (table == "parts" and file.metadata.num_rows != part.rows):
        raise Damaged(
            "the file has another number of rows than its name says", str(path), "move it elsewhere"
        )
