"""The chapters of a report's page: verdicts, what can be seen of them, ΔF by every method, what they rest on.

Only what was judged is drawn. A picture is made from the numbers of the report, and from the fit behind its
verdict, so that page and verdict never speak of two fits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.atom_lines import AtomLines
from fluctua.analysis.coin_figures import ENTROPY, EXCHANGED, SIZE, WORK, draw_chances, draw_walk
from fluctua.analysis.exponential_figure import exponential_terms
from fluctua.analysis.figures import work_distributions
from fluctua.analysis.free_energies import Method
from fluctua.analysis.free_energy_figure import free_energy_by_method
from fluctua.analysis.overlap_figure import draw_overlap
from fluctua.analysis.parts import p_text, plain
from fluctua.analysis.report import Chapter, Picture, Table, crooks_picture
from fluctua.analysis.samples import Sample
from fluctua.analysis.tosses import Tosses
from fluctua.analysis.verdict import Report, Verdict, counted
from fluctua.ensembles.estimate import uncertain

Floats = NDArray[np.float64]

_CHANCES = (
    "The {label}, is a coin whose bias the theorem states: the black curve, in which {fitted}."
    " Points are shares with one standard error, each where the curve has the mean chance of its bin; the"
    " dashed curve has the slope that fits best. Below, the difference in units of the error that the theorem"
    " itself predicts: of a true one, all but one in twenty lie in the grey band."
)
_WALK = (
    "The difference between {label} trajectories and what the theorem expects, cumulated from left to right,"
    " without bins. A true one stays inside the grey band in 95 of 100 cases; a wrong slope makes an arch or"
    " an S, a single spoilt region a step."
)
_OVERLAP = (
    "Above, where the trajectories of both directions are. The dotted curve is the weight with which one"
    " counts: only where the work leaves open which direction it came from does it say anything on ΔF or on"
    " the slope. Below, the trajectories times their weight; all together are the overlap information, the"
    " effective number of trajectories that the theorem is judged on. Below 3 no interval is given."
)
_TERMS = (
    "Above, where the trajectories are; below, how much each region adds to the mean of {term}. The left end"
    " decides: what is rare there carries much. An average that comes out too low may lack only trajectories"
    " too rare to be seen; where it does, the hatched region says how far to the left some of them must lie."
)
_STEMS = (
    "Stems with heads, ○ forward and □ reverse, are single values that have a probability of their own"
    " instead of a density: {where}."
)
_STEMS_OF_TERMS = (
    "Stems with heads ○ are single values that have a probability of their own instead of a density:"
    " their axis is the right one, where there is one."
)
_METHODS = (
    "Intervals of level {level:g}, each honest where it is given: a method whose interval would not cover the"
    " truth as often as it says has none, and the reason instead. BAR takes both directions and nothing but"
    " the theorem; the others are there because they are known, and because their agreement is a check."
)


def chapters_of(report: Report) -> list[Chapter]:
    """Give the chapters of a report's page in their order, without the empty ones."""
    chapters = [
        Chapter(
            "Verdicts", _temperature(report), reports={"": report}, notes=(*report.notes, *report.remarks)
        ),
        Chapter("What the trajectories show", pictures=list(_pictures(report))),
        _free_energies(report),
        Chapter("What the verdicts rest on", tables=list(_grounds(report))),
    ]
    return [chapter for chapter in chapters if chapter.reports or chapter.tables or chapter.pictures]


def _temperature(report: Report) -> str:
    found = report.effective_temperature
    if found is None:
        return ""
    return f"Effective temperature, one over the slope: {found}; interval of level {1.0 - report.alpha:g}."


# ---- pictures ------------------------------------------------------------------------------------


def _pictures(report: Report) -> Iterator[Picture]:
    """Draw each claim that was judged."""
    judged = {verdict.claim: verdict for verdict in report if verdict.outcome != "not applicable"}
    if "crooks" in judged and "reverse" in report.samples:
        yield from _of_crooks(report, judged["crooks"])
    elif "jarzynski" in judged and "reverse" not in report.samples:
        yield from _of_jarzynski(report, judged["jarzynski"])
    entropy, exchanged = report.samples.get("entropy"), report.samples.get("exchange")
    if "detailed" in judged and entropy is not None and "entropy-reverse" in report.samples:
        yield from _of_entropies(report, judged["detailed"], entropy)
    elif "detailed" in judged and entropy is not None:
        label = "sign of a trajectory's entropy production, given its size"
        yield from _of_signs(report, judged["detailed"], entropy, SIZE, label)
    if "exchange" in judged and exchanged is not None:
        label = "sign of A X, what a trajectory exchanged times the affinity, given its size"
        yield from _of_signs(report, judged["exchange"], exchanged, EXCHANGED, label)
    if "integral" in judged and entropy is not None:
        drawn = exponential_terms(entropy)
        yield Picture(drawn, _terms(entropy, "exp(−s)"), "Where the average of exp(−s) comes from.")


def _of_crooks(report: Report, verdict: Verdict) -> Iterator[Picture]:
    forward, reverse = report.samples["forward"], report.samples["reverse"]
    tosses = Tosses.of_directions(forward, reverse, report.fit)
    label = "direction of a trajectory, given its work"
    yield _chances(tosses, WORK, label, "forward", "only ΔF is fitted (BAR)", verdict.standard_error)
    yield _walk(report, "crooks", tosses, WORK, "forward")
    atoms = AtomLines.of((Sample.of(forward, "forward"), Sample.of(reverse, "reverse", -1.0)))
    alt = "Densities of both directions, and where the information comes from."
    yield Picture(draw_overlap(tosses), _with_stems(_OVERLAP, atoms, "it is written at their heads"), alt)
    if report.free_energy is not None:
        drawn = work_distributions(forward, reverse, 1.0, report.free_energy.value)
        yield crooks_picture(drawn, stems=_with_stems("", atoms, "their axis is the one between the panels"))


def _with_stems(caption: str, atoms: AtomLines, where: str) -> str:
    """Say under a picture what stems are, where it has some; without a density they have its axis."""
    if not atoms.value.size:
        return caption
    return f"{caption} {_STEMS.format(where='the axis has it' if atoms.are_all else where)}".strip()


def _terms(s: Floats, term: str) -> str:
    """Write the caption of the picture of an exponential average."""
    stems = f" {_STEMS_OF_TERMS}" if AtomLines.of([Sample.of(s, "s")]).value.size else ""
    return _TERMS.format(term=term) + stems


def _of_signs(report: Report, verdict: Verdict, s: Floats, across: str, label: str) -> Iterator[Picture]:
    tosses = Tosses.of_signs(s)
    yield _chances(tosses, across, label, "positive", "nothing is fitted", verdict.standard_error)
    yield _walk(report, verdict.claim, tosses, across, "positive")


def _of_entropies(report: Report, verdict: Verdict, s: Floats) -> Iterator[Picture]:
    """Draw the direction of a trajectory given its entropy production, whose densities cross at 0."""
    tosses = Tosses.of_directions(s, report.samples["entropy-reverse"])
    label, fitted = "direction of a trajectory, given its entropy production", "only the crossing is fitted"
    yield _chances(tosses, ENTROPY, label, "forward", fitted, verdict.standard_error)
    yield _walk(report, "detailed", tosses, ENTROPY, "forward")


def _of_jarzynski(report: Report, verdict: Verdict) -> Iterator[Picture]:
    """Draw the average of forward work against the known ΔF, where it is the whole work that was judged."""
    if report.delta_f is None or " after " in verdict.quantity:
        return
    work, term = report.samples["forward"], "exp(ΔF − W)"
    drawn = exponential_terms(work, expected=report.delta_f, across=WORK, unit="kT", term=term)
    yield Picture(drawn, _terms(work, term), f"Where the average of {term} comes from.")


def _chances(
    tosses: Tosses, across: str, label: str, one: str, fitted: str, slope_error: float | None
) -> Picture:
    caption = _CHANCES.format(label=label, fitted=fitted)
    return Picture(
        draw_chances(tosses, across, f"share that is {one}", slope_error),
        caption,
        f"Share of {one} trajectories beside the curve of the theorem.",
    )


def _walk(report: Report, claim: str, tosses: Tosses, across: str, label: str) -> Picture:
    caption, widened = _WALK.format(label=label), report.widened.get(claim, 1.0)
    if claim in report.widened:
        caption += f" The band is {widened:.2g} times as wide as for independent trajectories."
    return Picture(
        draw_walk(tosses, across, label, widened),
        caption,
        "Cumulated difference from the theorem, with the band of true ones.",
    )


# ---- tables --------------------------------------------------------------------------------------


def _free_energies(report: Report) -> Chapter:
    title, methods = "ΔF by every method", report.free_energies
    if not methods:
        return Chapter(title)
    drawn = free_energy_by_method(methods, delta_f=report.delta_f)
    lead = _METHODS.format(level=1.0 - report.alpha)
    if len(methods) == 1:
        lead = "Of so many trajectories, ΔF is worked out by one method only."
    picture = Picture(drawn, "Hollow points have no interval; arrows lie outside.", "ΔF by method.")
    return Chapter(title, lead, tables=[_methods_table(report, methods)], pictures=[picture])


def _methods_table(report: Report, methods: tuple[Method, ...]) -> Table:
    """Write value and interval in kT, and beside them in the user's unit."""
    size, unit = report.conversion or (1.0, "kT")
    head = (
        ["method", "ΔF", "interval (kT)"] + ([f"ΔF ({unit})"] if report.conversion else []) + ["information"]
    )
    rows = []
    for method in methods:
        beside = [_in_unit(method, size)] if report.conversion else []
        known = "" if method.information is None else counted(method.information)
        rows.append([method.method, method.number, method.interval or "none", *beside, known])
    return Table("", head, rows, [f"No interval: {m.refused}." if m.refused else "" for m in methods])


def _in_unit(method: Method, size: float) -> str:
    if method.value is None:
        return "none"
    if method.standard_error is None:
        return f"{method.value * size:.6g}"
    return uncertain(method.value * size, method.standard_error * size)


def _grounds(report: Report) -> Iterator[Table]:
    judged = [verdict for verdict in report if verdict.outcome != "not applicable"]
    if not judged:
        return
    yield Table(
        "What would have been found (with power 0.8), how many trajectories in each direction would decide,"
        " and what is taken for granted",
        ("claim", "detectable", "trajectories needed", "taken for granted"),
        [_ground(verdict) for verdict in judged],
    )
    parts = [(verdict, part) for verdict in judged for part in verdict.parts]
    yield Table(
        "The parts of each claim; p adjusted is that of Holm, and empty where a part does not decide",
        ("claim", "measured", "should be", "within", "p", "p adjusted", "by"),
        [
            (
                verdict.claim,
                part.name if part.estimate is None else part.measured,
                part.should_be,
                "" if part.tolerance is None else plain(part.tolerance),
                "" if part.p_value is None else p_text(part.p_value),
                "" if part.p_adjusted is None else p_text(part.p_adjusted),
                part.method,
            )
            for verdict, part in parts
        ],
    )


def _ground(verdict: Verdict) -> tuple[str, ...]:
    found = (
        "" if verdict.min_detectable is None else f"{verdict.quantity} off by {verdict.min_detectable:.2g}"
    )
    needed = "" if verdict.n_needed is None else f"{verdict.n_needed:,}"
    return verdict.claim, found, needed, "; ".join(verdict.assumptions)
