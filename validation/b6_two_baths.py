"""B6: one free particle between two baths: a steady state that looks like equilibrium and is not.

    m dv/dt = -(g_1 + g_2) v + sqrt(2 g_1 T_1) xi_1 + sqrt(2 g_2 T_2) xi_2

Velocities are Maxwellian at ``T = (g_1 T_1 + g_2 T_2)/(g_1 + g_2)``, yet the heat ``J = g_1 g_2/(g_1 + g_2)
(T_1 - T_2)`` flows per time. Moments of the heat obey closed equations, its generating function a Riccati
equation. The medium entropy alone gives ``<exp(-s_m)> = e^((g_1 + g_2) t/m)`` instead of 1, from any start:
the control.
"""

from collections.abc import Iterator
from math import exp, sqrt

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.initial import Steady
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.two_bath_particle import (
    heat_current,
    kinetic_temperature,
    medium_entropy_average,
    two_bath_particle,
)
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    claim,
    claims,
    exponential,
    mean,
    must_be_violated,
    variance,
)
from fluctua.validation.ode import integrate

G1, G2, T1, T2 = 1.0, 1.0, 2.0, 1.0
TOTAL = G1 + G2
MEAN_TEMPERATURE = kinetic_temperature(first=T1, second=T2, frictions=(G1, G2))


FREE, BOUND = two_bath_particle(), Potential("q**2/2", coordinates="q")


def spec(
    duration: float, time_step: float, trajectories: int, seed: int, system: Potential = FREE
) -> EnsembleSpec:
    """Watch the particle in its steady state."""
    return EnsembleSpec(
        system,
        Underdamped(mass=1.0, baths=[Bath("left", friction=G1), Bath("right", friction=G2)]),
        Protocol([Hold(duration)], temperature={"left": T1, "right": T2}),
        trajectories=trajectories,
        time_step=time_step,
        seed=seed,
        initial=Steady(),
    )


def heat_variance(duration: float) -> float:
    """Give the variance of the heat from the left bath after ``duration``, steady start.

    The heat obeys ``dQ = g_1 (T_1 - v^2) dt + sqrt(2 g_1 T_1) v dW`` (Ito), which closes for ``<Q v^2>`` and
    ``<Q^2>``.
    """
    square = MEAN_TEMPERATURE

    def rate(t: float, state: Floats) -> list[float]:
        with_square, heat = state[0], G1 * (T1 - square) * t
        forgetting = 2 * TOTAL * (MEAN_TEMPERATURE * heat - with_square)
        return [
            forgetting + G1 * (T1 * square - 3 * square**2) + 4 * G1 * T1 * square,
            2 * G1 * (T1 * heat - with_square) + 2 * G1 * T1 * square,
        ]

    second = float(integrate(rate, [0.0, 0.0], duration, steps=8000)[1])
    return second - (G1 * (T1 - square) * duration) ** 2


def generating_function(counting: float, duration: float) -> float:
    """Give ``<exp(c Q)>`` of the heat from the left bath, steady start.

    From velocity ``v`` it is ``exp(a + b v^2/2)``, and the tilted generator gives

        a' = D b + c g_1 T_1,    b' = 2 (2 c g_1 T_1 - g) b + 2 D b^2 + 2 c g_1 (c T_1 - 1),

    ``g = g_1 + g_2``, ``D = g_1 T_1 + g_2 T_2``; then the average over the Maxwellian.
    """
    diffusion = G1 * T1 + G2 * T2

    def rate(_: float, state: Floats) -> list[float]:
        b = state[1]
        square = 2 * (2 * counting * G1 * T1 - TOTAL) * b + 2 * diffusion * b**2
        return [diffusion * b + counting * G1 * T1, square + 2 * counting * G1 * (counting * T1 - 1)]

    a, b = integrate(rate, [0.0, 0.0], duration)
    return exp(a) / sqrt(1 - b * MEAN_TEMPERATURE)


def total_entropy(run: Dataset) -> Floats:
    """Give the entropy flow plus ``ln p(v_0) - ln p(v_t)`` of the Maxwellian."""
    first, last = run["v_q_initial"], run["v_q_final"]
    total: Floats = run["entropy_flow"] + (last**2 - first**2) / (2 * MEAN_TEMPERATURE)
    return total


def check(bench: Bench) -> Iterator[Row]:
    """Judge current, fluctuations and total entropy; catch the missing boundary term."""
    current = heat_current(first=T1, second=T2, frictions=(G1, G2))
    long = bench.simulate(spec(40.0, 0.02, 100_000, 106))
    yield mean("<Q_left>/t, t = 40", long["heat_left"] / 40, current)
    yield variance("Var Q_left/t, t = 40", long["heat_left"] / sqrt(40), heat_variance(40.0) / 40)
    yield mean("<v^2>", long["v_q_final"] ** 2, MEAN_TEMPERATURE)
    middle = bench.simulate(spec(5.0, 0.01, 400_000, 206))
    for counting in (-0.25, 0.1):
        exact = generating_function(counting, 5.0)
        yield exponential(f"<exp({counting:g} Q_left)>, t = 5", -counting * middle["heat_left"], exact)
    yield from _unit_time(bench)
    brief = bench.simulate(spec(0.05, 0.005, 2_000_000, 306))
    exact = medium_entropy_average(duration=0.05, frictions=(G1, G2))
    yield exponential("<exp(-s_medium)>, t = 0.05", brief["entropy_flow"], exact)
    medium = verify(entropy=brief["entropy_flow"], tolerance={"integral": 0.02}, alpha=FALSE_ALARM)
    yield must_be_violated(medium["integral"], "medium entropy alone, t = 0.05")


def _unit_time(bench: Bench) -> Iterator[Row]:
    free = bench.simulate(spec(1.0, 0.01, 400_000, 406))
    yield exponential("<exp(-s_tot)>, t = 1", total_entropy(free), 1.0)
    yield from claims(verify(entropy=total_entropy(free), alpha=FALSE_ALARM), "s_tot, t = 1")
    bound = bench.simulate(spec(1.0, 0.01, 400_000, 506, system=BOUND))
    report = verify(bound, claims=["first-law", "integral"], alpha=FALSE_ALARM)
    yield claim(report["first-law"], "in a well")
    yield claim(report["integral"], "in a well, t = 1")


CASE = Case(
    name="b6",
    title="one particle between two baths",
    source="Visco, J. Stat. Mech. P06006 (2006); Fogedby, Imparato, J. Stat. Mech. P05015 (2011)",
    check=check,
)
