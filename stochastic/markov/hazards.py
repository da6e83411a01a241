r"""Tables of continuous time: what a jump process needs at any instant, as polynomials on intervals.

A stroke is cut where its ramps have corners, and each piece is halved until degree 12 is enough for every
energy, rate and temperature. On an interval, with x from -1 to 1 and the nodes of Chebyshev's polynomial
:math:`T_{13}`,

    a_k = (2 - [k = 0])/13 sum_j f(x_j) cos(k theta_j),   x_j = cos(theta_j), theta_j = (j + 1/2) pi/13    (1)

and the last two of the coefficients say how much is missing. Each polynomial is looked at again at 40 places
between its nodes, and at those of 1,597 instants of the stroke, the golden ratio apart, that it covers:
whatever stands out over 1/1000 of the stroke or more is seen, and what is seen is followed however narrow.
Kept are the coefficients of powers of x: those of a series that has fallen to 1e-13 by the twelfth term
lose nothing. Nodes never lie on an end, where a rate may vanish.

Errors are some 1e-12 of all rates out of a level, or of the largest energy. A function of beta E carries the
rounding of its argument, 1e-16 |beta E| and more, which no halving takes away: an interval on which two did
not help is taken as it is, where errors are below 1e-8.

Source: Trefethen, Approximation Theory and Approximation Practice (2013), chapters 3, 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.lanes import cos

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NODES = 13
TERMS = NODES + 1  # an integral has one more
TOLERANCE = 1e-13
NEVER = 1e-20  # a probability that no run will ever see
MOST_INTERVALS = 4_000
DEEPEST = 50
AT_ONCE = 2_000_000  # numbers
#: Errors in units of their bounds that may be rounding; two halvings in vain leave more than this of one.
_ROUNDING, _IN_VAIN = 1e4, 0.7


@dataclass(frozen=True, eq=False)
class Values:
    """Functions of time at N instants of one stroke.

    Parameters
    ----------
    states : (N, n, S) array
        Functions of the level: its energy, its dimensionless energy, its steady potential.
    integrands : (N, n, Q) array
        What is integrated over time.
    rates : (N, K) array, 1 / time
    amounts : (N, K, 3) array
        What a jump brings: mu dN, work of forces, ln of its rate over that of the way back.
    beta : (N, B) array, 1 / energy
    """

    states: Floats
    integrands: Floats
    rates: Floats
    amounts: Floats
    beta: Floats


@dataclass(frozen=True, eq=False)
class Pieces:
    """The tables of one kind of stroke, of I intervals.

    Parameters
    ----------
    lefts, halves : (I,) arrays, time
        Where each interval begins, and half its length.
    degrees : (I,) array of int
    levels : (I, n, TERMS, 1 + S + Q) array
        Hazard, integrated since the interval's start; states; integrals since the stroke's.
    channels : (I, K, TERMS, 4) array
        Rate and amounts.
    baths : (I, B, TERMS) array
    totals : (n, Q) array
        Integrals over the whole stroke at each level.
    """

    lefts: Floats
    halves: Floats
    degrees: NDArray[np.int64]
    levels: Floats
    channels: Floats
    baths: Floats
    totals: Floats

    @property
    def tops(self) -> Floats:
        """Hazards at the end of each interval, (I, n)."""
        return _at_right(self.levels[..., 0])


def still_pieces(values: Values, sources: NDArray[np.int64], duration: float) -> Pieces:
    """Give the tables of a stroke in which nothing changes: one interval, constants to the bit."""
    half = np.array([0.5 * duration])
    coefficients = [np.zeros((1, *f.shape[1:], NODES)) for f in _columns(values)]
    for table, f in zip(coefficients, _columns(values), strict=True):
        table[..., 0] = f[:1]
    return _assembled(np.zeros(1), half, coefficients, sources, degree=1)


def pieces_of(
    at: Callable[[Floats], Values], knots: Floats, sources: NDArray[np.int64], duration: float, where: str
) -> Pieces:
    """Give the tables of a stroke.

    What differs from its smooth surroundings over less than 1/1000 of the stroke may lie between all instants
    that are looked at: a shorter stroke around it sees it.

    Parameters
    ----------
    at : function of fractions (N,)
        The values there.
    knots : array
        Fractions of the stroke where something has a corner, 0 and 1 among them.
    sources : (K,) array of int
        The level that each channel leaves.
    duration : float, time
    where : str
        The stroke, for the error.

    Raises
    ------
    InvalidInput
        If a function is not finite, or not smooth enough for `MOST_INTERVALS` polynomials.
    """
    left, right = knots[:-1], knots[1:]
    before = earlier = np.full(len(left), np.inf)
    done: list[tuple[Floats, Floats, list[Floats]]] = []
    largest: list[Floats] = []
    for _ in range(DEEPEST):
        values = _sampled(at, left, right, _NODES, where)
        scales = _scales(values, sources)
        largest = [
            np.maximum(a, b.max(axis=0)) for a, b in zip(largest or [np.zeros(())] * 5, scales, strict=True)
        ]
        bounds = [
            np.maximum(TOLERANCE * b, NEVER / duration)
            if k == RATES
            else np.broadcast_to(TOLERANCE * largest[k], b.shape)
            for k, b in enumerate(scales)
        ]
        powers, errors = _fitted(at, left, right, values, bounds, earlier, where)
        smooth = _good(errors, earlier)
        done.append((left[smooth], right[smooth], [a[smooth] for a in powers]))
        middle = 0.5 * (left[~smooth] + right[~smooth])
        left, right = np.concatenate([left[~smooth], middle]), np.concatenate([middle, right[~smooth]])
        before, earlier = np.tile(errors[~smooth], 2), np.tile(before[~smooth], 2)
        if not left.size or left.size > MOST_INTERVALS:
            break
    if left.size:
        what = f"{left.size:,} polynomials of degree {NODES - 1} do not follow rates and energies"
        remedy = "use smoother ramps, cut the step where they jump, or count energies from a level nearby"
        raise InvalidInput(what, where, remedy)
    left, right = (np.concatenate([piece[k] for piece in done]) for k in (0, 1))
    order = np.argsort(left, kind="stable")
    coefficients = [np.concatenate([piece[2][k] for piece in done])[order] for k in range(5)]
    halves = 0.5 * (right - left)[order] * duration
    return _assembled(left[order] * duration, halves, coefficients, sources, degree=NODES)


def _fitted(
    at: Callable[[Floats], Values],
    left: Floats,
    right: Floats,
    values: list[Floats],
    bounds: list[Floats],
    earlier: Floats,
    where: str,
) -> tuple[list[Floats], Floats]:
    """Give polynomials through values at the nodes, and by how much each interval's miss, in its bounds."""
    series = [_series(f) for f in values]
    powers = [_powers(a) for a in series]
    tails = [np.abs(a[..., -1]) + np.abs(a[..., -2]) for a in series]
    seen = _sampled(at, left, right, _BETWEEN, where)
    missed = [0.1 * np.abs(f - _at(a, _BETWEEN)).max(axis=1) for f, a in zip(seen, powers, strict=True)]
    errors = np.maximum(_relative(tails, bounds), _relative(missed, bounds))
    kept = np.flatnonzero(_good(errors, earlier))
    if kept.size:
        missed = [0.1 * f for f in _missed(at, left[kept], right[kept], [a[kept] for a in powers], where)]
        errors[kept] = np.maximum(errors[kept], _relative(missed, [bound[kept] for bound in bounds]))
    return powers, errors


def _sampled(
    at: Callable[[Floats], Values], left: Floats, right: Floats, places: Floats, where: str
) -> list[Floats]:
    """Give the functions at places x in each interval, shapes (intervals, places, ...)."""
    fractions = left[:, None] + 0.5 * (right - left)[:, None] * (1.0 + places[None, :])
    columns = _finite(_columns(at(fractions.ravel())), where)
    return [f.reshape(*fractions.shape, *f.shape[1:]) for f in columns]


def _finite(columns: list[Floats], where: str) -> list[Floats]:
    for f, name in zip(columns, _NAMES, strict=True):
        if not np.isfinite(f).all():
            raise InvalidInput(f"{name} is not finite", where, "change the ramp, or what depends on it")
    return columns


def _missed(
    at: Callable[[Floats], Values], left: Floats, right: Floats, powers: list[Floats], where: str
) -> list[Floats]:
    """Give by how much polynomials miss the functions at `INSTANTS`, shapes (intervals, ...)."""
    missed = [np.zeros(a.shape[:-1]) for a in powers]
    order = np.argsort(left, kind="stable")
    place = np.searchsorted(left[order], INSTANTS, side="right") - 1
    found = np.flatnonzero(place >= 0)
    whose = order[place[found]]
    inside = right[whose] > INSTANTS[found]
    found, whose = found[inside], whose[inside]
    few = max(32, AT_ONCE // sum(a[0, ..., 0].size for a in powers))
    for first in range(0, len(found), few):
        s, owner = INSTANTS[found[first : first + few]], whose[first : first + few]
        x = 2.0 * (s - left[owner]) / (right - left)[owner] - 1.0
        begins = np.flatnonzero(np.diff(owner, prepend=-1))
        for f, a, worst in zip(_finite(_columns(at(s)), where), powers, missed, strict=True):
            here, y = x.reshape(-1, *(1,) * (a.ndim - 2)), np.zeros((len(x), *a.shape[1:-1]))
            for k in range(NODES - 1, -1, -1):
                y = y * here + a[owner, ..., k]
            rows = owner[begins]
            worst[rows] = np.maximum(worst[rows], np.maximum.reduceat(np.abs(f - y), begins, axis=0))
    return missed


def _relative(errors: list[Floats], bounds: list[Floats]) -> Floats:
    """Give for each interval the largest of all errors, in units of their bounds."""
    largest = np.zeros(len(errors[0]))
    for e, b in zip(errors, bounds, strict=True):
        ratio = np.where(e == 0.0, 0.0, np.inf)
        np.divide(e, b, out=ratio, where=b > 0.0)
        largest = np.maximum(largest, ratio.reshape(len(largest), -1).max(axis=1, initial=0.0))
    return largest


def _good(errors: Floats, earlier: Floats) -> NDArray[np.bool_]:
    """Tell which intervals are within bounds, or halved twice in vain since rounding is what is left."""
    good: NDArray[np.bool_] = (errors <= 1.0) | ((errors <= _ROUNDING) & (errors > _IN_VAIN * earlier))
    return good


def _at(powers: Floats, places: Floats) -> Floats:
    """Evaluate polynomials, coefficients last: (intervals, ...) to (intervals, places, ...)."""
    x = places.reshape(1, -1, *(1,) * (powers.ndim - 2))
    result = np.zeros((powers.shape[0], len(places), *powers.shape[1:-1]))
    for k in range(powers.shape[-1] - 1, -1, -1):
        result = result * x + powers[:, None, ..., k]
    return result


RATES = 2  # which of `_columns` are rates
_NAMES = ("an energy", "an integrand", "a rate", "a ratio of rates", "a temperature")


def _columns(values: Values) -> list[Floats]:
    return [values.states, values.integrands, values.rates, values.amounts, values.beta]


def _scales(columns: list[Floats], sources: NDArray[np.int64]) -> list[Floats]:
    """Give what each function's error is measured by: shape (intervals, ...).

    A rate by all that leave its level in the interval, an energy by the largest, a logarithm by 1 at least.
    """
    scales: list[Floats] = [np.abs(f).max(axis=1) for f in columns]
    scales[0][..., 0] = scales[0][..., 0].max(axis=1, keepdims=True)
    scales[0][..., 1:] = np.maximum(scales[0][..., 1:].max(axis=1, keepdims=True), 1.0)
    escape = np.zeros((len(columns[0]), columns[0].shape[2]))
    for k, source in enumerate(sources):
        escape[:, source] += scales[RATES][:, k]
    scales[RATES] = escape[:, sources]
    amounts = scales[3]
    amounts[..., :2] = np.maximum(amounts[..., :2], scales[0][:, :1, 0][..., None])
    amounts[..., 2] = np.maximum(amounts[..., 2], 1.0)
    return scales


def _series(f: Floats) -> Floats:
    """Give the Chebyshev coefficients (1) of functions at the nodes, (intervals, NODES, ...): last axis k."""
    result = np.zeros((f.shape[0], *f.shape[2:], NODES))
    for k in range(NODES):
        for j in range(NODES):
            result[..., k] += _TRANSFORM[k, j] * f[:, j]
    return result


def _powers(series: Floats) -> Floats:
    """Turn Chebyshev coefficients into those of powers of x, along the last axis."""
    result = np.zeros_like(series)
    for power in range(NODES):
        for k in range(power, NODES):
            if _CHEBYSHEV[k, power] != 0.0:
                result[..., power] += _CHEBYSHEV[k, power] * series[..., k]
    return result


def _integral(powers: Floats, halves: Floats) -> Floats:
    """Integrate over time from each interval's start; last axis of coefficients one longer."""
    result = np.zeros((*powers.shape[:-1], TERMS))
    scale = halves.reshape(-1, *(1,) * (powers.ndim - 2))
    for k in range(NODES):
        result[..., k + 1] = powers[..., k] * scale / (k + 1.0)
    for k in range(NODES, 0, -1):  # minus the value at x = -1
        result[..., 0] -= result[..., k] if k % 2 == 0 else -result[..., k]
    return result


def _at_right(powers: Floats) -> Floats:
    total = powers[..., -1].copy()
    for k in range(powers.shape[-1] - 2, -1, -1):
        total += powers[..., k]
    return total


def _assembled(
    lefts: Floats, halves: Floats, coefficients: list[Floats], sources: NDArray[np.int64], degree: int
) -> Pieces:
    states, integrands, rates, amounts, beta = coefficients
    count, size = len(lefts), states.shape[1]
    escape = np.zeros((count, size, NODES))
    for k, source in enumerate(sources):
        escape[:, source] += rates[:, k]
    integrals = _integral(integrands, halves)
    ends = np.cumsum(_at_right(integrals), axis=0)
    integrals[1:, ..., 0] += ends[:-1]
    levels = np.zeros((count, size, TERMS, 1 + states.shape[2] + integrands.shape[2]))
    levels[..., 0] = _integral(escape, halves)
    levels[:, :, :NODES, 1 : 1 + states.shape[2]] = states.swapaxes(2, 3)
    levels[..., 1 + states.shape[2] :] = integrals.swapaxes(2, 3)
    channels = np.zeros((count, rates.shape[1], TERMS, 4))
    channels[:, :, :NODES, 0] = rates
    channels[:, :, :NODES, 1:] = amounts.swapaxes(2, 3)
    baths = np.zeros((count, beta.shape[1], TERMS))
    baths[:, :, :NODES] = beta
    degrees = np.full(count, degree, dtype=np.int64)
    return Pieces(lefts, halves, degrees, levels, channels, baths, ends[-1])


def _angles() -> Floats:
    return np.asarray((np.arange(NODES) + 0.5) * (np.pi / NODES), dtype=np.float64)


def _transform() -> Floats:
    table = cos(np.arange(NODES)[:, None] * _angles()[None, :]) * (2.0 / NODES)
    table[0] *= 0.5
    return np.asarray(table)


def _chebyshev() -> Floats:
    """Give the coefficients of T_0 ... T_12: rows k, columns powers."""
    table = np.zeros((NODES, NODES))
    table[0, 0] = table[1, 1] = 1.0
    for k in range(2, NODES):
        table[k, 1:] = 2.0 * table[k - 1, :-1]
        table[k] -= table[k - 2]
    return table


def _golden(count: int) -> Floats:
    """Give a Fibonacci number of fractions, the golden ratio apart and ascending: no grid meets them."""
    turns = (np.arange(count) + 0.5) * GOLDEN
    return np.sort(turns - np.floor(turns))


GOLDEN = 0.6180339887498949
#: Fractions of a stroke at which it is looked at before all else; the widest gap is 1/1364.
INSTANTS = _golden(1597)
_NODES: Floats = np.asarray(cos(_angles()))
_TRANSFORM = _transform()
_CHEBYSHEV = _chebyshev()
#: Where a polynomial is looked at again: a narrow peak may hide between the nodes.
_BETWEEN: Floats = np.asarray(-1.0 + (2.0 * np.arange(40) + 0.7) / 40.0, dtype=np.float64)
