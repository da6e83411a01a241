"""What ends a command from outside: each signal in one line, with what stands and how to go on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fluctua import cli
from fluctua.stopping import HEARD, stoppable

MANY = ["small.toml", "--out", "runs/a", "--trajectories", "100_000_000", "--threads", "1"]
AGAIN = "whole parts are kept in runs/a; to go on: fluctua resume runs/a --threads 1"
pytestmark = pytest.mark.usefixtures("spec_file")


@pytest.fixture(autouse=True)
def as_a_terminal_does():
    """Let signals do what they do by default, also where the tests themselves run under nohup."""
    before = [(number, signal.signal(number, signal.SIG_DFL)) for number in HEARD]
    yield
    for number, handler in before:
        signal.signal(number, handler)


def ended_by(number, *words, before=""):
    """Begin a long run in a process of its own, and send it a signal when its first part is there."""
    # A shell's background jobs ignore Ctrl-C, and so would what they start: listen to it again.
    listen = f"import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); {before}"
    program = f"{listen}\nfrom fluctua.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "run", *MANY, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not list(Path().glob("runs/a/parts/*.parquet")):
            pass
        process.send_signal(number)
        return process, *process.communicate()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow)]
)
def test_a_batch_system_and_a_closed_terminal_stop_as_ctrl_c_does(number, code):
    name = number.name
    process, out, err = ended_by(number, "--json")
    assert (process.returncode, err) == (code, f"interrupted ({name}): {AGAIN}\n")
    error = json.loads(out)["error"]
    assert error == {"what": f"interrupted ({name})", "where": "", "remedy": AGAIN, "exit_code": code}
    assert f"interrupted ({name}), " in Path("runs/a/log.txt").read_text()
    assert not Path("runs/a/_tmp").exists()


@pytest.mark.slow
def test_nohup_is_left_alone():
    """What is ignored stays so: the run goes on, and only the next signal ends it."""
    deaf = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    hup_first = "import os, threading; threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGHUP)).start()"
    process, _, err = ended_by(signal.SIGTERM, before=f"{deaf}; {hup_first}")
    assert (process.returncode, err) == (143, f"interrupted (SIGTERM): {AGAIN}\n")


def test_a_terminal_that_is_gone_changes_no_exit_code():
    """/dev/full refuses every byte, as a closed terminal does."""
    program = (
        "import os, signal, sys; from fluctua import cli, inspection\n"
        "inspection.COMMANDS = (inspection.COMMANDS[0]._replace(run=lambda _: signal.raise_signal(15)),)\n"
        "sys.exit(cli.main())"
    )
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-c", program, "inspect", "a", "--json"]
        done = subprocess.run(command, stdout=full, stderr=full, check=False)
    assert done.returncode == 143


@pytest.mark.parametrize("number", HEARD)
def test_signals_are_given_back(number):
    before = signal.getsignal(number)
    with stoppable(True) as stop:
        assert signal.getsignal(number) == stop.hear
        with pytest.raises(KeyboardInterrupt, match=number.name):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)  # a second one does not disturb the tidying up
    assert signal.getsignal(number) == before
    assert (stop.name, stop.exit_code) == (f"interrupted ({number.name})", 128 + number)


def test_signals_of_others_are_left_alone(typed, monkeypatch):
    """In a library's process, and where they are ignored."""
    with stoppable(False):
        assert [signal.getsignal(number) for number in HEARD] == [signal.SIG_DFL] * 2
    seen = []
    monkeypatch.setattr(cli, "stoppable", lambda ours: seen.append(ours) or stoppable(ours))
    typed("--version")
    assert seen == [False]
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable(True):
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
