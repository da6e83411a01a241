r"""Crooks' theorem without its free-energy difference: forward and reverse trajectories taken in pairs.

The dissipation of a pair, :math:`s=w_F+w_R`, belongs to a cycle and so obeys the detailed theorem of one
sample, whatever f is:

.. math:: P(s>0 \mid |s|) = L(|s|), \qquad
   U=\sum_i |s_i|\,\big(1_{s_i>0}-L(|s_i|)\big), \qquad V=\sum_i s_i^2\,L(|s_i|)\,L(-|s_i|) .

It is weaker than the fit of both samples (at 3 kT it knows a quarter as much), and it shares neither f nor
the numbers of trajectories with it: a cross-check.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from fluctua.analysis.bennett import LEAST_INFORMATION
from fluctua.analysis.logistic import blocks
from fluctua.analysis.parts import Part
from fluctua.analysis.samples import finite
from fluctua.analysis.scores import sign_information, sign_scores


def slope_of_pairs(work_forward: ArrayLike, work_reverse: ArrayLike) -> Part | None:
    r"""Estimate the slope of the detailed theorem from pairs of one forward and one reverse trajectory.

    .. math:: \gamma = 1 + U/V, \qquad \sigma = V^{-1/2}

    Parameters
    ----------
    work_forward, work_reverse : array_like, shape (n,), (m,)
        As measured, in kT; the first ``min(n, m)`` of each are paired in their order.

    Returns
    -------
    Part or None
        One that decides nothing; none where the information of the pairs is below 3.

    Notes
    -----
    One step of Newton's method from 1, which is all that a test of 1 needs.
    """
    forward, reverse = finite(work_forward, "forward"), finite(work_reverse, "reverse")
    number = min(forward.size, reverse.size)
    sums = np.zeros(3)
    for w_forward, w_reverse in blocks(forward[:number], reverse[:number]):
        s = w_forward + w_reverse
        sums += sign_scores(s)[0].sum(), *sign_information(s)
    score, variance, information = sums.tolist()
    if information < LEAST_INFORMATION or not variance > 0.0:
        return None
    z = score / math.sqrt(variance)
    return Part(
        "slope of pairs",
        estimate=1.0 + score / variance,
        standard_error=1.0 / math.sqrt(variance),
        expected=1.0,
        statistic=z,
        p_value=float(2.0 * special.ndtr(-abs(z))),
        decides=False,
        method="score of the signs of forward + reverse work",
    )
