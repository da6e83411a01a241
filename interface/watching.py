"""The command ``fluctua verify --watch``: a line whenever a run has grown, until a bet is lost."""

from __future__ import annotations

from argparse import Namespace

from fluctua.cli import notice, show
from fluctua.stochastic.errors import InvalidInput

ELSEWHERE = (
    *("runs", "forward", "reverse", "entropy", "column", "group", "units", "temperature", "tolerance"),
    *("success", "current", "affinity", "irreversible_weight"),
)


def watched(options: Namespace) -> bool:
    """Watch a run, or a pair, and say at the end whether a claim is violated."""
    from fluctua.analysis.watching import watch

    _check(options)
    said = ""
    for state in watch(options.watch, options.claims, alpha=options.alpha, delta_f=options.delta_f):
        line = str(state)
        if (state.settled or state.violated) and line != said:
            said = line
            _say(line, options)
    if options.json:
        show("", state.to_dict(), options)
    return bool(state.violated)


def _check(options: Namespace) -> None:
    """Refuse what only a complete sample can be asked."""
    for name in ELSEWHERE:
        if getattr(options, name, None) not in (None, []):
            remedy = "with it go --claims, --delta-f in kT, and --alpha"
            place = name if name == "runs" else "--" + name.replace("_", "-")
            raise InvalidInput("not together with --watch", place, remedy)


def _say(line: str, options: Namespace) -> None:
    if options.json:
        notice(line)  # one JSON document is the result; the way there is told beside it
    elif not options.quiet:
        print(line, flush=True)
