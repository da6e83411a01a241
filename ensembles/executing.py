"""Hand the chunks of a run to an executor: threads, processes, Dask, or any other that Python knows.

    run, writer ─► tasks ─► executor ─► workers write parts ─► names ─► writer counts them

At most a few tasks a worker are under way, so memory holds names alone. A chunk whose worker died is sent
again; one that ends three workers is named, and the run stops. Nothing depends on who computes a chunk, or
how often: its part has one name and one content.
"""

from __future__ import annotations

import logging
import secrets
import shlex
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fluctua.ensembles.parts import parse_name
from fluctua.ensembles.progress import Progress
from fluctua.ensembles.text import canonical
from fluctua.ensembles.workers import Done, Processes, Task, compute_part, without_interrupts
from fluctua.stochastic.errors import Busy, InvalidInput, shown

if TYPE_CHECKING:
    from fluctua.ensembles.runner import Run
    from fluctua.ensembles.store import Writer

AHEAD = 3  # tasks under way for each worker
DEATHS = 3  # of workers, after which a chunk is named
PATIENCE = 60.0  # seconds without any worker
TICK = 1.0  # seconds after which a waiting run looks whether anybody is there


def compute(
    run: Run,
    writer: Writer,
    executor: Executor | str,
    *,
    workers: int,
    progress: bool | None = None,
    patience: float = PATIENCE,
) -> None:
    """Compute what is missing of a run; when this returns, the writer has counted every chunk.

    Any exception, Ctrl-C included, leaves what was counted and cancels the rest.

    Parameters
    ----------
    run, writer : Run, Writer
        What to compute; who says what is missing, entered, and counts what is there.
    executor : Executor or str
        Who computes; by name, ``"processes"`` or ``"dask"``, it lives as long as this call.
    workers : int
        How many, of one given by name, or of one that does not say.
    progress : bool, optional
        As in :func:`~fluctua.ensembles.runner.simulate`.
    patience : float, seconds
        How long a cluster may be without any worker.

    Raises
    ------
    Busy
        A chunk ended three workers, or there are no workers any more.
    FluctuaError
        What a worker says.
    """
    chunks = writer.missing()
    missing = sum(map(run.expected, chunks))
    total, parts = writer.wanted, len(list(writer.ours()))
    found: AbstractContextManager[Executor]
    found = executor_named(executor, workers) if isinstance(executor, str) else nullcontext(executor)
    with (
        found as pool,
        Progress(
            total,
            total - missing,
            str(writer.folder),
            progress,
            parts=parts,
            parts_done=parts - len(chunks),
        ) as shown_progress,
    ):
        crew = _crew_of(pool, workers)
        crew.look(time.monotonic())
        writer.say(f"chunks go to {type(pool).__name__}, {crew.size} workers")
        round_ = _Round(run, writer, pool, crew, patience)
        try:
            round_.through(shown_progress)
        finally:
            round_.cancel()


class _Round:
    """The chunks of one call: waiting, under way, and how many workers each has ended."""

    def __init__(self, run: Run, writer: Writer, executor: Executor, crew: _Crew, patience: float) -> None:
        self._run = run
        self._writer = writer
        self._executor = executor
        self._crew = crew
        self._patience = patience
        self._spec = canonical(run.spec.table()).decode()
        self._manifest = run.manifest()
        self._name = secrets.token_hex(8)
        self._sent = 0
        self._waiting = deque(writer.missing())
        self._under_way: dict[Future[Done], int] = {}
        self._deaths: Counter[int] = Counter()
        self._heard = time.monotonic()

    def through(self, progress: Progress) -> None:
        """Compute all chunks."""
        while self._waiting or self._under_way:
            while self._waiting and self._has_room(self._waiting[0]):
                self._submit(self._waiting.popleft())
            finished, _ = wait(self._under_way, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=_failed):  # what is done counts, whatever else went wrong
                self._settle(future, progress)
            self._watch(bool(finished))

    def cancel(self) -> None:
        """Forget what is under way."""
        for future in self._under_way:
            future.cancel()
        if self._under_way and isinstance(self._executor, Processes):
            self._executor.kill()

    def _has_room(self, chunk: int) -> bool:
        """Tell whether a chunk may go now; one that was there when a worker died goes alone, to be judged."""
        if self._is_suspect(chunk) or any(map(self._is_suspect, self._under_way.values())):
            return not self._under_way
        return len(self._under_way) < AHEAD * max(self._crew.size, 1)

    def _is_suspect(self, chunk: int) -> bool:
        """Tell whether a chunk died in company; a process of ours takes one task along, that which did it."""
        exact = isinstance(self._executor, Processes) and self._executor.loses_one
        return not exact and self._deaths[chunk] > 0

    def _submit(self, chunk: int) -> None:
        self._sent += 1
        task = Task(
            folder=str(self._writer.folder.absolute()),
            scratch=self._writer.scratch,
            spec=self._spec,
            digest=self._manifest["digest"],
            canary=self._manifest["canary"],
            size=self._run.chunk,
            chunk=chunk,
            attempt=f"{self._name}-{self._sent}",
        )
        try:
            future = self._executor.submit(compute_part, task)
        except Exception as error:  # shut down, broken, its client closed: each library has its own
            raise self._gone(f"{error}") from error
        self._under_way[future] = chunk

    def _settle(self, future: Future[Done], progress: Progress) -> None:
        chunk = self._under_way.pop(future)
        try:
            done = future.result()
        except CancelledError:  # not by us: the scheduler forgot it
            self._again(chunk, "was lost")
        except BrokenExecutor as error:
            if not isinstance(self._executor, Processes):
                raise self._gone("its workers died") from error
            self._died(chunk, str(error))
        except ImportError as error:
            remedy = "install the same version of Fluctua for all workers"
            raise InvalidInput("a worker cannot import what it needs", str(error), remedy) from error
        except Exception as error:
            who = _killed_worker(error)
            if who is None:
                raise
            self._died(chunk, who)
        else:
            part = parse_name(done.name)
            assert part is not None
            self._writer.count(part)
            progress.advance(done.rows, done.failed)
            progress.part()

    def _died(self, chunk: int, who: str) -> None:
        self._deaths[chunk] += 1
        if self._deaths[chunk] >= DEATHS:
            raise self._poison(chunk)
        self._again(chunk, f"ended its worker ({who})")

    def _again(self, chunk: int, why: str) -> None:
        self._writer.say(f"chunk {chunk} {why}: it is sent again")
        self._waiting.appendleft(chunk)

    def _watch(self, progressed: bool) -> None:
        """Give up where for a while there was neither progress nor anybody who could make any."""
        now = time.monotonic()
        there = self._crew.look(now)
        if progressed or there:
            self._heard = now
        elif now - self._heard > self._patience:
            raise self._gone(f"no worker for {self._patience:g} s")

    def _gone(self, why: str) -> Busy:
        folder = str(self._writer.folder)
        remedy = f"whole parts are kept, go on with fluctua resume {shlex.quote(folder)}"
        return Busy(f"the executor is gone: {why}", folder, remedy)

    def _poison(self, chunk: int) -> Busy:
        folder, first = str(self._writer.folder), chunk * self._run.chunk
        last = first + self._run.expected(chunk) - 1
        what = f"chunk {chunk}, trajectories {first:,} to {last:,}, ended {DEATHS} workers"
        replay = f"fluctua replay {shlex.quote(folder)} --trajectory {first}"
        return Busy(what, folder, f"try {replay}; short of memory, use fewer workers")


def _failed(future: Future[Done]) -> bool:
    return future.cancelled() or future.exception() is not None


# ---- how many workers there are


class _Crew:
    """Those who work for an executor that does not lose them without saying so."""

    def __init__(self, size: int) -> None:
        self.size = size

    def look(self, _now: float) -> bool:
        """Tell whether anybody is there."""
        return True


class _Cluster(_Crew):
    """Those of a Dask cluster, where all may go and nobody says so."""

    def __init__(self, client: Any) -> None:
        super().__init__(1)
        self._client = client
        self._asked = -TICK

    def look(self, now: float) -> bool:
        """Ask the scheduler at most once a tick; no answer means nobody."""
        if now - self._asked >= TICK:
            self._asked = now
            self.size = self._count()
        return self.size > 0

    def _count(self) -> int:
        if self._client.status != "running":
            return 0  # it looks for its scheduler, and a question would wait for that
        try:
            return sum(self._client.nthreads().values())
        except Exception:  # whatever Dask raises where nobody answers
            return 0


def _crew_of(executor: Executor, workers: int) -> _Crew:
    client = getattr(executor, "_client", None)
    if "distributed" in sys.modules and isinstance(executor, _distributed("cfexecutor").ClientExecutor):
        return _Cluster(client)
    size = getattr(executor, "workers", getattr(executor, "_max_workers", workers))
    return _Crew(size if isinstance(size, int) else workers)


def _killed_worker(error: Exception) -> str | None:
    """Give the address of the worker that Dask says was killed; None where it says something else."""
    if "distributed" in sys.modules and isinstance(error, _distributed("scheduler").KilledWorker):
        return str(error.last_worker.address)
    return None


def _distributed(module: str = "") -> Any:
    """Import Dask, or a module of it; half a second, so only where it is asked for."""
    try:
        return import_module(f"distributed.{module}" if module else "distributed")
    except ImportError:
        raise InvalidInput("Dask is not installed", "executor", "pip install 'fluctua[dask]'") from None


# ---- executors by name


@contextmanager
def executor_named(
    name: str, workers: int | None = None, *, scheduler: str | None = None, insecure: bool = False
) -> Iterator[Executor]:
    """Start an executor, and end it when the context is left.

    Parameters
    ----------
    name : {"processes", "dask"}
        Worker processes here, each with one thread; or a Dask cluster.
    workers : int, optional
        How many, of those started here; by default as many as there are processors for this process.
    scheduler : str, optional
        The address of a Dask cluster that is there, ``"tls://head:8786"``; certificates are those of Dask's
        own configuration. Left out, a cluster is started here that only this machine reaches.
    insecure : bool
        Allow a scheduler elsewhere without TLS: whoever reaches it can run programs in the user's name.

    Raises
    ------
    InvalidInput
        No such executor, no Dask here, or an address that needs TLS.
    Busy
        The scheduler does not answer.
    """
    from fluctua.ensembles.runner import number_of_threads

    count = number_of_threads(workers)
    if name == "processes":
        with _processes(count) as executor:
            yield executor
    elif name == "dask":
        with _dask_client(count, scheduler, insecure) as client:
            yield _distributed("cfexecutor").ClientExecutor(client, pure=False)
    else:
        raise InvalidInput(f"{shown(name)} is no executor", "executor", "give 'processes' or 'dask'")


@contextmanager
def _processes(count: int) -> Iterator[Processes]:
    executor = Processes(count)
    try:
        yield executor
    except BaseException:
        executor.kill()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _dask_client(count: int, scheduler: str | None, insecure: bool) -> AbstractContextManager[Any]:
    if scheduler is None:
        return _local_cluster(_distributed(), count)
    _check_address(scheduler, insecure)
    return _cluster_at(_distributed(), scheduler)


@contextmanager
def _local_cluster(dask: Any, count: int) -> Iterator[Any]:
    # The first death of a worker is told: we count them, for each chunk. A chunk's memory is bounded, so
    # Dask's own limits, a share of the machine for each worker, would only kill what is in order.
    settings = import_module("dask.config").set({"distributed.scheduler.allowed-failures": 0})
    with settings, without_interrupts():
        try:
            cluster = dask.LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
        except RuntimeError as error:
            what = f"Dask could not start its workers: {error.__cause__ or error}"
            remedy = 'in a script the call must stand below if __name__ == "__main__":'
            raise InvalidInput(what, "executor", remedy) from error
    with cluster, dask.Client(cluster, set_as_default=False) as client:
        yield client


@contextmanager
def _cluster_at(dask: Any, address: str) -> Iterator[Any]:
    try:
        client = dask.Client(address, set_as_default=False)
    except (OSError, TimeoutError):
        remedy = "start it, or check the address and the certificates"
        raise Busy("the scheduler does not answer", address, remedy) from None
    except (TypeError, ValueError, RuntimeError) as error:
        remedy = "write tls://host:port; certificates stand in Dask's configuration, distributed.comm.tls"
        raise InvalidInput("no scheduler can be reached so", f"{address}, {error}", remedy) from None
    with client:
        yield client


def _check_address(address: str, insecure: bool) -> None:
    """Refuse to talk across a network in the clear: a scheduler executes what it is sent."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme == "tls" or insecure or _is_loopback(parts.hostname):
        return
    remedy = "use tls://, or --insecure where nobody else reaches that network"
    raise InvalidInput("a scheduler elsewhere without TLS", address, remedy)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return host is not None and ip_address(host).is_loopback
    except ValueError:
        return False
