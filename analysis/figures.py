"""The picture of a Crooks pair as textbooks draw it: two densities that cross at ΔF, and their log ratio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.atom_lines import AtomLines
from fluctua.analysis.drawing import BLUE, GREEN, GREY, INK, VERMILLION, drawing, entitle, legend_above
from fluctua.analysis.samples import Sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_SURVEYED = 1 << 17  # evenly spaced values, whose quantiles are the ends of the axis
_STRETCH = 1 << 18  # values counted at once
_LEAST_COUNT = 10  # below it, the logarithm of a count is too skewed for a symmetric error bar


def work_distributions(
    forward: ArrayLike,
    reverse: ArrayLike,
    beta: float = 1.0,
    delta_f: float = 0.0,
    *,
    unit: str = "kT",
    bins: int | None = None,
    title: str = "",
) -> Figure:
    r"""Draw the forward work, the reverse work with its sign turned, and their ratio against the Crooks line.

    The left panel shows the densities :math:`p_F(W)` and :math:`p_R(-W)`, which cross at :math:`W=\Delta F`,
    the right one :math:`\ln p_F(W)/p_R(-W)` in each bin, with one standard error, and the exact line

    .. math:: \ln\frac{p_F(W)}{p_R(-W)} = \beta\,(W-\Delta F).

    The picture is for the eye: a verdict comes from the logistic regression in `fluctua.analysis.crooks`,
    never from a line laid through these points, which would depend on the bins. Values with a probability of
    their own stand as stems, each with its own point on the right.

    Parameters
    ----------
    forward, reverse : array_like, shape (n,), (m,)
        Work on the system in the two processes, each as measured, in `unit`.
    beta : float
        Inverse temperature in 1 / `unit`.
    delta_f : float
        Free-energy difference of the forward process, in `unit`: exact where known, else estimated.
    unit : str
        The word on the axes.
    bins : int, optional
        Number of bins; by default it grows with the cube root of the samples.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidInput
        If a sample is empty or not finite.
    """
    work = Sample.of(forward, "forward"), Sample.of(reverse, "reverse", -1.0)
    atoms = AtomLines.of(work)
    edges = _common_edges(work, bins)
    counts = [_counted(sample, edges, atoms) for sample in work]
    sizes = work[0].size, work[1].size
    with drawing(width=10.4, height=4.3) as figure:
        densities, ratio = figure.subplots(1, 2)
        _draw_densities(densities, edges, counts, sizes, delta_f, unit, atoms)
        middle = np.concatenate([0.5 * (edges[1:] + edges[:-1]), atoms.value])
        both = [np.concatenate(pair) for pair in zip(counts, atoms.count, strict=True)]
        _draw_ratio(ratio, middle, both, sizes, beta, delta_f, unit)
        entitle(figure, title)
    return figure


def _common_edges(work: tuple[Sample, Sample], bins: int | None) -> Floats:
    """Give bins that hold all but the outermost thousandth of both samples."""
    if bins is None:
        bins = int(np.clip(2.0 * np.cbrt(min(sample.size for sample in work)), 10, 72))
    ends = [np.quantile(sample.thinned(_SURVEYED), (0.001, 0.999)) for sample in work]
    low, high = float(np.min(ends)), float(np.max(ends))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)


def _counted(sample: Sample, edges: Floats, atoms: AtomLines) -> NDArray[np.int64]:
    """Count what is no atom between equally spaced edges, piece by piece: files may exceed memory."""
    counts = np.zeros(edges.size - 1, dtype=np.int64)
    for start in range(0, sample.size, _STRETCH):
        part = atoms.apart(sample.side * sample.raw[start : start + _STRETCH])
        counts += np.histogram(part, edges.size - 1, (float(edges[0]), float(edges[-1])))[0]
    return counts


def _draw_densities(
    axes: Axes,
    edges: Floats,
    counts: Sequence[NDArray[Any]],
    sizes: tuple[int, int],
    delta_f: float,
    unit: str,
    atoms: AtomLines,
) -> None:
    named = (("forward, p(W)", BLUE, "-"), ("reverse, p(−W)", VERMILLION, "--"))
    for (label, colour, line), count, size in zip(named, counts, sizes, strict=True):
        if not atoms.are_all:
            density = count / (size * np.diff(edges))
            axes.stairs(density, edges, fill=True, color=colour, alpha=0.16)
            axes.stairs(density, edges, color=colour, linestyle=line, linewidth=2.0, label=label)
    axes.axvline(delta_f, color=INK, linewidth=1.2, linestyle=":", label=f"ΔF = {delta_f:.4g} {unit}")
    axes.set(xlabel=f"work W ({unit})", ylabel=f"density (1/{unit})")
    _draw_atoms(axes, atoms)
    axes.set_ylim(bottom=0.0)
    legend_above(axes)


def _draw_atoms(axes: Axes, atoms: AtomLines) -> None:
    """Draw stems of both directions, on an axis of their own where there is a density, too."""
    if not atoms.value.size:
        return
    beside = axes if atoms.are_all else axes.twinx()
    for row, (name, colour, mark) in enumerate((("forward", BLUE, "o"), ("reverse", VERMILLION, "s"))):
        atoms.draw(beside, row, colour, mark, name)
    if atoms.are_all:
        axes.set_ylabel("probability")
        return
    beside.set(ylabel="probability of one value\n(○ forward, □ reverse)", ylim=(0.0, None))
    beside.grid(visible=False)
    beside.spines["right"].set_visible(True)


def _draw_ratio(
    axes: Axes,
    places: Floats,
    counts: Sequence[NDArray[Any]],
    sizes: tuple[int, int],
    beta: float,
    delta_f: float,
    unit: str,
) -> None:
    shown = (counts[0] >= _LEAST_COUNT) & (counts[1] >= _LEAST_COUNT)
    middle, first, second = (x[shown] for x in (places, counts[0], counts[1]))
    log_ratio = np.log(first / second) - np.log(sizes[0] / sizes[1])
    error = np.sqrt(1.0 / first + 1.0 / second)
    ends = np.array([middle.min(), middle.max()]) if shown.any() else np.array([places.min(), places.max()])
    slope = "1" if unit == "kT" and beta == 1.0 else f"β = {beta:.4g}"
    axes.plot(ends, beta * (ends - delta_f), color=INK, linewidth=1.4, label=f"Crooks: slope {slope}")
    axes.errorbar(
        middle,
        log_ratio,
        error,
        fmt="o",
        markersize=4,
        color=GREEN,
        elinewidth=1.2,
        label="measured, ± 1 s.e.",
    )
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    axes.axvline(delta_f, color=INK, linewidth=1.2, linestyle=":")
    axes.set(xlabel=f"work W ({unit})", ylabel="ln [ p(W) forward / p(−W) reverse ]")
    legend_above(axes)
