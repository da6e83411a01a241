r"""Whether a deviation is the theorem's or the time step's.

A claim about a simulation of time step h is a claim about h, too. With the order q of the integrator known,

.. math:: \gamma(h) = \gamma_0 + a\,h^q,

so that the theorem is judged on :math:`\gamma_0`, by least squares over at least three time steps (with two,
no fit can fail), and the user's own h on what was measured there. All verdicts are the usual ones
of `fluctua.analysis.rule`, and are counted together: of a process whose claim is true at its own time step
and in the limit, one is said to be violated at most at the error rate.

* violated at the user's h, :math:`\gamma_0` as it should be: the time step is too long;
* :math:`\gamma_0` violated: no time step is to blame;
* the same claim on work with shadow work is true at *any* time step: where that is violated, neither theorem
  nor time step is to blame but the bookkeeping.

Runs on one Brownian path share most of their noise: their covariance, from
`fluctua.analysis.extrapolation.shared_covariance`, makes the
differences between time steps, and so a, much sharper than independent runs would.

Sources: Richardson (1911), the limit; Sivak, Chodera and Crooks (2013), shadow work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fluctua.analysis.estimate import Estimate, uncertain
from fluctua.analysis.extrapolation import Extrapolation, extrapolate
from fluctua.analysis.parts import Part, jsonable, p_is
from fluctua.analysis.rule import judge, not_applicable, together
from fluctua.analysis.samples import finite
from fluctua.analysis.verdict import Verdict, check_alpha
from fluctua.stochastic.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

LEAST_STEPS = 3
TOLERANCE = 0.05
_SAME_ERROR = 1e-6  # relative; a covariance whose diagonal differs by more belongs to other estimates
_SAME_STEP = 1e-9  # relative
_MISFIT = "dt^{order:g} does not describe the estimates (lack of fit, {p}): use shorter time steps"


# ---- the report ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class TimeStepReport:
    """What several time steps say together.

    Attributes
    ----------
    steps, estimates, standard_errors : tuple of float
        As measured, the longest time step first.
    order : float
        Power of the time step with which its error falls.
    step : float
        The user's own time step.
    theorem : Verdict
        On the extrapolated number. ``not applicable`` where it cannot be had.
    own : Verdict
        On what was measured at `step`.
    exact : Verdict or None
        On work with shadow work, at `step`: true at any time step.
    fit : Extrapolation or None
        None where there are fewer than three time steps.
    covariance : tuple of tuples of float
        Of the estimates; diagonal for independent runs.
    """

    steps: tuple[float, ...]
    estimates: tuple[float, ...]
    standard_errors: tuple[float, ...]
    order: float
    step: float
    theorem: Verdict
    own: Verdict
    exact: Verdict | None = None
    fit: Extrapolation | None = None
    covariance: tuple[tuple[float, ...], ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        """Refuse: there are four words, not two."""
        raise TypeError('a report is not true or false: ask report.theorem.outcome == "holds"')

    @property
    def violated(self) -> bool:
        """Whether any of the verdicts says so; by chance alone at most at the error rate."""
        judged = (self.own, self.theorem, self.exact)
        return any(verdict is not None and verdict.outcome == "violated" for verdict in judged)

    @property
    def name(self) -> str:
        """What was measured."""
        return self.own.quantity

    @property
    def differences(self) -> tuple[Estimate, ...]:
        """Each estimate less that at the next shorter time step; on shared paths the error is small."""
        return tuple(self._difference(k) for k in range(len(self.steps) - 1))

    def _difference(self, k: int) -> Estimate:
        C = self.covariance
        variance = C[k][k] + C[k + 1][k + 1] - 2.0 * C[k][k + 1]
        return Estimate(self.estimates[k] - self.estimates[k + 1], math.sqrt(max(variance, 0.0)), 2)

    @property
    def conclusion(self) -> str:
        """Say in a sentence what is to blame."""
        if self.exact is not None and self.exact.outcome == "violated":
            return (
                "Violated with shadow work counted, which no time step explains: "
                "the bookkeeping is wrong, or not what the claim is about."
            )
        if self.theorem.outcome == "not applicable":
            return f"No limit of short time steps: {self.theorem.reason}."
        if self.theorem.outcome == "violated":
            return f"Violated in the limit of short time steps, which no time step explains: {self._limit}."
        if (self.own.outcome, self.theorem.outcome) == ("violated", "holds"):
            return f"The time step is too long: violated at {self.step:g}, holds in the limit: {self._limit}."
        said = f"{self.own.outcome} at {self.step:g}, {self.theorem.outcome} in the limit of short time steps"
        return f"{said[0].upper()}{said[1:]}: {self._limit}."

    @property
    def _limit(self) -> str:
        decided = self.theorem.outcome in ("holds", "violated")
        return self.theorem.measured if decided else self.theorem.reason

    def __str__(self) -> str:
        """Write the table of time steps, the limit, the verdicts and the conclusion."""
        rows = [("dt", self.name or "estimate", "less the next", "")]
        beside = [str(one) for one in self.differences] + [""]
        for step, value, error, less in zip(
            self.steps, self.estimates, self.standard_errors, beside, strict=True
        ):
            rows.append((f"{step:g}", uncertain(value, error), less, "*" if step == self.step else ""))
        if self.fit is not None:
            fit = self.fit
            rows.append(("-> 0", uncertain(fit.limit.value, fit.limit.standard_error), "", ""))
        widths = [max(len(row[k]) for row in rows) + 2 for k in range(4)]
        lines = [
            "  " + "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *self._below(), self.conclusion])

    def _below(self) -> list[str]:
        lines = [f"  at {self.step:g} (*): {self.own}", f"  in the limit: {self.theorem}"]
        if self.exact is not None:
            lines.append(f"  with shadow work counted: {self.exact}")
        if self.fit is not None:
            change = uncertain(self.fit.coefficient.value, self.fit.coefficient.standard_error)
            lines.insert(0, f"  {change} dt^{self.order:g}; lack of fit {p_is(self.fit.lack_p)}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain data."""
        names = ("steps", "estimates", "standard_errors", "order", "step", "conclusion")
        return {
            **{name: jsonable(getattr(self, name)) for name in names},
            "fit": None if self.fit is None else self.fit.to_dict(),
            "theorem": self.theorem.to_dict(),
            "own": self.own.to_dict(),
            "exact": None if self.exact is None else self.exact.to_dict(),
        }

    def figure(self) -> Figure:
        """Draw the estimates against the power of the time step, with the fitted line and its limit."""
        from fluctua.analysis.time_step_figure import time_step_figure

        return time_step_figure(self)


def judge_time_steps(
    steps: ArrayLike,
    estimates: ArrayLike,
    standard_errors: ArrayLike,
    order: float,
    *,
    covariance: ArrayLike | None = None,
    step: float | None = None,
    exact: Verdict | None = None,
    expected: float = 1.0,
    tolerance: float = TOLERANCE,
    alpha: float = 0.05,
    claim: str = "crooks",
    name: str = "slope",
    n: int = 0,
) -> TimeStepReport:
    """Judge a number at its limit of short time steps, and at the user's own.

    Parameters
    ----------
    steps : array_like, shape (k,)
        Time steps, in any order and unit of time; at least three for a limit.
    estimates, standard_errors : array_like, shape (k,)
        What was measured at each: the slope of Crooks' theorem, or any other number of a claim.
    order : float
        Power of the time step with which its error falls: 1 for Euler's scheme, 2 for symmetric splittings.
    covariance : array_like, shape (k, k), optional
        Of the estimates, where the runs share Brownian paths (`shared_covariance`). Without it they are
        independent.
    step : float, optional
        The user's own time step, one of `steps`; by default the longest.
    exact : Verdict, optional
        On work with shadow work at `step`, judged by itself.
    expected : float
        What the theorem says.
    tolerance : float
        What counts as equal.
    alpha : float
        Error rate of all verdicts together.
    claim, name : str
        What is judged, and what its number is called.
    n : int
        Trajectories at each time step, for saying how many would decide.

    Returns
    -------
    TimeStepReport

    Raises
    ------
    InvalidInput
        If the arrays do not match, a time step or error is not positive, a time step stands there twice, or
        the covariance is not that of the estimates.
    """
    h, y, errors = _checked(steps, estimates, standard_errors, order)
    check_alpha(alpha)
    C = np.diag(errors**2) if covariance is None else _matching(covariance, errors)
    longest_first = np.argsort(-h)
    h, y, errors = h[longest_first], y[longest_first], errors[longest_first]
    C = C[np.ix_(longest_first, longest_first)]
    own = 0 if step is None else _place(step, h)
    fit = extrapolate(h, y, C, order) if h.size >= LEAST_STEPS else None

    def judged(parts: Sequence[Part]) -> Verdict:
        taken = ("the estimates are normal around their true values",)
        return judge(claim, parts, alpha=alpha, n=n, assumptions=taken)

    at_own = _number(name, y[own], errors[own], expected, tolerance, "at the time step used")
    limit = (
        not_applicable(claim, f"needs {LEAST_STEPS} time steps, with {h.size} no fit can fail")
        if fit is None
        else judged(_limit_parts(fit, name, expected, tolerance, alpha))
    )
    alone = [judged([at_own]), limit, *([] if exact is None else [exact])]
    words = dict(zip(("own", "theorem", "exact"), together(alone, alpha), strict=False))
    return TimeStepReport(
        steps=tuple(map(float, h)),
        estimates=tuple(map(float, y)),
        standard_errors=tuple(map(float, errors)),
        order=float(order),
        step=float(h[own]),
        fit=fit,
        covariance=tuple(tuple(map(float, row)) for row in C),
        **words,
    )


def _limit_parts(
    fit: Extrapolation, name: str, expected: float, tolerance: float, alpha: float
) -> list[Part]:
    """Return the limit, and the lack of fit beside it; where the fit is bad the limit says nothing."""
    limit = _number(
        name,
        fit.limit.value,
        fit.limit.standard_error,
        expected,
        tolerance,
        f"weighted regression on dt^{fit.order:g}",
    )
    if fit.lack_p < alpha:
        said = _MISFIT.format(order=fit.order, p=p_is(fit.lack_p))
        limit = replace(limit, p_value=None, starved=said)
    misfit = Part(
        "lack of fit",
        statistic=fit.lack_of_fit,
        p_value=fit.lack_p,
        decides=False,
        method=f"chi-square, {fit.freedom}",
    )
    return [limit, misfit]


def _number(name: str, value: float, error: float, expected: float, tolerance: float, method: str) -> Part:
    z = (value - expected) / error
    return Part(
        name,
        estimate=float(value),
        standard_error=float(error),
        expected=expected,
        tolerance=tolerance,
        statistic=float(z),
        p_value=float(2.0 * special.ndtr(-abs(z))),
        method=method,
    )


# ---- what is given -------------------------------------------------------------------------------


def _checked(
    steps: ArrayLike, estimates: ArrayLike, errors: ArrayLike, order: float
) -> tuple[Floats, Floats, Floats]:
    h, y, s = (
        finite(values, where)
        for values, where in ((steps, "steps"), (estimates, "estimates"), (errors, "standard_errors"))
    )
    if not h.size == y.size == s.size:
        raise InvalidInput(
            f"{h.size} time steps, {y.size} estimates and {s.size} standard errors",
            "steps",
            "give one of each",
        )
    for values, where in ((h, "steps"), (s, "standard_errors")):
        if not (values > 0.0).all():
            raise InvalidInput("not all are positive", where)
    ordered = np.sort(h)
    if (np.diff(ordered) <= _SAME_STEP * ordered[1:]).any():
        raise InvalidInput("a time step stands there twice", "steps", "join what belongs to one time step")
    if not 0.0 < order < math.inf:
        raise InvalidInput(f"{order!r} is no order", "order", "give a positive number, 1 or 2 as a rule")
    return h, y, s


def _matching(covariance: ArrayLike, errors: Floats) -> Floats:
    C = np.asarray(covariance, dtype=np.float64)
    wanted = (errors.size, errors.size)
    if C.shape != wanted or not np.isfinite(C).all():
        raise InvalidInput(
            f"needs {wanted[0]} by {wanted[1]} finite numbers, not shape {C.shape}", "covariance"
        )
    scale = np.outer(errors, errors)
    if (np.abs(C - C.T) > _SAME_ERROR * scale).any():
        raise InvalidInput("not symmetric", "covariance")
    if (np.abs(np.diag(C) / errors**2 - 1.0) > _SAME_ERROR).any():
        raise InvalidInput("its diagonal is not that of the standard errors squared", "covariance")
    return np.asarray(0.5 * (C + C.T))


def _place(step: float, steps: Floats) -> int:
    nearest = int(np.argmin(np.abs(steps - step)))
    if abs(steps[nearest] - step) > _SAME_STEP * abs(step):
        given = ", ".join(f"{one:g}" for one in steps)
        raise InvalidInput(f"{step!r} is none of the time steps", "step", f"they are {given}")
    return nearest
