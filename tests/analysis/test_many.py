"""Kernels for millions of values against the NumPy sums they stand in for, on samples that are small."""

import math

import numpy as np
import pymbar
import pytest
from scipy import stats

from fluctua.analysis import logistic, many
from fluctua.analysis.bennett import Pair
from fluctua.analysis.crooks import bar, fit_crooks
from fluctua.analysis.crooks_coins import Coins, _bin_sums, edges_of
from fluctua.analysis.relabelling import Labels
from fluctua.analysis.samples import Sample

import truth

SIZE = 3 * 64 * 37 + 29  # no whole number of rows
ROUNDING = (
    1e-12  # sums of 7,000 terms, each exact to a few 1e-16, two thirds of it in the cancelling odd ones
)


@pytest.fixture
def by_kernels(monkeypatch):
    """Give the answers of both ways: of NumPy, and of the kernels in blocks of 1,000."""
    monkeypatch.setattr(many, "_BLOCK", 1000)
    monkeypatch.setattr(many, "_BLOCK_OF_BINS", 1000)

    def both(ask):
        answers = []
        for least in (1 << 60, 0):
            monkeypatch.setattr(many, "MANY", least)
            answers.append(ask())
        return answers

    return both


def sample(spread=3.0, side=1.0, origin=2.0):
    values = np.random.default_rng(1).normal(0.5, spread, SIZE)
    return Sample.of(values, "here", side).measured_from(origin)


@pytest.mark.parametrize("spread", [3.0, 200.0])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_kernels_agree_with_numpy(by_kernels, spread, side):
    here = sample(spread, side)
    edges = np.sort(np.random.default_rng(2).normal(0.0, spread, 700))
    wanted = [
        lambda: logistic.log_sum(here, 0.3, 1.0),
        lambda: logistic.log_sum(here, 0.3, -1.0),
        lambda: logistic.information(here, 0.3),
        lambda: logistic.moments(here, 0.3, 0.1, 2.0, 6),
        lambda: logistic.residuals(here, 1.0, 0.3, 0.1, 2.0),
        lambda: logistic.residuals(here, 0.0, 0.3, 0.1, 2.0),
        lambda: np.concatenate([np.ravel(x) for x in logistic.likelihood(here, 1.0, 0.3, 0.9, 0.1)]),
        lambda: np.concatenate([np.ravel(x) for x in logistic.likelihood(here, 0.0, 0.3, -0.9, 0.1)]),
        lambda: _bin_sums(here, 0.3, edges),
    ]
    for number, ask in enumerate(wanted):
        numpy, kernels = (np.asarray(answer) for answer in by_kernels(ask))
        scale = np.max(np.abs(numpy), axis=-1, keepdims=True)
        assert np.all(np.abs(kernels - numpy) <= ROUNDING * scale), number


def test_no_number_of_threads_changes_a_bit(monkeypatch):
    monkeypatch.setattr(many, "_BLOCK", 1000)
    monkeypatch.setattr(many, "_BLOCK_OF_BINS", 1000)
    here, edges = sample(), np.linspace(-5.0, 5.0, 100)
    for ask in (
        lambda n: many.tail_sums(here, 0.3, -1.0, n),
        lambda n: many.fit_sums(here, 1.0, 0.3, 0.9, 0.1, 2.0, n),
        lambda n: many.bin_sums(here, 0.3, edges, n),
    ):
        assert len({ask(threads).tobytes() for threads in (1, 2, 5)}) == 1


@pytest.mark.parametrize(("dissipation", "n_forward", "n_reverse"), [(1.0, 500, 500), (4.0, 300, 3000)])
def test_bar_agrees_with_another_package(by_kernels, dissipation, n_forward, n_reverse):
    pair = truth.gaussian_pair(np.random.default_rng(9), dissipation, n_forward, n_reverse)
    other = pymbar.bar(pair.forward, pair.reverse, uncertainty_method="MBAR", relative_tolerance=1e-12)
    for ours in by_kernels(lambda: bar(pair.forward, pair.reverse)):
        assert ours.value == pytest.approx(other["Delta_f"], abs=1e-6)
        assert ours.standard_error == pytest.approx(other["dDelta_f"], rel=1e-5)


@pytest.mark.parametrize("dissipation", [1.0, 8.0])
def test_bar_by_its_series_is_bar(by_kernels, dissipation):
    pair = truth.gaussian_pair(np.random.default_rng(3), dissipation, 9000, 5000)
    slow, quick = by_kernels(lambda: bar(pair.forward + 1e6, pair.reverse - 1e6))
    assert quick.value == pytest.approx(slow.value, abs=2e-9)  # work itself is rounded to 1e-10 there
    assert quick.standard_error == pytest.approx(slow.standard_error, rel=1e-7)


def test_without_overlap_the_safe_way_is_taken(by_kernels):
    for dissipation in (300.0, 3000.0):
        pair = truth.gaussian_pair(np.random.default_rng(4), dissipation, 500)
        slow, quick = by_kernels(lambda pair=pair: bar(pair.forward, pair.reverse))
        assert quick.value == pytest.approx(slow.value, rel=1e-9)
        assert math.isnan(quick.standard_error)


def test_a_file_larger_than_memory_is_read_where_it_lies(tmp_path, by_kernels):
    pair = truth.gaussian_pair(np.random.default_rng(5), 1.0, SIZE)
    for name in ("forward", "reverse"):
        getattr(pair, name).tofile(tmp_path / name)
    maps = [np.memmap(tmp_path / name, mode="r", dtype=np.float64) for name in ("forward", "reverse")]
    for expected, fit in zip(
        by_kernels(lambda: fit_crooks(pair.forward, pair.reverse)),
        by_kernels(lambda: fit_crooks(*maps)),
        strict=True,
    ):
        assert fit == expected
    assert all(np.shares_memory(Sample.of(one, "here").raw, one) for one in maps)


def test_a_map_may_begin_at_any_byte(tmp_path, by_kernels):
    values = np.random.default_rng(10).normal(1.0, 1.4, SIZE)
    (tmp_path / "odd").write_bytes(b"123" + values.tobytes())
    odd = np.memmap(tmp_path / "odd", mode="r", dtype=np.float64, offset=3)
    for expected, found in zip(*(by_kernels(lambda x=x: bar(x, x)) for x in (values, odd)), strict=True):
        assert found == expected


def test_runs_are_evenly_spread_pieces_of_the_sample():
    here = Sample.of(np.arange(100_000.0), "here")
    x = here.runs(1 << 13)
    assert x.size == 8 * 1024
    assert np.all(np.bincount((x // 12_500).astype(int)) == 1024), "a run in each eighth"
    assert np.array_equal(Sample.of(np.arange(300.0), "here").runs(1 << 13), np.arange(300.0))


def test_the_fit_by_kernels_is_the_fit(by_kernels):
    pair = truth.quench_pair(np.random.default_rng(6), 4000)
    slow, quick = by_kernels(lambda: fit_crooks(pair.forward, pair.reverse))
    for name in ("free_energy", "information", "slope", "slope_error", "slope_p", "smooth_p", "cusum_p"):
        assert getattr(quick, name) == pytest.approx(getattr(slow, name), rel=1e-8), name


def test_bins_keep_the_outermost_alone_and_none_is_large():
    pair = Pair.of(*np.random.default_rng(7).standard_t(2.0, (2, 40_000)))
    edges = edges_of(pair)
    work = np.sort(np.concatenate([*pair.forward.blocks(), *pair.turned.blocks()]))
    count = np.bincount(np.searchsorted(edges, work), minlength=edges.size + 1)
    assert np.all(count[:512] == 1)
    assert np.all(count[-513:-1] == 1)
    assert count[-1] == 0, "nothing lies above the last edge, which is the largest value"
    assert count.max() <= 80_000 // 2048
    assert count.sum() == 80_000


@pytest.fixture(scope="module")
def ordered():
    """The same trajectories as coins: one each, and in bins."""
    drawn = truth.quench_pair(np.random.default_rng(8), 10_000)
    pair = Pair.of(drawn.forward, drawn.reverse)
    f, information = pair.solved()
    return Coins.of(pair, f), Coins.binned(pair, f, edges_of(pair)), information


def test_bins_hold_all_trajectories_and_their_chances(ordered):
    alone, binned, information = ordered
    assert binned.count.sum() == alone.work.size
    assert binned.count @ binned.chance == pytest.approx(alone.chance.sum(), rel=1e-12)
    assert binned.residual.sum() == pytest.approx(alone.residual.sum(), abs=1e-9)
    assert binned.count @ (binned.chance * (1.0 - binned.chance)) == pytest.approx(information, rel=1e-4)


def test_the_walk_looked_at_between_bins_is_nearly_as_high(ordered):
    """It misses 0.009 standard deviations on average, as the docstring says; 0.1 is beyond any sample."""
    alone, binned, information = ordered
    assert binned.excursion <= alone.excursion + 1e-9
    assert binned.excursion >= alone.excursion - 0.1 * math.sqrt(information)


def redrawn(coins, count):
    """Draw a linear and a quadratic sum and a walk again, 500 times."""
    features = np.stack([coins.work, coins.work**2], axis=1)
    sums, walks = Labels(coins.chance, features, coins.last, bridge=True, count=count).redraw(500)
    return sums[:, 0], sums[:, 1], walks


def test_bins_tossed_again_have_the_law_of_their_trajectories(ordered):
    """Kolmogorov and Smirnov on 500 draws each: one of three laws is seen as another once in 3,000 tests."""
    alone, binned, _ = ordered
    assert binned.work.size < alone.work.size / 3
    laws = redrawn(alone, None)
    for one, other in zip(laws, redrawn(binned, binned.count), strict=True):
        assert stats.ks_2samp(one, other).pvalue > 1e-4
    for one, other in zip(laws, redrawn(binned, binned.count // 2), strict=True):
        assert stats.ks_2samp(one, other).pvalue < 1e-4, "half as many tosses are another law"
