r"""Canonical equilibrium of positions, ``p(q) = exp(-beta U(q, controls)) / Z``.

Two cases are exact or as good as exact. A quadratic energy gives a Gaussian. Any other energy of one
coordinate gives a table of its cumulative distribution, inverted for each draw; its error is measured and
stated. Momenta always have their Maxwell law and are drawn elsewhere (`fluctua.stochastic.initial`).

Nothing here calls the C library's functions or LAPACK, whose bits differ between machines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.cumulative import EquilibriumTable, not_normalisable, tabulate
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.lanes import log
from fluctua.stochastic.linear import Gaussian, NotPositiveError, SingularError, cholesky, solve
from fluctua.stochastic.wells import narrow_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fluctua.stochastic.potential import Potential

    Array = NDArray[np.float64]


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
    """Tabulate the equilibrium of one coordinate, by its index, with all others at 0.

    Wells are found by a scan over all magnitudes and, however narrow, where a part of the formula is zero or
    stationary (`narrow_places`). What is narrower than 3 % of its distance from zero and at none of these
    places can still be missed, as can all but the 256 deepest of very many narrow wells.
    """

    def log_density(positions: Array) -> Array:
        states = np.zeros((len(potential.coordinates), len(positions)))
        states[coordinate] = positions
        return -beta * potential.evaluate_energy(states, controls)

    period = potential.periods.get(potential.coordinates[coordinate])
    return tabulate(log_density, period, narrow_places(potential, controls, coordinate, period))


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
        raise not_normalisable("the quadratic energy does not grow in every direction") from None
