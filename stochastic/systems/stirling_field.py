"""An anharmonic well in a field: the working substance of the benchmark Stirling engine SE-1.

    U(q, E) = 0.1 q**2 + 0.02 q**3 + 0.05 q**4 - E q

S. Koyanagi, Y. Tanimura, J. Chem. Phys. 160, 234112 (2024), with parameters of our own.
"""

from __future__ import annotations

import numpy as np

from fluctua.stochastic.potential import Potential


def stirling_field() -> Potential:
    """Return the well, with the field `E`, energy / length, as control."""
    return Potential("0.1*q**2 + 0.02*q**3 + 0.05*q**4 - E*q", coordinates="q", controls="E")


def log_partition(field: float, *, beta: float) -> float:
    """Return ``ln Z``, the integral of ``exp(-beta U)`` over positions.

    Equal weights are exact to all orders for an integrand that vanishes with its derivatives at both ends.
    """
    reach = 1.0 + (60.0 / beta / 0.05) ** 0.25 + (abs(field) / 0.05) ** (1.0 / 3.0)
    q, spacing = np.linspace(-reach, reach, 4001, retstep=True)
    exponent = -beta * (0.1 * q**2 + 0.02 * q**3 + 0.05 * q**4 - field * q)
    return float(exponent.max() + np.log(np.exp(exponent - exponent.max()).sum() * spacing))


def quasi_static_work(*, hot: float, cold: float, field: tuple[float, float]) -> float:
    """Return the work on the system of an infinitely slow Stirling cycle; an engine where it is negative.

    Parameters
    ----------
    hot, cold : float, 1 / energy
        Inverse temperatures; the isochores, at fixed field, take no work.
    field : pair of float
        At the beginning and at the end of the hot isotherm.

    Returns
    -------
    float
        ``sum of Delta F`` over both isotherms.
    """
    first, last = field
    expansion = (log_partition(first, beta=hot) - log_partition(last, beta=hot)) / hot
    return expansion + (log_partition(last, beta=cold) - log_partition(first, beta=cold)) / cold
