r"""The picture of an exponential average: where its trajectories are, and which of them carry it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.atom_lines import AtomLines, draw_stems
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

    per unit of s: an area of one. Values with a probability of their own are stems, whose heights sum to
    what is no area. What lies far to the left carries much and is rarely seen. Where the
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
    edges, shares = _edges(sample, average), _Shares.of(sample)
    with drawing(width=7.4, height=5.2) as figure:
        above, below = figure.subplots(2, 1, sharex=True)
        seen, carried = shares.seen(edges), shares.carried(edges)
        name = f"{counted(average.effective)} of {average.n:,} trajectories carry the average"
        _draw_panel(above, edges, seen, BLUE, 0.35, unit)
        _draw_panel(below, edges, carried, GREEN, 0.55, unit, name)
        above.set_ylabel(f"trajectories\n{above.get_ylabel()}")
        below.set_ylabel(f"share of the average\n{below.get_ylabel()}")
        below.set(xlabel=across, xlim=edges[[0, -1]])
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


@dataclass(frozen=True)
class _Shares:
    """A sample and the values in it that have a probability of their own; all of them, if there are few."""

    sample: Sample
    atoms: AtomLines

    @classmethod
    def of(cls, sample: Sample) -> Self:
        atoms = AtomLines.of([sample])
        return cls(sample, atoms.with_rare([sample]) if atoms.are_all else atoms)

    def seen(self, edges: Floats) -> _Panel:
        """Return what trajectories there are."""
        return self._panel(edges, lambda x: np.ones(x.size))

    def carried(self, edges: Floats) -> _Panel:
        """Return their parts of the average of exp(-s), which exp(low - s) says up to a factor."""
        return self._panel(edges, lambda x: np.exp(self.sample.low - x))

    def _panel(self, edges: Floats, weight: Callable[[Floats], Floats]) -> _Panel:
        """Sum the weights at each atom, and of all else between the edges."""
        bins, ends = np.zeros(edges.size - 1), (float(edges[0]), float(edges[-1]))
        stems = self.atoms.count[0] * weight(self.atoms.value)
        total = float(stems.sum())
        for start in () if self.atoms.are_each else range(0, self.sample.size, _STRETCH):
            raw = self.sample.raw[start : start + _STRETCH]
            x = self.atoms.apart(raw - self.sample.origin)
            terms = weight(x)
            total += float(terms.sum())
            bins += np.histogram(x, bins.size, ends, weights=terms)[0]
        whole = max(total, np.finfo(np.float64).tiny)
        density = None if self.atoms.are_each else bins / (whole * np.diff(edges))
        return _Panel(density, self.atoms.value, stems / whole)


@dataclass(frozen=True)
class _Panel:
    """Shares of a whole: a density in bins, where there is one, and stems."""

    density: Floats | None
    value: Floats
    stem: Floats


def _draw_panel(
    axes: Axes, edges: Floats, panel: _Panel, colour: str, alpha: float, unit: str, name: str = ""
) -> None:
    """Draw a density, stems, or both: then the stems have an axis of their own at the right."""
    if panel.density is None:
        draw_stems(axes, panel.value, panel.stem, colour, "o", name)
        axes.set(ylabel="(of each value)", ylim=(0.0, None))
        return
    axes.stairs(panel.density, edges, fill=True, color=colour, alpha=alpha, label=name or None)
    axes.set_ylabel(f"(density, 1/{unit})")
    if panel.value.size:
        beside = axes.twinx()
        draw_stems(beside, panel.value, panel.stem, colour, "o")
        beside.set(ylabel="of one value (○)", ylim=(0.0, None))
        beside.grid(visible=False)
        beside.spines["right"].set_visible(True)


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
