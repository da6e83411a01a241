"""The law of one coordinate as a table of its cumulative distribution, inverted for each draw.

The table's error is measured and stated. Nothing here calls the C library's functions, whose bits differ
between machines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.lanes import exp, log
from fluctua.stochastic.wells import SCAN

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: The table ends where the density is exp(-75) = 3e-33 of its maximum: beyond what a 53-bit uniform can
#: reach.
_DROP = 75.0
#: Cells are doubled until the measured error of the cumulative probability is good.
_FEWEST_CELLS, _MOST_CELLS, _GOOD_ERROR = 4096, 131072, 1e-10
#: A table with a larger error does not resolve the density; it is refused.
_LARGEST_ERROR = 1e-6
_TINY = 1e-300

#: Five-point Gauss-Legendre rule on [0, 1]: (abscissa, weight). Abramowitz and Stegun (1964), table 25.4.
_GAUSS = (
    (0.046910077030668004, 0.11846344252809454),
    (0.23076534494715845, 0.23931433524968324),
    (0.5, 0.28444444444444444),
    (0.76923465505284155, 0.23931433524968324),
    (0.95308992296933200, 0.11846344252809454),
)


@dataclass(frozen=True, eq=False)
class EquilibriumTable:
    r"""Quantile function of one coordinate, from its cumulative distribution on cells.

    Cell masses come from five-point Gauss quadrature. Inside a cell the position is the cubic in the
    probability through both ends, with the reciprocals of the exact densities as slopes. Probabilities are
    accumulated from either end and a draw uses the nearer one, so that both tails are good to a relative
    error.

    Parameters
    ----------
    mesh : EvenMesh or GradedMesh
        The cells.
    from_left, from_right : Side
        The distribution as seen from either end.
    log_partition : float
        ``ln Z``, the log of the integral of exp(`log_density`) over the table's window.
    error : float
        Largest error of the cumulative probability of a drawn position, measured on a table of half the
        resolution: an upper bound, as the error falls with the fourth power of the cell; and at least the
        probability by which an even and a graded mesh differ. NaN in the half-resolution table itself.
    """

    mesh: EvenMesh | GradedMesh
    from_left: Side
    from_right: Side
    log_partition: float
    error: float = float("nan")

    @property
    def lower(self) -> float:
        """First edge."""
        return float(self.mesh.edges[0])

    @property
    def upper(self) -> float:
        """Last edge."""
        return float(self.mesh.edges[-1])

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.from_left.mass)

    def draw(self, uniforms: Array) -> Array:
        """Map probabilities in (0, 1), shape (N,), to the positions below which they lie, shape (N,)."""
        positions = np.empty_like(uniforms)
        left = uniforms <= 0.5
        right = ~left
        positions[left] = self.mesh.from_left(self.from_left.quantile(uniforms[left]))
        positions[right] = self.mesh.from_right(self.from_right.quantile(1.0 - uniforms[right]))
        return positions


@dataclass(frozen=True, eq=False)
class EvenMesh:
    """Equal cells between two ends."""

    lower: float
    upper: float
    cells: int

    @property
    def unit(self) -> float:
        """Width of the widest cell."""
        return (self.upper - self.lower) / self.cells

    @property
    def widths(self) -> Array:
        """Width of each cell in units of the widest."""
        return np.ones(1)

    @property
    def edges(self) -> Array:
        """All edges, from the left."""
        return self.lower + self.unit * np.arange(self.cells + 1, dtype=np.float64)

    def from_left(self, distance: Array) -> Array:
        """Positions at distances from the left end in cells."""
        return self.lower + self.unit * distance

    def from_right(self, distance: Array) -> Array:
        """Positions at distances from the right end in cells."""
        return self.upper - self.unit * distance


@dataclass(frozen=True, eq=False)
class GradedMesh:
    """Cells of any widths, by their edges from the left."""

    edges: Array

    @property
    def unit(self) -> float:
        """Width of the widest cell."""
        return float(np.diff(self.edges).max())

    @property
    def widths(self) -> Array:
        """Width of each cell in units of the widest."""
        return np.diff(self.edges) / self.unit

    def from_left(self, distance: Array) -> Array:
        """Positions at distances from the left end in cells."""
        return _along(self.edges, distance)

    def from_right(self, distance: Array) -> Array:
        """Positions at distances from the right end in cells."""
        return _along(self.edges[::-1], distance)


def _along(edges: Array, distance: Array) -> Array:
    """Positions at distances from the first edge in cells."""
    cell = np.minimum(distance.astype(np.int64), len(edges) - 2)
    return np.asarray(edges[cell] + (edges[cell + 1] - edges[cell]) * (distance - cell))


@dataclass(frozen=True, eq=False)
class Side:
    """A distribution on cells as seen from one end.

    Parameters
    ----------
    accumulated : (cells + 1,) array
        Probability between the end and each edge.
    mass : (cells,) array
        Probability of each cell.
    linear, cubic : (cells,) arrays
        Coefficients of the cubic from (0, 0) to (1, 1) that gives the place in a cell for the part of its
        mass.
    guide : array of int
        The cell in which a search begins, by the leading bits of the probability.
    """

    accumulated: Array
    mass: Array
    linear: Array
    cubic: Array
    guide: NDArray[np.int64]

    @classmethod
    def of(cls, mass: Array, near: Array, far: Array) -> Side:
        """Make a side from the probability of each cell and the density, per cell, at its two edges."""
        accumulated = np.concatenate([[0.0], np.cumsum(mass)])
        # Slopes above 3 would make the cubic turn back (Fritsch and Carlson, SIAM J. Numer. Anal. 17, 238
        # (1980)).
        start, end = (mass / np.maximum(edge, np.maximum(mass / 3.0, _TINY)) for edge in (near, far))
        return cls(accumulated, mass, start, start + end - 2.0, _search(accumulated, _GUIDED))

    def quantile(self, probabilities: Array) -> Array:
        """Distance from the end, in cells, at which the accumulated probability is reached."""
        cell = self._cell(probabilities)
        # Where the mass is near the rounding of what is accumulated, the part of it may come out above one.
        y = np.minimum((probabilities - self.accumulated[cell]) / self.mass[cell], 1.0)
        linear, cubic = self.linear[cell], self.cubic[cell]
        return cell + y * (linear + y * (1.0 - linear - cubic + y * cubic))

    def _cell(self, probabilities: Array) -> NDArray[np.int64]:
        """Cells in which the accumulated probability is reached: guessed, corrected, faster than a search."""
        cell: NDArray[np.int64] = self.guide[_leading_bits(probabilities) - _leading_bits(_GUIDED[:1])]
        for _ in range(2):
            cell += self.accumulated[cell + 1] <= probabilities
        late = np.flatnonzero(self.accumulated[cell + 1] <= probabilities)
        cell[late] = _search(self.accumulated, probabilities[late])
        return cell


def _search(accumulated: Array, probabilities: Array) -> NDArray[np.int64]:
    """Cell in which each probability is reached, by bisection."""
    cell = np.searchsorted(accumulated, probabilities, side="right") - 1
    return np.minimum(cell, len(accumulated) - 2)


def _leading_bits(probabilities: Array) -> NDArray[np.int64]:
    """Exponent and the first eight bits of the mantissa."""
    return np.asarray(probabilities).view(np.int64) >> 44


#: The least probability with each pattern of leading bits, from 2**-54 to 1/2: 256 an octave.
_GUIDED: Array = np.append(np.ldexp(1.0 + np.arange(256) / 256, np.arange(-54, -1)[:, None]).ravel(), 0.5)


def tabulate(
    log_density: Callable[[Array], Array], period: float | None = None, places: Array | None = None
) -> EquilibriumTable:
    """Tabulate the distribution with density proportional to exp(`log_density`).

    The density is scanned over all magnitudes, and tabulated on equal cells where it is not negligible. Given
    `places`, it is tabulated a second time on cells that shrink towards each of them through all scales. The
    first table is kept if both give the same partition function, and the second if not.

    Parameters
    ----------
    log_density : function of an array
        NaN counts as no probability. Features narrower than 3 % of their distance from zero may be missed
        when they stand beside a broader one, and at none of the `places`.
    period : float, optional
        Tabulate one period, [0, period), instead of the whole line.
    places : array, optional
        Where the density may be narrow, `fluctua.stochastic.wells`.

    Raises
    ------
    InvalidInput
        If the density cannot be normalised, or is too rough for a table.
    """

    def finite(positions: Array) -> Array:
        with np.errstate(all="ignore"):
            values = log_density(positions)
        return np.where(np.isnan(values), -np.inf, values)

    ends = (0.0, period) if period is not None else _window(finite)
    table = _even_table(finite, *ends)
    if places is not None:
        edges = _edges_around(finite, places, ends, widen=period is None)
        table = _agreed(table, _graded_table(finite, edges))
    if period is None:
        _refuse_heavy_tails(finite, table)
    if not table.error <= _LARGEST_ERROR:
        raise not_normalisable(f"or none that a table resolves, its error is {table.error:.1g}")
    return table


def _even_table(log_density: Callable[[Array], Array], lower: float, upper: float) -> EquilibriumTable:
    """Tabulate on equal cells, more of them until the error is good."""
    coarse = _integrate(log_density, EvenMesh(lower, upper, _FEWEST_CELLS // 2))
    cells = _FEWEST_CELLS
    while True:
        fine = _integrate(log_density, EvenMesh(lower, upper, cells))
        error = _difference(log_density, fine, coarse)
        if error <= _GOOD_ERROR or cells >= _MOST_CELLS:
            return replace(fine, error=error)
        coarse, cells = fine, 2 * cells


def _agreed(even: EquilibriumTable, graded: EquilibriumTable) -> EquilibriumTable:
    """Take the even table where it has seen all that the graded one has."""
    missed = abs(graded.log_partition - even.log_partition)
    if missed <= max(even.error, _GOOD_ERROR) and even.error <= _LARGEST_ERROR:
        return replace(even, error=max(even.error, missed))
    return graded


#: Distances from a place, in units of the window: through all scales down to the last bit of the place.
_RINGS: Array = np.ldexp(1.0, np.arange(-52, 1))
_MOST_PLACES = 256


def _edges_around(
    log_density: Callable[[Array], Array], places: Array, ends: tuple[float, float], *, widen: bool
) -> Array:
    """Edges that shrink towards every place where the density counts, over a window that holds them all."""
    lower, upper = ends
    even = EvenMesh(lower, upper, _FEWEST_CELLS).edges
    top = float(log_density(even).max())
    points = places[:, None] + (upper - lower) * np.concatenate([-_RINGS[::-1], [0.0], _RINGS])
    if not widen:
        points = np.clip(points, lower, upper)
    values = log_density(points.ravel()).reshape(points.shape)
    top = max(top, float(values.max(initial=-np.inf)))
    if not np.isfinite(top):
        raise not_normalisable("the energy is not bounded from below")
    # The highest places first: beyond so many, the others are left to the scan.
    highest = np.argsort(-values.max(axis=1, initial=-np.inf), kind="stable")[:_MOST_PLACES]
    counts = highest[values[highest].max(axis=1, initial=-np.inf) > top - _DROP]
    grid = np.unique(np.concatenate([even, points[counts].ravel()]))
    inside = np.flatnonzero(log_density(grid) > top - _DROP)
    first, last = max(inside[0] - 1, 0), min(inside[-1] + 1, len(grid) - 1)
    return grid[first : last + 1] if widen else grid


#: What a cell may add to the error, and how often the cells that add more are halved.
_GOOD_CELL, _MOST_HALVINGS = 1e-12, 40
_ROUNDING = 2.0**-50


def _graded_table(log_density: Callable[[Array], Array], edges: Array) -> EquilibriumTable:
    """Tabulate on these edges, with cells halved until they agree with their halves."""
    for _ in range(_MOST_HALVINGS):
        middle = 0.5 * (edges[:-1] + edges[1:])
        halved = np.insert(edges, np.arange(1, len(edges)), middle)
        coarse, fine = (_integrate(log_density, GradedMesh(each)) for each in (edges, halved))
        # No cell is halved for the rounding of positions.
        rounding = _ROUNDING * np.abs(middle) / np.diff(edges) * coarse.from_left.mass
        rough = _disagreement(coarse, fine) > _GOOD_CELL + rounding
        rough &= (edges[:-1] < middle) & (middle < edges[1:])
        if not rough.any() or len(edges) > _MOST_CELLS:
            break
        edges = np.insert(edges, np.flatnonzero(rough) + 1, middle[rough])
    return replace(fine, error=_difference(log_density, fine, coarse))


def _disagreement(coarse: EquilibriumTable, fine: EquilibriumTable) -> Array:
    """Error of probability in each cell: of its mass, and of the place of its middle by the cubic."""
    side, halves = coarse.from_left, fine.from_left.mass.reshape(-1, 2)
    scale = exp(np.float64(fine.log_partition - coarse.log_partition))
    mass = halves.sum(axis=1)
    with np.errstate(all="ignore"):
        part = np.where(mass > 0.0, halves[:, 0] / mass, 0.5)
    cubic = part * (side.linear + part * (1.0 - side.linear - side.cubic + part * side.cubic))
    misplaced = np.where(mass > 0.0, np.abs(cubic - 0.5) * mass, 0.0)
    return np.asarray(np.abs(mass * scale - side.mass) + misplaced)


#: Where the error is measured: the bulk evenly, and both tails down to the smallest uniform.
_TAIL: Array = np.ldexp(1.0, np.arange(-53, -10))
_PROBES: Array = np.concatenate([(np.arange(1024) + 0.5) / 1024, _TAIL, 1.0 - _TAIL])


def _difference(
    log_density: Callable[[Array], Array], fine: EquilibriumTable, coarse: EquilibriumTable
) -> float:
    """Largest difference of cumulative probability between the positions that two tables give."""
    positions = fine.draw(_PROBES)
    density = exp(log_density(positions) - fine.log_partition)
    return float(np.abs((coarse.draw(_PROBES) - positions) * density).max())


def _integrate(log_density: Callable[[Array], Array], mesh: EvenMesh | GradedMesh) -> EquilibriumTable:
    """Cell masses by Gauss quadrature, accumulated from both ends."""
    edges, widths, unit = mesh.edges, mesh.widths, mesh.unit
    at_edges = log_density(edges)
    top = float(at_edges.max())
    mass = np.zeros(len(edges) - 1)
    for abscissa, weight in _GAUSS:
        mass += weight * exp(log_density(edges[:-1] + unit * widths * abscissa) - top)
    mass *= widths
    total = np.cumsum(mass)[-1]
    mass, density = mass / total, exp(at_edges - top) / total
    left, right = density[:-1] * widths, density[1:] * widths
    return EquilibriumTable(
        mesh,
        Side.of(mass, left, right),
        Side.of(mass[::-1].copy(), right[::-1].copy(), left[::-1].copy()),
        float(log(total * unit)) + top,
    )


def _window(log_density: Callable[[Array], Array]) -> tuple[float, float]:
    """Interval outside which the density is below exp(-75) of its maximum."""
    grid, values = SCAN, log_density(SCAN)
    top = float(values.max())
    _refuse_open_ends(values, top)
    while True:
        inside = np.flatnonzero(values > top - _DROP)
        if not inside.size:  # energies so large that all but one double have no probability
            raise InvalidInput("the density is too narrow for a table", remedy="check the energy's numbers")
        lower, upper = grid[max(inside[0] - 1, 0)], grid[min(inside[-1] + 1, len(grid) - 1)]
        if upper - lower > 0.5 * (grid[-1] - grid[0]):
            return float(lower), float(upper)
        grid = lower + (upper - lower) / _FEWEST_CELLS * np.arange(_FEWEST_CELLS + 1)
        values = log_density(grid)
        top = max(top, float(values.max()))


def _refuse_open_ends(values: Array, top: float) -> None:
    """Refuse a density that is not bounded, or does not fall, and go on falling, towards both infinities."""
    if not np.isfinite(top):
        raise not_normalisable(
            "the energy is not bounded from below" if top > 0 else "the energy is nowhere finite"
        )
    octave = 32
    ends = {"-inf": (values[0], values[octave]), "inf": (values[-1], values[-1 - octave])}
    for direction, (outermost, before) in ends.items():
        if outermost >= top - _DROP or -np.inf < before <= outermost:
            raise not_normalisable(f"the energy does not grow towards {direction}")


def _refuse_heavy_tails(log_density: Callable[[Array], Array], table: EquilibriumTable) -> None:
    """Refuse a density with probability beyond the window: a power law of an exponent below some 1.6."""
    ends = np.array([table.lower, table.upper])
    beyond = (table.upper - table.lower) * exp(log_density(ends) - table.log_partition)
    if not beyond.max() <= _GOOD_ERROR:
        raise not_normalisable("the energy grows too slowly")


def not_normalisable(reason: str) -> InvalidInput:
    """Make the error of a law without a norm."""
    return InvalidInput(
        f"no normalisable equilibrium, {reason}",
        "initial",
        "confine it, declare it periodic, or start from Point(...)",
    )
