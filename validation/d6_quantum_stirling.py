"""D6: Stirling engine whose working body is a quantum oscillator, quasi-static and at finite speed.

    hot isotherm w 2 -> 1, cooling, cold isotherm w 1 -> 2, heating;   H = w (n + 1/2),   T = (1, 1/2)

    W_out = T_h ln[Z_h(1)/Z_h(2)] + T_c ln[Z_c(2)/Z_c(1)] = 0.249798 for endless isotherms;

(T_h - T_c) ln 2 = 0.346574 is the classical value.

The lowest six levels are simulated: a cut oscillator is a system of its own, with 0.247325. Each isotherm of
length tau loses as much as 1/tau, which three lengths remove. The mean follows from a master equation of the
levels. The classical engine is the control.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import numpy as np
from scipy.linalg import expm

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.reservoirs import BoseBath
from fluctua.stochastic.schedule import Schedule
from fluctua.stochastic.steps import Hold, Isothermal, Quench
from fluctua.stochastic.systems.cut_oscillator import oscillator_ladder
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    by_stroke,
    claims,
    mean,
    must_disagree,
    quotient,
    value,
)

STIFF, SOFT, HOT, COLD = 2.0, 1.0, 1.0, 0.5
LEVELS, RATE, TIME_STEP = 6, 1.0, 0.01
LEGS = (5.0, 10.0, 20.0)
REMOVE = np.array([1.0, -6.0, 8.0]) / 3
"""Weights of three lengths, each twice the one before, that remove terms in 1/tau and 1/tau^2."""


def spec(leg: float, seed: int) -> EnsembleSpec:
    """Run one cycle from equilibrium, with isotherms of a length; the others take 4."""
    steps = [
        Isothermal(leg, w=(STIFF, SOFT)),
        Quench(temperature=COLD),
        Hold(4.0),
        Isothermal(leg, w=(SOFT, STIFF)),
        Quench(temperature=HOT),
        Hold(4.0),
    ]
    return EnsembleSpec(
        oscillator_ladder(LEVELS),
        QuantumJump([BoseBath("bath", on="ladder", rate=RATE)]),
        Protocol(steps, temperature=HOT, w=STIFF),
        trajectories=10_000,
        time_step=TIME_STEP,
        seed=seed,
        strokes=True,
    )


@dataclass(frozen=True)
class Cycle:
    """What a cycle gives on average: work put out, and heat taken while hot."""

    work_out: float
    heat_in: float


def quasi_static(levels: int | None = LEVELS) -> Cycle:
    """Give the cycle of endless isotherms; `levels` None: the whole oscillator."""
    count = 400 if levels is None else levels  # exp(-400 w/T) is nothing
    energy, chance = np.arange(count) + 0.5, {}
    for w, kt in ((STIFF, HOT), (SOFT, HOT), (STIFF, COLD), (SOFT, COLD)):
        weights = np.exp(-w * energy / kt)
        chance[w, kt] = log(weights.sum()), w * float(energy @ weights / weights.sum())
    work = HOT * (chance[SOFT, HOT][0] - chance[STIFF, HOT][0])
    work += COLD * (chance[STIFF, COLD][0] - chance[SOFT, COLD][0])
    entropy = {key: log_z + mean_energy / key[1] for key, (log_z, mean_energy) in chance.items()}
    heat = HOT * (entropy[SOFT, HOT] - entropy[STIFF, HOT]) + chance[STIFF, HOT][1] - chance[STIFF, COLD][1]
    return Cycle(work, heat)


def at_finite_speed(schedule: Schedule) -> Cycle:
    """Give the cycle of a run, by the master equation of the levels with the rows that the run holds.

    Level n goes up at the rate ``(n + 1) b`` and down at ``n (b + 1)``, ``b = 1/(exp(w/T) - 1)``. The
    frequency changes at frozen populations, which is work.
    """
    number = np.arange(LEVELS) + 0.5
    populations = np.exp(-STIFF / HOT * number)
    populations /= populations.sum()
    frequency, beta = schedule.controls[:, 0], schedule.beta[:, 0]
    rows, which = np.unique(np.stack([frequency, beta], axis=1), axis=0, return_inverse=True)
    kernels = expm(schedule.move * np.array([_rates(w, b) for w, b in rows]))[which.reshape(-1)]
    work = (frequency[0] - STIFF) * float(number @ populations)
    heat = 0.0
    for row, after in enumerate([*frequency[1:], STIFF]):
        moved = kernels[row] @ populations
        if np.isclose(beta[row], 1 / HOT):
            heat += frequency[row] * float(number @ (moved - populations))
        populations = moved
        work += (after - frequency[row]) * float(number @ populations)
    return Cycle(-work, heat)


def _rates(frequency: float, beta: float) -> Floats:
    up = RATE * np.arange(1.0, LEVELS) / np.expm1(beta * frequency)
    down = up + RATE * np.arange(1.0, LEVELS)
    table = np.diag(up, -1) + np.diag(down, 1)
    return np.asarray(table - np.diag(table.sum(axis=0)))


def check(bench: Bench) -> Iterator[Row]:
    """Judge work and efficiency at three speeds and in the limit; catch the classical engine."""
    found = []
    for number, leg in enumerate(LEGS):
        run = bench.simulate(spec(leg, 106 + 100 * number))
        known = at_finite_speed(spec(leg, 1).schedule)
        out, taken = -run["work"], _hot(run)
        yield mean(f"W_out, isotherms of {leg:g}", out, known.work_out)
        yield quotient(f"efficiency, isotherms of {leg:g}", out, taken, known.work_out / known.heat_in)
        found.append((out.mean(), out.std() / len(run) ** 0.5))
    yield from claims(verify(run, alpha=FALSE_ALARM), f"isotherms of {leg:g}")
    average, error = np.array(found).T
    limit, error = float(REMOVE @ average), float(np.linalg.norm(REMOVE * error))
    yield value("W_out, endless isotherms, six levels", limit, error, quasi_static().work_out)
    yield must_disagree(
        value("W_out, a classical oscillator", limit, error, (HOT - COLD) * log(STIFF / SOFT))
    )


def _hot(run: Dataset) -> Floats:
    """Give the heat taken on the hot isotherm and while it is heated."""
    heat = by_stroke(run, "heat")
    return np.asarray(heat[0] + heat[-1])


CASE = Case(
    name="d6",
    title="quantum Stirling engine",
    source="Agarwal, Chaturvedi, PRE 88, 012130 (2013)",
    check=check,
    quick=0.2,
)
