r"""A density that was fitted to data, as far as a verdict on entropy production made with it needs to know.

Where the density :math:`\rho` of a state out of equilibrium is not known, its potential
:math:`\phi=-\ln\rho` is fitted: to the steady state, say, with parameters :math:`\theta` and their covariance
C. Each s then errs by the same :math:`\delta\theta`, however many trajectories are judged;
`fluctua.analysis.fitted_verdicts` counts that.

The tested trajectories must not be those of the fit: the two errors would not add. Without the covariance
nothing can be counted, and the fit must then stand on ten times as many trajectories as are tested. Gaussian
densities, 2,000 tested trajectories of a true integral theorem, two-sided tests at 0.05, 2,000 ensembles each
(standard errors 0.005, and 0.01 on the left of the first row): rejected were

=============================  ====  ====  ====  ====  ====  ====
trajectories of the fit / n    0.1   0.5   1     2     10    100
=============================  ====  ====  ====  ====  ====  ====
error of the fit left out      0.54  0.24  0.17  0.11  0.06  0.06
error of the fit counted       0.05  0.04  0.04  0.06  0.05  0.06
=============================  ====  ====  ====  ====  ====  ====

Sources: Hatano and Sasa (2001); Seifert (2005).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fluctua.stochastic.errors import InvalidInput, shown

Floats = NDArray[np.float64]

ENOUGH_TO_NEGLECT = 10.0  # trajectories of the fit for each tested one
_ROUNDING = 1e-9  # of a covariance, relative to its diagonal


@dataclass(frozen=True, eq=False)
class FittedPotential:
    r"""A potential :math:`\phi=-\ln\rho` that was fitted to data, as far as a verdict needs it.

    Parameters
    ----------
    sensitivity : array_like, shape (n, K), optional
        Derivative of each tested trajectory's s with respect to the K fitted parameters, at their fitted
        values; for one parameter also of shape (n,). Where `covariance` is given it must be, too.
    covariance : array_like, shape (K, K), optional
        Of the fitted parameters: symmetric, no negative variance in any direction.
    fitted_on : int
        Number of independent trajectories that the fit is made of, above 0.
    independent : bool
        Whether these are others than the tested ones. Nothing is judged until it is said.

    Raises
    ------
    InvalidInput
        Shapes that do not fit, numbers that are not finite, a covariance that is none.
    """

    sensitivity: Floats | None = field(default=None, repr=False)
    covariance: Floats | None = field(default=None, repr=False)
    fitted_on: int = field(kw_only=True)
    independent: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.fitted_on, bool) or not isinstance(self.fitted_on, int | np.integer):
            raise InvalidInput(f"{shown(self.fitted_on)} is no number of trajectories", "potential.fitted_on")
        if self.fitted_on < 1:
            raise InvalidInput(f"fitted on {self.fitted_on} trajectories", "potential.fitted_on")
        if not isinstance(self.independent, bool | np.bool_):
            raise InvalidInput(
                f"{shown(self.independent)} is neither true nor false", "potential.independent"
            )
        if self.sensitivity is not None:
            object.__setattr__(self, "sensitivity", _columns(self.sensitivity, "potential.sensitivity"))
        if self.covariance is not None:
            covariance = _finite(self.covariance, "potential.covariance")
            object.__setattr__(self, "covariance", covariance)
            self._check_covariance(np.atleast_2d(covariance))

    @classmethod
    def linear(
        cls,
        features_initial: ArrayLike,
        features_final: ArrayLike,
        covariance: ArrayLike | None = None,
        *,
        fitted_on: int,
        independent: bool = False,
    ) -> Self:
        r"""Take a potential that is linear in its parameters, and that s contains as a difference.

        .. math:: \phi(x)=\sum_k\theta_kf_k(x), \qquad s=\phi(x_\mathrm{final})-\phi(x_\mathrm{initial})
           + \text{what needs no fit}, \qquad D_k=f_k(x_\mathrm{final})-f_k(x_\mathrm{initial})

        Total entropy production has these signs: system entropy is :math:`-\ln\rho=\phi`, at the end less at
        the start. A constant in :math:`\phi`, its normalisation, drops out as long as both ends have the same
        density. Where a fitted density stands at one end only, or depends on controls, its normalisation
        depends on :math:`\theta`: then give the derivative of the whole, normalised :math:`\phi` as
        `sensitivity`.

        Parameters
        ----------
        features_initial, features_final : array_like, shape (n, K) or (n,)
            :math:`f_k` at both ends of each tested trajectory. In Hatano and Sasa's
            :math:`s=\sum_i[\phi(x_i;\lambda_{i+1})-\phi(x_i;\lambda_i)]`, the sums of either term.
        covariance : array_like, shape (K, K), optional
            Of :math:`\theta`.
        fitted_on, independent
            As for the class.
        """
        initial = _columns(features_initial, "potential.features_initial")
        final = _columns(features_final, "potential.features_final")
        if initial.shape != final.shape:
            what = f"{_shape(initial)} at the start, {_shape(final)} at the end"
            raise InvalidInput(what, "potential.features_final", "give the same features at both ends")
        return cls(final - initial, covariance, fitted_on=fitted_on, independent=independent)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        """Write one line."""
        counted = "no covariance" if self.covariance is None else f"{len(self.covariance)} parameters"
        return f"FittedPotential: {counted}, fitted on {self._whose} trajectories"

    @property
    def _whose(self) -> str:
        return f"{self.fitted_on:,} {'other' if self.independent else 'perhaps the same'}"

    @property
    def counted(self) -> bool:
        """Whether the fit's error is known, so that verdicts count it."""
        return self.covariance is not None

    def neglected(self, n: int) -> bool:
        """Say whether the fit stands on so many trajectories that its error may be left out at n tested."""
        return self.fitted_on >= ENOUGH_TO_NEGLECT * n

    def refusal(self, n: int) -> str:
        """Say why no verdict on n trajectories follows; empty where one does."""
        if not self.independent:
            return "needs a density fitted on other trajectories, and said to be (independent=True)"
        if not self.counted and not self.neglected(n):
            return (
                f"needs the covariance of the fit, or {ENOUGH_TO_NEGLECT:g} times as many trajectories"
                f" in it as are tested ({self.fitted_on:,}, {n:,})"
            )
        return ""

    def assumption(self) -> str:
        """Say what is taken for granted of the fit."""
        known = "counted" if self.counted else "neglected"
        return f"the density was fitted on {self._whose} trajectories; its error is {known}"

    def check_size(self, n: int) -> None:
        """Refuse a sensitivity that is not of n trajectories.

        Raises
        ------
        InvalidInput
            It is of another number.
        """
        if self.sensitivity is not None and len(self.sensitivity) != n:
            what = f"{len(self.sensitivity):,} rows for {n:,} values of entropy production"
            raise InvalidInput(what, "potential.sensitivity", "give one a trajectory")

    def variance(self, slopes: Floats) -> float:
        r"""Return :math:`g^TCg` with :math:`g=\sum_i\mathrm{slopes}_iD_i`; 0 where the error is neglected.

        Parameters
        ----------
        slopes : ndarray, shape (n,)
            Derivative of what is summed with respect to each s.
        """
        if self.covariance is None or self.sensitivity is None:
            return 0.0
        g = np.einsum("i,ik->k", slopes, self.sensitivity)  # no BLAS: the same for any number of threads
        return max(0.0, float(g @ self.covariance @ g))

    def _check_covariance(self, covariance: Floats) -> None:
        where = "potential.covariance"
        if self.sensitivity is None:
            raise InvalidInput(
                "a covariance alone", where, "add sensitivity=, how each s depends on the parameters"
            )
        count = self.sensitivity.shape[1]
        if covariance.shape != (count, count):
            raise InvalidInput(f"{_shape(covariance)} for {count} parameters", where)
        object.__setattr__(self, "covariance", covariance)
        diagonal = np.diag(covariance)
        if (diagonal < 0.0).any():
            raise InvalidInput("a negative variance", where)
        scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
        correlation = covariance / np.outer(scale, scale)
        if np.abs(correlation - correlation.T).max() > _ROUNDING:
            raise InvalidInput("not symmetric", where)
        if np.linalg.eigvalsh(correlation)[0] < -_ROUNDING * count:
            raise InvalidInput("no covariance: negative in some direction", where)


def _finite(values: ArrayLike, where: str) -> Floats:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput("not an array of numbers", where) from None
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad or not array.size:
        raise InvalidInput(f"{bad:,} of {array.size:,} values are not finite" if bad else "no values", where)
    frozen = array.view()
    frozen.flags.writeable = False
    return frozen


def _columns(values: ArrayLike, where: str) -> Floats:
    array = _finite(values, where)
    if array.ndim not in (1, 2):
        raise InvalidInput(f"{array.ndim} dimensions", where, "give a row a trajectory, a column a parameter")
    return array.reshape(len(array), -1)


def _shape(array: Floats) -> str:
    return " x ".join(f"{length:,}" for length in array.shape)
