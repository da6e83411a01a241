"""The demo end to end at its quick size; then a second call, a wrong number, a missed control."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from fluctua import demo as demos
from fluctua.ensembles.estimate import Estimate
from fluctua.stochastic.errors import InvalidInput
from fluctua.validation import se1_stirling as se1


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return demos.demo(tmp_path_factory.mktemp("demo") / "fluctua-demo", demos.QUICK, progress=False)


@pytest.fixture
def folder(found):
    return found.page.parent


def files(folder):
    """Every Parquet file with its time of writing."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}


def test_all_comes_out_as_expected(found):
    """Some twenty numbers within four standard errors: one seed in 700 gives a false alarm; this is fixed."""
    assert found.passed, str(found)
    assert [part.control for part in found.parts] == [False, False, True]
    assert len(found.parts[0].checks) == 3 * 6
    assert [part.quantity for part in found.parts[1].checks] == ["ΔF (BAR), kT", "slope of Crooks"] * 2


def test_weak_and_medium_friction_make_an_engine_and_strong_friction_a_damper(found):
    words = [check.word.split(":")[0] for check in found.parts[0].checks if check.quantity == "work"]
    assert words == ["engine", "engine", "damper"]


def test_the_control_is_caught_and_blamed_on_the_time_step(found):
    (report,) = found.parts[2].reports.values()
    assert report["crooks"].outcome == "violated"
    assert report["first-law"].outcome == "holds"
    assert "time step" in report["crooks"].reason


def test_the_text_sets_expected_beside_measured(found):
    text = str(found)
    for word in (
        "expected",
        "measured",
        "-0.0866",
        "0.6931",
        "hot isotherm",
        "crooks violated",
        "All as expected",
    ):
        assert word in text
    assert max(map(len, text.splitlines())) < 300


def test_the_report_shows_every_part(found):
    page = found.page.read_text(encoding="utf-8")
    assert page.count('<img src="data:image/svg+xml;base64,') == 5
    for part in found.parts:
        assert part.title in page
    assert page.count("<details>") == 3 + 4 + 2


def test_a_second_call_opens_what_is_there_and_prints_json(folder, found, capsys):
    before = files(folder)
    assert demos.run_demo(folder, quick=True, as_json=True) == 0
    assert files(folder) == before
    said = json.loads(capsys.readouterr().out)
    assert said["passed"] is True
    assert [part["control"] for part in said["parts"]] == [False, False, True]
    expected = [check.to_dict() for part in found.parts for check in part.checks]
    assert [check for part in said["parts"] for check in part["checks"]] == expected


def test_a_demo_that_was_cut_short_goes_on(folder, found):
    before = files(folder)
    shutil.rmtree(folder / "breathing-trap" / "direction=reverse")
    again = demos.demo(folder, demos.QUICK, progress=False)
    assert set(files(folder)) == set(before)
    assert [part.text for part in again.parts] == [part.text for part in found.parts]


def test_a_smaller_demo_opens_a_larger_one(folder):
    smaller = demos.demo(folder, 1_000, progress=False)
    assert len(smaller.parts[0].runs[0]) == demos.QUICK


def test_another_run_in_the_way_is_refused(tmp_path):
    other = demos.control_spec().replace({"trajectories": 128, "seed": 2})
    demos.simulate(other, tmp_path / "engine" / "friction=0.1")
    with pytest.raises(InvalidInput, match="another run"):
        demos.demo(tmp_path, 128, progress=False)


def test_quiet_says_nothing(folder, capsys):
    assert demos.run_demo(folder, quick=True, quiet=True) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("value", "passed"), [(1.39, True), (0.61, True), (1.41, False), (0.59, False)])
def test_a_number_passes_within_four_standard_errors(value, passed):
    assert demos.Check("", "", 1.0, Estimate(value, 0.1, 100)).passed is passed


def test_a_wrong_reference_is_not_as_expected(folder, monkeypatch, capsys):
    """Negative control: the work of one engine is expected a tenth of a unit away, ten standard errors."""
    work, dimensionless, heat = se1.LIMIT_CYCLE[1.0]
    monkeypatch.setitem(se1.LIMIT_CYCLE, 1.0, (work + 0.1, dimensionless, heat))
    assert demos.run_demo(folder, quick=True) == 1
    assert "NOT all as expected" in capsys.readouterr().out


def test_a_control_that_is_missed_is_not_as_expected(found):
    """Negative control: the fine trap's verdicts in the place of the control's."""
    fine = found.parts[1].reports["breathing trap"]
    missed = replace(found.parts[2], reports={"control": fine})
    assert not missed.passed
    assert "MISSED" in demos._summary([*found.parts[:2], missed])


def test_a_violated_claim_is_not_as_expected(found):
    broken = replace(found.parts[1], reports=found.parts[2].reports)
    assert not broken.passed


def test_slow_isotherms_are_the_equilibrium_means(found):
    """dF/dE = -<q>, beside the mean of the initial states that the run itself drew at beta = 1, E = 1."""
    run = found.parts[0].runs[0]
    position, field = demos.equilibrium_lines(run.spec)["slow isotherm, β = 1"]
    start = run.mean("q_initial")
    assert field[-1] == 1.0
    # the difference quotient at the border errs by a third of h^2 and of the third derivative: under 1e-3
    assert abs(position[-1] - start.value) < 4 * start.standard_error + 1e-3
    assert np.all(np.diff(position) > 0)


def test_progress_is_silent_where_no_one_looks(folder, capfd):
    assert demos.run_demo(folder, quick=True, as_json=True) == 0
    assert capfd.readouterr().err == ""
