"""The quantum harmonic oscillator: exact facts, and its matrices in a cut Fock space.

    H(omega) = p^2/2 + omega^2 x^2 / 2        Z = 1 / (2 sinh(beta omega / 2))

with the zero-point energy kept, hbar = m = 1. The Stirling cycle is quasi-static and weakly coupled.

S. Deffner, E. Lutz, Phys. Rev. E 77, 021128 (2008); G. S. Agarwal, S. Chaturvedi, Phys. Rev. E 88, 012130
(2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def minus_log_z(frequency: float, beta: float) -> float:
    """Return ``-ln Z = ln(2 sinh(beta omega / 2))``."""
    x = beta * frequency
    return 0.5 * x + math.log(-math.expm1(-x))


def mean_energy(frequency: float, beta: float) -> float:
    """Return ``omega/2 coth(beta omega / 2)``."""
    return 0.5 * frequency / math.tanh(0.5 * beta * frequency)


def entropy(frequency: float, beta: float) -> float:
    """Return the entropy in equilibrium, k_B: ``beta <H> + ln Z``."""
    return beta * mean_energy(frequency, beta) - minus_log_z(frequency, beta)


def quench_mean_work(first: float, last: float, beta: float) -> float:
    """Return the mean work of a sudden change of frequency from equilibrium.

    ``(omega_1 Q - omega_0) / 2 coth(beta omega_0 / 2)`` with ``Q = (omega_0^2 + omega_1^2) / (2 omega_0
    omega_1)``.
    """
    non_adiabatic = (first**2 + last**2) / (2.0 * first * last)
    return (last * non_adiabatic / first - 1.0) * mean_energy(first, beta)


@dataclass(frozen=True)
class Stirling:
    """What a cycle gives: work put out, heat taken from the hot bath without a regenerator, both energies."""

    work_out: float
    heat_in: float

    @property
    def efficiency(self) -> float:
        """Work over heat."""
        return self.work_out / self.heat_in


def stirling(stiff: float, soft: float, *, hot: float, cold: float) -> Stirling:
    """Return the quasi-static Stirling cycle between two frequencies and two temperatures.

    The oscillator softens while hot and stiffens while cold; temperatures are energies::

        W_out = T_h ln[Z_h(soft) / Z_h(stiff)] + T_c ln[Z_c(stiff) / Z_c(soft)]
        Q_h   = T_h [S_h(soft) - S_h(stiff)] + U_h(stiff) - U_c(stiff)
    """
    h, c = 1.0 / hot, 1.0 / cold
    work = hot * (minus_log_z(stiff, h) - minus_log_z(soft, h))
    work += cold * (minus_log_z(soft, c) - minus_log_z(stiff, c))
    heat = hot * (entropy(soft, h) - entropy(stiff, h))
    return Stirling(work, heat + mean_energy(stiff, h) - mean_energy(stiff, c))


def hamiltonian(frequency: float, levels: int, *, basis: float = 1.0) -> Floats:
    """Return the lowest `levels` rows and columns of H in the Fock states of frequency `basis`.

    What a cut leaves out is told by `truncated_weight`; a run's `Hamiltonian` takes at most 16 levels.
    """
    number = np.arange(levels, dtype=np.float64)
    diagonal = 0.5 * (basis + frequency**2 / basis) * (number + 0.5)
    beside = 0.25 * (frequency**2 / basis - basis) * np.sqrt((number[:-2] + 1.0) * (number[:-2] + 2.0))
    matrix: Floats = np.diag(diagonal) + np.diag(beside, 2) + np.diag(beside, -2)
    return matrix


def truncated_weight(frequency: float, levels: int, beta: float) -> float:
    """Return the probability in equilibrium of the levels that a cut leaves out, ``exp(-n beta omega)``."""
    return math.exp(-levels * beta * frequency)
