"""The face: every name resolves, importing is cheap and leaves no bare package names behind."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fluctua

EVERYTHING = """
import importlib, pkgutil, sys, fluctua
for module in pkgutil.walk_packages(fluctua.__path__, "fluctua."):
    if module.name not in ("fluctua.__main__",) and not module.name.startswith("fluctua.stochastic.kernels."):
        importlib.import_module(module.name)
"""
LAYERS = {"stochastic", "ensembles", "analysis", "validation", "interface"}


def modules_after(program, directory):
    """Return the names in sys.modules after a program that ran in a fresh interpreter."""
    program += "\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=directory, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_everything_imports_under_its_one_name(pytestconfig):
    found = modules_after(EVERYTHING, pytestconfig.rootpath)
    assert LAYERS.isdisjoint(found)
    assert {f"fluctua.{layer}" for layer in LAYERS - {"interface"}} <= found


def test_a_bare_name_is_found(pytestconfig):
    assert "stochastic" in modules_after(
        "import sys; sys.path.insert(0, '.'); import stochastic", pytestconfig.rootpath
    )


def test_importing_the_face_imports_nothing_else(tmp_path):
    alone = modules_after("", tmp_path)
    added = modules_after("import fluctua", tmp_path) - alone
    assert {name for name in added if name.split(".")[0] == "fluctua"} == {"fluctua"}
    assert added.isdisjoint({"numpy", "numba", "scipy", "pandas", "pyarrow", "matplotlib"})


@pytest.mark.parametrize("name", [*fluctua.__all__, "open", "__version__"])
def test_every_public_name_resolves(name):
    assert name in dir(fluctua)
    assert getattr(fluctua, name) is not None


def test_a_misspelt_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Potenial'"):
        fluctua.Potenial  # noqa: B018


def test_open_is_not_exported():
    assert "open" not in fluctua.__all__
    assert sorted(fluctua.__all__, key=str.lower) == sorted(set(fluctua.__all__), key=str.lower)


def test_checkers_and_the_interpreter_see_the_same_names():
    tree = ast.parse(Path(fluctua.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    ours = {name: f"fluctua.{home}" for name, home in fluctua._HOME_OF.items()}
    assert seen == {**ours, "systems": "fluctua.stochastic"}
    assert set(seen) == {*fluctua.__all__, "open"}
