"""Kernel texts become straight lines, and nothing else."""

from fluctua.stochastic.unrolling import unroll

DRIFT = '''
def drift():
    """Free flight."""
    for i in COORDINATES:
        q[i] = fma(step, v[i], q[i])
'''


def test_loops_are_written_out():
    assert unroll(DRIFT, {"COORDINATES": 2}, {}, {}) == [
        "q_0 = fma(step, v_0, q_0)",
        "q_1 = fma(step, v_1, q_1)",
    ]


def test_known_subscripts_become_values_and_indices():
    text = (
        "def f():\n    for l in LINKS:\n        heat[BATH_OF[l]] += v[l] * scale[BATH_OF[l]] + BATH_OF[l]\n"
    )
    lines = unroll(text, {"LINKS": 2}, {"BATH_OF": (1, 0)}, {})
    assert lines == ["heat_1 += v_0 * scale_1 + 1", "heat_0 += v_1 * scale_0 + 0"]


def test_known_conditions_are_decided():
    text = "def f():\n    if FORCED:\n        a = 1\n    else:\n        a = 2\n"
    assert unroll(text, {}, {"FORCED": True}, {}) == ["a = 1"]
    assert unroll(text, {}, {"FORCED": False}, {}) == ["a = 2"]


def test_bare_calls_are_replaced_and_unrolled():
    text = "def f():\n    for i in COORDINATES:\n        meet()\n"
    assert unroll(text, {"COORDINATES": 2}, {}, {"meet": ["e = meet_of(q[0])"]}) == ["e = meet_of(q_0)"] * 2


def test_unknown_names_are_left_alone():
    text = "def f():\n    A[row * P + j] = x\n    if width > 3:\n        y = 1\n"
    assert unroll(text, {}, {}, {}) == ["A[row * P + j] = x", "if width > 3:", "    y = 1"]
