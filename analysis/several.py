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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.crooks import FREE_ENERGY_TOLERANCE
from fluctua.analysis.integral import ExponentialAverage, average_part, exponential_average
from fluctua.analysis.parts import Part
from fluctua.analysis.rule import judge, not_applicable
from fluctua.analysis.samples import finite
from fluctua.analysis.verdict import Verdict

if TYPE_CHECKING:
    from fluctua.analysis.dependence import Dependence

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


def cochran_rising(estimates: ArrayLike, errors: ArrayLike, freedom: ArrayLike | None = None) -> Agreement:
    r"""Test whether estimates agree up to a bias that rises in the order given.

    .. math:: Q_+ = \min_{b_1\le\dots\le b_K}\sum_k w_k\,(x_k-b_k)^2

    is what no rising bias explains. It is largest, in law, where there is no bias at all; that law, a mixture
    of chi-squares, is drawn (9,999 times, always the same ones), with errors that scatter as the given ones
    do.

    Parameters
    ----------
    estimates, errors : array_like, shape (K,)
        As for `cochran`, the one with the least bias first.
    freedom : array_like, shape (K,), optional
        Degrees of freedom behind the errors; by default they are taken for exact.

    Returns
    -------
    Agreement
    """
    x, weights, mean = _weighed(estimates, errors)
    q = float(_distance_to_rising((x - mean)[None], weights[None])[0])
    generator = np.random.Generator(np.random.Philox(_KEY))
    draws = generator.normal(size=(_DRAWS, x.size)) / np.sqrt(weights)
    known = np.full(x.size, math.inf) if freedom is None else np.asarray(freedom, dtype=np.float64)
    scatter = np.ones(draws.shape)  # of the squared errors, about the true ones
    for k in np.flatnonzero(np.isfinite(known)):
        scatter[:, k] = generator.chisquare(known[k], _DRAWS) / known[k]
    as_large = int(np.count_nonzero(_distance_to_rising(draws, weights / scatter) >= q - 1e-9))
    return Agreement(mean, float(weights.sum()) ** -0.5, q, x.size - 1, (1 + as_large) / (1 + _DRAWS))


def _weighed(estimates: ArrayLike, errors: ArrayLike) -> tuple[Floats, Floats, float]:
    x = np.asarray(estimates, dtype=np.float64)
    weights = np.asarray(errors, dtype=np.float64) ** -2.0
    return x, weights, float(weights @ x / weights.sum())


def _distance_to_rising(x: Floats, weights: Floats) -> Floats:
    r"""Return the weighted squared distance of each row to the nearest rising sequence.

    .. math:: b_k = \max_{i\le k}\min_{j\ge k}\frac{\sum_{l=i}^jw_lx_l}{\sum_{l=i}^jw_l}
    """
    total, mass = (np.cumsum(np.pad(terms, ((0, 0), (1, 0))), axis=1) for terms in (weights * x, weights))
    nearest = np.full(x.shape, -math.inf)
    for i in range(x.shape[1]):
        means = (total[:, i + 1 :] - total[:, i, None]) / (mass[:, i + 1 :] - mass[:, i, None])
        least = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        nearest[:, i:] = np.maximum(nearest[:, i:], least)
    return np.asarray(np.sum(weights * np.square(x - nearest), axis=1))


@dataclass(frozen=True)
class ForwardWork:
    """Work of one protocol, of several between the same two ends.

    Parameters
    ----------
    name : str
        What the protocol is called.
    work : ndarray, shape (n,)
        In kT.
    dependence : Dependence, optional
        Of the terms exp(-w), by `Dependence.of_average`; independent trajectories by default.
    """

    name: str
    work: Floats
    dependence: Dependence | None = None

    def average(self, alpha: float) -> ExponentialAverage:
        """Average exp(-w), with the error that the dependence leaves."""
        average = exponential_average(finite(self.work, self.name), alpha)
        if self.dependence is None:
            return average
        ratio = self.dependence.mean_variance_ratio
        return replace(average, standard_error=average.standard_error * math.sqrt(ratio))

    @property
    def freedom(self) -> float:
        """Degrees of freedom behind the error."""
        return math.inf if self.dependence is None else self.dependence.freedom

    @property
    def reason(self) -> str:
        """Why there is no error; empty where there is one."""
        return "" if self.dependence is None else self.dependence.reason

    @property
    def assumption(self) -> str:
        """What is taken for granted of the trajectories."""
        return "trajectories are independent" if self.dependence is None else self.dependence.assumption


def judge_several(
    protocols: Sequence[ForwardWork],
    *,
    delta_f: float | None = None,
    tolerance: float = FREE_ENERGY_TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
) -> Verdict:
    """Judge whether forward work of several protocols between the same two ends gives one ΔF.

    Parameters
    ----------
    protocols : sequence of ForwardWork
        Independent of each other.
    delta_f : float, optional
        In kT, where it is known: then each protocol is held against it.
    tolerance : float
        What counts as equal, in kT.
    alpha : float
        Error rate.
    assumptions : tuple of str
        What the verdict takes for granted.

    Returns
    -------
    Verdict
        ``violated`` where a protocol that dissipates more gives a lower ΔF, or any one less than the known
        one; ``not applicable`` with one protocol and no ΔF.
    """
    if len(protocols) < 2 and delta_f is None:
        return not_applicable("jarzynski", "needs several protocols between the same ends, or a known ΔF")
    ordered = sorted(protocols, key=lambda one: float(one.work.mean()))  # one ΔF: so by dissipation
    averages = [one.average(alpha) for one in ordered]
    if delta_f is None:
        parts = _differences(ordered, averages, tolerance)
    else:
        parts = [_against(one, delta_f, tolerance, alpha) for one in ordered]
    return judge(
        "jarzynski",
        parts,
        alpha=alpha,
        n=min(average.n for average in averages),
        information=min(average.effective for average in averages),
        assumptions=(
            *dict.fromkeys(one.assumption for one in ordered),
            "no rare mode escaped the samples",
            "all protocols lead from the same start to the same end",
            *(("protocols were run independently of each other",) if delta_f is None else ()),
            *assumptions,
        ),
    )


def _against(one: ForwardWork, delta_f: float, tolerance: float, alpha: float) -> Part:
    """Hold one protocol against the known ΔF."""
    average = exponential_average(finite(one.work, one.name), alpha, origin=delta_f)
    part = average_part(average, f"ΔF of {one.name}", expected=delta_f, tolerance=tolerance, alpha=alpha)
    if one.dependence is None:
        return part
    return one.dependence.widen_average(part)


def _differences(
    protocols: Sequence[ForwardWork], averages: Sequence[ExponentialAverage], tolerance: float
) -> list[Part]:
    """Compare each protocol with the one that dissipates least, and all with each other."""
    first = averages[0]
    parts = []
    for one, average in zip(protocols[1:], averages[1:], strict=True):
        error = math.hypot(average.standard_error, first.standard_error)
        part = Part(
            f"ΔF of {one.name} - {protocols[0].name}",
            estimate=average.value - first.value,
            standard_error=error if math.isfinite(error) else None,
            tolerance=tolerance,
            cautious=True,
            freedom=min(one.freedom, protocols[0].freedom),
            starved=_starved(one, average) or _starved(protocols[0], first),
            method="exponential averages",
        )
        parts.append(part)
    return [*parts, _agreement(protocols, averages)]


def _starved(one: ForwardWork, average: ExponentialAverage) -> str:
    starved = one.reason or replace(average, missing=math.nan).starved  # no ΔF is known, so none is missed
    return f"{starved} ({one.name})" if starved else ""


def _agreement(protocols: Sequence[ForwardWork], averages: Sequence[ExponentialAverage]) -> Part:
    usable = [
        (average, one.freedom)
        for one, average in zip(protocols, averages, strict=True)
        if average.sampled and average.standard_error > 0.0 and not one.reason
    ]
    if len(usable) < 2:
        return Part("agreement", starved="tail not sampled: fewer than two protocols can be compared")
    found = cochran_rising(
        [average.value for average, _ in usable],
        [average.standard_error for average, _ in usable],
        [freedom for _, freedom in usable],
    )
    return Part(
        "agreement",
        statistic=found.statistic,
        p_value=found.p_value,
        method=f"Cochran's Q of {len(usable)} protocols, one-sided",
    )
