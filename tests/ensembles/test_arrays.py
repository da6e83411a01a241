"""Arrow arrays over NumPy's memory: those that Arrow makes itself."""

import numpy as np
import pyarrow as pa
import pytest

from fluctua.ensembles.arrays import array_of, strings


@pytest.mark.parametrize("kind", [pa.float64(), pa.int64(), pa.int32(), pa.uint8()])
@pytest.mark.parametrize("count", [0, 1, 8, 21])
def test_numbers(kind, count):
    values = np.arange(count).astype(kind.to_pandas_dtype())
    for missing in (None, np.zeros(count, bool), np.arange(count) % 3 == 0):
        found = array_of(values, kind, missing)
        found.validate(full=True)
        assert found.equals(pa.array(values, kind, mask=missing))


def test_rows_that_are_apart_in_memory():
    table = np.arange(12.0).reshape(4, 3)
    assert array_of(table[:, 1], pa.float64()).to_pylist() == [1.0, 4.0, 7.0, 10.0]


@pytest.mark.parametrize("words", [[], ["left: empty -> full", "", "größer"]])
def test_words(words):
    found = strings(words)
    found.validate(full=True)
    assert found.to_pylist() == words
