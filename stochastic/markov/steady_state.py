r"""The steady state of a jump dynamics at fixed controls: currents, noise, and all cumulants at long times.

A counted quantity X of amounts c_k tilts the generator, and its largest eigenvalue is the scaled cumulant
generating function,

    L(s)_ij = sum_(k: j -> i) w_k exp(s c_k)  (i != j),   mu(s) = lim ln<exp(s X)> / t = max Re spec L(s)  (1)

Mean and covariance per time follow exactly from the group inverse G of L, with L_a carrying c_a once, L_ab
twice, and 1 the row of ones:

    J_a = 1 L_a pi,        C_ab = 1 (L_ab - L_a G L_b - L_b G L_a) pi                                      (2)

Sources: Lebowitz, Spohn, J. Stat. Phys. 95, 333 (1999), equation 2.7; Meyer, SIAM Rev. 17, 443 (1975).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.counting_fields import read_fields
from fluctua.stochastic.errors import not_among
from fluctua.stochastic.long_times import LongTimes
from fluctua.stochastic.markov.frozen import Frozen
from fluctua.stochastic.markov.quantities import quantities, tilts

if TYPE_CHECKING:
    from fluctua.stochastic.markov.frozen import Array
    from fluctua.stochastic.markov.generator import Generator


@dataclass(frozen=True)
class Cycle:
    """A closed way through the channels, and ln of its rates over those of the way back.

    Attributes
    ----------
    channels : tuple of str
        In the order of the way.
    affinity : float
        Entropy that one turn produces, k_B.
    """

    channels: tuple[str, ...]
    affinity: float


@dataclass(frozen=True, eq=False)
class SteadyState(LongTimes):
    """A generator at fixed controls and temperatures, once it has forgotten how it started.

    Made by `Counting.steady`, or by ``SteadyState.at(generator, controls, beta)``.

    Examples
    --------
    >>> steady = SteadyState.at(generator, [0.5, 2.0], [1.0, 1.0])                       # doctest: +SKIP
    >>> steady.mean("particles_left"), steady.fano("particles_left")                     # doctest: +SKIP
    (0.220017, 1.09302)
    """

    frozen: Frozen

    @classmethod
    def at(
        cls,
        generator: Generator,
        controls: Sequence[float],
        beta: Sequence[float],
        coupled: Sequence[bool] | None = None,
    ) -> SteadyState:
        """Make one from numbers.

        Parameters
        ----------
        generator : Generator
        controls : sequence of float
            In the order of the system's controls.
        beta : sequence of float, 1 / energy
            In the order of the baths.
        coupled : sequence of bool, optional
            Which baths are connected; all of them if left out.
        """
        connected = np.ones(len(beta), dtype=np.bool_) if coupled is None else np.array(coupled, dtype=bool)
        numbers = np.array([controls], dtype=np.float64), np.array([beta], dtype=np.float64)
        return cls(Frozen(generator, *numbers, connected))

    def __repr__(self) -> str:
        """Write the controls and the populations on one line; of many levels the first four."""
        system = self.frozen.generator.system
        at = [
            f"{k} = {v:.6g}" for k, v in zip(system.controls, self.frozen.controls[0].tolist(), strict=True)
        ]
        levels = [f"{k} {v:.4g}" for k, v in zip(system.states[:4], self.populations.tolist(), strict=False)]
        more = ["..."] if len(system.states) > 4 else []
        return f"SteadyState({', '.join([*at, *levels, *more])})"

    @property
    def populations(self) -> Array:
        """Probability of each level, shape (n,)."""
        found: Array = self.frozen.populations[0]
        return found

    @cached_property
    def generator(self) -> Array:
        """Rates from column to row, columns summing to 0, shape (n, n), 1 / time."""
        generator: Array = self.frozen.matrix(np.ones_like(self.frozen.rates))[0]
        return generator

    @cached_property
    def fluxes(self) -> Array:
        """Jumps per time through each channel, shape (K,)."""
        fluxes: Array = self.frozen.rates[0] * self.populations[self.frozen.generator.sources]
        return fluxes

    @property
    def entropy_production(self) -> float:
        """Entropy produced per time: ``sum_k flux_k ln(rate_k / rate of the way back)``, k_B / time."""
        return float(self.fluxes @ self.frozen.affinities[0])

    @property
    def activity(self) -> float:
        """Jumps per time."""
        return float(self.fluxes.sum())

    def mean(self, name: str) -> float:
        """Return what is counted per time, J of equation (2)."""
        return float(self.fluxes @ self._amounts(name))

    def covariance(self, name: str, other: str) -> float:
        """Return the covariance of two quantities per time, C of equation (2)."""
        first, second = self._amounts(name), self._amounts(other)
        one, two = self._carrying(first), self._carrying(second)
        memory = one @ (self._group_inverse @ (two @ self.populations))
        memory += two @ (self._group_inverse @ (one @ self.populations))
        return float(self.fluxes @ (first * second) - memory.sum())

    def cycles(self) -> list[Cycle]:
        """Return a fundamental set of cycles with their affinities.

        One for each open pair of channels outside a spanning tree; that of any other cycle is a sum of these.
        Source: Schnakenberg, Rev. Mod. Phys. 48, 571 (1976), section 8.
        """
        from fluctua.stochastic.markov.cycles import fundamental_cycles

        ways = fundamental_cycles(self.frozen)
        names = [channel.name for channel in self.frozen.generator.channels]
        affinities = self.frozen.affinities[0]
        return [Cycle(tuple(names[k] for k in way), float(affinities[way].sum())) for way in ways]

    def information_flow(self, baths: Sequence[str]) -> float:
        """Return what jumps through some baths add to ln p per time: their part of the learning rate.

        ``sum_k flux_k ln(pi_target / pi_source)`` over the channels of these baths; where they move one half
        of a bipartite system, that is the information it gains about the other, and their entropy flow minus
        this is not negative. Source: Horowitz, Esposito, PRX 4, 031015 (2014), equation 9.
        """
        ways, names = self.frozen.generator, self.frozen.generator.bath_names
        for bath in baths:
            if bath not in names:
                raise not_among(bath, "bath", names)
        of_these = np.isin(ways.baths, [names.index(bath) for bath in baths])
        return float(self.fluxes[of_these] @ self.frozen.rise(np.log(self.frozen.populations))[0][of_these])

    @cached_property
    def _group_inverse(self) -> Array:
        projector = np.outer(self.populations, np.ones(len(self.populations)))
        inverse: Array = np.linalg.inv(self.generator - projector) + projector
        return inverse

    def _size(self, name: str) -> float:
        """Return the mean of the sizes of what jumps add, per time."""
        return float(self.fluxes @ np.abs(self._amounts(name)))

    def _amounts(self, name: str) -> Array:
        (quantity,) = quantities([name], self.frozen.generator)
        amounts: Array = quantity.amounts(self.frozen)[0]
        return amounts

    def _carrying(self, amounts: Array) -> Array:
        carried: Array = self.frozen.carrying(amounts[None, :])[0]
        return carried

    def _tilted(self, fields: Mapping[str, float]) -> Array:
        tilted: Array = self.frozen.matrix(tilts(self.frozen, read_fields(fields)))[0]
        return tilted

    def _value_and_slope(self, name: str, s: float) -> tuple[float, float]:
        """Return mu(s) and mu'(s) = left L'(s) right / (left right), from the dominant eigenvectors."""
        from scipy.linalg import eig

        amounts = self._amounts(name)
        tilted = self._tilted({name: s})
        values, right = eig(tilted)
        transposed, left = eig(tilted.T)
        top = int(values.real.argmax())
        one, two = left[:, int(transposed.real.argmax())].real, right[:, top].real
        slope = one @ self._carrying(amounts * np.exp(s * amounts)) @ two / (one @ two)
        return float(values[top].real), float(slope)
