"""From text to machine code: the only file that spells compiler options.

A kernel is a small module of plain Python, written once into a cache folder under the digest of its whole
text (helpers included) and compiled there, so that it is inlined, cached across processes and correct after
any edit. Nothing is compiled when the package is imported.

The options are part of the promise of equal bits: no ``fastmath``, fused multiply-adds only where the text
says ``fma``, division and square root as IEEE 754 has them (``error_model="numpy"``: no branch on a zero
divisor).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import stat
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from fluctua.stochastic.errors import StorageError

# Kernels work on arrays that they are given; not to count references saves a part of the compile time.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
# Nobody calls a part of a kernel from Python, so it needs no entry of its own.
_INSIDE: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
PADDING = 8  # a row pitch that is a power of two would put all rows into one cache set

_HERE = Path(__file__).parent
_LOCK = threading.RLock()


def lane(function: Callable[..., Any]) -> Any:
    """Compile a function that is inlined where it is called: what a lane loop needs to become vector code.

    It has no entry from Python: to call it there ends the process.
    """
    from numba import njit

    return njit(function, forceinline=True, **_OPTIONS, **_INSIDE)


def part(function: Callable[..., Any]) -> Any:
    """Put a function's text into the kernel that calls it, before types are known.

    What is called once, with many arrays, takes half the time to compile that it takes as a `lane` function.
    """
    from numba import njit

    return njit(function, inline="always", **_OPTIONS, **_INSIDE)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that works on a block without the interpreter lock and is cached on disk."""
    from numba import njit

    return njit(function, nogil=True, cache=True, **_OPTIONS)


def allocating(function: Callable[..., Any]) -> Any:
    """Compile a kernel that makes arrays of its own, for which references are counted."""
    from numba import njit

    return njit(function, nogil=True, cache=True, error_model="numpy")


def compile_kernel(function: Any, signature: Any) -> None:
    """Compile a kernel for one signature, text or Numba types, or load what an earlier process compiled.

    Level 2 compiles in half the time of level 3 and gives the same speed and the same bits.
    """
    with _LOCK, _optimisation_level(2):
        function.compile(signature)


def one_at_a_time() -> threading.RLock:
    """Give the lock of writing and compiling: parsing in two threads at once breaks CPython 3.11."""
    return _LOCK


@contextmanager
def _optimisation_level(level: int) -> Iterator[None]:
    config: Any = importlib.import_module("numba.core.config")  # names set at run time: no types
    before = config.OPT
    config.OPT = config._OptLevel(level)
    try:
        yield
    finally:
        config.OPT = before


def load(text: str, name: str) -> ModuleType:
    """Import the module with this text from the cache folder, writing it there first if it is new.

    Registered only once it has run: another thread must never meet a half-made module.
    """
    module_name = f"fluctua_{name}_{digest(text)}"
    with _LOCK:
        if module_name in sys.modules:
            return sys.modules[module_name]
        path = cache_folder() / f"{module_name}.py"
        if not path.exists():
            _publish(path, text)
        found = importlib.util.spec_from_file_location(module_name, path)
        if found is None or found.loader is None:
            raise ImportError(f"cannot import {path}")
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        sys.modules[module_name] = module
        return module


def digest(text: str) -> str:
    """Give the name of a text: the first 16 digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _publish(path: Path, text: str) -> None:
    """Put the text at its path, whole and once: Numba throws its cache away when a file's time changes.

    By a hard link, which never replaces; where a file system has none, by a rename.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass  # another process was first, with the same text
        except OSError:
            os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


_folder: Path | None = None
_private: dict[Path, Path] = {}  # what stands in for a folder that others may write into


def cache_folder() -> Path:
    """Give the folder of kernels: $FLUCTUA_CACHE_DIR, else the user's cache, else a temporary one.

    What lies there is executed. So a folder of somebody else, or one that others may write into, is not
    used: a private one takes its place, and a warning says so.
    """
    global _folder
    asked = os.environ.get("FLUCTUA_CACHE_DIR")
    if asked:
        return _trusted(_asked_folder(Path(asked)))
    if _folder is None:
        _folder = _user_folder() or Path(tempfile.mkdtemp(prefix="fluctua-"))
    return _trusted(_folder)


def _asked_folder(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        place = f"FLUCTUA_CACHE_DIR={folder}"
        remedy = "set it to a folder that can be written"
        raise StorageError(error.strerror or str(error), place, remedy) from None
    return folder


def _user_folder() -> Path | None:
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("fluctua", appauthor=False)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        warnings.warn(
            "no writable cache folder, so kernels are compiled anew each time: set FLUCTUA_CACHE_DIR",
            stacklevel=2,
        )
        return None


def _trusted(folder: Path) -> Path:
    """Give the folder, or a private one in its place if others may put code into it."""
    if folder in _private:
        return _private[folder]
    if _is_private(folder) and _is_private(folder / "__pycache__"):  # where Numba keeps machine code
        return folder
    warnings.warn(
        f"others may write into the cache folder {folder}, so kernels are compiled anew each time: "
        "chmod -R go-w, or set FLUCTUA_CACHE_DIR to a folder of your own",
        stacklevel=3,
    )
    _private[folder] = Path(tempfile.mkdtemp(prefix="fluctua-"))
    return _private[folder]


def _is_private(folder: Path) -> bool:
    """Tell whether only this user, or root, can change what lies in a folder; a missing one holds nothing."""
    try:
        found = folder.stat()
    except OSError:
        return True
    return found.st_uid in (os.geteuid(), 0) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def kernel_text(name: str) -> str:
    """Read the text of `stochastic/kernels/<name>.py`."""
    return (_HERE / "kernels" / f"{name}.py").read_text()


def functions_of(text: str) -> list[str]:
    """Name the functions that a text defines at its top level."""
    return re.findall(r"^def (\w+)\(", text, flags=re.M)


def compiled_text(text: str, how: str, names: list[str]) -> str:
    """Append to a text the lines that compile the named functions."""
    lines = [f"{name} = {how}({name})" for name in names]
    return text + f"\nfrom fluctua.stochastic.compiling import {how}\n\n" + "\n".join(lines) + "\n"


def _with_intrinsics(text: str) -> str:
    """Exchange the import of NumPy twins for that of compiled building blocks, marked by their digest."""
    text = text.replace("from __future__ import annotations\n", "")
    text = text.replace("from fluctua.stochastic.twins import", "from fluctua.stochastic.intrinsics import")
    return f"# intrinsics {digest((_HERE / 'intrinsics.py').read_text())}\n{text}"


@cache
def lane_module() -> ModuleType:
    """Load the vector functions exp, log, sin, cos, tanh, compiled as lane functions."""
    text = (_HERE / "lanes.py").read_text()
    return load(compiled_text(_with_intrinsics(text), "lane", functions_of(text)), "lanes")


@cache
def noise_module(lanes: int = 128) -> ModuleType:
    """Load the random stream for blocks of `lanes` trajectories: `normals` and `coarse_normals`."""
    text, kernels = kernel_text("noise"), ["normals", "coarse_normals"]
    helpers = [name for name in functions_of(text) if name not in kernels]
    block = f"{_with_intrinsics(text)}\nB = {lanes}\nP = {lanes + PADDING}\n"
    return load(compiled_text(compiled_text(block, "lane", helpers), "kernel", kernels), "noise")


def kernel_module(
    path: Path, kernels: list[str], parts: list[str] | None = None, how: str = "kernel"
) -> ModuleType:
    """Load a text that stands by itself: the named functions as kernels or parts, all others as `lane`."""
    text = _with_intrinsics(path.read_text())
    for source, module in (("lanes", lane_module), ("kernels.noise", noise_module)):
        place = f"from fluctua.stochastic.{source} import"
        if place in text:
            text = text.replace(place, f"from {module().__name__} import")
    helpers = [name for name in functions_of(text) if name not in [*kernels, *(parts or ())]]
    text = compiled_text(text, "lane", helpers)
    text = compiled_text(text, "part", parts) if parts else text
    return load(compiled_text(text, how, kernels), path.stem)
