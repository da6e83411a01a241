"""A2: an underdamped particle dragged by a harmonic trap that moves at constant speed.

    dx/dt = v,   m dv/dt = -k (x - u t) - gamma v + sqrt(2 gamma T) xi,   equilibrium start.

The work is Gaussian with variance 2 T <W>. BAOAB with work at the half steps is second order: at this time
step the error of <W> is below a thirtieth of its standard error.
"""

from collections.abc import Iterator
from math import exp

from fluctua.analysis.verify import verify
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Isothermal
from fluctua.stochastic.underdamped import Underdamped
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
from fluctua.validation.ode import integrate

K, MASS, FRICTION, TEMPERATURE, SPEED, DURATION = 1.0, 1.0, 1.0, 1.0, 1.0, 2.0

SPEC = EnsembleSpec(
    Potential("k/2*(x - c)**2", coordinates="x", controls="c", parameters={"k": K}),
    Underdamped(mass=MASS, friction=FRICTION),
    Protocol([Isothermal(DURATION, c=(0.0, SPEED * DURATION))], temperature=TEMPERATURE),
    trajectories=200_000,
    time_step=0.01,
    seed=102,
)


def mean_work(duration: float = DURATION) -> float:
    """Give ``<W> = -k u int <y> dt`` along the mean lag ``y = x - u t``, which moves without noise."""

    def rate(_: float, state: Floats) -> list[float]:
        lag, velocity, _work = state
        return [velocity - SPEED, -(K * lag + FRICTION * velocity) / MASS, -K * SPEED * lag]

    return float(integrate(rate, [0.0, 0.0, 0.0], duration)[2])


def check(bench: Bench) -> Iterator[Row]:
    """Judge moments and theorems; catch a temperature that is wrong by a tenth."""
    forward, reverse = bench.pair(SPEC)
    yield mean("<W>", forward["work"], mean_work())
    yield variance("Var W", forward["work"], 2 * TEMPERATURE * mean_work())
    yield mean("<W>, reverse", reverse["work"], mean_work())
    half = exp(-mean_work() / (4 * TEMPERATURE))  # Gaussian work with Delta F = 0
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
