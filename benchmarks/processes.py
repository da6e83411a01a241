"""Figures that need processes of their own: time to the first result, memory of a long run."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import job
from figures import Figure, say

import fluctua as fl

FEW, MANY = 100_000, 40_000_000
SHORT_STEPS = 4
WARM_REPEATS, COLD_REPEATS = 5, 3

Times = tuple[float, float]


def start() -> list[Figure]:
    """Seconds from a typed command to its end, with a warm and with an empty cache of kernels."""
    command = str(Path(sys.executable).with_name("fluctua"))
    importing = [sys.executable, "-c", "import numba"]
    with TemporaryDirectory(prefix="fluctua-benchmark-") as name:
        folder = Path(name)
        files = _small_specs(folder)
        warm = {"FLUCTUA_CACHE_DIR": str(folder / "warm")}
        runs = {n: [command, "run", str(file), "--quiet"] for n, file in files.items()}
        commands = {"import numba": importing, "fluctua --help": [command, "--help"]}
        commands |= {f"fluctua run, n = {n}, warm": run for n, run in runs.items()}
        best: dict[str, Times] = {}
        for repeat in range(WARM_REPEATS + 1):
            for title, words in commands.items():
                say(f"start: {title}")
                taken = seconds(words, folder, f"{repeat}-{title}", warm)
                if repeat:  # the first turn filled the cache
                    best[title] = shorter(best.get(title), taken)
        for repeat in range(COLD_REPEATS):
            for n, run in runs.items():
                title = f"fluctua run, n = {n}, cold"
                say(f"start: {title}")
                empty = {"FLUCTUA_CACHE_DIR": str(folder / f"cold-{n}-{repeat}")}
                best[title] = shorter(best.get(title), seconds(run, folder, f"cold-{repeat}-{n}", empty))
    return _start_figures(best)


def shorter(best: Times | None, taken: Times) -> Times:
    """Keep the shorter wall-clock time and, by itself, the shorter processor time."""
    return taken if best is None else (min(best[0], taken[0]), min(best[1], taken[1]))


def _start_figures(best: Mapping[str, Times]) -> list[Figure]:
    wanted = {
        "fluctua --help": 0.3,
        "fluctua run, n = 1, warm": 0.9,
        "fluctua run, n = 1, cold": 3.0,
        "fluctua run, n = 8, cold": 4.0,
    }
    figures = []
    for title, (wall, processor) in best.items():
        figures.append(Figure("start", title, wall, "s", most=wanted.get(title)))
        figures.append(Figure("start", f"{title}, processor time", processor, "s"))
        if title != "import numba":
            figures.append(Figure("start", f"{title} / import numba", wall / best["import numba"][0], "x"))
    return figures


def _small_specs(folder: Path) -> dict[int, Path]:
    """Write the job with a hundred trajectories, for one and for eight coordinates."""
    files = {n: folder / f"small-{n}.toml" for n in (1, 8)}
    small = job.spec("BAOAB", 100)
    small.save(files[1])
    chain = job.chain(8)
    origin = fl.Point(**dict.fromkeys(chain.coordinates, 0.0))
    record = {"square": "integral(q0**2)", "cubic": "integral(q0**3, q0)"}
    small.replace({"system": chain, "initial": origin, "record": record}).save(files[8])
    return files


def seconds(words: list[str], folder: Path, name: str, environment: Mapping[str, str]) -> Times:
    """Wall-clock and processor time of a command; each run goes to a folder of its own.

    Modules are compiled once, as installed ones are, also where the environment forbids to keep that.
    """
    inherited = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    out = ["--out", str(folder / "out" / name.replace(" ", "-").replace(",", ""))] if "run" in words else []
    began, used = time.perf_counter(), _used()
    subprocess.run(
        [*words, *out], check=True, capture_output=True, env=inherited | dict(environment), cwd=folder
    )
    return time.perf_counter() - began, _used() - used


def _used() -> float:
    """Give the processor time of all commands so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


_OCCUPY = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import fluctua as fl
import job
spec = job.spec("overdamped", int(sys.argv[2]), steps=int(sys.argv[3]))
fl.simulate(spec, sys.argv[4], threads=2, progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def memory() -> list[Figure]:
    """Peak memory of a long run with rows on disk against a short one; takes minutes, gigabytes of disk."""
    mebibytes = {}
    for trajectories in (FEW, MANY):
        say(f"memory: {trajectories:,} trajectories")
        with TemporaryDirectory(prefix="fluctua-benchmark-") as folder:
            mebibytes[trajectories] = peak(_OCCUPY, trajectories, SHORT_STEPS, f"{folder}/run")
    ratio = mebibytes[MANY] / mebibytes[FEW]
    return [
        Figure("memory", f"{MANY:,} trajectories / {FEW:,}", ratio, most=1.2),
        *(Figure("memory", f"{n:,} trajectories", size, "MiB") for n, size in mebibytes.items()),
    ]


def peak(program: str, *arguments: object) -> float:
    """Run a program that prints its peak memory in KiB, given this folder and arguments; give MiB."""
    words = [sys.executable, "-c", program, str(Path(__file__).parent), *map(str, arguments)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024
