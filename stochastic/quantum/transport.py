r"""Coherent transport between two leads: current, noise, and the bound that it may break.

    J = int dE/2pi T (f_L - f_R)
    S = int dE/2pi {T [f_L (1 - f_L) + f_R (1 - f_R)] + T (1 - T) (f_L - f_R)^2}

for chemical potentials +V/2 and -V/2 and one temperature, e = hbar = 1. Jump processes obey
``S A / J >= 2`` with the affinity A = V / temperature; coherent transport need not.

L. S. Levitov, G. B. Lesovik, JETP Lett. 58, 230 (1993); B. K. Agarwalla, D. Segal, Phys. Rev. B 98, 155438
(2018); K. Ptaszynski, Phys. Rev. B 98, 085425 (2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Transport:
    """Mean current and its noise, both particles / time, at an affinity."""

    current: float
    noise: float
    affinity: float

    @property
    def uncertainty_product(self) -> float:
        """``S A / J``: at least 2 for jump processes between states."""
        return self.noise * self.affinity / self.current


def double_dot_transmission(energy: float, *, rate: float, tunnelling: float) -> float:
    """Return ``Gamma^2 Omega^2 / |(E + i Gamma/2)^2 - Omega^2|^2`` of two dots in series at energy zero."""
    return (rate * tunnelling) ** 2 / abs((energy + 0.5j * rate) ** 2 - tunnelling**2) ** 2


def coherent_transport(
    transmission: Callable[[float], float], *, bias: float, temperature: float
) -> Transport:
    """Return current and noise through a conductor of a given transmission.

    Parameters
    ----------
    transmission : function of an energy
        From 0 to 1; features may be as narrow as the temperature.
    bias, temperature : float, energy
    """
    from scipy.integrate import quad

    def occupied(energy: float) -> float:
        return 0.5 * (1.0 - math.tanh(0.5 * energy / temperature))

    def current(energy: float) -> float:
        return transmission(energy) * (occupied(energy - 0.5 * bias) - occupied(energy + 0.5 * bias))

    def noise(energy: float) -> float:
        t, left, right = (
            transmission(energy),
            occupied(energy - 0.5 * bias),
            occupied(energy + 0.5 * bias),
        )
        thermal = left * (1.0 - left) + right * (1.0 - right)
        return t * thermal + t * (1.0 - t) * (left - right) ** 2

    reach = 0.5 * abs(bias) + 40.0 * temperature
    total = [
        quad(f, -reach, reach, epsabs=1e-13, epsrel=1e-11, limit=500)[0] / (2.0 * math.pi)
        for f in (current, noise)
    ]
    return Transport(total[0], total[1], bias / temperature)
