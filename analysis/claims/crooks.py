"""The Crooks theorem: forward and reverse work of one process, beside each other."""

from __future__ import annotations

from dataclasses import replace

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Subject
from fluctua.analysis.crooks import FREE_ENERGY_TOLERANCE, SLOPE_TOLERANCE, CrooksFit, judge_crooks
from fluctua.analysis.crooks_verdict import with_unmatched
from fluctua.analysis.dependent import crooks_anew
from fluctua.analysis.pairs import slope_of_pairs
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.verdict import Verdict


def _judge(subject: Subject) -> Verdict:
    if subject.fit is None:
        return not_applicable("crooks", subject.missing or "needs reverse data")

    def judged(fit: CrooksFit) -> Verdict:
        return judge_crooks(
            fit,
            delta_f=subject.delta_f,
            slope_tolerance=subject.rules.tolerance["slope"],
            free_energy_tolerance=subject.rules.tolerance["delta_f"],
            alpha=subject.rules.alpha,
            symbol=subject.symbol,
            assumptions=subject.shares,
            irreversible=bool(subject.weight),
        )

    verdict = crooks_anew(judged(subject.fit), subject.fit, subject.dependence, subject.rules.alpha)
    verdict = with_unmatched(verdict, subject.fit, bool(subject.weight))
    verdict = _with_pairs(verdict, subject)
    return verdict.beside(None if subject.exact_fit is None else judged(subject.exact_fit))


def _with_pairs(verdict: Verdict, subject: Subject) -> Verdict:
    """Tell what forward and reverse trajectories say in pairs, which needs no ΔF, beside the verdict.

    Not where they depend on each other, or may as they stand in groups: the error of pairs is that of
    independent ones.
    """
    if subject.groups or not subject.dependence.independent:
        return verdict
    if subject.work is None or subject.reverse is None or verdict.outcome == "not applicable":
        return verdict
    part = slope_of_pairs(subject.work, subject.reverse)
    return verdict if part is None else replace(verdict, parts=(*verdict.parts, part))


CLAIM = Claim(
    name="crooks",
    order=20,
    judge=_judge,
    usual=lambda subject: subject.paired,
    means=(
        "ln [p(W) / p(−W)] = β (W − ΔF) between forward and reverse work. Judged by a logistic regression"
        " of the direction on the work: its slope must be 1 and its shape straight, and its crossing gives"
        " ΔF (BAR)."
    ),
    tolerances={"slope": SLOPE_TOLERANCE, "delta_f": FREE_ENERGY_TOLERANCE},
    free_energy=lambda _subject: True,
)
