"""What a look through a run directory found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluctua.ensembles.parts import TABLES
from fluctua.stochastic.errors import Damaged, shown


@dataclass(frozen=True)
class Fault:
    """Something that is not as it was written: what, where, and what to do."""

    what: str
    where: str
    remedy: str

    def __str__(self) -> str:
        """Write it as errors are written."""
        return str(Damaged(self.what, self.where, self.remedy))

    @classmethod
    def of(cls, error: Damaged) -> Fault:
        """Take it from an error."""
        return cls(error.what, error.where, error.remedy)


@dataclass(frozen=True)
class Checked:
    """What there is in a run directory, and what is wrong with it.

    Attributes
    ----------
    path : Path
        The run directory.
    spec : str or None
        The digest of its spec; None where the manifest does not say.
    trajectories, asked_for : int, int or None
        How many are there in sound files, and how many are to be; None where `target.json` does not say.
    parts : dict of str to int
        How many files each table has.
    faults : tuple of Fault
        All that is not as it was written.
    missing : tuple of (int, int)
        Chunks that are still to be made, as ranges, first and last.
    leftover : tuple of str
        Files that a killed writer left, and that do not count: superseded parts, other tables' files of
        chunks that never counted, what it had begun to write.
    strangers : tuple of str
        What lies beside its files and is none of them: nobody reads it, but no writer goes on beside it.
    status : dict of int to int
        How many trajectories have each status; all but 0 failed.
    first_law_residual : float or None, energy
        max |energy_change - work - heat - shadow_work| over the others; None where no file tells, without
        work, or where one of these is what the others leave.
    files : str
        SHA-256, in hex, of the sorted lines ``<table>/<name>`` of all parts, each with a newline, as
        ``ls -d */*.parquet`` prints them. Equal digests are equal bytes, since names hold checksums.
    values : str or None
        SHA-256, in hex, of a line ``<table> <chunk> <content>`` for each part that counts, by table (parts,
        strokes, paths) and chunk, with its :class:`~fluctua.ensembles.content.Content`: equal for equal
        numbers, whichever version of PyArrow wrote them. None where some could not be read.
    """

    path: Path
    spec: str | None
    trajectories: int
    asked_for: int | None
    parts: dict[str, int]
    faults: tuple[Fault, ...]
    missing: tuple[tuple[int, int], ...]
    leftover: tuple[str, ...]
    strangers: tuple[str, ...]
    status: dict[int, int]
    first_law_residual: float | None
    files: str
    values: str | None

    @property
    def sound(self) -> bool:
        """Whether all that is there is as it was written."""
        return not self.faults

    @property
    def complete(self) -> bool:
        """Whether all that was asked for is there, and nothing else beside it in its tables."""
        return self.trajectories == self.asked_for and not self.missing and not self.untidy

    @property
    def untidy(self) -> tuple[str, ...]:
        """Files among the leftovers that other programs would take for parts of the run."""
        return tuple(
            name for name in self.leftover if name.startswith(tuple(f"{table}/" for table in TABLES))
        )

    @property
    def failed(self) -> int:
        """How many trajectories failed."""
        return sum(count for code, count in self.status.items() if code != 0)

    @property
    def unfinished(self) -> str:
        """What is missing, in words; empty where nothing is."""
        if self.asked_for is None or self.complete:
            return ""
        if self.missing:
            rows = self.asked_for - self.trajectories
            chunks = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in self.missing[:5])
            more = ", ..." if len(self.missing) > 5 else ""
            noun = "chunk" if chunks.isdecimal() else "chunks"
            return f"{rows:,} of {self.asked_for:,} trajectories are missing, in {noun} {chunks}{more}"
        return f"a killed writer left {_counted(len(self.untidy), 'file')}"

    def __str__(self) -> str:
        """Write some lines: what it is, each fault, the digests."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        state = "sound" if self.sound else _counted(len(self.faults), "fault")
        yield f"{self.path}: {state}, {self.unfinished or ('complete' if self.complete else 'not complete')}"
        yield from (f"  fault: {fault}" for fault in self.faults)
        yield from (f"  left by a killed writer: {name}" for name in self.leftover)
        yield from (
            f"  untidy: {shown(name)} is no part of the run: move it before you go on or extend"
            for name in self.strangers
        )
        asked = "" if self.asked_for is None else f" of {self.asked_for:,}"
        files = ", ".join(f"{_counted(count, 'file')} in {table}/" for table, count in self.parts.items())
        yield f"  {self.trajectories:,}{asked} trajectories, {self._failures()}; {files or 'no files'}"
        if self.first_law_residual is not None:
            yield f"  first law: residual <= {self.first_law_residual:.1g}"
        yield f"  files   {self.files}"
        yield f"  values  {self.values or 'unknown'}"

    def _failures(self) -> str:
        codes = ", ".join(f"{count:,} with status {code}" for code, count in self.status.items() if code)
        return f"{self.failed:,} failed" + (f" ({codes})" if codes else "")

    def to_dict(self) -> dict[str, Any]:
        """Give the same as plain tables, for JSON."""
        return {
            "path": str(self.path),
            "spec": self.spec,
            "sound": self.sound,
            "complete": self.complete,
            "trajectories": self.trajectories,
            "asked_for": self.asked_for,
            "failed": self.failed,
            "status": {str(code): count for code, count in self.status.items()},
            "first_law_residual": self.first_law_residual,
            "parts": self.parts,
            "faults": [{"what": f.what, "where": f.where, "remedy": f.remedy} for f in self.faults],
            "missing": [list(chunks) for chunks in self.missing],
            "leftover": list(self.leftover),
            "strangers": list(self.strangers),
            "files": self.files,
            "values": self.values,
        }


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
