r"""Extremes and first passages of jump trajectories: exact, from the list of their jumps.

While controls stand still, a formula of level and controls changes at jumps and at borders of strokes alone.
So each stroke of a trajectory is a list of visits, the first at its opening, and

    max f = max over visits of f(level),    first = time of the first visit at which the condition holds

An instant change counts with the values that it leads to. Formulas with a control that moves in the course of
a stroke are refused: they also change while a level waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.markov.recording import Recording
    from fluctua.stochastic.schedule import Schedule

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

#: Where a ramp is looked at: a quantity that returns to its first value at one of these does so by chance.
_BETWEEN = (np.arange(40) + 0.7) / 40.0


@dataclass(frozen=True, eq=False)
class Passages:
    """What is looked for along the trajectories of a run.

    Parameters
    ----------
    kinds : dict of str to str
        ``"max"``, ``"min"`` or ``"first"``, by the name of the column.
    values : (M, n, R) array
        Of each stroke and level the formulas; of a condition 1 where it holds.
    borders : (M + 1,) array, time
        When strokes begin, and the last ends.
    """

    kinds: dict[str, str]
    values: Floats
    borders: Floats

    def along(self, state: Whole, offsets: Whole, times: Floats, levels: Whole) -> dict[str, Floats]:
        """Find extremes and first passages of each trajectory and stroke, shape (N, M).

        Parameters
        ----------
        state : (N,) array
            Levels at the start.
        offsets : (N + 1,) array
            Where the jumps of each trajectory begin in what follows, and the last end.
        times, levels : arrays
            When each jump happens, and where it leads to.

        Returns
        -------
        dict
            By column; of first passages the time since the run began, infinite where there is none.
        """
        strokes, count = len(self.borders) - 1, len(state)
        stroke = np.clip(np.searchsorted(self.borders, times, side="right") - 1, 0, strokes - 1)
        cells = np.repeat(np.arange(count), np.diff(offsets)) * strokes + stroke
        each = np.bincount(cells, minlength=count * strokes)
        before = np.cumsum(each) - each
        openings, visits = before + np.arange(len(before)), np.arange(len(cells)) + cells + 1
        since = before.reshape(count, strokes) > offsets[:-1, None]
        carried = np.concatenate([[0], levels])[before].reshape(count, strokes)  # where the last jump led to
        level, time = np.empty(len(before) + len(cells), np.int64), np.empty(len(before) + len(cells))
        level[openings] = np.where(since, carried, state[:, None]).ravel()
        time[openings] = np.tile(self.borders[:-1], count)
        level[visits], time[visits] = levels, times
        here = self.values[np.repeat(np.arange(len(before)) % strokes, each + 1), level]
        return {
            name: _SEARCHES[kind](here[:, r], time, openings).reshape(count, strokes)
            for r, (name, kind) in enumerate(self.kinds.items())
        }

    def reported(self, found: Mapping[str, Floats], stroke: int | None) -> dict[str, Floats]:
        """Give columns of a stroke, or of the whole run: times since it began, NaN for never."""
        part = slice(None) if stroke is None else slice(stroke, stroke + 1)
        columns = {}
        for name, kind in self.kinds.items():
            extreme = np.max if kind == "max" else np.min
            column = extreme(found[name][:, part], axis=1)
            if kind == "first":
                column = np.where(np.isinf(column), np.nan, column - self.borders[part][0])
            columns[name] = column
        return columns


def _maximum(values: Floats, times: Floats, openings: Whole) -> Floats:  # noqa: ARG001
    found: Floats = np.maximum.reduceat(values, openings)
    return found


def _minimum(values: Floats, times: Floats, openings: Whole) -> Floats:  # noqa: ARG001
    found: Floats = np.minimum.reduceat(values, openings)
    return found


def _first(values: Floats, times: Floats, openings: Whole) -> Floats:
    found: Floats = np.minimum.reduceat(np.where(values != 0.0, times, np.inf), openings)
    return found


_SEARCHES = {"max": _maximum, "min": _minimum, "first": _first}


def passages_of(recorded: Mapping[str, Recording], schedule: Schedule) -> Passages:
    """Make the tables of what is looked for.

    Raises
    ------
    InvalidInput
        If a formula contains a control that moves in the course of a stroke.
    """
    values, kinds = [], {}
    moving = _moving(schedule)
    for kind in _SEARCHES:
        recording = recorded[kind]
        for name, node in recording.nodes.items():
            symbols = recording.graph.symbols(node)
            for k, word in enumerate(recording.system.controls):
                if recording.system.names[word] in symbols and moving[k]:
                    what = f"{kind}(...) of {word}, which moves while a level waits"
                    remedy = f"leave {word} out of the formula, or split its ramp into instant steps"
                    raise InvalidInput(what, f"record.{name}", remedy)
            kinds[name] = kind
        values.append(recording.at(schedule.closing_controls))
    return Passages(kinds, np.concatenate(values, axis=2), schedule.borders)


def _moving(schedule: Schedule) -> NDArray[np.bool_]:
    """Tell which controls move in the course of a stroke, borders apart."""
    found = np.zeros(schedule.opening_controls.shape[1], np.bool_)
    for m, duration in enumerate(schedule.durations):
        if duration > 0.0 and schedule.moving(m):
            controls = schedule.values(m, np.concatenate([schedule.knots(m), _BETWEEN]))[0]
            found |= (controls != controls[:1]).any(axis=0)
    return found
