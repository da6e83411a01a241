"""The picture of a `TimeStepReport`: what was measured against the power of the time step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.analysis import drawing
from fluctua.analysis.parts import known
from fluctua.analysis.time_step import TimeStepReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def time_step_figure(report: TimeStepReport, title: str = "") -> Figure:
    r"""Draw the estimates against :math:`h^q`, the fitted line with its band, and its limit.

    What the theorem says is a horizontal line, and what counts as equal a grey band around it. The user's own
    time step is filled.

    Parameters
    ----------
    report : TimeStepReport
        At least one time step; without a fit only the points are drawn.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure
    """
    with drawing.drawing(width=6.4, height=4.3) as figure:
        axes = figure.subplots()
        _draw_theorem(axes, report)
        _draw_points(axes, report)
        if report.fit is not None:
            _draw_fit(axes, report)
        axes.set_xlabel("dt" if report.order == 1 else f"dt^{report.order:g}")
        axes.set_ylabel(report.name or "estimate")
        axes.legend(loc="best")
        drawing.entitle(figure, title)
    return figure


def _draw_theorem(axes: Axes, report: TimeStepReport) -> None:
    expected, tolerance = known(report.own.expected), known(report.own.tolerance)
    axes.axhspan(expected - tolerance, expected + tolerance, color=drawing.GREY, alpha=0.15, linewidth=0)
    axes.axhline(expected, color=drawing.INK, linewidth=0.9, label="theorem, and what counts as equal")


def _draw_points(axes: Axes, report: TimeStepReport) -> None:
    power = np.array(report.steps) ** report.order
    axes.errorbar(
        power,
        report.estimates,
        report.standard_errors,
        fmt="o",
        color=drawing.BLUE,
        markerfacecolor="white",
        label="measured, one standard error",
    )
    own = report.steps.index(report.step)
    axes.plot(
        power[own], report.estimates[own], "o", color=drawing.BLUE, zorder=5, label=f"dt = {report.step:g}"
    )


def _draw_fit(axes: Axes, report: TimeStepReport) -> None:
    assert report.fit is not None
    steps = np.linspace(0.0, report.steps[0] ** report.order, 100) ** (1.0 / report.order)
    line, error = report.fit.at(steps)
    power = steps**report.order
    axes.fill_between(power, line - error, line + error, color=drawing.VERMILLION, alpha=0.22, linewidth=0)
    axes.plot(power, line, color=drawing.VERMILLION, label=f"limit {report.fit.limit}")
