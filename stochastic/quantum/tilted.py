"""What measured quantum trajectories collect, exactly: generating functions and cumulants at finite time.

A trajectory collects numbers with its jumps and with the measurements n, m at both ends,

    X = a_n + sum over jumps of c_k + b_m

    <exp(s X)> = Tr exp(s b) T exp(int (L + sum_k (e^(s c_k) - 1) L_k . L_k^+) dt) exp(s a) rho

M. Esposito, U. Harbola, S. Mukamel, Rev. Mod. Phys. 81, 1665 (2009); J. M. Horowitz, Phys. Rev. E 85, 031110
(2012).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.counting_fields import read_fields
from fluctua.stochastic.errors import InvalidInput, not_among
from fluctua.stochastic.lattices import common_step, law
from fluctua.stochastic.quantum.evolution import Evolution, Piece, levels, outcomes
from fluctua.stochastic.quantum.generator import potential_changes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Complex = NDArray[np.complex128]
    Floats = NDArray[np.float64]

#: A population below this is rounding: such an outcome does not happen.
_NEVER = 1e-14


@dataclass(frozen=True, eq=False)
class Outcomes:
    """A measurement: its eigenvectors in columns, and the number that each outcome adds."""

    vectors: Complex
    values: Floats


@dataclass(frozen=True, eq=False)
class Collected:
    """What a trajectory collects.

    Parameters
    ----------
    jumps : tuple of (K,) arrays
        With a jump of each channel, for each piece.
    first, last : Outcomes, optional
        With the measurements at both ends; left out, there is none.
    """

    jumps: tuple[Floats, ...]
    first: Outcomes | None = None
    last: Outcomes | None = None


def _potential(piece: Piece) -> Floats:
    held = piece.held
    if not piece.duration or not len(held.operators):
        return np.zeros(len(held.operators))
    return potential_changes(held, held.steady_state())[0]


_WITH_JUMPS: dict[str, Callable[[Piece], Floats]] = {
    "work": lambda piece: -piece.held.quantum,
    "dimensionless_work": lambda piece: -piece.beta[piece.held.bath] * piece.held.quantum,
    "energy_change": lambda piece: np.zeros(len(piece.held.quantum)),
    "heat": lambda piece: piece.held.quantum,
    "entropy_flow": lambda piece: -piece.beta[piece.held.bath] * piece.held.quantum,
    "log_ratio": lambda piece: piece.held.entropy,
    "activity": lambda piece: np.ones(len(piece.held.quantum)),
    "total_entropy": lambda piece: piece.held.entropy,
    "system_entropy": lambda piece: np.zeros(len(piece.held.quantum)),
    "housekeeping_entropy": lambda piece: piece.held.entropy + _potential(piece),
    "nonadiabatic_entropy": lambda piece: -_potential(piece),
}
_ENDS = {
    "work": "energy",
    "energy_change": "energy",
    "dimensionless_work": "beta energy",
    "total_entropy": "probability",
    "system_entropy": "probability",
    "nonadiabatic_entropy": "probability",
}

ALONG_THE_PATH = ("work", "energy_change", "quantum_heat")
"""Expectations where nothing is measured: means are known, laws are not."""
_MEASURED = (
    "dimensionless_work",
    "system_entropy",
    "total_entropy",
    "housekeeping_entropy",
    "nonadiabatic_entropy",
)


def refuse_unmeasured(quantity: str) -> None:
    """Refuse what is not known of trajectories without measurements.

    Raises
    ------
    InvalidInput
        If it is work, an energy change or an entropy that measurements at both ends make.
    """
    if quantity in ALONG_THE_PATH:
        what = f"{quantity} of a path without measurements is known only by sampling, but for its mean"
        raise InvalidInput(what, "dynamics.measured", "make a run")
    if quantity in _MEASURED:
        raise InvalidInput(f"no {quantity} without measurements", "dynamics.measured", "leave it out")


def jump_amounts(bath_names: Sequence[str]) -> dict[str, Callable[[Piece], Floats]]:
    """Give what a jump of each channel adds to each named quantity, as functions of a piece: (K,) arrays."""
    named = dict(_WITH_JUMPS)
    for number, bath in enumerate(bath_names):
        named[f"heat_{bath}"] = partial(_heat_of, number)
    return named


def _heat_of(bath: int, piece: Piece) -> Floats:
    return np.where(piece.held.bath == bath, piece.held.quantum, 0.0)


def collected(evolution: Evolution, quantity: str, *, eigenstates: bool = False) -> Collected:
    """Return how trajectories collect a named quantity.

    Parameters
    ----------
    evolution : Evolution
    quantity : str
        ``work``, ``energy_change``, ``heat``, ``heat_<bath>``, ``dimensionless_work``, ``entropy_flow``,
        ``log_ratio``, ``activity``; ``system_entropy``, ``total_entropy``, and its two parts,
        ``housekeeping_entropy`` (adiabatic) and ``nonadiabatic_entropy``. Energies are measured at both ends.
    eigenstates : bool
        Whether the entropies measure the eigenstates of the density matrix at both ends, in place of energy.
    """
    named = jump_amounts(evolution.bath_names)
    if quantity not in named:
        raise not_among(quantity, "column", named)
    jumps = tuple(named[quantity](piece) for piece in evolution.pieces)
    return Collected(jumps, *_ends(evolution, _ENDS.get(quantity, ""), eigenstates))


def _ends(evolution: Evolution, kind: str, eigenstates: bool) -> tuple[Outcomes | None, Outcomes | None]:
    if not kind:
        return None, None
    pieces, states = (evolution.pieces[0], evolution.pieces[-1]), (evolution.start, evolution.final)
    if kind == "probability":
        first, last = (
            _surprise(np.linalg.eigh(state)[1] if eigenstates else levels(piece)[1], state)
            for piece, state in zip(pieces, states, strict=True)
        )
        return Outcomes(first.vectors, -first.values), last
    scales = (pieces[0].beta[0], pieces[1].beta[0]) if kind == "beta energy" else (1.0, 1.0)
    (before, first_vectors), (after, last_vectors) = levels(pieces[0]), levels(pieces[1])
    return Outcomes(first_vectors, -scales[0] * before), Outcomes(last_vectors, scales[1] * after)


def _surprise(vectors: Complex, state: Complex) -> Outcomes:
    """Return ``-ln p_m``, infinite where an outcome does not happen."""
    chances = outcomes(vectors, state)
    with np.errstate(divide="ignore"):
        return Outcomes(vectors, -np.log(np.where(chances > _NEVER, chances, 0.0)))


def log_generating_function(
    evolution: Evolution, fields: Mapping[str, float], *, eigenstates: bool = False
) -> float:
    """Return ``ln <exp(sum_x s_x X)>`` over measured trajectories.

    Parameters
    ----------
    evolution : Evolution
    fields : mapping of str to float
        The counting field s of each quantity that `collected` knows. ``{"dimensionless_work": -1.0}`` for
        Jarzynski's theorem, ``{"total_entropy": -1.0}`` for the integral theorem.
    eigenstates : bool
        See `collected`.

    Notes
    -----
    Where the start has outcomes that never happen, the integral theorem of the total entropy gives the
    probability that the reverse process ends where the forward one can start: absolute irreversibility
    (Y. Murashita, K. Funo, M. Ueda, Phys. Rev. E 90, 042110 (2014)).
    """
    terms = [
        (collected(evolution, name, eigenstates=eigenstates), s) for name, s in read_fields(fields).items()
    ]
    return float(np.log(generating_function(evolution, terms).real))


def generating_function(evolution: Evolution, terms: Sequence[tuple[Collected, complex]]) -> complex:
    """Return ``<exp(sum s X)>`` of what is collected, each with its counting field, real or complex."""
    terms = [(chosen, s) for chosen, s in terms if s != 0.0]
    start = _sum([(chosen.first, s) for chosen, s in terms if chosen.first is not None])
    operator = _weighted_start(evolution.start, start, np.exp).reshape(-1)
    for number, piece in enumerate(evolution.pieces):
        if piece.duration:
            fields = sum((s * chosen.jumps[number] for chosen, s in terms), np.zeros(len(piece.held.quantum)))
            matrix = piece.held.superoperator(np.exp(fields))
            operator = piece.propagated(partial(np.matmul, matrix), _norm(matrix), operator)
    last = _sum([(chosen.last, s) for chosen, s in terms if chosen.last is not None])
    closing = _observable(last, np.exp, len(evolution.start))
    return complex(np.trace(closing @ operator.reshape(closing.shape)))


def _sum(terms: Sequence[tuple[Outcomes, complex]]) -> Outcomes | None:
    """Add what the outcomes of one measurement are worth."""
    if not terms:
        return None
    vectors = terms[0][0].vectors
    if not all(np.array_equal(outcome.vectors, vectors) for outcome, _ in terms):
        raise InvalidInput("two measurements at one instant", "fields", "count energies and entropies apart")
    values: Floats = np.sum([s * outcome.values for outcome, s in terms], axis=0)
    return Outcomes(vectors, values)


def distribution(
    evolution: Evolution, chosen: Collected, name: str = "what is counted"
) -> tuple[Floats, Floats]:
    """Return the law of what jumps add up to in equal steps.

    Returns
    -------
    values : (N,) array
        Multiples of the step.
    probabilities : (N,) array
        As of `lattices.law`.

    Raises
    ------
    InvalidInput
        If there is no such step, the measurements at the ends add something too, or so many values would
        take more than a minute or two.
    """
    amounts = np.concatenate([np.zeros(0), *_that_jump(evolution, chosen)])
    step = common_step(amounts) if chosen.first is chosen.last is None else None
    if step is None:
        remedy = "count jumps, or take log_generating_function, or a run"
        raise InvalidInput(f"{name} does not come in equal steps", "distribution", remedy)
    mean, variance = cumulants(evolution, chosen)
    multiples, probabilities = law(
        lambda angle: generating_function(evolution, [(chosen, 1j * angle / step)]),
        mean / step,
        max(variance, 0.0) ** 0.5 / step,
        int(np.rint(np.abs(amounts).max(initial=step) / step)),
        (-np.inf if (amounts < 0.0).any() else 0.0, np.inf if (amounts > 0.0).any() else 0.0),
        name=name,
        cost=_cost(evolution),
    )
    return multiples.astype(np.float64) * step, probabilities


def _cost(evolution: Evolution) -> float:
    """Return what one tilted propagation takes, in steps of small vectors of some 0.1 ms."""
    pieces = [piece for piece in evolution.pieces if piece.duration]
    return len(pieces) * (1.0 + (len(evolution.start) / 4.0) ** 3)


def _that_jump(evolution: Evolution, chosen: Collected) -> list[Floats]:
    """Give what jumps add, in each piece that takes time, through channels that are open."""
    return [
        added[piece.held.operators.any(axis=(1, 2))]
        for piece, added in zip(evolution.pieces, chosen.jumps, strict=True)
        if piece.duration
    ]


def cumulants(
    evolution: Evolution, quantity: str | Collected, *, eigenstates: bool = False
) -> tuple[float, float]:
    """Return mean and variance of what measured trajectories collect.

    The first two derivatives of the tilted propagation, along with the state::

        x_0' = L x_0      x_1' = L x_1 + M_1 x_0      x_2' = L x_2 + 2 M_1 x_1 + M_2 x_0

    with ``M_n = sum_k c_k^n L_k . L_k^+``.

    Raises
    ------
    InvalidInput
        If a channel has no way back, so that what it collects is infinite.
    """
    chosen = (
        collected(evolution, quantity, eigenstates=eigenstates) if isinstance(quantity, str) else quantity
    )
    if not all(np.isfinite(counts).all() for counts in chosen.jumps):
        raise InvalidInput("a channel without a way back", "dynamics", "heat its bath")
    orders = [_weighted_start(evolution.start, chosen.first, partial(_power, n)) for n in range(3)]
    if chosen.first is None:
        orders[1:] = [np.zeros_like(orders[0])] * 2
    x = np.array(orders).reshape(3, -1)
    for piece, counts in zip(evolution.pieces, chosen.jumps, strict=True):
        if piece.duration:
            x = _with_derivatives(piece, counts, x)
    return _moments(x.reshape(3, *evolution.start.shape), chosen.last)


def _with_derivatives(piece: Piece, counts: Floats, x: Complex) -> Complex:
    held = piece.held
    matrix, first, second = held.superoperator(), held.jumps(counts), held.jumps(counts**2)

    def apply(y: Complex) -> Complex:
        return np.stack(
            [matrix @ y[0], matrix @ y[1] + first @ y[0], matrix @ y[2] + 2.0 * first @ y[1] + second @ y[0]]
        )

    return piece.propagated(apply, _norm(matrix) + 2.0 * _norm(first) + _norm(second), x)


def _moments(x: Complex, last: Outcomes | None) -> tuple[float, float]:
    """Return mean and variance from the derivatives of the weighted state and the last measurement."""
    d = x.shape[1]
    once = _observable(last, partial(_power, 1), d) if last else np.zeros((d, d))
    twice = _observable(last, partial(_power, 2), d) if last else np.zeros((d, d))
    mean = np.trace(x[1] + once @ x[0]).real
    square = np.trace(x[2] + 2.0 * once @ x[1] + twice @ x[0]).real
    return float(mean), float(square - mean**2)


def _power(exponent: int, values: Floats) -> Floats:
    # What does not happen adds nothing to a moment.
    powers: Floats = np.where(np.isfinite(values), values, 0.0) ** exponent
    return powers


def _weighted_start(start: Complex, first: Outcomes | None, weight: Callable[[Floats], Floats]) -> Complex:
    if first is None:
        return start
    chances = outcomes(first.vectors, start)
    happen = chances > _NEVER
    weights = np.zeros(len(chances))
    weights[happen] = chances[happen] * weight(first.values[happen])
    result: Complex = (first.vectors * weights) @ first.vectors.conj().T
    return result


def _observable(last: Outcomes | None, weight: Callable[[Floats], Floats], dimension: int) -> Complex:
    if last is None:
        return np.eye(dimension, dtype=np.complex128)
    result: Complex = (last.vectors * weight(last.values)) @ last.vectors.conj().T
    return result


def _norm(matrix: Complex) -> float:
    return float(np.abs(matrix).sum(axis=0).max())
