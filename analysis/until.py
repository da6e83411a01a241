"""A run that goes on until a claim is decided: ``until="crooks holds within 0.02"``.

A rule names a claim and a tolerance of its slope:

``crooks holds within 0.02``
    a run and its reverse, whose trajectories are taken in pairs;
``detailed holds within 0.02``
    a run in a steady state, by its total entropy production.

At fixed sizes what is there is looked at, and the run ends where the bets of
:mod:`~fluctua.analysis.slope_bounds` say ``holds`` or ``violated``, or at the number of trajectories of the
spec, ``undecidable``. These bets may be looked at any number of times; a test for a fixed number of
trajectories that was looked at as often would err several times as often as it says.

The sizes depend on the spec alone, each look is a complete run of its size, and trajectories count in their
order. So the end depends on the spec and the rule and on nothing else: neither on threads nor on where the
run was killed.

The rule is noted in each run's `target.json`, with the outcome once there is one. The same call again opens a
run that has stopped; a narrower tolerance, or a spec that asks for more trajectories, goes on with it; a call
without a rule completes it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from fluctua.analysis.growing import Folders, Growing, InMemory
from fluctua.analysis.rules import Rule, values_of
from fluctua.analysis.slope_bounds import SlopeBounds
from fluctua.analysis.stopped import Stopped
from fluctua.ensembles.estimate import uncertain
from fluctua.ensembles.manifest import is_run, path_of, read_until
from fluctua.ensembles.rows import stored_run
from fluctua.ensembles.runs import runs_in
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.warning import once
from fluctua.stochastic.errors import Damaged, InvalidInput

FIRST = 4_096  # trajectories of the first look
GROWTH = 4  # one more chunk for every four there are, from one look to the next


def looks(limit: int, chunk: int, least: int = 0) -> Iterator[int]:
    """Give the sizes at which a run is looked at.

    Parameters
    ----------
    limit : int
        The last one.
    chunk : int
        Trajectories of a chunk: sizes double up to one, and then grow by a quarter in whole ones.
    least : int
        No size below it, but the limit.
    """
    size = FIRST
    while size < limit:
        if size >= least:
            yield size
        size += size if size < chunk else -(-size // (GROWTH * chunk)) * chunk
    yield limit


def run_until(
    specs: Sequence[EnsembleSpec],
    folder: str | Path | None,
    rule: Rule,
    *,
    alone: bool = False,
    threads: int | None = None,
    executor: Executor | str | None = None,
    progress: bool | None = None,
) -> Stopped:
    """Make a run, or a run and its reverse, until a claim is decided.

    Parameters
    ----------
    specs : sequence of EnsembleSpec
        One, or one and its reverse, as the rule's claim asks for; their trajectories are the limit.
    folder : str or Path, optional
        Where, as in `sweep`.
    rule : Rule
        When to stop.
    alone : bool
        Whether the folder is that of the one run itself, as in `simulate`.
    threads, executor, progress
        As in `simulate`. A line for each look is shown where progress is; the last one unless it is False.

    Returns
    -------
    Stopped

    Raises
    ------
    InvalidInput
        Specs that the rule is not about, or folders that hold something else.
    Unstable, Damaged, StorageError, Busy
        As `simulate`.
    """
    specs = list(specs)
    rule.check(specs)
    growing: Growing
    if folder is None:
        if executor is not None:
            raise InvalidInput(
                "executor without a folder", "executor", "give a folder: its workers write files"
            )
        growing = InMemory(specs, threads=threads, progress=progress)
    else:
        words = {"threads": threads, "executor": executor, "progress": progress}
        noted = rule.table(specs[0].trajectories)
        growing = Folders(specs, path_of(folder), noted, alone=alone, words=words)
    with once():
        stopped = _opened(growing, rule, specs) or _looped(growing, rule, specs, progress)
    if progress is not False:
        print(stopped, file=sys.stderr, flush=True)
    return stopped


def resume_until(folder: str | Path, **words: Any) -> Stopped | None:
    """Go on with a run, or a pair, under the rule that its folder notes; None where there is no rule.

    Parameters
    ----------
    folder : str or Path
        A run, a pair, or one direction of a pair.
    **words
        As those of `run_until`: threads, executor, progress.

    Raises
    ------
    InvalidInput, Unstable, Damaged, StorageError, Busy
        As `run_until`; one half of a pair without the other, several runs of which one still follows a rule,
        a rule that cannot be read.
    """
    path = path_of(folder)
    places = [path] if is_run(path) else [place for _, place in runs_in(path)]
    noted = [read_until(place) for place in places]
    if len(places) > 1 and not _are_pair(places, noted):
        _check_that_none_waits(path, places, noted)
        return None
    if not noted or any(until is None for until in noted):
        return None
    rule, limit = _read(noted[0], places[0])
    spec = stored_run(places[0])[0].replace({"trajectories": limit})
    if rule.claim == "crooks":
        if places[0].name != f"direction={spec.direction}":
            remedy = f"call the folder direction={spec.direction}, beside that of its reverse"
            raise InvalidInput("half of a pair, and not where its other half is", str(places[0]), remedy)
        forward, reverse = sorted((spec, spec.reversed()), key=lambda one: one.direction)
        return run_until([forward, reverse], places[0].parent, rule, **words)
    return run_until([spec], places[0], rule, alone=True, **words)


def _are_pair(places: Sequence[Path], noted: Sequence[Any]) -> bool:
    """Tell whether runs are the two directions of one, and no rule for one run alone is on them."""
    sides = {(place.parent, place.name) for place in places}
    if sides != {(places[0].parent, f"direction={way}") for way in ("forward", "reverse")}:
        return False
    return all(until is None or _read(until, places[0])[0].claim == "crooks" for until in noted)


def _check_that_none_waits(folder: Path, places: Sequence[Path], noted: Sequence[Any]) -> None:
    """Refuse several runs of which one still follows its rule: each has a decision of its own."""
    waiting = [
        (place, _read(until, place)[0])
        for place, until in zip(places, noted, strict=True)
        if until is not None and "outcome" not in until
    ]
    if waiting:
        place, rule = waiting[0]
        first = place.parent if rule.claim == "crooks" else place
        remedy = f"resume each by itself: fluctua resume {shlex.quote(str(first))}"
        raise InvalidInput("several runs here, and rules that stop them one by one", str(folder), remedy)


def _read(noted: Any, place: Path) -> tuple[Rule, int]:
    """Read a rule as it was noted, and the limit."""
    try:
        rule, limit = Rule.parse(noted["rule"]), noted["limit"]
        if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0:
            return rule, limit
    except (KeyError, InvalidInput):
        pass
    raise Damaged("no rule that stops a run", str(place / "target.json"), "restore the file")


def _looped(growing: Growing, rule: Rule, specs: Sequence[EnsembleSpec], progress: bool | None) -> Stopped:
    """Look, judge, and make more, until it is decided."""
    growing.begin()
    known, limit = SlopeBounds.before(rule.tolerance, rule.alpha), specs[0].trajectories
    told = sys.stderr.isatty() if progress is None else progress
    for size in looks(limit, growing.chunk, max(spec.paths for spec in specs)):
        growing.make(size)
        runs = growing.runs()
        for batch in values_of(rule, runs, known.n, size):
            known = known.update(batch)
        looked = f"slope {uncertain(*known.estimate)} after {size:,} of {limit:,}"
        growing.say(f"rule {rule}: looked, {known.decision}, {looked}")
        if known.decision != "undecidable" or size == limit:
            break
        if told:
            print(f"{rule}: {looked}", file=sys.stderr, flush=True)
    growing.end(known.decision)
    stopped = Stopped(runs, rule, known.decision, size, limit, known)
    growing.say(f"stopped by the rule {stopped}")
    return stopped


def _opened(growing: Growing, rule: Rule, specs: Sequence[EnsembleSpec]) -> Stopped | None:
    """Open what has stopped by this rule; None where there is anything to be done."""
    outcome = growing.outcome()
    if outcome is None:
        return None
    runs = growing.runs()
    return Stopped(runs, rule, outcome, len(runs[0]), specs[0].trajectories)
