"""Products and sums of arrays, rounded once as machine code rounds them."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from fluctua.stochastic.markov import listing

NUMBER = st.floats(-1e30, 1e30).filter(lambda x: x == 0.0 or abs(x) > 1e-30)
STEP = 2.0**-52


def exact(a, b, c):
    return float(Fraction(a) * Fraction(b) + Fraction(c))


@given(NUMBER, NUMBER, NUMBER)
def test_product_and_sum_are_rounded_once(a, b, c):
    assert listing.fused(a, b, c) == exact(a, b, c)


@given(NUMBER, NUMBER, st.integers(-8, 8))
def test_nor_are_they_where_nearly_all_cancels(a, b, away):
    c = -a * b * (1.0 + away * STEP)
    assert listing.fused(a, b, c) == exact(a, b, c)


def test_a_tie_is_broken_by_what_is_far_below():
    """The product is half a unit in the last place of 1, less 2**-60 of itself."""
    a, b, c = 2.0**-27 * (1.0 + 2.0**-30), 2.0**-26 * (1.0 - 2.0**-30), 1.0 + STEP
    assert listing.fused(a, b, c) == exact(a, b, c) == c
    assert a * b + c == c + STEP  # the control: rounded twice, the tie goes to the even number
