"""The benchmark's sections: each a function that measures and gives figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import job
import limit
import naive
import numpy as np
from figures import Figure, rates, say
from jumps import jumps
from processes import memory, start
from timing import Contender, race
from verifier import verifier
from writing import store

import fluctua as fl

if TYPE_CHECKING:
    from fluctua.stochastic.langevin import LangevinPropagator as Propagator

REPEATS = 50
NO_SAMPLES = np.zeros(0, np.int64)


def _kernel(propagator: Propagator, trajectories: int) -> Contender:
    """Our kernel and nothing else: no drawing of the start, no columns."""
    start_states = propagator.start.draw(0, trajectories)
    return partial(propagator._simulate, start_states, 0, propagator.tables, NO_SAMPLES, False, "noise")


def kernels() -> list[Figure]:
    """One thread: our kernel against the hardware limit."""
    figures, trajectories = [], 2048
    for dynamics in job.DYNAMICS:
        say(f"kernels: {dynamics}")
        propagator = job.propagator(dynamics)
        contenders: dict[str, Contender] = {
            f"{dynamics}: kernel": _kernel(propagator, trajectories),
            f"{dynamics}: kernel and columns": partial(propagator.run, 0, trajectories),
        }
        names = _limits(contenders, dynamics, propagator, trajectories)
        times = race(contenders, REPEATS)
        best = min((times[name] for name in names), default=float("nan"))
        kept = {name: time_ for name, time_ in times.items() if name not in names}
        if names:
            _check_agreement(dynamics, propagator)
            kept[f"{dynamics}: C++"] = best
            ours = kept[f"{dynamics}: kernel"]
            figures.append(Figure("kernels", f"{dynamics}: kernel / C++", best / ours, least=0.9))
        figures += rates("kernels", dict.fromkeys(kept, trajectories * job.STEPS), kept)
    return figures


def _limits(
    contenders: dict[str, Contender], dynamics: str, propagator: Propagator, trajectories: int
) -> list[str]:
    """Add the stand-in with each size of block; none without a compiler."""
    if limit.library() is None:
        return []
    stand_in, states = limit.Limit(dynamics), propagator.start.draw(0, trajectories)
    for block in limit.BLOCKS:
        contenders[f"C++ {block}"] = partial(stand_in.run, states, block)
    return [f"C++ {block}" for block in limit.BLOCKS]


def _check_agreement(dynamics: str, propagator: Propagator) -> None:
    """Hold the stand-in to the same numbers as ours: the same work, to rounding."""
    ours = propagator.run(0, 100).columns
    rows = limit.Limit(dynamics).run(propagator.start.draw(0, 100), limit.BLOCKS[0])
    for name, row in limit.ROWS.items():
        if np.abs(rows[row] - ours[name]).max() > 1e-10:
            raise AssertionError(f"the C++ of {dynamics} does not compute our {name}")


def peers() -> list[Figure]:
    """One thread: our kernel against what a user would write."""
    figures = []
    wanted = {"overdamped": (20, 10, 20), "BAOAB": (15, 10, 20)}
    for dynamics in job.DYNAMICS:
        say(f"peers: {dynamics}")
        contenders: dict[str, Contender] = {
            "kernel": _kernel(job.propagator(dynamics), 1024),
            "naive Numba loop": partial(naive.numba_loop, dynamics, 128),
        }
        counts = {"kernel": 1024 * job.STEPS, "naive Numba loop": 128 * job.STEPS}
        for style, run in (("tuned NumPy", naive.numpy_tuned), ("first NumPy", naive.numpy_first)):
            for size in (4000, 20_000):
                name = f"{style}, {size:,} at once"
                contenders[name] = partial(run, dynamics, size, 200_000 // size)
                counts[name] = 200_000
        times = race(contenders, REPEATS)
        rate = {name: counts[name] / times[name] for name in times}
        for style, least in zip(("naive Numba", "tuned NumPy", "first NumPy"), wanted[dynamics], strict=True):
            best = max(value for name, value in rate.items() if name.startswith(style))
            figures.append(
                Figure("peers", f"{dynamics}: kernel / {style}", rate["kernel"] / best, "x", least=least)
            )
        figures += [Figure("peers", f"{dynamics}: {name}, rate", rate[name] / 1e6, "10^6/s") for name in rate]
    return figures


def functions() -> list[Figure]:
    """One thread: formulas with functions against the quartic."""
    figures = []
    formulas = {"exp": "k*exp(-q**2)", "sin": "k*sin(q)", "tanh": "k*tanh(q)"}
    for dynamics in job.DYNAMICS:
        say(f"functions: {dynamics}")
        systems = {"quartic": job.QUARTIC} | {
            name: fl.Potential(f"{text} + q**2/2 - h*q", coordinates="q", controls=("k", "h"))
            for name, text in formulas.items()
        }
        times = race(
            {name: _kernel(job.propagator(dynamics, system), 1024) for name, system in systems.items()},
            REPEATS,
        )
        figures += [
            Figure("functions", f"{dynamics}: {name} / quartic", times["quartic"] / times[name], least=0.5)
            for name in formulas
        ]
    return figures


def coordinates() -> list[Figure]:
    """One thread: a chain of eight against one, per coordinate and step."""
    figures = []
    for dynamics in job.DYNAMICS:
        say(f"coordinates: {dynamics}")
        times = race(
            {str(n): _kernel(job.propagator(dynamics, job.chain(n)), 1024) for n in (1, 2, 8)}, REPEATS
        )
        for n in (2, 8):
            ratio = n * times["1"] / times[str(n)]
            figures.append(
                Figure("coordinates", f"{dynamics}: n = {n} / n = 1", ratio, least=0.9 if n == 8 else None)
            )
    return figures


def threads() -> list[Figure]:
    """Two threads against one, through the public API, without a file."""
    figures = []
    for dynamics in job.DYNAMICS:
        say(f"threads: {dynamics}")
        spec = job.spec(dynamics, 524_288)
        runs: dict[str, Contender] = {
            str(n): partial(fl.simulate, spec, threads=n, progress=False) for n in (1, 2)
        }
        if limit.library() is not None:
            runs |= {f"C++ {n}": partial(_copies, dynamics, spec.trajectories, n) for n in (1, 2)}
        times = race(runs, 5, time.perf_counter)
        figures.append(
            Figure("threads", f"{dynamics}: two threads / one", times["1"] / times["2"], least=1.85)
        )
        if "C++ 2" in times:
            ratio = times["C++ 1"] / times["C++ 2"]
            figures.append(
                Figure("threads", f"{dynamics}: two copies of C++ / one, what the machine gives", ratio)
            )
        rate = spec.trajectories * job.STEPS / times["2"] / 1e6
        figures.append(Figure("threads", f"{dynamics}: two threads, rate", rate, "10^6/s"))
    return figures


def disk() -> list[Figure]:
    """Two threads through the public API with rows on disk, against two copies of the hardware limit."""
    figures = []
    trajectories = 1_048_576
    for dynamics in job.DYNAMICS:
        say(f"disk: {dynamics}")
        contenders: dict[str, Contender] = {"ours": partial(_to_disk, dynamics, trajectories)}
        if limit.library() is not None:
            contenders["C++"] = partial(_copies, dynamics, trajectories, 2)
        times = race(contenders, 5, time.perf_counter)
        if "C++" in times:
            ratio = times["C++"] / times["ours"]
            figures.append(Figure("disk", f"{dynamics}: rows on disk / two copies of C++", ratio, least=0.75))
        figures += rates("disk", {name: trajectories * job.STEPS for name in times}, times)
    return figures


def _to_disk(dynamics: str, trajectories: int) -> None:
    with TemporaryDirectory(prefix="fluctua-benchmark-") as folder:
        fl.simulate(job.spec(dynamics, trajectories), Path(folder) / "run", threads=2, progress=False)


def _copies(dynamics: str, trajectories: int, copies: int) -> None:
    """Share work among copies of the stand-in; blocks of 4 vectors are within a few percent of the best."""
    each = trajectories // copies
    stand_in, states = limit.Limit(dynamics), np.zeros((2, each))
    with ThreadPoolExecutor(copies) as pool:
        list(pool.map(lambda copy: stand_in.run(states, 4, copy * each), range(copies)))


SECTIONS: dict[str, Callable[[], list[Figure]]] = {
    "kernels": kernels,
    "peers": peers,
    "functions": functions,
    "coordinates": coordinates,
    "threads": threads,
    "disk": disk,
    "jumps": jumps,
    "store": store,
    "start": start,
    "memory": memory,
    "verifier": verifier,
}
