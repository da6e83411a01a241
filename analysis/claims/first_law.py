"""The first law: the energy of every trajectory changes by its work, heat and shadow work."""

from __future__ import annotations

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Subject
from fluctua.analysis.first_law import Residual, judge_first_law
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.verdict import Verdict


def _judge(subject: Subject) -> Verdict:
    if not subject.ledgers:
        return not_applicable("first-law", "needs a run, with work, heat and energy of each trajectory")
    if reason := subject.ledgers[0].spec.dynamics.first_law():
        return not_applicable("first-law", reason)
    found = [residual for ledger in subject.ledgers if (residual := ledger.residual()) is not None]
    if not found:
        return not_applicable("first-law", f"needs thermodynamics: {subject.ledgers[0].no_theorems}")
    worst = max(found, key=lambda residual: residual.largest / residual.allowed)
    return judge_first_law(
        Residual(worst.largest, worst.scale, worst.steps, sum(residual.n for residual in found))
    )


CLAIM = Claim(
    name="first-law",
    order=10,
    judge=_judge,
    usual=lambda subject: bool(subject.ledgers),
    means=(
        "Energy change = work + heat + shadow work, on every single trajectory, to rounding. The three are"
        " added up independently of each other, so that a wrong sign or convention cannot hide. Not"
        " applicable where one is what the others leave."
    ),
)
