"""Every case at its quick size: nothing violated, every control caught; and a wrong simulator is seen.

Seeds are fixed, so the outcome is the same every time; drawn anew, a true line would fail with probability
6e-5.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from fluctua import validation
from fluctua.validation import a1_dragged_trap as a1
from fluctua.validation import se1_stirling as se1
from fluctua.validation.case import Bench, by_stroke
from fluctua.validation.validate import catalogue, validate

FILES = [re.match(r"([a-z]+)(\d+)_", path.name) for path in Path(validation.__file__).parent.glob("*.py")]
NAMES = [f"{letters}{number}" for letters, number in sorted((m[1], int(m[2])) for m in FILES if m)]


def test_the_catalogue_finds_every_case():
    assert list(catalogue()) == NAMES
    assert all(case.title and case.source for case in catalogue().values())


#: What takes some seconds, beside a kernel of its own to compile.
LONG = {"d6", "e8", "e11", "e12", "e13", "e14"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in NAMES]
)
def test_case(name):
    table = validate([name], quick=True)
    assert table.passed, str(table)
    assert {row.kind for row in table.results[0].rows} >= {"value", "control"}
    assert any(row.verdict == "caught" for row in table.results[0].rows)


def test_a_wrong_friction_is_seen(monkeypatch):
    """A fifth more friction drags a fifth more work: the first line of the case must see it."""
    monkeypatch.setattr(a1, "SPEC", a1.SPEC.replace({"dynamics.friction": 1.2}))
    assert next(iter(a1.check(Bench(scale=0.1)))).verdict == "violated"


def test_a_bench_sets_size_and_seed():
    spec = Bench(scale=0.01, seed=7).fitted(a1.SPEC)
    assert (spec.trajectories, spec.seed) == (2_000, 108)
    assert Bench().fitted(a1.SPEC) == a1.SPEC
    assert Bench(seed=7).fitted(a1.SPEC.reversed()) == Bench(seed=7).fitted(a1.SPEC).reversed()


def test_strokes_are_in_the_order_of_the_protocol():
    run = Bench(scale=100 / 200_000).simulate(se1.spec(1.0, 1))
    work = by_stroke(run, "work")
    assert work.shape == (12, 100)
    assert np.all(work[1::2] == 0.0)  # the field rests while the temperature moves
    assert work.sum(axis=0) == pytest.approx(run["work"], abs=1e-12)
