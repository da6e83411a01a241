"""The digest of values: what its description says, whatever the storage, and another for every difference."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fluctua.ensembles.content import Content
from fluctua.ensembles.rows import BATCH


def content(rows: pa.Table, batch: int = BATCH) -> str:
    found = Content(rows.schema)
    for one in rows.to_batches(max_chunksize=batch):
        found.add(one)
    return found.hexdigest()


ODD = pa.table(
    {
        "number": pa.array([3, None, -1, 2**62, 0], pa.int64()),
        "cycle": pa.array([1, 2, 3, 4, 5], pa.int32()),
        "status": pa.array([0, 1, None, 255, 0], pa.uint8()),
        "work": pa.array([0.0, -0.0, float("nan"), None, float("inf")], pa.float64()),
        "stroke": pa.array(["squeeze", "", None, "Öffnen", "let go"], pa.string()),
    }
)


def slow_content(rows: pa.Table) -> str:
    """The digest as its description has it, one value at a time."""
    widths = {"int64": 8, "int32": 4, "uint8": 1}
    lines = [f"rows {rows.num_rows}"]
    for field in rows.schema:
        nulls, values, letters = b"", b"", b""
        for row, value in enumerate(rows[field.name].to_pylist()):
            nulls += row.to_bytes(8, "little") if value is None else b""
            if str(field.type) == "string":
                letters += (value or "").encode()
                values += len((value or "").encode()).to_bytes(4, "little")
            elif str(field.type) == "double":
                bits = 0x7FF8000000000000 if value != value else np.float64(value or 0.0).view(np.uint64)
                values += int(
                    bits if value != 0 or value is None else np.float64(value).view(np.uint64)
                ).to_bytes(8, "little")
            else:
                values += (value or 0).to_bytes(
                    widths[str(field.type)], "little", signed=field.type != pa.uint8()
                )
        hashes = [nulls, values, *([letters] if str(field.type) == "string" else [])]
        lines.append(
            f"{field.name} {field.type} " + " ".join(hashlib.sha256(one).hexdigest() for one in hashes)
        )
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def test_the_digest_of_values_is_what_its_description_says() -> None:
    assert content(ODD) == slow_content(ODD)
    assert content(ODD.slice(1, 3)) == slow_content(ODD.slice(1, 3))
    assert content(ODD.slice(0, 0)) == slow_content(ODD.slice(0, 0))


def test_the_digest_of_values_is_deaf_to_how_they_are_stored(tmp_path: Path) -> None:
    wanted = content(ODD)
    quiet = np.array([0x7FF8000000000000, 0xFFF8000000000123], np.uint64).view(np.float64)
    assert content(pa.table({"a": quiet[:1]})) == content(pa.table({"a": quiet[1:]}))
    for batch in (1, 2, 5):
        assert content(ODD, batch) == wanted
    coded = ODD.set_column(4, "stroke", ODD["stroke"].dictionary_encode())
    large = ODD.set_column(4, "stroke", ODD["stroke"].cast(pa.large_string()))
    assert content(coded) == content(large) == content(ODD.replace_schema_metadata({"a": "b"})) == wanted
    for words in (
        {"compression": "none"},
        {"row_group_size": 2, "compression": "snappy"},
        {"version": "1.0"},
    ):
        pq.write_table(ODD, tmp_path / "a.parquet", **words)
        assert content(pq.read_table(tmp_path / "a.parquet")) == wanted


@pytest.mark.parametrize(
    "other",
    [
        ODD.slice(0, 4),
        ODD.rename_columns(["number", "cycle", "status", "heat", "stroke"]),
        ODD.set_column(1, "cycle", ODD["cycle"].cast(pa.int64())),
        ODD.set_column(3, "work", pa.array([0.0, 0.0, float("nan"), None, float("inf")])),
        ODD.set_column(3, "work", pa.array([0.0, -0.0, float("nan"), 0.0, float("inf")])),
        ODD.set_column(3, "work", pa.array([0.0, -0.0, None, float("nan"), float("inf")])),
        ODD.set_column(4, "stroke", pa.array(["squeeze", "", "", "Öffnen", "let go"])),
        ODD.set_column(4, "stroke", pa.array(["squeez", "e", None, "Öffnen", "let go"])),
        ODD.select(["cycle", "number", "status", "work", "stroke"]),
        ODD.take([1, 0, 2, 3, 4]),
    ],
)
def test_the_digest_of_values_hears_every_difference(other: pa.Table) -> None:
    assert content(other) != content(ODD)
