r"""Scores of the detailed theorems: what each trajectory adds to a test, and its variance under independence.

A test of a logistic model is a sum over trajectories of residual times a function of the value. Under the
theorem each term has mean 0 within its direction (that of ΔF alone has the same mean in all), and the
variance of the sum follows from the chances, if trajectories are independent. `fluctua.analysis.dependence`
compares it with the variance that the order of the terms, or their groups, show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.correlation import Scores
from fluctua.analysis.crooks import LEAST_INFORMATION
from fluctua.analysis.logistic import chances, moments
from fluctua.analysis.relabelling import SAME
from fluctua.analysis.samples import Sample, replaced, stretches

Floats = NDArray[np.float64]

DEGREE = 3  # of the polynomials whose scores the shape test takes


class Ratios(NamedTuple):
    """Variances of sums of scores over those of independent trajectories."""

    slope: float = 1.0
    free_energy: float = 1.0
    shape: float = 1.0
    mean: float = 1.0


@dataclass(frozen=True)
class CrooksScores:
    r"""The logistic model at BAR's f, with work measured from the information-weighted centre.

    .. math:: r_i=\delta_i-p_i, \qquad \mathrm{scores}\ r_i\,(h_i^k-\overline{h^k}), \qquad
       h=(x-c)/\mathrm{width}

    with averages weighted by :math:`v=p(1-p)`. Under independence their sums have the covariance
    :math:`\sum v\,(h^j-\overline{h^j})(h^k-\overline{h^k})`, and that of r alone
    :math:`I-I^2(1/n_F+1/n_R)` with :math:`I=\sum v`.
    """

    f: float
    log_sizes: float
    centre: float
    width: float
    means: Floats
    naive: Floats

    @classmethod
    def of(cls, forward: Floats, reverse: Floats, f: float) -> Self | None:
        """Take work of both directions and BAR's f; none where they do not overlap enough for any error."""
        sizes = math.log(forward.size / reverse.size)
        information, first, second = _moments(forward, reverse, f, sizes, (0.0, 1.0), 2)
        if information < LEAST_INFORMATION:
            return None
        centre = first / information
        width = math.sqrt(max(second / information - centre**2, 0.0)) or 1.0
        sums = _moments(forward, reverse, f, sizes, (centre, width), 2 * DEGREE)
        gram = np.array([[sums[j + k] for k in range(DEGREE + 1)] for j in range(DEGREE + 1)])
        naive = gram - np.outer(gram[0], gram[0]) / information
        naive[0] = naive[:, 0] = 0.0
        naive[0, 0] = information - information**2 * (1.0 / forward.size + 1.0 / reverse.size)
        return cls(f, sizes, centre, width, gram[0] / information, naive)

    def scores(self, *, forward: bool, degree: int) -> Scores:
        """Return the map from measured work to scores: shape (degree + 1, m)."""

        def of(work: Floats) -> Floats:
            x = (work if forward else -work) - self.f
            plus, minus = chances(x + self.log_sizes)
            residual = minus if forward else -plus
            h = (x - self.centre) / self.width
            return np.stack([residual, *(residual * (h**k - self.means[k]) for k in range(1, degree + 1))])

        return of

    def ratios(self, covariance: Floats) -> Ratios:
        """Compare a covariance of the sums with that of independent trajectories."""
        return Ratios(
            free_energy=ratio(covariance[0, 0], self.naive[0, 0]),
            slope=ratio(covariance[1, 1], self.naive[1, 1]),
            shape=largest_ratio(covariance[1:, 1:], self.naive[1:, 1:]),
        )


def _moments(
    forward: Floats, reverse: Floats, f: float, sizes: float, place: tuple[float, float], largest: int
) -> Floats:
    """Return the sums of v h^k over both directions, with h = (x - f - centre) / width."""
    samples = Sample(forward, 1.0, f), Sample(reverse, -1.0, f)
    return np.asarray(np.sum([moments(sample, sizes, *place, largest) for sample in samples], axis=0))


def ratio(variance: float, naive: float) -> float:
    """Return a variance over that of independent trajectories; 1 where those have none."""
    return float(variance / naive) if naive > 0.0 else 1.0


def largest_ratio(covariance: Floats, naive: Floats) -> float:
    """Return the largest ratio of variances of any combination: a generalised eigenvalue."""
    whitener = whitening(naive)
    return float(np.linalg.eigvalsh(whitener.T @ covariance @ whitener)[-1])


def whitening(covariance: Floats) -> Floats:
    """Return combinations with variance 1 and no correlation, as columns.

    Components that the data cannot tell apart say nothing: there may be fewer combinations.
    """
    scale = np.sqrt(np.maximum(np.diag(covariance), np.finfo(np.float64).tiny))
    sizes, axes = np.linalg.eigh(covariance / np.outer(scale, scale))
    kept = sizes > 1e-9 * sizes[-1]
    return np.asarray(axes[:, kept] / np.sqrt(sizes[kept]) / scale[:, None])


def sign_scores(s: Floats) -> Floats:
    """Return residual times size, and residual; nothing where s is 0 and has no sign."""
    size = np.abs(s)
    plus, minus = chances(size)
    residual = np.where(s > 0.0, minus, np.where(s < 0.0, -plus, 0.0))
    return np.stack([residual * size, residual])


def settled(s: ArrayLike) -> Floats:
    """Return values of s with 0 where they are zero but for rounding: the sign of what cancels is no coin.

    Nor is that of plus infinity: the way back is impossible, and the coin has one side.

    Parameters
    ----------
    s : array_like, shape (n,)
        Entropy production of each trajectory, in k_B. Nothing is copied where nothing is replaced.

    Raises
    ------
    InvalidInput
        If the array is empty, or if values are no numbers or minus infinity.
    """
    values = replaced(s, "entropy", 0.0)
    for part in stretches(values):
        if np.any((np.abs(part) <= SAME) & (part != 0.0)):
            return np.where(np.abs(values) > SAME, values, 0.0)
    return values


def sign_information(s: Floats) -> tuple[float, float]:
    """Return the variances of the sums of `sign_scores` over independent trajectories."""
    slope = plain = 0.0
    for part in stretches(s):
        weight = np.where(part == 0.0, 0.0, np.multiply(*chances(np.abs(part))))
        slope += float(np.sum(weight * np.square(part)))
        plain += float(weight.sum())
    return slope, plain
