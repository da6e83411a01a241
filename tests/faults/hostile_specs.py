"""Hostile spec files: classes written by hand, and sound examples with some bytes changed."""

from __future__ import annotations

import base64
import copy
import json
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jump_specs import DOT, QUBIT

EXAMPLES = Path(__file__).parents[2] / "examples"
SOUND = {path.name: path.read_bytes() for path in sorted(EXAMPLES.glob("*.toml"))}
PLAIN: dict[str, Any] = {
    "trajectories": 100,
    "time_step": 0.5,
    "seed": 1,
    "system": {"kind": "Potential", "energy": "q**2/2 - E*q", "coordinates": ["q"], "controls": ["E"]},
    "dynamics": {"kind": "Underdamped", "mass": 1.0, "friction": 1.0},
    "protocol": {"beta": 1.0, "steps": [{"kind": "Isothermal", "duration": 3.0, "E": [1.0, 0.0]}]},
    "record": {"top": "max(q**2)"},
}
#: Sound tables that are no files among the examples: jumps of levels, and of wave functions.
JUMPS = [
    DOT,
    QUBIT,
    QUBIT
    | {
        "system": {
            "kind": "Hamiltonian",
            "energy": "e*n + f*(a + b)",
            "controls": ["e", "f"],
            "operators": {
                "n": [[0.0, 0.0], [0.0, 1.0]],
                "a": [[0.0, 1.0], [0.0, 0.0]],
                "b": [[0.0, 0.0], [1.0, 0.0]],
            },
        },
        "dynamics": {
            "kind": "QuantumJump",
            "baths": [{"kind": "LocalBath", "name": "left", "on": "a", "rate": 0.1, "quantum": "e"}],
            "measured": False,
        },
        "protocol": {
            "beta": 1.0,
            "steps": [{"kind": "Isothermal", "duration": 1.0, "e": [1.0, 2.0], "f": 0.1}],
        },
        "initial": {"kind": "Point", "amplitudes": [0.6, [0.0, 0.8]]},
    },
    {
        "trajectories": 100,
        "seed": 1,
        "paths": 10,
        "system": {
            "kind": "Levels",
            "energy": {"a": "0", "b": "u*E", "c": "E/2"},
            "controls": ["E"],
            "parameters": {"u": 0.7},
        },
        "dynamics": {
            "kind": "MarkovJump",
            "baths": [
                {"kind": "Arrhenius", "name": "hot", "on": ["a -> b", "b -> c"], "rate": 1.0, "barrier": "2"},
                {"kind": "BoseBath", "name": "cold", "on": "a -> c", "rate": 0.5, "spectrum": "omega"},
                {
                    "kind": "Rates",
                    "name": "own",
                    "on": "c -> b",
                    "forward": "2*exp(beta*E/2)",
                    "backward": "2*exp(beta*u*E)",
                },
            ],
            "housekeeping": True,
        },
        "protocol": {
            "beta": {"hot": 1.0, "cold": 2.0, "own": 1.5},
            "steps": [
                {"kind": "Thermostatic", "duration": 1.0, "beta": {"hot": [1.0, 0.5]}, "E": [1.0, 2.0]}
            ],
        },
        "initial": {"kind": "Populations", "a": 0.25, "b": 0.75},
    },
]
HUGE = (
    "1e999",
    "-1e999",
    "nan",
    "inf",
    "-inf",
    "9" * 4301,
    "9" * 400,
    "0x" + "f" * 99_999,
    "1e308",
    "5e-324",
)
HUGE += ("10**9", "true", "1_0", "1979-05-27", "07:32:00", "18446744073709551616", "-1", "0", "1e-999")
NUMBERS = ("trajectories", "time_step", "seed", "paths", "path_every", "protocol.cycles", "dynamics.mass")
PATHS = (
    "../x",
    "/etc/passwd",
    "a/b",
    "a\nb",
    "\x1b]0;x\x07",
    "\x1b[31m",
    "\x9b31m",
    "a\x00b",
    "‮abc",
    "~",
    "CON",
)
TERMINAL = (
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x9b2J",
    "\r",
    "\x08",
    "\x7f",
    "\u202e",
    "\u2028",
    "\x85",
    "\ud800",
)


def toml_case(text: str | bytes, *more: str, name: str = "spec.toml") -> dict[str, Any]:
    """Make a case of a spec's bytes, with further words of the command line."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return {"text": base64.b64encode(data).decode(), "name": name, "more": list(more)}


def json_case(table: object) -> dict[str, Any]:
    """Make a case of a table as JSON; what is text already stays as it is."""
    return toml_case(table if isinstance(table, str) else json.dumps(table), name="spec.json")


def with_value(path: str, value: object) -> dict[str, Any]:
    """Copy the plain table with one value changed."""
    table: dict[str, Any] = json.loads(json.dumps(PLAIN))
    *above, last = path.split(".")
    node = table
    for key in above:
        node = node.setdefault(key, {})
    node[last] = value
    return table


def by_hand(large: bool = True) -> Iterator[dict[str, Any]]:
    """Give the classes that somebody who means harm would try; the slow ones only if asked."""
    yield from _numbers()
    yield from _structures()
    yield from _texts()
    yield from _names()
    yield from _bounds()
    yield from _bytes()
    if large:
        yield from _sizes()


def _plain_toml() -> str:
    return SOUND["drag.toml"].decode()


def _numbers() -> Iterator[dict[str, Any]]:
    text = json.dumps(PLAIN)
    for value in HUGE:
        yield toml_case(f"time_step = {value}\n{_plain_toml()}".replace("time_step = 0", "ignored = 0", 1))
        for key in (
            '"trajectories": 100',
            '"time_step": 0.5',
            '"mass": 1.0',
            '"beta": 1.0',
            '"E": [1.0, 0.0]',
        ):
            yield json_case(text.replace(key, f"{key.split(':')[0]}: {value}"))
    for path in NUMBERS:
        for number in (
            True,
            2**63,
            2**64,
            -(2**63),
            10**400,
            1e308,
            5e-324,
            1e15,
            10**12,
            10**9,
            1.5,
            "1",
            None,
            [],
        ):
            yield json_case(with_value(path, number))


def _structures() -> Iterator[dict[str, Any]]:
    for depth in (33, 100, 1000, 10_000, 100_000):
        yield json_case("[" * depth + "]" * depth)
        yield json_case('{"a":' * depth + "1" + "}" * depth)
        yield json_case(json.dumps(PLAIN)[:-1] + ', "x": ' + "[" * depth + "]" * depth + "}")
        yield toml_case("x = " + "[" * depth + "]" * depth)
        yield toml_case("x = " + "{a=" * depth + "1" + "}" * depth)
        yield toml_case(".".join(["a"] * depth) + " = 1")
        yield toml_case("[" + ".".join(["a"] * depth) + "]\nb = 1")
        yield toml_case("[" + ".".join(['"a"'] * depth) + "]\nb = 1")
        yield toml_case("x = {" + " . ".join(["a"] * depth) + " = 1}")
    for table in ([], 1, "x", None, [PLAIN], {}, {"system": []}, {"spec": PLAIN}):
        yield json_case(json.dumps(table))
    for part in ("system", "dynamics", "protocol", "record", "units", "initial", "sweep"):
        for value in (
            None,
            1,
            "x",
            [],
            [1],
            [[]],
            {"kind": []},
            {"kind": "x"},
            {"": 1},
            {"kind": "Potential"},
        ):
            yield json_case(with_value(part, value))
    twins = (
        '"mass": 1.0',
        '"kind": "Underdamped"',
        '"trajectories": 100',
        '"duration": 3.0',
        '"top": "max(q**2)"',
    )
    for twin in twins:
        yield json_case(json.dumps(PLAIN).replace(twin, f"{twin}, {twin}"))
    yield json_case('{"a": 1, "' + "b" * 900_000 + '": 1, "' + "b" * 900_000 + '": 2}')
    yield toml_case("a = 1\na = 2\n" + _plain_toml())


def _texts() -> Iterator[dict[str, Any]]:
    places = (
        "system.energy",
        "record.top",
        "units.energy",
        "units.temperature",
        "direction",
        "dynamics.scheme",
    )
    places += ("system.coordinates", "protocol.steps", "dynamics.kind", "initial.kind", "system.parameters")
    texts = ("x" * 900_000, "(" * 100_000, "J" + " " * 900_000 + "*", "1+" * 300_000 + "1", "a.b" * 200_000)
    texts += ("é" * 1000, "J " + "mol^999 " * 60, "J" * 5000, *TERMINAL[:-1], *PATHS)
    for place in places:
        for text in texts:
            yield json_case(with_value(place, text))
    table = with_value("units.temperature", "K")
    table["protocol"] = {
        "temperature": 1.0,
        "steps": [{"kind": "Isothermal", "duration": 3.0, "E": [1.0, 0.0]}],
    }
    for energy in (
        "J " + "mol^999 " * 60,
        "J mol^999",
        "J/mol^999",
        "yJ",
        "J " + "kcal/" * 99 + "kcal",
        "J" + " " * 9,
    ):
        table["units"]["energy"] = energy
        yield json_case(table)


def _names() -> Iterator[dict[str, Any]]:
    words = (
        "work",
        "heat_hot",
        "t",
        "pi",
        "exp",
        "self",
        "kind",
        "class",
        "__class__",
        "lambda",
        "q_final",
        "x" * 65,
    )
    words += ("x" * 900_000, "q q", "", " ", "ｑ", "ﬁ", "q\u0301", "µ", "K", *PATHS, *TERMINAL)
    for word in words:
        yield json_case(with_value("system.coordinates", [word]))
        yield json_case(with_value("system.controls", ["E", word]))
        yield json_case(with_value("system.parameters", {word: 1.0}))
        yield json_case(with_value("record", {word: "final(q)"}))
        yield json_case(with_value("protocol.steps", [{"kind": "Hold", "duration": 3.0, "name": word}]))
        yield json_case(
            with_value("dynamics", {"kind": "Overdamped", "baths": [{"name": word, "friction": 1.0}]})
        )
        yield json_case({**PLAIN, word: 1})
        yield json_case(
            with_value("dynamics", {"kind": "Underdamped", "friction": 1.0, "mass": 1.0, word: 1})
        )
        yield json_case(with_value("protocol", {**PLAIN["protocol"], word: 1.0}))
        yield json_case(with_value("sweep", {word: [1, 2]}))
        yield toml_case(SOUND["bead.toml"], "--set", f"{word or 'x'}=1")
        yield toml_case(SOUND["bead.toml"], "--set", f"seed={word or '1'}")


def _sizes() -> Iterator[dict[str, Any]]:
    many = [f"x{k}" for k in range(90_000)]
    hold = {"kind": "Hold", "duration": 0.5}
    yield json_case(with_value("system.coordinates", many))
    yield json_case(with_value("system.controls", many))
    yield json_case(with_value("system.parameters", dict.fromkeys(many[:70_000], 1.0)))
    yield json_case(with_value("record", dict.fromkeys(many[:40_000], "final(q)")))
    yield json_case(with_value("protocol.steps", [{"kind": "Quench", "E": 1.0}] * 25_000))
    yield json_case(with_value("protocol.steps", [PLAIN["protocol"]["steps"][0], *[hold] * 20_000]))
    odd = [{"kind": "Hold", "duration": 0.001 * k} for k in range(1, 15_000)]
    yield json_case(with_value("protocol.steps", [PLAIN["protocol"]["steps"][0], *odd]))
    yield json_case(
        with_value(
            "dynamics", {"kind": "Overdamped", "baths": [{"name": x, "friction": 1} for x in many[:25_000]]}
        )
    )
    few = [{"name": x, "friction": 1} for x in many[:300]]
    table = with_value("dynamics", {"kind": "Overdamped", "baths": few})
    table["protocol"]["steps"] += [hold] * 20_000
    yield json_case(table)
    yield json_case(with_value("protocol", {**PLAIN["protocol"], **dict.fromkeys(many[:60_000], 1.0)}))
    yield json_case(with_value("protocol.beta", dict.fromkeys(many[:60_000], 1.0)))
    yield json_case(with_value("system.forces", dict.fromkeys(many[:60_000], "q")))
    yield json_case(
        with_value("protocol.steps", [{"kind": "Isothermal", "duration": 3.0, "E": [0.5] * 180_000}])
    )
    yield toml_case("\n".join(f"[a{k}]" for k in range(100_000)))
    yield toml_case("\n".join("[[a]]" for _ in range(150_000)))
    yield toml_case("\n".join(f"a.b{k} = 1" for k in range(80_000)))
    yield json_case(with_value("protocol.cycles", 10**6))


def _bounds() -> Iterator[dict[str, Any]]:
    """Give what is refused for its size before it costs anything."""
    many = [f"x{k}" for k in range(1001)]
    yield json_case(with_value("system.coordinates", many))
    yield json_case(with_value("system.controls", many))
    yield json_case(with_value("system.parameters", dict.fromkeys(many, 1.0)))
    yield json_case(with_value("record", dict.fromkeys(many, "final(q)")))
    yield json_case(with_value("system.forces", dict.fromkeys(many, "q")))
    yield json_case(with_value("protocol.beta", dict.fromkeys(many, 1.0)))
    baths = [{"name": x, "friction": 1} for x in many]
    yield json_case(with_value("dynamics", {"kind": "Overdamped", "baths": baths}))
    yield json_case({**PLAIN, "trajectories": 10**9, "time_step": 3e-9})
    yield json_case({**PLAIN, "trajectories": 10**12, "paths": 10**12})
    yield json_case({**PLAIN, "time_step": 3e-15})
    yield json_case({**PLAIN, "trajectories": 10**12})
    yield json_case({**PLAIN, "trajectories": 10**9, "paths": 10**9, "strokes": True, "time_step": 1e-6})
    axes = {
        f"{place}": [1.0 + k for k in range(1000)]
        for place in ("seed", "dynamics.mass", "protocol.beta", "time_step")
    }
    yield json_case(with_value("sweep", axes | {"seed": list(range(1000))}))
    yield json_case({**PLAIN, "sweep": axes | {"seed": list(range(1000))}})
    yield json_case({**PLAIN, "sweep": {f"k{k}": [1, 2] for k in range(10_000)}})
    yield json_case("{" + ", ".join(f'"k{k}": 1' for k in range(70_000)) + ', "k0": 2}')
    yield toml_case("x = '" + "'" * 900_000)
    yield toml_case("#" * 999_999)
    yield json_case({**PLAIN, "sweep": {f"k{k}": [1, 2] for k in range(16_000)}})
    yield json_case({**PLAIN, "sweep": [{}] * 110_000})
    for path in (
        "a." * 5000 + "b",
        "protocol.steps." + "9" * 5000,
        "a" * 90_000,
        "protocol.steps.\u00b2.E",
        "..",
        "a.\tb",
    ):
        yield toml_case(SOUND["bead.toml"], "--set", f"{path}=1")
        yield json_case({**PLAIN, "sweep": {path: [1, 2]}})
    for value in (
        "1\nb = 2",
        "[" * 5000,
        "{" + "a." * 5000 + "b = 1}",
        "9" * 5000,
        "nan",
        "1e999",
        "'",
        '"\u001b[2J"',
        "\udcff",
    ):
        yield toml_case(SOUND["bead.toml"], "--set", f"protocol.k={value}")
    for size in (1_000_001, 5_000_000):
        yield toml_case(b"#" * size)
        yield json_case(" " * size)


def _bytes() -> Iterator[dict[str, Any]]:
    sound = SOUND["drag.toml"]
    yield toml_case(b"")
    for junk in (
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\x1b[31m",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xc0\x80",
    ):
        yield toml_case(junk + sound)
        yield toml_case(sound[:60] + junk + sound[60:])
        yield toml_case(sound + junk)
        yield toml_case(junk + json.dumps(PLAIN).encode(), name="spec.json")
        yield toml_case(junk * 100_000)
    yield toml_case(sound.decode().encode("utf-16"))
    yield toml_case(sound.replace(b"\n", b"\r"))
    yield toml_case(sound, name="spec.json")
    yield toml_case(json.dumps(PLAIN))
    for place in PATHS:
        yield {"arguments": ["run", place.replace("\x00", "") + "-none.toml"]}


PUT = [
    b"",
    b"\x00",
    b"-",
    b"=",
    b"[",
    b"]]",
    b'"',
    b"'''",
    b"\n",
    b"9",
    b".",
    b"nan",
    b"1e999",
    b"\xff",
    b"\x1b[2J",
]
PUT += [
    b"{",
    b"}",
    b",",
    b"true",
    b"#",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"**",
    b"99999999",
    b"(",
    b")",
    b"exp(",
    b"[sweep]\n",
]


def mutants(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Change, remove, double or exchange some bytes of a sound example."""
    chance = random.Random(seed)
    tables = [json.dumps(table).encode() for table in (PLAIN, *JUMPS)]
    texts = [*SOUND.values(), *tables]
    for _ in range(count):
        which = chance.randrange(len(texts))
        text = texts[which]
        for _ in range(chance.randint(1, 5)):
            text = _changed(text, chance)
        yield toml_case(text, name="spec.json" if which >= len(SOUND) else "spec.toml")


def _changed(text: bytes, chance: random.Random) -> bytes:
    at, width = chance.randrange(len(text) + 1), chance.randint(0, 12)
    put = chance.choice([*PUT, text[at : at + 60], bytes([chance.randrange(256)])])
    return text[:at] + put + text[at + width :]


ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    3,
    10**30,
    2**64,
    -0.0,
    1e-300,
    1e300,
    5e-324,
    float("nan"),
    float("inf"),
    "",
    "x",
]
ODD += [
    "q",
    "1",
    "q +",
    "t",
    "é",
    "\x00",
    "a\nb",
    "\x1b[2J",
    "../x",
    "lambda: 0",
    "q.__class__",
    "1/0",
    "9" * 400,
    "(" * 60,
]
ODD += [
    [],
    {},
    [[]],
    [{}],
    [None],
    [1.0],
    [1.0, 2.0],
    ["x", "x"],
    {"kind": "Hold"},
    {"kind": 3},
    {"x": 1.0},
    {"hot": "a"},
    "a -> b",
    "level_0",
    "omega",
    [[0.0, 1.0], [1.0, 0.0]],
    [[0.0, [0.0, -1.0]], [[0.0, 1.0], 0.0]],
]


def odd_tables(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Put something odd into one to three places of a sound table."""
    chance = random.Random(seed)
    texts = [json.dumps(tomllib.loads(text.decode())) for text in SOUND.values()]
    texts += [json.dumps(table) for table in (PLAIN, *JUMPS)]
    for _ in range(count):
        table = json.loads(chance.choice(texts))
        for _ in range(chance.randint(1, 3)):
            _make_odd(table, chance)
        yield json_case(table)


def _make_odd(node: Any, chance: random.Random) -> None:
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = chance.choice(keys)
        if not isinstance(node[key], dict | list) or not node[key] or chance.random() < 0.2:
            break
        node = node[key]
    if isinstance(node, dict) and chance.random() < 0.3:
        node[
            chance.choice(["kind", "name", "beta", "x", "q", "", "durations", "heat", "on", "rate", "\x1b"])
        ] = node.pop(key)
    else:
        node[key] = copy.deepcopy(chance.choice(ODD))
