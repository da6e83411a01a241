"""What all Langevin dynamics share: baths, frictions, which coordinate touches which bath."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from fluctua.stochastic.baths import Bath
from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.forms import Link, Move
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.values import MOST_NAMES, Value, build, mapping, number, sequence, share_namespace

PerCoordinate = float | Mapping[str, float]


class Langevin(Value, ABC):
    """Baths and their strengths. Give `friction` for one bath called ``bath``, or `baths`.

    A dynamics adds its `move`, what resists a force and when a time step is too long for it.

    friction : float or mapping of coordinate to float, energy time / length^2
    baths : sequence of Bath
    """

    criterion: ClassVar[str]
    """What `overshoot` is, in words."""

    coarse: ClassVar[float]
    """What `overshoot` may be before averages are poor, although stable."""

    friction: PerCoordinate | None
    baths: tuple[Bath, ...]
    scheme: str

    def _set_baths(self, friction: object, baths: object) -> None:
        if (friction is None) == (baths is None):
            raise InvalidInput(
                "give friction or baths, one of them", "dynamics", "friction=1.0 is short for one bath"
            )
        made = tuple(
            build(bath, {"Bath": Bath}, f"dynamics.baths.{k}")
            for k, bath in enumerate(
                () if baths is None else sequence(baths, "dynamics.baths", "bath", most=MOST_NAMES)
            )
        )
        if baths is not None and not made:
            raise InvalidInput("no baths", "dynamics.baths", "give at least one Bath")
        share_namespace({"bath": [bath.name for bath in made]}, "dynamics.baths")
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
        """Give the side of the stability criterion that must stay below 2.

        Parameters
        ----------
        time_step : float
        curvature : float
            Of the energy, not negative; each coordinate is scaled with the root of what resists the force.
        """

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
