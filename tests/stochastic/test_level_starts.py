"""Starts of levels say the same of whatever moves them."""

import numpy as np
import pytest

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Equilibrium, Point, Populations, Samples, Steady
from fluctua.stochastic.level_starts import at_level, given, law_of, several_steady_states
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov import starts
from fluctua.stochastic.protocol import Hold, Protocol
from fluctua.stochastic.quantum import laws
from fluctua.stochastic.reservoirs import BoseBath

LEVELS = ("level_0", "level_1")
BATHS = [BoseBath("hot", rate=1.0), BoseBath("cold", rate=1.0)]
MARKOV, CLASSICAL = MarkovJump(BATHS), Levels({"level_0": "0", "level_1": "1"})
QUANTUM, QUBIT = QuantumJump(BATHS), Hamiltonian("Z/2")
TWO_TEMPERATURES = Protocol([Hold(1.0)], beta={"hot": 1.0, "cold": 2.0})


def prepared(which, initial, direction="forward"):
    dynamics, time_step = (MARKOV, None) if which == "markov" else (QUANTUM, 0.01)
    schedule = TWO_TEMPERATURES.schedule(time_step, (), dynamics.bath_names, 1.0)
    if which == "markov":
        generator = dynamics.generator(CLASSICAL)
        return starts.prepare(initial, generator, schedule, seed=1, direction=direction)
    return laws.prepare(initial, dynamics.model(QUBIT), schedule, seed=1, direction=direction)


def test_probabilities_are_put_in_order_and_add_up():
    np.testing.assert_array_equal(given(Populations(b=0.75, a=0.25), ("a", "b", "c")), [0.25, 0.75, 0.0])
    np.testing.assert_array_equal(at_level(Point(state="b"), ("a", "b", "c")), [0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("initial", "law"),
    [
        (Equilibrium(), "equilibrium"),
        (Steady(), "steady state"),
        (Point(state="a"), "point"),
        (Populations(a=1.0), "given"),
    ],
)
def test_each_start_has_its_word(initial, law):
    assert law_of(initial) == law


def test_sets_that_are_never_left_are_named():
    error = several_steady_states([[0, 2], [1], [3], [4]], "abcde")
    assert error.what.endswith("nothing leads from one to another of {a, c} and {b} and {d}")


@pytest.mark.parametrize("which", ["markov", "quantum"])
@pytest.mark.parametrize(
    ("initial", "said"),
    [
        (Equilibrium(), "equilibrium is ambiguous, hot and cold differ (initial)"),
        (Equilibrium(beta=1.0, burn_in=1.0), "levels need no burn-in (initial.burn_in): leave it out"),
        (
            Point(q=1.0),
            "'q' is not part of the state (initial.q): a Point of levels is Point(state=\"level_0\")",
        ),
        (Point(), 'no state (initial): name a level, Point(state="level_0")'),
        (Point(state="up"), "'up' is not a level (initial.state)"),
        (Populations(up=1.0), "'up' is not a level (initial)"),
    ],
)
def test_they_refuse_in_the_same_words(which, initial, said):
    with pytest.raises(InvalidInput) as caught:
        prepared(which, initial)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("which", ["markov", "quantum"])
@pytest.mark.parametrize("initial", [Point(state="level_0"), Populations(level_0=1.0)])
def test_no_reverse_of_a_start_that_fixes_one_end(which, initial):
    with pytest.raises(InvalidInput, match=f"no reverse process starts from {initial.kind}"):
        prepared(which, initial, "reverse")
    assert prepared(which, initial).facts["law"] == law_of(initial)
    assert prepared(which, Equilibrium(beta=1.0), "reverse").facts["law"] == "equilibrium"


def test_a_start_knows_whether_it_has_a_reverse():
    """`Samples` has none either; it is not made here, as that takes a file."""
    assert [kind.reversible for kind in (Equilibrium, Steady, Point, Populations, Samples)] == [1, 1, 0, 0, 0]
