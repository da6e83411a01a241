"""Reports on dependent trajectories: what verify says of numbers whose order or groups matter."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import signal, stats

from fluctua.analysis.crooks import fit_crooks, judge_crooks
from fluctua.analysis.dependence import Dependence
from fluctua.analysis.dependent import crooks_anew, means_anew
from fluctua.analysis.integral import average_part, exponential_average, judge_integral
from fluctua.analysis.landauer import judge_landauer
from fluctua.analysis.tur import judge_tur
from fluctua.analysis.verify import verify

import truth


def chain(rng, rho, n):
    kicks = rng.normal(size=n) * math.sqrt(1.0 - rho**2)
    kicks[0] = rng.normal()
    return signal.lfilter([1.0], [1.0, -rho], kicks)


def pair_of(seed, rho, n):
    """Draw work of 1 kT of dissipation and ΔF = 0.7 in an order with memory."""
    rng = np.random.default_rng(seed)
    forward, reverse = chain(rng, rho, n), chain(rng, rho, n)
    return 1.7 + math.sqrt(2.0) * forward, 0.3 + math.sqrt(2.0) * reverse


def test_too_much_correlation_leaves_every_claim_undecidable():
    report = verify(*pair_of(1, 0.95, 2000), delta_f=2.0)
    assert {verdict.outcome for verdict in report} == {"undecidable"}
    assert all("too correlated: one in about" in verdict.reason for verdict in report)
    # The control: in an order without memory the wrong ΔF is found.
    rng = np.random.default_rng(2)
    mixed = [rng.permutation(work) for work in pair_of(1, 0.95, 2000)]
    assert verify(*mixed, delta_f=2.0).outcome == "violated"


def test_correlated_trajectories_are_judged_with_larger_errors_and_said_to_be():
    work = pair_of(3, 0.8, 20_000)
    report = verify(*work, delta_f=0.7)
    independent = judge_crooks(fit_crooks(*work), delta_f=0.7)
    crooks = report["crooks"]
    assert report.outcome != "violated"
    for name in ("slope", "ΔF"):
        assert crooks.part(name).standard_error > 1.3 * independent.part(name).standard_error
        assert crooks.part(name).freedom == 398.0
    assert crooks.assumptions[0] == "200 blocks of trajectories are independent"
    assert report.notes[0].startswith("consecutive trajectories are correlated (one in")
    assert crooks.part("joint").p_value == pytest.approx(
        1.0 / (1.0 + crooks.part("joint").statistic / 398.0) ** 199.0
    )  # F with 2 and 398 degrees of freedom


def test_independent_numbers_are_judged_as_ever():
    pair = truth.gaussian_pair(np.random.default_rng(4), 1.0, 3000)
    fit = fit_crooks(pair.forward, pair.reverse)
    verdict = judge_crooks(fit, delta_f=pair.delta_f)
    assert crooks_anew(verdict, fit, Dependence(), 0.05) is verdict
    report = verify(pair.forward, pair.reverse, delta_f=pair.delta_f)
    assert report["crooks"].parts[0].standard_error == verdict.parts[0].standard_error
    assert report.notes == ()


def test_few_groups_leave_the_slope_and_many_widen_the_error():
    pair = truth.gaussian_pair(np.random.default_rng(5), 1.0, 3000)

    def judged(groups):
        names = np.repeat([f"day {k}" for k in range(groups)], 3000 // groups)
        frames = [pd.DataFrame({"work": w, "day": names}) for w in (pair.forward, pair.reverse)]
        return verify(*frames, column="work", group="day", delta_f=pair.delta_f)

    few, many = judged(3), judged(30)
    assert few["crooks"].part("ΔF").starved.startswith("too few groups: 3")
    assert few["crooks"].part("slope").starved == ""
    assert few["crooks"].part("slope").p_value is not None
    assert few.notes == ("3 groups: too few to tell how they differ",)
    assert many["crooks"].part("slope").freedom == pytest.approx(29.0, rel=0.01)  # by weights, nearly equal
    assert many["crooks"].part("ΔF").freedom == 29.0
    assert many["crooks"].assumptions[0] == "30 groups are independent"


def test_entropy_in_an_order_with_memory():
    s = 1.0 + math.sqrt(2.0) * chain(np.random.default_rng(6), 0.8, 20_000)
    report = verify(entropy=s)
    assert report.outcome != "violated"
    assert report["detailed"].part("slope").freedom == 199.0
    assert report["second-law"].parts[0].standard_error == pytest.approx(
        3.0 * math.sqrt(2.0 / 20_000), rel=4.0 * math.sqrt(1.0 / 398.0) + 0.03
    )  # g = 9; the variance is known from 200 blocks; z = 4
    few = verify(entropy=1.0 + math.sqrt(2.0) * chain(np.random.default_rng(7), 0.95, 1000))
    assert {verdict.outcome for verdict in few} == {"undecidable"}


def test_a_turned_sign_is_said():
    pair = truth.flipped(truth.gaussian_pair(np.random.default_rng(8), 2.0, 2000, delta_f=3.0))
    assert any("has its sign turned" in note for note in verify(pair.forward, pair.reverse).notes)


def test_where_the_fit_cannot_be_judged_jarzynski_is_undecidable_and_the_free_energy_has_no_interval():
    report = verify(*pair_of(9, 0.95, 2000))
    assert report["jarzynski"].outcome == "undecidable"
    assert report.free_energy.standard_error is None
    work = pair_of(3, 0.8, 20_000)
    wider = verify(*work).free_energy.standard_error / fit_crooks(*work).free_energy_error
    assert wider == pytest.approx(
        math.sqrt(Dependence.of(*work, fit_crooks(*work).free_energy).free_energy_variance_ratio)
    )


def test_a_column_of_copies_leaves_every_claim_undecidable():
    pair = truth.gaussian_pair(np.random.default_rng(15), 1.0, 2000)
    report = verify(np.tile(pair.forward, 3), pair.reverse, delta_f=pair.delta_f + 1.0)
    assert {verdict.outcome for verdict in report} == {"undecidable"}
    assert all("copies: 4,000 of 6,000 values repeat" in verdict.reason for verdict in report)
    assert report.free_energy.standard_error is None
    # The control: without the copies the wrong ΔF is found.
    assert verify(pair.forward, pair.reverse, delta_f=pair.delta_f + 1.0).outcome == "violated"
    s = truth.gaussian_entropy(np.random.default_rng(16), 1.0, 1000)
    assert {verdict.outcome for verdict in verify(entropy=np.tile(s, 2))} == {"undecidable"}


def test_bounds_of_strangers_arrays_take_the_error_that_the_order_leaves():
    current = 1.0 + math.sqrt(2.0) * chain(np.random.default_rng(17), 0.8, 4000)
    ended, started = np.ones(4000), np.arange(4000) % 2
    found = Dependence.of_mean(current)
    ratio = math.sqrt(found.mean_variance_ratio)
    for judge in (
        lambda **given: judge_tur(current, current, **given),
        lambda **given: judge_landauer(current, ended, started=started, **given),
    ):
        plain, wide = judge().parts[0], judge(dependence=found).parts[0]
        assert wide.standard_error == pytest.approx(ratio * plain.standard_error)
        assert wide.freedom == found.freedom
        refused = judge(dependence=Dependence.of_mean(np.tile(current[:100], 40)))
        assert refused.outcome == "undecidable"
        assert refused.reason.startswith("copies")


# ---- exponential averages


def scaled_pair(seed, scale, n=8000):
    """Draw work of 2 kT of dissipation and ΔF = 0, scaled: both averages too low below 1, too high above."""
    forward, reverse = (chain(np.random.default_rng([seed, k]), 0.6, n) for k in range(2))
    return tuple(scale * (2.0 + 2.0 * noise) for noise in (forward, reverse))


@pytest.mark.parametrize("seed", [18, 19, 20])
def test_low_averages_of_both_directions_violate_nothing_in_an_order_with_memory(seed):
    report = verify(*scaled_pair(seed, 0.7), delta_f=0.0)
    jarzynski = report["jarzynski"]
    assert jarzynski.outcome == "undecidable"
    for name in ("ΔF (forward average)", "ΔF (reverse average)"):
        assert jarzynski.part(name).p_value > 0.99
    assert jarzynski.part("ΔF (reverse average)").estimate < -0.3
    assert jarzynski.part("ΔF (reverse average)").statistic < -5.0


def test_a_high_reverse_average_violates_in_an_order_with_memory():
    # The control: only reverse work is shifted, by so much that its average is e^0.5.
    rng = np.random.default_rng(21)
    forward, reverse = (0.25 + math.sqrt(0.5) * chain(rng, 0.6, 8000) for _ in range(2))
    found = verify(0.7 * forward, reverse - 0.5, delta_f=0.0)["jarzynski"]
    part = found.part("ΔF (reverse average)")
    assert found.outcome == "violated"
    assert part.p_value < 1e-6
    assert part.estimate == pytest.approx(0.5, abs=4.0 * part.standard_error)
    assert part.statistic > 5.0


def test_each_average_has_the_error_that_its_own_direction_leaves():
    rng = np.random.default_rng(22)
    forward = 0.7 * (2.0 + 2.0 * rng.normal(size=8000))
    reverse = scaled_pair(22, 0.7)[1]
    parts = verify(forward, reverse, delta_f=0.0)["jarzynski"].parts
    ratios = [Dependence.of_average(work).mean_variance_ratio for work in (forward, reverse)]
    assert ratios[0] == 1.0 < 1.5 < ratios[1]
    for part, work, ratio in zip(parts, (forward, reverse), ratios, strict=False):
        plain = exponential_average(work).standard_error
        assert part.standard_error == pytest.approx(plain * math.sqrt(ratio))


def one_low_group(seed):
    """Draw 20 groups whose values lie together, one of them 5 kT low."""
    codes = np.repeat(np.arange(20), 100)
    return np.where(codes == 7, -5.1, 0.1) + 1e-3 * np.random.default_rng(seed).normal(size=2000), codes


def test_a_count_in_the_tail_says_nothing_of_groups():
    s, codes = one_low_group(23)
    average, found = exponential_average(s), Dependence.of_average(s, codes)
    plain = judge_integral(s)
    assert plain.parts[0].method == "tail count"  # the control: of independent values they are too many
    assert plain.outcome == "violated"
    verdict = means_anew(plain, found, 0.05, s.size)
    t = average.statistic / math.sqrt(found.mean_variance_ratio)
    assert verdict.outcome == "undecidable"
    assert verdict.parts[0].statistic == pytest.approx(-t, rel=1e-9)
    assert verdict.parts[0].p_value == pytest.approx(stats.t.sf(t, 19), rel=1e-9)
    assert verdict.parts[0].method == "one-sided t-test, Student's t, 20 groups"


def test_a_part_without_a_statistic_keeps_no_p_value_of_independent_trajectories():
    part = average_part(exponential_average(one_low_group(24)[0]), "-ln<exp(-s)>")
    assert (part.statistic, part.p_value < 1e-10) == (None, True)
    assert Dependence().widen(part, 1.0).p_value == part.p_value
    assert Dependence(blocks=20, freedom=19.0).widen(part, 1.0).p_value is None


# ---- the shape


def test_the_shape_is_judged_by_statistics_divided_by_the_largest_ratio():
    pair = truth.gaussian_pair(np.random.default_rng(25), 1.0, 3000)
    fit = fit_crooks(pair.forward, 1.15 * pair.reverse)
    found = Dependence(blocks=30, freedom=58.0, shape_variance_ratio=4.0)
    verdict = crooks_anew(judge_crooks(fit), fit, found, 0.05)
    smooth = stats.chi2.sf(fit.smooth_statistic / 4.0, fit.smooth_degrees)
    cusum = stats.kstwobign.sf(fit.cusum_statistic / 2.0)
    assert max(smooth, cusum) < 0.9
    for name, p in (("smooth", smooth), ("cusum", cusum), ("shape", 2.0 * min(smooth, cusum))):
        assert verdict.part(name).p_value == pytest.approx(min(1.0, p), rel=1e-6)


def test_pairs_are_not_told_beside_groups():
    pair = truth.gaussian_pair(np.random.default_rng(26), 1.0, 600)
    names = np.arange(600) % 3
    frames = [pd.DataFrame({"work": w, "day": names}) for w in (pair.forward, pair.reverse)]
    parts = verify(*frames, column="work", group="day", claims="crooks")["crooks"].parts
    assert "slope of pairs" not in [part.name for part in parts]
    plain = verify(pair.forward, pair.reverse, claims="crooks")["crooks"].parts  # the control
    assert "slope of pairs" in [part.name for part in plain]
