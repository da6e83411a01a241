r"""The verdict on Crooks' theorem from its fit: slope 1, no other shape, the free-energy difference."""

from __future__ import annotations

import math
from dataclasses import replace

from scipy import special

from fluctua.analysis.bennett import LEAST_INFORMATION
from fluctua.analysis.crooks_fit import CrooksFit
from fluctua.analysis.masses import Masses
from fluctua.analysis.parts import Part
from fluctua.analysis.rule import judge, not_applicable
from fluctua.analysis.verdict import Verdict

SLOPE_TOLERANCE = 0.05
FREE_ENERGY_TOLERANCE = 0.1  # kT
LITTLE_INFORMATION = 10.0  # below it, the error of f is uncertain: Student's law instead of the normal one
LEAST_FOR_SHAPE = 20  # values in each direction
_GOOD_SHARE = 0.02  # with more of the trajectories than that in the overlap, the samples are just small
_ROUNDING = 1e-8  # kT; equal work in all trajectories has no other error


def judge_crooks(
    fit: CrooksFit,
    *,
    delta_f: float | None = None,
    slope_tolerance: float = SLOPE_TOLERANCE,
    free_energy_tolerance: float = FREE_ENERGY_TOLERANCE,
    alpha: float = 0.05,
    symbol: str = "ΔF",
    assumptions: tuple[str, ...] = (),
    irreversible: bool = False,
) -> Verdict:
    """Judge Crooks' theorem: slope 1, no other shape, and the free-energy difference where it is known.

    Parameters
    ----------
    fit : CrooksFit
        From `fit_crooks`.
    delta_f : float, optional
        The free-energy difference in kT, where it is known.
    slope_tolerance, free_energy_tolerance : float
        What counts as equal; the latter in kT.
    alpha : float
        Error rate.
    symbol : str
        What the free-energy difference is called.
    assumptions : tuple of str
        What the verdict takes for granted.
    irreversible : bool
        Whether a part of the trajectories is known to have no way back: values that only one direction takes
        are expected then, and what both take decides. Otherwise the claim is ``undecidable`` where there are
        such values, as lost trajectories look the same.

    Returns
    -------
    Verdict
        With the parts ``slope``, ``shape`` and, where `delta_f` is given, `symbol` and ``joint``. Holm runs
        over the first three.
    """
    if not fit.varies:
        return _of_one_value(fit, delta_f, free_energy_tolerance, alpha, symbol, assumptions)
    parts = [slope_part(fit, slope_tolerance)]
    if delta_f is not None:
        parts.append(replace(free_energy_part(fit, delta_f, free_energy_tolerance), name=symbol))
    parts.append(shape_part(fit))
    if delta_f is not None and fit.overlaps:
        parts.append(_joint_part(parts[0], parts[1]))
    parts += _shape_details(fit)
    verdict = judge(
        "crooks",
        parts,
        alpha=alpha,
        n=min(fit.n_forward, fit.n_reverse),
        information=fit.information,
        assumptions=("trajectories are independent", *assumptions),
    )
    return with_unmatched(verdict, fit, irreversible)


def with_unmatched(verdict: Verdict, fit: CrooksFit, irreversible: bool = False) -> Verdict:
    """Tell of values that one direction never takes: without knowing why, nothing is shown to hold."""
    if fit.unmatched is None or verdict.outcome == "not applicable" or str(fit.unmatched) in verdict.reason:
        return verdict
    reason = f"{fit.unmatched}; of the work that both take: {verdict.reason or verdict.measured}"
    undecided = verdict.outcome == "holds" and not irreversible
    return replace(verdict, outcome="undecidable" if undecided else verdict.outcome, reason=reason)


def _of_one_value(
    fit: CrooksFit,
    delta_f: float | None,
    tolerance: float,
    alpha: float,
    symbol: str,
    assumptions: tuple[str, ...],
) -> Verdict:
    """Judge work that is the same in all trajectories, which it can be only where it is ΔF."""
    if delta_f is None or not fit.overlaps:
        what = "needs work that varies between trajectories by more than rounding"
        return not_applicable("crooks", what + ("" if delta_f is not None else ", or a known ΔF (delta_f=)"))
    part = replace(free_energy_part(fit, delta_f, tolerance), name=symbol)
    n = min(fit.n_forward, fit.n_reverse)
    verdict = judge("crooks", [part], alpha=alpha, n=n, information=fit.information, assumptions=assumptions)
    return replace(verdict, reason=f"the work is the same in all trajectories: {verdict.reason}")


def slope_part(fit: CrooksFit, tolerance: float = SLOPE_TOLERANCE) -> Part:
    """Return the slope of the log odds, which should be 1."""
    known = fit.overlaps and math.isfinite(fit.slope_error)
    return Part(
        "slope",
        estimate=fit.slope if math.isfinite(fit.slope) else None,
        standard_error=fit.slope_error if known else None,
        expected=1.0,
        tolerance=tolerance,
        statistic=fit.slope_statistic,
        p_value=fit.slope_p,
        starved="" if known else _no_slope(fit),
        method=f"score test, {fit.method}",
    )


def free_energy_part(fit: CrooksFit, delta_f: float, tolerance: float = FREE_ENERGY_TOLERANCE) -> Part:
    """Return BAR's free-energy difference, which should be `delta_f`; without overlap it is not tested."""
    part = Part("ΔF", fit.free_energy, expected=delta_f, tolerance=tolerance, method="BAR, Wald test")
    if not fit.overlaps:
        return replace(part, starved=_no_overlap(fit))
    difference, error = fit.free_energy - delta_f, fit.free_energy_error
    z = difference / max(error, _ROUNDING)
    freedom = math.inf if fit.information >= LITTLE_INFORMATION else fit.information
    tail = special.ndtr(-abs(z)) if math.isinf(freedom) else special.stdtr(freedom, -abs(z))
    return replace(part, standard_error=error, statistic=z, p_value=float(2.0 * tail), freedom=freedom)


def shape_part(fit: CrooksFit) -> Part:
    """Return the test that the log odds are straight: two tests, the smaller p counted twice.

    Smooth test and walk of residuals; where the work takes a few values, smooth test and masses.
    """
    if min(fit.n_forward, fit.n_reverse) < LEAST_FOR_SHAPE:
        return Part("shape", starved=f"too few trajectories: shape needs {LEAST_FOR_SHAPE} in each direction")
    other, p = ("cusum", fit.cusum_p) if fit.masses is None else ("masses", fit.masses.p_value)
    return Part(
        "shape",
        statistic=fit.smooth_statistic,
        p_value=min(1.0, 2.0 * min(fit.smooth_p, p)),
        method=f"smooth test and {other}, {fit.method}",
    )


def _shape_details(fit: CrooksFit) -> list[Part]:
    told = [("smooth", fit.smooth_statistic, fit.smooth_p), ("cusum", fit.cusum_statistic, fit.cusum_p)]
    parts = [
        Part(name, statistic=statistic, p_value=p, decides=False, method=fit.method)
        for name, statistic, p in told
    ]
    return parts if fit.masses is None else [*parts, masses_part(fit.masses)]


def masses_part(masses: Masses) -> Part:
    """Return the test of masses as it stands beside a shape."""
    method = f"chi-square, {masses.degrees}, {masses.method}"
    return Part("masses", statistic=masses.statistic, p_value=masses.p_value, decides=False, method=method)


def _joint_part(slope: Part, free_energy: Part) -> Part:
    """Return the joint test of slope and ΔF, which are independent at the information-weighted centre."""
    statistic = float(slope.statistic or 0.0) ** 2 + float(free_energy.statistic or 0.0) ** 2
    return Part(
        "joint",
        statistic=statistic,
        p_value=float(special.chdtrc(2, statistic)),
        decides=False,
        method="chi-square, 2",
    )


def _no_overlap(fit: CrooksFit) -> str:
    carried = f"the information of {fit.information:.2g}, and an interval needs {LEAST_INFORMATION:g}"
    if fit.information > _GOOD_SHARE * min(fit.n_forward, fit.n_reverse):
        return f"too few trajectories: they carry {carried}"
    return f"no overlap: forward and reverse work share {carried}; drive more slowly, or add trajectories"


def _no_slope(fit: CrooksFit) -> str:
    """Say why there is no slope: without overlap, or with a likelihood that rises for ever."""
    if not fit.overlaps:
        return _no_overlap(fit)
    return (
        "no slope: forward work and the negative of reverse work meet at one value at most, on either side of"
        " which there is one direction only, and a slope needs two; drive differently, or add trajectories"
    )
