"""Facts about systems of levels, against printed numbers and against the exact statistics of their rates."""

import numpy as np
import pytest

from fluctua.stochastic.initial import Steady
from fluctua.stochastic.markov.exact import Dual, SteadyState, exact
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems import biased_walk, bipartite_dots, single_dot, three_state_ring, two_level
from fluctua.stochastic.systems.biased_walk import affinity, stepping, uncertainty_product
from fluctua.stochastic.systems.biased_walk import cumulant_rate as walk_rate
from fluctua.stochastic.systems.bipartite_dots import X_LEADS, coupled_leads
from fluctua.stochastic.systems.single_dot import cumulant_rate as dot_rate
from fluctua.stochastic.systems.single_dot import (
    current,
    efficiency,
    fermi,
    maximum_power,
    noise,
    tunnelling,
)
from fluctua.stochastic.systems.three_state_ring import driving, dual_driving
from fluctua.stochastic.systems.two_level import (
    bosons,
    excited_population,
    quanta_current,
    quanta_noise,
)
from fluctua.stochastic.systems.two_level import cumulant_rate as quanta_rate


def printed(text):
    """A number as printed, and half a unit of its last digit."""
    return pytest.approx(float(text), abs=0.51 * 10.0 ** -len(text.partition(".")[2]))


def steady(system, dynamics, controls, beta=1.0):
    """The exact steady state at fixed controls."""
    protocol = Protocol([Hold(1.0)], beta=beta, **controls)
    return exact(system, dynamics, protocol, initial=Steady()).steady()


def test_biased_walk_b2():
    assert uncertainty_product(2.0, 1.0) == printed("2.079442")
    assert uncertainty_product(1.001, 1.0) == pytest.approx(2.0, abs=1e-6)
    assert walk_rate(0.3, 2.0, 1.0) == pytest.approx(walk_rate(-affinity(2.0, 1.0) - 0.3, 2.0, 1.0))
    walk = steady(biased_walk(), stepping(2.0, 1.0), {})
    assert walk.uncertainty_product("force_work") == pytest.approx(uncertainty_product(2.0, 1.0))
    counted = walk.scaled_generating_function({"force_work": 0.3 / affinity(2.0, 1.0)})
    assert counted == pytest.approx(walk_rate(0.3, 2.0, 1.0))


def test_single_dot_e5():
    x = (-0.5, 1.5)
    assert [fermi(value) for value in x] == [printed("0.622459"), printed("0.182426")]
    assert current(*x) == printed("0.220017")
    assert noise(*x) == printed("0.240483")
    assert noise(*x) / current(*x) == printed("1.09302")
    assert dot_rate(0.3, *x) == printed("0.0771234")
    assert dot_rate(-2.3, *x) == printed("0.0771234")
    assert noise(*x) * 2.0 / current(*x) == printed("2.18604")
    assert noise(-40, 40, right=3.0) / current(-40, 40, right=3.0) == pytest.approx(0.625)


def test_single_dot_follows_from_its_rates():
    """Unequal rates, and a bias that is not split evenly."""
    x, rates = (-0.4, 0.9), {"left": 0.7, "right": 1.9}
    controls = {"eps": 0.5, "mu_left": 0.9, "mu_right": -0.4}
    dot = steady(single_dot(), tunnelling(rates), controls)
    assert dot.mean("particles_left") == pytest.approx(current(*x, **rates))
    assert dot.variance("particles_left") == pytest.approx(noise(*x, **rates))
    assert dot.scaled_generating_function({"particles_left": 0.4}) == pytest.approx(
        dot_rate(0.4, *x, **rates)
    )


@pytest.mark.parametrize(
    ("carnot", "best", "root"),
    [(0.1, "0.051333", "0.051317"), (0.5, "0.296331", "0.292893"), (0.9, "0.726368", "0.683772")],
)
def test_dot_engine_d3(carnot, best, root):
    x = maximum_power(carnot)
    assert efficiency(*x, carnot) == printed(best)
    assert 1.0 - np.sqrt(1.0 - carnot) == printed(root)  # Curzon and Ahlborn's, below it
    power = (x[0] - (1.0 - carnot) * x[1]) * current(*x)
    for near in ((1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)):
        hot, cold = x[0] + near[0], x[1] + near[1]
        assert (hot - (1.0 - carnot) * cold) * current(hot, cold) < power


def test_dot_engine_has_the_printed_optimum():
    assert maximum_power(0.5) == (printed("2.03274"), printed("2.86075"))


def test_two_level_molecule_e7():
    x = (0.5, 1.0)
    assert quanta_current(*x) == printed("0.153598")
    assert quanta_noise(*x) == printed("0.619585")
    assert quanta_rate(0.2, *x) == printed("0.0432105")
    assert quanta_rate(-0.7, *x) == printed("0.0432105")


def test_two_level_molecule_follows_from_its_rates():
    rates = {"left": 0.7, "right": 1.9}
    x = (1.3 * 0.5, 1.3 * 0.8)
    molecule = steady(two_level(), bosons(rates), {"gap": 1.3}, {"left": 0.5, "right": 0.8})
    assert molecule.mean("heat_left") == pytest.approx(1.3 * quanta_current(*x, **rates))
    assert molecule.variance("heat_left") == pytest.approx(1.3**2 * quanta_noise(*x, **rates))
    counted = molecule.scaled_generating_function({"heat_left": 0.3 / 1.3})
    assert counted == pytest.approx(quanta_rate(0.3, *x, **rates))


def test_two_levels_relax_to_boltzmann():
    assert excited_population(0.9, 100.0, 2.0) == pytest.approx(fermi(2.0))
    assert excited_population(0.9, 0.0, 2.0) == pytest.approx(0.9)


@pytest.mark.parametrize("controls", [(0.0, 1.0), (0.7, 1.0), (2.0, -0.4)])
def test_dual_rates_of_the_ring_are_those_of_the_generator(controls):
    ring = three_state_ring()
    rows, beta, coupled = np.array([controls]), np.ones((1, 3)), np.ones(3, dtype=bool)
    generator, written = driving().generator(ring), dual_driving().generator(ring)
    assert written.rates(rows, beta, coupled) == pytest.approx(Dual(generator).rates(rows, beta, coupled))
    one, other = (SteadyState.at(g, controls, [1.0] * 3) for g in (generator, written))
    assert one.populations == pytest.approx(other.populations)
    there, back = (state.fluxes[0] - state.fluxes[1] for state in (one, other))
    assert there == pytest.approx(-back)
    assert there * controls[1] > 0.0


PASSIVE = {"eps_x": 0.0, "eps_y": 0.0, "mu_left": 1.0, "mu_right": -1.0, "mu_gauge": 0.0}
DEMON = {"eps_x": -1.0, "eps_y": 0.0, "mu_left": 0.1, "mu_right": -0.1, "mu_gauge": 1.0}


@pytest.mark.parametrize(
    ("controls", "cold", "gauge", "information", "in_x", "in_y", "whole"),
    [
        (PASSIVE, 1.0, 5.0, "0.075242", "0.195141", "-0.068605", "0.126536"),
        (DEMON, 3.0, 20.0, "-0.597780", "-0.231519", "0.644009", "0.412490"),
    ],
)
def test_bipartite_dots_b8(controls, cold, gauge, information, in_x, in_y, whole):
    beta = {**dict.fromkeys(X_LEADS, 1.0), "gauge": cold}
    dots = steady(bipartite_dots(), coupled_leads(gauge=gauge), controls, beta)
    assert dots.information_flow(X_LEADS) == printed(information)
    assert dots.information_flow(["gauge"]) == pytest.approx(-dots.information_flow(X_LEADS))
    assert -sum(dots.mean(f"heat_{lead}") for lead in X_LEADS) == printed(in_x)
    assert -cold * dots.mean("heat_gauge") == printed(in_y)
    assert dots.entropy_production == printed(whole)


def test_demon_drives_particles_against_the_bias():
    beta = {**dict.fromkeys(X_LEADS, 1.0), "gauge": 3.0}
    dots = steady(bipartite_dots(), coupled_leads(gauge=20.0), DEMON, beta)
    assert -dots.mean("particles_right_0") - dots.mean("particles_right_1") == printed("-0.084246")
