"""The run directory: what a run leaves, other writers, strangers, manifests. Its faults: `tests/faults`."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fluctua.ensembles import store
from fluctua.ensembles.chunks import expected_rows
from fluctua.ensembles.manifest import describe, is_run, read_manifest, read_target
from fluctua.ensembles.parts import Part, encode, list_parts, parse_name
from fluctua.ensembles.reading import UNREADABLE, open_part
from fluctua.stochastic.errors import Busy, Damaged, InvalidInput

ROWS = 16  # of a chunk, in these tests
SCHEMA = pa.schema([("trajectory", pa.int64()), ("work", pa.float64())], metadata={"spec": "d1"})


def manifest(digest: str = "d1", canary: str = "c") -> dict[str, Any]:
    return describe(
        {"seed": 1, "trajectories": 5},
        digest,
        chunk=ROWS,
        tables=["parts", "strokes"],
        columns=[{"name": "work"}],
        canary=canary,
        facts={},
        software={},
    )


def rows_of(chunk: int, trajectories: int) -> pa.Table:
    """Rows as a function of the chunk alone, as the store wants them."""
    first = chunk * ROWS
    number = np.arange(first, first + expected_rows(chunk, trajectories, ROWS))
    return pa.table([number, np.sin(number)], schema=SCHEMA)


def write(
    folder: Path, trajectories: int, order: Callable[[list[int]], Iterable[int]] = list, **words: Any
) -> None:
    with store.Writer(folder, manifest(**words), trajectories) as writer:
        for chunk in order(writer.missing()):
            rows = rows_of(chunk, trajectories)
            writer.commit(chunk, {"parts": rows, "strokes": rows})


def names(folder: Path) -> dict[str, list[str]]:
    return {table: sorted(os.listdir(folder / table)) for table in ("parts", "strokes")}


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# ---- names


def test_names_of_parts_read_back_and_nothing_else_does() -> None:
    part = Part(3, 65_536, "0" * 31 + "f")
    assert part.name == "part-00000003-000065536-0000000000000000000000000000000f.parquet"
    assert parse_name(part.name) == part
    for wrong in (
        part.name.upper(),
        part.name + "\n",
        "../" + part.name,
        part.name[1:],
        "part-3-4-aa.parquet",
        "",
    ):
        assert parse_name(wrong) is None


@pytest.mark.parametrize(
    ("trajectories", "rows"), [(1, [1, 0]), (16, [16, 0]), (17, [16, 1]), (40, [16, 16])]
)
def test_chunks_share_out_the_trajectories(trajectories: int, rows: list[int]) -> None:
    assert [expected_rows(chunk, trajectories, ROWS) for chunk in (0, 1)] == rows


# ---- what a run leaves


def test_files_do_not_depend_on_the_order_of_chunks(tmp_path: Path) -> None:
    write(tmp_path / "a", 70)
    write(tmp_path / "b", 70, order=lambda chunks: chunks[::-1])
    assert names(tmp_path / "a") == names(tmp_path / "b")
    assert everything(tmp_path / "a") == everything(tmp_path / "b")
    assert not (tmp_path / "a" / "_tmp").exists()


def test_a_part_is_readable_by_others_and_its_name_is_its_checksum(tmp_path: Path) -> None:
    write(tmp_path / "a", 20)
    part = list_parts(tmp_path / "a")[0]
    path = tmp_path / "a" / "parts" / part.name
    import hashlib

    import pyarrow.parquet as pq

    assert hashlib.sha256(path.read_bytes()).hexdigest()[:32] == part.digest
    assert pq.read_table(path).equals(rows_of(0, 20))
    column = pq.ParquetFile(path).metadata.row_group(0).column
    assert column(0).compression == "ZSTD"
    assert "DELTA_BINARY_PACKED" in column(0).encodings
    assert "BYTE_STREAM_SPLIT" in column(1).encodings
    assert not column(1).has_dictionary_page


def test_resume_extend_and_a_direct_run_leave_the_same_files(tmp_path: Path) -> None:
    write(tmp_path / "direct", 70)
    write(tmp_path / "extended", 20)
    write(tmp_path / "extended", 70)
    assert names(tmp_path / "direct") == names(tmp_path / "extended")
    for victim in os.listdir(tmp_path / "direct" / "parts")[::2]:
        (tmp_path / "direct" / "parts" / victim).unlink()
    write(tmp_path / "direct", 70)
    assert names(tmp_path / "direct") == names(tmp_path / "extended")


# ---- a run that stops


def test_a_run_that_committed_nothing_leaves_nothing(tmp_path: Path) -> None:
    deep = tmp_path / "x" / "y" / "z"
    with pytest.raises(RuntimeError, match="on purpose"), store.Writer(deep, manifest(), 20):
        raise RuntimeError("on purpose")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(RuntimeError, match="on purpose"), store.Writer(tmp_path / "empty", manifest(), 20):
        raise RuntimeError("on purpose")
    assert list((tmp_path / "empty").iterdir()) == []


def test_what_was_committed_stays(tmp_path: Path) -> None:
    def second_chunk_only(chunks: list[int]) -> Iterator[int]:
        yield chunks[1]
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        write(tmp_path / "a", 40, order=second_chunk_only)
    assert list(list_parts(tmp_path / "a")) == [1]
    with store.Writer(tmp_path / "a", manifest(), 40) as writer:
        assert writer.missing() == [0, 2]


# ---- others in the same place


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    with store.Writer(tmp_path / "a", manifest(), 40):
        with (
            pytest.raises(Busy, match="another process writes"),
            store.Writer(tmp_path / "a", manifest(), 40),
        ):
            pass
        assert (tmp_path / "a" / "manifest.json").exists()
    write(tmp_path / "a", 40)


def test_without_locks_two_writers_leave_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    write(tmp_path / "direct", 40)
    with store.Writer(tmp_path / "a", manifest(), 40) as one:
        for chunk in (0, 1, 2):
            one.commit(chunk, {"parts": rows_of(chunk, 40), "strokes": rows_of(chunk, 40)})
            one.commit(chunk, {"parts": rows_of(chunk, 40), "strokes": rows_of(chunk, 40)})
    assert names(tmp_path / "a") == names(tmp_path / "direct")


def test_another_run_is_not_touched(tmp_path: Path) -> None:
    write(tmp_path / "a", 40)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("part-*")}
    with pytest.raises(InvalidInput, match="another run"):
        write(tmp_path / "a", 40, digest="d2")
    with pytest.raises(Damaged, match="come out differently"):
        write(tmp_path / "a", 40, canary="other")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("part-*")} == before
    assert not (tmp_path / "a" / "_tmp").exists()


@pytest.mark.parametrize("stranger", ["notes.txt", "parts/x.parquet", "strokes/._part", "parts/deeper/"])
def test_strangers_are_refused(tmp_path: Path, stranger: str) -> None:
    write(tmp_path / "a", 40)
    path = tmp_path / "a" / stranger
    path.mkdir() if stranger.endswith("/") else path.write_text("mine")
    with pytest.raises((InvalidInput, Damaged), match=stranger.strip("/").split("/")[-1]):
        write(tmp_path / "a", 70)
    assert path.exists()


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InvalidInput, match=r"holds something else .*thesis.tex"):
        write(tmp_path, 40)
    with pytest.raises(InvalidInput, match="not a folder"):
        write(tmp_path / "thesis.tex", 40)
    assert everything(tmp_path) == {"thesis.tex"}


@pytest.mark.parametrize("inside", ["two", "two/three", "parts/two", "strokes"])
def test_a_place_inside_a_run_is_refused(tmp_path: Path, inside: str) -> None:
    """Also by way of a link; and nothing is left there, so that the outer run still goes on."""
    write(tmp_path / "one", 40)
    (tmp_path / "link").symlink_to(tmp_path / "one")
    before = everything(tmp_path / "one")
    for outer in ("one", "link"):
        with pytest.raises(InvalidInput, match=r"lies inside a run \(.*: choose one outside .*one$"):
            write(tmp_path / outer / inside, 40)
    assert everything(tmp_path / "one") == before
    write(tmp_path / "one", 70)


def test_beside_a_run_or_another_program_s_manifest_is_fine(tmp_path: Path) -> None:
    write(tmp_path / "one", 40)
    write(tmp_path / "one" / ".." / "two", 40)
    (tmp_path / "manifest.json").write_text('{"name": "a web page"}')
    write(tmp_path / "three" / "four", 40)
    assert is_run(tmp_path / "two")


def test_two_truths_for_one_chunk_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a", 40)
    part = list_parts(tmp_path / "a")[0]
    other = tmp_path / "a" / "parts" / Part(0, part.rows, "0" * 32).name
    other.write_bytes(b"other")
    with pytest.raises(Damaged, match="two different files"):
        list_parts(tmp_path / "a")


# ---- the manifest


def test_the_manifest_notices_every_change(tmp_path: Path) -> None:
    write(tmp_path / "a", 40)
    path = tmp_path / "a" / "manifest.json"
    text = path.read_text()
    assert read_manifest(tmp_path / "a")["digest"] == "d1"
    for old, new in (
        ('"d1"', '"d3"'),
        ('"seed": 1', '"seed": 3'),
        ('"seed": 1', '"seed": 1, "seed": 1'),
        ("{", "["),
    ):
        assert old in text
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(Damaged, match=r"manifest\.json"):
            read_manifest(tmp_path / "a")
    path.write_bytes(text.encode()[:-30])
    with pytest.raises(Damaged, match=r"manifest\.json"):
        read_manifest(tmp_path / "a")


@pytest.mark.parametrize(
    "text", ["{}", '{"trajectories": 0}', '{"trajectories": true}', '{"trajectories": 1.5}', "x"]
)
def test_a_damaged_target_is_told(tmp_path: Path, text: str) -> None:
    write(tmp_path / "a", 40)
    (tmp_path / "a" / "target.json").write_text(text)
    with pytest.raises(Damaged, match=r"target\.json"):
        read_target(tmp_path / "a")


# ---- damage


def test_renamed_and_exchanged_parts_are_noticed(tmp_path: Path) -> None:
    write(tmp_path / "a", 40)
    folder = tmp_path / "a" / "parts"
    first, second, tail = list_parts(tmp_path / "a").values()
    (folder / first.name).rename(folder / "kept")
    (folder / second.name).rename(folder / first.name)
    with pytest.raises(Damaged, match="does not match its checksum"):
        open_part(tmp_path / "a", "parts", first, SCHEMA, first.rows)
    moved = Part(7, tail.rows + 1, tail.digest)
    (folder / tail.name).rename(folder / moved.name)
    with pytest.raises(Damaged, match="another number of rows"):
        open_part(tmp_path / "a", "parts", moved, SCHEMA, moved.rows)


def test_a_sound_file_of_another_run_is_noticed(tmp_path: Path) -> None:
    import hashlib

    (tmp_path / "a" / "parts").mkdir(parents=True)
    for schema in (
        SCHEMA.with_metadata({"spec": "d2"}),
        pa.schema([("trajectory", pa.int64()), ("heat", pa.float64())], metadata={"spec": "d1"}),
        pa.schema([("trajectory", pa.int64()), ("work", pa.float32())], metadata={"spec": "d1"}),
    ):
        payload = memoryview(
            encode(
                rows_of(0, 16)
                .rename_columns(schema.names)
                .cast(schema)
                .replace_schema_metadata(schema.metadata)
            )
        )
        part = Part(0, 16, hashlib.sha256(payload).hexdigest()[:32])
        (tmp_path / "a" / "parts" / part.name).write_bytes(payload)
        with pytest.raises(Damaged, match="belongs to another run"):
            open_part(tmp_path / "a", "parts", part, SCHEMA, part.rows)


def test_rubbish_with_the_right_checksum_is_still_told_in_one_line(tmp_path: Path) -> None:
    import hashlib

    (tmp_path / "a" / "parts").mkdir(parents=True)
    generator = np.random.default_rng(3)
    sound = bytearray(memoryview(encode(rows_of(0, 16))))
    told = 0
    for _ in range(200):
        payload = bytearray(sound)
        for place in generator.integers(len(payload), size=3):
            payload[place] = int(generator.integers(256))
        part = Part(0, 16, hashlib.sha256(payload).hexdigest()[:32])
        path = tmp_path / "a" / "parts" / part.name
        path.write_bytes(payload)
        told += _is_told(tmp_path / "a", part)
        path.unlink()
    assert told > 50


def _is_told(folder: Path, part: Part) -> bool:
    """Read a part; nothing but `Damaged` may come out of it."""
    try:
        open_part(folder, "parts", part, SCHEMA, part.rows).read()
    except (Damaged, *UNREADABLE):
        return True
    return False
