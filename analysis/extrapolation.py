r"""The limit of estimates at several time steps, by generalised least squares.

.. math:: \gamma(h) = \gamma_0 + a\,h^q

Sources: Aitken (1936), generalised least squares; Richardson (1911), the limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special

from fluctua.analysis.estimate import Estimate
from fluctua.analysis.samples import finite
from fluctua.analysis.scores import CrooksScores
from fluctua.stochastic.errors import InvalidInput

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Extrapolation:
    r"""Least squares of :math:`\gamma(h)=\gamma_0+a h^q`.

    Attributes
    ----------
    order : float
        q, known.
    limit, coefficient : Estimate
        :math:`\gamma_0` and a. Their `n` is the number of time steps.
    correlation : float
        Of the two.
    lack_of_fit, lack_p : float
        Weighted sum of squared residuals, and its p-value by the chi-square law.
    freedom : int
        Its degrees of freedom: time steps less 2.
    """

    order: float
    limit: Estimate
    coefficient: Estimate
    correlation: float
    lack_of_fit: float
    lack_p: float
    freedom: int

    def at(self, steps: ArrayLike) -> tuple[Floats, Floats]:
        """Return the fitted line and its standard error at time steps."""
        power = np.asarray(steps, dtype=np.float64) ** self.order
        one, other = self.limit.standard_error, self.coefficient.standard_error
        variance = one**2 + 2.0 * self.correlation * one * other * power + (other * power) ** 2
        return self.limit.value + self.coefficient.value * power, np.sqrt(np.maximum(variance, 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Give the fit as plain data."""
        return {
            "order": self.order,
            "limit": self.limit.value,
            "limit_error": self.limit.standard_error,
            "coefficient": self.coefficient.value,
            "coefficient_error": self.coefficient.standard_error,
            "lack_of_fit": self.lack_of_fit,
            "lack_of_fit_p": self.lack_p,
            "degrees_of_freedom": self.freedom,
        }


def extrapolate(steps: ArrayLike, estimates: ArrayLike, covariance: ArrayLike, order: float) -> Extrapolation:
    r"""Fit a limit and a coefficient to estimates at several time steps.

    .. math:: \hat\theta=(X^TC^{-1}X)^{-1}X^TC^{-1}y, \qquad \operatorname{Cov}\hat\theta=(X^TC^{-1}X)^{-1},
       \qquad X=(1,\ h^q)

    Parameters
    ----------
    steps : array_like, shape (k,)
        Time steps, k >= 3.
    estimates : array_like, shape (k,)
        What was measured at each.
    covariance : array_like, shape (k, k)
        Of the estimates.
    order : float
        q > 0: 1 for Euler's scheme, 2 for symmetric splittings.

    Raises
    ------
    InvalidInput
        If the covariance is not symmetric and positive.
    """
    h, y = np.asarray(steps, dtype=np.float64), np.asarray(estimates, dtype=np.float64)
    root = _root(np.asarray(covariance, dtype=np.float64))
    scale = float(h.max()) ** order  # both columns of one size, whatever the unit of time
    design = np.column_stack([np.ones_like(h), h**order / scale])
    X, target = (linalg.solve_triangular(root, side, lower=True) for side in (design, y))
    spread = linalg.inv(X.T @ X)
    theta = spread @ (X.T @ target)
    errors = np.sqrt(np.diag(spread))
    residual = target - X @ theta
    misfit, freedom = float(residual @ residual), int(h.size - 2)
    return Extrapolation(
        order=order,
        limit=Estimate(float(theta[0]), float(errors[0]), h.size, method="extrapolated"),
        coefficient=Estimate(float(theta[1]) / scale, float(errors[1]) / scale, h.size),
        correlation=float(spread[0, 1] / (errors[0] * errors[1])),
        lack_of_fit=misfit,
        lack_p=float(special.chdtrc(freedom, misfit)),
        freedom=freedom,
    )


def _root(covariance: Floats) -> Floats:
    try:
        return np.asarray(linalg.cholesky(covariance, lower=True))
    except linalg.LinAlgError:
        remedy = "leave out time steps that add nothing, or give one from more trajectories"
        raise InvalidInput("the covariance is not positive", "covariance", remedy) from None


def shared_covariance(contributions: Sequence[ArrayLike], standard_errors: ArrayLike) -> Floats:
    r"""Return the covariance of estimates at several time steps that share their Brownian paths.

    .. math:: C_{kl} = \sigma_k\,\sigma_l\,\operatorname{corr}(c_k, c_l)

    with :math:`c_k` what each trajectory adds to the estimate at time step k: its own value where the
    estimate is a mean, its `slope_contributions` where it is the slope of Crooks' theorem.

    Parameters
    ----------
    contributions : sequence of array_like, k of shape (n,)
        One array a time step, the trajectories in the same order in all.
    standard_errors : array_like, shape (k,)
        Of the estimates.

    Returns
    -------
    ndarray, shape (k, k)

    Raises
    ------
    InvalidInput
        If the arrays differ in length, are not finite, or one does not vary.
    """
    rows = [finite(row, f"contributions.{k}") for k, row in enumerate(contributions)]
    errors = finite(standard_errors, "standard_errors")
    if len({row.size for row in rows}) != 1 or errors.size != len(rows):
        raise InvalidInput(
            "one contribution a trajectory and one standard error a time step are needed",
            "contributions",
            "give arrays of one length",
        )
    apart = [row - row.mean() for row in rows]
    sizes = [math.sqrt(float((row * row).sum())) for row in apart]
    if not min(sizes) > 0.0:
        raise InvalidInput("a contribution does not vary", "contributions")
    joint = np.array([[float((one * other).sum()) for other in apart] for one in apart])
    correlation = joint / np.outer(sizes, sizes)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation * np.outer(errors, errors))


def slope_contributions(work_forward: ArrayLike, work_reverse: ArrayLike, free_energy: float) -> Floats:
    r"""Return what each trajectory adds to the slope of Crooks' theorem, up to a factor.

    .. math:: c_i = (\ell_i-p_i)\,(x_i-c), \qquad p_i = L(M+x_i-f), \qquad x=w_F \mathrm{\ or\ } -w_R

    the terms of the score at slope 1 (`fluctua.analysis.crooks`), less their mean in each direction, as the
    numbers of trajectories are chosen and not drawn.

    Parameters
    ----------
    work_forward, work_reverse : array_like, shape (n,), (m,)
        As measured, in kT.
    free_energy : float
        f, in kT: BAR's.

    Returns
    -------
    ndarray, shape (n + m,)
        Forward trajectories first.

    Raises
    ------
    InvalidInput
        If an array is empty or not finite, or the two do not overlap.
    """
    forward, reverse = finite(work_forward, "forward"), finite(work_reverse, "reverse")
    coin = CrooksScores.of(forward, reverse, free_energy)
    if coin is None:
        raise InvalidInput("no overlap", "forward", "there is no slope to contribute to")
    sides = ((forward, True), (reverse, False))
    terms = [coin.scores(forward=ahead, degree=1)(work)[1] for work, ahead in sides]
    return np.concatenate([side - side.mean() for side in terms])
