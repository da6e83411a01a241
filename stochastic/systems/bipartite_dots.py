"""Two dots that feel each other and exchange no particle: one measures the other and acts on it.

    E = eps_x x + eps_y y + U x y

Dot X lies between the leads `left` and `right`, which it meets at rates that depend on y; dot Y has the lead
`gauge` to itself. Their jumps never coincide, so that each dot has an information flow of its own.

P. Strasberg et al., Phys. Rev. Lett. 110, 040601 (2013); J. M. Horowitz, M. Esposito, Phys. Rev. X 4, 031015
(2014).
"""

from __future__ import annotations

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.reservoirs import Lead

X_JUMPS = ("none -> x", "y -> both")
Y_JUMPS = ("none -> y", "x -> both")
X_LEADS = ("left_0", "right_0", "left_1", "right_1")


def bipartite_dots(*, interaction: float = 2.0) -> Levels:
    """Return both dots; energies `eps_x`, `eps_y` and potentials `mu_left`, ..., `mu_gauge` are controls."""
    return Levels(
        {"none": "0", "x": "eps_x", "y": "eps_y", "both": "eps_x + eps_y + U"},
        controls=("eps_x", "eps_y", "mu_left", "mu_right", "mu_gauge"),
        parameters={"U": interaction},
    )


def coupled_leads(*, strong: float = 1.0, weak: float = 0.1, gauge: float = 5.0) -> MarkovJump:
    """Return the leads: X meets the left one at the `strong` rate while Y is empty, the right one while full.

    A lead of X counts its particles while Y is empty (``left_0``) and while it is full (``left_1``).
    """
    rates = {"left_0": strong, "right_0": weak, "left_1": weak, "right_1": strong}
    baths = [
        Lead(name, on=X_JUMPS[int(name[-1])], rate=rate, mu=f"mu_{name[:-2]}") for name, rate in rates.items()
    ]
    return MarkovJump([*baths, Lead("gauge", on=Y_JUMPS, rate=gauge, mu="mu_gauge")])
