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

import math
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.claims import CLAIMS
from fluctua.analysis.growing import Folders, Growing, InMemory, stretch
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.sequential import dissipation_of_pairs
from fluctua.analysis.slope_bounds import SlopeBounds, SlopeInterval, slope_interval
from fluctua.analysis.verdict import check_alpha
from fluctua.ensembles.dataset import Dataset, Runs, runs_in
from fluctua.ensembles.estimate import uncertain
from fluctua.ensembles.manifest import is_run, path_of, read_until
from fluctua.ensembles.rows import Memory, stored_run
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.errors import Damaged, InvalidInput, not_among, shown

Floats = NDArray[np.float64]

FIRST = 4_096  # trajectories of the first look
GROWTH = 4  # one more chunk for every four there are, from one look to the next
BATCH = 65_536  # trajectories judged at a time
KEPT = 2**24  # trajectories whose values may stand in memory at once
SHOWN = ("crooks", "detailed")  # claims that can be shown to hold while one looks
ALPHA = 0.05
_RULE = re.compile(r"\s*([\w-]+)\s+holds\s+within\s+(\S+)(?:\s+at\s+(\S+))?\s*", re.ASCII)
_EXAMPLE = 'write "crooks holds within 0.02"'


@dataclass(frozen=True)
class Rule:
    """When a run stops; made by `Rule.parse`, and ``str(rule)`` gives the text back.

    Attributes
    ----------
    claim : {"crooks", "detailed"}
        What is to be decided.
    tolerance : float
        What counts as equal to 1, of its slope.
    alpha : float
        Error rate of ``violated``, and of ``holds`` at the edge of the tolerance, all looks together.
    """

    claim: str
    tolerance: float
    alpha: float = ALPHA

    @classmethod
    def parse(cls, text: object) -> Rule:
        """Read ``"crooks holds within 0.02"``, or ``"crooks holds within 0.02 at 0.01"`` with an error rate.

        Raises
        ------
        InvalidInput
            Another form, or a claim that cannot be shown to hold while one looks.
        """
        found = _RULE.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise InvalidInput(f"{shown(text)} is no rule", "until", _EXAMPLE)
        _check_claim(found[1])
        tolerance = _number(found[2], "tolerance")
        alpha = ALPHA if found[3] is None else check_alpha(_number(found[3], "error rate"))
        try:
            SlopeBounds.before(tolerance, alpha)
        except InvalidInput as error:
            raise InvalidInput(error.what, "until", error.remedy) from None
        return cls(found[1], tolerance, alpha)

    def __str__(self) -> str:
        """Write it as it is read."""
        rate = "" if self.alpha == ALPHA else f" at {self.alpha!r}"
        return f"{self.claim} holds within {self.tolerance!r}{rate}"

    def table(self, limit: int) -> dict[str, Any]:
        """Return what `target.json` notes, until there is an outcome."""
        return {"rule": str(self), "alpha": self.alpha, "limit": limit}

    def check(self, specs: Sequence[EnsembleSpec]) -> None:
        """Refuse specs that the claim is not about.

        Raises
        ------
        InvalidInput
            No pair, no steady state, or whatever else the claim needs.
        """
        ledgers = [Ledger(Dataset(spec, Memory({}))) for spec in specs]
        if self.claim == "crooks":
            lacking = "" if _partners(specs) else "needs a run and its reverse"
            remedy = "sweep([spec, spec.reversed()], ..., until=...), or --both on the command line"
            if lacking:
                raise InvalidInput(f"crooks {lacking}", "until", remedy)
            missing = next((ledger.no_equilibrium for ledger in ledgers if ledger.no_equilibrium), "")
        else:
            if len(specs) != 1:
                raise InvalidInput("detailed is about one run", "until", "give each run a call of its own")
            still = "" if ledgers[0].stationary else "needs controls and temperatures that do not change"
            missing = ledgers[0].lacks_entropy or still
        if missing:
            raise InvalidInput(f"{self.claim} {missing}", "until", "leave the rule out")


def _check_claim(claim: str) -> None:
    remedy = "take crooks, with a reverse run, or detailed, in a steady state"
    if claim in ("jarzynski", "integral"):
        what = (
            f"{claim} can be violated while one looks, but never be shown to hold: its average has no bound"
        )
        raise InvalidInput(what, "until", remedy)
    if claim in CLAIMS and claim not in SHOWN:
        raise InvalidInput(f"{claim} cannot be shown to hold while one looks", "until", remedy)
    if claim not in SHOWN:
        raise not_among(claim, "claim", SHOWN, "until")


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"{shown(text)} is no {what}", "until", _EXAMPLE) from None


def _partners(specs: Sequence[EnsembleSpec]) -> bool:
    if len(specs) != 2 or not specs[0].initial.reversible:
        return False
    return specs[0].reversed().digest == specs[1].digest and specs[0].trajectories == specs[1].trajectories


# ---- how it ended --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stopped:
    """How a run under a rule ended.

    Attributes
    ----------
    runs : Runs
        What is there.
    rule : Rule
        The rule.
    outcome : {"holds", "violated", "undecidable"}
        What was decided; ``undecidable`` at the limit.
    trajectories : int
        After how many, in each direction.
    limit : int
        Of how many.
    known : SlopeBounds, optional
        What was won; none where the run had stopped before and was only opened.
    """

    runs: Runs
    rule: Rule
    outcome: str
    trajectories: int
    limit: int
    known: SlopeBounds | None = None

    @cached_property
    def interval(self) -> SlopeInterval | None:
        """The slope and its interval, from the rows; none where the run was only opened."""
        if self.known is None:
            return None
        batches = partial(_values, self.rule, self.runs, 0, self.known.n)
        if self.known.n <= KEPT:
            batches = partial(iter, list(batches()))
        return slope_interval(batches, self.known)

    def __str__(self) -> str:
        """Write one line."""
        said = f"{self.rule}: {self.outcome}"
        if self.interval is not None:
            said += f", {_told(self.interval)}"
        things = "pairs" if self.rule.claim == "crooks" else "trajectories"
        return f"{said}, after {self.trajectories:,} of {self.limit:,} {things}"


def _told(found: SlopeInterval) -> str:
    if math.isinf(found.low) and math.isinf(found.high):
        return "slope unknown"
    width = max(end for end in (found.slope - found.low, found.high - found.slope) if math.isfinite(end))
    digits = max(0, 1 - math.floor(math.log10(width))) if width > 0.0 else 3
    low, slope, high = (f"{value:.{digits}f}" for value in (found.low, found.slope, found.high))
    return f"slope {slope}, from {low} to {high} ({100 * found.level:.3g} %)"


# ---- the loop ------------------------------------------------------------------------------------


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
        As `run_until`; one half of a pair without the other, a rule that cannot be read.
    """
    path = path_of(folder)
    places = [path] if is_run(path) else [place for _, place in runs_in(path)]
    noted = [read_until(place) for place in places]
    if not noted or noted[0] is None or any(until is None for until in noted) or len(places) > 2:
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
        for batch in _values(rule, runs, known.n, size):
            known = known.update(batch)
        if known.decision != "undecidable" or size == limit:
            break
        if told:
            line = f"{rule}: slope {uncertain(*known.estimate)} after {size:,} of {limit:,}"
            print(line, file=sys.stderr, flush=True)
    growing.end(known.decision)
    return Stopped(runs, rule, known.decision, size, limit, known)


def _opened(growing: Growing, rule: Rule, specs: Sequence[EnsembleSpec]) -> Stopped | None:
    """Open what has stopped by this rule; None where there is anything to be done."""
    outcome = growing.outcome()
    if outcome is None:
        return None
    runs = growing.runs()
    return Stopped(runs, rule, outcome, len(runs[0]), specs[0].trajectories)


def _values(rule: Rule, runs: Sequence[Dataset], first: int, last: int) -> Iterator[Floats]:
    """Give what the claim is about, of trajectories `first` to `last`, in their order and in batches."""
    for start in range(first, last, BATCH):
        parts = [stretch(run, start, min(start + BATCH, last)) for run in runs]
        if rule.claim == "crooks":
            work = [Ledger(part).work[rows] for part, rows in parts]
            yield dissipation_of_pairs(*work)
        else:
            (part, rows), *_ = parts
            s = Ledger(part).total_entropy()
            if isinstance(s, str):
                raise InvalidInput(f"detailed {s}", "until", "fluctua verify says what can be judged")
            yield s[rows]
