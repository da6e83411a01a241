"""The page on run directories: every test that it names is there, and so is every error."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "run-directory.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


@cache
def functions(file: str) -> set[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_the_page_names_is_there(file: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in functions(file)


def test_every_promise_names_a_test() -> None:
    promises = re.split(r"^- |^\*\*.*$", section("Promises"), flags=re.MULTILINE)
    promises = [promise for promise in promises if promise.strip()]
    assert len(promises) > 25
    for promise in promises:
        assert re.search(r"\n  `tests/[\w/]+\.py::test_\w+`\s*$", promise), promise
    assert len(NAMED) == len(re.findall(r"`tests/", PAGE))


def test_every_error_of_the_table_is_said_somewhere() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (\d+) \|", section("What to do after an error line"), re.MULTILINE)
    assert len(rows) > 12
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "ensembles").glob("*.py"))
    for words, code in rows:
        assert code in ("2", "65", "74", "75")
        assert words in said or words == "No space left on device", words


def test_the_digest_of_the_files_is_told_as_a_command() -> None:
    assert "cd runs/a && LC_ALL=C ls -d */*.parquet | sha256sum" in section("Digests")


def test_a_test_that_is_not_there_would_be_seen() -> None:
    """The control."""
    assert "test_of_nothing" not in functions("tests/test_promises.py")
    assert functions("tests/faults/test_of_nothing.py") == set()
