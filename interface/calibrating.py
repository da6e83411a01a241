"""The command ``fluctua calibrate``: how often the verifier errs on data like yours."""

from __future__ import annotations

from argparse import Namespace

from fluctua.cli import show
from fluctua.parsing import Command, Parser, count, folder
from fluctua.places import check_no_spec, check_readable, check_there
from fluctua.stochastic.errors import InvalidInput


def _add_options(parser: Parser) -> None:
    parser.add_argument("--like", metavar="DIR", type=folder, help="a run, a pair, or a file of work")
    for name in ("forward", "reverse"):
        parser.add_argument(f"--{name}", metavar="FILE", type=folder, help=f"{name} work, a file or a run")
    parser.add_argument("--column", metavar="NAME", help="the column of work (default: guessed)")
    parser.add_argument("--units", metavar="U", help="unit of energies in files (default: kT)")
    parser.add_argument("--temperature", metavar="K", type=float, help="in kelvin, for units other than kT")
    parser.add_argument(
        "--ensembles", metavar="R", type=count, default=200, help="of each kind to judge (default: 200)"
    )


def calibrate_command(options: Namespace) -> int:
    """Measure error rates and print them."""
    from fluctua.validation.calibrate import calibrate

    if options.like is None and options.forward is None:
        raise InvalidInput("nothing to be like", "command line", "give --like DIR, or --forward FILE")
    check_there(options.like, "give a run, a pair, or a file of work")
    check_readable(options.like, options.forward, options.reverse)
    check_no_spec(options.like, options.forward, options.reverse)
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


COMMANDS = (
    Command(
        "calibrate",
        calibrate_command,
        _add_options,
        "Measure how often the verifier errs on data like yours.",
        "fluctua calibrate --like runs/squeeze\n"
        "fluctua calibrate --forward pull.csv --reverse back.csv --temperature 298 --units kJ/mol",
        "Ensembles of the same size and dissipation are drawn from a mixture that is fitted to the data and "
        "obeys the theorem, with and without faults, and judged.",
    ),
)
