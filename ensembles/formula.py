"""Formulas of columns: ``"heat_hot / 40"``, ``"exp(-dimensionless_work)"``, ``"x_final > 0"``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.columns import Column
from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.expressions import Graph

if TYPE_CHECKING:
    import pyarrow as pa


#: What no trajectory knows of itself: the populations of the whole ensemble stand in them.
OF_POPULATIONS = re.compile(r"\b(system|total|nonadiabatic)_entropy\b")


class Formula:
    """A formula or a condition whose names are columns.

    Parameters
    ----------
    text : str or float
        What a formula may contain is said in :mod:`fluctua.stochastic.expressions`.
    columns : sequence of Column
        What its names may be; columns of text stand in no formula.
    where : str
        For errors.
    also : mapping of str to str, optional
        Other names for columns: ``{"x": "x_final"}``.
    constants : mapping of str to float, optional
        Names that stand for a number: ``{"full": 1}`` in ``"state_final == full"``.
    """

    def __init__(
        self,
        text: str | float,
        columns: Sequence[Column],
        where: str,
        also: Mapping[str, str] | None = None,
        constants: Mapping[str, float] | None = None,
    ) -> None:
        if isinstance(text, bool) or not isinstance(text, str | int | float):
            raise InvalidInput(f"{shown(text)} is not a formula", where, 'write text, "work"')
        known = {column.name: column for column in columns if column.dtype != "string"}
        self._constants = dict(constants or {})
        names = {name: name for name in (*known, *self._constants)} | dict(also or {})
        of_all = OF_POPULATIONS.search(str(text))
        if of_all is not None and of_all[0] not in names:
            what = f"{of_all[0]} is no column, as it takes the populations of the ensemble"
            raise InvalidInput(what, where, "verify judges it; of levels spec.exact().mean gives it")
        self.text = str(text)
        self.is_condition = isinstance(text, str) and any(sign in text for sign in ("<", ">", "=="))
        self._graph = Graph()
        if self.is_condition:
            self._node = self._graph.parse_condition(str(text), names, where)
        else:
            self._node = self._graph.parse(text, names, where)
        self.columns = sorted(self._graph.symbols(self._node) - set(self._constants))
        self._nullable = [name for name in self.columns if known[name].nullable]
        bare = text.strip() if isinstance(text, str) else ""
        self.unit = known[bare].unit if bare in known else ""

    def evaluate(self, batch: pa.RecordBatch) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Give the value of each row, and whether the row counts.

        A row where a column is null does not count in a formula; in a condition null is plus infinity, as it
        stands for a time that never came.
        """
        counts = np.ones(batch.num_rows, dtype=bool)
        given: dict[str, Any] = dict(self._constants)
        for name in self.columns:
            values = batch[name].to_numpy(zero_copy_only=False)
            if name in self._nullable:
                missing = batch[name].is_null().to_numpy(zero_copy_only=False)
                values = np.where(missing, np.inf, values)
                counts &= self.is_condition | ~missing
            given[name] = values.astype(np.float64, copy=False)
        with np.errstate(all="ignore"):
            result = np.asarray(self._graph.evaluate(self._node, given), dtype=np.float64)
        return np.broadcast_to(result, counts.shape), counts
