r"""The ways in which one bath makes a system jump, in the instantaneous eigenbasis of its energy.

A bath that couples through a Hermitian operator A has one channel for each Bohr frequency (Davies): with the
levels a < b of one gap :math:`q=E_b-E_a`,

.. math::
    L_\downarrow = \sqrt{\gamma(q)(n+1)} \sum_{E_b-E_a=q} A_{ab} |a\rangle\langle b|, \qquad
    L_\uparrow = \sqrt{\gamma(q)\,n} \sum_{E_b-E_a=q} A_{ba} |b\rangle\langle a|
    = e^{-\beta q/2} L_\downarrow^+,

:math:`\gamma(q)` = rate * spectrum(q / hbar), :math:`n=1/(e^{\beta q}-1)`. Gaps count as one where they
differ by less than `SAME_GAP` of the largest gap; levels that are so close share the channel of zero
frequency, whose rate is the bath's `dephasing`. Without an operator each pair of levels has a channel of its
own, with element 1, and each level one of `dephasing`. A local bath has its fixed operator and the adjoint,
whatever the levels are.

E. B. Davies, Commun. Math. Phys. 39, 91 (1974); Breuer, Petruccione, The Theory of Open Quantum Systems
(2002), section 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic import lanes
from fluctua.stochastic.quantum.couplings import LocalCoupling
from fluctua.stochastic.quantum.matrices import Matrices, transformed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.couplings import Coupling, PairCoupling

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

SAME_GAP = 1e-9
"""Gaps that differ by this fraction of the largest one are the same."""

NO_WAY_BACK = np.iinfo(np.int64).min

_NOTHING = 1e-13  # an element below this fraction of the coupling's largest is a rounded zero


@dataclass(frozen=True, eq=False)
class Instants:
    """Rows of controls with the energies and eigenvectors that they give."""

    controls: Floats
    energies: Floats
    vectors: Matrices
    hbar: float

    def at(self, rows: Integers) -> Instants:
        """Give some of the rows."""
        return Instants(self.controls[rows], self.energies[rows], self.vectors[rows], self.hbar)


@dataclass(frozen=True, eq=False)
class Piece:
    """Slots of one coupling, in any order of rows.

    `size` is the number of entries of each; `reverse` counts from the piece's first slot, beyond it where the
    way back is in the next piece.
    """

    row: Integers
    channel: Integers
    bath: int
    quantum: Floats
    entropy: Floats
    reverse: Integers
    size: Integers
    target: Integers
    source: Integers
    re: Floats
    im: Floats


def pieces_of(coupling: Coupling, at: Instants, beta: Floats, rows: Integers, first: int) -> Iterator[Piece]:
    """Give the slots of a coupling in rows where its bath is connected; `first` is its first channel."""
    if isinstance(coupling, LocalCoupling):
        yield from _local(coupling, at, beta, rows, first)
        return
    elements = None if coupling.operator is None else transformed(coupling.operator, at.vectors)
    piece = _between_levels(coupling, elements, at, beta, rows, first)
    if piece is not None:
        yield piece
    if coupling.dephasing > 0.0:
        yield _dephasing(coupling, elements, at, rows, first)


def _between_levels(
    coupling: PairCoupling,
    elements: Matrices | None,
    at: Instants,
    beta: Floats,
    rows: Integers,
    first: int,
) -> Piece | None:
    """Give the ways down and up of each gap: slots 2 g and 2 g + 1 of the piece."""
    low, high = coupling.pairs
    gaps = at.energies[:, high] - at.energies[:, low]
    same = SAME_GAP * (at.energies[:, -1] - at.energies[:, 0])
    if elements is None:
        order = np.broadcast_to(np.arange(len(low)), gaps.shape)
        open_ = np.ones(gaps.shape, dtype=np.bool_)
        re, im = np.ones(gaps.shape), np.zeros(gaps.shape)
    else:
        order = np.argsort(gaps, axis=1, kind="stable")
        re, im = elements.re[:, low, high], elements.im[:, low, high]
        open_ = present(elements, coupling.size)[:, low, high] & (gaps > same[:, None])
    row, place = np.nonzero(np.take_along_axis(open_, order, axis=1))
    if not len(row):
        return None
    pair = order[row, place]
    gap = gaps[row, pair]
    new = np.ones(len(row), dtype=np.bool_)
    if elements is not None:
        new[1:] = (np.diff(row) > 0) | (np.diff(gap) > same[row[1:]])
    start = np.flatnonzero(new)
    group = np.cumsum(new) - 1
    size = np.diff(np.append(start, len(row)))
    here, quantum = row[start], gap[start]
    down, up = coupling.rates(at, here, quantum, beta[here])
    label = 4 * np.minimum.reduceat(pair, start) + 2 * (size > 1)
    re, im = re[row, pair], im[row, pair]
    root_down, root_up = np.sqrt(down)[group], np.sqrt(up)[group]
    slot = np.concatenate([2 * group, 2 * group + 1])
    sort = np.argsort(slot, kind="stable")
    both = np.arange(2 * len(start))
    return Piece(
        row=np.repeat(rows[here], 2),
        channel=first + np.repeat(label, 2) + both % 2,
        bath=coupling.bath,
        quantum=_interleaved(-quantum, quantum),
        entropy=_entropies(down, up, beta[here] * quantum),
        reverse=both ^ 1,
        size=np.repeat(size, 2),
        target=np.concatenate([low[pair], high[pair]])[sort],
        source=np.concatenate([high[pair], low[pair]])[sort],
        re=np.concatenate([root_down * re, root_up * re])[sort],
        im=np.concatenate([root_down * im, -(root_up * im)])[sort],
    )


def _dephasing(
    coupling: PairCoupling, elements: Matrices | None, at: Instants, rows: Integers, first: int
) -> Piece:
    """Give the channel of zero frequency, or without an operator that of each level."""
    d, root = at.energies.shape[1], np.sqrt(np.float64(coupling.dephasing))
    channel = first + 4 * len(coupling.pairs[0])
    if elements is None:
        row, level = (part.ravel() for part in np.indices((len(rows), d)))
        size, re, im = np.ones(len(row), np.int64), np.full(len(row), root), np.zeros(len(row))
        target = source = level
        channels = channel + level
    else:
        same = SAME_GAP * (at.energies[:, -1] - at.energies[:, 0])
        open_ = np.abs(at.energies[:, :, None] - at.energies[:, None, :]) <= same[:, None, None]
        open_ &= present(elements, coupling.size)
        entry, target, source = np.nonzero(open_)
        re, im = root * elements.re[open_], root * elements.im[open_]
        row, size = np.unique(entry, return_counts=True)
        channels = np.full(len(row), channel)
    none = np.zeros(len(row))
    every = np.arange(len(row))
    return Piece(rows[row], channels, coupling.bath, none, none, every, size, target, source, re, im)


def _local(
    coupling: LocalCoupling, at: Instants, beta: Floats, rows: Integers, first: int
) -> Iterator[Piece]:
    """Give a fixed operator and its adjoint in the eigenbasis: quanta are those of the part it acts on."""
    elements = transformed(coupling.operator, at.vectors)
    quantum, down, up = coupling.rates(at, beta)
    entropies = _entropies(down, up, beta * quantum) if coupling.reverse else np.full(2 * len(rows), np.nan)
    ways = ((elements, down, -quantum), (elements.adjoint, up, quantum))
    count, number = len(rows), np.arange(len(rows))
    for way, (matrix, rate, flow) in enumerate(ways if coupling.reverse else ways[:1]):
        root = np.sqrt(rate)[:, None, None]
        re, im = root * matrix.re, root * matrix.im
        open_ = present(matrix, coupling.size)
        entry, target, source = np.nonzero(open_)
        yield Piece(
            row=rows,
            channel=np.full(count, first + way),
            bath=coupling.bath,
            quantum=flow,
            entropy=entropies[way::2],
            # The two ways are pieces one after the other, of the same length.
            reverse=number + (count if way == 0 else -count)
            if coupling.reverse
            else np.full(count, NO_WAY_BACK),
            size=np.bincount(entry, minlength=count).astype(np.int64),
            target=target,
            source=source,
            re=re[open_],
            im=im[open_],
        )


def present(elements: Matrices, size: float) -> Flags:
    """Tell which elements are more than a rounded zero."""
    square = elements.re * elements.re + elements.im * elements.im
    present: Flags = np.sqrt(square) > _NOTHING * size
    return present


def _interleaved(a: Floats, b: Floats) -> Floats:
    both: Floats = np.stack([a, b], axis=1).ravel()
    return both


def _entropies(down: Floats, up: Floats, known: Floats) -> Floats:
    """Give ``ln(down / up)`` and its negative, interleaved; as `known` where no float holds the rate up."""
    with np.errstate(all="ignore"):
        found = lanes.log(down / up)
    entropy = np.where((up > 0.0) & np.isfinite(found), found, known)
    return _interleaved(entropy, -entropy)
