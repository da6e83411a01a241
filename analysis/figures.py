"""Pictures of runs: every one is a function that takes plain arrays and returns a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle as endless
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    SKY,
    STROKES,
    VERMILLION,
    drawing,
    entitle,
    legend_above,
)
from fluctua.analysis.samples import Sample
from fluctua.stochastic.errors import InvalidInput, not_among

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fluctua.ensembles.dataset import Dataset
    from fluctua.stochastic.schedule import Schedule

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
    never from a line laid through these points, which would depend on the bins.

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
    edges = _common_edges(work, bins)
    counts = [_counted(sample, edges) for sample in work]
    with drawing(width=10.4, height=4.3) as figure:
        densities, ratio = figure.subplots(1, 2)
        _draw_densities(densities, edges, counts, (work[0].size, work[1].size), delta_f, unit)
        _draw_ratio(ratio, edges, counts, (work[0].size, work[1].size), beta, delta_f, unit)
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


def _counted(sample: Sample, edges: Floats) -> NDArray[np.int64]:
    """Count between equally spaced edges, piece by piece: a file larger than memory passes."""
    counts = np.zeros(edges.size - 1, dtype=np.int64)
    for start in range(0, sample.size, _STRETCH):
        part = sample.side * sample.raw[start : start + _STRETCH]
        counts += np.histogram(part, edges.size - 1, (float(edges[0]), float(edges[-1])))[0]
    return counts


def _draw_densities(
    axes: Axes,
    edges: Floats,
    counts: Sequence[NDArray[Any]],
    sizes: tuple[int, int],
    delta_f: float,
    unit: str,
) -> None:
    named = (("forward, p(W)", BLUE, "-"), ("reverse, p(−W)", VERMILLION, "--"))
    for (label, colour, line), count, size in zip(named, counts, sizes, strict=True):
        density = count / (size * np.diff(edges))
        axes.stairs(density, edges, fill=True, color=colour, alpha=0.16)
        axes.stairs(density, edges, color=colour, linestyle=line, linewidth=2.0, label=label)
    axes.axvline(delta_f, color=INK, linewidth=1.2, linestyle=":", label=f"ΔF = {delta_f:.4g} {unit}")
    axes.set(xlabel=f"work W ({unit})", ylabel=f"density (1/{unit})")
    axes.set_ylim(bottom=0.0)
    legend_above(axes)


def _draw_ratio(
    axes: Axes,
    edges: Floats,
    counts: Sequence[NDArray[Any]],
    sizes: tuple[int, int],
    beta: float,
    delta_f: float,
    unit: str,
) -> None:
    shown = (counts[0] >= _LEAST_COUNT) & (counts[1] >= _LEAST_COUNT)
    middle, first, second = (x[shown] for x in (0.5 * (edges[1:] + edges[:-1]), counts[0], counts[1]))
    log_ratio = np.log(first / second) - np.log(sizes[0] / sizes[1])
    error = np.sqrt(1.0 / first + 1.0 / second)
    ends = np.array([middle.min(), middle.max()]) if shown.any() else edges[[0, -1]]
    axes.plot(ends, beta * (ends - delta_f), color=INK, linewidth=1.4, label=f"Crooks: slope β = {beta:.4g}")
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


@dataclass(frozen=True, eq=False)
class LimitCycle:
    r"""One turn of a driven cycle in the plane of a control and the mean coordinate it pulls at.

    For an energy with the term :math:`-E q` the work done on the system in one turn is

    .. math:: W = -\oint \langle q\rangle\,dE,

    the signed area of the loop: with :math:`E` drawn upwards, negative when it is run counter-clockwise.

    Attributes
    ----------
    control : ndarray, shape (n,)
        The control at each instant.
    position : ndarray, shape (n,)
        Mean coordinate at each instant.
    error : ndarray, shape (n,)
        Its standard error.
    stroke : ndarray, shape (n - 1,)
        The number of the stroke, from 0, that leads from each instant to the next.
    names : tuple of str
        The strokes' names.
    """

    control: Floats
    position: Floats
    error: Floats
    stroke: NDArray[np.int64]
    names: tuple[str, ...]

    @property
    def work(self) -> float:
        """The work of one turn, by the trapezium rule on the points; the ledger's own figure is sharper."""
        middle = 0.5 * (self.position[1:] + self.position[:-1])
        return float(-np.sum(middle * np.diff(self.control)))


def limit_cycle(run: Dataset, coordinate: str, control: str) -> LimitCycle:
    """Average a run's sampled paths over its last cycle.

    Parameters
    ----------
    run : Dataset
        With `paths`; sampled often enough for some points in each stroke.
    coordinate, control : str
        What to average, and the control that pulls at it.

    Returns
    -------
    LimitCycle
        Of all strokes whose ends were sampled.

    Raises
    ------
    InvalidInput
        If the run has no paths, or no such coordinate or control.
    """
    schedule = run.spec.schedule
    if control not in run.spec.system.controls:
        raise not_among(control, "control", run.spec.system.controls)
    borders = np.concatenate([[0], np.cumsum(schedule.moves)])
    first = schedule.cycle.index(schedule.cycles)
    mean = run.paths.mean(coordinate, by="time").sort_index()
    moves = np.rint(mean.index.to_numpy() / schedule.time_step).astype(np.int64)
    kept = moves >= borders[first]
    return LimitCycle(
        _at_borders_too(schedule, run.spec.system.controls.index(control))[moves[kept]],
        mean["mean"].to_numpy()[kept],
        mean["standard_error"].to_numpy()[kept],
        np.searchsorted(borders[first + 1 :], moves[kept][:-1], side="right"),
        tuple(schedule.names[first:]),
    )


def _at_borders_too(schedule: Schedule, number: int) -> Floats:
    """Give a control after each move, shape (steps + 1,): between moves it is half-way to the next."""
    held = schedule.controls[:, number]
    control = np.concatenate([[schedule.start_controls[number]], 0.5 * (held[1:] + held[:-1]), [held[-1]]])
    ends = np.cumsum(schedule.moves)
    control[ends] = schedule.closing_controls[:, number]
    return control


def work_diagram(
    cycles: Mapping[str, LimitCycle],
    *,
    control: str = "E",
    position: str = "⟨q⟩",
    quasi_static: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    notes: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Draw a control against the mean coordinate over limit cycles, a panel each, strokes coloured and named.

    Parameters
    ----------
    cycles : mapping of str to LimitCycle
        The panels from left to right, by the titles they get; at least one.
    control, position : str
        Words on the axes.
    quasi_static : mapping of str to pair of array_like
        Curves (mean coordinate, control) drawn thin behind each cycle, by label: what an infinitely slow
        stroke follows.
    notes : mapping of str to str
        A line inside a panel, by the panel's title (for instance the work of a cycle).
    title : str
        Stands above the picture.

    Returns
    -------
    Figure
    """
    if not cycles:
        raise InvalidInput("no cycle to draw", "cycles")
    with drawing(width=3.6 * len(cycles) + 0.9, height=4.9) as figure:
        panels = figure.subplots(1, len(cycles), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (name, cycle) in zip(panels, cycles.items(), strict=True):
            _draw_quasi_static(axes, quasi_static or {})
            _draw_cycle(axes, cycle)
            axes.set(title=name, xlabel=f"mean coordinate {position}")
            axes.margins(y=0.09)
            _write_inside(axes, (notes or {}).get(name, ""))
        panels[0].set_ylabel(f"control {control}")
        _share_legend(figure, panels[0])
        entitle(figure, title)
    return figure


def _draw_quasi_static(axes: Axes, curves: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> None:
    lines = endless(("--", ":", "-."))
    for label, (position, control) in curves.items():
        curve = np.asarray(position), np.asarray(control)
        axes.plot(*curve, color=GREY, linewidth=1.1, linestyle=next(lines), label=label)


def _draw_cycle(axes: Axes, cycle: LimitCycle) -> None:
    axes.fill(cycle.position, cycle.control, color=SKY, alpha=0.13, linewidth=0)
    for number, name in enumerate(cycle.names):
        steps = np.flatnonzero(cycle.stroke == number)
        if steps.size == 0:
            continue
        part = slice(int(steps[0]), int(steps[-1]) + 2)
        position, field, error = cycle.position[part], cycle.control[part], cycle.error[part]
        colour = STROKES[number % len(STROKES)]
        axes.fill_betweenx(field, position - error, position + error, color=colour, alpha=0.22, linewidth=0)
        axes.plot(position, field, color=colour, label=f"{number + 1} {name}", marker=".", markersize=3.5)
        _draw_arrow(axes, position, field, colour)
        _write_number(axes, cycle, part, str(number + 1), colour)


def _draw_arrow(axes: Axes, position: Floats, field: Floats, colour: str) -> None:
    """Put an arrow half-way along a stroke, pointing along its chord: single points jitter."""
    reach = max(1, position.size // 6)
    middle = position.size // 2
    tail, head = max(0, middle - reach), min(position.size - 1, middle + reach)
    axes.annotate(
        "",
        xy=(position[head], field[head]),
        xytext=(position[tail], field[tail]),
        arrowprops={"arrowstyle": "-|>", "mutation_scale": 18, "color": colour, "linewidth": 0, "shrinkB": 0},
        zorder=5,
    )


def _write_number(axes: Axes, cycle: LimitCycle, part: slice, number: str, colour: str) -> None:
    """Write a stroke's number beside its middle, on the side away from the rest of the loop."""
    position, field = cycle.position[part], cycle.control[part]
    place = float(position[position.size // 2]), float(field[field.size // 2])
    if np.ptp(field) > 0:
        level = np.abs(cycle.control - place[1]) <= 0.16 * np.ptp(cycle.control)
        offset = (float(np.copysign(14.0, place[0] - cycle.position[level].mean())), 0.0)
    else:
        offset = (0.0, float(np.copysign(12.0, place[1] - np.median(cycle.control))))
    style: Any = {"ha": "center", "va": "center", "fontsize": 11, "fontweight": "bold", "color": colour}
    axes.annotate(number, place, offset, textcoords="offset points", **style)


def _write_inside(axes: Axes, note: str) -> None:
    """Write into the upper left corner, which a loop that leans to the right leaves free."""
    axes.text(0.04, 0.9, note, transform=axes.transAxes, ha="left", va="top", fontsize=10.5, linespacing=1.4)


def heat_per_stroke(
    heat: ArrayLike,
    error: ArrayLike,
    *,
    strokes: Sequence[str],
    series: Sequence[str],
    reference: ArrayLike | None = None,
    unit: str = "energy",
    title: str = "",
) -> Figure:
    """Draw the mean heat into the system in each stroke as bars, and reference values as black lines on them.

    Parameters
    ----------
    heat, error : array_like, shape (series, strokes)
        Mean heat into the system in each stroke, and its standard error.
    strokes, series : sequence of str
        Names along the axis, and of the bars of one group.
    reference : array_like, shape (series, strokes), optional
        Exact values to mark.
    unit : str
        The word on the axis.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure
    """
    mean, deviation = (np.atleast_2d(np.asarray(x, dtype=np.float64)) for x in (heat, error))
    if mean.shape != (len(series), len(strokes)) or deviation.shape != mean.shape:
        raise InvalidInput(f"{mean.shape} values for {len(series)} series of {len(strokes)} strokes", "heat")
    width = 0.8 / len(series)
    offsets = np.asarray((np.arange(len(series)) - 0.5 * (len(series) - 1)) * width, dtype=np.float64)
    with drawing(width=8.4, height=4.3) as figure:
        axes = figure.subplots()
        for row, name in enumerate(series):
            place = np.arange(len(strokes)) + offsets[row]
            _draw_bars(axes, place, mean[row], deviation[row], 0.92 * width, row, name)
        if reference is not None:
            _mark_reference(axes, np.atleast_2d(np.asarray(reference, dtype=np.float64)), offsets, width)
        axes.axhline(0.0, color=INK, linewidth=0.9)
        axes.set_xticks(np.arange(len(strokes)), strokes)
        axes.grid(visible=False, axis="x")
        axes.set_ylabel(f"mean heat into the system ({unit})")
        axes.legend(ncols=len(series) + 1, loc="lower center", bbox_to_anchor=(0.5, 1.0))
        entitle(figure, title)
    return figure


def _draw_bars(
    axes: Axes, place: Floats, height: Floats, error: Floats, width: float, row: int, name: str
) -> None:
    """Draw one series; a hatch tells it from the others where colours do not."""
    look: Any = {
        "color": STROKES[row % len(STROKES)],
        "alpha": 0.78,
        "hatch": ("", "//", "..")[row % 3],
        "edgecolor": "white",
        "linewidth": 0,
    }
    axes.bar(place, height, width, label=name, yerr=error, error_kw={"elinewidth": 1.0}, **look)


def _mark_reference(axes: Axes, reference: Floats, offsets: Floats, width: float) -> None:
    place = np.arange(reference.shape[1]) + offsets[:, None]
    ends = (place - 0.5 * width).ravel(), (place + 0.5 * width).ravel()
    axes.hlines(reference.ravel(), *ends, color=INK, linewidth=2.2, label="reference")


def _share_legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, ncols=min(6, 2 * len(figure.axes), len(labels)), loc="outside lower center"
    )
