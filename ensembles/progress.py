"""How far a run is: one line on stderr, only where a person looks at it.

    squeeze:  42%|████▏     | 4.2M/10.0M [00:21<00:29, 197k trajectories/s, 64 of 153 parts, 3 failed]

What is done of the trajectories is computed; of the parts, written and safe. On a narrow terminal words go
before the bar does, and the bar before the share that is done.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_WIDE, _NARROW, _BARE = 120, 90, 60  # columns from which on all words stand, some, and a bar at all
_FEWER_WORDS = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{remaining}, {rate_fmt}{postfix}]"
_NO_BAR = "{percentage:3.0f}% {n_fmt}/{total_fmt} {remaining}{postfix}"


class Progress:
    """Trajectories done, rate, time left, parts, failures; silent unless stderr is a terminal.

    Parameters
    ----------
    total : int
        Trajectories that the run is to have.
    done : int
        Trajectories that are there already.
    title : str
        Stands in front: the folder, as a rule, of which the last name is shown.
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
        self._columns = 0
        if sys.stderr.isatty() if shown is None else shown:
            from tqdm import tqdm

            self._columns = _columns()
            wide = self._columns >= _WIDE
            bare = self._columns < _BARE
            self._bar = tqdm(
                total=total,
                initial=done,
                desc=_cut(Path(title).name, self._columns // 5),
                unit=" trajectories" if wide else "",
                bar_format=None if wide else _NO_BAR if bare else _FEWER_WORDS,
                ncols=self._columns,
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
        of = " of " if self._columns >= _WIDE else "/"
        told = self._parts and self._columns >= _NARROW
        parts = [f"{self._parts_done:,}{of}{self._parts:,} parts"] if told else []
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


def _columns() -> int:
    """Ask how wide the terminal is; where there is none, as wide as all words need."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _WIDE
    except (OSError, ValueError):
        return _WIDE


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 3]}..."
