"""A free particle between two baths: Maxwell's distribution at every instant, and yet no equilibrium.

    m dv/dt = -(gamma_1 + gamma_2) v + noise of both baths

Temperatures are energies. Heat counts as flowing from the first bath into the particle.

P. Visco, J. Stat. Mech. P06006 (2006).
"""

from __future__ import annotations

import math

from fluctua.stochastic.potential import Potential


def two_bath_particle() -> Potential:
    """Return the free particle."""
    return Potential("0", coordinates="q")


def kinetic_temperature(*, first: float, second: float, frictions: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return ``m <v^2> = (gamma_1 T_1 + gamma_2 T_2) / (gamma_1 + gamma_2)`` in the steady state."""
    return (frictions[0] * first + frictions[1] * second) / sum(frictions)


def heat_current(
    *, first: float, second: float, frictions: tuple[float, float] = (1.0, 1.0), mass: float = 1.0
) -> float:
    """Return the mean heat per time from the first bath to the second.

    ``gamma_1 gamma_2 / (gamma_1 + gamma_2) * (T_1 - T_2) / m``; a potential does not change it.
    """
    return frictions[0] * frictions[1] / sum(frictions) * (first - second) / mass


def entropy_production(
    *, first: float, second: float, frictions: tuple[float, float] = (1.0, 1.0), mass: float = 1.0
) -> float:
    """Return the rate of entropy production, heat current times ``1/T_2 - 1/T_1``, in k_B per time."""
    current = heat_current(first=first, second=second, frictions=frictions, mass=mass)
    return current * (1.0 / second - 1.0 / first)


def cumulant_rate(
    weight: float,
    *,
    first: float,
    second: float,
    frictions: tuple[float, float] = (1.0, 1.0),
    mass: float = 1.0,
) -> float:
    """Return the long-time rate ``ln <exp(weight Q_1)> / t`` of the heat from the first bath (Visco 2006).

    ``[g - sqrt(g^2 + 4 g_1 g_2 {w (T_2 - T_1) - T_1 T_2 w^2})] / 2``, ``g_i = gamma_i/m``, ``g = g_1 + g_2``,
    unchanged under ``w -> 1/T_1 - 1/T_2 - w`` (Gallavotti and Cohen).

    Raises
    ------
    ValueError
        Outside the interval where the root is real.
    """
    one, other = (friction / mass for friction in frictions)
    inside = weight * (second - first) - first * second * weight**2
    return 0.5 * (one + other - math.sqrt((one + other) ** 2 + 4.0 * one * other * inside))


def medium_entropy_average(
    *, duration: float, frictions: tuple[float, float] = (1.0, 1.0), mass: float = 1.0
) -> float:
    """Return ``<exp(-S)> = exp((gamma_1 + gamma_2) t / m)`` of the entropy S given to the baths: not 1.

    The boundary term ``ln p(v_0)/p(v_t)`` is missing; what is left is the contraction of phase space.
    """
    return math.exp(sum(frictions) * duration / mass)
