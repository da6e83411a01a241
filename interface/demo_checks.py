"""What the demo measures in its runs: numbers beside their references, and verdicts.

runs of one kind -> a Part: its numbers, what is judged, whether it came out as it must
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.estimate import Estimate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.validation import se1_stirling as se1
from fluctua.validation.case import FALSE_ALARM, LIMIT

if TYPE_CHECKING:
    from pandas import Series

    from fluctua.analysis.verdict import Report

Pair = tuple[Dataset, Dataset]


@dataclass(frozen=True)
class Check:
    """A measured number beside what it should be.

    Attributes
    ----------
    of, quantity : str
        What it belongs to, and what it is.
    expected : float
        The reference; the lower limit where it is a bound.
    measured : Estimate
        The number, with its standard error.
    word : str
        What follows from it.
    bound : bool
        Whether the number must only lie above the reference.
    """

    of: str
    quantity: str
    expected: float
    measured: Estimate
    word: str = ""
    bound: bool = False

    @property
    def z(self) -> float:
        """Deviation from the reference in standard errors."""
        return (self.measured.value - self.expected) / self.measured.standard_error

    @property
    def passed(self) -> bool:
        """Whether the number lies within four standard errors of its reference, or not so far below it."""
        return self.z > -LIMIT if self.bound else abs(self.z) < LIMIT

    def to_dict(self) -> dict[str, Any]:
        """Give the number as plain data."""
        return {
            "of": self.of,
            "quantity": self.quantity,
            "expected": self.expected,
            "measured": self.measured.value,
            "standard_error": self.measured.standard_error,
            "z": self.z,
            "passed": self.passed,
        }


@dataclass(frozen=True)
class Part:
    """One part of the demo: its runs, what was measured in them, and what was said of them.

    Attributes
    ----------
    title, size : str
        Heading, and how many trajectories.
    runs : sequence of Dataset
        What was simulated; of pairs, forward and reverse in turn.
    reports : dict of str to Report
        What was judged.
    checks, laws : sequence of Check
        Numbers beside their references, and those that a verdict of `reports` has judged already.
    control : bool
        Whether the part is wrong on purpose.
    """

    title: str
    size: str
    runs: Sequence[Dataset]
    reports: dict[str, Report]
    checks: Sequence[Check] = ()
    laws: Sequence[Check] = ()
    control: bool = False

    @property
    def passed(self) -> bool:
        """Whether the part came out as it must: a control violated, anything else not."""
        if self.control:
            return all(report["crooks"].outcome == "violated" for report in self.reports.values())
        fine = all(report.outcome != "violated" for report in self.reports.values())
        return fine and all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Give the part as plain data."""
        return {
            "title": self.title,
            "control": self.control,
            "passed": self.passed,
            "runs": [str(run.path) for run in self.runs],
            "checks": [check.to_dict() for check in self.checks],
            "reports": {about: json.loads(report.to_json()) for about, report in self.reports.items()},
        }


# ---- the engine


def engine_part(runs: Sequence[Dataset]) -> Part:
    """Set limit cycles beside the Kramers equation, and judge the dimensionless work from equilibrium on."""
    # As strict as four standard errors: all that is asked here raises one false alarm in hundreds of demos.
    reports = {f"Stirling cycle, {name_of(run)}": verify(run, alpha=FALSE_ALARM) for run in runs}
    judged = zip(runs, reports.values(), strict=True)
    return Part(
        title="Stirling engine SE-1",
        size=f"{len(runs[0]):,} trajectories at each friction, work and heat of the third cycle",
        runs=runs,
        reports=reports,
        checks=[check for run in runs for check in _engine_checks(run)],
        laws=[law for run, report in judged for law in _laws(name_of(run), report)],
    )


def _friction(run: Dataset) -> float:
    return float(run.spec.dynamics.table()["friction"])


def name_of(run: Dataset) -> str:
    """Tell the engines apart."""
    return f"friction {_friction(run):g}"


def _engine_checks(run: Dataset) -> Iterator[Check]:
    work, dimensionless, heat = se1.LIMIT_CYCLE[_friction(run)]
    of, last = name_of(run), f"cycle >= {run.spec.schedule.cycles}"
    measured = _estimate(run.strokes.mean("work", where=last, by="cycle").iloc[-1])
    yield Check(of, "work", work, measured, "engine" if measured.value < 0 else "damper")
    produced = run.strokes.mean("dimensionless_work", where=last, by="cycle")
    yield Check(of, "entropy produced", dimensionless, _estimate(produced.iloc[-1]))
    heats = run.strokes.mean("heat", where=last, by="stroke")
    for stroke, expected in zip(se1.STROKES, heat, strict=True):
        yield Check(of, f"heat, {stroke}", expected, _estimate(heats.loc[stroke]))


def _estimate(row: Series[float]) -> Estimate:
    return Estimate(float(row["mean"]), float(row["standard_error"]), int(row["n"]))


def _laws(of: str, report: Report) -> Iterator[Check]:
    """Give what the laws say of the dimensionless work: at each end of a stroke, and over each cycle."""
    for claim in ("jarzynski", "second-law"):
        verdict = report[claim]
        for part in verdict.parts:
            if part.estimate is not None and part.standard_error:
                found = Estimate(part.estimate, part.standard_error, len(report.samples.get("forward", ())))
                said = f"{claim} {verdict.outcome}"
                yield Check(of, part.name, part.expected, found, said, part.bound)


# ---- the traps


def traps_part(traps: Mapping[str, Pair]) -> Part:
    """Judge both directions of each trap, and set BAR beside the exact free-energy difference."""
    reports = {name: _judged(pair) for name, pair in traps.items()}
    size = len(next(iter(traps.values()))[0])
    return Part(
        title="Dragged and breathing trap",
        size=f"{size:,} trajectories forward, as many in reverse",
        runs=[run for pair in traps.values() for run in pair],
        reports=reports,
        checks=[check for name, pair in traps.items() for check in _trap_checks(name, pair, reports[name])],
    )


def control_part(pair: Pair) -> Part:
    """Judge a run that is wrong on purpose."""
    return Part(
        title="Negative control",
        size=f"{len(pair[0]):,} trajectories forward, as many in reverse",
        runs=pair,
        reports={f"breathing trap, {pair[0].spec.time_steps} steps": _judged(pair)},
        control=True,
    )


def _judged(pair: Pair) -> Report:
    return verify(*pair, delta_f=free_energy_change(pair[0].spec), alpha=FALSE_ALARM)


def free_energy_change(spec: EnsembleSpec) -> float:
    """Give the exact difference between the ends of a protocol, in kT at beta = 1."""
    names, schedule = spec.system.controls, spec.schedule
    start = dict(zip(names, map(float, schedule.start_controls), strict=True))
    end = dict(zip(names, map(float, schedule.end_controls), strict=True))
    return float(spec.system.free_energy(1.0, **end) - spec.system.free_energy(1.0, **start))


def _trap_checks(name: str, pair: Pair, report: Report) -> Iterator[Check]:
    size, energy, slope = len(pair[0]), report.free_energy, report["crooks"].part("slope")
    if energy is not None and energy.standard_error is not None:
        expected = free_energy_change(pair[0].spec)
        yield Check(name, "ΔF (BAR)", expected, Estimate(energy.value, energy.standard_error, size, "kT"))
    if slope.estimate is not None and slope.standard_error is not None:
        yield Check(name, "slope of Crooks", 1.0, Estimate(slope.estimate, slope.standard_error, size))
