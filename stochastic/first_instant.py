"""The run at its first instant, which is what a start is made from, and which baths stand there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic import streams
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.steady import Contact, contacts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fluctua.stochastic.dynamics.langevin import Langevin
    from fluctua.stochastic.potential import Potential
    from fluctua.stochastic.schedule import Schedule

    Array = NDArray[np.float64]
    Draw = Callable[[int, int], Array]
    Relax = Callable[[Array, int, int, str], Array]


@dataclass(frozen=True, eq=False)
class Start:
    """A prepared start.

    Parameters
    ----------
    draw : function (first, count) -> array
        States of trajectories first .. first + count - 1, shape (S, count): positions, then velocities if
        there are any.
    facts : dict
        How the states are made, for the run's manifest: ``method``, ``error`` where there is one, ``notes``.
    """

    draw: Draw
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FirstInstant:
    """What a start is made from: the run at its first instant."""

    system: Potential
    masses: tuple[float, ...]
    contacts: list[Contact]
    bath_names: tuple[str, ...]
    controls: list[float]
    schedule: Schedule
    seed: int
    direction: str
    relax: Relax | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the state's components."""
        return (*self.system.coordinates, *(self.system.velocities if self.masses else ()))

    def uniforms(self, first: int, count: int) -> Array:
        """One uniform for each coordinate, shape (n, count)."""
        return streams.draw_uniforms(
            self.seed, self.direction, "initial", first, count, len(self.system.coordinates)
        )

    def normals(self, first: int, count: int) -> tuple[Array, Array]:
        """Draw a normal for each coordinate and each velocity; the latter share no call with a uniform."""
        n = len(self.system.coordinates)
        velocities = n + n % 2
        drawn = streams.draw_normals(
            self.seed, self.direction, "initial", first, count, velocities + len(self.masses)
        )
        return drawn[:n], drawn[velocities:]


def first_instant(
    system: Potential,
    dynamics: Langevin,
    schedule: Schedule,
    *,
    seed: int,
    direction: str,
    relax: Relax | None,
) -> FirstInstant:
    """Gather what a start is made from."""
    # A graph of its own: derivatives taken here must not renumber the nodes from which the kernel is written.
    system = type(system)(**system.table())
    return FirstInstant(
        system=system,
        masses=dynamics.masses_of(system),
        contacts=contacts_of(dynamics.resolve(system), schedule.start_beta, coupled_at_start(schedule)),
        bath_names=dynamics.bath_names,
        controls=[float(value) for value in schedule.start_controls],
        schedule=schedule,
        seed=seed,
        direction=direction,
        relax=relax,
    )


def coupled_at_start(schedule: Schedule) -> NDArray[np.bool_]:
    """Tell which baths a start knows: those connected in the first move, or all if none is."""
    everywhere: NDArray[np.bool_] = np.ones(len(schedule.start_beta), dtype=np.bool_)
    if not schedule.steps:
        return everywhere
    first: NDArray[np.bool_] = schedule.coupled[0]
    return first if first.any() else everywhere


def beta_at_start(
    schedule: Schedule,
    bath_names: Sequence[str],
    remedy: str = "Equilibrium(beta=...) or Steady(duration=...)",
) -> float:
    """Inverse temperature of the equilibrium at the first instant.

    It is that of the baths which are connected then: the system has never met any other, so the temperature
    of a bath that is connected only later cannot make its equilibrium ambiguous. Where the system begins
    isolated no bath is nearer to it than another, and all count. `remedy` names starts that the dynamics has
    where baths differ.

    Raises
    ------
    InvalidInput
        If those baths differ.
    """
    there = coupled_at_start(schedule)
    beta = schedule.start_beta[there]
    if np.any(beta != beta[0]):
        names = [name for name, coupled in zip(bath_names, there, strict=True) if coupled]
        raise InvalidInput(
            f"equilibrium is ambiguous, {', '.join(names[:-1])} and {names[-1]} differ",
            "initial",
            remedy,
        )
    return float(beta[0])
