"""The command line: ``fluctua run | verify | calibrate | time-step | inspect | validate | demo``.

Results go to stdout, progress and notices to stderr. Nothing heavy is imported before a command needs it, so
that ``fluctua --help`` answers at once. Bad input ends in one line, ``error: what (where): what to do``, and
the exit code of its kind: 2 bad input, 3 unstable run, 65 damaged data, 74 disk, 75 busy; 1 says that a claim
is violated, 130 that the user interrupted. With ``--json`` stdout gets it as ``{"error": ...}``.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from textwrap import wrap
from typing import Any, NoReturn

from fluctua.stochastic.errors import FluctuaError, InvalidInput, StorageError, did_you_mean, not_among

VIOLATED, INTERRUPTED = 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``fluctua`` on the command line; by default what was typed.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options = argparse.Namespace(json="--json" in typed, answered=False, process_is_ours=arguments is None)
    if options.process_is_ours:
        _print_anything()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _Warner()
            _parser().parse_args(typed, options)
            code: int = options.command(options)
        sys.stdout.flush()
    except FluctuaError as error:
        return _refuse(error, options, typed)
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt, options)
    except BrokenPipeError:  # the reader of our output has left, as `head` does: nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _refuse(_of_the_disk(error), options, typed)
    except Exception as error:
        if not _was_interrupted(error):
            raise
        return _interrupted(KeyboardInterrupt(), options)
    return code


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

    command = next((word for word in typed if not word.startswith("-")), "")
    what, remedy = (on_command_line(text, command) for text in (error.what, error.remedy))
    error = type(error)(what, error.where, remedy)
    print("error:", " ".join(str(error).split()), file=sys.stderr)
    _say_as_json(options, error.what, error.where, error.remedy, error.exit_code)
    return error.exit_code


def _say_as_json(options: argparse.Namespace, what: str, where: str, remedy: str, code: int) -> None:
    """Put an error on stdout too, where somebody waits for JSON there and has none yet."""
    if options.json and not options.answered:
        found = {"what": what, "where": where, "remedy": remedy, "exit_code": code}
        show("", {"error": found}, options)


class _Warner:
    """Says each warning once in a command, however many specs it holds for."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in self._said:
            self._said.add(str(message))
            from fluctua.wording import on_command_line

            notice(f"warning: {on_command_line(str(message))}")


def _interrupted(interrupt: KeyboardInterrupt, options: argparse.Namespace) -> int:
    """Say what stands and how to go on, where the command knew it."""
    told = str(interrupt) or "nothing was changed"
    print(f"interrupted: {told}", file=sys.stderr)
    _say_as_json(options, "interrupted", "", told, INTERRUPTED)
    return INTERRUPTED


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


# --- the commands ---------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    from fluctua.running import run

    return run(options)


def _verify(options: argparse.Namespace) -> int:
    from fluctua.verifying import verify_command

    return VIOLATED if verify_command(options) else 0


def _calibrate(options: argparse.Namespace) -> int:
    from fluctua.places import check_readable, check_there
    from fluctua.validation.calibrate import calibrate

    if options.like is None and options.forward is None:
        raise InvalidInput("nothing to be like", "command line", "give --like DIR, or --forward FILE")
    check_there(options.like, "give a run, a pair, or a file of work")
    check_readable(options.like, options.forward, options.reverse)
    found = calibrate(
        options.forward,
        options.reverse,
        like=options.like,
        column=options.column,
        units=options.units or "kT",
        temperature=options.temperature,
        ensembles=options.ensembles,
    )
    show(str(found), found.to_dict(), options)
    return 0


def _time_step(options: argparse.Namespace) -> int:
    from fluctua.stepping import judge_steps

    return VIOLATED if judge_steps(options) else 0


def _inspect(options: argparse.Namespace) -> int:
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.dataset import open as open_run
    from fluctua.inspection import as_table, as_text

    opened = open_run(options.run, partial=True)
    tables = [as_table(run) for run in ([opened] if isinstance(opened, Dataset) else opened)]
    show("\n\n".join(map(as_text, tables)), tables[0] if len(tables) == 1 else tables, options)
    return 0


def _validate(options: argparse.Namespace) -> int:
    from fluctua.validation.validate import catalogue, validate

    if options.list:
        found = {name: case.title for name, case in catalogue().items()}
        show("\n".join(f"{name:6} {title}" for name, title in found.items()), found, options)
        return 0
    table = validate(
        options.cases or None,
        fresh=options.fresh,
        quick=options.quick,
        progress=None if options.quiet else notice,
    )
    show(str(table), table.to_dict(), options)
    return 0 if table.passed else VIOLATED


def _demo(options: argparse.Namespace) -> int:
    if os.path.lexists(options.out) and not os.path.isdir(options.out):
        raise InvalidInput("not a folder", options.out, "choose another place")
    try:
        from fluctua.demo import run_demo

        code = run_demo(options.out, quick=options.quick, quiet=options.quiet, as_json=options.json)
    except KeyboardInterrupt:
        quick = ["--quick"] if options.quick else []
        again = shlex.join(["fluctua", "demo", *quick, "--out", options.out])
        there = os.path.isdir(options.out)
        kept = f"whole parts are kept in {options.out}" if there else "no part was whole yet"
        raise KeyboardInterrupt(f"{kept}; to go on: {again}") from None
    options.answered = options.json
    return code


# --- what may be typed ----------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all others."""

    def __init__(self, *, example: str = "", **keywords: Any) -> None:
        keywords |= {"allow_abbrev": False, "formatter_class": _Help}
        if example:
            keywords["epilog"] = "example:\n" + "\n".join(f"  {line}" for line in example.splitlines())
        super().__init__(**keywords)

    def error(self, message: str) -> NoReturn:
        if found := re.match(r"argument COMMAND *: invalid choice: ('.*') \(choose from (.*)\)", message):
            typed, commands = found[1][1:-1], found[2].replace("'", "").split(", ")
            raise not_among(typed, "command", commands, "command line")
        raise InvalidInput(message, "command line", f"see {self.prog} --help")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse here what is unknown here: the parser above knows neither the options nor their help."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            name = unknown[0].split("=")[0]
            what = f"no option {name}" if name.startswith("-") else f"{name!r} is too much"
            meant = did_you_mean(name, self._option_string_actions).replace("'", "")
            raise InvalidInput(what, "command line", f"see {self.prog} --help{meant}")
        return found, unknown


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help of one width everywhere, with options and their meaning side by side."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=100)


class _Version(argparse.Action):
    """Look the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import fluctua

        print(f"fluctua {fluctua.__version__}")
        parser.exit()


def _count(text: str) -> int:
    """Read a whole number above zero; 1e6 and 1_000_000 are two ways to write one."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (1 <= number < 2**60 and number.is_integer()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text) if text.replace("_", "").isdigit() else int(number)


def _seed(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _assignment(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not (path.strip() and equals and value.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not PATH=VALUE, like protocol.k=2.0")
    return path.strip(), value.strip()


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} are not numbers with commas between") from None


def _folder(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty name is no folder")
    return text


def _claims(text: str) -> list[str]:
    """Read names with commas between; none at all would be a report that says nothing is violated."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} are not names with commas between")
    return names


def _tolerance(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER, like slope=0.02") from None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fluctua",
        usage="fluctua [-h] [--version] COMMAND ...",
        description="Simulate ensembles of small driven systems and judge the fluctuation theorems in them.",
        example="fluctua run examples/squeeze.toml --both --out runs/squeeze && fluctua verify runs/squeeze",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    # As wide as the longest command with its indentation: argparse would break the line after that name.
    commands = parser.add_subparsers(
        title="commands", metavar=f"{'COMMAND':11}", required=True, prog="fluctua"
    )
    judging = (_add_verify, _add_calibrate, _add_time_step)
    for add in (_add_run, *judging, _add_inspect, _add_validate, _add_demo):
        add(commands)
    return parser


def _command(
    commands: Any,
    name: str,
    command: Callable[[argparse.Namespace], int],
    summary: str,
    example: str,
    details: str = "",
) -> _Parser:
    """Add a command with the options that all of them have."""
    parser: _Parser = commands.add_parser(
        name,
        help=summary[0].lower() + summary[1:].rstrip("."),
        description="\n".join(wrap(f"{summary} {details}", 98)),
        example=example,
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="print errors only (and JSON, if asked for)")
    parser.set_defaults(command=command)
    return parser


def _add_run(commands: Any) -> None:
    parser = _command(
        commands,
        "run",
        _run,
        "Simulate what a spec file describes, or go on with it.",
        "fluctua run examples/squeeze.toml --both --trajectories 1e6 --out runs/squeeze\n"
        "fluctua run examples/bead.toml --set dynamics.friction=0.01 --set protocol.steps.drag.duration=0.05",
        "The same command again continues an unfinished run, opens a finished one, extends one that asks "
        "for more trajectories. A file with a [sweep] table gives a folder of runs.",
    )
    parser.add_argument("spec", metavar="SPEC", help="a spec as .toml or .json")
    parser.add_argument(
        "--out", metavar="DIR", type=_folder, help="the run's folder (default: runs/<file>-<digest>)"
    )
    _add_changes(parser)
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("--both", action="store_true", help="the run and its reverse, side by side")
    direction.add_argument("--reverse", action="store_true", help="the reverse only")
    parser.add_argument("--dry-run", action="store_true", help="print steps, time, memory and disk to expect")


def _add_changes(parser: _Parser) -> None:
    """Add what changes a spec file, and the threads to use."""
    parser.add_argument(
        "--trajectories", metavar="N", type=_count, help="how many, instead of the file's number"
    )
    parser.add_argument("--seed", metavar="S", type=_seed, help="the seed, instead of the file's")
    parser.add_argument("--threads", metavar="N", type=_count, help="threads to use (default: all cores)")
    parser.add_argument(
        "--set",
        metavar="PATH=VALUE",
        type=_assignment,
        action="append",
        default=[],
        help="change an entry of the file; VALUE as in TOML; may be repeated",
    )


def _add_verify(commands: Any) -> None:
    parser = _command(
        commands,
        "verify",
        _verify,
        "Judge the fluctuation theorems in runs, or in files of your own: one direction, or both.",
        "fluctua verify runs/squeeze\n"
        "fluctua verify runs/drag runs/drag-reverse --claims crooks,jarzynski --tolerance slope=0.02\n"
        "fluctua verify --forward pull.csv --reverse back.csv --temperature 298 --units kJ/mol\n"
        "fluctua verify --entropy steady.parquet --column s_tot\n"
        "fluctua verify --watch runs/squeeze",
        "Files hold work as measured in each direction, positive where it is done on the system: CSV, TSV, "
        "columns with blanks between, .xvg, Parquet, or gzip of these. Exit code 0 when no claim is "
        "violated, 1 when one is.",
    )
    parser.add_argument(
        "runs",
        metavar="DIR|FILE",
        nargs="*",
        help="a run, a run and its reverse, a folder of runs, or work in one or two files",
    )
    parser.add_argument(
        "--forward",
        metavar="FILE",
        type=_folder,
        action="append",
        help="work of the process, a file or a run; again for each further speed of the same process",
    )
    for name, what in (
        ("reverse", "work of its reverse"),
        ("entropy", "total entropy production in k_B, instead of work"),
    ):
        parser.add_argument(f"--{name}", metavar="FILE", type=_folder, help=f"{what}, a file or a run")
    parser.add_argument(
        "--column", metavar="NAME", help="the column to judge, by name or number (default: guessed, and said)"
    )
    parser.add_argument(
        "--group", metavar="NAME", help="the column that says which rows belong together, such as a replica"
    )
    parser.add_argument(
        "--units", metavar="U", help="unit of energies in files (default: kT): kJ/mol, pN nm, J"
    )
    parser.add_argument(
        "--temperature", metavar="K", type=float, help="in kelvin; needed for units other than kT"
    )
    parser.add_argument(
        "--claims",
        metavar="NAMES",
        type=_claims,
        help="claims to judge, joined by commas (default: all that apply)",
    )
    parser.add_argument(
        "--delta-f",
        metavar="X",
        type=float,
        help="the exact free-energy difference, where it is known, in --units",
    )
    parser.add_argument(
        "--success", metavar="CONDITION", help='which trajectories of a run ended erased, "x > 0" (Landauer)'
    )
    parser.add_argument(
        "--current", metavar="FORMULA", help="an integrated current of columns, for the uncertainty relation"
    )
    parser.add_argument(
        "--watch",
        metavar="DIR",
        type=_folder,
        help="bet against the theorems while a run, or a pair, is written; ends when a bet is lost",
    )
    parser.add_argument(
        "--tolerance",
        metavar="NAME=X",
        type=_tolerance,
        action="append",
        default=[],
        help="how far from the theorem still counts as holding; may be repeated",
    )
    parser.add_argument(
        "--alpha",
        metavar="P",
        type=float,
        default=0.05,
        help="error rate of the whole report (default: 0.05)",
    )


def _add_calibrate(commands: Any) -> None:
    parser = _command(
        commands,
        "calibrate",
        _calibrate,
        "Measure how often the verifier errs on data like yours.",
        "fluctua calibrate --like runs/squeeze\n"
        "fluctua calibrate --forward pull.csv --reverse back.csv --temperature 298 --units kJ/mol",
        "Ensembles of the same size and dissipation are drawn from a mixture that is fitted to the data and "
        "obeys the theorem, with and without faults, and judged.",
    )
    parser.add_argument("--like", metavar="DIR", type=_folder, help="a run, a pair, or a file of work")
    for name in ("forward", "reverse"):
        parser.add_argument(f"--{name}", metavar="FILE", type=_folder, help=f"{name} work, a file or a run")
    parser.add_argument("--column", metavar="NAME", help="the column of work (default: guessed)")
    parser.add_argument("--units", metavar="U", help="unit of energies in files (default: kT)")
    parser.add_argument("--temperature", metavar="K", type=float, help="in kelvin, for units other than kT")
    parser.add_argument(
        "--ensembles", metavar="R", type=_count, default=200, help="of each kind to judge (default: 200)"
    )


def _add_time_step(commands: Any) -> None:
    parser = _command(
        commands,
        "time-step",
        _time_step,
        "Tell a theorem that fails from a time step that is too long.",
        "fluctua time-step examples/squeeze.toml --steps 0.02,0.01,0.005",
        "Runs a spec at several time steps along the same Brownian path and extrapolates the slope of its "
        "fluctuation theorem to short ones. Exit code 1 when it is violated at the spec's own time step or "
        "in the limit.",
    )
    parser.add_argument("spec", metavar="SPEC", help="a spec as .toml or .json")
    parser.add_argument(
        "--steps",
        metavar="A,B,C",
        type=_numbers,
        required=True,
        help="time steps, whole multiples of the shortest",
    )
    _add_changes(parser)
    parser.add_argument(
        "--order", metavar="Q", type=float, help="errors fall as dt^Q (default: the scheme's, 1 or 2)"
    )
    parser.add_argument(
        "--tolerance",
        metavar="X",
        type=float,
        default=0.05,
        help="how far from 1 the slope still counts as 1 (default: 0.05)",
    )
    parser.add_argument(
        "--alpha",
        metavar="P",
        type=float,
        default=0.05,
        help="error rate of all verdicts together (default: 0.05)",
    )
    parser.add_argument("--figure", metavar="FILE", help="draw slope against time step: .png, .svg, .pdf")


def _add_inspect(commands: Any) -> None:
    parser = _command(
        commands,
        "inspect",
        _inspect,
        "Print what a run folder holds.",
        "fluctua inspect runs/squeeze",
        "Spec, digest, counts, failures, columns with units, means with errors, first-law residual.",
    )
    parser.add_argument("run", metavar="DIR", help="a run, or a folder of runs")


def _add_validate(commands: Any) -> None:
    parser = _command(
        commands,
        "validate",
        _validate,
        "Hold the simulator against exact results.",
        "fluctua validate A1 B5",
        "Exit code 1 when a claim is violated or a negative control is not caught.",
    )
    parser.add_argument("cases", metavar="CASE", nargs="*", help="cases by name (default: all)")
    parser.add_argument("--fresh", action="store_true", help="draw new seeds instead of the fixed ones")
    parser.add_argument("--quick", action="store_true", help="fewer trajectories, wider error bars")
    parser.add_argument("--list", action="store_true", help="list the cases and leave")


def _add_demo(commands: Any) -> None:
    parser = _command(
        commands,
        "demo",
        _demo,
        "Run an engine, two driven traps and a negative control, and write a report.",
        "fluctua demo --quick --out /tmp/fluctua-demo",
        "A second call continues or opens what is there.",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=_folder,
        default="fluctua-demo",
        help="the folder (default: fluctua-demo)",
    )
    parser.add_argument("--quick", action="store_true", help="2,000 trajectories each instead of 200,000")
