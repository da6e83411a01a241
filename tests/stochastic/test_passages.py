"""Extremes and first passages of jump trajectories: exact laws, a slow loop over the jumps, what is refused.

A z-score of 4.5 is exceeded by chance once in 150,000, a Kolmogorov-Smirnov test falls below its border once
in 100,000; four of each are asked.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm, solve
from scipy.stats import kstest

import fluctua as fl
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Point
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov import engine
from fluctua.stochastic.markov.engine import MarkovPropagator
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.reservoirs import Rates
from fluctua.stochastic.status import Status
from fluctua.stochastic.steps import Hold, Isolated, Isothermal, Quench

SURE = 4.5
UNLIKELY = 1e-5

CHAIN = Levels({"a": "0", "b": "0", "c": "0"}, controls=("g", "h"), parameters={"r": 0.6})
JUMPS = MarkovJump(
    [
        Rates("ab", on="a -> b", forward="1.5*g", backward="r"),
        Rates("bc", on="b -> c", forward="0.8", backward="0.4*g"),
    ],
    thermodynamics=False,
)
LONG = Protocol([Hold(60.0)], beta=1.0, g=1.0, h=0.0)
RAMP = Protocol([Isothermal(4.0, g=(0.2, 3.0))], beta=1.0, h=0.0)
STEPS = Protocol(
    [Hold(1.0), Quench(h=-1.0, g=2.0), Hold(0.7), Isolated(0.4), Quench(h=0.5), Hold(1.5)],
    beta=1.0,
    g=1.0,
    h=0.3,
)
ARRIVAL = {"arrival": "first(state == c)"}


def made(protocol, record, **more):
    return MarkovPropagator(
        CHAIN, JUMPS, protocol, **({"seed": 31, "initial": Point(state="a"), "record": record} | more)
    )


def absorbing(g):
    """Master equation of a and b, with c as an end: columns are sources."""
    return np.array([[-1.5 * g, 0.6], [1.5 * g, -0.6 - 0.8]])


def z_score(values, expected):
    return (np.mean(values) - expected) / (np.std(values, ddof=1) / np.sqrt(len(values)))


# ---- laws


def test_the_mean_first_passage_time_and_its_law():
    """From a to c within 60 mean times of the slowest rate: none is left on the way but one in 10**8."""
    times = made(LONG, ARRIVAL).run(0, 20_000).columns["arrival"]
    mean = -solve(absorbing(1.0), [1.0, 0.0]).sum()
    assert abs(z_score(times, mean)) < SURE
    law = np.linspace(0.0, 60.0, 6001)
    step = expm(0.01 * absorbing(1.0))
    rows = [np.array([1.0, 0.0])]
    for _ in law[1:]:
        rows.append(step @ rows[-1])
    cdf = 1.0 - np.sum(rows, axis=1)
    assert kstest(times, lambda t: np.interp(t, law, cdf)).pvalue > UNLIKELY
    late = np.ceil(times / 0.25) * 0.25  # the control: looked for at samples alone, 9 standard errors late
    assert kstest(late, lambda t: np.interp(t, law, cdf)).pvalue < UNLIKELY
    assert abs(z_score(late, mean)) > SURE


def test_survival_at_rates_that_move():
    columns = made(RAMP, ARRIVAL | {"top": "max(state)"}).run(0, 20_000).columns
    times = columns["arrival"]
    arrived = ~np.isnan(times)
    law = np.linspace(0.0, 4.0, 801)
    solved = solve_ivp(
        lambda t, p: absorbing(0.2 + 0.7 * t) @ p, (0.0, 4.0), [1.0, 0.0], t_eval=law, rtol=1e-10, atol=1e-12
    )
    cdf = 1.0 - solved.y.sum(axis=0)
    assert abs(z_score(arrived, cdf[-1])) < SURE
    assert ((columns["top"] == 2) == arrived).all()
    assert kstest(times[arrived], lambda t: np.interp(t, law, cdf / cdf[-1])).pvalue > UNLIKELY
    frozen = 1.0 - np.array([expm(t * absorbing(0.2)).sum(axis=0)[0] for t in law])
    control = kstest(times[arrived], lambda t: np.interp(t, law, frozen / frozen[-1]))
    assert control.pvalue < UNLIKELY


# ---- a slow loop

FORMULAS = {
    "top": ("max(state*h + g)", lambda s, g, h: s * h + g),
    "low": ("min(2*state - h*g)", lambda s, g, h: 2 * s - h * g),
    "held": ("max(state == b)", lambda s, *_: float(s == 1)),
    "hit": (
        "first(state*h > 0.8 or (state == c and h < 0))",
        lambda s, _, h: s * h > 0.8 or (s == 2 and h < 0),
    ),
    "never": ("first(state + h > 7)", lambda s, _, h: s + h > 7),
    "at_once": ("first(h <= 0.5)", lambda *values: values[2] <= 0.5),
}
CONTROLS = [(1.0, 0.3), (2.0, -1.0), (2.0, -1.0), (2.0, -1.0), (2.0, 0.5), (2.0, 0.5)]
BORDERS = [0.0, 1.0, 1.0, 1.7, 2.1, 2.1, 3.6]


def slow(kind, formula, jumps):
    """Walk through the strokes of one trajectory; jumps: pairs of time and level."""
    rows, level, left = [], 0, list(jumps)
    for m, (g, h) in enumerate(CONTROLS):
        visits = [(BORDERS[m], level)]
        while left and BORDERS[m] < left[0][0] < BORDERS[m + 1]:
            visits.append(left.pop(0))
        level = visits[-1][1]
        if kind == "first":
            rows.append(min((t for t, s in visits if formula(s, g, h)), default=np.nan))
        else:
            rows.append((max if kind == "max" else min)(formula(s, g, h) for _, s in visits))
    assert not left
    return rows


def test_a_slow_loop_over_the_jumps_finds_the_same():
    count = 300
    record = {name: text for name, (text, _) in FORMULAS.items()}
    block = made(STEPS, record, strokes=True, paths=count).run(0, count)
    jumps = block.jumps
    assert list(block.columns)[-len(record) :] == list(record)
    for name, (text, formula) in FORMULAS.items():
        kind = text.split("(")[0]
        strokes = block.strokes[name].reshape(count, -1)
        for i in range(count):
            mine = jumps["trajectory"] == i
            rows = slow(kind, formula, zip(jumps["time"][mine], jumps["state"][mine], strict=True))
            opened = BORDERS[:-1] if kind == "first" else 0.0
            np.testing.assert_allclose(strokes[i], np.subtract(rows, opened), rtol=0, atol=1e-13)
            total = {"max": np.max, "min": np.min, "first": _earliest}[kind](rows)
            np.testing.assert_allclose(block.columns[name][i], total, rtol=0, atol=1e-13)
    assert np.isnan(block.columns["never"]).all()
    assert (block.columns["at_once"] == 0.0).all()
    assert 0.1 < np.isnan(block.columns["hit"]).mean() < 0.9


def _earliest(times):
    return np.nan if np.isnan(times).all() else np.nanmin(times)


# ---- the same however it is cut; failures; what is refused; files


def test_no_cutting_changes_a_bit(monkeypatch):
    record = {name: text for name, (text, _) in FORMULAS.items()}
    propagator = made(STEPS, record, strokes=True)
    whole = propagator.run(0, 200)
    monkeypatch.setattr(engine, "AT_ONCE", 37)
    pieces = [propagator.run(0, 1), propagator.run(1, 120), propagator.run(121, 79)]
    for name in record:
        for table in ("columns", "strokes"):
            joined = np.concatenate([getattr(piece, table)[name] for piece in pieces])
            np.testing.assert_array_equal(joined, getattr(whole, table)[name])


def test_failed_trajectories_have_no_passages(monkeypatch):
    monkeypatch.setattr(engine, "MOST_JUMPS", 2)
    columns = made(STEPS, ARRIVAL | {"top": "max(state)"}).run(0, 300).columns
    failed = columns["status"] == Status.TOO_MANY_JUMPS
    assert failed.any()
    assert np.isnan(columns["arrival"][failed]).all()
    assert np.isnan(columns["top"][failed]).all()
    assert np.isfinite(columns["top"][~failed]).all()
    assert not columns["status"][~failed].any()  # a passage that never happens is no failure


@pytest.mark.parametrize("formula", ["max(state*g)", "min(g)", "first(state == c and g > 1)"])
def test_a_control_that_moves_is_refused(formula):
    with pytest.raises(InvalidInput, match="of g, which moves while a level waits"):
        made(RAMP, {"x": formula})
    made(RAMP, {"x": formula.replace("g", "h")})


def test_first_is_a_condition():
    with pytest.raises(InvalidInput):
        made(STEPS, {"x": "first(state)"})


def test_never_is_null_in_tables():
    spec = fl.EnsembleSpec(
        system=CHAIN,
        dynamics=JUMPS,
        protocol=STEPS,
        initial=Point(state="a"),
        trajectories=200,
        seed=31,
        record=ARRIVAL | {"top": "max(state)"},
    )
    run = fl.simulate(spec, progress=False)
    table = run.to_arrow(["arrival", "top"])
    assert table["arrival"].null_count == int((run["top"] < 2).sum())
    assert 0 < table["arrival"].null_count < 200
