"""Equilibrium of a jump process: probabilities proportional to exp(-beta (E - mu N))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.markov.generator import Generator

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

#: Chemical potentials that differ by less than this fraction are one, typed in two ways.
_SAME = 1e-12


def components(generator: Generator) -> list[list[int]]:
    """List the sets of levels that channels connect, whatever their rates."""
    belongs = list(range(len(generator.levels)))
    for channel in generator.channels:
        a, b = belongs[channel.source], belongs[channel.target]
        belongs = [a if owner == b else owner for owner in belongs]
    return [[i for i, owner in enumerate(belongs) if owner == a] for a in dict.fromkeys(belongs)]


def particle_numbers(generator: Generator) -> tuple[int, ...]:
    """Count the particles in each level, 0 in the emptiest.

    Raises
    ------
    InvalidInput
        If two ways through the channels lead to different numbers, or particles are exchanged and no way
        leads from some levels to others.
    """
    numbers: dict[int, int] = {0: 0}
    if not generator.particles.any():
        return (0,) * len(generator.levels)
    waiting = [0]
    while waiting:
        level = waiting.pop(0)
        for channel in generator.channels:
            for here, there, more in (
                (channel.source, channel.target, channel.particles),
                (channel.target, channel.source, -channel.particles),
            ):
                if here == level and there not in numbers:
                    numbers[there] = numbers[level] + more
                    waiting.append(there)
                elif here == level and numbers[there] != numbers[level] + more:
                    raise _two_numbers(generator.levels[there], numbers[there], numbers[level] + more)
    if len(numbers) < len(generator.levels):
        lost = next(level for k, level in enumerate(generator.levels) if k not in numbers)
        raise InvalidInput(
            f"no channel leads from {generator.levels[0]} to {lost}, whose number of particles is unknown",
            "dynamics.baths",
            "connect all levels",
        )
    emptiest = min(numbers.values())
    return tuple(numbers[k] - emptiest for k in range(len(numbers)))


def countable(generator: Generator) -> bool:
    """Tell whether each level has a number of particles."""
    try:
        particle_numbers(generator)
    except InvalidInput:
        return False
    return True


def _two_numbers(level: str, one: int, other: int) -> InvalidInput:
    return InvalidInput(
        f"there is no equilibrium, {level} holds {one:+d} or {other:+d} particles depending on the way there",
        "dynamics.baths",
        "turn an edge of a lead around, or start from Steady()",
    )


def chemical_potential(generator: Generator, controls: Sequence[float], among: Mask | None = None) -> float:
    """Return the one chemical potential of all leads, or of those `among` the baths; 0 without any.

    Raises
    ------
    InvalidInput
        If leads differ.
    """
    names, values = _leads(generator, controls, among)
    if not values:
        return 0.0
    for name, mu in zip(names, values, strict=True):
        if abs(mu - values[0]) > _SAME * max(abs(mu), abs(values[0])):
            raise InvalidInput(
                f"equilibrium is ambiguous, mu of {names[0]} and {name} differ ({values[0]:.6g}, {mu:.6g})",
                "initial",
                "start from Steady()",
            )
    return values[0]


def _leads(
    generator: Generator, controls: Sequence[float], among: Mask | None
) -> tuple[list[str], list[float]]:
    """Name the leads that count, with the chemical potential of each."""
    row = np.asarray(controls, dtype=np.float64)[None, :]
    potentials = generator.potentials(row)[0]
    found = {
        generator.bath_names[channel.bath]: float(mu)
        for channel, mu in zip(generator.channels, potentials, strict=True)
        if channel.particles and (among is None or among[channel.bath])
    }
    return list(found), list(found.values())


def one_potential(generator: Generator, controls: Floats) -> bool:
    """Tell whether all leads have one chemical potential at each row of controls, shape (N, C)."""
    leads = np.flatnonzero(generator.particles != 0)
    if not leads.size:
        return True
    mu = generator.potentials(controls)[:, leads]
    spread, size = mu.max(axis=1) - mu.min(axis=1), np.abs(mu).max(axis=1)
    return bool((spread <= _SAME * size).all())


def exponents(generator: Generator, controls: Sequence[float], beta: float, mu: float) -> Floats:
    """Return beta (E - mu N) of each level, shape (n,).

    Raises
    ------
    InvalidInput
        If the number of particles has no unique value, or an energy is not finite.
    """
    row = np.asarray(controls, dtype=np.float64)[None, :]
    energies = generator.energies(row)[0]
    if not np.isfinite(energies).all():
        level = generator.levels[int(np.argmin(np.isfinite(energies)))]
        where = ", ".join(
            f"{name} = {v:.6g}" for name, v in zip(generator.system.controls, row[0], strict=True)
        )
        raise InvalidInput(
            f"the energy is not finite{' at ' + where if where else ''}",
            f"system.energy.{level}",
            "change the formula or the protocol",
        )
    # Without a chemical potential to multiply it, the number of particles need not be known.
    numbers = np.array(particle_numbers(generator) if mu != 0.0 else [0] * len(energies), dtype=np.float64)
    result: Floats = beta * (energies - mu * numbers)
    return result
