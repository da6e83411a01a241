"""Figures of the run directory: what writing costs, what its checks cost, how Arrow's own writer does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import job
import pyarrow as pa
import pyarrow.parquet as pq
from figures import Figure, say
from timing import turns

import fluctua as fl
from fluctua.ensembles.manifest import read_manifest
from fluctua.ensembles.parts import Part, encode, list_parts, part_of
from fluctua.ensembles.reading import check_bytes
from fluctua.ensembles.run import Run, committers
from fluctua.ensembles.stability import PILOT
from fluctua.ensembles.store import Writer

DYNAMICS = "overdamped"  # the faster one, so that a file weighs more
MANY = 10_000_000
THREADS = 2
LONG_TURNS, TURNS = 2, 5
SOME = 16  # parts that are encoded again, by us and by Arrow


class Dropping:
    """A writer without a file: the rows come to it as Arrow tables, and end there."""

    def __init__(self, trajectories: int) -> None:
        self.folder = Path()
        self.wanted = trajectories

    def ours(self) -> range:
        """Give the chunks, which have no numbers here."""
        return range(0)

    def commit(self, chunk: int, tables: Mapping[str, pa.Table]) -> None:
        """Drop the tables of a chunk."""


def store(trajectories: int = MANY) -> list[Figure]:
    """Two threads with rows on disk against rows dropped; the share of all checks; pyarrow's defaults."""
    with TemporaryDirectory(prefix="fluctua-benchmark-") as name:
        folder, spec = Path(name), job.spec(DYNAMICS, trajectories)
        fl.simulate(job.spec(DYNAMICS, 1000), progress=False)  # compiles
        say(f"store: {trajectories:,} trajectories, on disk and dropped")
        numbers = count()
        taken = turns(
            {
                "dropped": partial(_drop, spec),
                "written": lambda: _write(spec, folder / f"run-{next(numbers)}"),
            },
            LONG_TURNS,
        )
        written, dropped = taken["written"], taken["dropped"]
        run = folder / "run-0"
        rate = trajectories * job.STEPS / written.wall / 1e6
        return [
            Figure("store", "rows on disk / dropped", written.wall / dropped.wall, most=1.25),
            Figure("store", "rows on disk / dropped, processor time", written.processor / dropped.processor),
            Figure("store", "rows on disk, rate", rate, "10^6/s"),
            *_checks(spec, run, written.processor),
            *_peer(run, folder),
        ]


def _write(spec: fl.EnsembleSpec, folder: Path) -> None:
    fl.simulate(spec, folder, threads=THREADS, progress=False)


def _drop(spec: fl.EnsembleSpec) -> None:
    """Compute the same rows in the same way, the pilot and the Arrow tables included, and keep none."""
    run = Run.prepare(spec, None)
    run.compute(Dropping(spec.trajectories), range(run.chunks), THREADS, False)  # type: ignore[arg-type]


# ---- checks


def _checks(spec: fl.EnsembleSpec, run: Path, whole: float) -> list[Figure]:
    """Time every check of the run over its own parts, in processor time; `whole` is that of the run."""
    say("store: checks")
    parts = list(list_parts(run).values())
    some = [_read(run, part) for part in parts[:SOME]]
    payloads = [(run / "parts" / part.name).read_bytes() for part in parts[:SOME]]
    each = turns(
        {
            "hashed": lambda: [hashlib.sha256(payload).hexdigest() for payload in payloads],
            "with": lambda: [encode(table) for table in some],
            "without": lambda: [encode_unchecked(table) for table in some],
        },
        TURNS,
    )
    seconds = {name: taken.processor * len(parts) / len(some) for name, taken in each.items()}
    prepared = Run.prepare(spec, None)
    once = turns(
        {
            "read": lambda: [check_bytes(run / "parts" / part.name, part) for part in parts],
            "canary": lambda: (prepared.propagator.run(0, PILOT), prepared.manifest()),
        },
        1,
    )
    shares = {
        "SHA-256 of what is written": seconds["hashed"] / whole,
        "page checksums": (seconds["with"] - seconds["without"]) / whole,
        "SHA-256 of what is read, once": once["read"].processor / whole,
        "canary": once["canary"].processor / whole,
    }
    return [
        Figure("store", "all checks of the run, processor time", 100 * sum(shares.values()), "%", most=3.0),
        *(Figure("store", name, 100 * share, "%") for name, share in shares.items()),
    ]


def encode_unchecked(table: pa.Table) -> pa.Buffer:
    """Encode as the store does, but for the page checksums."""
    plain = pq.write_table

    def write(*given: Any, **named: Any) -> None:
        plain(*given, **{**named, "write_page_checksum": False})

    with mock.patch.object(pq, "write_table", write):
        return encode(table)


# ---- Arrow's own writer


def _peer(run: Path, folder: Path) -> list[Figure]:
    """Commit parts of the run again, and write them with pyarrow's defaults: one thread, never synced."""
    say("store: pyarrow's defaults")
    parts = list(islice(list_parts(run).values(), SOME))
    tables = [_read(run, part) for part in parts]
    places = map(folder.joinpath, map("again-{}".format, count()))
    taken = turns(
        {
            "two threads": lambda: _commit(run, tables, next(places), committers(THREADS)),
            "one thread": lambda: _commit(run, tables, next(places), 1),
            "Arrow": lambda: _write_plainly(tables, next(places)),
        },
        TURNS,
    )
    arrow, two, one = (taken[name] for name in ("Arrow", "two threads", "one thread"))
    plain = folder / "plain"
    _write_plainly(tables, plain)
    ours = sum((run / "parts" / part.name).stat().st_size for part in parts)
    theirs = sum(file.stat().st_size for file in plain.iterdir())
    rows = sum(part.rows for part in parts)
    return [
        Figure("store", "commits, two threads / pyarrow's defaults", arrow.wall / two.wall, "x", least=5.0),
        Figure("store", "commits, one thread / pyarrow's defaults", arrow.wall / one.wall, "x"),
        Figure("store", "commits, one thread, processor time", arrow.processor / one.processor, "x"),
        Figure("store", "bytes / pyarrow's defaults", ours / theirs, most=0.75),
        Figure("store", "bytes of a row", ours / rows, "B"),
        Figure("store", "commits, two threads, rate of rows", rows / two.wall / 1e6, "10^6/s"),
    ]


def _read(run: Path, part: Part) -> pa.Table:
    """Read a part into memory, such that it makes the same bytes again."""
    table = pq.read_table(run / "parts" / part.name).combine_chunks()
    if part_of(part.chunk, part.rows, memoryview(encode(table))) != part:
        raise AssertionError(f"{part.name} does not make its own bytes again")
    return table


def _commit(run: Path, tables: Sequence[pa.Table], folder: Path, threads: int) -> None:
    """Put tables into a new run directory, as a run does."""
    rows = sum(table.num_rows for table in tables)
    with Writer(folder, read_manifest(run), rows) as writer, ThreadPoolExecutor(threads) as pool:
        chunks = [pool.submit(writer.commit, chunk, {"parts": table}) for chunk, table in enumerate(tables)]
        for done in chunks:
            done.result()


def _write_plainly(tables: Sequence[pa.Table], folder: Path) -> None:
    folder.mkdir()
    for chunk, table in enumerate(tables):
        pq.write_table(table, folder / f"{chunk}.parquet")
