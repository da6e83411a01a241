"""What the commands that compute have in common: who does the work, how it is told, how it goes on."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from fluctua.cli import VIOLATED, show
from fluctua.parsing import Parser, count
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from fluctua.analysis.stopped import Stopped
    from fluctua.ensembles.dataset import Dataset

EXECUTORS = ("threads", "processes", "dask")


def add_threads(parser: Parser) -> None:
    """Add how many threads work."""
    parser.add_argument("--threads", metavar="N", type=count, help="threads to use (default: all cores)")


def add_workers(parser: Parser) -> None:
    """Add who works: threads, processes, or a cluster."""
    add_threads(parser)
    parser.add_argument(
        "--executor", choices=EXECUTORS, help="who computes; --threads counts them (default: threads)"
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, such as tls://head:8786")
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="use a scheduler elsewhere without TLS: who reaches it can run programs",
    )


@contextmanager
def workers(options: Namespace) -> Iterator[dict[str, Any]]:
    """Give the words of `simulate` that say who works; what was started for it ends here."""
    words: dict[str, Any] = {"threads": options.threads, "progress": False if options.quiet else None}
    if options.executor in (None, "threads"):
        yield words
        return
    from fluctua.ensembles.clusters import quiet
    from fluctua.ensembles.executing import executor_named

    with (
        quiet() if options.executor == "dask" else nullcontext(),
        executor_named(
            options.executor, options.threads, scheduler=options.scheduler, insecure=options.insecure
        ) as executor,
    ):
        yield words | {"executor": executor}


def check_workers(options: Namespace) -> None:
    """Refuse options that only a Dask cluster has where there is none.

    Raises
    ------
    InvalidInput
        A scheduler without Dask, or what goes with a scheduler without one.
    """
    if options.scheduler is not None and options.executor != "dask":
        raise InvalidInput("a scheduler without Dask", "--scheduler", "add --executor dask")
    if options.insecure and options.scheduler is None:
        raise InvalidInput("insecure, and no scheduler", "--insecure", "it goes with --scheduler ADDRESS")


def words_of_workers(options: Namespace) -> list[str]:
    """Return the options that say who works, as they are typed."""
    found = []
    for name in ("threads", "executor", "scheduler"):
        value = getattr(options, name)
        found += [] if value is None else [f"--{name}", str(value)]
    return found + ["--insecure"] * options.insecure


def stopped(kept: str, command: Sequence[str]) -> KeyboardInterrupt:
    """Return the interrupt that says what stands and which command goes on."""
    return KeyboardInterrupt(f"{kept}; to go on: {shlex.join(['fluctua', *command])}")


def show_runs(
    folder: str,
    runs: Sequence[Dataset],
    options: Namespace,
    computed: Sequence[int] | None = None,
    ended: Stopped | None = None,
) -> None:
    """Print a line for each run; as JSON what can be asked of it, and how its rule ended.

    Raises
    ------
    Unstable
        Trajectories failed.
    """
    tables = [_table(run) for run in runs]
    if computed is not None:
        tables = [table | {"computed": rows} for table, rows in zip(tables, computed, strict=True)]
    found: dict[str, Any] = {"folder": folder, "runs": tables}
    if ended is not None and options.json:  # an interval takes a while, and the line on stderr has it
        found["until"] = ended.table()
    show("\n".join(map(repr, runs)), found, options)
    for run in runs:
        run.check_failures()


def code_of(ended: Stopped | None) -> int:
    """Return the exit code of what a rule decided, if there was one."""
    return VIOLATED if ended is not None and ended.violated else 0


def _table(run: Dataset) -> dict[str, Any]:
    spec = run.spec
    return {
        "path": str(run.path),
        "digest": spec.digest,
        "direction": spec.direction,
        "seed": spec.seed,
        "trajectories": len(run),
        "failed": run.failed,
    }


class _Absent:
    """A finder that says of some modules that they are not installed."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def find_spec(self, name: str, *_: object) -> None:
        if name in self.names:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)


@contextmanager
def without_idle_imports(process_is_ours: bool) -> Iterator[None]:
    """Keep others from importing what no run uses: a third of a second at start-up.

    Numba imports SciPy's linear algebra, and PyArrow imports pandas, wherever they find them. They remember
    when they did not, so this is done only in a process that does nothing else: elsewhere it would take both
    from the user.
    """
    absent = _Absent(*(("scipy.linalg", "pandas") if process_is_ours else ()))
    sys.meta_path.insert(0, absent)
    try:
        yield
    finally:
        sys.meta_path.remove(absent)
