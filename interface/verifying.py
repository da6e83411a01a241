"""The command ``fluctua verify``: from folders of runs, or files of others, to a table of verdicts."""

from __future__ import annotations

import shlex
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from fluctua.cli import VIOLATED, show
from fluctua.parsing import Command, Parser, folder, names, tolerance
from fluctua.places import check_no_spec, check_readable
from fluctua.stochastic.errors import Busy, InvalidInput

if TYPE_CHECKING:
    from fluctua.analysis.verdict import Report, Verdict
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.runs import Runs


def _add_options(parser: Parser) -> None:
    parser.add_argument(
        "runs",
        metavar="DIR|FILE",
        nargs="*",
        help="a run, a run and its reverse, a folder of runs, or work in one or two files",
    )
    parser.add_argument(
        "--forward",
        metavar="FILE",
        type=folder,
        action="append",
        help="work of the process, a file or a run; again for each further speed of the same process",
    )
    for name, what in (
        ("reverse", "work of its reverse"),
        ("entropy", "total entropy production in k_B, instead of work"),
    ):
        parser.add_argument(f"--{name}", metavar="FILE", type=folder, help=f"{what}, a file or a run")
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
        type=names,
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
        "--current",
        metavar="FORMULA",
        help="an integrated current of columns, for the uncertainty relation and the exchange theorem",
    )
    parser.add_argument(
        "--affinity",
        metavar="X",
        type=float,
        help="what the exchange of one unit produces, in k_B; a file then holds what was exchanged, not work",
    )
    parser.add_argument(
        "--irreversible-weight",
        metavar="P",
        type=float,
        help="the probability, in the reverse process, of what the start of the forward process leaves out "
        "(a run knows its own)",
    )
    parser.add_argument(
        "--watch",
        metavar="DIR",
        type=folder,
        help="bet against the theorems while a run, or a pair, is written; ends when a bet is lost",
    )
    parser.add_argument(
        "--tolerance",
        metavar="NAME=X",
        type=tolerance,
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


def verify_command(options: Namespace) -> int:
    """Judge what was given and print it; the exit code tells whether anything is violated."""
    return VIOLATED if _judged(options) else 0


def _judged(options: Namespace) -> bool:
    from fluctua.analysis.given import is_file
    from fluctua.analysis.verify import verify

    if options.watch is not None:
        from fluctua.watching import watched

        return watched(options)
    places = _given(options)
    check_readable(*places, options.entropy)
    check_no_spec(*places, options.entropy)
    given: list[Any] = [place if is_file(place) else _whole(place) for place in places]
    _check_alone(places, given)
    entropy = options.entropy
    if entropy is not None and not is_file(entropy):
        from fluctua.ensembles.dataset import Dataset

        entropy = _whole(entropy)
        if not isinstance(entropy, Dataset):
            run = next(str(run.path) for run in entropy)
            raise InvalidInput(
                "a folder of runs, not one", f"--entropy, {options.entropy}", f"give one: {run}"
            )
    if options.temperature is not None and options.units is None:
        raise InvalidInput("a temperature without units", "--temperature", "add --units, such as kJ/mol")
    if len(options.forward or ()) > 1:
        given = [given]  # several protocols, judged together
    groups = _pairs(given[0]) if len(given) == 1 and not isinstance(given[0], str | list) else [tuple(given)]
    reports = [
        verify(
            *group,
            entropy=entropy,
            column=options.column,
            group=options.group,
            units=options.units or "kT",
            temperature=options.temperature,
            delta_f=options.delta_f,
            success=options.success,
            current=options.current,
            affinity=options.affinity,
            irreversible_weight=options.irreversible_weight,
            claims=options.claims,
            tolerance=dict(options.tolerance) or None,
            alpha=options.alpha,
        )
        for group in groups
    ]
    reports = [_spoken(report) for report in reports]
    found = [_json_of(report) for report in reports]
    show("\n\n".join(map(str, reports)), found[0] if len(found) == 1 else found, options)
    return any(report.outcome == "violated" for report in reports)


def _given(options: Namespace) -> list[str]:
    """Return the places of the work, the forward one first: they stand bare, or behind their names."""
    forward = options.forward or []
    if len(forward) > 1 and options.reverse is not None:
        remedy = "judge each protocol beside its own reverse"
        raise InvalidInput("several protocols and one reverse", "--reverse", remedy)
    named = [place for place in (*forward, options.reverse) if place is not None]
    if options.reverse is not None and not forward and len(options.runs) == 1:
        named = [*options.runs, options.reverse]
    elif options.runs and named:
        raise InvalidInput("places both bare and named", "command line", "give --forward and --reverse alone")
    elif options.reverse is not None and not forward:
        raise InvalidInput("a reverse without a forward", "--reverse", "add --forward")
    found = named or list(options.runs)
    if len(found) > 2 and len(forward) < 2:
        remedy = "give a run, a run and its reverse, a folder of runs, or one or two files"
        raise InvalidInput(f"{len(found)} places", "command line", remedy)
    if not found and options.entropy is None:
        raise InvalidInput(
            "nothing to judge", "command line", "give a run or a file; see fluctua verify --help"
        )
    return found


def _check_alone(places: list[str], given: list[Any]) -> None:
    """Refuse a folder of runs beside another place: it is no single process."""
    for place, one in zip(places, given, strict=True):
        if len(given) > 1 and not isinstance(one, str) and hasattr(one, "labels"):
            run = next(str(run.path) for run in one)
            raise InvalidInput(
                "a folder of runs beside another place", place, f"give it alone, or one run of it: {run}"
            )


def _whole(folder: str) -> Dataset | Runs:
    """Open what verdicts may rest on: runs that are finished, with their partners."""
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.runs import check_directions
    from fluctua.ensembles.runs import open as open_run

    opened = open_run(folder)
    for run in [opened] if isinstance(opened, Dataset) else opened:
        if not run.complete:
            raise Busy(
                f"unfinished: {len(run):,} of {run.spec.trajectories:,} trajectories are there",
                str(run.path),
                f"fluctua resume {shlex.quote(folder)} goes on",
            )
    if not isinstance(opened, Dataset):
        _check_begun(folder)
        check_directions(opened)
    return opened


def _check_begun(folder: str) -> None:
    """Refuse a sweep of which runs are still to come: the others would be taken for all."""
    from fluctua.ensembles.sweep import never_begun

    missing = list(never_begun(folder))
    if missing:
        more = f" and {len(missing) - 1:,} more" if missing[1:] else ""
        raise Busy(
            f"unfinished: a run of the sweep was never begun{more}",
            str(missing[0]),
            f"fluctua resume {shlex.quote(folder)} goes on",
        )


def _spoken(report: Report) -> Report:
    """Say what a report lacks in options."""
    from dataclasses import replace

    from fluctua.wording import on_command_line

    def spoken(one: Verdict) -> Verdict:
        measured, reason = (on_command_line(text, "verify") for text in (one.measured, one.reason))
        return replace(one, measured=measured, reason=reason)

    return replace(report, verdicts=tuple(map(spoken, report.verdicts)))


def _json_of(report: Report) -> Any:
    """Return a report as the objects of its JSON text."""
    import json

    return json.loads(report.to_json())


def _pairs(runs: Dataset | Runs) -> list[tuple[Dataset, ...]]:
    """Put each run of a folder beside its reverse, where that is there too."""
    from fluctua.ensembles.dataset import Dataset

    if isinstance(runs, Dataset):
        return [(runs,)]
    reverse = {run.spec.digest: run for run in runs if run.spec.direction == "reverse"}
    found: list[tuple[Dataset, ...]] = []
    for run in runs:
        if run.spec.direction == "forward":
            partner = reverse.pop(run.spec.reversed().digest, None)
            found.append((run,) if partner is None else (run, partner))
    return found + [(run,) for run in reverse.values()]


COMMANDS = (
    Command(
        "verify",
        verify_command,
        _add_options,
        "Judge the fluctuation theorems in runs, or in files of your own: one direction, or both.",
        "fluctua verify runs/squeeze\n"
        "fluctua verify runs/drag runs/drag-reverse --claims crooks,jarzynski --tolerance slope=0.02\n"
        "fluctua verify --forward pull.csv --reverse back.csv --temperature 298 --units kJ/mol\n"
        "fluctua verify --entropy steady.parquet --column s_tot\n"
        "fluctua verify --forward counted.csv --affinity 1.5\n"
        "fluctua verify --watch runs/squeeze",
        "Files hold work as measured in each direction, positive where it is done on the system: CSV, TSV, "
        "columns with blanks between, .xvg, Parquet, or gzip of these. With --affinity they hold what was "
        "exchanged. Exit code 0 when no claim is violated, 1 when one is.",
    ),
)
