"""Stationary probabilities and relaxation at fixed rates, against linear algebra by others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm, null_space

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.exact import SteadyState
from fluctua.stochastic.markov.generator import Generator
from fluctua.stochastic.markov.stationary import closed_sets, flows, relaxed, stationary
from fluctua.stochastic.reservoirs import Rates

NAMES = "abmnu"


def network(size):
    """All pairs of levels, each way a channel whose rate is a number of the test's own."""
    edges = [f"{a} -> {b}" for k, a in enumerate(NAMES[:size]) for b in NAMES[k + 1 : size]]
    system = Levels(dict.fromkeys(NAMES[:size], "0"))
    bath = Rates("r", on=edges, forward=1, backward=1)
    return Generator(system, MarkovJump([bath], thermodynamics=False))


def transposed(table):
    """Return the matrix L of dp/dt = L p."""
    return table.T - np.diag(table.sum(axis=1))


@given(st.integers(2, 5), st.integers(0, 2**32 - 1), st.floats(0.0, 12.0))
def test_stationary_probabilities_solve_the_master_equation(size, seed, spread):
    generator = network(size)
    rates = np.exp(spread * np.random.default_rng(seed).normal(size=(3, len(generator.channels))))
    found = stationary(generator, rates)
    for p, table in zip(found, flows(generator, rates), strict=True):
        gross = table.T @ p  # what flows in, which what flows out must match to rounding
        assert table.sum(axis=1) * p == pytest.approx(gross, rel=1e-12)
        assert p.sum() == pytest.approx(1.0, rel=1e-14)


def test_stationary_probabilities_against_the_null_space():
    generator = network(5)
    rates = np.random.default_rng(11).uniform(0.5, 2.0, size=(4, 20))
    for p, table in zip(stationary(generator, rates), flows(generator, rates), strict=True):
        vector = null_space(transposed(table))[:, 0]
        assert p == pytest.approx(vector / vector.sum(), rel=1e-12)


def test_small_probabilities_keep_all_their_digits():
    """A ladder whose steps go down 1e40 times more often than up: linear solvers lose the top at 1e-16."""
    generator = network(4)
    rates = np.zeros((1, 12))
    for k, channel in enumerate(generator.channels):
        if abs(channel.source - channel.target) == 1:
            rates[0, k] = 1e-20 if channel.target > channel.source else 1e20
    p = stationary(generator, rates)[0]
    assert p == pytest.approx([1.0, 1e-40, 1e-80, 1e-120], rel=1e-14)


def test_levels_that_are_left_for_good_have_no_probability():
    generator = network(3)
    rates = np.zeros((1, 6))
    for k, channel in enumerate(generator.channels):
        rates[0, k] = {(0, 1): 1.0, (1, 2): 2.0, (2, 1): 3.0}.get((channel.source, channel.target), 0.0)
    assert stationary(generator, rates)[0] == pytest.approx([0.0, 0.6, 0.4], rel=1e-15)


def test_levels_that_fall_apart_have_no_one_stationary_state():
    generator = network(4)
    apart = np.array([float({c.source, c.target} in ({0, 1}, {2, 3})) for c in generator.channels])
    broken = np.where(np.arange(12) == 3, np.inf, 1.0)
    found = stationary(generator, np.stack([np.ones(12), apart, broken, np.ones(12)]))
    assert np.isnan(found).any(axis=1).tolist() == [False, True, True, False]
    assert found[0] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("ways", "closed"),
    [
        ([(0, 1), (1, 0), (2, 0), (3, 2)], [[0, 1]]),
        ([(0, 1), (1, 0), (2, 3), (3, 2)], [[0, 1], [2, 3]]),
        ([(0, 1), (0, 2)], [[1], [2], [3]]),
        ([(3, 2), (2, 1), (1, 0), (0, 3)], [[0, 1, 2, 3]]),
    ],
)
def test_sets_of_levels_that_are_never_left(ways, closed):
    connected = np.zeros((4, 4), dtype=bool)
    for a, b in ways:
        connected[a, b] = True
    assert closed_sets(connected) == closed


@given(st.integers(2, 5), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e4))
def test_relaxation_is_the_exponential(size, seed, duration):
    table = np.random.default_rng(seed).uniform(0.0, 3.0, size=(size, size))
    np.fill_diagonal(table, 0.0)
    start = np.full(size, 1.0 / size)
    expected = expm(transposed(table) * min(duration, 200.0)) @ start
    assert relaxed(table, start, duration) == pytest.approx(expected, rel=1e-10)


def test_nothing_moves_where_nothing_can():
    start = np.array([0.2, 0.8])
    assert relaxed(np.zeros((2, 2)), start, 5.0).tolist() == start.tolist()
    assert relaxed(np.ones((2, 2)) - np.eye(2), start, 1e-300) == pytest.approx(start, rel=1e-15)


def test_probabilities_are_the_same_bits_in_any_company():
    generator = network(4)
    rates = np.random.default_rng(3).uniform(size=(17, 12))
    together = stationary(generator, rates)
    assert np.array_equal(together, np.concatenate([stationary(generator, row[None, :]) for row in rates]))


def test_a_steady_state_prints_on_one_line():
    bath = Rates("r", on="low -> high", forward="k", backward=3)
    two = Generator(Levels({"low": "0", "high": "0"}, controls="k"), MarkovJump([bath], thermodynamics=False))
    assert repr(SteadyState.at(two, [1.0], [1.0])) == "SteadyState(k = 1, low 0.75, high 0.25)"
    assert repr(SteadyState.at(network(5), [], [1.0])) == "SteadyState(a 0.2, b 0.2, m 0.2, n 0.2, ...)"
