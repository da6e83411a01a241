"""The command ``fluctua time-step``."""

import json
from pathlib import Path

import pytest

from fluctua.cli import main

SPEC = str(Path(__file__).parents[2] / "examples" / "squeeze.toml")
COARSE = ["time-step", SPEC, "--steps", "0.1,0.05,0.025", "--trajectories", "20000", "--set", "time_step=0.1"]
LONG = pytest.mark.filterwarnings("always:time_step")  # so long is what these runs are about


@LONG
def test_a_long_step_is_violated_at_itself_and_drawn(tmp_path, capsys):
    picture = tmp_path / "slope.svg"
    assert main([*COARSE, "--figure", str(picture)]) == 1
    shown = capsys.readouterr()
    assert "at 0.1 (*): crooks violated" in shown.out
    assert shown.err.endswith(f"picture: {picture}\n")
    assert "stable below 2, but coarse" in shown.err
    assert picture.read_text().lstrip().startswith("<?xml")


@LONG
def test_json_says_the_same(capsys):
    assert main([*COARSE, "--json", "--quiet"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["own"]["outcome"] == "violated"
    assert found["steps"] == [0.1, 0.05, 0.025]
    assert found["order"] == 1.0


def test_two_steps_have_no_limit_which_is_said_before_the_run(monkeypatch, capsys):
    said_first = []

    def stopped(*_, **__):
        said_first.append(capsys.readouterr().err)
        raise KeyboardInterrupt

    monkeypatch.setattr("fluctua.analysis.shared_path.time_step", stopped)
    steps = COARSE.index("0.1,0.05,0.025")
    for given in ("0.1,0.05,0.05", "0.1,0.05,0.025"):
        assert main([*COARSE[:steps], given, *COARSE[steps + 1 :]]) == 130
    assert main([*COARSE[:steps], "0.1,0.05", *COARSE[steps + 1 :], "--quiet"]) == 130
    two = "no limit of short time steps from 2 of them: it needs three, give --steps A,B,C\n"
    assert [text.removeprefix("interrupted: nothing was changed\n") for text in said_first] == [two, "", ""]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["time-step", SPEC], "--steps"),
        (["time-step", SPEC, "--steps", "0.02,nan"], "nan is no time step"),
        (["time-step", SPEC, "--steps", "a,b"], "'a,b' are not numbers"),
        (["time-step", SPEC, "--steps", "0.2,0.15"], "0.2 is not a whole multiple of 0.15"),
        ([*COARSE, "--figure", "slope.txt"], "slope.txt is no picture (--figure): end its name in .png"),
        ([*COARSE, "--figure", "nowhere/slope.png"], "no such folder (nowhere): make it first"),
        (["time-step", str(Path(SPEC).with_name("couplings.toml")), "--steps", "0.1"], "6 specs in one file"),
    ],
)
def test_bad_input_is_one_line(words, said, capsys):
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert shown.err.count("\n") == 1
