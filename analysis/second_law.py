r"""The second law as a bound on a mean.

At constant temperature, in a cycle or between any two equilibria of the controls, and where the temperature
varies:

.. math:: \langle W\rangle \ge \Delta F, \qquad \langle\tilde W\rangle \ge -\Delta\Xi,\quad
   \tilde W=\int\partial_t(\beta_tH_t)\,dt

In a steady state the mean entropy flow into the baths is not negative, nor is, of any process whose start is
known, the mean total entropy production: :math:`\langle s\rangle\ge0`. A mean is judged on one side only, and
the margin is told: far above the bound, ``holds`` proves little.

Sources: Jarzynski (1997); Koyanagi and Tanimura (2024) for the dimensionless form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.crooks import CrooksFit
from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.estimate import Estimate
from fluctua.analysis.joint import joint_moments
from fluctua.analysis.logistic import chances
from fluctua.analysis.parts import Part, known, rounded
from fluctua.analysis.rule import judge
from fluctua.analysis.samples import finite
from fluctua.analysis.verdict import Verdict

Floats = NDArray[np.float64]

TOLERANCE = 0.05  # kT, or k_B


@dataclass(frozen=True)
class Bound:
    """A mean that must not be negative.

    Parameters
    ----------
    name : str
        What is printed: ``"<W> - ΔF"``.
    mean : Estimate
        In kT or k_B.
    decides : bool
        Whether it is a law, or only told: a cycle that starts out of equilibrium.
    """

    name: str
    mean: Estimate
    decides: bool = True


def mean_of(values: ArrayLike) -> Estimate:
    """Return the mean of independent values with its standard error, NaN for a single one."""
    x = finite(values, "values")
    near = float(x[0])  # so that work at millions of kT keeps its digits
    (mean,), ((variance,),) = joint_moments(x, lambda part: part - near)
    error = math.sqrt(variance / (x.size - 1)) if x.size > 1 else math.nan
    return Estimate(near + float(mean), error, int(x.size))


def dissipation(work: ArrayLike, delta_f: float) -> Estimate:
    """Return the mean work less a known free-energy difference, in kT."""
    mean = mean_of(work)
    return Estimate(mean.value - delta_f, mean.standard_error, mean.n)


def dissipation_above_bar(work: ArrayLike, fit: CrooksFit) -> Estimate:
    r"""Return the mean forward work less BAR's free-energy difference of the same sample, in kT.

    .. math:: \operatorname{Var}(\bar w-\hat f) = \frac{\operatorname{Var}w}{n_F} + \operatorname{Var}\hat f
       - \frac{2\operatorname{Cov}(w,p)}{\sum p(1-p)}
    """
    w = finite(work, "forward")
    f, sizes = fit.free_energy, math.log(fit.n_forward / fit.n_reverse)
    (mean, _), spread = joint_moments(w, lambda part: part - f, lambda part: chances(part - f + sizes)[0])
    variance = spread[0, 0] / w.size + fit.free_energy_error**2 - 2.0 * spread[0, 1] / fit.information
    error = math.sqrt(max(variance, 0.0)) if fit.overlaps else math.nan
    return Estimate(float(mean), error, int(w.size))


def judge_second_law(
    bounds: Sequence[Bound],
    *,
    tolerance: float = TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
    dependence: Dependence = INDEPENDENT,
) -> Verdict:
    """Judge one bound, or several of the same trajectories.

    Parameters
    ----------
    bounds : sequence of Bound
        At least one that decides; the lowest of those speaks for the claim.
    tolerance : float
        Shortfall that still counts as none, in kT or k_B.
    alpha : float
        Error rate.
    assumptions : tuple of str
        What the verdict takes for granted.
    dependence : Dependence
        Of the trajectories behind the means.

    Returns
    -------
    Verdict
        ``holds`` where every lower limit lies above -`tolerance`, ``violated`` where an upper limit lies
        below 0.
    """
    ratio = dependence.mean_variance_ratio
    parts = [dependence.widen(_part(bound, tolerance), ratio, lower=True) for bound in bounds]
    deciding = (i for i, bound in enumerate(bounds) if bound.decides)
    lowest = min(deciding, key=lambda i: bounds[i].mean.value)
    verdict = judge(
        "second-law",
        parts,
        alpha=alpha,
        n=bounds[lowest].mean.n,
        head=lowest,
        assumptions=(dependence.assumption, *assumptions),
    )
    return replace(verdict, reason=_margin(parts[lowest])) if verdict.outcome == "holds" else verdict


def _part(bound: Bound, tolerance: float) -> Part:
    value, error = bound.mean.value, bound.mean.standard_error
    freedom = max(1.0, bound.mean.n - 1.0)
    starved = "" if math.isfinite(error) else "too few trajectories: no error bar"
    t = value / error if error > 0.0 else math.copysign(math.inf, value) if value else 0.0
    return Part(
        bound.name,
        estimate=value,
        standard_error=None if starved else error,
        tolerance=tolerance,
        statistic=None if starved else t,
        p_value=None if starved else float(special.stdtr(freedom, t)),
        bound=True,
        decides=bound.decides,
        freedom=freedom,
        starved=starved,
        method="one-sided t-test",
    )


def _margin(part: Part) -> str:
    away = f"{part.measured}, {rounded(abs(part.statistic or 0.0))} standard errors"
    if known(part.estimate) < part.expected:
        return f"{away} below the bound, within the tolerance of {known(part.tolerance):g}"
    return f"{away} above the bound"
