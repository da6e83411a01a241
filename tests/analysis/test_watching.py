"""A run watched while it grows: parts in any order, a partner that comes later, a verdict that stops."""

import json
import math
import shutil
from dataclasses import replace

import pytest

from fluctua.analysis import watching
from fluctua.analysis.ledger import Ledger
from fluctua.analysis.sequential import wealth_against
from fluctua.analysis.watching import Watched, watch
from fluctua.ensembles import chunks
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.store import note_until
from fluctua.ensembles.sweep import sweep
from fluctua.stochastic.baths import Bath
from fluctua.stochastic.dynamics.overdamped import Overdamped
from fluctua.stochastic.errors import InvalidInput, Unstable
from fluctua.stochastic.initial import Steady
from fluctua.stochastic.potential import Potential
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.steps import Hold, Isothermal

ROWS, N = 256, 1_200


def spec_of(trajectories=N, seed=7):
    trap = Potential("k/2 * x**2", coordinates="x", controls="k")
    squeeze = Protocol([Isothermal(0.2, k=(1.0, 4.0))], beta=1.0)
    return EnsembleSpec(
        trap, Overdamped(friction=1.0), squeeze, trajectories=trajectories, time_step=0.02, seed=seed
    )


@pytest.fixture(scope="module", autouse=True)
def small_chunks():
    """Let chunks have 256 trajectories, so that a small run has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LARGEST", ROWS)
        yield


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A finished pair of five chunks each."""
    return sweep([spec_of(), spec_of().reversed()], tmp_path_factory.mktemp("runs") / "whole")


def emptied(run, folder):
    """Copy a run without its parts, as it is when it begins; give the parts."""
    shutil.copytree(run.path, folder, ignore=shutil.ignore_patterns("part-*"))
    return list(run.files)


def arriving(batches):
    """Give a way to wait in which, each time, the next files are committed."""
    left = iter(batches)

    def wait(_seconds):
        for file, folder in next(left):
            shutil.copy(file, folder / "parts" / file.name)

    return wait


def never(_seconds):
    raise AssertionError("there was nothing to wait for")


def expected(run, delta_f=None):
    ledger = Ledger(run)
    return wealth_against("integral").update(ledger.work - (ledger.delta_f() if delta_f is None else delta_f))


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 3, 1]])
def test_chunks_count_by_their_numbers_in_whatever_order_they_come(pair, tmp_path, order):
    folder = tmp_path / "run"
    files = emptied(pair[0], folder)
    seen = list(watch(folder, wait=arriving([[(files[k], folder)] for k in order])))
    last = seen[-1]
    assert last.complete
    assert last.wealths == {"jarzynski": expected(pair[0])}  # to the last bit
    counted = [state.wealths["jarzynski"].n for state in seen]
    assert counted == sorted(counted)
    assert [n for n in counted if n % ROWS] == [N, N], "whole chunks, the last one shorter, and the end"
    assert str(last).endswith(f"complete: fluctua verify {folder} judges it")


def test_a_finished_run_is_read_without_waiting(pair):
    last = list(watch(pair[0].path, wait=never))[-1]
    assert (last.complete, last.there, last.outcome) == (True, (N,), "undecidable")


def test_pairs_wait_for_each_other_and_for_the_reverse_run_to_begin(pair, tmp_path):
    folder = tmp_path / "pair"
    forward, reverse = (folder / f"direction={word}" for word in ("forward", "reverse"))
    files = emptied(pair[0], forward)
    later = [[(file, forward)] for file in files]
    backward = list(pair[1].files)

    def reverse_begins():
        emptied(pair[1], reverse)
        return [(backward[0], reverse)]

    def coming():
        yield from later
        yield reverse_begins()
        yield from ([(file, reverse)] for file in backward[1:])

    seen = list(watch(folder, wait=arriving(coming())))
    last, s = seen[-1], Ledger(pair[0]).work + Ledger(pair[1]).work
    assert last.complete
    assert last.there == (N, N)
    assert last.wealths["crooks"] == wealth_against("detailed").update(s)
    assert last.wealths["jarzynski"] == expected(pair[0])
    assert any(state.there == (N, 0) and state.wealths["crooks"].n == 0 for state in seen)
    assert not any(state.complete for state in seen[:-1])


def test_a_chunk_that_grows_counts_its_first_rows_once(pair, tmp_path):
    folder = tmp_path / "run"
    files = emptied(pair[0], folder)
    short = simulate(spec_of(ROWS + 44), tmp_path / "short").files
    for file in short:
        shutil.copy(file, folder / "parts")

    def extended():
        (folder / "parts" / short[1].name).unlink()  # superseded by the whole chunk
        return [(files[1], folder)]

    later = (extended() if k == 0 else [(files[k + 1], folder)] for k in range(4))
    seen = list(watch(folder, wait=arriving(later)))
    assert [state.wealths["jarzynski"].n for state in seen[:4]] == [0, ROWS, ROWS + 44, 2 * ROWS]
    assert seen[-1].wealths["jarzynski"] == expected(pair[0])


def test_a_wrong_free_energy_stops_the_watch_before_the_run_is_complete(pair, tmp_path):
    folder = tmp_path / "run"
    files = emptied(pair[0], folder)
    exact = 0.5 * math.log(4.0)
    arrivals = arriving([[(file, folder)] for file in files])
    seen = list(watch(folder, delta_f=exact + 0.5, wait=arrivals))
    last = seen[-1]
    assert last.outcome == "violated"
    assert last.violated == ("jarzynski",)
    assert last.there[0] < N
    assert "jarzynski violated (p = " in str(last)
    right = list(watch(pair[0].path, delta_f=exact))[-1]
    assert right.outcome == "undecidable"


def test_claims_share_the_error_rate(pair):
    both = list(watch(pair[0].path.parent))[-1]
    assert set(both.wealths) == {"crooks", "jarzynski"}
    for claim, wealth in both.wealths.items():
        assert both.p_adjusted(claim) == min(1.0, 2.0 * wealth.p_value)
    alone = list(watch(pair[0].path.parent, "crooks"))[-1]
    assert alone.wealths["crooks"] == both.wealths["crooks"]
    assert alone.p_adjusted("crooks") == alone.wealths["crooks"].p_value


@pytest.mark.parametrize(
    ("wealth", "words"), [(30.0, "undecidable"), (39.9, "undecidable"), (40.1, "violated")]
)
def test_of_two_claims_each_has_to_win_forty_times_its_stake(wealth, words):
    nothing = wealth_against("detailed")
    won = replace(nothing, n=100, log_peak=math.log(wealth), peak_at=70)
    both = Watched("run", (100, 100), 200, 0.05, {"crooks": won, "jarzynski": nothing})
    assert both.outcome == words
    assert both.to_dict()["claims"][0]["outcome"] == words
    assert ("crooks violated" in str(both)) == (words == "violated")
    alone = Watched("run", (100,), 200, 0.05, {"jarzynski": won})
    assert alone.violated == ("jarzynski",)


def test_in_a_steady_state_entropy_production_is_watched(tmp_path):
    well = Potential("(x**2 + y**2)/2 + u*x*y", coordinates=("x", "y"), parameters={"u": 0.5})
    baths = [Bath("hot", on="x", friction=1.0), Bath("cold", on="y", friction=1.0)]
    still = Protocol([Hold(3.0)], temperature={"hot": 2.0, "cold": 1.0})
    spec = EnsembleSpec(
        well, Overdamped(baths=baths), still, trajectories=600, time_step=0.02, seed=6, initial=Steady()
    )
    run = simulate(spec, tmp_path / "steady")
    s = Ledger(run).total_entropy()
    assert list(watch(run.path))[-1].wealths == {"detailed": wealth_against("detailed").update(s)}
    last = list(watch(run.path, ["integral", "detailed"]))[-1]
    assert last.wealths["integral"] == wealth_against("integral").update(s)


def test_a_writer_that_died_is_given_up(pair, tmp_path):
    folder, slept = tmp_path / "run", []
    files = emptied(pair[0], folder)
    shutil.copy(files[0], folder / "parts")
    last = list(watch(folder, poll=2.0, patience=10.0, wait=slept.append))[-1]
    assert slept == [2.0] * 5
    assert not last.complete
    assert last.wealths["jarzynski"].n == ROWS


def test_a_run_under_a_rule_is_complete_when_the_rule_has_decided(pair, tmp_path):
    folder, rule = tmp_path / "run", {"rule": "crooks holds within 0.02", "alpha": 0.05, "limit": 5_000}
    shutil.copytree(pair[0].path, folder)
    note_until(folder, rule)
    slept = []

    def decides(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            note_until(folder, rule | {"outcome": "holds"})

    last = list(watch(folder, wait=decides))[-1]
    assert len(slept) == 3
    assert last.complete


def test_failed_trajectories_end_the_watch(pair, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    files = emptied(pair[0], folder)
    shutil.copy(files[0], folder / "parts")
    failed = watching.Dataset.check_failures

    def refuse(run):
        failed(run)
        if len(run):
            raise Unstable("1 of 256 trajectories failed", "here", "shorten time_step")

    monkeypatch.setattr(watching.Dataset, "check_failures", refuse)
    with pytest.raises(Unstable):
        list(watch(folder, wait=never))


def test_state_is_plain_data(pair):
    state = list(watch(pair[0].path.parent))[-1]
    table = json.loads(json.dumps(state.to_dict()))
    assert table["outcome"] == "undecidable"
    assert table["there"] == [N, N]
    assert [entry["claim"] for entry in table["claims"]] == ["crooks", "jarzynski"]


def test_what_cannot_be_watched_is_refused(pair, tmp_path):
    for bad, told, match in (
        ((tmp_path / "nothing",), {}, "no run there"),
        ((pair[0].path, "second-law"), {}, "second-law"),
        ((pair[0].path, "crooks"), {}, "reverse data"),
        ((pair[0].path, "detailed"), {}, "do not change"),
        ((pair[0].path,), {"poll": 0.0}, "poll"),
    ):
        with pytest.raises(InvalidInput, match=match):
            list(watch(*bad, **told))
