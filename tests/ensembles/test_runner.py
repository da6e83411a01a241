from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.manifest import read_manifest, read_target
from fluctua.ensembles.physics import propagator_of
from fluctua.ensembles.run import Run
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.runs import open as open_folder
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import Writer
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.errors import Busy, Damaged, InvalidInput, StorageError, Unstable
from fluctua.stochastic.initial import Point
from fluctua.stochastic.langevin import LangevinPropagator as Propagator
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold

pytestmark = pytest.mark.usefixtures("small_chunks")


def names(folder: Path) -> dict[str, list[str]]:
    return {table: sorted(os.listdir(folder / table)) for table in ("parts", "strokes", "paths")}


def same(one: Dataset, other: Dataset) -> bool:
    """Compare all three tables, values and nulls."""
    rows = [(one.to_arrow(), other.to_arrow()), (one.strokes.to_arrow(), other.strokes.to_arrow())]
    rows.append((one.paths.to_arrow(), other.paths.to_arrow()))
    return all(a.equals(b) for a, b in rows)


# ---- the same rows, whoever computes them


def test_rows_are_those_of_the_kernel(spec: EnsembleSpec) -> None:
    run = simulate(spec, threads=2)
    block = propagator_of(spec).run(0, spec.trajectories)
    for name, values in block.columns.items():
        np.testing.assert_array_equal(run[name], values)
    assert block.strokes is not None
    assert block.paths is not None
    np.testing.assert_array_equal(run.strokes["work"], block.strokes["work"])
    np.testing.assert_array_equal(run.paths["x"], block.paths["x"])
    named = propagator_of(spec).stroke_names
    assert run.strokes["stroke"].tolist() == [named[number] for number in block.strokes["stroke"]]


def test_memory_and_folder_hold_the_same_rows(spec: EnsembleSpec, tmp_path: Path) -> None:
    assert same(simulate(spec), simulate(spec, tmp_path / "a"))


def test_files_do_not_depend_on_threads(spec: EnsembleSpec, tmp_path: Path) -> None:
    for threads in (1, 2, 3):
        simulate(spec, tmp_path / str(threads), threads=threads)
    assert names(tmp_path / "1") == names(tmp_path / "2") == names(tmp_path / "3")


def test_files_do_not_depend_on_the_order_of_chunks(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(spec, tmp_path / "straight")
    in_order = Writer.missing

    def shuffled(writer: Writer) -> list[int]:
        chunks = in_order(writer)
        random.Random(3).shuffle(chunks)
        return chunks

    monkeypatch.setattr(Writer, "missing", shuffled)
    simulate(spec, tmp_path / "shuffled")
    assert names(tmp_path / "straight") == names(tmp_path / "shuffled")


def test_files_do_not_depend_on_slices(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(spec, tmp_path / "wide")
    monkeypatch.setattr("fluctua.ensembles.run.SLICE_STEPS", 1)
    simulate(spec, tmp_path / "narrow")
    assert names(tmp_path / "wide") == names(tmp_path / "narrow")


# ---- the same call again


def test_a_finished_run_opens_without_computing(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = simulate(spec, tmp_path / "a")

    def forbidden(*_: Any) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(Run, "prepare", forbidden)
    assert same(first, simulate(spec, tmp_path / "a"))


def test_a_run_goes_on_where_parts_are_missing(spec: EnsembleSpec, tmp_path: Path) -> None:
    simulate(spec, tmp_path / "a")
    before = names(tmp_path / "a")
    for victim in before["parts"][1::2]:
        (tmp_path / "a" / "parts" / victim).unlink()
    with pytest.raises(Busy, match="unfinished: 768 of 1,500"):
        open_folder(tmp_path / "a").mean("work")
    simulate(spec, tmp_path / "a")
    assert names(tmp_path / "a") == before


def test_more_trajectories_extend_to_what_a_direct_run_gives(spec: EnsembleSpec, tmp_path: Path) -> None:
    simulate(spec.replace({"trajectories": 300}), tmp_path / "a")
    earlier = open_folder(tmp_path / "a")
    run = simulate(spec, tmp_path / "a")
    simulate(spec, tmp_path / "direct")
    assert names(tmp_path / "a") == names(tmp_path / "direct")
    assert len(run) == 1500
    assert isinstance(earlier, Dataset)
    np.testing.assert_array_equal(earlier["work"], run["work"][:300])  # opened before, and read after
    np.testing.assert_array_equal(earlier.strokes["work"], run.strokes["work"][: 300 * 6])
    with pytest.raises(InvalidInput, match="the folder holds more, 1,500 trajectories"):
        simulate(spec.replace({"trajectories": 300}), tmp_path / "a")


def test_another_run_is_told_by_what_differs(spec: EnsembleSpec, tmp_path: Path) -> None:
    simulate(spec, tmp_path / "a")
    before = names(tmp_path / "a")
    with pytest.raises(InvalidInput) as caught:
        simulate(spec.replace({"seed": 8}), tmp_path / "a")
    place = tmp_path / "a"
    assert (
        str(caught.value)
        == f"the folder holds another run ({place}): it differs in seed (7, 8); choose another folder"
    )
    with pytest.raises(InvalidInput, match=r"it differs in direction \(forward, reverse\)"):
        simulate(spec.reversed(), place)
    with pytest.raises(InvalidInput, match=r"dynamics.friction \(1.0, 2.0\)"):
        simulate(spec.replace({"dynamics.friction": 2.0}), place)
    assert names(place) == before


def test_a_drawn_seed_gives_way_to_that_of_the_folder(spec: EnsembleSpec, tmp_path: Path) -> None:
    simulate(spec, tmp_path / "a")
    drawn = spec.replace({"seed": None})
    assert drawn.seed_was_drawn
    assert drawn.seed != spec.seed
    assert simulate(drawn, tmp_path / "a").spec == spec


def test_numbers_that_changed_are_not_mixed(
    spec: EnsembleSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(spec, tmp_path / "a")
    before = names(tmp_path / "a")
    exact = Propagator.run

    def off_by_an_ulp(self: Propagator, first: int, count: int) -> Any:
        block = exact(self, first, count)
        block.columns["work"][0] = np.nextafter(block.columns["work"][0], np.inf)
        return block

    monkeypatch.setattr(Propagator, "run", off_by_an_ulp)
    with pytest.raises(Damaged, match="come out differently"):
        simulate(spec.replace({"trajectories": 2000}), tmp_path / "a")
    assert names(tmp_path / "a") == before


def test_a_run_does_not_go_on_from_damaged_parts(spec: EnsembleSpec, tmp_path: Path) -> None:
    simulate(spec, tmp_path / "a")
    first, second = sorted((tmp_path / "a" / "parts").iterdir())[:2]
    second.unlink()
    payload = bytearray(first.read_bytes())
    payload[200] ^= 1
    first.write_bytes(payload)
    with pytest.raises(Damaged, match=first.name):
        simulate(spec, tmp_path / "a")


# ---- stopped in the middle


@pytest.mark.parametrize("reason", [KeyboardInterrupt, RuntimeError, MemoryError])
@pytest.mark.parametrize("after", [0, 4])
def test_stopped_in_the_middle_whole_parts_stay(
    spec: EnsembleSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reason: type[BaseException],
    after: int,
) -> None:
    exact, calls = Propagator.run, 0

    def stopped(self: Propagator, first: int, count: int) -> Any:
        nonlocal calls
        calls += 1
        if calls > after + 1:  # the pilot is the first
            raise reason("stop")
        return exact(self, first, count)

    with monkeypatch.context() as patch:
        patch.setattr(Propagator, "run", stopped)
        with pytest.raises(reason, match="stop"):
            simulate(spec, tmp_path / "a" / "b", threads=2)
    kept = list((tmp_path / "a").rglob("part-*"))
    assert (tmp_path / "a").exists() == bool(kept)
    assert bool(kept) == (after > 0)
    assert not list(tmp_path.rglob("_tmp"))
    simulate(spec, tmp_path / "a" / "b")
    simulate(spec, tmp_path / "direct")
    assert names(tmp_path / "a" / "b") == names(tmp_path / "direct")


# ---- trajectories that fail


def cliff(**words: Any) -> EnsembleSpec:
    """A hill with a wall on the one side and none on the other: some trajectories go to infinity."""
    hill = Potential("x**2/2 - x**4/20", coordinates="x")
    rest = Protocol([Hold(4.0)], beta=1.0)
    start = Point(x=0.0)
    options: dict[str, Any] = {"trajectories": 1000, "time_step": 0.01, "seed": 1, "initial": start, **words}
    return EnsembleSpec(hill, Overdamped(friction=1.0), rest, **options)


def test_failed_trajectories_stay_as_rows_and_are_not_averaged_over(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = cliff()
    with pytest.raises(Unstable, match="pilot trajectories are not finite"):
        simulate(spec)
    block = propagator_of(spec).run(0, 256)
    monkeypatch.setattr("fluctua.ensembles.run.check_stability", lambda *_: block)
    run = simulate(spec)
    assert len(run) == 1000
    failed = run["status"] != 0
    assert 0 < np.count_nonzero(failed) < 1000
    assert run.failed == np.count_nonzero(failed)
    assert f"{run.failed:,} failed" in repr(run)
    np.testing.assert_array_equal(np.isnan(run["heat"]), failed)
    first = ", ".join(str(number) for number in np.flatnonzero(failed)[:5])
    with pytest.raises(Unstable, match=f"{run.failed:,} of 1,000 trajectories failed, {first}"):
        run.mean("heat")


def test_null_is_not_failure(spec: EnsembleSpec) -> None:
    run = simulate(spec)
    never = np.isnan(run["passage"])
    assert 0 < np.count_nonzero(never) < len(run)
    assert run.failed == 0
    assert run.to_arrow(["passage"])["passage"].null_count == np.count_nonzero(never)


# ---- refused before anything is made


@pytest.mark.parametrize(
    "words",
    [
        {"threads": 0},
        {"threads": True},
        {"threads": 2.0},
        {"executor": object()},
        {"executor": "slurm"},
        {"shard": "3/2"},
        {"shard": "0/2"},
        {"shard": 2},
    ],
)
def test_options_that_make_no_sense(spec: EnsembleSpec, tmp_path: Path, words: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(words))):
        simulate(spec, tmp_path / "a", **words)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_cannot_fit_is_refused(spec: EnsembleSpec, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="the run needs"):
        simulate(spec.replace({"trajectories": 10**12}), tmp_path / "a")
    with pytest.raises(InvalidInput, match="of memory"):
        simulate(spec.replace({"trajectories": 10**12}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", [3, "a\0b", "a" * 5000, b"runs", "/dev/null/a", "/proc/nowhere/a"])
def test_places_that_cannot_be_are_told(spec: EnsembleSpec, folder: Any) -> None:
    with pytest.raises((InvalidInput, StorageError)) as caught:
        simulate(spec, folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "text"), [("log.txt", "mine"), ("target.json", '{"kg": 70}')])
def test_files_of_others_with_our_names_are_left_alone(
    spec: EnsembleSpec, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInput, match=rf"holds something else .*{name}"):
        simulate(spec, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: text}


def test_what_is_no_spec_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is no spec"):
        simulate("spec.toml")  # type: ignore[arg-type]


def test_a_time_step_that_is_too_long_leaves_nothing(spec: EnsembleSpec, tmp_path: Path) -> None:
    stiff = spec.replace({"dynamics.friction": 0.03})
    with pytest.raises(Unstable, match="too long for stability"):
        simulate(stiff, tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


# ---- files


def test_files_are_plain_parquet(spec: EnsembleSpec, tmp_path: Path) -> None:
    run = simulate(spec, tmp_path / "a")
    schema = pq.read_schema(run.files[0])
    assert schema.names == [column.name for column in run.columns]
    assert schema.metadata[b"spec"].decode() == spec.digest
    assert schema.field("heat").metadata[b"sign"] == b"positive: flows into the system"
    frame = pq.read_table([str(file) for file in run.files]).to_pandas()
    np.testing.assert_array_equal(frame["work"], run["work"])
    assert [file.name for file in run.files] == names(tmp_path / "a")["parts"]
    assert len(names(tmp_path / "a")["paths"]) == 2  # 300 paths lie in two chunks of 256


def test_the_manifest_says_what_was_computed(spec: EnsembleSpec, tmp_path: Path) -> None:
    simulate(spec, tmp_path / "a")
    manifest = read_manifest(tmp_path / "a")
    assert manifest["digest"] == spec.digest
    assert "trajectories" not in manifest["spec"]
    assert manifest["start"]["method"]
    assert {column["name"] for column in manifest["columns"]} == {column.name for column in spec.columns}
    assert read_target(tmp_path / "a") == 1500
