"""A6: relaxation from one level, which no reverse process undoes with certainty: absolute irreversibility.

    <exp(-s_tot)> = 1 - lambda,   lambda the probability that the reverse process ends elsewhere

At gap 1, temperature 0.5 and time 2 that is 0.123815, and no violation. The control tells the verifier that
lambda is 0: it must then call the theorem violated.
"""

from collections.abc import Iterator

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.initial import Point
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.two_level import bosons, excited_population, two_level
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    claim,
    claims,
    exponential,
    mean,
    must_differ,
    must_not_hold,
    value,
)
from fluctua.validation.jump_statistics import known

GAP, TEMPERATURE, DURATION = 1.0, 0.5, 2.0
X = GAP / TEMPERATURE
LAST = excited_population(1.0, DURATION, X)
BACK = excited_population(LAST, DURATION, X)

SPEC = EnsembleSpec(
    two_level(),
    bosons(),
    Protocol([Hold(DURATION)], temperature=TEMPERATURE, gap=GAP),
    trajectories=400_000,
    seed=106,
    initial=Point(state="excited"),
)


def total_entropy(run: Dataset) -> Floats:
    """Give the entropy flow less ``ln p_t``; ``ln p_0`` is 0."""
    last = np.log([1 - LAST, LAST])
    total: Floats = run["entropy_flow"] - last[run["state_final"]]
    return total


def check(bench: Bench) -> Iterator[Row]:
    """Judge the average, its complement and the verifier's own; catch a lambda of 0."""
    run = bench.simulate(SPEC)
    total = total_entropy(run)
    yield mean("excited at the end", run["state_final"], LAST)
    yield mean("<s_tot>", total, known(SPEC).mean("total_entropy"))
    yield exponential("<exp(-s_tot)>", total, BACK)
    weight = SPEC.dynamics.irreversible_weight(SPEC.system, SPEC.schedule, SPEC.initial)
    yield value("lambda of the verifier", round(weight, 10), 0.0, round(1 - BACK, 10))
    yield from claims(verify(run, alpha=FALSE_ALARM))
    arrays = verify(entropy=total, irreversible_weight=1 - BACK, claims=["integral"], alpha=FALSE_ALARM)
    yield claim(arrays["integral"], "numbers and lambda")
    yield must_differ("<exp(-s_tot)>, lambda taken for 0", np.exp(-total), 1.0)
    for wrong, of in ((0.0, "lambda taken for 0"), (0.95, "lambda taken for 0.95")):
        report = verify(entropy=total, irreversible_weight=wrong, claims=["integral"], alpha=FALSE_ALARM)
        yield must_not_hold(report["integral"], of)


CASE = Case(
    name="a6",
    title="absolute irreversibility of a pure start",
    source="Murashita, Funo, Ueda, PRE 90, 042110 (2014)",
    check=check,
)
