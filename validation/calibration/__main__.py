"""``python -m fluctua.validation.calibration``: run the bench and print its table."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from fluctua.stochastic.errors import FluctuaError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; return 0 where no cell is red, 1 where one is, 2 for bad input."""
    options = _parser().parse_args(arguments)
    # One thread a process: the processes share the processors already.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return _run(options)
    except FluctuaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m fluctua.validation.calibration",
        description="The error rates and the power of the verifier, on ensembles whose truth is known.",
    )
    parser.add_argument("--size", default="ci", help="smoke, ci (the default) or release")
    parser.add_argument("--ensembles", type=int, help="of each cell, instead of those of the size")
    parser.add_argument("--only", default="", help="cells whose name has this in it")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0, help="0: the numbers of every run; others: fresh ones")
    parser.add_argument("--keep", type=Path, help="a file where work done is kept, for going on later")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", type=Path, help="write the page of the documentation here")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


def _run(options: argparse.Namespace) -> int:
    from fluctua.validation.calibration.bench import run_grid
    from fluctua.validation.calibration.grids import grid
    from fluctua.validation.calibration.table import passed, printed, to_json

    chosen = grid(options.size)
    cells = tuple(cell for cell in chosen.cells if options.only in cell.name)
    chosen = replace(chosen, cells=cells, ensembles=options.ensembles or chosen.ensembles)
    start = perf_counter()
    rows = run_grid(
        chosen,
        processes=options.processes,
        seed=options.seed,
        path=options.keep,
        progress=None if options.quiet else _Progress(),
    )
    seconds = perf_counter() - start
    print(to_json(chosen, rows, seconds) if options.json else printed(chosen, rows, seconds))
    if options.write is not None:
        from fluctua.validation.calibration.page import page

        options.write.write_text(page(chosen, rows), encoding="utf-8")
    return 0 if passed(rows) else 1


class _Progress:
    """A line on stderr that says how far the bench is."""

    def __init__(self) -> None:
        self._start = perf_counter()

    def __call__(self, done: int, of: int) -> None:
        spent = perf_counter() - self._start
        end = "\n" if done == of else "\r"
        print(
            f"{done}/{of} blocks, {spent:.0f} s of about {spent * of / done:.0f} s ", end=end, file=sys.stderr
        )


if __name__ == "__main__":
    sys.exit(main())
