"""Closed quantum systems, exchange between two bodies, the oscillator, coherent transport: exact numbers."""

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.protocol import Isolated, Isothermal, Protocol, Quench
from fluctua.stochastic.quantum import oscillator
from fluctua.stochastic.quantum.closed import Atoms, merged, scheduled_work_law, unitary_of, work_law
from fluctua.stochastic.quantum.exchange import exchange_law, hasegawa_van_vu, partial_swap, timpanaro
from fluctua.stochastic.quantum.generator import gibbs_state, minus_log_z
from fluctua.stochastic.quantum.transport import coherent_transport, double_dot_transmission

X, Z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
BEFORE, AFTER = 0.5 * Z, math.cos(1) * Z + math.sin(1) * X
ROUNDING = 1e-12
#: One in a million: what a fixed seed may show once.
FALSE_ALARM = 1e-6


def digits(value, quoted):
    """Compare with a number as it is quoted: half a unit of its last digit."""
    assert abs(value - float(quoted)) <= 0.5000001 * 10.0 ** -len(quoted.partition(".")[2])


@pytest.fixture(scope="module")
def quenched():
    return work_law(BEFORE, np.eye(2), AFTER, beta=1.0)


# ---- E8


def test_qubit_e8(quenched):
    digits(quenched.mean(), "-0.0186244")
    digits(math.exp(quenched.log_generating_function(-1.0)), "1.368433")
    assert quenched.log_generating_function(-1.0) == pytest.approx(
        math.log(math.cosh(1) / math.cosh(0.5)), abs=ROUNDING
    )
    # By traces, without any atom.
    mean = np.trace((AFTER - BEFORE) @ gibbs_state(BEFORE, 1.0)).real
    assert quenched.mean() == pytest.approx(mean, abs=ROUNDING)
    np.testing.assert_allclose(quenched.values, [-1.5, -0.5, 0.5, 1.5], atol=ROUNDING)


def test_qubit_e8_as_a_run_says_it(quenched):
    qubit = Hamiltonian("a*Z + b*X", controls=("a", "b"))
    quench = Protocol([Quench(a=math.cos(1), b=math.sin(1))], beta=1.0, a=0.5, b=0.0)
    found = scheduled_work_law(qubit, quench.schedule(0.1, qubit.controls, ["bath"]))
    np.testing.assert_allclose(found.values, quenched.values, atol=ROUNDING)
    np.testing.assert_allclose(found.probabilities, quenched.probabilities, atol=ROUNDING)


def test_a_driven_isolated_qubit():
    """A ramp in isolation: the theorem holds at any speed, the unitary is that of SciPy."""
    qubit = Hamiltonian("0.5*X + e/2*Z", controls="e")
    schedule = Protocol([Isolated(5.0, e=(-4.0, 3.0))], beta=1.0).schedule(0.1, ["e"], ["bath"])
    found = scheduled_work_law(qubit, schedule)
    first, last = 0.5 * X - 2.0 * Z, 0.5 * X + 1.5 * Z
    expected = minus_log_z(first, 1.0) - minus_log_z(last, 1.0)
    assert found.log_generating_function(-1.0) == pytest.approx(expected, abs=ROUNDING)
    unitary = np.eye(2)
    for e in (np.arange(50) + 0.5) * 7.0 / 50 - 4.0:
        unitary = scipy.linalg.expm(-0.1j * 0.5 * (X + e * Z)) @ unitary
    mean = np.trace(last @ unitary @ gibbs_state(first, 1.0) @ unitary.conj().T) - np.trace(
        first @ gibbs_state(first, 1.0)
    )
    assert found.mean() == pytest.approx(mean.real, abs=ROUNDING)


def test_a_connected_bath_is_no_closed_system():
    qubit = Hamiltonian("0.5*X + e/2*Z", controls="e")
    schedule = Protocol([Isothermal(1.0, e=(0.0, 1.0))], beta=1.0).schedule(0.1, ["e"], ["bath"])
    with pytest.raises(InvalidInput, match="a bath is connected"):
        scheduled_work_law(qubit, schedule)


@pytest.mark.parametrize("levels", [40, 60])
def test_oscillator_e8(levels):
    law = work_law(
        oscillator.hamiltonian(1.0, levels), np.eye(levels), oscillator.hamiltonian(2.0, levels), beta=1.0
    )
    mean = oscillator.quench_mean_work(1.0, 2.0, 1.0)
    digits(mean, "1.622965")
    theorem = oscillator.minus_log_z(1.0, 1.0) - oscillator.minus_log_z(2.0, 1.0)
    digits(math.exp(theorem), "0.443409")
    # The cut leaves out so much of the start, at energies of some hundred.
    weight = oscillator.truncated_weight(1.0, levels, 1.0)
    assert weight < 1e-17
    assert law.mean() == pytest.approx(mean, abs=1e-10)
    assert law.log_generating_function(-1.0) == pytest.approx(theorem, abs=1e-10)


def test_a_cut_that_is_too_low_is_told_by_its_weight():
    levels = 8
    law = work_law(
        oscillator.hamiltonian(1.0, levels), np.eye(levels), oscillator.hamiltonian(2.0, levels), beta=1.0
    )
    error = abs(law.mean() - oscillator.quench_mean_work(1.0, 2.0, 1.0))
    weight = oscillator.truncated_weight(1.0, levels, 1.0)
    # Level n has a mean work of 3/2 (n + 1/2); a cut at N lowers the mean n by N w / (1 - w).
    assert error == pytest.approx(1.5 * levels * weight / (1.0 - weight), rel=1e-9)


def test_samples_are_the_law(quenched):
    count = 100_000
    draws = quenched.sample(count, 11)
    seen = [(np.abs(draws - value) < ROUNDING).sum() for value in quenched.values]
    assert sum(seen) == count
    assert scipy.stats.chisquare(seen, count * quenched.probabilities).pvalue > FALSE_ALARM
    error = math.sqrt(quenched.variance() / count)
    assert abs(draws.mean() - quenched.mean()) < scipy.stats.norm.isf(FALSE_ALARM / 2) * error
    # The control: the law of another angle is found out.
    other = work_law(BEFORE, np.eye(2), math.cos(1.1) * Z + math.sin(1.1) * X, beta=1.0)
    assert scipy.stats.chisquare(seen, count * other.probabilities).pvalue < FALSE_ALARM


def test_samples_are_a_function_of_seed_and_number(quenched):
    whole = quenched.sample(100, 3)
    np.testing.assert_array_equal(whole[40:], quenched.sample(60, 3, first=40))
    assert (whole != quenched.sample(100, 4)).any()
    assert (whole != quenched.sample(100, 3, direction="reverse")).any()


def test_crooks_of_forward_and_reverse():
    """``P(W) / P'(-W) = exp(W - Delta F)`` atom by atom, for a unitary and its inverse."""
    unitary = unitary_of([(X + 0.3 * Z, 0.7), (Z - 0.2 * X, 1.1)], 2)
    forward = work_law(BEFORE, unitary, AFTER, beta=1.0)
    reverse = work_law(AFTER, unitary.conj().T, BEFORE, beta=1.0)
    delta_f = minus_log_z(AFTER, 1.0) - minus_log_z(BEFORE, 1.0)
    for value, chance in zip(forward.values, forward.probabilities, strict=True):
        assert math.log(chance / reverse.probability(-value)) == pytest.approx(value - delta_f, abs=1e-10)
    assert forward.probability(0.123) == 0.0


def test_equal_values_are_one_atom():
    law = work_law(np.diag([0, 1, 2]), np.eye(3), np.diag([0, 1 + 1e-13, 2]), beta=0.3)
    np.testing.assert_allclose(law.values, [0.0], atol=ROUNDING)
    assert law.probabilities.sum() == pytest.approx(1.0, abs=ROUNDING)
    values, chances = merged(np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 2.0]]), np.array([0.25, 0.5, 0.25]))
    np.testing.assert_array_equal(values, [[1.0, 2.0], [1.0, 3.0]])
    np.testing.assert_array_equal(chances, [0.5, 0.5])


def test_populations_as_a_start():
    law = work_law(BEFORE, np.eye(2), AFTER, populations=[1.0, 0.0])
    chance = math.sin(0.5) ** 2
    assert isinstance(law, Atoms)
    np.testing.assert_allclose(law.values, [-0.5, 1.5], atol=ROUNDING)
    np.testing.assert_allclose(law.probabilities, [1 - chance, chance], atol=ROUNDING)


@pytest.mark.parametrize(
    ("given", "unitary", "message"),
    [
        ({}, np.eye(2), "no single start"),
        ({"beta": 1.0, "populations": [1, 0]}, np.eye(2), "no single start"),
        ({"populations": [0.5, 0.6]}, np.eye(2), "not probabilities"),
        ({"populations": [1.5, -0.5]}, np.eye(2), "not probabilities"),
        ({"beta": 1.0}, 2.0 * np.eye(2), "not unitary"),
    ],
)
def test_what_has_no_law_is_refused(given, unitary, message):
    with pytest.raises(InvalidInput, match=message):
        work_law(BEFORE, unitary, AFTER, **given)


# ---- E13


def test_exchange_e13():
    law = exchange_law(0.5 * Z, 0.5 * Z, partial_swap(0.7), beta=(1.0, 2.0))
    heat, entropy = law.heat(), law.entropy()
    digits(heat.probability(1.0), "0.0983103")
    digits(heat.probability(-1.0), "0.0361663")
    assert math.log(heat.probability(1.0) / heat.probability(-1.0)) == pytest.approx(1.0, abs=ROUNDING)
    digits(heat.mean(), "0.0621439")
    assert entropy.log_generating_function(-1.0) == pytest.approx(0.0, abs=ROUNDING)
    spread = heat.variance() / heat.mean() ** 2
    digits(spread, "33.8216")
    digits(timpanaro(entropy.mean()), "31.5195")
    digits(hasegawa_van_vu(entropy.mean()), "31.1937")
    # By populations: the swap happens with sin^2, and moves a quantum where the two differ.
    hot, cold = (1.0 / (1.0 + math.exp(beta)) for beta in (1.0, 2.0))
    assert heat.probability(1.0) == pytest.approx(math.sin(0.7) ** 2 * hot * (1 - cold), abs=ROUNDING)


def test_control_initial_temperatures_that_are_not_those_told():
    law = exchange_law(0.5 * Z, 0.5 * Z, partial_swap(0.7), beta=(1.0, 1.8)).heat()
    assert abs(math.log(law.probability(1.0) / law.probability(-1.0)) - 1.0) > 0.1


def test_exchange_that_does_not_conserve_the_energy_still_has_its_integral_theorem():
    unitary = scipy.linalg.expm(-0.6j * (np.kron(X, X) + 0.4 * np.kron(Z, X)))
    law = exchange_law(0.5 * Z, Z + 0.2 * X, unitary, beta=(0.7, 1.6))
    assert law.entropy().log_generating_function(-1.0) == pytest.approx(0.0, abs=ROUNDING)
    assert np.abs(law.changes.sum(axis=1)).max() > 0.1


def test_exchange_samples():
    law = exchange_law(0.5 * Z, 0.5 * Z, partial_swap(0.7), beta=(1.0, 2.0))
    count = 100_000
    draws = law.sample(count, 5)
    np.testing.assert_allclose(draws.sum(axis=1), 0.0, atol=ROUNDING)
    gained, lost = (draws[:, 1] > 0.5).sum(), (draws[:, 1] < -0.5).sum()
    ratio, error = math.log(gained / lost), math.sqrt(1 / gained + 1 / lost)
    assert abs(ratio - 1.0) / error < scipy.stats.norm.isf(FALSE_ALARM / 2)
    np.testing.assert_array_equal(draws[10:20], law.sample(10, 5, first=10))


@pytest.mark.parametrize("entropy", [1e-6, 0.3, 5.0])
def test_bounds_stand_in_order(entropy):
    assert timpanaro(entropy) >= hasegawa_van_vu(entropy)
    # Both come from the classical bound 2 / Sigma, and fall below it.
    assert hasegawa_van_vu(entropy) < timpanaro(entropy) * (1 + ROUNDING) < 2.0 / entropy * (1 + 1e-9)


# ---- D6


def test_quantum_stirling_d6():
    cycle = oscillator.stirling(2.0, 1.0, hot=2.0, cold=1.0)
    digits(cycle.work_out, "0.634892")
    digits(cycle.heat_in, "2.176613")
    digits(cycle.efficiency, "0.291688")


def test_quantum_stirling_by_matrices_d6():
    levels = 120
    stiff, soft = (oscillator.hamiltonian(frequency, levels) for frequency in (2.0, 1.0))

    def free(h, temperature):
        return temperature * minus_log_z(h, 1.0 / temperature)

    def energy(h, temperature):
        return np.trace(h @ gibbs_state(h, 1.0 / temperature)).real

    def entropy(h, temperature):
        return (energy(h, temperature) - free(h, temperature)) / temperature

    work = free(stiff, 2.0) - free(soft, 2.0) + free(soft, 1.0) - free(stiff, 1.0)
    heat = 2.0 * (entropy(soft, 2.0) - entropy(stiff, 2.0)) + energy(stiff, 2.0) - energy(stiff, 1.0)
    cycle = oscillator.stirling(2.0, 1.0, hot=2.0, cold=1.0)
    assert work == pytest.approx(cycle.work_out, abs=1e-10)
    assert heat == pytest.approx(cycle.heat_in, abs=1e-10)


def test_quantum_stirling_becomes_classical_when_hot():
    """The work becomes ``(T_h - T_c) ln 2``, the heat ``T_h ln 2 + T_h - T_c``."""
    cycle = oscillator.stirling(2e-4, 1e-4, hot=2.0, cold=1.0)
    assert cycle.work_out == pytest.approx(math.log(2.0), abs=1e-7)
    digits(cycle.efficiency, "0.290470")
    assert cycle.efficiency == pytest.approx(math.log(2.0) / (2.0 * math.log(2.0) + 1.0), abs=1e-7)


# ---- E4


@pytest.mark.parametrize(("tunnelling", "product"), [(0.25, "1.81817"), (0.3, "1.74974"), (0.295, "1.7483")])
def test_coherent_double_dot_e4(tunnelling, product):
    found = coherent_transport(
        lambda energy: double_dot_transmission(energy, rate=0.5, tunnelling=tunnelling),
        bias=1.0,
        temperature=0.2,
    )
    digits(found.uncertainty_product, product)
    if tunnelling == 0.25:
        digits(found.current, "0.0902477")
        digits(found.noise, "0.0328171")


def test_an_open_channel_e1_e2():
    """A constant transmission has a current ``T V / 2 pi`` and a noise in closed form."""
    found = coherent_transport(lambda _energy: 0.3, bias=2.0, temperature=1.0)
    digits(found.current, "0.0954930")
    digits(found.noise, "0.1164178")
    noise = 0.3 / (2 * math.pi) * (2 * 0.3 + 0.7 * 2.0 / math.tanh(1.0))
    assert found.noise == pytest.approx(noise, abs=1e-10)
