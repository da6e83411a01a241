"""The rule that stops a run: ``crooks holds within 0.02``, as it is written, checked, and fed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.claims import CLAIMS
from fluctua.analysis.growing import stretch
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.sequential import dissipation_of_pairs
from fluctua.analysis.slope_bounds import SlopeBounds
from fluctua.analysis.verdict import check_alpha
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.rows import Memory
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.errors import InvalidInput, not_among, shown

Floats = NDArray[np.float64]

BATCH = 65_536  # trajectories judged at a time
SHOWN = ("crooks", "detailed")  # claims that can be shown to hold while one looks
ALPHA = 0.05
BOTH = "sweep([spec, spec.reversed()], ..., until=...)"  # the remedy for one direction alone
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
            if not _partners(specs):
                remedy = BOTH if len(specs) == 1 else "give each run and its reverse a call of its own"
                raise InvalidInput("crooks needs a run and its reverse", "until", remedy)
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


def values_of(rule: Rule, runs: Sequence[Dataset], first: int, last: int) -> Iterator[Floats]:
    """Give what a rule's claim is about, of trajectories `first` to `last`, in their order and in batches.

    Parameters
    ----------
    rule : Rule
        Whose claim.
    runs : sequence of Dataset
        One, or one and its reverse.
    first, last : int
        From `first` on, up to before `last`.

    Yields
    ------
    ndarray, shape (m,)
        Dissipation of pairs in kT, or total entropy production in k_B.

    Raises
    ------
    InvalidInput
        A run whose entropy production is not known.
    """
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
