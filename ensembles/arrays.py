"""Arrow arrays over the memory of NumPy's, nothing copied.

``pa.array`` gives the same, but imports pandas to do so: a third of a second of a run that has no need of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def array_of(values: NDArray[Any], kind: pa.DataType, missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Give numbers as an Arrow array of a type, null where they are missing."""
    numbers = np.ascontiguousarray(values, dtype=kind.to_pandas_dtype())
    valid = None
    if missing is not None and missing.any():
        valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(kind, len(numbers), [valid, pa.py_buffer(numbers)])


def strings(words: Sequence[str]) -> pa.Array:
    """Give a few words as an Arrow array."""
    encoded = [word.encode() for word in words]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(words), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))
