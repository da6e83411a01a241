import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.ramps import ends_of, largest, read_ramp, reversed_ramp, same, values_of

FRACTIONS = np.array([0.0, 0.125, 0.5, 1.0])


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (2, 2.0),
        (np.float32(0.5), 0.5),
        ([0, 1], (0.0, 1.0)),
        (np.array([0, 1, 4]), (0.0, 1.0, 4.0)),
        (np.array(3.0), 3.0),
        ((7,), 7.0),
        (" 1 + s ", "1 + s"),
    ],
)
def test_values_in_time_are_kept_as_plain_numbers_and_text(typed, kept):
    read = read_ramp(typed, "c")
    assert (type(read), read) == (type(kept), kept)


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ([], "an empty table"),
        ([1.0, "2"], "'2' is not a number"),
        ([1.0, True], "True is not a number"),
        ([1.0, float("nan")], "nan is not finite"),
        (np.zeros((2, 2)), r"\[0.0, 0.0\] is not a number"),
        (lambda t: t, r"a function is not data .*: pass its values, f\(np.linspace\(0, 1, 201\)\)"),
        ("1 + x", "'x' is not declared"),
        ("", "empty"),
        ("s < 1", "a condition stands"),
        ("__import__('os')", "not allowed"),
    ],
)
def test_what_is_no_value_in_time_is_refused(typed, fault):
    with pytest.raises(InvalidInput, match=fault) as caught:
        read_ramp(typed, "protocol.steps.0.c")
    assert "protocol.steps.0.c" in caught.value.where


def test_a_linear_ramp_is_its_formula_to_the_bit():
    j, n, a, b = np.arange(154), 154, 0.1, 0.7
    fractions = (j + 0.5) / n
    assert np.array_equal(values_of((a, b), fractions, 2.0, "c"), a + (b - a) * ((j + 0.5) / n))


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9), st.lists(st.floats(0, 1), min_size=1))
def test_tables_are_linear_between_equally_spaced_values(table, fractions):
    computed = values_of(tuple(table), np.array(fractions), 1.0, "c")
    exact = np.interp(fractions, np.linspace(0, 1, len(table)), table)
    # Both routes round the place among m values to m ulp, on slopes up to 2000, and the result twice.
    assert np.allclose(computed, exact, rtol=0, atol=2 * (len(table) + 2) * 2000 * np.finfo(float).eps)


def test_formulas_know_time_and_its_fraction():
    assert values_of("s", FRACTIONS, 2.0, "c").tolist() == FRACTIONS.tolist()
    assert values_of("t", FRACTIONS, 2.0, "c").tolist() == (2.0 * FRACTIONS).tolist()
    assert values_of("1/4", FRACTIONS, 2.0, "c").tolist() == [0.25] * 4
    assert ends_of("1 + 3*s**2", 2.0, "c") == (1.0, 4.0)
    assert largest("4*s*(1 - s)", 2.0, "c") == 1.0


def test_formulas_must_be_finite_and_positive_where_asked():
    with pytest.raises(InvalidInput, match=r"'1/s' is inf at s = 0, not finite \(c\)"):
        values_of("1/s", FRACTIONS, 1.0, "c")
    with pytest.raises(InvalidInput, match=r"is 0\.0 at s = 1, not positive"):
        values_of("1 - s", FRACTIONS, 1.0, "beta", positive=True)


PIECES = [
    "s",
    "t",
    "(1 - s)",
    "(2.5 - t)",
    "(1 - (1 - s))",
    "exp(1 - s)",
    "exp(s)",
    "(s)",
    "sin (1 - s)",
    "(3 - s)",
]


def formulas():
    return st.recursive(
        st.sampled_from(PIECES),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
            inner.map(lambda text: f"(1 - {text})"),
            inner.map(lambda text: f"cos(1 - {text})"),
            inner.map(lambda text: f"(2.5 - {text})"),
        ),
        max_leaves=4,
    )


@given(formulas())
def test_mirrored_formulas_run_backwards_and_mirror_back(formula):
    mirror = reversed_ramp(formula, 2.5)
    assert reversed_ramp(mirror, 2.5) == formula
    forwards = values_of(formula, FRACTIONS, 2.5, "c")
    backwards = values_of(mirror, 1.0 - FRACTIONS, 2.5, "c")
    # At most four leaves, each below 10 in magnitude: products stay below 1e5, some ulp of which is allowed.
    assert np.allclose(forwards, backwards, rtol=1e-12, atol=1e-9)


def test_mirrors_read_as_a_person_would_write_them():
    assert reversed_ramp("1 + 3*s**2", 1.0) == "1 + 3*(1 - s)**2"
    assert reversed_ramp("sin(pi*t)", 0.5) == "sin(pi*(0.5 - t))"
    assert reversed_ramp("exp(1 - s)", 1.0) == "exp(1 - (1 - s))"
    assert reversed_ramp((0.0, 1.0, 3.0), 1.0) == (3.0, 1.0, 0.0)
    assert reversed_ramp(2.0, 1.0) == 2.0


def test_rounding_is_no_jump_and_a_jump_is_no_rounding_in_any_unit():
    assert same(0.0, 1.2e-16, 1.0)
    assert same(1e-8, 1e-8 * (1 + 1e-12), 0.0)
    assert not same(1e-8, 1.1e-8, 1e-8)
    assert not same(1.0, 1.0 + 1e-6, 1.0)
