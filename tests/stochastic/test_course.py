"""Courses: protocols in continuous time agree with their tables, forwards and backwards."""

from __future__ import annotations

import numpy as np
import pytest

from fluctua.stochastic.protocol import Hold, Isothermal, Protocol, Quench, Thermostatic
from fluctua.stochastic.steps import Step

STEPS: list[Step] = [
    Isothermal(1.0, k=(1.0, 4.0, 2.0)),
    Quench(k=3.0),
    Thermostatic(2.0, beta="1 + s**2"),
    Hold(0.5),
    Thermostatic(0.5, beta=(2.0, 1.0), k="3 - 2*t/0.5"),
]
PROTOCOL = Protocol(STEPS, beta=1.0, cycles=2)
BACK = [4, 3, 2, 1, 0, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_course_in_the_middle_of_moves_is_the_table(backwards):
    schedule = PROTOCOL.schedule(0.125, ["k"], ["bath"])
    schedule = schedule.reversed() if backwards else schedule
    begin = 0
    for stroke, moves in enumerate(schedule.moves.tolist()):
        fractions = (np.arange(moves) + 0.5) / max(moves, 1)
        controls, beta = schedule.values(stroke, fractions)
        np.testing.assert_allclose(controls, schedule.controls[begin : begin + moves], rtol=1e-14)
        np.testing.assert_allclose(beta, schedule.beta[begin : begin + moves], rtol=1e-14)
        begin += moves


def test_without_a_time_step_a_stroke_is_one_move():
    schedule = PROTOCOL.schedule(None, ["k"], ["bath"])
    assert schedule.time_step is None
    assert schedule.moves.tolist() == [1, 0, 1, 1, 1] * 2
    assert schedule.durations.tolist() == [1.0, 0.0, 2.0, 0.5, 0.5] * 2
    assert schedule.duration == 8.0
    assert schedule.borders.tolist() == [0.0, 1.0, 1.0, 3.0, 3.5, 4.0, 5.0, 5.0, 7.0, 7.5, 8.0]
    assert [schedule.moving(k) for k in range(5)] == [True, False, True, False, True]
    assert [bool(schedule.coupled_in(k)[0]) for k in range(5)] == [True, False, True, True, True]


def test_corners_of_tables_are_knots_and_mirror():
    schedule = PROTOCOL.schedule(None, ["k"], ["bath"])
    assert schedule.knots(0).tolist() == [0.0, 0.5, 1.0]
    assert schedule.knots(2).tolist() == [0.0, 1.0]
    turned = schedule.reversed()
    for stroke, original in enumerate(BACK):
        np.testing.assert_allclose(turned.knots(stroke), 1.0 - schedule.knots(original)[::-1])
        there, here = turned.values(stroke, np.array([0.25])), schedule.values(original, np.array([0.75]))
        assert there[0] == here[0]
        assert there[1] == here[1]
