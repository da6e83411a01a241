"""Where a formula of one coordinate may have narrow wells, read from what it is made of.

A formula is narrow somewhere because one of its parts is: the well of ``exp(-((q - 37.3)/0.05)**2)`` stands
where ``q - 37.3`` is zero, and that part is wide. So the places to look at are those where a part of the
formula, or a part's derivative, is zero; they are found on a scan that the well itself would slip through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fluctua.stochastic.potential import Potential

    Array = NDArray[np.float64]

#: Both signs of 32 points an octave over 200 octaves, by exact powers of two: finds a feature in any unit.
_MAGNITUDES: Array = np.ldexp(1.0 + np.arange(32) / 32, np.arange(-100, 101)[:, None]).ravel()
SCAN: Array = np.concatenate([-_MAGNITUDES[::-1], [0.0], _MAGNITUDES])
_CELLS_OF_A_PERIOD = 4096
#: What changes sign more often oscillates faster than the scan far out; it is resolved near zero.
_MOST_ZEROS = 64


def narrow_places(
    potential: Potential, controls: Sequence[float], coordinate: int, period: float | None = None
) -> Array:
    """List where a part of the energy, or its derivative by one coordinate, is zero; all others are at 0.

    Parameters
    ----------
    potential : Potential
    controls : sequence of float
    coordinate : int
    period : float, optional
        Look at one period, [0, period), instead of the whole line.

    Returns
    -------
    (m,) array
        Sorted, with the points half way between neighbours. What lies between two points of the scan and
        changes no sign of any part or derivative there is not found.
    """
    grid = SCAN
    if period is not None:
        grid = np.asarray(period / _CELLS_OF_A_PERIOD * np.arange(_CELLS_OF_A_PERIOD + 1, dtype=np.float64))
    zeros = [_zeros(part, grid) for part in _parts(potential, controls, coordinate)]
    places = np.unique(np.concatenate([np.zeros(0), *zeros]))
    return np.unique(np.concatenate([places, 0.5 * (places[:-1] + places[1:])]))


def _parts(
    potential: Potential, controls: Sequence[float], coordinate: int
) -> Iterator[Callable[[Array], Array]]:
    """Every part of the energy that depends on the coordinate, and its derivative, as functions."""
    # A graph of its own: derivatives taken here must not renumber the nodes from which a kernel is written.
    own = type(potential)(**potential.table())
    graph, symbol = own.graph, own.names[own.coordinates[coordinate]]
    values = dict.fromkeys(own.names.values(), 0.0)
    known = {**dict(zip(own.controls, controls, strict=True)), **own.parameters}
    values |= {own.names[name]: value for name, value in known.items()}

    def function(node: int) -> Callable[[Array], Array]:
        return lambda positions: graph.evaluate(node, {**values, symbol: positions})

    for part in graph.below([own.energy_node]):
        if symbol in graph.symbols(part):
            yield function(part)
            try:
                slope = graph.derivative(part, symbol)
            except InvalidInput:
                continue  # a number in it is not finite
            if symbol in graph.symbols(slope):
                yield function(slope)


def _zeros(function: Callable[[Array], Array], grid: Array) -> Array:
    """Zeros of a function: points of the grid, and sign changes between them to the last bit."""
    signs = np.sign(function(grid))
    change = np.flatnonzero(signs[:-1] * signs[1:] < 0.0)
    # Where a function underflows to zero, only the ends of that are places of their own.
    flat = np.concatenate([[False], (signs[:-2] == 0.0) & (signs[2:] == 0.0), [False]])
    exact = _innermost(grid[(signs == 0.0) & ~flat])
    before = change[np.isin(grid[change], _innermost(grid[change]))]
    return np.concatenate([exact, _bisected(function, grid[before], grid[before + 1])])


def _innermost(points: Array) -> Array:
    return points[np.argsort(np.abs(points), kind="stable")[:_MOST_ZEROS]]


#: Points into which a bracket is cut, and how often: 4 bits each time, and a float64 has 53.
_CUTS, _ROUNDS = 16, 14


def _bisected(function: Callable[[Array], Array], left: Array, right: Array) -> Array:
    """Where a function changes sign between each pair of points."""
    if not len(left):
        return left
    row = np.arange(len(left))
    for _ in range(_ROUNDS):
        points = left[:, None] + (right - left)[:, None] * (np.arange(_CUTS + 1) / _CUTS)
        points[:, -1] = right
        signs = np.sign(function(points.ravel())).reshape(points.shape)
        at = np.argmax(signs[:, 1:] != signs[:, :1], axis=1)
        left, right = points[row, at], points[row, at + 1]
    return right
