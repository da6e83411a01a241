"""A3: the heat of a static harmonic well, for which the integral theorem is false, exactly.

Overdamped, equilibrium, nothing is driven: ``Q_diss = k (x_0^2 - x_t^2)/2`` and

    <exp(-a Q_diss/T)> = [1 - a^2 (1 - r^2)]^(-1/2),   r = e^(-k t/gamma),   |a| < (1 - r^2)^(-1/2),

so ``<exp(-Q_diss/T)> = e^(k t/gamma)``, not 1. At t = 0.1 the variance is finite and the verifier must say
so; at t = 1 it is infinite, and an average of the exponential must be refused an error bar.
"""

from collections.abc import Iterator
from math import exp, sqrt

from fluctua.analysis.verify import verify
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Row,
    exponential,
    mean,
    must_be_refused,
    must_be_violated,
    variance,
)

K, FRICTION, TEMPERATURE = 1.0, 1.0, 1.0


def spec(duration: float, time_step: float, seed: int) -> EnsembleSpec:
    """Watch a particle at rest in its well for ``duration``."""
    return EnsembleSpec(
        Potential("k/2*x**2", coordinates="x", parameters={"k": K}),
        Overdamped(friction=FRICTION),
        Protocol([Hold(duration)], temperature=TEMPERATURE),
        trajectories=400_000,
        time_step=time_step,
        seed=seed,
    )


def generating_function(exponent: float, duration: float) -> float:
    """Give ``<exp(-a Q_diss/T)>``; infinite beyond ``a^2 (1 - r^2) = 1``."""
    spread = exponent**2 * (1 - exp(-2 * K * duration / FRICTION))
    return 1 / sqrt(1 - spread) if spread < 1 else float("inf")


def variance_of_heat(duration: float) -> float:
    """Give ``Var Q/T^2 = 1 - r^2``."""
    return 1 - exp(-2 * K * duration / FRICTION)


def check(bench: Bench) -> Iterator[Row]:
    """Judge heat averages; catch the integral theorem of the heat, and an average without an error bar."""
    short, long = bench.simulate(spec(0.1, 0.0005, 103)), bench.simulate(spec(1.0, 0.0025, 203))
    brief, slow = -short["heat"] / TEMPERATURE, -long["heat"] / TEMPERATURE
    yield mean("<Q_diss>, t = 0.1", brief, 0.0)
    yield variance("Var Q/T^2, t = 0.1", brief, variance_of_heat(0.1))
    yield exponential("<exp(-Q_diss/T)>, t = 0.1", brief, generating_function(1.0, 0.1))
    yield variance("Var Q/T^2, t = 1", slow, variance_of_heat(1.0))
    yield exponential("<exp(-Q_diss/4T)>, t = 1", slow / 4, generating_function(0.25, 1.0))
    yield mean("W", short["work"], 0.0)
    taken = verify(entropy=brief, tolerance={"integral": 0.02}, alpha=FALSE_ALARM)
    yield must_be_violated(taken["integral"], "heat for entropy, t = 0.1")
    yield must_be_refused(exponential("<exp(-Q_diss/T)>, t = 1", slow, generating_function(1.0, 1.0)))


CASE = Case(
    name="a3",
    title="heat of a static well (its integral theorem is false)",
    source="van Zon, Cohen, PRE 69, 056121 (2004)",
    check=check,
)
