"""What can be judged: one file a claim, found by itself.

A new claim is one new file here, entered nowhere else. Its estimators on plain arrays may stand beside the
other ones in `fluctua.analysis`, or in the file itself; the file ends in ``CLAIM``::

    from fluctua.analysis.claims.claim import Claim
    from fluctua.analysis.claims.subject import Subject

    def _judge(subject: Subject) -> Verdict:
        if subject.work is None:
            return not_applicable("landauer", "needs work")
        ...  # a verdict made from arrays in kT, at subject.rules.tolerance["landauer"]

    CLAIM = Claim(
        name="landauer",  # hyphened words: the same in the table, JSON and --claims
        order=70,  # the place in the table; the others stand at 10, 20, ...
        judge=_judge,
        usual=lambda subject: subject.work is not None,  # judged though nobody named it
        means="Erasing a memory costs at least kT times the entropy that it loses.",
        tolerances={"landauer": TOLERANCE},  # verify(tolerance=...) takes these names
    )

From there it is known to `verify`, the command line and the report. What a claim needs to know and a
`Subject` does not say yet becomes one more optional field of it, filled in `fluctua.analysis.judging`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules

from fluctua.analysis.claims.claim import Claim

__all__ = ["CLAIMS", "TOLERANCES", "Claim", "defaults", "found"]


def found() -> dict[str, Claim]:
    """Give the claims by name, in the order of the table: every module here that defines ``CLAIM``."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    claims: list[Claim] = [module.CLAIM for module in modules if hasattr(module, "CLAIM")]
    return {claim.name: claim for claim in sorted(claims, key=lambda claim: claim.order)}


def defaults(claims: Iterable[Claim]) -> dict[str, float]:
    """Give what counts as equal by default, by the names of all claims; some share one."""
    return {name: value for claim in claims for name, value in claim.tolerances.items()}


CLAIMS = found()
TOLERANCES = defaults(CLAIMS.values())
