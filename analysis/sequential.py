r"""Tests that may be looked at while numbers arrive, after every one of them, and stopped at any time.

A test of the theorem is a bet against it. Money is put on each trajectory before it is seen, at odds that are
fair if the theorem holds; the wealth K, which starts at 1, is then never expected to grow, and

.. math:: P\Big(\sup_n K_n \ge \frac1\alpha\Big) \le \alpha

(Ville 1939) whatever the number of looks. A test for a fixed number of trajectories that is looked at twenty
times at p < 0.05 errs in a quarter of all cases.

Two theorems can be bet against:

``integral``
    :math:`\langle e^{-s}\rangle=1`, on its upper side, as the lower one cannot be tested (see
    :mod:`~fluctua.analysis.integral`). A bet on the share :math:`\lambda` of the wealth multiplies it by
    :math:`1+\lambda(e^{-s}-1)`.
``detailed``
    :math:`p(s)/p(-s)=e^s`, on both sides. Given :math:`|s|` the sign of s is a coin
    (:mod:`~fluctua.analysis.detailed`); a bet on slope :math:`\gamma` and offset :math:`a` multiplies the
    wealth by :math:`L[\pm(a+\gamma|s|)]/L(\pm|s|)` with the sign of s. Values of zero change nothing.

How to bet: the wealth is split in equal parts over a grid of constant bets, and each part stays with its own.
Nothing is tuned by the data, so that every look is covered; where some bet of the grid is good, the mixture
is as good up to the logarithm of the number of bets. The result depends on the order of the values and on
nothing else, to the last bit: not on how they are cut into batches.

The order must not be chosen by the values. Runs finish their chunks in an order that the values may
influence, as a hard trajectory takes longer; so chunks are to be counted by their numbers.

Sources: Ville (1939); Robbins (1970), mixtures; Waudby-Smith and Ramdas (2024), means by betting; Ramdas,
Grünwald, Vovk and Shafer (2023).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.logistic import log_chance
from fluctua.analysis.samples import finite
from fluctua.stochastic.errors import not_among

Floats = NDArray[np.float64]
Theorem = Literal["integral", "detailed"]

SHARES = tuple(0.9 / 2.0**k for k in range(11))  # the best is the excess over the variance
SLOPES = (0.5, 0.65, 0.8, 0.87, 0.93, 1.07, 1.15, 1.25, 1.45, 1.8)
OFFSETS = (-0.8, -0.3, -0.1, 0.1, 0.3, 0.8)
TILTS = (  # slope and offset; the theorem is 1 and 0, a sign that was turned is -1 and 0
    (-1.0, 0.0),
    (0.0, 0.0),
    *((slope, 0.0) for slope in SLOPES),
    *((1.0, offset) for offset in OFFSETS),
    *itertools.product((0.7, 1.4), (-0.3, 0.3)),
)
_ROWS = 2048  # values taken at a time: their table of bets stays in the cache


class Bets(Protocol):
    """Constant bets, over which a wealth is split in equal parts; a value, that says what is bet against."""

    def __len__(self) -> int:
        """Count the bets."""
        ...

    def gains(self, s: Floats) -> Floats:
        """Return ln of what each value multiplies each part by: shape (values, bets)."""
        ...


@dataclass(frozen=True)
class Wealth:
    """What bets have won so far; plain data, made by `wealth_against`.

    Attributes
    ----------
    bets : Bets
        How the wealth is split, and what is bet against.
    n : int
        Number of values seen.
    log_wealths : tuple of float
        ln of what each part of the initial wealth has become, in units of that part.
    log_peak : float
        ln of the largest wealth at any time; not below 0, the start.
    peak_at : int
        After how many values it was reached.
    peak_bet : int
        The place, in `bets`, of the bet that had won most then.
    """

    bets: Bets
    n: int
    log_wealths: tuple[float, ...]
    log_peak: float = 0.0
    peak_at: int = 0
    peak_bet: int = 0

    @classmethod
    def before(cls, bets: Bets) -> Wealth:
        """Return the wealth before the first bet: 1."""
        return cls(bets, 0, (0.0,) * len(bets))

    @property
    def log_e_value(self) -> float:
        """Logarithm of the present wealth."""
        return float(_mixed(np.array([self.log_wealths]))[0])

    @property
    def p_value(self) -> float:
        """Smallest error rate at which the theorem could have been rejected at some time until now."""
        return math.exp(-self.log_peak)

    def crossed(self, alpha: float) -> bool:
        """Say whether the wealth ever reached 1/alpha."""
        return self.log_peak >= -math.log(alpha)

    def update(self, batch: ArrayLike) -> Wealth:
        """Return the wealth after more values.

        Parameters
        ----------
        batch : array_like, shape (m,)
            Entropy production s in units of k_B, or work less free-energy difference in kT (``integral``), in
            an order that does not depend on the values.

        Raises
        ------
        InvalidInput
            If the batch is empty or not finite.
        """
        values = finite(batch, "entropy")
        wealth = self
        for start in range(0, values.size, _ROWS):
            wealth = wealth._after(values[start : start + _ROWS])
        return wealth

    def _after(self, values: Floats) -> Wealth:
        gains = self.bets.gains(values)
        # Added one after the other from the present state on, so that cuts leave no trace in the last digit.
        walks = np.add.accumulate(np.vstack([np.array(self.log_wealths), gains]), axis=0)[1:]
        mixed = _mixed(walks)
        top = int(np.argmax(mixed))
        higher = mixed[top] > self.log_peak
        return replace(
            self,
            n=self.n + values.size,
            log_wealths=tuple(float(wealth) for wealth in walks[-1]),
            log_peak=float(mixed[top]) if higher else self.log_peak,
            peak_at=self.n + top + 1 if higher else self.peak_at,
            peak_bet=int(np.argmax(walks[top])) if higher else self.peak_bet,
        )


def wealth_against(theorem: Theorem) -> Wealth:
    """Return the wealth before the first bet: 1.

    Parameters
    ----------
    theorem : {"integral", "detailed"}
        What to bet against: <exp(-s)> = 1, from above, or p(s)/p(-s) = exp(s).

    Raises
    ------
    InvalidInput
        An unknown theorem.
    """
    if theorem not in AGAINST:
        raise not_among(theorem, "theorem", list(AGAINST), "theorem")
    return Wealth.before(AGAINST[theorem])


def dissipation_of_pairs(forward: ArrayLike, reverse: ArrayLike) -> Floats:
    r"""Return the dissipated work of pairs of one forward and one reverse trajectory, in kT.

    .. math:: s_i = w_i + w^R_i

    It obeys the detailed theorem, and no free-energy difference is in it.

    Parameters
    ----------
    forward, reverse : array_like, shapes (n,) and (m,)
        Work as measured in each process, in kT; paired in their order, what is left over waits.

    Returns
    -------
    ndarray, shape (min(n, m),)
    """
    w, w_reverse = finite(forward, "forward"), finite(reverse, "reverse")
    pairs = min(w.size, w_reverse.size)
    return w[:pairs] + w_reverse[:pairs]


# ---- bets


def _mixed(walks: Floats) -> Floats:
    """Return ln of the mean wealth over the bets, row by row."""
    parts = np.ascontiguousarray(walks.T)  # sums along short rows are slow
    top = parts.max(axis=0)
    mean: Floats = top + np.log(np.exp(parts - top).sum(axis=0) / len(parts))
    return mean


@dataclass(frozen=True)
class Averages:
    r"""Bets against the integral theorem: shares :math:`\lambda` of the wealth, put on high averages."""

    shares: tuple[float, ...]

    def __len__(self) -> int:
        """Count the bets."""
        return len(self.shares)

    def gains(self, s: Floats) -> Floats:
        r"""Return :math:`\ln[1-\lambda+\lambda e^{-s}]` for each value and share."""
        share = np.array(self.shares)
        gains: Floats = np.logaddexp(np.log1p(-share), np.log(share) - s[:, None])
        return gains


@dataclass(frozen=True)
class Signs:
    r"""Bets against the detailed theorem: pairs of slope :math:`\gamma` and offset a of the log odds."""

    tilts: tuple[tuple[float, float], ...]

    def __len__(self) -> int:
        """Count the bets."""
        return len(self.tilts)

    def gains(self, s: Floats) -> Floats:
        r"""Return :math:`\ln L[\pm(a+\gamma|s|)]-\ln L(\pm|s|)` for each value and bet."""
        slope, offset = np.array(self.tilts).T
        size, sign = np.abs(s), np.sign(s)[:, None]
        gains: Floats = log_chance(sign * (offset + slope * size[:, None])) - log_chance(sign * size[:, None])
        return gains


AGAINST: dict[str, Bets] = {"integral": Averages(SHARES), "detailed": Signs(TILTS)}
