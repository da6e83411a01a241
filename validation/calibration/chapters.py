"""Chapters of the page: faults read otherwise, words, other claims, dependence, intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fluctua.validation.calibration import bands
from fluctua.validation.calibration.attainable import attainable
from fluctua.validation.calibration.bench import Row
from fluctua.validation.calibration.checks import ENSEMBLES_OF_REFERENCE, found
from fluctua.validation.calibration.dependent import NAIVE
from fluctua.validation.calibration.further import COVERAGE, DEPENDENT, OTHER
from fluctua.validation.calibration.intervals import METHODS
from fluctua.validation.calibration.table import SPOKEN, rates, shares, table
from fluctua.validation.calibration.truths import PairTruth


def other_readings(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what falls short of a prototype, with the most that any test could find."""
    chosen = [row for row in rows if row.cell.note]
    if not chosen:
        return
    yield "## Faults that are found less often than was expected\n"
    yield (
        "A prototype of these tests found the shares in its column, for faults described in the same words: "
        "*trim*, the lowest 1 % (or 5 %) of the forward work dropped, and *clamp*, both directions cut at "
        "2.5 standard deviations, read as moved to there. Where ours fall short by more than chance the "
        "table says so. What can be found at all follows from the information that the shifted labels carry: "
        "by polynomials up to the cubic, which the smooth test has, and by a test that were told the fault "
        "beforehand and asked for nothing else (noncentral chi-square with three degrees of freedom and with "
        "one; for small samples, which hold few of the changed values, these are rather too high). With the "
        "other reading, dropped in both directions, its shares are reached: see the table before. "
        "A clamped value is a value many times over, which a test that looks for it sees at once, and a "
        "smooth one does not; the report names repeated values.\n"
    )
    yield from table(["ensembles", "slope or smooth", "prototype", "cubic", "told", ""], chosen, _short)


def _short(row: Row) -> list[str]:
    truth, n = row.cell.truth, row.cell.n
    assert isinstance(truth, PairTruth)
    most, ((name, note),) = attainable(truth, n), row.cell.note.items()
    count = found(row.tally, name)
    band = bands.power(name, count, row.tally.ensembles, note, ENSEMBLES_OF_REFERENCE)
    share = count / row.tally.ensembles
    mark = "" if band.inside else "short of the prototype"
    return [f"{share:.3f}", f"{note:.2f}", f"{most.smooth:.2f}", f"{most.told:.2f}", mark]


def words(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the three words beside those that were measured before the verifier was written."""
    chosen = [row for row in rows if row.cell.words]
    if not chosen:
        return
    yield "## Words, beside a prototype's\n"
    yield (
        "Shares of `holds`, `violated` and `undecidable` for Crooks' theorem with known ΔF, and those of a "
        "prototype with the same rule. Slope 1.05 and ΔF +0.1 lie at the edge of the tolerance: there our "
        "rule shows a deviation to be within it one time in twenty, and calls nothing violated then.\n"
    )

    def told(row: Row) -> list[str]:
        ((claim, known),) = row.cell.words.items()
        return [shares(row, claim), "/".join(f"{share:.2f}" for share in known)]

    yield from table(["ensembles", "ours", "prototype"], chosen, told)


def other_claims(rows: Sequence[Row]) -> Iterator[str]:
    """Yield bounds, integral theorems, several protocols and tests that watch."""
    chosen = [row for row in rows if row.cell.heading == OTHER]
    if not chosen:
        return
    yield "## Bounds, integral theorems, several protocols, watching\n"
    yield (
        "The uncertainty relation is judged where Gaussian currents saturate it, and on a walk that stays "
        "above it: there a wrong entropy goes unseen, and `holds` proves little. Hatano and Sasa's "
        "relation: a particle driven around in a trap that is stiffened. Several protocols: one ΔF, not "
        "known. Watching: bets looked at after each trajectory, `violated` once they reached 20; the same "
        "score test looked at 20 times with no such care is in the last column.\n"
    )

    def told(row: Row) -> list[str]:
        tests = ", ".join(f"{name} {rates(row, name)}" for name in row.tally.tests)
        said = "; ".join(f"{claim} {shares(row, claim)}" for claim in row.tally.words)
        naive = row.tally.numbers.get("score test looked at 20 times")
        return [tests, said, "" if naive is None else f"{naive.mean:.3f}"]

    yield from table(["", "tests", "words", "looked at 20 times"], chosen, told, whole=True)


def dependent(rows: Sequence[Row]) -> Iterator[str]:
    """Yield correlated neighbours and groups, with what independence would have said."""
    chosen = [row for row in rows if row.cell.heading == DEPENDENT]
    if not chosen:
        return
    names = ("slope", "ΔF", "shape")
    yield "## Trajectories that depend on each other\n"
    yield (
        "Gaussian work through `fluctua.verify`, in its order or with its groups, nothing wrong. "
        "Neighbours: work of 3 kT with that correlation of consecutive trajectories. Groups: molecules, "
        "each with a ΔF of its own, that share of the variance of work between them; each obeys the "
        "theorem. Groups of one direction: forward work of some molecules, reverse work of others, all "
        "alike. Signs: entropy production of molecules that dissipate differently, by the detailed theorem; "
        "its shape is count and cusum of the signs. *Naive*: rejected at 5 % by the errors for independent "
        "trajectories, as other tools have them.\n"
    )

    def told(row: Row) -> list[str]:
        numbers = row.tally.numbers
        ours = [rates(row, name) if name in row.tally.tests else "" for name in names]
        claim = SPOKEN[row.cell.theorem]
        beside = [numbers.get(f"{name}{NAIVE}") for name in (*names, claim)]
        naive = ["" if each is None else f"{each.mean:.3f}" for each in beside]
        return [*ours, shares(row, claim), f"{numbers['too correlated'].mean:.2f}", *naive]

    head = ["", *names, "words", "too correlated", *(f"naive {name}" for name in (*names, "violated"))]
    yield from table(head, chosen, told, whole=True)


def intervals(rows: Sequence[Row]) -> Iterator[str]:
    """Yield how often the interval of each method holds the truth, and how often there is one."""
    chosen = [row for row in rows if row.cell.theorem == "intervals"]
    if not chosen:
        return
    yield "## Free energies by method\n"
    yield (
        "How often the nominal 95 % interval holds ΔF, among those that are given; in brackets the share "
        "of ensembles that get one, as a method refuses where its interval would mean nothing; then what "
        "the same method covers where it never refuses (measured on 300 ensembles before). BAR is held to "
        "its band.\n"
    )

    def told(row: Row) -> list[str]:
        _, known = COVERAGE[row.cell.name.split(", ")[1]]
        return [_covered(row, method, before) for method, before in zip(METHODS, known, strict=True)]

    yield from table(["ensembles", *METHODS], chosen, told)


def _covered(row: Row, method: str, before: float) -> str:
    numbers = row.tally.numbers
    given = numbers.get(f"{method}, given")
    if given is None:
        return ""
    covered = numbers.get(f"{method}, covered")
    ours = "none" if covered is None else f"{covered.mean:.3f} ({given.mean:.2f})"
    return f"{ours}; {before:.3f}"
