from __future__ import annotations

from pathlib import Path

from fluctua.ensembles.forecast import forecast
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec


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
