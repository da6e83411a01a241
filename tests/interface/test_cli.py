"""The command line: what it prints, what it leaves on disk, what it exits with."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fluctua import cli, running
from fluctua.stochastic.errors import Busy, Damaged, InvalidInput, StorageError, Unstable
from fluctua.validation import validate as validating
from fluctua.validation.case import Case, Row

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMANDS = [command.name for command in cli.commands()]
#: Another energy, of which one kernel does for any strength.
QUARTIC = ["--set", "system.energy=k/2*x**2 + g*x**4/4"]

pytestmark = pytest.mark.usefixtures("spec_file")


def small():
    """Return the text of the small spec."""
    return Path("small.toml").read_text()


def one_error_line(text):
    assert re.fullmatch(r"error: [^\n]+\n", text), text
    assert "Traceback" not in text
    return text


# --- before any work ------------------------------------------------------------------------------


def test_version(typed):
    code, out, _ = typed("--version")
    assert code == 0
    assert re.fullmatch(r"fluctua \d+\.\d+\.\d+\n", out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(typed, command):
    code, out, _ = typed(command, "--help")
    assert code == 0
    assert "example:\n  fluctua " + command in out
    assert "--json" in out
    assert "--quiet" in out


def test_help_lists_every_command(typed):
    _, out, _ = typed("--help")
    assert all(f"\n    {command} " in out for command in COMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["simulate"],
        ["run"],
        ["run", "a.toml", "--trajectorys", "5"],
        ["run", "a.toml", "--trajectories", "0"],
        ["run", "a.toml", "--trajectories", "nan"],
        ["run", "a.toml", "--trajectories", "1.5"],
        ["run", "a.toml", "--threads", "-1"],
        ["run", "a.toml", "--seed", "x"],
        ["run", "a.toml", "--both", "--reverse"],
        ["run", "a.toml", "--set", "protocol.k"],
        ["verify", "a", "--tolerance", "slope"],
        ["verify"],
        ["verify", "a", "--claims", ""],
    ],
)
def test_what_cannot_be_read_is_one_line_and_exit_2(typed, words):
    code, out, err = typed(*words)
    assert code == 2
    assert out == ""
    one_error_line(err)


@pytest.mark.parametrize("text", ["1000000", "1_000_000", "1e6"])
def test_a_count_has_three_ways_to_be_written(text):
    assert cli._parser().parse_args(["run", "a.toml", "--trajectories", text]).trajectories == 1_000_000


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("a", "b", "c"), 2),
        (Unstable("a", "b", "c"), 3),
        (Damaged("a", "b", "c"), 65),
        (StorageError("a", "b", "c"), 74),
        (Busy("a", "b", "c"), 75),
        (PermissionError(13, "Permission denied", "b"), 74),
        (OSError(28, "No space left on device"), 74),
    ],
)
def test_every_error_has_its_exit_code_and_one_line(typed, instead, error, code):
    def command(_):
        raise error

    instead("inspect", command)
    found, _, err = typed("inspect", "runs/a")
    assert found == code
    assert "(b)" in one_error_line(err) or "(disk)" in err


@pytest.mark.parametrize(("words", "scale"), [((), 1.0), (("--quick",), 0.25)])
def test_validation_is_quick_when_asked(typed, monkeypatch, words, scale):
    """A case that tells the size it was run at."""
    case = Case(
        "x1", "made up", "nobody", lambda bench: [Row("size", "value", "agrees", 1.0, bench.scale)], 0.25
    )
    monkeypatch.setattr(validating, "catalogue", lambda: {"x1": case})
    code, out, _ = typed("validate", "x1", "--json", *words)
    assert code == 0
    assert json.loads(out)["cases"][0]["rows"][0]["measured"] == scale


def test_a_fault_of_ours_keeps_its_traceback(instead):
    def command(_):
        raise ZeroDivisionError

    instead("inspect", command)
    with pytest.raises(ZeroDivisionError):
        cli.main(["inspect", "runs/a"])


# --- run and inspect ------------------------------------------------------------------------------


def test_run_writes_a_folder_that_inspect_reads(typed, spec_file):
    code, out, err = typed("run", spec_file, "--out", "runs/a", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)["runs"][0]
    assert (found["path"], found["trajectories"], found["failed"], found["seed"]) == ("runs/a", 500, 0, 1)

    code, out, _ = typed("inspect", "runs/a", "--json")
    assert code == 0
    table = json.loads(out)
    assert table["digest"] == found["digest"]
    assert (table["trajectories"], table["asked_for"], table["failed"]) == (500, 500, 0)
    assert 0.0 <= table["first_law_residual"] < 1e-12
    work = next(column for column in table["columns"] if column["name"] == "work")
    assert work["unit"] == "energy"
    assert work["standard_error"] > 0.0
    assert table["spec"]["system"]["energy"] == "k/2 * x**2"


def test_inspect_prints_every_column_with_its_mean(typed, spec_file):
    typed("run", spec_file, "--out", "runs/a", "--quiet")
    _, out, _ = typed("inspect", "runs/a")
    assert "500 of 500 trajectories, 0 failed" in out
    assert "first law: residual <= " in out
    assert re.search(r"^work +energy +0\.\d+\(\d+\) +work done on the system", out, re.MULTILINE)
    assert 'energy = "k/2 * x**2"' in out


def test_a_single_trajectory_has_a_mean_without_an_error(typed, spec_file):
    typed("run", spec_file, "--out", "a", "--quiet", "--trajectories", "1")
    columns = json.loads(typed("inspect", "a", "--json")[1])["columns"]
    assert {column["standard_error"] for column in columns if "mean" in column} == {None}


def test_a_run_goes_to_a_folder_named_by_file_and_digest(typed, spec_file):
    _, out, _ = typed("run", spec_file, "--json")
    run = json.loads(out)["runs"][0]
    assert run["path"] == f"runs/small-{run['digest'][:8]}"
    assert typed("run", spec_file)[0] == 0  # opens it
    assert len(os.listdir("runs")) == 1


def test_the_command_line_changes_the_file(typed, spec_file):
    words = [
        "--trajectories",
        "200",
        "--seed",
        "7",
        "--threads",
        "1",
        "--reverse",
        "--set",
        "dynamics.friction=2",
    ]
    typed("run", spec_file, "--out", "a", "--quiet", *words, *QUARTIC, "--set", "system.parameters.g=0.04")
    spec = json.loads(typed("inspect", "a", "--json")[1])["spec"]
    assert (spec["trajectories"], spec["seed"], spec["direction"]) == (200, 7, "reverse")
    assert spec["dynamics"]["friction"] == 2.0
    assert spec["system"]["energy"] == "k/2*x**2 + g*x**4/4"
    assert spec["system"]["parameters"] == {"g": 0.04}


def test_asking_for_more_extends(typed, spec_file):
    typed("run", spec_file, "--out", "a", "--quiet")
    _, out, _ = typed("run", spec_file, "--out", "a", "--json", "--trajectories", "600")
    assert json.loads(out)["runs"][0]["trajectories"] == 600


def test_both_directions_lie_side_by_side(typed, spec_file):
    _, out, _ = typed("run", spec_file, "--both", "--out", "pair", "--json")
    assert [run["path"] for run in json.loads(out)["runs"]] == [
        "pair/direction=forward",
        "pair/direction=reverse",
    ]


def test_a_sweep_makes_a_folder_of_runs(typed):
    Path("scan.toml").write_text(small() + "[sweep]\ndynamics.friction = [1.0, 2.0]\n")
    _, out, _ = typed("run", "scan.toml", "--out", "scan", "--json", "--both")
    assert len(json.loads(out)["runs"]) == 4
    assert sorted(os.listdir("scan")) == ["friction=1.0", "friction=2.0", "sweep.json"]
    assert len(json.loads(typed("inspect", "scan", "--json")[1])) == 4


def test_json_and_toml_files_are_the_same_run(typed, spec_file):
    typed("run", spec_file, "--out", "a", "--quiet")
    Path("small.json").write_text(json.dumps(json.loads(typed("inspect", "a", "--json")[1])["spec"]))
    assert typed("run", "small.json", "--out", "a", "--quiet") == (0, "", "")


def test_a_dry_run_tells_the_cost_and_leaves_nothing(typed, spec_file):
    before = sorted(os.listdir())
    code, out, _ = typed("run", spec_file, "--dry-run", "--both", "--out", "a", "--json")
    cost = json.loads(out)
    assert code == 0
    assert (cost["time_steps"], cost["trajectories"], cost["runs"]) == (20, 1000, 2)
    assert min(cost["seconds"], cost["memory"], cost["disk"]) > 0
    assert re.match(
        r"20 time steps for each of 500 trajectories\ntime ", typed("run", spec_file, "--dry-run")[1]
    )
    assert sorted(os.listdir()) == before


def test_quiet_prints_nothing(typed, spec_file):
    assert typed("run", spec_file, "--quiet") == (0, "", "")


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ("system.energi=1", 2, "energi"),
        ("system.energy=k/2 * x^2", 2, "'^' is not a power (system.energy, column 8): write **"),
        ("protocol.steps.0.kk=[1, 2]", 2, "did you mean 'k'?"),
        ("time_step=0.3", 2, "does not divide the duration"),
        ("trajectories=0", 2, "trajectories"),
        ("dynamics.friction=nan", 2, "finite"),
        ("dynamics.friction=0.03", 3, "too long for stability"),
        ("system.energy=-k*x**2", 2, "normalis"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(typed, spec_file, change, code, said):
    before = sorted(os.listdir())
    found, out, err = typed("run", spec_file, "--out", "runs/a", "--set", change)
    assert (found, out) == (code, "")
    assert said in one_error_line(err)
    assert sorted(os.listdir()) == before


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line_on_stderr(typed, spec_file):
    code, out, err = typed("run", spec_file, "--out", "a", "--quiet", "--set", "dynamics.friction=0.1")
    assert (code, out) == (0, "")
    assert re.fullmatch(r"warning: [^\n]+\n", err)


def test_an_unsafe_folder_is_refused(typed, spec_file):
    Path("home").mkdir()
    Path("home/thesis.tex").write_text("mine")
    code, _, err = typed("run", spec_file, "--out", "home")
    assert code == 2
    assert "home" in one_error_line(err)
    assert os.listdir("home") == ["thesis.tex"]


@pytest.mark.parametrize("words", [["inspect", "nowhere"], ["verify", "nowhere"], ["run", "nowhere.toml"]])
def test_what_is_not_there_is_said(typed, words):
    code, _, err = typed(*words)
    assert code == 2
    assert "nowhere" in one_error_line(err)


def test_a_damaged_run_is_65(typed, spec_file):
    typed("run", spec_file, "--out", "a", "--quiet")
    part = next(Path("a/parts").iterdir())
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    code, _, err = typed("inspect", "a")
    assert code == 65
    one_error_line(err)


# --- verify -----------------------------------------------------------------------------------------


def test_verify_judges_a_pair_in_a_folder_or_as_two(typed, spec_file):
    fine = ["--set", "time_step=0.005", "--set", "protocol.steps.0.k=[1, 4]", "--trajectories", "100000"]
    typed("run", spec_file, "--both", "--out", "pair", "--quiet", *fine)
    code, out, err = typed("verify", "pair")
    assert (code, err) == (0, "")
    assert re.search(r"^  crooks +holds +slope ", out, re.MULTILINE)
    both = typed("verify", "pair/direction=forward", "pair/direction=reverse", "--json")
    alone = typed("verify", "pair", "--json")
    assert json.loads(both[1])["verdicts"] == json.loads(alone[1])["verdicts"]
    assert typed("verify", "pair", "--quiet") == (0, "", "")


@pytest.mark.filterwarnings("default")
@pytest.mark.filterwarnings("ignore:time_step")  # so long is what this run is about
def test_verify_exits_1_when_a_claim_is_violated(typed, spec_file):
    coarse = ["--set", "time_step=0.05", "--set", "protocol.steps.0.k=[1.0, 4.0]", "--trajectories", "200000"]
    typed("run", spec_file, "--both", "--out", "coarse", "--quiet", *coarse)
    code, out, _ = typed(
        "verify", "coarse", "--json", "--tolerance", "slope=0.02", "--tolerance", "delta_f=0.02"
    )
    assert code == 1
    verdict = next(one for one in json.loads(out)["verdicts"] if one["claim"] == "crooks")
    assert (verdict["outcome"], verdict["exact"]["outcome"]) == ("violated", "holds")
    assert typed("verify", "coarse", "--claims", "first-law", "--quiet")[0] == 0


def test_verify_judges_each_pair_of_a_sweep(typed):
    Path("scan.toml").write_text(small() + "[sweep]\ndynamics.friction = [1.0, 2.0]\n")
    typed("run", "scan.toml", "--out", "scan", "--both", "--quiet")
    code, out, _ = typed("verify", "scan", "--json", "--claims", "first-law,crooks")
    reports = json.loads(out)
    assert code == 0
    assert [len(report["verdicts"]) for report in reports] == [2, 2]
    assert all("free_energy" in report for report in reports)  # forward met reverse


def test_runs_that_are_not_partners_are_refused(typed, spec_file):
    typed("run", spec_file, "--out", "a", "--quiet")
    typed("run", spec_file, "--out", "b", "--quiet", "--seed", "2")
    for words in (["a", "a"], ["a", "b"]):
        code, _, err = typed("verify", *words)
        assert code == 2
        assert "not each other's reverse" in one_error_line(err)
    assert typed("verify", "a", "b", "a")[0] == 2


def test_half_of_a_pair_is_never_judged_alone(typed, spec_file):
    typed("run", spec_file, "--both", "--out", "q", "--quiet", "--trajectories", "50")
    half = Path("q/direction=forward")
    manifest = (half / "manifest.json").read_bytes()
    (half / "manifest.json").unlink()
    assert typed("verify", "q")[::2] == (
        65,
        "error: parts without a manifest (q/direction=forward): restore manifest.json, or move the folder "
        "elsewhere\n",
    )
    (half / "manifest.json").write_bytes(manifest)
    half.rename("forward")
    code, out, err = typed("verify", "q")
    assert (code, out) == (2, "")
    assert "half of a pair: direction=forward is missing (q)" in one_error_line(err)
    assert typed("verify", "forward", "q/direction=reverse", "--claims", "first-law")[0] == 0


def test_an_unfinished_run_is_told_its_command(typed, spec_file):
    typed("run", spec_file, "--out", "a b", "--quiet")
    Path("a b/target.json").write_text('{"trajectories": 1000}')
    code, _, err = typed("verify", "a b")
    assert code == 75
    assert "500 of 1,000 trajectories are there (a b): fluctua resume 'a b' goes on" in err
    assert "simulate(" not in one_error_line(err)


def test_a_misspelt_claim_is_named(typed, spec_file):
    typed("run", spec_file, "--out", "a", "--quiet")
    code, _, err = typed("verify", "a", "--claims", "crook")
    assert code == 2
    assert "did you mean 'crooks'?" in one_error_line(err)


# --- stop and go on ---------------------------------------------------------------------------------


def goes_on(*words):
    """Return the command that the interrupt of a command line names."""
    options = cli._parser().parse_args(words)
    options.typed = words
    specs = running.specs_of(options)
    return shlex.join(running.command_again(specs, Path("a b"), options))


def test_what_was_not_begun_goes_on_with_what_was_typed(typed):
    assert goes_on("run", "small.toml", "--both") == "run small.toml --both --out 'a b'"
    assert goes_on("run", "small.toml", "--out=a b") == "run small.toml '--out=a b'"
    Path("scan.toml").write_text(small() + "[sweep]\ndynamics.friction = [1.0, 2.0]\n")
    typed("run", "small.toml", "--out", "a b/friction=1.0", "--quiet")
    assert goes_on("run", "scan.toml") == "run scan.toml --out 'a b'"  # the other one is in the file alone


def test_one_direction_tells_of_the_other(typed):
    typed("run", "small.toml", "--out", "a b/direction=forward", "--quiet")
    assert goes_on("run", "small.toml", "--both") == "resume 'a b'"


def test_what_has_its_folder_is_resumed_by_as_many_workers(typed):
    typed("run", "small.toml", "--both", "--out", "a b", "--quiet")
    assert goes_on("run", "small.toml", "--both", "--seed", "1", "--threads", "2") == (
        "resume 'a b' --threads 2"
    )
    cluster = ["--executor", "dask", "--scheduler", "tcp://head:8786", "--insecure"]
    assert goes_on("run", "small.toml", "--both", *cluster) == shlex.join(["resume", "a b", *cluster])


def test_a_part_of_a_run_goes_on_as_that_part(typed):
    typed("run", "small.toml", "--out", "a b", "--quiet")
    words = ["run", "small.toml", "--out", "a b", "--shard", "3/64"]
    assert goes_on(*words) == shlex.join(words)


@pytest.mark.parametrize("options", [(), ("--both",), ("--set", "dynamics.friction=2.0")])
def test_the_same_command_finds_its_run_again(typed, options):
    """Also where the seed is drawn, anew in each command: that of the folder stands."""
    Path("drawn.toml").write_text(small().replace("seed = 1\n", ""))
    first, again = (json.loads(typed("run", "drawn.toml", "--json", *options)[1]) for _ in range(2))
    assert {run.pop("computed") for run in first["runs"]} == {500}
    assert {run.pop("computed") for run in again["runs"]} == {0}
    assert again == first
    assert len(list(Path("runs").iterdir())) == 1
    given = json.loads(typed("run", "drawn.toml", "--json", "--seed", "0", *options)[1])
    assert given["folder"] != first["folder"]


def test_ctrl_c_keeps_whole_parts_and_says_how_to_go_on(spec_file):
    many = ["run", spec_file, "--out", "runs/a", "--trajectories", "100_000_000", "--threads", "1"]
    # A shell's background jobs ignore Ctrl-C, and so would what they start: listen to it again.
    listen = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{listen}; from fluctua.cli import main; sys.exit(main())", *many]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not list(Path().glob("runs/a/parts/*.parquet")):
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    again = "fluctua resume runs/a --threads 1"
    assert err == f"interrupted: whole parts are kept in runs/a; to go on: {again}\n"
    assert list(Path("runs/a/parts").iterdir())
    assert not Path("runs/a/_tmp").exists()


def test_an_early_reader_of_our_output_is_no_error():
    inspect = f"'{sys.executable}' -m fluctua run --help | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", inspect], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_imports_nothing_heavy(tmp_path):
    program = (
        "import sys; from fluctua.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    heavy = {"numpy", "numba", "scipy", "pandas", "pyarrow", "matplotlib", "jinja2", "tqdm", "dataclasses"}
    assert heavy.isdisjoint(done.stderr.split())


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")
def test_every_example_is_a_run(typed, example):
    """One of them is swept too fast for its model, and says so."""
    code, out, err = typed("run", example, "--dry-run", "--json")
    assert code == 0
    assert all(line.startswith("warning: ") for line in err.splitlines())
    assert ("adiabatic approximation" in err) == bool(err) == (example.stem == "qubit")
    assert json.loads(out)["trajectories"] >= 10_000
    assert os.listdir() == ["small.toml"]


# --- whatever happens, one line ---------------------------------------------------------------------


def command(*words, **environment):
    """Run a command line in a process of its own."""
    line = [sys.executable, "-m", "fluctua", *words]
    return subprocess.run(line, capture_output=True, env=os.environ | environment, check=False)


def test_a_terminal_without_our_symbols_changes_no_exit_code(typed, spec_file):
    typed("run", spec_file, "--out", "aa", "--quiet")
    text = command("verify", "aa", PYTHONIOENCODING="ascii")
    assert (text.returncode, text.stderr) == (0, b"")
    assert rb"\u0394F" in text.stdout
    as_json = command("verify", "aa", "--json", PYTHONIOENCODING="latin-1")
    assert as_json.returncode == 0
    assert json.loads(as_json.stdout)["verdicts"]


@pytest.mark.parametrize(
    "words",
    [["inspect", "nowhere", "--json"], ["verify", "--json"], ["run", "--json", "small.toml", "--seed", "x"]],
)
def test_an_error_is_json_too_where_json_is_asked_for(typed, words):
    code, out, err = typed(*words)
    error = json.loads(out)["error"]
    assert code == error["exit_code"] == 2
    assert f"{error['what']} ({error['where']}): {error['remedy']}" in one_error_line(err)


def test_stdout_holds_one_json_text_even_when_trajectories_failed(typed, spec_file):
    wild = ["--set", "system.parameters.g=-4", "--set", 'initial={kind="Point", x=30.0}']
    code, out, err = typed("run", spec_file, "--json", "--out", "a", *QUARTIC, *wild)
    assert code == 3, (out, err)
    json.loads(out)


@pytest.mark.parametrize("name", ["run", "verify", "inspect", "validate", "demo"])
def test_an_interrupt_is_one_line(typed, instead, name):
    def stopped(_):
        raise KeyboardInterrupt

    instead(name, stopped)
    words = {"validate": [], "demo": []}.get(name, ["a"])
    code, out, err = typed(name, *words)
    assert (code, out, err) == (130, "", "interrupted: nothing was changed\n")
    assert json.loads(typed(name, *words, "--json")[1])["error"]["exit_code"] == 130


def test_an_interrupt_that_a_library_renamed_is_one(typed, instead):
    def stopped(_):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ImportError("cannot import numpy") from None

    instead("inspect", stopped)
    assert typed("inspect", "a") == (130, "", "interrupted: nothing was changed\n")


def test_an_interrupted_demo_says_how_to_go_on(typed, monkeypatch):
    from fluctua import demo

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run_demo", stopped)
    code, _, err = typed("demo", "--quick", "--out", "my demo")
    assert code == 130
    assert err == ("interrupted: no part was whole yet; to go on: fluctua demo --quick --out 'my demo'\n")


def test_an_interrupt_while_the_command_line_is_imported_is_one_line(monkeypatch, capsys):
    from fluctua import __main__ as program

    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", stopped)
    assert program.main() == 130
    assert capsys.readouterr().err == "interrupted: nothing was begun\n"


@pytest.mark.filterwarnings("default")
def test_a_warning_is_said_once_a_command(typed):
    kelvin = ["--set", "protocol.temperature=298", "--set", "dynamics.friction=1000", "--both"]
    Path("warm.toml").write_text(small().replace("beta = 1.0\n", "temperature = 1.0\n"))
    code, _, err = typed("run", "warm.toml", "--out", "a", "--quiet", *kelvin)
    assert code == 0
    assert err.count("is an energy here") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verify", "a", "--tolerance", "slope"], "'slope' is not NAME=NUMBER, like slope=0.02"),
        (["run", "small.toml", "--out", ""], "an empty name is no folder"),
        (["demo", "--out", "small.toml"], "not a folder (small.toml): choose another place"),
        (["run", "."], "Is a directory (.): give a spec, a .toml or .json file"),
        (["run", "small.toml", "--set", "parameters.h=3"], "did you mean 'system.parameters'?"),
        (["run", "small.toml", "--set", "friction=3"], "did you mean 'dynamics.friction'?"),
        (
            ["run", "small.toml", "--set", 'initial="Equilibrium"'],
            '(initial): write { kind = "Equilibrium" }',
        ),
    ],
)
def test_what_to_do_is_said(typed, words, said):
    code, out, err = typed(*words)
    assert (code, out) == (2, "")
    assert said in one_error_line(err)


@pytest.mark.parametrize("key", ["trajectories", "time_step"])
def test_keys_below_a_header_are_found_there(typed, key):
    line = next(line for line in small().splitlines() if line.startswith(key))
    Path("below.toml").write_text(small().replace(line, "") + f'[record]\narea = "integral(x)"\n{line}\n')
    code, _, err = typed("run", "below.toml")
    assert code == 2
    assert f"no {key} ({key}): it stands in [record]" in one_error_line(err)


def test_set_repairs_a_file(typed):
    Path("broken.toml").write_text(small().replace("friction = 1.0\n", ""))
    assert typed("run", "broken.toml")[0] == 2
    assert typed("run", "broken.toml", "--quiet", "--set", "dynamics.friction=1.0", "--out", "a")[0] == 0


def test_a_cache_that_is_no_folder_is_said(spec_file):
    done = command("run", spec_file, FLUCTUA_CACHE_DIR=str(Path(spec_file).resolve()))
    assert done.returncode == 74
    assert b"set it to a folder that can be written" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert not Path("runs").exists()
