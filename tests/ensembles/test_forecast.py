from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fluctua.ensembles import forecast as module
from fluctua.ensembles.forecast import A_JUMP, WRITING, check_jumps, forecast
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.propagator import Block
from jump_specs import DOT


def test_the_disk_that_a_run_takes_is_what_was_said(spec: EnsembleSpec, tmp_path: Path) -> None:
    spec = spec.replace({"trajectories": 20_000})
    simulate(spec, tmp_path / "a")
    used = sum(file.stat().st_size for file in (tmp_path / "a").rglob("*") if file.is_file())
    assert 0.6 * forecast(spec).disk < used <= forecast(spec).disk


def test_memory_does_not_grow_with_the_run(spec: EnsembleSpec) -> None:
    small, large = spec.replace({"trajectories": 10**6}), spec.replace({"trajectories": 10**10})
    assert forecast(small, threads=2).memory == forecast(large, threads=2).memory
    assert forecast(large).memory_without_folder > 10**12
    assert forecast(large).disk > 100 * forecast(small).disk


def test_counts(spec: EnsembleSpec) -> None:
    said = forecast(spec.replace({"trajectories": 65_537}))
    assert (said.trajectories, said.time_steps, said.chunks) == (65_537, 50, 2)
    assert said.seconds is None


def test_time_is_measured_when_asked_for(spec: EnsembleSpec) -> None:
    said = forecast(spec, threads=1, measure=True)
    assert said.seconds is not None
    assert said.seconds > 0


class Clocked:
    """A propagator on a clock of its own: a call costs something, sampled trajectories more."""

    def __init__(self, once: float, plain: float, sampled: float, paths: int) -> None:
        self.now, self.costs, self.paths, self.computed = 0.0, (once, plain, sampled), paths, 0

    def compile(self) -> None:
        self.now += 30.0

    def run(self, first: int, count: int) -> None:
        once, plain, sampled = self.costs
        among = min(max(self.paths - first, 0), count)
        self.now += once + plain * (count - among) + sampled * among
        self.computed += count


@pytest.mark.parametrize("plain", [1e-6, 1e-3])
@pytest.mark.parametrize("paths", [0, 100, 100_000])
def test_time_is_not_that_of_what_is_done_once_nor_of_jumps_that_are_listed(
    monkeypatch: pytest.MonkeyPatch, plain: float, paths: int
) -> None:
    """A call takes as long as 10,000 trajectories of 1 us; listing one's jumps as long as 500."""
    spec = EnsembleSpec.from_table(DOT | {"trajectories": 100_000, "paths": paths, "strokes": False})
    clocked = Clocked(1e-2, plain, 5e-4, paths)
    monkeypatch.setattr(module, "propagator_of", lambda _: clocked)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clocked.now))
    said = forecast(spec, threads=1, measure=True).seconds
    assert said is not None
    writing = WRITING * module._bytes(spec, 100_000) / 8
    expected = plain * (100_000 - paths) + 5e-4 * paths
    # Of 0.1 s a call is 0.01, and with 16,384 trajectories 0.61 of a microsecond for each; of a hundred that
    # are listed it counts once.
    assert expected <= said - writing <= 1.12 * expected + 0.62e-6 * 100_000 + 0.0101
    assert clocked.computed <= 2 * 16_384 * 4 / 3 + 2


@pytest.mark.parametrize(
    ("paths", "trajectories", "chunk"), [(7, 100, 50), (100, 7, 50), (100, 50, 7), (100, 200, 7)]
)
def test_jumps_that_are_listed_at_once_are_those_of_a_chunk(
    monkeypatch: pytest.MonkeyPatch, paths: int, trajectories: int, chunk: int
) -> None:
    """Seven in each case: half of the memory holds them, or lacks a byte."""
    spec: Any = SimpleNamespace(paths=paths, trajectories=trajectories)
    pilot = Block({"activity": np.array([900, 1100])})
    monkeypatch.setattr(module, "tables_of", lambda _: ("parts", "jumps"))
    monkeypatch.setattr(module, "chunk_of", lambda _: chunk)
    memory = {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": 2 * 7 * 1000 * A_JUMP}
    monkeypatch.setattr(os, "sysconf", memory.__getitem__)
    check_jumps(spec, pilot)
    memory["SC_PHYS_PAGES"] -= 2
    with pytest.raises(InvalidInput, match=rf"7e\+03 jumps of {paths} .* \(paths\): 6 do"):
        check_jumps(spec, pilot)
