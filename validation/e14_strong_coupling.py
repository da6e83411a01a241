"""E14: a damped oscillator whose damping is as strong as its temperature, where Lindblad's equation fails.

    <x^2> = T sum over n of 1/(omega^2 + nu_n^2 + |nu_n| gamma omega_D/(omega_D + |nu_n|)),   nu_n = 2 pi n T

is exact for a bath of oscillators; jumps between the levels of the oscillator alone give the Gibbs value
coth(omega/2T)/(2 omega), whatever the damping. A run of jumps obeys thermodynamics and is wrong about the
system: it must say so. The control sets the run beside the exact value.
"""

from collections.abc import Iterator
from math import pi, tanh

import numpy as np

from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.initial import Populations
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.reservoirs import BoseBath
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.cut_oscillator import oscillator_ladder
from fluctua.validation.case import Bench, Case, Row, mean, must_be_remarked, must_differ, remarks

OMEGA, DAMPING, CUTOFF, BETA = 1.0, 1.0, 5.0, 5.0
MODES = 100_000


def exact_square() -> float:
    """Give ``<x^2>`` of the damped oscillator by the sum over Matsubara frequencies.

    The terms left out sum to ``beta/(4 pi^2 n)`` and less, by the integral from ``n + 1/2``.
    """
    n = np.arange(1.0, MODES)
    nu = 2 * pi * n / BETA
    terms = 1 / (OMEGA**2 + nu**2 + nu * DAMPING * CUTOFF / (CUTOFF + nu))
    tail = (BETA / (2 * pi)) ** 2 / (MODES - 0.5)
    return float(1 / OMEGA**2 + 2 * (terms.sum() + tail)) / BETA


def gibbs_square() -> float:
    """Give ``<x^2>`` of the oscillator in equilibrium alone."""
    return 1 / (2 * OMEGA * tanh(0.5 * BETA * OMEGA))


def spec(seed: int, rate: float = DAMPING) -> EnsembleSpec:
    """Let an oscillator in its ground state come to rest in the bath; six levels leave out 1e-13 of it."""
    dynamics = QuantumJump([BoseBath("bath", on="ladder", rate=rate)])
    return EnsembleSpec(
        oscillator_ladder(6),
        dynamics,
        Protocol([Hold(8.0 / rate)], beta=BETA, w=OMEGA),
        trajectories=100_000,
        time_step=0.0125 / rate,
        seed=seed,
        initial=Populations(level_0=1.0),
    )


def check(bench: Bench) -> Iterator[Row]:
    """Judge the run beside Gibbs' value; catch that it is not the exact one, and that it says so."""
    square = (bench.simulate(spec(114))["state_final"] + 0.5) / OMEGA
    yield mean("<x^2> by jumps", square, gibbs_square())
    yield must_differ("<x^2>, exact against jumps", square, exact_square())
    yield must_be_remarked(spec(114), "weak coupling", "of the temperature", "damping as strong as T")
    quiet = not any(remark.startswith("weak coupling") for remark in remarks(spec(114, rate=0.01)))
    yield Row("no remark, damping T/20", "control", "caught" if quiet else "missed")


CASE = Case(
    name="e14",
    title="damped oscillator at strong coupling",
    source="Grabert, Schramm, Ingold, Phys. Rep. 168, 115 (1988); Ullersma, Physica 32, 27 (1966)",
    check=check,
)
