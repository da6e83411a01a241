"""Shares of a run made by several processes, at the same time or one after the other."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from fluctua.ensembles.chunks import Shard
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import LOCK, SCRATCH, Writer
from fluctua.stochastic.errors import Busy, InvalidInput

pytestmark = pytest.mark.usefixtures("small_chunks")


def names(folder: Path) -> dict[str, list[str]]:
    return {table: sorted(os.listdir(folder / table)) for table in ("parts", "strokes", "paths")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The names of the files of the run in one piece, made once."""
    made: dict[str, Any] = {}

    def give(spec: EnsembleSpec) -> dict[str, list[str]]:
        if not made:
            folder = tmp_path_factory.mktemp("whole") / "run"
            simulate(spec, folder)
            made["names"] = names(folder)
        found: dict[str, list[str]] = made["names"]
        return found

    return give


def test_every_chunk_belongs_to_one_shard() -> None:
    for count in (1, 2, 3, 64):
        shards = [Shard(index, count) for index in range(1, count + 1)]
        assert all(sum(shard.has(chunk) for shard in shards) == 1 for chunk in range(200))
    assert str(Shard.parse("3/64")) == "3/64"


@pytest.mark.parametrize("text", ["0/2", "3/2", "1/0", "1", "a/b", "1/2/3", " 1/2", "-1/2", "1/2\n", 3, None])
def test_what_is_no_shard_is_told(text: object) -> None:
    with pytest.raises(InvalidInput, match="is no shard"):
        Shard.parse(text)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_shards_one_after_the_other_leave_what_one_run_leaves(
    spec: EnsembleSpec, tmp_path: Path, whole: Any, order: tuple[int, ...]
) -> None:
    folder = tmp_path / "a"
    for index in order[:-1]:
        run = simulate(spec, folder, shard=f"{index}/3")
        assert not run.complete
        with pytest.raises(Busy, match="unfinished"):
            run.mean("work")
    assert simulate(spec, folder, shard=f"{order[-1]}/3").complete
    assert names(folder) == whole(spec)
    assert set(os.listdir(folder)) - {"log.txt"} == {
        ".lock",
        f"{LOCK}-open",
        f"{LOCK}-work",
        "manifest.json",
        "target.json",
        *names(folder),
    }


def test_shards_at_the_same_time_leave_what_one_run_leaves(
    spec: EnsembleSpec, tmp_path: Path, whole: Any
) -> None:
    def share(index: int) -> None:
        try:
            simulate(spec, tmp_path / "a", shard=f"{index}/3", threads=1)
        except BaseException as error:
            failed.append(error)

    failed: list[BaseException] = []
    threads = [threading.Thread(target=share, args=(index,)) for index in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert names(tmp_path / "a") == whole(spec)


def test_shards_extend_and_leave_no_old_tail(spec: EnsembleSpec, tmp_path: Path, whole: Any) -> None:
    simulate(spec.replace({"trajectories": 600}), tmp_path / "a")
    for index in (2, 1):
        simulate(spec, tmp_path / "a", shard=f"{index}/2")
    assert names(tmp_path / "a") == whole(spec)


def test_who_may_write_at_the_same_time(spec: EnsembleSpec, tmp_path: Path) -> None:
    from fluctua.ensembles.run import Run

    manifest = Run.prepare(spec, None).manifest()

    def writer(shard: str | None) -> Writer:
        return Writer(
            tmp_path / "a", manifest, spec.trajectories, shard=None if shard is None else Shard.parse(shard)
        )

    with writer("1/2") as one:
        (tmp_path / "a" / SCRATCH).mkdir()  # no concern of a shard
        (half := tmp_path / "a" / one.scratch / f"target.json.1.{'0' * 16}").write_text("written")
        with writer("2/2"):
            assert half.exists()
        for other in ("1/2", "1/3", None):
            with pytest.raises(Busy, match="another process writes"), writer(other):
                pass
        assert (tmp_path / "a" / "manifest.json").exists()
    with writer(None), pytest.raises(Busy, match="another process writes"), writer("1/2"):
        pass


def test_a_shard_that_fails_takes_nothing_of_the_others_away(spec: EnsembleSpec, tmp_path: Path) -> None:
    from fluctua.ensembles.run import Run

    manifest = Run.prepare(spec, None).manifest()
    one, two = (Writer(tmp_path / "a", manifest, 1500, shard=Shard(index, 2)) for index in (1, 2))
    with pytest.raises(RuntimeError, match="on purpose"), one, two:
        raise RuntimeError("on purpose")
    assert list(tmp_path.iterdir()) == []  # nothing was committed by anybody
    with one:
        with pytest.raises(RuntimeError, match="on purpose"), two:
            raise RuntimeError("on purpose")
        assert (tmp_path / "a" / "manifest.json").exists()


def test_shards_share_a_seed(spec: EnsembleSpec, tmp_path: Path) -> None:
    drawn = spec.replace({"seed": None})
    with pytest.raises(InvalidInput, match=r"shards must have one seed \(seed\)"):
        simulate(drawn, tmp_path / "a", shard="1/2")
    assert list(tmp_path.iterdir()) == []
    simulate(spec, tmp_path / "a", shard="1/2")
    assert simulate(drawn, tmp_path / "a", shard="2/2").complete  # the folder's


def test_a_shard_needs_a_folder(spec: EnsembleSpec) -> None:
    with pytest.raises(InvalidInput, match=r"shard without a folder"):
        simulate(spec, shard="1/2")
