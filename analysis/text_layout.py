"""What kind of table a text is: where its cells part, which line names them, which lines are comments."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from fluctua.stochastic.errors import InvalidInput

SAMPLE = 200  # lines that tell what kind of table it is
WIDEST = 10_000  # columns
COMMENTS = "#@;%"
BLANKS = " "
#: Cells that say "no number here".
MISSING = ("", "NA", "N/A", "n/a", "nan", "NaN", "NAN", "-nan", "-NaN", "null", "NULL", "None", "?")
FORMATS = "give CSV, TSV, columns with blanks between, .xvg or Parquet"

_INFINITE = {"inf", "infinity"}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?", re.ASCII)
#: What is left between two decimal commas.
_TWO_NUMBERS = re.compile(r"[+-]?\d[\d.eE+-]*\s+[+-]?\d[\d.eE+-]*", re.ASCII)
_DECIMAL_REMEDY = "write 1.5, not 1,5: a decimal comma cannot be told from a separator"


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are cut into cells.

    Parameters
    ----------
    delimiter : str
        ``","``, ``";"``, tab, or a blank for runs of blanks and tabs.
    comments : str
        Characters that make a line a comment.
    width : int
        Cells in a line.
    first : int
        Number of the first line of cells; what stands above are comments and the header.
    """

    delimiter: str
    comments: str
    width: int
    first: int

    def is_content(self, line: str) -> bool:
        """Tell cells from comments and empty lines."""
        return is_content(line, self.comments)

    def cells(self, line: str) -> list[str]:
        """Cut one line."""
        return cut(line.partition("#")[0] if self.delimiter == BLANKS else line, self.delimiter)


def read_layout(lines: Sequence[str], place: str) -> tuple[Layout, list[str] | None, list[str]]:
    """Find delimiter, header and first line of cells.

    Returns
    -------
    Layout, header, above
        The header's cells, if there is one, and all lines above it.
    """
    content = [number for number, line in enumerate(lines) if is_content(line, COMMENTS)][: SAMPLE + 1]
    if not content:
        raise InvalidInput("nothing but comments", place, "a table of numbers has lines of numbers")
    delimiter = _delimiter([lines[number] for number in content])
    rows = [cut(lines[number], delimiter) for number in content]
    top = content[0]
    # In a table cut by semicolons a line may begin with one: its first cell is empty.
    comments = COMMENTS.replace(";", "") if delimiter == ";" else COMMENTS
    named = _is_header(rows)
    if named and len(content) == 1:
        raise InvalidInput("only a header", place, "no line of numbers follows it")
    width = Counter(map(len, rows[named:])).most_common(1)[0][0]
    if width > WIDEST:
        raise InvalidInput(f"more than {WIDEST:,} columns", place, FORMATS)
    layout = Layout(delimiter, comments, width, top + named + 1)
    header = _fitted(lines[top], rows, layout, place) if named else None
    return layout, header, list(lines[:top])


def is_content(line: str, comments: str) -> bool:
    """Tell cells from comments and lines of nothing but blanks."""
    text = line.lstrip(" \t")
    return bool(text) and text[0] not in comments


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Tell names from cells: words above numbers, or words alone, or 0, 1, 2 as pandas calls the nameless."""
    first, body = rows[0], rows[1:]
    if not any(map(is_value, first)):
        return True
    below = list(zip_longest(*body, fillvalue=""))[: len(first)]
    if any(not is_value(name) and _have_numbers([cells]) for name, cells in zip(first, below, strict=False)):
        return True
    names = [cell for index, cell in enumerate(first) if cell or index]
    numbered = names == [str(index) for index in range(len(names))] and bool(names)
    return numbered and any(not cell.lstrip("+-").isdigit() for row in body for cell in row[-1:])


def _delimiter(lines: Sequence[str]) -> str:
    """Return the character that cuts nearly all lines into equally many cells, numbers among them.

    The header is asked only where it stands alone. A semicolon or a tab goes before the comma, which may
    stand inside a number; blanks are what is left.
    """
    body = lines[1:] or lines
    for delimiter in (";", "\t", ","):
        rows = [cut(line, delimiter) for line in body]
        if _are_regular(rows) and (len(lines) == 1 or _have_numbers(zip_longest(*rows, fillvalue=""))):
            return delimiter
    return BLANKS


def _are_regular(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether nearly all rows have equally many cells, and these are not halves of numbers."""
    width, count = Counter(map(len, rows)).most_common(1)[0]
    # Broken lines are named later; here one in ten is forgiven, and one of two or three lines is.
    if width == 1 or count < min(0.9 * len(rows), len(rows) - 1):
        return False
    return not any(_TWO_NUMBERS.fullmatch(cell) for row in rows for cell in row)


def _have_numbers(columns: Iterable[Sequence[str]]) -> bool:
    """Tell whether in some column nearly every cell is a number, be it with a decimal comma."""
    for cells in columns:
        numbers = [cell for cell in cells if is_value(cell) or _DECIMAL_COMMA.fullmatch(cell)]
        if any(numbers) and len(numbers) >= min(0.9 * len(cells), len(cells) - 1):
            return True
    return False


def cut(line: str, delimiter: str) -> list[str]:
    """Cut a line into cells without blanks around them; quotes hold a cell together."""
    text = line.replace("\t", " ").strip() if delimiter == BLANKS else line
    if '"' not in text:
        return [cell.strip() for cell in text.split(delimiter) if cell or delimiter != BLANKS]
    try:
        cells = next(csv.reader([text], delimiter=delimiter, skipinitialspace=True, strict=True), [])
    except csv.Error:
        cells = text.split(delimiter)
    return [cell.strip() for cell in cells]


def is_value(cell: str) -> bool:
    """Tell whether a cell is a number, or says that there is none."""
    return bool(_NUMBER.fullmatch(cell)) or cell in MISSING or cell.lstrip("+-").lower() in _INFINITE


def _fitted(line: str, rows: Sequence[list[str]], layout: Layout, place: str) -> list[str]:
    """Return as many names as there are cells in a line."""
    header, width = rows[0], layout.width
    if layout.delimiter == BLANKS and len(header) != width:
        spaced = [line.strip()] if width == 1 else re.split(r"\t+|\s{2,}", line.strip())
        header = spaced if len(spaced) == width else header
    # A delimiter at the end of each line makes one more cell, which is empty.
    if any(header[width:]) or any(any(row[len(header) : width]) for row in rows[1:]):
        _refuse_width(len(header), layout, place)
    return (header + [""] * width)[:width]


def _refuse_width(names: int, layout: Layout, place: str) -> None:
    what = f"the header names {names:,} column{'s' * (names != 1)}, the lines have {layout.width:,}"
    decimal = layout.delimiter == "," and names < layout.width
    remedy = f"{_DECIMAL_REMEDY}, if that is meant" if decimal else "name every column once"
    raise InvalidInput(what, f"{place}, line {layout.first - 1}", remedy)


def column_names(
    header: list[str] | None, above: Sequence[str], layout: Layout
) -> tuple[list[str], tuple[str, ...]]:
    """Return a name for each column, empty where it has none, and where the names come from."""
    if header is not None:
        return header, ()
    legends = _legends(above, layout.width)
    if legends:
        return legends, ()
    # PLUMED writes "#! FIELDS time work" in its first line, numpy.savetxt "# time work" in its last.
    comments = [line.strip() for line in above if line.strip()]
    fields = [line for line in comments if re.match(r"#!\s*FIELDS\s", line)]
    comment = (fields or comments or [""])[-1]
    words = re.sub(r"^[#%;]+\s*(!\s*FIELDS\s+)?", "", comment)
    for cells in (words.split(), re.split(r"\t+|\s{2,}|\s*[,;]\s*", words)):
        if comment[:1] in "#%;" and len(cells) == layout.width and not any(map(is_value, cells)):
            return cells, (f"columns named as in the comment above them: {', '.join(cells)}",)
    return [""] * layout.width, ()


def _legends(above: Sequence[str], width: int) -> list[str]:
    """Return the names that an ``.xvg`` file gives: its x axis, then the legends, or the y axis."""
    found: dict[str, str] = {}
    for line in above:
        if match := re.match(r'\s*@\s*([xy]axis\s+label|s\d+\s+legend)\s+"(.*)"', line):
            found[match[1].split()[0]] = re.sub(r"\\[sSN]", "", match[2]).strip()  # raised, lowered
    if not found:
        return []
    unit = re.search(r"\s*[(\[][^()\[\]]+[)\]]\s*$", found.get("yaxis", ""))
    names = [found.get("xaxis", "")]
    for index in range(width - 1):
        legend = found.get(f"s{index}", "")
        # A legend has the unit of the axis it is drawn against.
        plain = legend and unit and not re.search(r"[)\]]$", legend)
        names.append(f"{legend} {unit[0].strip()}" if plain and unit else legend)
    if width == 2 and not names[1]:
        names[1] = found.get("yaxis", "")
    return names


def first_rows(lines: Sequence[str], layout: Layout) -> list[list[str]]:
    """Return the cells of the first lines."""
    content = (line for line in lines[layout.first - 1 :] if layout.is_content(line))
    return [layout.cells(line) for line, _ in zip(content, range(SAMPLE), strict=False)]


def kind_of(cells: Sequence[str]) -> tuple[bool, tuple[float, ...]]:
    """Tell whether most cells of a column are numbers, and give the numbers."""
    numbers = tuple(number(cell) for cell in cells if _NUMBER.fullmatch(cell))
    return any(map(is_value, cells)) and 2 * sum(map(is_value, cells)) >= len(cells), numbers


def refuse_decimal_commas(
    sample: Sequence[Sequence[str]], names: Sequence[str], layout: Layout, place: str
) -> None:
    """Refuse 1,5 for 1.5 where it can be seen: inside a cell, or as two whole numbers and no name."""
    where = f"{place}, line {layout.first}"
    cells = [cell for row in sample for cell in row]
    if layout.delimiter != "," and any(map(_DECIMAL_COMMA.fullmatch, cells)):
        text = next(cell for cell in cells if _DECIMAL_COMMA.fullmatch(cell))
        raise InvalidInput(f"{text!r} has a decimal comma", where, _DECIMAL_REMEDY)
    whole = all(cell.lstrip("+-").isdigit() for cell in cells)
    if layout.delimiter == "," and layout.width == 2 and not any(names) and whole:
        raise InvalidInput("decimal commas, or two columns of whole numbers", where, _DECIMAL_REMEDY)


def number(cell: str) -> float:
    """Read a number; Fortran writes D for the exponent of a long one."""
    return float(cell.upper().replace("D", "E") if "d" in cell.lower() else cell)
