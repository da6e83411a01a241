"""Several protocols between the same two ends, given as forward work: what is given, and its names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.analysis.given import (
    SUFFIXES,
    KnownDifference,
    groups_of,
    is_file,
    is_list_of_runs,
    is_run,
    notes_of,
    numbers_of,
    opened,
)
from fluctua.analysis.judging import judge_protocol_runs, judge_protocols
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from fluctua.analysis.claims.subject import Rules
    from fluctua.analysis.verdict import Report
    from fluctua.ensembles.dataset import Dataset


def are_several(forward: Any) -> bool:
    """Tell several protocols from one: a list whose items are samples themselves, and no pair of runs."""
    if not isinstance(forward, Sequence) or isinstance(forward, str | bytes) or len(forward) < 2:
        return False
    if all(map(is_run, forward)):
        specs = [run.spec for run in forward]
        differ = all(a.protocol != b.protocol for a, b in combinations(specs, 2))
        return differ and len({spec.direction for spec in specs}) == 1
    return not any(isinstance(item, Real) or _is_plain_text(item) for item in forward)


def _is_plain_text(item: Any) -> bool:
    return isinstance(item, str) and not (is_file(item) or Path(item).is_dir())


def judge_several_protocols(
    forward: Sequence[Any],
    known: KnownDifference,
    rules: Rules,
    wanted: tuple[str, ...],
    *,
    column: str | None = None,
    group: Any = None,
) -> Report:
    """Judge arrays, files or runs, each the forward work of another protocol.

    Raises
    ------
    InvalidInput
        Runs beside numbers, runs with other ends, or runs that met the same noise where ΔF is not known.
    """
    if any(map(is_file, forward)):
        known.size_of_kt()  # a missing temperature is told before a long file is read
    names = _names(forward)
    groups = groups_of(group, len(forward))
    given = [opened(*one[:2], column, one[2]) for one in zip(forward, names, groups, strict=True)]
    for name, value in zip(names, given, strict=True):
        if is_list_of_runs(value):
            raise InvalidInput(f"{len(value)} runs", name, "name one of them")
    if all(map(is_run, given)) and column is None:
        runs = dict(zip(names, given, strict=True))
        _check_ends(runs)
        return judge_protocol_runs(runs, known, rules, wanted)
    samples = [numbers_of(one, column, *rest) for one, *rest in zip(given, groups, names, strict=True)]
    report = judge_protocols(dict(zip(names, samples, strict=True)), known, rules, wanted)
    return report.with_notes(notes_of(samples, forward, ["forward"] * len(forward)))


def _names(forward: Sequence[Any]) -> list[str]:
    """Call each protocol by its file or folder, by its duration, or by its number."""
    if all(map(is_run, forward)):
        durations = [f"duration {run.spec.schedule.duration:g}" for run in forward]
        if len(set(durations)) == len(durations):
            return durations
    names = [_name_of(value) for value in forward]
    if "" in names or len(set(names)) < len(names):
        return [f"protocol {k}" for k in range(1, len(forward) + 1)]
    return names


def _name_of(value: Any) -> str:
    path = value.path if is_run(value) else value
    if not isinstance(path, str | Path):
        return ""
    name = Path(path)
    while name.suffix.lower() in SUFFIXES:
        name = name.with_suffix("")
    return name.name


def _check_ends(runs: Mapping[str, Dataset]) -> None:
    """Refuse runs that do not lead from one equilibrium to one other."""
    first, *others = runs.items()
    for name, run in others:
        if not _same_ends(first[1], run):
            raise InvalidInput(
                "not between the same ends", f"{first[0]}, {name}", "several runs differ in their speed only"
            )


def _same_ends(a: Dataset, b: Dataset) -> bool:
    one, other = a.spec.schedule, b.spec.schedule
    ends = ("start_controls", "end_controls", "start_beta", "end_beta")
    return a.spec.system == b.spec.system and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ends
    )
