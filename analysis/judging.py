"""From what was given to a report: a subject with all that is known about it, and its claims judged."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.accumulation import divided
from fluctua.analysis.claims import CLAIMS
from fluctua.analysis.claims.exchange import driven
from fluctua.analysis.claims.subject import Rules, Subject
from fluctua.analysis.dependence import Dependence
from fluctua.analysis.fitted import FittedPotential
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
from fluctua.analysis.samples import stretches
from fluctua.analysis.scale import remark_on_scale
from fluctua.analysis.several import ForwardWork
from fluctua.analysis.strata import LEAST_GROUPS
from fluctua.analysis.verdict import Report, Verdict
from fluctua.ensembles.manifest import read_remarks, read_until
from fluctua.ensembles.warning import warn
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset

Floats = NDArray[np.float64]
Names = tuple[str, ...]  # of claims that were asked for; none: all that apply


def judge_work(
    samples: Sequence[Numbers],
    known: KnownDifference,
    rules: Rules,
    wanted: Names,
    irreversible_weight: float | None = None,
) -> Report:
    """Judge work of one direction or of both, given as numbers."""
    size = known.size_of_kt()
    for sample, place in zip(samples, PLACES, strict=False):
        check_units(sample, known.units, place)
        check_numbers(sample.values, place, known.units, size)
    work = [divided(sample.values, size) for sample in samples]
    subject = Subject(
        rules,
        work=work[0],
        reverse=work[1] if len(work) > 1 else None,
        delta_f=None if known.value is None else known.value / size,
        given=known.value is not None,
        groups=joint_groups(samples),
        weight=irreversible_weight,
    )
    conversion = None if known.units == "kT" else (size, known.units)
    title = f"{_counts([values.size for values in work])}, in kT"
    return _report(subject, wanted, title, conversion).with_notes(_what_stands_out(subject))


def judge_protocols(
    samples: Mapping[str, Numbers], known: KnownDifference, rules: Rules, wanted: Names
) -> Report:
    """Judge forward work of several protocols between the same ends, given as numbers, by name."""
    size = known.size_of_kt()
    for name, sample in samples.items():
        check_units(sample, known.units, name)
        check_numbers(sample.values, name, known.units, size)
    codes = joint_groups(list(samples.values())) or (None,) * len(samples)
    found = []
    for (name, sample), code in zip(samples.items(), codes, strict=True):
        work = divided(sample.values, size)
        found.append((ForwardWork(name, work, Dependence.of_average(work, code)), code))
    found.sort(key=lambda one: float(one[0].work.mean()))
    protocols = tuple(one for one, _ in found)
    subject = Subject(
        rules,
        work=protocols[0].work,
        delta_f=None if known.value is None else known.value / size,
        given=known.value is not None,
        groups=tuple(code for _, code in found if code is not None),
        protocols=protocols,
    )
    conversion = None if known.units == "kT" else (size, known.units)
    title = f"{_counts([one.work.size for one in protocols], [one.name for one in protocols], ', ')}, in kT"
    return _report(subject, wanted, title, conversion).with_notes(_of_protocols(protocols))


def _of_protocols(protocols: Sequence[ForwardWork]) -> tuple[str, ...]:
    """Say what stands out in the numbers of several protocols."""
    said = []
    for k, one in enumerate(protocols):
        said += [] if one.dependence is None else [f"{one.name}: {note}" for note in one.dependence.notes]
        said += remarks(one.work, name=f"work of {one.name}")
        said += [
            f"{one.name} and {other.name} are the same numbers, as if one file was given twice"
            for other in protocols[k + 1 :]
            if np.array_equal(one.work, other.work)
        ]
    return tuple(said)


def judge_entropy(
    sample: Numbers,
    rules: Rules,
    wanted: Names,
    potential: FittedPotential | None = None,
    irreversible_weight: float | None = None,
) -> Report:
    """Judge total entropy production, given as numbers; some may be plus infinity."""
    check_units(sample, "k_B", "entropy")
    possible = sample.values[np.isfinite(sample.values)] if _infinite(sample.values) else sample.values
    if possible.size:
        check_numbers(possible, "entropy", "k_B")
    if potential is not None and possible.size < sample.values.size:
        raise InvalidInput(
            "infinite entropy beside a fitted density", "entropy", "a density that is never 0 has none"
        )
    if potential is not None:
        potential.check_size(sample.values.size)
    subject = Subject(
        rules,
        entropy=sample.values,
        groups=joint_groups([sample]),
        potential=potential,
        weight=irreversible_weight,
        assumptions=() if potential is None else (potential.assumption(),),
    )
    title = f"entropy production ({sample.values.size:,}), in k_B"
    return _report(subject, wanted, title, None).with_notes(_what_stands_out(subject))


def _infinite(values: Floats) -> bool:
    return any(bool(np.isposinf(part).any()) for part in stretches(values))


def judge_exchanged(sample: Numbers, affinity: float, rules: Rules, wanted: Names) -> Report:
    """Judge what trajectories exchanged, given as numbers in whatever unit."""
    subject = Subject(rules, exchanged=sample.values, affinity=affinity, groups=joint_groups([sample]))
    return _report(subject, wanted, f"exchange ({sample.values.size:,}), affinity {affinity:.4g} k_B", None)


def _what_stands_out(subject: Subject) -> tuple[str, ...]:
    """Say what stands out in the numbers: groups, correlation, drift, copies, a mistaken reverse column."""
    values = subject.work if subject.entropy is None else subject.possible_entropy
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
    affinity: float | None = None,
    irreversible_weight: float | None = None,
) -> Report:
    """Judge a run, or a run and its reverse."""
    ledgers = tuple(Ledger(run) for run in runs)
    remark = remark_on_scale(runs[0])
    if remark:
        warn(remark)
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
        affinity=affinity,
        weight=irreversible_weight,
    )
    report = _report(subject, wanted, _title(ledgers), _conversion(first))
    report = report.with_notes(tuple(dict.fromkeys(filter(None, map(_stopped_by, runs)))))
    said = (remark for run in runs if run.path is not None for remark in read_remarks(run.path))
    return replace(report, remarks=tuple(dict.fromkeys(said)))


def _stopped_by(run: Dataset) -> str:
    """Say of a run that a rule stopped what that means for verdicts on it; empty where none did."""
    noted = None if run.path is None else read_until(run.path)
    if noted is None or "outcome" not in noted:
        return ""
    rule = f'stopped by the rule "{noted.get("rule")}" ({noted["outcome"]}) after {len(run):,} trajectories'
    return (
        f"{rule}: where looking chose the number, verdicts for a fixed one err more often than at their rate"
    )


def judge_protocol_runs(
    runs: Mapping[str, Dataset], known: KnownDifference, rules: Rules, wanted: Names
) -> Report:
    """Judge runs of several protocols between the same ends, by name.

    Raises
    ------
    InvalidInput
        ΔF is not known, and runs of one seed met the same noise: their averages do not err independently.
    """
    ledgers = {name: Ledger(run) for name, run in runs.items()}
    ordered = sorted(ledgers.items(), key=lambda one: float(one[1].work.mean()))
    first = ordered[0][1]
    given, missing = (
        known.of_run(first),
        next((one.no_equilibrium for _, one in ordered if one.no_equilibrium), ""),
    )
    subject = Subject(
        rules,
        work=None if missing else first.work,
        missing=missing,
        delta_f=first.delta_f() if given is None else given,
        given=given is not None,
        ledgers=tuple(one for _, one in ordered),
        assumptions=tuple(dict.fromkeys(text for _, one in ordered for text in one.assumptions)),
        protocols=tuple(ForwardWork(name, one.work) for name, one in ordered),
    )
    if subject.delta_f is None:
        _check_noise(runs)
    title = f"{_counts([one.n for _, one in ordered], [name for name, _ in ordered], ', ')}, in kT"
    return _report(subject, wanted, title, _conversion(first))


def _check_noise(runs: Mapping[str, Dataset]) -> None:
    for (name, run), (other, second) in combinations(runs.items(), 2):
        if run.spec.seed == second.spec.seed:
            remedy = "give each run a seed of its own, or delta_f"
            raise InvalidInput(f"one noise, of seed {run.spec.seed}", f"{name}, {other}", remedy)


def _report(subject: Subject, wanted: Names, title: str, conversion: tuple[float, str] | None) -> Report:
    """Judge the claims that were asked for, or those that apply, and count them together."""
    claims = [
        claim for claim in CLAIMS.values() if (claim.name in wanted if wanted else claim.usual(subject))
    ]
    verdicts = together([claim.judge(subject) for claim in claims], subject.rules.alpha)
    asked = any(claim.free_energy(subject) for claim in claims)
    free_energy = subject.free_energy if asked else None
    return Report(
        verdicts,
        title,
        subject.rules.alpha,
        free_energy,
        conversion,
        _judged_numbers(subject, verdicts),
        delta_f=subject.delta_f,
        fit=subject.fit,
        widened=subject.widened,
    )


def _judged_numbers(subject: Subject, verdicts: Sequence[Verdict]) -> dict[str, Floats]:
    """Give the numbers behind the verdicts, for pictures; entropy production of a run where it was judged."""
    of_entropy = any(
        verdict.claim in ("integral", "detailed") and verdict.outcome != "not applicable"
        for verdict in verdicts
    )
    entropy = subject.total_entropy if of_entropy else subject.entropy
    if isinstance(entropy, np.ndarray) and _infinite(entropy):
        entropy = entropy[np.isfinite(entropy)]
    kept = {"forward": subject.work, "reverse": subject.reverse, "entropy": entropy}
    if subject.entropy_pair is not None and of_entropy:
        kept["entropy-reverse"] = subject.entropy_pair[1]
    if any(one.claim == "exchange" and one.outcome != "not applicable" for one in verdicts):
        found = driven(subject)
        kept["exchange"] = found if isinstance(found, str) else found[0] * found[1]
    return {
        name: values for name, values in kept.items() if values is not None and not isinstance(values, str)
    }


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


def _counts(sizes: Sequence[int], names: Sequence[str] = PLACES, between: str = " against ") -> str:
    return between.join(f"{name} ({size:,})" for name, size in zip(names, sizes, strict=False))
