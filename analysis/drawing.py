"""How pictures are drawn: one style, one set of colours, no global state.

Figures are made without `pyplot`, so drawing touches nothing else and needs no display. Colours are those of
Okabe and Ito, which the usual forms of colour blindness keep apart; what a colour says, a word or a shape
says too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, INK, GREY = "#E69F00", "#56B4E9", "#222222", "#767676"
BATHS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY)
STROKES = (VERMILLION, PURPLE, BLUE, ORANGE, GREEN, SKY)

_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the picture is the same everywhere
    "font.size": 11.0,
    "axes.titlesize": 12.0,
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 10.0,
    "figure.facecolor": "white",
    "lines.linewidth": 2.0,
}


@contextmanager
def drawing(*, width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure in the house style; Matplotlib reads the style while the artists are made."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def entitle(figure: Figure, title: str) -> None:
    """Write a title above all panels, if there is one."""
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")


def legend_above(axes: Axes, columns: int = 3) -> None:
    """Put the legend between the title and the panel, where no curve runs."""
    axes.legend(
        ncols=columns,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.2,
        columnspacing=1.4,
        handlelength=1.8,
    )
