"""The picture of overlap: where forward and reverse work meet, and how many trajectories that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.atom_lines import AtomLines, draw_stems
from fluctua.analysis.coin_figures import axis_limits
from fluctua.analysis.crooks import LEAST_INFORMATION, CrooksFit
from fluctua.analysis.drawing import BLUE, GREEN, INK, VERMILLION, drawing, entitle, legend_above
from fluctua.analysis.logistic import chances
from fluctua.analysis.tosses import Tosses
from fluctua.analysis.verdict import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_MARGIN = 0.15  # of the axis, in which numbers stand on the inner side of their stems
_HIGHEST = 0.86  # of the axis, for the highest stem: its number stays below the crest of the weight
_LINE = 11.0  # points from one line of numbers to the next
_POINTS = 130.0  # height of the axis, at least


def overlap_information(
    work_forward: ArrayLike, work_reverse: ArrayLike, *, fit: CrooksFit | None = None, title: str = ""
) -> Figure:
    r"""Draw the densities of both directions, and below them where the information about ΔF comes from.

    .. math:: I = \sum_i p_i\,(1-p_i), \qquad p_i = L\big(\ln(n_F/n_R) + W_i - \Delta F\big)

    Each trajectory counts with its Fermi weight :math:`p(1-p)`, at most a quarter: one whose direction its
    work gives away counts nothing. Values with a probability of their own are stems; beside a density, with
    the probability at the head. All of the lower panel is the overlap information I, the effective number
    of trajectories that both directions share: its area, or where there are stems the sum over the bins.
    Below 3 there is no honest interval.

    Parameters
    ----------
    work_forward, work_reverse : array_like, shape (n_F,), (n_R,)
        Work on the system in each process, as measured, in kT. May be read-only maps of large files.
    fit : CrooksFit, optional
        From `fit_crooks` of the same work; made anew if left out.
    title : str
        Stands above the picture.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidInput
        If an array is empty or not finite.
    """
    return draw_overlap(Tosses.of_directions(work_forward, work_reverse, fit), title)


def draw_overlap(tosses: Tosses, title: str = "") -> Figure:
    """Draw what `overlap_information` says."""
    edges = np.linspace(*axis_limits(tosses), _bins(tosses) + 1)
    atoms = _atoms(tosses)
    with drawing(width=7.4, height=4.8) as figure:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _draw_densities(above, tosses, edges, atoms)
        _draw_weight(above, tosses, edges)
        _draw_information(below, tosses, edges, atoms)
        below.set(xlabel="work W − ΔF (kT)", xlim=(edges[0], edges[-1]))
        entitle(figure, title)
    return figure


def _atoms(tosses: Tosses) -> AtomLines:
    """Find values with a probability of their own; a bin of a density holds too few to be taken for one."""
    starts = np.flatnonzero(np.concatenate([[True], tosses.last[:-1]]))
    both = np.stack([tosses.heads, tosses.count - tosses.heads])
    return AtomLines.of_counts(tosses.place[starts], np.add.reduceat(both, starts, axis=1))


def _bins(tosses: Tosses) -> int:
    least = min(tosses.heads.sum(), (tosses.count - tosses.heads).sum())
    return int(np.clip(2.0 * np.cbrt(max(least, 1.0)), 10, 60))


def _draw_densities(axes: Axes, tosses: Tosses, edges: Floats, atoms: AtomLines) -> None:
    reverse = tosses.count - tosses.heads
    named = (("forward, p(W)", tosses.heads, BLUE, "-"), ("reverse, p(−W)", reverse, VERMILLION, "--"))
    apart = atoms.apart_mask(tosses.place)
    for row, (name, count, colour, line) in enumerate(named):
        if atoms.are_all:
            atoms.draw(axes, row, colour, "os"[row], name)
            continue
        density = _per_unit(tosses.place[apart], count[apart], edges) / max(float(count.sum()), 1.0)
        axes.stairs(density, edges, fill=True, color=colour, alpha=0.16)
        axes.stairs(density, edges, color=colour, linestyle=line, linewidth=1.8, label=name)
    axes.set_ylabel("probability" if atoms.are_all else "density (1/kT)")
    axes.set_ylim(bottom=0.0)
    if atoms.value.size and not atoms.are_all:
        _draw_beside_density(axes, atoms, edges)


def _draw_beside_density(axes: Axes, atoms: AtomLines, edges: Floats) -> None:
    """Draw stems of relative height with their probability at the head: the axis has another unit."""
    height = _HIGHEST * axes.get_ylim()[1] / float(atoms.share.max())
    inwards = (atoms.value - edges[0]) / (edges[-1] - edges[0])
    lift = _lift(atoms.share, (inwards < _MARGIN) | (inwards > 1.0 - _MARGIN))
    axes.plot([], [], " ", label="○ forward, □ reverse: probability of one value")
    for row, colour in enumerate((BLUE, VERMILLION)):
        draw_stems(axes, atoms.value, height * atoms.share[row], colour, "os"[row])
        for value, share, place, up in zip(atoms.value, atoms.share[row], inwards, lift[row], strict=True):
            right = place < _MARGIN or (row == 1 and place <= 1.0 - _MARGIN)
            axes.annotate(
                f"{share:.2g}", (value, height * share), (7.0 if right else -7.0, up - 3.0),
                textcoords="offset points", ha="left" if right else "right", color=colour, fontsize=9.0,
                bbox={"facecolor": "white", "alpha": 0.75, "pad": 0.5, "linewidth": 0.0},
            )  # fmt: skip


def _lift(share: Floats, same_side: NDArray[np.bool_]) -> Floats:
    """Return by how many points numbers move up from their heads, off the axis and off each other."""
    head = _HIGHEST * _POINTS * share / share.max()
    place = np.maximum(head, 0.5 * _LINE)
    upper = place.max(axis=0), place.min(axis=0) + _LINE
    is_upper = np.stack([share[0] >= share[1], share[0] < share[1]]) & same_side
    return np.asarray(np.where(is_upper, np.maximum(*upper), place) - head)


def _draw_weight(axes: Axes, tosses: Tosses, edges: Floats) -> None:
    """Draw p (1 - p) on an axis of its own, whose top is its largest value, a quarter."""
    beside = axes.twinx()
    x = np.linspace(edges[0], edges[-1], 601)
    weight = np.multiply(*chances(x + tosses.log_odds))
    beside.plot(x, weight, color=INK, linewidth=1.5, linestyle=":")
    axes.plot([], [], color=INK, linewidth=1.5, linestyle=":", label="Fermi weight p(1 − p), right axis")
    beside.set(ylim=(0.0, 0.26), yticks=(0.0, 0.125, 0.25), ylabel="weight of one trajectory")
    beside.grid(visible=False)
    beside.spines["right"].set_visible(True)
    legend_above(axes, columns=2 if len(axes.get_legend_handles_labels()[0]) > 3 else 3)


def _draw_information(axes: Axes, tosses: Tosses, edges: Floats, atoms: AtomLines) -> None:
    information, number = tosses.fit.information, float(tosses.count.sum())
    name = f"information: {counted(information)} of {number:,.0f} trajectories"
    if information < LEAST_INFORMATION:
        name += f"; below {LEAST_INFORMATION:g} there is no interval"
    if atoms.are_all:
        starts = np.flatnonzero(np.concatenate([[True], tosses.last[:-1]]))
        weight = np.add.reduceat(tosses.weight, starts)
        axes.vlines(tosses.place[starts], 0.0, weight, color=GREEN, linewidth=5.0, alpha=0.55, label=name)
        axes.set_ylabel("information\n(trajectories)")
    else:
        # A value is as narrow as its bin is made: beside a density its height would mean nothing.
        width = 1.0 if atoms.value.size else np.diff(edges)
        height = np.histogram(tosses.place, edges, weights=tosses.weight)[0] / width
        axes.stairs(height, edges, fill=True, color=GREEN, alpha=0.55, label=name)
        axes.set_ylabel(f"information\n(trajectories{' in a bin' if atoms.value.size else '/kT'})")
    axes.set_ylim(0.0, max(1.0, 1.06 * axes.get_ylim()[1]) if information < LEAST_INFORMATION else None)
    legend_above(axes)


def _per_unit(place: Floats, weight: Floats, edges: Floats) -> Floats:
    return np.histogram(place, edges, weights=weight)[0] / np.diff(edges)
