r"""A linear equation along a protocol: dv/dt = M(t) v, with M made from the rates of each instant.

Strokes at fixed controls are carried by matrix exponentials, others by an implicit Runge-Kutta method of
order 16, which asks for the rates at many instants at once; relative errors are some 10^-12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fluctua.stochastic.markov.frozen import Frozen

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
        """Return the first (0) or last (-1) instant, with the baths of the nearest stroke that has any."""
        schedule = self.schedule
        couplings = [schedule.coupled_in(k) for k in range(len(schedule.durations))]
        coupled = [row for row in couplings if row.any()] or [np.ones_like(couplings[0])]
        return Frozen(
            self.generator,
            (schedule.start_controls if stroke == 0 else schedule.end_controls)[None, :],
            (schedule.start_beta if stroke == 0 else schedule.end_beta)[None, :],
            coupled[stroke],
        )

    def at(self, stroke: int, fractions: Sequence[float] | Array) -> Frozen:
        """Return the rates at fractions of a stroke."""
        controls, beta = self.schedule.values(stroke, np.asarray(fractions, dtype=np.float64))
        return Frozen(self.generator, controls, beta, self.schedule.coupled_in(stroke))

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
        for start, stop in self._pieces(stroke, begin, end):
            vector = self._integrate(stroke, matrix, vector, start, stop)
            size = float(np.abs(vector).max())
            if size > 0.0:
                vector, scale = vector / size, scale + np.log(size)
        return vector, scale

    def _pieces(self, stroke: int, begin: float, end: float) -> Iterator[tuple[float, float]]:
        """Cut a stroke where a ramp has a corner, and where levels have been left several times."""
        knots = self.schedule.knots(stroke)
        corners = np.concatenate([[begin], knots[(knots > begin) & (knots < end)], [end]])
        for start, stop in pairwise(corners):
            held = plain(self.at(stroke, [start, (start + stop) / 2.0, stop]))
            fastest = float(-held.diagonal(axis1=1, axis2=2).min())
            jumps = fastest * float(self.schedule.durations[stroke]) * (stop - start)
            cuts = np.linspace(start, stop, 1 + max(1, int(np.ceil(jumps / _JUMPS_IN_A_PIECE))))
            yield from pairwise(cuts.tolist())

    def _integrate(
        self, stroke: int, matrix: Matrix, vector: NDArray[Any], start: float, stop: float
    ) -> NDArray[Any]:
        """Carry a vector through a part of a stroke, halved until two halves agree with the whole."""
        middle = (start + stop) / 2.0
        whole = self._collocate(stroke, matrix, vector, start, stop)
        half = self._collocate(stroke, matrix, vector, start, middle)
        halves = self._collocate(stroke, matrix, half, middle, stop)
        if np.abs(halves - whole).max() <= _ERROR * np.abs(halves).max() or stop - start < _SHORTEST:
            return halves
        half = self._integrate(stroke, matrix, vector, start, middle)
        return self._integrate(stroke, matrix, half, middle, stop)

    def _collocate(
        self, stroke: int, matrix: Matrix, vector: NDArray[Any], start: float, stop: float
    ) -> NDArray[Any]:
        """Carry a vector by one step of the Gauss method: ``y_i = y + h sum_j a_ij M_j y_j``."""
        duration = float(self.schedule.durations[stroke]) * (stop - start)
        nodes, table, weights = gauss_method()
        slopes = duration * matrix(self.at(stroke, start + nodes * (stop - start)))
        stages, size = len(nodes), len(vector)
        coupled = np.einsum("ij,jab->iajb", table, slopes).reshape(stages * size, stages * size)
        inner = np.linalg.solve(np.eye(stages * size) - coupled, np.tile(vector, stages))
        change = np.einsum("j,jab,jb->a", weights, slopes, inner.reshape(stages, size))
        carried: NDArray[Any] = vector + change
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
