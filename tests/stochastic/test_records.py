"""Records are formulas with a kind."""

import pytest

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.expressions import Graph
from fluctua.stochastic.records import parse_record

NAMES = {"q": "q_0", "p": "q_1", "k": "c_0"}


def parsed(text):
    return parse_record("r", text, Graph(), NAMES, ("q", "p"))


@pytest.mark.parametrize(
    ("text", "kind", "along"),
    [
        ("integral(q**2)", "integral", None),
        ("integral(exp(-(q + k)), p)", "integral", 1),
        (" final( q*k ) ", "final", None),
        ("max(q)", "max", None),
        ("min((q - k)*2)", "min", None),
        ("first(q > 1 and p < 0)", "first", None),
    ],
)
def test_kinds(text, kind, along):
    record = parsed(text)
    assert (record.kind, record.along) == (kind, along)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("q**2", "is not a record"),
        (3, "is not a record"),
        ("mean(q)", "'mean' is not a kind of record"),
        ("maxx(q)", "did you mean 'max'"),
        ("integral(q, z)", "'z' is not a coordinate"),
        ("integral(qq)", "did you mean 'q'"),
        ("first(q)", "record.r"),
        ("max(q > 1)", "record.r"),
        ("integral(q", "is not a record"),
        ("integral()", "record.r"),
        ("final(__import__('os'))", "record.r"),
    ],
)
def test_errors_name_the_record(text, line):
    with pytest.raises(InvalidInput, match=line):
        parsed(text)
