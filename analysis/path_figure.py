"""The picture of a `Replay`: where a trajectory went, and what work and heat it gathered on its way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from fluctua.analysis.drawing import BATHS, BLUE, GREEN, GREY, INK, STROKES, VERMILLION, drawing, entitle

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fluctua.ensembles.replay import Replay
    from fluctua.stochastic.schedule import Schedule

POINTS = 20_000  # instants drawn of a longer path
BANDS = 60  # strokes; more of them are a grey curtain
POPULATIONS = (
    -0.16,
    1.05,
)  # what the axis of populations spans: below 0 there is room for the marks of jumps


def path_figure(replay: Replay, title: str = "") -> Figure:
    """Draw the state above, accumulated work and heat below, against time; strokes are bands.

    A level is a staircase whose steps are the jumps, in the colour of their bath; of wave functions the
    populations are drawn, and jumps are marks below them. Without a time step nothing is known of work
    between jumps: the staircase stands alone.

    Parameters
    ----------
    replay : Replay
        A trajectory with its path. What is not finite is not drawn.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure
    """
    path = _thinned(replay.path.replace([np.inf, -np.inf], np.nan))
    units = {column.name: column.unit for column in replay.columns}
    ledger = [name for name in ("work", "heat") if name in path]
    with drawing(width=8.4, height=5.6 if ledger else 3.4) as figure:
        panels = list(figure.subplots(2 if ledger else 1, 1, sharex=True, squeeze=False)[:, 0])
        _mark_failure(panels, replay)
        _draw_strokes(panels, replay.spec.schedule)
        _draw_state(panels[0], replay, path, units)
        if ledger:
            _draw(panels[1], path, ledger, (BLUE, VERMILLION))
            panels[1].set_ylabel(_with_unit("so far", units["work"]))
        panels[-1].set_xlabel(_with_unit("time", units["time"]))
        entitle(figure, title)
    return figure


def _draw_state(axes: Axes, replay: Replay, path: pd.DataFrame, units: dict[str, str]) -> None:
    spec, jumps = replay.spec, replay.jumps
    if "state" in path:
        _draw_levels(axes, replay)
        return
    columns = spec.dynamics.path_state(spec.system)
    alike = [column.name for column in columns if column.unit == columns[0].unit]
    _draw(axes, path, alike, (INK, BLUE, VERMILLION, GREEN, *STROKES))
    axes.set_ylabel("populations" if jumps is not None else _with_unit("coordinates", units[alike[0]]))
    if jumps is not None:
        axes.set_ylim(*POPULATIONS)
        below = np.full(len(jumps), POPULATIONS[0] / 2)
        name = "jumps" if len(jumps) else None
        axes.plot(jumps["time"], below, "^", color=VERMILLION, markersize=6, markeredgewidth=0, label=name)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _draw_levels(axes: Axes, replay: Replay) -> None:
    """Draw the staircase of levels from the jumps, exact in time, each jump in the colour of its bath."""
    assert replay.jumps is not None
    levels = list(replay.spec.system.states)
    after = [levels.index(state) for state in replay.jumps["state"]]
    visited = [int(replay.row["state_initial"]), *after]
    times = [0.0, *replay.jumps["time"], replay.spec.schedule.duration]
    axes.step(times, [*visited, visited[-1]], where="post", color=INK, linewidth=1.2)
    baths = np.array([channel.split(":")[0] for channel in replay.jumps["channel"]], dtype=np.str_)
    for colour, bath in zip(cycle(BATHS), dict.fromkeys(baths.tolist()), strict=False):
        chosen = np.flatnonzero(baths == bath)
        ends = np.array([visited[:-1], after])[:, chosen]
        axes.vlines(np.array(times)[1 + chosen], *ends, color=colour, linewidth=2.4, label=bath)
    if baths.size:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_yticks(range(len(levels)), levels)
    axes.set_ylabel("state")


def _thinned(path: pd.DataFrame) -> pd.DataFrame:
    """Keep as many instants as a picture can show, and the last."""
    if len(path) <= POINTS:
        return path
    apart = -(-len(path) // POINTS)
    kept = np.unique(np.append(np.arange(0, len(path), apart), len(path) - 1))
    return path.iloc[kept]


def _draw(axes: Axes, path: pd.DataFrame, names: Sequence[str], colours: Sequence[str]) -> None:
    for number, name in enumerate(names):
        axes.plot(path["time"], path[name], color=colours[number % len(colours)], linewidth=1.2, label=name)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _with_unit(word: str, unit: str) -> str:
    return word if unit in ("", "1", word) else f"{word} [{unit}]"


def _draw_strokes(panels: Sequence[Axes], schedule: Schedule) -> None:
    """Shade strokes, a colour a name; a quench is a line."""
    borders = schedule.borders
    names = list(dict.fromkeys(schedule.names))
    if len(names) == 1 or len(schedule.names) > BANDS:
        return
    for number, name in enumerate(schedule.names):
        begin, end = borders[number : number + 2]
        colour = STROKES[names.index(name) % len(STROKES)]
        label = name if number == schedule.names.index(name) else None
        for axes, said in zip(panels, (label, None), strict=True):
            if begin == end:
                axes.axvline(begin, color=colour, linewidth=1.2, linestyle=":", label=said)
            else:
                axes.axvspan(begin, end, color=colour, alpha=0.1, linewidth=0, label=said)


def _mark_failure(panels: Sequence[Axes], replay: Replay) -> None:
    """Mark where a path ends; logarithms show the way there, which is faster than any exponential."""
    if replay.failed_at is not None:
        for axes in panels:
            axes.axvline(replay.failed_at, color=GREY, linewidth=1.2, linestyle="--")
            axes.set_yscale("symlog", linthresh=1.0)
        panels[0].annotate(
            "not finite from here",
            (replay.failed_at, 0.5),
            xycoords=panels[0].get_xaxis_transform(),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=GREY,
        )
