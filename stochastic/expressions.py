"""Formulas: text to a tree, derivatives of the tree, and the tree back to text that computes.

A formula is read through a whitelist (nothing a user writes is ever executed) into a `Graph`, where equal
parts exist once. Derivatives follow our own rules on that graph, because the text it prints fixes the bits of
a run: no other package's version may change it.

What a formula may contain: numbers, ``pi``, the declared names, ``+ - * /``, ``**`` with a whole number from
-64 to 64, the functions ``exp log sin cos tanh sqrt`` of one argument, parentheses. A condition is one
comparison ``< <= > >=`` or several, joined by ``and``, ``or``, ``not``. Limits: ASCII, 1000 characters, 200
parts (numbers, names, operations), 40 levels of nesting.
"""

from __future__ import annotations

import ast
import math
import numbers
import re
import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn

from fluctua.stochastic.errors import InvalidInput, did_you_mean, listed, shown

if TYPE_CHECKING:
    import numpy.typing as npt

FUNCTIONS = ("exp", "log", "sin", "cos", "tanh", "sqrt")
COMPARISONS = ("<", "<=", ">", ">=")

LONGEST_TEXT = 1000
MOST_PARTS = 200
DEEPEST_NESTING = 40
LARGEST_POWER = 64

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
        return self._make("number", value + 0.0)  # + 0.0: there is only one zero

    def symbol(self, name: str) -> int:
        """Give the node of a named quantity."""
        return self._make("symbol", name)

    def add(self, a: int, b: int) -> int:
        """Give the node of a + b."""
        (p, u), (q, v) = self._scaled(a), self._scaled(b)
        if u == v:
            return self.number(p + q) if u is None else self.mul(self.number(p + q), u)
        if u is None:
            return self.add(b, a)  # a number stands behind
        if v is None:
            return self._add_number(a, q)
        if self._factors(a) and self._factors(b):  # their order decides which is fused, hence the last bit
            return self._make("add", a, b)
        return self._make_either("add", a, b)

    def mul(self, a: int, b: int) -> int:
        """Give the node of a b, with all numbers in one factor in front."""
        (p, u), (q, v) = self._scaled(a), self._scaled(b)
        if p * q == 0.0 or (u is None and v is None):
            return self.number(p * q)
        rest = v if u is None else u if v is None else self._make_either("mul", u, v)
        assert rest is not None
        return rest if p * q == 1.0 else self._make("mul", self.number(p * q), rest)

    def div(self, a: int, b: int) -> int:
        """Give the node of a / b."""
        (p, u), divisor = self._scaled(a), self.constant(b)
        if divisor == 0.0:
            raise InvalidInput("a division by zero", remedy="change the divisor")
        if divisor is None and p == -1.0 and u is not None:
            return self.neg(self.div(u, b))  # two signs meet more often outside a quotient than in it
        if divisor is None:
            return a if self.is_zero(a) else self._make("div", a, b)
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
        node = self._make("call", function, a)
        return node if self.constant(a) is None else self.number(float(self.evaluate(node, {})))

    def compare(self, operator: str, a: int, b: int) -> int:
        """Give the node of the condition ``a operator b``."""
        if operator not in COMPARISONS:
            raise ValueError(f"{operator} is not one of {COMPARISONS}")
        return self._make("compare", operator, a, b)

    def logic(self, operator: str, *conditions: int) -> int:
        """Give the node of ``a and b``, ``a or b`` or ``not a``."""
        if (operator, len(conditions)) not in (("and", 2), ("or", 2), ("not", 1)):
            raise ValueError(f"{operator} does not join {len(conditions)} conditions")
        return self._make("logic", operator, *conditions)

    def _make(self, *key: Any) -> int:
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
        return self._index[kind, b, a] if (kind, b, a) in self._index else self._make(kind, a, b)

    def _add_number(self, a: int, value: float) -> int:
        match self._keys[a]:
            case ("add", inner, last) if self._keys[last][0] == "number":
                return self._add_number(inner, self._value(last) + value)
        return a if value == 0.0 else self._make("add", a, self.number(value))

    def _number_power(self, x: float, n: int) -> int:
        try:
            return self.number(float(Fraction(x) ** n))  # exact, then rounded once: the same on every machine
        except (ZeroDivisionError, OverflowError):
            return self.number(math.inf)

    # ---- looking

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
        return frozenset(self._keys[n][1] for n in self._below([node]) if self._keys[n][0] == "symbol")

    def parts(self, node: int) -> list[int]:
        """List the nodes of which a node is made, itself among them, operands before what uses them."""
        return self._below([node])

    def affine_in(self, node: int, symbols: Iterable[str]) -> bool:
        """Tell whether the formula is visibly a polynomial of degree <= 1 in these symbols together."""
        return self._degree(node, frozenset(symbols)) <= 1

    def quadratic_in(self, node: int, symbols: Iterable[str]) -> bool:
        """Tell whether the formula is visibly a polynomial of degree <= 2 in these symbols together."""
        return self._degree(node, frozenset(symbols)) <= 2

    def _degree(self, node: int, symbols: frozenset[str]) -> float:
        degree: dict[int, float] = {}
        for n in self._below([node]):
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
                    degree[n] = 0 if all(degree[a] == 0 for a in self._operands(n)) else math.inf
        return degree[node]

    def _value(self, node: int) -> float:
        return float(self._keys[node][1])

    def _operands(self, node: int) -> tuple[int, ...]:
        match self._keys[node]:
            case ("number" | "symbol", _):
                return ()
            case ("call" | "compare" | "logic", _, *operands):
                return tuple(operands)
            case (_, *operands):
                return tuple(operands)
        raise AssertionError

    def _below(self, nodes: Iterable[int]) -> list[int]:
        """List the nodes and all they are made of, operands before what uses them."""
        found, waiting = set(), list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += self._operands(node)
        return sorted(found)

    def _scaled(self, node: int) -> tuple[float, int | None]:
        """Split a node into a number and the rest, which is None for a number."""
        match self._keys[node]:
            case ("number", value):
                return value, None
            case ("mul", a, b) if self._keys[a][0] == "number":
                return self._value(a), b
        return 1.0, node

    def _factors(self, node: int) -> tuple[int, int] | None:
        key = self._keys[node]
        return (key[1], key[2]) if key[0] == "mul" else None

    # ---- changing

    def substitute(self, node: int, replacements: Mapping[str, int]) -> int:
        """Put nodes in the place of symbols."""
        new: dict[int, int] = {}
        for n in self._below([node]):
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
        for n in self._below([node]):
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
            With the column, for anything that the module's docstring does not allow.
        """
        return _Reader(self, text, names, where).read(quantities=True, conditions=conditions)

    def parse_condition(self, text: str, names: Mapping[str, str], where: str = "") -> int:
        """Read a condition, as `parse` reads a formula."""
        return _Reader(self, text, names, where).read(quantities=False, conditions=True)

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
        import numpy as np

        known = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
        shape = np.broadcast_shapes(*(value.shape for value in known.values()))
        (lowered,) = self._lowered([node])
        result: dict[int, Any] = {}
        with np.errstate(all="ignore"):
            for n in self._below([lowered]):
                match self._keys[n]:
                    case ("number", value):
                        result[n] = np.float64(value)
                    case ("symbol", name):
                        result[n] = known[name]
                    case key:
                        result[n] = _compute(key, [result[a] for a in self._operands(n)])
        return np.array(np.broadcast_to(result[lowered], shape))

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
        return _Writer(self, self._lowered(outputs), indent, prefix).write()

    def _lowered(self, nodes: Sequence[int]) -> list[int]:
        """Translate nodes into what a machine does: also fma(a, b, c) = a b + c, subtraction, negation."""
        low: dict[int, int] = {}
        for n in self._below(nodes):
            match self._keys[n]:
                case ("add", a, b):
                    low[n] = self._lowered_sum(a, b, low)
                case ("mul", a, b):
                    low[n] = self._lowered_product(a, b, low)
                case ("number" | "symbol", _):
                    low[n] = n
                case ("call" | "compare" | "logic" as kind, what, *operands):
                    low[n] = self._make(kind, what, *(low[a] for a in operands))
                case (kind, a, b):
                    low[n] = self._make(kind, low[a], low[b])
        return [low[n] for n in nodes]

    def _lowered_sum(self, a: int, b: int, low: Mapping[int, int]) -> int:
        """Fuse a product among a and b, the second if both are; else subtract what is negated."""
        for fused, rest in ((b, a), (a, b)):
            if factors := self._fusable(fused, low):
                return self._make("fma", *factors, low[rest])
        for negated, rest in ((b, a), (a, b)):
            if factors := self._factors(negated):
                return self._make("sub", low[rest], low[factors[1]])
        return self._make("add", low[a], low[b])

    def _fusable(self, node: int, low: Mapping[int, int]) -> tuple[int, int] | None:
        """Give two lowered factors of a node, but not where one would be the number -1."""
        factors = self._factors(node)
        if factors is None or self.constant(factors[0]) != -1.0:
            return factors and (low[factors[0]], low[factors[1]])
        inner = self._factors(factors[1])
        return inner and (self._make("minus", low[inner[0]]), low[inner[1]])

    def _lowered_product(self, a: int, b: int, low: Mapping[int, int]) -> int:
        if self.constant(a) == -1.0:
            return self._make("minus", low[b])
        return self._make("times", low[a], low[b])


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


class _Writer:
    """Prints lowered nodes: a name for what is used more than once, parentheses where order needs them."""

    # How tightly the outermost operation of a text binds.
    ATOM, NEGATIVE, PRODUCT, SUM, BIT, CONDITION = 5, 4, 3, 2, 1, 0

    def __init__(self, graph: Graph, outputs: Sequence[int], indent: str, prefix: str) -> None:
        self.keys, self.outputs, self.indent, self.prefix = graph._keys, outputs, indent, prefix
        self.order = graph._below(outputs)
        self.uses = dict.fromkeys(self.order, 0)
        for node in [*outputs, *(a for n in self.order for a in graph._operands(n))]:
            self.uses[node] += 1
        self.known: dict[int, tuple[str, int]] = {}

    def write(self) -> tuple[list[str], list[str]]:
        lines: list[str] = []
        for node in self.order:
            text, binding = self.expression(self.keys[node])
            if self.deserves_name(node):
                name = f"{self.prefix}{len(lines)}"
                lines.append(f"{self.indent}{name} = {text}")
                text, binding = name, self.ATOM
            self.known[node] = text, binding
        return lines, [self.known[node][0] for node in self.outputs]

    def deserves_name(self, node: int) -> bool:
        kind = self.keys[node][0]
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


_ALLOWED = re.compile(r"[A-Za-z0-9_ \t\r\n.+\-*/()<>=,]")
_INSTEAD = {
    "^": ("'^' is not a power", "write **"),
    "%": ("'%' is not allowed in a formula", "use sin and cos for what is periodic"),
    "!": ("'!' is not allowed in a formula", "write not"),
    "&": ("'&' is not allowed in a formula", "write and"),
    "|": ("'|' is not allowed in a formula", "write or, or sqrt(x**2) for an absolute value"),
}
_OPERATORS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_COMPARE = "compare with < <= > >= =="
_CONDITION = "a condition stands where a number is expected"
#: Each sign as one comparison, or as two and what joins them.
_COMPARISONS = {
    ast.Lt: ("<", "", ""),
    ast.LtE: ("<=", "", ""),
    ast.Gt: (">", "", ""),
    ast.GtE: (">=", "", ""),
    ast.Eq: ("<=", "and", ">="),
}


def not_text(formula: object, where: str) -> InvalidInput:
    """Give the error of a formula that is no text."""
    kind = type(formula).__name__
    return InvalidInput(f"a formula is text, not {kind}", where, "write it in quotation marks")


class _Reader:
    """Walks Python's syntax tree of one formula and lets only the whitelist through."""

    def __init__(self, graph: Graph, text: str | float, names: Mapping[str, str], where: str) -> None:
        self.graph, self.names, self.where = graph, names, where
        self.source = text
        self.text = re.sub(r"\s", " ", text) if isinstance(text, str) else ""
        self.shift = len(self.text) - len(self.text.lstrip())
        self.parts = 0
        self.of_conditions = ""

    def read(self, quantities: bool, conditions: bool) -> int:
        self.of_conditions = "only a whole formula may be a condition" if conditions else ""
        if isinstance(self.source, str):
            self.check_characters(self.source)
            tree = self.syntax_tree()
            node = self.node(tree, 0)
            if self.graph.is_condition(node) and not conditions:
                self.refuse(_CONDITION, tree)
            if not self.graph.is_condition(node) and not quantities:
                self.refuse("a number stands where a condition is expected", tree, _COMPARE)
            return node
        if quantities and isinstance(self.source, numbers.Real) and not isinstance(self.source, bool):
            return self.number(self.source, None)
        raise not_text(self.source, self.where)

    # ---- text to syntax

    def check_characters(self, source: str) -> None:
        if not self.text.strip():
            raise InvalidInput("the formula is empty", self.where, "write 0 if there is none")
        if len(self.text) > LONGEST_TEXT:
            what = f"the formula has {len(self.text)} characters"
            raise InvalidInput(what, self.where, f"stay within {LONGEST_TEXT}; use parameters")
        for column, character in enumerate(source, start=1):
            if not _ALLOWED.fullmatch(character):
                what, remedy = (
                    f"{character!a} is not allowed in a formula",
                    "use letters, digits and + - * / ** ( )",
                )
                self.fail(*_INSTEAD.get(character, (what, remedy)), column)

    def syntax_tree(self) -> ast.expr:
        column: int | None = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python remarks on "1or 2"; nobody asked
                return ast.parse(self.text.strip(), mode="eval").body
        except SyntaxError as error:
            column = min(self.shift + (error.offset or len(self.text)), len(self.text))
        except (RecursionError, MemoryError, ValueError):
            pass
        self.fail("the formula cannot be read", "check operators and parentheses; a product needs *", column)

    # ---- syntax to tree

    def node(self, part: ast.AST, depth: int) -> int:
        self.parts += 1
        if self.parts > MOST_PARTS:
            self.refuse(f"the formula has more than {MOST_PARTS} parts", part, "use parameters")
        if depth > DEEPEST_NESTING:
            self.refuse(
                f"the formula is nested deeper than {DEEPEST_NESTING} levels", part, "write it flatter"
            )
        match part:
            case ast.Constant(value=value) if type(value) in (int, float):
                return self.number(value, part)
            case ast.Name(id=name):
                return self.name(name, part)
            case ast.UnaryOp():
                return self.unary(part, depth)
            case ast.BinOp(op=ast.Pow()):
                return self.power(part, depth)
            case ast.BinOp(op=operator) if type(operator) in _OPERATORS:
                return self.binary(part, depth)
            case ast.Call():
                return self.call(part, depth)
            case ast.Compare():
                return self.compare(part, depth)
            case ast.BoolOp():
                return self.junction(part, depth)
        self.refuse(f"{self.quote(part)} is not allowed in a formula", part)

    def number(self, value: Any, part: ast.AST | None) -> int:
        try:
            return self.graph.number(value)
        except (InvalidInput, OverflowError):
            self.refuse("a number is not finite", part, "keep it below 1e308")

    def name(self, name: str, part: ast.AST) -> int:
        if name == "pi":
            return self.graph.number(math.pi)
        if name in self.names:
            return self.graph.symbol(self.names[name])
        if name in FUNCTIONS:
            self.refuse(f"'{name}' is a function", part, f"write {name}(...)")
        self.refuse(
            f"{shown(name)} is not declared", part, self.offer("names", sorted({*self.names, "pi"}), name)
        )

    def unary(self, part: ast.UnaryOp, depth: int) -> int:
        operand = self.node(part.operand, depth + 1)
        if isinstance(part.op, ast.Not):
            return self.graph.logic("not", self.condition(operand, part.operand))
        self.quantity(operand, part.operand)
        if isinstance(part.op, ast.USub):
            return self.graph.neg(operand)
        if isinstance(part.op, ast.UAdd):
            return operand
        self.refuse(f"{self.quote(part)} is not allowed in a formula", part)

    def binary(self, part: ast.BinOp, depth: int) -> int:
        # A long sum leans left: that is no nesting.
        left = self.quantity(self.node(part.left, depth), part.left)
        right = self.quantity(self.node(part.right, depth + 1), part.right)
        return self.arithmetic(part, _OPERATORS[type(part.op)], left, right)

    def power(self, part: ast.BinOp, depth: int) -> int:
        base = self.quantity(self.node(part.left, depth + 1), part.left)
        exponent, sign = part.right, 1
        if isinstance(exponent, ast.UnaryOp) and isinstance(exponent.op, ast.USub):
            exponent, sign = exponent.operand, -1
        value = exponent.value if isinstance(exponent, ast.Constant) else None
        if type(value) is int and value <= LARGEST_POWER:
            return self.arithmetic(part, "power", base, sign * value)
        if value == 0.5 and sign == 1:
            self.refuse("the power 0.5 is not a whole number", part.right, "write sqrt(x)")
        bounds = f"from -{LARGEST_POWER} to {LARGEST_POWER}"
        what = f"the power {self.quote(part.right)} is not a whole number {bounds}"
        self.refuse(what, part.right, "write exp(p*log(x))")

    def arithmetic(self, part: ast.AST, operation: str, *operands: int | str) -> int:
        try:
            return int(getattr(self.graph, operation)(*operands))
        except InvalidInput:
            self.refuse(f"{self.quote(part)} is not a finite number", part, "change it")

    def call(self, part: ast.Call, depth: int) -> int:
        name = part.func.id if isinstance(part.func, ast.Name) else None
        if name is None:
            self.refuse(f"{self.quote(part)} is not allowed in a formula", part)
        if name in self.names or name == "pi":
            self.refuse(f"'{name}' is not a function", part, f"write {name}*(...) for a product")
        if name not in FUNCTIONS:
            self.refuse(f"{shown(name)} is not a function", part, self.offer("functions", FUNCTIONS, name))
        if len(part.args) != 1 or part.keywords:
            self.refuse(f"{name} takes one argument", part, f"write {name}(x)")
        operand = self.quantity(self.node(part.args[0], depth + 1), part.args[0])
        return self.arithmetic(part, "call", name, operand)

    def compare(self, part: ast.Compare, depth: int) -> int:
        sides = [part.left, *part.comparators]
        values = [self.quantity(self.node(side, depth + 1), side) for side in sides]
        result: int | None = None
        for a, b, operator in zip(values[:-1], values[1:], part.ops, strict=True):
            if type(operator) not in _COMPARISONS:
                remedy = _COMPARE
                self.refuse(f"{self.quote(part)} is not allowed in a formula", part, remedy)
            sign, joint, other = _COMPARISONS[type(operator)]
            link = self.graph.compare(sign, a, b)
            if joint:
                link = self.graph.logic(joint, link, self.graph.compare(other, a, b))
            result = link if result is None else self.graph.logic("and", result, link)
        assert result is not None
        return result

    def junction(self, part: ast.BoolOp, depth: int) -> int:
        first, *others = (self.condition(self.node(value, depth + 1), value) for value in part.values)
        for other in others:
            first = self.graph.logic("and" if isinstance(part.op, ast.And) else "or", first, other)
        return first

    def quantity(self, node: int, part: ast.AST) -> int:
        if self.graph.is_condition(node):
            self.refuse(_CONDITION, part, self.of_conditions)
        return node

    def condition(self, node: int, part: ast.AST) -> int:
        if not self.graph.is_condition(node):
            self.refuse("a number stands where a condition is expected", part, _COMPARE)
        return node

    # ---- refusing

    def offer(self, kind: str, candidates: Sequence[str], name: str) -> str:
        return f"{kind} are {listed(candidates, ' ')}{did_you_mean(name, candidates)}"

    def quote(self, part: ast.AST) -> str:
        segment = ast.get_source_segment(self.text.strip(), part) or "this"
        return f"'{segment}'" if len(segment) <= 40 else f"'{segment[:37]}...'"

    def refuse(self, what: str, part: ast.AST | None, remedy: str = "") -> NoReturn:
        column = getattr(part, "col_offset", None)
        self.fail(what, remedy, None if column is None else self.shift + column + 1)

    def fail(self, what: str, remedy: str, column: int | None) -> NoReturn:
        place = [self.where] if self.where else []
        if column is not None:
            place.append(f"column {column}")
        raise InvalidInput(what, ", ".join(place), remedy) from None
