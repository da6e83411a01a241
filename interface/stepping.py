"""The command ``fluctua time-step``: one spec at several time steps along one Brownian path."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path

from fluctua.cli import notice, show
from fluctua.running import specs_of
from fluctua.stochastic.errors import InvalidInput

PICTURES = (".png", ".svg", ".pdf")


def judge_steps(options: Namespace) -> bool:
    """Run, judge and print; tell whether anything is violated."""
    from fluctua.analysis.shared_path import time_step

    picture = _picture(options.figure)
    options.both = options.reverse = False
    specs = specs_of(options)
    if len(specs) != 1:
        raise InvalidInput(f"{len(specs)} specs in one file", options.spec, "give a file without [sweep]")
    if not options.quiet and _shares_a_path(options.steps, specs[0].time_step):
        _say_what_is_too_few(options.steps)
    report = time_step(
        specs[0],
        options.steps,
        order=options.order,
        tolerance=options.tolerance,
        alpha=options.alpha,
        threads=options.threads,
        progress=False if options.quiet else None,
    )
    if picture is not None:
        report.figure().savefig(picture)
        notice(f"picture: {picture}")
    show(str(report), report.to_dict(), options)
    return report.violated


def _say_what_is_too_few(steps: list[float]) -> None:
    """Say before the run, not after it, that there will be no limit."""
    there = len(set(steps))
    if there < 3:
        notice(f"no limit of short time steps from {there} of them: it needs three, give --steps A,B,C")


def _shares_a_path(steps: list[float], own: float) -> bool:
    """Tell whether these time steps will be run: others are refused, in one line of its own."""
    if not all(math.isfinite(step) and step > 0.0 for step in steps):
        return False
    shortest = min(steps)
    return any(math.isclose(step, own) for step in steps) and all(
        math.isclose(step / shortest, round(step / shortest)) for step in steps
    )


def _picture(name: str | None) -> Path | None:
    """Look at the name of a picture before anything is computed for it."""
    if name is None:
        return None
    path = Path(name)
    if path.suffix not in PICTURES:
        raise InvalidInput(f"{name} is no picture", "--figure", f"end its name in {', '.join(PICTURES)}")
    if not path.parent.is_dir():
        raise InvalidInput("no such folder", str(path.parent), "make it first")
    return path
