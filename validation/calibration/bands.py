r"""Where a count, a mean, a variance or a distribution may lie by chance.

Every band is two-sided at 99.9 %: a correct verifier leaves it once in a thousand times. Tests that are
conservative by construction (one-sided ones on the safe side, Holm's family, samples without overlap) are
held to the upper edge only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

LEVEL = 0.999


@dataclass(frozen=True)
class Check:
    """A number of the bench and the band that it should lie in.

    Attributes
    ----------
    name : str
        What is checked: ``"slope, rejected at 5 %"``.
    found : float
        The number.
    low, high : float
        The band, its edges included; infinite where it is open.
    """

    name: str
    found: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether the number lies in its band; what is no number does not."""
        return self.low <= self.found <= self.high

    @property
    def side(self) -> int:
        """Return -1 below the band, 1 above it (or no number at all), 0 inside."""
        return 0 if self.inside else -1 if self.found < self.low else 1

    def __str__(self) -> str:
        """Write the number and its band."""
        return f"{self.name}: {self.found:.4g}, band {self.low:.4g} to {self.high:.4g}"


def binomial(trials: int, chance: float, level: float = LEVEL) -> tuple[int, int]:
    """Return the smallest and the largest count that are no surprise: a central interval of the law.

    >>> binomial(200, 0.05), binomial(400, 0.01)
    ((2, 21), (0, 12))
    """
    reached = special.bdtr(np.arange(trials + 1), trials, chance)
    low, high = np.searchsorted(reached, [0.5 * (1.0 - level), 0.5 * (1.0 + level)])
    return int(low), int(min(high, trials))


def rate(
    name: str,
    count: int,
    trials: int,
    chance: float,
    upper_only: bool = False,
    lower_only: bool = False,
) -> Check:
    """Check how often something with a known chance happened, as a share of the trials."""
    low, high = binomial(trials, chance)
    return Check(
        name,
        count / trials,
        -math.inf if upper_only else low / trials,
        math.inf if lower_only else high / trials,
    )


def power(name: str, count: int, trials: int, least: float, trials_of_reference: int) -> Check:
    r"""Check that a fault is found at least as often as it was elsewhere, where that share has an error too.

    .. math:: \hat p \ge p - z\sqrt{p(1-p)\,(1/R+1/R_0)}
    """
    share = min(least, 1.0 - 0.5 / trials_of_reference)  # 1, as far as R_0 trials tell
    return Check(name, count / trials, share - _reach(share, trials, trials_of_reference), math.inf)


def excess(name: str, count: int, trials: int, most: float, trials_of_reference: int) -> Check:
    """Check that something happens no more often than it did elsewhere."""
    share = max(most, 0.5 / trials_of_reference)
    return Check(name, count / trials, -math.inf, share + _reach(share, trials, trials_of_reference))


def _reach(share: float, trials: int, trials_of_reference: int) -> float:
    error = math.sqrt(share * (1.0 - share) * (1.0 / trials + 1.0 / trials_of_reference))
    return float(special.ndtri(0.5 * (1.0 + LEVEL))) * error


def mean(name: str, found: float, trials: int) -> Check:
    """Check the mean of standardised residuals against 0."""
    reach = float(special.ndtri(0.5 * (1.0 + LEVEL))) / math.sqrt(trials)
    return Check(name, found, -reach, reach)


def variance(name: str, found: float, trials: int) -> Check:
    """Check the variance of standardised residuals against 1, by the chi-square law."""
    freedom = trials - 1
    edges = special.chdtri(freedom, [0.5 * (1.0 + LEVEL), 0.5 * (1.0 - LEVEL)]) / freedom
    return Check(name, found, float(edges[0]), float(edges[1]))


def uniformity(name: str, distance: float, trials: int) -> Check:
    """Check the largest distance of a distribution of p-values from the uniform one (Stephens 1970)."""
    root = math.sqrt(trials)
    return Check(name, distance, -math.inf, float(special.kolmogi(1.0 - LEVEL)) / (root + 0.12 + 0.11 / root))
