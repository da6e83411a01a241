"""What is judged, and one function for each claim: from numbers and what is known about them to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.crooks import (
    FREE_ENERGY_TOLERANCE,
    SLOPE_TOLERANCE,
    CrooksFit,
    fit_crooks,
    judge_crooks,
)
from fluctua.analysis.detailed import fit_detailed, judge_detailed
from fluctua.analysis.first_law import Residual, judge_first_law
from fluctua.analysis.integral import TOLERANCE as INTEGRAL_TOLERANCE
from fluctua.analysis.integral import exponential_average, judge_integral
from fluctua.analysis.jarzynski import Passage, judge_jarzynski, judge_jarzynski_pair
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.rule import not_applicable, together
from fluctua.analysis.second_law import TOLERANCE as SECOND_LAW_TOLERANCE
from fluctua.analysis.second_law import Bound, dissipation, dissipation_above_bar, judge_second_law, mean_of
from fluctua.analysis.verdict import FreeEnergy, Report, Verdict

Floats = NDArray[np.float64]

TOLERANCES = {
    "slope": SLOPE_TOLERANCE,
    "delta_f": FREE_ENERGY_TOLERANCE,
    "integral": INTEGRAL_TOLERANCE,
    "second-law": SECOND_LAW_TOLERANCE,
}


@dataclass(frozen=True)
class Rules:
    """How strictly to judge: the error rate, and what counts as equal."""

    alpha: float
    tolerance: Mapping[str, float]


@dataclass(frozen=True)
class Subject:
    """Work or entropy production with all that is known about it.

    Parameters
    ----------
    rules : Rules
        How strictly to judge.
    work, reverse : ndarray, optional
        Work of each trajectory in both directions, in kT.
    exact, exact_reverse : ndarray, optional
        The same with shadow work.
    missing : str
        Why the work obeys no theorem; empty where it does.
    delta_f : float, optional
        In kT, where it is known.
    given : bool
        Whether `delta_f` came from the user.
    entropy : ndarray, optional
        Total entropy production in k_B, instead of work.
    ledgers : tuple of Ledger
        The runs behind the numbers; none for arrays.
    assumptions : tuple of str
        What is taken for granted.
    """

    rules: Rules
    work: Floats | None = None
    reverse: Floats | None = None
    exact: Floats | None = None
    exact_reverse: Floats | None = None
    missing: str = ""
    delta_f: float | None = None
    given: bool = False
    entropy: Floats | None = None
    ledgers: tuple[Ledger, ...] = ()
    assumptions: tuple[str, ...] = ()

    def report(self, claims: Sequence[str], title: str, conversion: tuple[float, str] | None) -> Report:
        """Judge claims."""
        verdicts = together([JUDGES[claim](self) for claim in claims], self.rules.alpha)
        free_energy = self.free_energy if self._asks_for_free_energy(claims) else None
        kept = {"forward": self.work, "reverse": self.reverse, "entropy": self.entropy}
        samples = {name: values for name, values in kept.items() if values is not None}
        return Report(verdicts, title, self.rules.alpha, free_energy, conversion, samples)

    def _asks_for_free_energy(self, claims: Sequence[str]) -> bool:
        """Say whether a claim is about ΔF, or takes the estimated one where none is known."""
        return bool({"crooks", "jarzynski"} & set(claims)) or (
            "second-law" in claims and self.delta_f is None
        )

    @cached_property
    def fit(self) -> CrooksFit | None:
        """Both directions fitted; none where there are not two."""
        if self.missing or self.work is None or self.reverse is None:
            return None
        return fit_crooks(self.work, self.reverse, alpha=self.rules.alpha)

    @cached_property
    def exact_fit(self) -> CrooksFit | None:
        """The same with shadow work."""
        if self.missing or self.exact is None or self.exact_reverse is None:
            return None
        return fit_crooks(self.exact, self.exact_reverse, alpha=self.rules.alpha)

    @cached_property
    def varies(self) -> bool:
        """Whether the temperature varies, so that work is dimensionless and no ΔF is in kT."""
        return any(ledger.beta is None for ledger in self.ledgers)

    @property
    def symbol(self) -> str:
        """What -ln<exp(-w)> is called."""
        return "-ΔΞ" if self.varies else "ΔF"

    @property
    def free_energy(self) -> FreeEnergy | None:
        """The free-energy difference that the work gives."""
        if self.missing or self.work is None or self.varies:
            return None
        if self.fit is not None:
            error = self.fit.free_energy_error if self.fit.overlaps else None
            return FreeEnergy(self.fit.free_energy, error, "kT", "BAR", self.fit.information)
        average = exponential_average(self.work, self.rules.alpha)
        return FreeEnergy(
            average.value, average.standard_error if average.sampled else None, "kT", "Jarzynski"
        )

    @property
    def shares(self) -> tuple[str, ...]:
        """What is taken for granted about ΔF."""
        known = () if self.delta_f is None or self.given else (f"{self.symbol} is that of the spec, exact",)
        return (*self.assumptions, *known)


# ---- one function a claim ------------------------------------------------------------------------


def _first_law(subject: Subject) -> Verdict:
    if not subject.ledgers:
        return not_applicable("first-law", "needs a run, with work, heat and energy of each trajectory")
    found = [ledger.residual() for ledger in subject.ledgers]
    worst = max(found, key=lambda residual: residual.largest / residual.allowed)
    return judge_first_law(
        Residual(worst.largest, worst.scale, worst.steps, sum(residual.n for residual in found))
    )


def _crooks(subject: Subject) -> Verdict:
    if subject.fit is None:
        return not_applicable("crooks", subject.missing or "needs reverse data")

    def judged(fit: CrooksFit) -> Verdict:
        return judge_crooks(
            fit,
            delta_f=subject.delta_f,
            slope_tolerance=subject.rules.tolerance["slope"],
            free_energy_tolerance=subject.rules.tolerance["delta_f"],
            alpha=subject.rules.alpha,
            symbol=subject.symbol,
            assumptions=subject.shares,
        )

    return judged(subject.fit).beside(None if subject.exact_fit is None else judged(subject.exact_fit))


def _jarzynski(subject: Subject) -> Verdict:
    if subject.missing or subject.work is None:
        return not_applicable("jarzynski", subject.missing or "needs work")
    if subject.fit is None or not subject.fit.varies:
        return _jarzynski_forward(subject)
    return _jarzynski_pair(subject, subject.fit)


def _jarzynski_pair(subject: Subject, fit: CrooksFit) -> Verdict:
    def judged(work: Floats, reverse: Floats, fit: CrooksFit) -> Verdict:
        return judge_jarzynski_pair(
            work,
            reverse,
            fit,
            delta_f=subject.delta_f,
            tolerance=subject.rules.tolerance["delta_f"],
            slope_tolerance=subject.rules.tolerance["slope"],
            alpha=subject.rules.alpha,
            symbol=subject.symbol,
            assumptions=subject.shares,
        )

    assert subject.work is not None
    assert subject.reverse is not None
    verdict = judged(subject.work, subject.reverse, fit)
    if subject.exact is None or subject.exact_reverse is None or subject.exact_fit is None:
        return verdict
    return verdict.beside(judged(subject.exact, subject.exact_reverse, subject.exact_fit))


def _jarzynski_forward(subject: Subject) -> Verdict:
    def judged(passages: Sequence[Passage]) -> Verdict:
        tolerance, alpha = subject.rules.tolerance["delta_f"], subject.rules.alpha
        return judge_jarzynski(passages, tolerance=tolerance, alpha=alpha, assumptions=subject.shares)

    assert subject.work is not None
    passages = [] if subject.given else [passage for run in subject.ledgers for passage in run.passages()]
    if subject.delta_f is not None and not passages:
        passages = [Passage(subject.symbol, subject.work, subject.delta_f)]
    if not passages:
        return not_applicable("jarzynski", "needs reverse data or a known ΔF (delta_f=)")
    verdict = judged(passages)
    if subject.exact is None or subject.delta_f is None:
        return verdict
    return verdict.beside(judged([Passage(subject.symbol, subject.exact, subject.delta_f)]))


def _second_law(subject: Subject) -> Verdict:
    bounds, taken = _bounds(subject)
    if isinstance(bounds, str):
        return not_applicable("second-law", bounds)
    return judge_second_law(
        bounds,
        tolerance=subject.rules.tolerance["second-law"],
        alpha=subject.rules.alpha,
        assumptions=(*subject.shares, *taken),
    )


def _bounds(subject: Subject) -> tuple[list[Bound] | str, tuple[str, ...]]:
    """Return the means that must not be negative, and what that takes for granted; or what is missing."""
    if subject.entropy is not None:
        return [Bound("<s>", mean_of(subject.entropy))], ()
    if subject.missing or subject.work is None:
        return _steady_bounds(subject)
    symbol = "<W~> + ΔΞ" if subject.varies else "<W> - ΔF"
    cycles = [bound for ledger in subject.ledgers[:1] for bound in ledger.bounds()]
    if cycles and not subject.given:
        return cycles, ()
    if subject.delta_f is not None:
        return [Bound(symbol, dissipation(subject.work, subject.delta_f))], ()
    if subject.fit is not None:
        return [Bound(symbol, dissipation_above_bar(subject.work, subject.fit))], (
            "ΔF is BAR's of the same trajectories",
        )
    return "needs reverse data or a known ΔF (delta_f=)", ()


def _steady_bounds(subject: Subject) -> tuple[list[Bound] | str, tuple[str, ...]]:
    steady = [ledger for ledger in subject.ledgers if ledger.stationary and ledger.steady]
    if not steady:
        return f"{subject.missing or 'needs work'}, or a steady state in which nothing changes", ()
    taken = ("the start is the steady state, so that system entropy does not change on average",)
    return [Bound("<entropy flow>", ledger.entropy_flow()) for ledger in steady[:1]], taken


def _integral(subject: Subject) -> Verdict:
    s = _total_entropy(subject)
    if isinstance(s, str):
        return not_applicable("integral", s)
    tolerance, alpha = subject.rules.tolerance["integral"], subject.rules.alpha
    return judge_integral(s, tolerance=tolerance, alpha=alpha, assumptions=subject.assumptions)


def _detailed(subject: Subject) -> Verdict:
    s = _total_entropy(subject)
    if isinstance(s, str):
        return not_applicable("detailed", s)
    if subject.ledgers and not subject.ledgers[0].stationary:
        return not_applicable(
            "detailed", "needs controls and temperatures that do not change; a driven run has crooks"
        )
    fit = fit_detailed(s, alpha=subject.rules.alpha)
    symmetry = () if subject.ledgers else ("a steady state, or a protocol that is its own reverse",)
    return judge_detailed(
        fit,
        slope_tolerance=subject.rules.tolerance["slope"],
        alpha=subject.rules.alpha,
        assumptions=(*subject.assumptions, *symmetry),
    )


def _total_entropy(subject: Subject) -> Floats | str:
    if subject.entropy is not None:
        return subject.entropy
    return (
        subject.ledgers[0].total_entropy()
        if subject.ledgers
        else "needs the total entropy production (entropy=)"
    )


def _tur(_subject: Subject) -> Verdict:
    return not_applicable("tur", "needs a steady state and current=")


JUDGES: dict[str, Callable[[Subject], Verdict]] = {
    "first-law": _first_law,
    "crooks": _crooks,
    "jarzynski": _jarzynski,
    "second-law": _second_law,
    "integral": _integral,
    "detailed": _detailed,
    "tur": _tur,
}
CLAIMS = tuple(JUDGES)  # in the order of the table
