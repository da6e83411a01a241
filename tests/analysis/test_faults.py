"""Every detector finds the fault that it is there for, and true data of the same size hold."""

from dataclasses import replace

import numpy as np
import pytest

from fluctua.analysis.crooks import fit_crooks, judge_crooks
from fluctua.analysis.detailed import fit_detailed, judge_detailed
from fluctua.analysis.integral import judge_integral
from fluctua.analysis.jarzynski import Passage, judge_jarzynski, judge_jarzynski_pair
from fluctua.analysis.second_law import Bound, dissipation, judge_second_law

import truth


def gauss(n, dissipation=3.0, seed=21):
    return truth.gaussian_pair(np.random.default_rng(seed), dissipation, n)


def crooks(pair, known=True):
    fit = fit_crooks(pair.forward, pair.reverse)
    return judge_crooks(fit, delta_f=pair.delta_f if known else None)


@pytest.mark.parametrize("make", [gauss, lambda n: truth.quench_pair(np.random.default_rng(22), n)])
@pytest.mark.parametrize("known", [True, False])
def test_true_pairs_hold_at_large_n(make, known):
    assert crooks(make(30_000), known).outcome == "holds"


FAULTS = {
    # name: faulty pair, parts that see it, whether it is seen without the known free-energy difference
    "beta off 5 %": (lambda: truth.scaled(gauss(20_000), 1.05), {"slope"}, True),
    "sign flipped": (lambda: truth.flipped(gauss(300)), {"slope"}, True),
    "lowest 1 % trimmed": (lambda: truth.trimmed(gauss(3_000), 0.01), {"shape"}, True),
    "lowest 5 % trimmed": (lambda: truth.trimmed(gauss(1_000), 0.05), {"slope", "shape"}, True),
    "free energy off 0.2 kT": (lambda: truth.shifted(gauss(3_000), 0.2), {"ΔF"}, False),
    "forward run twice": (
        lambda: truth.Pair(gauss(3_000).forward, gauss(3_000, seed=3).forward, 0.7),
        {"ΔF", "slope"},
        True,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_pair_is_found(fault):
    make, parts, seen_without = FAULTS[fault]
    verdict = crooks(make())
    assert verdict.outcome == "violated"
    found = {part.name for part in verdict.parts if part.p_adjusted is not None and part.p_adjusted < 0.05}
    assert found & parts, found
    assert (crooks(make(), known=False).outcome == "violated") == seen_without


def test_a_wrong_free_energy_violates_jarzynski_but_not_a_crooks_fit_without_it():
    pair = truth.shifted(gauss(10_000, 1.0), 0.2)
    fit = fit_crooks(pair.forward, pair.reverse)
    assert judge_jarzynski_pair(pair.forward, pair.reverse, fit, delta_f=pair.delta_f).outcome == "violated"
    assert judge_jarzynski_pair(pair.forward, pair.reverse, fit).outcome == "holds"


def test_jarzynski_without_a_reference_is_not_applicable_beside_a_bad_fit():
    pair = truth.flipped(gauss(1_000))
    verdict = judge_jarzynski_pair(pair.forward, pair.reverse, fit_crooks(pair.forward, pair.reverse))
    assert verdict.outcome == "not applicable"
    assert "the Crooks fit is rejected" in verdict.reason


def jarzynski(pair, **more):
    fit = fit_crooks(pair.forward, pair.reverse)
    return judge_jarzynski_pair(pair.forward, pair.reverse, fit, delta_f=pair.delta_f, **more)


def test_a_shape_that_chance_makes_now_and_then_is_called_that():
    pair = truth.gaussian_pair(np.random.default_rng(61), 1.0, 20_000)
    fit = replace(fit_crooks(pair.forward, pair.reverse), smooth_p=0.02, cusum_p=0.02)
    verdict = judge_jarzynski_pair(pair.forward, pair.reverse, fit, delta_f=pair.delta_f)
    assert verdict.outcome == "undecidable"
    assert verdict.reason.startswith("the shape: p = 0.0")
    assert "by chance in one true pair of 20" in verdict.reason


def test_a_bad_reverse_run_is_blamed_and_the_forward_average_is_not():
    good = gauss(20_000, 0.5)
    pair = truth.Pair(good.forward, 1.3 * good.reverse - 0.5, good.delta_f)
    assert crooks(pair).outcome == "violated"
    verdict = jarzynski(pair)
    assert verdict.outcome == "violated"
    assert verdict.measured.startswith("ΔF (reverse average)")
    assert verdict.part("ΔF (forward average)").p_adjusted > 0.05


def test_a_reverse_run_with_its_sign_turned_only_takes_the_witness_away():
    pair = truth.flipped(gauss(20_000, 0.5))
    assert crooks(pair).outcome == "violated"
    assert jarzynski(pair).outcome == "undecidable", "its average is too low, the forward one is right"


def test_averages_that_are_too_low_in_both_directions_never_violate():
    # The rare trajectories that carry either average are missing: Crooks sees it, no average can.
    pair = gauss(20_000, 1.0)
    pair = truth.Pair(pair.forward[pair.forward > 0.7], pair.reverse[pair.reverse > -0.7], 0.7)
    assert crooks(pair).outcome == "violated"
    verdict = jarzynski(pair)
    assert verdict.outcome == "undecidable"
    assert verdict.reason.startswith("tail not sampled: the average is low")


@pytest.mark.parametrize("off", [-0.3, 0.3])
def test_beside_a_bad_fit_a_wrong_free_energy_is_seen_whichever_way_it_is_wrong(off):
    pair = gauss(20_000, 0.5)
    bad = truth.Pair(1.1 * pair.forward, 1.1 * pair.reverse, 0.77 + off)
    verdict = jarzynski(bad)
    assert verdict.outcome == "violated"
    assert verdict.measured.startswith("ΔF (reverse" if off < 0.0 else "ΔF (forward")


def test_a_slope_off_within_tolerance_leaves_jarzynski_its_witness():
    """Crooks holds with a resolved slope: Jarzynski must not say that the fit is rejected."""
    pair = gauss(30_000)
    fit = replace(fit_crooks(pair.forward, pair.reverse), slope_p=1e-4)
    assert judge_crooks(fit, delta_f=pair.delta_f).outcome == "holds"
    for known in (pair.delta_f, None):
        verdict = judge_jarzynski_pair(pair.forward, pair.reverse, fit, delta_f=known)
        assert verdict.outcome == "holds", verdict.reason


def test_forward_only_is_violated_only_on_the_upper_side():
    work = gauss(10_000, 0.5).forward
    high = judge_jarzynski([Passage("ΔF", work, 0.7 + 0.2)])
    low = judge_jarzynski([Passage("ΔF", work, 0.7 - 0.2)])
    assert high.outcome == "violated"
    assert low.outcome == "undecidable"
    assert low.reason.startswith("tail not sampled: the average is low")
    assert "too rare to be seen" in low.reason


def test_one_bad_passage_of_several_is_found_and_named():
    rng = np.random.default_rng(23)
    steps = [truth.gaussian_entropy(rng, 0.2, 20_000) for _ in range(3)]
    work = np.cumsum(steps, axis=0)
    passages = [Passage(f"ΔF after stroke {k}", work[k], 0.0) for k in range(3)]
    assert judge_jarzynski(passages).outcome == "holds"
    verdict = judge_jarzynski([passages[0], Passage("ΔF after stroke 1", work[1], 0.3), passages[2]])
    assert verdict.outcome == "violated"
    assert verdict.measured.startswith("ΔF after stroke 1")


ONE_SAMPLE = {
    "scale 5 %": lambda s: 1.05 * s,
    "offset 0.05": lambda s: s + 0.05,
    "Itô instead of Stratonovich": lambda s: s - 0.5,
    "sign": lambda s: -s,
    "rare events reflected": lambda s: np.where(s < -2.0, -s, s),
}


@pytest.mark.parametrize("fault", ONE_SAMPLE)
def test_a_fault_in_entropy_production_is_found(fault):
    s = truth.gaussian_entropy(np.random.default_rng(24), 1.0, 100_000)
    assert judge_detailed(fit_detailed(s)).outcome == "holds"
    assert judge_detailed(fit_detailed(ONE_SAMPLE[fault](s))).outcome == "violated"


@pytest.mark.parametrize("mean", [1.0, 3.0, 30.0])
def test_a_sign_error_violates_the_integral_theorem_whatever_the_spread(mean):
    s = truth.gaussian_entropy(np.random.default_rng(25), mean, 1_000)
    verdict = judge_integral(-s)
    assert verdict.outcome == "violated"
    assert (verdict.parts[0].method == "tail count") == (mean > 1.0), "the t-test is blind to a huge spread"
    assert judge_integral(s).outcome == "undecidable"


def test_the_integral_theorem_holds_where_the_tail_is_sampled():
    s = truth.gaussian_entropy(np.random.default_rng(26), 0.5, 20_000)
    verdict = judge_integral(s)
    assert verdict.outcome == "holds"
    assert verdict.information > 200, "Kish"


def test_less_work_than_the_free_energy_violates_the_second_law():
    pair = gauss(2_000)
    assert judge_second_law([Bound("<W> - ΔF", dissipation(pair.forward, pair.delta_f))]).outcome == "holds"
    assert (
        judge_second_law([Bound("<W> - ΔF", dissipation(-pair.forward, pair.delta_f))]).outcome == "violated"
    )
    one_bad = [Bound(f"<W~> cycle {k}", dissipation(pair.forward - 5.0 * (k == 2), 0.7)) for k in (1, 2, 3)]
    verdict = judge_second_law(one_bad)
    assert verdict.outcome == "violated"
    assert verdict.quantity == "<W~> cycle 2"
