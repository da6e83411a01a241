"""B3: three levels on a driven ring, one of which moves: four entropies, and four theorems.

    E = (0, e(t), 0.5),   force 1,   e from 0 to 2 in 2 units of time, steady state at first

Adiabatic entropy (housekeeping) obeys a detailed theorem against the *dual* dynamics, non-adiabatic entropy
against the dual one along the reversed protocol, their sum against the reversed protocol. Two controls:
adiabatic entropy set against the reversed protocol instead of the dual dynamics (only a hard drive tells them
apart); and rates that are frozen while a level waits for its jump.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.verdict import Verdict
from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.initial import Initial, Populations, Steady
from fluctua.stochastic.markov.exact import Counting
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Isothermal
from fluctua.stochastic.systems.three_state_ring import LEVELS, driving, dual_driving, three_state_ring
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    claim,
    claims,
    exponential,
    mean,
    must_be_violated,
    must_differ,
)
from fluctua.validation.jump_statistics import known

HEIGHT = 0.5
RING = three_state_ring(HEIGHT)


@dataclass(frozen=True)
class Drive:
    """The second level rises to ``high`` from 0 in a time, under a force."""

    duration: float
    high: float = 2.0
    force: float = 1.0

    def protocol(self, *, back: bool = False) -> Protocol:
        """Move the level up, or back down."""
        ends = (self.high, 0.0) if back else (0.0, self.high)
        return Protocol([Isothermal(self.duration, e=ends)], beta=1.0, f=self.force)


SLOW, BRIEF, HARD = Drive(2.0), Drive(0.25), Drive(0.5, high=4.0, force=2.0)


@cache
def exact(drive: Drive = SLOW) -> Counting:
    """Give the exact statistics of the forward process."""
    return known(EnsembleSpec(RING, driving(), drive.protocol(), trajectories=1, seed=0, initial=Steady()))


def spec(
    dynamics: MarkovJump, drive: Drive, seed: int, *, back: bool = False, trajectories: int = 200_000
) -> EnsembleSpec:
    """Follow a dynamics from the steady state, or back from where the ring's own leads on average."""
    ends = dict(zip(LEVELS, exact(drive).final.tolist(), strict=True))
    start: Initial = Populations(**ends) if back else Steady()
    way = drive.protocol(back=back)
    return EnsembleSpec(RING, dynamics, way, trajectories=trajectories, seed=seed, initial=start)


def system_entropy(run: Dataset, drive: Drive, *, back: bool = False) -> Floats:
    """Give ``ln p(first) - ln p(last)`` with the populations of the forward process."""
    first, last = np.log(exact(drive).initial), np.log(exact(drive).final)
    if back:
        first, last = last, first
    change: Floats = first[run["state_initial"]] - last[run["state_final"]]
    return change


def total(run: Dataset, drive: Drive, *, back: bool = False) -> Floats:
    """Give the total entropy production."""
    entropy: Floats = run["entropy_flow"] + system_entropy(run, drive, back=back)
    return entropy


def nonadiabatic(run: Dataset, drive: Drive, *, back: bool = False) -> Floats:
    """Give the total less the adiabatic entropy production, both from the rates of the run's own dynamics."""
    entropy: Floats = run["log_ratio"] - run["housekeeping_entropy"]
    return entropy + system_entropy(run, drive, back=back)


def check(bench: Bench) -> Iterator[Row]:
    """Judge means, integral and detailed theorems; catch the wrong partner and frozen rates."""
    run = bench.simulate(spec(driving(), SLOW, 103))
    yield from _means(run)
    brief = bench.simulate(spec(driving(), BRIEF, 203, trajectories=400_000))
    for word, (samples, _) in entropies(brief, BRIEF).items():
        yield exponential(f"<exp(-s)>, {word}, t = {BRIEF.duration:g}", samples, 1.0)
    yield from claims(verify(brief, alpha=FALSE_ALARM), f"t = {BRIEF.duration:g}")
    other = bench.simulate(spec(driving(), SLOW, 303, back=True))
    yield claim(_crooks(total(run, SLOW), total(other, SLOW, back=True)), "total, reversed")
    other = bench.simulate(spec(dual_driving(), SLOW, 403, back=True))
    verdict = _crooks(nonadiabatic(run, SLOW), nonadiabatic(other, SLOW, back=True))
    yield claim(verdict, "non-adiabatic, dual reversed")
    yield from _adiabatic(bench)
    frozen = frozen_rates(SLOW, len(run), 803 + bench.seed)
    yield must_differ("p_b at the end, rates frozen while waiting", frozen == 1, float(exact().final[1]))


def _adiabatic(bench: Bench) -> Iterator[Row]:
    """Yield the detailed theorem of the adiabatic entropy with the right partner, and with the wrong one."""
    run, dual, other = (
        bench.simulate(one)
        for one in (
            spec(driving(), HARD, 503),
            spec(dual_driving(), HARD, 603),
            spec(driving(), HARD, 703, back=True),
        )
    )
    entropy = run["housekeeping_entropy"]
    yield claim(_crooks(entropy, dual["housekeeping_entropy"]), "adiabatic, dual")
    yield must_be_violated(_crooks(entropy, other["housekeeping_entropy"]), "adiabatic, reversed")


def entropies(run: Dataset, drive: Drive) -> dict[str, tuple[Floats, str]]:
    """Give the four entropies of a run, each with its name among the exact statistics."""
    return {
        "adiabatic": (run["housekeeping_entropy"], "housekeeping_entropy"),
        "non-adiabatic": (nonadiabatic(run, drive), "nonadiabatic_entropy"),
        "total": (total(run, drive), "total_entropy"),
        "Hatano-Sasa": (run["hatano_sasa"], "hatano_sasa"),
    }


def _means(run: Dataset) -> Iterator[Row]:
    """Yield means, the last populations, and the lag behind the steady state."""
    for word, (samples, name) in entropies(run, SLOW).items():
        yield mean(f"<s>, {word}", samples, exact().mean(name))
    for word in ("non-adiabatic", "Hatano-Sasa"):
        yield exponential(f"<exp(-s)>, {word}", entropies(run, SLOW)[word][0], 1.0)
    for k, level in enumerate(LEVELS[:2]):
        yield mean(f"p_{level} at the end", run["state_final"] == k, float(exact().final[k]))
    steady = exact().steady(0, 1.0).populations
    lag = float(exact().final @ np.log(exact().final / steady))
    yield mean("D(p_end || steady)", run["hatano_sasa"] - nonadiabatic(run, SLOW), lag)


def _crooks(forward: Floats, reverse: Floats) -> Verdict:
    """Judge the detailed theorem of an entropy and that of its partner."""
    return verify(forward, reverse, delta_f=0.0, claims=["crooks"], alpha=FALSE_ALARM)["crooks"]


def frozen_rates(drive: Drive, trajectories: int, seed: int) -> NDArray[np.int64]:
    """Give the last level of trajectories whose rates stand still from each jump to the next, ``(N,)``."""
    random = np.random.default_rng(seed)
    state = random.choice(3, size=trajectories, p=exact(drive).initial)
    time, waiting = np.zeros(trajectories), np.arange(trajectories)
    while waiting.size:
        up, down = _rates(drive, state[waiting], time[waiting])
        time[waiting] += random.exponential(1.0 / (up + down))
        in_time = time[waiting] < drive.duration
        waiting, chance = waiting[in_time], (up / (up + down))[in_time]
        state[waiting] = (state[waiting] + np.where(random.random(waiting.size) < chance, 1, -1)) % 3
    return np.asarray(state, dtype=np.int64)


def _rates(drive: Drive, state: NDArray[np.int64], time: Floats) -> tuple[Floats, Floats]:
    """Give the rates to the next level and to the one before at given times, ``(N,)`` each."""
    moving = drive.high * time / drive.duration
    energy = np.stack([np.zeros_like(time), moving, np.full_like(time, HEIGHT)])
    each = np.arange(time.size)
    here, after, before = (energy[(state + k) % 3, each] for k in (0, 1, -1))
    return np.exp((here - after + drive.force) / 2), np.exp((here - before - drive.force) / 2)


CASE = Case(
    name="b3",
    title="three-state ring: total, adiabatic, non-adiabatic",
    source="Hatano, Sasa, PRL 86, 3463 (2001); Esposito, Van den Broeck, PRL 104, 090601 (2010)",
    check=check,
)
