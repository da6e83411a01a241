r"""Several estimates of one number, and whether they agree.

With independent estimates :math:`x_k` and standard errors :math:`\sigma_k`, weights
:math:`w_k=\sigma_k^{-2}` and :math:`\bar x=\sum w_kx_k/\sum w_k`, Cochran's

.. math:: Q = \sum_k w_k\,(x_k-\bar x)^2 \sim \chi^2_{K-1}

where all estimate the same number. Free energies from forward work alone, at several speeds, err upwards,
the more so the more is dissipated: a faster protocol that gives *more* disproves nothing, one that gives
*less* does. There only that side is counted.

Sources: Cochran (1954); Bartholomew (1959) and Robertson, Wright and Dykstra (1988), ordered alternatives;
Gore, Ritort and Bustamante (2003), bias of the exponential average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.crooks import FREE_ENERGY_TOLERANCE
from fluctua.analysis.integral import ExponentialAverage, exponential_average
from fluctua.analysis.parts import Part
from fluctua.analysis.rule import judge, not_applicable
from fluctua.analysis.samples import finite
from fluctua.analysis.verdict import Verdict

Floats = NDArray[np.float64]

_KEY = 0xC0C  # fixed: the same numbers give the same p-value everywhere and always
_DRAWS = 9_999


@dataclass(frozen=True)
class Agreement:
    """Cochran's Q of several estimates of one number.

    Attributes
    ----------
    mean, standard_error : float
        Weighted by the inverse variances.
    statistic : float
        Q, or its one-sided form.
    freedom : int
        Number of estimates less 1.
    p_value : float
        Chance of a statistic at least as large, if they estimate one number.
    """

    mean: float
    standard_error: float
    statistic: float
    freedom: int
    p_value: float


def cochran(estimates: ArrayLike, errors: ArrayLike) -> Agreement:
    """Test whether independent estimates agree.

    Parameters
    ----------
    estimates, errors : array_like, shape (K,)
        Numbers and their standard errors, all above 0; K at least 2.

    Returns
    -------
    Agreement
    """
    x, weights, mean = _weighed(estimates, errors)
    q = float(weights @ np.square(x - mean))
    return Agreement(mean, float(weights.sum()) ** -0.5, q, x.size - 1, float(special.chdtrc(x.size - 1, q)))


def cochran_rising(estimates: ArrayLike, errors: ArrayLike) -> Agreement:
    r"""Test whether estimates agree up to a bias that rises in the order given.

    .. math:: Q_+ = \min_{b_1\le\dots\le b_K}\sum_k w_k\,(x_k-b_k)^2

    is what no rising bias explains. It is largest, in law, where there is no bias at all; that law, a mixture
    of chi-squares, is drawn (9,999 times, always the same ones).

    Parameters
    ----------
    estimates, errors : array_like, shape (K,)
        As for `cochran`, the one with the least bias first.

    Returns
    -------
    Agreement
    """
    x, weights, mean = _weighed(estimates, errors)
    q = _distance_to_rising(x, weights)
    draws = np.random.Generator(np.random.Philox(_KEY)).normal(size=(_DRAWS, x.size)) / np.sqrt(weights)
    as_large = sum(_distance_to_rising(row, weights) >= q - 1e-9 for row in draws)
    return Agreement(mean, float(weights.sum()) ** -0.5, q, x.size - 1, (1 + as_large) / (1 + _DRAWS))


def _weighed(estimates: ArrayLike, errors: ArrayLike) -> tuple[Floats, Floats, float]:
    x = np.asarray(estimates, dtype=np.float64)
    weights = np.asarray(errors, dtype=np.float64) ** -2.0
    return x, weights, float(weights @ x / weights.sum())


def _distance_to_rising(x: Floats, weights: Floats) -> float:
    """Return the weighted squared distance to the nearest rising sequence, by pooling what falls."""
    pools: list[tuple[float, float]] = []  # mean and weight
    for value, weight in zip(x.tolist(), weights.tolist(), strict=True):
        pools.append((value, weight))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, u), (b, v) = pools[-2:]
            pools[-2:] = [((a * u + b * v) / (u + v), u + v)]
    # What pooling leaves is an orthogonal projection, so that squared lengths subtract.
    return max(0.0, float(weights @ np.square(x)) - sum(weight * mean**2 for mean, weight in pools))


def judge_several(
    works: Sequence[ArrayLike],
    names: Sequence[str] = (),
    *,
    tolerance: float = FREE_ENERGY_TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
) -> Verdict:
    """Judge whether forward work of several protocols between the same two ends gives one ΔF.

    Parameters
    ----------
    works : sequence of array_like
        Work of each protocol, in kT; independent trajectories.
    names : sequence of str, optional
        What the protocols are called.
    tolerance : float
        What counts as equal, in kT.
    alpha : float
        Error rate.
    assumptions : tuple of str
        What the verdict takes for granted.

    Returns
    -------
    Verdict
        ``violated`` where a protocol that dissipates more gives a lower ΔF; ``not applicable`` with one
        protocol.
    """
    if len(works) < 2:
        return not_applicable("jarzynski", "needs several protocols between the same ends, or a known ΔF")
    named = list(names) or [f"protocol {k + 1}" for k in range(len(works))]
    columns = [finite(work, name) for work, name in zip(works, named, strict=True)]
    order = sorted(range(len(columns)), key=lambda k: float(columns[k].mean()))  # one ΔF: so by dissipation
    averages = [exponential_average(columns[k], alpha) for k in order]
    named = [named[k] for k in order]
    parts = [
        _difference(average, averages[0], f"ΔF of {name} - {named[0]}", tolerance)
        for average, name in zip(averages[1:], named[1:], strict=True)
    ]
    return judge(
        "jarzynski",
        [*parts, _agreement(averages)],
        alpha=alpha,
        n=min(average.n for average in averages),
        information=min(average.effective for average in averages),
        assumptions=(
            "trajectories are independent",
            "no rare mode escaped the samples",
            "all protocols lead from the same start to the same end",
            *assumptions,
        ),
    )


def _difference(average: ExponentialAverage, first: ExponentialAverage, name: str, tolerance: float) -> Part:
    error = math.hypot(average.standard_error, first.standard_error)
    return Part(
        name,
        estimate=average.value - first.value,
        standard_error=error if math.isfinite(error) else None,
        tolerance=tolerance,
        cautious=True,
        starved=average.starved or first.starved,
        method="exponential averages",
    )


def _agreement(averages: Sequence[ExponentialAverage]) -> Part:
    usable = [average for average in averages if average.sampled and average.standard_error > 0.0]
    if len(usable) < 2:
        return Part("agreement", starved="tail not sampled: fewer than two protocols can be compared")
    found = cochran_rising(
        [average.value for average in usable], [average.standard_error for average in usable]
    )
    return Part(
        "agreement",
        statistic=found.statistic,
        p_value=found.p_value,
        method=f"Cochran's Q of {len(usable)} protocols, one-sided",
    )
