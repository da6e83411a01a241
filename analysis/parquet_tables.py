"""Columns of Parquet files that others wrote, a batch of rows at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, TypeVar

import numpy as np

from fluctua.analysis.table_columns import Batch, Column
from fluctua.stochastic.errors import Damaged, InvalidInput

ROWS = 2**17  # of a batch
PAGE = 2**20  # bytes read at a time
FOOTER = 2**26  # bytes of what a file says of itself: more than a hundred thousand groups of rows need
ENTRIES = 2**20  # of one list in it

Result = TypeVar("Result")


class ParquetTable:
    """A Parquet file.

    Parameters
    ----------
    stream : BinaryIO
        A file on disk, open.
    place : str
        The file's name in an error.

    Attributes
    ----------
    columns : tuple of Column
    notes : tuple of str

    Raises
    ------
    Damaged
        It begins as Parquet and is none, or is cut short.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, stream: BinaryIO, place: str) -> None:
        import pyarrow.parquet as parquet

        self._place = place
        self._check_footer(stream)
        self._file: Any = self._or_damaged(
            # Pages that carry a checksum are held against it.
            lambda: parquet.ParquetFile(
                stream,
                buffer_size=PAGE,
                page_checksum_verification=True,
                thrift_string_size_limit=FOOTER,
                thrift_container_size_limit=ENTRIES,
            )
        )
        self._schema: Any = self._or_damaged(lambda: self._file.schema_arrow)
        rows, columns = self._file.metadata.num_rows, len(self._schema)
        if rows == 0 or columns == 0:
            raise InvalidInput("a table without rows" if columns else "no columns", place)
        self.columns = tuple(self._column(index) for index in range(columns))

    def batches(self, column: int, group: int | None) -> Iterator[Batch]:
        """Read a column of numbers, and one of labels.

        Raises
        ------
        InvalidInput
            The column holds something else, or its name is that of another one too.
        Damaged
            Pages that cannot be read.
        """
        wanted = [index for index in (column, group) if index is not None]
        names = [self._name(index) for index in wanted]
        if not self.columns[column].numeric:
            kind = self._schema.field(column).type
            raise InvalidInput(f"{names[0]!r} holds {kind}, no numbers", self._place)
        rows = self._or_damaged(
            lambda: self._file.iter_batches(ROWS, columns=names, use_threads=False, use_pandas_metadata=False)
        )
        first = 1
        while (batch := self._or_damaged(lambda: next(rows, None))) is not None:
            yield self._or_damaged(partial(_batch, batch, names, first))
            first += batch.num_rows
        if first - 1 != self._file.metadata.num_rows:
            raise Damaged("rows are missing", self._place, "copy or write the file again")

    def _check_footer(self, stream: BinaryIO) -> None:
        """Look at the length of the footer, which Arrow would read whole, before it does."""
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - 8, 0))
        tail = stream.read(8)
        stream.seek(0)
        if tail[4:] == b"PARE":
            raise InvalidInput("encrypted Parquet, not a table", self._place, "decrypt it")
        footer = int.from_bytes(tail[:4], "little")
        if tail[4:] != b"PAR1" or footer + 12 > size:
            raise Damaged("not a whole Parquet file", self._place, "copy or write the file again")
        if footer > FOOTER:
            raise InvalidInput(f"a footer of {footer:,} bytes", self._place, f"at most {FOOTER:,} are read")

    def _name(self, index: int) -> str:
        name: str = self._schema.names[index]
        if self._schema.names.count(name) > 1:
            raise InvalidInput(f"several columns are called {name!r}", self._place, "rename them")
        return name

    def _column(self, index: int) -> Column:
        import pyarrow.types as types

        field = self._schema.field(index)
        kind = field.type
        numeric = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        return Column(field.name, bool(numeric))

    def _or_damaged(self, read: Callable[[], Result]) -> Result:
        """Read, and call what Arrow cannot understand damaged."""
        import pyarrow as pa

        try:
            return read()
        except InvalidInput:
            raise
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError, OverflowError):
            raise Damaged("not a whole Parquet file", self._place, "copy or write the file again") from None


def _batch(batch: Any, names: Sequence[str], first: int) -> Batch:
    """Take numbers, and labels as text, out of a batch; `first` is the number of its first row."""
    import pyarrow as pa

    numbers = batch.column(names[0]).cast(pa.float64(), safe=False).fill_null(float("nan"))
    labels = batch.column(names[1]).cast(pa.string()).fill_null("") if len(names) > 1 else None
    values = np.asarray(numbers.to_numpy(zero_copy_only=False), np.float64)
    return Batch(values, labels, lambda row: f"row {first + row:,}")
