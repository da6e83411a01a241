"""Reports on dependent trajectories: what verify says of numbers whose order or groups matter."""

import math

import numpy as np
import pytest
from scipy import signal

from fluctua.analysis.crooks import fit_crooks, judge_crooks
from fluctua.analysis.dependence import Dependence
from fluctua.analysis.dependent import crooks_anew
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
    pd = pytest.importorskip("pandas")
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
