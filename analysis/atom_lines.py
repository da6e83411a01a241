"""Values with a probability of their own in pictures: a stem each, as a density has no height there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.relabelling import SAME
from fluctua.analysis.samples import Sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

_SURVEYED = 1 << 16  # evenly spaced values of each sample, among which atoms are looked for
_SHARE = 0.01  # of a sample, from which on a value has a stem
_SEEN = 10
_MOST = 300  # stems that can be told apart
_ALL = 0.98  # share at such values, from which on there is no density to be drawn


@dataclass(frozen=True)
class AtomLines:
    """Values that several trajectories share, and how many of each sample have them.

    Attributes
    ----------
    value : ndarray, shape (k,)
        Rising.
    count : ndarray, shape (samples, k)
        Trajectories of each sample.
    size : ndarray, shape (samples,)
        Trajectories of each sample altogether.
    """

    value: Floats
    count: Floats
    size: Floats

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> AtomLines:
        """Find the values that carry a hundredth of any sample, and count them exactly."""
        found = [_heavy(np.sort(sample.thinned(_SURVEYED))) for sample in samples]
        value = _distinct(np.sort(np.concatenate(found)))
        size = np.array([float(sample.size) for sample in samples])
        return cls(value, np.array([_counts(sample, value) for sample in samples]), size)

    @classmethod
    def of_counts(cls, value: Floats, count: Floats) -> AtomLines:
        """Choose among distinct values in order, with how many trajectories of each sample have them."""
        size = np.maximum(count.sum(axis=1), 1.0)
        kept = np.any((count >= _SEEN) & (count >= _SHARE * size[:, None]), axis=0)
        return cls(value[kept], count[:, kept], size)

    def with_rare(self, samples: Sequence[Sample]) -> AtomLines:
        """Add the rarer values of the samples these are of, unless they are many."""
        rest = [self.apart(part) for sample in samples for part in sample.blocks()]
        value = _distinct(np.sort(np.concatenate([self.value, *rest])))
        if value.size > _MOST:
            return self
        return replace(self, value=value, count=np.array([_counts(sample, value) for sample in samples]))

    @property
    def are_each(self) -> bool:
        """Whether every trajectory has one of them."""
        return bool(self.value.size and (self.count.sum(axis=1) >= self.size).all())

    @property
    def share(self) -> Floats:
        """Probability of each value in each sample, shape (samples, k)."""
        return np.asarray(self.count / self.size[:, None])

    @property
    def are_all(self) -> bool:
        """Whether there is nothing beside them."""
        return bool(self.value.size and self.share.sum(axis=1).min() >= _ALL)

    def apart(self, x: Floats) -> Floats:
        """Return the values x that are none of these."""
        return x if not self.value.size else x[self.apart_mask(x)]

    def apart_mask(self, x: Floats) -> NDArray[np.bool_]:
        """Say which values x are none of these."""
        if not self.value.size:
            return np.ones(x.size, dtype=np.bool_)
        return np.asarray(_index(self.value, x) < 0)

    def draw(self, axes: Axes, row: int, colour: str, mark: str, name: str) -> None:
        """Draw a stem for each value of one sample."""
        if not self.value.size:
            return
        draw_stems(axes, self.value, self.share[row], colour, mark, name)


def draw_stems(axes: Axes, value: Floats, height: Floats, colour: str, mark: str, name: str = "") -> None:
    """Draw a line with a mark at its head for each value; without a name the legend is silent on them."""
    axes.vlines(value, 0.0, height, color=colour, linewidth=1.8, alpha=0.75)
    axes.plot(value, height, mark, color=colour, markersize=6, fillstyle="none", label=name or None)


def _heavy(ordered: Floats) -> Floats:
    """Return the values that occur often in an ordered sample."""
    starts = np.flatnonzero(np.concatenate([[True], ~_near(ordered[1:], ordered[:-1])]))
    count = np.diff(np.append(starts, ordered.size))
    return np.asarray(ordered[starts][count >= max(_SEEN, _SHARE * ordered.size)])


def _near(x: Floats, value: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.abs(x - value) <= SAME * (1.0 + np.abs(value)))


def _distinct(ordered: Floats) -> Floats:
    if not ordered.size:
        return ordered
    return np.asarray(ordered[np.concatenate([[True], ~_near(ordered[1:], ordered[:-1])])])


def _index(value: Floats, x: Floats) -> NDArray[np.intp]:
    """Return which value each x is; -1 where it is none."""
    right = np.minimum(np.searchsorted(value, x), value.size - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(value[left] - x) < np.abs(value[right] - x), left, right)
    return np.where(_near(x, value[nearest]), nearest, -1)


def _counts(sample: Sample, value: Floats) -> Floats:
    count = np.zeros(value.size + 1)
    if value.size:
        for part in sample.blocks():
            count += np.bincount(_index(value, part) + 1, minlength=value.size + 1)
    return count[1:]
