"""Parts opened only after their bytes and their shape were checked."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fluctua.ensembles.disk import DISK, Disk
from fluctua.ensembles.parts import ROW_GROUP, Part
from fluctua.stochastic.errors import Damaged

UNREADABLE = (OSError, ValueError, KeyError, pa.ArrowException)  # what Arrow raises on damaged files


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
        raise Damaged(
            "the file does not match its checksum", str(path), "delete it and run the same call again"
        )


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
