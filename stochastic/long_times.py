"""What follows from mean, variance and scaled cumulant generating function at long times, whatever jumps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.fano import divisor, fano_factor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Complex = NDArray[np.complex128]


class LongTimes(ABC):
    """A steady state in which quantities are counted, each by its name."""

    @property
    @abstractmethod
    def entropy_production(self) -> float:
        """Entropy produced per time, k_B / time."""

    @abstractmethod
    def mean(self, name: str) -> float:
        """Return what is counted per time."""

    @abstractmethod
    def covariance(self, name: str, other: str) -> float:
        """Return the covariance of two quantities per time."""

    @abstractmethod
    def _size(self, name: str) -> float:
        """Return the mean of the sizes of what jumps add, per time."""

    @abstractmethod
    def _tilted(self, fields: Mapping[str, float]) -> Floats | Complex:
        """Return the generator with each jump weighted by ``exp(sum s_x x)``, as a matrix."""

    @abstractmethod
    def _value_and_slope(self, name: str, s: float) -> tuple[float, float]:
        """Return mu(s) and mu'(s) of one quantity."""

    @cached_property
    def spectrum(self) -> Complex:
        """Eigenvalues of the generator, 0 first, then from slow to fast relaxation, 1 / time.

        As many as levels, or for wave functions as entries of the density matrix.
        """
        values = np.linalg.eigvals(self._tilted({})).astype(np.complex128)
        return values[np.argsort(-values.real, kind="stable")]

    def scaled_generating_function(self, fields: Mapping[str, float]) -> float:
        """Return ``lim ln<exp(sum s_x X)> / t``, the largest real part of the tilted spectrum, 1 / time.

        Parameters
        ----------
        fields : mapping of str to float
            The counting field s of each quantity: ``{"activity": 0.3}``.
        """
        return float(np.linalg.eigvals(self._tilted(fields)).real.max())

    def variance(self, name: str) -> float:
        """Return the variance of a quantity per time."""
        return self.covariance(name, name)

    def fano(self, name: str) -> float:
        """Return variance over mean: 1 for independent jumps in one direction; a mean of 0 is refused."""
        return fano_factor(name, self.mean(name), self.variance(name), self._size(name))

    def uncertainty_product(self, name: str) -> float:
        """Return ``variance * entropy production / mean^2``: of jumps between levels at least 2."""
        mean = divisor(name, self.mean(name), self._size(name), "uncertainty_product")
        return self.variance(name) * self.entropy_production / mean**2

    def symmetry(self, fields: Mapping[str, float], affinities: Mapping[str, float]) -> tuple[float, float]:
        """Return the two sides of the Gallavotti-Cohen symmetry, ``mu(s)`` and ``mu(-A - s)``.

        Parameters
        ----------
        fields : mapping of str to float
            s; a quantity left out has 0.
        affinities : mapping of str to float
            A, such that the entropy produced at long times is ``sum_x A_x X``.
        """
        mirrored = {
            name: -affinities.get(name, 0.0) - fields.get(name, 0.0) for name in (*fields, *affinities)
        }
        return self.scaled_generating_function(fields), self.scaled_generating_function(mirrored)

    def rate_function(self, name: str, fields: Sequence[float]) -> tuple[Floats, Floats]:
        """Return values x of a quantity per time, and how fast other values than the mean die out.

        ``P(X = x t) ~ exp(-I(x) t)`` with the Legendre transform of mu(s) along a grid of s:
        ``x = mu'(s)``, ``I = s x - mu(s)``.

        Parameters
        ----------
        name : str
        fields : sequence of float, shape (N,)
            The grid of s; s = 0 is the mean, where I = 0.

        Returns
        -------
        x, rate : (N,) arrays, 1 / time
        """
        rows = [self._value_and_slope(name, float(s)) for s in fields]
        value, slope = np.array(rows).reshape(len(rows), 2).T
        return slope, np.asarray(fields, np.float64) * slope - value
