"""Steps of increments, how far sums of them reach, and laws out of their transforms."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import gcd, lcm

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.lattices import FLOOR, common_step, law, range_of_sums


def slow_step(amounts: list[Fraction]) -> Fraction:
    """Give the greatest common divisor of fractions."""
    under = lcm(*(amount.denominator for amount in amounts))
    return Fraction(gcd(*(int(amount * under) for amount in amounts)), under)


@settings(max_examples=200, deadline=None)
@given(
    multiples=st.lists(st.integers(-40, 40), min_size=1, max_size=6).filter(any),
    unit=st.fractions(Fraction(1, 50), 50, max_denominator=97),
    scale=st.sampled_from([1.0, 1e-21, 4.11e9]),
)
def test_the_step_is_the_greatest_common_divisor(multiples: list[int], unit: Fraction, scale: float) -> None:
    exact = [m * unit for m in multiples]
    found = common_step(np.array([float(a) for a in exact]) * scale)
    assert found == pytest.approx(float(slow_step(exact)) * scale, rel=1e-12)


@pytest.mark.parametrize(
    ("amounts", "step"),
    [
        ([], 1.0),
        ([0.0, 0.0], 1.0),
        ([2.2, -2.2, 0.0], 2.2),
        ([0.1, 0.3, 0.1 + 0.2], 0.1),  # 0.30000000000000004
        ([1.0, 1e-17], 1.0),  # what rounding leaves of a difference
        ([1.0, np.sqrt(2.0)], None),
        ([1.0, 1.0 + 1e-9], None),
        ([1.0, 1000.0], 1.0),
        ([1.0, 1001.0], None),
    ],
)
def test_what_has_a_step_and_what_has_none(amounts: list[float], step: float | None) -> None:
    found = common_step(np.array(amounts))
    assert found == (step if step is None else pytest.approx(step, rel=1e-14))


def reach_by_walking(channels: list[tuple[int, int, int]], starts: list[bool], jumps: int) -> tuple[int, int]:
    """Walk all ways of so many jumps."""
    sums = {(level, 0) for level, can in enumerate(starts) if can}
    seen = set(sums)
    for _ in range(jumps):
        sums = {(b, total + add) for level, total in sums for a, b, add in channels if a == level}
        seen |= sums
    return min(total for _, total in seen), max(total for _, total in seen)


@settings(max_examples=150, deadline=None)
@given(
    channels=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(-2, 2)), min_size=1, max_size=6
    ),
    starts=st.lists(st.booleans(), min_size=4, max_size=4).filter(any),
)
def test_sums_reach_as_far_as_ways_lead(channels: list[tuple[int, int, int]], starts: list[bool]) -> None:
    """Four levels: without end where 12 jumps lead further than 4, which no way without a cycle has."""
    sources, targets, amounts = (np.array(column) for column in zip(*channels, strict=True))
    found = range_of_sums(sources, targets, amounts.astype(float), np.array(starts))
    short, long = (reach_by_walking(channels, starts, jumps) for jumps in (4, 12))
    for side, sign in ((0, -1.0), (1, 1.0)):
        if sign * long[side] > sign * short[side]:
            assert found[side] == sign * np.inf
        elif np.isfinite(found[side]):
            assert found[side] == long[side]
        else:  # a cycle that grows, too slowly to be ahead after 12
            assert sign * reach_by_walking(channels, starts, 24)[side] > sign * short[side]


@pytest.mark.parametrize("mean", [0.01, 3.0, 40.0])
def test_a_poisson_number(mean: float) -> None:
    values, found = law(
        lambda angle: np.exp(mean * (np.exp(1j * angle) - 1.0)), mean, mean**0.5, 1, (0.0, np.inf)
    )
    assert values[0] == (0 if mean < 30.0 else 4)
    assert found == pytest.approx(stats.poisson.pmf(values, mean), abs=FLOOR)
    assert stats.poisson.pmf([values[0] - 1, values[-1] + 1], mean).max() < 2.0 * FLOOR
    assert found.min() > FLOOR


def slow_law(
    wave: Callable[[float], complex], first: int, size: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Sum equation (1) as it stands, angle by angle."""
    found = [
        sum(np.exp(-2j * np.pi * k * n / size) * wave(2.0 * np.pi * k / size) for k in range(size)) / size
        for n in range(first, first + size)
    ]
    return np.array(found).real


@pytest.mark.parametrize("size", [22, 23])
def test_the_transform_is_the_sum_over_angles(size: int) -> None:
    """Of jumps of -3, 0 and 5 with their chances, in ranges of even and odd numbers of values."""

    def wave(angle: float) -> complex:
        return complex(0.2 * np.exp(-3j * angle) + 0.5 + 0.3 * np.exp(5j * angle)) ** 2

    values, found = law(wave, 0.9, 0.1, 2, (-6, size - 7))
    assert (values[0], values[-1]) == (-6, 10)
    assert found == pytest.approx(slow_law(wave, -6, size)[:17], abs=FLOOR)


@pytest.mark.parametrize(("mean", "error"), [(1e4, 2e-13), (1e5, 1e-12), (1e6, 2e-12)])
def test_large_numbers(mean: float, error: float) -> None:
    """13,282 values of the largest: errors as documented, which a step of the phase more would pass."""
    values, found = law(
        lambda angle: np.exp(mean * (np.exp(1j * angle) - 1.0)), mean, mean**0.5, 1, (0.0, np.inf)
    )
    assert found == pytest.approx(stats.poisson.pmf(values, mean), abs=error)


def test_what_would_take_too_long_is_refused_before_an_angle_is_asked() -> None:
    def wave(_: float) -> complex:
        raise AssertionError

    said = r"^the law of heat has 241 values, more than the 200 that take a minute or two \(distribution\): s"
    with pytest.raises(InvalidInput, match=said):
        law(wave, 0.0, 10.0, 0, (-np.inf, np.inf), name="heat", cost=1e4)
    with pytest.raises(InvalidInput, match="the law of what is counted has 24,000,000,000,001 values"):
        law(wave, 0.0, 1e12, 0, (-np.inf, np.inf))


@pytest.mark.parametrize("trials", [1, 2, 3, 8])
def test_a_range_of_any_size(trials: int) -> None:
    """Even and odd numbers of values."""
    values, found = law(
        lambda angle: (0.3 + 0.7 * np.exp(1j * angle)) ** trials, 0.7 * trials, 0.5, 1, (0.0, trials)
    )
    assert values.tolist() == list(range(trials + 1))
    assert found == pytest.approx(stats.binom.pmf(values, trials, 0.7), abs=FLOOR)


def test_rounding_is_no_probability() -> None:
    """Of 0, 2 and 4 the transform makes noise at 1 and 3, and beyond: which is cut, and nowhere below 0."""
    noise = np.random.default_rng(12)

    def wave(angle: float) -> complex:
        return complex((0.5 + 0.5 * np.exp(2j * angle)) ** 2 + 1e-9 * noise.normal())

    values, found = law(wave, 2.0, 2.0**0.5, 2, (-np.inf, np.inf))
    assert found.min() >= 0.0
    assert dict(zip(values.tolist(), found.tolist(), strict=True))[2] == pytest.approx(0.5, abs=1e-8)
    assert np.count_nonzero(found) < 12  # some of the 115 that only noise fills are above all that fall below


def test_nothing_moves() -> None:
    values, found = law(lambda _: 1.0 + 0.0j, 0.0, 0.0, 1, (0.0, 0.0))
    assert (values.tolist(), found.tolist()) == ([0], [1.0])
