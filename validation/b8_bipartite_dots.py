"""B8: two coupled dots, one of which watches the other: an autonomous demon.

Dot X produces less entropy in its leads than the second law of X alone allows, and drives particles against
their bias; what it lacks is covered by the information that X loses and Y gains:

    entropy of the leads of X - information flow of X >= 0,   the same for Y,   information of X + Y = 0

The control asks for the second law of the leads of X alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.initial import Steady
from fluctua.stochastic.markov.exact import SteadyState
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.bipartite_dots import X_LEADS, bipartite_dots, coupled_leads
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    claim,
    claims,
    mean,
    must_be_violated,
)
from fluctua.validation.jump_statistics import known

INTERACTION, DURATION, BRIEF = 2.0, 40.0, 0.5
DOTS = bipartite_dots(interaction=INTERACTION)
PASSIVE = {"eps_x": 0.0, "eps_y": 0.0, "mu_left": 1.0, "mu_right": -1.0, "mu_gauge": 0.0}
DEMON = {"eps_x": -1.0, "eps_y": 0.0, "mu_left": 0.1, "mu_right": -0.1, "mu_gauge": 1.0}


def spec(
    controls: Mapping[str, Any],
    beta_gauge: float,
    gauge: float,
    seed: int,
    duration: float = DURATION,
    trajectories: int = 50_000,
) -> EnsembleSpec:
    """Watch both dots in their steady state; the leads of X have temperature 1."""
    beta = {**dict.fromkeys(X_LEADS, 1.0), "gauge": beta_gauge}
    return EnsembleSpec(
        DOTS,
        coupled_leads(gauge=gauge),
        Protocol([Hold(duration)], beta=beta, **controls),
        trajectories=trajectories,
        seed=seed,
        initial=Steady(),
    )


def steady(of: EnsembleSpec) -> SteadyState:
    """Give the exact steady state."""
    return known(of).steady()


def leads_of_x(run: Dataset) -> Floats:
    """Give the entropy that flows into the leads of X, at temperature 1."""
    heat: Floats = np.sum([run[f"heat_{lead}"] for lead in X_LEADS], axis=0)
    return -heat


def information(run: Dataset, populations: Floats) -> Floats:
    """Give ``sum ln(p(after)/p(before))`` over the jumps of X, levels in the order none, x, y, both."""
    none, x, y, both = np.log(populations)
    while_empty = run["particles_left_0"] + run["particles_right_0"]
    while_full = run["particles_left_1"] + run["particles_right_1"]
    gained: Floats = while_empty * (x - none) + while_full * (both - y)
    return gained


def check(bench: Bench) -> Iterator[Row]:
    """Judge flows of entropy and information; catch the second law of one dot alone."""
    passive = spec(PASSIVE, 1.0, 5.0, 108)
    yield from _flows(bench.simulate(passive), steady(passive), "passive")
    demon = spec(DEMON, 3.0, 20.0, 208)
    run, at_rest = bench.simulate(demon), steady(demon)
    yield from _flows(run, at_rest, "demon")
    right = -(run["particles_right_0"] + run["particles_right_1"]) / DURATION
    expected = -at_rest.mean("particles_right_0") - at_rest.mean("particles_right_1")
    yield mean("particles per time along the bias, demon", right, expected)
    report = verify(entropy=leads_of_x(run), claims=["second-law"], alpha=FALSE_ALARM)
    yield must_be_violated(report["second-law"], "leads of X alone, demon")
    covered = leads_of_x(run) - information(run, at_rest.populations)
    report = verify(entropy=covered, claims=["second-law"], alpha=FALSE_ALARM)
    yield claim(report["second-law"], "leads of X and information, demon")
    brief = bench.simulate(spec(DEMON, 3.0, 20.0, 308, BRIEF, 400_000))
    laws = ["first-law", "second-law", "integral", "detailed", "tur"]
    report = verify(brief, current="particles_right_0 + particles_right_1", claims=laws, alpha=FALSE_ALARM)
    yield from claims(report, f"demon, t = {BRIEF:g}")


def _flows(run: Dataset, at_rest: SteadyState, of: str) -> Iterator[Row]:
    """Yield entropy and information per time."""
    x, gained = leads_of_x(run) / DURATION, information(run, at_rest.populations) / DURATION
    y = run["entropy_flow"] / DURATION - x
    flow = at_rest.information_flow(X_LEADS)
    in_x = -sum(at_rest.mean(f"heat_{lead}") for lead in X_LEADS)
    in_y = at_rest.entropy_production - in_x
    yield mean(f"entropy of the leads of X, {of}", x, in_x)
    yield mean(f"entropy of the lead of Y, {of}", y, in_y)
    yield mean(f"entropy of all leads, {of}", x + y, at_rest.entropy_production)
    yield mean(f"information flow of X, {of}", gained, flow)
    yield mean(f"entropy of X with information, {of}", x - gained, in_x - flow)
    yield mean(f"entropy of Y with information, {of}", y + gained, in_y + flow)


CASE = Case(
    name="b8",
    title="two coupled dots, an autonomous demon",
    source="Horowitz, Esposito, PRX 4, 031015 (2014); Strasberg et al., PRL 110, 040601 (2013)",
    check=check,
)
