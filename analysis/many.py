"""Sums over logistic chances of millions of values, by compiled kernels in threads.

What `fluctua.analysis.logistic` does in NumPy, five to ten times faster, for samples so large that compiling
pays. Values are read where they lie (a memory map of a file larger than memory, too) in blocks of fixed size,
and the sums of the blocks are added exactly, so that no number of threads changes a bit.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.samples import Sample

Floats = NDArray[np.float64]

MANY = 1 << 21  # values in one direction, from where kernels are worth loading (0.5 s) and compiling (4 s)
_BLOCK = 1 << 18
_BLOCK_OF_BINS = 1 << 20  # a larger one, as its result is an array


def tail_sums(sample: Sample, shift: float, turn: float, threads: int | None = None) -> Floats:
    """Return the sums of c, v = c (1 - c), v c and v c², with c = L(turn (x + shift))."""
    work = partial(_module().tail_sums, sample.raw, sample.side, sample.origin, shift, turn)
    return _exact_sum(_in_blocks(work, sample.size, _BLOCK, lambda: np.empty(4), threads))


def fit_sums(
    sample: Sample,
    turn: float,
    shift: float,
    slope: float,
    centre: float,
    width: float,
    threads: int | None = None,
) -> Floats:
    """Return the sums of ln L(turn u), residual h^k (k = 0 to 3), p (1 - p) h^k (k = 0 to 6).

    With u = shift + slope (x - centre), h = (x - centre) / width, p = L(u), and the residual
    (label - p), whose label is 1 where turn is 1, and 0 where it is -1.
    """
    place = (sample.raw, sample.side, sample.origin)
    work = partial(_module().fit_sums, *place, turn, shift, slope, centre, 1.0 / width)
    return _exact_sum(_in_blocks(work, sample.size, _BLOCK, lambda: np.empty(12), threads))


def bin_sums(sample: Sample, shift: float, edges: Floats, threads: int | None = None) -> Floats:
    """Return for each bin the number of values, the sum of their L(x + shift), and that of x.

    Shape (3, bins): bin b holds edges[b - 1] < x <= edges[b], and the last one what lies above all edges.
    """
    size = 1 << int(edges.size).bit_length()
    padded = np.full(size - 1, math.inf)
    padded[: edges.size] = edges
    work = partial(_module().bin_sums, sample.raw, sample.side, sample.origin, shift, padded)
    total = np.zeros((3, size))
    for part in _in_blocks(work, sample.size, _BLOCK_OF_BINS, lambda: np.zeros((3, size)), threads):
        total += part
    return total[:, : edges.size + 1]


def _in_blocks(
    work: Callable[..., None], size: int, block: int, blank: Callable[[], Floats], threads: int | None
) -> Iterator[Floats]:
    """Give what `work` fills in for each block, in the order of the blocks."""

    def fill(first: int) -> Floats:
        out = blank()
        work(first, min(first + block, size), out)
        return out

    with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(fill, range(0, size, block))


def _exact_sum(parts: Iterator[Floats]) -> Floats:
    return np.array([math.fsum(column) for column in zip(*parts, strict=True)])


@cache
def _module() -> ModuleType:
    from numba import types

    from fluctua.stochastic.compiling import compile_kernel, kernel_module

    number, index = types.float64, types.int64
    values = types.Array(number, 1, "C", readonly=True)  # one that may be written is taken, too
    signatures: dict[str, Any] = {
        "tail_sums": (values, *[number] * 4, index, index, number[::1]),
        "fit_sums": (values, *[number] * 7, index, index, number[::1]),
        "bin_sums": (values, *[number] * 3, number[::1], index, index, number[:, ::1]),
    }
    path = Path(__file__).parent / "kernels" / "logistic.py"
    module = kernel_module(path, list(signatures), how="allocating")
    for name, signature in signatures.items():
        compile_kernel(getattr(module, name), signature)
    return module
