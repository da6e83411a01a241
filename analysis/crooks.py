r"""Crooks' theorem as a coin toss, and Bennett's free-energy difference as its fit.

Work ``w`` of forward trajectories has the density p; ``y = -w`` of reverse ones the density q; all in kT. The
theorem says

.. math:: \frac{p(w)}{q(w)} = e^{w-f},

so that the direction of a trajectory, given its work, is a coin with a known bias, however the work is
distributed:

.. math:: P(\mathrm{forward} \mid w) = L(M + w - f),
   \qquad L(u) = \frac1{1+e^{-u}}, \qquad M=\ln\frac{n_F}{n_R}.

The only unknown is f, and its maximum-likelihood estimate is Bennett's acceptance ratio. Everything else that
a logistic model could contain must be absent: a slope other than 1, a bend, a local excess.

Sources: Bennett (1976); Crooks (1999); Shirts, Bair, Hooker and Pande (2003); Prentice and Pyke (1979);
Neyman (1937).
"""

from __future__ import annotations

from fluctua.analysis.bennett import LEAST_INFORMATION, bar
from fluctua.analysis.crooks_fit import ENOUGH_INFORMATION, CrooksFit, fit_crooks
from fluctua.analysis.crooks_verdict import (
    FREE_ENERGY_TOLERANCE,
    LEAST_FOR_SHAPE,
    LITTLE_INFORMATION,
    SLOPE_TOLERANCE,
    free_energy_part,
    judge_crooks,
    shape_part,
    slope_part,
)

__all__ = [
    "ENOUGH_INFORMATION",
    "FREE_ENERGY_TOLERANCE",
    "LEAST_FOR_SHAPE",
    "LEAST_INFORMATION",
    "LITTLE_INFORMATION",
    "SLOPE_TOLERANCE",
    "CrooksFit",
    "bar",
    "fit_crooks",
    "free_energy_part",
    "judge_crooks",
    "shape_part",
    "slope_part",
]
