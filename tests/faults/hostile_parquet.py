"""Hostile Parquet: parts of a run and files of one's own, altered, overgrown, or made to deceive.

Parts carry the checksum of their bytes in their name. Whoever means harm computes it anew, and so does
everything here: what is refused is refused for what it says, not for its checksum.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fluctua.ensembles.chunks import chunk_of
from fluctua.ensembles.columns import column_table, columns_of, path_columns_of, schema_of, stroke_columns_of
from fluctua.ensembles.manifest import MANIFEST, TARGET, describe, signed, target_table, text_of
from fluctua.ensembles.parts import Part, encode
from fluctua.ensembles.spec import EnsembleSpec

COUNT = 100  # trajectories of the run that is altered
SPEC = {
    "trajectories": COUNT,
    "time_step": 0.5,
    "seed": 1,
    "strokes": True,
    "paths": 10,
    "system": {"kind": "Potential", "energy": "q**2/2 - E*q", "coordinates": ["q"], "controls": ["E"]},
    "dynamics": {"kind": "Overdamped", "friction": 1.0},
    "protocol": {"beta": 1.0, "steps": [{"kind": "Isothermal", "duration": 3.0, "E": [1.0, 0.0]}]},
}
COLUMNS = {"parts": columns_of, "strokes": stroke_columns_of, "paths": path_columns_of}


class Run:
    """A run directory made by hand, its numbers drawn: no kernel is needed to read it."""

    def __init__(self, table: Mapping[str, Any] = SPEC) -> None:
        self.spec = EnsembleSpec.from_table(table)
        rows = {"parts": COUNT, "strokes": COUNT, "paths": 10 * (self.spec.time_steps + 1)}
        self.tables = {table: self.table(table, count) for table, count in rows.items()}
        self.bytes = {table: bytes(encode(content)) for table, content in self.tables.items()}
        self.manifest = describe(
            self.spec.table(),
            self.spec.digest,
            chunk=chunk_of(self.spec),
            tables=list(COLUMNS),
            columns=column_table(columns_of(self.spec)),
            canary="0" * 64,
            facts={},
            software={"fluctua": "0"},
        )

    def schema(self, table: str) -> pa.Schema:
        """Give the columns that a file of this table must have."""
        return schema_of(COLUMNS[table](self.spec), self.spec.digest)

    def table(self, table: str, rows: int) -> pa.Table:
        """Make a table of drawn numbers."""
        schema, chance = self.schema(table), np.random.default_rng(3)
        arrays = []
        for field in schema:
            if pa.types.is_string(field.type):
                arrays.append(pa.array([self.spec.schedule.names[0]] * rows))
            elif field.name == "status":
                arrays.append(pa.array(np.zeros(rows, np.uint8)))
            elif field.name == "trajectory" and table == "paths":
                arrays.append(pa.array(np.arange(rows) // (self.spec.time_steps + 1)))
            elif pa.types.is_integer(field.type):
                arrays.append(pa.array(np.arange(rows), field.type))
            else:
                arrays.append(pa.array(chance.normal(size=rows)))
        return pa.Table.from_arrays(arrays, schema=schema)

    def write(self, folder: Path, changed: dict[str, Any] | None = None) -> Path:
        """Write the directory; a table in `changed` is other bytes, or (rows said, bytes)."""
        folder.mkdir()
        (folder / MANIFEST).write_bytes(text_of(signed(self.manifest)))
        (folder / TARGET).write_bytes(text_of(target_table(COUNT, None)))
        for table, sound in self.bytes.items():
            rows, payload = COUNT, (changed or {}).get(table, sound)
            if isinstance(payload, tuple):
                rows, payload = payload
            (folder / table).mkdir()
            (folder / table / named(payload, rows)).write_bytes(payload)
        return folder


def named(payload: bytes, rows: int = COUNT, chunk: int = 0) -> str:
    """Name a part by its bytes."""
    return Part(chunk, rows, hashlib.sha256(payload).hexdigest()[:32]).name


# ---- bytes


def altered(payload: bytes, chance: random.Random) -> bytes:
    """Flip, cut, insert or exchange some bytes; half of the time in the footer."""
    data = bytearray(payload)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(footer, len(data)) if chance.random() < 0.5 else chance.randrange(len(data))
        match chance.randrange(6):
            case 0 | 1 | 2:
                data[at] ^= 1 << chance.randrange(8)
            case 3:
                data[at : at + chance.randint(1, 40)] = chance.randbytes(chance.randint(0, 40))
            case 4:
                data[at : at + 8] = struct.pack("<q", chance.choice([-1, 2**62, 2**31, 0]))
            case 5:
                data[at : at + 5] = b"\xff\xff\xff\xff\x0f"  # a number of 32 bits as Thrift writes it
        footer = min(footer, len(data) - 1)
        if not data:
            break
    return bytes(data)


def footer_says(payload: bytes, length: int) -> bytes:
    """Let a file say another length of its footer."""
    return payload[:-8] + (length % 2**32).to_bytes(4, "little") + payload[-4:]


def padded(payload: bytes, size: int) -> bytes:
    """Put bytes between the columns and the footer, which no reader looks at."""
    at = len(payload) - 8 - int.from_bytes(payload[-8:-4], "little")
    return payload[:at] + bytes(size) + payload[at:]


def bomb(rows: int, schema: pa.Schema, group: int) -> bytes:
    """Make a small file of very many equal rows."""
    short = 2**20
    arrays = []
    for field in schema:
        plain = (
            pa.array(np.zeros(short))
            if pa.types.is_floating(field.type)
            else pa.array(np.zeros(short, np.int64))
        )
        piece = plain.cast(field.type)
        arrays.append(pa.chunked_array([piece] * (rows // short)))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays, schema=schema), sink, row_group_size=group, compression="zstd")
    return sink.getvalue().to_pybytes()


def plain_bytes(table: pa.Table, **options: Any) -> bytes:
    """Write a table with Arrow's own defaults."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


class Planted(pa.ExtensionType):
    """A type of one's own, whose description older versions of Arrow unpickled."""

    def __init__(self) -> None:
        super().__init__(pa.float64(), "arrow.py_extension_type")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"cposix\nsystem\n(S'touch planted'\ntR."

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, serialized: bytes) -> Planted:
        raise AssertionError(f"{storage} {serialized!r} was unpacked")


def with_extension(table: pa.Table, column: int) -> bytes:
    """Give one column a type of one's own, by the metadata that stand for it."""
    field = table.schema.field(column)
    said = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": Planted().__arrow_ext_serialize__(),
    }
    schema = table.schema.set(column, field.with_metadata({**(field.metadata or {}), **said}))
    return plain_bytes(pa.Table.from_arrays(table.columns, schema=schema))


# ---- shapes


def wrong_shapes(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Give tables that are nearly the one that was asked for."""
    work = table.schema.get_field_index("work")
    field, values = table.schema.field(work), table.column(work)
    kinds: dict[str, Callable[[], pa.Array]] = {
        "float32": lambda: values.cast(pa.float32()),
        "text": lambda: values.cast(pa.string()),
        "dictionary": lambda: values.combine_chunks().dictionary_encode(),
        "list": lambda: pa.array([[x.as_py()] for x in values]),
        "deep list": lambda: pa.array([[[[[x.as_py()]]]] for x in values]),
        "struct": lambda: pa.array([{"a": x.as_py()} for x in values]),
        "map": lambda: pa.array([[("a", x.as_py())] for x in values], pa.map_(pa.string(), pa.float64())),
        "decimal": lambda: pa.array([round(x.as_py(), 3) for x in values]).cast(
            pa.decimal128(38, 18), safe=False
        ),
        "null": lambda: pa.nulls(len(values)),
        "nulls": lambda: pa.nulls(len(values), pa.float64()),
        "time": lambda: pa.array(range(len(values)), pa.timestamp("ns")),
        "binary": lambda: pa.array([b"\x80"] * len(values)),
        "boolean": lambda: pa.array([True] * len(values)),
        "large text": lambda: pa.array(["x" * 9000] * len(values), pa.large_string()),
    }
    for name, make in kinds.items():
        made = make()
        yield name, table.set_column(work, pa.field("work", made.type, True, field.metadata), made)
    yield "nullable", table.set_column(work, pa.field("work", field.type, True, field.metadata), values)
    yield "one less", table.drop_columns(["heat"])
    yield "one more", table.append_column("more", values)
    yield "twice", table.append_column("work", values)
    yield "another order", table.select(table.column_names[::-1])
    yield "no rows", table.slice(0, 0)
    yield "fewer rows", table.slice(1)
    for metadata in (
        {},
        {b"spec": b"other"},
        {b"spec": b"\xff"},
        {b"pandas": b"{"},
        {b"failed": b"9" * 5000},
        {b"x" * 9_000: b"y" * 2**20},
    ):
        yield (
            f"metadata {next(iter(metadata), b'').decode()}",
            table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata} if metadata else {}),
        )


#: What is no harm: a footer may say more than ours does, and a short file has some room for it.
HARMLESS = ("metadata pandas", "metadata failed", "padded by 100000", "extension")


def part_bytes(run: Run) -> Iterator[tuple[str, Any]]:
    """Give what can stand in the place of `parts/`: a word for it, and bytes, or (rows said, bytes)."""
    sound, table, schema = run.bytes["parts"], run.tables["parts"], run.schema("parts")
    for name, shape in wrong_shapes(table):
        yield name, plain_bytes(shape)
    for length in (0, 1, 2**31, 2**32 - 1, len(sound) - 12, len(sound) - 8, len(sound)):
        yield f"footer of {length}", footer_says(sound, length)
    for size in (10**5, 10**6, 10**7):
        yield f"padded by {size}", padded(sound, size)
    for cut in (0, 1, 4, 8, 11, 12, 100, len(sound) // 2, len(sound) - 1):
        yield f"cut at {cut}", sound[:cut]
    yield "extension", with_extension(table, table.schema.get_field_index("work"))
    for rows in (0, 1, COUNT - 1, COUNT + 1, 65_536, 999_999_999):
        yield f"name says {rows}", (rows, sound)
    large = bomb(2**21, schema, 2**21)
    yield "bomb", large
    yield "bomb of its name", (2**21, large)


#: What a writer makes, and where a link would let it write, or remove, elsewhere.
LINKED = ("parts", "strokes", "paths", "_tmp", "_tmp-0123456789abcdef", ".lock", ".lock-1-2", ".lock-open")


def folders(run: Run, folder: Path) -> Iterator[tuple[str, Path]]:
    """Give run directories in which something else than the bytes of a part is wrong."""

    def fresh(name: str) -> Path:
        return run.write(folder / name)

    sound = run.bytes["parts"]
    part = named(sound)
    strange = [
        "part-00000000-000000100.parquet",
        "x",
        "\x1b[2J",
        "a\nb",
        "..parquet",
        part.replace("part", "Part"),
        f"{part} ",
    ]
    strange += [
        named(sound, chunk=1),
        named(sound, chunk=99_999_999),
        part[:-8] + ".parquet~",
        "part-" + "9" * 200,
    ]
    for number, name in enumerate(strange):
        place = fresh(f"strange{number}")
        (place / "parts" / name).write_bytes(sound)
        yield f"strange {name!a}", place
    for table in COLUMNS:
        place = fresh(f"link-{table}")
        (file,) = (place / table).iterdir()
        shutil.move(file, folder / f"elsewhere-{table}")
        file.symlink_to(folder / f"elsewhere-{table}")
        yield f"a link in {table}", place
    for name in LINKED:
        place = fresh(f"link{name}")
        elsewhere = folder / f"elsewhere{name}"
        if (place / name).exists():
            shutil.move(place / name, elsewhere)
        elif name.startswith(".lock"):
            elsewhere.write_text("mine")
        else:
            elsewhere.mkdir()
            (elsewhere / "letter").write_text("mine")
        (place / name).symlink_to(elsewhere)
        yield f"{name} leads elsewhere", place
    for kind, make in (("folder", os.mkdir), ("pipe", os.mkfifo)):
        place = fresh(kind)
        (place / "parts" / part).unlink()
        make(place / "parts" / part)
        yield f"a {kind}", place
    for name in (MANIFEST, TARGET):
        for target in ("/dev/zero", "/etc/passwd", "nothing", name):
            place = fresh(f"{name}-{target.strip('/').replace('/', '-')}")
            (place / name).unlink()
            (place / name).symlink_to(target)
            yield f"{name} is {target}", place
        place = fresh(f"{name}-pipe")
        (place / name).unlink()
        os.mkfifo(place / name)
        yield f"{name} is a pipe", place
    for number, change in enumerate(_manifests(run)):
        place = fresh(f"manifest{number}")
        (place / MANIFEST).write_bytes(change)
        yield f"manifest {change[:60]!r}", place
    for number, text in enumerate(_targets()):
        place = fresh(f"target{number}")
        (place / TARGET).write_bytes(text)
        yield f"target {text[:60]!r}", place


def _manifests(run: Run) -> Iterator[bytes]:
    for key in run.manifest:
        yield text_of(signed({name: value for name, value in run.manifest.items() if name != key}))
        for value in (None, [], {}, "../../x", 2**63, True, 1.5, [[]], {"a": {"b": []}}, "\x1b[2J"[1:]):
            yield text_of(signed({**run.manifest, key: value}))
    yield text_of(run.manifest)
    yield text_of(signed({**run.manifest, "spec": {**run.manifest["spec"], "time_step": 3e-15}}))
    yield b'{"a":' * 100_000
    yield b"[" * 10**6
    yield b'{"format": 1, "format": 1}'
    yield b'{"spec": "\\u001b[2J"}'
    yield b'{"' + b"x" * 10**6 + b'": 1}'
    yield b" " * (17 * 10**6)
    yield b"\xff" * 100
    yield b""


def _targets() -> Iterator[bytes]:
    for text in (
        "1e999",
        "NaN",
        "-1",
        "0",
        "true",
        "1.5",
        '"1"',
        "null",
        "9" * 4301,
        str(2**62),
        str(2**63),
        "[]",
        "{}",
        "1000000",
    ):
        yield f'{{"trajectories": {text}}}'.encode()
    for text in (
        '{"trajectories": 100, "until": 3}',
        '{"trajectories": 100, "trajectories": 100}',
        "[]",
        "",
        "{",
        "\x00",
        "[" * 10**5,
    ):
        yield text.encode()


# ---- files of one's own


def own_files(chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Give files that somebody sends: of `count` altered ones, and some that deceive."""
    values = np.random.default_rng(5).normal(0.5, 1.0, 500)
    table = pa.table({"work": values, "replica": np.arange(500) // 50, "name": ["a"] * 500})
    sound = plain_bytes(table, write_page_checksum=True)
    yield "sound", sound
    for number in range(count):
        yield f"altered {number}", altered(sound, chance)
    for name, shape in wrong_shapes(table.rename_columns(["work", "heat", "name"])):
        yield name, plain_bytes(shape)
    yield "extension", with_extension(table, 0)
    for length in (0, 2**31, 2**32 - 1, len(sound), len(sound) - 12):
        yield f"footer of {length}", footer_says(sound, length)
    yield "padded", padded(sound, 10**7)
    yield "encrypted", b"PARE" + sound[4:-4] + b"PARE"
    yield "no end", b"PAR1" * 3
    for name in (
        "\x1b]0;work\x07",
        "<script>alert(1)</script>",
        "work\nwork",
        "",
        " ",
        "\u202ework",
        "x" * 100_000,
        "work\x00",
    ):
        yield f"called {name[:30]!a}", plain_bytes(pa.table({name: values}))
        yield f"group {name[:30]!a}", plain_bytes(pa.table({"work": values, "replica": [name] * 500}))
    yield "many columns", plain_bytes(pa.table({f"c{k}": values[:2] for k in range(5000)}))
    yield "key of 80 MB", plain_bytes(table.replace_schema_metadata({b"x": b"y" * (80 * 2**20)}))
    yield "not finite", plain_bytes(pa.table({"work": np.full(500, np.nan)}))
    yield "huge", plain_bytes(pa.table({"work": np.sign(values) * 1e308}))
    yield "bomb", bomb(2**23, pa.schema([("work", pa.float64())]), 2**23)
