"""A4: a particle in a trap that stiffens, and what a long time step does to its work theorem.

    dx/dt = -k(t) x + sqrt(2 T) xi,   k from 1 to 4 in unit time,   Delta F = (T/2) ln(k_1/k_0).

The generating function of the work obeys a Riccati equation; that of the work of the *discrete*
Euler-Maruyama map is an exact recursion for Gaussians. At 20 steps the protocol work alone breaks Crooks'
theorem (without the shadow work it is not the work of the simulated process), and the verifier must see it.
"""

from collections.abc import Iterator
from math import exp, sqrt

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold, Isothermal, Quench
from fluctua.stochastic.systems.breathing_trap import (
    breathing_trap,
    free_energy_difference,
    log_generating_function,
    quench_mean_work,
    work_moments,
)
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Row,
    claim,
    claims,
    exponential,
    mean,
    must_be_violated,
    variance,
)

SOFT, STIFF, TEMPERATURE, DURATION = 1.0, 4.0, 1.0, 1.0
FINE, COARSE = 4000, 20

TRAP = breathing_trap()
BETA = 1 / TEMPERATURE
DELTA_F = free_energy_difference(SOFT, STIFF, beta=BETA)


def spec(steps: int, seed: int) -> EnsembleSpec:
    """Stiffen the trap in so many time steps."""
    return EnsembleSpec(
        TRAP,
        Overdamped(friction=1.0),
        Protocol([Isothermal(DURATION, k=(SOFT, STIFF))], temperature=TEMPERATURE),
        trajectories=200_000,
        time_step=DURATION / steps,
        seed=seed,
    )


def quench(seed: int) -> EnsembleSpec:
    """Stiffen the trap at once: the work is ``(k_1 - k_0) x_0^2 / 2``."""
    protocol = Protocol([Quench(k=STIFF), Hold(0.05)], temperature=TEMPERATURE, k=SOFT)
    return EnsembleSpec(
        TRAP, Overdamped(friction=1.0), protocol, trajectories=200_000, time_step=0.05, seed=seed
    )


def discrete_average(steps: int, start: float = SOFT, end: float = STIFF) -> float:
    """Give the exact ``<exp(-W/T)>`` of the Euler-Maruyama map, the work without the shadow work.

    During step ``j`` the trap is held at its value at the middle of the step; before the first, between,
    and after the last it changes at frozen position. The density weighted with ``exp(-W/T)`` stays
    Gaussian: a change by ``dk`` takes its variance ``c`` to ``c/(1 + c dk/T)`` and its mass by the root of
    that factor, a step takes ``c`` to ``(1 - k dt)^2 c + 2 T dt``.
    """
    h = DURATION / steps
    c, mass, k = TEMPERATURE / start, 1.0, start
    for k_next in [start + (end - start) * (j + 0.5) / steps for j in range(steps)]:
        c, mass = _changed(c, mass, k_next - k)
        c, k = (1 - k_next * h) ** 2 * c + 2 * TEMPERATURE * h, k_next
    return _changed(c, mass, end - k)[1]


def _changed(c: float, mass: float, change: float) -> tuple[float, float]:
    """Multiply a Gaussian of variance ``c`` by ``exp(-change x^2 / 2T)``."""
    shrink = 1 / (1 + c * change / TEMPERATURE)
    return shrink * c, sqrt(shrink) * mass


def check(bench: Bench) -> Iterator[Row]:
    """Judge both directions and a quench; catch the missing shadow work of a long time step."""
    yield from _fine(*bench.pair(spec(FINE, 104)))
    sudden = bench.simulate(quench(204))
    yield mean("<W>, sudden quench", sudden["work"], quench_mean_work(SOFT, STIFF, beta=BETA))
    yield exponential("<exp(-W/T)>, sudden quench", sudden["work"] / TEMPERATURE, sqrt(SOFT / STIFF))
    yield from _coarse(*bench.pair(spec(COARSE, 304)))


def _fine(forward: Dataset, reverse: Dataset) -> Iterator[Row]:
    there = work_moments(SOFT, STIFF, duration=DURATION, beta=BETA)
    back = work_moments(STIFF, SOFT, duration=DURATION, beta=BETA)
    half = log_generating_function(BETA / 2, SOFT, STIFF, duration=DURATION, beta=BETA)
    yield mean("<W>, forward", forward["work"], there[0])
    yield variance("Var W, forward", forward["work"], there[1])
    yield mean("<W>, reverse", reverse["work"], back[0])
    yield variance("Var W, reverse", reverse["work"], back[1])
    yield exponential("<exp(-W/2T)>", forward["work"] / 2, exp(half))
    yield exponential("<exp(-W/T)>", forward["work"], exp(-DELTA_F))
    yield from claims(verify(forward, reverse, delta_f=DELTA_F, alpha=FALSE_ALARM))


def _coarse(forward: Dataset, reverse: Dataset) -> Iterator[Row]:
    of = f"{COARSE} steps"
    exact = exp(-DELTA_F / TEMPERATURE)
    whole = forward["work"] + forward["shadow_work"]
    yield exponential(f"<exp(-W/T)>, {of}", forward["work"], discrete_average(COARSE))
    yield exponential(f"<exp(-(W + W_sh)/T)>, {of}", whole, exact)
    back = reverse["work"] + reverse["shadow_work"]
    right = verify(whole, back, delta_f=DELTA_F, alpha=FALSE_ALARM)
    yield claim(right["crooks"], f"W + W_sh, {of}")
    alone = verify(forward["work"], reverse["work"], delta_f=DELTA_F, alpha=FALSE_ALARM)
    yield must_be_violated(alone["crooks"], f"W without shadow work, {of}")


CASE = Case(
    name="a4",
    title="breathing trap, and its control at a long time step",
    source="Speck, J. Phys. A 44, 305001 (2011); Crooks, PRE 60, 2721 (1999)",
    check=check,
)
