"""E11: an atom in resonance with light sends out one photon at a time.

    H = Omega X/2 (rotating frame),   L = sqrt(gamma) |g><e|,   gamma = 1

The rate of photons and Mandel's parameter are elementary; the waiting time from one photon to the next is
that of a damped Rabi oscillation and sees each error of a phase. A vacuum gives no photon back: no entropy,
no theorem, and the verifier says so. Controls: waiting times set beside those of an atom driven 5 % too
strongly, and photons dated to the ends of time steps.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.initial import Populations
from fluctua.stochastic.operators import pauli_string
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.counting import waiting_time
from fluctua.stochastic.quantum.generator import generator
from fluctua.stochastic.reservoirs import LocalBath
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.driven_atom import driven_atom, emission_rate, mandel_parameter
from fluctua.validation.case import (
    Bench,
    Case,
    Floats,
    Row,
    by_stroke,
    distribution,
    mean,
    must_be_remarked,
    must_disagree,
    must_not_apply,
)

RABI = (0.5, 0.5**0.5, 2.0)
SETTLING, WINDOW, TIME_STEP = 30.0, 40.0, 0.1
PHOTONS = 5
"""Waiting times of each listed trajectory: they take longer than it lasts with the chance 2e-9 at most."""


def spec(rabi: float, seed: int) -> EnsembleSpec:
    """Count photons in two windows of the steady state; list those of some trajectories."""
    return EnsembleSpec(
        driven_atom(rabi),
        QuantumJump([LocalBath("light", on="M", rate=1.0, reverse=False)]),
        Protocol([Hold(SETTLING), Hold(WINDOW), Hold(WINDOW)], beta=1.0),
        trajectories=100_000,
        time_step=TIME_STEP,
        seed=seed,
        initial=Populations(level_0=0.5, level_1=0.5),
        strokes=True,
        paths=4_000,
        path_every=1100,
    )


def cumulative(rabi: float, times: Floats) -> Floats:
    """Give the probability that a photon follows another one within a time."""
    held = generator(0.5 * rabi * pauli_string("X"), [pauli_string("M")])
    return waiting_time(held).cumulative(times)


def waits(run: Dataset, *, late: bool = False) -> Floats:
    """Give the times between the first photons of each trajectory; `late`: as the ends of steps date them."""
    jumps = run.jumps
    trajectory, time = jumps["trajectory"], jumps["time"]
    time = TIME_STEP * np.ceil(time / TIME_STEP) if late else time
    first = np.searchsorted(trajectory, np.arange(trajectory[-1] + 1))
    number = np.arange(trajectory.size) - first[trajectory]
    follows = np.flatnonzero((number > 0) & (number <= PHOTONS))
    return np.asarray(time[follows] - time[follows - 1])


def check(bench: Bench) -> Iterator[Row]:
    """Judge counts and waiting times at three strengths; catch a wrong strength and rounded dates."""
    for number, rabi in enumerate(RABI):
        run = bench.simulate(spec(rabi, 111 + 100 * number))
        yield from _counted(run, rabi)
        yield distribution(f"waiting time, Omega = {rabi:.3g}", waits(run), partial(cumulative, rabi))
    wrong = partial(cumulative, 1.05 * rabi)
    yield must_disagree(distribution("waiting time, Omega 5 % too strong", waits(run), wrong))
    late, law = waits(run, late=True), partial(cumulative, rabi)
    yield must_disagree(distribution("waiting time, ends of steps", late, law))
    yield must_be_remarked(spec(2.0, 1), "light", "no way back", "vacuum")
    for verdict in verify(run, claims=["second-law", "integral", "jarzynski"]):
        yield must_not_apply(verdict, "no way back", "vacuum")


def _counted(run: Dataset, rabi: float) -> Iterator[Row]:
    """Judge the mean of two windows, and the growth of the variance from one of them to both.

    ``Var n(2t) - Var n(t)`` grows by its slope times t, whatever happens at the borders of a window.
    """
    _, first, second = by_stroke(run, "activity").astype(np.float64)
    photons = emission_rate(rabi)
    yield mean(f"photons per time, Omega = {rabi:.3g}", (first + second) / (2 * WINDOW), photons)
    a, b = first - photons * WINDOW, second - photons * WINDOW
    growth = ((a + b) ** 2 - (a**2 + b**2) / 2) / (photons * WINDOW)
    yield mean(f"Mandel's Q, Omega = {rabi:.3g}", growth - 1, mandel_parameter(rabi))


CASE = Case(
    name="e11",
    title="resonance fluorescence",
    source="Mandel, Opt. Lett. 4, 205 (1979); Plenio, Knight, Rev. Mod. Phys. 70, 101 (1998)",
    check=check,
)
