"""`simulate` and `sweep` as everybody calls them: with a rule that stops them, and without."""

import inspect
import json
import shlex
from pathlib import Path

import pytest

import fluctua as fl
from fluctua import making
from fluctua.analysis import rules, until
from fluctua.ensembles import runner
from fluctua.ensembles import sweep as sweeping

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "command-line.md").read_text()


def spec_of(trajectories=300, **more):
    trap = fl.Potential("k/2 * x**2", coordinates="x", controls="k")
    squeeze = fl.Protocol([fl.Isothermal(0.2, k=(1.0, 4.0))], beta=1.0)
    return fl.EnsembleSpec(
        trap, fl.Overdamped(friction=1.0), squeeze, trajectories=trajectories, time_step=0.02, seed=7, **more
    )


@pytest.mark.parametrize(
    ("ours", "theirs"), [(making.simulate, runner.simulate), (making.sweep, sweeping.sweep)]
)
def test_the_words_are_those_of_ensembles(ours, theirs):
    mine, other = (inspect.signature(call).parameters for call in (ours, theirs))
    assert list(mine) == list(other)
    assert [value.default for value in mine.values()] == [value.default for value in other.values()]


def test_the_face_is_this_module():
    assert fl.simulate is making.simulate
    assert fl.sweep is making.sweep


@pytest.mark.parametrize(
    ("call", "place"), [("simulate", runner), ("sweep", sweeping)], ids=["simulate", "sweep"]
)
def test_every_word_is_passed_on(call, place, monkeypatch):
    monkeypatch.setattr(place, call, lambda *given, **named: (given, named))
    words = {"threads": 3, "executor": "processes", "shard": "1/2", "progress": False}
    assert getattr(fl, call)("what", "where", **words) == (("what", "where"), words)


@pytest.mark.parametrize("folder", [None, "run"])
def test_without_a_rule_all_trajectories_are_made(folder, tmp_path):
    run = fl.simulate(spec_of(), folder and tmp_path / folder, progress=False)
    assert len(run) == 300
    pair = fl.sweep([spec_of(), spec_of().reversed()], folder and tmp_path / "pair", progress=False)
    assert [len(run) for run in pair] == [300, 300]


def test_a_rule_goes_to_its_loop_with_every_word(monkeypatch):
    def loop(specs, folder, rule, **words):
        seen.append((specs, folder, str(rule), words))
        return until.Stopped(["a", "b"], rule, "holds", 1, 2)

    seen = []
    monkeypatch.setattr(until, "run_until", loop)
    words = {"threads": 3, "executor": "processes", "progress": False}
    spec = spec_of()
    assert fl.simulate(spec, "where", until="detailed holds within 0.1", **words) == "a"
    both = [spec, spec.reversed()]
    assert fl.sweep(both, "where", until="crooks holds within 0.02 at 0.01", **words) == ["a", "b"]
    assert seen == [
        ([spec], "where", "detailed holds within 0.1", {"alone": True, **words}),
        (both, "where", "crooks holds within 0.02 at 0.01", {"alone": False, **words}),
    ]


def test_a_pair_under_a_rule_is_a_sweep_like_any_other(tmp_path, capsys):
    spec = spec_of(600)
    pair = fl.sweep([spec, spec.reversed()], tmp_path / "pair", until="crooks holds within 0.25")
    assert [run.path.name for run in pair] == ["direction=forward", "direction=reverse"]
    assert capsys.readouterr().err.startswith("crooks holds within 0.25: undecidable, slope ")
    assert [len(run) for run in fl.open(tmp_path / "pair")] == [600, 600]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda spec: fl.simulate(spec, until="crooks holds within 0.1"), "needs a run and its reverse"),
        (lambda spec: fl.simulate(spec, until="jarzynski holds within 0.1"), "its average has no bound"),
        (lambda spec: fl.simulate(spec, until=0.1), "no rule"),
        (lambda _: fl.simulate("spec", until="detailed holds within 0.1"), "no spec"),
        (lambda spec: fl.sweep(spec, until="crooks holds within 0.1"), "no list of specs"),
        (lambda spec: fl.sweep([spec, spec], until="crooks holds within 0.1"), "are the same"),
        (
            lambda spec: fl.simulate(spec, "a", until="detailed holds within 0.1", shard="1/2"),
            "a part of a run",
        ),
    ],
)
def test_what_makes_no_sense_under_a_rule_is_refused(call, told):
    with pytest.raises(fl.InvalidInput, match=told):
        call(spec_of())


# ---- on the command line


def ruled(*words):
    """Give the command that stops by a rule, on the spec of `spec_file`; the tolerance is the widest."""
    return ("run", "small.toml", "--both", "--out", "pair", "--until", "crooks holds within 0.25", *words)


@pytest.fixture
def wrong_work(monkeypatch):
    """Let the theorem fail: work is 2.5 times what it is."""
    pairs = rules.dissipation_of_pairs
    monkeypatch.setattr(rules, "dissipation_of_pairs", lambda *work: 2.5 * pairs(*work))


WIDE = ("--set", "protocol.steps.0.k=[1.0, 6.0]", "--set", "time_step=0.01", "--trajectories", "4000")


@pytest.mark.usefixtures("spec_file", "wrong_work")
def test_what_is_violated_ends_in_exit_code_1(typed):
    code, out, err = typed(*ruled(*WIDE))
    assert code == 1
    assert out.startswith("Dataset ")
    assert err.startswith("crooks holds within 0.25: violated (bets against it won ")
    assert typed(*ruled(*WIDE))[0] == 1
    assert typed("resume", "pair")[0] == 1
    assert typed("resume", "pair", "--quiet") == (1, "", "")


@pytest.mark.usefixtures("spec_file")
def test_what_is_not_violated_ends_in_0(typed):
    code, _, err = typed(*ruled())
    assert (code, err.split(",")[0]) == (0, "crooks holds within 0.25: undecidable")
    assert typed("resume", "pair")[0] == 0


@pytest.mark.usefixtures("spec_file")
@pytest.mark.parametrize("outcome", ["violated", "undecidable"])
def test_json_has_the_decision(outcome, typed, request):
    if outcome == "violated":
        request.getfixturevalue("wrong_work")
    words = WIDE if outcome == "violated" else ()
    found = json.loads(typed(*ruled("--json", *words))[1])
    until = found["until"]
    assert list(until) == [
        "rule",
        "outcome",
        "slope",
        "interval",
        "level",
        "trajectories",
        "limit",
        "violated",
    ]
    assert (until["rule"], until["outcome"]) == ("crooks holds within 0.25", outcome)
    assert until["trajectories"] == found["runs"][0]["trajectories"] == until["limit"]
    assert (until["violated"] is None) == (outcome == "undecidable")
    assert json.loads(typed("resume", "pair", "--json")[1])["until"] == until
    assert json.loads(typed(*ruled("--json", *words))[1])["until"] == until
    assert "until" not in json.loads(typed("run", "small.toml", "--json")[1])


@pytest.mark.usefixtures("spec_file")
def test_one_direction_is_told_of_the_option(typed):
    words = [word for word in ruled() if word != "--both"]
    assert typed(*words) == (
        2,
        "",
        "error: crooks needs a run and its reverse (--until): add --both\n",
    )


@pytest.mark.usefixtures("spec_file")
def test_a_folder_of_rules_is_refused_in_one_line(typed):
    for name in ("k=1", "k=2"):
        typed(*ruled("--out", f"all/{name}"))
    for target in Path("all/k=2").glob("*/target.json"):
        table = json.loads(target.read_text())
        del table["until"]["outcome"]
        target.write_text(json.dumps(table))
    code, out, err = typed("resume", "all")
    assert (code, out) == (2, "")
    assert err.endswith("resume each by itself: fluctua resume all/k=2\n")
    assert err.count("\n") == 1


def test_the_page_shows_what_is_printed(typed, tmp_path, monkeypatch):
    """The two commands of the section on --until, and the lines below them."""
    section = PAGE.split("**Until it is decided.**")[1].split("**On a cluster.**")[0]
    commands = [line for line in section.splitlines() if line.startswith("fluctua run ")]
    lines = [line for line in section.splitlines() if line.startswith("crooks holds within ")]
    assert len(commands) == len(lines) == 2
    monkeypatch.chdir(tmp_path)
    Path("examples").symlink_to(ROOT / "examples")
    for command, line, expected in zip(commands, lines, (0, 1), strict=True):
        code, _, err = typed(*shlex.split(command, comments=True)[1:])
        assert (code, err) == (expected, f"{line}\n")
