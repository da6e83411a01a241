"""How far a run is: one line on stderr, only where a person looks at it."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self


class Progress:
    """Trajectories done, rate, time left, failures; silent unless stderr is a terminal.

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
    """

    def __init__(self, total: int, done: int = 0, title: str = "", shown: bool | None = None) -> None:
        self._failed = 0
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

    def advance(self, trajectories: int, failed: int = 0) -> None:
        """Count some more trajectories, and how many of them failed."""
        if self._bar is None:
            return
        self._failed += failed
        if failed:
            self._bar.set_postfix_str(f"{self._failed:,} failed", refresh=False)
        self._bar.update(trajectories)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe the line."""
        if self._bar is not None:
            self._bar.close()
