"""E7: heat through a molecule of two levels between a hot and a cold bath of bosons.

    J = gap g_l g_r (n_l - n_r) / (g_l (2 n_l + 1) + g_r (2 n_r + 1))

At finite time the molecule itself may keep a quantum, so that the heat of one side does not obey the exchange
theorem: one control. The other replaces the bosons by fermions, whose rates obey detailed balance as well and
lead to the same populations at one temperature: the current tells them apart.
"""

from collections.abc import Iterator
from math import exp

from fluctua.analysis.verify import verify
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.initial import Steady
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.reservoirs import Lead
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.two_level import bosons, quanta_current, two_level
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Row,
    claims,
    exponential,
    mean,
    must_be_violated,
    must_differ,
    variance,
)
from fluctua.validation.jump_statistics import known

GAP, HOT, COLD = 1.0, 2.0, 1.0
AFFINITY = 1 / COLD - 1 / HOT
LONG, BRIEF = 20.0, 1.0
SIDES = ("left", "right")
MOLECULE, BOSONS = two_level(), bosons(dict.fromkeys(SIDES, 1.0))
FERMIONS = MarkovJump([Lead(side, on="ground -> excited", rate=1.0, mu=0.0) for side in SIDES])
CURRENT = GAP * quanta_current(GAP / HOT, GAP / COLD)


def spec(duration: float, trajectories: int, seed: int, dynamics: MarkovJump = BOSONS) -> EnsembleSpec:
    """Watch the molecule in its steady state, the left bath hot."""
    return EnsembleSpec(
        MOLECULE,
        dynamics,
        Protocol([Hold(duration)], temperature={"left": HOT, "right": COLD}, gap=GAP),
        trajectories=trajectories,
        seed=seed,
        initial=Steady(),
    )


def check(bench: Bench) -> Iterator[Row]:
    """Judge current, noise and generating function; catch the theorem of one side, and fermions."""
    long = spec(LONG, 50_000, 107)
    run = bench.simulate(long)
    yield mean("heat per time from left", run["heat_left"] / LONG, CURRENT)
    yield mean("heat per time to right", -run["heat_right"] / LONG, CURRENT)
    yield mean("entropy flow per time", run["entropy_flow"] / LONG, AFFINITY * CURRENT)
    yield variance("Var Q/t, t = 20", run["heat_left"] / LONG**0.5, known(long).variance("heat_left") / LONG)
    brief = spec(BRIEF, 400_000, 207)
    run = bench.simulate(brief)
    for s in (0.2, -0.7, -AFFINITY):
        expected = exp(known(brief).log_generating_function({"heat_left": s}))
        yield exponential(f"<exp(s Q)>, s = {s:g}, t = {BRIEF:g}", -s * run["heat_left"], expected)
    yield from claims(verify(run, current="heat_left", alpha=FALSE_ALARM), f"t = {BRIEF:g}")
    report = verify(run["heat_left"], affinity=AFFINITY, claims=["exchange"], alpha=FALSE_ALARM)
    yield must_be_violated(report["exchange"], "one side alone")
    fermions = bench.simulate(spec(LONG, 50_000, 307, FERMIONS))
    yield must_differ("heat per time from left, fermions", fermions["heat_left"] / LONG, CURRENT)


CASE = Case(
    name="e7",
    title="heat through a two-level molecule",
    source="Segal, Nitzan, PRL 94, 034301 (2005); Saito, Dhar, PRL 99, 180601 (2007)",
    check=check,
)
