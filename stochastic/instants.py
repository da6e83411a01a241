"""Which instant is meant: strokes by number or name, fractions of them, times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput, listed, not_among, shown
from fluctua.stochastic.values import number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fluctua.stochastic.schedule import Schedule

_ROUNDING = 1e-9  # of a protocol's duration: how far beyond its end a time may lie


def read_instant(schedule: Schedule, stroke: int | str, fraction: float) -> tuple[int, float]:
    """Return the number of a stroke and a fraction of it.

    Parameters
    ----------
    schedule : Schedule
    stroke : int or str
        Its number from 0, from the last one below 0, or its name: of several cycles that in the first.
    fraction : float
        From 0 to 1.

    Raises
    ------
    InvalidInput
        If there is no such stroke, or the fraction is none.
    """
    names = list(dict.fromkeys(schedule.names))
    if isinstance(stroke, str):
        if stroke not in names:
            raise not_among(stroke, "stroke", names, "stroke")
        stroke = schedule.names.index(stroke)
    many = len(schedule.names)
    if isinstance(stroke, bool) or not isinstance(stroke, int | np.integer) or not -many <= stroke < many:
        remedy = f"give a number from 0 to {many - 1}, or a name: {listed(names)}"
        raise InvalidInput(f"{shown(stroke)} is not a stroke", "stroke", remedy)
    remedy = "give a number from 0 to 1"
    part = number(fraction, "fraction", remedy=remedy)
    if not 0.0 <= part <= 1.0:
        raise InvalidInput(f"{part:g} is no fraction", "fraction", remedy)
    return int(stroke) % many, part


def read_times(times: ArrayLike, duration: float) -> NDArray[np.float64]:
    """Return times within a protocol as an array.

    Raises
    ------
    InvalidInput
        If they are no numbers, or one lies outside.
    """
    try:
        asked = np.array(times, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"{shown(times)} are no times", "times", "give numbers") from None
    if not ((asked >= 0.0) & (asked <= duration * (1.0 + _ROUNDING))).all():
        raise InvalidInput("a time outside the protocol", "times", f"it lasts {duration:g}")
    return asked
