"""Coarse steps that follow the Brownian path of finer ones."""

import numpy as np
import pytest

from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.initial import Point
from fluctua.stochastic.langevin import LangevinPropagator as Propagator
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.tables import weights_of

TRAP = Potential("k/2 * x**2", coordinates="x", controls="k")
FRICTION, FINE_STEP, DURATION, COUNT = 1.7, 0.01, 0.96, 150
ROUNDING = 1e-12  # 96 steps, numbers of a few units


def final(finer, k=0.0, noise_of_finer=True):
    """The last positions with steps as long as `finer` fine ones."""
    propagator = Propagator(
        TRAP,
        Overdamped(friction=FRICTION),
        Protocol([Hold(DURATION)], beta=1.0, k=k),
        time_step=FINE_STEP * finer,
        seed=3,
        initial=Point(x=0.0),
        finer=finer if noise_of_finer else 1,
    )
    return propagator.run(20, COUNT).columns["x_final"]


def velocities(finer, noise_of_finer=True):
    """Final velocities of two free coordinates in baths of their own friction: shape (2, trajectories)."""
    plane = Potential("k/2 * (x**2 + y**2)", coordinates=("x", "y"), controls="k")
    baths = [Bath("light", on="x", friction=0.5), Bath("heavy", on="y", friction=3.0)]
    propagator = Propagator(
        plane,
        Underdamped(mass={"x": 1.0, "y": 1.3}, baths=baths, scheme="OBABO"),
        Protocol([Hold(DURATION)], beta=1.0, k=0.0),
        time_step=FINE_STEP * finer,
        seed=3,
        initial=Point(x=0.0, y=0.0),
        finer=finer if noise_of_finer else 1,
    )
    columns = propagator.run(20, COUNT).columns
    return np.stack([columns["v_x_final"], columns["v_y_final"]])


@pytest.mark.parametrize("move", [final, velocities])
def test_without_a_force_the_path_is_the_same_to_rounding(move):
    """Free motion is exact at any step, so whatever differs is the noise; without sharing all differs."""
    fine = move(1)
    for finer in (2, 3, 4, 8):
        np.testing.assert_allclose(move(finer), fine, rtol=0, atol=ROUNDING)
    assert (np.abs(move(2, noise_of_finer=False) - fine).max(axis=-1) > 0.1).all()


def test_links_of_their_own_friction_have_weights_of_their_own():
    """The control of the test above: were their paths alike, one link's weights would do for both."""
    fine = velocities(1)
    assert np.abs(fine[0] - fine[1]).max() > 0.1


@pytest.mark.parametrize("finer", [2, 3])
def test_in_a_trap_paths_part_by_as_much_as_the_map_says(finer):
    """x' = a x + s z is linear, so the spread of the distance is known; |z| > 4 once in 16,000 runs."""
    k, steps = 2.0, round(DURATION / FINE_STEP)
    rate, number = k / FRICTION * FINE_STEP, np.arange(steps)
    fine_memory = (1 - rate) ** (steps - 1 - number)
    coarse_memory = (1 - finer * rate) ** (steps // finer - 1 - number // finer)
    expected = np.sqrt(2 * FINE_STEP / FRICTION * np.sum((fine_memory - coarse_memory) ** 2))
    distance = np.std(final(finer, k=k) - final(1, k=k), ddof=1)
    assert abs(distance / expected - 1) < 4 / np.sqrt(2 * COUNT)
    assert expected < 0.02


@pytest.mark.parametrize("kept", [1.0, 0.7, 1e-3, 0.0])
@pytest.mark.parametrize("finer", [1, 2, 5])
def test_weights_keep_the_variance_and_fade_into_the_past(kept, finer):
    weights = weights_of(kept, finer)
    assert np.sum(weights**2) == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(weights[:-1], kept * weights[1:], atol=1e-16)
