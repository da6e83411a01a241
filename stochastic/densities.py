r"""What is known exactly of Langevin densities: sums over states, and both ends of a path.

.. math:: \ln p_0(x_0)-\ln p_\tau(\bar x_\tau)

is what entropy production has at the ends of a path; the bar turns velocities around. Both densities are of
the same known kind: equilibrium at the start's temperature, or the exact steady state of a linear system.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.first_instant import coupled_at_start
from fluctua.stochastic.initial import Equilibrium, Initial, Steady
from fluctua.stochastic.steady import contacts_of, driven_coordinates, steady_state

if TYPE_CHECKING:
    from fluctua.stochastic.dynamics.dynamics import Get
    from fluctua.stochastic.dynamics.langevin import Langevin
    from fluctua.stochastic.potential import Potential
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]


def minus_log_z(
    dynamics: Langevin, system: Potential, controls: Sequence[float] | Floats, beta: float
) -> float:
    r"""Return :math:`-\ln Z` with momenta: :math:`\beta F_q - \tfrac12\sum\ln(2\pi m/\beta)`."""
    named = dict(zip(system.controls, (float(value) for value in controls), strict=True))
    masses = dynamics.masses_of(system)
    momenta = sum(0.5 * math.log(2.0 * math.pi * mass / beta) for mass in masses)
    return beta * float(_own(system).free_energy(beta, **named)) - momenta


def energy(
    dynamics: Langevin, system: Potential, controls: Sequence[float], which: str, column: Get
) -> Floats:
    """Return the total energy of each trajectory at its start or end."""
    positions = np.stack([column(f"{name}_{which}") for name in system.coordinates])
    total = np.asarray(system.evaluate_energy(positions, [float(value) for value in controls]))
    for mass, name in zip(dynamics.masses_of(system), system.velocities, strict=False):
        total = total + 0.5 * mass * np.square(column(f"{name}_{which}"))
    return total


def boundary(
    dynamics: Langevin, system: Potential, schedule: Schedule, initial: Initial, column: Get
) -> Floats | str:
    """Return the boundary term of each trajectory, or what is missing for it."""
    missing = lacks_density(dynamics, initial)
    if missing:
        return missing
    if isinstance(initial, Equilibrium):
        return _in_equilibrium(dynamics, system, schedule, initial.beta or _start_beta(schedule), column)
    if schedule.one_beta and not system.forces:  # the steady state, which is equilibrium
        return _in_equilibrium(dynamics, system, schedule, _start_beta(schedule), column)
    return _in_steady_state(dynamics, system, schedule, column)


def lacks_density(dynamics: Langevin, initial: Initial) -> str:
    """Say what is missing for the boundary term; empty where it is known."""
    if not dynamics.move.log_ratio:
        return "needs heat from path probabilities, which Heun's scheme has not"
    known = isinstance(initial, Equilibrium) or (isinstance(initial, Steady) and initial.duration is None)
    needs = "needs a start whose density is known: Equilibrium, or Steady() of a linear system"
    return "" if known else needs


def _start_beta(schedule: Schedule) -> float:
    """Return the inverse temperature of the first connected bath: a plain start knows only one."""
    return float(schedule.start_beta[int(np.argmax(coupled_at_start(schedule)))])


def _in_equilibrium(
    dynamics: Langevin, system: Potential, schedule: Schedule, beta: float, column: Get
) -> Floats | str:
    closed = np.array_equal(schedule.start_controls, schedule.end_controls)
    ends = (schedule.end_controls, schedule.start_controls)
    try:
        last, first = (0.0, 0.0) if closed else (minus_log_z(dynamics, system, c, beta) for c in ends)
    except InvalidInput:
        return "needs the exact free-energy difference, which is not known for this energy"
    return beta * np.asarray(column("energy_change"), dtype=np.float64) - (last - first)


def _in_steady_state(dynamics: Langevin, system: Potential, schedule: Schedule, column: Get) -> Floats:
    names = [system.coordinates[i] for i in driven_coordinates(_own(system))]
    velocities = list(system.velocities) if dynamics.masses_of(system) else []
    start = np.stack([column(f"{name}_initial") for name in [*names, *velocities]])
    end = np.stack(
        [column(f"{name}_final") for name in names] + [-column(f"{name}_final") for name in velocities]
    )
    return _log_density(dynamics, system, schedule, start, first=True) - _log_density(
        dynamics, system, schedule, end, first=False
    )


def _log_density(
    dynamics: Langevin, system: Potential, schedule: Schedule, state: Floats, *, first: bool
) -> Floats:
    """Return ln of the steady state's density, up to a constant that both ends share."""
    s, masses = schedule, dynamics.masses_of(system)
    controls, beta = (s.start_controls, s.start_beta) if first else (s.end_controls, s.end_beta)
    coupled = coupled_at_start(s) if masses else np.ones(len(beta), dtype=np.bool_)
    contacts = contacts_of(dynamics.resolve(system), beta, coupled)
    law = steady_state(_own(system), [float(value) for value in controls], contacts, masses)
    standard = np.linalg.solve(law.factor, state - law.mean[:, None])
    return np.asarray(-0.5 * np.sum(np.square(standard), axis=0) - np.sum(np.log(np.diagonal(law.factor))))


def _own(system: Potential) -> Potential:
    """Copy a system: what is derived here must not renumber the tree from which kernels are written."""
    return type(system)(**system.table())
