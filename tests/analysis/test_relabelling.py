"""Coins tossed again: their exact laws, and the same answer every time."""

import numpy as np
import pytest
from scipy import stats

from fluctua.analysis.relabelling import Labels, p_value, walk_ends


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
