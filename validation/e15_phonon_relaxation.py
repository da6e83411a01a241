"""E15: a dot of two levels relaxes by phonons, and produces entropy at the rate at which D(p || pi) falls.

    <s_tot> = D(p_0 || pi) - D(p_t || pi),   <exp(-s_tot)> = 1 as long as no level is empty at first

The controls: relaxation with the stimulated rates alone, ``n`` both ways, which forgets spontaneous emission;
and the entropy of the dot without that of the phonons.
"""

from collections.abc import Iterator

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.initial import Populations
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.reservoirs import Rates
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.two_level import bose, bosons, excited_population, two_level
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
    must_differ,
)
from fluctua.validation.jump_statistics import known

GAP, TEMPERATURE, DURATION, FIRST = 1.0, 0.5, 2.0, 0.9
X = GAP / TEMPERATURE
LAST = excited_population(FIRST, DURATION, X)
DOT, PHONONS = two_level(), bosons()
STIMULATED = MarkovJump(
    [Rates("phonons", on="ground -> excited", forward=bose(X), backward=bose(X))], thermodynamics=False
)


def spec(seed: int, dynamics: MarkovJump = PHONONS, trajectories: int = 400_000) -> EnsembleSpec:
    """Let the dot relax, excited with probability 0.9 at first."""
    return EnsembleSpec(
        DOT,
        dynamics,
        Protocol([Hold(DURATION)], temperature=TEMPERATURE, gap=GAP),
        trajectories=trajectories,
        seed=seed,
        initial=Populations(ground=1 - FIRST, excited=FIRST),
    )


def total_entropy(run: Dataset) -> Floats:
    """Give the entropy flow plus ``ln p_0 - ln p_t`` from the solution in closed form."""
    first, last = np.log([1 - FIRST, FIRST]), np.log([1 - LAST, LAST])
    total: Floats = run["entropy_flow"] + first[run["state_initial"]] - last[run["state_final"]]
    return total


def mean_entropy() -> float:
    """Give ``D(p_0 || pi) - D(p_t || pi)``."""
    equilibrium = bose(X) / (2 * bose(X) + 1)
    return _distance(FIRST, equilibrium) - _distance(LAST, equilibrium)


def _distance(p: float, q: float) -> float:
    return float(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))


def check(bench: Bench) -> Iterator[Row]:
    """Judge population, entropy and theorems; catch missing spontaneous emission and a missing term."""
    of = spec(115)
    run = bench.simulate(of)
    total = total_entropy(run)
    yield mean("excited at the end", run["state_final"], LAST)
    yield mean("heat", run["heat"], GAP * (LAST - FIRST))
    yield mean("jumps", run["activity"], known(of).mean("activity"))
    yield mean("<s_tot>", total, mean_entropy())
    yield exponential("<exp(-s_tot)>", total, 1.0)
    yield from claims(verify(run, alpha=FALSE_ALARM))
    own = total - run["entropy_flow"]
    report = verify(entropy=own, claims=["integral"], alpha=FALSE_ALARM)
    yield must_be_violated(report["integral"], "entropy of the dot alone")
    stimulated = bench.simulate(spec(215, STIMULATED, 50_000))
    yield must_differ("excited at the end, no spontaneous emission", stimulated["state_final"], LAST)


CASE = Case(
    name="e15",
    title="a dot relaxes by phonons",
    source="Schnakenberg, Rev. Mod. Phys. 48, 571 (1976); Seifert, PRL 95, 040602 (2005)",
    check=check,
)
