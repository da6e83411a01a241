"""Specs as text: strict reading of TOML and JSON, TOML as a person would write it, the canonical form.

A *table* here is a dict of plain values: text, numbers, booleans, lists and tables. TOML is the format for
people; JSON is accepted and is what the run directory stores. Both are read strictly: at most 1 MB, no key
twice, no NaN or infinity, no dates.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from fluctua.stochastic.errors import InvalidInput, shown

LARGEST = 1_000_000  # bytes of a spec's text
DEEPEST = 32  # tables inside tables
_LONGEST_REASON = 200  # letters of what a parser says
LONGEST_KEY = 200  # letters; a path of a sweep is the longest
#: More dots in one key than tables may lie in each other: tomllib takes hours over half a million.
_DEEP_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{DEEPEST}}}""", flags=re.ASCII
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BESIDE_SCALARS = ("units", "initial")  # short tables written on one line above the others

Table = dict[str, Any]


# ---- reading


def read_table(text: str | bytes, kind: str, where: str = "", largest: int = LARGEST) -> Table:
    """Read the text of a spec.

    Parameters
    ----------
    text : str or bytes
        Bytes are UTF-8.
    kind : {"toml", "json"}
        The format.
    where : str
        A file's name, for errors.
    largest : int
        Bytes allowed.

    Raises
    ------
    InvalidInput
        Too long, not UTF-8, not of the format, a key twice, NaN or infinity, a date, too deep.
    """
    plain = _decoded(text, where, largest)
    try:
        table = _toml(plain, where) if kind == "toml" else json.loads(plain, object_pairs_hook=_without_twins)
    except InvalidInput:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"not {kind.upper()}: {_reason(error)}", where) from None
    if not isinstance(table, dict):
        raise InvalidInput(
            "not a table", where, "a spec is a table with keys such as system, dynamics, protocol"
        )
    check_plain(table, where)
    return table


def read_value(text: str, where: str = "") -> Any:
    """Read one value as TOML writes it; anything else is text, so that quotes may be left out.

    Errors name `where` it stands.
    """
    try:
        value = _toml(f"value = {text}", "")
    except InvalidInput:
        raise
    except (ValueError, RecursionError):
        return text
    if set(value) != {"value"}:
        raise InvalidInput("more than one value", where, "give one TOML value")
    check_plain(value["value"], where)
    return value["value"]


def _toml(text: str, where: str) -> Table:
    if _DEEP_KEY.search(text):
        raise InvalidInput("nested too deeply", where)
    return tomllib.loads(text)


def _decoded(text: str | bytes, where: str, largest: int) -> str:
    if len(text) > largest:
        raise InvalidInput(f"{len(text):,} bytes is too long", where, f"a spec has at most {largest:,}")
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"not UTF-8 at byte {error.start}", where) from None


def _reason(error: Exception) -> str:
    text = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."


def _without_twins(pairs: list[tuple[str, Any]]) -> Table:
    table = dict(pairs)
    if len(table) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twin = next(key for key in counts if counts[key] > 1)
        raise ValueError(f"the key {shown(twin)} stands twice")
    return table


def check_plain(value: object, where: str = "", depth: int = 0) -> None:
    """Refuse what a spec cannot hold: NaN, infinity, dates, `null`, control characters, too deep nesting."""
    if depth > DEEPEST:
        raise InvalidInput("nested too deeply", where)
    if isinstance(value, Mapping):
        for key, inside in value.items():
            check_plain(key, where)
            if isinstance(key, str) and len(key) > LONGEST_KEY:
                raise InvalidInput(f"a key of {len(key):,} letters", where, f"at most {LONGEST_KEY}")
            check_plain(inside, dotted(where, key), depth + 1)
    elif isinstance(value, list | tuple):
        for number, inside in enumerate(value):
            check_plain(inside, dotted(where, number), depth + 1)
    elif isinstance(value, str):
        _check_string(value, where)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(f"{value} is not finite", where)
    elif isinstance(value, int):
        if abs(value) >= 2**64:
            raise InvalidInput("an integer of more than 64 bits", where)
    else:
        raise InvalidInput(
            f"{type(value).__name__} is not a kind of value here",
            where,
            "write text, numbers, lists or tables",
        )


def _check_string(value: str, where: str) -> None:
    if not value.isprintable():  # also refuses surrogates, which no UTF-8 file can hold
        raise InvalidInput("text with control characters", where)


def dotted(where: str, key: object) -> str:
    """Join a path and one more key or list number: ``protocol.steps`` and 0 give ``protocol.steps.0``."""
    return f"{where}.{key}" if where else str(key)


# ---- the canonical form


def canonical(value: object) -> bytes:
    """Write a table so that equal tables have equal bytes: keys sorted, whole numbers without a point."""
    text = json.dumps(
        _normal(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return text.encode("ascii")


def _normal(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _normal(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(inside) for inside in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)  # 1 and 1.0 compare equal, so they share a digest
    return value


# ---- writing


def write_json(table: Table) -> str:
    """Write a table as indented JSON."""
    return json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_toml(table: Mapping[str, Any]) -> str:
    """Write a spec's table: scalars first, one `[table]` a part, a line for each step and each bath."""
    head = {
        key: value for key, value in table.items() if not isinstance(value, Mapping) or key in _BESIDE_SCALARS
    }
    blocks = [_lines(head)] if head else []
    blocks += [f"[{_key(key)}]\n{_lines(value)}".rstrip() for key, value in table.items() if key not in head]
    return "\n\n".join(blocks) + "\n"


def _lines(table: Mapping[str, Any]) -> str:
    entries = sorted(table.items(), key=lambda entry: _is_list_of_tables(entry[1]))  # long lists stand last
    return "\n".join(f"{_key(key)} = {_entry(key, value)}" for key, value in entries)


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _entry(key: str, value: Any) -> str:
    """Write one value of a table: a list of tables takes a line an item, whole numbers are grouped."""
    if _is_list_of_tables(value):
        items = [_name_last(item) if key == "steps" else item for item in value]
        return "[\n" + "".join(f"  {_inline(item)},\n" for item in items) + "]"
    if isinstance(value, int) and not isinstance(value, bool) and key != "seed" and abs(value) >= 10_000:
        return f"{value:_}"
    return _inline(value)


def _name_last(step: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(step.items(), key=lambda entry: entry[0] == "name"))


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{_joined(value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return number_text(value) if isinstance(value, float) else str(value)


def _joined(values: Iterable[object]) -> str:
    return ", ".join(_inline(value) for value in values)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def number_text(value: float) -> str:
    """Write a number in its shortest exact form, without the zero that Python puts into exponents: 2e-5."""
    return re.sub(r"e([+-]?)0*(\d)", lambda found: "e" + found[1].replace("+", "") + found[2], repr(value))
