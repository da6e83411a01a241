"""A8: what a time step does to stationary variances, and what the shadow work is for.

In a harmonic well the maps are Gaussian, so their stationary variances are exact at any step ``h``:

    Euler-Maruyama    <x^2> = (T/k) / (1 - k h / 2 gamma)
    BAOAB             <x^2> = T/k,   <v^2> = (T/m) (1 - w^2 h^2 / 4),   w^2 = k/m.

With the shadow work added, ``<exp(-(W + W_sh)/T)> = exp(-Delta F/T)`` with the true free energy at any
step; the protocol work alone misses it. The first tests the bookkeeping, the second sees the step.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np

from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold, Isothermal
from fluctua.validation.case import Bench, Case, Row, exponential, mean, must_differ

K, MASS, FRICTION, TEMPERATURE = 1.0, 1.0, 1.0, 1.0
STIFFER = 4.0
EULER_STEPS, SPLITTING_STEPS = (0.1, 0.5), (0.5, 1.0)

WELL = Potential("k/2*x**2", coordinates="x", controls="k")
EULER, SPLITTING = Overdamped(friction=FRICTION), Underdamped(mass=MASS, friction=FRICTION)


def rest(dynamics: Overdamped | Underdamped, time_step: float, seed: int) -> EnsembleSpec:
    """Let the discrete map forget its start, the true equilibrium, for 40 relaxation times."""
    protocol = Protocol([Hold(40.0)], temperature=TEMPERATURE, k=K)
    return EnsembleSpec(WELL, dynamics, protocol, trajectories=1_000_000, time_step=time_step, seed=seed)


def squeeze(dynamics: Overdamped | Underdamped, time_step: float, seed: int) -> EnsembleSpec:
    """Stiffen the well in unit time with a step that is too long."""
    protocol = Protocol([Isothermal(1.0, k=(K, STIFFER))], temperature=TEMPERATURE)
    return EnsembleSpec(WELL, dynamics, protocol, trajectories=400_000, time_step=time_step, seed=seed)


def euler_position(time_step: float) -> float:
    """Give the stationary ``<x^2>`` of the Euler-Maruyama map."""
    return TEMPERATURE / K / (1 - K * time_step / (2 * FRICTION))


def splitting_velocity(time_step: float) -> float:
    """Give the stationary ``<v^2>`` of BAOAB."""
    return TEMPERATURE / MASS * (1 - K / MASS * time_step**2 / 4)


def check(bench: Bench) -> Iterator[Row]:
    """Judge variances and the two work theorems; catch the protocol work without its shadow."""
    for h in EULER_STEPS:
        run = bench.simulate(rest(EULER, h, 108))
        yield mean(f"<x^2>, Euler-Maruyama, k h = {h}", run["x_final"] ** 2, euler_position(h))
    for h in SPLITTING_STEPS:
        run = bench.simulate(rest(SPLITTING, h, 208))
        yield mean(f"<x^2>, BAOAB, w h = {h}", run["x_final"] ** 2, TEMPERATURE / K)
        yield mean(f"<v^2>, BAOAB, w h = {h}", run["v_x_final"] ** 2, splitting_velocity(h))
    yield from _shadow("Euler-Maruyama, k h up to 0.5", bench.simulate(squeeze(EULER, 0.125, 308)))
    yield from _shadow("BAOAB, w h up to 1", bench.simulate(squeeze(SPLITTING, 0.5, 408)))


def _shadow(of: str, run: Dataset) -> Iterator[Row]:
    exact = sqrt(K / STIFFER)
    yield exponential(f"<exp(-(W + W_sh)/T)>, {of}", (run["work"] + run["shadow_work"]) / TEMPERATURE, exact)
    yield must_differ(f"<exp(-W/T)>, {of}", np.exp(-run["work"] / TEMPERATURE), exact)


CASE = Case(
    name="a8",
    title="integrator error and shadow work",
    source="Leimkuhler, Matthews, JCP 138, 174102 (2013); Sivak, Chodera, Crooks, PRX 3, 011007 (2013)",
    check=check,
    quick=0.5,
)
