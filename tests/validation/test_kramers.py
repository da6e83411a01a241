"""The Kramers solver against exact answers, and the literals that the cases quote from it."""

from math import exp

import numpy as np
import pytest

from fluctua.validation import a5_thermostatic_jarzynski as a5
from fluctua.validation import d4_harmonic_stirling as d4
from fluctua.validation import d5_anharmonic_stirling as d5
from fluctua.validation import se1_stirling as se1
from fluctua.validation.kramers import Kramers, Stroke, ramp
from fluctua.validation.ode import integrate

QUARTIC = se1.POTENTIAL


def moments(solver, density):
    """``<q^2>`` and ``<p^2>``, the latter from the energy of a solver without potential."""
    whole, square = solver._moments
    step = solver.grid[1] - solver.grid[0]
    return float((solver.grid**2 * (whole @ density)).sum() * step), float((square @ density).sum() * step)


def test_equilibrium_is_normalised_and_stays():
    solver = Kramers(QUARTIC, friction=1.0)
    density = solver.equilibrium(2.0, 0.5)
    after, ledger = solver.stroke(density, Stroke(2.0, ramp(2.0, 2.0), ramp(0.5, 0.5)), 0.02)
    assert solver.averages(density)[0] == pytest.approx(1.0, abs=1e-8)
    assert solver.averages(after) == pytest.approx(
        solver.averages(density), abs=1e-4
    )  # splitting error of order h^2
    assert ledger.work == 0.0


def test_harmonic_moments_follow_their_own_equations():
    """Cooling in a static harmonic well against the moment equations of D4; the splitting is second order."""
    solver = Kramers((0.0, 0.0, 0.5), friction=d4.FRICTION, points=96, reach=7.5)

    def rate(_t, state):
        return d4.underdamped_rate(1.0, 0.5, state)

    exact = integrate(rate, [1.0, 0.0, 1.0], 3.0)
    errors = []
    for step in (0.06, 0.03):
        density, _ = solver.stroke(
            solver.equilibrium(1.0, 0.0), Stroke(3.0, ramp(2.0, 2.0), ramp(0.0, 0.0)), step
        )
        errors.append(np.abs(np.subtract(moments(solver, density), exact[[0, 2]])))
    assert np.max(errors[1]) < 4e-4
    assert np.max(errors[0] / errors[1]) == pytest.approx(4.0, abs=0.5)


def extrapolated(run, steps):
    """Remove the error of second order from two step sizes, one twice the other."""
    coarse, fine = (np.array(run(step)) for step in steps)
    return (4 * fine - coarse) / 3


def test_thermostatic_work_without_and_with_kinetic_energy():
    solver = Kramers(QUARTIC, friction=1.0, modes=32, points=96, reach=5.6)
    stroke = Stroke(a5.DURATION, ramp(*a5.BETA), ramp(*a5.FIELD))
    start = solver.equilibrium(a5.BETA[0], a5.FIELD[0])
    (b0, b1), (e0, e1) = a5.BETA, a5.FIELD

    def weight(s, q):
        """``d(beta U)/dt - d(beta E)/dt q``."""
        field_rate = (b1 - b0) * (e0 + (e1 - e0) * s) + (b0 + (b1 - b0) * s) * (e1 - e0)
        return ((b1 - b0) * a5.potential(q) - field_rate * q) / a5.DURATION

    def run(step):
        return solver.stroke(start, stroke, step)[1].dimensionless_work, solver.tilted(
            start, stroke, step, weight
        )

    work, without = extrapolated(run, (0.05, 0.025))
    assert work == pytest.approx(a5.MEAN_DIMENSIONLESS_WORK, abs=1e-5)
    assert without == pytest.approx(a5.WITHOUT_KINETIC_ENERGY, abs=1e-5)


def test_tilted_equation_knows_jarzynski():
    """At constant temperature the work depends on position only: ``<exp(-W)>`` is exact."""
    solver = Kramers(QUARTIC, friction=1.0, points=128, reach=5.8)
    stroke = Stroke(1.0, ramp(1.0, 1.0), ramp(1.0, 0.0))
    average = solver.tilted(solver.equilibrium(1.0, 1.0), stroke, 0.01, lambda _s, q: q)
    assert average == pytest.approx(se1.prefix_averages()[0], abs=2e-5)


def limit_cycle(strokes):
    """Work, dimensionless work and heats of the cycle at friction 1, as a function of the step.

    The last stroke, run once from equilibrium at its start, leads into the limit cycle: memory fades in a
    few time units.
    """
    solver = Kramers(QUARTIC, friction=1.0, modes=28, points=72, reach=4.8)

    def run(step):
        start = solver.equilibrium(strokes[3].beta(0.0), strokes[3].field(0.0))
        density, _ = solver.stroke(start, strokes[3], step)
        _, ledgers = solver.cycle(density, strokes, step)
        work, dimensionless = sum(x.work for x in ledgers), sum(x.dimensionless_work for x in ledgers)
        return [work, dimensionless, *(x.heat for x in ledgers)]

    return run


def test_short_legs_of_the_anharmonic_engine():

    def cooling(start, end):
        return lambda s: 1 / (start + (end - start) * s)

    hot, cold, (high, low) = d5.HOT, d5.COLD, d5.FIELD
    strokes = [
        Stroke(10.0, ramp(1 / hot, 1 / hot), ramp(high, low)),
        Stroke(10.0, cooling(hot, cold), ramp(low, low)),
        Stroke(10.0, ramp(1 / cold, 1 / cold), ramp(low, high)),
        Stroke(10.0, cooling(cold, hot), ramp(high, high)),
    ]

    exact = [d5.SHORT_WORK, d5.SHORT_DIMENSIONLESS_WORK, *d5.SHORT_HEAT]
    assert extrapolated(limit_cycle(strokes), (0.1, 0.05)) == pytest.approx(np.array(exact), abs=2e-4)


def test_benchmark_cycle_at_friction_one():
    (hot, cold), (high, low) = se1.BETA, se1.FIELD
    strokes = [
        Stroke(se1.LEG, ramp(hot, hot), ramp(high, low)),
        Stroke(se1.LEG, ramp(hot, cold), ramp(low, low)),
        Stroke(se1.LEG, ramp(cold, cold), ramp(low, high)),
        Stroke(se1.LEG, ramp(cold, hot), ramp(high, high)),
    ]

    work, dimensionless, heat = se1.LIMIT_CYCLE[1.0]
    exact = [work, dimensionless, *heat]
    assert extrapolated(limit_cycle(strokes), (0.1, 0.05)) == pytest.approx(np.array(exact), abs=2e-4)


@pytest.mark.parametrize("friction", [0.1, 1.0, 3.0])
def test_quoted_work_and_heat_close_the_cycle(friction):
    """In the limit cycle the energy returns: work and the four heats add up to zero, to the digits quoted."""
    work, dimensionless, heat = se1.LIMIT_CYCLE[friction]
    assert work + sum(heat) == pytest.approx(0.0, abs=5e-6)
    assert dimensionless > 0.0
    assert exp(-dimensionless) < 1.0
