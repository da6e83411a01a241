"""Steady states with coherence between levels: the density matrix, and runs that start from it.

A z-score of 4.5 is exceeded by chance once in 150,000; 18 are asked: one false alarm in 8,000.
"""

import numpy as np
import pytest

from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Equilibrium, Populations, Steady
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.laws import coherent, prepare
from fluctua.stochastic.reservoirs import BoseBath, LocalBath
from fluctua.stochastic.steps import Hold, Isothermal

ROUNDING = 1e-13
FIELD = LocalBath("field", on="M", rate=1.0, quantum=1.0)
LOCAL = [
    LocalBath("hot", on="MI", rate=0.3, quantum=2.0),
    LocalBath("cold", on="IM", rate=0.2, quantum=1.0),
]
RAISE = np.array([[0.0, 0.0], [1.0, 0.0]])
BOTH = np.kron(RAISE, np.eye(2)) + np.kron(np.eye(2), RAISE)

CASES = {
    "driven atom": (Hamiltonian("0.35*X"), [FIELD]),
    "detuned, complex": (Hamiltonian("0.35*Y + 0.2*Z"), [FIELD]),
    "without a way back": (Hamiltonian("X/2"), [LocalBath("out", on="M", rate=0.7, reverse=False)]),
    "beside a bath of levels": (Hamiltonian("X/2 + Z/3"), [FIELD, BoseBath("b", on="X", rate=0.4)]),
    "two qubits": (Hamiltonian("ZI + 0.5*IZ + 0.4*(PM + MP) + 0.1*XY"), LOCAL),
}


def spec_of(system, baths, *, initial=None, measured=False, steps=None, time_step=0.05):
    """Hold a system between baths of beta 1, 0.7, ..."""
    beta = {bath.name: 1.0 - 0.3 * k for k, bath in enumerate(baths)}
    return EnsembleSpec(
        system,
        QuantumJump(baths, measured=measured),
        Protocol(steps or [Hold(2.0)], beta=beta),
        trajectories=10_000,
        time_step=time_step,
        seed=17,
        initial=initial or Steady(),
    )


def matrix_of(spec):
    model = spec.dynamics.model(spec.system, turned=spec.direction == "reverse", hbar=spec.schedule.hbar)
    return coherent(spec.initial, model, spec.schedule)


@pytest.mark.parametrize("case", CASES)
def test_the_matrix_is_that_of_numpy_and_stays(case):
    spec = spec_of(*CASES[case])
    density = matrix_of(spec).complex[0]
    known = spec.exact()
    np.testing.assert_allclose(density, known.pieces[1].held.steady_state(), atol=ROUNDING)
    np.testing.assert_allclose(density, density.conj().T, atol=ROUNDING)
    assert np.trace(density).real == pytest.approx(1.0, abs=ROUNDING)
    energy = known.pieces[0].held.hamiltonian
    assert np.abs(energy @ density - density @ energy).max() > 0.01  # coherence between levels
    np.testing.assert_allclose(known.states, np.broadcast_to(density, known.states.shape), atol=1e-12)
    assert known.mean("energy_change") == pytest.approx(0.0, abs=1e-12)


def test_the_atom_in_closed_form():
    """Rotating frame, Omega, decay g(n + 1) and excitation g n: the optical Bloch equations at rest."""
    omega, beta = 0.7, 1.0
    spec = spec_of(*CASES["driven atom"])
    n = 1.0 / np.expm1(beta)
    total = 2.0 * n + 1.0
    z = -total / (total**2 + 2.0 * omega**2)  # of Bloch's vector, decay total, dephasing total / 2
    y = -2.0 * omega * z / total
    paulis = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    bloch = np.einsum("kij,ji->k", paulis, matrix_of(spec).complex[0])
    np.testing.assert_allclose(bloch, [0.0, y, z], atol=ROUNDING)


@pytest.mark.parametrize("case", CASES)
def test_eigenvectors_make_up_the_matrix(case):
    spec = spec_of(*CASES[case])
    model = spec.dynamics.model(spec.system, hbar=1.0)
    start = prepare(spec.initial, model, spec.schedule, seed=4, direction="forward")
    assert start.facts["law"] == "steady state with coherence"
    d = spec.system.dimension
    drawn = start.draw(0, 4000)
    assert (drawn[-1] == -1.0).all()  # nothing is measured
    np.testing.assert_array_equal(start.draw(70, 30), drawn[:, 70:100])
    states, counts = np.unique(drawn[:-1], axis=1, return_counts=True)
    weights = np.sort(np.array(start.facts["eigenvalues"]))
    assert weights.sum() == pytest.approx(1.0, abs=ROUNDING)
    vectors = states[:d] + 1j * states[d:]
    density = matrix_of(spec).complex[0]
    shares = np.einsum("ik,ij,jk->k", vectors.conj(), density, vectors).real
    np.testing.assert_allclose(np.linalg.eigvalsh(density), weights, atol=ROUNDING)
    if len(counts) == d:
        rebuilt = np.einsum("ik,k,jk->ij", vectors, shares, vectors.conj())
        np.testing.assert_allclose(rebuilt, density, atol=ROUNDING)
    assert np.abs((counts / 4000 - shares) / np.sqrt(shares * (1.0 - shares) / 4000)).max() < 4.5


def test_a_run_from_it_is_steady_from_the_first_instant():
    """Against its exact companion, and beside the same run from a level, which has to relax."""
    spec = spec_of(*CASES["driven atom"])
    columns = propagator_of(spec).run(0, spec.trajectories).columns
    known = spec.exact()
    for name in ("activity", "heat", "entropy_flow", "log_ratio"):
        values = columns[name].astype(float)
        z = (values.mean() - known.mean(name)) / (values.std() / np.sqrt(values.size))
        assert abs(z) < 4.5, name
    relaxing = spec.replace({"initial": {"kind": "Populations", "level_0": 1.0}}).exact()
    assert abs(relaxing.mean("heat") - known.mean("heat")) > 0.05  # the control


def test_the_reverse_starts_from_its_own():
    """Time reversal conjugates: where a field is complex the steady state of the reverse is another."""
    system = Hamiltonian("0.35*Y + e*Z", controls="e")
    spec = spec_of(system, [FIELD], steps=[Isothermal(1.0, e=(0.2, 0.6))])
    first, last, straight = (
        matrix_of(spec_of(Hamiltonian(energy), [FIELD])).complex
        for energy in ("0.35*Y + 0.2*Z", "0.6*Z - 0.35*Y", "0.35*Y + 0.6*Z")
    )
    np.testing.assert_allclose(matrix_of(spec).complex, first, atol=ROUNDING)
    np.testing.assert_allclose(matrix_of(spec.reversed()).complex, last, atol=ROUNDING)
    assert np.abs(last - straight).max() > 0.1
    np.testing.assert_array_equal(spec.reversed().exact().start, matrix_of(spec.reversed()).complex[0])


def test_what_is_measured_starts_from_a_mixture():
    said = (
        r"as the first measurement would leave: one would gain coherence at .* of the fastest rate"
        r" \(initial\): start from Equilibrium\(beta=...\) or Populations\(...\), and Hold first .*, or set"
        " measured=False"
    )
    with pytest.raises(InvalidInput, match=said):
        spec_of(*CASES["driven atom"], measured=True)
    with pytest.raises(InvalidInput, match=r"is exact \(initial.duration\): leave it out"):
        spec_of(*CASES["driven atom"], initial=Steady(duration=1.0))
    for initial in (Equilibrium(beta=1.0), Populations(level_0=1.0)):
        assert matrix_of(spec_of(*CASES["driven atom"], initial=initial)) is None
    assert matrix_of(spec_of(Hamiltonian("Z/2"), [FIELD])) is None  # a mixture of levels, as it always was


@pytest.mark.parametrize(("tilt", "coherent"), [(1e-5, True), (1e-7, True), (1e-10, False), (0.0, False)])
def test_a_weak_coherence_is_one_until_it_is_rounding(tilt, coherent):
    """A field beside the levels: measured runs are refused, others start from the matrix."""
    case = Hamiltonian(f"Z/2 + {tilt!r}*X"), [FIELD]
    assert (matrix_of(spec_of(*case)) is not None) == coherent
    if coherent:
        with pytest.raises(InvalidInput, match=r"one would gain coherence at \d"):
            spec_of(*case, measured=True)
    else:
        assert spec_of(*case, measured=True).exact().start.shape == (2, 2)


def test_a_steady_matrix_in_any_unit_of_time():
    """Rates of 1e13 per second: the equation of the trace is of the size of the others."""
    slow, fast = (
        spec_of(
            Hamiltonian(f"{0.35 * rate!r}*X"),
            [LocalBath("field", on="M", rate=rate, quantum=1.0)],
            steps=[Hold(2.0 / rate)],
            time_step=0.05 / rate,
        )
        for rate in (1.0, 1e13)
    )
    np.testing.assert_allclose(matrix_of(fast).complex, matrix_of(slow).complex, atol=ROUNDING)


@pytest.mark.parametrize("energy", ["0.5*(XI + IX)", "0.5*(XI + IX) + 0.3*(ZI + IZ)"])
def test_a_dark_state_beside_it_is_a_second_one(energy):
    system = Hamiltonian(energy, operators={"S": BOTH})
    with pytest.raises(InvalidInput, match=r"several steady states \(initial\)|no one steady state"):
        spec_of(system, [LocalBath("field", on="S", rate=1.0, quantum=1.0)], time_step=0.02)
