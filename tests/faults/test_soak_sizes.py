"""`make soak` runs what it should: all files that say how much more a soak does, then random words."""

from __future__ import annotations

import ast
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALWAYS = "tests/stochastic/test_streams.py"


def dry(target: str, folder: Path = ROOT) -> list[list[str]]:
    """Give the commands that a target would run, as words."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("there is no make: what the soak runs was not looked at")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "FLUCTUA"))}
    done = subprocess.run(
        [make, "--no-print-directory", "-n", target, "PYTHON=python3"],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    return [shlex.split(line) for line in done.stdout.replace("\\\n", " ").splitlines()]


def asks(file: Path) -> bool:
    """Tell whether a file imports `soak`, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import) and any(name.name == "soak" for name in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "soak":
            return True
    return False


def test_the_soak_runs_all_files_that_ask_how_much() -> None:
    """A file beside the tests must not ask for them: the tests that use it would not be found."""
    asking = {str(file.relative_to(ROOT)) for file in (ROOT / "tests").rglob("*.py") if asks(file)}
    (command,) = dry("faults")
    assert command[:6] == ["FLUCTUA_SOAK=1", "python3", "-m", "pytest", "-m", "slow or not slow"]
    assert sorted(command[6:]) == sorted({ALWAYS} | asking)
    assert (ROOT / ALWAYS).is_file()
    assert len(asking) >= 10
    assert {"kills", "power", "corruption", "mounted", "workers"} <= {
        Path(file).stem.removeprefix("test_") for file in asking
    }


def test_the_soak_is_the_faults_and_then_the_words() -> None:
    assert dry("soak") == dry("faults") + dry("words")
    assert dry("words") == [["PYTHON=python3", "tests/testu01/run.sh", "SmallCrush", "1"]]
    assert os.access(ROOT / "tests/testu01/run.sh", os.X_OK)


def test_files_are_found_however_they_ask(tmp_path: Path) -> None:
    """Each way to import it, and as a control names that only begin so, or stand in a text."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    found = [
        "import soak\n",
        "from soak import times\n",
        "def f():\n    import soak\n",
        "import soak  # why\n",
    ]
    passed = ["import soaking\n", "from soaked import x\n", "SAID = 'import soak'\n", "# import soak\n"]
    (tmp_path / "tests" / "deeper").mkdir(parents=True)
    for number, text in enumerate(found + passed):
        (tmp_path / "tests" / "deeper" / f"test_{number}.py").write_text(text)
    expected = [f"tests/deeper/test_{number}.py" for number in range(len(found))]
    (command,) = dry("faults", tmp_path)
    assert sorted(set(command[6:]) - {ALWAYS}) == expected
    for number, text in enumerate(found + passed):
        assert asks(tmp_path / "tests" / "deeper" / f"test_{number}.py") == (text in found)


@pytest.mark.parametrize(("setting", "size"), [("1", "1000"), ("0", "30"), (None, "30")])
def test_the_setting_chooses_the_size(setting: str | None, size: str) -> None:
    """That of the command: what it sets is what `tests/soak.py` reads."""
    (command,) = dry("faults")
    name = command[0].partition("=")[0]
    environment = {key: value for key, value in os.environ.items() if key != name}
    environment |= {} if setting is None else {name: setting}
    words = [sys.executable, "-c", "import soak; print(soak.times(30, 1000))"]
    done = subprocess.run(
        words, cwd=ROOT / "tests", env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [size]
