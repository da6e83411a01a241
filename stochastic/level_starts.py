"""Starts of levels, whatever moves them: which probabilities a start gives, and when it gives none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput, not_among, shown
from fluctua.stochastic.first_instant import beta_at_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.initial import Equilibrium, Initial, Point, Populations
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]

_LAWS = {"Equilibrium": "equilibrium", "Steady": "steady state", "Point": "point"}


def law_of(initial: Initial) -> str:
    """Say in a word where levels start, for the run's manifest."""
    return _LAWS.get(initial.kind, "given")


def equilibrium_beta(
    initial: Equilibrium, schedule: Schedule, bath_names: Sequence[str], remedy: str
) -> float:
    """Return the inverse temperature of an equilibrium of levels.

    Raises
    ------
    InvalidInput
        It is ambiguous, for which there is a remedy; or a burn-in is asked for.
    """
    if initial.burn_in is not None:
        raise InvalidInput("levels need no burn-in", "initial.burn_in", "leave it out")
    return beta_at_start(schedule, bath_names, remedy) if initial.beta is None else initial.beta


def at_level(initial: Point, levels: Sequence[str]) -> Floats:
    """Return probability 1 of the level that a point names, shape (n,).

    Raises
    ------
    InvalidInput
        It names none, or one that is not there.
    """
    for key in initial.values:
        if key != "state":
            remedy = f'a Point of levels is Point(state="{levels[0]}")'
            raise InvalidInput(f"{shown(key)} is not part of the state", f"initial.{key}", remedy)
    if "state" not in initial.values:
        raise InvalidInput("no state", "initial", f'name a level, Point(state="{levels[0]}")')
    return _in_order({initial.values["state"]: 1.0}, levels, "initial.state")


def given(initial: Populations, levels: Sequence[str]) -> Floats:
    """Return the probabilities that were given, shape (n,).

    Raises
    ------
    InvalidInput
        One is of a level that is not there.
    """
    return _in_order(initial.probabilities, levels, "initial")


def _in_order(probabilities: Mapping[str, float], levels: Sequence[str], where: str) -> Floats:
    """Put probabilities by name into the order of the levels, and make them add up to 1."""
    for level in probabilities:
        if level not in levels:
            raise not_among(level, "level", levels, where)
    weights = np.array([probabilities.get(level, 0.0) for level in levels])
    result: Floats = weights / np.cumsum(weights)[-1]
    return result


def several_steady_states(sets: Sequence[Sequence[int]], levels: Sequence[str]) -> InvalidInput:
    """Give the error of levels that nothing leads between: sets of them, each never left."""
    apart = " and ".join(f"{{{', '.join(levels[k] for k in one)}}}" for one in sets[:3])
    return InvalidInput(
        f"there is no one steady state, nothing leads from one to another of {apart}",
        "initial",
        "connect them, or start from Populations(...)",
    )
