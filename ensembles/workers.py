"""What workers compute, one chunk a task, and worker processes on this machine.

A task is text and numbers: no code of the user's travels. A worker reads the spec again, makes sure that it
computes the same numbers as whoever sent the task, writes the files of the chunk itself, and returns a name.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from fluctua.stochastic.errors import Damaged, FluctuaError, StorageError

if TYPE_CHECKING:
    from fluctua.ensembles.run import Run

P = ParamSpec("P")
T = TypeVar("T")

_PREPARING = threading.Lock()
_STARTING = threading.Lock()


# ---- a task


@dataclass(frozen=True)
class Task:
    """One chunk to be computed and written.

    Parameters
    ----------
    folder, scratch : str
        The run directory, absolute; the name of the folder in it for temporary names.
    spec : str
        Canonical JSON, with the number of trajectories.
    digest, canary : str
        What a worker must find: of the spec, and of its first trajectories.
    size, chunk : int
        Trajectories of a chunk; which one.
    attempt : str
        Differs between all tasks ever sent: an executor that remembers results must not give an old one.
    """

    folder: str
    scratch: str
    spec: str
    digest: str
    canary: str
    size: int
    chunk: int
    attempt: str = ""


@dataclass(frozen=True)
class Done:
    """A chunk whose files are on the disk: the name of its part, its trajectories, how many failed."""

    chunk: int
    name: str
    rows: int
    failed: int


def compute_part(task: Task) -> Done:
    """Compute one chunk in this thread and write its files.

    Raises
    ------
    Damaged
        This worker computes other numbers, or reads the spec differently.
    StorageError
        It does not see the folder, or cannot write there.
    """
    from fluctua.ensembles.store import publish

    folder = Path(task.folder)
    _check_folder(folder, task.digest)
    with _PREPARING:  # of several threads of a worker one prepares, and all share the result
        run = _prepared(task.spec, task.digest, task.canary, task.size)
    block = run.propagator.run(task.chunk * task.size, run.expected(task.chunk))
    part = publish(folder, task.scratch, task.chunk, run.tables([block]))
    return Done(task.chunk, part.name, part.rows, int(np.count_nonzero(block.columns["status"])))


def _check_folder(folder: Path, digest: str) -> None:
    from fluctua.ensembles.manifest import is_run, read_manifest

    if not is_run(folder) or read_manifest(folder)["digest"] != digest:
        what = f"the worker on {platform.node()} does not see the run"
        raise StorageError(what, str(folder), "put it on a file system that all workers share")


@lru_cache(maxsize=2)
def _prepared(text: str, digest: str, canary: str, size: int) -> Run:
    """Make a run from its text, once in a process, and check that it is the one meant."""
    from fluctua.ensembles.physics import propagator_of
    from fluctua.ensembles.run import Run
    from fluctua.ensembles.spec import EnsembleSpec
    from fluctua.ensembles.stability import check_stability

    spec = EnsembleSpec.from_json(text)
    if spec.digest != digest:
        raise _differs("reads the spec differently")
    propagator = propagator_of(spec)
    with warnings.catch_warnings():  # whoever sent the task has said it
        warnings.simplefilter("ignore")
        run = Run(spec, propagator, check_stability(spec, propagator), size)
    if run.manifest()["canary"] != canary:
        raise _differs("computes other numbers")
    return run


def _differs(what: str) -> FluctuaError:
    from importlib.metadata import version

    who = f"the worker on {platform.node()} {what}"
    remedy = "give all workers the same versions and the same kind of processor"
    return Damaged(who, f"Fluctua {version('fluctua')}, Numba {version('numba')} there", remedy)


# ---- worker processes


class Processes(Executor):
    """Worker processes on this machine, each with a pool of its own: one that dies takes one task along.

    They are spawned, never forked from a process with threads, and do not import the user's script. A process
    that died is replaced when the next task comes. None outlives this one.

    Parameters
    ----------
    workers : int
        How many; they start when they are needed.
    """

    loses_one = True  # of the tasks under way, where a worker dies

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="fluctua-worker")
        self._all = [_Worker() for _ in range(workers)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._all:
            self._idle.put(worker)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function in the next process that is free.

        The future raises BrokenExecutor where the process died of it.
        """
        return self._threads.submit(self._call, fn, *args, **kwargs)

    def _call(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        worker = self._idle.get()
        try:
            return worker.call(fn, *args, **kwargs)
        finally:
            self._idle.put(worker)

    def kill(self) -> None:
        """End all processes at once, whatever they are at; the next tasks get new ones."""
        for worker in self._all:
            worker.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the processes finish what they are at, and end."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        for worker in self._all:
            worker.close(wait)


class _Worker:
    """One process, started when it is needed and again after it died."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._context = _Context()

    def call(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=self._context, initializer=_end_with_parent)
        try:
            return self._pool.submit(fn, *args, **kwargs).result()
        except BrokenExecutor:
            self.close(True)
            raise BrokenExecutor(f"process {self._context.ending()}") from None

    def kill(self) -> None:
        if self._pool is not None:
            self._context.kill()

    def close(self, wait: bool) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=wait, cancel_futures=True)


class _Context(SpawnContext):
    """Spawns processes and remembers the last one."""

    def __init__(self) -> None:
        super().__init__()
        self._last: _Process | None = None

    def Process(self, *args: Any, **kwargs: Any) -> _Process:  # type: ignore[override]  # noqa: N802
        self._last = _Process(*args, **kwargs)
        return self._last

    def kill(self) -> None:
        with _STARTING:
            if self._last is not None and self._last.pid is not None:
                self._last.kill()

    def ending(self) -> str:
        if self._last is None:
            return "never started"
        code = self._last.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        return f"{self._last.pid}, {how}"


class _Process(SpawnProcess):
    """A process that neither imports the user's script nor hears Ctrl-C.

    Multiprocessing would run the script again in each process, and one without ``if __name__ == "__main__"``
    would start the run once more. The signal goes to all processes of a terminal; only the first shall act.
    """

    def start(self) -> None:
        with _STARTING, without_interrupts():
            script = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                super().start()
            finally:
                sys.modules["__main__"] = script


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Start threads and processes that never hear Ctrl-C; one that comes meanwhile is heard afterwards."""
    resource_tracker.ensure_running()  # it would open the ears again of the thread that starts it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """Watch the process that started this one: after a kill -9 nobody else would end this one."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
