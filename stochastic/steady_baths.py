"""Which baths make the steady state of an instant, in a ledger that compares with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.schedule import Schedule

    Mask = NDArray[np.bool_]


def steady_baths(schedule: Schedule) -> list[Mask]:
    """Tell of each stroke which baths make its steady state, M arrays of shape (B,).

    Those that are connected; in a stroke without any, all. An instant change has those of the next stroke
    that takes time, or behind the last such of that one. So the first stroke has the baths that a start
    knows (`first_instant.coupled_at_start`), and the last those that the start of the reverse process knows:
    a run that starts in the steady state starts where its ledger says that it does.
    """
    timed = np.flatnonzero(schedule.moves > 0)
    everywhere: Mask = np.ones(schedule.start_beta.shape, dtype=np.bool_)
    found = []
    for stroke in range(len(schedule.moves)):
        following = timed[timed >= stroke]
        near = following[:1] if following.size else timed[-1:]
        coupled = schedule.coupled_in(int(near[0])) if near.size else everywhere
        found.append(coupled if coupled.any() else everywhere)
    return found
