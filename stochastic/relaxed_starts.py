"""Starts that relax to their law by the run's own kernel: a burn-in to equilibrium, or to a steady state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.equilibrium import bound_coordinates, equilibrium, tabulate_along
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.exact_starts import drawn_from_tables, exact_equilibrium, thermal_spreads
from fluctua.stochastic.first_instant import Start, coupled_at_start
from fluctua.stochastic.schedule import MOST_STEPS
from fluctua.stochastic.steady import mean_temperature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fluctua.stochastic.cumulative import EquilibriumTable
    from fluctua.stochastic.first_instant import Draw, FirstInstant
    from fluctua.stochastic.initial import Equilibrium

    Array = NDArray[np.float64]


def burnt_in(initial: Equilibrium, instant: FirstInstant, beta: float) -> Start:
    """Start from the equilibrium to which the system relaxes in the time of the burn-in."""
    if initial.burn_in is None:
        raise InvalidInput(
            "no exact equilibrium sampler for an energy of several coordinates that is not quadratic",
            "initial",
            "Equilibrium(burn_in=...) relaxes for that long first",
        )
    if instant.system.forces:
        raise InvalidInput(
            "a burn-in with non-conservative forces does not lead to equilibrium",
            "initial",
            "Steady(duration=...)",
        )
    if np.any(instant.schedule.start_beta[coupled_at_start(instant.schedule)] != beta):
        raise InvalidInput(
            "a burn-in leads to the baths' temperature, not to this beta", "initial.beta", "leave beta out"
        )
    start, notes = _rough_start(instant)
    facts = {
        "law": "equilibrium",
        "beta": beta,
        "method": "burn-in",
        "duration": initial.burn_in,
        "notes": notes,
    }
    return Start(_relaxed(instant, start, initial.burn_in, "initial.burn_in", "burn-in"), facts)


def _relaxed(instant: FirstInstant, start: Draw, duration: float, where: str, purpose: str) -> Draw:
    """Let states relax by the run's own kernel."""
    steps = _whole_steps(duration, instant.schedule.move, where)
    relax = instant.relax
    if relax is None:
        raise InvalidInput("nothing to relax with", where, "prepare the start through a Propagator")

    def draw(first: int, count: int) -> Array:
        return relax(start(first, count), steps, first, purpose)

    return draw


def _whole_steps(duration: float, time_step: float, where: str) -> int:
    """How many time steps a relaxation takes."""
    if duration > MOST_STEPS * time_step:
        raise InvalidInput(f"{duration / time_step:.3g} time steps", where, f"at most {MOST_STEPS:,} fit")
    steps = max(round(duration / time_step), 1)
    if abs(duration - steps * time_step) > 1e-8 * duration:
        raise InvalidInput(
            "the time step does not divide the duration", where, f"{steps * time_step:.10g} is {steps} steps"
        )
    return steps


def _rough_start(instant: FirstInstant) -> tuple[Draw, list[str]]:
    """Where to relax from: thermal velocities, and the equilibrium nearest to what is wanted.

    That is the exact equilibrium at the mean temperature, or failing that each coordinate's own with the
    others at 0 (so that every well is populated), or failing that 0.
    """
    beta = 1.0 / mean_temperature(instant.contacts)
    try:
        law = equilibrium(instant.system, instant.controls, beta)
    except InvalidInput:
        return _along_axes(instant, {})
    if law is not None:
        start = exact_equilibrium(instant, law, beta)
        return start.draw, ["relaxed from equilibrium at the mean temperature of the baths"]
    tables = {}
    for coordinate in bound_coordinates(instant.system):
        try:
            tables[coordinate] = tabulate_along(instant.system, instant.controls, beta, coordinate)
        except InvalidInput:
            continue
    return _along_axes(instant, tables)


def _along_axes(instant: FirstInstant, tables: Mapping[int, EquilibriumTable]) -> tuple[Draw, list[str]]:
    """Start tabulated coordinates from their tables, the others at 0, velocities at the mean temperature."""
    spreads = thermal_spreads(instant, [mean_temperature(instant.contacts)] * len(instant.masses))

    def draw(first: int, count: int) -> Array:
        return drawn_from_tables(instant, tables, spreads, first, count)

    notes = [
        f"{name} relaxed from {'its own equilibrium with the others at 0' if i in tables else '0'}"
        for i, name in enumerate(instant.system.coordinates)
    ]
    return draw, notes


def relaxed_to_steady_state(duration: float, instant: FirstInstant) -> Start:
    """Start from the steady state to which the system relaxes in that time."""
    start, notes = _rough_start(instant)
    facts = {"law": "steady state", "method": "relaxation", "duration": duration, "notes": notes}
    return Start(_relaxed(instant, start, duration, "initial.duration", "relaxation"), facts)
