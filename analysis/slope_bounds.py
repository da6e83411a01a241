r"""Bounds of the slope of the detailed theorem that hold at every look: a run may stop when it is decided.

The sign of s is a coin, given its size (:mod:`~fluctua.analysis.detailed`); the theorem says that its log
odds are :math:`|s|`. The slope :math:`\gamma` is the number that makes

.. math:: \mathrm E\,\psi(|s|)\,\big[1_{s>0}-L(\gamma|s|)\big]=0, \qquad \psi(u)=\min(u, 6),

which falls as :math:`\gamma` grows. Where the log odds are :math:`\gamma|s|` it is their slope, and it is
defined whatever they are.

**Pairs have the slope of Crooks' theorem.** Let forward work w and turned reverse work :math:`y=-w_R` have
densities with :math:`p(w)=q(w)\,e^{\gamma(w-f)}`. The dissipation of a pair, :math:`s=w-y`, then has at -s

.. math:: \int q(w)\,q(w+s)\,e^{\gamma(w-f)}\,dw = \int q(v-s)\,q(v)\,e^{\gamma(v-s-f)}\,dv

with :math:`v=w+s`, and that is :math:`e^{-\gamma s}` times its density at s. There is no f in it, right or
wrong.

**A bet against slopes up to g** multiplies the wealth by

.. math:: 1+\lambda\,\psi(|s|)\,\big[1_{s>0}-L(g|s|)\big], \qquad 0<\lambda\le 0.15 .

Its expectation is 1 if :math:`\gamma=g`, and not above 1 if :math:`\gamma<g`, since the bracket falls with
the slope that stands in it. So the wealth is expected to grow under no slope up to g, and by Ville's
inequality it reaches :math:`1/\alpha` with a chance of at most :math:`\alpha`, whatever the number of looks.
Bets against slopes from g on have the other sign. (A likelihood ratio of two slopes is such a bet too, with a
weight of its own for each; one weight for all keeps it one slope that they are about.)

``holds`` within :math:`\epsilon` is said when slopes up to :math:`1-\epsilon` *and* slopes from
:math:`1+\epsilon` on have lost, each at :math:`\alpha`. Of both at most one is true, so a slope at or beyond
the edge is let through with a chance of at most :math:`\alpha`, **whatever the law of s**: nothing is assumed
but trajectories that are independent and of one law.

What it does not say: a slope of 1 may be an average of log odds that are none of the theorem's, above it at
some sizes and below it at others. A verdict on a complete sample asks for a shape that is not rejected; here
``holds`` is said only while no bet against the theorem itself, its offsets among them, has won. Such bets
that win mean ``violated``, which is said of a true theorem with a chance of at most :math:`\alpha`. They are
those of :mod:`~fluctua.analysis.sequential` that lie at least :math:`2\epsilon` from it, and the slopes
:math:`1\pm2\epsilon`: a bet wins where the truth is nearer to it than to the theorem, so deviations below the
tolerance are left to the bounds.

Sources: Ville (1939); Schuirmann (1987), two one-sided tests; Berger (1982), tests that must all reject;
Howard, Ramdas, McAuliffe and Sekhon (2021), confidence sequences; Waudby-Smith and Ramdas (2024).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from fluctua.analysis.logistic import chances
from fluctua.analysis.relabelling import SAME
from fluctua.analysis.samples import finite
from fluctua.analysis.sequential import TILTS, Signs, Wealth
from fluctua.stochastic.errors import InvalidInput, shown

Floats = NDArray[np.float64]
Batches = Callable[[], Iterable[Floats]]
Decision = Literal["holds", "violated", "undecidable"]

LARGEST_WEIGHT = 6.0  # of a size: 0.98 of the information of any Gaussian law is kept
LARGEST_TOLERANCE = 0.25  # twice as far off is where the bets against the theorem begin
IN_TOLERANCES = (0.5, 1.0, 2.0)  # shares, of which the middle one is the best where the slope is 1
_MOST = 0.9 / LARGEST_WEIGHT  # share, so that no bet loses everything
_STEPS = 6  # halvings of a bracket of as many standard errors: a tenth of one remains
_STEEPEST = 64.0  # slope that is told; coins steeper than that fall on one side


@dataclass(frozen=True)
class Slopes:
    """Bets against all slopes up to an edge, or from it on.

    Attributes
    ----------
    edge : float
        The slope nearest to what the bets hope for.
    side : {1.0, -1.0}
        1: the truth is hoped to lie above the edge; -1: below.
    shares : tuple of float
        What a unit of weight puts at stake.
    """

    edge: float
    side: float
    shares: tuple[float, ...]

    def __len__(self) -> int:
        """Count the bets."""
        return len(self.shares)

    def gains(self, s: Floats) -> Floats:
        r"""Return :math:`\ln\{1\pm\lambda\,\psi(|s|)\,[1_{s>0}-L(g|s|)]\}` for each value and share."""
        weighted = self.side * weight(s) * residual(s, self.edge)
        gains: Floats = np.log1p(np.array(self.shares) * weighted[:, None])
        return gains


def weight(s: Floats) -> Floats:
    r"""Return :math:`\psi(|s|)`: the size, up to 6."""
    capped: Floats = np.minimum(np.abs(s), LARGEST_WEIGHT)
    return capped


def residual(s: Floats, slope: float) -> Floats:
    r"""Return :math:`1_{s>0}-L(\gamma|s|)`."""
    plus, minus = chances(slope * np.abs(s))
    return np.where(s > 0.0, minus, -plus)


@dataclass(frozen=True)
class SlopeBounds:
    """What is known of a slope after some values, however often one looked; plain data, cheap to go on from.

    Made by `slope_bounds`.

    Attributes
    ----------
    tolerance : float
        What counts as equal to 1.
    alpha : float
        Error rate of ``holds`` at the edge of the tolerance, and of ``violated``.
    above, below : Wealth
        Won against slopes up to 1 - tolerance, and against those from 1 + tolerance on.
    theorem : Wealth
        Won against the theorem.
    sums : tuple of float
        Of weighted residuals at slope 1, of their variances, and of how they fall with the slope.
    """

    tolerance: float
    alpha: float
    above: Wealth
    below: Wealth
    theorem: Wealth
    sums: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def n(self) -> int:
        """Number of values seen."""
        return self.theorem.n

    @property
    def decision(self) -> Decision:
        """``violated`` once a bet against the theorem has won, ``holds`` once both bounds are shown."""
        if self.theorem.crossed(self.alpha):
            return "violated"
        shown_both = self.above.crossed(self.alpha) and self.below.crossed(self.alpha)
        return "holds" if shown_both else "undecidable"

    @property
    def estimate(self) -> tuple[float, float]:
        r"""The slope and its standard error, by one step of Newton's method from 1; NaN without information.

        .. math:: 1+\frac{\sum\psi\,[1_{s>0}-L(|s|)]}{\sum\psi\,|s|\,v}, \qquad
           \frac{(\sum\psi^2 v)^{1/2}}{\sum\psi\,|s|\,v}, \qquad v=L(|s|)\,L(-|s|)
        """
        score, variance, fall = self.sums
        return (1.0 + score / fall, math.sqrt(variance) / fall) if fall > 0.0 else (math.nan, math.nan)

    def update(self, batch: ArrayLike) -> SlopeBounds:
        """Return what is known after more values.

        Parameters
        ----------
        batch : array_like, shape (m,)
            Entropy production in units of k_B, or the dissipation of pairs in kT, in an order that does not
            depend on the values. How they are cut into batches leaves no trace, to the last bit.

        Raises
        ------
        InvalidInput
            If the batch is empty or not finite.
        """
        s = settled(finite(batch, "entropy"))
        return replace(
            self,
            above=self.above.update(s),
            below=self.below.update(s),
            theorem=self.theorem.update(s),
            sums=_added(self.sums, s),
        )


def slope_bounds(tolerance: float, alpha: float = 0.05) -> SlopeBounds:
    """Return what is known of a slope before any value.

    Parameters
    ----------
    tolerance : float
        What counts as equal to 1; above 0, and at most 0.25.
    alpha : float
        Error rate, as in `SlopeBounds`; between 0 and 1.

    Raises
    ------
    InvalidInput
        A tolerance outside its range.
    """
    if not 0.0 < tolerance <= LARGEST_TOLERANCE:
        remedy = f"give a number above 0 and at most {LARGEST_TOLERANCE:g}"
        raise InvalidInput(f"{shown(tolerance)} is no tolerance of a slope", "tolerance", remedy)
    return SlopeBounds(
        tolerance,
        alpha,
        above=Wealth.before(_beyond(1.0 - tolerance, 1.0, tolerance)),
        below=Wealth.before(_beyond(1.0 + tolerance, -1.0, tolerance)),
        theorem=Wealth.before(Signs(_tilts(tolerance))),
    )


def settled(s: Floats) -> Floats:
    """Set to zero what is zero but for rounding: terms that cancel leave a sign that is no coin."""
    return np.where(np.abs(s) > SAME, s, 0.0)


def _beyond(edge: float, side: float, tolerance: float) -> Slopes:
    return Slopes(edge, side, tuple(min(share * tolerance, _MOST) for share in IN_TOLERANCES))


def _tilts(tolerance: float) -> tuple[tuple[float, float], ...]:
    far = (tilt for tilt in TILTS if max(abs(tilt[0] - 1.0), abs(tilt[1])) >= 2.0 * tolerance)
    return ((1.0 - 2.0 * tolerance, 0.0), (1.0 + 2.0 * tolerance, 0.0), *far)


def _added(sums: tuple[float, float, float], s: Floats) -> tuple[float, float, float]:
    """Add one value after the other, so that cuts leave no trace in the last digit."""
    size, psi = np.abs(s), weight(s)
    plus, minus = chances(size)
    terms = np.stack([psi * residual(s, 1.0), psi**2 * plus * minus, psi * size * plus * minus], axis=1)
    score, variance, fall = np.add.accumulate(np.vstack([sums, terms]), axis=0)[-1].tolist()
    return score, variance, fall


# ---- the slope, and an interval for it -----------------------------------------------------------


@dataclass(frozen=True)
class SlopeInterval:
    """A slope, and the interval that held it at every look.

    Attributes
    ----------
    slope : float
        That of the values; NaN where all signs agree with it or none does.
    low, high : float
        Covers the slope with a chance of 1 - 2 alpha, at all looks together; infinite where nothing is known.
    level : float
        1 - 2 alpha.
    """

    slope: float
    low: float
    high: float
    level: float


def slope_interval(batches: Batches, known: SlopeBounds) -> SlopeInterval:
    """Give the slope of values that were seen, and the slopes that have not lost yet.

    Parameters
    ----------
    batches : callable
        Gives the same values as `known` has seen, in the same order, each time it is called.
    known : SlopeBounds
        After these values.

    Notes
    -----
    The bets are those of the tolerance, so that the interval lies within it exactly when both bounds are
    shown. Slopes lose in order: wealth against slopes up to g falls with g. So each end is found by
    bisection, over six standard errors; where none of these slopes has lost, that end is infinite.
    """
    slope = _slope(batches)
    level = 1.0 - 2.0 * known.alpha
    _, error = known.estimate
    if not (math.isfinite(slope) and math.isfinite(error)):
        return SlopeInterval(slope, -math.inf, math.inf, level)
    ends = {side: _end(batches, known, slope, error, side) for side in (1.0, -1.0)}
    low = max(ends[1.0], 1.0 - known.tolerance) if known.above.crossed(known.alpha) else ends[1.0]
    high = min(ends[-1.0], 1.0 + known.tolerance) if known.below.crossed(known.alpha) else ends[-1.0]
    return SlopeInterval(slope, low, high, level)


def _slope(batches: Batches) -> float:
    """Find the slope at which the weighted residuals add up to nothing."""

    def excess(slope: float) -> float:
        terms = (float(weight(s) @ residual(s, slope)) for s in map(settled, batches()))
        return math.fsum(terms)

    steepest = _STEEPEST
    if not excess(-steepest) > 0.0 > excess(steepest):
        return math.nan
    return float(optimize.brentq(excess, -steepest, steepest, xtol=1e-9))


def _end(batches: Batches, known: SlopeBounds, slope: float, error: float, side: float) -> float:
    """Bisect for the slope, on one side of the estimate, that is the last to have lost."""
    kept, lost = 0.0, float(_STEPS)
    if not _has_lost(batches, slope - side * lost * error, side, known):
        return -side * math.inf
    for _ in range(_STEPS):
        middle = 0.5 * (kept + lost)
        if _has_lost(batches, slope - side * middle * error, side, known):
            lost = middle
        else:
            kept = middle
    return slope - side * lost * error


def _has_lost(batches: Batches, edge: float, side: float, known: SlopeBounds) -> bool:
    wealth = Wealth.before(_beyond(edge, side, known.tolerance))
    for s in batches():
        wealth = wealth.update(settled(s))
        if wealth.crossed(known.alpha):
            return True
    return False
