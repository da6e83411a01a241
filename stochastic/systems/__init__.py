"""Systems with exact answers, one file each.

Each file has a function that returns the `Potential`, or the `Levels` and another for the jumps between them,
and the exact facts about it as plain functions::

    from fluctua.stochastic.systems.gyrator import gyrator, heat_current
    from fluctua.stochastic.systems.single_dot import current, single_dot, tunnelling
"""

from fluctua.stochastic.systems.biased_walk import biased_walk
from fluctua.stochastic.systems.bipartite_dots import bipartite_dots
from fluctua.stochastic.systems.breathing_trap import breathing_trap
from fluctua.stochastic.systems.double_well import double_well
from fluctua.stochastic.systems.gyrator import gyrator
from fluctua.stochastic.systems.moving_trap import moving_trap
from fluctua.stochastic.systems.quartic import quartic
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
    "double_well",
    "gyrator",
    "moving_trap",
    "quartic",
    "single_dot",
    "stirling_field",
    "three_state_ring",
    "tilted_ring",
    "two_bath_particle",
    "two_level",
]
