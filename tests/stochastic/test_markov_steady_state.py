"""Steady states of jump dynamics, exactly: currents, noise, symmetries, engines, information, cycles."""

import numpy as np
import pytest
from scipy.optimize import root

from exact_jumps import MOLECULE, ROUNDING, counting, dot_between_leads, printed
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Point, Steady
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.exact import Counting, SteadyState
from fluctua.stochastic.protocol import Hold, Protocol
from fluctua.stochastic.reservoirs import Arrhenius, BoseBath, Lead, Rates, Reservoir

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


# ---- no steady state


def test_levels_apart_have_no_steady_state() -> None:
    four = Levels({"a": "0", "b": "1", "c": "0", "d": "1"})
    bath = Arrhenius("bath", on=["a -> b", "c -> d"], rate=1.0, barrier=2.0)
    jumps = counting(four, [bath], Protocol([Hold(1.0)], beta=1.0), Point(state="a"))
    assert jumps.final[2:] == pytest.approx([0.0, 0.0], abs=ROUNDING)
    with pytest.raises(InvalidInput, match="no single steady state"):
        _ = jumps.steady().populations
