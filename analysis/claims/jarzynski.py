"""The Jarzynski equality: beside reverse data, or of one direction against a known free-energy difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Subject
from fluctua.analysis.crooks import FREE_ENERGY_TOLERANCE, SLOPE_TOLERANCE, CrooksFit
from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.dependent import jarzynski_anew, means_anew
from fluctua.analysis.integral import expected_average
from fluctua.analysis.jarzynski import Passage, judge_jarzynski, judge_jarzynski_pair
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.several import judge_several
from fluctua.analysis.verdict import Verdict

Floats = NDArray[np.float64]


def _judge(subject: Subject) -> Verdict:
    if subject.missing or subject.work is None:
        return not_applicable("jarzynski", subject.missing or "needs work")
    if subject.protocols:
        return judge_several(
            subject.protocols,
            delta_f=subject.delta_f,
            tolerance=subject.rules.tolerance["delta_f"],
            alpha=subject.rules.alpha,
            assumptions=subject.shares,
        )
    fit = subject.fit
    if fit is None or not fit.varies or subject.irreversible_weight > 0.0:
        return _judge_forward(subject, subject.work)
    if fit.unmatched is not None:
        remedy = "the mean of exp(-(W - ΔF)) is then 1 less the reverse share (irreversible_weight=)"
        return not_applicable("jarzynski", f"{fit.unmatched}; {remedy}")
    return _judge_pair(subject, fit)


def _judge_pair(subject: Subject, fit: CrooksFit) -> Verdict:
    def judged(work: Floats, reverse: Floats, fit: CrooksFit) -> Verdict:
        return judge_jarzynski_pair(
            work,
            reverse,
            fit,
            delta_f=subject.delta_f,
            tolerance=subject.rules.tolerance["delta_f"],
            slope_tolerance=subject.rules.tolerance["slope"],
            alpha=subject.rules.alpha,
            symbol=subject.symbol,
            assumptions=subject.shares,
            dependence=INDEPENDENT if fit is subject.exact_fit else subject.dependence,
        )

    assert subject.work is not None
    assert subject.reverse is not None
    verdict = judged(subject.work, subject.reverse, fit)
    both = subject.dependence_of_average, _dependence_of_reverse_average(subject, verdict)
    verdict = jarzynski_anew(verdict, fit, subject.dependence, both, subject.rules.alpha)
    if subject.exact is None or subject.exact_reverse is None or subject.exact_fit is None:
        return verdict
    return verdict.beside(judged(subject.exact, subject.exact_reverse, subject.exact_fit))


def _dependence_of_reverse_average(subject: Subject, verdict: Verdict) -> Dependence:
    """Return how the terms exp(-w) of reverse work depend on each other, where they are judged."""
    asked = any(part.name.endswith("(reverse average)") for part in verdict.parts)
    if not asked or subject.ledgers or subject.reverse is None:
        return INDEPENDENT
    return Dependence.of_average(subject.reverse, subject.groups[1] if len(subject.groups) == 2 else None)


def _judge_forward(subject: Subject, work: Floats) -> Verdict:
    def judged(passages: Sequence[Passage]) -> Verdict:
        tolerance, alpha = subject.rules.tolerance["delta_f"], subject.rules.alpha
        return judge_jarzynski(passages, tolerance=tolerance, alpha=alpha, assumptions=subject.shares)

    passages = [] if subject.given else [passage for run in subject.ledgers for passage in run.passages()]
    weight = subject.irreversible_weight
    if subject.delta_f is not None and (weight > 0.0 or not passages):
        name = f"{subject.symbol} - ln(1 - {weight:.4g})" if weight > 0.0 else subject.symbol
        passages = [Passage(name, work, subject.delta_f + expected_average(weight))]
    if not passages:
        return not_applicable("jarzynski", "needs reverse data or a known ΔF (delta_f=)")
    alpha = subject.rules.alpha
    verdict = means_anew(judged(passages), subject.dependence_of_average, alpha, passages[-1].work.size)
    if subject.exact is None or subject.delta_f is None:
        return verdict
    return verdict.beside(judged([Passage(subject.symbol, subject.exact, subject.delta_f)]))


CLAIM = Claim(
    name="jarzynski",
    order=30,
    judge=_judge,
    usual=lambda subject: subject.work is not None,
    means=(
        "The mean of exp(−βW) is exp(−βΔF); where the temperature varies, the mean of exp(−dimensionless"
        " work) is the ratio of the partition functions. A low average may only lack a rare trajectory: it"
        " is never a violation. Beside reverse data the equality follows from the Crooks theorem; where that"
        " is violated, the average of either direction may still be shown to be too high. Of several"
        " protocols between the same ends, none that dissipates more may give a lower ΔF."
    ),
    tolerances={"slope": SLOPE_TOLERANCE, "delta_f": FREE_ENERGY_TOLERANCE},
    free_energy=lambda _subject: True,
)
