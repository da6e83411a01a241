r"""The detailed theorem of one sample as a coin toss: the sign of s, given its size.

The theorem p(s)/p(-s) = e^s holds for the total entropy production in a steady state, or under a protocol
that is its own time reverse and starts where its reverse starts; for exchanged heat times the difference of
inverse temperatures; and for the dissipated work of a forward and a reverse trajectory taken together. It
says that

.. math:: P(s > 0 \mid |s|) = L(|s|), \qquad L(u) = \frac1{1+e^{-u}},

whatever the law of :math:`|s|`. The fitted model is :math:`\mathrm{logit}\,P = \gamma |s|`; the theorem is
:math:`\gamma=1`.

Sources: Evans and Searles (1994); Jarzynski and Wojcik (2004); Seifert (2005).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.bennett import Pair
from fluctua.analysis.crooks import ENOUGH_INFORMATION, LEAST_INFORMATION, SLOPE_TOLERANCE
from fluctua.analysis.crooks_coins import Coins, edges_between, outermost
from fluctua.analysis.crooks_verdict import masses_part
from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.logistic import chances, likelihood
from fluctua.analysis.masses import Masses, masses_of
from fluctua.analysis.parts import Part
from fluctua.analysis.relabelling import Labels, p_value, walk_ends
from fluctua.analysis.rule import judge
from fluctua.analysis.samples import Sample
from fluctua.analysis.scores import settled, sign_information
from fluctua.analysis.verdict import Verdict

Floats = NDArray[np.float64]

MANY = 1 << 20  # values; more are counted in bins of size, not sorted
_SURVEYED = 1 << 17  # evenly spaced values, whose quantiles are the edges
_NO_INFORMATION = 1e-200
_REFLECTIONS = 1000  # summed, where a sum falls off like a power


@dataclass(frozen=True)
class DetailedFit:
    """What the coin toss says of one sample of s, in units of k_B.

    Attributes
    ----------
    n : int
        Number of values.
    information : float
        Sum of p (1 - p) over the values that are not zero.
    slope, slope_error : float
        Maximum-likelihood slope of the log odds of a positive sign against the size; NaN where all signs
        agree with it.
    slope_statistic, slope_p : float
        Score test of slope 1.
    sign_statistic, sign_p : float
        Number of positive signs against its expectation, in standard deviations.
    cusum_statistic, cusum_p : float
        Largest excursion of the cumulated residuals, ordered by size.
    method : str
        How the p-values were found.
    masses : Masses or None
        Test of the signs at each size, where s takes a few values only.
    """

    n: int
    information: float
    slope: float
    slope_error: float
    slope_statistic: float
    slope_p: float
    sign_statistic: float
    sign_p: float
    cusum_statistic: float
    cusum_p: float
    method: str
    masses: Masses | None = None


def fit_detailed(s: ArrayLike, *, alpha: float = 0.05) -> DetailedFit:
    """Fit the sign of s to its size, and test the fit.

    Parameters
    ----------
    s : array_like, shape (n,)
        Entropy production of each trajectory, in units of k_B.
    alpha : float
        Error rate that the p-values must resolve.

    Returns
    -------
    DetailedFit

    Raises
    ------
    InvalidInput
        If the array is empty or not finite.
    """
    sample = Sample.of(settled(s), "entropy")
    spread, information = sign_information(sample.raw)
    coins = by_size(sample)
    scale = np.sqrt(np.maximum([spread, information], _NO_INFORMATION))
    score = float(likelihood(sample, 1.0, 0.0, 1.0, 0.0)[1][1])
    observed = np.array([score, coins.residual.sum(), _excursion(coins)]) / [*scale, scale[1]]
    if information < ENOUGH_INFORMATION:
        p, method = _by_relabelling(coins, scale, observed, alpha), "signs drawn again"
    else:
        p, method = _by_limit_law(observed), "limit law"
    slope, slope_error = _slope(sample)
    return DetailedFit(
        n=sample.size,
        information=information,
        slope=slope,
        slope_error=slope_error,
        slope_statistic=float(observed[0]),
        slope_p=p[0],
        sign_statistic=float(observed[1]),
        sign_p=p[1],
        cusum_statistic=float(observed[2]),
        cusum_p=p[2],
        method=method,
        masses=masses_of(coins, fitted=False, alpha=alpha),
    )


def by_size(sample: Sample) -> Coins:
    """Order the trajectories by the size of s, one by one or in bins; one that is 0 has no sign."""
    if sample.size > MANY:
        return _binned(sample)
    signed = sample.raw[sample.raw != 0.0]
    signed = signed[np.argsort(np.abs(signed))]
    size = np.abs(signed)
    plus, minus = chances(size)
    return Coins(size, plus, None, np.where(signed > 0.0, minus, -plus), walk_ends(size))


def _binned(sample: Sample) -> Coins:
    """Count by size: positive values stand above 0, and negative ones do with their sign turned."""
    turned = replace(sample, side=-1.0, low=-sample.high, high=-sample.low)
    stride = max(1, sample.size // _SURVEYED)
    surveyed = np.abs(sample.raw[::stride])
    surveyed = np.sort(surveyed[surveyed > 0.0])
    low, high = outermost(np.abs(part[part != 0.0]) for part in sample.blocks())
    edges = edges_between(surveyed, low, high, max(1, surveyed.size * stride))
    coins = Coins.binned(Pair(sample, turned), 0.0, np.append(0.0, edges))
    count = None if coins.count is None else coins.count[1:]
    return Coins(coins.work[1:], coins.chance[1:], count, coins.residual[1:], coins.last[1:])


def _excursion(coins: Coins) -> float:
    """Return the largest height of the walk of residuals."""
    return float(np.abs(np.cumsum(coins.residual)[coins.last]).max(initial=0.0))


def _by_relabelling(coins: Coins, scale: Floats, observed: Floats, alpha: float) -> list[float]:
    features = np.stack([coins.work, np.ones_like(coins.work)], axis=1) / scale
    labels = Labels(coins.chance, features, coins.last, bridge=False, count=coins.count)
    sums, walks = labels.redraw(labels.replicates(alpha))
    p = [p_value(abs(float(observed[k])), np.abs(sums[:, k])) for k in range(2)]
    return [*p, p_value(float(observed[2]), walks / scale[1])]


def _by_limit_law(observed: Floats) -> list[float]:
    return [
        *(float(2.0 * special.ndtr(-abs(z))) for z in observed[:2]),
        reach_of_brownian_motion(float(observed[2])),
    ]


def reach_of_brownian_motion(height: float) -> float:
    r"""Return the chance that Brownian motion leaves (-x, x) before time 1 (Feller 1971, X.5).

    .. math:: 1-\frac4\pi\sum_{k\ge0}\frac{(-1)^k}{2k+1}\exp\Big[-\frac{(2k+1)^2\pi^2}{8x^2}\Big]

    summed by reflections where x is large, as the first form then cancels.
    """
    if height <= 0.0:
        return 1.0
    odd = 2.0 * np.arange(30) + 1.0
    signs = np.where(np.arange(30) % 2 == 0, 1.0, -1.0)
    if height > 1.0:
        return float(min(1.0, 4.0 * np.sum(signs * special.ndtr(-odd * height))))
    return float(1.0 - 4.0 / np.pi * np.sum(signs / odd * np.exp(-((odd * np.pi) ** 2) / (8.0 * height**2))))


def reach_of_estimated_scale(height: float, freedom: float) -> float:
    r"""Return the same chance where the scale was estimated, with :math:`\nu` degrees of freedom.

    .. math:: 4\sum_{k\ge0}(-1)^k\,T_\nu\big(-(2k+1)x\big)

    the sum over reflections of Feller, each averaged over :math:`\chi^2_\nu/\nu`, which makes Student's law
    :math:`T_\nu` of a normal one. Terms fall in size, so the sum lies half-way between the last two.

    Parameters
    ----------
    height : float
        Largest excursion over the estimated scale.
    freedom : float
        :math:`\nu`, finite.
    """
    if height <= 0.0:
        return 1.0
    terms = special.stdtr(freedom, -(2.0 * np.arange(_REFLECTIONS) + 1.0) * height)
    terms[1::2] *= -1.0
    return float(np.clip(4.0 * (terms.sum() - 0.5 * terms[-1]), 0.0, 1.0))


def _slope(sample: Sample) -> tuple[float, float]:
    r"""Maximise a concave likelihood over the slope by damped Newton steps.

    .. math:: \sum_i \ln L(\gamma s_i)

    Infinite where every sign is the same: then NaN.
    """
    if not sample.low < 0.0 < sample.high:
        return math.nan, math.nan
    slope = 1.0
    low, high = -math.inf, math.inf
    for _ in range(200):
        _, gradients, curvatures = likelihood(sample, 1.0, 0.0, slope, 0.0)
        gradient, curvature = float(gradients[1]), float(curvatures[1, 1])
        low, high = (slope, high) if gradient > 0.0 else (low, slope)
        # Far from the maximum the curvature vanishes and Newton's step would run away.
        reach = 2.0 * (1.0 + abs(slope))
        step = (
            float(np.clip(gradient / curvature, -reach, reach))
            if curvature > 0.0
            else math.copysign(reach, gradient)
        )
        if abs(step) <= 1e-10 * max(1.0, abs(slope)):
            return slope + step, 1.0 / math.sqrt(curvature)
        slope = slope + step if low < slope + step < high else 0.5 * (low + high)
    return math.nan, math.nan


def judge_detailed(
    fit: DetailedFit,
    *,
    slope_tolerance: float = SLOPE_TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
    dependence: Dependence = INDEPENDENT,
    claim: str = "detailed",
) -> Verdict:
    """Judge the detailed theorem: slope 1, and as many positive signs as it asks for at every size.

    Parameters
    ----------
    fit : DetailedFit
        From `fit_detailed`.
    slope_tolerance : float
        What counts as equal.
    alpha : float
        Error rate.
    assumptions : tuple of str
        What the verdict takes for granted.
    dependence : Dependence
        Of the signs, by `Dependence.of_signs`.
    claim : str
        What the verdict is called.

    Returns
    -------
    Verdict
        With the parts ``slope`` and ``signs``; Holm runs over both.
    """
    known = fit.information >= LEAST_INFORMATION and math.isfinite(fit.slope_error)
    slope = Part(
        "slope",
        estimate=fit.slope if math.isfinite(fit.slope) else None,
        standard_error=fit.slope_error if known else None,
        expected=1.0,
        tolerance=slope_tolerance,
        statistic=fit.slope_statistic,
        p_value=fit.slope_p,
        starved="" if known else _unseen(fit),
        method=f"score test, {fit.method}",
    )
    named, other = ("cusum", fit.cusum_p) if fit.masses is None else ("masses", fit.masses.p_value)
    signs = Part(
        "signs",
        statistic=fit.sign_statistic,
        p_value=min(1.0, 2.0 * min(fit.sign_p, other)),
        method=f"sign count and {named}, {fit.method}",
    )
    details = [
        Part(
            "sign count", statistic=fit.sign_statistic, p_value=fit.sign_p, decides=False, method=fit.method
        ),
        Part("cusum", statistic=fit.cusum_statistic, p_value=fit.cusum_p, decides=False, method=fit.method),
    ]
    if fit.masses is not None:
        details.append(masses_part(fit.masses))
    slope = dependence.widen(slope, dependence.slope_score_variance_ratio)
    signs, *details = (_dependent(part, fit, dependence) for part in (signs, *details))
    return judge(
        claim,
        [slope, signs, *details],
        alpha=alpha,
        n=fit.n,
        information=fit.information,
        assumptions=(dependence.assumption, *assumptions),
    )


def _dependent(part: Part, fit: DetailedFit, dependence: Dependence) -> Part:
    """Return a test of the signs with the variance of their count that the dependence leaves."""
    if dependence.independent:
        return dependence.widen(part, 1.0)
    ratio = math.sqrt(dependence.shape_variance_ratio)
    count = float(2.0 * special.stdtr(dependence.freedom, -abs(fit.sign_statistic) / ratio))
    cusum = reach_of_estimated_scale(fit.cusum_statistic / ratio, dependence.freedom)
    p = {"signs": min(1.0, 2.0 * min(count, cusum)), "sign count": count, "cusum": cusum}
    if fit.masses is not None:
        p["masses"] = float(special.chdtrc(fit.masses.degrees, fit.masses.statistic / ratio**2))
    return replace(part, p_value=p[part.name], method="sign count and cusum, variance between blocks")


def _unseen(fit: DetailedFit) -> str:
    if fit.information >= LEAST_INFORMATION:
        return "no slope: the signs of all values but zeros agree, and a slope needs both"
    return (
        f"tail not sampled: the signs carry the information of {fit.information:.2g}, and an interval needs "
        f"{LEAST_INFORMATION:g}; take shorter runs, or more of them"
    )
