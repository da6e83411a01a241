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
MODULES = ("figures", "job", "limit", "naive", "processes", "sections", "timing", "verifier", "writing")


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


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to build the hardware limit with")
@pytest.mark.parametrize("dynamics", ["overdamped", "BAOAB"])
def test_the_hardware_limit_does_our_work(benchmarks: SimpleNamespace, dynamics: str) -> None:
    """Every column agrees to rounding for every block size, ragged blocks included."""
    propagator = benchmarks.job.propagator(dynamics, steps=40)
    ours = propagator.run(0, 301).columns
    stand_in = benchmarks.limit.Limit(dynamics, steps=40)
    for block in benchmarks.limit.BLOCKS:
        rows = stand_in.run(propagator.start.draw(0, 301), block)
        for name, row in benchmarks.limit.ROWS.items():
            assert np.abs(rows[row] - ours[name]).max() <= 1e-12, (block, name)


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
