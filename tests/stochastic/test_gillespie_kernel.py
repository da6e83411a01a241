"""The kernel of constant rates, the kernel of hazards and arrays of NumPy: the same jumps, to the bit."""

import numpy as np
import pytest

import bits_jumps
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.initial import Point, Steady
from fluctua.stochastic.kernels.gillespie import FIELD, B
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.engine import MarkovPropagator
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.reservoirs import Rates
from fluctua.stochastic.steps import Hold, Quench

NAMES = "abcdefgh"


def network(levels, seed):
    """Every pair of levels, each way at a rate of its own; some rates are 0, and the last level is a trap."""
    random = np.random.default_rng(seed)
    system = Levels({name: f"{k}*u" for k, name in enumerate(NAMES[:levels])}, controls="u")
    baths = []
    for i in range(levels):
        for j in range(i):
            rate = random.uniform(0.2, 2.0) if random.random() < 0.8 else 0.0
            back = 0.0 if i == levels - 1 else random.uniform(0.2, 2.0)
            where = f"{NAMES[j]} -> {NAMES[i]}"
            forward = f"{rate!r}*u" if i < levels - 1 else f"{0.05 * rate!r}*u"
            baths.append(Rates(f"{NAMES[j]}{NAMES[i]}", on=where, forward=forward, backward=f"{back!r}"))
    return system, MarkovJump(baths, thermodynamics=False)


PROTOCOL = Protocol([Hold(1.5), Quench(u=3.0), Hold(2.0), Hold(0.5)], beta=1.0, u=1.0)


@pytest.mark.parametrize("levels", [2, 3, 5, 8])
def test_lanes_jump_as_single_trajectories_do(levels):
    """Up to 56 channels, seven words of counts; lanes take one trajectory after another."""
    system, dynamics = network(levels, levels)
    propagator = MarkovPropagator(system, dynamics, PROTOCOL, seed=4, initial=Point(state="a"), strokes=True)
    assert propagator.tables.all_still
    assert all(
        table.size % 8 == 0 for kind in propagator.tables.chances for table in kind[:3]
    )  # whole vectors
    state = propagator.start.draw(30, 700)[0].astype(np.int64)
    rows, strokes, ends, status = propagator._ledger(state, 30)
    alone, each, places, failed = propagator._follow(state, 30, True)
    np.testing.assert_array_equal(rows[propagator.layout.activity], alone[propagator.layout.activity])
    np.testing.assert_array_equal(strokes[:, propagator.layout.activity], each[:, propagator.layout.activity])
    np.testing.assert_array_equal(ends, places)
    assert rows[propagator.layout.activity].max() > (4 if levels > 2 else 0)
    assert not status.any()
    assert not failed.any()


def test_lanes_jump_on_across_blocks_and_counts_that_are_put_down():
    """More trajectories than a block holds; more jumps than a count does, and none."""
    system = Levels({"a": "0", "b": "u"}, controls="u")
    dynamics = MarkovJump([Rates("r", on="a -> b", forward="u", backward=14.0)], thermodynamics=False)
    protocol = Protocol([Hold(0.01), Hold(90.0)], beta=1.0, u=12.0)
    propagator = MarkovPropagator(system, dynamics, protocol, seed=4, initial=Point(state="a"), strokes=True)
    count = B + 60
    state = propagator.start.draw(0, count)[0].astype(np.int64)
    rows, strokes, ends, status = propagator._ledger(state, 0)
    _, each, places, _ = propagator._follow(state, 0, True)
    activity = propagator.layout.activity
    np.testing.assert_array_equal(strokes[:, activity], each[:, activity])
    np.testing.assert_array_equal(ends, places)
    assert rows[activity].min() > 2 * FIELD
    assert (strokes[0, activity] == 0).any()
    assert not status.any()
    cut = propagator._ledger(state[B - 30 :], B - 30)
    np.testing.assert_array_equal(cut[0], rows[:, B - 30 :])


def test_a_trap_is_never_left():
    system, dynamics = network(3, 3)
    propagator = MarkovPropagator(system, dynamics, PROTOCOL, seed=4, initial=Point(state="c"))
    columns = propagator.run(0, 40).columns
    assert not columns["activity"].any()
    assert (columns["state_final"] == 2).all()


def both(propagator, first, count):
    """Jumps by arrays, and by the kernel of hazards."""
    state = propagator.start.draw(first, count)[0].astype(np.int64)
    activity = propagator._ledger(state, first)[0][propagator.layout.activity]
    offsets = np.concatenate([[0], np.cumsum(activity)]).astype(np.int64)
    assert propagator._hazard is None
    ours = propagator._listed(first, state, offsets)
    assert propagator._hazard is None  # no kernel was compiled for it
    propagator._compile_hazard()
    return ours, propagator._listed(first, state, offsets)


@pytest.mark.parametrize("levels", [2, 3, 8])
def test_arrays_jump_as_the_kernel_does(levels):
    system, dynamics = network(levels, levels)
    propagator = MarkovPropagator(system, dynamics, PROTOCOL, seed=4, initial=Point(state="a"))
    (times, jumped), (expected, channels) = both(propagator, 30, 300)
    np.testing.assert_array_equal(times, expected)
    np.testing.assert_array_equal(jumped, channels)
    assert len(times) > 50


def test_a_large_trajectory_number_and_baths_that_leave():
    propagator = MarkovPropagator(
        bits_jumps.LEVELS, bits_jumps.BATHS, bits_jumps.STILL, seed=2**63 + 5, initial=Steady()
    )
    (times, jumped), (expected, channels) = both(propagator, 2**32 - 70, 200)
    np.testing.assert_array_equal(times, expected)
    np.testing.assert_array_equal(jumped, channels)
