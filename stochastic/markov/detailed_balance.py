"""Local detailed balance, checked all along a protocol; and whether rates are rates.

ln(rate / rate back) = -beta * heat,   heat = E(target) - E(source) - mu * particles - work          (1)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.lanes import log
from fluctua.stochastic.reservoirs import BoseBath, Rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fluctua.stochastic.dynamics.markov_jump import MarkovJump
    from fluctua.stochastic.markov.generator import Generator
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

#: Both sides of (1) may differ by this, or by this fraction of themselves.
_TOLERANCE = 1e-9
#: Instants of a stroke at which rates are looked at, besides the corners of ramps and half way between.
_INSTANTS = 129
#: A gap of this fraction of the largest one in the stroke is closed.
_CLOSED = 1e-9
#: How many dips of a gap between two instants are looked into, and how often 8 times closer.
_DIPS, _CLOSER = 8, 20


@dataclass(frozen=True, eq=False)
class Sample:
    """Instants of a stroke: time (N,), controls (N, C), beta (N, B), and which baths are connected."""

    times: Floats
    controls: Floats
    beta: Floats
    coupled: Mask


def samples(schedule: Schedule) -> Iterator[tuple[int, Floats, Sample]]:
    """Look at each stroke of one cycle that takes time: its number, fractions, and the values there."""
    for stroke, duration in enumerate(schedule.durations):
        if duration > 0.0 and schedule.cycle[stroke] == schedule.cycle[0]:
            fractions = _fractions(schedule, stroke)
            yield stroke, fractions, sample_at(schedule, stroke, fractions)


def sample_at(schedule: Schedule, stroke: int, fractions: Floats) -> Sample:
    """Look at fractions of a stroke."""
    controls, beta = schedule.values(stroke, fractions)
    times = float(np.sum(schedule.durations[:stroke])) + fractions * float(schedule.durations[stroke])
    return Sample(times, controls, beta, schedule.coupled_in(stroke))


def _fractions(schedule: Schedule, stroke: int) -> Floats:
    if not schedule.moving(stroke):
        return np.array([0.0, 1.0])
    knots = np.asarray(schedule.knots(stroke), dtype=np.float64)
    middles = 0.5 * (knots[1:] + knots[:-1])
    return np.unique(np.concatenate([np.linspace(0.0, 1.0, _INSTANTS), knots, middles]))


def check_along(generator: Generator, dynamics: MarkovJump, schedule: Schedule) -> None:
    """Check all rates, and where the run has thermodynamics their balance, along a schedule.

    Raises
    ------
    InvalidInput
        If an energy is not finite, a rate is negative or not finite, a gap closes where bosons of no energy
        act, or (1) fails.
    """
    for stroke, fractions, sample in samples(schedule):
        _check_energies(generator, sample)
        _check_gaps(generator, dynamics, schedule, stroke, fractions)
        check_rates(generator, sample)
        if dynamics.thermodynamics:
            _check_balance(generator, sample)


def check_anywhere(generator: Generator, dynamics: MarkovJump) -> None:
    """Check the balance of rates that name `beta`, at arbitrary controls and temperatures.

    Rates that do not name it can be right at one temperature only, which the protocol knows.
    """
    shape = (4, len(generator.system.controls))
    controls = 0.37 + 0.29 * np.arange(float(shape[0] * shape[1])).reshape(shape)
    beta = np.repeat(np.array([[0.7], [1.0], [1.3], [2.1]]), len(dynamics.baths), axis=1)
    named = [isinstance(bath, Rates) and _names_beta(bath) for bath in dynamics.baths]
    sample = Sample(np.full(shape[0], np.nan), controls, beta, np.array(named))
    if any(named):
        _check_balance(generator, sample, strict=False)


def _names_beta(bath: Rates) -> bool:
    formulas = (bath.forward, bath.backward)
    return any(isinstance(text, str) and re.search(r"\bbeta\b", text) for text in formulas)


def _check_energies(generator: Generator, sample: Sample) -> None:
    energies = generator.energies(sample.controls)
    wrong = ~np.isfinite(energies)
    if wrong.any():
        row, level = (int(index) for index in np.argwhere(wrong)[0])
        raise InvalidInput(
            f"the energy of {generator.levels[level]} is not finite, {energies[row, level]:.6g}"
            f"{_at(generator, sample, row)}",
            f"system.energy.{generator.levels[level]}",
            "change the formula or the protocol",
        )


def check_rates(generator: Generator, sample: Sample) -> None:
    """Check that rates are rates at some instants of a stroke.

    Raises
    ------
    InvalidInput
        If one is negative or not finite; it names the channel, the controls and the time.
    """
    rates = generator.rates(sample.controls, sample.beta, sample.coupled)
    for what, wrong in (("not finite", ~np.isfinite(rates)), ("negative", rates < 0.0)):
        if wrong.any():
            row, k = (int(index) for index in np.argwhere(wrong)[0])
            raise InvalidInput(
                f"the rate of {generator.channels[k].name} is {what}, {rates[row, k]:.6g}"
                f"{_at(generator, sample, row)}",
                _where(generator, k),
                "change the formula or the protocol",
            )


def imbalance(generator: Generator, sample: Sample) -> tuple[Floats, Floats, Floats]:
    """Return rates (N, K), ln(rate / rate back) (N, K), and -beta times heat (N, K) of each channel.

    Both are 0 for a channel that has no way back, and the logarithm where both rates are 0.
    """
    rates = generator.rates(sample.controls, sample.beta, sample.coupled)
    energies, back = generator.energies(sample.controls), generator.reverses
    gained = energies[:, generator.targets] - energies[:, generator.sources]
    heat = gained - generator.potentials(sample.controls) * generator.particles
    heat = heat - generator.pushes(sample.controls)
    returning = rates[:, back]
    with np.errstate(all="ignore"):
        ratio = log(rates) - log(returning)
    closed = (back < 0) | ((rates == 0.0) & (returning == 0.0))
    expected = -sample.beta[:, generator.baths] * heat
    return rates, np.where(closed, 0.0, ratio), np.where(closed, 0.0, expected)


def _check_balance(generator: Generator, sample: Sample, *, strict: bool = True) -> None:
    _, ratio, expected = imbalance(generator, sample)
    with np.errstate(all="ignore"):
        wrong = ~(np.abs(ratio - expected) <= _TOLERANCE * np.maximum(1.0, np.abs(expected)))
    if not strict:  # arbitrary controls may lie where a formula is not meant to be used
        wrong &= np.isfinite(ratio) & np.isfinite(expected)
    if wrong.any():
        row, k = (int(index) for index in np.argwhere(wrong)[0])
        raise _imbalance(generator, sample, row, k, float(ratio[row, k]), float(expected[row, k]))


def _imbalance(
    generator: Generator, sample: Sample, row: int, k: int, ratio: float, expected: float
) -> InvalidInput:
    channel, where, at = generator.channels[k], _where(generator, k), _at(generator, sample, row)
    if not np.isfinite(ratio):
        return InvalidInput(
            f"{channel.name} or its way back has the rate 0{at}, where beta * heat is {-expected:.6g}",
            where,
            "raise the temperature, or set thermodynamics=False",
        )
    return InvalidInput(
        f"{channel.name} breaks detailed balance{at}: ln(rate / rate back) is {ratio:.10g}, -beta * heat is"
        f" {expected:.10g}",
        where,
        "correct the rates, say what work they do, or set thermodynamics=False",
    )


def _check_gaps(
    generator: Generator, dynamics: MarkovJump, schedule: Schedule, stroke: int, fractions: Floats
) -> None:
    """Refuse a gap that closes where a bath of bosons has an infinite rate then."""
    coupled = schedule.coupled_in(stroke)
    flat = [
        isinstance(bath, BoseBath) and coupled[b] and not generator.finite_without_gap(b)
        for b, bath in enumerate(dynamics.baths)
    ]
    energies = generator.energies(schedule.values(stroke, fractions)[0]) if any(flat) else None
    for k, channel in enumerate(generator.channels):
        if energies is None or not flat[channel.bath] or channel.reverse < k:
            continue
        gaps = energies[:, channel.target] - energies[:, channel.source]
        at = _closing(generator, schedule, stroke, fractions, k, gaps)
        if at is not None:
            here = _at(generator, sample_at(schedule, stroke, np.array([at])), 0)
            raise InvalidInput(
                f"the gap of {channel.name} closes{here}, and its rate is infinite there",
                f"{_where(generator, k)}.spectrum",
                'let the spectrum vanish with the gap, spectrum="omega"',
            )


def _closing(
    generator: Generator, schedule: Schedule, stroke: int, fractions: Floats, k: int, gaps: Floats
) -> float | None:
    """Return the fraction of a stroke at which the gap of channel k closes, or None."""
    channel = generator.channels[k]

    def gap(at: Floats) -> Floats:
        energies = generator.energies(schedule.values(stroke, at)[0])
        found: Floats = energies[:, channel.target] - energies[:, channel.source]
        return found

    sign, size = np.sign(gaps), np.abs(gaps)
    if not np.isfinite(gaps).all() or (gaps == 0.0).any():
        return float(fractions[int(np.argmax(gaps == 0.0))]) if (gaps == 0.0).any() else None
    for i in np.flatnonzero(sign[1:] != sign[:-1]):
        return _narrowest(gap, fractions[i], fractions[i + 1])
    dips = np.flatnonzero((size[1:-1] < size[:-2]) & (size[1:-1] <= size[2:])) + 1
    for i in dips[np.argsort(size[dips], kind="stable")][:_DIPS]:
        at = _narrowest(gap, fractions[i - 1], fractions[i + 1])
        if abs(gap(np.array([at]))[0]) <= _CLOSED * size.max():
            return at
    return None


def _narrowest(gap: Callable[[Floats], Floats], begin: float, end: float) -> float:
    """Return where a gap is smallest between two fractions, by looking ever closer."""
    for _ in range(_CLOSER):
        at = np.linspace(begin, end, 17)
        i = int(np.argmin(np.abs(gap(at))))
        begin, end = float(at[max(i - 1, 0)]), float(at[min(i + 1, 16)])
    return 0.5 * (begin + end)


def _at(generator: Generator, sample: Sample, row: int) -> str:
    """Say at which controls, temperatures and time."""
    words = [
        f"{name} = {value:.6g}"
        for name, value in zip(generator.system.controls, sample.controls[row], strict=True)
    ]
    if np.isfinite(sample.times[row]):
        words.append(f"time {sample.times[row]:.6g}")
    else:
        words.append(f"beta = {sample.beta[row, 0]:.6g}")
    return f" at {', '.join(words)}"


def _where(generator: Generator, k: int) -> str:
    return f"dynamics.baths.{generator.bath_names[generator.channels[k].bath]}"
