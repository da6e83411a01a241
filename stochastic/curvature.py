r"""How steep an energy is, as a time step feels it: each coordinate scaled with what resists the force.

.. math:: R^{-1/2} K R^{-1/2}, \qquad K_{ij} = \partial_i\partial_j U - \partial_j f_i
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fluctua.stochastic.dynamics.langevin import Langevin
    from fluctua.stochastic.potential import Potential

Floats = NDArray[np.float64]


def scaled_curvature(dynamics: Langevin, potential: Potential, positions: Floats, controls: Floats) -> Floats:
    """Return the curvature of the energy less the slopes of other forces, its symmetric part.

    Parameters
    ----------
    dynamics : Langevin
        Says what resists: frictions, or masses.
    potential : Potential
    positions, controls : (n, N), (C, N) array

    Returns
    -------
    (N, n, n) array
    """
    # A copy: derivatives in the system's own graph would renumber the nodes that a kernel is written from.
    system, n = type(potential)(**potential.table()), len(potential.coordinates)
    graph = system.graph
    values = {f"q_{i}": row for i, row in enumerate(positions)} | {
        f"c_{k}": row for k, row in enumerate(controls)
    }
    values |= {f"p_{k}": np.float64(value) for k, value in enumerate(system.parameters.values())}
    scale = 1.0 / np.sqrt(np.array(dynamics.resistance_of(potential)))
    matrices = np.empty((positions.shape[1], n, n))
    for i in range(n):
        slope = graph.sub(system.gradient[i], system.force_nodes[i])
        for j in range(n):
            with np.errstate(all="ignore"):
                matrices[:, i, j] = graph.evaluate(graph.derivative(slope, f"q_{j}"), values) * (
                    scale[i] * scale[j]
                )
    return 0.5 * (matrices + matrices.transpose(0, 2, 1))
