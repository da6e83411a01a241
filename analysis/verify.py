"""One call from numbers to verdicts: runs, pairs of runs, or anybody's arrays."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.claims import CLAIMS, TOLERANCES, Rules, Subject
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.samples import finite
from fluctua.analysis.scale import remark_on_scale
from fluctua.analysis.verdict import Report, check_alpha
from fluctua.stochastic.errors import InvalidInput, not_among, shown

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset

Floats = NDArray[np.float64]

PLACES = ("forward", "reverse")


def verify(
    forward: Any = None,
    reverse: Any = None,
    *,
    entropy: Any = None,
    column: str | None = None,
    group: str | None = None,
    units: str = "kT",
    temperature: float | None = None,
    delta_f: float | None = None,
    success: str | None = None,
    current: str | None = None,
    potential: Any = None,
    claims: str | Iterable[str] | None = None,
    tolerance: Mapping[str, float] | None = None,
    alpha: float = 0.05,
) -> Report:
    """Judge the fluctuation theorems and the laws of thermodynamics on runs, or on arrays of work.

    Parameters
    ----------
    forward, reverse : Dataset, folder, array or Series
        The process and its reverse, work as measured in each: positive where it is done on the system. A
        folder (or a sweep) that holds both may stand alone.
    entropy : Dataset, folder, array or Series
        Total entropy production of each trajectory in k_B, instead of work.
    column : str, optional
        Which column of a run or a frame to judge.
    units : str
        Unit of energies in arrays, and of `delta_f`: ``"kT"``, ``"kJ/mol"``, ``"pN nm"`` and the like; for a
        run, kT or the run's own.
    temperature : float, optional
        In kelvin; needed for arrays in any unit but kT.
    delta_f : float, optional
        The known free-energy difference of the forward process, in `units`. Left out, it is taken from a
        run's spec where the spec knows it exactly.
    claims : str or iterable of str, optional
        Which claims to judge; by default all that apply.
    tolerance : mapping of str to float, optional
        What counts as equal, where it should not be the default: ``slope`` 0.05, ``delta_f`` 0.1 (kT),
        ``integral`` 0.1, ``second-law`` 0.05 (kT).
    alpha : float
        Error rate of ``violated``, and of ``holds`` at the edge of the tolerance.
    group, success, current, potential
        Come with later versions.

    Returns
    -------
    Report

    Raises
    ------
    InvalidInput
        Nothing to judge, numbers that are none, a missing temperature, an unknown claim, runs that are not
        each other's reverse.
    Unstable
        Failed trajectories: what is left is a biased sample.
    """
    _refuse_what_comes_later(group=group, success=success, current=current, potential=potential)
    rules = Rules(check_alpha(alpha), _tolerances(tolerance))
    wanted = _claims(claims)
    known = KnownDifference(_number(delta_f, "delta_f"), units, _temperature(temperature))
    if entropy is not None:
        if forward is not None or reverse is not None:
            raise InvalidInput("work and entropy together", "entropy", "judge them in two calls")
        return _judge_entropy(entropy, column, rules, wanted)
    given = [
        _opened(value, place)
        for value, place in ((forward, "forward"), (reverse, "reverse"))
        if value is not None
    ]
    if forward is None or not given:
        raise InvalidInput("nothing to judge", "forward", "give a run, a pair of runs, or arrays of work")
    runs = _flattened(given)
    if len(runs) == 2 and all(_is_run(run) for run in runs):
        _check_partners(*runs)
    if all(_is_run(run) for run in runs) and column is None:
        return _judge_runs(runs, known, rules, wanted)
    samples = [_column(value, column, place) for value, place in zip(runs, PLACES, strict=False)]
    return _judge_work(samples, known, rules, wanted)


# ---- options -------------------------------------------------------------------------------------


def _refuse_what_comes_later(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise InvalidInput("not possible yet", name, "leave it out: it comes with a later version")


def _claims(claims: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the claims that were asked for, in the order of the table."""
    if claims is None:
        return None
    wanted = (claims,) if isinstance(claims, str) else tuple(claims)
    for claim in wanted:
        if claim not in CLAIMS:
            raise not_among(claim if isinstance(claim, str) else shown(claim), "claim", CLAIMS, "claims")
    return tuple(claim for claim in CLAIMS if claim in wanted)


def _tolerances(given: Mapping[str, float] | None) -> dict[str, float]:
    if not isinstance(given, Mapping | None):
        raise InvalidInput(f"{shown(given)} names no tolerance", "tolerance", 'write {"slope": 0.02}')
    for name, value in (given or {}).items():
        if name not in TOLERANCES:
            raise not_among(
                name if isinstance(name, str) else shown(name), "tolerance", TOLERANCES, "tolerance"
            )
        if _number(value, f"tolerance.{name}") <= 0.0:  # type: ignore[operator]
            raise InvalidInput(
                f"{shown(value)} is no tolerance", f"tolerance.{name}", "give a number above 0"
            )
    return {**TOLERANCES, **(given or {})}


def _number(value: object, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise InvalidInput(f"{shown(value)} is no finite number", where)
    return float(value)


def _temperature(value: object) -> float | None:
    temperature = _number(value, "temperature")
    if temperature is not None and temperature <= 0.0:
        raise InvalidInput(f"{shown(value)} is no temperature", "temperature", "give kelvin, above 0")
    return temperature


@dataclass(frozen=True)
class KnownDifference:
    """A free-energy difference that was given, or not, in a unit of energy."""

    value: float | None
    units: str
    temperature: float | None

    def size_of_kt(self) -> float:
        """Return one kT in `units`.

        Raises
        ------
        InvalidInput
            The temperature is missing, or the unit is none of energy.
        """
        from fluctua.stochastic.units import Units

        if self.units == "kT":
            return 1.0
        if self.temperature is None:
            raise InvalidInput("no temperature", "units", "add temperature=298")
        try:
            return Units(energy=self.units, temperature="K").boltzmann * self.temperature
        except InvalidInput as error:
            raise InvalidInput(error.what, "units", error.remedy) from None

    def of_run(self, ledger: Ledger) -> float | None:
        """Return the value in kT of a run, which has units and a temperature of its own."""
        own = ledger.spec.units.label("energy")
        if self.temperature is not None:
            raise InvalidInput("the run has its own temperature", "temperature", "leave it out")
        if self.units not in ("kT", own):
            raise InvalidInput(
                f"the run's energies are in {own}", "units", f"give delta_f in kT, or units={own!r}"
            )
        if self.value is None or self.units == "kT":
            return self.value
        if ledger.beta is None:
            raise InvalidInput(
                "the temperature varies", "units", "give delta_f as the dimensionless -ln(Z_end/Z_start)"
            )
        return self.value * ledger.beta


# ---- what was given ------------------------------------------------------------------------------


def _opened(value: Any, place: str) -> Any:
    """Open a folder; leave everything else as it is."""
    from fluctua.ensembles.dataset import open as open_folder

    if not isinstance(value, str | Path):
        return value
    if Path(value).is_file():
        raise InvalidInput(
            "files of others cannot be read yet",
            f"{place}, {value}",
            "read it with pandas and give the column",
        )
    return open_folder(value)


def _is_run(value: Any) -> TypeGuard[Dataset]:
    from fluctua.ensembles.dataset import Dataset

    return isinstance(value, Dataset)


def _flattened(given: Sequence[Any]) -> list[Any]:
    """Put the runs of a pair that stands alone beside each other, the forward one first."""
    if len(given) != 1 or not _is_list_of_runs(given[0]):
        return list(given)
    runs = sorted(given[0], key=lambda run: run.spec.direction)
    if len(runs) != 2:
        remedy = "give one of them, or a run and its reverse"
        raise InvalidInput(f"{len(runs)} runs, neither one nor a pair", "forward", remedy)
    return runs


def _is_list_of_runs(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 0
        and all(map(_is_run, value))
    )


def _column(value: Any, column: str | None, place: str) -> Floats:
    """Return a flat array of finite numbers from an array, a Series, or a column of a run or a frame."""
    if column is None:
        if _is_run(value):
            raise InvalidInput("a run where numbers are needed", place, "give all as runs, or name a column")
        return finite(value, place)
    if not hasattr(value, "columns"):
        raise InvalidInput(f"no columns, so no {column!r}", place, "leave column out")
    names = [getattr(name, "name", name) for name in value.columns]
    if column not in names:
        raise not_among(column, "column", names, place)
    if _is_run(value):
        value.check_failures()
        _check_unit(value, column, place)
    return finite(value[column], place)


def _check_unit(run: Dataset, column: str, place: str) -> None:
    """Refuse a run's column in units of energy: nothing would say how large kT is."""
    unit = next(known.unit for known in run.columns if known.name == column)
    if unit not in ("", "1", "k_B"):
        raise InvalidInput(
            f"{column} is in {unit}", place, "leave column out: a run's work is judged in its own kT"
        )


def _check_numbers(values: Floats, place: str) -> None:
    """Refuse samples that have no law: one value, or one value many times."""
    if values.size == 1:
        raise InvalidInput("one value", place, "a law takes many")
    if values.size > 2 and bool(np.all(values == values[0])):
        raise InvalidInput(f"{values.size:,} values, all equal to {values[0]:g}", place, "check the column")


# ---- judging -------------------------------------------------------------------------------------


def _judge_work(
    samples: list[Floats], known: KnownDifference, rules: Rules, wanted: tuple[str, ...] | None
) -> Report:
    size = known.size_of_kt()
    for values, place in zip(samples, PLACES, strict=False):
        _check_numbers(values, place)
    subject = Subject(
        rules,
        work=samples[0] / size,
        reverse=samples[1] / size if len(samples) > 1 else None,
        delta_f=None if known.value is None else known.value / size,
        given=known.value is not None,
    )
    usual = ("crooks", "jarzynski", "second-law") if len(samples) > 1 else ("jarzynski", "second-law")
    conversion = None if known.units == "kT" else (size, known.units)
    return subject.report(
        wanted or usual, f"{_counts([values.size for values in samples])}, in kT", conversion
    )


def _judge_entropy(entropy: Any, column: str | None, rules: Rules, wanted: tuple[str, ...] | None) -> Report:
    values = _column(_opened(entropy, "entropy"), column, "entropy")
    _check_numbers(values, "entropy")
    title = f"entropy production ({values.size:,}), in k_B"
    return Subject(rules, entropy=values).report(
        wanted or ("second-law", "integral", "detailed"), title, None
    )


def _judge_runs(
    runs: list[Dataset], known: KnownDifference, rules: Rules, wanted: tuple[str, ...] | None
) -> Report:
    ledgers = tuple(Ledger(run) for run in runs)
    remark = remark_on_scale(runs[0])
    if remark:
        warnings.warn(remark, stacklevel=3)
    first, second = ledgers[0], ledgers[1] if len(ledgers) > 1 else None
    given, missing = known.of_run(first), first.no_equilibrium
    subject = Subject(
        rules,
        work=None if missing else first.work,
        reverse=None if missing or second is None else second.work,
        exact=None if missing else first.exact_work,
        exact_reverse=None if missing or second is None else second.exact_work,
        missing=missing,
        delta_f=first.delta_f() if given is None else given,
        given=given is not None,
        ledgers=ledgers,
        assumptions=first.assumptions,
    )
    return subject.report(wanted or _usual(first, second), _title(ledgers), _conversion(first))


def _check_partners(forward: Dataset, reverse: Dataset) -> None:
    """Refuse two runs that are not one process both ways; a run and itself share their noise."""
    partner = forward.spec.initial.reversible and forward.spec.reversed().digest == reverse.spec.digest
    if not partner:
        places = ", ".join(Ledger.place_of(run) for run in (forward, reverse))
        raise InvalidInput("not each other's reverse", places, "make the second with spec.reversed()")


def _usual(first: Ledger, second: Ledger | None) -> tuple[str, ...]:
    """Return the claims that apply to a run or a pair."""
    pair = ("crooks",) if second is not None else ()
    if not first.no_equilibrium:
        return ("first-law", *pair, "jarzynski", "second-law", "tur")
    if first.lacks_entropy:
        return ("first-law", *pair, "second-law", "tur")
    one_sample = ("integral", "detailed") if first.stationary else ("integral",)
    return ("first-law", *pair, "second-law", *one_sample, "tur")


def _conversion(ledger: Ledger) -> tuple[float, str] | None:
    own = ledger.spec.units.energy
    return None if own is None or ledger.beta is None else (1.0 / ledger.beta, own)


def _title(ledgers: Sequence[Ledger]) -> str:
    """Name the folder and the numbers."""
    paths = [ledger.run.path for ledger in ledgers]
    counts = _counts([ledger.n for ledger in ledgers], [ledger.spec.direction for ledger in ledgers])
    if any(path is None for path in paths):
        return f"{counts}, in kT"
    folder = os.path.commonpath([str(path) for path in paths])
    return f"{folder}: {counts}, in kT" if folder else f"{counts}, in kT"


def _counts(sizes: Sequence[int], directions: Sequence[str] = PLACES) -> str:
    return " against ".join(
        f"{direction} ({size:,})" for direction, size in zip(directions, sizes, strict=False)
    )
