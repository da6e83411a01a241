"""What a report adds to its verdicts: ΔF by every method, and the temperature that a slope amounts to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray
from scipy import special

from fluctua.analysis.free_energies import Method, free_energies
from fluctua.analysis.parts import Part, jsonable
from fluctua.analysis.verdict import FreeEnergy, Verdict

_DEPENDENT = "trajectories depend on each other, and only the interval of {} counts that"


_OF_TEMPERATURE = ("crooks", "detailed")  # claims whose slope a wrong temperature would change


@dataclass(frozen=True)
class EffectiveTemperature:
    r"""The temperature at which measured work, or entropy production, would obey its detailed theorem.

    .. math:: \frac{T_\mathrm{eff}}{T} = \frac1\gamma

    with :math:`\gamma` the slope of the log odds: 1 where the theorem holds at the temperature stated.

    Attributes
    ----------
    value : float
        In units of the temperature stated.
    low, high : float or None
        Ends of the interval of level 1 - alpha. None above where the slope may be zero.
    """

    value: float
    low: float
    high: float | None

    def __str__(self) -> str:
        """Write the ratio with its interval."""
        above = "no upper end" if self.high is None else f"{self.high:.3f}"
        return f"T_eff/T = {self.value:.3f} ({self.low:.3f} to {above})"

    def to_dict(self) -> dict[str, Any]:
        """Give the ratio as plain data."""
        return {name: jsonable(getattr(self, name)) for name in ("value", "low", "high")}


def effective_temperature(verdicts: Sequence[Verdict], alpha: float) -> EffectiveTemperature | None:
    """Return the inverse of the first slope that has an interval; none where there is no such slope.

    Parameters
    ----------
    verdicts : sequence of Verdict
        Those on ``crooks`` and ``detailed`` have a slope.
    alpha : float
        One less the level of the interval.
    """
    slopes = [
        verdict.part("slope")
        for verdict in verdicts
        if verdict.quantity == "slope" and verdict.claim in _OF_TEMPERATURE
    ]
    return next((_inverse(part, alpha) for part in slopes if _has_interval(part)), None)


def _has_interval(part: Part) -> bool:
    """Say whether a slope is known, and positive: its inverse is no temperature otherwise."""
    return not part.starved and part.standard_error is not None and (part.estimate or 0.0) > 0.0


def _inverse(part: Part, alpha: float) -> EffectiveTemperature:
    slope, reach = (
        float(part.estimate or 0.0),
        quantile(alpha, part.freedom) * float(part.standard_error or 0.0),
    )
    high = 1.0 / (slope - reach) if slope > reach else None
    return EffectiveTemperature(1.0 / slope, 1.0 / (slope + reach), high)


def methods_of(
    work_forward: NDArray[Any], work_reverse: NDArray[Any] | None, energy: FreeEnergy, alpha: float
) -> tuple[Method, ...]:
    """Estimate ΔF by every method, with what the report knows of how trajectories depend on each other.

    Parameters
    ----------
    work_forward, work_reverse : ndarray
        In kT, each as measured.
    energy : FreeEnergy
        That of the report, whose error counts the dependence.
    alpha : float
        One less the level of the intervals.

    Returns
    -------
    tuple of Method
        The best first. Where trajectories depend on each other, all others are refused an interval.
    """
    found = free_energies(work_forward, work_reverse, alpha=alpha)
    if energy.independent:
        return found
    best, *others = found
    why = _DEPENDENT.format(best.method)
    return (
        best if best.refused else _as_reported(best, energy, alpha),
        *(other if other.refused else _refused(other, why) for other in others),
    )


def _as_reported(method: Method, energy: FreeEnergy, alpha: float) -> Method:
    method = replace(method, information=energy.information)
    if energy.standard_error is None:
        return _refused(method, energy.refused or "too little is sampled")
    reach = quantile(alpha, energy.freedom) * energy.standard_error
    return replace(
        method, standard_error=energy.standard_error, low=energy.value - reach, high=energy.value + reach
    )


def _refused(method: Method, why: str) -> Method:
    return replace(method, standard_error=None, low=None, high=None, refused=why)


def quantile(alpha: float, freedom: float = math.inf) -> float:
    """Return by how many standard errors an interval of level 1 - alpha reaches out."""
    level = 1.0 - 0.5 * alpha
    return float(special.ndtri(level) if math.isinf(freedom) else special.stdtrit(freedom, level))
