"""Damage to a run directory: every one is noticed by whoever reads, goes on, or checks."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from fluctua.ensembles.checking import check
from fluctua.ensembles.dataset import open_run
from fluctua.ensembles.disk import DISK, Disk
from fluctua.ensembles.manifest import read_manifest
from fluctua.ensembles.parts import Part, parse_name
from fluctua.ensembles.reading import UNREADABLE, check_bytes
from fluctua.ensembles.rows import Layout
from fluctua.ensembles.runner import existing
from fluctua.ensembles.store import Writer
from fluctua.stochastic.errors import Busy, Damaged, InvalidInput

import soak
from faults.test_kills import files_of
from faults.zygote import CHUNK, Zygote

TRAJECTORIES = 2 * CHUNK + 44
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def sound(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of a run of three chunks, with strokes and with paths of two of them."""
    folder = tmp_path_factory.mktemp("sound") / "run"
    options = ("--trajectories", str(TRAJECTORIES), "--set", f"paths={CHUNK + 20}")
    assert zygote.run(folder, *options).code() == 0
    return files_of(folder)


# ---- who notices


def write(folder: Path, files: Files) -> None:
    """Make a run directory of these files, as another session finds it."""
    for path in list(folder.glob("*")) + list(folder.glob("*/*")):
        if path.is_file():
            path.unlink()
    for name, payload in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(payload)
    DISK._hashed.clear()


def read(folder: Path) -> None:
    """Read all that there is."""
    run = open_run(folder)
    for table in (run, run.strokes, run.paths):
        table.to_arrow()


def go_on(folder: Path) -> None:
    """Do what a run does that asks for more trajectories, up to where it begins to compute."""
    manifest, spec = read_manifest(folder), open_run(folder).spec
    more = spec.replace({"trajectories": max(spec.trajectories, TRAJECTORIES + 50)})
    existing(more, folder)
    with Writer(folder, manifest, more.trajectories) as writer:
        writer.verify(Layout(spec, manifest["chunk"]))


def look(folder: Path) -> None:
    """Look through it."""
    found = check(folder)
    if not found.sound:
        raise Damaged(str(found.faults[0]), "", "")


LOOKS: dict[str, Callable[[Path], None]] = {"reading": read, "going on": go_on, "check": look}


def noticed(folder: Path, look: Callable[[Path], None]) -> bool:
    try:
        look(folder)
    except (Busy, Damaged, InvalidInput) as error:  # busy: a part of fewer rows leaves a run unfinished
        return "\n" not in str(error)
    return False


# ---- what is damaged


def pick(files: Files, random: Random) -> str:
    return random.choice([name for name in files if name.endswith(".parquet")])


def flip(payload: bytes, place: int, random: Random) -> bytes:
    changed = bytearray(payload)
    changed[place] ^= 1 << random.randrange(8)
    return bytes(changed)


def bit_anywhere(files: Files, random: Random) -> None:
    name = pick(files, random)
    files[name] = flip(files[name], random.randrange(len(files[name])), random)


def bit_in_a_page(files: Files, random: Random) -> None:
    name = pick(files, random)
    first, last = random.choice(pages(files[name]))
    files[name] = flip(files[name], random.randrange(first + 40, max(last, first + 41)), random)


def bit_in_a_page_header(files: Files, random: Random) -> None:
    name = pick(files, random)
    first, _ = random.choice(pages(files[name]))
    files[name] = flip(files[name], first + random.randrange(20), random)


def bit_in_the_footer(files: Files, random: Random) -> None:
    name = pick(files, random)
    end = len(files[name])
    length = int.from_bytes(files[name][-8:-4], "little") + 8
    files[name] = flip(files[name], end - 1 - random.randrange(length), random)


def pages(payload: bytes) -> list[tuple[int, int]]:
    """Give where the columns of a Parquet file begin and end."""
    group = pq.ParquetFile(io.BytesIO(payload)).metadata.row_group(0)
    columns = [group.column(k) for k in range(group.num_columns)]
    first = [column.dictionary_page_offset or column.data_page_offset for column in columns]
    return [(at, at + column.total_compressed_size) for at, column in zip(first, columns, strict=True)]


def truncated(files: Files, random: Random) -> None:
    name = pick(files, random)
    files[name] = files[name][: random.randrange(len(files[name]))]


def appended(files: Files, random: Random) -> None:
    files[pick(files, random)] += random.randbytes(random.randrange(1, 50))


def zeroed(files: Files, random: Random) -> None:
    """Zero what a block of 4 KiB holds of a file."""
    name = pick(files, random)
    at = random.randrange(0, len(files[name]), 4096)
    files[name] = files[name][:at] + bytes(len(files[name][at : at + 4096])) + files[name][at + 4096 :]


def parts_of(files: Files, table: str) -> list[Part]:
    found = [parse_name(name.split("/")[1]) for name in files if name.startswith(f"{table}/")]
    return sorted(part for part in found if part is not None)


def contents_exchanged(files: Files, random: Random) -> None:
    table = random.choice(("parts", "strokes", "paths"))
    one, two = (f"{table}/{part.name}" for part in random.sample(parts_of(files, table), 2))
    files[one], files[two] = files[two], files[one]


def chunks_exchanged(files: Files, random: Random) -> None:
    """Rename two parts with as many rows: each is sound, each is in the other's place."""
    table = random.choice(("parts", "strokes", "paths"))
    one, two = parts_of(files, table)[:2]
    payloads = [files.pop(f"{table}/{part.name}") for part in (one, two)]
    for chunk, part, payload in zip((two.chunk, one.chunk), (one, two), payloads, strict=True):
        files[f"{table}/{Part(chunk, part.rows, part.digest).name}"] = payload


def renamed_rows(files: Files, random: Random) -> None:
    table = random.choice(("parts", "strokes", "paths"))
    part = random.choice(parts_of(files, table))
    rows = random.choice([part.rows - 1, part.rows + 1, part.rows // 2, part.rows * 2])
    payload = files.pop(f"{table}/{part.name}")
    files[f"{table}/{Part(part.chunk, rows, part.digest).name}"] = payload


def renamed_chunk(files: Files, random: Random) -> None:
    table = random.choice(("parts", "strokes", "paths"))
    part = random.choice(parts_of(files, table))
    chunk = random.choice([part.chunk + 3, part.chunk + 1, 99])
    payload = files.pop(f"{table}/{part.name}")
    files[f"{table}/{Part(chunk, part.rows, part.digest).name}"] = payload


def copied(files: Files, random: Random) -> None:
    """Let a chunk be there twice, once under another number."""
    part = random.choice(parts_of(files, "parts")[:2])
    payload = files[f"parts/{part.name}"]
    files[f"parts/{Part(part.chunk + 2, part.rows, part.digest).name}"] = payload


def of_another_table(files: Files, random: Random) -> None:
    one, two = random.sample(("parts", "strokes", "paths"), 2)
    part = parts_of(files, one)[0]
    other = parts_of(files, two)[0]
    payload = files[f"{two}/{other.name}"]
    del files[f"{one}/{part.name}"]
    files[f"{one}/{other.name}"] = payload


def strokes_lost(files: Files, random: Random) -> None:
    table = random.choice(("strokes", "paths"))
    del files[f"{table}/{random.choice(parts_of(files, table)).name}"]


def bit_in_the_manifest(files: Files, random: Random) -> None:
    payload = files["manifest.json"]
    files["manifest.json"] = flip(payload, random.randrange(len(payload)), random)


def manifest_truncated(files: Files, random: Random) -> None:
    files["manifest.json"] = files["manifest.json"][: random.randrange(len(files["manifest.json"]) - 1)]


DAMAGES: tuple[tuple[Callable[[Files, Random], None], int], ...] = (
    (bit_anywhere, 12),
    (bit_in_a_page, 6),
    (bit_in_a_page_header, 6),
    (bit_in_the_footer, 8),
    (truncated, 5),
    (appended, 4),
    (zeroed, 5),
    (contents_exchanged, 2),
    (chunks_exchanged, 2),
    (renamed_rows, 3),
    (renamed_chunk, 3),
    (copied, 1),
    (of_another_table, 2),
    (strokes_lost, 2),
    (bit_in_the_manifest, 6),
    (manifest_truncated, 1),
)


def is_harmless(files: Files, sound: Files) -> bool:
    """Tell whether the manifest only writes its numbers in another way: 1E-2 for 1e-2."""
    try:
        return files["manifest.json"] != sound["manifest.json"] and json.loads(
            files["manifest.json"]
        ) == json.loads(sound["manifest.json"])
    except ValueError:
        return False


# ---- tests


def test_what_is_sound_is_read_and_goes_on(sound: Files, tmp_path: Path) -> None:
    for name, look in LOOKS.items():
        write(tmp_path / "run", sound)
        assert not noticed(tmp_path / "run", look), name


@pytest.mark.usefixtures("quick_writes")
@pytest.mark.parametrize(
    "times", [2, pytest.param(soak.times(9, 740), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_every_damage_is_noticed(
    sound: Files, tmp_path: Path, times: int, tally: Callable[..., None]
) -> None:
    random = Random(times)
    passed: Counter[str] = Counter()
    tried = harmless = 0
    for damage, weight in DAMAGES:
        for _ in range(times * weight):
            files = dict(sound)
            damage(files, random)
            if files == sound:
                continue
            if is_harmless(files, sound):
                harmless += 1
                continue
            tried += 1
            for name, look in LOOKS.items():
                write(tmp_path / "run", files)
                told = noticed(tmp_path / "run", look)
                passed[name] += told
                if not told:
                    changed = [name for name in files if sound.get(name) != files[name]]
                    print(f"{damage.__name__}, not noticed by {name}: {changed or 'a file less'}")
    for name in LOOKS:
        tally(f"damage to a run directory, noticed by {name}", passed[name], tried)
    assert harmless < tried / 20


def test_without_checksums_most_damage_is_silent(sound: Files) -> None:
    """The control: the same bits, read by whoever does not compare checksums."""
    random = Random(5)
    silent = 0
    for _ in range(100):
        name = pick(sound, random)
        files = {name: sound[name]}
        bit_in_a_page(files, random)
        silent += is_silent(files[name], sound[name])
    print(f"silent: {silent} of 100")
    assert silent > 50


def one_part(folder: Path) -> Path:
    return next((folder / "parts").glob("part-00000001-*"))


def flipped_in_place(path: Path) -> None:
    payload = bytearray(path.read_bytes())
    payload[len(payload) // 2] ^= 1
    path.write_bytes(payload)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    flipped_in_place(other)
    other.rename(path)


@pytest.mark.parametrize(("damage", "later"), [(flipped_in_place, 1), (cut, 0), (replaced, 0)])
def test_damage_after_it_was_read_is_noticed_in_the_same_session(
    sound: Files, tmp_path: Path, damage: Callable[[Path], None], later: int
) -> None:
    """By the time of its last change, by its size, or because it is another file."""
    write(tmp_path / "run", sound)
    read(tmp_path / "run")
    path = one_part(tmp_path / "run")
    time = path.stat().st_mtime_ns
    damage(path)
    os.utime(path, ns=(time, time + later))
    with pytest.raises(Damaged, match="does not match its checksum"):
        read(tmp_path / "run")


def test_damage_that_leaves_size_and_time_is_for_check_and_for_the_next_session(
    sound: Files, tmp_path: Path
) -> None:
    write(tmp_path / "run", sound)
    path = one_part(tmp_path / "run")
    assert DISK.sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    time = path.stat().st_mtime_ns
    flipped_in_place(path)
    os.utime(path, ns=(time, time))
    before = DISK.sha256(path)
    assert before != hashlib.sha256(path.read_bytes()).hexdigest()
    assert [fault.what for fault in check(tmp_path / "run").faults] == [
        "the file does not match its checksum"
    ]
    with pytest.raises(Damaged, match="does not match its checksum"):
        check_bytes(path, parsed(path), Disk())


def parsed(path: Path) -> Part:
    part = parse_name(path.name)
    assert part is not None
    return part


def is_silent(damaged: bytes, sound: bytes) -> bool:
    """Tell whether plain reading gives other rows, and no error."""
    try:
        found = pq.read_table(io.BytesIO(damaged))
    except UNREADABLE:
        return False
    return not found.equals(pq.read_table(io.BytesIO(sound)))


@pytest.mark.usefixtures("quick_writes")
def test_a_bit_of_the_target_is_noticed_or_asks_for_more(
    sound: Files, tmp_path: Path, tally: Callable[..., None]
) -> None:
    """It has no checksum. Fewer trajectories than are there are damage; of more the run is unfinished."""
    payload = sound["target.json"]
    said: Counter[str] = Counter()
    write(tmp_path / "run", sound)
    for bit in range(8 * len(payload)):
        changed = bytearray(payload)
        changed[bit // 8] ^= 1 << bit % 8
        (tmp_path / "run" / "target.json").write_bytes(changed)
        try:
            open_run(tmp_path / "run")["work"]
        except (Damaged, InvalidInput):
            said["damage"] += 1
        except Busy as error:
            said["more"] += f"unfinished: {TRAJECTORIES} of" in str(error)
    assert said["more"] > 3
    tally("a bit of target.json", said.total(), 8 * len(payload))
