"""`fluctua check`: what it prints of damage, of what is missing, and of what is sound."""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from fluctua.ensembles import chunks
from fluctua.ensembles.checking import check

pytestmark = pytest.mark.usefixtures("spec_file")


@pytest.fixture
def pair(typed, spec_file, monkeypatch):
    """A run and its reverse, four parts each."""
    monkeypatch.setattr(chunks, "LARGEST", 128)
    typed("run", spec_file, "--both", "--out", "my pair", "--quiet")
    return Path("my pair")


def part(run, number=1):
    return next(run.glob(f"parts/part-{number:08d}-*"))


def test_a_sound_run_is_told_with_its_digests(typed, pair):
    code, out, err = typed("check", pair)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "my pair/direction=forward: sound, complete"
    assert lines[1] == "  500 of 500 trajectories, 0 failed; 4 files in parts/"
    assert lines[5] == "my pair/direction=reverse: sound, complete"
    found = check(pair / "direction=forward")
    assert out.startswith(f"{found}\n")
    assert found.files in out
    assert found.values in out
    assert typed("check", pair, "--quiet") == (0, "", "")


def test_each_fault_is_a_line_and_their_number_the_error(typed, pair):
    forward, reverse = pair / "direction=forward", pair / "direction=reverse"
    part(forward).write_bytes(b"rubbish")
    (forward / "parts" / "notes.txt").write_text("mine")
    part(reverse, 3).write_bytes(b"")
    code, out, err = typed("check", pair)
    assert code == 65
    assert err == "error: 3 faults (my pair): each stands on stdout with its remedy\n"
    faults = [line for line in out.splitlines() if line.startswith("  fault: ")]
    assert len(faults) == 3
    assert faults[1] == (
        f"  fault: the file does not match its checksum ({part(forward)}): "
        "delete it, then fluctua resume 'my pair'"
    )
    assert (
        typed("check", reverse)[2] == f"error: 1 fault ({reverse}): each stands on stdout with its remedy\n"
    )


def test_json_holds_everything_once(typed, pair):
    part(pair / "direction=forward").write_bytes(b"rubbish")
    code, out, err = typed("check", pair, "--json")
    assert (code, err.count("\n")) == (65, 1)
    told = json.loads(out)
    assert told["folder"] == "my pair"
    forward, reverse = told["runs"]
    assert (forward["sound"], reverse["sound"]) == (False, True)
    assert [fault["what"] for fault in forward["faults"]] == ["the file does not match its checksum"]
    assert forward["values"] is None
    assert reverse == check(pair / "direction=reverse").to_dict()


def test_what_is_missing_is_made_by_the_command_that_is_offered(typed, pair):
    whole = check(pair / "direction=forward")
    for run in pair.iterdir():
        part(run).unlink()
        part(run, 3).unlink()
    code, _, err = typed("check", pair)
    assert code == 75
    assert err == (
        "error: sound, but unfinished: 244 of 500 trajectories are missing, in chunks 1, 3; and 1 run more "
        "(my pair/direction=forward): fluctua resume 'my pair'\n"
    )
    offered = shlex.split(err.rsplit(": ", 1)[1])
    assert typed(*offered[1:], "--quiet")[0] == 0
    assert typed("check", pair, "--quiet")[0] == 0
    assert check(pair / "direction=forward") == whole


def test_damage_goes_by_the_same_command_once_it_is_deleted(typed, pair):
    run = pair / "direction=forward"
    whole = check(run)
    damaged = part(run)
    damaged.write_bytes(b"rubbish")
    damaged.unlink()
    assert typed("resume", run, "--quiet")[0] == 0
    assert check(run) == whole


def test_half_of_a_pair_is_unfinished(typed, pair):
    whole = check(pair / "direction=reverse")
    shutil.rmtree(pair / "direction=reverse")
    code, out, err = typed("check", pair)
    assert code == 75
    assert out.splitlines()[-1] == "my pair/direction=reverse: missing, half of a pair"
    assert err == (
        "error: sound, but unfinished: a run is missing, half of a pair (my pair/direction=reverse): "
        "fluctua resume 'my pair'\n"
    )
    assert json.loads(typed("check", pair, "--json")[1])["missing_runs"] == {
        "my pair/direction=reverse": "half of a pair"
    }
    assert typed("check", pair / "direction=forward", "--quiet")[0] == 0
    assert typed(*shlex.split(err.rsplit(": ", 1)[1])[1:], "--quiet")[0] == 0
    assert check(pair / "direction=reverse") == whole
    assert typed("check", pair, "--quiet") == (0, "", "")


def test_a_stranger_is_a_note(typed, pair):
    (pair / "direction=forward" / "notes.txt").write_text("mine")
    code, out, err = typed("check", pair)
    assert (code, err) == (0, "")
    assert "  untidy: 'notes.txt' is no part of the run: move it before you go on or extend\n" in out


@pytest.mark.parametrize(
    ("place", "said"),
    [("nowhere", "no such folder"), (".", "no run there"), ("small.toml", "a file, not a run's folder")],
)
def test_where_no_run_is_is_bad_input_in_the_words_of_all_commands(typed, place, said):
    code, out, err = typed("check", place)
    assert (code, out) == (2, "")
    assert err == f"error: {said} ({place}): a run is a folder with a manifest.json\n"
    assert typed("inspect", place)[2] == err


def test_a_run_that_lost_its_manifest_is_damaged(typed, pair):
    (pair / "direction=reverse" / "manifest.json").unlink()
    shutil.rmtree(pair / "direction=forward")
    code, out, _ = typed("check", pair)
    assert code == 65
    assert "parts without a manifest (my pair/direction=reverse): restore manifest.json" in out
