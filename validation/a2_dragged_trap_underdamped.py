"""A2: an underdamped particle dragged by a harmonic trap that moves at constant speed.

    dx/dt = v,   m dv/dt = -k (x - u t) - gamma v + sqrt(2 gamma T) xi,   equilibrium start.

The work is Gaussian with variance 2 T <W>. BAOAB with work at the half steps is second order: at this time
step the error of <W> is below a thirtieth of its standard error.
"""

from collections.abc import Iterator
from math import exp

from fluctua.analysis.verify import verify
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Isothermal
from fluctua.stochastic.systems.moving_trap import mean_work_underdamped, moving_trap
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Row,
    claims,
    exponential,
    mean,
    must_be_violated,
    variance,
)

K, MASS, FRICTION, TEMPERATURE, SPEED, DURATION = 1.0, 1.0, 1.0, 1.0, 1.0, 2.0

SPEC = EnsembleSpec(
    moving_trap(stiffness=K),
    Underdamped(mass=MASS, friction=FRICTION),
    Protocol([Isothermal(DURATION, c=(0.0, SPEED * DURATION))], temperature=TEMPERATURE),
    trajectories=200_000,
    time_step=0.01,
    seed=102,
)

MEAN_WORK = mean_work_underdamped(
    velocity=SPEED, duration=DURATION, stiffness=K, friction=FRICTION, mass=MASS
)


def check(bench: Bench) -> Iterator[Row]:
    """Judge moments and theorems; catch a temperature that is wrong by a tenth."""
    forward, reverse = bench.pair(SPEC)
    yield mean("<W>", forward["work"], MEAN_WORK)
    yield variance("Var W", forward["work"], 2 * TEMPERATURE * MEAN_WORK)
    yield mean("<W>, reverse", reverse["work"], MEAN_WORK)
    half = exp(-MEAN_WORK / (4 * TEMPERATURE))  # Gaussian work with Delta F = 0
    yield exponential("<exp(-W/2T)>", forward["work"] / (2 * TEMPERATURE), half)
    yield from claims(verify(forward, reverse, delta_f=0.0, alpha=FALSE_ALARM))
    hotter = verify(1.1 * forward["work"], 1.1 * reverse["work"], alpha=FALSE_ALARM)
    yield must_be_violated(hotter["crooks"], "work in kT off by 10 %")


CASE = Case(
    name="a2",
    title="dragged trap, underdamped",
    source="Mazonka, Jarzynski 1999; Jarzynski, PRL 78, 2690 (1997)",
    check=check,
)
