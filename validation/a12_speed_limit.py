"""A12: how fast populations may change at a given cost.

    t >= L^2/(2 S A),   L = sum_i |p_i(t) - p_i(0)|,   S the entropy produced, A the jumps per time

The dot that relaxes by phonons for 2 units of time could not do so within 1.198. The control puts the entropy
of the dot in place of the entropy that is produced in all: that "limit" is longer than the time it took.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np

from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.markov.exact import SpeedLimit
from fluctua.validation.case import LIMIT, Bench, Case, Floats, Row, mean, value
from fluctua.validation.e15_phonon_relaxation import DURATION, FIRST, spec, total_entropy
from fluctua.validation.jump_statistics import known

SPEC: EnsembleSpec = spec(112)


def limit() -> SpeedLimit:
    """Give distance, entropy, activity and bound."""
    return known(SPEC).speed_limit()


def measured(excited: Floats, entropy: Floats, jumps: Floats) -> tuple[float, float]:
    """Give the bound from the columns of a run, and its standard error by the delta method."""
    distance = 2 * (FIRST - float(excited.mean()))
    cost, activity = float(entropy.mean()), float(jumps.mean()) / DURATION
    bound = distance**2 / (2 * cost * activity)
    relative = -4 * excited / distance - entropy / cost - jumps / DURATION / activity
    return bound, bound * float(relative.std(ddof=1)) / sqrt(excited.size)


def check(bench: Bench) -> Iterator[Row]:
    """Judge each part and the bound with its margin; catch the wrong entropy."""
    exact, run = limit(), bench.simulate(SPEC)
    excited = np.asarray(run["state_final"], dtype=np.float64)
    jumps = np.asarray(run["activity"], dtype=np.float64)
    total = total_entropy(run)
    yield mean("distance", 2 * (FIRST - excited), exact.distance)
    yield mean("entropy produced", total, exact.entropy)
    yield mean("jumps per time", jumps / DURATION, exact.activity)
    bound, error = measured(excited, total, jumps)
    yield value("shortest time", bound, error, exact.bound)
    word = "holds" if bound - LIMIT * error <= DURATION else "violated"
    note = f"it took {DURATION:g}"
    yield Row("shortest time <= time", "claim", word, DURATION, bound, error, note=note)
    own = total - run["entropy_flow"]
    bound, error = measured(excited, own, jumps)
    word = "caught" if bound - LIMIT * error > DURATION else "missed"
    quantity = "shortest time <= time, entropy of the dot alone"
    yield Row(quantity, "control", word, DURATION, bound, error, note=note)


CASE = Case(
    name="a12",
    title="speed limit of a relaxation",
    source="Shiraishi, Funo, Saito, PRL 121, 070601 (2018)",
    check=check,
)
