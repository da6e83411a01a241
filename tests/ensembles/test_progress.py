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
