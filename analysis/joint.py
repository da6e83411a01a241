r"""Means and covariances of functions of one column, read in blocks.

A mean work less an estimated free-energy difference, or an exponential average beside it, needs the
covariance of two functions of the same trajectories. The blocks are put together by

.. math:: C_{ab} = C_a + C_b + \frac{n_an_b}{n_a+n_b}\,\delta\delta^{\mathsf T}, \qquad \delta = m_b - m_a,

which cancels nothing, so that a column may be a memory map of a file larger than memory.

Source: Chan, Golub and LeVeque (1983).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BLOCK = 1 << 13  # larger temporaries come from the system each time, and larger products start threads


def joint_moments(values: Floats, *functions: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Return the means of functions of the values and their covariance.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite numbers; read in blocks, not copied.
    functions : k functions
        Each takes a block of values and gives as many.

    Returns
    -------
    mean : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
        Divided by n.
    """
    count, mean, spread = 0, np.zeros(len(functions)), np.zeros((len(functions), len(functions)))
    for start in range(0, values.size, _BLOCK):
        part = np.stack([function(values[start : start + _BLOCK]) for function in functions])
        added, here = part.shape[1], part.mean(axis=1)
        part -= here[:, None]
        step = here - mean
        spread += part @ part.T + np.outer(step, step) * (count * added / (count + added))
        count += added
        mean = mean + step * (added / count)
    return mean, spread / count
