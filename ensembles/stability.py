r"""Is the time step short enough for the forces? Asked before a run, along a few of its own trajectories.

Near a position the force is linear, and its largest curvature decides whether a step overshoots:

    overdamped     dt * lambda_max(D^{-1/2} K D^{-1/2}) < 2,   K = curvature of the energy, D = frictions  (1)
    underdamped    dt * sqrt(lambda_max(M^{-1/2} K M^{-1/2})) < 2 per kick and drift,   M = masses         (2)

(1) is where Euler-Maruyama starts to oscillate with growing amplitude, (2) where the leapfrog maps of a
splitting do (Leimkuhler, Matthews, Molecular Dynamics (2015), chapter 3). Curvature is taken where
trajectories go, not at the minimum: a steep potential is unstable where only few of them ever come.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.errors import Unstable

if TYPE_CHECKING:
    from fluctua.ensembles.spec import EnsembleSpec
    from fluctua.stochastic.propagator import Block, Propagator

Floats = NDArray[np.float64]

PILOT = 256  # trajectories looked at
INSTANTS = 512  # of each, divided by the number of coordinates
LIMIT = 2.0  # of both criteria
COARSE = 0.5  # above this the numbers are stable and poor
EXAMINED = 512  # positions whose eigenvalues are computed, those with the largest bound


@dataclass(frozen=True)
class Stiffest:
    """The place where a time step is hardest to survive.

    Parameters
    ----------
    ratio : float
        Left side of criterion (1) or (2).
    controls, position : dict of str to float
        Where that is.
    """

    ratio: float
    controls: dict[str, float]
    position: dict[str, float]

    def __str__(self) -> str:
        """Write the place: ``k = 4, x = 1.2``."""
        return ", ".join(f"{name} = {value:.4g}" for name, value in (self.controls | self.position).items())


def check_stability(spec: EnsembleSpec, propagator: Propagator) -> Block:
    """Refuse a time step that is too long for the forces.

    Parameters
    ----------
    spec : EnsembleSpec
        The run.
    propagator : Propagator
        Its physics.

    Returns
    -------
    Block
        The pilot: the run's own first trajectories.

    Raises
    ------
    Unstable
        A pilot trajectory failed, or a curvature on its way reaches the limit.
    """
    every = max(1, spec.time_steps * len(spec.system.coordinates) // INSTANTS)
    block = propagator.keeping(strokes=False, paths=PILOT, path_every=every).run(0, PILOT)
    failed = int(np.count_nonzero(block.columns["status"]))
    if failed:
        remedy = "shorten it; if that does not help, the energy has no walls where trajectories go"
        raise Unstable(f"{failed} of {PILOT} pilot trajectories are not finite", "time_step", remedy)
    assert block.paths is not None
    judge(spec, stiffest(spec, block.paths, every))
    return block


def judge(spec: EnsembleSpec, place: Stiffest) -> None:
    """Refuse above the limit, warn well below it."""
    law = spec.dynamics.criterion
    good = spec.time_step * min(1.0, 0.1 * LIMIT / max(place.ratio, 1e-300))
    if place.ratio >= LIMIT:
        what = f"too long for stability, {law} = {place.ratio:.3g} at {place}"
        raise Unstable(what, "time_step", f"{good:.3g} is safe, the limit of that product is {LIMIT:g}")
    if place.ratio > COARSE:
        remedy = f"stable below {LIMIT:g}, but coarse: {good:.3g} is good"
        warnings.warn(f"{law} = {place.ratio:.3g} at {place} (time_step): {remedy}", stacklevel=5)


def stiffest(spec: EnsembleSpec, paths: dict[str, NDArray[Any]], every: int) -> Stiffest:
    """Find the largest value of the criterion along some paths, samples `every` time steps apart."""
    schedule, system = spec.schedule, spec.system
    samples = paths["time"].size // np.unique(paths["trajectory"]).size
    at = np.minimum(np.arange(samples) * every, schedule.steps - 1)
    controls = np.tile(schedule.controls[at].T, paths["time"].size // samples)
    positions = np.array([paths[name] for name in system.coordinates])
    rates = curvature(spec, positions, controls)
    largest = _largest(rates)
    worst = int(np.argmax(largest))
    value = max(float(largest[worst]), 0.0)
    return Stiffest(
        spec.dynamics.overshoot(spec.time_step, value),
        {name: float(controls[k, worst]) for k, name in enumerate(system.controls)},
        {name: float(positions[k, worst]) for k, name in enumerate(system.coordinates)},
    )


def curvature(spec: EnsembleSpec, positions: Floats, controls: Floats) -> Floats:
    """Give the curvature of the energy less the slopes of other forces, scaled as in (1), (2)."""
    # A copy: derivatives in the system's own graph would renumber the nodes that a kernel is written from.
    system, n = type(spec.system)(**spec.system.table()), len(spec.system.coordinates)
    graph = system.graph
    values = {f"q_{i}": row for i, row in enumerate(positions)} | {
        f"c_{k}": row for k, row in enumerate(controls)
    }
    values |= {f"p_{k}": np.float64(value) for k, value in enumerate(system.parameters.values())}
    scale = 1.0 / np.sqrt(np.array(spec.dynamics.resistance_of(spec.system)))
    matrices = np.empty((positions.shape[1], n, n))
    for i in range(n):
        slope = graph.sub(system.gradient[i], system.force_nodes[i])
        for j in range(n):
            with np.errstate(all="ignore"):
                matrices[:, i, j] = graph.evaluate(graph.derivative(slope, f"q_{j}"), values) * (
                    scale[i] * scale[j]
                )
    return 0.5 * (matrices + matrices.transpose(0, 2, 1))


def _largest(matrices: Floats) -> Floats:
    """Give the largest eigenvalue of each symmetric matrix, or minus infinity where others are larger."""
    if matrices.shape[1] == 1:
        return np.nan_to_num(matrices[:, 0, 0], nan=-np.inf)
    diagonal = np.einsum("kii->ki", matrices)
    bound = np.max(diagonal + np.abs(matrices).sum(axis=2) - np.abs(diagonal), axis=1)  # Gershgorin
    bound = np.where(np.isfinite(bound), bound, -np.inf)
    chosen = np.argsort(bound)[-EXAMINED:]
    chosen = chosen[np.isfinite(bound[chosen])]
    largest = np.full(bound.size, -np.inf)
    largest[chosen] = np.linalg.eigvalsh(matrices[chosen])[:, -1]
    return largest
