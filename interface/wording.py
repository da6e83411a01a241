"""What the library says in Python, said in options and as it stands in a spec file: one table.

Used where the command line prints errors, warnings and verdicts.
"""

from __future__ import annotations

import re
import shlex
from ast import literal_eval
from collections.abc import Callable

OPTIONS = (
    "units|column|group|temperature|success|current|affinity|irreversible_weight|entropy|claims|tolerance"
    "|alpha|every"
)
#: The commands that have them; elsewhere the same words stand in a spec file.
HAVE_OPTIONS = ("", "verify", "calibrate", "replay")
#: What a spec file writes as a table with its kind, where a remedy calls a class: all that any calls.
KINDS = "Equilibrium|Steady|Point|Populations|Quench|Hold"
NUMBER = r"[+-]?\d[\d.]*(?:e[+-]?\d+)?"


def _option(found: re.Match[str]) -> str:
    value = (found["value"] or "").strip("'\"")
    option = "--" + found["name"].replace("_", "-")
    return f"{option} {shlex.quote(value)}" if value else option


def _resume(found: re.Match[str]) -> str:
    return f"fluctua resume {shlex.quote(literal_eval(found['folder']))} goes on"


def _table(found: re.Match[str]) -> str:
    """Say ``Steady(duration=2)`` as ``{ kind = "Steady", duration = 2 }``; a bare number is a duration."""
    words = re.sub(rf"^(?={NUMBER}$)", "duration=", found["words"])
    words = re.sub(r"(?<![\w-])([a-z_]\w*)=", r"\1 = ", words)
    return f'{{ kind = "{found["kind"]}"{", " if words else ""}{words} }}'


def _mapping(found: re.Match[str]) -> str:
    """Say ``{"hot": 2.0}`` as ``{ hot = 2.0 }``."""
    inside = re.sub(r"""["']([\w.]+)["']: """, r"\1 = ", found["inside"])
    return f"{{ {inside} }}"


Patterns = list[tuple[str, str | Callable[[re.Match[str]], str]]]

#: Patterns of what the library writes, and what they become; in this order.
SPOKEN: Patterns = [
    (r"\b(?:add|write|give) delta_f=(?!\w)", "add --delta-f X"),
    (r"\bdelta_f=(?!\w)", "--delta-f X"),
    (r"\bgive delta_f\b", "give --delta-f"),
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
#: The same for words that are options.
OPTIONAL: Patterns = [
    (rf"(?<![\w-])(?P<name>{OPTIONS})=(?P<value>'[^']*'|\"[^\"]*\"|[\w.]+|(?=[\s,.;:)]|$))", _option),
    (r"\bwrite (?=--)", "add "),
]
#: What a spec file writes otherwise; ``name=1.0`` and ``name="text"`` stand there as they are.
WRITTEN: Patterns = [
    (rf"(?:\bfl\.)?\b(?P<kind>{KINDS})\((?P<words>[^()]*)\)", _table),
    (r"""\{(?P<inside>["'][\w.]+["']: [^{}]*)\}""", _mapping),
    (r"(?<![\w-])([a-z_]\w*)=(?=\{)", r"\1 = "),
    (rf"(?<![\w-])([a-z_]\w*)=\(((?:{NUMBER})(?:, {NUMBER})+)\)", r"\1 = [\2]"),
    (r"(?<![\w-])([a-z_]\w*)=(True|False)\b", lambda found: f"{found[1]} = {found[2].lower()}"),
    (r"(?<![\w-])([a-z_]\w*)=(?=[\s,.;:)]|$)", r"\1"),
]
CHOICES = r"\bchoose another (folder|place)\b(?! with)"


def on_command_line(text: str, command: str = "") -> str:
    """Say a sentence of the library with options, or entries of a file, in place of arguments.

    Parameters
    ----------
    text : str
        A remedy: ``write units='pN nm'``, ``set thermodynamics=False``.
    command : str
        The one that was typed: some have options for what others read in a spec file, and ``run`` and
        ``demo`` choose their folder with ``--out``.

    Returns
    -------
    str
        Such as ``add --units 'pN nm'``, ``set thermodynamics = false``.
    """
    for pattern, spoken in [*SPOKEN, *(OPTIONAL if command in HAVE_OPTIONS else []), *WRITTEN]:
        text = re.sub(pattern, spoken, text)
    return re.sub(CHOICES, r"choose another \1 with --out", text) if command in ("run", "demo") else text
