"""The exchange theorem: two qubits that swap, lattices, real values, and what else produces entropy."""

import math

import numpy as np
import pytest

import fluctua as fl
from fluctua.analysis.exchange import affinity_of, beside_exchange, fit_exchange, judge_exchange, least_noise
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.reservoirs import BoseBath, Lead, Rates

import truth

ALPHA = 0.05
UP, DOWN = 0.0983103, 0.0361663  # two resonant qubits, beta = 1 and 2, swapped in part (sin^2 0.7)


def swapped(rng, n):
    """Draw the quanta that the hot qubit loses."""
    return rng.choice([1.0, -1.0, 0.0], n, p=[UP, DOWN, 1.0 - UP - DOWN])


def test_two_qubits_obey_the_exchange_theorem():
    x = swapped(np.random.default_rng(21), 100_000)
    verdict = judge_exchange(x, 1.0)
    assert verdict.outcome == "holds"
    assert verdict.standard_error == pytest.approx(0.019, abs=0.001), "1.9 % on the log ratio at N = 1e5"
    assert abs(verdict.estimate - 1.0) < 4.0 * verdict.standard_error
    ratio = math.log((x == 1.0).sum() / (x == -1.0).sum())
    assert verdict.estimate == pytest.approx(ratio, rel=1e-9), "of one size, the slope is the log ratio"


def test_the_fit_is_the_multinomial_likelihood_ratio_near_the_theorem():
    """A slow twin: twice the gain in log likelihood of P(+) / P(-) free; the score to third order."""
    x = swapped(np.random.default_rng(22), 100_000)
    up, down = (x == 1.0).sum(), (x == -1.0).sum()
    chance = 1.0 / (1.0 + math.exp(-1.0))
    gain = up * math.log(up / (up + down) / chance) + down * math.log(down / (up + down) / (1.0 - chance))
    found = fit_exchange(x, 1.0)
    assert found.slope_statistic**2 == pytest.approx(2.0 * gain, rel=0.05, abs=1e-3)
    assert found.slope_p == pytest.approx(found.sign_p, rel=1e-9)


@pytest.mark.parametrize("fault", [1.2, -1.0])
def test_a_wrong_affinity_violates_it(fault):
    assert judge_exchange(swapped(np.random.default_rng(23), 100_000), fault).outcome == "violated"


def test_true_exchanges_are_violated_no_more_often_than_allowed():
    rng, repeats = np.random.default_rng(24), 100
    quanta = sum(judge_exchange(swapped(rng, 2_000), 1.0).outcome == "violated" for _ in range(repeats))
    lattice = real = 0
    for _ in range(repeats):
        counted = truth.signed(rng, 0.4 * rng.poisson(1.5, 500)) / 0.4
        lattice += judge_exchange(counted, 0.4).outcome == "violated"
        heat = truth.signed(rng, rng.exponential(1.0, 500)) / 0.25
        real += judge_exchange(heat, 0.25).outcome == "violated"
    allowed = ALPHA * repeats + 3.0 * math.sqrt(ALPHA * (1.0 - ALPHA) * repeats)
    assert max(quanta, lattice, real) <= allowed


def test_a_report_on_exchanged_amounts_has_the_second_law_beside_it():
    x = swapped(np.random.default_rng(25), 50_000)
    report = fl.verify(x, affinity=1.0)
    assert [verdict.claim for verdict in report] == ["second-law", "exchange"]
    assert {verdict.outcome for verdict in report} <= {"holds", "undecidable"}
    assert report.effective_temperature is None, "an affinity is no temperature"
    assert fl.verify(-x, affinity=1.0)["second-law"].outcome == "violated"
    assert "relative variance" in report["exchange"].reason
    assert report["exchange"].part("affinity").expected == 1.0


def test_an_exchange_is_asked_for_in_one_way():
    with pytest.raises(fl.InvalidInput, match="reverse"):
        fl.verify([1.0, -1.0, 2.0], [1.0, 2.0, 3.0], affinity=1.0)
    with pytest.raises(fl.InvalidInput, match="an affinity beside entropy"):
        fl.verify(entropy=[1.0, -1.0, 2.0], affinity=1.0)
    assert fl.verify([1.0, 2.0, 3.0, -1.0], claims="exchange")[0].outcome == "not applicable"
    assert judge_exchange([1.0, -1.0], 0.0).outcome == "not applicable"
    assert judge_exchange([0.0, 0.0], 1.0).outcome == "not applicable"


def test_the_affinity_is_that_of_all_entropy_or_there_is_none():
    x = np.array([1.0, -2.0, 0.0, 3.0])
    assert affinity_of(2.0 * x, x) == pytest.approx(2.0, rel=1e-12)
    assert beside_exchange(2.0 * x, x, 2.0) == ""
    at_one_junction = 2.0 * x + np.array([0.0, 0.5, -0.5, 0.0])  # the system in between has changed
    said = affinity_of(at_one_junction, x)
    assert "up to 0.5 k_B is produced beside it" in said
    assert "at long times" in said
    assert "nothing was exchanged" in affinity_of(0.0 * x, 0.0 * x)


def test_the_bounds_on_the_noise_of_two_qubits():
    bound = least_noise(UP - DOWN)  # the affinity is 1
    assert bound.timpanaro == pytest.approx(31.5195, abs=1e-3)
    assert bound.hasegawa == pytest.approx(31.1937, abs=1e-3)
    assert pytest.approx(33.8216, abs=2e-3) == (UP + DOWN) / (UP - DOWN) ** 2 - 1.0
    assert bound.hasegawa < bound.timpanaro < bound.classical
    for entropy in (1e-6, 0.1, 1.0, 10.0, 300.0, 5_000.0):
        one = least_noise(entropy)
        assert one.hasegawa <= one.timpanaro <= one.classical


# ---- runs ----------------------------------------------------------------------------------------


def ring(affinity, start=None):
    """Three equal levels in a ring that is driven: all entropy produced is force work."""
    levels = Levels({"a": "0", "b": "0", "c": "0"}, controls=("f",))
    steps = Rates(
        "ring", on=["a -> b", "b -> c", "c -> a"], forward="exp(f/2)", backward="exp(-f/2)", work="f"
    )
    hold = fl.Protocol([fl.Hold(3.0)], beta=1.0, f=affinity)
    return fl.EnsembleSpec(
        levels, MarkovJump([steps]), hold, trajectories=5_000, seed=1, initial=start or fl.Steady()
    )  # fmt: skip


def test_a_driven_ring_obeys_it_with_the_affinity_that_its_entropy_has():
    run = fl.simulate(ring(0.5))
    found = fl.verify(run, claims="exchange", current="force_work")["exchange"]
    assert found.outcome in ("holds", "undecidable")
    assert found.part("affinity").expected == pytest.approx(1.0, rel=1e-9)
    count = "force_work / 0.5"
    assert fl.verify(run, current=count, affinity=0.5)["exchange"].estimate == pytest.approx(found.estimate)
    assert fl.verify(run, current=count, affinity=0.8)["exchange"].outcome == "violated", "control"


def test_one_junction_of_a_dot_obeys_it_at_long_times_only():
    dot = Levels({"empty": "0", "full": "1/2"}, controls=("V",))
    leads = MarkovJump(
        [Lead(name, on="empty -> full", rate=1.0, mu=mu) for name, mu in (("left", "V/2"), ("right", "-V/2"))]
    )
    hold = fl.Protocol([fl.Hold(5.0)], beta=1.0, V=2.0)
    run = fl.simulate(fl.EnsembleSpec(dot, leads, hold, trajectories=500, seed=1, initial=fl.Steady()))
    report = fl.verify(run, claims=["exchange", "integral"], current="particles_left", affinity=2.0)
    assert report["exchange"].outcome == "not applicable"
    assert "at long times only" in report["exchange"].reason
    assert report["integral"].outcome != "violated", "with both junctions and the change of the dot"


def test_a_start_that_the_reverse_process_does_not_share_has_the_integral_theorem_only():
    run = fl.simulate(ring(0.5, fl.Point(state="a")))
    report = fl.verify(run, claims=["exchange", "detailed"], current="force_work")
    assert {verdict.outcome for verdict in report} == {"not applicable"}
    assert "a start" in report["detailed"].reason


def test_a_run_from_one_level_knows_what_its_start_leaves_out():
    levels = Levels({"down": "0", "up": "1"})
    bath = MarkovJump([BoseBath("phonons", on="down -> up", rate=1.0)])
    hold = fl.Protocol([fl.Hold(2.0)], temperature=0.5)
    start = fl.Point(state="up")
    run = fl.simulate(fl.EnsembleSpec(levels, bath, hold, trajectories=20_000, seed=1, initial=start))
    found = fl.verify(run, claims="integral")["integral"]
    assert found.outcome == "holds"
    assert found.expected == pytest.approx(-math.log(0.123815), abs=1e-5)
    assert abs(found.estimate - found.expected) < 4.0 * found.standard_error


def test_the_page_of_an_exchange_shows_its_signs(tmp_path):
    """Two pictures, and an affinity that is wrong is drawn as such: the sign given A X, not given X."""
    rng = np.random.default_rng(61)
    exchanged = rng.poisson(2.0 * np.e, 4_000) - rng.poisson(2.0, 4_000)
    report = fl.verify(exchanged, affinity=2.0)
    assert np.array_equal(report.samples["exchange"], 2.0 * exchanged)
    page = report.to_html(tmp_path / "report.html").read_text()
    assert page.count("<img") + page.count("<svg") == 2
    assert "given its size" in page
    assert "affinity 2 k_B" in page
