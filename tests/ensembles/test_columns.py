from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fluctua.ensembles.columns import columns_of, first_law_of, path_columns_of, schema_of, stroke_columns_of
from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.dynamics.quantum_jump import QuantumJump
from fluctua.stochastic.dynamics.underdamped import Underdamped
from fluctua.stochastic.hamiltonian import Hamiltonian
from fluctua.stochastic.initial import Point, Steady
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.reservoirs import BoseBath, Rates
from fluctua.stochastic.steps import Hold, Isothermal

TWO = [Bath("hot", friction=1.0), Bath("cold", friction=1.0)]
BREATHE = {"system": Potential("k/2*x**2", coordinates="x", controls="k")}
RAMP = Protocol([Isothermal(0.2, k=(1.0, 2.0))], beta=1.0)

SHAPES: dict[str, dict[str, Any]] = {
    "affine": {**BREATHE, "dynamics": Overdamped(friction=1.0), "protocol": RAMP},
    "heun": {**BREATHE, "dynamics": Overdamped(friction=1.0, scheme="heun"), "protocol": RAMP},
    "two baths": {
        **BREATHE,
        "dynamics": Underdamped(mass=1.0, baths=TWO),
        "protocol": Protocol([Isothermal(0.2, k=(1.0, 2.0))], temperature={"hot": 2.0, "cold": 1.0}),
        "initial": Steady(),
    },
    "not affine": {
        "system": Potential("(x - c)**2/2", coordinates="x", controls="c"),
        "dynamics": Overdamped(friction=1.0),
        "protocol": Protocol([Isothermal(0.2, c=(0.0, 2.0))], beta=1.0),
        "record": {"top": "max(x)", "late": "first(x > 1)"},
    },
    "forced": {
        "system": Potential("(x**2 + y**2)/2", coordinates=("x", "y"), forces={"x": "y", "y": "-x"}),
        "dynamics": Overdamped(friction=1.0),
        "protocol": Protocol([Hold(0.2)], beta=1.0),
        "initial": Point(x=0.0, y=0.0),
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_announced_is_what_a_kernel_gives(shape: str) -> None:
    """Names and order; the kernel is not run, only asked to put its rows in columns."""
    spec = EnsembleSpec(**SHAPES[shape], trajectories=3, time_step=0.1, seed=1, strokes=True, paths=3)
    propagator = propagator_of(spec)
    state = np.zeros((propagator.layout.state, 3))
    out = np.zeros((propagator.layout.reported, 3))
    strokes = np.zeros((len(propagator.schedule.names), *out.shape))
    samples = np.arange(3)
    paths = np.zeros((3, propagator.layout.sampled, 3))
    assert list(propagator._columns(0, state, out)) == [c.name for c in columns_of(spec)]
    failed = np.zeros(3, dtype=bool)
    assert list(propagator._strokes(0, state, strokes, failed)) == [c.name for c in stroke_columns_of(spec)]
    assert list(propagator._paths(0, paths, samples)) == [c.name for c in path_columns_of(spec)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_column_says_what_it_is(shape: str) -> None:
    spec = EnsembleSpec(**SHAPES[shape], trajectories=3, time_step=0.1, seed=1, strokes=True, paths=3)
    for columns in (columns_of(spec), stroke_columns_of(spec), path_columns_of(spec)):
        assert all(column.meaning for column in columns)
        assert all(column.sign for column in columns if "work" in column.name or "heat" in column.name)
        assert len({column.name for column in columns}) == len(columns)
        assert all(column.unit for column in columns if column.name not in spec.record)


def test_the_first_law_is_tested_where_it_is_a_test() -> None:
    """Not without work, and not where work or quantum heat is what the other terms leave."""
    asked = {"trajectories": 1, "seed": 1, "time_step": 0.1}
    langevin = EnsembleSpec(**SHAPES["affine"], **asked)
    assert first_law_of(langevin) == ("energy_change", "work", "heat", "shadow_work")
    flow = {"on": "a -> b", "forward": "1", "backward": "1"}
    jump = MarkovJump([BoseBath("bath", rate=1.0)])
    rates = MarkovJump([Rates("own", **flow)], thermodynamics=False)
    measured = QuantumJump([BoseBath("bath", rate=0.1)])
    followed = QuantumJump([BoseBath("bath", rate=0.1)], measured=False)
    levels, qubit, still = Levels({"a": "0", "b": "1"}), Hamiltonian("Z/2"), Protocol([Hold(0.2)], beta=1.0)
    assert first_law_of(EnsembleSpec(levels, jump, still, **asked)) == ("energy_change", "work", "heat")
    for system, dynamics in ((levels, rates), (qubit, measured), (qubit, followed)):
        start = {"initial": Point(state="a")} if system is levels else {}
        assert first_law_of(EnsembleSpec(system, dynamics, still, **asked, **start)) == ()


def test_the_schema_carries_unit_meaning_sign_and_digest(spec: EnsembleSpec) -> None:
    schema = schema_of(columns_of(spec), spec.digest)
    assert schema.metadata[b"spec"].decode() == spec.digest
    work = schema.field("work").metadata
    assert work[b"unit"] == b"energy"
    assert work[b"sign"] == b"positive: done on the system"
    assert work[b"meaning"].startswith(b"work done on the system")
    assert schema.field("passage").nullable
    assert not schema.field("work").nullable
