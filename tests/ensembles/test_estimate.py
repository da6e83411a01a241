from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluctua.ensembles.estimate import Estimate, uncertain


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.5803, 0.0018, "1.5803(18)"),
        (0.004019, 0.000018, "0.004019(18)"),
        (0.976, 0.004, "0.976(4)"),
        (-0.0866, 0.0009, "-0.0866(9)"),
        (0.0239, 0.0030, "0.0239(30)"),
        (1.0, 0.0999, "1.00(10)"),
        (1234567.0, 89.0, "1234570(90)"),
        (1e-9, 1e-11, "1.000(10)e-9"),
        (1.0, 0.0, "1(0)"),
        (2.0, math.nan, "2(?)"),
        (math.nan, math.nan, "nan(?)"),
    ],
)
def test_the_error_stands_in_units_of_the_last_digit(value: float, error: float, text: str) -> None:
    assert uncertain(value, error) == text


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e3))
def test_brackets_read_back_to_value_and_error(value: float, error: float) -> None:
    found = re.fullmatch(r"(-?\d+(?:\.(\d+))?)\((\d+)\)(?:e(-?\d+))?", uncertain(value, error))
    assert found is not None
    scale = 10.0 ** int(found[4] or 0)
    unit = 10.0 ** -len(found[2] or "") * scale
    stated = int(found[3]) * unit
    half_a_digit = 0.5 / 3.55 * error * (1 + 1e-9)  # one digit of the error stands for at least 3.55 units
    assert abs(stated - error) <= half_a_digit
    assert abs(float(found[1]) * scale - value) <= half_a_digit + 1e-12 * abs(value)


def test_an_estimate_prints_its_unit_and_its_number() -> None:
    assert repr(Estimate(1.5803, 0.0018, 200_000, "energy")) == "Estimate 1.5803(18) energy, n = 200,000"
    assert str(Estimate(0.976, 0.004, 100, "1")) == "0.976(4)"
