"""Jump channels against a dense twin, local detailed balance, crossings, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput, Unstable
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.operators import pauli_string
from fluctua.stochastic.reservoirs import BoseBath, Lead, LocalBath

EPS = np.finfo(float).eps
QUBIT = Hamiltonian("delta/2*X + epsilon/2*Z", controls="epsilon", parameters={"delta": 1.0})
PHONONS = BoseBath("phonons", rate=0.2)


def held(system, baths, controls, beta, coupled=None, **model):
    controls = np.atleast_2d(np.asarray(controls, dtype=float))
    beta = np.broadcast_to(np.asarray(beta, dtype=float), (len(controls), len(baths)))
    coupled = np.ones(beta.shape, dtype=bool) if coupled is None else np.asarray(coupled)
    return QuantumJump(baths).model(system, **model).held(controls, np.ascontiguousarray(beta), coupled)


def operators(found, row):
    """Give the Lindblad operators of a row in the fixed basis."""
    v = found.vectors[row : row + 1].complex[0]
    slots = range(found.first_slot[row], found.first_slot[row + 1])
    return [v @ found.operator(slot).complex[0] @ v.conj().T for slot in slots]


def generator(found):
    """Give the generators between jumps in the fixed basis."""
    v = found.vectors.complex
    return v @ found.generator.complex @ v.conj().swapaxes(1, 2)


def jump_map(lindblad):
    return sum(np.kron(one, one.conj()) for one in lindblad)


def davies(h, a, rate, beta, spectrum=np.ones_like, dephasing=0.0):
    """The textbook: A(omega) = sum of P(e) A P(e') with e' - e = omega, from NumPy's eigenbasis."""
    energies, v = np.linalg.eigh(h)
    element = v.conj().T @ a @ v
    gaps = energies[None, :] - energies[:, None]
    found = []
    for omega in sorted({round(gap, 6) for gap in gaps.ravel()}):
        part = v @ np.where(np.abs(gaps - omega) < 1e-5, element, 0) @ v.conj().T
        if abs(omega) < 1e-5:
            found.append(np.sqrt(dephasing) * part)
            continue
        bosons = 1 / np.expm1(beta * abs(omega))
        found.append(np.sqrt(rate * spectrum(abs(omega)) * (bosons + (omega > 0))) * part)
    return found


def random_hermitian(seed, d, values=None):
    generator = np.random.default_rng(seed)
    a = generator.normal(size=(d, d)) + 1j * generator.normal(size=(d, d))
    if values is None:
        return a + a.conj().T
    q = np.linalg.qr(a)[0]
    h = (q * np.asarray(values, dtype=float)) @ q.conj().T
    return (h + h.conj().T) / 2


@pytest.mark.parametrize(
    "values", [[0, 1], [0, 1, 3], [0, 1, 2, 3], [0, 0, 1, 1], [-1, 0, 0, 1, 2.5], [0, 0, 0]]
)
def test_channels_are_those_of_davies(values):
    d = len(values)
    h, a = random_hermitian(1, d, values), random_hermitian(2, d)
    system = Hamiltonian("h", operators={"h": h, "a": a})
    bath = BoseBath("b", on="a", rate=0.3, spectrum="omega*exp(-omega/4)", dephasing=0.05)
    found = held(system, [bath], np.zeros((1, 0)), 0.7)
    known = davies(h, a, 0.3, 0.7, lambda omega: omega * np.exp(-omega / 4), 0.05)
    np.testing.assert_allclose(jump_map(operators(found, 0)), jump_map(known), atol=1e-12)
    total = sum(one.conj().T @ one for one in known)
    np.testing.assert_allclose(generator(found)[0], -1j * h - total / 2, atol=1e-12)
    # one channel for each way of each Bohr frequency, and that of frequency 0
    frequencies = {round(x - y, 6) for x in values for y in values}
    assert found.first_slot[-1] == len(frequencies)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 6), st.floats(0.05, 5), st.booleans())
def test_local_detailed_balance_and_its_control(seed, d, beta, through):
    h, a = random_hermitian(seed, d), random_hermitian(seed + 1, d)
    system = Hamiltonian("h", operators={"h": h, "a": a})
    bath = BoseBath("b", on="a" if through else None, rate=0.3)
    found = held(system, [bath], np.zeros((1, 0)), beta)
    beta_row = np.array([[beta]])
    reach = beta * np.ptp(found.energies)
    assert found.imbalance(beta_row) <= 20 * EPS * (1 + reach)
    assert found.imbalance(1.01 * beta_row) > 1e-3 * min(1.0, beta * -found.quantum.min())
    # Gibbs stands still
    rho = np.diag(np.exp(-beta * (found.energies[0] - found.energies[0, 0])))
    rho = rho / np.trace(rho)
    lindblad = [found.operator(slot).complex[0] for slot in range(found.first_slot[-1])]
    total = sum(one.conj().T @ one for one in lindblad)
    change = sum(one @ rho @ one.conj().T for one in lindblad) - (total @ rho + rho @ total) / 2
    assert np.abs(change).max() <= 1e-12 * np.abs(total).max()
    # the entropy comes from the rates, the quantum from the energies
    np.testing.assert_allclose(found.entropy, -beta * found.quantum, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(found.quantum[found.reverse], -found.quantum)
    np.testing.assert_array_equal(found.reverse[found.reverse], np.arange(len(found.reverse)))


def test_a_qubit_of_two_levels():
    """E9's operators: sqrt(gamma (n + 1)) down, sqrt(gamma n) up, with the gap of the instant."""
    epsilon = np.array([[-4.0], [0.0], [2.0]])
    found = held(QUBIT, [PHONONS], epsilon, 1.0)
    gap = np.sqrt(1 + epsilon[:, 0] ** 2)
    bosons = 1 / np.expm1(gap)
    np.testing.assert_allclose(found.quantum.reshape(3, 2), np.stack([-gap, gap], axis=1), rtol=4 * EPS)
    rates = found.re.reshape(3, 2) ** 2
    np.testing.assert_allclose(rates, 0.2 * np.stack([bosons + 1, bosons], axis=1), rtol=1e-14)
    assert found.target.tolist() == [0, 1] * 3
    assert found.source.tolist() == [1, 0] * 3
    np.testing.assert_allclose(found.fastest, 0.2 * (bosons + 1), rtol=1e-14)
    model = QuantumJump([PHONONS]).model(QUBIT)
    names = [model.channel_names[number] for number in found.channel[:2]]
    assert names == ["phonons: level_1 -> level_0", "phonons: level_0 -> level_1"]


def test_names_tell_pairs_gaps_and_dephasing():
    ladder = Hamiltonian(
        "n", operators={"n": np.diag([0.0, 1, 2]), "x": np.diag([1.0, 1], 1) + np.diag([1.0, 1], -1)}
    )
    model = QuantumJump([BoseBath("b", on="x", rate=1.0, dephasing=1.0)]).model(ladder)
    found = model.held(np.zeros((1, 0)), np.ones((1, 1)), np.ones((1, 1), dtype=bool))
    names = [model.channel_names[number] for number in found.channel]
    assert names == ["b: level_1 -> level_0 ...", "b: level_0 -> level_1 ..."]  # x has no diagonal
    free = QuantumJump([BoseBath("b", rate=1.0, dephasing=0.5)]).model(ladder)
    found = free.held(np.zeros((1, 0)), np.ones((1, 1)), np.ones((1, 1), dtype=bool))
    names = [free.channel_names[number] for number in found.channel]
    assert names[:2] == ["b: level_1 -> level_0", "b: level_0 -> level_1"]
    assert names[-3:] == [f"b: dephasing of level_{k}" for k in range(3)]
    assert len(names) == 9
    both = QuantumJump([BoseBath("b", on=["x", "n"], rate=1.0)]).model(ladder).channel_names
    assert {name.split(":")[0] for name in both} == {"b through x", "b through n"}
    assert len(set(both)) == len(both)


def test_a_forbidden_pair_has_no_channel():
    """X of the first spin changes that spin alone: of six pairs two gaps remain, which are one."""
    system = Hamiltonian("ZI + 2.5*IZ")
    found = held(system, [BoseBath("b", on="XI", rate=1.0)], np.zeros((1, 0)), 1.0)
    assert found.first_slot.tolist() == [0, 2]
    np.testing.assert_allclose(found.quantum, [-2, 2], rtol=4 * EPS)
    assert np.diff(found.first_entry).tolist() == [2, 2]


def test_channels_may_differ_in_number_from_row_to_row():
    system = Hamiltonian("a*ZI + IZ", controls="a")
    found = held(system, [BoseBath("b", on="XI + IX", rate=1.0)], [[2.0], [1.0], [2.0]], 1.0)
    assert np.diff(found.first_slot).tolist() == [4, 2, 4]


def test_a_row_does_not_see_the_rows_beside_it():
    system = Hamiltonian("a*ZI + IZ + 0.3*XY", controls="a")
    baths = [BoseBath("b", on="XI", rate=1.0, dephasing=0.1), LocalBath("c", on="IM", rate=0.2, quantum=1.0)]
    controls = np.array([[2.0], [1.0], [0.0], [-3.0]])
    connected = np.array([[True, True], [True, False], [False, True], [True, True]])
    whole = held(system, baths, controls, [[1.0, 2.0]] * 4, connected)
    for row in range(4):
        alone = held(system, baths, controls[row], [1.0, 2.0], connected[row : row + 1])
        assert alone.generator.complex.tobytes() == whole.generator[row : row + 1].complex.tobytes()
        slots = slice(whole.first_slot[row], whole.first_slot[row + 1])
        entries = slice(whole.first_entry[slots.start], whole.first_entry[slots.stop])
        for field in ("channel", "bath", "quantum", "entropy"):
            np.testing.assert_array_equal(getattr(alone, field), getattr(whole, field)[slots])
        np.testing.assert_array_equal(alone.reverse, whole.reverse[slots] - slots.start)
        for field in ("target", "source", "re", "im"):
            np.testing.assert_array_equal(getattr(alone, field), getattr(whole, field)[entries])


def test_a_bath_that_is_not_connected_has_no_channels():
    found = held(
        QUBIT, [PHONONS, BoseBath("light", rate=1.0)], [[0.0], [0.0]], 1.0, [[True, False], [False, False]]
    )
    assert np.diff(found.first_slot).tolist() == [2, 0]
    assert set(found.bath) == {0}
    np.testing.assert_array_equal(found.generator.complex[1], -0.5j * np.diag([-1.0, 1.0]))


def test_local_operators_are_fixed():
    system = Hamiltonian("a*ZI + IZ + g*XX", controls=("a", "g"))
    baths = [
        LocalBath("hot", on="MI", rate="0.1*a", quantum="2*a"),
        LocalBath("out", on="IM", rate=0.3, reverse=False),
    ]
    found = held(system, baths, [[1.5, 0.4]], [[0.5, 1.0]])
    n = 1 / np.expm1(0.5 * 3.0)
    down, up, out = operators(found, 0)
    np.testing.assert_allclose(down, np.sqrt(0.15 * (n + 1)) * pauli_string("MI"), atol=1e-14)
    np.testing.assert_allclose(up, np.sqrt(0.15 * n) * pauli_string("PI"), atol=1e-14)
    np.testing.assert_allclose(out, np.sqrt(0.3) * pauli_string("IM"), atol=1e-14)
    np.testing.assert_allclose(found.quantum, [-3, 3, 0], atol=1e-15)
    np.testing.assert_allclose(found.entropy[:2], [1.5, -1.5], rtol=1e-14)
    assert np.isnan(found.entropy[2])
    assert found.reverse.tolist() == [1, 0, -1]


def test_a_local_operator_may_be_a_number():
    """It does nothing but jump; that is no coupling to be missed."""
    found = held(QUBIT, [LocalBath("b", on="2*I", rate=0.3, reverse=False)], [[0.5]], 1.0)
    np.testing.assert_allclose(operators(found, 0)[0], 2.0 * np.sqrt(0.3) * np.eye(2), atol=1e-14)


def test_where_levels_meet():
    """A rate that stays finite has its limit, rate spectrum'(0) / beta; else it is refused."""
    system = Hamiltonian("a*Z", controls="a")
    limit = held(system, [BoseBath("b", rate=0.2, spectrum="omega*exp(-omega)")], [[0.0], [1e-9]], 2.0)
    np.testing.assert_allclose(limit.re**2, 0.1, rtol=1e-8)
    with pytest.raises(InvalidInput, match=r"infinite where levels meet at a = 0 .*spectrum=\"omega\""):
        held(system, [BoseBath("b", rate=0.2)], [[1.0], [0.0]], 2.0)
    through = held(system, [BoseBath("b", on="X", rate=0.2, dephasing=0.3)], [[0.0]], 2.0)
    np.testing.assert_allclose(operators(through, 0)[0], np.sqrt(0.3) * pauli_string("X"), atol=1e-14)


def test_a_cold_bath_takes_and_gives_nothing():
    """At beta omega = 1000 no float holds the rate up; the entropy of the way down is still beta omega."""
    found = held(QUBIT, [PHONONS], [[0.0]], 1000.0)
    np.testing.assert_array_equal(found.re[1], 0.0)
    np.testing.assert_allclose(found.entropy, [1000.0, -1000.0], rtol=1e-15)


def test_planck_constant_scales_frequencies_only():
    one = held(QUBIT, [BoseBath("b", rate=0.2, spectrum="omega")], [[0.5]], 1.0)
    two = held(QUBIT, [BoseBath("b", rate=0.2, spectrum="omega")], [[0.5]], 1.0, hbar=2.0)
    np.testing.assert_allclose(two.re**2, one.re**2 / 2, rtol=1e-14)
    np.testing.assert_array_equal(two.quantum, one.quantum)
    turning = two.generator.im[0] + np.diag(two.energies[0]) / 2
    assert np.abs(turning).max() <= EPS


def test_time_reversal_conjugates():
    system = Hamiltonian("X + 2*Y + a*Z", controls="a")
    baths = [LocalBath("b", on="Y + P", rate=0.1, quantum=1.0)]
    there = held(system, baths, [[0.3]], 1.0)
    back = held(system, baths, [[0.3]], 1.0, turned=True)
    np.testing.assert_allclose(back.energies, there.energies, rtol=4 * EPS)
    np.testing.assert_allclose(jump_map(operators(back, 0)), jump_map(operators(there, 0)).conj(), atol=1e-14)
    turned = generator(back) - generator(there).conj()
    np.testing.assert_allclose(turned, -2j * system.matrices([[0.3]]).complex.conj(), atol=1e-14)


def test_a_step_in_which_a_state_jumps_too_often_is_refused():
    rate = 0.2 * (1 + 1 / np.expm1(1.0))
    assert held(QUBIT, [PHONONS], [[0.0]], 1.0, time_step=0.0999 / rate)
    with pytest.raises(
        Unstable, match=r"probability 0.11 in one time step at epsilon = 0 \(time_step\)"
    ) as caught:
        held(QUBIT, [PHONONS], [[4.0], [0.0]], 1.0, time_step=0.11 / rate)
    assert caught.value.exit_code == 3
    short = float(caught.value.remedy.split()[0])
    assert 0.08 < short * rate < 0.095
    assert held(QUBIT, [PHONONS], [[0.0]], 1.0, time_step=short)


@pytest.mark.parametrize(
    ("baths", "said", "where"),
    [
        ([BoseBath("b", rate="epsilon")], "the rate is -1 at epsilon = -1", "dynamics.baths.b.rate"),
        ([BoseBath("b", rate=1.0, spectrum="-omega")], "the rate is -1.11803", "dynamics.baths.b.spectrum"),
        ([BoseBath("b", rate="1/(1+epsilon)")], "the rate is inf", "dynamics.baths.b.rate"),
        (
            [BoseBath("b", rate=1.0, spectrum="epsilon")],
            "'epsilon' is not declared",
            "dynamics.baths.b.spectrum",
        ),
        ([BoseBath("b", rate="cos(t)")], "time in a rate", "dynamics.baths.b.rate"),
        ([BoseBath("b", on="XX", rate=1.0)], "XX has dimension 4", "dynamics.baths.b.on"),
        ([BoseBath("b", on="M", rate=1.0)], "M is not Hermitian", "dynamics.baths.b.on"),
        ([BoseBath("b", on="X*Z", rate=1.0)], "a product", "dynamics.baths.b.on"),
        ([BoseBath("b", on="X - X", rate=1.0)], "is zero", "dynamics.baths.b.on"),
        ([BoseBath("b", on=["X", "2*I"], rate=1.0)], "couples to nothing", "dynamics.baths.b.on"),
        (
            [LocalBath("b", on="M", rate=1.0, quantum="epsilon")],
            "the quantum is -1",
            "dynamics.baths.b.quantum",
        ),
        ([LocalBath("b", on="M", rate=-1.0, quantum=1.0)], "the rate is -1", "dynamics.baths.b.rate"),
    ],
)
def test_what_is_refused(baths, said, where):
    with pytest.raises(InvalidInput, match=said) as caught:
        held(QUBIT, baths, [[0.5], [-1.0]], 1.0)
    assert where in caught.value.where
    assert "\n" not in str(caught.value)


def test_an_energy_that_is_not_finite_is_refused():
    with pytest.raises(InvalidInput, match="the energy is not finite at a = 0"):
        held(Hamiltonian("Z/a", controls="a"), [PHONONS], [[1.0], [0.0]], 1.0)


def test_baths_of_levels_do_not_act_on_a_hamiltonian():
    with pytest.raises(InvalidInput, match="does not fit here"):
        QuantumJump([Lead("b", on="a -> b", rate=1.0, mu=0.0)])
    with pytest.raises(InvalidInput, match="omega"):
        held(Hamiltonian("omega*Z", controls="omega"), [PHONONS], [[1.0]], 1.0)
