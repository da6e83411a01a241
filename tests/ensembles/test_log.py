"""The log of a run: lines for people, no part of what the run is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fluctua.ensembles import store
from fluctua.ensembles.run import Run
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import Writer
from fluctua.stochastic.errors import Busy

pytestmark = pytest.mark.usefixtures("small_chunks")


def lines(folder: Path) -> list[str]:
    read = (folder / "log.txt").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \S", line) for line in read)
    return [line[21:] for line in read]


def test_it_tells_the_story_of_a_run(spec: EnsembleSpec, tmp_path: Path) -> None:
    def interrupted() -> None:
        with Writer(folder, run.manifest(), 1500) as writer:
            run.compute(writer, [0, 1], 1, None)
            raise KeyboardInterrupt("for a\ncoffee")

    folder = tmp_path / "a"
    run = Run.prepare(spec, None)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    simulate(spec, folder, shard="2/2")
    simulate(spec, folder)
    told = lines(folder)
    assert len(told) == 6
    assert re.match(r"1,500 trajectories of \w{8} begun: process \d+ on \S+, fluctua \S+, numpy ", told[0])
    assert told[1] == "interrupted (for a coffee), 512 of 1,500 trajectories are there"
    assert re.match(r"shard 2/2: \w{8} goes on towards 732, 256 are there: process", told[2])
    assert told[3] == "shard 2/2: finished, 732 of 732 trajectories are there"
    assert "goes on towards 1,500, 988 are there" in told[4]
    assert told[5] == "finished, 1,500 of 1,500 trajectories are there"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt(), "interrupted, 512 of 1,500 trajectories are there"),
        (Busy("the executor is gone", "a", "resume"), "stopped, 512 of 1,500 trajectories are there: {}"),
        (RuntimeError("on purpose"), "stopped, 512 of 1,500 trajectories are there: RuntimeError on purpose"),
    ],
    ids=["interrupted", "an error of ours", "another"],
)
def test_it_says_why_a_run_stopped(
    spec: EnsembleSpec, tmp_path: Path, error: BaseException, said: str
) -> None:
    run = Run.prepare(spec, None)
    with Writer(tmp_path / "a", run.manifest(), 1500) as writer:
        run.compute(writer, [0, 1], 1, None)
        writer.__exit__(type(error), error, None)
        assert lines(tmp_path / "a")[-1] == said.format(error)


def test_in_a_long_run_it_says_how_far_it_is(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "QUIET", 0.0)
    simulate(spec, tmp_path / "a", threads=1)
    counts = [int(line.split()[0].replace(",", "")) for line in lines(tmp_path / "a")[1:-1]]
    assert len(counts) == 6
    assert counts == sorted(counts)  # which part is written first is open
    assert counts[-1] == 1500


def test_a_log_that_cannot_be_written_stops_nothing(spec: EnsembleSpec, tmp_path: Path) -> None:
    simulate(spec.replace({"trajectories": 300}), tmp_path / "a")
    (tmp_path / "a" / "log.txt").unlink()
    (tmp_path / "a" / "log.txt").symlink_to(tmp_path / "elsewhere")
    assert simulate(spec, tmp_path / "a").complete
    assert not (tmp_path / "elsewhere").exists()
