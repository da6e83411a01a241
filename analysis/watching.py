"""A run judged while it grows: bets against the theorems, chunk by chunk, until one is lost.

Only bets (:mod:`~fluctua.analysis.sequential`) may be looked at again and again, so these are watched:

``crooks``
    pairs of a forward and a reverse trajectory of the same number, whose dissipated work obeys the detailed
    theorem whatever the free-energy difference;
``jarzynski``
    work less a known free-energy difference, from above;
``integral``, ``detailed``
    total entropy production, in a steady state.

Chunks count in the order of their numbers, though they may finish in another: which is done first can depend
on what is in it, and the order of bets must not. A chunk that is missing holds up those behind it.

A watch ends in ``violated``, or without a word: that a theorem *holds* is for `verify` to say, on the
complete run.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.claims import CLAIMS
from fluctua.analysis.given import check_partners
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.parts import p_is
from fluctua.analysis.sequential import Theorem, Wealth, dissipation_of_pairs, wealth_against
from fluctua.analysis.verdict import check_alpha
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.manifest import is_run, path_of, read_until
from fluctua.ensembles.rows import Files
from fluctua.ensembles.runs import runs_in
from fluctua.ensembles.spec import DIRECTIONS
from fluctua.stochastic.errors import InvalidInput, not_among, shown

Floats = NDArray[np.float64]

BETS: dict[str, Theorem] = {
    "crooks": "detailed",
    "jarzynski": "integral",
    "integral": "integral",
    "detailed": "detailed",
}


@dataclass(frozen=True)
class Watched:
    """What the bets have won so far; plain data.

    Attributes
    ----------
    place : str
        The folder.
    there : tuple of int
        Trajectories that are there without a gap, in each run.
    target : int
        Trajectories that are asked for, in each direction.
    alpha : float
        Error rate of all bets together.
    wealths : mapping of str to Wealth
        By claim. With several, each has its share of the error rate.
    complete : bool
        Whether nothing more will come.
    """

    place: str
    there: tuple[int, ...]
    target: int
    alpha: float
    wealths: Mapping[str, Wealth]
    complete: bool = False

    @property
    def violated(self) -> tuple[str, ...]:
        """Claims whose bets have won, at the error rate of all together."""
        share = self.alpha / len(self.wealths)
        return tuple(claim for claim, wealth in self.wealths.items() if wealth.crossed(share))

    @property
    def settled(self) -> bool:
        """Whether all that is there has been counted."""
        return all(
            wealth.n >= (min(self.there) if claim == "crooks" else self.there[0])
            for claim, wealth in self.wealths.items()
        )

    @property
    def outcome(self) -> str:
        """``violated`` or ``undecidable``."""
        return "violated" if self.violated else "undecidable"

    def p_adjusted(self, claim: str) -> float:
        """Return the p-value of a claim, valid at any time, with all claims counted."""
        return min(1.0, len(self.wealths) * self.wealths[claim].p_value)

    def __str__(self) -> str:
        """Write one line."""
        said = ", ".join(self._line(claim) for claim in self.wealths)
        whole = self.complete and not self.violated
        end = f"; complete: fluctua verify {self.place} judges it" if whole else ""
        there = " + ".join(f"{rows:,}" for rows in self.there)
        return f"{there} of {self.target:,} trajectories: {said}{end}"

    def _line(self, claim: str) -> str:
        wealth, p = self.wealths[claim], p_is(self.p_adjusted(claim))
        if claim not in self.violated:
            return f"{claim} {p}"
        things = "pairs" if claim == "crooks" else "trajectories"
        return f"{claim} violated ({p} after {wealth.n:,} {things})"

    def to_dict(self) -> dict[str, Any]:
        """Give the state as plain data."""
        return {
            "place": self.place,
            "there": list(self.there),
            "target": self.target,
            "complete": self.complete,
            "alpha": self.alpha,
            "outcome": self.outcome,
            "claims": [
                {
                    "claim": claim,
                    "outcome": "violated" if claim in self.violated else "undecidable",
                    "n": wealth.n,
                    "log_e_value": wealth.log_e_value,
                    "p_value": wealth.p_value,
                    "p_adjusted": self.p_adjusted(claim),
                }
                for claim, wealth in self.wealths.items()
            ],
        }


def watch(
    folder: str | Path,
    claims: str | Iterable[str] | None = None,
    *,
    alpha: float = 0.05,
    delta_f: float | None = None,
    poll: float = 1.0,
    patience: float = math.inf,
    wait: Callable[[float], object] = time.sleep,
) -> Iterator[Watched]:
    """Bet against the theorems of a run, or of a pair, while others write it.

    Parameters
    ----------
    folder : str or Path
        A run directory, or the folder of a run and its reverse; of these the second may still be missing.
    claims : str or iterable of str, optional
        Of ``crooks``, ``jarzynski``, ``integral``, ``detailed``; by default those that apply.
    alpha : float
        Chance that anything true is called violated, however often and however long one looks.
    delta_f : float, optional
        Known free-energy difference of the forward process in kT; left out, that of the spec.
    poll : float
        Seconds between two looks for new parts.
    patience : float
        Seconds without a new part after which the watch ends; by default it waits for the last one.
    wait : callable
        How to let `poll` seconds pass.

    Yields
    ------
    Watched
        At the first look, after each chunk, and at the end. The watch ends where something is violated or all
        runs are complete.

    Raises
    ------
    InvalidInput
        No run, runs that are no pair, a claim that cannot be watched here.
    Unstable
        Some trajectories failed.
    Damaged
        Files are not what was written.
    """
    check_alpha(alpha)
    if not poll > 0.0:
        raise InvalidInput(f"{shown(poll)} is no time between looks", "poll", "give seconds, above 0")
    paths = _paths(path_of(folder))
    look = _Look.at(paths, delta_f)
    wealths = {claim: wealth_against(BETS[claim]) for claim in _chosen(claims, look)}
    state = look.of(Watched(str(folder), (), 0, alpha, wealths))
    yield state
    quiet = 0.0
    while True:
        for after in look.advance(state):
            yield (state := after)
            if state.violated:
                return
        if look.complete or quiet >= patience:
            yield replace(state, complete=look.complete)
            return
        wait(poll)
        before, look = look, _Look.at(paths, delta_f)
        quiet = 0.0 if look.rows != before.rows else quiet + poll
        state = look.of(state)


# ---- what is there


def _paths(folder: Path) -> list[Path]:
    """Return where the run is, or the two of a pair, of which the second may not be there yet."""
    if is_run(folder):
        return [folder]
    found = list(runs_in(folder))
    if found and all(set(label) == {"direction"} for label, _ in found):
        paths = [folder / f"direction={direction}" for direction in DIRECTIONS]
        if is_run(paths[0]):
            return paths
        raise InvalidInput("no forward run there", str(folder), "watch the reverse run by itself")
    if len(found) != 1:
        many = f"{len(found)} runs, neither one nor a pair" if found else "no run there"
        raise InvalidInput(many, str(folder), "a run is a folder with a manifest.json")
    return [found[0][1]]


@dataclass(frozen=True)
class _Look:
    """What is there of the runs at one time, the forward one first."""

    sources: tuple[Files, ...]
    expected: int
    delta_f: float | None
    ruled: bool  # a rule is still to decide how many trajectories there are to be

    @classmethod
    def at(cls, paths: Sequence[Path], delta_f: float | None) -> _Look:
        # Before the parts: a rule that has decided by now asks for no more than they will be.
        ruled = any(_goes_on(path) for path in paths if is_run(path))
        sources = tuple(Files(path, partial=True) for path in paths if is_run(path))
        if len(sources) > 1:
            check_partners(*(Dataset(source.spec, source) for source in sources))
        forward = Ledger(_chunk(sources[0], slice(0, 0)))
        return cls(sources, len(paths), forward.delta_f() if delta_f is None else delta_f, ruled)

    @property
    def rows(self) -> tuple[int, ...]:
        """How many trajectories are there without a gap, in each run."""
        return tuple(source.rows for source in self.sources) + (0,) * (self.expected - len(self.sources))

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, and no rule asks for more."""
        whole = len(self.sources) == self.expected and all(s.rows == s.target for s in self.sources)
        return whole and not self.ruled

    def of(self, state: Watched) -> Watched:
        """Return the state with what is there."""
        return replace(state, there=self.rows, target=max(source.target for source in self.sources))

    def advance(self, state: Watched) -> Iterator[Watched]:
        """Give the state after each further chunk of each claim."""
        for claim in state.wealths:
            needed = self.rows if claim == "crooks" else self.rows[:1]
            while state.wealths[claim].n < min(needed):
                wealth = state.wealths[claim]
                after = wealth.update(self._values(claim, wealth.n))
                state = replace(state, wealths={**state.wealths, claim: after})
                yield state

    def _values(self, claim: str, first: int) -> Floats:
        """Return what is there of one chunk, from one trajectory on."""
        chunk, seen = divmod(first, self.sources[0].chunk)
        sources = self.sources if claim == "crooks" else self.sources[:1]
        ledgers = [Ledger(_chunk(source, slice(chunk, chunk + 1))) for source in sources]
        if claim == "crooks":
            return dissipation_of_pairs(ledgers[0].work, ledgers[1].work)[seen:]
        if claim == "jarzynski":
            return ledgers[0].work[seen:] - (self.delta_f or 0.0)
        s = ledgers[0].total_entropy()
        if isinstance(s, str):
            raise InvalidInput(s, claim, "leave this claim out")
        return s[seen:]


def _chunk(source: Files, chunks: slice) -> Dataset:
    """Return some chunks of a run as a run of its own."""
    few = copy.copy(source)
    few.parts = source.parts[chunks]
    few.rows = sum(part.rows for part in few.parts)
    return Dataset(source.spec, few)


def _goes_on(path: Path) -> bool:
    """Tell whether a rule is still to decide how many trajectories a run is to have."""
    noted = read_until(path)
    return noted is not None and "outcome" not in noted


# ---- what can be watched


def _chosen(claims: str | Iterable[str] | None, look: _Look) -> list[str]:
    """Return the claims that are watched, in the order of the table."""
    lacking = _lacking(look)
    if claims is None:
        usual = [claim for claim in ("crooks", "jarzynski") if not lacking[claim]]
        usual = usual or [claim for claim in ("detailed", "integral") if not lacking[claim]][:1]
        if not usual:
            what = f"nothing to watch: {lacking['jarzynski']}"
            raise InvalidInput(what, "claims", "verify the complete run")
        return usual
    wanted = [claims] if isinstance(claims, str) else list(claims)
    for claim in wanted:
        if claim in CLAIMS and claim not in BETS:
            remedy = f"those that can are {', '.join(BETS)}; fluctua verify judges all on the complete run"
            raise InvalidInput(f"{claim} cannot be watched", "claims", remedy)
        if claim not in BETS:
            raise not_among(claim, "claim", list(BETS), "claims")
        if lacking[claim]:
            raise InvalidInput(f"{claim} {lacking[claim]}", "claims", "leave it out")
    return [claim for claim in BETS if claim in wanted]


def _lacking(look: _Look) -> dict[str, str]:
    """Say for each claim what is missing; empty where nothing is."""
    run = Ledger(_chunk(look.sources[0], slice(0, 0)))
    still = "" if run.stationary else "needs controls and temperatures that do not change"
    return {
        "crooks": run.no_equilibrium or ("" if look.expected > 1 else "needs reverse data"),
        "jarzynski": run.no_equilibrium
        or ("" if look.delta_f is not None else "needs a known ΔF (delta_f=)"),
        "integral": run.lacks_entropy,
        "detailed": run.lacks_entropy or still,
    }
