"""Rows of runs, read when asked for: lazy columns, streamed means, three tables side by side.

Nothing here holds more than a few batches at a time, unless a method's name says so (`to_arrow`, `to_pandas`,
``run["work"]``). Sums run in the order of trajectories, so that a mean does not depend on who wrote which
part when.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fluctua.ensembles.columns import COLUMNS_OF, schema_of, tables_of
from fluctua.ensembles.estimate import Estimate
from fluctua.ensembles.formula import Formula
from fluctua.ensembles.manifest import is_run, path_of
from fluctua.ensembles.moments import GroupMoments, Moments
from fluctua.ensembles.rows import Files, Memory
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.columns import Column
from fluctua.stochastic.errors import InvalidInput, Unstable, not_among
from fluctua.stochastic.status import Status

if TYPE_CHECKING:
    import pandas as pd

    from fluctua.ensembles.replay import Replay


# ---- tables


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
        self, formula: Formula, where: Formula | None, more: list[str]
    ) -> Iterator[tuple[Any, Any, pa.RecordBatch]]:
        """Give values, the rows that count, and the batch they come from."""
        needed = sorted({*formula.columns, *(where.columns if where else ()), *more} or {"trajectory"})
        for batch in self.batches(needed):
            values, counts = formula.evaluate(batch)
            if where is not None:
                counts = counts & where.evaluate(batch)[0].astype(bool)
            yield values, counts, batch


class Dataset(Rows):
    """The trajectories of a run, one row each. Made by `simulate`, `sweep` and `open`.

    Attributes
    ----------
    spec : EnsembleSpec
        What was computed.
    path : Path or None
        The run directory; None in memory.
    files : tuple of Path
        The Parquet files of `parts/`.
    columns : list of Column
        Name, unit, meaning and sign of each column.
    """

    def __init__(self, spec: EnsembleSpec, source: Memory | Files) -> None:
        super().__init__(spec, source, "parts")

    @property
    def path(self) -> Path | None:
        """The run directory; None in memory."""
        return self._source.path

    @property
    def files(self) -> tuple[Path, ...]:
        """The Parquet files of `parts/`, in the order of trajectories."""
        return self._source.files

    def __len__(self) -> int:
        """Count the trajectories that are there."""
        return self._source.rows

    @property
    def complete(self) -> bool:
        """Whether all trajectories that were asked for are there."""
        return self._source.rows == self._source.target

    @cached_property
    def failed(self) -> int:
        """How many trajectories failed: their rows are there, with another status than 0 and NaN."""
        return sum(int(np.count_nonzero(batch["status"])) for batch in self._statuses())

    def _statuses(self) -> Iterator[pa.RecordBatch]:
        return self._source.batches("parts", ["trajectory", "status"])

    def check_failures(self) -> None:
        """Refuse to average over what is left when trajectories failed.

        Raises
        ------
        Unstable
            Names how many failed, the first of them, and what became of them.
        """
        if self.failed == 0:
            return
        first: list[int] = []
        kinds: Counter[int] = Counter()
        for batch in self._statuses():
            statuses = batch["status"].to_numpy()
            first += batch["trajectory"].to_numpy()[statuses != Status.OK][: 5 - len(first)].tolist()
            kinds.update(statuses.tolist())
        numbers = ", ".join(str(number) for number in first) + (", ..." if self.failed > 5 else "")
        how = ", ".join(f"{kinds[kind]:,} {kind.meaning}" for kind in Status if kind and kinds[kind])
        raise Unstable(
            f"{self.failed:,} of {len(self):,} trajectories failed, {numbers}: {how}; the others are biased",
            self._place,
            "shorten time_step",
        )

    def mean(self, formula: str | float, where: str | None = None) -> Estimate:
        """Average a formula of columns over trajectories; a condition averages to its frequency.

        Parameters
        ----------
        formula : str
            For example ``"work"``, ``"exp(-dimensionless_work)"``, ``"x_final > 0"``.
        where : str, optional
            A condition: only trajectories that meet it count.

        Returns
        -------
        Estimate
            With the standard error of the mean, and the number of trajectories that counted. Where a column
            is null, "did not happen", a formula leaves the trajectory out; in a condition it is later than
            any time.

        Raises
        ------
        InvalidInput
            Not a formula, an unknown column, or no trajectory meets `where`.
        Unstable
            Some trajectories failed.
        Busy
            The run is unfinished.
        """
        parsed, condition = self._read(formula, where)
        self._source.check()
        self.check_failures()
        moments = Moments()
        for values, counts, _ in self._selected(parsed, condition, []):
            moments.add(values[counts])
        if moments.n == 0:
            raise InvalidInput(
                "no trajectory counts", "where" if where else "formula", "nothing to average over"
            )
        return Estimate(moments.mean, moments.standard_error, moments.n, parsed.unit)

    def row(self, trajectory: int) -> pa.RecordBatch | None:
        """Give the stored row of one trajectory; None where it is not there, or not yet.

        Raises
        ------
        Damaged
            The file that holds it is not what was written.
        """
        for batch in self._source.near(trajectory, self._names(None)):
            found = batch.filter(pa.array(batch["trajectory"].to_numpy() == trajectory))
            if found.num_rows:
                return found
        return None

    def replay(self, trajectory: int, every: int = 1) -> Replay:
        """Compute one trajectory again, with its path; see :func:`fluctua.ensembles.replay.replay`."""
        from fluctua.ensembles.replay import replay

        return replay(self, trajectory, every)

    @property
    def strokes(self) -> Groups:
        """One row a trajectory and step of the protocol, with the work and heat of that stroke alone."""
        if not self.spec.strokes:
            raise InvalidInput("no strokes were recorded", "strokes", "set strokes = true in the spec")
        return Groups(self, "strokes")

    @property
    def paths(self) -> Groups:
        """The sampled trajectories: one row a trajectory and instant."""
        return self._sampled("paths", "without a time step nothing is sampled: set time_step")

    @property
    def jumps(self) -> Groups:
        """The jumps of the sampled trajectories: one row a jump."""
        return self._sampled("jumps", f"{self.spec.dynamics.kind} has none")

    def _sampled(self, table: str, otherwise: str) -> Groups:
        if table not in tables_of(self.spec):
            remedy = otherwise if self.spec.paths else "set paths in the spec to how many you want"
            raise InvalidInput(f"no {table} were recorded", table, remedy)
        return Groups(self, table)

    def __repr__(self) -> str:
        """Write one line; failures as the parts' footers tell them."""
        source = self._source
        place = "in memory" if source.path is None else str(source.path)
        failed = source.stated_failures()
        count = "" if failed is None else f", {failed:,} failed"
        return (
            f"Dataset {place}: {source.rows:,} of {source.target:,} trajectories{count}, "
            f"{len(self.columns)} columns, spec {self.spec.digest[:8]}"
        )


class Groups(Rows):
    """A table with several rows a trajectory: `strokes`, `paths` or `jumps`."""

    def __init__(self, run: Dataset, table: str) -> None:
        super().__init__(run.spec, run._source, table)
        self._run = run

    def mean(self, formula: str | float, where: str | None = None, by: str | Sequence[str] = ()) -> Any:
        """Average over trajectories, in groups.

        Parameters
        ----------
        formula : str
            A formula of columns.
        where : str, optional
            A condition on rows.
        by : str or sequence of str
            Columns whose values make the groups: ``["cycle", "stroke"]``, ``"time"``.

        Returns
        -------
        Estimate or pandas.DataFrame
            An Estimate without `by`; else a frame with the groups as index and the columns `mean`,
            `standard_error`, `n`. The rows that one trajectory has in a group add up in `strokes` (so that
            ``by="cycle"`` gives the work of a cycle) and are averaged in `paths`; the error is that of the
            mean over trajectories.
        """
        parsed, condition = self._read(formula, where)
        keys = self._names([by] if isinstance(by, str) else list(by))
        self._source.check()
        self._run.check_failures()
        moments = GroupMoments(add_up=self._table == "strokes")
        for values, counts, batch in self._selected(parsed, condition, ["trajectory", *keys]):
            moments.add(batch["trajectory"].to_numpy(), [batch[key] for key in keys], values, counts)
        groups = moments.finish()
        if not groups:
            raise InvalidInput("no row counts", "where" if where else "formula", "nothing to average over")
        return self._framed(groups, keys, parsed.unit) if keys else _estimate(groups[()], parsed.unit)

    def _framed(self, groups: Mapping[tuple[Any, ...], Moments], keys: list[str], unit: str) -> pd.DataFrame:
        import pandas as pd

        index = (
            pd.MultiIndex.from_tuples(list(groups), names=keys)
            if len(keys) > 1
            else pd.Index([group[0] for group in groups], name=keys[0])
        )
        rows = [(m.mean, m.standard_error, m.n) for m in groups.values()]
        frame = pd.DataFrame(rows, index=index, columns=["mean", "standard_error", "n"])
        frame.attrs.update(attributes(self.spec), unit=unit)
        return frame

    def __repr__(self) -> str:
        """Write one line."""
        return f"{self._table.capitalize()} of {self._run!r}"


def _estimate(moments: Moments, unit: str) -> Estimate:
    return Estimate(moments.mean, moments.standard_error, moments.n, unit)


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


# ---- opening


def open_run(folder: str | Path, partial: bool = False) -> Dataset:
    """Open a run directory.

    Parameters
    ----------
    folder : str or Path
        What `simulate` wrote, or is writing.
    partial : bool
        Take what is there of an unfinished run, up to the first chunk that is missing.

    Raises
    ------
    InvalidInput
        There is no run.
    Damaged
        Its files are not what was written.
    """
    path = path_of(folder)
    if not is_run(path):
        raise no_run(path)
    source = Files(path, partial)
    return Dataset(source.spec, source)


def no_run(path: Path) -> InvalidInput:
    """Say what is at a place instead of a run."""
    other = "a file, not a run's folder" if path.exists() else "no such folder"
    what = "no run there" if path.is_dir() else other
    return InvalidInput(what, str(path), "a run is a folder with a manifest.json")
