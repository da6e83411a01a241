r"""Trajectories that are not independent: how much larger the variances are, or why they cannot be known.

Tests of the theorems are sums of scores over trajectories, so what counts is the correlation of the *scores*
(not of the work), in the order of measurement or within groups. Three cases:

1. No groups, and no serial correlation of the scores at level 0.01: all formulas for independent
   trajectories stay as they are. Where they are independent this is so 99 times in 100 at least, and the
   hundredth time is judged by case 2, which is right for it too, or refused where there are fewer than 200.
   What can be missed is an inefficiency of :math:`1+O(n^{-1/2})`: at 1,000 trajectories in each direction
   about 1.2, at 100,000 about 1.02.
2. Serial correlation: the variance of each score comes from batch means, with blocks of at least 10
   inefficiencies, at least 20 a direction, and Student's law with 2 (blocks - 1) degrees of freedom. Where so
   many do not fit, nothing can be said: ``too correlated``.
3. Five groups or more (molecules, days, seeds): each is one draw, and the variance comes from the sums over
   groups, with groups - 1 degrees of freedom; where no group holds both directions each of these has a mean
   of its own, which leaves groups - 2. Fewer cannot tell a ΔF from a known one, as nobody knows how much
   groups differ: ``too few groups``. Groups that hold both directions give slope and shape within
   themselves, each with a ΔF of its own (`fluctua.analysis.strata`): pooled work of groups that differ has
   another slope. Groups that hold one direction cannot: where such groups differ, nobody knows whether they
   differ in ΔF, and the slope is not judged.

Where more than a hundredth of a column repeats others to the last digit, nobody knows how many trajectories
there are, and nothing is judged: ``copies``.

Sources: Flyvbjerg and Petersen (1989); Liang and Zeger (1986), clusters; Cochran (1954); Student's law for
batch means: Schmeiser (1982); Satterthwaite (1946), degrees of freedom of a sum of variances.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.clusters import (
    Codes,
    Scored,
    cluster_covariance,
    freedom_between,
    numbered,
    spread_p,
    too_few_groups,
    variance_of_sum,
)
from fluctua.analysis.correlation import LEAST_BLOCKS, Course, Scores, batch_covariance, independent_blocks
from fluctua.analysis.crooks import LEAST_INFORMATION
from fluctua.analysis.parts import Part, p_is
from fluctua.analysis.remarks import COPIES, copied
from fluctua.analysis.samples import LARGEST, finite, replaced
from fluctua.analysis.scores import (
    DEGREE,
    CrooksScores,
    Ratios,
    ratio,
    settled,
    sign_information,
    sign_scores,
)
from fluctua.analysis.strata import DISAGREEMENT, LEAST_GROUPS, LEVEL, Strata, too_correlated

Floats = NDArray[np.float64]

_LARGEST_EXPONENT = 700.0


@dataclass(frozen=True)
class Dependence:
    """How the trajectories behind a test depend on each other.

    Attributes
    ----------
    inefficiency : float
        How many trajectories are worth one independent one, by the scores; 1 where they look independent.
    p_value : float
        Of the test for serial correlation.
    blocks : int
        Blocks in each direction, or groups, from which variances were taken; 0 where none were.
    freedom : float
        Degrees of freedom of those variances; infinite where the formulas for independence stand.
    slope_score_variance_ratio, free_energy_variance_ratio, mean_variance_ratio : float
        By what the variance under independence is multiplied.
    shape_variance_ratio : float
        The largest such ratio of any combination of the components of the shape test: dividing its statistic
        by it errs on the safe side.
    reason : str
        Why nothing can be judged: ``"too correlated: ..."``; empty where it can.
    free_energy_reason : str
        Why ΔF cannot be compared with a known one: ``"too few groups: ..."``, or `reason`.
    groups : int
        Number of groups; 0 without any.
    strata : Strata or None
        Slope and shape within groups, where these hold both directions.
    notes : tuple of str
        What a reader should know.
    """

    inefficiency: float = 1.0
    p_value: float = 1.0
    blocks: int = 0
    freedom: float = math.inf
    slope_score_variance_ratio: float = 1.0
    free_energy_variance_ratio: float = 1.0
    shape_variance_ratio: float = 1.0
    mean_variance_ratio: float = 1.0
    reason: str = ""
    free_energy_reason: str = ""
    groups: int = 0
    strata: Strata | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        work_forward: ArrayLike,
        work_reverse: ArrayLike,
        f: float,
        groups: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> Self:
        r"""Judge the scores of Crooks' theorem, residual times 1 and residual times work.

        Parameters
        ----------
        work_forward, work_reverse : array_like
            In kT, each as measured and in the order of measurement.
        f : float
            BAR's free-energy difference of both, in kT.
        groups : pair of array_like, optional
            A code for each trajectory of either direction; equal codes are one group in both.
        """
        forward, reverse = finite(work_forward, "forward"), finite(work_reverse, "reverse")
        coin = CrooksScores.of(forward, reverse, f)
        if coin is None:  # no overlap: there is no variance to correct
            return cls()
        samples = (
            Scored(forward, coin.scores(forward=True, degree=1), coin.scores(forward=True, degree=DEGREE)),
            Scored(reverse, coin.scores(forward=False, degree=1), coin.scores(forward=False, degree=DEGREE)),
        )
        codes = None if groups is None else numbered(groups, (forward.size, reverse.size))
        found = cls._of(samples, codes, coin.ratios)._unless_copied(forward, reverse)
        if codes is None or found.groups < 2 or found.reason.startswith(COPIES):
            return found
        strata = Strata.of(forward, reverse, (codes[0], codes[1]), f)
        return found._within_groups(strata, spread_p(samples, codes, found.groups, float(coin.naive[0, 0])))

    @classmethod
    def of_signs(cls, s: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Judge the scores of the one-sample theorem: residual of the sign times size, and times 1."""
        values = settled(s)
        naive = np.diag(sign_information(values))
        if naive[1, 1] < LEAST_INFORMATION:
            return cls()
        codes = None if groups is None else numbered((groups,), (values.size,))
        found = cls._of(
            (Scored(values, sign_scores, sign_scores),),
            codes,
            lambda covariance: Ratios(
                slope=float(covariance[0, 0] / naive[0, 0]), shape=float(covariance[1, 1] / naive[1, 1])
            ),
        )
        return replace(found, free_energy_reason="")._unless_copied(values)  # there is no ΔF

    @classmethod
    def of_mean(cls, x: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Judge the values themselves, for their mean: dissipation, entropy production."""
        values = finite(x, "values")
        middle = float(np.median(values[:: max(1, values.size // 10_000)]))
        return cls._of_mean(values, lambda part: (part - middle)[None, :], groups)

    @classmethod
    def of_average(cls, s: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Judge the terms exp(-s), for their mean."""
        values = replaced(s, "entropy", LARGEST)
        least = float(values.min())
        return cls._of_mean(values, lambda part: np.exp(least - part)[None, :], groups)

    @classmethod
    def _of_mean(cls, values: Floats, scores: Scores, groups: ArrayLike | None) -> Self:
        if not values.max() > values.min():
            return cls()
        codes = None if groups is None else numbered((groups,), (values.size,))
        found = cls._of(
            (Scored(values, scores, scores),),
            codes,
            lambda covariance: Ratios(mean=ratio(covariance[0, 0], variance_of_sum(values, scores))),
        )
        return replace(found, reason=found.reason or found.free_energy_reason)._unless_copied(values)

    @property
    def independent(self) -> bool:
        """Whether the formulas for independent trajectories stand as they are."""
        return math.isinf(self.freedom)

    @property
    def assumption(self) -> str:
        """What is taken for granted of the trajectories."""
        if self.reason:
            return "trajectories stand in the order in which they were made"
        if self.independent:
            return "trajectories are independent"
        return f"{self.blocks} {'groups' if self.groups else 'blocks of trajectories'} are independent"

    def widen(self, part: Part, ratio: float, *, lower: bool = False, reason: str | None = None) -> Part:
        """Return a part of a claim with its error and p-value as the dependence has them.

        Parameters
        ----------
        part : Part
            With a statistic that is a z-score under independence; without one it keeps no p-value.
        ratio : float
            One of the ratios.
        lower : bool
            Whether only a low statistic counts against the claim.
        reason : str, optional
            Instead of `reason`.
        """
        starved = self.reason if reason is None else reason
        if starved:
            return replace(part, starved=part.starved or starved, p_value=None)
        if self.independent:
            return part
        scale = math.sqrt(ratio)
        error = None if part.standard_error is None else part.standard_error * scale
        freedom = min(part.freedom, self.freedom)
        method = f"{part.method}, Student's t, {self.blocks} {'groups' if self.groups else 'blocks'}"
        counted = self.blocks if self.groups else 0
        part = replace(part, standard_error=error, freedom=freedom, groups=counted, method=method)
        if part.statistic is None:  # what a test of independent trajectories says counts for nothing here
            return replace(part, p_value=None)
        if part.p_value is None or not scale > 0.0:
            return part
        t = part.statistic / scale
        p = special.stdtr(freedom, t) if lower else 2.0 * special.stdtr(freedom, -abs(t))
        return replace(part, statistic=t, p_value=float(p))

    def widen_average(self, part: Part) -> Part:
        r"""Return an exponential average with its error as the dependence has it, judged by t alone.

        A count in the tail is binomial for independent trajectories only. Where it decided, t is found again
        from the number and its error, which are those of the logarithm of the average:

        .. math:: -t = \frac{1-\langle e^{-s}\rangle}{\mathrm{s.e.}} = \frac{e^v-1}{\mathrm{s.e.}_v},
           \qquad v=-\ln\langle e^{-s}\rangle

        Parameters
        ----------
        part : Part
            From `average_part`: a low statistic counts against the claim.
        """
        dependent = not (self.independent or self.reason)
        if dependent and part.statistic is None and part.estimate is not None and part.standard_error:
            excess = math.expm1(min(part.estimate - part.expected, _LARGEST_EXPONENT))
            part = replace(part, statistic=excess / part.standard_error, method="one-sided t-test")
        return self.widen(part, self.mean_variance_ratio, lower=True)

    @classmethod
    def _of(
        cls,
        samples: tuple[Scored, ...],
        codes: tuple[Codes, ...] | None,
        ratios: Callable[[Floats], Ratios],
    ) -> Self:
        groups = 0 if codes is None else 1 + max(int(code.max()) for code in codes)
        few = "" if codes is None else too_few_groups(codes, groups)
        if codes is not None and groups > 1 and not few:
            covariance = cluster_covariance(samples, codes, groups)
            found = cls(blocks=groups, freedom=freedom_between(samples, codes, groups), groups=groups)
            return found._with(ratios(covariance))
        leading = tuple(Course.of(sample.values, sample.leading) for sample in samples)
        p = min(1.0, len(leading) * min(course.p_value for course in leading))
        if p >= LEVEL:
            return cls(p_value=p, groups=groups, free_energy_reason=few)
        inefficiency = max(course.inefficiency for course in leading)
        count = independent_blocks(leading)
        found = cls(inefficiency, p, count, groups=groups, free_energy_reason=few)
        if count < LEAST_BLOCKS:
            reason = too_correlated(leading)
            return replace(found, reason=reason, free_energy_reason=few or reason)
        courses = tuple(Course.of(sample.values, sample.scores) for sample in samples)
        freedom = float(len(samples) * (count - 1))
        note = f"consecutive trajectories are correlated (one in {inefficiency:.2g} is independent)"
        found = replace(found, freedom=freedom, notes=(note,))
        return found._with(ratios(batch_covariance(courses, count)))

    def _unless_copied(self, *samples: Floats) -> Self:
        """Refuse where nobody knows how many trajectories there are."""
        reason = next((text for text in map(copied, samples) if text), "")
        return replace(self, reason=reason, free_energy_reason=reason) if reason else self

    def _with(self, ratios: Ratios) -> Self:
        return replace(
            self,
            slope_score_variance_ratio=ratios.slope,
            free_energy_variance_ratio=ratios.free_energy,
            shape_variance_ratio=ratios.shape,
            mean_variance_ratio=ratios.mean,
        )

    def _within_groups(self, strata: Strata | None, spread_p: float) -> Self:
        """Judge slope and shape within groups, or say why they cannot be judged."""
        if strata is None:
            return replace(self, reason=_not_comparable(self.groups)) if spread_p < DISAGREEMENT else self
        few = type(self)(groups=self.groups, free_energy_reason=self.free_energy_reason)
        found = (
            self if self.groups >= LEAST_GROUPS else few
        )  # the order of few groups may show that they differ
        return replace(
            found, strata=strata, reason=strata.reason, notes=(*found.notes, *_disagreement(strata))
        )


INDEPENDENT = Dependence()


def _disagreement(strata: Strata) -> tuple[str, ...]:
    agreement = strata.agreement
    if agreement is None or not strata.disagree:
        return ()
    return (
        f"groups disagree: ΔF of {strata.groups} groups differs by more than their errors "
        f"(Q = {agreement.statistic:.3g}, {p_is(agreement.p_value)}); slope and shape are judged within "
        "groups",
    )


def _not_comparable(groups: int) -> str:
    return (
        f"groups cannot be compared: {groups} of them differ, and too few hold both directions with enough "
        "overlap to tell a slope from their differences in ΔF"
    )
