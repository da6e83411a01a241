"""Faults that a truth can be given: what goes wrong in simulations, in laboratories and in tidying up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from fluctua.stochastic.errors import InvalidInput, not_among

Floats = NDArray[np.float64]
T = TypeVar("T")

Kind = Literal[
    "scale",
    "offset",
    "sign",
    "trim",
    "trim both",
    "clip",
    "clamp",
    "reflect",
    "lost",
    "slow reverse",
    "forward twice",
    "correlation",
    "dt",
]


@dataclass(frozen=True)
class Pairs:
    """Work of many ensembles in kT, each direction as measured, and the free-energy difference as stated.

    Attributes
    ----------
    forward, reverse : ndarray, shape (ensembles, n)
        Work on the system.
    free_energy : float
        What the user of the verifier believes it to be.
    dissipation : float
        Mean dissipated work of the reverse process in kT.
    """

    forward: Floats
    reverse: Floats
    free_energy: float
    dissipation: float


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and by how much.

    Parameters
    ----------
    kind : str
        ``scale``: the temperature is wrong, by the relative `size` (the free-energy difference is kept
        right). ``offset``: the stated free-energy difference, or every s, is too high by `size`. ``sign``:
        the reverse work, or s, has its sign turned. ``trim``: the lowest share `size` of the forward work, or
        of s, is dropped; ``trim both``: of the work of each direction. ``clip``: what lies beyond `size`
        standard deviations of its sample is left out, as a NaN; ``clamp``: it is moved to there. ``reflect``:
        s below -`size` is turned. ``slow reverse``: the reverse process of Gaussian work took `size` times
        longer. ``forward twice``: the forward process was run again for the reverse one. ``correlation``: of
        neighbouring trajectories. ``lost``: of the forward trajectories with the commonest work, or of those
        with the commonest s above 0, the share `size` is left out, as NaNs. ``dt``: a trap is stepped by
        Euler's rule instead of the exact one, `size` steps for each of its own.
    size : float
        How much.
    """

    kind: Kind
    size: float = 1.0

    def __str__(self) -> str:
        """Write the fault as it stands in a table."""
        if self.kind in ("sign", "forward twice"):
            return self.kind
        return f"{self.kind} {self.size:+.4g}" if self.kind == "offset" else f"{self.kind} {self.size:.4g}"

    def on_pairs(self, pairs: Pairs) -> Pairs:
        """Put the fault into samples of work; one that is in how they are drawn is there already."""
        return _known(_ON_PAIRS, self.kind)(pairs, self.size)

    def on_entropy(self, s: Floats) -> Floats:
        """Put the fault into samples of entropy production."""
        return _known(_ON_ENTROPY, self.kind)(s, self.size)


def _known(table: dict[str, T], kind: str) -> T:
    if kind not in table:
        raise not_among(kind, "fault", table, "fault")
    return table[kind]


# ---- work


def _scaled(pairs: Pairs, size: float) -> Pairs:
    factor = 1.0 + size
    shift = pairs.free_energy * (1.0 - factor)
    return replace(pairs, forward=pairs.forward * factor + shift, reverse=pairs.reverse * factor - shift)


def _misstated(pairs: Pairs, size: float) -> Pairs:
    return replace(pairs, free_energy=pairs.free_energy + size)


def _flipped(pairs: Pairs, _: float) -> Pairs:
    return replace(pairs, reverse=-pairs.reverse)


def _trimmed_forward(pairs: Pairs, share: float) -> Pairs:
    return replace(pairs, forward=trimmed(pairs.forward, share))


def _trimmed_both(pairs: Pairs, share: float) -> Pairs:
    return replace(pairs, forward=trimmed(pairs.forward, share), reverse=trimmed(pairs.reverse, share))


def _clipped_both(pairs: Pairs, deviations: float) -> Pairs:
    return replace(
        pairs, forward=clipped(pairs.forward, deviations), reverse=clipped(pairs.reverse, deviations)
    )


def _clamped_both(pairs: Pairs, deviations: float) -> Pairs:
    return replace(
        pairs, forward=clamped(pairs.forward, deviations), reverse=clamped(pairs.reverse, deviations)
    )


def _lost_forward(pairs: Pairs, share: float) -> Pairs:
    return replace(pairs, forward=without_some(pairs.forward, share))


def _slower_reverse(pairs: Pairs, factor: float) -> Pairs:
    """Dissipate less by a factor: Gaussian work is nearer to ΔF, and its variance smaller, by that much."""
    if not factor > 0.0:
        raise InvalidInput(f"{factor:g} times slower", "fault", "give a factor above 0")
    excess = pairs.reverse + pairs.free_energy - pairs.dissipation
    dissipation = pairs.dissipation / factor
    return replace(pairs, reverse=dissipation - pairs.free_energy + excess / math.sqrt(factor))


def _as_drawn(values: T, _: float) -> T:
    return values


# ---- any values


def trimmed(values: Floats, share: float) -> Floats:
    """Drop the lowest `share` of each row, as a tidy hand does with outliers; the order stays."""
    drop = round(share * values.shape[1])
    if not drop:
        return values
    lowest = np.argpartition(values, drop - 1, axis=1)[:, :drop]
    kept = np.ones(values.shape, dtype=np.bool_)
    np.put_along_axis(kept, lowest, False, axis=1)
    return values[kept].reshape(values.shape[0], -1)


def clipped(values: Floats, deviations: float) -> Floats:
    """Leave out, as NaN, what lies beyond so many of its row's own standard deviations."""
    middle, spread = values.mean(axis=1, keepdims=True), values.std(axis=1, keepdims=True)
    return np.where(np.abs(values - middle) <= deviations * spread, values, np.nan)


def without_some(values: Floats, share: float) -> Floats:
    """Leave out, as NaN, the first of each row that have the commonest value of all rows."""
    value, count = np.unique(values, return_counts=True)
    return _without(values, value[np.argmax(count)], share)


def without_some_positive(values: Floats, share: float) -> Floats:
    """Do so with the commonest value above 0."""
    value, count = np.unique(values[values > 0.0], return_counts=True)
    return _without(values, value[np.argmax(count)], share)


def _without(values: Floats, value: float, share: float) -> Floats:
    there = values == value
    rank, number = np.cumsum(there, axis=1), there.sum(axis=1, keepdims=True)
    return np.where(there & (rank <= share * number), np.nan, values)


def clamped(values: Floats, deviations: float) -> Floats:
    """Move what lies beyond so many of its row's own standard deviations to there."""
    middle, reach = values.mean(axis=1, keepdims=True), deviations * values.std(axis=1, keepdims=True)
    return np.clip(values, middle - reach, middle + reach)


_ON_PAIRS: dict[str, Callable[[Pairs, float], Pairs]] = {
    "scale": _scaled,
    "offset": _misstated,
    "sign": _flipped,
    "trim": _trimmed_forward,
    "trim both": _trimmed_both,
    "clip": _clipped_both,
    "clamp": _clamped_both,
    "lost": _lost_forward,
    "slow reverse": _slower_reverse,
    "forward twice": _as_drawn,
    "correlation": _as_drawn,
    "dt": _as_drawn,
}

_ON_ENTROPY: dict[str, Callable[[Floats, float], Floats]] = {
    "scale": lambda s, size: s * (1.0 + size),
    "offset": lambda s, size: s + size,
    "sign": lambda s, _: -s,
    "trim": trimmed,
    "clip": clipped,
    "lost": without_some_positive,
    "reflect": lambda s, size: np.where(s < -size, -s, s),
    "correlation": _as_drawn,
}
