"""The generator of a Markov jump process: its channels, and their rates at given controls and beta."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.lanes import exp, tanh
from fluctua.stochastic.rate_formulas import parse
from fluctua.stochastic.reservoirs import Arrhenius, BoseBath, Lead, Rates, edges_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from fluctua.stochastic.dynamics.markov_jump import MarkovJump
    from fluctua.stochastic.levels import Levels
    from fluctua.stochastic.reservoirs import Reservoir

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]
    RateOf = Callable[["Instants", int], Floats]


@dataclass(frozen=True)
class Channel:
    """One kind of jump.

    Parameters
    ----------
    name : str
        ``"left: empty -> full"``.
    source, target : int
        Levels, by index.
    bath : int
        The bath that causes it, by index.
    particles : int
        Into the system: 1, -1 or 0.
    reverse : int
        The channel back, by index; -1 if there is none.
    """

    name: str
    source: int
    target: int
    bath: int
    particles: int
    reverse: int


@dataclass(frozen=True, eq=False)
class Instants:
    """Values at N instants: symbols of formulas by name, energies (N, n), beta (N, B)."""

    symbols: dict[str, Any]
    energies: Floats
    beta: Floats


class Generator:
    """The channels of a Markov jump process and their rates.

    Parameters
    ----------
    system : Levels
    dynamics : MarkovJump

    Attributes
    ----------
    levels, bath_names : tuple of str
    channels : tuple of Channel
        Bath by bath, edge by edge, along the edge and then against it.
    sources, targets, baths, particles, reverses : (K,) arrays of int
        The same as arrays.

    Raises
    ------
    InvalidInput
        An unknown level, a formula that cannot be read, a bath that does not act on levels.
    """

    def __init__(self, system: Levels, dynamics: MarkovJump) -> None:
        self.system = system
        self.levels = system.states
        self.bath_names = dynamics.bath_names
        self._graph = Graph()
        self._channels: list[Channel] = []
        self._laws: list[RateOf] = []
        self._potentials: list[int] = []
        self._pushes: list[tuple[int, float]] = []
        self._spectra: dict[int, tuple[int, int]] = {}
        for b, bath in enumerate(dynamics.baths):
            self._add(b, bath)
        self.channels = tuple(self._channels)

    def _indices(self, field: str) -> Indices:
        return np.array([getattr(channel, field) for channel in self.channels], dtype=np.int64)

    @cached_property
    def sources(self) -> Indices:
        """Level that each channel leaves, shape (K,)."""
        return self._indices("source")

    @cached_property
    def targets(self) -> Indices:
        """Level that each channel leads to, shape (K,)."""
        return self._indices("target")

    @cached_property
    def baths(self) -> Indices:
        """Bath of each channel, shape (K,)."""
        return self._indices("bath")

    @cached_property
    def particles(self) -> Indices:
        """Particles that each channel brings into the system, shape (K,)."""
        return self._indices("particles")

    @cached_property
    def reverses(self) -> Indices:
        """The channel back of each, -1 where there is none, shape (K,)."""
        return self._indices("reverse")

    @property
    def pushed(self) -> bool:
        """Whether non-conservative forces do work in some jump."""
        return not all(self._graph.is_zero(node) for node, _ in self._pushes)

    # ---- building

    def _add(self, b: int, bath: Reservoir) -> None:
        """Add the channels of one bath."""
        law, back = self._laws_of(b, bath)
        mu = self._node(bath.mu, bath, "mu") if isinstance(bath, Lead) else self._graph.number(0.0)
        push = self._node(bath.work, bath, "work") if isinstance(bath, Rates) else self._graph.number(0.0)
        particles = int(isinstance(bath, Lead))
        for a, z in edges_of(bath, self.levels):
            source, target = self._level(a, bath), self._level(z, bath)
            here = len(self._channels)
            both = back is not None
            self._append(bath, (source, target, b), particles, here + 1 if both else -1)
            self._laws.append(law)
            self._potentials.append(mu)
            self._pushes.append((push, 1.0))
            if back is not None:
                self._append(bath, (target, source, b), -particles, here)
                self._laws.append(back)
                self._potentials.append(mu)
                self._pushes.append((push, -1.0))

    def _append(self, bath: Reservoir, way: tuple[int, int, int], particles: int, reverse: int) -> None:
        source, target, b = way
        label = f"{bath.name}: {self.levels[source]} -> {self.levels[target]}"
        self._channels.append(Channel(label, source, target, b, particles, reverse))

    def _level(self, level: str, bath: Reservoir) -> int:
        if level not in self.levels:
            raise not_among(level, "level", self.levels, f"{bath.where}.on")
        return self.levels.index(level)

    def _node(self, formula: float | str, bath: Reservoir, field: str, **also: str) -> int:
        """Read a formula of controls and parameters, and of what else is named."""
        noun = {"mu": "a chemical potential", "work": "a work", "barrier": "a barrier"}.get(field, "a rate")
        return parse(self._graph, formula, self.system.names | also, f"{bath.where}.{field}", noun)

    def _value(self, node: int, symbols: dict[str, Any], count: int) -> Floats:
        return np.broadcast_to(self._graph.evaluate(node, symbols), (count,)).astype(np.float64)

    # ---- numbers

    def energies(self, controls: ArrayLike) -> Floats:
        """Return the energy of each level, shape (N, n), for controls of shape (N, C)."""
        return self.system.energies(controls)

    def potentials(self, controls: ArrayLike) -> Floats:
        """Return the chemical potential of each channel's bath, shape (N, K); 0 where it has none."""
        symbols, count = self.system.symbol_values(controls), len(np.asarray(controls))
        return self._table([self._value(node, symbols, count) for node in self._potentials], count)

    def pushes(self, controls: ArrayLike) -> Floats:
        """Return the non-conservative work on the system in a jump through each channel, shape (N, K)."""
        symbols, count = self.system.symbol_values(controls), len(np.asarray(controls))
        columns = [sign * self._value(node, symbols, count) for node, sign in self._pushes]
        return self._table(columns, count)

    def rates(self, controls: ArrayLike, beta: ArrayLike, coupled: ArrayLike) -> Floats:
        """Return the rate of each channel.

        Parameters
        ----------
        controls : (N, C) array
        beta : (N, B) array, 1 / energy
            Inverse temperature of each bath.
        coupled : (B,) array of bool
            Whether each bath is connected.

        Returns
        -------
        (N, K) array, 1 / time
            0 for baths that are not connected; NaN or infinite where a formula is.
        """
        inverse, connected = np.asarray(beta, dtype=np.float64), np.asarray(coupled, dtype=bool)
        at = Instants(self.system.symbol_values(controls), self.energies(controls), inverse)
        columns = [
            law(at, k) if connected[self._channels[k].bath] else np.zeros(len(inverse))
            for k, law in enumerate(self._laws)
        ]
        return self._table(columns, len(inverse))

    @staticmethod
    def _table(columns: list[Floats], count: int) -> Floats:
        table = np.empty((count, len(columns)))
        for k, column in enumerate(columns):
            table[:, k] = column
        return table

    def gaps(self, at: Instants, k: int) -> Floats:
        """Return the energy that the levels gain in a jump through channel k."""
        channel = self._channels[k]
        gained: Floats = at.energies[:, channel.target] - at.energies[:, channel.source]
        return gained

    def finite_without_gap(self, b: int) -> bool:
        """Tell whether the rates of a bath of bosons stay finite where a gap closes."""
        symbols = self.system.symbol_values(np.zeros((1, len(self.system.controls)))) | {"omega": np.zeros(1)}
        spectrum, slope = (self._value(node, symbols, 1)[0] for node in self._spectra[b])
        return bool(spectrum == 0.0 and np.isfinite(slope))

    # ---- the laws of each kind of bath

    def _laws_of(self, b: int, bath: Reservoir) -> tuple[RateOf, RateOf | None]:
        """Give the rates along and against an edge; None if nothing leads back."""
        match bath:
            case Lead():
                law = self._lead(b, bath)
            case BoseBath():
                law = self._bose(b, bath)
            case Arrhenius():
                law = self._arrhenius(b, bath)
            case Rates():
                return self._given(b, bath)
            case _:
                raise InvalidInput(
                    f"{bath.kind} does not act on levels",
                    bath.where,
                    "use Lead, BoseBath, Arrhenius or Rates",
                )
        return law, law

    def _lead(self, b: int, bath: Lead) -> RateOf:
        """Give rate / (1 + exp(x)), x = beta times the heat that the jump takes from the lead."""
        rate, mu = self._node(bath.rate, bath, "rate"), self._node(bath.mu, bath, "mu")

        def law(at: Instants, k: int) -> Floats:
            count = len(at.beta)
            taken = self._value(mu, at.symbols, count) * float(self._channels[k].particles)
            with np.errstate(over="ignore"):
                occupied = 1.0 / (1.0 + exp(at.beta[:, b] * (self.gaps(at, k) - taken)))
            found: Floats = self._value(rate, at.symbols, count) * occupied
            return found

        return law

    def _bose(self, b: int, bath: BoseBath) -> RateOf:
        """Give rate * spectrum * (n + 1) for a jump down, n for one up; at omega = 0 the common limit."""
        if bath.dephasing:
            raise InvalidInput("levels have no phase", f"{bath.where}.dephasing", "leave it out")
        rate = self._node(bath.rate, bath, "rate")
        spectrum, slope = self._spectra[b] = self._spectrum(bath)

        def law(at: Instants, k: int) -> Floats:
            gap, beta = self.gaps(at, k), at.beta[:, b]
            omega = np.abs(gap)
            symbols = at.symbols | {"omega": omega}
            with np.errstate(all="ignore"):
                weight = self._value(spectrum, symbols, len(beta))
                limit = self._value(slope, symbols, len(beta)) / beta
                found = weight * bosons(beta * gap)
            found = np.where(omega > 0.0, found, np.where(weight == 0.0, limit, np.inf))
            result: Floats = self._value(rate, at.symbols, len(beta)) * np.where(np.isnan(gap), gap, found)
            return result

        return law

    def _spectrum(self, bath: BoseBath) -> tuple[int, int]:
        """Read a spectrum: its node, and that of its derivative."""
        if "omega" in self.system.names:
            raise InvalidInput(
                "'omega' is the frequency in a spectrum", "system", "rename the control or parameter"
            )
        known = {word: self.system.names[word] for word in self.system.parameters} | {"omega": "omega"}
        where = f"{bath.where}.spectrum"
        node = parse(self._graph, bath.spectrum, known, where, "a spectrum")
        return node, self._graph.derivative(node, "omega")

    def _arrhenius(self, b: int, bath: Arrhenius) -> RateOf:
        rate, barrier = self._node(bath.rate, bath, "rate"), self._node(bath.barrier, bath, "barrier")

        def law(at: Instants, k: int) -> Floats:
            count = len(at.beta)
            climb = self._value(barrier, at.symbols, count) - at.energies[:, self._channels[k].source]
            with np.errstate(over="ignore"):
                found: Floats = self._value(rate, at.symbols, count) * exp(-at.beta[:, b] * climb)
            return found

        return law

    def _given(self, b: int, bath: Rates) -> tuple[RateOf, RateOf | None]:
        forward = self._node(bath.forward, bath, "forward", beta="beta")
        backward = self._node(bath.backward, bath, "backward", beta="beta")

        def along(node: int) -> RateOf:
            def law(at: Instants, _k: int) -> Floats:
                return self._value(node, at.symbols | {"beta": at.beta[:, b]}, len(at.beta))

            return law

        return along(forward), None if self._graph.is_zero(backward) else along(backward)


def bosons(x: Floats) -> Floats:
    r"""Return the factor of a jump that takes x = beta times its energy from a bath of bosons.

    n(x) for x > 0 and n(-x) + 1 for x < 0, with :math:`n(x)=1/(e^x-1)`. From
    :math:`n+1=(1+\coth(x/2))/2` and :math:`n=e^{-x}(n+1)`, so that neither cancels and the ratio of both ways
    is :math:`e^x` to rounding.
    """
    size = np.abs(x)
    down = 0.5 * (1.0 + 1.0 / tanh(0.5 * size))
    found: Floats = np.where(x > 0.0, exp(-size) * down, down)
    return found
