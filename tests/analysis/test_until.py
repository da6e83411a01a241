"""Runs that stop when they are decided: at the same place whatever happened on the way."""

import hashlib
import itertools
import json
import math
import re
import shutil

import numpy as np
import pytest

from fluctua.analysis import growing, rules, until
from fluctua.analysis.growing import stretch
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.slope_bounds import SlopeBounds
from fluctua.analysis.until import Rule, looks, resume_until, run_until
from fluctua.analysis.verify import verify
from fluctua.ensembles import chunks
from fluctua.ensembles import sweep as sweeping
from fluctua.ensembles.estimate import uncertain
from fluctua.ensembles.manifest import read_manifest, read_target, read_until
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import Writer
from fluctua.ensembles.sweep import sweep
from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.errors import Damaged, InvalidInput, StorageError
from fluctua.stochastic.initial import Point, Steady
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold, Isothermal

import soak

ROWS, FIRST = 1_024, 512
CROOKS, WIDE = Rule("crooks", 0.2), Rule("crooks", 0.25)


def spec_of(trajectories=20_000, seed=7, **more):
    trap = Potential("k/2 * x**2", coordinates="x", controls="k")
    squeeze = Protocol([Isothermal(0.2, k=(1.0, 4.0))], beta=1.0)
    return EnsembleSpec(
        trap,
        Overdamped(friction=1.0),
        squeeze,
        trajectories=trajectories,
        time_step=0.0025,
        seed=seed,
        **more,
    )


def pair_of(*given, **more):
    spec = spec_of(*given, **more)
    return [spec, spec.reversed()]


def gyrator(trajectories, initial=None):
    well = Potential("(x**2 + y**2)/2 + u*x*y", coordinates=("x", "y"), parameters={"u": 0.5})
    baths = [Bath("hot", on="x", friction=1.0), Bath("cold", on="y", friction=1.0)]
    still = Protocol([Hold(6.0)], temperature={"hot": 2.0, "cold": 1.0})
    return EnsembleSpec(
        well,
        Overdamped(baths=baths),
        still,
        trajectories=trajectories,
        time_step=0.02,
        seed=6,
        initial=initial or Steady(),
    )


@pytest.fixture(scope="module", autouse=True)
def small_looks():
    """Let chunks and the first look be small, so that a small run has many of both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LARGEST", ROWS)
        patch.setattr(until, "FIRST", FIRST)
        yield


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A pair that was left alone until it stopped."""
    return run_until(pair_of(), tmp_path_factory.mktemp("runs") / "alone", CROOKS, progress=False)


def content(folder):
    """Give everything in a folder but the log and the lock, which tell what happened on the way."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in ("log.txt", ".lock")
    }


# ---- rules


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("crooks holds within 0.02", Rule("crooks", 0.02)),
        ("detailed holds within 0.1 at 0.01", Rule("detailed", 0.1, 0.01)),
        ("crooks holds within 1e-05", Rule("crooks", 1e-5)),
    ],
)
def test_rules_are_read_and_written_back(text, rule):
    assert Rule.parse(text) == rule
    assert str(rule) == text
    assert Rule.parse(f"  {text.replace(' ', '  ')} ") == rule


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no rule"),
        ("crooks", "no rule"),
        ("crooks violated within 0.1", "no rule"),
        ("crooks holds within 0.1 please", "no rule"),
        ("jarzynski holds within 0.1", "average has no bound (until): take crooks"),
        ("integral holds within 0.1", "average has no bound (until): take crooks"),
        ("second-law holds within 0.1", "second-law cannot be shown to hold"),
        ("croks holds within 0.1", "did you mean 'crooks'"),
        ("crooks holds within little", "is no tolerance"),
        ("crooks holds within nan", "no tolerance of a slope"),
        ("crooks holds within 0.5", "at most 0.25"),
        ("crooks holds within 0.1 at 2", "no error rate"),
    ],
)
def test_what_is_no_rule_is_refused(text, told):
    with pytest.raises(InvalidInput) as refused:
        Rule.parse(text)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("rule", "specs", "told"),
    [
        (CROOKS, lambda: [spec_of()], "needs a run and its reverse"),
        (CROOKS, lambda: [spec_of(), spec_of(seed=8).reversed()], "needs a run and its reverse"),
        (CROOKS, lambda: [spec_of(), spec_of(10_000).reversed()], "needs a run and its reverse"),
        (
            CROOKS,
            lambda: [spec_of(initial=Point(x=0.0)), spec_of().reversed()],
            "needs a run and its reverse",
        ),
        (Rule("detailed", 0.1), pair_of, "one run"),
        (Rule("detailed", 0.1), lambda: [spec_of()], "do not change"),
        (Rule("detailed", 0.1), lambda: [gyrator(600, Point(x=0.0, y=0.0))], "detailed needs"),
    ],
)
def test_specs_that_a_rule_is_not_about_are_refused(rule, specs, told, tmp_path):
    with pytest.raises(InvalidInput, match=told):
        run_until(specs(), tmp_path / "run", rule)
    assert not (tmp_path / "run").exists()


# ---- looks


@pytest.mark.parametrize(("limit", "chunk"), [(10, 64), (512, 64), (100_000, 64), (50_000, 4_096)])
def test_looks_double_and_then_grow_by_a_quarter_in_whole_chunks(limit, chunk):
    sizes = list(looks(limit, chunk))
    assert sizes[-1] == limit
    assert sizes[0] == min(limit, FIRST)
    for before, after in itertools.pairwise(sizes[:-1]):
        assert after == 2 * before if before < chunk else after % chunk == 0
        assert before < chunk or before + before / 4 <= after < before + before / 4 + chunk
    assert sizes == sorted(set(sizes))


def test_looks_begin_where_all_paths_are_there():
    assert list(looks(5_000, ROWS, 600)) == [1_024, 2_048, 3_072, 4_096, 5_000]
    assert list(looks(550, ROWS, 550)) == [550]


# ---- the end


def decided(specs, rule, values):
    """Judge a whole run of the limit at the sizes of the looks: the slow twin."""
    s, known = values([simulate(spec, progress=False) for spec in specs]), None
    for size in looks(specs[0].trajectories, ROWS):
        known = SlopeBounds.before(rule.tolerance, rule.alpha).update(s[:size])
        if known.decision != "undecidable":
            break
    return size, known


def test_a_pair_stops_where_the_slow_twin_does(alone):
    size, known = decided(pair_of(), CROOKS, lambda runs: Ledger(runs[0]).work + Ledger(runs[1]).work)
    assert alone.outcome == known.decision == "holds"
    assert alone.trajectories == size
    assert alone.known == known  # to the last bit
    assert 3 * FIRST < size < 20_000, "neither at once nor at the limit"
    assert [len(run) for run in alone.runs] == [size, size]


def test_the_rule_and_the_outcome_are_noted(alone):
    for run in alone.runs:
        noted = {"rule": "crooks holds within 0.2", "alpha": 0.05, "limit": 20_000, "outcome": "holds"}
        assert read_until(run.path) == noted
        assert read_target(run.path) == alone.trajectories
        assert read_manifest(run.path)["until"] == "crooks holds within 0.2"
        assert json.loads((run.path / "target.json").read_text())["until"] == noted


def test_the_rows_are_those_of_a_run_without_a_rule(alone, tmp_path):
    size = alone.trajectories
    plain = sweep(pair_of(size), tmp_path / "plain", progress=False)
    for ruled, run in zip(alone.runs, plain, strict=True):
        assert [file.name for file in ruled.files] == [file.name for file in run.files]


def test_the_line_at_the_end_says_what_was_decided(alone):
    interval = alone.interval
    assert 0.8 <= interval.low < interval.slope < interval.high <= 1.2
    begin, slope, end = str(alone).split(", ")[:3]
    assert begin == "crooks holds within 0.2: holds"
    assert slope.startswith("slope ")
    assert end.startswith("from ")
    assert str(alone).endswith(f"(90 %), after {alone.trajectories:,} of 20,000 pairs")


def test_in_memory_it_ends_alike(alone):
    found = run_until(pair_of(), None, CROOKS, progress=False, threads=1)
    assert (found.outcome, found.trajectories) == (alone.outcome, alone.trajectories)
    assert found.known == alone.known
    for mine, other in zip(found.runs, alone.runs, strict=True):
        assert np.array_equal(mine["work"], other["work"])
    with pytest.raises(InvalidInput, match="executor without a folder"):
        run_until(pair_of(), None, CROOKS, executor="processes")


def test_the_order_of_the_two_directions_decides_nothing(alone):
    found = run_until(pair_of()[::-1], None, CROOKS, progress=False)
    assert found.known == alone.known
    assert [run.spec.direction for run in found.runs] == ["reverse", "forward"]


def test_a_theorem_that_fails_stops_the_run(monkeypatch, tmp_path):
    pairs = rules.dissipation_of_pairs
    monkeypatch.setattr(rules, "dissipation_of_pairs", lambda *work: 2.5 * pairs(*work))
    found = run_until(pair_of(), tmp_path / "run", CROOKS, progress=False)
    assert found.outcome == "violated"
    assert found.trajectories < 5_000
    assert read_until(found.runs[0].path)["outcome"] == "violated"
    assert found.interval.slope == pytest.approx(0.4, abs=0.1)
    assert found.violated
    said = str(found).removeprefix("crooks holds within 0.2: violated (bets against it won ")
    times, most = said.split(", most on ", 1)
    assert times.endswith(f" times the stake after {found.known.theorem.peak_at:,}")
    assert most.startswith("a slope of 0.5), slope 0.")
    assert most.endswith("; fluctua time-step tells whether the time step is too long for it")
    again = run_until(pair_of(), tmp_path / "run", CROOKS, progress=False)
    assert again.known is None
    assert again.why == found.why
    assert again.table() == found.table()


def test_the_table_says_what_the_line_says(alone):
    found, interval = alone.table(), alone.interval
    assert found == {
        "rule": "crooks holds within 0.2",
        "outcome": "holds",
        "slope": interval.slope,
        "interval": [interval.low, interval.high],
        "level": 0.9,
        "trajectories": alone.trajectories,
        "limit": 20_000,
        "violated": None,
    }
    assert not alone.violated
    opened = run_until(pair_of(), alone.runs.path, CROOKS, progress=False)
    assert opened.table() == found


def test_what_is_not_bounded_is_told_with_its_error_and_how_many_would_do():
    found = run_until(pair_of(2_000), None, Rule("crooks", 0.001), progress=False)
    assert found.table()["interval"] == [None, None]
    slope, error = found.interval.slope, found.known.estimate[1]
    told = str(found).split(", slope ")[1]
    assert told.startswith(f"{uncertain(slope, error)}, after 2,000 of 2,000 pairs; about ")
    wanted = 1.4 * 2_000 * (2 * 1.6449 * error / 0.001) ** 2
    assert wanted <= found.enough <= 2 * wanted
    assert told.endswith(f"about {found.enough:,} may do")


def test_more_than_anybody_makes_is_not_counted(alone):
    for tolerance, told in ((1e-3, "may do"), (1e-9, "; more than 10^12 may do")):
        near = SlopeBounds.before(tolerance).update(np.random.default_rng(3).normal(1.0, math.sqrt(2.0), 200))
        found = until.Stopped(alone.runs, Rule("crooks", tolerance), "undecidable", 200, 300, near)
        assert str(found).endswith(told)
        assert (found.enough > 10**12) == ("more than" in str(found))


def test_about_so_many_do():
    """Six more runs that are given as many as the first asks for: about half of them hold."""
    short = run_until(pair_of(1_500), None, CROOKS, progress=False)
    assert short.outcome == "undecidable"
    assert 1_500 < short.enough < 20_000
    ended = [run_until(pair_of(short.enough, seed), None, CROOKS, progress=False) for seed in range(20, 26)]
    assert any(one.outcome == "holds" for one in ended)  # a chance of a half each: one of them, with 98 %


def test_what_cannot_hold_is_not_forecast(alone):
    far = SlopeBounds.before(0.1).update(np.full(200, 0.3))
    assert until.Stopped(alone.runs, Rule("crooks", 0.1), "undecidable", 200, 300, far).enough is None
    assert alone.enough is None


def test_at_the_limit_nothing_is_decided_and_a_larger_one_goes_on(tmp_path):
    narrow = Rule("crooks", 0.1)
    first = run_until(pair_of(1_500), tmp_path / "run", narrow, progress=False)
    assert (first.outcome, first.trajectories) == ("undecidable", 1_500)
    again = run_until(pair_of(2_500), tmp_path / "run", narrow, progress=False)
    assert (again.outcome, again.trajectories) == ("undecidable", 2_500)
    assert [run.complete for run in again.runs] == [True, True]
    with pytest.raises(
        InvalidInput, match="the folder holds more, 2,500 trajectories, than the rule's limit"
    ):
        run_until(pair_of(1_500), tmp_path / "run", narrow, progress=False)


def test_after_an_extension_the_command_says_what_judges_all(alone, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(alone.runs.path, folder)
    sweep(pair_of(20_500), folder, progress=False)
    with pytest.raises(InvalidInput) as refused:
        run_until(pair_of(), folder, CROOKS, progress=False)
    assert refused.value.what == "the folder holds more, 20,500 trajectories, than the rule's limit of 20,000"
    assert refused.value.remedy == (
        "fluctua verify judges all that is there; a limit of 20,500 or more goes on"
    )
    again = run_until(pair_of(20_500), folder, CROOKS, progress=False)
    assert (again.outcome, again.trajectories) == (alone.outcome, alone.trajectories)


@pytest.mark.parametrize("folder", ["run", None], ids=["folder", "memory"])
def test_room_is_asked_for_the_limit_before_anything_is_made(folder, tmp_path):
    enormous = pair_of(10**12)
    with pytest.raises((StorageError, InvalidInput), match="or lower the limit of 1,000,000,000,000 traj"):
        run_until(enormous, folder and tmp_path / folder, CROOKS, progress=False)
    assert not any(tmp_path.iterdir())


def test_the_log_tells_rule_looks_and_outcome(alone):
    for run in alone.runs:
        lines = (run.path / "log.txt").read_text().splitlines()
        told = [line.split("  ", 1)[1] for line in lines if "rule" in line]
        sizes = [size for size in looks(20_000, ROWS) if size <= alone.trajectories]
        assert [line.split(", slope ")[0] for line in told[:-1]] == [
            *(["rule crooks holds within 0.2: looked, undecidable"] * (len(sizes) - 1)),
            "rule crooks holds within 0.2: looked, holds",
        ]
        assert [line.split(" after ")[1] for line in told[:-1]] == [f"{n:,} of 20,000" for n in sizes]
        assert told[-1] == f"stopped by the rule {alone}"
        assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \S", line) for line in lines)


def test_a_steady_run_is_judged_by_its_entropy(tmp_path):
    rule, spec = Rule("detailed", 0.25), gyrator(6_000)
    found = run_until([spec], tmp_path / "steady", rule, alone=True, progress=False)
    size, known = decided([spec], rule, lambda runs: Ledger(runs[0]).total_entropy())
    assert (found.outcome, found.trajectories, found.known) == (known.decision, size, known)
    assert found.outcome == "holds"
    assert found.runs[0].path == tmp_path / "steady"
    assert resume_until(tmp_path / "steady", progress=False).outcome == "holds"


# ---- the way there


class Killed(BaseException):
    """What a run is stopped by, wherever it is."""


def killed_at(monkeypatch, place, name, call, *, before):
    """Let the n-th call of a function stop everything, before it begins or when it has ended."""
    real, calls = getattr(place, name), iter(range(1, 1_000))

    def fatal(*given, **named):
        here = next(calls) == call
        if here and before:
            raise Killed
        result = real(*given, **named)
        if here:
            raise Killed
        return result

    monkeypatch.setattr(place, name, fatal)


def finished(folder, *, resumed):
    """Go on in either of two ways."""
    if resumed and folder.exists():
        found = resume_until(folder, progress=False, threads=1)
        if found is not None:
            return found
    return run_until(pair_of(SOON), folder, CROOKS, progress=False, threads=1)


SOON, CALLS = soak.times((900, 4), (2_048, 6))  # two looks, or three and a chunk more; calls for them
PLACES = [(sweeping, "simulate", CALLS), (growing, "note_until", 2), (Writer, "commit", CALLS)]


@pytest.fixture(scope="module")
def soon(tmp_path_factory):
    """Give a pair that was left alone up to its last look, at the limit."""
    found = run_until(pair_of(SOON), tmp_path_factory.mktemp("runs") / "soon", CROOKS, progress=False)
    assert (found.outcome, found.trajectories) == ("undecidable", SOON)
    return found


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("place", "name", "calls"), PLACES, ids=[name for _, name, _ in PLACES])
def test_a_run_that_is_killed_anywhere_ends_as_if_left_alone(
    place, name, calls, before, soon, tmp_path, tally
):
    expected = content(soon.runs.path)
    ended = []
    first, stride = ((2 if before else 1), 2) if not soak.SOAK else (1, 1)
    for call in range(first, calls + 1, stride):
        folder = tmp_path / str(call)
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, place, name, call, before=before)
            with pytest.raises(Killed):
                run_until(pair_of(SOON), folder, CROOKS, progress=False)
        found = finished(folder, resumed=call % 4 < 2)
        ended.append(found.outcome == soon.outcome and content(folder) == expected)
    tally(f"run under a rule killed {'before' if before else 'after'} {name}", sum(ended), len(ended))


def test_a_note_that_is_lost_is_seen(soon, tmp_path, monkeypatch):
    """The negative control: a fault on the way that changes what lies in the folder."""
    monkeypatch.setattr(growing, "note_until", lambda *_: None)
    run_until(pair_of(SOON), tmp_path / "run", CROOKS, progress=False)
    assert content(tmp_path / "run") != content(soon.runs.path)


def test_the_same_call_again_computes_nothing(alone, monkeypatch):
    before = content(alone.runs.path)
    monkeypatch.setattr("fluctua.ensembles.run.Run.prepare", None)
    again = run_until(pair_of(), alone.runs.path, CROOKS, progress=False)
    assert (again.outcome, again.trajectories) == (alone.outcome, alone.trajectories)
    assert str(again) == f"crooks holds within 0.2: holds, after {alone.trajectories:,} of 20,000 pairs"
    resumed = resume_until(alone.runs.path, progress=False)
    half = resume_until(alone.runs[1].path, progress=False)
    assert str(resumed) == str(half) == str(again)
    assert content(alone.runs.path) == before


def test_a_narrower_rule_goes_on_and_a_wider_one_looks_back(tmp_path):
    folder, limit = tmp_path / "run", 4_096
    narrow = Rule("crooks", 0.1)
    first = run_until(pair_of(limit), folder, WIDE, progress=False)
    more = run_until(pair_of(limit), folder, narrow, progress=False)
    assert more.trajectories > first.trajectories
    assert read_until(more.runs[0].path)["rule"] == str(narrow)
    back = run_until(pair_of(limit), folder, WIDE, progress=False)
    assert (back.outcome, back.trajectories, back.known) == (first.outcome, first.trajectories, first.known)
    assert len(back.runs[0]) == more.trajectories, "nothing is taken away"


def test_a_call_without_a_rule_completes_the_run(tmp_path):
    run_until(pair_of(300), tmp_path / "run", Rule("crooks", 0.1), progress=False)
    whole = sweep(pair_of(600), tmp_path / "run", progress=False)
    assert [len(run) for run in whole] == [600, 600]
    assert read_until(whole[0].path) is None
    assert resume_until(tmp_path / "run") is None


def test_a_run_that_grew_without_a_rule_is_looked_at_from_the_beginning(alone, tmp_path):
    folder = tmp_path / "run"
    sweep(pair_of(8_000), folder, progress=False)
    found = run_until(pair_of(), folder, CROOKS, progress=False)
    assert (found.outcome, found.trajectories) == (alone.outcome, alone.trajectories)
    assert [len(run) for run in found.runs] == [8_000, 8_000]


def test_a_seed_that_was_drawn_is_that_of_the_folder(tmp_path):
    def drawn():
        return pair_of(600, seed=None)

    first = run_until(drawn(), tmp_path / "run", CROOKS, progress=False)
    again = run_until(drawn(), tmp_path / "run", CROOKS, progress=False)
    assert {run.spec.seed for run in again.runs} == {run.spec.seed for run in first.runs}


def test_another_run_is_refused_before_anything_is_written(alone):
    before = content(alone.runs.path)
    with pytest.raises(InvalidInput, match="another run"):
        run_until(pair_of(seed=9), alone.runs.path, CROOKS, progress=False)
    assert content(alone.runs.path) == before


def test_folders_without_a_rule_are_not_resumed_here(tmp_path):
    simulate(spec_of(600), tmp_path / "run", progress=False)
    assert resume_until(tmp_path / "run") is None
    assert resume_until(tmp_path / "nothing") is None


def test_several_rules_are_not_dropped(soon, tmp_path):
    for name in ("k=1", "k=2"):
        shutil.copytree(soon.runs.path, tmp_path / name)
    assert resume_until(tmp_path) is None, "all of them have ended"
    for place in (run.relative_to(tmp_path) for run in tmp_path.glob("k=2/*")):
        noted = {key: value for key, value in read_until(tmp_path / place).items() if key != "outcome"}
        growing.note_until(tmp_path / place, noted)
    with pytest.raises(InvalidInput) as refused:
        resume_until(tmp_path)
    assert refused.value.remedy == f"resume each by itself: fluctua resume {tmp_path / 'k=2'}"
    assert resume_until(tmp_path / "k=2", progress=False).outcome == "undecidable"
    assert resume_until(tmp_path) is None


def test_the_rules_of_two_runs_are_not_taken_for_one(tmp_path):
    for name in ("a=1", "a=2"):
        simulate(spec_of(300), tmp_path / name, progress=False)
        growing.note_until(tmp_path / name, Rule("detailed", 0.1).table(600))
    with pytest.raises(InvalidInput, match="several runs here") as refused:
        resume_until(tmp_path)
    assert refused.value.remedy.endswith(f"fluctua resume {tmp_path / 'a=1'}")


def test_half_of_a_pair_that_was_moved_away_is_no_pair(soon, tmp_path):
    shutil.copytree(soon.runs[0].path, tmp_path / "half")
    with pytest.raises(InvalidInput, match="call the folder direction=forward"):
        resume_until(tmp_path / "half")
    assert [entry.name for entry in tmp_path.iterdir()] == ["half"]


@pytest.mark.parametrize("noted", [{"rule": "crooks holds"}, {"rule": "crooks holds within 0.1"}, {}])
def test_a_rule_that_cannot_be_read_is_damage(noted, tmp_path):
    simulate(spec_of(600), tmp_path / "run", progress=False)
    growing.note_until(tmp_path / "run", noted | {"limit": "many"})
    with pytest.raises(Damaged, match="no rule"):
        resume_until(tmp_path / "run")


# ---- what is told


def test_each_look_is_told_where_progress_is_and_the_end_everywhere(capsys, tmp_path):
    folder = tmp_path / "run"
    run_until(pair_of(1_500), folder, Rule("crooks", 0.1), progress=True)
    told = [line for line in capsys.readouterr().err.replace("\r", "\n").split("\n") if "crooks" in line]
    assert [line.split(" after ")[1] for line in told] == [
        "512 of 1,500",
        "1,024 of 1,500",
        "1,500 of 1,500 pairs; about 20,000 may do",
    ]
    run_until(pair_of(1_500), folder, Rule("crooks", 0.1))
    assert capsys.readouterr().err == "crooks holds within 0.1: undecidable, after 1,500 of 1,500 pairs\n"
    run_until(pair_of(1_500), folder, Rule("crooks", 0.1), progress=False)
    assert capsys.readouterr().err == ""


def test_verify_says_that_a_rule_stopped_the_run(alone, tmp_path):
    said = [note for note in verify(alone.runs).notes if "stopped by the rule" in note]
    assert said == [
        f'stopped by the rule "crooks holds within 0.2" (holds) after {alone.trajectories:,} trajectories: '
        "where looking chose the number, verdicts for a fixed one err more often than at their rate"
    ]
    plain = sweep(pair_of(1_000), tmp_path / "plain", progress=False)
    assert not any("rule" in note for note in verify(plain).notes)


# ---- stretches


@pytest.mark.parametrize("kept", ["folder", "memory"])
@pytest.mark.parametrize(
    ("first", "last"), [(0, 10), (1_000, 1_030), (1_024, 2_048), (5, 2_500), (2_400, 2_500)]
)
def test_stretches_are_the_rows_asked_for(kept, first, last, tmp_path):
    run = simulate(spec_of(2_500), tmp_path / "run" if kept == "folder" else None, progress=False)
    part, rows = stretch(run, first, last)
    assert part["trajectory"][rows].tolist() == list(range(first, last))
    assert len(part) <= last - first + 2 * ROWS - 2
