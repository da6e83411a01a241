"""What the fault tests share: a process from which others are forked, and disks that nobody waits for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from fluctua.ensembles import store

from faults.small_run import encode_once
from faults.zygote import Zygote


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """Give a process that has imported and compiled all, and makes others at once."""
    with Zygote(tmp_path_factory.mktemp("zygote")) as made:
        yield made


@pytest.fixture
def quick_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encode each table of the small run once, and do not wait for the disk."""
    monkeypatch.setattr(store, "encode", encode_once)
    monkeypatch.setattr(os, "fsync", lambda _: None)
