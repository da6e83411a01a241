"""Where quantum jumps start: populations of energy levels, or amplitudes where nothing is measured.

A measurement at the first instant leaves a mixture of energy levels, whatever came before. So a measured run
starts from populations; a superposition, or a steady state with coherence between levels, starts runs without
measurements only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput, shown
from fluctua.stochastic.first_instant import Start, coupled_at_start
from fluctua.stochastic.initial import Equilibrium, Point, Populations, Steady
from fluctua.stochastic.level_starts import (
    at_level,
    equilibrium_beta,
    given,
    law_of,
    several_steady_states,
)
from fluctua.stochastic.markov.stationary import closed_sets, eliminated
from fluctua.stochastic.quantum.housekeeping import flows
from fluctua.stochastic.quantum.matrices import Matrices, hermitian_eigen
from fluctua.stochastic.quantum.starts import from_amplitudes, from_matrix, from_populations
from fluctua.stochastic.quantum.steady_matrices import steady_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.initial import Initial
    from fluctua.stochastic.quantum.channels import Channels, Model
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]
    Complex = NDArray[np.complex128]

_NORM = 1e-9  # by which amplitudes may miss the norm 1
_COHERENCE = 1e-9  # of the fastest rate: coherence that levels make in a steady state by rounding


def check(initial: Initial, model: Model, schedule: Schedule) -> None:
    """Check that a start is possible.

    Raises
    ------
    InvalidInput
        If it is not: see `populations` and `amplitudes`.
    """
    if _is_superposition(initial):
        amplitudes(initial, model)
    elif coherent(initial, model, schedule) is None:
        populations(initial, model, schedule)


def prepare(initial: Initial, model: Model, schedule: Schedule, *, seed: int, direction: str) -> Start:
    """Prepare the start of a run: wave functions in the fixed basis, and the number of the measured level.

    Parameters
    ----------
    initial : Equilibrium, Steady, Point or Populations
    model : Model
    schedule, seed, direction
        As for :func:`fluctua.stochastic.initial.prepare`.

    Raises
    ------
    InvalidInput
        If the start does not fit the system.
    """
    initial.check_direction(direction)
    facts: dict[str, object] = {"law": law_of(initial), "notes": []}
    if _is_superposition(initial):
        return from_amplitudes(amplitudes(initial, model), {**facts, "law": "superposition"})
    density = coherent(initial, model, schedule)
    if density is not None:
        facts["law"] = "steady state with coherence"
        return from_matrix(density, seed=seed, direction=direction, facts=facts)
    weights = populations(initial, model, schedule)
    vectors = model.levels(schedule.start_controls[None])[1]
    return from_populations(vectors, weights, seed=seed, direction=direction, facts=facts)


# ---- populations of levels


def populations(initial: Initial, model: Model, schedule: Schedule) -> Floats:
    """Return the probability of each level at the first instant, shape (d,).

    Raises
    ------
    InvalidInput
        If they are not defined: an ambiguous equilibrium, several steady states or one with coherence between
        levels, an unknown level, a superposition, samples.
    """
    match initial:
        case Equilibrium():
            return _equilibrium(initial, model, schedule)
        case Steady():
            return _steady(initial, model, schedule)
        case Populations():
            return given(initial, model.state_names)
        case Point() if _is_superposition(initial):
            raise _destroyed(initial, model)
        case Point():
            return at_level(initial, model.state_names)
    raise InvalidInput(
        f"{shown(initial)} is no law of levels", "initial", "use Equilibrium, Steady, Point or Populations"
    )


def _equilibrium(initial: Equilibrium, model: Model, schedule: Schedule) -> Floats:
    remedy = "Equilibrium(beta=...) or Populations(...)"
    beta = equilibrium_beta(initial, schedule, model.bath_names, remedy)
    return model.system.populations(schedule.start_controls.tolist(), beta)[0]


# ---- the steady state


def coherent(initial: Initial, model: Model, schedule: Schedule) -> Matrices | None:
    """Return the density matrix of a steady state with coherence between levels, from which a run starts.

    In the basis of the operators, one row. None of any other start, and of a run that is measured, which
    would destroy the coherence.
    """
    if not isinstance(initial, Steady) or model.measured:
        return None
    found = _at_start(model, schedule)
    if _coherence(found, _as_mixture(found, model)) <= _COHERENCE:
        return None
    _refuse_duration(initial)
    return steady_matrix(found, model.hbar)


def _at_start(model: Model, schedule: Schedule) -> Channels:
    return model.held(
        schedule.start_controls[None, :], schedule.start_beta[None, :], coupled_at_start(schedule)[None, :]
    )


def _steady(initial: Steady, model: Model, schedule: Schedule) -> Floats:
    """Return the populations of the steady state, which must be a mixture of energy levels."""
    found = _at_start(model, schedule)
    weights = _as_mixture(found, model)
    coherence = _coherence(found, weights)
    if coherence > _COHERENCE:
        raise InvalidInput(
            "the steady state is no mixture of energy levels, as the first measurement would leave: one would"
            f" gain coherence at {coherence:.2g} of the fastest rate",
            "initial",
            "start from Equilibrium(beta=...) or Populations(...), and Hold first until it is reached, or set"
            " measured=False",
        )
    _refuse_duration(initial)  # asked last: without it, it works
    return weights


def _refuse_duration(initial: Steady) -> None:
    if initial.duration is not None:
        raise InvalidInput("the steady state of levels is exact", "initial.duration", "leave it out")


def _as_mixture(found: Channels, model: Model) -> Floats:
    """Return the steady populations of the levels, as if no coherence mattered."""
    table = flows(found)[0]
    sets = closed_sets(table > 0.0)
    if len(sets) > 1:
        raise several_steady_states(sets, model.state_names)
    weights: Floats = eliminated(table[None, :, :], sets[0][0])[0]
    return weights


def _coherence(found: Channels, weights: Floats) -> float:
    """Return the largest element that a mixture of levels gains at once, as a part of the fastest rate."""
    state = Matrices.diagonal(weights[None, :])
    change = (found.decay @ state + state @ found.decay).times(-0.5)
    for slot in range(len(found.channel)):
        one = found.operator(slot)
        change = change + one @ (state @ one.adjoint)
    fastest = float(found.fastest[0])
    return float(change.largest[0]) / fastest if fastest > 0.0 else 0.0


# ---- superpositions


def _is_superposition(initial: Initial) -> bool:
    return isinstance(initial, Point) and "amplitudes" in initial.values


def amplitudes(initial: Initial, model: Model) -> Complex:
    """Return the amplitudes of a superposition in the basis of the operators, shape (d,).

    Raises
    ------
    InvalidInput
        If they are too many or too few, have not the norm 1, or are measured at once.
    """
    assert isinstance(initial, Point)
    for key in initial.values:
        if key != "amplitudes":
            raise InvalidInput(f"{shown(key)} beside amplitudes", f"initial.{key}", "leave one out")
    if model.measured:
        raise _destroyed(initial, model)
    return _normalised(initial, model)


def _normalised(initial: Point, model: Model) -> Complex:
    where = "initial.amplitudes"
    given = [
        complex(*one) if isinstance(one, tuple) else complex(one) for one in initial.values["amplitudes"]
    ]
    if len(given) != model.dimension:
        raise InvalidInput(f"{len(given)} amplitudes", where, f"give {model.dimension}")
    norm = sum(one.real * one.real + one.imag * one.imag for one in given)
    if abs(norm - 1.0) > _NORM:
        remedy = f"divide each by {np.sqrt(norm):.10g}" if norm > 0.0 else "give some"
        raise InvalidInput(f"the squares of the amplitudes add up to {norm:.10g}, not to 1", where, remedy)
    return np.array(given)


def _destroyed(initial: Point, model: Model) -> InvalidInput:
    _normalised(initial, model)
    return InvalidInput(
        "a superposition would not survive the measurement of the energy at the first instant, which leaves"
        " one of the levels",
        "initial.amplitudes",
        "start from Populations(...) of the levels, or set measured=False",
    )


# ---- what becomes of populations


def carried(model: Model, schedule: Schedule, weights: Floats) -> Floats:
    """Return the probabilities of the levels measured last, by the Lindblad equation, shape (d,).

    Parameters
    ----------
    model : Model
    schedule : Schedule
    weights : (d,) array
        Populations of the levels at the first instant.
    """
    from fluctua.stochastic.quantum.exact import Lindblad

    ends = np.stack([schedule.start_controls, schedule.end_controls])
    first, last = hermitian_eigen(model.hamiltonian(ends))[1].complex
    start = (first * weights) @ first.conj().T
    state = Lindblad(
        model.system, model.dynamics, schedule, start=start, hbar=model.hbar, turned=model.turned
    ).final
    found = np.einsum("ia,ij,ja->a", last.conj(), state, last).real
    found = np.maximum(found, 0.0)
    result: Floats = found / found.sum()
    return result
