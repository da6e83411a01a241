import pickle

import numpy as np
import pytest
from hypothesis import given

from fluctua.stochastic.errors import InvalidInput
from fluctua.stochastic.protocol import (
    Hold,
    Isolated,
    Isothermal,
    Protocol,
    Quench,
    Thermostatic,
    stirling_cycle,
)
from protocols import BATHS, CONTROLS, protocols

STIRLING = Protocol(
    [
        Isothermal(30.0, E=(1.0, 0.0), name="hot isotherm"),
        Thermostatic(30.0, beta=(1.0, 3.0), name="cooling"),
        Isothermal(30.0, E=(0.0, 1.0), name="cold isotherm"),
        Thermostatic(30.0, beta=(3.0, 1.0), name="heating"),
    ],
    cycles=3,
)


def refusal(make):
    with pytest.raises(InvalidInput) as caught:
        make()
    return str(caught.value)


# ---- values


@given(protocols())
def test_a_protocol_is_its_table(protocol):
    again = Protocol(**protocol.table())
    assert again == protocol
    assert hash(again) == hash(protocol)
    assert pickle.loads(pickle.dumps(protocol)) == protocol


@given(protocols())
def test_a_step_is_its_table(protocol):
    for step in protocol.steps:
        assert type(step)(**step.table()) == step


def test_the_table_is_what_toml_says():
    assert STIRLING.table() == {
        "steps": [
            {"kind": "Isothermal", "duration": 30.0, "name": "hot isotherm", "E": [1.0, 0.0]},
            {"kind": "Thermostatic", "duration": 30.0, "name": "cooling", "beta": [1.0, 3.0]},
            {"kind": "Isothermal", "duration": 30.0, "name": "cold isotherm", "E": [0.0, 1.0]},
            {"kind": "Thermostatic", "duration": 30.0, "name": "heating", "beta": [3.0, 1.0]},
        ],
        "cycles": 3,
    }


def test_arrays_are_recorded_as_plain_numbers():
    typed = Protocol([Isothermal(np.float64(1), k=np.array([1, 4]))], beta=np.int64(1), c=np.float32(2))
    assert typed.table() == {
        "steps": [{"kind": "Isothermal", "duration": 1.0, "k": [1.0, 4.0]}],
        "beta": 1.0,
        "c": 2.0,
    }


def test_saying_the_default_is_saying_nothing():
    short = Protocol([Isothermal(1.0, c=(0.0, 2.0)), Hold(1.0)], beta=1.0, k=1.0)
    long = Protocol([Isothermal(1.0, c=(0.0, 2.0), name="1 isothermal"), Hold(1.0)], beta=1.0, k=1.0, c=0.0)
    assert long == short
    assert Protocol([Thermostatic(1.0, beta=(1, 2))], beta=1.0) == Protocol([Thermostatic(1.0, beta=(1, 2))])


def test_a_bath_named_at_the_start_is_not_forgotten():
    protocol = Protocol([Thermostatic(1.0, beta=(1, 2))], beta={"hto": 1.0})
    assert "'hto' is not a bath" in refusal(lambda: protocol.check([], ["hot"]))


def test_the_stirling_cycle_is_its_four_steps():
    assert stirling_cycle(E=(1.0, 0.0), beta=(1.0, 3.0), duration=30.0, cycles=3) == STIRLING


def test_the_stirling_cycle_takes_temperatures_and_several_controls():
    cycle = stirling_cycle(k=(4, 1), c=(0, 1), temperature=(1.0, 0.5), duration=2.0)
    assert cycle.steps[0] == Isothermal(2.0, k=(4, 1), c=(0, 1), name="hot isotherm")
    assert cycle.steps[3] == Thermostatic(2.0, temperature=(0.5, 1.0), name="heating")


@pytest.mark.parametrize(
    ("keywords", "fault"),
    [
        ({"beta": (3.0, 1.0), "E": (1, 0)}, "3.0 is not hotter than 1.0"),
        ({"temperature": (1.0, 2.0), "E": (1, 0)}, "1.0 is not hotter than 2.0"),
        ({"beta": (1.0, 1.0), "E": (1, 0)}, "is not hotter"),
        ({"E": (1, 0)}, "give beta or temperature"),
        ({"beta": (1.0, 3.0)}, "no control moves"),
        ({"beta": (1.0, 3.0), "E": 1.0}, "is not a pair"),
        ({"beta": (1.0, 3.0), "name": (1, 0)}, "'name' has a meaning of its own"),
        ({"beta": (1.0, 3.0), "E": (1.0, 2.0, 3.0)}, "3 values"),
    ],
)
def test_a_cycle_that_is_no_stirling_cycle_is_refused(keywords, fault):
    assert fault in refusal(lambda: stirling_cycle(duration=1.0, **keywords))


def test_repeat_multiplies_cycles():
    assert STIRLING.repeat(2).cycles == 6
    assert STIRLING.repeat(2).duration == 720.0
    assert "k ends a cycle at 4.0" in refusal(lambda: Protocol([Isothermal(1.0, k=(1, 4))], beta=1).repeat(2))


# ---- what is said of wrong input


def test_a_control_that_jumps_is_told_the_quench():
    expected = "c jumps from 2.0 to 0.0 (protocol.steps.1): insert Quench(c=0.0) or start at 2.0"
    assert refusal(lambda: Protocol([Hold(1.0), Isothermal(1.0, c=(0, 1))], c=2, beta=1)) == expected


def test_a_named_step_is_named_in_the_error():
    message = refusal(lambda: Protocol([Isothermal(1.0, c=(0, 1), name="drag")], c=2, beta=1))
    assert "(protocol.steps.drag)" in message


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (
            lambda: Protocol([Thermostatic(1, beta=(1, 2)), Thermostatic(1, beta=(1, 2))]),
            "beta jumps from 2.0 to 1.0 (protocol.steps.1): insert Quench(beta=1.0) or start at 2.0",
        ),
        (
            lambda: Protocol([Thermostatic(1, beta={"hot": (2, 3)})], beta=1.0),
            'beta of hot jumps from 1.0 to 2.0 (protocol.steps.0): insert Quench(beta={"hot": 2.0}) or start'
            " at 1.0",
        ),
        (
            lambda: Protocol([Isothermal(1, k=(1, 4))], beta=1, cycles=2),
            "k ends a cycle at 4.0 and began it at 1.0 (protocol.cycles): end with Quench(k=1.0) or lead it"
            " back",
        ),
        (
            lambda: Protocol([Quench(c=1.0)], beta=1),
            "c has no value before the quench (protocol.steps.0): give c= to the protocol",
        ),
        (
            lambda: Protocol([Isothermal(1, k=(1, 4)), Quench(temperature=2.0)]),
            "temperature has no value before the quench (protocol.steps.1): give temperature= to the"
            " protocol",
        ),
        (
            lambda: Protocol([Hold(1, name="a"), Hold(1, name="a")], beta=1),
            "two steps are called 'a' (protocol.steps.a): rename one",
        ),
        (
            lambda: Protocol([Hold(1, name="2 hold"), Hold(1)], beta=1),
            "two steps are called '2 hold' (protocol.steps.1): rename one",
        ),
        (
            lambda: Protocol([Hold(1, beta=1.0), Thermostatic(1, temperature=(1, 2))]),
            "temperature here, beta elsewhere (protocol.steps.1): use one of them throughout",
        ),
        (
            lambda: Protocol([Hold(1)], beta=1, temperature=1),
            "beta and temperature are given (protocol): give one of them",
        ),
        (lambda: Protocol([]), "no steps (protocol.steps): give at least one, such as Hold(1.0)"),
        (lambda: Protocol(Hold(1)), "Hold(1.0) is not a step or a list of them (protocol.steps)"),
        (
            lambda: Protocol([Hold(1)], beta=1, k=(1, 4)),
            "(1, 4) is not a number (protocol.k): a protocol takes the value at the start; ramps and"
            " formulas belong to its steps",
        ),
        (
            lambda: Protocol([Hold(1)], beta=(1, 4)),
            "the temperature moves (protocol.beta): give its value at the start; to move it use Thermostatic",
        ),
        (lambda: Protocol([Hold(1)], beta=0), "0.0 is not positive (protocol.beta)"),
        (lambda: Protocol([Hold(1)], beta={"hot": -1}), "-1.0 is not positive (protocol.beta.hot)"),
        (
            lambda: Protocol([Hold(1)], beta={}),
            "no bath is named (protocol.beta): give one number for all baths, or one a bath",
        ),
        (lambda: Protocol([Hold(1)], cycles=0), "0 is less than 1 (protocol.cycles)"),
        (lambda: Protocol([Hold(1)], cycles=10**7), "10000000 is more than 1000000 (protocol.cycles)"),
        (
            lambda: Protocol([Hold(1)], cycles=10**5000),
            "a value of type int is more than 1000000 (protocol.cycles)",
        ),
        (
            lambda: Protocol([Hold(10**5000)]),
            "a value of type int is not finite (duration): a step takes time; for a jump use Quench",
        ),
        (
            lambda: Protocol([{"kind": "Isothermal", "duration": 1.0, "self": 1.0}]),
            "'self' is unknown (protocol.steps.0): Isothermal takes duration, name, baths, beta, temperature",
        ),
        (
            lambda: Hold(1.0, name="0"),
            "'0' is not a name for a step (name): use letters, up to 80, and no dot",
        ),
        (lambda: Protocol([Hold(1)], cycles=2.0), "2.0 is not a whole number (protocol.cycles)"),
        (lambda: Protocol([Hold(1)], cycles=True), "True is not a whole number (protocol.cycles)"),
        (
            lambda: Protocol([Isothermal(1.0, c="log(s)")], beta=1),
            "'log(s)' is -inf at s = 0, not finite (protocol.steps.0.c)",
        ),
        (
            lambda: Protocol([Thermostatic(1.0, beta="1 - 2*s")]),
            "'1 - 2*s' is -1.0 at s = 1, not positive (protocol.steps.0.beta)",
        ),
        (lambda: Isothermal(1.0, c="1/s^2"), "'^' is not a power (c, column 4): write **"),
        (
            lambda: Isothermal(-1.0),
            "-1.0 is not positive (duration): a step takes time; for a jump use Quench",
        ),
        (
            lambda: Isothermal(True),
            "True is not a number (duration): a step takes time; for a jump use Quench",
        ),
        (
            lambda: Isothermal(1.0, beta=(1, 2)),
            "the temperature moves (beta): use Thermostatic, or give one number",
        ),
        (
            lambda: Isothermal(1.0, beta=1, temperature=1),
            "beta and temperature are given (temperature): give one of them",
        ),
        (lambda: Isothermal(1.0, baths=[]), "no bath is connected (baths): use Isolated"),
        (
            lambda: Thermostatic(1.0, E=(0, 1)),
            "no temperature moves (beta): give beta= or temperature=, or use Isothermal",
        ),
        (
            lambda: Isolated(1.0, beta=1.0),
            "an isolated step has no beta (beta): leave it out, or use Isothermal",
        ),
        (lambda: Quench(), "a quench of nothing: give the value after the jump, Quench(c=1.0)"),
        (lambda: Quench(c=(0, 1)), "(0, 1) is not a number (c): a quench goes to one value"),
        (lambda: Quench(duration=1.0, c=1.0), "a quench has no duration (duration): leave it out"),
        (
            lambda: Hold(1.0, name="a.b"),
            "'a.b' is not a name for a step (name): use letters, up to 80, and no dot",
        ),
        (
            lambda: Hold(1.0, name="a\nb"),
            "'a\\nb' is not a name for a step (name): use letters, up to 80, and no dot",
        ),
        (
            lambda: Protocol([{"kind": "Isotermal", "duration": 1.0}]),
            "'Isotermal' does not fit here (protocol.steps.0.kind): expected Isothermal, Thermostatic,"
            " Quench, Isolated or Hold; did you mean 'Isothermal'?",
        ),
        (
            lambda: Protocol([{"kind": "Hold", "name": "rest", "duraton": 1.0}]),
            "'duraton' is unknown (protocol.steps.rest): Hold takes duration, name, baths, beta, temperature;"
            " did you mean 'duration'?",
        ),
        (lambda: Protocol([{"kind": "Hold"}]), "no duration (protocol.steps.0): Hold needs it"),
        (
            lambda: Protocol([{"kind": "Isothermal", "duration": 1.0, "c": [0.0, "x"]}]),
            "'x' is not a number (protocol.steps.0.c)",
        ),
    ],
)
def test_wrong_protocols_get_one_line(make, line):
    assert refusal(make) == line


SQUEEZE = Protocol([Isothermal(1.0, k=(1, 4)), Hold(1.0)], beta=1)


@pytest.mark.parametrize(
    ("protocol", "controls", "baths", "line"),
    [
        (
            Protocol([Isothermal(1.0, kk=(1, 4))], beta=1, k=1),
            ["k"],
            ["bath"],
            "'kk' is not a control (protocol.steps.0): controls are k; did you mean 'k'?",
        ),
        (
            Protocol([Hold(1.0)], temprature=1, k=1),
            ["k"],
            ["bath"],
            "'temprature' is not a control (protocol): controls are k; did you mean 'temperature'?",
        ),
        (
            Protocol([Isothermal(1.0, bath=1, k=1)], beta=1),
            ["k"],
            ["hot"],
            "'bath' is not a control (protocol.steps.0): controls are k; did you mean 'baths'?",
        ),
        (
            SQUEEZE,
            ["k", "c"],
            ["bath"],
            "c has no value (protocol): give c= at the start or move it in a step",
        ),
        (
            Protocol([Hold(1.0)], beta={"hot": 1.0, "cld": 2.0}),
            [],
            ["hot", "cold"],
            "'cld' is not a bath (protocol.beta): baths are hot, cold; did you mean 'cold'?",
        ),
        (
            Protocol([Hold(1.0)], beta={"hot": 1.0}),
            [],
            ["hot", "cold"],
            'cold has no temperature (protocol.beta): add "cold"; a source of work, which gives no heat, may '
            "have that of another bath",
        ),
        (Protocol([Hold(1.0)]), [], ["bath"], "no temperature (protocol): give beta= or temperature="),
        (
            Protocol([Hold(1.0, baths=["ho"])], beta=1.0),
            [],
            ["hot", "cold"],
            "'ho' is not a bath (protocol.steps.0.baths): baths are hot, cold; did you mean 'hot'?",
        ),
    ],
)
def test_a_protocol_is_checked_against_its_system(protocol, controls, baths, line):
    assert refusal(lambda: protocol.check(controls, baths)) == line
    assert refusal(lambda: protocol.schedule(0.1, controls, baths)) == line


@pytest.mark.parametrize("step", [Isolated(1.0, name="off"), Hold(1.0, baths=["hot"], name="off")])
def test_an_overdamped_system_keeps_its_baths(step):
    protocol = Protocol([Hold(1.0), step], beta=1.0)
    protocol.check([], ["hot", "cold"], True)
    message = refusal(lambda: protocol.check([], ["hot", "cold"], False))
    assert message.startswith("an overdamped system cannot lose its bath")
    assert message.endswith("(protocol.steps.off): use Underdamped")


@given(protocols())
def test_valid_protocols_pass_the_check(protocol):
    protocol.check(CONTROLS, BATHS)


def test_rounding_at_a_border_is_no_jump():
    Protocol([Isothermal(1.0, c="sin(pi*s)"), Isothermal(1.0, c=(0.0, 1e-3))], beta=1.0)
    Protocol([Isothermal(1.0, c="1e-9*sin(pi*s/2)"), Isothermal(1.0, c=(1e-9, 0.0))], beta=1.0, cycles=2)
    with pytest.raises(InvalidInput, match="jumps"):
        Protocol([Isothermal(1.0, c=(0.0, 1e-9)), Isothermal(1.0, c=(1.1e-9, 0.0))], beta=1.0)


def test_a_restated_temperature_must_be_the_one_that_stands():
    Protocol([Hold(1.0, temperature=2.0)], temperature=2.0)
    assert "jumps from 2.0 to 1.0" in refusal(lambda: Protocol([Hold(1.0, temperature=1.0)], temperature=2.0))


def test_a_quench_of_all_baths_where_all_are_named_needs_no_other_temperature():
    protocol = Protocol([Hold(1.0), Quench(beta=2.0), Hold(1.0)], beta={"hot": 0.5, "cold": 1.0})
    assert protocol.schedule(0.5, [], ["hot", "cold"]).end_beta.tolist() == [2.0, 2.0]
    assert protocol.reversed().reversed() == protocol


# ---- backwards


@given(protocols())
def test_the_reverse_of_the_reverse_is_the_protocol(protocol):
    assert protocol.reversed().reversed() == protocol


def test_the_reverse_reads_as_a_person_would_write_it():
    forward = Protocol(
        [Isothermal(1.0, c=(0, 2)), Quench(c=5.0), Isothermal(2.0, c="5 - s")], beta=1.0, k=1.0
    )
    assert forward.reversed() == Protocol(
        [
            Isothermal(2.0, c="5 - (1 - s)", name="3 isothermal"),
            Quench(c=2.0, name="2 quench"),
            Isothermal(1.0, c=(2, 0), name="1 isothermal"),
        ],
        beta=1.0,
        k=1.0,
    )


def test_temperatures_that_no_keyword_can_say_are_refused():
    protocol = Protocol([Thermostatic(1.0, beta={"hot": (1, 2)})], beta=1.0)
    assert refusal(protocol.reversed).startswith(
        "cannot be written backwards, one bath differs from all others"
    )
    spelled = Protocol([Thermostatic(1.0, beta={"hot": (1, 2)})], beta={"hot": 1.0, "cold": 1.0})
    assert spelled.reversed().start_temperatures == {"beta of hot": 2.0, "beta of cold": 1.0}


# ---- print


def test_the_repr_is_one_line():
    assert (
        repr(STIRLING)
        == "Protocol: 4 steps x 3 cycles, 360 long: hot isotherm, cooling, cold isotherm, heating"
    )
    assert repr(SQUEEZE) == "Protocol: 2 steps, 2 long: 1 isothermal, 2 hold"
    many = Protocol([Hold(1.0)] * 9, beta=1.0)
    assert repr(many).endswith("5 hold, 6 hold, ...")


def test_steps_print_as_their_call_and_sum_up_long_tables():
    assert repr(Isothermal(0.02, c=(0, 0.1), name="drag")) == "Isothermal(0.02, name='drag', c=(0.0, 0.1))"
    assert repr(Quench(c=1.0)) == "Quench(c=1.0)"
    assert repr(Thermostatic(3, beta={"hot": (1, 2)})) == "Thermostatic(3.0, beta={'hot': (1.0, 2.0)})"
    assert repr(Hold(1.0, baths=["hot"])) == "Hold(1.0, baths=('hot',))"
    assert repr(Isothermal(1.0, c=range(100).__iter__() and np.arange(100.0))) == (
        "Isothermal(1.0, c=(0.0, ... 98 values ..., 99.0))"
    )


def test_print_is_a_table_of_steps():
    protocol = Protocol(
        [Isothermal(1.0, k=(1, 2, 4)), Quench(k=1.0), Isolated(2.0, k="1 + s")], temperature=2.0
    )
    assert str(protocol).splitlines() == [
        "Protocol, 3 long",
        "  step          kind        duration  temperature  k                  baths",
        "  1 isothermal  Isothermal  1         2            1 -> 4 (3 values)  all",
        "  2 quench      Quench      0         2            jumps to 1         all",
        "  3 isolated    Isolated    2         2            1 + s              none",
    ]


def test_notebooks_get_the_same_table_and_no_markup_from_names():
    protocol = Protocol([Hold(1.0, name="<b>rest</b>")], beta=1.0)
    page = protocol._repr_html_()
    assert page.startswith("<table><caption>Protocol, 1 long</caption>")
    assert "&lt;b&gt;rest" in page
    assert "<b>" not in page
