"""Look through a whole run directory, and find all that is wrong with it instead of the first thing."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fluctua.ensembles.checked import Checked, Fault
from fluctua.ensembles.chunks import expected_rows, number_of
from fluctua.ensembles.columns import column_table, columns_of
from fluctua.ensembles.dataset import no_run
from fluctua.ensembles.disk import Disk, refusals
from fluctua.ensembles.listing import ROUNDS, Listing, Place, list_tables, parts_of
from fluctua.ensembles.manifest import (
    MANIFEST,
    TARGET,
    is_run,
    path_of,
    read_manifest,
    read_target,
    read_until,
)
from fluctua.ensembles.part_check import ELSEWHERE, Found, Law, look_at
from fluctua.ensembles.parts import TABLES, Part
from fluctua.ensembles.places import LOG, OWN, SCRATCH
from fluctua.ensembles.progress import Progress
from fluctua.ensembles.runs import FOLDER_NAME
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.sweep import planned
from fluctua.ensembles.text import Table
from fluctua.stochastic.errors import Busy, Damaged, InvalidInput, StorageError

_RESTORE = "restore the file"
_REVERSED = {"direction=forward": "direction=reverse", "direction=reverse": "direction=forward"}


# ---- looking


def check(folder: str | Path, *, progress: bool | None = None) -> Checked:
    """Look through a run directory: every checksum, every page, every row.

    Memory holds a few batches of rows a thread. Another process may write meanwhile.

    Parameters
    ----------
    folder : str or Path
        The run.
    progress : bool, optional
        Whether to show how far it is on stderr; by default where that is a terminal.

    Raises
    ------
    InvalidInput
        There is no run, or a folder of them, or a later version wrote it.
    StorageError
        The folder cannot be listed.
    """
    path = path_of(folder)
    if not _holds_a_run(path):
        if any(_runs_below(path)):
            raise InvalidInput("a folder of runs, itself none", str(path), "give it to check_each")
        raise no_run(path)
    return _Look(path).checked(progress)


def check_each(folder: str | Path, *, progress: bool | None = None) -> list[Checked]:
    """Look through a run, or each run of a folder such as a pair or a sweep.

    Raises
    ------
    InvalidInput
        There is none.
    """
    path = path_of(folder)
    found = list(_runs_below(path))
    if not found:
        raise no_run(path)
    return [check(one, progress=progress) for one in found]


def _runs_below(path: Path) -> Iterator[Path]:
    if _holds_a_run(path):
        yield path
    elif path.is_dir():
        with refusals(path):
            entries = sorted(entry for entry in path.iterdir() if entry.is_dir())
        for entry in entries:
            if FOLDER_NAME.fullmatch(entry.name):
                yield from _runs_below(entry)


def missing_runs(folder: str | Path, found: Iterable[Checked]) -> dict[Path, str]:
    """Name the runs that a folder lacks, and tell of each how that is known.

    Where one direction lies, the other belongs beside it; and a sweep notes which runs it is to have.

    Raises
    ------
    Damaged
        The sweep's note is not what was written.
    """
    top = path_of(folder)
    found = list(found)
    begun = {one.path for one in found}
    never = {path: "never begun" for path in planned(top) if path not in begun}
    return dict(sorted((never | dict.fromkeys(_missing_partners(top, found), "half of a pair")).items()))


def _missing_partners(top: Path, found: Iterable[Checked]) -> list[Path]:
    there = {one.path.relative_to(top) for one in found}
    partners = {Path(*(_REVERSED.get(name, name) for name in run.parts)) for run in there}
    return [top / run for run in sorted(partners - there)]


def _holds_a_run(path: Path) -> bool:
    """Tell whether a folder is one, also where its manifest was lost."""
    return is_run(path) or any(parts_of(path / table) for table in TABLES)


class _Look:
    """A look through one run directory; faults gather as it goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[Fault] = []
        self.manifest: Table | None = None
        self.spec: EnsembleSpec | None = None
        self.target: int | None = None
        self.strangers: list[str] = []
        self._barred: set[str] = set()  # tables whose folder is none

    def checked(self, progress: bool | None) -> Checked:
        """Look at everything."""
        self._read_manifest()
        self._read_law()
        law = Law(self.spec, self.manifest["chunk"]) if self.spec and self.manifest else None
        listing, found = self._read_parts(law, progress)
        self._read_target()
        self._look_around()
        self.faults += listing.faults
        for place in listing.places():
            self.faults += found[place].faults
        missing, leftover = self._compare(listing, listing.sound(found), law)
        self._count_jumps(listing.sound(found), found)
        return self._told(listing, found, missing, leftover)

    # -- the manifest and the target

    def _noting(self, error: Damaged) -> None:
        self.faults.append(Fault.of(error))

    def _fault(self, what: str, where: str, remedy: str = _RESTORE) -> None:
        self.faults.append(Fault(what, str(self.path / where), remedy))

    def _read_manifest(self) -> None:
        try:
            if (self.path / MANIFEST).is_symlink():
                return  # told where all links are
            if not is_run(self.path):
                raise Damaged("parts without a manifest", str(self.path), "restore manifest.json")
            self.manifest = read_manifest(self.path)
        except Damaged as error:
            self._noting(error)

    def _read_law(self) -> None:
        """Read the spec; what the manifest says beside it must follow from it."""
        if self.manifest is None:
            return
        table = self.manifest["spec"]
        try:
            spec = EnsembleSpec.from_table({**table, "trajectories": max(_whole(table.get("paths")), 1)})
        except InvalidInput as error:
            where = f"{MANIFEST}, {error.where}" if error.where else MANIFEST
            self._fault(f"its spec is not valid here: {error.what}", where, error.remedy or _RESTORE)
            return
        if spec.digest != self.manifest["digest"]:
            self._fault("its spec and its digest disagree", MANIFEST)
        if _said(self.manifest.get("columns")) != _said(column_table(columns_of(spec))):
            self._fault("its columns are not those of its spec", MANIFEST)
        self.spec = spec

    def _read_target(self) -> None:
        """Read it after the parts: it is raised before any part needs it."""
        try:
            self.target = read_target(self.path)
            read_until(self.path)
        except Damaged as error:
            self._noting(error)
        except StorageError:
            if not (self.path / TARGET).is_symlink():  # told where all links are
                raise

    def _look_around(self) -> None:
        with refusals(self.path):
            entries = sorted(os.scandir(self.path), key=lambda entry: entry.name)
        for entry in entries:
            if entry.name in (MANIFEST, TARGET, LOG, *TABLES) or OWN.fullmatch(entry.name):
                self._look_at_kind(entry)
            else:
                self.strangers.append(entry.name)
        self._barred = {entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)}

    def _look_at_kind(self, entry: os.DirEntry[str]) -> None:
        """Refuse links, through which a writer would write elsewhere, and a file in place of a folder."""
        folder = entry.name in TABLES or entry.name.startswith(SCRATCH)
        kind, other = ("folder", "file") if folder else ("file", "folder")
        if entry.is_symlink():
            remedy = "remove the link" if OWN.fullmatch(entry.name) else f"put the {kind} there"
            self._fault(f"a link where a {kind} should be", entry.name, remedy)
        elif entry.is_dir() != folder and entry.name not in (MANIFEST, TARGET):  # these were read
            self._fault(f"a {other} where a {kind} should be", entry.name, ELSEWHERE)

    # -- the parts

    def _read_parts(self, law: Law | None, progress: bool | None) -> tuple[Listing, dict[Place, Found]]:
        """Look at every part, and again at what came in the place of those that vanished meanwhile."""
        found: dict[Place, Found] = {}
        disk = Disk()  # that remembers no checksum: they are all computed now
        with _processors() as pool:
            for _ in range(ROUNDS):
                listing = list_tables(self.path)
                places = [place for place in listing.places() if place not in found]
                found |= self._looked_at(pool, places, law, disk, progress)
                if all(place in found for place in listing.places()):
                    return listing, found
        raise Busy("the run changes faster than it can be read", str(self.path), "try again later")

    def _looked_at(
        self,
        pool: ThreadPoolExecutor,
        places: list[Place],
        law: Law | None,
        disk: Disk,
        progress: bool | None,
    ) -> dict[Place, Found]:
        def look(place: Place) -> Found | None:
            try:
                return look_at(self.path, *place, law, disk)
            except FileNotFoundError:
                return None  # superseded since it was listed

        found = {}
        rows = sum(part.rows for table, part in places if table == "parts")
        with Progress(rows, title=str(self.path), shown=progress) as shown:
            try:
                for place, one in zip(places, pool.map(look, places), strict=True):
                    shown.advance(place[1].rows if place[0] == "parts" else 0)
                    if one is not None:
                        found[place] = one
            except BaseException:  # Ctrl-C: what waits is not begun
                pool.shutdown(cancel_futures=True)
                raise
        return found

    # -- one with the other

    def _compare(
        self, listing: Listing, sound: Listing, law: Law | None
    ) -> tuple[tuple[tuple[int, int], ...], tuple[str, ...]]:
        """Hold the tables against each other and the target: give missing chunks, and leftovers.

        Only what has no fault of its own can have one here: a cause is told once.
        """
        self._refuse_rivals(sound)
        if law is None:
            return (), tuple(self._scratch())
        leftover = [f"{table}/{part.name}" for table, part in sound.places() if self._is_left(part, listing)]
        self._ask_for_others(listing, sound, law)
        if self.target is None:
            return (), (*leftover, *self._scratch())
        for part in sound.counted.values():
            if part.rows > expected_rows(part.chunk, self.target, law.chunk):
                what = f"a part beyond the {self.target:,} trajectories of the run"
                self._fault(what, f"parts/{part.name}", "restore target.json")
        missing = tuple(_gaps(sound.counted.values(), self.target, law.chunk))
        return missing, (*leftover, *self._scratch())

    def _refuse_rivals(self, listing: Listing) -> None:
        for table, parts in listing.parts.items():
            for (chunk, rows), count in Counter((part.chunk, part.rows) for part in parts).items():
                if count > 1:
                    names = [part.name for part in parts if (part.chunk, part.rows) == (chunk, rows)]
                    what = "two different files for the same rows"
                    remedy = f"move it and {names[0]} elsewhere and run the same call again"
                    self._fault(what, f"{table}/{names[-1]}", remedy)

    def _is_left(self, part: Part, listing: Listing) -> bool:
        """Tell whether a file belongs to no chunk that counts: a killed writer left it."""
        counted = listing.counted.get(part.chunk)
        counts = counted is not None and counted.rows == part.rows
        return not counts and "parts" not in self._barred

    def _ask_for_others(self, listing: Listing, sound: Listing, law: Law) -> None:
        """Ask for what the other tables must have of the chunks that count."""
        for table in (name for name in law.tables[1:] if name not in self._barred):
            there = {(part.chunk, part.rows) for part in listing.parts.get(table, [])}
            for part in sound.counted.values():
                if law.keeps(table, part) and (part.chunk, part.rows) not in there:
                    remedy = f"delete parts/{part.name} and run the same call again"
                    self._fault(f"no rows of chunk {part.chunk}", table, remedy)

    def _count_jumps(self, sound: Listing, found: Mapping[Place, Found]) -> None:
        """Hold lists of jumps, which may have any length, against what the trajectories count."""
        for part in sound.parts.get("jumps", []):
            if (counted := sound.counted.get(part.chunk)) is None or counted.rows != part.rows:
                continue
            listed, wanted = found["jumps", part].jumps, found["parts", counted].jumps
            if wanted is not None and listed != wanted:
                what = f"{listed:,} jumps, where its parts/ count {wanted:,}"
                remedy = f"move it and parts/{counted.name} elsewhere and run the same call again"
                self._fault(what, f"jumps/{part.name}", remedy)

    def _scratch(self) -> Iterator[str]:
        for folder in sorted(self.path.glob(f"{SCRATCH}*")):
            if OWN.fullmatch(folder.name) and folder.name not in self._barred:
                with refusals(folder):
                    yield from (f"{folder.name}/{name}" for name in sorted(_names(folder)))

    # -- telling

    def _told(
        self,
        listing: Listing,
        found: Mapping[Place, Found],
        missing: tuple[tuple[int, int], ...],
        leftover: tuple[str, ...],
    ) -> Checked:
        parts = listing.sound(found).counted.values()
        counted = [found["parts", part] for part in parts]
        status: Counter[int] = Counter()
        for one in counted:
            status.update(one.status)
        names = sorted(f"{table}/{part.name}\n" for table, part in listing.places())
        return Checked(
            path=self.path,
            spec=self.manifest["digest"] if self.manifest else None,
            trajectories=sum(part.rows for part in parts),
            asked_for=self.target,
            parts={table: len(parts) for table, parts in listing.parts.items()},
            faults=tuple(self.faults),
            missing=missing,
            leftover=leftover,
            strangers=tuple(self.strangers),
            status=dict(sorted(status.items())),
            first_law_residual=max((x for one in counted if (x := one.residual) is not None), default=None),
            files=hashlib.sha256("".join(names).encode()).hexdigest(),
            values=_values(listing, found),
        )


def _values(listing: Listing, found: Mapping[Place, Found]) -> str | None:
    """Digest the contents of all files that count; None where one has none."""
    total = hashlib.sha256()
    for table in TABLES:
        for part in sorted(listing.parts.get(table, [])):
            counted = listing.counted.get(part.chunk)
            if counted is None or counted.rows != part.rows:
                continue
            content = found[table, part].content
            if content is None:
                return None
            total.update(f"{table} {part.chunk} {content}\n".encode())
    return total.hexdigest()


def _gaps(parts: Iterable[Part], target: int, chunk: int) -> Iterator[tuple[int, int]]:
    """Give the ranges of chunks that are not there whole; `parts` in order of chunks."""
    whole = [part.chunk for part in parts if part.rows >= expected_rows(part.chunk, target, chunk) > 0]
    end = number_of(target, chunk)
    for before, after in zip([-1, *whole], [*whole, end], strict=True):
        if after > before + 1:
            yield before + 1, after - 1


def _said(columns: object) -> list[object]:
    """Take what a manifest says of columns, but for the wording: a later version may tell it better."""
    kept = ("name", "dtype", "unit", "nullable")
    listed = columns if isinstance(columns, list) else [columns]
    return [[one.get(key) for key in kept] if isinstance(one, dict) else one for one in listed]


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:  # its writer has finished meanwhile
        return []


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _processors() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)))
