r"""Is the time step short enough for the forces? Asked before a run, along a few of its own trajectories.

Near a position the force is linear, and its largest curvature decides whether a step overshoots:

    overdamped     dt * lambda_max(D^{-1/2} K D^{-1/2}) < 2,   K = curvature of the energy, D = frictions  (1)
    underdamped    dt * sqrt(lambda_max(M^{-1/2} K M^{-1/2})) < 2,   M = masses                            (2)

(1) is where Euler-Maruyama and Heun start to oscillate with growing amplitude, (2) where the kicks and drifts
of a splitting do (Leimkuhler, Matthews, Molecular Dynamics (2015), chapter 3); splittings whose letters stand
more often last longer, some to 4, others only to 2.4. Curvature is taken where trajectories go, not at the
minimum: a steep potential is unstable where only few of them ever come. Where the pilot's did not come, the
kernel itself watches the same criterion at every step of every trajectory (`stochastic/kernels/ledger.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fluctua.ensembles.warning import warn
from fluctua.stochastic.errors import Unstable
from fluctua.stochastic.status import Status

if TYPE_CHECKING:
    from fluctua.ensembles.spec import EnsembleSpec
    from fluctua.stochastic.propagator import Block, Propagator

Floats = NDArray[np.float64]

PILOT = 256  # trajectories looked at
INSTANTS = 512  # of each, divided by the number of coordinates
LIMIT = 2.0  # of both criteria
FINE = 0.5  # of the ratio: a trial that is believed to show where trajectories of a short step go
GOOD = 0.5  # of what is coarse, for the step that is told: others find steeper places than the pilot did
EXAMINED = 512  # positions whose eigenvalues are computed, those with the largest bound
TRIES, FEWEST = 10, 16  # quarters of a refused time step that are tried, and trajectories of such a trial
STEPS, WORK = 2**20, 2**22  # of a trial: time steps, and time steps of all its trajectories


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
    """Refuse a time step that is too long for the forces; say what a physicist should know before.

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
    for remark in propagator.remarks:
        warn(remark)
    if not spec.dynamics.criterion:
        return _sound(propagator.keeping(strokes=False, paths=0, path_every=1).run(0, PILOT))
    block, place = _pilot(spec, propagator, PILOT)
    statuses = block.columns["status"]
    if place is None:
        raise _unstable(spec, statuses != Status.OK, "are not finite")
    if place.ratio < LIMIT and statuses.any():
        raise _unstable(spec, statuses == Status.OVERSHOT, "meet forces too stiff for it")
    judge(spec, place)
    return block


def _sound(block: Block) -> Block:
    """Refuse a pilot of which trajectories failed, where nothing is known of a better time step."""
    statuses = block.columns["status"]
    if statuses.any():
        kinds = [kind.meaning for kind in Status if kind and kind in statuses]
        count = int(np.count_nonzero(statuses))
        raise Unstable(f"{count} of {statuses.size} pilot trajectories: {', '.join(kinds)}", "dynamics")
    return block


def _unstable(spec: EnsembleSpec, failed: NDArray[np.bool_], how: str) -> Unstable:
    """Refuse by what became of pilot trajectories."""
    good = sound_step(spec)
    remedy = "shorten it; if that does not help, the energy has no walls where trajectories go"
    remedy = remedy if good is None else f"{good:.9g} is safe"
    count = int(np.count_nonzero(failed))
    return Unstable(f"{count} of {failed.size} pilot trajectories {how}", "time_step", remedy)


def _pilot(spec: EnsembleSpec, propagator: Propagator, count: int) -> tuple[Block, Stiffest | None]:
    """Run the first trajectories; the stiffest place on their way, or none where some are not finite."""
    every = max(1, spec.time_steps * spec.dynamics.cost(spec.system) // INSTANTS)
    with np.errstate(all="ignore"):  # what is not finite has a status that says so
        block = propagator.keeping(strokes=False, paths=count, path_every=every).run(0, count)
    if (block.columns["status"] == Status.NON_FINITE).any():
        return block, None
    assert block.paths is not None
    return block, stiffest(spec, block.paths, every)


def judge(spec: EnsembleSpec, place: Stiffest) -> None:
    """Refuse above the limit, warn where the dynamics calls it coarse."""
    law = spec.dynamics.criterion
    if place.ratio >= LIMIT:
        good = sound_step(spec)
        remedy = f"shorten it, the limit of that product is {LIMIT:g}"
        remedy = remedy if good is None else f"{good:.9g} is safe, the limit of that product is {LIMIT:g}"
        what = f"too long for stability, {law} = {place.ratio:.3g} at {place}"
        raise Unstable(what, "time_step", remedy)
    if place.ratio > spec.dynamics.coarse:
        good = fraction(spec.schedule.move, _good(spec, place))
        remedy = f"stable below {LIMIT:g}, but coarse: {good:.9g} is good"
        warn(f"{law} = {place.ratio:.3g} at {place} (time_step): {remedy}")


def _good(spec: EnsembleSpec, place: Stiffest) -> float:
    """Give a time step that is not coarse by a margin; one that already is stays."""
    return spec.schedule.move * min(1.0, GOOD * spec.dynamics.coarse / max(place.ratio, 1e-300))


def sound_step(spec: EnsembleSpec) -> float | None:
    """Find a time step that passes in place of one that is refused; none where no trial succeeds.

    Trajectories of an unstable step go where no others do, and the curvature there says nothing. So fewer and
    fewer trajectories are tried at a quarter of the step, a sixteenth, ... on the same kernel, until they are
    stable, and judged by where those go. A trial takes no longer than the pilot, or some 10 ms.

    Parameters
    ----------
    spec : EnsembleSpec
        The run that is refused.

    Returns
    -------
    float or None
        A whole fraction of the run's time step, so that it divides all that this divides.
    """
    from fluctua.ensembles.physics import propagator_of

    time_step = spec.schedule.move
    work = max(WORK, PILOT * spec.time_steps)
    for parts in 4 ** np.arange(1, TRIES + 1):
        steps = spec.time_steps * int(parts)
        count = min(PILOT, work // steps)
        if steps > STEPS or count < FEWEST:
            return None
        trial = spec.replace({"time_step": time_step / int(parts)})
        block, place = _pilot(trial, propagator_of(trial), count)
        if place is not None and place.ratio <= FINE and not block.columns["status"].any():
            return fraction(time_step, _good(trial, place))
    return None


def fraction(time_step: float, at_most: float) -> float:
    """Divide a time step by a whole number so that it is short enough; a round one where one is near."""
    fewest = math.ceil(time_step / at_most * (1.0 - 1e-9))
    for parts in range(fewest, fewest + fewest // 4 + 1):
        rounded = float(f"{time_step / parts:.3g}")
        if math.isclose(rounded * parts, time_step, rel_tol=1e-12):
            return rounded
    return time_step / fewest


def stiffest(spec: EnsembleSpec, paths: dict[str, NDArray[Any]], every: int) -> Stiffest:
    """Find the largest value of the criterion along some paths, samples `every` time steps apart."""
    schedule, system, dynamics = spec.schedule, spec.system, spec.dynamics
    samples = paths["time"].size // np.unique(paths["trajectory"]).size
    at = np.minimum(np.arange(samples) * every, schedule.steps - 1)
    controls = np.tile(schedule.controls[at].T, paths["time"].size // samples)
    positions = np.array([paths[name] for name in system.states])
    largest = _largest(dynamics.curvature(system, positions, controls))
    worst = int(np.argmax(largest))
    value = max(float(largest[worst]), 0.0)
    return Stiffest(
        dynamics.overshoot(spec.schedule.move, value),
        {name: float(controls[k, worst]) for k, name in enumerate(system.controls)},
        {name: float(positions[k, worst]) for k, name in enumerate(system.states)},
    )


def overshoots(spec: EnsembleSpec, positions: Floats, controls: Floats) -> Floats:
    """Give the left side of criterion (1) or (2) at some states, shapes (n, N), (C, N)."""
    dynamics, time_step = spec.dynamics, spec.schedule.move
    largest = np.linalg.eigvalsh(dynamics.curvature(spec.system, positions, controls))[:, -1]
    return np.array([dynamics.overshoot(time_step, max(value, 0.0)) for value in largest.tolist()])


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
