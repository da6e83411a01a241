"""The quantum harmonic oscillator in its lowest Fock states.

    H = p^2/2 + w^2 x^2/2     or     H = w (n + 1/2),   hbar = m = 1

The first changes its levels and their states with the frequency, the second its levels alone (the mass moves
too). The exact facts, cut and not, are in `fluctua.stochastic.quantum.oscillator`.
"""

from __future__ import annotations

import numpy as np

from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.quantum import oscillator


def cut_oscillator(levels: int = 16) -> Hamiltonian:
    """Return an oscillator of unit mass in the lowest Fock states of frequency 1; `w` is a control."""
    kinetic = oscillator.hamiltonian(0.0, levels)
    return Hamiltonian(
        "kinetic + w**2*square",
        controls="w",
        operators={"kinetic": kinetic, "square": oscillator.hamiltonian(1.0, levels) - kinetic},
    )


def oscillator_ladder(levels: int = 8) -> Hamiltonian:
    """Return levels ``w (n + 1/2)``; `w` is a control, the operator ``ladder = a + a^+`` couples them."""
    steps = np.sqrt(np.arange(1.0, levels))
    return Hamiltonian(
        "w*energy",
        controls="w",
        operators={
            "energy": np.diag(np.arange(levels) + 0.5),
            "ladder": np.diag(steps, 1) + np.diag(steps, -1),
        },
    )
