"""Places that were typed: looked at before anything is opened, so that each is called what it is."""

from __future__ import annotations

import os
import shlex

from fluctua.stochastic.errors import InvalidInput, StorageError


def check_readable(*places: str | None) -> None:
    """Refuse a file or a folder that is there and may not be read; others are for whom opens them.

    Raises
    ------
    StorageError
        The permissions of one forbid to read it.
    """
    for place in places:
        if place is not None and _exists(place) and not os.access(place, os.R_OK):
            raise StorageError("may not be read", place, "check its permissions")


def check_there(place: str | None, remedy: str) -> None:
    """Refuse a place where nothing is, for options that take files and folders alike."""
    if place is not None and not _exists(place):
        raise InvalidInput("no such file or folder", place, remedy)


def check_no_spec(*places: str | None) -> None:
    """Refuse the file of a spec, which holds no numbers yet."""
    for place in places:
        if place is not None and place.lower().endswith((".toml", ".json")) and os.path.isfile(place):
            raise InvalidInput("a spec, not a run", place, f"run it first, fluctua run {shlex.quote(place)}")


def _exists(place: str) -> bool:
    try:
        return os.path.exists(place)
    except ValueError:  # a name that no file can have
        return False
