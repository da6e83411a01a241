"""Take times that can be compared on a machine that is not ours alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

Contender = Callable[[], object]


class Seconds(NamedTuple):
    """What a contender took: by the clock on the wall, and of all processors together."""

    wall: float
    processor: float


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


def turns(contenders: Mapping[str, Contender], repeats: int) -> dict[str, Seconds]:
    """Give each contender's shortest wall-clock time and, by itself, its shortest processor time.

    For what takes long, once warm: they take turns as in `race`, and every turn counts.
    """
    best = dict.fromkeys(contenders, Seconds(float("inf"), float("inf")))
    for _ in range(repeats):
        for name, run in contenders.items():
            began = Seconds(time.perf_counter(), time.process_time())
            run()
            wall, processor = time.perf_counter() - began.wall, time.process_time() - began.processor
            best[name] = Seconds(min(best[name].wall, wall), min(best[name].processor, processor))
    return best
