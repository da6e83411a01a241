"""What lies in the folders of a run's tables at one moment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fluctua.ensembles.checked import Fault
from fluctua.ensembles.disk import refusals
from fluctua.ensembles.part_check import ELSEWHERE, Found
from fluctua.ensembles.parts import TABLES, Part, parse_name
from fluctua.stochastic.errors import Busy

ROUNDS = 1000  # looks at a run that another process changes meanwhile

Place = tuple[str, Part]


def parts_of(folder: Path) -> list[Part]:
    """Give the files of a folder that are called parts."""
    names = os.listdir(folder) if folder.is_dir() else ()
    return [part for name in names if (part := parse_name(name))]


@dataclass
class Listing:
    """What the folders of a run's tables hold: parts, and what is none."""

    parts: dict[str, list[Part]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @cached_property
    def counted(self) -> dict[int, Part]:
        """Of each chunk the part with most rows."""
        ordered = sorted(self.parts.get("parts", []), key=lambda part: (part.chunk, part.rows))
        return {part.chunk: part for part in ordered}

    def sound(self, found: Mapping[Place, Found]) -> Listing:
        """Give the files without faults alone: one that is no part of the run says nothing of it."""
        parts = {
            table: [part for part in parts if not found[table, part].faults]
            for table, parts in self.parts.items()
        }
        return Listing(parts, self.faults)

    def places(self) -> Iterator[Place]:
        """Give all parts, chunk by chunk, so that whoever watches sees an even progress."""
        found = [(table, part) for table, parts in self.parts.items() for part in parts]
        yield from sorted(found, key=lambda place: (place[1].chunk, place[0]))


def list_tables(path: Path) -> Listing:
    """List the tables. `parts/` twice: only where it did not change meanwhile do the others belong to it."""
    with refusals(path):
        for _ in range(ROUNDS):
            listing, before = Listing(), sorted(parts_of(path / "parts"))
            for table in TABLES:
                _list_table(path / table, table, listing)
            if sorted(parts_of(path / "parts")) == before:
                return listing
    raise Busy("the run changes faster than it can be read", str(path), "try again later")


def _list_table(folder: Path, table: str, listing: Listing) -> None:
    parts: list[Part] = []
    listed = folder.is_dir() and not folder.is_symlink()
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name) if listed else ():
        part = parse_name(entry.name)
        if entry.is_symlink():
            listing.faults.append(Fault("a link where a file should be", entry.path, "put the file there"))
        elif part is None or part.rows == 0 or not entry.is_file():
            listing.faults.append(Fault("a file that is no part of the run", entry.path, ELSEWHERE))
        else:
            parts.append(part)
    if parts:
        listing.parts[table] = parts
