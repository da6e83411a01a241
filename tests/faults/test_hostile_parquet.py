"""Parquet of somebody who means harm: parts of a run with their checksums made right, and files of one's own.

Read in a child process with little memory. The controls: sound ones are read, and Arrow by itself, given the
same small file of very many rows, takes the memory that ours does not.
"""

from __future__ import annotations

import random
import shutil

import pytest

import soak
from faults import hostile
from faults import hostile_parquet as parquet


@pytest.fixture(scope="module")
def run():
    return parquet.Run()


def verify(number, word, place):
    """One case of a file of one's own, as work or as entropy, with groups where the word says so."""
    more = ["--group", "replica"] if word.startswith("group") else []
    return {
        "arguments": ["verify", "--entropy" if number % 2 else "--forward", str(place), *more],
        "word": word,
    }


def part_cases(run, given, chance, count):
    """Run directories: the sound one, then those that must be refused, then those that may be read."""
    yield {"python": "rows", "arguments": [str(run.write(given / "sound"))], "word": "sound"}
    link = given / "link"
    link.symlink_to(given / "sound")
    yield {"python": "rows", "arguments": [str(link)], "word": "sound behind a link"}
    for number, (word, payload) in enumerate(parquet.part_bytes(run)):
        place = run.write(given / f"part{number}", {"parts": payload})
        yield {"python": "rows", "arguments": [str(place)], "word": f"part: {word}"}
        yield {"arguments": [("inspect", "verify")[number % 2], str(place)], "word": word}
        if word == "bomb":
            (file,) = (place / "parts").iterdir()
            yield {"planted": "read whole", "place": str(file), "word": "control"}
    for word, place in parquet.folders(run, given):
        yield {"python": "rows", "arguments": [str(place)], "word": word}
        if word.endswith("leads elsewhere"):
            for command in ("check", "resume", "extend"):
                more = ["--trajectories", "200"] if command == "extend" else []
                yield {"arguments": [command, str(place), *more], "word": word}
    for number in range(count):
        table = chance.choice(list(parquet.COLUMNS))
        place = run.write(given / f"altered{number}", {table: parquet.altered(run.bytes[table], chance)})
        yield {"python": "rows", "arguments": [str(place)], "word": f"altered {table}"}


def own_cases(given, chance, count):
    for number, (word, payload) in enumerate(parquet.own_files(chance, count)):
        (given / f"own{number}").write_bytes(payload)
        yield verify(number, word, given / f"own{number}")


def test_hostile_parquet(run, tmp_path, tally):
    tried = passed = 0
    for number in range(soak.times(1, 250)):
        place = tmp_path / str(number)
        (place / "given").mkdir(parents=True)
        found = judged(run, place, random.Random(4 + number), soak.times(50, 200))
        tried, passed = tried + len(found), passed + sum(not outcome.faults for outcome in found)
        shutil.rmtree(place)
    tally("hostile Parquet", passed, tried)


def judged(run, place, chance, count):
    """Give what became of all cases but the control, after a look at what must be refused."""
    cases = [*part_cases(run, place / "given", chance, count), *own_cases(place / "given", chance, count)]
    found = hostile.outcomes(cases, place, seconds=300, growth=2**27, accepted=(0, 1, 75))
    control = [outcome for outcome in found if outcome.case["word"] == "control"]
    assert ["much memory" in outcome.faults for outcome in control] == [True]
    tried = [outcome for outcome in found if outcome not in control]
    print(hostile.account(tried))
    for outcome in tried:
        word = outcome.case["word"]
        if word.endswith("leads elsewhere"):
            assert outcome.code in allowed(outcome.case), outcome
        if word.startswith("sound"):
            assert outcome.code in (0, 1), outcome
        if word.startswith("part: ") and word.removeprefix("part: ") not in parquet.HARMLESS:
            assert outcome.code in (65, 75), outcome  # 75: a name that says fewer rows than are asked for
        if word.startswith(("strange", "a link", "a folder", "a pipe")) or word.endswith("is a pipe"):
            assert outcome.code != 0, outcome
    assert_untouched(run, place / "given")
    return tried


def allowed(case):
    """Nothing leads through a link; whoever reads has nothing to do with those that writers make."""
    command = case["arguments"][0]
    if case["word"].startswith(tuple(parquet.COLUMNS)):
        return (65,)
    return {"check": (65,), "resume": (0, 2), "extend": (2,)}.get(command, (0,))


def assert_untouched(run, given):
    """What links lead to is there as it was."""
    for name in parquet.LINKED:
        elsewhere = given / f"elsewhere{name}"
        if name in parquet.COLUMNS:
            (file,) = elsewhere.iterdir()
            assert file.read_bytes() == run.bytes[name]
        elif name.startswith(".lock"):
            assert elsewhere.read_text() == "mine"
        else:
            assert [file.name for file in elsewhere.iterdir()] == ["letter"]


@pytest.mark.slow
def test_a_bomb_that_no_memory_holds_is_one_line(tmp_path):
    """Half a billion rows, 4 GB, in a file of 2 MB: more than the child may have."""
    import pyarrow as pa

    payload = parquet.bomb(2**29, pa.schema([("work", pa.float64())]), 2**29)
    (tmp_path / "bomb").write_bytes(payload)
    cases = [verify(0, "bomb", tmp_path / "bomb"), {"planted": "read whole", "place": str(tmp_path / "bomb")}]
    ours, arrow = hostile.outcomes(cases, tmp_path, growth=2**33)
    assert not ours.faults, ours
    assert any("MemoryError" in fault for fault in arrow.faults)
