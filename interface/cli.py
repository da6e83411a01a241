"""The command line: ``fluctua COMMAND``; each command is a file of its own.

Results go to stdout, progress and notices to stderr. Nothing heavy is imported before a command needs it, so
that ``fluctua --help`` answers at once. Bad input ends in one line, ``error: what (where): what to do``, and
the exit code of its kind: 2 bad input, 3 unstable run, 65 damaged data, 74 disk, 75 busy; 1 says that a claim
is violated, 130 that the user interrupted, 143 and 129 that SIGTERM and SIGHUP did. With ``--json`` stdout
gets it as ``{"error": ...}``.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO

from fluctua.parsing import Command, Parser
from fluctua.stochastic.errors import FluctuaError, StorageError, printable
from fluctua.stopping import Stop, stoppable

VIOLATED = 1

#: Where the commands are, in the order of the help: a file gives one or more as `COMMANDS`. What is heavy is
#: imported when a command runs, not before.
FILES = (
    "running",
    "continuing",
    "replaying",
    "verifying",
    "calibrating",
    "stepping",
    "checking",
    "inspection",
    "validating",
    "demonstrating",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``fluctua`` on the command line; by default what was typed.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options = argparse.Namespace(
        typed=typed, json="--json" in typed, answered=False, process_is_ours=arguments is None
    )
    if options.process_is_ours:
        _print_anything()
    with stoppable(options.process_is_ours) as stop:
        return _run(typed, options, stop)


def _run(typed: Sequence[str], options: argparse.Namespace, stop: Stop) -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _Warner(_command(typed))
            _parser().parse_args(typed, options)
            code: int = options.command(options)
        sys.stdout.flush()
    except FluctuaError as error:
        return _refuse(error, options, typed)
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt, options, stop)
    except BrokenPipeError:  # the reader of our output has left, as `head` does: nothing is wrong
        _say_no_more(sys.stdout)
        return 0
    except OSError as error:
        return _refuse(_of_the_disk(error), options, typed)
    except Exception as error:
        if not _was_interrupted(error):
            raise
        return _interrupted(KeyboardInterrupt(), options, stop)
    return code


def _say_no_more(stream: TextIO) -> None:
    """Let what is still to be written go nowhere: nobody is left who could read it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _was_interrupted(error: BaseException | None) -> bool:
    """Tell whether Ctrl-C lies behind an error: libraries that it stops while they are imported rename it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _print_anything() -> None:
    """Write what a terminal's encoding lacks as an escape: a symbol must not end a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _of_the_disk(error: OSError) -> StorageError:
    """Say what to do about what the operating system refuses."""
    forbidden = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    remedy = (
        "check its permissions, or choose another place"
        if forbidden
        else "check the place, or choose another"
    )
    return StorageError(error.strerror or str(error), str(error.filename or "disk"), remedy)


def _refuse(error: FluctuaError, options: argparse.Namespace, typed: Sequence[str]) -> int:
    from fluctua.wording import on_command_line

    what, remedy = (on_command_line(text, _command(typed)) for text in (error.what, error.remedy))
    error = type(error)(what, error.where, remedy)
    print("error:", " ".join(str(error).split()), file=sys.stderr)
    _say_as_json(options, error.what, error.where, error.remedy, error.exit_code)
    return error.exit_code


def _command(typed: Sequence[str]) -> str:
    """Return the command that was typed."""
    return next((word for word in typed if not word.startswith("-")), "")


def _say_as_json(options: argparse.Namespace, what: str, where: str, remedy: str, code: int) -> None:
    """Put an error on stdout too, where somebody waits for JSON there and has none yet."""
    if options.json and not options.answered:
        words = {"what": what, "where": where, "remedy": remedy}
        found = {name: printable(text) for name, text in words.items()} | {"exit_code": code}
        show("", {"error": found}, options)


class _Warner:
    """Says each warning once in a command, however many specs it holds for."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._said: set[str] = set()

    def __call__(self, message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in self._said:
            self._said.add(str(message))
            from fluctua.wording import on_command_line

            notice(f"warning: {on_command_line(str(message), self._command)}")


def _interrupted(interrupt: KeyboardInterrupt, options: argparse.Namespace, stop: Stop) -> int:
    """Say what stands and how to go on, where the command knew it, and somebody is still there to read it."""
    told = str(interrupt)
    told = "nothing was changed" if not told or stop.names(told) else told
    try:
        print(f"{stop.name}: {told}", file=sys.stderr, flush=True)
        _say_as_json(options, stop.name, "", told, stop.exit_code)
        sys.stdout.flush()
    except OSError:  # the terminal was closed
        _say_no_more(sys.stderr)
        _say_no_more(sys.stdout)
    return stop.exit_code


def show(text: str, found: object, options: argparse.Namespace) -> None:
    """Print a result: as JSON, as text, or not at all."""
    if options.json:
        import json

        options.answered = True
        plain = not (sys.stdout.encoding or "").lower().startswith("utf")
        print(json.dumps(found, indent=2, ensure_ascii=plain, allow_nan=False))
    elif not options.quiet:
        print(text)


def notice(line: str) -> None:
    """Say something that is no result."""
    print(line, file=sys.stderr, flush=True)


# --- what may be typed ----------------------------------------------------------------------------


def commands() -> list[Command]:
    """List all commands."""
    return [command for file in FILES for command in import_module(f"fluctua.{file}").COMMANDS]


def _parser() -> Parser:
    parser = Parser(
        prog="fluctua",
        usage="fluctua [-h] [--version] COMMAND ...",
        description="Simulate ensembles of small driven systems and judge the fluctuation theorems in them.",
        example="fluctua run examples/squeeze.toml --both --out runs/squeeze && fluctua verify runs/squeeze",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    # As wide as the longest command with its indentation: argparse would break the line after that name.
    parsers = parser.add_subparsers(
        title="commands", metavar=f"{'COMMAND':11}", required=True, prog="fluctua"
    )
    for command in commands():
        command.add_to(parsers)
    return parser


class _Version(argparse.Action):
    """Look the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import fluctua

        print(f"fluctua {fluctua.__version__}")
        parser.exit()
