"""Random numbers for many ensembles at once, each from a stream of its own.

The stream of an ensemble is a function of (cell, ensemble) alone, so that no outcome depends on what else was
run, in which order, or on how many processes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Streams of random numbers, one an ensemble.

    Parameters
    ----------
    streams : sequence of Generator
        One an ensemble.
    correlation : float
        Of neighbouring trajectories: what is drawn is a Gaussian copula over a stationary autoregression of
        first order, so that the law of each trajectory stays what it was.
    """

    streams: Sequence[np.random.Generator]
    correlation: float = 0.0

    @classmethod
    def of(cls, name: str, first: int, ensembles: int) -> Noise:
        """Give the streams of ensembles `first`, `first` + 1, ... of the cell called `name`."""
        word = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
        keys = (np.array([word, first + k], dtype=np.uint64) for k in range(ensembles))
        return cls(tuple(np.random.Generator(np.random.Philox(key=key)) for key in keys))

    def correlated(self, correlation: float) -> Noise:
        """Give the same streams with neighbours that resemble each other."""
        return replace(self, correlation=correlation)

    def normal(self, n: int) -> Floats:
        """Draw standard normal numbers: shape (ensembles, n)."""
        drawn = np.stack([stream.standard_normal(n) for stream in self.streams])
        return _autoregression(drawn, self.correlation) if self.correlation else drawn

    def uniform(self, n: int) -> Floats:
        """Draw uniform numbers in [0, 1): shape (ensembles, n)."""
        if self.correlation:
            return np.asarray(special.ndtr(self.normal(n)))
        return np.stack([stream.random(n) for stream in self.streams])


def _autoregression(z: Floats, correlation: float) -> Floats:
    r"""Return :math:`x_0=z_0,\ x_t=\rho x_{t-1}+\sqrt{1-\rho^2}\,z_t` along the last axis."""
    from scipy import signal

    driven = z * np.sqrt(1.0 - correlation**2)
    driven[:, 0] = z[:, 0]
    return np.asarray(signal.lfilter([1.0], [1.0, -correlation], driven, axis=1))
