r"""The thermodynamic uncertainty relation: a precise current is paid for with entropy.

.. math:: Q=\frac{\operatorname{Var}(J)\,\langle S\rangle}{2\,\langle J\rangle^2}\ge 1

for a current J that changes its sign under time reversal, over any time, in a steady state of overdamped
Langevin or Markov-jump dynamics (Barato and Seifert 2015; Gingrich and others 2016; Horowitz and Gingrich
2017). Where only the detailed theorem of S and J together is known, the weaker

.. math:: Q_\mathrm{gen}=\frac{\operatorname{Var}(J)\,(e^{\langle S\rangle}-1)}{2\,\langle J\rangle^2}\ge 1

holds instead (Hasegawa and Van Vu 2019). Both are judged on ln Q, which is nearly Gaussian, with the error of
its influence function

.. math:: \psi_i=\frac{(J_i-\bar J)^2-v}{v}-\frac{2\,(J_i-\bar J)}{\bar J}+\frac{S_i-\bar S}{\bar S},
   \qquad v=\operatorname{Var}(J),

and on one side. Neither inertia nor quantum coherence knows the first bound: below it they violate no law of
thermodynamics, and only the second one binds them (Agarwalla and Segal 2018; Ptaszynski 2018).

Equality needs a Gaussian current in a linear system: far above it the bound is a poor
detector of faults, which a verdict says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.parts import Part
from fluctua.analysis.rule import judge, not_applicable
from fluctua.analysis.samples import finite
from fluctua.analysis.scores import settled
from fluctua.analysis.verdict import Verdict
from fluctua.ensembles.estimate import uncertain
from fluctua.stochastic.errors import InvalidInput

Floats = NDArray[np.float64]

TOLERANCE = 0.1  # of ln Q
FEW = 300  # below it the error bar is short by a few percent, and resampling tells by how much
LEAST = 20  # trajectories, for a variance to mean something
RESOLVED = 5.0  # standard errors of <J>: below it ln Q has no Gaussian error
_REPLICATES = 999
_FAR = math.log(1.1)  # of ln Q: above it `holds` proves little


@dataclass(frozen=True)
class Uncertainty:
    r"""How precise a current is, against what its entropy allows.

    Attributes
    ----------
    n : int
        Number of trajectories.
    current, entropy : float
        Mean current, in its own unit, and mean entropy production in k_B.
    log_ratio, standard_error : float
        ln Q and its error; NaN where the mean entropy production is not positive.
    p_value : float
        Of ln Q < 0, one-sided; for few trajectories from resampling.
    reach : float
        The error times what makes its 95 % lower limit right for few trajectories; the error otherwise.
    statistic : float
        ln Q over its error.
    resolution : float
        Mean current in standard errors.
    method : str
        How the p-value was found.
    """

    n: int
    current: float
    entropy: float
    log_ratio: float
    standard_error: float
    p_value: float
    reach: float
    statistic: float
    resolution: float
    method: str


def uncertainty(current: ArrayLike, entropy: ArrayLike, *, generalised: bool = False) -> Uncertainty:
    """Measure ln Q of a current.

    Parameters
    ----------
    current : array_like, shape (n,)
        Integrated current of each trajectory, odd under time reversal, in any unit.
    entropy : array_like, shape (n,)
        Total entropy production of the same trajectories in k_B; in a steady state entropy flow has the same
        mean.
    generalised : bool
        Take the bound that asks for the detailed theorem only.

    Returns
    -------
    Uncertainty

    Raises
    ------
    InvalidInput
        Columns that are empty, not finite, of different lengths, or fewer than 20 trajectories.
    """
    j, s = finite(current, "current"), settled(finite(entropy, "entropy"))
    if j.size != s.size:
        raise InvalidInput(
            f"{j.size:,} currents and {s.size:,} entropies", "current", "give one a trajectory"
        )
    if j.size < LEAST:
        raise InvalidInput(f"{j.size} trajectories", "current", f"a variance takes {LEAST}")
    if j.min() == j.max():
        raise InvalidInput(f"{j.size:,} currents, all equal to {j[0]:g}", "current", "check the column")
    mean, cost = float(j.mean()), float(s.mean())
    resolution = abs(mean) / float(j.std()) * math.sqrt(j.size)
    log_ratio, error = (float(value[0]) for value in _log_ratio(j[None], s[None], generalised))
    if not (cost > 0.0 and math.isfinite(log_ratio)):
        z = _excess(j, s)
        p = float(special.ndtr(z))
        return Uncertainty(j.size, mean, cost, math.nan, math.nan, p, math.nan, z, resolution, "delta method")
    t = log_ratio / error if error > 0.0 else math.copysign(math.inf, log_ratio)
    p, reach, method = float(special.ndtr(t)), error, "delta method"
    if j.size < FEW and error > 0.0:
        p, reach, method = _by_resampling(j, s, generalised, log_ratio, error)
    return Uncertainty(j.size, mean, cost, log_ratio, error, p, reach, t, resolution, method)


def _log_ratio(j: Floats, s: Floats, generalised: bool) -> tuple[Floats, Floats]:
    """Return ln Q and its error for each row of samples."""
    n = j.shape[1]
    mean, cost = j.mean(axis=1, keepdims=True), s.mean(axis=1, keepdims=True)
    off = j - mean
    variance = np.mean(np.square(off), axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        price = cost + np.log(-np.expm1(-cost)) if generalised else np.log(cost)  # ln(e^S - 1)
        slope = -1.0 / np.expm1(-cost) if generalised else 1.0 / cost
        unbiased = variance * n / (n - 1.0)
        log_ratio = np.log(unbiased) + price - math.log(2.0) - 2.0 * np.log(np.abs(mean))
        influence = np.square(off) / variance - 1.0 - 2.0 * off / mean + slope * (s - cost)
        error = np.sqrt(np.sum(np.square(influence), axis=1) / (n - 1.0) / n)
    return log_ratio[:, 0], error


def _excess(j: Floats, s: Floats) -> float:
    r"""Return :math:`v\bar S-2\bar J^2` in standard errors: negative where the bound is broken."""
    off, rest = j - j.mean(), s - s.mean()
    variance, mean, cost = float(np.mean(np.square(off))), float(j.mean()), float(s.mean())
    influence = cost * (np.square(off) - variance) + variance * rest - 4.0 * mean * off
    error = float(influence.std(ddof=1)) / math.sqrt(j.size)
    value = variance * cost - 2.0 * mean**2
    return value / error if error > 0.0 else math.copysign(math.inf, value) if value else 0.0


def _by_resampling(
    j: Floats, s: Floats, generalised: bool, log_ratio: float, error: float
) -> tuple[float, float, str]:
    """Return p, the error that gives the right 95 % lower limit, and the method: bootstrap-t."""
    chosen = np.random.default_rng(0).integers(j.size, size=(_REPLICATES, j.size))
    again, errors = _log_ratio(j[chosen], s[chosen], generalised)
    with np.errstate(all="ignore"):
        t = (again - log_ratio) / errors
    lost = ~np.isfinite(t)  # no entropy in the drawn sample: it counts against either word
    below = int(np.count_nonzero(lost | (t <= log_ratio / error)))
    upper = float(np.sort(np.where(lost, math.inf, t))[math.ceil(0.95 * (_REPLICATES + 1)) - 1])
    p = (below + 1.0) / (_REPLICATES + 1.0)
    return p, error * max(1.0, upper / float(special.ndtri(0.95))), "bootstrap-t"


def judge_tur(
    current: ArrayLike,
    entropy: ArrayLike,
    *,
    generalised: bool = False,
    tolerance: float = TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
    dependence: Dependence = INDEPENDENT,
    quantum: bool = False,
) -> Verdict:
    """Judge the uncertainty relation of one current.

    Parameters
    ----------
    current, entropy : array_like, shape (n,)
        As for `uncertainty`.
    generalised : bool
        Judge the weaker bound, where the dynamics is not known to be overdamped or a jump process.
    tolerance : float
        Shortfall of ln Q that still counts as none.
    alpha : float
        Error rate.
    assumptions : tuple of str
        What the verdict takes for granted besides.
    dependence : Dependence
        Of the trajectories, by `Dependence.of_mean` of the current or the entropy, whichever is the more
        correlated; those of a run are independent.
    quantum : bool
        Whether coherence may carry the current. A ratio below the bound is then ``not applicable``, with what
        was measured: no law of thermodynamics is violated as long as the weaker bound stands, which decides.

    Returns
    -------
    Verdict
        ``holds`` where the lower limit of ln Q lies above -`tolerance`, ``violated`` where its upper limit
        lies below 0; ``not applicable`` in equilibrium, where nothing flows and no entropy is produced. The
        weaker bound is told beside the usual one: where it is broken too, the current or the entropy is
        wrong, not the kind of dynamics.
    """
    found = uncertainty(current, entropy, generalised=generalised)
    if found.entropy == 0.0 and found.resolution < RESOLVED:
        return not_applicable("tur", "needs a driven steady state: no entropy is produced, in equilibrium")
    parts = [_part("ln Q", found, tolerance)]
    if not generalised:
        weaker = uncertainty(current, entropy, generalised=True)
        parts.append(replace(_part("ln Q of the weaker bound", weaker, tolerance), decides=False))
    ratio = dependence.mean_variance_ratio
    parts = [dependence.widen(part, ratio, lower=True) for part in parts]
    taken = "the detailed theorem of entropy and current" if generalised else "overdamped or jump dynamics"
    taken = "a quantum jump process, whose coherence may beat the bound" if quantum else taken
    verdict = judge(
        "tur",
        parts,
        alpha=alpha,
        n=found.n,
        assumptions=(
            dependence.assumption,
            "a steady state",
            "the current changes its sign under time reversal",
            taken,
            *assumptions,
        ),
    )
    if verdict.outcome == "holds":
        return replace(verdict, reason=_proves(found, parts[0]))
    return _allowed(verdict, found, parts, alpha) if quantum and not generalised else verdict


def _allowed(verdict: Verdict, found: Uncertainty, parts: list[Part], alpha: float) -> Verdict:
    """Take a ratio below the classical bound for what it is where coherence carries the current."""
    if verdict.outcome != "violated":
        return verdict
    weaker = judge("tur", [replace(parts[1], decides=True)], alpha=alpha, n=found.n)
    if weaker.outcome == "violated":
        reason = (
            f"{weaker.reason}: that bound needs the detailed theorem only, also where coherence is at work"
        )
        return replace(weaker, assumptions=verdict.assumptions, parts=verdict.parts, reason=reason)
    ratio = 2.0 * math.exp(found.log_ratio)
    measured = f"Var(J)<S>/<J>² = {uncertain(ratio, ratio * found.standard_error)}, allowed below 2"
    needs = "the bound 2 needs classical Markov dynamics"
    return replace(
        verdict,
        outcome="not applicable",
        p_value=None,
        p_adjusted=None,
        measured=measured,
        should_be="",
        within="",
        reason=f"{measured}: not a violation of thermodynamics, {needs}; {weaker.measured}, which binds here",
    )


def _part(name: str, found: Uncertainty, tolerance: float) -> Part:
    known = math.isfinite(found.log_ratio)
    return Part(
        name,
        estimate=found.log_ratio if known else None,
        standard_error=found.reach if known and math.isfinite(found.reach) else None,
        tolerance=tolerance,
        statistic=found.statistic,
        p_value=found.p_value,
        bound=True,
        starved=_starved(found),
        method=found.method,
    )


def _starved(found: Uncertainty) -> str:
    if not math.isfinite(found.log_ratio):
        return (
            f"too few trajectories, or an equilibrium: the mean entropy production, {found.entropy:.2g}, is "
            "not above 0"
        )
    if found.resolution < RESOLVED:
        return f"too few trajectories: the mean current is only {found.resolution:.2g} standard errors from 0"
    return "" if math.isfinite(found.reach) else "too few trajectories: no error bar"


def _proves(found: Uncertainty, part: Part) -> str:
    if found.log_ratio < _FAR:
        return f"{part.measured}: the current is as precise as its entropy allows, within {part.tolerance:g}"
    unseen = 1.0 - math.exp(-found.log_ratio)
    return (
        f"{part.measured}, far from saturation: entropy that is too low by {unseen:.0%} would not be seen, "
        "so this proves little"
    )
