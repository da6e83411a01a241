from __future__ import annotations

import pytest

from fluctua.ensembles.progress import Progress
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec


def test_silent_where_nobody_looks(spec: EnsembleSpec, capfd: pytest.CaptureFixture[str]) -> None:
    simulate(spec)
    assert capfd.readouterr() == ("", "")


def test_rate_time_left_and_failures_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with Progress(1000, done=200, title="runs/a", shown=True) as progress:
        for _ in range(8):
            progress.advance(100, failed=1)
            progress._bar.refresh()
    out, err = capfd.readouterr()
    assert out == ""
    assert "runs/a" in err
    assert "8 failed" in err
    assert "1.00k/1.00k" in err
    assert "trajectories/s" in err


def test_parts_are_counted_as_they_are_written(capfd: pytest.CaptureFixture[str]) -> None:
    with Progress(1000, done=200, shown=True, parts=1200, parts_done=2) as progress:
        progress._bar.refresh()
        progress.advance(100)
        progress.part()
        progress._bar.refresh()
        progress.advance(100, failed=5)
        progress._bar.refresh()
    shown = capfd.readouterr().err.split("\r")
    told = [line.split("trajectories/s")[-1].rstrip("] ") for line in shown if "of 1,200 parts" in line]
    assert told[0].endswith("2 of 1,200 parts")
    assert any(line.endswith("3 of 1,200 parts") for line in told)
    assert told[-1].endswith("3 of 1,200 parts, 5 failed")


def test_parts_are_not_spoken_of_where_none_are_written(capfd: pytest.CaptureFixture[str]) -> None:
    with Progress(1000, shown=True) as progress:
        progress.advance(100)
        progress._bar.refresh()
    assert "parts" not in capfd.readouterr().err


def test_a_count_that_nobody_sees_costs_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with Progress(1000, shown=False, parts=10) as progress:
        progress.advance(100, failed=1)
        progress.part()
    assert capfd.readouterr() == ("", "")
