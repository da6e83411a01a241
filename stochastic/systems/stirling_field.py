"""An anharmonic well in a field: the working substance of the benchmark Stirling engine SE-1.

    U(q, E) = 0.1 q**2 + 0.02 q**3 + 0.05 q**4 - E q

S. Koyanagi, Y. Tanimura, J. Chem. Phys. 160, 234112 (2024), with parameters of our own.
"""

from __future__ import annotations

import math

import numpy as np

from fluctua.stochastic.potential import Potential

COEFFICIENTS = (0.0, 0.0, 0.1, 0.02, 0.05)
"""Coefficients of the powers of q in ``U(q, 0)``, constant first."""


def stirling_field() -> Potential:
    """Return the well, with the field `E`, energy / length, as control."""
    well = " + ".join(f"{value}*q**{power}" for power, value in enumerate(COEFFICIENTS) if value)
    return Potential(f"{well} - E*q", coordinates="q", controls="E")


def log_partition(field: float, *, beta: float) -> float:
    """Return ``ln Z``, the integral of ``exp(-beta U)`` over positions.

    Equal weights are exact to all orders for an integrand that vanishes with its derivatives at both ends.
    """
    top = COEFFICIENTS[-1]
    reach = 1.0 + (60.0 / beta / top) ** 0.25 + (abs(field) / top) ** (1.0 / 3.0)
    q, spacing = np.linspace(-reach, reach, 4001, retstep=True)
    exponent = -beta * (np.polynomial.Polynomial(COEFFICIENTS)(q) - field * q)
    return float(exponent.max() + np.log(np.exp(exponent - exponent.max()).sum() * spacing))


def log_phase_integral(field: float, *, beta: float) -> float:
    """Return ``ln Z`` of a particle of unit mass: momentum too, counted in ``2 pi``.

    It is `log_partition` less ``ln(2 pi beta)/2``. With changing temperature the dimensionless work obeys
    ``<exp(-w)> = Z_1/Z_0`` with this Z.
    """
    return log_partition(field, beta=beta) - 0.5 * math.log(2.0 * math.pi * beta)


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
