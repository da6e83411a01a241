"""Variance over mean, where there is a mean to divide by."""

from __future__ import annotations

from fluctua.stochastic.errors import InvalidInput

#: Of what adds up to a mean: what is left below this is rounding.
_ROUNDING = 1e-12


def fano_factor(name: str, mean: float, variance: float, size: float) -> float:
    """Return variance over the size of the mean.

    Parameters
    ----------
    name : str
    mean, variance : float
        Of the quantity.
    size : float
        Mean of the sizes of all that adds up to it, which tells a mean of 0 from rounding.

    Raises
    ------
    InvalidInput
        If the mean is 0.
    """
    return variance / divisor(name, mean, size, "fano")


def divisor(name: str, mean: float, size: float, where: str) -> float:
    """Return the size of a mean that something is to be divided by; refuse 0."""
    if not abs(mean) > _ROUNDING * size:
        raise InvalidInput(f"{name}: its mean is 0", where, "take its variance")
    return abs(mean)
