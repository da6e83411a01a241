"""The README says what is true: its script runs as printed, its commands work, its files are there."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

import fluctua as fl
from fluctua import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PRINTING = r"^```python\n([^`]*)^```\n```text\n([^`]*)^```$"  # code, and what it prints
SET_UP = "python3 -m venv .venv && .venv/bin/pip install "


def blocks(language):
    return [text for found, text in BLOCKS if found == language]


def test_the_script_prints_what_is_shown(tmp_path, monkeypatch, capsys):
    script, shown = blocks("python")[0], blocks("text")[0]
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "README.md", "exec"), {})
    assert capsys.readouterr().out == shown


def test_the_script_is_the_one_in_examples():
    assert blocks("python")[0] == (ROOT / "examples" / "drag.py").read_text()


def test_jumps_print_what_is_shown(tmp_path, monkeypatch, capsys):
    (dot, counted), (qubit, judged) = re.findall(PRINTING, README, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(dot, "README.md", "exec"), names)
    assert capsys.readouterr().out == counted
    assert names["spec"] == fl.EnsembleSpec.load(ROOT / "examples" / "dot.toml").replace(
        {"protocol.steps.0.duration": 5.0}
    )
    with pytest.warns(UserWarning, match=r"(adiabatic|secular) approximation"):
        exec(compile(qubit, "README.md", "exec"), names)
    assert capsys.readouterr().out == judged
    assert names["spec"] == fl.EnsembleSpec.load(ROOT / "examples" / "qubit.toml")


def test_the_page_on_jumps_prints_what_is_shown(tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs" / "jumps.md").read_text(encoding="utf-8")
    shown = re.findall(PRINTING, page, re.MULTILINE)
    assert len(shown) == len(re.findall(r"^```\w", page, re.MULTILINE)) / 2 > 6
    monkeypatch.chdir(tmp_path)
    names = {}
    for code, printed in shown:
        exec(compile(code, "docs/jumps.md", "exec"), names)
        assert capsys.readouterr().out == printed


def test_the_files_of_others_are_judged_as_is_shown(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    line = next(line for block in blocks("") for line in block.splitlines() if "pull.csv" in line)
    assert cli.main(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out == blocks("text")[-1]
    assert cli.main([*shlex.split(line)[1:], "--tolerance", "slope=0.2", "--claims", "crooks"]) == 0
    assert "crooks       holds" in capsys.readouterr().out


def test_the_files_of_others_are_what_their_script_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples" / "pull.py"))
    for name in ("pull.csv", "back.csv"):
        assert Path(name).read_text() == (ROOT / "examples" / name).read_text()


def test_every_command_works(tmp_path, monkeypatch, capsys):
    commands = [line for block in blocks("") for line in block.splitlines() if line.startswith("fluctua ")]
    judged = ["run", "inspect", "verify", "verify", "verify"]
    kept = ["run", "resume", "extend", "check", "replay"]
    assert [line.split()[1] for line in commands] == judged + kept
    monkeypatch.chdir(tmp_path)
    Path("examples").symlink_to(ROOT / "examples")
    for line in commands:
        words = shlex.split(line, comments=True)[1:]
        fewer = {"run": ["--trajectories", "20000"], "extend": ["--trajectories", "40000"]}
        assert cli.main([*words, *fewer.get(words[0], [])]) == 0, capsys.readouterr().err


def test_both_ways_in_are_told():
    ways = [line for block in blocks("") for line in block.splitlines() if line.startswith("python3")]
    test = f"{SET_UP}'.[test]' && .venv/bin/pytest -n 2 --dist loadfile"
    assert ways == [f"{SET_UP}. && .venv/bin/fluctua demo", test]


def test_every_block_is_run_somewhere():
    told = [line for block in blocks("") for line in block.splitlines()]
    assert {language for language, _ in BLOCKS} == {"", "python", "text"}
    assert all(line.startswith(("fluctua ", SET_UP)) for line in told)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", README))))
def test_every_link_leads_somewhere(link):
    assert (ROOT / link).exists()


PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_link_of_the_other_pages_leads_somewhere(page):
    links = re.findall(r"\]\((?!https://)([^)#]+)(#[^)]*)?\)", page.read_text(encoding="utf-8"))
    for link, heading in links:
        target = page.parent / link
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading[1:] in [
                re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles
            ]


@pytest.mark.parametrize("command", ["run", "resume", "extend", "replay", "verify"])
def test_the_page_on_the_command_names_every_option(capsys, command):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    told = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert not {option for option in options if not re.search(rf"`{option}[` ]", told)}
