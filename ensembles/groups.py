"""Tables with several rows a trajectory: strokes, paths and jumps, and their averages in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fluctua.ensembles.moments import GroupMoments, Moments
from fluctua.ensembles.table import Rows, attributes
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

    from fluctua.ensembles.dataset import Dataset


class Groups(Rows):
    """A table with several rows a trajectory: `strokes`, `paths` or `jumps`."""

    def __init__(self, run: Dataset, table: str) -> None:
        super().__init__(run.spec, run._source, table)
        self._run = run

    def __len__(self) -> int:
        """Count the rows, of all trajectories."""
        return sum(batch.num_rows for batch in self.batches(["trajectory"]))

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
        for (values,), counts, batch in self._selected([parsed], condition, ["trajectory", *keys]):
            moments.add(batch["trajectory"].to_numpy(), [batch[key] for key in keys], values, counts)
        groups = moments.finish()
        if not groups:
            raise InvalidInput("no row counts", "where" if where else "formula", "nothing to average over")
        return self._framed(groups, keys, parsed.unit) if keys else groups[()].estimate(parsed.unit)

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
