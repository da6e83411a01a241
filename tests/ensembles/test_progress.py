from __future__ import annotations

import pytest

from fluctua.ensembles import progress as showing
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
    assert "\ra: " in err
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


def line(columns: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    """Return what a terminal of so many columns shows of a run that is at 42 %."""
    monkeypatch.setattr(showing, "_columns", lambda: columns)
    title = "runs/a-long-name-of-a-folder/direction=forward"
    with Progress(10_000_000, 4_200_000, title, shown=True, parts=153, parts_done=64) as progress:
        progress.advance(0, failed=3)
        progress._bar.refresh()
    shown = [text for text in capfd.readouterr().err.split("\r") if text.strip()][-1]
    assert len(shown) <= columns
    return shown


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (160, ["direction=forward:  42%|", "trajectories/s", "64 of 153 parts", "3 failed]"]),
        (100, ["direction=forward:  42%|", "64/153 parts", "3 failed]"]),
        (80, ["direction=for...:  42%|", "3 failed]"]),
        (30, ["42% 4.20M/10.0M"]),
    ],
)
def test_words_go_before_the_bar_and_the_bar_before_the_share(
    columns: int, said: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = line(columns, monkeypatch, capfd)
    assert [words for words in said if words not in shown] == []
    if columns > 60:
        assert len(shown.split("|")[1]) >= 10
