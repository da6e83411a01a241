"""Columns of numbers as estimators take them: finite, flat, in units of kT or k_B."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.stochastic.errors import InvalidInput

Floats = NDArray[np.float64]

LARGEST = 1e50  # the sixth power of a larger value could not be represented


def finite(values: ArrayLike, where: str) -> Floats:
    """Return the values as a flat array of finite numbers.

    Parameters
    ----------
    values : array_like
        Numbers; anything that NumPy reads as such, a pandas Series included.
    where : str
        Their name in an error.

    Raises
    ------
    InvalidInput
        No numbers, none at all, or some not finite (or so large that their powers are not): how many, and
        where the first stands.
    """
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput("not a column of numbers", where) from None
    if array.ndim != 1:
        raise InvalidInput(f"{array.ndim} dimensions", where, "give one column of values, one a trajectory")
    if array.size == 0:
        raise InvalidInput("no values", where)
    bad = np.flatnonzero(~(np.abs(array) <= LARGEST))
    if bad.size:
        raise InvalidInput(
            f"{bad.size:,} of {array.size:,} values are not finite, first in row {bad[0]:,}", where
        )
    return array
