"""Work of both directions in groups: an f fitted to each, and scores summed over them.

The model and its symbols stand in `fluctua.analysis.strata`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.correlation import Course
from fluctua.analysis.logistic import chances
from fluctua.analysis.samples import stretches
from fluctua.analysis.scores import DEGREE

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Rows = Callable[["Terms"], list[Floats]]

LEAST_IN_GROUP = 1.5  # information of a group that is judged: below it the expansion of π errs (measured)
LEAST_SHARE = 0.5  # of the trajectories, in groups that can be judged
_STEPS = 60
_FARTHEST = 2.0  # kT; a longer step of Newton's is cut
_SETTLED = 1e-9


class Terms(NamedTuple):
    """Of each trajectory: h, p, p (1 - p), and its label less p."""

    h: Floats
    p: Floats
    v: Floats
    r: Floats


@dataclass(frozen=True)
class GroupScores:
    """Scores summed over each group, and what they vary by if trajectories are independent.

    Attributes
    ----------
    by_group : ndarray, shape (groups, 3)
        Of h, h^2 and h^3.
    naive : ndarray, shape (3, 3)
        Covariance of their sums.
    slope_weights : ndarray, shape (groups,)
        Parts of the groups in the first variance.
    information : ndarray, shape (groups,)
        Sums of p (1 - p).
    width : float
        Scale of h, in kT.
    """

    by_group: Floats
    naive: Floats
    slope_weights: Floats
    information: Floats
    width: float

    def between(self, shares: Floats) -> Floats:
        r"""Return the covariance of the sums from how the groups scatter, with weights :math:`s_g`.

        .. math:: \frac{\sum_g(U_g-s_gU)(U_g-s_gU)^T}{1-\sum_gs_g^2}
        """
        centred = self.by_group - np.outer(shares, self.by_group.sum(axis=0))
        left = 1.0 - float(np.square(shares).sum())
        return np.asarray(centred.T @ centred / left) if left > 0.0 else np.zeros((DEGREE, DEGREE))


@dataclass(frozen=True)
class GroupedWork:
    """Work of the groups that can be judged, and their fits.

    Parameters
    ----------
    work : ndarray, shape (n,)
        Forward work, then reverse work with its sign turned; in kT, less an offset.
    code : ndarray of int, shape (n,)
        Group of each.
    n_forward : int
        How many come first.
    count, left_out : int
        Groups that can be judged, and those that cannot.
    shift : ndarray, shape (groups,)
        :math:`M_g-f_g`.
    log_sizes : ndarray, shape (groups,)
        :math:`M_g`.
    centre : ndarray, shape (groups,)
        Information-weighted.
    free_energies : ndarray, shape (groups, 2)
        f_g with its error, in kT.
    """

    work: Floats
    code: Codes
    n_forward: int
    count: int
    left_out: int
    shift: Floats
    log_sizes: Floats
    centre: Floats
    free_energies: Floats

    @classmethod
    def of(cls, forward: Floats, reverse: Floats, codes: tuple[Codes, Codes], f: float) -> Self | None:
        """Fit each group, and keep those with enough overlap; none where they hold too few trajectories."""
        groups = 1 + max(int(code.max()) for code in codes)
        sizes = [np.bincount(code, minlength=groups).astype(np.float64) for code in codes]
        both = np.minimum(*sizes) > 0.0
        work, code = np.concatenate([forward - f, -reverse - f]), np.concatenate(codes)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_sizes = np.where(both, np.log(sizes[0]) - np.log(sizes[1]), 0.0)
        if not sum(size[both].sum() for size in sizes) >= LEAST_SHARE * work.size:
            return None
        everything = cls(
            work, code, forward.size, groups, 0, log_sizes, log_sizes, np.zeros(groups), np.empty((0, 2))
        )
        shift, information, first = everything._fitted(both)
        kept = both & (information >= LEAST_IN_GROUP) & np.isfinite(shift)
        if not kept.any() or sum(size[kept].sum() for size in sizes) < LEAST_SHARE * work.size:
            return None
        number = np.cumsum(kept) - 1
        chosen = kept[code]
        variance = 1.0 / information[kept] - sum(1.0 / size[kept] for size in sizes)
        return cls(
            work=work[chosen],
            code=number[code[chosen]],
            n_forward=int(sizes[0][kept].sum()),
            count=int(kept.sum()),
            left_out=int(np.count_nonzero((sizes[0] + sizes[1])[~kept])),
            shift=shift[kept],
            log_sizes=log_sizes[kept],
            centre=first[kept] / information[kept],
            free_energies=np.stack(
                [f + (log_sizes - shift)[kept], np.sqrt(np.maximum(variance, 0.0))], axis=1
            ),
        )

    def scores(self) -> GroupScores:
        """Sum the scores over each group."""
        variance = self._summed(lambda t: [t.v, t.v * t.h, t.v * t.h * t.h])
        spread = variance[2] - variance[1] ** 2 / variance[0]
        width = math.sqrt(max(float(spread.sum() / variance[0].sum()), 0.0)) or 1.0

        def powers(terms: Terms) -> list[Floats]:
            h, p, v, r = terms
            y = h / width
            polynomials = [y**k for k in range(DEGREE + 1)]
            weights = [v * each for each in polynomials]
            return [
                *weights,
                *(weights[DEGREE] * each for each in polynomials[1:]),
                *(p * each for each in weights),
                *(r * each for each in polynomials),
            ]

        rows = self._summed(powers)
        moments, skewed, residual = np.split(rows, [2 * DEGREE + 1, 3 * DEGREE + 2])
        information = moments[0]
        means = moments[: DEGREE + 1] / information
        # What is left of an f fitted to the same few trajectories.
        expected = (skewed - skewed[0] * means) / information
        by_group = (residual - residual[0] * means - expected)[1:].T
        gram = np.array(
            [
                [moments[j + k] - moments[j] * means[k] for k in range(1, DEGREE + 1)]
                for j in range(1, DEGREE + 1)
            ]
        )
        return GroupScores(by_group, gram.sum(axis=2), gram[0, 0], information, width)

    def slope(self, width: float) -> tuple[float, float]:
        """Return the slope that makes the score 0, with an f of its own to each group, and its error."""
        shift, slope = self.shift + self.centre, 1.0
        for _ in range(_STEPS):
            rows = self._summed(_newton_terms, shift, slope)
            r, v, rh, vh, vhh, vp, vph = rows
            with np.errstate(divide="ignore", invalid="ignore"):
                expected = (vph - vp * vh / v) / v
                curvature = float(np.sum(vhh - vh * vh / v))
                step = float(np.sum(rh - r * vh / v - expected)) / curvature
                shifted = (r - vh * step) / v
            if not (math.isfinite(step) and curvature > 0.0 and np.isfinite(shifted).all()):
                return math.nan, math.nan
            slope += float(np.clip(step, -0.5, 0.5))
            shift = shift + np.clip(shifted, -_FARTHEST, _FARTHEST)
            if abs(step) * width < _SETTLED * 10.0 and np.abs(shifted).max() < 1e-6:
                return slope, curvature**-0.5
        return math.nan, math.nan

    def excursion(self) -> float:
        """Return the largest height of the walk of residuals, in the order of w - f_g."""
        place = self.work + (self.shift - self.log_sizes)[self.code]
        order = np.argsort(place)
        last = np.append(np.diff(place[order]) > 0.0, True)
        return float(np.abs(np.cumsum(self.residuals()[order])[last]).max())

    def residuals(self) -> Floats:
        """Return the labels less their chances, given how many of the group are forward."""
        forward, reverse = chances(self.work + self.shift[self.code])
        variance = forward * reverse
        information = np.bincount(self.code, variance, self.count)
        mean = np.bincount(self.code, variance * forward, self.count) / information
        expected = variance * (forward - mean[self.code]) / information[self.code]
        return np.where(np.arange(forward.size) < self.n_forward, reverse, -forward) - expected

    def courses(self, width: float) -> tuple[tuple[Course, Course], tuple[Course, Course]]:
        """Walk through the scores of either direction in their order.

        Returns
        -------
        leading, all : pair of Course
            Those of h less the median of each group, as their ranks are asked for correlation (a mean that
            few outliers decide would move all ranks of its group); and of all powers, less the mean.
        """
        h = (self.work - self.centre[self.code]) / width
        residual = self.residuals()
        rows = np.stack([residual * h**k for k in range(1, DEGREE + 1)])
        found = []
        for places in np.split(np.arange(h.size), [self.n_forward]):
            code, part = self.code[places], rows[:, places]
            size = np.bincount(code, minlength=self.count)
            means = np.stack([np.bincount(code, row, self.count) / size for row in part])
            medians = np.array([np.median(part[0, code == group]) for group in range(self.count)])
            found.append((_course(part[:1] - medians[code]), _course(part - means[:, code])))
        (first, second), (other, last) = found
        return (first, other), (second, last)

    def _fitted(self, both: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
        """Solve for the f of each group: the shift, the information, and its first moment."""
        shift = self.shift.copy()
        low, high = np.full(self.count, -math.inf), np.full(self.count, math.inf)
        for _ in range(_STEPS):
            r, v = self._summed(lambda t: [t.r, t.v], shift)
            low, high = np.where(r > 0.0, shift, low), np.where(r < 0.0, shift, high)
            step = np.clip(r / np.maximum(v, 1e-12), -_FARTHEST, _FARTHEST)
            tried = shift + step
            outside = (tried <= low) | (tried >= high)
            middle = 0.5 * (low + high)
            tried = np.where(outside & np.isfinite(middle), middle, tried)
            moved = np.abs(tried - shift)[both].max()
            shift = np.where(both, tried, shift)
            if moved < _SETTLED:
                break
        v, vx = self._summed(lambda t: [t.v, t.v * t.h], shift)
        return shift, v, vx

    def _summed(self, rows: Rows, shift: Floats | None = None, slope: float = 1.0) -> Floats:
        """Sum rows of numbers over each group: shape (rows, groups)."""
        shift = self.shift + self.centre if shift is None else shift
        total: Floats = np.zeros(())
        for part, code, label in self._stretches():
            h = part - self.centre[code]
            forward, reverse = chances(shift[code] + slope * h)
            r = np.where(label, reverse, -forward)
            found = rows(Terms(h, forward, forward * reverse, r))
            total = total + np.stack([np.bincount(code, row, self.count) for row in found])
        return total

    def _stretches(self) -> Iterator[tuple[Floats, Codes, NDArray[np.bool_]]]:
        labels = np.arange(self.work.size) < self.n_forward
        yield from zip(stretches(self.work), stretches(self.code), stretches(labels), strict=True)


def _newton_terms(terms: Terms) -> list[Floats]:
    h, p, v, r = terms
    return [r, v, r * h, v * h, v * h * h, v * p, v * p * h]


def _course(rows: Floats) -> Course:
    return Course.of(np.arange(float(rows.shape[1])), lambda places: rows[:, places.astype(np.intp)])
