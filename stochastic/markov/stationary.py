"""Probabilities that a generator at fixed rates leads to: the stationary ones, and those after a while.

Nothing here subtracts what may cancel, and nothing calls LAPACK: the results have full relative precision and
the same bits on every machine.
"""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.lanes import exp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.markov.generator import Generator

    Floats = NDArray[np.float64]

#: Terms of the exponential series at arguments up to 1/2: the next one is below 1e-19.
_TERMS = 16


def flows(generator: Generator, rates: Floats) -> Floats:
    """Return the rate from each level to each other, (N, n, n), of channels' rates (N, K)."""
    size = len(generator.levels)
    table = np.zeros((len(rates), size, size))
    for k, channel in enumerate(generator.channels):
        table[:, channel.source, channel.target] += rates[:, k]
    return table


def stationary(generator: Generator, rates: Floats) -> Floats:
    """Return the stationary probabilities.

    Levels are eliminated one by one, the last first: what flows in goes on to where it would have left. The
    escape rate of a level is the sum of its rates to those that are left, never a difference.

    Parameters
    ----------
    generator : Generator
    rates : (N, K) array, 1 / time
        Of each channel; 0 is a rate.

    Returns
    -------
    (N, n) array
        NaN where there are several stationary states, because levels fall apart into sets that no rate
        connects, and where a rate is not finite.

    Source
    ------
    Grassmann, Taksar, Heyman, Oper. Res. 33, 1107 (1985).
    """
    table = flows(generator, rates)
    result = np.full(table.shape[:2], np.nan)
    finite = np.isfinite(rates).all(axis=1)
    patterns, kind = np.unique((rates > 0.0)[finite], axis=0, return_inverse=True)
    for p, pattern in enumerate(patterns):
        sets = closed_sets(flows(generator, pattern[None, :].astype(np.float64))[0] > 0.0)
        rows = np.flatnonzero(finite)[kind.reshape(-1) == p]
        if len(sets) == 1:
            result[rows] = eliminated(table[rows], sets[0][0])
    return result


def closed_sets(connected: NDArray[np.bool_]) -> list[list[int]]:
    """List the sets of levels that are never left once entered, of which each level reaches each other.

    Parameters
    ----------
    connected : (n, n) array of bool
        Whether some rate leads from a level (row) to another (column).
    """
    size = len(connected)
    reach = connected | np.eye(size, dtype=bool)
    for k in range(size):
        reach |= reach[:, k, None] & reach[k]
    both = reach & reach.T
    closed = [i for i in range(size) if (reach[i] == both[i]).all() and both[i].argmax() == i]
    return [[int(j) for j in np.flatnonzero(both[i])] for i in closed]


def eliminated(table: Floats, root: int) -> Floats:
    """Eliminate all levels but `root`, which every level reaches, and put them back.

    Parameters
    ----------
    table : (M, n, n) array, 1 / time
        The rate from each level (row) to each other; the diagonal is not read.
    root : int

    Returns
    -------
    (M, n) array
        The stationary probabilities.
    """
    size = table.shape[1]
    order = [root, *(level for level in range(size) if level != root)]
    w = table[:, order][:, :, order]
    for k in range(size - 1, 0, -1):
        escape = np.cumsum(w[:, k, :k], axis=1)[:, -1]
        w[:, :k, k] /= escape[:, None]
        w[:, :k, :k] += w[:, :k, k, None] * w[:, k, None, :k]
    p = np.zeros(table.shape[:2])
    p[:, 0] = 1.0
    for k in range(1, size):
        p[:, k] = np.cumsum(p[:, :k] * w[:, :k, k], axis=1)[:, -1]
    p /= np.cumsum(p, axis=1)[:, -1, None]
    result = np.empty_like(p)
    result[:, order] = p
    return result


def relaxed(table: Floats, start: Floats, duration: float) -> Floats:
    """Return the probabilities after a while at fixed rates.

    By uniformisation, ``exp(L t) = exp(-r t) sum_k (r t)^k P^k / k!`` with probabilities P of where a jump of
    the common rate r leads, at a short time that is then doubled: all terms are positive.

    Parameters
    ----------
    table : (n, n) array, 1 / time
        Rates from each level to each other.
    start : (n,) array
        Probabilities at first.
    duration : float, time
    """
    escape = np.cumsum(table, axis=1)[:, -1]
    fastest = float(escape.max())
    if fastest * duration == 0.0:
        return start.copy()
    doublings = max(0, ceil(log2(fastest * duration)) + 1)
    jumps = table / fastest
    np.fill_diagonal(jumps, (fastest - escape) / fastest)
    step = _short(jumps, fastest * duration / 2.0**doublings)
    for _ in range(doublings):
        step = _product(step, step)
        step /= np.cumsum(step, axis=1)[:, -1, None]
    reached: Floats = _product(start[None, :], step)[0]
    return reached


def _short(jumps: Floats, time: float) -> Floats:
    """Sum the series at a time of at most 1/2, in units of the common rate."""
    term = np.eye(len(jumps))
    total = term.copy()
    for k in range(1, _TERMS + 1):
        term = _product(term, jumps) * (time / k)
        total = total + term
    return np.asarray(total * exp(np.float64(-time)))


def _product(a: Floats, b: Floats) -> Floats:
    """Multiply matrices of shapes (m, n) and (n, n), term by term in a fixed order."""
    total = np.zeros((len(a), b.shape[1]))
    for k in range(len(b)):
        total = total + a[:, k, None] * b[k]
    return total
