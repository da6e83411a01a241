r"""The exchange theorem: what flows between two bodies, against what flows back.

Bodies in equilibria of their own that meet for a while exchange an amount X (heat, particles) with

.. math:: \frac{P(X)}{P(-X)} = e^{AX},

where A is the affinity: the difference of inverse temperatures :math:`\beta_c-\beta_h` for heat that leaves
the hot body, that of :math:`\mu/kT` for particles. It is the detailed theorem of :math:`s=AX`, and judged as
that: the sign of X is a coin of known bias given its size, so that atoms, lattices and real values are one
case; where X takes a few values, the ratio is tested at each of them.

It is exact at any time only where nothing but X produces entropy. Of a system in between, its own change
counts too: particles counted at one junction of a dot obey it at long times only, up to a factor that
does not vanish.

The theorem bounds the noise of the exchange from below, whatever the dynamics, coherent ones included:

.. math:: \frac{\operatorname{Var}X}{\langle X\rangle^2}\ge\operatorname{csch}^2 g(\sigma/2)
   \ge\frac2{e^\sigma-1}, \qquad \sigma=A\langle X\rangle,\quad g^{-1}(x)=x\tanh x .

Sources: Jarzynski and Wojcik (2004); Timpanaro, Guarnieri, Goold and Landi (2019), equation 7; Hasegawa and
Van Vu (2019), equation 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.analysis.crooks import SLOPE_TOLERANCE
from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.detailed import DetailedFit, fit_detailed, judge_detailed
from fluctua.analysis.parts import Part, plain
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.samples import finite
from fluctua.analysis.verdict import Verdict
from fluctua.ensembles.estimate import uncertain

Floats = NDArray[np.float64]

_ROUNDING = 1e-7  # k_B, and relative: sums of thousands of jumps differ by less


def fit_exchange(exchanged: ArrayLike, affinity: float, *, alpha: float = 0.05) -> DetailedFit:
    """Fit the sign of what was exchanged to its size.

    Parameters
    ----------
    exchanged : array_like, shape (n,)
        Amount X of each trajectory, an integer or a real number in any unit.
    affinity : float
        A, in k_B for one unit of X; not 0.
    alpha : float
        Error rate that the p-values must resolve.

    Returns
    -------
    DetailedFit
        Its slope is the measured affinity over A.

    Raises
    ------
    InvalidInput
        If the array is empty or not finite.
    """
    return fit_detailed(affinity * finite(exchanged, "exchanged"), alpha=alpha)


def judge_exchange(
    exchanged: ArrayLike,
    affinity: float,
    *,
    slope_tolerance: float = SLOPE_TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
    dependence: Dependence = INDEPENDENT,
) -> Verdict:
    """Judge P(X) = P(-X) exp(A X), with the noise and what bounds it beside the verdict.

    Parameters
    ----------
    exchanged : array_like, shape (n,)
        As for `fit_exchange`.
    affinity : float
        A, in k_B for one unit of X.
    slope_tolerance : float
        What counts as equal: of the measured affinity over A.
    alpha, assumptions, dependence
        As for `judge_detailed`, of A X.

    Returns
    -------
    Verdict
        With the parts ``slope`` and ``signs`` of the detailed theorem, and the affinity measured.
        ``not applicable`` where A is 0 or nothing was exchanged.
    """
    x = finite(exchanged, "exchanged")
    if affinity == 0.0:
        return not_applicable("exchange", "needs an affinity other than 0: nothing drives the exchange")
    if not np.any(x):
        return not_applicable("exchange", f"nothing was exchanged in {x.size:,} trajectories")
    verdict = judge_detailed(
        fit_exchange(x, affinity, alpha=alpha),
        slope_tolerance=slope_tolerance,
        alpha=alpha,
        assumptions=assumptions,
        dependence=dependence,
        claim="exchange",
    )
    reason = f"{verdict.reason}; {said_of_noise(x, affinity)}".strip("; ")
    return replace(verdict, reason=reason, parts=(*verdict.parts, _affinity(verdict, affinity)))


def _affinity(verdict: Verdict, affinity: float) -> Part:
    """Return the measured affinity, which is the slope in another unit."""
    estimate, error = verdict.estimate, verdict.standard_error
    return Part(
        "affinity",
        estimate=None if estimate is None else affinity * estimate,
        standard_error=None if error is None else abs(affinity) * error,
        expected=affinity,
        decides=False,
        method="slope times affinity",
    )


# ---- how noisy an exchange must be ---------------------------------------------------------------


@dataclass(frozen=True)
class LeastNoise:
    r"""The least relative variance :math:`\operatorname{Var}X/\langle X\rangle^2` at a mean entropy.

    Attributes
    ----------
    classical : float
        2/σ: a steady current of classical Markov dynamics, and nothing else.
    timpanaro, hasegawa : float
        From the detailed theorem alone: the tightest bound, and a simpler one below it.
    """

    classical: float
    timpanaro: float
    hasegawa: float


def least_noise(entropy: float) -> LeastNoise:
    """Return what bounds the relative variance at a mean entropy production.

    Parameters
    ----------
    entropy : float
        σ in k_B, above 0.
    """
    low, high = 0.0, 0.5 * entropy + 1.0  # x tanh x is above x - 1
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if middle * math.tanh(middle) < 0.5 * entropy else (low, middle)
    if entropy > 700.0:
        return LeastNoise(2.0 / entropy, 0.0, 0.0)
    return LeastNoise(2.0 / entropy, math.sinh(0.5 * (low + high)) ** -2, 2.0 / math.expm1(entropy))


def said_of_noise(exchanged: ArrayLike, affinity: float) -> str:
    """Write the relative variance of an exchange beside what the theorem allows; or nothing."""
    x = finite(exchanged, "exchanged")
    mean, variance = float(x.mean()), float(x.var())
    if x.size < 2 or affinity * mean <= 0.0 or variance == 0.0:
        return ""
    off = x - mean
    influence = (np.square(off) - variance) / variance - 2.0 * off / mean
    ratio = variance / mean**2
    error = ratio * float(influence.std()) / math.sqrt(x.size)
    bound = least_noise(affinity * mean)
    return (
        f"relative variance {uncertain(ratio, error)}, where the theorem asks for {bound.timpanaro:.4g} at "
        f"least (Timpanaro and others; Hasegawa and Van Vu {bound.hasegawa:.4g})"
    )


def affinity_of(entropy: Floats, exchanged: Floats) -> float | str:
    """Return the affinity that makes all entropy production an exchange, or why there is none.

    Parameters
    ----------
    entropy : ndarray, shape (n,)
        Total entropy production of each trajectory in k_B.
    exchanged : ndarray, shape (n,)
        What was exchanged in it.
    """
    largest = int(np.argmax(np.abs(exchanged)))
    if exchanged[largest] == 0.0:
        return f"nothing was exchanged in {exchanged.size:,} trajectories"
    affinity = float(entropy[largest] / exchanged[largest])
    beside = beside_exchange(entropy, exchanged, affinity)
    return beside or affinity


def beside_exchange(entropy: Floats, exchanged: Floats, affinity: float) -> str:
    """Say that other entropy is produced than that of the exchange; empty where none is."""
    rest = float(np.max(np.abs(entropy - affinity * exchanged), initial=0.0))
    if rest <= _ROUNDING * (1.0 + float(np.max(np.abs(entropy), initial=0.0))):
        return ""
    return (
        f"needs an exchange that is all the entropy produced: up to {plain(rest)} k_B is produced beside it,"
        " by the change of the system or by other exchanges, so that the ratio is exp(A X) at long times"
        " only; detailed judges all of it"
    )
