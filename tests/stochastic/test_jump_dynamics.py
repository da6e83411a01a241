"""What jump dynamics share: baths that are told apart, and what starts leave out at either end."""

import numpy as np
import pytest

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Equilibrium, Point, Populations, Steady
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.protocol import Isothermal, Protocol
from fluctua.stochastic.reservoirs import BoseBath, LocalBath, Rates

PHONONS = BoseBath("phonons", rate=0.5)
LEVELS = Levels({"low": "0", "high": "e"}, controls="e")
QUBIT = Hamiltonian("e/2*Z", controls="e")


def ramped(dynamics, system, first, last):
    name = system.controls[0]
    protocol = Protocol([Isothermal(duration=1.0, **{name: (first, last)})], beta=1.0)
    time_step = 0.01 if dynamics.timed else None
    return protocol.schedule(time_step, system.controls, dynamics.bath_names, 1.0)


BOTH = [
    pytest.param(MarkovJump([PHONONS]), LEVELS, id="markov"),
    pytest.param(QuantumJump([PHONONS]), QUBIT, id="quantum"),
]


@pytest.mark.parametrize(("dynamics", "system"), BOTH)
def test_they_say_what_they_are(dynamics, system):
    assert repr(dynamics) == f"{dynamics.kind}({dynamics.baths[0]!r})"
    assert dynamics.bath_names == ("phonons",)
    assert dynamics.jumps
    assert dynamics.allows_isolated
    assert list(dynamics.even(system, {})) == ["activity"]


@pytest.mark.parametrize(("dynamics", "system"), BOTH)
def test_equilibrium_stands_at_both_ends(dynamics, system):
    """Two levels a gap e apart: ``p = 1 / (1 + exp(e))`` at each end, and nothing is left out."""
    schedule = ramped(dynamics, system, 0.5, 1.5)
    ends = dynamics.border_populations(system, schedule, Equilibrium())
    for found, gap in zip(ends, (0.5, 1.5), strict=True):
        np.testing.assert_allclose(found, [1 / (1 + np.exp(-gap)), 1 / (1 + np.exp(gap))], rtol=1e-14)
    assert dynamics.irreversible_weight(system, schedule, Equilibrium()) == 0.0
    column = {"state_initial": np.array([0, 1]), "state_final": np.array([1, 1])}.__getitem__
    found = dynamics.boundary(system, schedule, Equilibrium(), column)
    expected = np.log(ends[0])[[0, 1]] - np.log(ends[1])[[1, 1]]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize(("dynamics", "system"), BOTH)
def test_a_level_left_out_has_a_weight(dynamics, system):
    """There and back by relaxation at the rate 0.5 (2 n + 1) = coth(1/2) / 2: who ends in the upper level."""
    schedule, low = ramped(dynamics, system, 1.0, 1.0), system.states[0]
    total, high = 0.5 / np.tanh(0.5), 1 / (1 + np.e)
    kept = np.exp(-total)
    last = high * (1 - kept)
    expected = high + (last - high) * kept
    weight = dynamics.irreversible_weight(system, schedule, Point(state=low))
    assert weight == pytest.approx(expected, rel=1e-9)
    assert (
        dynamics.irreversible_weight(system, schedule, Populations(**dict.fromkeys(system.states, 0.5))) == 0
    )


def test_an_end_without_probabilities_is_said_not_raised():
    """The reverse starts where there is no steady state, or none that is a mixture of energy levels."""
    driven = Hamiltonian("Z/2 + c*X/2", controls="c")
    atom = QuantumJump([LocalBath("out", on="M", rate=0.5, quantum=1.0)])
    said = atom.boundary(driven, ramped(atom, driven, 0.0, 1.0), Steady(), dict)
    assert said.startswith("needs the probabilities at both ends: the steady state is no mixture")
    closed = MarkovJump([Rates("gate", on="low -> high", forward="1 - e", backward="1 - e")])
    said = closed.boundary(LEVELS, ramped(closed, LEVELS, 0.0, 1.0), Steady(), dict)
    assert said.startswith("needs the probabilities at both ends: there is no one steady state")
