r"""The integral theorem of one sample, judged on the side where it can be judged.

.. math:: \langle e^{-s}\rangle = 1

The average of a quantity that is positive and unbounded can be shown to be too *high*; that it is too *low*
can never be shown by the sample alone, as trajectories too rare to be seen may carry the difference (Bahadur
and Savage 1956). So a low average is ``undecidable``, with what the unseen trajectories would have to be, and
``holds`` asks that the tail is sampled.

Where a start leaves out a part of what the reverse process can reach, of the probability
:math:`\lambda` in that process, the theorem is that of absolute irreversibility,

.. math:: \langle e^{-s}\rangle = 1-\lambda .

A trajectory whose way back is impossible has :math:`s=+\infty` and adds nothing to the average; nothing is
put in the place of a probability that is zero.

Sources: Jarzynski (1997, 2006); Seifert (2005); Murashita, Funo and Ueda (2014), equation 9; the tail:
`fluctua.analysis.tail`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.joint import joint_moments
from fluctua.analysis.parts import Part, known, rounded
from fluctua.analysis.rule import judge
from fluctua.analysis.samples import stretches, surveyed
from fluctua.analysis.tail import falls, index_of_atoms, largest_terms, said_of_tail, tail_index
from fluctua.analysis.verdict import Verdict
from fluctua.stochastic.errors import InvalidInput

Floats = NDArray[np.float64]

TOLERANCE = 0.1  # of -ln<exp(-s)>
HEAVY_TAIL = 0.7  # Pareto index from which on the error bar of an average means nothing
LEAST_EFFECTIVE = 200.0
_TAIL_LEVELS = np.array([0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0])
_SHARE_OF_TAIL = 0.05  # of the error rate, that the tail count takes from the t-test


@dataclass(frozen=True)
class ExponentialAverage:
    r"""The average of exp(-s) over a sample, on a logarithmic scale.

    Attributes
    ----------
    n : int
        Number of values.
    value, standard_error : float
        :math:`-\ln\langle e^{-s}\rangle` and its error by the delta method: a free-energy difference where s
        is work in kT.
    statistic : float
        t of the average against 1; positive where it is too high.
    mean_p, tail_p : float
        p-values of an average that is too high: one-sided t-test, and count in the tail. The t-test counts a
        term 0 more than there are: a few values far above all others are rarely seen, and without them the
        average looks both too high and exact.
    effective : float
        Kish's number of trajectories that carry the average, :math:`(\sum X)^2/\sum X^2`.
    tail_index : float
        Pareto index of the largest terms. Where they are a few values, that of the same weight
        (`fluctua.analysis.tail.index_of_atoms`).
    missing : float
        What unseen trajectories would have to reach for a low average to be 1: s below this; NaN where it is
        not low.
    impossible : int
        Values that are plus infinity.
    rare_share : float
        Share of the average that values seen fewer than ten times carry, where the largest terms are a few
        values; NaN otherwise.
    largest_share, following_share : float
        Shares of the average that its ten largest terms carry, and the next ninety.
    unit : str
        Of s, in words.
    """

    n: int
    value: float
    standard_error: float
    statistic: float
    mean_p: float
    tail_p: float
    effective: float
    tail_index: float
    missing: float
    impossible: int = 0
    rare_share: float = math.nan
    largest_share: float = math.nan
    following_share: float = math.nan
    unit: str = "kT"

    @property
    def excess_p(self) -> float:
        """Join the sharper t-test and the tail count, which sees where a huge spread blinds the first."""
        return min(1.0, self.mean_p / (1.0 - _SHARE_OF_TAIL), self.tail_p / _SHARE_OF_TAIL)

    @property
    def heavy(self) -> bool:
        """Whether the largest terms fall off too slowly for an error bar, or carry too much to tell."""
        return self.tail_index >= HEAVY_TAIL and not falls(self.largest_share, self.following_share)

    @property
    def unseen(self) -> float:
        """Share of the average that may lie beyond a tail with no index, but whose terms fall; 0 of others.

        See `fluctua.analysis.tail`. A Pareto law with an index below 0.7 is judged by its error bar alone.
        """
        return self.largest_share if self.tail_index >= HEAVY_TAIL and not self.heavy else 0.0

    @property
    def sampled(self) -> bool:
        """Whether the tail that carries the average looks sampled; a mode never seen cannot be noticed."""
        return self.effective >= LEAST_EFFECTIVE and not self.heavy

    @property
    def tail(self) -> str:
        """Say what is known of the tail."""
        return said_of_tail(self.tail_index, self.rare_share, self.largest_share, self.following_share)

    @property
    def starved(self) -> str:
        """Say why the tail is not sampled; empty where it looks so."""
        if self.sampled:
            return ""
        few = f"{self.effective:,.0f} of {self.n:,} trajectories carry the average"
        known = [few] if self.effective < LEAST_EFFECTIVE else []
        known += [self.tail] if self.heavy else []
        return f"tail not sampled: {'; '.join(known)}{self._unseen}"

    @property
    def lacking(self) -> str:
        """Say what a low average of a sample that looks complete can mean."""
        return f"tail not sampled: the average is low, which alone disproves nothing{self._unseen}"

    @property
    def beyond(self) -> str:
        """Say why an average that is within a tolerance is not shown to be."""
        share = rounded(100.0 * self.unseen)
        return f"tail not sampled: beyond the largest terms may lie as much as they carry, {share} %"

    @property
    def _unseen(self) -> str:
        if not self.missing < 0.0:  # NaN, or so little that trajectories like the others may bring it
            return ""
        return (
            f"; to mend it, some too rare to be seen must lie {-self.missing:.2g} {self.unit} below the "
            "expected value"
        )


def exponential_average(s: ArrayLike, alpha: float = 0.05, *, origin: float = 0.0) -> ExponentialAverage:
    r"""Average exp(-s), with an error and with the marks of an unsampled tail.

    Parameters
    ----------
    s : array_like, shape (n,)
        Entropy production in units of k_B, or work less free-energy difference in kT; plus infinity where the
        way back is impossible.
    alpha : float
        Error rate of the upper limit from which the missing tail is reckoned.
    origin : float
        What s is measured from: s - `origin` is averaged. Nothing as long as s is made.

    Returns
    -------
    ExponentialAverage

    Raises
    ------
    InvalidInput
        If the array is empty, or if values are no numbers, minus infinity, or all infinite.
    """
    values, low, high = surveyed(s, "entropy", infinite=True)
    possible = values if math.isfinite(high) else values[np.isfinite(values)]
    if not possible.size:
        raise InvalidInput(f"{values.size:,} values, all infinite", "entropy", "check the column")
    n, shift = values.size, low - origin
    # The largest term is 1; the true ones are exp(-shift) times as large.
    means, variances = joint_moments(values, lambda part: np.exp(low - part))
    mean, variance = float(means[0]), float(variances[0, 0])
    largest, following = largest_terms(possible)
    error = math.sqrt(variance / (n - 1)) if n > 1 else math.nan
    index, rare_share = index_of_atoms(possible) or (tail_index(possible), math.nan)
    one = math.exp(min(shift, 700.0))  # the number 1 on the scale of the terms
    return ExponentialAverage(
        n=n,
        value=shift - math.log(mean),
        standard_error=error / mean,
        statistic=_ratio(mean - one, error),
        mean_p=_excess_p(n, mean, variance, one),
        tail_p=tail_count(values, origin),
        effective=n * mean**2 / (variance + mean**2),
        tail_index=index,
        missing=_missing_tail(n, mean + float(special.stdtrit(max(1, n - 1), 1.0 - alpha)) * error, one),
        impossible=n - possible.size,
        rare_share=rare_share,
        largest_share=largest / (n * mean),
        following_share=following / (n * mean),
    )


def _excess_p(n: int, mean: float, variance: float, one: float) -> float:
    r"""Return the one-sided p-value of a mean above one, with one term 0 beside the n terms that there are.

    .. math:: \bar x' = \frac{n\bar x}{n+1}, \qquad \sigma'^2 = \frac{n(\sigma^2+\bar x^2)}{n+1}-\bar x'^2

    What was not seen in n trajectories has a probability of some 1/n, and its term is at least 0. Of work
    with two values, the higher one with the probability 0.001, the plain t-test rejects 97 % of true samples
    of 30 and 12 % of those of 5,000 at an error rate of 5 %, this one none and 4 %. Where terms are not
    skewed to the left the shift is a part :math:`1/\sqrt n` of their spread.
    """
    if n < 2:
        return 1.0
    shifted = n * mean / (n + 1)
    spread = n * (variance + mean**2) / (n + 1) - shifted**2
    return float(special.stdtr(n, -_ratio(shifted - one, math.sqrt(max(spread, 0.0) / n))))


def _ratio(difference: float, error: float) -> float:
    if error > 0.0:
        return difference / error
    return math.nan if math.isnan(error) else math.copysign(math.inf, difference) if difference else 0.0


def tail_count(s: ArrayLike, origin: float = 0.0) -> float:
    r"""Test the number of negative values against its exact bound, which needs no assumption.

    .. math:: P(s \le -z) \le e^{-z}

    Parameters
    ----------
    s : array_like, shape (n,)
        As for `exponential_average`.
    origin : float
        What s is measured from.

    Returns
    -------
    float
        The smallest binomial p-value over a grid of z, times the number of grid points.
    """
    values = np.asarray(s, dtype=np.float64)
    counts = np.zeros(_TAIL_LEVELS.size, np.int64)
    for part in stretches(values):
        negative = part[part - origin <= -_TAIL_LEVELS[0]] - origin
        counts += [np.count_nonzero(negative <= -z) for z in _TAIL_LEVELS]
    # bdtrc(k, n, p) = P(more than k); none is never too many
    as_many = special.bdtrc(np.maximum(counts - 1, 0), values.size, np.exp(-_TAIL_LEVELS))
    p = np.where(counts > 0, as_many, 1.0)
    return float(min(1.0, _TAIL_LEVELS.size * p.min()))


def _missing_tail(n: int, upper: float, one: float) -> float:
    r"""Return below which s unseen trajectories must lie for the average to be 1.

    Unseen at n trials means a total probability of at most 3/n (95 %); they have to carry :math:`1-m_U`, so
    some have
    :math:`s \le -\ln[(1-m_U)\,n/3]`.
    """
    lacking = 1.0 - upper / one if one > 0.0 else math.nan
    return -math.log(lacking * n / 3.0) if lacking > 0.0 else math.nan


def average_part(
    average: ExponentialAverage,
    name: str,
    *,
    expected: float = 0.0,
    tolerance: float = TOLERANCE,
    alpha: float = 0.05,
) -> Part:
    r"""Return :math:`-\ln\langle e^{-s}\rangle` as a part of a claim.

    Parameters
    ----------
    average : ExponentialAverage
        Of s = x - `expected`.
    name : str
        What -ln<exp(-x)> is called.
    expected : float
        Its value by the theorem.
    tolerance : float
        What counts as equal.
    alpha : float
        Error rate, for saying whether the average is low.
    """
    low = average.value - float(special.ndtri(1.0 - alpha)) * average.standard_error > 0.0
    by_count = average.tail_p / _SHARE_OF_TAIL < average.mean_p / (1.0 - _SHARE_OF_TAIL)
    part = Part(
        name,
        estimate=expected + average.value,
        standard_error=average.standard_error if math.isfinite(average.standard_error) else None,
        expected=expected,
        tolerance=tolerance,
        statistic=None if by_count else -average.statistic,
        p_value=average.excess_p,
        cautious=True,
        starved=average.starved,
        method="tail count" if by_count else "one-sided t-test",
    )
    if not part.within(alpha):
        return replace(part, starved=average.lacking) if low and average.sampled else part
    higher = replace(part, estimate=known(part.estimate) - math.log1p(average.unseen))
    return part if higher.within(alpha) else replace(part, starved=average.beyond)


def judge_integral(
    s: ArrayLike,
    *,
    claim: str = "integral",
    name: str = "-ln<exp(-s)>",
    tolerance: float = TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
    irreversible_weight: float = 0.0,
) -> Verdict:
    """Judge <exp(-s)> = 1, or 1 - λ where a part λ of the reverse process has no way back.

    Parameters
    ----------
    s : array_like, shape (n,)
        Entropy production in units of k_B; plus infinity where the way back is impossible.
    claim, name : str
        The claim, and what is printed as measured.
    tolerance : float
        Of -ln<exp(-s)>.
    alpha : float
        Error rate.
    assumptions : tuple of str
        What the verdict takes for granted.
    irreversible_weight : float
        λ: the probability, in the reverse process, of trajectories whose reverse the start leaves out; from 0
        to below 1.

    Returns
    -------
    Verdict
        ``violated`` only where the average is too high.

    Raises
    ------
    InvalidInput
        As `exponential_average`, and where λ is no such probability.
    """
    expected = expected_average(irreversible_weight)
    average = replace(exponential_average(s, alpha, origin=expected), unit="k_B")
    verdict = judge(
        claim,
        [average_part(average, name, expected=expected, tolerance=tolerance)],
        alpha=alpha,
        n=average.n,
        information=average.effective,
        assumptions=("trajectories are independent", "no rare mode escaped the sample", *assumptions),
    )
    return with_irreversibility(verdict, irreversible_weight, average.impossible)


def expected_average(irreversible_weight: float) -> float:
    r"""Return :math:`-\ln(1-\lambda)`, what :math:`-\ln\langle e^{-s}\rangle` should be.

    Raises
    ------
    InvalidInput
        λ is not a number from 0 to below 1: where nothing has a way back there is no average to judge.
    """
    if not 0.0 <= irreversible_weight < 1.0:
        what = f"{irreversible_weight:g} is no probability below 1"
        raise InvalidInput(
            what, "irreversible_weight", "give the part of the reverse process with no way back"
        )
    return -math.log1p(-irreversible_weight) + 0.0


def with_irreversibility(verdict: Verdict, irreversible_weight: float, impossible: int = 0) -> Verdict:
    """Tell in a verdict what absolute irreversibility changes: what it should be, and infinite values."""
    said, should_be = [verdict.reason], verdict.should_be
    if irreversible_weight > 0.0 and verdict.outcome != "not applicable":
        said.append(f"<exp(-s)> should be 1 - {irreversible_weight:.4g} of absolute irreversibility")
        should_be = f"-ln(1 - {irreversible_weight:.4g})"
    if impossible:
        said.append(f"in {impossible:,} trajectories, whose way back is impossible, exp(-s) counts as 0")
    return replace(verdict, reason="; ".join(filter(None, said)), should_be=should_be)
