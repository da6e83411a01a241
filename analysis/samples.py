"""Columns of numbers as estimators take them: finite, flat, in units of kT or k_B.

A column may be a read-only memory map of a file larger than memory: it is read in blocks and never copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.stochastic.errors import InvalidInput

Floats = NDArray[np.float64]

LARGEST = 1e50  # the sixth power of a larger value could not be represented
_BLOCK = 1 << 13  # larger temporaries would be fetched from the system each time
_STRETCH = 1 << 14
_RUN = 1 << 10
_SURVEYED = 1 << 16  # values whose ends are found at once
_OTHER_KINDS = {
    "c": "give real numbers, .real for example",
    "M": "name the column of work",
    "m": "name the column of work",
    "O": "convert them with .astype(float)",
}


def finite(values: ArrayLike, where: str) -> Floats:
    """Return the values as a flat array of finite numbers.

    Parameters
    ----------
    values : array_like
        Numbers; anything that NumPy reads as such, a pandas Series or a memory map included. An array of
        float64 is not copied.
    where : str
        Their name in an error.

    Raises
    ------
    InvalidInput
        No numbers, none at all, or some not finite (or so large that their powers are not): how many, and
        where the first stands. Also masked, complex and other values that would lose what they say.
    """
    return surveyed(values, where)[0]


def surveyed(values: ArrayLike, where: str, *, infinite: bool = False) -> tuple[Floats, float, float]:
    """Return what `finite` does, with the smallest and the largest value.

    Where `infinite` is true, plus infinity is a value like others: the entropy production of a trajectory
    whose way back is impossible.
    """
    _check_kind(values, where)
    try:
        # Aligned, too, as kernels take it: the map of a file may begin at any byte.
        array = np.require(np.ascontiguousarray(values, dtype=np.float64), requirements="A")
    except (TypeError, ValueError):
        raise InvalidInput("not a column of numbers", where) from None
    if array.ndim != 1:
        raise InvalidInput(f"{array.ndim} dimensions", where, "give one column of values, one a trajectory")
    if array.size == 0:
        raise InvalidInput("no values", where)
    parts = [array[start : start + _SURVEYED] for start in range(0, array.size, _SURVEYED)]
    ends = np.array([(part.min(), part.max()) for part in parts])  # both while a part is in the cache
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    if -LARGEST <= low <= high <= LARGEST:  # what is not a number would be the smallest and the largest
        return array, low, high
    bad = [~((np.abs(part) <= LARGEST) | (infinite & np.isposinf(part))) for part in parts]
    if not any(block.any() for block in bad):
        return array, low, high
    first = next(k for k, block in enumerate(bad) if block.any())
    raise InvalidInput(
        f"{sum(int(np.count_nonzero(block)) for block in bad):,} of {array.size:,} values are not finite, "
        f"first in row {first * _SURVEYED + int(np.argmax(bad[first])):,}",
        where,
    )


def replaced(values: ArrayLike, where: str, by: float) -> Floats:
    """Return what `finite` does, with another number in the place of plus infinity."""
    array, _, high = surveyed(values, where, infinite=True)
    return array if high <= LARGEST else np.where(np.isposinf(array), by, array)


def _check_kind(values: ArrayLike, where: str) -> None:
    """Refuse what would become numbers only by dropping what it says: a mask, imaginary parts, a calendar."""
    if isinstance(values, np.ma.MaskedArray):
        masked = int(np.count_nonzero(np.ma.getmaskarray(values)))
        if masked:
            what = f"{masked:,} of {values.size:,} values are masked"
            raise InvalidInput(what, where, "leave them out with .compressed()")
    try:
        dtype = getattr(values, "dtype", None) or np.asarray(values).dtype
    except (TypeError, ValueError):
        return  # what is no array is refused as no column of numbers
    remedy = _OTHER_KINDS.get(getattr(dtype, "kind", ""))
    if remedy is not None:
        raise InvalidInput(f"values of type {dtype}, not numbers", where, remedy)


def stretches(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Walk through an array in stretches that stay in the cache."""
    for start in range(0, values.size, _STRETCH):
        yield values[start : start + _STRETCH]


def same(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Return whether two columns are equal, value by value; nothing as long as they are is made."""
    if first.size != second.size:
        return False
    return all(np.array_equal(*parts) for parts in zip(stretches(first), stretches(second), strict=True))


@dataclass(frozen=True)
class Sample:
    """A column on an axis of its own: x = side * raw - origin, made in blocks where it is needed.

    Parameters
    ----------
    raw : ndarray, shape (n,)
        The values where they lie.
    side : float
        1, or -1 where signs are turned.
    origin : float
        A number near the values, so that work at millions of kT keeps its digits.
    low, high : float
        The smallest and the largest x.
    """

    raw: Floats
    side: float = 1.0
    origin: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @classmethod
    def of(cls, values: ArrayLike, where: str, side: float = 1.0) -> Sample:
        """Check the values, and give them with the origin 0."""
        array, low, high = surveyed(values, where)
        low, high = (low, high) if side > 0.0 else (-high, -low)
        return cls(array, side, 0.0, low, high)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(self.raw.size)

    def measured_from(self, origin: float) -> Sample:
        """Return the sample with another origin."""
        there = self.origin - origin
        return replace(self, origin=origin, low=self.low + there, high=self.high + there)

    def thinned(self, most: int) -> Floats:
        """Return evenly spaced x: at least `most` where there are as many, and fewer than twice that."""
        return self.side * self.raw[:: max(1, self.size // most)] - self.origin

    def runs(self, most: int) -> Floats:
        """Return x in evenly spaced runs of consecutive values: read ten times faster than `thinned`."""
        width = max(_RUN, self.size // (most // _RUN))
        rows = self.size // width
        kept = self.raw[: rows * width].reshape(rows, width)[:, :_RUN].ravel() if rows else self.raw
        return self.side * kept - self.origin

    def blocks(self) -> Iterator[Floats]:
        """Walk through all x in blocks."""
        for start in range(0, self.size, _BLOCK):
            yield self.side * self.raw[start : start + _BLOCK] - self.origin
