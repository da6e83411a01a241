"""The demo: an engine, two driven traps and a negative control, from trajectories to a report.

    runs (Parquet) -> numbers beside their references, verdicts -> a table on stdout, report.html

All comes out as expected when every number lies within four standard errors of its reference, no claim is
violated, and the control, which is wrong on purpose, is found to be. A second call opens what is there, or
goes on with it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.figures import heat_per_stroke, limit_cycle, work_diagram, work_distributions
from fluctua.analysis.report import Chapter, Page, Picture, Table, crooks_picture, overview
from fluctua.analysis.verify import verify
from fluctua.ensembles.dataset import Dataset, stored_spec
from fluctua.ensembles.estimate import Estimate
from fluctua.ensembles.runner import propagator_of, simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import is_run
from fluctua.stochastic.overdamped import Overdamped
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Isothermal, Protocol
from fluctua.validation import se1_stirling as se1
from fluctua.validation.case import FALSE_ALARM, LIMIT

if TYPE_CHECKING:
    from pandas import Series

    from fluctua.analysis.verdict import Report

Pair = tuple[Dataset, Dataset]
Floats = NDArray[np.float64]

FULL, QUICK = 200_000, 2_000
WORDS = ("holds", "undecidable", "violated")
PATHS, PATH_EVERY = 2_000, 150  # enough for the work diagram
TRAP = Potential("k/2 * (x - c)**2", coordinates="x", controls=("k", "c"))


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

    @property
    def cells(self) -> tuple[str, ...]:
        """The number as a line of a table."""
        if self.bound:
            return self.of, self.quantity, f">= {self.expected:g}", str(self.measured), "", self.word
        return self.of, self.quantity, f"{self.expected:.4f}", str(self.measured), self._score, self.word

    @property
    def brief(self) -> str:
        """The number as one cell: measured / expected (z)."""
        _, _, expected, measured, z, _ = self.cells
        return measured if self.bound else f"{measured} / {expected} ({z})"

    @property
    def _score(self) -> str:
        return f"{self.z:+.1f}".replace("-0.0", "+0.0")

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
    title, size, lead : str
        Heading, how many trajectories, and the text under it.
    runs : sequence of Dataset
        What was simulated.
    reports : dict of str to Report
        What was judged.
    checks, laws : sequence of Check
        Numbers beside their references, and those that a verdict of `reports` has judged already.
    tables : sequence of Table
        The numbers as the page shows them.
    pictures : callable
        Draws them.
    control : bool
        Whether the part is wrong on purpose.
    """

    title: str
    size: str
    lead: str
    runs: Sequence[Dataset]
    reports: dict[str, Report]
    pictures: Callable[[], list[Picture]]
    checks: Sequence[Check] = ()
    laws: Sequence[Check] = ()
    tables: Sequence[Table] = ()
    control: bool = False

    @property
    def passed(self) -> bool:
        """Whether the part came out as it must: a control violated, anything else not."""
        if self.control:
            return all(report["crooks"].outcome == "violated" for report in self.reports.values())
        fine = all(report.outcome != "violated" for report in self.reports.values())
        return fine and all(check.passed for check in self.checks)

    @property
    def chapter(self) -> Chapter:
        """The part as a chapter of the page."""
        lead = f"{self.size[0].upper()}{self.size[1:]}. {self.lead}"
        return Chapter(self.title, lead, self.reports, self.tables, self.pictures())

    @property
    def text(self) -> str:
        """The part as it is printed."""
        order = list(dict.fromkeys(check.of for check in self.checks))
        rows = sorted((c.cells for c in (*self.checks, *self.laws)), key=lambda row: order.index(row[0]))
        head = ("", "", "expected", "measured", "z", "")
        lines = [f"{self.title}: {self.size}", *(_aligned([head, *rows]) if rows else [])]
        for about, report in self.reports.items():
            said = (f"{v.claim} {v.outcome}" for v in report if v.outcome != "not applicable")
            lines.append(f"  {about}: {', '.join(said)}")
            reasons = (f"{v.claim}: {v.reason}" for v in report if v.outcome == "violated")
            lines += [
                fill(reason, 108, initial_indent=" " * 4, subsequent_indent=" " * 6) for reason in reasons
            ]
        return "\n".join(lines)

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


@dataclass(frozen=True)
class Demo:
    """All parts, where they lie, and how long each section took."""

    parts: Sequence[Part]
    page: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether all came out as expected."""
        return all(part.passed for part in self.parts)

    @property
    def summary(self) -> str:
        """One sentence."""
        return _summary(self.parts)

    def __str__(self) -> str:
        """Write the table, the sentence, and where to look next."""
        took = f"{sum(self.seconds.values()):.0f} s"
        return "\n\n".join([*(part.text for part in self.parts), f"{self.summary} ({took})\n{self.page}"])

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as plain data."""
        return {
            "passed": self.passed,
            "summary": self.summary,
            "report": str(self.page),
            "seconds": self.seconds,
            "parts": [part.to_dict() for part in self.parts],
        }


def run_demo(
    out: str | Path = "fluctua-demo",
    *,
    quick: bool = False,
    quiet: bool = False,
    as_json: bool = False,
    threads: int | None = None,
) -> int:
    """Run the demo and print what came out.

    Parameters
    ----------
    out : str or Path
        The folder of the runs and the report; what an earlier demo left there is opened or continued.
    quick : bool
        2,000 trajectories each instead of 200,000; the control, which is short, keeps all.
    quiet, as_json : bool
        Print nothing, or print JSON.
    threads : int, optional
        As for `simulate`.

    Returns
    -------
    int
        0 when all came out as expected, 1 when not.
    """
    found = demo(Path(out), QUICK if quick else FULL, threads=threads, progress=False if quiet else None)
    if as_json:
        print(json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    elif not quiet:
        print(found)
    return 0 if found.passed else 1


def demo(out: Path, trajectories: int, *, threads: int | None = None, progress: bool | None = None) -> Demo:
    """Run all parts and write the report.

    Parameters
    ----------
    out : Path
        The folder.
    trajectories : int
        Of each run but the control.
    threads, progress
        As for `simulate`.
    """
    engines, traps, control = engine_specs(trajectories), trap_specs(trajectories), control_spec()
    clock, make = _Clock(progress), _Maker(out, threads, progress)
    with _compiling_ahead([] if out.exists() else [engines[0], *traps.values(), control]):
        cycles = [make.run(spec, f"engine/friction={spec.dynamics.friction:g}") for spec in engines]
        clock.lap("engine simulated")
        pairs = {name: make.pair(spec, name.replace(" ", "-")) for name, spec in traps.items()}
        wrong = make.pair(control, "control")
        clock.lap("traps simulated", "judging")
    parts = [engine_part(cycles), traps_part(pairs), control_part(wrong)]
    clock.lap("judged", "writing the report")
    page = write_page(parts, out / "report.html")
    clock.lap("report written")
    return Demo(parts, page, clock.seconds)


class _Clock:
    """Seconds of each section, and on a terminal a line that names the one that is on."""

    def __init__(self, shown: bool | None) -> None:
        self.seconds: dict[str, float] = {}
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._last = time.perf_counter()

    def lap(self, done: str, following: str = "") -> None:
        """Count the time since the last lap, and say what follows."""
        now = time.perf_counter()
        self.seconds[done] = round(now - self._last, 2)
        self._last = now
        if self._shown:
            print(f"\r{following:<30}", end="\r", file=sys.stderr, flush=True)


# ---- the runs


def engine_specs(trajectories: int) -> list[EnsembleSpec]:
    """Give the benchmark Stirling cycle SE-1 at three frictions, three cycles from equilibrium each.

    All share a seed, and with it the noise: what differs between frictions is known better than each number.
    """
    changes = {"trajectories": trajectories, "paths": PATHS, "path_every": PATH_EVERY}
    return se1.spec(1.0, 1).replace(changes).vary({"dynamics.friction": list(se1.LIMIT_CYCLE)})


def trap_specs(trajectories: int) -> dict[str, EnsembleSpec]:
    """Give a trap that is dragged at constant speed, and one that is stiffened at rest."""
    drag = Protocol([Isothermal(2.0, c=(0.0, 2.0))], beta=1.0, k=1.0)
    return {
        "dragged trap": _trap(drag, trajectories, time_step=0.002, seed=2),
        "breathing trap": _trap(_squeeze(), trajectories, time_step=0.001, seed=3),
    }


def control_spec() -> EnsembleSpec:
    """Give the breathing trap in 20 steps: its protocol work alone must be seen to break Crooks' theorem.

    It keeps all its trajectories in a quick demo: 2,000 could not tell.
    """
    return _trap(_squeeze(), FULL, time_step=0.05, seed=4)


def _squeeze() -> Protocol:
    return Protocol([Isothermal(1.0, k=(1.0, 4.0))], beta=1.0, c=0.0)


def _trap(protocol: Protocol, trajectories: int, *, time_step: float, seed: int) -> EnsembleSpec:
    return EnsembleSpec(
        TRAP, Overdamped(friction=1.0), protocol, trajectories=trajectories, time_step=time_step, seed=seed
    )


@contextmanager
def _compiling_ahead(specs: Sequence[EnsembleSpec]) -> Iterator[None]:
    """Compile kernels in the order of need while the first runs are on their way.

    What goes wrong here goes wrong again, and is reported, where the kernel is used.
    """

    def compile_all() -> None:
        with suppress(Exception):
            for spec in specs:
                propagator_of(spec).compile()

    ahead = threading.Thread(target=compile_all)
    ahead.start()
    try:
        yield
    finally:
        ahead.join()


@dataclass(frozen=True)
class _Maker:
    """Makes runs with the same options."""

    out: Path
    threads: int | None
    progress: bool | None

    def run(self, spec: EnsembleSpec, folder: str) -> Dataset:
        """Simulate, continue, or open all that a larger demo left there."""
        path = self.out / folder
        if is_run(path):
            there = stored_spec(path).trajectories
            spec = spec.replace({"trajectories": max(there, spec.trajectories)})
        return simulate(spec, path, threads=self.threads, progress=self.progress)

    def pair(self, spec: EnsembleSpec, folder: str) -> Pair:
        """Make a run and its reverse."""
        forward, reverse = (
            self.run(one, f"{folder}/direction={one.direction}") for one in (spec, spec.reversed())
        )
        return forward, reverse


# ---- what is measured in them


def engine_part(runs: Sequence[Dataset]) -> Part:
    """Set limit cycles beside the Kramers equation, and judge the dimensionless work from equilibrium on."""
    checks = {_name(run): list(_engine_checks(run)) for run in runs}
    # As strict as four standard errors: all that is asked here raises one false alarm in hundreds of demos.
    reports = {f"Stirling cycle, {_name(run)}": verify(run, alpha=FALSE_ALARM) for run in runs}
    laws = {of: list(_laws(of, report)) for of, report in zip(checks, reports.values(), strict=True)}
    return Part(
        title="Stirling engine SE-1",
        size=f"{len(runs[0]):,} trajectories at each friction, work and heat of the third cycle",
        lead=_ENGINE_LEAD,
        runs=runs,
        reports=reports,
        checks=[check for found in checks.values() for check in found],
        laws=[law for found in laws.values() for law in found],
        tables=list(_engine_tables(checks, laws)),
        pictures=lambda: _engine_pictures(runs, checks),
    )


def _friction(run: Dataset) -> float:
    return float(cast(float, run.spec.dynamics.friction))


def _name(run: Dataset) -> str:
    return f"friction {_friction(run):g}"


def _engine_checks(run: Dataset) -> Iterator[Check]:
    work, dimensionless, heat = se1.LIMIT_CYCLE[_friction(run)]
    of, last = _name(run), f"cycle >= {run.spec.schedule.cycles}"
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


def _engine_tables(
    checks: Mapping[str, Sequence[Check]], laws: Mapping[str, Sequence[Check]]
) -> Iterator[Table]:
    of = "measured / reference (deviation in standard errors)"
    kinds = {name: found[0].word for name, found in checks.items()}
    cycle = _matrix(f"The third cycle, {of}", {name: found[:2] for name, found in checks.items()})
    rows = [(*row, kinds[row[0]]) for row in cycle.rows]
    yield Table(cycle.caption, (*cycle.head, "which makes it"), rows)
    yield _matrix(f"Its strokes, {of}", {name: found[2:] for name, found in checks.items()})
    equality = {name: [law for law in found if not law.bound] for name, found in laws.items()}
    yield _matrix(f"Jarzynski's equality after each stroke of the first cycle, {of}", equality)
    bound = {name: [law for law in found if law.bound] for name, found in laws.items()}
    yield _matrix("The second law for each cycle: mean dimensionless work, at least 0", bound)


def _matrix(caption: str, found: Mapping[str, Sequence[Check]]) -> Table:
    """Set the same numbers of several systems side by side."""
    quantities = [check.quantity for check in next(iter(found.values()))]
    return Table(caption, ("", *quantities), [(of, *(c.brief for c in row)) for of, row in found.items()])


def traps_part(traps: Mapping[str, Pair]) -> Part:
    """Judge both directions of each trap, and set BAR beside the exact free-energy difference."""
    reports = {name: _judged(pair) for name, pair in traps.items()}
    size = len(next(iter(traps.values()))[0])
    checks = {name: list(_trap_checks(name, pair, reports[name])) for name, pair in traps.items()}
    return Part(
        title="Dragged and breathing trap",
        size=f"{size:,} trajectories forward, as many in reverse",
        lead=_TRAPS_LEAD,
        runs=[run for pair in traps.values() for run in pair],
        reports=reports,
        checks=[check for found in checks.values() for check in found],
        tables=[_matrix("Measured / exact (deviation in standard errors)", checks)],
        pictures=lambda: [_crooks_picture(name, pair) for name, pair in traps.items()],
    )


def _judged(pair: Pair) -> Report:
    return verify(*pair, delta_f=_free_energy_change(pair[0].spec), alpha=FALSE_ALARM)


def _free_energy_change(spec: EnsembleSpec) -> float:
    """Give the exact difference between the ends of a protocol, in kT at beta = 1."""
    names, schedule = spec.system.controls, spec.schedule
    start = dict(zip(names, map(float, schedule.start_controls), strict=True))
    end = dict(zip(names, map(float, schedule.end_controls), strict=True))
    return float(spec.system.free_energy(1.0, **end) - spec.system.free_energy(1.0, **start))


def _trap_checks(name: str, pair: Pair, report: Report) -> Iterator[Check]:
    size, energy, slope = len(pair[0]), report.free_energy, report["crooks"].part("slope")
    if energy is not None and energy.standard_error is not None:
        expected = _free_energy_change(pair[0].spec)
        yield Check(name, "ΔF (BAR)", expected, Estimate(energy.value, energy.standard_error, size, "kT"))
    if slope.estimate is not None and slope.standard_error is not None:
        yield Check(name, "slope of Crooks", 1.0, Estimate(slope.estimate, slope.standard_error, size))


def control_part(pair: Pair) -> Part:
    """Judge a run that is wrong on purpose."""
    name = f"breathing trap, {pair[0].spec.time_steps} steps"
    return Part(
        title="Negative control",
        size=f"{len(pair[0]):,} trajectories forward, as many in reverse",
        lead=_CONTROL_LEAD,
        runs=pair,
        reports={name: _judged(pair)},
        pictures=lambda: [_crooks_picture(name, pair)],
        control=True,
    )


# ---- pictures and page


def _crooks_picture(name: str, pair: Pair) -> Picture:
    forward, reverse = pair
    drawn = work_distributions(forward["work"], reverse["work"], 1.0, _free_energy_change(forward.spec))
    return crooks_picture(drawn, f"{name[0].upper()}{name[1:]}.")


def _engine_pictures(runs: Sequence[Dataset], checks: Mapping[str, Sequence[Check]]) -> list[Picture]:
    notes = {of: f"W = {found[0].measured}\n{found[0].word}" for of, found in checks.items()}
    diagram = work_diagram(
        {_name(run): limit_cycle(run, "q", "E") for run in runs},
        quasi_static=equilibrium_lines(runs[0].spec),
        notes=notes,
    )
    heat = [found[2:] for found in checks.values()]
    bars = heat_per_stroke(
        [[check.measured.value for check in row] for row in heat],
        [[check.measured.standard_error for check in row] for row in heat],
        strokes=se1.STROKES,
        series=list(checks),
        reference=[[check.expected for check in row] for row in heat],
    )
    return [
        Picture(diagram, _DIAGRAM_CAPTION, "Work diagrams of the limit cycle at three frictions."),
        Picture(bars, _HEAT_CAPTION, "Mean heat in each stroke at three frictions, beside the reference."),
    ]


def equilibrium_lines(spec: EnsembleSpec) -> dict[str, tuple[Floats, Floats]]:
    """Give mean coordinate, from dF/dE = -<q>, and field on isotherms that are infinitely slow."""
    field = np.linspace(0.0, 1.0, 21)
    lines = {}
    for beta in se1.BETA:
        energy = np.array([spec.system.free_energy(beta, E=float(value)) for value in field])
        lines[f"slow isotherm, β = {beta:g}"] = -np.gradient(energy, field, edge_order=2), field
    return lines


def write_page(parts: Sequence[Part], path: Path) -> Path:
    """Write the report of all parts."""
    passed = all(part.passed for part in parts)
    specs = {f"{run!r}": f"# digest {run.spec.digest}\n{run.spec}" for part in parts for run in part.runs}
    reports = {_named(part, name): report for part in parts for name, report in part.reports.items()}
    chapters = [Chapter("Verdicts at a glance", "", {}, [overview(reports)]), *(p.chapter for p in parts)]
    outcome = "holds" if passed else "violated"
    return Page("Fluctua demo", _summary(parts), outcome, chapters, specs, _PAGE_LEAD).write(path)


def _named(part: Part, name: str) -> str:
    return f"{name} (control: must be violated)" if part.control else name


def _summary(parts: Sequence[Part]) -> str:
    checks = [check for part in parts for check in part.checks]
    reports = [report for part in parts if not part.control for report in part.reports.values()]
    said: list[str] = [verdict.outcome for report in reports for verdict in report]
    caught = all(part.passed for part in parts if part.control)
    near, counts = sum(check.passed for check in checks), [said.count(word) for word in WORDS]
    return (
        f"{'All' if all(part.passed for part in parts) else 'NOT all'} as expected:"
        f" {near} of {len(checks)} numbers lie within 4 standard errors of their reference;"
        f" of {sum(counts)} claims {counts[0]} hold, {counts[1]} are undecidable, {counts[2]} violated;"
        f" the negative control was {'caught' if caught else 'MISSED'}."
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns of text, numbers to the right; a name or a word that repeats is written once."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines, last, said = [], "", ""
    for of, quantity, *numbers, word in rows:
        aligned = [number.rjust(width) for number, width in zip(numbers, widths[2:-1], strict=True)]
        head = ("" if of == last else of).ljust(widths[0]), quantity.ljust(widths[1])
        lines.append("  ".join(["", *head, *aligned, "" if (of, word) == (last, said) else word]).rstrip())
        last, said = of, word
    return lines


# ---- words


_PAGE_LEAD = (
    "An engine, two driven traps and a control that is wrong on purpose, from simulated trajectories to"
    " verdicts. Work is done on the system, heat flows into it; energies are in units of kT at the hot"
    " temperature."
)
_ENGINE_LEAD = (
    "A particle in an anharmonic well (mass 1, energy 0.1 q² + 0.02 q³ + 0.05 q⁴ − E q) is led round four"
    " strokes of 30 time units, three times from equilibrium: E falls from 1 to 0 at β = 1, β rises to 3, E"
    " returns to 1, β falls to 1. References solve the Kramers equation of the same cycle to about 10⁻⁵; at"
    " a time step of 0.02 the bias of the integrator (BAOAB, second order) is below the standard errors too."
    " The temperature varies, so it is the dimensionless work that obeys Jarzynski's equality: it is judged"
    " at the end of every stroke of the first cycle, and its mean, the entropy produced, cycle by cycle."
)
_TRAPS_LEAD = (
    "Overdamped, β = 1, friction 1. The dragged trap (stiffness 1) moves by 2 in 2 time units, so that ΔF ="
    " 0; the breathing trap stiffens from 1 to 4 in 1 time unit, so that ΔF = ½ ln 4 kT. Both are run in"
    " reverse as well."
)
_CONTROL_LEAD = (
    "A verifier that never says “violated” is worth nothing. Here the breathing trap takes Euler–Maruyama"
    " steps of 0.05, far too long, and is judged by the work of the protocol alone, without the shadow work"
    " that such steps do. The report must catch it, and tell a long time step from wrong bookkeeping."
)
_DIAGRAM_CAPTION = (
    "Control against mean coordinate over the third cycle, with one standard error of 2,000 sampled"
    " trajectories. The area is the work: run counter-clockwise the cycle is an engine (W < 0), clockwise it"
    " consumes work. Grey: the isotherms of an infinitely slow cycle. Strong friction lags so far behind"
    " them that the loop turns over."
)
_HEAT_CAPTION = "Mean heat into the system in each stroke of the third cycle; black lines are the references."
