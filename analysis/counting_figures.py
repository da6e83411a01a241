"""Pictures of jumps that are counted: the staircase of one trajectory, and laws of whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.drawing import (
    BATHS,
    INK,
    drawing,
    entitle,
    legend_above,
)
from fluctua.analysis.samples import finite
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_MARKS = ("o", "s", "^", "D", "v", "P")


def staircase(
    jumps: pd.DataFrame,
    levels: Sequence[str],
    first: str,
    duration: float,
    *,
    unit: str = "",
    title: str = "",
) -> Figure:
    """Draw the levels that one trajectory went through, each jump an arrow in the colour of its bath.

    Parameters
    ----------
    jumps : DataFrame
        Of one trajectory: `time`, `channel` as ``"bath: from -> to"``, `state`, as in ``run.jumps``.
    levels : sequence of str
        From the bottom to the top.
    first : str
        The level at time 0.
    duration : float
        Where the picture ends; later jumps are left out.
    unit : str
        Of time.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidInput
        If a level is none of `levels`.
    """
    shown = jumps[jumps["time"] <= duration]
    unknown = {first, *shown["state"]} - set(levels)
    if unknown:
        raise InvalidInput(f"{sorted(unknown)[0]} is no level", "levels", "give the states of the system")
    heights = [levels.index(level) for level in (first, *shown["state"])]
    times = [0.0, *shown["time"]]
    baths = [channel.split(":")[0] for channel in shown["channel"]]
    colours = dict(zip(dict.fromkeys(baths), BATHS * len(baths), strict=False))
    with drawing(width=10.4, height=1.6 + 0.6 * len(levels)) as figure:
        axes = figure.subplots()
        axes.hlines(heights, times, [*times[1:], duration], color=INK, linewidth=2.5)
        for time, low, high, bath in zip(times[1:], heights, heights[1:], baths, strict=False):
            axes.annotate(
                "",
                (time, high),
                (time, low),
                arrowprops={"arrowstyle": "-|>", "color": colours[bath], "lw": 1.6},
            )
        for bath, colour in colours.items():
            axes.plot([], [], color=colour, marker=">", label=bath)
        axes.set_yticks(range(len(levels)), levels)
        axes.set(xlabel=f"time [{unit}]" if unit else "time", xlim=(0.0, duration))
        axes.margins(y=0.15)
        legend_above(axes)
        entitle(figure, title)
    return figure


def count_laws(
    counts: Mapping[str, ArrayLike],
    exact: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    quantity: str = "count",
    title: str = "",
) -> Figure:
    """Draw how often whole numbers occurred, with errors of one standard deviation, and their exact laws.

    Parameters
    ----------
    counts : mapping of str to array_like
        Whole numbers, one a trajectory, by the name of the ensemble.
    exact : mapping of str to (values, probabilities)
        The law of each, by the same names; none where one is left out.
    quantity : str
        What was counted.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidInput
        If a count is no whole number.
    """
    with drawing(width=10.4, height=4.3) as figure:
        axes = figure.subplots()
        for (name, sample), colour, mark in zip(counts.items(), BATHS, _MARKS, strict=False):
            values, number = _frequencies(sample, name)
            total = number.sum()
            axes.errorbar(
                values, number / total, np.sqrt(number) / total,
                fmt=mark, markersize=4, color=colour, elinewidth=1.2, label=f"{name}, sampled ± 1 s.e.",
            )  # fmt: skip
            if name in exact:
                places, law = (np.asarray(column, dtype=np.float64) for column in exact[name])
                seen = law >= 0.1 / total
                axes.plot(places[seen], law[seen], color=INK, linewidth=1.2, zorder=1)
        axes.plot([], [], color=INK, linewidth=1.2, label="exact")
        axes.set(xlabel=quantity, ylabel="probability", yscale="log")
        legend_above(axes)
        entitle(figure, title)
    return figure


def _frequencies(sample: ArrayLike, name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    values, number = np.unique(finite(sample, name), return_counts=True)
    if (values != np.rint(values)).any():
        raise InvalidInput("not whole numbers", name, "count particles or jumps")
    return values, number
