"""Folders of runs from which one is gone: half of a pair is never taken for the whole."""

import shutil

import pytest

from fluctua.ensembles.runs import check_directions
from fluctua.ensembles.runs import open as open_runs
from fluctua.ensembles.sweep import sweep
from fluctua.stochastic.errors import Damaged, InvalidInput


@pytest.fixture
def pair(spec, tmp_path):
    """A run and its reverse."""
    sweep([spec, spec.reversed()], tmp_path / "q", threads=1)
    return tmp_path / "q"


def test_a_whole_pair_opens(pair):
    check_directions(open_runs(pair))


def test_a_run_without_its_manifest_is_named(pair):
    (pair / "direction=forward" / "manifest.json").unlink()
    with pytest.raises(Damaged, match=r"parts without a manifest .*direction=forward"):
        open_runs(pair)


def test_a_renamed_run_is_named(pair):
    (pair / "direction=forward").rename(pair / "fwd")
    with pytest.raises(InvalidInput, match=r"no name=value .*q/fwd"):
        open_runs(pair)


def test_a_missing_run_is_named(pair):
    shutil.rmtree(pair / "direction=reverse")
    with pytest.raises(InvalidInput, match=r"half of a pair: direction=reverse is missing"):
        check_directions(open_runs(pair))


def test_a_partner_is_missed_at_each_point_of_a_sweep(spec, tmp_path):
    points = spec.vary({"dynamics.friction": [1.0, 2.0]})
    sweep([one for point in points for one in (point, point.reversed())], tmp_path / "q", threads=1)
    check_directions(open_runs(tmp_path / "q"))
    shutil.rmtree(tmp_path / "q" / "friction=2.0" / "direction=forward")
    with pytest.raises(InvalidInput, match=r"friction=2\.0/direction=forward is missing"):
        check_directions(open_runs(tmp_path / "q"))


def test_a_missing_target_is_damage(pair):
    (pair / "direction=forward" / "target.json").unlink()
    with pytest.raises(Damaged, match=r"the file is missing .*target\.json.*restore it"):
        open_runs(pair)
