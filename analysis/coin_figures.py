r"""Pictures of the detailed theorems: the chance of a label, and the walk of its residuals.

The direction of a trajectory given its work (Crooks), or the sign of its entropy production given its size
(the one-sample theorem), is a coin with a known bias. What a verdict is made of can so be seen: shares of
labels beside the theorem's curve, and the cumulated difference of both, which no choice of bins can touch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.crooks import LEAST_INFORMATION, CrooksFit
from fluctua.analysis.detailed import DetailedFit
from fluctua.analysis.drawing import BLUE, GREY, INK, VERMILLION, drawing, entitle, legend_above
from fluctua.analysis.logistic import chances
from fluctua.analysis.parts import p_is
from fluctua.analysis.tosses import Tosses
from fluctua.analysis.verdict import counted
from fluctua.ensembles.estimate import uncertain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

MOST_BINS = 40
_TAIL = 1e-3  # share of the trajectories outside the axis at either end
_COLUMNS = 400  # of a walk: its highest and lowest point in each
_LEAST_WEIGHT = 4.0  # information of a bin, from where its residual over its error is nearly normal
WORK, SIZE = "work W − ΔF (kT)", r"size of the entropy production |s| ($k_\mathrm{B}$)"
ENTROPY = r"entropy production s less its fitted crossing ($k_\mathrm{B}$)"
EXCHANGED = r"size of the exchange times the affinity, |A X| ($k_\mathrm{B}$)"


def direction_probability(
    work_forward: ArrayLike, work_reverse: ArrayLike, *, fit: CrooksFit | None = None, title: str = ""
) -> Figure:
    r"""Draw the share of forward trajectories against the work, and the curve that Crooks' theorem demands.

    .. math:: P(\mathrm{forward}\mid W) = L\big(\ln(n_F/n_R) + W - \Delta F\big), \qquad L(u)=\frac1{1+e^{-u}}

    Above: shares in bins of work with their errors, the theorem's curve at BAR's ΔF, and the curve of the
    fitted slope. A bin stands where the theorem's curve has the mean chance of its trajectories, so that wide
    bins and lattices are compared exactly. Below: the difference in standard errors.

    Parameters
    ----------
    work_forward, work_reverse : array_like, shape (n_F,), (n_R,)
        Work on the system in each process, as measured, in kT. May be read-only maps of large files.
    fit : CrooksFit, optional
        From `fit_crooks` of the same work; made anew if left out.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidInput
        If an array is empty or not finite.
    """
    tosses = Tosses.of_directions(work_forward, work_reverse, fit)
    return draw_chances(tosses, WORK, "share that is forward", _error(tosses), title)


def direction_walk(
    work_forward: ArrayLike,
    work_reverse: ArrayLike,
    *,
    fit: CrooksFit | None = None,
    widened: float = 1.0,
    title: str = "",
) -> Figure:
    r"""Draw the cumulated residuals of the direction against the work, with the band of true pairs.

    .. math:: C(W) = \frac1{\sqrt I}\sum_{W_i\le W}(\delta_i-p_i), \qquad I=\sum_i p_i(1-p_i)

    where :math:`\delta` is 1 for forward trajectories and p their chance under Crooks' theorem. Of true pairs
    95 in 100 stay inside the band everywhere.

    Parameters
    ----------
    work_forward, work_reverse : array_like, shape (n_F,), (n_R,)
        Work on the system in each process, as measured, in kT. May be read-only maps of large files.
    fit : CrooksFit, optional
        From `fit_crooks` of the same work; made anew if left out.
    widened : float
        By what the dependence of trajectories on each other widens the band; 1 where they are independent.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidInput
        If an array is empty or not finite.
    """
    tosses = Tosses.of_directions(work_forward, work_reverse, fit)
    return draw_walk(tosses, WORK, "forward", widened, title)


def sign_probability(s: ArrayLike, *, fit: DetailedFit | None = None, title: str = "") -> Figure:
    r"""Draw the share of positive entropy productions against their size, and the theorem's curve.

    .. math:: P(s>0\mid|s|) = L(|s|), \qquad L(u)=\frac1{1+e^{-u}}

    Read as `direction_probability`.

    Parameters
    ----------
    s : array_like, shape (n,)
        Entropy production of each trajectory, in k_B. May be a read-only map of a large file.
    fit : DetailedFit, optional
        From `fit_detailed` of the same values; made anew if left out.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidInput
        If the array is empty or not finite.
    """
    tosses = Tosses.of_signs(s, fit)
    return draw_chances(tosses, SIZE, "share that is positive", _error(tosses), title)


def sign_walk(
    s: ArrayLike, *, fit: DetailedFit | None = None, widened: float = 1.0, title: str = ""
) -> Figure:
    """Draw the cumulated residuals of the sign against the size, with the band of true samples.

    Read as `direction_walk`; here the end of the walk is free, and counts the positive signs.

    Parameters
    ----------
    s : array_like, shape (n,)
        Entropy production of each trajectory, in k_B. May be a read-only map of a large file.
    fit : DetailedFit, optional
        From `fit_detailed` of the same values; made anew if left out.
    widened : float
        By what the dependence of trajectories on each other widens the band; 1 where they are independent.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidInput
        If the array is empty or not finite.
    """
    return draw_walk(Tosses.of_signs(s, fit), SIZE, "positive", widened, title)


# ---- drawing -------------------------------------------------------------------------------------


def draw_chances(
    tosses: Tosses, across: str, upwards: str, slope_error: float | None, title: str = ""
) -> Figure:
    """Draw shares of the label 1 above, and below what differs from the theorem, in standard errors.

    The fitted slope is told with `slope_error`, or as having no interval.
    """
    limits = axis_limits(tosses)
    with drawing(width=7.4, height=5.2) as figure:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        bins = _Bins.of(tosses, limits)
        _draw_curves(above, tosses, limits, slope_error)
        _draw_shares(above, tosses, bins)
        _draw_residuals(below, bins)
        above.set(ylabel=upwards, ylim=(-0.04, 1.04), xlim=limits)
        below.set(ylabel="difference\n(standard errors)", xlabel=across)
        legend_above(above, columns=2)
        entitle(figure, title)
    return figure


def draw_walk(tosses: Tosses, across: str, label: str, widened: float = 1.0, title: str = "") -> Figure:
    """Draw the walk of residuals, and the band that the largest excursion of a true one seldom leaves."""
    place, height = tosses.walk
    statistic, p = tosses.fit.cusum_statistic, tosses.fit.cusum_p
    band = tosses.band() * widened
    with drawing(width=7.4, height=3.6) as figure:
        axes = figure.subplots()
        name = "95 in 100 true ones stay inside"
        axes.axhspan(-band, band, color=GREY, alpha=0.16, linewidth=0, label=name)
        axes.axhline(0.0, color=INK, linewidth=0.9)
        told = f"measured: reaches {statistic:.2f}" + (f", {p_is(p)}" if widened == 1.0 else "")
        axes.step(*_thinned(place, height), where="post", color=BLUE, linewidth=1.4, label=told)
        reach = 1.12 * max(1.2, band, float(np.max(np.abs(height), initial=0.0)))
        axes.set(xlim=axis_limits(tosses), ylim=(-reach, reach), xlabel=across)
        axes.set_ylabel(f"{label} beyond the theorem,\ncumulated (standard errors)")
        legend_above(axes, columns=2)
        entitle(figure, title)
    return figure


def axis_limits(tosses: Tosses) -> tuple[float, float]:
    """Return an axis that holds all but the outermost thousandth of either label at either end."""
    if not tosses.place.size:
        return 0.0, 1.0
    ends = []
    for count in (tosses.heads, tosses.count - tosses.heads):
        if count.sum() > 0.0:
            share = np.cumsum(count) / count.sum()
            ends += [tosses.place[np.searchsorted(share, level)] for level in (_TAIL, 1.0 - _TAIL)]
    low, high = (min(ends), max(ends)) if tosses.bridge else (0.0, max(ends))
    margin = 0.03 * (high - low) if high > low else 0.5
    return float(low - (margin if tosses.bridge else 0.0)), float(high + margin)


@dataclass(frozen=True, eq=False)
class _Bins:
    """Coins joined: where each bin is drawn, its trajectories and labels 1, and what the theorem expects."""

    place: Floats
    count: Floats
    heads: Floats
    expected: Floats
    weight: Floats

    @classmethod
    def of(cls, tosses: Tosses, limits: tuple[float, float]) -> Self:
        """Join what lies inside the limits: a bin for each value of a lattice, else of equal width."""
        inside = (tosses.place >= limits[0]) & (tosses.place <= limits[1])
        place, count, heads = tosses.place[inside], tosses.count[inside], tosses.heads[inside]
        values, number = np.unique(place, return_inverse=True)
        number = number.astype(np.intp)
        if values.size > MOST_BINS or values.size > 0.25 * count.sum():
            most = int(np.clip(np.cbrt(8.0 * count.sum()), 6, MOST_BINS))
            number = ((place - limits[0]) * (most / (limits[1] - limits[0]))).astype(np.intp)
        expected, weight = count * tosses.chance[inside], tosses.weight[inside]
        sums = np.array([np.bincount(number, x) for x in (count, heads, expected, weight, count * place)])
        count, heads, expected, weight, place = sums[:, sums[0] > 0.0]
        chance = np.clip(expected / count, 1e-15, 1.0 - 1e-15)
        there = special.logit(chance) - tosses.log_odds
        # Near 0 and 1 the curve is flat, and where it has a chance is lost in rounding.
        return cls(np.where(weight > 1e-6 * count, there, place / count), count, heads, expected, weight)

    @property
    def shares(self) -> tuple[Floats, Floats, Floats]:
        """Share of the label 1 with the ends of Wilson's interval of one standard error (Wilson 1927)."""
        share = self.heads / self.count
        middle = (self.heads + 0.5) / (self.count + 1.0)
        reach = np.sqrt(self.count * share * (1.0 - share) + 0.25) / (self.count + 1.0)
        return share, np.minimum(middle - reach, share), np.maximum(middle + reach, share)


def _error(tosses: Tosses) -> float | None:
    """Return the error of the slope for independent trajectories, where an honest one exists."""
    fit = tosses.fit
    return (
        fit.slope_error if fit.information >= LEAST_INFORMATION and math.isfinite(fit.slope_error) else None
    )


def _draw_curves(axes: Axes, tosses: Tosses, limits: tuple[float, float], slope_error: float | None) -> None:
    x = np.linspace(*limits, 401)
    axes.plot(x, chances(x + tosses.log_odds)[0], color=INK, linewidth=1.6, label="theorem: slope 1")
    fitted, slope = tosses.fitted(x), tosses.fit.slope
    if fitted is not None:
        told = f"{slope:.2g}, no interval" if slope_error is None else uncertain(slope, slope_error)
        name = f"fitted: slope {told}"
        axes.plot(x, fitted, color=VERMILLION, linewidth=1.8, linestyle="--", label=name)


def _draw_shares(axes: Axes, tosses: Tosses, bins: _Bins) -> None:
    share, low, high = bins.shares
    name = f"measured, information {counted(tosses.fit.information)}"
    look: Any = {"fmt": "o", "markersize": 4.5, "color": BLUE, "elinewidth": 1.2, "zorder": 4}
    axes.errorbar(bins.place, share, (share - low, high - share), label=name, **look)


def _draw_residuals(axes: Axes, bins: _Bins) -> None:
    """Draw labels beyond what the theorem expects over their error, where there is enough to tell."""
    told = bins.weight >= _LEAST_WEIGHT
    height = (bins.heads - bins.expected)[told] / np.sqrt(bins.weight[told])
    axes.axhspan(-2.0, 2.0, color=GREY, alpha=0.16, linewidth=0)
    axes.axhline(0.0, color=INK, linewidth=0.9)
    axes.vlines(bins.place[told], 0.0, height, color=BLUE, linewidth=1.6)
    axes.plot(bins.place[told], height, "o", color=BLUE, markersize=4.0)
    reach = max(3.5, 1.12 * float(np.max(np.abs(height), initial=0.0)))
    axes.set_ylim(-reach, reach)
    if not told.any():
        axes.text(0.5, 0.72, "too little information to tell", ha="center", transform=axes.transAxes)


def _thinned(place: Floats, height: Floats) -> tuple[Floats, Floats]:
    """Keep the highest, the lowest and the last point of the walk in each of many columns."""
    if place.size <= 3 * _COLUMNS:
        return place, height
    low, high = place[0], place[-1]
    column = ((place - low) * (_COLUMNS / ((high - low) or 1.0))).astype(np.intp)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], place.size)
    kept = [
        first + at
        for first, end in zip(starts, ends, strict=True)
        for at in (int(np.argmin(height[first:end])), int(np.argmax(height[first:end])), end - first - 1)
    ]
    chosen = np.unique(kept)
    return place[chosen], height[chosen]
