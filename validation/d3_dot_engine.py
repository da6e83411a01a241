"""D3: one level between a hot and a cold lead, an engine in which each particle carries the same energy.

    power = (mu_c - mu_h) J,   efficiency = 1 - T_c x_c/(T_h x_h),   x = (eps - mu)/T

Most power at T_c/T_h = 1/2 has efficiency 0.2963. At ``x_h = x_c`` nothing flows on average, and what happens
to flow has Carnot's efficiency, particle by particle. The control takes ``eps`` for the heat of a particle,
which forgets the energy ``mu`` that it brings as work.
"""

from collections.abc import Iterator

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.initial import Steady
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.single_dot import (
    current,
    efficiency,
    maximum_power,
    single_dot,
    tunnelling,
)
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    claims,
    mean,
    must_be_violated,
    must_differ,
    quotient,
    value,
)

CARNOT, HOT, COLD, EPS = 0.5, 1.0, 0.5, 1.0
LONG, BRIEF = 40.0, 4.0
LEADS = ("hot", "cold")
DOT, JUMPS = single_dot(LEADS), tunnelling(dict.fromkeys(LEADS, 1.0))


def spec(x_hot: float, x_cold: float, duration: float, trajectories: int, seed: int) -> EnsembleSpec:
    """Watch the dot in its steady state."""
    hot, cold = EPS - HOT * x_hot, EPS - COLD * x_cold
    temperature = {"hot": HOT, "cold": COLD}
    return EnsembleSpec(
        DOT,
        JUMPS,
        Protocol([Hold(duration)], temperature=temperature, eps=EPS, mu_hot=hot, mu_cold=cold),
        trajectories=trajectories,
        seed=seed,
        initial=Steady(),
    )


def energy_as_heat(run: Dataset) -> Floats:
    """Give the entropy flow with the energy of the particles in place of their heat."""
    flow: Floats = -run["energy_hot"] / HOT - run["energy_cold"] / COLD
    return flow


def check(bench: Bench) -> Iterator[Row]:
    """Judge power and efficiency, at most power and at none; catch energy taken for heat."""
    x_hot, x_cold = maximum_power(CARNOT)
    passed = current(x_hot, x_cold)
    run = bench.simulate(spec(x_hot, x_cold, LONG, 100_000, 103))
    gained = HOT * x_hot - COLD * x_cold
    yield mean("particles per time from hot to cold", run["particles_hot"] / LONG, passed)
    yield mean("energy per time", run["energy_hot"] / LONG, EPS * passed)
    yield mean("heat per time from hot", run["heat_hot"] / LONG, HOT * x_hot * passed)
    yield mean("heat per time from cold", run["heat_cold"] / LONG, -COLD * x_cold * passed)
    yield mean("power", -run["work"] / LONG, gained * passed)
    best = efficiency(x_hot, x_cold, CARNOT)
    yield quotient("efficiency at most power", -run["work"], run["heat_hot"], best)
    yield from _no_power(bench.simulate(spec(2.0, 2.0, LONG, 50_000, 203)))
    brief = bench.simulate(spec(x_hot, x_cold, BRIEF, 400_000, 303))
    report = verify(brief, current="particles_hot", alpha=FALSE_ALARM)
    yield from claims(report, f"t = {BRIEF:g}")
    yield must_differ("energy taken for heat, from hot", run["energy_hot"] / LONG, HOT * x_hot * passed)
    report = verify(entropy=energy_as_heat(brief), claims=["integral", "detailed"], alpha=FALSE_ALARM)
    yield must_be_violated(report["detailed"], "energy taken for heat")


def _no_power(run: Dataset) -> Iterator[Row]:
    """Yield power and entropy at open circuit, and the efficiency of what flows where the ends meet."""
    closed = run["state_final"] == run["state_initial"]
    heat, work = run["heat_hot"][closed], -run["work"][closed]
    yield mean("power, open circuit", -run["work"] / LONG, 0.0)
    yield mean("entropy flow, open circuit", run["entropy_flow"] / LONG, 0.0)
    slope = float((work @ heat) / (heat @ heat))
    yield value("work out over heat in, open circuit", round(slope, 12), 0.0, CARNOT)


CASE = Case(
    name="d3",
    title="single-level dot as a heat engine",
    source="Esposito, Lindenberg, Van den Broeck, EPL 85, 60010 (2009)",
    check=check,
)
