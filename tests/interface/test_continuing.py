"""`fluctua resume` and `fluctua extend`: the rest of a run, or more of it, from what lies in its folder."""

import json
import os
import shutil
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fluctua as fl
from fluctua import computing, continuing
from fluctua.ensembles import chunks, executing

FORWARD, REVERSE = Path("pair/direction=forward"), Path("pair/direction=reverse")
RULE = "crooks holds within 0.25"
pytestmark = pytest.mark.usefixtures("spec_file")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Let the runs of these tests, 500 trajectories each, have four parts."""
    monkeypatch.setattr(chunks, "LARGEST", 128)


@pytest.fixture(scope="module")
def made(tmp_path_factory, small_spec):
    """A run and its reverse, made once for all tests."""
    folder = tmp_path_factory.mktemp("made") / "pair"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LARGEST", 128)
        fl.sweep([small_spec, small_spec.reversed()], folder)
    return folder


@pytest.fixture
def pair(made, spec_file):
    """A copy of both; their files by name."""
    shutil.copytree(made, Path(spec_file).with_name("pair"))
    return {place: files(place) for place in (FORWARD, REVERSE)}


def files(place):
    """Return the files of a run with their bytes, all but its diary."""
    found = [path for path in place.rglob("*.*") if path.suffix in (".json", ".parquet")]
    return {str(path.relative_to(place)): path.read_bytes() for path in found}


def lose(place, number):
    """Take a part away, as if the run had been stopped before it."""
    next(place.glob(f"parts/part-{number:08d}-*")).unlink()


# --- resume ---------------------------------------------------------------------------------------


def test_the_rest_of_a_run_is_made_to_the_bit(typed, pair):
    lose(FORWARD, 2)
    assert files(FORWARD) != pair[FORWARD]
    code, out, err = typed("resume", FORWARD)
    assert (code, err) == (0, "")
    assert "500 of 500 trajectories" in out
    assert files(FORWARD) == pair[FORWARD]


def test_every_unfinished_run_of_a_folder_goes_on(typed, pair):
    lose(FORWARD, 0)
    lose(REVERSE, 3)
    code, out, err = typed("resume", "pair", "--json", "--threads", "1")
    assert (code, err) == (0, "")
    runs = json.loads(out)["runs"]
    assert [run["path"] for run in runs] == [str(FORWARD), str(REVERSE)]
    assert [run["computed"] for run in runs] == [128, 500 - 3 * 128]
    assert {place: files(place) for place in pair} == pair


@pytest.mark.parametrize("gone", [FORWARD, REVERSE])
def test_a_direction_that_was_not_begun_is_made(typed, pair, gone):
    shutil.rmtree(gone)
    runs = json.loads(typed("resume", "pair", "--json")[1])["runs"]
    assert [(run["direction"], run["computed"]) for run in runs] == [
        ("forward", 500 * (gone == FORWARD)),
        ("reverse", 500 * (gone == REVERSE)),
    ]
    assert {place: files(place) for place in pair} == pair


def test_a_finished_run_is_opened_and_said_to_be(typed, pair):
    for folder in (FORWARD, "pair"):
        code, out, err = typed("resume", folder)
        assert (code, err) == (0, f"nothing to do: {folder} is finished\n")
        assert out.startswith(f"Dataset {FORWARD}: 500 of 500")
    assert typed("resume", "pair", "--quiet") == (0, "", "")
    assert {place: files(place) for place in pair} == pair


def test_a_sweep_without_directions_has_no_partners(typed):
    text = Path("small.toml").read_text()
    Path("scan.toml").write_text(text + "[sweep]\ndynamics.friction = [1.0, 2.0]\n")
    typed("run", "scan.toml", "--out", "scan", "--quiet")
    lose(Path("scan/friction=2.0"), 1)
    assert [run["computed"] for run in json.loads(typed("resume", "scan", "--json")[1])["runs"]] == [0, 128]
    assert sorted(os.listdir("scan")) == ["friction=1.0", "friction=2.0", "sweep.json"]


@pytest.mark.parametrize("begun", [0, 1])
def test_runs_of_a_sweep_that_were_never_begun_are_made(typed, begun):
    """A sweep that was stopped in its first run, and one that was stopped before its second."""
    Path("scan.toml").write_text(Path("small.toml").read_text() + "[sweep]\ndynamics.friction = [1.0, 2.0]\n")
    typed("run", "scan.toml", "--out", "whole", "--quiet")
    places = ["friction=1.0", "friction=2.0"]
    shutil.copytree("whole", "scan")
    for place in places[begun:]:
        shutil.rmtree(Path("scan", place))
    code, _, err = typed("verify", "scan", "--claims", "first-law")
    assert (code, "never begun" in err) == ((75, True) if begun else (2, False))
    runs = json.loads(typed("resume", "scan", "--json")[1])["runs"]
    assert {run["path"]: run["computed"] for run in runs} == {
        f"scan/{place}": 500 * (number >= begun) for number, place in enumerate(places)
    }
    for place in places:
        assert files(Path("scan", place)) == files(Path("whole", place))
    assert typed("verify", "scan", "--claims", "first-law", "--quiet")[0] == 0
    assert typed("resume", "scan")[2] == "nothing to do: scan is finished\n"
    runs = json.loads(typed("extend", "scan", "--trajectories", "600", "--json")[1])["runs"]
    assert [run["computed"] for run in runs] == [100, 100]


def test_failures_of_a_resumed_run_are_unstable(typed):
    """One trajectory begins beyond the barrier; it is not among those that are looked at before the run."""
    starts = np.where(np.arange(500) == 400, 30.0, 0.0)
    pq.write_table(pa.table({"x": starts}), "starts.parquet")
    wild = ["--set", "system.energy=k/2*x**2 - x**4/1000", "--set"]
    typed(
        "run", "small.toml", "--out", "a", "--quiet", *wild, 'initial={kind="Samples", file="starts.parquet"}'
    )
    lose(Path("a"), 3)
    code, out, err = typed("resume", "a", "--quiet")
    assert (code, out) == (3, "")
    assert "1 of 500 trajectories failed, 400" in err


# --- extend ---------------------------------------------------------------------------------------


def test_a_larger_run_is_that_of_a_larger_spec(typed, pair):
    typed("run", "small.toml", "--both", "--out", "larger", "--trajectories", "700", "--quiet")
    runs = json.loads(typed("extend", "pair", "--trajectories", "7_00", "--json")[1])["runs"]
    assert [run["computed"] for run in runs] == [200, 200]
    for place in pair:
        assert files(place) == files("larger" / place.relative_to("pair"))


def test_as_many_as_there_are_is_nothing_to_do(typed, pair):
    code, _, err = typed("extend", "pair", "--trajectories", "500")
    assert (code, err) == (0, "nothing to do: pair is finished\n")
    assert {place: files(place) for place in pair} == pair


@pytest.mark.usefixtures("pair")
def test_an_extension_that_was_stopped_goes_on_by_the_same_command(typed):
    typed("extend", FORWARD, "--trajectories", "700", "--quiet")
    runs = json.loads(typed("extend", "pair", "--trajectories", "700", "--json")[1])["runs"]
    assert [run["computed"] for run in runs] == [0, 200]


def test_fewer_are_refused_before_any_run_is_touched(typed, pair):
    typed("extend", REVERSE, "--trajectories", "700", "--quiet")
    code, out, err = typed("extend", "pair", "--trajectories", "600")
    assert (code, out) == (2, "")
    assert err == (
        f"error: 600 are fewer than the 700 trajectories of the run (--trajectories, {REVERSE}): "
        "a run cannot shrink: give a larger number\n"
    )
    assert files(FORWARD) == pair[FORWARD]


@pytest.mark.parametrize("words", [[], ["--trajectories", "0"], ["--trajectories", "1e3.5"]])
def test_extend_needs_a_number(typed, words):
    code, out, err = typed("extend", "pair", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)


# --- stopped, and who works -----------------------------------------------------------------------


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("command", [["resume"], ["extend", "--trajectories", "700"]])
def test_a_stopped_command_is_repeated(typed, monkeypatch, command):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(continuing, "_computed", stop)
    name, *words = command
    again = " ".join([name, "pair", *words, "--quiet"])
    assert typed(name, "pair", *words, "--quiet") == (
        130,
        "",
        f"interrupted: whole parts are kept in pair; to go on: fluctua {again}\n",
    )


@pytest.mark.parametrize("command", ["run", "resume", "extend"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scheduler", "tls://head:8786"], "a scheduler without Dask (--scheduler): add --executor dask"),
        (["--executor", "processes", "--scheduler", "a"], "a scheduler without Dask (--scheduler)"),
        (["--executor", "dask", "--insecure"], "insecure, and no scheduler (--insecure)"),
        (["--executor", "mpi"], "invalid choice: 'mpi' (choose from"),
        (["--threads", "0"], "'0' is not a whole number above zero"),
    ],
)
def test_workers_that_cannot_be_are_refused(typed, command, words, said):
    place = ["small.toml", "--out", "pair"] if command == "run" else ["pair"]
    more = ["--trajectories", "700"] if command == "extend" else []
    code, out, err = typed(command, *place, *more, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_workers_are_those_that_were_asked_for():
    plain = Namespace(threads=3, executor=None, scheduler=None, insecure=False, quiet=True)
    with computing.workers(plain) as words:
        assert words == {"threads": 3, "progress": False}
    assert computing.words_of_workers(plain) == ["--threads", "3"]


@pytest.fixture
def crews(monkeypatch):
    """Let threads stand in for other workers; what was asked for, and whether they were sent home."""
    asked = []

    @contextmanager
    def executor_named(name, workers=None, **where):
        asked.append((name, workers, where))
        with ThreadPoolExecutor(1) as pool:
            yield pool
        asked.append("home")

    monkeypatch.setattr(executing, "executor_named", executor_named)
    return asked


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["--executor", "processes"], ("processes", None, {"scheduler": None, "insecure": False})),
        (
            ["--executor", "dask", "--threads", "3", "--scheduler", "tcp://head:8786", "--insecure"],
            ("dask", 3, {"scheduler": "tcp://head:8786", "insecure": True}),
        ),
    ],
)
def test_one_crew_makes_all_runs_of_a_command(typed, pair, crews, words, asked):
    assert typed("run", "small.toml", "--both", "--out", "other", "--quiet", *words) == (0, "", "")
    for place in pair:
        assert files("other" / place.relative_to("pair")) == pair[place]
    lose(FORWARD, 1)
    assert typed("resume", "pair", "--quiet", *words) == (0, "", "")
    assert typed("extend", "pair", "--trajectories", "600", "--quiet", *words) == (0, "", "")
    assert crews == [asked, "home"] * 3


@pytest.mark.usefixtures("pair")
def test_threads_are_no_crew(typed, crews):
    assert typed("extend", "pair", "--trajectories", "600", "--quiet", "--executor", "threads")[0] == 0
    assert crews == []


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_who_computes_changes_no_byte(typed, pair, executor):
    words = ["--executor", executor, "--threads", "2", "--quiet"]
    assert typed("run", "small.toml", "--both", "--out", "other", *words) == (0, "", "")
    for place in pair:
        assert files("other" / place.relative_to("pair")) == pair[place]


# --- parts of a run, and rules --------------------------------------------------------------------


def test_shards_make_the_run(typed, pair):
    for k in (2, 3, 1):
        code, out, err = typed("run", "small.toml", "--out", "other", "--shard", f"{k}/3")
        assert (code, err.count("\n")) == (0, 1)
    assert "500 of 500 trajectories" in out
    assert files(Path("other")) == pair[FORWARD]


def test_resume_makes_what_no_shard_made(typed, pair):
    typed("run", "small.toml", "--out", "other", "--shard", "2/3", "--quiet")
    assert len(files(Path("other"))) < len(pair[FORWARD])
    assert typed("resume", "other", "--quiet") == (0, "", "")
    assert files(Path("other")) == pair[FORWARD]


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/", "/3", "1/0", "-1/3", "a/b", "1/3/5", "1.0/3"])
def test_a_shard_is_one_of_so_many(typed, text):
    code, _, err = typed("run", "small.toml", f"--shard={text}")
    assert code == 2
    assert f"{text!r} is not K/N, from 1/N to N/N, like 3/64" in err


def test_a_part_of_a_run_is_not_stopped_by_a_rule(typed):
    code, _, err = typed("run", "small.toml", "--shard", "1/3", "--until", "crooks holds within 0.02")
    assert code == 2
    assert "a part of a run cannot be stopped by a rule" in err


@pytest.fixture(scope="module")
def decided(tmp_path_factory, small_spec):
    """A pair that stopped by its rule before its limit, made once for all tests."""
    folder = tmp_path_factory.mktemp("decided") / "pair"
    driven = {"protocol.steps.0.k": [1.0, 4.0], "time_step": 0.01, "trajectories": 100_000}
    spec = small_spec.replace(driven)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LARGEST", 4096)
        fl.sweep([spec, spec.reversed()], folder, until=RULE, progress=False)
    return folder


@pytest.fixture
def ruled(decided, spec_file, monkeypatch):
    """A copy of both; their files by name."""
    monkeypatch.setattr(chunks, "LARGEST", 4096)  # it decides where a run is looked at
    shutil.copytree(decided, Path(spec_file).with_name("pair"))
    return {place: files(place) for place in (FORWARD, REVERSE)}


def unmake(place, trajectories):
    """Leave a run under a rule as a kill would have left it after a look."""
    target = json.loads((place / "target.json").read_text())
    until = {key: target["until"][key] for key in ("rule", "alpha", "limit")}
    (place / "target.json").write_text(json.dumps({"trajectories": trajectories, "until": until}))
    for number in range(trajectories // 4096, len(list(place.glob("parts/*")))):
        lose(place, number)


def test_resume_follows_the_rule(typed, ruled):
    assert typed("resume", "pair")[2] == f"{RULE}: holds, after {stopped(FORWARD):,} of 100,000 pairs\n"
    assert {place: files(place) for place in ruled} == ruled
    assert stopped(FORWARD) > 4096
    for place in ruled:
        unmake(place, 4096)
    assert stopped(FORWARD) == 4096
    code, _, err = typed("resume", "pair")
    assert code == 0
    assert err.startswith(f"{RULE}: holds, slope ")
    assert {place: files(place) for place in ruled} == ruled


def test_resume_makes_the_direction_that_a_rule_waits_for(typed, ruled):
    unmake(FORWARD, 4096)
    shutil.rmtree(REVERSE)
    runs = json.loads(typed("resume", "pair", "--json", "--quiet")[1])["runs"]
    assert [run["computed"] for run in runs] == [stopped(FORWARD) - 4096, stopped(FORWARD)]
    assert {place: files(place) for place in ruled} == ruled


def test_extend_looks_at_no_rule(typed, ruled):
    more = stopped(FORWARD) + 4096
    code, _, err = typed("extend", "pair", "--trajectories", more)
    assert (code, err) == (0, "")
    assert [stopped(place) for place in ruled] == [more, more]


def stopped(place):
    """Return how many trajectories a run was asked for in the end."""
    return json.loads((place / "target.json").read_text())["trajectories"]


# --- the same command again -----------------------------------------------------------------------


def test_a_damaged_run_is_not_called_finished(typed, pair):
    part = next(FORWARD.glob("parts/part-00000001-*"))
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    code, out, err = typed("resume", FORWARD)
    assert (code, out) == (65, "")
    assert "nothing to do" not in err
    assert err.count("\n") == 1
    assert pair


@pytest.mark.parametrize("words", [[], ["--shard", "2/3"]])
def test_the_command_that_began_a_run_opens_it_after_it_was_extended(typed, words):
    typed("run", "small.toml", "--out", "a", "--quiet", *words)
    typed("extend", "a", "--trajectories", "700", "--quiet")
    before = files(Path("a"))
    code, out, err = typed("run", "small.toml", "--out", "a", *words)
    assert (code, out[:30]) == (0, "Dataset a: 700 of 700 trajecto")
    assert err.startswith("a holds more, 700 trajectories: it is opened as it is\n")
    assert files(Path("a")) == before
    code, _, err = typed("run", "small.toml", "--out", "a", "--seed", "2", *words)
    assert code == 2
    assert "the folder holds another run" in err


@pytest.mark.usefixtures("pair")
def test_of_a_pair_either_may_have_been_extended(typed):
    typed("extend", FORWARD, "--trajectories", "700", "--quiet")
    lose(FORWARD, 5)
    code, out, err = typed("run", "small.toml", "--both", "--out", "pair", "--json")
    assert (code, err) == (
        0,
        f"{FORWARD} was asked for more since, 700 trajectories: it goes on with those\n",
    )
    assert [(run["trajectories"], run["computed"]) for run in json.loads(out)["runs"]] == [
        (700, 60),
        (500, 0),
    ]


def test_a_drawn_seed_follows_the_folder_of_a_larger_run(typed):
    Path("drawn.toml").write_text(Path("small.toml").read_text().replace("seed = 1\n", ""))
    typed("run", "drawn.toml", "--out", "a", "--quiet")
    typed("extend", "a", "--trajectories", "700", "--quiet")
    before = files(Path("a"))
    assert typed("run", "drawn.toml", "--out", "a", "--quiet") == (0, "", "")
    assert files(Path("a")) == before


def test_a_shard_says_what_it_has_and_what_is_missing(typed):
    words = ["run", "small.toml", "--out", "a b", "--shard"]
    rest = "fluctua check 'a b'\n"
    assert typed(*words, "2/3")[2] == (
        f"shard 2/3 is done: 128 trajectories; of 500, 372 are not there: {rest}"
    )
    assert typed(*words, "2/3")[2] == (
        f"nothing to do: shard 2/3 is done: 128 trajectories; of 500, 372 are not there: {rest}"
    )
    assert typed(*words, "7/9")[2] == f"shard 7/9 has no part of the run; of 500, 372 are not there: {rest}"
    assert json.loads(typed(*words, "1/3", "--json")[1])["runs"][0]["computed"] == 128 + 500 - 3 * 128
    assert typed(*words, "3/3")[2] == f"shard 3/3 is done: 128 trajectories; of 500, all are there: {rest}"
    assert typed(*words, "3/3", "--quiet") == (0, "", "")


def test_the_cost_of_a_shard_is_that_of_its_share(typed):
    words = ["run", "small.toml", "--trajectories", "100_000", "--dry-run"]
    whole, share, none = (
        json.loads(typed(*words, "--json", *more)[1])
        for more in ([], ["--shard", "3/4"], ["--shard", "999/1000"])
    )
    assert whole["trajectories"] == 100_000  # 782 parts; the third of four has those with numbers 2, 6, ...
    assert (share["trajectories"], none["trajectories"]) == (128 * len(range(2, 782, 4)), 0)
    assert share["disk"] < whole["disk"] / 2
    assert "in shard 3/4\n" in typed(*words, "--shard", "3/4")[1]


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("gone", [None, FORWARD])
def test_one_direction_alone_is_not_put_into_the_folder_of_a_pair(typed, gone):
    if gone is not None:
        shutil.rmtree(gone)
    code, out, err = typed("run", "small.toml", "--out", "pair")
    assert (code, out) == (2, "")
    assert err == "error: the folder holds a pair, a run and its reverse (pair): add --both\n"
