"""Columns of a stranger's table: what they are called, which one is meant, and which unit they name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.errors import InvalidInput, did_you_mean, shown

#: What a column is called that holds what is asked for, surest first.
USUAL_NAMES = {
    "work": (
        "work", "w", "total_work", "work_total", "w_total", "w_tot", "wtot", "dissipated_work", "dissipated",
        "work_dissipated", "w_diss", "wdiss", "dimensionless_work",
    ),
    "entropy": (
        "s_tot", "entropy", "stot", "total_entropy", "entropy_total", "s_total", "entropy_production",
        "total_entropy_production", "delta_s_tot", "ds_tot", "sigma",
    ),
}  # fmt: skip
#: Quantities that often stand beside a time and are neither.
_OTHERS = re.compile(
    r"force|f|position|pos|x|y|z|q|distance|extension|lambda"
    r"|temperature|pressure|volume|d[hu]_?/?d.*"
)
#: Words beside "work" that make it something else.
_NOT_ITSELF = {
    "std", "sd", "sem", "err", "error", "errors", "uncertainty", "var", "variance", "rate", "power", "mean",
    "average", "function",
}  # fmt: skip
#: Units as they are written behind an underscore, where no bracket may stand.
_ENDINGS = {
    "kT": "kT", "kBT": "kT", "k_BT": "kT", "pN_nm": "pN nm", "pNnm": "pN nm", "kJ_mol": "kJ/mol",
    "kJmol": "kJ/mol", "kJ_per_mol": "kJ/mol", "kcal_mol": "kcal/mol", "kcalmol": "kcal/mol",
    "kcal_per_mol": "kcal/mol", "zJ": "zJ", "aJ": "aJ", "eV": "eV", "meV": "meV",
}  # fmt: skip
_KNOWN_ENERGIES = (
    "kT", "J", "kJ", "zJ", "aJ", "fJ", "J/mol", "kJ/mol", "cal/mol", "kcal/mol", "eV", "meV", "erg", "pN nm",
    "pN um", "N m",
)  # fmt: skip
_LISTED = 12  # names in an error
_NOT_ENERGIES = re.compile(
    r"[fpnumµμ]?s|[pnumµμ]?m|Å|A|K|bar|deg|rad|1/[fpnumµμ]?s|[fpnumµμ]?N"
    r"|(kJ/mol|kcal/mol|kJ mol-1|[pn]N)/(nm|Å|A|um)\^?2?|kJ mol-1 nm-[12]",
)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name : str
        Empty where it has none.
    numeric : bool
        Whether it holds numbers.
    sample : tuple of float
        Some of its first numbers.
    """

    name: str
    numeric: bool
    sample: tuple[float, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Some rows of a table: numbers, NaN where there is none, and the labels beside them."""

    values: NDArray[np.float64]
    labels: Any  # a pyarrow array of text
    place: Callable[[int], str]


def find_column(columns: Sequence[Column], wanted: str, where: str) -> int:
    """Return the position of a column by its name, or by its number from 1.

    Raises
    ------
    InvalidInput
        There is none, or the name is that of several.
    """
    names = [column.name for column in columns]
    plain = [without_unit(name) for name in names]
    for known in (names, plain):
        if known.count(wanted) > 1:
            raise InvalidInput(f"several columns are called {shown(wanted)}", where, "name it by its number")
        if wanted in known:
            return known.index(wanted)
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= len(columns):
        return int(wanted) - 1
    remedy = f"columns are {listed(columns)}{did_you_mean(wanted, [*names, *plain])}"
    raise InvalidInput(f"{shown(wanted)} is not a column", where, remedy)


def guess_column(columns: Sequence[Column], kind: str, taken: int | None, where: str) -> tuple[int, str]:
    """Return the column that is meant where none is named, and why.

    The only column of numbers; else the one whose name is usual for work, or entropy; else the second of two
    whose first is a time.

    Parameters
    ----------
    columns : sequence of Column
    kind : str
        ``"work"`` or ``"entropy"``.
    taken : int or None
        The column of groups, which is not meant.

    Raises
    ------
    InvalidInput
        None of them, or several, fit; the columns are listed.
    """
    numbers = [index for index, column in enumerate(columns) if column.numeric and index != taken]
    left = [index for index in range(len(columns)) if index != taken]
    if len(left) == 1:
        return left[0], f"{called(columns, left[0])}, the only one, is taken"
    named = [(_usual(columns[index].name, kind), index) for index in left]
    fitting = sorted((rank, index) for rank, index in named if rank is not None)
    # The surest name goes before all others; which of two others is meant, nobody knows.
    if fitting and (len(fitting) == 1 or fitting[0][0] == 0 < fitting[1][0]):
        index = fitting[0][1]
        return index, f"{called(columns, index)} of {listed(columns)} is taken, by its name"
    told = [index for index in numbers if _tells(columns[index].name, kind)]
    if not fitting and len(told) == 1:
        return told[0], f"{called(columns, told[0])} of {listed(columns)} is taken, by its name"
    if not fitting and len(numbers) == 1:
        return numbers[
            0
        ], f"{called(columns, numbers[0])} of {listed(columns)} is taken, the only one of numbers"
    if not fitting and len(columns) == len(numbers) == 2 and _is_time(columns[0]) and _may_be(columns[1]):
        why = (
            f"{columns[0].name} stands before it" if columns[0].name else "column 1 rises evenly, as times do"
        )
        return 1, f"{called(columns, 1)} is taken, since {why}"
    example = columns[numbers[-1]].name if numbers else ""
    remedy = f"name one, such as column={example or str(numbers[-1] + 1 if numbers else 1)!r}"
    raise InvalidInput(f"which column is the {kind}? There are {listed(columns)}", where, remedy)


def _usual(name: str, kind: str) -> int | None:
    word = re.sub(r"[\s\-]+", "_", without_unit(name).lower())
    names = USUAL_NAMES[kind]
    return names.index(word) if word in names else None


def _tells(name: str, kind: str) -> bool:
    """Tell a description, ``Work done on system [pN nm]``, by its words; its error or rate is none."""
    words = set(re.split(r"[^a-z]+", without_unit(name).lower()))
    return kind in words and not words & _NOT_ITSELF and _may_be(Column(name, True))


def _is_time(column: Column) -> bool:
    """Tell a time, or a count of rows, by its name; where it has none, by rising evenly."""
    if column.name:
        return without_unit(column.name).lower() in ("t", "time", "step", "index", "frame")
    steps = np.diff(column.sample)
    return steps.size > 1 and bool(np.all(steps > 0.0)) and _even(steps)


def _even(steps: NDArray[np.float64]) -> bool:
    """Tell equal steps from others: times are printed with few digits."""
    return float(np.max(steps)) <= 1.5 * float(np.min(steps))


def _may_be(column: Column) -> bool:
    """Tell whether neither name nor unit of a column says that it is something else."""
    if written_unit(column.name) is None:
        return not _OTHERS.fullmatch(column.name.lower())
    return _energy(unit_of(column.name) or "")


def called(columns: Sequence[Column], index: int) -> str:
    """Name a column: by its name, or by its number."""
    name = columns[index].name
    return f"column {name!r}" if name else f"column {index + 1}"


def listed(columns: Sequence[Column]) -> str:
    """List the names, or numbers, of columns."""
    names = [" ".join(column.name.split())[:40] or str(index) for index, column in enumerate(columns, 1)]
    more = f", and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


# ---- units ---------------------------------------------------------------------------------------


def without_unit(name: str) -> str:
    """Return a name without the unit in brackets behind it."""
    return re.sub(r"\s*[(\[][^()\[\]]*[)\]]\s*$", "", name).strip()


def written_unit(name: str) -> str | None:
    """Return what stands in brackets at the end of a name."""
    found = re.search(r"[(\[]([^()\[\]]+)[)\]]\s*$", name)
    if found is None:
        return None
    return " ".join(found[1].replace("·", " ").replace("*", " ").split())


def unit_of(name: str) -> str | None:
    """Return the unit that a column says to be in, where it says so.

    Returns
    -------
    str or None
        ``"kT"``, ``"k_B"``, a label that `Units` knows (``"kJ/mol"``), or that of another quantity
        (``"ps"``). None where nothing stands in brackets, or no unit does. Energies are also told behind an
        underscore: ``work_pN_nm``.

    Examples
    --------
    >>> unit_of("work (kJ/mol)"), unit_of("W [k_BT]"), unit_of("Time (ps)"), unit_of("W (dissipated)")
    ('kJ/mol', 'kT', 'ps', None)
    """
    text = written_unit(name)
    if text is None:
        return next((unit for end, unit in _ENDINGS.items() if name.strip().endswith(f"_{end}")), None)
    symbol = re.sub(r"[\s_{}]", "", text).lower()
    if symbol in ("kt", "kbt"):
        return "kT"
    if symbol in ("kb", "k"):
        return "K" if text == "K" else "k_B"
    label = re.sub(r"\s*mol\s*\^?[-−]1$", "/mol", text)
    return label if _energy(label) or _NOT_ENERGIES.fullmatch(text) else None


def _energy(label: str) -> bool:
    from fluctua.stochastic.units import Units

    if label in ("kT", "k_B"):
        return True
    try:
        Units(energy=label, temperature="K")
    except InvalidInput:
        return False
    return True


def nearest_unit(label: object) -> str:
    """Return ``"; did you mean 'pN nm'?"`` for what looks like a unit of energy, or an empty string.

    Blanks, dots and cases are left out of the comparison first: ``pNnm``, ``KJ/mol``, ``kBT``.
    """
    if not isinstance(label, str):
        return ""
    meant = next((known for known in _KNOWN_ENERGIES if _folded(known) == _folded(label)), None)
    return f"; did you mean {meant!r}?" if meant else did_you_mean(label, _KNOWN_ENERGIES)


def _folded(label: str) -> str:
    plain = re.sub(r"[\s·⋅*_.^{}$]", "", label).lower().replace("μ", "u").replace("µ", "u")
    return {"kbt": "kt"}.get(plain, re.sub(r"mol[-−]1$|mole$", "/mol", plain).replace("//", "/"))
