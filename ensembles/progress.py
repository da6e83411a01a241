"""How far a run is: one line on stderr, only where a person looks at it.

    runs/a:  42%|████▏     | 4.2M/10.0M [00:21<00:29, 197k trajectories/s, 64 of 153 parts, 3 failed]

What is done of the trajectories is computed; of the parts, written and safe.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self


class Progress:
    """Trajectories done, rate, time left, parts, failures; silent unless stderr is a terminal.

    Parameters
    ----------
    total : int
        Trajectories that the run is to have.
    done : int
        Trajectories that are there already.
    title : str
        Stands in front: the folder, as a rule.
    shown : bool, optional
        Whether to show it; by default where stderr is a terminal.
    parts : int
        Parts that the run is to have; 0 where none are written, and none are shown.
    parts_done : int
        Parts that are there already.
    """

    def __init__(
        self,
        total: int,
        done: int = 0,
        title: str = "",
        shown: bool | None = None,
        *,
        parts: int = 0,
        parts_done: int = 0,
    ) -> None:
        self._failed = 0
        self._parts, self._parts_done = parts, parts_done
        self._bar: Any = None
        if sys.stderr.isatty() if shown is None else shown:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total,
                initial=done,
                desc=title,
                unit=" trajectories",
                unit_scale=True,
                file=sys.stderr,
                leave=False,
            )
            self._tell()

    def advance(self, trajectories: int, failed: int = 0) -> None:
        """Count some more trajectories, and how many of them failed."""
        if self._bar is None:
            return
        self._failed += failed
        if failed:
            self._tell()
        self._bar.update(trajectories)

    def part(self) -> None:
        """Count one more part that is written."""
        self._parts_done += 1
        if self._bar is not None:
            self._tell()

    def _tell(self) -> None:
        parts = [f"{self._parts_done:,} of {self._parts:,} parts"] if self._parts else []
        failed = [f"{self._failed:,} failed"] if self._failed else []
        self._bar.set_postfix_str(", ".join(parts + failed), refresh=False)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe the line."""
        if self._bar is not None:
            self._bar.close()
