"""Runs that jump, of levels and of wave functions, through everything that runs go through: one text for all.

Two specs: a dot between two leads that is driven up and down twice, and a thermal qubit that is swept and
held. Nothing here knows which of them it has.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fluctua as fl
from fluctua.ensembles import chunks
from fluctua.ensembles.checking import check
from fluctua.ensembles.dataset import Dataset, open_run
from fluctua.ensembles.parts import encode, list_parts, part_of
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import Writer
from fluctua.stochastic.errors import Busy, InvalidInput
from jump_specs import DOT, QUBIT

CHUNK = 128
TABLES = ("parts", "strokes", "paths", "jumps")
SPECS = {"dot": DOT, "qubit": QUBIT}


@pytest.fixture(params=SPECS)
def spec(request: pytest.FixtureRequest) -> EnsembleSpec:
    return EnsembleSpec.from_table(SPECS[request.param])


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run have four parts, with jumps in two of them."""
    monkeypatch.setattr(chunks, "LARGEST", CHUNK)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[EnsembleSpec], Path]:
    """The run of each spec, by one thread, made once."""
    folders: dict[str, Path] = {}

    def give(spec: EnsembleSpec) -> Path:
        if spec.digest not in folders:
            folders[spec.digest] = tmp_path_factory.mktemp("made") / "run"
            simulate(spec, folders[spec.digest], threads=1)
        return folders[spec.digest]

    return give


@pytest.fixture
def run(spec: EnsembleSpec, made: Callable[[EnsembleSpec], Path]) -> Dataset:
    return open_run(made(spec))


@pytest.fixture
def copy(spec: EnsembleSpec, made: Callable[[EnsembleSpec], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made(spec), tmp_path / "copy"))


def names(folder: Path) -> dict[str, list[str]]:
    """List the files of each table; their names are their checksums."""
    return {table: sorted(os.listdir(folder / table)) for table in TABLES}


# ---- the spec


def test_a_spec_is_its_text(spec: EnsembleSpec, tmp_path: Path) -> None:
    for name in ("a.toml", "a.json"):
        spec.save(tmp_path / name)
        read = EnsembleSpec.load(tmp_path / name)
        assert (read, read.digest, str(read), repr(read)) == (spec, spec.digest, str(spec), repr(spec))
    assert EnsembleSpec.from_table(spec.table()) == pickle.loads(pickle.dumps(spec)) == spec


def test_parts_of_a_spec_change_by_name(spec: EnsembleSpec) -> None:
    other = spec.replace({"dynamics.baths.left.rate": 0.7})
    assert str(other) != str(spec)
    assert other.digest != spec.digest
    assert other.dynamics.baths[0].rate == 0.7
    assert other.replace({"dynamics.baths.left.rate": spec.dynamics.baths[0].rate}) == spec
    assert [one.dynamics.baths[0].rate for one in spec.vary({"dynamics.baths.left.rate": [0.5, 0.6]})] == [
        0.5,
        0.6,
    ]
    with pytest.raises(InvalidInput, match="left"):
        spec.replace({"dynamics.baths.lift.rate": 0.7})


def test_the_digest_names_the_law_and_not_the_sample(spec: EnsembleSpec) -> None:
    assert spec.replace({"trajectories": 5000}).digest == spec.digest
    for change in ({"seed": 2}, {"protocol.beta": 1.1}, {"strokes": False}):
        assert spec.replace(change).digest != spec.digest


def test_reversed_twice_is_the_same(spec: EnsembleSpec) -> None:
    backward = spec.reversed()
    assert backward.digest != spec.digest
    assert backward.reversed() == spec
    assert EnsembleSpec.from_toml(str(backward)) == backward
    np.testing.assert_array_equal(backward.schedule.controls, spec.schedule.controls[::-1])


# ---- the same bytes


def test_files_do_not_depend_on_threads_or_the_order_of_chunks(
    spec: EnsembleSpec, run: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_order = Writer.missing
    monkeypatch.setattr(Writer, "missing", lambda writer: in_order(writer)[::-1])
    simulate(spec, tmp_path / "a", threads=2)
    assert run.path is not None
    assert names(tmp_path / "a") == names(run.path)
    assert [len(files) for files in names(run.path).values()] == [4, 4, 2, 2]


def test_memory_holds_what_the_folder_does(spec: EnsembleSpec, run: Dataset) -> None:
    held = simulate(spec)
    assert held.to_arrow().equals(run.to_arrow())
    for table in ("strokes", "paths", "jumps"):
        assert getattr(held, table).to_arrow().equals(getattr(run, table).to_arrow())


def test_shards_and_an_extension_leave_what_one_run_leaves(
    spec: EnsembleSpec, run: Dataset, tmp_path: Path
) -> None:
    simulate(spec.replace({"trajectories": 250}), tmp_path / "a")
    assert not simulate(spec, tmp_path / "a", shard="2/2").complete
    assert simulate(spec, tmp_path / "a", shard="1/2").complete
    assert run.path is not None
    assert names(tmp_path / "a") == names(run.path)


@pytest.mark.parametrize("left", ["before a part", "between jumps and parts"])
def test_an_interrupted_run_goes_on(
    spec: EnsembleSpec, run: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """It stops while the second chunk is committed; what was being written is written again."""
    commit = Writer.commit

    def stopped(writer: Writer, chunk: int, tables: dict[str, pa.Table]) -> None:
        if chunk == 1:
            if left == "between jumps and parts":
                kept = {name: rows for name, rows in tables.items() if name != "parts"}
                with pytest.raises(KeyError):
                    commit(writer, chunk, kept)
            raise KeyboardInterrupt
        commit(writer, chunk, tables)

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "commit", stopped)
        with pytest.raises(KeyboardInterrupt):
            simulate(spec, tmp_path / "a", threads=1)
    with pytest.raises(Busy, match="unfinished"):
        open_run(tmp_path / "a").mean("activity")
    assert simulate(spec, tmp_path / "a").complete
    assert run.path is not None
    assert names(tmp_path / "a") == names(run.path)


@pytest.mark.slow
def test_processes_write_the_same_bytes(spec: EnsembleSpec, run: Dataset, tmp_path: Path) -> None:
    simulate(spec, tmp_path / "a", executor="processes", threads=2)
    assert run.path is not None
    assert names(tmp_path / "a") == names(run.path)
    assert multiprocessing.active_children() == []


def test_a_sweep_over_a_rate(spec: EnsembleSpec, tmp_path: Path) -> None:
    small = spec.replace({"trajectories": 100, "paths": 5})
    runs = fl.sweep(small.vary({"dynamics.baths.left.rate": [0.05, 0.1]}), tmp_path / "scan")
    table = runs.table("activity")
    assert list(table.index) == [0.05, 0.1]
    opened = fl.open(tmp_path / "scan")
    pd.testing.assert_frame_equal(opened.table("activity"), table)
    assert len(opened[1].jumps["time"]) == opened[1].to_pandas()["activity"].iloc[:5].sum()


# ---- damage


def rewritten(run: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Put other jumps in the place of the second file, under the name that their bytes ask for."""
    part = list_parts(run, "jumps")[1]
    place = run / "jumps" / part.name
    payload = memoryview(encode(change(pq.read_table(place))))
    place.unlink()
    (run / "jumps" / part_of(part.chunk, part.rows, payload).name).write_bytes(payload)


def bit_flipped(run: Path, _: EnsembleSpec) -> None:
    path = run / "jumps" / list_parts(run, "jumps")[1].name
    payload = bytearray(path.read_bytes())
    payload[len(payload) // 3] ^= 4
    path.write_bytes(payload)


def truncated(run: Path, _: EnsembleSpec) -> None:
    path = run / "jumps" / list_parts(run, "jumps")[1].name
    os.truncate(path, path.stat().st_size // 2)


def exchanged(run: Path, _: EnsembleSpec) -> None:
    rewritten(run, lambda rows: rows.take([1, 0, *range(2, rows.num_rows)]))


def beyond(run: Path, _: EnsembleSpec) -> None:
    rewritten(run, lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))


def emptied(run: Path, _: EnsembleSpec) -> None:
    rewritten(run, lambda rows: rows.slice(0, 0))


def one_lost(run: Path, _: EnsembleSpec) -> None:
    rewritten(run, lambda rows: rows.slice(0, rows.num_rows - 1))


def of_another_run(run: Path, spec: EnsembleSpec) -> None:
    other = run.parent / "other"
    simulate(spec.replace({"seed": 2}), other)
    shutil.rmtree(run / "jumps")
    shutil.copytree(other / "jumps", run / "jumps")


def missing(run: Path, _: EnsembleSpec) -> None:
    (run / "jumps" / list_parts(run, "jumps")[1].name).unlink()


COUNTS = "jumps, where its parts/ count"
DAMAGES = {
    bit_flipped: ["does not match its checksum"],
    truncated: ["does not match its checksum"],
    exchanged: ["jumps are not in the order"],
    beyond: ["jumps are not in the order"],
    emptied: [COUNTS],
    one_lost: [COUNTS],
    of_another_run: ["belongs to another run"] * 2,
    missing: ["no rows of chunk 1"],
}


def test_a_sound_run_has_no_faults(run: Dataset) -> None:
    """The control of all of them."""
    assert run.path is not None
    found = check(run.path)
    assert (found.sound, found.complete, found.failed) == (True, True, 0)
    assert found.parts == {"parts": 4, "strokes": 4, "paths": 2, "jumps": 2}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damaged_jumps_are_found(copy: Path, spec: EnsembleSpec, damage: Any) -> None:
    damage(copy, spec)
    found = [str(fault) for fault in check(copy).faults]
    assert len(found) == len(DAMAGES[damage])
    assert all(words in fault for fault, words in zip(found, DAMAGES[damage], strict=True)), found


# ---- the same trajectory again


def test_any_trajectory_is_replayed_to_the_bit(spec: EnsembleSpec, run: Dataset) -> None:
    rows, jumps, paths = run.to_pandas(), run.jumps.to_pandas(), run.paths.to_pandas()
    for trajectory in (0, 127, 128, 199, 499):
        again = run.replay(trajectory)
        assert (again.agrees, again.differs) == (True, ())
        pd.testing.assert_series_equal(again.row, rows.iloc[trajectory], check_names=False, check_exact=True)
        assert len(again.jumps) == again.row["activity"]
        if trajectory < spec.paths:
            stored, sampled = (
                table[table["trajectory"] == trajectory].drop(columns="trajectory")
                for table in (jumps, paths)
            )
            assert again.jumps.to_dict("list") == stored.to_dict("list")
            pd.testing.assert_frame_equal(
                again.path.iloc[::2][list(sampled)].reset_index(drop=True),
                sampled.reset_index(drop=True),
                check_exact=True,
            )


def test_a_changed_row_does_not_agree(copy: Path) -> None:
    """The control: the lowest bit of one number."""
    part = list_parts(copy)[0]
    rows = pq.read_table(copy / "parts" / part.name)
    at = rows.schema.get_field_index("heat")
    values = rows["heat"].to_numpy().copy()
    values.view(np.uint64)[3] ^= 1
    payload = memoryview(encode(rows.set_column(at, rows.schema.field(at), pa.array(values))))
    (copy / "parts" / part.name).unlink()
    (copy / "parts" / part_of(part.chunk, part.rows, payload).name).write_bytes(payload)
    assert open_run(copy).replay(3).differs == ("heat",)


# ---- the tables


def test_strokes_add_up_to_their_trajectories(run: Dataset) -> None:
    strokes = run.strokes.to_pandas()
    assert list(strokes["stroke"][:4]) == ["up", "down"] * 2
    assert list(strokes["cycle"][:4]) == [1, 1, 2, 2]
    rows = run.to_pandas()
    for name in ("heat", "entropy_flow", "log_ratio", "activity"):
        total = strokes.groupby("trajectory")[name].sum()
        np.testing.assert_allclose(total, rows[name], rtol=0.0, atol=1e-13)


def test_jumps_are_those_that_the_ledger_counts(run: Dataset) -> None:
    jumps = run.jumps.to_pandas()
    counted = jumps.groupby("trajectory").size().reindex(range(200), fill_value=0)
    np.testing.assert_array_equal(counted, run["activity"][:200])
    assert jumps["time"].between(0.0, run.spec.schedule.duration).all()
    assert jumps["channel"].str.startswith(tuple(f"{bath.name}: " for bath in run.spec.dynamics.baths)).all()
    assert set(jumps["state"]) <= set(run.spec.system.states)
    for channel, state in jumps[["channel", "state"]].drop_duplicates().itertuples(index=False):
        assert channel.endswith(f"-> {state}")


def by_polars(folder: Path) -> pd.DataFrame:
    frame = pl.read_parquet(folder / "*.parquet")
    return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})


def by_duckdb(folder: Path) -> pd.DataFrame:
    return pd.DataFrame(duckdb.sql(f"from '{folder}/*.parquet'").fetchnumpy())


@pytest.mark.parametrize("read", [pd.read_parquet, by_polars, by_duckdb])
def test_others_read_jumps_to_the_bit(run: Dataset, read: Callable[[Path], pd.DataFrame]) -> None:
    assert run.path is not None
    for table in TABLES:
        ours = run if table == "parts" else getattr(run, table)
        found = read(run.path / table)
        assert list(found) == [column.name for column in ours.columns]
        for name in found:
            np.testing.assert_array_equal(found[name], ours[name])


def test_columns_say_what_they_are(run: Dataset) -> None:
    schema = run.jumps.to_arrow().schema
    for field in schema:
        assert {b"unit", b"meaning", b"sign"} == set(field.metadata)
    assert schema.metadata[b"spec"] == run.spec.digest.encode()


def test_without_a_time_step_jumps_are_listed_and_nothing_is_sampled() -> None:
    spec = EnsembleSpec.from_table(DOT).replace({"time_step": None, "path_every": None, "paths": 20})
    run, sampled = simulate(spec), simulate(spec.replace({"time_step": 0.25}))
    assert run.jumps.to_pandas().equals(sampled.jumps.to_pandas())  # a time step is for looking only
    assert run.to_pandas().equals(sampled.to_pandas())
    with pytest.raises(InvalidInput, match="set time_step"):
        _ = run.paths
    assert list(run.replay(3).path) == ["time", "channel", "state"]


def test_jumps_are_not_kept_unasked(spec: EnsembleSpec) -> None:
    run = simulate(spec.replace({"paths": None, "path_every": None}))
    with pytest.raises(InvalidInput, match="no jumps were recorded"):
        _ = run.jumps


def test_levels_go_by_their_names(run: Dataset) -> None:
    for number, level in enumerate(run.spec.system.states):
        found = run.mean(f"state_final == {level}")
        assert found.value == np.mean(run["state_final"] == number)


# ---- units


def test_planck_s_constant_of_1_is_warned_of_where_labels_say_what_it_is() -> None:
    """Of wave functions, not of levels; once, and at the line that made the spec."""
    labels = {"energy": "ueV", "time": "ns"}
    with pytest.warns(UserWarning, match="hbar is 1 ueV ns here, Planck's constant is 0.6582") as made:
        EnsembleSpec.from_table(QUBIT | {"units": labels})
    assert [one.filename for one in made] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EnsembleSpec.from_table(DOT | {"units": labels})
        EnsembleSpec.from_table(QUBIT | {"units": {"energy": "ueV"}})


def test_planck_s_constant_in_kelvin() -> None:
    r"""Relaxation of a qubit, where the rate counts angular frequencies and the energy micro-electronvolts.

    With spectrum omega the excited level follows :math:`p_{eq}+(1-p_{eq})e^{-\Gamma t}`,
    :math:`\Gamma=\gamma(E/\hbar)(2n+1)`.
    """
    units = fl.Units(energy="ueV", temperature="mK", time="ns")
    gap, temperature, rate, time = 5.0, 40.0, 0.01, 6.0
    spec = fl.EnsembleSpec(
        fl.Hamiltonian("E/2*Z", controls="E"),
        fl.QuantumJump([fl.BoseBath("phonons", rate=rate, spectrum="omega")]),
        fl.Protocol([fl.Hold(time)], temperature=temperature, E=gap),
        trajectories=1,
        time_step=0.01,
        seed=1,
        units=units,
        initial=fl.Point(state="level_1"),
    )
    x = gap / (units.boltzmann * temperature)
    equilibrium = 1.0 / (1.0 + np.exp(x))
    decay = rate * gap / units.hbar / np.tanh(0.5 * x)
    expected = equilibrium + (1.0 - equilibrium) * np.exp(-decay * time)
    last = spec.dynamics.border_populations(spec.system, spec.schedule, spec.initial)[1]
    np.testing.assert_allclose(last[1], expected, rtol=1e-12)
    assert abs(units.hbar - 1.0) > 0.3  # it would show
