"""`fluctua.analysis` gives what it names, whichever of its modules was imported first."""

import subprocess
import sys

import fluctua.analysis


def test_every_name_is_what_takes_arrays_and_no_module():
    """A function may have the name of its module: then the function is what a user gets."""
    code = (
        "import pkgutil, importlib, types, fluctua.analysis as a\n"
        "for m in pkgutil.iter_modules(a.__path__): importlib.import_module(f'fluctua.analysis.{m.name}')\n"
        "print([n for n in a.__all__ if isinstance(getattr(a, n), types.ModuleType)])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    )
    assert found.stdout.strip() == "[]"


def test_a_misspelt_name_is_missed():
    assert not hasattr(fluctua.analysis, "free_energie")
