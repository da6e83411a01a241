import dataclasses

import numpy as np
import pytest
from hypothesis import given

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.protocol import Hold, Isolated, Isothermal, Protocol, Quench, Thermostatic
from fluctua.stochastic.schedule import Schedule
from protocols import BATHS, CONTROLS, protocols

ARRAYS = ("controls", "beta", "coupled", "moves")
ENDS = ("opening_controls", "closing_controls", "opening_beta", "closing_beta")


def assert_equal(a: Schedule, b: Schedule, tolerance: float) -> None:
    for field in dataclasses.fields(Schedule):
        if field.name == "course":
            continue  # the protocol itself: it has no numbers of its own
        one, other = getattr(a, field.name), getattr(b, field.name)
        if field.name in ARRAYS + ENDS:
            assert one.shape == other.shape, field.name
            assert np.allclose(one, other, rtol=0, atol=tolerance), field.name
        else:
            assert one == other, field.name


def refusal(make):
    with pytest.raises(InvalidInput) as caught:
        make()
    return str(caught.value)


def test_moves_take_place_at_the_middle_of_their_step():
    schedule = Protocol([Isothermal(2.0, c=(0.1, 0.7))], beta=1.0).schedule(2.0 / 154, ["c"], ["bath"])
    j = np.arange(154)
    assert np.array_equal(schedule.controls[:, 0], 0.1 + (0.7 - 0.1) * ((j + 0.5) / 154))
    assert schedule.steps == 154
    assert schedule.opening_controls.tolist() == [[0.1]]
    assert schedule.closing_controls.tolist() == [[0.7]]


def test_strokes_are_steps_times_cycles():
    protocol = Protocol([Isothermal(1.0, c=(0, 1)), Quench(c=0.0)], beta=1.0, cycles=2, k=3.0)
    schedule = protocol.schedule(0.25, ["k", "c"], ["bath"])
    assert schedule.names == ["1 isothermal", "2 quench"] * 2
    assert schedule.cycle == [1, 1, 2, 2]
    assert schedule.moves.tolist() == [4, 0, 4, 0]
    assert schedule.controls[:, 0].tolist() == [3.0] * 8
    assert schedule.controls[:, 1].tolist() == [0.125, 0.375, 0.625, 0.875] * 2
    assert schedule.opening_controls[:, 1].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert schedule.closing_controls[:, 1].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert (schedule.duration, schedule.cycles) == (2.0, 2)


def test_the_word_used_is_linear_and_boltzmanns_constant_enters_once():
    warm = Protocol([Thermostatic(1.0, temperature=(1.0, 3.0))]).schedule(0.5, [], ["bath"], boltzmann=2.0)
    assert warm.beta[:, 0].tolist() == [1 / (2.0 * 1.5), 1 / (2.0 * 2.5)]
    assert (warm.start_beta.tolist(), warm.end_beta.tolist()) == ([0.5], [1 / 6.0])
    cold = Protocol([Thermostatic(1.0, beta=(1.0, 3.0))]).schedule(0.5, [], ["bath"], boltzmann=2.0)
    assert cold.beta[:, 0].tolist() == [1.5, 2.5]


def test_each_bath_has_its_temperature_and_its_switch():
    protocol = Protocol(
        [Thermostatic(1.0, beta={"hot": (1, 2)}), Hold(1.0, baths=["cold"]), Isolated(1.0)],
        beta={"cold": 4.0, "hot": 1.0},
    )
    schedule = protocol.schedule(0.5, [], ["hot", "cold"])
    assert schedule.beta[:, 0].tolist() == [1.25, 1.75, 2.0, 2.0, 2.0, 2.0]
    assert schedule.beta[:, 1].tolist() == [4.0] * 6
    assert schedule.coupled.tolist() == [[True, True]] * 2 + [[False, True]] * 2 + [[False, False]] * 2


def test_baths_that_nobody_names_share_a_temperature():
    protocol = Protocol([Thermostatic(1.0, beta={"hot": (1, 2)})], beta=1.0)
    schedule = protocol.schedule(1.0, [], ["cold", "hot", "room"])
    assert schedule.beta.tolist() == [[1.0, 1.5, 1.0]]


def test_a_control_not_set_stands_at_its_first_value_from_the_start():
    protocol = Protocol([Hold(1.0), Isothermal(1.0, c="2 + s")], beta=1.0)
    assert protocol.schedule(0.5, ["c"], ["bath"]).controls[:, 0].tolist() == [2.0, 2.0, 2.25, 2.75]


def test_a_protocol_of_quenches_has_no_moves():
    schedule = Protocol([Quench(k=4.0)], beta=1.0, k=1.0).schedule(0.1, ["k"], ["bath"])
    assert (schedule.steps, schedule.controls.shape, schedule.beta.shape) == (0, (0, 1), (0, 1))
    assert (schedule.start_controls.tolist(), schedule.end_controls.tolist()) == ([1.0], [4.0])


def test_a_closed_cycle_ends_where_it_began_to_the_bit():
    protocol = Protocol([Isothermal(1.0, c="sin(2*pi*s)")], beta=1.0, cycles=2)
    schedule = protocol.schedule(0.25, ["c"], ["bath"])
    assert np.array_equal(schedule.closing_controls, schedule.opening_controls)


@given(protocols())
def test_strokes_join(protocol):
    schedule = protocol.schedule(0.25, CONTROLS, BATHS)
    assert np.array_equal(schedule.closing_controls[:-1], schedule.opening_controls[1:])
    assert np.array_equal(schedule.closing_beta[:-1], schedule.opening_beta[1:])
    assert schedule.steps == schedule.moves.sum() == len(schedule.controls)
    assert schedule.duration == protocol.duration
    assert (schedule.beta > 0).all()


@given(protocols())
def test_a_schedule_reversed_twice_is_itself_to_the_bit(protocol):
    schedule = protocol.schedule(0.25, CONTROLS, BATHS)
    assert_equal(schedule.reversed().reversed(), schedule, 0.0)


@given(protocols())
def test_text_and_table_agree_on_the_reverse(protocol):
    words = protocol.reversed().schedule(0.25, CONTROLS, BATHS)
    table = protocol.schedule(0.25, CONTROLS, BATHS).reversed()
    # Values are below 10; both routes round a handful of times.
    assert_equal(words, table, 20 * 10 * np.finfo(float).eps)


def test_reversed_arrays_are_contiguous_as_kernels_want_them():
    reverse = (
        Protocol([Isothermal(1.0, c=(0, 1), k=(1, 2))], beta=1.0).schedule(0.1, ["c", "k"], ["b"]).reversed()
    )
    assert all(getattr(reverse, name).flags.c_contiguous for name in ARRAYS + ENDS)


@pytest.mark.parametrize(
    ("durations", "time_step", "line"),
    [
        ([2.0], 0.013, "(time_step, protocol.steps.0): 0.0129870130 does, in 154 steps"),
        ([1.0, 2.0], 0.013, "(time_step, protocol.steps.0): 0.0129870130 does, in 77 steps"),
        ([0.13, 2.0], 0.013, "(time_step, protocol.steps.1): 0.0100000000 does, in 200 steps"),
        ([1.0], 3.0, "(time_step, protocol.steps.0): 1.00000000 does, in 1 step"),
        (
            [1.0, 2.0**0.5],
            0.1,
            "(time_step, protocol.steps.1): 0.101015254 divides this one but not all others",
        ),
    ],
)
def test_a_time_step_divides_every_duration(durations, time_step, line):
    protocol = Protocol([Hold(duration) for duration in durations], beta=1.0)
    message = refusal(lambda: protocol.schedule(time_step, [], ["bath"]))
    assert message.startswith("does not divide the duration")
    assert line in message


def test_the_divisor_that_the_error_names_is_accepted():
    for duration, asked in ((2.0, 0.013), (1.0, 0.3), (7.0, 0.0091), (1e-6, 3.3e-9), (12345.6, 0.77)):
        protocol = Protocol([Hold(duration), Hold(3 * duration)], beta=1.0)
        message = refusal(lambda p=protocol, a=asked: p.schedule(a, [], ["bath"]))
        offered = float(message.partition("): ")[2].split()[0])
        protocol.schedule(offered, [], ["bath"])


def test_decimal_steps_divide_decimal_durations():
    assert Protocol([Hold(0.02)], beta=1.0).schedule(2e-5, [], ["bath"]).steps == 1000
    assert Protocol([Hold(30.0)], beta=1.0).schedule(0.02, [], ["bath"]).steps == 1500


@pytest.mark.parametrize("time_step", [0.0, -1.0, float("nan"), "0.1", True])
def test_a_time_step_is_a_positive_number(time_step):
    assert "(time_step)" in refusal(lambda: Protocol([Hold(1.0)], beta=1.0).schedule(time_step, [], ["bath"]))


@pytest.mark.parametrize(
    ("protocol", "time_step"),
    [
        (Protocol([Hold(1.0)], beta=1.0), 1e-300),
        (Protocol([Hold(1.0)], beta=1.0, cycles=10**6), 0.01),
        (Protocol([Quench(c=1.0), Quench(c=1.0)], c=1.0, beta=1.0, cycles=10**6), 0.1),
        (Protocol([Hold(1e300)], beta=1.0), 1e-10),
    ],
)
def test_a_schedule_that_fits_no_memory_is_refused_before_it_is_made(protocol, time_step):
    assert "at most 10,000,000" in refusal(
        lambda: protocol.schedule(time_step, list(protocol.controls), ["bath"])
    )


@pytest.mark.parametrize(
    ("protocol", "fault"),
    [
        (Protocol([Isothermal(1.0, c=(-1e308, 1e308))], beta=1.0), "not finite (protocol.steps.0.c)"),
        (
            Protocol([Hold(1.0)], c=0, temperature=1e-320),
            "out of range (protocol.temperature): check the units",
        ),
        (
            Protocol([Hold(1.0)], c=0, temperature=1e308),
            "out of range (protocol.temperature): check the units",
        ),
    ],
)
def test_numbers_beyond_the_machine_are_refused(protocol, fault):
    assert fault in refusal(lambda: protocol.schedule(0.1, ["c"], ["bath"], 1e10))


def test_a_formula_is_checked_at_every_move():
    protocol = Protocol([Thermostatic(1.0, beta="1 - 5*s + 5*s**2")])
    assert "not positive (protocol.steps.0.beta)" in refusal(lambda: protocol.schedule(0.1, [], ["bath"]))


def test_one_beta_is_asked_of_every_instant():
    both = ["a", "b"]

    def one_beta(*steps, **temperatures):
        return Protocol(list(steps), **temperatures).schedule(0.5, [], both).one_beta

    assert one_beta(Hold(1.0), beta=1.0)
    assert one_beta(Thermostatic(1.0, temperature=(1.0, 3.0)), Thermostatic(1.0, temperature=(3.0, 1.0)))
    assert not one_beta(Hold(1.0), temperature={"a": 1.0, "b": 2.0})
    ramp = {"a": (1.0, 2.0), "b": (1.0, 1.0)}
    assert not one_beta(Thermostatic(1.0, temperature=ramp))
