"""Generated modules: written once, imported once, by however many threads and processes."""

import os
import stat
import subprocess
import sys
import threading

import pytest

from fluctua.stochastic import compiling

SIMPLE = '"""A module."""\nVALUE = 3\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FLUCTUA_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_a_text_is_written_once_and_readable_by_others(folder):
    text = SIMPLE + f"# {folder}\n"
    assert compiling.load(text, "test").VALUE == 3
    (path,) = folder.glob("fluctua_test_*.py")
    assert path.read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert not list(folder.glob("*.tmp"))


def test_another_text_is_another_module(folder):
    one, other = (compiling.load(SIMPLE + f"# {folder} {k}\n", "test") for k in (1, 2))
    assert one is not other
    assert one is compiling.load(SIMPLE + f"# {folder} 1\n", "test")


def test_threads_never_meet_a_half_made_module(folder):
    text = f"# {folder}\nimport time\ntotal = sum(range(10**6))\nkernel = 7\n"
    seen = []
    threads = [
        threading.Thread(target=lambda: seen.append(compiling.load(text, "slow").kernel)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [7] * 8


def test_without_a_writable_folder_kernels_go_to_a_temporary_one(tmp_path):
    home = tmp_path / "home"
    home.write_text("a file, where a folder would have to be")
    code = "from fluctua.stochastic import compiling; print(compiling.cache_folder())"
    env = {k: v for k, v in os.environ.items() if k != "FLUCTUA_CACHE_DIR"} | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home),
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert "fluctua-" in done.stdout
    assert "set FLUCTUA_CACHE_DIR" in done.stderr


def test_importing_the_package_compiles_nothing():
    code = "import sys, fluctua.stochastic.propagator; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_no_kernel_option_may_change_the_bits():
    """The only file that spells compiler options spells none that does."""
    text = (compiling._HERE / "compiling.py").read_text().replace("no ``fastmath``", "")
    assert "fastmath" not in text
    assert "parallel=" not in text


def test_file_systems_without_hard_links_will_do(folder, monkeypatch):
    def refuse(*_names):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert compiling.load(SIMPLE + f"# {folder} unlinked\n", "test").VALUE == 3
    assert not list(folder.glob("*.tmp"))
