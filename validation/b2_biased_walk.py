"""B2: a biased random walk in continuous time, the process of Lebowitz and Spohn.

    <exp(s n)> = exp(t [p (e^s - 1) + q (e^-s - 1)]),   symmetric under s -> -A - s,   A = ln(p/q)

The product of the uncertainty relation is ``A coth(A/2)``, 2.079 at p = 2, q = 1. A walk that takes at most
one step in each bin of time, with probabilities p dt and q dt, is more regular than exponential waiting times
allow, and breaks the relation: the control.
"""

from collections.abc import Iterator
from math import exp

import numpy as np

from fluctua.analysis.tur import judge_tur
from fluctua.analysis.verify import verify
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.initial import Steady
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.biased_walk import (
    affinity,
    biased_walk,
    cumulant_rate,
    stepping,
    uncertainty_product,
)
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    claims,
    exponential,
    mean,
    must_be_violated,
    value,
    variance,
)

RIGHT, LEFT, DURATION = 2.0, 1.0, 1.0
BIN, BINS = 0.3, 40
A = affinity(RIGHT, LEFT)

SPEC = EnsembleSpec(
    biased_walk(),
    stepping(RIGHT, LEFT),
    Protocol([Hold(DURATION)], beta=1.0),
    trajectories=400_000,
    seed=102,
    initial=Steady(),
)


def check(bench: Bench) -> Iterator[Row]:
    """Judge cumulants, symmetry and the uncertainty relation; catch steps in bins of time."""
    run = bench.simulate(SPEC)
    steps = run["force_work"] / A
    yield mean("<n>/t", steps / DURATION, RIGHT - LEFT)
    yield variance("Var n/t", steps / DURATION**0.5, RIGHT + LEFT)
    yield mean("jumps per time", run["activity"] / DURATION, RIGHT + LEFT)
    for s in (-0.5 * A + 0.2, -0.5 * A - 0.2, 0.3):
        expected = exp(DURATION * cumulant_rate(s, RIGHT, LEFT))
        yield exponential(f"<exp(s n)>, s = {s:.4f}", -s * steps, expected)
    yield _product(steps)
    laws = ["first-law", "second-law", "integral", "exchange", "tur"]
    report = verify(run, current="force_work", affinity=1.0, claims=laws, alpha=FALSE_ALARM)
    yield from claims(report, f"t = {DURATION:g}")
    wrong = binned(round(bench.scale * SPEC.trajectories), 202 + bench.seed)
    yield variance(f"Var n/t, bins of {BIN:g}", wrong / (BINS * BIN) ** 0.5, binned_variance())
    verdict = judge_tur(wrong, A * wrong, tolerance=0.01, alpha=FALSE_ALARM)
    yield must_be_violated(verdict, f"steps in bins of {BIN:g}")


def _product(steps: Floats) -> Row:
    """Give ``A Var n/<n>``, error by the delta method."""
    m, off = float(steps.mean()), steps - steps.mean()
    ratio = float(np.mean(off**2)) / m
    error = float((off**2 / m - ratio * steps / m).std(ddof=1)) / steps.size**0.5
    return value("Var n <entropy>/<n>^2", A * ratio, A * error, uncertainty_product(RIGHT, LEFT))


def binned(trajectories: int, seed: int) -> Floats:
    """Walk with at most one step in each bin of time, shape ``(N,)``."""
    random = np.random.default_rng(seed)
    rest = 1.0 - (RIGHT + LEFT) * BIN
    counts = random.multinomial(BINS, [RIGHT * BIN, LEFT * BIN, rest], size=trajectories)
    return np.asarray(counts[:, 0] - counts[:, 1], dtype=np.float64)


def binned_variance() -> float:
    """Give the variance per time of that walk, ``p + q - (p - q)^2 dt``."""
    return RIGHT + LEFT - (RIGHT - LEFT) ** 2 * BIN


CASE = Case(
    name="b2",
    title="biased random walk, symmetry and uncertainty relation",
    source="Lebowitz, Spohn, J. Stat. Phys. 95, 333 (1999); Barato, Seifert, PRL 114, 158101 (2015)",
    check=check,
)
