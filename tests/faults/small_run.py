"""A small run whose rows are a function of the chunk: what the store asks of a run, without physics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from fluctua.ensembles import store
from fluctua.ensembles.chunks import expected_rows
from fluctua.ensembles.disk import DISK, Disk
from fluctua.ensembles.manifest import describe
from fluctua.ensembles.parts import encode
from fluctua.ensembles.store import Shard, Writer

ROWS = 16  # of a chunk
TABLES = ("parts", "strokes")
SCHEMA = pa.schema([("trajectory", pa.int64()), ("work", pa.float64())], metadata={"spec": "d1"})

Order = Callable[[list[int]], Iterable[int]]


@cache
def manifest(digest: str = "d1", canary: str = "c") -> dict[str, Any]:
    return describe(
        {"seed": 1, "trajectories": 5},
        digest,
        chunk=ROWS,
        tables=list(TABLES),
        columns=[{"name": "work"}],
        canary=canary,
        facts={},
        software={},
    )


@cache
def rows_of(chunk: int, trajectories: int) -> pa.Table:
    """Rows as a function of the chunk alone, as the store wants them."""
    return _rows(chunk, expected_rows(chunk, trajectories, ROWS))


@cache
def _rows(chunk: int, rows: int) -> pa.Table:
    number = np.arange(chunk * ROWS, chunk * ROWS + rows)
    return pa.table([number, np.sin(number)], schema=SCHEMA)


_encoded: dict[int, pa.Buffer] = {}


def encode_once(table: pa.Table) -> pa.Buffer:
    """Encode a table of `rows_of`; the next time give the same bytes."""
    if id(table) not in _encoded:
        _encoded[id(table)] = encode(table)
    return _encoded[id(table)]


def commit(writer: Writer, chunk: int) -> None:
    rows = rows_of(chunk, writer.trajectories)
    writer.commit(chunk, dict.fromkeys(TABLES, rows))


def write(
    folder: Path,
    trajectories: int,
    order: Order = list,
    *,
    disk: Disk = DISK,
    shard: Shard | None = None,
    until: dict[str, Any] | None = None,
    **words: Any,
) -> None:
    """Make the run, or go on with it, or extend it."""
    with store.Writer(folder, manifest(**words), trajectories, shard=shard, until=until, disk=disk) as writer:
        writer.verify()
        for chunk in order(writer.missing()):
            commit(writer, chunk)


def contents(folder: Path, disk: Disk = DISK) -> dict[str, bytes]:
    """Read all files that make up a run: its parts, its manifest, its target."""
    kept = [folder / name for name in ("manifest.json", "target.json")]
    kept += [folder / table / name for table in TABLES for name in disk.names(folder / table)]
    return {str(path.relative_to(folder)): disk.read(path) for path in kept}


def strangers(folder: Path, disk: Disk = DISK) -> set[str]:
    """List what is there beside a run's own files: it should be nothing."""
    own = {"manifest.json", "target.json", "log.txt", ".lock", ".lock-open", ".lock-work", *TABLES}
    return set(disk.names(folder)) - own
