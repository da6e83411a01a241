"""A table of a run, read when asked for: lazy columns, formulas of columns.

Nothing here holds more than a few batches at a time, unless a method's name says so (`to_arrow`, `to_pandas`,
``run["work"]``). Sums run in the order of trajectories, so that a mean does not depend on who wrote which
part when.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fluctua.ensembles.columns import COLUMNS_OF, schema_of
from fluctua.ensembles.formula import Formula
from fluctua.ensembles.rows import Files, Memory
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.columns import Column
from fluctua.stochastic.errors import InvalidInput, not_among

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


class Rows:
    """A table of a run: columns by name, formulas of columns, nothing read before it is needed."""

    def __init__(self, spec: EnsembleSpec, source: Memory | Files, table: str) -> None:
        self.spec = spec
        self._source = source
        self._table = table

    @cached_property
    def columns(self) -> list[Column]:
        """What the columns are: name, unit, meaning, sign."""
        return COLUMNS_OF[self._table](self.spec)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Give the rows as Arrow record batches, in the order of trajectories.

        Raises
        ------
        InvalidInput
            An unknown column.
        Busy
            The run is unfinished.
        Damaged
            A file is not what was written.
        """
        self._source.check()
        return self._source.batches(self._table, self._names(columns))

    def formula(self, text: str | float, where: str, also: Mapping[str, str] | None = None) -> Formula:
        """Read a formula of columns, and of levels by name; `also` gives other names for columns."""
        return Formula(text, self.columns, where, also, self.spec.system.constants)

    def _names(self, columns: Sequence[str] | None) -> list[str]:
        known = [column.name for column in self.columns]
        wanted = known if columns is None else [columns] if isinstance(columns, str) else list(columns)
        for name in wanted:
            if name not in known:
                raise not_among(name, "column", known, self._place)
        return wanted

    @property
    def _place(self) -> str:
        where = "" if self._source.path is None else str(self._source.path)
        return where if self._table == "parts" else os.path.join(where, self._table)

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read columns into one Arrow table; unit, meaning and sign are metadata of its fields."""
        names = self._names(columns)
        schema = schema_of(self.columns, self.spec.digest)
        chosen = pa.schema([schema.field(name) for name in names], metadata=schema.metadata)
        return pa.Table.from_batches([batch.cast(chosen) for batch in self.batches(names)], chosen)

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read columns into a data frame with `energy_unit`, `temperature`, `spec` (digest) as `attrs`."""
        frame: pd.DataFrame = self.to_arrow(columns).to_pandas(ignore_metadata=True)
        frame.attrs.update(attributes(self.spec))
        return frame

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Read one column as a NumPy array; null is NaN."""
        if not isinstance(name, str):
            raise InvalidInput(f"{name!r} is not a column's name", self._place, 'write run["work"]')
        read = [batch.column(0).to_numpy(zero_copy_only=False) for batch in self.batches([name])]
        return np.concatenate(read) if read else np.zeros(0)

    def _read(self, text: str | float, where: str | None) -> tuple[Formula, Formula | None]:
        formula = self.formula(text, "formula")
        condition = None if where is None else self.formula(where, "where")
        if condition is not None and not condition.is_condition:
            raise InvalidInput(f"{where!r} is not a condition", "where", 'write a comparison, "x_final > 0"')
        return formula, condition

    def _selected(
        self, formulas: Sequence[Formula], where: Formula | None, more: Sequence[str] = ()
    ) -> Iterator[tuple[list[Floats], NDArray[np.bool_], pa.RecordBatch]]:
        """Give the values of each formula, the rows that count in all, and the batch they come from.

        Raises
        ------
        InvalidInput
            At the end, if a value that counts is not finite.
        """
        read = [*formulas, where] if where else formulas
        needed = sorted({name for one in read for name in one.columns}.union(more) or {"trajectory"})
        rows, lost = 0, [0] * len(formulas)
        for batch in self.batches(needed):
            evaluated = [formula.evaluate(batch) for formula in formulas]
            values, counts = [one for one, _ in evaluated], np.logical_and.reduce([c for _, c in evaluated])
            if where is not None:
                counts &= where.evaluate(batch)[0].astype(bool)
            rows += int(np.count_nonzero(counts))
            for k, one in enumerate(values):
                finite = np.isfinite(one)
                lost[k] += int(np.count_nonzero(counts & ~finite))
                counts &= finite
            yield values, counts, batch
        for formula, missing in zip(formulas, lost, strict=True):
            if missing:
                raise _not_finite(formula, missing, rows)


def _not_finite(formula: Formula, missing: int, rows: int) -> InvalidInput:
    what = f"{formula.text} is not finite in {missing:,} of {rows:,} rows"
    if "/" in formula.text:
        return InvalidInput(what, "formula", "nothing is divided by 0: leave such rows out with where")
    return InvalidInput(what, "formula", "leave such rows out with where")


def attributes(spec: EnsembleSpec) -> dict[str, Any]:
    """Give what a data frame carries along: unit of energies, temperature if there is one, digest."""
    return {"energy_unit": spec.units.label("energy"), "temperature": _temperature(spec), "spec": spec.digest}


def _temperature(spec: EnsembleSpec) -> float | dict[str, float] | None:
    """Give the temperature, or that of each bath by name; None where it changes in time."""
    schedule = spec.schedule
    tables = np.vstack([schedule.beta, schedule.opening_beta, schedule.closing_beta])
    if np.any(tables != tables[0]):
        return None
    temperatures = [float(1.0 / (spec.units.boltzmann * beta)) for beta in tables[0]]
    if len(set(temperatures)) == 1:
        return temperatures[0]
    return dict(zip(spec.dynamics.bath_names, temperatures, strict=True))
