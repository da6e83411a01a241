"""The Brownian gyrator: one well, two coordinates, two temperatures; heat flows and the particle circles.

    U(x, y) = k/2 (x**2 + y**2) + u x y,   overdamped, hot bath on x, cold bath on y

Temperatures are energies.

R. Filliger, P. Reimann, Phys. Rev. Lett. 99, 230602 (2007).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.potential import Potential


def gyrator(stiffness: float = 1.0, coupling: float = 0.5) -> Potential:
    """Return the well; its `coupling` u must be smaller than its `stiffness` k, both energy / length^2."""
    return Potential(
        "k/2*(x**2 + y**2) + u*x*y", coordinates=("x", "y"), parameters={"k": stiffness, "u": coupling}
    )


def stationary_covariance(
    *, hot: float, cold: float, stiffness: float = 1.0, coupling: float = 0.5
) -> NDArray[np.float64]:
    """Return the covariance of (x, y) in the steady state, shape (2, 2).

    It solves ``K S + S K = 2 diag(T_1, T_2)``: ``S = T K^-1 + diag(D, -D)/k`` with ``T = (T_1 + T_2)/2``,
    ``D = (T_1 - T_2)/2``. Any friction common to both coordinates cancels.
    """
    mean, half = 0.5 * (hot + cold), 0.5 * (hot - cold)
    own, cross = (mean / (stiffness**2 - coupling**2) * value for value in (stiffness, -coupling))
    return np.array([[own + half / stiffness, cross], [cross, own - half / stiffness]])


def heat_current(
    *, hot: float, cold: float, stiffness: float = 1.0, coupling: float = 0.5, friction: float = 1.0
) -> float:
    """Return the mean heat per time from the hot bath to the cold one, ``u^2 (T_1 - T_2) / (2 k gamma)``."""
    return coupling**2 * (hot - cold) / (2.0 * stiffness * friction)


def torque(*, hot: float, cold: float, stiffness: float = 1.0, coupling: float = 0.5) -> float:
    """Return the mean torque ``<x F_y - y F_x> = -u (T_1 - T_2)/k``."""
    return -coupling * (hot - cold) / stiffness


def entropy_production(
    *, hot: float, cold: float, stiffness: float = 1.0, coupling: float = 0.5, friction: float = 1.0
) -> float:
    """Return the rate of entropy production, heat current times ``1/T_2 - 1/T_1``, in k_B per time."""
    current = heat_current(hot=hot, cold=cold, stiffness=stiffness, coupling=coupling, friction=friction)
    return current * (1.0 / cold - 1.0 / hot)
