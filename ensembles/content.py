"""The digest of what a table says: the same for whichever program wrote it, and however it cut its file."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_WIDTHS = {"int64": "<i8", "int32": "<i4", "uint8": "<u1", "double": "<f8"}


class Content:
    """SHA-256 of the names, types and values of a table, whose rows come in batches.

    It is that of the text ``rows <n>``, and after it a line a column, ``<name> <type> <nulls> <values>``,
    where type is Arrow's word (``int64``, ``int32``, ``uint8``, ``double``, ``string``), and the others are
    the SHA-256 in hex of these bytes:

    * nulls: the numbers of the rows that are null, counted from 0, as little-endian 64-bit integers;
    * values: those of all rows, little-endian; null is 0, and every NaN is the one with the bits
      0x7ff8000000000000. Of strings their lengths in bytes as 32-bit integers, null being 0; and in a fifth
      word of the line the SHA-256 of their UTF-8, one after the other.

    Every line ends in a newline. What stands in metadata, the cut into row groups and pages, codecs,
    dictionaries and the version of the writer do not enter; the order of rows and of columns does.

    Parameters
    ----------
    schema : pyarrow.Schema
        The columns of the batches; dictionaries and large strings count as strings.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.rows = 0
        self._columns = [_column_of(field) for field in schema]

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the next rows."""
        for column, values in zip(self._columns, batch.columns, strict=True):
            column.add(values, self.rows)
        self.rows += batch.num_rows

    def hexdigest(self) -> str:
        """Give the digest of all rows so far, in hex."""
        lines = [f"rows {self.rows}", *(column.line() for column in self._columns)]
        return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _column_of(field: pa.Field) -> _Column:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _Strings(field.name, "string")
    return _Column(field.name, str(kind))


class _Column:
    """The running hashes of a column of numbers."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self._nulls, self._values = hashlib.sha256(), hashlib.sha256()

    def add(self, values: pa.Array, before: int) -> None:
        """Add the values of rows from number `before` on."""
        if values.null_count:
            self._nulls.update((np.flatnonzero(values.is_null()) + before).astype("<i8").tobytes())
            values = values.fill_null(0)
        self._values.update(self._numbers(values.to_numpy(zero_copy_only=False)).tobytes())

    def _numbers(self, values: NDArray[Any]) -> NDArray[Any]:
        if values.dtype.kind == "f":
            missing = np.isnan(values)
            values = np.where(missing, np.nan, values) if missing.any() else values
        return values.astype(_WIDTHS[self.kind])

    def line(self) -> str:
        """Write the column's line."""
        return f"{self.name} {self.kind} {self._nulls.hexdigest()} {self._values.hexdigest()}"


class _Strings(_Column):
    """The running hashes of a column of text."""

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(name, kind)
        self._letters = hashlib.sha256()

    def add(self, values: pa.Array, before: int) -> None:
        """Add the texts of rows from number `before` on."""
        if values.null_count:
            self._nulls.update((np.flatnonzero(values.is_null()) + before).astype("<i8").tobytes())
        values = values.cast(pa.string()).fill_null("")
        lengths = pc.binary_length(values).to_numpy(zero_copy_only=False)
        self._values.update(lengths.astype("<i4").tobytes())
        _, offsets, letters = values.buffers()
        if len(values) and letters is not None:
            ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
            self._letters.update(memoryview(letters)[ends[0] : ends[-1]])

    def line(self) -> str:
        """Write the column's line."""
        return f"{super().line()} {self._letters.hexdigest()}"
