"""The memory that tables of wave functions take: counted, and what is really allocated."""

import tracemalloc

import numpy as np
import pytest

from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.quantum import memory, tables
from fluctua.stochastic.quantum.memory import channel_counts
from fluctua.stochastic.quantum.tables import tables_of
from fluctua.stochastic.reservoirs import BoseBath, LocalBath
from fluctua.stochastic.steps import Hold, Isolated, Isothermal

QUBIT = Hamiltonian("X/2 + w/2*Z", controls="w")
CHAIN = Hamiltonian("w*XIII + ZZII + 0.3*IZZI + 0.2*IIZZ + 0.7*IIXI + 0.6*IXII + 0.55*IIIX", controls="w")
RAMP = Isothermal(1.0, w=(0.5, 1.0))
BATHS = [BoseBath(name, rate=0.001, on="XIII", spectrum="omega") for name in ("hot", "cold")]


def ready(system, dynamics, steps, time_step):
    schedule = Protocol(steps, beta=1.0).schedule(time_step, system.controls, dynamics.bath_names, 1.0)
    model = dynamics.model(system)
    return (
        model,
        schedule,
        model.levels(np.stack([schedule.start_controls, schedule.end_controls]))[1][1:],
    )


CASES = {
    "all pairs, path work": (
        CHAIN,
        QuantumJump([BoseBath("ph", rate=0.001, spectrum="omega")], path_work=True),
        [RAMP],
        0.01,
    ),
    "two baths, isolated": (CHAIN, QuantumJump(BATHS), [RAMP, Isolated(1.0, w=(1.0, 0.5)), Hold(0.5)], 0.01),
    "a qubit": (QUBIT, QuantumJump([BoseBath("ph", rate=0.001, dephasing=0.1)]), [RAMP], 2e-4),
    "a fixed operator": (
        QUBIT,
        QuantumJump([LocalBath("b", on="M", quantum=1.0, rate=0.001)], path_work=True),
        [Hold(1.0), RAMP],
        2e-4,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_counted_is_what_is_allocated(case, monkeypatch):
    """Tables to 0.2 %, as levels that meet join channels in a row or two; the most at a time to 10 %."""
    model, schedule, closing = ready(*CASES[case])
    counted = []
    monkeypatch.setattr(tables, "refuse_too_large", counted.append)
    tables_of(model, schedule, closing)  # what is imported and kept by the first call is no table
    tracemalloc.start()
    made = tables_of(model, schedule, closing)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = counted[-1]
    assert size.tables == pytest.approx(made.numbers.nbytes + made.floats.nbytes, rel=2e-3)
    assert size.most == pytest.approx(most, rel=0.1)


def test_what_does_not_fit_is_refused(monkeypatch):
    model, schedule, closing = ready(*CASES["all pairs, path work"])
    monkeypatch.setattr(memory, "MOST_BYTES", 1e7)
    said = r"100 different Hamiltonians of dimension 16 take 0.01\d+ GB \(time_step\): .*; 5\d fit"
    with pytest.raises(InvalidInput, match=said):
        tables_of(model, schedule, closing)
    monkeypatch.setattr(memory, "MOST_BYTES", 1e8)
    tables_of(model, schedule, closing)


def test_rows_that_are_not_looked_at_are_counted_as_the_fullest():
    """Of three rows one has no channel, as its levels meet: two slots of one entry in each other row."""
    system = Hamiltonian("w/2*Z", controls="w")
    model = QuantumJump([BoseBath("ph", rate=0.001, on="X", spectrum="omega")]).model(system)
    controls = np.array([[-1.0], [-0.5], [0.0], [0.5], [1.0]])
    counted = channel_counts(model, controls, np.ones((5, 1)), np.ones((5, 1), np.bool_))
    assert counted == (10, 10, 0)
