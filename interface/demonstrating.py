"""The command ``fluctua demo``."""

from __future__ import annotations

import os
from argparse import Namespace

from fluctua.computing import stopped
from fluctua.parsing import Command, Parser, folder
from fluctua.stochastic.errors import InvalidInput


def _add_options(parser: Parser) -> None:
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=folder,
        default="fluctua-demo",
        help="the folder (default: fluctua-demo)",
    )
    parser.add_argument("--quick", action="store_true", help="2,000 trajectories each instead of 200,000")


def demo_command(options: Namespace) -> int:
    """Run the demo, or go on with it."""
    if os.path.lexists(options.out) and not os.path.isdir(options.out):
        raise InvalidInput("not a folder", options.out, "choose another place")
    try:
        from fluctua.demo import run_demo

        code = run_demo(options.out, quick=options.quick, quiet=options.quiet, as_json=options.json)
    except KeyboardInterrupt:
        quick = ["--quick"] if options.quick else []
        there = os.path.isdir(options.out)
        kept = f"whole parts are kept in {options.out}" if there else "no part was whole yet"
        raise stopped(kept, ["demo", *quick, "--out", options.out]) from None
    options.answered = options.json
    return code


COMMANDS = (
    Command(
        "demo",
        demo_command,
        _add_options,
        "Run an engine, two driven traps and a negative control, and write a report.",
        "fluctua demo --quick --out /tmp/fluctua-demo",
        "A second call continues or opens what is there.",
    ),
)
