"""The verifier's own error rates on ensembles that obey the theorems: the smoke part of its bench.

Each cell draws 200 ensembles. At a nominal 5 % the number of rejections lies in the 99.9 % band of the
binomial law, 2 to 21; the seeds are fixed, so the outcome is too. Tests that are conservative by construction
have the upper limit only.
"""

import numpy as np
import pytest
from scipy import stats

from fluctua.analysis.crooks import bar, fit_crooks, judge_crooks
from fluctua.analysis.detailed import fit_detailed, judge_detailed
from fluctua.analysis.integral import judge_integral
from fluctua.analysis.jarzynski import Passage, judge_jarzynski, judge_jarzynski_pair
from fluctua.analysis.second_law import Bound, dissipation, dissipation_above_bar, judge_second_law

import truth

ENSEMBLES, ALPHA = 200, 0.05
LEAST, MOST = (int(k) for k in stats.binom.interval(0.999, ENSEMBLES, ALPHA))

PAIRS = {
    "gaussian, 1 kT": lambda rng: truth.gaussian_pair(rng, 1.0, 300),
    "gaussian, 3 kT": lambda rng: truth.gaussian_pair(rng, 3.0, 300),
    "gaussian, unequal": lambda rng: truth.gaussian_pair(rng, 2.0, 1200, 150),
    "quench": lambda rng: truth.quench_pair(rng, 300),
    "bimodal": lambda rng: truth.mixture_pair(rng, 300),
}
ENTROPIES = {
    "gaussian": lambda rng: truth.gaussian_entropy(rng, 1.0, 300),
    "cauchy": lambda rng: truth.signed(rng, np.abs(rng.standard_cauchy(300))),
    "lattice": lambda rng: truth.signed(rng, 0.8 * rng.poisson(1.5, 300)),
}


def ensembles(make, seed, count=ENSEMBLES):
    return [make(np.random.default_rng([seed, k])) for k in range(count)]


def within_band(p_values):
    return LEAST <= np.count_nonzero(np.asarray(p_values) < ALPHA) <= MOST


def violated(verdicts):
    return sum(verdict.outcome == "violated" for verdict in verdicts)


def test_the_band_is_the_one_of_the_notes():
    assert (LEAST, MOST) == (2, 21)


@pytest.mark.parametrize("cell", PAIRS)
def test_crooks_rejects_true_pairs_at_its_nominal_rate(cell):
    pairs = ensembles(PAIRS[cell], 11)
    fits = [fit_crooks(pair.forward, pair.reverse) for pair in pairs]
    known = [judge_crooks(fit, delta_f=pair.delta_f) for fit, pair in zip(fits, pairs, strict=True)]
    for name in ("slope", "ΔF", "smooth"):
        assert within_band([verdict.part(name).p_value for verdict in known]), name
    for name in ("shape", "cusum"):
        assert np.count_nonzero([verdict.part(name).p_value < ALPHA for verdict in known]) <= MOST
    assert violated(known) <= MOST
    assert violated([judge_crooks(fit) for fit in fits]) <= MOST


@pytest.mark.parametrize("cell", PAIRS)
def test_bar_is_unbiased_and_its_error_is_right(cell):
    pairs = ensembles(PAIRS[cell], 12)
    found = [bar(pair.forward, pair.reverse) for pair in pairs]
    z = np.array([(f.value - p.delta_f) / f.standard_error for f, p in zip(found, pairs, strict=True)])
    # Mean and variance of 200 standard normal numbers, at 99.9 %.
    assert abs(z.mean()) < 3.29 / np.sqrt(ENSEMBLES)
    low, high = stats.chi2.ppf([0.0005, 0.9995], ENSEMBLES - 1) / (ENSEMBLES - 1)
    assert low < z.var(ddof=1) < high
    assert within_band(2.0 * stats.norm.sf(np.abs(z)))


@pytest.mark.parametrize("cell", ["gaussian, 1 kT", "quench", "bimodal"])
def test_jarzynski_and_second_law_are_not_falsely_violated(cell):
    pairs = ensembles(PAIRS[cell], 13)
    fits = [fit_crooks(pair.forward, pair.reverse) for pair in pairs]
    both = list(zip(pairs, fits, strict=True))
    known = [judge_jarzynski_pair(p.forward, p.reverse, f, delta_f=p.delta_f) for p, f in both]
    assert violated(known) <= MOST
    assert violated([judge_jarzynski_pair(p.forward, p.reverse, f) for p, f in both]) <= MOST
    assert violated([judge_jarzynski([Passage("ΔF", p.forward, p.delta_f)]) for p in pairs]) <= MOST
    bounds = [dissipation(p.forward, p.delta_f) for p in pairs] + [
        dissipation_above_bar(p.forward, f) for p, f in both
    ]
    assert violated([judge_second_law([Bound("<W> - ΔF", mean)]) for mean in bounds]) == 0


@pytest.mark.parametrize("cell", ENTROPIES)
def test_the_detailed_theorem_rejects_true_samples_at_its_nominal_rate(cell):
    verdicts = [judge_detailed(fit_detailed(s)) for s in ensembles(ENTROPIES[cell], 14)]
    for name in ("slope", "sign count"):
        assert within_band([verdict.part(name).p_value for verdict in verdicts]), name
    assert np.count_nonzero([verdict.part("cusum").p_value < ALPHA for verdict in verdicts]) <= MOST
    assert violated(verdicts) <= MOST


@pytest.mark.parametrize("cell", ENTROPIES)
def test_the_integral_theorem_is_not_falsely_violated(cell):
    assert violated([judge_integral(s) for s in ensembles(ENTROPIES[cell], 15)]) <= MOST


def test_twenty_kt_of_dissipation_are_undecidable():
    pairs = ensembles(lambda rng: truth.gaussian_pair(rng, 20.0, 300), 16, 100)
    words = [judge_crooks(fit_crooks(p.forward, p.reverse), delta_f=p.delta_f).outcome for p in pairs]
    assert words.count("undecidable") >= 95
    forward = [judge_jarzynski([Passage("ΔF", pair.forward, pair.delta_f)]).outcome for pair in pairs]
    assert set(forward) == {"undecidable"}


def test_a_slope_at_the_edge_of_the_tolerance_rarely_holds():
    # The slope is 1.05: the interval at 1 - 2 alpha lies inside the tolerance in 5 % of ensembles at most.
    pairs = ensembles(lambda rng: truth.scaled(truth.gaussian_pair(rng, 2.0, 10_000), 1.0 / 1.05), 17, 30)
    words = [judge_crooks(fit_crooks(pair.forward, pair.reverse)).outcome for pair in pairs]
    assert words.count("holds") <= stats.binom.ppf(0.9995, 30, ALPHA)
    assert words.count("violated") >= 15
