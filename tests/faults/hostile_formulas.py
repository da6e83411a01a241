"""Hostile formulas: what Python would carry out if it were asked, and what only looks like a formula."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

from faults import hostile_specs

#: Classes of attack, with the names that each place knows put for NAME.
ATTACKS = (
    "__import__('os').system('touch planted')",
    "NAME.__class__.__mro__[1].__subclasses__()",
    "().__class__.__bases__[0]",
    "NAME.real",
    "NAME.__add__(1)",
    "exp.__globals__",
    "exp.__self__",
    "getattr(NAME, 'real')",
    "eval(NAME)",
    "exec(NAME)",
    "open(NAME)",
    "compile(NAME)",
    "globals()",
    "vars()",
    "breakpoint()",
    "lambda: 0",
    "(lambda NAME: NAME)(1)",
    "[NAME for NAME in range(9)]",
    "{NAME: 1}",
    "{NAME}",
    "(NAME, NAME)",
    "[NAME][0]",
    "NAME[0]",
    "NAME if NAME else NAME",
    "(NAME := 1)",
    "(yield NAME)",
    "(yield from NAME)",
    "await NAME",
    "f'{NAME}'",
    "'NAME'",
    "b'NAME'",
    "1j*NAME",
    "...",
    "None",
    "True + NAME",
    "NAME @ NAME",
    "NAME // 2",
    "NAME % 2",
    "NAME << 2",
    "NAME ^ 2",
    "~NAME",
    "not NAME",
    "NAME and NAME",
    "NAME is NAME",
    "NAME in NAME",
    "NAME == NAME",
    "exp(NAME)(NAME)",
    "exp(exp)(NAME)",
    "exp(*NAME)",
    "exp(**NAME)",
    "exp(x=NAME)",
    "exp(NAME, NAME)",
    "exp()",
    "exp",
    "9**9**9",
    "NAME**9**9",
    "NAME**99",
    "NAME**-65",
    "NAME**0.5",
    "NAME**NAME",
    "2**64**64**64",
    "((((NAME**64)**64)**64)**64)**64",
    "exp(exp(exp(NAME)))",
    "1/0",
    "0/0*NAME",
    "1e999*NAME",
    "1e308*1e308*NAME",
    "0**-1",
    "log(-1)",
    "NAME; import os",
    "NAME\nimport os",
    "NAME \\\n + 1",
    "NAME # comment",
    "# comment",
    "\x00",
    "NAME\x00",
    "\ufeffNAME",
    "ｅｘｐ(NAME)",
    "\uff4eame",
    "ℯ",
    "𝓆 + 1",
    "q\u0301",
    "\u2028NAME",
    "NAME\u200b",
    "\u202eNAME",
    "\x1b[2JNAME",
    "\u2003NAME",
    "NAME\x0c+1",
    "NAME\x1c+1",
    "\udcff",
    "print(NAME)",
    "import os",
    "del NAME",
    "NAME = 1",
    "NAME += 1",
    "return NAME",
    "class X: pass",
    "1_000*NAME",
    "0x10*NAME",
    "0b1*NAME",
    "0777",
    "1.e5NAME",
    "1or 2",
    "1if 2else 3",
    "NAME.5",
    ".5.NAME",
    "pi(NAME)",
    "pi.real",
    "integral(NAME)",
    "max(NAME)",
    "final(final(NAME))",
    "first(NAME > 0)",
    "t", "s", "self", "kind", "q_0", "c_0", "v_0", "t0",
    "fma(NAME, 1, 1)", "np.exp(NAME)", "math.pi", "inf", "nan",
)  # fmt: skip


def deep_and_long(
    sizes: tuple[int, ...] = (39, 41, 99, 101, 201, 490, 1100, 20_000, 400_000),
) -> Iterator[str]:
    """Give formulas that are too much of something, from just within the limits to far beyond."""
    for many in sizes:
        yield "(" * many + "NAME" + ")" * many
        yield "-" * many + "NAME"
        yield "not " * many + "NAME"
        yield "+".join(["NAME"] * many)
        yield "*".join(["NAME"] * many)
        yield "**".join(["NAME"] * many)
        yield "/".join(["NAME"] * many)
        yield " < ".join(["NAME"] * many)
        yield " and ".join(["NAME > 0"] * many)
        yield "exp(" * many + "NAME" + ")" * many
        yield "sin(" * many
        yield "NAME" * many
        yield "9" * many
        yield "0." + "1" * many
        yield "1e" + "9" * many
        yield "0x" + "f" * many
        yield "(NAME+1)**64*" * many + "1"
        yield "NAME" + " " * many + "+1"
        yield "NAME" + "\n" * many + "+1"
        yield "[" * many
        yield "NAME." * many + "x"
        yield "NAME(" * many
        yield "lambda:" * many + "0"
        yield "integral(" * many + ")" * many
        yield "," * many
        yield "\\" * many
        yield "'" * many


PIECES = (
    "NAME",
    "1",
    "2.5",
    "1e300",
    "pi",
    "exp",
    "log",
    "sqrt",
    "tanh",
    "(",
    ")",
    "+",
    "-",
    "*",
    "/",
    "**",
    "-64",
    "64",
)
PIECES += (
    "<",
    ">",
    "<=",
    " and ",
    " or ",
    "not ",
    ",",
    ".",
    "_",
    "__",
    " ",
    "\n",
    "\t",
    "0",
    "[",
    "]",
    "{",
    "}",
    ":",
    ":=",
)
PIECES += (
    "'",
    '"',
    "\\",
    "#",
    ";",
    "@",
    "%",
    "^",
    "lambda ",
    " if ",
    " else ",
    " for ",
    " in ",
    "yield ",
    "import ",
    "é",
    "ｑ",
)
PIECES += (
    "\x00",
    "\x1b",
    "1j",
    "0x1f",
    "__import__",
    ".__class__",
    "True",
    "None",
    "...",
    "=",
    "==",
    "!",
    "$",
    "?",
    "`",
    "~",
)


def garbled(count: int, seed: int) -> Iterator[str]:
    """Put pieces together by chance, more of those that a formula may contain."""
    chance = random.Random(seed)
    for _ in range(count):
        few = PIECES[:26] if chance.random() < 0.6 else PIECES
        yield "".join(chance.choice(few) for _ in range(chance.randint(1, 24)))


PLACES = (
    "energy", "force", "period", "parameter", "ramp", "beta", "record", "where", "success", "set",
)  # fmt: skip


def cases(formulas: Iterable[str], start: int = 0) -> Iterator[dict[str, Any]]:
    """Put each formula into one of the places where formulas stand, one place after the other."""
    for number, formula in enumerate(formulas, start):
        yield case(PLACES[number % len(PLACES)], formula)


def everywhere(attacks: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Put each attack into every place."""
    for attack in attacks:
        yield case("energy", attack) | ({"attack": attack} if attack in ATTACKS else {})
        yield from (case(place, attack) for place in PLACES[1:])


def case(place: str, text: str) -> dict[str, Any]:
    """Make a case of a formula in one place."""
    inside = "s" if place in ("ramp", "beta") else "work" if place in ("where", "success") else "q"
    formula = text.replace("NAME", inside)
    system: dict[str, Any] = {"energy": "k*q**2/2", "coordinates": "q", "controls": "k"}
    match place:
        case "energy":
            return _python("potential", {**system, "energy": formula})
        case "force":
            return _python("potential", {**system, "forces": {"q": formula}})
        case "period":
            return _python("potential", {**system, "energy": "0*k", "periodic": {"q": formula}})
        case "parameter":
            return _python("potential", {**system, "parameters": {"a": formula}})
        case "ramp":
            return _python("protocol", formula, "E")
        case "beta":
            return _python("protocol", formula, "beta")
        case "record":
            return hostile_specs.json_case(hostile_specs.with_value("record.top", _recorded(formula)))
        case "where" | "success":
            return _python("column_formula", formula, place)
    given = (
        formula.replace("\x00", "\\0").encode("utf-8", "surrogateescape")[:100_000].decode("utf-8", "replace")
    )
    return hostile_specs.toml_case(hostile_specs.SOUND["bead.toml"], "--set", f"system.energy={given}")


def _recorded(formula: str) -> str:
    return (
        formula if formula.startswith(("integral(", "max(", "final(", "first(")) else f"integral({formula})"
    )


def _python(function: str, *arguments: Any) -> dict[str, Any]:
    return {"python": function, "arguments": list(arguments)}
