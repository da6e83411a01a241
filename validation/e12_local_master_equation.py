"""E12: two coupled qubits between two baths, with jumps of each qubit alone, and with jumps of both.

    H = omega_a Z/2 + omega_b Z'/2 + g (s+ s'- + s- s'+),   omega = (2, 1),   g = 0.05,   T = (1.2, 1)

Jumps of each qubit alone carry its own quantum and know nothing of the coupling. Excitations flow as
n(omega_a/T_a) - n(omega_b/T_b), here out of the cold bath and into the hot one. Counted as quanta this is no
violation: the couplings do work as they are switched, ``<W> > 0`` though no control moves, and the total
entropy obeys its theorem. Read as a flow of energy between two baths it is one (Levy and Kosloff). The run
remarks on it. Jumps between the levels of both qubits restore the sign, and no work is done. Controls: "heat
flows out of the hot bath" and "nothing does work" of the local equation.
"""

from collections.abc import Iterator

import numpy as np

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.initial import Equilibrium
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.exact import Lindblad
from fluctua.stochastic.quantum.generator import Generator
from fluctua.stochastic.reservoirs import BoseBath, LocalBath, Reservoir
from fluctua.stochastic.steps import Hold
from fluctua.stochastic.systems.qubit_pair import qubit_pair
from fluctua.validation.case import (
    FALSE_ALARM,
    Bench,
    Case,
    Row,
    by_stroke,
    claim,
    mean,
    must_be_remarked,
    must_differ,
    value,
)

OMEGA_HOT, OMEGA_COLD, EXCHANGE, RATE = 2.0, 1.0, 0.05, 0.01
TEMPERATURES = {"hot": 1.2, "cold": 1.0}
SETTLING, WINDOW = 1200.0, 6000.0
LOCAL = (
    LocalBath("hot", on="MI", rate=RATE, quantum="omega_a"),
    LocalBath("cold", on="IM", rate=RATE, quantum="omega_b"),
)
GLOBAL = (BoseBath("hot", on="XI", rate=RATE), BoseBath("cold", on="IX", rate=RATE))


def spec(
    baths: tuple[Reservoir, ...], seed: int, *, exchange: float = EXCHANGE, window: float = WINDOW
) -> EnsembleSpec:
    """Let the pair forget its start, and watch it."""
    protocol = Protocol(
        [Hold(SETTLING), Hold(window)],
        temperature=TEMPERATURES,
        omega_a=OMEGA_HOT,
        omega_b=OMEGA_COLD,
        g=exchange,
    )
    return EnsembleSpec(
        qubit_pair(),
        QuantumJump(baths),
        protocol,
        trajectories=12_000,
        time_step=3.0,
        seed=seed,
        initial=Equilibrium(beta=1.0),
        strokes=True,
    )


def companion(run: EnsembleSpec) -> Lindblad:
    """Give the exact statistics of what a run samples."""
    known: Lindblad = run.exact()
    return known


def check(bench: Bench) -> Iterator[Row]:
    """Judge heat, work and entropy with local and with global jumps; catch what the local ones get wrong."""
    run, known = bench.simulate(spec(LOCAL, 112)), companion(spec(LOCAL, 112))
    held = known.pieces[1].held
    yield from _flows(run, held, "local jumps")
    hot, cold = held.energy_currents(held.steady_state(), 2)
    yield mean("<W>, local jumps", run["work"], known.mean_work())
    yield value("energy from the hot bath, local jumps", hot, 1e-12, -cold, "1e-12 is rounding")
    yield must_differ("heat from the hot bath, local jumps", by_stroke(run, "heat_hot")[1], 0.0)
    yield must_differ("<W>, local jumps, nothing moves", run["work"], 0.0)
    yield must_be_remarked(spec(LOCAL, 112), "local master equation", "second law", "local jumps")
    short = bench.simulate(spec(LOCAL, 212, window=300.0))
    yield claim(verify(short, claims=["integral"], alpha=FALSE_ALARM)["integral"], "local jumps")
    run = bench.simulate(spec(GLOBAL, 312))
    yield from _flows(run, companion(spec(GLOBAL, 312)).pieces[1].held, "global jumps")
    largest = float(np.abs(run["work"]).max())
    yield value("largest |W|, global jumps", largest, 1e-12, 0.0, "1e-12 is rounding")


def _flows(run: Dataset, held: Generator, of: str) -> Iterator[Row]:
    """Judge the heat of the window: while the pair settles its start fades by a factor of 1e-4."""
    flows = held.heat_currents(held.steady_state(), 2)
    for flow, name in zip(flows, TEMPERATURES, strict=True):
        yield mean(
            f"heat from the {name} bath per time, {of}", by_stroke(run, f"heat_{name}")[1] / WINDOW, flow
        )


CASE = Case(
    name="e12",
    title="local and global master equation",
    source="Levy, Kosloff, EPL 107, 20004 (2014); De Chiara et al., New J. Phys. 20, 113024 (2018)",
    check=check,
    quick=0.4,
)
