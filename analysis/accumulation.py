"""An array that grows by batches, in memory while it is small and on disk beyond."""

from __future__ import annotations

import mmap
import tempfile
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fluctua.stochastic.errors import StorageError

IN_MEMORY = 2**22  # values: 32 MB of doubles
_STRETCH = 2**20  # values written at a time


class Accumulation:
    """Collects batches of numbers into one flat array.

    Parameters
    ----------
    dtype : dtype-like
        Of the array.
    in_memory : int
        Beyond so many values they go to a file in the temporary folder. It has no name there, so that
        nothing is left behind whatever happens, and its space is free again when the array goes.
    """

    def __init__(self, dtype: DTypeLike, in_memory: int = IN_MEMORY) -> None:
        self._dtype = np.dtype(dtype)
        self._in_memory = in_memory
        self._batches: list[NDArray[Any]] = []
        self._file: IO[bytes] | None = None
        self._count = 0

    def __len__(self) -> int:
        """Count the values."""
        return self._count

    def append(self, values: NDArray[Any]) -> None:
        """Add a batch.

        Raises
        ------
        StorageError
            The temporary folder takes no more.
        """
        self._batches.append(np.ascontiguousarray(values, self._dtype))
        self._count += values.size
        if self._count > self._in_memory:
            self._write()

    def array(self) -> NDArray[Any]:
        """Return all values; those on disk as a view that cannot be written to.

        Raises
        ------
        StorageError
            The temporary folder takes no more.
        """
        if self._file is None:
            return np.concatenate([np.empty(0, self._dtype), *self._batches])
        with self._file:
            mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(mapped, self._dtype)

    def close(self) -> None:
        """Give the disk space back without making an array."""
        if self._file is not None:
            self._file.close()

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  (closed by `array`)
            for batch in self._batches:
                _write_all(self._file, batch)
        except OSError as error:
            self.close()
            remedy = "free some space, or set TMPDIR to a folder that has it"
            raise StorageError(error.strerror or str(error), tempfile.gettempdir(), remedy) from None
        self._batches.clear()


def divided(values: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """Return the values in another unit; many of them go to disk again, not to memory.

    Parameters
    ----------
    values : ndarray, shape (n,)
    size : float
        Of the new unit in the old one; 1 gives the values as they are.
    """
    if size == 1.0:
        return values
    if values.size <= IN_MEMORY:
        return values / size
    store = Accumulation(np.float64)
    for start in range(0, values.size, _STRETCH):
        store.append(values[start : start + _STRETCH] / size)
    return store.array()


def _write_all(file: IO[bytes], batch: NDArray[Any]) -> None:
    """Write a batch: the system may take a part of it at a time."""
    left = memoryview(batch.data).cast("B")
    while left:
        left = left[file.write(left) :]
