"""Dask: a cluster on this machine, or one that is there; who is at work in it, and how it says who died."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fluctua.ensembles.workers import without_interrupts
from fluctua.stochastic.errors import Busy, InvalidInput

TICK = 1.0  # seconds after which a waiting run looks whether anybody is there
TALKERS = ("distributed", "tornado", "asyncio", "concurrent")  # those whose logs tell what Dask ran into


def distributed(module: str = "") -> Any:
    """Import Dask, or a module of it; half a second, so only where it is asked for.

    Raises
    ------
    InvalidInput
        It is not installed.
    """
    try:
        return import_module(f"distributed.{module}" if module else "distributed")
    except ImportError:
        raise InvalidInput("Dask is not installed", "executor", "pip install 'fluctua[dask]'") from None


def is_dask(executor: Executor) -> bool:
    """Tell whether an executor is that of a Dask client."""
    return "distributed" in sys.modules and isinstance(executor, distributed("cfexecutor").ClientExecutor)


def killed_worker(error: Exception) -> tuple[str, int] | None:
    """Say where Dask's last worker was that died of a task, and how many did; None of any other error."""
    if "distributed" in sys.modules and isinstance(error, distributed("scheduler").KilledWorker):
        return str(error.last_worker.address), int(error.allowed_failures) + 1
    return None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Dask from logging what ends in one line here."""
    distributed()  # it gives its loggers their levels
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in TALKERS]
    loggers = [logging.getLogger(name) for name in {*names, *TALKERS}]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


# ---- who is at work


class Crew:
    """Those who work for an executor that does not lose them without saying so."""

    def __init__(self, size: int) -> None:
        self.size = size

    def look(self, _now: float) -> bool:
        """Tell whether anybody is there."""
        return True

    def listens(self) -> bool:
        """Tell whether a task can be cancelled."""
        return True

    def gone(self) -> bool:
        """Tell whether nobody will ever be there again."""
        return False


class Cluster(Crew):
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

    def listens(self) -> bool:
        """Tell whether there is a scheduler; Dask logs a traceback for each task cancelled without one."""
        return bool(self._client.status == "running")

    def gone(self) -> bool:
        """Tell whether the client has given its scheduler up, half a minute after it was lost."""
        return bool(self._client.status == "closed")

    def _count(self) -> int:
        if not self.listens():
            return 0  # it looks for its scheduler, and a question would wait for that
        try:
            return sum(self._client.nthreads().values())
        except Exception:  # whatever Dask raises where nobody answers
            return 0


# ---- clients


def client_of(count: int, scheduler: str | None, insecure: bool) -> AbstractContextManager[Any]:
    """Connect to a scheduler, or start a cluster of so many workers here; both end with the context.

    Raises
    ------
    InvalidInput
        No Dask here, or an address that is none or needs TLS.
    Busy
        The scheduler does not answer.
    """
    if scheduler is None:
        return _local_cluster(distributed(), count)
    check_address(scheduler, insecure)
    return _cluster_at(distributed(), scheduler)


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
        limit = _longest_connecting()
        security = _security(address)
        # Not with the client itself: one that fails half made hangs for a minute when it is dropped.
        _shake_hands(address, security.get_connection_args("client"), limit)
        client = dask.Client(address, security=security, timeout=limit, set_as_default=False)
    except InvalidInput:
        raise
    except (ValueError, ImportError) as error:
        what = f"no scheduler can be reached so: {error}"
        raise InvalidInput(what, address, "write tls://host:port") from None
    except Exception:  # what speaks another language makes Dask raise anything, MemoryError for one
        remedy = "start it, or check the address and the certificates"
        raise Busy("the scheduler does not answer", address, remedy) from None
    with client:
        yield client


def _longest_connecting() -> float:
    """Give the seconds that Dask's configuration allows for connecting, thirty by default."""
    timeout = import_module("dask.config").get("distributed.comm.timeouts.connect")
    return float(import_module("dask.utils").parse_timedelta(timeout, "s"))


def _security(address: str) -> Any:
    """Give the certificates that Dask's configuration names for a client."""
    found = import_module("distributed.client")._maybe_call_security_loader(address)
    security = distributed().Security() if found is None else found
    if address.startswith("tls://") and security.get_connection_args("client")["ssl_context"] is None:
        remedy = "name them in Dask's configuration, distributed.comm.tls"
        raise InvalidInput("TLS needs certificates", address, remedy)
    return security


def _shake_hands(address: str, arguments: dict[str, Any], limit: float) -> None:
    """Ask who is there; in a thread, as this one may have an event loop already."""
    answer: Future[None] = Future()

    async def connect() -> None:
        comm = await distributed("comm").connect(address, timeout=limit, **arguments)
        try:
            kind = (await distributed("core").send_recv(comm, op="identity"))["type"]
        finally:
            comm.abort()
        if kind != "Scheduler":
            raise ValueError(f"a {kind} is there")

    async def in_time() -> None:
        await asyncio.wait_for(connect(), limit)

    def ask() -> None:
        try:
            answer.set_result(asyncio.run(in_time()))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    answer.result()


def check_address(address: str, insecure: bool) -> None:
    """Refuse to talk across a network in the clear: a scheduler executes what it is sent.

    Raises
    ------
    InvalidInput
        No address, or one elsewhere without TLS.
    """
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
    except ValueError as error:
        what = f"no scheduler can be reached so: {error}"
        raise InvalidInput(what, address, "write tls://host:port") from None
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
