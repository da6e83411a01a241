"""E8: work between two measurements of the energy: a qubit and an oscillator, closed while they are driven.

    P(W) = sum over n, m of p_n |<m| U |n>|^2 delta(W - (E_m' - E_n)),   <exp(-W/T)> = Z_1/Z_0 for any U

A qubit is turned at once, H = Z/2 -> Z cos 1 + X sin 1; driven in a circle, which time reversal turns around;
an oscillator doubles its frequency at once. The work takes few values, so that Crooks' theorem is judged on
probabilities of atoms. Controls: the work that expectations of the energy give without measurements, which
obeys no theorem, and the partition sum of another frequency.
"""

from collections.abc import Iterator
from math import cos, exp, sin

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum import oscillator
from fluctua.stochastic.quantum.closed import Atoms, scheduled_work_law
from fluctua.stochastic.reservoirs import BoseBath
from fluctua.stochastic.steps import Isolated, Quench
from fluctua.stochastic.systems.cut_oscillator import cut_oscillator
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Row,
    claims,
    exponential,
    mean,
    must_be_violated,
    must_differ,
    variance,
)

BETA, ANGLE, SOFT, STIFF = 1.0, 1.0, 1.0, 2.0
CLOSED = QuantumJump([BoseBath("bath", rate=0.1)])
"""It has a bath, whose temperature is that of the start; no step connects it."""

FIELD = Hamiltonian("a*Z + b*X", controls=("a", "b"))
CIRCLE = Hamiltonian("Z/2 + cos(phi)*X + sin(phi)*Y", controls="phi")


def turned(seed: int, *, measured: bool = True) -> EnsembleSpec:
    """Turn the field of a qubit at once, ``Z/2`` to ``Z cos 1 + X sin 1``."""
    protocol = Protocol([Quench(a=cos(ANGLE), b=sin(ANGLE)), Isolated(0.1)], beta=BETA, a=0.5, b=0.0)
    dynamics = QuantumJump(CLOSED.baths, measured=measured)
    return EnsembleSpec(FIELD, dynamics, protocol, trajectories=200_000, time_step=0.1, seed=seed)


def circled(seed: int) -> EnsembleSpec:
    """Drive a qubit on a circle through X and Y in isolation."""
    protocol = Protocol([Isolated(2.0, phi=(0.0, 2.5))], beta=BETA)
    return EnsembleSpec(CIRCLE, CLOSED, protocol, trajectories=200_000, time_step=0.02, seed=seed)


def stiffened(seed: int) -> EnsembleSpec:
    """Double the frequency of an oscillator at once; its 16 levels leave out 1e-7 of the start."""
    protocol = Protocol([Quench(w=STIFF), Isolated(0.1)], beta=BETA, w=SOFT)
    return EnsembleSpec(cut_oscillator(16), CLOSED, protocol, trajectories=200_000, time_step=0.1, seed=seed)


def law(spec: EnsembleSpec) -> Atoms:
    """Give the exact law of the work that a run samples."""
    assert isinstance(spec.system, Hamiltonian)
    return scheduled_work_law(spec.system, spec.schedule)


def check(bench: Bench) -> Iterator[Row]:
    """Judge atoms and theorems of each system; catch expectations and a wrong frequency."""
    for of, spec in (("sudden turn", turned(108)), ("circle", circled(208))):
        yield from _atoms(of, spec, *bench.pair(spec))
    yield from _oscillator(*bench.pair(stiffened(308)))
    yield from _unmeasured(bench)


def _atoms(of: str, spec: EnsembleSpec, forward: Dataset, reverse: Dataset) -> Iterator[Row]:
    exact = law(spec)
    delta_f = round(-exact.log_generating_function(-BETA) / BETA, 12)
    yield mean(f"<W>, {of}", forward["work"], exact.mean())
    yield variance(f"Var W, {of}", forward["work"], exact.variance())
    for value, chance in zip(exact.values, exact.probabilities, strict=True):
        yield mean(f"P(W = {round(value, 6):g}), {of}", np.abs(forward["work"] - value) < 1e-9, chance)
    yield exponential(f"<exp(-W/T)>, {of}", forward["work"], exp(-BETA * delta_f))
    yield from claims(verify(forward, reverse, delta_f=delta_f, alpha=FALSE_ALARM), of)


def _oscillator(forward: Dataset, reverse: Dataset) -> Iterator[Row]:
    of = "oscillator"
    delta_f = oscillator.minus_log_z(STIFF, BETA) - oscillator.minus_log_z(SOFT, BETA)
    yield mean(f"<W>, {of}", forward["work"], oscillator.quench_mean_work(SOFT, STIFF, BETA))
    yield exponential(f"<exp(-W/T)>, {of}", forward["work"], exp(-delta_f))
    yield from claims(verify(forward, reverse, delta_f=delta_f, alpha=FALSE_ALARM), of)
    wrong = oscillator.minus_log_z(1.1 * STIFF, BETA) - oscillator.minus_log_z(SOFT, BETA)
    report = verify(forward, reverse, delta_f=wrong, alpha=FALSE_ALARM)
    yield must_be_violated(report["crooks"], f"{of}, frequency 10 % too high")


def _unmeasured(bench: Bench) -> Iterator[Row]:
    """Judge the work by expectations: its mean is right, its fluctuations are not."""
    spec = turned(408, measured=False)
    run, exact = bench.simulate(spec), law(spec)
    yield mean("<W>, expectations", run["work"], exact.mean())
    average = exp(exact.log_generating_function(-BETA))
    yield must_differ("<exp(-W/T)>, expectations", np.exp(-BETA * run["work"]), average)


CASE = Case(
    name="e8",
    title="work between two measurements, closed systems",
    source="Talkner, Lutz, Hanggi, PRE 75, 050102 (2007); Deffner, Lutz, PRE 77, 021128 (2008)",
    check=check,
)
