"""A run directory of format 1, kept as it was written: this version and all later ones must read it."""

from __future__ import annotations

import json
import math
import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fluctua.ensembles.checking import check
from fluctua.ensembles.dataset import Dataset, open_run
from fluctua.ensembles.manifest import signed, text_of
from fluctua.ensembles.runner import simulate
from fluctua.stochastic.errors import InvalidInput

GOLDEN = Path(__file__).parents[1] / "golden" / "format-1"
VALUES = "d6edaf03ea6d3c91ba1727e0e5be096b124bee242c21fec8fc9b5e6249d72ece"
#: Exact sums over all trajectories, rounded once.
SUMS = {
    "work": 44.46552086698423,
    "heat": -60.48914042355946,
    "shadow_work": -2.1328189877336805,
    "energy_change": -18.156438544308827,
    "x_final": -2.245532271400697,
}
SQUEEZED, PATHS = 98.74685469388487, -6.049434524304414  # work of one stroke, places of all samples
NEVER, PASSED = 58, 2.18  # how many never passed, and the times of the others


def files(run: Path) -> list[str]:
    return sorted(str(path.relative_to(run)) for path in run.rglob("*.parquet"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN, tmp_path / "run"))


@pytest.fixture
def golden() -> Dataset:
    return open_run(GOLDEN)


def test_it_opens(golden: Dataset) -> None:
    assert (len(golden), golden.complete, golden.failed) == (80, True, 0)
    assert golden.spec.digest == "234eac16776a4768a26882cd10f9a3e577f69105e985b0c3c370490dda9b7f4f"
    assert np.array_equal(golden["trajectory"], np.arange(80))


def test_its_numbers_are_those_that_were_written(golden: Dataset) -> None:
    assert {name: math.fsum(golden[name]) for name in SUMS} == SUMS
    squeezed = golden.strokes.to_pandas().query("stroke == 'squeeze'")["work"]
    assert math.fsum(squeezed) == SQUEEZED
    assert math.fsum(golden.paths["x"]) == PATHS
    assert (golden.paths["time"].size, golden.strokes["work"].size) == (40 * 5, 80 * 2)
    passage = golden.to_arrow()["passage"]
    assert (passage.null_count, math.fsum(passage.drop_null().to_numpy())) == (NEVER, PASSED)
    for name, total in SUMS.items():
        # The mean rounds with each of its 80 additions; no term is larger than 4.
        assert golden.mean(name).value == pytest.approx(total / 80, abs=80 * 4 * np.finfo(float).eps)


def test_check_finds_it_sound() -> None:
    found = check(GOLDEN)
    assert (found.sound, found.complete, found.leftover) == (True, True, ())
    assert found.values == VALUES


@pytest.mark.parametrize("chunk", [0, 2])
def test_a_lost_part_is_made_again(copy: Path, chunk: int) -> None:
    for table in ("parts", "strokes"):
        next((copy / table).glob(f"part-{chunk:08d}-*")).unlink()
    simulate(open_run(copy).spec, copy)
    found = check(copy)
    assert found.complete
    assert found.values == VALUES
    made_with = json.loads((GOLDEN / "manifest.json").read_text())["software"]["pyarrow"]
    if version("pyarrow") == made_with:  # other versions write other bytes of the same values
        assert files(copy) == files(GOLDEN)


def test_it_can_be_extended(copy: Path, golden: Dataset) -> None:
    run = simulate(golden.spec.replace({"trajectories": 100}), copy)
    assert (len(run), run.complete) == (100, True)
    assert check(copy).complete
    for name in ("work", "heat", "x_final"):
        assert np.array_equal(run[name][:80], golden[name])


def test_golden_files_are_not_touched_by_these_tests() -> None:
    assert sorted(os.listdir(GOLDEN)) == ["manifest.json", "parts", "paths", "strokes", "target.json"]
    assert sum(path.stat().st_size for path in GOLDEN.rglob("*") if path.is_file()) < 100_000


@pytest.mark.parametrize("later", [2, 99, "2"])
def test_a_later_format_is_refused_in_a_line(copy: Path, later: Any) -> None:
    path = copy / "manifest.json"
    table = json.loads(path.read_text())
    del table["sha256"]
    path.write_bytes(text_of(signed(table | {"format": later})))
    for ask in (open_run, check, lambda folder: simulate(open_run(GOLDEN).spec, folder)):
        with pytest.raises(
            InvalidInput, match=rf"^written in format {later!r} .*: this version reads format 1$"
        ):
            ask(copy)
    assert files(copy) == files(GOLDEN)
