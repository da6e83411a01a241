"""Jump physics that does not construct: one line each, which names the field and says what to do."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import fluctua as fl
from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.errors import InvalidInput, Unstable
from jump_specs import DOT, QUBIT

WELL = {"kind": "Potential", "energy": "k/2*x**2", "coordinates": ["x"], "controls": ["k"]}
BATH = "dynamics.baths.0"
RATES = {"kind": "Rates", "name": "own", "on": "empty -> full", "forward": 1.0}
LOCAL = {"kind": "LocalBath", "name": "own", "on": "X", "rate": 0.1, "quantum": 1.0}
KELVIN = {"energy": "ueV", "temperature": "mK"}

#: Which spec, what is changed, the field that the error names, and some of its words.
REFUSED: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    # the Hamiltonian
    (
        QUBIT,
        {"system.energy": "X + epsilon*a", "system.operators": {"a": [[0.0, 1.0], [0.0, 0.0]]}},
        "system.energy",
        "a is not Hermitian",
    ),
    (QUBIT, {"system.energy": "X + epsilon*ZZ"}, "system.energy", "X has dimension 2 and ZZ has 4"),
    (QUBIT, {"system.operators": {"a": [[0.0, 1.0]]}}, "system.operators.a", "square"),
    (QUBIT, {"system.energy": "epsilon"}, "system.energy", "no operator"),
    (QUBIT, {"system.energy": "X*Z + epsilon"}, "system.energy", "write a sum"),
    (QUBIT, {"system.energy": "X + x*Z"}, "system.energy, column 5", "'x' is not declared"),
    (QUBIT, {"system.energy": "log(epsilon)*X"}, "system.energy", "not finite at epsilon = -0.49"),
    (QUBIT, {f"{BATH}.on": "ZZ"}, "dynamics.baths.left.on", "ZZ has dimension 4"),
    (QUBIT, {BATH: LOCAL | {"on": "XX"}}, "dynamics.baths.own.on", "XX has dimension 4"),
    (QUBIT, {BATH: LOCAL | {"quantum": None}}, "dynamics.baths.own", "or reverse=False"),
    # rates
    (
        QUBIT,
        {f"{BATH}.rate": "epsilon/100"},
        "dynamics.baths.left.rate",
        "is -0.00491667 at epsilon = -0.491667",
    ),
    (QUBIT, {f"{BATH}.spectrum": "-omega"}, "dynamics.baths.left.spectrum", "0 or more"),
    (DOT, {f"{BATH}.rate": "eps"}, "dynamics.baths.left", "negative, -0.731059 at eps = -1, time 0"),
    (DOT, {f"{BATH}.rate": "log(eps)"}, "dynamics.baths.left", "not finite"),
    (DOT, {"system.energy.full": "log(eps)"}, "system.energy.full", "is not finite"),
    # no way back, no balance
    (DOT, {BATH: RATES | {"backward": 0.0}}, "dynamics.baths.own", "no way back, so that it has no entropy"),
    (DOT, {BATH: RATES | {"backward": 1.0}}, "dynamics.baths.own", "breaks detailed balance at eps = -1"),
    # time
    (QUBIT, {"time_step": None, "path_every": None}, "time_step", "no time_step"),
    (QUBIT, {"time_step": 0.07}, "time_step, protocol.steps.up", "does not divide the duration"),
    (DOT, {"time_step": None}, "path_every", "without a time_step nothing is sampled"),
    (
        QUBIT,
        {"units": KELVIN | {"time": "week"}, "protocol.beta": None, "protocol.temperature": 20.0},
        "units.time",
        "Planck's constant is not known",
    ),
    # starts
    (
        QUBIT,
        {"initial": {"kind": "Point", "amplitudes": [0.6, 0.8]}},
        "initial.amplitudes",
        "would not survive the measurement of the energy at the first instant",
    ),
    (
        QUBIT,
        {"initial": {"kind": "Point", "amplitudes": [1.0, 1.0]}, "dynamics.measured": False},
        "initial.amplitudes",
        "add up to 2, not to 1",
    ),
    (
        QUBIT,
        {"initial": {"kind": "Point", "amplitudes": [1.0, 0.0, 0.0]}, "dynamics.measured": False},
        "initial.amplitudes",
        "give 2",
    ),
    (QUBIT, {"initial": {"kind": "Point", "state": "level_2"}}, "initial.state", "levels are level_0"),
    (QUBIT, {"initial": {"kind": "Populations", "level_0": 0.6, "level_1": 0.5}}, "initial", "up to 1.1"),
    (QUBIT, {"initial": {"kind": "Populations", "level_2": 1.0}}, "initial", "did you mean 'level_1'?"),
    (DOT, {"initial": {"kind": "Populations", "full": 0.5}}, "initial", "divide each by 0.5"),
    (DOT, {"initial": {"kind": "Populations", "full": 1.5, "empty": -0.5}}, "initial.empty", "0 to 1"),
    (DOT, {"initial": {"kind": "Point", "state": "ful"}}, "initial.state", "did you mean 'full'?"),
    (DOT, {"initial": {"kind": "Point", "eps": 1.0}}, "initial.eps", 'Point(state="full")'),
    (DOT, {"initial": {"kind": "Point", "amplitudes": [1.0, 0.0]}}, "initial.amplitudes", "state"),
    # what does not belong together
    (DOT, {"system": WELL}, "dynamics", "MarkovJump moves no Potential"),
    (QUBIT, {"system": WELL}, "dynamics", "QuantumJump moves no Potential"),
    (DOT, {"system": QUBIT["system"]}, "dynamics", "Hamiltonian takes QuantumJump"),
    (QUBIT, {"system": DOT["system"]}, "dynamics", "Levels takes MarkovJump"),
    (DOT, {"dynamics": {"kind": "Overdamped", "friction": 1.0}}, "dynamics", "Overdamped moves no Levels"),
    (DOT, {BATH: {"kind": "Bath", "name": "own", "friction": 1.0}}, f"{BATH}.kind", "expected Lead"),
    (DOT, {BATH: {"name": "own", "friction": 1.0}}, BATH, "expected Lead"),
    (DOT, {BATH: LOCAL}, f"{BATH}.kind", "'LocalBath' does not fit here"),
    (QUBIT, {BATH: RATES | {"backward": 1.0}}, f"{BATH}.kind", "expected BoseBath or LocalBath"),
    (DOT, {f"{BATH}.beta": 2.0}, "dynamics.baths.left", 'give beta={"left": 2.0} to the protocol'),
    (DOT, {f"{BATH}.on": "empty -> ful"}, "dynamics.baths.left.on", "did you mean 'full'?"),
    (DOT, {f"{BATH}.on": "empty"}, "dynamics.baths.left.on", "write two levels"),
    (DOT, {"dynamics.baths": []}, "dynamics.baths", "no baths"),
    (QUBIT, {"dynamics.baths": []}, "dynamics.baths", "no baths"),
    (DOT, {"system.energy": {"empty": "eps"}, "system.order": None}, "system.energy", "1 levels"),
    (DOT, {"system.energy.double": "eps", "system.order": None}, "dynamics.baths", "touches double"),
    (DOT, {"record": {"place": "integral(x)"}}, "record.place, column 1", "'x' is not declared"),
    (QUBIT, {"record": {"place": "integral(x)"}}, "record.place", "record no formulas"),
    (QUBIT, {"dynamics.measured": False, "dynamics.path_work": True}, "dynamics.path_work", "leave it out"),
    (DOT, {"protocol.beta": {"right": 1.0}}, "protocol.beta", "left"),
    (DOT, {"protocol.temperature": 1.0}, "protocol", "beta"),
]


@pytest.mark.parametrize(
    ("table", "change", "where", "said"), REFUSED, ids=[f"{k}-{case[2]}" for k, case in enumerate(REFUSED)]
)
def test_nonsense_does_not_construct(
    table: dict[str, Any], change: dict[str, Any], where: str, said: str
) -> None:
    """Nothing has been compiled or drawn when it is refused."""
    with pytest.raises(InvalidInput) as refused:
        EnsembleSpec.from_table(table).replace(change)
    assert "\n" not in str(refused.value)
    assert (refused.value.where, said in str(refused.value)) == (where, True), str(refused.value)


@pytest.mark.parametrize("change", [{"time_step": 1.5}, {f"{BATH}.rate": 5.0}])
def test_a_step_in_which_jumps_are_likely_is_unstable(change: dict[str, Any]) -> None:
    with pytest.raises(Unstable, match=r"a jump has the probability 0\.[1-9]") as refused:
        EnsembleSpec.from_table(QUBIT).replace(change)
    assert refused.value.where == "time_step"
    enough = float(refused.value.remedy.split()[0])  # it is said what would do
    step = 3.0 / -(-3.0 // enough)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        EnsembleSpec.from_table(QUBIT).replace(change | {"time_step": step})


def test_a_file_of_levels_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        fl.Samples("nowhere.parquet")


@pytest.mark.parametrize("table", [DOT, QUBIT])
def test_what_these_are_changes_of_is_sound(table: dict[str, Any]) -> None:
    """The control of all of them; so is what a remedy offers."""
    spec = EnsembleSpec.from_table(table)
    propagator_of(spec)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (QUBIT, {"initial": {"kind": "Point", "amplitudes": [0.6, [0.0, 0.8]]}, "dynamics.measured": False}),
        (QUBIT, {BATH: LOCAL | {"quantum": None, "reverse": False}}),
        (DOT, {BATH: RATES | {"backward": 0.0}, "dynamics.thermodynamics": False}),
        (DOT, {"time_step": None, "path_every": None}),
        (QUBIT, {"units": KELVIN | {"time": "ns"}, "protocol.beta": None, "protocol.temperature": 20.0}),
    ],
)
def test_what_a_remedy_offers_is_sound(table: dict[str, Any], change: dict[str, Any]) -> None:
    propagator_of(EnsembleSpec.from_table(table).replace(change))
