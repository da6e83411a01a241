r"""Steady states with coherence between levels: density matrices, the same on every machine.

.. math:: -\frac{i}{\hbar}[H,\rho] + \sum_k\Big(L_k\rho L_k^+ - \tfrac12\{L_k^+L_k,\rho\}\Big) = 0, \qquad
          \mathrm{Tr}\,\rho = 1

in the eigenbasis, one equation for each element, solved by elimination; trajectories start from eigenvectors
of :math:`\rho`, each with its eigenvalue as probability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.quantum.matrices import Matrices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fluctua.stochastic.quantum.channels import Channels

    Floats = NDArray[np.float64]

_NOTHING = 1e-11
"""Of the fastest rate: a pivot that is rounding, where there is more than one steady state."""


def steady_matrix(found: Channels, hbar: float) -> Matrices:
    """Return the steady density matrix of one row, in the basis of the operators.

    Parameters
    ----------
    found : Channels
        One row.
    hbar : float, energy time

    Raises
    ------
    InvalidInput
        If there are several.
    """
    d, rate = found.energies.shape[1], float(found.fastest[0])
    re, im = (part.reshape(d * d, d * d) for part in _equations(found, hbar))
    right = np.zeros(d * d)
    # The populations' equations add up to 0: the trace takes the place of the first, in its units.
    re[0], im[0], right[0] = 0.0, 0.0, rate
    re[0, :: d + 1] = rate
    x, y = _solved(re, im, right, _NOTHING * rate)
    inside = Matrices(x.reshape(1, d, d), y.reshape(1, d, d))
    return found.vectors @ (inside @ found.vectors.adjoint)


def _equations(found: Channels, hbar: float) -> tuple[Floats, Floats]:
    """Return what each element (c, d) adds to the change of each element (a, b), shape (d, d, d, d)."""
    d = found.energies.shape[1]
    re, im, unit = np.zeros((d, d, d, d)), np.zeros((d, d, d, d)), np.eye(d)
    for slot in range(len(found.channel)):
        one = found.operator(slot)
        a, b = one.re[0][:, None, :, None], one.im[0][:, None, :, None]
        c, e = one.re[0][None, :, None, :], one.im[0][None, :, None, :]
        re += a * c + b * e  # L_ac L_bd^*
        im += b * c - a * e
    left_re, left_im = -0.5 * found.decay.re[0], -0.5 * found.decay.im[0]
    left_im = left_im - Matrices.diagonal(found.energies).re[0] / hbar
    here = unit[None, :, None, :]  # element (a, b) from (c, b)
    re += left_re[:, None, :, None] * here
    im += left_im[:, None, :, None] * here
    there = unit[:, None, :, None]  # and from (a, d), with the adjoint
    re += left_re[None, :, None, :] * there
    im -= left_im[None, :, None, :] * there
    return re, im


def _solved(re: Floats, im: Floats, right: Floats, least: float) -> tuple[Floats, Floats]:
    """Solve linear equations by elimination with the largest pivot of each column."""
    a, b = np.column_stack([re, right]), np.column_stack([im, np.zeros(len(right))])
    for k in range(len(right)):
        size = a[k:, k] * a[k:, k] + b[k:, k] * b[k:, k]
        pivot = k + int(np.argmax(size))
        if not size[pivot - k] > least * least:
            raise InvalidInput(
                "several steady states", "initial", "start from Populations(...) or Point(amplitudes=[...])"
            )
        a[[k, pivot]], b[[k, pivot]] = a[[pivot, k]], b[[pivot, k]]
        a[k, k:], b[k, k:] = _divided(a[k, k:], b[k, k:], a[k, k], b[k, k])
        others = np.arange(len(right)) != k
        x, y, u, v = a[others, k, None], b[others, k, None], a[k, k + 1 :], b[k, k + 1 :]
        a[others, k + 1 :] -= x * u - y * v
        b[others, k + 1 :] -= x * v + y * u
    return a[:, -1], b[:, -1]


def _divided(a: Floats, b: Floats, c: float, d: float) -> tuple[Floats, Floats]:
    """Return ``(a + i b)/(c + i d)``."""
    norm = c * c + d * d
    return (a * c + b * d) / norm, (b * c - a * d) / norm
