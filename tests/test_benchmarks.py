"""The benchmark's peers do the same work as ours: their ledgers close, and the C++ gives our very columns."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
MODULES = (
    "figures", "job", "jump_jobs", "jump_limit", "jump_peers", "jumps", "limit", "naive", "processes",
    "sections", "timing", "verifier", "writing",
)  # fmt: skip
NO_COMPILER = pytest.mark.skipif(
    shutil.which("g++") is None, reason="no g++ to build the hardware limit with"
)


@pytest.fixture(scope="module")
def benchmarks() -> Iterator[SimpleNamespace]:
    """The scripts import each other by bare names, so their folder goes to the path for a while."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield SimpleNamespace(**{name: __import__(name) for name in MODULES})
    finally:
        sys.path.remove(str(FOLDER))
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.mark.parametrize("dynamics", ["overdamped", "BAOAB"])
@pytest.mark.parametrize("peer", ["loop", "numpy_first", "numpy_tuned"])
def test_ledgers_of_peers_close(benchmarks: SimpleNamespace, dynamics: str, peer: str) -> None:
    """Energy change = work + heat + shadow work, and the entropy flow is the log-ratio, to rounding."""
    steps = 50
    if peer == "loop":
        out = np.empty((10, 20))
        name = "loop_overdamped" if dynamics == "overdamped" else "loop_underdamped"
        getattr(benchmarks.naive, name)(
            benchmarks.job.table(dynamics, steps)[1], benchmarks.job.TIME_STEP, out
        )
    else:
        out = getattr(benchmarks.naive, peer)(dynamics, 20, steps)
    q, v, work, _, heat, entropy_flow, shadow, log_ratio, *_ = out
    energy = q**4 / 4 + 2.0 * q**2 / 2 - 1.0 * q + v**2 / 2  # at the ramp's end; it began at 0 in the origin
    assert np.abs(energy - (work + heat + shadow)).max() <= 1e-13
    assert np.abs(entropy_flow - log_ratio).max() <= 1e-12
    assert np.abs(heat).max() > 1e-2


@NO_COMPILER
@pytest.mark.parametrize("dynamics", ["overdamped", pytest.param("BAOAB", marks=pytest.mark.slow)])
def test_the_hardware_limit_does_our_work(benchmarks: SimpleNamespace, dynamics: str) -> None:
    """Every column agrees to rounding for every block size, ragged blocks included."""
    propagator = benchmarks.job.propagator(dynamics, steps=40)
    ours = propagator.run(0, 301).columns
    stand_in = benchmarks.limit.Limit(dynamics, steps=40)
    for block in benchmarks.limit.BLOCKS:
        rows = stand_in.run(propagator.start.draw(0, 301), block)
        for name, row in benchmarks.limit.ROWS.items():
            assert np.abs(rows[row] - ours[name]).max() <= 1e-12, (block, name)


@NO_COMPILER
@pytest.mark.parametrize("name", ["dot", "ring"])
def test_the_hardware_limit_counts_our_jumps(benchmarks: SimpleNamespace, name: str) -> None:
    """Every trajectory's jumps and particles, for every size of block."""
    spec = getattr(benchmarks.jump_jobs, name)(301)
    propagator = benchmarks.jump_jobs.propagator(spec)
    start = np.ascontiguousarray(propagator.start.draw(0, 301)[0], np.int64)
    ours, stand_in = propagator.run(0, 301).columns, benchmarks.jump_limit.Levels(spec)
    for block in benchmarks.jump_limit.LEVEL_BLOCKS:
        for column, values in stand_in.run(start, block).items():
            assert np.array_equal(values, ours[column]), (block, column)
    assert ours["activity"].min() > 10


@NO_COMPILER
@pytest.mark.filterwarnings("ignore:.*approximation")
def test_the_hardware_limit_jumps_as_our_qubit(benchmarks: SimpleNamespace) -> None:
    """Heat, entropy and number of jumps of each trajectory; near them if jumps wait for a step's end."""
    propagator = benchmarks.jump_jobs.propagator(benchmarks.jump_jobs.qubit(301))
    states = np.ascontiguousarray(propagator.start.draw(0, 301)[:4])
    ours, stand_in = propagator.run(0, 301).columns, benchmarks.jump_limit.Qubit()
    for block in benchmarks.jump_limit.QUBIT_BLOCKS:
        rows = stand_in.run(states, block)
        for column in ("activity", "heat", "entropy_flow", "log_ratio"):
            assert np.abs(rows[column] - ours[column]).max() <= 1e-12, (block, column)
        late = stand_in.run(states, block, exact=False)
        assert 0.0 < np.abs(late["heat"] - rows["heat"]).max() < 0.1  # a step changes the gap by 0.008
    assert ours["activity"].max() > 1


@pytest.mark.parametrize(("name", "particles"), [("dot", 1), ("ring", 8)])
def test_the_naive_loop_keeps_its_ledger(benchmarks: SimpleNamespace, name: str, particles: int) -> None:
    """Particles that came in are those that are there, up to whole rounds; some came from both leads."""
    spec = getattr(benchmarks.jump_jobs, name)(20)
    activity, left, right, level = benchmarks.jump_peers.numba_loop(spec, 20, compiled=False)
    assert np.array_equal((left + right - level) % particles, np.zeros(20))
    assert np.array_equal((activity - left - right) % 2, np.zeros(20))
    assert activity.min() > 10
    assert left.any()
    assert right.any()


def test_figures_say_what_falls_short(benchmarks: SimpleNamespace) -> None:
    figure = benchmarks.figures.Figure
    enough, short, told = (
        figure("s", "a", 2.0, least=1.0),
        figure("s", "b", 2.0, "s", most=1.0),
        figure("s", "c", 2.0),
    )
    assert [f.reached for f in (enough, short, told)] == [True, False, None]
    assert "SHORT" in short.line()
    assert benchmarks.figures.failures([enough, short, told]) == 1
    assert benchmarks.figures.failures([figure("s", "nan", float("nan"), least=0.9)]) == 1


def test_the_run_without_a_file_makes_every_row(
    benchmarks: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, rows = benchmarks.writing, []

    def commit(_: object, __: int, tables: dict[str, pa.Table]) -> None:
        rows.append(tables["parts"].num_rows)

    monkeypatch.setattr(writing.Dropping, "commit", commit)
    writing._drop(benchmarks.job.spec(writing.DYNAMICS, 3000, steps=10))
    assert sum(rows) == 3000


def test_figures_of_the_store(benchmarks: SimpleNamespace) -> None:
    """Every number of the section exists, and bytes are what they are however fast the machine is."""
    figures = {figure.name: figure for figure in benchmarks.writing.store(3000)}
    assert all(np.isfinite(figure.value) for figure in figures.values())
    assert sum(figure.reached is not None for figure in figures.values()) == 4
    assert figures["bytes / pyarrow's defaults"].reached


def test_page_checksums_are_left_out_where_they_are_timed(benchmarks: SimpleNamespace) -> None:
    table = pa.table({"x": np.arange(5.0)})
    assert benchmarks.writing.encode_unchecked(table).size < benchmarks.writing.encode(table).size
