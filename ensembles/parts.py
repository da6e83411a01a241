"""Parts: the files of a run, their names, their listing and their bytes.

A part holds one chunk of one table. Its name, ``part-<chunk>-<rows>-<sha256>.parquet``, says which, how many
trajectories of it, and whether its bytes are right. The listing of `parts/` is the whole state of the work
done.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fluctua.ensembles.disk import DISK, Disk, refusals
from fluctua.stochastic.errors import Damaged

TABLES = ("parts", "strokes", "paths", "jumps")
SAMPLED = ("paths", "jumps")  # of a run's first trajectories alone
ROW_GROUP = 2**18
ENCODING = "zstd -1, byte stream split, row groups of 262144, page checksums"
_NAME = re.compile(r"part-(\d{8})-(\d{9})-([0-9a-f]{32})\.parquet")


# ---- names


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


def parse_name(name: str) -> Part | None:
    """Read a part's name; None where it is none."""
    found = _NAME.fullmatch(name)
    return Part(int(found[1]), int(found[2]), found[3]) if found else None


def list_parts(folder: Path, table: str = "parts", disk: Disk = DISK) -> dict[int, Part]:
    """List the parts of one table by chunk; of one chunk's parts the one with most rows counts.

    Raises
    ------
    Damaged
        A file whose name is not a part's, or two different parts with the same rows.
    """
    parts: dict[int, Part] = {}
    for part in all_parts(folder / table, disk):
        rival = parts.get(part.chunk)
        if rival and rival.rows == part.rows:
            raise Damaged(
                "two different files for the same rows",
                str(folder / table / part.name),
                f"`fluctua check {shlex.quote(str(folder))}` tells whether it or {rival.name} is foreign",
            )
        if not rival or rival.rows < part.rows:
            parts[part.chunk] = part
    return dict(sorted(parts.items()))


def all_parts(folder: Path, disk: Disk = DISK) -> Iterator[Part]:
    """Give all parts in a folder, superseded ones too.

    Raises
    ------
    Damaged
        Something that is no part; or the folder is a link, behind which the parts of another run may lie.
    """
    with refusals(folder):
        if disk.kind(folder) not in ("folder", "nothing"):
            raise Damaged("something else where a folder should be", str(folder), "put the folder there")
    found: list[Part | None] = [None]
    while None in found:  # one was removed while the folder was listed: its successor is there now
        with refusals(folder):
            found = [_part_at(folder / name, disk) for name in disk.names(folder)]
    return (part for part in found if part)


def _part_at(path: Path, disk: Disk) -> Part | None:
    """Read the name of a file; None where it is gone."""
    part = parse_name(path.name)
    if part is not None and part.rows > 0 and disk.is_file(path):
        return part
    if disk.exists(path):
        raise Damaged("a file that is no part of the run", str(path), "move it elsewhere")
    return None


# ---- bytes


def encode(table: pa.Table) -> pa.Buffer:
    """Write a table as Parquet into memory; the bytes depend on the table and the writer's version alone."""
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    whole = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    words = [field.name for field in table.schema if pa.types.is_string(field.type)]
    room = pa.allocate_buffer(_most_bytes(table))
    sink = pa.FixedSizeBufferWriter(room)  # one that grows copies what it holds: a tenth slower
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=-1,  # a fifth faster than 1, for a hundredth of the bytes
        use_dictionary=words or False,
        use_byte_stream_split=floats,
        column_encoding={name: "DELTA_BINARY_PACKED" for name in whole},
        row_group_size=ROW_GROUP,
        write_page_checksum=True,
    )
    return room.slice(0, sink.tell())


def _most_bytes(table: pa.Table) -> int:
    """Bound the size of an encoded table; what is not written to costs no memory."""
    groups = 1 + table.num_rows // ROW_GROUP
    descriptions = 4 * table.schema.serialize().size + 1024 * groups * table.num_columns
    return int(2 * table.nbytes + descriptions + 2**16)


def part_of(chunk: int, rows: int, payload: memoryview) -> Part:
    """Name the bytes of a part."""
    return Part(chunk, rows, hashlib.sha256(payload).hexdigest()[:32])


def content_hash(columns: Mapping[str, Any]) -> str:
    """Hash NumPy columns by names, types and values: equal across versions of Parquet writers."""
    digest = hashlib.sha256()
    for name, values in columns.items():
        digest.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
