"""Trajectories that jump, and their peers: a driven qubit, spin chains, levels at constant rates."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import jump_jobs
import jump_limit
import jump_peers
import numpy as np
from figures import Figure, say
from processes import Times, peak, seconds, shorter
from timing import Contender, race

import fluctua as fl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Columns = Mapping[str, NDArray[Any]]
    Job = Callable[[int], fl.EnsembleSpec]
    Peer = tuple[Callable[[], Any], float | None]

BLOCK = 8192  # trajectories at a time on one thread
REPEATS = 20
AGREEMENT = 1e-9
FEW, MANY = 100_000, 10_000_000
START_REPEATS = 3
NO_SAMPLES = np.zeros(0, np.int64)


def jumps() -> list[Figure]:
    """One thread against C++ and Numba; two threads, and one, against QuTiP's serial solver."""
    if jump_limit.library() is None:
        print("jumps: no g++, so the hardware limit is left out", file=sys.stderr)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of approximations that all contenders share
        return [*_qubit(), *_levels("dot"), *_levels("ring"), *_qutip(), *_memory(), *_start()]


# ---- one thread: the hardware limit, the naive loop


def _qubit() -> list[Figure]:
    say("jumps: qubit")
    spec = jump_jobs.qubit(BLOCK)
    propagator: Any = jump_jobs.propagator(spec)
    start = propagator.start.draw(0, BLOCK)
    contenders: dict[str, Contender] = {
        "kernel": partial(propagator._simulate, start, 0, NO_SAMPLES, False),
        "kernel and columns": partial(propagator.run, 0, BLOCK),
    }
    kinds: dict[str, list[str]] = {}
    if jump_limit.library() is not None:
        stand_in, states = jump_limit.Qubit(), np.ascontiguousarray(start[:4])
        _check_qubit(propagator.run(0, BLOCK).columns, stand_in.run(states, jump_limit.QUBIT_BLOCKS[0]))
        for name, exact in (("C++", True), ("C++, jumps at ends of steps", False)):
            kinds[name] = [f"{name} {block}" for block in jump_limit.QUBIT_BLOCKS]
            for block, contender in zip(jump_limit.QUBIT_BLOCKS, kinds[name], strict=True):
                contenders[contender] = partial(stand_in.run, states, block, exact=exact)
    rate = _rates(_best(race(contenders, REPEATS), kinds), BLOCK)
    rate["simulate, one thread"] = _in_memory(jump_jobs.qubit, 262_144)
    figures = _against(rate, {"C++": 1.2, "C++, jumps at ends of steps": None}, "qubit", "kernel")
    figures += _against(rate, {"C++": None}, "qubit", "simulate, one thread")
    return figures + [
        Figure("jumps", f"qubit: {name}", value / 1e6, "10^6/s") for name, value in rate.items()
    ]


def _check_qubit(ours: Columns, theirs: Columns) -> None:
    """Hold the stand-in to the very jumps of ours."""
    for name in ("activity", "heat", "entropy_flow", "log_ratio"):
        if np.abs(theirs[name] - ours[name]).max() > AGREEMENT:
            raise AssertionError(f"the C++ of the qubit does not compute our {name}")


def _levels(name: str) -> list[Figure]:
    say(f"jumps: {name}")
    spec: fl.EnsembleSpec = getattr(jump_jobs, name)(BLOCK)
    propagator: Any = jump_jobs.propagator(spec)
    start = np.ascontiguousarray(propagator.start.draw(0, BLOCK)[0], np.int64)
    ours = propagator.run(0, BLOCK).columns
    contenders: dict[str, Contender] = {
        "kernel": partial(propagator._ledger, start, 0),
        "kernel and columns": partial(propagator.run, 0, BLOCK),
        "naive Numba loop": partial(jump_peers.numba_loop, spec, BLOCK),
    }
    kinds: dict[str, list[str]] = {}
    if jump_limit.library() is not None:
        stand_in = jump_limit.Levels(spec)
        _check_levels(name, ours, stand_in.run(start, jump_limit.LEVEL_BLOCKS[0]))
        kinds["C++"] = [f"C++ {block}" for block in jump_limit.LEVEL_BLOCKS]
        for block, contender in zip(jump_limit.LEVEL_BLOCKS, kinds["C++"], strict=True):
            contenders[contender] = partial(stand_in.run, start, block)
    each = float(ours["activity"].mean())  # the loop's own numbers have this mean too, to a part in 10^3
    rate = _rates(_best(race(contenders, REPEATS), kinds), BLOCK * each)
    rate["simulate, one thread"] = each * _in_memory(getattr(jump_jobs, name), 131_072)
    figures = _against(rate, {"C++": 0.75, "naive Numba loop": 9.0}, name, "kernel")
    return figures + [
        Figure("jumps", f"{name}: {contender}, jumps", value / 1e6, "10^6/s")
        for contender, value in rate.items()
    ]


def _check_levels(name: str, ours: Columns, theirs: Columns) -> None:
    """Hold the stand-in to our very counts."""
    for column, values in theirs.items():
        if not np.array_equal(values, ours[column]):
            raise AssertionError(f"the C++ of the {name} does not count our {column}")


def _best(times: Mapping[str, float], kinds: Mapping[str, list[str]]) -> dict[str, float]:
    """Let the fastest of several kinds stand for all of them."""
    several = {contender for names in kinds.values() for contender in names}
    kept = {name: taken for name, taken in times.items() if name not in several}
    return kept | {kind: min(times[contender] for contender in names) for kind, names in kinds.items()}


def _rates(times: Mapping[str, float], count: float) -> dict[str, float]:
    return {name: count / taken for name, taken in times.items()}


def _against(
    rate: Mapping[str, float], peers: Mapping[str, float | None], job: str, contender: str
) -> list[Figure]:
    """Compare a contender with those of its peers that are there."""
    return [
        Figure("jumps", f"{job}: {contender} / {peer}", rate[contender] / rate[peer], "x", least=least)
        for peer, least in peers.items()
        if peer in rate
    ]


def _in_memory(job: Job, trajectories: int) -> float:
    """Give trajectories a second of `simulate` with one thread and rows in memory, in processor time."""
    run = partial(fl.simulate, job(trajectories), threads=1, progress=False)
    return trajectories / race({"simulate": run}, 5)["simulate"]


# ---- QuTiP


def _qutip() -> list[Figure]:
    qutip = jump_peers.qutip()
    if qutip is None:
        print("jumps: QuTiP is not installed, so quantum jumps have no peer", file=sys.stderr)
        return []
    print(f"jumps: QuTiP {qutip.__version__}, mcsolve serial", file=sys.stderr)
    fixed, turned = (partial(jump_peers.Qubit, turning=turning) for turning in (False, True))
    peers: dict[str, Peer] = {"QuTiP": (fixed, 2000.0), "QuTiP, equations turned": (turned, None)}
    figures = _against_qutip("qubit", jump_jobs.qubit, peers, 1_048_576)
    for levels, trajectories in ((4, 524_288), (16, 131_072)):  # two chunks at least: one for each thread
        job = partial(jump_jobs.ladder, levels)
        peers = {"QuTiP": (partial(jump_peers.Ladder, job(1)), 100.0)}
        figures += _against_qutip(f"{levels} levels", job, peers, trajectories)
    return figures


def _against_qutip(name: str, job: Job, peers: dict[str, Peer], trajectories: int) -> list[Figure]:
    """Compare `simulate` in memory with QuTiP's processor time: by the clock on the wall with two threads."""
    say(f"jumps: QuTiP, {name}")
    solvers, few = {peer: make() for peer, (make, _) in peers.items()}, 1000
    times = race({peer: partial(solver.run, few) for peer, solver in solvers.items()}, 3)
    theirs = {peer: few / taken for peer, taken in times.items()}
    both = partial(fl.simulate, job(trajectories), threads=2, progress=False)
    two = trajectories / race({"two": both}, 3, time.perf_counter)["two"]
    one = _in_memory(job, trajectories // 8)
    figures = []
    for peer, (_, least) in peers.items():
        ratios = two / theirs[peer], one / theirs[peer]
        figures.append(Figure("jumps", f"{name}: two threads / {peer}, serial", ratios[0], "x", least=least))
        figures.append(Figure("jumps", f"{name}: one thread / {peer}, serial", ratios[1], "x"))
    figures.append(Figure("jumps", f"{name}: simulate, two threads", two / 1e6, "10^6/s"))
    figures += [Figure("jumps", f"{name}: {peer}", rate, "1/s") for peer, rate in theirs.items()]
    for peer, solver in solvers.items():
        figures += _agreement(f"{name}: {peer}", job, solver.run(4 * few))
    return figures


def _agreement(name: str, job: Job, theirs: Columns) -> list[Figure]:
    """Give the difference of averages in standard errors."""
    count = 65_536
    spec = job(count)
    ours = dict(jump_jobs.propagator(spec).run(0, count).columns)
    ours["upper"] = (ours["state_final"] == 1).astype(np.float64)
    ours["energy"] = spec.system.eigen(spec.schedule.end_controls[None, :])[0][0][ours["state_final"]]
    figures = []
    for column, values in theirs.items():
        error = np.hypot(values.std() / len(values) ** 0.5, ours[column].std() / count**0.5)
        away = abs(values.mean() - ours[column].mean()) / error
        title = f"{name}'s {column} {values.mean():.4f} against {ours[column].mean():.4f}"
        figures.append(Figure("jumps", title, away, "errors", most=4.0))
    return figures


# ---- processes of their own

_OCCUPY = """
import resource, sys, warnings
sys.path.insert(0, sys.argv[1])
import fluctua as fl
import jump_jobs
warnings.simplefilter("ignore")
fl.simulate(jump_jobs.qubit(int(sys.argv[2])), sys.argv[3], threads=2, progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _memory() -> list[Figure]:
    """Peak memory of a long run of qubits with rows on disk against a short one."""
    mebibytes = {}
    for trajectories in (FEW, MANY):
        say(f"jumps: {trajectories:,} qubits")
        with TemporaryDirectory(prefix="fluctua-benchmark-") as folder:
            mebibytes[trajectories] = peak(_OCCUPY, trajectories, f"{folder}/run")
    ratio = mebibytes[MANY] / mebibytes[FEW]
    return [
        Figure("jumps", f"qubit: memory, {MANY:,} trajectories / {FEW:,}", ratio, most=1.2),
        *(
            Figure("jumps", f"qubit: memory, {n:,} trajectories", size, "MiB")
            for n, size in mebibytes.items()
        ),
    ]


def _start() -> list[Figure]:
    """Seconds of a small run from the command line, with an empty and with a warm cache of kernels."""
    command = str(Path(sys.executable).with_name("fluctua"))
    figures = []
    with TemporaryDirectory(prefix="fluctua-benchmark-") as name:
        folder = Path(name)
        for job, spec in (("qubit", jump_jobs.qubit(100)), ("dot", jump_jobs.dot(100))):
            file = folder / f"{job}.toml"
            spec.save(file)
            run = [command, "run", str(file), "--quiet"]
            best: dict[str, Times] = {}
            for repeat in range(START_REPEATS):
                cache = {"FLUCTUA_CACHE_DIR": str(folder / f"cache-{job}-{repeat}")}
                for state in ("cold", "warm"):
                    say(f"jumps: fluctua run, {job}, {state}")
                    taken = seconds(run, folder, f"{job}-{repeat}-{state}", cache)
                    best[state] = shorter(best.get(state), taken)
            for state, (wall, processor) in best.items():
                title, most = f"{job}: fluctua run, {state}", 3.0 if state == "cold" else None
                figures.append(Figure("jumps", title, wall, "s", most=most))
                figures.append(Figure("jumps", f"{title}, processor time", processor, "s"))
    return figures
