"""Take times that can be compared on a machine that is not ours alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

Contender = Callable[[], object]


def race(
    contenders: Mapping[str, Contender], repeats: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """Give each contender's shortest time, in seconds.

    All take turns, so that a slow moment hits none of them in particular; the shortest of some repeats is
    what the processor can do. One turn before the first is not counted: it compiles and warms up.

    Parameters
    ----------
    contenders : mapping of name to function
    repeats : int
    clock : function
        Processor time for one thread, `time.perf_counter` for several and for files.
    """
    for run in contenders.values():
        run()
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(repeats):
        for name, run in contenders.items():
            began = clock()
            run()
            best[name] = min(best[name], clock() - began)
    return best
