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
    RateOf = Callable[["Instants", slice], Floats]


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
    balanced : bool
        Whether rates obey local detailed balance.

    Raises
    ------
    InvalidInput
        An unknown level, a formula that cannot be read, a bath that does not act on levels.
    """

    def __init__(self, system: Levels, dynamics: MarkovJump) -> None:
        self.system = system
        self.levels = system.states
        self.bath_names = dynamics.bath_names
        self.balanced = dynamics.thermodynamics
        self._graph = Graph()
        self._channels: list[Channel] = []
        self._mine: list[slice] = []
        self._laws: list[RateOf] = []
        self._potentials: list[int] = []
        self._pushes: list[int] = []
        self._spectra: dict[int, tuple[int, int]] = {}
        for b, bath in enumerate(dynamics.baths):
            self._add(b, bath)
        self.channels = tuple(self._channels)
        # Its work is done along an edge, and undone against it.
        self._ways = np.array(
            [1.0 if c.reverse < 0 or c.reverse > k else -1.0 for k, c in enumerate(self.channels)]
        )

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
        return not all(self._graph.is_zero(node) for node in self._pushes)

    # ---- building

    def _add(self, b: int, bath: Reservoir) -> None:
        """Add the channels of one bath, and what all of them share."""
        first, particles, both = len(self._channels), int(isinstance(bath, Lead)), self._both_ways(bath)
        for a, z in edges_of(bath, self.levels):
            source, target = self._level(a, bath), self._level(z, bath)
            here = len(self._channels)
            self._append(bath, (source, target, b), particles, here + 1 if both else -1)
            if both:
                self._append(bath, (target, source, b), -particles, here)
        self._mine.append(slice(first, len(self._channels)))
        self._laws.append(self._law(b, bath))
        self._potentials.append(
            self._node(bath.mu, bath, "mu") if isinstance(bath, Lead) else self._graph.number(0.0)
        )
        self._pushes.append(
            self._node(bath.work, bath, "work") if isinstance(bath, Rates) else self._graph.number(0.0)
        )

    def _both_ways(self, bath: Reservoir) -> bool:
        """Tell whether there is a way back, which a backward rate of 0 is not."""
        if not isinstance(bath, Rates):
            return True
        return not self._graph.is_zero(self._node(bath.backward, bath, "backward", beta="beta"))

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

    def _value(self, node: int, symbols: dict[str, Any], shape: tuple[int, ...]) -> Floats:
        """Compute a formula; one that is a number needs no arithmetic."""
        known = self._graph.constant(node)
        return np.full(shape, self._graph.evaluate(node, symbols) if known is None else known)

    # ---- numbers

    def energies(self, controls: ArrayLike) -> Floats:
        """Return the energy of each level, shape (N, n), for controls of shape (N, C)."""
        return self.system.energies(controls)

    def potentials(self, controls: ArrayLike) -> Floats:
        """Return the chemical potential of each channel's bath, shape (N, K); 0 where it has none."""
        return self._spread(self._potentials, controls)

    def pushes(self, controls: ArrayLike) -> Floats:
        """Return the non-conservative work on the system in a jump through each channel, shape (N, K)."""
        done: Floats = self._spread(self._pushes, controls) * self._ways
        return done

    def _spread(self, nodes: list[int], controls: ArrayLike) -> Floats:
        """Return one formula a bath as columns of its channels."""
        symbols, count = self.system.symbol_values(controls), len(np.asarray(controls))
        table = np.empty((count, len(self.channels)))
        for node, mine in zip(nodes, self._mine, strict=True):
            table[:, mine] = self._value(node, symbols, (count,))[:, None]
        return table

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
        table = np.zeros((len(inverse), len(self.channels)))
        for law, mine, there in zip(self._laws, self._mine, connected, strict=True):
            if there:
                table[:, mine] = law(at, mine)
        return table

    def _gaps(self, at: Instants, mine: slice) -> Floats:
        """Return the energy that levels gain in a jump through each of some channels, shape (N, k)."""
        gained: Floats = at.energies[:, self.targets[mine]] - at.energies[:, self.sources[mine]]
        return gained

    def finite_without_gap(self, b: int) -> bool:
        """Tell whether the rates of a bath of bosons stay finite where a gap closes."""
        symbols = self._parameters | {"omega": np.zeros(1)}
        spectrum, slope = (self._value(node, symbols, (1,))[0] for node in self._spectra[b])
        return bool(spectrum == 0.0 and np.isfinite(slope))

    # ---- the laws of each kind of bath

    @property
    def _parameters(self) -> dict[str, Any]:
        return {self.system.names[word]: value for word, value in self.system.parameters.items()}

    def _law(self, b: int, bath: Reservoir) -> RateOf:
        """Give the function that computes the rates of a bath's channels, (N, k)."""
        match bath:
            case Lead():
                return self._lead(b, bath)
            case BoseBath():
                return self._bose(b, bath)
            case Arrhenius():
                return self._arrhenius(b, bath)
            case Rates():
                return self._given(b, bath)
        raise InvalidInput(
            f"{bath.kind} does not act on levels", bath.where, "use Lead, BoseBath, Arrhenius or Rates"
        )

    def _lead(self, b: int, bath: Lead) -> RateOf:
        """Give rate / (1 + exp(x)), x = beta times the heat that the jump takes from the lead."""
        rate, mu = self._node(bath.rate, bath, "rate"), self._node(bath.mu, bath, "mu")

        def law(at: Instants, mine: slice) -> Floats:
            brought = self._value(mu, at.symbols, (len(at.beta),))[:, None] * self.particles[mine]
            x = at.beta[:, b, None] * (self._gaps(at, mine) - brought)
            with np.errstate(over="ignore"):
                occupied: Floats = 1.0 / (1.0 + exp(x))
            return self._value(rate, at.symbols, (len(at.beta),))[:, None] * occupied

        return law

    def _bose(self, b: int, bath: BoseBath) -> RateOf:
        """Give rate * spectrum * (n + 1) for a jump down, n for one up; at omega = 0 the common limit."""
        if bath.dephasing:
            raise InvalidInput("levels have no phase", f"{bath.where}.dephasing", "leave it out")
        rate = self._node(bath.rate, bath, "rate")
        spectrum, slope = self._spectra[b] = self._spectrum(bath)

        def law(at: Instants, mine: slice) -> Floats:
            gap, beta = self._gaps(at, mine), at.beta[:, b, None]
            omega = np.abs(gap)
            symbols = self._parameters | {"omega": omega}
            with np.errstate(all="ignore"):
                weight = self._value(spectrum, symbols, gap.shape)
                found = weight * bosons(beta * gap)
                if not omega.all():
                    limit = self._value(slope, symbols, gap.shape) / beta
                    found = np.where(omega == 0.0, np.where(weight == 0.0, limit, np.inf), found)
                scale = self._value(rate, at.symbols, (len(beta),))[:, None]
                result: Floats = np.where(scale == 0.0, 0.0, scale * found)
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
        """Give rate * exp(-beta * climb)."""
        rate, barrier = self._node(bath.rate, bath, "rate"), self._node(bath.barrier, bath, "barrier")

        def law(at: Instants, mine: slice) -> Floats:
            top = self._value(barrier, at.symbols, (len(at.beta),))[:, None]
            climb = top - at.energies[:, self.sources[mine]]
            with np.errstate(over="ignore"):
                crossed: Floats = exp(-at.beta[:, b, None] * climb)
            return self._value(rate, at.symbols, (len(at.beta),))[:, None] * crossed

        return law

    def _given(self, b: int, bath: Rates) -> RateOf:
        """Give the formulas themselves."""
        forward = self._node(bath.forward, bath, "forward", beta="beta")
        backward = self._node(bath.backward, bath, "backward", beta="beta")
        step = 2 if self._both_ways(bath) else 1

        def law(at: Instants, mine: slice) -> Floats:
            symbols, count = at.symbols | {"beta": at.beta[:, b]}, (len(at.beta),)
            table = np.empty((*count, mine.stop - mine.start))
            table[:, ::step] = self._value(forward, symbols, count)[:, None]
            if step == 2:
                table[:, 1::2] = self._value(backward, symbols, count)[:, None]
            return table

        return law


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
