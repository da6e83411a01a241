import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluctua.stochastic.baths import Bath
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.values import build


@given(
    st.sampled_from(["hot", "left", "b_2"]),
    st.sampled_from([None, "x", ("x",), ["x", "y"]]),
    st.floats(1e-6, 1e6),
)
def test_a_bath_is_its_table(name, on, friction):
    bath = Bath(name, on=on, friction=friction)
    assert Bath(**bath.table()) == bath
    assert build(bath.table(), {"Bath": Bath}, "dynamics.baths.0") == bath
    assert pickle.loads(pickle.dumps(bath)) == bath


def test_one_coordinate_stands_without_brackets():
    assert Bath("hot", on="x", friction=1).table() == {"name": "hot", "on": "x", "friction": 1.0}
    assert Bath("hot", on=["x"], friction=1) == Bath("hot", on="x", friction=1.0)
    assert Bath("hot", on=["x"], friction=1).on == ("x",)
    assert Bath("hot", friction=1).on is None


@pytest.mark.parametrize(
    ("keywords", "line"),
    [
        (
            {"name": "left", "friction": 1.0, "beta": 1.0},
            'a bath has no temperature (dynamics.baths.left): give beta={"left": 1.0} to the protocol',
        ),
        (
            {"name": "left", "friction": 1.0, "temperature": 2.0},
            'a bath has no temperature (dynamics.baths.left): give temperature={"left": 2.0} to the protocol',
        ),
        ({"name": "hot", "friction": 0.0}, "0.0 is not positive (dynamics.baths.hot.friction)"),
        ({"name": "hot", "friction": "1"}, "'1' is not a number (dynamics.baths.hot.friction)"),
        (
            {"name": "hot", "friction": 1, "on": ()},
            "a bath that touches nothing (dynamics.baths.hot.on): name a coordinate or leave `on` out",
        ),
        (
            {"name": "a bath", "friction": 1},
            "'a bath' is not a name (dynamics.baths): begin with a letter, use letters, digits and _",
        ),
        (
            {"name": "work", "friction": 1},
            "'work' has a meaning of its own (dynamics.baths): choose another name",
        ),
        (
            {"name": "hot", "friction": 1, "rate": 1},
            "'rate' is unknown (dynamics.baths.hot): Bath takes name, on, friction",
        ),
    ],
)
def test_wrong_baths_get_one_line(keywords, line):
    with pytest.raises(InvalidInput) as caught:
        Bath(**keywords)
    assert str(caught.value) == line


def test_the_repr_is_one_line():
    assert repr(Bath("hot", on=("x", "y"), friction=1.0)) == "Bath(hot on x, y, friction 1.0)"
    assert repr(Bath("hot", friction=0.5)) == "Bath(hot, friction 0.5)"
