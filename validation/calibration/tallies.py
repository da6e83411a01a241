"""Counts over many ensembles, which add up: any number of processes, any order of work, the same table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

LEVELS = (0.05, 0.01)
BINS = 200  # of a distribution of p-values
WITHIN = float(special.ndtri(0.975))


@dataclass(frozen=True)
class Finding:
    """What the verifier said of one ensemble.

    Attributes
    ----------
    words : mapping of str to str
        The outcome of each claim.
    p_values : mapping of str to float
        Of each test, not adjusted.
    residuals : mapping of str to float
        Estimate less truth over standard error; left out where there is no honest error.
    numbers : mapping of str to float
        Anything that is averaged.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    p_values: Mapping[str, float] = field(default_factory=dict)
    residuals: Mapping[str, float] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PValues:
    """How p-values are distributed: how many lie below 5 % and 1 %, and in which of 200 equal bins."""

    rejected: tuple[int, ...]
    bins: tuple[int, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> PValues:
        """Count p-values."""
        p = np.fromiter(values, dtype=np.float64)
        places = np.minimum((p * BINS).astype(int), BINS - 1)
        return cls(
            tuple(int(np.count_nonzero(p < level)) for level in LEVELS),
            tuple(int(k) for k in np.bincount(places, minlength=BINS)),
        )

    def __add__(self, other: PValues) -> PValues:
        return PValues(_sum(self.rejected, other.rejected), _sum(self.bins, other.bins))

    @property
    def n(self) -> int:
        """Number of p-values."""
        return sum(self.bins)

    @property
    def distance(self) -> float:
        """Kolmogorov's distance from the uniform law, looked at on the edges of the bins."""
        return float(np.max(np.abs(self._above)))

    @property
    def excess(self) -> float:
        """The same distance on the side of p-values that are too small."""
        return float(np.max(self._above))

    @property
    def _above(self) -> NDArray[np.float64]:
        reached = np.cumsum(self.bins) / self.n
        return np.asarray(reached - np.arange(1, BINS + 1) / BINS)


@dataclass(frozen=True)
class Sums:
    """Number, sum and sum of squares, and how many lie within 1.96: means, variances, coverages."""

    n: int
    total: float
    squares: float
    within: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Sums:
        """Add up values."""
        x = np.fromiter(values, dtype=np.float64)
        return cls(x.size, float(x.sum()), float(x @ x), int(np.count_nonzero(np.abs(x) <= WITHIN)))

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.n + other.n,
            self.total + other.total,
            self.squares + other.squares,
            self.within + other.within,
        )

    @property
    def mean(self) -> float:
        """The mean."""
        return self.total / self.n

    @property
    def variance(self) -> float:
        """The variance, of the population from which the values came."""
        return (self.squares - self.n * self.mean**2) / (self.n - 1)


@dataclass(frozen=True)
class Tally:
    """What the verifier said of some ensembles of a cell.

    Attributes
    ----------
    ensembles : int
        How many.
    words : mapping
        Claim, word, count.
    tests : mapping of str to PValues
        By the name of the test.
    residuals, numbers : mapping of str to Sums
        By name.
    """

    ensembles: int
    words: Mapping[str, Mapping[str, int]]
    tests: Mapping[str, PValues]
    residuals: Mapping[str, Sums]
    numbers: Mapping[str, Sums]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Tally:
        """Count findings."""
        found = list(findings)
        words: dict[str, dict[str, int]] = {}
        for one in found:
            for claim, word in one.words.items():
                counts = words.setdefault(claim, {})
                counts[word] = counts.get(word, 0) + 1
        return cls(
            len(found),
            words,
            {name: PValues.of(p) for name, p in _columns(one.p_values for one in found).items()},
            {name: Sums.of(x) for name, x in _columns(one.residuals for one in found).items()},
            {name: Sums.of(x) for name, x in _columns(one.numbers for one in found).items()},
        )

    def __add__(self, other: Tally) -> Tally:
        words = {
            claim: _joined(self.words.get(claim, {}), other.words.get(claim, {}))
            for claim in [*self.words, *(claim for claim in other.words if claim not in self.words)]
        }
        return Tally(
            self.ensembles + other.ensembles,
            words,
            _joined(self.tests, other.tests),
            _joined(self.residuals, other.residuals),
            _joined(self.numbers, other.numbers),
        )

    def count(self, claim: str, word: str) -> int:
        """Say how often a claim got a word."""
        return self.words[claim].get(word, 0)

    def to_dict(self) -> dict[str, Any]:
        """Give the tally as plain data, from which `from_dict` makes it again."""
        return {
            "ensembles": self.ensembles,
            "words": {claim: dict(counts) for claim, counts in self.words.items()},
            "tests": {name: [list(p.rejected), list(p.bins)] for name, p in self.tests.items()},
            "residuals": {name: [s.n, s.total, s.squares, s.within] for name, s in self.residuals.items()},
            "numbers": {name: [s.n, s.total, s.squares, s.within] for name, s in self.numbers.items()},
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Tally:
        """Make a tally of plain data."""
        return cls(
            table["ensembles"],
            table["words"],
            {name: PValues(tuple(p[0]), tuple(p[1])) for name, p in table["tests"].items()},
            {name: Sums(*s) for name, s in table["residuals"].items()},
            {name: Sums(*s) for name, s in table["numbers"].items()},
        )


def _sum(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Add what both have, keep what one has."""
    joined = dict(one)
    for name, value in other.items():
        joined[name] = joined[name] + value if name in joined else value
    return joined


def _columns(rows: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns
