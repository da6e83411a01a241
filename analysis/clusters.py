"""Sums of scores over groups of trajectories: their covariance, and what is left to know it by.

Sources: Liang and Zeger (1986), clusters; Satterthwaite (1946), degrees of freedom of a sum of variances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.correlation import Scores
from fluctua.analysis.joint import joint_moments
from fluctua.analysis.samples import stretches
from fluctua.analysis.strata import LEAST_GROUPS
from fluctua.stochastic.errors import InvalidInput

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Scored:
    """One direction: its values, and the scores that decide and that are all needed."""

    values: Floats
    leading: Scores
    scores: Scores


def numbered(groups: tuple[ArrayLike, ...], sizes: tuple[int, ...]) -> tuple[Codes, ...]:
    """Give the groups numbers from 0 up, the same in both directions."""
    given = [np.asarray(codes).ravel() for codes in groups]
    for codes, size in zip(given, sizes, strict=True):
        if codes.size != size:
            raise InvalidInput(
                f"{codes.size:,} group codes for {size:,} trajectories", "group", "give one a trajectory"
            )
    _, numbers = np.unique(np.concatenate(given), return_inverse=True)
    return tuple(np.split(numbers.ravel(), np.cumsum(sizes)[:-1]))


def cluster_covariance(samples: tuple[Scored, ...], codes: tuple[Codes, ...], groups: int) -> Floats:
    r"""Return the covariance of the sums of scores, from their sums U over groups.

    .. math:: \frac{G}{G-1}\sum_g U_gU_g^T

    Where no group holds both directions, this of each of them, with its own G: each has a mean of its own.
    """
    if _apart(codes):
        alone = [
            _centred_sums((sample,), (code,), groups) for sample, code in zip(samples, codes, strict=True)
        ]
        sizes = [np.unique(code).size for code in codes]
        return np.asarray(sum(u @ u.T * size / (size - 1) for u, size in zip(alone, sizes, strict=True)))
    totals = _centred_sums(samples, codes, groups)
    return np.asarray(totals @ totals.T) * groups / (groups - 1)


def _apart(codes: tuple[Codes, ...]) -> bool:
    """Say whether there are two directions, and no group holds both."""
    return len(codes) == 2 and np.intersect1d(*codes).size == 0


def freedom_between(samples: tuple[Scored, ...], codes: tuple[Codes, ...], groups: int) -> float:
    r"""Return the degrees of freedom of the variance between groups.

    .. math:: G-1, \qquad\text{or}\quad \Big[\frac{V_F^2}{G_F-1}+\frac{V_R^2}{G_R-1}\Big]^{-1}(V_F+V_R)^2

    where no group holds both directions (Satterthwaite 1946), with V the variances of independent
    trajectories: G - 2 where the directions are alike.
    """
    if not _apart(codes):
        return groups - 1.0
    variances = np.array([variance_of_sum(sample.values, sample.leading) for sample in samples])
    left = np.array([np.unique(code).size - 1.0 for code in codes])
    if not variances.sum() > 0.0:
        return float(left.min())
    return float(variances.sum() ** 2 / np.sum(variances**2 / left))


def _centred_sums(samples: tuple[Scored, ...], codes: tuple[Codes, ...], groups: int) -> Floats:
    totals: Floats = np.zeros(())
    for sample, code in zip(samples, codes, strict=True):
        sums, count = _group_sums(sample, code, groups)
        # A direction's number of trajectories is given: each group has its share of the mean.
        totals = totals + sums - np.outer(sums.sum(axis=1) / code.size, count)
    return totals


def spread_p(samples: tuple[Scored, ...], codes: tuple[Codes, ...], groups: int, independent: float) -> float:
    r"""Return the p-value of as large a spread of the scores of ΔF over groups, if these do not differ.

    .. math:: \frac{\sum_gU_g^2}{\operatorname{Var}\sum U}\,(G - k) \sim \chi^2_{G-k}

    with k the number of directions that have a mean of their own. Small groups do not add up to normal
    numbers: so the scatter of the squares must not explain it either.
    """
    squares = np.square(_centred_sums(samples, codes, groups)[0])
    freedom = groups - (2 if _apart(codes) else 1)
    if freedom < 1 or not independent > 0.0:
        return 1.0
    excess = float(squares.sum()) * groups / freedom / independent
    scatter = float(squares.std()) * math.sqrt(groups) / independent
    by_chance = float(special.chdtrc(freedom, min(excess * freedom, 1e12)))
    return (
        by_chance if groups < LEAST_GROUPS else max(by_chance, float(special.ndtr((1.0 - excess) / scatter)))
    )


def _group_sums(sample: Scored, code: Codes, groups: int) -> tuple[Floats, Floats]:
    total: Floats = np.zeros(())
    for here, part in zip(stretches(code), stretches(sample.values), strict=True):
        rows = sample.scores(part)
        total = total + np.stack([np.bincount(here, row, groups) for row in rows])
    return total, np.bincount(code, minlength=groups).astype(np.float64)


def variance_of_sum(values: Floats, scores: Scores) -> float:
    """Return n times the variance of the scores, as if they were independent."""
    _, variance = joint_moments(values, lambda part: scores(part)[0])
    return float(variance[0, 0]) * values.size**2 / max(1, values.size - 1)


def too_few_groups(codes: tuple[Codes, ...], groups: int) -> str:
    """Say that an error between groups cannot be had; empty where it can, or where all are one group."""
    if 1 < groups < LEAST_GROUPS:
        return f"too few groups: {groups}, and an error between groups needs {LEAST_GROUPS}"
    if groups > 1 and _apart(codes) and min(np.unique(code).size for code in codes) < 2:
        return f"too few groups: one direction has one of its own only, of {groups}"
    return ""
