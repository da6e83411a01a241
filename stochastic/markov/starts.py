"""Where jump trajectories start: the probabilities of levels at first, and levels drawn from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic import streams
from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.first_instant import Start, coupled_at_start
from fluctua.stochastic.given_starts import from_rows, read_states
from fluctua.stochastic.initial import Equilibrium, Point, Populations, Samples, Steady
from fluctua.stochastic.level_starts import (
    at_level,
    equilibrium_beta,
    given,
    law_of,
    several_steady_states,
)
from fluctua.stochastic.levels import boltzmann
from fluctua.stochastic.markov.equilibrium import chemical_potential, exponents
from fluctua.stochastic.markov.stationary import closed_sets, flows, relaxed, stationary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.initial import Initial
    from fluctua.stochastic.markov.generator import Generator
    from fluctua.stochastic.schedule import Schedule

    Array = NDArray[np.float64]


def prepare(
    initial: Initial, generator: Generator, schedule: Schedule, *, seed: int, direction: str
) -> Start:
    """Prepare the start of a run; its states are levels by index, shape (1, count), int64.

    Parameters
    ----------
    initial : Equilibrium, Steady, Point, Populations or Samples
    generator : Generator
    schedule, seed, direction
        As for :func:`fluctua.stochastic.initial.prepare`.

    Raises
    ------
    InvalidInput
        If the start does not fit the system.
    """
    initial.check_direction(direction)
    if isinstance(initial, Samples):
        return _from_samples(initial, generator)
    borders = _borders(populations(initial, generator, schedule))

    def draw(first: int, count: int) -> NDArray[Any]:
        uniforms = streams.draw_uniforms(seed, direction, "initial", first, count, 1)[0]
        return streams.choose(borders, uniforms)[None, :]

    return Start(draw, _facts(initial, generator, schedule))


def populations(initial: Initial, generator: Generator, schedule: Schedule) -> Array:
    """Return the probability of each level at the first instant, shape (n,).

    Raises
    ------
    InvalidInput
        If they are not defined: an ambiguous equilibrium, several steady states, an unknown level, samples.
    """
    match initial:
        case Equilibrium():
            return _equilibrium(initial, generator, schedule)
        case Steady():
            return _steady(initial, generator, schedule)
        case Point():
            return at_level(initial, generator.levels)
        case Populations():
            return given(initial, generator.levels)
    raise InvalidInput(
        f"{shown(initial)} is no law of levels",
        "initial",
        "use Equilibrium, Steady, Point, Populations or Samples",
    )


def _equilibrium(initial: Equilibrium, generator: Generator, schedule: Schedule) -> Array:
    remedy = "Equilibrium(beta=...) or Steady()"
    beta = equilibrium_beta(initial, schedule, generator.bath_names, remedy)
    controls = schedule.start_controls.tolist()
    mu = chemical_potential(generator, controls, coupled_at_start(schedule))
    return boltzmann(exponents(generator, controls, beta, mu))


def _steady(initial: Steady, generator: Generator, schedule: Schedule) -> Array:
    rates = generator.rates(
        schedule.start_controls[None, :], schedule.start_beta[None, :], coupled_at_start(schedule)
    )
    if initial.duration is not None:
        size = len(generator.levels)
        return relaxed(flows(generator, rates)[0], np.full(size, 1.0 / size), initial.duration)
    found: Array = stationary(generator, rates)[0]
    if np.isnan(found).any():
        raise _no_steady_state(generator, flows(generator, rates)[0] > 0.0)
    return found


def _no_steady_state(generator: Generator, connected: NDArray[np.bool_]) -> InvalidInput:
    sets = closed_sets(connected)
    if len(sets) < 2:
        return InvalidInput("no steady state, a rate is not finite", "initial", "change the rates")
    return several_steady_states(sets, generator.levels)


def _borders(probabilities: Array) -> Array:
    """Return the cumulative probabilities between levels: a uniform above the k-th belongs to a later level.

    Past the last level that has a probability they are infinite, so that rounding draws no other.
    """
    borders = np.cumsum(probabilities)
    borders[int(np.flatnonzero(probabilities)[-1]) :] = np.inf
    result: Array = borders[:-1]
    return result


def _facts(initial: Initial, generator: Generator, schedule: Schedule) -> dict[str, Any]:
    known = populations(initial, generator, schedule)
    facts: dict[str, Any]
    facts = {
        "law": law_of(initial),
        "populations": dict(zip(generator.levels, known.tolist(), strict=True)),
        "notes": [],
    }
    if isinstance(initial, Steady) and initial.duration is not None:
        facts |= {"law": "relaxed from equal populations", "duration": initial.duration}
    return facts


def _from_samples(initial: Samples, generator: Generator) -> Start:
    """Start trajectory i from row i, counted on from the top after the last."""
    column = read_states(initial, ("state",))[0]
    if not ((column >= 0) & (column < len(generator.levels)) & (column == np.rint(column))).all():
        raise InvalidInput(
            "column state holds what is no level",
            f"initial.file, {initial.file}",
            f"give whole numbers from 0 to {len(generator.levels) - 1}, the order of the levels",
        )
    return from_rows(column.astype(np.int64)[None, :], initial)
