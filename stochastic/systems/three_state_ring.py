"""Three levels on a ring and a force that drives around it: the simplest jump process that is never at rest.

    E = (0, e, h),   w(i -> i+1) = exp((E_i - E_i+1 + f)/2),   w(i+1 -> i) = exp((E_i+1 - E_i - f)/2)

at temperature 1. Total, adiabatic and non-adiabatic entropy production differ as soon as `e` moves.

T. Hatano, S. Sasa, Phys. Rev. Lett. 86, 3463 (2001); M. Esposito, C. Van den Broeck, Phys. Rev. Lett. 104,
090601 (2010).
"""

from __future__ import annotations

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.reservoirs import Rates

LEVELS = ("a", "b", "c")
_NAMES = ("ab", "bc", "ca")
_ENERGIES = ("0", "e", "h")


def three_state_ring(height: float = 0.5) -> Levels:
    """Return the ring; its second level `e` and the force `f` are controls, its third has energy `height`."""
    energy = dict(zip(LEVELS, _ENERGIES, strict=True))
    return Levels(energy, controls=("e", "f"), parameters={"h": height})


def driving(*, housekeeping: bool = True) -> MarkovJump:
    """Return the jumps, a bath an edge, for ``beta = 1``."""
    edges = range(3)
    baths = [Rates(_NAMES[i], on=_edge(i), forward=_up(i), backward=_down(i), work="f") for i in edges]
    return MarkovJump(baths, housekeeping=housekeeping)


def dual_driving() -> MarkovJump:
    """Return the dual of `driving`: the same steady state at each instant, its currents turned round.

    ``w+(i -> j) = w(j -> i) pi_j/pi_i``. Its force is what local detailed balance makes of these rates,
    ``2 (E_i+1 - E_i) - f + 2 ln(pi_i+1/pi_i)`` along an edge.
    """
    return MarkovJump([_dual_edge(i) for i in range(3)], housekeeping=True)


def _dual_edge(i: int) -> Rates:
    here, there = _weight(i), _weight(i + 1)
    rise = f"({_ENERGIES[(i + 1) % 3]} - {_ENERGIES[i]})"
    return Rates(
        _NAMES[i],
        on=_edge(i),
        forward=f"{_down(i)}*({there})/({here})",
        backward=f"{_up(i)}*({here})/({there})",
        work=f"2*{rise} - f + 2*log(({there})/({here}))",
    )


def _edge(i: int) -> str:
    return f"{LEVELS[i]} -> {LEVELS[(i + 1) % 3]}"


def _up(i: int) -> str:
    """Write the rate from level i to the next."""
    return f"exp(({_ENERGIES[i % 3]} - {_ENERGIES[(i + 1) % 3]} + f)/2)"


def _down(i: int) -> str:
    """Write the rate from the level after i back to it."""
    return f"exp(({_ENERGIES[(i + 1) % 3]} - {_ENERGIES[i % 3]} - f)/2)"


def _weight(i: int) -> str:
    """Write the weight of level i in the steady state: the sum over the three trees that lead to it."""
    trees = ((_down(i), _up(i + 2)), (_down(i + 1), _down(i)), (_up(i + 1), _up(i + 2)))
    return " + ".join(f"{one}*{two}" for one, two in trees)
