"""The commands ``fluctua resume`` and ``fluctua extend``: what lies in a folder, whole or larger.

    resume:  simulate(run.spec, folder)
    extend:  simulate(run.spec.replace({"trajectories": N}), folder)

for a run, or for each of a folder of runs. A pair of which one direction was never begun gets it here: its
spec is that of the other. A run that stops by a rule is resumed under that rule; extended, it has as many
trajectories as are asked for.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluctua.cli import notice
from fluctua.computing import (
    add_workers,
    check_workers,
    code_of,
    show_runs,
    stopped,
    without_idle_imports,
    workers,
)
from fluctua.parsing import Command, Parser, count
from fluctua.shares import rows_there
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from fluctua.analysis.stopped import Stopped
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.spec import EnsembleSpec

Place = tuple["EnsembleSpec", Path]


def _add_resume_options(parser: Parser) -> None:
    parser.add_argument("run", metavar="DIR", help="a run, or a folder of runs")
    add_workers(parser)


def _add_extend_options(parser: Parser) -> None:
    parser.add_argument("run", metavar="DIR", help="a run, or a folder of runs, such as a pair")
    parser.add_argument(
        "--trajectories", metavar="N", type=count, required=True, help="how many each run is to have in all"
    )
    add_workers(parser)


def resume(options: Namespace) -> int:
    """Go on with every run of a folder that is unfinished."""
    check_workers(options)
    ruled = _has_rule(options.run)
    with without_idle_imports(options.process_is_ours and not ruled):
        return _finish(places_in(options.run), options, ruled)


def extend(options: Namespace) -> int:
    """Ask every run of a folder for more trajectories."""
    check_workers(options)
    with without_idle_imports(options.process_is_ours):
        places = places_in(options.run)
        _check_larger(places, options.trajectories)
        larger = {"trajectories": options.trajectories}
        return _finish([(spec.replace(larger), path) for spec, path in places], options)


def _has_rule(folder: str) -> bool:
    """Tell whether a run below a folder stops by a rule; where nothing is, whoever opens it says so."""
    from fluctua.ensembles.manifest import read_until

    return any(read_until(target.parent) is not None for target in Path(folder).rglob("target.json"))


def places_in(folder: str) -> list[Place]:
    """Read the specs of a run, or of all runs of a folder, and where each lies.

    Where one direction of a pair is missing it is added: a run that was stopped before it came to the second
    has the first alone. So are those runs of a sweep that were never begun.
    """
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.runs import open as open_run
    from fluctua.ensembles.sweep import never_begun

    planned = never_begun(folder)
    opened: Dataset | Sequence[Dataset] = open_run(folder) if _is_begun(folder) or not planned else []
    if isinstance(opened, Dataset):
        return [_place(opened)]
    there = {path: spec for spec, path in map(_place, opened)} | planned
    wanted = [place for path, spec in there.items() for place in _with_partner(spec, path)]
    return list({path: (there.get(path, spec), path) for spec, path in wanted}.values())


def _is_begun(folder: str) -> bool:
    from fluctua.ensembles.runs import runs_in

    return any(runs_in(Path(folder)))


def _place(run: Dataset) -> Place:
    assert run.path is not None
    return run.spec, run.path


def _with_partner(spec: EnsembleSpec, path: Path) -> list[Place]:
    """Give a run, and its partner where the folder's name says that it has one; forward first."""
    mine = f"direction={spec.direction}"
    if mine not in path.parts:
        return [(spec, path)]  # after Point or Samples there is no reverse to ask for
    other = f"direction={spec.reversed().direction}"
    partner = Path(*(other if part == mine else part for part in path.parts))
    pair = [(spec, path), (spec.reversed(), partner)]
    return pair if spec.direction == "forward" else pair[::-1]


def _check_larger(places: Sequence[Place], trajectories: int) -> None:
    """Refuse fewer trajectories than any run has been asked for, before one of them is touched."""
    for spec, path in places:
        if spec.trajectories > trajectories:
            raise InvalidInput(
                f"{trajectories:,} are fewer than the {spec.trajectories:,} trajectories of the run",
                f"--trajectories, {path}",
                "a run cannot shrink: give a larger number",
            )


def _finish(places: Sequence[Place], options: Namespace, ruled: bool = False) -> int:
    before: dict[Path | None, int] = {path: rows_there(path) for _, path in places}
    try:
        with workers(options) as words:
            runs, ended = _computed(places, options.run, words, ruled)
    except KeyboardInterrupt:
        raise stopped(f"whole parts are kept in {options.run}", options.typed) from None
    show_runs(options.run, runs, options, [len(run) - before.get(run.path, 0) for run in runs], ended)
    if all(before[path] == spec.trajectories for spec, path in places) and not (ruled or options.quiet):
        notice(f"nothing to do: {options.run} is finished")  # and sound, or it could not have been shown
    return code_of(ended)


def _computed(
    places: Sequence[Place], folder: str, words: dict[str, Any], ruled: bool
) -> tuple[list[Dataset], Stopped | None]:
    if ruled:
        from fluctua.analysis.until import resume_until

        found = resume_until(folder, **words)
        if found is not None:
            return list(found.runs), found
    import fluctua

    return [fluctua.simulate(spec, path, **words) for spec, path in places], None


COMMANDS = (
    Command(
        "resume",
        resume,
        _add_resume_options,
        "Go on with a run that was stopped, or with every unfinished run of a folder.",
        "fluctua resume runs/squeeze",
        "The spec lies in the folder, and so does the rule of --until. What is finished stays as it is.",
    ),
    Command(
        "extend",
        extend,
        _add_extend_options,
        "Ask a run, or all runs of a folder, for more trajectories.",
        "fluctua extend runs/squeeze --trajectories 10_000_000",
        "Those that are there stay, to the bit. The same command again goes on with what was stopped.",
    ),
)
