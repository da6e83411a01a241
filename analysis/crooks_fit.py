r"""The fit of trajectories' direction to their work, and the tests of its shape.

The model and its symbols stand in `fluctua.analysis.crooks`. Small samples are judged by drawing the labels
again, larger ones by limit laws.

The regression asks nothing of how work is distributed, so it stands where work takes a few values (true
two-point measurements of a qubit or an oscillator, and walks, are rejected at .03 to .065 at 0.05). There the
shape is judged by the masses of all values instead of the walk of residuals: `fluctua.analysis.masses` says
why, and what becomes of values that one direction never takes.

Sources: Shirts, Bair, Hooker and Pande (2003); Prentice and Pyke (1979); Neyman (1937); Stute (1997).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.bennett import LEAST_INFORMATION, Pair
from fluctua.analysis.crooks_coins import Coins
from fluctua.analysis.logistic import likelihood, moments, residuals
from fluctua.analysis.masses import Masses, Unmatched, masses_of, matched
from fluctua.analysis.relabelling import Labels, p_value

Floats = NDArray[np.float64]

ENOUGH_INFORMATION = 100.0  # from there on, limit laws are as good as drawing the labels again
_DEGREE = 3  # of the polynomials of the smooth test
_SMALL_STEP = 0.1  # where one label can move a component by more than this, limit laws err in their tails
_CONFIRMED = 0.05  # where that is dear, only what the limit law rejects at this level is drawn again
_NO_INFORMATION = 1e-200
_SAME_WORK = 1e-8  # kT; a smaller spread is rounding, and says nothing about a slope


@dataclass(frozen=True)
class CrooksFit:
    """What the logistic model says of two samples of work, in kT.

    Attributes
    ----------
    n_forward, n_reverse : int
        Sizes of the samples.
    free_energy, free_energy_error : float
        BAR and its standard error (which means little where `information` is below 3).
    information : float
        Sum of p (1 - p): the effective number of trajectories in the overlap.
    slope, slope_error : float
        Maximum-likelihood slope of the log odds; NaN where the samples do not overlap.
    slope_statistic, slope_p : float
        Score test of slope 1: z, and its p-value.
    smooth_statistic, smooth_p, smooth_degrees : float, float, int
        Neyman's smooth test with information-weighted polynomials of degree 1 to 3.
    cusum_statistic, cusum_p : float
        Largest excursion of the cumulated residuals, ordered by work.
    method : str
        How the p-values were found.
    masses : Masses or None
        Test of the probability of each value, where the work takes a few values only.
    unmatched : Unmatched or None
        Values that one direction never takes; the fit is of the others.
    """

    n_forward: int
    n_reverse: int
    free_energy: float
    free_energy_error: float
    information: float
    slope: float
    slope_error: float
    slope_statistic: float
    slope_p: float
    smooth_statistic: float
    smooth_p: float
    smooth_degrees: int
    cusum_statistic: float
    cusum_p: float
    method: str
    masses: Masses | None = None
    unmatched: Unmatched | None = None

    @property
    def varies(self) -> bool:
        """Whether the work varies at all, so that there is a slope."""
        return self.smooth_degrees > 0

    @property
    def overlaps(self) -> bool:
        """Whether the samples share enough for an interval."""
        return self.information >= LEAST_INFORMATION


def fit_crooks(
    work_forward: ArrayLike, work_reverse: ArrayLike, *, alpha: float = 0.05, reversible: bool = False
) -> CrooksFit:
    """Fit the direction of trajectories to their work, and test the fit.

    Parameters
    ----------
    work_forward, work_reverse : array_like, shape (n_F,), (n_R,)
        Work on the system in each process, as measured, in kT.
    alpha : float
        Error rate that the p-values must resolve.
    reversible : bool
        Whether it is known that no trajectory is absolutely irreversible: then values that one direction
        never takes speak against the theorem like all others.

    Returns
    -------
    CrooksFit

    Raises
    ------
    InvalidInput
        If an array is empty or not finite.
    """
    pair, unmatched = Pair.of(work_forward, work_reverse), None
    if not reversible:
        pair, unmatched = matched(pair, alpha)
    f, _ = pair.solved()
    basis = _Basis.at(pair, f)
    scores = basis.project(pair)
    coins = Coins.of(pair, f)
    # Residuals sum to zero at BAR: a Brownian bridge, whose time is the information collected so far.
    walk = coins.excursion / math.sqrt(basis.information)
    slope, slope_error = _slope(pair, f, basis.centre)
    observed = _Statistics(abs(scores[0]) if scores.size else 0.0, float(scores @ scores), walk)
    chance, method = _chances(pair, coins, basis, observed, alpha)
    return CrooksFit(
        n_forward=pair.sizes[0],
        n_reverse=pair.sizes[1],
        free_energy=pair.origin + f,
        free_energy_error=pair.free_energy_error(basis.information),
        information=basis.information,
        slope=slope,
        slope_error=slope_error,
        slope_statistic=float(scores[0]) if scores.size else 0.0,
        slope_p=chance.slope,
        smooth_statistic=observed.smooth,
        smooth_p=chance.smooth,
        smooth_degrees=int(scores.size),
        cusum_statistic=observed.walk,
        cusum_p=chance.walk,
        method=method,
        masses=masses_of(coins, fitted=True, alpha=alpha),
        unmatched=unmatched,
    )


@dataclass(frozen=True)
class _Statistics:
    """The three tests: as statistics (larger is worse) or as p-values."""

    slope: float
    smooth: float
    walk: float


@dataclass(frozen=True)
class _Basis:
    r"""Polynomials of the work, orthonormal in the information weights :math:`v=p(1-p)` and orthogonal to f.

    .. math:: \sum_i v_i\,\phi_j(x_i)\,\phi_k(x_i)=\delta_{jk}, \qquad \phi_0=\mathrm{const}

    The sum of residuals times :math:`\phi_k` is then a standard normal number under the theorem, and that of
    :math:`\phi_1\propto x-c` is the score of the slope, with c the information-weighted centre.
    """

    f: float
    information: float
    centre: float
    width: float
    coefficients: Floats  # (components, 4): of 1, h, h^2, h^3 with h = (x - centre) / width

    @classmethod
    def at(cls, pair: Pair, f: float) -> _Basis:
        information, first, second = _moments(pair, f, f, 1.0, 2)
        if information < _NO_INFORMATION:
            # What a label says is then certain: one wrong label is one too many.
            only = np.array([[0.0, 1.0, 0.0, 0.0]]) / math.sqrt(_NO_INFORMATION)
            return cls(f, _NO_INFORMATION, f, 1.0, only)
        offset = first / information
        width = math.sqrt(max(second / information - offset**2, 0.0))
        centre = f + offset
        if not width > _SAME_WORK:
            return cls(f, information, centre, 1.0, np.empty((0, _DEGREE + 1)))
        moments = _moments(pair, f, centre, width, 2 * _DEGREE)
        return cls(f, information, centre, width, _orthonormal(moments))

    def values(self, x: Floats) -> Floats:
        """Evaluate the components at work x: shape (n, components)."""
        h = (x - self.centre) / self.width
        rows = [_polynomial(h, row) for row in self.coefficients]  # none where the work does not vary
        return np.ascontiguousarray(np.array(rows).reshape(-1, x.size).T)

    def largest_step(self, pair: Pair) -> float:
        """Return the most that one label can move a component, in its standard deviations.

        A single rare trajectory far out moves the cubic by several: the limit law does not know that.
        """
        ends = [end for sample, _ in pair.labelled for end in (sample.low, sample.high)]
        return float(np.max(np.abs(self.values(np.array(ends))), initial=0.0))

    def project(self, pair: Pair) -> Floats:
        """Return the sums of residual times component."""
        shift = pair.log_sizes - self.f
        powers = sum(residuals(*labelled, shift, self.centre, self.width) for labelled in pair.labelled)
        return np.asarray(self.coefficients @ powers)


def _moments(pair: Pair, f: float, centre: float, width: float, largest: int) -> list[float]:
    """Return the sums of v h^k with h = (x - centre) / width and v = p (1 - p), for k = 0 to `largest`."""
    shift = pair.log_sizes - f
    both = [moments(sample, shift, centre, width, largest) for sample, _ in pair.labelled]
    return [float(value) for value in both[0] + both[1]]


def _orthonormal(moments: list[float]) -> Floats:
    """Orthonormalise 1, h, h^2, h^3 under these moments, without powers that the data cannot tell apart."""
    gram = np.array([[moments[i + j] for j in range(_DEGREE + 1)] for i in range(_DEGREE + 1)])
    rows: list[Floats] = []
    for k in range(_DEGREE + 1):
        row = np.eye(_DEGREE + 1)[k]
        for _ in range(2):  # twice is enough for orthogonality to rounding
            for done in rows:
                row = row - (done @ gram @ row) * done
        norm = float(row @ gram @ row)
        if norm > 1e-9 * gram[k, k]:
            rows.append(row / math.sqrt(norm))
    return np.array(rows[1:]).reshape(-1, _DEGREE + 1)


def _polynomial(h: Floats, row: Floats) -> Floats:
    return np.asarray(((row[3] * h + row[2]) * h + row[1]) * h + row[0])


def _chances(
    pair: Pair, coins: Coins, basis: _Basis, observed: _Statistics, alpha: float
) -> tuple[_Statistics, str]:
    """Return the p-values and how they were found, which the work decides and not its labels.

    So the p-values of true ensembles are uniform. The one exception: where drawing would take seconds, only
    a smooth test that rejects is drawn again, and the larger p counts.
    """
    labels = Labels(coins.chance, basis.values(coins.work), coins.last, bridge=True, count=coins.count)
    if basis.information < ENOUGH_INFORMATION:
        return _by_relabelling(labels, basis, observed, alpha), "labels drawn again"
    limit = _by_limit_law(observed, int(basis.coefficients.shape[0]))
    if basis.largest_step(pair) <= _SMALL_STEP:
        return limit, "limit law"
    if labels.affordable:
        drawn = _by_relabelling(labels, basis, observed, alpha)
        return replace(drawn, slope=limit.slope), "limit law, shape by labels drawn again"
    if limit.smooth >= _CONFIRMED:
        return limit, "limit law"
    drawn = _by_relabelling(labels, basis, observed, alpha)
    return replace(limit, smooth=max(limit.smooth, drawn.smooth)), "limit law, smooth test redrawn"


def _by_limit_law(observed: _Statistics, components: int) -> _Statistics:
    return _Statistics(
        slope=float(2.0 * special.ndtr(-observed.slope)),
        smooth=float(special.chdtrc(components, observed.smooth)) if components else 1.0,
        walk=float(special.kolmogorov(observed.walk)),
    )


def _by_relabelling(labels: Labels, basis: _Basis, observed: _Statistics, alpha: float) -> _Statistics:
    if not basis.coefficients.size:
        return _Statistics(1.0, 1.0, 1.0)
    scores, walks = labels.redraw(labels.replicates(alpha))
    return _Statistics(
        slope=p_value(observed.slope, np.abs(scores[:, 0])),
        smooth=p_value(observed.smooth, np.square(scores).sum(axis=1)),
        walk=p_value(observed.walk, walks / math.sqrt(basis.information)),
    )


def _slope(pair: Pair, f: float, centre: float) -> tuple[float, float]:
    r"""Maximise the likelihood over the slope and a shift.

    .. math:: \mathrm{logit}\,P = M + c - f + a + \gamma\,(x-c)

    Damped Newton steps: plain ones diverge where the true slope is negative. Returns the slope and its
    standard error, NaN where the two samples are separated, as the maximum then lies at infinity.
    """
    if pair.forward.low > pair.turned.high or pair.forward.high < pair.turned.low:
        return math.nan, math.nan
    place = np.array([0.0, 1.0])
    shift = pair.log_sizes + centre - f
    height, gradient, curvature = _likelihood(pair, shift, centre, place)
    for _ in range(60):
        step = _newton_step(curvature, gradient)
        if step is None:
            return math.nan, math.nan
        tried = _likelihood(pair, shift, centre, place + step)
        while not tried[0] >= height - 1e-9 * (1.0 + abs(height)):
            step = 0.5 * step
            tried = _likelihood(pair, shift, centre, place + step)
        place = place + step
        height, gradient, curvature = tried
        if abs(step[1]) <= 1e-9 * max(1.0, abs(place[1])):
            return float(place[1]), math.sqrt(float(np.linalg.inv(curvature)[1, 1]))
    return math.nan, math.nan


def _newton_step(curvature: Floats, gradient: Floats) -> Floats | None:
    """Return the step, or nothing where the likelihood is flat."""
    determinant = curvature[0, 0] * curvature[1, 1] - curvature[0, 1] ** 2
    if not determinant > 1e-12 * curvature[0, 0] * curvature[1, 1]:
        return None
    step = np.linalg.solve(curvature, gradient)
    return np.asarray(step) if np.isfinite(step).all() else None


def _likelihood(pair: Pair, shift: float, centre: float, place: Floats) -> tuple[float, Floats, Floats]:
    """Return the log likelihood at (a, slope), its gradient and its negative curvature."""
    parts = [likelihood(*labelled, shift + place[0], place[1], centre) for labelled in pair.labelled]
    height, gradient, curvature = (one + other for one, other in zip(*parts, strict=True))
    return height, gradient, curvature
