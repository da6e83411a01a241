"""The trajectories of a run: streamed means and moments; strokes, paths and jumps stand beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fluctua.ensembles.columns import tables_of
from fluctua.ensembles.cumulants import JointMoments, covariance_of, fano_of
from fluctua.ensembles.estimate import Estimate
from fluctua.ensembles.groups import Groups
from fluctua.ensembles.manifest import is_run, path_of
from fluctua.ensembles.moments import Moments
from fluctua.ensembles.rows import Files, Memory
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.table import Rows
from fluctua.stochastic.errors import InvalidInput, Unstable
from fluctua.stochastic.status import Status

if TYPE_CHECKING:
    from fluctua.ensembles.replay import Replay


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
        for (values,), counts, _ in self._selected([parsed], condition):
            moments.add(values[counts])
        if moments.n == 0:
            raise InvalidInput(
                "no trajectory counts", "where" if where else "formula", "nothing to average over"
            )
        return moments.estimate(parsed.unit)

    def covariance(self, formula: str | float, other: str | float, where: str | None = None) -> Estimate:
        """Return the covariance of two formulas of columns over trajectories, of denominator n - 1.

        Parameters
        ----------
        formula, other : str
            As in :meth:`mean`; a trajectory counts where both do.
        where : str, optional
            A condition: only trajectories that meet it count.

        Returns
        -------
        Estimate
            Its standard error is that of any law with these moments, up to the fourth.

        Raises
        ------
        InvalidInput, Unstable, Busy
            As :meth:`mean`, and where less than two trajectories count.
        """
        moments, units = self._pairs(formula, other, where)
        return covariance_of(moments, units, "where" if where else "formula")

    def variance(self, formula: str | float, where: str | None = None) -> Estimate:
        """Return the variance of a formula of columns; see :meth:`covariance`."""
        return self.covariance(formula, formula, where)

    def fano(self, formula: str | float, where: str | None = None) -> Estimate:
        """Return variance over the size of the mean; refused where the mean is not told from 0."""
        moments, (unit, _) = self._pairs(formula, formula, where)
        return fano_of(moments, str(formula), unit, "where" if where else "formula")

    def _pairs(
        self, formula: str | float, other: str | float, where: str | None
    ) -> tuple[JointMoments, tuple[str, str]]:
        """Stream the moments of two formulas, which may be one; give their units."""
        first, condition = self._read(formula, where)
        formulas = [first] if other == formula else [first, self._read(other, None)[0]]
        self._source.check()
        self.check_failures()
        moments = JointMoments()
        for values, counts, _ in self._selected(formulas, condition):
            moments.add(values[0][counts], values[-1][counts])
        return moments, (formulas[0].unit, formulas[-1].unit)

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
