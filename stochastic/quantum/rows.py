"""Rows of numbers, of which those that are equal are worked on once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


def distinct(*tables: NDArray[Any]) -> tuple[Integers, Integers]:
    """Count different rows in the order in which they come: the number of each row, a row of each number."""
    joined = np.hstack([np.asarray(table, np.float64) for table in tables]) + 0.0  # no -0.0
    if not joined.shape[1]:
        return np.zeros(len(joined), np.int64), np.zeros(min(len(joined), 1), np.int64)
    keys = np.ascontiguousarray(joined).view([("", np.float64)] * joined.shape[1]).ravel()
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[number.ravel()].astype(np.int64), first[order].astype(np.int64)
