"""Classical Runge–Kutta integration of the small moment equations whose solutions the cases quote."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Rate = Callable[[float, Floats], ArrayLike]


def integrate(rate: Rate, start: ArrayLike, duration: float, steps: int = 2000) -> Floats:
    """Carry ``dy/dt = rate(t, y)`` from 0 to ``duration`` by the fourth-order Runge–Kutta rule.

    Parameters
    ----------
    rate
        Right-hand side; returns as many numbers as ``y`` holds.
    start
        ``y`` at time 0, shape ``(m,)``.
    duration
        Length of the integration, in the time unit of ``rate``.
    steps
        Equal steps; the error falls as their fourth power.

    Returns
    -------
    numpy.ndarray
        ``y`` at ``duration``, shape ``(m,)``.
    """
    y = np.array(start, dtype=float)
    h = duration / steps
    for n in range(steps):
        t = n * h
        k1 = np.asarray(rate(t, y), dtype=float)
        k2 = np.asarray(rate(t + h / 2, y + h / 2 * k1), dtype=float)
        k3 = np.asarray(rate(t + h / 2, y + h / 2 * k2), dtype=float)
        k4 = np.asarray(rate(t + h, y + h * k3), dtype=float)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y
