"""The rule that makes a word of numbers.

A claim is made of *parts*: a number that should have a known value, or lie above one, or a test that has a
p-value only. From the parts the word follows:

1. ``not applicable`` where a precondition is missing;
2. ``holds`` where every part lies within its tolerance with its whole interval and no shape is rejected: the
   difference is *shown* to be small, "not rejected" is never enough;
3. ``violated`` where a part has a p-value below `alpha` after Holm's adjustment over all parts, *and* its own
   interval does not lie within its tolerance; the one with the smallest such p-value is named;
4. ``undecidable`` otherwise, with what could have been found and how many trajectories would decide.

The second half of 3 is our reading: a deviation that is resolved and shown to be below its tolerance stops no
claim from holding, so it is not what violates one either when another part, a shape of p = 0.03 say, spoils
``holds`` by chance. What is called violated is always among what Holm rejects, so that its error rate stays
below `alpha`. Holm runs over the claims of a report once more (`together`): the rate is that of the table.

Sources: Schuirmann (1987), two one-sided tests; Holm (1979), multiplicity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from fluctua.analysis.parts import Part, holm, known, p_is, p_text, plain, rounded
from fluctua.analysis.verdict import Outcome, Verdict
from fluctua.ensembles.estimate import uncertain

_NEAR = 0.2  # of the error rate: an adjusted p-value above that is near the limit


def judge(
    claim: str,
    parts: Sequence[Part],
    *,
    alpha: float,
    n: int,
    head: int = 0,
    information: float | None = None,
    assumptions: Sequence[str] = (),
) -> Verdict:
    """Decide a claim from its parts.

    Parameters
    ----------
    claim : str
        Its hyphened name.
    parts : sequence of Part
        What it is made of.
    alpha : float
        Error rate of ``violated``, and of ``holds`` at the edge of the tolerance.
    n : int
        Number of trajectories (in each direction) that `n_needed` refers to.
    head : int
        Which part is the number that speaks for the claim.
    information : float, optional
        Effective number of trajectories that the theorem is judged on.
    assumptions : sequence of str
        What the verdict takes for granted.

    Returns
    -------
    Verdict
    """
    adjusted = _adjusted(parts)
    judged = [part for part in adjusted if part.decides]
    worst = _worst(judged, alpha)
    spoken = adjusted[head]
    outcome: Outcome
    if all(part.within(alpha) for part in judged):
        outcome, shown, reason = "holds", spoken, _reason_to_hold(judged, alpha)
    elif worst is not None and worst.violates(alpha):
        outcome, shown, reason = "violated", worst, _reason_to_violate(worst, judged, alpha)
    else:
        outcome, shown, reason = "undecidable", spoken, _reason_to_doubt(judged, alpha, n)
    return Verdict(
        claim=claim,
        outcome=outcome,
        estimate=spoken.estimate,
        standard_error=spoken.standard_error,
        tolerance=spoken.tolerance,
        p_value=worst.p_value if worst else None,
        p_adjusted=worst.p_adjusted if worst else None,
        statistic=spoken.statistic,
        quantity=spoken.name,
        expected=spoken.expected,
        information=information,
        min_detectable=spoken.detectable(alpha),
        n_needed=_needed(judged, alpha, n) if outcome == "undecidable" else None,
        reason=reason,
        assumptions=tuple(assumptions),
        measured=shown.measured,
        should_be=shown.should_be,
        within="" if shown.tolerance is None else f"{shown.tolerance:g}",
        parts=tuple(adjusted),
    )


def not_applicable(claim: str, missing: str) -> Verdict:
    """Return the verdict on a claim whose precondition is missing."""
    return Verdict(claim=claim, outcome="not applicable", reason=missing, measured=missing)


def together(verdicts: Sequence[Verdict], alpha: float) -> tuple[Verdict, ...]:
    """Count claims of one report together: Holm runs over their p-values, and the words follow.

    Parameters
    ----------
    verdicts : sequence of Verdict
        Each judged by itself.
    alpha : float
        Error rate of the report.

    Returns
    -------
    tuple of Verdict
        With `p_adjusted` for all parts of all claims. A claim that is violated by itself but not among the
        others is ``undecidable``, and `alone` says so. An identity, which has no p-value, stays as it is.
    """
    family = [i for i, verdict in enumerate(verdicts) if verdict.p_adjusted is not None]
    values = dict(zip(family, holm([known(verdicts[i].p_adjusted) for i in family]), strict=True))
    return tuple(
        _among(verdict, values[i], len(family), alpha) if i in values else verdict
        for i, verdict in enumerate(verdicts)
    )


def _among(verdict: Verdict, p_adjusted: float, claims: int, alpha: float) -> Verdict:
    if verdict.outcome != "violated":
        return replace(verdict, p_adjusted=p_adjusted)
    if p_adjusted < alpha:
        near = "" if p_adjusted < _NEAR * alpha else f"; {_by_chance(alpha)}"
        return replace(verdict, p_adjusted=p_adjusted, reason=f"{verdict.reason}{near}")
    reason = f"violated by itself, but not among {claims} claims (adjusted {p_is(p_adjusted)})"
    reason = f"{reason}: {verdict.reason}"
    return replace(verdict, p_adjusted=p_adjusted, outcome="undecidable", alone=True, reason=reason)


def _by_chance(alpha: float) -> str:
    """Say what a p-value near the limit is worth."""
    return f"one true report in {1.0 / alpha:.0f} says so by chance: try another seed, or measure again"


def _worst(parts: Sequence[Part], alpha: float) -> Part | None:
    """Return the part with the smallest p-value: one that violates, else one that deviates, else any."""
    tested = [part for part in parts if part.p_adjusted is not None]
    for several in (
        [part for part in tested if part.violates(alpha)],
        [part for part in tested if not part.within(alpha)],
        tested,
    ):
        if several:
            return min(several, key=_adjusted_p)
    return None


def _adjusted(parts: Sequence[Part]) -> list[Part]:
    family = [i for i, part in enumerate(parts) if part.decides and part.p_value is not None]
    values = dict(zip(family, holm([known(parts[i].p_value) for i in family]), strict=True))
    return [replace(part, p_adjusted=values.get(i)) for i, part in enumerate(parts)]


def _adjusted_p(part: Part) -> float:
    return known(part.p_adjusted)


def _reason_to_hold(parts: Sequence[Part], alpha: float) -> str:
    resolved = [
        f"resolved deviation {_deviation(part)} of {part.name}, below tolerance"
        for part in parts
        if part.estimate is not None and not part.bound and known(part.p_value) < alpha
    ]
    kept = [f"{part.name} within {part.tolerance:g}" for part in parts if part.tolerance is not None]
    return "; ".join([f"{', '.join(kept)} of what it should be", *resolved])


def _deviation(part: Part) -> str:
    return uncertain(known(part.estimate) - part.expected, known(part.standard_error))


def _reason_to_violate(part: Part, parts: Sequence[Part], alpha: float) -> str:
    chance = p_is(part.p_value)
    if part.estimate is None:
        small = [other.name for other in parts if other.tolerance is not None and other.within(alpha)]
        only = f"; only this test rejects, {' and '.join(small)} within tolerance" if small else ""
        return f"{part.name} is not that of the theorem ({chance}, {part.method}){only}"
    should = f"at least {plain(part.expected)}" if part.bound else plain(part.expected)
    error = known(part.standard_error)
    if not math.isfinite(error):
        return f"{part.name} should be {should} and is not ({chance})"
    away = "" if part.statistic is None else f", {rounded(abs(part.statistic))} standard errors away"
    return f"{part.name} is {uncertain(part.estimate, error)}, should be {should}{away} ({chance})"


def _reason_to_doubt(parts: Sequence[Part], alpha: float, n: int) -> str:
    starved = next((part.starved for part in parts if part.starved), "")
    if starved:
        return starved
    least, needed = _least_known(parts, alpha), _needed(parts, alpha, n)
    if least.estimate is None and all(part.within(alpha) for part in parts if part.tolerance is not None):
        tests = sum(part.p_value is not None for part in parts)
        among = f"among {tests} tests {p_text(least.p_adjusted)} is not"
        return f"{least.measured} alone would be rejected, {among}; all numbers lie within tolerance"
    few = "too few groups" if least.groups else "too few trajectories"
    if needed is None or needed <= n:
        return f"{few}: {least.measured} is near the edge of what is allowed{_seen(least, alpha)}"
    allowed = "" if least.tolerance is None else f" within {least.tolerance:g}"
    show = f"would show {least.name}{allowed}"
    if least.groups:
        more = math.ceil(least.groups * needed / n)
        show = f"{more:,} (now {least.groups:,}) {show}, and more trajectories of these need not"
    else:
        show = f"{needed:,} (now {n:,}) {show}"
    return f"{few}: {show}{_seen(least, alpha)}"


def _seen(part: Part, alpha: float) -> str:
    found = part.detectable(alpha)
    return "" if found is None else f"; a deviation by {found:.2g} would have been found"


def _least_known(parts: Sequence[Part], alpha: float) -> Part:
    """Return the part that stands most in the way of ``holds``."""
    failing = [part for part in parts if not part.within(alpha)]
    return max(failing, key=lambda part: part.shortage(alpha) or 0.0, default=parts[0])


def _needed(parts: Sequence[Part], alpha: float, n: int) -> int | None:
    """Round the number of trajectories that would decide up to two digits; none where it cannot be known."""
    if any(part.starved for part in parts):
        return None
    shortages = [part.shortage(alpha) for part in parts if part.tolerance is not None]
    if not shortages or any(shortage is None for shortage in shortages):
        return None
    needed = n * max(known(shortage) for shortage in shortages)
    if not 0.0 < needed < 1e15:
        return None
    unit = int(10 ** max(0, math.floor(math.log10(needed)) - 1))
    return math.ceil(needed / unit) * unit
