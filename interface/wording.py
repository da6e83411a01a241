"""What the library says in Python, said in options: one table, used where the command line prints errors."""

from __future__ import annotations

import re
import shlex
from ast import literal_eval
from collections.abc import Callable

OPTIONS = (
    "units|column|group|temperature|success|current|affinity|irreversible_weight|entropy|claims|tolerance"
    "|alpha|every"
)


def _option(found: re.Match[str]) -> str:
    value = (found["value"] or "").strip("'\"")
    option = "--" + found["name"].replace("_", "-")
    return f"{option} {shlex.quote(value)}" if value else option


def _resume(found: re.Match[str]) -> str:
    return f"fluctua resume {shlex.quote(literal_eval(found['folder']))} goes on"


#: Patterns of what the library writes, and what they become; in this order.
SPOKEN: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (r"\b(?:add|write|give) delta_f=(?!\w)", "add --delta-f X"),
    (r"\bdelta_f=(?!\w)", "--delta-f X"),
    (r"\bgive delta_f\b", "give --delta-f"),
    (rf"(?<![\w-])(?P<name>{OPTIONS})=(?P<value>'[^']*'|\"[^\"]*\"|[\w.]+)?", _option),
    (r"\bwrite (?=--)", "add "),
    (
        r"\bsimulate\(run\.spec, (?P<folder>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\) goes on"
        r"(?:, open\(\.\.\., partial=True\) takes these)?",
        _resume,
    ),
    (r"\bdelete (it|its part) and run the same call again", r"delete \1, and fluctua resume makes it again"),
    (r"\brun the same call again", "run the same command again"),
    (
        r"\bmake the second with spec\.reversed\(\)",
        "make both with fluctua run --both, or the second with fluctua run --reverse",
    ),
]
CHOICES = r"\bchoose another (folder|place)\b(?! with)"


def on_command_line(text: str, command: str = "") -> str:
    """Say a sentence of the library with options in place of arguments.

    Parameters
    ----------
    text : str
        A remedy: ``write units='pN nm'``.
    command : str
        The one that was typed; ``run`` and ``demo`` choose their folder with ``--out``.

    Returns
    -------
    str
        Such as ``add --units 'pN nm'``.
    """
    for pattern, spoken in SPOKEN:
        text = re.sub(pattern, spoken, text)
    return re.sub(CHOICES, r"choose another \1 with --out", text) if command in ("run", "demo") else text
