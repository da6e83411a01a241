"""A formula as a machine computes it: fused, subtracted and negated where that is one operation.

The same operations stand in the text that is compiled and in what NumPy computes, so that both have the same
bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from fluctua.stochastic.expressions import Graph, Key


def lowered(graph: Graph, nodes: Sequence[int]) -> list[int]:
    """Translate nodes into what a machine does: also fma(a, b, c) = a b + c, subtraction, negation."""
    low: dict[int, int] = {}
    for n in graph.below(nodes):
        match graph.key(n):
            case ("add", a, b):
                low[n] = _lowered_sum(graph, a, b, low)
            case ("mul", a, b):
                low[n] = _lowered_product(graph, a, b, low)
            case ("number" | "symbol", _):
                low[n] = n
            case ("call" | "compare" | "logic" as kind, what, *operands):
                low[n] = graph.make(kind, what, *(low[a] for a in operands))
            case (kind, a, b):
                low[n] = graph.make(kind, low[a], low[b])
    return [low[n] for n in nodes]


def _lowered_sum(graph: Graph, a: int, b: int, low: Mapping[int, int]) -> int:
    """Fuse a product among a and b, the second if both are; else subtract what is negated."""
    for fused, rest in ((b, a), (a, b)):
        if factors := _fusable(graph, fused, low):
            return graph.make("fma", *factors, low[rest])
    for negated, rest in ((b, a), (a, b)):
        if factors := graph.factors(negated):
            return graph.make("sub", low[rest], low[factors[1]])
    return graph.make("add", low[a], low[b])


def _fusable(graph: Graph, node: int, low: Mapping[int, int]) -> tuple[int, int] | None:
    """Give two lowered factors of a node, but not where one would be the number -1."""
    factors = graph.factors(node)
    if factors is None or graph.constant(factors[0]) != -1.0:
        return factors and (low[factors[0]], low[factors[1]])
    inner = graph.factors(factors[1])
    return inner and (graph.make("minus", low[inner[0]]), low[inner[1]])


def _lowered_product(graph: Graph, a: int, b: int, low: Mapping[int, int]) -> int:
    if graph.constant(a) == -1.0:
        return graph.make("minus", low[b])
    return graph.make("times", low[a], low[b])


# ---- computing


def evaluated(graph: Graph, node: int, values: Mapping[str, npt.ArrayLike]) -> npt.NDArray[Any]:
    """Compute a node with NumPy; see `Graph.evaluate`."""
    import numpy as np

    known = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    shape = np.broadcast_shapes(*(value.shape for value in known.values()))
    (low,) = lowered(graph, [node])
    result: dict[int, Any] = {}
    with np.errstate(all="ignore"):
        for n in graph.below([low]):
            match graph.key(n):
                case ("number", value):
                    result[n] = np.float64(value)
                case ("symbol", name):
                    result[n] = known[name]
                case key:
                    result[n] = _compute(key, [result[a] for a in graph.operands(n)])
    return np.array(np.broadcast_to(result[low], shape))


def _compute(key: Key, operands: list[Any]) -> Any:
    """Carry out one lowered operation with the NumPy twins of the vector functions."""
    from fluctua.stochastic import lanes, twins

    match key:
        case ("call", "sqrt", _):
            return twins.sqrt(*operands)
        case ("call", function, _):
            return getattr(lanes, function)(*operands)
        case ("fma", *_):
            return twins.fma(*operands)
        case ("minus", _):
            return -operands[0]
        case ("logic", "not", _):
            return operands[0] ^ True
    a, b = operands
    match key[0] if key[0] not in ("compare", "logic") else key[1]:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "times":
            return a * b
        case "div":
            return a / b
        case "<":
            return a < b
        case "<=":
            return a <= b
        case ">":
            return a > b
        case ">=":
            return a >= b
        case "and":
            return a & b
        case "or":
            return a | b
    raise AssertionError(key)


# ---- writing


def written(graph: Graph, outputs: Sequence[int], indent: str, prefix: str) -> tuple[list[str], list[str]]:
    """Write assignments, and an expression for each output; see `Graph.emit`."""
    return _Writer(graph, lowered(graph, outputs), indent, prefix).write()


class _Writer:
    """Prints lowered nodes: a name for what is used more than once, parentheses where order needs them."""

    # How tightly the outermost operation of a text binds.
    ATOM, NEGATIVE, PRODUCT, SUM, BIT, CONDITION = 5, 4, 3, 2, 1, 0

    def __init__(self, graph: Graph, outputs: Sequence[int], indent: str, prefix: str) -> None:
        self.graph, self.outputs, self.indent, self.prefix = graph, outputs, indent, prefix
        self.order = graph.below(outputs)
        self.uses = dict.fromkeys(self.order, 0)
        for node in [*outputs, *(a for n in self.order for a in graph.operands(n))]:
            self.uses[node] += 1
        self.known: dict[int, tuple[str, int]] = {}

    def write(self) -> tuple[list[str], list[str]]:
        lines: list[str] = []
        for node in self.order:
            text, binding = self.expression(self.graph.key(node))
            if self.deserves_name(node):
                name = f"{self.prefix}{len(lines)}"
                lines.append(f"{self.indent}{name} = {text}")
                text, binding = name, self.ATOM
            self.known[node] = text, binding
        return lines, [self.known[node][0] for node in self.outputs]

    def deserves_name(self, node: int) -> bool:
        kind = self.graph.key(node)[0]
        if kind in ("number", "symbol", "minus"):
            return False
        return kind == "call" or self.uses[node] > 1

    def expression(self, key: Key) -> tuple[str, int]:
        match key:
            case ("number", value):
                return repr(value), self.ATOM if value >= 0 else self.NEGATIVE
            case ("symbol", name):
                return name, self.ATOM
            case ("call", function, a):
                return f"{function}({self.text(a)})", self.ATOM
            case ("fma", a, b, c):
                return f"fma({self.text(a)}, {self.text(b)}, {self.text(c)})", self.ATOM
            case ("minus", a):
                return f"-{self.text(a, self.ATOM)}", self.NEGATIVE
            case ("compare", operator, a, b):
                return f"{self.text(a, self.BIT + 1)} {operator} {self.text(b, self.BIT + 1)}", self.CONDITION
            case ("logic", "not", a):
                return f"{self.text(a, self.ATOM)} ^ True", self.BIT
            case ("logic", operator, a, b):
                sign = "&" if operator == "and" else "|"
                return f"{self.text(a, self.ATOM)} {sign} {self.text(b, self.ATOM)}", self.BIT
            case (kind, a, b):
                sign = {"add": "+", "sub": "-", "times": "*", "div": "/"}[kind]
                binding = self.SUM if sign in "+-" else self.PRODUCT
                return f"{self.text(a, binding)} {sign} {self.text(b, binding + 1)}", binding
        raise AssertionError(key)

    def text(self, node: int, binding: int = 0) -> str:
        """Give the text of an operand, in parentheses if it binds less tightly than asked."""
        text, own = self.known[node]
        return text if own >= binding else f"({text})"
