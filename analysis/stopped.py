"""How a run under a rule ended, and what there is to say of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy import stats

from fluctua.analysis.rules import Rule, values_of
from fluctua.analysis.slope_bounds import SlopeBounds, SlopeInterval, slope_interval
from fluctua.ensembles.estimate import uncertain
from fluctua.ensembles.runs import Runs

KEPT = 2**24  # trajectories whose values may stand in memory at once
LOOKING = 1.4  # times as many trajectories as a test for a fixed number needs; measured, 1.3 to 1.5
_MOST_TOLD = 10**12  # more than that nobody makes
_TIME_STEP = "fluctua time-step tells whether the time step is too long for it"


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

    @property
    def violated(self) -> bool:
        """Whether the claim is violated: exit code 1 on the command line."""
        return self.outcome == "violated"

    @cached_property
    def seen(self) -> SlopeBounds:
        """What was won; from the rows where the run was only opened."""
        known = self.known
        if known is None:
            known = SlopeBounds.before(self.rule.tolerance, self.rule.alpha)
            for batch in values_of(self.rule, self.runs, 0, self.trajectories):
                known = known.update(batch)
        return known

    @cached_property
    def interval(self) -> SlopeInterval:
        """The slope and its interval, from the rows."""
        batches = partial(values_of, self.rule, self.runs, 0, self.seen.n)
        if self.seen.n <= KEPT:
            batches = partial(iter, list(batches()))
        return slope_interval(batches, self.seen)

    @property
    def why(self) -> str:
        """What was violated: which bet won, how much, and when; empty where nothing is."""
        return f"bets against it won {self.seen.won}" if self.violated else ""

    @property
    def enough(self) -> int | None:
        r"""About how many trajectories would show that it holds; none where this is decided or hopeless.

        A test for a fixed number needs :math:`n\,(2z\,\mathrm{SE}/\epsilon)^2` of them, z the normal quantile
        of 1 - alpha; looking needs some more.
        """
        slope, error = self.seen.estimate
        hopeless = not abs(slope - 1.0) <= self.rule.tolerance + 2.0 * error
        if self.outcome != "undecidable" or hopeless or not error > 0.0:
            return None
        quantile = float(stats.norm.isf(min(self.rule.alpha, 0.4)))
        wanted = LOOKING * self.seen.n * (2.0 * quantile * error / self.rule.tolerance) ** 2
        magnitude = 10.0 ** math.floor(math.log10(wanted))
        enough = math.ceil(wanted / magnitude) * int(max(1.0, magnitude))
        return enough if enough > self.trajectories else None

    @property
    def things(self) -> str:
        """What is counted."""
        return "pairs" if self.rule.claim == "crooks" else "trajectories"

    def __str__(self) -> str:
        """Write one line."""
        said = f"{self.rule}: {self.outcome}"
        if self.violated:
            said += f" ({self.why})"
        if self.known is not None:
            said += f", {_told(self.interval, self.seen)}"
        said += f", after {self.trajectories:,} of {self.limit:,} {self.things}"
        if self.known is not None and self.enough is not None:
            wanted = f"about {self.enough:,}" if self.enough <= _MOST_TOLD else "more than 10^12"
            said += f"; {wanted} may do"
        return f"{said}; {_TIME_STEP}" if self.violated and self._shadow else said

    @property
    def _shadow(self) -> bool:
        """Whether the time step did work of its own."""
        names = [{column.name for column in run.columns} for run in self.runs]
        return any(
            "shadow_work" in known and bool(np.any(run["shadow_work"]))
            for known, run in zip(names, self.runs, strict=True)
        )

    def table(self) -> dict[str, Any]:
        """Return what ``--json`` says; what is unknown is None."""
        found = self.interval
        return {
            "rule": str(self.rule),
            "outcome": self.outcome,
            "slope": _finite(found.slope),
            "interval": [_finite(found.low), _finite(found.high)],
            "level": found.level,
            "trajectories": self.trajectories,
            "limit": self.limit,
            "violated": self.why or None,
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _told(found: SlopeInterval, known: SlopeBounds) -> str:
    """Write the slope with its interval; with its standard error where an end is unknown."""
    if math.isnan(found.slope):
        return "slope unknown"
    if math.isinf(found.low) or math.isinf(found.high):
        return f"slope {uncertain(found.slope, known.estimate[1])}"
    width = max(found.slope - found.low, found.high - found.slope)
    digits = max(0, 1 - math.floor(math.log10(width))) if width > 0.0 else 3
    low, slope, high = (f"{value:.{digits}f}" for value in (found.low, found.slope, found.high))
    return f"slope {slope}, from {low} to {high} ({100 * found.level:.3g} %)"
