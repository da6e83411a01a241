"""Hostile input by the batch: given to a process with little memory, and what became of each.

What must never happen with any input: a traceback, an end by a signal (memory and processor time are bounded,
so that a bomb and a loop without end are seen as well), code of the input executed, a file opened for writing
elsewhere, something left behind, control characters or pages of text on the terminal.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

CHILD = Path(__file__).parent / "child.py"
MEMORY = 3 * 2**30  # bytes of address space; the imports alone take a third of it
LONGEST = 2000  # characters of an error
REFUSED = (2, 3, 65, 74)
BATCH = 10_000


@dataclass(frozen=True)
class Outcome:
    """What became of one input; `faults` says what must not happen and did."""

    case: Mapping[str, Any]
    code: int | None
    error: str
    faults: tuple[str, ...]
    memory: int = 0
    seconds: float = 0.0


def outcomes(
    cases: Iterable[Mapping[str, Any]],
    folder: Path,
    *,
    seconds: int = 120,
    memory: int = MEMORY,
    accepted: tuple[int, ...] = (),
    growth: int = 2**28,
) -> list[Outcome]:
    """Give cases to a child; one that dies is replaced, so that every case has its outcome.

    Parameters
    ----------
    cases : iterable of mapping
        As `child.py` reads them.
    folder : Path
        Empty; for what passes between the processes.
    seconds, memory : int
        Limits of the child: processor time, address space.
    accepted : tuple of int
        Exit codes that are no fault besides those of refusals.
    growth : int
        Bytes that one case may take.
    """
    waiting, found = list(cases), []
    while waiting:
        told = _told(waiting, folder, seconds, memory)
        codes = (*REFUSED, *accepted)
        found += [_outcome(case, one, codes, growth) for case, one in zip(waiting, told, strict=False)]
        waiting = waiting[len(told) :]
    return found


def _told(cases: list[Mapping[str, Any]], folder: Path, seconds: int, memory: int) -> list[dict[str, Any]]:
    """Run a child over the cases; where it died, the last one told is that of its death."""
    given, results = folder / "cases.jsonl", folder / "results.jsonl"
    given.write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
    results.unlink(missing_ok=True)
    command = [sys.executable, CHILD, given, results, folder / "place", str(memory), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", cwd=folder)
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    told = [json.loads(line) for line in lines[1::2]]
    if done.returncode == 0:
        assert len(told) == len(cases)
        return told
    assert lines, f"the child did not start: {done.stderr}"
    return [*told, {"died": done.returncode, "error": done.stderr[-2000:]}]


def _outcome(case: Mapping[str, Any], one: dict[str, Any], codes: tuple[int, ...], growth: int) -> Outcome:
    if "died" in one:
        return Outcome(case, None, one["error"], (f"the process died, {one['died']}",))
    said = one["error"] + one["printed"]
    # Escaped by hand are only what a terminal would obey: a letter that it lacks is no fault.
    control = any(not (letter.isprintable() or letter in "\n") for letter in said)
    faults = {
        f"a traceback: {one['traceback']}": one["traceback"],
        f"exit code {one['code']}": one["code"] not in codes,
        "control characters on the terminal": control,
        f"an error of {len(one['error']):,} characters": len(one["error"]) > LONGEST,
        "an error of several lines": one["error"].count("error: ") > 1,
        f"left behind: {one['left']}": one["left"],
        f"did {one['events']}": one["events"],
        "much memory": one["memory"] > growth,
    }
    happened = tuple(what for what, has in faults.items() if has)
    return Outcome(case, one["code"], one["error"], happened, one["memory"], one["seconds"])


def in_batches(cases: Iterable[Mapping[str, Any]], folder: Path, **limits: Any) -> Iterator[Outcome]:
    """Give many cases to one child after the other; only what has faults is worth keeping."""
    left = iter(cases)
    while batch := list(islice(left, BATCH)):
        yield from outcomes(batch, folder, **limits)


def bad(found: Iterable[Outcome]) -> list[Outcome]:
    """Pick the outcomes with faults."""
    return [outcome for outcome in found if outcome.faults]


def account(found: Iterable[Outcome]) -> str:
    """Say of the first outcomes with faults what was given and what happened."""
    return "\n".join(f"{str(one.case)[:300]}: {'; '.join(one.faults)[-1500:]}" for one in bad(found)[:5])
