"""How the demo shows what it measured: as text for a terminal, and as the page report.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.cycle_figures import heat_per_stroke, limit_cycle, work_diagram
from fluctua.analysis.figures import work_distributions
from fluctua.analysis.report import Chapter, Page, Picture, Table, crooks_picture, overview
from fluctua.demo_checks import Check, Part, free_energy_change, name_of
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.validation import se1_stirling as se1

Floats = NDArray[np.float64]
Found = Mapping[str, Sequence[Check]]  # numbers by what they belong to

WORDS = ("holds", "undecidable", "violated")


# ---- numbers as text


def _cells(check: Check) -> tuple[str, ...]:
    """Write a number as a line of a table."""
    if check.bound:
        return check.of, check.quantity, f">= {check.expected:g}", str(check.measured), "", check.word
    z = f"{check.z:+.1f}".replace("-0.0", "+0.0")
    return check.of, check.quantity, f"{check.expected:.4f}", str(check.measured), z, check.word


def _brief(check: Check) -> str:
    """Write a number as one cell: measured / expected (z)."""
    _, _, expected, measured, z, _ = _cells(check)
    return measured if check.bound else f"{measured} / {expected} ({z})"


def _by_system(checks: Sequence[Check]) -> Found:
    systems = dict.fromkeys(check.of for check in checks)
    return {of: [check for check in checks if check.of == of] for of in systems}


# ---- what is printed


def printed(part: Part) -> str:
    """Write a part for a terminal."""
    order = list(_by_system(part.checks))
    rows = sorted(map(_cells, (*part.checks, *part.laws)), key=lambda row: order.index(row[0]))
    head = ("", "", "expected", "measured", "z", "")
    lines = [f"{part.title}: {part.size}", *(_aligned([head, *rows]) if rows else [])]
    for about, report in part.reports.items():
        said = (f"{v.claim} {v.outcome}" for v in report if v.outcome != "not applicable")
        lines.append(f"  {about}: {', '.join(said)}")
        reasons = (f"{v.claim}: {v.reason}" for v in report if v.outcome == "violated")
        lines += [fill(reason, 108, initial_indent=" " * 4, subsequent_indent=" " * 6) for reason in reasons]
    return "\n".join(lines)


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


def summary(parts: Sequence[Part]) -> str:
    """Say in one sentence what came out."""
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


# ---- the page


def write_page(engine: Part, traps: Part, control: Part, path: Path) -> Path:
    """Write the report of all parts."""
    parts = (engine, traps, control)
    specs = {f"{run!r}": f"# digest {run.spec.digest}\n{run.spec}" for part in parts for run in part.runs}
    reports = {_named(part, name): report for part in parts for name, report in part.reports.items()}
    chapters = [
        Chapter("Verdicts at a glance", "", {}, [overview(reports)]),
        _chapter(engine, _ENGINE_LEAD, list(_engine_tables(engine)), _engine_pictures(engine)),
        _chapter(traps, _TRAPS_LEAD, [_matrix(_TRAPS_CAPTION, _by_system(traps.checks))], _pairs(traps)),
        _chapter(control, _CONTROL_LEAD, [], _pairs(control)),
    ]
    outcome = "holds" if all(part.passed for part in parts) else "violated"
    return Page("Fluctua demo", summary(parts), outcome, chapters, specs, _PAGE_LEAD).write(path)


def _named(part: Part, name: str) -> str:
    return f"{name} (control: must be violated)" if part.control else name


def _chapter(part: Part, lead: str, tables: Sequence[Table], pictures: Sequence[Picture]) -> Chapter:
    size = f"{part.size[0].upper()}{part.size[1:]}."
    return Chapter(part.title, f"{size} {lead}", part.reports, tables, pictures)


def _engine_tables(part: Part) -> Iterator[Table]:
    checks, laws = _by_system(part.checks), _by_system(part.laws)
    of = "measured / reference (deviation in standard errors)"
    kinds = {name: found[0].word for name, found in checks.items()}
    cycle = _matrix(f"The third cycle, {of}", {name: found[:2] for name, found in checks.items()})
    rows = [(*row, kinds[row[0]]) for row in cycle.rows]
    yield Table(cycle.caption, (*cycle.head, "which makes it"), rows)
    yield _matrix(f"Its strokes, {of}", {name: found[2:] for name, found in checks.items()})
    equality = {name: [law for law in found if not law.bound] for name, found in laws.items()}
    yield _matrix(f"Jarzynski's equality after each stroke of the first cycle, {of}", equality)
    bound = {name: [law for law in found if law.bound] for name, found in laws.items()}
    yield _matrix(
        "The second law: mean dimensionless work from equilibrium on, at least 0; beside it that of each"
        " later cycle, at least 0 in the limit cycle",
        bound,
    )


def _matrix(caption: str, found: Found) -> Table:
    """Set the same numbers of several systems side by side."""
    quantities = [check.quantity for check in next(iter(found.values()))]
    return Table(caption, ("", *quantities), [(of, *map(_brief, row)) for of, row in found.items()])


def _pairs(part: Part) -> list[Picture]:
    """Draw the work distributions of each pair."""
    pairs = zip(part.reports, part.runs[::2], part.runs[1::2], strict=True)
    return [_crooks_picture(name, forward, reverse) for name, forward, reverse in pairs]


def _crooks_picture(name: str, forward: Dataset, reverse: Dataset) -> Picture:
    drawn = work_distributions(forward["work"], reverse["work"], 1.0, free_energy_change(forward.spec))
    return crooks_picture(drawn, f"{name[0].upper()}{name[1:]}.")


def _engine_pictures(part: Part) -> list[Picture]:
    runs, checks = part.runs, _by_system(part.checks)
    notes = {of: f"W = {found[0].measured}\n{found[0].word}" for of, found in checks.items()}
    diagram = work_diagram(
        {name_of(run): limit_cycle(run, "q", "E") for run in runs},
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
    " at the end of every stroke of the first cycle, and its mean from equilibrium on as well."
)
_TRAPS_LEAD = (
    "Overdamped, β = 1, friction 1. The dragged trap (stiffness 1) moves by 2 in 2 time units, so that ΔF ="
    " 0; the breathing trap stiffens from 1 to 4 in 1 time unit, so that ΔF = ½ ln 4 kT. Both are run in"
    " reverse as well."
)
_TRAPS_CAPTION = "Measured / exact (deviation in standard errors)"
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
