"""Names that are more than names: markup on a page, commands to a terminal, a million letters."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

import fluctua as fl
from fluctua.ensembles.dotted import with_changes
from fluctua.ensembles.text import DEEPEST, read_table
from fluctua.stochastic.errors import Damaged, InvalidInput, not_among, printable
from fluctua.stochastic.units import Units

from faults import hostile_parquet as parquet

MARKUP = "<script>alert(1)</script>"


def test_markup_in_any_name_stays_text(tmp_path):
    """A run's folder and step, a file's name, column and groups; the control: the names are on the page."""
    table = copy.deepcopy(parquet.SPEC)
    table["protocol"]["steps"][0]["name"] = MARKUP.replace("/", "")
    place = tmp_path / "<script>alert(1)<"
    run = fl.open(parquet.Run(table).write(place))
    random = np.random.default_rng(1)
    columns = {MARKUP: random.normal(1.0, 1.4, 200), f"{MARKUP} g": [MARKUP] * 100 + ["b"] * 100}
    pd.DataFrame(columns).to_csv(tmp_path / "<script>.csv", index=False)
    own = fl.verify(str(tmp_path / "<script>.csv"), column=MARKUP, group=f"{MARKUP} g")
    for number, report in enumerate((fl.verify(run), own)):
        page = report.to_html(tmp_path / f"{number}.html").read_text(encoding="utf-8")
        for text in (page, report._repr_html_(), run.spec.protocol._repr_html_()):
            assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in (tmp_path / "0.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in run.spec.protocol._repr_html_()


@pytest.mark.parametrize("letters", ["\x1b]0;x\x07", "\x9b2J", "\r", "\u202e", "\ud800", "\x00"])
def test_an_error_commands_no_terminal(letters):
    """The control: the same text as it was typed is not printable."""
    assert not f"a{letters}b".isprintable()
    for error in (
        InvalidInput(f"a{letters}", f"b{letters}", f"c{letters}"),
        not_among(letters, "bath", [letters]),
    ):
        assert str(error).isprintable()
    assert printable("plain ΔF") == "plain ΔF"


def test_an_error_stays_a_line_whatever_was_typed():
    many = [f"name{number}" for number in range(10_000)]
    assert len(str(not_among("x" * 10**6, "bath", many, "y" * 10**6))) < 2000


@pytest.mark.parametrize("part", ["a", '"a"', "'a'", " a "])
def test_keys_deeper_than_tables_may_be_are_refused_before_they_are_read(part):
    """Python's reader takes an hour over so many dots; the control: one level less is read."""
    with pytest.raises(InvalidInput, match="too deep"):
        read_table(".".join([part] * 200_000) + " = 1", "toml")
    with pytest.raises(InvalidInput, match="too deep"):
        read_table(".".join([part] * (DEEPEST + 1)) + " = 1", "toml")
    assert list(read_table(".".join([part] * DEEPEST) + " = 1", "toml")) == ["a"]


@pytest.mark.parametrize("text", ["a" * 900_000, "'" * 900_000, '"' + "a " * 400_000, "a" + " " * 900_000])
def test_the_look_for_deep_keys_takes_no_time_of_its_own(text):
    with pytest.raises(InvalidInput, match="not TOML"):
        read_table(text, "toml")


@pytest.mark.parametrize(
    "energy", ["J " + "mol^999 " * 60, "J" + " " * 900_000 + "*", "J mol^999", "J/mol^999", "J" * 61]
)
def test_units_beyond_all_numbers_are_refused(energy):
    with pytest.raises(InvalidInput, match="unit"):
        Units(energy=energy, temperature="K")


@pytest.mark.parametrize("path", ["a." * 5000 + "b", "protocol.steps." + "9" * 5000])
def test_paths_without_end_are_refused(path):
    with pytest.raises(InvalidInput, match="too long for a path"):
        with_changes(parquet.SPEC, {path: 1})


@pytest.mark.parametrize("key", ["spec", "digest", "chunk", "format"])
def test_a_manifest_that_lacks_something_is_damaged(key, tmp_path):
    """Its checksum is right, so only what it says can tell."""
    run = parquet.Run()
    fl.open(run.write(tmp_path / "sound"))
    del run.manifest[key]
    with pytest.raises((Damaged, InvalidInput)):
        fl.open(run.write(tmp_path / "damaged"))


def test_an_equilibrium_narrower_than_numbers_is_refused():
    """A force of 1e300: between two neighbours of the table lies all of the probability."""
    well = fl.Potential("4*x**4 - 8*b*x**2 - F*x", coordinates="x", controls=("b", "F"))
    for force in (1e300, -1e300, 1e200, 1e30):
        with pytest.raises(InvalidInput):
            well.free_energy(1.0, b=1.0, F=force)
    assert np.isfinite(well.free_energy(1.0, b=1.0, F=1.0))  # the control
