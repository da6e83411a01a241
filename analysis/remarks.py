r"""What stands out in columns of work before any theorem is asked: drift, copies, a mistaken reverse column.

A remark is a sentence for the reader. Most are what a wrong verdict comes from. One keeps verdicts from being
given: where more than a hundredth of a column are copies, nobody knows how many trajectories there are.

Sources: Mann (1945) and Kendall (1975) for the trend; Smirnov (1948) for two samples of one law.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.correlation import BLOCK_IN_INEFFICIENCIES, inefficiency
from fluctua.analysis.crooks import CrooksFit, fit_crooks
from fluctua.analysis.parts import p_is
from fluctua.analysis.samples import finite, same
from fluctua.ensembles.estimate import uncertain

Floats = NDArray[np.float64]

LEVEL = 0.001  # of a remark that is a test: rare enough to be read where it stands
_STRETCHES = 1 << 14  # averages over consecutive trajectories in which a trend is looked for
_BLOCKS = (10, 200)  # fewest and most whose order is compared
_LOOKED_AT = 1 << 18  # values among which equal ones are counted
_FEWEST_COPIES = 5  # pairs; fewer change nothing
_ATOM = 10  # trajectories a value that are no copies any more, but a value with a probability
_CROWDED = 4.0  # trajectories a value on average: the same
_UNEVEN = 1.5  # variance of the counts over their mean: 1 at most where trajectories were drawn again
_TOLD_FROM = 100  # trajectories; of fewer, copies in no order look like a few values with a probability
_DIFFERENT = 400  # distinct values whose differences are compared
_HARDLY = -20.0  # logarithm of a chance that is none
_PARTS_OF_OCTAVES = (1, 8)  # within which a grid of as many digits everywhere is even, but for its steps
_TOLD = 1.05  # by what copies make errors too small, from which on it is said
COPIES = "copies"  # what a reason begins with
REFUSED = 0.01  # share of copies from which on a number of trajectories is not to be trusted
_COMPARED = 20_000  # trajectories in each direction that tell a mistaken column
_SURE = 1e-3  # p below which a theorem counts as broken, when a cause is looked for


def remarks(
    forward: ArrayLike, reverse: ArrayLike | None = None, name: str = "forward work"
) -> tuple[str, ...]:
    """Return all that stands out in one column or in two, in kT and in the order of measurement."""
    named = [(name, finite(forward, name))]
    if reverse is not None:
        named.append(("reverse work", finite(reverse, "reverse")))
    said = [remark(values, name) for name, values in named for remark in (drift, copies)]
    if len(named) == 2:
        said.append(same_column(named[0][1], named[1][1]))
    return tuple(text for text in said if text)


def drift(values: Floats, name: str) -> str:
    r"""Remark on a trend of the values with their order.

    Averages over blocks of at least ten inefficiencies (of what is left when a straight line is taken away)
    are compared in pairs:

    .. math:: S=\sum_{i<j}\operatorname{sgn}(x_j-x_i), \qquad
       \operatorname{Var}S=\frac{B(B-1)(2B+5)}{18}

    so neither outliers nor correlated neighbours make a trend. Where ten blocks do not fit, nothing is said.
    """
    length = max(1, values.size // _STRETCHES)
    whole = values.size // length
    x = values[: whole * length].reshape(whole, length).mean(axis=1)
    order = np.linspace(-1.0, 1.0, whole)
    if whole < _BLOCKS[0] or not np.ptp(x) > 0.0:
        return ""
    straight = order * float(order @ (x - x.mean()) / (order @ order))
    count = min(_BLOCKS[1], int(whole / (BLOCK_IN_INEFFICIENCIES * inefficiency(x - straight))))
    if count < _BLOCKS[0]:
        return ""
    edges = np.linspace(0, whole, count + 1).astype(np.intp)
    means = np.add.reduceat(x, edges[:-1]) / np.diff(edges)
    concordant = float(np.sum(np.triu(np.sign(means[None, :] - means[:, None]), 1)))
    z = max(0.0, abs(concordant) - 1.0) / math.sqrt(count * (count - 1) * (2 * count + 5) / 18.0)
    p = float(2.0 * special.ndtr(-z))
    if p >= LEVEL:
        return ""
    quarter = count // 4
    turns = np.linspace(-1.0, 1.0, count)
    left = means - means.mean() - turns * float(turns @ means / (turns @ turns))
    error = math.sqrt(float(left @ left) / (count - 2) / quarter)
    first, last = (uncertain(float(part.mean()), error) for part in (means[:quarter], means[-quarter:]))
    way = "rises" if concordant > 0.0 else "falls"
    return (
        f"the {name} drifts: its mean {way} from {first} in the first quarter of the trajectories "
        f"to {last} in the last ({p_is(p)})"
    )


@dataclass(frozen=True)
class Repeats:
    r"""Equal values in a column.

    Attributes
    ----------
    kind : {"none", "lattice", "atoms", "copies"}
        Values on a lattice, or rounded, repeat by themselves, and so do a few values with a probability of
        their own; where nearly all are distinct to the last bit, equal ones are copies.
    copies : float
        Number of trajectories whose value stood there before.
    distance : int
        By how many trajectories most copies follow what they repeat; 0 where there is no such distance.
    inflation : float
        By what copies multiply the variance of a mean: :math:`\sum m^2/\sum m` over the counts m.
    """

    kind: Literal["none", "lattice", "atoms", "copies"]
    copies: float = 0.0
    distance: int = 0
    inflation: float = 1.0


def repeats(values: Floats) -> Repeats:
    r"""Count equal values, and say what they are.

    With counts :math:`m_i` of the distinct values in order, and :math:`\delta` their smallest distance, pairs
    of equals :math:`\sum m_i(m_i-1)/2` are half as many as pairs one :math:`\delta` apart,
    :math:`\sum m_im_{i+1}`, where values are rounded or on a lattice; copies have no such neighbours. The
    same holds within each octave where values have a number of digits, decimal or binary, as those of single
    precision: :math:`\delta` grows with them. Of very many values those with a certain hash are looked at, so
    that no copy loses its original.
    """
    chosen = _chosen(values)
    x = values[chosen]
    order = np.argsort(x, kind="stable")
    ordered, places = x[order], chosen[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(ordered) > 0.0]))
    counts = np.diff(np.append(starts, ordered.size))
    equal = float(np.sum(counts * (counts - 1.0)) / 2.0)
    if equal < _FEWEST_COPIES:
        return Repeats("none")
    share = values.size / x.size
    near = max(_neighbours(ordered[starts], counts), share * _neighbours_of_digits(ordered[starts], counts))
    if equal < _FEWEST_COPIES * max(1.0, near):
        return _whole_copies(values) or Repeats("lattice")
    distance = _common_distance(starts, counts, places)
    if not distance and (_as_atoms(counts) or _of_few_numbers(ordered[starts])):
        return _whole_copies(values) or Repeats("atoms")
    inflation = float(np.sum(np.square(counts, dtype=np.float64)) / x.size)
    return Repeats("copies", share * float(x.size - counts.size), distance, inflation)


def copies(values: Floats, name: str) -> str:
    """Remark on trajectories that stand in a column more than once."""
    found = repeats(values)
    if found.kind != "copies":
        return ""
    where = {0: "", 1: ", right after one another"}.get(
        found.distance, f", most of them {found.distance:,} trajectories later"
    )
    return (
        f"{found.copies:,.0f} of {values.size:,} values of the {name} repeat another to the last digit"
        f"{where}: copies carry no information{_price(found)}"
    )


def _price(found: Repeats) -> str:
    factor = math.sqrt(found.inflation)
    return f", and errors come out too small by a factor of {factor:.2g}" if factor >= _TOLD else ""


def copied(values: Floats) -> str:
    """Say that too many trajectories stand in a column more than once for their number to be trusted.

    Returns
    -------
    str
        Empty where all, or nearly all, are trajectories of their own.
    """
    found = repeats(values)
    certain = found.distance > 0 or values.size >= _TOLD_FROM
    if found.kind != "copies" or found.copies <= REFUSED * values.size or not certain:
        return ""
    return (
        f"{COPIES}: {found.copies:,.0f} of {values.size:,} values repeat another to the last digit; leave "
        "out what is no trajectory of its own"
    )


def same_column(forward: Floats, reverse: Floats) -> str:
    """Remark on a reverse column that is the forward one, as it is or with its sign turned."""
    if forward.size != reverse.size:
        return ""
    first, second = (values[_chosen(values)] for values in (forward, reverse))
    if first.size != second.size or not math.isclose(float(np.abs(first).sum()), float(np.abs(second).sum())):
        return ""  # so that nearly never anything need be sorted
    few = np.unique(first).size <= 0.5 * first.size  # whose numbers may agree by chance, but hardly in order
    first, second = (first, second) if few else (np.sort(first), np.sort(second))
    if first.size < 2 or first.min() == first.max():
        return ""
    if np.array_equal(first, second):
        return "forward and reverse work are the same numbers, as if one file was given twice"
    if np.array_equal(first, -(second if few else second[::-1])):
        return "reverse work is the forward work with its sign turned, as if one file was given twice"
    return ""


def mistaken_reverse(forward: ArrayLike, reverse: ArrayLike, fit: CrooksFit) -> str:
    """Say what the reverse column looks like, where Crooks' theorem fails on it or finds no overlap.

    Two mistakes can be seen: work done *by* the system, the sign being turned (then the theorem holds once
    it is turned back), and a reverse run that was the forward process again (then both have one law). Neither
    can be seen where the theorem holds as it is: where the law of the reverse work is symmetric about 0, a
    turned sign changes nothing.

    Parameters
    ----------
    forward, reverse : array_like
        Work in kT, as given.
    fit : CrooksFit
        Of both.

    Returns
    -------
    str
        Empty where nothing can be said.
    """
    w, r = (_thinned(finite(values, name)) for values, name in ((forward, "forward"), (reverse, "reverse")))
    broken = min(fit.slope_p, fit.smooth_p, fit.cusum_p) < _SURE if fit.overlaps else True
    if not broken or min(w.size, r.size) < _BLOCKS[0]:
        return ""
    turned = fit_crooks(w, -r)
    if turned.overlaps and min(turned.slope_p, turned.smooth_p, turned.cusum_p) > 0.01:
        return (
            "the reverse work has its sign turned, it seems: taken as -W, the two directions overlap and the "
            f"slope is {turned.slope:.2f}; give the work done on the system in both directions"
        )
    if fit.overlaps and _one_law(w, r) > 0.01:
        return (
            "reverse work has the law of forward work, it seems: right only for a protocol that is its own "
            "reverse (with ΔF = 0); otherwise the reverse run was the forward process again"
        )
    return ""


def _thinned(values: Floats) -> Floats:
    return values[:: max(1, values.size // _COMPARED)]


def _one_law(x: Floats, y: Floats) -> float:
    r"""Return the p-value of :math:`\sup|F_x-F_y|\sqrt{nm/(n+m)}`."""
    both = np.sort(np.concatenate([x, y]))
    shares = [np.searchsorted(np.sort(each), both, "right") / each.size for each in (x, y)]
    scale = math.sqrt(x.size * y.size / (x.size + y.size))
    return float(special.kolmogorov(scale * float(np.max(np.abs(shares[0] - shares[1])))))


def _whole_copies(values: Floats) -> Repeats | None:
    """Find a column that is one half, third or the like of it, over again: also where values are rounded."""
    for times in range(2, 11):
        length = values.size // times
        if times * length != values.size or not same(values[:-length], values[length:]):
            continue
        _, counts = np.unique(values[: min(length, _LOOKED_AT)], return_counts=True)
        by_chance = math.log(float(np.square(counts / counts.sum()).sum()))  # that one value equals another
        if length * by_chance < _HARDLY:
            return Repeats("copies", float(values.size - length), length, float(times))
    return None


def _chosen(values: Floats) -> NDArray[np.intp]:
    """Return the places of all values, or of those with a certain hash where there are very many."""
    classes = max(0, math.ceil(math.log2(values.size / _LOOKED_AT)))
    if not classes:
        return np.arange(values.size)
    found = []
    for start in range(0, values.size, _LOOKED_AT):
        bits = np.abs(values[start : start + _LOOKED_AT]).view(np.uint64)  # a value and its negative together
        mixed = (bits ^ (bits >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
        found.append(start + np.flatnonzero(mixed >> np.uint64(64 - classes) == 0))
    return np.concatenate(found)


def _neighbours(distinct: Floats, counts: NDArray[np.intp]) -> float:
    """Return the number of pairs of values that are one smallest distance apart."""
    if distinct.size < 2:
        return math.inf
    gaps = np.diff(distinct)
    rounding = 4.0 * float(np.spacing(max(abs(distinct[0]), abs(distinct[-1]))))
    near = gaps <= float(gaps.min()) * (1.0 + 1e-6) + rounding
    return float(np.sum(counts[:-1][near] * counts[1:][near].astype(np.float64)))


def _neighbours_of_digits(distinct: Floats, counts: NDArray[np.intp]) -> float:
    """Return the number of pairs that are one step of a grid apart, which is even within parts of octaves."""
    size = np.abs(distinct)
    together = (distinct[:-1] > 0.0) == (distinct[1:] > 0.0)
    gaps, lower = np.diff(distinct)[together], np.minimum(size[:-1], size[1:])[together]
    pairs = (counts[:-1] * counts[1:].astype(np.float64))[together]
    octaves = np.log2(np.maximum(lower, np.finfo(np.float64).tiny))
    return max(_in_parts(np.floor(octaves * parts), gaps, lower, pairs) for parts in _PARTS_OF_OCTAVES)


def _in_parts(part: Floats, gaps: Floats, lower: Floats, pairs: Floats) -> float:
    """Count pairs whose gap is the smallest of their part; one alone in its part tells of no grid."""
    _, codes = np.unique(part, return_inverse=True)
    smallest = np.full(1 + int(codes.max(initial=-1)), np.inf)
    np.minimum.at(smallest, codes, gaps)
    near = gaps <= smallest[codes] * (1.0 + 1e-6) + 8.0 * np.spacing(lower)
    number = np.bincount(codes[near], minlength=smallest.size)
    found = np.bincount(codes[near], pairs[near], minlength=smallest.size)
    return float(np.sum(found * (number - 1.0) / np.maximum(number, 1)))


def _as_atoms(counts: NDArray[np.intp]) -> bool:
    """Say whether values repeat as often, or as unevenly, as those with probabilities of their own do."""
    repeated, mean = float(np.median(counts[counts > 1])), float(counts.mean())
    return repeated >= _ATOM or mean > _CROWDED or float(counts.var()) > _UNEVEN * mean


def _of_few_numbers(distinct: Floats) -> bool:
    """Say whether values are sums of a few numbers, as work of jumps is, or have few digits.

    Differences of such values repeat; those of numbers from a continuum never do.
    """
    some = distinct[np.linspace(0, distinct.size - 1, min(distinct.size, _DIFFERENT)).astype(np.intp)]
    differences = np.sort((some[:, None] - some[None, :])[np.triu_indices(some.size, 1)])
    rounding = 4.0 * float(np.spacing(max(abs(some[0]), abs(some[-1]))))
    return int(np.count_nonzero(np.diff(differences) <= rounding)) >= _FEWEST_COPIES


def _common_distance(starts: NDArray[np.intp], counts: NDArray[np.intp], places: NDArray[np.intp]) -> int:
    """Return by how many trajectories more than half of the repeated values first come again; else 0.

    Each value counts once: one that most trajectories have follows itself anyhow.
    """
    first = starts[counts > 1]
    found, times = np.unique(places[first + 1] - places[first], return_counts=True)
    best = int(np.argmax(times))
    return int(found[best]) if times[best] > max(0.5 * first.size, _FEWEST_COPIES - 1) else 0
