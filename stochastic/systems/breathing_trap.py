"""A harmonic trap whose stiffness changes: work moments, generating function, and a Stirling engine.

    U(x, k) = k/2 x**2

Facts about work are for an overdamped particle that starts in equilibrium while the stiffness goes from
`first` to `last` linearly in time.

T. Speck, J. Phys. A 44, 305001 (2011); V. Blickle, C. Bechinger, Nat. Phys. 8, 143 (2012).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from fluctua.stochastic.potential import Potential

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


def breathing_trap() -> Potential:
    """Return the trap, with its stiffness `k`, energy / length^2, as control."""
    return Potential("k/2*x**2", coordinates="x", controls="k")


def free_energy_difference(first: float, last: float, *, beta: float = 1.0) -> float:
    """Return ``Delta F = ln(k_1 / k_0) / (2 beta)``."""
    return math.log(last / first) / (2.0 * beta)


def quench_mean_work(first: float, last: float, *, beta: float = 1.0) -> float:
    """Return the mean work of a sudden change, ``(k_1/k_0 - 1) / (2 beta)``."""
    return (last / first - 1.0) / (2.0 * beta)


def work_moments(
    first: float, last: float, *, duration: float, friction: float = 1.0, beta: float = 1.0
) -> tuple[float, float]:
    """Return mean and variance of the work.

    With ``c = <x^2>`` and its response ``d`` to the weight ``exp(-s W)``::

        gamma c' = -2 k c + 2/beta       <W>   =  int k' c / 2 dt
        gamma d' = -2 k d - gamma k' c^2     Var W = -int k' d dt

    The Riccati equation of `log_generating_function`, to first order in s.
    """
    rate = (last - first) / duration

    def slope(t: float, y: Floats) -> list[float]:
        k = first + rate * t
        c, d = y[0], y[1]
        return [
            2.0 * (1.0 / beta - k * c) / friction,
            -2.0 * k * d / friction - rate * c**2,
            0.5 * rate * c,
            -rate * d,
        ]

    _, _, mean, variance = _solve(slope, [1.0 / (beta * first), 0.0, 0.0, 0.0], duration)
    return mean, variance


def log_generating_function(
    s: float, first: float, last: float, *, duration: float, friction: float = 1.0, beta: float = 1.0
) -> float:
    """Return ``ln <exp(-s W)>``, where it is finite.

    ``-s/2 int k' c dt`` with ``gamma c' = -2 k c + 2/beta - s gamma k' c^2``, ``c(0) = 1 / (beta k_0)``.
    At ``s = beta`` it is ``-beta Delta F`` for any duration.
    """
    rate = (last - first) / duration

    def slope(t: float, y: Floats) -> list[float]:
        c = y[0]
        return [
            2.0 * (1.0 / beta - (first + rate * t) * c) / friction - s * rate * c**2,
            -0.5 * s * rate * c,
        ]

    return _solve(slope, [1.0 / (beta * first), 0.0], duration)[1]


def stirling_work(stiff: float, soft: float, *, hot: float, cold: float) -> float:
    """Return the quasi-static work of a Stirling cycle on the system.

    ``-(T_h - T_c) ln(k_stiff/k_soft) / 2``, temperatures being energies. The trap softens while hot and
    stiffens while cold.
    """
    return -0.5 * (hot - cold) * math.log(stiff / soft)


def stirling_efficiency(stiff: float, soft: float, *, hot: float, cold: float, inertia: bool) -> float:
    """Return the quasi-static efficiency without regenerator, ``eta_C / (1 + n eta_C / ln(k_stiff/k_soft))``.

    n = 1 overdamped; n = 2 with inertia, as the kinetic energy must be heated too.
    """
    carnot = 1.0 - cold / hot
    return carnot / (1.0 + (2 if inertia else 1) * carnot / math.log(stiff / soft))


def _solve(slope: Callable[[float, Floats], list[float]], start: list[float], duration: float) -> list[float]:
    from scipy.integrate import solve_ivp

    solution = solve_ivp(slope, (0.0, duration), start, method="DOP853", rtol=1e-11, atol=1e-13)
    return [float(value) for value in solution.y[:, -1]]
