"""The command ``fluctua run``: from a spec file to a run, or to what the run would cost."""

from __future__ import annotations

import hashlib
import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluctua.cli import show
from fluctua.places import check_readable

if TYPE_CHECKING:
    from fluctua.ensembles.dataset import Dataset
    from fluctua.ensembles.spec import EnsembleSpec


def run(options: Namespace) -> int:
    """Run the specs of a file, and say where the results lie."""
    with _without_idle_imports(options.process_is_ours):
        specs = specs_of(options)
        folder = Path(options.out) if options.out else default_folder(Path(options.spec), specs)
        if options.dry_run:
            expected = forecasts(specs, folder, options.threads)
            show(_told(expected), expected, options)
            return 0
        runs = _simulated(specs, folder, options)
        found = {"folder": str(folder), "runs": [_table(run) for run in runs]}
        show("\n".join(map(repr, runs)), found, options)
        for one in runs:
            one.check_failures()
    return 0


def specs_of(options: Namespace) -> list[EnsembleSpec]:
    """Read the file and change what the command line changes."""
    from fluctua.ensembles.sweep import load_specs
    from fluctua.ensembles.text import read_value

    check_readable(options.spec)
    changes: dict[str, Any] = {path: read_value(value) for path, value in options.set}
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
    laws = [_law(spec) for spec in specs]
    law = laws[0] if len(laws) == 1 else hashlib.sha256("".join(laws).encode()).hexdigest()
    return Path("runs") / f"{file.stem}-{law[:8]}"


def _law(spec: EnsembleSpec) -> str:
    """Give the digest of a spec; where its seed was drawn, another one, which no given seed has."""
    if not spec.seed_was_drawn:
        return spec.digest
    return hashlib.sha256(f"any seed {spec.replace({'seed': 0}).digest}".encode()).hexdigest()


def forecasts(specs: Sequence[EnsembleSpec], folder: Path, threads: int | None) -> dict[str, Any]:
    """Say what the runs, one after the other, will cost, after all the checks that a run begins with."""
    from fluctua.ensembles.forecast import forecast
    from fluctua.ensembles.runner import Run

    for spec in specs:
        Run.prepare(spec, folder)
    expected = [forecast(spec, threads=threads, measure=True) for spec in specs]
    return {
        "folder": str(folder),
        "runs": len(specs),
        "trajectories": sum(one.trajectories for one in expected),
        "time_steps": max(one.time_steps for one in expected),
        "seconds": round(sum(one.seconds or 0.0 for one in expected), 3),
        "memory": max(one.memory for one in expected),
        "disk": sum(one.disk for one in expected),
    }


def _told(expected: dict[str, Any]) -> str:
    from fluctua.ensembles.forecast import shown_bytes

    runs = f", {expected['runs']} runs" if expected["runs"] > 1 else ""
    return (
        f"{expected['time_steps']:,} time steps for each of {expected['trajectories']:,} trajectories{runs}\n"
        f"time    about {_duration(expected['seconds'])}\n"
        f"memory  at most {shown_bytes(expected['memory'])}\n"
        f"disk    about {shown_bytes(expected['disk'])} in {expected['folder']}"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 0.1):.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _simulated(specs: Sequence[EnsembleSpec], folder: Path, options: Namespace) -> list[Dataset]:
    from fluctua.ensembles.runner import simulate
    from fluctua.ensembles.sweep import sweep

    progress = False if options.quiet else None
    try:
        if len(specs) == 1:
            return [simulate(specs[0], folder, threads=options.threads, progress=progress)]
        return list(sweep(specs, folder, threads=options.threads, progress=progress))
    except KeyboardInterrupt:
        kept = f"whole parts are kept in {folder}" if folder.exists() else "no part was whole yet"
        again = command_again(sys.argv[1:], folder)
        raise KeyboardInterrupt(f"{kept}; to go on: {again}") from None


def command_again(typed: Sequence[str], folder: Path) -> str:
    """Return the command that continues a run: what was typed, with the folder; a drawn seed lies there."""
    said = any(word == "--out" or word.startswith("--out=") for word in typed)
    return shlex.join(["fluctua", *typed, *(() if said else ("--out", str(folder)))])


def _table(run: Dataset) -> dict[str, Any]:
    spec = run.spec
    return {
        "path": str(run.path),
        "digest": spec.digest,
        "direction": spec.direction,
        "seed": spec.seed,
        "trajectories": len(run),
        "failed": run.failed,
    }


class _Absent:
    """A finder that says of some modules that they are not installed."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def find_spec(self, name: str, *_: object) -> None:
        if name in self.names:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)


@contextmanager
def _without_idle_imports(process_is_ours: bool) -> Iterator[None]:
    """Keep others from importing what no run uses: a third of a second at start-up.

    Numba imports SciPy's linear algebra, and PyArrow imports pandas, wherever they find them. They remember
    when they did not, so this is done only in a process that does nothing else: elsewhere it would take both
    from the user.
    """
    absent = _Absent(*(("scipy.linalg", "pandas") if process_is_ours else ()))
    sys.meta_path.insert(0, absent)
    try:
        yield
    finally:
        sys.meta_path.remove(absent)
