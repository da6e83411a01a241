"""Parts opened only after their bytes and their shape were checked.

A checksum says that bytes are those that were written, not that whoever wrote them means well. So Arrow is
given a file only when its size and that of its footer fit the rows that it must have; what its footer says is
then held against the same numbers, and rows are read in batches, never more of them than were promised.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fluctua.ensembles.disk import DISK, Disk
from fluctua.ensembles.parts import ROW_GROUP, TABLES, Part
from fluctua.stochastic.errors import Damaged

UNREADABLE = (OSError, ValueError, KeyError, pa.ArrowException)  # what Arrow raises on damaged files

_MAGIC, _TAIL = b"PAR1", 8  # a file ends with the length of its footer, and these letters
_FOOTER = 2**20  # bytes, and those of each column of each group
_NUMBER, _NAME = 8, 328  # bytes of a value before it is compressed; a stroke's name has 80 letters
_SLACK = 65_536  # bytes beside the values, and those of each column
_A_COLUMN = 2048  # bytes that the footer says of one, with its unit and meaning
_DENSEST = 64  # rows that a byte may hold where any number of rows is right
_THRIFT = {"thrift_string_size_limit": 2**22, "thrift_container_size_limit": 2**18}


def check_folders(folder: Path) -> None:
    """Refuse a run whose tables are links: what is read, or written, would lie elsewhere.

    Raises
    ------
    Damaged
        A link.
    """
    for table in TABLES:
        if os.path.islink(folder / table):
            raise Damaged("a link where a folder should be", str(folder / table), "put the folder there")


def check_bytes(path: Path, part: Part, disk: Disk = DISK) -> None:
    """Compare a file's SHA-256 with its name; once per session for a file that stays as it is.

    Raises
    ------
    Damaged
        The bytes are not those that were written.
    FileNotFoundError
        The file is gone.
    """
    if disk.sha256(path)[:32] != part.digest:
        both = "" if path.parent.name == "parts" else " and its chunk's file in parts/"
        remedy = f"delete it{both} and run the same call again"
        raise Damaged("the file does not match its checksum", str(path), remedy)


def open_part(
    folder: Path,
    table: str,
    part: Part,
    schema: pa.Schema,
    rows: int | None = None,
    trajectories: range | None = None,
    disk: Disk = DISK,
) -> pq.ParquetFile:
    """Open a part after checking its bytes, its shape, and whose rows it has.

    Parameters
    ----------
    folder, table, part
        The file is ``folder/table/name of the part``; a link is refused.
    schema : pyarrow.Schema
        What its columns must be.
    rows : int, optional
        How many rows it must have; any number where it is not given.
    trajectories : range, optional
        Whose rows they must be, as its footer says: names can be exchanged.
    disk : Disk, optional
        Which remembers the checksums that were compared.

    Raises
    ------
    Damaged
        Not the bytes that were written, or not a part of this run.
    FileNotFoundError
        The file is gone, superseded by a longer one.
    """
    path = folder / table / part.name
    try:
        check_bytes(path, part, disk)
        check_size(path, rows, schema)
        file = pq.ParquetFile(path, page_checksum_verification=True, **_THRIFT)
        _check_shape(file, path, rows, schema)
        if trajectories is not None:
            _check_place(file, path, trajectories, whole=rows is not None)
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        raise Damaged("the file cannot be read", str(path), " ".join(str(error).split())[:120]) from None
    return file


def read_schema(folder: Path, table: str, part: Part, schema: pa.Schema) -> pa.Schema:
    """Read what a part's footer says of it, for whom a glance is enough: its bytes are not hashed.

    Raises
    ------
    Damaged
        Too large, or not to be read.
    """
    path = folder / table / part.name
    try:
        check_size(path, part.rows, schema)
        return pq.ParquetFile(path, **_THRIFT).schema_arrow
    except UNREADABLE as error:
        raise Damaged("the file cannot be read", str(path), " ".join(str(error).split())[:120]) from None


def check_size(path: Path, rows: int | None, schema: pa.Schema) -> None:
    """Refuse a file, or a footer, that is larger than so many rows of these columns can be.

    Where any number of rows is right, the footer alone is limited, by as many rows as bytes can hold.

    Raises
    ------
    Damaged
        Too large, or no end of a Parquet file.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(size - _TAIL, 0))
        tail = file.read(_TAIL)
    most = _DENSEST * size if rows is None else rows
    chunks = len(schema) * max(-(-most // ROW_GROUP), 1)
    width = sum(_NAME if pa.types.is_string(field.type) else _NUMBER for field in schema)
    if rows is not None and size > rows * width + _SLACK + _A_COLUMN * (len(schema) + chunks):
        raise Damaged(f"{size:,} bytes are too many for {rows:,} rows", str(path), "move it elsewhere")
    footer = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or footer > min(size - _TAIL - len(_MAGIC), _FOOTER + _A_COLUMN * chunks):
        raise Damaged("the file has no end, or an impossible one", str(path), "move it elsewhere")


def _check_shape(file: pq.ParquetFile, path: Path, rows: int | None, schema: pa.Schema) -> None:
    """Refuse a file that is sound but none of ours: other columns, other numbers of rows."""
    found = file.schema_arrow
    if not found.equals(schema) or (found.metadata or {}).get(b"spec") != schema.metadata[b"spec"]:
        raise Damaged(
            "the file belongs to another run", str(path), "its columns or its spec differ: move it elsewhere"
        )
    groups = [file.metadata.row_group(k).num_rows for k in range(file.metadata.num_row_groups)]
    wrong = rows is not None and file.metadata.num_rows != rows
    if min(groups, default=0) < 0 or max(groups, default=0) > ROW_GROUP or wrong:
        raise Damaged("the file has another number of rows than it must have", str(path), "move it elsewhere")
    if sum(groups) != file.metadata.num_rows:
        raise Damaged("its groups of rows do not add up", str(path), "move it elsewhere")


def _check_place(file: pq.ParquetFile, path: Path, trajectories: range, *, whole: bool) -> None:
    """Refuse a sound file that has the name of another chunk; a `whole` one has rows of every trajectory."""
    groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
    column = file.schema_arrow.names.index("trajectory")
    said = [group.column(column).statistics for group in groups if group.num_rows]
    known = all(one is not None and one.has_min_max for one in said)
    found = range(said[0].min, said[-1].max + 1) if known and said else trajectories
    within = trajectories.start <= found.start and found.stop <= trajectories.stop
    if not known or not (found == trajectories if whole else within):
        raise Damaged("the file holds other trajectories than its name says", str(path), "move it elsewhere")
