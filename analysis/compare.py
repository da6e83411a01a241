"""Two runs side by side: the difference of a mean, sharper where both met the same noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.estimate import Estimate
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Difference(Estimate):
    """The mean of one run less that of another.

    Attributes
    ----------
    paired : bool
        Whether trajectory i of both met the same noise.
    correlation : float or None
        Of the two columns, where they are paired.
    """

    paired: bool = False
    correlation: float | None = None

    def __repr__(self) -> str:
        """Write one line, with how the error was found."""
        return f"Estimate {self}, n = {self.n:,}, {self.how}"

    @property
    def how(self) -> str:
        """Say whether the error is that of a paired difference."""
        if not self.paired:
            return "unpaired: seeds or directions differ"
        shared = "" if self.correlation is None else f", correlation {self.correlation:.2f}"
        return f"paired on shared noise{shared}"


def compare(a: Dataset, b: Dataset, formula: str) -> Difference:
    r"""Estimate the mean of a formula in one run less that in another.

    Runs of one seed and one direction met the same noise, trajectory by trajectory, so that

    .. math:: \operatorname{Var}(\bar a-\bar b) = \operatorname{Var}(a_i-b_i)/n

    is smaller than the sum of their variances by the factor :math:`1-\rho` or so.

    Parameters
    ----------
    a, b : Dataset
        The runs.
    formula : str
        A formula of columns, as in `Dataset.mean`: ``"work"``, ``"heat_hot / 40"``.

    Returns
    -------
    Difference
        An Estimate of a - b that says whether it is paired. Where one run is longer, pairs are those that
        both have.

    Raises
    ------
    InvalidInput
        An unknown column, units that differ, or runs too short.
    Unstable
        Some trajectories failed.
    """
    (first, unit), (second, other) = _values(a, formula), _values(b, formula)
    if unit != other:
        raise InvalidInput(
            f"{unit} and {other} cannot be subtracted", "formula", "compare runs in the same units"
        )
    if (a.spec.seed, a.spec.direction) == (b.spec.seed, b.spec.direction):
        return _paired(first, second, unit)
    return _unpaired(first[np.isfinite(first)], second[np.isfinite(second)], unit)


def _values(run: Dataset, formula: str) -> tuple[Floats, str]:
    """Evaluate a formula for each trajectory; NaN where it does not count."""
    run.check_failures()
    parsed = run.formula(formula, "formula")
    rows = [parsed.evaluate(batch) for batch in run.batches(list(parsed.columns) or ["trajectory"])]
    return np.concatenate([np.where(counts, values, np.nan) for values, counts in rows]), parsed.unit


def _paired(first: Floats, second: Floats, unit: str) -> Difference:
    n = min(first.size, second.size)
    both = np.isfinite(first[:n]) & np.isfinite(second[:n])
    x, y = first[:n][both], second[:n][both]
    _check_size(x.size)
    difference = x - y
    spread = x.std() * y.std()
    correlation = float(np.mean((x - x.mean()) * (y - y.mean())) / spread) if spread > 0.0 else None
    error = float(difference.std(ddof=1)) / math.sqrt(x.size)
    return Difference(
        float(difference.mean()), error, int(x.size), unit, "paired difference", True, correlation
    )


def _unpaired(first: Floats, second: Floats, unit: str) -> Difference:
    _check_size(min(first.size, second.size))
    error = math.sqrt(first.var(ddof=1) / first.size + second.var(ddof=1) / second.size)
    return Difference(
        float(first.mean() - second.mean()), error, min(first.size, second.size), unit, "difference of means"
    )


def _check_size(n: int) -> None:
    if n < 2:
        raise InvalidInput(f"{n} values to compare", "formula", "take at least two trajectories in each run")
