"""What tests of this folder share: disks that take no time."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _disks_at_once() -> Iterator[None]:
    """Wait for no disk in this process: thousands of files. What syncs, and when, the fault tests see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # a descriptor that is none is still an error
        yield
