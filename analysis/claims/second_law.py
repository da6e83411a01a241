"""The second law: no mean dissipation below zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fluctua.analysis.claims.claim import Claim
from fluctua.analysis.claims.subject import Floats, Subject
from fluctua.analysis.dependence import INDEPENDENT, Dependence
from fluctua.analysis.estimate import Estimate
from fluctua.analysis.fitted_verdicts import mean_fitted, with_growing_fit
from fluctua.analysis.rule import not_applicable
from fluctua.analysis.second_law import (
    TOLERANCE,
    Bound,
    dissipation,
    dissipation_above_bar,
    judge_second_law,
    mean_of,
)
from fluctua.analysis.verdict import Verdict


def _judge(subject: Subject) -> Verdict:
    if subject.unfit:
        return not_applicable("second-law", subject.unfit)
    bounds, taken = _bounds(subject)
    if isinstance(bounds, str):
        return not_applicable("second-law", bounds)
    verdict = judge_second_law(
        bounds,
        tolerance=subject.rules.tolerance["second-law"],
        alpha=subject.rules.alpha,
        assumptions=(*subject.shares, *taken),
        dependence=_dependence(subject),
    )
    return verdict if subject.potential is None else with_growing_fit(verdict, subject.potential)


def _dependence(subject: Subject) -> Dependence:
    """Return how the means depend on each other's trajectories: work, and BAR's ΔF where none is known."""
    values = next(
        (one for one in (subject.entropy, subject.work, subject.exchanged) if one is not None), None
    )
    if subject.ledgers or values is None:
        return INDEPENDENT
    if subject.protocols:
        return _most_dependent(subject)
    mean, pair = subject.dependence_of_mean(values), subject.dependence
    if subject.delta_f is not None or subject.work is None:
        return mean
    return replace(
        mean,
        mean_variance_ratio=max(mean.mean_variance_ratio, pair.free_energy_variance_ratio),
        freedom=min(mean.freedom, pair.freedom),
        blocks=max(mean.blocks, pair.blocks),
        reason=mean.reason or pair.free_energy_reason,
    )


def _most_dependent(subject: Subject) -> Dependence:
    """Return one dependence for the means of all protocols, at least as strong as that of each."""
    codes = subject.groups or [None] * len(subject.protocols)
    means = [Dependence.of_mean(one.work, code) for one, code in zip(subject.protocols, codes, strict=True)]
    worst = min(means, key=lambda mean: mean.freedom)
    return replace(
        worst,
        mean_variance_ratio=max(mean.mean_variance_ratio for mean in means),
        reason=next((mean.reason for mean in means if mean.reason), ""),
    )


def _bounds(subject: Subject) -> tuple[list[Bound] | str, tuple[str, ...]]:
    """Return the means that must not be negative, and what that takes for granted; or what is missing."""
    if subject.entropy is not None:
        return _entropy_bounds(subject, subject.entropy), ()
    if subject.exchanged is not None and subject.affinity is not None:
        return [Bound("A <X>", mean_of(subject.affinity * subject.exchanged))], ()
    if subject.missing or subject.work is None:
        return _bounds_without_work(subject)
    symbol = "<W~> + ΔΞ" if subject.varies else "<W> - ΔF"
    if subject.delta_f is not None and subject.protocols:
        return [
            Bound(f"{symbol} of {one.name}", dissipation(one.work, subject.delta_f))
            for one in subject.protocols
        ], ()
    cycles = [bound for ledger in subject.ledgers[:1] for bound in ledger.bounds()]
    if cycles and not subject.given:
        return cycles, ()
    if subject.delta_f is not None:
        return [Bound(symbol, dissipation(subject.work, subject.delta_f))], ()
    if subject.fit is not None and subject.fit.unmatched is not None:
        return f"needs a known ΔF (delta_f=): {subject.fit.unmatched}", ()
    if subject.fit is not None:
        return [Bound(symbol, dissipation_above_bar(subject.work, subject.fit))], (
            "ΔF is BAR's of the same trajectories",
        )
    return "needs reverse data or a known ΔF (delta_f=)", ()


def _entropy_bounds(subject: Subject, s: Floats) -> list[Bound] | str:
    if not np.isfinite(s).all():
        return "needs a finite mean: it is infinite where a way back is impossible, which no law forbids"
    return [Bound("<s>", _mean_entropy(subject, s))]


def _mean_entropy(subject: Subject, s: Floats) -> Estimate:
    if subject.potential is None:
        return mean_of(s)
    return mean_fitted(s, subject.potential, _dependence(subject))


def _bounds_without_work(subject: Subject) -> tuple[list[Bound] | str, tuple[str, ...]]:
    """Judge what baths take up in a steady state, and all entropy where it is known: no ΔF is asked for."""
    steady = [ledger for ledger in subject.ledgers if ledger.stationary and ledger.steady]
    if not steady:
        s = subject.total_entropy
        if not isinstance(s, str):
            return _entropy_bounds(subject, s), ()
        return f"{subject.missing or 'needs work'}, or a steady state in which nothing changes", ()
    taken = ("the start is the steady state, so that system entropy does not change on average",)
    flow = steady[0].entropy_flow()
    if flow is None:
        return f"needs thermodynamics: {steady[0].no_theorems}", ()
    return [Bound("<entropy flow>", flow)], taken


CLAIM = Claim(
    name="second-law",
    order=40,
    judge=_judge,
    usual=lambda _subject: True,
    means=(
        "The mean work is at least ΔF; where no ΔF is asked for, as between two baths, the mean total"
        " entropy production is at least 0. Where the temperature varies, the mean dimensionless work is at"
        " least the change of −ln Z. Closed cycles are judged by all the work since equilibrium; what"
        " a single later cycle takes stands beside it: the entropy produced, in the limit cycle."
    ),
    tolerances={"second-law": TOLERANCE},
    free_energy=lambda subject: subject.delta_f is None,  # it takes the estimated one then
)
