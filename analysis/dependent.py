"""Verdicts on dependent trajectories: the parts of a claim with the errors that their dependence leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from scipy import special

from fluctua.analysis.crooks import CrooksFit
from fluctua.analysis.dependence import Dependence
from fluctua.analysis.parts import Part
from fluctua.analysis.rule import judge
from fluctua.analysis.strata import LEAST_GROUPS, Strata
from fluctua.analysis.verdict import Verdict

_SHAPES = ("shape", "smooth", "cusum", "masses")


def crooks_anew(verdict: Verdict, fit: CrooksFit, dependence: Dependence, alpha: float) -> Verdict:
    """Judge Crooks' theorem anew, from a verdict for independent trajectories.

    Parameters
    ----------
    verdict : Verdict
        From `judge_crooks`.
    fit : CrooksFit
        The fit behind it.
    dependence : Dependence
        Of its scores.
    alpha : float
        Error rate.

    Returns
    -------
    Verdict
        The same one where trajectories are independent.
    """
    if _as_independent(dependence) or verdict.outcome == "not applicable":
        return verdict
    parts = [_crooks_part(part, fit, dependence) for part in verdict.parts]
    if dependence.strata is not None and not dependence.reason:
        parts = [_within_groups(part, dependence, dependence.strata, alpha) for part in parts]
    parts = [_joint(part, parts) if part.name == "joint" else part for part in parts]
    return _judged(verdict, parts, dependence, alpha, min(fit.n_forward, fit.n_reverse))


def jarzynski_anew(
    verdict: Verdict,
    fit: CrooksFit,
    dependence: Dependence,
    of_averages: tuple[Dependence, Dependence],
    alpha: float,
) -> Verdict:
    """Judge Jarzynski's equality beside reverse data anew.

    Parameters
    ----------
    verdict : Verdict
        From `judge_jarzynski_pair`, given `dependence`.
    fit : CrooksFit
        The fit behind it.
    dependence : Dependence
        Of the scores of the fit.
    of_averages : pair of Dependence
        Of the terms exp(-w) of forward work, and of reverse work, by `Dependence.of_average`.
    alpha : float
        Error rate.
    """
    known = (dependence, *of_averages)
    if all(map(_as_independent, known)) or verdict.outcome == "not applicable":
        return verdict
    parts = []
    for part in verdict.parts:
        if part.name.startswith("Crooks"):  # as the dependence has it already
            parts.append(part)
        elif part.name.endswith("(BAR)"):
            parts.append(free_energy_widened(part, dependence))
        elif part.name.endswith("(reverse average)"):
            parts.append(_turned(of_averages[1].widen_average(_turned(part))))
        else:
            parts.append(of_averages[0].widen_average(part))
    worst = next(each for each in known if not _as_independent(each))
    return _judged(verdict, parts, worst, alpha, min(fit.n_forward, fit.n_reverse))


def means_anew(verdict: Verdict, dependence: Dependence, alpha: float, n: int) -> Verdict:
    """Judge a claim anew whose parts are exponential averages, tested on one side.

    Parameters
    ----------
    verdict : Verdict
        For independent trajectories.
    dependence : Dependence
        Of what is averaged, by `Dependence.of_average`.
    alpha : float
        Error rate.
    n : int
        Number of trajectories.
    """
    if _as_independent(dependence) or verdict.outcome == "not applicable":
        return verdict
    parts = [dependence.widen_average(part) for part in verdict.parts]
    return _judged(verdict, parts, dependence, alpha, n)


def _turned(part: Part) -> Part:
    """Turn the sign of the number and its test: a reverse average gives -ΔF."""
    return replace(
        part,
        estimate=None if part.estimate is None else -part.estimate,
        expected=-part.expected,
        statistic=None if part.statistic is None else -part.statistic,
    )


def free_energy_widened(part: Part, dependence: Dependence) -> Part:
    """Return ΔF against a known one, with its error as the dependence has it."""
    reason = dependence.free_energy_reason
    return dependence.widen(part, dependence.free_energy_variance_ratio, reason=reason)


def _as_independent(dependence: Dependence) -> bool:
    return dependence.independent and not (dependence.reason or dependence.free_energy_reason)


def _crooks_part(part: Part, fit: CrooksFit, dependence: Dependence) -> Part:
    if part.name == "slope":
        return dependence.widen(part, dependence.slope_score_variance_ratio)
    if part.name in _SHAPES:
        return _shape(part, fit, dependence)
    return part if part.name == "joint" else free_energy_widened(part, dependence)


def _shape(part: Part, fit: CrooksFit, dependence: Dependence) -> Part:
    """Divide the statistics of the shape by the largest ratio that any of its components has."""
    if part.starved or dependence.reason:
        return dependence.widen(part, 1.0)
    if dependence.independent:
        return part
    ratio = dependence.shape_variance_ratio
    smooth = float(special.chdtrc(max(1, fit.smooth_degrees), fit.smooth_statistic / ratio))
    cusum = float(special.kolmogorov(fit.cusum_statistic / math.sqrt(ratio)))
    p = {"shape": min(1.0, 2.0 * min(smooth, cusum)), "smooth": smooth, "cusum": cusum}
    if fit.masses is not None:  # of more cells than the ratio was taken over: it decides nothing here
        p["masses"] = float(special.chdtrc(fit.masses.degrees, fit.masses.statistic / ratio))
    return replace(part, p_value=p[part.name], method="smooth test and cusum, variance between blocks")


def _within_groups(pooled: Part, dependence: Dependence, strata: Strata, alpha: float) -> Part:
    """Judge slope and shape within groups; a theorem is broken only where all together break it too.

    Two things can be true of groups that differ: each obeys the theorem with a ΔF of its own, or they obey it
    together (each began from a slowly relaxing sample of one equilibrium). The larger p is right in both.
    """
    own = {"slope": strata.slope_p, "smooth": strata.smooth_p, "cusum": strata.cusum_p}
    own["shape"] = min(1.0, 2.0 * min(strata.smooth_p, strata.cusum_p))
    if pooled.name not in own or pooled.starved:
        return pooled
    p = max(own[pooled.name], 1.0 if pooled.p_value is None else pooled.p_value)
    method = f"within {strata.groups} groups, and all together: the larger p"
    if pooled.name != "slope":
        return replace(pooled, p_value=p, method=f"smooth test and cusum {method}")
    known = math.isfinite(strata.slope)
    part = replace(
        pooled,
        estimate=strata.slope if known else None,
        standard_error=strata.slope_error * math.sqrt(strata.slope_ratio) if known else None,
        statistic=strata.slope_statistic / math.sqrt(strata.slope_ratio or 1.0),
        p_value=p,
        starved="" if known else "no overlap: within groups the directions are separated",
        freedom=strata.freedom,
        method=f"score test {method}",
    )
    if p < alpha or part.within(alpha):
        return part
    return replace(part, starved=part.starved or _contradiction(part, pooled, dependence, strata, alpha))


def _contradiction(part: Part, pooled: Part, dependence: Dependence, strata: Strata, alpha: float) -> str:
    """Say why groups that differ leave the slope unknown; empty where they do not stand in the way."""
    if not strata.disagree:
        return ""
    if dependence.groups < LEAST_GROUPS:
        return f"{dependence.free_energy_reason}; they disagree, and give {part.measured}"
    if strata.slope_p >= alpha:
        return ""
    return (
        f"groups differ in more than ΔF, or each breaks the theorem: {part.measured} within groups and "
        f"{pooled.measured} of all together"
    )


def _joint(part: Part, parts: Sequence[Part]) -> Part:
    """Join slope and ΔF anew; not where one of them is unknown."""
    two = parts[:2]
    if any(each.p_value is None or each.statistic is None for each in two):
        return replace(part, statistic=None, p_value=None, starved=two[0].starved or two[1].starved)
    statistic = sum(float(each.statistic or 0.0) ** 2 for each in two)
    freedom = two[0].freedom
    p = special.chdtrc(2, statistic) if math.isinf(freedom) else special.fdtrc(2, freedom, statistic / 2.0)
    return replace(part, statistic=statistic, p_value=float(p), method="F, 2 components")


def _judged(verdict: Verdict, parts: Sequence[Part], dependence: Dependence, alpha: float, n: int) -> Verdict:
    names = [part.name for part in parts]
    assumptions = tuple(
        dependence.assumption if text == "trajectories are independent" else text
        for text in verdict.assumptions
    )
    return judge(
        verdict.claim,
        parts,
        alpha=alpha,
        n=n,
        head=names.index(verdict.quantity),
        information=verdict.information,
        assumptions=assumptions,
    )
