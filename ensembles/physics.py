"""From a spec to what computes its trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluctua.ensembles.spec import EnsembleSpec
    from fluctua.stochastic.propagator import Propagator


def propagator_of(
    spec: EnsembleSpec,
    *,
    strokes: bool | None = None,
    paths: int | None = None,
    path_every: int | None = None,
) -> Propagator:
    """Make the physics of a spec.

    Parameters
    ----------
    spec : EnsembleSpec
        The run.
    strokes, paths, path_every
        What to keep besides the ledger, if not what the spec says.
    """
    from fluctua.stochastic.propagator import Propagator

    return Propagator(
        spec.system,
        spec.dynamics,
        spec.protocol,
        time_step=spec.time_step,
        seed=spec.seed,
        direction=spec.direction,
        initial=spec.initial,
        record=spec.record,
        boltzmann=spec.units.boltzmann,
        strokes=spec.strokes if strokes is None else strokes,
        paths=spec.paths if paths is None else paths,
        path_every=spec.path_every if path_every is None else path_every,
    )
