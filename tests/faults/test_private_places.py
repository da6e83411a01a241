"""Places that others may write into: the cache of kernels, whose files are executed, and temporary names."""

from __future__ import annotations

import os
import stat

import pytest

from fluctua.ensembles.disk import Disk
from fluctua.stochastic import compiling

HARM = "VALUE = 'planted'\n"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder that does not exist yet."""
    monkeypatch.setenv("FLUCTUA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compiling, "_private", {})
    return tmp_path / "cache"


def plant(folder, text):
    """Put another file in the place of the module that a text becomes."""
    (folder / f"fluctua_test_{compiling.digest(text)}.py").write_text(HARM)


def test_a_cache_folder_is_made_for_the_user_alone(cache):
    assert compiling.cache_folder() == cache
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o702])
def test_where_others_may_write_nothing_is_executed(cache, mode):
    text = f"VALUE = 'ours'  # {cache}\n"
    cache.mkdir()
    plant(cache, text)
    cache.chmod(mode)
    with pytest.warns(UserWarning, match="others may write into the cache folder"):
        private = compiling.cache_folder()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert private == compiling.cache_folder()  # said once, and the same from then on
    assert compiling.load(text, "test").VALUE == "ours"


def test_the_same_plant_in_a_private_folder_is_executed(cache):
    """The control: the danger is real, and only who may write into the folder keeps it away."""
    text = f"VALUE = 'ours'  # {cache} private\n"
    cache.mkdir(mode=0o700)
    plant(cache, text)
    assert compiling.load(text, "test").VALUE == "planted"


def test_machine_code_that_others_may_change_is_not_used(cache):
    (cache / "__pycache__").mkdir(parents=True)
    cache.chmod(0o755)
    (cache / "__pycache__").chmod(0o777)
    with pytest.warns(UserWarning, match="others may write"):
        assert compiling.cache_folder() != cache


def test_a_folder_of_somebody_else_is_not_used(cache, monkeypatch):
    cache.mkdir(mode=0o755)
    os.chown(cache, 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.warns(UserWarning, match="others may write"):
        assert compiling.cache_folder() != cache


def test_a_new_file_follows_no_link_and_replaces_nothing(tmp_path):
    """A name that somebody has guessed and taken is refused, whatever stands there."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in ("link", "dangling", "file"):
        place = tmp_path / name
        place.write_text("") if name == "file" else place.symlink_to(victim if name == "link" else "nothing")
        with pytest.raises(FileExistsError):
            Disk().write(place, b"harm")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nothing").exists()


def test_links_and_pipes_are_not_read(tmp_path):
    (tmp_path / "file").write_bytes(b"sound")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    assert Disk().read(tmp_path / "file") == b"sound"
    for name in ("link", "pipe"):
        with pytest.raises(OSError, match=r"not a file|symbolic links"):
            Disk().read(tmp_path / name)
