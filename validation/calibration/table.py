"""The bench as a printed table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from fluctua.validation.calibration.bands import LEVEL
from fluctua.validation.calibration.bench import Row
from fluctua.validation.calibration.checks import EXACT, found
from fluctua.validation.calibration.grids import Grid

SPOKEN = {
    "two-sample": "crooks, ΔF known",
    "one-sample": "detailed",
    "forward only": "jarzynski, forward only",
    "neighbours": "crooks",
    "groups": "crooks",
    "signs": "detailed",
    "integral": "integral",
    "several": "several",
}
"""The claim whose words stand in the line of a cell."""


def passed(rows: Sequence[Row]) -> bool:
    """Say whether no cell is red."""
    return not any(row.red for row in rows)


def printed(grid: Grid, rows: Sequence[Row], seconds: float) -> str:
    """Write one line a cell, under the headings of the grid, and what is outside its band below it."""
    lines = []
    for i, row in enumerate(rows):
        if i == 0 or rows[i - 1].cell.heading != row.cell.heading:
            lines += ["", row.cell.heading]
        lines += _lines(row)
    return "\n".join([_head(grid), *lines, "", _last(rows, seconds)])


def _head(grid: Grid) -> str:
    size = f"{len(grid.cells)} cells of {grid.ensembles:,} ensembles"
    return f"{size}; tests: rejected at 5 %/1 %; claims: holds/violated/undecidable"


def _lines(row: Row) -> Iterator[str]:
    mark = "RED" if row.red else "ok " if row.checks else "   "
    yield f"  {mark} {row.cell.name:<52} {_numbers(row)}".rstrip()
    for text in row.red:
        yield f"        {text}"
    for text in row.outside:
        if text not in row.red:
            yield f"        outside once, not again: {text}"


def _numbers(row: Row) -> str:
    tally, cell = row.tally, row.cell
    if cell.kind == "fault":
        names = [*cell.power, *cell.note]
        shares = [f"{name} found {found(tally, name) / tally.ensembles:.3f}" for name in names]
        return "  ".join([*shares, *_words(row)])

    names = [*EXACT[cell.theorem]] if cell.theorem in EXACT else [*tally.tests]
    parts = [f"{name} {rates(row, name)}" for name in names if name in tally.tests]
    parts += [f"{name} {tally.numbers[name].mean:.3f}" for name in tally.numbers if name.endswith("covered")]
    return "  ".join([*parts, *_words(row)])


def rates(row: Row, test: str) -> str:
    """Write the shares of ensembles that a test rejects at 5 % and at 1 %."""
    values = row.tally.tests[test]
    return "/".join(f"{count / values.n:.3f}"[1:] if count < values.n else "1" for count in values.rejected)


def _words(row: Row) -> Iterator[str]:
    claim = row.cell.edge or SPOKEN.get(row.cell.theorem, "") or next(iter(row.tally.words), "")
    if claim in row.tally.words:
        yield f"{claim} {shares(row, claim)}"


def shares(row: Row, claim: str) -> str:
    """Write the shares of ``holds``, ``violated`` and ``undecidable``."""
    tally = row.tally
    return "/".join(
        f"{tally.count(claim, word) / tally.ensembles:.2f}" for word in ("holds", "violated", "undecidable")
    )


def _last(rows: Sequence[Row], seconds: float) -> str:
    checks, outside = sum(row.checks for row in rows), sum(len(row.outside) for row in rows)
    red = [row for row in rows if row.red]
    verdict = f"{len(red)} of {len(rows)} cells are red" if red else f"No cell of {len(rows)} is red"
    return (
        f"{verdict}. {checks} numbers, each in a band of {LEVEL:.1%}: {outside} outside at first, "
        f"where chance alone puts {checks * (1.0 - LEVEL):.1f} at most. {seconds:.0f} s."
    )


def table(
    head: Sequence[str],
    rows: Sequence[Row],
    cells: Callable[[Row], Sequence[str]],
    whole: bool = False,
) -> Iterator[str]:
    """Write a table of Markdown: one line a cell, with how many ensembles it has.

    Parameters
    ----------
    head : sequence of str
        The first is that of the names.
    rows : sequence of Row
        What was found.
    cells : callable
        What stands in the other columns.
    whole : bool
        Whether names keep their theorem.
    """
    yield _line([head[0], "R", *head[1:]])
    yield _line(["---"] * (len(head) + 1))
    for row in rows:
        name = row.cell.name if whole else row.cell.name.split(", ", 1)[1]
        yield _line([name, f"{row.tally.ensembles:,}", *cells(row)])
    yield ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '∣') for cell in cells)} |"


def to_json(grid: Grid, rows: Sequence[Row], seconds: float) -> str:
    """Give the table as JSON."""
    found = {
        "size": grid.name,
        "ensembles": grid.ensembles,
        "passed": passed(rows),
        "band": LEVEL,
        "seconds": round(seconds, 1),
        "cells": [row.to_dict() for row in rows],
    }
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
