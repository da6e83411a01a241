"""The command ``fluctua validate``: the simulator against exact results."""

from __future__ import annotations

from argparse import Namespace

from fluctua.cli import VIOLATED, notice, show
from fluctua.parsing import Command, Parser


def _add_options(parser: Parser) -> None:
    parser.add_argument("cases", metavar="CASE", nargs="*", help="cases by name (default: all)")
    parser.add_argument("--fresh", action="store_true", help="draw new seeds instead of the fixed ones")
    parser.add_argument("--quick", action="store_true", help="fewer trajectories, wider error bars")
    parser.add_argument("--list", action="store_true", help="list the cases and leave")


def validate_command(options: Namespace) -> int:
    """Run cases and print them beside their references."""
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


COMMANDS = (
    Command(
        "validate",
        validate_command,
        _add_options,
        "Hold the simulator against exact results.",
        "fluctua validate A1 B5",
        "Exit code 1 when a claim is violated or a negative control is not caught.",
    ),
)
