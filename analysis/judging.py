"""From what was given to a report: a subject with all that is known about it, and its claims judged."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.accumulation import divided
from fluctua.analysis.claims import CLAIMS
from fluctua.analysis.claims.subject import Rules, Subject
from fluctua.analysis.dependence import LEAST_GROUPS
from fluctua.analysis.given import (
    PLACES,
    KnownDifference,
    check_numbers,
    check_units,
    joint_groups,
)
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.reading import Numbers
from fluctua.analysis.remarks import mistaken_reverse, remarks
from fluctua.analysis.rule import together
from fluctua.analysis.scale import remark_on_scale
from fluctua.analysis.verdict import Report

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset

Floats = NDArray[np.float64]
Names = tuple[str, ...]  # of claims that were asked for; none: all that apply


def judge_work(samples: Sequence[Numbers], known: KnownDifference, rules: Rules, wanted: Names) -> Report:
    """Judge work of one direction or of both, given as numbers."""
    size = known.size_of_kt()
    for sample, place in zip(samples, PLACES, strict=False):
        check_units(sample, known.units, place)
        check_numbers(sample.values, place)
    work = [divided(sample.values, size) for sample in samples]
    subject = Subject(
        rules,
        work=work[0],
        reverse=work[1] if len(work) > 1 else None,
        delta_f=None if known.value is None else known.value / size,
        given=known.value is not None,
        groups=joint_groups(samples),
    )
    conversion = None if known.units == "kT" else (size, known.units)
    title = f"{_counts([values.size for values in work])}, in kT"
    return _report(subject, wanted, title, conversion).with_notes(_what_stands_out(subject))


def judge_entropy(sample: Numbers, rules: Rules, wanted: Names) -> Report:
    """Judge total entropy production, given as numbers."""
    check_units(sample, "k_B", "entropy")
    check_numbers(sample.values, "entropy")
    subject = Subject(rules, entropy=sample.values, groups=joint_groups([sample]))
    title = f"entropy production ({sample.values.size:,}), in k_B"
    return _report(subject, wanted, title, None).with_notes(_what_stands_out(subject))


def _what_stands_out(subject: Subject) -> tuple[str, ...]:
    """Say what stands out in the numbers: groups, correlation, drift, copies, a mistaken reverse column."""
    values = subject.work if subject.entropy is None else subject.entropy
    if values is None:
        return ()
    said = [*subject.dependence.notes, *subject.dependence_of_signs.notes]
    if subject.groups:
        count = 1 + max(int(codes.max()) for codes in subject.groups)
        enough = "each counts as one draw" if count >= LEAST_GROUPS else "too few to tell how they differ"
        said.insert(0, f"{count:,} groups: {enough}")
    name = "forward work" if subject.entropy is None else "entropy production"
    said += remarks(values, subject.reverse, name)
    if subject.fit is not None and subject.reverse is not None:
        said.append(mistaken_reverse(values, subject.reverse, subject.fit))
    return tuple(text for text in said if text)


def judge_runs(
    runs: Sequence[Dataset],
    known: KnownDifference,
    rules: Rules,
    wanted: Names,
    *,
    success: str | None = None,
    current: str | None = None,
) -> Report:
    """Judge a run, or a run and its reverse."""
    ledgers = tuple(Ledger(run) for run in runs)
    remark = remark_on_scale(runs[0])
    if remark:
        warnings.warn(remark, stacklevel=3)
    first, second = ledgers[0], ledgers[1] if len(ledgers) > 1 else None
    given, missing = known.of_run(first), first.no_equilibrium
    subject = Subject(
        rules,
        work=None if missing else first.work,
        reverse=None if missing or second is None else second.work,
        exact=None if missing else first.exact_work,
        exact_reverse=None if missing or second is None else second.exact_work,
        missing=missing,
        delta_f=first.delta_f() if given is None else given,
        given=given is not None,
        ledgers=ledgers,
        assumptions=first.assumptions,
        success=success,
        current=current,
    )
    return _report(subject, wanted, _title(ledgers), _conversion(first))


def _report(subject: Subject, wanted: Names, title: str, conversion: tuple[float, str] | None) -> Report:
    """Judge the claims that were asked for, or those that apply, and count them together."""
    claims = [
        claim for claim in CLAIMS.values() if (claim.name in wanted if wanted else claim.usual(subject))
    ]
    verdicts = together([claim.judge(subject) for claim in claims], subject.rules.alpha)
    asked = any(claim.free_energy(subject) for claim in claims)
    free_energy = subject.free_energy if asked else None
    kept = {"forward": subject.work, "reverse": subject.reverse, "entropy": subject.entropy}
    samples = {name: values for name, values in kept.items() if values is not None}
    return Report(verdicts, title, subject.rules.alpha, free_energy, conversion, samples)


def _conversion(ledger: Ledger) -> tuple[float, str] | None:
    own = ledger.spec.units.energy
    return None if own is None or ledger.beta is None else (1.0 / ledger.beta, own)


def _title(ledgers: Sequence[Ledger]) -> str:
    """Name the folder and the numbers."""
    paths = [ledger.run.path for ledger in ledgers]
    counts = _counts([ledger.n for ledger in ledgers], [ledger.spec.direction for ledger in ledgers])
    if any(path is None for path in paths):
        return f"{counts}, in kT"
    folder = os.path.commonpath([str(path) for path in paths])
    return f"{folder}: {counts}, in kT" if folder else f"{counts}, in kT"


def _counts(sizes: Sequence[int], directions: Sequence[str] = PLACES) -> str:
    return " against ".join(
        f"{direction} ({size:,})" for direction, size in zip(directions, sizes, strict=False)
    )
