"""Variances, covariances and Fano factors of a run: slow twins, exact companions, their own errors."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluctua.ensembles.cumulants import JointMoments, covariance_of, fano_of
from fluctua.ensembles.dataset import Dataset
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.stochastic.errors import InvalidInput, Unstable
from jump_specs import DOT

STEADY: dict[str, Any] = DOT | {
    "trajectories": 20_000,
    "time_step": None,
    "strokes": False,
    "paths": 3,
    "path_every": 1,
    "initial": {"kind": "Steady"},
    "protocol": {"beta": 1.0, "eps": 0.5, "steps": [{"kind": "Hold", "duration": 20.0}]},
    "dynamics": {
        "kind": "MarkovJump",
        "baths": [
            {"kind": "Lead", "name": "left", "on": "empty -> full", "rate": 1.0, "mu": 1.0},
            {"kind": "Lead", "name": "right", "on": "empty -> full", "rate": 1.0, "mu": -1.0},
        ],
    },
}


@pytest.fixture(scope="module")
def run() -> Dataset:
    return simulate(EnsembleSpec.from_table({k: v for k, v in STEADY.items() if v is not None}))


def errors_by_hand(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Give the errors of the covariance and of var(x) / |mean(x)|, term by term as they stand in books."""
    n, a, b = len(x), x - np.mean(x), y - np.mean(y)
    c = np.sum(a * b) / (n - 1)
    square = (np.mean(a**2 * b**2) - np.mean(a * b) ** 2) / n
    square += (c**2 + np.var(x, ddof=1) * np.var(y, ddof=1)) / n / (n - 1)
    v, m = np.var(x, ddof=1), abs(np.mean(x))
    of_v = (np.mean(a**4) - np.mean(a**2) ** 2) / n + 2.0 * v**2 / n / (n - 1)
    slope = np.array([1.0 / m, -v / m**2 * np.sign(np.mean(x))])
    both = np.array([[of_v, np.mean(a**3) / n], [np.mean(a**3) / n, v / n]])
    return math.sqrt(square), math.sqrt(slope @ both @ slope)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 7), min_size=1, max_size=6),
    away=st.sampled_from([0.0, -3.0, 1e6]),
    seed=st.integers(0, 10**6),
)
def test_any_cutting_gives_the_moments_of_the_whole(sizes: list[int], away: float, seed: int) -> None:
    """Far from 0 and in batches of a few, the digits of deviations stay: 1e6 costs ten of sixteen at most."""
    x, y = np.random.default_rng(seed).exponential(size=(2, sum(sizes) + 2)) + away
    cuts = np.cumsum(sizes)
    moments = JointMoments()
    for a, b in zip(np.split(x, cuts), np.split(y, cuts), strict=True):
        moments.add(a, b)
    rounding = 1e-13 + 1e-15 * abs(away)
    found = covariance_of(moments, ("1", "1"))
    assert found.n == len(x)
    assert found.value == pytest.approx(np.cov(x, y)[0, 1], abs=rounding)
    assert found.standard_error == pytest.approx(errors_by_hand(x, y)[0], abs=10.0 * rounding)


def spread_over_said(samples: np.ndarray, what: str) -> tuple[float, float]:
    """Give the spread of estimates from many samples, over what their errors say; and its error."""
    found = []
    for sample in samples:
        moments = JointMoments()
        moments.add(sample, sample)
        found.append(covariance_of(moments, ("1", "1")) if what == "variance" else fano_of(moments, "x", "1"))
    values = np.array([one.value for one in found])
    ratio = values.std() / math.sqrt(np.mean([one.standard_error**2 for one in found]))
    kurtosis = np.mean((values - values.mean()) ** 4) / values.var() ** 2
    return ratio, ratio * math.sqrt((kurtosis - 1.0) / 4.0 / len(samples))


@pytest.mark.parametrize("what", ["variance", "fano"])
def test_errors_are_those_of_many_samples(what: str) -> None:
    """Skewed numbers, z < 5 at 6e-7; to take mean and variance for independent is found at 10."""
    samples = np.random.default_rng(12).exponential(2.0, (2000, 400))
    ratio, error = spread_over_said(samples, what)
    assert abs(ratio - 1.0) < 5.0 * error
    # Of 1 a variance of 1 and a Fano factor of 1: errors^2 8/n and 5/n, and 9/n without what they share.
    assert error < (math.sqrt(9.0 / 5.0) - 1.0) / 10.0


def test_a_coin_has_no_error_of_first_order_and_gets_one_that_is_too_large() -> None:
    """v = 1/4 - (p - 1/2)^2: variance v^2 2/n^2 in truth, and three times that from a sample."""
    coins = np.random.default_rng(12).integers(0, 2, (2000, 50)).astype(float)
    ratio, error = spread_over_said(coins, "variance")
    assert abs(ratio * math.sqrt(3.0) - 1.0) < 5.0 * error + 2.0 / 50.0
    even, sides = JointMoments(), np.arange(50.0) % 2.0
    even.add(sides, sides)
    found = covariance_of(even, ("1", "1"))
    assert found.standard_error == pytest.approx(found.value * math.sqrt(2.0 / 50.0 / 49.0))


@pytest.mark.parametrize(
    ("one", "other"),
    [("particles_left", "particles_left"), ("particles_left", "heat_right"), ("activity", "entropy_flow")],
)
def test_a_run_agrees_with_its_companion(run: Dataset, one: str, other: str) -> None:
    """Z-scores below 5, 6e-7 each."""
    known = run.spec.exact()
    found = run.covariance(one, other)
    assert abs(found.value - known.covariance(one, other)) < 5.0 * found.standard_error
    assert found.standard_error < 0.05 * abs(found.value)
    x, y = (run[name].astype(float) for name in (one, other))
    assert found.value == pytest.approx(np.cov(x, y)[0, 1], rel=1e-12)
    assert found.standard_error == pytest.approx(errors_by_hand(x, y)[0], rel=1e-10)
    if one == other:
        fano = run.fano(one)
        assert run.variance(one) == found
        assert abs(fano.value - known.fano(one)) < 5.0 * fano.standard_error
        assert abs(fano.value - 1.0) > 5.0 * fano.standard_error  # a control: no Poisson process
        assert fano.standard_error == pytest.approx(errors_by_hand(x, x)[1], rel=1e-10)
        assert run.fano(f"-{one}").value == pytest.approx(fano.value)
        assert run.fano(f"-{one}").standard_error == pytest.approx(fano.standard_error)


def test_conditions_and_formulas_select_and_name_units(run: Dataset) -> None:
    chosen = run["activity"] > 10
    found = run.variance("heat/2 + 1", where="activity > 10")
    assert found.n == np.count_nonzero(chosen)
    assert found.value == pytest.approx(np.var(run["heat"][chosen] / 2.0, ddof=1))
    assert run.variance("heat").unit == "energy²"
    assert run.covariance("heat", "activity").unit == run.fano("heat").unit == "energy"
    assert run.covariance("heat", "entropy_flow").unit == "energy k_B"
    assert run.variance("entropy_flow").unit == "k_B²"
    assert run.variance("activity").unit == "1"
    assert run.variance("2*heat").unit == run.covariance("heat", "2*heat").unit == ""


def test_parts_give_what_memory_gives(run: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fluctua.ensembles import chunks

    monkeypatch.setattr(chunks, "LARGEST", 4096)
    stored = simulate(run.spec, tmp_path / "a")
    assert len(stored.files) > 3
    for found, expected in (
        (stored.fano("particles_left"), run.fano("particles_left")),
        (stored.covariance("heat", "activity"), run.covariance("heat", "activity")),
    ):
        assert found.value == pytest.approx(expected.value, rel=1e-12)
        assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-10)
    assert len(stored.jumps) == len(run.jumps) == int(run["activity"][:3].sum())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            lambda run: run.fano("energy_change"),
            r"^energy_change: its mean is not told from 0 by 3 errors, -?0\.\d+",
        ),
        (
            lambda run: run.fano("0*heat"),
            r"its mean is not told from 0 by 3 errors, 0\(0\) \(fano\): take its variance",
        ),
        (
            lambda run: run.variance("heat", "trajectory < 1"),
            r"^a single trajectory counts \(\w+\): a var",
        ),
        (lambda run: run.variance("heat", "trajectory < 0"), r"^no trajectory counts"),
        (lambda run: run.variance("heet"), "did you mean 'heat'"),
        (lambda run: run.covariance("heat", "heet"), "did you mean 'heat'"),
        (
            lambda run: run.mean("1/trajectory"),
            r"^1/trajectory is not finite in 1 of 20,000 rows \(formula\): nothing is divided by 0: leave",
        ),
        (
            lambda run: run.covariance("heat", "exp(9*trajectory)"),
            r"^exp\(9\*trajectory\) is not finite in 19,921 of",
        ),
        (lambda run: run.variance("exp(0.03*trajectory)"), r"^the fourth power of a number overflows"),
        (
            lambda run: run.fano("1e-170*particles_left"),
            r"^the fourth power of a number underflows \(formula\)",
        ),
        (lambda run: run.variance("1e-90*heat"), r"^the fourth power of a number underflows \(formula\)"),
        (lambda run: run.covariance("heat", "1e-150*heat"), r"underflows \(formula\): take a larger one"),
        (
            lambda run: run.jumps.mean("exp(9999*time)"),
            r"^exp\(9999\*time\) is not finite in \d+ of \d+ rows",
        ),
        (lambda run: run.jumps.mean("sqrt(-time)"), r"^sqrt\(-time\) is not finite in \d+ of \d+ rows"),
    ],
)
def test_what_has_no_answer_is_refused_in_a_line(run: Dataset, wrong: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        wrong(run)


def test_a_condition_that_none_meets_is_to_blame() -> None:
    with pytest.raises(InvalidInput, match=r"^no trajectory counts \(where\): a variance takes two"):
        covariance_of(JointMoments(), ("", ""), "where")
    with pytest.raises(InvalidInput, match=r"^no trajectory counts \(where\)"):
        fano_of(JointMoments(), "heat", "", "where")


def test_rows_that_are_left_out_are_not_missed(run: Dataset) -> None:
    found = run.mean("1/trajectory", where="trajectory > 0")
    assert found.n == 19_999
    assert found.value == pytest.approx(np.mean(1.0 / np.arange(1.0, 20_000.0)))


def test_a_mean_of_huge_numbers_has_no_error(run: Dataset) -> None:
    assert math.isinf(run.mean("exp(0.03*trajectory)").standard_error)


def test_failures_are_refused(run: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(_: Dataset) -> None:
        raise Unstable("1 of 2 trajectories failed")

    monkeypatch.setattr(Dataset, "check_failures", failed)
    for ask in (run.variance, run.fano):
        with pytest.raises(Unstable):
            ask("heat")
