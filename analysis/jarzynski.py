r"""Jarzynski's equality, with and without reverse data.

.. math:: \langle e^{-w}\rangle = e^{-f}, \qquad w=\beta W,\quad f=\beta\,\Delta F

Where the temperature varies, w is the dimensionless work :math:`\int\partial_t(\beta_tH_t)\,dt` and f is
:math:`-\Delta\Xi=-\ln(Z_\tau/Z_0)`. With reverse data the equality follows from Crooks' theorem, which looks
at the bulk of both samples instead of the rarest trajectories of one; an average alone is judged on its upper
side only.

Sources: Jarzynski (1997, 2006); Crooks (1999); Chatelain (2007) and Williams, Searles and Evans (2008) for a
varying temperature.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.crooks import (
    FREE_ENERGY_TOLERANCE,
    LEAST_INFORMATION,
    SLOPE_TOLERANCE,
    CrooksFit,
    free_energy_part,
    judge_crooks,
)
from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.dependent import crooks_anew
from fluctua.analysis.integral import ExponentialAverage, average_part, exponential_average
from fluctua.analysis.joint import joint_moments
from fluctua.analysis.logistic import chances
from fluctua.analysis.parts import Part, known
from fluctua.analysis.rule import judge, not_applicable
from fluctua.analysis.samples import finite
from fluctua.analysis.verdict import Verdict

Floats = NDArray[np.float64]

_NO_WITNESS = "the Crooks fit is rejected"
_ASSUMPTIONS = ("trajectories are independent", "no rare mode escaped the sample")


@dataclass(frozen=True)
class Passage:
    """Work up to some instant, and what the equality says of it.

    Parameters
    ----------
    name : str
        What -ln<exp(-w)> is called here.
    work : ndarray, shape (n,)
        In kT, or dimensionless.
    delta_f : float
        The free-energy difference up to that instant, in kT.
    """

    name: str
    work: Floats
    delta_f: float


def jarzynski(work: ArrayLike) -> ExponentialAverage:
    r"""Estimate :math:`f=-\ln\langle e^{-w}\rangle` from forward work alone.

    Parameters
    ----------
    work : array_like, shape (n,)
        Work on the system, in kT.

    Returns
    -------
    ExponentialAverage
        Its `value` and `standard_error` are those of f; the interval is to be believed only where `sampled`
        is true.
    """
    return exponential_average(work)


def judge_jarzynski(
    passages: Sequence[Passage],
    *,
    tolerance: float = FREE_ENERGY_TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
) -> Verdict:
    """Judge the equality on forward data, at one instant or at several of the same trajectories.

    Parameters
    ----------
    passages : sequence of Passage
        At least one; Holm runs over them.
    tolerance : float
        In kT.
    alpha : float
        Error rate.
    assumptions : tuple of str
        What the verdict takes for granted.

    Returns
    -------
    Verdict
        ``violated`` only where an average is too high; the last passage speaks for the claim.
    """
    averages = [exponential_average(passage.work, alpha, origin=passage.delta_f) for passage in passages]
    parts = [
        average_part(average, passage.name, expected=passage.delta_f, tolerance=tolerance, alpha=alpha)
        for average, passage in zip(averages, passages, strict=True)
    ]
    return judge(
        "jarzynski",
        parts,
        alpha=alpha,
        n=averages[-1].n,
        head=len(parts) - 1,
        information=min(average.effective for average in averages),
        assumptions=(*_ASSUMPTIONS, *assumptions),
    )


def judge_jarzynski_pair(
    work: ArrayLike,
    reverse: ArrayLike,
    fit: CrooksFit,
    *,
    delta_f: float | None = None,
    tolerance: float = FREE_ENERGY_TOLERANCE,
    slope_tolerance: float = SLOPE_TOLERANCE,
    alpha: float = 0.05,
    symbol: str = "ΔF",
    assumptions: tuple[str, ...] = (),
    dependence: Dependence = INDEPENDENT,
) -> Verdict:
    r"""Judge the equality on forward data that have reverse data beside them.

    Where Crooks' theorem is not violated in its slope or shape, the equality follows from it, and BAR's
    free-energy difference stands for the exponential average; the average itself must not be higher than
    that. Where it is violated the equality cannot be shown, and the averages of both directions,

    .. math:: \langle e^{-(w-f)}\rangle_F = 1, \qquad \langle e^{-(w+f)}\rangle_R = 1,

    speak for themselves, each on its upper side only: a low one may lack a trajectory too rare to be seen.
    An f that is too high makes the first too high, one that is too low the second.

    Parameters
    ----------
    work : array_like, shape (n,)
        Forward work, in kT.
    reverse : array_like, shape (m,)
        Work of the reverse process as measured, in kT.
    fit : CrooksFit
        Of both.
    delta_f : float, optional
        In kT, where it is known.
    tolerance, slope_tolerance : float
        What counts as equal.
    alpha : float
        Error rate.
    symbol : str
        What the free-energy difference is called.
    assumptions : tuple of str
        What the verdict takes for granted.
    dependence : Dependence
        Of the scores of the fit: whether it is rejected depends on it.

    Returns
    -------
    Verdict
    """
    w = finite(work, "forward")
    crooks = judge_crooks(
        fit,
        delta_f=delta_f,
        slope_tolerance=slope_tolerance,
        free_energy_tolerance=tolerance,
        alpha=alpha,
    )
    crooks = crooks_anew(crooks, fit, dependence, alpha)
    slope, shape = (crooks.part(name) for name in ("slope", "shape"))
    if not (slope.violates(alpha) or shape.violates(alpha)):
        parts = [*_beside_a_good_fit(w, fit, delta_f, tolerance, alpha), *_required(slope, shape, alpha)]
    elif delta_f is not None:
        parts = _beside_a_bad_fit(w, finite(reverse, "reverse"), delta_f, alpha)
    else:
        return not_applicable("jarzynski", f"needs a known ΔF: {_NO_WITNESS}, so BAR cannot stand in")
    parts = [replace(part, name=part.name.replace("ΔF", symbol)) for part in parts]
    return judge(
        "jarzynski",
        parts,
        alpha=alpha,
        n=min(fit.n_forward, fit.n_reverse),
        information=fit.information,
        assumptions=(
            "trajectories are independent",
            "forward and reverse are the same process, run both ways",
            *assumptions,
        ),
    )


def _beside_a_good_fit(
    w: Floats, fit: CrooksFit, delta_f: float | None, tolerance: float, alpha: float
) -> list[Part]:
    reference = fit.free_energy if delta_f is None else delta_f
    average = exponential_average(w, alpha, origin=reference)
    part = average_part(average, "ΔF", expected=reference, tolerance=tolerance, alpha=alpha)
    part = replace(part, starved="")  # the Crooks fit vouches for the tail
    if delta_f is None:
        z = _excess_over_bar(w, fit)
        part = replace(part, statistic=-z, p_value=float(special.ndtr(-z)), method="against BAR, one-sided")
    if not (average.sampled and part.within(alpha)):
        part = replace(part, name="ΔF (exponential average)", tolerance=None)
    if delta_f is None:
        return [part]
    of_bar = replace(free_energy_part(fit, delta_f, tolerance), name="ΔF (BAR)")
    return [part, of_bar] if part.tolerance is not None else [of_bar, part]


def _required(slope: Part, shape: Part, alpha: float) -> list[Part]:
    """Return what the Crooks fit must show for the equality to follow; its p-values belong to Crooks."""
    suspicious = (
        ""
        if shape.starved or shape.within(alpha)
        else f"the {shape.measured} of the Crooks fit, below {alpha:g} as by chance in one true pair of "
        f"{1.0 / alpha:.0f}: try another seed, or measure again"
    )
    return [
        replace(slope, name="Crooks slope", p_value=None),
        replace(shape, name="Crooks shape", p_value=None, starved=shape.starved or suspicious),
    ]


def _beside_a_bad_fit(w: Floats, reverse: Floats, delta_f: float, alpha: float) -> list[Part]:
    forward = exponential_average(w, alpha, origin=delta_f)
    backward = exponential_average(reverse, alpha, origin=-delta_f)
    low = average_part(forward, "ΔF (forward average)", expected=delta_f, alpha=alpha)
    high = average_part(backward, "ΔF (reverse average)", expected=-delta_f, alpha=alpha)
    high = replace(
        high,
        estimate=-known(high.estimate),
        expected=delta_f,
        statistic=None if high.statistic is None else -high.statistic,
    )
    # No tolerance: without the witness of the other direction no interval of an average can be trusted.
    missing = Part("Crooks fit", starved=f"{_NO_WITNESS}, so neither direction vouches for the other's tail")
    return [*(replace(part, tolerance=None) for part in (low, high)), missing]


def _excess_over_bar(w: Floats, fit: CrooksFit) -> float:
    r"""Return z of the exponential average against BAR, positive where the average is too high.

    With :math:`X=e^{-(w-\hat f)}`,

    .. math:: \operatorname{Var}\bar X = \frac{\operatorname{Var}X}{n_F} + \operatorname{Var}\hat f
       + \frac{2\operatorname{Cov}(X,p)}{\sum p(1-p)}
    """
    if fit.information < LEAST_INFORMATION:
        return 0.0
    sizes = math.log(fit.n_forward / fit.n_reverse)

    def term(part: Floats) -> Floats:
        return np.exp(np.minimum(fit.free_energy - part, 700.0))

    (mean, _), spread = joint_moments(w, term, lambda part: chances(part - fit.free_energy + sizes)[0])
    variance = spread[0, 0] / w.size + fit.free_energy_error**2 + 2.0 * spread[0, 1] / fit.information
    return float((mean - 1.0) / math.sqrt(variance)) if variance > 0.0 else 0.0
