"""The columns that a Markov jump process writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fluctua.stochastic.columns import INTO, ON, Column
from fluctua.stochastic.ledger import exclusive_work_column, heat_columns, log_ratio_column
from fluctua.stochastic.markov.detailed_balance import samples
from fluctua.stochastic.markov.equilibrium import countable, one_potential
from fluctua.stochastic.reservoirs import Lead

if TYPE_CHECKING:
    from fluctua.stochastic.dynamics.markov_jump import MarkovJump
    from fluctua.stochastic.levels import Levels
    from fluctua.stochastic.markov.generator import Generator
    from fluctua.stochastic.schedule import Schedule


def columns_of(
    dynamics: MarkovJump, system: Levels, generator: Generator, schedule: Schedule
) -> list[Column]:
    """List the columns of the ledger of a trajectory or a stroke."""
    columns: list[Column] = []
    if dynamics.thermodynamics:
        columns += [*_work(system, generator, schedule), *heat_columns(dynamics.bath_names)]
        columns += [Column("energy_change", "energy", "energy at the end minus energy at the start")]
        columns += [log_ratio_column(), *(_steady_entropies() if dynamics.housekeeping else ())]
    return [*columns, Column("activity", "1", "number of jumps", dtype="int32")]


def ends_of(dynamics: MarkovJump, system: Levels) -> list[Column]:
    """List the first and the last level, and what has come in from leads between them."""
    leads = [bath.name for bath in dynamics.baths if isinstance(bath, Lead)]
    particles = [
        Column(f"particles_{lead}", "1", f"particles that come in from the lead {lead}", INTO, dtype="int32")
        for lead in leads
    ]
    energies = [
        Column(f"energy_{lead}", "energy", f"energy that flows in from the lead {lead}", INTO)
        for lead in (leads if dynamics.thermodynamics else ())
    ]
    states = [_state(f"state_{which}", f"level at the {at}", system) for which, at in _INSTANTS]
    return [*states, *particles, *energies]


def state_of(system: Levels) -> Column:
    """Give the column of the level on a path."""
    return _state("state", "level at this time", system)


_INSTANTS = (("initial", "start"), ("final", "end"))


def _state(name: str, meaning: str, system: Levels) -> Column:
    counted = ", ".join(f"{number} {level}" for number, level in enumerate(system.states))
    return Column(name, "1", f"{meaning}: {counted}", dtype="int32")


def _work(system: Levels, generator: Generator, schedule: Schedule) -> Iterator[Column]:
    parts = work_parts(generator)
    yield Column("work", "energy", "work done on the system by all that is not heat", ON)
    yield from (Column(*part, ON) for part in (parts if len(parts) > 1 else ()))
    if system.controls and system.controls_affine:
        yield exclusive_work_column()
    if has_dimensionless_work(generator, schedule):
        meaning = "integral of d(beta (E - mu N)) at frozen state, and beta times the work of forces"
        yield Column("dimensionless_work", "1", meaning, ON)


def work_parts(generator: Generator) -> list[tuple[str, str, str]]:
    """List name, unit and meaning of the parts of which work is the sum."""
    parts = [("control_work", "energy", "the part of the work that comes from changes of the controls")]
    if generator.pushed:
        meaning = "the part of the work that non-conservative forces do in jumps"
        parts.append(("force_work", "energy", meaning))
    if generator.particles.any():
        meaning = "the part of the work that particles bring in, mu of their lead each"
        parts.append(("chemical_work", "energy", meaning))
    return parts


def has_dimensionless_work(generator: Generator, schedule: Schedule) -> bool:
    """Tell whether all baths share one temperature, and all leads one chemical potential, at all times."""
    if not schedule.one_beta or not countable(generator):
        return False
    looked_at = (sample.controls for _, _, sample in samples(schedule))
    ends = (schedule.opening_controls, schedule.closing_controls)
    return all(one_potential(generator, controls) for controls in (*ends, *looked_at))


def _steady_entropies() -> Iterator[Column]:
    meaning = "sum over jumps of ln of rate times steady probability over that of the way back"
    yield Column("housekeeping_entropy", "k_B", meaning, "positive: kept up by the driving")
    meaning = "integral of d(-ln of the steady probability) at frozen state"
    yield Column("hatano_sasa", "k_B", meaning, "positive: away from the steady state")
