"""Curvatures as a time step feels them."""

import numpy as np
import pytest

from fluctua.stochastic.curvature import scaled_curvature
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.reservoirs import BoseBath

SYSTEM = Potential(
    "k*x**4/4 + x*y + y**2", coordinates=["x", "y"], controls="k", forces={"x": "3*y", "y": "-x"}
)


@pytest.mark.parametrize(
    ("dynamics", "resistance"),
    [
        (Overdamped(friction={"x": 4.0, "y": 9.0}), (4.0, 9.0)),
        (Underdamped(mass={"x": 4.0, "y": 9.0}, friction=1.0), (4.0, 9.0)),
    ],
)
def test_the_symmetric_part_is_scaled_with_what_resists(dynamics, resistance):
    """K = [[3 k x^2, 1 - 3], [1 + 1, 2]] of energy and forces; products of a few roundings."""
    x, k = np.array([-1.0, 0.5, 2.0]), np.array([1.0, 2.0, 3.0])
    found = scaled_curvature(dynamics, SYSTEM, np.array([x, x + 1.0]), k[None])
    mixed = np.full(3, 0.5 * ((1.0 - 3.0) + 2.0))
    expected = np.array([[3.0 * k * x**2, mixed], [mixed, np.full(3, 2.0)]])
    scale = np.sqrt(np.outer(resistance, resistance))
    np.testing.assert_allclose(
        found, (expected / scale[:, :, None]).transpose(2, 0, 1), rtol=1e-14, atol=1e-15
    )
    np.testing.assert_array_equal(found, dynamics.curvature(SYSTEM, np.array([x, x + 1.0]), k[None]))


def test_levels_have_none():
    """What has no criterion is never too stiff: 0 at each state."""
    dynamics, levels = MarkovJump([BoseBath("b", rate=1.0)]), Levels({"low": "0", "high": "1"})
    found = dynamics.curvature(levels, np.zeros((1, 5)), np.zeros((0, 5)))
    np.testing.assert_array_equal(found, np.zeros((5, 1, 1)))
    assert dynamics.criterion == ""
    assert dynamics.overshoot(1.0, 5.0) == 0.0
