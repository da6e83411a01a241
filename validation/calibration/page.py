"""The page of the documentation: error rates, coverage and power, as a run of the bench measured them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fluctua.validation.calibration import chapters
from fluctua.validation.calibration.bands import LEVEL, binomial
from fluctua.validation.calibration.bench import Row
from fluctua.validation.calibration.checks import found
from fluctua.validation.calibration.grids import Grid
from fluctua.validation.calibration.table import passed, rates, shares, table

_HEAD = """# How often the verifier errs

Made by `python -m fluctua.validation.calibration --size {size} --write docs/calibration.md`.

The verifier judges ensembles whose truth is known exactly: Gaussian work, mixtures with several modes,
quenches and traps stepped by their exact propagator, a measured qubit and counted particles, whose work takes
a few values, walks, and signs that are coins with the bias of the theorem. Most cells call the functions that
judge a claim directly; those of trajectories that depend on each other, and of several protocols, go through
`fluctua.verify`, as a user's numbers do.
Each cell has {ensembles:,} ensembles (fewer where the column R says so), each from random numbers of
its own. At {ensembles:,} ensembles a test with a true error rate of 5 % is found between {low:.1%} and
{high:.1%} with probability {level:.1%}, and one of 1 % between {low1:.1%} and {high1:.1%}.

{result}

A number outside its band is drawn again on other random numbers, and what is outside on the same side both
times is wrong: chance alone does that once in two million, a fault of the verifier every time. Of {checks:,}
numbers chance puts {expected:.1f} outside at first, at most (bands that are open on one side count half); it
put {outside} there.

A *test* has a p-value; a *claim* gets a word, after Holm's adjustment over its tests. Entries like
`.052/.010` are shares of ensembles rejected at 5 % and at 1 %; those like `.16/.04/.81` are shares of
`holds`, `violated` and `undecidable`.
"""


def page(grid: Grid, rows: Sequence[Row]) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    grid : Grid
        What was run.
    rows : sequence of Row
        What was found.
    """
    parts = [
        _opening(grid, rows),
        *_two_samples(rows),
        *_one_sample(rows),
        *_forward_only(rows),
        *_coverage(rows),
        *_edges(rows),
        *_power(rows),
        *chapters.other_readings(rows),
        *chapters.words(rows),
        *chapters.other_claims(rows),
        *chapters.dependent(rows),
        *chapters.intervals(rows),
        *_elsewhere(rows),
    ]
    return "\n".join(parts) + "\n"


def _opening(grid: Grid, rows: Sequence[Row]) -> str:
    low, high = (k / grid.ensembles for k in binomial(grid.ensembles, 0.05))
    low1, high1 = (k / grid.ensembles for k in binomial(grid.ensembles, 0.01))
    checks, outside = sum(row.checks for row in rows), sum(len(row.outside) for row in rows)
    once = [f"{row.cell.name} ({text})" for row in rows for text in row.outside]
    red = [row.cell.name for row in rows if row.red]
    result = (
        "No cell is outside its bands." + (f" Outside once, not again: {'; '.join(once)}." if once else "")
        if passed(rows)
        else f"Outside their bands: {'; '.join(red)}."
    )
    return _HEAD.format(
        size=grid.name, ensembles=grid.ensembles, level=LEVEL, low=low, high=high, low1=low1, high1=high1,
        result=result, checks=checks, outside=outside, expected=checks * (1.0 - LEVEL),
    )  # fmt: skip


# ---- sections


def _two_samples(rows: Sequence[Row]) -> Iterator[str]:
    chosen = _chosen(rows, "two-sample", ("true", "no overlap"))
    tests = ("slope", "ΔF", "smooth", "joint", "shape", "cusum", "masses")
    claims = ("crooks", "crooks, ΔF known", "jarzynski, ΔF known")
    yield "## Work of both directions, nothing wrong\n"
    yield (
        "Slope, ΔF, smooth and joint test are exact; shape (two tests joined) and cusum reject less by "
        "construction. ΔF is not tested where the samples do not overlap, and masses only where work takes a "
        "few values: there they take the place of the cusum in the shape.\n"
    )
    yield from table(
        ["ensembles", "overlap", *tests], chosen, lambda row: [_overlap(row), *_rejected(row, tests)]
    )
    yield "The words for the same ensembles, holds/violated/undecidable:\n"
    yield from table(
        ["ensembles", *claims, "report violated"],
        chosen,
        lambda row: [*(shares(row, claim) for claim in claims), _violated(row, "report, ΔF known")],
    )


def _one_sample(rows: Sequence[Row]) -> Iterator[str]:
    chosen = _chosen(rows, "one-sample", ("true", "no overlap"))
    tests = ("slope", "sign count", "sign count, randomised", "cusum", "masses")
    yield "## Entropy production of one process, nothing wrong\n"
    yield "The count of signs moves in steps; randomised, it is exact. Names give the law of the size.\n"
    yield from table(
        ["ensembles", "overlap", *tests, "detailed", "integral"],
        chosen,
        lambda row: [_overlap(row), *_rejected(row, tests), shares(row, "detailed"), shares(row, "integral")],
    )


def _forward_only(rows: Sequence[Row]) -> Iterator[str]:
    chosen = _chosen(rows, "forward only", ("true", "no overlap"))
    yield "## Forward work alone, ΔF known, nothing wrong\n"
    yield (
        "An average of exp(-w) that is too low disproves nothing, as trajectories too rare to be seen may "
        "mend it: only one that is too high is rejected, so all shares lie below their nominal rate.\n"
    )
    yield from table(
        ["ensembles", "too high", "jarzynski", "second law"],
        chosen,
        lambda row: [
            rates(row, "exp(-w) too high"),
            shares(row, "jarzynski, forward only"),
            shares(row, "second law, forward only"),
        ],
    )


def _coverage(rows: Sequence[Row]) -> Iterator[str]:
    chosen = _chosen(rows, "two-sample", ("true",))
    names = ("ΔF", "slope", "dissipation")
    yield "## Intervals of nominal 95 %\n"
    yield "How often the interval holds the truth; for ΔF mean and variance of (estimate - truth)/error.\n"
    yield from table(
        ["ensembles", *names, "mean", "variance"],
        chosen,
        lambda row: [*(_covered(row, name) for name in names), *_moments(row)],
    )


def _edges(rows: Sequence[Row]) -> Iterator[str]:
    yield "## A fault as large as the tolerance\n"
    yield "At the edge of what counts as equal, `holds` is wrong, and is said in 5 % of ensembles at most.\n"
    yield from table(
        ["ensembles", "claim", "words"],
        [row for row in rows if row.cell.heading == "edge of the tolerance"],
        lambda row: [row.cell.edge, shares(row, row.cell.edge)],
    )


def _power(rows: Sequence[Row]) -> Iterator[str]:
    chosen = [row for row in rows if row.cell.heading == "faults"]
    yield "## Faults\n"
    yield (
        "Share of ensembles in which the named test rejects at 5 %, or the claim is violated. "
        "ΔF that is too low is invisible to forward work alone.\n"
    )
    yield from table(["ensembles", "found", "words"], chosen, _found)


def _elsewhere(rows: Sequence[Row]) -> Iterator[str]:
    chosen = _chosen(rows, "others", ("measured",))
    tests = ("line through histograms", "t-test of exp(-w)", "reweighted Kolmogorov-Smirnov")
    yield "## Methods in use elsewhere, on the same kind of true ensembles\n"
    yield (
        "A weighted line through the log ratio of two histograms of 20 bins, a two-sided t-test of the "
        "exponential average against its known value, and the Kolmogorov-Smirnov distance of the reweighted "
        "forward work from the reverse. Each should reject 5 % and 1 %.\n"
    )
    yield from table(["ensembles", *tests], chosen, lambda row: _rejected(row, tests))


# ---- cells of tables


def _chosen(rows: Sequence[Row], theorem: str, kinds: tuple[str, ...]) -> list[Row]:
    return [row for row in rows if row.cell.theorem == theorem and row.cell.kind in kinds]


def _rejected(row: Row, tests: Sequence[str]) -> list[str]:
    return [rates(row, test) if test in row.tally.tests else "" for test in tests]


def _overlap(row: Row) -> str:
    return f"{row.tally.numbers['information'].mean:.3g}"


def _violated(row: Row, claim: str) -> str:
    return f"{row.tally.count(claim, 'violated') / row.tally.ensembles:.3f}"


def _covered(row: Row, name: str) -> str:
    sums = row.tally.residuals.get(name)
    return "" if sums is None else f"{sums.within / sums.n:.3f}"


def _moments(row: Row) -> list[str]:
    sums = row.tally.residuals.get("ΔF")
    return ["", ""] if sums is None or sums.n < 2 else [f"{sums.mean:+.3f}", f"{sums.variance:.3f}"]


def _found(row: Row) -> list[str]:
    shares_found = [f"{name} {found(row.tally, name) / row.tally.ensembles:.3f}" for name in row.cell.power]
    claim = {"two-sample": "crooks, ΔF known", "one-sample": "detailed"}.get(
        row.cell.theorem, "jarzynski, forward only"
    )
    return [", ".join(shares_found), shares(row, claim)]
