r"""The work at which two histograms cross, with a bootstrap interval: honest, assumption-free and wasteful.

By Crooks' theorem the density of forward work and that of reverse work with its sign turned are equal at
:math:`w=f`, and nowhere else. The crossing is where the difference of the cumulated histograms is largest,

.. math:: \max_w\,[Q(w)-P(w)], \qquad p(w)=q(w)\ \mathrm{there},

refined between the two neighbouring cells by the logarithm of their ratio, which the theorem makes a straight
line. Only counts in cells matter, so the bootstrap draws counts, at a price that does not depend on the
number of trajectories.

Sources: Collin, Ritort, Jarzynski, Smith, Tinoco and Bustamante (2005); Efron (1979).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.samples import Sample

Floats = NDArray[np.float64]

REPLICATES = 400  # of the bootstrap: its error is then known to 3.5 %
_SEED = 20051
_FEWEST_CELLS, _MOST_CELLS = 8, 120
_RANGE = (5.0, 95.0)  # percent of either sample; what lies beyond is counted in one cell on either side
_LOOKED_AT = 100_000  # values, at most, from which the cells are chosen


@dataclass(frozen=True)
class Crossing:
    """Where two histograms cross.

    Attributes
    ----------
    value : float
        In kT.
    standard_error : float
        Standard deviation over bootstrap replicates.
    low, high : float
        Percentiles of the replicates.
    """

    value: float
    standard_error: float
    low: float
    high: float


def histogram_crossing(forward: Sample, turned: Sample, alpha: float = 0.05) -> Crossing | None:
    """Find where the histograms of two samples cross.

    Parameters
    ----------
    forward, turned : Sample
        Forward work, and reverse work with its sign turned, in kT.
    alpha : float
        One less the level of the interval.

    Returns
    -------
    Crossing or None
        Nothing where all work is equal. The bootstrap draws from a fixed seed: equal samples give equal
        intervals.
    """
    edges = _edges(forward, turned)
    if edges is None:
        return None
    centres = np.concatenate([[1.5 * edges[0] - 0.5 * edges[1]], 0.5 * (edges[:-1] + edges[1:])])
    centres = np.append(centres, 2.0 * centres[-1] - centres[-2])
    counts = [_counts(sample, edges) for sample in (forward, turned)]
    random = np.random.default_rng(_SEED)
    drawn = [random.multinomial(count.sum(), count / count.sum(), size=REPLICATES) for count in counts]
    replicates = _cross(drawn[0], drawn[1], centres)
    low, high = np.quantile(replicates, [0.5 * alpha, 1.0 - 0.5 * alpha])
    value = float(_cross(counts[0][None], counts[1][None], centres)[0])
    return Crossing(value, float(replicates.std(ddof=1)), float(low), float(high))


def _edges(forward: Sample, turned: Sample) -> Floats | None:
    """Choose cells over the bulk of both samples, as wide as Freedman and Diaconis advise for the smaller."""
    seen = [s.side * s.raw[:: math.ceil(s.size / _LOOKED_AT)] - s.origin for s in (forward, turned)]
    low, high = (
        pick(np.percentile(values, share) for values in seen)
        for pick, share in zip((min, max), _RANGE, strict=True)
    )
    quartiles = [np.percentile(values, [25.0, 75.0]) for values in seen]
    spread = min(float(upper - lower) for lower, upper in quartiles)
    if not high > low:
        return None
    width = 2.0 * spread / min(forward.size, turned.size) ** (1.0 / 3.0)
    wanted = (high - low) / width if width > 0.0 else _MOST_CELLS
    cells = int(np.clip(math.ceil(min(wanted, _MOST_CELLS)), _FEWEST_CELLS, _MOST_CELLS))
    return np.linspace(low, high, cells + 1)


def _counts(sample: Sample, edges: Floats) -> NDArray[np.int64]:
    counts = np.zeros(edges.size + 1, np.int64)
    for part in sample.blocks():
        counts[1:-1] += np.histogram(part, edges.size - 1, (edges[0], edges[-1]))[0]
        counts[0] += np.count_nonzero(part < edges[0])
    counts[-1] = sample.size - counts.sum()
    return counts


def _cross(forward: NDArray[np.int64], turned: NDArray[np.int64], centres: Floats) -> Floats:
    """Return the crossing of each pair of histograms: shape (replicates,)."""
    share_forward = forward / forward.sum(axis=1, keepdims=True)
    share_turned = turned / turned.sum(axis=1, keepdims=True)
    apart = np.cumsum(share_turned - share_forward, axis=1)
    left = np.argmax(apart[:, :-1], axis=1)[:, None]
    # Half a count in an empty cell keeps the logarithm finite.
    ratio = np.log(forward + 0.5) - np.log(turned + 0.5)
    ratio += np.log(turned.sum(axis=1) / forward.sum(axis=1))[:, None]
    before, after = (np.take_along_axis(ratio, left + k, axis=1)[:, 0] for k in (0, 1))
    rise = after - before
    share = np.clip(np.divide(-before, rise, out=np.full_like(rise, 0.5), where=rise > 0.0), 0.0, 1.0)
    left = left[:, 0]
    return np.asarray(centres[left] + share * (centres[left + 1] - centres[left]))
