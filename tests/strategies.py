"""Formulas for hypothesis, as text."""

from hypothesis import strategies as st

NAMES = ("q", "x", "k")


def _either(signs):
    return lambda inner: st.tuples(inner, st.sampled_from(signs), inner).map(
        lambda p: f"({p[0]} {p[1]} {p[2]})"
    )


def _power(inner):
    return st.tuples(inner, st.integers(0, 3)).map(lambda p: f"({p[0]}**{p[1]})")


def _negative(inner):
    return inner.map(lambda text: f"(-{text})")


def polynomials():
    """Polynomials with whole coefficients: at small whole numbers they are computed without any rounding."""
    leaves = st.one_of(st.sampled_from(NAMES), st.integers(0, 5).map(str))
    return st.recursive(
        leaves, lambda inner: st.one_of(_either("+-*")(inner), _power(inner), _negative(inner)), max_leaves=6
    )


def formulas():
    """Smooth formulas of q, x, k, with values of moderate size for arguments of moderate size."""
    leaves = st.one_of(st.sampled_from(NAMES), st.sampled_from(["1", "2", "0.5", "3", "0.25"]))

    def grow(inner):
        bounded = st.sampled_from(["sin({})", "cos({})", "tanh({})", "exp(sin({}))"])
        tame = st.sampled_from(["sqrt(1 + {}**2)", "log(2 + {}**2)", "1/(1 + {}**2)", "exp(-{}**2)"])
        # A name inside keeps functions of bare numbers out: those are rounded at once.
        call = st.tuples(st.one_of(bounded, tame), st.sampled_from(NAMES), inner).map(
            lambda p: p[0].format(f"({p[1]} + {p[2]})")
        )
        return st.one_of(call, _either("+-*")(inner), _power(inner), _negative(inner))

    return st.recursive(leaves, grow, max_leaves=5)


SCRAPS = """
    q x k pi exp log sin cos tanh sqrt ( ) + - * / ** < <= > >= == and or not 1 2 0.5 1e9 1e999 0 , . _ __
    lambda if else for in is True None ^ % : := [ ] { } ' " # @ \\ 1j 0x1f 1_0 ... ; ω é print abs
"""


def scraps():
    """Text that looks like a formula, or nearly."""
    pieces = st.lists(st.sampled_from([*SCRAPS.split(), "\n", "\0"]), max_size=12)
    return st.tuples(st.sampled_from(["", " "]), pieces).map(lambda p: p[0].join(p[1]))
