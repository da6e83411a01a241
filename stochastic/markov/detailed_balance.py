"""Local detailed balance, checked all along a protocol; and whether rates are rates.

ln(rate / rate back) = -beta * heat,   heat = E(target) - E(source) - mu * particles - work          (1)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.closings import closings, diverges, probes
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.markov.frozen import Frozen
from fluctua.stochastic.markov.functions import VANISHING
from fluctua.stochastic.markov.hazards import INSTANTS
from fluctua.stochastic.reservoirs import BoseBath, Rates
from fluctua.stochastic.steady_baths import steady_baths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from fluctua.stochastic.dynamics.markov_jump import MarkovJump
    from fluctua.stochastic.markov.generator import Generator
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

#: Both sides of (1) may differ by this, or by this fraction of themselves.
_TOLERANCE = 1e-9
#: Instants of a stroke that a person would choose.
_LOOKED_AT: Floats = np.unique(np.concatenate([np.linspace(0.0, 1.0, 129), INSTANTS]))
#: A gap of this fraction of the largest one in the stroke is closed.
_CLOSED = 1e-9
#: How many instants are checked at once.
_AT_ONCE = 50_000


@dataclass(frozen=True, eq=False)
class Sample:
    """Instants of strokes: time (N,), controls (N, C), beta (N, B), and which baths are connected."""

    times: Floats
    controls: Floats
    beta: Floats
    coupled: Mask


def samples(schedule: Schedule) -> Iterator[tuple[int, Floats, Sample]]:
    """Look at each stroke of one cycle that takes time: its number, fractions, and the values there.

    A stroke in the course of which something changes is looked at where tables of rates are,
    `hazards.INSTANTS`, at the corners of its ramps and half way between, and in equal steps.
    """
    borders = schedule.borders
    for stroke in range(schedule.cycle.count(schedule.cycle[0])):
        if borders[stroke + 1] > borders[stroke]:
            fractions = _fractions(schedule, stroke)
            yield stroke, fractions, _sample(schedule, stroke, fractions, borders)


def sample_at(schedule: Schedule, stroke: int, fractions: Floats) -> Sample:
    """Look at fractions of a stroke."""
    return _sample(schedule, stroke, fractions, schedule.borders)


def _sample(schedule: Schedule, stroke: int, fractions: Floats, borders: Floats) -> Sample:
    controls, beta = schedule.values(stroke, fractions)
    times = borders[stroke] + fractions * (borders[stroke + 1] - borders[stroke])
    return Sample(times, controls, beta, schedule.coupled_in(stroke))


def _fractions(schedule: Schedule, stroke: int) -> Floats:
    if not schedule.moving(stroke):
        return np.array([0.0, 1.0])
    knots = np.asarray(schedule.knots(stroke), dtype=np.float64)
    if len(knots) == 2:
        return _LOOKED_AT
    return np.unique(np.concatenate([_LOOKED_AT, knots, 0.5 * (knots[1:] + knots[:-1])]))


def check_along(generator: Generator, dynamics: MarkovJump, schedule: Schedule) -> None:
    """Check all rates, and where the run has thermodynamics their balance, along a schedule.

    What is wrong over 1/1000 of a step or more is found. Tables and exact companions check what they look at
    besides, as `check_values` does.

    Raises
    ------
    InvalidInput
        If an energy is not finite, a rate is negative or not finite, a gap closes where bosons of no energy
        act, or (1) fails.
    """
    for sample in _together(_without_closing_gaps(generator, dynamics, schedule)):
        check_values(_frozen(generator, sample), sample.times, balanced=dynamics.thermodynamics)
    ends = np.arange(schedule.cycle.count(schedule.cycle[0]))
    for row, controls, beta in (
        (ends, schedule.opening_controls, schedule.opening_beta),
        (ends + 1, schedule.closing_controls, schedule.closing_beta),
    ):
        nothing = np.zeros(beta.shape[1], np.bool_)
        sample = Sample(schedule.borders[row], controls[ends], beta[ends], nothing)
        check_values(_frozen(generator, sample), sample.times, balanced=False)
    if dynamics.housekeeping:
        _check_steady(generator, schedule)


def _without_closing_gaps(generator: Generator, dynamics: MarkovJump, schedule: Schedule) -> Iterator[Sample]:
    """Look at each stroke, once its gaps have been checked: an infinite rate is said to be one of those."""
    for stroke, fractions, sample in samples(schedule):
        _check_gaps(generator, dynamics, schedule, stroke, fractions, sample)
        yield sample


def _check_steady(generator: Generator, schedule: Schedule) -> None:
    """Check the rates of baths that make the steady state where they are not connected."""
    steady = steady_baths(schedule)
    for stroke, _, sample in samples(schedule):
        asked = sample.coupled | steady[stroke]
        if (asked != sample.coupled).any():
            off = replace(sample, coupled=asked)
            check_values(_frozen(generator, off), off.times, balanced=False)


def _frozen(generator: Generator, sample: Sample) -> Frozen:
    return Frozen(generator, sample.controls, sample.beta, sample.coupled)


def _together(found: Iterable[Sample]) -> Iterator[Sample]:
    """Join what has the same baths: of short strokes many are checked at once."""
    groups: dict[bytes, list[Sample]] = {}
    for sample in found:
        group = groups.setdefault(sample.coupled.tobytes(), [])
        group.append(sample)
        if sum(len(one.times) for one in group) > _AT_ONCE:
            yield _joined(groups.pop(sample.coupled.tobytes()))
    yield from map(_joined, groups.values())


def _joined(group: list[Sample]) -> Sample:
    times, controls, beta = (
        np.concatenate([getattr(one, name) for one in group]) for name in ("times", "controls", "beta")
    )
    return Sample(times, controls, beta, group[0].coupled)


def check_anywhere(generator: Generator, dynamics: MarkovJump) -> None:
    """Check the balance of rates that name `beta`, at arbitrary controls and temperatures.

    Rates that do not name it can be right at one temperature only, which the protocol knows.
    """
    shape = (4, len(generator.system.controls))
    controls = 0.37 + 0.29 * np.arange(float(shape[0] * shape[1])).reshape(shape)
    beta = np.repeat(np.array([[0.7], [1.0], [1.3], [2.1]]), len(dynamics.baths), axis=1)
    named = [isinstance(bath, Rates) and _names_beta(bath) for bath in dynamics.baths]
    if any(named):
        at = Frozen(generator, controls, beta, np.array(named))
        ratio, expected = imbalance(at)
        # Arbitrary controls may lie where a formula is not meant to be used.
        sound = np.isfinite(ratio) & np.isfinite(expected)
        _refuse_imbalance(at, np.full(shape[0], np.nan), ratio, expected, sound)


def _names_beta(bath: Rates) -> bool:
    formulas = (bath.forward, bath.backward)
    return any(isinstance(text, str) and re.search(r"\bbeta\b", text) for text in formulas)


def check_values(at: Frozen, times: Floats, *, balanced: bool) -> None:
    """Check that energies, rates and where asked their balance (1) are in order at some instants.

    Raises
    ------
    InvalidInput
        If one is negative or not finite, or (1) fails; it names the channel, the controls and the time.
    """
    channels, levels = at.generator.channels, at.generator.levels

    def refuse(wrong: Mask, values: Floats, noun: str, what: str) -> None:
        if not wrong.any():
            return
        row, k = (int(index) for index in np.argwhere(wrong)[0])
        of_level = values is at.energies
        name = levels[k] if of_level else channels[k].name
        where = f"system.energy.{name}" if of_level else _where(at.generator, k)
        said = f"{noun} {name} is {what}, {values[row, k]:.6g}{_at(at, times, row)}"
        raise InvalidInput(said, where, "change the formula or the protocol")

    refuse(~np.isfinite(at.energies), at.energies, "the energy of", "not finite")
    refuse(~np.isfinite(at.potentials), at.potentials, "the chemical potential of", "not finite")
    refuse(~np.isfinite(at.pushes), at.pushes, "the work of", "not finite")
    refuse(~np.isfinite(at.rates), at.rates, "the rate of", "not finite")
    refuse(at.rates < 0.0, at.rates, "the rate of", "negative")
    if balanced:
        ratio, expected = imbalance(at)
        _refuse_imbalance(at, times, ratio, expected, np.True_)


def imbalance(at: Frozen) -> tuple[Floats, Floats]:
    """Return ln(rate / rate back) (N, K), and -beta times heat (N, K) of each channel.

    Both are 0 for a channel that has no way back, and the logarithm where both rates are 0. A rate that has
    lost its last digits, but is not 0, is taken as balanced, as it is in a run.
    """
    back = at.generator.reverses
    lower = np.minimum(at.rates, at.rates[:, back])
    with np.errstate(all="ignore"):
        logarithms = np.log(at.rates)  # a refusal asks for no more digits than all machines share
        ratio = logarithms - logarithms[:, back]
    closed = (back < 0) | ((at.rates == 0.0) & (at.rates[:, back] == 0.0))
    expected = -at.beta[:, at.generator.baths] * at.heat
    ratio = np.where((lower > 0.0) & (lower < VANISHING), expected, ratio)
    return np.where(closed, 0.0, ratio), np.where(closed, 0.0, expected)


def unbalanced(ratio: Floats, expected: Floats) -> Mask:
    """Tell where the two sides of (1) differ."""
    with np.errstate(all="ignore"):
        wrong: Mask = ~(np.abs(ratio - expected) <= _TOLERANCE * np.maximum(1.0, np.abs(expected)))
    return wrong


def _refuse_imbalance(
    at: Frozen, times: Floats, ratio: Floats, expected: Floats, sound: Mask | np.bool_
) -> None:
    wrong = unbalanced(ratio, expected) & sound
    if wrong.any():
        row, k = (int(index) for index in np.argwhere(wrong)[0])
        raise _imbalance(at, times, row, k, float(ratio[row, k]), float(expected[row, k]))


def _imbalance(at: Frozen, times: Floats, row: int, k: int, ratio: float, expected: float) -> InvalidInput:
    channel, where, here = at.generator.channels[k], _where(at.generator, k), _at(at, times, row)
    if not np.isfinite(ratio):
        return InvalidInput(
            f"{channel.name} or its way back has the rate 0{here}, where beta * heat is {-expected:.6g}",
            where,
            "raise the temperature, or set thermodynamics=False",
        )
    return InvalidInput(
        f"{channel.name} breaks detailed balance{here}: ln(rate / rate back) is {ratio:.10g}, -beta * heat is"
        f" {expected:.10g}",
        where,
        "correct the rates, say what work they do, or set thermodynamics=False",
    )


def _check_gaps(
    generator: Generator,
    dynamics: MarkovJump,
    schedule: Schedule,
    stroke: int,
    fractions: Floats,
    sample: Sample,
) -> None:
    """Refuse a gap that closes where a bath of bosons has an infinite rate then."""
    flat = [
        isinstance(bath, BoseBath) and sample.coupled[b] and not generator.finite_without_gap(b)
        for b, bath in enumerate(dynamics.baths)
    ]
    if not any(flat):
        return
    energies = generator.energies(sample.controls)
    for k, channel in enumerate(generator.channels):
        if not flat[channel.bath] or channel.reverse < k or not np.isfinite(energies).all():
            continue
        sizes = np.abs(energies[:, channel.target] - energies[:, channel.source])
        at = _infinite(generator, schedule, stroke, k, fractions, sizes)
        if len(at):
            there = sample_at(schedule, stroke, at)
            here = _at(_frozen(generator, there), there.times, 0)
            raise InvalidInput(
                f"the gap of {channel.name} closes{here}, and its rate is infinite there",
                f"{_where(generator, k)}.spectrum",
                'let the spectrum vanish with the gap, spectrum="omega"',
            )


def _infinite(
    generator: Generator, schedule: Schedule, stroke: int, k: int, fractions: Floats, sizes: Floats
) -> Floats:
    """Return the fractions of a stroke at which the gap of channel k closes and its rate is infinite."""

    def frozen(fractions: Floats) -> Frozen:
        return _frozen(generator, sample_at(schedule, stroke, fractions))

    def gap(fractions: Floats) -> Floats:
        found: Floats = np.abs(frozen(fractions).rise(frozen(fractions).energies)[:, k])
        return found

    closed = _CLOSED * float(sizes.max())
    at = closings(gap, fractions, sizes, closed)
    if not len(at):
        return at
    about = probes(at)
    rates = frozen(about.ravel()).rates[:, k].reshape(about.shape)
    return at[diverges(rates, gap(about.ravel()).reshape(about.shape), closed)]


def _at(at: Frozen, times: Floats, row: int) -> str:
    """Say at which controls, temperatures and time."""
    words = [
        f"{name} = {value:.6g}"
        for name, value in zip(at.generator.system.controls, at.controls[row], strict=True)
    ]
    if np.isfinite(times[row]):
        words.append(f"time {times[row]:.6g}")
    else:
        words.append(f"beta = {at.beta[row, 0]:.6g}")
    return f" at {', '.join(words)}"


def _where(generator: Generator, k: int) -> str:
    return f"dynamics.baths.{generator.bath_names[generator.channels[k].bath]}"
