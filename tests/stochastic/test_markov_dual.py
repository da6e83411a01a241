"""Duals, reverses and steady potentials, exactly: integral and detailed theorems of jump dynamics."""

import numpy as np
import pytest

from exact_jumps import RING, ROUNDING, STROKES, counting, driven_ring, printed
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.initial import Equilibrium, Point, Steady
from fluctua.stochastic.markov.dual import Dual
from fluctua.stochastic.markov.exact import exact
from fluctua.stochastic.markov.generator import Generator
from fluctua.stochastic.protocol import Hold, Isolated, Isothermal, Protocol
from fluctua.stochastic.reservoirs import Arrhenius, Reservoir

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


# ---- protocols


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
