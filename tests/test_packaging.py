"""What is listed by hand in pyproject.toml agrees with what is there."""

import re
import tomllib
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = PROJECT["tool"]["setuptools"]["package-dir"]


def installed_name(folder):
    """Return the package that a folder installs as: stochastic/systems is fluctua.stochastic.systems."""
    names = {path: name for name, path in FOLDERS.items()}
    first, *rest = folder.relative_to(ROOT).parts
    return ".".join([names[first], *rest])


def files_of_packages():
    return [
        path
        for top in FOLDERS.values()
        for path in (ROOT / top).rglob("*")
        if "__pycache__" not in path.parts
    ]


def test_every_package_is_listed():
    found = {installed_name(path.parent) for path in files_of_packages() if path.name == "__init__.py"}
    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


def test_every_other_file_is_shipped():
    shipped = PROJECT["tool"]["setuptools"]["package-data"]
    for path in files_of_packages():
        if path.is_file() and path.suffix != ".py":
            patterns = shipped.get(installed_name(path.parent), [])
            assert any(fnmatch(path.name, pattern) for pattern in patterns), path


def test_there_is_one_version():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert cited == PROJECT["project"]["version"] == version("fluctua")
    assert f"\n## {cited}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_dependency_is_explained():
    told = (ROOT / "CONTRIBUTING.md").read_text()
    extras = PROJECT["project"]["optional-dependencies"]
    needed = [*PROJECT["project"]["dependencies"], *(one for extra in extras.values() for one in extra)]
    for requirement in needed:
        assert re.search(rf"^\|.*\b{re.split('[<>=]', requirement)[0]}\b.*\|$", told, re.MULTILINE), (
            requirement
        )
