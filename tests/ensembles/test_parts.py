"""Tables are encoded into room that is set aside: enough for all of them, and the same bytes as without."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fluctua.ensembles.parts import encode

NOISE = np.random.default_rng(3)


def noise(rows):
    bits = NOISE.integers(0, 2**64, rows, dtype=np.uint64)
    return {
        "trajectory": pa.array(bits.view(np.int64)),
        "status": pa.array((bits & np.uint64(255)).astype(np.uint8)),
        "work": pa.array(NOISE.standard_normal(rows)),
        "never": pa.array(np.zeros(rows), mask=np.ones(rows, bool)),
        "stroke": pa.array([f"{number:x}" for number in bits.tolist()]),
    }


def described(columns):
    fields = [pa.field(name, pa.float64(), metadata={"meaning": "m" * 900}) for name in columns]
    return pa.table({name: np.zeros(1) for name in columns}, schema=pa.schema(fields))


TABLES = {
    "nothing": pa.table({"work": np.zeros(0)}),
    "a row": pa.table(noise(1)),
    "noise": pa.table(noise(30_000)),
    "small numbers": pa.table({"status": NOISE.integers(0, 256, 300_000).astype(np.uint8)}),
    "long names": described([f"{n}{'n' * 200}" for n in range(300)]),
}


@pytest.mark.parametrize("name", TABLES)
def test_bytes_are_those_of_a_file_that_grows(name, monkeypatch):
    table = TABLES[name]
    payload = bytes(encode(table))
    assert pq.read_table(io.BytesIO(payload)).equals(table)
    plain, grown = pq.write_table, io.BytesIO()
    monkeypatch.setattr(pq, "write_table", lambda given, _, **named: plain(given, grown, **named))
    encode(table)
    assert grown.getvalue() == payload
