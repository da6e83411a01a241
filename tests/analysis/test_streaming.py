"""Columns larger than memory: what is read in stretches against the whole arrays, and the memory it takes."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import special

from fluctua.analysis import detailed
from fluctua.analysis.bennett import bar
from fluctua.analysis.crooks import fit_crooks
from fluctua.analysis.detailed import fit_detailed
from fluctua.analysis.integral import exponential_average
from fluctua.analysis.jarzynski import _excess_over_bar
from fluctua.analysis.samples import same
from fluctua.analysis.second_law import dissipation_above_bar, mean_of
from fluctua.analysis.tail import smallest

import truth

N = 50_000  # four stretches, the last one short


def test_exponential_average_is_that_of_the_whole_array():
    w = truth.gaussian_entropy(np.random.default_rng(801), 1.0, N) + 2.0
    average, X = exponential_average(w, origin=2.1), np.exp(2.1 - w)
    assert average.value == pytest.approx(-math.log(X.mean()), rel=1e-12)
    assert average.standard_error == pytest.approx(X.std(ddof=1) / math.sqrt(N) / X.mean(), rel=1e-12)
    assert average.statistic == pytest.approx((X.mean() - 1.0) * math.sqrt(N) / X.std(ddof=1), rel=1e-9)
    assert average.effective == pytest.approx(X.sum() ** 2 / np.sum(X * X), rel=1e-12)
    shifted = exponential_average(w - 2.1)
    for name in ("value", "tail_p", "mean_p", "tail_index", "missing"):
        assert getattr(average, name) == pytest.approx(getattr(shifted, name), rel=1e-9, nan_ok=True)


def test_means_are_those_of_the_whole_array():
    w = np.random.default_rng(802).normal(1e6, 1.0, N)
    mean = mean_of(w)
    assert mean.value == pytest.approx(w.mean(), rel=1e-15)
    assert mean.standard_error == pytest.approx(w.std(ddof=1) / math.sqrt(N), rel=1e-9)


def test_dissipation_above_bar_is_that_of_the_whole_array():
    forward, reverse = (
        truth.gaussian_entropy(np.random.default_rng(803 + k), 1.0, N // (1 + k)) for k in (0, 1)
    )
    fit = fit_crooks(forward, reverse)
    x = forward - fit.free_energy
    joint = np.mean((x - x.mean()) * special.expit(x + math.log(2.0)))
    variance = x.var() / N + fit.free_energy_error**2 - 2.0 * joint / fit.information
    found = dissipation_above_bar(forward, fit)
    assert found.value == pytest.approx(x.mean(), rel=1e-12)
    assert found.standard_error == pytest.approx(math.sqrt(variance), rel=1e-9)


def test_the_error_of_an_average_above_bar_is_that_of_the_jackknife():
    """The slow twin solves BAR anew without each trajectory; the fit's error is that of true theorems."""
    forward, reverse = (
        truth.gaussian_entropy(np.random.default_rng(804 + k), 0.3, n) for k, n in ((0, 400), (1, 150))
    )

    def ratio(w, r):
        return float(np.exp(bar(w, r).value - w).mean())

    whole, fit = ratio(forward, reverse), fit_crooks(forward, reverse)
    variance = 0.0
    for k, size in ((0, forward.size), (1, reverse.size)):
        left = [
            ratio(np.delete(forward, i), reverse) if k == 0 else ratio(forward, np.delete(reverse, i))
            for i in range(size)
        ]
        variance += (size - 1.0) * np.var(left)
    error = (whole - 1.0) / _excess_over_bar(forward, fit)
    assert error == pytest.approx(math.sqrt(variance), rel=0.1)


@pytest.mark.parametrize("order", [1, -1])
def test_the_smallest_values_are_found_in_any_order(order):
    values = np.sort(np.random.default_rng(805).normal(size=N))[::order]
    np.testing.assert_array_equal(smallest(values, 700), np.sort(values)[:700])
    np.testing.assert_array_equal(smallest(values[:5], 700), np.sort(values[:5]))


def test_equal_columns_differ_in_their_last_value_only():
    values = np.random.default_rng(806).normal(size=N)
    other = np.append(values[:-1], 0.0)
    assert same(values, values.copy())
    assert not same(values, other)
    assert not same(values, values[:-1])


def signs(kind):
    rng = np.random.default_rng(807)
    if kind == "lattice":
        return truth.signed(rng, 0.5 * rng.poisson(2.0, N))
    mean, n = {"mild": (1.0, N), "strong": (20.0, N // 10)}[kind]  # the signs of the latter are drawn again
    s = truth.gaussian_entropy(rng, mean, n)
    return np.where(rng.random(n) < 0.2, 0.0, s)


@pytest.mark.parametrize("kind", ["mild", "lattice", "strong"])
def test_signs_counted_in_bins_are_those_in_order(kind, monkeypatch):
    # Within a bin the walk spends at most some 2.5 / 4,096 of its time: 0.1 is four of its deviations there.
    s = signs(kind)
    whole = fit_detailed(s)
    monkeypatch.setattr(detailed, "MANY", 1_000)
    binned = fit_detailed(s)
    for name in ("slope", "slope_error", "information", "slope_statistic", "sign_statistic"):
        assert getattr(binned, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-9)
    assert whole.cusum_statistic - 0.1 < binned.cusum_statistic <= whole.cusum_statistic + 1e-9
    assert binned.method == whole.method
    # With signs drawn again, 999 draws of either: five standard deviations of the difference of two shares.
    assert binned.slope_p == pytest.approx(whole.slope_p, abs=1e-9 if kind != "strong" else 0.12)


def test_signs_counted_in_bins_find_a_local_fault(monkeypatch):
    monkeypatch.setattr(detailed, "MANY", 1_000)
    s = truth.gaussian_entropy(np.random.default_rng(808), 1.0, N)
    assert fit_detailed(s).cusum_p > 1e-4
    wrong = np.where((np.abs(s) > 0.5) & (np.abs(s) < 0.7), np.abs(s), s)
    assert fit_detailed(wrong).cusum_p < 1e-6


_MEASURED = """
import json, sys, threading, time
import numpy as np
import fluctua as fl
def anonymous():
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(lines["RssAnon"].split()[0]) / 1024
peak, over = [0.0], threading.Event()
def watch():
    while not over.wait(0.005):
        peak[0] = max(peak[0], anonymous())
thread = threading.Thread(target=watch)
thread.start()
forward, reverse = (np.load(path, mmap_mode="r") for path in sys.argv[2:])
report = fl.verify(entropy=forward) if sys.argv[1] == "entropy" else fl.verify(forward, reverse)
over.set()
thread.join()
print(json.dumps([peak[0], {verdict.claim: verdict.outcome for verdict in report}]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
@pytest.mark.parametrize("kind", ["work", "entropy"])
def test_thirty_million_values_take_less_memory_than_one_column(kind, tmp_path):
    # A column of 3e7 is 240 MB; whole arrays of it took 770 MB. What is left: libraries, kernels, averages.
    paths = [str(tmp_path / f"{name}.npy") for name in ("forward", "reverse")]
    for seed, path in enumerate(paths):
        column = np.lib.format.open_memmap(path, "w+", np.float64, (30_000_000,))
        rng = np.random.default_rng(810 + seed)
        for start in range(0, column.size, 1_000_000):
            column[start : start + 1_000_000] = rng.normal(1.0, math.sqrt(2.0), 1_000_000)
        del column
    ran = subprocess.run([sys.executable, "-c", _MEASURED, kind, *paths], capture_output=True, check=True)
    peak, outcomes = json.loads(ran.stdout)
    assert peak < 240.0
    assert set(outcomes.values()) == {"holds"}
