"""Equations along a protocol: what is narrow is not stepped over, what is no rate is refused."""

import numpy as np
import pytest

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Point
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.exact import Counting, exact
from fluctua.stochastic.protocol import Isothermal, Protocol
from fluctua.stochastic.reservoirs import Lead, Rates, Reservoir


@pytest.mark.parametrize("width", [0.0008, 0.001, 0.005, 0.02])
@pytest.mark.parametrize("beside", [20.0, 2000.0])
def test_a_low_peak_beside_a_high_rate_is_not_missed(beside: float, width: float) -> None:
    """What counts is rate times width: one way, populations follow from the integral of the rate."""
    peak = f"10*exp(-((E - 0.4321)/{width})**2) + {beside}*exp(-((E - 1)/0.02)**2)"
    pair = Levels({"a": "0", "b": "E"}, controls="E")
    dynamics = MarkovJump([Rates("r", on="a -> b", forward=peak, backward=0.0)], thermodynamics=False)
    ramp = Protocol([Isothermal(1.0, E=(0.0, 1.0))], beta=1.0)
    found = exact(pair, dynamics, ramp, initial=Point(state="a")).populations([0.8])[0, 1]
    assert found == pytest.approx(-np.expm1(-10.0 * width * np.sqrt(np.pi)), abs=1e-9)


@pytest.mark.parametrize("what", ["energy", "work", "mu"])
def test_a_narrow_change_of_what_jumps_carry_is_not_missed(what: str) -> None:
    """One way at the rate 1, so that what is brought is the integral of p times what a jump brings."""
    bump = "0.3*exp(-((E - 0.4321)/0.0008)**2)"
    pair = Levels({"a": "0", "b": bump if what == "energy" else "0"}, controls="E")
    bath: Reservoir = Rates("r", on="a -> b", forward=1.0, backward=1.0, work=bump if what == "work" else 0.0)
    if what == "mu":
        bath = Lead("r", on="a -> b", rate=f"1 + exp(-({bump}))", mu=bump)
    dynamics = MarkovJump([bath], thermodynamics=False)
    ramp = Protocol([Isothermal(1.0, E=(0.0, 1.0))], beta=1.0)
    name = {"energy": "energy_r", "work": "force_work", "mu": "chemical_work"}[what]
    # Up at the rate 1 and down at 1, or within the bump of mu at exp(-mu), which hardly moves p.
    grid = np.linspace(0.42, 0.444, 200_001)
    height = 0.3 * np.exp(-(((grid - 0.4321) / 0.0008) ** 2))
    down = np.exp(-height) if what == "mu" else 1.0
    up = 0.5 * (1.0 + np.exp(-2.0 * grid))
    expected = np.trapezoid((up - down * (1.0 - up)) * height, grid)
    found = exact(pair, dynamics, ramp, initial=Point(state="a")).mean(name)
    assert found == pytest.approx(expected, rel=1e-3 if what == "mu" else 1e-8)


@pytest.mark.parametrize(
    ("forward", "energy", "thermodynamics", "said"),
    [
        ("0.5 - exp(-((E - 0.43359375)/0.0015)**8)", "0", False, "the rate of r: a -> b is negative, -0."),
        ("1 + 3000*exp(-((E - 0.43359375)/0.0015)**8)", "0", True, "r: a -> b breaks detailed balance at"),
        ("1e15*E", "0", False, r"jumps out of one level \(protocol.steps, 1 isothermal\)"),
    ],
)
def test_exact_numbers_are_those_of_rates(forward: str, energy: str, thermodynamics: bool, said: str) -> None:
    """What has not been checked before is refused here, as a run would."""
    pair = Levels({"a": "0", "b": energy}, controls="E")
    bath = Rates("r", on="a -> b", forward=forward, backward="1")
    dynamics = MarkovJump([bath], thermodynamics=thermodynamics)
    ramp = Protocol([Isothermal(1.0, E=(0.0, 1.0))], beta=1.0)
    schedule = ramp.schedule(None, pair.controls, dynamics.bath_names, 1.0)
    jumps = Counting(dynamics.generator(pair), schedule, [1.0, 0.0])
    with pytest.raises(InvalidInput, match=said):
        jumps.mean("activity")
