r"""The law of a mean by resampling batches of consecutive values.

.. math:: \bar x^* = \frac{\sum_{b} S_{I_b}}{\sum_{b} m_{I_b}},
   \qquad I_1,\dots,I_B \sim \mathrm{uniform}\{1,\dots,B\}

with the sums S and the sizes m of B batches. For independent rows (or exchangeable ones) batches are as good
as rows, and a thousand replicates of ten million values cost little more than their mean. For correlated rows
the batches are the blocks of a block bootstrap, valid where a batch is much longer than the correlation.

Sources: Efron (1979); Carlstein (1986) for blocks side by side; Künsch (1989) for why blocks are needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.samples import finite
from fluctua.stochastic.errors import InvalidInput

Floats = NDArray[np.float64]

BATCHES = 2000  # the spread is then known to sqrt(2 / 2000) / 2 = 1.6 per cent
KEY = 0xB007  # fixed: the same values give the same replicates everywhere and always
_BLOCK = 1 << 17  # batches drawn at once: they stay in the cache


def bootstrap_mean(
    values: ArrayLike, replicates: int = 1000, *, key: int = KEY, batches: int = BATCHES
) -> Floats:
    r"""Draw means of resampled batches.

    Parameters
    ----------
    values : array_like, shape (n,)
        In the order in which they were taken, where they are correlated.
    replicates : int
        How many means.
    key : int
        Of the random stream (Philox).
    batches : int
        Into how many batches the values are divided; no more than there are values, and then each value is a
        batch: Efron's bootstrap.

    Returns
    -------
    ndarray, shape (replicates,)
        In the unit of the values. Their standard deviation is the standard error of the mean, their quantiles
        are the percentile interval.

    Raises
    ------
    InvalidInput
        If there are no values, some are not finite, or fewer than one replicate or two batches are asked for.
    """
    array = finite(values, "bootstrap")
    if replicates < 1 or batches < 2:
        raise InvalidInput(
            f"{replicates} replicates of {batches} batches", "bootstrap", "ask for at least 1 and 2"
        )
    number = min(batches, array.size)
    edges = np.arange(number + 1) * array.size // number
    sums, sizes = np.add.reduceat(array, edges[:-1]), np.diff(edges).astype(np.float64)
    rng = np.random.Generator(np.random.Philox(key))
    rows = max(1, _BLOCK // number)
    means = np.empty(replicates)
    for start in range(0, replicates, rows):
        drawn = rng.integers(number, size=(min(rows, replicates - start), number))
        means[start : start + rows] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return means
