"""Formulas of controls and parameters: energies of levels, rates, chemical potentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.grammar import not_text
from fluctua.stochastic.values import number

if TYPE_CHECKING:
    from fluctua.stochastic.expressions import Graph


def as_formula(formula: object, where: str, *, text_only: bool = False) -> float | str:
    """Return a formula as it was typed, a text or a number; with `text_only` the number as its text."""
    if isinstance(formula, str):
        return formula.strip()
    if isinstance(formula, Real) and not isinstance(formula, bool):
        value = number(formula, where)
        return repr(value) if text_only else value
    raise not_text(formula, where)


def parse(graph: Graph, formula: float | str, names: Mapping[str, str], where: str, noun: str) -> int:
    """Read a formula into a graph; time is no name, and the error says why."""
    words = set(re.findall(r"[A-Za-z_]\w*", formula)) if isinstance(formula, str) else set()
    if words & {"t", "s"}:
        raise InvalidInput(f"time in {noun}", where, 'declare a control and ramp it, A="cos(t)"')
    return graph.parse(formula, names, where)
