"""E4: a coherent current that is more precise than any classical one at its price, and breaks no law.

    S A/J = 1.74974 < 2 for two dots in series, T(E) = Gamma^2 Omega^2 / |(E + i Gamma/2)^2 - Omega^2|^2

Current and noise are Landauer's and Lesovik's integrals. In a time t each interval 2 pi/t of the energy is
one attempt: an electron goes right with T f_L (1 - f_R), left with T f_R (1 - f_L), or stays. So the exchange
theorem P(n)/P(-n) = exp(A n) is exact, and the uncertainty relation of jump processes is not: the verifier
must decline to call that a violation. Control: taken for a classical current it is one. The same dots with
hopping in place of tunnelling obey the bound.
"""

from collections.abc import Iterator
from math import pi

import numpy as np

from fluctua.analysis.tur import judge_tur
from fluctua.analysis.verify import verify
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.initial import Steady
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.transport import coherent_transport, double_dot_transmission
from fluctua.stochastic.reservoirs import Lead, Rates
from fluctua.stochastic.steps import Hold
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    claim,
    mean,
    must_be_violated,
    must_not_apply,
    variance,
)

RATE, TUNNELLING, BIAS, TEMPERATURE, DURATION = 0.5, 0.3, 1.0, 0.2, 100.0
AFFINITY = BIAS / TEMPERATURE
LOW_BIAS = 0.2
"""So low that some trajectories go back on the whole: the exchange theorem compares them with the others."""

TRAJECTORIES = 200_000


def transmission(energy: float) -> float:
    """Give the transmission of two dots in series."""
    return double_dot_transmission(energy, rate=RATE, tunnelling=TUNNELLING)


def attempts(bias: float) -> Floats:
    """Give the probabilities of an electron to the right and to the left, shape (cells, 2)."""
    width = 2 * pi / DURATION
    reach = bias / 2 + 30 * TEMPERATURE
    energy = width * (np.arange(-np.ceil(reach / width), np.ceil(reach / width)) + 0.5)
    left, right = ((energy - mu) / TEMPERATURE for mu in (bias / 2, -bias / 2))
    through = np.array([transmission(one) for one in energy])
    there, back = _full(left) * _full(-right), _full(right) * _full(-left)
    return through[:, None] * np.stack([there, back], axis=1)


def _full(x: Floats) -> Floats:
    """Give the chance that a state of energy ``x`` kT above the chemical potential is full; of -x: empty."""
    return np.asarray(1 / (1 + np.exp(x)))


def counted(trajectories: int, bias: float, seed: int) -> Floats:
    """Draw the number of electrons from left to right in a time, shape ``(N,)``."""
    random = np.random.default_rng(seed)
    total = np.zeros(trajectories)
    for there, back in attempts(bias):
        number = random.random(trajectories)
        total += number < there
        total -= number >= 1 - back
    return total


def hopping(seed: int) -> EnsembleSpec:
    """Let one electron at a time hop from dot to dot, as often as it would tunnel on resonance."""
    dots = Levels({"empty": "0", "near": "0", "far": "0"}, controls="V")
    rate = 4 * TUNNELLING**2 / RATE
    return EnsembleSpec(
        dots,
        MarkovJump(
            [
                Lead("left", on="empty -> near", rate=RATE, mu="V/2"),
                Lead("right", on="empty -> far", rate=RATE, mu="-V/2"),
                Rates("between", on="near -> far", forward=rate, backward=rate),
            ]
        ),
        Protocol([Hold(DURATION)], temperature=TEMPERATURE, V=BIAS),
        trajectories=20_000,
        seed=seed,
        initial=Steady(),
    )


def check(bench: Bench) -> Iterator[Row]:
    """Judge current, noise and the exchange theorem; catch the bound where it does not bind."""
    known = coherent_transport(transmission, bias=BIAS, temperature=TEMPERATURE)
    count = max(1, round(bench.scale * TRAJECTORIES))
    electrons = counted(count, BIAS, 104 + bench.seed)
    yield mean("J", electrons / DURATION, known.current)
    yield variance("S", electrons / DURATION**0.5, known.noise)
    few = counted(count, LOW_BIAS, 204 + bench.seed)
    exchange = verify(few, affinity=LOW_BIAS / TEMPERATURE, claims=["exchange"], alpha=FALSE_ALARM)
    yield claim(exchange["exchange"], f"bias {LOW_BIAS}")
    entropy = AFFINITY * electrons
    quantum = judge_tur(electrons, entropy, quantum=True, alpha=FALSE_ALARM)
    yield must_not_apply(quantum, "not a violation of thermodynamics", "a coherent current")
    yield must_be_violated(judge_tur(electrons, entropy, alpha=FALSE_ALARM), "taken for a classical current")
    run = bench.simulate(hopping(304))
    yield claim(verify(run, current="particles_left", claims=["tur"], alpha=FALSE_ALARM)["tur"], "hopping")


CASE = Case(
    name="e4",
    title="coherent current below the classical bound",
    source="Agarwalla, Segal, PRB 98, 155438 (2018); Ptaszynski, PRB 98, 085425 (2018)",
    check=check,
    quick=0.25,
)
