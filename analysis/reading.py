"""One column of numbers out of somebody else's file, whatever its format and size.

What kind of file it is, its content says, not its name: gzip, Parquet, or a table of text. A file is read
once, in blocks; beyond some 100 MB the numbers go to a nameless file that is mapped into memory, so that the
memory in use stays the same for a file of 4 GB.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.accumulation import Accumulation
from fluctua.analysis.parquet_tables import ParquetTable
from fluctua.analysis.table_columns import (
    Batch,
    called,
    find_column,
    guess_column,
    unit_of,
)
from fluctua.analysis.text_tables import TextTable
from fluctua.stochastic.errors import Damaged, InvalidInput, StorageError, shown

MOST_GROUPS = 1_000_000  # names that are kept in memory

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
#: How files begin that are no tables here, what they are, and the remedy.
_OTHERS = {
    b"BZh": ("bzip2", "unpack it, or use gzip"),
    b"\xfd7zXZ": ("xz", "unpack it, or use gzip"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unpack it, or use gzip"),
    b"PK\x03\x04": ("a zip archive or a spreadsheet", "unpack it, or save it as CSV"),
    b"\x89HDF": ("HDF5", "read it with h5py and give the column"),
    b"\x93NUMPY": ("a NumPy file", "read it with numpy.load and give the array"),
    b"PARE": ("encrypted Parquet", "decrypt it"),
    b"ARROW1": ("an Arrow file", "read it with pyarrow.feather and give the column"),
}


@dataclass(frozen=True)
class Numbers:
    """One column of a file.

    Parameters
    ----------
    values : ndarray
        Flat and finite; mapped from disk and not writable where there are many.
    column : str
        Its name, or its number from 1 where it has none.
    groups : ndarray, optional
        For each value, the position of its group in `group_names`.
    group_names : tuple of str
        Labels, in the order in which they first stand.
    unit : str, optional
        The unit that the column's name says, in brackets: ``"kT"``, ``"kJ/mol"``.
    notes : tuple of str
        What was guessed, a sentence each.
    """

    values: NDArray[np.float64]
    column: str
    groups: NDArray[np.int32] | None = None
    group_names: tuple[str, ...] = ()
    unit: str | None = None
    notes: tuple[str, ...] = ()


def read_column(
    path: str | os.PathLike[str],
    column: str | None = None,
    group: str | None = None,
    where: str = "forward",
    kind: str = "work",
) -> Numbers:
    """Read one column of numbers, and the labels beside it, from a file.

    Parameters
    ----------
    path : path-like
        CSV (commas, semicolons or tabs), columns with blanks between and comments (``# @ ; %``), GROMACS
        ``.xvg``, Parquet, or any of these under gzip.
    column, group : str, optional
        A column's name, or its number from 1. Without `column` it is guessed, and a note says so.
    where : str
        The file's role, for errors.
    kind : str
        ``"work"`` or ``"entropy"``: what columns are usually called. Entropy may be plus infinity.

    Returns
    -------
    Numbers

    Raises
    ------
    InvalidInput
        No such file, or one without a column of finite numbers; says the line.
    Damaged
        A gzip or Parquet file that is cut short or altered.
    StorageError
        The file cannot be read, or the temporary folder is full.
    """
    place = f"{where}, {' '.join(str(os.fspath(path)).split())}"
    wanted, label = (_name(value, word) for value, word in ((column, "column"), (group, "group")))
    with _table(Path(path), place) as table:
        names = table.columns
        taken = None if label is None else find_column(names, label, place)
        if wanted is None:
            index, note = guess_column(names, kind, taken, place)
            notes = (*table.notes, note)
        else:
            index, notes = find_column(names, wanted, place), table.notes
        if index == taken:
            raise InvalidInput(f"{called(names, index)} is both the numbers and their group", place)
        batches, name = table.batches(index, taken), called(names, index)
        values, groups, group_names = _collect(batches, place, name, infinite=kind == "entropy")
    return Numbers(
        values, names[index].name or str(index + 1), groups, group_names, unit_of(names[index].name), notes
    )


def _name(value: object, word: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{shown(value)} names no column", word, "give a name, or a number from 1")
    return value.strip()


# ---- files ---------------------------------------------------------------------------------------


@contextmanager
def _table(path: Path, place: str) -> Iterator[TextTable | ParquetTable]:
    """Open a file as what it is."""
    with ExitStack() as opened:
        stream: IO[bytes] = opened.enter_context(_open(path, place))
        try:
            if _begins(stream).startswith(_GZIP):
                unpacked = opened.enter_context(gzip.GzipFile(fileobj=stream, mode="rb"))
                stream = opened.enter_context(io.BufferedReader(cast(Any, unpacked), 2**16))
            yield _recognised(stream, place, opened)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise Damaged(
                "a gzip file that is cut short or altered", place, "copy or write it again"
            ) from None
        except OSError as error:
            raise StorageError(error.strerror or str(error), place, "check the disk") from None


def _open(path: Path, place: str) -> BinaryIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InvalidInput("a folder, not a file", place)
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise InvalidInput("neither a file nor a pipe", place)
        return path.open("rb")
    except InvalidInput:
        raise
    except FileNotFoundError:
        raise InvalidInput("no such file", place) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(f"cannot be read: {reason}", place) from None


def _begins(stream: IO[bytes]) -> bytes:
    """Look at the first bytes of a buffered stream without taking them."""
    return cast(io.BufferedReader, stream).peek(8)[:8]


def _recognised(stream: IO[bytes], place: str, opened: ExitStack) -> TextTable | ParquetTable:
    begin = _begins(stream)
    if begin.startswith(_PARQUET):
        return ParquetTable(_seekable(stream, opened), place)
    if begin.startswith(_GZIP):
        raise InvalidInput("gzip within gzip", place, "unpack it once")
    for start, (what, remedy) in _OTHERS.items():
        if begin.startswith(start):
            raise InvalidInput(f"{what}, not a table", place, remedy)
    return TextTable(cast(BinaryIO, stream), place)


def _seekable(stream: IO[bytes], opened: ExitStack) -> BinaryIO:
    """Return a file that can be read from its end, as Parquet is: what comes packed is put on disk."""
    if isinstance(getattr(stream, "raw", None), io.FileIO) and stream.seekable():
        return cast(BinaryIO, stream)
    spooled = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    while chunk := stream.read(2**20):
        spooled.write(chunk)
    spooled.seek(0)
    return cast(BinaryIO, spooled)


# ---- numbers -------------------------------------------------------------------------------------


class _Missing:
    """Counts what is empty or not finite, and keeps the place of the first."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""

    def look(self, bad: NDArray[np.bool_], batch: Batch) -> None:
        """Count the rows that are bad."""
        if bad.any():
            self.first = self.first or batch.place(int(np.argmax(bad)))
            self.count += int(np.count_nonzero(bad))

    def refuse(self, what: str, total: int, place: str, remedy: str) -> None:
        if self.count:
            count = f"{self.count:,} of {total:,} {what}"
            raise InvalidInput(f"{count}, first in {self.first}", place, remedy)


def _collect(
    batches: Iterator[Batch], place: str, name: str, *, infinite: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.int32] | None, tuple[str, ...]]:
    """Put batches into one array, and their labels into codes."""
    values, codes = Accumulation(np.float64), Accumulation(np.int32)
    missing, nameless = _Missing(), _Missing()
    known: dict[str, int] = {}
    try:
        for batch in batches:
            good = np.isfinite(batch.values)
            missing.look(~(good | np.isposinf(batch.values) if infinite else good), batch)
            values.append(batch.values)
            if batch.labels is not None:
                codes.append(_codes(batch, known, nameless, place))
        total = len(values)
        if total == 0:
            raise InvalidInput("no line of numbers", place)
        where = f"{place}, {name}"
        missing.refuse("values are empty or not finite", total, where, "mend them, or take the rows out")
        nameless.refuse("rows have no group", total, place, "name a group in every row")
        return values.array(), codes.array() if len(codes) else None, tuple(known)
    finally:
        values.close()
        codes.close()


def _codes(batch: Batch, known: dict[str, int], nameless: _Missing, place: str) -> NDArray[np.int32]:
    """Return the number of each row's group; new groups are added to those known."""
    encoded = batch.labels.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    table = np.array([known.setdefault(name, len(known)) for name in names], np.int32)
    if len(known) > MOST_GROUPS:
        remedy = "name a column whose values repeat, such as that of the replica"
        raise InvalidInput(f"more than {MOST_GROUPS:,} groups", place, remedy)
    codes: NDArray[np.int32] = table[np.asarray(encoded.indices)]
    if "" in names:
        nameless.look(codes == known[""], batch)
    return codes
