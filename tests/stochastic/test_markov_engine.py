"""Jump trajectories: exact numbers, the first law, a slow twin, equal bits, tables, failures.

A z-score of 4.5 is exceeded by chance once in 150,000, and some 30 are asked: one false alarm in 5,000.
"""

import hashlib
import os
import pathlib
import subprocess
import sys
import threading

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.stats import ks_2samp, kstest

import bits_jumps
import reference_jumps
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.initial import Equilibrium, Point, Populations, Steady
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov import engine
from fluctua.stochastic.markov.engine import MarkovPropagator
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.reservoirs import BoseBath, Lead, Rates
from fluctua.stochastic.status import Status
from fluctua.stochastic.steps import Hold, Isolated, Isothermal, Quench, Thermostatic

SURE = 4.5
UNLIKELY = 1e-5  # of a Kolmogorov-Smirnov test; three are asked

DOT = Levels({"empty": "0", "full": "eps"}, controls=("eps", "V"))
LEADS = MarkovJump(
    [
        Lead("left", on="empty -> full", rate=1.0, mu="V/2"),
        Lead("right", on="empty -> full", rate=1.0, mu="-V/2"),
    ]
)
BIASED = Protocol([Hold(20.0)], beta=1.0, eps=0.5, V=2.0)

ENERGIES = {"a": "0", "b": "E", "c": "0.5"}
RING = Levels(ENERGIES, controls="E")


def bond(name, i, j):
    """The rates of catalogue B3: driven around the ring by a force whose work a jump is 1."""
    rise = f"(({ENERGIES[j]}) - ({ENERGIES[i]}) - 1)/2"
    return Rates(name, on=f"{i} -> {j}", forward=f"exp(-({rise}))", backward=f"exp({rise})", work=1.0)


DRIVEN = MarkovJump([bond("ab", "a", "b"), bond("bc", "b", "c"), bond("ca", "c", "a")], housekeeping=True)
RAMP = Protocol([Isothermal(2.0, E=(0.0, 2.0))], beta=1.0)

PAIR = Levels({"ground": "0", "excited": "gap"}, controls="gap")
PHONONS = MarkovJump([BoseBath("phonons", rate=1.0)])

# A protocol with everything: ramps of controls and of a temperature, a quench, a stroke without baths.
RICH = Protocol(
    [
        Isothermal(0.7, eps="sin(3*t)", V=(0.0, 1.0, 0.2)),
        Quench(eps=-0.5),
        Hold(0.4, baths=["left"]),
        Isolated(0.3, eps=(-0.5, 1.0)),
        Thermostatic(0.5, beta={"left": (1.0, 2.0)}, eps=(1.0, 0.0)),
    ],
    beta={"left": 1.0, "right": 1.5},
    V=0.0,
    eps=0.0,
)


def made(system=DOT, dynamics=LEADS, protocol=BIASED, **more):
    return MarkovPropagator(system, dynamics, protocol, **({"seed": 20, "initial": Steady()} | more))


def z_score(values, expected):
    return (np.mean(values) - expected) / (np.std(values, ddof=1) / np.sqrt(len(values)))


def residual(columns):
    return np.abs(columns["work"] + columns["heat"] - columns["energy_change"]).max()


# ---- exact numbers


@pytest.fixture(scope="module")
def current():
    return made(protocol=Protocol([Hold(50.0)], beta=1.0, eps=0.5, V=2.0)).run(0, 40_000).columns


def dot_generator(s):
    """Catalogue E5, particles from the left counted by s."""
    left, right = 1 / (1 + np.exp(0.5 - 1.0)), 1 / (1 + np.exp(0.5 + 1.0))
    out = 2.0 - left - right
    return np.array([[-left - right, (1 - left) * np.exp(-s) + 1 - right], [left * np.exp(s) + right, -out]])


def test_current_and_noise_of_a_dot(current):
    counted = current["particles_left"]
    assert abs(z_score(counted / 50.0, 0.220017)) < SURE
    p = np.array([1.0 - (0.622459 + 0.182426) / 2, (0.622459 + 0.182426) / 2])
    h = 1e-3
    log_m = [np.log((expm(50.0 * dot_generator(s)) @ p).sum()) for s in (-h, 0.0, h)]
    variance = (log_m[0] - 2 * log_m[1] + log_m[2]) / h**2
    assert variance / 50.0 == pytest.approx(0.240483, rel=0.02)  # catalogue, without the ends' share
    assert abs(z_score((counted - counted.mean()) ** 2, variance)) < SURE


def test_the_ledger_of_a_dot_closes(current):
    assert residual(current) < 1e-12
    assert np.abs(current["log_ratio"] - current["entropy_flow"]).max() < 1e-11  # local detailed balance
    assert (current["work"] == current["control_work"] + current["chemical_work"]).all()
    change = current["state_final"] - current["state_initial"]
    assert (current["particles_left"] + current["particles_right"] == change).all()


def test_the_driven_ring():
    propagator = made(RING, DRIVEN, RAMP, seed=21)
    columns = propagator.run(0, 40_000).columns
    assert abs(z_score(columns["housekeeping_entropy"], 1.939193)) < SURE
    assert abs(z_score(columns["hatano_sasa"], 0.078889)) < SURE
    assert abs(z_score(np.exp(-columns["hatano_sasa"]), 1.0)) < SURE
    for level, probability in enumerate((0.609770, 0.107318, 0.282913)):
        assert abs(z_score(columns["state_final"] == level, probability)) < SURE
    assert residual(columns) < 1e-12
    assert np.abs(columns["log_ratio"] - columns["entropy_flow"]).max() < 1e-11


def test_relaxation_and_a_pure_start():
    """Catalogue A6, A12, E15."""
    protocol = Protocol([Hold(2.0)], beta=2.0, gap=1.0)
    mixed = made(PAIR, PHONONS, protocol, initial=Populations(ground=0.1, excited=0.9)).run(0, 40_000).columns
    assert abs(z_score(mixed["activity"], 2.0 * 0.551531)) < SURE
    start, n = np.array([0.1, 0.9]), 1 / (np.exp(2.0) - 1)
    end = expm(2.0 * np.array([[-n, n + 1], [n, -n - 1]])) @ start
    assert abs(z_score(mixed["state_final"] == 1, end[1])) < SURE
    total = mixed["entropy_flow"] + np.log(start)[mixed["state_initial"]] - np.log(end)[mixed["state_final"]]
    assert abs(z_score(total, 1.588326)) < SURE
    assert abs(z_score(np.exp(-total), 1.0)) < SURE
    pure = made(PAIR, PHONONS, protocol, initial=Point(state="excited")).run(0, 40_000).columns
    end = expm(2.0 * np.array([[-n, n + 1], [n, -n - 1]])) @ [0.0, 1.0]
    total = pure["entropy_flow"] - np.log(end)[pure["state_final"]]
    assert abs(z_score(total, 2.109943)) < SURE
    assert abs(z_score(np.exp(-total), 0.123815)) < SURE


def test_dimensionless_work_at_a_moving_temperature():
    """<exp(-W~)> = Z_end / Z_start, which work over a temperature would miss."""
    protocol = Protocol([Thermostatic(1.0, beta=(1.0, 2.5), gap=(0.5, 1.5))], beta=1.0)
    columns = made(PAIR, PHONONS, protocol, initial=Equilibrium()).run(0, 40_000).columns
    expected = (1 + np.exp(-2.5 * 1.5)) / (1 + np.exp(-0.5))
    assert abs(z_score(np.exp(-columns["dimensionless_work"]), expected)) < SURE
    assert abs(z_score(np.exp(-columns["work"]), expected)) > SURE  # the control


# ---- rates that move, against slow twins


def escape(t):
    """Rate out of the full dot while eps = 3 - 4 t, at beta = 2, from one lead of rate 1.5."""
    return 1.5 / (1.0 + np.exp(-2.0 * (3.0 - 4.0 * np.asarray(t))))


FALL = Protocol([Isothermal(1.5, eps=(3.0, -3.0))], beta=2.0, V=0.0)
ONE_LEAD = MarkovJump([Lead("left", on="empty -> full", rate=1.5, mu="0")])


def first_times(block, count):
    """The first jump of each trajectory, the duration where there is none."""
    whose, at = np.unique(block.jumps["trajectory"], return_index=True)
    times = np.full(count, 1.5)
    times[whose] = block.jumps["time"][at]
    return times


def survived(times):
    return np.exp([-quad(escape, 0.0, t, epsabs=1e-10)[0] for t in times])


def test_waiting_times_at_moving_rates():
    count = 2000
    block = made(dynamics=ONE_LEAD, protocol=FALL, initial=Point(state="full"), paths=count).run(0, count)
    times = first_times(block, count)
    ended = times < 1.5
    still_there = survived([1.5])[0]
    assert abs(z_score(ended, 1.0 - still_there)) < SURE
    law = np.linspace(0.0, 1.5, 400)
    cdf = (1.0 - survived(law)) / (1.0 - still_there)
    found = kstest(times[ended], lambda t: np.interp(t, law, cdf))  # interpolated to 1e-5
    assert found.pvalue > UNLIKELY
    frozen = reference_jumps.first_jump_at_frozen_rates(escape, count, np.random.default_rng(3))
    assert kstest(frozen[frozen < 1.5], lambda t: np.interp(t, law, cdf)).pvalue < UNLIKELY  # the control


def twin_of_ramp(count):
    """The driven ring by thinning; no rate above exp(3/2), two ways out."""

    def energies(t):
        return np.stack([np.zeros_like(t), t, np.full_like(t, 0.5)], axis=1)

    def rate(i, j, push):
        return lambda t: np.exp(
            (energies(np.atleast_1d(t))[:, i] - energies(np.atleast_1d(t))[:, j] + push) / 2
        )

    ways = [(0, 1), (1, 2), (2, 0)]
    channels = [reference_jumps.Channel(i, j, b, rate(i, j, 1.0), push=1.0) for b, (i, j) in enumerate(ways)]
    channels += [
        reference_jumps.Channel(j, i, b, rate(j, i, -1.0), push=-1.0) for b, (i, j) in enumerate(ways)
    ]
    states = np.zeros(count, int)
    twin = reference_jumps.thinned(
        channels, energies, lambda t: np.ones((len(t), 3)), 2.0, 9.0, states, np.random.default_rng(12)
    )
    return channels, twin


def test_the_ledger_has_the_law_of_its_slow_twin():
    count = 6000
    columns = made(RING, DRIVEN, RAMP, initial=Point(state="a")).run(0, count).columns
    channels, twin = twin_of_ramp(count)
    for name in ("work", "heat"):
        assert ks_2samp(columns[name], twin[name]).pvalue > UNLIKELY
    expected = reference_jumps.populations(channels, 3, [1.0, 0.0, 0.0], 2.0)
    for level in range(3):
        assert abs(z_score(columns["state_final"] == level, expected[level])) < SURE
        assert abs(z_score(twin["state"] == level, expected[level])) < SURE
    spread = np.hypot(columns["activity"].std(), twin["activity"].std()) / np.sqrt(count)
    assert abs(columns["activity"].mean() - twin["activity"].mean()) < SURE * spread


# ---- the same bits


def digest(*tables):
    total = hashlib.sha256()
    for table in tables:
        for name in table:
            total.update(table[name].tobytes())
    return total.hexdigest()


@pytest.mark.parametrize("protocol", [BIASED, RICH])
def test_no_cutting_changes_a_bit(protocol):
    propagator = made(protocol=protocol, initial=Point(state="full"), strokes=True)
    whole = propagator.run(0, 700)
    pieces = [propagator.run(a, b - a) for a, b in ((0, 1), (1, 258), (258, 700))]
    for table in ("columns", "strokes"):
        joined = {
            name: np.concatenate([getattr(piece, table)[name] for piece in pieces])
            for name in getattr(whole, table)
        }
        assert digest(joined) == digest(getattr(whole, table))
    more = propagator.keeping(strokes=False, paths=5, path_every=1).run(0, 700)
    assert digest(more.columns) == digest(whole.columns)
    assert set(more.jumps["trajectory"]) <= set(range(5))


def test_threads_share_a_propagator():
    propagator = made(protocol=RICH, initial=Point(state="full"))
    alone, found = digest(propagator.run(0, 500).columns), []
    threads = [
        threading.Thread(target=lambda: found.append(digest(propagator.run(0, 500).columns)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 4


# ---- tables


def test_strokes_add_up_and_join():
    block = made(protocol=RICH, initial=Point(state="full"), strokes=True).run(0, 400)
    columns, strokes = block.columns, block.strokes
    assert residual(columns) < 1e-13
    assert residual(strokes) < 1e-13
    rows = {name: values.reshape(400, 5) for name, values in strokes.items()}
    for name in ("work", "heat", "heat_left", "entropy_flow", "log_ratio", "activity", "particles_right"):
        np.testing.assert_allclose(rows[name].sum(axis=1), columns[name], rtol=0, atol=1e-12, err_msg=name)
    assert (rows["state_final"][:, :-1] == rows["state_initial"][:, 1:]).all()
    assert (rows["state_final"][:, -1] == columns["state_final"]).all()
    quenched = np.array([0.0, -0.5 - np.sin(2.1)])[rows["state_initial"][:, 1]]
    np.testing.assert_allclose(rows["work"][:, 1], quenched, atol=1e-13)
    assert not rows["activity"][:, [1, 3]].any()  # a quench, a stroke without baths
    assert not rows["particles_right"][:, 2].any()  # not connected
    assert rows["activity"][:, 4].any()
    np.testing.assert_allclose(rows["work"][:, 3], 1.5 * rows["state_initial"][:, 3], atol=1e-13)


@pytest.mark.parametrize("protocol", [BIASED, RICH])
def test_jumps_and_paths_lead_to_the_columns(protocol):
    count = 60
    propagator = made(protocol=protocol, initial=Steady(), paths=count, time_step=0.05, path_every=2)
    block = propagator.run(0, count)
    columns, jumps, paths = block.columns, block.jumps, block.paths
    channels = propagator.generator.channels
    state = columns["state_initial"].copy()
    for whose, channel, target in zip(jumps["trajectory"], jumps["channel"], jumps["state"], strict=True):
        assert channels[channel].source == state[whose]
        assert channels[channel].target == target
        state[whose] = target
    assert (state == columns["state_final"]).all()
    assert (np.bincount(jumps["trajectory"], minlength=count) == columns["activity"]).all()
    assert (np.diff(jumps["time"])[np.diff(jumps["trajectory"]) == 0] > 0.0).all()
    samples = len(paths["time"]) // count
    duration = propagator.schedule.duration
    assert paths["time"][samples - 1] == pytest.approx(
        duration - duration % 0.1 if protocol is RICH else duration
    )
    for i in range(count):
        mine = jumps["trajectory"] == i
        rows = slice(i * samples, (i + 1) * samples)
        before = np.searchsorted(jumps["time"][mine], paths["time"][rows], side="left")
        levels = np.concatenate([[columns["state_initial"][i]], jumps["state"][mine]])
        assert (paths["state"][rows] == levels[before]).all()
    if protocol is BIASED:
        np.testing.assert_allclose(paths["work"].reshape(count, -1)[:, -1], columns["work"], atol=1e-11)
        np.testing.assert_allclose(paths["heat"].reshape(count, -1)[:, -1], columns["heat"], atol=1e-11)


def test_without_a_time_step_there_are_jumps_and_no_paths():
    block = made(paths=2).run(0, 3)
    assert block.paths is None
    assert block.strokes is None
    assert set(block.jumps["trajectory"]) == {0, 1}


def test_a_reverse_run_runs_backwards():
    """Its protocol at frozen level does the opposite work; with its start, <exp(-W)> gives back the ratio."""
    there = made(PAIR, PHONONS, Protocol([Isothermal(1.0, gap=(0.2, 2.0))], beta=1.0), initial=Equilibrium())
    back = made(
        PAIR,
        PHONONS,
        Protocol([Isothermal(1.0, gap=(0.2, 2.0))], beta=1.0),
        initial=Equilibrium(),
        direction="reverse",
    )
    ratio = (1 + np.exp(-2.0)) / (1 + np.exp(-0.2))
    assert abs(z_score(np.exp(-there.run(0, 20_000).columns["work"]), ratio)) < SURE
    assert abs(z_score(np.exp(-back.run(0, 20_000).columns["work"]), 1 / ratio)) < SURE


def test_rates_without_thermodynamics_are_counted_alone():
    one_way = MarkovJump(
        [
            Rates("tick", on="empty -> full", forward="1 + eps", backward=0),
            Rates("tock", on="full -> empty", forward="1 + eps", backward=0),
        ],
        thermodynamics=False,
    )
    columns = made(DOT, one_way, Protocol([Hold(3.0)], beta=1.0, eps=1.0, V=0.0), initial=Point(state="full"))
    found = columns.run(0, 20_000).columns
    assert set(found) == {"trajectory", "status", "activity", "state_initial", "state_final"}
    assert abs(z_score(found["activity"], 6.0)) < SURE
    assert abs(z_score((found["activity"] - 6.0) ** 2, 6.0)) < SURE  # Poisson


# ---- what fails


@pytest.mark.parametrize("protocol", [BIASED, RICH])
def test_too_many_jumps_are_a_status(protocol, monkeypatch):
    monkeypatch.setattr(engine, "MOST_JUMPS", 8 if protocol is BIASED else 1)
    columns = made(protocol=protocol, initial=Point(state="full"), paths=20).run(0, 300).columns
    failed = columns["status"] == Status.TOO_MANY_JUMPS
    assert failed.any()
    assert np.isnan(columns["work"][failed]).all()
    assert np.isfinite(columns["work"][~failed]).all()
    for name in ("activity", "particles_left", "state_initial", "state_final"):
        assert (columns[name][failed] == -1).all()
        assert columns[name].dtype == np.int32
    assert (columns["activity"][~failed] >= 0).all()
    assert set(columns["status"]) <= {Status.OK, Status.TOO_MANY_JUMPS}


def test_the_limit_of_jumps_is_one_of_the_trajectory(monkeypatch):
    """Ten strokes of some 4 jumps each, none of which alone passes 24; both kernels count alike."""
    protocol = Protocol([Hold(5.0)], beta=1.0, eps=0.5, V=2.0, cycles=10)
    whole = made(protocol=protocol).run(0, 300).columns["activity"]
    assert min((whole > 40).sum(), (whole == 40).sum(), (whole < 40).sum()) >= 5
    monkeypatch.setattr(engine, "MOST_JUMPS", 40)
    current = made(protocol=protocol)
    columns = current.run(0, 300).columns
    failed = columns["status"] == Status.TOO_MANY_JUMPS
    np.testing.assert_array_equal(failed, whole > 40)
    np.testing.assert_array_equal(columns["activity"], np.where(failed, -1, whole))
    state = current.start.draw(0, 300)[0].astype(np.int64)
    np.testing.assert_array_equal(current._follow(state, 0, False)[3] == Status.TOO_MANY_JUMPS, failed)


def test_the_limit_of_jumps_counts_what_strokes_ended_with(monkeypatch):
    """Each of many strokes draws one candidate that does not happen; lanes are looked at before the end."""
    dynamics = MarkovJump([Rates("r", on="empty -> full", forward=12.0, backward=14.0)], thermodynamics=False)
    protocol = Protocol([Hold(0.5)] * 150, beta=1.0, eps=0.0, V=0.0)
    run = made(dynamics=dynamics, protocol=protocol, initial=Point(state="empty"))
    whole = run.run(0, 2_600).columns["activity"]
    monkeypatch.setattr(engine, "MOST_JUMPS", int(np.median(whole)))
    columns = run.run(0, 2_600).columns
    failed = whole > engine.MOST_JUMPS
    assert 1_000 < failed.sum() < 1_600
    np.testing.assert_array_equal(columns["status"] == Status.TOO_MANY_JUMPS, failed)
    np.testing.assert_array_equal(columns["activity"], np.where(failed, -1, whole))


NARROW = "0.1 + {}*exp(-((eps-0.5035)/0.0005)**2)"


def narrow(height):
    rate = NARROW.format(height)
    dynamics = MarkovJump([Rates("r", on="empty -> full", forward=rate, backward=rate)], thermodynamics=False)
    protocol = Protocol([Isothermal(1.0, eps=(0.0, 1.0))], beta=1.0, V=0.0)
    return made(dynamics=dynamics, protocol=protocol, initial=Point(state="empty"))


def test_a_narrow_peak_of_a_rate_is_seen():
    """Jumps go both ways at one rate, so that their number is a Poisson number of its integral."""
    activity = narrow(1000).run(0, 20_000).columns["activity"]
    expected = 0.1 + 0.5 * np.sqrt(np.pi)
    assert abs(activity.mean() - expected) < SURE * np.sqrt(expected / len(activity))


def test_a_narrow_dip_of_a_rate_below_zero_is_refused_with_channel_controls_and_time():
    with pytest.raises(
        InvalidInput, match=r"rate of r: empty -> full is negative, -.* at eps = 0\.50.*, time 0\.50"
    ):
        narrow(-1)


def test_a_break_of_balance_that_tables_see_is_refused():
    """As narrow as what tables follow, and looked at there, whoever has checked the protocol before."""
    forward = "exp(-eps)*(1 + exp(-((eps - 0.5035)/0.0005)**2))"
    dynamics = MarkovJump([Rates("r", on="empty -> full", forward=forward, backward="1")])
    protocol = Protocol([Isothermal(1.0, eps=(0.0, 1.0))], beta=1.0, V=0.0)
    with pytest.raises(InvalidInput, match=r"r: empty -> full breaks detailed balance at eps = 0\.50"):
        made(dynamics=dynamics, protocol=protocol, initial=Point(state="empty"))


def test_a_rate_below_zero_where_its_bath_is_off_has_no_steady_state():
    bath = Rates("r", on="empty -> full", forward="(1 - V)*exp(-eps)", backward="1 - V")
    dynamics = MarkovJump([bath], housekeeping=True)
    protocol = Protocol([Isothermal(1.0, eps=(0.5, 0.7)), Isolated(1.0, V="8*s*(1 - s)")], beta=1.0, V=0.0)
    with pytest.raises(InvalidInput, match="the rate of r: empty -> full is negative, "):
        made(dynamics=dynamics, protocol=protocol, initial=Point(state="empty"))


def test_energies_are_counted_from_anywhere():
    """A chemical potential of 4.5 eV at 4.2 K: the numbers are those of a scale that begins at it."""
    offset = Levels({"empty": "0", "full": "4.5 + x"}, controls="x")
    same = Levels({"empty": "0", "full": "x"}, controls="x")
    for ramp in ((-5e-4, 5e-4), (5e-4, -5e-4)):
        protocol = Protocol([Isothermal(1.0, x=ramp)], beta=2763.0)
        columns = [
            made(system, MarkovJump([Lead("l", on="empty -> full", rate=1.0, mu=mu)]), protocol)
            .run(0, 2_000)
            .columns
            for system, mu in ((offset, 4.5), (same, 0.0))
        ]
        np.testing.assert_array_equal(columns[0]["activity"], columns[1]["activity"])
        # Tables are right to 1e-12 of 4.5, and beta times that counts in each of a jump or two.
        assert columns[0]["entropy_flow"].mean() == pytest.approx(columns[1]["entropy_flow"].mean(), abs=5e-8)


def test_what_cannot_be_tabled_is_refused_when_made():
    steep = MarkovJump(
        [Rates("steep", on="empty -> full", forward="exp(eps)", backward="1")], thermodynamics=False
    )
    hot = Protocol([Hold(1.0)], beta=1.0, eps=800.0, V=0.0)
    with pytest.raises(InvalidInput, match="a rate or an energy is not finite"):
        made(DOT, steep, hot, initial=Point(state="full"))


@pytest.mark.parametrize("ramp", [(0.5, 0.5), (0.5, 0.7)])
def test_rates_that_vanish_have_the_ratio_of_detailed_balance(ramp):
    """Back into the level at beta eps = 1000 the rate is 0; what leaves it has an entropy all the same."""
    cold = Protocol([Isothermal(5.0, eps=ramp)], beta=2000.0, V=0.0)
    columns = made(protocol=cold, initial=Point(state="full")).run(0, 200).columns
    assert not columns["status"].any()
    assert columns["activity"].max() == 1
    assert np.abs(columns["log_ratio"] - columns["entropy_flow"]).max() < 1e-9
    assert columns["entropy_flow"].max() >= 1000.0


def test_a_lead_may_be_switched_on():
    """At the first instant its rates are 0, and the ratio of what they grow from is known."""
    valve = Levels({"empty": "0", "full": "eps"}, controls=("eps", "g"))
    tap = MarkovJump([Lead("left", on="empty -> full", rate="g", mu=0.0)])
    protocol = Protocol([Isothermal(1.0, g=(0.0, 2.0))], beta=1.0, eps=0.5)
    columns = made(valve, tap, protocol, initial=Point(state="full")).run(0, 20_000).columns
    filled = 1.0 / (1.0 + np.exp(0.5))
    expected = filled + (1.0 - filled) * np.exp(-1.0)  # the integral of g is 1, whatever its course
    assert abs(z_score(columns["state_final"], expected)) < SURE
    assert np.abs(columns["log_ratio"] - columns["entropy_flow"]).max() < 1e-11


# ---- the same bits on every machine

GOLDEN = "71e37544040f1dbc27e7eeec0f8595b67a580aa87844e399f71941a2582614e0"


def test_bits_are_the_golden_ones():
    assert bits_jumps.digest() == GOLDEN


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["haswell", "generic"])
def test_bits_are_the_same_on_every_processor(processor, tmp_path):
    # Without empty features Numba keeps those of this machine, and nothing is tested.
    target = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    environment = {**os.environ, **target, "FLUCTUA_CACHE_DIR": str(tmp_path)}
    script = pathlib.Path(bits_jumps.__file__)
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == GOLDEN


# ---- what is recorded


@pytest.mark.parametrize("protocol", [BIASED, RICH])
def test_records_follow_from_jumps(protocol):
    """The time spent at a level, from the table of jumps; what is taken at the end, from the columns."""
    count, record = (
        50,
        {"full_for": "integral(state == full)", "last": "final(eps*state + 1)", "all": "integral(2)"},
    )
    propagator = made(
        protocol=protocol, initial=Point(state="empty"), paths=count, record=record, strokes=True
    )
    block = propagator.run(0, count)
    columns, jumps, duration = block.columns, block.jumps, propagator.schedule.duration
    assert list(columns)[-3:] == list(record)
    for i in range(count):
        times = np.concatenate([[0.0], jumps["time"][jumps["trajectory"] == i], [duration]])
        levels = np.concatenate([[0], jumps["state"][jumps["trajectory"] == i]])
        assert columns["full_for"][i] == pytest.approx((np.diff(times) * levels).sum(), abs=1e-11)
    np.testing.assert_allclose(columns["all"], 2.0 * duration, rtol=1e-13)
    eps = propagator.schedule.end_controls[0]
    np.testing.assert_allclose(columns["last"], 1.0 + eps * columns["state_final"], rtol=1e-14)
    strokes = block.strokes["full_for"].reshape(count, -1)
    np.testing.assert_allclose(strokes.sum(axis=1), columns["full_for"], atol=1e-12)


def test_what_levels_do_not_record_is_refused():
    with pytest.raises(InvalidInput, match="is no record of levels"):
        made(record={"most": "mean(state)"})
    with pytest.raises(InvalidInput, match="not declared"):
        made(record={"x": "integral(x)"})
