"""The rows of a case: what agrees, what is told apart, what is refused."""

import json

import numpy as np
import pytest

from fluctua.analysis.rule import Part, judge
from fluctua.stochastic.errors import InvalidInput
from fluctua.validation import validate as validating
from fluctua.validation.case import (
    FALSE_ALARM,
    Case,
    Row,
    claim,
    exponential,
    mean,
    must_be_refused,
    must_be_violated,
    must_differ,
    quotient,
    value,
    variance,
)

RANDOM = np.random.default_rng(1)
NORMAL = RANDOM.standard_normal(20_000)


def test_a_value_agrees_within_four_standard_errors():
    assert value("x", 1.039, 0.01, 1.0).verdict == "agrees"
    assert value("x", 1.041, 0.01, 1.0).verdict == "violated"
    assert value("x", 1.041, 0.01, 1.0).z == pytest.approx(4.1)


def test_a_value_without_scatter_must_be_equal():
    assert value("x", 0.0, 0.0, 0.0).verdict == "agrees"
    assert value("x", 1e-9, 0.0, 0.0).verdict == "violated"


def test_nan_never_agrees():
    assert value("x", float("nan"), 0.1, 0.0).verdict == "violated"
    assert value("x", 0.0, float("nan"), 0.0).verdict == "violated"


def test_standard_errors_are_those_of_the_mean():
    assert mean("x", NORMAL, 0.0).standard_error == pytest.approx(NORMAL.std(ddof=1) / np.sqrt(NORMAL.size))
    assert variance("x", NORMAL, 1.0).standard_error == pytest.approx(np.sqrt(2 / NORMAL.size), rel=0.05)
    paired = quotient("x", 2 * NORMAL + 5, NORMAL + 3, 5 / 3)
    assert paired.standard_error == pytest.approx(abs(2 - 5 / 3) / 3 / np.sqrt(NORMAL.size), rel=0.05)


def test_true_samples_agree_and_shifted_ones_do_not():
    assert not any(row.failed for row in (mean("x", NORMAL, 0.0), variance("x", NORMAL, 1.0)))
    assert mean("x", NORMAL + 0.05, 0.0).failed
    assert variance("x", 1.05 * NORMAL, 1.0).failed


def test_an_average_that_one_trajectory_carries_is_refused():
    heavy = -3.0 * np.log(1.0 / RANDOM.uniform(size=20_000))  # exp(-x) = u^-3: no mean at all
    row = exponential("y", heavy, 1.0)
    assert row.verdict == "undecidable"
    assert row.standard_error is None
    assert must_be_refused(row).verdict == "caught"
    assert must_be_refused(exponential("y", NORMAL, np.exp(0.5))).verdict == "missed"


def test_controls_are_caught_or_missed():
    assert must_differ("x", NORMAL + 1.0, 0.0).verdict == "caught"
    assert must_differ("x", NORMAL, 0.0).failed
    wrong = judge("integral", [Part("mean", 1.5, 0.01, 1.0, 0.1, 50.0, 1e-12)], alpha=FALSE_ALARM, n=100)
    right = judge("integral", [Part("mean", 1.0, 0.01, 1.0, 0.1, 0.0, 0.5)], alpha=FALSE_ALARM, n=100)
    assert must_be_violated(wrong, "wrong").verdict == "caught"
    assert must_be_violated(right, "right").failed
    assert claim(wrong).failed
    assert not claim(right).failed


def made_up(*rows, name="x1"):
    return Case(name, "made up", "nobody", lambda _: list(rows))


def run(monkeypatch, *cases, **options):
    monkeypatch.setattr(validating, "catalogue", lambda: {case.name: case for case in cases})
    return validating.validate(**options)


@pytest.mark.parametrize(
    ("verdict", "passed"),
    [
        ("agrees", True),
        ("holds", True),
        ("undecidable", True),
        ("caught", True),
        ("violated", False),
        ("missed", False),
    ],
)
def test_the_table_passes_unless_something_is_violated_or_missed(monkeypatch, verdict, passed):
    table = run(monkeypatch, made_up(Row("x", "value", verdict)))
    assert table.passed == passed
    assert ("1 of 1 lines failed" in str(table)) == (not passed)


def test_the_table_is_text_and_json(monkeypatch):
    rows = [value("<W>", 1.002, 0.001, 1.0), Row("crooks", "claim", "holds", measured=float("inf"))]
    table = run(monkeypatch, made_up(*rows))
    assert "1.0020(10)" in str(table)
    assert str(table).splitlines()[0].split()[-4:] == ["expected", "measured", "z", "verdict"]
    read = json.loads(table.to_json())
    assert read["cases"][0]["rows"][0]["z"] == pytest.approx(2.0)
    assert read["cases"][0]["rows"][1]["measured"] is None
    assert read == json.loads(json.dumps(table.to_dict()))


def test_fresh_seeds_state_the_false_alarm_rate(monkeypatch):
    row = value("x", 0.0, 1.0, 0.0)
    fixed, fresh = run(monkeypatch, made_up(row)), run(monkeypatch, made_up(row), fresh=True)
    assert fixed.results[0].seed == 0
    assert fresh.results[0].seed != 0
    assert "6e-05" in str(fresh)
    assert "6e-05" not in str(fixed)


def test_names_choose_cases_in_their_order(monkeypatch):
    cases = [made_up(Row("x", "value", "agrees"), name=name) for name in ("a1", "b2", "c3")]
    said = []
    table = run(monkeypatch, *cases, names=["C3", "a1"], progress=said.append)
    assert [result.case.name for result in table.results] == ["c3", "a1"]
    assert len(said) == 4


def test_an_unknown_name_is_refused_with_the_nearest(monkeypatch):
    with pytest.raises(InvalidInput, match=r"'sse1' is not a validation case: .*did you mean 'se1'"):
        run(monkeypatch, made_up(Row("x", "value", "agrees"), name="se1"), names=["sse1"])
