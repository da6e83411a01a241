"""Systems with exact answers, one file each.

Each file has a function that returns the `Potential` or the `Hamiltonian`, or the `Levels` and another for
the jumps between them, and the exact facts about it as plain functions::

    from fluctua.stochastic.systems.gyrator import gyrator, heat_current
    from fluctua.stochastic.systems.single_dot import current, single_dot, tunnelling
"""

from fluctua.stochastic.systems.biased_walk import biased_walk
from fluctua.stochastic.systems.bipartite_dots import bipartite_dots
from fluctua.stochastic.systems.breathing_trap import breathing_trap
from fluctua.stochastic.systems.cut_oscillator import cut_oscillator, oscillator_ladder
from fluctua.stochastic.systems.double_well import double_well
from fluctua.stochastic.systems.driven_atom import driven_atom
from fluctua.stochastic.systems.driven_qubit import driven_qubit
from fluctua.stochastic.systems.gyrator import gyrator
from fluctua.stochastic.systems.moving_trap import moving_trap
from fluctua.stochastic.systems.quartic import quartic
from fluctua.stochastic.systems.qubit_pair import qubit_pair
from fluctua.stochastic.systems.single_dot import single_dot
from fluctua.stochastic.systems.stirling_field import stirling_field
from fluctua.stochastic.systems.three_state_ring import three_state_ring
from fluctua.stochastic.systems.tilted_ring import tilted_ring
from fluctua.stochastic.systems.two_bath_particle import two_bath_particle
from fluctua.stochastic.systems.two_level import two_level

__all__ = [
    "biased_walk",
    "bipartite_dots",
    "breathing_trap",
    "cut_oscillator",
    "double_well",
    "driven_atom",
    "driven_qubit",
    "gyrator",
    "moving_trap",
    "oscillator_ladder",
    "quartic",
    "qubit_pair",
    "single_dot",
    "stirling_field",
    "three_state_ring",
    "tilted_ring",
    "two_bath_particle",
    "two_level",
]
