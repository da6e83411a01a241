"""Tables of text: CSV, TSV, blanks between columns, GROMACS ``.xvg``; read in blocks of whole lines.

Each block goes through Arrow's CSV reader. Where that refuses one, the same block is read once more line by
line, slowly: that reading either understands it (a Fortran exponent, ``1.0D-03``) or names the line at fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from fluctua.analysis.table_columns import Batch, Column
from fluctua.analysis.text_layout import (
    BLANKS,
    FORMATS,
    MISSING,
    Layout,
    column_names,
    first_rows,
    is_value,
    kind_of,
    number,
    read_layout,
    refuse_decimal_commas,
)
from fluctua.stochastic.errors import InvalidInput, shown

BLOCK = 2**23  # bytes: large enough for Arrow's threads, small beside any machine
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")


class TextTable:
    """A table of text in an open file.

    Parameters
    ----------
    stream : BinaryIO
        At its beginning; read once, forward only.
    place : str
        The file's name in an error.

    Attributes
    ----------
    columns : tuple of Column
    notes : tuple of str
        Where the names come from, if not from a header.

    Raises
    ------
    InvalidInput
        Empty, a header alone, decimal commas, no text at all.
    """

    def __init__(self, stream: BinaryIO, place: str) -> None:
        self._blocks = _blocks(stream, place)
        self._place = place
        first, block = next(self._blocks, (1, b""))
        self._head = first, block.removeprefix(b"\xef\xbb\xbf")
        lines = _decoded(self._head[1], place).split("\n")
        self._layout, header, above = read_layout(lines, place)
        sample = first_rows(lines, self._layout)
        names, self.notes = column_names(header, above, self._layout)
        refuse_decimal_commas(sample, names, self._layout, place)
        self.columns = tuple(
            Column(name, *kind_of([row[index] for row in sample if index < len(row)]))
            for index, name in enumerate(names)
        )

    def batches(self, column: int, group: int | None) -> Iterator[Batch]:
        """Read a column of numbers, and one of labels, block by block.

        Parameters
        ----------
        column, group : int
            Counted from 0.

        Raises
        ------
        InvalidInput
            A cell that is no number, a line with more or fewer cells than the others.
        """
        first, block = self._head
        above = self._layout.first - first
        start = _end_of_line(block, above)
        yield from self._batches(self._layout.first, block[start:], column, group)
        self._head = (1, b"")
        for first, block in self._blocks:
            yield from self._batches(first, block, column, group)

    def _batches(self, first: int, block: bytes, column: int, group: int | None) -> Iterator[Batch]:
        batch = _read_fast(block, self._layout, column, group)
        if batch is None:
            batch = read_slowly(block, first, self._layout, column, group, self._place)
        if batch.values.size:
            yield Batch(batch.values, batch.labels, lambda row: self._line(first, block, row))

    def _line(self, first: int, block: bytes, row: int) -> str:
        """Name the line of a row: empty lines and comments count too."""
        content = (
            number
            for number, line in enumerate(_text(block).split("\n"), first)
            if self._layout.is_content(line)
        )
        return f"line {next(number for count, number in enumerate(content) if count == row):,}"


# ---- lines ---------------------------------------------------------------------------------------


def _blocks(stream: BinaryIO, place: str) -> Iterator[tuple[int, bytes]]:
    """Cut a file into blocks of whole lines that end in a newline, with the number of their first line."""
    rest, number = b"", 1
    while chunk := stream.read(BLOCK):
        chunk = rest + chunk
        held = chunk.endswith(b"\r")  # the newline of a pair may come next
        chunk, rest = _with_newlines(chunk[:-1] if held else chunk), b"\r" if held else b""
        whole, newline, tail = chunk.rpartition(b"\n")
        rest = tail + rest
        if len(rest) > BLOCK:
            raise InvalidInput(f"a line of more than {BLOCK // 2**20} MB", f"{place}, line {number}", FORMATS)
        if newline:
            yield number, whole + newline
            number += whole.count(b"\n") + 1
    if rest:
        yield number, _with_newlines(rest).rstrip(b"\n") + b"\n"


def _with_newlines(chunk: bytes) -> bytes:
    """End lines as Unix does: pairs from Windows and lone returns become newlines."""
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in chunk else chunk


def _end_of_line(block: bytes, count: int) -> int:
    """Return where the line after `count` lines begins."""
    start = 0
    for _ in range(count):
        start = block.index(b"\n", start) + 1
    return start


def _text(block: bytes) -> str:
    """Decode; files of others are UTF-8, or the older Western set, whose every byte is a letter."""
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError:
        return block.decode("latin-1")


def _decoded(block: bytes, place: str) -> str:
    """Decode the head of a file, or say that it is no text."""
    if block.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput("text in UTF-16", place, "save it as UTF-8")
    if not block.strip():
        raise InvalidInput("an empty file", place)
    if _BINARY.search(block):
        raise InvalidInput("not a table of numbers", place, FORMATS)
    return _text(block)


# ---- cells ---------------------------------------------------------------------------------------


def _cleaned(block: bytes, layout: Layout) -> bytes:
    """Take comments out of a block, and of a run of blanks all but the first."""
    if any(mark.encode() in block for mark in layout.comments):
        marks = re.escape(layout.comments.encode())
        block = re.sub(rb"(?m)^[ \t]*[" + marks + rb"][^\n]*", b"", block)
        block = re.sub(rb"#[^\n]*", b"", block) if layout.delimiter == BLANKS else block
    if layout.delimiter != BLANKS:
        blank = layout.delimiter == "\t" and (block[:1] in b" \t" or b"\n\t" in block or b"\n " in block)
        return re.sub(rb"(?m)^[ \t]+$", b"", block) if blank else block
    characters = np.frombuffer(block.replace(b"\t", b" "), np.uint8)
    blank = characters == ord(" ")
    after = np.empty(characters.size, np.bool_)
    after[:1] = True
    np.logical_or(blank[:-1], characters[:-1] == ord("\n"), out=after[1:])
    squeezed: bytes = characters[~(blank & after)].tobytes()
    return squeezed.replace(b" \n", b"\n") if b" \n" in squeezed else squeezed


def _read_fast(block: bytes, layout: Layout, column: int, group: int | None) -> Batch | None:
    """Read a block by Arrow; None where it does not understand it."""
    import pyarrow as pa
    import pyarrow.compute as compute
    import pyarrow.csv as arrow

    wanted = [str(column)] if group is None else [str(column), str(group)]
    types = {name: pa.string() for name in wanted} | {str(column): pa.float64()}
    cleaned = _cleaned(block, layout)
    if not cleaned.strip(b"\n"):
        return Batch(np.empty(0), None, str)
    try:
        table = arrow.read_csv(
            pa.BufferReader(cleaned),
            read_options=arrow.ReadOptions(column_names=[str(index) for index in range(layout.width)]),
            parse_options=arrow.ParseOptions(delimiter=layout.delimiter),
            convert_options=arrow.ConvertOptions(
                include_columns=wanted,
                column_types=types,
                null_values=list(MISSING),
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowException, ValueError):
        return None
    # A quote that is never closed swallows the cells and lines that follow.
    if cleaned.count(b'"') % 2:
        return None
    if table.num_rows != cleaned.count(b"\n") and table.num_rows != sum(map(bool, cleaned.split(b"\n"))):
        return None
    numbers = table[str(column)].fill_null(float("nan")).to_numpy()
    labels = None if group is None else compute.utf8_trim_whitespace(table[str(group)].combine_chunks())
    return Batch(np.asarray(numbers, np.float64), labels, str)


def read_slowly(
    block: bytes, first: int, layout: Layout, column: int, group: int | None, place: str
) -> Batch:
    """Read a block line by line, as Python reads numbers; the twin of the fast reading.

    Raises
    ------
    InvalidInput
        Names the line, and the text that is no number.
    """
    import pyarrow as pa

    values: list[float] = []
    labels: list[str] = []
    for line_number, line in enumerate(_text(block).split("\n"), first):
        if not layout.is_content(line):
            continue
        where = f"{place}, line {line_number:,}"
        cells = _checked(layout, line, where)
        values.append(_value(cells[column], where))
        labels += [] if group is None else [cells[group]]
    return Batch(np.array(values, np.float64), None if group is None else pa.array(labels, pa.string()), str)


def _checked(layout: Layout, line: str, where: str) -> list[str]:
    cells = layout.cells(line)
    if len(cells) != layout.width:
        what = f"{len(cells):,} cell{'s' * (len(cells) != 1)} where the other lines have {layout.width:,}"
        raise InvalidInput(what, where, "complete the line, or take it out")
    return cells


def _value(cell: str, where: str) -> float:
    if cell in MISSING:
        return float("nan")
    if not is_value(cell):
        raise InvalidInput(f"{shown(cell)} is no number", where, "correct the cell, or take the line out")
    return number(cell)
