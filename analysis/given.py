"""What is given to be judged: folders and files opened, pairs in order, columns as numbers, ΔF in kT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.ledger import Ledger
from fluctua.analysis.reading import Numbers, read_column
from fluctua.analysis.samples import stretches, surveyed
from fluctua.analysis.scale import check_scale
from fluctua.analysis.table_columns import Column, guess_column, nearest_unit, unit_of
from fluctua.stochastic.errors import InvalidInput, not_among, shown

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

PLACES = ("forward", "reverse")
#: Endings that no run's folder has: what is called so and is not there was meant as a file.
SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".xvg", ".gz", ".parquet", ".pq")


_NO_LABEL = ("", "nan", "None", "<NA>", "NaT")  # what is missing is called so


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
        if self.units == "kT":
            return 1.0
        boltzmann = _joules(self.units)
        if boltzmann is None:
            offer = "units are kT, J, kJ/mol, kcal/mol, eV, pN nm, and their like"
            raise InvalidInput(
                f"{shown(self.units)} is no unit of energy", "units", offer + nearest_unit(self.units)
            )
        if self.temperature is None:
            raise InvalidInput("no temperature", "units", "add temperature=298")
        return boltzmann * self.temperature

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


def is_file(value: Any) -> bool:
    """Tell a file of numbers from a run's folder: by what is there, or else by the name."""
    if not isinstance(value, str | Path):
        return False
    try:
        return (Path(value).exists() and not Path(value).is_dir()) or _named_as_file(Path(value))
    except (OSError, ValueError):  # a name that no file can have
        return True


def _named_as_file(path: Path) -> bool:
    return not path.exists() and path.suffix.lower() in SUFFIXES


def opened(value: Any, place: str, column: str | None = None, group: Any = None, kind: str = "work") -> Any:
    """Open a folder, read a column of a file; leave everything else as it is."""
    from fluctua.ensembles.runs import open as open_folder

    if is_file(value):
        return read_column(value, column, group if _is_name(group) else None, place, kind)
    return open_folder(value) if isinstance(value, str | Path) else value


def is_run(value: Any) -> TypeGuard[Dataset]:
    """Say whether it is a run."""
    from fluctua.ensembles.dataset import Dataset

    return isinstance(value, Dataset)


def flattened(given: Sequence[Any]) -> list[Any]:
    """Put the runs of a pair that stands alone beside each other, the forward one first."""
    if len(given) != 1 or not is_list_of_runs(given[0]):
        return list(given)
    runs = sorted(given[0], key=lambda run: run.spec.direction)
    if len(runs) != 2:
        remedy = "give one of them, or a run and its reverse"
        raise InvalidInput(f"{len(runs)} runs, neither one nor a pair", "forward", remedy)
    return runs


def is_list_of_runs(value: Any) -> bool:
    """Say whether it is several runs, a sweep for example."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 0
        and all(map(is_run, value))
    )


def check_partners(forward: Dataset, reverse: Dataset) -> None:
    """Refuse two runs that are not one process both ways; a run and itself share their noise."""
    partner = forward.spec.initial.reversible and forward.spec.reversed().digest == reverse.spec.digest
    if not partner:
        places = ", ".join(Ledger.place_of(run) for run in (forward, reverse))
        raise InvalidInput("not each other's reverse", places, "make the second with spec.reversed()")


def numbers_of(value: Any, column: str | None, group: Any, place: str, kind: str = "work") -> Numbers:
    """Return finite numbers: of a file that was read, an array, a Series, a column of a run or a frame.

    Parameters
    ----------
    group : str or array_like, optional
        The column of groups, or the labels themselves, one a value.
    kind : str
        ``"work"`` or ``"entropy"``: what the column of a frame is called where none is named.
    """
    if isinstance(value, Numbers):
        surveyed(value.values, place, infinite=kind == "entropy")
        return value if group is None or _is_name(group) else _grouped(value, group)
    if column is None and is_run(value):
        raise InvalidInput("a run where numbers are needed", place, "give all as runs, or name a column")
    notes: tuple[str, ...] = ()
    if column is None and hasattr(value, "columns"):
        column, note = _guessed(value, group, kind, place)
        notes = (note,)
    given = value if column is None else _named(value, column, place)
    _check_kind(given, place)
    unit = None if column is None or is_run(value) else unit_of(str(column))
    values = surveyed(given, place, infinite=kind == "entropy")[0]
    found = Numbers(values, "" if column is None else str(column), unit=unit, notes=notes)
    if group is None:
        return found
    return _grouped(found, _named(value, group, place) if _is_name(group) else group)


def _check_kind(value: Any, place: str) -> None:
    """Refuse truth values: they count as 0 and 1, which nobody means by work."""
    first = np.asarray(value[:1]) if isinstance(value, list | tuple) else value
    if getattr(getattr(first, "dtype", None), "kind", "") == "b":
        raise InvalidInput("truth values, no numbers", place, "name the column of work")


def _guessed(frame: Any, group: Any, kind: str, place: str) -> tuple[Any, str]:
    """Return the name of the column of a frame that is meant, and why."""
    names = _names(frame)
    if not names:
        raise InvalidInput("a frame without columns", place)
    columns = [_as_column(frame, name) for name in names]
    taken = names.index(group) if _is_name(group) and group in names else None
    index, why = guess_column(columns, kind, taken, place)
    return names[index], why


def _as_column(frame: Any, name: Any) -> Column:
    first = np.asarray(frame[name])[:50]
    numeric = first.ndim == 1 and first.dtype.kind in "iuf"
    return Column(str(name), numeric, tuple(first.astype(np.float64)) if numeric else ())


def _names(table: Any) -> list[Any]:
    """Return the names of the columns of a run or a frame."""
    listed = getattr(table, "column_names", None) or table.columns
    return [getattr(name, "name", name) for name in listed]


def _is_name(group: Any) -> bool:
    return isinstance(group, str | int) and not isinstance(group, bool)


def groups_of(group: Any, number: int) -> list[Any]:
    """Return for each sample the name of its column of groups, or its own labels.

    Parameters
    ----------
    group : str, array_like or sequence of array_like, optional
        A column's name; or labels: one array for one sample, as many arrays as there are samples for several.
    number : int
        Of samples.
    """
    if group is None or _is_name(group):
        return [group] * number
    if not hasattr(group, "__len__") or isinstance(group, bytes | Mapping):
        raise InvalidInput(f"{shown(group)} names no groups", "group", "give a column's name, or labels")
    several = isinstance(group, list | tuple) and len(group) == number and all(map(_is_list, group))
    if several:
        return list(group)
    if number == 1:
        return [group]
    remedy = "give one array of labels for each, such as group=(g_forward, g_reverse)"
    raise InvalidInput(f"labels of one sample beside {number} samples", "group", remedy)


def _is_list(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str | bytes)


def _grouped(numbers: Numbers, labels: Any) -> Numbers:
    """Put labels beside numbers."""
    array = np.asarray(labels)
    if array.ndim != 1 or array.size != numbers.values.size:
        what = f"{array.size:,} labels for {numbers.values.size:,} values"
        raise InvalidInput(
            what if array.ndim == 1 else f"labels of {array.ndim} dimensions",
            "group",
            "give one for each value",
        )
    if array.dtype.kind == "f" and bool(np.all(array == np.floor(array))):
        array = array.astype(np.int64)  # so that 1.0 in one direction is 1 in the other
    names, codes = np.unique(array.astype(str), return_inverse=True)
    nameless = np.flatnonzero(np.isin(names, _NO_LABEL))
    if nameless.size:
        count = int(np.count_nonzero(np.isin(codes, nameless)))
        raise InvalidInput(f"{count:,} of {array.size:,} values have no group", "group", "name one for each")
    return replace(numbers, groups=codes.astype(np.int32), group_names=tuple(map(str, names)))


def _named(value: Any, column: Any, place: str) -> Any:
    """Return a column of a run or a frame."""
    if not hasattr(value, "columns"):
        raise InvalidInput(f"no columns, so no {column!r}", place, "give a frame or a file that has it")
    names = _names(value)
    if column not in names:
        written = [str(name) for name in names]
        if str(column) not in written:
            raise not_among(str(column), "column", written, place)
        column = names[written.index(str(column))]
    if names.count(column) > 1:
        raise InvalidInput(f"several columns are called {shown(column)}", place, "rename one of them")
    if is_run(value):
        value.check_failures()
        _check_unit(value, column, place)
    return value[column]


def joint_groups(samples: Sequence[Numbers]) -> tuple[Codes, ...]:
    """Give each group a number, the same in all samples: a name means the same group in both directions.

    Returns
    -------
    tuple of ndarray
        One a sample; none where no groups were named.
    """
    known: dict[str, int] = {}
    found = []
    for sample in samples:
        if sample.groups is None:
            return ()
        table = np.array([known.setdefault(name, len(known)) for name in sample.group_names], np.intp)
        found.append(table[sample.groups])
    return tuple(found)


def notes_of(samples: Sequence[Numbers], given: Sequence[Any], places: Sequence[str]) -> tuple[str, ...]:
    """Return what was guessed in files and frames, each with the file's name."""
    return tuple(
        f"{place}, {value}: {note}" if isinstance(value, str | Path) else f"{place}: {note}"
        for sample, value, place in zip(samples, given, places, strict=False)
        for note in sample.notes
    )


def check_units(sample: Numbers, units: str, place: str) -> None:
    """Refuse a column that says itself to be in another unit than was named.

    Raises
    ------
    InvalidInput
        ``'W (kJ/mol)' is in kJ/mol, not in kT``.
    """
    if sample.unit is None or _same_unit(sample.unit, units):
        return
    remedy = f"write units={sample.unit!r}" if _joules(sample.unit) else "name another column"
    raise InvalidInput(f"{shown(sample.column)} is in {sample.unit}, not in {units}", place, remedy)


def _same_unit(first: str, second: str) -> bool:
    size = _joules(first)
    return first == second or (size is not None and size == _joules(second))


def _joules(label: object) -> float | None:
    """Return Boltzmann's constant in a unit of energy, to compare units by; None for any other."""
    from fluctua.stochastic.units import Units

    if not isinstance(label, str):
        return None
    try:
        return Units(energy=label, temperature="K").boltzmann
    except InvalidInput:
        return None


def _check_unit(run: Dataset, column: str, place: str) -> None:
    """Refuse a run's column in units of energy: nothing would say how large kT is."""
    unit = next(known.unit for known in run.columns if known.name == column)
    if unit not in ("", "1", "k_B"):
        raise InvalidInput(
            f"{column} is in {unit}", place, "leave column out: a run's work is judged in its own kT"
        )


def check_numbers(values: Floats, place: str, units: str = "kT", size: float = 1.0) -> None:
    """Refuse samples that have no law, one value or one value many times, and energies of nothing small.

    Parameters
    ----------
    values : ndarray, shape (n,)
    place : str
        Their name in an error.
    units : str
        What they are in.
    size : float
        Of one kT in `units`.
    """
    if values.size == 1:
        raise InvalidInput("one value", place, "a law takes many")
    if values.size > 2 and all(bool(np.all(part == values[0])) for part in stretches(values)):
        raise InvalidInput(f"{values.size:,} values, all equal to {values[0]:g}", place, "check the column")
    _, low, high = surveyed(values, place)
    check_scale(low / size, high / size, units, place)
