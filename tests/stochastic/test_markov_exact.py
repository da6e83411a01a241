"""Exact companions of jump dynamics: the catalogue to all printed digits, laws, and second routes."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import root

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Equilibrium, Initial, Point, Populations, Steady
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.dual import Dual
from fluctua.stochastic.markov.evolution import gauss_method
from fluctua.stochastic.markov.exact import Counting, SteadyState, exact
from fluctua.stochastic.markov.generator import Generator
from fluctua.stochastic.protocol import Hold, Isolated, Isothermal, Protocol, Quench, Thermostatic
from fluctua.stochastic.reservoirs import Arrhenius, BoseBath, Lead, Rates, Reservoir

Level = Callable[[float], tuple[float, float]]

ROUNDING = 1e-12
DOT = Levels({"empty": "0", "full": "eps"}, controls=("eps", "V"))
MOLECULE = Levels({"ground": "0", "excited": "gap"}, parameters={"gap": 1.0})
RING = Levels({"a": "0", "b": "E", "c": "0.5"}, controls="E", parameters={"f": 1.0})


def printed(digits: str) -> Any:
    """Equal to a printed number within half a unit of its last digit."""
    return pytest.approx(float(digits), abs=0.5 * 10.0 ** -len(digits.partition(".")[2]) + 1e-15)


def counting(
    system: Levels, baths: list[Reservoir], protocol: Protocol, initial: Initial | None = None, **more: Any
) -> Counting:
    return exact(system, MarkovJump(baths, **more), protocol, initial=initial)


def dot_between_leads(
    duration: float = 5.0, left: float = 1.0, right: float = 1.0, V: float = 2.0
) -> Counting:
    leads: list[Reservoir] = [
        Lead("left", on="empty -> full", rate=left, mu="V/2"),
        Lead("right", on="empty -> full", rate=right, mu="-V/2"),
    ]
    return counting(DOT, leads, Protocol([Hold(duration)], beta=1.0, eps=0.5, V=V), Steady())


def driven_ring(protocol: Protocol | None = None, initial: Initial | None = None) -> Counting:
    """Catalogue B3: w_(i -> i+1) = exp((E_i - E_(i+1) + f) / 2), and back with the opposite sign."""
    falls = {"a -> b": "0 - E", "b -> c": "E - 0.5", "c -> a": "0.5 - 0"}
    edges: list[Reservoir] = [
        Rates(
            name, on=on, forward=f"exp(beta*({fall} + f)/2)", backward=f"exp(-beta*({fall} + f)/2)", work="f"
        )
        for name, (on, fall) in zip(("one", "two", "three"), falls.items(), strict=True)
    ]
    return counting(
        RING, edges, protocol or Protocol([Isothermal(2.0, E="t")], beta=1.0), initial or Steady()
    )


def two_level_atom(excited: float) -> Counting:
    """Catalogue A6, A12, E15: gap 1, T = 1/2, rates n and n + 1, t = 2."""
    start = Populations(ground=1.0 - excited, excited=excited) if excited < 1.0 else Point(state="excited")
    return counting(MOLECULE, [BoseBath("phonons", rate=1.0)], Protocol([Hold(2.0)], temperature=0.5), start)


# ---- E5: the dot, steady


def test_current_and_noise_of_the_dot() -> None:
    steady = dot_between_leads().steady()
    assert steady.mean("particles_left") == printed("0.220017")
    assert steady.mean("particles_right") == pytest.approx(-steady.mean("particles_left"), abs=ROUNDING)
    assert steady.variance("particles_left") == printed("0.240483")
    assert steady.fano("particles_right") == printed("1.09302")
    assert steady.uncertainty_product("particles_left") == printed("2.18604")
    assert steady.populations == pytest.approx([1.0 - 0.4024425, 0.4024425], abs=1e-7)  # (f_L + f_R) / 2
    assert steady.activity == pytest.approx(2.0 * 2.0 * steady.populations.prod(), abs=ROUNDING)


@pytest.mark.parametrize(("left", "right", "s"), [(1.0, 1.0, 0.3), (1.0, 3.0, -0.7), (0.2, 1.0, 1.5)])
def test_generating_function_of_the_dot_has_its_closed_form(left: float, right: float, s: float) -> None:
    f, g = 1.0 / (1.0 + np.exp(-0.5)), 1.0 / (1.0 + np.exp(1.5))
    hops = f * (1.0 - g) * np.expm1(s) + g * (1.0 - f) * np.expm1(-s)
    total = left + right
    expected = -total / 2.0 + np.sqrt(total**2 / 4.0 + left * right * hops)
    steady = dot_between_leads(left=left, right=right).steady()
    assert steady.scaled_generating_function({"particles_left": s}) == pytest.approx(expected, abs=ROUNDING)
    assert steady.scaled_generating_function({"particles_right": -s}) == pytest.approx(expected, abs=ROUNDING)


def test_gallavotti_cohen_symmetry_of_the_dot() -> None:
    steady = dot_between_leads().steady()
    one, other = steady.symmetry({"particles_left": 0.3}, {"particles_left": 2.0})
    assert one == printed("0.0771234")
    assert one == pytest.approx(other, abs=ROUNDING)
    wrong = steady.symmetry({"particles_left": 0.3}, {"particles_left": 1.9})
    assert abs(wrong[0] - wrong[1]) > 1e-3  # control: a wrong affinity must show


def test_two_currents_share_one_symmetry() -> None:
    """mu(s, s_E) = mu(-s - A_N, -s_E - A_E), A_N = beta_L mu_L - beta_R mu_R, A_E = beta_R - beta_L."""
    two = Levels({"none": "0", "low": "0.3", "high": "1.1"})
    leads: list[Reservoir] = [
        Lead("left", on=["none -> low", "none -> high"], rate=1.0, mu=0.5),
        Lead("right", on=["none -> low", "none -> high"], rate=0.4, mu=0.0),
    ]
    protocol = Protocol([Hold(1.0)], temperature={"left": 1.0, "right": 1.5})
    steady = counting(two, leads, protocol, Steady()).steady()
    affinities = {"particles_left": 0.5, "energy_left": 1.0 / 1.5 - 1.0}
    one, other = steady.symmetry({"particles_left": 0.2, "energy_left": 0.1}, affinities)
    assert one == pytest.approx(other, abs=ROUNDING)
    produced = sum(a * steady.mean(name) for name, a in affinities.items())
    assert steady.entropy_production == pytest.approx(produced, abs=ROUNDING)
    assert steady.covariance("particles_left", "energy_left") == pytest.approx(
        -steady.covariance("particles_left", "energy_right"), abs=ROUNDING
    )


def test_occupation_forgets_at_the_sum_of_the_rates() -> None:
    """The trap of E5: Gamma_L + Gamma_R, not twice that."""
    assert dot_between_leads(right=3.0).steady().spectrum == pytest.approx([0.0, -4.0], abs=ROUNDING)


def test_fano_factor_at_infinite_bias() -> None:
    assert dot_between_leads(right=3.0, V=80.0).steady().fano("particles_left") == pytest.approx(
        0.625, abs=1e-12
    )


def test_rate_function_is_the_legendre_transform() -> None:
    steady, s = dot_between_leads().steady(), np.linspace(-3.0, 2.0, 11)
    x, rate = steady.rate_function("particles_left", s)
    middle = int(np.argmin(np.abs(s)))
    assert x[middle] == pytest.approx(steady.mean("particles_left"), abs=ROUNDING)
    assert rate[middle] == pytest.approx(0.0, abs=ROUNDING)
    assert (np.diff(x) > 0.0).all()
    assert (np.delete(rate, middle) > 0.0).all()
    back, mirrored = steady.rate_function("particles_left", -2.0 - s)
    assert back == pytest.approx(-x, abs=1e-10)
    assert mirrored - rate == pytest.approx(2.0 * x, abs=1e-10)  # Gallavotti, Cohen: I(-x) - I(x) = A x


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
    assert p.min() > -1e-15
    assert n @ p == pytest.approx(dot.mean("particles_left"), abs=1e-11)
    assert n**2 @ p - (n @ p) ** 2 == pytest.approx(dot.variance("particles_left"), abs=1e-10)
    assert np.log(np.exp(0.4 * n) @ p) == pytest.approx(
        dot.log_generating_function({"particles_left": 0.4}), abs=1e-10
    )


# ---- E7, B2, D3, D8: closed forms


def test_heat_through_a_molecule() -> None:
    baths: list[Reservoir] = [BoseBath("left", rate=1.0), BoseBath("right", rate=1.0)]
    protocol = Protocol([Hold(1.0)], temperature={"left": 2.0, "right": 1.0})
    steady = counting(MOLECULE, baths, protocol, Steady()).steady()
    hot, cold = 1.0 / np.expm1(0.5), 1.0 / np.expm1(1.0)
    assert steady.mean("heat_left") == pytest.approx(
        (hot - cold) / (2.0 + 2.0 * hot + 2.0 * cold), abs=ROUNDING
    )
    assert steady.mean("heat_left") == printed("0.153598")
    assert steady.variance("heat_left") == printed("0.619585")
    one, other = steady.symmetry({"heat_left": 0.2}, {"heat_left": 0.5})
    assert one == printed("0.0432105")
    assert one == pytest.approx(other, abs=ROUNDING)
    assert steady.entropy_production == printed("0.076799")


def test_biased_walk() -> None:
    """B2 with p = 2, q = 1, on a ring of three levels: each step forward does the work ln 2."""
    ring = Levels({"a": "0", "b": "0", "c": "0"})
    walk = Rates("walk", on=["a -> b", "b -> c", "c -> a"], forward=2.0, backward=1.0, work="log(2)")
    steady = counting(ring, [walk], Protocol([Hold(1.0)], beta=1.0), Steady()).steady()
    steps = 1.0 / np.log(2.0)
    for s in (-1.0, 0.3, 0.8):
        expected = 2.0 * np.expm1(s) + np.expm1(-s)
        assert steady.scaled_generating_function({"force_work": s * steps}) == pytest.approx(
            expected, abs=1e-11
        )
    assert steady.uncertainty_product("force_work") == printed("2.079442")
    (cycle,) = steady.cycles()
    assert abs(cycle.affinity) == pytest.approx(3.0 * np.log(2.0), abs=ROUNDING)
    assert len(cycle.channels) == 3


def best_engine(carnot: float) -> tuple[np.ndarray, Counting]:
    """Maximum of (T_h x_h - T_c x_c) (f_h - f_c) / 2 over x, and the dot that runs there."""
    cold = 1.0 - carnot

    def f(x: float) -> float:
        return float(1.0 / (1.0 + np.exp(x)))

    def gradient(x: np.ndarray) -> list[float]:
        gain, bias = f(x[0]) - f(x[1]), x[0] - cold * x[1]
        slopes = [-f(y) * (1.0 - f(y)) for y in x]
        return [gain + bias * slopes[0], -cold * gain - bias * slopes[1]]

    x = root(gradient, [2.0, 2.0 + 1.7 * carnot], tol=1e-14).x
    leads: list[Reservoir] = [
        Lead("hot", on="empty -> full", rate=1.0, mu=float(-x[0])),
        Lead("cold", on="empty -> full", rate=1.0, mu=float(-cold * x[1])),
    ]
    level = Levels({"empty": "0", "full": "0"})
    protocol = Protocol([Hold(1.0)], temperature={"hot": 1.0, "cold": cold})
    return x, counting(level, leads, protocol, Steady())


@pytest.mark.parametrize(("carnot", "expected"), [(0.1, "0.051333"), (0.5, "0.296331"), (0.9, "0.726368")])
def test_heat_engine_at_maximum_power(carnot: float, expected: str) -> None:
    x, engine = best_engine(carnot)
    steady = engine.steady()
    power, heat = -steady.mean("chemical_work"), steady.mean("heat_hot")
    assert power / heat == printed(expected)
    assert power / heat == pytest.approx(1.0 - (1.0 - carnot) * x[1] / x[0], abs=1e-11)
    if carnot == 0.5:
        assert x == pytest.approx([2.03274, 2.86075], abs=5e-6)
    (cycle,) = steady.cycles()
    assert abs(cycle.affinity) == pytest.approx(x[1] - x[0], abs=1e-11)


def test_power_efficiency_and_constancy() -> None:
    """D8 at maximum power between T = 1 and 1/2."""
    steady = best_engine(0.5)[1].steady()
    power, spread = -steady.mean("chemical_work"), steady.variance("chemical_work")
    efficiency = power / steady.mean("heat_hot")
    assert power == printed("0.0185769")
    assert spread == printed("0.0282104")
    assert power * efficiency / (0.5 - efficiency) * 0.5 / spread == printed("0.479054")
    assert steady.uncertainty_product("chemical_work") == printed("2.08745")
    assert steady.uncertainty_product("heat_hot") == pytest.approx(  # tight coupling: one current
        steady.uncertainty_product("particles_cold"), rel=1e-10
    )


# ---- B8: information


def coupled_dots(ex: float, bias: float, gate: float, rate: float, beta: float) -> SteadyState:
    """Dot x between two leads whose rates depend on dot y, which has a lead of its own."""
    levels = Levels({"none": "0", "x": "ex", "y": "0", "xy": "ex + 2"}, parameters={"ex": ex})
    leads: list[Reservoir] = [
        Lead(f"{side}_{k}", on=on, rate=speed, mu=mu)
        for side, mu, speeds in (("left", bias, (1.0, 0.1)), ("right", -bias, (0.1, 1.0)))
        for k, (on, speed) in enumerate(zip(("none -> x", "y -> xy"), speeds, strict=True))
    ]
    leads.append(Lead("gate", on=["none -> y", "x -> xy"], rate=rate, mu=gate))
    cold = {bath.name: 1.0 for bath in leads} | {"gate": beta}
    return counting(levels, leads, Protocol([Hold(1.0)], beta=cold), Steady()).steady()


OF_X = ["left_0", "left_1", "right_0", "right_1"]


def flows(steady: SteadyState, beta: float) -> tuple[float, float, float, float]:
    """Entropy that x and y bring to their reservoirs, and information that each gains."""
    of_x = -sum(steady.mean(f"heat_{bath}") for bath in OF_X)
    return (
        of_x,
        -beta * steady.mean("heat_gate"),
        steady.information_flow(OF_X),
        steady.information_flow(["gate"]),
    )


def test_passive_dots_exchange_information() -> None:
    steady = coupled_dots(ex=0.0, bias=1.0, gate=0.0, rate=5.0, beta=1.0)
    of_x, of_y, known_x, known_y = flows(steady, 1.0)
    assert known_x == printed("0.075242")
    assert known_y == pytest.approx(-known_x, abs=ROUNDING)
    assert of_x == printed("0.195141")
    assert of_y == printed("-0.068605")
    assert steady.entropy_production == printed("0.126536")
    assert of_x - known_x == printed("0.119900")
    assert of_y - known_y == printed("0.006636")


def test_demon() -> None:
    steady = coupled_dots(ex=-1.0, bias=0.1, gate=1.0, rate=20.0, beta=3.0)
    of_x, of_y, known_x, _ = flows(steady, 3.0)
    into_right = -steady.mean("particles_right_0") - steady.mean("particles_right_1")
    assert into_right == printed("-0.084246")
    assert of_x == printed("-0.231519")
    assert known_x == printed("-0.597780")
    assert of_y == printed("0.644009")
    assert steady.entropy_production == printed("0.412490")
    assert of_x < 0.0 < of_x - known_x  # the second law of x alone, covered by information


# ---- A6, A12, E15: relaxation


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


# ---- B3: a driven ring


def test_entropies_of_the_driven_ring() -> None:
    ring = driven_ring()
    assert ring.mean("housekeeping_entropy") == printed("1.939193")
    assert ring.mean("nonadiabatic_entropy") == printed("0.075313")
    assert ring.mean("total_entropy") == printed("2.014506")
    assert ring.mean("hatano_sasa") == printed("0.078889")
    assert ring.final == pytest.approx([0.609770, 0.107318, 0.282913], abs=5e-7)
    last = ring.steady(0, 1.0).populations
    lag = float(ring.final @ np.log(ring.final / last))
    assert lag == printed("0.003576")
    assert ring.mean("hatano_sasa") - ring.mean("nonadiabatic_entropy") == pytest.approx(lag, abs=ROUNDING)


@pytest.mark.parametrize(
    "name", ["housekeeping_entropy", "nonadiabatic_entropy", "total_entropy", "hatano_sasa"]
)
def test_integral_theorems_of_the_driven_ring(name: str) -> None:
    ring = driven_ring()
    assert ring.log_generating_function({name: -1.0}) == pytest.approx(0.0, abs=1e-11)
    assert abs(ring.log_generating_function({name: -1.1})) > 1e-3  # control: only -1 gives 1


def test_detailed_theorems_of_the_driven_ring() -> None:
    """<exp(s X)> of the ring against <exp(-(1 + s) X)> of its dual, its reverse, and its dual reversed."""
    ring, s = driven_ring(), 0.3
    dual = ring.dual()
    house = ring.log_generating_function({"housekeeping_entropy": s})
    assert dual.log_generating_function({"housekeeping_entropy": -1.0 - s}) == pytest.approx(house, abs=1e-11)
    reverse = ring.reversed(ring.final)
    ends = {"start": ring.final ** (-s), "end": ring.initial ** (1.0 + s)}
    total = ring.log_generating_function({"total_entropy": s})
    assert reverse.log_generating_function({"entropy_flow": -1.0 - s}, **ends) == pytest.approx(
        total, abs=1e-11
    )
    wrong = reverse.log_generating_function({"housekeeping_entropy": -1.0 - s})
    assert abs(wrong - house) > 1e-2  # control: the reverse where the dual belongs
    assert dual.steady().populations == pytest.approx(ring.steady().populations, abs=ROUNDING)
    assert dual.steady().mean("force_work") == pytest.approx(-ring.steady().mean("force_work"), abs=ROUNDING)


def test_dual_of_equilibrium_is_itself() -> None:
    bath = Arrhenius("bath", on=["a -> b", "b -> c", "c -> a"], rate=2.0, barrier="1 + E")
    generator = Generator(RING, MarkovJump([bath]))
    at = np.array([[0.3], [1.2]]), np.array([[1.0], [0.4]]), np.array([True])
    assert Dual(generator).rates(*at) == pytest.approx(generator.rates(*at), rel=1e-13)
    assert Dual(Dual(generator)).rates(*at) == pytest.approx(generator.rates(*at), rel=1e-13)


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


STROKES = Protocol(
    [
        Isothermal(1.0, E=(0.0, 1.0)),
        Quench(E=-0.5),
        Thermostatic(2.0, beta=(1.0, 2.0), E=(-0.5, 0.4)),
        Quench(beta=0.7),
    ],
    beta=1.0,
)


def test_dimensionless_work_gives_the_ratio_of_partition_functions() -> None:
    """<exp(-W)> = Z_tau / Z_0 through ramps, quenches of a control and of beta; work alone fails."""
    bath = Arrhenius("bath", on=["a -> b", "b -> c"], rate=1.0, barrier=2.0)
    jumps = counting(RING, [bath], STROKES, Equilibrium())
    z = [np.exp(-beta * np.array([0.0, energy, 0.5])).sum() for beta, energy in ((1.0, 0.0), (0.7, 0.4))]
    expected = np.log(z[1] / z[0])
    assert jumps.log_generating_function({"dimensionless_work": -1.0}) == pytest.approx(expected, abs=1e-11)
    assert jumps.log_generating_function({"hatano_sasa": -1.0}) == pytest.approx(0.0, abs=1e-11)
    assert jumps.log_generating_function({"total_entropy": -1.0}) == pytest.approx(0.0, abs=1e-11)
    assert abs(jumps.log_generating_function({"work": -1.0}) - expected) > 1e-2
    change = jumps.mean("exclusive_work") + 0.4 * jumps.final[1] - 0.0 * jumps.initial[1]
    assert jumps.mean("work") == pytest.approx(change, abs=1e-11)


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


def test_nothing_moves_where_no_bath_is_connected() -> None:
    bath = Arrhenius("bath", on=["a -> b", "b -> c"], rate=1.0, barrier=2.0)
    jumps = counting(RING, [bath], Protocol([Isolated(1.0, E=(0.0, 2.0))], beta=1.0), Point(state="b"))
    assert jumps.final == pytest.approx([0.0, 1.0, 0.0], abs=ROUNDING)
    assert jumps.mean("work") == pytest.approx(2.0, abs=ROUNDING)
    assert jumps.variance("work") == pytest.approx(0.0, abs=ROUNDING)
    assert jumps.mean("housekeeping_entropy") == 0.0


def test_steady_potential_counts_what_a_change_of_baths_adds() -> None:
    """Hatano and Sasa's theorem holds through strokes without a bath, or with one of two."""
    baths: list[Reservoir] = [
        Arrhenius("hot", on=["a -> b", "b -> c"], rate=1.0, barrier=2.0),
        Arrhenius("cold", on=["a -> c", "b -> c"], rate=1.0, barrier=2.0),
    ]
    steps = [
        Isothermal(1.0, E=(0.0, 1.0)),
        Isolated(1.0, E=(1.0, -1.0)),
        Hold(1.0, baths=["hot"]),
        Isolated(0.5, E=(-1.0, 0.2)),
    ]
    jumps = counting(RING, baths, Protocol(steps, beta={"hot": 0.5, "cold": 2.0}), Steady())
    assert jumps.log_generating_function({"hatano_sasa": -1.0}) == pytest.approx(0.0, abs=1e-11)
    before = jumps.steady(2).populations
    held = counting(
        RING,
        baths,
        Protocol([Hold(1.0)], beta={"hot": 0.5, "cold": 2.0}, E=0.2),
        Point(state="a"),
    ).steady()  # where no bath is connected, all make the steady state
    lag = float(jumps.final @ np.log(jumps.final / held.populations))
    assert jumps.mean("hatano_sasa") - jumps.mean("nonadiabatic_entropy") == pytest.approx(lag, abs=1e-11)
    assert np.abs(before - held.populations).max() > 0.01


def test_a_reverse_run_starts_at_its_own_first_instant() -> None:
    bath = Arrhenius("bath", on=["a -> b", "b -> c"], rate=1.0, barrier=2.0)
    dynamics = MarkovJump([bath])
    forward = exact(RING, dynamics, STROKES)
    reverse = exact(RING, dynamics, STROKES, direction="reverse")
    z = [np.exp(-beta * np.array([0.0, energy, 0.5])).sum() for beta, energy in ((1.0, 0.0), (0.7, 0.4))]
    for s in (-0.3, 0.5):  # Crooks
        there = forward.log_generating_function({"dimensionless_work": s})
        back = reverse.log_generating_function({"dimensionless_work": -1.0 - s})
        assert there - back == pytest.approx(np.log(z[1] / z[0]), abs=1e-11)


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


# ---- cycles


def test_fundamental_cycles_of_a_square_with_a_diagonal() -> None:
    square = Levels({"a": "0", "b": "0", "c": "0", "d": "0"})
    pushes = {"a -> b": 0.1, "b -> c": 0.2, "c -> d": 0.4, "d -> a": 0.8, "a -> c": 1.6}
    edges: list[Reservoir] = [
        Rates(f"edge_{k}", on=on, forward=f"exp({push})", backward=1.0, work=push)
        for k, (on, push) in enumerate(pushes.items())
    ]
    found = counting(square, edges, Protocol([Hold(1.0)], beta=1.0), Steady()).steady().cycles()
    assert len(found) == 5 - 4 + 1
    for cycle in found:
        ways = [name.split(": ")[1].split(" -> ") for name in cycle.channels]
        assert all(here[1] == there[0] for here, there in zip(ways, ways[1:] + ways[:1], strict=True))
        by_hand = sum(
            pushes[f"{a} -> {b}"] if f"{a} -> {b}" in pushes else -pushes[f"{b} -> {a}"] for a, b in ways
        )
        assert cycle.affinity == pytest.approx(by_hand, abs=ROUNDING)


def test_a_cycle_off_the_root_has_no_way_there_and_back() -> None:
    tail = Levels({"a": "0", "b": "0", "c": "0", "d": "0"})
    bath = Arrhenius("bath", on=["a -> b", "b -> c", "c -> d", "d -> b"], rate=1.0, barrier=1.0)
    (cycle,) = counting(tail, [bath], Protocol([Hold(1.0)], beta=1.0)).steady().cycles()
    assert len(cycle.channels) == 3
    assert cycle.affinity == pytest.approx(0.0, abs=ROUNDING)


# ---- bad input


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda dot: dot.mean("heat_lef"), "'heat_lef' is not an observable"),
        (lambda dot: dot.populations([7.0]), "a time outside the protocol (times): it lasts 5"),
        (lambda dot: dot.mean("dimensionless_work"), "dimensionless_work needs one chemical potential"),
        (lambda dot: dot.distribution("heat_left"), "heat_left is no whole number"),
        (lambda dot: dot.log_generating_function({"heat_left": 1e5}), "a counting field too large"),
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


HEATED: list[Reservoir] = [BoseBath("phonons", rate=1.0)]


def two_levels(protocol: Protocol, system: Levels | None = None) -> Counting:
    gap = Levels({"a": "0", "b": "E"}, controls="E")
    return counting(system or gap, HEATED, protocol, Equilibrium())


@pytest.mark.parametrize("name", ["heat", "heat_phonons", "energy_phonons", "entropy_flow", "log_ratio"])
@pytest.mark.parametrize("gap", [(1.0, 2.0), "1 + sin(pi*s)**2"])
def test_what_moves_with_the_gap_is_no_count(name: str, gap: Any) -> None:
    ramp = two_levels(Protocol([Isothermal(1.0, E=gap)], beta=1.0))
    with pytest.raises(InvalidInput, match=r"is no whole number.*log_generating_function, or a run"):
        ramp.distribution(name)
    values, probabilities = ramp.distribution("activity")
    assert probabilities.min() > -ROUNDING
    assert values @ probabilities == pytest.approx(ramp.mean("activity"), rel=1e-9)


@pytest.mark.parametrize("gap", [1.0, 3.0])
def test_heat_in_whole_numbers_has_a_law(gap: float) -> None:
    # Two levels: heat is gap times the levels climbed, -1, 0 or 1 of them.
    still = two_levels(Protocol([Hold(2.0), Quench(E=gap), Hold(1.0)], beta=1.0, E=gap))
    values, probabilities = still.distribution("heat")
    law = dict(zip(values.tolist(), probabilities.tolist(), strict=True))
    assert sum(law.get(k * gap, 0.0) for k in (-1, 0, 1)) == pytest.approx(1.0, abs=ROUNDING)
    assert law[gap] == pytest.approx(law[-gap], abs=ROUNDING)  # equilibrium
    assert (values**2) @ probabilities == pytest.approx(still.variance("heat"), rel=1e-9)


def test_strokes_of_several_gaps_add_up_their_quanta() -> None:
    cycle = two_levels(Protocol([Hold(2.0), Quench(E=100.0), Hold(1.0)], beta=0.01, E=40.0))
    values, probabilities = cycle.distribution("heat")
    occurs = probabilities > 1e-9
    assert set(values[occurs].tolist()) <= {20 * k for k in range(-10, 11)}
    assert values @ probabilities == pytest.approx(cycle.mean("heat"), rel=1e-9)
    assert (values**2) @ probabilities - cycle.mean("heat") ** 2 == pytest.approx(
        cycle.variance("heat"), rel=1e-9
    )


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


def test_levels_apart_have_no_steady_state() -> None:
    four = Levels({"a": "0", "b": "1", "c": "0", "d": "1"})
    bath = Arrhenius("bath", on=["a -> b", "c -> d"], rate=1.0, barrier=2.0)
    jumps = counting(four, [bath], Protocol([Hold(1.0)], beta=1.0), Point(state="a"))
    assert jumps.final[2:] == pytest.approx([0.0, 0.0], abs=ROUNDING)
    with pytest.raises(InvalidInput, match="no single steady state"):
        _ = jumps.steady().populations
