"""What ends a command from outside: Ctrl-C, a batch system, a terminal that is closed.

SIGTERM (``scancel``, a time limit) and SIGHUP (a closed ssh) shall end a command as Ctrl-C does: whole parts
are kept, the log says that it was stopped, and one line tells how to go on. So both raise KeyboardInterrupt.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HEARD = (signal.SIGTERM, signal.SIGHUP)
CTRL_C = 130


class Stop:
    """Which signal ended a command; until one did, and after Ctrl-C, none."""

    def __init__(self) -> None:
        self._signal: signal.Signals | None = None

    def hear(self, number: int, _: FrameType | None) -> None:
        """Stop what runs. Batch systems repeat themselves: further signals do not disturb the tidying up."""
        if self._signal is None:
            self._signal = signal.Signals(number)
            raise KeyboardInterrupt(self._signal.name)

    @property
    def name(self) -> str:
        """``interrupted``, and by what where it was not Ctrl-C."""
        return "interrupted" if self._signal is None else f"interrupted ({self._signal.name})"

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as shells count."""
        return CTRL_C if self._signal is None else 128 + self._signal

    def names(self, text: str) -> bool:
        """Tell whether a text is the signal's name and nothing else."""
        return self._signal is not None and text == self._signal.name


@contextmanager
def stoppable(process_is_ours: bool) -> Iterator[Stop]:
    """Let signals stop a command like Ctrl-C, and give them back what they did before.

    Only in a process that does nothing else, and not where somebody asked that they be ignored: `nohup` does.
    """
    stop = Stop()
    ours = process_is_ours and threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in HEARD if ours}
    before = {number: handler for number, handler in before.items() if handler == signal.SIG_DFL}
    for number in before:
        signal.signal(number, stop.hear)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
