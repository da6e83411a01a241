"""What stands at the borders of a protocol's steps, and that nothing jumps there.

A quantity is a control, by its name, or a temperature: ``"beta"`` is that of all baths that nobody names,
``"beta of hot"`` that of a named one. A protocol that speaks of temperatures has ``"temperature"`` there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.ramps import Ramp, ends_of, largest, same
from fluctua.stochastic.steps import WORDS, Quench, Step, Thermal

InTime = TypeVar("InTime", bound=Ramp)


@dataclass
class Borders:
    """Values at the start of a protocol and after each of its steps.

    Attributes
    ----------
    start : dict of str to float
        Every quantity that the protocol names, at the first instant.
    changes : list of dict of str to float
        For each step, the quantities that it names, at its last instant.
    implied : set of str
        Quantities whose start follows from the first step that names them.
    """

    start: dict[str, float]
    changes: list[dict[str, float]] = field(default_factory=list)
    implied: set[str] = field(default_factory=set)

    def instants(self) -> Iterator[dict[str, float]]:
        """Give all quantities at the start, then after each step."""
        now = dict(self.start)
        yield dict(now)
        for change in self.changes:
            now |= change
            yield dict(now)


def place_of(step: Step, number: int) -> str:
    """Return the dotted path of a step: by its name, else by its number from 0."""
    return f"protocol.steps.{step.name or number}"


def named_baths(thermals: Sequence[Thermal | None]) -> tuple[str, ...]:
    """Return the baths that have temperatures of their own, in the order of their first mention."""
    return tuple(
        dict.fromkeys(bath for thermal in thermals if isinstance(thermal, Mapping) for bath in thermal)
    )


def quantity(word: str, bath: str | None) -> str:
    """Return the quantity that is the temperature of a named bath, or of those that nobody names."""
    return f"{word} of {bath}" if bath else word


def thermal_ramps(
    thermal: InTime | Mapping[str, InTime] | None, word: str | None, named: Sequence[str]
) -> dict[str, InTime]:
    """Spell out temperatures by quantity: a single value is that of all baths."""
    if thermal is None or word is None:
        return {}
    if isinstance(thermal, Mapping):
        return {quantity(word, bath): ramp for bath, ramp in thermal.items()}
    return {quantity(word, bath): thermal for bath in (None, *named)}


def ramps_of(step: Step, named: Sequence[str]) -> dict[str, Ramp]:
    """Return every quantity that a step names, with its values in time."""
    return {**step.moves, **thermal_ramps(step.thermal, step.word, named)}


def borders_of(
    steps: Sequence[Step], given: Mapping[str, float], named: Sequence[str], cycles: int
) -> Borders:
    """Follow all quantities through the steps.

    Raises
    ------
    InvalidInput
        If one jumps without a quench, a quench has nothing to jump from, or a repeated cycle does not close.
    """
    borders, last_ramp = Borders(dict(given)), dict[str, tuple[Ramp, float]]()
    now = dict(given)
    for number, step in enumerate(steps):
        ramps, place = ramps_of(step, named), place_of(step, number)
        change: dict[str, float] = {}
        for name, ramp in ramps.items():
            first, change[name] = ends_of(ramp, step.duration, f"{place}.{name}", positive=is_thermal(name))
            if isinstance(step, Quench):
                _check_quench(name, now, ramps, place, change)
            elif name not in now:
                borders.start[name] = first
                borders.implied.add(name)
            else:
                _check_border(
                    name, now[name], first, [(ramp, step.duration), last_ramp.get(name, (first, 0.0))], place
                )
                if name not in last_ramp:
                    borders.start[name] = first
                    borders.implied.add(name)
            last_ramp[name] = ramp, step.duration
        borders.changes.append(change)
        now |= change
    if cycles > 1:
        _check_closure(borders.start, now, last_ramp)
    return borders


def is_thermal(name: str) -> bool:
    """Tell whether a quantity is a temperature."""
    return name.split(" ", 1)[0] in WORDS


def _check_quench(
    name: str, now: Mapping[str, float], ramps: Mapping[str, Ramp], place: str, change: dict[str, float]
) -> None:
    """Refuse a quench from nowhere; where all baths are named, that of the others is of no interest."""
    if name in now:
        return
    if name in WORDS and any(other in now for other in ramps if other.startswith(f"{name} of ")):
        del change[name]
        return
    keyword = name.split(" ", 1)[0]
    raise InvalidInput(f"{name} has no value before the quench", place, f"give {keyword}= to the protocol")


def _check_border(
    name: str, before: float, after: float, around: Sequence[tuple[Ramp, float]], place: str
) -> None:
    if before != after and not same(before, after, _scale(around, place)):
        raise InvalidInput(
            f"{name} jumps from {before!r} to {after!r}",
            place,
            f"insert {_quench(name, after)} or start at {before!r}",
        )


def _check_closure(
    start: Mapping[str, float], end: Mapping[str, float], last_ramp: Mapping[str, tuple[Ramp, float]]
) -> None:
    for name, value in end.items():
        if value != start[name] and not same(
            start[name], value, _scale([last_ramp[name]], "protocol.cycles")
        ):
            raise InvalidInput(
                f"{name} ends a cycle at {value!r} and began it at {start[name]!r}",
                "protocol.cycles",
                f"end with {_quench(name, start[name])} or lead it back",
            )


def _scale(around: Sequence[tuple[Ramp, float]], place: str) -> float:
    return max(largest(ramp, duration, place) for ramp, duration in around)


def _quench(name: str, value: float) -> str:
    word, _, bath = name.partition(" of ")
    return f'Quench({word}={{"{bath}": {value!r}}})' if bath else f"Quench({word}={value!r})"
