"""Workers that are killed while they work, one after the other or all of them; a scheduler that is.

Dask is used as it is: a cluster on this machine whose workers are processes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fluctua.ensembles import chunks
from fluctua.ensembles.executing import compute, executor_named
from fluctua.ensembles.run import Run
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import SCRATCH, Writer
from fluctua.ensembles.workers import Processes
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.errors import Busy, InvalidInput
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Isothermal

from soak import times

SETS = times(1, 50)
KILLS = 3  # in each of them; Dask's nannies give up where workers are killed faster than they start


@pytest.fixture(scope="module")
def spec() -> EnsembleSpec:
    """Forty chunks of which each takes a worker some 20 ms: killed workers have something to lose."""
    trap = Potential("k/2 * x**2", coordinates="x", controls="k")
    squeeze = Protocol([Isothermal(2.0, k=(1.0, 4.0))], beta=1.0)
    return EnsembleSpec(
        trap, Overdamped(friction=1.0), squeeze, trajectories=10_000, time_step=0.0005, seed=7, strokes=True
    )


@pytest.fixture(scope="module", autouse=True)
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LARGEST", 256)
        yield


@pytest.fixture(scope="module")
def alone(spec: EnsembleSpec, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The names of the files of a run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    simulate(spec, folder)
    return names(folder)


@pytest.fixture(scope="module")
def dask() -> Iterator[Any]:
    with executor_named("dask", 2) as executor:
        yield executor


def names(folder: Path) -> dict[str, list[str]]:
    return {table: sorted(os.listdir(folder / table)) for table in ("parts", "strokes")}


def scratch(folder: Path) -> list[str]:
    """List what a writer of our own should have taken along."""
    return [name for name in os.listdir(folder) if name.startswith(SCRATCH)]


class Killer:
    """Kills a worker each time that so many more chunks have been counted."""

    def __init__(self, patch: pytest.MonkeyPatch, at: list[int], victims: Callable[[], list[int]]) -> None:
        self.at, self.victims = list(at), victims
        self.counted = 0
        self.killed: list[int] = []
        self.count = Writer.count
        patch.setattr(Writer, "count", lambda writer, part: self.counts(writer, part))

    def counts(self, writer: Writer, part: Any) -> None:
        self.count(writer, part)
        self.counted += 1
        if self.at and self.counted >= self.at[0]:
            alive = [pid for pid in self.victims() if pid not in self.killed]
            if alive:
                self.at.pop(0)
                os.kill(alive[0], signal.SIGKILL)
                self.killed.append(alive[0])


def disturbed(folder: Path, spec: EnsembleSpec, executor: Executor, victims: Callable[[], list[int]]) -> int:
    """Make a run while workers are killed; return how many were."""
    with pytest.MonkeyPatch.context() as patch:
        killer = Killer(patch, [4, 14, 24], victims)
        simulate(spec, folder, executor=executor)
    return len(killer.killed)


def test_dask_computes_the_same_files(
    spec: EnsembleSpec, tmp_path: Path, alone: dict[str, list[str]], dask: Any, tally: Any
) -> None:
    def shuffled(writer: Writer) -> list[int]:
        return random.Random(3).sample(listed := missing(writer), len(listed))

    missing = Writer.missing
    simulate(spec.replace({"trajectories": 2500}), tmp_path / "a", executor=dask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "missing", shuffled)
        simulate(spec, tmp_path / "a", executor=dask._client.get_executor())  # pure, as a user has it
    tally("same bytes from Dask, extended, in another order", int(names(tmp_path / "a") == alone), 1)


def test_killed_dask_workers(
    spec: EnsembleSpec, tmp_path: Path, alone: dict[str, list[str]], dask: Any, tally: Any
) -> None:
    ended, killed = [], 0
    for number in range(SETS):
        folder = tmp_path / str(number)
        with nullcontext(dask) if number == 0 else executor_named("dask", 2) as executor:
            killed += disturbed(folder, spec, executor, partial(workers_of, executor))
        ended.append(names(folder) == alone and not scratch(folder))
    tally(f"runs that lost {KILLS} Dask workers each to kill -9", sum(ended), SETS)
    tally("Dask workers killed while they worked", killed, SETS * KILLS)


def workers_of(executor: Any) -> list[int]:
    return sorted(executor._client.run(os.getpid, on_error="ignore").values())


@pytest.mark.slow
def test_killed_processes(
    spec: EnsembleSpec, tmp_path: Path, alone: dict[str, list[str]], tally: Any
) -> None:
    ended, killed = [], 0
    with executor_named("processes", 2) as executor:
        assert isinstance(executor, Processes)

        def victims() -> list[int]:
            last = [worker._context._last for worker in executor._all]
            return [process.pid for process in last if process is not None and process.pid is not None]

        for number in range(SETS):
            folder = tmp_path / str(number)
            killed += disturbed(folder, spec, executor, victims)
            ended.append(names(folder) == alone and not scratch(folder))
    tally(f"runs that lost {KILLS} processes each to kill -9", sum(ended), SETS)


@pytest.mark.slow
def test_a_chunk_that_ends_dask_workers_is_named(spec: EnsembleSpec, tmp_path: Path, dask: Any) -> None:
    class Deadly(type(dask)):  # type: ignore[misc]
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            return super().submit(os._exit, 1) if args[0].chunk == 3 else super().submit(fn, *args, **kwargs)

    with pytest.raises(Busy, match="chunk 3, trajectories 768 to 1,023, ended 3 workers"):
        simulate(spec, tmp_path / "a", executor=Deadly(dask._client, pure=False))


@pytest.mark.slow
def test_two_processes_compile_the_same_kernel_at_once(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: dict[str, list[str]]
) -> None:
    """Each finds an empty cache, as workers on other machines do."""
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("FLUCTUA_CACHE_DIR", str(tmp_path / "cache"))
    simulate(spec, tmp_path / "a", executor="processes", threads=2)
    assert names(tmp_path / "a") == alone
    kernels = [path.name for path in (tmp_path / "cache").glob("*.py")]
    assert len(kernels) == len(set(kernels)) > 0
    assert not list((tmp_path / "cache").glob("*.tmp"))


# ---- with certificates


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, str]:
    """Make what Dask's configuration asks for: a certificate that signs itself, and its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl here: no certificates")
    made = {"ca-file": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=here"]
    command += ["-keyout", made["key"], "-out", made["ca-file"]]
    subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.mark.slow
def test_a_cluster_elsewhere_with_certificates(
    spec: EnsembleSpec,
    tmp_path: Path,
    certificates: dict[str, str],
    alone: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import dask.config
    import distributed  # noqa: F401  (its own settings come first: those made before would replace them all)

    mine = {"distributed.comm.tls.ca-file": certificates["ca-file"]}
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", certificates["ca-file"])
    for part, file in (("cert", certificates["ca-file"]), ("key", certificates["key"])):
        mine[f"distributed.comm.tls.client.{part}"] = file
        for role in ("SCHEDULER", "WORKER"):
            monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{role}__{part.upper()}", file)
    port = free_port()
    address = f"tls://127.0.0.1:{port}"
    with (
        dask.config.set(mine),
        started("scheduler", "--protocol", "tls", "--port", str(port), "--no-dashboard"),
        started("worker", address, "--no-nanny", "--nthreads", "2", "--no-dashboard"),
        executor_named("dask", scheduler=address) as executor,
    ):
        executor._client.wait_for_workers(1, timeout=60)  # type: ignore[attr-defined]
        simulate(spec, tmp_path / "run", executor=executor)
    assert names(tmp_path / "run") == alone
    without = pytest.raises(InvalidInput, match=r"TLS needs certificates .*distributed\.comm\.tls")
    with without, executor_named("dask", scheduler=address):
        pass


@contextmanager
def answering(says: bytes) -> Iterator[str]:
    """Take connections as a server does that is no scheduler: say something, or nothing for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])
                    taken[-1].sendall(says)

        taking = threading.Thread(target=take, daemon=True)
        taking.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        taking.join(10)
        for connection in taken:
            connection.close()


@pytest.mark.parametrize(
    "says", [None, b"", b"HTTP/1.1 400 Bad Request\r\nServer: proxy\r\n\r\n", b"\0" * 99]
)
def test_a_scheduler_that_does_not_answer(says: bytes | None) -> None:
    """Nobody is there, or one who waits, or one whose letters Dask reads as how much memory it must take."""
    import dask.config
    import distributed  # noqa: F401  (its own settings come first: those made before would replace them all)

    nobody = nullcontext(f"tcp://127.0.0.1:{free_port()}")
    with (
        nobody if says is None else answering(says) as address,
        dask.config.set({"distributed.comm.timeouts.connect": "200 ms"}),
        pytest.raises(Busy, match=r"the scheduler does not answer \(tcp://127\.0\.0\.1:\d+\)"),
        executor_named("dask", scheduler=address),
    ):
        pass


def test_a_worker_is_no_scheduler(dask: Any) -> None:
    worker = next(iter(dask._client.nthreads()))
    with (
        pytest.raises(InvalidInput, match="no scheduler can be reached so: a Worker is there"),
        executor_named("dask", scheduler=worker),
    ):
        pass


# ---- who can reach it


def listening(process: int) -> set[str]:
    """List the addresses, in hex, at which a process and those that it started wait for connections."""
    children = Path(f"/proc/{process}/task").glob("*/children")
    below = [int(child) for file in children for child in file.read_text().split()]
    held = set()
    for file in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            held.add(os.readlink(file))
    found = set().union(*map(listening, below))
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in held:
                found.add(fields[1])
    return found


def elsewhere(addresses: set[str]) -> set[str]:
    """Of addresses those that another machine reaches."""
    loopback = ("0100007F:", "00000000000000000000000001000000:")
    return {address for address in addresses if not address.startswith(loopback)}


@pytest.mark.usefixtures("dask")
@pytest.mark.skipif(sys.byteorder != "little", reason="the kernel writes addresses in the machine's order")
def test_only_this_machine_reaches_a_local_cluster() -> None:
    before = listening(os.getpid())
    assert len(before) >= 5  # of the scheduler, two nannies, two workers
    assert elsewhere(before) == set()
    with socket.create_server(("0.0.0.0", 0)) as control:
        port = control.getsockname()[1]
        assert elsewhere(listening(os.getpid())) == {f"00000000:{port:04X}"}


# ---- nobody left


@pytest.fixture
def lonely() -> Iterator[tuple[Any, subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """A client, a scheduler and one worker that no nanny brings back, each a process of its own."""
    distributed = pytest.importorskip("distributed")
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    here = ["--host", "127.0.0.1", "--no-dashboard"]
    with (
        started("scheduler", "--port", str(port), *here) as scheduler,
        started("worker", address, "--no-nanny", "--nthreads", "1", *here) as worker,
        distributed.Client(address, set_as_default=False, timeout=60) as client,
    ):
        client.wait_for_workers(1)
        yield client, scheduler, worker


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def started(what: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


class Watched(threading.Thread):
    """A run in a thread, so that a test can see whether it ever ends."""

    def __init__(self, spec: EnsembleSpec, folder: Path, client: Any, patience: float) -> None:
        super().__init__(daemon=True)
        self.work = (spec, folder, client, patience)
        self.error: BaseException | None = None

    def run(self) -> None:
        spec, folder, client, patience = self.work
        run = Run.prepare(spec, None)
        try:
            with Writer(folder, run.manifest(), spec.trajectories) as writer:
                compute(run, writer, client.get_executor(), workers=1, patience=patience)
        except BaseException as error:
            self.error = error


def test_a_cluster_without_workers_is_given_up(spec: EnsembleSpec, tmp_path: Path, lonely: Any) -> None:
    client, _, worker = lonely
    worker.kill()
    worker.wait()
    endless = Watched(spec, tmp_path / "b", client, patience=1e9)
    endless.start()  # the control: nobody tells it
    given_up = Watched(spec, tmp_path / "a", client, patience=2.0)
    given_up.start()
    given_up.join(60)
    assert isinstance(given_up.error, Busy)
    assert "no worker for 2 s" in str(given_up.error)
    assert f"fluctua resume {tmp_path / 'a'}" in given_up.error.remedy
    assert endless.is_alive()
    client.close()
    endless.join(60)
    assert isinstance(endless.error, Busy)


@pytest.mark.slow
def test_a_scheduler_that_is_killed_is_told(
    spec: EnsembleSpec, tmp_path: Path, lonely: Any, alone: dict[str, list[str]]
) -> None:
    client, scheduler, _ = lonely
    count = Writer.count

    def counted(writer: Writer, part: Any) -> None:
        count(writer, part)
        scheduler.kill()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "count", counted)
        told = Watched(spec, tmp_path / "a", client, patience=2.0)
        told.start()
        told.join(120)
    assert isinstance(told.error, Busy)
    assert "fluctua resume" in told.error.remedy
    simulate(spec, tmp_path / "a")
    assert names(tmp_path / "a") == alone


@pytest.mark.slow
def test_a_command_whose_scheduler_is_killed_says_one_line(
    spec: EnsembleSpec, tmp_path: Path, lonely: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, scheduler, _ = lonely
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "2s")
    spec.replace({"trajectories": 10**8, "strokes": False}).save(tmp_path / "spec.toml")
    command = [sys.executable, "-m", "fluctua", "run", "spec.toml", "--out", "run", "--executor", "dask"]
    command += ["--scheduler", client.scheduler.address]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert wait_until(lambda: len(parts_of(tmp_path / "run")) >= 2, 60)
        scheduler.kill()
        _, said = process.communicate(timeout=60)
    assert said == (
        "error: the executor is gone: its scheduler does not answer any more (run): "
        "whole parts are kept, go on with fluctua resume run\n"
    )
    assert process.returncode == 75


# ---- the first process


SCRIPT = """
import sys
from fluctua.ensembles import chunks
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec

if __name__ == "__main__":
    chunks.LARGEST = 256
    simulate(EnsembleSpec.load(sys.argv[1]), sys.argv[2], executor=sys.argv[3], threads=2)
"""


def processes_of(group: int) -> list[str]:
    """List what runs in a process group."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, fields = status.read_text().rsplit(")", 1)
            if int(fields.split()[2]) == group and fields.split()[0] != "Z":
                found.append(name)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["processes", "dask"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_the_first_process(
    spec: EnsembleSpec,
    tmp_path: Path,
    alone: dict[str, list[str]],
    executor: str,
    how: signal.Signals,
) -> None:
    """Ctrl-C goes to all processes of a terminal, kill -9 to the first alone."""
    spec.save(tmp_path / "spec.toml")
    (tmp_path / "script.py").write_text(SCRIPT)
    folder = tmp_path / "run"
    command = [sys.executable, "script.py", "spec.toml", "run", executor]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as first:
        assert wait_until(lambda: len(parts_of(folder)) >= 2, 60)
        first.send_signal(how) if how is signal.SIGKILL else os.killpg(first.pid, how)
        _, said = first.communicate(timeout=60)
    assert first.returncode == -how
    assert wait_until(lambda: processes_of(first.pid) == [], 30), processes_of(first.pid)
    assert said.count("Traceback") == (how is signal.SIGINT), said
    assert 2 <= len(parts_of(folder)) < 40
    assert how is signal.SIGKILL or not scratch(folder)
    simulate(spec, folder)
    assert names(folder) == alone
    assert not scratch(folder)


def parts_of(folder: Path) -> list[str]:
    return os.listdir(folder / "parts") if (folder / "parts").is_dir() else []


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait for another process, in steps too short to matter."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        threading.Event().wait(0.01)
    return true()
