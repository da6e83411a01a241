"""Pictures of driven cycles: the diagram of work of a limit cycle, and the heat of its strokes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle as endless
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.drawing import (
    GREY,
    INK,
    SKY,
    STROKES,
    drawing,
    entitle,
)
from fluctua.stochastic.errors import InvalidInput, not_among

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fluctua.ensembles.dataset import Dataset
    from fluctua.stochastic.schedule import Schedule

Floats = NDArray[np.float64]


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
    moves = np.rint(mean.index.to_numpy() / schedule.move).astype(np.int64)
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
