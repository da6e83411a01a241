"""Commands on runs that jump: nothing is typed that is not typed for others."""

import copy
import json
import os
import re
from pathlib import Path

import pytest

import fluctua as fl
from fluctua import cli
from fluctua.ensembles import chunks
from fluctua.ensembles.spec import EnsembleSpec
from jump_specs import DOT, QUBIT

SPECS = {"dot": DOT, "qubit": QUBIT}


#: Where one of the two takes the same way as the other, the second is for those who ask.
DOT_IF_ASKED = pytest.mark.parametrize(
    "file", ["qubit", pytest.param("dot", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture(params=SPECS)
def file(request, tmp_path, monkeypatch):
    """Stand beside the file of a jump spec; runs of it have four parts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chunks, "LARGEST", 128)
    EnsembleSpec.from_table(SPECS[request.param]).save("spec.toml")
    return "spec.toml"


def one_error_line(text):
    assert re.fullmatch(r"error: [^\n]+\n", text), text
    return text


def files(place):
    return {str(path.relative_to(place)): path.read_bytes() for path in Path(place).rglob("*.parquet")}


def test_a_run_is_inspected_checked_verified_and_replayed(typed, file):
    assert typed("run", file, "--both", "--out", "pair", "--quiet") == (0, "", "")
    code, out, _ = typed("inspect", "pair", "--json")
    assert code == 0
    found = json.loads(out)
    tables = found if isinstance(found, list) else found["runs"]
    assert len(tables) == 2
    by_definition = tables[0]["spec"]["dynamics"]["kind"] == "QuantumJump"
    for table in tables:
        residual = table["first_law_residual"]
        assert residual is None if by_definition else 0.0 <= residual < 1e-12
        units = {column["name"]: column["unit"] for column in table["columns"]}
        assert (units["heat"], units["activity"], units["entropy_flow"]) == ("energy", "1", "k_B")
    assert ("first law" in typed("inspect", "pair")[1]) is not by_definition
    code, out, _ = typed("check", "pair")
    assert (code, "first law" in out) == (0, not by_definition)
    checked = json.loads(typed("check", "pair", "--json")[1])
    assert all((one["first_law_residual"] is None) is by_definition for one in checked["runs"])
    code, out, err = typed("verify", "pair", "--json")
    assert (code, err) == (0, "")
    outcomes = {one["claim"]: one["outcome"] for one in json.loads(out)["verdicts"]}
    assert outcomes["first-law"] == ("not applicable" if by_definition else "holds")
    assert {outcomes["crooks"], outcomes["jarzynski"]} <= {"holds", "undecidable"}
    code, out, _ = typed("replay", "pair/direction=forward", "--trajectory", "7")
    assert code == 0
    assert "agrees with the stored row" in out


@pytest.mark.slow
def test_a_report_is_a_page_with_pictures(file):
    spec = EnsembleSpec.load(file)
    page = fl.verify(*fl.sweep([spec, spec.reversed()])).to_html("report.html").read_text(encoding="utf-8")
    assert "crooks" in page
    assert "data:image/svg+xml" in page


@DOT_IF_ASKED
def test_pictures_and_tables_of_a_replay(typed, file):
    typed("run", file, "--out", "a", "--quiet")
    for name, begins in (("p.svg", b"<?xml"), ("p.parquet", b"PAR1"), ("p.csv", b"time")):
        assert typed("replay", "a", "--trajectory", "3", "--out", name)[0] == 0
        assert Path(name).read_bytes().startswith(begins)


@DOT_IF_ASKED
def test_the_command_line_changes_and_sweeps_a_rate(typed, file):
    words = ["--set", "dynamics.baths.left.rate=0.05", "--trajectories", "100", "--set", "paths=0"]
    words += ["--set", "path_every=1"]
    assert typed("run", file, "--out", "a", "--quiet", *words) == (0, "", "")
    spec = json.loads(typed("inspect", "a", "--json")[1])["spec"]
    assert spec["dynamics"]["baths"][0]["rate"] == 0.05
    text = Path(file).read_text()
    Path("scan.toml").write_text(text + "\n[sweep]\ndynamics.baths.left.rate = [0.05, 0.1]\n")
    assert typed("run", "scan.toml", "--out", "scan", "--both", "--quiet", "--trajectories", "200")[0] == 0
    assert sorted(os.listdir("scan")) == ["rate=0.05", "rate=0.1", "sweep.json"]
    assert typed("verify", "scan", "--claims", "first-law", "--quiet")[0] == 0


def test_resume_and_extend_leave_what_one_run_leaves(typed, file):
    typed("run", file, "--out", "whole", "--quiet")
    assert typed("run", file, "--out", "a", "--quiet", "--trajectories", "300")[0] == 0
    assert typed("extend", "a", "--trajectories", "500", "--quiet")[0] == 0
    for table in ("parts", "jumps"):
        next(Path("a", table).glob("part-00000001-*")).unlink()
    assert typed("check", "a")[0] == 75
    assert typed("resume", "a", "--quiet")[0] == 0
    assert files("a") == files("whole")
    for share in ("2/2", "1/2"):
        assert typed("run", file, "--out", "shares", "--quiet", "--shard", share)[0] == 0
    assert files("shares") == files("whole")


def test_a_damaged_list_of_jumps_is_65(typed, file):
    typed("run", file, "--out", "a", "--quiet")
    path = next(Path("a/jumps").iterdir())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    code, out, err = typed("check", "a")
    assert code == 65
    assert "does not match its checksum" in out + err
    assert err.count("\n") == 1


@DOT_IF_ASKED
@pytest.mark.parametrize("within", [0.25, pytest.param(0.1, marks=pytest.mark.slow)])
def test_a_run_goes_on_until_a_claim_holds(typed, file, within, monkeypatch):
    monkeypatch.setattr(chunks, "LARGEST", 4096)
    spec = EnsembleSpec.load(file).replace({"paths": None, "path_every": None, "strokes": None})
    control = spec.system.controls[0]
    steps = [spec.table()["protocol"]["steps"][0] | {control: [0.0, 2.0]}]
    spec.replace({"protocol.cycles": 1, "protocol.steps": steps}).save("wide.toml")
    rule = ["--until", f"crooks holds within {within}", "--trajectories", "200000"]
    code, out, _ = typed("run", "wide.toml", "--both", "--out", "a", "--json", *rule)
    assert code == 0
    found = {run["trajectories"] for run in json.loads(out)["runs"]}
    assert len(found) == 1
    assert 500 < found.pop() < 200_000
    code, out, _ = typed("verify", "a", "--claims", "crooks", "--tolerance", f"slope={within}", "--json")
    assert (code, json.loads(out)["verdicts"][0]["outcome"]) == (0, "holds")


def test_a_dry_run_tells_the_cost_and_leaves_nothing(typed, file):
    code, out, _ = typed("run", file, "--dry-run", "--out", "a", "--json")
    assert code == 0
    cost = json.loads(out)
    assert min(cost["seconds"], cost["memory"], cost["disk"]) > 0
    assert os.listdir() == [file]


# --- bad input: a line, its exit code, nothing left ------------------------------------------------


def changed(table, path, value):
    """Give a spec file's table with one part put in, whatever that is."""
    table = copy.deepcopy(table)
    *above, last = path.split(".")
    node = table
    for key in above:
        node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
    node[int(last) if isinstance(node, list) else last] = value
    return table


WITH_A = changed(QUBIT, "system.operators", {"a": [[0, 1], [0, 0]]})
LOCAL = {"kind": "LocalBath", "name": "own", "on": "X", "rate": 0.1}
WELL = {"kind": "Potential", "energy": "k/2*x**2", "coordinates": ["x"], "controls": ["k"]}
SUPERPOSED = {"kind": "Point", "amplitudes": [0.6, 0.8]}
UNNORMALISED = {"kind": "Point", "amplitudes": [1.0, 0.8]}
ONE_WAY = {"kind": "Rates", "name": "own", "on": "empty -> full", "forward": 1.0, "backward": 0.0}


@pytest.mark.parametrize(
    ("table", "path", "value", "code", "said"),
    [
        (QUBIT, "system.energy", "X + i*epsilon*Z", 2, "'i' is not declared"),
        (WITH_A, "system.energy", "X + a", 2, "a is not Hermitian"),
        (QUBIT, "system.energy", "X + epsilon*ZZ", 2, "dimension 2 and ZZ has 4"),
        (QUBIT, "dynamics.baths.0.on", "ZZ", 2, "the energy has dimension 2"),
        (QUBIT, "dynamics.baths.0", LOCAL, 2, "a way back, and no quantum"),
        (QUBIT, "dynamics.baths.0.rate", "epsilon/100", 2, "a rate is 0 or more"),
        (QUBIT, "dynamics.baths.0.rate", 3.0, 3, "is short enough"),
        (QUBIT, "initial", SUPERPOSED, 2, "would not survive the measurement"),
        (changed(QUBIT, "dynamics.measured", False), "initial", UNNORMALISED, 2, "add up to 1.64, not to 1"),
        (QUBIT, "initial", {"kind": "Point", "state": "level_9"}, 2, "levels are level_0, level_1"),
        (QUBIT, "system", WELL, 2, "QuantumJump moves no Potential"),
        (QUBIT, "record", {"x": "integral(1)"}, 2, "record no formulas (record.x): use the columns, strokes"),
        (DOT, "dynamics.baths.0", ONE_WAY, 2, "has no way back, so that it has no entropy"),
        (DOT, "dynamics.baths.0.rate", "eps", 2, "negative, -0.731059 at eps = -1"),
        (DOT, "dynamics.baths.0", {"name": "b", "friction": 1.0}, 2, "expected Lead"),
        (DOT, "initial", {"kind": "Populations", "full": 0.4}, 2, "add up to 0.4"),
        (DOT, "initial", {"kind": "Point", "state": "ful"}, 2, "did you mean 'full'?"),
        (DOT, "system", WELL, 2, "MarkovJump moves no Potential"),
        (DOT, "time_step", 0.3, 2, "does not divide the duration"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    typed, tmp_path, monkeypatch, table, path, value, code, said
):
    monkeypatch.chdir(tmp_path)
    Path("spec.json").write_text(json.dumps(changed(table, path, value)))
    found, out, err = typed("run", "spec.json", "--out", "runs/a")
    assert (found, out) == (code, "")
    assert said in one_error_line(err)
    assert os.listdir() == ["spec.json"]


def test_what_is_set_and_replayed_is_refused_by_its_name(typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    EnsembleSpec.from_table(DOT).replace(
        {"trajectories": 10, "paths": 0, "path_every": 1, "time_step": None}
    ).save("spec.toml")
    code, _, err = typed("run", "spec.toml", "--set", "protocol.V=inf", "--out", "a")
    assert (code, one_error_line(err)) == (2, "error: inf is not finite (protocol.V)\n")
    assert typed("run", "spec.toml", "--out", "a", "--quiet") == (0, "", "")
    code, _, err = typed("replay", "a", "--trajectory", "1", "--every", "50")
    said = "a run without time steps is replayed jump by jump (every): leave it out, each row is a jump"
    assert (code, one_error_line(err)) == (2, f"error: {said}\n")


def test_the_jumps_that_are_printed_follow_each_other(typed, tmp_path, monkeypatch):
    """Of two levels each is reached from the other: with a jump left out, the list would be impossible."""
    monkeypatch.chdir(tmp_path)
    EnsembleSpec.from_table(DOT).replace(
        {"trajectories": 10, "paths": 0, "path_every": 1, "time_step": None, "protocol.cycles": 10}
    ).save("spec.toml")
    typed("run", "spec.toml", "--out", "a", "--quiet")
    jumps = fl.open("a").replay(1).path
    found = json.loads(typed("replay", "a", "--trajectory", "1", "--json")[1])
    assert found["instants"] == len(jumps) > 12
    assert [jump["time"] for jump in found["path"]] == jumps["time"].tolist()[:10]
    states = [jump["state"] for jump in found["path"]]
    assert states == ["empty", "full"] * 5 or states == ["full", "empty"] * 5
    lines = typed("replay", "a", "--trajectory", "1")[1].splitlines()
    assert lines[-1] == f"and {len(jumps) - 10} more jumps; --out FILE writes all"


@pytest.mark.filterwarnings("default")
def test_remarks_of_a_run_are_a_line_each_and_kept(typed, tmp_path, monkeypatch):
    """What may be run but should be known: told when it starts, and in its manifest."""
    monkeypatch.chdir(tmp_path)
    EnsembleSpec.from_table(QUBIT).replace({"system.parameters.delta": 0.4}).save("spec.toml")
    code, out, err = typed("run", "spec.toml", "--out", "a", "--quiet")
    assert (code, out) == (0, "")
    lines = err.splitlines()
    assert lines
    assert all(line.startswith("warning: ") for line in lines)
    assert any("adiabatic approximation" in line for line in lines)
    kept = json.loads(Path("a/manifest.json").read_text())["remarks"]
    assert [f"warning: {remark}" for remark in kept] == lines
    assert json.loads(typed("inspect", "a", "--json")[1])["remarks"] == kept
    assert typed("inspect", "a")[1].splitlines()[4 : 4 + len(kept)] == kept
    assert fl.verify(fl.open("a")).remarks == tuple(kept)


def test_remarks_name_the_line_of_the_caller_and_are_said_once():
    """Not a line of the library, of one run as of many; what two runs say alike is said of the first."""
    spec = EnsembleSpec.from_table(QUBIT).replace(
        {"trajectories": 10, "paths": 0, "path_every": 1, "system.parameters.delta": 0.4}
    )
    with pytest.warns(UserWarning, match="approximation") as alone:
        fl.simulate(spec)
    with pytest.warns(UserWarning, match="approximation") as both:
        fl.sweep([spec, spec.reversed()])
    with pytest.warns(UserWarning, match="approximation") as again:
        fl.sweep([spec, spec.replace({"seed": 2})])
    assert {one.filename for one in (*alone, *both, *again)} == {__file__}
    said = [str(one.message) for one in alone]
    assert said == [str(one.message) for one in both] == [str(one.message) for one in again]


@DOT_IF_ASKED
def test_python_and_the_command_line_write_the_same_bytes(typed, file):
    typed("run", file, "--out", "a", "--quiet")
    fl.simulate(EnsembleSpec.load(file), "b")
    assert files("a") == files("b")
    assert cli.main(["check", "b", "--quiet"]) == 0
