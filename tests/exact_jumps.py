"""Jump systems of the catalogue with their exact companions, which several test files ask."""

from typing import Any

import pytest

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.initial import Initial, Steady
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.exact import Counting, exact
from fluctua.stochastic.protocol import Hold, Isothermal, Protocol, Quench, Thermostatic
from fluctua.stochastic.reservoirs import Lead, Rates, Reservoir

ROUNDING = 1e-12
DOT = Levels({"empty": "0", "full": "eps"}, controls=("eps", "V"))
MOLECULE = Levels({"ground": "0", "excited": "gap"}, parameters={"gap": 1.0})
RING = Levels({"a": "0", "b": "E", "c": "0.5"}, controls="E", parameters={"f": 1.0})
STROKES = Protocol(
    [
        Isothermal(1.0, E=(0.0, 1.0)),
        Quench(E=-0.5),
        Thermostatic(2.0, beta=(1.0, 2.0), E=(-0.5, 0.4)),
        Quench(beta=0.7),
    ],
    beta=1.0,
)


def printed(digits: str) -> Any:
    """Equal to a printed number within half a unit of its last digit."""
    return pytest.approx(float(digits), abs=0.5 * 10.0 ** -len(digits.partition(".")[2]) + 1e-15)


def counting(
    system: Levels, baths: list[Reservoir], protocol: Protocol, initial: Initial | None = None, **more: Any
) -> Counting:
    return exact(system, MarkovJump(baths, **more), protocol, initial=initial)


def dot_between_leads(
    duration: float = 5.0, left: float = 1.0, right: float = 1.0, V: float = 2.0
) -> Counting:
    leads: list[Reservoir] = [
        Lead("left", on="empty -> full", rate=left, mu="V/2"),
        Lead("right", on="empty -> full", rate=right, mu="-V/2"),
    ]
    return counting(DOT, leads, Protocol([Hold(duration)], beta=1.0, eps=0.5, V=V), Steady())


def driven_ring(protocol: Protocol | None = None, initial: Initial | None = None) -> Counting:
    """Catalogue B3: w_(i -> i+1) = exp((E_i - E_(i+1) + f) / 2), and back with the opposite sign."""
    falls = {"a -> b": "0 - E", "b -> c": "E - 0.5", "c -> a": "0.5 - 0"}
    edges: list[Reservoir] = [
        Rates(
            name, on=on, forward=f"exp(beta*({fall} + f)/2)", backward=f"exp(-beta*({fall} + f)/2)", work="f"
        )
        for name, (on, fall) in zip(("one", "two", "three"), falls.items(), strict=True)
    ]
    return counting(
        RING, edges, protocol or Protocol([Isothermal(2.0, E="t")], beta=1.0), initial or Steady()
    )
