"""An atom in resonance with light: it fluoresces one photon at a time.

    H = Omega X / 2 in the rotating frame,   L = sqrt(gamma) |ground><excited|

A photon leaves the atom in its ground state, from where it must be excited again: photons keep apart.

L. Mandel, Opt. Lett. 4, 205 (1979); M. B. Plenio, P. L. Knight, Rev. Mod. Phys. 70, 101 (1998).
"""

from __future__ import annotations

from fluctua.stochastic.hamiltonian import Hamiltonian


def driven_atom(rabi: float = 1.0) -> Hamiltonian:
    """Return the atom: `rabi` is the Rabi frequency; the operator ``M`` takes it to its ground state."""
    return Hamiltonian("Omega/2*X", parameters={"Omega": rabi})


def emission_rate(rabi: float, *, rate: float = 1.0) -> float:
    """Return the photons per time in the steady state, ``gamma Omega^2 / (gamma^2 + 2 Omega^2)``."""
    return rate * rabi**2 / (rate**2 + 2.0 * rabi**2)


def mandel_parameter(rabi: float, *, rate: float = 1.0) -> float:
    """Return variance over mean of the number of photons, less 1, at long times.

    ``-6 gamma^2 Omega^2 / (gamma^2 + 2 Omega^2)^2``: at least -3/4, at ``Omega = gamma / sqrt(2)``.
    """
    return -6.0 * (rate * rabi) ** 2 / (rate**2 + 2.0 * rabi**2) ** 2
