"""What tests of the command line share: a small spec, typing a command, putting another behind its name."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluctua import cli
from fluctua.ensembles.spec import EnsembleSpec

SMALL = """
trajectories = 500
time_step = 0.05
seed = 1

[system]
kind = "Potential"
energy = "k/2 * x**2"
coordinates = ["x"]
controls = ["k"]

[dynamics]
kind = "Overdamped"
friction = 1.0

[protocol]
beta = 1.0
steps = [{ kind = "Isothermal", duration = 1.0, k = [1.0, 1.5] }]
"""


@pytest.fixture(scope="module", autouse=True)
def _disks_at_once() -> Iterator[None]:
    """Wait for no disk in this process: thousands of files. What syncs, and when, the fault tests see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # a descriptor that is none is still an error
        yield


@pytest.fixture(scope="session")
def small_spec():
    """Return that spec."""
    return EnsembleSpec.from_table(tomllib.loads(SMALL))


@pytest.fixture
def spec_file(tmp_path, monkeypatch):
    """Stand beside a small spec in an otherwise empty folder."""
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL)
    return "small.toml"


@pytest.fixture
def typed(capsys):
    """Run a command line in this process: exit code, stdout, stderr."""

    def run(*words):
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as left:
            code = left.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def instead(monkeypatch):
    """Let a command do something else."""

    def put(name, function):
        commands = [one._replace(run=function) if one.name == name else one for one in cli.commands()]
        monkeypatch.setattr(cli, "commands", lambda: commands)

    return put
