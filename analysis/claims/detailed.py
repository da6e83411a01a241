"""The detailed theorem of entropy production: of a process that is its own reverse, or beside its reverse."""

from __future__ import annotations

from dataclasses import replace

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Floats, Subject
from fluctua.analysis.crooks import SLOPE_TOLERANCE, fit_crooks, judge_crooks
from fluctua.analysis.detailed import fit_detailed, judge_detailed
from fluctua.analysis.fitted_verdicts import judge_detailed_fitted
from fluctua.analysis.integral import TOLERANCE
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.verdict import Verdict


def _judge(subject: Subject) -> Verdict:
    s = subject.total_entropy
    if isinstance(s, str):
        return not_applicable("detailed", s)
    if subject.entropy_pair is not None:
        return _judge_pair(subject, *subject.entropy_pair)
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


def _judge_pair(subject: Subject, forward: Floats, reverse: Floats) -> Verdict:
    r"""Judge :math:`P_F(s)/P_R(-s)=e^s` as Crooks' theorem of a work s whose free-energy difference is 0."""
    fit = fit_crooks(forward, reverse, alpha=subject.rules.alpha, reversible=True)
    verdict = judge_crooks(
        fit,
        delta_f=0.0,
        slope_tolerance=subject.rules.tolerance["slope"],
        free_energy_tolerance=subject.rules.tolerance["integral"],
        alpha=subject.rules.alpha,
        symbol="crossing",
        assumptions=(*subject.assumptions, "the reverse starts where the entropy of the ends says"),
    )
    return replace(verdict, claim="detailed")


def _said_of_a_drive(subject: Subject) -> str:
    """Say what is missing: with the reverse run, the two are bound where work obeys no theorem."""
    other = "integral" if subject.missing else "crooks"
    bound = subject.of_entropy and subject.shares_start and subject.irreversible_weight == 0.0
    remedy = ", or the reverse run too (make the second with spec.reversed())" if bound else ""
    return f"needs controls and temperatures that do not change{remedy}; a run like this one has {other}"


def _unchanging(subject: Subject) -> bool:
    """Say whether nothing is known to change in time."""
    return not subject.ledgers or subject.ledgers[0].stationary


CLAIM = Claim(
    name="detailed",
    order=60,
    judge=_judge,
    usual=lambda subject: (
        subject.of_entropy and (_unchanging(subject) or subject.paired) and subject.shares_start
    ),
    means=(
        "Total entropy productions s and −s occur in the ratio exp(s); of a driven run s, and −s of its"
        " reverse, so that both densities cross at 0."
    ),
    tolerances={"slope": SLOPE_TOLERANCE, "integral": TOLERANCE},
)
