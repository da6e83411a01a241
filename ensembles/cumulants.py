"""Variance, covariance and Fano factor of what a run sampled, streamed, each with its standard error.

With mean products of deviations ``m_ij = <(x - <x>)^i (y - <y>)^j>`` of n trajectories, and the covariance c,
the variances v_x and v_y with n - 1 in place of n,

    error^2 of c     = (m_22 - m_11^2) / n + (c^2 + v_x v_y) / (n (n - 1))                                 (1)
    error^2 of v/|m| = error^2 of v / m^2 - 2 v m_21 / (n m^3) + v^3 / (n m^4)                             (2)

where (1) is exact but for what the moments are taken from, and (2) is of first order in the errors of v and
of the mean m, whose covariance is ``m_21 / n``. Source: Kendall, Stuart, The Advanced Theory of Statistics 1,
sections 10.5 and 13.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fluctua.ensembles.estimate import PLAIN, Estimate
from fluctua.stochastic.errors import InvalidInput

Floats = NDArray[np.float64]

#: Fourth powers of numbers below this leave those of their deviations, 1e-16 of them, without digits.
_SMALLEST = 1e-240
#: Standard errors within which a mean is not told from 0, and nothing is divided by it.
RESOLVED = 3.0


class JointMoments:
    """Number, means and sums of products of deviations of a stream of pairs, each up to its square.

    ``sums[i, j] = sum (x - mean_x)^i (y - mean_y)^j`` for i, j = 0, 1, 2. Seen from other means, by d_x and
    d_y below the old ones, they are ``A(d_x) sums A(d_y)^T`` with the rows of A those of ``(z + d)^i``; so
    two sets join at their common mean, and no digits are lost (Pebay, SAND2008-6212, equation 3.1).
    """

    def __init__(self) -> None:
        self.n = 0
        self.means = np.zeros(2)
        self.sums = np.zeros((3, 3))
        self.largest = np.zeros(2)

    @np.errstate(over="ignore", invalid="ignore")
    def add(self, x: Floats, y: Floats) -> None:
        """Add some pairs; the moments of huge ones are not finite."""
        if not x.size:
            return
        means = np.array([x.mean(), y.mean()])
        first, second = x - means[0], y - means[1]
        powers = [np.ones_like(first), first, first * first], [np.ones_like(second), second, second * second]
        sums = np.array([[float((one * other).sum()) for other in powers[1]] for one in powers[0]])
        self._join(x.size, means, sums)
        self.largest = np.maximum(self.largest, [np.abs(x).max(), np.abs(y).max()])

    def _join(self, n: int, means: Floats, sums: Floats) -> None:
        total = self.n + n
        common = self.means + (means - self.means) * (n / total)
        self.sums = _seen_from(self.sums, self.means - common) + _seen_from(sums, means - common)
        self.n, self.means = total, common

    def underflow(self) -> bool:
        """Say whether squares, or fourth powers, of numbers that are not 0 are too small to count."""
        one, other = self.largest.tolist()
        products = one * one, other * other, one * other * one * other
        return one > 0.0 and other > 0.0 and min(products) < _SMALLEST

    def covariance(self) -> float:
        """Return the covariance, of denominator n - 1."""
        return float(self.sums[1, 1]) / (self.n - 1)

    def error(self) -> float:
        """Return the standard error of the covariance, equation (1)."""
        n, mean_product = self.n, self.sums / self.n
        spread = float(mean_product[2, 2] - mean_product[1, 1] ** 2) / n
        alone = float(self.sums[2, 0] * self.sums[0, 2]) / (n - 1) ** 2
        return math.sqrt(max(spread, 0.0) + (self.covariance() ** 2 + alone) / (n * (n - 1)))


def _seen_from(sums: Floats, shift: Floats) -> Floats:
    """Return sums of products of numbers that all are larger by a shift."""
    rows, columns = (np.array([[1.0, 0.0, 0.0], [d, 1.0, 0.0], [d * d, 2.0 * d, 1.0]]) for d in shift)
    half = (rows[:, :, None] * sums[None]).sum(axis=1)
    seen: Floats = (half[:, None, :] * columns[None]).sum(axis=2)
    return seen


def covariance_of(moments: JointMoments, units: tuple[str, str], where: str = "formula") -> Estimate:
    """Return the covariance of pairs.

    Parameters
    ----------
    moments : JointMoments
    units : pair of str
    where : str
        What an error blames where too few count.

    Raises
    ------
    InvalidInput
        There are less than two, or they are huge or tiny.
    """
    if moments.n < 2:
        counted = "a single trajectory counts" if moments.n else "no trajectory counts"
        raise InvalidInput(counted, where, "a variance takes two, and more for its error")
    if not np.isfinite(moments.sums).all():
        raise InvalidInput("the fourth power of a number overflows", "formula", "take a smaller one")
    if moments.underflow():
        raise InvalidInput("the fourth power of a number underflows", "formula", "take a larger one")
    return Estimate(moments.covariance(), moments.error(), moments.n, _product(*units))


def fano_of(moments: JointMoments, name: str, unit: str, where: str = "formula") -> Estimate:
    """Return variance over the size of the mean, of pairs of a number with itself; error by equation (2).

    Raises
    ------
    InvalidInput
        There are less than two, or the mean is not told from 0 by its own error.
    """
    variance = covariance_of(moments, (unit, unit), where)
    n, mean = moments.n, float(moments.means[0])
    error = math.sqrt(max(variance.value, 0.0) / n)
    if not abs(mean) > RESOLVED * error:
        found = Estimate(mean, error, n, unit)
        what = f"{name}: its mean is not told from 0 by {RESOLVED:g} errors, {found}"
        raise InvalidInput(what, "fano", "take its variance")
    ratio, skew = variance.value / mean, float(moments.sums[2, 1]) / n / mean**2
    squared = (variance.standard_error / mean) ** 2 + ratio * (ratio**2 / mean - 2.0 * skew) / n
    return Estimate(abs(ratio), math.sqrt(max(squared, 0.0)), n, unit)


def _product(one: str, other: str) -> str:
    """Write a product of two units; of a formula's, which is not known, nothing is known."""
    if "" in (one, other):
        return ""
    named = [unit for unit in (one, other) if unit not in PLAIN]
    if len(named) < 2 or one != other:
        return " ".join(named) or "1"
    return f"{one}²" if one.replace("_", "").isalpha() else f"({one})²"
