"""E9: a qubit swept through its crossing in a heat bath, faster than its levels can follow.

    H = (delta X + epsilon(t) Z)/2,   epsilon from -4 to 4 in 5,   delta = T = 1
    L_down = sqrt(gamma (n + 1)) |g_t><e_t|,   L_up = sqrt(gamma n) |e_t><g_t|,   gamma = 0.2

The channels are those of the instantaneous levels, and a jump carries the quantum omega_t of its instant:
Jarzynski's and Crooks' theorems hold at any speed. They do not say that the channels are right: at the
crossing hbar |<e|dH/dt|g>| is 0.8 of the squared gap, and a run remarks on it. Controls: quanta counted as if
the gap stood still, and jumps in a fixed basis, whose quanta are not the energy that they move.
"""

from collections.abc import Iterator
from math import exp

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.exact import Lindblad
from fluctua.stochastic.quantum.tilted import cumulants
from fluctua.stochastic.reservoirs import BoseBath, LocalBath, Reservoir
from fluctua.stochastic.steps import Isothermal
from fluctua.stochastic.systems.driven_qubit import adiabatic_ratio, driven_qubit, gap
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    claims,
    exponential,
    mean,
    must_be_remarked,
    must_be_violated,
    must_differ,
    variance,
)

REACH, DURATION, BETA, RATE = 4.0, 5.0, 1.0, 0.2
THERMAL = BoseBath("phonons", rate=RATE)
FIXED = LocalBath("phonons", on="M", rate=RATE, quantum="sqrt(delta**2 + epsilon**2)")
"""Lowers the spin, whatever the field is: right far from the crossing only."""


def spec(
    seed: int, *, bath: Reservoir = THERMAL, trajectories: int = 400_000, listed: bool = False
) -> EnsembleSpec:
    """Sweep the qubit; `listed` keeps all jumps."""
    return EnsembleSpec(
        driven_qubit(),
        QuantumJump([bath], path_work=True),
        Protocol([Isothermal(DURATION, epsilon=(-REACH, REACH))], beta=BETA),
        trajectories=trajectories,
        time_step=0.0125,
        seed=seed,
        paths=trajectories if listed else 0,
        path_every=400,
    )


def companion(run: EnsembleSpec) -> Lindblad:
    """Give the exact statistics of what a run samples."""
    known: Lindblad = run.exact()
    return known


def check(bench: Bench) -> Iterator[Row]:
    """Judge work, heat and theorems; catch quanta of a gap that stands still, and of a fixed basis."""
    yield from _swept(*bench.pair(spec(109)))
    yield must_be_remarked(spec(109), "adiabatic", f"{adiabatic_ratio(2 * REACH / DURATION):.2g}", "crossing")
    yield from _miscounted(*bench.pair(spec(209, trajectories=100_000, listed=True)))
    fixed = bench.simulate(spec(309, bath=FIXED, trajectories=100_000))
    yield mean("<W>, jumps in a fixed basis", fixed["work"], companion(spec(309, bath=FIXED)).mean_work())
    yield must_differ("<path work - W>, jumps in a fixed basis", fixed["path_work"] - fixed["work"], 0.0)


def _swept(forward: Dataset, reverse: Dataset) -> Iterator[Row]:
    known = companion(spec(109))
    for of, column in (("W", "work"), ("Q", "heat"), ("jumps", "activity")):
        first, second = cumulants(known, column)
        yield mean(f"<{of}>", forward[column], first)
        yield variance(f"Var {of}", forward[column], second)
    yield mean("<path work - W>", forward["path_work"] - forward["work"], 0.0)
    yield mean("<W>, reverse", reverse["work"], companion(spec(109).reversed()).mean_work())
    yield mean("excited at the end", forward["state_final"], float(known.populations[-1, 1]))
    half = known.log_generating_function({"work": -BETA / 2})
    yield exponential("<exp(-W/2T)>", forward["work"] / 2, exp(half))
    yield exponential("<exp(-W/T)>", forward["work"], 1.0)
    yield from claims(verify(forward, reverse, alpha=FALSE_ALARM))


def _miscounted(forward: Dataset, reverse: Dataset) -> Iterator[Row]:
    """Count the quantum of the ends of the sweep with each jump."""
    yield mean("<jumps up - jumps down>", net_jumps(forward), net_jumps_expected())
    work = [run["energy_change"] - gap(REACH) * net_jumps(run) for run in (forward, reverse)]
    report = verify(*work, delta_f=0.0, alpha=FALSE_ALARM)
    yield must_be_violated(report["crooks"], "one quantum for all instants")


def net_jumps(run: Dataset) -> Floats:
    """Count the jumps up less those down of each trajectory, shape ``(N,)``, by the table of jumps."""
    jumps = run.jumps
    up = np.where(jumps["channel"] == "phonons: level_0 -> level_1", 1.0, -1.0)
    return np.asarray(np.bincount(jumps["trajectory"], weights=up, minlength=len(run)), dtype=np.float64)


def net_jumps_expected() -> float:
    """Give the exact mean of the same."""
    counts = companion(spec(209)).channel_counts()
    return counts["phonons: level_0 -> level_1"] - counts["phonons: level_1 -> level_0"]


CASE = Case(
    name="e9",
    title="qubit swept through its crossing in a heat bath",
    source="Hekking, Pekola, PRL 111, 093602 (2013); Horowitz, PRE 85, 031110 (2012)",
    check=check,
)
