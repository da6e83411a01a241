"""Run the cases of this package and set theory beside statistics in one table."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from time import perf_counter
from types import MappingProxyType
from typing import Any

from fluctua.ensembles.estimate import uncertain
from fluctua.stochastic.errors import not_among
from fluctua.validation.case import FALSE_ALARM, LIMIT, Bench, Case, Row


@cache
def catalogue() -> Mapping[str, Case]:
    """Give the cases by name: every module of this package that defines ``CASE``."""
    import fluctua.validation as package

    modules = (import_module(f"{package.__name__}.{found.name}") for found in iter_modules(package.__path__))
    cases = [module.CASE for module in modules if hasattr(module, "CASE")]
    return MappingProxyType({case.name: case for case in sorted(cases, key=_place)})


def _place(case: Case) -> tuple[str, int]:
    """Give letters and number of a name, so that a12 stands after a8."""
    letters = case.name.rstrip("0123456789")
    return letters, int(case.name[len(letters) :] or 0)


@dataclass(frozen=True)
class CaseResult:
    """The rows of one case, the seed that was added to its own, and the seconds it took."""

    case: Case
    rows: tuple[Row, ...]
    seed: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing is violated and every control is caught."""
        return not any(row.failed for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Give the case and its rows as plain data."""
        return {
            "case": self.case.name,
            "title": self.case.title,
            "source": self.case.source,
            "seed": self.seed,
            "seconds": round(self.seconds, 2),
            "rows": [row.to_dict() for row in self.rows],
        }


@dataclass(frozen=True, repr=False)
class Table:
    """The results of some cases; prints as one table."""

    results: tuple[CaseResult, ...]
    fresh: bool

    def __repr__(self) -> str:
        """Write one line: how many cases, and whether all is as it should be."""
        word = "passed" if self.passed else "FAILED"
        return f"Table of {len(self.results)} validation cases: {word}"

    @property
    def passed(self) -> bool:
        """Whether no claim is violated and every control is caught."""
        return all(result.passed for result in self.results)

    def to_dict(self) -> dict[str, Any]:
        """Give the table as plain data."""
        return {
            "passed": self.passed,
            "fresh": self.fresh,
            "limit": LIMIT,
            "false_alarm": FALSE_ALARM,
            "cases": [result.to_dict() for result in self.results],
        }

    def to_json(self) -> str:
        """Give the table as JSON text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __str__(self) -> str:
        """Print a line a row under a heading a case, and the false-alarm rate below."""
        head = _columns(" ", "(? claim of the verifier, ! control)", "expected", "measured", "z", "verdict")
        lines = [line for result in self.results for line in _lines(result)]
        return "\n".join([head, "", *lines, self._last_line()])

    def _last_line(self) -> str:
        rows = [row for result in self.results for row in result.rows]
        judged = sum(row.kind != "control" for row in rows)
        failed = sum(row.failed for row in rows)
        verdict = (
            f"{failed} of {len(rows)} lines failed"
            if failed
            else f"All {len(rows)} lines are as they should be"
        )
        if not self.fresh:
            return f"{verdict}. Fixed seeds: the same numbers every time."
        return (
            f"{verdict}. Fresh seeds: each true line fails with probability {FALSE_ALARM:.0e}, "
            f"any of these {judged} with {min(1.0, judged * FALSE_ALARM):.1%} at most."
        )


def validate(
    names: Sequence[str] | None = None,
    *,
    fresh: bool = False,
    quick: bool = False,
    threads: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Table:
    """Run validation cases and compare what they measure with theory.

    Parameters
    ----------
    names
        Cases to run, by default all of them (``catalogue()`` lists them).
    fresh
        Draw new seeds. Then each true line fails with probability 6e-5.
    quick
        Fewer trajectories: minutes become seconds, and error bars are wider.
    threads
        As for ``simulate``.
    progress
        Called with a line of text before and after each case.

    Raises
    ------
    InvalidInput
        If a name is not that of a case.
    """
    say = progress or (lambda _: None)
    results = []
    for case in _chosen(names):
        say(f"{case.name}: {case.title}")
        result = _run(case, secrets.randbits(48) if fresh else 0, quick, threads)
        say(f"{case.name}: {'as it should be' if result.passed else 'FAILED'}, {result.seconds:.1f} s")
        results.append(result)
    return Table(tuple(results), fresh)


def _run(case: Case, seed: int, quick: bool, threads: int | None) -> CaseResult:
    began = perf_counter()
    rows = tuple(case.check(Bench(case.quick if quick else 1.0, seed, threads)))
    return CaseResult(case, rows, seed, perf_counter() - began)


def _chosen(names: Sequence[str] | None) -> Iterator[Case]:
    known = catalogue()
    for name in names or []:
        if name.lower() not in known:
            raise not_among(name, "validation case", known)
    return iter([known[name.lower()] for name in names] if names else known.values())


def _lines(result: CaseResult) -> Iterator[str]:
    """Format one case: its heading, then a line a row."""
    yield f"{result.case.name}  {result.case.title}  ({result.seconds:.1f} s)"
    for row in result.rows:
        cells = _number(row.expected), _measured(row), _number(row.z, "+.2f")
        yield _columns(_kind(row), row.quantity, *cells, f"{row.verdict}{_note(row)}")
    yield ""


def _columns(kind: str, quantity: str, expected: str, measured: str, z: str, verdict: str) -> str:
    return f"  {kind} {quantity:<52} {expected:>12} {measured:>16} {z:>8}  {verdict}".rstrip()


def _kind(row: Row) -> str:
    return {"value": " ", "claim": "?", "control": "!"}[row.kind]


def _note(row: Row) -> str:
    return f" ({row.note})" if row.note and row.kind != "claim" else ""


def _number(number: float | None, form: str = ".6g") -> str:
    return "" if number is None else format(number, form)


def _measured(row: Row) -> str:
    """Write a number with its standard error in brackets, ``0.6927(9)``."""
    if row.measured is None or not row.standard_error:
        return _number(row.measured)
    return uncertain(row.measured, row.standard_error)
