import copy
import inspect
import pickle

import numpy as np
import pytest

from fluctua.stochastic import values
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.values import Value, build


class Spring(Value):
    def __init__(self, stiffness, *, centre=0.0, labels=None, **extra):
        self._set(stiffness=values.number(stiffness, "stiffness"), centre=float(centre))
        self._set(labels=tuple(labels or ()), extra={k: float(v) for k, v in extra.items()})


class Chain(Value):
    implied_kind = True

    def __init__(self, springs):
        self._set(springs=tuple(build(spring, {"Spring": Spring}, "springs") for spring in springs))


def test_the_table_holds_what_differs_from_the_default():
    assert Spring(2.0).table() == {"stiffness": 2.0}
    full = Spring(2.0, centre=1.0, labels=["a"], drag=3.0)
    assert full.table() == {"stiffness": 2.0, "centre": 1.0, "labels": ["a"], "drag": 3.0}
    assert Spring(**full.table()) == full


def test_tables_nest_with_their_kind_unless_that_is_implied():
    chain = Chain([Spring(1.0), Spring(2.0, centre=1.0)])
    first, _ = chain.table()["springs"]
    assert first == {"kind": "Spring", "stiffness": 1.0}
    assert "kind" not in chain.tagged()
    assert Chain(**chain.table()) == chain


def test_equal_values_are_one_key():
    assert Spring(1, a=1.0, b=2.0) == Spring(1.0, b=2.0, a=1.0)
    assert len({Spring(1), Spring(1.0), Spring(1.0, centre=0)}) == 1
    assert Spring(1.0) != Spring(2.0)
    assert Spring(1.0) != Chain([])
    assert Spring(1.0) != {"stiffness": 1.0}


def test_values_do_not_change():
    spring = Spring(1.0, drag=1.0)
    with pytest.raises(AttributeError, match="does not change"):
        spring.stiffness = 2.0
    with pytest.raises(AttributeError, match="does not change"):
        del spring.stiffness
    with pytest.raises(TypeError):
        spring.extra["drag"] = 2.0


def test_values_travel_and_copy():
    spring = Spring(1.0, labels=("a", "b"), drag=2.0)
    assert pickle.loads(pickle.dumps(spring)) == spring
    assert copy.copy(spring) is spring
    assert copy.deepcopy(spring) is spring


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"kind": "Spring"}, "no stiffness (parts.0): Spring needs it"),
        ({"stiffness": "soft"}, "'soft' is not a number (parts.0.stiffness)"),
        (
            {"kind": "Sprng", "stiffness": 1.0},
            "'Sprng' does not fit here (parts.0.kind): expected Spring; did",
        ),
        (5, "5 does not fit here (parts.0): expected Spring"),
        ({5: 1, "stiffness": 1.0}, "5 is unknown (parts.0): Spring takes stiffness, centre, labels"),
    ],
)
def test_a_table_that_is_no_value_is_told_why(table, line):
    with pytest.raises(InvalidInput) as caught:
        build(table, {"Spring": Spring}, "parts.0")
    assert str(caught.value).startswith(line)


def test_unknown_keywords_get_the_nearest_one():
    with pytest.raises(InvalidInput, match=r"'spring' is unknown .*did you mean 'springs'"):
        build({"springs": [], "spring": 1}, {"Chain": Chain}, "chain")


def test_a_constructor_tells_what_it_takes_as_a_table_is_told():
    with pytest.raises(InvalidInput, match=r"'spring' is unknown \(Chain\): .*did you mean 'springs'"):
        Chain(spring=[])
    with pytest.raises(InvalidInput, match=r"'gamma' is unknown \(Overdamped\): Overdamped takes friction, "):
        Overdamped(gamma=1.0)
    assert Spring(1.0, gamma=2.0).extra["gamma"] == 2.0  # one that takes any
    assert list(inspect.signature(Chain).parameters) == ["springs"]
    assert Chain.__init__.__name__ == "__init__"


def test_several_classes_need_a_kind_or_a_default():
    kinds = {"Spring": Spring, "Chain": Chain}
    with pytest.raises(InvalidInput, match=r"no kind \(here\): expected Spring or Chain"):
        build({"stiffness": 1.0}, kinds, "here")
    assert build({"stiffness": 1.0}, kinds, "here", default="Spring") == Spring(1.0)


@pytest.mark.parametrize(
    "good", [3, 3.0, np.float32(3), np.int64(3), np.array(3.0), np.array(3)], ids=lambda v: type(v).__name__
)
def test_numbers_become_plain_floats(good):
    read = values.number(good, "x")
    assert (type(read), read) == (float, 3.0)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (True, "True is not a number"),
        (np.bool_(True), "not a number"),
        ("3", "'3' is not a number"),
        (3j, "not a number"),
        (None, "None is not a number"),
        ([3.0], "not a number"),
        (np.array([3.0]), "not a number"),
        (float("nan"), "nan is not finite"),
        (float("-inf"), "-inf is not finite"),
        (10**400, "is not finite"),
    ],
)
def test_what_is_no_number_is_refused(bad, fault):
    with pytest.raises(InvalidInput, match=fault):
        values.number(bad, "x")


def test_positive_numbers_are_above_zero():
    with pytest.raises(InvalidInput, match=r"0\.0 is not positive \(mass\): a massless"):
        values.number(0, "mass", positive=True, remedy="a massless particle is Overdamped")


def test_minus_zero_prints_like_zero():
    assert repr(values.number(-0.0, "x")) == "0.0"


@pytest.mark.parametrize(("bad", "fault"), [(1.0, "not a whole"), (True, "not a whole"), (0, "less than 1")])
def test_whole_numbers(bad, fault):
    assert values.integer(np.int64(4), "n", least=1) == 4
    with pytest.raises(InvalidInput, match=fault):
        values.integer(bad, "n", least=1)
    with pytest.raises(InvalidInput, match="more than 10"):
        values.integer(11, "n", most=10)


@pytest.mark.parametrize(
    "bad", ["", " ", "2x", "a b", "é", "lambda", "and", "t", "pi", "exp", "work", "x.y", "self", 5]
)
def test_names_are_words_that_formulas_can_use(bad):
    with pytest.raises(InvalidInput):
        values.name(bad, "x")


def test_lists_of_names():
    assert values.names("x", "c") == ("x",)
    assert values.names(["x", "y"], "c") == ("x", "y")
    assert values.names(np.array(["x", "y"]), "c") == ("x", "y")
    with pytest.raises(InvalidInput, match="'x' stands twice"):
        values.names(("x", "x"), "c")
    with pytest.raises(InvalidInput, match="5 is not a name or a list of them"):
        values.names(5, "c")


def test_a_name_belongs_to_one_thing():
    values.share_namespace({"coordinate": ["x"], "control": ["k"]})
    with pytest.raises(InvalidInput, match=r"'x' is the name of coordinate and control \(system\)"):
        values.share_namespace({"coordinate": ["x"], "control": ["x"]}, "system")
    with pytest.raises(InvalidInput, match="two baths"):
        values.share_namespace({"bath": ["hot", "hot"]})
