r"""One process at several time steps along one Brownian path, to tell theorem from time step.

The finest run draws normal numbers; the longer a step, the more of them it sums up:
:math:`Z=\sum_i w_i z_i` (`stochastic/kernels/noise.py`). So what differs between time steps is their error,
hardly noise: how the slope changes with the time step is known much better than from runs of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fluctua.analysis.extrapolation import shared_covariance, slope_contributions
from fluctua.analysis.scores import settled, sign_scores
from fluctua.analysis.time_step import TOLERANCE, TimeStepReport, judge_time_steps
from fluctua.analysis.verdict import Verdict, check_alpha
from fluctua.stochastic.errors import InvalidInput, shown

if TYPE_CHECKING:
    from fluctua.analysis.ledger import Ledger
    from fluctua.ensembles.spec import EnsembleSpec

Floats = NDArray[np.float64]

_WHOLE = 1e-9  # relative; a ratio of time steps that is nearer to a whole number is one
_LARGEST_RATIO = 1024


def time_step(
    spec: EnsembleSpec,
    steps: Sequence[float],
    *,
    order: float | None = None,
    tolerance: float = TOLERANCE,
    alpha: float = 0.05,
    threads: int | None = None,
    progress: bool | None = None,
) -> TimeStepReport:
    """Judge a fluctuation theorem at several time steps on one Brownian path, and in the limit of short ones.

    A run that starts in equilibrium is judged by the slope of Crooks' theorem, with its reverse; a steady
    state in which nothing changes by that of the detailed theorem. Everything stays in memory.

    Parameters
    ----------
    spec : EnsembleSpec
        The run. Its own time step is one of `steps`, and judged by itself too.
    steps : sequence of float, time
        At least three for a limit, each a whole multiple of the shortest, and a divisor of all durations.
    order : float, optional
        Power of the time step with which its error falls; by default that of the scheme: 1 for
        Euler-Maruyama, 2 for the others.
    tolerance : float
        What counts as equal for the slope.
    alpha : float
        Error rate of all verdicts together.
    threads, progress
        As for `fluctua.simulate`.

    Returns
    -------
    TimeStepReport

    Raises
    ------
    InvalidInput
        Time steps that are no multiples of the shortest, or without the run's own; a run that no detailed
        theorem is about.
    Unstable
        The longest is too long for the forces.
    """
    check_alpha(alpha)
    chosen = _checked(steps)
    known = spec.dynamics.order
    if known is None or spec.time_step is None:
        what = f"{spec.dynamics.kind} follows no Brownian path that time steps could share"
        raise InvalidInput(what, "dynamics", "compare runs of several time_steps with fluctua.compare")
    own = _place(spec.time_step, chosen)
    found: list[_Measured] = []
    for step in chosen:  # the longest first: it is the first to be unstable, and the cheapest
        at_step = spec.replace({"time_step": step})
        found.append(_measured(at_step, round(step / chosen[-1]), alpha, threads, progress))
    errors = [one.slope_error for one in found]
    return judge_time_steps(
        chosen,
        [one.slope for one in found],
        errors,
        known if order is None else order,
        covariance=shared_covariance([one.contributions for one in found], errors),
        step=chosen[own],
        exact=found[own].exact,
        tolerance=tolerance,
        alpha=alpha,
        claim=found[own].claim,
        n=spec.trajectories,
    )


def _checked(steps: Sequence[float]) -> list[float]:
    """Return the time steps, the longest first."""
    if isinstance(steps, str) or not isinstance(steps, Sequence | np.ndarray) or len(steps) == 0:
        raise InvalidInput(f"{shown(steps)} are no time steps", "steps", "give some, like [0.04, 0.02, 0.01]")
    for step in steps:
        number = isinstance(step, int | float | np.number) and not isinstance(step, bool)
        if not number or not (math.isfinite(step) and step > 0.0):
            raise InvalidInput(f"{shown(step)} is no time step", "steps", "give numbers above 0")
    chosen = sorted({float(step) for step in steps}, reverse=True)
    shortest = chosen[-1]
    for step in chosen:
        ratio = step / shortest
        if abs(ratio - round(ratio)) > _WHOLE * ratio or ratio > _LARGEST_RATIO:
            what = f"{step:g} is not a whole multiple of {shortest:g}, up to {_LARGEST_RATIO}"
            remedy = f"give {shortest:g}, {2 * shortest:g}, {4 * shortest:g}: they share a path"
            raise InvalidInput(what, "steps", remedy)
    return chosen


def _place(own: float, chosen: Sequence[float]) -> int:
    """Find the run's own time step among those chosen."""
    for k, step in enumerate(chosen):
        if math.isclose(step, own):
            return k
    remedy = f"add it, or change the spec's time_step to one of them, such as {chosen[0]:g}"
    raise InvalidInput(f"the spec's own time step, {own:g}, is not among them", "steps", remedy)


@dataclass(frozen=True)
class _Measured:
    """The slope at one time step, what each trajectory adds to it, and the verdict on the exact work."""

    claim: str
    slope: float
    slope_error: float
    contributions: Floats
    exact: Verdict | None


def _measured(
    spec: EnsembleSpec, finer: int, alpha: float, threads: int | None, progress: bool | None
) -> _Measured:
    from fluctua.analysis.ledger import Ledger
    from fluctua.ensembles.runner import simulate_on_path_of

    forward = Ledger(simulate_on_path_of(spec, finer, threads=threads, progress=progress))
    if forward.no_equilibrium:
        return _of_signs(forward, alpha)
    reverse = simulate_on_path_of(spec.reversed(), finer, threads=threads, progress=progress)
    return _of_directions(forward, Ledger(reverse), alpha)


def _of_directions(forward: Ledger, reverse: Ledger, alpha: float) -> _Measured:
    from fluctua.analysis.crooks import fit_crooks, judge_crooks

    fit = fit_crooks(forward.work, reverse.work, alpha=alpha)
    if not (fit.varies and fit.overlaps):
        what = "all work is the same" if not fit.varies else f"no overlap, information {fit.information:.2g}"
        raise InvalidInput(what, f"time step {forward.spec.time_step:g}", "there is no slope to compare")
    exact = None
    if forward.exact_work is not None and reverse.exact_work is not None:
        exact = judge_crooks(fit_crooks(forward.exact_work, reverse.exact_work, alpha=alpha), alpha=alpha)
    terms = slope_contributions(forward.work, reverse.work, fit.free_energy)
    return _Measured("crooks", fit.slope, fit.slope_error, terms, exact)


def _of_signs(ledger: Ledger, alpha: float) -> _Measured:
    from fluctua.analysis.detailed import fit_detailed

    s = ledger.total_entropy()
    if isinstance(s, str) or not ledger.stationary:
        what = f"no detailed theorem: {ledger.no_equilibrium}, or a steady state in which nothing changes"
        raise InvalidInput(what, "initial", "start in equilibrium, or Steady() under constant controls")
    s = settled(s)
    fit = fit_detailed(s, alpha=alpha)
    if not math.isfinite(fit.slope):
        raise InvalidInput(
            "no overlap: all signs agree", f"time step {ledger.spec.time_step:g}", "shorten the run"
        )
    return _Measured("detailed", fit.slope, fit.slope_error, sign_scores(s)[0], None)
