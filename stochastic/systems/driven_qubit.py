"""A qubit swept through an avoided crossing: the smallest quantum system that is driven and heated.

    H = (delta X + epsilon(t) Z) / 2,   gap omega = sqrt(delta^2 + epsilon^2)

C. Zener, Proc. R. Soc. A 137, 696 (1932); F. W. J. Hekking, J. P. Pekola, Phys. Rev. Lett. 111, 093602
(2013).
"""

from __future__ import annotations

import math

from fluctua.stochastic.hamiltonian import Hamiltonian


def driven_qubit(delta: float = 1.0) -> Hamiltonian:
    """Return the qubit: `delta` is its smallest gap, an energy; the detuning `epsilon` is a control."""
    return Hamiltonian(
        "delta/2*X + epsilon/2*Z",
        controls="epsilon",
        parameters={"delta": delta},
    )


def gap(epsilon: float, *, delta: float = 1.0) -> float:
    """Return the distance of the two levels, ``sqrt(delta^2 + epsilon^2)``, energy."""
    return math.hypot(delta, epsilon)


def adiabatic_ratio(rate: float, *, epsilon: float = 0.0, delta: float = 1.0) -> float:
    """Return ``hbar |<e|dH/dt|g>| / gap^2`` of a sweep at a rate, energy / time, with hbar = 1.

    ``rate delta / (2 gap^3)``: largest at the crossing, where it is ``rate / (2 delta^2)``.
    """
    return 0.5 * abs(rate) * delta / gap(epsilon, delta=delta) ** 3


def crossing_probability(rate: float, *, delta: float = 1.0) -> float:
    """Return the chance to jump over the crossing, ``exp(-pi delta^2 / (2 rate))``, isolated, from far away.

    Landau and Zener (1932).
    """
    return math.exp(-0.5 * math.pi * delta**2 / abs(rate))
