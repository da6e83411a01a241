"""E10: entropy of quantum trajectories, and its split into what keeps a steady state up and the rest.

    s_tot = ln p_0(n) - ln p_tau(m) + sum over jumps of ln(gamma_k / gamma_k~)
    adiabatic: ln(gamma_k / gamma_k~) + Delta phi_k for each jump,   phi = -ln pi_t

A qubit between two baths is swept through its crossing. Each jump changes the potential of the instantaneous
steady state by a definite amount, [phi, L_k] = Delta phi_k L_k, so that all three entropies obey the integral
theorem. An atom that light drives while it decays into a warm field is the control: its steady state is no
mixture of energy levels, a run refuses to split its entropy, and of the three theorems that of the total is
left.
"""

from collections.abc import Iterator
from math import exp, log

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Populations
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.exact import Lindblad
from fluctua.stochastic.quantum.generator import Generator, potential_changes
from fluctua.stochastic.quantum.tilted import cumulants
from fluctua.stochastic.reservoirs import BoseBath, LocalBath
from fluctua.stochastic.steps import Hold, Isothermal
from fluctua.stochastic.systems.driven_atom import driven_atom
from fluctua.stochastic.systems.driven_qubit import driven_qubit, gap
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Floats,
    Row,
    claim,
    exponential,
    mean,
    must_be_remarked,
    must_differ,
    must_disagree,
    value,
)

REACH, DURATION = 3.0, 4.0
RATES, TEMPERATURES = {"cold": 0.3, "hot": 0.2}, {"cold": 1.0, "hot": 2.0}
LISTED = 10_000
"""Trajectories whose jumps are listed."""

BOSONS = 0.3
"""Mean number of quanta in the field of the driven atom."""


def swept(seed: int) -> EnsembleSpec:
    """Sweep a qubit between two baths, from populations that are in equilibrium with neither."""
    return EnsembleSpec(
        driven_qubit(),
        QuantumJump([BoseBath(name, rate=rate) for name, rate in RATES.items()], housekeeping=True),
        Protocol([Isothermal(DURATION, epsilon=(-REACH, REACH))], temperature=TEMPERATURES),
        trajectories=400_000,
        time_step=0.02,
        seed=seed,
        initial=Populations(level_0=0.7, level_1=0.3),
        paths=LISTED,
        path_every=200,
    )


def lit(seed: int) -> EnsembleSpec:
    """Drive an atom in resonance while it decays into a warm field."""
    return EnsembleSpec(
        driven_atom(),
        QuantumJump([LocalBath("field", on="M", rate=1.0, quantum=1.0)]),
        Protocol([Hold(4.0)], beta=log((BOSONS + 1) / BOSONS)),
        trajectories=400_000,
        time_step=0.04,
        seed=seed,
        initial=Populations(level_0=0.6, level_1=0.4),
        paths=400_000,
        path_every=100,
    )


def companion(run: EnsembleSpec) -> Lindblad:
    """Give the exact statistics of what a run samples."""
    known: Lindblad = run.exact()
    return known


def potential_step(time: Floats) -> Floats:
    """Give ``ln(pi_e/pi_g)`` at instants of the sweep: what a jump down adds to ``phi``.

    The steady populations of two levels are those of the added rates,
    ``pi_e/pi_g = sum gamma n / sum gamma (n + 1)``.
    """
    omega = _gaps(time)
    bosons = {name: 1 / np.expm1(omega / TEMPERATURES[name]) for name in RATES}
    up = sum(RATES[name] * bosons[name] for name in RATES)
    down = sum(RATES[name] * (bosons[name] + 1) for name in RATES)
    return np.asarray(np.log(up / down))


def _gaps(time: Floats) -> Floats:
    """Give the gap that the engine holds during the time step of an instant: that of its middle."""
    step = 0.02
    middle = (np.floor(time / step) + 0.5) * step
    return np.hypot(gap(0.0), REACH * (2 * middle / DURATION - 1))


def adiabatic(run: Dataset) -> Floats:
    """Give the adiabatic entropy of the listed trajectories by formula, from the table of jumps."""
    jumps = run.jumps
    channel, time = np.asarray(jumps["channel"], dtype=str), jumps["time"]
    down = np.char.endswith(channel, "level_1 -> level_0")
    temperature = np.where(np.char.startswith(channel, "cold"), TEMPERATURES["cold"], TEMPERATURES["hot"])
    of_down = _gaps(time) / temperature + potential_step(time)
    return np.asarray(
        np.bincount(jumps["trajectory"], weights=np.where(down, of_down, -of_down), minlength=run.spec.paths),
        dtype=np.float64,
    )


def attempted(run: Dataset, held: Generator) -> Floats:
    """Give what the same split would be for the atom, with the changes of the potential that fit best."""
    each = held.entropy + potential_changes(held, held.steady_state())[0]
    jumps = run.jumps
    down = np.char.endswith(np.asarray(jumps["channel"], dtype=str), "down")
    return np.asarray(
        np.bincount(jumps["trajectory"], weights=np.where(down, each[0], each[1]), minlength=len(run)),
        dtype=np.float64,
    )


def check(bench: Bench) -> Iterator[Row]:
    """Judge three entropies of the qubit and the total one of the atom; catch the split of the atom's."""
    yield from _qubit(bench)
    yield from _atom(bench)


def _qubit(bench: Bench) -> Iterator[Row]:
    run, known = bench.simulate(swept(110)), companion(swept(110))
    for number, name in enumerate(RATES):
        yield mean(f"<Q_{name}>", run[f"heat_{name}"], float(known.mean_heat()[number]))
    total, kept = total_entropy(run, known), run["housekeeping_entropy"]
    listed = adiabatic(run)
    largest = float(np.abs(kept[: listed.size] - listed).max())
    yield value("housekeeping entropy beside its formula", largest, 1e-12, 0.0, "1e-12 is rounding")
    yield _indefinite(known.pieces[50].held, "qubit")
    parts = {"total": total, "housekeeping": kept, "nonadiabatic": total - kept}
    for name, entropy in parts.items():
        yield mean(f"<s>, {name}", entropy, cumulants(known, f"{name}_entropy")[0])
        yield exponential(f"<exp(-s)>, {name}", entropy, 1.0)
        report = verify(entropy=entropy, claims=["integral"], alpha=FALSE_ALARM)
        yield claim(report["integral"], name)
    steady = bench.simulate(swept(310).replace({"initial": {"kind": "Steady"}}))
    yield exponential("<exp(-Y)>, Hatano and Sasa, from the steady state", steady["hatano_sasa"], 1.0)
    report = verify(run, alpha=FALSE_ALARM)
    yield claim(report["integral"], "of the run")


def total_entropy(run: Dataset, known: Lindblad) -> Floats:
    """Give the entropy of all jumps, and that of the measurements at both ends."""
    first, last = known.populations[0], known.populations[-1]
    ends = np.log(first)[run["state_initial"]] - np.log(last)[run["state_final"]]
    return np.asarray(run["log_ratio"] + ends)


def _atom(bench: Bench) -> Iterator[Row]:
    run, known = bench.simulate(lit(210)), companion(lit(210))
    held = known.pieces[1].held
    of = "driven atom"
    total = total_entropy(run, known)
    yield mean(f"<s>, total, {of}", total, cumulants(known, "total_entropy")[0])
    yield exponential(f"<exp(-s)>, total, {of}", total, 1.0)
    yield claim(verify(run, claims=["integral"], alpha=FALSE_ALARM)["integral"], of)
    yield must_be_remarked(lit(210), "local master equation", "misses", of)
    split = attempted(run, held)
    average = exp(known.log_generating_function({"housekeeping_entropy": -1.0}))
    yield exponential(f"<exp(-s)>, adiabatic by least squares, {of}", split, average)
    yield must_differ(f"<exp(-s)>, adiabatic, {of}", np.exp(-split), 1.0)
    yield must_disagree(_indefinite(held, of))
    yield refused(lit(210), of)


def refused(run: EnsembleSpec, of: str) -> Row:
    """Ask for the split, which is to be refused."""
    word, note = "missed", "it was made"
    try:
        run.replace({"dynamics.housekeeping": True})
    except InvalidInput as error:
        word, note = "caught" if "no mixture" in error.what else "missed", str(error)
    return Row(f"housekeeping entropy, {of}", "control", word, note=note)


def _indefinite(held: Generator, of: str) -> Row:
    """Set what the eigen-operator condition is missed by beside 0, which rounding blurs by 1e-10."""
    deviation = potential_changes(held, held.steady_state())[1]
    return value(f"[phi, L] - L Delta phi, {of}", deviation, 1e-10, 0.0)


CASE = Case(
    name="e10",
    title="entropy of quantum trajectories, and its split",
    source="Horowitz, Parrondo, NJP 15, 085028 (2013); Manzano, Horowitz, Parrondo, PRX 8, 031037 (2018)",
    check=check,
)
