"""Counting over finite times: the catalogue to all printed digits, slow twins, protocols, bad questions."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from exact_jumps import MOLECULE, RING, ROUNDING, STROKES, counting, dot_between_leads, driven_ring, printed
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Equilibrium, Point, Populations
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.evolution import gauss_method
from fluctua.stochastic.markov.exact import Counting, SpeedLimit, exact
from fluctua.stochastic.protocol import Hold, Isolated, Isothermal, Protocol, Quench
from fluctua.stochastic.reservoirs import Arrhenius, BoseBath, Lead, Rates, Reservoir

Level = Callable[[float], tuple[float, float]]


# ---- E5: the dot, finite time


def test_one_junction_needs_boundary_terms() -> None:
    """<exp(-A n)> at t = 5: not 1 at one junction; 1 with both junctions and the populations of the ends."""
    dot = dot_between_leads()
    assert np.exp(dot.log_generating_function({"particles_right": 2.0})) == printed("1.205976")
    assert np.exp(dot.log_generating_function({"particles_left": -2.0})) == printed("1.324548")
    assert dot.log_generating_function({"total_entropy": -1.0}) == pytest.approx(0.0, abs=ROUNDING)
    both = {"particles_left": -0.5, "particles_right": 1.5}  # beta times the heat of a particle from each
    assert dot.log_generating_function(both, start=np.ones(2), end=dot.final) == pytest.approx(
        0.0, abs=ROUNDING
    )
    assert abs(dot.log_generating_function(both)) > 1e-2  # control: without the ends


def test_boundary_terms_leave_a_constant_in_the_symmetry() -> None:
    """Catalogue T5: t D_t -> -0.05619 at the right junction, delta = 0.3."""
    dot = dot_between_leads(duration=50.0)
    sides = [dot.log_generating_function({"particles_right": 1.0 - delta}) for delta in (0.3, -0.3)]
    assert sides[0] - sides[1] == printed("-0.05619")


def test_long_times_reach_the_scaled_generating_function() -> None:
    short, long = dot_between_leads(duration=400.0), dot_between_leads(duration=4000.0)
    fields = {"particles_left": -2.9}
    growth = long.log_generating_function(fields) - short.log_generating_function(fields)
    assert growth / 3600.0 == pytest.approx(short.steady().scaled_generating_function(fields), rel=1e-11)
    slope = (long.variance("particles_left") - short.variance("particles_left")) / 3600.0
    assert slope == pytest.approx(short.steady().variance("particles_left"), rel=1e-9)


def test_law_of_the_particle_number() -> None:
    dot = dot_between_leads()
    n, p = dot.distribution("particles_left")
    assert p.sum() == pytest.approx(1.0, abs=ROUNDING)
    assert p.min() > 1e-13
    assert n @ p == pytest.approx(dot.mean("particles_left"), abs=1e-11)
    assert n**2 @ p - (n @ p) ** 2 == pytest.approx(dot.variance("particles_left"), abs=1e-10)
    assert np.log(np.exp(0.4 * n) @ p) == pytest.approx(
        dot.log_generating_function({"particles_left": 0.4}), abs=1e-10
    )


# ---- A6, A12, E15: relaxation


def two_level_atom(excited: float) -> Counting:
    """Catalogue A6, A12, E15: gap 1, T = 1/2, rates n and n + 1, t = 2."""
    start = Populations(ground=1.0 - excited, excited=excited) if excited < 1.0 else Point(state="excited")
    return counting(MOLECULE, [BoseBath("phonons", rate=1.0)], Protocol([Hold(2.0)], temperature=0.5), start)


def test_absolute_irreversibility() -> None:
    pure = two_level_atom(1.0)
    assert np.exp(pure.log_generating_function({"total_entropy": -1.0})) == printed("0.123815")
    assert pure.mean("total_entropy") == printed("2.109943")
    assert pure.mean("total_entropy") == pytest.approx(fallen_divergence(pure), abs=ROUNDING)


def test_relaxation_of_an_atom() -> None:
    mixed = two_level_atom(0.9)
    assert mixed.log_generating_function({"total_entropy": -1.0}) == pytest.approx(0.0, abs=ROUNDING)
    assert mixed.mean("total_entropy") == printed("1.588326")
    assert mixed.mean("total_entropy") == pytest.approx(fallen_divergence(mixed), abs=ROUNDING)
    gap, n = 1.0, 1.0 / np.expm1(2.0)
    assert mixed.mean("heat") == pytest.approx(gap * (mixed.final[1] - 0.9), abs=ROUNDING)
    expected = n / (2.0 * n + 1.0) + (0.9 - n / (2.0 * n + 1.0)) * np.exp(-(2.0 * n + 1.0) * 2.0)
    assert mixed.final[1] == pytest.approx(expected, abs=ROUNDING)


def fallen_divergence(atom: Counting) -> float:
    """D(p_0 | pi) - D(p_t | pi)."""
    steady = atom.steady().populations

    def divergence(p: np.ndarray) -> float:
        there = p > 0.0
        return float(p[there] @ np.log(p[there] / steady[there]))

    return divergence(atom.initial) - divergence(atom.final)


def test_speed_limit() -> None:
    limit = two_level_atom(0.9).speed_limit()
    assert limit.distance == printed("1.448594")
    assert limit.entropy == printed("1.588326")
    assert limit.activity == printed("0.551531")
    assert limit.bound == printed("1.19772")
    assert limit.bound < 2.0


def test_nothing_moves_and_there_is_no_limit() -> None:
    """In equilibrium 0/0; beside it the bound has a limit, however near."""
    atom = two_level_atom(0.9)
    rest = atom.steady().populations
    bounds = {}
    for away in (0.0, 1e-9, 1e-5, 1e-4):
        limit = Counting(atom.generator, atom.schedule, rest + np.array([away, -away])).speed_limit()
        assert limit.distance == pytest.approx(1.8552755 * away, rel=1e-6, abs=1e-15)
        bounds[away] = limit.bound
    assert bounds[0.0] == bounds[1e-9] == 0.0
    rate = 1.0 / np.tanh(1.0)  # 2 n + 1
    slow = 2.0 / rate * np.tanh(rate)  # S = d^2 (1 - exp(-2 G t)) / (2 p q), A = 2 p q G
    assert [bounds[1e-5], bounds[1e-4]] == pytest.approx([slow, slow], rel=1e-3)
    dot = dot_between_leads()
    assert dot.mean("total_entropy") > 1.0  # entropy for nothing
    assert dot.speed_limit().bound == pytest.approx(0.0, abs=ROUNDING)


@pytest.mark.parametrize("still", [Quench(E=2.0), Isolated(1.0)])
def test_without_jumps_there_is_no_limit(still: Quench | Isolated) -> None:
    levels = Levels({"a": "0", "b": "E"}, controls="E")
    held = counting(
        levels, [BoseBath("phonons", rate=1.0)], Protocol([still], temperature=1.0, E=1.0), Point(state="a")
    )
    assert held.speed_limit() == SpeedLimit(0.0, 0.0, 0.0, 0.0)


# ---- slow obvious twins


def tilted_by_hand(ring: Counting, s: float, energy_of_b: Level, corners: Sequence[float] = ()) -> float:
    """ln<exp(s work)> for an energy of level b given with its slope, channel by channel, step by step."""

    def flow(t: float, g: np.ndarray) -> np.ndarray:
        energy, change = (
            np.array([0.0, energy_of_b(t)[0], 0.5]),
            np.array([0.0, s * energy_of_b(t)[1] * g[1], 0.0]),
        )
        for i, j in ((0, 1), (1, 2), (2, 0)):
            along, against = (np.exp(sign * (energy[i] - energy[j] + 1.0) / 2.0) for sign in (1.0, -1.0))
            change += np.eye(3)[j] * np.exp(s) * along * g[i] - np.eye(3)[i] * along * g[i]
            change += np.eye(3)[i] * np.exp(-s) * against * g[j] - np.eye(3)[j] * against * g[j]
        return change

    g = ring.initial
    for begin, end in pairwise([0.0, *corners, 2.0]):
        g = solve_ivp(flow, (begin, end), g, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
    return float(np.log(g.sum()))


@pytest.mark.parametrize(
    ("formula", "energy_of_b"),
    [("t", lambda t: (t, 1.0)), ("2*sin(25*t)", lambda t: (2.0 * np.sin(25.0 * t), 50.0 * np.cos(25.0 * t)))],
)
def test_work_agrees_with_the_equation_that_has_a_power_in_it(formula: str, energy_of_b: Level) -> None:
    """``dg/dt = [L(s) + s dE/dt] g``, which the library never forms, with slow and fast controls."""
    ring = driven_ring(Protocol([Isothermal(2.0, E=formula)], beta=1.0))
    expected = tilted_by_hand(ring, 0.4, energy_of_b)
    assert ring.log_generating_function({"work": 0.4}) == pytest.approx(expected, abs=1e-10)
    parts = ring.log_generating_function({"control_work": 0.4, "force_work": 0.4})
    assert parts == pytest.approx(expected, abs=1e-10)
    assert abs(ring.log_generating_function({"force_work": 0.4}) - expected) > 1e-2


def test_a_spike_of_a_table_is_not_missed() -> None:
    """Corners at 0.601, 0.602 and 0.603 of a ramp that is flat elsewhere, far narrower than a step."""
    table = np.zeros(1001)
    table[602] = 9.0
    ring = driven_ring(Protocol([Isothermal(2.0, E=table)], beta=1.0))
    corners = [1.202, 1.204, 1.206]

    def spike(t: float) -> tuple[float, float]:
        side = 0.0 if not corners[0] < t < corners[2] else 1.0 if t < corners[1] else -1.0
        return 9.0 * float(np.interp(t, corners, [0.0, 1.0, 0.0])), side * 9.0 / 0.002

    expected = tilted_by_hand(ring, 0.4, spike, corners)
    assert ring.log_generating_function({"work": 0.4}) == pytest.approx(expected, abs=1e-9)
    flat = driven_ring(Protocol([Isothermal(2.0, E=np.zeros(1001))], beta=1.0))
    assert abs(flat.log_generating_function({"work": 0.4}) - expected) > 1e-4


@pytest.mark.parametrize("height", [1000.0, 5.0])
def test_a_narrow_peak_of_a_rate_is_not_missed(height: float) -> None:
    """Both ways at one rate: the number of jumps is a Poisson number of its integral."""
    rate = f"0.1 + {height}*exp(-((E - 0.5035)/0.0005)**2)"
    pair, bath = (
        Levels({"a": "0", "b": "1"}, controls="E"),
        Rates("r", on="a -> b", forward=rate, backward=rate),
    )
    dynamics = MarkovJump([bath], thermodynamics=False)
    ramp = Protocol([Isothermal(1.0, E=(0.0, 1.0))], beta=1.0)
    jumps = exact(pair, dynamics, ramp, initial=Point(state="a"))
    expected = 0.1 + height * 0.0005 * np.sqrt(np.pi)
    assert jumps.mean("activity") == pytest.approx(expected, rel=1e-9)
    assert jumps.variance("activity") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["work", "entropy_flow", "activity", "hatano_sasa", "total_entropy"])
def test_moments_are_derivatives_of_the_generating_function(name: str) -> None:
    """Differences of order h^4: with cumulants below 10^3 off by 10^-7, rounding / h^2 by as much."""
    ring, h = driven_ring(), 0.01
    grid = {k: ring.log_generating_function({name: k * h}) for k in (-2, -1, 1, 2)}
    first = (8.0 * (grid[1] - grid[-1]) - (grid[2] - grid[-2])) / (12.0 * h)
    second = (16.0 * (grid[1] + grid[-1]) - (grid[2] + grid[-2])) / (12.0 * h**2)
    assert ring.mean(name) == pytest.approx(first, abs=1e-6)
    assert ring.variance(name) == pytest.approx(second, abs=1e-6)


def test_first_law_and_its_covariances() -> None:
    ring = driven_ring(initial=Populations(a=0.2, b=0.5, c=0.3))
    assert ring.mean("work") + ring.mean("heat") == pytest.approx(ring.mean("energy_change"), abs=1e-11)
    assert ring.mean("control_work") + ring.mean("force_work") == pytest.approx(ring.mean("work"), abs=1e-11)
    both = ring.variance("work") + ring.variance("heat") + 2.0 * ring.covariance("work", "heat")
    assert both == pytest.approx(ring.variance("energy_change"), abs=1e-10)
    assert ring.mean("entropy_flow") == pytest.approx(ring.mean("log_ratio"), abs=1e-11)
    assert ring.mean("dimensionless_work") == pytest.approx(ring.mean("work"), abs=1e-11)  # at beta = 1
    assert ring.mean("heat") == pytest.approx(sum(ring.mean(f"heat_{n}") for n in ("one", "two", "three")))


def test_the_gauss_method_integrates_polynomials_of_degree_fifteen() -> None:
    nodes, table, weights = gauss_method()
    for degree in range(16):
        assert weights @ nodes**degree == pytest.approx(1.0 / (degree + 1.0), abs=1e-15)
    for degree in range(8):
        assert table @ nodes**degree == pytest.approx(nodes ** (degree + 1) / (degree + 1.0), abs=1e-15)


def test_a_slow_formula_of_a_constant_meets_the_matrix_exponential() -> None:
    """E = 0.7 + 0 t takes the path of moving strokes, E = 0.7 that of constant ones."""
    still = driven_ring(Protocol([Hold(30.0)], beta=1.0, E=0.7), Point(state="a"))
    moving = driven_ring(Protocol([Isothermal(30.0, E="0.7 + 1e-300*t")], beta=1.0), Point(state="a"))
    times = [0.0, 0.1, 1.0, 7.5, 30.0]
    assert moving.populations(times) == pytest.approx(still.populations(times), abs=ROUNDING)
    assert moving.log_generating_function({"force_work": 0.2}) == pytest.approx(
        still.log_generating_function({"force_work": 0.2}), abs=1e-11
    )


# ---- protocols


def test_populations_at_borders_and_times() -> None:
    bath = Arrhenius("bath", on=["a -> b", "b -> c"], rate=1.0, barrier=2.0)
    jumps = counting(RING, [bath], STROKES, Point(state="b"))
    rows = jumps.populations()
    assert rows.shape == (5, 3)
    assert rows[0] == pytest.approx([0.0, 1.0, 0.0])
    assert rows[1] == pytest.approx(rows[2], abs=ROUNDING)  # a quench moves nobody
    assert rows[4] == pytest.approx(jumps.final, abs=ROUNDING)
    assert rows.sum(axis=1) == pytest.approx(np.ones(5), abs=ROUNDING)
    assert jumps.populations([3.0, 1.0, 0.0]) == pytest.approx(rows[[4, 1, 0]], abs=ROUNDING)


def test_an_instant_is_a_time_a_number_or_a_name() -> None:
    ring = driven_ring(Protocol([Isothermal(1.0, E=(0.0, 1.0), name="up"), Hold(1.0)], beta=1.0, cycles=1))
    assert ring.populations(1.5).tolist() == ring.populations([1.5])[0].tolist()
    for stroke, fraction, energy in (
        (0, 0.25, 0.25),
        ("up", 0.25, 0.25),
        ("2 hold", 0.0, 1.0),
        (-1, 0.5, 1.0),
    ):
        assert ring.steady(stroke, fraction).frozen.controls.ravel()[0] == pytest.approx(energy)


def test_nothing_moves_where_no_bath_is_connected() -> None:
    bath = Arrhenius("bath", on=["a -> b", "b -> c"], rate=1.0, barrier=2.0)
    jumps = counting(RING, [bath], Protocol([Isolated(1.0, E=(0.0, 2.0))], beta=1.0), Point(state="b"))
    assert jumps.final == pytest.approx([0.0, 1.0, 0.0], abs=ROUNDING)
    assert jumps.mean("work") == pytest.approx(2.0, abs=ROUNDING)
    assert jumps.variance("work") == pytest.approx(0.0, abs=ROUNDING)
    assert jumps.mean("housekeeping_entropy") == 0.0


@settings(max_examples=15, deadline=None)
@given(
    gaps=st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3),
    weights=st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3),
    cold=st.floats(0.3, 3.0),
)
def test_laws_of_three_levels_between_two_baths(gaps: list[float], weights: list[float], cold: float) -> None:
    """Integral theorem, second law, uncertainty relation and both ends of the spectrum, for any levels."""
    names = ("a", "b", "c")
    system = Levels({name: repr(gap) for name, gap in zip(names, gaps, strict=True)})
    baths: list[Reservoir] = [
        Arrhenius("hot", on=["a -> b", "b -> c", "c -> a"], rate=1.0, barrier=1.0),
        Arrhenius("cold", on=["a -> b", "b -> c"], rate=2.0, barrier=0.5),
    ]
    start = Populations(**{name: w / sum(weights) for name, w in zip(names, weights, strict=True)})
    protocol = Protocol([Hold(0.5)], beta={"hot": 0.5, "cold": cold})
    jumps = counting(system, baths, protocol, start)
    assert jumps.log_generating_function({"total_entropy": -1.0}) == pytest.approx(0.0, abs=1e-10)
    assert jumps.mean("total_entropy") >= -1e-12
    steady = jumps.steady()
    assert steady.generator @ steady.populations == pytest.approx(np.zeros(3), abs=1e-12 * steady.activity)
    assert steady.spectrum[0] == pytest.approx(0.0, abs=1e-10 * np.abs(steady.spectrum).max())
    assert (steady.spectrum[1:].real < 0.0).all()
    if steady.mean("heat_hot") ** 2 > 1e-12:
        assert steady.uncertainty_product("heat_hot") >= 2.0 - 1e-6


# ---- bad input


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda dot: dot.mean("heat_lef"), "'heat_lef' is not an observable"),
        (lambda dot: dot.populations([7.0]), "a time outside the protocol (times): it lasts 5"),
        (lambda dot: dot.populations(7.0), "a time outside the protocol (times): it lasts 5"),
        (lambda dot: dot.populations(np.nan), "a time outside the protocol (times)"),
        (lambda dot: dot.populations("end"), "'end' are no times (times): give numbers"),
        (lambda dot: dot.steady("hold"), "'hold' is not a stroke (stroke): strokes are 1 hold; did you mean"),
        (
            lambda dot: dot.steady(1),
            "1 is not a stroke (stroke): give a number from 0 to 0, or a name: 1 hold",
        ),
        (lambda dot: dot.steady(-2), "-2 is not a stroke"),
        (lambda dot: dot.steady(0.5), "0.5 is not a stroke"),
        (lambda dot: dot.steady(True), "True is not a stroke"),
        (lambda dot: dot.steady(0, 1.5), "1.5 is no fraction (fraction): give a number from 0 to 1"),
        (lambda dot: dot.steady(0, "half"), "'half' is not a number (fraction): give a number from 0 to 1"),
        (lambda dot: dot.mean(["heat"]), "['heat'] is not an observable"),
        (lambda dot: dot.mean("dimensionless_work"), "dimensionless_work needs one chemical potential"),
        (lambda dot: dot.distribution("work"), "work does not come in equal steps"),
        (lambda dot: dot.distribution("energy_change"), "energy_change does not come in equal steps"),
        (lambda dot: dot.distribution("total_entropy"), "total_entropy does not come in equal steps"),
        (lambda dot: dot.log_generating_function({"heat_left": 1e5}), "a counting field too large"),
        (
            lambda dot: dot.log_generating_function({"heat_left": np.nan}),
            "nan is not finite (fields.heat_left): give a finite number, such as -1.0",
        ),
        (lambda dot: dot.log_generating_function({"heat": "s"}), "'s' is not a number (fields.heat): give"),
        (lambda dot: dot.steady().information_flow(["top"]), "'top' is not a bath"),
        (lambda dot: Counting(dot.generator, dot.schedule, [0.5, 0.6]), "no populations"),
        (lambda dot: Counting(dot.generator, dot.schedule, [1.5, -0.5]), "no populations"),
        (
            lambda dot: dot.log_generating_function({}, start=np.zeros(2)),
            "the mean of an exponential is 0",
        ),
    ],
)
def test_bad_questions(wrong: Callable[[Counting], object], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        wrong(dot_between_leads())
    assert str(caught.value).startswith(message)


def test_a_protocol_ends_where_its_steps_are_said_to_add_up() -> None:
    """Ten steps of 0.1 end at 0.9999999999999999."""
    baths: list[Reservoir] = [BoseBath("b", rate=1.0)]
    tenths = Protocol([Hold(0.1)] * 10, beta=1.0)
    atom = counting(Levels({"a": "0", "b": "1"}), baths, tenths, Point(state="b"))
    assert sum([0.1] * 10) < 1.0
    assert atom.populations(1.0) == pytest.approx(atom.final, abs=ROUNDING)
    with pytest.raises(InvalidInput, match="a time outside the protocol"):
        atom.populations(1.0 + 1e-8)


HEATED: list[Reservoir] = [BoseBath("phonons", rate=1.0)]


def two_levels(protocol: Protocol, system: Levels | None = None) -> Counting:
    gap = Levels({"a": "0", "b": "E"}, controls="E")
    return counting(system or gap, HEATED, protocol, Equilibrium())


@pytest.mark.parametrize("gap", [(1.0, 2.0), "1 + sin(pi*s)**2"])
def test_what_moves_with_the_gap_is_no_count(gap: Any) -> None:
    ramp = two_levels(Protocol([Isothermal(1.0, E=gap)], beta=1.0))
    for name in ("heat", "heat_phonons", "energy_phonons", "entropy_flow", "log_ratio"):
        with pytest.raises(InvalidInput, match=r"not come in equal steps.*log_generating_function, or a run"):
            ramp.distribution(name)
    values, probabilities = ramp.distribution("activity")
    assert values[0] == 0
    assert probabilities.min() > 1e-13
    assert values @ probabilities == pytest.approx(ramp.mean("activity"), rel=1e-9)


@pytest.mark.parametrize("gap", [1.0, 2.2])
def test_heat_in_equal_steps_has_a_law(gap: float) -> None:
    """Two levels: heat is gap times the levels climbed, -1, 0 or 1 of them and never another."""
    still = two_levels(Protocol([Hold(2.0), Quench(E=gap), Hold(1.0)], beta=1.0, E=gap))
    values, probabilities = still.distribution("heat")
    assert values.tolist() == [-gap, 0.0, gap]
    assert probabilities.sum() == pytest.approx(1.0, abs=ROUNDING)
    assert probabilities[2] == pytest.approx(probabilities[0], abs=ROUNDING)  # equilibrium
    assert (values**2) @ probabilities == pytest.approx(still.variance("heat"), rel=1e-9)


def test_strokes_of_several_gaps_add_up_their_quanta() -> None:
    cycle = two_levels(Protocol([Hold(2.0), Quench(E=100.0), Hold(1.0)], beta=0.01, E=40.0))
    values, probabilities = cycle.distribution("heat")
    assert np.diff(values).tolist() == [20.0] * (len(values) - 1)
    assert -140.0 <= values[0] < values[-1] <= 140.0
    assert values @ probabilities == pytest.approx(cycle.mean("heat"), rel=1e-9)
    assert (values**2) @ probabilities - cycle.mean("heat") ** 2 == pytest.approx(
        cycle.variance("heat"), rel=1e-9
    )


def test_a_jump_far_beyond_the_spread_is_seen() -> None:
    """Of 100 steps of heat at once, one time in 1e6: ten thousand times the spread of the others."""
    system = Levels({"a": "0", "b": "1", "c": "100"})
    baths = [BoseBath("near", on="a -> b", rate=1.0), BoseBath("far", on="a -> c", rate=1e-7)]
    rare = counting(system, baths, Protocol([Hold(1.0)], beta=0.01), Point(state="a"))
    values, probabilities = rare.distribution("heat_far")
    assert values.tolist() == [0.0, 100.0]
    assert probabilities[1] == pytest.approx(rare.final[2], abs=ROUNDING)
    values, probabilities = rare.distribution("heat")
    chances = dict(zip(values.tolist(), probabilities.tolist(), strict=True))
    assert [chances[k] for k in (0.0, 1.0, 100.0)] == pytest.approx(rare.final.tolist(), abs=ROUNDING)
    assert 1e-8 < rare.final[2] < 1e-6


def test_what_cannot_happen_has_no_probability() -> None:
    """No activity below 0; at one lead no more particles than the levels hold; a decay once, and not back."""
    dot = dot_between_leads()
    values, probabilities = dot.distribution("activity")
    assert values[0] == 0
    assert probabilities.min() > 1e-13
    assert probabilities.sum() == pytest.approx(1.0, abs=ROUNDING)
    assert values @ probabilities == pytest.approx(dot.mean("activity"), abs=1e-10)
    none_jumps = float(dot.initial @ np.exp(dot.steady().generator.diagonal() * dot.schedule.duration))
    assert probabilities[0] == pytest.approx(none_jumps, abs=ROUNDING)
    alone = [Lead("lead", on="a -> b", rate=1.0, mu=0.0)]
    held = counting(Levels({"a": "0", "b": "1"}), alone, Protocol([Hold(3.0)], beta=1.0), Equilibrium())
    assert held.distribution("particles_lead")[0].tolist() == [-1, 0, 1]
    decay = [Rates("decay", on="excited -> ground", forward=1.0, backward=0.0)]
    wait = Protocol([Hold(2.0)], beta=1.0)
    atom = counting(MOLECULE, decay, wait, Point(state="excited"), thermodynamics=False)
    values, probabilities = atom.distribution("activity")
    assert values.tolist() == [0, 1]
    assert probabilities == pytest.approx([np.exp(-2.0), -np.expm1(-2.0)], abs=ROUNDING)


def test_a_law_of_few_values_takes_few_angles(monkeypatch: pytest.MonkeyPatch) -> None:
    """-1, 0 and 1 are known beforehand to be all: 0 and one angle more."""
    angles = []
    wave = Counting._wave
    monkeypatch.setattr(Counting, "_wave", lambda *given: angles.append(given[1]) or wave(*given))
    values, _ = two_levels(Protocol([Hold(2.0)], beta=1.0, E=1.5)).distribution("heat")
    assert values.tolist() == [-1.5, 0.0, 1.5]
    assert len(angles) == 2


def test_a_law_of_too_many_values_is_refused() -> None:
    """Jumps of up to 999 steps, many of them; of a ramp an angle takes longer, so fewer may be asked."""
    system = Levels({"a": "0", "b": "0.499", "c": "0.999"})
    baths = [BoseBath("hot", rate=1.0), BoseBath("cold", rate=1.0)]
    wait = Protocol([Hold(2000.0)], beta={"hot": 0.5, "cold": 1.0})
    said = r"^the law of heat_hot has 1,\d{3},\d{3} values, more than the 243,\d{3} that .*: shorten the"
    with pytest.raises(InvalidInput, match=said):
        counting(system, baths, wait, Point(state="a")).distribution("heat_hot")
    held = two_levels(Protocol([Hold(1.0)], beta=1.0, E=1.0))
    ramp = two_levels(Protocol([Isothermal(1.0, E=(1.0, 2.0))], beta=1.0))
    assert ramp._cost() > 10.0 * held._cost()


def test_heat_of_a_lead_is_its_particles_in_steps() -> None:
    """0.5 - 1 of energy less chemical potential, with a mu that no computer writes exactly 0.3 - 0.5."""
    dot = dot_between_leads(V=0.6)
    numbers, chances = dot.distribution("particles_left")
    heat, probabilities = dot.distribution("heat_left")
    assert numbers.dtype == np.int64
    assert heat == pytest.approx(numbers * (0.5 - 0.3), abs=1e-12)
    assert probabilities == pytest.approx(chances, abs=ROUNDING)


def test_a_mean_of_zero_has_no_fano_factor() -> None:
    idle = dot_between_leads(V=0.0)
    for name in ("particles_left", "heat", "energy_change"):
        with pytest.raises(InvalidInput, match=f"^{name}: its mean is 0 .*: take its variance$"):
            idle.fano(name)
    for ask in (idle.steady().fano, idle.steady().uncertainty_product):
        with pytest.raises(InvalidInput, match=r"^particles_left: its mean is 0"):
            ask("particles_left")
    held = two_levels(Protocol([Hold(1.0)], beta=1.0, E=0.7))
    for name in ("work", "control_work"):  # 0 always, to rounding: 0 / 0
        with pytest.raises(InvalidInput, match="its mean is 0"):
            held.fano(name)
    assert dot_between_leads(V=1e-9).fano("particles_left") > 1e6


def test_one_way_channels_have_counts_and_no_entropy() -> None:
    decay = Rates("decay", on="excited -> ground", forward=1.0, backward=0.0)
    atom = counting(
        MOLECULE, [decay], Protocol([Hold(2.0)], beta=1.0), Point(state="excited"), thermodynamics=False
    )
    assert atom.mean("activity") == pytest.approx(-np.expm1(-2.0), abs=ROUNDING)
    assert atom.mean("decay: excited -> ground") == pytest.approx(atom.mean("activity"), abs=ROUNDING)
    with pytest.raises(InvalidInput, match="has no way back"):
        atom.mean("log_ratio")
    with pytest.raises(InvalidInput, match="has no way back"):
        atom.dual()
