r"""Serial correlation of numbers in the order in which they were measured.

With the autocorrelation :math:`\rho_t` at lag t, the mean of n numbers has the variance

.. math:: \operatorname{Var}\bar x = \frac{\sigma^2 g}{n}, \qquad g = 1 + 2\sum_{t\ge1}\rho_t .

Whether g is above 1 is *tested* first (`Course.p_value`), on ranks, so that one far outlier decides nothing;
only then is it estimated (`Course.inefficiency`), and used to choose blocks so long that their sums are
independent. Everything costs O(n): pairs of neighbours are averaged again and again (Flyvbjerg and Petersen),
and the transform of the autocorrelation is taken of a million averages at most.

Sources: Flyvbjerg and Petersen (1989), blocking; Jonsson (2018), serial correlation at every level of it;
Geyer (1992), initial monotone sequence; Wald and Wolfowitz (1943), the law of a serial correlation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special

from fluctua.analysis.samples import stretches

Floats = NDArray[np.float64]
Scores = Callable[[Floats], Floats]

SEGMENT = 1 << 20  # values worked on at once, and the longest sequence that is transformed
_FINE = 10  # times that neighbours are averaged within a segment
_EXACT = 1 << 15  # values up to which ranks are taken; of more, as many give the limits of what is clipped
_CLIPPED = 0.01  # share of the scores, on either side, that count as being at that limit
_FEWEST = 32  # averages from which on a serial correlation is looked at

BLOCK_IN_INEFFICIENCIES = 10.0
LEAST_BLOCKS = 20
MOST_BLOCKS = 200  # more would only shorten the blocks: the error of the error is 5 % by then
LEFT_OVER = 0.01  # level at which block sums may still look correlated


@dataclass(frozen=True)
class Course:
    """Scores of consecutive trajectories, several a trajectory.

    Attributes
    ----------
    n : int
        Number of trajectories.
    means : ndarray, shape (k, m)
        Scores averaged over `span` consecutive trajectories, with m at most about a million.
    span : int
        A power of two; 1 up to a million trajectories.
    variance : ndarray, shape (k,)
        Of the scores of one trajectory.
    p_value : float
        Chance that independent scores show such a serial correlation, at any distance.
    """

    n: int
    means: Floats
    span: int
    variance: Floats
    p_value: float

    @classmethod
    def of(cls, values: Floats, scores: Scores) -> Course:
        """Walk through values of shape (n,); `scores` maps m of them to shape (k, m)."""
        span = 1 << max(0, math.ceil(math.log2(values.size / SEGMENT)))
        sample = np.sort(scores(values[:: max(1, values.size // _EXACT)]), axis=1)
        middle = sample[:, sample.shape[1] // 2, None]
        tame = _ranks if values.size <= _EXACT else _clipped
        levels, tops, means = _Levels(sample.shape[0]), [], []
        total, squares = np.zeros((2, sample.shape[0]))
        for start in range(0, values.size, SEGMENT):
            parts = [scores(part) for part in stretches(values[start : start + SEGMENT])]
            for part in parts:
                centred = part - middle
                total += np.sum(centred, axis=1)
                squares += _products(centred, centred)
            means.append(_averaged(np.concatenate(parts, axis=1), span))
            tame_parts = np.concatenate([tame(part, sample) for part in parts], axis=1)
            tops.append(levels.walk(tame_parts, range(_FINE)))
        levels.walk(np.concatenate(tops, axis=1), range(_FINE, 64))
        variance = np.maximum(squares - total**2 / values.size, 0.0) / max(1, values.size - 1)
        return cls(values.size, np.concatenate(means, axis=1), span, variance, levels.p_value())

    @property
    def inefficiency(self) -> float:
        """The largest g of the scores, at least 1."""
        found = [1.0]
        for mean, variance in zip(self.means, self.variance, strict=True):
            if variance > 0.0:
                found.append(self.span * float(mean.var()) / float(variance) * inefficiency(mean))
        return max(found)

    def block_sums(self, blocks: int) -> Floats:
        """Return the sums of the scores, less their mean, over `blocks` stretches: shape (k, blocks)."""
        edges = np.linspace(0, self.means.shape[1], blocks, endpoint=False).astype(np.intp)
        centred = (self.means - self.means.mean(axis=1, keepdims=True)) * self.span
        return np.asarray(np.add.reduceat(centred, edges, axis=1))


def inefficiency(x: Floats) -> float:
    r"""Estimate g, the number of trajectories that are worth one independent one.

    .. math:: \hat g = -1 + 2\sum_m \min_{l\le m}\Gamma_l, \qquad \Gamma_m=\hat\rho_{2m}+\hat\rho_{2m+1},

    summed up to the first :math:`\Gamma_m\le0`: the initial monotone sequence of Geyer (1992), section 3.3.
    It is consistent for reversible Markov chains, and errs upwards on short ones.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Numbers in the order of measurement.

    Returns
    -------
    float
        At least 1; 1 where all numbers are equal.
    """
    centred = x - x.mean()
    size = fft.next_fast_len(2 * x.size, real=True)
    products = fft.irfft(np.square(np.abs(fft.rfft(centred, size))), size)[: x.size]
    if not products[0] > 0.0:
        return 1.0
    rho = products[: 2 * (x.size // 2)] / products[0]
    pairs = rho[0::2] + rho[1::2]
    negative = np.flatnonzero(pairs <= 0.0)
    kept = np.minimum.accumulate(pairs[: negative[0] if negative.size else pairs.size])
    return float(max(1.0, 2.0 * kept.sum() - 1.0))


def serial_correlation(x: Floats) -> float:
    r"""Return the lag-1 correlation of each row of shape (k, n), as a z-score; the largest.

    .. math:: z = \sqrt n\,\Big(\frac{\sum_i x_i x_{i+1}}{\sum_i x_i^2} + \frac1n\Big), \qquad \sum_i x_i = 0
    """
    return float(np.max(_as_z(_products(x, x), _products(x[:, 1:], x[:, :-1]), x.shape[1])))


def independent_blocks(courses: tuple[Course, ...]) -> int:
    """Return how many blocks each course can be cut into, with independent sums; 0 where too few.

    A block has ten inefficiencies at least. Where the block sums still look correlated, as they do
    where a weak correlation reaches far, half as many are tried.
    """
    reach = max(course.inefficiency * BLOCK_IN_INEFFICIENCIES / course.n for course in courses)
    blocks = min(MOST_BLOCKS, int(1.0 / reach))
    rows = sum(course.means.shape[0] for course in courses)
    limit = float(special.ndtri(1.0 - LEFT_OVER / rows))
    while blocks >= LEAST_BLOCKS:
        if max(serial_correlation(course.block_sums(blocks)) for course in courses) < limit:
            return blocks
        blocks //= 2
    return 0


def batch_covariance(courses: tuple[Course, ...], blocks: int) -> Floats:
    r"""Return the covariance of the sum of all scores, from the sums S over blocks: shape (k, k).

    .. math:: \sum_\mathrm{courses}\frac{B}{B-1}\sum_b S_b S_b^T
    """
    sums = [course.block_sums(blocks) for course in courses]
    return np.asarray(sum(each @ each.T for each in sums) * blocks / (blocks - 1))


class _Levels:
    """Serial correlations at every level of averaging neighbours."""

    def __init__(self, rows: int) -> None:
        self.counts = np.zeros(64, dtype=np.int64)
        self.sums, self.squares, self.products = np.zeros((3, 64, rows))

    def walk(self, y: Floats, levels: range) -> Floats:
        """Add what one stretch shows at these levels, and return its averages at the next one."""
        for level in levels:
            if y.shape[1] < 2:
                break
            self.counts[level] += y.shape[1]
            self.sums[level] += np.sum(y, axis=1)
            self.squares[level] += _products(y, y)
            self.products[level] += _products(y[:, 1:], y[:, :-1])
            y = _averaged(y, 2)
        return y if level == levels.stop - 1 and y.shape[1] else y[:, :0]

    def p_value(self) -> float:
        """Return the smallest p of a positive correlation times the number of looks (Bonferroni)."""
        z = np.array(list(self._z()))
        return float(min(1.0, z.size * special.ndtr(-z.max()))) if z.size else 1.0

    def _z(self) -> Iterator[Floats]:
        for level in np.flatnonzero(self.counts >= _FEWEST):
            n = int(self.counts[level])
            offset = np.square(self.sums[level]) / n
            yield _as_z(self.squares[level] - offset, self.products[level] - offset, n)


def _as_z(squares: Floats, products: Floats, n: int) -> Floats:
    rho = np.divide(products, squares, out=np.full_like(products, -1.0 / n), where=squares > 0.0)
    return np.asarray(math.sqrt(n) * (rho + 1.0 / n))


def _averaged(x: Floats, span: int) -> Floats:
    """Average stretches of `span`; what is left over at the end is dropped."""
    if span == 1:
        return x
    whole = x.shape[1] // span
    if span == 2:
        return np.asarray(0.5 * (x[:, 0 : 2 * whole : 2] + x[:, 1 : 2 * whole : 2]))
    return np.asarray(x[:, : whole * span].reshape(-1, whole, span).mean(axis=2))


def _products(x: Floats, y: Floats) -> Floats:
    return np.asarray(np.einsum("ki,ki->k", x, y))


def _ranks(part: Floats, ordered: Floats) -> Floats:
    """Return the share of values below each one, from -1/2 to 1/2; equal values share their rank."""
    ranks = np.empty_like(part)
    for row, values, others in zip(ranks, part, ordered, strict=True):
        below = np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")
        row[:] = below / (2.0 * others.size) - 0.5
    return ranks


def _clipped(part: Floats, ordered: Floats) -> Floats:
    """Bring the few largest and smallest values to the limit of the others: many averages forget the rest."""
    last = ordered.shape[1] - 1
    low, high = (ordered[:, round(share * last), None] for share in (_CLIPPED, 1.0 - _CLIPPED))
    alike = ~(high > low)  # nearly all values are one: then all there is lies outside
    low, high = np.where(alike, ordered[:, :1], low), np.where(alike, ordered[:, -1:], high)
    scale = np.maximum(high - low, np.finfo(np.float64).tiny)
    return np.asarray((np.clip(part, low, high) - low) / scale - 0.5)
