"""Parts of a claim: a number with what it should be, or a test that has a p-value only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from fluctua.ensembles.estimate import uncertain

POWER = 0.8  # of the smallest deviation that counts as detectable
_LEAST_P = 1e-300  # smaller ones underflow


@dataclass(frozen=True)
class Part:
    """One component of a claim.

    Parameters
    ----------
    name : str
        What was measured: ``"slope"``, ``"ΔF"``, ``"shape"``.
    estimate, standard_error : float, optional
        The measured number and its error; none for a test that has only a p-value.
    expected : float
        What the theorem says.
    tolerance : float, optional
        Half-width of what counts as equal, or the shortfall that a bound is allowed.
    statistic : float, optional
        Test statistic: a z-score unless `method` says otherwise.
    p_value, p_adjusted : float, optional
        Chance of a deviation at least as large under the theorem; the same after Holm.
    bound : bool
        The theorem says ``estimate >= expected``.
    decides : bool
        Whether the word depends on the part; others are told beside it.
    cautious : bool
        Take the interval at ``1 - alpha`` rather than ``1 - 2 alpha``, for errors that are known to come out
        too small.
    freedom : float
        Degrees of freedom behind the standard error.
    starved : str
        Why the interval cannot be trusted: ``"no overlap"``, ``"tail not sampled"``; empty where it can.
    method : str
        How the p-value was found.
    groups : int
        Number of groups whose differences the error comes from; 0 where trajectories count by themselves.
    """

    name: str
    estimate: float | None = None
    standard_error: float | None = None
    expected: float = 0.0
    tolerance: float | None = None
    statistic: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    bound: bool = False
    decides: bool = True
    cautious: bool = False
    freedom: float = math.inf
    starved: str = ""
    method: str = ""
    groups: int = 0

    def within(self, alpha: float) -> bool:
        """Say whether the part is shown to be as the theorem says, up to its tolerance."""
        if self.starved:
            return False
        if self.estimate is None:
            return self.p_value is None or self.p_value >= alpha
        if self.tolerance is None:
            return True
        reach = self._quantile(alpha) * known(self.standard_error)
        if self.bound:
            return self.estimate - reach >= self.expected - self.tolerance
        return abs(self.estimate - self.expected) + reach < self.tolerance

    def violates(self, alpha: float) -> bool:
        """Say whether a deviation is shown, and not shown to be below the tolerance."""
        small = self.tolerance is not None and self.within(alpha)
        return self.p_adjusted is not None and self.p_adjusted < alpha and not small

    def detectable(self, alpha: float) -> float | None:
        r"""Return the deviation found with power 0.8: :math:`(z_{1-\alpha/2} + 0.84)` standard errors."""
        if self.starved or self.standard_error is None or not math.isfinite(self.standard_error):
            return None
        return float((special.ndtri(1.0 - alpha / 2.0) + special.ndtri(POWER)) * self.standard_error)

    def shortage(self, alpha: float) -> float | None:
        r"""Return by which factor more trajectories would show equality, were the theorem exact.

        .. math:: \left[(z_{1-\alpha}+z_{1-\alpha})\,\mathrm{s.e.}/\epsilon\right]^2
        """
        if self.starved or self.tolerance is None or not math.isfinite(known(self.standard_error)):
            return None
        quantiles = self._quantile(alpha) + float(special.ndtri(1.0 - alpha))
        return (quantiles * known(self.standard_error) / self.tolerance) ** 2

    @property
    def measured(self) -> str:
        """Write the number with its error, or the p-value where there is no number."""
        if self.estimate is None:
            return f"{self.name}: {p_is(self.p_value)}"
        if not self.standard_error:  # not known, or a number without chance
            return f"{self.name} {self.estimate:.4g}"
        joint = " = " if self.bound else " "
        return f"{self.name}{joint}{uncertain(self.estimate, self.standard_error)}"

    @property
    def should_be(self) -> str:
        """Write what the theorem says of the number."""
        if self.estimate is None:
            return ""
        return f">= {plain(self.expected)}" if self.bound else plain(self.expected)

    def to_dict(self) -> dict[str, Any]:
        """Give the part as plain data."""
        names = (
            "name",
            "estimate",
            "standard_error",
            "expected",
            "tolerance",
            "statistic",
            "p_value",
            "p_adjusted",
            "method",
        )
        return {name: jsonable(getattr(self, name)) for name in names}

    def _quantile(self, alpha: float) -> float:
        level = 1.0 - (alpha / 2.0 if self.cautious else alpha)
        return float(
            special.ndtri(level) if math.isinf(self.freedom) else special.stdtrit(self.freedom, level)
        )


def holm(p_values: Sequence[float]) -> list[float]:
    r"""Adjust p-values for being several (Holm 1979).

    .. math:: \tilde p_{(j)}=\max_{i\le j}\min\{1,(m-i+1)\,p_{(i)}\}
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate((p.size - np.arange(p.size)) * p[order]))
    return [float(value) for value in adjusted]


# ---- writing


def p_text(p: float | None) -> str:
    """Write a p-value as far as it matters."""
    if p is None or math.isnan(p):
        return "?"
    return f"{p:.2f}" if p >= 0.095 else f"{p:.1g}" if p > _LEAST_P else f"< {_LEAST_P:g}"


def p_is(p: float | None) -> str:
    """Write what a p-value is: ``"p = 0.03"``, and ``"p < 1e-300"`` where it is lost in rounding."""
    text = p_text(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def plain(number: float) -> str:
    """Write a number that theory gives."""
    return "0" if number == 0 else f"{number:.4g}"


def rounded(number: float) -> str:
    """Write a number to two digits, and never as a power of ten below a million: 180, not 1.8e+02."""
    if not 10.0 <= abs(number) < 1e6:
        return f"{number:.2g}"
    return f"{float(f'{number:.2g}'):,.0f}"


def known(value: float | None) -> float:
    """Return a number; NaN where there is none."""
    return math.nan if value is None else float(value)


def jsonable(value: object) -> Any:
    """Return a value as JSON has it: what is not finite is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return jsonable(value.item())
    return list(value) if isinstance(value, tuple) else value
