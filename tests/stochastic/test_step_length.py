"""Time steps that are too long for jumps or for phases, at any row of held values."""

import numpy as np
import pytest

from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput, Unstable
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum import step_length
from fluctua.stochastic.quantum.exact import exact
from fluctua.stochastic.quantum.sampling import sampled
from fluctua.stochastic.quantum.step_length import MOST_RADIANS, refuse_long_steps
from fluctua.stochastic.reservoirs import BoseBath, LocalBath
from fluctua.stochastic.steps import Hold, Isothermal, Quench

QUBIT = Hamiltonian("w/2*Z", controls="w")
RAMP = [Isothermal(10.0, w=(1.0, 2.0))]
NARROW = "0.01 + 900*exp(-((w - 1.43213)/0.0003)**2)"
LADDER = Hamiltonian(
    "w*n + hop/5",
    controls="w",
    operators={
        "n": np.diag([0.0, 1.0, 2.5]),
        "hop": np.ones((3, 3)) - np.eye(3),
        "c": [[0.1, 1j, 0.3], [-1j, 0, 2], [0.3, 2, 0.5]],
    },
)


def made(baths, steps, time_step, system=QUBIT, hbar=1.0, **protocol):
    dynamics = QuantumJump(baths)
    schedule = Protocol(steps, beta=1.0, **protocol).schedule(
        time_step, system.controls, dynamics.bath_names, 1.0, hbar
    )
    return dynamics, schedule, dynamics.model(system, hbar=hbar, time_step=time_step)


@pytest.mark.parametrize(
    "bath",
    [
        BoseBath("b", rate=NARROW),
        BoseBath("b", on="X", rate=0.01, spectrum="1 + 4e4*exp(-((omega - 1.43213)/0.0003)**2)"),
        LocalBath("b", on="M", rate=NARROW, quantum=1.0),
        LocalBath("b", on="M", rate=NARROW, reverse=False),
    ],
)
def test_a_narrow_peak_at_a_step_is_refused_when_the_run_is_made(bath):
    """Ten thousand steps of 1e-4 in w: the peak is six of them wide, and checks look at 256 and the ends."""
    dynamics, schedule, model = made([bath], RAMP, 0.001)
    few = sampled(schedule)
    model.held(few.controls, few.beta, few.coupled)  # which see nothing
    rows = schedule.controls[np.abs(schedule.controls[:, 0] - 1.43213) < 0.002]
    free = dynamics.model(QUBIT)
    most = free.held(rows, np.ones((len(rows), 1)), np.ones((len(rows), 1), np.bool_)).fastest.max() * 1e-3
    with pytest.raises(
        Unstable, match=f"a jump has the probability {most:.3g} in one time step at w = 1.432"
    ):
        dynamics.check_protocol(QUBIT, schedule)
    with pytest.raises(Unstable):
        refuse_long_steps(model, schedule)


@pytest.mark.parametrize("system", [QUBIT, LADDER], ids=["qubit", "three levels"])
@pytest.mark.parametrize("on", [None, "all"])
def test_the_bound_is_one(system, on):
    """No row jumps faster than its bound, which leaves out none whose step is too long."""
    words = {"qubit": ["X + 0.3*Z", "M"], "three levels": ["c", "hop + n"]}
    through, local = words["qubit" if system is QUBIT else "three levels"]
    baths = [
        BoseBath("a", on=through if on else None, rate="0.3*w", spectrum="omega", dephasing=0.2),
        LocalBath("b", on=local, rate=0.2, quantum=1.0),
    ]
    dynamics, schedule, model = made(baths, [Isothermal(1.0, w=(-1.0, 2.0)), Quench(w=1.0)], 0.01, system)
    with pytest.raises(InvalidInput, match="the rate is -"):  # below 0, at the first row
        refuse_long_steps(model, schedule)
    dynamics, schedule, model = made(baths, [Isothermal(1.0, w=(0.0, 2.0)), Quench(w=1.0)], 0.01, system)
    rows = step_length._different(schedule)
    bound = step_length._spread_and_bound(model, rows)[1]
    fastest = step_length._fastest(model, rows)
    assert (fastest <= bound * (1.0 + 1e-9)).all()
    assert bound.max() < 10.0 * fastest.max()
    dt = 0.1001 / fastest.max()
    longer = dynamics.model(system, time_step=dt)
    with pytest.raises(Unstable, match=r"the probability 0\.1 in one time step"):
        refuse_long_steps(longer, schedule)
    refuse_long_steps(dynamics.model(system, time_step=0.0999 / fastest.max()), schedule)


def test_levels_that_meet_count():
    """Where the gap is 0 the rate is 1 / beta times the slope of the spectrum, and nowhere as large."""
    near = BoseBath("b", rate=30.0, spectrum="omega*exp(-100*omega)")
    dynamics, schedule, _ = made([near], [Hold(1.0)], 0.005, w=0.0)
    with pytest.raises(Unstable, match=r"the probability 0\.15 in one time step at w = 0"):
        refuse_long_steps(dynamics.model(QUBIT, time_step=0.005), schedule)
    through = BoseBath("b", on="X", rate=30.0, spectrum="omega*exp(-100*omega)")  # no channel there
    refuse_long_steps(QuantumJump([through]).model(QUBIT, time_step=0.005), schedule)


def test_an_energy_that_is_not_finite_at_one_step_is_refused():
    """At row 4321 of ten thousand, of which checks see 256."""
    _, schedule, _ = made([BoseBath("b", rate=0.01)], RAMP, 0.001)
    pole = float(schedule.controls[4321, 0])
    system = Hamiltonian("Z + Z/(w - pole)", controls="w", parameters={"pole": pole})
    model = QuantumJump([BoseBath("b", rate=0.01)]).model(system, time_step=1e-9)
    with pytest.raises(InvalidInput, match=f"the energy is not finite at w = {pole:.6g}"):
        refuse_long_steps(model, schedule)


def test_what_does_not_fit_into_memory_is_left_to_its_own_refusal(monkeypatch):
    _, schedule, model = made([BoseBath("b", rate=NARROW)], RAMP, 0.001)
    monkeypatch.setattr(step_length, "MOST_BYTES", 1e6)
    refuse_long_steps(model, schedule)


def test_the_remedy_passes():
    dynamics, schedule, _ = made([BoseBath("b", rate=NARROW)], RAMP, 0.001)
    with pytest.raises(Unstable) as caught:
        dynamics.check_protocol(QUBIT, schedule)
    short = float(caught.value.remedy.split()[0])
    refuse_long_steps(dynamics.model(QUBIT, time_step=short), schedule)


def test_equal_cycles_and_neighbours_are_looked_at_once():
    steps = [Hold(1.0), Isothermal(1.0, w=(1.0, 2.0)), Isothermal(1.0, w=(2.0, 1.0))]
    _, schedule, _ = made([BoseBath("b", rate=0.1)], steps, 0.01, w=1.0, cycles=50)
    assert schedule.steps == 15_000
    rows = step_length._different(schedule)
    assert len(rows.controls) == 200
    assert set(rows.controls[:, 0]) == set(schedule.controls[:, 0])
    backwards = step_length._different(schedule.reversed())
    assert len(backwards.controls) == 200
    assert set(backwards.controls[:, 0]) == set(schedule.controls[:, 0])


@pytest.mark.parametrize("hbar", [1.0, 1e-34])
def test_phases_that_turn_too_far_are_refused(hbar):
    w = 1.1 * MOST_RADIANS * hbar / 0.1
    dynamics, schedule, _ = made(
        [BoseBath("b", rate=0.1 if hbar == 1.0 else 0.0)], [Hold(1.0)], 0.1, w=w, hbar=hbar
    )
    with pytest.raises(
        InvalidInput, match=r"1\.1e\+03 radians in one time step at w = .* \(time_step\)"
    ) as caught:
        dynamics.check_protocol(QUBIT, schedule)
    assert f"hbar is {hbar:.3g} in units.energy times units.time" in caught.value.remedy
    short = float(caught.value.remedy.split()[0])
    assert 0.85 < short * w / hbar / MOST_RADIANS < 0.95


def test_what_is_accepted_costs_exact_numbers_no_more():
    """|H| dt from 0.1 to 900: the same jumps to rounding, 1e-16 times the phase of all ten steps."""
    thermal = QuantumJump([BoseBath("b", rate=0.1)])
    found = []
    for w in (1.0, 9000.0):
        run = exact(QUBIT, thermal, Protocol([Hold(1.0)], beta=1.0 / w, w=w), time_step=0.1)
        found.append(
            (run.mean("activity"), run.variance("activity"), run.log_generating_function({"activity": 0.3}))
        )
    np.testing.assert_allclose(found[0], found[1], rtol=1e-11)
