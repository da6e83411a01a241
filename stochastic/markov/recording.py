"""What a run of jumps records beyond its ledger: formulas of level, controls and parameters.

"integral(f)"   integral of f over time, exact; a condition counts as 0 and 1
"final(f)"      f at the end, of each stroke in the table of strokes
"max(f)", "min(f)", "first(state == 2)"   extremes and first passages, see `passages`

In f, ``state`` is the number of the level and the name of a level is its number: ``integral(state == full)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput, listed, shown
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.records import KINDS, RECORD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.levels import Levels

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Recording:
    """Recorded formulas of one kind.

    Parameters
    ----------
    system : Levels
    graph : Graph
    nodes : dict of str to int
        Each formula, by the name of its column.
    """

    system: Levels
    graph: Graph
    nodes: dict[str, int]

    def at(self, controls: Floats) -> Floats:
        """Return the formulas at each level, (N, n, R), for controls (N, C)."""
        levels = len(self.system.states)
        symbols = {name: np.asarray(x)[..., None] for name, x in self.system.symbol_values(controls).items()}
        numbers = {f"level_{k}": np.float64(k) for k in range(levels)}
        known = symbols | numbers | {"state": np.arange(levels, dtype=np.float64)[None, :]}
        found = np.empty((len(controls), levels, len(self.nodes)))
        for r, node in enumerate(self.nodes.values()):
            found[:, :, r] = self.graph.evaluate(node, known)
        return found


def recordings(system: Levels, record: Mapping[str, str]) -> dict[str, Recording]:
    """Read what a run records: of each kind its formulas.

    Raises
    ------
    InvalidInput
        If one cannot be read, or is of a kind that levels do not record.
    """
    found = {kind: Recording(system, Graph(), {}) for kind in KINDS}
    levels = {name: f"level_{k}" for k, name in enumerate(system.states)}
    names = {**system.names, **levels, "state": "state"}
    for name, text in record.items():
        where = f"record.{name}"
        read = RECORD.fullmatch(text) if isinstance(text, str) else None
        kind, formula = read.groups() if read else ("", "")
        if kind not in KINDS:
            remedy = f"of levels, write {listed((f'{kind}(...)' for kind in KINDS), ' or ')}"
            raise InvalidInput(f"{shown(text)} is no record of levels", where, remedy)
        graph, nodes = found[kind].graph, found[kind].nodes
        if kind == "first":
            nodes[name] = graph.parse_condition(formula, names, where)
        else:
            nodes[name] = graph.parse(formula, names, where, conditions=True)
    return found
