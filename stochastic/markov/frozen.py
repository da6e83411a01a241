r"""A Markov jump dynamics with its controls and temperatures held: rates, energies, steady state.

Channel k leads from level ``source`` to level ``target`` at the rate ``w_k`` through bath ``nu``. Populations
follow

    dp_i/dt = sum_j L_ij p_j,    L_ij = sum_(k: j -> i) w_k  (i != j),   L_jj = -sum_(k from j) w_k        (1)

and the steady state solves ``L pi = 0``. Source: Schnakenberg, Rev. Mod. Phys. 48, 571 (1976).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.markov.stationary import stationary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.markov.generator import Generator

    Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frozen:
    """Equation (1) at given controls and temperatures, for any number N of them at once.

    Parameters
    ----------
    generator : Generator
    controls : (N, C) array
    beta : (N, B) array, 1 / energy
    coupled : (B,) array of bool
        Which baths are connected; the channels of others have rate 0.
    """

    generator: Generator
    controls: Array
    beta: Array
    coupled: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Number of levels."""
        return len(self.generator.levels)

    def rise(self, values: Array) -> Array:
        """Return what a jump adds to a function of the level: ``f_target - f_source``, shape (N, K)."""
        change: Array = values[:, self.generator.targets] - values[:, self.generator.sources]
        return change

    @cached_property
    def rates(self) -> Array:
        """Rate of each channel, shape (N, K), 1 / time."""
        rates: Array = self.generator.rates(self.controls, self.beta, self.coupled)
        return rates

    @cached_property
    def energies(self) -> Array:
        """Energy of each level, shape (N, n)."""
        energies: Array = self.generator.energies(self.controls)
        return energies

    @cached_property
    def potentials(self) -> Array:
        """Chemical potential of each channel's bath, shape (N, K), energy; 0 where it has none."""
        potentials: Array = self.generator.potentials(self.controls)
        return potentials

    @cached_property
    def pushes(self) -> Array:
        """Non-conservative work of a jump through each channel, shape (N, K), energy."""
        pushes: Array = self.generator.pushes(self.controls)
        return pushes

    @cached_property
    def heat(self) -> Array:
        """Heat taken in by a jump, ``E_target - E_source - mu particles - push``, shape (N, K)."""
        return self.rise(self.energies) - self.potentials * self.generator.particles - self.pushes

    @cached_property
    def populations(self) -> Array:
        """The steady state, shape (N, n).

        Raises
        ------
        InvalidInput
            If there are several, as the channels that are open leave levels apart.
        """
        found: Array = stationary(self.generator, self.rates)
        if np.isnan(found).any():
            raise InvalidInput(
                "no single steady state, open channels leave levels apart",
                "dynamics.baths",
                "connect them",
            )
        return found

    @cached_property
    def affinities(self) -> Array:
        """ln(rate / rate of the way back) of each channel, shape (N, K); 0 for a closed channel.

        Raises
        ------
        InvalidInput
            If an open channel has no way back.
        """
        backs, forward = self.generator.reverses, self.rates
        back = np.where(backs < 0, 0.0, forward[:, backs])
        alone = (forward > 0.0) & ~(back > 0.0)
        if alone.any():
            name = self.generator.channels[int(np.argmax(alone.any(axis=0)))].name
            raise InvalidInput(f"{name!r} has no way back", "dynamics.baths", "no entropy is defined")
        ratio = np.ones_like(forward)
        np.divide(forward, back, out=ratio, where=forward > 0.0)
        return np.log(ratio)

    def matrix(self, factors: NDArray[Any]) -> NDArray[Any]:
        """Return the generator tilted by a factor (N, K) for each channel, shape (N, n, n).

        ``L_ij = sum_(k: j -> i) w_k factor_k``, the escape rates on the diagonal unchanged; factors of 1 give
        equation (1).
        """
        tilted = self.carrying(factors)
        for k, channel in enumerate(self.generator.channels):
            tilted[:, channel.source, channel.source] -= self.rates[:, k]
        return tilted

    def carrying(self, amounts: NDArray[Any]) -> NDArray[Any]:
        """Return ``sum_(k: j -> i) w_k amount_k`` for each pair of levels, shape (N, n, n)."""
        carried = np.zeros((len(self.rates), self.size, self.size), dtype=np.result_type(amounts, np.float64))
        for k, channel in enumerate(self.generator.channels):
            carried[:, channel.target, channel.source] += self.rates[:, k] * amounts[:, k]
        return carried
