"""The verifier's own error rates on data like the user's: their size, their dissipation, their shape."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tqdm import tqdm

    from fluctua.validation.calibration.cells import Cell
    from fluctua.validation.calibration.faults import Fault
    from fluctua.validation.calibration.tallies import Tally
    from fluctua.validation.calibration.truths import MixturePair

    Floats = NDArray[np.float64]

_AT_ONCE = 10  # ensembles between two looks at how far it is

_NARROWEST = 1e-6  # kT: work that varies less has no slope
_WIDEST = 1e6  # kT from the lowest to the highest work: no exponential average knows anything there

MOST_VALUES = 20_000
"""Of each direction that an ensemble draws: more would take minutes, and say the same."""


@dataclass(frozen=True)
class Rates:
    """How often a claim gets each word, in ensembles of one kind.

    Attributes
    ----------
    case : str
        What is wrong with the ensembles.
    claim : str
        What is judged.
    holds, violated, undecidable : float
        Shares of the ensembles.
    wrong : str
        The word that is wrong here: ``"violated"`` for true ensembles, ``"holds"`` at the edge of the
        tolerance and beyond; empty where each word may be right.
    """

    case: str
    claim: str
    holds: float
    violated: float
    undecidable: float
    wrong: str

    @property
    def error(self) -> float | None:
        """The share of ensembles that get the wrong word."""
        return {"violated": self.violated, "holds": self.holds}.get(self.wrong)

    def to_dict(self) -> dict[str, Any]:
        """Give the rates as plain data."""
        names = ("case", "claim", "holds", "violated", "undecidable", "wrong")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, repr=False)
class Calibration:
    """The verifier's error rates on data like those given; prints as a table.

    Attributes
    ----------
    n_forward, n_reverse : int
        Trajectories in each ensemble; no reverse ones where none were given.
    ensembles : int
        How many were judged of each kind.
    free_energy, dissipation : float
        Of the mixture that was fitted, in kT.
    modes : int
        Its number of modes with a spread.
    values : int
        Its number of values with a probability of their own.
    rates : tuple of Rates
        One a kind of ensemble and claim.
    note : str
        What was done to keep it short.
    """

    n_forward: int
    n_reverse: int
    ensembles: int
    free_energy: float
    dissipation: float
    modes: int
    rates: tuple[Rates, ...]
    note: str = ""
    values: int = 0

    def __repr__(self) -> str:
        """Write one line."""
        return f"Calibration on {self.ensembles} ensembles like the data, of {self.dissipation:.3g} kT"

    def __str__(self) -> str:
        """Print what was simulated, and one line a kind of ensemble and claim."""
        sizes = f"{self.n_forward:,}" + (f" and {self.n_reverse:,}" if self.n_reverse else "")
        shapes = [f"{self.values} values"] if self.values else []
        shapes += ["one Gaussian" if self.modes == 1 else f"{self.modes} Gaussians"] if self.modes else []
        modes = " and ".join(shapes)
        head = (
            f"{self.ensembles} ensembles of {sizes} trajectories, from {modes} fitted to the data and "
            f"obeying the theorem: dissipation {self.dissipation:.3g} kT"
        )
        return "\n".join([head, *self._lines(), *([self.note] if self.note else [])])

    def _lines(self) -> Iterator[str]:
        yield f"  {'ensembles':<28}{'claim':<26}{'holds':>8}{'violated':>10}{'undecidable':>13}{'wrong':>8}"
        for row in self.rates:
            shares = f"{row.holds:>8.3f}{row.violated:>10.3f}{row.undecidable:>13.3f}"
            wrong = "" if row.error is None else f"{row.error:>8.3f}"
            yield f"  {row.case:<28}{row.claim:<26}{shares}{wrong}"

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain data."""
        names = "n_forward n_reverse ensembles free_energy dissipation modes values note"
        table = {name: getattr(self, name) for name in names.split()}
        return table | {"rates": [row.to_dict() for row in self.rates]}

    def to_json(self) -> str:
        """Give everything as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)


def calibrate(
    forward: Any = None,
    reverse: Any = None,
    *,
    like: Any = None,
    column: str | None = None,
    units: str = "kT",
    temperature: float | None = None,
    ensembles: int = 200,
) -> Calibration:
    """Measure how often the verifier errs on data of this size, dissipation and shape.

    A Gaussian mixture is fitted to the data so that it obeys Crooks' theorem, with masses at values that have
    a probability of their own. Ensembles drawn from it are
    judged as they are, with a fault as large as the tolerance, and with faults that are common.

    Parameters
    ----------
    forward, reverse : Dataset, folder, file, array or Series
        As for `verify`; the reverse one may be missing.
    like : Dataset, folder or sequence of Datasets
        The same as `forward` where one thing holds all, as a folder of two runs does.
    column, units, temperature
        As for `verify`.
    ensembles : int
        How many of each kind: 200 tell 5 % from 10 %.

    Returns
    -------
    Calibration

    Raises
    ------
    InvalidInput
        Nothing was given, too few values to know their law, or what `verify` refuses.
    """
    if (forward is None) == (like is None):
        raise InvalidInput("nothing to go by, or too much", "like", "give a run, or forward work")
    if not isinstance(ensembles, int) or ensembles < 1:
        raise InvalidInput(f"{ensembles!r} ensembles", "ensembles", "give a number from 1 on, like 200")
    samples = _samples(forward if like is None else like, reverse, column, units, temperature)
    for sample, place in zip(samples, ("forward", "reverse"), strict=False):
        _check(sample, place)
    return _calibrated(samples, ensembles)


def _check(work: Floats, place: str) -> None:
    """Refuse work from which no law can be learned."""
    if work.size < 20:
        raise InvalidInput("too few values to know their law", place, "give 20 or more in each direction")
    low, high = float(work.min()), float(work.max())
    if low == high:
        raise InvalidInput(f"{work.size:,} values, all equal to {low:g}", place, "check the column")
    if high - low < _NARROWEST:
        raise InvalidInput(f"work that is {low:.6g} kT but for {high - low:.0e}", place, "check the column")
    if not high - low < _WIDEST:
        raise InvalidInput(f"work from {low:.3g} to {high:.3g} kT", place, "check the column and its units")


def _samples(
    forward: Any, reverse: Any, column: str | None, units: str, temperature: float | None
) -> list[Floats]:
    """Return the work in kT of what was given, the forward one first."""
    from fluctua.analysis.given import (
        KnownDifference,
        check_numbers,
        check_units,
        flattened,
        is_run,
        numbers_of,
        opened,
    )
    from fluctua.analysis.ledger import Ledger

    places = ("forward", "reverse")
    both = [value for value in (forward, reverse) if value is not None]
    runs = flattened([opened(value, place, column) for value, place in zip(both, places, strict=False)])
    if all(is_run(run) for run in runs) and column is None:
        return [Ledger(run).work for run in runs]
    size = KnownDifference(None, units, temperature).size_of_kt()
    samples = [numbers_of(run, column, None, place) for run, place in zip(runs, places, strict=False)]
    for sample, place in zip(samples, places, strict=False):
        check_units(sample, units, place)
        check_numbers(sample.values, place, units, size)
    return [sample.values / size for sample in samples]


def _calibrated(samples: Sequence[Floats], ensembles: int) -> Calibration:
    from fluctua.validation.calibration.mixtures import fit_mixture

    truth = fit_mixture(*samples)
    sizes = [min(sample.size, MOST_VALUES) for sample in samples]
    cases = [*_cases(len(samples) == 2)]
    with _progress(len(cases) * ensembles) as told:
        rates = [
            row
            for name, fault in cases
            for row in _rates(name, _cell(name, truth, fault, sizes), ensembles, told)
        ]
    modes = sum(spread > 0.0 for spread in truth.spreads)
    cut = max(sample.size for sample in samples) > MOST_VALUES
    return Calibration(
        sizes[0],
        sizes[1] if len(sizes) > 1 else 0,
        ensembles,
        truth.free_energy,
        truth.dissipation,
        modes,
        tuple(rates),
        f"The data are larger: only {MOST_VALUES:,} trajectories were drawn of a direction." if cut else "",
        values=len(truth.spreads) - modes,
    )


def _progress(total: int) -> tqdm[Any]:
    """Tell how many ensembles are judged, on stderr and only where a person looks at it."""
    from tqdm import tqdm

    shown = sys.stderr.isatty()
    return tqdm(total=total, unit=" ensembles", file=sys.stderr, leave=False, disable=not shown)


def _cases(pair: bool) -> Iterator[tuple[str, Fault | None]]:
    """Name the kinds of ensembles, and their faults."""
    from fluctua.validation.calibration.faults import Fault

    yield "true", None
    if pair:
        yield "slope 1.05, the tolerance", Fault("scale", 1.0 / 1.05 - 1.0)
    yield "ΔF 0.1 too high, the same", Fault("offset", 0.1)
    yield "temperature 10 % too high", Fault("scale", 1.0 / 1.1 - 1.0)
    yield "lowest 1 % left out", Fault("trim", 0.01)
    if pair:
        yield "reverse sign turned", Fault("sign")


def _cell(name: str, truth: MixturePair, fault: Fault | None, sizes: Sequence[int]) -> Cell:
    from fluctua.validation.calibration.cells import Cell

    theorem = "two-sample" if len(sizes) == 2 else "forward only"
    return Cell(f"calibrate, {name}", theorem, replace(truth, fault=fault), sizes[0], sizes[-1])  # type: ignore[arg-type]


def _rates(name: str, cell: Cell, ensembles: int, told: tqdm[Any]) -> Iterator[Rates]:
    tally = _tally(cell, ensembles, told)
    for claim in ("crooks", "crooks, ΔF known", "jarzynski, ΔF known", "jarzynski, forward only"):
        if claim in tally.words:
            holds, violated, undecidable = (
                tally.count(claim, word) / ensembles for word in ("holds", "violated", "undecidable")
            )
            yield Rates(name, claim, holds, violated, undecidable, _wrong(name, claim))


def _tally(cell: Cell, ensembles: int, told: tqdm[Any]) -> Tally:
    from fluctua.validation.calibration.tallies import Tally

    total = Tally.of(())
    for first in range(0, ensembles, _AT_ONCE):
        count = min(_AT_ONCE, ensembles - first)
        total = total + cell.tally(first, count)
        told.update(count)
    return total


def _wrong(name: str, claim: str) -> str:
    """Say which word is wrong; a fit that is not told ΔF cannot see that the stated one is off."""
    if name == "true":
        return "violated"
    slope = name.startswith(("slope", "temperature")) and claim.startswith("crooks")
    return "holds" if slope or (name.startswith("ΔF") and claim != "crooks") else ""
