"""Files of others: whatever is in them, it is the column that was meant, or one line that says why not."""

from __future__ import annotations

import gzip
import io
import os
import re
import string
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluctua.analysis import accumulation, text_tables
from fluctua.analysis.accumulation import Accumulation
from fluctua.analysis.reading import Numbers, read_column
from fluctua.analysis.table_columns import unit_of
from fluctua.stochastic.errors import Damaged, FluctuaError, InvalidInput

XVG = r"""# This file was created by GROMACS
@    title "Pull work"
@    xaxis  label "Time (ps)"
@    yaxis  label "(kJ mol\S-1\N)"
@TYPE xy
@ s0 legend "Work"
@ s1 legend "Heat"
0.0  1.25  7
0.5  -2.5  8
1.0  0.75  9
"""
many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)


@pytest.fixture
def write(tmp_path):
    """Write text or bytes into a file and return its path."""

    def put(content: str | bytes, name: str = "pull.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return put


def refused(path: Path, kind: type[FluctuaError] = InvalidInput, **options: str) -> str:
    """Return the line that refuses a file, without its place."""
    with pytest.raises(FluctuaError) as caught:
        read_column(path, **options)
    assert type(caught.value) is kind
    line = str(caught.value)
    assert "\n" not in line
    return line.replace(str(path), "FILE")


# ---- what is read --------------------------------------------------------------------------------

TABLES = {
    "one column": "1.5\n-2.5\n",
    "a name": "work\n1.5\n-2.5\n",
    "lines of tabs": "t\twork\n0\t1.5\n\t\n1\t-2.5\n \t\n",
    "commas": "t,work,force\n0,1.5,9\n1,-2.5,9\n",
    "commas and blanks": "t, work, force\n0, 1.5, 9\n1, -2.5, 9\n",
    "semicolons": "t;work\n0;1.5\n1;-2.5\n",
    "tabs": "t\tW [kT]\n0\t1.5\n1\t-2.5\n",
    "blanks": "  t   work\n 0.0   1.5\n 10.0 \t-2.5  \n",
    "quotes": '"t","work"\n"a, b",1.5\n"c",-2.5\n',
    "comments": "# made today\n; and\n% then\n\nwork\n1.5\n# between\n\n-2.5 # at the end\n",
    "numpy's header": "# t work\n0 1.5\n1 -2.5\n",
    "PLUMED": "#! FIELDS time d.x work\n#! SET x 1\n0 9 1.5\n1 9 -2.5\n",
    "Windows": "\ufefft,work\r\n0,1.5\r\n1,-2.5\r\n",
    "no newline at the end": "t,work\n0,1.5\n1,-2.5",
    "a delimiter at the end": "t,work,\n0,1.5,\n1,-2.5,\n",
    "returns alone": "t,work\r0,1.5\r1,-2.5\r",
    "pandas, nameless": "0\n1.5\n-2.5\n",
    "Fortran": "t work\n0 1.5D+00\n1 -0.25D1\n",
    "Latin letters": "t,work\n\xe9,1.5\n\xe9,-2.5\n".encode("latin-1"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
def test_tables_of_text_are_read_whatever_their_name(write, content, packed):
    content = content.encode() if isinstance(content, str) else content
    found = read_column(write(gzip.compress(content) if packed else content, "anything"))
    assert found.values.tolist() == [1.5, -2.5]


def test_values_far_from_zero_keep_every_digit(write):
    values = -2e6 + np.random.default_rng(1).normal(size=1000)
    text = "t,work\n" + "".join(f"{i},{float(value)!r}\n" for i, value in enumerate(values))
    assert np.array_equal(read_column(write(text)).values, values)


def test_xvg_legends_name_the_columns_and_the_axis_their_unit(write):
    found = read_column(write(XVG, "pull.xvg"))
    assert found.values.tolist() == [1.25, -2.5, 0.75]
    assert (found.column, found.unit) == ("Work (kJ mol-1)", "kJ/mol")
    assert read_column(write(XVG), "Heat").values.tolist() == [7, 8, 9]
    assert read_column(write(XVG), "3").values.tolist() == [7, 8, 9]


def test_a_parquet_file_is_read_by_rows_groups_and_all(tmp_path):
    table = pa.table({"replica": ["a", "b", "a"], "t": [1, 2, 3], "work": [1.5, -2.0, 0.25]})
    parquet.write_table(table, tmp_path / "w")
    (tmp_path / "z").write_bytes(gzip.compress((tmp_path / "w").read_bytes()))
    for name in "wz":
        found = read_column(tmp_path / name, group="replica")
        assert found.values.tolist() == [1.5, -2.0, 0.25]
        assert found.groups is not None
        assert (found.groups.tolist(), found.group_names) == ([0, 1, 0], ("a", "b"))
    assert read_column(tmp_path / "w", "t").values.tolist() == [1, 2, 3]


def test_groups_are_text_or_numbers(write):
    found = read_column(write("replica,work\nleft ,1\n right,2\nleft,3\n"), group="replica")
    assert found.groups is not None
    assert (found.groups.tolist(), found.group_names) == ([0, 1, 0], ("left", "right"))
    found = read_column(write("7 1.5\n8 2.5\n7 0.5\n"), column="2", group="1")
    assert found.groups is not None
    assert (found.groups.tolist(), found.group_names) == ([0, 1, 0], ("7", "8"))
    found = read_column(write("a 1.5\nb 2.5\n"), group="1")  # a row of cells, not of names
    assert found.values.tolist() == [1.5, 2.5]


GUESSES = [
    ("1\n2\n", "1", "column 1, the only one, is taken"),
    ("t,Work (kJ/mol),force\n1,2,3\n", "Work (kJ/mol)", "of t, Work (kJ/mol), force is taken, by its name"),
    ("rep,value\na,2\nb,3\n", "value", "column 'value' of rep, value is taken, the only one of numbers"),
    ("time value\n0 2\n5 3\n", "value", "column 'value' is taken, since time stands before it"),
    ("0.0 2\n0.1 3\n0.2 5\n", "2", "column 2 is taken, since column 1 rises evenly, as times do"),
    ("w_total,work\n1,2\n", "work", "by its name"),
]


@pytest.mark.parametrize(("content", "column", "note"), GUESSES)
def test_what_is_guessed_is_said(write, content, column, note):
    found = read_column(write(content))
    assert found.column == column
    assert found.notes[-1].endswith(note)
    assert read_column(write(content), column).notes == ()  # what is named needs no note


def test_entropy_has_names_of_its_own(write):
    path = write("work,s_tot [k_B]\n1,2\n")
    found = read_column(path, kind="entropy")
    assert (found.column, found.unit) == ("s_tot [k_B]", "k_B")
    assert read_column(path, kind="work").column == "work"


UNITS = {
    "work (kJ/mol)": "kJ/mol",
    "W [kT]": "kT",
    "W (k_B T)": "kT",
    "work (pN nm)": "pN nm",
    "work (pN·nm)": "pN nm",
    "E (kcal mol^-1)": "kcal/mol",
    "s [k_B]": "k_B",
    "Time (ps)": "ps",
    "F (kJ/mol/nm)": "kJ/mol/nm",
    "W (dissipated)": None,
    "work": None,
}


@pytest.mark.parametrize(("name", "unit"), UNITS.items())
def test_units_in_brackets_are_recognised(name, unit):
    assert unit_of(name) == unit


# ---- what is refused -----------------------------------------------------------------------------

REFUSED = {
    "": "an empty file",
    "\n \n": "an empty file",
    "work\n": "only a header (forward, FILE): no line of numbers follows it",
    "# nothing\n": "nothing but comments",
    "t,work\n0,1\n1,abc\n2,3\n": "'abc' is no number (forward, FILE, line 3)",
    "# a\nt,work\n\n0,1\n1,1_000\n": "'1_000' is no number (forward, FILE, line 5)",
    "work\n1\n\nnan\n3\ninf\n": "2 of 4 values are empty or not finite, first in line 4 (forward",
    "t,work\n0,1\n1,\n": "1 of 2 values are empty or not finite, first in line 3",
    "t,work\n0,1\n1\n2,3\n": "1 cell where the other lines have 2 (forward, FILE, line 3)",
    "t,work\n0,1\n1,2,3\n2,3\n": "3 cells where the other lines have 2 (forward, FILE, line 3)",
    't,work\n0,1\n1,"2\n3,4\n': "'\"2' is no number (forward, FILE, line 3)",
    "a,b,work\n0,1\n1,2\n": "the header names 3 columns, the lines have 2 (forward, FILE, line 1)",
    "a,b\n1,2\n": "which column is the work? There are a, b (forward, FILE): name one",
    "W,w\n1,2\n": "which column is the work? There are W, w",
    "Time (ps)  Force (kJ/mol/nm)\n0 1\n1 2\n": "which column is the work?",
    "t force\n0 1\n1 2\n": "which column is the work?",
    "t;work\n0,0;1,5\n": "'0,0' has a decimal comma (forward, FILE, line 2): write 1.5, not 1,5",
    "work\n1,5\n2,5\n": "the header names 1 column, the lines have 2 (forward, FILE, line 1): write 1.5",
    "1,5\n2,7\n": "decimal commas, or two columns of whole numbers",
    "t work\n0,1 1,5\n0,2 2,7\n": "'0,1' has a decimal comma",
    "t,work,work\n0,1,2\n": "which column is the work?",
}


@pytest.mark.parametrize(("content", "line"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_is_wrong_is_said_in_one_line_with_its_place(write, content, line):
    assert line in refused(write(content))


def test_columns_that_are_not_there_are_refused_with_the_nearest(write):
    path = write("time,work\n0,1\n")
    assert refused(path, column="wrok") == (
        "'wrok' is not a column (forward, FILE): columns are time, work; did you mean 'work'?"
    )
    assert "'3' is not a column" in refused(path, column="3")
    assert "'replica' is not a column" in refused(path, group="replica")
    assert "both the numbers and their group" in refused(path, column="work", group="2")
    assert "several columns are called 'w'" in refused(write("w,w\n1,2\n"), column="w")
    assert read_column(write("w,w\n1,2\n"), column="2").values.tolist() == [2.0]


def test_rows_without_a_group_are_refused(write):
    content = "replica,work\na,1\n,2\nb,3\n"
    assert "1 of 3 rows have no group, first in line 3" in refused(write(content), group="replica")


def test_what_is_no_table_is_refused(write, tmp_path):
    assert "no such file" in refused(tmp_path / "none.csv")
    assert "a folder, not a file" in refused(tmp_path)
    assert "neither a file nor a pipe" in refused(Path("/dev/zero"))
    assert "not a table of numbers" in refused(write(bytes(range(256))))
    assert "UTF-16" in refused(write("work\n1\n".encode("utf-16")))
    assert "a spreadsheet" in refused(write(b"PK\x03\x04" + bytes(100)))
    assert "gzip within gzip" in refused(write(gzip.compress(gzip.compress(b"1\n2\n"))))
    array = io.BytesIO()
    np.save(array, np.arange(3.0))
    assert "numpy.load" in refused(write(array.getvalue()))


def test_a_line_without_end_is_refused(write, monkeypatch):
    monkeypatch.setattr(text_tables, "BLOCK", 100)
    assert "a line of more than" in refused(write(b"1" * 1000))


def packed_parquet(**columns: object) -> bytes:
    stream = io.BytesIO()
    parquet.write_table(pa.table(columns), stream, write_page_checksum=True)
    return stream.getvalue()


def test_parquet_columns_that_hold_no_numbers_are_refused(write):
    whole = packed_parquet(work=["a", "b"], x=[1.0, None], lists=[[1.0], [2.0]])
    assert "'work' holds string, no numbers" in refused(write(whole))
    assert "first in row 2" in refused(write(whole), column="x")
    assert "no numbers" in refused(write(whole), column="lists")
    assert "a table without rows" in refused(write(packed_parquet(work=pa.array([], pa.float64()))))


def test_damage_is_told_from_bad_input(write):
    packed = gzip.compress(b"work\n" + b"1.5\n2.5\n" * 500)
    whole = packed_parquet(work=np.arange(1000.0))
    for content in (packed[:-1], packed[:14], packed[:-6] + b"x" + packed[-5:], packed + b"junk"):
        assert "gzip" in refused(write(content), Damaged)
    flipped = whole[:500] + bytes([whole[500] ^ 1]) + whole[501:]
    for content in (whole[:-1], whole[:100], b"PAR1", b"PAR1 this begins as one PAR1", flipped):
        assert "Parquet" in refused(write(content), Damaged)
    assert "Parquet" in refused(write(gzip.compress(whole[:-1])), Damaged)


# ---- any file ------------------------------------------------------------------------------------

finite = st.floats(-1e300, 1e300, allow_nan=False)
names = st.text(string.ascii_letters, min_size=1, max_size=8).filter(
    lambda word: word.lower() not in ("nan", "na", "none", "null", "inf", "infinity")
)


def as_text(rows, header, delimiter, comment, newline):
    lines = [comment + "made by hand"] if comment else []
    lines += [delimiter.join(header), *(delimiter.join(row) for row in rows)]
    return newline.join([*lines, ""]).encode()


@many
@given(
    values=st.lists(finite, min_size=2, max_size=30),
    labels=st.lists(names, min_size=30, max_size=30),
    delimiter=st.sampled_from([",", ";", "\t", " ", "   ", " \t "]),
    comment=st.sampled_from(["", "#", "@ ", "% "]),
    newline=st.sampled_from(["\n", "\r\n"]),
    packed=st.booleans(),
    block=st.integers(150, 500),  # the first holds the header and some lines
)
def test_what_was_written_is_read(
    tmp_path, monkeypatch, values, labels, delimiter, comment, newline, packed, block
):
    """Round trip through blocks so small that they end anywhere; a printed float reads back exactly."""
    monkeypatch.setattr(text_tables, "BLOCK", block)
    rows = [[label, repr(value), "0.5"] for label, value in zip(labels, values, strict=False)]
    content = as_text(rows, ["who", "work", "force"], delimiter, comment, newline)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_column(path, "work", "who")
    assert found.groups is not None
    assert np.array_equal(found.values, values)
    assert [found.group_names[code] for code in found.groups] == labels[: len(values)]


@many
@given(values=st.lists(finite, min_size=1, max_size=30), kind=st.sampled_from(["double", "float", "int64"]))
def test_parquet_is_read_as_written(tmp_path, values, kind):
    stored = np.clip(values, -1e9, 1e9).astype({"double": "f8", "float": "f4", "int64": "i8"}[kind])
    parquet.write_table(pa.table({"a": ["x"] * len(stored), "work": stored}), tmp_path / "file")
    assert np.array_equal(read_column(tmp_path / "file").values, stored.astype(float))


CELLS = st.one_of(
    st.sampled_from(
        ["", "1", "-2.5", "+3", "4e5", ".5", "6.", "nan", "NA", "inf", "x", "1_0", "1d2", '"7"', "0x1"]
    ),
    st.sampled_from([" ", '"', "#", ";", "@", "%", "é", "1 2", "\t", "1,2", "\x0c", "٣"]),
)


@many
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", " "]),
)
def test_the_fast_reading_is_the_slow_one(tmp_path, monkeypatch, rows, delimiter):
    """The same values, groups, or error, from Arrow and from Python line by line."""
    lines = [["who", "work"], ["a", "1.5"], ["b", "2.5"], *rows]
    path = tmp_path / "file"
    path.write_text("".join(delimiter.join(cells) + "\n" for cells in lines), encoding="utf-8")

    def told():
        try:
            found = read_column(path, "work", "who")
        except FluctuaError as error:
            return str(error)
        assert found.groups is not None
        return found.values.tolist(), found.groups.tolist(), found.group_names

    fast = told()
    with monkeypatch.context() as patched:
        patched.setattr(text_tables, "_read_fast", lambda *_: None)
        assert told() == fast


VALID = [
    *(text.encode() if isinstance(text, str) else text for text in (*TABLES.values(), XVG)),
    gzip.compress(TABLES["commas"].encode() * 3),
    packed_parquet(t=[1, 2, 3], work=[1.5, 2.5, 3.5]),
]
EDITS = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=4)


def judged(folder: Path, content: bytes, **options: str) -> None:
    """Read any bytes: a column comes of it or an error of one line, and nothing is left behind."""
    path = folder / "file"
    path.write_bytes(content)
    handles = len(os.listdir("/proc/self/fd"))
    found: Numbers | FluctuaError
    try:
        found = read_column(path, **options)
    except FluctuaError as error:
        found = error
    if isinstance(found, FluctuaError):
        assert found.exit_code in (2, 65)
        assert "\n" not in str(found)
    else:
        assert found.values.size > 0
        assert np.isfinite(found.values).all()
    del found
    assert len(os.listdir("/proc/self/fd")) <= handles
    assert os.listdir(folder) == ["file"]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Make a folder the temporary one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@settings(parent=many, max_examples=120)
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text('0123456789.,;\t -+e\n"#@%&xna', max_size=100).map(str.encode),
        st.tuples(st.sampled_from([b"PAR1", b"\x1f\x8b", b"\x1f\x8b\x08\0"]), st.binary(max_size=60)).map(
            b"".join
        ),
    )
)
def test_any_bytes_are_read_or_refused(temporary, content):
    judged(temporary, content)


@settings(parent=many, max_examples=120)
@given(content=st.sampled_from(VALID), edits=EDITS, column=st.sampled_from(["", "work", "2"]))
def test_altered_files_are_read_or_refused(temporary, content, edits, column):
    for place, new, removed in edits:
        at = int(place * len(content))
        content = content[:at] + new + content[at + removed :]
    judged(temporary, content, **({"column": column} if column else {}))


# ---- many values ---------------------------------------------------------------------------------


def test_beyond_memory_the_values_are_mapped_from_a_file_without_a_name(temporary, monkeypatch):
    monkeypatch.setattr(accumulation.Accumulation.__init__, "__defaults__", (100,))
    monkeypatch.setattr(text_tables, "BLOCK", 200)
    values = np.random.default_rng(1).normal(size=1000)
    (temporary / "w").write_text(
        "a,work\n" + "".join(f"{i % 3},{float(v)!r}\n" for i, v in enumerate(values))
    )
    handles = len(os.listdir("/proc/self/fd"))
    found = read_column(temporary / "w", group="a")
    assert os.listdir(temporary) == ["w"]
    assert np.array_equal(found.values, values)
    assert found.groups is not None
    assert np.array_equal(found.groups, np.arange(1000) % 3)
    assert not found.values.flags.writeable
    del found
    assert len(os.listdir("/proc/self/fd")) == handles


def test_an_accumulation_is_its_batches_one_behind_the_other():
    parts = np.array_split(np.arange(1000, dtype=np.int32), 7)
    for in_memory in (10, 500, 2000):
        store = Accumulation(np.int32, in_memory)
        for part in parts:
            store.append(part)
        assert np.array_equal(store.array(), np.arange(1000))
    assert Accumulation(np.float64).array().size == 0


def test_a_full_disk_is_one_line(monkeypatch):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(FluctuaError, match=re.escape("No space left on device")) as caught:
        Accumulation(np.float64, 1).append(np.zeros(5))
    assert caught.value.exit_code == 74
