"""Laws of quantum jumps: a complex field and its reverse, two temperatures, the ends of the potential.

z-scores: 4.5 in each test, 7e-6 a number, some 15 numbers. Seeds were chosen before looking.
"""

import numpy as np
import pytest

from fluctua.stochastic import twins
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Equilibrium, Populations, Steady
from fluctua.stochastic.kernels import wave_function
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.exact import exact
from fluctua.stochastic.quantum.laws import carried, populations
from fluctua.stochastic.reservoirs import BoseBath
from fluctua.stochastic.status import Status
from fluctua.stochastic.steps import Hold, Isothermal, Quench

Z_MOST = 4.5
RUN = {"seed": 71, "record": {}, "boltzmann": 1.0, "hbar": 1.0, "strokes": True, "paths": 0}
RUN |= {"path_every": 1, "finer": 1, "lanes": None, "time_step": 0.05}


def z_score(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


# ---- a field that turns like a screw, and its reverse


SCREW = Hamiltonian("cos(3*a)*X + sin(3*a)*Y + a*Z", controls="a")
THERMAL = QuantumJump([BoseBath("bath", on="0.6*X + 0.8*Y", rate=0.15)])
TURN = Protocol([Isothermal(2.0, a=(-0.8, 1.2))], beta=0.8)
COUNT = 40_000


@pytest.fixture(scope="module")
def pair():
    return [
        THERMAL.propagator(SCREW, TURN, initial=Equilibrium(), direction=direction, **RUN)
        .run(0, COUNT)
        .columns
        for direction in ("forward", "reverse")
    ]


def free_energies():
    """-ln Z at both ends: levels at plus and minus sqrt(1 + a^2)."""
    return [-np.log(2 * np.cosh(0.8 * np.sqrt(1 + a * a))) for a in (-0.8, 1.2)]


def test_jarzynski_in_both_directions(pair):
    first, last = free_energies()
    for columns, rise in zip(pair, (last - first, first - last), strict=True):
        assert columns["activity"].any()
        assert abs(z_score(np.exp(-columns["dimensionless_work"]), np.exp(-rise))) < Z_MOST
        assert abs(z_score(np.exp(-columns["dimensionless_work"]), np.exp(rise))) > Z_MOST  # the control


def joint(columns, first, last, weights):
    return ((columns["state_initial"] == first) & (columns["state_final"] == last)) * weights


def test_crooks_from_each_level_to_each(pair):
    """<exp(-(W~ - Delta)) from i to j> is how often the reverse goes from j to i."""
    forward, reverse = pair
    first, last = free_energies()
    weights = np.exp(-forward["dimensionless_work"] + last - first)
    for i in (0, 1):
        for j in (0, 1):
            there, back = joint(forward, i, j, weights), joint(reverse, j, i, 1.0)
            error = np.hypot(there.std(), back.std()) / np.sqrt(COUNT)
            assert abs(there.mean() - back.mean()) < Z_MOST * error


def test_the_reverse_is_turned(pair):
    """The last level of the reverse follows its exact law; the field run back without a turn does not."""
    law = exact(SCREW, THERMAL, TURN, time_step=0.05, direction="reverse").populations[-1]
    found = pair[1]["state_final"] == 0
    assert abs(z_score(found, law[0])) < Z_MOST
    schedule = TURN.schedule(0.05, SCREW.controls, THERMAL.bath_names, 1.0).reversed()
    odds = {}
    for turned in (True, False):
        model = THERMAL.model(SCREW, turned=turned)
        odds[turned] = carried(model, schedule, populations(Equilibrium(), model, schedule))
    np.testing.assert_allclose(odds[True], law, atol=1e-9)
    assert abs(odds[False][0] - law[0]) > 0.01
    assert abs(z_score(found, odds[False][0])) > Z_MOST


def test_a_pure_start_misses_what_the_turned_reverse_brings_elsewhere():
    """<exp(-S)> = 1 - (how often the reverse ends where no forward run starts), the reverse being turned."""
    pure = Populations(level_0=1.0, level_1=0.0)
    schedule = TURN.schedule(0.05, SCREW.controls, THERMAL.bath_names, 1.0)
    columns = THERMAL.propagator(SCREW, TURN, initial=pure, direction="forward", **RUN).run(0, COUNT).columns
    entropy = columns["entropy_flow"] + THERMAL.boundary(SCREW, schedule, pure, columns.__getitem__)
    weight = THERMAL.irreversible_weight(SCREW, schedule, pure)
    assert abs(z_score(np.exp(-entropy), 1.0 - weight)) < Z_MOST
    last = THERMAL.border_populations(SCREW, schedule, pure)[1]
    other = carried(THERMAL.model(SCREW), schedule.reversed(), last)[1]
    assert abs(z_score(np.exp(-entropy), 1.0 - other)) > 10.0  # the control: not turned


# ---- two temperatures


QUBIT = Hamiltonian("X/2 + e/2*Z", controls="e")
BETA = {"cold": 1.0, "hot": 0.4}
KEPT = QuantumJump([BoseBath("cold", rate=0.3), BoseBath("hot", rate=0.2)], housekeeping=True)


def test_entropy_flows_with_heat_at_each_temperature():
    protocol = Protocol([Isothermal(3.0, e=(-2.0, 1.0)), Quench(e=0.3), Hold(2.0, baths=["hot"])], beta=BETA)
    block = KEPT.propagator(QUBIT, protocol, initial=Steady(), direction="forward", **RUN).run(0, 2000)
    for table in (block.columns, block.strokes):
        assert table["heat_cold"].std() > 0.1
        assert table["heat_hot"].std() > 0.1
        flow = -(BETA["cold"] * table["heat_cold"] + BETA["hot"] * table["heat_hot"])
        np.testing.assert_allclose(table["entropy_flow"], flow, rtol=0.0, atol=1e-12)
        np.testing.assert_allclose(table["log_ratio"], flow, rtol=0.0, atol=1e-12)
    assert (block.columns["status"] == Status.OK).all()


def steady(e):
    """The two baths at one gap: all that goes up over all that goes down."""
    gap = np.sqrt(1.0 + e * e)
    number = {name: 1.0 / np.expm1(beta * gap) for name, beta in BETA.items()}
    up = 0.3 * number["cold"] + 0.2 * number["hot"]
    return np.array([up + 0.5, up]) / (2.0 * up + 0.5)


def test_the_potential_of_each_end_is_its_own():
    """<exp(-Y) at level j> is the last steady state, and without a jump Y is what -ln pi grows by."""
    protocol = Protocol([Isothermal(3.0, e=(-3.0, 0.5))], beta=BETA)
    found = {}
    for initial in (Steady(), Populations(level_0=0.5, level_1=0.5)):
        run = KEPT.propagator(QUBIT, protocol, initial=initial, direction="forward", **RUN)
        columns = run.run(0, COUNT).columns
        weights = [np.exp(-columns["hatano_sasa"]) * (columns["state_final"] == level) for level in (0, 1)]
        found[initial.kind] = [abs(z_score(*both)) for both in zip(weights, steady(0.5), strict=True)]
        quiet = columns["activity"] == 0
        before, after = columns["state_initial"][quiet], columns["state_final"][quiet]
        rise = np.log(steady(-3.0))[before] - np.log(steady(0.5))[after]
        np.testing.assert_allclose(columns["hatano_sasa"][quiet], rise, rtol=0.0, atol=1e-12)
    assert max(found["Steady"]) < Z_MOST
    assert max(found["Populations"]) > 10.0  # the control


# ---- a search that misses


def crossed(monkeypatch, *, off=0.0, before=1.0, slot=4):
    """Run the kernel's text of a move in which the norm falls from `before`; the search leaves it beside 0.6.

    Returns the next threshold, whether a flaw is noted, and the number of jumps.
    """
    instants = iter([0.5, -1.0])

    def meet(*given):
        threshold, _series, x, _y = given[-4:]
        x[0] = np.sqrt(threshold * (1.0 + off))
        return next(instants)

    rows = {name: k for k, name in enumerate(("ACTIVITY", "FLAW", "ENTROPY_FLOW", "_", "_", "HEAT"))}
    sizes = {
        "D": 1,
        "R": 1,
        "P": 1,
        "SMALL": ~0,
        "NEAR": 0.0,
        "LOST": 1e-6,
        "LESS": 0.5,
        "EXPANSIONS": 0,
        "SLOTS": 0,
        "GAINS": 0,
        "ADJOINTS": 0,
        "VECTORS": 0,
    }
    bits = {name: np.uint64(4) for name in ("HALF", "LOW_HALF", "TAG_LENGTH")}
    functions = {
        "np": np,
        "meet": meet,
        "copy": twins.copy,
        "expand": lambda *_: before,
        "product": lambda *_: None,
        "dot": lambda x, y: x[0] * y[0],
        "jump": lambda *_: (slot, 0),
        "philox": lambda *_: [np.uint64(0)] * 4,
        "uniform": lambda _: 0.25,
        "fma": lambda a, b, c: a * b + c,
    }
    for name, value in {**rows, **sizes, **bits, **functions}.items():
        monkeypatch.setattr(wave_function, name, value, raising=False)
    numbers, ledger, x, tally = np.ones(40, np.int64), np.zeros(8), np.zeros(1), np.zeros(1, np.int64)
    nothing = np.zeros(40)
    threshold = wave_function.cross(
        numbers, nothing, 0, 0, ledger, x, x, nothing, nothing, np.zeros((0, 3)), nothing, tally, 0,
        np.uint64(0), 0.0, 0.6, np.uint64(0), np.uint64(0), np.uint64(0),
    )  # fmt: skip
    return threshold, ledger[rows["FLAW"]] > 0.0, tally[0]


@pytest.mark.parametrize(("off", "flawed"), [(0.0, False), (1e-7, False), (1e-4, True), (np.nan, True)])
def test_a_jump_where_the_norm_misses_its_threshold_is_a_failure(monkeypatch, off, flawed):
    assert crossed(monkeypatch, off=off) == ((0.0, True, 0) if flawed else (0.25, False, 1))


@pytest.mark.parametrize(("fallen", "flawed"), [(0.0, False), (1e-7, False), (1e-4, True)])
def test_where_nothing_can_jump_a_norm_may_fall_by_rounding_alone(monkeypatch, fallen, flawed):
    expected = (0.0, True, 0) if flawed else (0.5 * 0.6, False, 0)  # on with a lower threshold, and no jump
    assert crossed(monkeypatch, before=0.6 * (1.0 + fallen), slot=0) == expected
