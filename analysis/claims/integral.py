"""The integral theorem: total entropy production averages to one under exp(-s)."""

from __future__ import annotations

import numpy as np

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Subject
from fluctua.analysis.dependent import means_anew
from fluctua.analysis.fitted_verdicts import judge_integral_fitted
from fluctua.analysis.integral import TOLERANCE, judge_integral, with_irreversibility
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.verdict import Verdict


def _judge(subject: Subject) -> Verdict:
    s = subject.total_entropy
    if isinstance(s, str):
        return not_applicable("integral", s)
    if subject.unfit:
        return not_applicable("integral", subject.unfit)
    tolerance, alpha = subject.rules.tolerance["integral"], subject.rules.alpha
    if subject.potential is not None and subject.potential.counted:
        return judge_integral_fitted(
            s,
            subject.potential,
            tolerance=tolerance,
            alpha=alpha,
            assumptions=subject.assumptions,
            dependence=subject.dependence_of_average,
        )
    weight = subject.irreversible_weight
    verdict = judge_integral(
        s, tolerance=tolerance, alpha=alpha, assumptions=subject.assumptions, irreversible_weight=weight
    )
    anew = means_anew(verdict, subject.dependence_of_average, alpha, s.size)
    return verdict if anew is verdict else with_irreversibility(anew, weight, int(np.isposinf(s).sum()))


CLAIM = Claim(
    name="integral",
    order=50,
    judge=_judge,
    usual=lambda subject: subject.of_entropy,
    means=(
        "The mean of exp(−s) is 1, where s is a trajectory's total entropy production; 1 less the probability"
        " with which the reverse process does what the start of the forward one leaves out."
    ),
    tolerances={"integral": TOLERANCE},
)
