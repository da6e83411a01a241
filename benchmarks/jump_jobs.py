"""The jobs of contenders that jump: a driven qubit, larger quantum systems, levels at constant rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fluctua as fl
from fluctua.ensembles.physics import propagator_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.propagator import Propagator

    Floats = NDArray[np.float64]

SEED = 1
BETA = 1.0
DURATION, TIME_STEP, RATE, DELTA, EPSILON = 5.0, 0.005, 0.2, 1.0, 4.0  # the qubit
POWERS = 12  # of Taylor's series for a step's matrix: |G| times the time step is a few hundredths

#: Energies of the ring's levels, in kT: uneven, so that each level has rates of its own.
RING = (0.0, 0.7, -0.3, 0.4, 1.1, -0.6, 0.2, 0.9)


def qubit(trajectories: int) -> fl.EnsembleSpec:
    """Drive a qubit through its avoided crossing in a bath that couples to every pair of levels."""
    system = fl.Hamiltonian("delta/2*X + epsilon/2*Z", controls="epsilon", parameters={"delta": DELTA})
    return fl.EnsembleSpec(
        system,
        fl.QuantumJump([fl.BoseBath("phonons", rate=RATE)]),
        fl.Protocol([fl.Isothermal(DURATION, epsilon=(-EPSILON, EPSILON))], beta=BETA),
        trajectories=trajectories,
        time_step=TIME_STEP,
        seed=SEED,
    )


def ladder(levels: int, trajectories: int) -> fl.EnsembleSpec:
    """Let a spin chain relax from its highest level: 4 or 16 levels, a bath at its first spin."""
    spins = levels.bit_length() - 1
    fields = [f"{1.0 + 0.3 * k}/2*{_on(spins, 'Z', k)}" for k in range(spins)]
    bonds = [f"0.4*{_on(spins, 'XX', k)}" for k in range(spins - 1)]
    return fl.EnsembleSpec(
        fl.Hamiltonian(" + ".join([*fields, *bonds])),
        fl.QuantumJump([fl.BoseBath("phonons", on=_on(spins, "X", 0), rate=RATE, spectrum="omega")]),
        fl.Protocol([fl.Hold(10.0)], beta=BETA),
        trajectories=trajectories,
        time_step=0.05,  # whatever it is, the law is exact where nothing changes
        seed=SEED,
        initial=fl.Point(state=f"level_{levels - 1}"),
    )


def _on(spins: int, operators: str, first: int) -> str:
    """Put operators on neighbouring spins, the identity on all others: ``"IXXI"``."""
    return "I" * first + operators + "I" * (spins - first - len(operators))


def dot(trajectories: int, *, thermodynamics: bool = False) -> fl.EnsembleSpec:
    """Let electrons tunnel through a dot between two leads, with a bias, some fifty times."""
    leads = [
        fl.Lead(name, on="empty -> full", rate=1.0, mu=f"{sign}V/2")
        for name, sign in (("left", ""), ("right", "-"))
    ]
    return fl.EnsembleSpec(
        fl.Levels({"empty": "0", "full": "eps"}, controls=("eps", "V")),
        fl.MarkovJump(leads, thermodynamics=thermodynamics),
        fl.Protocol([fl.Hold(50.0)], beta=BETA, eps=0.5, V=2.0),
        trajectories=trajectories,
        seed=SEED,
        initial=fl.Point(state="empty"),
    )


def ring(trajectories: int) -> fl.EnsembleSpec:
    """Drive particles round a ring of eight levels, in turn from two leads of different potential."""
    names = [f"site_{k}" for k in range(len(RING))]
    edges = [f"{a} -> {b}" for a, b in zip(names, [*names[1:], names[0]], strict=True)]
    leads = [
        fl.Lead("left", on=edges[0::2], rate=1.0, mu=0.5),
        fl.Lead("right", on=edges[1::2], rate=1.5, mu=-0.2),
    ]
    return fl.EnsembleSpec(
        fl.Levels(dict(zip(names, map(str, RING), strict=True))),
        fl.MarkovJump(leads, thermodynamics=False),
        fl.Protocol([fl.Hold(50.0)], beta=BETA),
        trajectories=trajectories,
        seed=SEED,
        initial=fl.Point(state=names[0]),
    )


def propagator(spec: fl.EnsembleSpec) -> Propagator:
    """Prepare our kernel for a job."""
    made = propagator_of(spec)
    made.compile()
    return made


# ---- the same as tables, made without us


def instants(count: int) -> Floats:
    """Give the qubit's control, held during each of so many steps at its value in the middle."""
    return EPSILON * (2.0 * (np.arange(count) + 0.5) / count - 1.0)


def qubit_tables(time_step: float = TIME_STEP) -> tuple[Floats, Floats]:
    """Tabulate the qubit for the C++: a row a step, as its `Move` and its `Bath`.

    Returns
    -------
    moves : (steps, 12) array
        exp(G dt), row by row, real and imaginary parts; then its imaginary parts negated.
    baths : (steps, 21) array
        G and the eigenvectors in the same way; rates down and up, quantum, entropy flow and log-ratio of a
        jump down.
    """
    epsilon = instants(round(DURATION / time_step))
    hamiltonian = np.zeros((len(epsilon), 2, 2))
    hamiltonian[:, 0, 0], hamiltonian[:, 1, 1] = epsilon / 2, -epsilon / 2
    hamiltonian[:, 0, 1] = hamiltonian[:, 1, 0] = DELTA / 2
    energies, vectors = np.linalg.eigh(hamiltonian)
    gap = energies[:, 1] - energies[:, 0]
    bosons = 1.0 / np.expm1(BETA * gap)
    down, up = RATE * (bosons + 1.0), RATE * bosons
    decay = np.stack([up, down], axis=1)[:, :, None] * np.swapaxes(vectors, 1, 2)
    generator = -1j * hamiltonian - 0.5 * vectors @ decay
    matrix = term = np.broadcast_to(np.eye(2, dtype=complex), generator.shape)
    for n in range(1, POWERS + 1):
        term = term @ generator * (time_step / n)
        matrix = matrix + term
    jumps = np.stack([down, up, gap, BETA * gap, np.log(down / up)], axis=1)
    moves = _flat(matrix)
    return np.hstack([moves, -moves[:, 1::2]]), np.hstack(
        [_flat(generator), _flat(vectors.astype(complex)), jumps]
    )


def _flat(matrices: NDArray[np.complex128]) -> Floats:
    return np.ascontiguousarray(matrices).reshape(-1, 4).view(np.float64)


def channels(spec: fl.EnsembleSpec) -> list[dict[str, Any]]:
    """List the two channels out of each level: rate, target, bath, particles into the system."""
    generator = spec.dynamics.generator(spec.system)
    controls = spec.schedule.start_controls[None, :]
    rates = generator.rates(controls, np.full((1, 2), BETA), np.ones(2, dtype=bool))[0]
    rows: list[dict[str, Any]] = [
        {"rate": [], "target": [], "bath": [], "particles": []} for _ in generator.levels
    ]
    for channel, rate in zip(generator.channels, rates, strict=True):
        row = rows[channel.source]
        row["rate"].append(rate)
        row["target"].append(channel.target)
        row["bath"].append(channel.bath)
        row["particles"].append(channel.particles)
    return rows
