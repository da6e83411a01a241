"""What the command line says of mistakes: in options, of what was typed, with a remedy."""

import ast
import errno
import json
import os
import re
import shlex
from pathlib import Path

import pytest

import fluctua as fl
from fluctua import cli, parsing
from fluctua.ensembles.disk import refusals
from fluctua.ensembles.spec import MOST_TRAJECTORIES
from fluctua.stochastic.errors import StorageError
from fluctua.wording import KINDS, on_command_line

A_NAME = 'it\'s "mine" \\ yours'
ROOT = Path(__file__).parents[2]
TRAP = fl.Potential("k/2 * x**2", coordinates="x", controls="k")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A run and its reverse, both finished."""
    squeeze = fl.Protocol([fl.Isothermal(1.0, k=(1.0, 4.0))], beta=1.0)
    spec = fl.EnsembleSpec(
        TRAP, fl.Overdamped(friction=1.0), squeeze, trajectories=300, time_step=0.02, seed=12
    )
    path = tmp_path_factory.mktemp("runs") / "mine"
    fl.sweep([spec, spec.reversed()], path)
    return path


@pytest.fixture
def refused(typed):
    """Run a command line that ends in one line of error: exit code and that line."""

    def run(*words):
        code, out, err = typed(*words)
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        return code, err.removeprefix("error: ").rstrip()

    return run


@pytest.mark.parametrize(
    ("python", "spoken"),
    [
        ("write units='pN nm'", "add --units 'pN nm'"),
        ("give delta_f in kT, or units='kJ/mol'", "give --delta-f in kT, or --units kJ/mol"),
        ("add temperature=298", "add --temperature 298"),
        ("name one, such as column='e'", "name one, such as --column e"),
        ("needs reverse data or a known ΔF (delta_f=)", "needs reverse data or a known ΔF (--delta-f X)"),
        ("needs success=, the condition", "needs --success, the condition"),
        ("a run and current=, or numbers and affinity=", "a run and --current, or numbers and --affinity"),
        ("give irreversible_weight=0.25", "give --irreversible-weight 0.25"),
        (
            "make the second with spec.reversed()",
            "make both with fluctua run --both, or the second with fluctua run --reverse",
        ),
        (
            f"simulate(run.spec, {'runs/a'!r}) goes on, open(..., partial=True) takes these",
            "fluctua resume runs/a goes on",
        ),
        (f"simulate(run.spec, {A_NAME!r}) goes on", f"fluctua resume {shlex.quote(A_NAME)} goes on"),
        ("delete it and run the same call again", "delete it, and fluctua resume makes it again"),
        ("make room and run the same call again", "make room and run the same command again"),
        ("every=6 does, and keeps 1,001", "--every 6 does, and keeps 1,001"),
        ("give column 2, one of units", "give column 2, one of units"),  # what is no Python stays
        ("0.1 is safe, time_step=0.1", "0.1 is safe, time_step=0.1"),
        ("add --units=kT", "add --units=kT"),
    ],
)
def test_python_is_said_in_options(python, spoken):
    assert on_command_line(python) == spoken


@pytest.mark.parametrize(
    ("python", "written"),
    [
        ('give temperature={"b": 2.0} to the protocol', "give temperature = { b = 2.0 } to the protocol"),
        ("give temperature={'b': 2.0} to the protocol", "give temperature = { b = 2.0 } to the protocol"),
        ("give beta= or temperature=, or use Isothermal", "give beta or temperature, or use Isothermal"),
        ("hot first: beta=(1.0, 3.0)", "hot first: beta = [1.0, 3.0]"),
        ("set thermodynamics=False", "set thermodynamics = false"),
        ("use strokes=True, paths=, or the table", "use strokes = true, paths, or the table"),
        ("start from Steady()", 'start from { kind = "Steady" }'),
        (
            "Steady(), Steady(duration=...) or Point(x=0.0)",
            '{ kind = "Steady" }, { kind = "Steady", duration = ... } or { kind = "Point", x = 0.0 }',
        ),
        ('a Point of levels is Point(state="a")', 'a Point of levels is { kind = "Point", state = "a" }'),
        ("start from Populations(...)", 'start from { kind = "Populations", ... }'),
        ('insert Quench(beta={"hot": 2.0}) or', 'insert { kind = "Quench", beta = { hot = 2.0 } } or'),
        ("add a step, Hold(1.0)", 'add a step, { kind = "Hold", duration = 1.0 }'),
        ("needs success=, the condition", "needs success, the condition"),
        ('name the operator, on="X"', 'name the operator, on="X"'),  # a spec file may say just that
        ("shorten time_step: 0.1 is safe, time_step=0.1", "shorten time_step: 0.1 is safe, time_step=0.1"),
        ("runs/friction=0.1 and direction=forward", "runs/friction=0.1 and direction=forward"),
    ],
)
def test_python_is_said_as_a_spec_file_writes_it(python, written):
    assert on_command_line(python, "run") == written


def texts_of(tree):
    """Give the pieces of text of a module that are neither documentation nor the name a value prints."""
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        yield tree.value
    documents = isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant)
    if not documents and getattr(tree, "name", "") != "__repr__":
        for part in ast.iter_child_nodes(tree):
            yield from texts_of(part)


def test_all_classes_that_remedies_call_are_written_as_tables():
    call = re.compile(r"\b([A-Z][A-Za-z]+)\(")
    quoted = re.compile(r"""["'][^"'\n]*""" + call.pattern)
    files = [
        file
        for package in ("stochastic", "ensembles", "analysis")
        for file in ROOT.glob(f"{package}/**/*.py")
    ]
    texts = [text for file in files if quoted.search(text := file.read_text(encoding="utf-8"))]
    called = {name for text in texts for piece in texts_of(ast.parse(text)) for name in call.findall(piece)}
    assert called & set(fl.__all__) == set(KINDS.split("|"))


def test_options_belong_to_the_commands_that_have_them():
    assert on_command_line("add temperature=298", "verify") == "add --temperature 298"
    assert on_command_line("add temperature=298", "run") == "add temperature=298"
    assert on_command_line('give temperature={"b": 2.0}', "verify") == "give temperature = { b = 2.0 }"


@pytest.mark.parametrize("word", ["temperature", "beta"])
def test_the_temperature_of_a_bath_goes_where_the_file_has_it(refused, tmp_path, word):
    spec = tmp_path / "spec.toml"
    spec.write_text(
        "trajectories = 10\n"
        'system = { kind = "Levels", energy = { a = "0", b = "e" }, controls = ["e"] }\n'
        'dynamics.kind = "MarkovJump"\n'
        f'dynamics.baths = [{{ kind = "BoseBath", name = "b", rate = 1, {word} = 2.0 }}]\n'
        'protocol = { beta = 1.0, e = 1.0, steps = [{ kind = "Hold", duration = 1.0 }] }\n'
    )
    said = f"a bath has no temperature (dynamics.baths.b): give {word} = {{ b = 2.0 }} to the protocol"
    assert refused("run", spec) == (2, said)


def test_verdicts_are_spoken_in_options(typed, pair):
    for words in ((), ("--json",)):
        told = typed("verify", pair, "--claims", "tur,landauer", *words)[1]
        assert "--current" in told
        assert "current=" not in told


def test_the_folder_is_chosen_with_out_where_there_is_that_option():
    assert on_command_line("choose another folder", "run") == "choose another folder with --out"
    assert on_command_line("choose another folder", "verify") == "choose another folder"


def test_an_error_is_translated_on_its_way_out(refused, tmp_path):
    file = tmp_path / "work.csv"
    file.write_text("work [kJ/mol]\n1.0\n2.0\n3.0\n")
    code, said = refused("verify", file, "--claims", "crooks")
    assert code == 2
    assert "units=" not in said
    assert "--units kJ/mol" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "a.toml", "--trajectorys", "5"], "fluctua run --help; did you mean --trajectories?"),
        (
            ["verify", "a", "--colum=2"],
            "no option --colum (command line): see fluctua verify --help; did you",
        ),
        (["inspect", "a", "b"], "'b' is too much (command line): see fluctua inspect --help"),
        (["runn", "a.toml"], "'runn' is not a command (command line): commands are run, resume, "),
        (["runn", "a.toml"], "demo; did you mean 'run'?"),
        (["--jsn", "inspect", "a"], "no option --jsn (command line): see fluctua --help"),
    ],
)
def test_an_unknown_option_leads_to_the_help_of_its_command(refused, words, said):
    code, found = refused(*words)
    assert code == 2
    assert said in found


@pytest.mark.parametrize("claims", ["", " ", "crooks,,jarzynski"])
def test_no_claims_are_refused(refused, pair, claims):
    for words in ([pair], ["--watch", pair]):
        code, said = refused("verify", *words, "--claims", claims)
        assert code == 2
        assert "are not names with commas between" in said


def test_a_condition_is_spoken_of_as_typed(refused, tmp_path):
    still = fl.Protocol([fl.Hold(0.1)], beta=1.0, k=1.0)
    spec = fl.EnsembleSpec(TRAP, fl.Overdamped(friction=1.0), still, trajectories=50, time_step=0.02, seed=1)
    fl.simulate(spec, tmp_path / "still")
    words = ["verify", tmp_path / "still", "--claims", "landauer", "--success"]
    code, said = refused(*words, "x >")
    assert code == 2
    assert int(said.split("(success, column ")[1].split(")")[0]) <= 4
    code, said = refused(*words, "y > 0")
    assert code == 2
    assert "'y' is not declared (success, column 1)" in said
    assert {"x", "x_final"} <= set(said.split(": names are ")[1].split(" "))


def test_what_can_only_be_judged_on_a_complete_run_is_not_called_unknown(refused, pair):
    code, said = refused("verify", "--watch", pair, "--claims", "second-law")
    assert code == 2
    assert said.startswith("second-law cannot be watched (claims): those that can are crooks, jarzynski, ")
    assert "'secondlaw' is not a claim" in refused("verify", "--watch", pair, "--claims", "secondlaw")[1]


# --- places ---------------------------------------------------------------------------------------


def test_a_file_is_not_a_missing_folder(refused, tmp_path):
    file = tmp_path / "notes"
    file.write_text("1.0\n")
    assert refused("inspect", file)[1].startswith(f"a file, not a run's folder ({file}): ")
    assert refused("inspect", tmp_path / "gone")[1].startswith("no such folder (")


@pytest.mark.parametrize("name", ["spec.toml", "my spec.json"])
@pytest.mark.parametrize(
    "words", [["verify"], ["verify", "--entropy"], ["calibrate", "--like"], ["calibrate", "--forward"]]
)
def test_a_spec_is_to_be_run_before_it_is_judged(refused, tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("trajectories = 10\n")
    said = f"a spec, not a run ({name}): run it first, fluctua run {shlex.quote(name)}"
    assert refused(*words, name) == (2, said)


def test_like_takes_files_too(refused, tmp_path):
    code, said = refused("calibrate", "--like", tmp_path / "nofile")
    assert code == 2
    assert said == f"no such file or folder ({tmp_path / 'nofile'}): give a run, a pair, or a file of work"


def test_a_pair_and_a_file_are_no_process(refused, pair, tmp_path):
    file = tmp_path / "F.txt"
    file.write_text("1.0\n2.0\n")
    code, said = refused("verify", pair, file)
    assert code == 2
    told = refused("verify", "--entropy", pair)[1]
    assert told.startswith(f"a folder of runs, not one (--entropy, {pair}): give one: ")
    assert said.startswith(f"a folder of runs beside another place ({pair}): give it alone, or one run of it")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOSPC])
def test_what_the_disk_refuses_has_a_remedy(tmp_path, number):
    with pytest.raises(StorageError) as caught, refusals(tmp_path):
        raise OSError(number, os.strerror(number), "rof/x")
    room = number == errno.ENOSPC
    assert caught.value.where == "rof/x"
    assert ("make room" if room else "choose another folder") in caught.value.remedy
    assert ("permissions" in caught.value.remedy) == (number not in (errno.EIO, errno.ENOSPC))


def test_an_operating_system_that_refuses_tells_what_to_do(refused, instead):
    def command(_):
        raise PermissionError(errno.EACCES, "Permission denied", "rof/x")

    instead("run", command)
    assert refused("run", "a.toml") == (
        74,
        "Permission denied (rof/x): check its permissions, or choose another place with --out",
    )


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "work.csv"],
        ["verify", "--forward", "work.csv"],
        ["verify", "--entropy", "work.csv"],
        ["calibrate", "--forward", "work.csv"],
        ["calibrate", "--like", "work.csv"],
        ["run", "work.csv"],
    ],
)
def test_a_file_that_may_not_be_read_is_the_disk_refusing(refused, tmp_path, monkeypatch, words):
    """Whoever runs as root may read all, so the answer of the operating system is replaced."""
    monkeypatch.chdir(tmp_path)
    Path("work.csv").write_text("1.0\n2.0\n")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert refused(*words) == (74, "may not be read (work.csv): check its permissions")


@pytest.mark.parametrize("begun", [False, True])
def test_an_interrupted_demo_says_what_is_there(tmp_path, monkeypatch, capsys, begun):
    out = tmp_path / "demo"

    def stopped(*_, **__):
        if begun:
            out.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr("fluctua.demo.run_demo", stopped)
    assert cli.main(["demo", "--out", str(out), "--json"]) == 130
    told = json.loads(capsys.readouterr().out)["error"]["remedy"]
    assert told.startswith(f"whole parts are kept in {out}; " if begun else "no part was whole yet; ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1e13", "'1e13' is too many: give at most 1,000,000,000,000"),
        ("1e30", "'1e30' is too many: give at most 1,000,000,000,000"),
        ("1000000000001", "'1000000000001' is too many"),
        ("inf", "'inf' is not a whole number above zero"),
        ("0.5", "'0.5' is not a whole number above zero"),
        ("many", "'many' is not a whole number above zero"),
    ],
)
def test_a_number_that_is_too_large_is_called_so(refused, text, said):
    code, line = refused("extend", "a", "--trajectories", text)
    assert code == 2
    assert said in line


def test_the_largest_number_is_that_of_a_spec():
    assert parsing.count("1e12") == parsing.MOST == MOST_TRAJECTORIES


def test_a_limit_on_the_size_of_files_is_no_full_disk():
    remedy = r"raise the limit on the size of files \(ulimit -f\)"
    with pytest.raises(StorageError, match=remedy), refusals(Path("a")):
        raise OSError(errno.EFBIG, "File too large", "a")


def test_json_holds_no_letter_that_commands_a_terminal(typed):
    error = json.loads(typed("inspect", "a\x7f\x9b\u202e", "--json")[1])["error"]
    assert error["where"].isprintable()
    assert "\\x7f" in error["where"]
