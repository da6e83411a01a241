"""The exact functions of the cases against printed numbers, against each other, and against limits.

Printed numbers are right to their last digit; the tolerance is half a unit of it.
"""

from math import exp, log

import numpy as np
import pytest
from numpy.polynomial import Polynomial
from scipy.linalg import solve_discrete_lyapunov

from fluctua.validation import a1_dragged_trap as a1
from fluctua.validation import a2_dragged_trap_underdamped as a2
from fluctua.validation import a3_static_well_heat as a3
from fluctua.validation import a4_breathing_trap as a4
from fluctua.validation import a5_thermostatic_jarzynski as a5
from fluctua.validation import a8_integrator_error as a8
from fluctua.validation import b5_gyrator as b5
from fluctua.validation import b6_two_baths as b6
from fluctua.validation import d4_harmonic_stirling as d4
from fluctua.validation import d5_anharmonic_stirling as d5
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


def test_dragged_trap():
    assert a1.mean_work() == printed("1.135335")
    assert a1.work_below_zero() == printed("0.22559")
    assert a1.mean_dissipated_heat() == printed("0.761513")
    assert a2.mean_work() == printed("1.580720")


def test_heat_of_a_static_well():
    assert a3.generating_function(1.0, 0.1) == printed("1.105171")
    assert a3.generating_function(0.5, 1.0) == printed("1.129505")
    assert a3.generating_function(1.0, 1.0) == pytest.approx(exp(1.0))
    assert a3.generating_function(2.0, 1.0) == float("inf")


def test_breathing_trap():
    forward, reverse = a4.work_moments(), a4.work_moments(a4.STIFF, a4.SOFT)
    assert forward == (printed("0.936042"), printed("0.842237"))
    assert reverse == (printed("-0.546481"), printed("0.186327"))
    assert a4.log_generating_function(0.5) == printed("-0.391773")


@pytest.mark.parametrize("s", [-0.2, 0.0, 0.3, 0.5, 1.0])
def test_breathing_trap_obeys_crooks(s):
    back = a4.log_generating_function(1 - s, a4.STIFF, a4.SOFT)
    assert a4.log_generating_function(s) == pytest.approx(back - a4.free_energy_change(), abs=1e-10)


def test_discrete_breathing_trap_converges_linearly_to_jarzynski():
    exact = exp(-a4.free_energy_change())
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
    assert a5.potential(1.3) == pytest.approx(Polynomial(se1.POTENTIAL)(1.3))


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


def test_gyrator():
    assert (b5.heat_current(), b5.torque(), b5.ito_current()) == (0.125, -0.5, -1.875)
    assert b5.covariance() == pytest.approx(np.array([[2.5, -1.0], [-1.0, 1.5]]))


def test_gyrator_rates_follow_from_its_covariance():
    x2, xy, y2 = b5.covariance()[0, 0], b5.covariance()[0, 1], b5.covariance()[1, 1]
    squared_force = b5.K**2 * x2 + 2 * b5.K * b5.U * xy + b5.U**2 * y2
    assert b5.ito_current() == pytest.approx(-squared_force / b5.FRICTION)
    assert b5.torque() == pytest.approx(-b5.U * (x2 - y2))


def test_two_baths():
    assert b6.current() == 0.5
    assert b6.scaled_cumulant(-0.25) == printed("-0.0606602")
    assert b6.scaled_cumulant(0.2) == printed("0.1514719")
    assert b6.scaled_cumulant(-0.7) == pytest.approx(b6.scaled_cumulant(0.2))
    assert b6.medium_average(0.05) == printed("1.105171")


def test_variance_of_the_heat_grows_at_the_printed_rate():
    assert b6.heat_variance(201.0) - b6.heat_variance(200.0) == pytest.approx(2.25, abs=1e-9)


@pytest.mark.parametrize("duration", [1.0, 5.0])
def test_generating_function_of_the_heat_has_these_moments(duration):
    """Central differences of ``ln <exp(c Q)>``; step 1e-3, error of order 1e-6 times the fourth cumulant."""
    step = 1e-3
    up, down = (log(b6.generating_function(c, duration)) for c in (step, -step))
    assert (up - down) / (2 * step) == pytest.approx(b6.current() * duration, abs=1e-4)
    assert (up + down) / step**2 == pytest.approx(b6.heat_variance(duration), rel=1e-4)


def test_generating_function_of_the_heat_grows_at_the_scaled_cumulant():
    growth = log(b6.generating_function(-0.25, 40.0) / b6.generating_function(-0.25, 39.0))
    assert growth == pytest.approx(b6.scaled_cumulant(-0.25), abs=1e-8)  # Runge-Kutta at steps of 0.02


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


def test_slow_harmonic_stirling_engine():
    assert d4.slow_efficiency(1) == printed("0.367465")
    assert d4.slow_efficiency(2) == printed("0.290470")


@pytest.mark.parametrize(("rate", "degrees"), [(d4.overdamped_rate, 1), (d4.underdamped_rate, 2)])
def test_harmonic_stirling_engine_becomes_the_slow_one(rate, degrees):
    """The deficit is a series in one over the duration: three durations remove its first two terms."""
    cycles = np.array([d4.limit_cycle(rate, leg) for leg in (50, 100, 200)])
    out, taken = np.array([1, -6, 8]) @ cycles / 3
    assert out == pytest.approx(log(4) / 4, abs=1e-4)
    assert out / taken == pytest.approx(d4.slow_efficiency(degrees), abs=1e-4)


def test_slow_anharmonic_stirling_engine():
    corners = [(1.0, 0.2), (1.0, 1.0), (0.5, 1.0), (0.5, 0.2)]
    values = [d5.log_partition(temperature, field) for temperature, field in corners]
    assert values == [printed("0.299760"), printed("0.809779"), printed("1.042067"), printed("-0.240579")]
    assert d5.slow_work() == printed("-0.131305")


def test_slow_benchmark_cycle():
    assert se1.slow_work() == printed("-0.21242")
    planck = np.diff([0.0, *np.log(se1.prefix_averages())])
    assert list(planck) == [printed("-0.52048"), printed("-0.91072"), printed("2.19870"), printed("-0.76750")]
