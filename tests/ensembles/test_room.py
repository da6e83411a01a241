"""A run that the disk has no room for is refused before anything is made; one that fits is not."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

import fluctua as fl
from fluctua.cli import main
from fluctua.ensembles.forecast import forecast, shown_bytes
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.errors import StorageError

Usage = namedtuple("Usage", "total used free")
Free = Callable[[int], list[Path]]


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Free:
    """Give a function that sets the bytes that any disk has left, and lists the folders asked about."""

    def leave(count: int) -> list[Path]:
        asked: list[Path] = []

        def usage(path: Path) -> Usage:
            asked.append(Path(path))
            return Usage(10**15, 10**15 - count, count)

        monkeypatch.setattr(shutil, "disk_usage", usage)
        return asked

    return leave


def everything(folder: Path) -> dict[Path, int]:
    """List what is there, and when it was changed."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def used(folder: Path) -> int:
    """Count the bytes of a run's parts."""
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def test_refused_by_one_byte_and_nothing_is_made(spec: EnsembleSpec, tmp_path: Path, free: Free) -> None:
    asked = free(forecast(spec).disk - 1)
    with pytest.raises(StorageError, match="make room") as caught:
        simulate(spec, tmp_path / "x" / "a")
    assert caught.value.exit_code == 74
    assert list(tmp_path.iterdir()) == []
    assert set(asked) == {tmp_path}  # the disk of the nearest folder that is there


def test_what_fits_runs(spec: EnsembleSpec, tmp_path: Path, free: Free) -> None:
    asked = free(forecast(spec).disk)
    assert simulate(spec, tmp_path / "x" / "a").complete
    assert asked


def test_both_numbers_are_told(spec: EnsembleSpec, tmp_path: Path, free: Free) -> None:
    free(12_345)
    with pytest.raises(StorageError) as caught:
        simulate(spec, tmp_path / "a")
    needed = shown_bytes(forecast(spec).disk)
    expected = f"the run needs {needed}, the disk has 12.3 kB ({tmp_path / 'a'}): make room"
    assert str(caught.value) == expected


def test_what_the_run_holds_already_counts_as_free(spec: EnsembleSpec, tmp_path: Path, free: Free) -> None:
    """A run that is extended needs room for its new rows alone."""
    folder, longer = tmp_path / "a", spec.replace({"trajectories": 2 * spec.trajectories})
    simulate(spec, folder)
    (tmp_path / "part-of-another.parquet").write_bytes(bytes(used(folder)))  # no part of it
    before = everything(tmp_path)
    lacking = forecast(longer).disk - used(folder)
    assert lacking < forecast(longer).disk
    free(lacking - 1)
    with pytest.raises(StorageError, match="make room"):
        simulate(longer, folder)
    assert everything(tmp_path) == before
    free(lacking)
    assert simulate(longer, folder).complete


def test_a_finished_run_opens_on_a_full_disk(spec: EnsembleSpec, tmp_path: Path, free: Free) -> None:
    simulate(spec, tmp_path / "a")
    free(0)
    assert len(simulate(spec, tmp_path / "a")) == spec.trajectories


def test_the_command_refuses_with_one_line(
    spec: EnsembleSpec, tmp_path: Path, free: Free, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder = tmp_path / "spec.toml", tmp_path / "a"
    spec.save(file)
    free(12_345)
    assert main(["run", str(file), "--out", str(folder), "--quiet"]) == 74
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith(
        f"error: the run needs {shown_bytes(forecast(spec).disk)}, the disk has 12.3 kB"
    )
    assert not folder.exists()


def test_more_jumps_than_memory_holds_are_refused_before_they_are_made(tmp_path: Path) -> None:
    levels = fl.Levels({"a": "0", "b": "0"})
    fast = fl.MarkovJump([fl.Rates("r", on="a -> b", forward=1e5, backward=1e5)])
    hold = fl.Protocol([fl.Hold(1.0)], beta=1.0)
    spec = fl.EnsembleSpec(levels, fast, hold, trajectories=10**7, seed=1, paths=10**7)
    with pytest.raises(fl.InvalidInput, match=r"jumps of 10,000,000 trajectories do not fit .*\(paths\)"):
        fl.simulate(spec, tmp_path / "run")
    assert not (tmp_path / "run").exists()
