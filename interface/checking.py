"""The command ``fluctua check``: whether a run is what was written, and whether all of it is there."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fluctua.cli import show
from fluctua.parsing import Command, Parser
from fluctua.stochastic.errors import Busy, Damaged

if TYPE_CHECKING:
    from fluctua.ensembles.checked import Checked


def _add_options(parser: Parser) -> None:
    parser.add_argument("run", metavar="DIR", help="a run, or a folder of runs")


def check(options: Namespace) -> int:
    """Print what each run holds and all that is wrong with it."""
    from fluctua.ensembles.checking import check_each, missing_runs

    progress = False if options.quiet else None
    found = [_spoken(one, options.run) for one in check_each(options.run, progress=progress)]
    missing = {str(path): why for path, why in missing_runs(options.run, found).items()}
    lines = [*map(str, found), *(f"{path}: missing, {why}" for path, why in missing.items())]
    tables = [one.to_dict() for one in found]
    show("\n".join(lines), {"folder": options.run, "runs": tables, "missing_runs": missing}, options)
    _refuse_damage(found, options.run)
    _refuse_gaps(found, missing, options.run)
    return 0


def _spoken(found: Checked, place: str) -> Checked:
    """Say its remedies as the command line does: the call to be made again is that of the run."""
    from dataclasses import replace

    resume = f", then fluctua resume {shlex.quote(place)}"
    faults = [
        replace(fault, remedy=fault.remedy.replace(" and run the same call again", resume))
        for fault in found.faults
    ]
    return replace(found, faults=tuple(faults))


def _refuse_damage(found: Sequence[Checked], place: str) -> None:
    faults = sum(len(one.faults) for one in found)
    if faults:
        what = f"{faults:,} fault{'s' * (faults > 1)}"
        raise Damaged(what, place, "each stands on stdout with its remedy")


def _refuse_gaps(found: Sequence[Checked], missing: Mapping[str, str], place: str) -> None:
    unfinished = [(one.unfinished, str(one.path)) for one in found if not one.complete]
    unfinished += [(f"a run is missing, {why}", path) for path, why in missing.items()]
    if unfinished:
        others = len(unfinished) - 1
        more = f"; and {others} run{'s' * (others > 1)} more" if others else ""
        what, where = unfinished[0]
        raise Busy(f"sound, but unfinished: {what}{more}", where, f"fluctua resume {shlex.quote(place)}")


COMMANDS = (
    Command(
        "check",
        check,
        _add_options,
        "Find all damage in a run, or in each run of a folder.",
        "fluctua check runs/squeeze",
        "Every checksum, page and row is looked at. Exit code 0: sound and complete; 65: damaged, with a line"
        " for each fault; 75: sound, but unfinished.",
    ),
)
