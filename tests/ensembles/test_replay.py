from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.parts import encode, list_parts, part_of
from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.replay import controls_at, replay, stiffness
from fluctua.ensembles.rows import Memory
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.runs import open as open_folder
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic import langevin, propagator
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.errors import Damaged, InvalidInput
from fluctua.stochastic.initial import Point, Samples
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.status import Status
from fluctua.stochastic.steps import Hold, Isothermal, Quench

pytestmark = pytest.mark.usefixtures("small_chunks")


@pytest.fixture
def run(spec: EnsembleSpec, tmp_path: Path) -> Dataset:
    """A run in six parts, with paths of the first 300 of 1500 trajectories, every tenth of 50 steps."""
    return simulate(spec, tmp_path / "a")


def rewrite(run: Dataset, change: pa.Table) -> None:
    """Put other rows in place of the first part's, with the name that belongs to their bytes."""
    assert run.path is not None
    old = list_parts(run.path)[0]
    payload = encode(change)
    (run.path / "parts" / old.name).unlink()
    (run.path / "parts" / part_of(0, old.rows, memoryview(payload)).name).write_bytes(payload)


# ---- the same trajectory


def test_any_trajectory_comes_out_as_it_was_stored(run: Dataset) -> None:
    rows = run.to_pandas()
    for trajectory in (0, 255, 256, 777, 1499):
        found = replay(run, trajectory)
        assert (found.agrees, found.differs) == (True, ())
        pd.testing.assert_series_equal(found.row, rows.iloc[trajectory], check_names=False, check_exact=True)


def test_the_path_is_that_of_the_run(run: Dataset) -> None:
    stored = run.paths.to_pandas()
    for trajectory in (0, 299):
        path = run.replay(trajectory).path
        assert list(path) == ["time", "k", "x", "work", "heat"]
        expected = (
            stored[stored["trajectory"] == trajectory].drop(columns="trajectory").reset_index(drop=True)
        )
        sampled = path.iloc[::10].drop(columns="k").reset_index(drop=True)
        pd.testing.assert_frame_equal(sampled, expected, check_exact=True)
        pd.testing.assert_frame_equal(path.iloc[::10].reset_index(drop=True), run.replay(trajectory, 10).path)


def test_the_path_ends_where_the_row_does(run: Dataset) -> None:
    found = run.replay(1234)
    first, last = found.path.iloc[0], found.path.iloc[-1]
    assert last["time"] == pytest.approx(1.0, rel=1e-15)
    assert (first["x"], last["x"]) == (found.row["x_initial"], found.row["x_final"])
    assert (last["work"], last["heat"]) == (found.row["work"], found.row["heat"])


def test_work_of_the_path_is_the_controls_doing(run: Dataset) -> None:
    """Work is done when k changes at a place that stands still: (k' - k) x^2 / 2 for each change."""
    path = run.replay(4).path
    # Within a stroke, and away from its ends where k changes twice at one instant.
    k, x, work = (path[name].to_numpy()[1:10] for name in ("k", "x", "work"))
    rounding = 8 * np.finfo(float).eps * np.abs(work).max()
    np.testing.assert_allclose(np.diff(work), 0.5 * np.diff(k) * x[1:] ** 2, rtol=1e-13, atol=rounding)


def test_a_run_in_memory_is_replayed_too(spec: EnsembleSpec) -> None:
    run = simulate(spec)
    assert [run.replay(i).agrees for i in (0, 255, 256, 1499, 1500)] == [True, True, True, True, None]


def test_rows_are_found_one_by_one(run: Dataset, spec: EnsembleSpec) -> None:
    rows = run.to_arrow()
    for where in (run, simulate(spec)):
        for trajectory in (0, 255, 256, 1499):
            found = where.row(trajectory)
            assert found is not None
            assert found.to_pylist() == rows.slice(trajectory, 1).to_pylist()
        assert where.row(1500) is None
        assert where.row(-1) is None


def test_a_number_beyond_the_run_is_one_of_a_larger_run(run: Dataset) -> None:
    larger = simulate(run.spec.replace({"trajectories": 1700}))
    found = run.replay(1650)
    assert found.agrees is None
    pd.testing.assert_series_equal(found.row, larger.to_pandas().iloc[1650], check_names=False)


def test_what_is_not_there_yet_is_not_compared(run: Dataset) -> None:
    assert run.path is not None
    (run.path / "parts" / list_parts(run.path)[2].name).unlink()
    unfinished = open_folder(run.path)
    assert isinstance(unfinished, Dataset)
    assert [unfinished.replay(i).agrees for i in (511, 512, 767, 768)] == [True, None, None, True]


def test_the_path_as_arrow_says_what_its_columns_are(run: Dataset) -> None:
    table = run.replay(3).to_arrow()
    assert table.schema.field("work").metadata[b"unit"] == b"energy"
    assert table.schema.metadata[b"spec"] == run.spec.digest.encode()
    assert run.replay(3).path.attrs["trajectory"] == 3


# ---- a row that is another


def test_one_other_bit_in_any_column_is_found(run: Dataset, tally) -> None:  # type: ignore[no-untyped-def]
    """The lowest bit of one number in a file that is sound in itself: name, checksum and shape agree."""
    rows = pq.read_table(run.files[0])
    found = 0
    for number, name in enumerate(rows.column_names[1:], 1):
        values = rows[name].to_numpy(zero_copy_only=False).copy()
        values.view(np.uint8 if values.dtype == np.uint8 else np.uint64)[9] ^= 1
        nulls = rows[name].is_null().to_numpy(zero_copy_only=False)
        nulls[9] = False
        field = rows.schema.field(number)
        rewrite(run, rows.set_column(number, field, pa.array(values, field.type, mask=nulls)))
        opened = open_folder(str(run.path))
        assert isinstance(opened, Dataset)
        assert opened.replay(8).agrees is True
        again = opened.replay(9)
        found += again.agrees is False and again.differs == (name,)
    tally("replay finds one other bit in a stored row", found, len(rows.column_names) - 1)


def test_what_never_happened_differs_from_what_did(run: Dataset) -> None:
    rows = pq.read_table(run.files[0])
    passage = rows["passage"].to_pylist()
    never, once = passage.index(None), next(i for i, time in enumerate(passage) if time is not None)
    passage[never], passage[once] = 0.3, None
    number = rows.column_names.index("passage")
    rewrite(run, rows.set_column(number, rows.schema.field(number), pa.array(passage, pa.float64())))
    opened = open_folder(str(run.path))
    assert isinstance(opened, Dataset)
    assert [opened.replay(i).differs for i in (never, once)] == [("passage",), ("passage",)]


def test_a_damaged_file_is_said_to_be(run: Dataset) -> None:
    content = bytearray(run.files[0].read_bytes())
    content[len(content) // 2] ^= 1
    run.files[0].write_bytes(content)
    with pytest.raises(Damaged):
        run.replay(9)


# ---- a failed trajectory


def test_a_failed_trajectory_shows_where(tmp_path: Path) -> None:
    """One begins beyond the barrier and runs away faster than any exponential."""
    file = tmp_path / "starts.parquet"
    pq.write_table(pa.table({"x": np.where(np.arange(500) == 400, 30.0, 0.0)}), file)
    spec = EnsembleSpec(
        Potential("k/2*x**2 - x**4/1000", coordinates="x", controls="k"),
        Overdamped(friction=1.0),
        Protocol([Isothermal(1.0, k=(1.0, 1.5))], beta=1.0),
        trajectories=500,
        time_step=0.05,
        seed=2,
        initial=Samples(str(file)),
    )
    run = simulate(spec)
    found = run.replay(400)
    assert (found.failed, found.agrees) == (True, True)
    x = found.path["x"].to_numpy()
    step = int(np.argmin(np.isfinite(found.path.to_numpy()).all(axis=1)))
    assert found.failed_at == found.path["time"].iloc[step]
    assert 0 < step < 20
    assert np.all(np.diff(x[:step]) > 0)
    assert "failed" in repr(found)
    fine = run.replay(399)
    assert (fine.failed, fine.failed_at) == (False, None)


def test_a_step_too_long_for_the_forces_shows_where() -> None:
    """x^4/4: the curvature 3 x^2 is largest at one end of a step, and dt 3 x^2 > 2 there if on the way."""
    spec = EnsembleSpec(
        Potential("x**4/4", coordinates="x"),
        Overdamped(friction=1.0),
        Protocol([Hold(15.0)], beta=1.0),
        trajectories=20_000,
        time_step=0.15,
        seed=3,
        initial=Point(x=0.0),
    )
    status = propagator_of(spec).run(0, 2000).columns["status"]
    overshot = np.flatnonzero(status == Status.OVERSHOT)
    assert overshot.size > 5
    for number in overshot[:5]:
        found = Dataset(spec, Memory({})).replay(number)
        stiff = 0.15 * 3.0 * found.path["x"].to_numpy() ** 2 >= 2.0
        assert found.failed
        assert found.failed_at == found.path["time"].iloc[int(np.argmax(stiff))]
        assert stiff.any()
    sound = Dataset(spec, Memory({})).replay(int(np.argmin(status)))
    assert sound.failed_at is None


def test_the_stiffest_instant_stands_for_a_way_between_two() -> None:
    still = EnsembleSpec(
        Potential("k/2*x**2", coordinates="x", controls="k"),
        Overdamped(friction=1.0),
        Protocol([Isothermal(0.4, k=(1.0, 3.0))], beta=1.0),
        trajectories=1,
        time_step=0.1,
        seed=1,
    )
    found = Dataset(still, Memory({})).replay(0)
    np.testing.assert_allclose(stiffness(still, found.path), 0.1 * found.path["k"], rtol=1e-14)
    assert found.failed_at is None
    row = found.row.copy()
    row["status"] = Status.OVERSHOT
    assert dataclasses.replace(found, row=row).failed_at == found.path["time"].iloc[-1]


# ---- what is asked for


@pytest.mark.parametrize("number", [-1, 1.5, True, "3", None, 2**60 + 1])
def test_what_is_no_number_of_a_trajectory_is_refused(spec: EnsembleSpec, number: object) -> None:
    run = simulate(spec.replace({"trajectories": 300}))
    with pytest.raises(InvalidInput, match=r"is not a number of a trajectory \(trajectory\): give a whole"):
        run.replay(number)  # type: ignore[arg-type]


@pytest.mark.parametrize("every", [0, 51, 0.5, False])
def test_instants_are_whole_steps_apart(spec: EnsembleSpec, every: object) -> None:
    run = simulate(spec.replace({"trajectories": 300}))
    with pytest.raises(
        InvalidInput, match=r"is not a number of time steps \(every\): give a whole one, 1 to 50"
    ):
        run.replay(0, every)  # type: ignore[arg-type]


def test_a_path_that_does_not_fit_is_refused(run: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(langevin, "LIGHT", 0)
    monkeypatch.setattr(propagator, "ROOM", 12_000)  # some twenty instants of three numbers in 24 rows
    with pytest.raises(
        InvalidInput, match=r"51 instants of a path do not fit \(every\): every=3 does, and keeps 17"
    ):
        run.replay(0)
    with pytest.raises(InvalidInput, match="26 instants"):
        run.replay(0, 2)


@pytest.mark.slow
def test_a_narrow_kernel_for_long_paths_gives_the_same_bits(
    run: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = run.replay(77)
    monkeypatch.setattr(langevin, "LIGHT", 0)
    narrow = run.replay(77)
    pd.testing.assert_frame_equal(wide.path, narrow.path, check_exact=True)
    assert narrow.agrees is True
    monkeypatch.setattr(propagator, "ROOM", 12_000)
    pd.testing.assert_frame_equal(wide.path.iloc[::3].reset_index(drop=True), run.replay(77, 3).path)


def test_controls_are_those_after_their_change() -> None:
    steps = [Isothermal(0.4, k=(1.0, 3.0)), Quench(k=5.0), Hold(0.2), Quench(k=2.0)]
    schedule = Protocol(steps, beta=1.0).schedule(0.1, ("k",), ("bath",), 1.0)
    # A stroke of n moves holds k at (j + 1/2) / n during move j; a quench comes after the instant is sampled.
    expected = [1.0, 1.75, 2.25, 2.75, 3.0, 5.0, 5.0]
    np.testing.assert_allclose(controls_at(schedule)[:, 0], expected, rtol=1e-15)
