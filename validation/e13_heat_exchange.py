"""E13: two qubits at different temperatures meet for a while, and exchange a quantum or not.

    H = omega (Z + Z')/2 + g(t) (s+ s'- + s- s'+),   swapped with sin^2 theta,   beta = (1, 2),   theta = 0.7

    P(Q)/P(-Q) = exp((beta_b - beta_a) Q)

The heat takes three values. Its relative variance obeys bounds that follow from the theorem alone; that of
steady currents, 2 over the entropy production, is none of them. A small detuning, on while they are measured
and off while they meet, tells which of the two is excited. Controls: an affinity of other temperatures, and
qubits that are correlated before they meet: their own states are the same, the theorem fails.
"""

from collections.abc import Iterator
from math import log
from typing import Any

import numpy as np

from fluctua.analysis.exchange import least_noise
from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.initial import Populations
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.exchange import exchange_law, partial_swap
from fluctua.stochastic.reservoirs import BoseBath
from fluctua.stochastic.steps import Isolated, Quench
from fluctua.stochastic.systems.qubit_pair import qubit_pair, thermal_products
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    claim,
    exponential,
    mean,
    must_be_violated,
    value,
)

OMEGA, BETA_HOT, BETA_COLD, THETA, MEETING = 1.0, 1.0, 2.0, 0.7, 1.0
AFFINITY = BETA_COLD - BETA_HOT
DETUNING = 0.1
CORRELATION = 0.02
"""Probability that is moved from both or none to one of the two excited."""


def spec(seed: int, *, correlation: float = 0.0) -> EnsembleSpec:
    """Let qubits meet that no bath is connected to; both are measured before and after."""
    apart: dict[str, Any] = {"omega_a": OMEGA + DETUNING, "omega_b": OMEGA - DETUNING, "g": 0.0}
    met: dict[str, Any] = {"omega_a": OMEGA, "omega_b": OMEGA, "g": THETA / MEETING}
    protocol = Protocol([Quench(**met), Isolated(MEETING), Quench(**apart)], beta=1.0, **apart)
    chance = thermal_products(OMEGA, BETA_HOT, BETA_COLD)
    # By ascending energy: none, the second one, the first one, both.
    start = Populations(
        level_0=chance[0, 0] - correlation,
        level_1=chance[0, 1] + correlation,
        level_2=chance[1, 0] + correlation,
        level_3=chance[1, 1] - correlation,
    )
    closed = QuantumJump([BoseBath("hot", on="XI", rate=0.1), BoseBath("cold", on="IX", rate=0.1)])
    return EnsembleSpec(
        qubit_pair(), closed, protocol, trajectories=400_000, time_step=0.1, seed=seed, initial=start
    )


def heat(run: Dataset) -> Floats:
    """Give the energy that leaves the hot qubit for the cold one, shape ``(N,)``: one quantum, or none."""
    return np.asarray(OMEGA * (run["state_initial"].astype(np.float64) - run["state_final"]))


def check(bench: Bench) -> Iterator[Row]:
    """Judge the law of the heat, its theorem and its noise; catch a wrong affinity and correlations."""
    z = np.diag([0.5 * OMEGA, -0.5 * OMEGA])
    law = exchange_law(z, z, partial_swap(THETA), beta=(BETA_HOT, BETA_COLD)).heat()
    q = heat(bench.simulate(spec(113)))
    yield mean("P(Q = 1)", q > 0, law.probability(OMEGA))
    yield mean("P(Q = -1)", q < 0, law.probability(-OMEGA))
    yield _log_ratio(q)
    yield mean("<Q>", q, law.mean())
    yield exponential("<exp(-(beta_b - beta_a) Q)>", AFFINITY * q, 1.0)
    spread = law.variance() / law.mean() ** 2
    ratio, error = _relative_variance(q)
    yield value("Var Q/<Q>^2", ratio, error, spread)
    yield from _bounds(ratio, error, AFFINITY * law.mean())
    yield claim(verify(q, affinity=AFFINITY, claims=["exchange"], alpha=FALSE_ALARM)["exchange"])
    wrong = verify(q, affinity=0.8 * AFFINITY, claims=["exchange"], alpha=FALSE_ALARM)
    yield must_be_violated(wrong["exchange"], "affinity 20 % too low")
    q = heat(bench.simulate(spec(213, correlation=CORRELATION)))
    wrong = verify(q, affinity=AFFINITY, claims=["exchange"], alpha=FALSE_ALARM)
    yield must_be_violated(wrong["exchange"], "correlated at the start")


def _log_ratio(q: Floats) -> Row:
    forth, back = np.count_nonzero(q > 0), np.count_nonzero(q < 0)
    return value("ln P(1)/P(-1)", log(forth / back), (1 / forth + 1 / back) ** 0.5, AFFINITY * OMEGA)


def _relative_variance(q: Floats) -> tuple[float, float]:
    """Give ``Var Q/<Q>^2`` and its standard error, by the influence of each trajectory."""
    off, variance = q - q.mean(), q.var()
    influence = (off**2 - variance) / variance - 2 * off / q.mean()
    ratio = float(variance / q.mean() ** 2)
    return ratio, ratio * float(influence.std()) / q.size**0.5


def _bounds(ratio: float, error: float, entropy: float) -> Iterator[Row]:
    least = least_noise(entropy)
    for name, bound in (("Timpanaro", least.timpanaro), ("Hasegawa, Van Vu", least.hasegawa)):
        z = (ratio - bound) / error
        verdict = "violated" if z < -4 else "holds"
        yield Row(f"Var Q/<Q>^2 >= {name}", "claim", verdict, bound, ratio, error, z)


CASE = Case(
    name="e13",
    title="heat exchange of two qubits",
    source="Jarzynski, Wojcik, PRL 92, 230602 (2004); Timpanaro et al., PRL 123, 090604 (2019)",
    check=check,
    quick=0.5,
)
