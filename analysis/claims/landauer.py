"""Landauer's bound on the work of an erasure, with the error that was measured."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Subject
from fluctua.analysis.landauer import TOLERANCE, judge_landauer
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.verdict import Verdict
from fluctua.stochastic.errors import InvalidInput, shown

Floats = NDArray[np.float64]


def _judge(subject: Subject) -> Verdict:
    if subject.success is None:
        return not_applicable("landauer", "needs success=, the condition of a trajectory that ended erased")
    missing = _missing(subject)
    if missing or subject.work is None:
        return not_applicable("landauer", missing)
    ended, started = _regions(subject.ledgers[0], subject.success)
    if not 0 < np.count_nonzero(started) < started.size:
        return not_applicable("landauer", "needs both: starts where success holds, and where it does not")

    def judged(work: Floats) -> Verdict:
        return judge_landauer(
            work,
            ended,
            started=started,
            tolerance=subject.rules.tolerance["landauer"],
            alpha=subject.rules.alpha,
            assumptions=subject.assumptions,
        )

    return judged(subject.work).beside(None if subject.exact is None else judged(subject.exact))


def _missing(subject: Subject) -> str:
    """Say what keeps the bound from being judged: the start measures the weight of success at the end."""
    if not subject.ledgers:
        return "needs a run; arrays are judged by fluctua.analysis.landauer.judge_landauer"
    if subject.missing or subject.work is None:
        return subject.missing or "needs work"
    return "" if subject.ledgers[0].closed else "needs controls and temperatures that end where they began"


def _regions(run: Ledger, success: str) -> tuple[Floats, Floats]:
    """Return which trajectories ended in the region, and which began in it.

    A coordinate in the condition, ``x > 0``, means its value at the end, as ``x_final > 0`` does.
    """
    if not isinstance(success, str):
        raise InvalidInput(f"{shown(success)} is not a condition", "success", 'write text, "x > 0"')
    ends = [column.name for column in run.spec.dynamics.ends(run.spec.system)]
    names = [name.removesuffix("_final") for name in ends if name.endswith("_final")]
    at = re.compile(rf"\b({'|'.join(names)})(?:_final)?\b")
    ended, began = (at.sub(rf"\1_{which}", success) for which in ("final", "initial"))
    condition = run.run.formula(success, "success", {name: f"{name}_final" for name in names})
    if not condition.is_condition:
        raise InvalidInput(f"{success!r} is not a condition", "success", 'write a comparison, "x > 0"')
    others = set(condition.columns) - {f"{name}_final" for name in names}
    if others:
        remedy = f"write it with {', '.join(names)}: it must be known of the start too"
        raise InvalidInput(f"{', '.join(sorted(others))} is no place at the end", "success", remedy)
    return run.values(ended, "success"), run.values(began, "success")


CLAIM = Claim(
    name="landauer",
    order=70,
    judge=_judge,
    usual=lambda subject: subject.success is not None,
    means=(
        "Erasing a memory takes at least kT times the entropy that is erased, ln 2 for a bit without error;"
        " with errors less, and the errors are counted as they were measured."
    ),
    tolerances={"landauer": TOLERANCE},
)
