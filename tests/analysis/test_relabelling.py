"""Coins tossed again: their exact laws, and the same answer every time."""

import math

import numpy as np
import pytest
from scipy import stats

from fluctua.analysis import relabelling
from fluctua.analysis.relabelling import Labels, p_value, walk_ends
from fluctua.stochastic.kernels.noise import philox


def labels_of(probability, bridge=False):
    p = np.asarray(probability, dtype=float)
    return Labels(p, np.ones((p.size, 1)), np.ones(p.size, dtype=bool), bridge)


def test_sums_of_equal_coins_are_binomial():
    n, p, draws = 30, 0.3, 40_000
    sums, _ = labels_of(np.full(n, p)).redraw(draws)
    heads = np.rint(sums[:, 0] + n * p).astype(int)
    expected = stats.binom.pmf(np.arange(n + 1), n, p) * draws
    common = expected > 20
    observed = np.bincount(heads, minlength=n + 1)[common]
    chi_square = np.sum((observed - expected[common]) ** 2 / expected[common])
    assert chi_square < stats.chi2.isf(1e-3, common.sum() - 1)


def test_walk_is_looked_at_only_where_a_value_ends():
    last = walk_ends(np.array([1.0, 1.0, 1.0, 2.0, 3.0, 3.0]))
    assert last.tolist() == [False, False, True, True, False, True]
    labels = Labels(np.full(6, 0.5), np.ones((6, 1)), last, bridge=False)
    _, excursion = labels._statistics(np.array([[1, 1, 0, 1, 1, 0]], dtype=bool))
    assert excursion[0] == 1.0, "heights 0.5, 1 and 1; the 1.5 within the last value does not count"


def test_a_bridge_ends_at_zero():
    p = np.array([0.2, 0.5, 0.7])
    _, excursion = labels_of(p, bridge=True)._statistics(np.array([[0, 1, 1]], dtype=bool))
    residual = np.array([0, 1, 1]) - p
    walk = np.cumsum(residual) - residual.sum() * np.cumsum(p * (1 - p)) / np.sum(p * (1 - p))
    assert excursion[0] == pytest.approx(np.abs(walk[:2]).max())


def test_the_same_call_gives_the_same_draws():
    labels = labels_of(np.linspace(0.1, 0.9, 50))
    first, second = labels.redraw(999), labels.redraw(999)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_certain_coins_are_not_tossed():
    labels = labels_of([1e-30, 0.5, 1.0 - 1e-16, 1.0])
    assert labels._worth_tossing.tolist() == [1]
    sums, _ = labels.redraw(999)
    assert set(np.round(sums[:, 0], 12)) == {-0.5, 0.5}


def test_p_value_counts_ties_and_is_never_zero():
    assert p_value(2.0, np.array([1.0, 2.0, 3.0])) == 3 / 4
    assert p_value(9.0, np.zeros(999)) == 1 / 1000


@pytest.mark.parametrize(("alpha", "least"), [(0.05, 1000), (0.001, 50_000)])
def test_a_stricter_error_rate_takes_more_draws(alpha, least):
    assert labels_of(np.full(50, 0.5)).replicates(alpha) == least


def some_coins(n, seed=1, bridge=True):
    """Coins of every kind: fair, rare, as good as sure, and equal values among them."""
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    p[: n // 8], p[n // 8 : n // 4] = 10.0 ** rng.uniform(-14, -1, n // 8), 1.0 - 1e-9
    return Labels(p, rng.normal(size=(n, 3)), rng.random(n) < 0.7, bridge)


def slow_draw(labels, draw):
    """One draw as the formulas stand: a word for each coin, residuals added up one by one."""
    kept = labels._worth_tossing
    p, phi = labels.probability[kept], labels.features[kept]
    label = np.empty(kept.size)
    variance = np.sum(labels.probability * (1.0 - labels.probability))
    key = round(variance / 2.0 ** (1 + math.floor(math.log2(variance))) * 2**20)
    for i in range(kept.size):
        if i % 4 == 0:
            words = philox(*np.array([draw, 0, i // 4, 2**32 - 1, 0x5EED, key], dtype=np.uint64)[:, None])
        rare = words[i % 4][0] < round(2**32 * min(p[i], 1.0 - p[i]))
        label[i] = rare if p[i] <= 0.5 else not rare
    walk = np.cumsum(label - p)
    if labels.bridge:
        walk = walk - walk[-1] * np.cumsum(p * (1 - p)) / np.sum(p * (1 - p))
    ends = labels.last.copy()
    group = np.append(0, np.cumsum(ends)[:-1])[kept]  # the coins of one value
    looked = np.append(group[1:] != group[:-1], True) & (group < ends.sum())
    return (label - p) @ phi, np.abs(walk[looked]).max()


@pytest.mark.parametrize("bridge", [True, False])
def test_numpy_and_the_slow_twin_toss_the_same_coins(bridge):
    labels = some_coins(120, bridge=bridge)
    sums, walks = [], []
    for drawn in labels._labels(12):
        part = labels._statistics(drawn)
        sums.append(part[0]), walks.append(part[1])
    slow = [slow_draw(labels, draw) for draw in range(12)]
    assert np.concatenate(sums) == pytest.approx(np.array([s for s, _ in slow]), rel=1e-9, abs=1e-9)
    assert np.concatenate(walks) == pytest.approx(np.array([w for _, w in slow]), rel=1e-12)


@pytest.mark.parametrize(("n", "draws", "bridge"), [(1, 70, False), (64, 64, True), (3003, 999, True)])
def test_the_kernel_gives_the_bits_of_numpy_in_any_number_of_threads(n, draws, bridge):
    labels = some_coins(n, bridge=bridge)
    parts = [labels._statistics(drawn) for drawn in labels._labels(draws)]
    for threads in (1, 3):
        kernel = labels._by_kernel(draws, threads)
        for found, expected in zip(kernel, map(np.concatenate, zip(*parts, strict=True)), strict=True):
            assert np.array_equal(found, expected)


def test_a_kernel_in_pieces_gives_the_same_bits(monkeypatch):
    labels = some_coins(500)
    whole = labels._by_kernel(999)
    monkeypatch.setattr(relabelling, "_TOGETHER", 1)
    for one, other in zip(whole, labels._by_kernel(999), strict=True):
        assert np.array_equal(one, other)
    fewer = labels._by_kernel(100)
    assert np.array_equal(fewer[0], whole[0][:100]), "a draw does not depend on how many there are"


def test_samples_of_a_size_toss_coins_of_their_own():
    """With one key for all, the same draws would be extreme in every ensemble of a bench."""
    first, second = (
        Labels(np.full(50, p), np.ones((50, 1)), np.ones(50, bool), False) for p in (0.3, 0.3001)
    )
    tosses = [np.concatenate([*labels._labels(999)]) for labels in (first, second)]
    alike = np.mean(tosses[0] == tosses[1])  # 0.58 of 50,000, with a standard deviation of 0.0022
    assert alike == pytest.approx(0.3**2 + 0.7**2, abs=0.01)


def test_few_tosses_need_no_kernel(monkeypatch):
    monkeypatch.setattr(relabelling, "_tossed", 0)
    monkeypatch.setattr(relabelling, "_module", relabelling.cache(lambda: pytest.fail("a kernel was loaded")))
    labels = some_coins(300)
    labels.redraw(999)
    with pytest.raises(pytest.fail.Exception):
        labels.redraw(1 + relabelling.MANY_TOSSES // 300)


def test_features_on_the_grid_are_close_and_add_exactly():
    rng = np.random.default_rng(4)
    features = rng.normal(size=(5000, 2)) * [1.0, 1e6]
    rounded = relabelling._without_rounding(features, np.ones(5000))
    assert (np.abs(rounded - features).max(axis=0) <= np.abs(features).sum(axis=0) * 2.0**-52).all()
    orders = [rng.permutation(5000) for _ in range(3)]
    assert len({tuple(np.cumsum(rounded[order], axis=0)[-1]) for order in orders}) == 1
    assert len({tuple(np.cumsum(features[order], axis=0)[-1]) for order in orders}) > 1, "not on the grid"


def test_tosses_are_fair_and_independent():
    """All, neighbouring coins, neighbouring draws: one of four z-scores is beyond 4 in 4,000 true tests."""
    draws, n, p = 2000, 256, 0.3
    labels = np.concatenate([*labels_of(np.full(n, p))._labels(draws)]).astype(float)
    unit = (labels - p) / np.sqrt(p * (1 - p))
    size = np.sqrt(unit.size)
    assert abs(unit.sum() / size) < 4
    assert abs((unit[:, 1:] * unit[:, :-1]).sum() / size) < 4
    assert abs((unit[1:] * unit[:-1]).sum() / size) < 4
    assert abs((unit**2 - 1).sum() / size / np.sqrt((1 - 2 * p) ** 2 / (p * (1 - p)))) < 4
