r"""A linear equation along a protocol: dv/dt = M(t) v, with M made from the rates of each instant.

Strokes at fixed controls are carried by matrix exponentials, others by an implicit Runge-Kutta method of
order 16, which asks for the rates at many instants at once; relative errors are some 10^-12. What is narrow
is cut out beforehand, if it is 1/1000 of a stroke wide or more and makes 10^-10 jumps or more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.markov.detailed_balance import check_values, sample_at
from fluctua.stochastic.markov.frozen import Frozen
from fluctua.stochastic.markov.hazards import INSTANTS
from fluctua.stochastic.steady_baths import steady_baths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.markov.frozen import Array
    from fluctua.stochastic.markov.generator import Generator
    from fluctua.stochastic.schedule import Schedule

    Matrix = Callable[[Frozen], NDArray[Any]]

#: Error of a step of the Gauss method, relative to the largest component; steps become no shorter.
_ERROR, _SHORTEST = 1e-13, 1e-12
_STAGES = 8
#: Jumps out of the fastest level in one piece, so that nothing grows or shrinks by many digits in it.
_JUMPS_IN_A_PIECE = 8.0
#: What a line through two neighbours misses stands out where a cubic through four misses this much of it too,
#: and where it makes this many jumps.
_ROUGH, _JUMPS_MISSED = 0.005, 1e-10
#: Entries of all matrices that are made at once; pieces of a stroke.
_MOST_NUMBERS, _MOST_PIECES = 2_000_000, 1_000_000


@dataclass(frozen=True, eq=False)
class Evolution:
    """The rates of a generator along a schedule, and vectors carried along it.

    Parameters
    ----------
    generator : Generator
    schedule : Schedule
        In continuous time.
    """

    generator: Generator
    schedule: Schedule

    def border(self, stroke: int) -> Frozen:
        """Return the first (0) or last (-1) instant, with the baths that make its steady state."""
        schedule = self.schedule
        return Frozen(
            self.generator,
            (schedule.start_controls if stroke == 0 else schedule.end_controls)[None, :],
            (schedule.start_beta if stroke == 0 else schedule.end_beta)[None, :],
            steady_baths(schedule)[stroke],
        )

    def at(self, stroke: int, fractions: Sequence[float] | Array) -> Frozen:
        """Return the rates at fractions of a stroke.

        Raises
        ------
        InvalidInput
            If they are none, or break detailed balance where the run has thermodynamics.
        """
        sample = sample_at(self.schedule, stroke, np.asarray(fractions, dtype=np.float64))
        frozen = Frozen(self.generator, sample.controls, sample.beta, sample.coupled)
        check_values(frozen, sample.times, balanced=self.generator.balanced)
        return frozen

    def carry(self, matrix: Matrix, vector: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """Carry a vector from the first to the last instant; returns what `through` does."""
        scale = 0.0
        for stroke in range(len(self.schedule.durations)):
            vector, grown = self.through(stroke, matrix, vector)
            scale += grown
        return vector, scale

    def through(
        self, stroke: int, matrix: Matrix, vector: NDArray[Any], begin: float = 0.0, end: float = 1.0
    ) -> tuple[NDArray[Any], float]:
        """Carry a vector through a stroke, or from a fraction of it to another.

        Returns
        -------
        vector : array
        scale : float
            The true vector is ``exp(scale)`` times this one.
        """
        duration, scale = float(self.schedule.durations[stroke]), 0.0
        if duration == 0.0:
            return vector, scale
        if not self.schedule.moving(stroke):
            return _exponential(matrix(self.at(stroke, [begin]))[0] * (duration * (end - begin)), vector)
        pieces = self._pieces(stroke, begin, end)
        group = max(1, _MOST_NUMBERS // (3 * _STAGES * len(vector) ** 2))
        for first in range(0, len(pieces), group):
            vector, grown = self._integrate(stroke, matrix, vector, pieces[first : first + group])
            scale += grown
        return vector, scale

    def _pieces(self, stroke: int, begin: float, end: float) -> Array:
        """Cut a stroke where a ramp has a corner, and where levels have been left several times.

        Returns
        -------
        (N, 2) array
            The fractions of the stroke at which each piece starts and stops.
        """
        knots = np.unique(np.concatenate([self.schedule.knots(stroke), self._stands_out(stroke)]))
        corners = np.concatenate([[begin], knots[(knots > begin) & (knots < end)], [end]])
        starts, stops = corners[:-1], corners[1:]
        held = plain(self.at(stroke, np.concatenate([starts, (starts + stops) / 2.0, stops])))
        fastest = (-held.diagonal(axis1=1, axis2=2)).max(axis=1).reshape(3, -1).max(axis=0)
        jumps = fastest * float(self.schedule.durations[stroke]) * (stops - starts)
        if not jumps.sum() < _JUMPS_IN_A_PIECE * _MOST_PIECES:
            raise InvalidInput(
                f"{jumps.sum():.3g} jumps out of one level",
                f"protocol.steps, {self.schedule.names[stroke]}",
                "lower the rates, or shorten the step",
            )
        counts = np.maximum(1, np.ceil(jumps / _JUMPS_IN_A_PIECE)).astype(np.int64)
        cuts = [
            np.linspace(start, stop, count + 1)
            for start, stop, count in zip(starts, stops, counts, strict=True)
        ]
        return np.concatenate([np.column_stack([cut[:-1], cut[1:]]) for cut in cuts])

    def _stands_out(self, stroke: int) -> Array:
        """Return fractions about which a rate or an energy does something that a long step may not see.

        What counts is rate times width, the jumps that would be missed: a low peak beside a high rate does.
        """
        frozen, (line, cubic) = self.at(stroke, _GRID), _missing()
        duration, generator = float(self.schedule.durations[stroke]), frozen.generator
        weight = frozen.beta[:, generator.baths] * frozen.rates
        cuts = np.zeros(len(_GRID), dtype=np.bool_)
        widths = duration * (_GRID[2:] - _GRID[:-2])[:, None]
        for values, jumps in (
            (frozen.rates, np.ones(1)),
            (frozen.rise(frozen.energies), weight[1:-1]),
            (frozen.pushes, weight[1:-1]),
        ):
            missed = [
                np.abs(sum(w[:, j, None] * values[at[:, j]] for j in range(at.shape[1])) - values[1:-1])
                for at, w in (line, cubic)
            ]
            rough = missed[1] > _ROUGH * missed[0]
            found = np.flatnonzero((rough & (missed[0] * jumps * widths > _JUMPS_MISSED)).any(axis=1))
            for shift in range(3):
                cuts[found + shift] = True
        return _GRID[cuts]

    def _integrate(
        self, stroke: int, matrix: Matrix, vector: NDArray[Any], pieces: Array
    ) -> tuple[NDArray[Any], float]:
        """Carry a vector through pieces of a stroke, each halved until two halves agree with the whole."""
        scale, starts, lengths = 0.0, pieces[:, 0], pieces[:, 1] - pieces[:, 0]
        wholes = self._slopes(stroke, matrix, starts, lengths)
        firsts = self._slopes(stroke, matrix, starts, lengths / 2.0)
        seconds = self._slopes(stroke, matrix, starts + lengths / 2.0, lengths / 2.0)
        for piece, slopes, first, second in zip(pieces, wholes, firsts, seconds, strict=True):
            whole, halves = collocated(slopes, vector), collocated(second, collocated(first, vector))
            exact = np.abs(halves - whole).max() <= _ERROR * np.abs(halves).max()
            if not exact and piece[1] - piece[0] > _SHORTEST:
                middle = piece.mean()
                parts = np.array([[piece[0], middle], [middle, piece[1]]])
                halves, grown = self._integrate(stroke, matrix, vector, parts)
                scale += grown
            size = float(np.abs(halves).max())
            vector, scale = (halves / size, scale + float(np.log(size))) if size > 0.0 else (halves, scale)
        return vector, scale

    def _slopes(self, stroke: int, matrix: Matrix, starts: Array, lengths: Array) -> NDArray[Any]:
        """Return M times the duration of a step at the nodes of N steps, shape (N, stages, d, d)."""
        nodes, _, _ = gauss_method()
        fractions = (starts[:, None] + lengths[:, None] * nodes).ravel()
        matrices = matrix(self.at(stroke, fractions))
        size = matrices.shape[-1]
        durations = float(self.schedule.durations[stroke]) * lengths
        slopes: NDArray[Any] = matrices.reshape(len(starts), len(nodes), size, size)
        return slopes * durations[:, None, None, None]


def collocated(slopes: NDArray[Any], vector: NDArray[Any]) -> NDArray[Any]:
    """Carry a vector by one step of the Gauss method: ``y_i = y + h sum_j a_ij M_j y_j``.

    Parameters
    ----------
    slopes : (stages, d, d) array
        h M at the nodes.
    vector : (d,) array
    """
    _, table, weights = gauss_method()
    stages, size = len(weights), len(vector)
    coupled = (table[:, None, :, None] * slopes.transpose(1, 0, 2)[None]).reshape(
        stages * size, stages * size
    )
    inner = np.linalg.solve(np.eye(stages * size) - coupled, np.tile(vector, stages))
    carried: NDArray[Any] = vector + weights @ (slopes @ inner.reshape(stages, size, 1))[..., 0]
    return carried


def plain(frozen: Frozen) -> Array:
    """Return the generator itself, the matrix that carries populations, shape (N, n, n)."""
    generator: Array = frozen.matrix(np.ones_like(frozen.rates))
    return generator


def _exponential(exponent: NDArray[Any], vector: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Return exp(exponent) vector as a vector and the logarithm of a factor taken out."""
    from scipy.linalg import expm

    top = float(np.linalg.eigvals(exponent).real.max())
    return expm(exponent - top * np.eye(len(exponent))) @ vector, top


_GRID = np.concatenate([[0.0], INSTANTS, [1.0]])


@cache
def _missing() -> tuple[tuple[NDArray[np.int64], Array], tuple[NDArray[np.int64], Array]]:
    """Return at which two, and which four, neighbours polynomials are drawn, and with which weights."""
    here = np.arange(1, len(_GRID) - 1)
    first = np.clip(here - 2, 0, len(_GRID) - 5)
    four = first[:, None] + np.arange(4)
    four += four >= here[:, None]
    return _interpolated(np.stack([here - 1, here + 1], axis=1)), _interpolated(four)


def _interpolated(at: NDArray[np.int64]) -> tuple[NDArray[np.int64], Array]:
    """Return neighbours (N, m) of inner instants, and Lagrange's weights of them."""
    x, weights = _GRID[at], np.ones(at.shape)
    for j in range(at.shape[1]):
        for k in range(at.shape[1]):
            if k != j:
                weights[:, j] *= (_GRID[1:-1] - x[:, k]) / (x[:, j] - x[:, k])
    return at, weights


@cache
def gauss_method() -> tuple[Array, Array, Array]:
    """Return nodes, coefficients a_ij and weights of the Gauss method of order 16, on [0, 1].

    Implicit, stable for any rates, and exact for polynomials of degree 15: with the Legendre polynomials P_k
    of that interval, ``a_ij = b_j sum_k P_k(c_j) (P_(k+1)(c_i) - P_(k-1)(c_i)) / 2``.

    References
    ----------
    Hairer, Wanner, Solving Ordinary Differential Equations II (1996), section IV.5.
    """
    from numpy.polynomial.legendre import leggauss, legvander

    nodes, weights = leggauss(_STAGES)
    values = legvander(nodes, _STAGES)
    before = np.column_stack([-np.ones(_STAGES), values[:, : _STAGES - 1]])
    integrals = (values[:, 1:] - before) / 2.0
    return (nodes + 1.0) / 2.0, integrals @ values[:, :_STAGES].T * (weights / 2.0), weights / 2.0
