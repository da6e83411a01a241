r"""Crooks' theorem within groups, each with a free-energy difference of its own.

Molecules, days or instruments may differ in ΔF. Their pooled work then has no slope of 1 even where each of
them obeys the theorem: a mixture of shifted logistic curves is less steep than any of them. So the tests are
sums over groups g of what the theorem says within each,

.. math:: P(\mathrm{forward}\mid w, g) = L(M_g+w-f_g), \qquad M_g=\ln\frac{n_{F,g}}{n_{R,g}},

.. math:: U_k=\sum_g\sum_{i\in g}(\delta_i-\pi_i)\,h_i^k, \qquad
   \mathrm{Cov}(U_j,U_k)=\sum_g\sum_{i\in g}v_i\,(h_i^j-\overline{h^j}_g)(h_i^k-\overline{h^k}_g)

with h measured from each group's information-weighted centre. The chances :math:`\pi` are those of the
labels *given* how many of the group are forward: nothing of :math:`f_g` is left in them. With p from the fit,

.. math:: \pi_i = p_i + \frac{v_i\,(p_i-\bar p_g)}{d_g}+O(d_g^{-2}), \qquad v=p(1-p), \quad
   d_g=\sum_{i\in g}v_i, \quad \bar p_g=\frac1{d_g}\sum_{i\in g} v_ip_i ;

the second term is what fitting an f to each small group would add to the score, times the number of groups.

Sources: Hájek (1964), chances given a sum; Neyman and Scott (1948), Andersen (1970), many nuisance numbers;
Prentice and Pyke (1979); Liang and Zeger (1986), sums over clusters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from fluctua.analysis.correlation import LEAST_BLOCKS, Course, batch_covariance, independent_blocks
from fluctua.analysis.grouped_work import GroupedWork
from fluctua.analysis.scores import largest_ratio, whitening
from fluctua.analysis.several import Agreement, cochran

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

LEAST_GROUPS = 5  # fewer cannot tell by how much they differ
LEVEL = 0.01  # of tests for serial correlation
DISAGREEMENT = 0.01  # level at which groups are said to disagree
_TWO = 1.5  # equal groups, about: of fewer there is no variance


@dataclass(frozen=True)
class Strata:
    """What the groups say of Crooks' theorem, each judged with an f of its own.

    Attributes
    ----------
    groups : int
        Groups that were judged: those with both directions and enough overlap.
    left_out : int
        Other groups.
    information : float
        Sum of p (1 - p) over the groups judged.
    slope, slope_error : float
        Slope of the log odds that is common to the groups; the error as of independent trajectories. NaN
        where directions are separated.
    slope_statistic : float
        z of slope 1 for independent trajectories.
    smooth_statistic, smooth_degrees : float, int
        Smooth test: chi-square for independent trajectories.
    cusum_statistic : float
        Largest excursion of the residuals cumulated in the order of w - f_g. Its null law lies below that of
        Kolmogorov: a sum of bridges, each with a time of its own, varies less than one bridge.
    free_energies : tuple of (float, float)
        ΔF of each group judged, with its error if its trajectories were independent, in kT.
    variance : str
        Where variances come from: ``"8 groups"``, ``"40 blocks"``; empty where they are those of independent
        trajectories, as with few groups whose trajectories show no serial correlation.
    freedom : float
        Degrees of freedom of those variances; between groups by Satterthwaite, from their weights.
    slope_ratio, shape_ratio : float
        Those variances over those of independent trajectories; of the shape the largest.
    reason : str
        Why nothing can be judged: ``"too correlated: ..."``; empty where it can.
    """

    groups: int
    left_out: int
    information: float
    slope: float
    slope_error: float
    slope_statistic: float
    smooth_statistic: float
    smooth_degrees: int
    cusum_statistic: float
    free_energies: tuple[tuple[float, float], ...] = ()
    variance: str = ""
    freedom: float = math.inf
    slope_ratio: float = 1.0
    shape_ratio: float = 1.0
    reason: str = ""

    @classmethod
    def of(cls, forward: Floats, reverse: Floats, codes: tuple[Codes, Codes], f: float) -> Self | None:
        """Judge work of both directions within groups; none where most of it cannot be.

        Parameters
        ----------
        forward, reverse : ndarray
            In kT, as measured.
        codes : pair of ndarray of int
            Number of each trajectory's group, from 0 up, the same in both directions.
        f : float
            Where the free energies of the groups are looked for first.
        """
        work = GroupedWork.of(forward, reverse, codes, f)
        if work is None:
            return None
        scores = work.scores()
        total, naive = scores.by_group.sum(axis=0), scores.naive
        if not naive[0, 0] > 0.0:
            return None
        whitener = whitening(naive)
        slope, slope_error = work.slope(scores.width)
        information = float(scores.information.sum())
        found = cls(
            groups=work.count,
            left_out=work.left_out,
            information=information,
            slope=slope,
            slope_error=slope_error,
            slope_statistic=float(total[0] / math.sqrt(naive[0, 0])),
            smooth_statistic=float(np.square(whitener.T @ total).sum()),
            smooth_degrees=whitener.shape[1],
            cusum_statistic=work.excursion() / math.sqrt(information),
            free_energies=tuple((float(value), float(error)) for value, error in work.free_energies),
        )
        shares = scores.slope_weights / naive[0, 0]
        groups = 1.0 / float(np.square(shares).sum())  # as many of equal weight know as much
        if groups >= LEAST_GROUPS or (found.disagree and groups > _TWO):
            between = scores.between(shares)
            return found._with(between, naive, f"{work.count} groups", groups - 1.0)
        return found._serial(*work.courses(scores.width), naive)

    @property
    def agreement(self) -> Agreement | None:
        """Cochran's Q over the free energies; none of one group."""
        known = np.array([(value, error) for value, error in self.free_energies if error > 0.0])
        return cochran(*known.T) if len(known) > 1 else None

    @property
    def disagree(self) -> bool:
        """Whether the free energies differ by more than their errors."""
        agreement = self.agreement
        return agreement is not None and agreement.p_value < DISAGREEMENT

    @property
    def slope_p(self) -> float:
        """p-value of slope 1."""
        t = self.slope_statistic / math.sqrt(self.slope_ratio) if self.slope_ratio > 0.0 else 0.0
        return float(2.0 * special.stdtr(self.freedom, -abs(t)))

    @property
    def smooth_p(self) -> float:
        """p-value of the smooth test; as large as any component's variance can make it."""
        statistic = self.smooth_statistic / self.shape_ratio if self.shape_ratio > 0.0 else 0.0
        return float(special.chdtrc(max(1, self.smooth_degrees), statistic))

    @property
    def cusum_p(self) -> float:
        """p-value of the walk."""
        height = self.cusum_statistic / math.sqrt(self.shape_ratio) if self.shape_ratio > 0.0 else 0.0
        return float(special.kolmogorov(height))

    def _with(self, covariance: Floats, naive: Floats, variance: str, freedom: float) -> Self:
        return replace(
            self,
            variance=variance,
            freedom=freedom,
            slope_ratio=float(covariance[0, 0] / naive[0, 0]),
            shape_ratio=largest_ratio(covariance, naive),
        )

    def _serial(self, leading: tuple[Course, Course], courses: tuple[Course, Course], naive: Floats) -> Self:
        """Take variances between blocks where the trajectories of few groups are correlated."""
        if min(1.0, 2.0 * min(course.p_value for course in leading)) >= LEVEL:
            return self
        blocks = independent_blocks(leading)
        if blocks < LEAST_BLOCKS:
            return replace(self, reason=too_correlated(leading))
        freedom = 2.0 * (blocks - 1)
        return self._with(batch_covariance(courses, blocks), naive, f"{blocks} blocks", freedom)


def too_correlated(courses: tuple[Course, ...]) -> str:
    """Say that too few trajectories are independent."""
    inefficiency = max(course.inefficiency for course in courses)
    n = min(course.n for course in courses)
    return (
        f"too correlated: one in about {inefficiency:.2g} of {n:,} trajectories is independent, which leaves "
        f"fewer than {LEAST_BLOCKS} blocks"
    )
