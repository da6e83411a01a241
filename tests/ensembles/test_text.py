from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluctua.ensembles.text import canonical, number_text, read_table, read_value, write_json, write_toml
from fluctua.stochastic.errors import InvalidInput

words = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["C", "Z"]), max_size=12
)
scalars = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False), words
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4)
)
tables = st.dictionaries(words, values, max_size=6)


@given(tables)
def test_toml_and_json_give_a_table_back(table: dict[str, object]) -> None:
    assert read_table(write_toml(table), "toml") == table
    assert read_table(write_json(table), "json") == table
    assert canonical(read_table(write_toml(table), "toml")) == canonical(table)


@given(tables)
def test_the_canonical_form_forgets_the_order_of_keys(table: dict[str, object]) -> None:
    assert canonical(dict(reversed(table.items()))) == canonical(table)


def test_equal_numbers_have_one_canonical_form() -> None:
    assert canonical({"a": 1.0, "b": -0.0}) == canonical({"b": 0, "a": 1}) == b'{"a":1,"b":0}'
    assert canonical({"a": 1.5}) != canonical({"a": 1})


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_exactly(value: float) -> None:
    assert float(number_text(value)) == value
    assert tomllib.loads(f"x = {number_text(value)}")["x"] == value


def test_exponents_have_no_idle_zeros() -> None:
    assert number_text(2e-5) == "2e-5"
    assert number_text(1e22) == "1e22"
    assert number_text(1e-100) == "1e-100"


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("json", '{"seed": 1, "seed": 2}', "'seed' stands twice"),
        ("toml", "seed = 1\nseed = 2", "overwrite"),
        ("json", '{"a": NaN}', "not finite"),
        ("json", '{"a": 1e999}', "not finite"),
        ("toml", "a = inf", "not finite"),
        ("toml", "a = nan", "not finite"),
        ("toml", "a = 2020-01-01", "date"),
        ("json", '{"a": null}', "NoneType"),
        ("json", "[1, 2]", "not a table"),
        ("json", '{"a": "\\ud800"}', "control characters"),
        ("json", '{"a": "x\\u0000"}', "control characters"),
        ("json", '{"a": ' + "9" * 5000 + "}", "not JSON"),
        ("json", '{"a": ' + "9" * 40 + "}", "64 bits"),
        ("json", "[" * 100_000, "too deeply"),
        ("toml", "a = " + "[" * 100_000, "too deeply"),
        ("json", '{"a":' * 60 + "1" + "}" * 60, "too deeply"),
        ("toml", "a = ", "not TOML"),
        ("toml", "#" * 1_000_001, "too long"),
    ],
)
def test_what_no_spec_can_hold_is_refused_in_one_line(kind: str, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        read_table(text, kind)
    assert "\n" not in str(caught.value)


def test_bytes_must_be_utf8() -> None:
    with pytest.raises(InvalidInput, match="not UTF-8 at byte 1"):
        read_table(b"#\xff", "toml")
    assert read_table("a = 1".encode("utf-8-sig"), "toml") == {"a": 1}


def test_a_single_value_may_leave_its_quotes_out() -> None:
    assert read_value("3") == 3
    assert read_value("[1.0, 4.0]") == [1.0, 4.0]
    assert read_value('{ kind = "Hold", duration = 1.0 }') == {"kind": "Hold", "duration": 1.0}
    assert read_value("heun") == "heun"
    assert read_value("k/2*x**2") == "k/2*x**2"
    with pytest.raises(InvalidInput, match="more than one value"):
        read_value("1\nother = 2")
    with pytest.raises(InvalidInput, match=r"inf is not finite \(protocol.V\)"):
        read_value("inf", "protocol.V")
