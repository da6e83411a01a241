"""The command ``fluctua verify``: from folders of runs, or files of others, to a table of verdicts."""

from __future__ import annotations

import shlex
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from fluctua.cli import show
from fluctua.places import check_readable
from fluctua.stochastic.errors import Busy, InvalidInput

if TYPE_CHECKING:
    from fluctua.analysis.verdict import Report
    from fluctua.ensembles.dataset import Dataset, Runs


def verify_command(options: Namespace) -> bool:
    """Judge what was given, print it, and tell whether anything is violated."""
    from fluctua.analysis.given import is_file
    from fluctua.analysis.verify import verify

    if options.watch is not None:
        from fluctua.watching import watched

        return watched(options)
    places = _given(options)
    check_readable(*places, options.entropy)
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
            claims=options.claims,
            tolerance=dict(options.tolerance) or None,
            alpha=options.alpha,
        )
        for group in groups
    ]
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
    from fluctua.ensembles.dataset import Dataset, check_directions
    from fluctua.ensembles.dataset import open as open_run

    opened = open_run(folder)
    for run in [opened] if isinstance(opened, Dataset) else opened:
        if not run.complete:
            raise Busy(
                f"unfinished: {len(run):,} of {run.spec.trajectories:,} trajectories are there",
                str(run.path),
                f"repeat the fluctua run ... --out {shlex.quote(folder)} that began it, and it goes on",
            )
    if not isinstance(opened, Dataset):
        check_directions(opened)
    return opened


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
