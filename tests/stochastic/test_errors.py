import pickle

import pytest

from fluctua.stochastic import errors
from fluctua.stochastic.errors import FluctuaError, InvalidInput, did_you_mean, not_among, shown


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (("it fails", "system.energy", "write it so"), "it fails (system.energy): write it so"),
        (("it fails", "", "write it so"), "it fails: write it so"),
        (("it fails", "system.energy"), "it fails (system.energy)"),
        (("it fails",), "it fails"),
    ],
)
def test_the_line_leaves_empty_parts_out(parts, line):
    assert str(InvalidInput(*parts)) == line


def test_exit_codes_tell_the_kinds_apart():
    codes = {name: getattr(errors, name).exit_code for name in ("InvalidInput", "Unstable", "Damaged")}
    codes |= {name: getattr(errors, name).exit_code for name in ("StorageError", "Busy")}
    assert codes == {"InvalidInput": 2, "Unstable": 3, "Damaged": 65, "StorageError": 74, "Busy": 75}


def test_bad_input_is_a_value_error_and_the_others_are_not():
    assert issubclass(InvalidInput, ValueError)
    assert not issubclass(errors.Unstable, ValueError)
    assert all(issubclass(kind, FluctuaError) for kind in (errors.Damaged, errors.StorageError, errors.Busy))


@pytest.mark.parametrize(
    ("where", "path", "whole"),
    [
        ("duration", "protocol.steps.0", "protocol.steps.0.duration"),
        ("energy, column 8", "system", "system.energy, column 8"),
        ("", "protocol", "protocol"),
        ("system.energy, column 8", "system", "system.energy, column 8"),
        ("protocol.steps.1", "protocol", "protocol.steps.1"),
    ],
)
def test_a_part_is_placed_inside_its_whole_once(where, path, whole):
    error = InvalidInput("what", where, "remedy").within(path)
    assert (type(error), error.what, error.where, error.remedy) == (InvalidInput, "what", whole, "remedy")


def test_errors_travel_between_processes():
    error = pickle.loads(pickle.dumps(errors.Unstable("too long", "time_step", "halve it")))
    assert isinstance(error, errors.Unstable)
    assert str(error) == "too long (time_step): halve it"


def test_suggestions_name_the_nearest_or_nothing():
    assert did_you_mean("frction", ["mass", "friction"]) == "; did you mean 'friction'?"
    assert did_you_mean("zzz", ["mass", "friction"]) == ""


def test_unknown_names_are_told_what_is_known():
    line = str(not_among("kk", "control", ["k"], "protocol.steps.0"))
    assert line == "'kk' is not a control (protocol.steps.0): controls are k; did you mean 'k'?"
    assert str(not_among("c", "control", [])) == "'c' is not a control: there are no controls"
    assert str(not_among("x", "edge", ["a"])).startswith("'x' is not an edge")
    assert str(not_among("temprature", "control", ["k"], "", ["temperature"])).endswith("'temperature'?")


def test_what_was_typed_is_shown_on_one_short_line():
    assert shown("two\nlines") == repr("two\nlines")
    assert len(shown(list(range(1000)))) == 60
