"""One ensemble through the public estimators and verdicts of its claims, called one by one.

A user's numbers go through `fluctua.verify`, which also looks at how trajectories depend on each other: so do
the cells of `fluctua.validation.calibration.dependent`, and those of several protocols.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

from fluctua.analysis.crooks import CrooksFit, fit_crooks, judge_crooks
from fluctua.analysis.detailed import fit_detailed, judge_detailed
from fluctua.analysis.estimate import Estimate
from fluctua.analysis.integral import judge_integral
from fluctua.analysis.jarzynski import Passage, judge_jarzynski, judge_jarzynski_pair
from fluctua.analysis.rule import not_applicable, together
from fluctua.analysis.second_law import (
    Bound,
    dissipation,
    dissipation_above_bar,
    judge_second_law,
    mean_of,
)
from fluctua.analysis.verdict import Verdict
from fluctua.validation.calibration.faults import Pairs
from fluctua.validation.calibration.others import exponential_average_test, line_fit, reweighted_test
from fluctua.validation.calibration.tallies import Finding
from fluctua.validation.calibration.truths import EntropyTruth, PairTruth

Floats = NDArray[np.float64]

ALPHA = 0.05
KNOWN = ", ΔF known"


def judge_pair(forward: Floats, reverse: Floats, delta_f: float, truth: PairTruth) -> Finding:
    """Judge all claims on work of both directions, with and without the stated free-energy difference."""
    fit = fit_crooks(forward, reverse)
    claims = _claims_of_pair(forward, reverse, fit, delta_f)
    crooks = claims[f"crooks{KNOWN}"]
    words: dict[str, str] = {name: verdict.outcome for name, verdict in claims.items()}
    words |= _headlines(claims)
    tests = {part.name: part.p_value for part in crooks.parts if part.p_value is not None}
    return Finding(
        words,
        tests,
        _residuals_of_pair(fit, claims, truth),
        {"information": fit.information, "any": float(_any(tests, ALPHA))},
    )


def _claims_of_pair(forward: Floats, reverse: Floats, fit: CrooksFit, delta_f: float) -> dict[str, Verdict]:
    jarzynski = judge_jarzynski_pair if fit.varies else _nothing_in_common
    above = Bound("<W> - ΔF", dissipation_above_bar(forward, fit))
    return {
        "crooks": judge_crooks(fit),
        f"crooks{KNOWN}": judge_crooks(fit, delta_f=delta_f),
        "jarzynski": jarzynski(forward, reverse, fit),
        f"jarzynski{KNOWN}": jarzynski(forward, reverse, fit, delta_f=delta_f),
        "second law": judge_second_law([above]),
        f"second law{KNOWN}": judge_second_law([Bound("<W> - ΔF", dissipation(forward, delta_f))]),
    }


def _nothing_in_common(*_: object, delta_f: float | None = None) -> Verdict:
    """Say that both directions take no two values in common: there is no slope to bound the tails with."""
    del delta_f
    return not_applicable("jarzynski", "needs work that both directions take")


def _headlines(claims: dict[str, Verdict]) -> dict[str, str]:
    """Return the worst word of each report, as its headline has it."""
    found = {}
    for ending in ("", KNOWN):
        own = [verdict for name, verdict in claims.items() if name.endswith(KNOWN) == bool(ending)]
        outcomes = [verdict.outcome for verdict in together(own, ALPHA)]
        found[f"report{ending}"] = "violated" if "violated" in outcomes else "not violated"
    return found


def _residuals_of_pair(fit: CrooksFit, claims: dict[str, Verdict], truth: PairTruth) -> dict[str, float]:
    law = claims["second law"]
    # Where no value is taken by both directions, there is nothing to fit.
    slope = next((part for part in claims["crooks"].parts if part.name == "slope"), None)
    estimates: dict[str, tuple[float | None, float | None, float]] = {
        "slope": (None, None, 1.0) if slope is None else (slope.estimate, slope.standard_error, 1.0),
        "ΔF": (fit.free_energy, fit.free_energy_error if fit.overlaps else None, truth.free_energy),
        "dissipation": (law.estimate, law.standard_error, truth.dissipation),
    }
    return {
        name: (x - true) / error for name, (x, error, true) in estimates.items() if x is not None and error
    }


def _any(tests: dict[str, float], alpha: float) -> bool:
    """Say whether any of the tests rejects by itself, however many there are."""
    return min(tests.values(), default=1.0) < alpha


def judge_others(forward: Floats, reverse: Floats, delta_f: float, truth: PairTruth) -> Finding:
    """Apply the methods in use elsewhere to work of both directions."""
    del truth
    return Finding(
        p_values={
            "line through histograms": line_fit(forward, reverse),
            "t-test of exp(-w)": exponential_average_test(forward - delta_f),
            "reweighted Kolmogorov-Smirnov": reweighted_test(forward, reverse),
        }
    )


def judge_forward(forward: Floats, reverse: Floats, delta_f: float, truth: PairTruth) -> Finding:
    """Judge what forward work alone can say, with a known free-energy difference."""
    del reverse
    jarzynski = judge_jarzynski([Passage("ΔF", forward, delta_f)])
    bound = judge_second_law([Bound("<W> - ΔF", dissipation(forward, delta_f))])
    words = {"jarzynski, forward only": jarzynski.outcome, "second law, forward only": bound.outcome}
    return Finding(
        words,
        {"exp(-w) too high": jarzynski.parts[0].p_value or 0.0},
        _residual("mean work", dissipation(forward, delta_f), truth.dissipation),
        {"trajectories that carry the average": jarzynski.information or 0.0},
    )


def judge_one_sample(s: Floats, truth: EntropyTruth, tie: float) -> Finding:
    """Judge the detailed theorem, the integral one and the second law on entropy production."""
    fit = fit_detailed(s)
    verdict = judge_detailed(fit)
    words = {
        "detailed": verdict.outcome,
        "integral": judge_integral(s).outcome,
        "second law": judge_second_law([Bound("<s>", mean_of(s))]).outcome,
    }
    tests = {part.name: part.p_value for part in verdict.parts if part.p_value is not None}
    tests["sign count, randomised"] = _randomised(fit.sign_statistic, fit.information, tie)
    slope = verdict.part("slope")
    residuals = {}
    if slope.estimate is not None and slope.standard_error:
        residuals["slope"] = (slope.estimate - 1.0) / slope.standard_error
    if math.isfinite(truth.dissipation):
        residuals |= _residual("mean entropy", mean_of(s), truth.dissipation)
    return Finding(words, tests, residuals, {"information": fit.information})


def _randomised(statistic: float, information: float, tie: float) -> float:
    """Return the p-value of a count whose steps are blurred: it is uniform, which that of a count is not."""
    blurred = statistic + (tie - 0.5) / math.sqrt(max(information, 1e-200))
    return float(2.0 * special.ndtr(-abs(blurred)))


def _residual(name: str, found: Estimate, true: float) -> dict[str, float]:
    return {name: (found.value - true) / found.standard_error} if found.standard_error > 0.0 else {}


PAIR_JUDGES: dict[str, Callable[[Floats, Floats, float, PairTruth], Finding]] = {
    "two-sample": judge_pair,
    "forward only": judge_forward,
    "others": judge_others,
}


def findings_of_pairs(theorem: str, pairs: Pairs, truth: PairTruth) -> Iterator[Finding]:
    """Judge each row of samples of work."""
    judged = PAIR_JUDGES[theorem]
    for forward, reverse in zip(pairs.forward, pairs.reverse, strict=True):
        yield judged(_there(forward), _there(reverse), pairs.free_energy, truth)


def findings_of_entropy(samples: Floats, truth: EntropyTruth, ties: Floats) -> Iterator[Finding]:
    """Judge each row of samples of entropy production."""
    for s, tie in zip(samples, ties, strict=True):
        yield judge_one_sample(_there(s), truth, float(tie))


def _there(values: Floats) -> Floats:
    """Return what a fault has not left out."""
    return values[~np.isnan(values)]
