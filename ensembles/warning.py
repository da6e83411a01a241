"""Warnings that name the line of whoever called the library, and that runs made together give once."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_GIVEN: ContextVar[set[str] | None] = ContextVar("given", default=None)


def warn(text: str) -> None:
    """Warn at the first line outside the library that led here; `once` drops what was said already."""
    given = _GIVEN.get()
    if given is not None:
        if text in given:
            return
        given.add(text)
    warnings.warn(text, stacklevel=1 + _depth())


def _depth() -> int:
    """Count the calls of the library above `warn`, itself included."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_back.f_globals.get("__name__", "")):
        depth, frame = depth + 1, frame.f_back
    return depth


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == __name__.partition(".")[0]


@contextmanager
def once() -> Iterator[None]:
    """Give equal warnings only once: of a run and its reverse, of a run that grows."""
    given = _GIVEN.get()
    token = _GIVEN.set(set() if given is None else given)
    try:
        yield
    finally:
        _GIVEN.reset(token)
