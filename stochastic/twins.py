"""NumPy twins of the compiler's building blocks: the text of `lanes` runs on arrays with them.

The same names with the same meaning stand in `intrinsics` for compiled code. The one difference is `fma`:
here the product is rounded before the sum (NumPy has no fused operation), so results agree to a unit or two
in the last place, and each route by itself gives the same bits on every machine: nothing here but + - * / and
sqrt, which IEEE 754 fixes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Lane = Any  # a float64, a uint64, or an array of either


def copy(target: Lane, place: int, source: Lane, begin: int, count: int) -> None:
    """Copy so many numbers from one array, from a place on, to a place of another one."""
    target[place : place + count] = source[begin : begin + count]


def permutes() -> bool:
    """Tell whether a processor permutes eight words by eight indices; NumPy does not ask it to."""
    return False


def look_up(target: Lane, place: int, table: Lane, keys: Lane, begin: int, shift: int, count: int) -> None:
    """Look `count` keys, with a shift added, up in a table, and put the entries into a target."""
    target[place : place + count] = table[keys[begin : begin + count] + shift]


def fma(a: Lane, b: Lane, c: Lane) -> Lane:
    """Give a b + c, rounded twice."""
    return a * b + c


def select(condition: Lane, a: Lane, b: Lane) -> Lane:
    """Give a where the condition holds, b elsewhere."""
    return np.where(condition, a, b)


def sqrt(x: Lane) -> Lane:
    """Give the square root, correctly rounded; NaN below zero."""
    return np.sqrt(x)


def to_bits(x: Lane) -> Lane:
    """Give the 64 bits of a float64 as an unsigned integer."""
    return np.asarray(x, dtype=np.float64).view(np.uint64)


def from_bits(bits: Lane) -> Lane:
    """Give the float64 that has these 64 bits."""
    return np.asarray(bits, dtype=np.uint64).view(np.float64)


def trailing_zeros(bits: Lane) -> Lane:
    """Count the zeros below the lowest bit that is set; one is."""
    return np.bitwise_count(~bits & (bits - np.uint64(1))).astype(np.uint64)
