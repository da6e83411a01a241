"""Two levels and baths of bosons: a molecule that carries heat, a dot that relaxes by phonons.

    rate up through bath l = g_l n_l,   down = g_l (n_l + 1),   n_l = 1/(exp(gap/T_l) - 1)

D. Segal, A. Nitzan, Phys. Rev. Lett. 94, 034301 (2005).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.reservoirs import BoseBath


def two_level() -> Levels:
    """Return the ground level and the excited one, `gap` above it, a control."""
    return Levels({"ground": "0", "excited": "gap"}, controls="gap")


def bosons(rates: Mapping[str, float] | None = None) -> MarkovJump:
    """Return the jumps through each bath at its rate, 1 / time; `phonons` at rate 1 if left out."""
    known = {"phonons": 1.0} if rates is None else rates
    return MarkovJump([BoseBath(name, rate=rate) for name, rate in known.items()])


def bose(x: float) -> float:
    """Return the number of bosons at ``x = gap/T``, ``1/(e^x - 1)``."""
    return 1.0 / math.expm1(x)


def excited_population(first: float, duration: float, x: float, *, rate: float = 1.0) -> float:
    """Return the probability of the excited level after a time with one bath, `first` at the start."""
    n = bose(x)
    last = n / (2.0 * n + 1.0)
    return last + (first - last) * math.exp(-rate * (2.0 * n + 1.0) * duration)


def quanta_current(x_left: float, x_right: float, *, left: float = 1.0, right: float = 1.0) -> float:
    """Return the quanta per time from left to right, ``g_l g_r (n_l - n_r)/K``, K the sum of g (2 n + 1)."""
    there, back, relaxation = _ways(x_left, x_right, left, right)
    return (there - back) / relaxation


def quanta_noise(x_left: float, x_right: float, *, left: float = 1.0, right: float = 1.0) -> float:
    """Return the variance per time of the quanta that have passed, the second derivative of (1) at 0."""
    there, back, relaxation = _ways(x_left, x_right, left, right)
    return (there + back) / relaxation - 2.0 * (there - back) ** 2 / relaxation**3


def cumulant_rate(
    counting: float, x_left: float, x_right: float, *, left: float = 1.0, right: float = 1.0
) -> float:
    """Return ``lim ln<exp(s n)>/t`` of n quanta from left to right.

    mu = -K/2 + sqrt(K^2/4 + g_l g_r [n_l (1 + n_r)(e^s - 1) + n_r (1 + n_l)(e^-s - 1)])            (1)
    """
    there, back, relaxation = _ways(x_left, x_right, left, right)
    tilt = there * math.expm1(counting) + back * math.expm1(-counting)
    return math.sqrt(relaxation**2 / 4.0 + tilt) - relaxation / 2.0


def _ways(x_left: float, x_right: float, left: float, right: float) -> tuple[float, float, float]:
    """Return ``g_l g_r n_l (1 + n_r)``, the same from right to left, and K."""
    one, other = bose(x_left), bose(x_right)
    there, back = (left * right * a * (1.0 + b) for a, b in ((one, other), (other, one)))
    return there, back, left * (2.0 * one + 1.0) + right * (2.0 * other + 1.0)
