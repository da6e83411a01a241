"""The job of every contender: a quartic well, moving controls and temperature, full ledger, two records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import fluctua as fl
from fluctua.stochastic.langevin import LangevinPropagator as Propagator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STEPS = 1000
TIME_STEP = 0.005
SEED = 12345
RECORD = {"square": "integral(q**2)", "cubic": "integral(q**3, q)"}
QUARTIC = fl.Potential("q**4/4 + k/2*q**2 - h*q", coordinates="q", controls=("k", "h"))
DYNAMICS: dict[str, fl.Overdamped | fl.Underdamped] = {
    "overdamped": fl.Overdamped(friction=1.0),
    "BAOAB": fl.Underdamped(mass=1.0, friction=1.0),
}

#: A row of the table that the peers read: what holds during a step, and what it changes to.
COLUMNS = (
    "k",
    "h",
    "k_next",
    "h_next",
    "beta",
    "beta_next",
    "beta_change",
    "keep",
    "spread",
    "inverse_spread",
    "temperature",
)


def protocol(steps: int = STEPS) -> fl.Protocol:
    """Ramp both controls and the inverse temperature over so many steps."""
    ramp = fl.Thermostatic(steps * TIME_STEP, beta=(1.0, 1.5), k=(1.0, 2.0), h=(0.0, 1.0))
    return fl.Protocol([ramp])


def spec(dynamics: str, trajectories: int, steps: int = STEPS) -> fl.EnsembleSpec:
    """Say the job in the public words; it starts in equilibrium."""
    return fl.EnsembleSpec(
        QUARTIC,
        DYNAMICS[dynamics],
        protocol(steps),
        trajectories=trajectories,
        time_step=TIME_STEP,
        seed=SEED,
        record=RECORD,
    )


def propagator(dynamics: str, system: fl.Potential = QUARTIC, steps: int = STEPS) -> Propagator:
    """Prepare our kernel for the job, from the origin, in this or another potential."""
    q = system.coordinates[0]
    made = Propagator(
        system,
        DYNAMICS[dynamics],
        protocol(steps),
        time_step=TIME_STEP,
        seed=SEED,
        initial=fl.Point(**dict.fromkeys(system.coordinates, 0.0)),
        record={"square": f"integral({q}**2)", "cubic": f"integral({q}**3, {q})"},
    )
    made.compile()
    return made


def chain(sites: int) -> fl.Potential:
    """Couple quartic wells by springs; one site is the job's own well."""
    wells = [f"q{i}**4/4 + k/2*q{i}**2" for i in range(sites)]
    springs = [f"(q{i + 1} - q{i})**2/2" for i in range(sites - 1)]
    names = tuple(f"q{i}" for i in range(sites))
    return fl.Potential(" + ".join([*wells, *springs, "-h*q0"]), coordinates=names, controls=("k", "h"))


def table(dynamics: str, steps: int = STEPS) -> tuple[Floats, Floats]:
    """Tabulate the job for the peers.

    Returns
    -------
    opening : (11,) array
        The control change before the first step.
    rows : (steps, 11) array
        One row a step, `COLUMNS`.
    """
    schedule = protocol(steps).schedule(TIME_STEP, QUARTIC.controls, DYNAMICS[dynamics].bath_names)
    controls = np.vstack([schedule.start_controls, schedule.controls, schedule.end_controls])
    beta = np.concatenate([schedule.start_beta, schedule.beta[:, 0], schedule.end_beta])
    rows = np.zeros((steps + 1, len(COLUMNS)))
    rows[:, 0:2], rows[:, 2:4] = controls[:-1], controls[1:]
    rows[:, 4], rows[:, 5], rows[:, 6] = beta[:-1], beta[1:], np.diff(beta)
    if dynamics == "overdamped":
        keep, spread = TIME_STEP, np.sqrt(2 * TIME_STEP / beta[:-1])
    else:
        keep, spread = np.exp(-TIME_STEP), np.sqrt(-np.expm1(-2 * TIME_STEP) / beta[:-1])
    rows[:, 7], rows[:, 8], rows[:, 9], rows[:, 10] = keep, spread, 1 / spread, 1 / beta[:-1]
    return rows[0].copy(), rows[1:].copy()
