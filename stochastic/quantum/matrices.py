"""Rows of small complex matrices with the same bits on every machine.

A row of matrices is a pair of real arrays, shape (M, d, d). Everything here is made of ``+ - * / sqrt`` on
single elements, in a fixed order: LAPACK and BLAS choose their order of operations by processor, and NumPy's
complex product may be fused on one machine and not on another. What a row gives depends on that row alone,
never on the rows beside it. Dimensions go up to 16; rows are many, so loops run over elements, not over rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

#: An off-diagonal element below this fraction of the largest one is rounding, and rotated no more.
_NOTHING = 2.0**-60
_MOST_SWEEPS = 60  # some ten do for dimension 16
#: Taylor's series of degree 19 has the exponential to rounding up to this norm: 1/20! is 4e-19.
_LARGEST_NORM = 1.0
_BLOCK, _BLOCKS = 5, 4
_ELEMENTS = 2**14  # of matrices that are worked on at a time


@dataclass(frozen=True, eq=False)
class Matrices:
    """M complex matrices, ``re + i im``.

    Parameters
    ----------
    re, im : (M, d, d) arrays
        One row serves for all rows of another: (1, d, d) meets (M, d, d).
    """

    re: Floats
    im: Floats

    @classmethod
    def of(cls, matrices: ArrayLike) -> Matrices:
        """Split complex numbers, shape (M, d, d) or (d, d) for one row."""
        array = np.asarray(matrices, dtype=np.complex128)
        array = array[None] if array.ndim == 2 else array
        return cls(np.ascontiguousarray(array.real), np.ascontiguousarray(array.imag))

    @classmethod
    def identity(cls, rows: int, dimension: int) -> Matrices:
        """Give the unit matrix in each row."""
        unit = np.broadcast_to(np.eye(dimension), (rows, dimension, dimension)).copy()
        return cls(unit, np.zeros_like(unit))

    @classmethod
    def diagonal(cls, values: Floats) -> Matrices:
        """Give the diagonal matrices of real values, shape (M, d)."""
        re = np.zeros((*values.shape, values.shape[1]))
        every = np.arange(values.shape[1])
        re[:, every, every] = values
        return cls(re, np.zeros_like(re))

    @property
    def rows(self) -> int:
        """M, how many there are."""
        return len(self.re)

    @property
    def dimension(self) -> int:
        """Return d."""
        return int(self.re.shape[1])

    @property
    def complex(self) -> NDArray[np.complex128]:
        """The matrices as complex numbers, to look at and to compare; no table is made of them."""
        return self.re + 1j * self.im

    def __getitem__(self, rows: Any) -> Matrices:
        """Return some of the rows: a slice, a mask or an array of numbers."""
        return Matrices(self.re[rows], self.im[rows])

    def __add__(self, other: Matrices) -> Matrices:
        """Return the sum."""
        return Matrices(self.re + other.re, self.im + other.im)

    def __sub__(self, other: Matrices) -> Matrices:
        """Return the difference."""
        return Matrices(self.re - other.re, self.im - other.im)

    def __matmul__(self, other: Matrices) -> Matrices:
        """Return the matrix product, summed in index order."""
        rows = max(self.rows, other.rows)
        shape = (rows, self.re.shape[1], other.re.shape[2])
        re, im = np.zeros(shape), np.zeros(shape)
        for k in range(self.re.shape[2]):
            a, b = self.re[:, :, k, None], self.im[:, :, k, None]
            c, d = other.re[:, None, k, :], other.im[:, None, k, :]
            re += a * c - b * d
            im += a * d + b * c
        return Matrices(re, im)

    def times(self, re: ArrayLike, im: ArrayLike = 0.0) -> Matrices:
        """Return the matrices times numbers ``re + i im``, one a row or one for all."""
        a, b = (np.asarray(part, dtype=np.float64).reshape(-1, 1, 1) for part in (re, im))
        return Matrices(self.re * a - self.im * b, self.re * b + self.im * a)

    @property
    def adjoint(self) -> Matrices:
        """The conjugate transposed matrices."""
        return Matrices(self.re.transpose(0, 2, 1), -self.im.transpose(0, 2, 1))

    @property
    def conjugate(self) -> Matrices:
        """The matrices with conjugated elements."""
        return Matrices(self.re, -self.im)

    @property
    def trace(self) -> tuple[Floats, Floats]:
        """Real and imaginary part of the trace, shape (M,) each."""
        every = np.arange(self.dimension)
        re, im = (np.cumsum(part[:, every, every], axis=1)[:, -1] for part in (self.re, self.im))
        return re, im

    @property
    def mixing(self) -> NDArray[np.bool_]:
        """Which rows have an element off the diagonal, shape (M,)."""
        off = ~np.eye(self.dimension, dtype=np.bool_)
        found: NDArray[np.bool_] = ((self.re[:, off] != 0.0) | (self.im[:, off] != 0.0)).any(axis=1)
        return found

    @property
    def largest(self) -> Floats:
        """The largest magnitude of a real or imaginary part in each row, shape (M,)."""
        size: Floats = np.maximum(np.abs(self.re), np.abs(self.im)).max(axis=(1, 2), initial=0.0)
        return size

    @property
    def one_norm(self) -> Floats:
        """A bound of the 1-norm, hence of each eigenvalue: columns of ``|re| + |im|`` summed, shape (M,)."""
        columns = np.cumsum(np.abs(self.re) + np.abs(self.im), axis=1)[:, -1]
        bound: Floats = columns.max(axis=1)
        return bound


def together(dimension: int) -> int:
    """Say how many rows to work on at a time: what they need then stays in the cache."""
    return max(_ELEMENTS // dimension**2, 1)


def commutator(a: Matrices, b: Matrices) -> Matrices:
    """Give ``a b - b a``."""
    return a @ b - b @ a


def transformed(matrices: Matrices, vectors: Matrices) -> Matrices:
    """Give ``V^+ A V``: matrices in the basis whose vectors are the columns of `vectors`."""
    return vectors.adjoint @ (matrices @ vectors)


def hermitian_eigen(matrices: Matrices) -> tuple[Floats, Matrices]:
    r"""Diagonalise Hermitian matrices: ``A = V diag(values) V^+``.

    Jacobi's rotations, cyclic by rows, with the phase of the element that a rotation takes away:

    .. math:: \tau = \frac{a_{qq} - a_{pp}}{2 |a_{pq}|}, \quad
              t = \frac{\mathrm{sign}\,\tau}{|\tau| + \sqrt{1 + \tau^2}}, \quad
              c = \frac{1}{\sqrt{1 + t^2}}, \quad s = t c

    Parameters
    ----------
    matrices : Matrices
        Hermitian: the upper triangle and the real part of the diagonal are read.

    Returns
    -------
    values : (M, d) array
        Ascending. Their error is a few roundings of the largest one. NaN where an element is not finite.
    vectors : Matrices
        Orthonormal columns; within a degenerate level any basis of it.

    Source
    ------
    Golub, Van Loan, Matrix Computations (2013), section 8.5.
    """
    finite = np.isfinite(matrices.largest)
    matrices = _zero_unless(finite, matrices)
    # Exact, so that squares of elements neither overflow nor vanish.
    power = np.ldexp(1.0, np.clip(np.frexp(matrices.largest)[1] - 1, -1000, 1000))
    # Rows last: a rotation touches two rows of matrices, and those then lie together in memory.
    work = _Work.of(matrices.times(1.0 / power))
    _sweep(work)
    values = work.diagonal * power
    values[:, ~finite] = np.nan
    order = np.argsort(values, axis=0, kind="stable")
    values = np.take_along_axis(values, order, axis=0)
    vectors = [np.take_along_axis(part, order[None], axis=1) for part in (work.vre, work.vim)]
    re, im = (np.ascontiguousarray(part.transpose(2, 0, 1)) for part in vectors)
    return np.ascontiguousarray(values.T), Matrices(re, im)


def _zero_unless(finite: NDArray[np.bool_], matrices: Matrices) -> Matrices:
    """Put zero matrices in the place of those that are not finite."""
    if finite.all():
        return matrices
    return Matrices(*(np.where(finite[:, None, None], part, 0.0) for part in (matrices.re, matrices.im)))


@dataclass
class _Work:
    """Matrices under rotation, elements first and rows last: shapes (d, d, M), the diagonal (d, M)."""

    re: Floats
    im: Floats
    vre: Floats
    vim: Floats
    diagonal: Floats

    @classmethod
    def of(cls, matrices: Matrices) -> _Work:
        d, rows = matrices.dimension, matrices.rows
        re, im = (np.ascontiguousarray(part.transpose(1, 2, 0)) for part in (matrices.re, matrices.im))
        for p in range(d):
            im[p, p] = 0.0
            for q in range(p):
                re[p, q], im[p, q] = re[q, p], -im[q, p]
        unit = np.repeat(np.eye(d)[:, :, None], rows, axis=2)
        return cls(re, im, unit, np.zeros_like(unit), np.array([re[k, k] for k in range(d)]))

    def keep(self, rows: NDArray[np.bool_]) -> _Work:
        """Give a copy of some rows."""
        return _Work(*(part[..., rows] for part in (self.re, self.im, self.vre, self.vim, self.diagonal)))

    def put(self, rows: NDArray[np.bool_], other: _Work) -> None:
        """Put rows back."""
        self.vre[..., rows], self.vim[..., rows] = other.vre, other.vim
        self.diagonal[:, rows] = other.diagonal


def _sweep(work: _Work) -> None:
    """Rotate until each row is diagonal; a row that is stays out of further sweeps."""
    d = len(work.re)
    waiting = np.ones(work.re.shape[2], dtype=np.bool_)
    now = work
    for _ in range(_MOST_SWEEPS):
        turned = np.zeros(now.re.shape[2], dtype=np.bool_)
        for p in range(d - 1):
            for q in range(p + 1, d):
                turned |= _rotate(now, p, q)
        if now is not work:
            work.put(waiting, now)
        if not turned.any():
            return
        if not turned.all() or now is not work:
            now = now.keep(turned)
            waiting[waiting] = turned
    raise ArithmeticError("Jacobi's rotations did not converge")


def _rotate(work: _Work, p: int, q: int) -> NDArray[np.bool_]:
    """Take element (p, q) away where it is more than rounding; tell where."""
    re, im = work.re[p, q], work.im[p, q]
    size = np.sqrt(re * re + im * im)
    turn: NDArray[np.bool_] = size > _NOTHING
    if not turn.any():
        return turn
    r = np.where(turn, size, 1.0)
    tau = (work.diagonal[q] - work.diagonal[p]) / (2.0 * r)
    t = np.where(tau < 0.0, -1.0, 1.0) / (np.abs(tau) + np.sqrt(1.0 + tau * tau))
    t = np.where(turn, t, 0.0)
    c = 1.0 / np.sqrt(1.0 + t * t)
    s = t * c
    # (phase_re + i phase_im) = s a_pq / |a_pq|
    phase_re, phase_im = s * (re / r), s * (im / r)
    step = t * r
    work.diagonal[p] -= step
    work.diagonal[q] += step
    _turn_columns(work.re, work.im, p, q, c, phase_re, phase_im)
    _turn_rows(work.re, work.im, p, q, c, phase_re, phase_im)
    for x, y in ((p, q), (q, p)):
        work.re[x, y] = np.where(turn, 0.0, work.re[x, y])
        work.im[x, y] = np.where(turn, 0.0, work.im[x, y])
    _turn_columns(work.vre, work.vim, p, q, c, phase_re, phase_im)
    return turn


def _turn_columns(re: Floats, im: Floats, p: int, q: int, c: Floats, u: Floats, v: Floats) -> None:
    """Column p becomes ``c p - (u - iv) q``, column q becomes ``(u + iv) p + c q``."""
    a, b, x, y = re[:, p].copy(), im[:, p].copy(), re[:, q].copy(), im[:, q].copy()
    re[:, p], im[:, p] = c * a - (u * x + v * y), c * b - (u * y - v * x)
    re[:, q], im[:, q] = (u * a - v * b) + c * x, (u * b + v * a) + c * y


def _turn_rows(re: Floats, im: Floats, p: int, q: int, c: Floats, u: Floats, v: Floats) -> None:
    """Row p becomes ``c p - (u + iv) q``, row q becomes ``(u - iv) p + c q``."""
    a, b, x, y = re[p].copy(), im[p].copy(), re[q].copy(), im[q].copy()
    re[p], im[p] = c * a - (u * x - v * y), c * b - (u * y + v * x)
    re[q], im[q] = (u * a + v * b) + c * x, (u * b - v * a) + c * y


def exponential(matrices: Matrices) -> Matrices:
    r"""Give ``exp(A)`` by scaling and squaring.

    .. math:: e^A = \big[ T_{19}(A / 2^s) \big]^{2^s}, \qquad \|A / 2^s\| \le 1

    Taylor's polynomial of degree 19 in seven products (Paterson, Stockmeyer, SIAM J. Comput. 2, 60, 1973).
    The error is a few roundings times the larger of 1 and the norm, which is what the exponential's own
    condition costs. NaN where an element is not finite.
    """
    norm = matrices.one_norm
    finite = np.isfinite(norm)
    safe = np.where(finite, norm, 0.0)
    squarings = np.maximum(np.frexp(safe / _LARGEST_NORM)[1], 0)
    with np.errstate(all="ignore"):
        result = _taylor(_zero_unless(finite, matrices).times(np.ldexp(1.0, -squarings)))
        result.re[~finite], result.im[~finite] = np.nan, np.nan
        for s in range(int(squarings.max(initial=0))):
            more = squarings > s
            part = result[more]
            part = part @ part
            result.re[more], result.im[more] = part.re, part.im
    return result


def _taylor(a: Matrices) -> Matrices:
    powers = [Matrices.identity(a.rows, a.dimension), a]
    while len(powers) <= _BLOCK:
        powers.append(powers[-1] @ a)
    inverse_factorials = [1.0]
    for k in range(1, _BLOCK * _BLOCKS):
        inverse_factorials.append(inverse_factorials[-1] / k)
    result: Matrices | None = None
    for block in reversed(range(_BLOCKS)):
        # The highest power first: small terms are added before large ones.
        terms = [powers[k].times(inverse_factorials[block * _BLOCK + k]) for k in range(_BLOCK)]
        inner = terms[-1] if result is None else powers[_BLOCK] @ result + terms[-1]
        for term in terms[-2::-1]:
            inner = inner + term
        result = inner
    assert result is not None
    return result
