"""``fluctua verify --watch``, --success and --current, as typed."""

import json

import pytest

import fluctua as fl

TRAP = fl.Potential("k/2 * x**2", coordinates="x", controls="k")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two finished runs of a pair."""
    squeeze = fl.Protocol([fl.Isothermal(1.0, k=(1.0, 4.0))], beta=1.0)
    spec = fl.EnsembleSpec(
        TRAP, fl.Overdamped(friction=1.0), squeeze, trajectories=3_000, time_step=0.02, seed=12
    )
    path = tmp_path_factory.mktemp("runs") / "pair"
    fl.sweep([spec, spec.reversed()], path)
    return path


def test_a_true_pair_is_watched_to_its_end(typed, folder):
    code, out, err = typed("verify", "--watch", folder)
    assert (code, err) == (0, "")
    last = out.splitlines()[-1]
    assert last.startswith("3,000 + 3,000 of 3,000 trajectories: crooks p = ")
    assert last.endswith(f"complete: fluctua verify {folder} judges it")
    assert typed("verify", "--watch", folder, "--quiet") == (0, "", "")


def test_a_wrong_free_energy_is_violated_and_exits_1(typed, folder):
    code, out, _ = typed("verify", "--watch", folder, "--delta-f", "2.0", "--claims", "jarzynski")
    assert code == 1
    assert "jarzynski violated (p < 1e-300 after" in out
    _, told, _ = typed("verify", "--watch", folder, "--delta-f", "2.0", "--claims", "jarzynski", "--json")
    assert f"after {json.loads(told)['claims'][0]['n']:,} trajectories)" in out  # one number, text and JSON


def test_json_is_one_document_and_the_way_there_is_told_beside_it(typed, folder):
    code, out, err = typed("verify", "--watch", folder, "--json")
    found = json.loads(out)
    assert code == 0
    assert [entry["claim"] for entry in found["claims"]] == ["crooks", "jarzynski"]
    assert found["complete"]
    assert "3,000 + 3,000 of 3,000" in err


@pytest.mark.parametrize("more", [["--units", "kJ/mol"], ["--tolerance", "slope=0.1"], ["elsewhere"]])
def test_what_needs_a_complete_sample_is_refused(typed, folder, more):
    code, out, err = typed("verify", "--watch", folder, *more)
    assert (code, out) == (2, "")
    assert err.startswith("error: not together with --watch (")
    assert err.count("\n") == 1


def test_no_run_is_one_line(typed, tmp_path):
    code, _, err = typed("verify", "--watch", tmp_path / "nothing")
    assert code == 2
    assert err.startswith("error: no run there (")


def test_success_and_current_reach_their_claims(typed, folder):
    run = folder / "direction=forward"
    for option, claim, formula in (("--success", "landauer", "x > 0"), ("--current", "tur", "heat")):
        code, out, _ = typed("verify", run, option, formula, "--claims", claim)
        assert code == 0
        assert f"{claim} " in out
        assert "not applicable" in out  # it neither ends where it began nor is it steady
