"""Dependent trajectories: rates of the tests on them, naive and corrected, and what groups say."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal, special, stats

from fluctua.analysis.crooks import bar, fit_crooks, free_energy_part, slope_part
from fluctua.analysis.dependence import Dependence
from fluctua.analysis.detailed import fit_detailed
from fluctua.analysis.parts import Part
from fluctua.analysis.scores import CrooksScores
from fluctua.stochastic.errors import InvalidInput

import truth

ALPHA, DELTA_F, DISSIPATION = 0.05, 0.7, 3.0


def chain(rng, rho, n):
    kicks = rng.normal(size=n) * math.sqrt(1.0 - rho**2)
    kicks[0] = rng.normal()
    return signal.lfilter([1.0], [1.0, -rho], kicks)


def pair_of(rng, rho, n, forward_from=chain):
    """Draw work whose every value obeys Crooks' theorem, in an order with memory (a Gaussian copula)."""
    spread = math.sqrt(2.0 * DISSIPATION)
    forward, reverse = forward_from(rng, rho, n), forward_from(rng, rho, n)
    return truth.Pair(
        DISSIPATION + DELTA_F + spread * forward, DISSIPATION - DELTA_F + spread * reverse, DELTA_F
    )


def clustered(rng, share, n, groups=20):
    """Draw standard normal numbers of which `share` of the variance is common to a group."""
    common = np.repeat(rng.normal(size=groups), n // groups)
    return math.sqrt(share) * common + math.sqrt(1.0 - share) * rng.normal(size=n)


def p_values(pair, groups=None):
    """Return p of slope and ΔF, as if independent and by the dependence found, and what was found."""
    fit = fit_crooks(pair.forward, pair.reverse)
    found = Dependence.of(pair.forward, pair.reverse, fit.free_energy, groups)
    slope, f = slope_part(fit), free_energy_part(fit, pair.delta_f)
    ours = (
        found.widen(slope, found.slope_score_variance_ratio),
        found.widen(f, found.free_energy_variance_ratio, reason=found.free_energy_reason),
    )
    return [slope.p_value, f.p_value], [1.0 if part.p_value is None else part.p_value for part in ours], found


def rejections(seed, count, rho, n):
    drawn = [p_values(pair_of(np.random.default_rng([seed, k]), rho, n)) for k in range(count)]
    naive, ours = (np.count_nonzero(np.array([each[i] for each in drawn]) < ALPHA, axis=0) for i in (0, 1))
    return naive, ours, [each[2] for each in drawn]


def most(count):
    """Return the upper end of the 99.9 % band of the binomial law."""
    return int(stats.binom.ppf(0.9995, count, ALPHA))


def test_correlated_pairs_are_rejected_at_the_nominal_rate_and_naive_tests_show_why():
    # The control: at lag-1 correlation 0.6 the formulas for independence reject a quarter of true pairs.
    naive, ours, found = rejections(21, 40, 0.6, 1500)
    assert naive.sum() > 2 * most(40)
    assert all(ours <= most(40))
    assert not any(each.independent for each in found)
    assert np.median([each.inefficiency for each in found]) == pytest.approx(4.0, rel=0.25)


def test_independent_pairs_keep_the_formulas_for_independence():
    # The level is 0.01: of 50, at most 4 by the 99.9 % band.
    pairs = [pair_of(np.random.default_rng([22, k]), 0.0, 400) for k in range(50)]
    found = [Dependence.of(pair.forward, pair.reverse, DELTA_F) for pair in pairs]
    kept = [each == Dependence(p_value=each.p_value) for each in found]
    assert kept.count(False) <= stats.binom.ppf(0.9995, 50, 0.01)
    part = Part("slope", 1.0, 0.1, statistic=1.0, p_value=0.3)
    assert Dependence().widen(part, 1.0) is part


def test_too_few_blocks_are_too_correlated():
    _, ours, found = rejections(23, 5, 0.9, 1000)
    assert all(each.reason.startswith("too correlated: one in about") for each in found)
    assert ours.sum() == 0
    part = found[0].widen(Part("slope", 1.0, 0.1, tolerance=0.05, p_value=0.5), 1.0)
    assert part.p_value is None
    assert not part.within(ALPHA)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
def test_the_table_of_the_notes(rho):
    # 400 ensembles of n = 1,000; what is refused as too correlated counts as not rejected.
    naive, ours, found = rejections(24, 400, rho, 1000)
    refused = sum(bool(each.reason) for each in found)
    assert all(ours <= most(400))
    assert refused <= 60 if rho < 0.9 else refused == 400
    if rho > 0.5:
        assert naive[1] > 2 * most(400)


def test_a_ratio_is_that_of_the_exact_covariance():
    # With the labels fixed and f known the score of slope is a sum over trajectories; its inefficiency under
    # the copula follows from the integral over two normal numbers. Here by a long chain: z = 4 of 400 blocks.
    rng, n = np.random.default_rng(25), 100_000
    pair = pair_of(rng, 0.5, n)
    found = Dependence.of(pair.forward, pair.reverse, DELTA_F)
    expected = exact_ratio(0.5)
    assert found.free_energy_variance_ratio == pytest.approx(
        expected, rel=4.0 * math.sqrt(2.0 / 398.0) + 0.05
    )
    assert found.freedom == 398


def exact_ratio(rho):
    """Integrate the autocovariance of the residual 1 - p(w) of forward work under the Gaussian copula."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    residual = special.expit(-(DISSIPATION + math.sqrt(2.0 * DISSIPATION) * nodes))
    centred = residual - weights @ residual
    # Mehler: the coefficient of order k decays as rho**(k t); summed over t it is rho**k / (1 - rho**k).
    orders = range(1, 40)
    squares = [
        (weights @ (centred * special.eval_hermitenorm(k, nodes))) ** 2 / math.factorial(k) for k in orders
    ]
    return sum(a * (1.0 + 2.0 * rho**k / (1.0 - rho**k)) for k, a in zip(orders, squares, strict=True)) / sum(
        squares
    )


# ---- groups


def test_groups_as_clusters_keep_the_rate_where_naive_tests_do_not():
    # A tenth of the variance is common to a group, in no particular order: nothing serial to be seen.
    codes = np.repeat(np.arange(20), 30)
    drawn = []
    for k in range(40):
        rng = np.random.default_rng([26, k])
        pair = pair_of(rng, 0.2, 600, clustered)
        mixed = rng.permutation(600)
        shuffled = truth.Pair(pair.forward[mixed], pair.reverse[mixed], DELTA_F)
        drawn.append(p_values(shuffled, (codes[mixed], codes[mixed] + 20)))
    naive, ours = (np.count_nonzero(np.array([each[i] for each in drawn]) < ALPHA, axis=0) for i in (0, 1))
    assert naive[1] > most(40)
    assert all(ours <= most(40))
    assert [each[2].freedom for each in drawn] == pytest.approx([38.0] * 40, rel=0.02)  # two means


def test_clusters_of_one_are_the_sandwich_of_independent_trajectories():
    pair = truth.gaussian_pair(np.random.default_rng(27), 2.0, 4000)
    codes = np.arange(4000), np.arange(4000, 8000)
    fit = fit_crooks(pair.forward, pair.reverse)
    found = Dependence.of(pair.forward, pair.reverse, fit.free_energy, codes)
    # Scores are bounded, so the variance of 8,000 of them is known to some 2 %; z = 4.
    assert found.free_energy_variance_ratio == pytest.approx(1.0, abs=0.08)
    assert found.slope_score_variance_ratio == pytest.approx(1.0, abs=0.12)
    assert found.strata is None


def test_groups_that_disagree_are_named_and_widen_the_error():
    rng, codes = np.random.default_rng(28), np.repeat(np.arange(6), 500)
    pair = truth.gaussian_pair(rng, 1.0, 3000)
    offsets = rng.normal(0.0, 0.5, 6)[codes]  # each replica's own ΔF: it goes up one way and down the other
    fit = fit_crooks(pair.forward + offsets, pair.reverse - offsets)
    found = Dependence.of(pair.forward + offsets, pair.reverse - offsets, fit.free_energy, (codes, codes))
    assert found.notes[0].startswith("groups disagree: ΔF of 6 groups")
    assert (found.reason, found.strata.groups, found.strata.variance) == ("", 6, "6 groups")
    assert found.free_energy_reason == ""
    values, errors = np.array(found.strata.free_energies).T
    each = [bar((pair.forward + offsets)[codes == k], (pair.reverse - offsets)[codes == k]) for k in range(6)]
    assert values == pytest.approx([estimate.value for estimate in each])
    assert errors == pytest.approx([estimate.standard_error for estimate in each])
    # To first order the clustered error is that of the mean of six values.
    error = fit.free_energy_error * math.sqrt(found.free_energy_variance_ratio)
    assert error == pytest.approx(values.std(ddof=1) / math.sqrt(6.0), rel=0.15)
    agreeing = Dependence.of(pair.forward, pair.reverse, DELTA_F, (codes, codes))
    assert not agreeing.strata.disagree
    assert agreeing.notes == ()


def test_too_few_groups_leave_the_slope():
    pair, codes = truth.gaussian_pair(np.random.default_rng(29), 1.0, 600), np.repeat([3, 5, 9], 200)
    found = Dependence.of(pair.forward, pair.reverse, DELTA_F, (codes, codes))
    assert (found.groups, found.reason) == (3, "")
    assert found.free_energy_reason == "too few groups: 3, and an error between groups needs 5"
    apart = codes.astype(float)
    worse = Dependence.of(pair.forward + apart, pair.reverse - apart, DELTA_F + 5.0, (codes, codes))
    assert found.strata.variance == ""  # of independent trajectories: nothing shows that groups differ
    assert (worse.reason, worse.strata.variance) == ("", "3 groups")
    assert worse.strata.slope == pytest.approx(found.strata.slope, abs=1e-6)  # each has an f of its own
    assert worse.free_energy_reason == found.free_energy_reason


def twin_of_one_direction_groups(pair, codes, f):
    """Return the covariance of the scores and the variances of either direction, group by group."""
    coin, total, plain = CrooksScores.of(pair.forward, pair.reverse, f), 0.0, []
    for way, work, code in ((True, pair.forward, codes[0]), (False, pair.reverse, codes[1])):
        scores = coin.scores(forward=way, degree=1)(work)
        sums = np.array([scores[:, code == group].sum(axis=1) for group in np.unique(code)])
        total = total + len(sums) * np.cov(sums.T)  # groups of equal size have the same mean
        plain.append(work.size * scores[0].var(ddof=1))
    return total / np.diag(coin.naive)[:2], plain


@pytest.mark.parametrize(("n_forward", "n_reverse"), [(3, 3), (2, 20), (10, 5)])
def test_groups_of_one_direction_have_a_mean_of_their_own_in_each(n_forward, n_reverse):
    pair = truth.gaussian_pair(np.random.default_rng(36), 1.0, 600)
    codes = np.arange(600) % n_forward, 100 + np.arange(600) % n_reverse
    found = Dependence.of(pair.forward, pair.reverse, DELTA_F, codes)
    ratios, plain = twin_of_one_direction_groups(pair, codes, DELTA_F)
    assert found.free_energy_variance_ratio == pytest.approx(ratios[0, 0])
    assert found.slope_score_variance_ratio == pytest.approx(ratios[1, 1])
    parts = [v**2 / (size - 1) for v, size in zip(plain, (n_forward, n_reverse), strict=True)]
    assert found.freedom == pytest.approx(sum(plain) ** 2 / sum(parts))  # Satterthwaite
    if n_forward == n_reverse:
        assert found.freedom == pytest.approx(n_forward + n_reverse - 2, rel=0.02)
    # The control: groups of both directions have one mean.
    both = Dependence.of(pair.forward, pair.reverse, DELTA_F, (codes[0], codes[0]))
    assert both.freedom == (math.inf if n_forward < 5 else n_forward - 1.0)


def test_a_direction_that_is_one_group_has_no_variance_between_groups():
    pair = truth.gaussian_pair(np.random.default_rng(37), 1.0, 600)
    found = Dependence.of(pair.forward, pair.reverse, DELTA_F, (np.arange(600) % 6, np.full(600, 9)))
    assert found.free_energy_reason.startswith("too few groups: one direction has one")
    assert found.independent


@pytest.mark.slow
@pytest.mark.parametrize("groups", [3, 4, 8])
def test_groups_of_one_direction_are_rejected_at_the_nominal_rate(groups):
    codes, rejected = np.arange(300) % groups, np.zeros(2)
    for k in range(1000):
        pair = truth.gaussian_pair(np.random.default_rng([38, groups, k]), 1.0, 300)
        _, ours, _ = p_values(pair, (codes, codes + groups))
        rejected += [p < ALPHA for p in ours]
    assert max(rejected) <= most(1000)


def test_one_group_is_no_group():
    pair, one = pair_of(np.random.default_rng(30), 0.6, 1500), np.zeros(1500)
    alone = Dependence.of(pair.forward, pair.reverse, DELTA_F)
    grouped = Dependence.of(pair.forward, pair.reverse, DELTA_F, (one, one))
    assert replace(grouped, groups=0) == alone


def test_codes_that_do_not_fit_are_refused():
    pair = truth.gaussian_pair(np.random.default_rng(31), 1.0, 300)
    with pytest.raises(InvalidInput, match=r"^299 group codes for 300 trajectories \(group\): give one a"):
        Dependence.of(pair.forward, pair.reverse, 0.7, (np.zeros(300), np.zeros(299)))


# ---- one sample


def test_correlated_entropies_and_means_are_seen_and_independent_ones_are_not():
    rng, n = np.random.default_rng(32), 6000
    mean = 1.0
    memory = mean + math.sqrt(2.0 * mean) * chain(rng, 0.6, n)
    plain = truth.gaussian_entropy(rng, mean, n)
    for of, ratio in (
        (Dependence.of_signs, "slope_score_variance_ratio"),
        (Dependence.of_mean, "mean_variance_ratio"),
    ):
        assert of(plain).independent
        assert getattr(of(memory), ratio) > 1.5
    # The mean of the chain: g = 4, from 2 x at most 200 blocks; z = 4.
    assert Dependence.of_mean(memory).mean_variance_ratio == pytest.approx(
        4.0, rel=4.0 * math.sqrt(2.0 / 100.0)
    )


def test_correlated_entropies_are_rejected_at_the_nominal_rate():
    counts = np.zeros(2)
    for k in range(60):
        s = 1.0 + math.sqrt(2.0) * chain(np.random.default_rng([33, k]), 0.7, 3000)
        fit, found = fit_detailed(s), Dependence.of_signs(s)
        part = Part("slope", 1.0, 1.0, statistic=fit.slope_statistic, p_value=fit.slope_p)
        p = found.widen(part, found.slope_score_variance_ratio).p_value
        counts += [fit.slope_p < ALPHA, p is not None and p < ALPHA]
    assert counts[0] > most(60)
    assert counts[1] <= most(60)


def test_widening_is_students_law_with_a_larger_error():
    found = Dependence(blocks=25, freedom=48.0)
    part = Part("ΔF", 0.3, 0.1, statistic=3.0, p_value=0.003, method="BAR")
    wide = found.widen(part, 4.0)
    assert (wide.standard_error, wide.statistic, wide.freedom) == (0.2, 1.5, 48.0)
    assert wide.p_value == pytest.approx(2.0 * stats.t.sf(1.5, 48))
    assert found.widen(part, 4.0, lower=True).p_value == pytest.approx(stats.t.cdf(1.5, 48))


def test_samples_without_overlap_are_left_to_the_fit():
    pair = truth.gaussian_pair(np.random.default_rng(34), 60.0, 200)
    assert Dependence.of(pair.forward, pair.reverse, 0.7) == Dependence()


def test_exponential_terms_are_the_values_they_are_taken_of():
    s = 1e3 + chain(np.random.default_rng(35), 0.6, 5000)
    assert Dependence.of_average(s).mean_variance_ratio == pytest.approx(
        Dependence.of_mean(np.exp(1e3 - s)).mean_variance_ratio, rel=1e-9
    )
