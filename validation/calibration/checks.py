"""Which band applies to which number of a cell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fluctua.validation.calibration import bands
from fluctua.validation.calibration.bands import Check
from fluctua.validation.calibration.cells import Cell
from fluctua.validation.calibration.tallies import LEVELS, Tally

ALPHA = 0.05
ENOUGH = 20.0  # information from which on a test is not conservative for lack of overlap
UNDECIDED = 0.95  # least share without overlap
ENSEMBLES_OF_REFERENCE = 400  # behind the shares that cells name as found elsewhere

EXACT = {
    "two-sample": ("slope", "ΔF", "smooth", "joint"),
    "one-sample": ("slope", "sign count, randomised"),
}
"""Tests that reject true ensembles at their nominal rate; all others reject less, by construction."""

UNBIASED = ("ΔF",)
"""Estimates whose residuals have mean 0 and variance 1; of skewed ones only the coverage counts."""


def check(cell: Cell, tally: Tally) -> list[Check]:
    """Set what was found in a cell against its bands."""
    kinds = {
        "true": _of_truth,
        "no overlap": _without_overlap,
        "edge": _at_the_edge,
        "fault": _of_fault,
        "measured": lambda *_: iter(()),
    }
    return [*kinds[cell.kind](cell, tally), *_words(cell, tally), *_intervals(tally)]


def _of_truth(cell: Cell, tally: Tally) -> Iterator[Check]:
    yield from _false_violations(tally)
    information = tally.numbers.get("information")
    enough = information is None or information.mean >= ENOUGH
    for name, test in tally.tests.items():
        exact = name in EXACT.get(cell.theorem, ()) and enough
        for level, count in zip(LEVELS, test.rejected, strict=True):
            yield bands.rate(f"{name}, rejected at {level:.0%}", count, test.n, level, upper_only=not exact)

        if exact:
            yield bands.uniformity(f"{name}, uniform p", test.distance, test.n)
        else:
            yield bands.uniformity(f"{name}, p not too small", test.excess, test.n)
    if enough:
        yield from _residuals(tally)


def _residuals(tally: Tally) -> Iterator[Check]:
    for name, sums in tally.residuals.items():
        yield bands.rate(f"{name}, coverage", sums.within, sums.n, 1.0 - ALPHA)
        if name in UNBIASED:
            yield bands.mean(f"{name}, mean residual", sums.mean, sums.n)
            yield bands.variance(f"{name}, variance of residuals", sums.variance, sums.n)


def _false_violations(tally: Tally) -> Iterator[Check]:
    for claim in tally.words:
        count = tally.count(claim, "violated")
        yield bands.rate(f"{claim}, violated", count, tally.ensembles, ALPHA, upper_only=True)


def _without_overlap(cell: Cell, tally: Tally) -> Iterator[Check]:
    yield from _of_truth(cell, tally)
    for claim in cell.undecided:
        count = tally.count(claim, "undecidable")
        yield bands.rate(f"{claim}, undecidable", count, tally.ensembles, UNDECIDED, lower_only=True)


def _at_the_edge(cell: Cell, tally: Tally) -> Iterator[Check]:
    count = tally.count(cell.edge, "holds")
    yield bands.rate(f"{cell.edge}, holds", count, tally.ensembles, ALPHA, upper_only=True)


def _of_fault(cell: Cell, tally: Tally) -> Iterator[Check]:
    for name, least in cell.power.items():
        count = found(tally, name)
        yield bands.power(f"{name}, found", count, tally.ensembles, least, ENSEMBLES_OF_REFERENCE)
    for claim in cell.never:
        yield Check(f"{claim}, violated", tally.count(claim, "violated") / tally.ensembles, -math.inf, ALPHA)


def _words(cell: Cell, tally: Tally) -> Iterator[Check]:
    """Check that words are given no worse than elsewhere: the right one no less, the wrong one no more."""
    right, wrong = ("violated", "holds") if cell.kind == "fault" else ("holds", "violated")
    trials = 100 if cell.n >= 20_000 else ENSEMBLES_OF_REFERENCE
    for claim, (holds, violated, _) in cell.words.items():
        least, most = (violated, holds) if cell.kind == "fault" else (holds, violated)
        # What lies at the edge is shown to lie within one time in twenty, and violates nothing then.
        least = min(least, 1.0 - ALPHA) if cell.edge else least
        count, errors = tally.count(claim, right), tally.count(claim, wrong)
        yield bands.power(f"{claim}, {right}", count, tally.ensembles, least, trials)
        yield bands.excess(f"{claim}, {wrong}", errors, tally.ensembles, max(most, ALPHA), trials)


def _intervals(tally: Tally) -> Iterator[Check]:
    """Check the coverage of BAR; those of other methods are told."""
    covered = tally.numbers.get("BAR, covered")
    if covered is not None:
        yield bands.rate("BAR, coverage", round(covered.total), covered.n, 1.0 - ALPHA)


def found(tally: Tally, name: str) -> int:
    """Count the ensembles in which a test rejects at 5 %, or the better of two, or a claim is violated."""
    if name in tally.words:
        return tally.count(name, "violated")
    if name in tally.numbers:
        return round(tally.numbers[name].total)
    return max(tally.tests[test].rejected[0] for test in name.split(" or "))


def monotone(cells: Sequence[Cell], tallies: Sequence[Tally]) -> Iterator[tuple[Cell, Check]]:
    """Check within each family that a larger sample, or a larger fault, is found no less often."""
    last: dict[tuple[str, str], float] = {}
    for cell, tally in zip(cells, tallies, strict=True):
        for name in cell.power if cell.family else ():
            share = found(tally, name) / tally.ensembles
            before = last.get((cell.family, name), share)
            spread = max(before * (1.0 - before), share * (1.0 - share))
            reach = 3.29 * math.sqrt(2.0 * spread / tally.ensembles)
            yield cell, Check(f"{name}, found no less than in the cell before", share, before - reach, 1.0)
            last[cell.family, name] = share
