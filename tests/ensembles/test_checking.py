"""`check`: every kind of damage found with its own words, all at once, and nothing found that is sound."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fluctua.ensembles import checking, chunks, listing
from fluctua.ensembles.checking import check, check_each, missing_runs
from fluctua.ensembles.dataset import open_run
from fluctua.ensembles.disk import Disk
from fluctua.ensembles.manifest import signed, text_of
from fluctua.ensembles.part_check import Keys, Law, look_at
from fluctua.ensembles.parts import Part, encode, list_parts, part_of
from fluctua.ensembles.runner import simulate
from fluctua.ensembles.spec import EnsembleSpec
from fluctua.ensembles.sweep import sweep
from fluctua.stochastic.errors import Damaged, InvalidInput, StorageError

CHUNK = 256


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[EnsembleSpec], Path]:
    """The run of the spec that all tests here copy: six parts, six of strokes, two of paths."""
    folders: list[Path] = []

    def give(spec: EnsembleSpec) -> Path:
        if not folders:
            folders.append(tmp_path_factory.mktemp("made") / "run")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(chunks, "LARGEST", CHUNK)
                simulate(spec, folders[0])
        return folders[0]

    return give


@pytest.fixture
def run(spec: EnsembleSpec, made: Callable[[EnsembleSpec], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made(spec), tmp_path / "run"))


# ---- making faults


def file(run: Path, table: str = "parts", chunk: int = 1) -> Path:
    return run / table / list_parts(run, table)[chunk].name


def put(run: Path, table: str, part: Part, payload: bytes) -> Path:
    """Put bytes in the place of a part, under the name that they ask for."""
    (run / table / part.name).unlink()
    place = run / table / part_of(part.chunk, part.rows, memoryview(payload)).name
    place.write_bytes(payload)
    return place


def rewritten(change: Callable[[pa.Table], pa.Table], table: str = "parts", chunk: int = 1) -> Any:
    """Damage that no checksum tells: other rows, written and named as they should be."""

    def damage(run: Path) -> None:
        part = list_parts(run, table)[chunk]
        rows = change(pq.read_table(run / table / part.name))
        put(run, table, part, memoryview(encode(rows)).tobytes())

    return damage


def with_values(column: str, put: dict[int, Any]) -> Callable[[pa.Table], pa.Table]:
    def change(rows: pa.Table) -> pa.Table:
        at = rows.schema.get_field_index(column)
        values = rows[column].to_pylist()
        for row, value in put.items():
            values[row] = value
        return rows.set_column(at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type))

    return change


def bit_flipped(table: str, place: float) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        path = file(run, table)
        payload = bytearray(path.read_bytes())
        payload[int(place * len(payload))] ^= 4
        path.write_bytes(payload)

    return damage


def page_damaged(run: Path) -> None:
    """Flip a bit of a page and name the file anew: only the page's own checksum tells."""
    part = list_parts(run)[1]
    payload = bytearray((run / "parts" / part.name).read_bytes())
    start = pq.ParquetFile(pa.BufferReader(bytes(payload))).metadata.row_group(0).column(4).data_page_offset
    payload[start + 900] ^= 1
    put(run, "parts", part, bytes(payload))


def renamed(chunk: int, to: int) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        for table in ("parts", "strokes"):
            part = list_parts(run, table)[chunk]
            for old in (run / table).glob(f"part-{to:08d}-*"):
                old.unlink()
            (run / table / part.name).rename(run / table / Part(to, part.rows, part.digest).name)

    return damage


def exchanged(run: Path) -> None:
    one, other = file(run, chunk=1), file(run, chunk=2)
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def manifest(sign: bool = True, **changes: Any) -> Callable[[Path], None]:
    """Change the manifest, and its checksum with it."""

    def damage(run: Path) -> None:
        path = run / "manifest.json"
        table = json.loads(path.read_text())
        for key, change in changes.items():
            table[key] = change(table[key])
        stated = table.pop("sha256")
        path.write_bytes(text_of(signed(table) if sign else table | {"sha256": stated}))

    return damage


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda run: (run / name).write_text(content) and None


def gone(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


def linked(run: Path) -> None:
    path = file(run)
    path.rename(run.parent / "elsewhere")
    path.symlink_to(run.parent / "elsewhere")


def links(name: str) -> Callable[[Path], None]:
    """Put a link where a file or folder of the run lay, or might lie; what it was lies elsewhere now."""

    def damage(run: Path) -> None:
        elsewhere = run.parent / f"elsewhere-{name}"
        if (run / name).exists():
            (run / name).rename(elsewhere)
        (run / name).symlink_to(elsewhere)

    return damage


def renamed_beyond(run: Path) -> None:
    part = list_parts(run)[0]
    (run / "parts" / part.name).rename(run / "parts" / Part(9, part.rows, part.digest).name)


def foreign(run: Path) -> None:
    """Lay a part of another run beside that of the same chunk."""
    part = list_parts(run)[1]
    rows = pq.read_table(run / "parts" / part.name)
    rows = rows.replace_schema_metadata(rows.schema.metadata | {b"spec": b"0" * 64})
    payload = memoryview(encode(rows))
    (run / "parts" / part_of(1, part.rows, payload).name).write_bytes(payload)


def two_truths(run: Path) -> None:
    part = list_parts(run)[1]
    rows = with_values("work", {3: 0.5})(pq.read_table(run / "parts" / part.name))
    payload = memoryview(encode(rows))
    (run / "parts" / part_of(1, part.rows, payload).name).write_bytes(payload)


def paths_too_late(run: Path) -> None:
    source = list_parts(run, "paths")[1]
    (run / "paths" / Part(2, 256, source.digest).name).write_bytes((run / "paths" / source.name).read_bytes())


def more_than_a_chunk(run: Path) -> None:
    part = list_parts(run)[1]
    (run / "parts" / Part(6, 257, part.digest).name).write_bytes((run / "parts" / part.name).read_bytes())


def table_is_a_file(run: Path) -> None:
    shutil.rmtree(run / "paths")
    (run / "paths").write_text("mine")


DAMAGES: dict[str, tuple[Any, list[str]]] = {
    # bytes
    "a bit of a part": (bit_flipped("parts", 0.4), ["does not match its checksum"]),
    "a bit of the strokes": (bit_flipped("strokes", 0.4), ["does not match its checksum"]),
    "a bit of the paths": (bit_flipped("paths", 0.4), ["does not match its checksum"]),
    "a bit of a footer": (bit_flipped("parts", 0.97), ["does not match its checksum"]),
    "a part cut short": (lambda run: os.truncate(file(run), 5000), ["does not match its checksum"]),
    "an empty part": (lambda run: os.truncate(file(run), 0), ["does not match its checksum"]),
    "two parts exchanged": (exchanged, ["does not match its checksum"] * 2),
    "a page, under the right name": (page_damaged, ["the file cannot be read"]),
    # shape
    "fewer rows than the name says": (
        rewritten(lambda rows: rows.slice(1)),
        ["another number of rows than it must have"],
    ),
    "fewer strokes": (
        rewritten(lambda rows: rows.slice(1), "strokes"),
        ["another number of rows than it must have"],
    ),
    "another column": (
        rewritten(
            lambda rows: rows.rename_columns(["effort" if n == "work" else n for n in rows.column_names])
        ),
        ["belongs to another run"],
    ),
    "another spec": (
        rewritten(lambda rows: rows.replace_schema_metadata({"spec": "0" * 64, "failed": "0"})),
        ["belongs to another run"],
    ),
    # keys
    "a trajectory twice": (
        rewritten(with_values("trajectory", {5: 260})),
        ["there more than once: trajectory 260", "missing: trajectory 261"],
    ),
    "a trajectory of another chunk": (
        rewritten(with_values("trajectory", {255: 512})),
        ["holds other trajectories than its name says"],
    ),
    "another order": (
        rewritten(with_values("trajectory", {0: 257, 1: 256})),
        ["the rows are not in the order of trajectories"],
    ),
    "a part renamed to a chunk beyond": (renamed_beyond, ["holds other trajectories than its name says"]),
    "a part renamed to another chunk": (
        renamed(1, 4),
        ["holds other trajectories than its name says"] * 2,
    ),
    "more rows than a chunk has": (
        more_than_a_chunk,
        ["more rows than a chunk's 256"],
    ),
    "a stroke of another trajectory": (
        rewritten(with_values("trajectory", {5: 257}), "strokes"),
        ["with more than 6 rows: trajectory 257", "with fewer than 6 rows: trajectory 256"],
    ),
    "a stroke with another name": (
        rewritten(with_values("stroke", {7: "squeeze"}), "strokes"),
        ["another stroke in 1 rows, first row 7"],
    ),
    "a stroke of another cycle": (
        rewritten(with_values("cycle", {4: 1, 10: 1}), "strokes"),
        ["another cycle in 2 rows, first row 4"],
    ),
    "a time that was not sampled": (
        rewritten(with_values("time", {2: 0.41}), "paths"),
        ["another time in 1 rows, first row 2"],
    ),
    # rows
    "no number in a sound row": (
        rewritten(with_values("work", {9: float("nan")})),
        ["status 0 in 1 rows with a number that is not finite"],
    ),
    "more failures than stated": (
        rewritten(with_values("status", {0: 1, 3: 1})),
        ["2 failed trajectories, where its footer says '0'"],
    ),
    # the folder
    "no strokes of a chunk": (lambda run: file(run, "strokes").unlink(), ["no rows of chunk 1"]),
    "no paths of a chunk": (lambda run: file(run, "paths").unlink(), ["no rows of chunk 1"]),
    "paths of a chunk that has none": (paths_too_late, ["a table that its chunk does not have"]),
    "two files for the same rows": (two_truths, ["two different files for the same rows"]),
    "two files for the same rows, one foreign": (foreign, ["belongs to another run"]),
    "a stranger among the parts": (text("parts/notes.txt", "mine"), ["a file that is no part of the run"]),
    "a folder among the parts": (
        lambda run: (run / "strokes" / "old").mkdir(),
        ["a file that is no part of the run"],
    ),
    "a link among the parts": (linked, ["a link where a file should be"]),
    **{
        f"a link in the place of {name}": (links(name), [f"a link where a {kind} should be"])
        for kind, names in (
            ("folder", ("parts", "strokes", "paths", "_tmp", "_tmp-1-2-0123456789abcdef")),
            (
                "file",
                ("manifest.json", "target.json", "log.txt", ".lock", ".lock-1-2", ".lock-open", ".lock-work"),
            ),
        )
        for name in names
    },
    "a file in place of a table": (table_is_a_file, ["a file where a folder"]),
    "a file in place of a writer's folder": (text("_tmp", "mine"), ["a file where a folder"]),
    # what is said of it
    "no manifest": (gone("manifest.json"), ["parts without a manifest"]),
    "a manifest that was edited": (
        manifest(sign=False, chunk=lambda _: 512),
        ["the manifest does not match its checksum"],
    ),
    "a manifest of nothing": (text("manifest.json", "{"), ["manifest.json"]),
    "another seed": (
        manifest(spec=lambda spec: spec | {"seed": 8}),
        ["its spec and its digest disagree", *["belongs to another run"] * 14],
    ),
    "a spec that is none": (
        manifest(spec=lambda spec: spec | {"time_step": -1.0}),
        ["its spec is not valid here"],
    ),
    "other columns": (
        manifest(columns=lambda columns: columns[1:]),
        ["its columns are not those of its spec"],
    ),
    "columns that say nothing": (
        manifest(columns=lambda _: [{}, 3]),
        ["its columns are not those of its spec"],
    ),
    "no columns": (manifest(columns=lambda _: 3), ["its columns are not those of its spec"]),
    "no target": (gone("target.json"), ["the file is missing"]),
    "a target that is none": (text("target.json", '{"trajectories": 0}'), ["no number of trajectories"]),
    "a smaller target": (
        text("target.json", '{"trajectories": 1300}'),
        ["a part beyond the 1,300 trajectories of the run"],
    ),
    "a rule that is none": (
        text("target.json", '{"trajectories": 1500, "until": 3}'),
        ["no rule that stops a run"],
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_every_damage_is_found_in_its_own_words(run: Path, name: str) -> None:
    damage, words = DAMAGES[name]
    damage(run)
    found = check(run)
    assert not found.sound
    left = [str(fault) for fault in found.faults]
    for word in words:
        left.remove(next((fault for fault in left if word in fault), f"{word}: not in {left}"))
    assert left == []
    assert not any("\n" in str(fault) for fault in found.faults)
    assert str(found).count("\n  fault: ") == len(words)
    assert len(found.to_dict()["faults"]) == len(words)


def test_a_sound_run_has_no_faults(run: Path) -> None:
    """The control of all of them."""
    found = check(run)
    assert (found.sound, found.complete, found.faults, found.missing, found.leftover) == (
        True,
        True,
        (),
        (),
        (),
    )
    assert (found.trajectories, found.asked_for, found.failed) == (1500, 1500, 0)
    assert found.parts == {"parts": 6, "strokes": 6, "paths": 2}
    assert found.status == {0: 1500}
    assert found.first_law_residual is not None
    assert 0.0 < found.first_law_residual < 1e-12
    assert found.unfinished == ""
    assert check(run) == found


def test_rubbish_with_the_right_checksum_ends_in_words(run: Path, tally: Any) -> None:
    """Bytes of the head, the pages and the footer, several at a time; nothing but words comes out."""
    law = Law(open_run(run).spec, CHUNK)
    generator = np.random.default_rng(11)
    tried, told, faulty, plain = (
        300,
        0,
        0,
        look_at(run, "strokes", list_parts(run, "strokes")[1], law, Disk()),
    )
    for _ in range(tried):
        table = ("parts", "strokes", "paths")[int(generator.integers(3))]
        part = list_parts(run, table)[1]
        sound = (run / table / part.name).read_bytes()
        payload = bytearray(sound)
        for place in generator.integers(len(payload), size=3):
            payload[place] = int(generator.integers(256))
        path = put(run, table, part, bytes(payload))
        found = look_at(run, table, list_parts(run, table)[1], law, Disk())
        faulty += bool(found.faults)
        told += bool(found.faults) or found.content is not None
        path.unlink()
        (run / table / part.name).write_bytes(sound)
    assert look_at(run, "strokes", list_parts(run, "strokes")[1], law, Disk()) == plain
    assert faulty > tried / 2  # half of a file and more are pages, each with its checksum
    tally("rubbish under the right name: check goes on", told, tried)


def test_columns_may_be_explained_in_other_words(run: Path) -> None:
    manifest(columns=lambda columns: [column | {"meaning": "told better"} for column in columns])(run)
    assert check(run).sound


def test_a_stranger_is_untidy_and_no_damage(run: Path) -> None:
    (run / "notes.txt").write_text("mine")
    (run / "drafts").mkdir()
    found = check(run)
    assert (found.sound, found.complete, found.strangers) == (True, True, ("drafts", "notes.txt"))
    assert "  untidy: 'notes.txt' is no part of the run: move it before you go on or extend" in str(found)
    assert found.to_dict()["strangers"] == ["drafts", "notes.txt"]
    with pytest.raises(InvalidInput, match="the folder holds something else"):
        simulate(open_run(run).spec.replace({"trajectories": 1600}), run)


def test_only_sound_parts_are_counted(run: Path) -> None:
    renamed_beyond(run)
    found = check(run)
    assert (found.trajectories, found.status) == (1244, {0: 1244})
    assert found.unfinished == "256 of 1,500 trajectories are missing, in chunk 0"
    bit_flipped("parts", 0.4)(run)
    found = check(run)
    assert found.unfinished == "512 of 1,500 trajectories are missing, in chunks 0-1"
    assert not any("strokes/part-00000001" in name for name in found.leftover)


def test_reading_blames_a_renamed_part_and_not_the_target(run: Path) -> None:
    renamed_beyond(run)
    with pytest.raises(Damaged, match=r"holds other trajectories than its name says .*part-00000009"):
        open_run(run)


def test_reading_sends_to_check_where_two_files_claim_the_same_rows(run: Path) -> None:
    foreign(run)
    with pytest.raises(Damaged, match=rf"same rows .*`fluctua check {re.escape(str(run))}` tells whether"):
        open_run(run)
    (fault,) = check(run).faults
    (run / "parts" / Path(fault.where).name).unlink()
    assert check(run).complete


@pytest.mark.parametrize("table", ["parts", "strokes", "paths"])
def test_reading_refuses_links_to_tables(run: Path, table: str) -> None:
    links(table)(run)
    with pytest.raises(Damaged, match=rf"a link where a folder should be .*{table}\): put the folder there"):
        open_run(run)


def test_all_faults_are_found_at_once(run: Path, tally: Any) -> None:
    mine = [
        "a bit of a footer",
        "a stroke with another name",
        "a stranger among the parts",
        "a smaller target",
        "other columns",
    ]
    for name in mine:
        DAMAGES[name][0](run)
    found = "\n".join(str(fault) for fault in check(run).faults)
    tally("damages of one run, all found by one check", sum(DAMAGES[name][1][0] in found for name in mine), 5)
    assert found.count("\n") == 4


def test_a_run_without_its_other_tables_is_sound(spec: EnsembleSpec, tmp_path: Path) -> None:
    plain = spec.replace({"strokes": False, "paths": 0, "trajectories": 300})
    simulate(plain, tmp_path / "a")
    assert check(tmp_path / "a").complete
    (tmp_path / "a" / "strokes").mkdir()
    part = list_parts(tmp_path / "a")[0]
    shutil.copy(tmp_path / "a" / "parts" / part.name, tmp_path / "a" / "strokes")
    (fault,) = check(tmp_path / "a").faults
    assert fault.what == "a file of a table that its chunk does not have"


def test_failed_trajectories_are_counted_and_no_damage(run: Path) -> None:
    def fail(rows: pa.Table) -> pa.Table:
        for column in rows.column_names[2:]:
            rows = with_values(column, {3: float("nan"), 8: float("nan")})(rows)
        rows = with_values("status", {3: 1, 8: 3})(rows)
        return rows.replace_schema_metadata(rows.schema.metadata | {b"failed": b"2"})

    rewritten(fail)(run)
    found = check(run)
    assert found.sound
    assert (found.failed, found.status) == (2, {0: 1498, 1: 1, 3: 1})
    assert "2 failed (1 with status 1, 1 with status 3)" in str(found)


def test_keys_are_told_apart_also_where_a_footer_lies() -> None:
    """Footers say that a file has the rows of its chunk; what stands in the rows may be something else."""
    keys = Keys(range(8, 12), {"stroke": ["a", "b"]})

    def told(*rows: tuple[int, str]) -> list[str]:
        batch = pa.record_batch(
            [[row[0] for row in rows], [row[1] for row in rows]], ["trajectory", "stroke"]
        )
        faults = list(keys.faults(pa.table(batch)))
        assert keys.hold(batch, 0) == (not faults)
        return faults

    right = [(number, stroke) for number in range(8, 12) for stroke in "ab"]
    assert told(*right) == []
    assert keys.hold(pa.record_batch([[9, 10], ["b", "a"]], ["trajectory", "stroke"]), 3)
    assert told((7, "a"), *right[1:7], (12, "b")) == [
        "of another chunk: 2 trajectories, first 7",
        "with fewer than 2 rows: 2 trajectories, first 8",
    ]
    assert told(right[0], right[0], right[0], *right[3:]) == [
        "with more than 2 rows: trajectory 8",
        "with fewer than 2 rows: trajectory 9",
    ]
    assert told(*right[2:4], *right[:2], *right[4:]) == ["the rows are not in the order of trajectories"]
    assert told(*right[:5], (10, "c"), *right[6:]) == ["another stroke in 1 rows, first row 5"]


# ---- sound, but not all there


def test_missing_chunks_are_ranges(run: Path) -> None:
    for chunk in (1, 3, 4):
        for table in ("parts", "strokes", "paths"):
            for path in (run / table).glob(f"part-{chunk:08d}-*"):
                path.unlink()
    found = check(run)
    assert found.sound
    assert not found.complete
    assert found.missing == ((1, 1), (3, 4))
    assert found.unfinished == "768 of 1,500 trajectories are missing, in chunks 1, 3-4"
    text("target.json", '{"trajectories": 4611686018427387904}')(run)  # and no list of all of them is made
    assert check(run).missing == ((1, 1), (3, 2**54 - 1))


def test_a_killed_writer_s_files_are_no_damage(run: Path, spec: EnsembleSpec, tmp_path: Path) -> None:
    shorter = tmp_path / "shorter"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LARGEST", CHUNK)
        simulate(spec.replace({"trajectories": 700}), shorter)
    superseded = file(shorter, chunk=2)
    shutil.copy(superseded, run / "parts")
    file(run, chunk=4).unlink()
    (run / "_tmp").mkdir()
    (run / "_tmp" / "half").write_text("written")
    found = check(run)
    assert found.sound
    assert found.leftover == (
        f"parts/{superseded.name}",
        f"strokes/{file(run, 'strokes', 4).name}",
        "_tmp/half",
    )
    assert found.unfinished == "256 of 1,500 trajectories are missing, in chunk 4"
    values = check(shorter).values
    assert values != found.values


def test_leftovers_that_others_would_read_are_unfinished_business(run: Path) -> None:
    (run / "_tmp-1-2").mkdir()
    (run / "_tmp-1-2" / "half").write_text("written")
    assert check(run).complete
    part = list_parts(run)[2]
    short = memoryview(encode(pq.read_table(run / "parts" / part.name).slice(0, 100)))
    (run / "parts" / part_of(2, 100, short).name).write_bytes(short)
    found = check(run)
    assert found.sound
    assert not found.complete
    assert found.unfinished == "a killed writer left 1 file"


def test_what_a_killed_writer_left_goes_with_the_next_call(run: Path) -> None:
    """It was killed after its longer tail was published, and before the shorter one was dropped."""
    whole = check(run)
    part = list_parts(run)[2]
    short = memoryview(encode(pq.read_table(run / "parts" / part.name).slice(0, 100)))
    (run / "parts" / part_of(2, 100, short).name).write_bytes(short)
    assert check(run).unfinished
    simulate(open_run(run).spec, run)
    assert check(run) == whole


# ---- while others write


def test_parts_that_are_superseded_meanwhile_are_no_fault(
    run: Path, spec: EnsembleSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is extended at the moment when its tail is to be looked at."""
    larger = spec.replace({"trajectories": 1700})
    looked: list[str] = []

    def look_at(folder: Path, table: str, part: Part, *rest: Any) -> Any:
        if part.chunk == 5 and not looked:
            looked.append(part.name)
            simulate(larger, run)
        return plain(folder, table, part, *rest)

    plain = checking.look_at
    monkeypatch.setattr(checking, "look_at", look_at)
    found = check(run)
    assert looked
    assert found.sound
    assert (found.trajectories, found.asked_for, found.complete) == (1700, 1700, True)
    assert found == check(run)


def test_a_listing_is_of_one_moment(run: Path, spec: EnsembleSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is extended between the listing of `parts/` and that of `strokes/`."""
    extended: list[int] = []

    def list_table(folder: Path, table: str, there: Any) -> None:
        if table == "strokes" and not extended:
            extended.append(1)
            simulate(spec.replace({"trajectories": 1700}), run)
        plain(folder, table, there)

    plain = listing._list_table
    monkeypatch.setattr(listing, "_list_table", list_table)
    assert check(run).complete
    assert extended


# ---- digests


def test_the_digest_of_the_files_is_that_of_their_list(run: Path) -> None:
    command = "LC_ALL=C ls -d */*.parquet | sha256sum"
    done = subprocess.run(command, shell=True, cwd=run, capture_output=True, text=True, check=True)
    assert check(run).files == done.stdout.split()[0]


def test_digests_are_those_of_a_run_in_another_order(run: Path, spec: EnsembleSpec, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LARGEST", CHUNK)
        simulate(spec.replace({"trajectories": 300}), tmp_path / "b")
        simulate(spec, tmp_path / "b", threads=1)
    one, other = check(run), check(tmp_path / "b")
    assert (one.files, one.values) == (other.files, other.values)


def test_one_value_changes_both_digests(run: Path) -> None:
    before = check(run)
    rewritten(with_values("heat", {0: 0.25}))(run)
    after = check(run)
    assert before.files != after.files
    assert before.values != after.values


# ---- places


def test_each_run_of_a_folder_is_looked_at(run: Path, tmp_path: Path) -> None:
    for name in ("direction=forward", "direction=reverse"):
        shutil.copytree(run, tmp_path / "pair" / name)
    gone("manifest.json")(tmp_path / "pair" / "direction=reverse")
    found = check_each(tmp_path / "pair")
    assert [one.path.name for one in found] == ["direction=forward", "direction=reverse"]
    assert [one.sound for one in found] == [True, False]
    assert check_each(run) == [check(run)]


def test_where_there_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    said = {tmp_path: "no run there", tmp_path / "nowhere": "no such folder", tmp_path / "a": "a file, not a"}
    for place, words in said.items():
        for look in (check, check_each, open_run):
            with pytest.raises(InvalidInput, match=rf"^{words}"):
                look(place)


def test_a_folder_of_runs_is_for_check_each(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "pair" / "direction=forward")
    with pytest.raises(InvalidInput, match=r"a folder of runs, itself none .*: give it to check_each"):
        check(tmp_path / "pair")


def test_a_direction_asks_for_its_partner(run: Path, tmp_path: Path) -> None:
    there = ["a=1/direction=forward", "a=1/direction=reverse", "a=2/direction=reverse", "a=3"]
    for name in there:
        shutil.copytree(run, tmp_path / "sweep" / name)
    found = check_each(tmp_path / "sweep")
    assert len(found) == 4
    lacking = tmp_path / "sweep" / "a=2" / "direction=forward"
    assert missing_runs(tmp_path / "sweep", found) == {lacking: "half of a pair"}
    alone = tmp_path / "sweep" / "a=2" / "direction=reverse"
    assert missing_runs(alone, check_each(alone)) == {}


def test_runs_of_a_sweep_that_were_never_begun_are_missing(spec: EnsembleSpec, tmp_path: Path) -> None:
    points = spec.vary({"dynamics.friction": [1.0, 2.0]})
    sweep([point.replace({"trajectories": 300}) for point in points], tmp_path / "q", threads=1)
    assert missing_runs(tmp_path / "q", check_each(tmp_path / "q")) == {}
    shutil.rmtree(tmp_path / "q" / "friction=2.0")
    lacking = {tmp_path / "q" / "friction=2.0": "never begun"}
    assert missing_runs(tmp_path / "q", check_each(tmp_path / "q")) == lacking


def test_a_later_format_is_one_line(run: Path) -> None:
    manifest(format=lambda _: 99)(run)
    with pytest.raises(InvalidInput, match=r"written in format 99 .*: this version reads format 1"):
        check(run)


def test_a_disk_that_refuses_one_file_is_told_of_that_file(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = file(run, "strokes", 3)

    def sha256(self: Disk, path: Path) -> str:
        if path == broken:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return plain(self, path)

    plain = Disk.sha256
    monkeypatch.setattr(Disk, "sha256", sha256)
    found = check(run)
    assert [fault.where for fault in found.faults] == [str(broken)]
    assert "Input/output error" in str(found.faults[0])


def test_a_folder_that_cannot_be_listed_is_the_disk_s(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(place: Any) -> Iterator[Any]:
        raise PermissionError(errno.EACCES, "Permission denied", str(place))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        check(run)


def test_an_interrupted_check_stops(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_at(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(checking, "look_at", look_at)
    with pytest.raises(KeyboardInterrupt):
        check(run)


def test_progress_counts_trajectories(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(run, progress=True)
    assert re.search(r"0\.00/1\.50k .* trajectories", capsys.readouterr().err)
    check(run)
    assert capsys.readouterr().err == ""
