"""A harmonic trap whose centre moves: the work is Gaussian, and no free energy changes.

    U(x, c) = k/2 (x - c)**2

The facts are for a trap that moves at constant velocity u from an equilibrium start. The work then has the
variance ``2 <W> / beta``, as Jarzynski's equality with ``Delta F = 0`` asks of any Gaussian.

O. Mazonka, C. Jarzynski, cond-mat/9912121 (1999); R. van Zon, E. G. D. Cohen, Phys. Rev. E 67, 046102 (2003).
"""

from __future__ import annotations

import cmath
import math

from fluctua.stochastic.potential import Potential


def moving_trap(stiffness: float = 1.0) -> Potential:
    """Return a trap of fixed stiffness, energy / length^2, with its centre `c` as control."""
    return Potential("k/2*(x - c)**2", coordinates="x", controls="c", parameters={"k": stiffness})


def free_energy_difference() -> float:
    """Return the free-energy difference of any two positions of the trap: none."""
    return 0.0


def mean_position(
    *, velocity: float, duration: float, stiffness: float = 1.0, friction: float = 1.0
) -> float:
    """Return where an overdamped particle is on average: it lags the trap by ``u r (1 - exp(-tau/r))``."""
    lag = friction / stiffness
    return velocity * (duration + lag * math.expm1(-duration / lag))


def mean_work(*, velocity: float, duration: float, stiffness: float = 1.0, friction: float = 1.0) -> float:
    """Return the mean work on an overdamped particle.

    ``<W> = gamma u^2 [tau - r (1 - exp(-tau/r))]`` with ``r = gamma/k``.
    """
    travelled = mean_position(velocity=velocity, duration=duration, stiffness=stiffness, friction=friction)
    return friction * velocity * travelled


def negative_work_probability(mean_work: float, *, beta: float = 1.0) -> float:
    """Return how often a single trajectory breaks the second law, ``erfc(sqrt(beta <W>)/2) / 2``."""
    return 0.5 * math.erfc(0.5 * math.sqrt(beta * mean_work))


def mean_heat(*, velocity: float, duration: float, stiffness: float = 1.0, friction: float = 1.0) -> float:
    """Return the mean heat into an overdamped particle, which is negative.

    ``<Q> = gamma u^2 r (1 - exp(-tau/r))^2 / 2 - <W>``: the mean energy grows by that of the lag.
    """
    lag = friction / stiffness
    stored = 0.5 * friction * velocity**2 * lag * math.expm1(-duration / lag) ** 2
    return stored - mean_work(velocity=velocity, duration=duration, stiffness=stiffness, friction=friction)


def mean_work_underdamped(
    *, velocity: float, duration: float, stiffness: float = 1.0, friction: float = 1.0, mass: float = 1.0
) -> float:
    """Return the mean work on a particle with inertia.

    The lag ``y = <x> - u t`` obeys ``m y'' + gamma (y' + u) + k y = 0``, ``y(0) = 0``, ``y'(0) = -u``. Its
    integral over time, which ``<W> = -k u int y dt`` asks for, follows from the equation itself:
    ``<W> = u [m (y' + u) + gamma y + gamma u tau]`` at the end.
    """
    decay, rest = friction / (2.0 * mass), -friction * velocity / stiffness
    frequency = cmath.sqrt(stiffness / mass - decay**2)
    slow, fast = (cmath.exp((-decay + sign * 1j * frequency) * duration) for sign in (1.0, -1.0))
    cosine = 0.5 * (slow + fast)
    # exp(-decay t) sin(frequency t) / frequency, also where damping is critical.
    sine = (slow - fast) / (2j * frequency) if abs(frequency * duration) > 1e-6 else duration * cosine
    slope = -decay * rest - velocity
    lag = rest - rest * cosine + slope * sine
    speed = -velocity * cosine + (rest * frequency**2 - decay * slope) * sine
    end = mass * (speed + velocity) + friction * lag + friction * velocity * duration
    return velocity * end.real
