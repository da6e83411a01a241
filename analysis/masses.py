r"""Probability masses: the detailed theorems where work, heat or entropy takes a few values only.

Work of two-point measurements and entropy of jump processes have *atoms*: values with a probability of their
own. Values are one atom where they differ by no more than :math:`10^{-9}(1+|x|)`, which is what adding up
the same terms in another order does to them. The label of a trajectory (its direction, or the sign of its
entropy production) is a coin of known bias at each atom, however atoms are distributed; with :math:`r_k` the
labels 1 at atom k beyond their expectation :math:`n_kp_k`,

.. math:: \chi^2 = \sum_k\frac{r_k^2}{n_kp_k(1-p_k)}

is the score test of the model in which every atom has an odds ratio of its own: the ratio
:math:`P_F(w)/P_R(-w)=e^{w-f}` is tested atom by atom. Neighbouring atoms are pooled until each cell has a
variance of 5 (an atom that both directions never reach has none); where all atoms together have less, there
is nothing to compare, and no test. Up to four atoms the smooth test of the
third degree is that test already; with more, the masses see a fault of one atom three times as often as
the walk of residuals does (50 % of the trajectories of one atom lost out of 4,000 work values of a squeezed
oscillator: 0.56 against 0.17 at an error rate of 5 %). Where a density carries a part of the trajectories the
walk sees as much or more, and stays.

Atoms of one direction only
---------------------------
:math:`P_F>0` where :math:`P_R=0`, or the other way round, is *absolute irreversibility*: no finite work obeys
the theorem there, and none is violated. It is told apart from rare atoms by the chance of the missing label,
:math:`p_k^{n_k}`. The theorem still binds what both directions reach, with the numbers of *all* trajectories
in :math:`M=\ln(n_F/n_R)`, as the masses left out are not shared between the others.

Sources: Pearson (1900); Rao (1948) for score tests; Murashita, Funo and Ueda (2014).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from fluctua.analysis.bennett import LEAST_INFORMATION, Pair
from fluctua.analysis.crooks_coins import Coins
from fluctua.analysis.logistic import log_chance
from fluctua.analysis.relabelling import beyond_rounding, walk_ends
from fluctua.analysis.samples import Sample

Floats = NDArray[np.float64]

LEAST_VARIANCE = 5.0  # of a cell: below it, atoms are pooled
_ENOUGH_VARIANCE = 20.0  # of every cell: from there on the limit law is as good as drawing the labels again
_OF_ATOMS = 0.99  # share of the information at atoms, from which on there is no density
_MOST_ATOMS = 1000  # more values than that are no atoms, but a density in bins
_LEAST_DRAWS, _MOST_DRAWN = 999, 10_000_000
_SEEN = 10  # trajectories at a value that the other direction may lack
_SURVEYED = 1 << 16  # evenly spaced trajectories of each direction
MOST_SORTED = 1 << 22  # trajectories in which values of one direction are looked for


@dataclass(frozen=True)
class Masses:
    """The test of probability masses, atom by atom.

    Attributes
    ----------
    statistic : float
        Chi-square over the cells.
    degrees : int
        Cells, less one where f was fitted to them.
    p_value : float
        Chance of a larger one under the theorem.
    method : str
        How it was found.
    """

    statistic: float
    degrees: int
    p_value: float
    method: str


@dataclass(frozen=True)
class Unmatched:
    """Atoms that one direction never reaches although the theorem expects it there.

    Attributes
    ----------
    forward, reverse : float
        Share of the forward trajectories at work whose negative the reverse process never takes, and of the
        reverse ones that have no forward counterpart: the latter estimates what the integral theorem lacks.
    atoms : int
        Their number.
    """

    forward: float
    reverse: float
    atoms: int

    def __str__(self) -> str:
        """Say what was found."""
        both = (("forward", self.forward, "reverse"), ("reverse", self.reverse, "forward"))
        said = [
            f"{share:.3g} of the {one} probability lies at work that the {other} process never takes back"
            for one, share, other in both
            if share > 0.0
        ]
        return f"absolute irreversibility, or lost trajectories: {' and '.join(said)}"


def masses_of(coins: Coins, *, fitted: bool, alpha: float = 0.05) -> Masses | None:
    """Test the masses of all atoms together.

    Parameters
    ----------
    coins : Coins
        In order, one a trajectory or one a value.
    fitted : bool
        Whether the residuals sum to zero because f was fitted to them.
    alpha : float
        Error rate that the p-value must resolve.

    Returns
    -------
    Masses or None
        None where the values have a density, where there are not two cells to compare, or where fewer labels
        of the rare kind are expected than can be seen.
    """
    cells = _cells(coins)
    if cells is None:
        return None
    count, expected, residual = _pooled(*cells)
    degrees = count.size - fitted
    if degrees < 1:
        return None
    variance = expected * (1.0 - expected / count)
    statistic = _chi_square(residual[None, :], variance, fitted)[0]
    if variance.min() >= _ENOUGH_VARIANCE:
        return Masses(statistic, degrees, float(special.chdtrc(degrees, statistic)), "limit law")
    draws = int(np.clip(50.0 / alpha, _LEAST_DRAWS, max(_LEAST_DRAWS, _MOST_DRAWN // count.size)))
    # The same values give the same p-value: the key is what they decide and their labels do not.
    key = round(math.ldexp(math.frexp(float(variance.sum()))[0], 20))
    rng = np.random.Generator(np.random.Philox(key=key))
    drawn = rng.binomial(count.astype(np.int64), np.clip(expected / count, 0.0, 1.0), (draws, count.size))
    replicated = _chi_square(drawn - expected, variance, fitted)
    as_large = np.count_nonzero(replicated >= statistic * (1.0 - 1e-9))
    return Masses(statistic, degrees, float((1 + as_large) / (1 + draws)), "labels drawn again")


def _cells(coins: Coins) -> tuple[Floats, Floats, Floats] | None:
    """Return count, expected labels 1 and residual at each value; None where the values have a density."""
    number = np.ones(coins.work.size) if coins.count is None else coins.count.astype(np.float64)
    starts = np.flatnonzero(np.concatenate([[True], coins.last[:-1]])) if coins.last.size else coins.last
    if starts.size < 2:
        return None
    count = np.add.reduceat(number, starts)
    if coins.count is not None and starts.size > _MOST_ATOMS:
        return None
    variance = np.add.reduceat(number * coins.chance * (1.0 - coins.chance), starts)
    if not variance.sum() >= LEAST_VARIANCE:  # every label is certain, also where its chance rounds to 1
        return None
    if variance[count > 1.0].sum() < _OF_ATOMS * variance.sum():
        return None
    if variance[variance >= LEAST_VARIANCE].sum() < 0.5 * variance.sum():
        return None  # rounded values: hardly any stands for itself
    return (
        count,
        np.add.reduceat(number * coins.chance, starts),
        np.add.reduceat(coins.residual, starts),
    )


def _pooled(count: Floats, expected: Floats, residual: Floats) -> tuple[Floats, Floats, Floats]:
    """Pool neighbours, from the lowest value on, until the labels of each cell vary enough."""
    variance = expected * (1.0 - expected / count)
    starts, held = [0], 0.0
    for k, more in enumerate(variance):
        held += float(more)
        if held >= LEAST_VARIANCE and k + 1 < variance.size:
            starts.append(k + 1)
            held = 0.0
    if held < LEAST_VARIANCE and len(starts) > 1:
        starts.pop()
    rows = [np.add.reduceat(row, starts) for row in (count, expected, residual)]
    return rows[0], rows[1], rows[2]


def _chi_square(residual: Floats, variance: Floats, fitted: bool) -> Floats:
    r"""Return :math:`\sum r_k^2/v_k` of each row, less :math:`(\sum r_k)^2/\sum v_k` where f is fitted."""
    found = np.sum(np.square(residual) / np.maximum(variance, 1e-300), axis=1)
    if fitted:
        found = found - np.square(residual.sum(axis=1)) / max(float(variance.sum()), 1e-300)
    return np.asarray(found)


# ---- atoms of one direction only -----------------------------------------------------------------


def matched(pair: Pair, alpha: float = 0.05) -> tuple[Pair, Unmatched | None]:
    """Leave out atoms that one direction never reaches, where that is shown.

    Parameters
    ----------
    pair : Pair
        Both directions.
    alpha : float
        Error rate of calling an atom unmatched that is only rare.

    Returns
    -------
    Pair
        What both directions reach, with the sizes of the whole samples; the same pair where that is all.
    Unmatched or None
    """
    if pair.n_forward + pair.n_reverse > MOST_SORTED or not _repeat(pair):
        return pair, None
    values, counts = _counted(pair)
    lonely = np.flatnonzero((counts.min(axis=0) == 0.0) & (counts.max(axis=0) >= _SEEN))
    if not 0 < lonely.size < values.size:
        return pair, None
    rest = _without(pair, values[lonely])
    if rest is None:
        return pair, None
    f, information = rest.solved()
    if information < LEAST_INFORMATION:
        return pair, None
    u = values[lonely] - f + pair.log_sizes
    of_forward = counts[1, lonely] == 0.0
    log_p = counts.max(axis=0)[lonely] * log_chance(np.where(of_forward, u, -u))
    sure = log_p < math.log(alpha / lonely.size)
    if not sure.any():
        return pair, None
    kept = _without(pair, values[lonely[sure]])
    shares = counts[:, lonely[sure]].sum(axis=1) / (pair.n_forward, pair.n_reverse)
    return kept or pair, Unmatched(float(shares[0]), float(shares[1]), int(sure.sum()))


def _repeat(pair: Pair) -> bool:
    """Say whether values repeat at all, by evenly spaced ones where there are very many."""
    return any(_repeats(np.sort(sample.thinned(_SURVEYED))) for sample, _ in pair.labelled)


def _repeats(ordered: Floats) -> bool:
    reach = _SEEN - 1
    return bool(np.any(ordered[reach:] <= beyond_rounding(ordered[:-reach])))


def _counted(pair: Pair) -> tuple[Floats, Floats]:
    """Return the values of both directions, and how many trajectories of each have them: shape (2, k)."""
    work = np.concatenate([*pair.forward.blocks(), *pair.turned.blocks()])
    order = np.argsort(work)
    starts = np.flatnonzero(np.concatenate([[True], walk_ends(work[order])[:-1]]))
    label = (order < pair.n_forward).astype(np.float64)
    forward = np.add.reduceat(label, starts)
    total = np.diff(np.append(starts, work.size)).astype(np.float64)
    return work[order][starts], np.stack([forward, total - forward])


def _without(pair: Pair, values: Floats) -> Pair | None:
    """Return the pair without these values; nothing where one direction has no other ones."""
    forward, turned = (_rest(sample, values) for sample, _ in pair.labelled)
    if forward is None or turned is None:
        return None
    return Pair(forward, turned, (pair.n_forward, pair.n_reverse))


def _rest(sample: Sample, values: Floats) -> Sample | None:
    x = np.concatenate([*sample.blocks()])
    place = np.searchsorted(values, x, side="right") - 1
    kept = (place < 0) | (x > beyond_rounding(values[np.maximum(place, 0)]))
    if not kept.any():
        return None
    low, high = float(x[kept].min()), float(x[kept].max())
    return Sample(sample.raw[kept], sample.side, sample.origin, low, high)
