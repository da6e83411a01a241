"""Reservoirs as values: tables, edges, and what they refuse."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.reservoirs import (
    RESERVOIRS,
    Arrhenius,
    BoseBath,
    Lead,
    LocalBath,
    Rates,
    edges_of,
)
from fluctua.stochastic.values import build

EDGE = "empty -> full"
MADE = [
    Lead("left", on=EDGE, rate=1.0, mu="V/2"),
    Lead("left", on=["a -> b", "b->c"], rate="g*V", mu=-2),
    BoseBath("phonons", rate=0.2),
    BoseBath("phonons", on=["a -> b"], rate=0.2, spectrum="omega", dephasing=0.1),
    BoseBath("light", on="X", rate=1, spectrum="omega**3"),
    Arrhenius("hot", on=EDGE, rate=2.0, barrier="1 + V"),
    Rates("r", on=EDGE, forward="exp(-beta*V/2)", backward="exp(beta*V/2)"),
    Rates("r", on=EDGE, forward=2, backward=1, work="log(2)"),
    LocalBath("part", on="s1", rate=0.1, quantum="w"),
    LocalBath("part", on="s1", rate=0.1, reverse=False),
]


@pytest.mark.parametrize("bath", MADE, ids=repr)
def test_a_reservoir_is_its_table(bath):
    assert type(bath)(**bath.table()) == bath
    assert build(bath.tagged(), RESERVOIRS, "dynamics.baths.0") == bath
    assert pickle.loads(pickle.dumps(bath)) == bath
    assert "\n" not in repr(bath)


def test_defaults_and_brackets_are_left_out():
    assert MADE[0].tagged() == {"kind": "Lead", "name": "left", "on": EDGE, "rate": 1.0, "mu": "V/2"}
    assert MADE[1].table()["on"] == ["a -> b", "b -> c"]
    assert MADE[2].table() == {"name": "phonons", "rate": 0.2}
    assert MADE[6].table().keys() == {"name", "on", "forward", "backward"}
    assert MADE[8].table() == {"name": "part", "on": "s1", "rate": 0.1, "quantum": "w"}
    assert repr(MADE[0]) == "Lead(left on empty -> full, rate 1.0, mu V/2)"


@given(st.sampled_from([" ", "", "  "]), st.sampled_from([" ", "", "   "]))
def test_blanks_in_an_edge_say_nothing(before, after):
    assert Lead("l", on=f"{before}a{after}->{before}b{after}", rate=1, mu=0) == Lead(
        "l", on="a -> b", rate=1, mu=0
    )


def test_a_bath_of_bosons_joins_every_pair_of_levels_unless_it_says_which():
    levels = ("a", "b", "m")
    assert edges_of(BoseBath("p", rate=1), levels) == (("a", "b"), ("a", "m"), ("b", "m"))
    assert edges_of(BoseBath("p", on="m -> a", rate=1), levels) == (("m", "a"),)


@pytest.mark.parametrize(
    ("kind", "keywords", "line"),
    [
        (
            Lead,
            {"name": "left", "on": EDGE, "rate": 1, "mu": 0, "beta": 1.0},
            'a bath has no temperature (dynamics.baths.left): give beta={"left": 1.0} to the protocol',
        ),
        (
            BoseBath,
            {"name": "p", "rate": 1, "temperature": 2.0},
            'a bath has no temperature (dynamics.baths.p): give temperature={"p": 2.0} to the protocol',
        ),
        (
            Lead,
            {"name": "left", "on": EDGE, "rate": 1, "mu": 0, "rates": 0},
            "'rates' is unknown (dynamics.baths.left): Lead takes name, on, rate, mu; did you mean 'rate'?",
        ),
        (Lead, {"name": "left", "on": EDGE, "rate": 1}, "no mu (dynamics.baths.left): Lead needs it"),
        (Lead, {"name": "left", "on": EDGE, "mu": 0}, "no rate (dynamics.baths.left): Lead needs it"),
        (
            Lead,
            {"name": "left", "rate": 1, "mu": 0},
            'no edges (dynamics.baths.left.on): say which levels it connects, on="a -> b"',
        ),
        (
            Lead,
            {"name": "left", "on": [], "rate": 1, "mu": 0},
            "a bath that touches nothing (dynamics.baths.left.on): name what it acts on",
        ),
        (
            Lead,
            {"name": "left", "on": "empty full", "rate": 1, "mu": 0},
            "'empty full' is no edge (dynamics.baths.left.on): write two levels, \"empty -> full\"",
        ),
        (
            Arrhenius,
            {"name": "h", "on": "a -> b -> c", "rate": 1, "barrier": 0},
            "'a -> b -> c' is no edge (dynamics.baths.h.on): write two levels, \"empty -> full\"",
        ),
        (
            Arrhenius,
            {"name": "h", "on": "a -> a", "rate": 1, "barrier": 0},
            "a -> a leads from a to itself (dynamics.baths.h.on): name two levels",
        ),
        (
            Arrhenius,
            {"name": "h", "on": ["a -> b", "a->b"], "rate": 1, "barrier": 0},
            "a -> b stands twice (dynamics.baths.h.on): leave one out",
        ),
        (
            Rates,
            {"name": "r", "on": ["a -> b", "b -> a"], "forward": 1, "backward": 1},
            "b -> a is a -> b the other way (dynamics.baths.r.on): an edge has both ways",
        ),
        (
            Arrhenius,
            {"name": "h", "on": EDGE, "rate": 1},
            "no barrier (dynamics.baths.h): Arrhenius needs it",
        ),
        (Rates, {"name": "r", "on": EDGE, "forward": 1}, "no backward (dynamics.baths.r): Rates needs it"),
        (
            Rates,
            {"name": "r", "on": EDGE, "forward": [1], "backward": 1},
            "a formula is text, not list (dynamics.baths.r.forward): write it in quotation marks",
        ),
        (
            BoseBath,
            {"name": "p", "rate": 1, "dephasing": -1},
            "-1.0 is negative (dynamics.baths.p.dephasing): a rate is 0 or more",
        ),
        (
            BoseBath,
            {"name": "beta", "rate": 1},
            "'beta' has a meaning of its own (dynamics.baths): choose another name",
        ),
        (
            LocalBath,
            {"name": "p", "on": "s1", "rate": 1},
            "a way back, and no quantum (dynamics.baths.p): give the energy that the operator takes out, or"
            " reverse=False",
        ),
        (
            LocalBath,
            {"name": "p", "rate": 1, "quantum": 1},
            'no on (dynamics.baths.p): name the operator, on="X"',
        ),
    ],
)
def test_what_is_no_reservoir_is_refused(kind, keywords, line):
    with pytest.raises(InvalidInput) as error:
        kind(**keywords)
    assert str(error.value) == line


def test_an_edge_of_bosons_is_read_once_levels_are_known():
    bath = BoseBath("p", on="X", rate=1)
    with pytest.raises(InvalidInput, match="'X' is no edge"):
        edges_of(bath, ("a", "b"))
