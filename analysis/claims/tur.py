"""The thermodynamic uncertainty relation of a current."""

from __future__ import annotations

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Subject
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.tur import TOLERANCE, judge_tur
from fluctua.analysis.verdict import Verdict


def _judge(subject: Subject) -> Verdict:
    if not subject.ledgers or subject.current is None:
        return not_applicable("tur", _asks_for(subject))
    run = subject.ledgers[0]
    missing = _missing(run, subject.current)
    if missing:
        return not_applicable("tur", missing)
    entropy = run.total_entropy()
    return judge_tur(
        run.values(subject.current, "current"),
        run.values("entropy_flow", "entropy_flow") if isinstance(entropy, str) else entropy,
        tolerance=subject.rules.tolerance["tur"],
        alpha=subject.rules.alpha,
        assumptions=run.assumptions,
        quantum=run.spec.dynamics.uncertainty == "quantum",
    )


def _asks_for(subject: Subject) -> str:
    """Say what is missing where nobody named a current."""
    steady = any(run.stationary and run.steady for run in subject.ledgers[:1])
    return "needs current=, a formula of what flows" if steady else "needs a steady state and current="


def _missing(run: Ledger, current: str) -> str:
    """Say which precondition is not met."""
    if not (run.stationary and run.steady):
        return "needs a steady state: controls that do not change, and initial = Steady"
    if run.spec.dynamics.uncertainty == "inertial":
        return "needs overdamped or jump dynamics: inertia may beat the bound"
    even = _even_records(run, current)
    return f"needs a current that time reversal turns around: {even} does not" if even else ""


def _even_records(run: Ledger, current: str) -> str:
    """Name what the formula takes from the columns that time reversal does not turn around."""
    used = run.run.formula(current, "current").columns
    spec = run.spec
    even = [name for name in spec.dynamics.even(spec.system, spec.record) if name in used]
    return ", ".join(f"{name} = {spec.record[name]}" if name in spec.record else name for name in even)


CLAIM = Claim(
    name="tur",
    order=80,
    judge=_judge,
    usual=lambda subject: bool(subject.ledgers),
    means=(
        "The relative variance of a steady current is at least 2 over the entropy produced. Quantum coherence"
        " may beat that without any violation of thermodynamics."
    ),
    tolerances={"tur": TOLERANCE},
)
