"""From a spec to what computes its trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluctua.ensembles.spec import EnsembleSpec
    from fluctua.stochastic.propagator import Propagator


def propagator_of(spec: EnsembleSpec, *, finer: int = 1, lanes: int | None = None) -> Propagator:
    """Make the physics of a spec; its noise made of that of `finer` steps, its kernel of some other lanes."""
    return spec.dynamics.propagator(
        spec.system,
        spec.protocol,
        time_step=spec.time_step,
        seed=spec.seed,
        direction=spec.direction,
        initial=spec.initial,
        record=spec.record,
        boltzmann=spec.units.boltzmann,
        hbar=spec.units.hbar,
        strokes=spec.strokes,
        paths=spec.paths,
        path_every=spec.path_every,
        finer=finer,
        lanes=lanes,
    )
