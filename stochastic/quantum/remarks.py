"""What a physicist should know before believing a run of quantum jumps, each with its number.

The channels of a bath are derived for a coupling that is weak against all else. Outside that the run obeys
thermodynamics all the same, but is a model of nothing in particular. The limits are conventions: a remark is
made where what should be small is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.quantum.couplings import LocalCoupling, PairCoupling
from fluctua.stochastic.quantum.matrices import transformed
from fluctua.stochastic.quantum.sampling import sampled
from fluctua.stochastic.quantum.slots import SAME_GAP, Instants

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.channels import Channels, Model
    from fluctua.stochastic.quantum.sampling import Rows
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]

SECULAR = 0.1
"""Of the smallest distance between Bohr frequencies: the largest jump rate without a remark."""

ADIABATIC = 0.1
"""What ``hbar |<a|dH/dt|b>| / gap^2`` may be without a remark.

Albash, Boixo, Lidar, Zanardi, New J. Phys. 14, 123016 (2012).
"""

WEAK = 0.5
"""Of the temperature: hbar times the largest jump rate without a remark."""

_ROUNDING = 1e-9

LOCAL = 1e-9
"""Of the quantum: how far a local operator may be from one between energy levels."""

_FRAME = 0.5  # of the quantum: what a frame that turns with it is above


def remarks_of(model: Model, schedule: Schedule) -> tuple[str, ...]:
    """List the remarks on a run."""
    rows = sampled(schedule).different
    found = model.held(rows.controls, rows.beta, rows.coupled)
    between_levels = any(isinstance(coupling, PairCoupling) for coupling in model.couplings)
    said: list[str] = []
    if between_levels:
        said += [*_secular(model, rows, found), *_adiabatic(model, schedule, rows, found)]
    return (*said, *_strong(model, rows, found), *_local(model, schedule))


def _secular(model: Model, rows: Rows, found: Channels) -> Iterator[str]:
    distance = smallest_distances(found.energies)
    ratio = np.where(np.isfinite(distance), model.hbar * found.fastest / distance, 0.0)
    worst = _worst(ratio, rows)
    if ratio[worst] > SECULAR:
        yield (
            f"secular approximation: the largest jump rate is {ratio[worst]:.2g} of the smallest distance"
            f" between Bohr frequencies{model.system.said(rows.controls[worst])}, it should be far below 1"
        )


def _worst(ratio: Floats, rows: Rows) -> int:
    """Return the row of the largest ratio; of several, that of the smallest controls.

    So a run and its reverse, which meet the same values in another order, say the same.
    """
    largest = np.flatnonzero(ratio >= (1.0 - _ROUNDING) * ratio.max())
    controls = rows.controls[largest]
    return int(largest[np.lexsort(controls.T[::-1])[0]] if controls.shape[1] else largest[0])


def smallest_distances(energies: Floats) -> Floats:
    """Return the smallest distance between different Bohr frequencies in each row, energy, shape (M,).

    Frequencies are the differences of any two levels, 0 among them; infinite where there is one only.
    """
    differences = np.sort((energies[:, :, None] - energies[:, None, :]).reshape(len(energies), -1), axis=1)
    steps = np.diff(differences, axis=1)
    same = SAME_GAP * (energies[:, -1] - energies[:, 0])
    result: Floats = np.where(steps > same[:, None], steps, np.inf).min(axis=1)
    return result


def _adiabatic(model: Model, schedule: Schedule, rows: Rows, found: Channels) -> Iterator[str]:
    ratio = adiabatic_ratios(model, schedule, rows, found)
    worst = _worst(ratio, rows)
    if ratio[worst] > ADIABATIC:
        yield (
            "adiabatic approximation: hbar |<a|dH/dt|b>| / gap^2 reaches"
            f" {ratio[worst]:.2g}{model.system.said(rows.controls[worst])}; above {ADIABATIC} the channels of"
            " the instantaneous levels are a model"
        )


def adiabatic_ratios(model: Model, schedule: Schedule, rows: Rows, found: Channels) -> Floats:
    """Return the largest ``hbar |<a|dH/dt|b>| / gap^2`` in each row, 0 where no bath is connected."""
    before, after = rows.around
    change = model.hamiltonian(after) - model.hamiltonian(before)
    elements = transformed(change, found.vectors)
    size = np.sqrt(elements.re * elements.re + elements.im * elements.im)
    gaps = np.abs(found.energies[:, :, None] - found.energies[:, None, :])
    same = SAME_GAP * (found.energies[:, -1] - found.energies[:, 0])[:, None, None]
    apart = gaps > same
    ratio = np.where(apart, size / np.where(apart, gaps * gaps, 1.0), 0.0).max(axis=(1, 2))
    time = np.maximum(rows.apart, 1) * schedule.move  # a stroke of one move has no change to be divided
    result: Floats = np.where(rows.coupled.any(axis=1), model.hbar * ratio / time, 0.0)
    return result


def _strong(model: Model, rows: Rows, found: Channels) -> Iterator[str]:
    """Compare with the temperature what has one: a bath without a way back has none."""
    thermal = np.ones(rows.coupled.shape[1], dtype=np.bool_)
    for bath in model.couplings:
        thermal[bath.bath] &= not isinstance(bath, LocalCoupling) or bath.reverse
    coupled = rows.coupled & thermal
    if not thermal.all():
        found = model.held(rows.controls, rows.beta, coupled)
    coldest = np.where(coupled, rows.beta, 0.0).max(axis=1)
    ratio = model.hbar * found.fastest * coldest
    worst = _worst(ratio, rows)
    if ratio[worst] > WEAK:
        yield (
            f"weak coupling: hbar times the largest jump rate is {ratio[worst]:.2g} of the temperature"
            f"{model.system.said(rows.controls[worst])}; the levels of the coupled system are others"
        )


def _local(model: Model, schedule: Schedule) -> Iterator[str]:
    for bath in (one for one in model.couplings if isinstance(one, LocalCoupling)):
        if not bath.reverse:
            yield f"{bath.name}: its jumps have no way back, so that no entropy is recorded"
            continue
        deviation = local_deviation(bath, model, schedule)
        if deviation > LOCAL:
            # H of a rotating frame is without the energy of the quanta.
            frame = ", but for a Hamiltonian in a rotating frame" if deviation > _FRAME else ""
            yield (
                f"local master equation: the operator of {bath.name} misses [H, A] = -quantum A by"
                f" {deviation:.2g} of quantum A; heat by quanta and the second law hold to that order only"
                f"{frame}"
            )


def worst_local(model: Model, schedule: Schedule) -> tuple[str, float]:
    """Return the local bath that is furthest from acting between levels, and its deviation; 0 if none is."""
    found = [
        (bath.name, local_deviation(bath, model, schedule))
        for bath in model.couplings
        if isinstance(bath, LocalCoupling) and bath.reverse
    ]
    name, deviation = max(found, key=lambda pair: pair[1], default=("", 0.0))
    return (name, deviation) if deviation > LOCAL else ("", 0.0)


def local_deviation(bath: LocalCoupling, model: Model, schedule: Schedule) -> float:
    """Return the largest element of ``[H, A] + quantum A``, as a part of the largest one of ``quantum A``."""
    rows = sampled(schedule).different
    energies, vectors = model.system.eigen(rows.controls)
    vectors = vectors.conjugate if model.turned else vectors
    quantum = bath.rates(Instants(rows.controls, energies, vectors, model.hbar), rows.beta[:, bath.bath])[0]
    elements = transformed(bath.operator, vectors)
    size = np.sqrt(elements.re * elements.re + elements.im * elements.im)
    missed = np.abs(energies[:, :, None] - energies[:, None, :] + quantum[:, None, None]) * size
    return float((missed.max(axis=(1, 2)) / (quantum * size.max(axis=(1, 2)))).max())
