"""From a stranger's file to a verdict: the same numbers as arrays, the same verdicts; else one line.

What the verdicts are is not asked here: of such samples one in twenty is judged wrongly, by design.
"""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest

import fluctua as fl
from fluctua import cli
from fluctua.analysis import accumulation
from fluctua.analysis.accumulation import divided
from fluctua.analysis.given import joint_groups, numbers_of
from fluctua.analysis.reading import read_column

KT = 2.4777  # kJ/mol, at 298 K, nearly


@pytest.fixture(scope="module")
def work():
    """Gaussian work that obeys Crooks' theorem: ΔF = 2 kT, dissipation 1 kT, W_R = -2 + 1 on average."""
    generator = np.random.default_rng(20)
    return generator.normal(3.0, np.sqrt(2.0), 400), generator.normal(-1.0, np.sqrt(2.0), 300)


@pytest.fixture
def files(work, tmp_path, monkeypatch):
    """The same work in kJ/mol, in two files in the current folder."""
    monkeypatch.chdir(tmp_path)
    forward, reverse = (KT * values for values in work)
    pd.DataFrame({"replica": np.arange(400) % 8, "work": forward}).to_csv("pull.csv", index=False)
    lines = "".join(f"r{k % 8} {float(w)!r}\n" for k, w in enumerate(reverse))
    (tmp_path / "back.dat").write_bytes(gzip.compress(b"# replica work\n" + lines.encode()))
    return forward, reverse


def typed(capsys, *words):
    code = cli.main(["verify", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_files_are_judged_as_their_numbers_are(files):
    plain = fl.verify(*files, units="kJ/mol", temperature=298)
    found = fl.verify("pull.csv", "back.dat", units="kJ/mol", temperature=298, column="work")
    assert json.loads(found.to_json())["verdicts"] == json.loads(plain.to_json())["verdicts"]
    assert found.free_energy == plain.free_energy
    assert "kJ/mol" in str(found)
    assert plain.notes == ()


@pytest.mark.usefixtures("files")
def test_the_command_says_the_same_and_what_it_guessed(capsys):
    options = ("--temperature", "298", "--units", "kJ/mol")
    code, out, err = typed(capsys, "--forward", "pull.csv", "--reverse", "back.dat", *options)
    assert err == ""
    assert code == ("Violated at" in out)
    assert "  note: forward, pull.csv: column 'work' of replica, work is taken, by its name." in out
    assert typed(capsys, "pull.csv", "back.dat", *options) == (code, out, err)
    assert typed(capsys, "pull.csv", "--reverse", "back.dat", *options) == (code, out, err)
    code, out, _ = typed(capsys, "pull.csv", "back.dat", *options, "--json", "--tolerance", "slope=0.9")
    found = json.loads(out)
    assert len(found["notes"]) == 3  # both guesses, and the comment that names the columns
    assert {verdict["claim"]: verdict["tolerance"] for verdict in found["verdicts"]}["crooks"] == 0.9


def test_one_direction_with_a_known_difference(files, capsys):
    options = ("--units", "kJ/mol", "--temperature", "298", "--delta-f", str(2.0 * KT), "--json")
    code, out, _ = typed(capsys, "--forward", "pull.csv", *options)
    names = [verdict["claim"] for verdict in json.loads(out)["verdicts"]]
    assert "jarzynski" in names
    assert "crooks" not in names
    plain = fl.verify(files[0], units="kJ/mol", temperature=298, delta_f=2.0 * KT)
    assert code == (plain.outcome == "violated")
    assert json.loads(out)["verdicts"] == json.loads(plain.to_json())["verdicts"]


def test_entropy_production_from_parquet(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    s = np.random.default_rng(5).normal(1.0, np.sqrt(2.0), 500)
    pd.DataFrame({"work": -s, "s_tot": s}).to_parquet("steady.parquet")
    code, out, _ = typed(capsys, "--entropy", "steady.parquet", "--json")
    named = fl.verify(entropy="steady.parquet", column="s_tot")
    assert json.loads(out)["verdicts"] == json.loads(named.to_json())["verdicts"]
    assert code == (named.outcome == "violated")
    assert json.loads(out)["notes"]
    assert not named.notes


@pytest.mark.usefixtures("files")
def test_groups_travel_with_the_numbers():
    forward = read_column("pull.csv", group="replica")
    reverse = read_column("back.dat", group="replica", column="work")
    codes = joint_groups([forward, reverse])
    assert codes[0].tolist() == [k % 8 for k in range(400)]
    assert codes[1].tolist() == [8 + k % 8 for k in range(300)]  # other names, other groups
    same = numbers_of(pd.DataFrame({"w": [1.0, 2.0, 3.0], "g": ["7", "0", "7"]}), "w", "g", "forward")
    assert joint_groups([forward, same])[1].tolist() == [7, 0, 7]
    found = fl.verify("pull.csv", units="kJ/mol", temperature=298, group="replica", column="work")
    assert any("8 groups" in note for note in found.notes)
    assert joint_groups([forward, read_column("pull.csv")]) == ()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["pull.csv", "--units", "kJ/mol"], 2, "no temperature (units): add --temperature 298"),
        (["pull.csv", "--temperature", "298"], 2, "a temperature without units (--temperature): add --units"),
        (
            ["pull.csv", "--units", "parsec", "--temperature", "298"],
            2,
            "'parsec' is no unit of energy (units): units are kT, J",
        ),
        (["pull.csv", "--units", "kJ/mol", "--temperature", "-3"], 2, "-3.0 is no temperature"),
        (["pull.csv", "--column", "wrok"], 2, "columns are replica, work; did you mean 'work'?"),
        (["pull.csv", "--group", "run"], 2, "'run' is not a column"),
        (["none.csv"], 2, "no such file (forward, none.csv)"),
        (["pull.csv", "bad.csv"], 2, "'abc' is no number (reverse, bad.csv, line 3)"),
        (["nan.csv"], 2, "1 of 3 values are empty or not finite, first in line 3"),
        (["one.csv"], 2, "one value (forward)"),
        (["same.csv"], 2, "3 values, all equal to 1 (forward)"),
        (["unit.csv"], 2, "'W (kJ/mol)' is in kJ/mol, not in kT (forward): add --units kJ/mol"),
        (["unit.csv", "--column", "t (ps)"], 2, "'t (ps)' is in ps, not in kT (forward): name another"),
        (["--entropy", "unit.csv", "--column", "2"], 2, "is in kJ/mol, not in k_B (entropy)"),
        (["cut.gz"], 65, "a gzip file that is cut short or altered (forward, cut.gz)"),
        (["cut.parquet"], 65, "not a whole Parquet file (forward, cut.parquet)"),
        (["--reverse", "back.dat"], 2, "a reverse without a forward"),
        (["a", "b", "c"], 2, "3 places"),
        (["a", "--forward", "b"], 2, "both bare and named"),
        (["--forward", "pull.csv", "--entropy", "pull.csv"], 2, "work and entropy together"),
        ([], 2, "nothing to judge"),
    ],
)
def test_bad_input_is_one_line_and_no_verdict(tmp_path, capsys, words, code, line):
    contents = {
        "bad.csv": b"work\n1\nabc\n",
        "nan.csv": b"1\n2\nnan\n",
        "one.csv": b"1\n",
        "same.csv": b"1\n1\n1\n",
        "unit.csv": b"t (ps),W (kJ/mol)\n0,1\n1,2\n",
        "cut.gz": gzip.compress(b"1\n2\n" * 99)[:-4],
        "cut.parquet": b"PAR1" + bytes(40),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found, out, err = typed(capsys, *words)
    assert (found, out) == (code, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert line in err


def test_units_are_the_same_in_other_words(tmp_path, files):
    lines = "".join(f"{float(w)!r}\n" for w in files[0])
    (tmp_path / "w.csv").write_text("W (kJ mol^-1)\n" + lines)
    report = fl.verify(tmp_path / "w.csv", units="kJ/mol", temperature=298)
    assert report.free_energy == fl.verify(files[0], units="kJ/mol", temperature=298).free_energy


def test_many_values_change_their_unit_on_disk(monkeypatch):
    values = np.random.default_rng(2).normal(size=1000)
    expected = values / 2.5
    monkeypatch.setattr(accumulation, "IN_MEMORY", 100)
    monkeypatch.setattr(accumulation, "_STRETCH", 64)
    assert np.array_equal(divided(values, 2.5), expected)
    assert divided(values, 1.0) is values
