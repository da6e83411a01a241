"""The slow twin of the engine of quantum jumps: complex NumPy and SciPy, one trajectory after the other.

And models made by hand, so that the engine is tested without the channels of `QuantumJump`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import expm
from scipy.optimize import brentq

from fluctua.stochastic import streams
from fluctua.stochastic.quantum.matrices import Matrices, hermitian_eigen
from fluctua.stochastic.quantum.tables import Held

X = np.array([[0, 1], [1, 0]], dtype=complex)
Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1.0, -1.0]).astype(complex)


@dataclass(frozen=True)
class Channel:
    """One open channel of a row: number, bath, quantum, entropy, Lindblad operator in the eigenbasis."""

    number: int
    bath: int
    quantum: float
    entropy: float
    operator: np.ndarray


@dataclass(frozen=True)
class HandMade:
    """A model of a Hamiltonian `energy(controls)` and `channels(energies, vectors, beta, coupled)`."""

    dimension: int
    energy: Callable[[np.ndarray], np.ndarray]
    channels: Callable[..., list[Channel]]
    channel_names: tuple[str, ...]
    bath_names: tuple[str, ...] = ("bath",)
    measured: bool = True
    path_work: bool = False
    thermal: bool = True
    housekeeping: bool = False
    calls: list[int] = field(default_factory=list)

    @property
    def state_names(self) -> tuple[str, ...]:
        return tuple(f"level_{k}" for k in range(self.dimension))

    def hamiltonian(self, controls: np.ndarray) -> Matrices:
        d = self.dimension
        return Matrices.of(np.array([self.energy(row) for row in controls]).reshape(-1, d, d))

    def levels(self, controls: np.ndarray) -> tuple[np.ndarray, Matrices]:
        return hermitian_eigen(self.hamiltonian(controls))

    def held(self, controls: np.ndarray, beta: np.ndarray, coupled: np.ndarray) -> Held:
        self.calls.append(len(controls))
        rows = [self.row(*each) for each in zip(controls, beta, coupled, strict=True)]
        flat = [channel for row in rows for channel in row[3]]
        places = [np.argwhere(channel.operator != 0) for channel in flat]
        elements = [channel.operator[tuple(place.T)] for channel, place in zip(flat, places, strict=True)]
        entries = np.concatenate([np.zeros((0, 2), np.int64), *places])
        numbers = np.concatenate([np.zeros(0, complex), *elements])
        return Held(
            energies=np.array([row[0] for row in rows]),
            vectors=Matrices.of(np.array([row[1] for row in rows])),
            generator=Matrices.of(np.array([row[4] for row in rows])),
            first_slot=np.cumsum([0, *(len(row[3]) for row in rows)]),
            channel=np.array([channel.number for channel in flat], np.int64),
            bath=np.array([channel.bath for channel in flat], np.int64),
            quantum=np.array([channel.quantum for channel in flat], float),
            entropy=np.array([channel.entropy for channel in flat], float),
            first_entry=np.cumsum([0, *(len(place) for place in places)]),
            target=entries[:, 0],
            source=entries[:, 1],
            re=numbers.real.copy(),
            im=numbers.imag.copy(),
        )

    def row(self, controls: np.ndarray, beta: np.ndarray, coupled: np.ndarray):
        """Give energies, eigenvectors, generator and channels at one row of held values.

        And the generator in the eigenbasis.
        """
        energy = self.energy(controls)
        energies, vectors = np.linalg.eigh(energy)
        channels = self.channels(energies, vectors, beta, coupled)
        loss = sum((c.operator.conj().T @ c.operator for c in channels), np.zeros_like(energy))
        generator = -1j * energy - 0.5 * vectors @ loss @ vectors.conj().T
        return energies, vectors, generator, channels, -1j * np.diag(energies) - 0.5 * loss


def thermal_channels(rates: tuple[float, ...], dimension: int = 2) -> Callable[..., list[Channel]]:
    """Give Bose baths that join every pair of instantaneous levels: rate (n + 1) down and rate n up."""
    pairs = [(a, b) for a in range(dimension) for b in range(a)]

    def channels(energies, _vectors, beta, coupled):
        found = []
        for bath, rate in enumerate(rates):
            for number, (upper, lower) in enumerate(pairs):
                gap = energies[upper] - energies[lower]
                occupied = 1.0 / np.expm1(beta[bath] * gap)
                for way, (target, source, strength, sign) in enumerate(
                    ((lower, upper, occupied + 1.0, -1.0), (upper, lower, occupied, 1.0))
                ):
                    if coupled[bath]:
                        operator = np.zeros((dimension, dimension), complex)
                        operator[target, source] = np.sqrt(rate * strength)
                        entropy = -sign * beta[bath] * gap
                        place = 2 * (bath * len(pairs) + number) + way
                        found.append(Channel(place, bath, sign * gap, entropy, operator))
        return found

    return channels


def names_of(baths: tuple[str, ...], dimension: int) -> tuple[str, ...]:
    """Name the channels of `thermal_channels` in their order."""
    return tuple(
        f"{bath}: {a} {way} {b}"
        for bath in baths
        for a in range(dimension)
        for b in range(a)
        for way in ("to", "from")
    )


def driven_qubit(rates: tuple[float, ...] = (0.2,), delta: float = 1.0, **choices: bool) -> HandMade:
    """Give E9 of the catalogue: H = delta/2 X + epsilon/2 Z with thermal jumps between its levels."""
    baths = ("phonons", "leads")[: len(rates)]
    return HandMade(
        2,
        lambda controls: 0.5 * (delta * X + controls[0] * Z),
        thermal_channels(rates),
        names_of(baths, 2),
        baths,
        **choices,
    )


def local_model(energy: np.ndarray, operators: list[np.ndarray], **choices: bool) -> HandMade:
    """Give a model of fixed Lindblad operators without thermodynamics."""

    def channels(_energies, vectors, _beta, _coupled):
        turned = [vectors.conj().T @ operator @ vectors for operator in operators]
        return [Channel(k, 0, 0.0, np.nan, operator) for k, operator in enumerate(turned)]

    names = tuple(f"bath: {k}" for k in range(len(operators)))
    return HandMade(len(energy), lambda _controls: energy, channels, names, thermal=False, **choices)


def slow_trajectory(model: HandMade, schedule, start: np.ndarray, seed: int, direction: str, number: int):
    """Simulate one trajectory by waiting times, with the engine's random numbers.

    The next jump is where ``|exp(G t) psi|^2`` meets its threshold: the root is bracketed move by move and
    found by Brent's method on the matrix exponential. Returns the last wave function, and the jumps as (time,
    channel, quantum, entropy flow, log-ratio).
    """

    def uniforms(call: int) -> np.ndarray:
        both = streams.draw_uniforms(seed, direction, "jumps", number, 1, 2 * call + 2)
        return both[2 * call :, 0]

    psi, dt = start.astype(complex), schedule.time_step
    threshold, jumps = uniforms(0)[0], []
    for step in range(schedule.steps):
        beta = schedule.beta[step]
        _, vectors, generator, channels, _ = model.row(schedule.controls[step], beta, schedule.coupled[step])
        gone = 0.0
        while True:
            rest = dt - gone
            after = expm(generator * rest) @ psi
            if np.vdot(after, after).real >= threshold:
                psi = after
                break
            passed = _meeting(generator, psi, threshold, rest)
            gone += passed
            levels = vectors.conj().T @ expm(generator * passed) @ psi
            arrived = [channel.operator @ levels for channel in channels]
            weights = np.cumsum([np.vdot(one, one).real for one in arrived])
            r, choice = uniforms(len(jumps) + 1)
            k = int(np.searchsorted(weights, choice * weights[-1], side="right"))
            psi = vectors @ arrived[k] / np.sqrt(np.vdot(arrived[k], arrived[k]).real)
            channel, threshold = channels[k], r
            flow = -beta[channel.bath] * channel.quantum
            jumps.append((step * dt + gone, channel.number, channel.quantum, flow, channel.entropy))
    return psi, jumps


def _meeting(generator: np.ndarray, psi: np.ndarray, threshold: float, rest: float) -> float:
    return brentq(lambda t: _norm(generator, t, psi) - threshold, 0.0, rest, xtol=1e-15, rtol=1e-14)


def _norm(generator: np.ndarray, time: float, psi: np.ndarray) -> float:
    after = expm(generator * time) @ psi
    return float(np.vdot(after, after).real)
