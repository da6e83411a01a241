"""The facts against numbers that were published or computed independently, and against each other."""

import math

import numpy as np
import pytest
import scipy.integrate

from fluctua.stochastic import systems
from fluctua.stochastic.systems import (
    breathing_trap,
    double_well,
    gyrator,
    moving_trap,
    quartic,
    stirling_field,
    tilted_ring,
    two_bath_particle,
)
from fluctua.stochastic.systems.breathing_trap import free_energy_difference as breathing_difference
from fluctua.stochastic.systems.breathing_trap import (
    log_generating_function,
    quench_mean_work,
    stirling_efficiency,
    stirling_work,
    work_moments,
)
from fluctua.stochastic.systems.double_well import kramers_rate, landauer_bound, right_weight
from fluctua.stochastic.systems.gyrator import entropy_production as gyrator_entropy
from fluctua.stochastic.systems.gyrator import heat_current as gyrator_current
from fluctua.stochastic.systems.gyrator import stationary_covariance, torque
from fluctua.stochastic.systems.moving_trap import (
    mean_heat,
    mean_work,
    mean_work_underdamped,
    negative_work_probability,
)
from fluctua.stochastic.systems.quartic import free_energy_difference as quartic_difference
from fluctua.stochastic.systems.quartic import log_partition as quartic_log_partition
from fluctua.stochastic.systems.quartic import mean_energy, mean_square
from fluctua.stochastic.systems.stirling_field import log_partition, log_phase_integral, quasi_static_work
from fluctua.stochastic.systems.tilted_ring import diffusion, entropy_production, mean_velocity
from fluctua.stochastic.systems.two_bath_particle import (
    cumulant_rate,
    heat_current,
    kinetic_temperature,
    medium_entropy_average,
)
from fluctua.stochastic.systems.two_bath_particle import entropy_production as two_bath_entropy


@pytest.mark.parametrize("name", systems.__all__)
def test_every_system_needs_no_argument_and_is_its_table(name):
    system = getattr(systems, name)()
    assert type(system)(**system.table()) == system


def digits(value: float, quoted: str) -> None:
    """Compare with a number as it is quoted: half a unit of its last digit."""
    assert abs(value - float(quoted)) <= 0.5000001 * 10.0 ** -len(quoted.partition(".")[2])


def test_moving_trap_a1_a2():
    assert moving_trap().is_quadratic
    digits(mean_work(velocity=1, duration=2), "1.135335")
    digits(-mean_heat(velocity=1, duration=2), "0.761513")
    digits(mean_work_underdamped(velocity=1, duration=2), "1.580720")
    digits(negative_work_probability(mean_work(velocity=1, duration=2)), "0.22559")


@pytest.mark.parametrize(("friction", "mass"), [(1.0, 1.0), (2.0, 0.3), (0.2, 2.0)])
def test_moving_trap_underdamped_against_the_motion_of_the_mean(friction, mass):
    """``<W> = -k u int <y> dt`` along the mean lag ``y = x - u t``, which moves without noise."""
    u, k, duration = 0.7, 1.3, 2.5

    def rate(_t, state):
        lag, velocity, _work = state
        return [velocity - u, -(k * lag + friction * velocity) / mass, -k * u * lag]

    path = scipy.integrate.solve_ivp(
        rate, (0.0, duration), [0.0] * 3, method="DOP853", rtol=1e-10, atol=1e-12
    )
    exact = mean_work_underdamped(velocity=u, duration=duration, stiffness=k, friction=friction, mass=mass)
    assert abs(path.y[2, -1] - exact) < 1e-8


def test_moving_trap_underdamped_is_smooth_at_critical_damping_and_overdamped_without_mass():
    critical = [mean_work_underdamped(velocity=1, duration=2, friction=f) for f in (1.999999, 2.0, 2.000001)]
    assert critical[0] < critical[1] < critical[2]
    assert critical[2] - critical[0] < 1e-6
    light = mean_work_underdamped(velocity=1, duration=2, mass=1e-6)
    # The work to accelerate the particle is left: mass * velocity^2 to first order.
    assert abs(light - mean_work(velocity=1, duration=2)) < 2e-6


def test_breathing_trap_a4():
    assert breathing_trap().controls_affine
    mean, variance = work_moments(1, 4, duration=1)
    digits(mean, "0.936042")
    digits(variance, "0.842237")
    mean, variance = work_moments(4, 1, duration=1)
    digits(mean, "-0.546481")
    digits(variance, "0.186327")
    digits(log_generating_function(0.5, 1, 4, duration=1), "-0.391773")
    digits(breathing_difference(1, 4), "0.693147")
    assert quench_mean_work(1, 4) == 1.5


def test_breathing_trap_obeys_jarzynski_and_crooks():
    there = {"duration": 0.7, "friction": 2.0, "beta": 1.5}
    difference = breathing_trap().free_energy(1.5, k=3.0) - breathing_trap().free_energy(1.5, k=1.0)
    assert abs(log_generating_function(1.5, 1, 3, **there) + 1.5 * difference) < 1e-9
    for s in (0.2, 0.9):
        back = log_generating_function(1.5 - s, 3, 1, **there) - 1.5 * difference
        assert abs(log_generating_function(s, 1, 3, **there) - back) < 1e-9


def test_breathing_trap_moments_are_derivatives_of_the_generating_function():
    h = 1e-3
    up, down = (log_generating_function(sign * h, 1, 4, duration=1) for sign in (1, -1))
    mean, variance = work_moments(1, 4, duration=1)
    # Third and fourth cumulants are below 10: h^2 * 10.
    assert abs((down - up) / (2 * h) - mean) < 1e-5
    assert abs((up + down) / h**2 - variance) < 1e-5


def test_breathing_trap_engine_d4():
    digits(-stirling_work(4, 1, hot=1, cold=0.5), "0.346574")
    digits(stirling_efficiency(4, 1, hot=1, cold=0.5, inertia=False), "0.367465")
    digits(stirling_efficiency(4, 1, hot=1, cold=0.5, inertia=True), "0.290470")


def test_quartic_against_its_own_quadrature():
    well, beta, strength = quartic(), 1.7, 0.6
    assert abs(-beta * well.free_energy(beta, g=strength) - quartic_log_partition(strength, beta=beta)) < 1e-9
    assert (
        abs(
            well.free_energy(beta, g=2.0)
            - well.free_energy(beta, g=1.0)
            - quartic_difference(1, 2, beta=beta)
        )
        < 1e-9
    )
    q = np.linspace(-8, 8, 4001)
    weight = np.exp(-beta * well.evaluate_energy(q, {"g": strength}))
    assert abs((q**2 * weight).sum() / weight.sum() - mean_square(strength, beta=beta)) < 1e-12
    energy = (well.evaluate_energy(q, {"g": strength}) * weight).sum() / weight.sum()
    assert abs(energy - mean_energy(beta=beta)) < 1e-12


def test_double_well_a10_a13():
    well = double_well(barrier=4.0)
    top, bottom = well.evaluate_energy([0.0, 1.0], {"b": 1.0, "F": 0.0})
    assert top - bottom == 4.0
    assert np.abs(well.force([-1.0, 0.0, 1.0], {"b": 1.0, "F": 0.0})).max() == 0.0
    digits(landauer_bound(0.95073), "0.4968")
    digits(landauer_bound(0.98343), "0.6088")
    assert (landauer_bound(1.0), landauer_bound(0.5)) == (math.log(2.0), 0.0)
    for friction, quoted in ((0.2, "6.632"), (1, "6.066"), (5, "3.979"), (20, "1.447")):
        digits(1e3 * kramers_rate(barrier=5, friction=friction, mass=1), quoted)
    digits(kramers_rate(barrier=5), "0.03033")


def test_double_well_weights_against_a_plain_sum():
    x = np.linspace(-4, 4, 80_001)
    for tilt, b in ((0.0, 1.0), (0.5, 1.0), (-4.0, 0.0)):
        weight = np.exp(-double_well().evaluate_energy(x, {"b": b, "F": tilt}))
        right = weight[x > 0].sum() + 0.5 * weight[x == 0].sum()
        # Trapezoid rule on half a line: h^2/12 of the slope at 0, below 1e-8.
        assert abs(right / weight.sum() - right_weight(b=b, tilt=tilt)) < 1e-7


def test_tilted_ring_b1():
    ring = tilted_ring()
    assert ring.forces == {"q": "f"}
    digits(mean_velocity(force=1, temperature=0.5), "0.626523")
    digits(diffusion(force=1, temperature=0.5), "0.79524")
    digits(entropy_production(force=1, temperature=0.5), "1.253046")


def test_tilted_ring_against_the_tilted_generator():
    """Mean and half variance of the displacement per time: derivatives of its largest eigenvalue at 0."""
    modes = np.arange(-30, 31)
    shift = np.eye(len(modes), k=-1)
    sine = (shift - shift.T) / 2j

    def rate(s: float) -> float:
        slope = np.diag(1j * modes + s)
        return float(np.linalg.eigvals((np.eye(len(modes)) + sine) @ slope + 0.5 * slope @ slope).real.max())

    h = 1e-3
    digits(rate(0.4), "0.3730546")
    # Third and fourth derivatives are below 10: h^2 * 10; rounding is 1e-15 / h^2.
    assert abs((rate(h) - rate(-h)) / (2 * h) - mean_velocity(force=1, temperature=0.5)) < 1e-5
    assert abs((rate(h) + rate(-h)) / (2 * h**2) - diffusion(force=1, temperature=0.5)) < 1e-5


def test_tilted_ring_limits():
    flat = {"temperature": 0.5, "amplitude": 0.0, "friction": 2.0}
    assert abs(mean_velocity(force=3.0, **flat) - 1.5) < 1e-12
    assert abs(diffusion(force=3.0, **flat) - 0.25) < 1e-12
    assert mean_velocity(force=0.0, temperature=0.5) == 0.0
    # Einstein: the response at zero force is the diffusion over the temperature.
    slope = mean_velocity(force=1e-6, temperature=0.5) / 1e-6
    assert abs(slope - diffusion(force=0.0, temperature=0.5) / 0.5) < 1e-9


def test_gyrator_b5():
    well, baths = gyrator(), {"hot": 2.0, "cold": 1.0}
    covariance = stationary_covariance(**baths)
    assert np.allclose(covariance, [[2.5, -1.0], [-1.0, 1.5]], rtol=0, atol=1e-15)
    stiffness = -well.force(np.eye(2))
    assert np.allclose(
        stiffness @ covariance + covariance @ stiffness, np.diag([4.0, 2.0]), rtol=0, atol=1e-14
    )
    assert (gyrator_current(**baths), torque(**baths), gyrator_entropy(**baths)) == (0.125, -0.5, 0.0625)
    # <x F_y - y F_x> of the covariance itself.
    force_moments = -stiffness @ covariance
    assert abs(force_moments[1, 0] - force_moments[0, 1] - torque(**baths)) < 1e-15


def test_two_bath_particle_b6():
    baths = {"first": 2.0, "second": 1.0}
    assert np.all(two_bath_particle().force([0.0, 5.0]) == 0.0)
    assert (heat_current(**baths), two_bath_entropy(**baths), kinetic_temperature(**baths)) == (
        0.5,
        0.25,
        1.5,
    )
    digits(cumulant_rate(-0.25, **baths), "-0.0606602")
    digits(cumulant_rate(0.2, **baths), "0.1514719")
    digits(cumulant_rate(-0.7, **baths), "0.1514719")
    digits(medium_entropy_average(duration=0.05), "1.105171")


def test_two_bath_cumulants():
    baths, h = {"first": 2.0, "second": 1.0}, 1e-4
    up, down = cumulant_rate(h, **baths), cumulant_rate(-h, **baths)
    # Third and fourth cumulants are below 100: h^2 * 100.
    assert abs((up - down) / (2 * h) - heat_current(**baths)) < 1e-6
    assert abs((up + down) / h**2 - 2.25) < 1e-6


def test_stirling_field_se1_d5():
    digits(quasi_static_work(hot=1, cold=3, field=(1, 0)), "-0.21242")
    digits(quasi_static_work(hot=1, cold=2, field=(1, 0.2)), "-0.131305")
    for beta, field, quoted in (
        (1, 0.2, "0.299760"),
        (1, 1, "0.809779"),
        (2, 1, "1.042067"),
        (2, 0.2, "-0.240579"),
    ):
        digits(log_phase_integral(field, beta=beta), quoted)
    assert abs(stirling_field().free_energy(3.0, E=0.5) + log_partition(0.5, beta=3.0) / 3.0) < 1e-9


@pytest.mark.parametrize(("beta", "field"), [(1.0, 0.0), (1.0, 1.0), (3.0, 0.2), (2.0, -4.0)])
def test_stirling_field_against_adaptive_quadrature(beta, field):
    """Both integrals of the Gibbs weight, written out, by Gauss and Kronrod's rule."""

    def position(q):
        return math.exp(-beta * (0.1 * q**2 + 0.02 * q**3 + 0.05 * q**4 - field * q))

    def momentum(p):
        return math.exp(-beta * p**2 / 2) / (2 * math.pi)

    space, speed = (
        scipy.integrate.quad(w, -np.inf, np.inf, epsabs=0, epsrel=1e-12)[0] for w in (position, momentum)
    )
    assert abs(log_partition(field, beta=beta) - math.log(space)) < 1e-10
    assert abs(log_phase_integral(field, beta=beta) - math.log(space * speed)) < 1e-10
