r"""The first law as an identity of every trajectory.

.. math:: \Delta H = W + \sum_\nu Q_\nu + W_\mathrm{sh}

The terms are accumulated independently, so the identity has teeth; what it may miss is rounding, which grows
with the number of steps and with the size of the energies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fluctua.analysis.parts import Part
from fluctua.analysis.verdict import Verdict

ROUNDING = 1e-12  # for 1,000 time steps, in units of 1 + the largest energy met


@dataclass(frozen=True)
class Residual:
    """How far the books are from closing.

    Parameters
    ----------
    largest : float
        Largest residual of a trajectory, in kT.
    scale : float
        Largest energy met, in kT.
    steps : int
        Time steps of a trajectory.
    n : int
        Trajectories.
    """

    largest: float
    scale: float
    steps: int
    n: int

    @property
    def allowed(self) -> float:
        """What rounding explains."""
        return ROUNDING * max(1.0, self.steps / 1000.0) * (1.0 + self.scale)


def judge_first_law(residual: Residual) -> Verdict:
    """Judge the identity: no statistics, only rounding.

    Parameters
    ----------
    residual : Residual
        Largest over all trajectories.

    Returns
    -------
    Verdict
        ``holds`` where the largest residual is rounding, ``violated`` otherwise.
    """
    fine = residual.largest <= residual.allowed
    bound = _one_digit(residual.largest)
    return Verdict(
        claim="first-law",
        outcome="holds" if fine else "violated",
        estimate=residual.largest,
        standard_error=0.0,
        tolerance=residual.allowed,
        quantity="residual",
        expected=0.0,
        reason=(
            f"energy change less heat and work of all kinds is at most {bound} in {residual.n:,} "
            f"trajectories, and rounding explains {residual.allowed:.1g}"
        ),
        assumptions=("an identity: no error rate",),
        measured=f"residual <= {bound}",
        should_be="0",
        within="rounding",
        parts=(
            Part(
                "residual",
                residual.largest,
                0.0,
                tolerance=residual.allowed,
                method="largest over all trajectories",
            ),
        ),
    )


def _one_digit(value: float) -> str:
    """Round up to one digit, so that the printed bound is one."""
    if not value > 0.0:
        return "0"
    exponent = math.floor(math.log10(value))
    digit = math.ceil(value / 10.0**exponent - 1e-9)
    return f"{digit * 10.0**exponent:.0e}".replace("e-0", "e-") if exponent < -3 else f"{value:.2g}"
