"""Build `limit.cpp` and call it: the hardware limit."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import job
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BLOCKS = (1, 4, 8, 16, 32)
#: Rows of the result that are columns of ours.
ROWS = {
    "work": 4,
    "dimensionless_work": 5,
    "heat": 6,
    "entropy_flow": 7,
    "shadow_work": 8,
    "log_ratio": 9,
    "square": 10,
    "cubic": 11,
}


@cache
def library() -> Any:
    """Compile for this processor; None where there is no g++."""
    # Our kernels may not use -ffast-math, as it makes bits depend on the compiler; a limit should.
    return compiled("limit.cpp", ["-ffast-math"])


def compiled(name: str, options: list[str]) -> Any:
    """Compile a source file of this folder for this processor and load it; None where there is no g++."""
    compiler = shutil.which("g++")
    if compiler is None:
        return None
    common = ["-O3", "-march=native", "-std=c++17", "-fPIC"]
    source = str(Path(__file__).with_name(name))
    with TemporaryDirectory(prefix="fluctua-limit-") as folder:
        parts, target = f"{folder}/limit.o", f"{folder}/limit.so"
        subprocess.run([compiler, *common, *options, "-c", source, "-o", parts], check=True)
        # Linked with -ffast-math, a library turns off subnormal numbers for the whole process.
        subprocess.run([compiler, "-shared", parts, "-o", target], check=True)
        return ctypes.CDLL(target)  # once loaded, the file may go


class Limit:
    """One dynamics of the stand-in, with its tables."""

    def __init__(self, dynamics: str, steps: int = job.STEPS) -> None:
        self.underdamped = dynamics != "overdamped"
        self.opening, self.table = job.table(dynamics, steps)

    def run(self, start: Floats, block: int, first: int = 0) -> Floats:
        """Carry trajectories on from `start`, shape (1 or 2, N); the interpreter lock is free meanwhile."""
        count = start.shape[1]
        out = np.empty((library().outputs(), count))
        done = library().run(
            block,
            int(self.underdamped),
            ctypes.c_uint64(first),
            ctypes.c_int64(count),
            ctypes.c_int64(len(self.table)),
            ctypes.c_double(job.TIME_STEP),
            pointer(self.opening),
            pointer(self.table),
            ctypes.c_uint32(job.SEED % 2**32),
            ctypes.c_uint32(job.SEED >> 32),
            pointer(np.ascontiguousarray(start)),
            pointer(out),
        )
        if not done:
            raise ValueError(f"no kernel for blocks of {block}")
        return out


def pointer(array: NDArray[Any]) -> Any:
    """Give the address of an array's first number."""
    return array.ctypes.data_as(ctypes.c_void_p)
