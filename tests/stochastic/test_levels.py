"""Levels: values, energies, free energies, and what they refuse."""

import json
import math
import pickle
import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluctua.ensembles.text import canonical, write_json, write_toml
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.levels import Levels, boltzmann, minus_log_sum

DOT = Levels({"empty": "0", "full": "eps"}, controls=("eps", "V"))
names = st.sampled_from(["empty", "full", "a", "b", "up", "down", "level_10", "level_2"])
formulas = st.sampled_from(["0", "1.5", "c", "c**2 - k", "k*c/2", "sin(c)"])


@given(st.dictionaries(names, formulas, min_size=2, max_size=5))
def test_levels_are_their_table(energy):
    levels = Levels(energy, controls="c", parameters={"k": 2.0})
    assert levels.states == tuple(energy)
    assert Levels(**levels.table()) == levels
    assert pickle.loads(pickle.dumps(levels)) == levels
    for read in (tomllib.loads(write_toml(levels.table())), json.loads(write_json(levels.table()))):
        again = Levels(**read)
        assert again == levels
        assert again.states == levels.states == tuple(again.energy)


def test_the_table_says_no_more_than_it_must():
    assert DOT.tagged() == {
        "kind": "Levels", "energy": {"empty": "0", "full": "eps"}, "controls": ["eps", "V"]
    }  # fmt: skip


def test_the_order_of_levels_is_part_of_what_they_say():
    one, other = Levels({"a": "0", "b": "1"}), Levels({"b": "1", "a": "0"})
    assert one != other, "their numbers in columns differ"
    assert canonical(one.table()) != canonical(other.table()), "and so must the digests of their runs"
    assert other.table()["order"] == ["b", "a"]
    assert "order" not in one.table()
    assert Levels({"a": "0", "b": "1"}, order=["b", "a"]) == other


def test_levels_stand_for_their_numbers():
    assert DOT.constants == {"empty": 0.0, "full": 1.0}


def test_energies_are_their_formulas():
    levels = Levels({"a": "0", "b": "k*c**2 - d", "c3": 1}, controls=("c", "d"), parameters={"k": 2.0})
    found = levels.energies([[1.0, 0.5], [-3.0, 1.0]])
    assert np.array_equal(found, [[0.0, 1.5, 1.0], [0.0, 17.0, 1.0]])
    assert Levels({"a": "0", "b": "2"}).energies(np.zeros((3, 0))).shape == (3, 2)


def test_exclusive_work_takes_energies_that_are_affine_in_the_controls():
    assert DOT.controls_affine
    assert not Levels({"a": "c", "b": "c*d"}, controls=("c", "d")).controls_affine


@given(st.floats(0.01, 50.0), st.lists(st.floats(-20.0, 20.0), min_size=2, max_size=2))
def test_the_free_energy_is_the_logarithm_of_the_sum(beta, controls):
    levels = Levels({"a": "c", "b": "d", "m": "c - d"}, controls=("c", "d"))
    c, d = controls
    expected = -np.logaddexp.reduce([-beta * c, -beta * d, -beta * (c - d)]) / beta
    assert levels.free_energy(beta, c=c, d=d) == pytest.approx(expected, rel=1e-13, abs=1e-13 / beta)


def test_a_free_energy_by_hand():
    assert DOT.free_energy(2.0, eps=math.log(3.0) / 2.0, V=9.0) == pytest.approx(
        -math.log(4 / 3) / 2, rel=1e-15
    )


def test_sums_over_states_neither_overflow_nor_vanish():
    far = np.array([1e4, 1e4 + math.log(2.0)])
    assert minus_log_sum(far) == pytest.approx(1e4 - math.log(1.5), abs=1e-11)
    assert minus_log_sum(-far) == pytest.approx(-1e4 - math.log(3.0), abs=1e-11)
    assert boltzmann(far) == pytest.approx([2 / 3, 1 / 3], rel=1e-11)


@pytest.mark.parametrize(
    ("energy", "keywords", "line"),
    [
        (
            {"a": "0", "b": "cos(t)"},
            {},
            'time in an energy (system.energy.b): declare a control and ramp it, A="cos(t)"',
        ),
        ({"a": "0"}, {}, "1 levels (system.energy): give 2 to 200"),
        ({"a": "0", "b": "k"}, {}, "'k' is not declared (system.energy.b, column 1): names are pi"),
        ({"a": "0", "b": "a"}, {}, "'a' is not declared (system.energy.b, column 1): names are pi"),
        ({"a": "0", "b": "2*^"}, {}, "'^' is not a power (system.energy.b, column 3): write **"),
        (
            {"a": "0", "b": None},
            {},
            "a formula is text, not NoneType (system.energy.b): write it in quotation marks",
        ),
        (
            {"a": "0", "b": True},
            {},
            "a formula is text, not bool (system.energy.b): write it in quotation marks",
        ),
        (
            {"a": "0", "00": "1"},
            {},
            "'00' is not a name (system.energy): begin with a letter, use letters, digits and _",
        ),
        ({"a": "0", "beta": "1"}, {}, "'beta' has a meaning of its own (system.energy): choose another name"),
        (["0", "1"], {}, "['0', '1'] is not a table (system.energy): write name = value pairs"),
        (
            {"a": "0", "c": "1"},
            {"controls": "c"},
            "'c' is the name of level and control (system): rename one",
        ),
        (
            {"a": "0", "b": "1"},
            {"controls": "k", "parameters": {"k": 1}},
            "'k' is the name of control and parameter (system): rename one",
        ),
        ({"a": "0", "b": "1"}, {"order": ["a"]}, "b is missing (system.order): name every level once"),
        (
            {"a": "0", "b": "1"},
            {"order": ["a", "bb"]},
            "'bb' is not a level (system.order): levels are a, b; did you mean 'b'?",
        ),
    ],
)
def test_what_is_no_system_of_levels_is_refused(energy, keywords, line):
    with pytest.raises(InvalidInput) as error:
        Levels(energy, **keywords)
    assert str(error.value) == line


def test_a_free_energy_needs_every_control():
    with pytest.raises(InvalidInput, match=r"V has no value \(controls\): give V="):
        DOT.free_energy(1.0, eps=0.0)
    with pytest.raises(InvalidInput, match="'W' is not a control: controls are eps, V"):
        DOT.free_energy(1.0, eps=0.0, W=1.0)
    with pytest.raises(InvalidInput, match=r"controls of shape \(2,\) \(controls\): controls are eps, V"):
        DOT.energies([0.0, 1.0])
    with pytest.raises(InvalidInput, match="an energy is not finite"):
        Levels({"a": "0", "b": "log(c)"}, controls="c").free_energy(1.0, c=-1.0)


def test_a_system_prints_on_one_line():
    assert repr(DOT) == "Levels(empty, full; eps, V): 0, eps"
    assert repr(Levels({"a": "0", "b": "1"})) == "Levels(a, b): 0, 1"
