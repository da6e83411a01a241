"""E5: particles counted one by one through a dot, at finite time.

    mu(s) = -g/2 + sqrt(g^2/4 + g_l g_r [f_l (1 - f_r)(e^s - 1) + f_r (1 - f_l)(e^-s - 1)])

is symmetric under s -> -A - s; the finite-time average ``<exp(s n)>`` at one junction is not, since the
dot itself may keep a particle: at t = 5, ``<exp(-A n)>`` is 1.2060 on the right and 1.3245 on the left. A few
trajectories carry it: it is measured up to n = -2, and whole by the way back. Both junctions and the boundary
term give 1. The controls: the exchange theorem of one junction, and an occupation
that forgets at 2 g instead of g.
"""

from collections.abc import Iterator
from math import exp

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.initial import Steady
from fluctua.stochastic.markov.exact import Counting
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.single_dot import current, fermi, single_dot, tunnelling
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
    variance,
)
from fluctua.validation.jump_statistics import known

EPS, BIAS = 0.5, 2.0
LEFT, RIGHT = EPS - BIAS / 2, EPS + BIAS / 2
LONG, COUNTED, BRIEF, MOMENT = 50.0, 5.0, 2.0, 0.5
RATES, FULL = 2.0, 0.5 * (fermi(LEFT) + fermi(RIGHT))
DOT = single_dot()


def spec(
    duration: float,
    trajectories: int,
    seed: int,
    bias: float = BIAS,
    rates: tuple[float, float] = (1.0, 1.0),
) -> EnsembleSpec:
    """Watch the dot in its steady state, the bias split evenly."""
    protocol = Protocol([Hold(duration)], beta=1.0, eps=EPS, mu_left=bias / 2, mu_right=-bias / 2)
    return EnsembleSpec(
        DOT,
        tunnelling({"left": rates[0], "right": rates[1]}),
        protocol,
        trajectories=trajectories,
        seed=seed,
        initial=Steady(),
    )


def check(bench: Bench) -> Iterator[Row]:
    """Judge current, noise and generating functions; catch the theorem of one junction."""
    yield from _long(bench)
    many = spec(COUNTED, 2_000_000, 505).replace({"dynamics.thermodynamics": False})
    yield from _finite(bench.simulate(many))
    brief = spec(BRIEF, 400_000, 305)
    run, counting = bench.simulate(brief), known(brief)
    for s in (-BIAS / 2 + 0.3, -BIAS / 2 - 0.3):
        expected = exp(counting.log_generating_function({"particles_right": -s}))
        yield exponential(
            f"<exp(s n)>, s = {s:g}, right, t = {BRIEF:g}", s * run["particles_right"], expected
        )
    yield from claims(verify(run, current="particles_left", alpha=FALSE_ALARM), f"t = {BRIEF:g}")
    for junction, sign in (("left", 1), ("right", -1)):
        counted = sign * run[f"particles_{junction}"]
        report = verify(counted, affinity=BIAS, claims=["exchange"], alpha=FALSE_ALARM)
        yield must_be_violated(report["exchange"], f"{junction} junction alone")
    moment = bench.simulate(spec(MOMENT, 200_000, 405))
    both = (moment["state_initial"] - FULL) * (moment["state_final"] - FULL)
    yield mean("<n(0) n(t)> - <n>^2", both, FULL * (1 - FULL) * exp(-RATES * MOMENT))
    wrong = FULL * (1 - FULL) * exp(-2 * RATES * MOMENT)
    yield must_differ("<n(0) n(t)> - <n>^2, forgotten at 2 g", both, wrong)


def _long(bench: Bench) -> Iterator[Row]:
    """Yield current and noise, and the noise at a bias without way back."""
    long = spec(LONG, 50_000, 105)
    run = bench.simulate(long)
    yield mean("particles per time, left", run["particles_left"] / LONG, current(LEFT, RIGHT))
    yield mean("particles per time, right", -run["particles_right"] / LONG, current(LEFT, RIGHT))
    spread = known(long).variance("particles_left") / LONG
    yield variance("Var n/t, left, t = 50", run["particles_left"] / LONG**0.5, spread)
    counted = 0.5 * (run["particles_left"] - run["particles_right"])
    yield variance("Var n/t, mean of both, t = 50", counted / LONG**0.5, _of_both(known(long)) / LONG)
    one_way = spec(LONG, 50_000, 205, bias=60.0, rates=(1.0, 3.0))
    spread = known(one_way).variance("particles_left") / LONG
    left = bench.simulate(one_way)["particles_left"]
    yield variance("Var n/t, left, rates 1:3, one way", left / LONG**0.5, spread)


def _of_both(counting: Counting) -> float:
    """Give the variance of half the particles that come from the left and go to the right."""
    left, right = (counting.variance(f"particles_{lead}") for lead in ("left", "right"))
    return (left + right - 2.0 * counting.covariance("particles_left", "particles_right")) / 4.0


def _finite(run: Dataset) -> Iterator[Row]:
    """Yield exponential averages of the count at each junction."""
    counting = known(spec(COUNTED, 1, 0))
    for junction, sign, other in (("left", 1, RIGHT), ("right", -1, LEFT)):
        name = f"particles_{junction}"
        counted = sign * run[name]
        for s in (0.3, -0.3, -0.7):
            expected = exp(counting.log_generating_function({name: sign * s}))
            yield exponential(f"<exp(s n)>, s = {s:g}, {junction}", -s * counted, expected)
        values, probabilities = counting.distribution(name)
        seen = sign * values >= -2
        expected = float(np.exp(-BIAS * sign * values[seen]) @ probabilities[seen])
        common = np.where(counted >= -2, np.exp(-BIAS * counted), 0.0)
        yield mean(f"<exp(-A n)>, n >= -2 only, {junction}", common, expected)
        expected = exp(counting.log_generating_function({name: -sign * BIAS}))
        yield mean(f"<exp(-A n)>, by the way back, {junction}", by_the_way_back(run, other), expected)


def by_the_way_back(run: Dataset, x: float) -> Floats:
    """Give a term whose mean is that of ``exp(-A n)`` at one junction, without its rare large terms.

    Entropy production is ``A n - x (n_t - n_0) + ln p(n_0) - ln p(n_t)`` with x of the other junction, and
    ``<exp(-s) F(n_0, n_t)> = <F(n_t, n_0)>`` in a steady state that is its own reverse process.
    """
    weight = np.array([1 - FULL, FULL * exp(x)])
    term: Floats = weight[run["state_final"]] / weight[run["state_initial"]]
    return term


CASE = Case(
    name="e5",
    title="counting through a single-level dot",
    source="Bagrets, Nazarov, PRB 67, 085316 (2003); Gustavsson et al., PRL 96, 076605 (2006)",
    check=check,
)
