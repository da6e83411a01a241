r"""What the pictures of the detailed theorems are drawn from: coins in order, one a trajectory or one a bin.

Both theorems say with which chance a label is 1, given a number x: the direction of a trajectory is forward,
given its work (`fluctua.analysis.crooks`), the sign of its entropy production is positive, given its size
(`fluctua.analysis.detailed`):

.. math:: P(1\mid x) = L(M + x), \qquad L(u) = \frac1{1+e^{-u}},

with :math:`x=w-f` and :math:`M=\ln(n_F/n_R)`, or :math:`x=|s|` and M = 0. Beyond `crooks_coins.MANY`
trajectories a coin stands for a bin of them, so that no picture depends on how many there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.bennett import Pair
from fluctua.analysis.crooks import CrooksFit, fit_crooks
from fluctua.analysis.crooks_coins import Coins
from fluctua.analysis.detailed import DetailedFit, by_size, fit_detailed, reach_of_brownian_motion
from fluctua.analysis.logistic import chances
from fluctua.analysis.relabelling import Labels
from fluctua.analysis.samples import Sample
from fluctua.analysis.scores import settled

Floats = NDArray[np.float64]

_REPLICATES = 999
_LEAST = 1e-200  # information below which a walk has no scale


@dataclass(frozen=True, eq=False)
class Tosses:
    """Coins in the order of what their chance depends on.

    Attributes
    ----------
    place : ndarray, shape (k,)
        x of each coin, in kT or k_B, rising; of a bin, the mean.
    chance : ndarray, shape (k,)
        Of the label 1 by the theorem; of a bin, the mean.
    count : ndarray, shape (k,)
        Trajectories behind each coin.
    heads : ndarray, shape (k,)
        How many of them have the label 1.
    last : ndarray of bool, shape (k,)
        Where a walk of residuals may be looked at: not among equal values.
    log_odds : float
        M, the logarithm of the odds at x = 0.
    bridge : bool
        Whether the residuals sum to zero, as they do where M - f was fitted.
    fit : CrooksFit or DetailedFit
        What was made of them.
    """

    place: Floats
    chance: Floats
    count: Floats
    heads: Floats
    last: NDArray[np.bool_]
    log_odds: float
    bridge: bool
    fit: CrooksFit | DetailedFit

    @classmethod
    def of_directions(
        cls, work_forward: ArrayLike, work_reverse: ArrayLike, fit: CrooksFit | None = None
    ) -> Self:
        """Label forward trajectories 1, with x the work less BAR's free-energy difference, in kT."""
        pair = Pair.of(work_forward, work_reverse)
        fit = fit or fit_crooks(work_forward, work_reverse)
        f = fit.free_energy - pair.origin
        coins = Coins.of(pair, f)
        return cls._made(replace(coins, work=coins.work - f), pair.log_sizes, True, fit)

    @classmethod
    def of_signs(cls, s: ArrayLike, fit: DetailedFit | None = None) -> Self:
        """Label positive entropy productions 1, with x their size in k_B; one that is 0 has no sign.

        Nor has one that is 0 but for rounding, as in the test.
        """
        sample = Sample.of(settled(s), "entropy")
        return cls._made(by_size(sample), 0.0, False, fit or fit_detailed(sample.raw))

    @classmethod
    def _made(cls, coins: Coins, log_odds: float, bridge: bool, fit: CrooksFit | DetailedFit) -> Self:
        count = np.ones(coins.work.size) if coins.count is None else coins.count.astype(np.float64)
        heads = np.rint(coins.residual + count * coins.chance)
        return cls(coins.work, coins.chance, count, heads, coins.last, log_odds, bridge, fit)

    @property
    def residual(self) -> Floats:
        """Labels 1 beyond what the theorem expects, shape (k,)."""
        return self.heads - self.count * self.chance

    @property
    def weight(self) -> Floats:
        """Information p (1 - p) of each coin, shape (k,)."""
        return self.count * self.chance * (1.0 - self.chance)

    @cached_property
    def walk(self) -> tuple[Floats, Floats]:
        """Where the walk of residuals is looked at, and its height in standard deviations of its end."""
        height = np.cumsum(self.residual) / math.sqrt(max(self.fit.information, _LEAST))
        return self.place[self.last], height[self.last]

    def band(self, level: float = 0.95) -> float:
        """Return the height below which the walk of true trajectories stays with the chance `level`.

        By the limit law where the p-value of the walk is found by it, otherwise by drawing the labels again.
        """
        if "drawn again" not in self.fit.method:
            return float(special.kolmogi(1.0 - level)) if self.bridge else _reach(1.0 - level)
        count = None if (self.count == 1.0).all() else self.count.astype(np.int64)
        nothing = np.empty((self.place.size, 0))
        _, walks = Labels(self.chance, nothing, self.last, self.bridge, count).redraw(_REPLICATES)
        return float(np.quantile(walks, level)) / math.sqrt(max(self.fit.information, _LEAST))

    def fitted(self, x: Floats) -> Floats | None:
        """Evaluate the chance of the fitted slope at x; none where nothing could be fitted."""
        slope = self.fit.slope
        if not math.isfinite(slope):
            return None
        return chances(slope * x + (self._intercept(slope) if self.bridge else 0.0))[0]

    def _intercept(self, slope: float) -> float:
        """Solve for the constant at which the fitted chances sum to the number of labels 1."""
        reach = 1.0 + abs(self.log_odds) + abs(slope) * float(np.abs(self.place).max(initial=0.0))
        low, high, total = -2.0 * reach, 2.0 * reach, float(self.heads.sum())
        for _ in range(80):
            middle = 0.5 * (low + high)
            expected = float(self.count @ chances(slope * self.place + middle)[0])
            low, high = (middle, high) if expected < total else (low, middle)
        return 0.5 * (low + high)


def _reach(chance: float) -> float:
    """Return the height that Brownian motion exceeds before time 1 with this chance."""
    low, high = 0.0, 40.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if reach_of_brownian_motion(middle) > chance else (low, middle)
    return 0.5 * (low + high)
