"""What all tests share: pictures without a screen, fixed examples from hypothesis, a browser, a tally."""

import os
import shutil
import subprocess

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads would fight over the processors
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture
def browser(tmp_path):
    """Give a function that opens a page in headless Chromium and returns what the command says.

    Asked for the console, it gives instead what the page's console says.
    """
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium here: the report was not opened in a browser")
    quiet = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
    ]
    start = [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", *quiet]

    def show(page, *options, console=False):
        profile = tmp_path / f"profile{len(os.listdir(tmp_path))}"
        log = ["--enable-logging=stderr"] if console else []
        command = [*start, *log, f"--user-data-dir={profile}", *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return [line for line in done.stderr.splitlines() if "CONSOLE" in line] if console else done.stdout

    return show


_TALLY = pytest.StashKey[list]()


@pytest.fixture(scope="session")
def tally(request):
    """Give a function that counts faults: how many were tried, and how many ended as they should.

    It fails the test where the two differ; the table of all of them stands at the end of the test run.
    """
    counted = request.config.stash.setdefault(_TALLY, [])

    def count(fault, passed, tried):
        counted.append((fault, passed, tried))
        assert passed == tried, f"{fault}: {passed:,} of {tried:,}"

    return count


def pytest_sessionfinish(session):
    """Send what a worker of pytest-xdist has counted to the process that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tally"] = session.config.stash.get(_TALLY, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Receive what a worker has counted; one that broke off has sent nothing."""
    node.config.stash.setdefault(_TALLY, []).extend(getattr(node, "workeroutput", {}).get("tally", []))


def pytest_terminal_summary(terminalreporter, config):
    """Print how many faults of each kind were tried."""
    counted = config.stash.get(_TALLY, [])
    if counted:
        terminalreporter.section("faults: passed / tried")
    for fault, passed, tried in counted:
        terminalreporter.write_line(f"{passed:>9,} / {tried:<9,} {fault}")
