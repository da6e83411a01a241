"""Laws that the ledger of jumps obeys in each trajectory, at rates that stand still and at rates that move.

z-scores: 4.5 is exceeded by chance once in 150,000, and some 25 are asked: one false alarm in 6,000.
"""

import numpy as np
import pytest

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.initial import Point, Populations, Steady
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.engine import MarkovPropagator
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.reservoirs import Lead, Rates
from fluctua.stochastic.status import Status
from fluctua.stochastic.steps import Hold, Isolated, Isothermal, Quench, Thermostatic

SURE = 4.5
ROUNDING = 1e-11

DOT = Levels({"empty": "0.3", "full": "0.3 + eps"}, controls=("eps", "V"))
BOTH = [
    Lead("left", on="empty -> full", rate=1.0, mu="0.2 + V/2"),
    Lead("right", on="empty -> full", rate=1.4, mu="0.2 - V/2"),
]
LEADS = MarkovJump(BOTH, housekeeping=True)
MU = {"left": lambda v: 0.2 + v / 2, "right": lambda v: 0.2 - v / 2}
BETA = {"left": 0.7, "right": 1.6}

STILL = Protocol(
    [Hold(1.0), Quench(eps=-0.5), Hold(0.8, baths=["left"]), Quench(eps=1.0, V=0.4), Hold(1.0)],
    beta=BETA,
    eps=0.5,
    V=1.0,
)
RAMPS = Protocol(
    [
        Isothermal(1.0, eps=(0.5, -0.5)),
        Isothermal(0.8, baths=["left"], V=(1.0, 0.2)),
        Quench(eps=1.0),
        Hold(1.0),
    ],
    beta=BETA,
    eps=0.5,
    V=1.0,
)
HEATED = Protocol(
    [
        Isothermal(1.0, eps="0.5*cos(3*t)", V=(1.0, 0.4)),
        Thermostatic(1.0, beta={"left": (0.7, 1.5), "right": (1.6, 0.4)}),
    ],
    beta=BETA,
    eps=0.5,
    V=1.0,
)


def made(protocol, system=DOT, dynamics=LEADS, **more):
    return MarkovPropagator(system, dynamics, protocol, **({"seed": 61, "initial": Steady()} | more))


def z_score(values, expected):
    return (np.mean(values) - expected) / (np.std(values, ddof=1) / np.sqrt(len(values)))


def equal(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=ROUNDING)


# ---- leads at two temperatures


def by_hand(block, propagator, count):
    """The ledger from the list of jumps, with energies, potentials and temperatures at their instants."""
    schedule, jumps = propagator.schedule, block.jumps
    names = ("energy", "heat", "particles")
    found = {f"{name}_{lead}": np.zeros(count) for name in names for lead in MU} | {
        "entropy_flow": np.zeros(count)
    }
    for whose, time, channel, level in zip(
        *(jumps[name] for name in ("trajectory", "time", "channel", "state")), strict=True
    ):
        stroke = int(np.searchsorted(schedule.borders, time, side="right")) - 1
        place = (time - schedule.borders[stroke]) / schedule.durations[stroke]
        controls, beta = schedule.values(stroke, np.array([place]))
        lead = propagator.channel_names[channel].partition(":")[0]
        number, (eps, v) = (1 if level == 1 else -1), controls[0]
        heat = number * (eps - MU[lead](v))
        found[f"energy_{lead}"][whose] += number * eps
        found[f"heat_{lead}"][whose] += heat
        found[f"particles_{lead}"][whose] += number
        found["entropy_flow"][whose] -= beta[0, list(MU).index(lead)] * heat
    return found


@pytest.mark.parametrize("protocol", [STILL, RAMPS, HEATED], ids=["still", "ramps", "heated"])
def test_the_ledger_is_that_of_the_jumps_listed(protocol):
    count = 150
    propagator = made(protocol, paths=count)
    block = propagator.run(0, count)
    columns, found = block.columns, by_hand(block, propagator, count)
    assert columns["activity"].sum() > 100
    for name, expected in found.items():
        equal(columns[name], expected)
    equal(columns["entropy_flow"], columns["log_ratio"])
    equal(columns["work"], columns["energy_change"] - found["heat_left"] - found["heat_right"])
    bare = np.array([0.3, 0.3])  # energies at controls 0
    gained = bare[columns["state_final"]] - bare[columns["state_initial"]]
    equal(columns["exclusive_work"] + columns["heat"], gained)


@pytest.mark.parametrize("protocol", [STILL, RAMPS], ids=["still", "ramps"])
def test_entropy_flows_with_heat_at_each_temperature(protocol):
    columns = made(protocol).run(0, 2000).columns
    for lead in MU:
        assert columns[f"heat_{lead}"].std() > 0.1
    equal(columns["entropy_flow"], -sum(BETA[lead] * columns[f"heat_{lead}"] for lead in MU))
    equal(columns["entropy_flow"], columns["log_ratio"])


@pytest.mark.parametrize(("v", "protocol"), [(1.0, [Hold(2.0)]), (1.0, [Isothermal(2.0, eps=(0.5, -1.0))])])
def test_energy_of_a_lead_is_heat_and_what_particles_bring(v, protocol):
    columns = made(Protocol(protocol, beta=BETA, eps=0.5, V=v)).run(0, 2000).columns
    for lead, mu in MU.items():
        particles = columns[f"particles_{lead}"]
        assert particles.any()
        equal(columns[f"energy_{lead}"], columns[f"heat_{lead}"] + mu(v) * particles)


# ---- a ring driven by forces, at any temperature


ENERGIES = {"a": "0", "b": "E", "c": "0.5"}
RING = Levels(ENERGIES, controls="E")


def bond(name, i, j):
    rise = f"beta*(({ENERGIES[j]}) - ({ENERGIES[i]}) - 1)/2"
    return Rates(name, on=f"{i} -> {j}", forward=f"exp(-({rise}))", backward=f"exp({rise})", work=1.0)


DRIVEN = MarkovJump([bond("ab", "a", "b"), bond("bc", "b", "c"), bond("ca", "c", "a")])
STEPWISE = [Hold(0.7), Quench(E=1.5), Hold(0.6), Quench(beta=1.8), Hold(0.5), Quench(E=0.4)]
GIVEN = Populations(a=0.2, b=0.5, c=0.3)


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        (STEPWISE, (1.8, 0.4)),
        ([Thermostatic(1.0, beta=(0.8, 1.8), E=(-0.6, 1.5)), Quench(E=0.4)], (1.8, 0.4)),
    ],
    ids=["still", "moving"],
)
def test_dimensionless_work_and_exclusive_work(steps, last):
    """Delta(beta E) = W~ - entropy flow; W_0 = Delta E_0 - Q, and none of it at a quench."""
    protocol = Protocol(steps, beta=0.8, E=-0.6)
    block = made(protocol, RING, DRIVEN, initial=GIVEN, strokes=True).run(0, 1000)
    columns, strokes = block.columns, block.strokes
    first = 0.8 * np.array([0.0, -0.6, 0.5])[columns["state_initial"]]
    final = last[0] * np.array([0.0, last[1], 0.5])[columns["state_final"]]
    equal(columns["dimensionless_work"], final - first + columns["entropy_flow"])
    equal(columns["entropy_flow"], columns["log_ratio"])
    assert columns["force_work"].std() > 0.1
    equal(columns["force_work"], np.round(columns["force_work"]))  # 1 a jump, there or back
    bare = np.array([0.0, 0.0, 0.5])
    for table in (columns, strokes):
        gained = bare[table["state_final"]] - bare[table["state_initial"]]
        equal(table["exclusive_work"], gained - table["heat"])
    quenched = {name: values.reshape(1000, -1)[:, -1] for name, values in strokes.items()}
    equal(quenched["exclusive_work"], 0.0)
    rise = last[1] - 1.5
    equal(quenched["work"], rise * (quenched["state_initial"] == 1))


def test_dimensionless_work_of_a_lead_whose_potential_moves():
    protocol = Protocol([Thermostatic(1.0, beta=(0.8, 1.8), V=(1.0, -0.5), eps=(0.0, 0.7))], beta=0.8)
    columns = made(protocol, dynamics=MarkovJump(BOTH[:1])).run(0, 1000).columns
    first = 0.8 * (0.3 + columns["state_initial"] * (0.0 - 0.7))
    final = 1.8 * (0.3 + columns["state_final"] * (0.7 + 0.05))
    equal(columns["dimensionless_work"], final - first + columns["entropy_flow"])


# ---- baths that switch: the split of entropy


def steady(leads, eps, v, beta=BETA):
    """Of the dot: the chance to be full is the mean of the leads' Fermi functions, by their rates."""
    rate = {"left": 1.0, "right": 1.4}
    fermi = {lead: 1 / (1 + np.exp(beta[lead] * (eps - MU[lead](v)))) for lead in leads}
    full = sum(rate[lead] * fermi[lead] for lead in leads) / sum(rate[lead] for lead in leads)
    return np.array([1 - full, full])


def ends_of(columns):
    """Give exp(-Y) of trajectories that end at each level, 0 of the others."""
    return [np.exp(-columns["hatano_sasa"]) * (columns["state_final"] == level) for level in (0, 1)]


def assert_ends_steady(columns, last):
    """From the first steady state exp(-Y) leads to the last one, level by level: the sum may hide a fault."""
    for weights, probability in zip(ends_of(columns), last, strict=True):
        assert abs(z_score(weights, probability)) < SURE


SWITCHED = [
    Isolated(0.3, eps=(0.5, -0.8)),
    Hold(1.0),
    Hold(0.8, baths=["left"]),
    Quench(eps=1.2),
    Hold(0.8, baths=["right"]),
    Quench(eps=-0.6),
    Hold(0.8),
]
MOVED = [
    Isolated(0.3, eps=(0.5, -0.8)),
    Isothermal(1.0, eps=(-0.8, 0.0)),
    Isothermal(0.8, baths=["left"], eps=(0.0, 1.2)),
    Isothermal(0.8, baths=["right"], eps=(1.2, -0.6)),
    Hold(0.8),
]


@pytest.mark.parametrize("steps", [SWITCHED, MOVED], ids=["still", "moving"])
def test_the_split_of_entropy_where_baths_switch(steps):
    protocol, last = Protocol(steps, beta=BETA, eps=0.5, V=1.5), steady(MU, -0.6, 1.5)
    columns = made(protocol).run(0, 40_000).columns
    assert columns["housekeeping_entropy"].std() > 0.05
    assert abs(z_score(np.exp(-columns["housekeeping_entropy"]), 1.0)) < SURE
    assert_ends_steady(columns, last)
    other = made(protocol, initial=Point(state="full")).run(0, 40_000).columns
    assert max(abs(z_score(*pair)) for pair in zip(ends_of(other), last, strict=True)) > 10.0  # the control


def test_a_trajectory_without_jumps_has_the_growth_of_the_potential_alone():
    """At frozen level, Y is the growth of -ln pi from the first baths' steady state to the last one's."""
    for steps in (SWITCHED, MOVED):
        columns = made(Protocol(steps, beta=BETA, eps=0.5, V=1.5)).run(0, 3000).columns
        quiet = columns["activity"] == 0
        assert quiet.sum() > 20
        rise = np.log(steady(MU, 0.5, 1.5)) - np.log(steady(MU, -0.6, 1.5))
        equal(columns["hatano_sasa"][quiet], rise[columns["state_initial"][quiet]])


# ---- strokes that differ in one thing


def test_strokes_of_one_name_before_other_baths():
    """The last quench of a cycle leads to the steady state of the left lead, that of the run to the right."""
    steps = [Hold(0.8, baths=["left"]), Quench(eps=0.5), Hold(0.8, baths=["right"]), Quench(eps=-1.0)]
    columns = made(Protocol(steps, beta=BETA, eps=-1.0, V=1.5, cycles=2)).run(0, 40_000).columns
    assert_ends_steady(columns, steady(["right"], -1.0, 1.5))
    quiet = columns["activity"] == 0
    rise = np.log(steady(["left"], -1.0, 1.5)) - np.log(steady(["right"], -1.0, 1.5))
    equal(columns["hatano_sasa"][quiet], rise[columns["state_initial"][quiet]])


@pytest.mark.parametrize("kind", [Hold, Isothermal])
def test_strokes_that_differ_in_their_temperature_alone(kind):
    ramp = {} if kind is Hold else {"eps": "0.5 + 0.3*sin(pi*s)"}
    steps = [kind(0.9, **ramp), Quench(beta={"left": 2.0, "right": 0.3}), kind(0.9, **ramp)]
    strokes = made(Protocol(steps, beta=BETA, eps=0.5, V=1.0), strokes=True).run(0, 1000).strokes
    rows = {name: values.reshape(1000, 3) for name, values in strokes.items()}
    for stroke, (left, right) in ((0, BETA.values()), (2, (2.0, 0.3))):
        heat = left * rows["heat_left"][:, stroke] + right * rows["heat_right"][:, stroke]
        equal(rows["entropy_flow"][:, stroke], -heat)
        assert rows["activity"][:, stroke].any()


# ---- failures


def test_an_exit_without_a_channel_is_a_failure():
    """Hazards that say that a level is left, and rates of 0: no number of such a trajectory is told."""
    propagator = made(RAMPS, initial=Point(state="full"))
    *tables, channels, baths = propagator.tables.pieces
    propagator.tables.__dict__["pieces"] = (*tables, np.zeros_like(channels), baths)
    columns = propagator.run(0, 400).columns
    failed = columns["status"] == Status.NON_FINITE
    assert failed.any()
    assert np.isnan(columns["heat"][failed]).all()
    assert (columns["activity"][failed] == -1).all()
