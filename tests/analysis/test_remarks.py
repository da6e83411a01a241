"""What stands out in columns: each remark on what it is for, and silence on what is harmless."""

import math
import re

import numpy as np
import pytest
from scipy import signal, stats

from fluctua.analysis.crooks import fit_crooks
from fluctua.analysis.remarks import copied, copies, drift, mistaken_reverse, remarks, repeats, same_column

import truth

N = 2000


def chain(rng, rho, n):
    kicks = rng.normal(size=n) * math.sqrt(1.0 - rho**2)
    kicks[0] = rng.normal()
    return signal.lfilter([1.0], [1.0, -rho], kicks)


def test_drift_is_named_and_sized():
    x = np.random.default_rng(1).normal(size=N) + np.linspace(0.0, 2.0, N)
    said = drift(x, "forward work")
    # Quarters of a line from 0 to 2 have means 0.25 and 1.75, with errors 1/sqrt(500); z = 4.
    first, last = (float(found) for found in re.findall(r"(?:from|to) (\d\.\d\d)\([345]\) in the", said))
    assert first == pytest.approx(0.25, abs=0.18)
    assert last == pytest.approx(1.75, abs=0.18)
    assert "falls" in drift(-x, "forward")


@pytest.mark.parametrize("slope", [0.5, 0.7])
def test_the_p_value_of_a_drift_is_kendalls(slope):
    """Of 200 averages over twenty trajectories; the sum of signs is corrected for continuity by 1."""
    x = np.random.default_rng(1).normal(size=2 * N) + np.linspace(0.0, slope, 2 * N)
    means = x.reshape(200, 20).mean(axis=1)
    signs = sum(np.sign(later - means[i]) for i in range(200) for later in means[i + 1 :])
    kendall = stats.kendalltau(np.arange(200), means, method="asymptotic").pvalue
    error = signs / stats.norm.isf(kendall / 2.0)
    expected = 2.0 * stats.norm.sf((signs - 1.0) / error)
    assert drift(x, "forward work").endswith(f"(p = {expected:.1g})")


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_memory_makes_no_drift(rho):
    # Level 0.001: of 200 columns at most 2 are remarked on, but for once in a thousand.
    said = [bool(drift(chain(np.random.default_rng([2, k]), rho, N), "forward work")) for k in range(200)]
    assert sum(said) <= stats.binom.ppf(0.999, 200, 0.001)


def test_outliers_make_no_drift():
    x = np.random.default_rng(3).normal(size=N)
    x[-1] = 1e6
    assert drift(x, "forward work") == ""
    assert drift(np.full(N, 2.0), "forward") == ""


def columns():
    rng = np.random.default_rng(4)
    x = rng.normal(size=N)
    yield "none", 0, x
    yield "lattice", 0, x.round(3)
    yield "lattice", 0, x.round(2) / 2.479
    yield "lattice", 0, (x.round(3) + 2e6) / 2.479
    yield "lattice", 0, 0.7 * rng.poisson(3.0, N)
    yield "atoms", 0, np.where(rng.random(N) < 0.3, 0.0, x)
    yield "copies", 1, np.repeat(x[: N // 2], 2)
    yield "copies", N // 2, np.tile(x[: N // 2], 2)
    yield "copies", N // 20, np.tile(x[: N // 20], 20)
    yield "copies", N // 2, np.tile(x[: N // 2].round(2), 2)
    yield "copies", 0, np.concatenate([x[:-100], rng.choice(x[:-100], 100)])


@pytest.mark.parametrize(("kind", "distance", "values"), list(columns()))
def test_copies_are_told_from_lattices_and_atoms(kind, distance, values):
    found = repeats(values)
    assert (found.kind, found.distance) == (kind, distance)
    assert bool(copies(values, "forward")) == (kind == "copies")


def test_copies_are_counted_with_their_price():
    said = copies(np.tile(np.random.default_rng(5).normal(size=500), 4), "reverse work")
    assert said.startswith(
        "1,500 of 2,000 values of the reverse work repeat another to the last digit, most of"
    )
    assert said.endswith("too small by a factor of 2")


def laws(rng, n):
    """Draw values that repeat by themselves, or not at all."""
    x = rng.normal(2.0, 2.0, n)
    levels = np.random.default_rng(0).normal(size=50)
    jumps = np.array([0.7, math.sqrt(2.0)]) @ rng.poisson(10.0, (2, n))
    yield from (x, x.round(2), x.round(2) / 2.479, x.round(4), x.astype(np.float32) / 2.479)
    yield from (0.7 * rng.poisson(3.0, n), jumps, np.where(rng.random(n) < 0.3, 0.0, x), np.full(n, 2.0))
    yield from (np.where(rng.random(n) < 0.8, 0.0, x), rng.choice(levels, n), rng.choice(levels[:5], n))


@pytest.mark.parametrize("n", [20, 300, 3000])
def test_laws_whose_values_repeat_are_never_refused(n):
    for k in range(20):
        assert [copied(x.astype(np.float64)) for x in laws(np.random.default_rng([13, k]), n)] == [""] * 12


def digits(x, count):
    """Round to a number of significant digits, as %.8g writes them."""
    step = 10.0 ** (np.floor(np.log10(np.abs(x))) - count + 1)
    return np.round(x / step) * step


PRECISIONS = {
    "single": lambda x: x.astype(np.float32).astype(np.float64),
    "single, in kT": lambda x: x.astype(np.float32).astype(np.float64) / 2.479,
    "six digits": lambda x: digits(x, 6),
    "seven digits, in kT": lambda x: digits(x, 7) / 2.479,
    "eight digits": lambda x: digits(x, 8),
}


@pytest.mark.parametrize("precision", PRECISIONS.values(), ids=PRECISIONS)
@pytest.mark.parametrize(("n", "mean"), [(20_000, 3.0), (100_000, 0.0), (100_000, 1000.0)])
def test_chance_on_a_grid_of_digits_is_no_copy_and_copies_there_are_seen(precision, n, mean):
    x = np.random.default_rng([15, n]).normal(mean, 1.0, n)
    values = precision(x)
    assert copies(values, "forward work") == copied(values) == ""
    assert copied(np.tile(values, 2)).startswith("copies: ")


def test_copies_of_single_precision_are_counted():
    x = np.random.default_rng(16).normal(size=20_000).astype(np.float32).astype(np.float64)
    said = copies(np.concatenate([x, x[:1_000]]), "forward work")
    # Some ten more are equal by chance: 12 expected, 40 with less than 1e-9.
    assert 1_000 <= int(said.split()[0].replace(",", "")) <= 1_040
    assert "20000 trajectories later" in said.replace(",", "")


@pytest.mark.slow
def test_a_million_values_of_single_precision_are_no_copies():
    x = np.random.default_rng(17).normal(size=1_000_000)
    for precision in PRECISIONS.values():
        assert copied(precision(x)) == ""
        assert copied(np.tile(precision(x), 2)).startswith("copies: ")


def test_few_copies_are_remarked_without_a_price():
    x = np.random.default_rng(18).normal(size=N)
    assert copies(np.concatenate([x[:-12], x[:12]]), "forward work").endswith("copies carry no information")


def test_many_copies_are_refused_and_few_are_not():
    rng = np.random.default_rng(14)
    x = rng.normal(size=N)
    again = rng.choice(x, N)  # as a bootstrap draws
    most = np.concatenate([x[: N - 100], rng.choice(x, 100)])
    for values in (np.tile(x, 2), np.repeat(x, 2), again, rng.permutation(most), np.tile(x.round(2), 2)):
        assert copied(values).startswith("copies: ")
    few = np.concatenate([x[: N - 12], x[:12]])
    assert copied(few) == ""
    assert copies(few, "forward work") != ""


def test_of_very_many_values_a_share_is_looked_at(monkeypatch):
    monkeypatch.setattr("fluctua.analysis.remarks._LOOKED_AT", 1 << 12)
    x = np.random.default_rng(6).normal(size=1 << 15)
    found = repeats(np.tile(x, 2))
    # A sixteenth of the values by their hash: the count is known to 2 %; z = 4.
    assert found.kind == "copies"
    assert found.copies == pytest.approx(x.size, rel=4.0 / math.sqrt(x.size / 16))
    assert repeats(x).kind == "none"


def test_one_file_given_twice_is_seen():
    x = np.random.default_rng(7).normal(size=50)
    assert same_column(x, x[::-1]).startswith("forward and reverse work are the same numbers")
    assert same_column(x, -x).startswith("reverse work is the forward work with its sign turned")
    assert same_column(x, x + 1.0) == ""
    assert len(remarks(x, x)) == 1
    assert remarks(np.random.default_rng(8).normal(size=N)) == ()


def said_of(pair):
    return mistaken_reverse(pair.forward, pair.reverse, fit_crooks(pair.forward, pair.reverse))


def test_two_values_that_occur_as_often_are_no_file_given_twice():
    one = np.repeat([0.0, 1.0], 25)
    other = np.random.default_rng(71).permutation(one)
    assert same_column(one, other) == ""
    assert "the same numbers" in same_column(one, one), "control"
    assert "its sign turned" in same_column(one, -one), "control"


@pytest.mark.parametrize(("dissipation", "delta_f"), [(2.0, 3.0), (5.0, 100.0)])
def test_a_turned_sign_is_seen_and_so_is_a_reverse_run_that_was_forward_again(dissipation, delta_f):
    rng = np.random.default_rng(9)
    pair = truth.gaussian_pair(rng, dissipation, N, delta_f=delta_f)
    again = truth.gaussian_pair(rng, dissipation, N, delta_f=delta_f)
    assert said_of(pair) == ""
    assert said_of(truth.flipped(pair)).startswith("the reverse work has its sign turned, it seems")
    if delta_f < 10.0:  # else the two do not overlap, and nothing is known
        assert said_of(truth.Pair(pair.forward, again.forward, delta_f)).startswith(
            "reverse work has the law of"
        )


def test_other_faults_are_no_turned_sign():
    pair = truth.gaussian_pair(np.random.default_rng(10), 2.0, N, delta_f=3.0)
    assert said_of(truth.scaled(pair, 1.3)) == ""
    assert said_of(truth.trimmed(pair, 0.05)) == ""
    assert said_of(truth.gaussian_pair(np.random.default_rng(11), 30.0, N)) == ""


def test_a_turned_sign_of_symmetric_work_cannot_be_seen():
    # The limitation: with ΔF equal to the dissipation the reverse work is symmetric about 0.
    pair = truth.gaussian_pair(np.random.default_rng(12), 2.0, N, delta_f=2.0)
    assert said_of(truth.flipped(pair)) == ""
