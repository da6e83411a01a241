"""The exact functions that the cases define, against printed numbers, against each other, and limits.

Facts about a system are in ``fluctua.stochastic.systems``; ``tests/stochastic/test_systems.py`` tests them.
Printed numbers are right to their last digit; the tolerance is half a unit of it.
"""

from math import exp, log

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from fluctua.stochastic.systems.breathing_trap import stirling_efficiency, stirling_work
from fluctua.stochastic.systems.gyrator import stationary_covariance
from fluctua.stochastic.systems.two_bath_particle import cumulant_rate, heat_current
from fluctua.validation import a3_static_well_heat as a3
from fluctua.validation import a4_breathing_trap as a4
from fluctua.validation import a5_thermostatic_jarzynski as a5
from fluctua.validation import a8_integrator_error as a8
from fluctua.validation import b5_gyrator as b5
from fluctua.validation import b6_two_baths as b6
from fluctua.validation import d4_harmonic_stirling as d4
from fluctua.validation import se1_stirling as se1
from fluctua.validation.ode import integrate


def printed(text):
    """A number as printed, and half a unit of its last digit."""
    return pytest.approx(float(text), abs=0.51 * 10.0 ** -len(text.partition(".")[2]))


def test_runge_kutta_is_of_fourth_order():
    errors = [
        abs(integrate(lambda t, y: y * np.cos(t), [1.0], 2.0, steps=n)[0] - exp(np.sin(2.0)))
        for n in (20, 40, 80)
    ]
    assert np.all(np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx(4.0, abs=0.3))


def test_heat_of_a_static_well():
    assert a3.generating_function(1.0, 0.1) == printed("1.105171")
    assert a3.generating_function(0.5, 1.0) == printed("1.129505")
    assert a3.generating_function(1.0, 1.0) == pytest.approx(exp(1.0))
    assert a3.generating_function(2.0, 1.0) == float("inf")


def test_discrete_breathing_trap_converges_linearly_to_jarzynski():
    exact = exp(-a4.DELTA_F)
    errors = [a4.discrete_average(n) - exact for n in (200, 400, 800)]
    assert np.divide(errors[:-1], errors[1:]) == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize("order", ["new", "old"])
def test_the_recursion_reproduces_the_printed_values_of_other_update_orders(order):
    """The same Gaussian steps with the control changed wholly before, or wholly after, each move."""
    values = {
        "new": ("0.451771", "0.477982", "0.489598", "0.495986"),
        "old": ("0.421487", "0.457079", "0.477889", "0.491030"),
    }
    for steps, value in zip((5, 10, 20, 50), values[order], strict=True):
        c, mass, rise, h = 1.0, 1.0, 3.0 / steps, 1.0 / steps
        for j in range(steps):
            c, mass = a4._changed(c, mass, rise)
            k = 1.0 + rise * (j + (order == "new"))
            c = (1 - k * h) ** 2 * c + 2 * h
        assert mass == printed(value)


def test_discrete_breathing_trap_against_its_own_trajectories():
    """A plain loop of the map, 4 standard errors: false alarm 6e-5."""
    random, steps, count = np.random.default_rng(4), 5, 400_000
    x, work, k, h = random.standard_normal(count), np.zeros(count), 1.0, 1.0 / steps
    for k_next in [*(1.0 + 3.0 * (np.arange(steps) + 0.5) / steps), 4.0]:
        work += (k_next - k) * x**2 / 2
        k = k_next
        x += -k * h * x + np.sqrt(2 * h) * random.standard_normal(count)
    y = np.exp(-work)
    assert abs(y.mean() - a4.discrete_average(steps)) < 4 * y.std() / np.sqrt(count)


def test_thermostatic_work():
    assert exp(a5.log_partition_change()) == printed("0.791158")
    assert -a5.log_partition_change() == printed("0.234258")


def test_integrator_variances():
    assert [a8.euler_position(h) for h in (0.1, 0.5)] == [printed("1.05263"), printed("1.33333")]
    assert [a8.splitting_velocity(h) for h in (0.25, 0.5, 1.0)] == [0.984375, 0.9375, 0.75]


@pytest.mark.parametrize("h", [0.1, 0.5, 1.0])
def test_integrator_variances_from_the_maps_themselves(h):
    """Stationary covariance of the linear maps, written out from their sub-steps."""
    keep = 1 - a8.K * h / a8.FRICTION
    assert a8.euler_position(h) == pytest.approx(2 * a8.TEMPERATURE * h / a8.FRICTION / (1 - keep**2))
    kick, drift = np.array([[1, 0], [-a8.K * h / 2 / a8.MASS, 1]]), np.array([[1, h / 2], [0, 1]])
    c = exp(-a8.FRICTION * h / a8.MASS)
    after, noise = kick @ drift, np.array([0, np.sqrt((1 - c**2) * a8.TEMPERATURE / a8.MASS)])
    step = after @ np.diag([1, c]) @ drift @ kick
    covariance = solve_discrete_lyapunov(step, np.outer(after @ noise, after @ noise))
    assert covariance[0, 0] == pytest.approx(a8.TEMPERATURE / a8.K)
    assert covariance[1, 1] == pytest.approx(a8.splitting_velocity(h))


def test_ito_sum_of_the_gyrator_follows_from_its_covariance():
    """Each step adds ``-F_x dx``, on average ``-<F_x^2>/gamma`` per time."""
    (x2, xy), (_, y2) = stationary_covariance(**b5.WELL)
    squared_force = b5.K**2 * x2 + 2 * b5.K * b5.U * xy + b5.U**2 * y2
    assert b5.ito_current() == -1.875
    assert b5.ito_current() == pytest.approx(-squared_force / b5.FRICTION)


BATHS = {"first": b6.T1, "second": b6.T2, "frictions": (b6.G1, b6.G2)}


def test_variance_of_the_heat_grows_at_the_printed_rate():
    assert b6.heat_variance(201.0) - b6.heat_variance(200.0) == pytest.approx(2.25, abs=1e-9)


@pytest.mark.parametrize("duration", [1.0, 5.0])
def test_generating_function_of_the_heat_has_these_moments(duration):
    """Central differences of ``ln <exp(c Q)>``; step 1e-3, error of order 1e-6 times the fourth cumulant."""
    step = 1e-3
    up, down = (log(b6.generating_function(c, duration)) for c in (step, -step))
    assert (up - down) / (2 * step) == pytest.approx(heat_current(**BATHS) * duration, abs=1e-4)
    assert (up + down) / step**2 == pytest.approx(b6.heat_variance(duration), rel=1e-4)


def test_generating_function_of_the_heat_grows_at_the_scaled_cumulant():
    growth = log(b6.generating_function(-0.25, 40.0) / b6.generating_function(-0.25, 39.0))
    assert growth == pytest.approx(cumulant_rate(-0.25, **BATHS), abs=1e-8)  # Runge-Kutta at steps of 0.02


@pytest.mark.parametrize(
    ("leg", "work", "efficiency"),
    [
        (2, "0.114621", "0.171306"),
        (5, "0.219534", "0.276703"),
        (20, "0.305686", "0.342034"),
        (100, "0.337570", "0.362178"),
    ],
)
def test_overdamped_stirling_engine(leg, work, efficiency):
    out, taken = d4.limit_cycle(d4.overdamped_rate, leg)
    assert out == printed(work)
    assert out / taken == printed(efficiency)


@pytest.mark.parametrize(("rate", "inertia"), [(d4.overdamped_rate, False), (d4.underdamped_rate, True)])
def test_harmonic_stirling_engine_becomes_the_slow_one(rate, inertia):
    """The deficit is a series in one over the duration: three durations remove its first two terms."""
    cycles = np.array([d4.limit_cycle(rate, leg) for leg in (50, 100, 200)])
    out, taken = np.array([1, -6, 8]) @ cycles / 3
    ends = {"stiff": d4.STIFF, "soft": d4.SOFT, "hot": d4.HOT, "cold": d4.COLD}
    assert out == pytest.approx(-stirling_work(**ends), abs=1e-4)
    assert out / taken == pytest.approx(stirling_efficiency(**ends, inertia=inertia), abs=1e-4)


def test_planck_potential_along_the_benchmark_cycle():
    planck = np.diff([0.0, *np.log(se1.prefix_averages())])
    assert list(planck) == [printed("-0.52048"), printed("-0.91072"), printed("2.19870"), printed("-0.76750")]
