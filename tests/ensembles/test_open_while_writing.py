"""Reading a run while another process extends it: never an error, never a wrong count."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fluctua.ensembles import chunks, reading
from fluctua.ensembles.chunks import expected_rows
from fluctua.ensembles.dataset import open_run
from fluctua.ensembles.manifest import read_manifest
from fluctua.ensembles.parts import list_parts
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import Writer
from fluctua.stochastic.errors import Busy

CHUNK, PATHS, STROKES, SAMPLES = 32, 40, 6, 6


class Source:
    """The rows of a run, to be written again: as many of them as a writer asks for."""

    def __init__(self, run: Path) -> None:
        self.manifest = read_manifest(run)
        self.rows = {
            table: {
                chunk: pq.read_table(run / table / part.name)
                for chunk, part in list_parts(run, table).items()
            }
            for table in ("parts", "strokes", "paths")
        }

        self.work = np.concatenate([rows["work"] for rows in self.rows["parts"].values()])

    def chunk(self, chunk: int, trajectories: int) -> dict[str, pa.Table]:
        rows = expected_rows(chunk, trajectories, CHUNK)
        sampled = min(rows, PATHS - chunk * CHUNK)
        tables = {
            "parts": self.rows["parts"][chunk].slice(0, rows),
            "strokes": self.rows["strokes"][chunk].slice(0, rows * STROKES),
        }
        return tables | (
            {"paths": self.rows["paths"][chunk].slice(0, sampled * SAMPLES)} if sampled > 0 else {}
        )

    def write(self, folder: Path, trajectories: int, only: int | None = None) -> None:
        """Extend a run to so many trajectories, or make one chunk of that extension alone."""
        with Writer(folder, self.manifest, trajectories) as writer:
            for chunk in writer.missing():
                if only in (None, chunk):
                    writer.commit(chunk, self.chunk(chunk, trajectories))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[EnsembleSpec], Source]:
    sources: list[Source] = []

    def give(spec: EnsembleSpec) -> Source:
        if not sources:
            folder = tmp_path_factory.mktemp("made") / "run"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(chunks, "LARGEST", CHUNK)
                simulate(spec.replace({"trajectories": 200, "paths": PATHS}), folder)
            sources.append(Source(folder))
        return sources[0]

    return give


@pytest.fixture
def source(spec: EnsembleSpec, made: Callable[[EnsembleSpec], Source]) -> Source:
    return made(spec)


def look(folder: Path, source: Source) -> int:
    """Read all that is there of a run, and hold every row against what it must be; how many there are."""
    run = open_run(folder, partial=True)
    rows = run.to_arrow(["trajectory", "work"])
    assert np.array_equal(rows["trajectory"], np.arange(len(run)))
    assert np.array_equal(rows["work"], source.work[: len(run)])
    assert np.array_equal(run.strokes["trajectory"], np.repeat(np.arange(len(run)), STROKES))
    assert np.array_equal(run.paths["trajectory"], np.repeat(np.arange(min(len(run), PATHS)), SAMPLES))
    return len(run)


@pytest.fixture
def _quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no power is cut here


# ---- what the writer does at one moment of the reader


def extended(source: Source, folder: Path) -> None:
    source.write(folder, 90)


def superseded(source: Source, folder: Path) -> None:
    source.write(folder, 90, only=1)


def published(source: Source, folder: Path) -> None:
    """Stop the writer between publishing the longer tail and dropping the shorter one."""
    with pytest.MonkeyPatch.context() as patch:
        for dropping in ("_drop_shorter", "_clean"):
            patch.setattr(Writer, dropping, lambda *_: None)
        source.write(folder, 90, only=1)


@contextmanager
def at(moment: int, act: Callable[[], None]) -> Iterator[list[str]]:
    """Let something happen just before the reader asks the operating system for the so-many-th time."""
    asked: list[str] = []
    plain = {name: getattr(os, name) for name in ("listdir", "stat", "lstat", "open")}

    def hooked(name: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def asking(*words: Any, **more: Any) -> Any:
            asked.append(name)
            if len(asked) == moment:
                with pytest.MonkeyPatch.context() as patch:
                    for other, as_it_was in plain.items():
                        patch.setattr(os, other, as_it_was)
                    act()
            return ask(*words, **more)

        return asking

    with pytest.MonkeyPatch.context() as patch:
        for name, ask in plain.items():
            patch.setattr(os, name, hooked(name, ask))
        patch.setattr(reading.pq, "ParquetFile", hooked("ParquetFile", pq.ParquetFile))
        yield asked


@pytest.mark.usefixtures("_quick_disk")
@pytest.mark.parametrize(
    ("before", "then"),
    [
        pytest.param(None, extended, marks=pytest.mark.slow),
        pytest.param(None, superseded, marks=pytest.mark.slow),
        (published, superseded),
        pytest.param(published, extended, marks=pytest.mark.slow),
    ],
)
def test_whatever_happens_at_any_moment_of_reading_the_count_is_right(
    source: Source, tmp_path: Path, tally: Any, before: Any, then: Any
) -> None:
    start = tmp_path / "start"
    source.write(start, 40)
    if before:
        before(source, start)
    with at(0, lambda: None) as asked:
        assert look(start, source) == (64 if before else 40)
    right = 0
    for moment in range(1, len(asked) + 1):
        folder = Path(shutil.copytree(start, tmp_path / f"run-{moment}"))
        with at(moment, lambda folder=folder: then(source, folder)):
            right += look(folder, source) in (40, 64, 90)
    name = f"{then.__name__} at every moment of a reader" + (f", after {before.__name__}" if before else "")
    tally(name, right, len(asked))


def test_a_reader_that_takes_all_files_sees_rows_twice(source: Source, tmp_path: Path) -> None:
    """The control: what the writer is stopped in the middle of is there to be seen."""
    source.write(tmp_path / "run", 40)
    published(source, tmp_path / "run")
    twice = pq.read_table(tmp_path / "run" / "parts")["trajectory"].to_numpy()
    assert np.unique(twice, return_counts=True)[1].tolist() == [1] * 32 + [2] * 8 + [1] * 24
    assert look(tmp_path / "run", source) == 64
    superseded(source, tmp_path / "run")
    assert pq.read_table(tmp_path / "run" / "parts").num_rows == look(tmp_path / "run", source) == 64


def test_partial_is_the_longest_beginning_without_gaps(source: Source, tmp_path: Path) -> None:
    """Chunks end in any order, and what ends first need not be like the rest."""
    for chunk, there in ((2, 0), (0, 32), (3, 32), (1, 128)):
        source.write(tmp_path / "run", 200, only=chunk)
        assert look(tmp_path / "run", source) == there
        with pytest.raises(Busy, match=r"unfinished: \d+ of 200 trajectories are there"):
            open_run(tmp_path / "run").mean("work")
    source.write(tmp_path / "run", 200)
    assert look(tmp_path / "run", source) == 200
    assert open_run(tmp_path / "run").mean("work").n == 200


def test_partial_ends_at_a_tail_that_is_not_yet_extended(source: Source, tmp_path: Path) -> None:
    """The extension's last chunk is there before the whole of the one in which the run had ended."""
    source.write(tmp_path / "run", 40)
    source.write(tmp_path / "run", 90, only=2)
    assert sorted(list_parts(tmp_path / "run")) == [0, 1, 2]
    assert look(tmp_path / "run", source) == 40
    with pytest.raises(Busy, match="unfinished"):
        open_run(tmp_path / "run").mean("work")
    source.write(tmp_path / "run", 90)
    assert look(tmp_path / "run", source) == 90


def test_a_run_that_is_open_stays_what_it_was_when_it_is_extended(source: Source, tmp_path: Path) -> None:
    source.write(tmp_path / "run", 40)
    run = open_run(tmp_path / "run")
    before = run.mean("work")
    batches = run.batches(["trajectory"])
    first = next(batches)
    source.write(tmp_path / "run", 200)
    rest = [row for batch in batches for row in batch["trajectory"].to_pylist()]
    assert [*first["trajectory"].to_pylist(), *rest] == list(range(40))
    assert run.mean("work") == before
    assert (len(run), run.complete) == (40, True)


# ---- a writer that does not wait for the reader


@pytest.mark.usefixtures("_quick_disk")
def test_a_reader_beside_a_writer_s_thread(source: Source, tmp_path: Path, tally: Any) -> None:
    """Tails of every length are published and dropped while somebody reads, as fast as it goes."""

    def write() -> None:
        for trajectories in range(41, 201, 3):
            source.write(folder, trajectories)

    folder = tmp_path / "run"
    source.write(folder, 40)
    thread = threading.Thread(target=write)
    thread.start()
    counts = []
    while thread.is_alive():
        counts.append(look(folder, source))
    thread.join()
    counts.append(look(folder, source))
    assert counts == sorted(counts)
    assert counts[-1] == 200
    assert open_run(folder).complete
    tally("looks at a run while it grows: right rows, never fewer than before", len(counts), len(counts))


_EXTEND = """
import sys
from fluctua.ensembles import chunks
from fluctua.ensembles.dataset import open_run
from fluctua.ensembles.runner import simulate

chunks.LARGEST = 32
spec = open_run(sys.argv[1]).spec
for trajectories in range(50, 401, 10):
    simulate(spec.replace({"trajectories": trajectories}), sys.argv[1], threads=1)
"""


@pytest.mark.slow
def test_a_reader_beside_a_writer_s_process(spec: EnsembleSpec, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LARGEST", CHUNK)
        simulate(spec.replace({"trajectories": 400, "paths": PATHS}), tmp_path / "whole")
        source = Source(tmp_path / "whole")
        source.write(folder, 40)
    with subprocess.Popen([sys.executable, "-c", _EXTEND, str(folder)], stderr=subprocess.PIPE) as writer:
        counts = []
        while writer.poll() is None:
            counts.append(look(folder, source))
        assert writer.stderr is not None
        assert (writer.returncode, writer.stderr.read()) == (0, b"")
    assert counts == sorted(counts)
    assert look(folder, source) == 400
