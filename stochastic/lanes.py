"""The functions that formulas may use, written with + - * / and square roots only: one text with two lives.

As it stands it runs on NumPy arrays. `compiling` exchanges the one import line of building blocks and
compiles the same text into lane functions, which are inlined into a loop over trajectories and become vector
code: hence no branches (`select` computes both sides) and no library functions, whose bits differ between
machines.

NaN passes through every function. Largest errors found, in units in the last place (ulp), against 60 digits:

========  ==============================  ==============================================
function  error                           at the ends
========  ==============================  ==============================================
exp       1 ulp, also of subnormals       inf above 709.78, 0 below -745.13
log       1 ulp, also of subnormals       -inf at 0, NaN below 0, inf at inf
sin, cos  2.5 ulp, also beside zeros      NaN beyond 2**30, where an ulp of x is 1e-7
tanh      3 ulp, also of tiny arguments   -1 at -inf, 1 at inf
========  ==============================  ==============================================

The NumPy life rounds `fma` twice: its sin and cos lose digits beyond 1e6. There the caller also silences the
warning that an overflowing `exp` gives (`numpy.errstate`).

The polynomials are minimax fits, made at 60 digits and then rounded. The reductions subtract a constant in
pieces so short that products with them are exact (W. J. Cody and W. Waite, Software Manual for the Elementary
Functions, 1980); the logarithm is put together as in Sun's fdlibm (1993).
"""

from __future__ import annotations

import numpy as np

from fluctua.stochastic.twins import Lane, fma, from_bits, select, to_bits

NAN = float("nan")
INFINITY = float("inf")
# 1.5 * 2**52: adding it rounds to a whole number, which then stands in the lowest bits.
ROUNDER = 6755399441055744.0

NO_BITS = np.uint64(0)
LOWEST_BIT = np.uint64(1)
SECOND_BIT = np.uint64(2)
SIGN_BIT = np.uint64(0x8000000000000000)
ALL_BUT_SIGN = np.uint64(0x7FFFFFFFFFFFFFFF)
MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
MANTISSA_LENGTH = np.uint64(52)
SECOND_TO_SIGN = np.uint64(62)

LOG2_E = 1.4426950408889634
LN2_HEAD = 0.6931471805592082  # 40 bits: times an exponent it is exact
LN2_TAIL = 7.371002565167799e-13

TWO_OVER_PI = 0.6366197723675814
HALF_PI_HEAD = 1.5707963267341256  # 33 bits
HALF_PI_BODY = 6.077100506303966e-11  # 33 bits
HALF_PI_TAIL = 2.0222662487959506e-21
LARGEST_ANGLE = 1073741824.0

SMALLEST_NORMAL = 2.2250738585072014e-308
TWO_TO_54 = 18014398509481984.0
SQRT_HALF_BITS = np.uint64(0x3FE6A09E667F3BCD)
ONE_LESS_SQRT_HALF = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
EXPONENT_READER = np.uint64(0x4330000000000000)  # 2**52: its lowest bits are the whole numbers
EXPONENT_OFFSET = 4503599627370496.0 + 1023.0


def exp(x: Lane) -> Lane:
    """Give e**x = 2**k e**r with |r| <= ln 2 / 2; the power in halves, to reach subnormal numbers."""
    x = select(x < -746.0, -746.0, x)
    x = select(x > 710.0, 710.0, x)
    k = fma(x, LOG2_E, ROUNDER) - ROUNDER
    half = fma(k, 0.5, ROUNDER) - ROUNDER
    r = fma(k, -LN2_TAIL, fma(k, -LN2_HEAD, x))
    return (1.0 + exp_less_one(r)) * power_of_two(half) * power_of_two(k - half)


def log(x: Lane) -> Lane:
    """Give ln x = e ln 2 + ln m with m = 1 + f from sqrt(1/2) to sqrt(2).

    ln m = f - (f²/2 - s (f²/2 + R(s²))) with s = f / (2 + f).
    """
    subnormal = x < SMALLEST_NORMAL
    bits = to_bits(x * select(subnormal, TWO_TO_54, 1.0)) + ONE_LESS_SQRT_HALF
    e = from_bits((bits >> MANTISSA_LENGTH) | EXPONENT_READER) - EXPONENT_OFFSET
    e = select(subnormal, e - 54.0, e)
    f = from_bits((bits & MANTISSA) + SQRT_HALF_BITS) - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = fma(0.14619105887932157, z, 0.15331497016741585)
    p = fma(p, z, 0.1818289623141061)
    p = fma(p, z, 0.2222221103142026)
    p = fma(p, z, 0.28571428626653156)
    p = fma(p, z, 0.39999999999897884)
    p = fma(p, z, 0.666666666666667)
    square = 0.5 * f * f
    correction = fma(s, fma(p, z, square), e * LN2_TAIL)
    value = fma(e, LN2_HEAD, f - (square - correction))
    value = select(x < INFINITY, value, INFINITY)
    return select(x > 0.0, value, select(x == 0.0, -INFINITY, NAN))


def sin(x: Lane) -> Lane:
    """Give the sine."""
    quadrant, r = reduced(x)
    return in_quadrant(quadrant, r)


def cos(x: Lane) -> Lane:
    """Give the cosine: the sine one quadrant on. Beside the sine of the same angle it is nearly free."""
    quadrant, r = reduced(x)
    return in_quadrant(quadrant + LOWEST_BIT, r)


def tanh(x: Lane) -> Lane:
    """Give the hyperbolic tangent as E/(E + 2), E = exp(2|x|) - 1: tiny arguments keep their digits."""
    a = from_bits(to_bits(x) & ALL_BUT_SIGN)
    a = 2.0 * select(a > 22.0, 22.0, a)
    k = fma(a, LOG2_E, ROUNDER) - ROUNDER
    scale = power_of_two(k)
    r = fma(k, -LN2_TAIL, fma(k, -LN2_HEAD, a))
    e = fma(scale, exp_less_one(r), scale - 1.0)
    return from_bits(to_bits(e / (e + 2.0)) | (to_bits(x) & SIGN_BIT))


def exp_less_one(r: Lane) -> Lane:
    """Give e**r - 1 for |r| <= ln 2 / 2."""
    p = fma(2.091813816945801e-09, r, 2.510038687728531e-08)
    p = fma(p, r, 2.755726431433642e-07)
    p = fma(p, r, 2.7557268456677055e-06)
    p = fma(p, r, 2.4801587333953088e-05)
    p = fma(p, r, 0.0001984126986305611)
    p = fma(p, r, 0.0013888888888880944)
    p = fma(p, r, 0.008333333333330062)
    p = fma(p, r, 0.04166666666666667)
    p = fma(p, r, 0.16666666666666669)
    return fma(r * r, fma(p, r, 0.5), r)


def power_of_two(k: Lane) -> Lane:
    """Give 2**k for a whole number from -1022 to 1023."""
    return from_bits(to_bits(k + (ROUNDER + 1023.0)) << MANTISSA_LENGTH)


def reduced(x: Lane) -> tuple[Lane, Lane]:
    """Split an angle into quadrants, counted in the lowest bits, and a rest from -pi/4 to pi/4."""
    x = select(from_bits(to_bits(x) & ALL_BUT_SIGN) <= LARGEST_ANGLE, x, NAN)
    shifted = fma(x, TWO_OVER_PI, ROUNDER)
    k = shifted - ROUNDER
    r = fma(k, -HALF_PI_TAIL, fma(k, -HALF_PI_BODY, fma(k, -HALF_PI_HEAD, x)))
    return to_bits(shifted), r


def in_quadrant(quadrant: Lane, r: Lane) -> Lane:
    """Give sin(r + quadrant pi/2)."""
    value = select((quadrant & LOWEST_BIT) == NO_BITS, sine(r), cosine(r))
    return from_bits(to_bits(value) ^ ((quadrant & SECOND_BIT) << SECOND_TO_SIGN))


def sine(r: Lane) -> Lane:
    """Give sin r for |r| <= pi/4."""
    w = r * r
    p = fma(1.5918114511572463e-10, w, -2.5051131660292387e-08)
    p = fma(p, w, 2.755731610178877e-06)
    p = fma(p, w, -0.00019841269836757408)
    p = fma(p, w, 0.008333333333330948)
    p = fma(p, w, -0.16666666666666666)
    return fma(r * w, p, r)


def cosine(r: Lane) -> Lane:
    """Give cos r for |r| <= pi/4."""
    w = r * r
    p = fma(-1.1382622252384206e-11, w, 2.087614613858501e-09)
    p = fma(p, w, -2.755731727117506e-07)
    p = fma(p, w, 2.4801587298764788e-05)
    p = fma(p, w, -0.0013888888888887398)
    p = fma(p, w, 0.041666666666666664)
    return fma(w, fma(p, w, -0.5), 1.0)
