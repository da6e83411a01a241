"""The command ``fluctua run``: from a spec file to a run, or to what the run would cost."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluctua.cli import show
from fluctua.computing import (
    add_workers,
    check_workers,
    code_of,
    show_runs,
    stopped,
    without_idle_imports,
    words_of_workers,
    workers,
)
from fluctua.parsing import Command, Parser, assignment, count, folder, seed, shard
from fluctua.places import check_readable
from fluctua.shares import check_no_pair, grown, places_of, rows_there, tell_shard
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from fluctua.analysis.stopped import Stopped
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.spec import EnsembleSpec


def _add_options(parser: Parser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a spec as .toml or .json")
    parser.add_argument(
        "--out", metavar="DIR", type=folder, help="the run's folder (default: runs/<file>-<digest>)"
    )
    add_changes(parser)
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("--both", action="store_true", help="the run and its reverse, side by side")
    direction.add_argument("--reverse", action="store_true", help="the reverse only")
    parser.add_argument(
        "--shard", metavar="K/N", type=shard, help="compute the K-th of N parts: one job of an array"
    )
    parser.add_argument("--until", metavar="RULE", help='stop when it is decided: "crooks holds within 0.02"')
    add_workers(parser)
    parser.add_argument("--dry-run", action="store_true", help="print steps, time, memory and disk to expect")


def add_changes(parser: Parser) -> None:
    """Add what changes a spec file."""
    parser.add_argument(
        "--trajectories", metavar="N", type=count, help="how many, instead of the file's number"
    )
    parser.add_argument("--seed", metavar="S", type=seed, help="the seed, instead of the file's")
    parser.add_argument(
        "--set",
        metavar="PATH=VALUE",
        type=assignment,
        action="append",
        default=[],
        help="change an entry of the file; VALUE as in TOML; may be repeated",
    )


def run(options: Namespace) -> int:
    """Run the specs of a file, and say where the results lie."""
    check_workers(options)
    with without_idle_imports(options.process_is_ours and options.until is None):
        specs = specs_of(options)
        place = Path(options.out) if options.out else default_folder(Path(options.spec), specs)
        check_no_pair(specs, place)
        if options.dry_run:
            expected = forecasts(specs, place, options.threads, options.shard)
            show(_told(expected), expected, options)
            return 0
        before = [rows_there(path, options.shard) for path in places_of(specs, place)]
        runs, ended = _simulated(specs, place, options)
        there = [rows_there(path, options.shard) for path in places_of(specs, place)]
        computed = [now - then for now, then in zip(there, before, strict=True)]
        show_runs(str(place), runs, options, computed, ended)
        if options.shard is not None and not options.quiet:
            tell_shard(options.shard, place, runs, sum(computed))
    return code_of(ended)


def specs_of(options: Namespace) -> list[EnsembleSpec]:
    """Read the file and change what the command line changes."""
    from fluctua.ensembles.sweep import load_specs
    from fluctua.ensembles.text import read_value

    check_readable(options.spec)
    changes: dict[str, Any] = {path: read_value(value, path) for path, value in options.set}
    changes |= {
        name: getattr(options, name)
        for name in ("trajectories", "seed")
        if getattr(options, name) is not None
    }
    specs = load_specs(options.spec, changes)
    if options.both:
        return [one for spec in specs for one in (spec, spec.reversed())]
    return [spec.reversed() for spec in specs] if options.reverse else specs


def default_folder(file: Path, specs: Sequence[EnsembleSpec]) -> Path:
    """Name a folder by the file and by the law of its runs, so that the same command finds it again.

    A drawn seed is no part of the name: it is drawn anew each time, and gives way to the folder's.
    """
    import hashlib

    laws = [_law(spec) for spec in specs]
    law = laws[0] if len(laws) == 1 else hashlib.sha256("".join(laws).encode()).hexdigest()
    return Path("runs") / f"{file.stem}-{law[:8]}"


def _law(spec: EnsembleSpec) -> str:
    """Give the digest of a spec; where its seed was drawn, another one, which no given seed has."""
    if not spec.seed_was_drawn:
        return spec.digest
    import hashlib

    return hashlib.sha256(f"any seed {spec.replace({'seed': 0}).digest}".encode()).hexdigest()


def forecasts(
    specs: Sequence[EnsembleSpec], folder: Path, threads: int | None, shard: str | None = None
) -> dict[str, Any]:
    """Say what the runs, one after the other, will cost, after all the checks that a run begins with."""
    from fluctua.ensembles.forecast import forecast
    from fluctua.ensembles.run import Run

    for spec in specs:
        Run.prepare(spec, folder)
    expected = [forecast(spec, threads=threads, measure=True, shard=shard) for spec in specs]
    return {
        "folder": str(folder),
        "runs": len(specs),
        **({} if shard is None else {"shard": shard}),
        "trajectories": sum(one.trajectories for one in expected),
        "time_steps": max((spec.time_steps for spec in specs if spec.time_step is not None), default=None),
        "seconds": float(f"{sum(one.seconds or 0.0 for one in expected):.3g}"),
        "memory": max(one.memory for one in expected),
        "disk": sum(one.disk for one in expected),
    }


def _told(expected: dict[str, Any]) -> str:
    from fluctua.ensembles.forecast import shown_bytes

    runs = f", {expected['runs']} runs" if expected["runs"] > 1 else ""
    runs += f", in shard {expected['shard']}" if "shard" in expected else ""
    steps = "" if expected["time_steps"] is None else f"{expected['time_steps']:,} time steps for each of "
    return (
        f"{steps}{expected['trajectories']:,} trajectories{runs}\n"
        f"time    about {_duration(expected['seconds'])}\n"
        f"memory  at most {shown_bytes(expected['memory'])}\n"
        f"disk    about {shown_bytes(expected['disk'])} in {expected['folder']}"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 0.1):.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _simulated(
    specs: Sequence[EnsembleSpec], place: Path, options: Namespace
) -> tuple[list[Dataset], Stopped | None]:
    import fluctua

    try:
        with workers(options) as words:
            words |= {"shard": options.shard}
            if options.until is not None:
                ended = _decided(specs, place, options, words)
                return list(ended.runs), ended
            larger = grown(specs, place, options.quiet)
            if larger is not None:
                return [fluctua.simulate(spec, path, **words) for spec, path in larger], None
            if len(specs) == 1:
                return [fluctua.simulate(specs[0], place, **words)], None
            return list(fluctua.sweep(specs, place, **words)), None
    except KeyboardInterrupt:
        kept = f"whole parts are kept in {place}" if place.exists() else "no part was whole yet"
        raise stopped(kept, command_again(specs, place, options)) from None


def _decided(
    specs: Sequence[EnsembleSpec], place: Path, options: Namespace, words: dict[str, Any]
) -> Stopped:
    """Run until it is decided; what is said of one direction alone names the option that adds the other."""
    from fluctua.analysis.rules import BOTH
    from fluctua.making import run_until

    try:
        return run_until(specs, place, options.until, alone=len(specs) == 1, **words)
    except InvalidInput as error:
        if error.remedy != BOTH:
            raise
        raise InvalidInput(error.what, "--until", "add --both") from None


def command_again(specs: Sequence[EnsembleSpec], place: Path, options: Namespace) -> list[str]:
    """Return the command that goes on with runs: what was typed, where their folders do not yet say it all.

    A drawn seed lies in the folder; a run of a sweep that was not begun is in the file alone.
    """
    if options.shard is None and _begun(specs, place):
        return ["resume", str(place), *words_of_workers(options)]
    said = any(word == "--out" or word.startswith("--out=") for word in options.typed)
    return [*options.typed, *(() if said else ("--out", str(place)))]


def _begun(specs: Sequence[EnsembleSpec], place: Path) -> bool:
    """Tell whether the folders say of every run what it is; a pair is told by either direction."""
    from fluctua.ensembles.manifest import is_run
    from fluctua.ensembles.sweep import folder_of, labels_of

    if len(specs) == 1:
        return is_run(place)
    pairs = [[folder_of(label | way) for way in _ways(label)] for label in labels_of(specs)]
    return all(any(is_run(place / one) for one in pair) for pair in pairs)


def _ways(label: dict[str, Any]) -> list[dict[str, Any]]:
    """Give both directions for a run that has a partner among the others, else nothing to change."""
    return [{"direction": way} for way in ("forward", "reverse")] if "direction" in label else [{}]


COMMANDS = (
    Command(
        "run",
        run,
        _add_options,
        "Simulate what a spec file describes, or go on with it.",
        "fluctua run examples/squeeze.toml --both --trajectories 1e6 --out runs/squeeze\n"
        "fluctua run examples/bead.toml --set dynamics.friction=0.01 --set protocol.steps.drag.duration=0.1\n"
        "fluctua run examples/bead.toml --out runs/bead --shard 3/64\n"
        'fluctua run examples/squeeze.toml --both --out runs/until --until "crooks holds within 0.02"',
        "The same command again continues an unfinished run, opens a finished one, extends one that asks "
        "for more trajectories. A file with a [sweep] table gives a folder of runs.",
    ),
)
