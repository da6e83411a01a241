"""The exact companions of quantum jumps, against published numbers and by second ways to the same number."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.stats

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.quantum import generator as generator_module
from fluctua.stochastic.quantum.counting import (
    cumulant_rates,
    fano_factor,
    mandel_q,
    scaled_generating_function,
    waiting_time,
)
from fluctua.stochastic.quantum.evolution import Evolution, Piece
from fluctua.stochastic.quantum.generator import (
    dual,
    exponential_action,
    generator,
    gibbs_state,
    minus_log_z,
    potential_changes,
)
from fluctua.stochastic.quantum.tilted import (
    Collected,
    collected,
    cumulants,
    distribution,
    generating_function,
    log_generating_function,
)

X, Z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
LOWER, ONE = np.array([[0, 0], [1, 0]]), np.eye(2)
ROUNDING = 1e-12


def digits(value, quoted):
    """Compare with a number as it is quoted: half a unit of its last digit."""
    mantissa, _, exponent = quoted.partition("e")
    unit = 10.0 ** (-len(mantissa.partition(".")[2]) + int(exponent or 0))
    assert abs(value - float(quoted)) <= 0.5000001 * unit


def bose(omega, temperature):
    return 1.0 / math.expm1(omega / temperature)


def thermal(hamiltonian, baths, fixed=False):
    """Jumps between the two energy levels for each bath; or sigma_- in a fixed basis."""
    energies, vectors = np.linalg.eigh(hamiltonian)
    omega = energies[1] - energies[0]
    down = LOWER if fixed else vectors[:, [0]] @ vectors[:, [1]].conj().T
    operators, quanta, entropies = [], [], []
    for rate, temperature in baths:
        n = bose(omega, temperature)
        operators += [math.sqrt(rate * (n + 1)) * down, math.sqrt(rate * n) * down.conj().T]
        quanta += [-omega, omega]
        entropies += [omega / temperature, -omega / temperature]
    owners = [k // 2 for k in range(len(operators))]
    return generator(hamiltonian, operators, bath=owners, quantum=quanta, entropy=entropies)


def sweep(steps, baths, *, reach, duration, start=None, fixed=False):
    """A Landau-Zener sweep of ``(X + epsilon Z) / 2`` from -reach to reach, in the middle of each step."""
    beta = np.array([1.0 / temperature for _, temperature in baths])
    energy = [0.5 * (X + epsilon * Z) for epsilon in (np.arange(steps) + 0.5) * 2 * reach / steps - reach]
    first, last = 0.5 * (X - reach * Z), 0.5 * (X + reach * Z)
    held = [Piece(thermal(h, baths, fixed), duration / steps, beta) for h in energy]
    pieces = (Piece(generator(first), 0.0, beta), *held, Piece(generator(last), 0.0, beta))
    names = tuple(f"bath_{k}" for k in range(len(baths)))
    return Evolution(pieces, gibbs_state(first, beta[0]) if start is None else start, names)


@pytest.fixture(scope="module")
def driven():
    """The driven qubit of E9, 80 and 160 steps."""
    return tuple(sweep(steps, [(0.2, 1.0)], reach=4, duration=5) for steps in (80, 160))


@pytest.fixture(scope="module")
def two_baths():
    """The qubit of E10: two baths, a coherent mixed start."""
    start = np.array([[0.7, 0.2 - 0.1j], [0.2 + 0.1j, 0.3]])
    return sweep(50, [(0.3, 1.0), (0.2, 2.0)], reach=3, duration=4, start=start)


def random_generator(dimension, channels, seed):
    draw = np.random.default_rng(seed).normal(size=(channels + 1, 2, dimension, dimension))
    h, *operators = draw[:, 0] + 1j * draw[:, 1]
    return generator(h + h.conj().T, operators, quantum=np.arange(channels) - 1.0)


# ---- the equation


def test_superoperator_is_the_lindblad_equation():
    held = random_generator(3, 4, 1)
    rho = gibbs_state(random_generator(3, 0, 2).hamiltonian, 0.3)
    weights = np.array([1.0, 0.5, 2.0, 0.0])
    slow = -1j * (held.hamiltonian @ rho - rho @ held.hamiltonian)
    for weight, jump in zip(weights, held.operators, strict=True):
        norm = jump.conj().T @ jump
        slow = slow + weight * jump @ rho @ jump.conj().T - 0.5 * (norm @ rho + rho @ norm)
    fast = (held.superoperator(weights) @ rho.reshape(-1)).reshape(3, 3)
    np.testing.assert_allclose(fast, slow, atol=1e-13)
    np.testing.assert_allclose(np.eye(3).reshape(-1) @ held.superoperator(), 0.0, atol=1e-13)


@pytest.mark.parametrize("time", [1e-9, 0.3, 40.0])
@pytest.mark.parametrize("whole", [False, True])
def test_exponential_action_against_scipy(time, whole, monkeypatch):
    """Both ways: the series in parts, and the whole matrix; of two vectors side by side, too."""
    matrix = random_generator(2, 2, 3).superoperator()
    start = np.array([np.eye(2) / 2, np.diag([1.0, 0.0])], dtype=complex).reshape(2, 4)
    taken = []
    by_matrix = generator_module._by_whole_matrix
    monkeypatch.setattr(
        generator_module, "_by_whole_matrix", lambda *given: taken.append(1) or by_matrix(*given)
    )
    norm = 9.0 if whole else min(float(np.abs(matrix).sum(axis=0).max()) * time, 8.0)
    parts = 1 if whole or norm < 8.0 else 64

    def apply(x):
        return time / parts * np.stack([matrix @ x[0], matrix @ x[1]])

    found = start
    for _ in range(parts):
        found = exponential_action(apply, norm, found)
    values, vectors = np.linalg.eig(matrix)
    slow = (vectors * np.exp(values * time)) @ np.linalg.solve(vectors, start.T)
    assert bool(taken) == whole
    # Rounding grows as the square root of the number of parts at most.
    np.testing.assert_allclose(found, slow.T, atol=1e-13)


def test_means_and_cumulants_against_one_large_exponential():
    """The derivatives by s as blocks of one dense matrix exponential, three levels, two pieces."""
    pieces = [Piece(random_generator(3, 3, seed), 0.2, np.array([0.5])) for seed in (4, 5)]
    start = gibbs_state(pieces[0].held.hamiltonian, 0.5)
    evolution = Evolution(tuple(pieces), start)
    energy = [piece.held.hamiltonian for piece in pieces]
    x = np.concatenate([(m @ start).reshape(-1) for m in (np.eye(3), -energy[0], energy[0] @ energy[0])])
    for piece in pieces:
        counts, zero = -piece.held.quantum, np.zeros((9, 9))
        a, b, c = piece.held.superoperator(), piece.held.jumps(counts), piece.held.jumps(counts**2)
        x = scipy.linalg.expm(0.2 * np.block([[a, zero, zero], [b, a, zero], [c, 2 * b, a]])) @ x
    x = x.reshape(3, 3, 3)
    mean = np.trace(x[1] + energy[1] @ x[0]).real
    square = np.trace(x[2] + 2 * energy[1] @ x[1] + energy[1] @ energy[1] @ x[0]).real
    np.testing.assert_allclose(cumulants(evolution, "work"), [mean, square - mean**2], rtol=1e-11)
    assert evolution.mean_work() == pytest.approx(mean, rel=1e-11)


def test_cumulants_are_derivatives_of_the_generating_function(driven):
    evolution, s = driven[0], 1e-3
    for quantity in ("work", "activity", "dimensionless_work"):
        up, down = (log_generating_function(evolution, {quantity: x}) for x in (s, -s))
        mean, variance = cumulants(evolution, quantity)
        # Central differences: s^2/6 and s^2/12 of the third and fourth cumulants, here below 50 in size.
        assert abs((up - down) / (2 * s) - mean) < 50 * s**2
        assert abs((up + down) / s**2 - variance) < 50 * s**2


def test_mean_values_two_ways(driven):
    evolution = driven[0]
    expected = {
        "work": evolution.mean_work(),
        "heat": evolution.mean_heat()[0],
        "heat_bath_0": evolution.mean_heat()[0],
        "energy_change": evolution.mean_energy_change(),
        "activity": evolution.mean_activity(),
        "entropy_flow": evolution.mean_entropy_flow(),
        "dimensionless_work": evolution.mean_dimensionless_work(),
    }
    for quantity, mean in expected.items():
        assert cumulants(evolution, quantity)[0] == pytest.approx(mean, abs=ROUNDING)
    assert evolution.populations.shape == (83, 2)
    np.testing.assert_allclose(evolution.populations.sum(axis=1), 1.0, atol=ROUNDING)


def test_an_unknown_quantity_is_told(driven):
    with pytest.raises(InvalidInput, match=r"'wrok' is not a column: .*did you mean 'work'"):
        collected(driven[0], "wrok")


# ---- E9


def test_driven_qubit_e9(driven):
    coarse, fine = driven
    for mean, quoted in ((lambda e: e.mean_heat()[0], "-0.241335"), (lambda e: e.mean_work(), "1.248339")):
        # Midpoint rows are right to second order: the error at half the step is a quarter.
        digits((4.0 * mean(fine) - mean(coarse)) / 3.0, quoted)
    for evolution in driven:
        assert evolution.power_work().sum() == pytest.approx(evolution.mean_work(), abs=ROUNDING)


def test_driven_qubit_second_order_to_the_continuous_equation(driven):
    """Against the equation whose Hamiltonian moves continuously, by an integrator of its own."""

    def slope(t, y):
        held = thermal(0.5 * (X + (8.0 * t / 5.0 - 4.0) * Z), [(0.2, 1.0)])
        rho = y[:4]
        return np.append(held.superoperator() @ rho, held.quantum @ held.rates(rho.reshape(2, 2)) + 0j)

    start = np.append(driven[0].start.reshape(-1), 0.0)
    end = scipy.integrate.solve_ivp(slope, (0.0, 5.0), start, rtol=1e-9, atol=1e-11, method="DOP853").y[:, -1]
    errors = [evolution.mean_heat()[0] - end[4].real for evolution in driven]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.01)
    assert abs(4.0 * errors[1] - errors[0]) / 3.0 < 1e-7


@pytest.mark.parametrize("duration", [0.1, 5.0, 50.0])
def test_jarzynski_holds_at_any_speed_e9(duration):
    evolution = sweep(40, [(0.2, 1.0)], reach=4, duration=duration)
    assert log_generating_function(evolution, {"work": -1.0}) == pytest.approx(0.0, abs=ROUNDING)
    assert log_generating_function(evolution, {"dimensionless_work": -1.0}) == pytest.approx(
        0.0, abs=ROUNDING
    )


def test_jarzynski_with_a_free_energy_difference():
    h = [0.5 * X, X + Z]
    pieces = tuple(Piece(thermal(m, [(0.4, 2.0)]), 1.5, np.array([0.5])) for m in h)
    found = log_generating_function(Evolution(pieces, gibbs_state(h[0], 0.5)), {"work": -0.5})
    assert found == pytest.approx(minus_log_z(h[0], 0.5) - minus_log_z(h[1], 0.5), abs=ROUNDING)


def test_jarzynski_with_a_temperature_that_changes():
    h, temperatures = [0.5 * X, X + Z], [2.0, 0.5]
    pieces = tuple(
        Piece(thermal(m, [(0.4, t)]), 1.5, np.array([1 / t])) for m, t in zip(h, temperatures, strict=True)
    )
    evolution = Evolution(pieces, gibbs_state(h[0], 0.5))
    expected = minus_log_z(h[0], 0.5) - minus_log_z(h[1], 2.0)
    assert log_generating_function(evolution, {"dimensionless_work": -1.0}) == pytest.approx(
        expected, abs=ROUNDING
    )
    # The control: the work itself obeys no such theorem.
    assert abs(log_generating_function(evolution, {"work": -0.5}) - expected) > 0.1


def test_control_one_quantum_for_all_instants_breaks_jarzynski():
    evolution = sweep(40, [(0.2, 1.0)], reach=4, duration=5.0)
    jumps = tuple(-np.sign(piece.held.quantum) for piece in evolution.pieces)
    work = replace(collected(evolution, "work"), jumps=jumps)
    assert abs(math.log(generating_function(evolution, [(work, -1.0)]).real)) > 0.01


def test_control_jumps_in_a_fixed_basis_have_no_definite_quantum():
    """Detailed balance of the rates is enough for Jarzynski; the work is not that of the power."""
    evolution = sweep(40, [(0.2, 1.0)], reach=4, duration=5.0, fixed=True)
    assert log_generating_function(evolution, {"work": -1.0}) == pytest.approx(0.0, abs=ROUNDING)
    assert abs(evolution.power_work().sum() - evolution.mean_work()) > 0.05
    assert evolution.pieces[20].held.thermal_deviation() > 0.1


def test_fields_of_several_quantities_at_once(driven, two_baths):
    joint = log_generating_function(driven[0], {"work": 0.3, "heat": 0.3})
    assert joint == pytest.approx(log_generating_function(driven[0], {"energy_change": 0.3}), abs=ROUNDING)
    assert log_generating_function(driven[0], {"work": -1.0, "activity": 0.0}) == pytest.approx(
        0.0, abs=ROUNDING
    )
    parts = {"system_entropy": -1.0, "heat_bath_0": 1.0, "heat_bath_1": 0.5}
    assert log_generating_function(two_baths, parts) == pytest.approx(0.0, abs=ROUNDING)
    with pytest.raises(InvalidInput, match="two measurements at one instant"):
        log_generating_function(two_baths, {"work": 0.1, "system_entropy": 0.1}, eigenstates=True)


def test_the_law_of_counts():
    """Dephasing jumps at a constant rate: Poisson's law. Of a driven atom, none is the chance to survive."""
    held = generator(X, [math.sqrt(0.7) * Z])
    evolution = Evolution((Piece(held, 3.0, np.ones(1)),), held.steady_state())
    values, chances = distribution(evolution, collected(evolution, "activity"))
    np.testing.assert_allclose(chances, scipy.stats.poisson.pmf(values, 2.1), atol=ROUNDING)
    held = generator(X, [LOWER])
    evolution = Evolution((Piece(held, 3.0, np.ones(1)),), held.steady_state())
    values, chances = distribution(evolution, collected(evolution, "activity"))
    none = np.trace((scipy.linalg.expm(3.0 * held.silence()) @ held.steady_state().reshape(-1)).reshape(2, 2))
    assert chances[values == 0] == pytest.approx(none.real, abs=ROUNDING)
    assert values @ chances == pytest.approx(3.0 * cumulant_rates(held, [1])[0], abs=1e-10)


# ---- E10


@pytest.mark.parametrize("quantity", ["total_entropy", "housekeeping_entropy", "nonadiabatic_entropy"])
@pytest.mark.parametrize("eigenstates", [True, False])
def test_entropy_theorems_e10(two_baths, quantity, eigenstates):
    found = log_generating_function(two_baths, {quantity: -1.0}, eigenstates=eigenstates)
    digits(math.exp(found), "1.000000")
    assert found == pytest.approx(0.0, abs=ROUNDING)
    assert cumulants(two_baths, quantity, eigenstates=eigenstates)[0] > 0.1


def test_the_entropies_add_up_e10(two_baths):
    total, housekeeping, rest = (
        cumulants(two_baths, f"{name}_entropy", eigenstates=True)[0]
        for name in ("total", "housekeeping", "nonadiabatic")
    )
    assert total == pytest.approx(housekeeping + rest, abs=ROUNDING)


def test_between_levels_every_jump_changes_the_potential_by_a_definite_amount(two_baths):
    held = two_baths.pieces[30].held
    changes, deviation = potential_changes(held, held.steady_state())
    assert deviation < ROUNDING
    populations = np.diag(
        np.linalg.eigh(held.hamiltonian)[1].conj().T
        @ held.steady_state()
        @ np.linalg.eigh(held.hamiltonian)[1]
    ).real
    down = math.log(populations[1] / populations[0])
    np.testing.assert_allclose(changes, [down, -down, down, -down], atol=ROUNDING)


def test_the_dual_keeps_the_steady_state_and_turns_its_currents_e10(two_baths):
    held = two_baths.pieces[30].held
    steady = held.steady_state()
    other = dual(held, steady)
    np.testing.assert_allclose(other.silence(), held.silence(), atol=ROUNDING)
    np.testing.assert_allclose(other.steady_state(), steady, atol=ROUNDING)
    assert abs(held.heat_currents(steady, 2)[0]) > 1e-3
    np.testing.assert_allclose(other.heat_currents(steady, 2), -held.heat_currents(steady, 2), atol=ROUNDING)
    with pytest.raises(InvalidInput, match="without a way back"):
        dual(replace(held, entropy=np.full(4, np.inf)), steady)


def test_control_a_driven_atom_has_no_definite_change_and_no_adiabatic_theorem_e10():
    drive, rate, n = 1.0, 1.0, 0.3
    back = math.log((n + 1) / n)
    operators = [math.sqrt(rate * (n + 1)) * LOWER, math.sqrt(rate * n) * LOWER.T]
    held = generator(0.5 * drive * X, operators, quantum=[-1, 1], entropy=[back, -back])
    assert potential_changes(held, held.steady_state())[1] > 0.1
    assert np.abs(dual(held, held.steady_state()).silence() - held.silence()).max() > 0.1
    evolution = Evolution((Piece(held, 4.0, np.array([back])),), held.steady_state())
    assert log_generating_function(evolution, {"total_entropy": -1.0}) == pytest.approx(0.0, abs=ROUNDING)
    assert abs(log_generating_function(evolution, {"housekeeping_entropy": -1.0})) > 0.05


# ---- E11


@pytest.mark.parametrize(
    ("drive", "rate", "mandel"),
    [
        (0.5, "0.166667", "-0.666667"),
        (math.sqrt(0.5), "0.250000", "-0.750000"),
        (2.0, "0.444444", "-0.296296"),
    ],
)
def test_resonance_fluorescence_e11(drive, rate, mandel):
    held = generator(0.5 * drive * X, [LOWER])
    digits(cumulant_rates(held, [1])[0], rate)
    digits(mandel_q(held, [1]), mandel)
    assert mandel_q(held, [1]) == pytest.approx(-6 * drive**2 / (1 + 2 * drive**2) ** 2, abs=ROUNDING)
    assert 1.0 / waiting_time(held).mean() == pytest.approx(float(cumulant_rates(held, [1])[0]), abs=ROUNDING)
    s = 1e-3
    up, down = scaled_generating_function(held, [1], s), scaled_generating_function(held, [1], -s)
    assert (up - down) / (2 * s) == pytest.approx(cumulant_rates(held, [1])[0], abs=s**2)
    assert (up + down) / s**2 == pytest.approx(cumulant_rates(held, [1])[1], abs=s**2)


@pytest.mark.parametrize("drive", [2.0, 0.5000001, 0.2])
def test_waiting_times_e11(drive):
    """Against the amplitude between jumps, ``w = Omega^2 exp(-t/2) sin(nu t)^2 / (4 nu^2)``, gamma = 1."""
    law, times = waiting_time(generator(0.5 * drive * X, [LOWER])), np.array([7.0, 0.0, 0.3, 1.0, 30.0, 1.0])
    nu = np.emath.sqrt(drive**2 / 4 - 1 / 16)
    expected = (drive**2 / 4 * np.exp(-times / 2) * (np.sin(nu * times) / nu) ** 2).real
    np.testing.assert_allclose(law.density(times), expected, atol=1e-12)
    inside = scipy.integrate.quad(lambda t: law.density([t])[0], 0.0, 3.0, epsabs=1e-11)[0]
    np.testing.assert_allclose(law.cumulative([3.0]), inside, atol=1e-10)
    np.testing.assert_allclose(law.cumulative(times) + law.survival(times), 1.0, atol=ROUNDING)


def test_waiting_times_of_one_channel_of_several():
    """A two-level atom in a bath: from one emission to the next, an absorption must come between."""
    held = thermal(0.5 * Z, [(1.0, 1.0)])
    up, down = bose(1.0, 1.0), bose(1.0, 1.0) + 1
    law = waiting_time(held, [True, False])
    assert law.mean() == pytest.approx(1 / up + 1 / down, abs=ROUNDING)
    t = np.array([0.5, 2.0])
    np.testing.assert_allclose(
        law.density(t), up * down / (down - up) * (np.exp(-up * t) - np.exp(-down * t)), atol=ROUNDING
    )


def test_what_never_jumps_has_no_waiting_time():
    with pytest.raises(InvalidInput, match="no jump ever comes"):
        waiting_time(generator(Z, [LOWER]))
    with pytest.raises(InvalidInput, match="from 0 on"):
        waiting_time(generator(X, [LOWER])).density([-1.0])


@pytest.mark.parametrize("counted", [[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
@pytest.mark.parametrize("ratio", [fano_factor, mandel_q])
def test_a_ratio_to_a_mean_of_zero_is_refused(ratio, counted):
    """In equilibrium as much heat goes as comes; what is left of it is rounding."""
    held = thermal(0.5 * Z, [(1.0, 1.0), (1.0, 1.0)])
    with pytest.raises(InvalidInput, match="its mean is 0"):
        ratio(held, counted)


def test_heat_through_a_two_level_molecule_e7():
    held = thermal(0.5 * Z, [(1.0, 2.0), (1.0, 1.0)])
    left = np.where(held.bath == 0, held.quantum, 0.0)
    mean, variance = cumulant_rates(held, left)
    digits(mean, "0.153598")
    digits(variance, "0.619585")
    assert fano_factor(held, left) == variance / mean
    for s in (0.2, -0.7):
        digits(scaled_generating_function(held, left, s), "0.0432105")
    np.testing.assert_allclose(held.heat_currents(held.steady_state(), 2), [mean, -mean], atol=ROUNDING)


# ---- E12


def pair(hot, cold, *, local):
    """Two coupled qubits; jumps of each alone, or between the energy levels of both."""
    one = [np.kron(LOWER, ONE), np.kron(ONE, LOWER)]
    exchange = one[0].T @ one[1] + one[1].T @ one[0]
    h = 0.5 * hot * np.kron(Z, ONE) + 0.5 * cold * np.kron(ONE, Z) + 0.05 * exchange
    operators, owners, quanta = [], [], []
    for bath, (omega, temperature) in enumerate([(hot, 1.2), (cold, 1.0)]):
        moves = [(one[bath], omega)] if local else lowering(h, one[bath] + one[bath].T)
        for operator, quantum in moves:
            n = bose(quantum, temperature)
            operators += [math.sqrt(0.01 * (n + 1)) * operator, math.sqrt(0.01 * n) * operator.conj().T]
            quanta += [-quantum, quantum]
            owners += [bath, bath]
    return generator(h, operators, bath=owners, quantum=quanta)


def lowering(h, coupling):
    """Parts of a coupling that lower the energy, one for each Bohr frequency."""
    energies, vectors = np.linalg.eigh(h)
    elements = vectors.conj().T @ coupling @ vectors
    gaps = energies[None] - energies[:, None]
    found = sorted({round(gap, 9) for gap in gaps[gaps > 1e-9]})
    parts = [
        (vectors @ np.where(abs(gaps - gap) < 1e-8, elements, 0) @ vectors.conj().T, gap) for gap in found
    ]
    return [part for part in parts if np.abs(part[0]).max() > 1e-9]


def entropy_production(currents):
    return -currents[0] / 1.2 - currents[1] / 1.0


def test_local_jumps_break_the_second_law_e12():
    held = pair(2.0, 1.0, local=True)
    currents = held.energy_currents(held.steady_state(), 2)
    digits(currents[0], "-1.577e-5")
    digits(entropy_production(currents), "-2.63e-6")
    assert held.thermal_deviation() > 0.01
    # Quanta of the local jumps, and work of the switching of couplings, put it right.
    quanta = held.heat_currents(held.steady_state(), 2)
    assert entropy_production(quanta) > 0.0
    assert abs(quanta.sum()) > 1e-6


@pytest.mark.parametrize(("cold", "local"), [(2.0, True), (1.0, False), (2.0, False)])
def test_equal_frequencies_or_global_jumps_restore_the_sign_e12(cold, local):
    held = pair(2.0, cold, local=local)
    currents = held.energy_currents(held.steady_state(), 2)
    assert currents[0] > 0.0
    assert entropy_production(currents) > 0.0
    assert currents.sum() == pytest.approx(0.0, abs=1e-15)
    if not local:
        assert held.thermal_deviation() < 1e-8
        np.testing.assert_allclose(held.heat_currents(held.steady_state(), 2), currents, atol=1e-14)


# ---- A6, E15


@pytest.mark.parametrize(
    ("excited", "mean", "theorem"), [(1.0, "2.109943", "0.123815"), (0.9, "1.588326", "1.000000")]
)
def test_absolute_irreversibility_a6(excited, mean, theorem):
    held = thermal(0.5 * Z, [(1.0, 0.5)])
    evolution = Evolution(
        (Piece(held, 2.0, np.array([2.0])),), np.diag([excited, 1.0 - excited]).astype(complex)
    )
    digits(cumulants(evolution, "total_entropy")[0], mean)
    digits(math.exp(log_generating_function(evolution, {"total_entropy": -1.0})), theorem)
    # By populations alone.
    steady, end = bose(1.0, 0.5) / (2 * bose(1.0, 0.5) + 1), evolution.final[0, 0].real
    assert cumulants(evolution, "total_entropy")[0] == pytest.approx(
        divergence(excited, steady) - divergence(end, steady), abs=ROUNDING
    )


def divergence(p, q):
    return sum(a * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0.0)


# ---- what is refused


def test_steady_state():
    held = thermal(0.5 * (X + Z), [(0.3, 0.7)])
    np.testing.assert_allclose(held.steady_state(), gibbs_state(held.hamiltonian, 1 / 0.7), atol=ROUNDING)
    with pytest.raises(InvalidInput, match="several steady states"):
        generator(Z).steady_state()
    cold = generator(Z, [LOWER])
    with pytest.raises(InvalidInput, match="an empty level"):
        potential_changes(cold, cold.steady_state())
    evolution = Evolution((Piece(replace(cold, entropy=np.array([np.inf])), 1.0, np.ones(1)),), ONE / 2)
    with pytest.raises(InvalidInput, match="without a way back"):
        cumulants(evolution, "log_ratio")
    assert log_generating_function(evolution, {"log_ratio": -1.0}) < -0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: generator([[0, 1], [0, 0]]), "not Hermitian"),
        (lambda: generator(np.zeros((2, 3))), r"shape \(2, 3\)"),
        (lambda: generator(np.full((2, 2), np.nan)), "finite square matrix"),
        (lambda: generator(Z, [np.eye(3)]), "another dimension"),
        (lambda: generator(Z, [LOWER], bath=[0, 1]), "2 for 1 operators"),
        (lambda: generator(Z, [LOWER], quantum=[]), "0 for 1 operators"),
    ],
)
def test_bad_lists_are_refused(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


def test_without_jumps_nothing_is_collected():
    evolution = Evolution((Piece(generator(Z), 1.0, np.array([1.0])),), gibbs_state(Z, 1.0))
    assert evolution.mean_activity() == 0.0
    assert cumulants(evolution, Collected((np.zeros(0),))) == (0.0, 0.0)
    assert collected(evolution, "heat").first is None
