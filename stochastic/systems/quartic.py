"""A quartic well: the simplest energy that is not harmonic, with closed averages.

    U(q, g) = g/4 q**4

``exp(-beta U)`` is a gamma density in ``q^4``; all moments follow from Euler's integral.
"""

from __future__ import annotations

import math

from fluctua.stochastic.potential import Potential


def quartic() -> Potential:
    """Return the well, with its strength `g`, energy / length^4, as control."""
    return Potential("g/4*q**4", coordinates="q", controls="g")


def log_partition(strength: float, *, beta: float = 1.0) -> float:
    """Return ``ln Z = ln[2 Gamma(5/4) (4/(beta g))^(1/4)]``, the integral over positions."""
    return math.log(2.0 * math.gamma(1.25)) + 0.25 * math.log(4.0 / (beta * strength))


def free_energy_difference(first: float, last: float, *, beta: float = 1.0) -> float:
    """Return ``Delta F = ln(g_1/g_0) / (4 beta)``."""
    return math.log(last / first) / (4.0 * beta)


def mean_square(strength: float, *, beta: float = 1.0) -> float:
    """Return ``<q^2> = Gamma(3/4)/Gamma(1/4) * 2/sqrt(beta g)`` in equilibrium."""
    return math.gamma(0.75) / math.gamma(0.25) * 2.0 / math.sqrt(beta * strength)


def mean_energy(*, beta: float = 1.0) -> float:
    """Return ``<U> = 1/(4 beta)`` in equilibrium, as the virial theorem says of any quartic."""
    return 0.25 / beta
