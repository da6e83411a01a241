"""Exact statistics of an ensemble of jump trajectories, from its spec."""

from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.exact import Counting, exact


def known(spec: EnsembleSpec) -> Counting:
    """Give the exact statistics of what the ensemble samples.

    Raises
    ------
    TypeError
        The spec is not of a Markov jump process.
    """
    if not isinstance(spec.system, Levels) or not isinstance(spec.dynamics, MarkovJump):
        raise TypeError("exact statistics are those of a Markov jump process")
    return exact(spec.system, spec.dynamics, spec.protocol, initial=spec.initial, direction=spec.direction)
