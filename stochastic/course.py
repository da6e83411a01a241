"""Courses: a protocol in continuous time, for dynamics that need no time step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.borders import is_thermal, place_of, ramps_of
from fluctua.stochastic.ramps import values_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.steps import Step

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Course:
    """What controls and inverse temperatures are at any instant of any stroke.

    A stroke is one step of the protocol in one cycle; instants are fractions of its duration.

    Parameters
    ----------
    steps : sequence of Step
        One cycle.
    instants : sequence of dict of str to float
        Every quantity at the start and after each step.
    quantities : sequence of str
        Controls first, then one temperature a bath; the same may stand twice.
    controls : int
        How many of them are controls.
    named : sequence of str
        The baths that have temperatures of their own.
    cycles : int
    as_beta : function
        From temperatures in the protocol's own word to inverse ones.
    backwards : bool
        Whether it is gone through from its end.
    """

    steps: Sequence[Step]
    instants: Sequence[Mapping[str, float]]
    quantities: Sequence[str]
    controls: int
    named: Sequence[str]
    cycles: int
    as_beta: Callable[[Floats], Floats]
    backwards: bool = False

    @property
    def durations(self) -> Floats:
        """Duration of each stroke, 0 of a quench; shape (M,)."""
        each = [step.duration for step in self.steps] * self.cycles
        return np.array(each[::-1] if self.backwards else each, dtype=np.float64)

    def values(self, stroke: int, fractions: Floats) -> tuple[Floats, Floats]:
        """Return controls (N, C) and inverse temperatures (N, B) when fractions (N,) of a stroke are over.

        Raises
        ------
        InvalidInput
            If a formula is not finite there, or gives a temperature that is not positive.
        """
        number, step = self._step(stroke)
        passed = 1.0 - np.asarray(fractions, np.float64) if self.backwards else np.asarray(fractions)
        rows = np.empty((passed.size, len(self.quantities)))
        rows[:] = [self.instants[number][name] for name in self.quantities]
        for name, ramp in ramps_of(step, self.named).items():
            where = f"{place_of(step, number)}.{name}"
            values = values_of(ramp, passed, step.duration, where, positive=is_thermal(name))
            for column, quantity in enumerate(self.quantities):
                if quantity == name:
                    rows[:, column] = values
        return rows[:, : self.controls], self.as_beta(rows[:, self.controls :])

    def knots(self, stroke: int) -> Floats:
        """Return the fractions of a stroke where a table has a corner, 0 and 1 among them, ascending."""
        _, step = self._step(stroke)
        corners = [np.array([0.0, 1.0])]
        tables = [ramp for ramp in ramps_of(step, self.named).values() if isinstance(ramp, tuple)]
        corners += [np.arange(len(table)) / (len(table) - 1) for table in tables]
        found = np.unique(np.concatenate(corners))
        return np.unique(1.0 - found) if self.backwards else found

    def moving(self, stroke: int) -> bool:
        """Tell whether anything changes in the course of a stroke."""
        _, step = self._step(stroke)
        return any(not isinstance(ramp, float) for ramp in ramps_of(step, self.named).values())

    def reversed(self) -> Course:
        """Return the same course gone through from its end."""
        return replace(self, backwards=not self.backwards)

    def _step(self, stroke: int) -> tuple[int, Step]:
        """Return the number of a stroke's step in its cycle, and the step."""
        count = len(self.steps)
        number = (count * self.cycles - 1 - stroke if self.backwards else stroke) % count
        return number, self.steps[number]
