"""Verdicts and reports: a word, the numbers behind it, and the sentence that joins them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from fluctua.analysis.parts import Part, jsonable, p_text
from fluctua.ensembles.estimate import uncertain
from fluctua.stochastic.errors import InvalidInput, not_among

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fluctua.analysis.crooks_fit import CrooksFit
    from fluctua.analysis.free_energies import Method
    from fluctua.analysis.reported import EffectiveTemperature

Outcome = Literal["violated", "undecidable", "holds", "not applicable"]
OUTCOMES: tuple[Outcome, ...] = ("violated", "undecidable", "holds", "not applicable")  # the worst first


# ---- what the user gets --------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """The word for one claim, with the numbers behind it.

    Attributes
    ----------
    claim : str
        Hyphened name: ``"crooks"``.
    outcome : {"holds", "violated", "undecidable", "not applicable"}
        The word.
    estimate, standard_error, tolerance : float or None
        The number that speaks for the claim, its error, and what counts as equal.
    p_value, p_adjusted : float or None
        Of the part that deviates most, before and after Holm within the claim; in a report Holm counts the
        other claims too.
    statistic : float or None
        Test statistic of the estimate.
    quantity : str
        What the estimate is of: ``"slope"``.
    expected : float or None
        What it should be, or lie above.
    information : float or None
        Effective number of trajectories that the theorem is judged on.
    min_detectable : float or None
        Deviation of the estimate that would have been found with power 0.8.
    n_needed : int or None
        Trajectories (in each direction) that would show the theorem, where the outcome is ``undecidable``.
    reason : str
        One sentence.
    assumptions : tuple of str
        What the verdict takes for granted.
    measured, should_be, within : str
        The three columns of the printed table.
    parts : tuple of Part
        The components, each with its own estimate and p-value.
    alone : bool
        Whether the claim is violated by itself and not once the others of its report are counted.
    exact : Verdict or None
        The same claim on work with shadow work, which obeys the theorem at any time step: where it holds and
        the claim is violated, the time step is too long; where it is violated too, something else is wrong.
    """

    claim: str
    outcome: Outcome
    estimate: float | None = None
    standard_error: float | None = None
    tolerance: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    statistic: float | None = None
    quantity: str = ""
    expected: float | None = None
    information: float | None = None
    min_detectable: float | None = None
    n_needed: int | None = None
    reason: str = ""
    assumptions: tuple[str, ...] = ()
    measured: str = field(default="", repr=False)
    should_be: str = field(default="", repr=False)
    within: str = field(default="", repr=False)
    parts: tuple[Part, ...] = field(default=(), repr=False)
    alone: bool = False
    exact: Verdict | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        """Write one line: the claim, its word, and what was measured."""
        return f"Verdict {self.claim}: {self.outcome}{', ' if self.measured else ''}{self.measured}"

    def __str__(self) -> str:
        """Write the line and the reason."""
        return (
            f"{self.claim} {self.outcome}: {self.reason}" if self.reason else f"{self.claim} {self.outcome}"
        )

    def __bool__(self) -> bool:
        """Refuse: there are four words, not two."""
        raise TypeError('a verdict is not true or false: ask verdict.outcome == "holds"')

    def part(self, name: str) -> Part:
        """Return one component by name.

        Raises
        ------
        InvalidInput
            If the claim has no such part.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise not_among(name, "part", [part.name for part in self.parts], self.claim)

    def beside(self, exact: Verdict | None) -> Verdict:
        """Return the verdict with the one on the exact work beside it, and what the two say together."""
        if exact is None or "not applicable" in (self.outcome, exact.outcome):
            return self
        if self.outcome == exact.outcome == "undecidable":
            return replace(self, exact=exact)
        return replace(self, exact=exact, reason=f"{self.reason}; {_together(self, exact)}")

    def to_dict(self) -> dict[str, Any]:
        """Give the verdict as plain data, in the order of the published JSON."""
        names = (
            "claim", "outcome", "estimate", "standard_error", "tolerance", "p_value", "p_adjusted",
            "information", "min_detectable", "n_needed", "reason", "assumptions", "quantity", "expected",
            "statistic",
        )  # fmt: skip
        table = {name: jsonable(getattr(self, name)) for name in names}
        table["parts"] = [part.to_dict() for part in self.parts]
        if self.exact is not None:
            table["exact"] = self.exact.to_dict()
        return table


def _together(protocol: Verdict, exact: Verdict) -> str:
    """Tell code from time step: the exact work obeys the theorem at any step."""
    counted = f"with shadow work counted it is {exact.measured}"
    if protocol.outcome == "violated" and exact.outcome == "holds":
        return f"{counted} and holds: the time step is too long, the bookkeeping is right"
    if exact.outcome == "violated":
        return f"{counted} and violated: not the time step, but the bookkeeping or the ΔF asked for"
    return f"{counted} ({exact.outcome})"


@dataclass(frozen=True)
class FreeEnergy:
    """A free-energy difference in kT, and how it was found.

    Attributes
    ----------
    value : float
        In kT.
    standard_error : float or None
        None where no honest interval exists (overlap information below 3, or of one direction more than 1 kT
        of dissipation, or an unsampled tail).
    method : str
        ``"BAR"`` or ``"Jarzynski"``.
    information : float or None
        Overlap information of BAR: the effective number of trajectories that both directions share.
    freedom : float
        Degrees of freedom behind the standard error; infinite where trajectories are independent.
    refused : str
        Why there is no standard error, as the method says (`fluctua.analysis.free_energies`) or the
        dependence of trajectories on each other: ``"too correlated: ..."``.
    independent : bool
        Whether errors of independent trajectories stand as they are.
    """

    value: float
    standard_error: float | None
    unit: str = "kT"
    method: str = "BAR"
    information: float | None = None
    freedom: float = field(default=math.inf, repr=False)
    refused: str = field(default="", repr=False)
    independent: bool = field(default=True, repr=False)

    def __str__(self) -> str:
        """Write value, error and unit."""
        return f"{self.number()} {self.unit}"

    def __repr__(self) -> str:
        """Write one line."""
        return f"FreeEnergy {self} ({self.means})"

    def number(self, factor: float = 1.0) -> str:
        """Write the value times `factor` with its error in brackets, if it has one."""
        if self.standard_error is None:
            return f"{self.value * factor:.3g}"
        return uncertain(self.value * factor, self.standard_error * factor)

    @property
    def means(self) -> str:
        """Say in brackets how the value was found and what it rests on."""
        words = [self.method]
        if self.information is not None:
            words.append(f"information {counted(self.information)}")
        if self.standard_error is None:
            words.append(f"no interval: {self.refused.partition(':')[0] or 'too little is sampled'}")
        return ", ".join(words)

    def to_dict(self) -> dict[str, Any]:
        """Give the value as plain data."""
        names = ("value", "standard_error", "unit", "method", "information")
        return {name: jsonable(getattr(self, name)) for name in names}


@dataclass(frozen=True, eq=False, repr=False)
class Report(Sequence[Verdict]):
    """A read-only list of verdicts, also by name.

    Attributes
    ----------
    verdicts : tuple of Verdict
        In the order printed, counted together (`fluctua.analysis.rule.together`).
    title : str
        What was judged.
    alpha : float
        Error rate of the whole table: the chance that a true one is said to be violated anywhere.
    free_energy : FreeEnergy or None
        Where one was estimated; always in kT.
    conversion : tuple of (float, str) or None
        Size of one kT in a unit to print beside it, and the unit's name.
    samples : mapping of str to ndarray
        The numbers that were judged, in kT: ``forward``, ``reverse`` or ``entropy``; ``entropy-reverse`` is
        that of the reverse process, where both were judged.
    notes : tuple of str
        What the reader should know of where the numbers come from.
    remarks : tuple of str
        What the runs said of their own physics when they began; the page shows them.
    delta_f : float or None
        The known free-energy difference, in kT.
    fit : CrooksFit or None
        What the verdict on Crooks' theorem was made from.
    widened : mapping of str to float
        By claim, by what the dependence of trajectories on each other widens the band of a walk of residuals;
        nothing where they are independent.
    """

    verdicts: tuple[Verdict, ...]
    title: str = ""
    alpha: float = 0.05
    free_energy: FreeEnergy | None = None
    conversion: tuple[float, str] | None = None
    samples: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    delta_f: float | None = None
    fit: CrooksFit | None = None
    widened: Mapping[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @overload
    def __getitem__(self, key: int | str) -> Verdict: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Verdict, ...]: ...
    def __getitem__(self, key: int | str | slice) -> Verdict | tuple[Verdict, ...]:
        """Return a verdict by its number or its claim's name."""
        if not isinstance(key, str):
            return self.verdicts[key]
        for verdict in self.verdicts:
            if verdict.claim == key:
                return verdict
        raise not_among(key, "claim", [verdict.claim for verdict in self.verdicts], "report")

    def __len__(self) -> int:
        """Return the number of claims."""
        return len(self.verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        """Walk through the verdicts."""
        return iter(self.verdicts)

    def __bool__(self) -> bool:
        """Refuse: there are four words, not two."""
        raise TypeError('a report is not true or false: ask report.outcome == "holds"')

    def __repr__(self) -> str:
        """Write one line."""
        return f"Report {self.title}: " + ", ".join(f"{v.claim} {v.outcome}" for v in self.verdicts)

    @property
    def outcome(self) -> Outcome:
        """The worst word; ``not applicable`` only where nothing else is said."""
        said = {verdict.outcome for verdict in self.verdicts}
        return next((outcome for outcome in OUTCOMES if outcome in said), "not applicable")

    @property
    def headline(self) -> str:
        """Say what is violated, as the words and `outcome` do; and what would be were it the only claim."""
        sure = [verdict.claim for verdict in self.verdicts if verdict.outcome == "violated"]
        alone = [verdict.claim for verdict in self.verdicts if verdict.alone]
        if sure:
            return f"Violated at error rate {self.alpha:g}: {', '.join(sure)}."
        if alone:
            family = sum(verdict.p_adjusted is not None for verdict in self.verdicts)
            return (
                f"Nothing is violated at error rate {self.alpha:g} once {family} claims are counted "
                f"together; alone, {', '.join(alone)} would be."
            )
        if self.outcome == "not applicable":
            return "Nothing was judged: no claim applies."
        return f"Nothing is violated at error rate {self.alpha:g}."

    @cached_property
    def free_energies(self) -> tuple[Method, ...]:
        """The free-energy difference by every method, each with an interval or a refusal; the best first.

        Worked out when first asked for. Nothing where no claim is about a free-energy difference.
        """
        from fluctua.analysis.reported import methods_of

        forward = self.samples.get("forward")
        if self.free_energy is None or forward is None:
            return ()
        return methods_of(forward, self.samples.get("reverse"), self.free_energy, self.alpha)

    @property
    def effective_temperature(self) -> EffectiveTemperature | None:
        """One over the slope of the detailed theorem, with its interval; none where it has no interval."""
        from fluctua.analysis.reported import effective_temperature

        return effective_temperature(self.verdicts, self.alpha)

    def __str__(self) -> str:
        """Write the table, the free-energy difference, the headline, and why what does not hold does not."""
        table = _table([_ROW, *(_cells(verdict) for verdict in self.verdicts)])
        last = f"{self.free_energy_line} {self.headline}".strip()
        return "\n".join([self.title, *table, last, *self._footnotes()])

    @property
    def free_energy_line(self) -> str:
        """Write the free-energy difference, also in the user's unit, with what it rests on; or nothing."""
        if self.free_energy is None:
            return ""
        beside = ""
        if self.conversion is not None:
            size, unit = self.conversion
            beside = f" = {self.free_energy.number(size)} {unit}"
        return f"ΔF = {self.free_energy}{beside} ({self.free_energy.means})."

    def _footnotes(self) -> Iterator[str]:
        for verdict in self.verdicts:
            if verdict.outcome in ("violated", "undecidable"):
                yield f"  {verdict.claim}: {verdict.reason}{self._temperature_of(verdict)}."
        for note in self.notes:
            yield f"  note: {note}."

    def _temperature_of(self, verdict: Verdict) -> str:
        """Say what temperature a slope amounts to that is not 1."""
        violated = verdict.outcome == "violated" and verdict.measured.startswith("slope ")
        found = self.effective_temperature if violated else None
        return "" if found is None else f"; {found}"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(word)}</th>" for word in _ROW)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(verdict)) + "</tr>"
            for verdict in self.verdicts
        )
        last = escape(f"{self.free_energy_line} {self.headline}".strip())
        notes = "".join(f"<p>{escape(note.strip())}</p>" for note in self._footnotes())
        return (
            f"<table><caption>{escape(self.title)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            f"<p>{last}</p>{notes}"
        )

    def to_json(self) -> str:
        """Return the report as JSON: ``verdicts``, ``notes``, ``free_energy`` where one is estimated.

        Every key stands in ``report.schema.json`` beside this module.
        """
        table: dict[str, Any] = {
            "title": self.title,
            "outcome": self.outcome,
            "alpha": self.alpha,
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "notes": list(self.notes),
        }
        if self.free_energy is not None:
            table["free_energy"] = self.free_energy.to_dict()
            table["free_energies"] = [method.to_dict() for method in self.free_energies]
        if self.effective_temperature is not None:
            table["effective_temperature"] = self.effective_temperature.to_dict()
        return json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False)

    def to_pandas(self) -> pd.DataFrame:
        """Return a table with one row a claim, indexed by its name."""
        import pandas as pd

        rows = [verdict.to_dict() for verdict in self.verdicts]
        columns = [name for name in rows[0] if name not in ("parts", "exact")] if rows else ["claim"]
        return pd.DataFrame(rows, columns=columns).set_index("claim")

    def to_html(self, path: str | Path) -> Path:
        """Write a self-contained HTML page with the table and the pictures, and return its path."""
        from fluctua.analysis.report import write_report

        return write_report(self, path)

    def with_notes(self, notes: Sequence[str]) -> Self:
        """Return the same report with more notes under its table."""
        return replace(self, notes=(*self.notes, *notes))


# ---- writing -------------------------------------------------------------------------------------

_ROW = ("claim", "outcome", "measured", "should be", "within", "p adj.")
_WIDTHS = (13, 16, 23, 12, 10, 0)


def _cells(verdict: Verdict) -> tuple[str, ...]:
    kept_bound = verdict.outcome == "holds" and any(
        part.bound for part in verdict.parts
    )  # its p says nothing more
    p = "" if verdict.p_adjusted is None or kept_bound else p_text(verdict.p_adjusted)
    return verdict.claim, verdict.outcome, verdict.measured, verdict.should_be, verdict.within, p


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align the columns; what stands last in its row may run over those to its right."""
    widths = list(_WIDTHS)
    for row in rows:
        filled = max(i for i, cell in enumerate(row) if cell)
        for i, cell in enumerate(row[:filled]):
            widths[i] = max(widths[i], len(cell) + 2)
    return [
        "  " + "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def counted(number: float) -> str:
    """Write a count to two or three digits, grouped."""
    if number < 1e-3:
        return "0" if number == 0.0 else "below 0.001"
    return f"{number:.2g}" if number < 100 else f"{round(number, 1 - math.floor(math.log10(number))):,.0f}"


def check_alpha(alpha: float) -> float:
    """Return the error rate, or refuse what is none."""
    if not (isinstance(alpha, int | float) and 0.0 < alpha < 0.5):
        raise InvalidInput(
            f"{alpha!r} is no error rate", "alpha", "give a number between 0 and 0.5, like 0.05"
        )
    return float(alpha)
