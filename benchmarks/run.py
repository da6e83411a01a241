"""Measure Fluctua against its peers and the hardware, all in one run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from figures import failures, say
from sections import SECTIONS


def main() -> int:
    """Run the sections that were asked for and print their figures; 1 if one falls short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)} (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"{unknown[0]!r} is not a section: sections are {', '.join(SECTIONS)}")
    figures = []
    for name in chosen.sections or SECTIONS:
        measured = SECTIONS[name]()
        say("")
        if not chosen.json:
            print(f"{name}: {(SECTIONS[name].__doc__ or '').strip().partition(chr(10))[0]}", flush=True)
            print("\n".join(figure.line() for figure in measured), flush=True)
        figures += measured
    if chosen.json:
        print(json.dumps({"machine": machine(), "figures": [figure.table() for figure in figures]}, indent=2))
    else:
        print(f"{failures(figures)} of {sum(f.reached is not None for f in figures)} figures fall short")
    return 1 if failures(figures) else 0


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: version(name) for name in ("fluctua", "numpy", "numba", "llvmlite", "pyarrow")},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
