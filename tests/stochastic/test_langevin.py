"""Dynamics as values: baths resolved to links, invalid physics refused in one line."""

import pytest

from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.potential import Potential

PLANE = Potential("(x**2 + y**2)/2", coordinates=("x", "y"))


def links(dynamics, system=PLANE):
    return [(link.coordinate, link.bath, link.friction) for link in dynamics.resolve(system)]


def test_a_friction_is_short_for_one_bath():
    assert links(Overdamped(friction=2.0)) == [(0, 0, 2.0), (1, 0, 2.0)]
    assert Overdamped(friction=2.0).bath_names == ("bath",)
    assert links(Overdamped(friction={"x": 1.0, "y": 3.0})) == [(0, 0, 1.0), (1, 0, 3.0)]


def test_baths_touch_what_they_are_on():
    baths = [Bath("hot", on="x", friction=1.0), Bath("cold", friction=2.0)]
    assert links(Underdamped(1.0, baths=baths)) == [(0, 0, 1.0), (0, 1, 2.0), (1, 1, 2.0)]


def test_masses_by_coordinate():
    assert Underdamped(mass={"y": 2.0, "x": 1.0}, friction=1.0).masses_of(PLANE) == (1.0, 2.0)
    assert Underdamped(3.0, friction=1.0).masses_of(PLANE) == (3.0, 3.0)


@pytest.mark.parametrize(
    "value",
    [
        Overdamped(friction=1.0),
        Overdamped(friction={"x": 1.0, "y": 2.0}, scheme="heun"),
        Underdamped(mass=1.0, friction=1.0, scheme="OBABO"),
        Underdamped(mass=2.0, baths=[Bath("hot", on="x", friction=1.0), Bath("cold", friction=2.0)]),
    ],
    ids=repr,
)
def test_a_table_makes_the_same_value(value):
    assert type(value)(**value.table()) == value


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Overdamped(), "give friction or baths, one of them"),
        (lambda: Overdamped(1.0, baths=[Bath("b", friction=1.0)]), "give friction or baths, one of them"),
        (lambda: Overdamped(friction=-1.0), r"\(dynamics.friction\)"),
        (lambda: Overdamped(friction=True), r"\(dynamics.friction\)"),
        (lambda: Overdamped(friction=float("nan")), r"\(dynamics.friction\)"),
        (lambda: Overdamped(1.0, scheme="hein"), "did you mean 'heun'"),
        (lambda: Overdamped(baths=[]), "no baths"),
        (lambda: Overdamped(baths=[Bath("b", friction=1.0), Bath("b", friction=2.0)]), "two baths"),
        (lambda: Overdamped(friction={"x": 1.0}).resolve(PLANE), "y is missing"),
        (lambda: Overdamped(friction={"x": 1.0, "z": 1.0}).resolve(PLANE), "'z' is not a coordinate"),
        (lambda: Overdamped(baths=[Bath("b", on="x", friction=1.0)]).resolve(PLANE), "no bath touches y"),
        (
            lambda: Overdamped(baths=[Bath("b", on="w", friction=1.0)]).resolve(PLANE),
            "'w' is not a coordinate",
        ),
        (lambda: Underdamped(mass=0.0, friction=1.0), r"\(dynamics.mass\)"),
        (lambda: Underdamped(mass=1.0, friction=1.0, scheme="BAO"), "palindrome"),
        (lambda: Underdamped(mass=1.0, friction=1.0, scheme="BAB"), "each of the letters"),
        (lambda: Underdamped(mass=1.0, friction=1.0, scheme="BAXAB"), "each of the letters"),
        (lambda: Underdamped(mass=1.0, friction=1.0, scheme=3), "not a splitting"),
    ],
)
def test_invalid_physics_does_not_construct(make, line):
    with pytest.raises(InvalidInput, match=line):
        make()


def test_two_baths_on_an_overdamped_coordinate_are_refused_with_the_reason():
    two = Overdamped(baths=[Bath("hot", on="x", friction=1.0), Bath("cold", friction=2.0)])
    with pytest.raises(
        InvalidInput, match=r"x touches hot and cold.*diverges as the time step goes to 0.*use Underdamped"
    ):
        two.resolve(PLANE)
