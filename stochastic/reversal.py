"""Steps run backwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluctua.stochastic.borders import quantity
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.ramps import reversed_ramp
from fluctua.stochastic.steps import Quench, Step, Thermal


def reversed_step(step: Step, name: str, before: Mapping[str, float], named: Sequence[str]) -> Step:
    """Return a step run backwards; `before` is where everything stood when it began."""
    keywords = {**step.table(), "name": name}
    word, thermal = step.word, step.thermal
    if isinstance(step, Quench):
        keywords |= {control: before[control] for control in step.moves}
        if word and isinstance(thermal, Mapping):
            keywords[word] = {bath: before[quantity(word, bath)] for bath in thermal}
        elif word:
            keywords[word] = temperatures_at(before, word, named)
        return Quench(**keywords)
    keywords |= {control: reversed_ramp(ramp, step.duration) for control, ramp in step.moves.items()}
    if isinstance(thermal, Mapping):
        keywords[str(word)] = {bath: reversed_ramp(ramp, step.duration) for bath, ramp in thermal.items()}
    elif thermal is not None:
        keywords[str(word)] = reversed_ramp(thermal, step.duration)
    return type(step)(**keywords)


def temperatures_at(now: Mapping[str, float], word: str, named: Sequence[str]) -> Thermal:
    """Return the temperatures of an instant as a keyword: a number for all baths, or one for each by name."""
    by_name = {bath: now[quantity(word, bath)] for bath in named if quantity(word, bath) in now}
    if word not in now:
        return by_name
    if any(value != now[word] for value in by_name.values()):
        raise not_nameable(f"protocol.{word}")
    return now[word]


def not_nameable(where: str) -> InvalidInput:
    """Return the error for temperatures that no keyword can say."""
    return InvalidInput(
        "cannot be written backwards, one bath differs from all others", where, "name every bath at the start"
    )
