"""A1: an overdamped particle dragged by a harmonic trap that moves at constant speed.

    gamma dx/dt = -k (x - u t) + sqrt(2 gamma T) xi,   equilibrium start.

Work and total entropy production are Gaussian with variance twice the mean (in kT), so that the integral
and the one-sample detailed theorem hold with Delta F = 0. The medium entropy alone, without the boundary
term, obeys neither.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np
from scipy.stats import kstest, norm

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Isothermal
from fluctua.stochastic.systems.moving_trap import (
    mean_heat,
    mean_position,
    mean_work,
    moving_trap,
    negative_work_probability,
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
    variance,
)

K, FRICTION, TEMPERATURE, SPEED, DURATION = 1.0, 1.0, 1.0, 1.0, 2.0

SPEC = EnsembleSpec(
    moving_trap(stiffness=K),
    Overdamped(friction=FRICTION),
    Protocol([Isothermal(DURATION, c=(0.0, SPEED * DURATION))], temperature=TEMPERATURE),
    trajectories=200_000,
    time_step=0.002,
    seed=101,
)

DRAG = {"velocity": SPEED, "duration": DURATION, "stiffness": K, "friction": FRICTION}
MEAN_WORK, MEAN_DISSIPATED_HEAT = mean_work(**DRAG), -mean_heat(**DRAG)


def total_entropy(run: Dataset) -> Floats:
    """Give ``ln p_0(x_0) - ln p_t(x_t)`` plus the entropy flow: the total entropy production."""
    first, last = run["x_initial"], run["x_final"] - mean_position(**DRAG)
    return np.asarray(K / (2 * TEMPERATURE) * (last**2 - first**2) + run["entropy_flow"])


def check(bench: Bench) -> Iterator[Row]:
    """Judge moments, distribution and theorems; catch the medium entropy taken for the total one."""
    forward, reverse = bench.pair(SPEC)
    work, total = forward["work"], total_entropy(forward)
    yield mean("<W>", work, MEAN_WORK)
    yield variance("Var W", work, 2 * TEMPERATURE * MEAN_WORK)
    yield mean("P(W < 0)", work < 0, negative_work_probability(MEAN_WORK, beta=1 / TEMPERATURE))
    yield _distribution("W is Gaussian, Kolmogorov-Smirnov p", work)
    yield mean("<Q_diss>", -forward["heat"], MEAN_DISSIPATED_HEAT)
    yield mean("<s_tot>", total, MEAN_DISSIPATED_HEAT / TEMPERATURE)
    yield variance("Var s_tot", total, 2 * MEAN_DISSIPATED_HEAT / TEMPERATURE)
    yield exponential("<exp(-W/T)>", work / TEMPERATURE, 1.0)
    yield from claims(verify(forward, reverse, delta_f=0.0, alpha=FALSE_ALARM))
    yield from claims(verify(entropy=total, alpha=FALSE_ALARM), "s_tot")
    medium = verify(entropy=forward["entropy_flow"], alpha=FALSE_ALARM)
    yield must_be_violated(medium["detailed"], "medium entropy alone")


def _distribution(quantity: str, work: Floats) -> Row:
    """Compare the work with its exact Gaussian distribution, no parameter being free."""
    scale = sqrt(2 * TEMPERATURE * MEAN_WORK)
    p = float(kstest(work, norm(MEAN_WORK, scale).cdf).pvalue)
    return Row(quantity, "value", "agrees" if p > FALSE_ALARM else "violated", None, p)


CASE = Case(
    name="a1",
    title="dragged trap, overdamped",
    source="Mazonka, Jarzynski 1999; van Zon, Cohen, PRE 67, 046102 (2003)",
    check=check,
)
