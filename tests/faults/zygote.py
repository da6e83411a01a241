"""Real processes of the command line that start at once: forked from one that has imported and compiled all.

    python zygote.py FOLDER

It compiles the kernel of `FOLDER/spec.toml`, then reads orders, a JSON object a line, and answers each with a
line. A process that is ordered runs a command of `fluctua`, its stderr a file, and waits first for what its
order names: the files `start`, and once it has opened a run `hold`, on which the test has a lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import select
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

CHUNK = 128
SPEC = """
trajectories = 3000
time_step = 0.02
seed = 7
strokes = true
paths = 300
path_every = 10
[system]
kind = "Potential"
energy = "k/2 * x**2"
coordinates = ["x"]
controls = ["k"]
[dynamics]
kind = "Overdamped"
friction = 1.0
[protocol]
beta = 1.0
cycles = 2
steps = [{ kind = "Isothermal", duration = 1.0, k = [1.0, 4.0] }, { kind = "Quench", k = 1.0 }]
"""


class Process:
    """A process that a zygote made: no child of the test, but it can be waited for, and killed."""

    def __init__(self, zygote: Zygote, number: int, errors: Path) -> None:
        self._zygote = zygote
        self.number = number
        self.errors = errors
        self._descriptor = os.pidfd_open(number)

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, but no longer than so."""
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def kill(self, number: int) -> None:
        """Send it a signal, perhaps too late."""
        os.kill(self.number, number)

    def code(self) -> int:
        """Wait for its end; give its exit code, or minus the signal that killed it."""
        assert self.ends_within(120), "it did not end"
        os.close(self._descriptor)
        answer: int = self._zygote.ask({"wait": self.number})
        return answer

    def said(self) -> str:
        """Give what it wrote to stderr."""
        return self.errors.read_text()


class Zygote:
    """The process from which others are forked; to be used in a `with`.

    Parameters
    ----------
    folder : Path
        Where the spec's file is made, and what processes write to stderr.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec = folder / "spec.toml"
        self.spec.write_text(SPEC)
        self._made = 0

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        command = [sys.executable, __file__, str(self.folder)]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)

    def ask(self, order: dict[str, Any]) -> Any:
        """Give an order and read the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        return json.loads(self._process.stdout.readline())

    def run(self, out: Path, *options: str, **order: Any) -> Process:
        """Start ``fluctua run``, quietly."""
        return self.start("run", str(self.spec), "--out", str(out), "--quiet", *options, **order)

    def start(self, *arguments: str, **order: Any) -> Process:
        """Start a command. `limit`: the size in bytes that its files may have."""
        self._made += 1
        errors = self.folder / f"{self._made}.txt"
        order = {key: str(value) if isinstance(value, Path) else value for key, value in order.items()}
        number = self.ask({"arguments": arguments, "errors": str(errors), **order})
        return Process(self, number, errors)


# ---- the zygote


def wait_for(name: str) -> None:
    """Wait until nobody holds a lock on a file."""
    with open(name) as file:
        fcntl.flock(file, fcntl.LOCK_SH)


def begin(order: dict[str, Any]) -> int:
    """Do what a new process was made for, and give its exit code."""
    from fluctua.cli import main as command
    from fluctua.ensembles.store import Writer

    errors = os.open(order["errors"], os.O_WRONLY | os.O_CREAT)
    os.dup2(errors, 2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(0, 1)
    if "limit" in order:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"], order["limit"]))
    if "start" in order:
        wait_for(order["start"])
    if "hold" in order:
        enter = Writer.__enter__

        def enter_and_wait(writer: Writer) -> Writer:
            enter(writer)
            wait_for(order["hold"])
            return writer

        Writer.__enter__ = enter_and_wait  # type: ignore[method-assign]
    return command(order["arguments"])


def make(order: dict[str, Any]) -> int:
    """Fork a process; give its number."""
    number = os.fork()
    if number:
        return number
    code = 1
    try:
        code = begin(order)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main(folder: str) -> None:
    from fluctua.cli import main as command
    from fluctua.ensembles import chunks

    chunks.LARGEST = CHUNK
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    spec, warm = (str(Path(folder) / name) for name in ("spec.toml", "warm"))
    first = ["run", spec, "--out", warm, "--quiet", "--threads", "1", "--trajectories", "300"]
    assert command(first) == 0
    print("ready", file=answers)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), file=answers)
        else:
            print(make(order), file=answers)


if __name__ == "__main__":
    main(sys.argv[1])
