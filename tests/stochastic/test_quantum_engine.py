"""The engine of quantum jumps: against its slow twin, exact laws, and faults that must be found.

z-scores: 4.5 in each test, 7e-6 a number; Kolmogorov-Smirnov at 1e-4. Seeds were chosen before looking.
"""

from __future__ import annotations

from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.stats import kstest

from fluctua.stochastic import propagator
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum import engine, tables
from fluctua.stochastic.quantum.engine import QuantumPropagator
from fluctua.stochastic.quantum.matrices import Matrices
from fluctua.stochastic.quantum.segments import trees
from fluctua.stochastic.quantum.starts import from_amplitudes, from_populations, gibbs
from fluctua.stochastic.quantum.tables import tables_of
from fluctua.stochastic.steps import Hold, Isolated, Isothermal, Quench
from reference_quantum import (
    Channel,
    HandMade,
    X,
    driven_qubit,
    local_model,
    slow_trajectory,
    thermal_channels,
)

Z_MOST = 4.5
SWEEP = Protocol([Isothermal(5.0, epsilon=(-4.0, 4.0))], beta=1.0)
STROKES = Protocol(
    [
        Isothermal(1.0, epsilon=(-2.0, 1.0)),
        Quench(epsilon=2.0),
        Isolated(0.5, epsilon=(2.0, 0.0)),
        Hold(1.0),
    ],
    beta=0.7,
)


def schedule_of(protocol, time_step, model, controls=("epsilon",)):
    return protocol.schedule(time_step, controls, model.bath_names, 1.0)


def thermal(model, schedule, *, seed=1, direction="forward", **tables):
    """Give a propagator that starts in equilibrium."""
    energies, vectors = model.levels(schedule.start_controls[None])
    weights = gibbs(energies[0], float(schedule.start_beta[0]))
    start = from_populations(vectors, weights, seed=seed, direction=direction, facts={})
    return QuantumPropagator(model, schedule, start, seed=seed, direction=direction, **tables)


def followed(model, schedule, amplitudes, *, seed=1, **tables):
    """Give a propagator that starts in one superposition."""
    return QuantumPropagator(model, schedule, from_amplitudes(amplitudes, {}), seed=seed, **tables)


def z_score(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


def exact_means(model, schedule, density):
    """Give mean heat and work of a schedule by the Lindblad equation, move by move."""
    heat, work, held = 0.0, 0.0, schedule.start_controls
    d = model.dimension
    for step in range(schedule.steps):
        controls = schedule.controls[step]
        work += np.trace((model.energy(controls) - model.energy(held)) @ density).real
        held = controls
        _, vectors, generator, channels, _ = model.row(controls, schedule.beta[step], schedule.coupled[step])
        unit = np.eye(d)
        total = np.kron(generator, unit) + np.kron(unit, generator.conj())
        for channel in channels:
            operator = vectors @ channel.operator @ vectors.conj().T
            total = total + np.kron(operator, operator.conj())
        before = np.trace(model.energy(controls) @ density).real
        density = (expm(total * schedule.time_step) @ density.ravel()).reshape(d, d)
        heat += np.trace(model.energy(controls) @ density).real - before
    work += np.trace((model.energy(schedule.end_controls) - model.energy(held)) @ density).real
    return heat, work


def gibbs_density(model, controls, beta):
    made = expm(-beta * model.energy(controls))
    return made / np.trace(made).real


@pytest.fixture(scope="module")
def sweep():
    """E9 with coarse steps: the law is exact for whatever the schedule holds."""
    model = driven_qubit(path_work=True)
    schedule = schedule_of(SWEEP, 0.05, model)
    return model, schedule, thermal(model, schedule, seed=2).run(0, 60_000).columns


def test_sound_and_finite(sweep):
    columns = sweep[2]
    assert (columns["status"] == 0).all()
    assert all(np.isfinite(column).all() for column in columns.values())


def test_heat_and_work_of_the_lindblad_equation(sweep):
    """Mean heat and work are those of the same schedule's master equation."""
    model, schedule, columns = sweep
    heat, work = exact_means(model, schedule, gibbs_density(model, schedule.start_controls, 1.0))
    assert abs(z_score(columns["heat"], heat)) < Z_MOST
    assert abs(z_score(columns["work"], work)) < Z_MOST
    assert abs(z_score(columns["path_work"], work)) < Z_MOST


def test_jarzynski_is_exact_at_coarse_steps(sweep):
    assert abs(z_score(np.exp(-sweep[2]["dimensionless_work"]), 1.0)) < Z_MOST


def test_jarzynski_finds_heat_left_out(sweep):
    columns = sweep[2]
    assert abs(z_score(np.exp(-columns["energy_change"]), 1.0)) > Z_MOST


def test_entropy_flow_and_log_ratio(sweep):
    """From quanta and from rates, independently, the same for thermal channels."""
    columns = sweep[2]
    np.testing.assert_allclose(columns["entropy_flow"], columns["log_ratio"], rtol=0.0, atol=1e-12)
    np.testing.assert_allclose(columns["entropy_flow"], -columns["heat"], rtol=0.0, atol=1e-12)


def test_ledger_of_the_first_law(sweep):
    columns = sweep[2]
    residual = columns["energy_change"] - columns["work"] - columns["heat"]
    assert np.abs(residual).max() < 1e-13 * 10.0
    assert set(np.unique(columns["state_initial"])) | set(np.unique(columns["state_final"])) == {0, 1}


def test_any_cut_gives_the_same_bits():
    """Cutting, tables that are kept, and samples change no bit."""
    model = driven_qubit(path_work=True)
    schedule = schedule_of(STROKES, 0.05, model)
    whole = thermal(model, schedule).run(0, 100).columns
    parts = [thermal(model, schedule, paths=50, path_every=3, strokes=True) for _ in range(2)]
    blocks = [parts[0].run(0, 37), parts[0].run(37, 63)]
    for name, column in whole.items():
        joined = np.concatenate([block.columns[name] for block in blocks])
        assert joined.tobytes() == column.tobytes(), name
    rarely = thermal(model, schedule, paths=50, path_every=9).run(0, 37)
    often = blocks[0].paths["p_0"].reshape(37, -1)[:, ::3]
    assert rarely.paths["p_0"].reshape(37, -1).tobytes() == np.ascontiguousarray(often).tobytes()
    assert rarely.jumps["time"].tobytes() == blocks[0].jumps["time"].tobytes()


def test_strokes_add_up():
    model = driven_qubit(path_work=True)
    schedule = schedule_of(STROKES, 0.05, model)
    block = thermal(model, schedule, strokes=True).run(0, 500)
    for name in ("heat", "activity", "path_work", "entropy_flow"):
        by_stroke = block.strokes[name].reshape(500, 4)
        np.testing.assert_allclose(by_stroke.sum(axis=1), block.columns[name], rtol=0.0, atol=1e-12)
    by_stroke = block.strokes["activity"].reshape(500, 4)
    assert not by_stroke[:, 1:3].any(), "a quench and an isolated stroke have no jumps"
    assert by_stroke[:, 0].any()
    assert by_stroke[:, 3].any()
    assert not block.strokes["path_work"].reshape(500, 4)[:, 3].any(), "a hold does no work"


def test_twin_trajectory_by_trajectory():
    """Jumps, their instants, channels and last states are those of waiting times by matrix exponentials."""
    model = driven_qubit((0.9,), path_work=True)
    schedule = schedule_of(STROKES, 0.25, model)
    propagator = thermal(model, schedule, seed=3, paths=25, path_every=schedule.steps)
    block, states, found = propagator.run(0, 25), propagator.start.draw(0, 25), 0
    _, vectors = np.linalg.eigh(model.energy(schedule.end_controls))
    for number in range(25):
        psi, jumps = slow_trajectory(
            model, schedule, states[:2, number] + 1j * states[2:4, number], 3, "forward", number
        )
        mine = block.jumps["trajectory"] == number
        np.testing.assert_allclose(block.jumps["time"][mine], [jump[0] for jump in jumps], rtol=0, atol=1e-10)
        assert list(block.jumps["channel"][mine]) == [jump[1] for jump in jumps]
        assert block.columns["activity"][number] == len(jumps)
        for name, place in (("heat", 2), ("entropy_flow", 3), ("log_ratio", 4)):
            assert block.columns[name][number] == pytest.approx(sum(jump[place] for jump in jumps), abs=1e-12)
        weights = np.abs(vectors.conj().T @ psi) ** 2
        assert block.paths["p_0"][2 * number + 1] == pytest.approx(weights[0] / weights.sum(), abs=1e-9)
        found += len(jumps)
    assert found > 20


def test_time_step_changes_no_jump():
    """Held still, a trajectory's jumps are the same at any time step, several in a step among them."""
    model = driven_qubit((2.0,), path_work=True)
    protocol = Protocol([Hold(4.0)], beta=0.5, epsilon=0.3)
    blocks = [
        thermal(model, schedule_of(protocol, step, model), paths=40, path_every=1).run(0, 40)
        for step in (0.02, 2.0)
    ]
    fine, coarse = (block.jumps for block in blocks)
    assert len(fine["time"]) > 200
    np.testing.assert_array_equal(fine["channel"], coarse["channel"])
    np.testing.assert_array_equal(fine["state"], coarse["state"])
    np.testing.assert_allclose(fine["time"], coarse["time"], rtol=0.0, atol=1e-11)


@pytest.mark.parametrize("segment", [1, 4])
@pytest.mark.parametrize("path_work", [False, True])
def test_segments_change_no_jump(segment, path_work):
    """Looking at the norm after each move, or after four, finds the same jumps and samples to rounding."""
    model = driven_qubit((0.9,), path_work=path_work)
    steps = [Hold(2.3), Isothermal(3.9, epsilon=(0.5, 2.0)), Hold(0.1)]  # trees that are not full
    schedule = schedule_of(Protocol(steps, beta=1.0, epsilon=0.5), 0.1, model)
    usual, other = (thermal(model, schedule, paths=60, path_every=7) for _ in range(2))
    other.tables = tables_of(model, schedule, other.vectors[1:], segment)
    a, b = usual.run(0, 60), other.run(0, 60)
    assert len(a.jumps["time"]) > 100  # they are worth a look
    for name in a.paths:
        np.testing.assert_allclose(a.paths[name], b.paths[name], rtol=0.0, atol=1e-9)
    np.testing.assert_array_equal(a.jumps["channel"], b.jumps["channel"])
    np.testing.assert_allclose(a.jumps["time"], b.jumps["time"], rtol=0.0, atol=1e-11)
    np.testing.assert_array_equal(a.columns["state_final"], b.columns["state_final"])


@pytest.mark.slow
def test_the_series_of_the_norm_finds_what_that_of_the_wave_function_finds():
    """Without Hamiltonian the norm falls twice as fast as anything turns: the harder case for its series."""
    drained = HandMade(
        2,
        lambda _controls: np.zeros((2, 2), complex),
        lambda *_: [Channel(0, 0, 0.0, np.nan, np.diag([1.0, 0.0]).astype(complex)[::-1])],
        ("bath: 0",),
        thermal=False,
        measured=False,
    )
    for model, amplitudes in ((driven_qubit((0.9,), measured=False), [0.6, 0.8j]), (drained, [0.6, 0.8j])):
        schedule = schedule_of(Protocol([Hold(6.0)], beta=1.0, epsilon=0.5), 0.5, model)
        usual, other = (followed(model, schedule, amplitudes, paths=60, path_every=12) for _ in range(2))
        assert not usual.tables.mixing
        other.tables = replace(other.tables, mixing=True)
        a, b = usual.run(0, 60), other.run(0, 60)
        assert len(a.jumps["time"]) > 10
        np.testing.assert_array_equal(a.jumps["channel"], b.jumps["channel"])
        np.testing.assert_allclose(a.jumps["time"], b.jumps["time"], rtol=0.0, atol=1e-12)


@given(st.lists(st.integers(1, 8), min_size=1, max_size=5), st.data())
def test_a_node_is_the_product_of_its_moves(lengths, data):
    """The two matrices of a free group tell each order of factors apart."""
    rows = data.draw(st.lists(st.integers(0, 1), min_size=sum(lengths), max_size=sum(lengths)))
    members = np.full((len(lengths), 8), -1)
    for one, length in zip(members, lengths, strict=True):
        one[:length], rows = rows[:length], rows[length:]
    nodes, pairs = trees(members, 2)
    made = [np.array([[1, 2], [0, 1]]), np.array([[1, 0], [2, 1]])]
    for first, second in pairs:
        made.append(made[second] @ made[first])
    assert len({one.tobytes() for one in made}) == len(made)
    assert nodes[-1] == len(made)
    for one, tree in zip(members, nodes[:-2].reshape(-1, 16), strict=True):
        for node in range(1, 16):
            size = 16 >> node.bit_length()
            begin = node * size - 8
            moves = [row for row in one[begin : begin + size] if row >= 0]
            expected = np.eye(2, dtype=int)
            for row in moves:
                expected = made[row] @ expected
            assert (tree[node] < 0) == (not moves)
            assert not moves or np.array_equal(made[tree[node]], expected)


def test_equal_rows_are_made_once():
    model = driven_qubit(path_work=True)
    schedule = schedule_of(Protocol([Hold(3.0)], beta=1.0, epsilon=0.5), 0.01, model)
    thermal(model, schedule)
    assert model.calls == [1, 1]  # what channels it has is counted, then all rows are made


# ---- resonance fluorescence (E11): H = Omega/2 X, L = sqrt(gamma) M, from the ground state


OMEGA, GAMMA = 2.0, 1.0
MINUS = np.array([[0, 0], [1, 0]], complex)


@pytest.fixture(scope="module")
def fluorescence():
    model = local_model(0.5 * OMEGA * X, [np.sqrt(GAMMA) * MINUS], measured=False, path_work=True)
    schedule = schedule_of(Protocol([Hold(60.0)], beta=1.0), 0.5, model, ())
    propagator = followed(model, schedule, [0, 1], seed=4, paths=1_000, path_every=schedule.steps)
    return model, schedule, propagator.run(0, 1_000)


def waits_of(jumps):
    """Give the times between jumps of the same trajectory; those from the start are of the same law."""
    new = np.diff(jumps["trajectory"], prepend=-1) != 0
    return np.where(new, jumps["time"], np.diff(jumps["time"], prepend=0.0))


def survival(times):
    """Give the probability of no jump, from the eigenvalues of the no-jump generator."""
    generator = -0.5j * OMEGA * X - 0.5 * GAMMA * MINUS.conj().T @ MINUS
    values, vectors = np.linalg.eig(generator)
    psi = vectors @ (np.exp(np.outer(values, times)) * np.linalg.solve(vectors, [0.0, 1.0])[:, None])
    return (np.abs(psi) ** 2).sum(axis=0)


def test_waiting_times_of_resonance_fluorescence(fluorescence):
    """The first ten waiting times of each trajectory follow the exact law: all of them end well before 60."""
    waits = waits_of(fluorescence[2].jumps)
    number = np.concatenate(
        [np.arange(n) for n in np.unique(fluorescence[2].jumps["trajectory"], return_counts=True)[1]]
    )
    first = waits[number < 10]
    assert len(first) > 9_900
    assert kstest(first, lambda t: 1.0 - survival(t)).pvalue > 1e-4


def test_waiting_times_find_jumps_at_the_ends_of_steps(fluorescence):
    """The control: instants moved to the end of their move, twenty moves in ten units of time, are found."""
    jumps = fluorescence[2].jumps
    moved = {**jumps, "time": np.ceil(jumps["time"] / 0.5) * 0.5}
    assert kstest(waits_of(moved), lambda t: 1.0 - survival(t)).pvalue < 1e-10


def test_counts_of_resonance_fluorescence(fluorescence):
    """The rate is gamma Omega^2 / (gamma^2 + 2 Omega^2), 4/9, once the start is forgotten."""
    jumps = fluorescence[2].jumps
    late = np.bincount(jumps["trajectory"][jumps["time"] > 20.0], minlength=1_000)
    assert abs(z_score(late, 40.0 * 4.0 / 9.0)) < Z_MOST


def test_followed_energy_closes(fluorescence):
    """Work by the power, heat by quanta and quantum heat add up to the change of the energy's expectation."""
    model = driven_qubit(measured=False, path_work=True)
    schedule = schedule_of(STROKES, 0.05, model)
    columns = followed(model, schedule, [0.6, 0.8j]).run(0, 300).columns
    total = columns["work"] + columns["heat"] + columns["quantum_heat"]
    np.testing.assert_allclose(total, columns["energy_change"], rtol=0.0, atol=1e-12)
    assert columns["quantum_heat"].std() > 0.1
    assert "state_initial" not in columns
    assert "log_ratio" not in fluorescence[2].columns


def test_superposition_against_the_lindblad_equation():
    model = driven_qubit(measured=False, path_work=True)
    schedule = schedule_of(STROKES, 0.05, model)
    psi = np.array([0.6, 0.8j])
    columns = followed(model, schedule, psi, seed=6).run(0, 30_000).columns
    heat, work = exact_means(model, schedule, np.outer(psi, psi.conj()))
    assert abs(z_score(columns["heat"] + columns["quantum_heat"], heat)) < Z_MOST
    assert abs(z_score(columns["work"], work)) < Z_MOST


def test_paths_end_at_the_ledger():
    """The last sample of a path has the heat of the row, and populations that sum to one."""
    model = driven_qubit(path_work=True)
    schedule = schedule_of(STROKES, 0.05, model)
    block = thermal(model, schedule, paths=30, path_every=5).run(0, 40)
    samples = len(block.paths["time"]) // 30
    last = block.paths["heat"].reshape(30, samples)[:, -1]
    np.testing.assert_array_equal(last, block.columns["heat"][:30])
    total = (block.paths["work"] + block.paths["heat"]).reshape(30, samples)
    grown = np.diff(block.paths["energy"].reshape(30, samples), axis=1)
    np.testing.assert_allclose(np.diff(total, axis=1), grown, rtol=0.0, atol=1e-13)
    np.testing.assert_allclose(block.paths["p_0"] + block.paths["p_1"], 1.0, atol=1e-14)
    first = block.paths["p_0"].reshape(30, samples)[:, 0]
    np.testing.assert_allclose(first, block.columns["state_initial"][:30] == 0, atol=1e-14)
    assert len(block.jumps["time"]) == block.columns["activity"][:30].sum()
    assert (np.diff(block.jumps["trajectory"]) >= 0).all()


def test_a_lost_norm_is_a_failure():
    """A generator that loses norm without a channel to jump through: the trajectory fails, and says so."""

    class Leaking(HandMade):
        def row(self, controls, beta, coupled):
            energies, vectors, generator, _, inner = super().row(controls, beta, coupled)
            return energies, vectors, generator - 0.5 * np.eye(2), [], inner - 0.5 * np.eye(2)

    model = Leaking(2, lambda _controls: 0.5 * X, thermal_channels((1.0,)), (), path_work=True)
    schedule = schedule_of(Protocol([Hold(1.0)], beta=1.0), 0.1, model, ())
    columns = thermal(model, schedule).run(0, 200).columns
    lost = columns["status"] == 4
    assert 80 < lost.sum() < 170  # 1 - exp(-1) of them: 126 expected, 6.8 standard errors
    assert np.isnan(columns["heat"][lost]).all()
    assert (columns["state_final"][lost] == -1).all()


def test_failed_trajectories_have_no_paths_and_list_no_jumps():
    """Level 0 jumps to level 1, which loses norm without a channel: all fail there, after a jump or none."""

    class Leaking(HandMade):
        def row(self, controls, beta, coupled):
            energies, vectors, generator, channels, inner = super().row(controls, beta, coupled)
            loss = np.diag([0.0, 0.2])
            return energies, vectors, generator - loss, channels, inner - loss

    model = Leaking(
        2, lambda _controls: np.diag([0.0, 1.0]), lambda *_: [Channel(0, 0, 1.0, 0.1, MINUS)], ("b",)
    )
    schedule = schedule_of(Protocol([Hold(1.5)], beta=1.0), 0.1, model, ())
    block = thermal(model, schedule, paths=300, path_every=3).run(0, 300)
    failed = block.columns["status"] == 4
    assert 30 < failed.sum() < 150
    rows = np.repeat(failed, len(block.paths["time"]) // 300)
    for name in ("p_0", "p_1", "energy", "heat", "work"):
        np.testing.assert_array_equal(np.isnan(block.paths[name]), rows)
    listed = np.bincount(block.jumps["trajectory"], minlength=300)
    np.testing.assert_array_equal(listed, np.where(failed, 0, block.columns["activity"]))
    assert listed.any()


def test_a_path_takes_the_room_of_one_trajectory(monkeypatch):
    """Not that of all lanes of a block; one that does not fit is refused, with what does."""
    model = driven_qubit(path_work=True)
    schedule = schedule_of(STROKES, 0.05, model)
    run = thermal(model, schedule, paths=1)
    samples = np.arange(schedule.steps + 1)
    *_, paths, _ = run._simulate(run.start.draw(0, 1), 0, samples, True)
    assert paths.base.nbytes == len(samples) * 8 * (4 + 1)
    monkeypatch.setattr(propagator, "ROOM", 3_000)
    with pytest.raises(InvalidInput, match=r"51 instants of a path do not fit \(every\): every=3 does"):
        run.retrace(0, 1)
    assert len(run.retrace(0, 3).paths["time"]) == 17


def test_more_jumps_than_there_was_room_for_are_listed_again(fluorescence, monkeypatch):
    model, schedule, block = fluorescence
    monkeypatch.setattr(engine, "_JUMPS", 1)
    again = followed(model, schedule, [0, 1], seed=4, paths=50, path_every=schedule.steps).run(0, 50)
    inside = block.jumps["trajectory"] < 50
    assert inside.sum() > 200
    for name, column in again.jumps.items():
        np.testing.assert_array_equal(column, block.jumps[name][inside])


def test_isolated_from_the_bath_there_are_no_jumps():
    """A unitary evolution keeps its norm: rounding alone makes no jump."""
    model = driven_qubit(path_work=True)
    schedule = schedule_of(Protocol([Isolated(50.0, epsilon=(0.0, 1.0))], beta=1.0), 0.05, model)
    columns = thermal(model, schedule).run(0, 1_000).columns
    assert not columns["activity"].any()
    assert (columns["status"] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(("dimension", "baths"), [(3, 1), (4, 2), (6, 1)])
def test_more_levels_against_the_twin(dimension, baths):
    """More levels, two baths, complex Hamiltonians: trajectory by trajectory, and at other block sizes."""
    generator = np.random.default_rng(7)
    raw = generator.normal(size=(2, dimension, dimension, 2)) @ np.array([1.0, 1.0j])
    still, moving = raw + raw.conj().swapaxes(1, 2)
    model = HandMade(
        dimension,
        lambda controls: still + controls[0] * moving,
        thermal_channels((0.4, 0.6)[:baths], dimension),
        tuple(str(k) for k in range(2 * baths * dimension * (dimension - 1) // 2)),
        ("phonons", "leads")[:baths],
    )
    schedule = schedule_of(Protocol([Isothermal(1.0, epsilon=(0.0, 1.0))], beta=0.3), 0.05, model)
    made = [
        thermal(model, schedule, seed=8, paths=12, path_every=20, strokes=True, lanes=lanes).run(0, 12)
        for lanes in ((None, 16) if dimension == 3 else (None,))
    ]
    for table in ("columns", "paths", "strokes", "jumps"):
        one, other = (getattr(block, table) for block in (made[0], made[-1]))
        assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    block, states = made[0], thermal(model, schedule, seed=8).start.draw(0, 12)
    for number in range(12):
        psi = states[:dimension, number] + 1j * states[dimension : 2 * dimension, number]
        _, jumps = slow_trajectory(model, schedule, psi, 8, "forward", number)
        mine = block.jumps["trajectory"] == number
        np.testing.assert_allclose(block.jumps["time"][mine], [jump[0] for jump in jumps], rtol=0, atol=1e-10)
        assert list(block.jumps["channel"][mine]) == [jump[1] for jump in jumps]
        assert block.columns["heat"][number] == pytest.approx(sum(jump[2] for jump in jumps), abs=1e-12)
    assert len(block.jumps["time"]) > 5


@pytest.mark.slow
def test_operators_that_are_no_jumps_between_levels():
    """A local operator leaves superpositions: their state is -1 in the table of jumps."""
    model = local_model(0.5 * X, [np.diag([1.0, -1.0]).astype(complex), 0.4 * MINUS], measured=False)
    schedule = schedule_of(Protocol([Hold(3.0)], beta=1.0), 0.1, model, ())
    block = followed(model, schedule, [1.0, 0.0], paths=50, path_every=30).run(0, 50)
    assert set(np.unique(block.jumps["channel"])) == {0, 1}
    assert (block.jumps["state"] == -1).all()


def test_a_channel_is_what_it_says():
    """The model made by hand has the rates of E9: the test's own control."""
    model = driven_qubit()
    energies, _, generator, channels, _ = model.row(np.array([1.0]), np.array([1.0]), np.array([True]))
    gap = energies[1] - energies[0]
    assert isinstance(channels[0], Channel)
    assert channels[0].operator[0, 1] ** 2 == pytest.approx(0.2 / (1.0 - np.exp(-gap)))
    loss = -(generator + generator.conj().T)
    assert np.linalg.eigvalsh(loss).min() > 0.0
    assert Matrices.of(generator).rows == 1


@pytest.mark.parametrize("decay", [1e-3, 0.05, 0.45, 0.8, 3.7, 30.0])
def test_series_of_a_part_of_a_move_reach_rounding(decay):
    """A wave function falls as exp(-decay t), its squared norm at twice the rate: both by the same powers."""
    generator = Matrices.diagonal(np.array([[-decay, 0.0]]))
    ((parts, power, _),) = tables._expansions(generator, np.array([0]), 1.0)
    for rate in (decay, 2.0 * decay):
        with mpmath.workdps(40):
            x = -mpmath.mpf(rate) / int(parts)
            series = sum(x**n / mpmath.factorial(n) for n in range(power + 1))
            assert abs(series - mpmath.exp(x)) < 2.0**-55
