r"""The picture of an exponential average: where its trajectories are, and which of them carry it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.drawing import BLUE, GREEN, INK, VERMILLION, drawing, entitle, legend_above
from fluctua.analysis.integral import ExponentialAverage, exponential_average
from fluctua.analysis.samples import Sample
from fluctua.analysis.verdict import counted
from fluctua.ensembles.estimate import uncertain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_STRETCH = 1 << 18  # values worked on at once
_SURVEYED = 1 << 16
_TAIL = 1e-3  # share of the trajectories beyond the right end of the axis


def exponential_terms(
    s: ArrayLike,
    *,
    expected: float = 0.0,
    average: ExponentialAverage | None = None,
    across: str = r"entropy production s ($k_\mathrm{B}$)",
    unit: str = r"$k_\mathrm{B}$",
    term: str = "exp(−s)",
    title: str = "",
) -> Figure:
    r"""Draw where the trajectories are, and where the average of exp(-s) comes from.

    Above the density p(s) of the trajectories, below their share of the average,

    .. math:: \frac{p(s)\,e^{-s}}{\langle e^{-s}\rangle},

    per unit of s: an area of one. What lies far to the left carries much and is rarely seen. Where the
    average is low, the region is hatched from which trajectories too rare to be seen must come to mend it.

    Parameters
    ----------
    s : array_like, shape (n,)
        Entropy production in k_B, or work in kT. May be a read-only map of a large file.
    expected : float
        Subtracted first: the known free-energy difference, of work.
    average : ExponentialAverage, optional
        From `exponential_average` of s less `expected`; made anew if left out.
    across, unit, term : str
        Words on the axes, and what is averaged.
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
    sample = Sample.of(s, "s").measured_from(expected)
    average = average or exponential_average(sample.raw - expected)
    edges = _edges(sample, average)
    with drawing(width=7.4, height=5.2) as figure:
        above, below = figure.subplots(2, 1, sharex=True)
        count, carried = _histograms(sample, edges)
        width = np.diff(edges)
        above.stairs(count / (sample.size * width), edges, fill=True, color=BLUE, alpha=0.35)
        above.set_ylabel(f"trajectories\n(density, 1/{unit})")
        name = f"{counted(average.effective)} of {average.n:,} trajectories carry the average"
        share = carried / max(float(carried.sum()), np.finfo(np.float64).tiny) / width
        below.stairs(share, edges, fill=True, color=GREEN, alpha=0.55, label=name)
        below.set(ylabel=f"share of the average\n(density, 1/{unit})", xlabel=across, xlim=edges[[0, -1]])
        _mark_seen(above, below, sample, _told(average, term))
        _mark_missing(below, edges, average)
        legend_above(above, columns=1)
        legend_above(below, columns=1)
        entitle(figure, title)
    return figure


def _edges(sample: Sample, average: ExponentialAverage) -> Floats:
    """Hold all that lies to the left, and from where unseen trajectories would have to come."""
    low, high = sample.low, float(np.quantile(sample.thinned(_SURVEYED), 1.0 - _TAIL))
    if math.isfinite(average.missing):
        low = min(low, average.missing - 0.12 * (high - average.missing))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    margin = 0.02 * (high - low)
    most = int(np.clip(2.0 * np.cbrt(sample.size), 10, 80))
    return np.linspace(low - margin, high + margin, most + 1)


def _histograms(sample: Sample, edges: Floats) -> tuple[Floats, Floats]:
    """Count the trajectories between the edges, and sum their exp(low - s)."""
    sums = np.zeros((2, edges.size - 1))
    ends = float(edges[0]), float(edges[-1])
    for start in range(0, sample.size, _STRETCH):
        x = sample.raw[start : start + _STRETCH] - sample.origin
        for row, weights in zip(sums, (None, np.exp(sample.low - x)), strict=True):
            row += np.histogram(x, edges.size - 1, ends, weights=weights)[0]
    return sums[0], sums[1]


def _mark_seen(above: Axes, below: Axes, sample: Sample, told: str) -> None:
    lowest = f"lowest of {sample.size:,}: {sample.low:.3g}"
    above.axvline(sample.low, color=INK, linewidth=1.2, linestyle=":", label=lowest)
    below.axvline(sample.low, color=INK, linewidth=1.2, linestyle=":")
    above.plot([], [], " ", label=told)


def _told(average: ExponentialAverage, term: str) -> str:
    """Write the average with its error, or on a logarithmic scale where it is huge."""
    mean = math.exp(min(-average.value, 700.0))
    if not mean < 1e6:
        return f"−ln of the mean of {term} is {average.value:.4g}, should be 0"
    if not average.sampled or not average.standard_error > 0.0:
        return f"mean of {term} {mean:.2g}, should be 1; no interval: tail not sampled"
    return f"mean of {term} {uncertain(mean, mean * average.standard_error)}, should be 1"


def _mark_missing(axes: Axes, edges: Floats, average: ExponentialAverage) -> None:
    """Hatch what no trajectory was seen in, and where some must lie if a low average is to be mended."""
    if not math.isfinite(average.missing):
        return
    name = f"missing tail: some below {average.missing:.2g}"
    axes.axvspan(
        edges[0],
        average.missing,
        facecolor="none",
        edgecolor=VERMILLION,
        hatch="///",
        linewidth=0,
        label=name,
    )
