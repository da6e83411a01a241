"""Two bodies that exchange energy: the exact joint law, its theorem, and the bounds that follow from it.

Both start in equilibrium, at beta_a and beta_b, interact by a unitary U, and are measured before and after.
With ``Sigma = beta_a dE_a + beta_b dE_b``, where U conserves the energy and time reversal changes nothing,

    P(Q) / P(-Q) = exp((beta_b - beta_a) Q),   Q = dE_b = -dE_a          <exp(-Sigma)> = 1 always

C. Jarzynski, D. K. Wojcik, Phys. Rev. Lett. 92, 230602 (2004).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.quantum.closed import (
    Atoms,
    draw_outcomes,
    merged,
    start_populations,
    transition_probabilities,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Complex = NDArray[np.complex128]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExchangeLaw:
    """The joint law of the energy changes of two bodies.

    Parameters
    ----------
    changes : (n, 2) array, energy
        Of body a and of body b.
    probabilities : (n,) array
    beta : (float, float), 1 / energy
        Of the starts.
    """

    changes: Floats
    probabilities: Floats
    beta: tuple[float, float]

    def heat(self) -> Atoms:
        """Return the law of the energy that body b takes up."""
        values, chances = merged(self.changes[:, 1:], self.probabilities)
        return Atoms(values[:, 0], chances)

    def entropy(self) -> Atoms:
        """Return the law of ``Sigma = beta_a dE_a + beta_b dE_b``, k_B."""
        values, chances = merged(self.changes @ np.array(self.beta)[:, None], self.probabilities)
        return Atoms(values[:, 0], chances)

    def sample(self, count: int, seed: int, *, first: int = 0, direction: str = "forward") -> Floats:
        """Draw pairs of energy changes, shape (count, 2), the same for the same seed; see `Atoms.sample`."""
        drawn = draw_outcomes(self.probabilities, count, seed, first=first, direction=direction)
        return self.changes[drawn]


def exchange_law(
    body_a: ArrayLike, body_b: ArrayLike, unitary: ArrayLike, *, beta: tuple[float, float]
) -> ExchangeLaw:
    """Return the joint law of the energy changes of two bodies.

    Parameters
    ----------
    body_a, body_b : (d_a, d_a) and (d_b, d_b) arrays, energy
        Hamiltonians of each alone.
    unitary : (d_a d_b, d_a d_b) array
        On the product, b being the fast index.
    beta : (float, float), 1 / energy
        Inverse temperatures at the start.
    """
    (of_a, kets_a), (of_b, kets_b) = np.linalg.eigh(np.asarray(body_a)), np.linalg.eigh(np.asarray(body_b))
    kets = np.kron(kets_a, kets_b)
    start = np.kron(start_populations(of_a, beta[0], None), start_populations(of_b, beta[1], None))
    chances = transition_probabilities(kets, np.asarray(unitary, dtype=np.complex128), kets) * start
    energies = np.stack([np.repeat(of_a, len(of_b)), np.tile(of_b, len(of_a))], axis=1)
    changes, probabilities = merged((energies[:, None] - energies).reshape(-1, 2), chances.reshape(-1))
    return ExchangeLaw(changes, probabilities, beta)


def partial_swap(theta: float, dimension: int = 2) -> Complex:
    """Return ``cos(theta) - i sin(theta) SWAP`` of two equal bodies: they swap with ``sin^2 theta``."""
    swap = np.eye(dimension**2).reshape([dimension] * 4).transpose(1, 0, 2, 3).reshape(dimension**2, -1)
    unitary: Complex = math.cos(theta) * np.eye(dimension**2) - 1j * math.sin(theta) * swap
    return unitary


def hasegawa_van_vu(entropy: float) -> float:
    """Return the least relative variance of a current at a mean entropy production, ``2 / (e^Sigma - 1)``.

    For any current that is odd under exchange, where the detailed theorem holds.

    Y. Hasegawa, T. Van Vu, Phys. Rev. Lett. 123, 110602 (2019).
    """
    return 2.0 / math.expm1(entropy)


def timpanaro(entropy: float) -> float:
    """Return the tight version, ``1 / sinh^2(g(Sigma / 2))``, g being the inverse of ``x tanh x``.

    A. M. Timpanaro, G. Guarnieri, J. Goold, G. T. Landi, Phys. Rev. Lett. 123, 090604 (2019).
    """
    from scipy.optimize import brentq

    half = 0.5 * entropy
    root = float(brentq(lambda x: x * math.tanh(x) - half, 0.0, half + 2.0, xtol=1e-15, rtol=1e-14))
    return 1.0 / math.sinh(root) ** 2
