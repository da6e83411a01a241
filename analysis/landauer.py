r"""Landauer's bound with the erasure that was measured.

A memory starts in equilibrium, and a protocol drives it into a region R, which a share p of the trajectories
reaches. With q the weight of R in the equilibrium of the final controls,

.. math:: \langle W\rangle \ge \Delta F + D(p\|q), \qquad
   D(p\|q) = p\ln\frac pq+(1-p)\ln\frac{1-p}{1-q},

as the relative entropy of a final state to its equilibrium is at least that of any two regions. For a
symmetric memory, q = 1/2, on a closed protocol this is :math:`\langle W\rangle\ge\ln2-h(p)` with the entropy
h of the measured error: less than ln 2, which only a perfect erasure costs. At any speed

.. math:: \langle e^{-(W-\Delta F)}\,\mathbf 1_R\rangle = q

exactly; as for every exponential average, only that it is too high can be shown.

Energies are in kT. Heat given to the bath may stand for work where the energy does not change on average.

Sources: Landauer (1961); Bérut and others (2012, 2013); Esposito and Van den Broeck (2011) for the relative
entropy; Kawai, Parrondo and Van den Broeck (2007) for regions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.integral import average_part, exponential_average
from fluctua.analysis.parts import Part
from fluctua.analysis.rule import judge
from fluctua.analysis.samples import finite
from fluctua.analysis.verdict import Verdict
from fluctua.ensembles.estimate import uncertain
from fluctua.stochastic.errors import InvalidInput, shown

Floats = NDArray[np.float64]

TOLERANCE = 0.05  # kT


@dataclass(frozen=True)
class Erasure:
    r"""What an erasure cost, and what it must have cost.

    Attributes
    ----------
    n : int
        Number of trajectories.
    work : float
        Mean work in kT.
    success : float
        Share of the trajectories that ended in R.
    weight : float
        Equilibrium weight of R under the final controls.
    bound : float
        :math:`\Delta F+D(p\|q)` in kT.
    excess, standard_error : float
        Mean work above the bound, with the error of all that was measured (delta method), in kT.
    average_p : float
        One-sided p-value of an average :math:`\langle e^{-(W-\Delta F)}\mathbf 1_R\rangle` above q.
    """

    n: int
    work: float
    success: float
    weight: float
    bound: float
    excess: float
    standard_error: float
    average_p: float


def erasure(
    work: ArrayLike,
    success: ArrayLike,
    *,
    weight: float = 0.5,
    started: ArrayLike | None = None,
    delta_f: float = 0.0,
) -> Erasure:
    """Measure what an erasure cost above its bound.

    Parameters
    ----------
    work : array_like, shape (n,)
        Work done on the memory in kT, from equilibrium.
    success : array_like of bool, shape (n,)
        Which trajectories ended in the region R.
    weight : float
        Weight of R in the equilibrium of the final controls, between 0 and 1: 1/2 for a symmetric memory.
    started : array_like of bool, shape (n,), optional
        Which trajectories started in R, on a closed protocol: they measure the weight, whose error is then
        counted, instead of `weight`.
    delta_f : float
        Free-energy difference of the protocol in kT; 0 where it is closed.

    Returns
    -------
    Erasure

    Raises
    ------
    InvalidInput
        Columns that are no numbers or of different lengths, a single trajectory, marks other than true and
        false, a weight outside (0, 1).
    """
    w = finite(work, "work") - delta_f
    reached = _marks(success, "success", w.size)
    began = None if started is None else _marks(started, "started", w.size)
    if w.size < 2:
        raise InvalidInput("one trajectory", "work", "a mean with an error takes two")
    p = _share(reached)  # half a trajectory is added to either count: a logarithm of 0 has no error
    q = _weight(weight) if began is None else _share(began)
    entropy = p * math.log(p / q) + (1.0 - p) * math.log((1.0 - p) / (1.0 - q))
    influence = w - w.mean() - math.log(p * (1.0 - q) / (q * (1.0 - p))) * (reached - reached.mean())
    if began is not None:
        influence -= (q - p) / (q * (1.0 - q)) * (began - began.mean())
    mean = float(w.mean())
    return Erasure(
        n=w.size,
        work=mean + delta_f,
        success=float(reached.mean()),
        weight=q,
        bound=entropy + delta_f,
        excess=mean - entropy,
        standard_error=float(influence.std(ddof=1)) / math.sqrt(w.size),
        average_p=_average_p(w, reached, np.full(w.size, q) if began is None else began),
    )


def _marks(values: ArrayLike, where: str, n: int) -> Floats:
    marks = finite(values, where)
    if marks.size != n:
        raise InvalidInput(f"{marks.size:,} marks for {n:,} trajectories", where, "give one a trajectory")
    wrong = marks[(marks != 0.0) & (marks != 1.0)]
    if wrong.size:
        raise InvalidInput(f"{wrong[0]:g} is neither true nor false", where, "write a condition, x_final > 0")
    return marks


def _share(marks: Floats) -> float:
    return (float(marks.sum()) + 0.5) / (marks.size + 1.0)


def _weight(weight: float) -> float:
    if not 0.0 < weight < 1.0:
        raise InvalidInput(f"{shown(weight)} is no weight of a region", "weight", "give one between 0 and 1")
    return float(weight)


def _average_p(w: Floats, reached: Floats, expected: Floats) -> float:
    """Test that the terms exp(-w) of successes are not larger on average than `expected`: one-sided t."""
    if not reached.any():
        return 1.0
    shift = float(w[reached == 1.0].min())  # the largest term is 1
    excess = reached * np.exp(np.minimum(shift - w, 0.0)) - math.exp(min(shift, 700.0)) * expected
    error = float(excess.std(ddof=1)) / math.sqrt(w.size)
    mean = float(excess.mean())
    t = mean / error if error > 0.0 else math.copysign(math.inf, mean) if mean else 0.0
    return float(special.stdtr(w.size - 1, -t))


def judge_landauer(
    work: ArrayLike,
    success: ArrayLike,
    *,
    weight: float = 0.5,
    started: ArrayLike | None = None,
    delta_f: float = 0.0,
    tolerance: float = TOLERANCE,
    alpha: float = 0.05,
    assumptions: tuple[str, ...] = (),
    dependence: Dependence = INDEPENDENT,
) -> Verdict:
    """Judge Landauer's bound on the work of an erasure.

    Parameters
    ----------
    work, success, weight, started, delta_f
        As for `erasure`.
    tolerance : float
        Shortfall that still counts as none, in kT.
    alpha : float
        Error rate.
    assumptions : tuple of str
        What the verdict takes for granted besides.
    dependence : Dependence
        Of the trajectories, by `Dependence.of_mean` of the work; those of a run are
        independent.

    Returns
    -------
    Verdict
        ``holds`` where the lower limit of the mean work above the bound lies above -`tolerance`; ``violated``
        where its upper limit lies below 0, or where the average over successes is too high. The value of that
        average is told beside.
    """
    found = erasure(work, success, weight=weight, started=started, delta_f=delta_f)
    parts = [_bound_part(found, tolerance), _average_test(found)]
    if found.success > 0.0:
        parts.append(_average_told(finite(work, "work"), np.asarray(success) == 1, found.weight, delta_f))
    ratio = dependence.mean_variance_ratio
    deciding = (dependence.widen(part, ratio, lower=True) for part in parts[:2])
    parts = [*deciding, *parts[2:]]
    symmetric = started is None and weight == 0.5
    verdict = judge(
        "landauer",
        parts,
        alpha=alpha,
        n=found.n,
        assumptions=(
            dependence.assumption,
            "a start in equilibrium",
            *(("both states of the memory weigh the same",) if symmetric else ()),
            *assumptions,
        ),
    )
    return replace(verdict, reason=_proves(found, parts[0])) if verdict.outcome == "holds" else verdict


def _bound_part(found: Erasure, tolerance: float) -> Part:
    error, freedom = found.standard_error, found.n - 1.0
    t = (
        found.excess / error
        if error > 0.0
        else math.copysign(math.inf, found.excess)
        if found.excess
        else 0.0
    )
    return Part(
        "<W> - bound",
        estimate=found.excess,
        standard_error=error,
        tolerance=tolerance,
        statistic=t,
        p_value=float(special.stdtr(freedom, t)),
        bound=True,
        freedom=freedom,
        method="one-sided t-test",
    )


def _average_test(found: Erasure) -> Part:
    """Return the test that decides: it can disprove, and asks nothing of a tail that was not sampled."""
    z = float(special.ndtri(max(found.average_p, np.finfo(np.float64).tiny)))
    return Part("average over successes", statistic=z, p_value=found.average_p, method="one-sided t-test")


def _average_told(w: Floats, reached: NDArray[np.bool_], weight: float, delta_f: float) -> Part:
    """Return the number beside it: -ln<exp(-W)> over successes, which should be ΔF - ln q."""
    expected = delta_f - math.log(weight)
    s = w - expected
    lost = float(s[reached].max()) + 1e4  # so far away that its term is 0
    part = average_part(
        exponential_average(np.where(reached, s, lost)), "-ln<exp(-W) success>", expected=expected
    )
    return replace(part, decides=False)


def _proves(found: Erasure, part: Part) -> str:
    erased = f"{found.success:.4g} ended erased, which costs {found.bound:.3g} kT"
    if found.excess < found.standard_error:
        return f"{erased}: the work is at the bound, within {part.tolerance:g} kT"
    excess = uncertain(found.excess, found.standard_error)
    return f"{erased}; the work lies {excess} kT above it, and a fault of less than that would not be seen"
