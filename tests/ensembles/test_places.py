"""What is not a writer's own stays: scratch folders of others, and what lies behind links."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fluctua.ensembles.disk import Disk
from fluctua.ensembles.parts import list_parts
from fluctua.ensembles.store import Writer, note_until, tidy
from fluctua.stochastic.errors import Damaged, InvalidInput

from faults.small_run import manifest, write

TEMPORARY = f"part-00000000-000000016-{'a' * 32}.parquet.17.{'b' * 16}"
RULE = {"rule": {"claim": "crooks"}, "looked": 1}


def everything(folder: Path) -> dict[str, bytes | None]:
    """Read all below a folder; links are not followed."""
    found = folder.rglob("*")
    return {str(path): path.read_bytes() if path.is_file() else None for path in found}


def resume(folder: Path) -> None:
    write(folder, 40)


def extend(folder: Path) -> None:
    write(folder, 70)


WAYS = [resume, extend, tidy, lambda folder: note_until(folder, RULE)]
NAMES = ["resume", "extend", "tidy", "note_until"]


# ---- scratch folders


@pytest.mark.parametrize(
    "name", ["_tmp/thesis.tex", f"_tmp/{TEMPORARY}.bak", f"_tmp/{TEMPORARY}/", "_tmp-mine/x", ".lock/"]
)
def test_a_folder_of_somebody_is_no_place_for_a_run(tmp_path: Path, name: str) -> None:
    mine = tmp_path / "a" / name
    mine.parent.mkdir(parents=True)
    mine.mkdir() if name.endswith("/") else mine.write_text("mine")
    before = everything(tmp_path)
    with pytest.raises(InvalidInput, match="the folder holds something else"):
        write(tmp_path / "a", 40)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("scratch", ["_tmp", "_tmp-1-2", f"_tmp-{'0' * 16}", f"_tmp-1-2-{'0' * 16}"])
@pytest.mark.parametrize("begun", [False, True])
def test_what_a_killed_writer_left_is_cleared(tmp_path: Path, scratch: str, begun: bool) -> None:
    if begun:
        write(tmp_path / "a", 24)
    (tmp_path / "a" / scratch).mkdir(parents=True)
    (tmp_path / "a" / scratch / TEMPORARY).write_text("half")
    write(tmp_path / "a", 40)
    assert not list((tmp_path / "a").glob("_tmp*"))


def test_what_comes_into_a_scratch_folder_meanwhile_stays(tmp_path: Path) -> None:
    with Writer(tmp_path / "a", manifest(), 40) as writer:
        (mine := tmp_path / "a" / writer.scratch / "mine").write_text("mine")
        (tmp_path / "a" / writer.scratch / TEMPORARY).write_text("half")
    assert os.listdir(mine.parent) == ["mine"]


# ---- links


def linked(tmp_path: Path, name: str) -> Path:
    """Make a run with a link of that name to a folder of somebody, or to a file that is not there."""
    write(tmp_path / "a", 40)
    write(tmp_path / "other", 24)
    elsewhere = tmp_path / "other" / ("parts" if name in ("parts", "strokes", "paths") else "")
    (elsewhere / TEMPORARY).write_text("mine") if name.startswith("_tmp") else None
    if name in ("parts", "strokes"):
        (tmp_path / "a" / name).rename(tmp_path / "moved")
    if name.startswith(".lock"):
        (tmp_path / "a" / name).unlink(missing_ok=True)
        elsewhere = tmp_path / "new"
    (tmp_path / "a" / name).symlink_to(elsewhere)
    return tmp_path / "a"


@pytest.mark.parametrize("way", WAYS, ids=NAMES)
@pytest.mark.parametrize("name", ["_tmp", "_tmp-1-2", ".lock", ".lock-1-2", "parts", "strokes", "paths"])
def test_nothing_behind_a_link_is_touched(tmp_path: Path, name: str, way: Callable[[Path], None]) -> None:
    folder = linked(tmp_path, name)
    before = everything(tmp_path)
    if not (way is tidy and name in (".lock", "paths")):  # where nothing is left, it changes nothing
        with pytest.raises((InvalidInput, Damaged), match=rf"{name}\): "):
            way(folder)
    assert everything(tmp_path) == before


def test_a_manifest_that_is_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "theirs.json").write_text("{}")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "manifest.json").symlink_to(tmp_path / "theirs.json")
    with pytest.raises(InvalidInput, match="something else"):
        write(tmp_path / "a", 40)
    assert (tmp_path / "a" / "manifest.json").is_symlink()


def test_the_parts_behind_a_link_are_not_listed(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="something else where a folder should be"):
        list_parts(linked(tmp_path, "parts"))


def test_a_run_may_lie_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "a").symlink_to(tmp_path / "there")
    write(tmp_path / "a", 40)
    assert len(list_parts(tmp_path / "there")) == 3


@pytest.mark.parametrize("target", ["new", "there"])
def test_a_lock_is_not_made_behind_a_link(tmp_path: Path, target: str) -> None:
    (tmp_path / "there").write_text("mine")
    (tmp_path / ".lock").symlink_to(tmp_path / target)
    with pytest.raises(OSError, match="symbolic links"):
        Disk().lock(tmp_path / ".lock")
    assert sorted(os.listdir(tmp_path)) == [".lock", "there"]
