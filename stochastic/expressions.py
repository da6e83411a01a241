"""Formulas: a tree in which equal parts exist once, and its derivatives.

Text becomes a tree in :mod:`~fluctua.stochastic.grammar`, which says what a formula may contain; the tree
becomes numbers, or text that computes them, in :mod:`~fluctua.stochastic.lowering`. Derivatives follow our
own rules, because that text fixes the bits of a run: no other package's version may change it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.grammar import FUNCTIONS, read
from fluctua.stochastic.lowering import evaluated, written

if TYPE_CHECKING:
    import numpy.typing as npt

COMPARISONS = ("<", "<=", ">", ">=")

Key = tuple[Any, ...]

_LOCK = threading.Lock()


class Graph:
    """Every node exists once, so what two formulas have in common is shared by construction.

    A node is an integer; its operands always have smaller numbers, so counting upwards visits operands first
    and no method needs recursion. The value of a node depends on its own formula alone, to the last bit,
    never on what else the graph holds.

    Multiplication and addition with 0, multiplication with 1 and operations between numbers are carried out
    at once; division by a number becomes multiplication by its reciprocal (exact for powers of two, else one
    more rounding).
    """

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._index: dict[Key, int] = {}

    # ---- building

    def number(self, value: float) -> int:
        """Give the node of a finite number; anything else raises `InvalidInput`."""
        value = float(value)
        if not math.isfinite(value):
            raise InvalidInput("a number in the formula is not finite", "", "keep it below 1e308")
        return self.make("number", value + 0.0)  # + 0.0: there is only one zero

    def symbol(self, name: str) -> int:
        """Give the node of a named quantity."""
        return self.make("symbol", name)

    def add(self, a: int, b: int) -> int:
        """Give the node of a + b."""
        (p, u), (q, v) = self._scaled(a), self._scaled(b)
        if u == v:
            return self.number(p + q) if u is None else self.mul(self.number(p + q), u)
        if u is None:
            return self.add(b, a)  # a number stands behind
        if v is None:
            return self._add_number(a, q)
        if self.factors(a) and self.factors(b):  # their order decides which is fused, hence the last bit
            return self.make("add", a, b)
        return self._make_either("add", a, b)

    def mul(self, a: int, b: int) -> int:
        """Give the node of a b, with all numbers in one factor in front."""
        (p, u), (q, v) = self._scaled(a), self._scaled(b)
        if p * q == 0.0 or (u is None and v is None):
            return self.number(p * q)
        rest = v if u is None else u if v is None else self._make_either("mul", u, v)
        assert rest is not None
        return rest if p * q == 1.0 else self.make("mul", self.number(p * q), rest)

    def div(self, a: int, b: int) -> int:
        """Give the node of a / b."""
        (p, u), divisor = self._scaled(a), self.constant(b)
        if divisor == 0.0:
            raise InvalidInput("a division by zero", remedy="change the divisor")
        if divisor is None and p == -1.0 and u is not None:
            return self.neg(self.div(u, b))  # two signs meet more often outside a quotient than in it
        if divisor is None:
            return a if self.is_zero(a) else self.make("div", a, b)
        quotient = self.number(p / divisor)
        return quotient if u is None else self.mul(quotient, u)

    def neg(self, a: int) -> int:
        """Give the node of -a."""
        return self.mul(self.number(-1.0), a)

    def sub(self, a: int, b: int) -> int:
        """Give the node of a - b."""
        return self.add(a, self.neg(b))

    def power(self, a: int, n: int) -> int:
        """Give the node of a**n for a whole number n, by repeated squaring."""
        x = self.constant(a)
        if x is not None:
            return self._number_power(x, n)
        if n < 0:
            return self.div(self.number(1.0), self.power(a, -n))
        if n == 0:
            return self.number(1.0)
        if n == 1:
            return a
        half = self.power(a, n // 2)
        square = self.mul(half, half)
        return self.mul(square, a) if n % 2 else square

    def call(self, function: str, a: int) -> int:
        """Give the node of function(a); that of a number is computed, with the portable vector functions."""
        if function not in FUNCTIONS:
            raise ValueError(f"{function} is not one of {FUNCTIONS}")
        node = self.make("call", function, a)
        return node if self.constant(a) is None else self.number(float(self.evaluate(node, {})))

    def compare(self, operator: str, a: int, b: int) -> int:
        """Give the node of the condition ``a operator b``."""
        if operator not in COMPARISONS:
            raise ValueError(f"{operator} is not one of {COMPARISONS}")
        return self.make("compare", operator, a, b)

    def logic(self, operator: str, *conditions: int) -> int:
        """Give the node of ``a and b``, ``a or b`` or ``not a``."""
        if (operator, len(conditions)) not in (("and", 2), ("or", 2), ("not", 1)):
            raise ValueError(f"{operator} does not join {len(conditions)} conditions")
        return self.make("logic", operator, *conditions)

    def make(self, *key: Any) -> int:
        """Give the node of an operation as it stands: nothing is carried out."""
        node = self._index.get(key)
        if node is None:
            with _LOCK:  # threads that draw initial states evaluate formulas of one graph
                if key not in self._index:
                    self._keys.append(key)
                    self._index[key] = len(self._keys) - 1
                node = self._index[key]
        return node

    def _make_either(self, kind: str, a: int, b: int) -> int:
        """Use b ∘ a if that exists: the operation commutes to the last bit."""
        return self._index[kind, b, a] if (kind, b, a) in self._index else self.make(kind, a, b)

    def _add_number(self, a: int, value: float) -> int:
        match self._keys[a]:
            case ("add", inner, last) if self._keys[last][0] == "number":
                return self._add_number(inner, self._value(last) + value)
        return a if value == 0.0 else self.make("add", a, self.number(value))

    def _number_power(self, x: float, n: int) -> int:
        try:
            return self.number(float(Fraction(x) ** n))  # exact, then rounded once: the same on every machine
        except (ZeroDivisionError, OverflowError):
            return self.number(math.inf)

    # ---- looking

    def key(self, node: int) -> Key:
        """Give what a node is: a word, then what it is of."""
        return self._keys[node]

    def constant(self, node: int) -> float | None:
        """Give the number that a node is, or None."""
        return self._value(node) if self._keys[node][0] == "number" else None

    def is_zero(self, node: int) -> bool:
        """Tell whether a node is the number 0."""
        return self.constant(node) == 0.0

    def is_condition(self, node: int) -> bool:
        """Tell whether a node is true or false rather than a number."""
        return self._keys[node][0] in ("compare", "logic")

    def symbols(self, node: int) -> frozenset[str]:
        """Name the symbols that a node depends on."""
        return frozenset(self._keys[n][1] for n in self.below([node]) if self._keys[n][0] == "symbol")

    def affine_in(self, node: int, symbols: Iterable[str]) -> bool:
        """Tell whether the formula is visibly a polynomial of degree <= 1 in these symbols together."""
        return self._degree(node, frozenset(symbols)) <= 1

    def quadratic_in(self, node: int, symbols: Iterable[str]) -> bool:
        """Tell whether the formula is visibly a polynomial of degree <= 2 in these symbols together."""
        return self._degree(node, frozenset(symbols)) <= 2

    def _degree(self, node: int, symbols: frozenset[str]) -> float:
        degree: dict[int, float] = {}
        for n in self.below([node]):
            match self._keys[n]:
                case ("number", _):
                    degree[n] = 0
                case ("symbol", name):
                    degree[n] = 1 if name in symbols else 0
                case ("add", a, b):
                    degree[n] = max(degree[a], degree[b])
                case ("mul", a, b):
                    degree[n] = degree[a] + degree[b]
                case ("div", a, b):
                    degree[n] = degree[a] if degree[b] == 0 else math.inf
                case _:
                    degree[n] = 0 if all(degree[a] == 0 for a in self.operands(n)) else math.inf
        return degree[node]

    def _value(self, node: int) -> float:
        return float(self._keys[node][1])

    def operands(self, node: int) -> tuple[int, ...]:
        """List the nodes that an operation is of."""
        match self._keys[node]:
            case ("number" | "symbol", _):
                return ()
            case ("call" | "compare" | "logic", _, *operands):
                return tuple(operands)
            case (_, *operands):
                return tuple(operands)
        raise AssertionError

    def below(self, nodes: Iterable[int]) -> list[int]:
        """List the nodes and all they are made of, operands before what uses them."""
        found, waiting = set(), list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += self.operands(node)
        return sorted(found)

    def _scaled(self, node: int) -> tuple[float, int | None]:
        """Split a node into a number and the rest, which is None for a number."""
        match self._keys[node]:
            case ("number", value):
                return value, None
            case ("mul", a, b) if self._keys[a][0] == "number":
                return self._value(a), b
        return 1.0, node

    def factors(self, node: int) -> tuple[int, int] | None:
        """Give the two nodes that a node is the product of, or None."""
        key = self._keys[node]
        return (key[1], key[2]) if key[0] == "mul" else None

    # ---- changing

    def substitute(self, node: int, replacements: Mapping[str, int]) -> int:
        """Put nodes in the place of symbols."""
        new: dict[int, int] = {}
        for n in self.below([node]):
            match self._keys[n]:
                case ("symbol", name) if name in replacements:
                    new[n] = replacements[name]
                case ("number" | "symbol", _):
                    new[n] = n
                case ("call" | "compare" | "logic" as kind, what, *operands):
                    new[n] = getattr(self, kind)(what, *(new[a] for a in operands))
                case (kind, a, b):
                    new[n] = getattr(self, kind)(new[a], new[b])
        return new[node]

    def derivative(self, node: int, symbol: str) -> int:
        """Give the node of the derivative with respect to a symbol."""
        d: dict[int, int] = {}
        for n in self.below([node]):
            match self._keys[n]:
                case ("number", _):
                    d[n] = self.number(0.0)
                case ("symbol", name):
                    d[n] = self.number(1.0 if name == symbol else 0.0)
                case ("add", a, b):
                    d[n] = self.add(d[a], d[b])
                case ("mul", a, b) if a == b:
                    d[n] = self.mul(self.number(2.0), self.mul(a, d[a]))
                case ("mul", a, b):
                    d[n] = self.add(self.mul(d[a], b), self.mul(a, d[b]))
                case ("div", a, b):  # (a/b)' = (a' - (a/b) b') / b
                    d[n] = self.div(self.sub(d[a], self.mul(n, d[b])), b)
                case ("call", function, a):
                    d[n] = self._chain(n, function, a, d[a])
                case _:
                    raise TypeError("a condition has no derivative")
        return d[node]

    def _chain(self, node: int, function: str, a: int, da: int) -> int:
        """Give the derivative of node = function(a), where da is that of a."""
        match function:
            case "exp":
                return self.mul(node, da)
            case "log":
                return self.div(da, a)
            case "sin":
                return self.mul(self.call("cos", a), da)
            case "cos":
                return self.neg(self.mul(self.call("sin", a), da))
            case "tanh":
                return self.mul(self.sub(self.number(1.0), self.mul(node, node)), da)
        return self.div(self.mul(self.number(0.5), da), node)  # sqrt

    # ---- reading

    def parse(
        self, text: str | float, names: Mapping[str, str], where: str = "", *, conditions: bool = False
    ) -> int:
        """Read a formula.

        Parameters
        ----------
        text : str or number
            The formula.
        names : mapping of str to str
            The names that may be written, each with its symbol in the tree. ``pi`` is always the number.
        where : str
            What the formula is part of, for the error: ``"system.energy"``.
        conditions : bool
            Whether a condition is accepted too.

        Returns
        -------
        int
            The node.

        Raises
        ------
        InvalidInput
            With the column, for anything that the grammar does not allow.
        """
        return read(self, text, names, where, quantities=True, conditions=conditions)

    def parse_condition(self, text: str, names: Mapping[str, str], where: str = "") -> int:
        """Read a condition, as `parse` reads a formula."""
        return read(self, text, names, where, quantities=False, conditions=True)

    # ---- computing

    def evaluate(self, node: int, values: Mapping[str, npt.ArrayLike]) -> npt.NDArray[Any]:
        """Compute a formula with NumPy: the same bits on every machine.

        Parameters
        ----------
        node : int
            A formula or a condition.
        values : mapping of str to number or array
            Of each symbol; they are broadcast against each other.

        Returns
        -------
        ndarray
            Of float (a condition: of bool), in the shape that all `values` have together. NaN where
            undefined, infinite where too large.
        """
        return evaluated(self, node, values)

    # ---- writing

    def emit(
        self, outputs: Sequence[int], indent: str = "    ", prefix: str = "t"
    ) -> tuple[list[str], list[str]]:
        """Write straight-line Python that computes the outputs.

        The text uses ``+ - * /``, ``fma(a, b, c)``, ``sqrt exp log sin cos tanh``, and for conditions
        ``< <= > >= & | ^``. What is used more than once, and each function, gets a name: prefix and number.

        Returns
        -------
        lines : list of str
            Assignments, each behind `indent`.
        results : list of str
            An expression for each output.
        """
        return written(self, outputs, indent, prefix)
