"""What a claim is: a name, who judges it, when it is judged unasked, what it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fluctua.analysis.claims.subject import Subject
from fluctua.analysis.verdict import Verdict


def _never(_subject: Subject) -> bool:
    return False


@dataclass(frozen=True)
class Claim:
    """Something that can hold or be violated, and all that the verifier and the report must know about it.

    Parameters
    ----------
    name : str
        Hyphened words, the same in the table, in JSON and on the command line.
    order : int
        Its place in the table; lower stands first.
    judge : callable
        From a `Subject` to the `Verdict`, which is ``not applicable`` where a precondition is missing.
    usual : callable
        From a `Subject` to whether the claim is judged where nobody names claims.
    means : str
        What it says, in words for the report.
    tolerances : mapping of str to float
        What counts as equal, where that can be chosen: names for ``verify(tolerance=...)`` and defaults.
        Claims that share a name share its default.
    free_energy : callable
        From a `Subject` to whether the claim is about an estimated ΔF, which is then printed below the table.
    """

    name: str
    order: int
    judge: Callable[[Subject], Verdict]
    usual: Callable[[Subject], bool]
    means: str
    tolerances: Mapping[str, float] = field(default_factory=dict)
    free_energy: Callable[[Subject], bool] = _never
