"""A double well that can be tilted and merged: one bit of memory.

    U(x, b, F) = B (x**4 - 2 b x**2) - F x

At ``b = 1``, ``F = 0`` it has minima at -1 and 1 and a barrier of height B between them; at ``b = 0`` it is
one flat well.

R. Landauer, IBM J. Res. Dev. 5, 183 (1961); A. Berut et al., Nature 483, 187 (2012);
H. A. Kramers, Physica 7, 284 (1940).
"""

from __future__ import annotations

import math

import numpy as np

from fluctua.stochastic.potential import Potential


def double_well(barrier: float = 4.0) -> Potential:
    """Return the memory: `barrier` is its height at rest; controls are `b` (1 at rest) and the tilt `F`."""
    return Potential(
        "B*(x**4 - 2*b*x**2) - F*x", coordinates="x", controls=("b", "F"), parameters={"B": barrier}
    )


def right_weight(*, barrier: float = 4.0, b: float = 1.0, tilt: float = 0.0, beta: float = 1.0) -> float:
    """Return the equilibrium probability of ``x > 0``, by quadrature."""
    reach = math.sqrt(max(b, 0.0)) + (60.0 / (beta * barrier)) ** 0.25 + (abs(tilt) / barrier) ** (1.0 / 3.0)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    x = 0.5 * reach * (nodes + 1.0)
    right, left = (-beta * (barrier * (x**4 - 2.0 * b * x**2) - sign * tilt * x) for sign in (1.0, -1.0))
    top = max(right.max(), left.max())
    masses = [float(weights @ np.exp(side - top)) for side in (right, left)]
    return masses[0] / sum(masses)


def landauer_bound(success: float) -> float:
    """Return the least mean work of an erasure that succeeds with this probability, in kT.

    ``ln 2 - h(p)`` with ``h(p) = -p ln p - (1 - p) ln(1 - p)``.
    """
    return math.log(2.0) + sum(p * math.log(p) for p in (success, 1.0 - success) if p > 0.0)


def kramers_rate(
    *, barrier: float, friction: float = 1.0, mass: float | None = None, beta: float = 1.0
) -> float:
    """Return the rate of leaving one well at rest: an approximation for high barriers, some 10 % off at 5 kT.

    ``exp(-beta B) w_0 / (2 pi) * [sqrt(g^2/4 + w_b^2) - g/2] / w_b`` with ``g = friction/mass``,
    ``w_0^2 = 8 B/m``, ``w_b^2 = 4 B/m``; without mass its overdamped limit,
    ``sqrt(32) B exp(-beta B) / (2 pi friction)``.
    """
    if mass is None:
        return math.sqrt(32.0) * barrier * math.exp(-beta * barrier) / (2.0 * math.pi * friction)
    damping, well, top = friction / mass, math.sqrt(8.0 * barrier / mass), math.sqrt(4.0 * barrier / mass)
    transmission = (math.hypot(damping / 2.0, top) - damping / 2.0) / top
    return transmission * well / (2.0 * math.pi) * math.exp(-beta * barrier)
