"""The command ``fluctua time-step``: one spec at several time steps along one Brownian path."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path

from fluctua.cli import VIOLATED, notice, show
from fluctua.computing import add_threads
from fluctua.parsing import Command, Parser, numbers
from fluctua.running import add_changes, specs_of
from fluctua.stochastic.errors import InvalidInput

PICTURES = (".png", ".svg", ".pdf")


def _add_options(parser: Parser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a spec as .toml or .json")
    parser.add_argument(
        "--steps",
        metavar="A,B,C",
        type=numbers,
        required=True,
        help="time steps, whole multiples of the shortest",
    )
    add_changes(parser)
    add_threads(parser)
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


def judge_steps(options: Namespace) -> int:
    """Run, judge and print; the exit code tells whether anything is violated."""
    from fluctua.analysis.shared_path import time_step

    picture = _picture(options.figure)
    options.both = options.reverse = False
    specs = specs_of(options)
    if len(specs) != 1:
        raise InvalidInput(f"{len(specs)} specs in one file", options.spec, "give a file without [sweep]")
    own = specs[0].time_step
    if not options.quiet and own is not None and _shares_a_path(options.steps, own):
        _say_what_is_too_few(options.steps)
    report = time_step(
        specs[0],
        options.steps,
        order=options.order,
        tolerance=options.tolerance,
        alpha=options.alpha,
        threads=options.threads,
        progress=False if options.quiet else None,
    )
    if picture is not None:
        report.figure().savefig(picture)
        notice(f"picture: {picture}")
    show(str(report), report.to_dict(), options)
    return VIOLATED if report.violated else 0


def _say_what_is_too_few(steps: list[float]) -> None:
    """Say before the run, not after it, that there will be no limit."""
    there = len(set(steps))
    if there < 3:
        notice(f"no limit of short time steps from {there} of them: it needs three, give --steps A,B,C")


def _shares_a_path(steps: list[float], own: float) -> bool:
    """Tell whether these time steps will be run: others are refused, in one line of its own."""
    if not all(math.isfinite(step) and step > 0.0 for step in steps):
        return False
    shortest = min(steps)
    return any(math.isclose(step, own) for step in steps) and all(
        math.isclose(step / shortest, round(step / shortest)) for step in steps
    )


def _picture(name: str | None) -> Path | None:
    """Look at the name of a picture before anything is computed for it."""
    if name is None:
        return None
    path = Path(name)
    if path.suffix not in PICTURES:
        raise InvalidInput(f"{name} is no picture", "--figure", f"end its name in {', '.join(PICTURES)}")
    if not path.parent.is_dir():
        raise InvalidInput("no such folder", str(path.parent), "make it first")
    return path


COMMANDS = (
    Command(
        "time-step",
        judge_steps,
        _add_options,
        "Tell a theorem that fails from a time step that is too long.",
        "fluctua time-step examples/squeeze.toml --steps 0.02,0.01,0.005",
        "Runs a spec at several time steps along the same Brownian path and extrapolates the slope of its "
        "fluctuation theorem to short ones. Exit code 1 when it is violated at the spec's own time step or "
        "in the limit.",
    ),
)
