r"""Crooks' theorem as a coin toss, and Bennett's free-energy difference as its fit.

Work ``w`` of forward trajectories has the density p; ``y = -w`` of reverse ones the density q; all in kT. The
theorem says

.. math:: \frac{p(w)}{q(w)} = e^{w-f},

so that the direction of a trajectory, given its work, is a coin with a known bias, however the work is
distributed:

.. math:: P(\mathrm{forward} \mid w) = L(M + w - f),
   \qquad L(u) = \frac1{1+e^{-u}}, \qquad M=\ln\frac{n_F}{n_R}.

The only unknown is f, and its maximum-likelihood estimate is Bennett's acceptance ratio. Everything else that
a logistic model could contain must be absent: a slope other than 1, a bend, a local excess.

Sources: Bennett (1976); Crooks (1999); Shirts, Bair, Hooker and Pande (2003); Prentice and Pyke (1979);
Neyman (1937).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.estimate import Estimate
from fluctua.analysis.logistic import blocks, chances, log_chance, log_sum
from fluctua.analysis.parts import Part
from fluctua.analysis.relabelling import Labels, p_value, walk_ends
from fluctua.analysis.rule import judge, not_applicable
from fluctua.analysis.samples import finite
from fluctua.analysis.verdict import Verdict

Floats = NDArray[np.float64]

SLOPE_TOLERANCE = 0.05
FREE_ENERGY_TOLERANCE = 0.1  # kT
LEAST_INFORMATION = 3.0  # below it, no error bar of f or of the slope is honest
LITTLE_INFORMATION = 10.0  # below it, that of f is itself uncertain: Student's law instead of the normal one
ENOUGH_INFORMATION = 100.0  # from there on, limit laws are as good as drawing the labels again
_GOOD_SHARE = 0.02  # with more of the trajectories than that in the overlap, the samples are just small
LEAST_FOR_SHAPE = 20  # values in each direction
_DEGREE = 3  # of the polynomials of the smooth test
_CONFIRMED = 0.05  # a smooth test that rejects by its limit law at this level is drawn again,
_SMALL_STEP = 0.1  # where one label can move a component by more than this: limit laws err in their tails
_FEW = 199  # draws, at least, of such a second look at very many trajectories
_SUBSAMPLE = 1 << 15
_NO_INFORMATION = 1e-200
_SAME_WORK = 1e-8  # kT; a smaller spread is rounding, and says nothing about a slope


# ---- the estimate --------------------------------------------------------------------------------


def bar(work_forward: ArrayLike, work_reverse: ArrayLike) -> Estimate:
    r"""Estimate the free-energy difference by Bennett's acceptance ratio.

    .. math:: \sum_{i\in F} L(f-M-w_i) = \sum_{j\in R} L(M-w_j-f),
       \qquad \operatorname{Var} f = \Big[\sum p(1-p)\Big]^{-1} - \frac1{n_F} - \frac1{n_R}

    Parameters
    ----------
    work_forward : array_like, shape (n_F,)
        Work on the system in the forward process, in kT.
    work_reverse : array_like, shape (n_R,)
        Work on the system in the reverse process, as measured (no change of sign), in kT.

    Returns
    -------
    Estimate
        In kT. The standard error is NaN where the overlap information is below 3: no honest one exists.

    Raises
    ------
    InvalidInput
        If an array is empty or not finite.

    Notes
    -----
    Bennett (1976); Shirts, Bair, Hooker and Pande (2003). The two subtracted terms belong to samples whose
    sizes were chosen, not drawn.
    """
    pair = _Pair.of(work_forward, work_reverse)
    shift = pair.free_energy()
    information = _information(pair, shift)
    error = _free_energy_error(information, pair) if information >= LEAST_INFORMATION else math.nan
    return Estimate(pair.origin + shift, error, pair.n_forward + pair.n_reverse, "kT", "BAR")


@dataclass(frozen=True)
class _Pair:
    """Both samples on one axis, measured from an origin near them: work may sit at millions of kT."""

    forward: Floats
    turned: Floats
    origin: float

    @classmethod
    def of(cls, work_forward: ArrayLike, work_reverse: ArrayLike) -> _Pair:
        forward, turned = finite(work_forward, "forward"), -finite(work_reverse, "reverse")
        middle = 0.5 * (_rough_median(forward) + _rough_median(turned))
        origin = float(np.rint(middle))
        return cls(forward - origin, turned - origin, origin)

    @property
    def n_forward(self) -> int:
        return int(self.forward.size)

    @property
    def n_reverse(self) -> int:
        return int(self.turned.size)

    @property
    def log_sizes(self) -> float:
        return math.log(self.n_forward / self.n_reverse)

    @property
    def labelled(self) -> tuple[tuple[Floats, float], tuple[Floats, float]]:
        return (self.forward, 1.0), (self.turned, 0.0)

    def free_energy(self) -> float:
        """Return BAR's root, measured from the origin."""
        start = 0.0
        if max(self.n_forward, self.n_reverse) > 8 * _SUBSAMPLE:
            # A few values bring the root near; then the full sums need three rounds, not ten.
            start = _Pair(_thinned(self.forward), _thinned(self.turned), self.origin).free_energy()
        return _root(self, start)


def _thinned(values: Floats) -> Floats:
    return values[:: max(1, values.size // _SUBSAMPLE)]


def _rough_median(values: Floats) -> float:
    return float(np.median(values[:: max(1, values.size // 10_000)]))


def _root(pair: _Pair, start: float) -> float:
    r"""Solve BAR's equation in the logarithm, where it falls monotonically, with a slope from -2 to 0.

    .. math:: g(f)=\ln\sum_R L(M+y-f)-\ln\sum_F L(f-M-w)=0

    Newton's steps within a bracket that is certain from the outset; in the logarithm they do not stall where
    the samples do not overlap.
    """
    sizes = pair.log_sizes
    low = min(pair.forward.min(), pair.turned.min()) + min(sizes, 0.0)
    high = max(pair.forward.max(), pair.turned.max()) + max(sizes, 0.0)
    f = min(max(start, low), high)
    for _ in range(200):
        reverse, slope_reverse = log_sum(pair.turned, sizes - f, +1.0)
        forward, slope_forward = log_sum(pair.forward, sizes - f, -1.0)
        excess, slope = reverse - forward, slope_reverse + slope_forward
        low, high = (f, high) if excess > 0.0 else (low, f)
        following = f + excess / slope if slope > 0.0 else math.nan
        if abs(following - f) <= 1e-10 * max(1.0, abs(f)):
            return float(following)
        f = following if low < following < high else 0.5 * (low + high)
        if high - low <= 1e-13 * max(1.0, abs(f)):
            break
    return float(f)


def _information(pair: _Pair, f: float) -> float:
    r"""Return :math:`\sum p(1-p)` over both samples."""
    total = 0.0
    for values, _ in pair.labelled:
        for (part,) in blocks(values):
            total += float(np.dot(*chances(part + (pair.log_sizes - f))))
    return total


def _free_energy_error(information: float, pair: _Pair) -> float:
    variance = 1.0 / information - 1.0 / pair.n_forward - 1.0 / pair.n_reverse
    return math.sqrt(max(0.0, variance))


# ---- the fit -------------------------------------------------------------------------------------


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

    @property
    def varies(self) -> bool:
        """Whether the work varies at all, so that there is a slope."""
        return self.smooth_degrees > 0

    @property
    def overlaps(self) -> bool:
        """Whether the samples share enough for an interval."""
        return self.information >= LEAST_INFORMATION


def fit_crooks(work_forward: ArrayLike, work_reverse: ArrayLike, *, alpha: float = 0.05) -> CrooksFit:
    """Fit the direction of trajectories to their work, and test the fit.

    Parameters
    ----------
    work_forward, work_reverse : array_like, shape (n_F,), (n_R,)
        Work on the system in each process, as measured, in kT.
    alpha : float
        Error rate that the p-values must resolve.

    Returns
    -------
    CrooksFit

    Raises
    ------
    InvalidInput
        If an array is empty or not finite.
    """
    pair = _Pair.of(work_forward, work_reverse)
    f = pair.free_energy()
    basis = _Basis.at(pair, f)
    scores = basis.project(pair)
    walk = _walk(pair, f, basis.information)
    slope, slope_error = _slope(pair, f, basis.centre)
    observed = _Statistics(abs(scores[0]) if scores.size else 0.0, float(scores @ scores), walk)
    if basis.information < ENOUGH_INFORMATION:
        chance, method = _by_relabelling(pair, f, basis, observed, alpha), "labels drawn again"
    else:
        chance, method = _by_limit_law(observed, scores.size), "limit law"
        if chance.smooth < _CONFIRMED and basis.largest_step(pair) > _SMALL_STEP:
            again = _by_relabelling(pair, f, basis, observed, alpha, least=_FEW).smooth
            chance, method = (
                replace(chance, smooth=max(chance.smooth, again)),
                "limit law, smooth test redrawn",
            )
    return CrooksFit(
        n_forward=pair.n_forward,
        n_reverse=pair.n_reverse,
        free_energy=pair.origin + f,
        free_energy_error=_free_energy_error(basis.information, pair),
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
    def at(cls, pair: _Pair, f: float) -> _Basis:
        information, first, second = _moments(pair, f, f, 1.0, 2)
        if (
            information < _NO_INFORMATION
        ):  # what a label says is then certain: one wrong label is one too many
            return cls(
                f, _NO_INFORMATION, f, 1.0, np.array([[0.0, 1.0, 0.0, 0.0]]) / math.sqrt(_NO_INFORMATION)
            )
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
        return np.stack([_polynomial(h, row) for row in self.coefficients], axis=1)

    def largest_step(self, pair: _Pair) -> float:
        """Return the most that one label can move a component, in its standard deviations.

        A single rare trajectory far out moves the cubic by several: the limit law does not know that.
        """
        ends = [extreme(values) for values, _ in pair.labelled for extreme in (np.min, np.max)]
        return float(np.max(np.abs(self.values(np.array(ends))), initial=0.0))

    def project(self, pair: _Pair) -> Floats:
        """Return the sums of residual times component."""
        powers = np.zeros(_DEGREE + 1)
        for values, label in pair.labelled:
            for (part,) in blocks(values):
                forward, reverse = chances(part + (pair.log_sizes - self.f))
                residual = reverse if label else -forward
                h = (part - self.centre) / self.width
                for k in range(_DEGREE + 1):
                    powers[k] += float(np.sum(residual))
                    residual = residual * h
        return np.asarray(self.coefficients @ powers)


def _moments(pair: _Pair, f: float, centre: float, width: float, largest: int) -> list[float]:
    """Return the sums of v h^k with h = (x - centre) / width and v = p (1 - p), for k = 0 to `largest`."""
    sums = [0.0] * (largest + 1)
    for values, _ in pair.labelled:
        for (part,) in blocks(values):
            forward, reverse = chances(part + (pair.log_sizes - f))
            weight, h = forward * reverse, (part - centre) / width
            for k in range(largest + 1):
                sums[k] += float(np.sum(weight))
                weight = weight * h
    return sums


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


def _ordered(pair: _Pair, f: float) -> tuple[Floats, Floats, Floats]:
    """Return both samples sorted by work: work, chance of forward, residual."""
    work = np.concatenate([pair.forward, pair.turned])
    order = np.argsort(work)
    work, label = work[order], order < pair.n_forward
    forward, reverse = chances(work + (pair.log_sizes - f))
    return work, forward, np.where(label, reverse, -forward)


def _walk(pair: _Pair, f: float, information: float) -> float:
    r"""Return :math:`\max_w|\sum_{x_i\le w} r_i|/\sqrt{\sum v}`: the largest excursion of a Brownian bridge.

    Residuals sum to zero at BAR, and the time of the bridge is the information collected so far.
    """
    work, _, residual = _ordered(pair, f)
    heights = np.cumsum(residual)[walk_ends(work)]
    return float(np.max(np.abs(heights)) / math.sqrt(information))


def _by_limit_law(observed: _Statistics, components: int) -> _Statistics:
    return _Statistics(
        slope=float(2.0 * special.ndtr(-observed.slope)),
        smooth=float(special.chdtrc(components, observed.smooth)) if components else 1.0,
        walk=float(special.kolmogorov(observed.walk)),
    )


def _by_relabelling(
    pair: _Pair, f: float, basis: _Basis, observed: _Statistics, alpha: float, least: int = 999
) -> _Statistics:
    work, forward, _ = _ordered(pair, f)
    if not basis.coefficients.size:
        return _Statistics(1.0, 1.0, 1.0)
    labels = Labels(forward, basis.values(work), walk_ends(work), bridge=True)
    scores, walks = labels.redraw(labels.replicates(alpha, least))
    return _Statistics(
        slope=p_value(observed.slope, np.abs(scores[:, 0])),
        smooth=p_value(observed.smooth, np.square(scores).sum(axis=1)),
        walk=p_value(observed.walk, walks / math.sqrt(basis.information)),
    )


def _slope(pair: _Pair, f: float, centre: float) -> tuple[float, float]:
    r"""Maximise the likelihood over the slope and a shift.

    .. math:: \mathrm{logit}\,P = M + c - f + a + \gamma\,(x-c)

    Damped Newton steps: plain ones diverge where the true slope is negative. Returns the slope and its
    standard error, NaN where the two samples are separated, as the maximum then lies at infinity.
    """
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


def _likelihood(pair: _Pair, shift: float, centre: float, place: Floats) -> tuple[float, Floats, Floats]:
    """Return the log likelihood at (a, slope), its gradient and its negative curvature."""
    height, gradient, curvature = 0.0, np.zeros(2), np.zeros((2, 2))
    for values, label in pair.labelled:
        for (part,) in blocks(values):
            h = part - centre
            u = shift + place[0] + place[1] * h
            forward, reverse = chances(u)
            residual, weight = (reverse if label else -forward), forward * reverse
            height += float(np.sum(log_chance(u if label else -u)))
            gradient += np.sum(residual), np.dot(residual, h)
            weighted = weight * h
            curvature += [[np.sum(weight), np.sum(weighted)], [np.sum(weighted), np.dot(weighted, h)]]
    return height, gradient, curvature


# ---- the verdict ---------------------------------------------------------------------------------


def judge_crooks(
    fit: CrooksFit,
    *,
    delta_f: float | None = None,
    slope_tolerance: float = SLOPE_TOLERANCE,
    free_energy_tolerance: float = FREE_ENERGY_TOLERANCE,
    alpha: float = 0.05,
    symbol: str = "ΔF",
    assumptions: tuple[str, ...] = (),
) -> Verdict:
    """Judge Crooks' theorem: slope 1, no other shape, and the free-energy difference where it is known.

    Parameters
    ----------
    fit : CrooksFit
        From `fit_crooks`.
    delta_f : float, optional
        The free-energy difference in kT, where it is known.
    slope_tolerance, free_energy_tolerance : float
        What counts as equal; the latter in kT.
    alpha : float
        Error rate.
    symbol : str
        What the free-energy difference is called.
    assumptions : tuple of str
        What the verdict takes for granted.

    Returns
    -------
    Verdict
        With the parts ``slope``, ``shape`` and, where `delta_f` is given, `symbol` and ``joint``. Holm runs
        over the first three.
    """
    if not fit.varies:
        return not_applicable("crooks", "needs work that varies from trajectory to trajectory")
    parts = [slope_part(fit, slope_tolerance)]
    if delta_f is not None:
        parts.append(replace(free_energy_part(fit, delta_f, free_energy_tolerance), name=symbol))
    parts.append(shape_part(fit))
    if delta_f is not None and fit.overlaps:
        parts.append(_joint_part(parts[0], parts[1]))
    parts += _shape_details(fit)
    return judge(
        "crooks",
        parts,
        alpha=alpha,
        n=min(fit.n_forward, fit.n_reverse),
        information=fit.information,
        assumptions=("trajectories are independent", *assumptions),
    )


def slope_part(fit: CrooksFit, tolerance: float = SLOPE_TOLERANCE) -> Part:
    """Return the slope of the log odds, which should be 1."""
    known = fit.overlaps and math.isfinite(fit.slope_error)
    return Part(
        "slope",
        estimate=fit.slope if math.isfinite(fit.slope) else None,
        standard_error=fit.slope_error if known else None,
        expected=1.0,
        tolerance=tolerance,
        statistic=fit.slope_statistic,
        p_value=fit.slope_p,
        starved="" if known else _no_overlap(fit),
        method=f"score test, {fit.method}",
    )


def free_energy_part(fit: CrooksFit, delta_f: float, tolerance: float = FREE_ENERGY_TOLERANCE) -> Part:
    """Return BAR's free-energy difference, which should be `delta_f`; without overlap it is not tested."""
    part = Part("ΔF", fit.free_energy, expected=delta_f, tolerance=tolerance, method="BAR, Wald test")
    if not fit.overlaps:
        return replace(part, starved=_no_overlap(fit))
    difference, error = fit.free_energy - delta_f, fit.free_energy_error
    z = difference / max(
        error, _SAME_WORK
    )  # equal work in all trajectories has no error but that of rounding
    freedom = math.inf if fit.information >= LITTLE_INFORMATION else fit.information
    tail = special.ndtr(-abs(z)) if math.isinf(freedom) else special.stdtr(freedom, -abs(z))
    return replace(part, standard_error=error, statistic=z, p_value=float(2.0 * tail), freedom=freedom)


def shape_part(fit: CrooksFit) -> Part:
    """Return the test that the log odds are straight: smooth test and cusum, the smaller p counted twice."""
    if min(fit.n_forward, fit.n_reverse) < LEAST_FOR_SHAPE:
        return Part("shape", starved=f"too few trajectories: shape needs {LEAST_FOR_SHAPE} in each direction")
    return Part(
        "shape",
        statistic=fit.smooth_statistic,
        p_value=min(1.0, 2.0 * min(fit.smooth_p, fit.cusum_p)),
        method=f"smooth test and cusum, {fit.method}",
    )


def _shape_details(fit: CrooksFit) -> list[Part]:
    return [
        Part(
            "smooth", statistic=fit.smooth_statistic, p_value=fit.smooth_p, decides=False, method=fit.method
        ),
        Part("cusum", statistic=fit.cusum_statistic, p_value=fit.cusum_p, decides=False, method=fit.method),
    ]


def _joint_part(slope: Part, free_energy: Part) -> Part:
    """Return the joint test of slope and ΔF, which are independent at the information-weighted centre."""
    statistic = float(slope.statistic or 0.0) ** 2 + float(free_energy.statistic or 0.0) ** 2
    return Part(
        "joint",
        statistic=statistic,
        p_value=float(special.chdtrc(2, statistic)),
        decides=False,
        method="chi-square, 2",
    )


def _no_overlap(fit: CrooksFit) -> str:
    carried = f"the information of {fit.information:.2g}, and an interval needs {LEAST_INFORMATION:g}"
    if fit.information > _GOOD_SHARE * min(fit.n_forward, fit.n_reverse):
        return f"too few trajectories: they carry {carried}"
    return f"no overlap: forward and reverse work share {carried}; drive more slowly, or add trajectories"
