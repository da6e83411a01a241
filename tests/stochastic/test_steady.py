"""Steady states of linear systems against the catalogue, SciPy's Lyapunov solver, and equilibrium."""

import numpy as np
import pytest
import scipy.linalg

from fluctua.stochastic.equilibrium import equilibrium
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.linear import Gaussian
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.steady import Contact, driven_coordinates, mean_temperature, steady_state

GYRATOR = Potential("k/2*(x**2 + y**2) + u*x*y", coordinates=("x", "y"), parameters={"k": 1.0, "u": 0.5})
ROUNDING = 1e-12


def covariance(law: Gaussian) -> np.ndarray:
    return law.factor @ law.factor.T


def test_brownian_gyrator() -> None:
    """Catalogue B5: k = 1, u = 1/2, T = (2, 1) gives S = (5/2, -1, 3/2), from 2 S_xx + S_xy = 4, ..."""
    law = steady_state(GYRATOR, [], [Contact(0, 1.0, 2.0), Contact(1, 1.0, 1.0)], [])
    assert covariance(law) == pytest.approx(np.array([[2.5, -1.0], [-1.0, 1.5]]), abs=ROUNDING)
    assert law.mean == pytest.approx([0.0, 0.0], abs=ROUNDING)


def test_the_covariance_knows_which_bath_is_hot() -> None:
    """Negative control: exchanging the baths must show."""
    law = steady_state(GYRATOR, [], [Contact(0, 1.0, 1.0), Contact(1, 1.0, 2.0)], [])
    assert abs(covariance(law)[0, 0] - 2.5) > 0.5


@pytest.mark.parametrize("masses", [[], [1.0, 0.3]])
def test_one_temperature_is_equilibrium(masses: list[float]) -> None:
    law = steady_state(GYRATOR, [], [Contact(0, 0.7, 2.0), Contact(1, 2.0, 2.0)], masses)
    expected = equilibrium(GYRATOR, [], 0.5)
    assert isinstance(expected, Gaussian)
    assert covariance(law)[:2, :2] == pytest.approx(covariance(expected), abs=ROUNDING)
    assert covariance(law)[2:, 2:] == pytest.approx(np.diag([2.0 / mass for mass in masses]), abs=ROUNDING)
    assert np.abs(covariance(law)[:2, 2:]).max(initial=0.0) <= ROUNDING


def test_one_particle_between_two_baths_is_maxwellian() -> None:
    """Catalogue B6: one-time statistics are those of equilibrium at (g1 T1 + g2 T2) / (g1 + g2)."""
    contacts = [Contact(0, 1.0, 2.0), Contact(0, 3.0, 1.0)]
    assert mean_temperature(contacts) == 1.25
    trapped = steady_state(Potential("2*q**2", coordinates="q"), [], contacts, [0.5])
    assert covariance(trapped) == pytest.approx(np.diag([1.25 / 4.0, 2.5]), abs=ROUNDING)
    free = steady_state(Potential("0", coordinates="q"), [], contacts, [0.5])
    assert covariance(free) == pytest.approx(np.array([[2.5]]), abs=ROUNDING)


def test_a_constant_force_makes_a_free_particle_slide() -> None:
    """The position has no steady state and is left out; the velocity is f / gamma on the mean, T / m wide."""
    sliding = Potential("-f*q", coordinates="q", controls="f")
    assert driven_coordinates(sliding) == ()
    law = steady_state(sliding, [3.0], [Contact(0, 2.0, 1.5)], [0.5])
    assert law.mean == pytest.approx([1.5], abs=ROUNDING)
    assert covariance(law) == pytest.approx(np.array([[3.0]]), abs=ROUNDING)


SWIRL = Potential(
    "k/2*(x**2 + y**2) + z**2 + z*x - g*z",
    coordinates=("x", "y", "z"),
    controls="k",
    parameters={"a": 0.8, "g": 0.2},
    forces={"x": "a*y", "y": "-a*x + 0.1"},
)


@pytest.mark.parametrize("masses", [[], [0.5, 1.0, 2.0]])
def test_rotational_forces_and_offsets_against_scipy(masses: list[float]) -> None:
    frictions, temperatures, k = np.array([1.0, 0.5, 2.0]), np.array([1.0, 2.0, 0.5]), 2.0
    slope = np.array([[-k, 0.8, -1.0], [-0.8, -k, 0.0], [-1.0, 0.0, -2.0]])
    offset = np.array([0.0, 0.1, 0.2])
    if masses:
        inverse = 1.0 / np.array(masses)
        drift = np.block(
            [[np.zeros((3, 3)), -np.eye(3)], [-slope * inverse[:, None], np.diag(frictions * inverse)]]
        )
        diffusion = np.diag([0, 0, 0, *(2 * frictions * temperatures * inverse**2)])
        push = np.concatenate([np.zeros(3), offset * inverse])
    else:
        drift, diffusion, push = (
            -slope / frictions[:, None],
            np.diag(2 * temperatures / frictions),
            offset / frictions,
        )
    contacts = [Contact(i, f, t) for i, (f, t) in enumerate(zip(frictions, temperatures, strict=True))]
    law = steady_state(SWIRL, [k], contacts, masses)
    assert covariance(law) == pytest.approx(
        scipy.linalg.solve_continuous_lyapunov(drift, diffusion), abs=1e-11
    )
    assert law.mean == pytest.approx(np.linalg.solve(drift, push), abs=1e-11)


def test_nonlinear_forces_are_refused() -> None:
    with pytest.raises(InvalidInput, match="the force on x is not linear"):
        steady_state(Potential("x**4", coordinates="x"), [], [Contact(0, 1.0, 1.0)], [])


def test_what_nothing_confines_is_refused() -> None:
    """An inverted trap; a rotation faster than friction can hold, stable for a < gamma sqrt(k / m)."""
    with pytest.raises(InvalidInput, match="no steady state"):
        steady_state(Potential("-x**2", coordinates="x"), [], [Contact(0, 1.0, 1.0)], [])
    spun = Potential(
        "(x**2 + y**2)/2", coordinates=("x", "y"), controls="a", forces={"x": "a*y", "y": "-a*x"}
    )
    contacts = [Contact(0, 1.0, 1.0), Contact(1, 1.0, 1.0)]
    steady_state(spun, [0.9], contacts, [1.0, 1.0])
    with pytest.raises(InvalidInput, match="no steady state"):
        steady_state(spun, [1.1], contacts, [1.0, 1.0])
