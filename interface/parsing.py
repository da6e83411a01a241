"""What may be typed: commands, and the kinds of words that their options take."""

from __future__ import annotations

import argparse
import math
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from textwrap import wrap
from typing import Any, NamedTuple, NoReturn

from fluctua.stochastic.errors import InvalidInput, did_you_mean, not_among

MOST = 10**12  # trajectories of a run


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all others."""

    def __init__(self, *, example: str = "", **keywords: Any) -> None:
        keywords |= {"allow_abbrev": False, "formatter_class": _Help}
        if example:
            keywords["epilog"] = "example:\n" + "\n".join(f"  {line}" for line in example.splitlines())
        super().__init__(**keywords)

    def error(self, message: str) -> NoReturn:
        """Raise what the command line says in its one line."""
        if found := re.match(r"argument COMMAND *: invalid choice: ('.*') \(choose from (.*)\)", message):
            typed, commands = found[1][1:-1], found[2].replace("'", "").split(", ")
            raise not_among(typed, "command", commands, "command line")
        raise InvalidInput(message, "command line", f"see {self.prog} --help")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse here what is unknown here: the parser above knows neither the options nor their help."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            name = unknown[0].split("=")[0]
            what = f"no option {name}" if name.startswith("-") else f"{name!r} is too much"
            meant = did_you_mean(name, self._option_string_actions).replace("'", "")
            raise InvalidInput(what, "command line", f"see {self.prog} --help{meant}")
        return found, unknown


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help of one width everywhere, with options and their meaning side by side."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=100)


class Command(NamedTuple):
    """A command: what it does, what it is called, and what may be typed after it.

    Parameters
    ----------
    name : str
        The word after ``fluctua``.
    run : callable
        Does it, and returns the exit code.
    add_options : callable
        Adds its options to a parser; ``--json`` and ``--quiet`` are there.
    summary, details : str
        The help of the command: its first sentence stands in the list of commands.
    example : str
        One or more lines that can be typed.
    """

    name: str
    run: Callable[[argparse.Namespace], int]
    add_options: Callable[[Parser], None]
    summary: str
    example: str
    details: str = ""

    def add_to(self, commands: Any) -> None:
        """Add a parser of this command to those of the others."""
        parser: Parser = commands.add_parser(
            self.name,
            help=self.summary[0].lower() + self.summary[1:].rstrip("."),
            description="\n".join(wrap(f"{self.summary} {self.details}", 98)),
            example=self.example,
        )
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        parser.add_argument("--quiet", action="store_true", help="print errors only (and JSON, if asked for)")
        parser.set_defaults(command=self.run)
        self.add_options(parser)


# --- kinds of words -------------------------------------------------------------------------------


def count(text: str) -> int:
    """Read a whole number above zero; 1e6 and 1_000_000 are two ways to write one."""
    number = _whole(text)
    if (number or 0) > MOST or (number is None and _is_beyond(text)):
        raise ArgumentTypeError(f"{text!r} is too many: give at most {MOST:,}")
    if number is None or number < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return number


def index(text: str) -> int:
    """Read a whole number from zero, which is where trajectories are counted from."""
    number = _whole(text)
    if number is None:
        raise ArgumentTypeError(f"{text!r} is not a whole number from zero")
    return number


def _is_beyond(text: str) -> bool:
    try:
        return MOST < float(text) < math.inf
    except ValueError:
        return False


def _whole(text: str) -> int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if not (0 <= number < 2**60 and number.is_integer()):
        return None
    return int(text) if text.replace("_", "").isdigit() else int(number)


def seed(text: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a whole number") from None


def assignment(text: str) -> tuple[str, str]:
    """Read ``PATH=VALUE``."""
    path, equals, value = text.partition("=")
    if not (path.strip() and equals and value.strip()):
        raise ArgumentTypeError(f"{text!r} is not PATH=VALUE, like protocol.k=2.0")
    return path.strip(), value.strip()


def numbers(text: str) -> list[float]:
    """Read numbers with commas between."""
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise ArgumentTypeError(f"{text!r} are not numbers with commas between") from None


def folder(text: str) -> str:
    """Read a place; an empty name is none."""
    if not text.strip():
        raise ArgumentTypeError("an empty name is no folder")
    return text


def names(text: str) -> list[str]:
    """Read names with commas between; none at all would be a report that says nothing is violated."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise ArgumentTypeError(f"{text!r} are not names with commas between")
    return found


def tolerance(text: str) -> tuple[str, float]:
    """Read ``NAME=NUMBER``."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not NAME=NUMBER, like slope=0.02") from None


def shard(text: str) -> str:
    """Read ``K/N``, the K-th of N equal parts of the work."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise ArgumentTypeError(f"{text!r} is not K/N, from 1/N to N/N, like 3/64")
    return f"{int(part)}/{int(parts)}"
