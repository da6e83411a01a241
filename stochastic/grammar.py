"""What a formula may contain, and how its text becomes a tree.

A formula is read through a whitelist: nothing a user writes is ever executed.

It may contain numbers, ``pi``, the declared names, ``+ - * /``, ``**`` with a whole number from -64 to 64,
the functions ``exp log sin cos tanh sqrt`` of one argument, parentheses. A condition is one comparison
``< <= > >=`` or several, joined by ``and``, ``or``, ``not``. Limits: ASCII, 1000 characters, 200 parts
(numbers, names, operations), 40 levels of nesting.
"""

from __future__ import annotations

import ast
import math
import numbers
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from fluctua.stochastic.compiling import one_at_a_time
from fluctua.stochastic.errors import InvalidInput, did_you_mean, listed, shown

if TYPE_CHECKING:
    from fluctua.stochastic.expressions import Graph

FUNCTIONS = ("exp", "log", "sin", "cos", "tanh", "sqrt")

LONGEST_TEXT = 1000
MOST_PARTS = 200
DEEPEST_NESTING = 40
LARGEST_POWER = 64

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


def read(
    graph: Graph,
    text: str | float,
    names: Mapping[str, str],
    where: str,
    *,
    quantities: bool,
    conditions: bool,
) -> int:
    """Add a formula to a graph: a quantity, a condition, or either; see `Graph.parse`."""
    return _Reader(graph, text, names, where).read(quantities, conditions)


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
            with one_at_a_time(), warnings.catch_warnings():
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
