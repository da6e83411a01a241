"""One run, computed by threads, processes or anybody: what is sent, what comes back, what goes wrong."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import random
import re
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fluctua.ensembles import clusters, executing, runner, workers
from fluctua.ensembles.dataset import open_run
from fluctua.ensembles.executing import compute, executor_named
from fluctua.ensembles.run import Run
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import SCRATCH, Writer
from fluctua.ensembles.text import canonical
from fluctua.ensembles.workers import Done, Processes, Task, compute_part
from fluctua.stochastic.errors import Busy, Damaged, FluctuaError, InvalidInput, StorageError, Unstable

pytestmark = pytest.mark.usefixtures("small_chunks")


def names(folder: Path) -> dict[str, list[str]]:
    return {table: sorted(os.listdir(folder / table)) for table in ("parts", "strokes", "paths")}


def scratch(folder: Path) -> list[str]:
    """List what a writer of our own should have taken along."""
    return [name for name in os.listdir(folder) if name.startswith(SCRATCH)]


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Two worker processes that all tests of this module share: each takes seconds to start."""
    with executor_named("processes", 2) as executor:
        assert isinstance(executor, Processes)
        yield executor
    assert multiprocessing.active_children() == []


@pytest.fixture
def plain(spec: EnsembleSpec, tmp_path: Path) -> dict[str, list[str]]:
    simulate(spec, tmp_path / "plain", threads=1)
    return names(tmp_path / "plain")


class Now(Executor):
    """Computes at once, in the calling thread; keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Task] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.given.append(args[0])
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def task(spec: EnsembleSpec, tmp_path: Path) -> Task:
    """A task whose folder is there."""
    executor = Now()
    simulate(spec, tmp_path / "made", executor=executor)
    found = executor.given[1]
    (tmp_path / "made" / found.scratch).mkdir()
    return found


# ---- the same bytes


def shuffled(seed: int) -> Callable[[Writer], list[int]]:
    in_order = Writer.missing

    def missing(writer: Writer) -> list[int]:
        chunks = in_order(writer)
        random.Random(seed).shuffle(chunks)
        return chunks

    return missing


def test_files_do_not_depend_on_who_computes(
    spec: EnsembleSpec,
    tmp_path: Path,
    plain: dict[str, list[str]],
    processes: Processes,
    monkeypatch: pytest.MonkeyPatch,
    tally: Callable[[str, int, int], None],
) -> None:
    ways: list[dict[str, Any]] = [{"threads": 2}, {"executor": Now()}, {"executor": processes}]
    with ThreadPoolExecutor(2) as pool:
        ways.append({"executor": pool})
        for number, words in enumerate(ways):
            simulate(spec, tmp_path / str(number), **words)
        monkeypatch.setattr(Writer, "missing", shuffled(3))
        for number, words in enumerate(ways, len(ways)):
            simulate(spec, tmp_path / str(number), **words)
    found = [names(tmp_path / str(number)) for number in range(2 * len(ways))]
    tally("same bytes, whoever computes, in two orders", found.count(plain), len(found))


def test_resume_extend_and_shards_go_through_an_executor(
    spec: EnsembleSpec, tmp_path: Path, plain: dict[str, list[str]], processes: Processes
) -> None:
    simulate(spec.replace({"trajectories": 600}), tmp_path / "a", executor=processes)
    for shard in ("2/2", "1/2"):
        simulate(spec, tmp_path / "a", executor=processes, shard=shard)
    assert names(tmp_path / "a") == plain
    assert not scratch(tmp_path / "a")
    assert simulate(spec, tmp_path / "a", executor=Broken()).complete  # nothing is left to be sent


def test_a_name_starts_and_ends_its_own_workers(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []

    class Watched(Processes):
        def __init__(self, count: int) -> None:
            super().__init__(count)
            started.append(count)

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            return Now().submit(fn, *args, **kwargs)

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait, cancel_futures=cancel_futures)
            started.append("ended")

    monkeypatch.setattr(executing, "Processes", Watched)
    assert simulate(spec, tmp_path / "a", executor="processes", threads=3).complete
    assert started == [3, "ended"]


# ---- a task


def test_a_task_is_a_little_text(spec: EnsembleSpec, task: Task) -> None:
    sent = pickle.dumps(task)
    assert len(sent) < 2000
    assert b"fluctua.ensembles.workers" in sent
    assert sent.count(b"fluctua.") == 1  # nothing but the task itself has to be found there
    assert EnsembleSpec.from_json(task.spec) == spec
    assert task.spec.encode() == canonical(spec.table())
    assert pickle.loads(pickle.dumps(Done(1, "part", 2, 0))) == Done(1, "part", 2, 0)


def test_no_two_tasks_are_equal(spec: EnsembleSpec, tmp_path: Path) -> None:
    executor = Now()
    for name in ("a", "b"):
        simulate(spec, tmp_path / name, executor=executor)
    assert len({task.attempt for task in executor.given}) == len(executor.given) == 12


def test_a_worker_writes_what_the_writer_would(task: Task) -> None:
    part = Path(task.folder) / "parts" / compute_part(task).name
    before = part.stat().st_mtime_ns
    part.unlink()
    done = compute_part(replace(task, attempt="again"))
    assert part.exists()
    assert (done.chunk, done.rows, done.failed) == (1, 256, 0)
    assert before != part.stat().st_mtime_ns
    assert os.listdir(Path(task.folder) / task.scratch) == []


def test_a_worker_prepares_once(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads of a worker at once share one run, which takes seconds to prepare."""
    workers._prepared.cache_clear()
    prepared: list[str] = []
    of = Run.manifest
    monkeypatch.setattr(Run, "manifest", lambda run: prepared.append("once") or of(run))
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(compute_part, [replace(task, chunk=chunk) for chunk in (0, 1, 2, 5)]))
    assert [one.rows for one in done] == [256, 256, 256, 220]
    assert prepared == ["once"]


@pytest.mark.parametrize(
    ("change", "kind", "what"),
    [
        ({"canary": "0" * 64}, Damaged, r"the worker on \S+ computes other numbers .*same versions"),
        ({"folder": "/nowhere"}, StorageError, r"the worker on \S+ does not see the run \(/nowhere\)"),
        ({"digest": "0" * 64}, StorageError, "does not see the run"),
        ({"spec": "seed"}, Damaged, "reads the spec differently"),
    ],
)
def test_a_worker_that_differs_says_so(
    task: Task, change: dict[str, str], kind: type[FluctuaError], what: str
) -> None:
    if change.get("spec") == "seed":
        change = {"spec": task.spec.replace('"seed":7', '"seed":8')}
    before = os.listdir(Path(task.folder) / "parts")
    with pytest.raises(kind, match=what):
        compute_part(replace(task, **change))  # type: ignore[arg-type]
    assert os.listdir(Path(task.folder) / "parts") == before


# ---- at most so many


class Slow(Executor):
    """Finishes nothing before it is asked for as much as it ever will be."""

    _max_workers = 2

    def __init__(self) -> None:
        self.open: list[tuple[Future[Done], Task]] = []
        self.most = 0

    def submit(self, fn: Any, /, task: Any, **_: Any) -> Future[Any]:
        future: Future[Done] = Future()
        self.open.append((future, task))
        self.most = max(self.most, len(self.open))
        if task.chunk >= 5:
            self.finish(fn)
        return future

    def finish(self, fn: Any) -> None:
        for future, task in self.open:
            future.set_result(fn(task))
        self.open = []


@pytest.mark.parametrize(("ahead", "most"), [(executing.AHEAD, 6), (2, 4)])
def test_few_tasks_are_under_way(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: int, most: int
) -> None:
    """With a window of two a worker, an executor that waits for the sixth task would wait for ever."""
    monkeypatch.setattr(executing, "AHEAD", ahead)
    slow = Slow()

    def tick(futures: Any, **_: Any) -> Any:
        slow.finish(compute_part)
        return set(futures), set()

    monkeypatch.setattr(executing, "wait", tick)
    simulate(spec.replace({"trajectories": 4000}), tmp_path / "a", executor=slow)
    assert slow.most == most


def test_a_cluster_is_asked_once_a_tick_how_large_it_is() -> None:
    class Client:
        status, threads, asked = "running", {"a": 2, "b": 4}, 0

        def nthreads(self) -> dict[str, int]:
            self.asked += 1
            if not self.threads:
                raise OSError("nobody answers")
            return self.threads

    client = Client()
    cluster = clusters.Cluster(client)
    assert [cluster.look(now) for now in (0.0, 0.1, 0.9)] == [True] * 3
    assert (cluster.size, client.asked) == (6, 1)
    client.threads = {}
    assert [cluster.look(now) for now in (1.0, 2.0)] == [False, False]
    client.threads, client.status = {"a": 1}, "connecting"
    assert not cluster.look(3.0)
    client.status = "running"
    assert cluster.look(4.0)
    assert (cluster.size, client.asked) == (1, 4)


class Gone(clusters.Crew):
    """Everybody has left, at the time that a test says."""

    def __init__(self) -> None:
        super().__init__(1)

    def look(self, _now: float) -> bool:
        return False


def test_patience_ends_where_nobody_is_there_and_nothing_moves(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[float] = []

    def tick(*_: Any, **__: Any) -> Any:
        ticks.append(10.0 * len(ticks))
        return set(), set()

    monkeypatch.setattr(executing, "wait", tick)
    clock = SimpleNamespace(monotonic=lambda: ticks[-1] if ticks else 0.0)
    monkeypatch.setattr(executing, "time", clock)
    monkeypatch.setattr(executing, "_crew_of", lambda *_: Gone())
    with pytest.raises(Busy, match="no worker for 60 s"):
        simulate(spec, tmp_path / "a", executor=Slow())
    assert ticks[-1] == 70.0


# ---- what workers say


class Failing(Now):
    """Fails for one chunk."""

    def __init__(self, chunk: int, error: Exception) -> None:
        super().__init__()
        self.chunk = chunk
        self.error = error

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        def fail(_task: Task) -> None:
            raise self.error

        return super().submit(fail if args[0].chunk == self.chunk else fn, *args, **kwargs)


@pytest.mark.parametrize(
    ("error", "kind", "what"),
    [
        (StorageError("no space left", "/there", "make room"), StorageError, "no space left"),
        (ValueError("a bug"), ValueError, "a bug"),
        (ModuleNotFoundError("No module named 'fluctua'"), InvalidInput, "cannot import what it needs"),
    ],
)
def test_an_error_of_a_worker_ends_the_run(
    spec: EnsembleSpec, tmp_path: Path, error: Exception, kind: type[Exception], what: str
) -> None:
    executor = Failing(2, error)
    with pytest.raises(kind, match=what):
        simulate(spec, tmp_path / "a", executor=executor)
    assert [task.chunk for task in executor.given].count(2) == 1
    assert len(os.listdir(tmp_path / "a" / "parts")) == 5  # what else was done counts
    assert simulate(spec, tmp_path / "a").complete


def test_an_error_of_a_process_arrives_whole(processes: Processes) -> None:
    with pytest.raises(StorageError) as caught:
        processes.submit(compute_part, Task("/nowhere", "_tmp", "{}", "", "", 256, 0)).result()
    assert caught.value.where == "/nowhere"
    assert caught.value.remedy == "put it on a file system that all workers share"


def test_parts_that_others_cannot_see_do_not_count(spec: EnsembleSpec, tmp_path: Path) -> None:
    class Elsewhere(Now):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future = super().submit(fn, *args, **kwargs)
            (Path(args[0].folder) / "parts" / future.result().name).unlink()
            return future

    with pytest.raises(Damaged, match="a worker's part is not there"):
        simulate(spec, tmp_path / "a", executor=Elsewhere())


class Repeating(Now):
    """Computes the first task, and gives its answer to all, or what a test makes of it."""

    def __init__(self, change: Callable[[Done], object]) -> None:
        super().__init__()
        self.change = change
        self.first: Done | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.first = self.first or super().submit(fn, *args, **kwargs).result()
        future: Future[Any] = Future()
        future.set_result(self.change(self.first))
        return future


@pytest.mark.parametrize(
    "change",
    [
        lambda done: done,
        lambda done: replace(done, chunk=1),
        lambda done: replace(done, rows=255),
        lambda done: replace(done, name=done.name.replace("000256", "000255")),
        lambda done: replace(done, name="../manifest.json"),
        lambda _done: None,
        lambda done: done.name,
    ],
)
def test_answers_to_something_else_do_not_count(
    spec: EnsembleSpec, tmp_path: Path, change: Callable[[Done], object]
) -> None:
    with pytest.raises(Damaged, match=r"asked for chunk \d, the executor answered .*another executor"):
        simulate(spec, tmp_path / "a", executor=Repeating(change))


def test_a_run_that_lacks_chunks_is_not_finished(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Writer, "count", lambda *_: None)
    with pytest.raises(Damaged, match="chunks are missing"):
        simulate(spec, tmp_path / "a", executor=Now())


def test_what_is_under_way_ends_with_the_run(spec: EnsembleSpec, tmp_path: Path) -> None:
    """The process at work would write on in a folder that is no longer ours, and never end."""
    sent: list[Future[Any]] = []

    with executor_named("processes", 1) as processes:
        assert isinstance(processes, Processes)
        processes.submit(os.getpid).result()  # it has started

        class Stuck(Processes):
            def __init__(self) -> None:
                super().__init__(1)

            def submit(self, _fn: Any, /, task: Any, **_: Any) -> Future[Any]:
                if task.chunk < 2:
                    sent.append(processes.submit(signal.pause))
                    return sent[-1]
                while not sent[0].running():
                    os.sched_yield()
                failed: Future[Any] = Future()
                failed.set_exception(StorageError("no space left", "/there", "make room"))
                return failed

            def kill(self) -> None:
                processes.kill()

        with pytest.raises(StorageError, match="no space left"), Stuck() as executor:
            simulate(spec, tmp_path / "a", executor=executor)
        assert isinstance(sent[0].exception(timeout=30), BrokenExecutor)
        assert sent[1].cancelled()


# ---- workers that die


class Broken(Executor):
    """Of somebody else, and not to be repaired."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def submit(self, _fn: Any, /, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.error is None:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future.set_exception(self.error)
        return future


@pytest.mark.parametrize("error", [None, BrokenProcessPool("a process died")])
def test_an_executor_that_broke_is_told_with_the_way_to_go_on(
    spec: EnsembleSpec, tmp_path: Path, error: Exception | None
) -> None:
    with pytest.raises(Busy, match=r"the executor is gone.*fluctua resume .*a$"):
        simulate(spec, tmp_path / "a", executor=Broken(error))


class Deadly(Processes):
    """Ends the process for one chunk."""

    sent = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if args[0].chunk != 1:
            return super().submit(fn, *args, **kwargs)
        self.sent += 1
        return super().submit(os._exit, 1)


def test_a_chunk_that_ends_three_workers_is_named(spec: EnsembleSpec, tmp_path: Path) -> None:
    with Deadly(1) as executor:
        with pytest.raises(Busy, match=r"chunk 1, trajectories 256 to 299, ended 3 workers") as caught:
            simulate(spec.replace({"trajectories": 300}), tmp_path / "a", executor=executor)
        assert f"fluctua replay {tmp_path / 'a'} --trajectory 256" in caught.value.remedy
        assert executor.sent == 3
    assert not scratch(tmp_path / "a")
    log = (tmp_path / "a" / "log.txt").read_text()
    assert (
        len(re.findall(r"chunk 1 ended its worker \(process \d+, exit status 1\): it is sent again", log))
        == 2
    )


class Pretending(Processes):
    """Computes here, and says of one chunk so many times that the process died."""

    def __init__(self, chunk: int, times: int) -> None:
        super().__init__(1)
        self.chunk, self.left = chunk, times

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if args[0].chunk != self.chunk or not self.left:
            return Now().submit(fn, *args, **kwargs)
        self.left -= 1
        died: Future[Any] = Future()
        died.set_exception(BrokenProcessPool("it died"))
        return died


def test_two_deaths_are_forgiven(spec: EnsembleSpec, tmp_path: Path, plain: dict[str, list[str]]) -> None:
    simulate(spec, tmp_path / "a", executor=Pretending(2, times=2))
    assert names(tmp_path / "a") == plain


def test_without_counting_deaths_it_would_go_on(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executing, "DEATHS", 10**9)
    executor = Pretending(2, times=100)
    simulate(spec, tmp_path / "a", executor=executor)
    assert executor.left == 0


def test_only_the_guilty_are_named(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an executor that loses all of its tasks with each death, as Dask's workers with several threads."""

    class Together(Processes):
        loses_one = False

        def __init__(self) -> None:
            super().__init__(2)
            self.open: list[tuple[Future[Done], Task]] = []

        def submit(self, _fn: Any, /, task: Any, **_: Any) -> Future[Any]:
            future: Future[Done] = Future()
            self.open.append((future, task))
            return future

        def kill(self) -> None:
            pass

        def go(self, futures: Any, **_: Any) -> Any:
            dies = any(task.chunk == 3 for _, task in self.open)
            for future, task in self.open:
                if dies:
                    future.set_exception(BrokenProcessPool("all died"))
                else:
                    future.set_result(compute_part(task))
            self.open = []
            return {future for future in futures if future.done()}, set()

    executor = Together()
    monkeypatch.setattr(executing, "wait", executor.go)
    with pytest.raises(Busy, match="chunk 3, trajectories 768 to 1,023, ended 3 workers"):
        simulate(spec, tmp_path / "a", executor=executor)


class Killing(Now):
    """Says of one chunk what Dask says where so many workers died of it, again and again."""

    def __init__(self, chunk: int, allowed: int, times: int) -> None:
        super().__init__()
        self.chunk, self.allowed, self.left = chunk, allowed, times

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        from distributed.scheduler import KilledWorker

        if args[0].chunk != self.chunk or not self.left:
            return super().submit(fn, *args, **kwargs)
        self.left -= 1
        died: Future[Any] = Future()
        last: Any = SimpleNamespace(address="tcp://there:1")
        died.set_exception(KilledWorker("task", last, self.allowed))
        return died


@pytest.mark.parametrize(("allowed", "ended", "left"), [(0, 3, 7), (1, 4, 8), (3, 8, 8)])
def test_all_workers_that_dask_lost_are_counted(
    spec: EnsembleSpec, tmp_path: Path, allowed: int, ended: int, left: int
) -> None:
    """Once in the company of other chunks, which may be guilty, then alone."""
    executor = Killing(2, allowed, 10)
    with pytest.raises(Busy, match=f"chunk 2, trajectories 512 to 767, ended {ended} workers"):
        simulate(spec, tmp_path / "a", executor=executor)
    assert executor.left == left


def test_a_chunk_that_died_in_company_of_the_guilty_is_computed(
    spec: EnsembleSpec, tmp_path: Path, plain: dict[str, list[str]]
) -> None:
    simulate(spec, tmp_path / "a", executor=Killing(2, 3, 1))
    assert names(tmp_path / "a") == plain
    assert (
        "chunk 2 ended 4 workers (tcp://there:1): it is sent again"
        in (tmp_path / "a" / "log.txt").read_text()
    )


def test_tasks_that_a_scheduler_forgot_are_sent_again(
    spec: EnsembleSpec, tmp_path: Path, plain: dict[str, list[str]]
) -> None:
    class Forgetful(Now):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            if len(self.given) % 5 == 4:  # any chunk, and more often than a death is forgiven
                self.given.append(args[0])
                lost: Future[Any] = Future()
                lost.cancel()
                lost.set_running_or_notify_cancel()
                return lost
            return super().submit(fn, *args, **kwargs)

    simulate(spec, tmp_path / "a", executor=Forgetful())
    assert names(tmp_path / "a") == plain
    assert "was lost: it is sent again" in (tmp_path / "a" / "log.txt").read_text()


class Client:
    """As much of one of Dask's as is asked how it is."""

    def __init__(self, status: str) -> None:
        self.status = status

    def nthreads(self) -> dict[str, int]:
        return {"a": 1}


@pytest.mark.parametrize("status", ["running", "connecting", "closed"])
def test_a_client_without_a_scheduler_is_not_asked_to_cancel(status: str) -> None:
    """Dask's traceback for each task would hide the one line that says what happened."""
    crew = clusters.Cluster(Client(status))
    assert crew.listens() == (status == "running")
    assert crew.gone() == (status == "closed")


def test_a_client_that_gave_up_is_not_waited_for(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, slow = Client("running"), Slow()

    def tick(*_: Any, **__: Any) -> Any:
        client.status = "closed"
        return set(), set()

    monkeypatch.setattr(executing, "wait", tick)
    monkeypatch.setattr(clusters, "TICK", 0.0)
    monkeypatch.setattr(executing, "_crew_of", lambda *_: clusters.Cluster(client))
    with pytest.raises(Busy, match=r"its scheduler does not answer any more .*fluctua resume .*a$"):
        simulate(spec, tmp_path / "a", executor=slow)
    assert slow.open
    assert not any(future.cancelled() for future, _ in slow.open)


# ---- Ctrl-C


def test_an_interrupt_keeps_what_counts_and_ends_the_processes(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: dict[str, list[str]]
) -> None:
    before = set(multiprocessing.active_children())
    count = Writer.count

    def interrupted(writer: Writer, part: Any) -> None:
        count(writer, part)
        if len(os.listdir(tmp_path / "a" / "parts")) >= 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "count", interrupted)
        with pytest.raises(KeyboardInterrupt):
            simulate(spec, tmp_path / "a", executor="processes", threads=1)
    assert set(multiprocessing.active_children()) <= before
    assert not scratch(tmp_path / "a")
    assert 512 <= len(open_run(tmp_path / "a", partial=True)) < 1500
    simulate(spec, tmp_path / "a")
    assert names(tmp_path / "a") == plain


# ---- names and addresses


def test_names_that_nobody_has() -> None:
    with pytest.raises(InvalidInput, match="'mpi' is no executor"), executor_named("mpi"):
        pass


def test_dask_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidInput, match=r"pip install 'fluctua\[dask\]'"), executor_named("dask"):
        pass


def test_a_client_is_no_executor_but_has_one(spec: EnsembleSpec) -> None:
    client: Any = SimpleNamespace(get_executor=Now)
    with pytest.raises(InvalidInput, match=r"is no executor \(executor\): give client\.get_executor\(\)"):
        simulate(spec, executor=client)
    with pytest.raises(InvalidInput, match=r"is no executor .*give one, or 'processes' or 'dask'"):
        simulate(spec, executor="mpi")


def test_dask_logs_nothing_where_one_line_says_it() -> None:
    import distributed  # noqa: F401  (it gives its loggers levels of their own)

    names = ("distributed", "distributed.client", "tornado.application", "concurrent.futures")
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    with clusters.quiet():
        assert not any(logger.isEnabledFor(logging.CRITICAL) for logger in loggers)
        assert logging.getLogger("fluctua").isEnabledFor(logging.CRITICAL)
    assert [logger.level for logger in loggers] == before
    assert all(logger.isEnabledFor(logging.CRITICAL) for logger in loggers)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("tcp://[::1", "no scheduler can be reached so: Invalid IPv6 URL"),
        ("tcp://127.0.0.1", "no scheduler can be reached so: missing port"),
        ("foo://localhost:1", "no scheduler can be reached so: unknown address scheme 'foo'"),
        ("tls://head:8786", r"TLS needs certificates \(tls://head:8786\): name them in .*comm\.tls"),
    ],
)
def test_addresses_that_lead_nowhere(address: str, what: str) -> None:
    with pytest.raises(InvalidInput, match=what), executor_named("dask", scheduler=address):
        pass


@pytest.mark.parametrize(
    "address",
    ["tcp://head:8786", "head:8786", "tcp://10.0.0.1:1", "ws://head:1", "tcp://0.0.0.0:1", "tcp://"],
)
def test_a_scheduler_elsewhere_needs_tls(address: str) -> None:
    with (
        pytest.raises(InvalidInput, match=r"a scheduler elsewhere without TLS .*use tls://, or --insecure"),
        executor_named("dask", scheduler=address),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "insecure"),
    [
        ("tls://head:8786", False),
        ("tcp://127.0.0.1:8786", False),
        ("localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("tcp://head:8786", True),
    ],
)
def test_schedulers_that_may_be_used(address: str, insecure: bool) -> None:
    clusters.check_address(address, insecure)


def test_the_default_number_of_workers_is_that_of_processors() -> None:
    with executor_named("processes") as executor:
        assert executing._crew_of(executor, 99).size == runner.number_of_threads(None)
    assert executing._crew_of(Now(), 99).size == 99


def test_the_first_process_judges_stability(spec: EnsembleSpec, tmp_path: Path) -> None:
    executor = Now()
    with pytest.raises(Unstable):
        simulate(
            spec.replace({"time_step": 0.1, "dynamics.friction": 0.1}), tmp_path / "a", executor=executor
        )
    assert executor.given == []
    assert not (tmp_path / "a").exists()


def test_compute_says_what_it_counts(spec: EnsembleSpec, tmp_path: Path) -> None:
    run = Run.prepare(spec, None)
    with Writer(tmp_path / "a", run.manifest(), spec.trajectories) as writer:
        compute(run, writer, Now(), workers=1)
        assert writer.missing() == []
