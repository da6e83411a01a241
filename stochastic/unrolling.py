"""Unroll the texts of `stochastic/kernels/` for a given number of coordinates.

The physics of a step is written once, for any number of coordinates, as plain Python:

    for i in COORDINATES:
        q[i] = fma(drift, v[i], q[i])

and unrolled, as text, into the straight line that a compiler keeps in registers:

    q_0 = fma(drift, v_0, q_0)
    q_1 = fma(drift, v_1, q_1)

Four rules are all there is. A loop over a name in `ranges` is written out. ``name[i]`` becomes ``name_<i>``,
or the value itself when `name` is in `constants`. An ``if`` whose condition is known is decided. A bare call
of a name in `insertions` is replaced by those lines.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any


def unroll(
    text: str,
    ranges: Mapping[str, int],
    constants: Mapping[str, object],
    insertions: Mapping[str, Sequence[str]],
) -> list[str]:
    """Write out the body of the one function in `text`; lines without indentation.

    Parameters
    ----------
    text : str
        A function definition; its name and docstring are dropped.
    ranges : mapping of str to int
        Names that loops run over, with their lengths.
    constants : mapping of str to number, bool or tuple
        Names known now: conditions and subscripts are decided with them.
    insertions : mapping of str to lines
        What stands for a bare call ``name()``.

    Returns
    -------
    list of str
    """
    definition = ast.parse(text).body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise TypeError("the text must be one function")
    body = definition.body[1:] if ast.get_docstring(definition) else definition.body
    lines: list[str] = []
    for statement in _Unroller(ranges, constants, insertions).block(body, {}):
        lines += ast.unparse(ast.fix_missing_locations(statement)).splitlines()
    return lines


class _Unroller:
    def __init__(
        self,
        ranges: Mapping[str, int],
        constants: Mapping[str, object],
        insertions: Mapping[str, Sequence[str]],
    ) -> None:
        self.ranges, self.constants, self.insertions = ranges, constants, insertions

    def block(self, statements: Sequence[ast.stmt], index: Mapping[str, int]) -> list[ast.stmt]:
        return [done for statement in statements for done in self.statement(statement, index)]

    def statement(self, node: ast.stmt, index: Mapping[str, int]) -> list[ast.stmt]:
        match node:
            case ast.For(target=ast.Name(id=variable), iter=ast.Name(id=name)) if name in self.ranges:
                turns = range(self.ranges[name])
                return [line for k in turns for line in self.block(node.body, {**index, variable: k})]
            case ast.If() if self.is_known(node.test, index):
                return self.block(node.body if self.value(node.test, index) else node.orelse, index)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=[])) if name in self.insertions:
                return self.block(ast.parse("\n".join(self.insertions[name])).body, index)
        return [_Names(self, index).visit(ast.parse(ast.unparse(node)).body[0])]

    def is_known(self, node: ast.expr, index: Mapping[str, int]) -> bool:
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        return names <= set(self.constants) | set(index)

    def value(self, node: ast.expr, index: Mapping[str, int]) -> Any:
        scope = {**self.constants, **index}
        return eval(
            compile(ast.Expression(node), "<kernel text>", "eval"), {"__builtins__": {}}, scope
        )  # our own text


class _Names(ast.NodeTransformer):
    """Rewrites ``name[i]`` inside one statement."""

    def __init__(self, unroller: _Unroller, index: Mapping[str, int]) -> None:
        self.unroller, self.index = unroller, index

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if not isinstance(node.value, ast.Name) or not self.unroller.is_known(node.slice, self.index):
            return node
        if self.unroller.is_known(node, self.index):
            return ast.Constant(self.unroller.value(node, self.index))
        which = self.unroller.value(node.slice, self.index)
        return ast.Name(f"{node.value.id}_{which}", node.ctx)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.index[node.id]) if node.id in self.index else node
