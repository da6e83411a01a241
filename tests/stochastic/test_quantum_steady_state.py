"""Quantum jumps at long times: published numbers, the classical companion, and growth at finite times."""

import math

import numpy as np
import pytest

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Populations
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov import exact as classical
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.exact import exact
from fluctua.stochastic.quantum.generator import generator
from fluctua.stochastic.reservoirs import BoseBath, LocalBath
from fluctua.stochastic.steps import Hold, Isolated, Isothermal
from fluctua.stochastic.systems.driven_atom import driven_atom, emission_rate, mandel_parameter

ROUNDING = 1e-12
ATOM = QuantumJump([LocalBath("light", on="M", rate=1.0, reverse=False)])


def fluorescing(rabi, duration=1.0):
    protocol = Protocol([Hold(duration)], beta=1.0)
    return exact(
        driven_atom(rabi),
        ATOM,
        protocol,
        time_step=duration / 10,
        initial=Populations(level_0=1.0, level_1=0.0),
    )


@pytest.mark.parametrize("rabi", [0.5, math.sqrt(0.5), 2.0])
def test_resonance_fluorescence(rabi):
    """E11: the rate of photons and Mandel's Q, which is least at Omega = gamma / sqrt(2)."""
    steady = fluorescing(rabi).steady()
    assert steady.mean("activity") == pytest.approx(emission_rate(rabi), abs=ROUNDING)
    assert steady.fano("activity") - 1.0 == pytest.approx(mandel_parameter(rabi), abs=ROUNDING)
    assert steady.activity == pytest.approx(steady.mean("light: down"), abs=ROUNDING)
    np.testing.assert_allclose(steady.fluxes, [emission_rate(rabi)], atol=ROUNDING)
    excited = steady.state[0, 0].real
    assert excited == pytest.approx(rabi**2 / (1.0 + 2.0 * rabi**2), abs=ROUNDING)
    np.testing.assert_allclose(steady.populations, 0.5, atol=ROUNDING)


def test_growth_at_finite_times():
    """ln<exp(s n)> of twice the time less that of it: what is left decays with the gap of the tilted one."""
    time = 100.0
    short, long = fluorescing(0.8, time), fluorescing(0.8, 2.0 * time)
    steady = short.steady()
    for s in (-1.0, 0.5):
        first, second = np.sort(np.linalg.eigvals(steady._tilted({"activity": s})).real)[:-3:-1]
        left = np.exp((second - first) * time)
        assert left < 1e-9
        there, here = (run.log_generating_function({"activity": s}) for run in (long, short))
        found = steady.scaled_generating_function({"activity": s})
        assert (there - here) / time == pytest.approx(found, abs=left + ROUNDING)
    slope = (long.variance("activity") - short.variance("activity")) / time
    assert slope == pytest.approx(steady.variance("activity"), abs=1e-10)


def edge(a, b, d=3):
    matrix = np.zeros((d, d))
    matrix[a, b] = matrix[b, a] = 1.0
    return matrix


HOT = {"hot": 0.2, "cold": 1.0, "field": 0.01}


def both(energies, edges, beta):
    """Return the same system twice: levels with rates, and a Hamiltonian with operators."""
    names = [f"level_{k}" for k in range(len(energies))]
    steps = [Hold(1.0)]
    rates = {"hot": 0.3, "cold": 0.4, "field": 0.7}
    levels = Levels({name: str(energy) for name, energy in zip(names, energies, strict=True)})
    jumps = [BoseBath(k, on=f"{names[a]} -> {names[b]}", rate=rates[k]) for k, (a, b) in edges.items()]
    populations = {name: 1.0 / len(names) for name in names}
    protocol = Protocol(steps, beta=beta)
    one = classical.exact(levels, MarkovJump(jumps), protocol, initial=Populations(**populations))
    d = len(energies)
    operators = {f"on_{k}": edge(a, b, d) for k, (a, b) in edges.items()}
    system = Hamiltonian("n", operators={"n": np.diag(energies), **operators})
    baths = [BoseBath(k, on=f"on_{k}", rate=rates[k]) for k in edges]
    other = exact(system, QuantumJump(baths), protocol, time_step=0.05, initial=Populations(**populations))
    return one.steady(), other.steady()


SYSTEMS = {
    "a thermal qubit": ([0.0, 1.3], {"hot": (0, 1)}, 0.7),
    "a qubit between two baths": (
        [0.0, 1.3],
        {"hot": (0, 1), "cold": (0, 1)},
        {k: HOT[k] for k in ("hot", "cold")},
    ),
    "a maser": ([0.0, 2.0, 5.0], {"hot": (0, 2), "cold": (0, 1), "field": (1, 2)}, HOT),
}


@pytest.mark.parametrize("which", SYSTEMS)
def test_populations_that_jump_are_classical(which):
    one, other = both(*SYSTEMS[which])
    baths = list(SYSTEMS[which][1])
    heats = [f"heat_{bath}" for bath in baths] if len(baths) > 1 else []
    np.testing.assert_allclose(other.populations, one.populations, atol=ROUNDING)
    assert other.entropy_production == pytest.approx(one.entropy_production, abs=ROUNDING)
    names = ["activity", "heat", "entropy_flow", "log_ratio", "hot: level_1 -> level_0", *heats]
    if which == "a maser":
        names[4] = "hot: level_2 -> level_0"
    for name in names:
        assert other.mean(name) == pytest.approx(one.mean(name), abs=ROUNDING)
        assert other.variance(name) == pytest.approx(one.variance(name), abs=1e-11)
        for s in (-0.4, 0.2):
            fields = {name: s}
            assert other.scaled_generating_function(fields) == pytest.approx(
                one.scaled_generating_function(fields), abs=1e-11
            )
        x, rate = other.rate_function(name, [-0.4, 0.0, 0.2])
        slow = one.rate_function(name, [-0.4, 0.0, 0.2])
        np.testing.assert_allclose((x, rate), slow, atol=1e-10)
    assert other.fano("activity") == pytest.approx(one.fano("activity"), abs=1e-11)
    assert other.covariance("activity", names[4]) == pytest.approx(
        one.covariance("activity", names[4]), abs=1e-11
    )
    for heat in heats:
        assert other.uncertainty_product(heat) == pytest.approx(one.uncertainty_product(heat), rel=1e-9)
        assert other.uncertainty_product(heat) >= 2.0


def test_the_maser_obeys_the_symmetry_of_its_entropy():
    """The affinity of the way round: heat of the hot bath alone carries it."""
    steady = both(*SYSTEMS["a maser"])[1]
    mu, mirrored = steady.symmetry({"log_ratio": 0.3}, {"log_ratio": 1.0})
    assert mu == pytest.approx(mirrored, abs=ROUNDING)
    assert abs(mu - steady.scaled_generating_function({"log_ratio": -0.7})) > 1e-3


@pytest.mark.parametrize("measured", [False, True])
def test_the_power_of_a_field_in_the_rotating_frame(measured):
    """A maser: what the field puts in, i <[V, H_0]>, is minus the heat; quantum_heat, or work if measured."""
    operators = {"field": 0.5 * edge(1, 2), "h": np.triu(edge(0, 2)), "c": np.triu(edge(0, 1))}
    baths = [
        LocalBath("hot", on="h", rate=0.2, quantum=5.0),
        LocalBath("cold", on="c", rate=0.3, quantum=2.0),
    ]
    run = exact(
        Hamiltonian("field", operators=operators),
        QuantumJump(baths, measured=measured),
        Protocol([Hold(200.0)], temperature={"hot": 10.0, "cold": 1.0}),
        time_step=20.0,
        initial=Populations(level_0=0.0, level_1=1.0, level_2=0.0),
    )
    steady, levels = run.steady(), np.diag([0.0, 2.0, 5.0])
    turning = operators["field"] @ levels - levels @ operators["field"]
    power = (1j * np.trace(turning @ steady.state)).real
    assert power == pytest.approx(-steady.mean("heat"), abs=ROUNDING)
    assert power < -0.1  # it puts out work
    found = run.mean("work" if measured else "quantum_heat")
    # Energies of the levels and of the field are 5.5 apart at most at either end.
    assert found == pytest.approx(200.0 * power, abs=11.0)
    if not measured:
        assert run.mean("work") == 0.0


MIXED = QuantumJump(
    [
        LocalBath("light", on="M", rate=0.8, quantum=1.0),
        BoseBath("phonons", on="X + 0.4*Z", rate=0.3, dephasing=0.2),
    ]
)
QUBIT = Hamiltonian("a/2*X + w/2*Z + a/5*Y", controls=("a", "w"))


def mixed(steps, **words):
    protocol = Protocol(steps, beta={"light": 0.6, "phonons": 1.4}, a=0.7, w=1.0)
    return exact(
        QUBIT, MIXED, protocol, time_step=0.05, initial=Populations(level_0=0.5, level_1=0.5), **words
    )


def test_derivatives_of_the_generating_function():
    """Mean, covariance and slope with coherence and complex operators, by differences to the order s^2."""
    steady = mixed([Hold(1.0)]).steady()
    assert np.abs(steady.state - np.diag(np.diag(steady.state))).max() > 0.01
    s = 1e-3

    def mu(one, two):
        return steady.scaled_generating_function({"heat_light": one, "activity": two})

    assert (mu(s, 0) - mu(-s, 0)) / (2 * s) == pytest.approx(steady.mean("heat_light"), abs=10 * s**2)
    crossed = (mu(s, s) - mu(s, -s) - mu(-s, s) + mu(-s, -s)) / (4 * s**2)
    assert crossed == pytest.approx(steady.covariance("heat_light", "activity"), abs=10 * s**2)
    assert crossed == pytest.approx(steady.covariance("activity", "heat_light"), abs=10 * s**2)
    assert abs(crossed) > 0.01
    x, rate = steady.rate_function("heat_light", [0.3])
    assert x[0] == pytest.approx((mu(0.3 + s, 0) - mu(0.3 - s, 0)) / (2 * s), abs=10 * s**2)
    assert rate[0] == pytest.approx(0.3 * x[0] - mu(0.3, 0), abs=ROUNDING)
    assert rate[0] > 0.0
    assert steady.mean("work") == pytest.approx(-steady.mean("heat"), abs=ROUNDING)
    assert steady.spectrum[0] == pytest.approx(0.0, abs=ROUNDING)
    assert (np.diff(steady.spectrum.real) <= 0.0).all()


def test_the_instant_of_a_stroke():
    run = mixed([Hold(1.0), Isothermal(1.0, w=(1.0, 2.0), baths=["light"])])
    half = run.steady(1, 0.5)
    assert repr(half).startswith("SteadyState(a = 0.7, w = 1.5, level_0 0.")
    assert half.mean("heat_phonons") == 0.0  # not connected
    there = mixed([Hold(1.0)]).steady()
    np.testing.assert_allclose(run.steady().state, there.state, atol=ROUNDING)
    assert abs(there.mean("heat_phonons")) > 0.01
    np.testing.assert_allclose(there.generator @ there.state.reshape(-1), 0.0, atol=ROUNDING)


@pytest.mark.parametrize("w", [1.0, 1e4])
@pytest.mark.parametrize("rate", [0.1, 1e-6, 1e-9])
def test_phases_may_turn_much_faster_than_jumps_come(w, rate):
    """13 orders of magnitude between them: all per rate as where they are near."""
    qubit = Hamiltonian("w/2*Z + w/3*X", controls="w")
    hold = Protocol([Hold(0.1)], beta=1.0 / w, w=w)
    steady = exact(qubit, QuantumJump([BoseBath("b", rate=rate)]), hold, time_step=0.1).steady()
    gap = np.sqrt(13.0) / 3.0
    up, down = 1.0 / np.expm1(gap), 1.0 / np.expm1(gap) + 1.0
    np.testing.assert_allclose(steady.populations, [down / (up + down), up / (up + down)], rtol=1e-12)
    pace = 2.0 * up * down / (up + down)
    assert steady.mean("activity") == pytest.approx(rate * pace, rel=1e-12)
    fano = 2.0 * (up**2 + down**2) / (up + down) ** 2
    assert steady.fano("activity") == pytest.approx(fano, rel=1e-10)
    z = np.exp(0.3)
    mu = 0.5 * (np.sqrt((up - down) ** 2 + 4.0 * up * down * z * z) - up - down)
    assert steady.scaled_generating_function({"activity": 0.3}) == pytest.approx(rate * mu, rel=1e-10)


def test_rounding_connects_no_level():
    """Jumps between two of three levels, in a basis in which every element is rounded."""
    rng = np.random.default_rng(5)
    basis = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    turned = [basis @ one @ basis.conj().T for one in (np.diag([0.0, 1.0, 2.5]), np.triu(edge(0, 1)))]
    held = generator(turned[0], [turned[1], 0.6 * turned[1].conj().T])
    with pytest.raises(InvalidInput, match="several steady states"):
        held.steady_state()
    levels, weak = np.diag([0.0, 1.0, 2.5]), [np.triu(edge(1, 2)), np.tril(edge(1, 2))]
    fast = [np.triu(edge(0, 1)), np.tril(edge(0, 1))]
    with pytest.raises(InvalidInput, match="several steady states"):
        generator(levels, [*fast, *(1e-12 * way for way in weak)]).steady_state()
    slow = generator(levels, [*fast, *(1e-6 * way for way in weak)])  # 1e-12 of the other rates
    np.testing.assert_allclose(slow.steady_state(), np.eye(3) / 3, atol=1e-12)
    connected = generator(turned[0], [turned[1], basis @ np.triu(edge(0, 2)) @ basis.conj().T])
    np.testing.assert_allclose(
        connected.steady_state(), np.outer(basis[:, 0], basis[:, 0].conj()), atol=1e-12
    )


def test_a_mean_that_is_rounding_has_no_fano_factor():
    steady = both(*SYSTEMS["a thermal qubit"])[1]
    with pytest.raises(InvalidInput, match="heat: its mean is 0"):
        steady.fano("heat")
    with pytest.raises(InvalidInput, match="heat: its mean is 0"):
        steady.uncertainty_product("heat")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda run: run.steady().mean("heet"), "'heet' is not an observable"),
        (
            lambda run: run.steady().scaled_generating_function({"activity": 1e3}),
            "a counting field too large",
        ),
        (lambda run: run.steady(1).state, "several steady states"),
        (lambda run: run.steady().fano("energy_change"), "its mean is 0"),
        (lambda _: fluorescing(1.0).steady().entropy_production, "a channel without a way back"),
    ],
)
def test_what_is_not_known_is_refused(ask, said):
    with pytest.raises(InvalidInput, match=said):
        ask(mixed([Hold(1.0), Isolated(1.0)]))


def test_without_measurements_work_is_not_counted():
    dynamics = QuantumJump(MIXED.baths, measured=False)
    protocol = Protocol([Hold(1.0)], beta={"light": 0.6, "phonons": 1.4}, a=0.7, w=1.0)
    run = exact(QUBIT, dynamics, protocol, time_step=0.05, initial=Populations(level_0=0.5, level_1=0.5))
    steady = run.steady()
    assert steady.mean("heat") == pytest.approx(mixed([Hold(1.0)]).steady().mean("heat"), abs=ROUNDING)
    for name in ("work", "total_entropy"):
        with pytest.raises(InvalidInput, match="without measurements"):
            steady.mean(name)
