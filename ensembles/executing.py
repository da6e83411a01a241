"""Hand the chunks of a run to an executor: threads, processes, Dask, or any other that Python knows.

    run, writer ─► tasks ─► executor ─► workers write parts ─► names ─► writer counts them

At most a few tasks a worker are under way, so memory holds names alone. A chunk whose worker died is sent
again; one that ends three workers is named, and the run stops. Nothing depends on who computes a chunk, or
how often: its part has one name and one content.

Threads of this process go another way, through :meth:`fluctua.ensembles.run.Run.compute`. They share its
memory, so several of them work on slices of one chunk, which are joined here and written by this process: the
last chunks keep all threads busy, and few are in memory at a time. What another process computes would have
to be copied to get here, so an executor gets whole chunks, each into files of its own, and gives back names.
"""

from __future__ import annotations

import secrets
import shlex
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from fluctua.ensembles import clusters
from fluctua.ensembles.clusters import TICK, Crew
from fluctua.ensembles.parts import Part, parse_name
from fluctua.ensembles.progress import Progress
from fluctua.ensembles.text import canonical
from fluctua.ensembles.workers import Done, Processes, Task, compute_part
from fluctua.stochastic.errors import Busy, Damaged, InvalidInput, shown

if TYPE_CHECKING:
    from fluctua.ensembles.run import Run
    from fluctua.ensembles.store import Writer

AHEAD = 3  # tasks under way for each worker
DEATHS = 3  # of workers, after which a chunk is named
PATIENCE = 60.0  # seconds without any worker


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
        As for `fluctua.simulate`.
    patience : float, seconds
        How long a cluster may be without any worker.

    Raises
    ------
    Busy
        A chunk ended three workers, or there are no workers any more.
    Damaged
        What the executor answers is not what it was asked for.
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
    if writer.missing():
        raise Damaged("chunks are missing, and all were answered", str(writer.folder), "use another executor")


class _Round:
    """The chunks of one call: waiting, under way, and how many workers each has ended."""

    def __init__(self, run: Run, writer: Writer, executor: Executor, crew: Crew, patience: float) -> None:
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
            self._watch()

    def cancel(self) -> None:
        """Forget what is under way; nobody else may write once the writer has left."""
        for future in self._under_way if self._crew.listens() else ():
            future.cancel()
        if self._under_way and isinstance(self._executor, Processes):
            self._executor.kill()

    def _has_room(self, chunk: int) -> bool:
        """Tell whether a chunk may go now; one that was there when a worker died goes alone, to be judged."""
        if self._is_suspect(chunk) or any(map(self._is_suspect, self._under_way.values())):
            return not self._under_way
        return len(self._under_way) < AHEAD * max(self._crew.size, 1)

    def _is_suspect(self, chunk: int) -> bool:
        """Tell whether a chunk died in company."""
        return self._deaths[chunk] > 0 and not self._loses_one()

    def _loses_one(self) -> bool:
        """Tell whether a worker takes one task along, that of which it died: a process of ours does."""
        return isinstance(self._executor, Processes) and self._executor.loses_one

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
            killed = clusters.killed_worker(error)
            if killed is None:
                raise
            self._died(chunk, *killed)
        else:
            self._writer.count(self._part(chunk, done))
            self._heard = time.monotonic()
            progress.advance(done.rows, done.failed)
            progress.part()

    def _part(self, chunk: int, done: Done) -> Part:
        """Give the part that a worker names, where it is the one asked for: an executor may be anybody's."""
        if isinstance(done, Done):
            part, rows = parse_name(str(done.name)), self._run.expected(chunk)
            if part is not None and (part.chunk, part.rows) == (done.chunk, done.rows) == (chunk, rows):
                return part
        what = f"asked for chunk {chunk}, the executor answered {shown(done)}"
        raise Damaged(what, str(self._writer.folder), "use another executor, one that computes each task")

    def _died(self, chunk: int, who: str, workers: int = 1) -> None:
        """Count workers that died of a chunk; it is judged where nothing else was there to be blamed."""
        alone = self._loses_one() or self._is_suspect(chunk)
        self._deaths[chunk] += workers
        if alone and self._deaths[chunk] >= DEATHS:
            raise self._poison(chunk)
        self._again(chunk, f"ended {'its worker' if workers == 1 else f'{workers} workers'} ({who})")

    def _again(self, chunk: int, why: str) -> None:
        self._writer.say(f"chunk {chunk} {why}: it is sent again")
        self._waiting.appendleft(chunk)

    def _watch(self) -> None:
        """Give up where for a while there was neither progress nor anybody who could make any."""
        now = time.monotonic()
        if self._crew.look(now):
            self._heard = now
        elif self._crew.gone():
            raise self._gone("its scheduler does not answer any more")
        elif now - self._heard > self._patience:
            raise self._gone(f"no worker for {self._patience:g} s")

    def _gone(self, why: str) -> Busy:
        folder = str(self._writer.folder)
        remedy = f"whole parts are kept, go on with fluctua resume {shlex.quote(folder)}"
        return Busy(f"the executor is gone: {why}", folder, remedy)

    def _poison(self, chunk: int) -> Busy:
        folder, first = str(self._writer.folder), chunk * self._run.chunk
        last = first + self._run.expected(chunk) - 1
        what = f"chunk {chunk}, trajectories {first:,} to {last:,}, ended {self._deaths[chunk]} workers"
        replay = f"fluctua replay {shlex.quote(folder)} --trajectory {first}"
        return Busy(what, folder, f"try {replay}; short of memory, use fewer workers")


def _failed(future: Future[Done]) -> bool:
    return future.cancelled() or future.exception() is not None


# ---- how many workers there are


def _crew_of(executor: Executor, workers: int) -> Crew:
    if clusters.is_dask(executor):
        return clusters.Cluster(getattr(executor, "_client", None))
    size = getattr(executor, "workers", getattr(executor, "_max_workers", workers))
    return Crew(size if isinstance(size, int) else workers)


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
        with clusters.client_of(count, scheduler, insecure) as client:
            yield clusters.distributed("cfexecutor").ClientExecutor(client, pure=False)
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
