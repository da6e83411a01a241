"""The thermodynamic uncertainty relation of a current."""

from __future__ import annotations

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Subject
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.verdict import Verdict


def _judge(_subject: Subject) -> Verdict:
    return not_applicable("tur", "needs a steady state and current=")


CLAIM = Claim(
    name="tur",
    order=80,
    judge=_judge,
    usual=lambda subject: bool(subject.ledgers),
    means="The relative variance of a steady current is at least 2 over the entropy produced.",
)
