"""D4: a Stirling engine made of one particle in a harmonic trap, at finite speed.

The trap softens at the hot temperature and stiffens at the cold one, linearly in time; temperatures switch
at once. Second moments obey linear equations, so work, heat and efficiency of the limit cycle are exact:

    overdamped    s' = -2 k s/g + 2 T/g,    W = int k' s dt/2,
    underdamped   the same for (<x^2>, <x v>, <v^2>).

Slowly, ``W_out = (T_h - T_c) ln(r)/2`` and ``eta = eta_C/(1 + n eta_C/ln r)``, n = 1 overdamped and n = 2
underdamped (``systems.breathing_trap``): the kinetic energy has to be heated too. The overdamped efficiency
quoted for an underdamped engine is the control.
"""

from collections.abc import Callable, Iterator

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Isothermal, Quench
from fluctua.stochastic.systems.breathing_trap import breathing_trap
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    by_stroke,
    claim,
    mean,
    must_differ,
    quotient,
)
from fluctua.validation.ode import integrate

STIFF, SOFT, HOT, COLD = 4.0, 1.0, 1.0, 0.5
FRICTION, MASS = 1.0, 1.0
CYCLES = 2

Rate = Callable[[float, float, Floats], list[Floats]]


def spec(
    dynamics: Overdamped | Underdamped, leg: float, time_step: float, trajectories: int, seed: int
) -> EnsembleSpec:
    """Run the engine for two cycles from equilibrium; the second is the limit cycle."""
    steps = [
        Isothermal(leg, k=(STIFF, SOFT), name="hot"),
        Quench(temperature=COLD, name="cool"),
        Isothermal(leg, k=(SOFT, STIFF), name="cold"),
        Quench(temperature=HOT, name="heat"),
    ]
    return EnsembleSpec(
        breathing_trap(),
        dynamics,
        Protocol(steps, cycles=CYCLES, temperature=HOT),
        trajectories=trajectories,
        time_step=time_step,
        seed=seed,
        strokes=True,
    )


def overdamped_rate(k: float, temperature: float, moments: Floats) -> list[Floats]:
    """Give the change of ``<x^2>``."""
    return [2 * (temperature - k * moments[0]) / FRICTION]


def underdamped_rate(k: float, temperature: float, moments: Floats) -> list[Floats]:
    """Give the change of ``<x^2>, <x v>, <v^2>``."""
    square, mixed, speed = moments
    drag = FRICTION / MASS
    return [
        2 * mixed,
        speed - k / MASS * square - drag * mixed,
        -2 * k / MASS * mixed - 2 * drag * (speed - temperature / MASS),
    ]


def limit_cycle(rate: Rate, leg: float) -> tuple[float, float]:
    """Give ``(W_out, Q_hot)`` of the limit cycle: work given out, heat taken in during the hot leg.

    Moments, work and heat after a cycle are affine functions of the moments before it. They are known from
    their values for no moments and for each unit vector, and the fixed point starts the limit cycle.
    """
    size = 1 if rate is overdamped_rate else 3
    end, out, taken = _cycle(rate, leg, np.column_stack([np.zeros(size), np.eye(size)]))
    fixed = np.linalg.solve(np.eye(size) - (end[:, 1:] - end[:, :1]), end[:, 0])
    weights = np.array([1 - fixed.sum(), *fixed])
    return float(weights @ out), float(weights @ taken)


def _cycle(rate: Rate, leg: float, start: Floats) -> tuple[Floats, Floats, Floats]:
    """Give moments after a cycle, work given out, heat of the hot leg; a column for each start."""
    turned, hot_work = _leg(rate, leg, start, STIFF, SOFT, HOT)
    end, cold_work = _leg(rate, leg, turned, SOFT, STIFF, COLD)
    return end, -hot_work - cold_work, _energy(SOFT, turned) - _energy(STIFF, start) - hot_work


def _leg(
    rate: Rate, leg: float, start: Floats, k_start: float, k_end: float, temperature: float
) -> tuple[Floats, Floats]:
    slope = (k_end - k_start) / leg

    def total(t: float, state: Floats) -> list[Floats]:
        return [*rate(k_start + slope * t, temperature, state[:-1]), slope / 2 * state[0]]

    end = integrate(total, [*start, np.zeros(start.shape[1])], leg, steps=round(200 + 20 * leg))
    return end[:-1], end[-1]


def _energy(k: float, moments: Floats) -> Floats:
    kinetic = MASS * moments[2] / 2 if len(moments) == 3 else 0.0
    return np.asarray(k * moments[0] / 2 + kinetic)


def check(bench: Bench) -> Iterator[Row]:
    """Judge work and efficiency of the limit cycle at several speeds; catch the wrong kind of efficiency."""
    heun = Overdamped(friction=FRICTION, scheme="heun")
    for leg, time_step, trajectories in (
        (2, 0.01, 400_000),
        (5, 0.01, 200_000),
        (20, 0.01, 100_000),
        (100, 0.01, 50_000),
    ):
        run = spec(heun, leg, time_step, trajectories, 104)
        yield from _judged(bench, run, overdamped_rate, leg, f"overdamped, legs of {leg}")
    run = spec(Underdamped(mass=MASS, friction=FRICTION), 20, 0.02, 200_000, 204)
    yield from _judged(bench, run, underdamped_rate, 20, "underdamped, legs of 20")
    yield from _slow(bench)


def _judged(bench: Bench, spec: EnsembleSpec, rate: Rate, leg: float, of: str) -> Iterator[Row]:
    run = bench.simulate(spec)
    out, taken = _limit(by_stroke(run, "work"), by_stroke(run, "heat"))
    exact_out, exact_taken = limit_cycle(rate, leg)
    yield mean(f"W_out, {of}", out, exact_out)
    yield quotient(f"efficiency, {of}", out, taken, exact_out / exact_taken)
    yield claim(verify(run, claims=["first-law"], alpha=FALSE_ALARM)["first-law"], of)


def _slow(bench: Bench) -> Iterator[Row]:
    run = bench.simulate(spec(Underdamped(mass=MASS, friction=FRICTION), 100, 0.02, 50_000, 304))
    out, taken = _limit(by_stroke(run, "work"), by_stroke(run, "heat"))
    exact_out, exact_taken = limit_cycle(underdamped_rate, 100)
    yield quotient("efficiency, underdamped, legs of 100", out, taken, exact_out / exact_taken)
    over_out, over_taken = limit_cycle(overdamped_rate, 100)
    wrong = out - over_out / over_taken * taken
    yield must_differ("W_out - eta Q_hot with the overdamped eta", wrong, 0.0)


def _limit(work: Floats, heat: Floats) -> tuple[Floats, Floats]:
    """Give the work given out in the last cycle and the heat of its hot leg."""
    return -work[-4:].sum(axis=0), heat[-4]


CASE = Case(
    name="d4",
    title="harmonic Stirling engine",
    source="Blickle, Bechinger, Nat. Phys. 8, 143 (2012)",
    check=check,
    quick=0.05,
)
