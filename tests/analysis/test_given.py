"""What anybody gives: wrong units are refused, labels and frames taken, other kinds of values named."""

import datetime

import numpy as np
import pandas as pd
import pytest

import fluctua as fl
from fluctua.analysis.given import joint_groups
from fluctua.analysis.parts import rounded
from fluctua.analysis.table_columns import Column, guess_column, nearest_unit, unit_of
from fluctua.analysis.tail import said_of_tail
from fluctua.validation.calibrate import calibrate

KT = 1.380649e-23 * 298.0  # J
RNG = np.random.default_rng(31)
FORWARD, REVERSE = RNG.normal(3.0, 2.0, 300), RNG.normal(1.0, 2.0, 300)


def refused(call):
    with pytest.raises(fl.InvalidInput) as error:
        call()
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200
    return str(error.value)


# ---- units ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("judge", [fl.verify, calibrate])
def test_joules_without_a_unit_are_no_work_in_kt(judge):
    said = refused(lambda: judge(FORWARD * KT, REVERSE * KT))
    assert said.startswith("the values spread over ")
    assert said.endswith("e-20 kT (forward): joules? add units='J', temperature=298")


@pytest.mark.parametrize("judge", [fl.verify, calibrate])
def test_kt_are_no_joules(judge):
    said = refused(lambda: judge(FORWARD, REVERSE, units="J", temperature=298))
    assert said.endswith("e+21 kT (forward): in kT already? leave units and temperature out")


def test_work_equal_but_for_rounding_teaches_calibrate_nothing():
    values = 0.7 + 1e-15 * FORWARD
    assert refused(lambda: calibrate(values, values[::-1])).startswith("work that is 0.7 kT but for ")


def test_entropy_in_joules_per_kelvin_is_refused():
    said = refused(lambda: fl.verify(entropy=FORWARD * 1.380649e-23))
    assert said.endswith("k_B (entropy): joules per kelvin? divide by 1.380649e-23")


def test_several_protocols_in_joules_are_refused():
    assert "joules?" in refused(lambda: fl.verify([FORWARD * KT, REVERSE * KT]))


@pytest.mark.parametrize("factor", [1e-8, 1e8])
def test_other_impossible_scales_name_no_unit(factor):
    assert refused(lambda: fl.verify(FORWARD * factor)).endswith(
        "kT (forward): check the column and its units"
    )


def test_what_may_be_work_is_judged():
    """Negative control: joules with their unit, work far from 0, and work equal but for rounding."""
    same = fl.verify(FORWARD, REVERSE)
    joules = fl.verify(FORWARD * KT, REVERSE * KT, units="J", temperature=298)
    assert [verdict.outcome for verdict in joules] == [verdict.outcome for verdict in same]
    fl.verify(FORWARD + 3e6, REVERSE - 3e6)
    fl.verify([0.7, 0.7 + 1e-16, 0.7])
    fl.verify(FORWARD * 1e-4)


MEANT = {
    "pNnm": "pN nm",
    "KJ/mol": "kJ/mol",
    "pn·nm": "pN nm",
    "kBT": "kT",
    "kJ mol^-1": "kJ/mol",
    "kcl/mol": "kcal/mol",
}


@pytest.mark.parametrize(("label", "meant"), MEANT.items())
def test_the_nearest_unit_is_proposed(label, meant):
    assert nearest_unit(label) == f"; did you mean {meant!r}?"


def test_an_unknown_unit_is_called_so_before_a_temperature_is_missed():
    said = refused(lambda: fl.verify(FORWARD, units="furlong"))
    assert said == (
        "'furlong' is no unit of energy (units): units are kT, J, kJ/mol, kcal/mol, eV, pN nm, and their like"
    )
    assert refused(lambda: fl.verify(FORWARD, units="pNnm")).endswith("did you mean 'pN nm'?")
    assert "no unit" in refused(lambda: fl.verify(FORWARD, units=None))


# ---- kinds of values -----------------------------------------------------------------------------

OTHERS = {
    "masked": (lambda: np.ma.masked_greater(FORWARD, 5.0), "are masked (forward): leave them out with"),
    "complex": (lambda: FORWARD + 0j, "complex128, not numbers (forward): give real numbers"),
    "times": (lambda: np.array(["2020-01-01", "2020-01-02"], "datetime64[s]"), "datetime64[s], not numbers"),
    "dates": (lambda: pd.Series([datetime.datetime(2020, 1, day) for day in (1, 2, 3)]), "not numbers"),
    "spans": (lambda: np.array([1, 2, 3], "timedelta64[s]"), "not numbers"),
    "truth": (lambda: FORWARD > 3.0, "truth values, no numbers (forward)"),
    "a list of truth": (lambda: [True, False, True], "truth values, no numbers (forward)"),
    "objects": (lambda: FORWARD.astype(object), "object, not numbers (forward): convert them"),
}


@pytest.mark.parametrize(("values", "said"), OTHERS.values(), ids=OTHERS)
def test_other_kinds_of_values_are_refused(values, said):
    assert said in refused(lambda: fl.verify(values()))


def test_what_holds_numbers_is_taken():
    expected = fl.verify(FORWARD).to_json()
    for values in (np.ma.masked_invalid(FORWARD), FORWARD.tolist(), pd.Series(FORWARD, dtype="Float64")):
        assert fl.verify(values).to_json() == expected
    assert fl.verify(FORWARD.round().astype(np.int32)).to_json() == fl.verify(FORWARD.round()).to_json()


# ---- labels and frames ---------------------------------------------------------------------------

DAYS = np.repeat(np.arange(30), 10)


def test_labels_are_taken_as_a_column_is():
    frames = [pd.DataFrame({"work": values, "day": DAYS}) for values in (FORWARD, REVERSE)]
    named = fl.verify(*frames, column="work", group="day")
    for labels in (DAYS, pd.Series(DAYS), DAYS.astype(float), DAYS.astype(str).tolist()):
        given = fl.verify(FORWARD, REVERSE, group=(labels, DAYS))
        assert given.to_json() == named.to_json()
    one = fl.verify(FORWARD, group=DAYS, delta_f=1.0)
    assert one.to_json() == fl.verify(frames[0], column="work", group="day", delta_f=1.0).to_json()
    entropy = fl.verify(entropy=FORWARD, group=DAYS)
    assert any("30 groups" in note for note in entropy.notes)
    several = fl.verify([FORWARD, REVERSE], group=[DAYS, DAYS], delta_f=1.0)
    assert several.to_json() == fl.verify(frames, column="work", group="day", delta_f=1.0).to_json()


def test_labels_stand_beside_a_file(tmp_path):
    path = tmp_path / "w.txt"
    np.savetxt(path, FORWARD)
    assert any("30 groups" in note for note in fl.verify(path, group=DAYS).notes)


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (DAYS, "labels of one sample beside 2 samples (group): give one array of labels for each"),
        ((DAYS, DAYS[:-1]), "299 labels for 300 values (group): give one for each value"),
        ((DAYS, np.stack([DAYS, DAYS])), "labels of 2 dimensions (group)"),
        ((DAYS, np.where(DAYS < 3, np.nan, DAYS)), "30 of 300 values have no group (group)"),
        (3.5, "3.5 names no groups (group)"),
        ({"a": DAYS}, "names no groups (group)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(group, said):
    assert said in refused(lambda: fl.verify(FORWARD, REVERSE, group=group))


def test_the_column_of_a_frame_is_guessed_with_a_note():
    frame = pd.DataFrame({"t": np.arange(300.0), "work": FORWARD, "day": DAYS})
    found = fl.verify(frame)
    assert found.notes == ("forward: column 'work' of t, work, day is taken, by its name",)
    assert found.verdicts == fl.verify(FORWARD).verdicts
    assert fl.verify(frame[["work"]]).notes == ("forward: column 'work', the only one, is taken",)
    assert fl.verify(pd.DataFrame(FORWARD)).verdicts == found.verdicts
    entropy = fl.verify(entropy=frame.rename(columns={"work": "s_tot"}))
    assert entropy.verdicts == fl.verify(entropy=FORWARD).verdicts
    grouped = fl.verify(frame[["work", "day"]], group="day", delta_f=1.0)
    assert grouped.verdicts == fl.verify(frame, column="work", group="day", delta_f=1.0).verdicts


def test_a_frame_whose_column_nobody_knows_is_refused():
    unknown = pd.DataFrame(np.stack([FORWARD, REVERSE], axis=1))
    said = refused(lambda: fl.verify(unknown))
    assert said == "which column is the work? There are 0, 1 (forward): name one, such as column='1'"
    assert fl.verify(unknown, column="1").verdicts == fl.verify(REVERSE).verdicts
    twice = pd.DataFrame(np.stack([FORWARD, REVERSE], axis=1), columns=["w", "w"])
    assert "several columns are called 'w'" in refused(lambda: fl.verify(twice, column="w"))
    kilojoules = pd.DataFrame({"W (kJ/mol)": FORWARD})
    assert "is in kJ/mol, not in kT" in refused(lambda: fl.verify(kilojoules))

    assert refused(lambda: fl.verify(pd.DataFrame())) == "a frame without columns (forward)"


HEADERS = {
    "Work done on system [pN nm]": "pN nm",
    "work_pN_nm": "pN nm",
    "Total work kT": None,
    "irreversible-work (kJ/mol)": "kJ/mol",
}


@pytest.mark.parametrize(("name", "unit"), HEADERS.items())
def test_a_description_is_known_by_its_words(name, unit):
    columns = [
        Column("time", True),
        Column(name, True),
        Column("work_error", True),
        Column("work rate", True),
    ]
    assert guess_column(columns, "work", None, "forward")[0] == 1
    assert unit_of(name) == unit


def test_two_descriptions_are_one_too_many():
    columns = [Column("work left", True), Column("work right", True)]
    assert "which column is the work?" in refused(lambda: guess_column(columns, "work", None, "forward"))
    assert unit_of("W_J") is None  # Jarzynski's, or in joule: nobody knows


# ---- sentences -----------------------------------------------------------------------------------


def test_a_claim_that_was_not_judged_is_told_with_those_that_were():
    report = fl.verify(FORWARD, delta_f=1.0)
    said = refused(lambda: report["crooks"])
    assert said.startswith("'crooks' is not a claim (report): claims are ")
    assert joint_groups([]) == ()


@pytest.mark.parametrize(
    ("number", "said"), [(183.2, "180"), (4.04, "4"), (0.1234, "0.12"), (99.6, "100"), (5e7, "5e+07")]
)
def test_numbers_are_rounded_without_powers_of_ten(number, said):
    assert rounded(number) == said


def test_a_tail_of_which_nothing_is_known_has_no_index():
    assert said_of_tail(0.812) == "Pareto index 0.81"
    assert said_of_tail(np.inf) == "too few for a Pareto index"


def test_notes_end_in_no_two_marks():
    report = fl.verify(FORWARD, FORWARD)
    assert any(note.endswith("as if one file was given twice") for note in report.notes)
