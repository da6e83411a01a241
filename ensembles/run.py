"""A run at work: chunks are cut into slices, computed by threads, joined to tables and committed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fluctua.ensembles.arrays import array_of, strings
from fluctua.ensembles.chunks import chunk_of, expected_rows, number_of
from fluctua.ensembles.columns import column_table, columns_of, schema_of, tables_of
from fluctua.ensembles.dotted import plain
from fluctua.ensembles.forecast import check_jumps, check_room
from fluctua.ensembles.manifest import describe, is_run, read_manifest
from fluctua.ensembles.parts import content_hash
from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.progress import Progress
from fluctua.ensembles.stability import check_stability

if TYPE_CHECKING:
    from fluctua.ensembles.spec import EnsembleSpec
    from fluctua.ensembles.store import Writer
    from fluctua.stochastic.propagator import Block, Propagator

SLICE_STEPS = 2**26  # steps of one coordinate that a thread takes at a time: a tenth of a second or two
LANES = 128  # slices are whole blocks of the kernel

FIELDS = {"parts": "columns", "strokes": "strokes", "paths": "paths", "jumps": "jumps"}  # of a block

Columns = Mapping[str, NDArray[Any]]


def keep_freed_memory() -> None:
    """Let the C library keep what is freed, up to 64 MiB, instead of giving it back at once.

    By the rule of glibc that its threshold follows the largest array freed, 32 MiB at most: nothing is
    written to this one, so that it takes no memory. Work arrays are made and freed thousands of times a
    second, and fresh pages for each cost a third of the time of trajectories that jump a few times.
    """
    np.empty(2**25 - 2**16, dtype=np.uint8)


def committers(threads: int) -> int:
    """Say how many threads commit chunks: more than compute, as they wait for the disk most of the time."""
    return threads + 1


@dataclass
class _Chunk:
    """A chunk in the making: its slices as they come, until all are there."""

    rows: int
    slices: dict[int, Block] = field(default_factory=dict)
    done: int = 0


class Run:
    """What is needed to compute any chunk of a spec: physics, columns, schemas. Checked before it is made.

    Parameters
    ----------
    spec : EnsembleSpec
        What to compute.
    propagator : Propagator
        Its physics.
    pilot : Block
        Its first trajectories.
    chunk : int
        Trajectories of a chunk.
    """

    def __init__(self, spec: EnsembleSpec, propagator: Propagator, pilot: Block, chunk: int) -> None:
        self.spec = spec
        self.chunk = chunk
        self.propagator = propagator
        self._pilot = pilot
        self._schemas = {name: schema_of(columns, spec.digest) for name, columns in tables_of(spec).items()}

    @classmethod
    def prepare(cls, spec: EnsembleSpec, folder: Path | None, *, finer: int = 1) -> Run:
        """Check that there is room and that the time step is stable; nothing is written yet."""
        check_room(spec, folder)
        keep_freed_memory()
        propagator = propagator_of(spec, finer=finer)
        # The pilot compiles the kernel: here and once, not in all threads at the same time.
        pilot = check_stability(spec, propagator)
        check_jumps(spec, pilot)
        if folder is not None and is_run(folder):
            return cls(spec, propagator, pilot, read_manifest(folder)["chunk"])
        return cls(spec, propagator, pilot, chunk_of(spec))

    @property
    def chunks(self) -> int:
        """How many chunks the run has."""
        return number_of(self.spec.trajectories, self.chunk)

    def expected(self, chunk: int) -> int:
        """Count the trajectories of a chunk."""
        return expected_rows(chunk, self.spec.trajectories, self.chunk)

    def manifest(self) -> dict[str, Any]:
        """Describe the run for its folder; the canary is the hash of the pilot, 256 trajectories."""
        from importlib.metadata import version

        spec = self.spec
        return describe(
            spec.table(),
            spec.digest,
            chunk=self.chunk,
            tables=list(self._schemas),
            columns=column_table(columns_of(spec)),
            canary=content_hash(_clean(self._pilot.columns)),
            facts=plain(self.propagator.start.facts),
            software={name: version(name) for name in ("fluctua", "numpy", "numba", "pyarrow")},
            remarks=self.propagator.remarks,
        )

    def compute(
        self, writer: Writer | None, chunks: range | list[int], threads: int, progress: bool | None
    ) -> dict[int, dict[str, pa.Table]]:
        """Compute chunks with some threads; what is committed leaves memory, the rest is given back.

        Any exception, Ctrl-C included, lets the chunks that are complete be committed, and drops the others.
        """
        missing = sum(map(self.expected, chunks))
        total = self.spec.trajectories if writer is None else writer.wanted
        kept: dict[int, dict[str, pa.Table]] = {}
        title = "" if writer is None else str(writer.folder)
        parts = 0 if writer is None else len(list(writer.ours()))
        with (
            Progress(
                total, total - missing, title, progress, parts=parts, parts_done=parts - len(chunks)
            ) as shown_progress,
            ThreadPoolExecutor(threads) as computing,
            ThreadPoolExecutor(committers(threads)) as committing,
        ):
            work = _Work(self, writer, kept, shown_progress, computing, committing)
            try:
                work.through(self._slices(chunks, threads), threads)
            finally:
                work.cancel()
        return dict(sorted(kept.items()))

    def _slices(self, chunks: range | list[int], threads: int) -> Iterator[tuple[int, int, int, int]]:
        """Cut chunks into (chunk, its rows, first trajectory, count), enough to keep all threads busy."""
        wanted = sum(map(self.expected, chunks))
        steps = self.spec.time_steps * self.spec.dynamics.cost(self.spec.system)
        rows = min(SLICE_STEPS // steps, -(-wanted // (4 * threads)), self.chunk)
        rows = max(-(-rows // LANES) * LANES, LANES)
        for chunk in chunks:
            expected = self.expected(chunk)
            for first in range(0, expected, rows):
                yield chunk, expected, chunk * self.chunk + first, min(rows, expected - first)

    def finish(self, writer: Writer | None, chunk: int, blocks: list[Block]) -> dict[str, pa.Table] | None:
        """Join the slices of a chunk; commit it, or give it back where there is no folder."""
        tables = self.tables(blocks)
        if writer is None:
            return tables
        writer.commit(chunk, tables)
        return None

    def tables(self, blocks: list[Block]) -> dict[str, pa.Table]:
        """Give the Arrow tables of consecutive blocks."""
        tables = {}
        for name in self._schemas:
            kept = [
                table for table in (getattr(block, FIELDS[name]) for block in blocks) if table is not None
            ]
            if kept:
                tables[name] = self._table(name, kept)
        return tables

    def _table(self, name: str, blocks: Sequence[Columns]) -> pa.Table:
        schema = self._schemas[name]
        joined = _clean(_joined(blocks))
        if list(joined) != schema.names:
            raise AssertionError(f"{name}: columns {list(joined)} are not those announced, {schema.names}")
        arrays = [self._array(joined, wanted) for wanted in schema]
        failed = {"failed": str(np.count_nonzero(joined["status"]))} if name == "parts" else {}
        return pa.Table.from_arrays(arrays, schema=schema.with_metadata(schema.metadata | failed))

    def _array(self, columns: Columns, wanted: pa.Field) -> pa.Array:
        values = columns[wanted.name]
        if pa.types.is_string(wanted.type):
            return self._words(wanted.name, values)
        if not wanted.nullable:
            return array_of(values, wanted.type)
        return array_of(values, wanted.type, np.isnan(values) & ~_failed_rows(columns))

    def _words(self, name: str, numbers: NDArray[Any]) -> pa.Array:
        """Exchange numbers for what they count; a negative one counts nothing, and becomes null."""
        physics = self.propagator
        words = {
            "stroke": physics.stroke_names,
            "channel": physics.channel_names,
            "state": physics.state_names,
        }[name]
        counted = array_of(numbers, pa.int32(), numbers < 0)
        return pa.DictionaryArray.from_arrays(counted, strings(words)).cast(pa.string())


def _joined(blocks: Sequence[Columns]) -> Columns:
    """Join the columns of consecutive blocks; one alone is taken as it is."""
    if len(blocks) == 1:
        return blocks[0]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _failed_rows(columns: Columns) -> NDArray[np.bool_]:
    """Tell failed rows: by status, or where there is none by the heat, which is NaN there."""
    return columns["status"] != 0 if "status" in columns else np.isnan(columns["heat"])


def _clean(columns: Columns) -> Columns:
    """Give all NaNs the same bits: processors differ in sign and payload of those that they make."""
    clean = {}
    for name, values in columns.items():
        if values.dtype.kind == "f":
            missing = np.isnan(values)
            values = np.where(missing, np.nan, values) if missing.any() else values
        clean[name] = values
    return clean


class _Work:
    """Slices on their way through two pools of threads; only the calling thread touches its books.

    At most as many chunks are open as there are threads, and one more, so that memory does not grow with the
    run.
    """

    def __init__(
        self,
        run: Run,
        writer: Writer | None,
        kept: dict[int, dict[str, pa.Table]],
        progress: Progress,
        computing: Executor,
        committing: Executor,
    ) -> None:
        self._run = run
        self._computing = computing
        self._committing = committing
        self._writer = writer
        self._kept = kept
        self._progress = progress
        self._open: dict[int, _Chunk] = {}
        self._slices: dict[Future[Block], tuple[int, int, int]] = {}
        self._commits: dict[Future[dict[str, pa.Table] | None], int] = {}

    def through(self, slices: Iterator[tuple[int, int, int, int]], threads: int) -> None:
        """Send all slices through the pools."""
        ahead: list[tuple[int, int, int, int]] = list(islice(slices, 1))
        while ahead or self._slices or self._commits:
            while ahead and self._has_room(ahead[0][0], threads):
                self._submit(*ahead.pop())
                ahead = list(islice(slices, 1))
            under_way: list[Future[Any]] = [*self._slices, *self._commits]
            finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in finished:
                self._settle(future)

    def cancel(self) -> None:
        """Forget what has not begun; chunks that are complete are still committed."""
        for future in self._slices:
            future.cancel()

    def _has_room(self, chunk: int, threads: int) -> bool:
        return len(self._slices) < 2 * threads and (chunk in self._open or len(self._open) <= threads)

    def _submit(self, chunk: int, rows: int, first: int, count: int) -> None:
        self._open.setdefault(chunk, _Chunk(rows))
        self._slices[self._computing.submit(self._run.propagator.run, first, count)] = (chunk, first, count)

    def _settle(self, future: Future[Any]) -> None:
        if future in self._commits:
            chunk = self._commits.pop(future)
            tables = future.result()
            if tables is None:
                self._progress.part()
            else:
                self._kept[chunk] = tables
            del self._open[chunk]
            return
        chunk, first, count = self._slices.pop(future)
        block = future.result()
        self._progress.advance(count, int(np.count_nonzero(block.columns["status"])))
        entry = self._open[chunk]
        entry.slices[first] = block
        entry.done += count
        if entry.done == entry.rows:
            blocks = [entry.slices.pop(at) for at in sorted(entry.slices)]
            committed = self._committing.submit(self._run.finish, self._writer, chunk, blocks)
            self._commits[committed] = chunk
