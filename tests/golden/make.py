"""Make a golden run directory: `python tests/golden/make.py FOLDER`.

Three chunks of 32, 32 and 16 trajectories, with strokes, paths and a column that may be null. The log and the
lock, which tell of the machine, are taken away.
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

import fluctua as fl
from fluctua.ensembles import chunks

CHUNK = 32


def spec() -> fl.EnsembleSpec:
    """A breathing trap, one cycle."""
    trap = fl.Potential("k/2 * x**2", coordinates="x", controls="k")
    steps = [
        fl.Isothermal(duration=0.2, k=(1.0, 4.0), name="squeeze"),
        fl.Isothermal(duration=0.2, k=(4.0, 1.0), name="let go"),
    ]
    return fl.EnsembleSpec(
        trap,
        fl.Overdamped(friction=1.0),
        fl.Protocol(steps, beta=1.0),
        trajectories=80,
        time_step=0.02,
        seed=2024,
        record={"passage": "first(x > 1.0)"},
        strokes=True,
        paths=40,
        path_every=5,
    )


def make(folder: Path) -> None:
    """Make it where nothing is yet."""
    with patch.object(chunks, "LARGEST", CHUNK):
        fl.simulate(spec(), folder)
    for name in ("log.txt", ".lock"):
        (folder / name).unlink(missing_ok=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
