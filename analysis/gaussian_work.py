r"""Free-energy differences that take work for normally distributed, and what that costs where it is not.

With cumulants :math:`\kappa_k` of the forward work in kT, exactly

.. math:: f = -\ln\langle e^{-w}\rangle
   = \kappa_1 - \frac{\kappa_2}2 + \frac{\kappa_3}6 - \frac{\kappa_4}{24} + \dots

and normal work is where all but two terms vanish. The second cumulant alone, and the crossing of two fitted
normal densities, are confidently wrong elsewhere: on skewed or bimodal work their textbook intervals never
contain the truth. A test of normality does not mend that by itself. A skewness that lies :math:`z_3` of its
errors from zero moves f by

.. math:: \frac{\kappa_3}{6} = z_3\,\frac{\kappa_2}{\sqrt{6+3\kappa_2}}\;\mathrm{standard\ errors\ of}\ f,

0.6 of them per unit of :math:`z_3` at a dissipation of 1 kT and 2.5 at 10 kT, whatever the number of
trajectories: what the test misses is what matters. At ten million values the same test rejects deviations
that matter to nobody. So here

* the first terms left out are estimated, and they *and their own errors* are part of the error of f;
* the interval is refused where normality is rejected (D'Agostino and Pearson's test of just these two
  cumulants, at 1 %) by a deviation that matters: where those terms may exceed half the sampling error and
  0.01 kT. By Crooks' theorem work is normal in both directions or in neither, so one that is refused refuses
  the other: a rare mode of one direction is a common one of the other.

The intervals are therefore wide at large dissipation, even if the work is normal: the sample cannot know it.
With one direction only, a mode too rare to be seen stays unseen.

Sources: Hermans (1991), the second cumulant; Goette and Grubmueller (2009), the intersection; D'Agostino and
Pearson (1973), Anscombe and Glynn (1983), the test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from fluctua.analysis.parts import p_is
from fluctua.analysis.samples import Sample

Floats = NDArray[np.float64]

LEAST_VALUES = 20  # of the test of normality
REJECTED = 0.01  # its level
IRRELEVANT = 0.01  # kT, a tenth of what counts as equal


@dataclass(frozen=True)
class Moments:
    """The first moments of a sample.

    Attributes
    ----------
    n : int
        Number of values.
    mean : float
        In kT.
    second, third, fourth : float
        Central moments, divided by n.
    """

    n: int
    mean: float
    second: float
    third: float
    fourth: float

    @classmethod
    def of(cls, work: Sample) -> Moments:
        """Take them of work in kT, in two walks: about the mean nothing cancels."""
        mean = math.fsum(float(part.sum()) for part in work.blocks()) / work.size
        sums = np.zeros(3)
        for part in work.blocks():
            apart = part - mean
            square = apart * apart
            sums += square.sum(), (square * apart).sum(), (square * square).sum()
        second, third, fourth = (sums / work.size).tolist()
        return cls(work.size, mean, second, third, fourth)

    @property
    def turned(self) -> Moments:
        """Those of the values with their sign turned."""
        return Moments(self.n, -self.mean, self.second, -self.third, self.fourth)

    @property
    def skewness(self) -> float:
        r""":math:`\kappa_3/\kappa_2^{3/2}`."""
        return self.third / float(self.second**1.5)

    @property
    def excess(self) -> float:
        r""":math:`\kappa_4/\kappa_2^2`."""
        return self.fourth / self.second**2 - 3.0

    @property
    def unusable(self) -> str:
        """Say why no normal density can be tested on the sample; empty where it can."""
        if self.n < LEAST_VALUES:
            return f"too few trajectories: normality is tested on {LEAST_VALUES} or more, here are {self.n}"
        if not self.second > 1e-24 * max(1.0, self.mean**2):
            return "the work does not vary"
        return ""


@dataclass(frozen=True)
class NormalEstimate:
    """A free-energy difference that rests on normal work.

    Attributes
    ----------
    value : float
        In kT.
    sampling_error : float
        Its standard error, were the work normal.
    left_out, left_out_error : float
        What the third and fourth cumulants would change, as estimated, and its standard error, in kT.
    at_most : float
        The same with both terms of one sign.
    normal_p : float
        p-value of the test of normality.
    """

    value: float
    sampling_error: float
    left_out: float
    left_out_error: float
    at_most: float
    normal_p: float

    @property
    def standard_error(self) -> float:
        """Sampling error, the terms left out, and the error with which they are known, in quadrature."""
        return math.hypot(self.sampling_error, self.left_out, self.left_out_error)

    @property
    def refused(self) -> str:
        """Say why there is no interval; empty where there is one."""
        if self.normal_p >= REJECTED or self.at_most <= max(0.5 * self.sampling_error, IRRELEVANT):
            return ""
        return (
            f"the work is not normal ({p_is(self.normal_p)}): "
            f"its third and fourth cumulants alone may change ΔF by {self.at_most:.2g} kT"
        )


def second_cumulant(work: Moments) -> NormalEstimate:
    r"""Estimate :math:`f=\kappa_1-\kappa_2/2` from forward work.

    The variance is the maximum-likelihood one (divided by n). Its sampling error is that of the sample's own
    influence :math:`x-\mu-[(x-\mu)^2-\kappa_2]/2`.

    Parameters
    ----------
    work : Moments
        Of the forward work, in kT, `unusable` being empty.
    """
    variance = work.second - work.third + 0.25 * (work.fourth - work.second**2)
    fourth = work.fourth - 3.0 * work.second**2
    return NormalEstimate(
        value=work.mean - 0.5 * work.second,
        sampling_error=math.sqrt(max(variance, 0.0) / work.n),
        left_out=work.third / 6.0 - fourth / 24.0,
        left_out_error=math.sqrt((work.second**3 / 6.0 + work.second**4 / 24.0) / work.n),
        at_most=abs(work.third) / 6.0 + abs(fourth) / 24.0,
        normal_p=normality(work),
    )


def intersection(forward: Moments, turned: Moments) -> NormalEstimate:
    r"""Estimate f as the work at which two fitted normal densities cross.

    .. math:: \frac{(f-\mu_F)^2}{\sigma_F^2} - \frac{(f-\mu_R)^2}{\sigma_R^2}
       + \ln\frac{\sigma_F^2}{\sigma_R^2} = 0

    The root nearest the midpoint of the means (Goette and Grubmueller 2009, equation 11). To first order in
    skewness and excess (Edgeworth), either density is off by

    .. math:: \delta\ln p = \frac{\gamma_1}6 He_3(u) + \frac{\gamma_2}{24} He_4(u),
       \qquad u=\frac{f-\mu}\sigma,

    and the crossing by that over the slope of the log ratio.

    Parameters
    ----------
    forward, turned : Moments
        Of the forward work and of the reverse work with its sign turned, in kT, `unusable` being empty.
    """
    f = _crossing(forward, turned)
    sides = [_Side.at(f, forward), _Side.at(f, turned)]
    rise = sides[1].pull - sides[0].pull  # of the log ratio, forward over turned
    slope = abs(rise)
    return NormalEstimate(
        value=f,
        sampling_error=_over(math.sqrt(sum(side.variance for side in sides)), slope),
        left_out=_over(sides[1].left_out - sides[0].left_out, rise),
        left_out_error=_over(math.sqrt(sum(side.left_out_variance for side in sides)), slope),
        at_most=_over(sum(side.at_most for side in sides), slope),
        normal_p=min(1.0, 2.0 * min(normality(forward), normality(turned))),
    )


@dataclass(frozen=True)
class _Side:
    """What one fitted density contributes at the crossing: to the slope, and to variances of ln p there."""

    pull: float
    variance: float
    left_out: float
    left_out_variance: float
    at_most: float

    @classmethod
    def at(cls, f: float, moments: Moments) -> _Side:
        width = math.sqrt(moments.second)
        u = (f - moments.mean) / width
        of_mean, of_variance = u / width, 0.5 * (u * u - 1.0) / moments.second
        spread = (
            of_mean**2 * moments.second
            + 2.0 * of_mean * of_variance * moments.third
            + of_variance**2 * (moments.fourth - moments.second**2)
        )
        third, fourth = (u**3 - 3.0 * u) / 6.0, (u**4 - 6.0 * u * u + 3.0) / 24.0
        return cls(
            pull=u / width,
            variance=max(spread, 0.0) / moments.n,
            left_out=third * moments.skewness + fourth * moments.excess,
            left_out_variance=(6.0 * third**2 + 24.0 * fourth**2) / moments.n,
            at_most=abs(third * moments.skewness) + abs(fourth * moments.excess),
        )


def _crossing(forward: Moments, turned: Moments) -> float:
    middle, half = 0.5 * (forward.mean + turned.mean), 0.5 * (forward.mean - turned.mean)
    sharper = 1.0 / forward.second - 1.0 / turned.second
    sharpness = half * (1.0 / forward.second + 1.0 / turned.second)
    constant = sharper * half**2 + math.log(forward.second / turned.second)
    # The discriminant is never negative; this form of the root does not cancel where the widths agree.
    root = math.sqrt(max(sharpness**2 - sharper * constant, 0.0))
    return middle + _over(constant, sharpness + math.copysign(root, sharpness), equal=0.0)


def _over(numerator: float, denominator: float, equal: float = math.inf) -> float:
    return numerator / denominator if denominator else equal


# ---- the test of normality ---------------------------------------------------------------------


def normality(sample: Moments) -> float:
    r"""Return the p-value of D'Agostino and Pearson's test of normality.

    .. math:: K^2 = z(\gamma_1)^2 + z(\gamma_2)^2 \sim \chi^2_2

    with the transformations of skewness (D'Agostino 1970) and kurtosis (Anscombe and Glynn 1983) to normal
    scores. Of all tests this one looks at exactly the cumulants that a normal estimate leaves out.

    Parameters
    ----------
    sample : Moments
        Of at least 20 values.

    Notes
    -----
    `scipy.stats.normaltest` is the same test, at the price of importing `scipy.stats` (a second), and takes
    values instead of moments.
    """
    return float(special.chdtrc(2, _skewness_score(sample) ** 2 + _kurtosis_score(sample) ** 2))


def _skewness_score(sample: Moments) -> float:
    n = float(sample.n)
    y = sample.skewness * math.sqrt((n + 1.0) * (n + 3.0) / (6.0 * (n - 2.0)))
    kurtosis = (
        3.0
        * (n * n + 27.0 * n - 70.0)
        * (n + 1.0)
        * (n + 3.0)
        / ((n - 2.0) * (n + 5.0) * (n + 7.0) * (n + 9.0))
    )
    w2 = math.sqrt(2.0 * (kurtosis - 1.0)) - 1.0
    scale = 1.0 / math.sqrt(0.5 * math.log(w2))
    return scale * math.asinh(y / math.sqrt(2.0 / (w2 - 1.0)))


def _kurtosis_score(sample: Moments) -> float:
    n = float(sample.n)
    mean = 3.0 * (n - 1.0) / (n + 1.0)
    variance = 24.0 * n * (n - 2.0) * (n - 3.0) / ((n + 1.0) ** 2 * (n + 3.0) * (n + 5.0))
    x = (sample.excess + 3.0 - mean) / math.sqrt(variance)
    skewness = (
        6.0
        * (n * n - 5.0 * n + 2.0)
        / ((n + 7.0) * (n + 9.0))
        * math.sqrt(6.0 * (n + 3.0) * (n + 5.0) / (n * (n - 2.0) * (n - 3.0)))
    )
    a = 6.0 + 8.0 / skewness * (2.0 / skewness + math.sqrt(1.0 + 4.0 / skewness**2))
    lowered = 1.0 + x * math.sqrt(2.0 / (a - 4.0))
    cube = math.copysign(abs((1.0 - 2.0 / a) / lowered) ** (1.0 / 3.0), lowered) if lowered else math.inf
    return (1.0 - 2.0 / (9.0 * a) - cube) / math.sqrt(2.0 / (9.0 * a))
