"""The exact companion of a run of quantum jumps: the Lindblad equation with the schedule of the engine.

Rows of held values follow each other as in a run, controls change at frozen state, and channels are the
engine's own: averages over trajectories approach these numbers without an error of the time step.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.counting_fields import read_fields
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.fano import fano_factor
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Equilibrium, Point
from fluctua.stochastic.instants import read_instant
from fluctua.stochastic.quantum.evolution import Evolution, Piece
from fluctua.stochastic.quantum.generator import generator, generator_of, gibbs_state
from fluctua.stochastic.quantum.tilted import (
    ALONG_THE_PATH,
    Collected,
    collected,
    cumulants,
    distribution,
    generating_function,
    refuse_unmeasured,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
    from fluctua.stochastic.initial import Initial
    from fluctua.stochastic.protocol import Protocol
    from fluctua.stochastic.quantum.channels import Model
    from fluctua.stochastic.quantum.steady_state import SteadyState
    from fluctua.stochastic.schedule import Schedule

    Complex = NDArray[np.complex128]
    Floats = NDArray[np.float64]

_SUM = 1e-9


class Lindblad(Evolution):
    """The Lindblad equation of a Hamiltonian and its baths along a schedule.

    What an `Evolution` has, for the whole run; and here for its strokes and channels, and the law of what
    trajectories collect. Quantities are called as the columns of a run, as `tilted.collected` lists them, or
    by the name of a channel, whose jumps are counted. Of dynamics with ``measured=False`` ``work``,
    ``energy_change`` and ``quantum_heat`` are expectations along the path: their means are known, their laws
    only by sampling.

    Parameters
    ----------
    system : Hamiltonian
    dynamics : QuantumJump
    schedule : Schedule
        With a time step.
    start : (d,) or (d, d) array, optional
        Populations of the energy levels, ascending, or a density matrix. Left out, equilibrium at the
        schedule's first instant.
    hbar : float, energy time
    turned : bool
        Whether time reversal conjugates Hamiltonian and operators, as in a reverse run.

    Attributes
    ----------
    opening, closing : (M,) arrays of int
        The pieces in which each stroke begins and ends: ``states[closing]`` are the states at the ends of
        strokes.

    Raises
    ------
    InvalidInput
        If the start is no state, or equilibrium is ambiguous.
    """

    opening: NDArray[np.int64]
    closing: NDArray[np.int64]
    channel_names: tuple[str, ...]
    measured: bool
    _channels: tuple[NDArray[np.int64], ...]
    _model: Model
    _schedule: Schedule

    def __init__(
        self,
        system: Hamiltonian,
        dynamics: QuantumJump,
        schedule: Schedule,
        *,
        start: ArrayLike | None = None,
        hbar: float = 1.0,
        turned: bool = False,
    ) -> None:
        model = dynamics.model(system, turned=turned, hbar=hbar)
        pieces, channels, ends = _pieces(model, schedule)
        super().__init__(pieces, _start_of(pieces[0].held.hamiltonian, schedule, start), model.bath_names)
        opening, closing = np.array(ends, np.int64).T
        # A frozen dataclass is filled as its own constructor fills it.
        self.__dict__.update(opening=opening, closing=closing, channel_names=model.channel_names)
        self.__dict__["measured"] = dynamics.measured
        self.__dict__.update(_channels=channels, _model=model, _schedule=schedule)

    def mean(self, name: str) -> float:
        """Return the mean of a quantity over the whole run."""
        if not self.measured and name in ALONG_THE_PATH:
            return self._mean_along_path()[name]
        return cumulants(self, self._collected(name))[0]

    def variance(self, name: str) -> float:
        """Return the variance of a quantity over the whole run."""
        return cumulants(self, self._collected(name))[1]

    def fano(self, name: str) -> float:
        """Return variance over mean, at this duration; a mean of 0 is refused."""
        chosen = self._collected(name)
        return fano_factor(name, *cumulants(self, chosen), self._size(chosen))

    def log_generating_function(self, fields: Mapping[str, float]) -> float:
        """Return ``ln <exp(sum_x s_x X)>``: ``{"dimensionless_work": -1.0}`` is Jarzynski's."""
        return float(np.log(generating_function(self, self._terms(fields)).real))

    def distribution(self, name: str = "activity") -> tuple[NDArray[Any], Floats]:
        """Return the law of what jumps add up to in equal steps: values and probabilities.

        Parameters
        ----------
        name : str
            ``activity`` or a channel; ``heat``, ``heat_<bath>``, ``entropy_flow``, ``log_ratio`` where all
            that jumps add are multiples of one step, because controls and temperatures stand still.

        Returns
        -------
        values : (N,) array
            Whole numbers of counts.
        probabilities : (N,) array
            Right to 1e-13 of up to thousands of steps, to 6e-13 of 100,000: see `lattices.law`.

        Raises
        ------
        InvalidInput
            If there is no such step, measurements at the ends add something too, as to work, or so many
            values would take more than a minute or two.
        """
        values, probabilities = distribution(self, self._collected(name), name)
        counts = name == "activity" or name in self.channel_names
        return np.rint(values).astype(np.int64) if counts else values, probabilities

    def steady(self, stroke: int | str = 0, fraction: float = 0.0) -> SteadyState:
        """Return the steady state at the controls, temperatures and baths of an instant of a stroke."""
        from fluctua.stochastic.quantum.steady_state import SteadyState

        return SteadyState.at(self._model, self._schedule, *read_instant(self._schedule, stroke, fraction))

    def _terms(self, fields: Mapping[str, float]) -> list[tuple[Collected, complex]]:
        return [(self._collected(name), s) for name, s in read_fields(fields).items()]

    def _collected(self, name: str) -> Collected:
        if name not in self.channel_names:
            if not self.measured:
                refuse_unmeasured(name)
            return collected(self, name)
        number = self.channel_names.index(name)
        return Collected(tuple((numbers == number).astype(np.float64) for numbers in self._channels))

    def _mean_along_path(self) -> dict[str, float]:
        change, work = self.mean_energy_change(), float(self.power_work().sum())
        heat = float(self.mean_heat().sum())
        return {"work": work, "energy_change": change, "quantum_heat": change - work - heat}

    def _size(self, chosen: Collected) -> float:
        """Return the mean of the sizes of what jumps add, and the largest value at an end."""
        jumps = sum(float(count @ np.abs(x)) for count, x in zip(self.counts, chosen.jumps, strict=True))
        ends = [measured.values for measured in (chosen.first, chosen.last) if measured is not None]
        return jumps + max((np.abs(x[np.isfinite(x)]).max(initial=0.0) for x in ends), default=0.0)

    def stroke_heat(self) -> Floats:
        """Return the mean heat from each bath in each stroke, energy, shape (M, B)."""
        return self._per_stroke(self.heat())

    def stroke_energy_change(self) -> Floats:
        """Return the mean energy change in each stroke, energy, shape (M,)."""
        before, after = (
            np.array([self._energy_before(int(place)) for place in places])
            for places in (self.opening, self.closing)
        )
        change: Floats = after - before
        return change

    def stroke_work(self) -> Floats:
        """Return the mean work in each stroke, energy change less heat, energy, shape (M,)."""
        work: Floats = self.stroke_energy_change() - self.stroke_heat().sum(axis=1)
        return work

    def stroke_activity(self) -> Floats:
        """Return the mean number of jumps in each stroke, shape (M,)."""
        return self._per_stroke(np.array([count.sum() for count in self.counts]))

    def channel_counts(self) -> dict[str, float]:
        """Return the mean number of jumps of each channel that is open at some time, by its name."""
        totals: dict[str, float] = {}
        for numbers, count in zip(self._channels, self.counts, strict=True):
            for number, jumps in zip(numbers, count, strict=True):
                name = self.channel_names[number]
                totals[name] = totals.get(name, 0.0) + float(jumps)
        return totals

    def _energy_before(self, place: int) -> float:
        return float(np.trace(self.pieces[place].held.hamiltonian @ self.states[place]).real)

    def _per_stroke(self, rows: Floats) -> Floats:
        ends = zip(self.opening, self.closing, strict=True)
        return np.array([rows[begin : end + 1].sum(axis=0) for begin, end in ends])


def exact(
    system: Hamiltonian,
    dynamics: QuantumJump,
    protocol: Protocol,
    *,
    time_step: float,
    initial: Initial | None = None,
    direction: str = "forward",
    boltzmann: float = 1.0,
    hbar: float = 1.0,
) -> Lindblad:
    """Return the exact statistics of what an ensemble samples; of a spec, `EnsembleSpec.exact` does.

    Parameters
    ----------
    system : Hamiltonian
    dynamics : QuantumJump
    protocol : Protocol
    time_step : float, time
        Of the run: rows of held values are the same.
    initial : Initial, optional
        Any but `Samples`; equilibrium if left out.
    direction : {"forward", "reverse"}
    boltzmann : float, energy / temperature
    hbar : float, energy time

    Raises
    ------
    InvalidInput
        If the dynamics is another, or the start has no known law.

    Examples
    --------
    >>> run = exact(qubit, thermal, sweep, time_step=0.005)   # doctest: +SKIP
    >>> run.mean("work"), run.log_generating_function({"work": -1.0})   # doctest: +SKIP
    """
    from fluctua.stochastic.dynamics.quantum_jump import QuantumJump

    if not (isinstance(system, Hamiltonian) and isinstance(dynamics, QuantumJump)):
        what = "these are exact statistics of QuantumJump and a Hamiltonian"
        raise InvalidInput(what, "dynamics", "ask the spec, spec.exact()")
    turned = direction == "reverse"
    schedule = protocol.schedule(time_step, system.controls, dynamics.bath_names, boltzmann, hbar)
    schedule = schedule.reversed() if turned else schedule
    model = dynamics.model(system, turned=turned, hbar=hbar)
    start = _state_of(initial or Equilibrium(), model, schedule)
    return Lindblad(system, dynamics, schedule, start=start, hbar=hbar, turned=turned)


def _state_of(initial: Initial, model: Model, schedule: Schedule) -> Complex | Floats:
    """Return the density matrix of a superposition or of coherence, or the populations of the levels."""
    from fluctua.stochastic.quantum.laws import amplitudes, coherent, populations

    if isinstance(initial, Point) and "amplitudes" in initial.values:
        state = amplitudes(initial, model)
        density: Complex = np.outer(state, state.conj())
        return density
    matrix = coherent(initial, model, schedule)
    if matrix is not None:
        steady: Complex = matrix.complex[0]
        return steady
    return populations(initial, model, schedule)


def _pieces(
    model: Model, schedule: Schedule
) -> tuple[tuple[Piece, ...], tuple[NDArray[np.int64], ...], list[tuple[int, int]]]:
    """Return all pieces, the channels of each, and the first and last piece of each stroke."""
    moves = iter(_moves(model, schedule))
    first = model.hamiltonian(schedule.opening_controls).complex
    last = model.hamiltonian(schedule.closing_controls).complex
    none = np.zeros(0, np.int64)
    found: list[tuple[Piece, NDArray[np.int64]]] = []
    ends: list[tuple[int, int]] = []
    for stroke, count in enumerate(schedule.moves):
        begin = len(found)
        found.append((Piece(generator(first[stroke]), 0.0, schedule.opening_beta[stroke]), none))
        found += islice(moves, int(count))
        found.append((Piece(generator(last[stroke]), 0.0, schedule.closing_beta[stroke]), none))
        ends.append((begin, len(found) - 1))
    pieces, channels = zip(*found, strict=True)
    return pieces, channels, ends


def _moves(model: Model, schedule: Schedule) -> list[tuple[Piece, NDArray[np.int64]]]:
    """Return the piece of each move, and the channels of its operators; equal rows share one."""
    rows = np.hstack([schedule.controls, schedule.beta, schedule.coupled])
    _, kept, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    held = model.held(schedule.controls[kept], schedule.beta[kept], schedule.coupled[kept])
    energies = model.hamiltonian(schedule.controls[kept]).complex
    made = [
        (
            Piece(
                generator_of(held, row, energies[row], model.hbar), schedule.move, schedule.beta[kept[row]]
            ),
            held.channel[held.first_slot[row] : held.first_slot[row + 1]],
        )
        for row in range(len(kept))
    ]
    return [made[row] for row in which.reshape(-1)]


def _start_of(hamiltonian: Complex, schedule: Schedule, start: ArrayLike | None) -> Complex:
    if start is None:
        beta = np.unique(schedule.start_beta)
        if len(beta) != 1:
            raise InvalidInput("equilibrium is ambiguous", "start", "give populations or a density matrix")
        return gibbs_state(hamiltonian, float(beta[0]))
    given, d = np.asarray(start, dtype=np.complex128), len(hamiltonian)
    if given.shape == (d,):
        vectors = np.linalg.eigh(hamiltonian)[1]
        given = (vectors * given) @ vectors.conj().T
    if given.shape != (d, d) or np.abs(given - given.conj().T).max() > _SUM:
        raise InvalidInput(f"no state of {d} levels", "start", "give populations or a density matrix")
    if abs(np.trace(given) - 1.0) > _SUM or np.linalg.eigvalsh(given)[0] < -_SUM:
        raise InvalidInput("not probabilities", "start", "let them be positive and sum to 1")
    return given
