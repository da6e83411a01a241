r"""Bennett's acceptance ratio: the free-energy difference of two samples of work.

With the coin of `fluctua.analysis.crooks`, whose bias is known up to the free-energy difference f, its
maximum-likelihood estimate makes the expected number of wrong labels the same in both samples:

.. math:: \sum_{i\in F} L(f-M-w_i) = \sum_{j\in R} L(M+y_j-f),
   \qquad L(u) = \frac1{1+e^{-u}}, \qquad M=\ln\frac{n_F}{n_R}, \qquad y=-w_R .

Sources: Bennett (1976); Shirts, Bair, Hooker and Pande (2003).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis import many
from fluctua.analysis.estimate import Estimate
from fluctua.analysis.logistic import information, log_sum
from fluctua.analysis.samples import Sample

Floats = NDArray[np.float64]

LEAST_INFORMATION = 3.0  # below it, no error bar of f or of the slope is honest
_SUBSAMPLE = 1 << 15
_SUBSAMPLE_OF_MANY = 1 << 19
_SMALL_STEP = 5e-3  # kT; a step of third order that small leaves an error below 1e-10
_ROUNDS = 6


def bar(work_forward: ArrayLike, work_reverse: ArrayLike) -> Estimate:
    r"""Estimate the free-energy difference by Bennett's acceptance ratio.

    .. math:: \sum_{i\in F} L(f-M-w_i) = \sum_{j\in R} L(M-w_j-f),
       \qquad \operatorname{Var} f = \Big[\sum p(1-p)\Big]^{-1} - \frac1{n_F} - \frac1{n_R}

    Parameters
    ----------
    work_forward : array_like, shape (n_F,)
        Work on the system in the forward process, in kT.
    work_reverse : array_like, shape (n_R,)
        Work on the system in the reverse process, as measured (no change of sign), in kT.

    Returns
    -------
    Estimate
        In kT. The standard error is NaN where the overlap information is below 3: no honest one exists.

    Raises
    ------
    InvalidInput
        If an array is empty or not finite.

    Notes
    -----
    Bennett (1976); Shirts, Bair, Hooker and Pande (2003). The two subtracted terms belong to samples whose
    sizes were chosen, not drawn.
    """
    pair = Pair.of(work_forward, work_reverse)
    shift, overlap = pair.solved()
    error = pair.free_energy_error(overlap) if overlap >= LEAST_INFORMATION else math.nan
    return Estimate(pair.origin + shift, error, pair.n_forward + pair.n_reverse, "kT", "BAR")


@dataclass(frozen=True)
class Pair:
    """Both samples on one axis, measured from an origin near them: work may sit at millions of kT.

    Parameters
    ----------
    forward, turned : Sample
        Forward work, and reverse work with its sign turned.
    drawn : pair of int, optional
        How many trajectories were drawn in each direction, where values that only one of them takes were
        left out (`fluctua.analysis.masses`): these decide M and the error.
    """

    forward: Sample
    turned: Sample
    drawn: tuple[int, int] | None = None

    @classmethod
    def of(cls, work_forward: ArrayLike, work_reverse: ArrayLike) -> Pair:
        """Check both samples and place them; nothing is copied."""
        forward, turned = Sample.of(work_forward, "forward"), Sample.of(work_reverse, "reverse", -1.0)
        middle = 0.5 * (_rough_median(forward) + _rough_median(turned))
        origin = float(np.rint(middle))
        return cls(forward.measured_from(origin), turned.measured_from(origin))

    @property
    def origin(self) -> float:
        """What x is measured from, in kT."""
        return self.forward.origin

    @property
    def n_forward(self) -> int:
        """Size of the forward sample."""
        return self.forward.size

    @property
    def n_reverse(self) -> int:
        """Size of the reverse sample."""
        return self.turned.size

    @property
    def log_sizes(self) -> float:
        """M = ln(n_F / n_R)."""
        forward, reverse = self.sizes
        return math.log(forward / reverse)

    @property
    def sizes(self) -> tuple[int, int]:
        """Trajectories drawn in each direction."""
        return self.drawn or (self.n_forward, self.n_reverse)

    @property
    def labelled(self) -> tuple[tuple[Sample, float], tuple[Sample, float]]:
        """Both samples with their labels."""
        return (self.forward, 1.0), (self.turned, 0.0)

    @property
    def is_large(self) -> bool:
        """Whether both samples are summed by kernels."""
        return min(self.n_forward, self.n_reverse) >= many.MANY

    def information(self, f: float) -> float:
        r"""Return :math:`\sum p(1-p)` over both samples."""
        return information(self.forward, self.log_sizes - f) + information(self.turned, self.log_sizes - f)

    def free_energy_error(self, information: float) -> float:
        """Return BAR's standard error; infinite where the samples share nothing that a number can hold."""
        if information <= 0.0:
            return math.inf
        forward, reverse = self.sizes
        variance = 1.0 / information - 1.0 / forward - 1.0 / reverse
        return math.sqrt(max(0.0, variance))

    def solved(self) -> tuple[float, float]:
        """Return BAR's root, measured from the origin, and the information there."""
        start = 0.0
        if max(self.n_forward, self.n_reverse) > 8 * _SUBSAMPLE:
            # A few values bring the root near; then the full sums need three rounds, not ten.
            forward, turned = (_plain(sample.thinned(_SUBSAMPLE)) for sample, _ in self.labelled)
            start = Pair(forward, turned)._root(0.0)
        if self.is_large:
            forward, turned = (_plain(sample.runs(_SUBSAMPLE_OF_MANY)) for sample, _ in self.labelled)
            near = Pair(forward, turned)._quick_root(start)
            found = self._quick_root(near[0]) if near else None
            if found:
                return found
        f = self._root(start)
        return f, self.information(f)

    def _root(self, start: float) -> float:
        r"""Solve BAR's equation in the logarithm, where it falls monotonically, with a slope from -2 to 0.

        .. math:: g(f)=\ln\sum_R L(M+y-f)-\ln\sum_F L(f-M-w)=0

        Newton's steps within a bracket that is certain from the outset; in the logarithm they do not stall
        where the samples do not overlap.
        """
        sizes = self.log_sizes
        low = min(self.forward.low, self.turned.low) + min(sizes, 0.0)
        high = max(self.forward.high, self.turned.high) + max(sizes, 0.0)
        f = min(max(start, low), high)
        for _ in range(200):
            reverse, slope_reverse = log_sum(self.turned, sizes - f, +1.0)
            forward, slope_forward = log_sum(self.forward, sizes - f, -1.0)
            excess, slope = reverse - forward, slope_reverse + slope_forward
            low, high = (f, high) if excess > 0.0 else (low, f)
            following = f + excess / slope if slope > 0.0 else math.nan
            if abs(following - f) <= 1e-10 * max(1.0, abs(f)):
                return float(following)
            f = following if low < following < high else 0.5 * (low + high)
            if high - low <= 1e-13 * max(1.0, abs(f)):
                break
        return float(f)

    def _quick_root(self, start: float) -> tuple[float, float] | None:
        r"""Solve the same equation from near by its Taylor series, and give the information there, too.

        .. math:: D = \sum_R c - \sum_F c, \qquad \frac{dD}{df} = -\sum v, \qquad
           \frac{d^2D}{df^2} = \sum_R v(1-2c) - \sum_F v(1-2c), \qquad
           \frac{d^3D}{df^3} = -\sum v(1-6c+6c^2)

        with c the chance of the wrong label and v = c (1 - c). From a root of many of the values one round is
        enough. Nothing where the steps do not settle: little overlap, or none.
        """
        f = start
        for _ in range(_ROUNDS):
            R = many.tail_sums(self.turned, self.log_sizes - f, +1.0)
            F = many.tail_sums(self.forward, self.log_sizes - f, -1.0)
            bend = (R[1] - 2.0 * R[2]) - (F[1] - 2.0 * F[2])
            third = -sum(v - 6.0 * vc + 6.0 * vcc for _, v, vc, vcc in (R, F))
            series = np.polynomial.Polynomial([R[0] - F[0], -(R[1] + F[1]), bend / 2.0, third / 6.0])
            step = _root_near_zero(series)
            if not abs(step) < 1.0:
                return None
            f += step
            if abs(step) <= _SMALL_STEP:
                return f, -float(series.deriv()(step))
        return None


def _root_near_zero(series: np.polynomial.Polynomial) -> float:
    """Return the root of a falling polynomial by Newton's steps from zero; NaN where it does not fall."""
    slope, x = series.deriv(), 0.0
    for _ in range(20):
        if not slope(x) < 0.0:
            return math.nan
        step = float(series(x) / slope(x))
        x -= step
        if abs(step) <= 1e-15:
            break
    return x


def _plain(x: Floats) -> Sample:
    return Sample(x, low=float(x.min()), high=float(x.max()))


def _rough_median(sample: Sample) -> float:
    return float(np.median(sample.thinned(10_000)))
