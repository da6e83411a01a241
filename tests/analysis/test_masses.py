"""Work and entropy that take a few values: their masses, values of one direction, words and error rates."""

import math

import numpy as np
import pytest
from scipy import stats

import atoms
import fluctua as fl
from fluctua.analysis.bennett import Pair
from fluctua.analysis.crooks import fit_crooks, judge_crooks
from fluctua.analysis.crooks_coins import Coins
from fluctua.analysis.detailed import by_size, fit_detailed, judge_detailed
from fluctua.analysis.exchange import judge_exchange
from fluctua.analysis.masses import masses_of, matched
from fluctua.analysis.samples import Sample

ALPHA = 0.05


def most(repeats, rate=ALPHA):
    """Return the largest number of rejections that chance explains: three standard errors."""
    return rate * repeats + 3.0 * math.sqrt(rate * (1.0 - rate) * repeats)


def coins_of(forward, reverse):
    pair = Pair.of(forward, reverse)
    return Coins.of(pair, pair.solved()[0])


# ---- the test itself -----------------------------------------------------------------------------


def test_masses_are_the_score_test_of_a_ratio_for_each_value():
    """A slow twin: Pearson's chi-square of the table of direction and value, f fitted."""
    truth = atoms.qubit()
    forward, reverse = truth.draw(np.random.default_rng(1), 4_000, 3_000)
    fit = fit_crooks(forward, reverse)
    statistic = information = 0.0
    for value in truth.value:
        in_forward, in_reverse = np.isclose(forward, value).sum(), np.isclose(-reverse, value).sum()
        chance = 1.0 / (1.0 + math.exp(-(math.log(4_000 / 3_000) + value - fit.free_energy)))
        variance = (in_forward + in_reverse) * chance * (1.0 - chance)
        statistic += (in_forward - (in_forward + in_reverse) * chance) ** 2 / variance
        information += variance
    assert fit.masses.degrees == 3
    assert fit.masses.statistic == pytest.approx(statistic, rel=1e-6)
    assert fit.masses.p_value == pytest.approx(stats.chi2.sf(statistic, 3), rel=1e-6)
    assert fit.information == pytest.approx(information, rel=1e-9)
    assert fit.smooth_statistic == pytest.approx(statistic, rel=1e-6), "of four values the smooth test is it"


def test_values_that_differ_by_rounding_are_one():
    truth = atoms.counting()
    forward, reverse = truth.draw(np.random.default_rng(2), 2_000, 2_000)
    noise = 1.0 + 1e-13 * np.random.default_rng(3).standard_normal((2, 2_000))
    exact, blurred = fit_crooks(forward, reverse), fit_crooks(forward * noise[0], reverse * noise[1])
    assert blurred.masses.degrees == exact.masses.degrees
    assert blurred.masses.statistic == pytest.approx(exact.masses.statistic, rel=1e-6)


def test_a_density_has_no_masses():
    rng = np.random.default_rng(4)
    forward, reverse = rng.normal(1.0, math.sqrt(2.0), 800), rng.normal(1.0, math.sqrt(2.0), 800)
    assert fit_crooks(forward, reverse).masses is None
    assert fit_crooks(*atoms.rarely_jumping(rng, 800, 800)[:2]).masses is None
    assert fit_detailed(forward).masses is None
    assert "cusum" in judge_crooks(fit_crooks(forward, reverse)).part("shape").method


def test_many_trajectories_in_bins_have_the_same_masses():
    truth = atoms.counting()
    forward, reverse = truth.draw(np.random.default_rng(5), 50_000, 50_000)
    pair = Pair.of(forward, reverse)
    f = pair.solved()[0]
    one_by_one = np.sort(np.unique(np.concatenate([forward, -reverse]))) - pair.origin
    exact = masses_of(Coins.binned(pair, f, one_by_one + 1e-6), fitted=True)
    found = masses_of(Coins.of(pair, f), fitted=True)
    assert found.statistic == pytest.approx(exact.statistic, rel=1e-9)
    assert found.degrees == exact.degrees


def test_rare_values_are_pooled_until_labels_vary():
    coins = coins_of(*atoms.uneven().draw(np.random.default_rng(6), 500, 500))
    assert masses_of(coins, fitted=True).degrees == 2, "five values, of which two are rare"


def test_a_few_trajectories_are_judged_by_drawing_again_and_always_alike():
    drawn = atoms.qubit().draw(np.random.default_rng(7), 60, 60)
    found = fit_crooks(*drawn).masses
    assert found.method == "labels drawn again"
    assert found == fit_crooks(*drawn).masses


# ---- error rates and power -----------------------------------------------------------------------


def rejections(truth, n, repeats, seed, fault=None):
    """Count what rejects at 0.05: masses, the word without ΔF and with it."""
    found = np.zeros(3)
    rng = np.random.default_rng(seed)
    for _ in range(repeats):
        forward, reverse = truth.draw(rng, *n)
        if fault is not None:
            forward, reverse = fault(rng, forward, reverse)
        fit = fit_crooks(forward, reverse)
        words = [judge_crooks(fit, delta_f=f).outcome for f in (None, truth.free_energy)]
        p = 1.0 if fit.masses is None else fit.masses.p_value
        found += [p < ALPHA, *(word == "violated" for word in words)]
    return found


@pytest.mark.parametrize(
    ("truth", "n"), [(atoms.qubit(), (60, 60)), (atoms.counting(), (500, 500)), (atoms.uneven(), (900, 200))]
)
def test_true_atoms_are_rejected_no_more_often_than_allowed(truth, n):
    assert rejections(truth, n, 50, seed=8).max() <= most(50)


@pytest.mark.slow
@pytest.mark.parametrize("truth", [atoms.qubit(), atoms.counting(), atoms.uneven()])
@pytest.mark.parametrize("n", [(60, 60), (3_000, 500)])
def test_true_atoms_are_rejected_no_more_often_than_allowed_of_many(truth, n):
    assert rejections(truth, n, 400, seed=9).max() <= most(400)


def test_masses_find_a_value_of_which_trajectories_were_lost():
    """Half of the reverse trajectories of one value are missing: the control of the rates above."""

    def lost(rng, forward, reverse):
        return forward, reverse[~(np.isclose(-reverse, -1.4) & (rng.random(reverse.size) < 0.5))]

    found = rejections(atoms.counting(), (2_000, 2_000), 20, seed=10, fault=lost)
    assert found.min() >= 18, "measured power 1.00 at 4,000, 0.49 at 500"


def test_signs_at_each_size_are_judged_by_their_masses():
    rng, repeats = np.random.default_rng(11), 100
    rejected = np.zeros(2)
    for _ in range(repeats):
        size = rng.choice([0.0, 0.5, 1.0, 2.0], 400)
        s = np.where(rng.random(400) < 1.0 / (1.0 + np.exp(-size)), size, -size)
        fit = fit_detailed(s)
        rejected += [fit.masses.p_value < ALPHA, judge_detailed(fit).outcome == "violated"]
    assert fit.masses.degrees == 3
    assert rejected.max() <= most(repeats)
    wrong = np.where(np.abs(s) == 1.0, 1.0, s)  # control: nothing of size 1 is negative
    assert fit_detailed(wrong).masses.p_value < 1e-3
    assert "masses" in judge_detailed(fit_detailed(wrong)).part("signs").method
    assert masses_of(by_size(Sample.of(wrong, "s")), fitted=False).degrees == 3


def skellam(rng, mean, n):
    """Draw X of two Poissonian flows, which obey P(X) = P(-X) exp(X) exactly."""
    flow = mean / (1.0 - math.exp(-1.0))
    return rng.poisson(flow, n).astype(float) - rng.poisson(flow * math.exp(-1.0), n)


@pytest.mark.parametrize("mean", [40.0, 100.0, 200.0, 500.0])
def test_labels_that_are_certain_are_nothing_to_compare(mean):
    """Beyond s = 36.7 the chance of the likely sign is 1 as a number, and e^-s is no event either."""
    rng = np.random.default_rng(40)
    s, flow, back = rng.normal(mean, math.sqrt(2.0 * mean), 2_000), skellam(rng, mean, 2_000), mean + 38.0
    assert judge_detailed(fit_detailed(s)).outcome == "undecidable"
    told = judge_exchange(flow, 1.0)
    assert told.outcome == "undecidable"
    assert "tail not sampled" in told.reason
    assert judge_crooks(fit_crooks(flow, skellam(rng, mean, 2_000))).outcome == "undecidable"
    few = np.repeat([back, back + 2.0], 1_000)
    assert fit_detailed(few).masses is None
    assert judge_detailed(fit_detailed(few)).outcome == "undecidable"
    assert judge_detailed(fit_detailed(np.linspace(back, back + 20.0, 50))).outcome == "undecidable"
    few[0] *= -1.0  # control: what cannot be
    assert judge_detailed(fit_detailed(few)).outcome == "violated"


# ---- values of one direction ---------------------------------------------------------------------


def test_absolute_irreversibility_is_told_and_violates_nothing():
    truth = atoms.qubit().without_way_back(2, 0.2)
    rng, told, violated, z = np.random.default_rng(12), 0, 0, []
    for _ in range(40):
        fit = fit_crooks(*truth.draw(rng, 1_000, 1_000))
        verdict = judge_crooks(fit, delta_f=truth.free_energy)
        told += "absolute irreversibility, or lost trajectories" in verdict.reason
        violated += verdict.outcome == "violated"
        z.append((fit.free_energy - truth.free_energy) / fit.free_energy_error)
    assert told == 40
    assert violated <= most(40)
    assert abs(np.mean(z)) < 4.0 / math.sqrt(40.0), "the theorem binds what both reach, with all sizes"
    assert abs(np.std(z) - 1.0) < 4.0 / math.sqrt(80.0)
    strict = fit_crooks(*truth.draw(rng, 1_000, 1_000), reversible=True)
    assert judge_crooks(strict).outcome == "violated", "control: what is known to be reversible"


def test_what_only_one_direction_has_is_not_shown_to_hold():
    truth = atoms.qubit().without_way_back(2, 0.2)
    fit = fit_crooks(*truth.draw(np.random.default_rng(13), 60_000, 60_000))
    assert judge_crooks(fit).outcome == "undecidable", "lost trajectories look the same"
    assert judge_crooks(fit, irreversible=True).outcome == "holds"
    assert fit.unmatched.forward == pytest.approx(0.2, abs=0.01)
    assert fit.unmatched.reverse == 0.0


def test_a_report_on_lost_values_claims_nothing_that_it_cannot_know():
    forward, reverse = atoms.qubit().draw(np.random.default_rng(14), 5_000, 5_000)
    report = fl.verify(forward, reverse[~np.isclose(reverse, 0.5)])
    words = {verdict.claim: verdict.outcome for verdict in report}
    assert words == {
        "crooks": "undecidable", "jarzynski": "not applicable", "second-law": "not applicable"
    }  # fmt: skip
    assert report.free_energy.standard_error is None
    assert "no interval: absolute irreversibility" in str(report)


def test_rare_values_are_not_taken_for_absent():
    rng = np.random.default_rng(15)
    found = [fit_crooks(*atoms.uneven().draw(rng, 300, 300)).unmatched is not None for _ in range(50)]
    assert sum(found) <= most(50)


def test_samples_with_nothing_in_common_are_left_as_they_are():
    pair = Pair.of(np.full(100, 1.0), np.full(100, 2.0))
    assert matched(pair) == (pair, None)


# ---- degenerate data -----------------------------------------------------------------------------


def test_one_value_in_both_directions_is_the_free_energy():
    fit = fit_crooks(np.zeros(500), np.zeros(400))
    assert judge_crooks(fit, delta_f=0.0).outcome == "holds"
    assert judge_crooks(fit, delta_f=0.5).outcome == "violated"
    verdict = judge_crooks(fit)
    assert verdict.outcome == "not applicable"
    assert "or a known ΔF" in verdict.reason


@pytest.mark.parametrize("size", [1, 2, 5, 40])
@pytest.mark.parametrize("values", [(0.0, 0.0), (0.0, 1.0), (-1.0, 1.0)])
def test_a_few_values_a_few_times_make_no_error(values, size):
    forward, reverse = np.resize(values, size), -np.resize(values[::-1], size)
    for f in (None, 0.3):
        assert judge_crooks(fit_crooks(forward, reverse), delta_f=f).outcome != "holds"
    assert judge_detailed(fit_detailed(forward)).outcome in ("undecidable", "violated")


def test_dependence_leaves_masses_their_own_degrees():
    forward, reverse = atoms.counting().draw(np.random.default_rng(16), 2_000, 2_000)
    blocks = np.repeat(np.arange(100), 20)
    report = fl.verify(np.sort(forward.reshape(100, 20), axis=0).ravel(), reverse, group=(blocks, blocks))
    part = report["crooks"].part("masses")
    assert part.method.endswith("variance between blocks")
    assert part.p_value > 1e-3
    assert not part.decides
