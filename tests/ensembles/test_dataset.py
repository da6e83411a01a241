from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluctua.ensembles.dataset import Dataset, open_run
from fluctua.ensembles.formula import Formula
from fluctua.ensembles.moments import GroupMoments, Moments
from fluctua.ensembles.parts import content_hash, encode
from fluctua.ensembles.run import Run, _clean
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.runs import open as open_folder
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.errors import Busy, Damaged, InvalidInput

pytestmark = pytest.mark.usefixtures("small_chunks")


@pytest.fixture
def run(spec: EnsembleSpec, tmp_path: Path) -> Dataset:
    return simulate(spec, tmp_path / "a")


@pytest.mark.parametrize("bits", [0xFFF8000000000000, 0x7FF8000000000123, 0xFFF0DEADBEEF0001])
def test_the_bits_of_a_nan_never_reach_a_file(spec: EnsembleSpec, bits: int) -> None:
    """Processors differ in sign and payload of those that they make."""

    def with_nan(columns: dict[str, Any], wanted: int) -> dict[str, Any]:
        changed = {name: values.copy() for name, values in columns.items()}
        for values in changed.values():
            if values.dtype.kind == "f":
                values.view(np.uint64)[3] = np.uint64(wanted)
        changed["status"][3] = 1
        return changed

    computing = Run.prepare(spec, None)
    columns = computing._pilot.columns
    plain, odd = (with_nan(columns, one) for one in (0x7FF8000000000000, bits))
    assert plain["work"].tobytes() != odd["work"].tobytes()
    one, other = (bytes(encode(computing._table("parts", [made]))) for made in (plain, odd))
    assert one == other
    assert content_hash(_clean(plain)) == content_hash(_clean(odd))  # that of the canary


# ---- means


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("work", lambda run: run["work"]),
        ("heat/2 + shadow_work", lambda run: run["heat"] / 2 + run["shadow_work"]),
        ("x_final > 0", lambda run: (run["x_final"] > 0).astype(float)),
        (
            "not (x_final > 0 and x_initial <= 0)",
            lambda run: 1.0 - ((run["x_final"] > 0) & (run["x_initial"] <= 0)),
        ),
        ("1", lambda run: np.ones(len(run))),
        ("trajectory", lambda run: run["trajectory"].astype(float)),
    ],
)
def test_a_mean_is_the_mean_of_the_column(run: Dataset, formula: str, expected: Any) -> None:
    values = expected(run)
    estimate = run.mean(formula)
    np.testing.assert_allclose(estimate.value, values.mean(), rtol=1e-13, atol=1e-15)
    error = values.std(ddof=1) / np.sqrt(values.size)
    np.testing.assert_allclose(estimate.standard_error, error, rtol=1e-11, atol=1e-15)
    assert estimate.n == values.size


def test_exponentials_are_right_to_rounding(run: Dataset) -> None:
    expected = np.exp(-run["dimensionless_work"]).mean()
    np.testing.assert_allclose(run.mean("exp(-dimensionless_work)").value, expected, rtol=1e-13)


def test_tables_have_a_length(run: Dataset) -> None:
    assert len(run.strokes) == len(run["work"]) * len(run.spec.schedule.names)
    assert len(run.paths) == len(run.paths["time"]) > 0


def test_a_condition_selects(run: Dataset) -> None:
    chosen = run["x_final"] > 0.5
    estimate = run.mean("work", where="x_final > 0.5")
    np.testing.assert_allclose(estimate.value, run["work"][chosen].mean(), rtol=1e-13)
    assert estimate.n == chosen.sum()
    with pytest.raises(InvalidInput, match="no trajectory counts"):
        run.mean("work", where="x_final > 1000")


def test_never_is_left_out_of_means_and_later_than_any_time(run: Dataset) -> None:
    times = run["passage"]
    there = ~np.isnan(times)
    estimate = run.mean("passage")
    np.testing.assert_allclose(estimate.value, times[there].mean(), rtol=1e-13)
    assert estimate.n == there.sum()
    early = run.mean("passage < 0.5")
    assert early.n == len(run)
    np.testing.assert_allclose(early.value, np.mean(np.where(there, times, np.inf) < 0.5), rtol=1e-13)
    assert run.mean("passage > 0").value == pytest.approx(1.0 - np.mean(times == 0.0))


def test_units_travel_with_bare_columns_only(run: Dataset) -> None:
    assert run.mean("work").unit == "energy"
    assert run.mean("x_final").unit == "length"
    assert run.mean("2*work").unit == ""
    assert str(run.mean("dimensionless_work"))[-1] == ")"


@pytest.mark.parametrize(
    ("formula", "where", "said"),
    [
        ("total_entropy", None, "total_entropy is no column, as it takes the populations"),
        ("2*system_entropy", None, "of levels spec.exact().mean gives it"),
        ("work", "total_entropy > 0", "(where): verify judges it"),
        ("wrk", None, "did you mean 'work'"),
        ("work;", None, "(formula"),
        ("__import__('os')", None, "(formula"),
        ("stroke", None, "'stroke'"),
        (True, None, "True is not a formula"),
        (None, None, "None is not a formula"),
        ("work", "x_final", "is not a condition (where)"),
        ("work", "x_finl > 0", "did you mean 'x_final'"),
        ("work", 3, "is not a condition (where)"),
    ],
)
def test_what_is_no_formula_is_told(run: Dataset, formula: Any, where: Any, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        run.mean(formula, where)
    assert said in str(caught.value)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(-1e6, 1e6), max_size=20), min_size=1, max_size=6))
def test_moments_of_pieces_are_those_of_the_whole(pieces: list[list[float]]) -> None:
    moments, whole = Moments(), np.array([x for piece in pieces for x in piece])
    for piece in pieces:
        moments.add(np.array(piece))
    assert moments.n == whole.size
    if whole.size:
        np.testing.assert_allclose(moments.mean, whole.mean(), rtol=1e-12, atol=1e-9)
    if whole.size > 1:
        np.testing.assert_allclose(
            moments.standard_error, whole.std(ddof=1) / np.sqrt(whole.size), rtol=1e-9, atol=1e-8
        )


# ---- groups


def test_strokes_add_up_to_the_run(run: Dataset) -> None:
    whole, total = run.mean("work"), run.strokes.mean("work")
    np.testing.assert_allclose(
        [total.value, total.standard_error], [whole.value, whole.standard_error], rtol=1e-10
    )
    assert total.n == whole.n


def test_groups_are_means_over_trajectories_of_sums_over_rows(run: Dataset) -> None:
    work = run.strokes["work"].reshape(len(run), 6)  # two cycles of three strokes
    table = run.strokes.mean("work", by=["cycle", "stroke"])
    assert list(table.index) == [(c, s) for c in (1, 2) for s in ("squeeze", "2 hold", "let go")]
    np.testing.assert_allclose(table["mean"], work.mean(axis=0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        table["standard_error"], work.std(axis=0, ddof=1) / np.sqrt(len(run)), atol=1e-15
    )
    cycles = run.strokes.mean("work", by="cycle")
    each = work.reshape(-1, 2, 3).sum(axis=2)
    np.testing.assert_allclose(cycles["mean"], each.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        cycles["standard_error"], each.std(axis=0, ddof=1) / np.sqrt(len(run)), rtol=1e-10
    )
    assert list(cycles["n"]) == [1500, 1500]
    late = run.strokes.mean("work", where="cycle > 1", by="stroke")
    np.testing.assert_allclose(late["mean"], work[:, 3:].mean(axis=0), rtol=1e-12, atol=1e-15)
    assert table.attrs["unit"] == "energy"


def test_paths_are_averaged_at_each_time(run: Dataset) -> None:
    x = run.paths["x"].reshape(300, -1)
    table = run.paths.mean("x", by="time")
    np.testing.assert_allclose(table["mean"], x.mean(axis=0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(table.index, np.arange(6) * 0.2, atol=1e-15)
    average = run.paths.mean("x")
    np.testing.assert_allclose(average.value, x.mean(), rtol=1e-12)
    np.testing.assert_allclose(average.standard_error, x.mean(axis=1).std(ddof=1) / np.sqrt(300), rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=12), st.integers(1, 9), st.booleans(), st.randoms())
def test_groups_do_not_depend_on_where_batches_are_cut(
    rows: list[int], size: int, add_up: bool, chance: Any
) -> None:
    trajectory = np.repeat(np.arange(len(rows)), rows)
    key = np.array([chance.choice("abc") for _ in trajectory])
    values = np.array([chance.uniform(-1, 1) for _ in trajectory])
    counts = np.array([chance.random() < 0.8 for _ in trajectory])
    moments = GroupMoments(add_up)
    for at in range(0, trajectory.size, size):
        cut = slice(at, at + size)
        moments.add(trajectory[cut], [pa.array(key[cut])], values[cut], counts[cut])
    found = moments.finish()
    expected: dict[str, list[float]] = {}
    for number in range(len(rows)):
        for word in "abc":
            mine = values[(trajectory == number) & (key == word) & counts]
            if mine.size:
                expected.setdefault(word, []).append(mine.sum() if add_up else mine.mean())
    assert {group[0] for group in found} == set(expected)
    for (word,), got in found.items():
        assert got.n == len(expected[word])
        np.testing.assert_allclose(got.mean, np.mean(expected[word]), rtol=1e-12, atol=1e-12)


def test_tables_that_were_not_recorded_say_how_to_get_them(spec: EnsembleSpec) -> None:
    run = simulate(spec.replace({"strokes": None, "paths": None, "path_every": None, "trajectories": 10}))
    with pytest.raises(InvalidInput, match="set strokes = true"):
        _ = run.strokes
    with pytest.raises(InvalidInput, match="set paths"):
        _ = run.paths


# ---- columns out


def test_frames_carry_unit_temperature_and_digest(run: Dataset) -> None:
    frame = run.to_pandas(["work", "passage"])
    assert list(frame.columns) == ["work", "passage"]
    assert frame.attrs == {"energy_unit": "energy", "temperature": 1.0, "spec": run.spec.digest}
    assert frame["passage"].isna().sum() == np.isnan(run["passage"]).sum()


def test_arrow_keeps_types_nulls_and_meanings(run: Dataset) -> None:
    table = run.to_arrow()
    assert table.num_rows == 1500
    assert table.schema.field("status").type == pa.uint8()
    assert table.schema.field("work").metadata[b"unit"] == b"energy"
    assert sum(batch.num_rows for batch in run.batches(["work"])) == 1500
    assert run.to_arrow("work").column_names == ["work"]


def test_unknown_columns_are_told_at_once(run: Dataset) -> None:
    for read in (run.batches, run.to_arrow, run.to_pandas):
        with pytest.raises(InvalidInput, match="did you mean 'work'"):
            read(["wrk"])
    with pytest.raises(InvalidInput, match="'wrk' is not a column"):
        run["wrk"]
    with pytest.raises(InvalidInput, match="not a column's name"):
        run[3]  # type: ignore[index]


def test_one_line_stands_for_a_run(run: Dataset) -> None:
    digest = run.spec.digest[:8]
    assert (
        repr(run) == f"Dataset {run.path}: 1,500 of 1,500 trajectories, 0 failed, 14 columns, spec {digest}"
    )
    assert repr(run.strokes) == f"Strokes of {run!r}"
    assert repr(simulate(run.spec)).startswith("Dataset in memory: 1,500 of 1,500")


# ---- while others write


def test_an_unfinished_run_gives_its_unbroken_beginning_if_asked(run: Dataset) -> None:
    assert run.path is not None
    run.files[2].unlink()
    unfinished = open_run(run.path)
    assert repr(unfinished).startswith(f"Dataset {run.path}: 1,244 of 1,500")
    assert not unfinished.complete
    for read in (lambda: unfinished.mean("work"), lambda: unfinished["work"], unfinished.to_pandas):
        with pytest.raises(Busy, match=r"simulate\(run.spec"):
            read()
    part = open_run(run.path, partial=True)
    assert len(part) == 512
    assert part.mean("work").n == 512
    assert part.strokes.mean("work").n == 512
    assert len(np.unique(part.paths["trajectory"])) == 300


def test_damage_is_found_when_it_is_read(run: Dataset) -> None:
    victim = run.files[1]
    payload = bytearray(victim.read_bytes())
    payload[len(payload) // 2] ^= 4
    victim.write_bytes(payload)
    assert run.path is not None
    with pytest.raises(Damaged, match=victim.name):
        open_run(run.path).mean("work")
    stroke_file = sorted((run.path / "strokes").iterdir())[0]
    stroke_file.write_bytes(stroke_file.read_bytes()[:-1])
    with pytest.raises(Damaged, match=stroke_file.name):
        _ = open_run(run.path).strokes["work"]
    stroke_file.unlink()
    with pytest.raises(Damaged, match="no rows of chunk 0"):
        _ = open_run(run.path).strokes["work"]


def test_parts_beyond_the_target_are_not_believed(run: Dataset) -> None:
    assert run.path is not None
    (run.path / "target.json").write_text('{"trajectories": 400}')
    with pytest.raises(Damaged, match="beyond the 400 trajectories"):
        open_run(run.path)


def test_opening_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such folder"):
        open_folder(tmp_path / "none")
    with pytest.raises(InvalidInput, match="no run there"):
        open_folder(tmp_path)


def test_a_formula_knows_its_columns(run: Dataset) -> None:
    formula = Formula("work + heat - 1", run.columns, "formula")
    assert formula.columns == ["heat", "work"]
    assert not formula.is_condition
