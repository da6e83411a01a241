"""The picture of one free-energy difference by every method: intervals, and what has none."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.analysis.drawing import BLUE, GREY, INK, VERMILLION, drawing, entitle, legend_above
from fluctua.analysis.free_energies import Method
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LETTERS = 46  # of a reason, in a line
_FAR = 1e4  # kT; beyond, the axis counts from a round number near the values


def free_energy_by_method(
    methods: Sequence[Method], *, delta_f: float | None = None, title: str = ""
) -> Figure:
    """Draw the interval of each method, and the reason of each that has none.

    The axis is as wide as the intervals need: a refused value that lies outside is an arrow at the edge. The
    grey band is the interval of the first method, if it has one.

    Parameters
    ----------
    methods : sequence of Method
        From `free_energies`, in kT; at least one.
    delta_f : float, optional
        The known free-energy difference, in kT.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidInput
        If there is no method.
    """
    if not methods:
        raise InvalidInput("no free-energy difference to draw", "methods")
    low, high = _limits(methods, delta_f)
    far = max(abs(low), abs(high)) > max(_FAR, 10.0 * (high - low))
    origin = float(np.rint(0.5 * (low + high))) if far else 0.0
    with drawing(width=8.6, height=1.3 + 0.5 * len(methods)) as figure:
        axes = figure.subplots()
        _draw_intervals(axes, methods, origin)
        _draw_refused(axes, methods, origin, (low, high))
        if delta_f is not None and low <= delta_f <= high:
            axes.axvline(delta_f - origin, color=INK, linewidth=1.3, linestyle=":", label="known ΔF")
        axes.set(xlim=(low - origin, high - origin), ylim=(len(methods) - 0.4, -0.6))
        axes.set_yticks(range(len(methods)), [method.method for method in methods])
        axes.set_xlabel(f"ΔF − ({origin:,.0f} kT), in kT" if origin else "ΔF (kT)")
        axes.grid(visible=False, axis="y")
        if axes.get_legend_handles_labels()[0]:
            legend_above(axes)
        entitle(figure, title)
    return figure


def _limits(methods: Sequence[Method], delta_f: float | None) -> tuple[float, float]:
    """Hold all intervals, or all values where there are none, and what is known if it is not far away."""
    ends = [end for method in methods for end in (method.low, method.high) if end is not None]
    ends = ends or [method.value for method in methods if method.value is not None] or [0.0]
    low, high = min(ends), max(ends)
    width = (high - low) or 1.0
    if delta_f is not None and low - width < delta_f < high + width:
        low, high = min(low, delta_f), max(high, delta_f)
    return low - 0.08 * width, high + 0.08 * width


def _draw_intervals(axes: Axes, methods: Sequence[Method], origin: float) -> None:
    told = [(row, method) for row, method in enumerate(methods) if method.low is not None]
    if not told:
        return
    best = methods[0]
    if best.low is not None and best.high is not None:
        axes.axvspan(best.low - origin, best.high - origin, color=GREY, alpha=0.16, linewidth=0)
    rows = [row for row, _ in told]
    values, low, high = (
        np.array([getattr(method, name) for _, method in told], dtype=np.float64) - origin
        for name in ("value", "low", "high")
    )
    look: Any = {"fmt": "o", "color": BLUE, "markersize": 6, "elinewidth": 2.2, "capsize": 4}
    axes.errorbar(values, rows, xerr=(values - low, high - values), label="interval", **look)
    for row, method in told:
        _beside(axes, row, method.number, INK)


def _draw_refused(axes: Axes, methods: Sequence[Method], origin: float, limits: tuple[float, float]) -> None:
    """Draw values without an interval hollow, and arrows where they lie outside."""
    label: str | None = "no interval"
    for row, method in enumerate(methods):
        if method.low is not None:
            continue
        if method.value is not None:
            place = min(max(method.value, limits[0]), limits[1])
            marker = "<" if method.value < limits[0] else ">" if method.value > limits[1] else "o"
            look: Any = {"color": VERMILLION, "markerfacecolor": "white", "markersize": 7, "clip_on": False}
            axes.plot(place - origin, row, marker, label=label, zorder=4, linestyle="none", **look)
            label = None
        _beside(axes, row, textwrap.fill(f"{method.number}, {method.refused}", _LETTERS), GREY)


def _beside(axes: Axes, row: int, text: str, colour: str) -> None:
    axes.annotate(
        text,
        (1.0, row),
        (12.0, 0.0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        ha="left",
        va="center",
        fontsize=9,
        color=colour,
    )
