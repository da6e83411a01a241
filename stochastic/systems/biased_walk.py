"""A walk of independent steps to the right and to the left, on a ring of equal levels.

    rate p to the right, q to the left,   work ln(p/q) a step,   temperature 1

Both counts are Poissonian, whatever the number of levels; all cumulants are rates from the first instant on.

J. L. Lebowitz, H. Spohn, J. Stat. Phys. 95, 333 (1999); A. C. Barato, U. Seifert, Phys. Rev. Lett. 114,
158101 (2015).
"""

from __future__ import annotations

import math

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.reservoirs import Rates


def biased_walk() -> Levels:
    """Return three equal levels: the fewest of a ring."""
    return Levels({"a": "0", "b": "0", "c": "0"})


def stepping(right: float = 2.0, left: float = 1.0) -> MarkovJump:
    """Return the steps, rates in 1 / time; each does `affinity` as force_work, to the left minus that."""
    edges = ["a -> b", "b -> c", "c -> a"]
    return MarkovJump([Rates("walk", on=edges, forward=right, backward=left, work=affinity(right, left))])


def affinity(right: float, left: float) -> float:
    """Return the entropy that a step to the right produces, ``A = ln(p/q)``."""
    return math.log(right / left)


def cumulant_rate(counting: float, right: float, left: float) -> float:
    """Return ``ln<exp(s n)>/t = p (e^s - 1) + q (e^-s - 1)``, n steps to the right less those to the left."""
    return right * math.expm1(counting) + left * math.expm1(-counting)


def uncertainty_product(right: float, left: float) -> float:
    """Return ``Var n <entropy> / <n>^2 = A coth(A/2)``, never less than 2."""
    return affinity(right, left) / math.tanh(affinity(right, left) / 2.0)
