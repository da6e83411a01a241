"""The detailed theorem of one sample: entropy production of a process that is its own reverse."""

from __future__ import annotations

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Subject
from fluctua.analysis.crooks import SLOPE_TOLERANCE
from fluctua.analysis.detailed import fit_detailed, judge_detailed
from fluctua.analysis.fitted_verdicts import judge_detailed_fitted
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.verdict import Verdict


def _judge(subject: Subject) -> Verdict:
    s = subject.total_entropy
    if isinstance(s, str):
        return not_applicable("detailed", s)
    if not _unchanging(subject):
        return not_applicable("detailed", _said_of_a_drive(subject))
    if not subject.shares_start:
        return not_applicable("detailed", "needs a start that its reverse shares: Equilibrium or Steady")
    if subject.unfit:
        return not_applicable("detailed", subject.unfit)
    tolerance, alpha = subject.rules.tolerance["slope"], subject.rules.alpha
    symmetry = () if subject.ledgers else ("a steady state, or a protocol that is its own reverse",)
    taken, dependence = (*subject.assumptions, *symmetry), subject.dependence_of_signs
    if subject.potential is not None and subject.potential.counted:
        return judge_detailed_fitted(
            s,
            subject.potential,
            slope_tolerance=tolerance,
            alpha=alpha,
            assumptions=taken,
            dependence=dependence,
        )
    if subject.irreversible_weight > 0.0:
        return not_applicable(
            "detailed", "absolute irreversibility: the start leaves out a part of the way back"
        )
    fit = fit_detailed(s, alpha=alpha)
    return judge_detailed(
        fit, slope_tolerance=tolerance, alpha=alpha, assumptions=taken, dependence=dependence
    )


def _said_of_a_drive(subject: Subject) -> str:
    other = "integral" if subject.missing else "crooks"
    return f"needs controls and temperatures that do not change; a run like this one has {other}"


def _unchanging(subject: Subject) -> bool:
    """Say whether nothing is known to change in time."""
    return not subject.ledgers or subject.ledgers[0].stationary


CLAIM = Claim(
    name="detailed",
    order=60,
    judge=_judge,
    usual=lambda subject: subject.of_entropy and _unchanging(subject) and subject.shares_start,
    means="Total entropy productions s and −s occur in the ratio exp(s).",
    tolerances={"slope": SLOPE_TOLERANCE},
)
