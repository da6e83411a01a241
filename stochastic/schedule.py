"""Schedules: a protocol as tables, one row for each time step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.borders import is_thermal, place_of, ramps_of
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.ramps import values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fluctua.stochastic.borders import Borders
    from fluctua.stochastic.course import Course
    from fluctua.stochastic.steps import Step

    Floats = NDArray[np.float64]

#: Larger schedules would fill the memory: their tables take some hundred bytes a time step.
MOST_STEPS = 10_000_000
MOST_STROKES = 1_000_000
#: What counts as a divisor, so that a step typed with nine digits does.
_DIVIDES = 1e-8
_CANDIDATES = 20_000


@dataclass(frozen=True, eq=False)
class Schedule:
    """What is held fixed during each move of the system, and what stands at the ends of each stroke.

    A stroke is one step of the protocol in one cycle. In a stroke of n moves, move j = 0 ... n - 1 takes
    place at the values of the instant ``(j + 1/2) / n``; controls change between moves, at frozen state,
    from the stroke's opening values over those held to its closing ones. A quench has no moves: it opens at
    the old values and closes at the new.

    Parameters
    ----------
    time_step : float or None, time
        Duration of a move; None where each stroke that takes time is one move, whatever its duration.
    steps : int
        Number of moves in all strokes.
    controls : (steps, C) array
        Each control during each move.
    beta : (steps, B) array, 1 / energy
        Inverse temperature of each bath during each move.
    coupled : (steps, B) array of bool
        Whether each bath is connected.
    names : list of str
        The name of each stroke.
    cycle : list of int
        The cycle of each stroke, from 1.
    moves : (M,) array of int
        Number of moves of each stroke.
    opening_controls, closing_controls : (M, C) arrays
        Controls at the first and at the last instant of each stroke.
    opening_beta, closing_beta : (M, B) arrays, 1 / energy
        Inverse temperatures there.
    course : Course or None
        The same in continuous time.
    hbar : float, energy time
        Planck's constant over 2 pi in the units of the run; NaN where it is not known.
    """

    time_step: float | None
    steps: int
    controls: Floats
    beta: Floats
    coupled: NDArray[np.bool_]
    names: list[str]
    cycle: list[int]
    moves: NDArray[np.int64]
    opening_controls: Floats
    closing_controls: Floats
    opening_beta: Floats
    closing_beta: Floats
    course: Course | None = None
    hbar: float = 1.0

    @property
    def move(self) -> float:
        """Duration of a move, where there is a time step."""
        assert self.time_step is not None
        return self.time_step

    @property
    def duration(self) -> float:
        """Time from the first instant to the last."""
        return float(self.durations.sum()) if self.time_step is None else self.steps * self.time_step

    @property
    def durations(self) -> Floats:
        """Duration of each stroke, shape (M,)."""
        if self.course is not None:
            return self.course.durations
        return np.asarray(self.moves * self.move, np.float64)

    @property
    def borders(self) -> Floats:
        """Time at which each stroke begins, and at which the last ends, shape (M + 1,)."""
        if self.time_step is None:
            return np.concatenate([[0.0], np.cumsum(self.durations)])
        return np.concatenate([[0.0], np.cumsum(self.moves) * self.time_step])

    def values(self, stroke: int, fractions: Floats) -> tuple[Floats, Floats]:
        """Return controls (N, C) and inverse temperatures (N, B) at fractions (N,) of a stroke's duration."""
        assert self.course is not None
        return self.course.values(stroke, fractions)

    def knots(self, stroke: int) -> Floats:
        """Return the fractions of a stroke where a ramp has a corner, 0 and 1 among them, ascending."""
        assert self.course is not None
        return self.course.knots(stroke)

    def moving(self, stroke: int) -> bool:
        """Tell whether controls or temperatures change in the course of a stroke, borders apart."""
        assert self.course is not None
        return self.course.moving(stroke)

    def coupled_in(self, stroke: int) -> NDArray[np.bool_]:
        """Tell which baths are connected during a stroke, shape (B,); none in a quench."""
        first = int(np.sum(self.moves[:stroke]))
        if self.moves[stroke] == 0:
            return np.zeros(self.beta.shape[1], dtype=np.bool_)
        row: NDArray[np.bool_] = self.coupled[first]
        return row

    @property
    def cycles(self) -> int:
        """Number of cycles."""
        return max(self.cycle)

    @property
    def start_controls(self) -> Floats:
        """Controls at the first instant, shape (C,)."""
        row: Floats = self.opening_controls[0]
        return row

    @property
    def end_controls(self) -> Floats:
        """Controls at the last instant, shape (C,)."""
        row: Floats = self.closing_controls[-1]
        return row

    @property
    def start_beta(self) -> Floats:
        """Inverse temperatures at the first instant, shape (B,)."""
        row: Floats = self.opening_beta[0]
        return row

    @property
    def end_beta(self) -> Floats:
        """Inverse temperatures at the last instant, shape (B,)."""
        row: Floats = self.closing_beta[-1]
        return row

    @property
    def one_beta(self) -> bool:
        """Whether all baths share one temperature at every instant, so that beta H is defined."""
        tables = (self.beta, self.opening_beta, self.closing_beta)
        return all(bool(np.all(table == table[:, :1])) for table in tables)

    def reversed(self) -> Schedule:
        """Return the same schedule run backwards, to the bit; the last cycle becomes the first."""
        last = self.cycles
        return Schedule(
            time_step=self.time_step,
            steps=self.steps,
            controls=_backwards(self.controls),
            beta=_backwards(self.beta),
            coupled=np.ascontiguousarray(self.coupled[::-1]),
            names=self.names[::-1],
            cycle=[last + 1 - cycle for cycle in reversed(self.cycle)],
            moves=self.moves[::-1].copy(),
            opening_controls=_backwards(self.closing_controls),
            closing_controls=_backwards(self.opening_controls),
            opening_beta=_backwards(self.closing_beta),
            closing_beta=_backwards(self.opening_beta),
            course=None if self.course is None else self.course.reversed(),
            hbar=self.hbar,
        )


def _backwards(rows: Floats) -> Floats:
    return np.ascontiguousarray(rows[::-1])


def moves_of(steps: Sequence[Step], cycles: int, time_step: float | None) -> list[int]:
    """Return how many time steps each step of a protocol takes, none for a quench.

    Without a time step all that takes time is one move.

    Parameters
    ----------
    steps : sequence of Step
        One cycle.
    cycles : int
        How often it is done, for the limit on the size of a schedule.
    time_step : float or None, time
        Must divide each duration to a part in 10^8.

    Raises
    ------
    InvalidInput
        With the nearest time step that divides all durations; or if there are too many moves or strokes.
    """
    total, strokes = sum(step.duration for step in steps) * cycles, len(steps) * cycles
    if time_step is None:
        return [int(step.duration > 0.0) for step in steps]
    if total / MOST_STEPS > time_step or strokes > MOST_STROKES:
        raise InvalidInput(
            f"{total / time_step:.3g} time steps, {strokes:,} strokes",
            "time_step, protocol",
            f"at most {MOST_STEPS:,} and {MOST_STROKES:,} fit: use a longer time step or fewer cycles",
        )
    for number, step in enumerate(steps):
        if not _divides(step.duration, time_step):
            remedy = _nearest_divisor([step.duration for step in steps], step.duration, time_step)
            raise InvalidInput("does not divide the duration", f"time_step, {place_of(step, number)}", remedy)
    return [round(step.duration / time_step) for step in steps]


def _divides(duration: float, time_step: float) -> bool:
    count = max(round(duration / time_step), 1)
    return duration == 0.0 or abs(duration - count * time_step) <= _DIVIDES * duration


def _nearest_divisor(durations: Sequence[float], duration: float, time_step: float) -> str:
    """Say which time step near the one asked for divides this duration, and the others if one does."""
    near = max(round(duration / time_step), 1)
    counts = np.arange(max(1, near - _CANDIDATES), near + _CANDIDATES)
    steps = duration / counts
    with np.errstate(all="ignore"):
        for other in dict.fromkeys(durations):
            # Stricter than `_divides`, which has to accept the answer after its digits are cut.
            right = np.abs(other - np.rint(other / steps) * steps) <= 0.1 * _DIVIDES * other
            counts, steps = counts[right], steps[right]
    if not steps.size:
        return f"{duration / near:#.9g} divides this one but not all others; change a duration"
    nearest = np.abs(steps - time_step).argmin()
    count = int(counts[nearest])
    return f"{steps[nearest]:#.9g} does, in {count} step{'s' if count > 1 else ''}"


def held_values(
    steps: Sequence[Step],
    moves: Sequence[int],
    quantities: Sequence[str],
    borders: Borders,
    named: Sequence[str],
) -> Floats:
    """Return what is held during each move of one cycle: every quantity in the middle of its move.

    Parameters
    ----------
    steps, moves : sequences
        The steps of a protocol, and the number of moves of each.
    quantities : sequence of str
        One for each column; the same may stand twice.
    borders : Borders
        Where every quantity stands before and after each step.
    named : sequence of str
        The baths that have temperatures of their own.

    Returns
    -------
    (sum(moves), len(quantities)) array

    Raises
    ------
    InvalidInput
        If a formula is not finite there, or gives a temperature that is not positive.
    """
    held = np.empty((sum(moves), len(quantities)))
    begin = 0
    for number, (step, count, now) in enumerate(zip(steps, moves, borders.instants(), strict=False)):
        rows = held[begin : begin + count]
        rows[:] = [now[name] for name in quantities]
        fractions = (np.arange(count) + 0.5) / max(count, 1)
        for name, ramp in ramps_of(step, named).items():
            columns = [k for k, quantity in enumerate(quantities) if quantity == name]
            if columns:
                where = f"{place_of(step, number)}.{name}"
                values = values_of(ramp, fractions, step.duration, where, positive=is_thermal(name))
                rows[:, columns] = values[:, None]
        begin += count
    return held


def ends_of_strokes(quantities: Sequence[str], borders: Borders, *, closed: bool) -> tuple[Floats, Floats]:
    """Return every quantity before and after each step of one cycle: two (steps, len(quantities)) arrays.

    In a `closed` cycle the end is the start to the bit; a formula leads back to it only to rounding.
    """
    instants = [[now[name] for name in quantities] for now in borders.instants()]
    rows = np.array(instants).reshape(len(instants), len(quantities))
    opening, closing = rows[:-1].copy(), rows[1:].copy()
    if closed:
        closing[-1] = opening[0]
    return opening, closing
