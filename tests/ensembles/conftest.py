"""Small runs that all tests of this folder share, of a kernel compiled once; disks that take no time."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from fluctua.ensembles import chunks
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold, Isothermal


@pytest.fixture(scope="module", autouse=True)
def _disks_at_once() -> Iterator[None]:
    """Wait for no disk in this process: thousands of files. What syncs, and when, the fault tests see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # a descriptor that is none is still an error
        yield


@pytest.fixture
def spec() -> EnsembleSpec:
    """A breathing trap, two cycles, with all that can be kept: strokes, paths, a record that may be null."""
    trap = Potential("k/2 * x**2", coordinates="x", controls="k")
    steps = [
        Isothermal(0.2, k=(1.0, 4.0), name="squeeze"),
        Hold(0.1),
        Isothermal(0.2, k=(4.0, 1.0), name="let go"),
    ]
    breathe = Protocol(steps, cycles=2, beta=1.0)
    return EnsembleSpec(
        trap,
        Overdamped(friction=1.0),
        breathe,
        trajectories=1500,
        time_step=0.02,
        seed=7,
        record={"area": "integral(x**2)", "passage": "first(x > 1.5)"},
        strokes=True,
        paths=300,
        path_every=10,
    )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let chunks have 256 trajectories, so that a small run has many."""
    monkeypatch.setattr(chunks, "LARGEST", 256)
    return 256
