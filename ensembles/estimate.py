"""A number that travels with its error."""

from __future__ import annotations

import math
from dataclasses import dataclass

PLAIN = ("", "1")  # units that are not printed


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error, and how many independent observations stand behind it.

    Parameters
    ----------
    value, standard_error : float
        In `unit`. The error is one standard deviation of the value; NaN where one observation says nothing
        about it.
    n : int
        Independent observations: trajectories, as a rule.
    unit : str
        Empty for pure numbers.
    method : str
        How it was estimated, where there is more than one way.
    """

    value: float
    standard_error: float
    n: int
    unit: str = ""
    method: str = ""

    def __str__(self) -> str:
        """Write the value with its error in brackets, and its unit."""
        number = uncertain(self.value, self.standard_error)
        return number if self.unit in PLAIN else f"{number} {self.unit}"

    def __repr__(self) -> str:
        """Write one line with the number of observations."""
        return f"Estimate {self}, n = {self.n:,}"


def uncertain(value: float, error: float) -> str:
    """Write a value with its error in units of the last digit: 1.5803(18).

    The error gets two digits where its first three lie between 100 and 354, else one (the rule of the
    Particle Data Group), so that rounding moves it by at most one part in seven.
    """
    if not (math.isfinite(value) and math.isfinite(error)):
        return (
            f"{value:.6g}({error:.2g})"
            if math.isfinite(value) and not math.isnan(error)
            else f"{value:.6g}(?)"
        )
    if error == 0:
        return f"{value:.10g}(0)"
    exponent = math.floor(math.log10(max(abs(value), error)))
    if not -5 <= exponent <= 9:
        return f"{_bracketed(value / 10.0**exponent, error / 10.0**exponent)}e{exponent}"
    return _bracketed(value, error)


def _bracketed(value: float, error: float) -> str:
    decimals = _decimals(error)
    digits = round(error * 10.0**decimals)
    if decimals <= 0:
        return f"{round(value, decimals):.0f}({digits * 10**-decimals})"
    return f"{value:.{decimals}f}({digits})"


def _decimals(error: float) -> int:
    """How many decimals leave one or two digits of the error."""
    exponent = math.floor(math.log10(error))
    leading = round(error / 10.0 ** (exponent - 2))
    return (1 if leading < 355 else 0) - exponent
