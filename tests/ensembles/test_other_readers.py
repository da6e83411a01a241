"""A run's files without us: pandas, polars, DuckDB and PyArrow read them, and a sweep's words as columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from fluctua.ensembles import chunks
from fluctua.ensembles.dataset import Dataset, open_run
from fluctua.ensembles.parts import encode, list_parts, part_of
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.sweep import sweep

FRICTIONS = [1.0, 2.0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[EnsembleSpec], Path]:
    """A run with a failed trajectory, and a sweep beside it."""
    folders: list[Path] = []

    def give(spec: EnsembleSpec) -> Path:
        if not folders:
            folder = tmp_path_factory.mktemp("made")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(chunks, "LARGEST", 256)
                simulate(spec.replace({"trajectories": 600}), folder / "run")
                small = spec.replace({"trajectories": 300})
                sweep(small.vary({"dynamics.friction": FRICTIONS, "seed": [7, 8]}), folder / "sweep")
            _fail(folder / "run", 3)
            folders.append(folder)
        return folders[0]

    return give


def _fail(run: Path, row: int) -> None:
    """Let a trajectory have failed, as a kernel would report it."""
    part = list_parts(run)[0]
    rows = pq.read_table(run / "parts" / part.name)
    for at, field in enumerate(rows.schema):
        if field.name == "status" or pa.types.is_floating(field.type):
            values = rows[field.name].to_pylist()
            values[row] = 1 if field.name == "status" else float("nan")
            rows = rows.set_column(at, field, pa.array(values, field.type))
    (run / "parts" / part.name).unlink()
    payload = memoryview(encode(rows))
    (run / "parts" / part_of(0, part.rows, payload).name).write_bytes(payload)


@pytest.fixture
def folder(spec: EnsembleSpec, made: Callable[[EnsembleSpec], Path]) -> Path:
    return made(spec)


@pytest.fixture
def run(folder: Path) -> Dataset:
    return open_run(folder / "run")


def by_pandas(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder)


def by_polars(folder: Path) -> pd.DataFrame:
    frame = pl.read_parquet(folder / "*.parquet")
    return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})


def by_duckdb(folder: Path) -> pd.DataFrame:
    found = duckdb.sql(f"from '{folder}/*.parquet'").fetchnumpy()
    return pd.DataFrame({name: _filled(values) for name, values in found.items()})


def by_pyarrow(folder: Path) -> pd.DataFrame:
    frame: pd.DataFrame = ds.dataset(folder).to_table().to_pandas()
    return frame


def _filled(values: Any) -> Any:
    """Take what DuckDB masks, its null, for NaN."""
    return (
        np.ma.filled(values, np.nan) if np.ma.isMaskedArray(values) and values.dtype.kind == "f" else values
    )


READERS = [by_pandas, by_polars, by_duckdb, by_pyarrow]


@pytest.mark.parametrize("read", READERS)
def test_every_table_is_read_to_the_bit(run: Dataset, read: Callable[[Path], pd.DataFrame]) -> None:
    assert run.path is not None
    for table, rows in (("parts", run), ("strokes", run.strokes), ("paths", run.paths)):
        found = read(run.path / table)
        assert list(found) == [column.name for column in rows.columns]
        for name in found:
            assert np.array_equal(found[name], rows[name], equal_nan=found[name].dtype.kind == "f"), name


def test_null_did_not_happen_and_nan_failed(run: Dataset) -> None:
    """Of 600 trajectories one failed, and most never passed; other programs keep the two apart."""
    place = f"{run.path}/parts/*.parquet"
    never = run.to_arrow()["passage"].null_count
    assert 0 < never < 599
    frame = pl.read_parquet(place)
    assert frame["passage"].null_count() == never
    assert frame["passage"].is_nan().sum() == 1
    assert frame.filter(pl.col("status") != 0)["trajectory"].to_list() == [3]
    assert frame["work"].is_nan().sum() == 1
    assert frame["work"].null_count() == 0
    counted = duckdb.sql(
        f"select count(*) filter (passage is null), count(*) filter (isnan(passage)),"
        f" count(*) filter (status != 0) from '{place}'"
    ).fetchall()
    assert counted == [(never, 1, 1)]


def test_a_careless_mean_is_nan_and_a_careful_one_ours(run: Dataset) -> None:
    place = f"{run.path}/parts/*.parquet"
    work = run["work"]
    wanted = np.nanmean(np.exp(-work))
    assert np.isnan(duckdb.sql(f"select avg(exp(-work)) from '{place}'").fetchall()[0][0])
    found = duckdb.sql(f"select avg(exp(-work)) from '{place}' where status = 0").fetchall()[0][0]
    # Sums of 599 numbers of order one in another order: rounding of each addition.
    assert found == pytest.approx(wanted, rel=599 * np.finfo(float).eps)
    lazy = pl.scan_parquet(place).filter(pl.col("status") == 0).select((-pl.col("work")).exp().mean())
    assert lazy.collect().item() == pytest.approx(wanted, rel=599 * np.finfo(float).eps)


def test_folders_of_a_sweep_are_columns(folder: Path) -> None:
    place = f"{folder}/sweep/**/parts/*.parquet"
    lazy = pl.scan_parquet(place, hive_partitioning=True).group_by("friction", "seed")
    found = lazy.agg(pl.col("work").mean()).sort("friction", "seed").collect()
    asked = duckdb.sql(
        f"select friction, seed, avg(work) from read_parquet('{place}', hive_partitioning = true)"
        " group by all order by all"
    ).fetchall()
    runs = [
        (friction, seed, open_run(folder / "sweep" / f"friction={friction}" / f"seed={seed}"))
        for friction in FRICTIONS
        for seed in (7, 8)
    ]
    assert found["friction"].to_list() == [friction for friction, _, _ in runs]
    assert found["seed"].to_list() == [seed for _, seed, _ in runs]
    for mean, row, (friction, seed, run) in zip(found["work"], asked, runs, strict=True):
        assert (float(row[0]), int(row[1])) == (friction, seed)
        # Means of 300 numbers of order one, summed in another order.
        assert mean == pytest.approx(run.mean("work").value, abs=300 * np.finfo(float).eps)
        assert row[2] == pytest.approx(run.mean("work").value, abs=300 * np.finfo(float).eps)


def test_what_a_column_means_lies_in_the_file(run: Dataset) -> None:
    schema = pq.read_schema(run.files[0])
    assert schema.metadata[b"spec"].decode() == run.spec.digest
    for column in run.columns:
        said = schema.field(column.name).metadata
        assert said[b"unit"].decode() == column.unit
        assert said[b"meaning"].decode() == column.meaning
        assert said[b"sign"].decode() == column.sign
