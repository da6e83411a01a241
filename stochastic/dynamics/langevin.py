"""What all Langevin dynamics share: baths, frictions, which coordinate touches which bath."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic import densities, ledger
from fluctua.stochastic.baths import Bath, several
from fluctua.stochastic.columns import Column
from fluctua.stochastic.curvature import scaled_curvature
from fluctua.stochastic.dynamics.dynamics import Dynamics, Get
from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.forms import Link, Move
from fluctua.stochastic.initial import Equilibrium, Initial, check_equilibrium
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.records import records_of
from fluctua.stochastic.status import Status
from fluctua.stochastic.system import System
from fluctua.stochastic.values import mapping, number

if TYPE_CHECKING:
    from fluctua.stochastic.propagator import Propagator
    from fluctua.stochastic.protocol import Protocol
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]
PerCoordinate = float | Mapping[str, float]


class Langevin(Dynamics):
    """Baths and their strengths. Give `friction` for one bath called ``bath``, or `baths`.

    A dynamics adds its `move`, what resists a force and when a time step is too long for it.

    friction : float or mapping of coordinate to float, energy time / length^2
    baths : sequence of Bath
    """

    moves: ClassVar[type[System]] = Potential
    failure: ClassVar[Status] = Status.OVERSHOT

    friction: PerCoordinate | None
    baths: tuple[Bath, ...]
    scheme: str

    def _set_baths(self, friction: object, baths: object) -> None:
        if (friction is None) == (baths is None):
            raise InvalidInput(
                "give friction or baths, one of them", "dynamics", "friction=1.0 is short for one bath"
            )
        made = () if baths is None else several(baths, {"Bath": Bath}, "give at least one Bath")
        self._set(friction=per_coordinate(friction, "dynamics.friction"), baths=made)

    @property
    @abstractmethod
    def move(self) -> Move:
        """The discrete map of its scheme, without its numbers."""

    @property
    def underdamped(self) -> bool:
        """Whether velocities are part of the state."""
        return self.move.underdamped

    @abstractmethod
    def resistance_of(self, system: Potential) -> tuple[float, ...]:
        """List what resists a force along each coordinate: its mass, or without inertia its friction."""

    @abstractmethod
    def overshoot(self, time_step: float, curvature: float) -> float:
        """Give the side of the stability criterion that must stay below 2."""

    def curvature(self, system: Potential, states: Floats, controls: Floats) -> Floats:
        """Return the curvature of the energy, each coordinate scaled with what resists the force."""
        return scaled_curvature(self, system, states, controls)

    def masses_of(self, _system: Potential) -> tuple[float, ...]:
        """List the mass of each coordinate; none where the momenta are no part of the state."""
        return ()

    @property
    def bath_names(self) -> tuple[str, ...]:
        """Names of the baths; ``bath`` when only a friction was given."""
        return tuple(bath.name for bath in self.baths) or ("bath",)

    def resolve(self, system: Potential) -> tuple[Link, ...]:
        """List the contacts between coordinates and baths, coordinate by coordinate.

        Raises
        ------
        InvalidInput
            An unknown coordinate, or one that no bath touches.
        """
        links = []
        for i, coordinate in enumerate(system.coordinates):
            touching = list(self._touching(coordinate, system.coordinates))
            if not touching:
                raise InvalidInput(f"no bath touches {coordinate}", "dynamics", "give it a friction")
            links += [Link(i, bath, friction) for bath, friction in touching]
        return tuple(links)

    def _touching(self, coordinate: str, coordinates: Sequence[str]) -> list[tuple[int, float]]:
        if not self.baths:
            assert self.friction is not None
            return [(0, value_at(self.friction, coordinate, coordinates, "dynamics.friction"))]
        touching = []
        for number_, bath in enumerate(self.baths):
            where = f"dynamics.baths.{bath.name}"
            for name in bath.on or ():
                if name not in coordinates:
                    raise not_among(name, "coordinate", coordinates, f"{where}.on")
            if not bath.on or coordinate in bath.on:
                touching.append((number_, bath.friction))
        return touching

    # ---- what every dynamics says

    @property
    def named_baths(self) -> tuple[str, ...]:
        """Names of the baths that a user gave; ``bath`` alone may stand beside anything."""
        return tuple(bath.name for bath in self.baths)

    @property
    def allows_isolated(self) -> bool:
        """Whether there is inertia, without which nothing moves a system that has lost its bath."""
        return self.underdamped

    def check(self, system: Potential) -> None:
        """Check that baths and masses fit the coordinates."""
        self.resolve(system)
        self.masses_of(system)

    def check_start(self, initial: Initial, system: Potential, schedule: Schedule) -> None:
        """Check that an equilibrium start is one."""
        if isinstance(initial, Equilibrium):
            check_equilibrium(initial, system, schedule, self.bath_names)

    def check_record(self, record: Mapping[str, str], system: Potential) -> None:
        """Check the formulas that a run records, in a graph of their own: the kernel's must not change."""
        records_of(system, record, self.underdamped, own_graph=True)

    def namespace(self, system: Potential) -> dict[str, Iterable[str]]:
        """Give coordinates and velocities."""
        return {
            "coordinate": system.coordinates,
            "velocity": system.velocities if self.underdamped else (),
        }

    def ledger(self, system: Potential, schedule: Schedule) -> list[Column]:
        """List the columns of the ledger."""
        return ledger.columns_of(self, system, schedule)

    def ends(self, system: Potential) -> list[Column]:
        """List each component of the state at its start and end."""
        named = ((name, unit) for name, unit in self._state(system))
        return [ledger.end(name, unit, which) for name, unit in named for which in ("initial", "final")]

    def stroke_ends(self, system: Potential) -> list[Column]:
        """List the whole state at the start of a stroke, then at its end."""
        state = self._state(system)
        return [ledger.end(name, unit, which) for which in ("initial", "final") for name, unit in state]

    def path_state(self, system: Potential) -> list[Column]:
        """List positions and velocities."""
        return [Column(name, unit, f"{name} at this time") for name, unit in self._state(system)]

    def _state(self, system: Potential) -> list[tuple[str, str]]:
        moving = system.velocities if self.underdamped else ()
        return [(name, "length") for name in system.coordinates] + [(name, "velocity") for name in moving]

    @property
    def order(self) -> int:
        """Power of the time step with which averages err."""
        return self.move.order

    def cost(self, system: Potential) -> int:
        """Count the coordinates."""
        return len(system.coordinates)

    def propagator(
        self, system: Potential, protocol: Protocol, *, hbar: float, lanes: int | None, **run: Any
    ) -> Propagator:
        """Make what computes its trajectories; Planck's constant plays no part."""
        from fluctua.stochastic.langevin import LANES, LangevinPropagator

        return LangevinPropagator(system, self, protocol, lanes=LANES if lanes is None else lanes, **run)

    # ---- what judges ask

    def minus_log_z(self, system: Potential, controls: Sequence[float], beta: float) -> float:
        """Return minus ln Z, momenta included."""
        return densities.minus_log_z(self, system, controls, beta)

    def energy(self, system: Potential, controls: Sequence[float], which: str, column: Get) -> Floats:
        """Return the total energy of each trajectory at its start or end."""
        return densities.energy(self, system, controls, which, column)

    def lacks_density(self, initial: Initial) -> str:
        """Say why the density at the ends of a path is not known; empty where it is."""
        return densities.lacks_density(self, initial)

    def boundary(self, system: Potential, schedule: Schedule, initial: Initial, column: Get) -> Floats | str:
        """Return the logarithm of the density at the start over that of a reverse start at the end."""
        return densities.boundary(self, system, schedule, initial, column)

    def no_equilibrium(self, system: Potential, schedule: Schedule) -> str:
        """Say that other forces drive it, if they do."""
        return "forces that no energy gives drive it" if system.forces else ""

    def even(self, system: Potential, record: Mapping[str, str]) -> list[str]:
        """Name the records that are no integral along a coordinate."""
        records = records_of(system, record, self.underdamped, own_graph=True)
        return [one.name for one in records if one.along is None]


def per_coordinate(value: Any, where: str) -> PerCoordinate | None:
    """Read a positive number, or one for each coordinate by name."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {
            name: number(item, f"{where}.{name}", positive=True)
            for name, item in mapping(value, where).items()
        }
    return number(value, where, positive=True)


def value_at(values: PerCoordinate, coordinate: str, coordinates: Sequence[str], where: str) -> float:
    """Look up a coordinate's number."""
    if not isinstance(values, Mapping):
        return values
    for name in values:
        if name not in coordinates:
            raise not_among(name, "coordinate", coordinates, where)
    if coordinate not in values:
        raise InvalidInput(f"{coordinate} is missing", where, f"add {coordinate} = ...")
    return values[coordinate]
