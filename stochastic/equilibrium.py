r"""Canonical equilibrium of positions, ``p(q) = exp(-beta U(q, controls)) / Z``.

Two cases are exact or as good as exact. A quadratic energy gives a Gaussian. Any other energy of one
coordinate gives a table of its cumulative distribution, inverted for each draw; its error is measured and
stated. Momenta always have their Maxwell law and are drawn elsewhere (`fluctua.stochastic.initial`).

Nothing here calls the C library's functions or LAPACK, whose bits differ between machines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.lanes import exp, log
from fluctua.stochastic.linear import Gaussian, NotPositiveError, SingularError, cholesky, solve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fluctua.stochastic.potential import Potential

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
    r"""Quantile function of one coordinate, from its cumulative distribution on equal cells.

    Cell masses come from five-point Gauss quadrature. Inside a cell the position is the cubic in the
    probability through both ends, with the reciprocals of the exact densities as slopes. Probabilities are
    accumulated from either end and a draw uses the nearer one, so that both tails are good to a relative
    error.

    Parameters
    ----------
    lower, upper : float
        First and last edge.
    from_left, from_right : Side
        The distribution as seen from either end.
    log_partition : float
        ``ln Z``, the log of the integral of exp(`log_density`) over the table's window.
    error : float
        Largest error of the cumulative probability of a drawn position, measured on a table of half the
        resolution: an upper bound, as the error falls with the fourth power of the cell. NaN in the
        half-resolution table itself.
    """

    lower: float
    upper: float
    from_left: Side
    from_right: Side
    log_partition: float
    error: float = float("nan")

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.from_left.mass)

    def draw(self, uniforms: Array) -> Array:
        """Map probabilities in (0, 1), shape (N,), to the positions below which they lie, shape (N,)."""
        width = (self.upper - self.lower) / self.cells
        positions = np.empty_like(uniforms)
        left = uniforms <= 0.5
        right = ~left
        positions[left] = self.lower + width * self.from_left.quantile(uniforms[left])
        positions[right] = self.upper - width * self.from_right.quantile(1.0 - uniforms[right])
        return positions


@dataclass(frozen=True, eq=False)
class Side:
    """A distribution on equal cells as seen from one end.

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
    def of(cls, mass: Array, density: Array) -> Side:
        """Make a side from the probability of each cell and the density, per cell, at each edge."""
        accumulated = np.concatenate([[0.0], np.cumsum(mass)])
        # Slopes above 3 would make the cubic turn back (Fritsch and Carlson, SIAM J. Numer. Anal. 17, 238
        # (1980)).
        start, end = (
            mass / np.maximum(edge, np.maximum(mass / 3.0, _TINY)) for edge in (density[:-1], density[1:])
        )
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


def tabulate(log_density: Callable[[Array], Array], period: float | None = None) -> EquilibriumTable:
    """Tabulate the distribution with density proportional to exp(`log_density`).

    Parameters
    ----------
    log_density : function of an array
        NaN counts as no probability. Features narrower than 3 % of their distance from zero may be missed
        when they stand beside a broader one.
    period : float, optional
        Tabulate one period, [0, period), instead of the whole line.

    Raises
    ------
    InvalidInput
        If the density cannot be normalised, or is too rough for a table.
    """

    def finite(positions: Array) -> Array:
        with np.errstate(all="ignore"):
            values = log_density(positions)
        return np.where(np.isnan(values), -np.inf, values)

    lower, upper = (0.0, period) if period is not None else _window(finite)
    coarse = _integrate(finite, lower, upper, _FEWEST_CELLS // 2)
    cells = _FEWEST_CELLS
    while True:
        fine = _integrate(finite, lower, upper, cells)
        error = _difference(finite, fine, coarse)
        if error <= _GOOD_ERROR or cells >= _MOST_CELLS:
            break
        coarse, cells = fine, 2 * cells
    if not error <= _LARGEST_ERROR:
        raise _not_normalisable(f"or none that a table resolves, its error is {error:.1g}")
    return replace(fine, error=error)


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


def _integrate(
    log_density: Callable[[Array], Array], lower: float, upper: float, cells: int
) -> EquilibriumTable:
    """Cell masses by Gauss quadrature, accumulated from both ends."""
    width = (upper - lower) / cells
    edges = lower + width * np.arange(cells + 1, dtype=np.float64)
    at_edges = log_density(edges)
    top = float(at_edges.max())
    mass = np.zeros(cells)
    for abscissa, weight in _GAUSS:
        mass += weight * exp(log_density(edges[:-1] + width * abscissa) - top)
    total = np.cumsum(mass)[-1]
    mass, density = mass / total, exp(at_edges - top) / total
    log_partition = float(log(total * width)) + top
    return EquilibriumTable(
        lower, upper, Side.of(mass, density), Side.of(mass[::-1].copy(), density[::-1].copy()), log_partition
    )


#: Both signs of 32 points an octave over 200 octaves, by exact powers of two: finds a density in any unit.
_MAGNITUDES: Array = np.ldexp(1.0 + np.arange(32) / 32, np.arange(-100, 101)[:, None]).ravel()
_SCAN: Array = np.concatenate([-_MAGNITUDES[::-1], [0.0], _MAGNITUDES])


def _window(log_density: Callable[[Array], Array]) -> tuple[float, float]:
    """Interval outside which the density is below exp(-75) of its maximum."""
    grid, values = _SCAN, log_density(_SCAN)
    top = float(values.max())
    _refuse_open_ends(values, top)
    while True:
        inside = np.flatnonzero(values > top - _DROP)
        lower, upper = grid[max(inside[0] - 1, 0)], grid[min(inside[-1] + 1, len(grid) - 1)]
        if upper - lower > 0.5 * (grid[-1] - grid[0]):
            return float(lower), float(upper)
        grid = lower + (upper - lower) / _FEWEST_CELLS * np.arange(_FEWEST_CELLS + 1)
        values = log_density(grid)
        top = max(top, float(values.max()))


def _refuse_open_ends(values: Array, top: float) -> None:
    """Refuse a density that is not bounded, or does not fall, and go on falling, towards both infinities."""
    if not np.isfinite(top):
        raise _not_normalisable(
            "the energy is not bounded from below" if top > 0 else "the energy is nowhere finite"
        )
    octave = 32
    ends = {"-inf": (values[0], values[octave]), "inf": (values[-1], values[-1 - octave])}
    for direction, (outermost, before) in ends.items():
        if outermost >= top - _DROP or -np.inf < before <= outermost:
            raise _not_normalisable(f"the energy does not grow towards {direction}")


def _not_normalisable(reason: str) -> InvalidInput:
    return InvalidInput(
        f"no normalisable equilibrium, {reason}",
        "initial",
        "confine it, declare it periodic, or start from Point(...)",
    )


def bound_coordinates(potential: Potential) -> tuple[int, ...]:
    """List the indices of the coordinates that the energy contains; the others are free."""
    symbols = potential.graph.symbols(potential.energy_node)
    return tuple(i for i, name in enumerate(potential.coordinates) if potential.names[name] in symbols)


def equilibrium(
    potential: Potential, controls: Sequence[float], beta: float
) -> Gaussian | EquilibriumTable | None:
    """Law of the positions of `bound_coordinates`, or None where no exact one is known.

    Parameters
    ----------
    potential : Potential
    controls : sequence of float
        In the order of ``potential.controls``.
    beta : float, 1 / energy

    Returns
    -------
    Gaussian
        For a quadratic energy.
    EquilibriumTable
        For any other energy of one coordinate; of one period, if the coordinate is periodic.
    None
        For any other energy of several coordinates.

    Raises
    ------
    InvalidInput
        If the equilibrium cannot be normalised.
    """
    bound = bound_coordinates(potential)
    periodic = [i for i in bound if potential.coordinates[i] in potential.periodic]
    if potential.is_quadratic and not periodic:
        return _gaussian(potential, controls, beta, bound)
    return tabulate_along(potential, controls, beta, bound[0]) if len(bound) == 1 else None


def tabulate_along(
    potential: Potential, controls: Sequence[float], beta: float, coordinate: int
) -> EquilibriumTable:
    """Tabulate the equilibrium of one coordinate, by its index, with all others at 0."""

    def log_density(positions: Array) -> Array:
        states = np.zeros((len(potential.coordinates), len(positions)))
        states[coordinate] = positions
        return -beta * potential.evaluate_energy(states, controls)

    return tabulate(log_density, potential.periods.get(potential.coordinates[coordinate]))


def free_energy(potential: Potential, controls: Sequence[float], beta: float) -> float:
    r"""Give the configurational free energy ``-ln(Z) / beta``, ``Z`` the integral of ``exp(-beta U)``.

    Coordinates that the energy does not contain are left out; over a periodic one the integral is over one
    period.

    Raises
    ------
    InvalidInput
        If ``Z`` is infinite, or no exact way to it is known.
    """
    law = equilibrium(potential, controls, beta)
    if law is None:
        raise InvalidInput(
            "no exact free energy for an energy of several coordinates that is not quadratic",
            "system.energy",
            "estimate a difference with verify(forward, reverse)",
        )
    if isinstance(law, EquilibriumTable):
        return -law.log_partition / beta
    bound = bound_coordinates(potential)
    lowest = np.zeros((len(potential.coordinates), 1))
    lowest[list(bound), 0] = law.mean
    log_widths = sum(float(log(width)) for width in np.diagonal(law.factor))
    log_partition = 0.5 * len(bound) * float(log(np.float64(2.0 * np.pi))) + log_widths
    return float(potential.evaluate_energy(lowest, controls)[0]) - log_partition / beta


def linear_part(
    potential: Potential, formulas: Sequence[int], controls: Sequence[float], variables: Sequence[str]
) -> tuple[Array, Array]:
    """Matrix and offset of formulas that are affine in the variables: ``f(x) = matrix @ x + offset``.

    Parameters
    ----------
    potential : Potential
    formulas : sequence of nodes of ``potential.graph``
    controls : sequence of float
    variables : sequence of str
        Symbols of the graph, m of them; all other coordinates and velocities are taken at 0.

    Returns
    -------
    matrix : (len(formulas), m) array
    offset : (len(formulas),) array
    """
    graph = potential.graph
    values = dict.fromkeys(potential.names.values(), 0.0)
    known = {**dict(zip(potential.controls, controls, strict=True)), **potential.parameters}
    values.update({potential.names[name]: value for name, value in known.items()})
    matrix = [
        [float(graph.evaluate(graph.derivative(node, name), values)) for name in variables]
        for node in formulas
    ]
    offset = [float(graph.evaluate(node, values)) for node in formulas]
    return np.array(matrix).reshape(len(formulas), len(variables)), np.array(offset)


def _gaussian(potential: Potential, controls: Sequence[float], beta: float, bound: Sequence[int]) -> Gaussian:
    """Equilibrium of U = x.H.x / 2 + b.x + constant: mean -H^-1 b, covariance H^-1 / beta."""
    if not bound:
        return Gaussian(np.zeros(0), np.zeros((0, 0)))
    variables = [potential.names[potential.coordinates[i]] for i in bound]
    stiffness, slope = linear_part(potential, [potential.gradient[i] for i in bound], controls, variables)
    try:
        cholesky(stiffness)
        covariance = solve(stiffness, np.eye(len(bound)) / beta)
        return Gaussian(-solve(stiffness, slope), cholesky(covariance))
    except (NotPositiveError, SingularError):
        raise _not_normalisable("the quadratic energy does not grow in every direction") from None
