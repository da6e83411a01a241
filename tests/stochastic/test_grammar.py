"""What a formula may contain: everything else is refused in one line, and nothing of it runs."""

import ast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluctua.stochastic import compiling
from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.expressions import Graph

from faults.hostile_formulas import garbled
from strategies import NAMES, scraps

SAME = {name: name for name in NAMES}
_parse = ast.parse


def parsed(text):
    return Graph().parse(text, SAME, "system.energy")


def test_formulas_are_parsed_one_at_a_time(monkeypatch):
    """Two threads that parse at once break CPython 3.11."""
    owned = []

    def parse(*given, **named):
        owned.append(compiling.one_at_a_time()._is_owned())
        return _parse(*given, **named)

    monkeypatch.setattr(ast, "parse", parse)
    parsed("q**2 + k")
    assert owned == [True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k/2 * x^2", "'^' is not a power (system.energy, column 8): write **"),
        ("kk*q", "'kk' is not declared (system.energy, column 1): names are k pi q x; did you mean 'k'?"),
        (
            "  sinn(q)",
            "'sinn' is not a function (system.energy, column 3): "
            "functions are exp log sin cos tanh sqrt; did you mean 'sin'?",
        ),
        ("k(q - 1)", "'k' is not a function (system.energy, column 1): write k*(...) for a product"),
        ("q**0.5", "the power 0.5 is not a whole number (system.energy, column 4): write sqrt(x)"),
        (
            "q**65",
            "the power '65' is not a whole number from -64 to 64 (system.energy, column 4): "
            "write exp(p*log(x))",
        ),
        (
            "q**x",
            "the power 'x' is not a whole number from -64 to 64 (system.energy, column 4): "
            "write exp(p*log(x))",
        ),
        ("q + 1/0", "'1/0' is not a finite number (system.energy, column 5): change it"),
        ("log(-1)", "'log(-1)' is not a finite number (system.energy, column 1): change it"),
        ("", "the formula is empty (system.energy): write 0 if there is none"),
        ("q < 1", "a condition stands where a number is expected (system.energy, column 1)"),
        ("exp", "'exp' is a function (system.energy, column 1): write exp(...)"),
        ("exp(q, x)", "exp takes one argument (system.energy, column 1): write exp(x)"),
    ],
)
def test_errors_name_the_place_and_the_remedy(text, message):
    with pytest.raises(InvalidInput) as caught:
        parsed(text)
    assert str(caught.value) == message


def test_a_formula_that_breaks_off_is_refused_where_it_does():
    with pytest.raises(InvalidInput, match=r"cannot be read \(system.energy, column \d\): check operators"):
        parsed("q +")


ATTACKS = [
    "__import__('os').system('touch {file}')",
    "__import__('pathlib').Path('{file}').touch()",
    "exec(\"open('{file}','w')\")",
    "eval('1')",
    "open('{file}', 'w')",
    "().__class__.__bases__[0].__subclasses__()",
    "q.__class__",
    "q.real",
    "exp.__globals__",
    "exp.__call__(q)",
    "getattr(q, 'real')",
    "globals()",
    "(lambda: 1)()",
    "lambda q: q",
    "[q for q in (1, 2)]",
    "{q: 1}",
    "{q}",
    "[q][0]",
    "(q := 2)",
    "f'{q}'",
    "'a' * 1000",
    "b'a'",
    "q if q > 0 else x",
    "q and x",
    "not q",
    "await q",
    "(yield)",
    "*q",
    "exp(*[q])",
    "exp(**{'x': 1})",
    "exp(x=q)",
    "exp(exp)",
    "print(q)",
    "10**10**10",
    "9**9**9**9",
    "q**1000000",
    "q**(2**64)",
    "(1+1j)*q",
    "1j",
    "1e999",
    "-1e999",
    "nan",
    "inf",
    "float('inf')",
    "1/0",
    "0**-1",
    "10.0**64**1",
    "2**q",
    "True",
    "False * q",
    "None",
    "...",
    "__debug__",
    "__builtins__",
    "q; x",
    "q, x",
    "import os",
    "q = 1",
    "q == 1",
    "q != 1",
    "q is x",
    "q in x",
    "0 < q < 1",
    "q // x",
    "q % x",
    "q @ x",
    "q << 2",
    "~q",
    "q | x",
    "q\\\n+x",
    "q # comment",
    "q\x00",
    "\x00",
    "ｑ + 1",
    "ω",
    "q\u00b2",
    "q\u2028+ x",
    "1" * 5000,
    "1" * 900,
    "q" + " + q" * 240,
    "q" + "+1" * 120,
    "-" * 900 + "q",
    "(" * 300 + "q" + ")" * 300,
    "(" * 90 + "q",
    "exp(" * 50 + "q" + ")" * 50,
    "1+(" * 60 + "q" + ")" * 60,
    "not " * 100 + "q",
    "((q)",
    "q)",
    ")(",
    "  ",
    "2 q",
    "2q",
    "1or 2",
    "exp(exp(exp(9)))",
    "1e200*1e200",
    "sqrt(-1)",
]


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_attacks_are_refused_and_nothing_runs(attack, tmp_path):
    file = tmp_path / "trace"
    with pytest.raises(InvalidInput) as caught:
        parsed(attack.replace("{file}", str(file)))
    assert "\n" not in str(caught.value)
    assert not file.exists()


def test_the_attacks_are_live(tmp_path):
    file = tmp_path / "trace"
    eval(ATTACKS[1].replace("{file}", str(file)), {})  # what the reader must never do
    assert file.exists()


@pytest.mark.parametrize(
    "thing", [None, True, b"q", ["q"], {"q": 1}, 1j, float("nan"), float("inf"), 10**400, np.array([1.0])]
)
def test_what_is_no_text_and_no_number_is_refused(thing):
    with pytest.raises(InvalidInput):
        parsed(thing)


def assert_read_or_refused(text):
    for read in (Graph().parse, Graph().parse_condition):
        error = refusal(read, text)
        assert error is None or ("record.a" in error.where and "\n" not in str(error)), text


@settings(max_examples=400)
@given(st.one_of(st.text(max_size=60), st.text("qxk()+-*/.0123456789e <>=", max_size=40), scraps()))
def test_any_text_is_a_formula_or_one_clear_error(text):
    assert_read_or_refused(text)


def test_any_scraps_are_a_formula_or_one_clear_error():
    """The same of many more, drawn by a seed: hypothesis takes ten times as long."""
    for text in garbled(4000, seed=5):
        assert_read_or_refused(text.replace("NAME", "q"))


def refusal(read, text):
    try:
        read(text, SAME, "record.a")
    except InvalidInput as error:
        return error
    return None


def test_a_formula_is_refused_even_where_the_stack_is_nearly_full():
    def deep(levels):
        return parsed("-" * 300 + "q") if levels == 0 else deep(levels - 1)

    with pytest.raises(InvalidInput):
        deep(100)


@pytest.mark.parametrize("text", ["q", "q + (x < 1)", "q > 0 and x", "(q < 1) < 2", "q is 1", "sin(q < 1)"])
def test_conditions_and_numbers_are_not_mixed(text):
    with pytest.raises(InvalidInput):
        Graph().parse_condition(text, SAME)


def test_a_condition_is_welcome_where_it_is_allowed():
    graph = Graph()
    assert graph.is_condition(graph.parse("q > 1", SAME, conditions=True))
    assert not graph.is_condition(graph.parse("q", SAME, conditions=True))
    with pytest.raises(InvalidInput, match=r"number is expected .*: only a whole formula may be a condition"):
        graph.parse("q*(x == 1)", SAME, conditions=True)
