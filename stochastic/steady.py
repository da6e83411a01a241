r"""The exact steady state of a linear system between any number of baths.

With forces linear in positions and velocities the steady state is a Gaussian. In the variables ``x`` that
forces depend on, and all velocities,

    dx = (offset - drift x) dt + noise,    <noise noise^T> = diffusion dt                                  (1)

    drift mean = offset,    drift S + S drift^T = diffusion                                                (2)

solved in continuous time; the kernel's own steady state differs from it by a power of the time step. Source:
Risken, The Fokker-Planck Equation (1989), section 6.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.equilibrium import linear_part
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.linear import Gaussian, NotPositiveError, SingularError, cholesky, lyapunov, solve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fluctua.stochastic.forms import Link
    from fluctua.stochastic.potential import Potential

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Contact:
    """A coordinate, by its index, and a connected bath: friction, and temperature in units of energy."""

    coordinate: int
    friction: float
    temperature: float


def contacts_of(links: Sequence[Link], beta: Array, coupled: NDArray[np.bool_]) -> list[Contact]:
    """List the contacts of the baths that are connected.

    Parameters
    ----------
    links : sequence of Link
    beta : (B,) array, 1 / energy
    coupled : (B,) array of bool
    """
    return [
        Contact(link.coordinate, link.friction, 1.0 / float(beta[link.bath]))
        for link in links
        if coupled[link.bath]
    ]


def mean_temperature(contacts: Sequence[Contact]) -> float:
    """Temperature that a free velocity takes between baths: sum gamma T / sum gamma (energy)."""
    frictions, flows = 0.0, 0.0
    for contact in contacts:
        frictions += contact.friction
        flows += contact.friction * contact.temperature
    return flows / frictions


def driven_coordinates(potential: Potential) -> tuple[int, ...]:
    """List the indices of the coordinates that some force depends on; the others have no steady state."""
    graph = potential.graph
    symbols = frozenset().union(
        *(graph.symbols(node) for node in [*potential.gradient, *potential.force_nodes])
    )
    return tuple(i for i, name in enumerate(potential.coordinates) if potential.names[name] in symbols)


def steady_state(
    potential: Potential, controls: Sequence[float], contacts: Sequence[Contact], masses: Sequence[float]
) -> Gaussian:
    """Exact steady state of a linear system.

    Parameters
    ----------
    potential : Potential
        Forces, conservative or not, linear in positions and velocities.
    controls : sequence of float
    contacts : sequence of Contact
    masses : sequence of float
        One a coordinate, or none for overdamped dynamics.

    Returns
    -------
    Gaussian
        Of the positions of `driven_coordinates`, followed by all velocities if there are masses.

    Raises
    ------
    InvalidInput
        If a force is not linear, or there is no steady state.
    """
    drift, offset, diffusion = _linear_system(potential, controls, contacts, masses)
    if not len(drift):
        return Gaussian(np.zeros(0), np.zeros((0, 0)))
    try:
        return Gaussian(solve(drift, offset), cholesky(lyapunov(drift, diffusion)))
    except (NotPositiveError, SingularError):
        raise InvalidInput(
            "no steady state, the forces and baths do not confine every direction",
            "initial",
            "confine it, or start from Point(...)",
        ) from None


def _linear_system(
    potential: Potential, controls: Sequence[float], contacts: Sequence[Contact], masses: Sequence[float]
) -> tuple[Array, Array, Array]:
    """Drift, offset and diffusion of equation (1)."""
    driven = driven_coordinates(potential)
    positions = [potential.names[potential.coordinates[i]] for i in driven]
    velocities = [potential.names[name] for name in potential.velocities] if masses else []
    slope, constant = _forces(potential, controls, positions + velocities)
    friction, heating = _friction_and_heating(contacts, len(potential.coordinates))
    if not masses:
        rows = list(driven)
        mobility = 1.0 / friction[rows]
        return (
            -slope[rows] * mobility[:, None],
            constant[rows] * mobility,
            np.diag(heating[rows] * mobility * mobility),
        )
    size, d = len(driven) + len(masses), len(driven)
    inverse_mass = 1.0 / np.asarray(masses)
    drift, offset, diffusion = np.zeros((size, size)), np.zeros(size), np.zeros((size, size))
    for row, coordinate in enumerate(driven):
        drift[row, d + coordinate] = -1.0
    drift[d:] = -slope * inverse_mass[:, None]
    drift[d:, d:] += np.diag(friction * inverse_mass)
    offset[d:] = constant * inverse_mass
    diffusion[d:, d:] = np.diag(heating * inverse_mass * inverse_mass)
    return drift, offset, diffusion


def _forces(potential: Potential, controls: Sequence[float], variables: Sequence[str]) -> tuple[Array, Array]:
    """All forces on each coordinate as a matrix times the variables plus a constant."""
    graph = potential.graph
    state = [potential.names[name] for name in (*potential.coordinates, *potential.velocities)]
    forces = [
        graph.sub(force, slope)
        for force, slope in zip(potential.force_nodes, potential.gradient, strict=True)
    ]
    for name, node in zip(potential.coordinates, forces, strict=True):
        if not graph.affine_in(node, state):
            raise InvalidInput(
                f"no exact steady state, the force on {name} is not linear",
                "initial",
                "relax to it with Steady(duration=...)",
            )
    return linear_part(potential, forces, controls, variables)


def _friction_and_heating(contacts: Sequence[Contact], coordinates: int) -> tuple[Array, Array]:
    """Sum over the baths of each coordinate: friction, and strength of the noise, 2 gamma T."""
    friction, heating = np.zeros(coordinates), np.zeros(coordinates)
    for contact in contacts:
        friction[contact.coordinate] += contact.friction
        heating[contact.coordinate] += 2.0 * contact.friction * contact.temperature
    return friction, heating
