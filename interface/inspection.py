"""The command ``fluctua inspect``: what a run holds."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fluctua.cli import show
from fluctua.parsing import Command, Parser
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset
    from fluctua.stochastic.columns import Column

Table = dict[str, Any]

_NOT_AVERAGED = ("trajectory", "status")


def _add_options(parser: Parser) -> None:
    parser.add_argument("run", metavar="DIR", help="a run, or a folder of runs")


def inspect(options: Namespace) -> int:
    """Print what a run, or each of a folder, holds."""
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.runs import open as open_run

    opened = open_run(options.run, partial=True)
    tables = [as_table(run) for run in ([opened] if isinstance(opened, Dataset) else opened)]
    show("\n\n".join(map(as_text, tables)), tables[0] if len(tables) == 1 else tables, options)
    return 0


def as_table(run: Dataset) -> Table:
    """Return what a run holds as the objects of its JSON text.

    An unfinished run is described as far as it is whole. A run with failed trajectories has no means, because
    those of the others would be biased.
    """
    from fluctua.ensembles.manifest import read_remarks

    assert run.path is not None
    return {
        "path": str(run.path),
        "digest": run.spec.digest,
        "direction": run.spec.direction,
        "seed": run.spec.seed,
        "trajectories": len(run),
        "asked_for": run.spec.trajectories,
        "failed": run.failed,
        "first_law_residual": first_law_residual(run),
        "remarks": list(read_remarks(run.path)),
        "columns": [_column_table(run, column) for column in run.columns],
        "spec": run.spec.table(),
    }


def first_law_residual(run: Dataset) -> float | None:
    """Return the largest violation of the first law among all trajectories that did not fail, an energy.

    max |energy_change - work - heat - shadow_work|; None without work, or where one is what the others leave.
    """
    import numpy as np

    from fluctua.ensembles.columns import first_law_of

    largest = None
    terms = first_law_of(run.spec)
    for batch in run.batches([*terms, "status"]) if terms else ():
        change, *sources = (batch[name].to_numpy() for name in terms)
        residual = np.abs(change - sum(sources))[batch["status"].to_numpy() == 0]
        largest = max(largest or 0.0, float(residual.max(initial=0.0)))
    return largest


def _column_table(run: Dataset, column: Column) -> Table:
    table: Table = {"name": column.name, "unit": column.unit, "meaning": column.meaning, "sign": column.sign}
    if column.name in _NOT_AVERAGED or run.failed or not len(run):
        return table
    try:
        mean = run.mean(column.name)
    except InvalidInput:  # it never happened, in any trajectory
        return table
    error = mean.standard_error if math.isfinite(mean.standard_error) else None  # one trajectory has none
    return table | {"mean": mean.value, "standard_error": error, "n": mean.n, "shown": str(mean)}


def as_text(table: Table) -> str:
    """Return what a run holds as lines for a person."""
    from fluctua.ensembles.text import write_toml

    residual = table["first_law_residual"]
    lines = [
        table["path"],
        f"spec {table['digest'][:8]}, {table['direction']}, seed {table['seed']}",
        f"{table['trajectories']:,} of {table['asked_for']:,} trajectories, {table['failed']:,} failed",
        "" if residual is None else f"first law: residual <= {residual:.1g}",
        *table["remarks"],
        "",
        *aligned([("column", "unit", "mean", "meaning"), *map(_cells, table["columns"])]),
        "",
        write_toml(table["spec"]).rstrip(),
    ]
    return "\n".join(lines)


def _cells(column: Table) -> tuple[str, ...]:
    meaning = f"{column['meaning']}; {column['sign']}" if column["sign"] else column["meaning"]
    return column["name"], column["unit"], column.get("shown", "").split(" ")[0], meaning


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Put cells below each other, a line a row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


COMMANDS = (
    Command(
        "inspect",
        inspect,
        _add_options,
        "Print what a run folder holds.",
        "fluctua inspect runs/squeeze",
        "Spec, digest, counts, failures, columns with units, means with errors, first-law residual, remarks. "
        "With --json one run is an object, several are a list of them.",
    ),
)
