"""The demo: an engine, two driven traps and a negative control, from trajectories to a report.

    runs (Parquet) -> numbers beside their references, verdicts -> a table on stdout, report.html

All comes out as expected when every number lies within four standard errors of its reference, no claim is
violated, and the control, which is wrong on purpose, is found to be. A second call opens what is there, or
goes on with it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluctua.demo_checks import Pair, Part, control_part, engine_part, traps_part
from fluctua.demo_page import printed, summary, write_page
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.manifest import is_run, read_target
from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Isothermal, Protocol
from fluctua.validation import se1_stirling as se1

FULL, QUICK = 200_000, 2_000
PATHS, PATH_EVERY = 2_000, 150  # enough for the work diagram
TRAP = Potential("k/2 * (x - c)**2", coordinates="x", controls=("k", "c"))


@dataclass(frozen=True)
class Demo:
    """All parts, where they lie, and how long each section took."""

    parts: Sequence[Part]
    page: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether all came out as expected."""
        return all(part.passed for part in self.parts)

    @property
    def summary(self) -> str:
        """One sentence."""
        return summary(self.parts)

    def __str__(self) -> str:
        """Write the table, the sentence, and where to look next."""
        took = f"{sum(self.seconds.values()):.0f} s"
        return "\n\n".join([*(printed(part) for part in self.parts), f"{self.summary} ({took})\n{self.page}"])

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as plain data."""
        return {
            "passed": self.passed,
            "summary": self.summary,
            "report": str(self.page),
            "seconds": self.seconds,
            "parts": [part.to_dict() for part in self.parts],
        }


def run_demo(
    out: str | Path = "fluctua-demo",
    *,
    quick: bool = False,
    quiet: bool = False,
    as_json: bool = False,
    threads: int | None = None,
) -> int:
    """Run the demo and print what came out.

    Parameters
    ----------
    out : str or Path
        The folder of the runs and the report; what an earlier demo left there is opened or continued.
    quick : bool
        2,000 trajectories each instead of 200,000; the control, which is short, keeps all.
    quiet, as_json : bool
        Print nothing, or print JSON.
    threads : int, optional
        As for `simulate`.

    Returns
    -------
    int
        0 when all came out as expected, 1 when not.
    """
    found = demo(Path(out), QUICK if quick else FULL, threads=threads, progress=False if quiet else None)
    if as_json:
        print(json.dumps(found.to_dict(), indent=2, allow_nan=False))
    elif not quiet:
        print(found)
    return 0 if found.passed else 1


def demo(out: Path, trajectories: int, *, threads: int | None = None, progress: bool | None = None) -> Demo:
    """Run all parts and write the report.

    Parameters
    ----------
    out : Path
        The folder.
    trajectories : int
        Of each run but the control.
    threads, progress
        As for `simulate`.
    """
    engines, traps, control = engine_specs(trajectories), trap_specs(trajectories), control_spec()
    clock, make = _Clock(progress), _Maker(out, threads, progress)
    with _compiling_ahead([] if out.exists() else [engines[0], *traps.values(), control]):
        cycles = [
            make.run(spec, f"engine/friction={spec.dynamics.table()['friction']:g}") for spec in engines
        ]
        clock.lap("engine simulated")
        pairs = {name: make.pair(spec, name.replace(" ", "-")) for name, spec in traps.items()}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="time_step")  # too long a step is what the control is
            wrong = make.pair(control, "control")
        clock.lap("traps simulated", "judging")
    parts = engine_part(cycles), traps_part(pairs), control_part(wrong)
    clock.lap("judged", "writing the report")
    page = write_page(*parts, out / "report.html")
    clock.lap("report written")
    return Demo(parts, page, clock.seconds)


class _Clock:
    """Seconds of each section, and on a terminal a line that names the one that is on."""

    def __init__(self, shown: bool | None) -> None:
        self.seconds: dict[str, float] = {}
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._last = time.perf_counter()

    def lap(self, done: str, following: str = "") -> None:
        """Count the time since the last lap, and say what follows."""
        now = time.perf_counter()
        self.seconds[done] = round(now - self._last, 2)
        self._last = now
        if self._shown:
            print(f"\r{following:<30}", end="\r", file=sys.stderr, flush=True)


# ---- the runs


def engine_specs(trajectories: int) -> list[EnsembleSpec]:
    """Give the benchmark Stirling cycle SE-1 at three frictions, three cycles from equilibrium each.

    All share a seed, and with it the noise: what differs between frictions is known better than each number.
    """
    changes = {"trajectories": trajectories, "paths": PATHS, "path_every": PATH_EVERY}
    return se1.spec(1.0, 1).replace(changes).vary({"dynamics.friction": list(se1.LIMIT_CYCLE)})


def trap_specs(trajectories: int) -> dict[str, EnsembleSpec]:
    """Give a trap that is dragged at constant speed, and one that is stiffened at rest."""
    drag = Protocol([Isothermal(2.0, c=(0.0, 2.0))], beta=1.0, k=1.0)
    return {
        "dragged trap": _trap(drag, trajectories, time_step=0.002, seed=2),
        "breathing trap": _trap(_squeeze(), trajectories, time_step=0.001, seed=3),
    }


def control_spec() -> EnsembleSpec:
    """Give the breathing trap in 20 steps: its protocol work alone must be seen to break Crooks' theorem.

    It keeps all its trajectories in a quick demo: 2,000 could not tell.
    """
    return _trap(_squeeze(), FULL, time_step=0.05, seed=4)


def _squeeze() -> Protocol:
    return Protocol([Isothermal(1.0, k=(1.0, 4.0))], beta=1.0, c=0.0)


def _trap(protocol: Protocol, trajectories: int, *, time_step: float, seed: int) -> EnsembleSpec:
    return EnsembleSpec(
        TRAP, Overdamped(friction=1.0), protocol, trajectories=trajectories, time_step=time_step, seed=seed
    )


@contextmanager
def _compiling_ahead(specs: Sequence[EnsembleSpec]) -> Iterator[None]:
    """Compile kernels in the order of need while the first runs are on their way.

    What goes wrong here goes wrong again, and is reported, where the kernel is used.
    """

    def compile_all() -> None:
        with suppress(Exception):
            for spec in specs:
                propagator_of(spec).compile()

    ahead = threading.Thread(target=compile_all)
    ahead.start()
    try:
        yield
    finally:
        ahead.join()


@dataclass(frozen=True)
class _Maker:
    """Makes runs with the same options."""

    out: Path
    threads: int | None
    progress: bool | None

    def run(self, spec: EnsembleSpec, folder: str) -> Dataset:
        """Simulate, continue, or open all that a larger demo left there."""
        path = self.out / folder
        if is_run(path):
            there = read_target(path)
            spec = spec.replace({"trajectories": max(there, spec.trajectories)})
        return simulate(spec, path, threads=self.threads, progress=self.progress)

    def pair(self, spec: EnsembleSpec, folder: str) -> Pair:
        """Make a run and its reverse."""
        forward, reverse = (
            self.run(one, f"{folder}/direction={one.direction}") for one in (spec, spec.reversed())
        )
        return forward, reverse
