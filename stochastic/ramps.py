"""Values in time: a number holds still, a table is linear between equally spaced values, a text is a formula.

A ramp is one of the three, as a `Step` keeps it::

    2.0                   2 at all times
    (0.0, 1.0, 4.0)       0 at the start, 1 in the middle, 4 at the end, straight lines between
    "1 + 3*s**2"          a formula in s, the fraction of the step that has passed, or t = s * duration

What a ramp gives has the same bits on every machine.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.values import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.expressions import Graph

    Array = NDArray[np.float64]

Ramp = float | tuple[float, ...] | str

#: Two values at a border are one if they agree to this fraction of the largest value around.
_SAME = 1e-9
_SAMPLES = 9


def read_ramp(value: object, where: str, *, positive: bool = False) -> Ramp:
    """Return a value in time as plain numbers or text.

    Parameters
    ----------
    value : number, sequence, one-dimensional array or str
        A sequence of one value is that value.
    where : str
        Dotted path for the error.
    positive : bool
        Refuse zero and negative numbers; those that a formula gives are refused when it is evaluated.

    Raises
    ------
    InvalidInput
        If it is none of these, not finite, or a formula that cannot be read.
    """
    if isinstance(value, str):
        _parse(value.strip(), where)
        return value.strip()
    if hasattr(value, "__array__"):
        value = np.asarray(value).tolist()
    if isinstance(value, list | tuple):
        return _read_table(value, where, positive)
    if callable(value):
        raise InvalidInput("a function is not data", where, "pass its values, f(np.linspace(0, 1, 201))")
    return number(value, where, positive=positive)


def _read_table(values: list[object] | tuple[object, ...], where: str, positive: bool) -> Ramp:
    if not values:
        raise InvalidInput("an empty table", where, "give at least one value")
    plain = np.array(values) if all(type(value) is float for value in values) else np.empty(0)
    if plain.size and np.isfinite(plain).all() and (not positive or plain.min() > 0.0):
        table = tuple((plain + 0.0).tolist())  # Long tables: what the other branch does, at once.
    else:
        table = tuple(number(value, where, positive=positive) for value in values)
    return table if len(table) > 1 else table[0]


def values_of(ramp: Ramp, fractions: Array, duration: float, where: str, *, positive: bool = False) -> Array:
    """Return the values of a ramp, shape (N,), when `fractions` of its duration, shape (N,), have passed.

    Raises
    ------
    InvalidInput
        If a value is not finite, or not positive where it must be.
    """
    with np.errstate(all="ignore"):
        values = _values(ramp, fractions, duration, where)
    right = np.isfinite(values) & ((values > 0.0) | (not positive))
    if not right.all():
        at = int(np.argmin(right))
        fault = "finite" if not np.isfinite(values[at]) else "positive"
        raise InvalidInput(
            f"{shown(ramp)} is {float(values[at])!r} at s = {fractions[at]:.6g}, not {fault}", where
        )
    return values


def _values(ramp: Ramp, fractions: Array, duration: float, where: str) -> Array:
    if isinstance(ramp, float):
        return np.full(fractions.shape, ramp)
    if isinstance(ramp, tuple):
        return _between(np.array(ramp), fractions)
    graph, node = _parse(ramp, where)
    return graph.evaluate(node, {"s": fractions, "t": fractions * duration})


def _between(table: Array, fractions: Array) -> Array:
    """Interpolate linearly between equally spaced values: a + (b - a) r in every interval."""
    place = fractions * (len(table) - 1)
    interval = np.minimum(place.astype(np.int64), len(table) - 2)
    start = table[interval]
    values: Array = start + (table[interval + 1] - start) * (place - interval)
    return values


def ends_of(ramp: Ramp, duration: float, where: str, *, positive: bool = False) -> tuple[float, float]:
    """Return the first and the last value of a ramp."""
    if isinstance(ramp, float):
        return ramp, ramp
    if isinstance(ramp, tuple):
        return ramp[0], ramp[-1]
    first, last = values_of(ramp, np.array([0.0, 1.0]), duration, where, positive=positive)
    return float(first), float(last)


def largest(ramp: Ramp, duration: float, where: str) -> float:
    """Return about the largest magnitude that a ramp takes: the scale on which two of its values differ."""
    if isinstance(ramp, str):
        return float(np.abs(values_of(ramp, np.linspace(0.0, 1.0, _SAMPLES), duration, where)).max())
    return max(abs(value) for value in ramp) if isinstance(ramp, tuple) else abs(ramp)


def same(a: float, b: float, scale: float) -> bool:
    """Tell whether two values are one but for rounding, on the scale of the values around them."""
    return abs(a - b) <= _SAME * max(abs(a), abs(b), scale)


def reversed_ramp(ramp: Ramp, duration: float) -> Ramp:
    """Return the ramp run backwards; the reverse of the reverse is the ramp itself.

    In a formula ``s`` becomes ``(1 - s)``, ``t`` becomes ``(duration - t)``, and the other way round.
    """
    if isinstance(ramp, float):
        return ramp
    if isinstance(ramp, tuple):
        return ramp[::-1]
    return _mirrored(_mirrored(ramp, "s", "1"), "t", repr(duration))


def _mirrored(formula: str, symbol: str, whole: str) -> str:
    """Replace ``symbol`` by ``(whole - symbol)``, or the other way round where it stands so already."""
    opening, result, at = f"({whole} - ", "", 0
    for token in re.finditer(rf"(?<![\w.]){symbol}\b", formula):
        start, end = _wrapped(formula, token.start(), token.end(), opening)
        layers = token.start() - start
        inside = formula[start:end]
        # An odd number of layers already means `whole - symbol`: take one off. An even one: put one on.
        odd = layers // len(opening) % 2
        result += formula[at:start] + (inside[len(opening) : -1] if odd else f"{opening}{inside})")
        at = end
    return result + formula[at:]


def _wrapped(formula: str, start: int, end: int, opening: str) -> tuple[int, int]:
    """Widen a span over all layers of ``(whole - ...)`` around it; parentheses of a function are no layer."""
    while formula[:start].endswith(opening) and formula[end:].startswith(")"):
        outer = start - len(opening)
        if re.search(r"\w\s*$", formula[:outer]):
            break
        start, end = outer, end + 1
    return start, end


@lru_cache(maxsize=256)
def _parse(formula: str, where: str) -> tuple[Graph, int]:
    """Read a formula in t and s."""
    from fluctua.stochastic.expressions import Graph

    graph = Graph()
    return graph, graph.parse(formula, {"t": "t", "s": "s"}, where)
