"""The errors of the library: one line each, naming what is wrong, where, and the remedy."""

# ruff: noqa: N818  (these names are words of the public interface)

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

MOST_OFFERED = 20  # names that an error lists
_LONGEST = 1000  # letters of one part of an error: whatever was typed, it stays a line
_LONGEST_TYPED = 100  # letters of a name for which the nearest is looked for


class FluctuaError(Exception):
    """Something that stops a run, told in one line.

    ``str(error)`` is ``what (where): remedy``; empty parts are left out.

    Parameters
    ----------
    what : str
        What is wrong, in words a physicist uses.
    where : str
        Dotted path of the field as it stands in a TOML file, such as ``"protocol.steps.0"``.
    remedy : str
        What to do about it.

    Attributes
    ----------
    exit_code : int
        Exit status of the command line for this kind of error.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        # All three go to `args`, so that an error raised in a worker process arrives whole.
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the line that a person reads, without anything that a terminal would obey."""
        place = f" ({_cut(printable(self.where))})" if self.where else ""
        remedy = f": {printable(self.remedy)}" if self.remedy else ""
        return f"{_cut(printable(self.what))}{place}{remedy}"

    def within(self, path: str) -> Self:
        """Return the same error, placed inside the part at `path`.

        A place that already starts at the root of `path` is complete and stays as it is:
        ``"duration"`` within ``"protocol.steps.0"`` becomes ``"protocol.steps.0.duration"``, while
        ``"system.energy"`` within ``"system"`` stays.
        """
        if not self.where:
            return type(self)(self.what, path, self.remedy)
        if _root(self.where) == _root(path):
            return self
        return type(self)(self.what, f"{path}.{self.where}", self.remedy)


class InvalidInput(FluctuaError, ValueError):
    """The input is not a run that makes sense."""

    exit_code = 2


class Unstable(FluctuaError):
    """The time step is too long for the forces."""

    exit_code = 3


class Damaged(FluctuaError):
    """Stored data do not agree with their checksum, schema or spec."""

    exit_code = 65


class StorageError(FluctuaError):
    """The disk refuses to read or write."""

    exit_code = 74


class Busy(FluctuaError):
    """Somebody else holds what is needed; try again later."""

    exit_code = 75


def _root(path: str) -> str:
    """Return the first word of a dotted path: ``"system"`` of ``"system.energy, column 8"``."""
    return path.split(",", 1)[0].split(".", 1)[0]


def did_you_mean(name: object, candidates: Iterable[str]) -> str:
    """Return ``"; did you mean 'k'?"`` for the candidate nearest to `name`, or an empty string."""
    from difflib import get_close_matches

    short = isinstance(name, str) and len(name) <= _LONGEST_TYPED
    nearest = get_close_matches(str(name), list(candidates), n=1) if short else []
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def listed(names: Iterable[str], between: str = ", ") -> str:
    """Join names, of very many the first ones."""
    known = list(names)
    return between.join([*known[:MOST_OFFERED], *(["..."] if len(known) > MOST_OFFERED else [])])


def not_among(
    name: str, noun: str, candidates: Iterable[str], where: str = "", also: Iterable[str] = ()
) -> InvalidInput:
    """Return the error for a name that is not one of the known ones.

    Parameters
    ----------
    name : str
        The name that was typed.
    noun : str
        What it should have been, in the singular: ``"control"``, ``"bath"``.
    candidates : iterable of str
        The names that would have been right.
    where : str
        Dotted path of the place where it was typed.
    also : iterable of str
        Other names that may have been meant.

    Returns
    -------
    InvalidInput
        Such as ``'kk' is not a control (protocol.steps.0): controls are k; did you mean 'k'?``
    """
    known = list(candidates)
    article = "an" if noun[0] in "aeiou" else "a"
    offer = f"{noun}s are {listed(known)}" if known else f"there are no {noun}s"
    return InvalidInput(
        f"{shown(name)} is not {article} {noun}", where, offer + did_you_mean(name, [*known, *also])
    )


def shown(value: object) -> str:
    """Return what was typed on one short line, for use in a message."""
    try:
        text = " ".join(repr(value).split())
    except (
        Exception
    ):  # Python does not print whole numbers of more than 4300 digits, and anybody's repr may fail.
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def printable(text: str) -> str:
    """Write letters that are commands to a terminal, or turn the direction of writing, as their escapes."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
