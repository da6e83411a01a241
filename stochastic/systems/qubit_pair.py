"""Two qubits that exchange a quantum: heat between two bodies, and the smallest chain between two baths.

    H = omega_a/2 ZI + omega_b/2 IZ + g (PM + MP)

In resonance the exchange conserves the energy of both; each of them takes the other's place with the
probability ``sin^2(g t)``.

C. Jarzynski, D. K. Wojcik, Phys. Rev. Lett. 92, 230602 (2004); A. Levy, R. Kosloff, EPL 107, 20004 (2014).
"""

from __future__ import annotations

import math

from fluctua.stochastic.hamiltonian import Hamiltonian


def qubit_pair() -> Hamiltonian:
    """Return the pair: gaps `omega_a`, `omega_b` and exchange `g` are controls, energies."""
    return Hamiltonian(
        "omega_a/2*ZI + omega_b/2*IZ + g*PM + g*MP",
        controls=("omega_a", "omega_b", "g"),
    )


def thermal_products(omega: float, beta_a: float, beta_b: float) -> dict[tuple[int, int], float]:
    """Return the probability of each pair of excitations, (0, 1) where only b is excited, before they meet.

    Each qubit is in equilibrium at its own inverse temperature; both have the gap `omega`.
    """
    a, b = (1.0 / (1.0 + math.exp(beta * omega)) for beta in (beta_a, beta_b))
    return {(i, j): (a if i else 1.0 - a) * (b if j else 1.0 - b) for i in (0, 1) for j in (0, 1)}
