"""How strokes are cut into segments of moves, and the trees of products that a segment has.

Node 1 of a tree stands for all moves of a segment, node n for those of 2 n and 2 n + 1; with room for L
moves, move k is node L + k. A node holds the number of a matrix: of a row of held values, then of a product;
-1 where there is no move. One with moves in its first half only is that half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.quantum.matrices import Matrices, together
from fluctua.stochastic.quantum.rows import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Plan:
    """How strokes are cut into segments.

    segments: first move, end, tree, control change after it (-1: none). strokes: end of its segments, control
    change that opens it. nodes: trees one behind the other. pairs: factors of each product, the first one to
    the right. leaves: room for moves in a tree. old, new: controls of each change.
    """

    segments: Integers
    strokes: Integers
    nodes: Integers
    pairs: Integers
    leaves: int
    old: Floats
    new: Floats

    @classmethod
    def of(cls, schedule: Schedule, rows: Integers, moves: Integers, path_work: bool, segment: int) -> Plan:
        """Cut a schedule into segments of so many moves at most; `rows` are those of its moves."""
        cuts, strokes, opening = _cuts(schedule, moves, path_work, segment)
        longest = int(np.diff(cuts, axis=1).max(initial=1))
        leaves = 1 << (longest - 1).bit_length()
        members = np.full((len(cuts), leaves), -1, np.int64)
        for k in range(longest):
            inside = cuts[:, 0] + k < cuts[:, 1]
            members[inside, k] = rows[cuts[inside, 0] + k]
        number, first = distinct(members)
        nodes, pairs = trees(members[first], int(rows.max(initial=-1)) + 1)
        old, new, changes = _control_changes(schedule, moves, cuts, strokes, opening, path_work)
        after = np.full(len(cuts), -1, np.int64)
        before = np.full(len(strokes), -1, np.int64)
        if path_work:
            before, after = changes[: len(strokes)], changes[len(strokes) :]
        segments = np.stack([cuts[:, 0], cuts[:, 1], 2 * leaves * number, after], axis=1)
        end = np.array([[schedule.steps, schedule.steps, len(nodes) - 2, -1]])
        segments = np.concatenate([segments, end])
        return cls(segments, np.stack([strokes, before], axis=1), nodes, pairs, leaves, old, new)

    def multiplied(self, fine: Matrices, closing: Matrices) -> Matrices:
        """Give the matrices that nodes name: those of moves, products of two before, and the last."""
        rows, d = fine.rows, fine.dimension
        total = rows + len(self.pairs) + 1
        re, im = np.empty((total, d, d)), np.empty((total, d, d))
        re[:rows], im[:rows] = fine.re, fine.im
        re[-1], im[-1] = closing.re[0], closing.im[0]
        made, begin = Matrices(re, im), rows
        while begin < total - 1:
            some = self.pairs[begin - rows : begin - rows + together(d)]
            ready = int(np.argmax(np.append(some.max(axis=1, initial=0) >= begin, True)))
            product = made[some[:ready, 1]] @ made[some[:ready, 0]]
            re[begin : begin + ready], im[begin : begin + ready] = product.re, product.im
            begin += ready
        return made


def trees(members: Integers, rows: int) -> tuple[Integers, Integers]:
    """Grow a tree on the rows of each segment's moves, (T, leaves); number different products from `rows` on.

    Return nodes and factors. Behind the trees is one of a root alone: the change to the last eigenbasis.
    """
    count, leaves = members.shape
    nodes = np.full((count, 2 * leaves), -1, np.int64)
    nodes[:, leaves:] = members
    pairs = [np.zeros((0, 2), np.int64)]
    width = leaves // 2
    while width:
        halves = nodes[:, 2 * width : 4 * width].reshape(count, width, 2)
        two = halves[halves[..., 1] >= 0]
        number, first = distinct(two)
        level = halves[..., 0].copy()
        level[halves[..., 1] >= 0] = rows + number
        nodes[:, width : 2 * width] = level
        pairs.append(two[first])
        rows += len(first)
        width //= 2
    return np.concatenate([nodes.ravel(), [-1, rows]]), np.concatenate(pairs)


def _cuts(
    schedule: Schedule, moves: Integers, path_work: bool, segment: int
) -> tuple[Integers, Integers, Floats]:
    """Cut strokes into segments: (first move, end) of each, the end of each stroke's, its first controls."""
    ends = np.cumsum(moves)
    begins = ends - moves
    within = np.arange(schedule.steps) - np.repeat(begins, moves)
    cut = within % segment == 0
    if path_work:
        cut = _cut_at_changes(schedule.controls, within, segment)
    first = np.flatnonzero(cut)
    last = np.append(first[1:], schedule.steps)
    cuts = np.stack([first, last], axis=1).astype(np.int64).reshape(-1, 2)
    strokes = np.searchsorted(first, ends).astype(np.int64)
    moving = moves > 0
    opening = schedule.closing_controls.copy()
    opening[moving] = schedule.controls[begins[moving]]
    return cuts, strokes, opening


def _cut_at_changes(controls: Floats, within: Integers, segment: int) -> NDArray[np.bool_]:
    """Begin a segment with each stroke, where controls change, and so many moves after that."""
    cut = within == 0
    cut[1:] |= np.any(controls[1:] != controls[:-1], axis=1)
    since = np.arange(len(cut)) - np.maximum.accumulate(np.where(cut, np.arange(len(cut)), 0))
    begins: NDArray[np.bool_] = cut | (since % segment == 0)
    return begins


def _control_changes(
    schedule: Schedule,
    moves: Integers,
    cuts: Integers,
    strokes: Integers,
    opening: Floats,
    path_work: bool,
) -> tuple[Floats, Floats, Integers]:
    """List control changes: those that open strokes, then those after each segment; different ones once.

    The one after a stroke's last segment leads to its closing controls, and is there even if nothing changes:
    the energy is looked at then.
    """
    if not path_work:
        nothing = np.zeros((0, schedule.controls.shape[1]))
        return nothing, nothing, np.zeros(0, np.int64)
    before = np.concatenate([schedule.opening_controls[:1], schedule.closing_controls[:-1]])
    held = schedule.controls[cuts[:, 0]]
    after = np.concatenate([held[1:], held[-1:]])
    moving = moves > 0
    last = strokes[moving] - 1
    after[last] = schedule.closing_controls[moving]
    forced = np.zeros(len(strokes) + len(cuts), np.bool_)
    forced[len(strokes) + last] = True
    old, new = np.concatenate([before, held]), np.concatenate([opening, after])
    number, first = distinct(old, new)
    number[~(forced | np.any(old != new, axis=1))] = -1
    return old[first], new[first], number
