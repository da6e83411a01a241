"""A particle driven around a ring over one barrier: the simplest steady state with a current.

    U(q) = A cos(q),   force f,   period 2 pi

P. Reimann et al., Phys. Rev. Lett. 87, 010602 (2001).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.potential import Potential

_PLACES, _NODES = 400, 400


def tilted_ring(amplitude: float = 1.0) -> Potential:
    """Return the ring: `amplitude` is half its barrier, an energy; the driving force `f` is a control."""
    return Potential(
        "A*cos(q)",
        coordinates="q",
        controls="f",
        parameters={"A": amplitude},
        forces={"q": "f"},
        periodic={"q": "2*pi"},
    )


def mean_velocity(
    *, force: float, temperature: float, amplitude: float = 1.0, friction: float = 1.0
) -> float:
    """Return the mean velocity of an overdamped particle (Stratonovich's formula).

    ``v = D (1 - exp(-2 pi f/T)) / (2 pi <I+>)``, ``D = T/gamma``, ``<>`` the mean over the ring.
    """
    plus, _ = _averages(force, temperature, amplitude)
    bias = -math.expm1(-2.0 * math.pi * force / temperature)
    return temperature / friction * bias / (2.0 * math.pi * float(plus.mean()))


def diffusion(*, force: float, temperature: float, amplitude: float = 1.0, friction: float = 1.0) -> float:
    """Return the effective diffusion coefficient, ``D <I+ I+ I-> / <I+>^3`` (Reimann et al. 2001)."""
    plus, minus = _averages(force, temperature, amplitude)
    return float(temperature / friction * (plus**2 * minus).mean() / plus.mean() ** 3)


def entropy_production(
    *, force: float, temperature: float, amplitude: float = 1.0, friction: float = 1.0
) -> float:
    """Return the rate of entropy production, ``f v / T``, in k_B per time."""
    velocity = mean_velocity(force=force, temperature=temperature, amplitude=amplitude, friction=friction)
    return force * velocity / temperature


def _averages(
    force: float, temperature: float, amplitude: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return I+ and I- around the ring, shape (places,).

    ``I+(q) = mean over y in [0, 2 pi] of exp{[V(q) - V(q - y)]/T}``, and ``I-(q)`` that of
    ``exp{[V(q + y) - V(q)]/T}``, with ``V(q) = A cos(q) - f q``. They are periodic, so that equal weights are
    exact to all orders over q; the inner integrand is not, and takes Gauss's rule.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    y, q = math.pi * (nodes + 1.0), 2.0 * math.pi / _PLACES * np.arange(_PLACES)[:, None]
    # The part of V that is linear in q is -f y in both exponents.
    rise = amplitude * (np.cos(q) - np.cos(q - y)) - force * y
    fall = amplitude * (np.cos(q + y) - np.cos(q)) - force * y
    return np.exp(rise / temperature) @ weights / 2.0, np.exp(fall / temperature) @ weights / 2.0
