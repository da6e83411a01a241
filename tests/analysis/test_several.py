"""Agreement of several estimates, against slow twins and its exact law."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import fluctua as fl
from fluctua import cli
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.several import ForwardWork, cochran, cochran_rising, judge_several

import truth

KT = 2.47770  # kJ/mol, at 298 K


def test_cochran_is_its_formula():
    found = cochran([1.0, 2.0, 4.0], [1.0, 0.5, 1.0])
    assert (found.mean, found.standard_error, found.freedom) == pytest.approx((13.0 / 6.0, 6.0**-0.5, 2))
    assert found.statistic == pytest.approx((7 / 6) ** 2 + 4 * (1 / 6) ** 2 + (11 / 6) ** 2)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 2))


@pytest.mark.parametrize("seed", range(3))
def test_the_one_sided_form_is_the_distance_to_isotonic_regression(seed):
    rng = np.random.default_rng(seed)
    x, errors = rng.normal(size=6), rng.uniform(0.5, 2.0, 6)
    fitted = optimize.isotonic_regression(x, weights=errors**-2).x
    assert cochran_rising(x, errors).statistic == pytest.approx(np.sum(((x - fitted) / errors) ** 2))


def test_two_estimates_have_half_a_chi_square():
    # z = 3.29 of 9,999 draws.
    for difference, p in ((-1.0, stats.norm.sf(1.0)), (-2.0, stats.norm.sf(2.0))):
        found = cochran_rising([0.0, difference], [0.6, 0.8]).p_value
        assert found == pytest.approx(p, abs=3.29 * np.sqrt(p * (1.0 - p) / 9_999))
    assert cochran_rising([0.0, 1.0], [0.6, 0.8]).p_value == 1.0


def test_a_rising_bias_is_never_rejected_and_a_falling_one_is():
    rising = np.arange(5.0)
    assert cochran_rising(rising, np.full(5, 0.01)).p_value == 1.0
    assert cochran_rising(-rising, np.full(5, 0.5)).p_value < 0.001


def speeds(rng, dissipations, n, shifts=None):
    """Exact forward work of Gaussian protocols that share their ends."""
    shifts = shifts or itertools.repeat(0.0)
    return [truth.gaussian_pair(rng, d, n).forward + s for d, s in zip(dissipations, shifts, strict=False)]


def named(works, names="abc"):
    return [ForwardWork(name, work) for name, work in zip(names, works, strict=False)]


def test_one_free_energy_of_several_speeds_is_falsely_violated_at_most_at_the_nominal_rate():
    # one-sided, so that the rate may be lower; above the band in 1 of 2,000 such tests
    rngs = (np.random.default_rng([1, k]) for k in range(15))
    words = [judge_several(named(speeds(rng, (0.25, 0.5, 1.0), 2000))).outcome for rng in rngs]
    assert words.count("violated") <= stats.binom.ppf(0.9995, 15, 0.05)


@pytest.mark.slow
def test_where_the_bias_is_small_the_agreement_is_rejected_at_its_rate():
    # 400 ensembles in their band of 99.9 %
    rngs = (np.random.default_rng([4, k]) for k in range(400))
    judged = (judge_several(named(speeds(rng, (0.05, 0.1, 0.15), 1000))) for rng in rngs)
    rejected = sum(verdict.part("agreement").p_value < 0.05 for verdict in judged)
    low, high = stats.binom.ppf([0.0005, 0.9995], 400, 0.05)
    assert low <= rejected <= high


@pytest.mark.slow
@pytest.mark.parametrize("delta_f", [None, 0.7])
def test_speeds_with_errors_from_few_groups_are_falsely_violated_at_most_at_the_nominal_rate(delta_f):
    # 300 ensembles of 8 replicas each, every replica with a ΔF of its own; a false alarm in 1 of 2,000
    found = 0
    for k in range(300):
        rng = np.random.default_rng([5, k])
        codes = np.repeat(np.arange(8), 250)
        works = [work + rng.normal(0.0, 0.1, 8)[codes] for work in speeds(rng, (0.25, 0.5, 0.75), 2000)]
        report = fl.verify(
            [pd.DataFrame({"w": work, "replica": codes}) for work in works],
            column="w",
            group="replica",
            delta_f=delta_f,
        )
        found += report["jarzynski"].outcome == "violated"
    assert found <= stats.binom.ppf(0.9995, 300, 0.05)


def test_speeds_that_agree_hold_and_a_fast_one_that_gives_less_is_violated():
    rng = np.random.default_rng(2)
    held = judge_several(named(speeds(rng, (0.1, 0.3), 40_000), ["slow", "fast"]))
    assert held.outcome == "holds"
    assert held.parts[0].name == "ΔF of fast - slow"
    less = judge_several(named(speeds(rng, (0.1, 0.5), 20_000, (0.0, -0.2))))
    assert less.outcome == "violated"
    more = judge_several(named(speeds(rng, (0.1, 0.5), 20_000, (0.0, 0.2))))
    assert more.outcome == "undecidable"
    assert less.part("agreement").p_value < 1e-3 < more.part("agreement").p_value


def test_errors_that_scatter_make_the_test_more_cautious():
    exact = cochran_rising([1.0, 0.0], [0.3, 0.3]).p_value
    few = cochran_rising([1.0, 0.0], [0.3, 0.3], [4.0, 4.0]).p_value
    assert few > 2.0 * exact
    # Of two with equal errors and freedom, t with about twice the freedom: z = 3.29 of 9,999 draws around it.
    low, high = stats.t.sf(1.0 / np.hypot(0.3, 0.3), [8.0, 4.0])
    assert low - 3.29 * np.sqrt(low / 9_999) < few < high + 3.29 * np.sqrt(high / 9_999)


def test_what_cannot_be_compared_is_said():
    rng = np.random.default_rng(3)
    assert judge_several(named(speeds(rng, (1.0,), 100))).outcome == "not applicable"
    far = judge_several(named(speeds(rng, (10.0, 20.0), 500)))
    assert far.outcome == "undecidable"
    assert far.reason.startswith("tail not sampled")
    assert "expected value" not in far.reason  # there is none


# ---- through verify


@pytest.fixture(scope="module")
def three():
    return speeds(np.random.default_rng(6), (0.8, 0.4, 0.2), 20_000)


def test_a_list_of_arrays_is_judged_as_several_protocols(three):
    report = fl.verify(three)
    assert str(report).startswith("protocol 3 (20,000), protocol 2 (20,000), protocol 1 (20,000), in kT")
    assert report["jarzynski"].outcome == "holds"
    assert report["second-law"].outcome == "not applicable"
    assert report.free_energy.method == "Jarzynski, protocol 3"
    assert report.free_energy.value == fl.verify(three[2]).free_energy.value
    alone = fl.verify(three[0])["jarzynski"]
    assert (alone.outcome, alone.reason) == ("not applicable", "needs reverse data or a known ΔF (delta_f=)")
    shifted = fl.verify((three[0] - 0.25, three[1], three[2]))["jarzynski"]
    assert shifted.outcome == "violated"


def test_with_a_known_difference_each_protocol_is_held_against_it(three):
    report = fl.verify(three, delta_f=0.7)
    parts = report["jarzynski"].parts
    assert [part.name for part in parts] == [f"ΔF of protocol {k}" for k in (3, 2, 1)]
    assert report.outcome == "holds"
    assert len(report["second-law"].parts) == 3
    assert fl.verify(three, delta_f=1.0)["jarzynski"].outcome == "violated"
    assert fl.verify([three[0], three[2] - 1.5], delta_f=0.7)["second-law"].outcome == "violated"


def test_files_behind_repeated_options_are_several_protocols(three, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, work in zip(("fast", "medium", "slow"), three, strict=True):
        pd.DataFrame({"W (kJ/mol)": work * KT}).to_csv(f"{name}.csv", index=False)
    words = [f"--forward={name}.csv" for name in ("fast", "medium", "slow")]
    units = ["--units", "kJ/mol", "--temperature", "298"]
    assert cli.main(["verify", *words, *units]) == 0
    out = capsys.readouterr().out
    assert out.startswith("slow (20,000), medium (20,000), fast (20,000), in kT")
    assert "ΔF of medium - slow" in out
    plain = fl.verify(["fast.csv", "medium.csv", "slow.csv"], units="kJ/mol", temperature=298)
    assert str(plain).replace("delta_f=", "--delta-f X") == out.rstrip("\n")
    assert cli.main(["verify", *words, *units, "--delta-f", str(1.0 * KT)]) == 1
    assert cli.main(["verify", *words, *units, "--reverse", "slow.csv"]) == 2
    assert "several protocols and one reverse" in capsys.readouterr().err
    assert cli.main(["verify", *words]) == 2
    assert "is in kJ/mol, not in kT (fast)" in capsys.readouterr().err


def test_one_file_given_twice_and_groups_and_correlation_are_said(three):
    twice = fl.verify([three[0][:500], three[0][:500]])
    assert any("same numbers" in note for note in twice.notes)
    slow = np.repeat(three[2][:2000], 3) + np.random.default_rng(7).normal(0.0, 0.01, 6000)
    report = fl.verify([three[1], slow])
    assert any(note.startswith("protocol 2: consecutive") for note in report.notes)
    assert "blocks of trajectories are independent" in " ".join(report["jarzynski"].assumptions)
    frames = [pd.DataFrame({"w": work[:2000], "day": np.arange(2000) % 3}) for work in three]
    few = fl.verify(frames, column="w", group="day")["jarzynski"]
    assert few.outcome == "undecidable"
    assert few.reason.startswith("too few groups: 3")


@pytest.fixture(scope="module")
def squeeze():
    trap = fl.Potential("k/2 * x**2", coordinates="x", controls="k")
    squeeze = fl.Protocol([fl.Isothermal(0.5, k=(1.0, 2.0))], beta=1.0)
    return fl.EnsembleSpec(
        trap, fl.Overdamped(friction=1.0), squeeze, trajectories=2000, time_step=0.025, seed=1
    )


@pytest.fixture(scope="module")
def runs(squeeze):
    return fl.sweep(squeeze.vary({"protocol.steps.0.duration": [0.5, 1.0]}))


def test_runs_at_several_speeds_are_several_protocols(squeeze, runs):
    report = fl.verify(runs)
    assert report["jarzynski"].part("ΔF of duration 0.5").expected == pytest.approx(0.5 * np.log(2.0))
    assert report["first-law"].outcome == "holds"
    assert str(fl.verify(list(runs))) == str(report)
    other = fl.simulate(squeeze.replace({"protocol.steps.0.k": [1.0, 3.0]}))
    with pytest.raises(fl.InvalidInput, match=r"not between the same ends \(protocol 1, protocol 2\)"):
        fl.verify([runs[0], other])
    with pytest.raises(fl.InvalidInput, match="a run where numbers are needed"):
        fl.verify([runs[0], np.arange(5.0)])
    with pytest.raises(fl.InvalidInput, match=r"2 runs \(protocol 2\): name one of them"):
        fl.verify([runs[0], runs])


def test_runs_that_share_their_noise_are_no_witnesses_for_each_other(runs, monkeypatch):
    monkeypatch.setattr(Ledger, "delta_f", lambda _: None)  # as where no exact way to it is known
    with pytest.raises(fl.InvalidInput, match=r"one noise, of seed 1 \(duration 0.5, duration 1\)"):
        fl.verify(runs)
    own = fl.simulate(runs[1].spec.replace({"seed": 2}))
    assert fl.verify([runs[0], own])["jarzynski"].parts[-1].method.startswith("Cochran's Q of 2")
