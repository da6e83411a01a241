"""What a run records beyond the ledger: formulas, integrated, taken at the end, or searched along the path.

"integral(f)"       integral of f over time, trapezoid rule
"integral(f, q)"    Stratonovich integral of f along the coordinate q
"final(f)"          f at the end (of each stroke, in the strokes table)
"max(f)", "min(f)"  the extreme over the ends of all steps and the start
"first(q > 1)"      time of the first such instant at which the condition holds; null if it never does
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluctua.stochastic.errors import InvalidInput, did_you_mean, listed, shown
from fluctua.stochastic.expressions import Graph

if TYPE_CHECKING:
    from fluctua.stochastic.potential import Potential

KINDS = ("integral", "final", "max", "min", "first")
RECORD = re.compile(r"\s*([A-Za-z_]\w*)\s*\((.*)\)\s*", flags=re.S)


@dataclass(frozen=True)
class Record:
    """One recorded formula: its kind, its node in the graph, the coordinate it is integrated along."""

    name: str
    kind: str
    node: int
    along: int | None = None


def parse_record(
    name: str, text: str, graph: Graph, names: Mapping[str, str], coordinates: tuple[str, ...]
) -> Record:
    """Read one entry of `record`.

    Parameters
    ----------
    name, text : str
        The column's name and its formula, for example ``"integral(f, q)"``.
    graph : Graph
        Where the formula's tree is kept.
    names : mapping of str to str
        What the formula may contain, and the symbol of each in the graph.
    coordinates : tuple of str
        What an integral may run along.

    Raises
    ------
    InvalidInput
        Unknown form, unknown name, or a condition where a number is wanted.
    """
    where = f"record.{name}"
    found = RECORD.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidInput(
            f"{shown(text)} is not a record", where, f"write one of {', '.join(k + '(...)' for k in KINDS)}"
        )
    kind, inside = found.groups()
    if kind not in KINDS:
        raise InvalidInput(
            f"{shown(kind)} is not a kind of record",
            where,
            f"kinds are {', '.join(KINDS)}{did_you_mean(kind, KINDS)}",
        )
    if kind == "first":
        return Record(name, kind, graph.parse_condition(inside, names, where))
    formula, along = _split(inside) if kind == "integral" else (inside, None)
    if along is not None and along not in coordinates:
        raise InvalidInput(
            f"{shown(along)} is not a coordinate", where, f"coordinates are {listed(coordinates)}"
        )
    node = graph.parse(formula, names, where)
    return Record(name, kind, node, None if along is None else coordinates.index(along))


def records_of(
    system: Potential, record: Mapping[str, str], underdamped: bool, *, own_graph: bool = False
) -> tuple[Record, ...]:
    """Read the formulas that a run records; velocities may stand in them when there are any.

    Their trees stand in the system's graph, or in one of their own: nodes added to the system's would
    renumber those that a kernel is written from.
    """
    graph = Graph() if own_graph else system.graph
    velocities = system.velocities if underdamped else ()
    names = {
        name: symbol
        for name, symbol in system.names.items()
        if name not in system.velocities or name in velocities
    }
    return tuple(
        parse_record(name, text, graph, names, tuple(system.coordinates)) for name, text in record.items()
    )


def _split(inside: str) -> tuple[str, str | None]:
    """Cut ``f, q`` at its last comma outside brackets."""
    depth = 0
    for at in range(len(inside) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(inside[at], 0)
        if inside[at] == "," and depth == 0:
            return inside[:at], inside[at + 1 :].strip()
    return inside, None
