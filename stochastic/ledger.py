"""The columns that Langevin dynamics writes: energies, entropies, ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fluctua.stochastic.columns import INTO, ON, Column

if TYPE_CHECKING:
    from fluctua.stochastic.dynamics.langevin import Langevin
    from fluctua.stochastic.potential import Potential
    from fluctua.stochastic.schedule import Schedule


def columns_of(dynamics: Langevin, system: Potential, schedule: Schedule) -> list[Column]:
    """List the columns of the ledger of a trajectory or a stroke."""
    return [
        *_work(system, schedule),
        *heat_columns(dynamics.bath_names),
        Column(
            "shadow_work",
            "energy",
            "energy error of the time step; energy_change = work + heat + shadow_work",
            "positive: gained by the system",
        ),
        Column(
            "energy_change", "energy", "energy at the end minus energy at the start, kinetic energy included"
        ),
        *([log_ratio_column()] if dynamics.move.log_ratio else []),
    ]


def _work(system: Potential, schedule: Schedule) -> Iterator[Column]:
    meaning = "work done on the system by the controls and by non-conservative forces"
    yield Column("work", "energy", meaning, ON)
    if system.forces:
        meaning = "the part of the work that comes from changes of the controls"
        yield Column("control_work", "energy", meaning, ON)
        yield Column("force_work", "energy", "the part of the work that non-conservative forces do", ON)
    if system.controls and system.controls_affine:
        yield exclusive_work_column()
    if schedule.one_beta:
        meaning = "integral of d(beta H) at frozen state; beta times the work where beta is constant"
        yield Column("dimensionless_work", "1", meaning, ON)


def exclusive_work_column() -> Column:
    """Give the column of exclusive work."""
    meaning = "work minus the change of the energy's part that the controls add, energy(controls) - energy(0)"
    return Column("exclusive_work", "energy", meaning, ON)


def heat_columns(bath_names: tuple[str, ...]) -> list[Column]:
    """List the columns of heat: the total, each bath's where there are several, and the entropy flow."""
    each = [
        Column(f"heat_{bath}", "energy", f"heat that flows in from the bath {bath}", INTO)
        for bath in bath_names
    ]
    meaning = "sum over baths of minus beta times heat, step by step"
    return [
        Column("heat", "energy", "heat that flows in from all baths", INTO),
        *(each if len(each) > 1 else []),
        Column("entropy_flow", "k_B", meaning, "positive: into the baths"),
    ]


def log_ratio_column() -> Column:
    """Give the column of the path's log-ratio."""
    meaning = "ln of the path's probability over that of its reverse, given where each starts"
    return Column("log_ratio", "1", meaning, "positive: likelier than its reverse")


def end(name: str, unit: str, which: str) -> Column:
    """Give the column of a component of the state, ``"initial"`` or ``"final"``."""
    return Column(f"{name}_{which}", unit, f"{name} at the {'start' if which == 'initial' else 'end'}")
