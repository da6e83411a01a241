"""What a validation case is made of: rows that set a measured number beside the number that theory gives.

A case is one file of this package that defines ``CASE``. Its ``check`` simulates specs on the bench it is
given and yields rows. A row is a *value* (a number with an exact reference), a *claim* (a verdict of the
verifier on a true theorem) or a *control* (a false statement that must be found false).
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.verdict import Report, Verdict
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec

Floats = NDArray[np.float64]

LIMIT = 4.0
"""A value differs from its reference when it is this many standard errors away."""

FALSE_ALARM = 6.3e-5
"""Chance that a true value is called violated (two-sided 4 sigma); also the error rate of the claims."""

LARGEST_SHARE = 0.05
"""Share of one trajectory in ``sum y^2`` from which on an exponential average has no usable error bar."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a quantity, what it should be, what it is, and the word for it.

    ``verdict`` is ``agrees``, ``violated`` or ``undecidable`` for a value, the verifier's word for a claim,
    ``caught`` or ``missed`` for a control.
    """

    quantity: str
    kind: Literal["value", "claim", "control"]
    verdict: str
    expected: float | None = None
    measured: float | None = None
    standard_error: float | None = None
    z: float | None = None
    note: str = ""

    @property
    def failed(self) -> bool:
        """Whether a claim or value is violated, or a control is missed."""
        return self.verdict in ("violated", "missed")

    def to_dict(self) -> dict[str, Any]:
        """Give the row as plain data; what was not measured, or is not finite, is ``None``."""
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Bench:
    """Where a case runs: how large, on which seeds, on how many threads.

    Parameters
    ----------
    scale
        Factor on the number of trajectories of every spec.
    seed
        Added to the seed of every spec; 0 keeps the seeds written in the case.
    threads
        As for ``simulate``.
    """

    scale: float = 1.0
    seed: int = 0
    threads: int | None = None

    def simulate(self, spec: EnsembleSpec) -> Dataset:
        """Run ``spec`` in memory at the size and on the seed of this bench."""
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # long steps and strong baths are what cases are about
            return simulate(self.fitted(spec), threads=self.threads)

    def pair(self, spec: EnsembleSpec) -> tuple[Dataset, Dataset]:
        """Run ``spec`` and its reverse."""
        return self.simulate(spec), self.simulate(spec.reversed())

    def fitted(self, spec: EnsembleSpec) -> EnsembleSpec:
        """Give ``spec`` at the size and on the seed of this bench."""
        trajectories = max(1, round(self.scale * spec.trajectories))
        seed = ((spec.seed or 0) + self.seed) % 2**63
        paths = min(spec.paths, trajectories)
        return spec.replace({"trajectories": trajectories, "seed": seed, "paths": paths})


@dataclass(frozen=True)
class Case:
    """A system whose answer is known.

    Parameters
    ----------
    name
        Short name, as typed after ``fluctua validate``.
    title
        The system in a few words.
    source
        Authors, year, equation.
    check
        Simulates on a bench and yields the rows.
    quick
        Factor on the number of trajectories in a quick run.
    """

    name: str
    title: str
    source: str
    check: Callable[[Bench], Iterable[Row]]
    quick: float = 0.1


def value(quantity: str, measured: float, standard_error: float, expected: float, note: str = "") -> Row:
    """Set a measured number beside its exact one: ``agrees`` within 4 standard errors."""
    z = _score(measured, expected, standard_error)
    return Row(
        quantity,
        "value",
        "agrees" if abs(z) < LIMIT else "violated",
        expected,
        measured,
        standard_error,
        z,
        note,
    )


def mean(quantity: str, samples: ArrayLike, expected: float) -> Row:
    """Set the mean of independent samples, shape ``(N,)``, beside its exact value."""
    return value(quantity, *_mean(samples), expected)


def variance(quantity: str, samples: ArrayLike, expected: float) -> Row:
    """Set the variance of independent samples, shape ``(N,)``, beside its exact value.

    Its standard error is ``sqrt((m4 - m2^2)/N)`` with the sample's own central moments.
    """
    x = np.asarray(samples, dtype=float)
    squares = (x - x.mean()) ** 2
    return value(quantity, *_mean(squares), expected)


def quotient(quantity: str, numerator: ArrayLike, denominator: ArrayLike, expected: float) -> Row:
    """Set ``<a>/<b>`` of paired samples beside its exact value; error by the delta method."""
    a, b = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    ratio = float(a.mean() / b.mean())
    _, error = _mean((a - ratio * b) / b.mean())
    return value(quantity, ratio, error, expected)


def exponential(quantity: str, exponents: ArrayLike, expected: float) -> Row:
    """Set ``<exp(-x)>`` beside its exact value; ``undecidable`` when a few trajectories carry the average.

    With ``y = exp(-x)`` it is refused when ``max y^2 / sum y^2 >= 0.05``: then the standard error is no
    error bar.
    """
    y = np.exp(-np.asarray(exponents, dtype=float))
    row = mean(quantity, y, expected)
    share = float(np.max(y) ** 2 / np.sum(y**2))
    if share < LARGEST_SHARE:
        return row
    note = f"one trajectory is {share:.0%} of the squares: no error bar"
    return Row(quantity, "value", "undecidable", expected, row.measured, note=note)


def distribution(quantity: str, samples: ArrayLike, cumulative: Callable[[Floats], Floats]) -> Row:
    """Set independent samples, shape ``(N,)``, beside their law, by the test of Kolmogorov and Smirnov.

    Measured is the largest distance of the two distributions; ``z`` is the normal one of the same p-value.
    """
    from scipy.stats import kstest, norm

    distance, p_value = kstest(np.asarray(samples, dtype=float), cumulative)  # type: ignore[arg-type]
    verdict = "agrees" if p_value > FALSE_ALARM else "violated"
    z, note = float(norm.isf(0.5 * p_value)), f"largest distance, p = {p_value:.2g}"
    return Row(quantity, "value", verdict, 0.0, float(distance), z=z, note=note)


def by_stroke(run: Dataset, column: str) -> Floats:
    """Give a column of the strokes, shape ``(strokes, N)``, in the order of the protocol."""
    return np.asarray(run.strokes[column].reshape(len(run), -1).T)


def claims(report: Report, of: str = "") -> Iterator[Row]:
    """Turn the verifier's verdicts on true theorems into rows; what is not applicable is left out."""
    for verdict in report:
        if verdict.outcome != "not applicable":
            yield claim(verdict, of)


def claim(verdict: Verdict, of: str = "") -> Row:
    """Turn one verdict on a true theorem into a row."""
    return Row(_named(verdict.claim, of), "claim", verdict.outcome, **_numbers(verdict), note=verdict.reason)


def must_be_violated(verdict: Verdict, of: str) -> Row:
    """Turn a verdict on a false theorem into a row: ``caught`` when it says ``violated``."""
    word = "caught" if verdict.outcome == "violated" else "missed"
    return Row(
        _named(verdict.claim, of), "control", word, **_numbers(verdict), note=f"verdict {verdict.outcome}"
    )


def must_not_hold(verdict: Verdict, of: str) -> Row:
    """Turn a verdict on a theorem that is false, but not disproved by a sample, into a row: it must not hold.

    An exponential average that is too low may always be mended by trajectories too rare to be seen.
    """
    word = "missed" if verdict.outcome in ("holds", "not applicable") else "caught"
    return Row(
        _named(verdict.claim, of), "control", word, **_numbers(verdict), note=f"verdict {verdict.outcome}"
    )


def must_differ(quantity: str, samples: ArrayLike, from_: float) -> Row:
    """Check that the mean of a wrong observable is 4 standard errors away from the right one's value."""
    measured, error = _mean(samples)
    z = _score(measured, from_, error)
    return Row(quantity, "control", "caught" if abs(z) >= LIMIT else "missed", from_, measured, error, z)


def must_disagree(row: Row) -> Row:
    """Check that a value was set beside a wrong reference: ``caught`` when it is violated."""
    word = "caught" if row.verdict == "violated" else "missed"
    return Row(row.quantity, "control", word, row.expected, row.measured, row.standard_error, row.z, row.note)


def must_not_apply(verdict: Verdict, because: str, of: str = "") -> Row:
    """Check that the verifier declines to judge, for a reason that it names."""
    word = "caught" if verdict.outcome == "not applicable" and because in verdict.reason else "missed"
    return Row(_named(verdict.claim, of), "control", word, note=verdict.reason)


def must_be_remarked(spec: EnsembleSpec, about: str, number: str, of: str) -> Row:
    """Check that a run of `spec` remarks on something, and names the number."""
    said = [remark for remark in remarks(spec) if remark.startswith(about)]
    word = "caught" if any(number in remark for remark in said) else "missed"
    return Row(f"remark, {of}", "control", word, note=said[0] if said else "nothing was said")


def remarks(spec: EnsembleSpec) -> tuple[str, ...]:
    """Give what a run of `spec` would remark on."""
    return propagator_of(spec).remarks


def must_be_refused(row: Row) -> Row:
    """Check that an average without a usable error bar was refused."""
    word = "caught" if row.verdict == "undecidable" else "missed"
    return Row(row.quantity, "control", word, row.expected, row.measured, row.standard_error, row.z, row.note)


def _mean(samples: ArrayLike) -> tuple[float, float]:
    x = np.asarray(samples, dtype=float)
    return float(x.mean()), float(x.std(ddof=1) / np.sqrt(x.size))


def _score(measured: float, expected: float, error: float) -> float:
    """Give z; without any scatter, equal is 0 and different is infinite."""
    if error == 0.0:
        return 0.0 if measured == expected else float("inf")
    return (measured - expected) / error


def _named(claim: str, of: str) -> str:
    return f"{claim}, {of}" if of else claim


def _numbers(verdict: Verdict) -> dict[str, float | None]:
    """Give what was measured, what it should be, and z where it should be equal and has an error."""
    estimate, error = verdict.estimate, verdict.standard_error
    numbers = {"measured": estimate, "standard_error": error}
    part = next((part for part in verdict.parts if part.estimate == estimate), None)
    if estimate is None or part is None:
        return numbers
    z = None if part.bound or not error else (estimate - part.expected) / error
    return {**numbers, "expected": part.expected, "z": z}
