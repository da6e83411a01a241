"""Exact statistics of an ensemble of jump trajectories, from its spec."""

from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.markov.exact import Counting


def known(spec: EnsembleSpec) -> Counting:
    """Give the exact statistics of what the ensemble samples.

    Raises
    ------
    TypeError
        The spec is not of a Markov jump process.
    """
    found = spec.exact()
    if not isinstance(found, Counting):
        raise TypeError("exact statistics are those of a Markov jump process")
    return found
