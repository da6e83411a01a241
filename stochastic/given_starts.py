"""Starts that are given: one point, or the rows of a Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import Damaged, InvalidInput, StorageError, did_you_mean, shown
from fluctua.stochastic.first_instant import Start
from fluctua.stochastic.values import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fluctua.stochastic.first_instant import FirstInstant
    from fluctua.stochastic.initial import Point, Samples

    Array = NDArray[np.float64]


def at_point(initial: Point, instant: FirstInstant) -> Start:
    """Start all trajectories from one state."""
    for name in initial.values:
        if name not in instant.names:
            known = f"it has {', '.join(instant.names)}{did_you_mean(name, instant.names)}"
            raise InvalidInput(f"{name!r} is not part of the state", f"initial.{name}", known)
    missing = [name for name in instant.names if name not in initial.values]
    for name in missing:
        if name in instant.system.coordinates:
            raise InvalidInput(f"no {name}", "initial", "a Point gives every coordinate")
    values = {name: number(value, f"initial.{name}") for name, value in initial.values.items()}
    point = np.array([values.get(name, 0.0) for name in instant.names])

    def draw(_first: int, count: int) -> Array:
        return np.repeat(point[:, None], count, axis=1)

    return Start(draw, {"law": "point", "notes": [f"{name} starts at 0: not given" for name in missing]})


def from_samples(initial: Samples, instant: FirstInstant) -> Start:
    """Start trajectory i from row i, counted on from the top after the last."""
    return from_rows(read_states(initial, instant.names), initial)


def from_rows(states: NDArray[Any], initial: Samples) -> Start:
    """Start trajectory i from row i of the file, read to states of shape (S, rows)."""
    rows = states.shape[1]

    def draw(first: int, count: int) -> NDArray[Any]:
        return states[:, np.arange(first, first + count) % rows]

    return Start(
        draw, {"law": "samples", "file": initial.file, "sha256": initial.sha256, "rows": rows, "notes": []}
    )


def read_states(initial: Samples, names: Sequence[str]) -> Array:
    """Columns of a verified Parquet file, shape (S, rows)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = read_bytes(initial.file)
    if checksum(data) != initial.sha256:
        raise Damaged(
            "the file is not the one that the run was made with",
            f"initial.file, {initial.file}",
            "restore it, or leave out sha256 for a new run",
        )
    try:
        parquet = pq.ParquetFile(pa.BufferReader(data))
        columns = parquet.schema_arrow.names
        for name in names:
            if name not in columns:
                raise InvalidInput(
                    f"no column {name}", f"initial.file, {initial.file}", f"it has {shown(columns)}"
                )
        table = parquet.read(columns=list(names))
    except (pa.ArrowException, OSError):
        raise InvalidInput("not a Parquet file that can be read", f"initial.file, {initial.file}") from None
    if not table.num_rows:
        raise InvalidInput("no rows", f"initial.file, {initial.file}")
    return np.stack([_finite_column(table, name, initial.file) for name in names])


def _finite_column(table: Any, name: str, file: str) -> Array:
    """One column as finite floats."""
    import pyarrow as pa

    kind = table.schema.field(name).type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise InvalidInput(f"column {name} is not numeric", f"initial.file, {file}")
    values = table.column(name).cast(pa.float64(), safe=False).to_numpy()
    if not np.isfinite(values).all():
        raise InvalidInput(
            f"column {name} has values that are missing or not finite", f"initial.file, {file}"
        )
    return np.asarray(values)


def read_bytes(file: str) -> bytes:
    """Read a file whole, or say why not."""
    try:
        return Path(file).read_bytes()
    except (FileNotFoundError, IsADirectoryError, ValueError):
        raise InvalidInput("no such file", f"initial.file, {file}") from None
    except OSError as error:
        raise StorageError(f"cannot be read, {error.strerror}", f"initial.file, {file}") from None


def checksum(data: bytes) -> str:
    """Give the SHA-256 in hex."""
    from hashlib import sha256

    return sha256(data).hexdigest()
