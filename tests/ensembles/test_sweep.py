from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fluctua.ensembles import sweep as sweeping
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.runs import Runs
from fluctua.ensembles.runs import open as open_folder
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.sweep import folder_of, labels_of, load_specs, never_begun, planned, sweep
from fluctua.stochastic.errors import Damaged, InvalidInput

SWEEP = """
[sweep]
dynamics.friction = [1.0, 2.0]
protocol.cycles = [2, 3]
"""
POINTS = """
[[sweep]]
dynamics.friction = 1.0
protocol.cycles = 3

[[sweep]]
dynamics.friction = 2.0
seed = 9
"""


@pytest.fixture
def short(spec: EnsembleSpec) -> EnsembleSpec:
    return spec.replace({"trajectories": 300})


def test_a_pair_is_the_sweep_over_direction(short: EnsembleSpec, tmp_path: Path) -> None:
    forward, reverse = sweep([short, short.reversed()], tmp_path / "pair")
    assert forward.path == tmp_path / "pair" / "direction=forward"
    assert reverse.path == tmp_path / "pair" / "direction=reverse"
    assert reverse.spec == forward.spec.reversed()
    single = simulate(short, tmp_path / "single")
    assert [file.name for file in single.files] == [file.name for file in forward.files]
    opened = open_folder(tmp_path / "pair")
    assert isinstance(opened, Runs)
    assert [run.spec for run in opened] == [short, short.reversed()]
    assert repr(opened) == f"Runs {tmp_path / 'pair'}: 2 runs over direction"


def test_folders_are_named_by_what_differs(short: EnsembleSpec, tmp_path: Path) -> None:
    runs = sweep(short.vary({"dynamics.friction": [1.0, 2.0], "protocol.cycles": [2, 3]}), tmp_path / "s")
    assert [run.path.relative_to(tmp_path) for run in runs if run.path] == [
        Path(f"s/friction={friction}/cycles={cycles}") for friction in (1.0, 2.0) for cycles in (2, 3)
    ]
    assert runs.labels[3] == {"friction": 2.0, "cycles": 3}
    assert (
        len(sweep(short.vary({"dynamics.friction": [1.0, 2.0], "protocol.cycles": [2, 3]}), tmp_path / "s"))
        == 4
    )


def test_a_table_of_runs(short: EnsembleSpec, tmp_path: Path) -> None:
    runs = sweep(short.vary({"dynamics.friction": [1.0, 2.0], "protocol.cycles": [2, 3]}), tmp_path / "s")
    table = runs.table(["work", "x_final > 0"])
    assert table.index.names == ["friction", "cycles"]
    assert table["work"]["mean"].loc[(2.0, 3)] == runs[3].mean("work").value
    assert table["x_final > 0"]["standard_error"].loc[(1.0, 2)] == runs[0].mean("x_final > 0").standard_error
    assert table.attrs["shared_noise"]
    again = open_folder(tmp_path / "s").table("work")
    np.testing.assert_array_equal(again["work"], table["work"])
    assert not sweep([short, short.replace({"seed": 8})]).table("work").attrs["shared_noise"]


def test_others_read_the_folders_as_columns(short: EnsembleSpec, tmp_path: Path) -> None:
    import pyarrow.dataset as ds

    sweep(short.vary({"dynamics.friction": [1.0, 2.0]}), tmp_path / "s")
    files = [str(file) for file in sorted((tmp_path / "s").glob("**/parts/*.parquet"))]
    frame = (
        ds.dataset(files, partitioning="hive", partition_base_dir=str(tmp_path / "s")).to_table().to_pandas()
    )
    assert sorted(set(frame["friction"].astype(float))) == [1.0, 2.0]
    assert len(frame) == 600


def test_what_has_no_short_text_becomes_a_point(short: EnsembleSpec, tmp_path: Path) -> None:
    varied = short.vary({"protocol.steps.squeeze.k": [[1.0, 4.0], "1 + 3*s**2"]})
    linear, late = sweep(varied, tmp_path / "s")
    assert [run.path.name for run in (linear, late) if run.path] == ["point=0", "point=1"]
    assert len(sweep(varied)) == 2


@pytest.mark.parametrize(
    ("path", "values", "labels"),
    [
        ("seed", [1, 2], [{"seed": 1}, {"seed": 2}]),
        ("strokes", [True, False], [{"strokes": True}, {"strokes": False}]),
        ("dynamics.scheme", ["euler-maruyama", "heun"], [{"scheme": "euler-maruyama"}, {"scheme": "heun"}]),
        ("initial.beta", [1.0, 2.0], [{"beta": 1.0}, {"beta": 2.0}]),
        ("system.energy", ["k/2 * x**2", "k * x**2"], [{"point": 0}, {"point": 1}]),
        ("protocol.steps.2 hold.duration", [0.1, 0.2], None),
    ],
)
def test_labels(spec: EnsembleSpec, path: str, values: list[object], labels: object) -> None:
    if labels is None:
        with pytest.raises(InvalidInput, match="not an item"):
            spec.vary({path: values})  # a default name is no name
        return
    found = labels_of(spec.vary({path: values}))
    assert found == labels
    assert all(len(folder_of(label).parts) == 1 for label in found)


def test_names_that_meet_get_more_words(spec: EnsembleSpec) -> None:
    both = spec.vary(
        [{"dynamics.friction": 1.0, "initial.beta": 2.0, "protocol.beta": 3.0}, {"initial.beta": 1.0}]
    )
    assert [set(label) for label in labels_of(both)] == [{"initial_beta", "protocol_beta"}] * 2


def test_a_file_with_a_sweep_is_a_list_of_specs(spec: EnsembleSpec, tmp_path: Path) -> None:
    (tmp_path / "product.toml").write_text(str(spec) + SWEEP)
    assert load_specs(tmp_path / "product.toml") == spec.vary(
        {"dynamics.friction": [1.0, 2.0], "protocol.cycles": [2, 3]}
    )
    (tmp_path / "points.toml").write_text(str(spec) + POINTS)
    assert load_specs(tmp_path / "points.toml", {"trajectories": 400}) == spec.replace(
        {"trajectories": 400}
    ).vary([{"dynamics.friction": 1.0, "protocol.cycles": 3}, {"dynamics.friction": 2.0, "seed": 9}])
    (tmp_path / "one.toml").write_text(str(spec))
    assert load_specs(tmp_path / "one.toml", {"seed": 3}) == [spec.replace({"seed": 3})]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sweep]\ndynamics.friction = 1.0", "1.0 is not a list of values (sweep.dynamics.friction)"),
        ("[sweep]\ndynamics.frction = [1.0]", "'frction' is unknown"),
        ("[sweep]\n", "nothing to vary over"),
        ("[sweep]\ndynamics.friction = []", "nothing to vary over"),
    ],
)
def test_a_wrong_sweep_is_told(spec: EnsembleSpec, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "s.toml").write_text(f"{spec}\n{text}\n")
    with pytest.raises(InvalidInput) as caught:
        load_specs(tmp_path / "s.toml")
    assert said in str(caught.value)


def test_places_that_hold_something_else_are_refused(short: EnsembleSpec, tmp_path: Path) -> None:
    simulate(short, tmp_path / "single")
    with pytest.raises(InvalidInput, match="holds a single run"):
        sweep([short, short.reversed()], tmp_path / "single")
    sweep([short, short.reversed()], tmp_path / "pair")
    with pytest.raises(InvalidInput, match="a sweep over direction"):
        sweep(short.vary({"seed": [1, 2]}), tmp_path / "pair")
    other = short.replace({"seed": 1})
    with pytest.raises(InvalidInput, match="another run"):
        sweep([other, other.reversed()], tmp_path / "pair")
    with pytest.raises(InvalidInput, match="holds something else"):
        simulate(short, tmp_path / "pair")
    (tmp_path / "pair" / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInput, match=r"holds something else .*notes.txt"):
        sweep([short, short.reversed()], tmp_path / "pair")


def test_one_folder_holds_one_sweep(short: EnsembleSpec, tmp_path: Path) -> None:
    """Neither deeper nor shallower: a run inside another would be hidden, and stop the outer one."""
    flat = short.vary({"dynamics.friction": [1.0, 2.0]})
    deep = short.vary({"dynamics.friction": [1.0, 2.0], "protocol.cycles": [2, 3]})
    other = short.vary({"dynamics.friction": [3.0, 4.0]})
    sweep(flat, tmp_path / "flat")
    with pytest.raises(InvalidInput, match=r"holds a sweep over friction .*: not over friction, cycles"):
        sweep(deep, tmp_path / "flat")
    sweep(deep, tmp_path / "deep")
    for shallow in (flat, other):
        with pytest.raises(InvalidInput, match=r"holds a sweep over friction, cycles .*: not over friction:"):
            sweep(shallow, tmp_path / "deep")
    for folder, count in (("flat", 2), ("deep", 4)):
        assert len(list((tmp_path / folder).rglob("manifest.json"))) == count
    assert len(sweep(flat, tmp_path / "flat")) == 2
    assert len(sweep(other, tmp_path / "flat")) == 2  # more values of the same word are one sweep
    assert len(open_folder(tmp_path / "flat")) == 4


def test_a_sweep_inside_a_run_is_refused(short: EnsembleSpec, tmp_path: Path) -> None:
    simulate(short, tmp_path / "one")
    with pytest.raises(InvalidInput, match="lies inside a run"):
        sweep([short, short.reversed()], tmp_path / "one" / "pair")
    assert not (tmp_path / "one" / "pair").exists()


def test_a_pair_that_was_interrupted_keeps_its_one_seed(short: EnsembleSpec, tmp_path: Path) -> None:
    drawn = short.replace({"seed": None})
    simulate(drawn, tmp_path / "pair" / "direction=forward")
    again = short.replace({"seed": None})
    forward, reverse = sweep([again, again.reversed()], tmp_path / "pair")
    assert forward.spec.seed == drawn.seed
    assert reverse.spec == forward.spec.reversed()


def test_lists_that_are_no_sweep_are_refused(short: EnsembleSpec) -> None:
    with pytest.raises(InvalidInput, match="specs 0 and 1 are the same"):
        sweep([short, short])
    with pytest.raises(InvalidInput, match="0 specs"):
        sweep([])
    with pytest.raises(InvalidInput, match="no list of specs"):
        sweep(short)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="shard"):
        sweep([short], shard="x")


def test_many_runs_are_a_list(short: EnsembleSpec) -> None:
    runs = sweep(short.vary({"seed": [1, 2, 3]}))
    assert isinstance(runs[0], Dataset)
    assert isinstance(runs[1:], Runs)
    assert runs[1:].labels == [{"seed": 2}, {"seed": 3}]
    assert [run.spec.seed for run in runs] == [1, 2, 3]
    assert repr(runs) == "Runs in memory: 3 runs over seed"


def test_changes_repair_a_file(spec, tmp_path):
    table = spec.table()
    del table["trajectories"]
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(table))
    with pytest.raises(InvalidInput, match="no trajectories"):
        load_specs(file)
    assert load_specs(file, {"trajectories": spec.trajectories}) == [spec]
    steps = [{key: value for key, value in step.items() if key != "k"} for step in table["protocol"]["steps"]]
    file.write_text(json.dumps(table | {"protocol": table["protocol"] | {"steps": steps}}))
    repair = {"trajectories": spec.trajectories, "protocol.k": 1.0}
    assert load_specs(file, repair)[0].schedule.start_controls.tolist() == [1.0]


def test_a_drawn_seed_stays_drawn_under_changes(spec, tmp_path):
    table = spec.table()
    del table["seed"]
    file = tmp_path / "drawn.json"
    file.write_text(json.dumps(table))
    assert load_specs(file, {"dynamics.friction": 2.0})[0].seed_was_drawn
    assert not load_specs(file, {"seed": 2})[0].seed_was_drawn


# ---- which runs there are to be


@pytest.fixture
def three(short: EnsembleSpec) -> list[EnsembleSpec]:
    return short.vary({"dynamics.friction": [1.0, 2.0, 4.0]})


def stopped_in(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a sweep be stopped when it comes to its run of some number."""
    runs = iter(range(9))

    def make(spec: EnsembleSpec, *where: object, **how: object) -> Dataset:
        if next(runs) == number:
            raise KeyboardInterrupt
        return simulate(spec, *where, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(sweeping, "simulate", make)


def test_a_stopped_sweep_tells_of_the_runs_that_it_had_not_begun(
    three: list[EnsembleSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_in(1, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        sweep(three, tmp_path / "a")
    places = [tmp_path / "a" / f"friction={friction}" for friction in (1.0, 2.0, 4.0)]
    assert planned(tmp_path / "a") == dict(zip(places, three, strict=True))
    assert list(never_begun(tmp_path / "a")) == places[1:]
    assert len(open_folder(tmp_path / "a")) == 1
    monkeypatch.undo()
    assert len(sweep(three, tmp_path / "a")) == 3
    assert never_begun(tmp_path / "a") == {}


def test_where_no_run_could_be_begun_nothing_is_left(
    three: list[EnsembleSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_in(0, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        sweep(three, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_larger_sweep_adds_its_runs_to_those_noted(three: list[EnsembleSpec], tmp_path: Path) -> None:
    sweep(three[:2], tmp_path / "a")
    (tmp_path / "a" / "sweep.json.123-0a1b").write_text("{")  # left by a killed writer
    sweep(three[1:], tmp_path / "a")
    assert list(planned(tmp_path / "a").values()) == three


def test_pairs_and_single_runs_need_no_note(short: EnsembleSpec, tmp_path: Path) -> None:
    sweep([short, short.reversed()], tmp_path / "pair")
    assert not (tmp_path / "pair" / "sweep.json").exists()
    assert planned(tmp_path / "pair") == planned(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1.0", "3.0"),
        ('"runs"', '"walks"'),
        ("friction=1.0", "../friction=1.0"),
        ("{", "["),
        ("Overdamped", "O"),
    ],
)
def test_a_changed_note_is_damaged(three: list[EnsembleSpec], tmp_path: Path, old: str, new: str) -> None:
    sweep(three[:2], tmp_path / "a")
    note = tmp_path / "a" / "sweep.json"
    text = note.read_text()
    note.write_text(text.replace(old, new, 1))
    assert note.read_text() != text
    with pytest.raises(Damaged, match="does not say which runs there are to be"):
        planned(tmp_path / "a")
