"""Baths: what is touched, and how strongly. Their temperatures belong to the protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from fluctua.stochastic.errors import InvalidInput, did_you_mean, shown
from fluctua.stochastic.values import (
    MOST_NAMES,
    Value,
    build,
    name,
    names,
    number,
    sequence,
    share_namespace,
)

if TYPE_CHECKING:
    from fluctua.stochastic.reservoirs import Reservoir

Named = TypeVar("Named", bound="Bath | Reservoir")


class Bath(Value):
    """A Langevin bath: friction, and the white noise that goes with it.

    A bath of friction gamma and inverse temperature beta pushes each coordinate it touches with the force
    ``-gamma v + sqrt(2 gamma / beta) * white noise``. Its beta is the protocol's, as it may change in time.

    Parameters
    ----------
    name : str
        What columns call it: ``heat_hot``.
    on : str or sequence of str, optional
        The coordinates it touches; all of them if left out.
    friction : float, energy time / length^2
        Greater than zero, the same for each coordinate it touches.

    Raises
    ------
    InvalidInput
        If a temperature is given, a keyword is unknown, or the friction is not a positive number.

    Examples
    --------
    >>> Bath("hot", on="x", friction=1.0)
    Bath(hot on x, friction 1.0)
    """

    implied_kind: ClassVar[bool] = True

    name: str
    on: tuple[str, ...] | None
    friction: float

    def __init__(
        self, name: str, *, on: str | Sequence[str] | None = None, friction: float, **unknown: Any
    ) -> None:
        where = f"dynamics.baths.{_read_name(name)}"
        _refuse(unknown, name, where)
        touched = None if on is None else names(on, f"{where}.on")
        if touched == ():
            raise InvalidInput(
                "a bath that touches nothing", f"{where}.on", "name a coordinate or leave `on` out"
            )
        self._set(
            name=_read_name(name), on=touched, friction=number(friction, f"{where}.friction", positive=True)
        )

    def table(self) -> dict[str, Any]:
        """Return the keywords of this bath; a single coordinate stands without brackets."""
        table = super().table()
        return {**table, "on": table["on"][0]} if self.on and len(self.on) == 1 else table

    def __repr__(self) -> str:
        """Return name, coordinates and friction on one line."""
        touched = f" on {', '.join(self.on)}" if self.on else ""
        return f"Bath({self.name}{touched}, friction {self.friction})"


def _read_name(value: object) -> str:
    return name(value, "dynamics.baths")


def _refuse(unknown: dict[str, Any], bath: str, where: str) -> None:
    """Refuse what a bath does not have; its temperature is the usual one."""
    for word, value in unknown.items():
        if word in ("beta", "temperature"):
            raise InvalidInput(
                "a bath has no temperature",
                where,
                f'give {word}={{"{bath}": {shown(value)}}} to the protocol',
            )
        known = ("name", "on", "friction")
        raise InvalidInput(
            f"{word!r} is unknown", where, f"Bath takes {', '.join(known)}{did_you_mean(word, known)}"
        )


def several(given: object, kinds: Mapping[str, type[Named]], remedy: str) -> tuple[Named, ...]:
    """Read the baths of a dynamics, which takes some kinds.

    Raises
    ------
    InvalidInput
        One of another kind, none at all, for which there is a remedy, or two of one name.
    """
    made = tuple(
        build(bath, kinds, f"dynamics.baths.{k}")
        for k, bath in enumerate(sequence(given, "dynamics.baths", "bath", most=MOST_NAMES))
    )
    if not made:
        raise InvalidInput("no baths", "dynamics.baths", remedy)
    share_namespace({"bath": [bath.name for bath in made]}, "dynamics.baths")
    return made
