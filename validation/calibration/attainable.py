r"""The most that any test can find of a fault, so that a lack of power is told from a lack of data.

Residuals of the logistic model whose mean a fault shifts carry, over all trajectories, the information

.. math:: \Lambda=\sum_b\frac{\big(\sum_{i\in b}r_i\big)^2}{\sum_{i\in b}v_i}

with b small bins of work and v = p (1 - p). It grows as n. A test that were told the fault beforehand, and
asked for nothing else, would find it as often as a noncentral chi-square number with one degree of freedom
and that noncentrality is large; one that looks at three polynomials has three degrees and only the part of
:math:`\Lambda` that they can express. Both are read off one large sample of the same kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from fluctua.analysis.crooks import fit_crooks
from fluctua.validation.calibration.noise import Noise
from fluctua.validation.calibration.truths import PairTruth

_LARGE = 100_000  # trajectories of each direction
_BINS = 200
ALPHA = 0.05


@dataclass(frozen=True)
class Attainable:
    """Shares of ensembles in which a fault can be found at 5 %.

    Attributes
    ----------
    smooth : float
        By polynomials up to the cubic, as the smooth test has them.
    told : float
        By a test that knew the fault.
    """

    smooth: float
    told: float


def attainable(truth: PairTruth, n: int) -> Attainable:
    """Say how often a fault can be found with `n` trajectories in each direction."""
    smooth, whole = _per_trajectory(truth)
    return Attainable(_share(3, n * smooth), _share(1, n * whole))


def _share(freedom: int, noncentrality: float) -> float:
    critical = float(special.chdtri(freedom, ALPHA))
    return float(1.0 - special.chndtr(critical, freedom, max(noncentrality, 0.0)))


@lru_cache(maxsize=64)
def _per_trajectory(truth: PairTruth) -> tuple[float, float]:
    """Return the noncentralities of one trajectory in each direction: of polynomials, of anything."""
    pairs = truth.draw(Noise.of(f"attainable {truth}", 0, 1), _LARGE)
    forward, reverse = (values[0][~np.isnan(values[0])] for values in (pairs.forward, pairs.reverse))
    fit = fit_crooks(forward, reverse)
    work = np.concatenate([forward, -reverse])
    label = np.arange(work.size) < forward.size
    chance = special.expit(np.log(forward.size / reverse.size) + work - fit.free_energy)
    variance = chance * (1.0 - chance)
    # Bins of equal information, and of single rare trajectories none: values at one place stay together.
    reached = np.cumsum(variance[np.argsort(work)])
    ordered = np.sort(work)
    edges = ordered[np.searchsorted(reached, np.linspace(0.0, reached[-1], _BINS + 1)[1:-1])]
    places = np.searchsorted(np.unique(edges), work, side="right")
    sums = np.bincount(places, label - chance) ** 2 / np.maximum(np.bincount(places, variance), 1e-300)
    degrees = fit.smooth_degrees
    # A true sample of that size has as much by chance as there are degrees of freedom.
    return (fit.smooth_statistic - degrees) / _LARGE, float(sums.sum() - (sums.size - 1)) / _LARGE
