"""The exact numbers of the quantum cases, against the catalogue of published ones and by second ways.

Printed numbers are right to their last digit; the tolerance is half a unit of it.
"""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from fluctua.stochastic.quantum import oscillator
from fluctua.stochastic.quantum.transport import coherent_transport, double_dot_transmission
from fluctua.stochastic.systems.driven_atom import driven_atom, emission_rate, mandel_parameter
from fluctua.stochastic.systems.driven_qubit import adiabatic_ratio, crossing_probability, driven_qubit, gap
from fluctua.stochastic.systems.qubit_pair import thermal_products
from fluctua.validation import d6_quantum_stirling as d6
from fluctua.validation import e4_coherent_current as e4
from fluctua.validation import e8_two_point_work as e8
from fluctua.validation import e9_driven_qubit as e9
from fluctua.validation import e10_quantum_entropy as e10
from fluctua.validation import e11_resonance_fluorescence as e11
from fluctua.validation import e12_local_master_equation as e12
from fluctua.validation import e14_strong_coupling as e14
from fluctua.validation.case import FALSE_ALARM, distribution, must_be_remarked, must_disagree, must_not_apply


def printed(text):
    """A number as printed, and half a unit of its last digit."""
    return pytest.approx(float(text), abs=0.51 * 10.0 ** -len(text.partition(".")[2]))


# ---- the rows of a case


def test_samples_agree_with_their_own_law_only():
    samples = np.random.default_rng(1).exponential(size=20_000)
    right = distribution("t", samples, lambda t: 1.0 - np.exp(-t))
    wrong = distribution("t", samples, lambda t: 1.0 - np.exp(-1.1 * t))
    assert (right.verdict, wrong.verdict) == ("agrees", "violated")
    assert right.z == pytest.approx(stats.norm.isf(0.5 * stats.kstest(samples, "expon").pvalue))
    assert wrong.z > stats.norm.isf(0.5 * FALSE_ALARM)
    assert must_disagree(wrong).verdict == "caught"
    assert must_disagree(right).failed


def test_a_remark_must_be_made_and_name_its_number():
    spec = e9.spec(1)
    assert must_be_remarked(spec, "adiabatic", "0.8", "qubit").verdict == "caught"
    assert must_be_remarked(spec, "adiabatic", "0.9", "qubit").failed
    assert must_be_remarked(spec, "local master equation", "0.8", "qubit").failed


def test_a_verdict_must_decline_for_its_reason():
    x = np.random.default_rng(2).normal(1.0, 0.5, size=20_000)
    entropy = np.full(x.size, 5.0)
    declined = e4.judge_tur(x, entropy, quantum=True)
    assert must_not_apply(declined, "not a violation").verdict == "caught"
    assert must_not_apply(declined, "inertia").failed
    assert must_not_apply(e4.judge_tur(x, entropy), "not a violation").failed


# ---- systems


def test_landau_zener_sweep():
    """From far away to far away: the chance to stay on the level that was the lower one, H isolated."""
    rate, delta, reach = 2.0, 1.0, 10.0

    def slope(t, y):
        return -0.5j * np.array([delta * y[1] + rate * t * y[0], delta * y[0] - rate * t * y[1]])

    end = integrate.solve_ivp(slope, (-reach, reach), [1.0 + 0j, 0j], rtol=1e-6, atol=1e-6).y[:, -1]
    # What is left of the passage at a distance is of the order delta / (rate reach).
    assert abs(end[0]) ** 2 == pytest.approx(
        crossing_probability(rate, delta=delta), abs=delta / (rate * reach)
    )


def test_the_qubit_and_its_gap():
    energies, vectors = driven_qubit(1.0).eigen([[3.0]])
    assert energies[0, 1] - energies[0, 0] == pytest.approx(gap(3.0), abs=1e-14)
    ground, excited = vectors.complex[0].T
    element = abs(excited.conj() @ np.diag([0.5, -0.5]) @ ground) * 1.6
    assert adiabatic_ratio(1.6, epsilon=3.0) == pytest.approx(element / gap(3.0) ** 2, rel=1e-12)
    assert adiabatic_ratio(1.6) == printed("0.8")


@pytest.mark.parametrize(
    ("rabi", "rate", "mandel"),
    [(0.5, "0.166667", "-0.666667"), (0.5**0.5, "0.25", "-0.75"), (2.0, "0.444444", "-0.296296")],
)
def test_resonance_fluorescence(rabi, rate, mandel):
    assert emission_rate(rabi) == printed(rate)
    assert mandel_parameter(rabi) == printed(mandel)
    assert driven_atom(rabi).dimension == 2


def test_waiting_times_are_those_of_a_damped_rabi_oscillation():
    """``w(t) = gamma Omega^2 / mu^2 e^(-gamma t/2) sin^2(mu t/2)``, ``mu^2 = Omega^2 - gamma^2/4``."""
    rabi = e11.RABI[-1]
    mu = math.sqrt(rabi**2 - 0.25)
    times = np.array([0.3, 1.0, 4.0])
    slow = [
        integrate.quad(lambda t: (rabi / mu) ** 2 * math.exp(-t / 2) * math.sin(mu * t / 2) ** 2, 0.0, end)[0]
        for end in times
    ]
    np.testing.assert_allclose(e11.cumulative(rabi, times), slow, atol=1e-10)


def test_products_of_thermal_qubits():
    chance = thermal_products(1.0, 1.0, 2.0)
    assert sum(chance.values()) == pytest.approx(1.0, abs=1e-15)
    assert chance[1, 0] / chance[0, 1] == pytest.approx(math.e, rel=1e-14)
    assert math.sin(0.7) ** 2 * chance[1, 0] == printed("0.0983103")
    assert math.sin(0.7) ** 2 * chance[0, 1] == printed("0.0361663")


# ---- cases


def test_quantum_stirling_engine():
    """Scaled to the temperatures (2, 1) of the catalogue, and cut."""
    whole = oscillator.stirling(d6.STIFF, d6.SOFT, hot=d6.HOT, cold=d6.COLD)
    found = d6.quasi_static(None)
    assert found.work_out == pytest.approx(whole.work_out, abs=1e-12)
    assert found.heat_in == pytest.approx(whole.heat_in, abs=1e-12)
    catalogue = oscillator.stirling(2.0, 1.0, hot=2.0, cold=1.0)
    assert catalogue.work_out == printed("0.634892")
    assert catalogue.heat_in == printed("2.176613")
    assert catalogue.efficiency == printed("0.291688")
    assert d6.quasi_static().work_out == printed("0.247325")


def test_a_slow_stirling_engine_becomes_the_quasi_static_one():
    """The deficit is a series in one over the length: three lengths remove its first two terms."""
    cycles = [d6.at_finite_speed(d6.spec(leg, 1).schedule) for leg in (10.0, 20.0, 40.0)]
    work = np.array([cycle.work_out for cycle in cycles])
    assert np.all(np.diff(work) > 0.0)
    assert work[-1] < d6.quasi_static().work_out
    assert d6.REMOVE @ work == pytest.approx(d6.quasi_static().work_out, abs=2e-4)


def test_a_small_stirling_engine_by_the_lindblad_equation(monkeypatch):
    """The master equation of the levels is that of the density matrix, which has no coherence here."""
    from fluctua.stochastic.quantum.exact import exact

    monkeypatch.setattr(d6, "LEVELS", 3)
    spec = d6.spec(1.0, 1).replace({"time_step": 0.02})
    known = exact(spec.system, spec.dynamics, spec.protocol, time_step=0.02)
    assert d6.at_finite_speed(spec.schedule).work_out == pytest.approx(-known.mean_work(), abs=1e-12)


@pytest.mark.parametrize(
    ("tunnelling", "current", "product"), [(0.25, "0.0902477", "1.81817"), (0.3, "0.102706", "1.74974")]
)
def test_coherent_current(tunnelling, current, product):
    found = coherent_transport(
        lambda energy: double_dot_transmission(energy, rate=0.5, tunnelling=tunnelling),
        bias=1.0,
        temperature=0.2,
    )
    assert found.current == printed(current)
    assert found.uncertainty_product == printed(product)


@pytest.mark.parametrize("bias", [e4.BIAS, e4.LOW_BIAS])
def test_attempts_have_the_mean_and_the_noise_of_the_integrals(bias):
    """Equal cells are as exact as the nearest pole of the transmission allows, exp(-2 pi 0.25/width)."""
    known = coherent_transport(e4.transmission, bias=bias, temperature=e4.TEMPERATURE)
    there, back = e4.attempts(bias).T
    assert (there - back).sum() / e4.DURATION == pytest.approx(known.current, rel=1e-6)
    variance = there + back - (there - back) ** 2
    assert variance.sum() / e4.DURATION == pytest.approx(known.noise, rel=1e-6)
    np.testing.assert_allclose(np.log(there / back), bias / e4.TEMPERATURE, rtol=1e-12)


def test_two_point_work():
    turn, circle = e8.law(e8.turned(1)), e8.law(e8.circled(1))
    assert turn.mean() == printed("-0.0186244")
    assert math.exp(turn.log_generating_function(-1.0)) == printed("1.368433")
    assert circle.log_generating_function(-1.0) == pytest.approx(0.0, abs=1e-12)
    cut = e8.law(e8.stiffened(1))
    # The 16 levels leave out 1e-7 of the start, at a mean work of some tens.
    assert cut.mean() == pytest.approx(oscillator.quench_mean_work(1.0, 2.0, 1.0), abs=1e-5)
    assert cut.mean() == pytest.approx(1.622965, abs=1e-5)
    assert math.exp(cut.log_generating_function(-1.0)) == pytest.approx(0.443409, abs=1e-5)


def test_driven_qubit():
    """The run's own steps; the catalogue's number is that of endlessly many, an error of second order."""
    known = e9.companion(e9.spec(1))
    assert known.mean_work() == pytest.approx(1.248339, abs=1e-4)
    assert known.mean_heat()[0] == pytest.approx(-0.241335, abs=1e-4)
    assert known.log_generating_function({"work": -1.0}) == pytest.approx(0.0, abs=1e-12)


def test_entropy_of_quantum_trajectories():
    """E10: total and adiabatic theorem of the qubit, to 1.000000; the atom's entropy is not split."""
    known = e10.companion(e10.swept(1))
    for name in ("total", "housekeeping", "nonadiabatic"):
        assert known.log_generating_function({f"{name}_entropy": -1.0}) == pytest.approx(0.0, abs=1e-10)
    refused, made = e10.refused(e10.lit(1), "driven atom"), e10.refused(e10.swept(1), "qubit")
    assert (refused.verdict, made.verdict) == ("caught", "missed")


def test_local_master_equation():
    held = e12.companion(e12.spec(e12.LOCAL, 1)).pieces[1].held
    state = held.steady_state()
    hot, cold = held.energy_currents(state, 2)
    assert hot == pytest.approx(-1.577e-5, abs=0.5e-8)
    apparent = -hot / 1.2 - cold / 1.0
    assert apparent == pytest.approx(-2.63e-6, abs=0.5e-8)
    quanta = held.heat_currents(state, 2)
    assert -quanta[0] / 1.2 - quanta[1] / 1.0 > 0.0  # counted as quanta no law is broken
    assert quanta[0] == pytest.approx(-2.0 * quanta[1], abs=1e-15)
    restored = e12.companion(e12.spec(e12.GLOBAL, 1)).pieces[1].held
    assert restored.heat_currents(restored.steady_state(), 2)[0] > 0.0


def test_strong_coupling():
    assert e14.exact_square() == printed("0.446951")
    assert e14.gibbs_square() == printed("0.506784")
