"""`simulate` and `sweep` as everybody calls them: with a rule that stops them, and without."""

import inspect

import pytest

import fluctua as fl
from fluctua import making
from fluctua.analysis import until
from fluctua.ensembles import runner
from fluctua.ensembles import sweep as sweeping


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
