r"""Verdicts on entropy production from a fitted density: the fit's error is counted.

All s err by the same :math:`\delta\theta` of the fitted parameters, so that a mean over trajectories,
:math:`m=\frac1n\sum_i h(s_i)`, errs by more than its spread tells (delta method; C is the covariance of
:math:`\theta`, from other trajectories):

.. math:: \operatorname{Var}m = \frac{\operatorname{Var}h}{n} + g^TCg, \qquad
   g = \frac1n\sum_i h'(s_i)\,D_i, \qquad D_i=\frac{\partial s_i}{\partial\theta}

==============  ====================================  ==========================
claim           h(s)                                  h'(s)
==============  ====================================  ==========================
``integral``    :math:`e^{-s}`                        :math:`-e^{-s}`
``second-law``  :math:`s`                             1
``detailed``    :math:`s\,L(-s)`, the slope's score   :math:`L(-s)-s\,L(s)L(-s)`
==============  ====================================  ==========================

with :math:`L(u)=1/(1+e^{-u})`: the residual of the sign times |s| is :math:`s\,L(-s)` for either sign, and
smooth. The sign count and the cusum of the detailed theorem jump at s = 0 and have no such error; they are
judged only where the fit's error may be neglected.

What the theorems feel of a fit differs. One density that stands at the end of a path alone leaves the
integral theorem true, whatever it is, as long as it is normalised; in a steady state the errors of both ends
cancel in the integral theorem and in the second law, to first order, and not in the detailed theorem.

All this is of first order in the fit's error, and so needs a fit that is not too poor: where 2,000
trajectories were judged by probabilities of three states counted in 200 others, a true detailed theorem was
rejected at 0.05 with the chance 0.08 (0.33 if the fit's error is left out); with ten times as many of both,
0.054 (0.33).

Sources: Hatano and Sasa (2001); Seifert (2005).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.crooks import SLOPE_TOLERANCE
from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.detailed import DetailedFit, fit_detailed, judge_detailed
from fluctua.analysis.estimate import Estimate
from fluctua.analysis.fitted import FittedPotential
from fluctua.analysis.integral import TOLERANCE, ExponentialAverage, average_part, exponential_average
from fluctua.analysis.logistic import chances
from fluctua.analysis.parts import Part
from fluctua.analysis.rule import judge
from fluctua.analysis.samples import finite
from fluctua.analysis.scores import sign_information
from fluctua.analysis.second_law import mean_of
from fluctua.analysis.verdict import Verdict

Floats = NDArray[np.float64]

_LARGEST_EXPONENT = 700.0


# ---- the integral theorem ------------------------------------------------------------------------


def judge_integral_fitted(
    s: ArrayLike,
    potential: FittedPotential,
    *,
    tolerance: float = TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
    dependence: Dependence = INDEPENDENT,
) -> Verdict:
    """Judge <exp(-s)> = 1 of entropy production from a fitted density.

    The count in the tail, which is exact for a known density only, has no part in it.

    Parameters
    ----------
    s : array_like, shape (n,)
        Entropy production in units of k_B.
    potential : FittedPotential
        Fitted on other trajectories.
    tolerance, alpha, assumptions
        As for `judge_integral`.
    dependence : Dependence
        Of the terms exp(-s), by `Dependence.of_average`.

    Returns
    -------
    Verdict
    """
    values = finite(s, "entropy")
    freedom = max(1.0, min(values.size - 1.0, dependence.freedom))
    average = replace(exponential_average(values, alpha), unit="k_B")
    average = _counted(average, values, potential, dependence, alpha)
    part = average_part(average, "-ln<exp(-s)>", tolerance=tolerance, alpha=alpha)
    part = replace(part, p_value=average.mean_p, freedom=freedom, method="one-sided t-test, fit counted")
    if dependence.reason:
        part = replace(part, starved=part.starved or dependence.reason, p_value=None)
    verdict = judge(
        "integral",
        [part],
        alpha=alpha,
        n=average.n,
        information=average.effective,
        assumptions=(dependence.assumption, "no rare mode escaped the sample", *assumptions),
    )
    return with_growing_fit(verdict, potential)


def _counted(
    average: ExponentialAverage,
    s: Floats,
    potential: FittedPotential,
    dependence: Dependence,
    alpha: float,
) -> ExponentialAverage:
    r"""Return the average with the error of the fit, relative to the average as all its errors are.

    .. math:: \frac{\operatorname{Var}\langle e^{-s}\rangle}{\langle e^{-s}\rangle^2}
       = \mathrm{s.e.}^2 + \hat g^TC\hat g, \qquad \hat g=-\frac{\sum_ie^{-s_i}D_i}{\sum_ie^{-s_i}}
    """
    terms = np.exp(float(s.min()) - s)
    own = average.standard_error**2 * dependence.mean_variance_ratio
    error = math.sqrt(own + potential.variance(-terms / terms.sum()))
    excess = -math.expm1(min(average.value, _LARGEST_EXPONENT))  # (mean - 1) / mean
    statistic = excess / error if error else math.copysign(math.inf, excess) if excess else 0.0
    freedom = max(1.0, min(average.n - 1.0, dependence.freedom))
    upper = math.exp(min(-average.value, _LARGEST_EXPONENT)) * (
        1.0 + float(special.stdtrit(freedom, 1.0 - alpha)) * error
    )
    return replace(
        average,
        standard_error=error,
        statistic=statistic,
        mean_p=1.0 if math.isnan(statistic) else float(special.stdtr(freedom, -statistic)),
        tail_p=1.0,
        missing=-math.log((1.0 - upper) * average.n / 3.0) if upper < 1.0 else math.nan,
    )


# ---- the second law ------------------------------------------------------------------------------


def mean_fitted(s: ArrayLike, potential: FittedPotential, dependence: Dependence = INDEPENDENT) -> Estimate:
    """Return the mean entropy production; its error, once `dependence` has widened it, has the fit's.

    Parameters
    ----------
    s : array_like, shape (n,)
        Entropy production in units of k_B.
    potential : FittedPotential
        Fitted on other trajectories.
    dependence : Dependence
        Of s, by `Dependence.of_mean`: its factor is for the spread of s alone.
    """
    mean = mean_of(s)
    fit = potential.variance(np.full(mean.n, 1.0 / mean.n)) / dependence.mean_variance_ratio
    return Estimate(mean.value, math.sqrt(mean.standard_error**2 + fit), mean.n)


# ---- the detailed theorem ------------------------------------------------------------------------


def judge_detailed_fitted(
    s: ArrayLike,
    potential: FittedPotential,
    *,
    slope_tolerance: float = SLOPE_TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
    dependence: Dependence = INDEPENDENT,
) -> Verdict:
    """Judge the detailed theorem of entropy production from a fitted density: slope 1.

    Parameters
    ----------
    s : array_like, shape (n,)
        Entropy production in units of k_B.
    potential : FittedPotential
        Fitted on other trajectories.
    slope_tolerance, alpha, assumptions
        As for `judge_detailed`.
    dependence : Dependence
        Of the signs, by `Dependence.of_signs`.

    Returns
    -------
    Verdict
        With the part ``slope``; with the tests of the signs only where the fit's error may be neglected.
    """
    values = finite(s, "entropy")
    fit = fit_detailed(values, alpha=alpha)
    verdict = judge_detailed(
        fit, slope_tolerance=slope_tolerance, alpha=alpha, assumptions=assumptions, dependence=dependence
    )
    neglected = potential.neglected(fit.n)
    slope, *others = verdict.parts
    slope = _slope_counted(slope, fit, values, potential, dependence)
    unjudged = () if neglected else ("sign count and cusum are not judged: a fitted density blurs the signs",)
    again = judge(
        "detailed",
        [slope, *others] if neglected else [slope],
        alpha=alpha,
        n=fit.n,
        information=fit.information,
        assumptions=(*verdict.assumptions, *unjudged),
    )
    return with_growing_fit(again, potential)


def _slope_counted(
    part: Part, fit: DetailedFit, s: Floats, potential: FittedPotential, dependence: Dependence
) -> Part:
    r"""Return the slope with the error of the fit.

    The score :math:`U=\sum s_iL(-s_i)` has the variance :math:`\sum v_is_i^2+G^TCG` with :math:`G=ng`; the
    estimate :math:`\hat\gamma`, at which the like sum of :math:`s_iL(-\hat\gamma s_i)` vanishes, gains
    :math:`G_\gamma^TCG_\gamma\,\mathrm{s.e.}^4`.
    """
    if part.p_value is None or part.statistic is None:
        return part
    own = sign_information(s)[0] * dependence.slope_score_variance_ratio
    share = potential.variance(score_slope(s, 1.0)) / own if own > 0.0 else 0.0
    t = part.statistic / math.sqrt(1.0 + share)
    p = float(2.0 * special.stdtr(part.freedom, -abs(t))) if math.isfinite(part.freedom) else _two_sided(t)
    error = part.standard_error
    if error is not None:
        error = math.hypot(
            error, math.sqrt(potential.variance(score_slope(s, fit.slope))) * fit.slope_error**2
        )
    # Few signs have a p-value that was drawn: the fit's error makes it no smaller.
    return replace(
        part,
        standard_error=error,
        statistic=t,
        p_value=max(p, part.p_value),
        method=f"{part.method}, fit counted",
    )


def _two_sided(z: float) -> float:
    return float(2.0 * special.ndtr(-abs(z)))


def score_slope(s: Floats, slope: float) -> Floats:
    r"""Return the derivative of the slope's score with respect to s.

    .. math:: \frac{d}{ds}\,s\,L(-\gamma s) = L(-\gamma s)-\gamma s\,L(\gamma s)\,L(-\gamma s)

    Parameters
    ----------
    s : ndarray, shape (n,)
        Entropy production in units of k_B.
    slope : float
        :math:`\gamma`.
    """
    plus, minus = chances(slope * s)
    return minus - slope * s * plus * minus


# ---- what is said --------------------------------------------------------------------------------


def with_growing_fit(verdict: Verdict, potential: FittedPotential) -> Verdict:
    """Return the verdict; where more trajectories would decide, it says that the fit needs more, too."""
    if not potential.counted or verdict.n_needed is None:
        return verdict
    return replace(verdict, reason=f"{verdict.reason}; the fit must grow alike")
