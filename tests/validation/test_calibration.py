"""The bench of the verifier: its truths against closed forms, its bands, its smoke cells, and mutations.

The smoke cells hold some hundred numbers against bands of 99.9 %, on seeds that are fixed, and what is
outside is drawn again: a correct verifier would fail with probability 1e-4 on fresh ones.

"""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

import atoms
from fluctua.analysis import dependence, integral, rule
from fluctua.analysis.bennett import Pair
from fluctua.analysis.crooks import fit_crooks
from fluctua.analysis.parts import Part
from fluctua.stochastic.errors import InvalidInput
from fluctua.validation.calibrate import calibrate
from fluctua.validation.calibration import bands, judges
from fluctua.validation.calibration.__main__ import main
from fluctua.validation.calibration.attainable import attainable
from fluctua.validation.calibration.bench import Memory, run_grid
from fluctua.validation.calibration.cells import Cell
from fluctua.validation.calibration.checks import check, found
from fluctua.validation.calibration.dependent import Groups, Neighbours
from fluctua.validation.calibration.faults import Fault
from fluctua.validation.calibration.grids import HIDDEN, Grid, grid
from fluctua.validation.calibration.intervals import Intervals
from fluctua.validation.calibration.judges import judge_pair
from fluctua.validation.calibration.mixtures import fit_mixture
from fluctua.validation.calibration.noise import Noise
from fluctua.validation.calibration.others import looked_at_often
from fluctua.validation.calibration.page import page
from fluctua.validation.calibration.scenes import Erasures, LeftOut, RotatingTrap, Speeds, Watched, saturated
from fluctua.validation.calibration.table import passed, printed
from fluctua.validation.calibration.tallies import Finding, Tally
from fluctua.validation.calibration.truths import (
    BiasedWalk,
    GaussianPair,
    MixturePair,
    QuenchPair,
    SignCoin,
    TrapPair,
    breathing_trap,
    counted_particles,
    dragged_trap,
    measured_qubit,
)

# ---- truths

PAIRS = {
    "gaussian": GaussianPair(1.5, -0.4),
    "bimodal": MixturePair(),
    "hidden mode": HIDDEN,
    "quench": QuenchPair(3.0, 2),
    "dragged": dragged_trap(1.5, 1.0, 0.25),
    "breathing": breathing_trap(3.0, 1.0, 0.25),
    "measured qubit": measured_qubit(0.8),
    "counted particles": counted_particles(8, 0.4, 0.5),
}
FEW_VALUES = ("measured qubit", "counted particles")
SAMPLES = {
    "gaussian": SignCoin("gaussian", 1.0),
    "exponential": SignCoin("exponential", 1.5),
    "lattice": SignCoin("lattice", 1.5),
    "walk": BiasedWalk(0.7, 1.0),
}


def z_of_mean(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / math.sqrt(values.size))


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_obey_crooks_and_dissipate_what_they_say(name):
    """Five z-scores a truth, each beyond 4.5 with probability 7e-6.

    The bounded functions L(w - f) and L(f - w) have means that Crooks' theorem makes equal.
    """
    truth = PAIRS[name]
    pairs = truth.draw(Noise.of(f"test {name}", 0, 4), 20_000, 15_000)
    assert pairs.forward.shape == (4, 20_000)
    assert pairs.reverse.shape == (4, 15_000)
    forward, turned = pairs.forward.ravel() - truth.free_energy, -pairs.reverse.ravel() - truth.free_energy
    assert abs(z_of_mean(forward, truth.dissipation)) < 4.5
    assert abs(z_of_mean(-turned, truth.reverse_dissipation)) < 4.5
    for power in (0, 1, 2):
        # E_F[g L(f-w)] = E_R[g L(w-f)] for any g: with e^-x L(x) = L(-x)
        forth, back = special.expit(-forward) * forward**power, special.expit(turned) * turned**power
        error = math.hypot(forth.std() / math.sqrt(forth.size), back.std() / math.sqrt(back.size))
        assert abs(forth.mean() - back.mean()) < 4.5 * error


@pytest.mark.parametrize("name", FEW_VALUES)
def test_work_of_a_few_values_has_them_in_both_directions(name):
    """To the last bit, and the masses are tested as such."""
    pairs = PAIRS[name].draw(Noise.of(f"test values {name}", 0, 1), 2_000)
    known = {float(value) for value in PAIRS[name].means}
    assert set(pairs.forward[0]) <= known
    assert set(-pairs.reverse[0]) <= known
    assert fit_crooks(pairs.forward[0], pairs.reverse[0]).masses is not None


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_obey_the_detailed_theorem(name):
    truth = SAMPLES[name]
    s = truth.draw(Noise.of(f"test {name}", 0, 4), 20_000).ravel()
    assert abs(z_of_mean(s, truth.dissipation)) < 4.5
    for power in (0, 1):
        # sgn s - tanh(|s|/2) has mean 0 given |s|
        odd = (np.sign(s) - np.tanh(np.abs(s) / 2.0)) * np.abs(s) ** power
        assert abs(z_of_mean(odd, 0.0)) < 4.5


def test_dissipations_of_sizes_are_integrals():
    def mean(density):
        return integrate.quad(lambda u: u * math.tanh(u / 2.0) * density(u), 0.0, np.inf)[0]

    exact = mean(stats.expon(scale=1.5).pdf)
    assert SignCoin("exponential", 1.5).dissipation == pytest.approx(exact, rel=1e-6)

    assert SignCoin("cauchy").dissipation == math.inf
    walk = BiasedWalk(2.0, 1.0)
    variance, current = math.exp(2.0) + 1.0, math.exp(2.0) - 1.0
    assert walk.uncertainty == pytest.approx(variance * walk.dissipation / (2.0 * current**2))


def test_neighbours_resemble_each_other_and_the_law_stays():
    noise = Noise.of("test neighbours", 0, 50)
    plain, alike = GaussianPair(3.0), GaussianPair(3.0, fault=Fault("correlation", 0.6))
    forward = alike.draw(noise, 2_000).forward - 3.7
    lag = (forward[:, 1:] * forward[:, :-1]).mean() / (forward**2).mean()
    # The error of a lag-one correlation is sqrt(1 - 0.36) / sqrt(100,000) = 0.0025.
    assert lag == pytest.approx(0.6, abs=4.5 * 0.0026)
    # One value of each ensemble is an independent draw of the same law: p < 1e-5 is a fault.
    assert stats.kstest(forward[:, 1000] / math.sqrt(6.0), "norm").pvalue > 1e-5
    uniform = noise.correlated(0.6).uniform(2_000)
    assert stats.kstest(uniform[:, 1000], "uniform").pvalue > 1e-5
    assert plain.draw(noise, 10).forward.shape == (50, 10)


def test_an_ensemble_is_its_own_whatever_runs_beside_it():
    cell = Cell("test independence", "forward only", GaussianPair(1.0), 50)
    together = GaussianPair(1.0).draw(Noise.of("test independence 0", 0, 10), 50).forward
    alone = GaussianPair(1.0).draw(Noise.of("test independence 0", 7, 1), 50).forward
    assert np.array_equal(together[7], alone[0])
    halves = cell.tally(0, 4) + cell.tally(4, 6)
    assert halves.words == cell.tally(0, 10).words
    assert halves.tests == cell.tally(0, 10).tests


FAULTS_OF_PAIRS = {
    "scale": lambda clean, bad: np.allclose(bad.forward - 0.7, 1.1 * (clean.forward - 0.7)),
    "offset": lambda clean, bad: bad.free_energy == clean.free_energy + 0.1,
    "sign": lambda clean, bad: np.array_equal(bad.reverse, -clean.reverse),
    "trim": lambda clean, bad: bad.forward.shape == (3, 90) and bad.forward.min() > clean.forward.min(),
    "trim both": lambda clean, bad: bad.reverse.shape == (3, 90) and bad.reverse.min() > clean.reverse.min(),
    "clamp": lambda clean, bad: np.ptp(bad.forward) < 0.3 * np.ptp(clean.forward),
    "clip": lambda clean, bad: np.nanmax(bad.forward - clean.forward.mean(axis=1, keepdims=True)) < 0.3,
    "forward twice": lambda clean, bad: bad.reverse.mean() > clean.reverse.mean(),
}


@pytest.mark.parametrize("kind", FAULTS_OF_PAIRS)
def test_a_fault_does_what_it_says(kind):
    truth = GaussianPair(1.0)
    clean = truth.draw(Noise.of("test fault", 0, 3), 100)
    bad = replace(truth, fault=Fault(kind, 0.1)).draw(Noise.of("test fault", 0, 3), 100)
    assert FAULTS_OF_PAIRS[kind](clean, bad)


def test_a_slower_reverse_run_dissipates_less_and_obeys_the_law_of_its_own_speed():
    truth = GaussianPair(3.0, fault=Fault("slow reverse", 2.0))
    reverse = truth.draw(Noise.of("test slow", 0, 1), 40_000).reverse[0]
    assert abs(z_of_mean(reverse, 1.5 - 0.7)) < 4.5
    assert reverse.var() == pytest.approx(3.0, rel=4.5 * math.sqrt(2.0 / 40_000))


def test_trimming_keeps_the_order():
    s = SignCoin(fault=Fault("trim", 0.3)).draw(Noise.of("test order", 0, 2), 50)
    whole = SignCoin().draw(Noise.of("test order", 0, 2), 50)
    for row, full in zip(s, whole, strict=True):
        assert np.array_equal(row, full[full > np.sort(full)[14]])


def test_what_is_lost_is_a_part_of_one_value():
    whole = measured_qubit().draw(Noise.of("test lost", 0, 3), 400)
    lost = measured_qubit(fault=Fault("lost", 0.3)).draw(Noise.of("test lost", 0, 3), 400)
    gone = np.isnan(lost.forward)
    assert np.array_equal(lost.forward[~gone], whole.forward[~gone])
    assert np.array_equal(lost.reverse, whole.reverse)
    assert set(whole.forward[gone]) == {-0.5}  # the commonest
    commonest = (whole.forward == -0.5).sum(axis=1)
    assert np.array_equal(gone.sum(axis=1), np.floor(0.3 * commonest))
    coin = SignCoin("lattice", 1.5)
    clean = coin.draw(Noise.of("test lost", 0, 3), 400)
    left = replace(coin, fault=Fault("lost", 0.3)).draw(Noise.of("test lost", 0, 3), 400)
    assert set(clean[np.isnan(left)]) == {0.8}  # the commonest above 0


def test_an_unknown_fault_is_refused():
    with pytest.raises(InvalidInput, match="fault"):
        SignCoin(fault=Fault("slow reverse", 2.0)).draw(Noise.of("test", 0, 1), 10)


# ---- scenes


def test_a_rotating_trap_obeys_hatano_and_sasa_and_not_the_detailed_theorem():
    """Two z-scores: beyond 4.5 with probability 7e-6; the second is a control that must be."""
    y = RotatingTrap().entropy(Noise.of("test rotating", 0, 2), 20_000).ravel()
    assert abs(z_of_mean(np.exp(-y), 1.0)) < 4.5
    assert abs(z_of_mean(np.sign(y) - np.tanh(np.abs(y) / 2.0), 0.0)) > 4.5


SCENES = {
    "left out": (LeftOut(), 400, "integral"),
    "left out broken": (LeftOut(fault=Fault("offset", -0.2)), 400, "integral"),
    "tur": (saturated(2.0), 100, "tur"),
    "landauer": (Erasures(), 100, "landauer"),
    "landauer broken": (Erasures(fault=Fault("offset", -0.2)), 200, "landauer"),
    "watched": (Watched("detailed", SignCoin("gaussian", 1.0)), 200, "watched, detailed"),
    "sign": (Watched("detailed", SignCoin("gaussian", 1.0, fault=Fault("sign"))), 200, "watched, detailed"),
}


@pytest.mark.parametrize("name", SCENES)
def test_scenes_are_judged(name):
    """True ones: 3 or more of 8 are violated at 5 % with probability 6e-3, on numbers that are fixed."""
    scene, n, claim = SCENES[name]
    tally = Tally.of(scene.findings(Noise.of(f"test scene {name}", 0, 8), n))
    wrong = name in ("sign", "landauer broken", "left out broken")
    assert tally.count(claim, "violated") == 8 if wrong else tally.count(claim, "violated") < 3


@pytest.mark.slow
def test_several_speeds_and_intervals_are_judged():
    tally = Tally.of(Speeds().findings(Noise.of("test speeds", 0, 4), 200))
    assert tally.count("several", "not applicable") == 0
    tally = Tally.of(Intervals(GaussianPair(0.5)).findings(Noise.of("test intervals", 0, 20), 200))
    assert tally.numbers["BAR, given"].mean == 1.0
    assert tally.numbers["BAR, covered"].total >= 15  # of 20 at 95 %: fewer with probability 3e-4


def test_looking_often_rejects_often():
    """At 5 % a look at the end rejects 5 % of true samples, twenty looks about 25 %: 40 to 160 of 400."""
    drawn = SignCoin("gaussian", 1.0).draw(Noise.of("test looking", 0, 400), 400)
    assert 40 < sum(looked_at_often(s) < 0.05 for s in drawn) < 160
    assert sum(looked_at_often(s, 1) < 0.05 for s in drawn) < 40


@pytest.mark.slow
def test_neighbours_that_are_too_much_alike_are_undecidable_and_groups_are_judged():
    tally = Tally.of(Neighbours(0.9).findings(Noise.of("test alike", 0, 10), 1_000))
    assert tally.numbers["too correlated"].mean >= 0.9
    assert tally.count("crooks", "undecidable") >= 9
    tally = Tally.of(Groups(20, 0.2).findings(Noise.of("test groups", 0, 10), 1_200))
    assert tally.count("crooks", "violated") < 4
    assert tally.numbers["slope, independence assumed"].mean > 0.5


@pytest.mark.slow
def test_what_can_be_found_of_a_fault_follows_from_the_labels_it_removes():
    r"""Trimmed work leaves a share of the forward labels out where nearly all are reverse ones.

    There the information missing, the sum of p/(1-p) over reverse trajectories, is that share of n by Crooks'
    theorem: 10 of 1,000. It is read off 100,000 trajectories with an error of 0.7.
    """
    noncentral = special.chndtr(special.chdtri(1, 0.05), 1, np.array([10.0 - 3.0, 10.0 + 3.0]))
    most = attainable(GaussianPair(3.0, fault=Fault("trim", 0.01)), 1_000)
    assert 1.0 - noncentral[0] < most.told < 1.0 - noncentral[1]
    assert most.smooth < most.told
    nothing = attainable(GaussianPair(3.0), 1_000)
    assert nothing.smooth < 0.08
    assert nothing.told < 0.15


# ---- bands


def test_bands_are_those_of_the_binomial_law():
    for trials in (100, 200, 400, 10_000):
        for chance in (0.01, 0.05, 0.95):
            assert bands.binomial(trials, chance) == stats.binom.interval(0.999, trials, chance)


def test_bands_of_moments_and_distributions():
    assert bands.mean("x", 0.0, 400).high == pytest.approx(stats.norm.isf(0.0005) / 20.0)
    low, high = stats.chi2.ppf([0.0005, 0.9995], 399) / 399
    assert bands.variance("x", 1.0, 400).low == pytest.approx(low)
    assert bands.variance("x", 1.0, 400).high == pytest.approx(high)
    assert bands.uniformity("x", 0.0, 400).high == pytest.approx(stats.kstwo.ppf(0.999, 400), rel=0.01)
    assert not bands.mean("x", math.nan, 400).inside


def test_bands_that_are_open_on_one_side():
    assert bands.rate("x", 200, 200, 0.95, lower_only=True).inside
    assert not bands.rate("x", 170, 200, 0.95, lower_only=True).inside
    assert bands.excess("x", 20, 400, 0.05, 400).inside
    assert not bands.excess("x", 60, 400, 0.05, 400).inside


def test_what_is_found_is_counted_by_test_claim_or_indicator():
    findings = [Finding({"c": "violated"}, {"a": 0.01, "b": 0.5}, {}, {"any": 1.0}), Finding({"c": "holds"})]
    tally = Tally.of(findings)
    assert [found(tally, name) for name in ("c", "a or b", "b", "any")] == [1, 1, 0, 1]


def test_tallies_come_back_from_plain_data():
    findings = [Finding({"c": "holds"}, {"t": 0.03}, {"x": 1.0}, {"n": 2.0}), Finding({"c": "violated"})]
    tally = Tally.of(findings)
    assert Tally.from_dict(json.loads(json.dumps(tally.to_dict()))) == tally
    assert tally.tests["t"].rejected == (1, 0)


# ---- the bench


def test_no_smoke_cell_is_red():
    smoke = grid("smoke")
    rows = run_grid(smoke)
    assert passed(rows), printed(smoke, rows, 0.0)
    assert sum(row.checks for row in rows) > 80
    text = page(smoke, rows)
    assert "quench" in text
    assert all(line.count("|") >= 3 for line in text.splitlines() if line.startswith("|"))


def test_the_page_of_the_documentation_has_every_cell_and_none_that_is_red():
    text = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text(encoding="utf-8")
    assert "Outside their bands" not in text
    for cell in grid("ci").cells:
        names = cell.name, cell.name.split(", ", 1)[1]
        assert any(f"| {name} |" in text for name in names), "write it again: --write docs/calibration.md"


def test_an_interrupted_run_goes_on(tmp_path):
    cells = (Cell("test going on", "forward only", GaussianPair(1.0), 100),)
    small = Grid("test", 150, cells)
    kept = tmp_path / "kept.jsonl"
    whole = run_grid(small, path=kept)
    lines = kept.read_text().splitlines()
    kept.write_text(lines[0] + "\n" + lines[1][:40])
    assert len(Memory(kept).done) == 1
    done = []
    again = run_grid(small, path=kept, progress=lambda count, of: done.append((count, of)))
    assert again == whole
    assert done == [(1, 1)]


def test_the_command_says_what_is_red_and_what_it_does_not_know(capsys, monkeypatch):
    assert main(["--size", "huge"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    monkeypatch.setattr(integral.ExponentialAverage, "excess_p", property(two_sided))
    options = ["--size", "ci", "--only", "forward only, Gauss 3 kT, n", "--processes", "1", "--quiet"]
    options += ["--ensembles", "60"]
    assert main([*options, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["cells"][0]["red"]


# ---- mutations: each makes a cell red, but for the one that is only careful


def outside(cell, ensembles, first=0):
    return {one.name for one in check(cell, cell.tally(first, ensembles)) if not one.inside}


def two_sided(average):
    """Test the exponential average on both of its sides."""
    return float(2.0 * special.stdtr(average.n - 1, -abs(average.statistic)))


def test_mutation_size_of_samples_forgotten(monkeypatch):
    cell = Cell("mutation, sizes", "two-sample", GaussianPair(0.5), 600, 300)
    assert not outside(cell, 25)
    monkeypatch.setattr(Pair, "log_sizes", property(lambda _: 0.0))
    assert any("ΔF" in name for name in outside(cell, 25))


def test_mutation_reverse_work_not_turned(monkeypatch):
    cell = Cell("mutation, turned", "two-sample", GaussianPair(0.5), 300)
    assert not outside(cell, 40)
    of = Pair.of
    monkeypatch.setattr(Pair, "of", lambda forward, reverse: of(forward, -np.asarray(reverse)))
    assert "slope, rejected at 5%" in outside(cell, 40)


def test_mutation_exponential_weights(monkeypatch):
    cell = Cell("mutation, weights", "two-sample", GaussianPair(2.0), 500)
    assert not outside(cell, 20)

    def jarzynski(pair):

        w = pair.forward.raw - pair.forward.origin
        f = -math.log(np.mean(np.exp(-w)))
        return f, pair.information(f)

    monkeypatch.setattr(Pair, "solved", jarzynski)
    assert "ΔF, coverage" in outside(cell, 20)


def test_mutation_errors_as_if_neighbours_did_not_resemble_each_other(monkeypatch):
    cell = Cell("mutation, naive", "neighbours", Neighbours(0.8), 600)
    monkeypatch.setattr(dependence, "LEVEL", 0.0)
    assert "crooks, violated" in outside(cell, 12)


@pytest.mark.slow
def test_the_same_neighbours_unmutated_are_inside():
    assert not outside(Cell("mutation, naive", "neighbours", Neighbours(0.8), 600), 40)


def test_mutation_average_judged_on_both_sides(monkeypatch):
    cell = Cell("mutation, sides", "forward only", GaussianPair(3.0), 300)
    assert not outside(cell, 50)
    monkeypatch.setattr(integral.ExponentialAverage, "excess_p", property(two_sided))
    assert "jarzynski, forward only, violated" in outside(cell, 50)


def test_mutation_variance_of_drawn_sizes(monkeypatch):
    cell = Cell("mutation, variance", "two-sample", GaussianPair(0.25), 300)
    assert not outside(cell, 40)
    monkeypatch.setattr(Pair, "free_energy_error", lambda _, information: 1.0 / math.sqrt(information))
    assert "ΔF, variance of residuals" in outside(cell, 40)


class ItoTrap(TrapPair):
    """A simulator whose heat is force times displacement with the force at the old position."""

    def _driven(self, schedule, noise, n):
        k, c = schedule
        x = start = c[0] + noise.normal(n) / math.sqrt(k[0])
        heat = np.zeros_like(x)
        for j in range(1, len(k) - 1):
            new = self._relaxed(x, k[j], c[j], noise)
            heat += k[j] * (x - c[j]) * (new - x)
            x = new
        return 0.5 * k[-1] * (x - c[-1]) ** 2 - 0.5 * k[0] * (start - c[0]) ** 2 - heat


def test_mutation_heat_of_ito_in_the_simulator():
    right = dragged_trap(1.0, 1.0, 0.1)
    wrong = ItoTrap(stiffness=right.stiffness, centres=right.centres, time_step=right.time_step)
    assert not outside(Cell("mutation, heat", "two-sample", right, 300), 25)

    # Both directions gain the same heat, so that the difference cancels; the slope and the shape do not.
    assert "crooks, violated" in outside(Cell("mutation, heat", "two-sample", wrong, 300), 25)


@pytest.mark.slow
def test_mutation_holm_left_out(monkeypatch):
    cell = Cell("mutation, Holm", "two-sample", GaussianPair(0.5), 300)
    monkeypatch.setattr(rule, "holm", list)
    assert outside(cell, 800) >= {"crooks, ΔF known, violated"}


def likelihood_ratio(fit, forward, reverse):
    """Return the p-value of slope 1 by twice the gain of the likelihood over slope 1."""
    work = np.concatenate([forward, -reverse]) - fit.free_energy
    label = np.repeat([1.0, 0.0], [forward.size, reverse.size])
    sizes = math.log(forward.size / reverse.size)

    def height(slope):

        start = sizes + slope * work
        shift = optimize.brentq(lambda x: special.expit(start + x).sum() - forward.size, -500.0, 500.0)
        u = start + shift
        return float(np.sum(special.log_expit(np.where(label > 0.0, u, -u))))

    gain = 2.0 * (height(fit.slope) - height(1.0))
    return float(special.chdtrc(1, max(gain, 0.0)))


@pytest.mark.slow
def test_mutation_likelihood_ratio_where_little_is_known(monkeypatch):
    """Where the information is about 3 the ratio has p-values that are too small; the score has not."""
    cell = Cell("mutation, ratio", "two-sample", GaussianPair(15.0), 500)
    assert not outside(cell, 400)
    fit_crooks = judges.fit_crooks

    def mutant(forward, reverse):
        fit = fit_crooks(forward, reverse)
        return fit if math.isnan(fit.slope) else replace(fit, slope_p=likelihood_ratio(fit, forward, reverse))

    monkeypatch.setattr(judges, "fit_crooks", mutant)
    assert any(name.startswith("slope, ") for name in outside(cell, 400))


def test_a_more_careful_equivalence_test_stays_green(monkeypatch):
    quantile = Part._quantile
    monkeypatch.setattr(Part, "_quantile", lambda part, alpha: quantile(part, alpha / 2.0))
    edge = Cell(
        "mutation, careful",
        "forward only",
        GaussianPair(0.25, fault=Fault("offset", -0.1)),
        2_000,
        kind="edge",
        edge="jarzynski, forward only",
    )
    assert not outside(edge, 200)


# ---- power and control


@pytest.mark.slow
def test_eulers_rule_at_a_long_step_is_found():
    truth = replace(dragged_trap(2.0, 2.0, 0.4), fault=Fault("dt", 1.0))
    wrong = Cell("control, Euler", "two-sample", truth, 1_000)
    assert "slope, rejected at 5%" in outside(wrong, 40)
    assert not outside(Cell("control, exact", "two-sample", dragged_trap(2.0, 2.0, 0.4), 1_000), 40)


@pytest.mark.slow
def test_twenty_kt_are_undecidable():
    cell = next(cell for cell in grid("ci").cells if cell.name.startswith("two-sample, Gauss 20"))
    assert not outside(cell, 100)


# ---- on data like the user's


FITTED = [
    ("gaussian", False),
    ("bimodal", False),
    *(
        pytest.param(name, both, marks=pytest.mark.slow)
        for name, both in (("quench", False), ("gaussian", True))
    ),
    pytest.param("bimodal", True, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "both"), FITTED)
def test_a_fitted_mixture_is_like_the_data(name, both):
    """The dissipation of 2,000 values of 1.5 kT or less is known to 0.06 kT: five errors, 6e-7 each."""
    truth = PAIRS[name]
    pairs = truth.draw(Noise.of(f"test mixture {name}", 0, 1), 2_000)
    fitted = fit_mixture(pairs.forward[0], pairs.reverse[0] if both else None)
    assert fitted.dissipation == pytest.approx(truth.dissipation, abs=0.3)
    assert fitted.free_energy == pytest.approx(truth.free_energy, abs=0.3)
    # A test of fit with parameters fitted to the same values: p below 1e-3 is rarer than that.
    again = fitted.draw(Noise.of("test mixture again", 0, 1), 2_000)
    assert stats.ks_2samp(pairs.forward[0], again.forward[0]).pvalue > 1e-3
    if both:
        assert stats.ks_2samp(pairs.reverse[0], again.reverse[0]).pvalue > 1e-3


@pytest.mark.parametrize("both", [False, True])
def test_a_few_values_are_fitted_as_such(both):
    """Masses of 20,000 values are known to 0.0035: beyond five errors with probability 6e-7 each."""
    truth = measured_qubit()
    pairs = truth.draw(Noise.of("test masses", 0, 1), 20_000)
    fitted = fit_mixture(pairs.forward[0], pairs.reverse[0] if both else None)
    assert fitted.spreads == (0.0,) * 4
    assert fitted.means == (-1.5, -0.5, 0.5, 1.5)
    for mean, weight in zip(truth.means, truth.weights, strict=True):
        found = fitted.weights[fitted.means.index(mean)]
        assert found == pytest.approx(weight, abs=5.0 * math.sqrt(weight * (1.0 - weight) / 20_000))


def test_values_beside_a_density_are_modes_without_a_spread():
    rng = np.random.default_rng(71)
    forward, reverse, delta_f = atoms.rarely_jumping(rng, 4_000, 4_000)
    fitted = fit_mixture(forward, reverse)
    assert fitted.means[:2] == pytest.approx((0.0, 1.0))
    assert fitted.spreads[:2] == (0.0, 0.0)
    assert min(fitted.spreads[2:]) > 0.0
    assert fitted.weights[0] == pytest.approx(np.mean(forward == 0.0), abs=0.03)
    assert fitted.free_energy == pytest.approx(delta_f, abs=0.05)


def test_calibrate_on_a_few_values_judges_a_few_values():
    """Turned, none of them is taken by both directions: that is a word, too."""
    pairs = measured_qubit().draw(Noise.of("test calibrate masses", 0, 1), 300)
    found = calibrate(pairs.forward[0], pairs.reverse[0], ensembles=5)
    assert (found.values, found.modes) == (4, 0)
    assert "from 4 values fitted to the data" in str(found)
    assert json.loads(found.to_json())["values"] == 4
    apart = MixturePair((0.03, 0.235, 0.355, 0.38), (-2.0, 0.0, 0.5, 2.5), (0.0,) * 4, fault=Fault("sign"))
    drawn = apart.draw(Noise.of("test apart", 0, 1), 2_000)
    words = judge_pair(drawn.forward[0], drawn.reverse[0], drawn.free_energy, apart).words
    assert words["crooks"] == words["jarzynski"] == "not applicable"


def test_calibrate_tells_the_rates_on_data_like_these():
    """8 ensembles: more than 3 falsely violated at 5 % are seen with probability 4e-4."""
    pairs = GaussianPair(0.5).draw(Noise.of("test calibrate", 0, 1), 300)
    forward, reverse = pairs.forward[0] * 2.479, pairs.reverse[0] * 2.479
    found = calibrate(forward, reverse, units="kJ/mol", temperature=298.15, ensembles=8)
    assert found.dissipation == pytest.approx(0.5, abs=0.15)
    table = {(row.case, row.claim): row for row in found.rates}
    assert table["true", "crooks"].error <= 3 / 8
    assert table["reverse sign turned", "crooks, ΔF known"].violated == 1.0
    assert table["lowest 1 % left out", "crooks"].error is None
    assert json.loads(found.to_json())["rates"][0]["case"] == "true"
    assert "300 and 300" in str(found)


def test_calibrate_on_forward_work_alone():
    pairs = GaussianPair(0.5).draw(Noise.of("test calibrate", 0, 1), 300)
    found = calibrate(pairs.forward[0], ensembles=5)
    assert {row.claim for row in found.rates} == {"jarzynski, forward only"}
    assert found.n_reverse == 0


REFUSED = [
    ({}, "nothing"),
    ({"forward": [1.0, 2.0]}, "too few"),
    ({"forward": [1.0] * 30}, r"^30 values, all equal to 1 \(forward\)"),
    ({"forward": [1.0, 2.0] * 20, "reverse": [0.0] * 30}, r"all equal to 0 \(reverse\)"),
    ({"forward": [-1e9, 1e9] * 20}, "the values spread over"),
]


@pytest.mark.parametrize(("given", "what"), REFUSED)
def test_calibrate_refuses_what_tells_nothing(given, what):
    with pytest.raises(InvalidInput, match=what):
        calibrate(**given)
