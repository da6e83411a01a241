"""Where the rows of a run come from: memory, or the parts of a run directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fluctua.ensembles.chunks import expected_rows
from fluctua.ensembles.columns import COLUMNS_OF, schema_of
from fluctua.ensembles.disk import DISK, Disk
from fluctua.ensembles.manifest import MANIFEST, read_manifest, read_target
from fluctua.ensembles.parts import SAMPLED, Part, all_parts, list_parts
from fluctua.ensembles.reading import UNREADABLE, check_folders, open_part, read_schema
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.errors import Busy, Damaged, InvalidInput

BATCH = 65_536  # rows read at a time
QUICK = 256  # parts whose footers are read to print one line


class Memory:
    """Rows that were never written: the tables of each chunk, in order."""

    path: Path | None = None
    files: tuple[Path, ...] = ()

    def __init__(self, chunks: Mapping[int, Mapping[str, pa.Table]]) -> None:
        self._chunks = dict(sorted(chunks.items()))
        self.rows = self.target = sum(tables["parts"].num_rows for tables in self._chunks.values())

    def batches(self, table: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Give the rows of a table, some columns of it."""
        for tables in self._chunks.values():
            if table in tables:
                yield from tables[table].select(columns).to_batches(max_chunksize=BATCH)

    def near(self, trajectory: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Give rows of `parts/` among which is that of a trajectory, if it is there."""
        for tables in self._chunks.values():
            rows = tables["parts"]
            if rows["trajectory"][0].as_py() <= trajectory <= rows["trajectory"][-1].as_py():
                yield from rows.select(columns).to_batches(max_chunksize=BATCH)

    def check(self) -> None:
        """Do nothing: rows in memory are all there."""

    def stated_failures(self) -> int | None:
        """Count failed trajectories as the tables' metadata state them."""
        return sum(_stated(tables["parts"].schema) for tables in self._chunks.values())


class Layout:
    """What the files of a run must hold, as its spec has it: which columns, how many rows, whose.

    Parameters
    ----------
    spec : EnsembleSpec
        Of the run; its number of trajectories does not count.
    chunk : int
        Trajectories of a chunk.
    """

    def __init__(self, spec: EnsembleSpec, chunk: int) -> None:
        self.chunk = chunk
        self.sampled = spec.paths
        self.schemas = {name: schema_of(columns(spec), spec.digest) for name, columns in COLUMNS_OF.items()}
        samples = spec.time_steps // spec.path_every + 1 if spec.paths else 0
        self._each = {"parts": 1, "strokes": len(spec.schedule.names), "paths": samples}  # jumps: any number

    def trajectories(self, table: str, part: Part) -> range:
        """Tell whose rows a file has: in `paths/` and `jumps/`, of the first ones alone."""
        first = part.chunk * self.chunk
        end = first + part.rows
        return range(first, min(end, max(self.sampled, first)) if table in SAMPLED else end)

    def open(self, folder: Path, table: str, part: Part, disk: Disk = DISK) -> pq.ParquetFile:
        """Open a file after checking its bytes, its columns, how many rows it has, and whose.

        Raises
        ------
        Damaged, FileNotFoundError
            It is not what was written there; it is gone.
        """
        if part.rows > self.chunk:
            place = str(folder / table / part.name)
            raise Damaged(f"more rows than a chunk's {self.chunk:,}", place, "move it elsewhere")
        whose = self.trajectories(table, part)
        rows = len(whose) * self._each[table] if table in self._each else None
        return open_part(folder, table, part, self.schemas[table], rows, whose, disk)


class Files:
    """Rows of a run directory as it was when it was opened; another process may go on writing.

    Parameters
    ----------
    path : Path
        The run directory.
    partial : bool
        Take what is there, up to the first chunk that is missing, instead of refusing an unfinished run.
    """

    def __init__(self, path: Path, partial: bool) -> None:
        check_folders(path)
        parts = list_parts(path)
        self.path = path
        self.spec, self.chunk = stored_run(path)  # after the parts: a target is raised before any needs it
        self.partial = partial
        self.target = self.spec.trajectories
        self.parts = _unbroken(parts, self.chunk) if partial else list(parts.values())
        self.rows = sum(part.rows for part in self.parts)
        self.layout = Layout(self.spec, self.chunk)
        self._listed: dict[str, dict[tuple[int, int], Part]] = {}
        self._check_target()

    def _check_target(self) -> None:
        for part in self.parts:
            if part.rows > expected_rows(part.chunk, self.target, self.chunk):
                self.layout.open(self.path, "parts", part).close()  # renamed, it leaves the target innocent
                place = str(self.path / "parts" / part.name)
                what = f"a part beyond the {self.target:,} trajectories of the run"
                raise Damaged(what, place, "restore target.json")

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of `parts/`, in order."""
        return tuple(self.path / "parts" / part.name for part in self.parts)

    def stated_failures(self) -> int | None:
        """Count failed trajectories as footers state them; None where these are many or damaged."""
        if len(self.parts) > QUICK:
            return None
        try:
            schema = self.layout.schemas["parts"]
            return sum(_stated(read_schema(self.path, "parts", part, schema)) for part in self.parts)
        except (FileNotFoundError, ValueError, Damaged):
            return None

    def check(self) -> None:
        """Refuse to read from an unfinished run as if it were whole."""
        if not self.partial and self.rows < self.target:
            raise Busy(
                f"unfinished: {self.rows:,} of {self.target:,} trajectories are there",
                str(self.path),
                f"simulate(run.spec, {str(self.path)!r}) goes on, open(..., partial=True) takes these",
            )

    def batches(self, table: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Give the rows of a table, some columns of it, after checking each file."""
        for part in self.parts:
            if table in SAMPLED and part.chunk * self.chunk >= self.spec.paths:
                return
            yield from self._part_batches(table, part, columns)

    def near(self, trajectory: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Give rows of `parts/` among which is that of a trajectory, if it is there; of one part at most."""
        for part in self.parts:
            if part.chunk * self.chunk <= trajectory < part.chunk * self.chunk + part.rows:
                yield from self._part_batches("parts", part, columns)

    def _part_batches(self, table: str, part: Part, columns: list[str]) -> Iterator[pa.RecordBatch]:
        found, file = self._open(table, part)
        longer = found.rows > part.rows  # extended since we looked: its first rows are the same
        wanted = [*columns, *(["trajectory"] if longer and "trajectory" not in columns else [])]
        try:
            for batch in file.iter_batches(BATCH, columns=wanted):
                if longer:
                    end = part.chunk * self.chunk + part.rows
                    batch = batch.filter(pa.array(batch["trajectory"].to_numpy() < end))
                yield batch.select(columns)
        except UNREADABLE as error:
            place = str(self.path / table / found.name)
            raise Damaged("the file cannot be read", place, " ".join(str(error).split())[:120]) from None

    def _open(self, table: str, part: Part) -> tuple[Part, pq.ParquetFile]:
        """Open a part's file in a table; where it is superseded at this very moment, its successor."""
        while True:
            found = self._find(table, part)
            try:
                return found, self.layout.open(self.path, table, found)
            except FileNotFoundError:
                continue

    def _find(self, table: str, part: Part) -> Part:
        """Find a part's file in a table, or its successor if it was superseded meanwhile."""
        key = (part.chunk, part.rows)
        if table not in self._listed:
            self._listed[table] = self._list(table)
        found = self._listed[table].get(key)
        while found is None or not (self.path / table / found.name).is_file():
            successor = list_parts(self.path).get(part.chunk, part)
            listed = self._listed[table] = self._list(table)
            found = listed.get(key) or listed.get((part.chunk, successor.rows))
            if found is None and list_parts(self.path).get(part.chunk, part) == successor:
                raise Damaged(
                    f"no rows of chunk {part.chunk}",
                    str(self.path / table),
                    "delete its part and run the same call again",
                )
        return found

    def _list(self, table: str) -> dict[tuple[int, int], Part]:
        list_parts(self.path, table)  # refuses two files for the same rows
        return {(part.chunk, part.rows): part for part in all_parts(self.path / table)}


def _stated(schema: pa.Schema) -> int:
    return int((schema.metadata or {}).get(b"failed", b"0"))


def _unbroken(parts: Mapping[int, Part], chunk: int) -> list[Part]:
    """Take the unbroken beginning: chunks finish in any order, and only a beginning is an unbiased sample."""
    taken: list[Part] = []
    while len(taken) in parts and (not taken or taken[-1].rows == chunk):
        taken.append(parts[len(taken)])
    return taken


def stored_run(path: Path) -> tuple[EnsembleSpec, int]:
    """Read the spec of a run directory, its trajectories the present target; and the size of its chunks."""
    manifest = read_manifest(path)
    try:
        spec = EnsembleSpec.from_table(manifest["spec"] | {"trajectories": read_target(path)})
    except InvalidInput as error:
        raise Damaged(
            f"its spec is not valid here: {error.what}",
            f"{path / MANIFEST}, {error.where}",
            error.remedy,
        ) from None
    if spec.digest != manifest["digest"]:
        raise Damaged("its spec and its digest disagree", str(path / MANIFEST), "restore the file")
    return spec, manifest["chunk"]
