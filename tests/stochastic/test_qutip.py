"""QuTiP as oracle: the Lindblad equation, and how many jumps come when, through which channel.

Its operators and rates are written here once more, from the formulas in the docstrings of our baths.
Probabilities below 1e-4 fail, the seeds fixed before looking: a false alarm of 1e-4 a comparison.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.integrate import simpson
from scipy.stats import chi2, chi2_contingency, ks_2samp

from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Point
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.exact import exact
from fluctua.stochastic.reservoirs import BoseBath, LocalBath
from fluctua.stochastic.steps import Hold, Isothermal

qutip = pytest.importorskip("qutip", reason="QuTiP is not installed: the test extra has it")

FALSE_ALARM = 1e-4
TIGHT = {"atol": 1e-11, "rtol": 1e-10, "nsteps": 100_000, "progress_bar": ""}
QUIET = {"progress_bar": "", "keep_runs_results": True, "method": "vern7"}
OURS, THEIRS = 20_000, 600

RATE, DELTA, EPSILON, DURATION, BETA = 0.5, 1.0, 2.0, 5.0, 0.7
QUBIT = Hamiltonian("delta/2*X + epsilon/2*Z", controls="epsilon", parameters={"delta": DELTA})
THERMAL = QuantumJump([BoseBath("phonons", rate=RATE)])
SWEEP = Protocol([Isothermal(DURATION, epsilon=(-EPSILON, EPSILON))], beta=BETA)

CHAIN = Hamiltonian("0.5*ZI + 0.7*IZ + 0.3*XX")
COUPLED = QuantumJump([BoseBath("phonons", on="XI", rate=0.3, spectrum="omega", dephasing=0.1)])
ATOM = Hamiltonian("0.9*X + 0.2*Z")
OBSERVED = QuantumJump([LocalBath("light", on="M", rate=1.0, reverse=False)])


def bosons(omega):
    return 1.0 / np.expm1(BETA * omega)


# ---- the same systems in QuTiP's words


def driven_qubit():
    """H(t) and both jump operators in the fixed basis; H = E/2 (cos a Z + sin a X)."""
    times = np.linspace(0.0, DURATION, 2001)
    epsilon = EPSILON * (2.0 * times / DURATION - 1.0)
    gap, angle = np.hypot(epsilon, DELTA), np.arctan2(DELTA, epsilon)
    x, y, z = qutip.sigmax(), qutip.sigmay(), qutip.sigmaz()

    def moving(*terms):
        return qutip.QobjEvo([[matrix, qutip.coefficient(values, tlist=times)] for matrix, values in terms])

    def jump(root, sign):
        flips = (0.5 * x, root * np.cos(angle)), (-0.5 * z, root * np.sin(angle)), (-0.5j * sign * y, root)
        return moving(*flips)

    down = jump(np.sqrt(RATE * (bosons(gap) + 1.0)), 1.0)
    up = jump(np.sqrt(RATE * bosons(gap)), -1.0)
    return 0.5 * DELTA * x + moving((0.5 * z, epsilon)), [down, up]


def thermal_chain():
    """Davies operators of the chain: XI between its levels, one for each gap, and its dephasing."""
    hamiltonian = CHAIN.operator(CHAIN.energy, "energy")
    energies, vectors = np.linalg.eigh(hamiltonian)
    coupling = vectors.conj().T @ CHAIN.operator("XI", "on") @ vectors
    gaps = energies[None, :] - energies[:, None]
    operators = [np.sqrt(0.1) * np.where(np.abs(gaps) < 1e-9, coupling, 0.0)]
    for gap in np.unique(np.round(gaps[(gaps > 1e-9) & (np.abs(coupling) > 1e-12)], 9)):
        part = np.where(np.abs(gaps - gap) < 1e-8, coupling, 0.0)
        operators += [np.sqrt(0.3 * gap * (bosons(gap) + 1.0)) * part]
        operators += [np.sqrt(0.3 * gap * bosons(gap)) * part.conj().T]
    fixed = [vectors @ operator @ vectors.conj().T for operator in operators]
    return qutip.Qobj(hamiltonian), [qutip.Qobj(operator) for operator in fixed if np.abs(operator).max() > 0]


def observed_atom():
    """An atom driven by light, and the photons that it sends out."""
    return qutip.Qobj(ATOM.operator(ATOM.energy, "energy")), [qutip.sigmam()]


# system, dynamics, protocol, time step, QuTiP's H and jump operators
CASES = {
    "driven qubit": (QUBIT, THERMAL, SWEEP, 0.01, driven_qubit),
    "chain": (CHAIN, COUPLED, Protocol([Hold(6.0)], beta=BETA), 0.05, thermal_chain),
    "atom": (ATOM, OBSERVED, Protocol([Hold(8.0)], beta=BETA), 0.05, observed_atom),
}


def duration_of(case):
    return DURATION if case == "driven qubit" else CASES[case][2].steps[0].duration


def highest(case):
    """The level in which trajectories start, and its vector."""
    system, _, protocol, time_step, _ = CASES[case]
    schedule = protocol.schedule(time_step, system.controls, CASES[case][1].bath_names, 1.0)
    _, vectors = system.eigen(schedule.start_controls[None])
    return Point(state=system.levels[-1]), qutip.Qobj(vectors.complex[0][:, -1])


# ---- the Lindblad equation


@pytest.mark.parametrize("case", ["chain", "atom"])
def test_the_companion_solves_what_mesolve_solves(case):
    """State, and the mean number of jumps: Simpson's rule on 1,001 points errs by less than 1e-8."""
    system, dynamics, protocol, time_step, peer = CASES[case]
    initial, state = highest(case)
    ours = exact(system, dynamics, protocol, time_step=time_step, initial=initial)
    hamiltonian, operators = peer()
    times = np.linspace(0.0, duration_of(case), 1001)
    intensity = sum((operator.dag() * operator for operator in operators), 0 * hamiltonian)
    result = qutip.mesolve(
        hamiltonian, state, times, operators, e_ops=[intensity], options={**TIGHT, "store_final_state": True}
    )
    assert np.abs(result.final_state.full() - ours.final).max() <= 1e-8
    assert abs(simpson(result.expect[0], x=times) - ours.mean_activity()) <= 1e-7


def test_the_schedule_approaches_what_mesolve_drives():
    """Values held at the middle of each step are second order: Richardson's rule leaves the fourth."""
    initial, state = highest("driven qubit")
    hamiltonian, operators = driven_qubit()
    result = qutip.mesolve(
        hamiltonian, state, [0.0, DURATION], operators, options={**TIGHT, "store_final_state": True}
    )
    theirs = result.final_state.full()
    coarse, fine = (
        exact(QUBIT, THERMAL, SWEEP, time_step=time_step, initial=initial).final for time_step in (0.1, 0.05)
    )
    error = np.abs(fine - theirs).max()
    assert 3.5 <= np.abs(coarse - theirs).max() / error <= 4.5
    assert np.abs((4.0 * fine - coarse) / 3.0 - theirs).max() <= 0.02 * error


# ---- jumps


@cache
def ours(case, dynamics=None, count=OURS):
    """Number of jumps, and time and channel of the first, of each of our trajectories."""
    system, usual, protocol, time_step, _ = CASES[case]
    propagator = (dynamics or usual).propagator(
        system,
        protocol,
        time_step=time_step,
        seed=1,
        direction="forward",
        initial=highest(case)[0],
        boltzmann=1.0,
        hbar=1.0,
        strokes=False,
        paths=count,
        path_every=round(duration_of(case) / time_step),
        lanes=None,
    )
    block = propagator.run(0, count)
    first = np.flatnonzero(np.diff(block.jumps["trajectory"], prepend=-1))
    names = np.array(propagator.channel_names)
    return block.columns["activity"], block.jumps["time"][first], names[block.jumps["channel"][first]]


@cache
def theirs(case, count=THEIRS):
    """The same of QuTiP's; the channel is the number of its operator."""
    hamiltonian, operators = CASES[case][4]()
    solver = qutip.MCSolver(hamiltonian, operators, options=QUIET)
    result = solver.run(highest(case)[1], [0.0, duration_of(case)], count, seeds=1)
    counts = np.array([len(times) for times in result.col_times])
    first = [times[0] for times in result.col_times if len(times)]
    which = [which[0] for which in result.col_which if len(which)]
    return counts, np.array(first), np.array(which)


def histogram(counts, values):
    return np.array([np.count_nonzero(counts == value) for value in values])


def merged(expected, *rows):
    """Join neighbouring columns until five are expected in each; by these alone, so that chi-square holds."""
    number = np.minimum(np.cumsum(expected) // 5.0, expected.sum() // 5.0 - 1.0).astype(int)
    number = np.unique(number, return_inverse=True)[1]
    return np.array([np.bincount(number, row) for row in rows])


def same_numbers(a, b):
    """Probability of at least that difference between two samples of counts (chi-square)."""
    values = np.arange(max(a.max(), b.max()) + 1)
    rows = np.array([histogram(a, values), histogram(b, values)])
    scarcer = rows.sum(axis=0) * rows.sum(axis=1).min() / rows.sum()
    return chi2_contingency(merged(scarcer, *rows)).pvalue


@pytest.mark.parametrize("case", ["driven qubit", "chain", "atom"])
def test_as_many_jumps_as_mcsolve(case):
    assert same_numbers(ours(case)[0], theirs(case)[0]) >= FALSE_ALARM


@pytest.mark.parametrize("case", ["driven qubit", "atom"])
def test_mcsolve_follows_the_exact_number_of_jumps(case):
    system, dynamics, protocol, _, _ = CASES[case]
    law = exact(system, dynamics, protocol, time_step=0.05, initial=highest(case)[0])
    values, probabilities = law.distribution()
    counts = theirs(case)[0]
    expected = probabilities * len(counts)
    assert counts.max() <= values.max()
    found, wanted = merged(expected, histogram(counts, values), expected)
    assert len(found) >= 3
    assert chi2.sf(((found - wanted) ** 2 / wanted).sum(), len(found) - 1) >= FALSE_ALARM


@pytest.mark.parametrize("case", ["driven qubit", "chain", "atom"])
def test_the_first_jump_comes_when_that_of_mcsolve_does(case):
    assert ks_2samp(ours(case)[1], theirs(case)[1]).pvalue >= FALSE_ALARM


def test_the_first_jump_goes_where_that_of_mcsolve_goes():
    """Of the driven qubit: down or up."""
    mine = ours("driven qubit")[2]
    down = np.count_nonzero(mine == "phonons: level_1 -> level_0")
    table = [[down, len(mine) - down], histogram(theirs("driven qubit")[2], [0, 1])]
    assert chi2_contingency(table).pvalue >= FALSE_ALARM


def test_averages_of_trajectories_are_those_of_mesolve():
    """The mean number of jumps of a drive: a z-score of 4, 6e-5; the time step's error is far below it."""
    hamiltonian, operators = driven_qubit()
    times = np.linspace(0.0, DURATION, 1001)
    down, up = operators
    intensity = down.dag() * down + up.dag() * up
    result = qutip.mesolve(
        hamiltonian, highest("driven qubit")[1], times, operators, e_ops=[intensity], options=TIGHT
    )
    counts = ours("driven qubit")[0]
    z = (counts.mean() - simpson(result.expect[0], x=times)) / (counts.std() / np.sqrt(len(counts)))
    assert abs(z) <= 4.0


def test_a_rate_that_is_wrong_is_found():
    """Of two thirds more: numbers and times of jumps both tell."""
    wrong = QuantumJump([BoseBath("phonons", rate=RATE * 5 / 3)])
    counts, times, _ = ours("driven qubit", wrong, 5000)
    assert same_numbers(counts, theirs("driven qubit")[0]) < FALSE_ALARM
    assert ks_2samp(times, theirs("driven qubit")[1]).pvalue < FALSE_ALARM


@pytest.mark.slow
@pytest.mark.parametrize("case", ["driven qubit", "chain", "atom"])
def test_as_many_jumps_as_mcsolve_in_ten_times_as_many_trajectories(case):
    counts, times, _ = theirs(case, 10 * THEIRS)
    mine = ours(case, None, 10 * OURS)
    assert same_numbers(mine[0], counts) >= FALSE_ALARM
    assert ks_2samp(mine[1], times).pvalue >= FALSE_ALARM
