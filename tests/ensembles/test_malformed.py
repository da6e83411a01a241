"""Malformed specs, thousands: one line each, no other exception, nothing left behind."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.sweep import load_specs
from fluctua.ensembles.text import read_table
from fluctua.stochastic.errors import FluctuaError, InvalidInput, Unstable

FILES = {
    "stirling": """
trajectories = 100
time_step = 0.5
seed = 1
strokes = true
paths = 5
initial = { kind = "Equilibrium", beta = 1.0 }
[system]
kind = "Potential"
energy = "0.1*q**2 + b*q**4 - E*q"
coordinates = ["q"]
controls = ["E"]
parameters = { b = 0.05 }
[dynamics]
kind = "Underdamped"
mass = 1.0
friction = { q = 1.0 }
[protocol]
cycles = 3
steps = [
  { kind = "Isothermal", duration = 3.0, E = [1.0, 0.0], name = "hot isotherm" },
  { kind = "Thermostatic", duration = 3.0, beta = [1.0, 3.0] },
  { kind = "Isothermal", duration = 3.0, E = "s" },
  { kind = "Thermostatic", duration = 3.0, beta = [3.0, 1.0] },
]
[record]
top = "max(q**2)"
late = "first(q > 1)"
""",
    "gyrator": """
trajectories = 100
time_step = 0.01
seed = 1
direction = "reverse"
units = { energy = "pN nm", length = "nm", time = "us", temperature = "K" }
initial = { kind = "Steady", duration = 1.0 }
system = { kind = "Potential", energy = "(x**2 + y**2)/2", coordinates = ["x", "y"], forces = { x = "-y", y = "x" } }
protocol = { temperature = { hot = 300.0, cold = 200.0 }, steps = [{ kind = "Hold", duration = 0.4, baths = ["hot", "cold"] }] }
[dynamics]
kind = "Overdamped"
scheme = "heun"
baths = [{ name = "hot", on = "x", friction = 1.0 }, { name = "cold", on = ["y"], friction = 1.0 }]
""",  # noqa: E501
}
TABLES = [read_table(text, "toml") for text in FILES.values()]
ODD = [
    None, True, False, 0, -1, 1, 3, 10**30, -(10**30), 2**64, 0.0, -0.0, -2.5, 1e-300, 1e300, 5e-324,
    float("nan"), float("inf"), "", " ", "x", "q", "hot", "1", "q**2", "q^2", "t", "s", "q +",
    "(" * 60, "q" * 2000, "9" * 400, "__import__('os').system('true')", "q.__class__", "lambda: 0",
    "exp(exp(exp(q)))", "1/0", "0/0", "q**99", "log(-1)", "1e999", "\x00", "a\nb", "é", "\ud800", "../x",
    [], {}, [[]], [{}], {"x": {}}, [None], [1.0], [1.0, 2.0], ["x"], ["x", "x"], [1.0, float("nan")],
    [1, "a"], [[1.0, 2.0], [3.0]], {"kind": "Hold"}, {"kind": 3}, {"x": 1.0}, {"hot": "a"}, {1: 2},
    "Underdamped", "Steady", "first(q > 1)", "integral(q", "integral(q, z)", "BAOA", b"x", 1j, (1, 2),
]  # fmt: skip
NAMES = ["x", "q", "E", "kind", "t", "pi", "work", "heat_hot", "", "q_final", "v_q", "name", "durations"]
NAMES += ["beta", "1", "a b", "é"]


class Stop(Unstable):
    """Stands for the first thing that would cost time: no spec of these tests runs."""


@pytest.fixture(autouse=True)
def _no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise Stop("the spec was sound")

    monkeypatch.setattr("fluctua.ensembles.run.check_stability", stop)


def places(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All paths of a table, to values and to tables."""
    if above:
        yield above
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        yield from places(item, (*above, key))


def mutant(chance: random.Random) -> dict[str, Any]:
    """Give a sound table with one to three things wrong."""
    table = copy.deepcopy(chance.choice(TABLES))
    for _ in range(chance.randint(1, 3)):
        place = chance.choice(list(places(table)) or [("trajectories",)])
        parent: Any = table
        for key in place[:-1]:
            parent = parent[key]
        how = chance.choice(["replace", "replace", "replace", "remove", "rename", "add", "double"])
        if how == "replace" or isinstance(parent, list):
            parent[place[-1]] = copy.deepcopy(chance.choice(ODD))
        elif how == "remove":
            parent.pop(place[-1], None)
        elif how == "rename":
            parent[chance.choice(NAMES)] = parent.pop(place[-1], None)
        elif how == "add":
            parent[chance.choice(NAMES)] = copy.deepcopy(chance.choice(ODD))
        else:
            value = parent.get(place[-1])
            parent[place[-1]] = [value, copy.deepcopy(value)]
    return table


def told(error: FluctuaError) -> bool:
    """An error of one short line that a person can read, with an exit code of bad input."""
    text = str(error)
    return "\n" not in text and 0 < len(text) < 400 and error.exit_code in (2, 3)


def refused(simulated: Callable[[Path], object], place: Path) -> bool:
    """Whether a run is refused in one line, with nothing left behind."""
    before = list(place.iterdir())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            simulated(place / "run")
        except (InvalidInput, Stop) as error:
            return told(error) and list(place.iterdir()) == before
    return False


def test_a_malformed_table_is_one_line(tmp_path: Path) -> None:
    """Drawn by seeds, which hypothesis would take four times as long to draw."""
    for seed in range(2000):
        table = mutant(random.Random(seed))
        assert refused(lambda out, table=table: simulate(EnsembleSpec.from_table(table), out), tmp_path), (
            table
        )


def garbled(chance: random.Random) -> str:
    """Give a sound file with some characters changed, lost, or doubled."""
    text = chance.choice(list(FILES.values()))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text))
        width = chance.randint(0, 8)
        pieces = [
            "",
            "\x00",
            "-",
            "=",
            "[",
            "]]",
            '"',
            "\n",
            "9",
            ".",
            "nan",
            "1e999",
            "é",
            text[at : at + 40],
        ]
        text = text[:at] + chance.choice(pieces) + text[at + width :]
    return text


def test_a_garbled_file_is_one_line(tmp_path: Path) -> None:
    for seed in range(1000):
        file = tmp_path / "spec.toml"
        file.unlink(missing_ok=True)
        file.write_text(garbled(random.Random(seed)), encoding="utf-8")
        assert refused(lambda out, file=file: simulate(load_specs(file)[0], out), tmp_path), file.read_text()


def test_the_sound_tables_are_sound() -> None:
    """The control: without a fault the same path ends at the kernel."""
    for table in TABLES:
        with pytest.raises(Stop):
            simulate(EnsembleSpec.from_table(table))


@pytest.mark.parametrize(
    "text",
    [
        "[sweep]\nseed = [1, 2",
        "[sweep]\nseed = 3",
        "[[sweep]]\nseed = -1",
        "sweep = 3",
        "[sweep.seed]\nx = [1]",
    ],
)
def test_a_malformed_sweep_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        f"{text}\n{FILES['gyrator']}" if text[0] == "s" else f"{FILES['gyrator']}\n{text}\n"
    )
    with pytest.raises(InvalidInput) as caught:
        load_specs(tmp_path / "s.toml")
    assert told(caught.value)
