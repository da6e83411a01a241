"""The decay of coherences against the formula of `dephasing`, and dephasings that do nothing."""

import numpy as np
import pytest

from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Point
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum.exact import exact
from fluctua.stochastic.reservoirs import BoseBath
from fluctua.stochastic.steps import Hold, Isolated, Isothermal

ROUNDING = 1e-12
QUBIT = Hamiltonian("w/2*Z + v/2*X", controls=("w", "v"))
X, Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
OPERATORS = {None: None, "Z": Z, "X + 0.1*Z": X + 0.1 * Z, "X": X}


@pytest.mark.parametrize(
    ("on", "v"), [(None, 0.0), ("Z", 0.0), ("X + 0.1*Z", 0.0), (None, 0.7), ("Z", 0.7), ("X", 0.7)]
)
@pytest.mark.parametrize("rate", [0.0, 0.2])
def test_the_decay_of_a_coherence(on, v, rate):
    """dephasing |A_aa - A_bb|^2 / 2, or dephasing without A; and half of all jumps between the levels."""
    w, beta, dephasing, time = 1.3, 0.8, 0.3, 2.0
    dynamics = QuantumJump([BoseBath("b", on=on, rate=rate, dephasing=dephasing)], measured=False)
    run = exact(
        QUBIT,
        dynamics,
        Protocol([Hold(time)], beta=beta, w=w, v=v),
        time_step=0.1,
        initial=Point(amplitudes=[0.6, 0.8]),
    )
    energies, vectors = np.linalg.eigh(0.5 * (w * Z + v * X))
    first, last = (abs((vectors.T @ state @ vectors)[0, 1]) for state in (run.start, run.final))
    element = np.ones((2, 2)) if on is None else vectors.T @ OPERATORS[on] @ vectors
    lost = dephasing if on is None else dephasing * (element[0, 0] - element[1, 1]) ** 2 / 2.0
    bosons = 1.0 / np.expm1(beta * (energies[1] - energies[0]))
    lost += 0.5 * rate * element[0, 1] ** 2 * (2.0 * bosons + 1.0)
    assert lost > 0.005
    assert last == pytest.approx(first * np.exp(-lost * time), abs=ROUNDING)


def test_twice_the_rate_through_z():
    """The number of the guide."""
    through = QuantumJump([BoseBath("b", on="Z", rate=0.0, dephasing=0.3)], measured=False)
    hold = Protocol([Hold(1.0)], beta=1.0, w=1.0, v=0.0)
    run = exact(QUBIT, through, hold, time_step=0.5, initial=Point(amplitudes=[0.6, 0.8]))
    assert abs(run.final[0, 1]) == pytest.approx(0.48 * np.exp(-0.6), abs=ROUNDING)


def checked(system, on, steps, **controls):
    dynamics = QuantumJump([BoseBath("b", on=on, rate=0.1, spectrum="omega", dephasing=0.3)])
    protocol = Protocol(steps, beta=1.0, **controls)
    dynamics.check_protocol(system, protocol.schedule(0.05, system.controls, dynamics.bath_names))


PAIR = Hamiltonian("ZI + w*IZ", controls="w")


@pytest.mark.parametrize(
    ("system", "on", "controls"),
    [
        (QUBIT, "X", {"w": 1.0, "v": 0.0}),
        (QUBIT, ["X", "Y"], {"w": 1.0, "v": 0.0}),
        (QUBIT, "X + 2*I", {"w": 1.0, "v": 0.0}),
        (QUBIT, "Z", {"w": 0.0, "v": 1.0}),
        (PAIR, "XX", {"w": 0.3}),
        (QUBIT, "X", {"w": 1.0, "v": 1e-11}),
    ],
)
def test_a_dephasing_that_does_nothing_is_refused(system, on, controls):
    with pytest.raises(InvalidInput, match="the same value in each energy level") as caught:
        checked(system, on, [Hold(1.0)], **controls)
    assert caught.value.where == "dynamics.baths.b.dephasing"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("system", "on", "steps", "controls"),
    [
        (QUBIT, None, [Hold(1.0)], {"w": 1.0, "v": 0.0}),
        (QUBIT, ["X", "Z"], [Hold(1.0)], {"w": 1.0, "v": 0.0}),  # one of two is enough
        (QUBIT, "X", [Hold(1.0), Isothermal(1.0, v=(0.0, 0.1))], {"w": 1.0, "v": 0.0}),  # later it does
        (QUBIT, "X", [Isolated(1.0)], {"w": 1.0, "v": 0.0}),  # not connected
        (PAIR, "XX", [Hold(1.0)], {"w": 1.0}),  # between levels of one energy
        (QUBIT, "X", [Hold(1.0)], {"w": 1.0, "v": 1e-5}),  # little, but no rounding
    ],
)
def test_dephasings_that_do_something(system, on, steps, controls):
    checked(system, on, steps, **controls)
