"""Dotted paths into a spec: ``protocol.steps.0.k``, ``dynamics.baths.hot.friction``.

They are the same in Python, in TOML, in errors, and on the command line.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fluctua.ensembles.text import DEEPEST, LONGEST_KEY
from fluctua.stochastic.errors import InvalidInput, not_among, shown
from fluctua.stochastic.values import Value


def plain(value: Any) -> Any:
    """Give plain tables, lists and numbers in place of values, tuples and NumPy objects."""
    if isinstance(value, Value):
        return value.tagged()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def with_changes(table: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Give a copy of a table with the parts at some paths replaced; None takes a part out."""
    if not isinstance(changes, Mapping):
        raise InvalidInput(f"{shown(changes)} is no table of changes", "", "write {path: value}")
    for path, value in changes.items():
        if not isinstance(path, str) or not all(path.split(".")):
            raise InvalidInput(f"{shown(path)} is not a path", "", 'write dotted keys, "dynamics.friction"')
        if path.count(".") >= DEEPEST or len(path) > LONGEST_KEY:
            raise InvalidInput(f"{shown(path)} is too long for a path", "", f"at most {DEEPEST} keys")
        table = _put(table, path.split("."), plain(value), [])
    return table


def _put(node: Any, keys: list[str], value: Any, above: list[str]) -> Any:
    """Replace what stands at `keys` below `node`, without touching `node` itself."""
    key, rest, here = keys[0], keys[1:], [*above, keys[0]]
    if isinstance(node, list):
        place = _item(node, key, ".".join(here))
        new = value if not rest else _put(node[place], rest, value, here)
        return [*node[:place], *([] if new is None else [new]), *node[place + 1 :]]
    if not isinstance(node, dict):
        raise InvalidInput(f"{shown(node)} has no parts", ".".join(above), f"there is no {key!r} in it")
    new = value if not rest else _put(node.get(key, _missing(here)), rest, value, here)
    return {name: item for name, item in {**node, key: new}.items() if item is not None}


def _missing(path: list[str]) -> dict[str, Any]:
    """Give what a path leads through where the table left a default out."""
    return {"kind": "Equilibrium"} if path == ["initial"] else {}


def _item(items: list[Any], key: str, path: str) -> int:
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if key in names:
        return names.index(key)
    if key.isascii() and key.isdigit() and int(key) < len(items):
        return int(key)
    known = [str(name) for name in names if name is not None] or [str(k) for k in range(len(items))]
    raise not_among(key, "item", known, path)


def leaves(node: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Walk a table: each path with what stands there; lists of tables by their items' names, else numbers."""
    if isinstance(node, Mapping) and node:
        for key, item in node.items():
            yield from leaves(item, f"{above}.{key}" if above else str(key))
    elif isinstance(node, list) and node and all(isinstance(item, Mapping) for item in node):
        for number, item in enumerate(node):
            yield from leaves(item, f"{above}.{item.get('name', number)}")
    else:
        yield above, node


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """List the paths where two tables differ, with both values; None where one has nothing there."""
    a, b = dict(leaves(one)), dict(leaves(other))
    paths = [*a, *(path for path in b if path not in a)]
    return [(path, a.get(path), b.get(path)) for path in paths if a.get(path) != b.get(path)]


def explicit(value: Value) -> dict[str, Any]:
    """Give a value's table with its defaults written out, so that a default can be compared with a choice."""
    table: dict[str, Any] = {"kind": value.kind}
    for parameter in list(inspect.signature(type(value).__init__).parameters.values())[1:]:
        item = value.__dict__.get(parameter.name)
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            table |= {key: _explicit(inside) for key, inside in (item or {}).items()}
        elif item is not None:
            table[parameter.name] = _explicit(item)
    return table


def _explicit(item: Any) -> Any:
    if isinstance(item, Value):
        return explicit(item)
    if isinstance(item, list | tuple):
        return [_explicit(inside) for inside in item]
    if isinstance(item, Mapping):
        return {key: _explicit(inside) for key, inside in item.items()}
    return item
