"""Imports run to the left only: stochastic <- ensembles <- analysis <- validation <- interface."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ["stochastic", "ensembles", "analysis", "validation", "interface"]
FILES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]


def layer_of(module):
    """Return the layer of a module, None for another library; what is directly in `fluctua` is the face."""
    words = module.split(".")
    if words[0] != "fluctua":
        return words[0] if words[0] in LAYERS else None
    return words[1] if len(words) > 1 and words[1] in LAYERS else "interface"


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "code says `from fluctua.stochastic...`, never a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def upward(layer, tree):
    found = [name for name in imported(tree) if layer_of(name) is not None]
    return [name for name in found if LAYERS.index(layer_of(name)) > LAYERS.index(layer)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_to_the_left_only(path):
    tree = ast.parse(path.read_text())
    assert upward(path.relative_to(ROOT).parts[0], tree) == []
    bare = [name for name in imported(tree) if name.split(".")[0] in LAYERS]
    assert bare == [], "the installed name is fluctua.<layer>"


@pytest.mark.parametrize(
    "text",
    [
        "import fluctua",
        "from fluctua.analysis.crooks import bar",
        "def f():\n    import fluctua.ensembles.spec",
    ],
)
def test_an_upward_import_is_found(text):
    assert upward("stochastic", ast.parse(text)) != []


def test_no_folder_hides_the_installed_package():
    assert not (ROOT / "fluctua").exists()
