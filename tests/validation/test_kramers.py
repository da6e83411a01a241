"""The Kramers solver against exact answers, and every number that the cases quote from it computed again."""

import numpy as np
import pytest
from numpy.polynomial import Polynomial

from fluctua.stochastic.systems.stirling_field import COEFFICIENTS
from fluctua.validation import a5_thermostatic_jarzynski as a5
from fluctua.validation import d4_harmonic_stirling as d4
from fluctua.validation import d5_anharmonic_stirling as d5
from fluctua.validation import se1_stirling as se1
from fluctua.validation.kramers import Kramers, Stroke, ramp
from fluctua.validation.ode import integrate


def moments(solver, density):
    """``<q^2>`` and ``<p^2>``, the latter from the energy of a solver without potential."""
    whole, square = solver._moments
    step = solver.grid[1] - solver.grid[0]
    return float((solver.grid**2 * (whole @ density)).sum() * step), float((square @ density).sum() * step)


def test_equilibrium_is_normalised_and_stays():
    solver = Kramers(COEFFICIENTS, friction=1.0)
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


def test_tilted_equation_knows_jarzynski():
    """At constant temperature the work depends on position only: ``<exp(-W)>`` is exact."""
    solver = Kramers(COEFFICIENTS, friction=1.0, points=128, reach=5.8)
    stroke = Stroke(1.0, ramp(1.0, 1.0), ramp(1.0, 0.0))
    average = solver.tilted(solver.equilibrium(1.0, 1.0), stroke, 0.01, lambda _s, q: q)
    assert average == pytest.approx(se1.prefix_averages()[0], abs=2e-5)


# --- the numbers that the cases quote -------------------------------------------------------------

HALF_A_DIGIT = 5e-7
LARGEST_ERROR = 5e-5  # a tenth of the smallest standard error that a case has for one of these numbers

# Hermite functions, points and reach: a grid, and a larger one that tells its error.
GRIDS = ((28, 72, 4.8), (40, 112, 5.4))
GRIDS_FOR_WEAK_FRICTION = ((48, 96, 5.2), (64, 120, 5.6))


def computed(run, friction, grids, step):
    """Give what ``run(solver, step)`` tends to for short steps, and a bound of its error.

    Two steps remove the error of second order. What is left falls sixteenfold when both are halved, so that
    the change is fifteen times the error of the finer result. The error of the grid is the change on a
    larger one.
    """
    small, large = grids
    coarse, middle, fine, other_coarse, other_middle = (
        np.array(run(Kramers(COEFFICIENTS, friction, *grid), length))
        for grid, length in [
            (small, step),
            (small, step / 2),
            (small, step / 4),
            (large, step),
            (large, step / 2),
        ]
    )
    early, late, other = (
        (4 * short - long) / 3
        for long, short in ((coarse, middle), (middle, fine), (other_coarse, other_middle))
    )
    return late, np.abs(late - early) + np.abs(other - early)


def agrees(result, quoted):
    """Say whether numbers quoted to six decimals are the computed ones, within the error of these."""
    value, error = result
    assert np.max(error) < LARGEST_ERROR
    return bool(np.all(np.abs(value - quoted) <= error + HALF_A_DIGIT))


def totals(ledgers):
    """Work, dimensionless work and the heat of each stroke."""
    work, dimensionless = sum(x.work for x in ledgers), sum(x.dimensionless_work for x in ledgers)
    return [work, dimensionless, *(x.heat for x in ledgers)]


def cycle(strokes, *, lead):
    """Give the run of one cycle, the ``lead`` strokes before it starting from their own equilibrium.

    Four or eight make it the second or third cycle, as it is simulated. One is enough where memory of
    the start is gone at its end: it fades at the rate friction/2 when weak, stiffness/friction when strong.
    """
    before = (2 * strokes)[-lead:]
    first = before[0]

    def run(solver, step):
        density = solver.equilibrium(first.beta(0.0), first.field(0.0))
        density, _ = solver.cycle(density, before, step)
        return totals(solver.cycle(density, strokes, step)[1])

    return run


def benchmark_strokes():
    (hot, cold), (high, low) = se1.BETA, se1.FIELD
    return [
        Stroke(se1.LEG, ramp(hot, hot), ramp(high, low)),
        Stroke(se1.LEG, ramp(hot, cold), ramp(low, low)),
        Stroke(se1.LEG, ramp(cold, cold), ramp(low, high)),
        Stroke(se1.LEG, ramp(cold, hot), ramp(high, high)),
    ]


def engine_strokes(leg):
    hot, cold, (high, low) = d5.HOT, d5.COLD, d5.FIELD

    def temperature(start, end):
        return lambda s: 1 / (start + (end - start) * s)

    return [
        Stroke(leg, ramp(1 / hot, 1 / hot), ramp(high, low)),
        Stroke(leg, temperature(hot, cold), ramp(low, low)),
        Stroke(leg, ramp(1 / cold, 1 / cold), ramp(low, high)),
        Stroke(leg, temperature(cold, hot), ramp(high, high)),
    ]


def test_thermostatic_work_without_and_with_kinetic_energy():
    stroke = Stroke(a5.DURATION, ramp(*a5.BETA), ramp(*a5.FIELD))
    (b0, b1), (e0, e1) = a5.BETA, a5.FIELD

    def weight(s, q):
        """``d(beta U)/dt - d(beta E)/dt q``."""
        field_rate = (b1 - b0) * (e0 + (e1 - e0) * s) + (b0 + (b1 - b0) * s) * (e1 - e0)
        return ((b1 - b0) * Polynomial(COEFFICIENTS)(q) - field_rate * q) / a5.DURATION

    def run(solver, step):
        start = solver.equilibrium(a5.BETA[0], a5.FIELD[0])
        work = solver.stroke(start, stroke, step)[1].dimensionless_work
        return [work, solver.tilted(start, stroke, step, weight)]

    result = computed(run, 1.0, ((32, 96, 5.6), (40, 120, 6.2)), 0.05)
    assert agrees(result, [a5.MEAN_DIMENSIONLESS_WORK, a5.WITHOUT_KINETIC_ENERGY])


def test_anharmonic_engine_with_short_legs():
    result = computed(cycle(engine_strokes(10.0), lead=4), 1.0, GRIDS, 0.1)
    assert agrees(result, [d5.SHORT_WORK, d5.SHORT_DIMENSIONLESS_WORK, *d5.SHORT_HEAT])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("friction", "lead", "grids", "step"),
    [
        (0.5, 1, GRIDS, 0.2),
        (1.0, 1, GRIDS, 0.2),
        (0.1, 4, GRIDS_FOR_WEAK_FRICTION, 0.1),
        (10.0, 4, GRIDS, 0.05),
    ],
)
def test_anharmonic_engine_with_long_legs(friction, lead, grids, step):
    value, error = computed(cycle(engine_strokes(50.0), lead=lead), friction, grids, step)
    assert agrees((value[0], error[0]), d5.LONG_WORK[friction])


@pytest.mark.parametrize(
    ("friction", "lead", "grids", "step"),
    [
        (1.0, 1, GRIDS, 0.1),
        pytest.param(3.0, 1, GRIDS, 0.05, marks=pytest.mark.slow),
        pytest.param(0.1, 8, GRIDS_FOR_WEAK_FRICTION, 0.1, marks=pytest.mark.slow),
    ],
)
def test_benchmark_cycle(friction, lead, grids, step):
    value, error = computed(cycle(benchmark_strokes(), lead=lead), friction, grids, step)
    work, dimensionless, heat = se1.LIMIT_CYCLE[friction]
    assert agrees((value, error), [work, dimensionless, *heat])
    assert not agrees((value[0], error[0]), work + 2e-5)  # as far off as the earlier solver


def test_every_quoted_friction_is_computed():
    """The parameters above are all there are."""
    assert set(d5.LONG_WORK) == {0.1, 0.5, 1.0, 10.0}
    assert set(se1.LIMIT_CYCLE) == {0.1, 1.0, 3.0}


@pytest.mark.parametrize("friction", list(se1.LIMIT_CYCLE))
def test_quoted_work_and_heat_close_the_cycle(friction):
    """In the limit cycle the energy returns: work and four heats add up to zero, half a digit for each."""
    work, _, heat = se1.LIMIT_CYCLE[friction]
    assert abs(work + sum(heat)) <= 5 * HALF_A_DIGIT
