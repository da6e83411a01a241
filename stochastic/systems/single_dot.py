"""One level between two leads, empty or full: the elements of counting statistics, and the smallest engine.

    rate of entering from lead l = g_l f(x_l),   of leaving = g_l (1 - f(x_l)),   x_l = (eps - mu_l)/T_l

Each particle brings the same energy (tight coupling).

D. A. Bagrets, Yu. V. Nazarov, Phys. Rev. B 67, 085316 (2003); M. Esposito, K. Lindenberg, C. Van den Broeck,
EPL 85, 60010 (2009).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.reservoirs import Lead

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def single_dot(leads: Sequence[str] = ("left", "right")) -> Levels:
    """Return the dot; its energy `eps` and the potential of each lead, `mu_left`, are controls."""
    return Levels({"empty": "0", "full": "eps"}, controls=("eps", *(f"mu_{lead}" for lead in leads)))


def tunnelling(rates: Mapping[str, float] | None = None) -> MarkovJump:
    """Return the jumps through each lead at its rate, 1 / time; two leads at rate 1 if left out."""
    known = {"left": 1.0, "right": 1.0} if rates is None else rates
    return MarkovJump(
        [Lead(name, on="empty -> full", rate=rate, mu=f"mu_{name}") for name, rate in known.items()]
    )


def fermi(x: float) -> float:
    """Return the occupation of a lead at the level, ``1/(1 + e^x)``."""
    return 1.0 / (1.0 + math.exp(x))


def current(x_left: float, x_right: float, *, left: float = 1.0, right: float = 1.0) -> float:
    """Return the particles per time from left to right, ``g_l g_r/(g_l + g_r) (f_l - f_r)``."""
    return left * right / (left + right) * (fermi(x_left) - fermi(x_right))


def noise(x_left: float, x_right: float, *, left: float = 1.0, right: float = 1.0) -> float:
    """Return the variance per time of the particles that have passed, the second derivative of (1) at 0."""
    there, back = _ways(x_left, x_right)
    both, product = left + right, left * right
    return product / both * (there + back) - 2.0 * product**2 * (there - back) ** 2 / both**3


def cumulant_rate(
    counting: float, x_left: float, x_right: float, *, left: float = 1.0, right: float = 1.0
) -> float:
    """Return ``lim ln<exp(s n)>/t`` of n particles from left to right.

    With ``g = g_l + g_r``, at any time but for factors of the ends,

        mu = -g/2 + sqrt(g^2/4 + g_l g_r [f_l (1 - f_r)(e^s - 1) + f_r (1 - f_l)(e^-s - 1)])            (1)
    """
    there, back = _ways(x_left, x_right)
    both = left + right
    tilt = there * math.expm1(counting) + back * math.expm1(-counting)
    return math.sqrt(both**2 / 4.0 + left * right * tilt) - both / 2.0


def maximum_power(carnot: float) -> tuple[float, float]:
    """Return x of the hot and of the cold lead where the engine gives most power.

    The power is ``(T_h x_h - T_c x_c)`` for each particle that passes, and the efficiency one less
    ``T_c x_c / (T_h x_h)``.

    Parameters
    ----------
    carnot : float
        ``1 - T_c/T_h``, within 0 and 1.
    """
    from scipy.optimize import root

    cold = 1.0 - carnot

    def slopes(x: NDArray[np.float64], /) -> list[float]:
        """Both derivatives of the power in units of T_h and g_l g_r/(g_l + g_r)."""
        hot_f, cold_f = fermi(x[0]), fermi(x[1])
        gain, passed = x[0] - cold * x[1], hot_f - cold_f
        return [passed - gain * hot_f * (1.0 - hot_f), gain * cold_f * (1.0 - cold_f) - cold * passed]

    found = root(slopes, [2.4 - 0.8 * carnot, 2.4 + carnot], tol=1e-14).x
    return float(found[0]), float(found[1])


def efficiency(x_hot: float, x_cold: float, carnot: float) -> float:
    """Return work out over heat in, ``1 - T_c x_c/(T_h x_h)``."""
    return 1.0 - (1.0 - carnot) * x_cold / x_hot


def _ways(x_left: float, x_right: float) -> tuple[float, float]:
    """Return ``f_l (1 - f_r)`` and ``f_r (1 - f_l)``."""
    left, right = fermi(x_left), fermi(x_right)
    return left * (1.0 - right), right * (1.0 - left)
