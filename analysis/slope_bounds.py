r"""Bounds of the slope of the detailed theorem that hold at every look: a run may stop when it is decided.

The sign of s is a coin, given its size (:mod:`~fluctua.analysis.detailed`); the theorem says that its log
odds are :math:`|s|`. A slope :math:`\gamma` is the number that makes

.. math:: \mathrm E\,\psi(|s|)\,\big[1_{s>0}-L(\gamma|s|)\big]=0, \qquad
   \psi(u)=\min(u, 6) \ \text{(sizes)} \quad\text{or}\quad \psi(u)=1_{u>0} \ \text{(signs)},

which falls as :math:`\gamma` grows. Where the log odds are :math:`\gamma|s|` both are their slope, and they
are defined whatever the log odds are: that of sizes is what a slope is fitted to, that of signs says whether
as many are positive as the theorem asks for.

**Pairs have the slope of Crooks' theorem.** Let forward work w and turned reverse work :math:`y=-w_R` have
densities with :math:`p(w)=q(w)\,e^{\gamma(w-f)}`. The dissipation of a pair, :math:`s=w-y`, then has at -s

.. math:: \int q(w)\,q(w+s)\,e^{\gamma(w-f)}\,dw = \int q(v-s)\,q(v)\,e^{\gamma(v-s-f)}\,dv

with :math:`v=w+s`, and that is :math:`e^{-\gamma s}` times its density at s. There is no f in it, right or
wrong.

**A bet against slopes up to g** multiplies the wealth by

.. math:: 1+\lambda\,\psi(|s|)\,\big[1_{s>0}-L(g|s|)\big], \qquad 0<\lambda\psi<1 .

Its expectation is 1 if :math:`\gamma=g`, and not above 1 if :math:`\gamma<g`, since the bracket falls with
the slope that stands in it. So the wealth is expected to grow under no slope up to g, and by Ville's
inequality it reaches :math:`1/\alpha` with a chance of at most :math:`\alpha`, whatever the number of looks.
Bets against slopes from g on have the other sign. (A likelihood ratio of two slopes is such a bet too, with a
weight of its own for each pair of slopes; one weight for all bets keeps it one slope that they are about.)

``holds`` within :math:`\epsilon` is said when slopes up to :math:`1-\epsilon` *and* slopes from
:math:`1+\epsilon` on have lost, those of sizes and those of signs, each at :math:`\alpha`. If either slope
lies at or beyond the edge, one of these four is true, and ``holds`` is said with a chance of at most
:math:`\alpha`: **whatever the law of s**, for nothing is assumed but trajectories that are independent and of
one law. It costs no share of :math:`\alpha`, as all four must lose.

What it does not say: two averages may be right by accident, where the log odds lie above the theorem at some
sizes and below it at others. A verdict on a complete sample asks for a shape that is not rejected; here
``holds`` is said only while no bet against the theorem itself has won, offsets among them. Such a bet that
wins means ``violated``, which is said of a true theorem with a chance of at most :math:`\alpha`. They are
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
from typing import Literal, get_args

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
Weight = Literal["sizes", "signs"]

LARGEST_SIZE = 6.0  # that counts as itself: 0.98 of the information of any Gaussian law is kept
LARGEST_TOLERANCE = 0.25  # twice as far off is where the bets against the theorem begin
IN_TOLERANCES = (0.5, 1.0, 2.0)  # shares, of which the middle one is the best where the slope is 1
_MOST: dict[Weight, float] = {"sizes": 0.9 / LARGEST_SIZE, "signs": 0.9}  # so that no bet loses everything
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
    of : {"sizes", "signs"}
        Which slope.
    shares : tuple of float
        What a unit of weight puts at stake.
    """

    edge: float
    side: float
    of: Weight
    shares: tuple[float, ...]

    @classmethod
    def beyond(cls, edge: float, side: float, of: Weight, tolerance: float) -> Slopes:
        """Return the bets that suit a truth which is that far from the edge."""
        return cls(edge, side, of, tuple(min(share * tolerance, _MOST[of]) for share in IN_TOLERANCES))

    def __len__(self) -> int:
        """Count the bets."""
        return len(self.shares)

    def gains(self, s: Floats) -> Floats:
        r"""Return :math:`\ln\{1\pm\lambda\,\psi(|s|)\,[1_{s>0}-L(g|s|)]\}` for each value and share."""
        weighted = self.side * weight(s, self.of) * residual(s, self.edge)
        gains: Floats = np.log1p(np.array(self.shares) * weighted[:, None])
        return gains


def weight(s: Floats, of: Weight) -> Floats:
    r"""Return :math:`\psi(|s|)`: the size, up to 6; or 1, and 0 for what has no sign."""
    psi: Floats = np.minimum(np.abs(s), LARGEST_SIZE) if of == "sizes" else np.abs(np.sign(s))
    return psi


def residual(s: Floats, slope: float) -> Floats:
    r"""Return :math:`1_{s>0}-L(\gamma|s|)`."""
    plus, minus = chances(slope * np.abs(s))
    return np.where(s > 0.0, minus, -plus)


@dataclass(frozen=True)
class SlopeBounds:
    """What is known of a slope after some values, however often one looked; plain data, cheap to go on from.

    Made by `SlopeBounds.before`.

    Attributes
    ----------
    tolerance : float
        What counts as equal to 1.
    alpha : float
        Error rate of ``holds`` at the edge of the tolerance, and of ``violated``.
    bounds : tuple of Wealth
        Won against slopes up to 1 - tolerance, and from 1 + tolerance on: of sizes, then of signs.
    theorem : Wealth
        Won against the theorem.
    sums : tuple of float
        Of residuals at slope 1 weighted by sizes, of their variances, and of how they fall with the slope.
    """

    tolerance: float
    alpha: float
    bounds: tuple[Wealth, Wealth, Wealth, Wealth]
    theorem: Wealth
    sums: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @classmethod
    def before(cls, tolerance: float, alpha: float = 0.05) -> SlopeBounds:
        """Return what is known before any value.

        Parameters
        ----------
        tolerance : float
            What counts as equal to 1; above 0, and at most 0.25.
        alpha : float
            Error rate; between 0 and 1.

        Raises
        ------
        InvalidInput
            A tolerance outside its range.
        """
        if not 0.0 < tolerance <= LARGEST_TOLERANCE:
            remedy = f"give a number above 0 and at most {LARGEST_TOLERANCE:g}"
            raise InvalidInput(f"{shown(tolerance)} is no tolerance of a slope", "tolerance", remedy)
        above, below, more, fewer = (
            Wealth.before(Slopes.beyond(1.0 - side * tolerance, side, of, tolerance))
            for of in get_args(Weight)
            for side in (1.0, -1.0)
        )
        theorem = Wealth.before(Signs(_tilts(tolerance)))
        return cls(tolerance, alpha, (above, below, more, fewer), theorem)

    @property
    def n(self) -> int:
        """Number of values seen."""
        return self.theorem.n

    @property
    def decision(self) -> Decision:
        """``violated`` once a bet against the theorem has won, ``holds`` once all bounds are shown."""
        if self.theorem.crossed(self.alpha):
            return "violated"
        return "holds" if all(wealth.crossed(self.alpha) for wealth in self.bounds) else "undecidable"

    @property
    def won(self) -> str:
        """What the bets against the theorem won at their best, after how many values, and most of it by what.

        The slope of all values may be another by then: a bet that has won stays won.
        """
        bets, peak = self.theorem.bets, self.theorem.log_peak
        assert isinstance(bets, Signs)
        times = f"{math.exp(peak):,.0f}" if peak < math.log(1e6) else "over 1,000,000"
        most = _told(*bets.tilts[self.theorem.peak_bet])
        return f"{times} times the stake after {self.theorem.peak_at:,}, most on {most}"

    @property
    def estimate(self) -> tuple[float, float]:
        r"""The slope of sizes and its standard error, one step of Newton's method from 1; NaN if unknown.

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
        above, below, more, fewer = (wealth.update(s) for wealth in self.bounds)
        return replace(
            self,
            bounds=(above, below, more, fewer),
            theorem=self.theorem.update(s),
            sums=_added(self.sums, s),
        )


def settled(s: Floats) -> Floats:
    """Set to zero what is zero but for rounding: terms that cancel leave a sign that is no coin."""
    return np.where(np.abs(s) > SAME, s, 0.0)


def _tilts(tolerance: float) -> tuple[tuple[float, float], ...]:
    far = (tilt for tilt in TILTS if max(abs(tilt[0] - 1.0), abs(tilt[1])) >= 2.0 * tolerance)
    return ((1.0 - 2.0 * tolerance, 0.0), (1.0 + 2.0 * tolerance, 0.0), *far)


def _told(slope: float, offset: float) -> str:
    """Name what a bet is on: log odds of slope |s| + offset."""
    if (slope, offset) == (-1.0, 0.0):
        return "signs that are turned around"
    if (slope, offset) == (0.0, 0.0):
        return "signs at random"
    if slope == 1.0:
        return f"an offset of {offset:.3g}"
    return f"a slope of {slope:.3g}" + (f" with an offset of {offset:.3g}" if offset else "")


def _added(sums: tuple[float, float, float], s: Floats) -> tuple[float, float, float]:
    """Add one value after the other, so that cuts leave no trace in the last digit."""
    size, psi = np.abs(s), weight(s, "sizes")
    plus, minus = chances(size)
    terms = np.stack([psi * residual(s, 1.0), psi**2 * plus * minus, psi * size * plus * minus], axis=1)
    score, variance, fall = np.add.accumulate(np.vstack([sums, terms]), axis=0)[-1].tolist()
    return score, variance, fall


# ---- the slope, and an interval for it -----------------------------------------------------------


@dataclass(frozen=True)
class SlopeInterval:
    """The slope of sizes, and an interval for it that does not mind why one stopped here.

    Attributes
    ----------
    slope : float
        That of the values; NaN where nearly all signs are the same.
    low, high : float
        Covers the slope with a chance of 1 - 2 alpha, whatever made one stop; infinite where unknown.
    level : float
        1 - 2 alpha.
    """

    slope: float
    low: float
    high: float
    level: float


def slope_interval(batches: Batches, known: SlopeBounds) -> SlopeInterval:
    """Give the slope of values that were seen, and the slopes that have not lost by now.

    Parameters
    ----------
    batches : callable
        Gives the same values as `known` has seen, in the same order, each time it is called.
    known : SlopeBounds
        After these values.

    Notes
    -----
    The bets are those of the tolerance, and a bound that was shown at any time counts, so that the interval
    lies within the tolerance where the bounds of sizes are shown. Slopes lose in order: wealth against slopes
    up to g falls with g. So each end is found by bisection, over six standard errors; where none of these
    slopes has lost, that end is infinite.
    """
    slope = _slope(batches)
    level = 1.0 - 2.0 * known.alpha
    _, error = known.estimate
    if not (math.isfinite(slope) and math.isfinite(error)):
        return SlopeInterval(slope, -math.inf, math.inf, level)
    low, high = (_end(batches, known, slope, error, side) for side in (1.0, -1.0))
    above, below = (wealth.crossed(known.alpha) for wealth in known.bounds[:2])
    low = max(low, 1.0 - known.tolerance) if above else low
    high = min(high, 1.0 + known.tolerance) if below else high
    return SlopeInterval(slope, low, high, level)


def _slope(batches: Batches) -> float:
    """Find the slope at which the weighted residuals add up to nothing."""

    def excess(slope: float) -> float:
        terms = (float(weight(s, "sizes") @ residual(s, slope)) for s in map(settled, batches()))
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
    wealth = Wealth.before(Slopes.beyond(edge, side, "sizes", known.tolerance))
    for s in batches():
        wealth = wealth.update(settled(s))
    return wealth.log_e_value >= -math.log(known.alpha)
