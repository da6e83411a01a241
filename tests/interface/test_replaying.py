"""`fluctua replay`: what is printed of a trajectory, what is written, and that it is the stored one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fluctua as fl
from fluctua.ensembles.parts import encode, list_parts, part_of
from fluctua.stochastic import langevin, propagator


@pytest.fixture(scope="module")
def made(tmp_path_factory, small_spec):
    """A run of 500 trajectories of 20 time steps, made once for all tests."""
    return fl.simulate(small_spec, tmp_path_factory.mktemp("made") / "a").path


@pytest.fixture
def run(made, spec_file):
    """A copy of it."""
    shutil.copytree(made, Path(spec_file).with_name("a"))
    return "a"


def refused(typed, *words):
    """Return exit code and message of a command line that ends in one line of error."""
    code, out, err = typed("replay", *words)
    assert (out, err.count("\n")) == ("", 1)
    return code, err.removeprefix("error: ").rstrip()


def test_the_row_is_printed_with_units_and_the_path_in_short(typed, run):
    code, out, err = typed("replay", run, "--trajectory", "123")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    row = fl.open(run).to_pandas().iloc[123]
    assert lines[0].startswith("a, trajectory 123 of spec ")
    assert ["work", f"{row['work']:.10g}", "energy"] in [line.split() for line in lines]
    assert "agrees with the stored row, to the bit" in lines
    head = lines.index("agrees with the stored row, to the bit") + 2
    assert lines[head].split("  ")[0] == "time"
    assert "work [energy]" in lines[head]
    assert len(lines[head + 1 : -1]) == 10
    assert float(lines[-2].split()[0]) == 1.0
    assert lines[-1] == "10 of 21 instants; --out FILE writes all"
    assert typed("replay", run, "--trajectory", "123", "--quiet") == (0, "", "")


def test_json_holds_all_digits(typed, run):
    found = json.loads(typed("replay", run, "--trajectory", "1e2", "--every", "5", "--json")[1])
    row = fl.open(run).to_pandas().iloc[100]
    assert found["row"] == {
        name: value for name, value in row.items() if name not in ("trajectory", "status")
    }
    assert (found["agrees"], found["status"], found["failed_at"], found["instants"]) == (True, 0, None, 5)
    assert [instant["time"] for instant in found["path"]] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])
    assert found["units"]["heat"] == "energy"


def test_a_number_beyond_is_one_of_a_larger_run(typed, run):
    code, out, err = typed("replay", run, "--trajectory", "600")
    assert (code, err) == (0, "beyond the 500 trajectories of the run: as in a larger one\n")
    assert "no stored row to compare" in out
    before = json.loads(typed("replay", run, "--trajectory", "600", "--json")[1])
    typed("extend", run, "--trajectories", "700", "--quiet")
    after = json.loads(typed("replay", run, "--trajectory", "600", "--json")[1])
    assert (before["agrees"], after["agrees"]) == (None, True)
    assert before["row"] == after["row"]


# --- written --------------------------------------------------------------------------------------


def test_tables_carry_their_units(typed, run):
    path = fl.open(run).replay(7).path
    _, out, _ = typed("replay", run, "--trajectory", "7", "--out", "path.csv")
    assert out.endswith("path of 21 instants: path.csv\n")
    head = Path("path.csv").read_text().splitlines()[0]
    assert head == "time,k,x [length],work [energy],heat [energy]"
    np.testing.assert_array_equal(np.loadtxt("path.csv", delimiter=",", skiprows=1), path.to_numpy())
    typed("replay", run, "--trajectory", "7", "--out", "path.parquet", "--quiet")
    table = pq.read_table("path.parquet")
    np.testing.assert_array_equal(table.to_pandas(ignore_metadata=True).to_numpy(), path.to_numpy())
    assert table.schema.field("x").metadata[b"unit"] == b"length"


@pytest.mark.parametrize(("name", "begins"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml")])
def test_pictures_are_drawn(typed, run, name, begins):
    code, _, err = typed("replay", run, "--trajectory", "7", "--out", name, "--quiet")
    assert (code, err) == (0, "")
    assert Path(name).read_bytes().startswith(begins)


def test_where_a_path_cannot_go_is_said_before_anything_is_computed(typed, run, monkeypatch):
    monkeypatch.setattr("fluctua.ensembles.replay.replay", None)
    words = [run, "--trajectory", "7", "--out"]
    assert refused(typed, *words, "path.xls") == (
        2,
        "path.xls is neither table nor picture (--out): end it in .csv, .parquet, .png, .svg, .pdf",
    )
    assert refused(typed, *words, "nowhere/path.csv") == (2, "no such folder (nowhere): make it first")


# --- another row, another trajectory --------------------------------------------------------------


def test_a_stored_row_that_is_another_is_65(typed, run):
    """The file is sound in itself: the name belongs to its bytes, and nothing else is compared with it."""
    rows = pq.read_table(f"{run}/parts")
    work = rows["work"].to_numpy().copy()
    work[17] = np.nextafter(work[17], np.inf)
    number = rows.column_names.index("work")
    schema = pq.read_schema(next(Path(run).glob("parts/*")))
    changed = rows.set_column(number, rows.schema.field(number), pa.array(work)).cast(schema)
    old = list_parts(Path(run))[0]
    payload = encode(changed.replace_schema_metadata(schema.metadata))
    (Path(run) / "parts" / old.name).unlink()
    (Path(run) / "parts" / part_of(0, old.rows, memoryview(payload)).name).write_bytes(payload)
    assert typed("replay", run, "--trajectory", "16", "--quiet") == (0, "", "")  # a sound neighbour
    code, said = refused(typed, run, "--trajectory", "17", "--out", "path.csv")
    assert code == 65
    now = float(np.nextafter(work[17], -np.inf))
    assert said.startswith(
        f"trajectory 17 comes out differently: work is {now!r}, stored is {work[17].item()!r} (a)"
    )
    assert not Path("path.csv").exists()


def test_a_failed_trajectory_says_when(typed, spec_file):
    pq.write_table(pa.table({"x": np.where(np.arange(500) == 400, 30.0, 0.0)}), "starts.parquet")
    wild = ["--set", "system.energy=k/2*x**2 - x**4/1000", "--set"]
    typed("run", spec_file, "--out", "a", "--quiet", *wild, 'initial={kind="Samples", file="starts.parquet"}')
    code, out, _ = typed("replay", "a", "--trajectory", "400")
    failed_at = fl.open("a").replay(400).failed_at
    assert code == 0
    assert f"failed: not finite, at time {failed_at:.10g}, after {round(failed_at / 0.05)} time steps" in out
    assert "agrees with the stored row" in out
    found = json.loads(typed("replay", "a", "--trajectory", "400", "--json")[1])
    assert (found["status"] > 0, found["failed_at"], found["agrees"]) == (True, failed_at, True)
    assert set(found["row"].values()) == {None}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the following arguments are required: --trajectory"),
        (["--trajectory", "-1"], "argument --trajectory: "),
        (["--trajectory", "1.5"], "'1.5' is not a whole number from zero"),
        (["--trajectory", "0", "--every", "0"], "'0' is not a whole number above zero"),
        (
            ["--trajectory", "0", "--every", "21"],
            "21 is not a number of time steps (every): give a whole one, 1 to",
        ),
    ],
)
def test_what_cannot_be_replayed_is_refused(typed, run, words, said):
    code, found = refused(typed, run, *words)
    assert code == 2
    assert said in found


def test_one_run_is_replayed_at_a_time(typed, spec_file):
    typed("run", spec_file, "--both", "--out", "pair", "--quiet")
    assert refused(typed, "pair", "--trajectory", "0") == (
        2,
        "a folder of runs, not one (pair): give one: pair/direction=forward",
    )


def test_a_path_that_does_not_fit_is_told_in_options(typed, run, monkeypatch):
    monkeypatch.setattr(langevin, "LIGHT", 0)
    monkeypatch.setattr(propagator, "ROOM", 6_000)
    code, said = refused(typed, run, "--trajectory", "0")
    assert code == 2
    assert said == "21 instants of a path do not fit (every): --every 3 does, and keeps 7"
