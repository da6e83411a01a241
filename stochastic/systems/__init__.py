"""Potentials with exact answers, one file each.

Each file has a function that returns the `Potential`, and the exact facts about it as plain functions::

    from fluctua.stochastic.systems.gyrator import gyrator, heat_current
"""

from fluctua.stochastic.systems.breathing_trap import breathing_trap
from fluctua.stochastic.systems.double_well import double_well
from fluctua.stochastic.systems.gyrator import gyrator
from fluctua.stochastic.systems.moving_trap import moving_trap
from fluctua.stochastic.systems.quartic import quartic
from fluctua.stochastic.systems.stirling_field import stirling_field
from fluctua.stochastic.systems.tilted_ring import tilted_ring
from fluctua.stochastic.systems.two_bath_particle import two_bath_particle

__all__ = [
    "breathing_trap",
    "double_well",
    "gyrator",
    "moving_trap",
    "quartic",
    "stirling_field",
    "tilted_ring",
    "two_bath_particle",
]
