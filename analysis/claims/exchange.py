"""The exchange theorem: heat or particles between bodies, against the same amount flowing back."""

from __future__ import annotations

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Floats, Subject
from fluctua.analysis.crooks import SLOPE_TOLERANCE
from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.exchange import affinity_of, judge_exchange
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.verdict import Verdict

_WORD = "nothing but the exchange produces entropy"


def _judge(subject: Subject) -> Verdict:
    found = driven(subject)
    if isinstance(found, str):
        return not_applicable("exchange", found)
    exchanged, affinity, taken = found
    return judge_exchange(
        exchanged,
        affinity,
        slope_tolerance=subject.rules.tolerance["slope"],
        alpha=subject.rules.alpha,
        assumptions=(*subject.assumptions, *taken),
        dependence=_dependence(subject, exchanged, affinity),
    )


def driven(subject: Subject) -> tuple[Floats, float, tuple[str, ...]] | str:
    """Return what was exchanged, its affinity and what is taken for granted; or what is missing."""
    if subject.exchanged is not None and subject.affinity is not None:
        return subject.exchanged, subject.affinity, (_WORD,)
    if not subject.ledgers or subject.current is None:
        return "needs an exchanged amount: a run and current=, or numbers and affinity="
    run, entropy = subject.ledgers[0], subject.total_entropy
    if isinstance(entropy, str):
        return entropy
    if not (run.stationary and subject.shares_start):
        return "needs controls and temperatures that do not change, and a start in Equilibrium or Steady"
    exchanged = run.values(subject.current, "current")
    own = affinity_of(entropy, exchanged)
    if isinstance(own, str):
        return own
    return exchanged, own if subject.affinity is None else subject.affinity, ()


def _dependence(subject: Subject, exchanged: Floats, affinity: float) -> Dependence:
    if subject.ledgers:
        return INDEPENDENT
    return Dependence.of_signs(affinity * exchanged, subject.groups[0] if subject.groups else None)


CLAIM = Claim(
    name="exchange",
    order=65,
    judge=_judge,
    usual=lambda subject: subject.affinity is not None,
    means=(
        "What is exchanged occurs as X and as −X in the ratio exp(A X), where A is the affinity. Exact at"
        " any time where nothing else produces entropy: between two bodies, not at one junction of a system"
        " between them."
    ),
    tolerances={"slope": SLOPE_TOLERANCE},
)
