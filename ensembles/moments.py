"""Means and variances of streams, whole and in groups, by updates that do not lose digits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fluctua.ensembles.estimate import Estimate


class Moments:
    r"""Number, mean and sum of squared deviations of a stream.

    Two sets with n, m numbers, means a, b and squares A, B join to the mean a + (b - a) m/(n + m) and the
    squares A + B + (b - a)^2 n m/(n + m) (Chan, Golub, LeVeque, Am. Stat. 37, 242, 1983).
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean = math.nan
        self.squares = 0.0

    def add(self, values: NDArray[np.float64]) -> None:
        """Add some numbers."""
        if values.size:
            with np.errstate(over="ignore", invalid="ignore"):  # of huge numbers the error is infinite
                mean = float(values.mean())
                self.join(values.size, mean, float(np.square(values - mean).sum()))

    def join(self, n: int, mean: float, squares: float) -> None:
        """Add a set whose moments are known."""
        if self.n == 0:
            self.n, self.mean, self.squares = n, mean, squares
            return
        total, apart = self.n + n, mean - self.mean
        self.mean += apart * (n / total)
        self.squares += squares + apart * apart * (self.n * (n / total))
        self.n = total

    def estimate(self, unit: str) -> Estimate:
        """Give the mean with its error."""
        return Estimate(self.mean, self.standard_error, self.n, unit)

    @property
    def standard_error(self) -> float:
        """Standard error of the mean; NaN for a single number."""
        return math.sqrt(self.squares / (self.n - 1) / self.n) if self.n > 1 else math.nan


class GroupMoments:
    """Moments over trajectories, in groups of rows.

    Rows come sorted by trajectory, in batches that may cut a trajectory in two: the last one of a batch waits
    for the next.

    Parameters
    ----------
    add_up : bool
        Whether the rows that a trajectory has in a group add up, or are averaged.
    """

    def __init__(self, add_up: bool) -> None:
        self._add_up = add_up
        self._groups: dict[tuple[Any, ...], int] = {}
        self._moments: list[Moments] = []
        self._waiting: list[NDArray[Any]] = []

    def add(
        self,
        trajectory: NDArray[np.int64],
        keys: Sequence[pa.Array],
        values: NDArray[np.float64],
        counts: NDArray[np.bool_],
    ) -> None:
        """Add a batch of rows; `counts` says which of them count."""
        if trajectory.size == 0:
            return
        rows: list[NDArray[Any]] = [trajectory, self._number_groups(keys, trajectory.size), values, counts]
        if self._waiting:
            rows = [np.concatenate(pair) for pair in zip(self._waiting, rows, strict=True)]
        cut = int(np.searchsorted(rows[0], rows[0][-1]))
        self._waiting = [row[cut:] for row in rows]
        self._take(*[row[:cut] for row in rows])

    def finish(self) -> dict[tuple[Any, ...], Moments]:
        """Give the moments by group, in the order in which groups first appeared."""
        if self._waiting:
            self._take(*self._waiting)
            self._waiting = []
        return {group: self._moments[n] for group, n in self._groups.items() if self._moments[n].n}

    def _number_groups(self, keys: Sequence[pa.Array], size: int) -> NDArray[np.int64]:
        """Give each row the number of its group."""
        code = np.zeros(size, dtype=np.int64)
        words: list[list[Any]] = []
        for key in keys:
            encoded = key.dictionary_encode()
            words.append(encoded.dictionary.to_pylist())
            code = code * len(words[-1]) + encoded.indices.to_numpy().astype(np.int64)
        present, first, inverse = np.unique(code, return_index=True, return_inverse=True)
        numbers = np.empty(present.size, dtype=np.int64)
        for place in np.argsort(first):  # groups are numbered as they appear
            numbers[place] = self._number(_unpacked(int(present[place]), words))
        return numbers[inverse]

    def _number(self, group: tuple[Any, ...]) -> int:
        if group not in self._groups:
            self._groups[group] = len(self._moments)
            self._moments.append(Moments())
        return self._groups[group]

    def _take(
        self,
        trajectory: NDArray[np.int64],
        group: NDArray[np.int64],
        values: NDArray[np.float64],
        counts: NDArray[np.bool_],
    ) -> None:
        """Add up the rows of each trajectory and group, then join their moments over trajectories."""
        if trajectory.size == 0:
            return
        row = np.cumsum(np.diff(trajectory, prepend=trajectory[0]) != 0)
        shape = (int(row[-1]) + 1, len(self._moments))
        cell = (row * shape[1] + group)[counts]
        number = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        total = np.bincount(cell, weights=values[counts], minlength=shape[0] * shape[1]).reshape(shape)
        for n in np.flatnonzero(number.any(axis=0)):
            there = number[:, n] > 0
            sums = total[there, n]
            mean_or_sum = sums if self._add_up else sums / number[there, n]
            mean = float(mean_or_sum.mean())
            self._moments[n].join(mean_or_sum.size, mean, float(np.square(mean_or_sum - mean).sum()))


def _unpacked(code: int, words: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """Read the words of a mixed-radix code."""
    group: list[Any] = []
    for choices in reversed(words):
        code, digit = divmod(code, len(choices))
        group.insert(0, choices[digit])
    return tuple(group)
